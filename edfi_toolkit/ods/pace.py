"""How many requests may be in flight, and when none may be sent.  No clock of its own: times are handed in."""

from __future__ import annotations

import random

from edfi_toolkit.ods.retry import RetryPolicy

# One failure slows down; from the third in a row, with no success between, all requests wait.
_PAUSE_FROM = 3
# Latency may double before more requests at once count as no gain.
_LATENCY_RISE = 2.0


class Pace:
    """Doubles per round of successes until the first failure or rise in latency, and halves whenever the server
    fails.  From then on it doubles up to where it failed last, and grows by one per round beyond: a failure that
    had nothing to do with our pace is soon made up for, and a lower limit is found in a few rounds.

    Requests that were in flight together meet one failure, not many: each carries the round it began
    in, and only the first of a round counts.
    """

    def __init__(self, ceiling: int, policy: RetryPolicy, chance: random.Random) -> None:
        self.ceiling, self._policy, self._chance = ceiling, policy, chance
        self.limit = float(min(4, ceiling))
        self.round = 0
        self.failures = 0
        self.resume_at = 0.0
        self._known = float("inf")  # the limit that held until the last failure
        self._usual_s = 0.0
        self._best_s = float("inf")

    @property
    def exhausted(self) -> bool:
        """Whether so many rounds in a row failed that the run should end."""
        return self.failures >= self._policy.rounds

    def succeeded(self, latency_s: float) -> None:
        """The server answered in good health."""
        self.failures = 0
        self._usual_s = latency_s if not self._usual_s else 0.9 * self._usual_s + 0.1 * latency_s
        self._best_s = min(self._best_s * 1.001, self._usual_s)  # forgets slowly: a server may become slower
        if self._usual_s > _LATENCY_RISE * self._best_s:
            self._known = min(self._known, self.limit)
        elif self.limit < self.ceiling:
            step = 1 if self.limit < self._known else 1 / self.limit
            self.limit = min(float(self.ceiling), self.limit + step)

    def failed(self, began_in: int, now: float, *, wait_s: float | None = None, counts: bool = True) -> None:
        """The server was busy, unavailable or silent; `wait_s` is what it asked for."""
        if began_in != self.round:
            return
        self.round += 1
        self._known = self.limit
        self.limit = max(1.0, self.limit / 2)
        if counts:
            self.failures += 1
            if self.failures >= _PAUSE_FROM:
                pause_s = self._policy.backoff_s(self.failures - _PAUSE_FROM + 1, self._chance)
                self.resume_at = max(self.resume_at, now + max(pause_s, wait_s or 0.0))

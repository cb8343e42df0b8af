"""When a run begins no further record: a stop was asked for, or its time or its requests are used up."""

from __future__ import annotations

import time
from collections.abc import Callable

from edfi_toolkit.errors import ConfigError


class Budget:
    """What one run may still spend. Records it has begun are finished all the same.

    max_seconds: from now on. max_requests: that may change the ODS, retries included. None: no limit.
    Raises ConfigError for a limit below 1.
    """

    def __init__(
        self,
        *,
        max_seconds: float | None = None,
        max_requests: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, limit in (("max_seconds", max_seconds), ("max_requests", max_requests)):
            if limit is not None and limit < 1:
                raise ConfigError(f"{name} must be 1 or more; give another limit or leave it out.")
        self.stopped, self._clock, self._max_requests = False, clock, max_requests
        self._ends_at = None if max_seconds is None else clock() + max_seconds

    def allows(self, requests: int) -> bool:
        """Whether another record may begin after so many requests; once it may not, none ever may."""
        late = self._ends_at is not None and self._clock() >= self._ends_at
        spent = self._max_requests is not None and requests >= self._max_requests
        self.stopped = self.stopped or late or spent
        return not self.stopped

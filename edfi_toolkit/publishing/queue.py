"""Which items of a plan are sent next: waves, linked pairs, and what a stop keeps back.  Pure.

1. Linked pairs first, then every POST, PUT and DELETE alone; one wave is through before the next begins.
2. The POST of a pair follows its delivered DELETE, before all else that waits (COM-KEY-3).
3. A stop keeps back what is not begun. A POST that completes a begun record leaves all the same: that of a pair whose
   DELETE was delivered, and that in place of a PUT whose record was missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence

from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.publishing.resume import State

Step = tuple[int, str]  # an item, by its position in the plan, and the verb it leaves with


class Queue:
    """What waits to be sent. post_of: the POST of each linked DELETE."""

    def __init__(self, actions: Sequence[str], post_of: Mapping[int, int], states: Sequence[State]) -> None:
        self._actions, self._post_of, self._states = actions, post_of, states
        self._linked_posts = frozenset(post_of.values())
        self._waiting: deque[Step] = deque()
        self._completing: set[int] = set()
        self._pairs_closed = False

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def waves(self) -> list[list[Step]]:
        """Everything there is to send."""
        deleted = [post for delete, post in self._post_of.items() if self._states[delete] is State.DONE]
        alone = [item for item in range(len(self._actions)) if not self._linked(item)]
        single = ([item for item in alone if self._actions[item] == verb] for verb in SENT)
        return [self._steps([*deleted, *self._post_of]), *map(self._steps, single)]

    def add(self, steps: Iterable[Step]) -> None:
        """Put steps behind all others."""
        self._waiting.extend(steps)

    def take(self, most: int, *, stopped: bool) -> list[Step]:
        """The next steps; what a stop keeps back is dropped."""
        if stopped or self._pairs_closed:
            self._waiting = deque(step for step in self._waiting if self.may_leave(step[0], stopped=stopped))
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def may_leave(self, item: int, *, stopped: bool) -> bool:
        """Whether an item may still be sent."""
        kept_back = stopped or (self._pairs_closed and item in self._post_of)
        return not kept_back or item in self._completing

    def post_after(self, delete: int) -> None:
        """A linked DELETE was delivered: its POST is next."""
        post = self._post_of[delete]
        self._completing.add(post)
        self._waiting.extendleft(self._steps([post]))

    def post_instead(self, item: int) -> None:
        """The record of a PUT was missing: the item is sent again as a POST (REC-P3)."""
        self._completing.add(item)
        self._waiting.append((item, "POST"))

    def close_pairs(self) -> None:
        """The ODS takes no POST of a pair any more, so no record is deleted for one."""
        self._pairs_closed = True

    def linked_post(self, item: int) -> bool:
        """Whether an item is the POST of a pair."""
        return item in self._linked_posts

    def _linked(self, item: int) -> bool:
        return item in self._linked_posts or item in self._post_of

    def _steps(self, items: Iterable[int]) -> list[Step]:
        """What of these items is to be sent, each with the verb it takes."""
        to_post = State.TO_POST
        return [
            (item, "POST" if self._states[item] is to_post else self._actions[item])
            for item in items
            if self._states[item] in (State.TO_DO, to_post)
        ]

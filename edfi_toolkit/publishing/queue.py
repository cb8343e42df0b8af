"""Which items of a plan are sent next: waves, linked pairs, and what a stop keeps back.  Pure.

1. Linked pairs first, then every POST, PUT and DELETE alone; one wave is through before the next begins.
2. The POST of a pair follows its delivered DELETE, before all else that waits (COM-KEY-3). Of each resource one pair is
   through before the others begin: where the login may not create its records, no more than one is deleted for nothing.
   A record that an earlier plan could not create goes before them, so that the next night does not delete another one.
3. A stop keeps back what is not begun. A POST that completes a begun record leaves all the same: that of a pair whose
   DELETE was delivered, and that in place of a PUT whose record was missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from edfi_toolkit.ods import Outcome
from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.publishing.resume import State

_OF_THE_RECORD = frozenset(
    {400, 404, 409, 412, 413, 422}
)  # answers about what was sent; another may be taken

Step = tuple[int, str]  # an item, by its position in the plan, and the verb it leaves with


class Queue:
    """What waits to be sent.

    resources: of each item. post_of: the POST of each linked DELETE. again: what was sent by an earlier plan, in vain.
    """

    def __init__(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        post_of: Mapping[int, int],
        states: Sequence[State],
        again: Collection[int] = (),
    ) -> None:
        self._actions, self._resources, self._post_of, self._states = actions, resources, post_of, states
        self._linked_posts = frozenset(post_of.values())
        self._of_pairs = frozenset(resources[delete] for delete in post_of)
        alone = (item for item in again if actions[item] == "POST" and not self._linked(item))
        self._again = frozenset(item for item in alone if resources[item] in self._of_pairs)
        self._waiting: deque[Step] = deque()
        self._completing: set[int] = set()
        self._taken = set[str]()  # resources of which a POST was delivered
        self._closed = set[str]()  # those of which no pair begins any more

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def waves(self) -> list[list[Step]]:
        """Everything there is to send."""
        deleted = [post for delete, post in self._post_of.items() if self._states[delete] is State.DONE]
        left = [delete for delete in self._post_of if self._states[delete] is State.TO_DO]
        first = {self._resources[delete]: delete for delete in reversed(left)}.values()
        others = [delete for delete in left if delete not in first]
        alone = [i for i in range(len(self._actions)) if i not in self._again and not self._linked(i)]
        single = ([item for item in alone if self._actions[item] == verb] for verb in SENT)
        return [self._steps(wave) for wave in (deleted, sorted(self._again), first, others, *single)]

    def add(self, steps: Iterable[Step]) -> None:
        """Put steps behind all others."""
        self._waiting.extend(steps)

    def take(self, most: int, *, stopped: bool) -> list[Step]:
        """The next steps; what a stop keeps back is dropped."""
        if stopped or self._closed:
            self._waiting = deque(step for step in self._waiting if self.may_leave(step[0], stopped=stopped))
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def may_leave(self, item: int, *, stopped: bool) -> bool:
        """Whether an item may still be sent."""
        kept_back = stopped or (item in self._post_of and self._resources[item] in self._closed)
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

    def ended(self, post: int, outcome: Outcome) -> None:
        """Where the ODS takes no POST that is before the pairs, lets the login create none, or has an error of its own,
        no record is deleted for one."""
        if post not in self._linked_posts and post not in self._again:
            return
        resource = self._resources[post]
        if outcome.outcome == "delivered":
            self._taken.add(resource)
        elif outcome.attempts == 0:  # the client sends no more
            self._closed.update(self._of_pairs)
        elif resource not in self._taken and outcome.status not in _OF_THE_RECORD:
            self._closed.add(resource)

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

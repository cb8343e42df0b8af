"""Which items of a plan are sent next: waves, linked pairs, and what a stop keeps back.  Pure.

1. Linked pairs first, then every POST, PUT and DELETE alone; one wave is through before the next begins.
2. The POST of a pair follows its delivered DELETE, before all else that waits (COM-KEY-3). Until a POST of a resource
   was delivered, its pairs begin one by one, and none after an answer that is not about the record: where the login may
   not create records, no more than one is deleted for nothing. Where such a one still waits, the other POSTs of its
   resource go first, and no pair begins before one of them was delivered.
3. A stop keeps back what is not begun. A POST that completes a begun record leaves all the same: that of a pair whose
   DELETE was delivered, and that in place of a PUT whose record was missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from edfi_toolkit.ods import Outcome
from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.publishing.resume import State

# Answers about the record that was sent; another record may be taken.
ABOUT_THE_RECORD = frozenset({400, 404, 409, 412, 413, 422})

Step = tuple[int, str]  # an item, by its position in the plan, and the verb it leaves with


class Queue:
    """What waits to be sent.

    resources: of each item. post_of: the POST of each linked DELETE. doubted: resources of which a deleted record waits
    to be created.
    """

    def __init__(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        post_of: Mapping[int, int],
        states: Sequence[State],
        doubted: Collection[str] = (),
    ) -> None:
        self._actions, self._resources, self._post_of, self._states = actions, resources, post_of, states
        self._delete_of = {post: delete for delete, post in post_of.items()}
        self._waiting: deque[Step] = deque()
        self._completing: set[int] = set()  # POSTs of begun records: a stop does not keep them back
        self._pairs: dict[str, deque[int]] = {}  # DELETEs that are not begun, by resource
        for delete in post_of:
            if states[delete] is State.TO_DO:
                self._pairs.setdefault(resources[delete], deque()).append(delete)
        first = self._pairs.keys() & doubted
        self._first = frozenset(  # POSTs that go before the pairs of their resource
            item
            for item, action in enumerate(actions if first else ())
            if action == "POST" and item not in self._delete_of and resources[item] in first
        )
        self._trial = dict[str, int]()  # by resource, the pair that goes ahead of the others
        self._took_a_post = set[str]()  # resources
        self._begins_no_pair = set(first)  # resources

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def waves(self) -> Iterator[list[Step]]:
        """Everything there is to send; a wave is what may be sent once the one before it is through."""
        yield self._steps(
            post for delete, post in self._post_of.items() if self._states[delete] is State.DONE
        )
        yield self._steps(sorted(self._first))
        yield self._steps([delete for resource in self._pairs for delete in self._next_pairs(resource)])
        placed = self._first | self._post_of.keys() | self._delete_of.keys()
        alone = [item for item in range(len(self._actions)) if item not in placed]
        for verb in SENT:
            yield self._steps(item for item in alone if self._actions[item] == verb)

    def _next_pairs(self, resource: str) -> list[int]:
        """The DELETEs of the pairs of a resource that may begin now."""
        left = self._pairs.get(resource, deque())
        if resource in self._took_a_post:
            self._pairs[resource] = deque()
            return list(left)
        if resource in self._begins_no_pair or not left:
            return []
        self._trial[resource] = left.popleft()
        return [self._trial[resource]]

    def add(self, steps: Iterable[Step]) -> None:
        """Put steps behind all others."""
        self._waiting.extend(steps)

    def take(self, most: int, *, stopped: bool) -> list[Step]:
        """The next steps; what a stop keeps back is dropped."""
        if stopped or self._begins_no_pair:
            self._waiting = deque(step for step in self._waiting if self.may_leave(step[0], stopped=stopped))
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]

    def may_leave(self, item: int, *, stopped: bool) -> bool:
        """Whether an item may still be sent."""
        kept_back = stopped or (item in self._post_of and self._resources[item] in self._begins_no_pair)
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

    def learn_from(self, item: int, outcome: Outcome) -> None:
        """What the answer to an item means for the pairs of its resource."""
        delete = self._delete_of.get(item, item)
        if delete not in self._post_of and item not in self._first:
            return
        resource, delivered = self._resources[item], outcome.outcome == "delivered"
        if delivered and item in self._post_of:
            return  # its POST shows more
        if delivered:
            self._took_a_post.add(resource)
            self._begins_no_pair.discard(resource)
        elif outcome.attempts == 0 or outcome.status not in ABOUT_THE_RECORD:
            self._begins_no_pair.update({resource} - self._took_a_post)
        if resource in self._trial and (delivered or self._trial[resource] == delete):
            self.add(self._steps(self._next_pairs(resource)))

    def is_linked_post(self, item: int) -> bool:
        """Whether an item is the POST of a pair."""
        return item in self._delete_of

    def _steps(self, items: Iterable[int]) -> list[Step]:
        """What of these items is to be sent, each with the verb it takes."""
        to_post = State.TO_POST
        return [
            (item, "POST" if self._states[item] is to_post else self._actions[item])
            for item in items
            if self._states[item] in (State.TO_DO, to_post)
        ]

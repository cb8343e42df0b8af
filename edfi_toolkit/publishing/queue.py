"""Which items of a plan are sent next: waves, linked pairs, and what a stop keeps back.  Pure.

1. Linked pairs first, then every POST, PUT and DELETE alone; one wave is through before the next begins.
2. The POST of a pair follows its delivered DELETE, before all else that waits (COM-KEY-3). Of each resource one pair is
   through before the others begin: where the login may not create its records, no more than one is deleted for nothing.
   Where a refusal of the resource is open, its other POSTs go before them: the next night does not delete another one.
3. A stop keeps back what is not begun. A POST that completes a begun record leaves all the same: that of a pair whose
   DELETE was delivered, and that in place of a PUT whose record was missing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence

from edfi_toolkit.ods import Outcome
from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.publishing.resume import State

# Answers about the record that was sent; another record may be taken.
_ABOUT_THE_RECORD = frozenset({400, 404, 409, 412, 413, 422})

Step = tuple[int, str]  # an item, by its position in the plan, and the verb it leaves with


class Queue:
    """What waits to be sent.

    resources: of each item. post_of: the POST of each linked DELETE. refused: resources with a refusal that is open.
    """

    def __init__(
        self,
        actions: Sequence[str],
        resources: Sequence[str],
        post_of: Mapping[int, int],
        states: Sequence[State],
        refused: Collection[str] = (),
    ) -> None:
        self._actions, self._resources, self._post_of, self._states = actions, resources, post_of, states
        self._linked_posts = frozenset(post_of.values())
        self._linked = self._linked_posts | post_of.keys()
        self._resources_of_pairs = frozenset(resources[delete] for delete in post_of)
        doubted = self._resources_of_pairs.intersection(refused)
        self._before_the_pairs = frozenset(
            item
            for item, action in enumerate(actions if doubted else ())
            if action == "POST" and item not in self._linked and resources[item] in doubted
        )
        self._waiting: deque[Step] = deque()
        self._completing: set[int] = set()  # POSTs of begun records: a stop does not keep them back
        self._took_a_post = set[str]()  # resources
        self._begins_no_pair = set[str]()  # resources

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def waves(self) -> list[list[Step]]:
        """Everything there is to send."""
        begun = [post for delete, post in self._post_of.items() if self._states[delete] is State.DONE]
        deletes = [delete for delete in self._post_of if self._states[delete] is State.TO_DO]
        first = {self._resources[delete]: delete for delete in reversed(deletes)}.values()
        others = [delete for delete in deletes if delete not in first]
        placed = self._linked | self._before_the_pairs
        alone = [item for item in range(len(self._actions)) if item not in placed]
        by_verb = ([item for item in alone if self._actions[item] == verb] for verb in SENT)
        waves = (begun, sorted(self._before_the_pairs), first, others, *by_verb)
        return [self._steps(wave) for wave in waves]

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

    def learn_from(self, post: int, outcome: Outcome) -> None:
        """No pair of a resource begins any more where the ODS lets the login create no record of it or has an error of
        its own; none at all where nothing was sent. Only the POSTs of pairs, and those before them, show it."""
        if post not in self._linked_posts and post not in self._before_the_pairs:
            return
        resource = self._resources[post]
        if outcome.outcome == "delivered":
            self._took_a_post.add(resource)
        elif outcome.attempts == 0:  # the client sends no more
            self._begins_no_pair.update(self._resources_of_pairs)
        elif resource not in self._took_a_post and outcome.status not in _ABOUT_THE_RECORD:
            self._begins_no_pair.add(resource)

    def is_linked_post(self, item: int) -> bool:
        """Whether an item is the POST of a pair."""
        return item in self._linked_posts

    def _steps(self, items: Iterable[int]) -> list[Step]:
        """What of these items is to be sent, each with the verb it takes."""
        to_post = State.TO_POST
        return [
            (item, "POST" if self._states[item] is to_post else self._actions[item])
            for item in items
            if self._states[item] in (State.TO_DO, to_post)
        ]

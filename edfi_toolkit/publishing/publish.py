"""Carry out an approved plan: its items, in its order, each accounted for. Safe to kill and run again.

1. Nothing leaves before the plan was approved, its breaches answered for, and found to hold against the
   ledger.
2. What a crashed run left unsure is looked up first: adopted when it arrived, sent again when it did not.
3. The POST of a pair leaves after its DELETE was delivered; if it fails, the pair is pending and the next
   plan, which finds no identity, posts it again.
4. Asked to stop, it begins no further record and finishes those it has begun, unless the ODS lets it wait;
   publishing again resumes.
"""

from __future__ import annotations

import os
from collections import Counter, deque
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import ExitStack, closing
from dataclasses import replace
from typing import Any

import pandas as pd

from edfi_toolkit.display.progress import Progress
from edfi_toolkit.errors import LedgerError, OdsError, StalePlan
from edfi_toolkit.ledger.journal import Intent, Journal, MapKey, Mapped, Past, Settled
from edfi_toolkit.ledger.ledger import Ledger
from edfi_toolkit.model.frames import as_list
from edfi_toolkit.model.keys import key_hashes, key_rows
from edfi_toolkit.ods import Client, Outcome, Write
from edfi_toolkit.planning.guardrails import overrides_for
from edfi_toolkit.planning.plan import Plan, fingerprint_of
from edfi_toolkit.publishing.limits import Budget
from edfi_toolkit.publishing.results import result_of
from edfi_toolkit.publishing.resume import Standing, standings
from edfi_toolkit.publishing.unsettled import client_of, ledger_of, look, look_up_unsure
from edfi_toolkit.settings import Target

CHUNK = 100  # intents per commit, for every 32 in flight: what a crash may leave unsure, and one fsync
_SENT = ("POST", "PUT", "DELETE")


def publish(
    plan: Plan,
    *,
    target: str | Target | Client,
    ledger: str | os.PathLike[str] | Ledger,
    approved: str,
    overrides: Iterable[Any] = (),
    run_id: str | None = None,
    progress: Progress | None = None,
    max_seconds: float | None = None,
    max_requests: int | None = None,
) -> pd.DataFrame:
    """Carry out a plan and return one row per item (RESULT_COLUMNS).

    target: a name in the settings, a Target, or an open Client. ledger: a path, a database URL or an open
        Ledger.
    approved: the plan's fingerprint, or "auto". overrides: for each breach one person who answers for it.
    run_id: the run to write under; None resumes the unended run of this plan, or starts one.
    progress: called with items done, items to send, and counts by outcome; False stops before the next
        record. What was not sent by then is `pending` with 0 attempts.
    max_seconds, max_requests: the run stops likewise when so much time has passed, or so many writes were sent.
    Publishing the same plan again resumes it: what it delivered counts as done and is not sent again.
    Raises UnsafePlan, StalePlan and, for a target of another school year, ConfigError before anything is
    sent, LedgerBusy when another run of the feed is at work, and OdsUnavailable or OdsRefusedLogin when the
    target is away; what is settled by then stays settled.
    """
    plan = plan.with_true_hashes()  # whatever was changed since it was shown makes it another plan
    fingerprint = fingerprint_of(plan)
    if approved not in ("auto", fingerprint):
        raise StalePlan(
            "Another plan was approved than this one; nothing was sent. Preview again and approve that."
        )
    said = plan.findings.drop_duplicates("code").set_index("code")["says"]
    answered = overrides_for(plan.breaches, overrides, says=said.to_dict())
    budget = Budget(max_seconds=max_seconds, max_requests=max_requests)
    with ExitStack() as stack:
        client, book = client_of(target, stack), ledger_of(ledger, stack)
        client.target.check_year(plan.scope.school_year)
        feed = book.feed(client.target.identity, plan.scope.profile, plan.scope.source)
        stack.enter_context(book.exclusive(feed))
        journal = Journal(book, feed, plan.scope.school_year)
        recovered = look_up_unsure(client, journal)
        past = journal.past(fingerprint)
        identities = journal.identities(plan.scope.resources)
        where, unknown = standings(plan, identities, past, recovered)
        moved = where.count(Standing.MOVED) + unknown
        if moved:
            raise StalePlan(
                f"{moved} records have changed in the ledger since this plan was made; nothing was sent. "
                "Plan again."
            )
        journal.begin(run_id, fingerprint, plan.mode, [(each.breach, each.person) for each in answered])
        return _Publishing(plan, client, journal, where, past, identities, progress, budget).run()


class _Publishing:
    """One plan on its way. Items are named by their position in the plan."""

    def __init__(
        self,
        plan: Plan,
        client: Client,
        journal: Journal,
        where: list[Standing],
        past: dict[int, Past],
        identities: Mapping[MapKey, Mapped],
        progress: Progress | None,
        budget: Budget,
    ) -> None:
        self._plan, self._client, self._journal = plan, client, journal
        self._where, self._past, self._known = where, past, identities
        self._progress, self._budget = progress, budget
        self._chunk = CHUNK * max(1, client.target.concurrency // 32)
        items = plan.items
        self._actions, self._ids, self._etags = (
            as_list(items[name]) for name in ("action", "ed_fi_id", "etag")
        )
        self._bodies, self._hashes = items["body"].tolist(), as_list(items["body_hash"])
        self._refs, self._rules = items["source_refs"].tolist(), items["rules"].tolist()
        self._keys = key_rows(items)
        linked = items["pair"].notna()
        self._post_of = dict(
            zip(
                items.index[linked & items["action"].eq("DELETE")],
                items.index[linked & items["action"].eq("POST")],
                strict=True,
            )
        )
        self._linked_posts = set(self._post_of.values())
        self._results: dict[int, Settled] = {}
        self._requests: Counter[int] = Counter()
        self._sent = 0
        self._hurried = False  # asked to stop while answers kept one waiting
        self._pairs_closed = False  # the ODS takes no POST of such a record any more: delete none for it
        self._fresh: list[Settled] = []
        self._intents: dict[int, Intent] = {}
        self._counts: Counter[str] = Counter()
        self._begun: set[int] = set()  # items that finish what another request began; a stop waits for them
        self._to_send = int(plan.sends.sum())

    def run(self) -> pd.DataFrame:
        """All waves, then the result."""
        self._count_done()
        self._remap()
        deletes = [item for item in self._post_of if self._where[item] is not Standing.DONE]
        ready = [post for item, post in self._post_of.items() if self._where[item] is Standing.DONE]
        self._send(deque([*self._todo(ready), *self._todo(deletes)]))
        for action in _SENT:
            alone = [
                item
                for item, each in enumerate(self._actions)
                if each == action and item not in self._linked_posts and item not in self._post_of
            ]
            self._send(deque(self._todo(alone)))
        self._settle_unsure()
        if any(self._unsent(item) for item in range(len(self._actions))):
            return self._result()  # stopped: the run stays open, like one that was interrupted
        waiting = {self._key(item) for item, each in self._results.items() if each.outcome != "delivered"}
        whole = not self._plan.scope.organizations  # a plan of some schools says nothing of the others
        self._journal.end(
            still_open=waiting | self._left_alone(),
            resources=self._plan.scope.resources if whole else (),
            preferences=self._plan.preferences,
            resynced=whole and self._plan.mode == "resync",
        )
        return self._result()

    def _todo(self, items: Iterable[int]) -> list[tuple[int, str]]:
        """Items to send, each with the verb it takes."""
        verbs = {Standing.TODO: None, Standing.HEAL: "POST"}
        return [
            (item, verbs[self._where[item]] or self._actions[item])
            for item in items
            if self._where[item] in verbs
        ]

    def _count_done(self) -> None:
        done = [item for item, where in enumerate(self._where) if where is Standing.DONE]
        sent = sum(self._actions[item] in _SENT for item in done)
        self._counts["delivered"] = sent
        self._tell()

    def _remap(self) -> None:
        """UNMAP, ADOPT, and what a resync's NOOP refreshes: known to the ledger only."""
        todo = [item for item, where in enumerate(self._where) if where is Standing.TODO]
        forget = [self._intent(item, "UNMAP") for item in todo if self._actions[item] == "UNMAP"]
        adopt = [
            Settled(
                self._intent(item, "ADOPT"),
                "delivered",
                ed_fi_id=self._ids[item],
                etag=self._etags[item] or None,
            )
            for item in todo
            if self._actions[item] in ("ADOPT", "NOOP")
        ]
        if forget or adopt:
            self._journal.remap(forget, adopt)

    # Sending

    def _send(self, queue: deque[tuple[int, str]]) -> None:
        """Send what is queued, and what its outcomes add to the queue."""
        while queue:
            try:
                with closing(self._outcomes(queue)) as outcomes:
                    for outcome in outcomes:
                        self._note(outcome, queue)
            except LedgerError:
                raise  # what is not on disk stays unsure, and is looked up by the next run
            except BaseException:
                self._flush()
                raise
            self._flush()

    def _outcomes(self, queue: deque[tuple[int, str]]) -> Generator[Outcome]:
        yield from self._client.apply(self._writes(queue), goes_on=self._goes_on_waiting)

    def _writes(self, queue: deque[tuple[int, str]]) -> Iterator[Write]:
        while self._narrowed(queue):
            chunk = [queue.popleft() for _ in range(min(self._chunk, len(queue)))]
            intents = [self._intent(item, verb) for item, verb in chunk]
            self._intents |= {intent.item: intent for intent in intents}
            self._flush(intents)
            for intent in intents:
                self._budget.allows(self._sent)
                if self._may_leave(intent.item):
                    self._sent += 1
                    yield self._write(intent)
                else:  # on disk, and never sent
                    del self._intents[intent.item]
                    self._fresh.append(Settled(intent, "pending", reported=False))

    def _narrowed(self, queue: deque[tuple[int, str]]) -> deque[tuple[int, str]]:
        """The queue, after a stop without the records nothing was sent of."""
        if self._budget.stopped or self._pairs_closed:
            kept = [each for each in queue if self._may_leave(each[0])]
            queue.clear()
            queue.extend(kept)
        return queue

    def _may_leave(self, item: int) -> bool:
        kept = self._budget.stopped or (self._pairs_closed and item in self._post_of)
        return not kept or item in self._begun

    def _unsent(self, item: int) -> bool:
        """Whether a stop has kept this item from being sent."""
        to_send = self._where[item] is not Standing.DONE and self._actions[item] in _SENT
        return to_send and item not in self._results

    def _post_after(self, item: int) -> list[tuple[int, str]]:
        """The POST that a delivered DELETE waits for."""
        self._begun.add(self._post_of[item])
        return self._todo([self._post_of[item]])

    def _write(self, intent: Intent) -> Write:
        item = intent.item
        return Write(
            action=intent.action,  # type: ignore[arg-type]
            resource=intent.row["resource"],
            body=intent.body if intent.action != "DELETE" else None,
            ed_fi_id=intent.ed_fi_id,
            etag=(self._etags[item] or None) if intent.action != "POST" else None,
            ref=item,
            student=intent.row["student_unique_id"],
        )

    def _note(self, outcome: Outcome, queue: deque[tuple[int, str]]) -> None:
        item = int(outcome.ref)  # type: ignore[call-overload]
        intent = self._intents.pop(item)
        self._requests[item] += outcome.attempts
        self._sent += max(0, outcome.attempts - 1)  # its first request was counted when it left
        heals = intent.action == "PUT" and outcome.status == 404 and outcome.outcome == "refused"
        settled = self._settled(outcome, intent, reported=not heals)
        self._fresh.append(settled)
        if heals:
            self._begun.add(item)
            queue.append((item, "POST"))
            return
        self._keep(item, settled)
        self._pairs_closed |= item in self._linked_posts and outcome.attempts == 0
        if item in self._post_of:
            if settled.outcome == "delivered":
                queue.extendleft(self._post_after(item))
            else:
                post = self._post_of[item]
                waits = Settled(
                    self._intent(post, "POST"),
                    "pending",
                    messages=["Its DELETE was not delivered."],
                    reported=settled.reported,
                )
                self._fresh.append(waits)
                self._keep(post, waits)

    def _settled(self, outcome: Outcome, intent: Intent, *, reported: bool) -> Settled:
        problem = outcome.problem
        result: str = outcome.outcome
        if result == "delivered" and intent.action != "DELETE" and outcome.ed_fi_id is None:
            result = "unsure"  # written, but under an id that is still to be found
        if result == "refused" and intent.item in self._linked_posts:
            result = "pending"  # its DELETE is through: the pair is open until the POST is, too (COM-KEY-3)
        return Settled(
            intent,
            result,
            status=outcome.status,
            ed_fi_id=outcome.ed_fi_id,
            etag=outcome.etag,
            problem_type=problem.type if problem else None,
            messages=list(problem.messages or (problem.detail or problem.title,)) if problem else [],
            correlation_id=outcome.correlation_id,
            requests=self._requests[intent.item],
            reported=reported and outcome.attempts > 0,  # what was never sent is nobody's to mend
        )

    def _keep(self, item: int, settled: Settled) -> None:
        """The newest word on an item, in place of an earlier one."""
        earlier = self._results.get(item)
        if earlier is not None:
            self._counts[earlier.outcome] -= 1
        self._results[item] = settled
        self._counts[settled.outcome] += 1
        self._tell()

    def _tell(self) -> None:
        self._budget.stopped |= not self._goes_on()

    def _goes_on(self) -> bool:
        """Tell how far it is, and whether nobody has asked to stop."""
        if self._progress is None:
            return True
        return self._progress(self._counts.total(), self._to_send, dict(+self._counts)) is not False

    def _goes_on_waiting(self) -> bool:
        """The same, asked while no answer comes."""
        self._hurried |= not self._goes_on()
        return not self._hurried

    def _flush(self, intents: list[Intent] | None = None) -> None:
        """Outcomes known so far and the next intents, in one commit."""
        fresh, self._fresh = self._fresh, []
        self._journal.turn(fresh, intents or [])

    def _settle_unsure(self) -> None:
        """What ended unsure is looked up, and sent once more if it did not arrive.

        If the ODS is away by then, or somebody waits for the end, the next run does it.
        """
        if self._hurried:
            return
        try:
            self._send(deque(self._look_again()))
            self._look_again()
        except OdsError:
            self._flush()

    def _look_again(self) -> list[tuple[int, str]]:
        """Look up every attempt of this run that is unsure; returns what there is to send now."""
        if not any(each.outcome == "unsure" for each in self._results.values()):
            return []
        to_send = []
        for attempt in self._journal.unsettled():
            item, verb = attempt.intent.item, attempt.intent.action
            settled = replace(look(self._client, attempt.intent), requests=self._requests[item])
            self._journal.settle_open(attempt, settled)
            self._keep(item, settled)
            if settled.outcome != "delivered":
                to_send.append((item, verb))
            elif item in self._post_of:
                to_send += self._post_after(item)
        return to_send

    # Records as the ledger names them

    def _intent(self, item: int, verb: str) -> Intent:
        body = self._bodies[item] if verb != "DELETE" else None
        return Intent(
            item=item,
            action=verb,
            row=self._keys[item],
            ed_fi_id=(self._ids[item] or None) if verb != "POST" else None,
            body=body,
            body_hash=self._hashes[item] if body is not None else None,
            source_refs=self._refs[item],
            rules=self._rules[item],
        )

    def _key(self, item: int) -> MapKey:
        return self._keys[item]["resource"], self._keys[item]["key_hash"]

    def _left_alone(self) -> set[MapKey]:
        held = self._plan.findings[self._plan.findings["code"].eq("HELD")]
        return set(zip(as_list(held["resource"]), key_hashes(held), strict=True))

    def _result(self) -> pd.DataFrame:
        unsent = {item for item in range(len(self._actions)) if self._unsent(item)}
        return result_of(self._plan, self._results, unsent=unsent, past=self._past, known=self._known)

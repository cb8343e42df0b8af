"""Carry out an approved plan: its items, in its order, each accounted for. Safe to kill and run again.

1. Nothing leaves before the plan was approved, its breaches answered for, and found to be valid against the ledger.
2. What a crashed run left unsure is checked first: adopted when it arrived, sent again when it did not.
3. The POST of a pair leaves after its DELETE was delivered; if it fails, the pair is pending and the next plan, which
   finds no identity, posts it again.
4. Asked to stop, it begins no further record and finishes those it has begun, unless the ODS lets it wait; publishing
   again resumes.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing
from dataclasses import replace

import pandas as pd

from edfi_toolkit.display.progress import Progress
from edfi_toolkit.errors import LedgerError, OdsError, StalePlan
from edfi_toolkit.ledger.attempts import Attempt, AttemptResult, MapKey
from edfi_toolkit.ledger.journal import Journal
from edfi_toolkit.ledger.ledger import Ledger
from edfi_toolkit.model import standards
from edfi_toolkit.ods import Client, Outcome, Write, standard_of
from edfi_toolkit.planning.guardrails import GivenOverride
from edfi_toolkit.planning.plan import RETRY, SENT, Plan
from edfi_toolkit.publishing.approval import approved_plan
from edfi_toolkit.publishing.budget import Budget
from edfi_toolkit.publishing.items import Items
from edfi_toolkit.publishing.known import Known
from edfi_toolkit.publishing.queue import ABOUT_THE_RECORD, Queue
from edfi_toolkit.publishing.results import Results, result_of
from edfi_toolkit.publishing.resume import State, found_keys, item_states, unknown_identities
from edfi_toolkit.publishing.unsettled import check, finish_unsettled, open_client, open_ledger
from edfi_toolkit.settings import Target

CHUNK = 100  # attempts per commit, for every 32 in flight: what a crash may leave unsure, and one fsync


def publish(
    plan: Plan,
    *,
    target: str | Target | Client,
    ledger: str | os.PathLike[str] | Ledger,
    approved: str,
    overrides: Iterable[GivenOverride] = (),
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
    Raises UnsafePlan, StalePlan (also for a target of another data standard, for records that were checked against
    another target, and for key changes that were checked against none) and, for a target of another school year,
    ConfigError before anything is sent, LedgerBusy when another run of the feed is at work, and OdsUnavailable or
    OdsRefusedLogin when the target is unavailable; what is finished by then stays finished.
    """
    plan, fingerprint, answered = approved_plan(plan, approved, overrides)
    budget = Budget(max_seconds=max_seconds, max_requests=max_requests)
    with ExitStack() as stack:
        client, opened = open_client(target, stack), open_ledger(ledger, stack)
        client.target.check_year(plan.scope.school_year)
        _check_target(plan, client)
        _check_standard(plan, client)
        feed = opened.feed(client.target.identity, plan.scope.profile, plan.scope.source)
        stack.enter_context(opened.exclusive(feed))
        journal = Journal(opened, feed, plan.scope.school_year)
        recovered = finish_unsettled(client, journal)
        last, items = journal.last_attempts(fingerprint), Items(plan)
        known = Known.of(plan, journal.identities(plan.scope.resources))
        states = item_states(plan, known, last, recovered)
        changed = states.count(State.CHANGED) + len(unknown_identities(plan, known))
        if changed:
            raise StalePlan(
                f"{changed} records have changed in the ledger since this plan was made; nothing was sent. "
                "Plan again."
            )
        _check_pairs(plan, items, states, client)
        journal.begin(
            run_id,
            fingerprint,
            plan.mode,
            [(override.breach, override.person) for override in answered],
        )
        _update_identities(items, states, journal)
        owners = known.owners() if plan.sends.any() else {}
        doubted = _doubted(plan, journal.lost(ABOUT_THE_RECORD)) if items.post_of else set()
        run = _Run(items, states, client, journal, progress, budget, owners, doubted)
        run.send_all()
        unsent = run.unsent()
        left = len(unsent) + run.results.pending
        if unsent:  # the run stays open, like one that was interrupted
            journal.stop(left)
        else:
            _end(plan, items, run.results, journal, left)
        return result_of(plan, items, run.results.outcomes, unsent=unsent, last=last, known=known)


def _check_target(plan: Plan, client: Client) -> None:
    """What was checked against one target goes to no other; by now the settings may mean another one by its name."""
    if plan.checked_against not in ("", client.target.identity):
        raise StalePlan(
            f"The records of this plan were checked against {plan.checked_against}, and target "
            f"'{client.target.name}' is {client.target.identity}; nothing was sent. Correct the settings, or check the "
            "records against it and plan again."
        )


def _check_standard(plan: Plan, client: Client) -> None:
    """COM-STD-1: nothing is sent that was built for another data standard than the target's.

    The target may have moved since, or not have answered when the records were built. What it serves is asked only
    where the version it names does not settle it.
    """
    if not plan.standard or not plan.sends.any():
        return
    named = client.discovery.data_standard
    if named and standards.agrees(named, plan.standard):
        return
    found = standard_of(client)
    if found is not None and standards.nearest(found) != plan.standard:
        raise StalePlan(
            f"The records of this plan were built for Data Standard {plan.standard}, and target "
            f"'{client.target.name}' has {found}; nothing was sent. Build them again: a new run asks the target, and "
            f"edfi.build takes the setting data_standard = {found!r}."
        )


def _check_pairs(plan: Plan, items: Items, states: Sequence[State], client: Client) -> None:
    """COM-KEY-3: no DELETE of a pair leaves for a target that was not asked if it takes the new record.

    Where the DELETE is through, the record is missing already: its POST goes.
    """
    unsent = sum(states[delete] is not State.DONE for delete in items.post_of)
    if unsent and plan.checked_against != client.target.identity:
        raise StalePlan(
            f"{unsent} key change{'s' * (unsent != 1)} of this plan: not checked against target "
            f"'{client.target.name}', which might refuse a new record after the old one was deleted; nothing was sent. "
            "Check the records against it (notebook 20, or edfi.validate with target=...; in a new run where this one "
            "has begun to publish) and plan again."
        )


def _doubted(plan: Plan, lost: set[tuple[str, str]]) -> set[str]:
    """The resources of which a record waits to be created that a pair has deleted; one that the source has no more does
    not. lost: as of `Journal.lost`."""
    partial = plan.scope.organizations or plan.mode == RETRY  # it is silent about the others
    created = plan.items[plan.items["action"].eq("POST") & plan.items["pair"].isna()]
    rows = pd.concat([created, plan.findings[plan.findings["code"].eq("HELD")]])
    wanted = set(zip(rows["resource"], rows["student_unique_id"], strict=True))
    return {resource for resource, student in lost if partial or (resource, student) in wanted}


def _update_identities(items: Items, states: Sequence[State], journal: Journal) -> None:
    """UNMAP, ADOPT, and what a resync's NOOP refreshes: known to the ledger only."""
    to_do = [item for item, state in enumerate(states) if state is State.TO_DO]
    forget = [items.attempt(item, "UNMAP") for item in to_do if items.actions[item] == "UNMAP"]
    adopt = [
        AttemptResult(
            items.attempt(item, "ADOPT"),
            Outcome(item, "delivered", ed_fi_id=items.ids[item], etag=items.etag(item)),
        )
        for item in to_do
        if items.actions[item] in ("ADOPT", "NOOP")
    ]
    if forget or adopt:
        journal.update_identities(forget, adopt)


def _end(plan: Plan, items: Items, results: Results, journal: Journal, left: int) -> None:
    waiting = {items.keys[item] for item, each in results.outcomes.items() if each.outcome != "delivered"}
    # A plan of some schools, or of chosen records, is silent about the others.
    complete = not plan.scope.organizations and plan.mode != RETRY
    journal.end(
        still_open=waiting | found_keys(plan, "HELD"),
        resources=plan.scope.resources if complete else (),
        preferences=plan.preferences,
        shapes=plan.shapes,
        resynced=complete and plan.mode == "resync",
        unsent=left,
    )


class _Run:
    """One plan on its way: the writes, their outcomes, and both in the ledger."""

    def __init__(
        self,
        items: Items,
        states: Sequence[State],
        client: Client,
        journal: Journal,
        progress: Progress | None,
        budget: Budget,
        owners: dict[str, MapKey],
        doubted: set[str],
    ) -> None:
        self._items, self._states, self._client, self._journal = items, states, client, journal
        self._queue = Queue(items.actions, items.resources, items.post_of, states, doubted)
        self._budget = budget
        to_send = [item for item, action in enumerate(items.actions) if action in SENT]
        done = sum(states[item] is State.DONE for item in to_send)
        self.results = Results(progress, delivered=done, to_send=len(to_send))
        self._chunk = CHUNK * max(1, client.target.concurrency // 32)
        self._owners = owners  # the record of each id
        self._doubted = set[MapKey]()  # records whose id another one was given, too
        self._in_flight: dict[int, Attempt] = {}
        self._unwritten: list[AttemptResult] = []  # known, and not yet in the ledger
        self._attempts: Counter[int] = Counter()  # requests by item, of all its verbs
        self._requests = 0  # in all
        self._ends_early = False  # asked to stop while no answer came

    def send_all(self) -> None:
        """All waves, then what ended unsure."""
        self._report()
        for wave in self._queue.waves():
            self._queue.add(wave)
            self._send()
        self._resend_unsure()

    def unsent(self) -> set[int]:
        """What a stop has kept from being sent."""
        return {
            item
            for item, state in enumerate(self._states)
            if state is not State.DONE
            and self._items.actions[item] in SENT
            and item not in self.results.outcomes
        }

    def _send(self) -> None:
        """Send what is queued, and what its outcomes add to the queue."""
        while self._queue:
            try:
                with closing(self._client.apply(self._writes(), goes_on=self._goes_on_waiting)) as outcomes:
                    for outcome in outcomes:
                        self._note_outcome(outcome)
            except LedgerError:
                raise  # what is not on disk stays unsure, and is checked by the next run
            except BaseException:
                self._commit()
                raise
            self._commit()

    def _writes(self) -> Iterator[Write]:
        """What leaves, each attempt on disk before it does."""
        while chunk := self._queue.take(self._chunk, stopped=self._budget.stopped):
            attempts = [self._items.attempt(item, verb) for item, verb in chunk]
            self._in_flight |= {attempt.item: attempt for attempt in attempts}
            self._commit(attempts)
            for attempt in attempts:
                allowed = self._budget.allows(self._requests)
                if self._queue.may_leave(attempt.item, stopped=not allowed):
                    self._requests += 1
                    yield self._items.write(attempt)
                else:  # on disk, and never sent
                    del self._in_flight[attempt.item]
                    kept_back = Outcome(attempt.item, "pending")
                    self._unwritten.append(AttemptResult(attempt, kept_back, reported=False))

    def _note_outcome(self, outcome: Outcome) -> None:
        """Record what became of an item, and queue what that leads to."""
        item = int(outcome.ref)  # type: ignore[call-overload] # as `Items.write` names it
        sent = outcome.attempts
        self._attempts[item] += sent
        self._requests += max(0, sent - 1)  # its first request was counted when it left
        result = self._result(self._in_flight.pop(item), outcome)
        if result.record_missing:
            result.reported = False
            self._unwritten.append(result)
            self._queue.post_instead(item)
            return
        self._record(result)
        self._queue.learn_from(item, outcome)
        if item in self._items.post_of:
            if result.delivered:
                self._queue.post_after(item)
            else:
                self._record(self._pending_post(result))

    def _result(self, attempt: Attempt, outcome: Outcome) -> AttemptResult:
        """The outcome as the ledger keeps it."""
        kind = outcome.outcome
        if kind == "delivered" and attempt.action != "DELETE" and outcome.ed_fi_id is None:
            kind = "unsure"  # written, but under an id that is still to be found
        if kind == "delivered" and not self._claim_id(attempt, outcome.ed_fi_id):
            kind, outcome = "unsure", replace(outcome, ed_fi_id=None)
        if kind == "refused" and self._queue.is_linked_post(attempt.item):
            kind = "pending"  # its DELETE is through: the pair stays open until the POST is, too (COM-KEY-3)
        reported = outcome.attempts > 0  # no steward can correct what was never sent
        attempts = self._attempts[attempt.item]
        if (kind, attempts) != (outcome.outcome, outcome.attempts):
            outcome = replace(outcome, outcome=kind, attempts=attempts)
        return AttemptResult(attempt, outcome, reported)

    def _claim_id(self, attempt: Attempt, ed_fi_id: str | None) -> bool:
        """Note whose record the id of a POST is. False where it is another one's already, which is in doubt from now
        on: with one id for two, neither would be changed or deleted as what it is."""
        if attempt.action != "POST":
            return True
        owner = self._owners.setdefault(str(ed_fi_id), attempt.key)
        if owner != attempt.key:
            self._doubted.add(owner)
        return owner == attempt.key

    def _pending_post(self, delete: AttemptResult) -> AttemptResult:
        """What becomes of a POST whose DELETE was not delivered."""
        post = self._items.post_of[delete.attempt.item]
        message = "Its DELETE was not delivered."
        return AttemptResult(
            self._items.attempt(post, "POST"), Outcome(post, "pending"), delete.reported, message
        )

    def _record(self, result: AttemptResult) -> None:
        """Keep a result for the table in the end, and for the next commit."""
        self._unwritten.append(result)
        self.results.keep(result.attempt.item, result.outcome)
        self._report()

    def _report(self) -> None:
        """Report progress, and stop where that asks to."""
        if not self.results.report():
            self._budget.stopped = True

    def _goes_on_waiting(self) -> bool:
        """Asked while no answer comes."""
        self._ends_early |= not self.results.report()
        return not self._ends_early

    def _commit(self, attempts: Sequence[Attempt] = ()) -> None:
        """The results known so far and the next attempts, in one commit."""
        results, self._unwritten = self._unwritten, []
        self._journal.commit(results, attempts)

    def _resend_unsure(self) -> None:
        """What ended unsure is checked, and sent once more if it did not arrive.

        If the ODS is unavailable by then, or the operator waits for the end, the next run does it.
        """
        if self._ends_early:
            return
        try:
            self._check_unsure()
            self._send()
            self._check_unsure()
            self._check_doubted()
        except OdsError:
            self._commit()

    def _check_doubted(self) -> None:
        """Look up the records whose id was given to another one: that it was first does not make it right."""
        if not self._doubted:
            return
        for item, key in enumerate(self._items.keys):
            if key not in self._doubted or self._items.actions[item] not in ("POST", "NOOP"):
                continue
            result = check(self._client, self._items.attempt(item, "POST"), attempts=self._attempts[item])
            if result.delivered:
                adopted = AttemptResult(self._items.attempt(item, "ADOPT"), result.outcome)
                self._journal.update_identities([], [adopted])
                self.results.keep(item, result.outcome)
            else:  # the next plan creates it
                self._journal.update_identities([self._items.attempt(item, "UNMAP")], [])

    def _check_unsure(self) -> None:
        """Check every attempt of this run that is unsure, and queue what there is to send now."""
        if not self.results.any_unsure():
            return
        for unsettled in self._journal.unsettled():
            item, verb = unsettled.attempt.item, unsettled.attempt.action
            result = check(self._client, unsettled.attempt, attempts=self._attempts[item])
            if result.delivered and not self._claim_id(unsettled.attempt, result.outcome.ed_fi_id):
                continue  # stays unsure; the next run looks again
            self._journal.finish(unsettled, result)
            self.results.keep(item, result.outcome)
            self._report()
            if not result.delivered:
                self._queue.add([(item, verb)])
                continue
            self._queue.learn_from(item, result.outcome)
            if item in self._items.post_of:
                self._queue.post_after(item)

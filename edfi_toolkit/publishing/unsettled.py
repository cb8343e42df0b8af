"""What a crash left unsure: check the ODS, adopt what arrived, and leave the rest to be sent again."""

from __future__ import annotations

import os
from contextlib import ExitStack

from edfi_toolkit.ledger.attempts import Attempt, AttemptResult, MapKey
from edfi_toolkit.ledger.journal import Journal
from edfi_toolkit.ledger.ledger import Ledger
from edfi_toolkit.model import KEY_COLUMNS, body_hash
from edfi_toolkit.ods import Client, Outcome
from edfi_toolkit.settings import Target, load_settings


def recover(
    *,
    target: str | Target | Client,
    ledger: str | os.PathLike[str] | Ledger,
    profile: str,
    source: str,
    school_year: int,
) -> int:
    """Check what crashed runs of a feed left unsure, so that the next plan starts from what the ODS holds.

    Returns how many of them had reached the ODS. Costs nothing, not even a login, when there is nothing unsure.
    """
    with ExitStack() as stack:
        client, opened = open_client(target, stack), open_ledger(ledger, stack)
        feed = opened.feed(client.target.identity, profile, source)
        stack.enter_context(opened.exclusive(feed))
        return len(finish_unsettled(client, Journal(opened, feed, school_year)))


def open_client(target: str | Target | Client, stack: ExitStack) -> Client:
    """The client of a target; one that is made here is closed by the stack."""
    if isinstance(target, str):
        target = load_settings().target(target)
    return stack.enter_context(Client(target)) if isinstance(target, Target) else target


def open_ledger(ledger: str | os.PathLike[str] | Ledger, stack: ExitStack) -> Ledger:
    """The ledger at a path or URL; one that is opened here is closed by the stack."""
    return ledger if isinstance(ledger, Ledger) else stack.enter_context(Ledger(ledger))


def finish_unsettled(client: Client, journal: Journal) -> set[MapKey]:
    """Finish every attempt that was begun and not finished; returns the records that had arrived."""
    arrived = set()
    for unsettled in journal.unsettled():
        result = check(client, unsettled.attempt)
        journal.finish(unsettled, result)
        if result.delivered:
            arrived.add(unsettled.attempt.key)
    return arrived


def check(client: Client, attempt: Attempt, *, attempts: int = 0) -> AttemptResult:
    """What the ODS holds decides: as sent is delivered, anything else is still to be sent.

    attempts: how many requests are known to have been sent for it.
    """
    if attempt.action == "POST":
        found = client.find(attempt.row["resource"], [attempt.row[name] for name in KEY_COLUMNS])
    else:
        found = client.get(attempt.row["resource"], str(attempt.ed_fi_id))
    if attempt.action == "DELETE":
        arrived = found is None
    else:
        arrived = found is not None and body_hash(found.body) == attempt.body_hash
    if not arrived:
        return AttemptResult(attempt, Outcome(attempt.item, "pending", attempts=attempts), reported=False)
    ed_fi_id, etag = (found.id, found.etag) if found else (attempt.ed_fi_id, None)
    return AttemptResult(
        attempt, Outcome(attempt.item, "delivered", ed_fi_id=ed_fi_id, etag=etag, attempts=attempts)
    )

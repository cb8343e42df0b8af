"""What a crash left unsure: look at the ODS, adopt what arrived, and leave the rest to be sent again."""

from __future__ import annotations

import os
from contextlib import ExitStack

from edfi_toolkit.ledger.journal import Intent, Journal, MapKey, Settled
from edfi_toolkit.ledger.ledger import Ledger
from edfi_toolkit.model import KEY_COLUMNS, body_hash
from edfi_toolkit.ods import Client
from edfi_toolkit.settings import Target, load_settings


def recover(
    *,
    target: str | Target | Client,
    ledger: str | os.PathLike[str] | Ledger,
    profile: str,
    source: str,
    school_year: int,
) -> int:
    """Look up what crashed runs of a feed left unsure, so that the next plan starts from the truth.

    Returns how many of them had reached the ODS. Costs nothing, not even a login, when there is nothing
    unsure.
    """
    with ExitStack() as stack:
        client, book = client_of(target, stack), ledger_of(ledger, stack)
        feed = book.feed(client.target.identity, profile, source)
        stack.enter_context(book.exclusive(feed))
        return len(look_up_unsure(client, Journal(book, feed, school_year)))


def client_of(target: str | Target | Client, stack: ExitStack) -> Client:
    if isinstance(target, str):
        target = load_settings().target(target)
    return stack.enter_context(Client(target)) if isinstance(target, Target) else target


def ledger_of(ledger: str | os.PathLike[str] | Ledger, stack: ExitStack) -> Ledger:
    return ledger if isinstance(ledger, Ledger) else stack.enter_context(Ledger(ledger))


def look_up_unsure(client: Client, journal: Journal) -> set[MapKey]:
    """Settle every attempt that was begun and not settled; returns the records that had arrived."""
    arrived = set()
    for attempt in journal.unsettled():
        settled = look(client, attempt.intent)
        journal.settle_open(attempt, settled)
        if settled.outcome == "delivered":
            arrived.add(attempt.intent.key)
    return arrived


def look(client: Client, intent: Intent) -> Settled:
    """What the ODS holds decides: as sent is delivered, anything else is still to be sent."""
    if intent.action == "POST":
        found = client.find(intent.row["resource"], [intent.row[name] for name in KEY_COLUMNS])
    else:
        found = client.get(intent.row["resource"], str(intent.ed_fi_id))
    if intent.action == "DELETE":
        arrived = found is None
    else:
        arrived = found is not None and body_hash(found.body) == intent.body_hash
    if not arrived:
        return Settled(intent, "pending", reported=False)
    if found is None:
        return Settled(intent, "delivered", ed_fi_id=intent.ed_fi_id)
    return Settled(intent, "delivered", ed_fi_id=found.id, etag=found.etag)

"""A ledger that says that a build was published as it is, without a request."""

from __future__ import annotations

import orjson

from edfi_toolkit.ledger import Feed, Ledger
from edfi_toolkit.ledger.attempts import Attempt, AttemptResult
from edfi_toolkit.ledger.journal import Journal
from edfi_toolkit.model.keys import key_rows
from edfi_toolkit.ods import Outcome
from edfi_toolkit.planning import identity_map_of
from edfi_toolkit.planning.preferences import typed_preferences
from edfi_toolkit.rules import Build
from edfi_toolkit.tables.shapes import shapes_frame


def note_as_published(ledger: Ledger, feed: Feed, built: Build, school_year: int) -> None:
    """Write what a complete publish of these records leaves in the ledger."""
    known = identity_map_of(built)
    columns = (known[name] for name in ("ed_fi_id", "last_body", "source_refs"))
    rows = zip(key_rows(known), *columns, built.records["body_hash"], strict=True)
    adopted = [
        AttemptResult(
            Attempt(at, "ADOPT", row, ed_fi_id, orjson.dumps(body), digest, orjson.dumps(refs).decode()),
            Outcome(at, "delivered", ed_fi_id=ed_fi_id),
        )
        for at, (row, ed_fi_id, body, refs, digest) in enumerate(rows)
    ]
    journal = Journal(ledger, feed, school_year)
    journal.update_identities([], adopted)
    shown = {"preferences": typed_preferences(None), "shapes": shapes_frame(built.tables.shapes)}
    journal.end(still_open=set(), resources=(), resynced=False, unsent=0, **shown)

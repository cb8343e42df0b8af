"""Who approved which plan, when, and who answered for each limit that it reaches.

An approval is of one fingerprint, and so of exactly the changes that were shown. The newest of a plan counts.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import orjson
from sqlalchemy import insert, select

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger import schema
from edfi_toolkit.ledger.ledger import Feed, Ledger


@dataclass(frozen=True)
class Answer:
    """One person's answer for one limit: it is meant, for this reason."""

    breach: str
    person: str
    reason: str

    @classmethod
    def given(cls, breach: str, person: str, reason: str) -> Answer:
        """An answer with all its parts. Raises ConfigError for one without a name or a reason."""
        if not person.strip() or not reason.strip():
            raise ConfigError(f"Answer for {breach} with your name and the reason why the change is meant.")
        return cls(breach, person.strip(), reason.strip())


@dataclass(frozen=True)
class Approved:
    """One approval. `answers`: of the limits that the plan reaches."""

    run_id: str
    fingerprint: str
    person: str
    answers: tuple[Answer, ...]
    approved_at: dt.datetime


def approve(
    ledger: Ledger, feed: Feed, *, run_id: str, fingerprint: str, person: str, answers: Sequence[Answer] = ()
) -> Approved:
    """Keep that a person approved the plan of this fingerprint. Raises ConfigError without a name."""
    if not person.strip():
        raise ConfigError("An approval has the name of the person who approves. Give your name.")
    made = Approved(run_id, fingerprint, person.strip(), tuple(answers), ledger.clock())
    row = {**asdict(made), "feed_id": feed.id, "answers": orjson.dumps(made.answers).decode()}
    with ledger.writing() as connection:
        connection.execute(insert(schema.approvals).values(**row))
    return made


def approvals(ledger: Ledger, feed: Feed) -> list[Approved]:
    """All approvals of a feed, newest first."""
    table = schema.approvals
    names = ["run_id", "fingerprint", "person", "answers", "approved_at"]
    query = select(*(table.c[name] for name in names)).where(table.c.feed_id == feed.id)
    with ledger.reading() as connection:
        found = connection.execute(query.order_by(table.c.id.desc())).mappings().all()
    return [
        Approved(
            **{
                **row,
                "answers": tuple(Answer(**answer) for answer in orjson.loads(row["answers"])),
                "approved_at": _in_utc(row["approved_at"]),
            }
        )
        for row in found
    ]


def _in_utc(at: dt.datetime) -> dt.datetime:
    """SQLite gives the UTC that was written, without saying so."""
    return at.replace(tzinfo=dt.UTC) if at.tzinfo is None else at.astimezone(dt.UTC)

"""What is written and what became of it.

A record is delivered, refused, or not known to be either: `pending` when the ODS has certainly not taken it, `unsure`
when it may have. Both are safe to send again.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal

import orjson

from edfi_toolkit.model import SERVER_MEMBERS
from edfi_toolkit.ods.problems import Problem
from edfi_toolkit.ods.session import Answer

# As they are spelled in a body. A link is inside references only, where servers accept it.
_SERVER_MEMBERS = tuple(f'"{name}"'.encode() for name in SERVER_MEMBERS - {"link"})
Kind = Literal["delivered", "refused", "pending", "unsure"]


@dataclass(slots=True)
class Write:
    """One record to send.

    body: JSON, None for a DELETE. ref: the caller's own name for it. student: whose records keep their order.
    """

    action: Literal["POST", "PUT", "DELETE"]
    resource: str
    body: bytes | None = field(repr=False)
    ed_fi_id: str | None
    etag: str | None
    ref: Hashable
    student: str | None = field(default=None, repr=False)

    @property
    def content(self) -> bytes | None:
        """What is sent: the body without what a server adds, which a POST may not have; a PUT names its id, as newer
        servers demand."""
        if self.action == "DELETE":
            return None
        body = self.body or b"{}"
        if any(name in body for name in _SERVER_MEMBERS):
            members = orjson.loads(body)
            if not SERVER_MEMBERS.isdisjoint(members):
                body = orjson.dumps({n: value for n, value in members.items() if n not in SERVER_MEMBERS})
        if self.action == "POST":
            return body
        separator = b"," if body != b"{}" else b""
        return b'{"id":' + orjson.dumps(self.ed_fi_id) + separator + body.lstrip()[1:]


@dataclass(slots=True)
class Outcome:
    """What became of one record, and the last answer about it; status None when none came.

    attempts: requests that were sent for it.
    """

    ref: Hashable
    outcome: Kind
    status: int | None = None
    ed_fi_id: str | None = None
    etag: str | None = None
    problem: Problem | None = None
    correlation_id: str | None = None
    attempts: int = 0

    @property
    def problem_type(self) -> str | None:
        """The type of the problem that was answered; None when there was none."""
        return self.problem.type if self.problem else None


@dataclass(slots=True, eq=False)
class Job:
    """One write on its way: how often it was tried, and whether a try may have been taken unanswered."""

    write: Write
    attempts: int = 0
    begun: float = 0.0
    maybe_taken: bool = False
    alone: bool = False
    last: Answer | None = None


@dataclass(frozen=True, slots=True)
class Parked:
    """A job that met errors inside the server over and over; it is tried once more when all others are done."""

    job: Job


@dataclass(frozen=True, slots=True)
class Ended:
    """The run ended; nothing more comes."""

    error: Exception


def outcome_of(job: Job, kind: Kind, answer: Answer | None, ed_fi_id: str | None = None) -> Outcome:
    """The outcome of a job by its last answer."""
    return Outcome(
        job.write.ref,
        kind,
        answer.status if answer else None,
        ed_fi_id or job.write.ed_fi_id,
        answer.etag if answer and kind == "delivered" else None,
        answer.problem if answer and kind != "delivered" else None,
        answer.correlation_id if answer else None,
        job.attempts,
    )


def unjudged(job: Job) -> Outcome:
    """The outcome of a job whose limits are reached before the ODS has judged it."""
    return outcome_of(job, "unsure" if job.maybe_taken else "pending", job.last)

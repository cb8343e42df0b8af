"""What the ledger keeps of a request: about to leave, finished, left open by a crash; and how it names a record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from edfi_toolkit.ods.write import Outcome

MapKey = tuple[str, str]  # resource, key hash


class Identity(NamedTuple):
    """One row of the identity map, as far as comparing goes."""

    ed_fi_id: str
    body_hash: str
    organization: int


# Not frozen, like all that a run makes once a record: that would take three times as long.
@dataclass(slots=True, repr=False)
class Attempt:
    """One request about to leave.

    item: position in the plan. row: resource, key_hash and the key columns as the ledger keeps them. body: JSON.
    source_refs, rules: lists as JSON texts.
    """

    item: int
    action: str
    row: Mapping[str, Any]
    ed_fi_id: str | None
    body: bytes | None
    body_hash: str | None
    source_refs: str = "[]"
    rules: str = "[]"

    @property
    def key(self) -> MapKey:
        """What names the record within feed and year."""
        return self.row["resource"], self.row["key_hash"]


@dataclass(slots=True, repr=False)
class AttemptResult:
    """What became of one attempt.

    reported: False where another request follows for the same record, or none was sent. message: why nothing was
    sent, where no answer explains it.
    """

    attempt: Attempt
    outcome: Outcome
    reported: bool = True
    message: str = ""

    @property
    def delivered(self) -> bool:
        """Whether the ODS holds what was to be there."""
        return self.outcome.outcome == "delivered"

    @property
    def record_missing(self) -> bool:
        """Whether this was a PUT of a record that the ODS no longer has (REC-P3)."""
        outcome = self.outcome
        return outcome.status == 404 and self.attempt.action == "PUT" and outcome.outcome == "refused"

    @property
    def drops_identity(self) -> bool:
        """Whether the ODS holds nothing under the id any more (REC-P3, REC-P4)."""
        return self.record_missing or (self.attempt.action == "DELETE" and self.delivered)

    @property
    def messages(self) -> Sequence[str]:
        """What to show a steward about it."""
        problem = self.outcome.problem
        if problem is None:
            return (self.message,) if self.message else ()
        return problem.messages or (problem.detail or problem.title,)


class UnsettledAttempt(NamedTuple):
    """An attempt that was begun and not finished. id, run: its rows in the ledger."""

    id: int
    run: int
    attempt: Attempt


class LastAttempt(NamedTuple):
    """The last finished attempt for an item, in runs of the same plan."""

    action: str
    outcome: str
    status: int | None
    ed_fi_id: str | None
    correlation_id: str | None
    attempts: int

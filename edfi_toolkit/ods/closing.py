"""Which resources are not sent any further: those whose records fail in a row for a reason that is not their own.

Such a reason is a key that may not write the resource, or an error inside the server. A 403 may be about one student or
about the key; while no record of the resource was delivered it is taken for the key's.
"""

from __future__ import annotations

from edfi_toolkit.ods.retry import RetryPolicy
from edfi_toolkit.ods.session import Answer
from edfi_toolkit.ods.write import Write

# Refusals that concern the key and not the record; the next record would meet the same.
_KEY_LACKS = ("security:authorization:access-denied", "security:data-policy")
_Place = tuple[str, str]  # resource and action


class Closing:
    """Counts failures of one cause in a row; too many close the resource for that action."""

    def __init__(self, policy: RetryPolicy) -> None:
        self._policy = policy
        self._in_a_row: dict[_Place, tuple[str, int]] = {}  # cause, how often
        self._closed: dict[_Place, Answer] = {}
        self._delivered_once: set[_Place] = set()

    @property
    def any_delivered(self) -> bool:
        """Whether any record got through."""
        return bool(self._delivered_once)

    def closed(self, write: Write) -> Answer | None:
        """The answer for which a record is not sent any more; None where it may be."""
        return self._closed.get(_place(write))

    def delivered(self, write: Write) -> None:
        """A record got through."""
        self._in_a_row.pop(_place(write), None)
        self._delivered_once.add(_place(write))

    def server_error(self, write: Write, answer: Answer) -> None:
        """The server had an error with the record, again and again."""
        self._count(write, "server error", answer)

    def refused(self, write: Write, answer: Answer) -> None:
        """The record was refused, for a reason of its own or for one that the next record would meet, too."""
        if answer.problem is not None and answer.problem.is_a(*_KEY_LACKS):
            cause = answer.problem.type
        elif answer.status == 403 and _place(write) not in self._delivered_once:
            cause = "forbidden"
        else:
            cause = ""
        self._count(write, cause, answer)

    def _count(self, write: Write, cause: str, answer: Answer) -> None:
        """An empty cause is the record's own."""
        before, count = self._in_a_row.get(_place(write), ("", 0))
        count = count + 1 if before == cause else 1
        self._in_a_row[_place(write)] = (cause, count)
        most = self._policy.same_refusal if cause == "forbidden" else self._policy.same_failure
        if cause and count >= most:
            self._closed[_place(write)] = answer


def _place(write: Write) -> _Place:
    return write.resource, write.action

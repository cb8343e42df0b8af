"""What was asked of the sandbox: counts, and the last requests and refusals."""

from __future__ import annotations

import time
from collections import Counter, deque
from typing import Any, NamedTuple

from edfi_toolkit.sandbox.refusal import Refusal
from edfi_toolkit.sandbox.wire import Call

_WRITES = ("POST", "PUT", "DELETE")
_LAST = 50


class Entry(NamedTuple):
    """One answered request; status 0 is a dropped connection."""

    at: float
    client: str
    method: str
    resource: str
    status: int
    took_ms: float
    refusal: Refusal | None


class Counters:
    """How many requests were answered, by method, resource and status; and the last of them."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[str, str, int]] = Counter()
        self._writes = 0
        self.last: deque[Entry] = deque(maxlen=_LAST)
        self.refused: deque[Entry] = deque(maxlen=_LAST)

    def note(self, call: Call, status: int, took_s: float = 0.0, refusal: Refusal | None = None) -> None:
        """Count one answer; status 0 is a dropped connection."""
        self._counts[call.method, call.resource, status] += 1
        if call.target is not None and call.method in _WRITES:
            self._writes += 1
        entry = Entry(time.time(), call.client, call.method, call.resource, status, 1000 * took_s, refusal)
        self.last.append(entry)
        if status == 0 or status >= 400:
            self.refused.append(entry)

    def clear(self) -> None:
        """Start again from zero."""
        self._counts.clear()
        self._writes = 0
        self.last.clear()
        self.refused.clear()

    def shown(self) -> dict[str, Any]:
        """`requests`, a list of counts, and `writes`: POST, PUT and DELETE on data."""
        return {
            "writes": self._writes,
            "total": sum(self._counts.values()),
            "requests": [
                {"method": method, "resource": name, "status": status, "count": count}
                for (method, name, status), count in sorted(self._counts.items())
            ],
        }

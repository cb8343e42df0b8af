"""OpenTelemetry spans of steps and requests, in a process that has OpenTelemetry configured; in any other nothing.

Nothing is imported for it: whoever configures OpenTelemetry imports its API, as `opentelemetry-instrument` does for a
command and for the kernels it starts. An attribute is what a log may have: never a person.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

API = "opentelemetry.trace"
OWN = __name__.partition(".")[0]


@contextmanager
def span(name: str, **attributes: str) -> Iterator[Any]:
    """A span until the end of the block, for more attributes of what is known then; None where there are no spans."""
    trace = sys.modules.get(API)
    if trace is None:
        yield None
        return
    # Of an exception its class alone is kept: its text may quote a student.
    silent = {"record_exception": False, "set_status_on_exception": False}
    with trace.get_tracer(OWN).start_as_current_span(name, attributes=attributes, **silent) as current:
        try:
            yield current
        except BaseException as error:
            current.set_attribute("error.type", type(error).__name__)
            current.set_status(trace.StatusCode.ERROR)
            raise

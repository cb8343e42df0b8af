"""One structured log a run: JSON lines in the run's folder, and on stderr as text or JSON; never a person.

1. What the toolkit logs is an event with named fields: numbers, names of steps, codes, correlation ids. Its text is
   fixed where it is written.
2. What a library logs may quote an address, a statement or a cell. So of its records only logger, level and place are
   kept, and the class of an exception.
3. A log that cannot be written ends no run: what happened is in ledger and report.
"""

from __future__ import annotations

import datetime as dt
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import orjson

from edfi_toolkit.errors import ConfigError, StorageUnavailable
from edfi_toolkit.storage import append_private

FILE = "log.jsonl"
LEVEL, FORMAT = "EDFI_LOG_LEVEL", "EDFI_LOG_FORMAT"  # kernels and workers of a batch take them from here
LEVELS, FORMATS = ("debug", "info", "warning", "error"), ("text", "json")
OWN = __name__.partition(".")[0]
# Without a handler of ours Python writes warnings on the terminal: a bare `request` for each refused record.
logging.getLogger(OWN).addHandler(logging.NullHandler())
_run: ContextVar[str] = ContextVar("run", default="")
_active: list[str] = []  # for threads that a library has started, which know of no run


def event(what: str, *, level: int = logging.INFO, **fields: Any) -> None:
    """Log an event of the run under way. fields: never a student, a body, a key or a secret."""
    logging.getLogger(OWN).log(level, what, extra={"fields": fields})


def chosen(name: str, known: tuple[str, ...], default: str) -> str:
    """What the environment says of level or format. Raises ConfigError for what is not known."""
    given = os.environ.get(name, default).lower()
    if given not in known:
        raise ConfigError(f"{name}={given}: there are {', '.join(known)}.")
    return given


@contextmanager
def log_of(folder: Path, run_id: str) -> Iterator[None]:
    """Until the end of the block, what is logged goes into the run's folder as well."""
    if _run.get() == run_id:  # a step within a step
        yield
        return
    root, handler = logging.getLogger(), _Lines(folder / FILE, run_id)
    wanted = getattr(logging, chosen(LEVEL, LEVELS, "info").upper())
    handler.setLevel(wanted)
    own = logging.getLogger(OWN)
    own.setLevel(min(own.level or wanted, wanted))
    root.setLevel(min(root.level or wanted, wanted))
    token = _run.set(run_id)
    _active.append(run_id)
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        _active.remove(run_id)
        _run.reset(token)


def to_stderr() -> None:
    """Show what is logged, as the environment asks; as text only from the level that was asked for."""
    if LEVEL not in os.environ and FORMAT not in os.environ:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Json() if chosen(FORMAT, FORMATS, "text") == "json" else _Text())
    handler.setLevel(getattr(logging, chosen(LEVEL, LEVELS, "info").upper()))
    root = logging.getLogger()
    root.addHandler(handler)
    logging.getLogger(OWN).setLevel(handler.level)


def facts_of(record: logging.LogRecord, run_id: str = "") -> dict[str, Any]:
    """What of a record may be kept. run_id: by default, of the run that it is of."""
    at = dt.datetime.fromtimestamp(record.created, dt.UTC).isoformat(timespec="milliseconds")
    run_id = run_id or _run.get() or (_active[0] if len(_active) == 1 else "")
    facts: dict[str, Any] = {"at": at, "level": record.levelname.lower(), "run_id": run_id}
    if record.name.partition(".")[0] == OWN and hasattr(record, "fields"):
        facts |= {"event": record.msg, **record.fields}
    else:
        facts |= {"event": "library", "logger": record.name, "place": f"{record.module}:{record.lineno}"}
    if record.exc_info and record.exc_info[0]:
        facts["error"] = record.exc_info[0].__name__
    return facts


def json_line(facts: dict[str, Any]) -> bytes:
    """As it stands in a log."""
    return orjson.dumps(facts, default=str)


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return json_line(facts_of(record)).decode()


class _Text(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        facts = facts_of(record)
        head = f"{facts.pop('at')} {facts.pop('level')} {facts.pop('run_id')} {facts.pop('event')}"
        return " ".join([head, *(f"{name}={value}" for name, value in facts.items())])


class _Lines(logging.Handler):
    """In the file of a run, of its owner alone."""

    def __init__(self, path: Path, run_id: str) -> None:
        super().__init__()
        self._path, self._run_id = path, run_id

    def emit(self, record: logging.LogRecord) -> None:
        if _run.get() in ("", self._run_id):  # else it is of a run in another thread
            with suppress(StorageUnavailable):
                append_private(self._path, json_line(facts_of(record, self._run_id)))

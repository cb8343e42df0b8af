"""What Great Expectations said of some columns under one rule: asked once in a run of the tests, then known.

It takes two thirds of a run of the samples, which most tests of runs, commands and batches begin with. What it says of
a rule depends on nothing but the columns that the rule looks at, all of them for a rule about the table, and on the
parameters: so that equal ones have equal outcomes. The tests of a run, its workers, and the programs that
they start with `warm.ANSWERS` in their environment tell each other, by a file; tests/validation/test_gx_*.py,
tests/browser and what runs with `warm.FRESH` ask it each time.
"""

from __future__ import annotations

import hashlib
import io
import os
import pickle
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from functools import cache
from typing import Any

import pandas as pd

from edfi_toolkit.validation import gx
from tests.warm import ANSWERS

_known: dict[bytes, gx.Outcome | None] = {}  # None: a rule about rows, of no rows


def known_answers(asking: Callable[..., list[gx.Outcome]]) -> Callable[..., list[gx.Outcome]]:
    """`gx.run`, which asks only what it was not asked before."""

    def run(
        frame: pd.DataFrame,
        rules: Sequence[gx.Expectation],
        *,
        file: str,
        parameters: Mapping[str, Any] | None = None,
    ) -> list[gx.Outcome]:
        keys = _keys(frame.reset_index(drop=True), rules, parameters)
        if any(key not in _known for key in keys):
            _known.update(_told(keys))
        new = {key: rule for key, rule in zip(keys, rules, strict=True) if key not in _known}
        if new:
            said = {
                outcome.expectation["id"]: outcome
                for outcome in asking(frame, list(new.values()), file=file, parameters=parameters)
            }
            _tell({key: said.get(rule["id"]) for key, rule in new.items()})
        return [outcome for key in keys if (outcome := _known[key])]

    return run


def answer_what_is_known() -> None:
    """From now on, in this process."""
    gx.run = known_answers(gx.run)


def _keys(frame: pd.DataFrame, rules: Sequence[gx.Expectation], parameters: Any) -> list[bytes]:
    @cache
    def of_column(name: str) -> bytes | None:
        return _digest(frame[name].array) if name in frame else None

    keys = list[bytes]()
    for rule in rules:
        looked_at = sorted(gx.columns_of(rule)) or list(frame)
        of_rule = [(name, of_column(name)) for name in looked_at]
        keys.append(_digest((rule, parameters, len(frame), of_rule)))
    return keys


def _digest(given: Any) -> bytes:
    """Of equal values always the same, and of others another one."""
    written = io.BytesIO()
    pickler = pickle.Pickler(written)
    pickler.fast = True  # by value alone, whatever of it happens to be the same object
    pickler.dump(given)
    return hashlib.sha256(written.getbuffer()).digest()


def _file() -> closing[sqlite3.Connection]:
    connection = sqlite3.connect(os.environ[ANSWERS], timeout=60, isolation_level=None)
    connection.execute("PRAGMA synchronous = OFF")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS answers (key BLOB PRIMARY KEY, outcome BLOB) WITHOUT ROWID"
    )
    return closing(connection)


def _told(keys: Iterable[bytes]) -> dict[bytes, gx.Outcome | None]:
    """What is known by others of these."""
    wanted = [key for key in keys if key not in _known]
    with _file() as connection:
        marks = ", ".join("?" * len(wanted))
        found = connection.execute(f"SELECT key, outcome FROM answers WHERE key IN ({marks})", wanted)  # noqa: S608
        return {key: pickle.loads(outcome) for key, outcome in found}  # noqa: S301


def _tell(new: Mapping[bytes, gx.Outcome | None]) -> None:
    """Keep it, for the others too."""
    _known.update(new)
    with _file() as connection:
        rows = [(key, pickle.dumps(outcome)) for key, outcome in new.items()]
        connection.execute("BEGIN IMMEDIATE")
        connection.executemany("INSERT OR IGNORE INTO answers VALUES (?, ?)", rows)
        connection.execute("COMMIT")

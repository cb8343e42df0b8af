"""The tree of errors as the module draws it, and what a message about an unknown name suggests."""

from __future__ import annotations

import errno
import inspect
import io
import json
import sqlite3
import tomllib
from collections.abc import Callable
from xml.etree import ElementTree

import orjson
import pandas as pd
import psycopg
import pyarrow as pa
import pytest
from pyarrow import csv
from sqlalchemy import create_engine, text

from edfi_toolkit import errors
from edfi_toolkit.errors import did_you_mean, nearest, what_failed

CANARY = "Zephyrine"


@pytest.mark.parametrize(
    ("name", "candidates", "says"),
    [
        ("tragets", ["targets", "runs"], " Did you mean 'targets'?"),
        ("SCHOOLID", ["SchoolId", "StudentId"], " Did you mean 'SchoolId'?"),
        (2025, [2026, 1990], " Did you mean '2026'?"),
        ("zzz", ["targets", "runs"], ""),
        ("anything", [], ""),
    ],
)
def test_the_nearest_known_name_is_suggested(name: object, candidates: list[object], says: str) -> None:
    assert did_you_mean(name, candidates) == says
    assert (nearest(name, candidates) is not None) is bool(says)


def test_the_module_opens_with_the_tree_of_its_errors() -> None:
    parents: list[str] = []
    tree: dict[str, str | None] = {}
    for line in (errors.__doc__ or "").splitlines():
        name = line.strip().partition(" ")[0]
        if not inspect.isclass(getattr(errors, name, None)):
            continue
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth:] = [name]
        tree[name] = parents[depth - 1] if depth else None
    classes = {
        name: cls.__base__.__name__ if cls is not errors.EdfiToolkitError else None
        for name, cls in vars(errors).items()
        if inspect.isclass(cls) and issubclass(cls, errors.EdfiToolkitError)
    }
    assert tree == classes


def arrow(content: str) -> None:
    csv.read_csv(io.BytesIO(content.encode()), read_options=csv.ReadOptions(use_threads=False))


def statement(sql: str) -> None:
    with create_engine("sqlite://").connect() as connection:
        connection.execute(text(sql))


class Coded(Exception):
    """As drivers have a code among their arguments."""

    def __init__(self, code: object) -> None:
        super().__init__(code)
        self.sqlstate = code


def raising(error: BaseException) -> Callable[[], None]:
    def fails() -> None:
        raise error

    return fails


@pytest.mark.parametrize(
    ("fails", "says"),
    [
        (lambda: pa.scalar(CANARY).cast(pa.int64()), "ArrowInvalid"),
        (lambda: arrow(f"a,b\n1,2\n{CANARY}\n"), "ArrowInvalid at row 3"),
        (lambda: pd.read_csv(io.StringIO(f"a,b\n1,{CANARY},3,4,5\n1,2\n1,2,3,4,5,6,7\n")), "ParserError at line 4"),
        (lambda: pd.to_datetime([CANARY]), "DateParseError"),
        (lambda: int(CANARY), "ValueError"),
        (lambda: {"a": 1}[CANARY], "KeyError"),
        (lambda: f"{CANARY}\udc80".encode(), "UnicodeEncodeError"),
        (lambda: CANARY.encode("utf-16")[:1].decode(), "UnicodeDecodeError at byte 0"),
        (lambda: json.loads(f'{{"{CANARY}": 1,\n x'), "JSONDecodeError at line 2, column 2"),
        (lambda: orjson.loads(f'{{"{CANARY}": 1,\n x'), "JSONDecodeError at line 2, column 2"),
        (lambda: tomllib.loads(f'a = 1\nb = {CANARY}'), "TOMLDecodeError at line 2, column 5"),
        (lambda: ElementTree.fromstring(f"<a>\n<{CANARY}></b>"), "ParseError at line 2, column 13"),  # noqa: S314
        (lambda: statement(f"SELEKT {CANARY}"), "OperationalError SQLITE_ERROR"),
        (raising(sqlite3.IntegrityError(f"UNIQUE {CANARY}")), "IntegrityError"),
        (raising(psycopg.errors.InvalidDatetimeFormat(f'date: "{CANARY}"')), "InvalidDatetimeFormat 22007"),
        (raising(OSError(errno.ENOSPC, CANARY, CANARY)), "No space left on device"),
        (raising(OSError(f"{CANARY} is no Parquet file")), "OSError"),
        (raising(Coded("ORA-00942")), "Coded ORA-00942"),
        (raising(Coded(CANARY)), "Coded"),
    ],
)  # fmt: skip
def test_what_another_library_says_is_never_repeated(fails: Callable[[], object], says: str) -> None:
    """Kind, code and place go into a message; the text may quote a student."""
    with pytest.raises(Exception) as failed:  # noqa: PT011 - each library has its own
        fails()
    assert what_failed(failed.value) == says

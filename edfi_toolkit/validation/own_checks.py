"""Checks that a steward adds: one expectation on a column of a table, in a file of the workspace.

A filled cell is judged as it is written in the source ("Y" and not "yes"), whatever the column's type makes of it; only
`between` looks at the number or the day.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from edfi_toolkit.errors import ConfigError, did_you_mean
from edfi_toolkit.storage import write_private
from edfi_toolkit.tables import TABLES, Tables
from edfi_toolkit.validation.check_texts import SEVERITIES
from edfi_toolkit.validation.suite_checks import run_on_table
from edfi_toolkit.validation.suite_files import Expectation, Suite, read, stable_id

KINDS = ("filled", "one of these values", "matches", "between", "unique")
_KIND_OF = {
    "filled": "expect_column_values_to_not_be_null",
    "one of these values": "expect_column_values_to_be_in_set",
    "matches": "expect_column_values_to_match_regex",
    "unique": "expect_column_values_to_be_unique",
}
_DAYS = "expect_column_values_to_be_calendar_days"
_NUMBERS = "expect_column_values_to_be_between"
_HINT = "Correct it in the SIS; where the value is right, have the check changed."
_OWN = re.compile(r"OWN-(\d+)")


def check_of(given: Mapping[str, str], number: int) -> Expectation:
    """A check as it was typed: table, column, kind, values, until, severity, says. Raises ConfigError for a wrong one.

    values: separated by `|`; a pattern; or the least value. until: the greatest.
    """
    table, column, kind = (given.get(name, "") for name in ("table", "column", "kind"))
    _known("table", table, TABLES)
    _known("column", column, [name for name, of in TABLES[table].columns.items() if of.type != "json"])
    _known("kind of check", kind, KINDS)
    _known("severity", given.get("severity", ""), SEVERITIES)
    says = given.get("says", "").strip()
    if not says:
        raise ConfigError("What is wrong with such a row? Give the sentence that a steward will read.")
    values, until = given.get("values", "").strip(), given.get("until", "").strip()
    type_, kwargs = _asked(table, column, kind, values, until)
    subject, rule_id = f"source.{table}", f"OWN-{number}"
    meta = {"rule_id": rule_id, "says": says, "hint": _HINT, "source": "a check of this workspace"}
    kwargs = {"column": column, **kwargs}
    return {
        "id": stable_id(subject, type_, rule_id, kwargs),
        "type": type_,
        "kwargs": kwargs,
        "severity": given["severity"],
        "meta": meta | ({} if kind == "between" else {"as_written": True}),
    }


def failing_rows(tables: Tables, table: str, rule: Expectation) -> pd.DataFrame:
    """The rows of the extract that a check would find. Raises ConfigError where it cannot be tried."""
    (outcome,) = run_on_table(tables, table, [rule], "this check", {}) or (None,)
    if outcome is not None and outcome.error:
        raise ConfigError(
            f"{rule['kwargs']['column']} of {table} cannot be judged: this extract does not have its texts. Extract "
            "the source again in notebook 10."
        )
    return tables[table].iloc[list(outcome.labels) if outcome is not None else []]


def save_check(folder: Path, table: str, rule: Expectation) -> Path:
    """Add a check to the file of its table. Raises ConfigError where the file has it already."""
    path = folder / f"source.{table}.own.json"
    rules = list(read(path).expectations) if path.is_file() else []
    if any(_same(rule, other) for other in rules):
        raise ConfigError(f"{path.name} has this check already. Change it, or remove the other one first.")
    _write(path, [*rules, rule])
    return path


def remove_check(folder: Path, rule_id: str) -> Path:
    """Take a check out of its file. Raises ConfigError where there is none of that name."""
    for suite in _suites(folder):
        kept = [rule for rule in suite.expectations if rule["meta"]["rule_id"] != rule_id]
        if len(kept) < len(suite.expectations):
            _write(suite.path, kept)
            return suite.path
    raise ConfigError(f"There is no check {rule_id} in {folder}. Choose one of the list.")


def own_checks(folder: Path) -> pd.DataFrame:
    """The checks of the workspace: rule_id, table, column, kind, severity, says."""
    words = {kind: word for word, kind in _KIND_OF.items()}
    rows = [
        {
            "rule_id": rule["meta"]["rule_id"],
            "table": suite.subject.removeprefix("source."),
            "column": rule["kwargs"].get("column"),
            "kind": words.get(rule["type"], "between"),
            "severity": rule["severity"],
            "says": rule["meta"]["says"],
        }
        for suite in _suites(folder)
        for rule in suite.expectations
    ]
    return pd.DataFrame(rows, columns=["rule_id", "table", "column", "kind", "severity", "says"])


def next_number(folder: Path) -> int:
    """The number of the next check: no other has it, so that a finding names one."""
    found = [_OWN.fullmatch(str(rule_id)) for rule_id in own_checks(folder)["rule_id"]]
    return max((int(match[1]) for match in found if match), default=0) + 1


def _asked(table: str, column: str, kind: str, values: str, until: str) -> tuple[str, dict[str, Any]]:
    if kind == "one of these values":
        chosen = [value for part in values.split("|") if (value := part.strip())]
        if not chosen:
            raise ConfigError("Which values? Separate them by |, such as Y|N.")
        return _KIND_OF[kind], {"value_set": chosen}
    if kind == "matches":
        try:
            re.compile(values)
        except re.error:
            raise ConfigError(
                "The pattern is no regular expression. Correct it, such as ^A.*$ for all that begins with A."
            ) from None
        if not values:
            raise ConfigError(r"Which pattern? A regular expression, such as ^\d{4}$ for four digits.")
        return _KIND_OF[kind], {"regex": values}
    if kind == "between":
        return _range(table, column, values, until)
    return _KIND_OF[kind], {}


def _range(table: str, column: str, least: str, greatest: str) -> tuple[str, dict[str, Any]]:
    type_ = TABLES[table].columns[column].type
    bounds = {"min": least, "max": greatest}
    given = {name: text for name, text in bounds.items() if text}
    if not given:
        raise ConfigError("Between which values? Give the least, the greatest, or both.")
    try:
        if type_ == "date":
            days = {f"{name}_date": f"{pd.Timestamp(text):%Y-%m-%d}" for name, text in given.items()}
            return _DAYS, days
        if type_ in ("int", "year"):
            return _NUMBERS, {f"{name}_value": float(text) for name, text in given.items()}
    except ValueError:
        raise ConfigError(
            "The least and the greatest value are numbers, or days as 2025-09-01. Correct them."
        ) from None
    raise ConfigError(f"{column} holds neither numbers nor days. Use another kind of check.")


def _known(what: str, name: str, known: Any) -> None:
    if name not in known:
        raise ConfigError(f"There is no {what} {name!r}.{did_you_mean(name, known)} Choose one of the list.")


def _same(rule: Expectation, other: Expectation) -> bool:
    return rule["type"] == other["type"] and rule["kwargs"] == other["kwargs"]


def _suites(folder: Path) -> Iterator[Suite]:
    return (read(path) for path in sorted(folder.glob("source.*.own.json")))


def _write(path: Path, rules: list[Expectation]) -> None:
    content = {"name": path.stem, "expectations": rules}
    write_private(path, orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))

"""Great Expectations, with every way it answers wrongly without saying so closed off.

Configuration and guards come from measurements (expectations/README.md):
 1. The frame gets a plain RangeIndex; labels of failing rows are looked up by the caller. Naming index
    columns costs ten times as much, and duplicate labels corrupt the answer.
 2. Results come back in another order than the suite: they are matched by id.
 3. A kind that is unknown is dropped: the number of rules is compared, and the dropped one is named.
 4. A rule that could not be evaluated looks like one that failed: it is recognised, in both of its shapes.
 5. A rule that `mostly` holds still lists its failing rows.
 6. An empty frame passes every row rule: only table rules are asked about it.
Which rows fail is asked only of rules that fail (or may tolerate failures, `mostly`): asking costs four times as much.
Cell values never leave: only labels and counts are read from a result.
"""

from __future__ import annotations

import logging
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd

from edfi_toolkit.errors import ValidationError, what_failed
from edfi_toolkit.validation.gx_savings import (
    batches_unmarked,
    fields_copied_quickly,
    measures_named_once,
    nothing_collected,
    rarely_used_imported_later,
    rules_described_once,
)
from edfi_toolkit.validation.suite_files import Expectation

_LOCK = threading.RLock()  # the library keeps one context for the whole process
_WHETHER = {"result_format": "BOOLEAN_ONLY"}
_WHICH = {"result_format": "COMPLETE", "return_unexpected_index_query": False}


@dataclass(frozen=True)
class Outcome:
    """What became of one expectation on one frame.

    labels: index labels of failing rows. tolerated: `mostly` is met nevertheless.
    failed: a rule about the whole table does not hold. missing: columns it needs and the frame lacks.
    error: it could not be evaluated.
    """

    expectation: Expectation
    labels: Sequence[int] = ()
    tolerated: bool = False
    failed: bool = False
    error: bool = False
    missing: tuple[str, ...] = ()


def run(
    frame: pd.DataFrame,
    expectations: Sequence[Expectation],
    *,
    file: str,
    parameters: Mapping[str, Any] | None = None,
) -> list[Outcome]:
    """Evaluate expectations on one frame, in the order of `expectations`; labels are positions in the frame.

    file: named in errors. Raises ValidationError when the library does not accept the expectations as
    written.
    """
    frame = frame.reset_index(drop=True)
    rules = about(frame, expectations)
    lacking = {rule["id"]: tuple(sorted(columns_of(rule) - set(frame.columns))) for rule in rules}
    asked = [rule for rule in rules if not lacking[rule["id"]]]
    with _LOCK, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the library's own, and those of what it imports
        _known_kinds(rules, file)
        with batches_unmarked():
            answers = _evaluate(
                frame, [rule for rule in asked if not _nothing_to_ask(rule, frame)], file, parameters
            )
    return [
        Outcome(rule, error=True, missing=lacking[rule["id"]])
        if lacking[rule["id"]]
        else answers.get(rule["id"]) or Outcome(rule)
        for rule in rules
    ]


def about(frame: pd.DataFrame, rules: Sequence[Expectation]) -> list[Expectation]:
    """The rules that can be asked about a frame (guard 6)."""
    return [rule for rule in rules if len(frame) or rule["type"].startswith("expect_table_")]


def columns_of(rule: Expectation) -> set[str]:
    """Every column that a rule looks at, its row condition included."""
    kwargs = rule["kwargs"]
    named = {kwargs[name] for name in ("column", "column_A", "column_B") if isinstance(kwargs.get(name), str)}
    lists = [kwargs.get(name) for name in ("column_list", "column_set")]
    return (
        named
        | {column for columns in lists if columns for column in columns}
        | _in_condition(kwargs.get("row_condition"))
    )


def _in_condition(condition: Any) -> set[str]:
    if isinstance(condition, Mapping):
        column = condition.get("column")
        here = {column["name"]} if isinstance(column, Mapping) and "name" in column else set()
        return here.union(*(_in_condition(each) for name, each in condition.items() if name != "column"))
    if isinstance(condition, list):
        return set().union(*(_in_condition(part) for part in condition))
    return set()


def _nothing_to_ask(rule: Expectation, frame: pd.DataFrame) -> bool:
    """A rule about one column's values holds where there are none, as in most properties of a resource; a rule that
    none is missing holds where none is."""
    if not rule["type"].startswith(("expect_column_values_", "expect_column_value_lengths_")):
        return False
    missing = frame[rule["kwargs"]["column"]].isna()
    if rule["type"] == "expect_column_values_to_not_be_null":
        return rule["kwargs"].keys() == {"column"} and not missing.any()
    return bool(missing.all())


@cache
def _frames() -> Any:
    """What turns a frame into a batch, in the one context of this process: nothing on disk, no progress bars, no log
    lines with cell values."""
    with rarely_used_imported_later(), nothing_collected(), fields_copied_quickly():
        import great_expectations
    from great_expectations.data_context.types.base import ProgressBarsConfig

    from edfi_toolkit.validation import calendar_days  # noqa: F401 - registers our expectation

    logging.getLogger("great_expectations").setLevel(logging.CRITICAL)
    context = great_expectations.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False, metric_calculations=False)
    asset = context.data_sources.add_pandas("edfi_toolkit").add_dataframe_asset("frame")
    return asset.add_batch_definition_whole_dataframe("all")


def _known_kinds(rules: Sequence[Expectation], file: str) -> None:
    """Guard 3, first half: every kind is one that the library knows, before it can drop one."""
    _frames()
    from great_expectations.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import get_expectation_impl

    for rule in rules:
        try:
            get_expectation_impl(rule["type"])
        except ExpectationNotFoundError:
            raise ValidationError(
                f"{file}, rule {rule['meta']['rule_id']}: Great Expectations does not know {rule['type']}. "
                "Correct the type; otherwise the rule would never be checked."
            ) from None


def _evaluate(
    frame: pd.DataFrame, rules: Sequence[Expectation], file: str, parameters: Mapping[str, Any] | None
) -> dict[str, Outcome]:
    if not rules:
        return {}
    batch, given = _frames().get_batch({"dataframe": frame}), dict(parameters or {})

    def ask(rules: Sequence[Expectation], result_format: Mapping[str, Any]) -> dict[str, Outcome]:
        if not rules:
            return {}
        with rules_described_once(), measures_named_once():
            result = batch.validate(
                _suite(rules, file), result_format=result_format, expectation_parameters=given
            )
        return outcomes(result.results, rules, file)

    tolerant = [rule for rule in rules if "mostly" in rule["kwargs"]]
    try:
        found = ask([rule for rule in rules if rule not in tolerant], _WHETHER)
        failed = [outcome.expectation for outcome in found.values() if outcome.failed]
        return found | ask([*failed, *tolerant], _WHICH)
    finally:
        # The library would keep the last frame, and with it students, in memory.
        manager = batch.datasource.get_execution_engine().batch_manager
        manager.reset_batch_cache()
        manager.batch_data_cache.clear()


def _suite(rules: Sequence[Expectation], file: str) -> Any:
    """Guard 3, second half: the suite holds as many rules as it was given."""
    from great_expectations.core.expectation_suite import ExpectationSuite

    loaded = []
    for rule in rules:
        try:
            loaded.extend(ExpectationSuite(name=file, expectations=[_slim(rule)]).expectations)
        except (TypeError, ValueError) as problem:  # the library's field errors are ValueErrors
            raise ValidationError(
                f"{file}, rule {rule['meta']['rule_id']} ({rule['type']}): Great Expectations does not take its "
                f"kwargs ({what_failed(problem)}{_members(problem)}). Correct the file."
            ) from None
    if len(loaded) != len(rules):
        raise ValidationError(
            f"{file}: {len(rules)} rules were given, and {len(loaded)} understood. Correct the file."
        )
    suite = ExpectationSuite(name=file)
    suite.expectations = loaded
    return suite


def _members(problem: Exception) -> str:
    """Which kwargs the library found wrong: their names."""
    errors = problem.errors() if hasattr(problem, "errors") else []
    names = sorted({str(error["loc"][0]) for error in errors} - {"__root__"})
    return f": {', '.join(names)}" if names else ""


def _slim(rule: Expectation) -> Expectation:
    """A rule without the words: the library copies all it was given some forty times for each rule."""
    return {**rule, "meta": {"rule_id": rule["meta"]["rule_id"]}}


def outcomes(results: Sequence[Any], rules: Sequence[Expectation], file: str) -> dict[str, Outcome]:
    """The library's results by the id of their rule (guards 2, 4 and 5)."""
    by_id = {rule["id"]: rule for rule in rules}
    found: dict[str, Outcome] = {}
    for result in results:
        rule = by_id.get(str(result.expectation_config.id))
        if rule is not None:
            found[rule["id"]] = _outcome(result, rule, file)
    if missing := [rule["meta"]["rule_id"] for rule in rules if rule["id"] not in found]:
        raise ValidationError(f"{file}: Great Expectations gave no answer to {', '.join(missing)}.")
    return found


def _outcome(result: Any, rule: Expectation, file: str) -> Outcome:
    if raised(result.exception_info):
        return Outcome(rule, error=True)
    said = result.result or {}
    labels = said.get("unexpected_index_list")
    if labels is None:
        if said.get("unexpected_count"):
            raise ValidationError(
                f"{file}: Great Expectations does not say which rows fail {rule['meta']['rule_id']}."
            )
        return Outcome(rule, failed=not result.success)
    if len(labels) != said["unexpected_count"]:
        raise ValidationError(
            f"{file}, rule {rule['meta']['rule_id']}: Great Expectations counts "
            f"{said['unexpected_count']} failing rows and names {len(labels)}. Its answer cannot be used."
        )
    return Outcome(rule, labels=labels, tolerated=bool(result.success) and bool(labels))


def raised(exception_info: Mapping[str, Any] | None) -> bool:
    """Whether a rule could not be evaluated: reported flat, or under the id of each metric."""
    info = exception_info or {}
    if "raised_exception" in info:
        return bool(info["raised_exception"])
    return any(
        isinstance(metric, Mapping) and bool(metric.get("raised_exception")) for metric in info.values()
    )

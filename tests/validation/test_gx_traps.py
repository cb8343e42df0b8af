"""Every way in which Great Expectations 1.24 answers wrongly without an error (expectations/README.md)."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit.errors import ValidationError
from edfi_toolkit.validation import gx
from edfi_toolkit.validation.suite_files import read
from tests.factories.bodies import CTE

META = {"rule_id": "OWN-1", "says": "It is wrong.", "hint": "Correct it.", "source": "our office"}


def a_rule(kind: str, rule_id: str = "OWN-1", severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": kind, "kwargs": kwargs, "severity": severity, "meta": {**META, "rule_id": rule_id}}


def not_null(column: str, rule_id: str = "OWN-1", **more: Any) -> dict[str, Any]:
    return a_rule("expect_column_values_to_not_be_null", rule_id, column=column, **more)


def a_file(folder: Path, *rules: Any, name: str = f"{CTE}.own.json") -> Path:
    path = folder / name
    path.write_text(json.dumps({"name": path.stem, "expectations": list(rules)}))
    return path


def run(folder: Path, frame: pd.DataFrame, *rules: Any) -> dict[str, gx.Outcome]:
    suite = read(a_file(folder, *rules))
    outcomes = gx.run(frame, suite.expectations, file=suite.path.name)
    return {outcome.expectation["meta"]["rule_id"]: outcome for outcome in outcomes}


def test_an_unknown_kind_is_an_error_that_names_file_and_kind(tmp_path):
    with pytest.raises(
        ValidationError, match=rf"{CTE}\.own\.json, rule OWN-1.*expect_column_values_to_shine"
    ):
        run(tmp_path, pd.DataFrame({"a": ["x"]}), a_rule("expect_column_values_to_shine", column="a"))


@pytest.mark.parametrize(
    ("kind", "kwargs", "said"),
    [
        ("expect_column_values_to_match_regex", {"column": "a"}, "needs regex"),
        ("expect_column_values_to_match_regex", {"column": "a", "regex": ""}, "needs regex"),
        ("expect_column_values_to_be_in_set", {"column": "a"}, "needs value_set"),
        ("expect_column_values_to_be_in_set", {"column": "a", "value_set": []}, "needs value_set"),
        ("expect_compound_columns_to_be_unique", {"column_list": ["a", "b"]}, "needs ignore_row_if"),
        (
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": "a", "column_B": "b"},
            "needs ignore_row_if",
        ),
        (
            "expect_column_values_to_be_in_type_list",
            {"column": "a", "type_list": ["Int64"]},
            "cannot be used",
        ),
        ("expect_column_values_to_be_of_type", {"column": "a", "type_": "str"}, "cannot be used"),
        ("expect_column_values_to_not_be_null", {"column": "a", "row_condition": "b == 1"}, "run as code"),
        (
            "expect_column_values_to_be_between",
            {"column": "a", "min_value": {"$PARAMETER": "begin"}},
            "no parameter begin",
        ),
    ],
)
def test_a_rule_that_would_let_rows_pass_is_refused_before_it_runs(tmp_path, kind, kwargs, said):
    with pytest.raises(ValidationError, match=said):
        read(a_file(tmp_path, a_rule(kind, **kwargs)))


def test_a_rule_the_library_itself_refuses_names_the_file(tmp_path):
    with pytest.raises(ValidationError, match=rf"{CTE}\.own\.json, rule OWN-1"):
        run(
            tmp_path,
            pd.DataFrame({"a": ["x"]}),
            a_rule("expect_column_value_lengths_to_be_between", column="a"),
        )
    with pytest.raises(ValidationError, match=rf"{CTE}\.own\.json, rule OWN-1"):
        run(tmp_path, pd.DataFrame({"a": ["x"]}), not_null("a", strictness="high"))


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("[", "not valid JSON"),
        ("[]", "no list of expectations"),
        ('{"expectations": [7]}', "rule 1: needs type"),
        ('{"expectations": [{"type": "x", "kwargs": {}, "meta": {"rule_id": "A"}}]}', "meta lacks says"),
        (json.dumps({"expectations": [a_rule("x", severity="grave")]}), "severity"),
        (json.dumps({"expectations": [not_null("a"), not_null("a")]}), "same thing twice"),
    ],
)
def test_a_file_that_is_no_suite_is_refused_by_name(tmp_path, content, said):
    path = tmp_path / "source.students.own.json"
    path.write_text(content)
    with pytest.raises(ValidationError, match=f"source.students.own.json.*{said}"):
        read(path)


def test_an_empty_frame_is_asked_only_about_the_table(tmp_path):
    outcomes = run(
        tmp_path,
        pd.DataFrame({"a": pd.Series(dtype="str")}),
        not_null("a"),
        a_rule("expect_table_row_count_to_be_between", "OWN-2", min_value=1),
    )
    assert set(outcomes) == {"OWN-2"}
    assert outcomes["OWN-2"].failed


def test_results_are_matched_by_id_whatever_their_order(tmp_path):
    """The library groups results by column."""
    frame = pd.DataFrame({"a": ["x", None, "x"], "b": [None, "x", "x"]})
    outcomes = run(
        tmp_path,
        frame,
        not_null("a", "A-1"),
        not_null("b", "B-1"),
        a_rule("expect_column_values_to_be_unique", "A-2", column="a"),
        a_rule("expect_column_values_to_be_unique", "B-2", column="b"),
    )
    assert {name: list(each.labels) for name, each in outcomes.items()} == {
        "A-1": [1],
        "B-1": [0],
        "A-2": [0, 2],
        "B-2": [1, 2],
    }


def test_two_rules_with_one_rule_id_are_told_apart(tmp_path):
    frame = pd.DataFrame({"a": ["x", None], "b": [None, "x"]})
    suite = read(a_file(tmp_path, not_null("a"), not_null("b")))
    first, second = gx.run(frame, suite.expectations, file="own")
    assert (list(first.labels), list(second.labels)) == ([1], [0])


def test_a_missing_column_is_an_error_and_not_a_failed_rule(tmp_path):
    outcome = run(tmp_path, pd.DataFrame({"a": ["x"]}), not_null("b"))["OWN-1"]
    assert outcome.error
    assert outcome.missing == ("b",)
    assert not outcome.failed
    assert list(outcome.labels) == []


def test_a_missing_column_of_a_row_condition_is_an_error_too(tmp_path):
    condition = {"type": "nullity", "column": {"name": "gone"}, "is_null": False}
    assert run(tmp_path, pd.DataFrame({"a": ["x"]}), not_null("a", row_condition=condition))[
        "OWN-1"
    ].missing == ("gone",)


def test_a_row_condition_as_an_object_limits_the_rule(tmp_path):
    condition = {"type": "nullity", "column": {"name": "b"}, "is_null": False}
    frame = pd.DataFrame({"a": [None, None, "x"], "b": ["y", None, "y"]}, index=[9, 9, 9])
    assert list(run(tmp_path, frame, not_null("a", row_condition=condition))["OWN-1"].labels) == [0]


def test_a_rule_that_cannot_be_evaluated_is_an_error(tmp_path):
    """Texts compared with a number: the library reports it beside rules that merely failed."""
    rule = a_rule("expect_column_values_to_be_between", column="a", min_value=1)
    assert run(tmp_path, pd.DataFrame({"a": ["x", "y"]}), rule)["OWN-1"].error


@pytest.mark.parametrize(
    ("info", "error"),
    [
        ({"raised_exception": True, "exception_message": "flat"}, True),
        ({"raised_exception": False, "exception_message": None}, False),
        ({"('metric', 'id')": {"raised_exception": True}}, True),
        ({"('metric', 'id')": {"raised_exception": False}}, False),
        ({}, False),
        (None, False),
    ],
)
def test_both_shapes_of_an_exception_are_understood(info, error):
    assert gx.raised(info) is error


def test_duplicate_index_labels_do_not_corrupt_the_answer(tmp_path):
    frame = pd.DataFrame({"a": ["x", None, "x", None]}, index=[5, 5, 5, 7])
    assert list(run(tmp_path, frame, not_null("a"))["OWN-1"].labels) == [1, 3]


def test_mostly_met_still_reports_its_rows(tmp_path):
    frame = pd.DataFrame({"a": ["x", None, "x", "x"]})
    tolerant = run(tmp_path, frame, not_null("a", mostly=0.5))["OWN-1"]
    assert (list(tolerant.labels), tolerant.tolerated) == ([1], True)
    strict = run(tmp_path, frame, not_null("a", mostly=0.9))["OWN-1"]
    assert (list(strict.labels), strict.tolerated) == ([1], False)


def test_compound_keys_and_pairs_say_what_they_do_with_missing_values(tmp_path):
    frame = pd.DataFrame({"a": ["x", "x", None, None], "b": ["y", "y", None, None]})
    kwargs = {"column_list": ["a", "b"], "ignore_row_if": "any_value_is_missing"}
    outcome = run(tmp_path, frame, a_rule("expect_compound_columns_to_be_unique", **kwargs))["OWN-1"]
    assert list(outcome.labels) == [0, 1]


def a_result(rule_id: str = "1", **result: Any) -> SimpleNamespace:
    return SimpleNamespace(
        expectation_config=SimpleNamespace(id=rule_id), success=False, result=result, exception_info=None
    )


def test_failing_rows_without_their_labels_are_an_error_and_not_a_pass():
    rule = {"id": "1", **not_null("a")}
    with pytest.raises(ValidationError, match="does not say which rows"):
        gx.outcomes([a_result(unexpected_count=3)], [rule], "file")
    with pytest.raises(ValidationError, match=r"3 failing rows and names 1"):
        gx.outcomes([a_result(unexpected_count=3, unexpected_index_list=[0])], [rule], "file")
    with pytest.raises(ValidationError, match="gave no answer to OWN-1"):
        gx.outcomes([a_result("another")], [rule], "file")


@pytest.mark.parametrize(
    "column",
    [
        pd.Series(["2025-08-23", None, "2025-02-30", "8/23/2025"], dtype="str"),
        pd.Series(["2025-08-23", None, "2025-02-30", "8/23/2025"], dtype=object),
        pd.Series(["2025-08-23", np.nan, "2025-02-30", "8/23/2025"], dtype="string"),
    ],
)
def test_calendar_days_are_told_in_every_kind_of_column(tmp_path, column):
    rule = a_rule("expect_column_values_to_be_calendar_days", column="a")
    assert list(run(tmp_path, pd.DataFrame({"a": column}), rule)["OWN-1"].labels) == [2, 3]


def test_missing_values_do_not_count_as_failed_patterns(tmp_path):
    """pandas 3 says False, not missing, where a pattern meets a missing text."""
    frame = pd.DataFrame({"a": pd.Series(["x1", None, "x"], dtype="str")})
    rule = a_rule("expect_column_values_to_match_regex", column="a", regex=r"\d")
    assert list(run(tmp_path, frame, rule)["OWN-1"].labels) == [2]


def test_no_frame_stays_in_memory_after_it_was_checked(tmp_path):
    """The library's one context would keep the last."""
    import gc

    gc.freeze()  # what was there before is neither collected nor looked through
    run(tmp_path, pd.DataFrame({"a": ["canary", None]}), not_null("a"))
    gc.collect()
    frames = [
        each for each in gc.get_objects() if isinstance(each, pd.DataFrame) and list(each.columns) == ["a"]
    ]
    assert [each for each in frames if each["a"].eq("canary").any()] == []


def test_nothing_is_printed_or_logged(tmp_path, capfd, caplog):
    with caplog.at_level(logging.INFO):
        run(
            tmp_path,
            pd.DataFrame({"a": ["x"]}),
            a_rule("expect_column_values_to_be_between", column="a", min_value=1),
        )
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.name.startswith("great_expectations")] == []

"""Suites of one's own, next to those of the toolkit or in their place."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, ValidationError
from edfi_toolkit.rules import build
from edfi_toolkit.validation import validate
from edfi_toolkit.validation.suite_files import load, read, shipped_folder
from tests.factories.bodies import CTE, a_body, a_build
from tests.validation.test_gx_traps import a_file, a_rule, not_null


def test_own_rules_are_read_in_addition_and_hold_records(tmp_path, monkeypatch):
    a_file(tmp_path, not_null("servedOutsideOfRegularSession", "STATE-7"))
    monkeypatch.setenv("EDFI_EXPECTATIONS", str(tmp_path))
    assert [suite.profile for suite in load()[CTE]] == ["", "certification", "nm-powerschool", ""]
    checked = validate(a_build((CTE, a_body())))
    (held,) = checked.held.to_dict("records")
    assert held["held_by"] == ["STATE-7"]


def test_an_own_rule_about_a_column_that_does_not_exist_holds_the_resource(tmp_path, monkeypatch):
    a_file(tmp_path, not_null("dateOfBirth", "STATE-8"))
    monkeypatch.setenv("EDFI_EXPECTATIONS", str(tmp_path))
    checked = validate(a_build((CTE, a_body())))
    (found,) = checked.findings.to_dict("records")
    assert found["severity"] == "critical"
    assert (
        found["says"]
        == "This rule could not be checked, because there is no column dateOfBirth: It is wrong."
    )
    assert len(checked.held) == 1


def test_an_own_warning_that_cannot_be_checked_is_told_and_holds_nothing(tmp_path, monkeypatch):
    a_file(tmp_path, {**not_null("shoe_size", "STATE-9"), "severity": "info"}, name="source.schools.own.json")
    monkeypatch.setenv("EDFI_EXPECTATIONS", str(tmp_path))
    schools = [{"school_id": "A", "school_number": "1"}]
    result = build({"edfi_config": [{"school_year": 2026}], "schools": schools}, profile="wi-infinite-campus")
    found = validate(result).findings
    (row,) = found[found["rule_id"].eq("STATE-9")].to_dict("records")
    assert (row["severity"], row["table"]) == ("warning", "schools")
    assert pd.isna(row["row_id"])


def test_what_mostly_tolerates_is_reported_one_severity_lower(tmp_path, monkeypatch):
    a_file(tmp_path, not_null("servedOutsideOfRegularSession", "STATE-7", mostly=0.5))
    monkeypatch.setenv("EDFI_EXPECTATIONS", str(tmp_path))
    other = a_body(studentReference={"studentUniqueId": "111111"}, servedOutsideOfRegularSession=False)
    checked = validate(a_build((CTE, a_body()), (CTE, other)))
    (found,) = checked.findings.to_dict("records")
    assert (found["rule_id"], found["severity"], found["row_id"]) == ("STATE-7", "warning", "p0")
    assert checked.held.empty


def test_a_file_that_speaks_about_nothing_is_refused(tmp_path, monkeypatch):
    a_file(tmp_path, not_null("a"), name="source.pupils.json")
    monkeypatch.setenv("EDFI_EXPECTATIONS", str(tmp_path))
    with pytest.raises(ValidationError, match=r"source.pupils.json speaks about source.pupils"):
        validate(a_build())


def test_a_rule_that_mixes_two_collections_is_refused(tmp_path, monkeypatch):
    columns = ["endDate", "cteProgramServices[*].cipCode"]
    kwargs = {"column_list": columns, "ignore_row_if": "never"}
    a_file(tmp_path, a_rule("expect_compound_columns_to_be_unique", **kwargs))
    monkeypatch.setenv("EDFI_EXPECTATIONS", str(tmp_path))
    with pytest.raises(ValidationError, match="different collections"):
        validate(a_build((CTE, a_body())))


def test_a_rule_about_a_collection_that_does_not_exist_is_refused(tmp_path, monkeypatch):
    a_file(tmp_path, not_null("shoes[*].size"))
    monkeypatch.setenv("EDFI_EXPECTATIONS", str(tmp_path))
    with pytest.raises(ValidationError, match=r"no shoes\[\*\] \(OWN-1\)"):
        validate(a_build((CTE, a_body())))


def test_a_folder_of_own_rules_that_is_not_there_is_an_error(monkeypatch):
    monkeypatch.setenv("EDFI_EXPECTATIONS", "/nowhere/at/all")
    with pytest.raises(ConfigError, match="EDFI_EXPECTATIONS"):
        validate(a_build())


def test_a_file_of_the_same_name_takes_the_place_of_a_shipped_one(tmp_path, monkeypatch):
    path = tmp_path / "source.students.json"
    path.write_bytes((shipped_folder() / "source.students.json").read_bytes())
    suites = load({"EDFI_EXPECTATIONS": str(tmp_path)})["source.students"]
    assert [suite.path for suite in suites if not suite.profile] == [path]


def test_a_suite_for_one_profile_is_read_from_its_name_and_may_be_ones_own(tmp_path):
    path = a_file(tmp_path, not_null("a"), name="nm-powerschool.source.students.district.json")
    suite = read(path)
    assert (suite.profile, suite.subject) == ("nm-powerschool", "source.students")


def test_a_setting_that_does_not_exist_is_refused(tmp_path):
    """Its rule would never be asked."""
    rule = not_null("a")
    rule["meta"] = {**rule["meta"], "settings": {"nm.yearwindow": ["config"]}}
    with pytest.raises(ValidationError, match=r"no setting nm\.yearwindow"):
        read(a_file(tmp_path, rule))

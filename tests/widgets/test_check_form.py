"""A check of one's own: typed into the form, tried on the extract, saved in the workspace, asked by validation."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.privacy import Masker
from edfi_toolkit.runs.checks import Checks
from edfi_toolkit.tables import Tables, normalise
from edfi_toolkit.validation.own_checks import check_of, failing_rows
from edfi_toolkit.validation.suite_files import load
from edfi_toolkit.widgets.check_form import CheckForm

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
SAYS = "No-show is neither Y nor N."


def read(*no_show: Any) -> Tables:
    rows = [
        {
            "enrollment_id": f"e{at}",
            "student_id": "9002771834",
            "school_id": "1",
            "start_date": f"2025-09-0{at}",
        }
        | {"no_show": value}
        for at, value in enumerate(no_show, 1)
    ]
    return normalise({"enrollments": rows})


def given(column: str, kind: str, values: str = "", until: str = "", says: str = SAYS) -> dict[str, str]:
    about = {"table": "enrollments", "column": column, "kind": kind, "severity": "warning", "says": says}
    return {**about, "values": values, "until": until}


def found(tables: Tables, column: str, kind: str, values: str = "", until: str = "") -> list[str]:
    rule = check_of(given(column, kind, values, until), 1)
    return failing_rows(tables, "enrollments", rule)["enrollment_id"].tolist()


def test_y_or_n_on_a_yes_or_no_column_is_right_both_ways(tmp_path: Path) -> None:
    tables = read("Y", "N", "yes", "1", None)
    tables.save(tmp_path / "tables")
    for each in (tables, Tables.load(tmp_path / "tables")):
        assert found(each, "no_show", "one of these values", "Y|N") == ["e3", "e4"]
        assert found(each, "no_show", "one of these values", "yes | 1 | Y | N") == []
    assert tables["enrollments"]["no_show"].tolist() == [True, False, True, True, False]


def test_each_kind_finds_the_rows_it_is_about() -> None:
    tables = read("Y", "N", None)
    assert found(tables, "no_show", "filled") == ["e3"]
    assert found(tables, "start_date", "matches", r"^2025-09-0[12]$") == ["e3"]
    assert found(tables, "start_date", "between", "2025-09-02") == ["e1"]
    assert found(tables, "start_date", "between", "", "2025-09-02") == ["e3"]
    assert found(tables, "student_id", "unique") == ["e1", "e2", "e3"]
    assert found(tables, "enrollment_id", "unique") == []


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (given("no_shw", "filled"), "Did you mean 'no_show'"),
        (given("no_show", "one of these values"), "Separate them by |"),
        (given("no_show", "matches", "("), "The pattern is no regular expression"),
        (given("no_show", "between", "1"), "holds neither numbers nor days"),
        (given("start_date", "between", "soon"), "are numbers, or days"),
        (given("start_date", "between"), "Give the least"),
        (given("no_show", "filled", says=" "), "Give the sentence"),
    ],
)
def test_a_check_that_says_nothing_or_a_wrong_thing_is_refused(typed: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_of(typed, 1)


def test_where_the_texts_of_the_source_are_not_known_nothing_passes() -> None:
    tables = read("Y", "1")
    without = tables.replacing({"enrollments": tables["enrollments"].head(1)})
    with pytest.raises(ConfigError, match="does not have its texts"):
        found(without, "no_show", "one of these values", "Y|N")


def test_the_form_tries_saves_and_removes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run: Any = SimpleNamespace(
        folder=SimpleNamespace(need=lambda step: None),
        installation=SimpleNamespace(checks_dir=tmp_path / "checks"),
        tables=read("Y", "yes"),
        masker=lambda: Masker(b"k" * 32),
    )
    panel = CheckForm(Checks(run))
    typed = given("no_show", "one of these values", "Y|N")

    panel.form.press("attempt", **typed)
    assert "It would find 1 of 2 rows." in panel.message.html
    (grid,) = panel.place.children
    assert len(grid.shown_rows) == 1
    assert not (tmp_path / "checks").exists()

    panel.form.press("save", **typed)
    assert "asked from now on" in panel.message.html
    (suite,) = [each for each in load()["source.enrollments"] if each.path.parent == tmp_path / "checks"]
    assert [rule["meta"]["says"] for rule in suite.expectations] == [SAYS]
    panel.form.press("save", **typed)
    assert "has this check already" in panel.message.html
    assert panel.form.fields[-1]["choices"] == ["(none)", "OWN-1"]

    panel.form.press("remove", known="(none)")
    assert "There is no check (none)" in panel.message.html
    panel.form.press("remove", known="OWN-1")
    pd.testing.assert_frame_equal(panel.checks.known, panel.checks.known.head(0))

"""The run folder: whole files, owner only, JSON columns that come back, steps that need each other."""

from __future__ import annotations

import datetime as dt
import os
import stat
from pathlib import Path

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, EdfiToolkitError
from edfi_toolkit.runs.folder import RunFolder, new_run_id, runs_newest_first
from edfi_toolkit.runs.manifest import check_row_balance
from edfi_toolkit.settings import dotted


def a_folder(tmp_path: Path, run_id: str = "r1") -> RunFolder:
    folder = RunFolder(tmp_path / "runs", run_id)
    folder.begin({"profile": "certification"})
    return folder


def test_run_ids_sort_by_time_and_are_never_given_twice(tmp_path: Path) -> None:
    early, late = (new_run_id(tmp_path, dt.datetime(2026, 1, day, 9, tzinfo=dt.UTC)) for day in (1, 2))
    assert early < late
    assert early.startswith("20260101-090000-")
    assert len({new_run_id(tmp_path, dt.datetime(2026, 1, 1, tzinfo=dt.UTC)) for _ in range(50)}) == 50


def test_the_next_run_is_the_newest_also_in_the_same_second_and_when_the_clock_was_set_back(
    tmp_path: Path,
) -> None:
    runs = tmp_path / "runs"
    night = dt.datetime(2026, 1, 31, 23, 59, 59, tzinfo=dt.UTC)
    began = []
    for clock in (night, night, night - dt.timedelta(days=900)):
        began.append(new_run_id(runs, clock))
        a_folder(tmp_path, began[-1])
    assert [run_id[:15] for run_id in began] == ["20260131-235959", "20260201-000000", "20260201-000001"]
    assert [folder.run_id for folder in runs_newest_first(runs)] == began[::-1]
    (runs / f"batch-{new_run_id(runs, night)}.jsonl").touch()
    assert new_run_id(runs, night).startswith("20260201-000003-")
    (runs / "99999999-999999-abcdef").mkdir()  # not a time
    assert new_run_id(runs, night).startswith("20260201-000003-")
    (runs / "99991231-235959-3f9c21").mkdir()  # no second follows it
    assert new_run_id(runs, night).startswith("20260201-000003-")


def test_a_run_that_a_scheduler_named_is_found_by_when_it_began(tmp_path: Path) -> None:
    for run_id in ("20990101-000000-aaaaaa", "zzz"):
        a_folder(tmp_path, run_id)
    assert runs_newest_first(tmp_path / "runs")[0].run_id == "20990101-000000-aaaaaa"


@pytest.mark.parametrize("run_id", ["../x", "", "a/b", ".hidden", "x" * 81])
def test_a_run_id_cannot_leave_the_runs_folder(tmp_path: Path, run_id: str) -> None:
    with pytest.raises(ConfigError, match="cannot name a run"):
        RunFolder(tmp_path, run_id)


def test_nothing_is_written_before_a_step_is_done(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "runs", "r1")
    assert folder.manifest == {}
    assert list(tmp_path.iterdir()) == []


def test_a_missing_step_names_the_notebook_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError,
        match=r"not come so far yet: its records have not been checked\. Run notebook 20_validate first",
    ):
        a_folder(tmp_path).need("validate")


def test_frames_come_back_with_their_types_lists_and_objects(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "begin_date": pd.to_datetime(["2025-08-23", None]).astype("datetime64[us]"),
            "education_organization_id": pd.array([255901, None], dtype="Int64"),
            "student_unique_id": pd.Series(["00123", None], dtype="str"),
            "body": [{"a": {"b": [1]}}, None],
            "rules": [["X-1"], []],
        }
    )
    folder = a_folder(tmp_path)
    folder.save_frame("records", frame)

    pd.testing.assert_frame_equal(folder.load_frame("records"), frame)
    assert stat.S_IMODE((folder.path / "records.parquet").stat().st_mode) == 0o600
    assert stat.S_IMODE(folder.path.stat().st_mode) == 0o700


def test_a_frame_without_rows_comes_back_too(tmp_path: Path) -> None:
    """A district of which nothing is held."""
    frame = pd.DataFrame({"begin_date": pd.to_datetime([]).astype("datetime64[us]"), "held_by": []})
    folder = a_folder(tmp_path)
    folder.save_frame("held", frame.astype({"held_by": "object"}))

    assert len(folder.load_frame("held")) == 0
    assert list(folder.load_frame("held")) == ["begin_date", "held_by"]


def test_a_step_done_again_takes_the_later_ones_with_it(tmp_path: Path) -> None:
    folder = a_folder(tmp_path)
    for step in ("extract", "build", "validate", "preview"):
        folder.record(step, {"rows": 1})
    for name in ("tables/students.parquet", "build/records.parquet", "findings.parquet", "plan.json"):
        folder.write(name, b"x")

    folder.forget_from("validate")

    assert list(folder.manifest["steps"]) == ["extract", "build"]
    left = sorted(path.name for path in folder.path.rglob("*") if path.is_file())
    assert left == ["manifest.json", "records.parquet", "students.parquet"]


def test_runs_are_found_newest_first_and_other_folders_are_passed_over(tmp_path: Path) -> None:
    for run_id in ("20260101-000000-aaaaaa", "20260301-000000-aaaaaa", "20260201-000000-aaaaaa"):
        a_folder(tmp_path, run_id)
    (tmp_path / "runs" / "zzz").mkdir()

    found = [folder.run_id[:8] for folder in runs_newest_first(tmp_path / "runs")]
    assert found == ["20260301", "20260201", "20260101"]


@pytest.mark.parametrize("content", [b"{", b"", b"[]", b"null", b"\xff"])
def test_a_damaged_manifest_is_a_sentence_and_not_a_traceback(tmp_path: Path, content: bytes) -> None:
    folder = a_folder(tmp_path)
    folder.write("manifest.json", content)
    with pytest.raises(ConfigError, match=r"of run r1 cannot be read .* or move the folder .* elsewhere"):
        folder.manifest  # noqa: B018 - reading is the test


@pytest.mark.parametrize("content", [b"{", b"{}", b'{"started_at": 7}', b'{"started_at": "at night"}'])
def test_a_run_whose_beginning_is_not_known_is_placed_where_it_was_last_written(
    tmp_path: Path, content: bytes
) -> None:
    """Older than what began later; never older than it may be."""
    for run_id in ("20260101-000000-aaaaaa", "20260301-000000-aaaaaa"):
        a_folder(tmp_path, run_id)
    lost = RunFolder(tmp_path / "runs", "of-airflow")
    written = dt.datetime(2026, 2, 1, tzinfo=dt.UTC).timestamp()
    os.utime(lost.write("manifest.json", content), (written, written))
    found = [folder.run_id[:8] for folder in runs_newest_first(tmp_path / "runs")]
    assert found == ["20260301", "of-airfl", "20260101"]
    lost.write("manifest.json", content)
    assert runs_newest_first(tmp_path / "runs")[0].run_id == "of-airflow"


def test_rows_that_vanish_stop_the_run() -> None:
    check_row_balance("build", 3, {"used": 2, "skipped": 1})
    with pytest.raises(EdfiToolkitError, match="3 came in, but used 2, skipped 0"):
        check_row_balance("build", 3, {"used": 2, "skipped": 0})


def test_dotted_settings_may_be_written_as_tables() -> None:
    given = {"wi": {"ell_in_spa": True}, "nm.program_edorg": "lea", "free_changes": 5}
    assert dotted(given) == {"wi.ell_in_spa": True, "nm.program_edorg": "lea", "free_changes": 5}

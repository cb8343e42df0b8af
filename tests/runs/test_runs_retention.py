"""Pruning: what a rule keeps stays, and what a later run needs stays whatever the rules say."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import orjson
import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs.folder import RunFolder, runs_newest_first
from edfi_toolkit.runs.last_run import needed_later
from edfi_toolkit.runs.retention import Keep, chosen, remove


def a_run(runs: Path, began: str, *, source: str = "north", finished: bool | None = True) -> str:
    """A run that began then (`2026-01-12T02`); finished: of its publishing, None when it did not publish."""
    run_id = f"{began.replace('-', '').replace('T', '-')}0000-{source}"
    folder = RunFolder(runs, run_id)
    about = {"profile": "p", "school_year": 2026, "source": source, "target": "t"}
    folder.begin({**about, "started_at": f"{began}:00:00+00:00"})
    if finished is not None:
        folder.record("publish", {"finished": finished})
    return run_id


def kept(runs: Path, keep: Keep, *needed: str) -> list[str]:
    return sorted(run_id for run_id, why in chosen(runs, keep, needed).items() if why)


@pytest.fixture
def runs(tmp_path: Path) -> Path:
    """Two runs a day on three days of January and one of December, and a single one of another source."""
    for began in (
        "2025-12-30T02",
        "2026-01-10T02",
        "2026-01-10T14",
        "2026-01-11T02",
        "2026-01-11T14",
        "2026-01-12T02",
    ):
        a_run(tmp_path, began)
    a_run(tmp_path, "2025-11-01T02", source="south")
    return tmp_path


SOUTH = "20251101-020000-south"


def test_the_last_the_days_and_the_months_are_counted_by_feed(runs: Path) -> None:
    assert kept(runs, Keep(last=2)) == [SOUTH, "20260111-140000-north", "20260112-020000-north"]
    assert kept(runs, Keep(daily=2)) == [SOUTH, "20260111-140000-north", "20260112-020000-north"]
    assert kept(runs, Keep(monthly=2)) == [SOUTH, "20251230-020000-north", "20260112-020000-north"]
    assert len(kept(runs, Keep(last=1, daily=3, monthly=2))) == 5


def test_what_a_later_run_needs_stays(runs: Path) -> None:
    open_run = a_run(runs, "2025-10-01T02", finished=False)
    compared = "20260110-020000-north"
    assert kept(runs, Keep(last=1), compared) == [open_run, SOUTH, compared, "20260112-020000-north"]


def test_nights_that_left_a_report_alone_are_counted_by_themselves(runs: Path) -> None:
    """Their newest one is no reason to remove the newest run."""
    nights = [f"20260113-02000{number}-abcdef" for number in range(3)]
    for number, run_id in enumerate(nights):
        report = {"profile": "p", "school_year": 2026, "source": "north", "target": "t", "exit": 2}
        path = RunFolder(runs, run_id).write("report.json", orjson.dumps(report))
        os.utime(path, (number, number))
    assert kept(runs, Keep(last=1)) == [SOUTH, "20260112-020000-north", nights[-1]]
    path.write_text("{")
    with pytest.raises(ConfigError, match=f"{nights[-1]}.*Remove its folder by hand"):
        chosen(runs, Keep(last=1), ())


def killed(runs: Path, run_id: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prune that was killed as it began to remove a run."""
    with monkeypatch.context() as during:
        during.setattr("shutil.rmtree", Mock(side_effect=KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            remove(runs, [run_id])
    assert (runs / f".pruned-{run_id}" / "manifest.json").is_file()


def test_a_run_goes_whole_and_what_a_killed_prune_left_goes_too(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(runs, a_run(runs, "2025-09-01T02", source="old"), monkeypatch)
    (runs / "batch-1.jsonl").write_text("{}")
    remove(runs, ["20260110-020000-north"])
    assert len(list(runs.iterdir())) == 7
    assert not list(runs.glob(".pruned*"))
    assert (runs / "batch-1.jsonl").exists()


def test_what_a_killed_prune_left_is_no_run_and_its_name_is_free(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = chosen(runs, Keep(last=1), ())
    gone = a_run(runs, "2025-09-01T02", source="airflow")
    RunFolder(runs, gone).write("report.json", b"{}")
    killed(runs, gone, monkeypatch)
    (runs / ".pruned-reported").mkdir()
    (runs / ".pruned-reported" / "report.json").write_text("{}")
    (runs / f"{SOUTH} (copy)").mkdir()  # a name that no run can have
    for name in ("manifest.json", "report.json"):
        (runs / f"{SOUTH} (copy)" / name).write_text("{}")
    assert [folder.run_id for folder in runs_newest_first(runs)] == list(before)
    assert chosen(runs, Keep(last=1), ()) == before
    a_run(runs, "2025-09-01T02", source="airflow")
    remove(runs, [gone, "of-another-prune"])
    assert list(chosen(runs, Keep(last=1), ())) == list(before)
    assert not list(runs.glob(".pruned*"))


def test_what_another_prune_removes_while_runs_are_listed_is_passed_over(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = chosen(runs, Keep(last=1), ())
    for run_id in ("20260113-020000-abcdef", "20260113-020001-abcdef"):
        RunFolder(runs, run_id).write("report.json", b"{}")
    listed = [*runs_newest_first(runs), RunFolder(runs, "20260114-020000-abcdef")]
    monkeypatch.setattr("edfi_toolkit.runs.retention.runs_newest_first", lambda _: listed)
    monkeypatch.setattr(Path, "read_bytes", removed_before(Path.read_bytes))
    monkeypatch.setattr(Path, "stat", removed_before(Path.stat, "20260113-020001-abcdef"))
    assert chosen(runs, Keep(last=1), ()) == before


def removed_before(read: Callable[..., Any], of: str = "") -> Callable[..., Any]:
    """Reading a report whose folder another program removes just before."""

    def late(path: Path, **how: Any) -> Any:
        if path.name == "report.json" and of in str(path):
            shutil.rmtree(path.parent, ignore_errors=True)
        return read(path, **how)

    return late


def test_two_prunes_at_once_remove_what_the_other_has_not(
    runs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = "20260110-020000-north", "20260110-140000-north"
    whole = shutil.rmtree

    def another_was_faster(folder: Path, **how: Any) -> None:
        if second in folder.name:
            whole(folder)
        whole(folder, **how)

    monkeypatch.setattr("shutil.rmtree", another_was_faster)
    remove(runs, [first, second])
    assert len(list(runs.iterdir())) == 5


def test_without_a_rule_or_with_a_record_that_cannot_be_read_nothing_is_removed(runs: Path) -> None:
    with pytest.raises(ConfigError, match="nothing would be kept"):
        chosen(runs, Keep(), ())
    (runs / ".last").mkdir()
    (runs / ".last" / "x.json").write_text("{")
    with pytest.raises(ConfigError, match="which runs are still needed"):
        needed_later(runs)
    (runs / ".last" / "x.json").write_text('{"run_id": "b", "before": "a"}')
    assert needed_later(runs) == {"a", "b"}

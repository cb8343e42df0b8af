"""A night on which nothing has changed: no kernel, no build, no request; and whatever may have changed runs."""

from __future__ import annotations

import json
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import pandas as pd
import pytest

from edfi_toolkit.batch import unchanged as watched
from edfi_toolkit.batch.exits import exit_of_steps
from edfi_toolkit.batch.fleet import How, run_fleet
from edfi_toolkit.batch.report import Report, report_of
from edfi_toolkit.batch.unattended import run_unattended
from edfi_toolkit.batch.unchanged import OF_TARGET, before_of, to_keep, unchanged
from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.runs import AUTO, Run, open_run
from edfi_toolkit.runs.artifacts import hashes_of
from edfi_toolkit.runs.evidence import verify
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.settings import load_settings
from edfi_toolkit.validation import references
from tests.factories.district import YEAR
from tests.factories.watched import PEOPLE, District

pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    made = District.make(tmp_path_factory.mktemp("unchanged"))
    made.write(range(20))
    with working_in(made.folder, made.environ):
        yield made
    made.ods_stops()


def a_run(source: str = "north", **given: object) -> Run:
    settings = given or None
    return open_run(profile="certification", school_year=YEAR, source=source, run_id="new", settings=settings)


def carried_out(run: Run, first: Callable[[], object] = lambda: None) -> Report:
    """Every step in this process, and the report as the notebooks of a night leave it."""
    before = before_of(run)
    first()
    for step in (run.extract, run.build, run.validate, run.preview):
        step()
    run.publish(approved=AUTO)
    code = exit_of_steps(run.folder.manifest["steps"])
    return report_of(run, code, seconds=1.0, kept=to_keep(run, before, code)).keep(run)


@pytest.fixture(scope="module")
def last(north: District) -> Report:
    report = carried_out(a_run())
    assert (report.exit, report.counts["created"]) == (0, 20)
    return report


def test_an_unchanged_district_starts_no_kernel_and_names_its_last_report(
    north: District, last: Report
) -> None:
    runs, writes = sorted((north.folder / "runs").iterdir()), north.writes()
    done = run_unattended(
        profile="certification", school_year=YEAR, source="north", target="sandbox", approved="auto"
    )
    report = done.report(0.1).keep(done.run)
    assert (done.ran, report.state, report.exit) == ([], "unchanged", 0)
    assert json.loads(Path(report.last_report).read_bytes())["run_id"] == last.run_id
    assert (report.facts["counts"]["delivered"], report.counts["built"], report.run_id) == (0, 20, "")
    assert (sorted((north.folder / "runs").iterdir()), north.writes()) == (runs, writes)


def test_a_batch_finishes_an_unchanged_district_and_another_all_the_same(
    north: District, last: Report
) -> None:
    settings = north.folder / "edfi.toml"
    text = settings.read_text("utf-8")
    more = f'profile = "certification"\ntarget = "sandbox"\nschool_years = [{YEAR}]\n[sources.lost]\npath = "lost"\n'
    settings.write_text(
        f'{text}{more}profile = "certification"\ntarget = "sandbox"\nschool_years = [{YEAR}]\n'
    )
    try:
        how = How(approved="auto")
        (district,) = run_fleet(load_settings(), ["north"], how, workers=1)
        assert [(line.state, line.exit) for line in district.lines] == [("unchanged", 0)]
    finally:
        settings.write_text(text)


def changes(north: District) -> dict[str, Callable[[], object]]:
    """What makes a district run, by its name; each is put back by the test."""
    table, settings = north.source / "students.csv", north.folder / "edfi.toml"
    return {
        "a byte of a file": lambda: table.write_text(table.read_text("utf-8") + "\n", "utf-8"),
        "a file more": lambda: (north.source / "read_me.txt").write_text("x", "utf-8"),
        "a setting": lambda: settings.write_text(settings.read_text() + "[limits]\nmax_delete_share = 0.07\n"),
        "the map": lambda: _in_ledger(north, "UPDATE identity_map SET ed_fi_id = 'x' WHERE id = 1"),
        "a record written again": lambda: _in_ledger(
            north, "UPDATE identity_map SET updated_at = '2020-01-01 00:00:00.000000' WHERE id = 1"
        ),
        "a record less in the map": lambda: _in_ledger(north, "DELETE FROM identity_map WHERE id = 1"),
        "another run": lambda: _in_ledger(
            north, "INSERT INTO runs (run_id, feed_id, school_year, fingerprint, mode, started_at) "
            "SELECT 'other', feed_id, school_year, fingerprint, mode, started_at FROM runs LIMIT 1"
        ),
        "the ledger is another": lambda: (north.folder / "ledger.db").unlink(),
        "the last run is gone": lambda: shutil.rmtree(next((north.folder / "runs").glob("2*"))),
    }  # fmt: skip


def _in_ledger(north: District, statement: str) -> None:
    with sqlite3.connect(north.folder / "ledger.db") as connection:
        assert connection.execute(statement).rowcount
    connection.close()


@pytest.mark.parametrize("what", list(changes(District(Path(), None))))  # type: ignore[arg-type]
def test_what_may_have_changed_runs(north: District, last: Report, tmp_path: Path, what: str) -> None:
    assert unchanged(a_run()) is not None
    places = ("north", "runs", "edfi.toml", "ledger.db")
    for name in places:
        place = north.folder / name
        (shutil.copytree if place.is_dir() else shutil.copy2)(place, tmp_path / name)
    try:
        changes(north)[what]()
        assert unchanged(a_run()) is None
    finally:
        for name in places:
            place = north.folder / name
            if place.is_dir():
                shutil.rmtree(place)
            (shutil.copytree if (tmp_path / name).is_dir() else shutil.copy2)(tmp_path / name, place)
        for left in north.folder.glob("ledger.db-*"):
            left.unlink()


def test_other_settings_another_version_and_other_code_run(
    north: District, last: Report, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert unchanged(a_run(max_delete_share=0.07)) is None
    for name in ("__version__", "_digest_of"):
        with monkeypatch.context() as patch:
            patch.setattr(watched, name, "9.9.9" if name == "__version__" else lambda _: "other")
            assert unchanged(a_run()) is None
    assert unchanged(a_run()) is not None


def elsewhere(north: District, place: Path, numbers: Iterable[int]) -> Path:
    """A source of its own with students of its own, on the same target."""
    north.source.rename(place.with_name("kept"))
    try:
        north.write(numbers)
        north.source.rename(place)
    finally:
        place.with_name("kept").rename(north.source)
    return place


def test_a_record_held_for_what_the_target_lacks_is_tried_each_night(north: District, tmp_path: Path) -> None:
    named = re.findall(r"\"(REF-[A-Z]+)\"", Path(references.__file__).read_text("utf-8"))
    assert {*named, "COM-DEP-1", "COM-PAY-3"} <= OF_TARGET
    west = elsewhere(north, tmp_path / "west", [*range(20, 23), PEOPLE])
    report = carried_out(a_run(str(west)))
    assert (report.exit, report.counts["held"]) == (3, 1)
    assert unchanged(a_run(str(west))) is None


def test_a_key_change_that_waits_for_the_target_is_planned_again_each_night(
    north: District, tmp_path: Path
) -> None:
    run = a_run(str(elsewhere(north, tmp_path / "north-west", range(60, 63))))
    before = before_of(run)
    report = carried_out(run)
    assert to_keep(run, before, report.exit)
    steps = run.folder.manifest["steps"]
    run.folder.record("validate", {**steps["validate"], "unasked": "OdsUnavailable"})
    assert not to_keep(run, before, report.exit)
    run.folder.record("validate", steps["validate"])
    run.folder.record("preview", {**steps["preview"], "held": 2})
    assert to_keep(run, before, report.exit)
    found = run.checked.findings.head(0).reindex([0]).assign(rule_id="REF-UNREADABLE", field="programs")
    run.folder.save_frame("findings", found)
    assert not to_keep(run, before, report.exit)


def test_a_source_that_was_written_while_it_was_read_is_read_again(north: District, tmp_path: Path) -> None:
    east = elsewhere(north, tmp_path / "east", range(30, 33))
    text = (east / "students.csv").read_text("utf-8")

    def written() -> None:
        (east / "students.csv").write_text(f"{text}\n", "utf-8")

    carried_out(a_run(str(east)), first=written)
    assert unchanged(a_run(str(east))) is None


def test_a_database_is_read_and_compared(north: District, tmp_path: Path) -> None:
    file = tmp_path / "sis.db"
    with sqlite3.connect(file) as connection:
        for path in elsewhere(north, tmp_path / "south", range(40, 43)).glob("*.csv"):
            pd.read_csv(path, dtype=str).to_sql(path.stem, connection, index=False)
    connection.close()
    source = f"sqlite:///{file}"
    report = carried_out(a_run(source))
    runs = sorted((north.folder / "runs").iterdir())
    again = unchanged(a_run(source))
    assert again is not None
    assert again.last_report.endswith(f"{report.run_id}/report.json")
    assert sorted((north.folder / "runs").iterdir()) == runs
    with sqlite3.connect(file) as connection:
        connection.execute("UPDATE students SET student_unique_id = 'S-100' WHERE student_id = '41'")
    connection.close()
    assert unchanged(a_run(source)) is None


def test_files_at_an_address_are_digested_again(north: District, tmp_path: Path) -> None:
    folder = elsewhere(north, tmp_path / "far", range(50, 53))
    source = f"file://{folder}"
    report = carried_out(a_run(source))
    kept = RunFolder(north.folder / "runs", report.run_id)
    assert kept.manifest["steps"]["extract"]["files"] == hashes_of(folder)
    assert unchanged(a_run(source)) is not None
    assert "as recorded" in set(verify(kept, load_settings()).set_index("kind").loc["source", "state"])
    (folder / "students.csv").write_text(f"{(folder / 'students.csv').read_text('utf-8')}\n", "utf-8")
    assert unchanged(a_run(source)) is None
    shutil.rmtree(folder)
    assert unchanged(a_run(source)) is None
    assert verify(kept, load_settings())["says"].str.contains("There is no folder or file file://").any()

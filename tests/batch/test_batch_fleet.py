"""Many districts and school years: each to its own target, each with its own line, none stopped by another."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from edfi_toolkit.batch.batch_file import failed_of
from edfi_toolkit.batch.exits import Exit, worst
from edfi_toolkit.batch.fleet import DistrictYear, configuration_notice, years_of
from edfi_toolkit.batch.unattended import shipped
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ods import Client
from edfi_toolkit.runs import open_run
from edfi_toolkit.sandbox import start
from edfi_toolkit.settings import Settings, Source, Target
from tests.factories.district import GENERAL, target_of

PROFILE, YEARS = "wi-infinite-campus", (2025, 2026)
SENT = YEARS if os.environ.get("EDFI_PROVE") == "1" else (2026,)  # each year is five notebooks
EARLIER = {  # two students of the sample in the year before, and one row of a year nobody asks for
    "edfi_config": ["2025,public"],
    "calendars": ["H25,H,2025,2024-09-03,2025-06-10,,", "H23,H,2023,2022-09-05,2023-06-10,,"],
    "enrollments": [
        "9012,W6410002,H,H25,2024-09-03,2025-06-10,P,P,,,,,",
        "9013,W6410001,H,H25,2024-09-03,2025-06-10,P,P,,,,,",
        "9014,W6410001,H,H23,2022-09-05,2023-06-10,P,P,,,,,",
    ],
}
SOURCES = """
[sources.north]
path = "north"
profile = "wi-infinite-campus"
target = ["state-2025", "state-2026"]
school_years = YEARS

[sources.south]
path = "south"
profile = "wi-infinite-campus"
target = "state-2026"

[sources.east]
path = "north"
profile = "wi-infinite-campus"
"""


@dataclass(frozen=True)
class Ended:
    """What a batch said, its exit code, and what each year's ODS holds: student and first day."""

    code: int
    told: dict[str, Any]
    text: str
    held: dict[int, set[tuple[str, str]]]

    @property
    def file(self) -> Path:
        return Path(self.told["file"])

    def line(self, source: str, year: int | None) -> dict[str, Any]:
        (found,) = (
            each for each in self.told["runs"] if (each["source"], each["school_year"]) == (source, year)
        )
        return found


def extract(folder: Path) -> None:
    """The sample of Wisconsin, with the rows of earlier years."""
    shutil.copytree(shipped("data/samples") / PROFILE / "before", folder)
    for table, rows in EARLIER.items():
        path = folder / f"{table}.csv"
        path.write_text("\n".join([path.read_text("utf-8").rstrip("\n"), *rows, ""]), "utf-8")


@pytest.fixture(scope="module")
def ended(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """`batch` over three districts, one without its folder and one without a target, and three years."""
    folder, environ = tmp_path_factory.mktemp("batch"), dict(os.environ)
    extract(folder / "north")
    settings, targets = '[paths]\nledger = "ledger.db"\nruns = "runs"\n', {}
    seed = (
        shipped("data/samples") / PROFILE / "ods-seed.jsonl"
    )  # without the rules that the samples practise on
    with start(seeds=[seed], school_years=YEARS) as ods:
        for year in YEARS:
            client = next(
                each for each in ods.clients if (each["context"], each["name"]) == (f"/{year}", "host")
            )
            settings += f'[targets.state-{year}]\nurl = "{ods.base_url}"\nschool_year = {year}\n'
            environ |= {
                f"EDFI_TARGET_STATE_{year}_{part.upper()}": client[part] for part in ("key", "secret")
            }
            targets[year] = target_of(ods.base_url, client, school_year=year)
        sources = SOURCES.replace("YEARS", str([2024, *SENT]))
        (folder / "edfi.toml").write_text(settings + sources, "utf-8")
        command = [sys.executable, "-m", "edfi_toolkit", "batch", "--approve", "auto", "--json"]
        done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
        held = {year: set(days_in(target)) for year, target in targets.items()}
    told = json.loads(done.stdout)
    told["file"] = str(folder / told["file"])
    return Ended(done.returncode, told, done.stdout + done.stderr, held)


def days_in(target: Target) -> Iterator[tuple[str, str]]:
    with Client(target) as client:
        for page in client.read(GENERAL):
            for body in page["body"]:
                yield body["studentReference"]["studentUniqueId"], body["beginDate"]


def test_each_school_year_goes_to_the_target_that_holds_it(ended: Ended) -> None:
    """WI-SCP-1, WI-SCP-3: a record that spans years is one association in each."""
    assert ended.held[2025] == ({("8300641001", "2024-09-03")} if 2025 in SENT else set())
    assert len(ended.held[2026]) == 17
    assert ("8300641001", "2025-09-02") in ended.held[2026]
    assert all("2025-07-01" <= day <= "2026-06-30" for _, day in ended.held[2026])
    told = {year: ended.line("north", year) for year in SENT}
    assert {year: (line["target"], line["counts"]["created"]) for year, line in told.items()} == {
        year: (f"state-{year}", len(ended.held[year])) for year in SENT
    }


def test_one_districts_failure_stops_no_other(ended: Ended) -> None:
    south = ended.line("south", 2026)
    assert (south["exit"], south["counts"]["created"], south["error"]["type"]) == (2, 0, "SourceUnavailable")
    assert "There is no folder or file" in south["says"]
    assert "Write profile and target under [sources.east]" in ended.line("east", None)["says"]
    assert "No target of source 'north' is of the school year 2024" in ended.line("north", 2024)["says"]
    assert {ended.line("north", year)["exit"] for year in SENT} == {3}  # the sample has dirty rows
    assert (ended.code, ended.told["exit"]) == (2, 2)


def test_rows_of_years_that_nothing_is_sent_for_are_told(ended: Ended) -> None:
    """WI-SCP-1"""
    expected = {2023: 1} if 2025 in SENT else {2023: 1, 2025: 2}
    assert ended.told["other_years"] == [
        {"source": "north", "rule": "WI-SCP-1", "school_year": year, "rows": rows}
        for year, rows in expected.items()
    ]
    assert "north 2023: " in ended.text


def test_the_file_of_a_batch_has_each_run_as_it_ended_and_the_totals_at_its_end(ended: Ended) -> None:
    asked, *runs, end = [json.loads(line) for line in ended.file.read_text("utf-8").splitlines()]
    assert asked["sources"] == ["north", "south", "east"]
    assert sorted(runs, key=str) == sorted(
        ({**each, "schema": 1, "batch": asked["batch"]} for each in ended.told["runs"]), key=str
    )
    assert (end["ended"], end["exit"], end["totals"]) == (True, 2, ended.told["totals"])
    assert end["totals"]["delivered"] == sum(len(held) for held in ended.held.values())
    assert failed_of(ended.file.parent) == ["north", "south", "east"]  # north has a year without a target
    cut = ended.file.with_name("batch-99999999-000000-killed.jsonl")
    cut.write_text("".join(ended.file.read_text("utf-8").splitlines(keepends=True)[:1]), "utf-8")
    assert failed_of(ended.file.parent) == ["north", "south", "east"]
    cut.unlink()


def test_a_report_says_what_each_step_took_and_what_is_new(ended: Ended) -> None:
    line = ended.line("north", 2026)
    assert list(line["steps"]) == ["extract", "build", "validate", "preview", "publish"]
    assert all(step["seconds"] > 0 and step["cpu_seconds"] > 0 for step in line["steps"].values())
    assert line["cpu_seconds"] > 0
    new = {name: line["counts"][name] for name in ("set_aside", "built", "held", "refused", "pending")}
    assert {name: line["new"][name] for name in new} == new  # nothing was there before
    kept = json.loads((ended.file.parent / line["run_id"] / "report.json").read_bytes())
    assert kept == {name: value for name, value in line.items() if name != "batch"}


def test_a_batch_names_no_student(ended: Ended) -> None:
    assert "W641" not in ended.text
    assert "83006410" not in ended.text


def test_a_year_without_a_valid_configuration_is_not_called_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """WI-CFG-2"""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EDFI_TARGET_STATE_URL", "http://127.0.0.1:9")
    extract(tmp_path / "north")
    (tmp_path / "north" / "edfi_config.csv").write_text("school_year,valid\n2025,0\n2026,1\n", "utf-8")
    told = {}
    for year in YEARS:
        run = open_run(profile=PROFILE, school_year=year, source="north", target="state", run_id="new")
        run.extract()
        run.build()
        told[year] = configuration_notice(run)
    assert told[2025].startswith("WI-CFG-2: The school year has no valid configuration")
    assert told[2026] == ""


# ---- which years of which source go where


def settings(*years: int | None) -> Settings:
    """Targets t0, t1, ... of these school years."""
    return Settings(
        targets={
            f"t{number}": Target(f"t{number}", "https://ods.example", school_year=year)
            for number, year in enumerate(years)
        }
    )


NORTH = Source("north", "north", profile=PROFILE, targets=("t0", "t1"))


def test_without_school_years_they_are_those_of_the_targets() -> None:
    assert years_of(settings(2026, 2025), NORTH) == [
        DistrictYear("north", PROFILE, 2025, "t1"),
        DistrictYear("north", PROFILE, 2026, "t0"),
    ]


def test_a_target_without_a_year_takes_the_years_no_other_holds() -> None:
    found = years_of(settings(2026, None), replace(NORTH, school_years=(2024, 2026)))
    assert [(year.school_year, year.target) for year in found] == [(2024, "t1"), (2026, "t0")]


@pytest.mark.parametrize(
    ("years", "source", "says"),
    [
        ((2026, 2026), NORTH, "two of them are of one school year"),
        ((None,), replace(NORTH, targets=("t0",)), "Write school_years"),
        ((2026,), NORTH, "There is no target named 't1'"),
        ((2026, 2025), replace(NORTH, profile=None), "Write profile and target"),
    ],
)
def test_a_source_that_cannot_be_batched_says_what_to_write(
    years: tuple[int | None, ...], source: Source, says: str
) -> None:
    with pytest.raises(ConfigError, match=says):
        years_of(settings(*years), source)


def test_the_worst_exit_is_what_a_person_must_mend_first() -> None:
    assert worst([Exit.DONE, Exit.ATTENTION]) is Exit.ATTENTION
    assert worst([Exit.UNAVAILABLE, Exit.SETTINGS, Exit.ATTENTION]) is Exit.SETTINGS
    assert worst([Exit.SETTINGS, Exit.FAILED]) is Exit.FAILED
    assert worst([]) is Exit.DONE

"""A package from outside brings a state: every step takes its profile, and nothing of the toolkit is changed.

The package is the one of docs/adding-a-state.md: its files, and the commands, are taken from the page. An entry point
written to a temporary folder installs it for the programs that are started here, as `pip install` would.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from edfi_toolkit.cli.playground import target_environ
from edfi_toolkit.sandbox import start

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "adding-a-state.md").read_text("utf-8")
FILE = re.compile(
    r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL
)  # its name, and the block below
PROFILE = ("--profile", "zz-state", "--school-year", "2026")
HELD_OR_SKIPPED = 3  # exit code: finished, with rows or records that need a person
EXPORTS = {
    "Pupils": "PupilNo,StateNo\n1,9000000001\n2,9000000002\n",
    "Sites": "SiteNo,EdFiId,SiteName\n1,990100001,School 1\n",
    "Stays": "StayNo,PupilNo,SiteNo,FirstDay,LastDay\ne1,1,1,2025-08-18,\ne2,2,1,2025-08-18,\n",
    "Support": "SupportNo,PupilNo,FirstDay,LastDay\ns1,1,2025-09-01,2026-05-22\ns2,2,2024-09-01,\n",
}


@dataclass(frozen=True)
class Installed:
    """A folder to work in, and the environment in which the package is installed."""

    folder: Path
    environ: dict[str, str]

    def run(self, *arguments: str, expect: tuple[int, ...] = (0,)) -> str:
        """Start the program, and give what it printed."""
        done = subprocess.run(
            [sys.executable, "-m", "edfi_toolkit", *arguments],
            cwd=self.folder, env=self.environ, capture_output=True, text=True, timeout=280, check=False,
        )  # fmt: skip
        assert done.returncode in expect, f"{arguments}: {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    def follow(self, command: str, *, expect: tuple[int, ...] = (0,), **words: str) -> str:
        """Run a command as the page has it, with these words in place of what stands for them."""
        (line,) = re.findall(rf"^edfi-toolkit ({command} .+)$", PAGE, re.MULTILINE)
        return self.run(*(words.get(word.replace("-", "_"), word) for word in line.split()), expect=expect)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """What an installer writes: the metadata of the package, with its entry points."""
    folder, site = tmp_path_factory.mktemp("work"), tmp_path_factory.mktemp("site")
    for name, text in FILE.findall(PAGE):
        (site / name).parent.mkdir(parents=True, exist_ok=True)
        (site / name).write_text(text, "utf-8")
    project = tomllib.loads((site / "pyproject.toml").read_text("utf-8"))["project"]
    metadata = site / "zz_state-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: 1.0\n")
    lines = ["[edfi_toolkit.profiles]"]
    lines += [f"{name} = {value}" for name, value in project["entry-points"]["edfi_toolkit.profiles"].items()]
    (metadata / "entry_points.txt").write_text("\n".join(lines) + "\n")
    path = os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])
    return Installed(folder, {**os.environ, "PYTHONPATH": path})


@pytest.fixture(scope="module")
def district(installed: Installed) -> Path:
    """An invented district of the state, with dirty rows, and the same some months later."""
    installed.follow("synth")
    return installed.folder / "north"


@pytest.fixture(scope="module")
def connected(installed: Installed, district: Path) -> Iterator[Installed]:
    """The same with a sandbox ODS as target."""
    with start(seeds=[district / "ods-seed.jsonl"]) as running:
        yield Installed(installed.folder, {**installed.environ, **target_environ(running)})


def test_the_code_of_the_page_is_clean(installed: Installed) -> None:
    site = installed.environ["PYTHONPATH"].split(os.pathsep)[0]
    config = str(Path(__file__).resolve().parents[2] / "pyproject.toml")
    for check in (["check"], ["format", "--check"]):
        command = [sys.executable, "-m", "ruff", *check, "--no-cache", "--config", config, site]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_an_unknown_profile_is_answered_with_the_new_one_too(installed: Installed) -> None:
    assert "zz-state" in installed.run("build", ".", "--profile", "zz-stat", expect=(2,))


def test_a_district_of_the_state_is_invented(district: Path) -> None:
    support, dirty = pd.read_csv(district / "ceis_records.csv"), pd.read_csv(district / "_dirty.csv")
    assert len(support) == 20
    assert set(dirty["rule"]) == {"COM-NRM-3", "ZZ-SUP-1", "ZZ-SUP-3"}


def test_its_rules_build_records_and_say_why_a_row_makes_none(installed: Installed, district: Path) -> None:
    installed.follow("build", expect=(0, HELD_OR_SKIPPED))
    bodies = (installed.folder / "built" / "studentProgramAssociations.jsonl").read_text("utf-8")
    skipped = pd.read_csv(installed.folder / "built" / "skipped.csv")
    assert bodies.count('"programName":"Learning Support"') + len(skipped) == 20
    assert set(skipped["rule"]) == {"COM-NRM-3", "ZZ-SUP-1", "ZZ-SUP-3"}
    assert "The support has no first day, or ends before it begins." in set(skipped["detail"])


def test_one_student_is_explained_in_the_state_s_words(installed: Installed, district: Path) -> None:
    support, students = (
        pd.read_csv(district / "ceis_records.csv"),
        pd.read_csv(district / "students.csv", dtype=str),
    )
    dirty = pd.read_csv(district / "_dirty.csv")
    clean = support[~support["record_id"].isin(dirty["id"])]["student_id"].iloc[0]
    unique_id = students.set_index("student_id").loc[str(clean), "student_unique_id"]
    told = installed.follow("explain", STATE_ID=str(unique_id))
    assert "ZZ-ELE-1" in told
    assert "Enrolled there on" in told


def test_a_setting_of_the_state_is_known_and_a_misspelt_one_refused(
    installed: Installed, district: Path
) -> None:
    installed.run(
        "build",
        "north",
        *PROFILE,
        "--set",
        "zz.deselected=keep",
        "--out",
        "kept",
        expect=(0, HELD_OR_SKIPPED),
    )
    said = installed.run("build", "north", *PROFILE, "--set", "zz.deselect=keep", expect=(2,))
    assert "Did you mean 'zz.deselected'?" in said


def test_exports_of_its_vendor_are_recognised_by_its_map(installed: Installed) -> None:
    folder = installed.folder / "exports"
    folder.mkdir()
    for name, text in EXPORTS.items():
        (folder / f"{name}.csv").write_text(text, "utf-8")
    installed.run("build", "exports", *PROFILE, "--out", "from-exports", expect=(0, HELD_OR_SKIPPED))
    skipped = pd.read_csv(installed.folder / "from-exports" / "skipped.csv")
    assert skipped[["id", "rule"]].to_numpy().tolist() == [["s2", "ZZ-SUP-4"]]


def test_a_plan_names_its_events_publish_sends_it_and_notebooks_send_what_changed(
    connected: Installed, district: Path
) -> None:
    planned = connected.follow("plan", expect=(0, HELD_OR_SKIPPED))
    assert "create 16" in planned
    connected.follow("publish", expect=(0, HELD_OR_SKIPPED))
    items = pd.read_parquet(connected.folder / "plan" / "plan.parquet")
    assert set(items["action"]) == {"POST"}
    assert items["reason"].str.contains("ZZ-EVT-1").all()

    # The same source some months later: ended and removed support, by the notebooks, unattended.
    for path in (district / "after").glob("*.csv"):
        path.replace(district / path.name)
    connected.follow("run", expect=(0, HELD_OR_SKIPPED))
    (run,) = (path.parent for path in connected.folder.glob("data/runs/*/notebooks"))
    items = pd.read_parquet(run / "plan.parquet")
    assert {"PUT", "DELETE"} <= set(items["action"])
    reasons = " ".join(items["reason"])
    assert "ZZ-EVT-2" in reasons
    assert "ZZ-EVT-3" in reasons
    assert set(pd.read_parquet(run / "results.parquet")["outcome"]) == {"delivered"}
    findings = pd.read_parquet(run / "findings.parquet")
    assert "ZZ-EVT-2" in set(findings["rule_id"])  # the state's own suite

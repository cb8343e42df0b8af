"""A run that is taken up again goes on from its first step that is not done, and sends what is still to be sent."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import httpx
import pytest

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.unattended import run_unattended
from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs import open_run
from tests.factories.district import GENERAL, YEAR
from tests.factories.watched import PEOPLE, District

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    made = District.make(tmp_path_factory.mktemp("resuming"))
    made.write(range(20))
    with working_in(made.folder, made.environ):
        yield made
    made.ods_stops()


KILLED = """
import os, signal
from edfi_toolkit.runs import open_run

def progress(done, *_):
    if done >= 105:  # those of the first hundred are in the ledger
        os.kill(os.getpid(), signal.SIGKILL)

run = open_run(profile="certification", school_year={year}, source="north", run_id={run!r})
run.publish(approved="auto", progress=progress)
"""


def ran(approved: str, mode: str, resume: str = "", **settings: str) -> tuple[str, list[str], Exit]:
    """The run, the notebooks it took, and how it ended."""
    done = run_unattended(
        profile="certification",
        school_year=YEAR,
        source="north",
        target="sandbox",
        approved=approved,
        mode=mode,
        resume=resume,
        settings=settings or None,
    )
    return done.run.id, [notebook.notebook for notebook in done.ran], done.exit


@pytest.mark.parametrize(
    ("mode", "looks", "sends"),
    [
        ("publish", ["10_extract", "20_validate", "30_preview"], ["40_publish"]),
        ("resync", ["60_resync"], ["60_resync"]),
    ],
)
def test_a_run_that_was_looked_at_is_sent_when_it_is_approved_and_once(
    north: District, mode: str, looks: list[str], sends: list[str]
) -> None:
    north.write(range(20), s3={"end_date": "2026-03-01" if mode == "publish" else "2026-04-01"})
    run, notebooks, code = ran("", mode)
    assert (notebooks, code) == (looks, Exit.DONE)
    before = north.writes()
    assert ran("", mode, run) == (run, [], Exit.DONE)
    assert north.writes() == before
    assert ran("auto", mode, run) == (run, [*sends, "50_rejections"], Exit.DONE)
    after = north.writes()
    assert after.total() > before.total()
    assert north.held()["S-3"] == ("2026-03-01" if mode == "publish" else "2026-04-01")
    assert ran("auto", mode, run) == (run, ["50_rejections"], Exit.DONE)
    assert north.writes() == after
    other = "resync" if mode == "publish" else "publish"
    with pytest.raises(ConfigError, match=f"of mode {mode}, not {other}"):
        ran("auto", other, run)


def test_a_retry_without_a_plan_of_its_own_gets_none_of_all_records(north: District) -> None:
    retry = open_run(profile="certification", school_year=YEAR, source="north", run_id="new")
    retry.is_retry = True
    retry.extract()
    before = north.writes()
    with pytest.raises(ConfigError, match="Start the retry again"):
        ran("auto", "publish", retry.id)
    retry.build()
    retry.validate()
    for plan in (retry.preview, retry.resync):
        with pytest.raises(ConfigError, match="a retry of chosen records alone"):
            plan()
    assert not retry.folder.has("preview")
    assert north.writes() == before


def test_a_plan_that_notes_no_mode_is_of_none_and_is_previewed_again(north: District) -> None:
    begun = open_run(profile="certification", school_year=YEAR, source="north", run_id="new")
    begun.extract()
    run, notebooks, _ = ran("", "publish", begun.id)
    assert notebooks == ["20_validate", "30_preview"]
    path = begun.path / "manifest.json"
    manifest = json.loads(path.read_bytes())
    del manifest["steps"]["preview"]["mode"]
    path.write_text(json.dumps(manifest))
    before = north.writes()
    for mode in ("publish", "resync"):
        with pytest.raises(
            ConfigError, match=r"Preview it again .*'edfi-toolkit run' .*, without --resume\."
        ):
            ran("auto", mode, run)
    assert north.writes() == before


def test_a_run_does_not_go_on_from_a_file_that_is_not_as_its_step_left_it(north: District) -> None:
    north.write(range(20), s4={"end_date": "2026-03-01"})
    run, _, _ = ran("", "publish")
    opened = partial(open_run, profile="certification", school_year=YEAR, source="north", run_id=run)
    folder, before = opened().path, north.writes()
    otherwise = f"of run {run} is no longer as its step left it; nothing was sent"
    (folder / "report.html").write_text("opened, and saved otherwise")
    for name in ("plan.parquet", "held.parquet", "build/records.parquet"):
        content = (folder / name).read_bytes()
        for left in (content[:-100], None):
            (folder / name).unlink()
            if left is not None:
                (folder / name).write_bytes(left)
            for approved in ("", "auto"):
                with pytest.raises(ConfigError, match=f"{name} {otherwise}"):
                    ran(approved, "publish", run)
            if name != "plan.parquet":  # a plan that cannot be read says so itself
                with pytest.raises(ConfigError, match=f"{name} {otherwise}"):
                    opened().publish(approved="auto")
            (folder / name).write_bytes(content)
    assert north.writes() == before
    assert ran("auto", "publish", run)[2] is Exit.DONE
    assert north.held()["S-4"] == "2026-03-01"


def test_a_run_does_not_go_on_with_another_value_of_a_setting(north: District) -> None:
    run, _, _ = ran("", "publish", max_delete_share="0.2")
    assert ran("", "publish", run, max_delete_share="0.20") == (run, [], Exit.DONE)
    with pytest.raises(ConfigError, match="built with another max_delete_share"):
        ran("auto", "publish", run, max_delete_share="0.5")
    again = open_run(
        profile="certification",
        school_year=YEAR,
        source="north",
        run_id=run,
        settings={"max_delete_share": 0.5},
    )
    with pytest.raises(ConfigError, match="built with another max_delete_share"):
        again.preview()
    again.build()
    again.validate()
    again.preview()
    assert again.built.settings["max_delete_share"] == 0.5


def test_what_a_killed_publish_left_is_counted_as_still_to_be_sent(north: District) -> None:
    north.write(range(PEOPLE))
    run, _, _ = ran("", "publish")
    script = KILLED.format(year=YEAR, run=run)
    environ = {**os.environ, **north.environ, "PYTHONPATH": str(ROOT)}
    # Else all of them may have arrived before the kill.
    away = {"method": "POST", "resource": GENERAL, "status": 503, "after": 110}
    httpx.put(f"{north.ods.control_url}/faults", json=[away]).raise_for_status()
    killed = subprocess.run(
        [sys.executable, "-m", "tests.script", script], cwd=north.folder, env=environ, check=False
    )
    httpx.put(f"{north.ods.control_url}/faults", json=[]).raise_for_status()
    assert killed.returncode == -signal.SIGKILL
    done = run_unattended(
        profile="certification", school_year=YEAR, source="north", target="sandbox", resume=run
    )
    counts = done.report(0.0).counts
    assert done.exit is Exit.UNAVAILABLE
    assert 0 < counts["created"] <= len(north.held()) < PEOPLE
    planned = done.run.folder.manifest["steps"]["preview"]["actions"]
    assert counts["refused"] == 0
    assert counts["created"] + counts["updated"] + counts["pending"] == planned["POST"] + planned.get(
        "PUT", 0
    )
    assert ran("auto", "publish", run)[2] is Exit.DONE
    assert len(north.held()) == PEOPLE

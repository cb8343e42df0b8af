"""COM-SRC-2: what was published belongs to the name of its source, whatever its folder is called today."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

import edfi_toolkit as edfi
from edfi_toolkit.batch.exits import Exit, exit_of_steps
from edfi_toolkit.cli.playground import Playground, make_playground, target_environ, working_in
from edfi_toolkit.errors import ConfigError, UnsafePlan
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.runs import Run
from edfi_toolkit.sandbox import Running
from edfi_toolkit.settings import Settings, Source, load_settings
from tests.proofs import long_proof

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory, sandbox: Running) -> Iterator[Playground]:
    """The certification sample in folders named by their day; the first is published under its path."""
    made = make_playground(tmp_path_factory.mktemp("dated") / "work", "certification")
    httpx.post(f"{sandbox.control_url}/reset").raise_for_status()
    for seed in made.seeds:
        httpx.post(f"{sandbox.control_url}/seed", content=seed.read_bytes()).raise_for_status()
    shutil.copytree(made.sample / "after", made.folder / "2026-11-27")
    shutil.copytree(made.sample / "after", made.folder / "2026-11-28")
    with working_in(made.folder, target_environ(sandbox)):
        a_run("2026-11-27").publish(approved="auto")
        yield made


def a_run(source: str) -> Run:
    run = edfi.open_run(profile="certification", school_year=2026, source=source, run_id="new")
    for step in (run.extract, run.build, run.validate, run.preview):
        step()
    return run


def test_a_folder_of_another_day_is_stopped_and_told_the_name(work: Playground) -> None:
    run = a_run("2026-11-28")
    assert run.plan.breaches == ("delivered-by-other-feed",)
    said = run.plan.findings.set_index("code").loc["delivered-by-other-feed"]
    first = (work.folder / "2026-11-27").resolve().as_posix()
    assert f"'{first}'" in said["says"]
    assert f'--source-name "{first}"' in said["hint"]
    assert exit_of_steps(run.folder.manifest["steps"]) is Exit.GUARDED
    with pytest.raises(UnsafePlan):
        run.publish(approved="auto")


def test_under_the_first_name_it_is_the_same_feed(work: Playground) -> None:
    first = (work.folder / "2026-11-27").resolve().as_posix()
    participation = work.folder / "2026-11-28" / "program_participation.csv"
    whole = participation.read_text("utf-8")
    rows = whole.splitlines(keepends=True)
    participation.write_text("".join(rows[:2] + rows[3:]), "utf-8")
    plan = a_run(f"{first}=2026-11-28").plan
    assert plan.items["action"].value_counts().to_dict() == {"NOOP": 41, "DELETE": 1}
    assert not plan.breaches
    participation.write_text(whole, "utf-8")


@long_proof
def test_less_than_half_is_said_and_not_stopped(work: Playground) -> None:
    with Ledger(load_settings().ledger) as ledger:
        feed = ledger.feed(load_settings().target("sandbox").identity, "certification", "new")
        plan = a_run("2026-11-28").plan
        keys = plan.items[["resource", "key_hash"]]
        assert len(ledger.delivered_elsewhere(feed, keys, school_year=2026)) == len(keys)
        assert ledger.delivered_elsewhere(feed, keys[:0], school_year=2026).empty
        assert ledger.delivered_elsewhere(feed, keys, school_year=2025).empty
        other = ledger.feed(load_settings().target("sandbox").identity, "nm-powerschool", "new")
        assert ledger.delivered_elsewhere(other, keys, school_year=2026).empty
    from edfi_toolkit.planning.other_feeds import to_create, with_other_feeds

    clean = edfi.plan(a_run("2026-11-28").checked)
    some = to_create(clean)[:2].assign(source="north")
    said = with_other_feeds(clean, some)
    assert not said.breaches
    assert said.fingerprint == clean.fingerprint
    assert list(said.findings["code"]).count("DELIVERED_BY_OTHER_FEED") == 1
    assert with_other_feeds(clean, some[:0]) is clean


def test_a_name_of_the_settings_keeps_its_mapping(tmp_path: Path) -> None:
    (tmp_path / "today=2").mkdir()
    known = Settings(sources={"north": Source("north", "/gone", mapping="sis.toml", settings={"a": 1})})
    assert known.source(f"north={tmp_path}") == Source("north", str(tmp_path), "sis.toml", {"a": 1})
    assert known.source(f"south={tmp_path}") == Source("south", str(tmp_path))
    assert known.source(tmp_path / "today=2").path == str(tmp_path / "today=2")
    for written in ("north", f"north={tmp_path}", f"south={tmp_path}", str(tmp_path)):
        assert known.written(known.source(written)) == written
    with pytest.raises(ConfigError, match="no file or folder"):
        known.source(f"north={tmp_path / 'absent'}")
    assert known.source("north").path == "/gone"

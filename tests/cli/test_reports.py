"""`--json` is one object however a command ends, and claims what the run itself did."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edfi_toolkit.batch import fleet, unattended
from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.notify import notify
from edfi_toolkit.batch.report import Report
from edfi_toolkit.cli import main
from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.runs import open_run
from edfi_toolkit.runs.evidence import FAULTS, verify
from edfi_toolkit.settings.hooks import ANY, OUTCOMES
from tests.factories.district import YEAR
from tests.factories.watched import PEOPLE, District

pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("default")]
OF = ("--profile", "certification", "--school-year", str(YEAR), "--json")
Told = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    made = District.make(tmp_path_factory.mktemp("reports"))
    made.write([*range(10), PEOPLE])  # the last is not in the ODS: his record is held
    with working_in(made.folder, made.environ):
        yield made
    made.ods_stops()


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Told:
    def run(*words: str) -> dict[str, Any]:
        monkeypatch.setattr(sys, "argv", ["edfi-toolkit", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        report: dict[str, Any] = json.loads(capsys.readouterr().out)
        assert report["exit"] == int(ended.value.code or 0)
        assert report["schema"] == 1
        return report

    return run


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("plan", "north", "--profil", "certification", "--json"), 2, "UsageError"),
        (("plan", "nroth", *OF), 2, "ConfigError"),
        (("plan", "north", *OF, "--target", "sandbx"), 2, "ConfigError"),
        (("run", "north", *OF, "--target", "sandbx", "--approve", "auto"), 2, "ConfigError"),
        (("batch", "--approve", "auto", "--json"), 2, "ConfigError"),
        (("publish", "north", *OF, "--approve", "0" * 16), 4, "StalePlan"),
    ],
)
def test_what_could_not_start_has_a_report_with_its_error(
    north: District, told: Told, words: tuple[str, ...], code: int, error: str
) -> None:
    report = told(*words)
    assert (report["exit"], report["error"]["type"]) == (code, error)
    assert report["error"]["says"]
    if words[0] != "batch" and error != "UsageError":
        assert (report["source"], report["profile"], report["school_year"]) == (
            words[1],
            "certification",
            YEAR,
        )
    assert not report["counts"].get("delivered")


def test_a_run_claims_what_it_sent_and_says_what_is_new(north: District, told: Told) -> None:
    with Ledger(north.folder / "ledger.db") as ledger:
        like = open_run(profile="certification", school_year=YEAR, source="north", run_id="new")
        with ledger.exclusive(ledger.feed(like.target.identity, "certification", "north")):
            busy = told("publish", "north", *OF, "--approve", "auto")
    assert (busy["exit"], busy["error"]["type"], busy["counts"]["delivered"]) == (5, "LedgerBusy", 0)
    assert north.writes() == {}

    first = told("publish", "north", *OF, "--approve", "auto")
    assert (first["exit"], first["counts"]["delivered"], first["planned"]) == (3, 10, {})
    assert (first["counts"]["held"], first["new"]["held"], first["new"]["built"]) == (1, 1, 11)
    repeated = told("publish", first["folder"], *OF, "--approve", "auto")
    assert repeated["counts"]["delivered"] == 10  # the same run: these are its own
    second = told("publish", "north", *OF, "--approve", "auto", "--fail-on", "new")
    assert (second["exit"], second["counts"]["delivered"]) == (0, 0)
    assert (second["counts"]["held"], second["new"]["held"], second["new"]["built"]) == (1, 0, 0)

    north.write([*range(10), PEOPLE, PEOPLE + 1])
    third = told("publish", "north", *OF, "--approve", "auto", "--fail-on", "new")
    assert (third["exit"], third["counts"]["held"], third["new"]["held"]) == (3, 2, 1)
    run = open_run(profile="certification", school_year=YEAR, run_id=third["run_id"])
    checks = verify(run.folder, run.installation)
    assert checks.loc[checks["state"].isin(FAULTS), "name"].tolist() == []
    assert {"report.json", "counted.parquet"} <= {*checks["name"]}
    kept = json.loads((Path(third["folder"]) / "report.json").read_bytes())
    assert (kept["run_id"], kept["counts"]) == (third["run_id"], third["counts"])


def test_the_report_in_the_folder_is_the_one_that_was_printed_also_of_a_plan_that_ends_with_2(
    north: District, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDFI_TARGET_SANDBOX_SECRET", "wrong")
    report = told("plan", "north", *OF)
    assert (report["exit"], report["counts"]["delivered"]) == (2, 0)
    assert json.loads((Path(report["folder"]) / "report.json").read_bytes()) == report


@pytest.fixture
def hook(tmp_path: Path) -> tuple[str, Path]:
    """A command that keeps what it is given, and the environment it sees; where it keeps that."""
    kept, code = tmp_path / "kept.jsonl", tmp_path / "hook.py"
    code.write_text(
        "import json, os, sys\n"
        f"with open({str(kept)!r}, 'a') as file:\n"
        "    told = json.load(sys.stdin) | {'argument': sys.argv[1], "
        "'logins': 'EDFI_TARGET_SANDBOX_KEY' in os.environ}\n"
        "    file.write(json.dumps(told) + '\\n')\n"
    )
    return f"{sys.executable} {code}", kept


def test_the_report_goes_once_to_the_command_that_is_set_for_the_outcome(
    north: District, told: Told, hook: tuple[str, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    command, kept = hook
    settings = north.folder / "edfi.toml"
    text = settings.read_text("utf-8")
    settings.write_text(f'{text}[notify]\nsettings = "{command} of-settings"\nany = "{command} of-any"\n')
    try:
        wrong = told("run", "nroth", *OF)
        batched = told("batch", "--approve", "auto", "--json", "--notify", f"any={command} of-option")
        with monkeypatch.context() as patch:
            patch.setenv("EDFI_TARGET_SANDBOX_URL", "http://127.0.0.1:9")
            down = told("run", "north", *OF, "--approve", "auto", "--notify", f"done={command} no")
        told("plan", "north", *OF, "--target", "sandbx")  # has no such option
    finally:
        settings.write_text(text)
    calls = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [(each.pop("argument"), each.pop("logins")) for each in calls] == [
        ("of-settings", False),
        ("of-option", False),
        ("of-any", False),
    ]
    assert calls == [wrong, batched, down]
    assert (down["exit"], down["error"]["type"]) == (5, "OdsUnavailable")


def test_a_hook_that_fails_changes_no_exit_code_and_a_wrong_one_is_refused_first(
    north: District, told: Told
) -> None:
    assert "could not be started" in notify(["no-such-command"], {})
    assert "ended with 1" in notify([sys.executable, "-c", "raise SystemExit(1)"], {})
    assert told("run", "nroth", *OF, "--notify", "any=no-such-command")["exit"] == 2
    refused = told("run", "north", *OF, "--notify", "gaurded=mail")
    assert "Did you mean 'guarded'" in refused["error"]["says"] + refused["error"]["next_step"]
    assert {*OUTCOMES} == {ANY, *(code.name.lower() for code in Exit)}


def test_dry_run_step_minutes_and_select_reach_what_carries_them_out(
    north: District, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What they do there: no approval, no notebook after the preview; `Timeouts`; the districts of these names."""
    asked: dict[str, Any] = {}

    def carried_out(installation: object, names: list[str], how: fleet.How, *, workers: int) -> Iterator[Any]:
        asked.update(names=names, how=how)
        return iter(())

    def one(**given: Any) -> Any:
        asked.update(given)
        raise ConfigError("Enough. Nothing is run.")

    monkeypatch.setattr(fleet, "run_fleet", carried_out)
    monkeypatch.setattr(unattended, "run_unattended", one)
    settings = north.folder / "edfi.toml"
    text = settings.read_text("utf-8")
    about = 'path = "north"\nprofile = "certification"\n'
    settings.write_text(f"{text}[sources.north-1]\n{about}[sources.north-2]\n{about}[sources.south]\n{about}")
    few = ("--approve", "auto", "--dry-run", "--step-minutes", "7", "--json")
    try:
        assert told("batch", *few, "--select", "north-*")["exit"] == 0
        assert (asked["names"], asked["how"].approved) == (["north-1", "north-2"], "")
        assert asked["how"].timeouts.cell_s == 7 * 60
        assert "matches" in told("batch", *few, "--select", "west-*")["error"]["says"]
        assert told("run", "north", *OF[:-1], *few)["exit"] == 2
        assert (asked["approved"], asked["timeouts"].cell_s) == ("", 7 * 60)
    finally:
        settings.write_text(text)


def test_the_next_step_of_a_report_is_the_last_sentence_of_its_error() -> None:
    """However many facts stand before it."""
    says = "The plan breaches a and b; nothing was sent. a: 3 of 4 records. b: none. Correct the source and run again."
    error = Report(exit=Exit.GUARDED, says=says, error="UnsafePlan").facts["error"]
    assert error["next_step"] == "Correct the source and run again."
    assert f"{error['says']} {error['next_step']}" == says
    error = Report(exit=Exit.FAILED, says="It failed.", error="KeyError").facts["error"]
    assert (error["says"], error["next_step"]) == ("It failed.", "")

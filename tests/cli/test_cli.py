"""The command line: cheap to start, results on stdout, text for people on stderr, exit codes that tell the truth."""

from __future__ import annotations

import json
import re
import stat
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import typer

from edfi_toolkit import errors
from edfi_toolkit.batch.unattended import shipped
from edfi_toolkit.cli import app, main
from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.runs.folder import RunFolder, runs_newest_first
from edfi_toolkit.runs.retention import tidying
from edfi_toolkit.sandbox import Running
from tests.factories.watched import PEOPLE, District
from tests.warm import FRESH

STUDENT = re.compile(r"\bS-\d{1,3}\b")  # one of the district `north`; a pseudonym is longer
SAMPLE = ["--profile", "certification", "--school-year", "2026"]
HEAVY = (
    "pandas",
    "great_expectations",
    "papermill",
    "jsonschema",
    "matplotlib",
    "IPython",
    "sqlalchemy",
    "rich",
)
Cli = Callable[..., tuple[int, str, str]]


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Run a command in this process; gives exit code, stdout, stderr."""

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["edfi-toolkit", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return run


@pytest.fixture
def nothing_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def before(nothing_set: Path) -> str:
    return str(shipped("data/samples") / "certification" / "before")


def test_help_is_cheap_and_imports_nothing_heavy() -> None:
    script = (
        "import sys\nsys.argv = ['edfi-toolkit', '--help']\nfrom edfi_toolkit.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"


def test_every_command_has_help_with_an_example() -> None:
    group = typer.main.get_command(app)
    commands = dict(group.commands)  # type: ignore[attr-defined]
    for name, command in [*commands.items()]:
        commands |= {f"{name} {inner}": each for inner, each in getattr(command, "commands", {}).items()}
    assert "ledger import-map" in commands
    for name, command in commands.items():
        assert f"Example: edfi-toolkit {name}" in (command.help or ""), name


def test_the_module_and_the_command_are_the_same() -> None:
    done = subprocess.run([FRESH, "-m", "edfi_toolkit", "--help"], capture_output=True, text=True, check=True)
    assert "publish" in done.stdout


def test_an_unknown_option_is_exit_2(cli: Cli, nothing_set: Path) -> None:
    assert cli("build", "--nope")[0] == 2
    assert cli("nope")[0] == 2


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigError("Wrong name."), 2),
        (errors.SourceShapeError("No column."), 2),
        (errors.UnsafePlan("Too many deletes."), 4),
        (errors.StalePlan("Moved."), 4),
        (errors.OdsUnavailable("Away."), 5),
        (errors.OdsRefusedLogin("No."), 2),
        (errors.LedgerError("Broken."), 2),
        (errors.LedgerBusy("Locked."), 5),
        (KeyboardInterrupt(), 5),
    ],
)
def test_an_expected_error_is_one_sentence_and_its_exit_code(
    cli: Cli, nothing_set: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int
) -> None:
    def fails(*_: object) -> None:
        raise error

    monkeypatch.setattr("edfi_toolkit.settings.load_settings", fails)
    found, out, err = cli("rejections")
    assert (found, out) == (code, "")
    assert "Traceback" not in err
    assert str(error) in err


def test_an_unexpected_error_tells_where_but_not_what(
    cli: Cli, nothing_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise KeyError("student 900417303")

    monkeypatch.setattr("edfi_toolkit.settings.load_settings", fails)
    code, out, err = cli("rejections")
    assert (code, out) == (1, "")
    assert "900417303" not in err
    assert "KeyError" in err
    assert "rejections.py:" in err


def test_synth_writes_a_district_that_build_reads_and_says_what_to_do_next(
    cli: Cli, nothing_set: Path
) -> None:
    words = ["--students", "60", "--seed", "3", "--dirty", "0.1", "--churn", "0.1"]
    code, out, err = cli("synth", "north", "--profile", "nm-powerschool", *words)
    files = sorted(str(path.relative_to(nothing_set)) for path in Path("north").resolve().rglob("*.*"))
    assert (code, sorted(out.split())) == (0, files)
    assert {"north/_dirty.csv", "north/ods-seed.jsonl", "north/after/cte_records.csv"} < set(files)
    assert {stat.S_IMODE(Path(each).stat().st_mode) for each in files} == {0o600}
    assert "edfi-toolkit sandbox --port 8765 --seed north/ods-seed.jsonl" in err
    (after,) = [
        line.split("edfi-toolkit ")[1].split() for line in err.splitlines() if "toolkit build" in line
    ]
    code, out, _ = cli(*after, "--json")
    assert code == 0
    assert json.loads(out)["by_resource"] == {"studentCTEProgramAssociations": json.loads(out)["records"]}
    assert json.loads(out)["records"] > 20


def test_synth_never_writes_into_a_folder_that_holds_files(cli: Cli, nothing_set: Path) -> None:
    (nothing_set / "students.csv").write_text("a real one")
    code, out, err = cli("synth", ".", "--profile", "certification")
    assert (code, out) == (2, "")
    assert "Give a new folder" in err
    assert (nothing_set / "students.csv").read_text() == "a real one"


def test_build_writes_bodies_and_reasons_for_their_owner_only(cli: Cli, before: str, tmp_path: Path) -> None:
    code, out, err = cli("build", before, *SAMPLE, "--out", "out", "--json")
    facts = json.loads(out)
    bodies = (tmp_path / "out" / "studentHomelessProgramAssociations.jsonl").read_text().splitlines()

    assert code == 0
    assert facts["records"] == sum(facts["by_resource"].values())
    assert len(bodies) == facts["by_resource"]["studentHomelessProgramAssociations"]
    assert json.loads(bodies[0])["beginDate"]
    assert "skipped.csv" in err
    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "out").iterdir()} == {0o600}
    assert (
        len((tmp_path / "out" / "skipped.csv").read_text().splitlines()) == sum(facts["by_rule"].values()) + 1
    )


def test_build_without_json_is_text_without_a_person(cli: Cli, before: str) -> None:
    code, out, _ = cli("build", before, *SAMPLE)
    assert code == 0
    assert "Records built" in out
    assert "K7310001" not in out


def test_a_setting_without_a_value_and_an_unknown_one_are_exit_2(cli: Cli, before: str) -> None:
    assert cli("build", before, *SAMPLE, "--set", "future_dated")[0] == 2
    assert cli("build", before, *SAMPLE, "--set", "future_datde=send")[0] == 2
    assert cli("build", "no-such-folder", *SAMPLE)[0] == 2


def test_limits_of_the_settings_file_reach_a_build_and_set_wins(nothing_set: Path, before: str) -> None:
    from edfi_toolkit.cli.steps import build_of

    (nothing_set / "edfi.toml").write_text("[limits]\nmax_delete_share = 0.03\nfree_changes = 7\n", "utf-8")
    built, _ = build_of(before, "certification", 2026, ["free_changes=9"])
    assert (built.settings["max_delete_share"], built.settings["free_changes"]) == (0.03, 9)


def test_explain_is_masked_unless_revealed(cli: Cli, before: str) -> None:
    _, masked, _ = cli("explain", before, *SAMPLE, "--student", "222222")
    _, shown, _ = cli("explain", before, *SAMPLE, "--student", "222222", "--reveal")
    assert "studentCTEProgramAssociations" in masked
    assert "K7310002" not in masked
    assert "K7310002" in shown


def test_init_writes_settings_that_can_be_read_and_never_writes_over_them(
    cli: Cli, nothing_set: Path
) -> None:
    from edfi_toolkit.settings import load_settings

    code, out, _ = cli("init")
    assert (code, out.strip()) == (0, "edfi.toml")
    assert list(load_settings().targets) == ["state"]
    assert list(load_settings().sources) == ["north"]
    assert cli("init")[0] == 2
    assert cli("init", "--force")[0] == 0


def test_doctor_says_what_is_missing(cli: Cli, nothing_set: Path) -> None:
    cli("init")
    code, out, _ = cli("doctor", "--json")
    state = {each["what"]: each["state"] for each in json.loads(out)}
    assert code == 2
    assert state["source north"] == "needs attention"
    assert state["ledger"] == "ok"


def test_a_full_disk_behind_stdout_is_exit_5_with_one_sentence(nothing_set: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("this system has no /dev/full")
    with full.open("w") as stdout:
        done = subprocess.run(
            [FRESH, "-m", "edfi_toolkit", "ledger", "--json"],
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 5
    assert done.stderr.splitlines()[-1].startswith(
        "StorageUnavailable: The result cannot be written where stdout"
    )


@pytest.mark.parametrize(
    "source", ["postgresql://sis:hunter2-canary@db.example/sis", "mssql://db/sis?PWD=hunter2-canary"]
)
def test_run_refuses_a_password_in_its_source_before_anything_is_written(
    cli: Cli, nothing_set: Path, monkeypatch: pytest.MonkeyPatch, source: str
) -> None:
    for name in ("URL", "KEY", "SECRET"):
        monkeypatch.setenv(f"EDFI_TARGET_SANDBOX_{name}", "https://ods.example")
    code, out, err = cli("run", source, *SAMPLE, "--approve", "auto")
    assert code == 2
    assert "Parameter 'source' looks like a credential" in err
    assert "hunter2-canary" not in out + err
    assert list(nothing_set.iterdir()) == []


def test_an_empty_ledger_and_no_rejections_are_exit_0(cli: Cli, nothing_set: Path) -> None:
    assert cli("ledger")[:2] == (0, "Nothing has been published yet.\n")
    assert cli("ledger", "--json")[:2] == (0, "[]\n")
    assert cli("rejections", "--json")[:2] == (0, "[]\n")


def test_a_sandbox_says_where_it_is_in_one_json_line() -> None:
    command = [FRESH, "-m", "edfi_toolkit", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        first = json.loads(process.stdout.readline())
        try:
            assert httpx.get(first["base_url"]).status_code == 200
            assert {"name", "key", "secret", "organizations"} <= set(first["clients"][0])
        finally:
            process.terminate()


@pytest.fixture
def north(sandbox: Running, tmp_path: Path) -> Iterator[District]:
    """Twenty students whom the ODS knows, and one whom it does not: his record is held."""
    made = District.beside(tmp_path / "work", sandbox)
    made.write([*range(20), PEOPLE])
    with working_in(made.folder, made.environ):
        yield made


@pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
def test_plan_then_publish_then_plan_again(cli: Cli, north: District) -> None:
    code, out, err = cli("plan", "north", *SAMPLE, "--out", "plan", "--json")
    planned = json.loads(out)
    assert code == planned["exit"] == 3
    assert not STUDENT.search(out + err)
    fingerprint = planned["steps"]["preview"]["fingerprint"]

    assert cli("publish", "plan", *SAMPLE[:2], "--approve", "0" * 16)[0] == 4
    saved = Path(planned["folder"], "plan.parquet")
    content = saved.read_bytes()
    saved.write_bytes(content[:-100])
    code, _, err = cli("publish", planned["folder"], *SAMPLE[:2], "--approve", fingerprint)
    assert code == 2
    assert re.search(r"plan\.parquet cannot be read \(\w+\)\. Preview again: .*'edfi-toolkit plan'", err)
    saved.write_bytes(content)
    code, out, err = cli("publish", planned["folder"], *SAMPLE[:2], "--approve", fingerprint, "--json")
    assert code == 3  # some are held
    delivered = json.loads(out)["steps"]["publish"]["outcomes"]
    assert delivered == {"delivered": planned["steps"]["preview"]["actions"]["POST"]}
    assert "Publishing:" in err

    code, out, _ = cli("publish", "north", *SAMPLE, "--approve", "auto", "--json")
    assert code == 3
    assert json.loads(out)["steps"]["publish"]["outcomes"] == {}
    code, out, err = cli("ledger", "--json")
    assert code == 0
    (newest, first) = json.loads(out)
    assert (newest["delivered"], first["delivered"]) == (0, delivered["delivered"])
    assert {name: first[name] for name in ("refused", "pending", "unsettled")} == {
        "refused": 0,
        "pending": 0,
        "unsettled": 0,
    }
    assert "never finished" not in err
    code, out, _ = cli("ledger", "--run", first["run_id"], "--json")
    assert len(json.loads(out)) == delivered["delivered"]

    feed = ("--source", "north", *SAMPLE[:2])
    assert cli("ledger", "export-map", "map.csv", *feed)[0] == 0
    rows = Path("map.csv").read_text().splitlines()
    assert len(rows) == delivered["delivered"] + 1
    assert stat.S_IMODE(Path("map.csv").stat().st_mode) == 0o600
    Path("ledger.db").rename("old.db")
    code, out, _ = cli("ledger", "import-map", "map.csv", *feed)
    assert (code, out) == (0, f"{delivered['delivered']} records taken over from map.csv\n")
    _, out, _ = cli("plan", "north", *SAMPLE, "--json")
    assert set(json.loads(out)["steps"]["preview"]["actions"]) == {"NOOP"}
    Path("map.csv").write_text("\n".join([*rows[:2], rows[2].replace("2026", "year")]))
    code, _, err = cli("ledger", "import-map", "map.csv", *feed)
    assert code == 2
    assert "row 3, column school_year" in err
    assert not STUDENT.search(err)


def test_the_map_of_an_unknown_profile_or_source_is_exit_2(cli: Cli, nothing_set: Path) -> None:
    cli("init")
    for profile, source in (("certificate", "north"), ("certification", "nroth")):
        words = ("ledger", "export-map", "map.csv", "--source", source, "--profile", profile, "-t", "state")
        assert cli(*words)[0] == 2


@pytest.mark.filterwarnings("default")
def test_publishing_a_saved_plan_that_holds_records_is_exit_3(cli: Cli, north: District) -> None:
    cli("plan", "north", *SAMPLE, "--out", "plan")
    code, out, _ = cli("publish", "plan", *SAMPLE[:2], "--approve", "auto", "--json")
    told = json.loads(out)
    assert set(told["steps"]["publish"]["outcomes"]) == {"delivered"}
    assert told["counts"]["held"] > 0
    assert told["counts"]["delivered"] == told["steps"]["publish"]["outcomes"]["delivered"]
    again = json.loads(cli("publish", "plan", *SAMPLE[:2], "--approve", "auto", "--json")[1])
    assert (again["exit"], again["counts"]["delivered"]) == (3, 0)  # the first has sent it
    assert code == told["exit"] == 3


@pytest.mark.filterwarnings("default")
def test_resync_shows_first_then_carries_out_what_was_approved(cli: Cli, north: District) -> None:
    code, out, err = cli("resync", "north", *SAMPLE, "--json")
    shown = json.loads(out)
    assert code == 3  # some are held
    assert "Reading the ODS:" in err
    assert shown["steps"]["preview"]["mode"] == "resync"
    assert "publish" not in shown["steps"]
    fingerprint = shown["steps"]["preview"]["fingerprint"]

    code, out, err = cli("resync", "north", *SAMPLE, "--approve", fingerprint, "--incremental", "--json")
    assert code == 3
    assert "studentProgramAssociations was read whole: no copy of it was kept yet." in err
    assert json.loads(out)["steps"]["publish"]["fingerprint"] == fingerprint
    code, out, _ = cli("plan", "north", *SAMPLE, "--mode", "resync", "--json")
    assert code == 3
    assert set(json.loads(out)["steps"]["preview"]["actions"]) == {"NOOP"}
    assert cli("plan", "north", *SAMPLE, "--mode", "resnyc")[0] == 2


def test_a_target_without_credentials_is_exit_2_before_anything_is_read(cli: Cli, before: str) -> None:
    code, _, err = cli("plan", before, *SAMPLE, "--target", "sandbx")
    assert code == 2
    assert "There is no target named 'sandbx'" in err


@pytest.mark.parametrize("command", ["plan", "publish", "run", "watch"])
def test_a_target_of_another_school_year_is_exit_2(
    cli: Cli, nothing_set: Path, before: str, command: str
) -> None:
    (nothing_set / "edfi.toml").write_text(
        '[targets.next]\nurl = "https://ods.example"\nschool_year = 2027\n'
    )
    approved = ["--approve", "auto"] if command == "publish" else []
    code, _, err = cli(command, before, *SAMPLE, "--target", "next", *approved)
    assert code == 2
    assert "'next' holds the school year 2027, and these records belong to 2026; nothing was sent" in err


def test_a_batch_of_nothing_says_what_to_write(cli: Cli, nothing_set: Path) -> None:
    code, _, err = cli("batch")
    assert code == 2
    assert "Write profile and target under [sources.NAME]" in err
    assert cli("batch", "--approve", "0" * 16)[0] == 2


def test_lab_serves_jupyter_on_copies_of_the_notebooks(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "edfi_toolkit",
        "lab",
        "--no-browser",
        "--port",
        "8893",
        "lab",
    ]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        try:
            until = time.monotonic() + 60
            line = ""
            while "?token=" not in line and time.monotonic() < until:
                line = process.stderr.readline()
            address = line[line.index("http") :].split()[0]
            root, _, token = address.partition("/lab")[0], None, address.partition("token=")[2]
            listed = httpx.get(f"{root}/api/contents?token={token}").json()["content"]
        finally:
            process.terminate()
    with pytest.raises(httpx.TransportError):  # the server has ended too
        httpx.get(root)
    assert "00_start_here.ipynb" in {each["name"] for each in listed}
    assert (tmp_path / "lab" / "40_publish.ipynb").is_file()


def test_the_version_is_shown(cli: Cli) -> None:
    from edfi_toolkit import __version__

    assert cli("--version")[:2] == (0, f"edfi-toolkit {__version__}\n")


def test_prune_lists_first_and_removes_then(cli: Cli, nothing_set: Path) -> None:
    runs = nothing_set / "data" / "runs"
    for run_id in ("20260101-020000-a", "20260102-020000-b"):
        RunFolder(runs, run_id).begin({"profile": "p", "started_at": f"2026-01-0{run_id[7]}T02:00:00+00:00"})
    assert cli("prune")[0] == 2
    code, out, _ = cli("prune", "--keep-last", "1", "--dry-run", "--json")
    assert (code, json.loads(out)["removed"]) == (0, ["20260101-020000-a"])
    assert len(runs_newest_first(runs)) == 2
    assert cli("prune", "--keep-last", "1")[0] == 0
    assert [folder.run_id for folder in runs_newest_first(runs)] == ["20260102-020000-b"]


def test_prune_and_erase_are_not_at_work_at_once(
    cli: Cli, nothing_set: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("edfi_toolkit.runs.retention.WAIT_S", 0.0)
    with tidying(nothing_set / "data" / "runs"):
        for command in (("prune", "--keep-last", "1"), ("erase", "900417303")):
            code, _, err = cli(*command)
            assert code == 5
            assert "Give the command again when that one has ended." in err
        assert cli("prune", "--keep-last", "1", "--dry-run")[0] == 0
    assert cli("prune", "--keep-last", "1")[0] == 0


def test_a_correction_is_added_listed_and_removed_by_number(
    cli: Cli, before: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("URL", "KEY", "SECRET"):
        monkeypatch.setenv(f"EDFI_TARGET_SANDBOX_{name}", "https://ods.example" if name == "URL" else "x")
    of = ("--profile", "certification", "--source", before)
    who = ("--author", "R. Ibarra", "--reason", "left in December")
    cell = ("program_participation", "end_date", "", "2025-12-19", "--row", "p-2001")
    assert cli("corrections", "add", *cell, *of, *who)[:2] == (0, "1\n")
    [listed] = json.loads(cli("corrections", "list", *of, "--json")[1])
    assert (listed["row_id"], listed["value"], listed["author"]) == ("p-2001", "2025-12-19", "R. Ibarra")
    assert cli("corrections", "remove", "1", *of)[0] == 0
    assert json.loads(cli("corrections", "list", *of, "--json")[1]) == []
    code, _, err = cli("corrections", "add", "enrollments", "enrollment_id", "1", "2", *of, *who)
    assert (code, "is the key" in err) == (2, True)

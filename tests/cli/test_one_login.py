"""Many commands, one login: an ODS gives a key few tokens at a time."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

from edfi_toolkit.batch.unattended import run_unattended, shipped
from edfi_toolkit.cli import main
from edfi_toolkit.cli.playground import make_playground, target_environ, working_in
from edfi_toolkit.ods.session import _shared_tokens
from edfi_toolkit.sandbox import Running, start

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
SAMPLE = ["sample", "--profile", "certification", "--school-year", "2026"]
PROVE = os.environ.get("EDFI_PROVE") == "1"
TIMES = 10 if PROVE else 1
TABLES = {
    "students": "student_id,student_unique_id\nK7310002,222222\n",
    "program_participation": "participation_id,student_id,resource,education_organization_id,"
    "program_education_organization_id,program_name,program_type,begin_date\n"
    "p1,K7310002,studentProgramAssociations,255901,255901,Gifted and Talented,Gifted and Talented,2025-08-23\n",
}
Cli = Callable[..., tuple[int, str]]


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    seeds = sorted((shipped("data/samples") / "certification").glob("ods-seed*.jsonl"))
    with start(seeds=seeds) as running:
        yield running


@pytest.fixture
def work(sandbox: Running, tmp_path: Path) -> Iterator[Path]:
    made = make_playground(tmp_path / "work", "certification")
    if not PROVE:  # one record: what is tried is the way to the ODS
        for file in (made.folder / "source").iterdir():
            file.unlink()
        for name, text in TABLES.items():
            (made.folder / "source" / f"{name}.csv").write_text(text)
    with working_in(made.folder, target_environ(sandbox)):
        yield made.folder
    limit(sandbox, 15)


@pytest.fixture
def cli(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """A command as a process of its own runs it: nothing is left of the one before but files."""

    def run(*words: str) -> tuple[int, str]:
        _shared_tokens.clear()
        monkeypatch.setattr(sys, "argv", ["edfi-toolkit", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        assert "Traceback" not in said.err
        return int(ended.value.code or 0), said.err + said.out

    return run


def limit(sandbox: Running, tokens: int) -> None:
    httpx.post(f"{sandbox.control_url}/faults", json=[], trust_env=False)
    options = {"token_limit": tokens}
    httpx.put(f"{sandbox.control_url}/options", json=options, trust_env=False).raise_for_status()


def test_plans_and_publishes_in_a_row_need_one_token(cli: Cli, sandbox: Running, work: Path) -> None:
    ends = 3 if PROVE else 0  # the sample has dirty rows on purpose
    if not PROVE:
        limit(sandbox, 1)
    for _ in range(TIMES):
        code, said = cli("plan", *SAMPLE)
        assert (code, "Checked against sandbox too." in said) == (ends, True)
        code, said = cli("publish", *SAMPLE, "--approve", "auto")
        assert (code, "Checked against sandbox too." in said) == (ends, True)
    if PROVE:
        for _ in range(3):
            done = run_unattended(
                profile="certification", school_year=2026, source="sample", target="sandbox", approved="auto"
            )
            assert (done.error, done.exit) == ("", 3)
    assert len(list((work / "data" / "tokens").glob("*.json"))) == 1


def test_at_the_limit_a_plan_says_so_first_and_a_publish_sends_nothing(
    cli: Cli, sandbox: Running, work: Path
) -> None:
    limit(sandbox, 1)
    file = work / "edfi.toml"
    file.write_text(file.read_text().replace("[paths]", '[paths]\ntoken_cache = "off"'))
    login = (os.environ["EDFI_TARGET_SANDBOX_KEY"], os.environ["EDFI_TARGET_SANDBOX_SECRET"])
    asked = {"grant_type": "client_credentials"}
    httpx.post(f"{sandbox.base_url}/oauth/token", data=asked, auth=login, trust_env=False)  # the one there is
    code, said = cli("plan", *SAMPLE)
    assert code == 5
    shown = said[said.index("Checked against the shipped model only") :]
    assert "the limit of 1 live tokens. Try again at " in shown
    code, said = cli("publish", *SAMPLE, "--approve", "auto")
    assert code == 5
    assert re.search(r"OdsUnavailable: .* the limit of 1 live tokens. Try again at \d\d:\d\d, ", said)
    assert not (work / "data" / "tokens").exists()


@pytest.mark.parametrize("part", ["KEY", "SECRET"])
def test_a_refused_login_is_exit_2_and_says_what_can_be_wrong(
    cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    monkeypatch.setenv(f"EDFI_TARGET_SANDBOX_{part}", "wrong-canary")
    code, said = cli("plan", *SAMPLE)
    assert code == 2
    assert "key may be mistyped, disabled" in said
    assert "secret mistyped, expired or replaced" in said
    assert "canary" not in said


@pytest.mark.parametrize("command", ["publish", "resync", "run"])
def test_a_login_that_is_refused_is_found_before_the_source_is_read(
    cli: Cli, work: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("EDFI_TARGET_SANDBOX_SECRET", "wrong-canary")
    for file in (work / "source").iterdir():
        file.write_bytes(b"\0 no table at all")
    code, said = cli(command, *SAMPLE, "--approve", "auto")
    assert (code, "OdsRefusedLogin: Target 'sandbox' refused key and secret" in said) == (2, True)
    assert not list((work / "data" / "runs").glob("2*/manifest.json"))


@pytest.mark.parametrize("command", ["plan", "publish", "resync", "build", "run"])
def test_a_password_in_an_address_is_refused_on_the_command_line(cli: Cli, work: Path, command: str) -> None:
    address = "postgresql://sis:hunter2-canary@db.example/sis"
    options = ["--approve", "auto"] if command == "publish" else []
    code, said = cli(command, address, *SAMPLE[1:], *options)
    assert code == 2
    assert "environment" in said
    assert "canary" not in said
    assert not (work / "runs").exists()

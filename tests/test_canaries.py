"""No failure shows a student or a secret: one is provoked in each step and with each kind of source, and all that came
out of it is searched. One process, one sandbox."""

from __future__ import annotations

import io
import logging
import re
import shutil
import sqlite3
import sys
import zipfile
from collections.abc import Callable, Iterator
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from edfi_toolkit.batch.stopping import Stop
from edfi_toolkit.batch.unattended import run_unattended
from edfi_toolkit.batch.watch import Cycle, Watch
from edfi_toolkit.cli import main
from edfi_toolkit.cli.playground import target_environ, working_in
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.runs import open_run
from edfi_toolkit.sandbox import Running, start
from tests.disk import no_room_for
from tests.factories.district import GENERAL, YEAR, a_participation, seed_lines

pytestmark = pytest.mark.filterwarnings(
    "default"
)  # Great Expectations, papermill and zmq warn about themselves
FIRST, LAST, PASSWORD = "Zephyrine", "Quillfeather", "hunter2-canary"
PEOPLE = [7310000 + number for number in range(30)]
WHO = re.compile(rf"73100\d\d|{FIRST}|{LAST}", re.IGNORECASE)
SAMPLE = ["--profile", "certification", "--school-year", str(YEAR)]
SETTINGS = """
[paths]
ledger = "ledger.db"
runs = "runs"

[sources.north]
path = "north"

[sources.locked]
path_env = "LOCKED"
"""
Tables = dict[str, pd.DataFrame]


def the_tables(people: list[int] = PEOPLE, **changed: Any) -> Tables:
    """The district's tables; `r3={...}` changes the row of that participation."""
    rows = [
        a_participation(person, participation_id=f"row-{at}", **changed.get(f"r{at}", {}))
        for at, person in enumerate(people)
    ]
    names = {"first_name": FIRST, "last_name": LAST, "birth_date": "2010-02-03"}
    students = [{"student_id": str(p), "student_unique_id": f"S-{p}", **names} for p in people]
    frames = {"edfi_config": [{"school_year": YEAR}], "students": students, "program_participation": rows}
    return {name: pd.DataFrame(each).astype("str").replace("None", "") for name, each in frames.items()}


# ---- each kind of source, and how one is broken so that its library would quote a student


def csv_folder(folder: Path, tables: Tables) -> str:
    folder.mkdir(exist_ok=True)
    for name, frame in tables.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return str(folder)


def with_a_torn_row(place: str) -> None:
    with Path(place, "students.csv").open("a", encoding="utf-8") as file:
        file.write(f'{PEOPLE[0]},"{FIRST},{LAST}\n')


def with_a_row_too_long(place: str) -> None:
    with Path(place, "students.csv").open("a", encoding="utf-8") as file:
        file.write(f"{PEOPLE[0]},{FIRST},{LAST},1,2,3,4,5\n")


def workbook(folder: Path, tables: Tables) -> str:
    folder.mkdir(exist_ok=True)
    path = folder / "extract.xlsx"
    with pd.ExcelWriter(path) as book:
        for name, frame in tables.items():
            frame.to_excel(book, sheet_name=name, index=False)
    return str(path)


def with_a_broken_sheet(place: str) -> None:
    with zipfile.ZipFile(place) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(place, "w") as book:
        for name, content in parts.items():
            broken = f'<worksheet><sheetData><row r="{FIRST}"><c t="n"><v>{LAST}</v></c></{PEOPLE[0]}>'
            book.writestr(name, broken if name.endswith("sheet2.xml") else content)


def parquet_folder(folder: Path, tables: Tables) -> str:
    folder.mkdir(exist_ok=True)
    for name, frame in tables.items():
        frame.to_parquet(folder / f"{name}.parquet")
    return str(folder)


def with_a_file_of_something_else(place: str) -> None:
    Path(place, "students.parquet").write_text(f"PAR1 {FIRST} {LAST} {PEOPLE[0]} PAR1", "utf-8")


def database(folder: Path, tables: Tables) -> str:
    folder.mkdir(exist_ok=True)
    (folder / "sis.db").unlink(missing_ok=True)
    with sqlite3.connect(folder / "sis.db") as connection:
        for name, frame in tables.items():
            frame.to_sql(name, connection, index=False)
    connection.close()
    return f"sqlite:///{folder / 'sis.db'}"


def with_a_broken_view(place: str) -> None:
    with sqlite3.connect(place.removeprefix("sqlite:///")) as connection:
        connection.execute("DROP TABLE students")
        connection.execute(f"CREATE VIEW students AS SELECT {FIRST}{LAST}{PEOPLE[0]} FROM edfi_config")  # noqa: S608
    connection.close()


SOURCES: list[tuple[Callable[[Path, Tables], str], Callable[[str], None]]] = [
    (csv_folder, with_a_torn_row),
    (csv_folder, with_a_row_too_long),
    (workbook, with_a_broken_sheet),
    (parquet_folder, with_a_file_of_something_else),
    (database, with_a_broken_view),
]


# ---- what comes out


@dataclass
class Said:
    """Everything that commands and cycles said, with the log at its most talkative; and the folder of the runs."""

    folder: Path
    ods: Running
    secrets: list[str]
    texts: list[str] = field(default_factory=list)

    def run(self, *words: str) -> int:
        """One command in this process; its exit code."""
        out, err, log = io.StringIO(), io.StringIO(), logging.StreamHandler(io.StringIO())
        logging.getLogger().addHandler(log)
        before, level = sys.argv, logging.getLogger().level
        sys.argv = ["edfi-toolkit", *words]
        logging.getLogger().setLevel(logging.DEBUG)
        try:
            with redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
                main()
        finally:
            sys.argv = before
            logging.getLogger().setLevel(level)
            logging.getLogger().removeHandler(log)
        self.texts += [out.getvalue(), err.getvalue(), log.stream.getvalue()]
        return int(ended.value.code or 0)

    def fault(self, **rule: Any) -> None:
        """From now on the ODS does this; nothing ends all faults."""
        answer = httpx.put(f"{self.ods.control_url}/faults", json=[rule] if rule else [])
        answer.raise_for_status()

    @property
    def found(self) -> list[str]:
        """Where a student or a secret stands in what was said, or in a file for eyes."""
        texts = {f"text {at}": text for at, text in enumerate(self.texts)}
        for path in [*self.folder.rglob("*.ipynb"), *self.folder.glob("runs/*/*")]:
            if path.suffix in (".ipynb", ".html", ".json", ".jsonl") and path.name != "plan.json":
                texts[str(path)] = path.read_text("utf-8")
            elif path.suffix == ".xlsx":
                with zipfile.ZipFile(path) as book:
                    texts[str(path)] = "\n".join(
                        book.read(name).decode("utf-8", "replace") for name in book.namelist()
                    )
        hits = [
            f"{name}: {text[max(0, hit.start() - 60) : hit.end() + 20]}"
            for name, text in texts.items()
            for hit in WHO.finditer(text)
        ]
        return hits + [
            f"{name}: a secret" for name, text in texts.items() if any(s in text for s in self.secrets)
        ]


@pytest.fixture(scope="module")
def ods() -> Iterator[Running]:
    seed = seed_lines(len(PEOPLE)).replace(b"S-", b"S-73100").replace(b"Given", FIRST.encode())
    lines = re.sub(rb"S-73100(\d)\b", rb"S-731000\1", seed.replace(b"Family", LAST.encode()))
    with start() as running:
        httpx.post(f"{running.control_url}/seed", content=lines).raise_for_status()
        yield running


@pytest.fixture
def said(ods: Running, tmp_path: Path, empty_ledger: Path) -> Iterator[Said]:
    (tmp_path / "edfi.toml").write_text(SETTINGS, "utf-8")
    shutil.copy(empty_ledger, tmp_path / "ledger.db")
    environ = target_environ(ods)
    locked = f"postgresql://steward:{PASSWORD}@127.0.0.1:9/sis?sslpassword={PASSWORD}"
    secrets = [environ["EDFI_TARGET_SANDBOX_KEY"], environ["EDFI_TARGET_SANDBOX_SECRET"], PASSWORD]
    told = Said(tmp_path, ods, secrets)
    with working_in(tmp_path, {**environ, "LOCKED": locked, "EDFI_LOG_LEVEL": "debug"}):
        yield told
    told.fault()


def test_the_search_itself(said: Said) -> None:
    said.texts = [f"student S-{PEOPLE[3]}", "zephyrine", f"at {PASSWORD}@", "nothing"]
    assert [hit.partition(":")[0] for hit in said.found] == ["text 0", "text 1", "text 2"]


@pytest.mark.parametrize(("make", "spoil"), SOURCES, ids=[spoil.__name__ for _, spoil in SOURCES])
def test_a_source_that_cannot_be_read_is_told_without_what_is_in_it(
    said: Said, make: Callable[[Path, Tables], str], spoil: Callable[[str], None]
) -> None:
    place = make(said.folder / "north", the_tables())
    spoil(place)
    assert said.run("build", place, *SAMPLE, "--out", "bodies") == 2
    assert said.run("plan", place, *SAMPLE) == 2
    assert said.found == []


@pytest.mark.parametrize("make", [csv_folder, workbook, parquet_folder, database])
def test_cells_that_cannot_be_read_are_told_without_a_student(
    said: Said, make: Callable[[Path, Tables], str]
) -> None:
    """A student's id stands in a date, in an organization's number and in an end date."""
    wrong = {"r0": {"begin_date": str(PEOPLE[0])}, "r1": {"education_organization_id": f"S-{PEOPLE[1]}"}}
    place = make(said.folder / "north", the_tables(**wrong, r2={"end_date": f"S-{PEOPLE[2]}"}))
    assert said.run("plan", place, *SAMPLE, "--json") == 3
    assert said.found == []
    assert list(said.folder.glob("runs/*/report.html"))


def test_failures_of_every_later_step_show_no_student_and_no_secret(said: Said) -> None:
    north = said.folder / "north"
    csv_folder(north, the_tables())
    publish = ("publish", "north", *SAMPLE, "--approve", "auto")
    assert said.run("plan", "locked", *SAMPLE) == 2  # extract: a database that is not there
    assert said.run("doctor") == 0

    said.fault(method="GET", status=400)  # validate
    said.run("plan", "north", *SAMPLE)
    said.fault(method="POST", resource=GENERAL, status=400)  # publish
    assert said.run(*publish) == 3
    assert said.run("rejections") in (0, 3)
    assert said.run("ledger", "--json") == 0
    said.fault()
    assert said.run(*publish) == 0

    csv_folder(north, the_tables(PEOPLE[:2]))  # plan: a breach
    assert said.run(*publish) == 4
    csv_folder(north, the_tables())
    said.fault(method="GET", resource=GENERAL, status=400)  # resync
    assert said.run("resync", "north", *SAMPLE) not in (0, 3)
    said.fault()

    with no_room_for(4_000):  # the disk
        assert said.run("plan", "north", *SAMPLE) == 5
    assert list(said.folder.rglob("*.part")) == []
    with Ledger(said.folder / "ledger.db") as ledger:  # the ledger
        pass
    whole = ledger.path.read_bytes()
    ledger.path.write_bytes(whole[: len(whole) // 2])
    assert said.run(*publish) == 2
    assert said.run("doctor") == 2
    ledger.path.write_bytes(whole)
    assert said.run(*publish) == 0
    assert said.found == []


def test_what_a_watch_and_an_unattended_run_say_about_failures_shows_no_student(said: Said) -> None:
    north = csv_folder(said.folder / "north", the_tables())
    like = open_run(profile="certification", school_year=YEAR, source="north", run_id="new")
    cycles = Watch(like, every_s=0.05, quiet_s=0.05, approved="auto", stop=Stop()).cycles()

    def cycle() -> Cycle:
        one = next(cycles)
        said.texts += [str(one), str(one.facts)]
        return one

    with_a_torn_row(north)
    assert cycle().state == "waiting"
    csv_folder(Path(north), the_tables(r0={"begin_date": str(PEOPLE[0])}))
    assert cycle().state == "published"
    with_a_torn_row(north)
    done = run_unattended(profile="certification", school_year=YEAR, source="north", target="sandbox")
    said.texts.append(done.error)
    assert (done.exit, [each.notebook for each in done.ran]) == (2, ["10_extract"])
    assert list(said.folder.rglob("10_extract.ipynb"))
    logged = "".join(path.read_text("utf-8") for path in said.folder.glob("runs/*/log.jsonl"))
    assert '"event":"library"' in logged  # at debug level, without what the library said
    assert '"correlation_id"' in logged
    assert said.found == []

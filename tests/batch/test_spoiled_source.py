"""A source that was spoiled after a publish, met by the real commands: nothing is deleted, and the message says what is
wrong (COM-GRD-1 to COM-GRD-4)."""

from __future__ import annotations

import io
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from contextlib import redirect_stderr, redirect_stdout

import pytest

import edfi_toolkit as edfi
from edfi_toolkit.cli import main
from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.ledger import Ledger
from tests.factories.district import YEAR
from tests.factories.watched import District
from tests.proofs import long_proof

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
ABOUT = f'profile = "certification"\ntarget = "sandbox"\nschool_years = [{YEAR}]\n'
ABOUT_ONE = ("--profile", "certification", "--school-year", str(YEAR))
BY_A_KERNEL = ("run", "batch")  # these start processes themselves, and are started as one
BOTH = f'{ABOUT}\n[sources.south]\npath = "south"\n{ABOUT}'


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    """North and south, ten students each, published."""
    made = District.make(tmp_path_factory.mktemp("spoiled"))
    settings = made.folder / "edfi.toml"
    settings.write_text(settings.read_text("utf-8") + BOTH, "utf-8")
    export(made, "south", range(20, 30))
    export(made, "north", range(10))
    for source in ("north", "south"):
        assert command(made, "publish", source, *ABOUT_ONE, "--approve", "auto")[0] == 0
    yield made
    made.ods_stops()


def export(place: District, source: str, numbers: Iterable[int], *, rows: int | None = None) -> None:
    """The extract of a district. rows: how many participations are left of it."""
    place.write(numbers)
    if rows is not None:
        file = place.source / "program_participation.csv"
        file.write_text("".join(file.read_text("utf-8").splitlines(keepends=True)[: rows + 1]), "utf-8")
    if source != place.source.name:
        shutil.rmtree(place.folder / source, ignore_errors=True)
        place.source.rename(place.folder / source)


def command(place: District, *arguments: str) -> tuple[int, str]:
    """Exit code of a command, and what it says."""
    if arguments[0] in BY_A_KERNEL:
        done = subprocess.run(
            [sys.executable, "-m", "edfi_toolkit", *arguments],
            cwd=place.folder, env={**os.environ, **place.environ}, capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.returncode, done.stdout + done.stderr
    said = io.StringIO()
    with (
        working_in(place.folder, place.environ),
        pytest.MonkeyPatch.context() as patched,
        redirect_stdout(said),
        redirect_stderr(said),
    ):
        patched.setattr(sys, "argv", ["edfi-toolkit", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
    return int(ended.value.code or 0), said.getvalue()


def norths(place: District) -> int:
    """How many records of the north the ODS holds."""
    return sum(len(student) == len("S-1") for student in place.held())


@long_proof
def test_com_grd_3_unattended_a_cut_file_stops_its_district_and_no_other(place: District) -> None:
    """COM-GRD-4: exit code 4, nothing deleted."""
    export(place, "south", range(20, 32))
    export(place, "north", range(10), rows=7)
    code, said = command(place, "batch", "--approve", "auto")
    assert code == 4
    lines = {line.split()[0]: line for line in said.splitlines() if line.startswith(("north", "south"))}
    assert "program_participation.csv) had 10 rows when it was last published and has 7 now" in said
    assert "source-shrunk" in said
    assert "source-shrunk" not in lines["south"]
    assert set(place.held()) == {f"S-{number}" for number in (*range(10), *range(20, 32))}


@long_proof
def test_com_grd_1_a_header_alone_is_refused_and_goes_by_a_persons_word_for_each_breach(
    place: District,
) -> None:
    """The same by `run`, `plan` and `publish`; the extract shows it already."""
    export(place, "north", range(10), rows=0)
    with working_in(place.folder, place.environ):
        about = {"profile": "certification", "school_year": YEAR, "source": "north"}
        extracted = edfi.open_run(**about, run_id="new").extract()
    assert extracted.tone == "bad"
    assert re.search(r"program_participation \d+ gone\.", extracted.says)
    assert "has no row any more; it had 10 rows when it was last published" in repr(extracted)
    says = "The table program_participation (program_participation.csv) has no row any more; it had 10 rows when it was"
    for name, *more in (("run", "--approve", "auto"), ("plan",), ("publish", "--approve", "auto")):
        code, said = command(place, name, "north", *ABOUT_ONE, *more)
        assert (name, code) == (name, 4)
        assert says in said or name == "plan"
        assert (
            name != "run"
            or "Next: The plan is stopped by source-lost, mass-delete: notebook 30_preview" in said
        )
    publish = ("publish", "north", *ABOUT_ONE, "--approve", "auto")
    one, other = (("--override", f"{breach}:Ann Example") for breach in ("source-lost", "mass-delete"))
    code, said = command(place, *publish, *one)
    assert code == 4
    assert "The plan breaches mass-delete; nothing was sent." in said
    assert norths(place) == 10
    assert command(place, *publish, *one, *other)[0] == 0
    assert norths(place) == 0
    with Ledger(place.folder / "ledger.db") as ledger:
        kept = ledger.overrides()[["breach", "person"]].values.tolist()
    assert kept == [["source-lost", "Ann Example"], ["mass-delete", "Ann Example"]]

"""What goes wrong at night, and what a scheduler then sees: `python -m tests.nights` prints it as a table.

Each night a district has new students to send and something breaks; then what broke is repaired, the district is run
again, and the ODS must hold every student once. The commands, the signals, the ODS and the databases are real.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from bench.parts.servers import postgres_server, restart
from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.runs import open_run
from edfi_toolkit.runs.evidence import FAULTS, verify
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.settings import load_settings
from tests.factories.district import GENERAL, YEAR
from tests.factories.watched import District

OF = ("--profile", "certification", "--school-year", str(YEAR), "--approve", "auto", "--json")
RUN, PUBLISH = ("run", "north", *OF), ("publish", "north", *OF)
FIRST, EACH = 12, 6  # students
PATIENCE_S = 180.0  # a kernel and its imports, on a busy machine
SLOW = [{"method": "POST", "resource": GENERAL, "after": 1, "latency_ms": 700}]
Environ = Mapping[str, str | None]


@dataclass
class Place:
    """A district that was published, and how many of its students have been sent by now."""

    district: District
    environ: dict[str, str] = field(default_factory=dict)
    sent: int = 0
    known: frozenset[Path] = frozenset()  # runs of earlier nights

    def start(self, words: tuple[str, ...], changed: Environ) -> subprocess.Popen[str]:
        environ = {**os.environ, **self.district.environ, **self.environ, **changed}
        return subprocess.Popen(
            [sys.executable, "-m", "edfi_toolkit", *words], cwd=self.district.folder, text=True,
            env={name: value for name, value in environ.items() if value is not None},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    def steps(self) -> dict[str, Any]:
        """Of the newest run, as far as it has come; a run that has only begun has the step `begun`."""
        newest = max(
            (self.district.folder / "runs").glob("2*"), key=lambda path: path.stat().st_mtime, default=None
        )
        manifest = newest / "manifest.json" if newest else None
        return json.loads(manifest.read_bytes())["steps"] if manifest and manifest.is_file() else {}

    def posted(self) -> int:
        """How many records the ODS has created."""
        return self.district.writes()["POST 201"]


@dataclass(frozen=True)
class Told:
    """What a scheduler gets."""

    code: int
    report: dict[str, Any]
    log: str
    posted: int

    @property
    def error(self) -> str:
        return str((self.report.get("error") or {}).get("type", ""))

    @property
    def next_step(self) -> str:
        error = self.report.get("error") or {}
        return f"{error.get('says', '')} {error.get('next_step', '')}".strip()


@dataclass(frozen=True)
class Night:
    """breaks: until the end of its block it is broken; gives what of the environment is other. when: a signal is sent
    once this holds. claims: whether all that was sent before the end may be claimed."""

    name: str
    exit: int
    error: str
    breaks: Callable[[Place], AbstractContextManager[Environ]]
    when: Callable[[Place], bool] | None = None
    by: signal.Signals = signal.SIGTERM
    ledger: str = "sqlite"
    needs: str = ""


def a_place(folder: Path, environ: Mapping[str, str] | None = None) -> Place:
    """A district of FIRST students, all published. environ: with LEDGER, where its ledger is."""
    place = Place(District.make(folder), dict(environ or {}), FIRST)
    if environ:
        settings = folder / "edfi.toml"
        settings.write_text(
            settings.read_text("utf-8").replace('ledger = "ledger.db"', 'ledger_env = "LEDGER"')
        )
    place.district.write(range(FIRST))
    assert carried_out(place, PUBLISH).code == 0
    return place


def carried_out(
    place: Place, words: tuple[str, ...], changed: Environ | None = None, night: Night | None = None
) -> Told:
    """Run a command to its end, or to the signal of the night."""
    before, logs = place.posted(), set((place.district.folder / "runs").glob("2*/log.jsonl"))
    with place.start(words, changed or {}) as running:
        if night is not None and night.when is not None:
            until = time.monotonic() + PATIENCE_S
            while not night.when(place) and running.poll() is None and time.monotonic() < until:
                time.sleep(0.02)
            if night.by is signal.SIGKILL:  # as when the machine dies
                for child in children(running.pid):
                    os.kill(child, night.by)
            running.send_signal(night.by)
        out, err = running.communicate(timeout=PATIENCE_S)
    new = sorted(set((place.district.folder / "runs").glob("2*/log.jsonl")) - logs)
    log = new[-1].read_text("utf-8").splitlines()[-1] if new else ""
    report = json.loads(out) if out.strip() else {}
    assert "Traceback" not in err, err
    return Told(running.returncode, report, log, place.posted() - before)


def children(pid: int) -> list[int]:
    """The processes that a process has started."""
    found = [path.read_text() for path in Path(f"/proc/{pid}/task").glob("*/children")]
    return [int(child) for text in found for child in text.split()]


def lived_through(place: Place, night: Night) -> Told:
    """One night and the morning after; fails when something is lost, doubled or claimed without having been sent."""
    place.sent += EACH
    place.district.write(range(place.sent))
    place.known = frozenset((place.district.folder / "runs").glob("2*"))
    with night.breaks(place) as changed:
        told = carried_out(place, RUN, changed, night)
    httpx.put(f"{place.district.ods.control_url}/faults", json=[]).raise_for_status()
    if told.report:
        assert told.report["exit"] == told.code
        assert told.report["run_id"] in told.log
        claimed = told.report["counts"].get("delivered") or 0
        unsure = night.ledger == "postgresql"  # what was answered while the ledger was away
        assert claimed <= told.posted if unsure else claimed == told.posted
    assert unlike_recorded(place) == []
    morning = carried_out(place, PUBLISH)
    assert morning.code == 0, (night.name, morning)
    assert set(place.district.held()) == {f"S-{number}" for number in range(place.sent)}
    assert place.district.writes() == {"POST 201": place.sent}
    return told


def unlike_recorded(place: Place) -> list[tuple[str, str]]:
    """What `verify` finds wrong with the newest run."""
    with working_in(place.district.folder, {**place.district.environ, **place.environ}):
        installation = load_settings()
        manifests = (place.district.folder / "runs").glob("2*/manifest.json")
        newest = max(manifests, key=lambda path: path.stat().st_mtime).parent.name
        found = verify(RunFolder(installation.runs_dir, newest), installation)
    return found.loc[found["state"].isin(FAULTS), ["name", "state"]].to_records(index=False).tolist()


# ---- what breaks


@contextmanager
def nothing(place: Place) -> Iterator[Environ]:
    yield {}


def other(**changed: str | None) -> Callable[[Place], AbstractContextManager[Environ]]:
    """Another environment."""

    @contextmanager
    def breaks(place: Place) -> Iterator[Environ]:
        yield changed

    return breaks


@contextmanager
def no_source(place: Place) -> Iterator[Environ]:
    kept = place.district.source.rename(place.district.folder / "moved")
    yield {}
    kept.rename(place.district.source)


@contextmanager
def half_a_file(place: Place) -> Iterator[Environ]:
    file = place.district.source / "program_participation.csv"
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2])
    yield {}
    file.write_bytes(whole)


@contextmanager
def emptied(place: Place) -> Iterator[Environ]:
    place.district.write(())
    yield {}
    place.district.write(range(place.sent))


def disk(options: str) -> Callable[[Place], AbstractContextManager[Environ]]:
    """The folder of the runs on a disk of its own; needs root."""

    @contextmanager
    def breaks(place: Place) -> Iterator[Environ]:
        runs = place.district.folder / "runs"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", runs], check=True)
        yield {}
        subprocess.run(["umount", runs], check=True)

    return breaks


@contextmanager
def slow(place: Place) -> Iterator[Environ]:
    httpx.put(f"{place.district.ods.control_url}/faults", json=SLOW).raise_for_status()
    yield {}


@contextmanager
def busy(place: Place) -> Iterator[Environ]:
    with working_in(place.district.folder, place.district.environ):
        like = open_run(profile="certification", school_year=YEAR, source="north", run_id="new")
    with Ledger(place.district.folder / "ledger.db") as ledger:
        feed = ledger.feed(like.target.identity, "certification", "north")
        with ledger.exclusive(feed):
            yield {}


def clock(hours: int) -> Callable[[Place], AbstractContextManager[Environ]]:
    """The time of day of the command and its kernel is another; needs a C compiler."""

    @contextmanager
    def breaks(place: Place) -> Iterator[Environ]:
        library = place.district.folder / f"clock{hours}.so"
        command = [
            "cc",
            "-shared",
            "-fPIC",
            f"-DSHIFT={3600 * hours}",
            "-x",
            "c",
            "-",
            "-o",
            str(library),
            "-ldl",
        ]
        subprocess.run(command, input=SHIFTED, text=True, check=True)
        yield {"LD_PRELOAD": str(library)}

    return breaks


SHIFTED = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <sys/time.h>
#include <time.h>
int clock_gettime(clockid_t which, struct timespec *at) {
    static int (*real)(clockid_t, struct timespec *);
    if (!real) real = dlsym(RTLD_NEXT, "clock_gettime");
    int failed = real(which, at);
    if (which == CLOCK_REALTIME) at->tv_sec += SHIFT;
    return failed;
}
time_t time(time_t *into) {
    struct timespec at;
    clock_gettime(CLOCK_REALTIME, &at);
    if (into) *into = at.tv_sec;
    return at.tv_sec;
}
int gettimeofday(struct timeval *at, void *zone) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    at->tv_sec = now.tv_sec;
    at->tv_usec = now.tv_nsec / 1000;
    return 0;
}
"""


def after(step: str) -> Callable[[Place], bool]:
    """Whether the newest run has the step behind it and none after it: the next one is under way."""
    return lambda place: list(place.steps())[-1:] == [step]


def begun(place: Place) -> bool:
    """Whether the run of this night has begun."""
    return not place.known.issuperset((place.district.folder / "runs").glob("2*"))


def publishing(place: Place) -> bool:
    return place.posted() > place.sent - EACH


def restarted(place: Place) -> bool:
    """Restart the ledger's server as soon as records are being sent."""
    if not publishing(place):
        return False
    restart(place.environ["LEDGER"])
    return True


NIGHTS = [
    Night("the target is down", 5, "OdsUnavailable", other(EDFI_TARGET_SANDBOX_URL="http://127.0.0.1:9")),
    Night("the secret is wrong", 2, "OdsRefusedLogin", other(EDFI_TARGET_SANDBOX_SECRET="wrong")),
    Night("there is no secret", 2, "ConfigError", other(EDFI_TARGET_SANDBOX_SECRET=None)),
    Night("the source is missing", 2, "SourceUnavailable", no_source),
    Night("half a file", 2, "SourceShapeError", half_a_file),
    Night("tables emptied", 4, "UnsafePlan", emptied),
    Night("the disk is full", 5, "StorageUnavailable", disk("size=96k"), needs="mount"),
    Night("the folder is read-only", 5, "StorageUnavailable", disk("ro"), needs="mount"),
    Night("SIGTERM in extract", 5, "Interrupted", nothing, begun),
    Night("SIGTERM in build", 5, "Interrupted", nothing, after("extract")),
    Night("SIGTERM in validate", 5, "Interrupted", nothing, after("build")),
    Night("SIGTERM in preview", 5, "Interrupted", nothing, after("validate")),
    Night("SIGTERM in publish", 5, "Interrupted", slow, publishing),
    Night("SIGKILL in publish", -9, "", slow, publishing, signal.SIGKILL),
    Night("the ledger is in use", 5, "LedgerBusy", busy),
    Night(
        "PostgreSQL restarted in publish",
        5,
        "LedgerUnavailable",
        slow,
        restarted,
        signal.SIGCONT,
        "postgresql",
    ),
    Night("the clock an hour back", 0, "", clock(-1), needs="cc"),
    Night("the clock an hour ahead", 0, "", clock(1), needs="cc"),
]


def row(night: Night, told: Told) -> str:
    """One line of the table."""
    claimed = told.report.get("counts", {}).get("delivered")
    outcome = (
        f"{told.error or told.report.get('state') or 'no report'}, {claimed or 0} claimed, {told.posted} sent"
    )
    return f"| {night.name} | {told.code} | {outcome} | {told.next_step} | {told.log} |"


def main(names: list[str]) -> None:
    """Live through the nights whose names have one of these words, all by default, and print what each tells."""
    chosen = [night for night in NIGHTS if not names or any(name in night.name for name in names)]
    for kind in dict.fromkeys(night.ledger for night in chosen):
        with place_of(kind) as place:
            for night in chosen:
                if night.ledger == kind:
                    told = lived_through(place, night)
                    print(row(night, told), flush=True)
                    if (told.code, told.error) != (night.exit, night.error):
                        print(f"expected {night.exit} {night.error}", flush=True)


@contextmanager
def place_of(kind: str) -> Iterator[Place]:
    """A district with a ledger of this kind."""
    with (
        tempfile.TemporaryDirectory() as made,
        postgres_server() if kind == "postgresql" else nullcontext("") as url,
    ):
        place = a_place(Path(made), {"LEDGER": url} if url else None)
        yield place
        place.district.ods_stops()


if __name__ == "__main__":
    main(sys.argv[1:])

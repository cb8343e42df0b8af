"""A district's year, end to end, on this machine: from the extract to the preview, and the nights after it.

    python bench/year.py            1,000 and 10,000 students of Wisconsin
    python bench/year.py --full     100,000 students besides, for which there are goals
    python bench/year.py --full --against /path/to/.venv/bin/python
                                    the version installed there besides, in turns with this one

CPU of our own processes alone, the lower of two rounds; the sandbox is another process. A ledger that says that all was
published is written, not published: what publishing costs is in `publish.py`. Goals: 30 s and 1.5 GB from extract to
preview, 25 s for a night by notebooks on which nothing is to be sent, 1 s for one on which nothing has changed, 5 s for
validating 100,000 records, and a further record at most 1.3 times as dear in the largest district. 30 and 25 s are of a
machine on which commit 926dafd took 40.0 and 51.2; with that one to compare with, the goal is the same share of what it
takes here.
"""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import httpx
import orjson
from parts.memory import peak
from parts.published import note_as_published

from edfi_toolkit.batch.unchanged import unchanged
from edfi_toolkit.cli.playground import target_environ
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.model import associations
from edfi_toolkit.ods import Client
from edfi_toolkit.rules import synthetic_of
from edfi_toolkit.runs import Run, open_run
from edfi_toolkit.sandbox import Running, start
from edfi_toolkit.storage import private_folder
from edfi_toolkit.validation import validate

PROFILE, YEAR = "wi-infinite-campus", 2026
SIZES, FULL = (1_000, 10_000), (100_000,)
SETTINGS = '[paths]\nledger = "ledger.db"\nruns = "runs"\n[sources.north]\npath = "north"\n'
OF = ("north", "--profile", PROFILE, "--school-year", str(YEAR), "--approve", "auto", "--json")
GOALS = {"preview": 30.0, "gb": 1.5, "night": 25.0, "unchanged": 1.0, "validation": 5.0, "growth": 1.3}
ROUNDS = 2
SHARES = {"preview": 30.0 / 40.0, "night": 25.0 / 51.2}
PREVIEW = f"""
import json, time
from edfi_toolkit import open_run
run = open_run(profile={PROFILE!r}, school_year={YEAR}, source="north", run_id="new")
for step in (run.extract, run.build, run.validate, run.preview):
    step()
print(json.dumps(time.process_time()))
"""


def a_run(run_id: str = "latest") -> Run:
    """The run in the current folder, or a `new` one."""
    return open_run(profile=PROFILE, school_year=YEAR, source="north", run_id=run_id)


def preview() -> dict[str, float]:
    """From the extract to the preview of a first night."""
    run = a_run("new")
    for step in (run.extract, run.build, run.validate, run.preview):
        step()
    return {"preview": time.process_time(), "gb": peak() / 1024, "records": len(run.built.records)}


def validation() -> dict[str, float]:
    """Every suite and every reference, the libraries imported before."""
    run = a_run()
    with Client(run.target) as client:
        few = run.built.records.head(20)
        validate(replace(run.built, records=few), target=client)
        begun = time.process_time()
        validate(run.built, target=client)
    return {"validation": time.process_time() - begun}


def published() -> dict[str, float]:
    """Write the ledger as a complete publish would have left it."""
    run = a_run()
    with Ledger(run.installation.ledger) as ledger:
        feed = ledger.feed(run.target.identity, PROFILE, "north")
        note_as_published(ledger, feed, run.built, YEAR)
    return {}


def nothing_new() -> dict[str, float]:
    """Whether all is as the last run left it, which a run asks first."""
    begun = time.process_time()
    if unchanged(a_run("new")) is None:
        raise SystemExit("Something has changed.")
    return {"unchanged": time.process_time() - begun}


MEASURES: Mapping[str, Callable[[], dict[str, float]]] = {
    each.__name__: each for each in (preview, validation, published, nothing_new)
}


def in_its_own_process(measure: str, folder: Path, environ: Mapping[str, str]) -> dict[str, float]:
    """One of the measurements, in a process that ends with it."""
    done = subprocess.run(
        [sys.executable, __file__, "--one", measure, str(folder)],
        env={**os.environ, **environ}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return json.loads(done.stdout.splitlines()[-1])


def a_night(folder: Path, ods: Running, python: str = sys.executable, *options: str) -> float:
    """CPU seconds of all notebooks, in a process of their own with its kernel."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [python, "-m", "edfi_toolkit", "run", *OF, *options],
        cwd=folder, env={**os.environ, **target_environ(ods)}, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 3):
        raise SystemExit(f"The night ended with {done.returncode}: {done.stdout}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def a_night_without_news(folder: Path, ods: Running, python: str = sys.executable, *options: str) -> float:
    """The same, on which nothing is to be sent, as the ODS counts."""
    before = writes(ods)
    took = a_night(folder, ods, python, *options)
    if writes(ods) != before:
        raise SystemExit("The night has sent something.")
    return took


def writes(ods: Running) -> int:
    """What the ODS was asked to write up to now."""
    asked = httpx.get(f"{ods.control_url}/counters").json()["requests"]
    return sum(
        line["count"] for line in asked if line["method"] != "GET" and line["resource"] in associations()
    )


def measured(students: int, against: str | None) -> dict[str, float]:
    """All that is measured of a district of so many students, and of the version that `against` runs."""
    with tempfile.TemporaryDirectory() as made:
        folder, other = private_folder(Path(made)), private_folder(Path(made, "other"))
        (folder / "edfi.toml").write_text(SETTINGS)
        (other / "edfi.toml").write_text(SETTINGS.replace('"north"', '"../north"'))
        synthetic = synthetic_of(PROFILE)
        raw = synthetic.district(students=students, seed=1)
        synthetic.write(folder / "north", raw)
        with (folder / "seed.jsonl").open("wb") as file:
            file.writelines(orjson.dumps(entry) + b"\n" for entry in synthetic.ods_seed(raw))
        with start(seeds=[folder / "seed.jsonl"]) as ods:
            environ = target_environ(ods)

            def previews() -> dict[str, float]:
                ours = in_its_own_process("preview", folder, environ)
                return ours | ({"preview, other": the_same_of(against, other, environ)} if against else {})

            def nights() -> dict[str, float]:
                ours = {"night": a_night_without_news(folder, ods, sys.executable, "--force")}
                return ours | ({"night, other": a_night_without_news(other, ods, against)} if against else {})

            found = lowest(previews) | lowest(lambda: in_its_own_process("validation", folder, environ))
            in_its_own_process("published", folder, environ)
            if against:
                a_night(other, ods, against)
            return found | lowest(nights) | lowest(lambda: in_its_own_process("nothing_new", folder, environ))


def lowest(measure: Callable[[], dict[str, float]]) -> dict[str, float]:
    """The lowest of each figure in some rounds: what else the machine does can only add to them."""
    rounds = [measure() for _ in range(ROUNDS)]
    return {name: min(found[name] for found in rounds) for name in rounds[0]}


def the_same_of(python: str, folder: Path, environ: Mapping[str, str]) -> float:
    """`preview` of another version, by what every version has: CPU seconds."""
    done = subprocess.run(
        [python, "-c", PREVIEW],
        cwd=folder, env={**os.environ, **environ}, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])


def main(arguments: list[str]) -> int:
    """Print the table; 1 when --full misses a goal."""
    if arguments[:1] == ["--one"]:
        os.chdir(arguments[2])
        print(json.dumps(MEASURES[arguments[1]]()))
        return 0
    against = arguments[arguments.index("--against") + 1] if "--against" in arguments else None
    print(
        f"{'students':>10}{'records':>10}{'to preview, CPU s':>20}{'a further record, ms':>22}{'growth':>8}"
        f"{'peak GB':>9}{'validation':>12}{'a night':>9}{'unchanged':>11}"
    )
    before: dict[str, float] = {"preview": 0.0, "records": 0}
    each, growth, found = 0.0, 0.0, before
    for students in (*SIZES, *(FULL if "--full" in arguments else ())):
        found = measured(students, against)
        further = (found["preview"] - before["preview"]) / (found["records"] - before["records"])
        growth = further / each if before["records"] and each else 0.0
        shown = f"{1000 * further:>22.2f}{growth:>8.2f}" if growth else f"{1000 * further:>22.2f}{'':>8}"
        print(
            f"{students:>10,}{int(found['records']):>10,}{found['preview']:>20.1f}{shown}{found['gb']:>9.2f}"
            f"{found['validation']:>12.1f}{found['night']:>9.1f}{found['unchanged']:>11.2f}",
            flush=True,
        )
        for name in SHARES if against else ():
            share = found[name] / found[f"{name}, other"]
            print(
                f"{'':>10}{name}: {share:.2f} of the other version's {found[f'{name}, other']:.1f} s",
                flush=True,
            )
        each = further if before["records"] else 0.0
        before = found
    if "--full" not in arguments:
        return 0
    found |= {"growth": growth, "validation": found["validation"] * 1e5 / found["records"]}
    goals = GOALS | {name: share * found[f"{name}, other"] for name, share in SHARES.items() if against}
    missed = [name for name, goal in goals.items() if found[name] > goal]
    print(f"Missed: {', '.join(missed)}." if missed else "Every goal is met.")
    return int(bool(missed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

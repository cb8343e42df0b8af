"""What reading a district's tables and building its records cost, and how that grows with the district.

Each district is built in a process of its own, so that its peak memory is its own. CPU seconds are compared
with those pandas needs to parse the same rows from CSV text; read that ratio and the growth, seconds belong to
the machine. `--full` adds districts of 300,000 students.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np
import pandas as pd

SIZES = (3_000, 30_000)
FULL = 300_000
MEGABYTE = 2**20
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # what ru_maxrss counts in


def certification(students: int) -> dict[str, pd.DataFrame]:
    """The tables of the certification profile; every second student takes part in a program."""
    from edfi_toolkit.tables.synthetic import district

    return district(students=students, seed=1)


def wisconsin(students: int) -> dict[str, pd.DataFrame]:
    """A year in Wisconsin: students who move, third parties, Section 504, CEIS, modalities, exclusions."""
    chance = np.random.default_rng(1)
    schools, stays = max(3, students // 700), students * 7 // 6
    numbers = np.arange(schools)
    who = np.concatenate([np.arange(students), chance.integers(0, students, stays - students)])
    where = chance.integers(0, schools, stays)
    ends = _days(chance, "2026-04-01", 60, stays)
    enrollments = pd.DataFrame(
        {
            "enrollment_id": np.arange(stays).astype(str),
            "student_id": who.astype(str),
            "school_id": where.astype(str),
            "calendar_id": "C" + pd.Series(where.astype(str)),
            "start_date": _days(chance, "2025-08-20", 200, stays),
            "end_date": ends.where(chance.random(stays) < 0.2),
            "third_party_provider": chance.choice(["CESA", "OTHER", None], stays, p=[0.10, 0.05, 0.85]),
            "coord_early_intervention": chance.choice(["Y", "N", None], stays, p=[0.05, 0.20, 0.75]),
            "service_type": chance.choice(["P", "S", "N"], stays, p=[0.90, 0.06, 0.04]),
            "state_exclude": (chance.random(stays) < 0.02).astype(int).astype(str),
            "no_show": (chance.random(stays) < 0.02).astype(int).astype(str),
        }
    )
    taught = enrollments.iloc[chance.integers(0, stays, students)].reset_index(drop=True)
    modalities = pd.DataFrame(
        {
            "record_id": "m" + pd.Series(np.arange(students).astype(str)),
            "student_id": taught["student_id"],
            "start_date": taught["start_date"],
            "school_number": taught["school_id"].str.zfill(4),
            "learning_modality": chance.choice(["Remote", "In-Person", "Hybrid"], students),
        }
    )
    return {
        "edfi_config": pd.DataFrame({"school_year": ["2026"]}),
        "schools": pd.DataFrame(
            {
                "school_id": numbers.astype(str),
                "school_number": pd.Series(numbers.astype(str)).str.zfill(4),
                "ed_fi_school_id": (300_000 + numbers).astype(str),
            }
        ),
        "calendars": pd.DataFrame(
            {
                "calendar_id": "C" + pd.Series(numbers.astype(str)),
                "school_id": numbers.astype(str),
                "school_year": "2026",
            }
        ),
        "students": pd.DataFrame(
            {
                "student_id": np.arange(students).astype(str),
                "student_unique_id": (7_000_000_000 + np.arange(students)).astype(str),
            }
        ),
        "enrollments": enrollments,
        "section504_records": _periods(chance, "f", students // 12, students, "2023-08-20", 800),
        "ceis_records": _periods(chance, "k", students // 30, students, "2025-08-25", 200),
        "instruction_mode_records": modalities,
    }


def _days(chance: np.random.Generator, first: str, within: int, count: int) -> pd.Series:
    days = np.datetime64(first) + chance.integers(0, within, count).astype("timedelta64[D]")
    return pd.Series(days.astype(str))


def _periods(
    chance: np.random.Generator, mark: str, count: int, students: int, first: str, within: int
) -> pd.DataFrame:
    """Records of students drawn by chance, each from a day on."""
    return pd.DataFrame(
        {
            "record_id": mark + pd.Series(np.arange(count).astype(str)),
            "student_id": chance.integers(0, students, count).astype(str),
            "start_date": _days(chance, first, within, count),
        }
    )


DISTRICTS: dict[str, Callable[[int], dict[str, pd.DataFrame]]] = {
    "certification": certification,
    "wi-infinite-campus": wisconsin,
}


def peak() -> float:
    """The most memory this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / MEGABYTE


def measure(profile: str, students: int) -> dict[str, float]:
    """One district, in this process: rows in and records out, CPU seconds a step, memory."""
    from edfi_toolkit.rules import build
    from edfi_toolkit.tables import normalise

    build(normalise(DISTRICTS[profile](300)), profile=profile, school_year=2026)  # once unmeasured: imports
    raw = DISTRICTS[profile](students)
    texts = [frame.to_csv(index=False) for frame in raw.values()]
    begun = time.process_time()
    for text in texts:
        pd.read_csv(io.StringIO(text), dtype="str")
    parsed = time.process_time()
    tables = normalise(raw)
    typed = time.process_time()
    made = build(tables, profile=profile, school_year=2026)
    built = time.process_time()
    return {
        "rows": sum(map(len, raw.values())),
        "records": len(made.records),
        "parse": parsed - begun,
        "normalise": typed - parsed,
        "build": built - typed,
        "peak": peak(),
    }


def in_its_own_process(profile: str, students: int) -> dict[str, float]:
    """`measure`, in a process that ends with it."""
    command = [sys.executable, __file__, "--one", profile, str(students)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(arguments: list[str]) -> int:
    """Print one line a district, and the growth from one size to the next."""
    if arguments[:1] == ["--one"]:
        print(json.dumps(measure(arguments[1], int(arguments[2]))))
        return 0
    sizes = (*SIZES, FULL) if "--full" in arguments else SIZES
    heads = (
        "students",
        "rows",
        "records",
        "normalise s",
        "build s",
        "rows/s",
        "x read_csv",
        "peak MB",
        "growth",
    )
    print(f"{'':<19}" + "".join(f"{head:>12}" for head in heads))
    for profile in DISTRICTS:
        before: dict[str, float] = {}
        for students in sizes:
            one = in_its_own_process(profile, students)
            cost = one["normalise"] + one["build"]
            growth = ""
            if before:
                then = before["normalise"] + before["build"]
                growth = f"{(cost / one['rows']) / (then / before['rows']):.2f}"
            print(
                f"{profile:<19}{students:>12,}{one['rows']:>12,}{one['records']:>12,}"
                f"{one['normalise']:>12.2f}{one['build']:>12.2f}{one['rows'] / cost:>12,.0f}"
                f"{cost / one['parse']:>12.1f}{one['peak']:>12.0f}{growth:>12}",
                flush=True,
            )
            before = one
    print(
        "rows/s: rows of all tables by CPU seconds of both steps. growth: CPU a row, by that of the line above."
    )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

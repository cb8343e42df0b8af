"""What building a district's records costs, from canonical tables to bodies, and how that grows with the district.

Each district is built in a process of its own, so that its peak memory is its own. CPU seconds are compared with those
pandas needs to parse the same rows from CSV text; read that ratio and the growth, seconds belong to the machine.
`--full` adds districts of 300,000 students; a profile's name as argument measures that one alone. Goals: an enrollment
of the largest district costs at most GROWTH times one of the smallest, and memory stays below MOST.
"""

from __future__ import annotations

import io
import json
import resource
import subprocess
import sys
import time

import pandas as pd

PROFILES = ("certification", "nm-powerschool", "wi-infinite-campus")
SIZES = (3_000, 30_000)
FULL = 300_000
REPEATS = 3  # of what is quick; the least counts, since other work on the machine only ever adds
GROWTH = 1.3
MOST = 2_000  # MB
MEGABYTE = 2**20
RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # what ru_maxrss counts in


def peak() -> float:
    """The most memory this process ever had, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT / MEGABYTE


def measure(profile: str, students: int) -> dict[str, float]:
    """One district, in this process: rows in and records out, CPU seconds a step, memory."""
    from edfi_toolkit.rules import build, synthetic_of
    from edfi_toolkit.tables import normalise

    build(
        normalise(synthetic_of(profile).district(students=300)), profile=profile
    )  # once unmeasured: imports
    raw = synthetic_of(profile).district(students=students, seed=1)
    begun = time.process_time()
    tables = normalise(raw)
    typed = time.process_time() - begun
    built = float("inf")
    for _ in range(REPEATS if students < FULL else 1):
        begun = time.process_time()
        made = build(tables, profile=profile)
        built = min(built, time.process_time() - begun)
    highest = peak()
    student = made.records["student_unique_id"].iloc[len(made.records) // 2]
    begun = time.perf_counter()
    made.explain(student_unique_id=student)
    explained = time.perf_counter() - begun
    texts = [frame.to_csv(index=False) for frame in raw.values()]
    begun = time.process_time()
    for text in texts:
        pd.read_csv(io.StringIO(text), dtype="str")
    return {
        "enrollments": len(raw["enrollments"]),
        "rows": sum(map(len, raw.values())),
        "records": len(made.records),
        "parse": time.process_time() - begun,
        "normalise": typed,
        "build": built,
        "explain": explained,
        "peak": highest,
    }


def in_its_own_process(profile: str, students: int) -> dict[str, float]:
    """`measure`, in a process that ends with it."""
    command = [sys.executable, __file__, "--one", profile, str(students)]
    return json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout)


def main(arguments: list[str]) -> int:
    """Print one line a district, and the growth from one size to the next."""
    if arguments[:1] == ["--one"]:
        print(json.dumps(measure(arguments[1], int(arguments[2]))))
        return 0
    sizes = (*SIZES, FULL) if "--full" in arguments else SIZES
    profiles = [each for each in PROFILES if each in arguments] or PROFILES
    heads = (
        "students",
        "enrollments",
        "records",
        "normalise s",
        "build s",
        "enroll./s",
        "x read_csv",
        "growth",
    )
    print(f"{'':<19}" + "".join(f"{head:>12}" for head in (*heads, "explain s", "peak MB")))
    missed = []
    for profile in profiles:
        before = first = None
        for students in sizes:
            one = in_its_own_process(profile, students)
            a_row = one["build"] / one["enrollments"]
            print(
                f"{profile:<19}{students:>12,}{one['enrollments']:>12,}{one['records']:>12,}{one['normalise']:>12.2f}"
                f"{one['build']:>12.2f}{1 / a_row:>12,.0f}{one['build'] / one['parse']:>12.1f}"
                f"{f'{a_row / before:.2f}' if before else '':>12}{one['explain']:>12.2f}{one['peak']:>12.0f}",
                flush=True,
            )
            before, first = a_row, first or a_row
        if before > GROWTH * first:
            missed.append(
                f"{profile}: an enrollment costs {before / first:.2f} times what it does in a small district."
            )
        if one["peak"] > MOST:
            missed.append(f"{profile}: {one['peak']:.0f} MB are more than {MOST}.")
    print(
        "enroll./s: enrollments by CPU seconds of the build, from canonical tables to bodies. x read_csv: these "
        "seconds by those of parsing\nall tables from text. growth: CPU an enrollment, by that of the line above. "
        "explain s: one student's story afterwards, by the clock."
    )
    print("\n".join(missed) or "All goals are met.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

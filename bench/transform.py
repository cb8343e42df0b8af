"""CPU a row from one CSV file to JSON lines: this toolkit beside earthmover, which renders a template a row.

Both read the same enrollments of a Wisconsin year, drop those that do not qualify, look the school's Ed-Fi id up,
name the program by the provider, and write one studentProgramAssociation a line. That both write the same records is
checked. Each runs as a program of its own, on two sizes: their difference is what a row costs, the start left out. An
argument is the larger number of enrollments; 200,000 without one, and a fifth of it for the smaller. Goal: GOAL times
less CPU a row.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import orjson
import pandas as pd
from parts import rivals

GOAL = 2  # what held on every host so far, see README.md
SCHOOLS = 400
PIN = "earthmover==0.4.10"
THEIRS = "theirs/studentProgramAssociations.jsonl"
OURS = """
import edfi_toolkit as edfi
from edfi_toolkit.model.bodies import texts_of

tables = edfi.extract(".", profile="wi-infinite-campus", mapping="map/map.toml")
build = edfi.build(tables, profile="wi-infinite-campus")
with open("ours.jsonl", "wb") as file:
    file.writelines(text + b"\\n" for text in texts_of(build.records["body"]))
"""
MAP = """
[[tables.students]]
from = "enrollments"
[tables.students.columns]
student_id = "student_id"
student_unique_id = "wiseid"

[[tables.schools]]
from = "schools"
[tables.schools.columns]
school_id = "school_id"
school_number = "school_id"
ed_fi_school_id = "entity_id"

[[tables.calendars]]
from = "schools"
[tables.calendars.columns]
calendar_id = "school_id"
school_id = "school_id"
school_year = { constant = 2026 }

[[tables.edfi_config]]
from = "year"
[tables.edfi_config.columns]
school_year = "school_year"

[[tables.enrollments]]
from = "enrollments"
[tables.enrollments.columns]
enrollment_id = "enrollment_id"
student_id = "student_id"
school_id = "school_id"
calendar_id = "school_id"
start_date = "start_date"
end_date = "end_date"
service_type = "service_type"
no_show = "no_show"
third_party_provider = "provider"
"""
EARTHMOVER = """
version: 2
config:
  output_dir: ./theirs
  log_level: WARNING
sources:
  enrollments:
    file: ./enrollments.csv
    header_rows: 1
  schools:
    file: ./schools.csv
    header_rows: 1
transformations:
  associations:
    source: $sources.enrollments
    operations:
      - operation: filter_rows
        query: no_show == '0' and service_type != 'S'
        behavior: include
      - operation: date_format
        columns: [start_date, end_date]
        from_format: "%m/%d/%Y"
        to_format: "%Y-%m-%d"
      - operation: map_values
        column: provider
        mapping: {CESA: Third Party - CESA, PRIV: Third Party - Other}
      - operation: join
        sources: [$sources.schools]
        join_type: inner
        left_key: school_id
        right_key: school_id
      - operation: keep_columns
        columns: [wiseid, entity_id, provider, start_date, end_date]
destinations:
  studentProgramAssociations:
    source: $transformations.associations
    template: ./association.jsont
    extension: jsonl
    linearize: True
"""
TEMPLATE = """{
  "beginDate": "{{start_date}}",
  "endDate": "{{end_date}}",
  "educationOrganizationReference": {"educationOrganizationId": {{entity_id}}},
  "programReference": {
    "educationOrganizationId": 48856,
    "programName": "{{provider}}",
    "programTypeDescriptor": "uri://ed-fi.org/ProgramTypeDescriptor#Regular Education"
  },
  "studentReference": {"studentUniqueId": "{{wiseid}}"}
}"""


def write_input(folder: Path, rows: int) -> None:
    """One enrollment a student, all with a provider; one in ten does not qualify."""
    (folder / "map").mkdir(parents=True)
    chance = np.random.default_rng(1)
    numbers, schools = np.arange(rows), np.arange(SCHOOLS)
    enrollments = {
        "enrollment_id": numbers,
        "student_id": numbers,
        "wiseid": 7_000_000_000 + numbers,
        "school_id": chance.integers(0, SCHOOLS, rows),
        "start_date": _days(chance, "2025-08-20", rows),
        "end_date": _days(chance, "2026-03-01", rows),
        "service_type": chance.choice(["P", "S"], rows, p=[0.95, 0.05]),
        "no_show": chance.choice(["0", "1"], rows, p=[0.95, 0.05]),
        "provider": chance.choice(["CESA", "PRIV"], rows),
    }
    pd.DataFrame(enrollments).to_csv(folder / "enrollments.csv", index=False)
    pd.DataFrame({"school_id": schools, "entity_id": 300_000 + schools}).to_csv(
        folder / "schools.csv", index=False
    )
    pd.DataFrame({"school_year": [2026]}).to_csv(folder / "year.csv", index=False)
    for name, text in (
        ("map/map.toml", MAP),
        ("earthmover.yaml", EARTHMOVER),
        ("association.jsont", TEMPLATE),
    ):
        (folder / name).write_text(text)


def _days(chance: np.random.Generator, first: str, count: int) -> pd.Series:
    return pd.Series(np.datetime64(first) + chance.integers(0, 60, count)).dt.strftime("%m/%d/%Y")


def a_row(sizes: dict[Path, int], environ: dict[str, str], *command: str) -> float:
    """Microseconds of CPU a row, from the runs in a smaller and a larger folder."""
    (small, few), (large, many) = sizes.items()
    cpu(small, environ, *command)  # once unmeasured: what is compiled and cached
    return (cpu(large, environ, *command) - cpu(small, environ, *command)) / (many - few) * 1e6


def cpu(folder: Path, environ: dict[str, str], *command: str) -> float:
    """CPU seconds of a program and all it started."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, cwd=folder, env=environ, check=True, capture_output=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main(arguments: list[str]) -> int:
    """Print CPU and the ratio; ends with 1 when it misses the goal, or the two do not write the same records."""
    rows = int(arguments[0]) if arguments else 200_000
    with tempfile.TemporaryDirectory() as place:
        sizes = {Path(place) / str(size): size for size in (rows // 5, rows)}
        for folder, size in sizes.items():
            write_input(folder, size)
        ours = a_row(sizes, dict(os.environ), sys.executable, "-c", OURS)
        print(f"this toolkit {ours:8.1f} us CPU a row", flush=True)
        try:
            programs = rivals.environment(Path(place) / "rival", (PIN,))
        except rivals.Absent as absent:
            print(f"earthmover is left out: {absent}")
            return 0
        theirs = a_row(sizes, rivals.environ(), str(programs / "earthmover"), "run", "--force")
        print(f"earthmover   {theirs:8.1f} us CPU a row   {theirs / ours:.1f} x ours")
        same = all(lines(folder / "ours.jsonl") == lines(folder / THEIRS) for folder in sizes)
        print("Both wrote the same records." if same else "They did NOT write the same records.")
        return 0 if same and theirs >= GOAL * ours else 1


def lines(path: Path) -> list[bytes]:
    """Each line's JSON with its members in one order, sorted."""
    return sorted(orjson.dumps(orjson.loads(line), option=orjson.OPT_SORT_KEYS) for line in path.open("rb"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

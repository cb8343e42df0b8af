"""What planning costs: CPU, memory and growth, with 1 % of the records changed; its share of an unchanged re-run;
and what the journal adds to a publish.

    python bench/plan.py            30,000 and 100,000 records; a re-run of 3,000 students; a publish of 1,000
    python bench/plan.py --full     1,000,000 records and a re-run of 100,000 records besides

Each measurement is a process of its own. Goals, checked with --full: 15 s of CPU and 3.5 GB for 1,000,000
records.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from datetime import date
from pathlib import Path

import httpx
import numpy as np
import orjson
import pandas as pd
import pyarrow.parquet as pq
from parts.published import note_as_published

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.model import body_hash
from edfi_toolkit.model.bodies import BodyArray, texts_of
from edfi_toolkit.ods import Client, Write
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.rules import Build, Config, Scope, build, profile, synthetic_of
from edfi_toolkit.sandbox import start
from edfi_toolkit.settings import Secret, Target
from edfi_toolkit.sources import extract
from edfi_toolkit.tables import TABLES, Tables, normalise
from edfi_toolkit.tables.shapes import TableShape, shapes_frame, table_shape
from edfi_toolkit.validation import validate

GOAL_RECORDS = 1_000_000
SIZES, FULL = (30_000, 100_000), (GOAL_RECORDS,)
RERUN, RERUN_FULL = 3_000, 200_000  # students; every second has a record
PUBLISHED = 1_000
CHANGED = 0.01
GOAL_CPU_S, GOAL_GB = 15.0, 3.5
YEAR = 2026
ODS = "https://ods.example"  # never asked: nothing is sent
RESOURCE = "studentProgramAssociations"
RULES = ["CERT-SEL-4", "COM-PAY-3"]  # one list for all records, as in a build
KIND = "uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented"


def a_body(student: str) -> tuple[bytes, str]:
    """One body as JSON, and its hash."""
    body = {
        "beginDate": "2025-08-23",
        "educationOrganizationReference": {"educationOrganizationId": 255901},
        "programReference": {
            "educationOrganizationId": 255901,
            "programName": "Gifted and Talented",
            "programTypeDescriptor": KIND,
        },
        "studentReference": {"studentUniqueId": student},
        "endDate": "2026-05-22",
        "servedOutsideOfRegularSession": False,
    }
    return orjson.dumps(body), body_hash(body)


def records(count: int) -> pd.DataFrame:
    """Records as a build gives them, their bodies still JSON."""
    students = [f"9{number:09}" for number in range(count)]
    texts, hashes = np.empty(count, dtype=object), np.empty(count, dtype=object)
    for at, student in enumerate(students):
        texts[at], hashes[at] = a_body(student)
    return pd.DataFrame(
        {
            "resource": RESOURCE,
            "begin_date": pd.Timestamp("2025-08-23"),
            "education_organization_id": 255901,
            "program_education_organization_id": 255901,
            "program_name": "Gifted and Talented",
            "program_type_descriptor": KIND,
            "student_unique_id": students,
            "body": pd.Series(BodyArray.of(texts)),
            "body_hash": hashes,
            "source_refs": pd.Series([[f"program_participation:{n}", f"students:{n}"] for n in range(count)]),
            "rules": pd.Series([RULES] * count),
        }
    )


def changed(rows: pd.DataFrame) -> pd.DataFrame:
    """The same a day later: 1 % differ, a third of them new, a third gone, a third ending on another day."""
    count = len(rows)
    third = max(1, int(count * CHANGED / 3))
    texts, hashes = texts_of(rows["body"]), rows["body_hash"].to_numpy(dtype=object, copy=True)
    for at in np.random.default_rng(1).choice(count, third, replace=False):
        body = orjson.loads(texts[at]) | {"endDate": "2026-01-31"}
        texts[at], hashes[at] = orjson.dumps(body), body_hash(body)
    late = rows.assign(body=pd.Series(BodyArray.of(texts)), body_hash=hashes)
    return late.iloc[third:].reset_index(drop=True)


def a_build(rows: pd.DataFrame) -> Build:
    """What a plan reads of a build."""
    first, last = date(2025, 7, 1), date(2026, 6, 30)
    nothing = pd.DataFrame(
        {name: pd.Series(dtype="str") for name in ("table", "id", "rule", "detail", "code")}
    )
    return Build(
        profile="certification",
        records=rows,
        skipped=nothing,
        notices=nothing,
        settings=profile("certification").resolve(None),
        tables=Tables({}, shapes=shapes(rows)),
        config=Config(YEAR, first, last),
        scope=Scope("certification", YEAR, (RESOURCE,), frozenset(), frozenset(), first, last),
    )


def shapes(rows: pd.DataFrame) -> dict[str, TableShape]:
    """What the two tables that these records rest on looked like."""
    found = {}
    for at, table in enumerate(("program_participation", "students")):
        keys = pd.Series([refs[at].partition(":")[2] for refs in rows["source_refs"]], dtype="str")
        filled = {name: keys.notna().to_numpy() for name in TABLES[table].columns}
        found[table] = table_shape(keys, f"{table}.csv", filled, ordered=True)
    return found


def mapped(rows: pd.DataFrame) -> pd.DataFrame:
    """The identity map as a ledger gives it after these records were published."""
    return rows.drop(columns=["body", "rules"]).assign(
        school_year=YEAR,
        ed_fi_id=[f"{number:032x}" for number in range(len(rows))],
        etag=[str(number) for number in range(len(rows))],
        last_body=rows["body"],
        last_status=201,
        feed="https://ods|certification|",
    )


def peak_gb() -> float:
    """The most memory this process ever had."""
    return (
        resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024) / 1e9
    )


def make_up(folder: Path, count: int) -> None:
    """Records and identity map of `planning`, in files, so that making them up does not count as memory."""
    every = records(count + count // 300)
    mapped(every.iloc[:count]).to_parquet(folder / "map.parquet")
    changed(every).drop(columns="rules").to_parquet(folder / "records.parquet")


def read_back(file: Path) -> pd.DataFrame:
    """A frame that `make_up` wrote; references are lists again, and not the arrays that pandas would make of them."""
    table = pq.read_table(file)
    refs = pd.Series(table["source_refs"].to_pylist(), dtype=object)
    return table.drop_columns("source_refs").to_pandas().assign(source_refs=refs)


def planning(count: int) -> dict[str, float]:
    """Plan that many records against as many, 1 % of them changed; the fingerprint counts."""
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, __file__, "--make-up", folder, str(count)], check=True)
        after, known = (read_back(Path(folder, f"{name}.parquet")) for name in ("records", "map"))
    made_of = a_build(after.assign(rules=pd.Series([RULES] * len(after))))
    remembered = shapes_frame(shapes(known))
    begun, before = time.process_time(), peak_gb()
    made = plan(made_of, identity_map=known, last_shapes=remembered)
    named = made.fingerprint
    cpu = time.process_time() - begun
    counts = made.items["action"].value_counts().to_dict()
    packed = int(remembered["layout"].map(len).sum())
    return {
        "cpu": cpu,
        "gb": peak_gb(),
        "gb_before": before,
        "shapes": packed,
        "fingerprint": named,
        **counts,
    }


def prepare(folder: Path, students: int) -> None:
    """A district on disk, and a ledger that says it was published as it is."""
    synthetic = synthetic_of("certification")
    raw = synthetic.district(students=students, seed=1)
    synthetic.write(folder / "source", raw)
    made = build(normalise(raw), profile="certification", school_year=YEAR)
    with Ledger(folder / "ledger.db") as ledger:
        feed = ledger.feed(ODS, "certification", "")
        note_as_published(ledger, feed, made, YEAR)


def rerun(count: int) -> dict[str, float]:
    """Extract, build, validate, plan and publish a district of so many students in which nothing changed."""
    with tempfile.TemporaryDirectory() as at:
        folder = Path(at)
        subprocess.run([sys.executable, __file__, "--prepare", at, str(count)], check=True)
        tables = extract(str(folder / "source"), profile="certification")
        checked = validate(build(tables, profile="certification", school_year=YEAR))
        done = time.process_time()
        with Ledger(folder / "ledger.db") as ledger:
            feed = ledger.feed(ODS, "certification", "")
            known = ledger.identity_map(feed)
            then = ledger.source_shapes(feed, school_year=YEAR)
            made = plan(checked, identity_map=known, last_shapes=then, source_name="")
            planned = time.process_time()
            target = Target("bench", ODS, Secret("key"), Secret("secret"))
            told = publish(made, target=target, ledger=ledger, approved="auto")
        ended = time.process_time()
    if not told["outcome"].eq("delivered").all() or made.sends.any():
        raise SystemExit("Something would be sent, although nothing has changed.")
    cpu = {"cpu": ended, "plan": planned - done, "publish": ended - planned}
    return {**cpu, "records": len(made.items), "gb": peak_gb()}


def journal(count: int) -> dict[str, float]:
    """Create so many records in a sandbox through the client alone, and through publish with its ledger."""
    synthetic = synthetic_of("certification")
    raw = synthetic.district(students=2 * count + 200)
    made = build(normalise(raw), profile="certification", school_year=YEAR)
    made = replace(made, records=made.records.head(count))
    seed = b"".join(orjson.dumps(entry) + b"\n" for entry in synthetic.ods_seed(raw))
    whole, cost = plan(made), {}
    with start() as running, tempfile.TemporaryDirectory() as folder:
        client = running.clients[0]
        target = Target("bench", running.base_url, Secret(client["key"]), Secret(client["secret"]))
        for way in ("without", "with"):
            httpx.post(f"{running.control_url}/reset", timeout=60).raise_for_status()
            httpx.post(f"{running.control_url}/seed", content=seed, timeout=300).raise_for_status()
            begun = time.process_time()
            if way == "with":
                told = publish(whole, target=target, ledger=f"{folder}/ledger.db", approved="auto")
                created = int(told["status"].eq(201).sum())
            else:
                rows = zip(made.records["resource"], texts_of(made.records["body"]), strict=True)
                writes = (Write("POST", name, body, None, None, ref) for ref, (name, body) in enumerate(rows))
                with Client(target) as opened:
                    created = sum(outcome.status == 201 for outcome in opened.apply(writes))
            cost[way] = (time.process_time() - begun) / created
    return {**cost, "records": len(made.records)}


def in_its_own_process(measure: str, count: int) -> dict[str, float]:
    """One of the measurements above, in a process that ends with it."""
    command = [sys.executable, __file__, "--one", measure, str(count)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def main(arguments: list[str]) -> int:
    """Print the three tables; 1 when --full misses a goal."""
    if arguments[:1] == ["--one"]:
        print(
            json.dumps(
                {"planning": planning, "rerun": rerun, "journal": journal}[arguments[1]](int(arguments[2]))
            )
        )
        return 0
    for flag, makes in (("--prepare", prepare), ("--make-up", make_up)):
        if arguments[:1] == [flag]:
            makes(Path(arguments[1]), int(arguments[2]))
            return 0
    full, missed, before = "--full" in arguments, False, 0.0
    print(
        f"{'records planned':>20}{'changes':>10}{'CPU s':>10}{'per 1000, ms':>15}{'growth':>10}{'peak GB':>10}"
    )
    for count in (*SIZES, *(FULL if full else ())):
        one = in_its_own_process("planning", count)
        each = 1e6 * one["cpu"] / count
        growth = f"{each / before:.2f}" if before else ""
        changes = sum(int(one[action]) for action in ("POST", "PUT", "DELETE"))
        print(
            f"{count:>20,}{changes:>10,}{one['cpu']:>10.1f}{each:>15.1f}{growth:>10}{one['gb']:>10.2f}",
            flush=True,
        )
        missed |= count == GOAL_RECORDS and (one["cpu"] > GOAL_CPU_S or one["gb"] > GOAL_GB)
        before = each
    print(
        f"\n{'unchanged re-run of':>20}{'records':>10}{'CPU s':>10}{'of it plan':>15}{'publish':>10}{'peak GB':>10}"
    )
    for count in (RERUN, *((RERUN_FULL,) if full else ())):
        one = in_its_own_process("rerun", count)
        shares = [one[part] / one["cpu"] for part in ("plan", "publish")]
        print(
            f"{count:>11,} students{one['records']:>10,}{one['cpu']:>10.1f}{shares[0]:>15.0%}{shares[1]:>10.0%}"
            f"{one['gb']:>10.2f}",
            flush=True,
        )
    one = in_its_own_process("journal", PUBLISHED)
    without, journaled = 1000 * one["without"], 1000 * one["with"]
    print(
        f"\n{one['records']:,} records published: {without:.2f} ms of CPU each by the client alone, "
        f"{journaled:.2f} with plan, ledger and result ({journaled / without:.2f} x)"
    )
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

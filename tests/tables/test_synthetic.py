"""Invented districts: the same every time, clean unless asked otherwise, and fit for an ODS."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from edfi_toolkit import model
from edfi_toolkit.rules import build
from edfi_toolkit.sources import extract
from edfi_toolkit.tables import normalise
from edfi_toolkit.tables.synthetic import district, ods_seed, write


def test_one_seed_gives_one_district_and_another_another() -> None:
    first, same = district(students=50, seed=3), district(students=50, seed=3)
    for name in first:
        pd.testing.assert_frame_equal(first[name], same[name])
    assert not district(students=50, seed=4)["students"].equals(first["students"])
    other = district(students=50, seed=3, organization=255902)["students"]["student_unique_id"]
    assert set(other).isdisjoint(first["students"]["student_unique_id"])


def test_a_district_is_clean_and_every_participation_becomes_a_record() -> None:
    tables = normalise(district(students=1300))
    assert tables.skipped.empty
    assert tables.notices.empty
    assert len(tables.schools) == 3
    built = build(tables, profile="certification", school_year=2026)
    assert len(built.records) == len(tables.program_participation) > 500
    known = {uri for uris in model.descriptor_values().values() for uri in uris}
    for body in built.records["body"]:
        assert set(_descriptors(body)) <= known


def _descriptors(value: Any) -> list[str]:
    if isinstance(value, dict):
        own = [each for name, each in value.items() if name.endswith("Descriptor")]
        return own + [uri for each in value.values() for uri in _descriptors(each)]
    return [uri for each in value for uri in _descriptors(each)] if isinstance(value, list) else []


def test_unreadable_rows_come_in_the_share_asked_for() -> None:
    tables = normalise(district(students=4000, unreadable=0.1))
    share = len(tables.skipped) / (len(tables.skipped) + len(tables.program_participation))
    assert 0.08 < share < 0.12
    assert set(tables.skipped["rule"]) == {"COM-NRM-3"}


def test_a_written_district_reads_back_and_seeds_an_ods(tmp_path: Path, sandbox: Any) -> None:
    import httpx

    tables = district(students=30)
    folder = write(tmp_path / "district", tables)
    read = extract(folder, profile="certification")
    pd.testing.assert_frame_equal(read.students, normalise(tables).students)
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    content = (folder / "ods-seed.jsonl").read_bytes()
    assert [orjson.loads(line) for line in content.splitlines()] == list(ods_seed(tables))
    built = build(read, profile="certification", school_year=2026)
    for resource, body in zip(built.records["resource"], built.records["body"], strict=True):
        content += orjson.dumps({"resource": resource, "body": body}) + b"\n"
    answer = httpx.post(f"{sandbox.control_url}/seed", content=content, trust_env=False).json()
    assert answer["refused"] == []

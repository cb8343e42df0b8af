"""The certification sample keeps its promises: valid seed, known outcomes, complete list of canaries."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from edfi_toolkit import model
from tests.factories.samples import sample as tables_of
from tests.factories.samples import sample_build

CERTIFICATION = "certification"
STATES = ("before", "after", "final")
LOAD_ERRORS = {"p-9002": "COM-NRM-3", "p-9005": "COM-NRM-7", "p-9012": "COM-NRM-4", "p-9013": "COM-NRM-4"}


@pytest.fixture(scope="module")
def sample(repository: Path) -> Path:
    return repository / "data" / "samples" / "certification"


@pytest.fixture(scope="module")
def seed(sample: Path) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in (sample / "ods-seed.jsonl").read_bytes().splitlines()]


def paths(value: Any, path: str = "$") -> Iterator[tuple[str, Any]]:
    """Every member of a body under its JSON path."""
    if isinstance(value, dict):
        for name, member in value.items():
            yield f"{path}.{name}", member
            yield from paths(member, f"{path}.{name}")
    elif isinstance(value, list):
        for item in value:
            yield from paths(item, f"{path}[*]")


def test_seed_bodies_are_whole_and_their_descriptors_exist(seed: list[dict[str, Any]]) -> None:
    for entry in seed:
        facts, body = model.resource(entry["resource"]), entry["body"]
        assert set(facts["required"]) <= body.keys()
        for path, value in paths(body):
            assert path in facts["properties"], path
            property_ = facts["properties"][path]
            if "descriptor" in property_:
                assert value in model.descriptor_values()[property_["descriptor"]]
            assert len(value) <= property_.get("maxLength", 10**9) if isinstance(value, str) else True


def test_the_seed_loads_into_an_ods(sample: Path, sandbox: Any) -> None:
    import httpx

    content = (sample / "ods-seed.jsonl").read_bytes()
    answer = httpx.post(f"{sandbox.control_url}/seed", content=content, trust_env=False).json()
    assert answer["refused"] == []
    assert answer["loaded"] == len(content.splitlines())


def test_the_seed_holds_every_program_and_all_students_but_one(
    sample: Path, seed: list[dict[str, Any]]
) -> None:
    programs = {
        (body["educationOrganizationReference"]["educationOrganizationId"], body["programName"])
        for body in (entry["body"] for entry in seed if entry["resource"] == "programs")
    }
    rows = tables_of(CERTIFICATION, "after").program_participation
    used = set(zip(rows["program_education_organization_id"], rows["program_name"], strict=True))
    assert {len(name) > 60 for _, name in used - programs} == {True}

    held = {entry["body"]["studentUniqueId"] for entry in seed if entry["resource"] == "students"}
    enrolled = {
        entry["body"]["studentReference"]["studentUniqueId"]
        for entry in seed
        if entry["resource"] == "studentSchoolAssociations"
    }
    assert held == enrolled
    ids = set(tables_of(CERTIFICATION, "after").students["student_unique_id"])
    assert ids - held == {"900417399"}


@pytest.mark.parametrize("state", STATES)
def test_every_dirty_row_ends_as_the_readme_says(sample: Path, state: str) -> None:
    built = sample_build(CERTIFICATION, state)
    skipped = built.skipped[built.skipped["table"].eq("program_participation")]
    outcome = dict(zip(skipped["id"], skipped["rule"], strict=True))
    expected = LOAD_ERRORS | {
        "p-9001": "CERT-SEL-1",
        "p-9008": "CERT-SEL-1",
        "p-9009": "CERT-SEL-1",
        "p-9010": "CERT-SEL-3",
        "p-9011": "CERT-SEL-4",
    }
    if state != "before":
        del expected["p-9001"], expected["p-9002"]
    assert outcome == expected
    assert built.notices["code"].eq("DUPLICATE_ROW").sum() == 1
    students = built.skipped[built.skipped["table"].eq("students")]
    assert students[["id", "rule", "value"]].to_numpy().tolist() == [["K7310023", "COM-NRM-2", "900123.0"]]
    told = set(
        re.findall(r"^\| (p-9\d{3}) \|", (sample / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    )
    raw = pd.read_csv(sample / state / "program_participation.csv", dtype=str)
    assert told == {each for each in raw["participation_id"] if each.startswith("p-9")}


def test_the_scenario_rows_change_as_the_scenarios_do(sample: Path) -> None:
    tables = {state: tables_of(CERTIFICATION, state).program_participation for state in STATES}
    rows = {state: frame.set_index("participation_id") for state, frame in tables.items()}
    scenario = [each for each in rows["before"].index if each.startswith("cert-")]
    assert len(scenario) == 13
    assert set(rows["before"].loc[scenario, "resource"]) == set(model.associations())
    moved = [
        each
        for each in scenario
        if rows["after"].at[each, "begin_date"] != rows["before"].at[each, "begin_date"]
    ]
    assert moved == ["cert-d1-a", "cert-d1-b"]
    assert rows["after"].loc[moved, "begin_date"].dt.strftime("%m/%d").tolist() == ["09/30", "10/20"]
    changed = [
        each
        for each in scenario
        if rows["after"].at[each, "attributes"] != rows["before"].at[each, "attributes"]
    ]
    assert len(changed) == 11
    assert set(rows["after"].index) - set(rows["final"].index) == {"cert-d1-a"}
    ended = rows["final"].loc["cert-d2-a"]
    assert (str(ended["end_date"].date()), ended["reason_exited"]) == (
        "2026-05-23",
        "Transferred to regular education",
    )
    clean = [each for each in rows["before"].index if each.startswith("p-2")]
    assert len(clean) == 18
    pd.testing.assert_frame_equal(rows["final"].loc[clean], rows["before"].loc[clean])


def test_the_canaries_are_exactly_the_sample_s_persons(sample: Path, seed: list[dict[str, Any]]) -> None:
    canaries = orjson.loads((sample / "canaries.json").read_bytes())
    frames = [
        pd.read_csv(sample / state / "students.csv", dtype=str, keep_default_na=False) for state in STATES
    ]
    every = pd.concat(frames)
    ids = {each.removesuffix(".0") for each in every["student_unique_id"] if each}
    assert ids == {*canaries["unique_ids"], *canaries["scenario_unique_ids"]}
    assert {*every["student_id"], "K7319999"} == set(canaries["student_ids"])
    assert set(every["first_name"]) == set(canaries["first_names"])
    assert set(every["last_name"]) == set(canaries["last_names"])
    people = [entry["body"] for entry in seed if entry["resource"] == "students"]
    assert {body["birthDate"] for body in people} == set(canaries["birth_dates"])
    assert {body["lastSurname"] for body in people} <= set(canaries["last_names"])

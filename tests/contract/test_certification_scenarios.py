"""Every step of the certification scenarios that a conforming ODS can accept: from tables, by the toolkit, to the ODS.

After each step the records are read back by id, as the certification collection does.
"""

from __future__ import annotations

from pathlib import Path
from shutil import copy
from typing import Any

import orjson
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.model import standards
from edfi_toolkit.ods import Write, standard_of
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.rules import build
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import seed
from edfi_toolkit.validation import validate
from tests.factories.district import in_process
from tests.factories.samples import sample as tables_of
from tests.proofs import long_proof

URI = "uri://ed-fi.org/"
# scenario row -> resource, path of the property the scenario looks at, its values after the first step and the update
SCENARIOS: dict[str, tuple[str, tuple[Any, ...], Any, Any]] = {
    "cert-cte": (
        "studentCTEProgramAssociations",
        ("cteProgramServices", 0, "primaryIndicator"),
        True,
        False,
    ),
    "cert-d1-a": ("studentProgramAssociations", ("beginDate",), "2025-08-23", "2025-09-30"),
    "cert-d1-b": ("studentProgramAssociations", ("beginDate",), "2025-08-23", "2025-10-20"),
    "cert-d2-a": ("studentSpecialEducationProgramAssociations", ("ideaEligibility",), True, False),
    "cert-d2-b": ("studentSpecialEducationProgramAssociations", ("ideaEligibility",), True, False),
    "cert-d3-a": (
        "studentTitleIPartAProgramAssociations",
        ("titleIPartAParticipantDescriptor",),
        f"{URI}TitleIPartAParticipantDescriptor#Public Targeted Assistance Program",
        f"{URI}TitleIPartAParticipantDescriptor#Public Schoolwide Program",
    ),
    "cert-d3-b": (
        "studentTitleIPartAProgramAssociations",
        ("titleIPartAParticipantDescriptor",),
        f"{URI}TitleIPartAParticipantDescriptor#Public Schoolwide Program",
        f"{URI}TitleIPartAParticipantDescriptor#Was not served",
    ),
    "cert-d4": (
        "studentHomelessProgramAssociations",
        ("homelessPrimaryNighttimeResidenceDescriptor",),
        f"{URI}HomelessPrimaryNighttimeResidenceDescriptor#Shelters",
        f"{URI}HomelessPrimaryNighttimeResidenceDescriptor#Doubled-up",
    ),
    "cert-d5": (
        "studentLanguageInstructionProgramAssociations",
        ("englishLanguageProficiencyAssessments", 0, "proficiencyDescriptor"),
        f"{URI}ProficiencyDescriptor#Not Proficient",
        f"{URI}ProficiencyDescriptor#Proficient",
    ),
    "cert-d6": ("studentMigrantEducationProgramAssociations", ("priorityForServices",), True, False),
    "cert-d7": (
        "studentNeglectedOrDelinquentProgramAssociations",
        ("neglectedOrDelinquentProgramServices", 0, "neglectedOrDelinquentProgramServiceDescriptor"),
        f"{URI}NeglectedOrDelinquentProgramServiceDescriptor#Mentoring Programs",
        f"{URI}NeglectedOrDelinquentProgramServiceDescriptor#Dropout Prevention Programs",
    ),
    "cert-d8": (
        "studentSchoolFoodServiceProgramAssociations",
        ("schoolFoodServiceProgramServices", 0, "schoolFoodServiceProgramServiceDescriptor"),
        f"{URI}SchoolFoodServiceProgramServiceDescriptor#Reduced Price Lunch",
        f"{URI}SchoolFoodServiceProgramServiceDescriptor#Free Lunch",
    ),
    "cert-d9": ("studentSection504ProgramAssociations", ("accommodationPlan",), False, True),
}
KEY_CHANGES = {"cert-d1-a", "cert-d1-b"}  # CERT-EVT-3: an ODS refuses them as updates, so the id changes


def at(body: Any, path: tuple[Any, ...]) -> Any:
    for step in path:
        body = body[step]
    return body


@pytest.fixture(scope="module", params=["5.2", pytest.param("4.0", marks=long_proof), "6.1"])
def standard(request: pytest.FixtureRequest) -> str:
    """The data standard of the ODS."""
    return str(request.param)


@pytest.fixture(scope="module")
def steps(
    standard: str, repository: Path, empty_ledger: Path, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, dict[str, Any]]:
    """Per state of the sample: id and body of each scenario row, read back from the ODS after publishing."""
    sample = repository / "data" / "samples" / "certification"
    app = create_app(standard=standard)
    assert seed(app.state.sandbox.ods, (sample / "ods-seed.jsonl").read_bytes())["refused"] == []
    seen: dict[str, dict[str, Any]] = {}
    path = copy(empty_ledger, tmp_path_factory.mktemp("ledger") / "ledger.db")
    with in_process(app) as client, Ledger(path) as ledger:
        feed = ledger.feed(client.target.identity, "certification", "")
        for state in ("before", "after", "final"):
            before = ledger.identity_map(feed)
            checked = validate(
                build(
                    tables_of("certification", state),
                    profile="certification",
                    settings={"data_standard": standard_of(client)},
                ),
                target=client,
                identity_map=before,
            )
            publish(plan(checked, identity_map=before), target=client, ledger=ledger, approved="auto")
            mapped = ledger.identity_map(feed)
            mapped["row"] = mapped["source_refs"].str[0].str.removeprefix("program_participation:")
            seen[state] = {
                row["row"]: client.get(row["resource"], row["ed_fi_id"]) for row in mapped.to_dict("records")
            }
        gone = seen["after"]["cert-d1-a"].id
        seen["final"]["deleted"] = client.get("studentProgramAssociations", gone)
    return seen


def known_to(standard: str, row: str, steps: dict[str, dict[str, Any]]) -> bool:
    """Whether the standard has the resource of a scenario; where it has not, nothing of it was sent."""
    known = SCENARIOS[row][0] in standards.associations(standard)
    assert known or not any(row in state for state in steps.values())
    return known


@pytest.mark.parametrize("row", sorted(SCENARIOS))
def test_the_first_step_creates_the_record(steps: dict[str, dict[str, Any]], standard: str, row: str) -> None:
    if not known_to(standard, row, steps):
        return
    _, path, first, _ = SCENARIOS[row]
    assert at(steps["before"][row].body, path) == first


@pytest.mark.parametrize("row", sorted(SCENARIOS))
def test_the_update_changes_the_named_property_under_the_same_id(
    steps: dict[str, dict[str, Any]], standard: str, row: str
) -> None:
    if not known_to(standard, row, steps):
        return
    _, path, _, second = SCENARIOS[row]
    before, after = steps["before"][row], steps["after"][row]
    assert at(after.body, path) == second
    assert (after.id == before.id) == (row not in KEY_CHANGES)


def test_cert_evt_4_the_removed_generic_association_is_gone(steps: dict[str, dict[str, Any]]) -> None:
    assert steps["final"]["deleted"] is None
    assert "cert-d1-a" not in steps["final"]


def test_d2_step_5_ends_the_special_education_record_and_keeps_the_rest(
    steps: dict[str, dict[str, Any]],
    standard: str,
) -> None:
    before, ended = steps["after"]["cert-d2-a"], steps["final"]["cert-d2-a"]
    assert ended.id == before.id
    assert ended.body["endDate"] == "2026-05-23"
    assert ended.body.get("specialEducationExitDate") == (None if standard == "4.0" else "2026-05-23")
    assert ended.body["reasonExitedDescriptor"].endswith("#Transferred to regular education")
    assert ended.body["specialEducationSettingDescriptor"] == before.body["specialEducationSettingDescriptor"]


def test_a_changed_service_replaces_the_item_and_adds_none(steps: dict[str, dict[str, Any]]) -> None:
    assert len(steps["after"]["cert-d7"].body["neglectedOrDelinquentProgramServices"]) == 1


def test_food_service_keeps_the_day_it_was_created_with(steps: dict[str, dict[str, Any]]) -> None:
    assert steps["after"]["cert-d8"].body["beginDate"] == steps["before"]["cert-d8"].body["beginDate"]


def test_d10_a_program_is_created_and_deleted(repository: Path) -> None:
    sample = repository / "data" / "samples" / "certification"
    app = create_app()
    lines = (sample / "ods-seed.jsonl").read_bytes().splitlines()
    seed(app.state.sandbox.ods, b"\n".join(line for line in lines if b"Grand Bend Bilingual 101" not in line))
    program = {
        "educationOrganizationReference": {"educationOrganizationId": 255901},
        "programId": "101",
        "programName": "Grand Bend Bilingual 101",
        "programTypeDescriptor": f"{URI}ProgramTypeDescriptor#Bilingual",
    }
    with in_process(app) as client:
        (made,) = client.apply([Write("POST", "programs", orjson.dumps(program), None, None, "made", None)])
        assert made.status == 201
        assert client.get("programs", made.ed_fi_id).body["programId"] == "101"
        (gone,) = client.apply([Write("DELETE", "programs", None, made.ed_fi_id, None, "gone", None)])
        assert gone.status == 204
        assert client.get("programs", made.ed_fi_id) is None

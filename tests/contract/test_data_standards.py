"""COM-STD-1: the target's data standard decides, with 4.0, 5.2, 6.1, and when a target moves to another."""

from __future__ import annotations

import csv
import json
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from edfi_toolkit.cli import main
from edfi_toolkit.cli.playground import target_environ, working_in
from edfi_toolkit.errors import StalePlan
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client, standard_of
from edfi_toolkit.ods.snapshot import read_snapshot
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.rules import build
from edfi_toolkit.runs import open_run
from edfi_toolkit.sandbox import Running, create_app, start
from edfi_toolkit.sandbox.control import seed
from edfi_toolkit.validation import validate
from tests.factories.district import GENERAL, a_build, a_participation, in_process, seed_lines, target_of
from tests.rules.worked_examples import EXAMPLES

NM, CTE = "nm-powerschool", "studentCTEProgramAssociations"
SPECIAL, SECTION_504 = "studentSpecialEducationProgramAssociations", "studentSection504ProgramAssociations"
NEW_MEXICO = {name: EXAMPLES[name] for name in ("NM-X1", "NM-X2", "NM-X3")}
_URI = "uri://ed-fi.org/"


def districts() -> bytes:
    """What an ODS holds before the records of the examples: their districts, schools, programs and students."""
    lines: list[tuple[str, dict[str, Any]]] = []
    for body in (record["body"] for example in NEW_MEXICO.values() for record in example["records"]):
        program = body["programReference"]
        owner, school = program["educationOrganizationId"], body["educationOrganizationReference"]
        category = f"{_URI}EducationOrganizationCategoryDescriptor#"
        lines += [
            (
                "localEducationAgencies",
                {
                    "localEducationAgencyId": owner,
                    "nameOfInstitution": f"District {owner}",
                    "categories": [
                        {"educationOrganizationCategoryDescriptor": f"{category}Local Education Agency"}
                    ],
                    "localEducationAgencyCategoryDescriptor": (
                        f"{_URI}LocalEducationAgencyCategoryDescriptor#Independent"
                    ),
                },
            ),
            (
                "schools",
                {
                    "schoolId": school["educationOrganizationId"],
                    "nameOfInstitution": "A school",
                    "localEducationAgencyReference": {"localEducationAgencyId": owner},
                    "educationOrganizationCategories": [
                        {"educationOrganizationCategoryDescriptor": f"{category}School"}
                    ],
                    "gradeLevels": [{"gradeLevelDescriptor": f"{_URI}GradeLevelDescriptor#Ninth grade"}],
                },
            ),
            (
                "programs",
                {
                    "educationOrganizationReference": {"educationOrganizationId": owner},
                    "programName": program["programName"],
                    "programTypeDescriptor": program["programTypeDescriptor"],
                },
            ),
            (
                "students",
                {
                    **body["studentReference"],
                    "firstName": "Given",
                    "lastSurname": "Family",
                    "birthDate": "2010-01-01",
                },
            ),
            (
                "studentSchoolAssociations",
                {
                    "studentReference": body["studentReference"],
                    "schoolReference": {"schoolId": school["educationOrganizationId"]},
                    "entryDate": body["beginDate"],
                    "entryGradeLevelDescriptor": f"{_URI}GradeLevelDescriptor#Ninth grade",
                },
            ),
        ]
    return b"\n".join(json.dumps({"resource": name, "body": body}).encode() for name, body in lines)


@pytest.fixture(scope="module", params=["4.0", "5.2"])
def host(request: pytest.FixtureRequest) -> Iterator[tuple[str, Running]]:
    """A sandbox over a socket that holds the districts of New Mexico's examples."""
    with start(data_standard=request.param) as running:
        found = httpx.post(f"{running.control_url}/seed", content=districts(), trust_env=False).json()
        assert found["refused"] == []
        yield request.param, running


def as_files(tables: dict[str, list[dict[str, Any]]], folder: Path) -> Path:
    """The tables as a folder of CSV files."""
    folder.mkdir()
    for name, rows in tables.items():
        with (folder / f"{name}.csv").open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(column for row in rows for column in row)))
            writer.writeheader()
            writer.writerows(rows)
    return folder


def held(client: Client, resource: str = CTE) -> list[dict[str, Any]]:
    """What the ODS holds of a resource, without links and empties."""

    def plain(member: dict[str, Any]) -> dict[str, Any]:
        return {name: value for name, value in member.items() if name != "link" and value != []}

    bodies = [body for page in client.read(resource) for body in page["body"]]
    return [json.loads(json.dumps(body), object_hook=plain) for body in bodies]


def said(example: dict[str, Any], standard: str) -> list[dict[str, Any]]:
    """The records of an example as a host of that standard has them (NM-ELE-10)."""
    completed = [
        row["program_completed"] for row in example["tables"]["cte_records"] if "program_completed" in row
    ]
    pathway = {"careerPathwayDescriptor": f"{_URI}CareerPathwayDescriptor#Other", "cipCode": "0"}
    older = {**pathway, **({"cteProgramCompletionIndicator": any(completed)} if completed else {})}
    newer = {"cteProgramServiceDescriptor": f"{_URI}CTEProgramServiceDescriptor#Other", "cipCode": "0"}
    details = {"ctePrograms": [older]} if standard == "4.0" else {"cteProgramServices": [newer]}
    keys = [
        {name: value for name, value in record["body"].items() if not name.startswith("cte")}
        for record in example["records"]
    ]
    return [{**key, **details} for key in keys]


def test_edge_case_121_one_command_without_settings_sends_what_each_host_has(
    host: tuple[str, Running], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    standard, running = host
    source = as_files(NEW_MEXICO["NM-X1"]["tables"], tmp_path / "north")
    words = ["publish", str(source), "--profile", NM, "--school-year", "2026", "--approve", "auto"]
    monkeypatch.setattr(sys, "argv", ["edfi-toolkit", *words])
    with working_in(tmp_path, target_environ(running)), pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0
    with Client(target_of(running.base_url, running.clients[0], school_year=2026)) as client:
        assert said(NEW_MEXICO["NM-X1"], standard)[0] in held(client)


def test_all_worked_examples_of_new_mexico_arrive_as_each_host_has_them(
    host: tuple[str, Running], tmp_path: Path
) -> None:
    standard, running = host
    with (
        Client(target_of(running.base_url, running.clients[0], school_year=2026)) as client,
        Ledger(tmp_path / "ledger.db") as ledger,
    ):
        for name, example in NEW_MEXICO.items():
            made = build(
                example["tables"],
                profile=NM,
                school_year=2026,
                settings={"data_standard": standard_of(client)},
            )
            sent = publish(plan(made, source_name=name), target=client, ledger=ledger, approved="auto")
            assert set(sent["outcome"]) == {"delivered"}
            found = held(client)
            assert all(body in found for body in said(example, standard)), name


def test_a_run_has_the_standard_of_its_target_on_every_path_and_names_what_was_written(
    host: tuple[str, Running],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The setting names the other standard; the run, its story and the command `explain` follow the target."""
    standard, running = host
    source = as_files(NEW_MEXICO["NM-X1"]["tables"], tmp_path / "north")
    other = "5.2" if standard == "4.0" else "4.0"
    member, story = (
        ("ctePrograms", "The completion indicator is false")
        if standard == "4.0"
        else ("cteProgramServices", "this data standard has no place for it")
    )
    with working_in(tmp_path, target_environ(running)):
        run = open_run(
            profile=NM,
            school_year=2026,
            source=str(source),
            run_id="new",
            settings={"data_standard": other},
        )
        run.extract()
        said_of_it = run.build().says
        assert ("Data Standard 4.0" in said_of_it) == (standard == "4.0")
        (told,) = run.built.notices[run.built.notices["code"].eq("STANDARD_DIFFERS")].to_dict("records")
        assert told["detail"] == (
            f"The records are built for Data Standard {standard}.0; the setting data_standard names Data Standard "
            f"{other}."
        )
        assert member in run.built.records["body"].iloc[0]
        assert story in str(run.built.explain(student_unique_id="900111222").frame["says"].tolist())
        for words in (["explain", "--student", "900111222", "--reveal"], ["build", "--out", "out"]):
            command = [words[0], str(source), "--profile", NM, "--school-year", "2026", "--target", "sandbox"]
            monkeypatch.setattr(sys, "argv", ["edfi-toolkit", *command, *words[1:], "--json"])
            with pytest.raises(SystemExit) as ended:
                main()
            assert not ended.value.code
        assert story in capsys.readouterr().out
        assert member in (tmp_path / "out" / f"{CTE}.jsonl").read_text("utf-8")


# A target that moves


REVIEWED = {"iepReviewDate": "2025-09-10", "lastEvaluationDate": "2024-02-01", "ideaEligibility": True}


def a_mixed_build(standard: str, **reviewed: Any) -> Any:
    """Two special education records, of which one names dates that 6.1 calls otherwise, and two of another kind."""
    special = {"resource": SPECIAL, "program_name": "Career and Technical Education"}
    special["program_type"] = special["program_name"]
    return a_build(
        a_participation(1),
        a_participation(2),
        a_participation(3, **special, attributes={**REVIEWED, **reviewed}),
        a_participation(4, **special, attributes={"ideaEligibility": True}),
        settings={"data_standard": standard},
    )


def moved_to_6_1(file: Path) -> None:
    """What a host does with its data when it moves: the two dates get their new names."""
    with sqlite3.connect(file) as data:
        for seq, text in data.execute("SELECT seq, body FROM items WHERE kind=?", (SPECIAL,)).fetchall():
            body = orjson.loads(text)
            for old, new in (
                ("iepReviewDate", "iepLastReviewDate"),
                ("lastEvaluationDate", "iepLastEvaluationDate"),
            ):
                if old in body:
                    body[new] = body.pop(old)
            data.execute("UPDATE items SET body=? WHERE seq=?", (orjson.dumps(body).decode(), seq))
        data.execute("PRAGMA application_id=61")
    data.close()


def test_a_ledger_of_5_2_against_a_target_that_moved_to_6_1_changes_only_what_has_other_names(
    tmp_path: Path,
) -> None:
    file = tmp_path / "ods.db"
    app = create_app(file)
    assert seed(app.state.sandbox.ods, seed_lines(5))["refused"] == []
    with Ledger(tmp_path / "ledger.db") as ledger:
        with in_process(app) as client:
            feed = ledger.feed(client.target.identity, "certification", "")
            assert standard_of(client) == "5.2.0"
            first = plan(a_mixed_build("5.2"))
            assert set(publish(first, target=client, ledger=ledger, approved="auto")["outcome"]) == {
                "delivered"
            }
        app.state.sandbox.ods.store.close()
        moved_to_6_1(file)
        newer = create_app(file, standard="6.1")
        with in_process(newer) as client:
            stale = plan(a_mixed_build("5.2", ideaEligibility=False), identity_map=ledger.identity_map(feed))
            with pytest.raises(
                StalePlan, match=r"built for Data Standard 5\.2, and target 'sandbox' has 6\.1\.0"
            ):
                publish(stale, target=client, ledger=ledger, approved="auto")
            standard = str(standard_of(client))
            moved = plan(a_mixed_build(standard), identity_map=ledger.identity_map(feed))
            assert moved.items["action"].value_counts().to_dict() == {"NOOP": 3, "PUT": 1}
            (put,) = moved.items[moved.items["action"].eq("PUT")].to_dict("records")
            assert set(put["diff"]) == {*REVIEWED, "iepLastReviewDate", "iepLastEvaluationDate"} - {
                "ideaEligibility"
            }
            assert put["reason"].endswith("; Data Standard 6.1 has no iepReviewDate, lastEvaluationDate.")
            assert moved.breaches == ()
            ids = {row["ed_fi_id"] for row in ledger.identity_map(feed).to_dict("records")}
            sent = publish(moved, target=client, ledger=ledger, approved="auto")
            assert sent.loc[sent["action"].eq("PUT"), "outcome"].tolist() == ["delivered"]
            assert {row["ed_fi_id"] for row in ledger.identity_map(feed).to_dict("records")} == ids
            again = plan(a_mixed_build(standard), identity_map=ledger.identity_map(feed))
            assert set(again.items["action"]) == {"NOOP"}
            dated = [body for body in held(client, SPECIAL) if "iepLastReviewDate" in body]
            assert [body["iepLastReviewDate"] for body in dated] == ["2025-09-10"]


@pytest.mark.parametrize("standard", ["4.0", "6.1"])
def test_a_resource_the_host_lacks_is_said_once_and_members_it_has_no_place_for_are_told(
    standard: str,
) -> None:
    app = create_app(standard=standard)
    assert seed(app.state.sandbox.ods, seed_lines(4))["refused"] == []
    eligible = {"section504Eligibility": True}
    special = {
        "resource": SPECIAL,
        "attributes": {"ideaEligibility": True, "specialEducationExitDate": "2026-05-20"},
    }
    rows = [
        a_participation(1, **special),
        a_participation(2, resource=SECTION_504, attributes=eligible),
        a_participation(3, resource=SECTION_504, attributes=eligible),
    ]
    with in_process(app) as client:
        checked = validate(a_build(*rows, settings={"data_standard": standard_of(client)}), target=client)
    lacking = checked.by_rule[checked.by_rule["rule_id"].eq("DS-RESOURCE")]
    dropped = checked.findings[checked.findings["rule_id"].eq("STANDARD_DROPPED")]
    assert "REF-UNREADABLE" not in set(checked.findings["rule_id"])
    if standard == "6.1":
        assert [len(rows) for rows in (lacking, dropped, checked.held)] == [0, 0, 0]
        return
    (told,) = lacking.to_dict("records")
    assert (told["held"], told["says"]) == (2, f"Data Standard 4.0 has no {SECTION_504}.")
    assert checked.held["resource"].unique().tolist() == [SECTION_504]
    assert dropped["says"].tolist() == [
        "Data Standard 4.0 has no specialEducationExitDate, so it is not sent."
    ]
    assert "specialEducationExitDate" not in checked.ready["body"].iloc[0]


def test_a_host_that_switched_a_resource_off_is_not_taken_for_one_that_hides_it() -> None:
    """Its data standard has the resource, and the host answers 404."""
    app = create_app()
    assert seed(app.state.sandbox.ods, seed_lines(3))["refused"] == []
    app.state.sandbox.faults.put([{"method": "GET", "resource": GENERAL, "status": 404}])
    with in_process(app) as client:
        checked = validate(a_build(a_participation(1), settings={"data_standard": "5.2"}), target=client)
    (told,) = checked.findings[checked.findings["rule_id"].eq("DS-RESOURCE")].to_dict("records")
    assert told["says"] == f"The target does not have {GENERAL}."
    assert len(checked.held) == 1
    assert "REF-UNREADABLE" not in set(checked.findings["rule_id"])


def test_a_resync_against_a_host_without_a_resource_says_so_once_and_deletes_nothing() -> None:
    app = create_app(standard="4.0")
    assert seed(app.state.sandbox.ods, seed_lines(3))["refused"] == []
    rows = [
        a_participation(1),
        a_participation(2, resource=SECTION_504, attributes={"section504Eligibility": True}),
    ]
    published = identity_map_of(a_build(*rows))
    now = a_build(a_participation(1), settings={"data_standard": "4.0"})
    with in_process(app) as client:
        ods, unread, lacking = read_snapshot(client, now.scope.resources)
    assert (unread, lacking) == ((), (SECTION_504,))
    made = plan(now, identity_map=published, ods=ods, unread=unread, lacking=lacking, mode="resync")
    told = made.findings[made.findings["code"].isin(["RESOURCE_LACKING", "RESOURCE_UNREAD"])]
    assert told[["code", "resource"]].to_dict("records") == [
        {"code": "RESOURCE_LACKING", "resource": SECTION_504}
    ]
    assert SECTION_504 not in set(made.items["resource"])

"""Vendor exports become canonical tables, and a renamed field is told with the nearest one."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, SourceShapeError
from edfi_toolkit.rules import profile as profile_of
from edfi_toolkit.sources import extract
from edfi_toolkit.sources.mapping import parse_map, source_maps, vendor_map
from edfi_toolkit.tables import TABLES, Tables


def table(*lines: str, by: str) -> str:
    """Words in columns as a delimited file; a lone dot is an empty cell."""
    cells = [[cell if cell != "." else "" for cell in line.split()] for line in lines]
    return "\n".join(by.join(row) for row in cells) + "\n"


POWERSCHOOL = {
    "Students": table(
        "[Students]DCID ID State_StudentNumber First_Name Last_Name State_ExcludeFromReporting Enroll_Status "
        "SchoolID Enrollment_SchoolID [S_NM_STU_X]LocationCode EntryDate ExitDate Grade_Level",
        "5001 11 0012345 Ada A 0 0 101 101 022 8/11/2025 5/22/2026 9",
        "5002 12 900222 Bo B 1 2 999999 102 . 8/11/2025 0/0/0 10",
        "5003.0 13 900333 Cy C 0 0 101 101 . 8/11/2025 0/0/0 10",
        by="\t",
    ),
    "Schools": table(
        "School_Number Alternate_School_Number Name State_ExcludeFromReporting",
        "101 0 High 0",
        "102 -1 Low 1",
        by="\t",
    ),
    "Terms": table(
        "DCID SchoolID YearID FirstDay LastDay IsYearRec",
        "1 101 35 8/11/2025 5/22/2026 1",
        "2 101 35 8/11/2025 12/19/2025 0",
        by="\t",
    ),
    "ReEnrollments": table(
        "ID StudentID SchoolID EntryDate ExitDate Grade_Level",
        "70 11 102 8/1/2025 8/10/2025 8",
        "71 99 102 8/1/2025 8/10/2025 8",
        by="\t",
    ),
    "S_NM_STU_IndustryCred_C": table(
        "ID StudentsDCID IndustryCredentialCode DeliveryMethodCode CredentialEarnedDate",
        "1 5001 abc d1 0/0/0",
        by="\t",
    ),
    "Prefs": table(
        "Name SchoolID UserID Value",
        "DistrictNumber 0 0 089",
        "DistrictNumber 101 0 090",
        "Theme 0 7 dark",
        by="\t",
    ),
}
CAMPUS = {
    "person": table("personID edFiID currentIdentityID", "1 7000000001 i1", "2 7000000002 i2", by=","),
    "identity": table("identityID firstName lastName", "i1 Ada A", "i2 Bo B", "i3 Old B", by=","),
    "school": table(
        "schoolID number entityID name exclude", "10 0040 301240 High 0", "20 0060 301260 Low 0", by=","
    ),
    "calendar": table(
        "calendarID schoolID endYear startDate endDate exclude summerSchool",
        "900 10 2026 2025-09-02 2026-06-05 0 0",
        by=",",
    ),
    "enrollment": table(
        "enrollment.enrollmentID enrollment.personID enrollment.calendarID enrollment.startDate "
        "enrollment.endDate enrollment.serviceType enrollment.noShow enrollment.stateExclude "
        "3rdPartyServiceProvider schoolOverride grade",
        "300 1 900 2025-09-02 . P 0 0 cesa 20 09",
        "301 2 900 2025-09-02 . . 0 1 . 77 09",
        "302 2 900 2025-10-02 . . 0 0 . . 09",
        by=",",
    ),
    "instructionMode": table(
        "recordID personID startDate endDate instructionSchool learningModality",
        "m1 1 2025-09-08 . 0040 Remote",
        by=",",
    ),
    "edfi_config": "school_year\n2026\n",
}


def written(folder: Path, files: dict[str, str], suffix: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}{suffix}").write_text(text, encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def powerschool(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder = tmp_path_factory.mktemp("powerschool")
    return extract(written(folder, POWERSCHOOL, ".txt"), profile="nm-powerschool")


@pytest.fixture(scope="module")
def campus(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    return extract(written(tmp_path_factory.mktemp("campus"), CAMPUS, ".csv"), profile="wi-infinite-campus")


def test_powerschool_is_recognised_and_mapped(powerschool: Tables) -> None:
    student = powerschool.students.set_index("student_id").loc["5001"]
    columns = [
        "student_unique_id",
        "first_name",
        "state_exclude",
        "enroll_status",
        "current_school_id",
        "location_code",
    ]
    assert student[columns].tolist() == ["0012345", "Ada", False, 0, "101", "022"]
    assert powerschool.schools["alt_school_number"].tolist() == ["0", "-1"]
    assert powerschool.calendars[["calendar_id", "school_year"]].to_numpy().tolist() == [["1", 2026]]
    assert powerschool.preferences.to_numpy().tolist() == [["DistrictNumber", "089"]]
    assert powerschool.cte_records[["student_id", "industry_credential_code"]].to_numpy().tolist() == [
        ["5001", "ABC"]
    ]


def test_powerschool_enrollments_are_the_current_row_and_the_earlier_ones(powerschool: Tables) -> None:
    rows = (
        powerschool.enrollments[["enrollment_id", "student_id", "school_id", "is_current"]]
        .to_numpy()
        .tolist()
    )
    assert rows == [
        ["S5001", "5001", "101", True],
        ["S5002", "5002", "999999", True],
        ["R70", "5001", "102", False],
        ["R71", "99 (not in Students)", "102", False],
    ]
    assert powerschool.enrollments["end_date"].tolist() == [
        pd.Timestamp("2026-05-22"),
        pd.NaT,
        *[pd.Timestamp("2025-08-10")] * 2,
    ]


def test_a_decimal_number_is_refused_inside_a_made_up_id_too_com_nrm_2(powerschool: Tables) -> None:
    told = powerschool.skipped[["table", "file", "row", "rule"]].to_numpy().tolist()
    assert told == [
        ["students", "Students.txt", 4, "COM-NRM-2"],
        ["enrollments", "Students.txt", 4, "COM-NRM-2"],
    ]
    assert "column [Students]DCID" in powerschool.skipped["detail"][0]


def test_without_its_own_id_a_student_is_named_by_one_key_throughout(tmp_path: Path) -> None:
    files = {
        "Students": "DCID,State_StudentNumber,SchoolID,EntryDate\n5,9,101,8/11/2025\n",
        "ReEnrollments": "ID,StudentID,SchoolID,EntryDate\n1,5,101,8/1/2024\n",
    }
    tables = extract(written(tmp_path, files, ".csv"), profile="nm-powerschool")
    assert tables.enrollments[["enrollment_id", "student_id"]].to_numpy().tolist() == [
        ["S5", "5"],
        ["R1", "5"],
    ]


def test_an_extension_may_be_an_export_of_its_own(tmp_path: Path) -> None:
    files = {
        "Students": "DCID,State_StudentNumber,SchoolID,EntryDate\n5,9,101,8/11/2025\n6,8,101,8/11/2025\n",
        "S_NM_STU_X": "StudentsDCID,LocationCode\n6,007\n",
    }
    tables = extract(written(tmp_path, files, ".csv"), profile="nm-powerschool")
    assert tables.students["location_code"].fillna("-").tolist() == ["-", "007"]
    missing = tables.notices[tables.notices["table"].eq("enrollments")]
    assert "There is no table ReEnrollments; its rows are not read." in missing["detail"].tolist()


def test_infinite_campus_is_recognised_and_mapped(campus: Tables) -> None:
    assert campus.students[["student_id", "student_unique_id", "last_name"]].to_numpy().tolist() == [
        ["1", "7000000001", "A"],
        ["2", "7000000002", "B"],
    ]
    enrollment = campus.enrollments.set_index("enrollment_id").loc["300"]
    assert enrollment[["school_id", "third_party_provider", "override_ed_fi_school_id"]].tolist() == [
        "10",
        "CESA",
        301260,
    ]
    assert campus.schools["ed_fi_school_id"].tolist() == [301240, 301260]
    assert campus.instruction_mode_records["school_number"].tolist() == ["0040"]
    assert campus.edfi_config["school_year"].tolist() == [2026]


def test_an_override_that_names_no_school_sets_its_row_aside(campus: Tables) -> None:
    """An override that silently became empty would publish the enrollment under the wrong school."""
    [found] = campus.skipped.to_dict("records")
    assert (found["id"], found["file"], found["row"]) == ("301", "enrollment.csv", 3)
    assert "column schoolOverride: the cell names a row that school does not have." in found["detail"]


def test_an_override_to_a_school_without_an_entity_id_is_a_load_error(tmp_path: Path) -> None:
    """COM-NRM-2: it never becomes the enrollment's own school."""
    files = {**CAMPUS, "school": CAMPUS["school"].replace("20,0060,301260", "20,0060,")}
    skipped = extract(written(tmp_path, files, ".csv"), profile="wi-infinite-campus").skipped
    assert skipped["id"].tolist() == ["300", "301"]
    says = "column schoolOverride: the cell names a row of school that has no entityID."
    assert says in skipped["detail"].iloc[0]


def test_canonical_control_tables_may_be_next_to_the_tables_of_a_vendor(tmp_path: Path) -> None:
    """COM-CTL-3: however many they are, they do not decide that the others are canonical too."""
    controls = {
        "resource_preferences": "resource,enabled\nstudentProgramAssociations,1\n",
        "descriptor_map": "descriptor,local_code,ed_fi_uri\nProgramTypeDescriptor,M,uri://a.org/ProgramTypeDescriptor#M\n",
        "preferences": "name,value\nTheme,dark\n",
    }
    few = {name: CAMPUS[name] for name in ("person", "section504", "edfi_config") if name in CAMPUS}
    found = extract(written(tmp_path, {**few, **controls}, ".csv"), profile="wi-infinite-campus")
    assert found.students["student_unique_id"].tolist() == ["7000000001", "7000000002"]
    assert found.resource_preferences["enabled"].tolist() == [True]
    assert len(found.descriptor_map) == len(found.preferences) == len(found.edfi_config) == 1


def test_a_renamed_required_field_proposes_the_nearest(tmp_path: Path) -> None:
    files = {
        **CAMPUS,
        "enrollment": CAMPUS["enrollment"].replace("enrollment.startDate", "enrollment.startDte"),
    }
    with pytest.raises(
        SourceShapeError,
        match=r"enrollment\.csv has no column startDate.*Did you mean 'enrollment\.startDte'\?",
    ):
        extract(written(tmp_path, files, ".csv"), profile="wi-infinite-campus")


def test_a_renamed_optional_field_is_told_with_the_nearest(tmp_path: Path) -> None:
    files = {**CAMPUS, "enrollment": CAMPUS["enrollment"].replace("stateExclude", "stateExcluded")}
    notices = extract(written(tmp_path, files, ".csv"), profile="wi-infinite-campus").notices
    told = notices[notices["code"].eq("COM-NRM-6") & notices["id"].eq("state_exclude")]["detail"].tolist()
    assert told == [
        "enrollment.csv has no column stateExclude; state_exclude reads as empty. "
        "Did you mean 'enrollment.stateExcluded'?"
    ]


def test_rows_that_disagree_cannot_be_looked_up(tmp_path: Path) -> None:
    files = {**CAMPUS, "identity": "identityID,firstName,lastName\ni1,Ada,A\ni1,Ada,B\n"}
    with pytest.raises(SourceShapeError, match="several rows with the same identityID differ in lastName"):
        extract(written(tmp_path, files, ".csv"), profile="wi-infinite-campus")


def test_a_vendor_may_be_named_and_frames_may_be_mapped() -> None:
    frames = {
        "person": pd.DataFrame({"personID": ["1"], "wiseID": ["7"]}),
        "enrollment": [{"enrollmentID": "3", "personID": "1", "schoolID": "10", "startDate": "2025-09-02"}],
    }
    for mapping in ("auto", "infinite-campus"):
        tables = extract(frames, profile="wi-infinite-campus", mapping=mapping)
        assert tables.students["student_unique_id"].tolist() == ["7"]
        assert tables.enrollments["school_id"].tolist() == ["10"]


def test_canonical_tables_are_never_taken_for_a_vendor_s(tmp_path: Path) -> None:
    files = {
        "students": "student_id\n7\n",
        "schools": "school_id\n1\n",
        "enrollments": "enrollment_id,student_id,school_id,start_date\n1,7,1,2025-09-02\n",
    }
    assert extract(written(tmp_path, files, ".csv"), profile="nm-powerschool").enrollments[
        "enrollment_id"
    ].tolist() == ["1"]


def test_a_map_of_one_s_own(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[tables.students]\nfrom = "pupils"\n[tables.students.columns]\nstudent_id = "no"\n'
    )
    (tmp_path / "pupils.csv").write_text("No\n7\n")
    assert extract(tmp_path, profile="certification", mapping=tmp_path / "own.toml").students[
        "student_id"
    ].tolist() == ["7"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[tables", "is not valid TOML"),
        ("", "has no tables"),
        ('[tables.student]\nfrom = "a"', "Did you mean 'students'?"),
        ('[tables.students]\nfrom = "a"', "either query, or from and columns"),
        ('[tables.students]\nfrm = "a"', "Did you mean 'from'?"),
        ('[tables.students]\nfrom = "a"\ncolumns = { studentid = "a" }', "Did you mean 'student_id'?"),
        (
            '[tables.students]\nfrom = "a"\ncolumns = { student_id = { templat = "a" } }',
            "Did you mean 'template'?",
        ),
    ],
)
def test_a_wrong_map_is_refused_with_the_nearest_name(text: str, says: str) -> None:
    with pytest.raises(ConfigError) as refused:
        parse_map("own.toml", text)
    assert says in str(refused.value)


def test_an_unknown_mapping_names_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"Did you mean 'powerschool'\?"):
        extract(tmp_path, profile="certification", mapping="powerschol")
    with pytest.raises(ConfigError, match=r"There is no mapping .*own\.toml"):
        extract(tmp_path, profile="certification", mapping="own.toml")


@pytest.mark.parametrize(
    ("vendor", "profile"), [("powerschool", "nm-powerschool"), ("infinite-campus", "wi-infinite-campus")]
)
def test_a_vendor_s_map_feeds_every_table_and_key_of_its_profile(vendor: str, profile: str) -> None:
    assert set(source_maps()) >= {vendor}
    tables = vendor_map(vendor).tables
    assert set(profile_of(profile).tables) <= set(tables)
    for name, parts in tables.items():
        required = {column.name for column in TABLES[name].columns.values() if column.required}
        assert all(required <= part["columns"].keys() for part in parts)

"""Data Standard 4.0, as far as the certification and New Mexico's older shape need it."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.sandbox import create_app

URL = "studentCTEProgramAssociations"
HEALTH = "uri://ed-fi.org/CareerPathwayDescriptor#Health Science"


def a_program(**members):
    """One item of ctePrograms, with every member."""
    return {
        "careerPathwayDescriptor": HEALTH,
        "cipCode": "51.0000",
        "cteProgramCompletionIndicator": False,
        "primaryCTEProgramIndicator": True,
        **members,
    }


def test_cte_programs_are_kept_and_read_back(older_api):
    created = older_api.post(URL, older_api.association(ctePrograms=[a_program()]))
    assert created.status_code == 201, created.text
    shown = older_api.get(URL).json()[0]
    assert shown["ctePrograms"] == [a_program()]
    assert shown["services"] == []
    assert [service["cipCode"] for service in shown["cteProgramServices"]] == ["51.0000"]


def test_cte_programs_have_their_own_rules(older_api):
    unknown = "uri://ed-fi.org/CareerPathwayDescriptor#Alchemy"
    items = [a_program(), a_program(), {"cipCode": "x" * 121}, a_program(careerPathwayDescriptor=unknown)]
    answer = older_api.post(URL, older_api.association(ctePrograms=items))
    assert answer.status_code == 400
    assert answer.json()["validationErrors"] == {
        "$.ctePrograms": [
            "The 2nd item of the StudentCTEProgramAssociationCTEPrograms has the same identifying values "
            "as another item earlier in the list."
        ],
        "$.ctePrograms[2].careerPathwayDescriptor": ["CareerPathwayDescriptor is required."],
        "$.ctePrograms[2].cipCode": ["CIPCode must be at most 120 characters in length."],
        "$.ctePrograms[3].careerPathwayDescriptor": [
            f"CareerPathwayDescriptor value '{unknown}' does not exist."
        ],
    }


def test_with_5_2_cte_programs_are_a_member_nobody_knows(api):
    assert api.post(URL, api.association(ctePrograms=[a_program()])).status_code == 201
    assert "ctePrograms" not in api.get(URL).json()[0]


def test_what_came_with_5_is_not_there_yet(older_api):
    kind = "uri://ed-fi.org/EnrollmentTypeDescriptor#Nope"
    body = older_api.enrollment(entryDate="2024-08-19", enrollmentTypeDescriptor=kind, schoolChoice=True)
    assert older_api.post("studentSchoolAssociations", body).status_code == 201
    shown = older_api.get("studentSchoolAssociations", params={"entryDate": "2024-08-19"}).json()[0]
    assert not {"enrollmentTypeDescriptor", "schoolChoice"} & shown.keys()
    assert older_api.get("studentSection504ProgramAssociations").status_code == 404


def test_discovery_metadata_and_load_order_tell_the_standard(older_api):
    models = older_api.get("/").json()["dataModels"]
    assert models == [
        {"name": "Ed-Fi", "version": "4.0.0", "informationalVersion": "The Ed-Fi Data Model 4.0"}
    ]
    document = older_api.get("/metadata/data/v3/resources/swagger.json").json()
    schemas = document["components"]["schemas"]
    assert set(schemas["edFi_studentCTEProgramAssociationCTEProgram"]["properties"]) == {
        "careerPathwayDescriptor",
        "cipCode",
        "cteProgramCompletionIndicator",
        "primaryCTEProgramIndicator",
    }
    assert "enrollmentTypeDescriptor" not in schemas["edFi_studentSchoolAssociation"]["properties"]
    assert "/ed-fi/studentSection504ProgramAssociations" not in document["paths"]
    order = {
        entry["resource"]: entry["order"] for entry in older_api.get("/metadata/data/v3/dependencies").json()
    }
    assert order["/ed-fi/careerPathwayDescriptors"] < order["/ed-fi/studentCTEProgramAssociations"]
    assert len(older_api.get("careerPathwayDescriptors").json()) == 17


def test_a_data_file_keeps_its_standard(tmp_path):
    create_app(tmp_path / "ods.db", standard="4.0").state.sandbox.ods.store.close()
    with pytest.raises(ConfigError, match=r"holds another data standard than 5\.2"):
        create_app(tmp_path / "ods.db")


def test_only_some_standards_are_known():
    with pytest.raises(ConfigError, match=r"choose one of 5\.2, 4\.0, 6\.1"):
        create_app(standard="3.3")


def test_what_the_certification_needs_is_there_and_what_came_later_is_left_out(older_api):
    special = "studentSpecialEducationProgramAssociations"
    body = older_api.association(iepReviewDate="2024-10-01", specialEducationExitDate="2025-05-20")
    assert older_api.post(special, body).status_code == 201
    (shown,) = older_api.get(special).json()
    assert shown["iepReviewDate"] == "2024-10-01"
    assert not {"specialEducationExitDate", "shortenedSchoolDayIndicator"} & shown.keys()
    for gone in (
        "studentSection504ProgramAssociations",
        "studentSpecialEducationProgramEligibilityAssociations",
    ):
        assert older_api.get(gone).status_code == 404
        assert older_api.post(gone, body).status_code == 404
    assert older_api.get("section504DisabilityDescriptors").status_code == 404

"""The model: keys, equality of bodies, descriptor URIs."""

from __future__ import annotations

import pytest

from edfi_toolkit.model import (
    associations,
    body_hash,
    data_standard,
    descriptor_uri,
    descriptor_values,
    natural_key,
    same_body,
)

BODY = {
    "beginDate": "2025-08-23",
    "educationOrganizationReference": {"educationOrganizationId": 255901001},
    "programReference": {
        "educationOrganizationId": 255901,
        "programName": "Gifted",
        "programTypeDescriptor": "uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented",
    },
    "studentReference": {"studentUniqueId": "0012"},
    "services": [
        {"serviceDescriptor": "uri://ed-fi.org/ServiceDescriptor#A", "primaryIndicator": True},
        {"serviceDescriptor": "uri://ed-fi.org/ServiceDescriptor#B"},
    ],
}


def test_com_key_1_the_natural_key_has_six_parts_and_two_organizations():
    assert natural_key(BODY) == (
        "2025-08-23",
        255901001,
        255901,
        "Gifted",
        "uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented",
        "0012",
    )


def test_there_are_ten_associations_and_all_are_resources():
    assert len(associations()) == 10
    assert set(associations()) <= set(data_standard()["resources"])


@pytest.mark.parametrize(
    "changed",
    [
        {"id": "a1", "_etag": "5", "_lastModifiedDate": "2025-09-01T00:00:00Z"},
        {"endDate": None, "programParticipationStatuses": []},
        {"services": list(reversed(BODY["services"]))},
        {
            "studentReference": {
                "studentUniqueId": "0012",
                "link": {"rel": "Student", "href": "/ed-fi/students/1"},
            }
        },
        {
            "programReference": {
                **BODY["programReference"],
                "programTypeDescriptor": "URI://ED-FI.ORG/programtypedescriptor#gifted AND talented",
            }
        },
    ],
)
def test_com_eq_1_what_the_server_adds_and_order_and_descriptor_case_make_no_difference(changed):
    assert same_body(BODY, {**BODY, **changed})
    assert body_hash(BODY) == body_hash({**BODY, **changed})


@pytest.mark.parametrize(
    "changed",
    [
        {"endDate": "2026-05-23"},
        {"studentReference": {"studentUniqueId": "12"}},
        {"programReference": {**BODY["programReference"], "programName": "gifted"}},
        {"services": BODY["services"][:1]},
        {"servedOutsideOfRegularSession": False},
    ],
)
def test_com_eq_1_any_other_value_makes_a_difference(changed):
    assert not same_body(BODY, {**BODY, **changed})


def test_com_eq_1_a_number_is_one_value_however_it_is_written():
    assert same_body({"schoolHoursPerWeek": 25.0}, {"schoolHoursPerWeek": 25})
    assert not same_body({"multiplyDisabled": True}, {"multiplyDisabled": 1})


def test_com_pay_3_a_uri_stays_and_a_code_gets_the_namespace():
    assert (
        descriptor_uri("ServiceDescriptor", "uri://x.org/ServiceDescriptor#A")
        == "uri://x.org/ServiceDescriptor#A"
    )
    assert (
        descriptor_uri("ServiceDescriptor", "A/B", namespace="uri://x.org")
        == "uri://x.org/ServiceDescriptor#A/B"
    )


def test_com_pay_3_default_codes_get_the_spelling_the_standard_published():
    uri = descriptor_uri("ContinuationOfServicesReasonDescriptor", "x")
    assert uri == "uri://ed-fi.org/ContinuationofServicesReasonDescriptor#x"
    assert "uri://ed-fi.org/ProgramTypeDescriptor#Bilingual" in descriptor_values()["ProgramTypeDescriptor"]

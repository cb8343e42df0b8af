"""Every error shape of every release, and of what stands in front of it, becomes one Problem."""

from __future__ import annotations

import json

import pytest

from edfi_toolkit.ods import Problem
from edfi_toolkit.ods.problems import GATEWAY, parse_problem

URN = "urn:ed-fi:api:"


def parsed(status, body, **more):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return parse_problem(status, content, **more)


def test_problem_details_keep_type_paths_and_correlation_id():
    problem = parsed(
        400,
        {
            "detail": "Data validation failed. See 'validationErrors' for details.",
            "type": f"{URN}bad-request:data-validation-failed",
            "title": "Data Validation Failed",
            "status": 400,
            "correlationId": "c1c3",
            "validationErrors": {
                "$.beginDate": ["BeginDate is required."],
                "$.programReference.programName": ["too long", "and dangerous"],
            },
        },
        correlation_id="ours",
    )
    assert problem.type == f"{URN}bad-request:data-validation-failed"
    assert problem.title == "Data Validation Failed"
    assert problem.messages == (
        "$.beginDate: BeginDate is required.",
        "$.programReference.programName: too long",
        "$.programReference.programName: and dangerous",
    )
    assert problem.texts == (
        ("$.beginDate", "BeginDate is required."),
        ("$.programReference.programName", "too long"),
        ("$.programReference.programName", "and dangerous"),
    )
    assert (problem.status, problem.correlation_id) == (400, "c1c3")


def test_the_hint_in_the_detail_is_a_message_too():
    problem = parsed(
        403,
        {
            "detail": "Access could not be authorized. Hint: create a 'StudentSchoolAssociation' item.",
            "type": f"{URN}security:authorization",
            "title": "Authorization Denied",
            "status": 403,
            "errors": ["No relationships have been established."],
        },
    )
    assert problem.messages == (
        "No relationships have been established.",
        "Access could not be authorized. Hint: create a 'StudentSchoolAssociation' item.",
    )


def test_empty_members_of_the_data_management_service_say_nothing():
    problem = parsed(
        409,
        {
            "detail": "Gone.",
            "type": f"{URN}identity-conflict",
            "title": "T",
            "validationErrors": {},
            "errors": [],
        },
    )
    assert problem.messages == ("Gone.",)
    assert problem.is_a("identity-conflict")


def test_a_repeated_text_is_told_once():
    assert parsed(400, {"errors": ["same", "same"], "message": "same"}).messages == ("same",)


@pytest.mark.parametrize(
    ("status", "message", "kind"),
    [
        (400, "Validation of 'X' failed.", "bad-request:data-validation-failed"),
        (
            400,
            "Limit must be omitted or set to a value between 0 and 500.",
            "bad-request:parameter-validation-failed",
        ),
        (
            400,
            "Key values for this resource cannot be changed.",
            "bad-request:data-validation-failed:key-change-not-supported",
        ),
        (400, "A non-empty request body is required.", "bad-request"),
        (403, "Authorization denied. No relationships.", "security:authorization"),
        (404, "The specified resource could not be found.", "not-found"),
        (
            409,
            "The value supplied for the related 'studentSchoolAssociation' resource does not exist.",
            "data-conflict:unresolved-reference",
        ),
        (
            409,
            "The resource cannot be deleted because it is a dependency of the 'x' entity.",
            "data-conflict:dependent-item-exists",
        ),
        (
            409,
            "A natural key conflict occurred when attempting to create a new resource",
            "data-conflict:non-unique-identity",
        ),
        (409, "The value(s) supplied for property x is not unique.", "data-conflict:non-unique-values"),
        (409, "Something else.", "data-conflict"),
        (412, "Resource was modified by another consumer.", "optimistic-lock-failed"),
        (500, "An unexpected error occurred on the server.", "system"),
        (418, "Short and stout.", "http-418"),
    ],
)
def test_the_words_of_older_releases_amount_to_a_type(status, message, kind):
    problem = parsed(status, {"message": message})
    assert problem.type == URN + kind
    assert problem.messages == (message,)
    assert problem.detail == message


def test_an_older_message_is_split_into_its_lines():
    problem = parsed(400, {"message": "Validation of 'A' failed.\n\tStudent reference is wrong.\n"})
    assert problem.messages == ("Validation of 'A' failed.", "Student reference is wrong.")


def test_a_model_state_names_the_member():
    problem = parsed(
        400,
        {"message": "The request is invalid.", "modelState": {"request.studentReference": ["is required"]}},
    )
    assert problem.texts == (("$.studentReference", "is required"), ("", "The request is invalid."))
    assert problem.messages == ("$.studentReference: is required", "The request is invalid.")


def test_an_oauth_error_is_read():
    problem = parsed(400, {"error": "invalid_scope", "error_description": "not linked"})
    assert problem.messages == ("not linked", "invalid_scope")


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, "security:authentication"), (404, "not-found"), (503, "service-unavailable"), (599, "http-599")],
)
def test_no_body_leaves_the_words_of_the_status(status, kind):
    problem = parsed(status, b"  \n")
    assert problem.type == URN + kind
    assert problem.messages == (problem.title,)


@pytest.mark.parametrize(
    "page",
    [
        b"<html><head><title>x</title><style>a{}</style></head><body><!-- c --><h1>502 Bad Gateway</h1>",
        b"<!DOCTYPE html>\n<script>var a = 1;</script><h1>502 Bad Gateway</h1>",
    ],
)
def test_a_page_of_html_is_a_gateways(page):
    problem = parse_problem(502, page, content_type="text/html; charset=utf-8")
    assert problem.type == GATEWAY
    assert problem.messages == ("502 Bad Gateway",)
    assert parse_problem(502, page).type == GATEWAY


def test_plain_text_is_cut():
    problem = parse_problem(503, b"x" * 1000 + b"\nsecond", content_type="text/plain")
    assert problem.type == f"{URN}service-unavailable"
    assert problem.messages == ("x" * 200,)
    assert len(parse_problem(503, b"y" * 10_000).raw) == 2_000


@pytest.mark.parametrize("content", [b'{"detail": "cut o', b"[1, 2]", b"\xff\xfe\x00", b"17", b'"only text"'])
def test_no_answer_breaks_the_parser(content):
    problem = parse_problem(500, content)
    assert problem.type == f"{URN}system"
    assert problem.messages


def test_the_byte_order_mark_is_no_obstacle():
    assert parse_problem(400, b'\xef\xbb\xbf{"message": "Wrong."}').messages == ("Wrong.",)


def test_types_match_by_their_beginning():
    problem = Problem(f"{URN}security:authorization:access-denied:resource", "t", "d", (("", "m"),), 403)
    assert problem.is_a("security:authorization:access-denied")
    assert problem.is_a("bad-request", "security:authorization")
    assert not problem.is_a("security:auth")


def test_a_problem_does_not_show_what_it_quotes():
    problem = parsed(400, {"message": "Student 'S-40071' is unknown."})
    assert "S-40071" not in repr(problem)

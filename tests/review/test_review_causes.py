"""The knowledge base explains every answer the reference API gives."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.review.causes import by_cause, cause_of, causes, with_causes
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.rules.owners import OWNERS, SIS_CLERK
from edfi_toolkit.validation.check_texts import CHECK_TEXTS

URN = "urn:ed-fi:api:"
NO_RELATION = (
    "No relationships have been established between the caller's education organization id claim (628101) "
    "and one or more of the following properties of the resource item: "
    "'EducationOrganizationId', 'StudentUniqueId'."
)


PROBLEM_TYPES = [
    ("security:authorization", 403, NO_RELATION, "not-enrolled"),
    ("security:authorization:access-denied:resource", 403, "claim set", "resource-not-granted"),
    ("security:authorization:access-denied:action", 403, "", "action-not-granted"),
    ("security:authorization:namespace:access-denied:namespace-mismatch", 403, "", "namespace"),
    ("security:authorization:ownership:access-denied:ownership-mismatch", 403, "", "ownership"),
    ("security:authorization:no-client-details", 403, "", "not-allowed"),
    ("security:data-policy:incorrect-usage", 403, "", "api-profile"),
    ("profile:method-usage", 405, "", "api-profile"),
    (
        "data-conflict:unresolved-reference",
        409,
        "The referenced 'Program' item does not exist.",
        "program-missing",
    ),
    (
        "data-conflict:unresolved-reference",
        409,
        "The referenced 'Student' item does not exist.",
        "student-missing",
    ),
    (
        "data-conflict:unresolved-reference",
        409,
        "The referenced 'EducationOrganization' item does not exist.",
        "organization-missing",
    ),
    (
        "data-conflict:unresolved-reference",
        409,
        "The referenced 'Cohort' item does not exist.",
        "reference-missing",
    ),
    ("data-conflict:dependent-item-exists", 409, "", "delete-blocked"),
    ("data-conflict:non-unique-identity", 409, "", "key-taken"),
    ("identity-conflict", 409, "", "key-taken"),
    ("data-conflict:non-unique-values", 409, "", "value-taken"),
    ("data-conflict:multi-user-conflict", 409, "", "changed-meanwhile"),
    ("data-conflict:some-new-leaf", 409, "", "conflict"),
    ("optimistic-lock-failed", 412, "", "changed-meanwhile"),
    ("bad-request:data-validation-failed:key-change-not-supported", 400, "", "key-change"),
    (
        "bad-request:data-validation-failed",
        400,
        "ProgramTypeDescriptor value 'uri://ed-fi.org/ProgramTypeDescriptor#Nope' does not exist.",
        "code-unknown",
    ),
    ("bad-request:data-validation-failed", 400, "BeginDate is required.", "value-required"),
    (
        "bad-request:data-validation-failed",
        400,
        "ProgramReference is missing the following properties: ProgramName",
        "value-required",
    ),
    (
        "bad-request:data-validation-failed",
        400,
        "must be at most 120 characters in length.",
        "value-too-long",
    ),
    ("bad-request:data-validation-failed", 400, "Could not convert string to boolean", "value-wrong"),
    ("bad-request:data-policy-enforced", 400, "", "api-profile"),
    ("bad-request", 400, "A non-empty request body is required.", "empty-request"),
    ("bad-request", 400, "Unexpected character encountered while parsing value: x.", "unreadable"),
    ("unsupported-media-type", 415, "", "unreadable"),
    ("not-found", 404, "Resource to update was not found.", "gone"),
    ("security:authentication", 401, "", "login"),
    ("security:authentication:too-many-tokens", 429, "", "too-many-tokens"),
    ("too-many-requests", 429, "", "busy"),
    ("system", 500, "", "ods-unavailable"),
    ("system:database-connection", 500, "", "ods-unavailable"),
    ("system:configuration:security", 500, "", "ods-configuration"),
]
OLDER_ANSWERS = [
    (403, "Authorization denied. No relationships have been established", "not-enrolled"),
    (409, "The value supplied for the related 'program' resource does not exist.", "program-missing"),
    (409, "The value supplied for the related 'student' resource does not exist.", "student-missing"),
    (
        409,
        "The value supplied for the related 'studentSchoolAssociation' resource does not exist.",
        "reference-missing",
    ),
    (
        400,
        "Unable to resolve value 'uri://x#Y' to an existing 'ProgramTypeDescriptor' resource",
        "code-unknown",
    ),
    (
        400,
        "Validation of 'StudentSchoolAssociation' failed.\n\tStudent reference could not be resolved.\n",
        "student-missing",
    ),
    (
        409,
        "The resource cannot be deleted because it is a dependency of the 'x' entity.",
        "delete-blocked",
    ),
    (409, "A natural key conflict occurred when attempting to create a new resource", "key-taken"),
    (412, "Resource was modified by another consumer.", "changed-meanwhile"),
    (400, "The request is invalid.", "value-wrong"),
    (502, "<html>", "ods-unavailable"),
    (403, "", "refused-403"),
    (413, "", "too-large"),
    (401, "invalid_client", "login"),
    (418, "I am a teapot", "unknown"),
    (None, "", "unknown"),
    (409, "No such wording", "conflict-409"),
    (None, "Its DELETE was not delivered.", "waits-for-delete"),
]


@pytest.mark.parametrize(("kind", "status", "message", "cause"), PROBLEM_TYPES)
def test_a_problem_type_has_its_cause(kind: str, status: int, message: str, cause: str) -> None:
    assert cause_of(URN + kind, status, [message]).id == cause


@pytest.mark.parametrize(("status", "message", "cause"), OLDER_ANSWERS)
def test_an_answer_of_an_older_server_or_a_gateway_has_its_cause(
    status: int | None, message: str, cause: str
) -> None:
    assert cause_of(None, status, [message]).id == cause


WHILE_CREATING = [
    (URN + "not-found", 404, "The specified data could not be found.", "resource-missing"),
    (None, 404, "", "resource-missing"),
]


@pytest.mark.parametrize(("kind", "status", "message", "cause"), WHILE_CREATING)
def test_a_create_that_finds_no_such_resource_has_a_cause_of_its_own(
    kind: str | None, status: int, message: str, cause: str
) -> None:
    assert cause_of(kind, status, [message], "POST").id == cause
    assert cause_of(kind, status, [message], "PUT").id == "gone"


WHILE_DELETING = [
    (URN + "security:authorization", 403, NO_RELATION, "delete-out-of-reach"),
    (None, 403, NO_RELATION, "delete-out-of-reach"),
    (URN + "data-conflict:dependent-item-exists", 409, "", "delete-blocked"),
]


@pytest.mark.parametrize(("kind", "status", "message", "cause"), WHILE_DELETING)
def test_a_delete_that_is_refused_has_a_cause_of_its_own(
    kind: str | None, status: int, message: str, cause: str
) -> None:
    assert cause_of(kind, status, [message], "DELETE").id == cause


def test_every_rule_and_check_names_an_owner_there_is() -> None:
    named = {rule.who for rule in RULES.values() if rule.who} | {check.who for check in CHECK_TEXTS.values()}
    assert named <= set(OWNERS), "an owner that no list, sheet or option knows"


def test_every_entry_is_reached_says_what_to_do_and_the_last_one_always_holds() -> None:
    reached = {case[-1] for case in (*PROBLEM_TYPES, *OLDER_ANSWERS, *WHILE_CREATING, *WHILE_DELETING)}
    assert sorted(each.id for each in causes()) == sorted(reached)
    assert {each.who for each in causes()} == set(OWNERS) - {SIS_CLERK}  # named by whose table a cell is in
    assert {each.again for each in causes()} == {
        "yes",
        "after the fix",
        "after a comparison",
        "with a new preview",
    }
    assert causes()[-1].when == ({},)
    assert all(each.says.endswith(".") and each.todo.endswith(".") for each in causes())


def some_rejections() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "action": "POST",
            "student_unique_id": ["1", "2", "2", "3"],
            "problem_type": [
                URN + "system",
                URN + "security:authorization",
                URN + "security:authorization",
                None,
            ],
            "status": pd.array([500, 403, 403, None], dtype="Int64"),
            "messages": [["x"], [NO_RELATION], [NO_RELATION], None],
        }
    )


def test_rejections_are_grouped_by_cause_most_frequent_first() -> None:
    grouped = by_cause(some_rejections())

    assert grouped[["cause_id", "rejections", "students", "message"]].values.tolist() == [
        ["not-enrolled", 2, 1, NO_RELATION],
        ["ods-unavailable", 1, 1, "x"],
        ["unknown", 1, 1, ""],
    ]


def test_no_rejections_make_an_empty_table_with_the_same_columns() -> None:
    none = some_rejections().head(0)

    assert with_causes(none).columns[-6:].tolist() == ["cause_id", "cause", "says", "todo", "who", "again"]
    assert by_cause(none).columns.tolist() == by_cause(some_rejections()).columns.tolist()

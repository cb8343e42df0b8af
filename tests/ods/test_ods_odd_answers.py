"""Answers that no API should give: a reading ends with one sentence of our own, and never goes on for ever."""

from __future__ import annotations

import pytest
from starlette.responses import JSONResponse

from edfi_toolkit.errors import OdsError
from edfi_toolkit.ods.problems import parse_problem

RESOURCE = "studentProgramAssociations"


def rows(number: int) -> list[dict[str, str]]:
    return [{"id": f"{number}-{n}"} for n in range(3)]


@pytest.mark.parametrize("following", [lambda n: "AB"[n % 2], lambda n: "A"], ids=["alternating", "the same"])
def test_page_tokens_that_lead_in_a_circle_end_the_reading(ods, client, following):
    ods.reply = lambda request, body, number: JSONResponse(
        rows(number), headers={"Next-Page-Token": following(number)}
    )
    with pytest.raises(OdsError, match="circle"):
        client.read_all(RESOURCE)
    assert len(ods.seen) < 10


def test_ever_new_tokens_of_empty_pages_end_the_reading(ods, client):
    ods.reply = lambda request, body, number: JSONResponse([], headers={"Next-Page-Token": f"t{number}"})
    with pytest.raises(OdsError, match="circle"):
        client.read_all(RESOURCE)
    assert len(ods.seen) < 110


@pytest.mark.parametrize("answer", [[1, 2, 3], ["x"], [None], {"rows": []}, "text", 7, None])
def test_what_is_no_list_of_records_is_refused(ods, client, answer):
    ods.reply = lambda request, body, number: JSONResponse(answer)
    with pytest.raises(OdsError, match="something else"):
        client.read_all(RESOURCE)


@pytest.mark.parametrize("answer", [[], [1], "text", 7, None])
def test_what_is_no_record_is_never_taken_for_one(ods, client, answer):
    ods.reply = lambda request, body, number: JSONResponse(answer)
    with pytest.raises(OdsError, match="something else"):
        client.get(RESOURCE, "1")


@pytest.mark.parametrize("total", ["many", "-1", "1e3", "9" * 5_000, ""])
def test_a_total_that_is_no_number_is_refused(ods, client, total):
    ods.reply = lambda request, body, number: JSONResponse(rows(1), headers={"Total-Count": total})
    with pytest.raises(OdsError, match="no whole number"):
        client.count(RESOURCE)


@pytest.mark.parametrize("newest", ["x", [1], {"a": 1}, 1.5, True, -3])
def test_change_versions_that_are_no_numbers_are_refused(ods, client, newest):
    ods.tracks_changes, ods.version = True, newest
    with pytest.raises(OdsError, match="no whole number"):
        client.change_versions()


def test_a_problem_of_a_thousand_levels_is_read():
    deep = b'{"errors":' + b"[" * 1_000 + b'"x"' + b"]" * 1_000 + b"}"
    assert parse_problem(400, deep).status == 400

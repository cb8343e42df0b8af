"""Whatever is sent, the sandbox answers as a host would, and never with an error of its own."""

from __future__ import annotations

import json

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from edfi_toolkit.sandbox.query import write_token
from edfi_toolkit.sandbox.store import Row
from tests.proofs import bounded

URL = "studentCTEProgramAssociations"
MODEST = bounded(30, proof=1000, ignored=HealthCheck)

values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
members = st.sampled_from(
    [
        "beginDate",
        "endDate",
        "privateCTEProgram",
        "reasonExitedDescriptor",
        "educationOrganizationReference",
        "programReference",
        "studentReference",
        "cteProgramServices",
        "programParticipationStatuses",
        "PROGRAMREFERENCE",
    ]
)


def test_any_value_of_any_member_is_judged(api):
    @MODEST
    @given(st.dictionaries(members, values, min_size=1, max_size=3))
    def judge(changes):
        body = api.association() | changes
        content = json.dumps(body).encode("utf-8", "replace")
        answer = api.ask("POST", URL, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 201, 400, 403, 409), answer.text

    judge()


def test_any_value_inside_a_reference_or_an_item_is_judged(api):
    @MODEST
    @given(values, values, values)
    def judge(organization, name, code):
        program = {
            "educationOrganizationId": organization,
            "programName": name,
            "programTypeDescriptor": code,
        }
        item = {"cteProgramServiceDescriptor": code, "cipCode": name, "primaryIndicator": organization}
        body = api.association(programReference=program, cteProgramServices=[item, item, code])
        content = json.dumps(body).encode("utf-8", "replace")
        answer = api.ask("POST", URL, content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code in (200, 201, 400, 403, 409), answer.text

    judge()


def test_any_bytes_are_a_bad_request(api):
    @MODEST
    @given(st.binary(max_size=60))
    def send(content):
        for verb, path in (("POST", URL), ("PUT", f"{URL}/{'0' * 32}")):
            answer = api.ask(verb, path, content=content, headers={"Content-Type": "application/json"})
            assert answer.status_code in (400, 404), answer.text

    send()


def test_any_query_is_answered(api):
    numbers = st.integers() | st.sampled_from([2**31, 2**63, -(2**63), 10**30])
    tokens = st.tuples(numbers, numbers).map(lambda pair: write_token(*pair))
    names = st.sampled_from(
        [
            "limit",
            "offset",
            "pageToken",
            "pageSize",
            "id",
            "beginDate",
            "studentUniqueId",
            "privateCTEProgram",
        ]
        + ["programTypeDescriptor", "educationOrganizationId", "minChangeVersion", "number", "x"]
    )

    @MODEST
    @given(st.dictionaries(names, st.text(max_size=12) | numbers.map(str) | tokens, max_size=3))
    def ask(query):
        query = {name: value.encode("utf-8", "replace").decode() for name, value in query.items()}
        for path in (URL, f"{URL}/partitions", f"{URL}/deletes"):
            assert api.get(path, params=query).status_code in (200, 400)

    ask()


def test_a_time_is_told_as_the_host_tells_it():
    row = Row(1, "", "", "", None, None, 638_925_051_091_234_567, 1, "{}")
    assert (row.modified_at, row.etag) == ("2025-09-03T14:05:09.1234567Z", "5250611069518622471")
    assert (
        Row(1, "", "", "", None, None, 638_925_051_090_000_000, 1, "{}").modified_at == "2025-09-03T14:05:09Z"
    )

"""The OAuth endpoints: a token, and what a token is good for."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl

import orjson

from edfi_toolkit.sandbox import problems
from edfi_toolkit.sandbox.convert import guid
from edfi_toolkit.sandbox.core import Ods
from edfi_toolkit.sandbox.oauth import OAuthError, token_request
from edfi_toolkit.sandbox.wire import Call, Reply, json_reply

_OWN_ID = {
    "schools": "school_id",
    "localEducationAgencies": "local_education_agency_id",
    "educationServiceCenters": "education_service_center_id",
    "stateEducationAgencies": "state_education_agency_id",
}


def _form(call: Call) -> dict[str, str]:
    """The members of a form-encoded or JSON body, by lower-case name."""
    media = (call.headers.get("content-type") or "").partition(";")[0].strip().lower()
    if not media:
        raise problems.wrong_media("The 'Content-Type' header is missing.")
    if media == "application/x-www-form-urlencoded":
        pairs = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
    elif media == "application/json":
        try:
            found = orjson.loads(call.body)
        except orjson.JSONDecodeError:
            found = {}
        pairs = [(name, str(value)) for name, value in found.items()] if isinstance(found, dict) else []
    else:
        raise problems.wrong_media(
            "The value specified in the 'Content-Type' header is not supported by this host."
        )
    return {name.lower(): value for name, value in pairs}


def answer_token(ods: Ods, call: Call) -> Reply:
    """POST oauth/token."""
    if call.method != "POST":
        raise problems.unsupported(call.method, "POST")
    try:
        answer = token_request(
            ods.directory, call.headers.get("authorization"), _form(call), ods.hierarchy.claims
        )
    except OAuthError as error:
        return json_reply(error.body, error.status)
    return json_reply(answer, headers={"Cache-Control": "no-store"})


def answer_token_info(ods: Ods, call: Call) -> Reply:
    """POST oauth/token_info: the caller's claim set, organizations and rights."""
    if call.method != "POST":
        raise problems.unsupported(call.method, "POST")
    header = call.headers.get("authorization")
    try:
        client = ods.directory.caller(header)
    except problems.Refusal:
        return Reply(401)
    token = guid(_form(call).get("token"))
    if token is None:
        raise _bad_token(
            "An invalid token was provided",
            "The token was not present, or was not processable as a GUID value.",
        )
    if token != guid(str(header).split()[-1]):
        raise _bad_token(
            "The authentication token and the token to inspect must match.",
            "The authentication token (header) and the token to inspect in the body must match.",
        )
    reachable = sorted(ods.hierarchy.below(ods.hierarchy.claims(client)) & set(ods.hierarchy.kinds))
    order = ("Create", "Read", "Update", "Delete", "ReadChanges")
    return json_reply(
        {
            "active": True,
            "client_id": client.key,
            "namespace_prefixes": list(client.namespaces),
            "education_organizations": [_organization(ods, number) for number in reachable],
            "student_identification_system": None,
            "assigned_profiles": [],
            "claim_set": {"name": client.claim_set},
            "resources": [
                {"resource": f"/ed-fi/{endpoint}", "operations": [a for a in order if a in granted]}
                for endpoint in ods.catalog.endpoints.values()
                if (granted := client.actions(ods.catalog.shape(endpoint)))
            ],
            "services": [],
        }
    )


def _organization(ods: Ods, number: int) -> dict[str, Any]:
    kinds = ods.hierarchy.kinds
    above = sorted(ods.hierarchy.above([number]), key=lambda other: (other != number, other))
    return {
        "education_organization_id": number,
        "name_of_institution": ods.hierarchy.names[number],
        "type": f"edfi.{ods.catalog.shape(kinds[number]).name}",
        **{_OWN_ID[kinds[other]]: other for other in above if other in kinds},
    }


def _bad_token(detail: str, error: str) -> problems.Refusal:
    return problems.Refusal(400, "bad-request", "Bad Request", detail, errors=[error])

"""Addresses: taken from the API, seen from where the user stands."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError, OdsError
from edfi_toolkit.ods.discovery import read_discovery
from edfi_toolkit.settings import Target


def a_target(base_url="https://ods.example/api", **more):
    return Target("state", base_url, **more)


def a_document(root="https://ods.example/api", prefix="", **members):
    return {
        "version": "7.3",
        "applicationName": "Ed-Fi Alliance ODS/API",
        "informationalVersion": "7.3.2",
        "suite": "3",
        "dataModels": [{"name": "TPDM", "version": "1.1"}, {"name": "Ed-Fi", "version": "5.2.0"}],
        "urls": {
            "dependencies": f"{root}{prefix}/metadata/data/v3/dependencies",
            "openApiMetadata": f"{root}{prefix}/metadata/",
            "oauth": f"{root}{prefix}/oauth/token",
            "oauthTokenIntrospection": f"{root}{prefix}/oauth/token_info",
            "dataManagementApi": f"{root}{prefix}/data/v3/",
            "changeQueries": f"{root}{prefix}/changeQueries/v1/",
        },
        **members,
    }


def test_addresses_are_taken_from_the_document():
    found = read_discovery(a_document(), a_target())
    assert found.data == "https://ods.example/api/data/v3/"
    assert found.oauth == "https://ods.example/api/oauth/token"
    assert found.change_queries == "https://ods.example/api/changeQueries/v1/"
    assert found.data_standard == "5.2.0"
    assert found.collection("students") == "https://ods.example/api/data/v3/ed-fi/students"
    assert found.collection("tpdm/candidates") == "https://ods.example/api/data/v3/tpdm/candidates"


def test_the_users_scheme_and_host_win_and_http_is_never_stepped_down_to():
    document = a_document(root="http://inner-name:8080/api")
    found = read_discovery(document, a_target())
    addresses = [
        found.data,
        found.oauth,
        found.token_info,
        found.dependencies,
        found.openapi,
        found.change_queries,
    ]
    assert all(str(address).startswith("https://ods.example/api/") for address in addresses)


@pytest.mark.parametrize("braces", ["{{{}}}", "%7B{}%7D", "%7b{}%7d"])
def test_placeholders_are_filled_in(braces):
    names = ("tenantIdentifier", "instanceName", "schoolYearFromRoute")
    prefix = "".join(f"/{braces.format(name)}" for name in names)
    found = read_discovery(
        a_document(prefix=prefix), a_target(tenant="t1", instance="north", school_year=2026)
    )
    assert found.data == "https://ods.example/api/t1/north/2026/data/v3/"
    assert found.oauth == "https://ods.example/api/t1/north/2026/oauth/token"


@pytest.mark.parametrize(
    ("name", "member"),
    [("tenantIdentifier", "tenant"), ("schoolYearFromRoute", "school_year"), ("districtCode", "instance")],
)
def test_a_placeholder_without_a_value_stops_with_the_setting_to_make(name, member):
    with pytest.raises(ConfigError, match=rf"'{name}'. Set {member} under \[targets.state\]"):
        read_discovery(a_document(prefix=f"/{{{name}}}"), a_target())


def test_a_year_specific_older_api_is_asked_for_the_targets_year():
    document = a_document(apiMode="Year Specific", version="6.2")
    document["urls"]["dataManagementApi"] = "https://ods.example/api/data/v3/2027/"
    assert (
        read_discovery(document, a_target(school_year=2026)).data == "https://ods.example/api/data/v3/2026/"
    )
    assert read_discovery(document, a_target()).data == "https://ods.example/api/data/v3/2027/"


def test_missing_and_unknown_members_are_tolerated():
    document = {
        "surprise": [1],
        "dataModels": [{"version": "1"}, "text", {"name": "Ed-Fi"}],
        "urls": {
            "oauth": "/oauth/token",
            "dataManagementApi": "/data",
            "oneRoster": "x",
            "changeQueries": None,
        },
    }
    found = read_discovery(document, a_target("https://ods.example"))
    assert found.data == "https://ods.example/data/"
    assert (found.version, found.change_queries, found.dependencies, found.mode) == (None, None, None, None)


@pytest.mark.parametrize(
    "document", [None, [], "Healthy", {}, {"urls": {}}, {"urls": {"oauth": "x"}}, {"urls": 1}]
)
def test_something_else_than_an_ed_fi_api_is_recognised(document):
    with pytest.raises(OdsError, match="before /data/v3"):
        read_discovery(document, a_target())

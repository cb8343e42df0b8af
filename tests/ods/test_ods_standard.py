"""Which data standard a target has: what it names, and what it serves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from edfi_toolkit.errors import OdsError
from edfi_toolkit.model import standards
from edfi_toolkit.ods import Discovery, standard_of
from edfi_toolkit.ods.standard import served_members
from edfi_toolkit.rules import build
from edfi_toolkit.sandbox import create_app
from tests.factories.district import in_process

CTE = "studentCTEProgramAssociations"


@dataclass
class Host:
    """What a host says of itself."""

    version: str | None
    document: Any = field(default_factory=dict)

    @property
    def discovery(self) -> Discovery:
        return Discovery(
            "http://ods.test/data/v3/", "http://ods.test/oauth/token", data_standard=self.version
        )

    def openapi(self) -> dict[str, Any]:
        if isinstance(self.document, Exception):
            raise self.document
        return self.document


def swagger(standard: str) -> dict[str, Any]:
    """A document as releases before 7.1 wrote it."""
    names = {endpoint: f"edFi_{endpoint[:-1]}" for endpoint in standards.associations(standard)}
    return {
        "paths": {
            f"/ed-fi/{endpoint}": {
                "post": {"parameters": [{"in": "body", "schema": {"$ref": f"#/definitions/{name}"}}]}
            }
            for endpoint, name in names.items()
        },
        "definitions": {
            name: {"properties": {member: {} for member in standards.members(endpoint, standard)}}
            for endpoint, name in names.items()
        },
    }


@pytest.mark.parametrize("standard", standards.STANDARDS)
def test_the_sandbox_has_the_standard_it_was_started_with(standard: str) -> None:
    with in_process(create_app(standard=standard)) as client:
        assert standard_of(client) == f"{standard}.0"
        assert served_members(client.openapi())[CTE] - {"id"} == standards.members(CTE, standard)


@pytest.mark.parametrize(
    ("version", "served", "found"),
    [
        ("4.0.0", "4.0", "4.0.0"),
        ("5.2.0", "4.0", "4.0"),  # what is served outranks the version
        ("4.0.0", "5.2", "5.2"),
        ("9.0.0", "6.1", "9.0.0"),  # not known, and nearest is what it serves
        ("9.0.0", "5.2", "5.2"),
    ],
)
def test_what_is_served_outranks_the_version(version: str, served: str, found: str) -> None:
    assert standard_of(Host(version, swagger(served))) == found


@pytest.mark.parametrize(
    "document", [{}, {"paths": 7}, {"paths": {f"/ed-fi/{CTE}": {"post": []}}}, OdsError("no")]
)
def test_without_a_document_that_can_be_read_the_version_counts(document: Any) -> None:
    assert standard_of(Host("4.0.0", document)) == "4.0.0"


@pytest.mark.parametrize(
    ("version", "found"),
    [
        ("\x074.0.0\x07 of Zed", "4.0.0"),
        ("9" * 5_000, "9999"),
        ("5.2.0.1.2.3", "5.2.0.1"),
        ("5.2-b7", "5.2"),
    ],
)
def test_only_the_numbers_of_a_version_go_on(version: str, found: str) -> None:
    assert standard_of(Host(version)) == found


@pytest.mark.parametrize("version", [None, "newest", ""])
def test_a_host_that_names_no_version_decides_nothing(version: str | None) -> None:
    assert standard_of(Host(version, swagger("4.0"))) is None


def test_a_version_from_the_future_is_said_and_the_nearest_is_built() -> None:
    settings = {"data_standard": standard_of(Host("9.0.0", swagger("6.1")))}
    made = build({"edfi_config": [{"school_year": 2026}]}, profile="certification", settings=settings)
    (told,) = made.notices[made.notices["code"].eq("STANDARD_UNKNOWN")].to_dict("records")
    assert told["detail"] == (
        "Data Standard 9.0.0 is not known here; the records are built for 6.1, the nearest that is."
    )
    assert made.standard == "6.1"


@pytest.mark.parametrize("of_year", ["4.0", "newest"])
def test_what_somebody_wrote_gives_one_warning_and_the_target_decides(of_year: str) -> None:
    tables = {"edfi_config": [{"school_year": 2026, "data_standard": of_year}]}
    made = build(tables, profile="certification", settings={"data_standard": "5.2.0"})
    (told,) = made.notices[made.notices["code"].eq("STANDARD_DIFFERS")].to_dict("records")
    assert told["detail"] == (
        f"The records are built for Data Standard 5.2.0; edfi_config names Data Standard {of_year}."
    )
    assert made.standard == "5.2"

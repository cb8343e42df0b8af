"""The data standards side by side, and which of them a host has."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model import standards

SPECIAL = "studentSpecialEducationProgramAssociations"
CTE = "studentCTEProgramAssociations"


def served(version, *, without=()):
    """What a host of that standard says of its associations."""
    return {
        endpoint: standards.members(endpoint, version)
        for endpoint in standards.associations(version)
        if endpoint not in without
    }


def test_each_standard_has_its_associations():
    assert {version: len(standards.associations(version)) for version in standards.STANDARDS} == {
        "5.2": 10,
        "4.0": 9,
        "6.1": 10,
    }
    assert "studentSection504ProgramAssociations" not in standards.associations("4.0")


def test_special_education_dates_have_other_names_in_6_1():
    older = {"iepReviewDate", "lastEvaluationDate"}
    newer = {"iepLastReviewDate", "iepLastEvaluationDate", "iepReviewDueDate", "iepEvaluationDueDate"}
    assert standards.members(SPECIAL, "6.1") - standards.members(SPECIAL, "5.2") == newer
    assert standards.members(SPECIAL, "5.2") - standards.members(SPECIAL, "6.1") == older
    assert standards.renamed(SPECIAL, "6.1") == {
        "iepReviewDate": "iepLastReviewDate",
        "lastEvaluationDate": "iepLastEvaluationDate",
    }
    for version in ("4.0", "5.2"):
        assert standards.renamed(SPECIAL, version)["iepLastReviewDate"] == "iepReviewDate"
    assert standards.renamed(CTE, "6.1") == {}


@pytest.mark.parametrize("version", ["4.0", "6.1"])
def test_a_collection_that_is_gone_is_gone_with_its_items(version):
    for facts in standards.resources(version).values():
        tops = {path.split(".")[1].removesuffix("[*]") for path in facts["properties"]}
        assert tops == {path[2:] for path in facts["properties"] if path.count(".") == 1 and "[" not in path}
        assert set(facts["required"]) <= tops
        assert set(facts["identity"]) <= set(facts["properties"])
        assert {path for paths in facts["queryParameters"].values() for path in paths} <= set(
            facts["properties"]
        )


@pytest.mark.parametrize(
    ("version", "known"),
    [
        ("5.2", "5.2"),
        ("5.2.0", "5.2"),
        ("5.0.0", "5.2"),
        ("4.0.0", "4.0"),
        ("3.3.1-b", "4.0"),
        ("6.0.0", "6.1"),
        ("7.1", "6.1"),
        ("DS5", "5.2"),
    ],
)
def test_a_version_that_is_not_known_has_a_nearest_one(version, known):
    assert standards.nearest(version) == known
    assert standards.is_known(version) == (known[0] in version[:3])


def test_a_text_that_is_no_version_is_refused():
    with pytest.raises(ConfigError, match="'newest' names no data standard"):
        standards.nearest("newest")


@pytest.mark.parametrize("version", standards.STANDARDS)
@pytest.mark.parametrize("said", ["4.0.0", "5.2.0", "6.1.0", "9.0"])
def test_what_a_host_serves_outranks_the_version_it_names(version, said):
    assert standards.fitting(said, served(version)) == version


def test_a_host_that_serves_little_or_nothing_known_is_taken_at_its_word():
    assert standards.fitting("4.0.0", {}) == "4.0"
    assert standards.fitting("6.1.0", {CTE: standards.members(CTE, "6.1")}) == "6.1"
    between = {SPECIAL: {"iepReviewDate", "lastEvaluationDate"}, CTE: standards.members(CTE, "5.2")}
    assert standards.fitting("5.0.0", between) == "5.2"


def test_the_type_of_a_member_is_known_by_its_name_wherever_it_is_in_a_body() -> None:
    names = ("homelessUnaccompaniedYouth", "primaryIndicator", "dosage", "schoolHoursPerWeek", "tutorName")
    types = ["boolean", "boolean", "integer", "number", "string"]
    assert [standards.type_of_member(name) for name in names] == types

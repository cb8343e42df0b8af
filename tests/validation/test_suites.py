"""The committed suites: what they cover, and that they follow from the model."""

from __future__ import annotations

import subprocess
import sys

import pytest

from edfi_toolkit.model import associations, standards
from edfi_toolkit.rules import profile, profiles
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.rules.certification.rules import SHEET
from edfi_toolkit.tables import TABLES
from edfi_toolkit.validation.check_texts import CHECK_TEXTS, SEVERITIES
from edfi_toolkit.validation.suite_files import read, shipped_folder
from edfi_toolkit.validation.suites import suites, write


def test_writing_the_suites_again_changes_nothing(tmp_path):
    write(tmp_path)
    for path in sorted(tmp_path.iterdir()):
        committed = shipped_folder() / path.name
        assert committed.read_bytes() == path.read_bytes(), (
            f"run python -m edfi_toolkit.validation.suites ({path.name})"
        )


def test_every_association_and_every_table_has_a_suite():
    names = set(suites())
    assert set(associations()) <= names
    assert {name.removeprefix("source.") for name in names if name.startswith("source.")} == set(TABLES)


FILES = sorted(shipped_folder().glob("*.json"))
OF_PROFILES = [path for each in profiles().values() for path in sorted(each.suites.glob("*.json"))]


@pytest.mark.parametrize("path", [*FILES, *OF_PROFILES], ids=lambda path: path.stem)
def test_every_expectation_says_what_is_wrong_what_to_do_and_who_says_so(path):
    suite, name = read(path), path.stem
    assert name in (suite.subject, f"{suite.profile}.{suite.subject}")
    assert suite.expectations
    for rule in suite.expectations:
        assert rule["meta"]["rule_id"] in CHECK_TEXTS.keys() | RULES.keys()
        assert rule["severity"] in SEVERITIES
        assert rule["meta"]["says"].endswith(".")
        assert rule["meta"]["hint"].endswith(".")


def test_every_shipped_file_is_written_by_the_package():
    assert {path.stem for path in FILES} == set(suites())


def covered(endpoint: str, rule_id: str) -> set[str]:
    return {rule["kwargs"]["column"] for rule in suites()[endpoint] if rule["meta"]["rule_id"] == rule_id}


@pytest.mark.parametrize("endpoint", associations())
def test_every_property_the_standard_requires_is_expected(endpoint):
    required = {
        path.removeprefix("$.")
        for standard in standards.STANDARDS
        for path, facts in standards.resources(standard)
        .get(endpoint, {"properties": {}})["properties"]
        .items()
        if facts.get("required") and facts["type"] not in {"object", "array"}
    }
    assert covered(endpoint, "DS-REQUIRED") == required


@pytest.mark.parametrize("endpoint", associations())
def test_every_property_the_certification_sheet_requires_is_expected(endpoint):
    """CERT-SEL-5."""
    path = profile("certification").suites / f"certification.{endpoint}.json"
    columns = [rule["kwargs"]["column"] for rule in read(path).expectations] if path.exists() else []
    assert {column.replace("[*]", "") for column in columns} == set(SHEET.get(endpoint, ()))


def test_every_length_of_the_standard_is_expected():
    """COM-PAY-4."""
    limits = {
        rule["kwargs"]["column"]: rule["kwargs"]["max_value"]
        for rule in suites()["studentCTEProgramAssociations"]
        if rule["meta"]["rule_id"] == "COM-PAY-4"
    }
    assert limits["programReference.programName"] == 60
    assert limits["studentReference.studentUniqueId"] == 32
    assert limits["programReference.programTypeDescriptor"] == 306
    assert limits["cteProgramServices[*].cipCode"] == 120


def test_importing_validation_does_not_import_great_expectations():
    code = "import sys, edfi_toolkit.validation; sys.exit(bool({'great_expectations', 'jinja2'} & sys.modules.keys()))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

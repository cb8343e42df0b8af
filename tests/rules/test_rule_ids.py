"""Every id of the manuals has a sentence for the steward and a test that bears it, or says what is open."""

from __future__ import annotations

import csv
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from edfi_toolkit.rules.catalogue import RULES, catalogue_files

HERE = Path(__file__).parent
IDS = list(csv.DictReader((HERE / "rule_ids.csv").read_text(encoding="utf-8").splitlines()))
CATALOGUES = {name.replace("-", "_"): path for name, path in catalogue_files().items()}
NAMES = [row["id"] for row in IDS]


@pytest.fixture(scope="module")
def tests_text() -> str:
    """All tests as one text, in which `test_nm_sel_1_...` reads `nm-sel-1`."""
    tests = [path for path in HERE.parent.rglob("test_*.py") if path.name != Path(__file__).name]
    return "\n".join(path.read_text(encoding="utf-8") for path in tests).lower().replace("_", "-")


def test_the_list_is_whole_and_names_each_id_once() -> None:
    assert len(NAMES) == len(set(NAMES)) == 183


@pytest.mark.parametrize("rule_id", NAMES)
def test_each_id_has_a_sentence_a_next_step_a_severity_and_a_source(rule_id: str) -> None:
    entry = RULES[rule_id]
    assert entry.says.endswith((".", ":"))
    assert entry.hint.endswith(".")
    assert entry.severity in ("critical", "warning", "info")
    assert entry.source


@pytest.mark.parametrize("row", IDS, ids=NAMES)
def test_each_id_stands_in_the_catalogue_file_of_its_profile(row: dict[str, str]) -> None:
    assert row["id"] in entries_of(row["catalogue"])


@cache
def entries_of(catalogue: str) -> dict[str, Any]:
    return tomllib.loads(CATALOGUES[catalogue].read_text(encoding="utf-8"))


@pytest.mark.parametrize("row", IDS, ids=NAMES)
def test_each_id_is_borne_by_a_test_or_says_what_is_open(row: dict[str, str], tests_text: str) -> None:
    # Without a look behind, which would be tried at each character
    found = re.finditer(rf"{row['id'].lower()}(?![a-z0-9])", tests_text)
    borne = any(not re.match("[a-z0-9]", tests_text[each.start() - 1]) for each in found)
    assert borne != bool(row["open"])

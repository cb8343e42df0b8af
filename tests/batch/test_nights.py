"""What each night tells: the page says what the nights show, and `make prove` lives through all of them."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nights import NIGHTS, Night, Place, lived_through, place_of
from tests.proofs import long_proof

pytestmark = pytest.mark.process
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
ROW = re.compile(r"^\| (?P<name>[^|]+) \| (?P<exit>[^|]+) \| (?P<error>[^|]+) \|", re.MULTILINE)


def test_the_page_names_each_night_with_its_exit_code_and_error() -> None:
    page = PAGE.read_text("utf-8").partition("## What a night tells")[2].partition("\n## ")[0]
    rows = [tuple(row[name].strip(" `") for name in ("name", "exit", "error")) for row in ROW.finditer(page)]
    told = [(each.name, str(each.exit).replace("-9", "killed"), each.error or "none") for each in NIGHTS]
    assert rows[2:] == told


@pytest.fixture(scope="module")
def places() -> Iterator[dict[str, Place]]:
    with place_of("sqlite") as sqlite, place_of("postgresql") as postgresql:
        yield {"sqlite": sqlite, "postgresql": postgresql}


@long_proof
@pytest.mark.parametrize("night", NIGHTS, ids=lambda night: night.name)
def test_a_night_loses_nothing_doubles_nothing_and_claims_what_it_sent(
    places: dict[str, Place], night: Night
) -> None:
    if night.needs == "mount" and (os.name != "posix" or os.geteuid() != 0):
        pytest.skip("EDFI_PROVE=1 mounts a small disk for this night as root only")
    if night.needs and shutil.which(night.needs) is None:
        pytest.skip(f"needs {night.needs}; EDFI_PROVE=1 alone does not bring it")
    told = lived_through(places[night.ledger], night)
    assert (told.code, told.error) == (night.exit, night.error)

"""The samples of the two states keep the promises of their pages, from tables to what the ODS was asked to write."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pandas as pd
import pytest

from edfi_toolkit.review import rejections
from edfi_toolkit.review.causes import with_causes
from edfi_toolkit.rules import build
from edfi_toolkit.sources import extract
from tests.proofs import PROVE
from tests.warm import FRESH

# What the ODS refuses of `before`: six causes to practise on in notebook 50, each with what its page says.
CAUSES = {
    "nm-powerschool": "action-not-granted key-taken not-enrolled value-taken value-too-long value-wrong",
    "wi-infinite-campus": "key-taken not-enrolled value-required value-taken value-too-long value-wrong",
}
PROFILES = ("nm-powerschool", "wi-infinite-campus")
RULE = re.compile(r"\b(?:COM-NRM|NM-ERR|NM-SEL|WI-CEIS|WI-ENR|WI-MOD|WI-504)-\d+\b")
# what the ODS is asked for when everything is new, and when the SIS changed
SENT = {
    "nm-powerschool": {"created": 7, "refused": 6, "later": "3 x DELETE 204, 12 x POST 201"},
    "wi-infinite-campus": {
        "created": 11,
        "refused": 6,
        "later": "5 x DELETE 204, 11 x POST 201, 1 x PUT 204",
    },
}


def sample(repository: Path, profile: str) -> Path:
    return repository / "data" / "samples" / profile


def seed(folder: Path, resource: str) -> list[dict[str, Any]]:
    entries = map(orjson.loads, (folder / "ods-seed.jsonl").read_bytes().splitlines())
    return [entry["body"] for entry in entries if entry["resource"] == resource]


@pytest.mark.parametrize("profile", PROFILES)
def test_each_row_fails_the_rule_its_page_names(repository: Path, profile: str) -> None:
    folder = sample(repository, profile)
    page = (folder / "README.md").read_text("utf-8")
    told = set(RULE.findall(page))
    tables = extract(folder / "before", profile=profile)
    found = build(tables, profile=profile, school_year=2026).skipped
    assert set(found["rule"]) == told
    fixed = build(extract(folder / "after", profile=profile), profile=profile, school_year=2026).skipped
    assert 0 < len(fixed) < len(found)


@pytest.mark.parametrize("profile", PROFILES)
def test_the_canaries_are_exactly_the_sample_s_persons(repository: Path, profile: str) -> None:
    folder = sample(repository, profile)
    canaries = orjson.loads((folder / "canaries.json").read_bytes())
    states = [pd.read_csv(folder / state / "students.csv", dtype="str") for state in ("before", "after")]
    every = pd.concat(states)
    assert set(every["student_id"]) <= set(canaries["student_ids"])
    assert set(every["student_unique_id"].dropna()) == set(canaries["unique_ids"])
    assert set(every["first_name"]) == set(canaries["first_names"])
    assert set(every["last_name"]) == set(canaries["last_names"])
    people = seed(folder, "students")
    assert {body["birthDate"] for body in people} == set(canaries["birth_dates"])
    assert len(set(canaries["unique_ids"]) - {body["studentUniqueId"] for body in people}) == 1


@pytest.mark.parametrize("profile", PROFILES if PROVE else PROFILES[:1])
def test_the_tour_sends_what_changed_and_then_nothing(repository: Path, profile: str, tmp_path: Path) -> None:
    command = [FRESH, "-m", "edfi_toolkit", "demo", "--profile", profile]  # its sandbox and kernels too
    done = subprocess.run(
        [*command, "--folder", str(tmp_path / "demo")], capture_output=True, text=True, cwd=tmp_path
    )
    assert done.returncode == 3, done.stderr
    counted = dict(re.findall(r"│ (created|refused) (?:in|by) the ODS +│ +(\d+) │", done.stdout))
    expected = SENT[profile]
    assert counted == {"created": str(expected["created"]), "refused": str(expected["refused"])}
    refused = with_causes(rejections(tmp_path / "demo" / "ledger.db"))
    assert sorted(refused["cause_id"]) == CAUSES[profile].split()
    assert not refused["open"].any()  # corrected in `after`, and delivered
    sent = re.findall(r"Sent to the ODS: (.+)\.", done.stdout)
    assert sent == [expected["later"], "0 changes"]
    canaries = orjson.loads((sample(repository, profile) / "canaries.json").read_bytes())
    personal = [*canaries["unique_ids"], *canaries["last_names"], *canaries["birth_dates"]]
    eyes = [done.stdout + done.stderr]
    eyes += [path.read_text("utf-8") for path in tmp_path.rglob("*.ipynb")]
    eyes += [path.read_text("utf-8") for path in tmp_path.rglob("report.html")]
    assert len(eyes) > 5
    assert [value for value in personal if any(value in text for text in eyes)] == []

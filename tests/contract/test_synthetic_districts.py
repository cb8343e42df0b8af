"""An invented district of each profile, from files to the ODS that its own seed prepared."""

from __future__ import annotations

import os
from pathlib import Path

import httpx
import pandas as pd
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.rules import build, profile_names, synthetic_of
from edfi_toolkit.sandbox import Running
from edfi_toolkit.settings import Secret, Target
from edfi_toolkit.sources import extract
from edfi_toolkit.validation import Checked, validate
from tests.proofs import long_proof

# The share of rows that change is what the guardrails let pass in a district of that size.
STUDENTS, CHURN = (1_000, 0.02) if os.environ.get("EDFI_PROVE") == "1" else (100, 0.1)
HOLDING = ["REF-STUDENT", "COM-DEP-1"]  # what only the ODS can tell of a dirty row


@pytest.mark.parametrize(
    "profile",
    [pytest.param(name, marks=() if name == "nm-powerschool" else long_proof) for name in profile_names()],
)
def test_a_dirty_district_arrives_but_for_its_dirty_rows_then_nothing_is_sent_then_its_changes(
    sandbox: Running, profile: str, tmp_path: Path
) -> None:
    synthetic = synthetic_of(profile)
    tables = synthetic.district(students=STUDENTS, seed=5)
    folder = synthetic.write(tmp_path / "district", tables, dirty=0.05, churn=CHURN)
    content = (folder / "ods-seed.jsonl").read_bytes()
    loaded = httpx.post(f"{sandbox.control_url}/seed", content=content, timeout=60, trust_env=False).json()
    assert loaded["refused"] == []
    login = next(each for each in sandbox.clients if each["name"] == "district")
    target = Target("sandbox", sandbox.base_url, Secret(login["key"]), Secret(login["secret"]))
    with Client(target) as client, Ledger(tmp_path / "ledger.db") as ledger:
        feed = ledger.feed(client.target.identity, profile, "")

        def checked(state: Path) -> Checked:
            built = build(extract(state, profile=profile), profile=profile, school_year=2026)
            return validate(built, target=client, identity_map=ledger.identity_map(feed))

        def sent(checked: Checked) -> tuple[set[str], set[str]]:
            """The actions planned, and how they ended."""
            planned = plan(checked, identity_map=ledger.identity_map(feed))
            results = publish(planned, target=client, ledger=ledger, approved="auto")
            return set(planned.items["action"]), set(results["outcome"])

        before = checked(folder)
        wrong = pd.read_csv(folder / "_dirty.csv", dtype="str")
        wrong = wrong[wrong["rule"].isin(HOLDING)]
        assert {rule for rules in before.held["held_by"] for rule in rules} == set(wrong["rule"])
        assert sent(before) == ({"POST"}, {"delivered"})
        assert len(ledger.identity_map(feed)) == len(before.ready) > 30
        assert sent(before) == ({"NOOP"}, {"delivered"})
        actions, outcomes = sent(checked(folder / "after"))
        assert {"POST", "DELETE", "NOOP"} <= actions
        assert outcomes == {"delivered"}

"""An invented district of each profile, from files to the ODS that its own seed prepared: all arrives, once."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from edfi_toolkit.ods import Client
from edfi_toolkit.rules import build
from edfi_toolkit.sandbox import Running
from edfi_toolkit.settings import Secret, Target
from edfi_toolkit.sources import extract
from edfi_toolkit.sync import Ledger, plan, publish
from edfi_toolkit.tables.synthetic import PROFILES, district, write
from edfi_toolkit.validation import validate


@pytest.mark.parametrize("profile", PROFILES)
def test_every_record_of_a_district_arrives_and_a_second_plan_sends_nothing(
    sandbox: Running, profile: str, tmp_path: Path
) -> None:
    folder = write(tmp_path / "district", district(students=80, profile=profile, seed=5))
    content = (folder / "ods-seed.jsonl").read_bytes()
    loaded = httpx.post(f"{sandbox.control_url}/seed", content=content, timeout=60, trust_env=False).json()
    assert loaded["refused"] == []
    login = next(each for each in sandbox.clients if each["name"] == "district")
    target = Target("sandbox", sandbox.base_url, Secret(login["key"]), Secret(login["secret"]))
    built = build(extract(folder, profile=profile), profile=profile, school_year=2026)
    with Client(target) as client, Ledger(tmp_path / "ledger.db") as ledger:
        feed = ledger.feed(client.target.identity, profile, "")
        checked = validate(built, target=client)
        assert checked.held.empty
        assert len(checked.ready) == len(built.records) > 30
        sent = publish(plan(checked), target=client, ledger=ledger, approved="auto")
        assert set(sent["outcome"]) == {"delivered"}
        assert len(sent) == len(built.records)
        mapped = ledger.identity_map(feed)
        again = plan(validate(built, target=client, identity_map=mapped), identity_map=mapped)
        assert set(again.items["action"]) == {"NOOP"}
        assert len(again.items) == len(built.records)

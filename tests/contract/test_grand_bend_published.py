"""Ed-Fi's sample district, published over a socket: read back equal, silent when repeated, exact when changed."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.model import associations, natural_key, same_body
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.rules import Build, build
from edfi_toolkit.sandbox import Running, start
from edfi_toolkit.settings import Secret, Target
from edfi_toolkit.sources import extract
from edfi_toolkit.validation import validate


class District:
    """A sandbox seeded with the district, a client of it and a ledger."""

    def __init__(self, running: Running, client: Client, ledger: Ledger) -> None:
        self.running, self.client, self.ledger = running, client, ledger
        self.feed = ledger.feed(client.target.identity, "certification", "")

    def publish(self, built: Build) -> Counter[str]:
        """Validate against the ODS, plan and publish; the requests the ODS counted, by method."""
        mapped = self.ledger.identity_map(self.feed)
        checked = validate(built, target=self.client, identity_map=mapped)
        assert checked.held.empty
        httpx.delete(f"{self.running.control_url}/counters")
        outcome = publish(
            plan(checked, identity_map=mapped), target=self.client, ledger=self.ledger, approved="auto"
        )
        assert set(outcome["outcome"]) == {"delivered"}
        counted = httpx.get(f"{self.running.control_url}/counters").json()
        methods: Counter[str] = Counter()
        for line in counted["requests"]:
            if line["resource"] in associations() and line["method"] != "GET":
                methods[line["method"]] += line["count"]
        assert sum(methods.values()) == counted["writes"]
        return methods


@pytest.fixture(scope="module")
def tables(shared_data: Path) -> Any:
    return extract(shared_data / "grand-bend", profile="certification")


def a_build(tables: Any, participations: pd.DataFrame) -> Build:
    return build({**tables, "program_participation": participations}, profile="certification")


def test_grand_bend_arrives_whole_then_only_its_changes_are_sent(
    shared_data: Path, tables: Any, tmp_path: Path
) -> None:
    seeds = [shared_data / "grand-bend" / f"{name}.jsonl" for name in ("ods-seed", "ods-seed-staffs")]
    with start(seeds=seeds) as running:
        named = next(each for each in running.clients if each["name"] == "district")
        target = Target("sandbox", running.base_url, Secret(named["key"]), Secret(named["secret"]))
        with Client(target) as client, Ledger(tmp_path / "ledger.db") as ledger:
            district = District(running, client, ledger)
            rows = tables["program_participation"]
            first = a_build(tables, rows)
            assert district.publish(first) == {"POST": 706}
            sent = {
                (resource, natural_key(body)): body
                for resource, body in first.records[["resource", "body"]].itertuples(index=False)
            }
            back = [
                (name, body) for name in associations() for page in client.read(name) for body in page["body"]
            ]
            assert len(back) == len(sent) == 706
            assert all(same_body(body, sent[name, natural_key(body)]) for name, body in back)
            assert district.publish(first) == {}
            changed = rows.set_index("participation_id")
            changed = changed.drop("GB0001")
            changed.loc["GB0002", "served_outside_of_regular_session"] = True
            changed.loc["GB0003", "begin_date"] = pd.Timestamp("2021-09-07")
            assert district.publish(a_build(tables, changed.reset_index())) == {
                "DELETE": 2,
                "PUT": 1,
                "POST": 1,
            }

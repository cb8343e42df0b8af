"""Many records and 5 % faults of every kind: nothing is lost, and our numbers are the sandbox's own."""

from __future__ import annotations

import os
from collections import Counter

import httpx
import pandas as pd
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from tests.factories.district import GENERAL, a_build, a_participation, asked, seed_lines, target_of

PROVE = os.environ.get("EDFI_PROVE") == "1"
RECORDS, EVERY = (50_000, 200) if PROVE else (400, 100)  # ten faults, each one of so many requests
FAULTS = [
    {"status": 429, "retry_after": 0},
    {"status": 500},
    {"status": 503},
    {"status": 502, "html": True},
    {"drop_before_commit": True},
    {"drop_after_commit": True},
    {"drop_after_commit": True},
    {"status": 400},
    {"status": 409},
    {"revoke_tokens": True},
]
VERBS = ("POST", "PUT", "DELETE")
BY_A_TOKEN = 401  # answered by a login and the same request again, which counts once for us


def rules():
    """Each of the faults for each kind of write, spread over the requests."""
    return [
        {"method": method, "resource": GENERAL, "every": EVERY, "after": 7 * at, **fault}
        for method in VERBS
        for at, fault in enumerate(FAULTS)
    ]


def a_day_later(number):
    """What became of a record that was published before: half changed, a quarter moved, a quarter gone."""
    if number % 4 == 0:
        return []
    if number % 4 == 1:
        return [a_participation(number, begin_date="2025-09-30")]
    return [a_participation(number, end_date="2026-01-31")]


def counted(sandbox):
    """The sandbox's counters of writes, by method and status."""
    found = Counter()
    rows = httpx.get(f"{sandbox.control_url}/counters", trust_env=False).json()["requests"]
    for row in rows:
        if row["resource"] == GENERAL and row["method"] in VERBS:
            found[row["method"], row["status"]] += row["count"]
    return found


@pytest.mark.parametrize("records", [RECORDS])
def test_planned_is_delivered_refused_and_pending_and_the_sandbox_counted_the_same(
    sandbox, tmp_path, records
):
    before = records // 5
    httpx.post(
        f"{sandbox.control_url}/seed", content=seed_lines(records), trust_env=False, timeout=600
    ).raise_for_status()
    host = next(each for each in sandbox.clients if each["name"] == "host")
    target = target_of(sandbox.base_url, host, school_year=2026)
    old = a_build(*(a_participation(number) for number in range(before)))
    new = a_build(
        *(row for number in range(before) for row in a_day_later(number)),
        *(a_participation(number) for number in range(before, records)),
        settings={"max_delete_share": 1, "max_update_share": 1, "max_shrink_share": 1},
    )
    with Client(target) as client, Ledger(tmp_path / "ledger.db") as ledger:
        publish(plan(old), target=client, ledger=ledger, approved="auto")
        feed = ledger.feed(target.identity, "certification", "")
        made = asked(plan(new, identity_map=ledger.identity_map(feed)), client)
        httpx.post(f"{sandbox.control_url}/counters/reset", trust_env=False).raise_for_status()
        httpx.put(f"{sandbox.control_url}/faults", json=rules(), trust_env=False).raise_for_status()
        told = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
        there = counted(sandbox)
        acted = httpx.get(f"{sandbox.control_url}/faults", trust_env=False).json()
        httpx.put(f"{sandbox.control_url}/faults", json=[], trust_env=False).raise_for_status()
        sent = told[told["action"].isin(VERBS)]
        outcomes = Counter(zip(sent["action"], sent["outcome"], strict=True))
        kinds = sent["outcome"].value_counts().to_dict()
        mapped = ledger.identity_map(feed)
        held = pd.concat(client.read(GENERAL))
        open_now = int(ledger.rejections()["open"].sum())
    # Planned and told.
    assert len(sent) == int(made.sends.sum())
    assert sum(kinds.values()) == len(sent)
    assert set(kinds) <= {"delivered", "refused", "pending", "unsure"}
    # Every fault had its turn, and all in all one request in twenty met one.
    assert all(rule["acted"] for rule in acted if rule["method"] == "POST")
    assert sum(rule["acted"] for rule in acted) >= 0.03 * sum(there.values())
    # Requests: as the client counts them and as the sandbox does.
    tried = sum(count for (_, status), count in there.items() if status != BY_A_TOKEN)
    assert int(sent["attempts"].sum()) == tried
    # What was refused, one request each.
    assert kinds.get("refused", 0) + outcomes["POST", "pending"] + outcomes["DELETE", "pending"] <= len(sent)
    # A 400 to the second try of a record whose first went unanswered proves nothing: that record is looked up.
    told_400, there_400 = int(sent["status"].eq(400).sum()), sum(there[verb, 400] for verb in VERBS)
    dropped = sum(rule["acted"] for rule in acted if any(name.startswith("drop") for name in rule))
    assert there_400 - dropped <= told_400 <= there_400
    assert open_now == len(sent) - kinds["delivered"]
    # What is there: the ODS, the ledger and the results agree to the record.
    created = outcomes["POST", "delivered"] - outcomes["DELETE", "delivered"]
    assert len(held) == before + created == len(mapped)
    assert set(held["id"]) == set(mapped["ed_fi_id"])
    assert there["POST", 201] <= outcomes["POST", "delivered"]
    if PROVE:
        print(f"\n{len(sent)} sent: {kinds}; the sandbox counted {dict(there)}")

"""Days on which keys move while the ODS refuses, fails and loses answers: in the end it holds what the source says."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from edfi_toolkit.errors import OdsUnavailable
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from tests.factories.district import CTE, GENERAL, PROGRAMS, a_build, a_participation, asked, held_in, wanted
from tests.proofs import PROVE

DAYS = ("2025-08-23", "2025-09-10", "2025-09-30", "2025-10-15")
SETTINGS = {"max_delete_share": 1, "max_update_share": 1, "max_shrink_share": 1, "mass_delete_threshold": 1}
KINDS = (
    {"status": 403},
    {"status": 409},
    {"status": 500},
    {"drop_before_commit": True},
    {"drop_after_commit": True},
)
SEEDS = range(100 if PROVE else 2)


class District:
    """Students who are in two programs, from days that change; and how their records are published."""

    def __init__(self, client, ledger, chance):
        self.client, self.ledger, self.chance = client, ledger, chance
        self.begins = {(number, resource): DAYS[0] for number in range(1, 7) for resource in (GENERAL, CTE)}

    def build(self):
        in_cte = {"resource": CTE, "program_name": PROGRAMS[1], "program_type": PROGRAMS[1]}
        rows = [
            a_participation(number, participation_id=f"{number}{resource}", begin_date=day)
            | (in_cte if resource == CTE else {})
            for (number, resource), day in self.begins.items()
        ]
        return a_build(*rows, settings=SETTINGS)

    def move_some(self):
        for record in self.begins:
            if self.chance.random() < 0.5:
                self.begins[record] = self.chance.choice(DAYS)

    def planned(self):
        feed = self.ledger.feed(self.client.target.identity, "certification", "")
        return asked(plan(self.build(), identity_map=self.ledger.identity_map(feed)), self.client)

    def publish(self, made, most=None):
        """The outcomes, none where the ODS was given up."""
        overrides = [f"{code}:Ann Example" for code in made.breaches]
        options = {"approved": "auto", "overrides": overrides, "max_requests": most}
        try:
            return publish(made, target=self.client, ledger=self.ledger, **options)["outcome"].tolist()
        except OdsUnavailable:
            return []

    def publish_all(self):
        """Plan and publish until nothing is left to send."""
        for _ in range(5):
            made = self.planned()
            if set(self.publish(made)) == {"delivered"} and not made.sends.any():
                return
        pytest.fail("something is still to be sent")


def deletes(app):
    """How many records the ODS has deleted, by resource."""
    counts = Counter()
    for row in app.state.sandbox.counters.shown()["requests"]:
        if (row["method"], row["status"]) == ("DELETE", 204):
            counts[row["resource"]] += row["count"]
    return counts


@pytest.mark.parametrize("seed", SEEDS)
def test_in_the_end_the_ods_holds_what_the_source_says(app, client, ledger, seed):
    chance = Random(seed)
    district = District(client, ledger, chance)
    district.publish(made := district.planned())
    for _ in range(3):
        app.state.sandbox.faults.put([])
        district.move_some()
        made = district.planned() if chance.random() < 0.8 else made
        where = {"method": chance.choice(["POST", "DELETE"]), "resource": chance.choice([GENERAL, CTE, "*"])}
        fault = {**where, **chance.choice(KINDS), "after": chance.randrange(4)}
        app.state.sandbox.faults.put([fault | chance.choice([{}, {"times": 2}])])
        district.publish(made, most=chance.choice([None, None, 3]))
        district.publish(made)
    app.state.sandbox.faults.put([])
    district.publish_all()
    assert held_in(client) == wanted(district.build())
    feed = ledger.feed(client.target.identity, "certification", "")
    assert len(ledger.identity_map(feed)) == len(district.begins)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("status", [403, 500])
def test_while_nothing_can_be_created_no_second_record_is_deleted_on_any_day(
    app, client, ledger, status, seed
):
    """COM-KEY-3. The record that was deleted may move again while it waits, and a DELETE may fail or be lost."""
    district = District(client, ledger, Random(seed))
    district.publish(district.planned())
    for _ in range(4):
        deleting = {
            "method": "DELETE",
            **district.chance.choice(KINDS),
            "times": district.chance.choice([1, 7]),
        }
        app.state.sandbox.faults.put([{"method": "POST", "status": status}, deleting])
        district.move_some()
        district.publish(district.planned())
    assert max(deletes(app).values(), default=0) <= 1
    app.state.sandbox.faults.put([])
    district.publish_all()
    assert held_in(client) == wanted(district.build())

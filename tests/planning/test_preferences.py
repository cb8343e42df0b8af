"""WI-CFG-3: a resource that was off, or whose descriptor mapping changed, is worth a resync until one is done."""

from __future__ import annotations

import pandas as pd
import pytest
from sqlalchemy import text

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.planning import Plan, plan
from edfi_toolkit.planning.preferences import preferences_of, to_resync
from edfi_toolkit.publishing import publish
from tests.factories.district import CTE, GENERAL, YEAR, a_build, a_participation

RECOMMENDED = "RESYNC_RECOMMENDED"


def frame(**resources):
    rows = [(resource, *set_to) for resource, set_to in resources.items()]
    return pd.DataFrame(rows, columns=["resource", "enabled", "mapping_version"])


@pytest.mark.parametrize(
    ("now", "last", "expected"),
    [
        ((True, "v1"), (True, "v1"), []),
        ((True, "v1"), (True, "v2"), ["r"]),
        ((True, None), (True, None), []),
        ((True, "v1"), (True, None), ["r"]),
        ((True, None), (False, None), ["r"]),
        ((False, "v1"), (True, "v2"), []),
    ],
)
def test_wi_cfg_3_what_differs_from_the_last_sync_is_to_be_resynced_while_it_is_on(now, last, expected):
    assert to_resync(frame(r=now), frame(r=last)) == expected


def test_a_resource_never_synced_has_nothing_to_catch_up():
    assert to_resync(frame(r=(True, "v1")), None) == []
    assert to_resync(frame(r=(True, "v1")), frame(other=(False, None))) == []


def test_a_resource_without_a_preference_is_on():
    now = preferences_of(frame(b=(False, "v1"), elsewhere=(False, None)), ["a", "b"])
    assert now["resource"].tolist() == ["a", "b"]
    assert now["enabled"].tolist() == [True, False]
    assert now["mapping_version"].isna().tolist() == [True, False]


class Feed:
    """One feed, planned and published again and again with other preferences."""

    def __init__(self, client, ledger):
        self.client, self.ledger = client, ledger
        self.feed = ledger.feed(client.target.identity, "certification", "test")

    def plan(self, *preferences, mode="publish"):
        kept = [{"resource": name, "enabled": on, "mapping_version": v} for name, on, v in preferences]
        build = a_build(a_participation(1), resource_preferences=kept)
        ods = pd.concat(self.client.read(GENERAL)) if mode == "resync" else None
        return plan(
            build,
            identity_map=self.ledger.identity_map(self.feed),
            last_sync=self.ledger.last_sync(self.feed, school_year=YEAR),
            ods=ods,
            mode=mode,
            source_name="test",
        )

    def publish(self, *preferences, mode="publish"):
        made = self.plan(*preferences, mode=mode)
        publish(made, target=self.client, ledger=self.ledger, approved=made.fingerprint)
        return made


def recommended(made):
    return made.findings.loc[made.findings["code"].eq(RECOMMENDED), "resource"].tolist()


@pytest.fixture
def feed(client, ledger):
    return Feed(client, ledger)


def test_wi_cfg_3_e80_switched_off_and_on_again_recommends_a_resync_until_one_is_done(feed):
    on, off = (GENERAL, True, None), (GENERAL, False, None)
    feed.publish(on)
    assert recommended(feed.plan(on)) == []
    feed.publish(off)
    assert recommended(feed.plan(off)) == []
    assert recommended(feed.publish(on)) == [GENERAL]
    assert recommended(feed.plan(on)) == [GENERAL], "an ordinary publish does not catch up"
    assert recommended(feed.publish(on, mode="resync")) == []
    assert recommended(feed.plan(on)) == []


def test_wi_cfg_3_another_mapping_version_recommends_a_resync_of_that_resource_until_one_is_done(feed):
    feed.publish((GENERAL, True, "2025"), (CTE, True, "2025"))
    new = (GENERAL, True, "2026"), (CTE, True, "2025")
    assert recommended(feed.publish(*new)) == [GENERAL]
    assert recommended(feed.plan(*new)) == [GENERAL]
    feed.publish(*new, mode="resync")
    assert recommended(feed.plan(*new)) == []


def test_wi_cfg_3_a_resync_while_a_resource_is_off_does_not_count_for_it(feed):
    feed.publish((GENERAL, True, None))
    feed.publish((GENERAL, False, "2026"), mode="resync")
    assert recommended(feed.plan((GENERAL, True, "2026"))) == [GENERAL]


def test_another_year_and_another_feed_remember_for_themselves(feed):
    feed.publish((GENERAL, False, None))
    other = feed.ledger.feed(feed.client.target.identity, "certification", "other")
    assert feed.ledger.last_sync(other, school_year=YEAR).empty
    assert feed.ledger.last_sync(feed.feed, school_year=YEAR + 1).empty
    assert not feed.ledger.last_sync(feed.feed, school_year=YEAR).set_index("resource")["enabled"][GENERAL]


def test_a_saved_plan_keeps_how_the_resources_were_set(feed, tmp_path):
    made = feed.plan((GENERAL, False, "2026"))
    made.save(tmp_path)
    pd.testing.assert_frame_equal(Plan.load(tmp_path).preferences, made.preferences)


def test_a_ledger_of_the_first_version_is_brought_up_to_date_and_keeps_its_rows(tmp_path):
    with Ledger(tmp_path / "ledger.db") as ledger:
        feed = ledger.feed("https://ods", "certification", "north")
        with ledger.writing() as connection:
            for table in ("last_sync", "source_shapes", "approvals", "corrections", "dismissals"):
                connection.execute(text(f"DROP TABLE {table}"))
            for table, column in (
                ("rejections", "closed_at"),
                ("rejections", "closed_how"),
                ("runs", "unsent"),
            ):
                connection.execute(text(f"ALTER TABLE {table} DROP COLUMN {column}"))
            connection.execute(text("DROP INDEX identity_map_of_a_feed"))
            connection.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    with Ledger(tmp_path / "ledger.db") as ledger:
        assert ledger.feed("https://ods", "certification", "north") == feed
        assert ledger.last_sync(feed, school_year=YEAR).empty
        assert ledger.source_shapes(feed, school_year=YEAR).empty

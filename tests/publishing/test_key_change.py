"""COM-KEY-3, `key_change = "put_if_updatable"`: one PUT in place of a pair, where the target lets a PUT do it."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.ods.snapshot import updatable
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.sandbox import openapi
from tests.factories.builds import plan_once
from tests.factories.district import GENERAL, LEA, SCHOOL, a_build, a_participation, held_in, wanted

SETTINGS = {"key_change": "put_if_updatable"}


def built(begin_date="2025-08-23", settings=SETTINGS):
    return a_build(a_participation(1, begin_date=begin_date), settings=settings)


def moved(settings=SETTINGS):
    return built("2025-09-30", settings)


def mapped():
    return identity_map_of(built(), ids=["m"])


def shown(made):
    items = made.items
    return list(zip(items["action"], items["ed_fi_id"].fillna(""), items["begin_date"].dt.day, strict=True))


def test_a_moved_key_is_one_put_under_the_old_id():
    made = plan(moved(), identity_map=mapped(), updatable=[GENERAL])
    assert shown(made) == [("UNMAP", "m", 23), ("ADOPT", "m", 30), ("PUT", "m", 30)]
    put = made.items.iloc[2]
    assert put["diff"] == {"beginDate": ["2025-08-23", "2025-09-30"]}
    assert put["reason"] == "REC-P6, CERT-EVT-3: changed: beginDate."
    assert dict(made.items.at[1, "body"])["beginDate"] == "2025-08-23", (
        "the ODS has the old key until the PUT"
    )
    assert made.summary()["action"].tolist() == ["ADOPT", "PUT", "UNMAP"]


def test_a_resync_moves_it_too_under_the_id_of_the_ods():
    ods = pd.DataFrame(
        [{"resource": GENERAL, "id": "o", "etag": "1", "body": built().records["body"].iloc[0]}]
    )
    made = plan(moved(), identity_map=mapped(), ods=ods, mode="resync", updatable=[GENERAL])
    assert shown(made) == [("UNMAP", "m", 23), ("ADOPT", "o", 30), ("PUT", "o", 30)]


@pytest.mark.parametrize(
    ("settings", "resources"),
    [(SETTINGS, []), (SETTINGS, ["studentCTEProgramAssociations"]), (None, [GENERAL])],
)
def test_without_the_setting_or_the_target_it_stays_a_pair(settings, resources):
    made = plan(moved(settings), identity_map=mapped(), updatable=resources)
    assert made.items["action"].tolist() == ["DELETE", "POST"]
    assert made.items["pair"].tolist() == [1, 1]


@pytest.mark.parametrize("school", [SCHOOL, LEA])
def test_a_move_between_schools_is_in_the_plan_of_either_whole(school):
    at_a_school = a_build(a_participation(1, education_organization_id=SCHOOL), settings=SETTINGS)
    made = plan(at_a_school, identity_map=mapped(), updatable=[GENERAL], schools=[school])
    assert made.items["action"].tolist() == ["UNMAP", "ADOPT", "PUT"]


@pytest.fixture
def allowing(app):
    """A host that lets a PUT change the key, and says so."""
    shape = app.state.sandbox.ods.catalog.shape(GENERAL)
    for allowed in (True, False):
        object.__setattr__(shape, "key_may_change", allowed)
        openapi._document.cache_clear()  # made once for all sandboxes
        if allowed:
            yield


def test_the_reference_api_lets_no_association_change_its_key(client):
    assert updatable(client) >= {"studentSchoolAssociations"}
    assert GENERAL not in updatable(client)


def test_published_to_a_host_that_allows_it_the_record_keeps_its_id(allowing, client, ledger):
    publish(plan_once(built()), target=client, ledger=ledger, approved="auto")
    feed = ledger.feed(client.target.identity, "certification", plan_once(built()).scope.source)
    [before] = ledger.identity_map(feed)["ed_fi_id"]
    made = plan(moved(), identity_map=ledger.identity_map(feed), updatable=updatable(client))

    result = publish(made, target=client, ledger=ledger, approved=made.fingerprint)

    assert result["outcome"].eq("delivered").all()
    assert held_in(client) == wanted(moved())
    assert ledger.identity_map(feed)["ed_fi_id"].tolist() == [before]
    assert plan(moved(), identity_map=ledger.identity_map(feed)).items["action"].tolist() == ["NOOP"]


def test_refused_it_is_tried_again_by_the_next_plan_and_nothing_is_lost(client, ledger):
    publish(plan_once(built()), target=client, ledger=ledger, approved="auto")
    feed = ledger.feed(client.target.identity, "certification", plan_once(built()).scope.source)
    made = plan(moved(), identity_map=ledger.identity_map(feed), updatable=[GENERAL])  # the host says no

    result = publish(made, target=client, ledger=ledger, approved=made.fingerprint)

    assert result["outcome"].tolist() == ["delivered", "delivered", "refused"]
    assert held_in(client) == wanted(built())
    again = plan(moved(), identity_map=ledger.identity_map(feed))
    assert again.items["action"].tolist() == ["PUT"]

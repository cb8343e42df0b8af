"""A plan for some schools: every other school's records are out of its scope, never gone."""

from __future__ import annotations

from functools import cache

import pandas as pd
import pytest

from edfi_toolkit.errors import PlanError
from edfi_toolkit.planning import Plan, identity_map_of, plan
from edfi_toolkit.publishing import publish
from tests.factories.builds import plan_once
from tests.factories.district import (
    GENERAL,
    LEA,
    SCHOOL,
    a_build,
    a_participation,
    checked,
    codes,
    plan_frame,
)

OTHER = LEA


def at(number, organization, **values):
    return a_participation(number, education_organization_id=organization, **values)


@cache
def before():
    return a_build(at(1, SCHOOL), at(2, SCHOOL), at(3, OTHER), at(4, OTHER))


@cache
def after():
    return a_build(at(1, SCHOOL, end_date="2026-05-05"), at(5, SCHOOL), at(4, OTHER, end_date="2026-05-05"))


@cache
def mapped():
    return identity_map_of(before())


def test_only_the_named_school_is_planned_and_nobody_elses_record_counts_as_gone():
    made = plan(after(), identity_map=mapped(), schools=[SCHOOL])
    assert plan_frame(made) == [("POST", "S-5"), ("PUT", "S-1"), ("DELETE", "S-2")]
    assert codes(made).count("ONLY_SCHOOLS") == 1
    whole = plan(after(), identity_map=mapped())
    assert sorted(whole.items["action"]) == ["DELETE", "DELETE", "POST", "PUT", "PUT"]
    assert made.fingerprint != whole.fingerprint


def test_a_resync_of_one_school_leaves_what_the_ods_holds_of_others():
    ods = pd.DataFrame(
        {"resource": GENERAL, "id": mapped()["ed_fi_id"], "etag": "1", "body": before().records["body"]}
    )
    made = plan(after(), identity_map=mapped(), ods=ods, mode="resync", schools=[SCHOOL])
    assert plan_frame(made) == [("POST", "S-5"), ("PUT", "S-1"), ("DELETE", "S-2")]


@pytest.mark.parametrize("school", [SCHOOL, OTHER])
def test_a_record_that_moves_between_schools_is_in_the_plan_of_either_whole(school):
    before, after = a_build(at(1, SCHOOL), at(2, OTHER)), a_build(at(1, OTHER), at(2, OTHER))
    made = plan(after, identity_map=identity_map_of(before), schools=[school])
    pair = made.items[made.items["pair"].notna()]
    assert pair["action"].tolist() == ["DELETE", "POST"]
    assert pair["education_organization_id"].tolist() == [SCHOOL, OTHER]


def test_what_is_held_at_another_school_is_not_told():
    made = plan(checked(after(), "S-1", "S-4"), identity_map=mapped(), schools=[SCHOOL])
    held = made.findings[made.findings["code"].eq("HELD")]
    assert held["student_unique_id"].tolist() == ["S-1"]


def test_shares_are_those_of_the_school():
    settings = {"free_changes": 0, "max_delete_share": 0.4}
    mapped = identity_map_of(a_build(*(at(n, SCHOOL if n < 3 else OTHER) for n in range(1, 11))))
    after = a_build(at(1, SCHOOL), *(at(n, OTHER) for n in range(3, 11)), settings=settings)
    assert plan(after, identity_map=mapped).breaches == ()
    assert plan(after, identity_map=mapped, schools=[SCHOOL]).breaches == ("max-delete-share",)


def test_an_unknown_school_is_refused_with_the_known_ones():
    with pytest.raises(PlanError, match=f"organization 77.*{LEA}, {SCHOOL}"):
        plan(after(), identity_map=mapped(), schools=[77])


def test_published_school_by_school_it_ends_as_published_at_once(client, ledger, tmp_path):
    publish(plan_once(before()), target=client, ledger=ledger, approved="auto")
    feed = ledger.feed(client.target.identity, "certification", before().scope.source)

    def identities():
        return ledger.identity_map(feed)

    made = plan(after(), identity_map=identities(), schools=[SCHOOL])
    made.save(tmp_path)
    result = publish(Plan.load(tmp_path), target=client, ledger=ledger, approved=made.fingerprint)
    assert result["outcome"].eq("delivered").all()
    assert sorted(identities()["student_unique_id"]) == ["S-1", "S-3", "S-4", "S-5"]
    again = plan(after(), identity_map=identities(), schools=[SCHOOL])
    assert set(again.items["action"]) == {"NOOP"}
    publish(
        plan(after(), identity_map=identities(), schools=[OTHER]),
        target=client,
        ledger=ledger,
        approved="auto",
    )
    assert set(plan(after(), identity_map=identities()).items["action"]) == {"NOOP"}


def test_a_plan_of_one_school_leaves_the_refusals_of_others_open(client, ledger):
    """A refusal closes when its record is wanted no more; a plan that does not look at it cannot know."""
    unknown = a_build(at(1, SCHOOL), at(99, OTHER))
    publish(plan_once(unknown), target=client, ledger=ledger, approved="auto")
    assert ledger.rejections()["open"].tolist() == [True]
    feed = ledger.feed(client.target.identity, "certification", unknown.scope.source)
    without = a_build(at(1, SCHOOL), at(2, OTHER))
    for schools, still_open in (([SCHOOL], True), ([], False)):
        made = plan(without, identity_map=ledger.identity_map(feed), schools=schools)
        publish(made, target=client, ledger=ledger, approved="auto")
        assert ledger.rejections()["open"].tolist() == [still_open]

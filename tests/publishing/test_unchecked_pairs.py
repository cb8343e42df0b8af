"""COM-KEY-3: no record is deleted for a new one of which the target was not asked if it takes it."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from edfi_toolkit.errors import StalePlan
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import Plan, plan, with_live
from edfi_toolkit.planning.chosen import Chosen
from edfi_toolkit.publishing import publish
from edfi_toolkit.validation import validate
from tests.factories.builds import plan_once
from tests.factories.district import (
    CTE,
    GENERAL,
    LEA,
    PROGRAMS,
    a_build,
    a_participation,
    asked,
    checked,
    held_in,
    in_process,
    wanted,
    writes,
)

BEFORE = [a_participation(1), a_participation(2)]
MOVED = [a_participation(number, begin_date="2025-09-30") for number in (1, 2)]
LOST = [{**MOVED[0], "program_name": "No Such Program"}, BEFORE[1]]  # which the ODS refuses
SETTINGS = {"max_delete_share": 1, "max_shrink_share": 1}


def before():
    return a_build(*BEFORE)


def moved(*rows):
    return a_build(*(rows or MOVED), settings=SETTINGS)


def identities(ledger, client):
    return ledger.identity_map(ledger.feed(client.target.identity, "certification", ""))


@pytest.fixture
def known(client, ledger):
    """The identity map after both records were published."""
    publish(plan_once(before()), target=client, ledger=ledger, approved="auto")
    return identities(ledger, client)


def with_the_target(build, client, known):
    return validate(build, target=client, identity_map=known)


def of_an_earlier_version(made, folder):
    made.save(folder)
    about = json.loads((folder / "plan.json").read_text())
    del about["checked_against"]
    (folder / "plan.json").write_text(json.dumps(about))
    return Plan.load(folder)


def test_a_key_change_that_no_one_checked_is_refused_before_anything_is_sent(
    app, client, ledger, known, tmp_path
):
    never = plan(moved(), identity_map=known)
    made = {
        "not validated": never,
        "without a target": plan(validate(moved()), identity_map=known),
        "refused by the ODS": plan(checked(moved(*LOST)), identity_map=known),
        "a resync": plan(moved(), identity_map=known, ods=client.read_all(GENERAL), mode="resync"),
        "saved by an earlier version": of_an_earlier_version(asked(never, client), tmp_path),
    }
    sent, runs = writes(app), len(ledger.runs())
    for name, unsafe in made.items():
        pairs = int(unsafe.items["pair"].notna().sum()) // 2
        says = (
            rf"{pairs} key changes? of this plan: not checked against target 'sandbox'.*nothing was sent\. .*"
            r"edfi\.validate with target=.* and plan again\."
        )
        assert pairs, name
        for approved in ("auto", unsafe.fingerprint):
            with pytest.raises(StalePlan, match=says):
                publish(unsafe, target=client, ledger=ledger, approved=approved)
    assert writes(app) == sent
    assert len(ledger.runs()) == runs
    assert held_in(client) == wanted(before())


def test_what_was_checked_against_one_target_goes_to_no_other(app, client, ledger, tmp_path):
    with Client(replace(client.target, instance="training")) as elsewhere:
        made = asked(plan_once(before()), elsewhere)
        made.save(tmp_path)
        for other in (made, Plan.load(tmp_path)):
            for approved in ("auto", other.fingerprint):
                says = r"were checked against .*training.*, and target 'sandbox' is .*; nothing was sent"
                with pytest.raises(StalePlan, match=says):
                    publish(other, target=client, ledger=ledger, approved=approved)
    assert not writes(app)
    assert ledger.runs().empty
    publish(asked(made, client), target=client, ledger=ledger, approved="auto")
    assert held_in(client) == wanted(before())


def test_checked_against_the_target_it_goes_also_when_the_plan_was_saved_or_narrowed(
    client, ledger, known, tmp_path
):
    good = with_the_target(moved(), client, known)
    whole = plan(good, identity_map=known)
    again = Plan.load(whole.save(tmp_path))
    assert again.checked_against == whole.checked_against == client.target.identity
    assert plan(moved(), identity_map=known).fingerprint == again.fingerprint, "the changes are the same"
    assert with_live(whole, client.read_all(GENERAL)).checked_against == client.target.identity
    one = plan(good, identity_map=known, chosen=Chosen.of(good.ready.head(1)), schools=[LEA])
    assert (
        publish(one, target=client, ledger=ledger, approved="auto")["outcome"].tolist() == ["delivered"] * 2
    )
    rest = plan(good, identity_map=identities(ledger, client))
    assert set(publish(rest, target=client, ledger=ledger, approved="auto")["outcome"]) == {"delivered"}
    assert held_in(client) == wanted(moved())


def test_what_moves_no_key_needs_no_target(client, ledger, known):
    ended = a_build(a_participation(1, end_date="2026-01-31"), a_participation(3), settings=SETTINGS)
    made = plan(ended, identity_map=known)
    assert set(made.items["action"]) == {"POST", "PUT", "DELETE"}
    assert publish(made, target=client, ledger=ledger, approved="auto")["outcome"].eq("delivered").all()
    assert held_in(client) == wanted(ended)


def test_a_pair_whose_delete_is_through_is_finished_by_a_plan_that_no_one_checked(app, client, ledger, known):
    """As after an update of the toolkit: refused, the plan would leave the record deleted."""
    made = plan(moved(), identity_map=known)
    app.state.sandbox.faults.put([{"method": "POST", "resource": GENERAL, "status": 409}])
    publish(asked(made, client), target=client, ledger=ledger, approved="auto")
    assert held_in(client) == {}
    app.state.sandbox.faults.put([])
    assert publish(made, target=client, ledger=ledger, approved="auto")["outcome"].eq("delivered").all()
    assert held_in(client) == wanted(moved())


@pytest.mark.parametrize("status", [403, 500, 503])
def test_where_nothing_can_be_created_one_record_is_deleted_and_no_more(app, client, ledger, status):
    """Published again, neither. One that is through lets the others begin, whatever a later one of them meets."""
    six = range(1, 7)
    publish(plan(a_build(*map(a_participation, six))), target=client, ledger=ledger, approved="auto")
    later = moved(*(a_participation(number, begin_date="2025-09-30") for number in six))
    made = asked(plan(later, identity_map=identities(ledger, client)), client)
    refused = {"method": "POST", "resource": GENERAL, "status": status}
    for _ in range(2):
        app.state.sandbox.faults.put([refused])
        told = publish(made, target=client, ledger=ledger, approved="auto")
        assert told["outcome"].value_counts().to_dict() == {"delivered": 1, "pending": 11}
        assert writes(app)["DELETE", 204] == 1
        assert len(held_in(client)) == 5
    (lost,) = set(later.records["student_unique_id"]) - {student for _, student, *_ in held_in(client)}
    for begins in ("2025-09-30", "2025-10-15"):
        days = {number: begins if lost == f"S-{number}" else "2025-09-30" for number in six}
        tomorrow = moved(*(a_participation(number, begin_date=day) for number, day in days.items()))
        made_then = plan(tomorrow, identity_map=identities(ledger, client))
        told = publish(asked(made_then, client), target=client, ledger=ledger, approved="auto")
        assert told["outcome"].tolist() == ["pending"] * 10 + ["refused" if status == 403 else "pending"]
        assert writes(app)["DELETE", 204] == 1, "a new plan does not delete another one either"
    app.state.sandbox.faults.put([{**refused, "after": 1, "times": 1}])
    publish(made, target=client, ledger=ledger, approved="auto")
    assert writes(app)["DELETE", 204] == 6
    app.state.sandbox.faults.put([])
    publish(made, target=client, ledger=ledger, approved="auto")
    assert held_in(client) == wanted(later)


def test_a_refusal_that_cost_no_record_keeps_no_pair_waiting(app, client, ledger, known):
    """As of a student whom the login may not see, refused every night."""
    app.state.sandbox.faults.put([{"method": "POST", "resource": GENERAL, "status": 403}])
    with_new = plan(a_build(*BEFORE, a_participation(3)), identity_map=known)
    told = publish(with_new, target=client, ledger=ledger, approved="auto")
    assert told.loc[told["action"].eq("POST"), "outcome"].tolist() == ["refused"]
    app.state.sandbox.faults.put([{"method": "POST", "resource": GENERAL, "status": 403, "after": 2}])
    later = moved(*MOVED, a_participation(3))
    made = asked(plan(later, identity_map=identities(ledger, client)), client)
    told = publish(made, target=client, ledger=ledger, approved="auto")
    assert told["outcome"].tolist() == ["delivered"] * 4 + ["refused"]


def test_of_a_resource_with_errors_no_other_one_waits(app, client, ledger):
    """COM-KEY-3: the pairs of the other begin, and of this one no further."""
    in_cte = {"resource": CTE, "program_name": PROGRAMS[1], "program_type": PROGRAMS[1]}

    def begun(day):
        general = [a_participation(number, begin_date=day) for number in (1, 2)]
        cte = [
            a_participation(number, participation_id=f"c{number}", begin_date=day, **in_cte)
            for number in (1, 2)
        ]
        return a_build(*general, *cte, settings=SETTINGS)

    publish(plan(begun("2025-08-23")), target=client, ledger=ledger, approved="auto")
    made = asked(plan(begun("2025-09-30"), identity_map=identities(ledger, client)), client)
    app.state.sandbox.faults.put([{"method": "POST", "resource": GENERAL, "status": 500}])
    told = publish(made, target=client, ledger=ledger, approved="auto")
    by_resource = {name: sorted(part["outcome"]) for name, part in told.groupby("resource")}
    assert by_resource == {CTE: ["delivered"] * 4, GENERAL: ["delivered", "pending", "pending", "pending"]}


def test_a_delete_that_no_one_answered_counts_as_what_the_ods_says_of_it(app, client, ledger, known):
    """One that arrived has its POST follow; one that did not is not sent again."""
    made = plan(moved(MOVED[0], BEFORE[1]), identity_map=known)
    gone = {"method": "GET", "resource": GENERAL, "status": 503, "retry_after": 3600}
    for lost, left in (("drop_before_commit", 2), ("drop_after_commit", 1)):
        app.state.sandbox.faults.put([{"method": "DELETE", lost: True}, gone])
        told = publish(asked(made, client), target=client, ledger=ledger, approved="auto")
        assert told["outcome"].tolist()[:2] == ["unsure", "pending"]
        app.state.sandbox.faults.put([])
        assert len(held_in(client)) == left
        if left == 2:
            with pytest.raises(StalePlan, match="1 key change of"):
                publish(made, target=client, ledger=ledger, approved="auto")
            assert held_in(client) == wanted(before())
    assert publish(made, target=client, ledger=ledger, approved="auto")["outcome"].eq("delivered").all()
    assert held_in(client) == wanted(moved(MOVED[0], BEFORE[1]))


def test_of_a_plan_that_stopped_only_the_pairs_that_are_left_are_refused(app, client, ledger, known):
    """COM-KEY-3: the next plan sends what is left of it."""
    made = plan(moved(), identity_map=known)
    with in_process(app) as one_at_a_time:
        object.__setattr__(one_at_a_time.target, "concurrency", 1)
        publish(asked(made, client), target=one_at_a_time, ledger=ledger, approved="auto", max_requests=1)
    with pytest.raises(StalePlan, match="1 key change of"):
        publish(made, target=client, ledger=ledger, approved="auto")
    known = identities(ledger, client)
    rest = plan(with_the_target(moved(), client, known), identity_map=known)
    publish(rest, target=client, ledger=ledger, approved="auto")
    assert held_in(client) == wanted(moved())

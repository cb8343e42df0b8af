"""Publishing against the embedded ODS: order, pairs, healing, refusals, resuming, stale plans."""

from __future__ import annotations

import logging
from shutil import copy

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, LedgerError, OdsUnavailable, StalePlan, UnsafePlan
from edfi_toolkit.ledger import Ledger, schema
from edfi_toolkit.ledger.columns import RESULT_COLUMNS
from edfi_toolkit.ledger.journal import Journal
from edfi_toolkit.planning import Plan, plan
from edfi_toolkit.publishing import publish, recover
from tests.factories.builds import plan_once
from tests.factories.district import (
    CTE,
    GENERAL,
    a_build,
    a_participation,
    asked,
    checked,
    held_in,
    in_process,
    wanted,
    writes,
)


def feed_of(ledger, client):
    return ledger.feed(client.target.identity, "certification", "")


def five():
    """The records of five students."""
    return a_build(*map(a_participation, range(5)))


def planned(result, ledger, client, **given):
    known = ledger.identity_map(feed_of(ledger, client))
    return asked(plan(result, identity_map=known, **given) if given else plan_once(result, known), client)


def published(result, ledger, client, **given):
    made = planned(result, ledger, client)
    return publish(made, target=client, ledger=ledger, approved=made.fingerprint, **given)


def faults(app, *rules):
    app.state.sandbox.faults.put(list(rules))


def test_publish_brings_the_ods_to_what_the_source_says_and_a_repeat_is_all_noop(app, client, ledger):
    first = five()
    result = published(first, ledger, client)
    assert tuple(result.columns) == RESULT_COLUMNS
    assert set(result["outcome"]) == {"delivered"}
    assert set(result["status"]) == {201}
    assert held_in(client) == wanted(first)
    second = a_build(
        a_participation(0),
        a_participation(1, end_date="2026-01-31"),
        a_participation(2, begin_date="2025-09-30"),
        a_participation(3, resource=CTE),
        a_participation(7),
    )
    result = published(second, ledger, client)
    assert result["action"].tolist() == ["DELETE", "POST", "DELETE", "POST", "POST", "PUT", "DELETE", "NOOP"]
    assert set(result["outcome"]) == {"delivered"}
    assert held_in(client) == wanted(second)
    assert writes(app) == {("POST", 201): 8, ("DELETE", 204): 3, ("PUT", 204): 1}
    again = planned(second, ledger, client)
    assert set(again.items["action"]) == {"NOOP"}
    publish(again, target=client, ledger=ledger, approved="auto")
    assert sum(writes(app).values()) == 12


def test_nothing_is_sent_unless_this_very_plan_was_approved(app, client, ledger):
    made = plan(a_build(a_participation(1)))
    other = plan(a_build(a_participation(2)))
    with pytest.raises(StalePlan, match="Another plan was approved"):
        publish(made, target=client, ledger=ledger, approved=other.fingerprint)
    changed = made.items.assign(body=other.items["body"])
    for seal in (b"", made.seal):
        tampered = Plan(changed, made.findings, made.scope, made.mode, seal=seal)
        with pytest.raises(StalePlan):
            publish(tampered, target=client, ledger=ledger, approved=made.fingerprint)
    with pytest.raises(NotImplementedError):  # a body that is shown cannot be changed in place
        made.items.at[0, "body"] = other.items["body"].iloc[0]
    made.items["body"] = other.items["body"].tolist()
    with pytest.raises(StalePlan):
        publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    assert writes(app) == {}


def test_a_plan_whose_keys_were_edited_is_refused(app, client, ledger):
    """In its columns, in a body, or in both: the key of a record is the source's."""
    made = plan(a_build(a_participation(1), a_participation(2)))
    day, body = pd.Timestamp("2025-10-01"), made.items["body"].iloc[0]
    columns = made.items.copy()
    columns.loc[0, "begin_date"] = day
    bodies = made.items.assign(body=[body | {"beginDate": "2025-10-01"}, made.items["body"].iloc[1]])
    both = bodies.copy()
    both.loc[0, "begin_date"] = day
    keyless = made.items.assign(body=[body | {"programReference": None}, made.items["body"].iloc[1]])
    texts = made.items.assign(begin_date=["2025-10-01", made.items["begin_date"].dt.strftime("%Y-%m-%d")[1]])
    for items in (columns, bodies, both, keyless, texts):
        edited = Plan(items, made.findings, made.scope, made.mode, seal=made.seal)
        for approved in ("auto", edited.fingerprint):
            with pytest.raises(StalePlan, match=r"key of 1 items was edited .*Correct the source"):
                publish(edited, target=client, ledger=ledger, approved=approved)
    assert writes(app) == {}
    other = made.items.assign(body=[body | {"endDate": "2026-01-31"}, made.items["body"].iloc[1]])
    edited = Plan(other, made.findings, made.scope, made.mode, seal=made.seal)
    publish(edited, target=client, ledger=ledger, approved=edited.fingerprint)
    assert writes(app) == {("POST", 201): 2}


def test_a_plan_to_which_a_row_was_added_is_refused_in_words(app, client, ledger):
    published(a_build(a_participation(1)), ledger, client)
    sent = writes(app)
    made = planned(a_build(a_participation(1, begin_date="2025-09-30")), ledger, client)
    assert made.items["action"].tolist() == ["DELETE", "POST"]
    delete, post = made.items.head(1), made.items.tail(1)
    rows = {
        "3 linked pairs are no longer": (delete, delete.assign(pair=2), post.assign(pair=3)),
        "1 linked pairs are no longer one DELETE and one POST; .*Preview again": (delete, post, delete),
        r"key of 1 items was edited .*\(no resource\)": (delete, post, pd.DataFrame([{"action": "POST"}])),
    }
    for says, parts in rows.items():
        edited = Plan(pd.concat(parts, ignore_index=True), made.findings, made.scope, made.mode)
        with pytest.raises(StalePlan, match=says):
            publish(edited, target=client, ledger=ledger, approved="auto")
    assert writes(app) == sent


def test_a_plan_with_a_breach_needs_an_override_in_a_persons_name(app, client, ledger):
    """docs/concepts.md, guardrails."""
    published(a_build(a_participation(1)), ledger, client)
    emptied = planned(a_build(), ledger, client)
    with pytest.raises(UnsafePlan) as refused:
        publish(emptied, target=client, ledger=ledger, approved="auto")
    assert refused.value.breaches == ("source-lost", "empty-source")
    assert len(held_in(client)) == 1
    meant = ["empty-source:Ann Example", "source-lost:Ann Example"]
    publish(emptied, target=client, ledger=ledger, approved="auto", overrides=meant)
    assert held_in(client) == {}


def test_what_is_left_as_it_is_and_named_a_second_time_is_known_there_too(client, ledger):
    """By a plan that was edited."""
    now = a_build(a_participation(1), a_participation(2))
    published(now, ledger, client)
    made = planned(now, ledger, client)
    twice = pd.concat([made.items, made.items.head(1).assign(action="UNMAP")], ignore_index=True)
    publish(Plan(twice, made.findings, made.scope, made.mode), target=client, ledger=ledger, approved="auto")
    assert list(planned(now, ledger, client).items["action"]) == ["POST", "NOOP"]


def test_a_plan_is_stale_when_the_ledger_has_moved_under_it(app, client, ledger):
    """By one record that was updated, created or deleted; at last by one that moved and one that came again. A plan
    that sends nothing, too."""
    now = a_build(a_participation(1), a_participation(2))
    published(now, ledger, client)
    made = planned(a_build(a_participation(1, end_date="2026-01-31"), a_participation(4)), ledger, client)
    silent = planned(now, ledger, client)
    assert set(publish(silent, target=client, ledger=ledger, approved="auto")["outcome"]) == {"delivered"}
    for meanwhile, changed, of_silent in (
        ((a_participation(1, end_date="2026-02-02"), a_participation(2)), 1, 1),
        ((a_participation(1), a_participation(2), a_participation(3)), 1, 1),
        ((a_participation(1),), 1, 1),
        ((a_participation(1, begin_date="2025-09-09"), a_participation(2)), 3, 3),
    ):
        published(a_build(*meanwhile), ledger, client)
        before = writes(app)
        for stale, records in ((made, changed), (silent, of_silent)):
            with pytest.raises(StalePlan, match=f"{records} records have changed .*Plan again"):
                publish(stale, target=client, ledger=ledger, approved=stale.fingerprint)
        assert writes(app) == before


def test_a_resource_that_is_off_and_a_held_record_do_not_make_a_plan_stale(client, ledger):
    published(
        a_build(a_participation(1), a_participation(2), a_participation(3, resource=CTE)), ledger, client
    )
    off = [{"resource": CTE, "enabled": False}]
    after = a_build(a_participation(1, end_date="2026-01-31"), a_participation(2), resource_preferences=off)
    made = planned(checked(after, "S-1"), ledger, client)
    result = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    assert result["action"].tolist() == ["NOOP"]
    assert len(held_in(client)) == 3


def test_rec_p3_a_put_that_meets_a_404_posts_the_shown_body_once(app, client, ledger):
    published(a_build(a_participation(1), a_participation(2)), ledger, client)
    row = ledger.identity_map(feed_of(ledger, client)).iloc[0]
    _delete_by_hand(client, GENERAL, row["ed_fi_id"])
    after = a_build(a_participation(1, end_date="2026-01-31"), a_participation(2))
    result = published(after, ledger, client)
    put = result[result["action"].eq("PUT")].iloc[0]
    assert (put["outcome"], put["status"], put["attempts"]) == ("delivered", 201, 2)
    assert held_in(client) == wanted(after)
    assert ledger.rejections().empty
    assert set(planned(after, ledger, client).items["action"]) == {"NOOP"}


def _delete_by_hand(client, resource, ed_fi_id):
    from edfi_toolkit.ods import Write

    write = Write("DELETE", resource, None, ed_fi_id, None, "by hand")
    assert [outcome.outcome for outcome in client.apply([write])] == ["delivered"]


def test_rec_p4_a_delete_that_meets_a_404_is_done(client, ledger):
    published(a_build(a_participation(1), a_participation(2)), ledger, client)
    for ed_fi_id in ledger.identity_map(feed_of(ledger, client))["ed_fi_id"]:
        _delete_by_hand(client, GENERAL, ed_fi_id)
    result = published(a_build(a_participation(1)), ledger, client)
    assert result["outcome"].tolist() == ["delivered", "delivered"]
    assert ledger.identity_map(feed_of(ledger, client))["student_unique_id"].tolist() == ["S-1"]


def test_com_ups_1_a_post_that_finds_the_record_adopts_its_id(client, ledger, empty_ledger, tmp_path):
    result = a_build(a_participation(1))
    published(result, ledger, client)
    with Ledger(copy(empty_ledger, tmp_path / "second.db")) as second:
        again = published(result, second, client)
        assert again["status"].tolist() == [200]
        assert again["ed_fi_id"].tolist() == ledger.identity_map(feed_of(ledger, client))["ed_fi_id"].tolist()


def test_a_refused_record_is_kept_until_it_gets_through_and_stops_no_other(client, ledger):
    """An unknown student is refused, the others go on."""
    result = a_build(a_participation(1), a_participation(99))
    told = published(result, ledger, client, run_id="monday").set_index("student_unique_id")
    assert told["outcome"].to_dict() == {"S-1": "delivered", "S-99": "refused"}
    assert told.loc["S-99", "status"] == 403
    assert told.loc["S-99", "problem_type"].startswith("urn:ed-fi:api:security:authorization")
    (kept,) = ledger.rejections(run_id="monday").to_dict("records")
    assert kept["open"]
    assert kept["messages"]
    assert kept["source_refs"] == ["program_participation:p99", "students:99"]
    assert "REC-P1" in kept["rules"]
    published(result, ledger, client, run_id="tuesday")
    (again,) = ledger.rejections().to_dict("records")
    assert again["first_seen_at"] == kept["first_seen_at"]
    assert again["last_seen_at"] > kept["last_seen_at"]
    assert again["run_id"] == "tuesday"


def test_a_rejection_closes_when_the_record_is_delivered_or_no_longer_wanted(app, client, ledger):
    from edfi_toolkit.sandbox.control import seed
    from tests.factories.district import seed_lines

    published(a_build(a_participation(13), a_participation(14)), ledger, client)
    assert ledger.rejections()["open"].tolist() == [True, True]
    seed(app.state.sandbox.ods, seed_lines(14))
    published(a_build(a_participation(13), a_participation(1)), ledger, client)
    assert ledger.rejections().set_index("student_unique_id")["open"].to_dict() == {
        "S-13": False,
        "S-14": False,
    }
    assert ledger.rejections(feed=ledger.feed("elsewhere", "certification", "")).empty


def test_a_linked_post_that_fails_leaves_the_pair_pending_and_the_next_plan_posts_it(app, client, ledger):
    """COM-KEY-3."""
    published(a_build(a_participation(1), a_participation(2)), ledger, client)
    faults(app, {"method": "POST", "resource": GENERAL, "status": 409})
    after = a_build(a_participation(1, begin_date="2025-09-30"), a_participation(2))
    result = published(after, ledger, client)
    assert result[["action", "outcome", "status"]].values.tolist()[:2] == [
        ["DELETE", "delivered", 204],
        ["POST", "pending", 409],
    ]
    assert ledger.rejections()[["action", "outcome", "open"]].values.tolist() == [["POST", "pending", True]]
    faults(app)
    retried = planned(after, ledger, client)
    assert retried.items["action"].tolist() == ["POST", "NOOP"]
    publish(retried, target=client, ledger=ledger, approved="auto")
    assert held_in(client) == wanted(after)
    assert not ledger.rejections()["open"].any()


def test_a_linked_post_waits_while_its_delete_is_refused(app, client, ledger):
    published(a_build(a_participation(1)), ledger, client)
    faults(app, {"method": "DELETE", "status": 409})
    result = published(a_build(a_participation(1, begin_date="2025-09-30")), ledger, client)
    assert result[["action", "outcome"]].values.tolist() == [["DELETE", "refused"], ["POST", "pending"]]
    assert result["attempts"].iloc[1] == 0
    assert sorted(ledger.rejections()["outcome"]) == ["pending", "refused"]
    assert len(held_in(client)) == 1


def test_an_ods_that_is_away_raises_and_running_again_resumes(app, client, ledger):
    result = five()
    made = planned(result, ledger, client)
    faults(app, {"method": "POST", "resource": GENERAL, "after": 2, "status": 503, "retry_after": 3600})
    with pytest.raises(OdsUnavailable):
        publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    delivered = len(held_in(client))
    assert 0 < delivered < 5
    faults(app)
    told = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    assert set(told["outcome"]) == {"delivered"}
    assert held_in(client) == wanted(result)
    assert writes(app)[("POST", 201)] == 5
    assert len(ledger.runs()) == 1


def test_publishing_a_finished_plan_again_sends_nothing_and_tells_the_same(app, client, ledger):
    made = planned(a_build(a_participation(1), a_participation(2)), ledger, client)
    first = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    second = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    pd.testing.assert_frame_equal(first, second)
    assert sum(writes(app).values()) == 2


def test_the_same_plan_may_be_right_twice(client, ledger):
    """By run: a record that came, went and comes again is sent again."""
    one, none = a_build(a_participation(1), a_participation(2)), a_build(a_participation(2))
    first = planned(one, ledger, client)
    only = planned(none, ledger, client)
    publish(only, target=client, ledger=ledger, approved="auto")
    posts = planned(one, ledger, client)
    publish(posts, target=client, ledger=ledger, approved="auto")
    published(none, ledger, client)
    again = planned(one, ledger, client)
    assert again.fingerprint != first.fingerprint
    publish(again, target=client, ledger=ledger, approved="auto")
    assert held_in(client) == wanted(one)


def test_progress_counts_to_the_end(client, ledger):
    seen = []
    published(
        a_build(a_participation(1), a_participation(99)),
        ledger,
        client,
        progress=lambda done, total, counts: seen.append((done, total, counts)),
    )
    assert [done for done, _, _ in seen] == [0, 1, 2]
    assert seen[-1] == (2, 2, {"delivered": 1, "refused": 1})


def test_a_run_that_is_stopped_settles_what_it_knows(app, client, ledger):
    result = five()
    made = planned(result, ledger, client)

    def stop(done, total, counts):
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(made, target=client, ledger=ledger, approved="auto", progress=stop)
    assert len(ledger.identity_map(feed_of(ledger, client))) >= 2
    publish(made, target=client, ledger=ledger, approved="auto")
    assert held_in(client) == wanted(result)


def stopping_at(count):
    """A progress that asks to stop once so many items are done."""
    return lambda done, total, counts: done < count


def test_a_stop_settles_what_is_in_flight_and_leaves_the_rest_for_the_next_publish(app, client, ledger):
    from edfi_toolkit.sandbox.control import seed
    from tests.factories.district import seed_lines

    seed(app.state.sandbox.ods, seed_lines(60))
    result = a_build(*(a_participation(number) for number in range(60)))
    made = planned(result, ledger, client)
    told = publish(made, target=client, ledger=ledger, approved="auto", progress=stopping_at(5))
    delivered, unsent = told[told["outcome"].eq("delivered")], told[told["outcome"].eq("pending")]
    assert 5 <= len(delivered) < 60
    assert len(delivered) + len(unsent) == 60
    counted = ledger.runs()[["delivered", "refused", "pending", "unsettled"]]
    assert counted.to_numpy().tolist() == [[len(delivered), 0, len(unsent), 0]]
    assert set(unsent["attempts"]) == {0}
    assert len(held_in(client)) == len(delivered) == len(ledger.identity_map(feed_of(ledger, client)))
    assert ledger.rejections().empty
    assert ledger.attempts()["outcome"].value_counts().get("unsure", 0) == 0
    again = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    assert set(again["outcome"]) == {"delivered"}
    assert held_in(client) == wanted(result)
    assert writes(app) == {("POST", 201): 60}
    assert ledger.runs()[["delivered", "pending"]].to_numpy().tolist() == [[60, 0]]


def test_a_run_that_is_opened_again_after_another_sent_the_rest_leaves_nothing(client, ledger):
    made = planned(a_build(*map(a_participation, range(1, 4))), ledger, client)
    for run_id, progress in (("first", stopping_at(0)), ("second", None)):
        publish(made, target=client, ledger=ledger, approved="auto", run_id=run_id, progress=progress)
    assert ledger.runs()["pending"].tolist() == [3, 0]
    publish(made, target=client, ledger=ledger, approved="auto", run_id="first")
    assert ledger.runs()["pending"].tolist() == [0, 0]
    with ledger.writing() as connection:
        connection.execute(schema.attempts.delete())  # as when students are erased
    assert ledger.runs()["pending"].tolist() == [0, 0]


def test_a_stop_before_the_first_record_sends_nothing(app, client, ledger):
    made = planned(a_build(a_participation(1), a_participation(2)), ledger, client)
    told = publish(made, target=client, ledger=ledger, approved="auto", progress=stopping_at(0))
    assert told[["outcome", "attempts"]].values.tolist() == [["pending", 0], ["pending", 0]]
    assert ledger.runs()["pending"].tolist() == [2]
    assert writes(app) == {}
    assert publish(made, target=client, ledger=ledger, approved="auto")["outcome"].eq("delivered").all()


def test_a_stop_at_the_last_record_changes_nothing(client, ledger):
    told = published(a_build(a_participation(1)), ledger, client, progress=stopping_at(1))
    assert told["outcome"].tolist() == ["delivered"]
    assert ledger.runs()["ended_at"].notna().all()


def test_a_stop_never_leaves_a_linked_pair_half_done(app, client, ledger):
    """COM-KEY-3: the POST that finishes a record leaves after the stop, too."""
    published(five(), ledger, client)
    moved = a_build(
        a_participation(0, begin_date="2025-09-30"),
        a_participation(1),
        a_participation(2),
        a_participation(3, end_date="2026-01-31"),
        a_participation(4),
    )
    made = planned(moved, ledger, client)
    told = publish(made, target=client, ledger=ledger, approved="auto", progress=stopping_at(1))
    assert told[["action", "outcome"]].values.tolist()[:3] == [
        ["DELETE", "delivered"],
        ["POST", "delivered"],
        ["PUT", "pending"],
    ]
    assert publish(made, target=client, ledger=ledger, approved="auto")["outcome"].eq("delivered").all()
    assert held_in(client) == wanted(moved)


def test_a_put_that_heals_is_finished_after_a_stop(client, ledger):
    """REC-P3."""
    published(a_build(a_participation(1), a_participation(2)), ledger, client)
    mapped = ledger.identity_map(feed_of(ledger, client)).set_index("student_unique_id")["ed_fi_id"]
    _delete_by_hand(client, GENERAL, mapped["S-2"])
    after = a_build(*(a_participation(number, end_date="2026-01-31") for number in (1, 2)))
    told = published(after, ledger, client, progress=stopping_at(1))
    assert told["outcome"].tolist() == ["delivered", "delivered"]
    assert held_in(client) == wanted(after)


def test_a_put_that_heals_and_is_refused_is_tried_again_by_the_same_plan(app, client, ledger):
    """REC-P3: its identity is gone by then, and the plan holds all the same."""
    published(a_build(a_participation(1)), ledger, client)
    mapped = ledger.identity_map(feed_of(ledger, client)).set_index("student_unique_id")["ed_fi_id"]
    _delete_by_hand(client, GENERAL, mapped["S-1"])
    after = a_build(a_participation(1, end_date="2026-01-31"))
    made = planned(after, ledger, client)
    faults(app, {"method": "POST", "resource": GENERAL, "status": 400})
    told = publish(made, target=client, ledger=ledger, approved="auto")
    assert told["outcome"].tolist() == ["refused"]
    faults(app)
    told = publish(made, target=client, ledger=ledger, approved="auto")
    assert told["outcome"].tolist() == ["delivered"]
    assert held_in(client) == wanted(after)


def test_a_create_that_arrived_unnoticed_gives_way_to_the_newer_plan(app, client, ledger, monkeypatch):
    """The first run crashed before it could note the answer; the second plan was made before anybody looked."""
    older, newer = a_build(a_participation(1)), a_build(a_participation(1, end_date="2026-01-31"))
    made, commit = planned(newer, ledger, client), Journal.commit

    def no_room(journal, results, attempts=()):
        if results:
            raise LedgerError("The ledger cannot be written.")
        commit(journal, results, attempts)

    with monkeypatch.context() as crash:
        crash.setattr(Journal, "commit", no_room)
        with pytest.raises(LedgerError, match="cannot be written"):
            published(older, ledger, client)
    told = publish(made, target=client, ledger=ledger, approved="auto")
    assert told["outcome"].tolist() == ["delivered"]
    assert held_in(client) == wanted(newer)
    assert writes(app) == {("POST", 201): 1, ("POST", 200): 1}


def test_a_second_run_of_the_feed_is_refused_while_one_is_at_work(app, client, ledger, where):
    made = planned(a_build(a_participation(1)), ledger, client)
    with (
        Ledger(where) as other,
        other.exclusive(feed_of(other, client)),
        pytest.raises(LedgerError, match="Wait until it has finished"),
    ):
        publish(made, target=client, ledger=ledger, approved="auto")
    assert writes(app) == {}


def test_a_resync_adopts_forgets_refreshes_and_sends(app, client, ledger, empty_ledger, tmp_path):
    """REC-R1 to R8 carried out."""
    published(a_build(*(a_participation(number) for number in range(1, 6))), ledger, client)
    mapped = ledger.identity_map(feed_of(ledger, client)).set_index("student_unique_id")["ed_fi_id"]
    for student in ("S-2", "S-5"):
        _delete_by_hand(client, GENERAL, mapped[student])
    with Ledger(copy(empty_ledger, tmp_path / "other.db")) as other:
        published(a_build(a_participation(6), a_participation(7)), other, client)
    source = a_build(
        a_participation(1),
        a_participation(2),
        a_participation(3, end_date="2026-01-31"),
        a_participation(6),
        a_participation(7, end_date="2026-02-02"),
    )
    made = planned(source, ledger, client, ods=pd.concat(client.read(GENERAL)), mode="resync")
    assert sorted(zip(made.items["action"], made.items["student_unique_id"], strict=True)) == [
        ("ADOPT", "S-6"),
        ("ADOPT", "S-7"),
        ("DELETE", "S-4"),
        ("NOOP", "S-1"),
        ("POST", "S-2"),
        ("PUT", "S-3"),
        ("PUT", "S-7"),
        ("UNMAP", "S-2"),
        ("UNMAP", "S-5"),
    ]
    told = publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    assert set(told["outcome"]) == {"delivered"}
    assert held_in(client) == wanted(source)
    assert set(planned(source, ledger, client).items["action"]) == {"NOOP"}
    before = writes(app)
    publish(made, target=client, ledger=ledger, approved=made.fingerprint)
    assert writes(app) == before


def test_a_plan_saved_and_loaded_publishes_the_same(client, ledger, tmp_path):
    result = a_build(a_participation(1), a_participation(2), a_participation(3, resource=CTE))
    made = planned(result, ledger, client)
    loaded = Plan.load(made.save(tmp_path / "run"))
    publish(loaded, target=client, ledger=ledger, approved=made.fingerprint)
    assert held_in(client) == wanted(result)


def test_recover_costs_nothing_when_nothing_is_unsure(app, client, ledger):
    found = recover(target=client, ledger=ledger, profile="certification", source="", school_year=2026)
    assert found == 0
    assert app.state.sandbox.counters.shown()["total"] == 0


def test_neither_logs_nor_errors_name_a_student(app, ledger, caplog):
    caplog.set_level(logging.DEBUG)
    with in_process(app) as client:
        published(a_build(a_participation(1), a_participation(99)), ledger, client)
    assert "S-99" not in caplog.text


def test_records_of_another_school_year_than_the_targets_are_refused(app, client, ledger):
    """WI-SCP-1: the client's target holds 2026."""
    earlier = a_build(a_participation(0, begin_date="2024-08-26"), edfi_config=[{"school_year": 2025}])
    with pytest.raises(ConfigError, match="holds the school year 2026, and these records belong to 2025"):
        published(earlier, ledger, client)
    assert writes(app) == {}
    assert ledger.runs().empty

"""The engine against the embedded ODS: order, etags, budgets, and refusals that are nobody's record's."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections import Counter

import httpx
import orjson
import pytest

from edfi_toolkit.batch.exits import Exit, exit_of, exit_of_steps
from edfi_toolkit.errors import OdsRefusedLogin
from edfi_toolkit.model import associations
from edfi_toolkit.ods import Client, RetryPolicy, Write
from edfi_toolkit.planning import plan
from edfi_toolkit.privacy import Masker
from edfi_toolkit.publishing import publish
from edfi_toolkit.review.answers import published_view
from edfi_toolkit.sandbox.control import seed
from tests.factories.builds import plan_once
from tests.factories.district import (
    CTE,
    GENERAL,
    a_build,
    a_participation,
    asked,
    held_in,
    in_process,
    seed_lines,
    wanted,
    writes,
)


def published(result, ledger, client, **given):
    """Plan and publish; somebody answers for every breach."""
    feed = ledger.feed(client.target.identity, "certification", "")
    made = asked(plan_once(result, ledger.identity_map(feed)), client)
    meant = [f"{breach}:Ann Example" for breach in made.breaches]
    return publish(made, target=client, ledger=ledger, approved=made.fingerprint, overrides=meant, **given)


def mapped(ledger, client):
    return ledger.identity_map(ledger.feed(client.target.identity, "certification", "")).set_index(
        "student_unique_id"
    )


def count(told):
    return dict(Counter(zip(told["action"], told["outcome"], strict=True)))


def test_the_order_of_a_plan_is_one_the_api_allows(client):
    """None of the ten resources waits for another of them, and all wait for what they refer to."""
    order = client.dependencies()
    own = order[order["resource"].isin(associations())]
    assert own["resource"].nunique() == 10
    assert own["order"].nunique() == 1
    before = order[order["resource"].isin(["programs", "studentSchoolAssociations"])]
    assert before["order"].max() < own["order"].min()


# Etags


def change_by_hand(client, row, **members):
    """Somebody else writes the record, which gives it another etag."""
    body = {**client.get(GENERAL, row["ed_fi_id"]).body, **members}
    (outcome,) = client.apply([Write("PUT", GENERAL, orjson.dumps(body), row["ed_fi_id"], None, "by hand")])
    assert outcome.outcome == "delivered"
    assert outcome.etag != row["etag"]


def test_a_record_changed_by_somebody_else_meanwhile_is_not_overwritten_blindly(app, client, ledger):
    published(a_build(a_participation(1), a_participation(2)), ledger, client)
    change_by_hand(client, mapped(ledger, client).loc["S-1"], endDate="2026-05-05")
    told = published(
        a_build(*(a_participation(number, end_date="2026-01-31") for number in (1, 2))), ledger, client
    ).set_index("student_unique_id")
    assert told["outcome"].to_dict() == {"S-1": "refused", "S-2": "delivered"}
    assert told.loc["S-1", "status"] == 412
    assert ledger.rejections()["status"].tolist() == [412]
    assert {body["endDate"] for body in held_in(client).values()} == {"2026-05-05", "2026-01-31"}


def test_a_record_that_somebody_else_changed_to_what_we_say_is_delivered(app, client, ledger):
    """A 412 is read back."""
    published(a_build(a_participation(1), a_participation(2)), ledger, client)
    change_by_hand(client, mapped(ledger, client).loc["S-1"], endDate="2026-01-31")
    after = a_build(a_participation(1, end_date="2026-01-31"), a_participation(2))
    assert published(after, ledger, client)["outcome"].tolist() == ["delivered", "delivered"]
    assert writes(app)["PUT", 412] == 1
    assert held_in(client) == wanted(after)
    again = plan(after, identity_map=mapped(ledger, client).reset_index())
    assert set(again.items["action"]) == {"NOOP"}


def test_a_delete_of_a_record_that_somebody_else_changed_is_refused(client, ledger):
    published(a_build(a_participation(1), a_participation(2)), ledger, client)
    change_by_hand(client, mapped(ledger, client).loc["S-1"], endDate="2026-05-05")
    told = published(a_build(a_participation(2)), ledger, client)
    assert told[["action", "outcome", "status"]].values.tolist()[0] == ["DELETE", "refused", 412]
    assert len(held_in(client)) == 2


# Budgets


def test_a_run_that_has_used_up_its_requests_stops_and_the_next_goes_on(app, client, ledger):
    result = a_build(*(a_participation(number) for number in range(12)))
    assert count(published(result, ledger, client, max_requests=5)) == {
        ("POST", "delivered"): 5,
        ("POST", "pending"): 7,
    }
    assert writes(app) == {("POST", 201): 5}
    assert ledger.rejections().empty
    assert set(ledger.runs()["ended_at"].isna()) == {True}
    assert count(published(result, ledger, client, max_requests=50)) == {
        ("POST", "delivered"): 7,
        ("NOOP", "delivered"): 5,
    }
    assert writes(app) == {("POST", 201): 12}
    assert held_in(client) == wanted(result)


def test_retries_count_as_requests_and_a_pair_is_finished(app, client, ledger):
    published(a_build(*(a_participation(number) for number in range(3))), ledger, client)
    app.state.sandbox.faults.put([{"method": "DELETE", "status": 503, "times": 1}])
    moved = a_build(*(a_participation(number, begin_date="2025-09-30") for number in range(3)))
    told = published(moved, ledger, client, max_requests=1)
    assert told["outcome"].tolist() == ["delivered", "delivered", *["pending"] * 4]
    app.state.sandbox.faults.put([])
    assert count(published(moved, ledger, client)) == {
        ("POST", "delivered"): 2,
        ("DELETE", "delivered"): 2,
        ("NOOP", "delivered"): 1,
    }
    assert held_in(client) == wanted(moved)


def test_a_stop_while_the_ods_is_away_ends_the_run_and_the_next_goes_on(app, crowd, ledger):
    """Nothing is tried again, nothing is looked up, and what may have arrived stays open for the next run."""
    result = a_build(*(a_participation(number) for number in range(40)))
    app.state.sandbox.faults.put([{"method": "POST", "resource": GENERAL, "status": 504, "after": 5}])
    with in_process(app) as client:
        told = published(result, ledger, client, progress=lambda done, total, counts: not counts)
    kinds = count(told)
    assert kinds["POST", "delivered"] == 5
    assert kinds["POST", "unsure"] > 0
    assert sum(kinds.values()) == 40
    app.state.sandbox.faults.put([])
    with in_process(app) as client:
        published(result, ledger, client)
        assert held_in(client) == wanted(result)
    assert writes(app)["POST", 201] == 40


# Refusals that are not the record's


MANY = 200


@pytest.fixture
def crowd(app):
    """As many students, four times those that one kind of refusal ends a run after."""
    assert seed(app.state.sandbox.ods, seed_lines(MANY))["refused"] == []
    return a_build(*map(a_participation, range(MANY)))


def forbid(app, *taken):
    """Take from the key's claim set, as a host does."""
    host = {"claim_set": "Ed-Fi Sandbox", "namespaces": ("uri://",)}
    app.state.sandbox.ods.directory.add("host", **host, without=taken)


def test_a_key_that_may_not_write_is_told_once_and_not_ten_thousand_times(app, client, ledger, crowd):
    """Exit code 3, and the other resource is published."""
    forbid(app, f"{GENERAL}:Create")
    both = a_build(
        *map(a_participation, range(MANY)),
        *(
            a_participation(number, participation_id=f"c{number}", resource=CTE, begin_date="2025-10-01")
            for number in range(5)
        ),
    )
    told = published(both, ledger, client)
    tally = Counter(zip(told["resource"], told["outcome"], strict=True))
    assert tally[CTE, "delivered"] == 5
    assert 50 <= tally[GENERAL, "refused"] < 60
    assert tally[GENERAL, "refused"] + tally[GENERAL, "pending"] == MANY
    assert writes(app)["POST", 403] == tally[GENERAL, "refused"] == len(ledger.rejections())
    outcomes = told["outcome"].value_counts().to_dict()
    assert exit_of_steps({"publish": {"outcomes": outcomes}}) is Exit.ATTENTION
    said = repr(published_view(told, Masker(b"k" * 32)))
    assert f"The ODS answered 403 to one POST of {GENERAL} after another" in said
    assert (
        f"so {tally[GENERAL, 'pending']} more were not sent. Ask the host what this login may write." in said
    )
    forbid(app)
    assert set(published(both, ledger, client)["outcome"]) == {"delivered"}
    assert held_in(client) == wanted(both)
    assert not ledger.rejections()["open"].any()


def test_a_key_that_reaches_no_student_stops_too(app, ledger, crowd):
    """A 403 for each record, and none that was delivered."""
    app.state.sandbox.faults.put([{"method": "POST", "resource": GENERAL, "status": 403}])
    target, transport = in_process(app).target, httpx.ASGITransport(app)
    with Client(target, transport=transport, retry=RetryPolicy(same_refusal=40)) as client:
        tally = published(crowd, ledger, client)["outcome"].value_counts().to_dict()
    assert 40 <= tally["refused"] < 50
    assert tally["refused"] + tally["pending"] == MANY


def test_no_record_is_deleted_for_a_new_one_that_the_key_may_not_create(app, client, ledger, crowd):
    """COM-KEY-3: once the ODS takes no POST, the pairs that have not begun keep their old record."""
    published(crowd, ledger, client)
    forbid(app, f"{GENERAL}:Create")
    moved = a_build(*(a_participation(number, begin_date="2025-09-30") for number in range(MANY)))
    told = published(moved, ledger, client)
    tally = count(told)
    assert tally["DELETE", "delivered"] < 150
    assert tally["DELETE", "pending"] > MANY - 150
    assert len(held_in(client)) == tally["DELETE", "pending"]
    forbid(app)
    published(moved, ledger, client)
    assert held_in(client) == wanted(moved)


def test_a_login_that_is_refused_midway_ends_the_run_at_once(app, client, ledger, crowd):
    """Exit code 5: records were sent, so running again resumes."""
    app.state.sandbox.faults.put([{"method": "POST", "resource": GENERAL, "status": 401, "after": 20}])
    with pytest.raises(OdsRefusedLogin) as refused:
        published(crowd, ledger, client)
    assert exit_of(refused.value) is Exit.UNAVAILABLE
    assert writes(app)["POST", 401] <= 4 * client.target.concurrency, "those in flight, each asked twice"
    assert len(held_in(client)) == 20
    assert len(ledger.rejections()) <= client.target.concurrency, "only those that were in flight"
    app.state.sandbox.faults.put([])
    assert set(published(crowd, ledger, client)["outcome"]) == {"delivered"}
    assert writes(app)["POST", 201] == MANY
    assert not ledger.rejections()["open"].any()


def test_a_record_that_was_taken_and_then_refused_is_looked_up(app, client, ledger):
    """The answer to the first try got lost, and the second try met another error."""
    lost = {"method": "POST", "resource": GENERAL, "drop_after_commit": True, "times": 1}
    then = {"method": "POST", "resource": GENERAL, "status": 400, "times": 1}
    app.state.sandbox.faults.put([lost, then])
    result = a_build(a_participation(1))
    told = published(result, ledger, client)
    assert told["outcome"].tolist() == ["delivered"]
    assert held_in(client) == wanted(result)
    assert len(mapped(ledger, client)) == 1
    assert not ledger.rejections()["open"].any()


ONE_TRY = RetryPolicy(attempts=1)


def impatient(app, transport=httpx.ASGITransport):
    """A client that asks once, so that a lost answer leaves the record unsure."""
    return Client(in_process(app).target, transport=transport(app), retry=ONE_TRY)


def test_a_delete_that_nobody_answered_is_looked_up_and_its_post_follows(app, client, ledger):
    published(a_build(a_participation(1)), ledger, client)
    app.state.sandbox.faults.put([{"method": "DELETE", "drop_after_commit": True, "times": 1}])
    moved = a_build(a_participation(1, begin_date="2025-09-30"))
    with impatient(app) as once:
        told = published(moved, ledger, once)
    assert told[["action", "outcome"]].values.tolist() == [["DELETE", "delivered"], ["POST", "delivered"]]
    assert held_in(client) == wanted(moved)


def test_what_cannot_be_looked_up_stays_unsure_for_the_next_run(app, client, ledger):
    lost = {"method": "POST", "resource": GENERAL, "drop_after_commit": True, "times": 1}
    app.state.sandbox.faults.put([lost, {"method": "GET", "resource": GENERAL, "status": 503}])
    result = a_build(a_participation(1))
    with impatient(app) as once:
        assert published(result, ledger, once)["outcome"].tolist() == ["unsure"]
    assert ledger.runs()["unsettled"].tolist() == [1]
    app.state.sandbox.faults.put([])
    assert published(result, ledger, client)["outcome"].tolist() == ["delivered"]
    assert writes(app) == {("POST", 0): 1}, "found, not sent again"
    assert ledger.runs()["unsettled"].sum() == 0


class Discreet(httpx.ASGITransport):
    """An ODS that does not say under which id it has created a record, and finds it the second time only."""

    asked = False

    async def handle_async_request(self, request):
        response = await super().handle_async_request(request)
        response.headers.pop("location", None)
        if request.method == "GET" and GENERAL in request.url.path and not self.asked:
            self.asked = True
            return httpx.Response(200, json=[])
        return response


def test_a_record_whose_id_is_not_told_is_found(app, client, ledger):
    with impatient(app, Discreet) as once:
        told = published(a_build(a_participation(1)), ledger, once)
    assert told["outcome"].tolist() == ["delivered"]
    assert mapped(ledger, client)["ed_fi_id"].tolist() == told["ed_fi_id"].tolist()
    assert client.get(GENERAL, told["ed_fi_id"].iloc[0]) is not None


# A person stops it


CHILD = """
from edfi_toolkit.cli.progress import TerminalProgress
from edfi_toolkit.settings import Secret, Target
from edfi_toolkit.planning import Plan
from edfi_toolkit.publishing import publish

class Reporting(TerminalProgress):
    def __call__(self, done, total=None, counts={{}}):
        print(done, flush=True)
        return super().__call__(done, total, counts)

target = Target("sandbox", {url!r}, Secret({key!r}), Secret({secret!r}), school_year=2026)
with Reporting("Publishing") as progress:
    publish(Plan.load({folder!r}), target=target, ledger={ledger!r}, approved="auto", progress=progress)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_settles_what_is_in_flight(sandbox, tmp_path, repository, number):
    from edfi_toolkit.ledger import Ledger
    from tests.factories.district import target_of

    httpx.post(f"{sandbox.control_url}/seed", content=seed_lines(150), trust_env=False, timeout=60)
    slow = [{"method": "POST", "resource": GENERAL, "latency_ms": 20}]
    httpx.put(f"{sandbox.control_url}/faults", json=slow, trust_env=False)
    host = next(each for each in sandbox.clients if each["name"] == "host")
    result = a_build(*(a_participation(student) for student in range(150)))
    script = CHILD.format(
        url=sandbox.base_url,
        key=host["key"],
        secret=host["secret"],
        folder=str(plan(result).save(tmp_path / "plan")),
        ledger=str(tmp_path / "ledger.db"),
    )
    command = [sys.executable, "-m", "tests.script", script]
    with subprocess.Popen(
        command, cwd=repository, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as child:
        for line in child.stdout:
            if int(line) >= 20:
                child.send_signal(number)
                break
        _, said = child.communicate()
    assert child.returncode == 0
    assert "Stopping: what is under way is finished" in said
    target = target_of(sandbox.base_url, host, school_year=2026)
    with Client(target) as client, Ledger(tmp_path / "ledger.db") as ledger:
        delivered = len(mapped(ledger, client))
        assert 20 <= delivered < 150
        assert ledger.attempts()["settled_at"].notna().all()
        assert len(held_in(client)) == delivered
        assert set(published(result, ledger, client)["outcome"]) == {"delivered"}
        assert held_in(client) == wanted(result)

"""What an answer means, how long to wait, and when to stop."""

from __future__ import annotations

import random
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edfi_toolkit.ods import RetryPolicy, Verdict, judge
from edfi_toolkit.ods.problems import GATEWAY, Problem
from edfi_toolkit.ods.retry import RetryBudget, retry_after_s
from tests.proofs import bounded


def problem(kind="", status=400, message="m"):
    return Problem(
        f"urn:ed-fi:api:{kind}" if kind != GATEWAY else GATEWAY, "t", "d", (("", message),), status
    )


@pytest.mark.parametrize(
    ("verb", "status", "kind", "verdict"),
    [
        ("POST", 200, None, Verdict.DELIVERED),
        ("POST", 201, None, Verdict.DELIVERED),
        ("PUT", 204, None, Verdict.DELIVERED),
        ("DELETE", 404, "not-found", Verdict.DELIVERED),
        ("PUT", 404, "not-found", Verdict.REFUSED),
        ("POST", 404, "not-found", Verdict.REFUSED),
        ("DELETE", 404, GATEWAY, Verdict.UNAVAILABLE),
        ("POST", 200, GATEWAY, Verdict.UNAVAILABLE),
        ("POST", None, None, Verdict.UNSURE),
        ("POST", 302, GATEWAY, Verdict.MISCONFIGURED),
        ("POST", 400, "bad-request:data-validation-failed", Verdict.REFUSED),
        ("POST", 401, "security:authentication", Verdict.LOGIN),
        ("POST", 403, "security:authorization", Verdict.REFUSED),
        ("POST", 405, "method-not-allowed", Verdict.REFUSED),
        ("POST", 408, None, Verdict.UNAVAILABLE),
        ("POST", 409, "data-conflict:unresolved-reference", Verdict.REFUSED),
        ("DELETE", 409, "data-conflict:dependent-item-exists", Verdict.REFUSED),
        ("POST", 409, "data-conflict:multi-user-conflict", Verdict.CONFLICT),
        ("POST", 409, "data-conflict:non-unique-identity", Verdict.CONFLICT),
        ("POST", 409, "identity-conflict", Verdict.CONFLICT),
        ("POST", 409, "data-conflict", Verdict.REFUSED),
        ("PUT", 412, "optimistic-lock-failed", Verdict.PRECONDITION_FAILED),
        ("POST", 413, GATEWAY, Verdict.REFUSED),
        ("POST", 415, "unsupported-media-type", Verdict.REFUSED),
        ("POST", 429, "too-many-requests", Verdict.BUSY),
        ("POST", 500, "system", Verdict.SERVER_ERROR),
        ("POST", 500, "system:database-connection", Verdict.SERVER_ERROR),
        ("POST", 500, "system:configuration:security", Verdict.MISCONFIGURED),
        ("POST", 501, None, Verdict.REFUSED),
        ("POST", 502, GATEWAY, Verdict.UNAVAILABLE),
        ("POST", 503, "service-unavailable", Verdict.UNAVAILABLE),
        ("POST", 504, None, Verdict.UNAVAILABLE),
    ],
)
def test_an_answer_has_one_meaning(verb, status, kind, verdict):
    assert judge(verb, status, None if kind is None else problem(kind, status or 0)) is verdict


def test_a_delete_sent_to_a_wrong_path_is_not_a_success():
    wrong = problem(
        "not-found", 404, "Path '/data/v3/ed-fi/nonsense' does not exist. Check the resource name."
    )
    assert judge("DELETE", 404, wrong) is Verdict.REFUSED


@bounded(50)
@given(st.integers(1, 60), st.integers())
def test_the_wait_is_any_part_of_a_span_that_doubles_up_to_a_limit(attempt, seed):
    policy = RetryPolicy(first_wait_s=0.5, longest_wait_s=30)
    wait = policy.backoff_s(attempt, random.Random(seed))
    assert 0 <= wait <= min(30, 0.5 * 2 ** (attempt - 1))


def test_two_clients_do_not_come_back_together():
    policy = RetryPolicy()
    waits = {policy.backoff_s(5, random.Random(seed)) for seed in range(50)}
    assert len(waits) == 50


@bounded(50)
@given(st.floats(0, 300), st.integers())
def test_nothing_is_retried_before_its_retry_after(asked, seed):
    wait = RetryPolicy().next_wait_s(Verdict.BUSY, 1, random.Random(seed), retry_after_s=asked)
    assert wait is not None
    assert wait >= asked


@pytest.mark.parametrize(
    ("verdict", "tries"),
    [
        (Verdict.UNSURE, 7),
        (Verdict.UNAVAILABLE, 7),
        (Verdict.SERVER_ERROR, 4),
        (Verdict.CONFLICT, 5),
        (Verdict.BUSY, 9),
        (Verdict.REFUSED, 1),
        (Verdict.LOGIN, 1),
        (Verdict.PRECONDITION_FAILED, 1),
        (Verdict.MISCONFIGURED, 1),
    ],
)
def test_tries_are_limited_by_what_is_answered(verdict, tries):
    policy, chance = RetryPolicy(), random.Random(1)
    assert policy.next_wait_s(verdict, tries, chance) is None
    if tries > 1:
        assert policy.next_wait_s(verdict, tries - 1, chance) is not None


def test_a_long_retry_after_and_a_long_story_are_not_waited_for():
    policy, chance = RetryPolicy(longest_pause_s=60, total_s=100), random.Random(1)
    assert policy.next_wait_s(Verdict.BUSY, 1, chance, retry_after_s=61) is None
    assert policy.next_wait_s(Verdict.UNAVAILABLE, 1, chance, elapsed_s=100.1) is None


def test_the_budget_keeps_retries_a_share_of_all_requests():
    budget = RetryBudget(RetryPolicy(share=0.5, reserve=3))
    assert [budget.spend() for _ in range(4)] == [True, True, True, False]
    for _ in range(4):
        budget.earn()
    assert [budget.spend() for _ in range(3)] == [True, True, False]
    for _ in range(1000):
        budget.earn()
    assert sum(budget.spend() for _ in range(1000)) == 3


NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("7", 7.0),
        (" 0.5", 0.5),
        ("-3", 0.0),
        ("Sun, 01 Mar 2026 12:00:30 GMT", 30.0),
        ("Sun, 01 Mar 2026 11:00:00 GMT", 0.0),
        ("soon", None),
        ("nan", None),
        ("inf", None),
        ("", None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value, seconds):
    assert retry_after_s(value, NOW) == seconds

"""How many requests are in flight."""

from __future__ import annotations

import random

from edfi_toolkit.ods import RetryPolicy
from edfi_toolkit.ods.pace import Pace


def a_pace(ceiling=64, **policy):
    return Pace(ceiling, RetryPolicy(**policy), random.Random(1))


def test_it_starts_low_grows_to_the_ceiling_and_stays_there():
    pace = a_pace(ceiling=32)
    assert pace.limit == 4
    for _ in range(200):
        pace.succeeded(0.03)
    assert pace.limit == 32
    assert a_pace(ceiling=1).limit == 1


def test_it_does_not_grow_when_latency_rises():
    pace = a_pace()
    pace.succeeded(0.03)
    for _ in range(50):
        pace.succeeded(0.5)
    before = pace.limit
    for _ in range(50):
        pace.succeeded(0.5)
    assert pace.limit == before < 64


def test_requests_in_flight_together_halve_it_once():
    pace = a_pace()
    for _ in range(60):
        pace.succeeded(0.03)
    began_in = pace.round
    for _ in range(8):
        pace.failed(began_in, now=0.0)
    assert pace.limit == 32
    assert pace.failures == 1


def test_after_a_failure_it_doubles_to_where_it_failed_and_grows_by_one_a_round_from_there():
    pace = a_pace(ceiling=200)
    for _ in range(60):
        pace.succeeded(0.03)
    pace.failed(pace.round, now=0.0)
    assert pace.limit == 32
    for _ in range(32):
        pace.succeeded(0.03)
    assert pace.limit == 64
    for _ in range(64):
        pace.succeeded(0.03)
    assert 64.9 < pace.limit <= 65.0


def test_one_failure_in_ten_that_has_nothing_to_do_with_our_pace_leaves_half_of_it():
    pace, chance, limits = a_pace(ceiling=16), random.Random(3), []
    for _ in range(3_000):
        if chance.random() < 0.1:
            pace.failed(pace.round, now=0.0)
        else:
            pace.succeeded(0.03)
        limits.append(pace.limit)
    assert sum(limits) / len(limits) > 6


def test_a_lower_limit_of_the_server_is_found_in_a_few_rounds():
    pace = a_pace(ceiling=64)
    for _ in range(100):
        pace.succeeded(0.03)
    for _ in range(200):  # from now on it bears 5 at once
        pace.failed(pace.round, now=0.0) if pace.limit > 5 else pace.succeeded(0.03)
    assert 2 <= pace.limit <= 6


def test_one_failure_pauses_nothing_and_the_third_in_a_row_pauses_all():
    pace = a_pace()
    for _ in range(2):
        pace.failed(pace.round, now=100.0, wait_s=9.0)
    assert pace.resume_at == 0.0
    pace.failed(pace.round, now=100.0, wait_s=9.0)
    assert pace.resume_at >= 109.0


def test_a_success_between_forgives():
    pace = a_pace(rounds=3)
    for _ in range(10):
        pace.failed(pace.round, now=0.0)
        pace.failed(pace.round, now=0.0)
        pace.succeeded(0.03)
    assert not pace.exhausted
    for _ in range(3):
        pace.failed(pace.round, now=0.0)
    assert pace.exhausted


def test_an_error_that_may_be_one_records_own_slows_down_and_ends_nothing():
    pace = a_pace(rounds=3)
    for _ in range(20):
        pace.failed(pace.round, now=0.0, counts=False)
    assert pace.limit == 1
    assert not pace.exhausted
    assert pace.resume_at == 0.0


def test_an_ods_that_is_unavailable_is_waited_for_up_to_a_minute():
    class Longest(random.Random):
        def uniform(self, a, b):
            return b

    pace, now = Pace(64, RetryPolicy(), Longest()), 0.0
    while not pace.exhausted:
        now = max(now, pace.resume_at)
        pace.failed(pace.round, now=now)
    assert 60 <= now <= 65

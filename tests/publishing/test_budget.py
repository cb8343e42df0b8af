"""When a run begins no further record."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.publishing.budget import Budget


def test_without_limits_a_run_goes_on_until_somebody_asks_to_stop():
    budget = Budget()
    assert budget.allows(10**9)
    budget.stopped = True
    assert not budget.allows(0)


def test_time_and_requests_are_used_up_once_and_for_all():
    now = [100.0]
    budget = Budget(max_seconds=60, max_requests=5, clock=lambda: now[0])
    assert budget.allows(4)
    now[0] = 160.0
    assert not budget.allows(0)
    now[0] = 100.0
    assert not budget.allows(0)
    assert not Budget(max_requests=5).allows(5)


@pytest.mark.parametrize("limit", [{"max_seconds": 0}, {"max_requests": -1}])
def test_a_limit_below_one_is_a_mistake(limit):
    with pytest.raises(ConfigError, match="must be 1 or more"):
        Budget(**limit)

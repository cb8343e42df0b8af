"""Fixtures: an embedded ODS that knows the district of `district.py`, and a client of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from edfi_toolkit.ods import Client, RetryPolicy
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import seed
from tests.factories.district import in_process, seed_lines


@pytest.fixture
def app() -> Any:
    """The embedded ODS, with twelve students."""
    made = create_app()
    assert seed(made.state.sandbox.ods, seed_lines(12))["refused"] == []
    return made


@pytest.fixture
def client(app: Any) -> Iterator[Client]:
    """A client of the embedded ODS, which tries again as often as any: no network needs the seconds between."""
    with in_process(app, RetryPolicy(first_wait_s=0.01, longest_wait_s=0.02)) as opened:
        yield opened

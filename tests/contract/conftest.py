"""One sandbox a module for the tests of the client, reached both ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edfi_toolkit.sandbox import create_app, start
from tests.contract.briar_hollow import Host


@pytest.fixture(scope="module", params=["in-process", "socket"])
def running(request: pytest.FixtureRequest) -> Iterator[Host]:
    """A sandbox with an invented district of 60 enrolled students, reached both ways."""
    if request.param == "in-process":
        yield Host("http://localhost", create_app())
    else:
        with start() as process:
            yield Host(process.base_url)


@pytest.fixture
def host(running: Host) -> Host:
    """The sandbox, clean."""
    running.clean()
    return running

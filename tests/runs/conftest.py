"""A working folder with the certification sample, and a sandbox over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edfi_toolkit.cli.playground import Playground, make_playground, target_environ, working_in
from edfi_toolkit.sandbox import Running, start


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with start() as running:
        yield running


@pytest.fixture
def work(tmp_path: Path, sandbox: Running) -> Iterator[Playground]:
    """The sample in a folder of its own, its ODS as new."""
    import httpx

    made = make_playground(tmp_path / "work", "certification")
    made.source_becomes("after")  # the state of which the ODS refuses nothing
    httpx.post(f"{sandbox.control_url}/reset").raise_for_status()
    for seed in made.seeds:
        httpx.post(f"{sandbox.control_url}/seed", content=seed.read_bytes()).raise_for_status()
    with working_in(made.folder, target_environ(sandbox)):
        yield made

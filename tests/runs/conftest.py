"""A working folder with the certification sample, and a sandbox over a socket."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from edfi_toolkit.cli.playground import Playground, make_playground, target_environ, working_in
from edfi_toolkit.ods.session import _shared_tokens
from edfi_toolkit.runs import open_run
from edfi_toolkit.sandbox import Running, start


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Running]:
    with start() as running:
        yield running


def as_new(sandbox: Running, made: Playground) -> None:
    """The ODS as the sample finds it. A reset ends all tokens, those that are shared and kept too."""
    _shared_tokens.clear()
    shutil.rmtree(made.folder / "data" / "tokens", ignore_errors=True)
    httpx.post(f"{sandbox.control_url}/reset").raise_for_status()
    for seed in made.seeds:
        httpx.post(f"{sandbox.control_url}/seed", content=seed.read_bytes()).raise_for_status()


@pytest.fixture(scope="module")
def first_run(tmp_path_factory: pytest.TempPathFactory, sandbox: Running) -> Playground:
    """The sample in a folder, and a run of it up to its preview, which takes too long to do for every test."""
    made = make_playground(tmp_path_factory.mktemp("first") / "work", "certification")
    made.source_becomes("after")  # the state of which the ODS refuses nothing
    as_new(sandbox, made)
    with working_in(made.folder, target_environ(sandbox)):
        run = open_run(profile="certification", school_year=2026, source="sample", run_id="new")
        for step in (run.extract, run.build, run.validate, run.preview):
            step()
    return made


@pytest.fixture
def work(tmp_path: Path, sandbox: Running, first_run: Playground) -> Iterator[Playground]:
    """A copy of it, the ODS as new."""
    made = replace(first_run, folder=tmp_path / "work")
    shutil.copytree(first_run.folder, made.folder)
    as_new(sandbox, made)
    with working_in(made.folder, target_environ(sandbox)):
        yield made

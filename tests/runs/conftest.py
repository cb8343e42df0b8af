"""Samples, runs of them as previewed and as published, and the ODS behind them: made once, copied for every test."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from edfi_toolkit.cli.playground import Playground, make_playground, target_environ, working_in
from edfi_toolkit.runs import open_run
from tests.processes import KeptOds, kept_ods
from tests.stages import Stage, seeded


@pytest.fixture(scope="session")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KeptOds]:
    with kept_ods(tmp_path_factory.mktemp("ods")) as ods:
        yield ods


@pytest.fixture(scope="session")
def first_run(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds) -> Stage:
    """The certification sample, and a run of it up to its preview, which takes too long to do for every test."""
    made = make_playground(tmp_path_factory.mktemp("first") / "work", "certification")
    stage = seeded(made, "after", sandbox)  # the state of which the ODS refuses nothing
    with working_in(made.folder, target_environ(sandbox)):
        run = open_run(profile="certification", school_year=2026, source="sample", run_id="new")
        for step in (run.extract, run.build, run.validate, run.preview):
            step()
    return stage


@pytest.fixture(scope="session")
def first_sent(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, first_run: Stage) -> Stage:
    """The same, and the run was published."""
    with first_run.copied(tmp_path_factory.mktemp("sent") / "work", sandbox) as made:
        open_run(profile="certification", school_year=2026, source="sample").publish(approved="auto")
    return Stage(made, sandbox.keep())


@pytest.fixture(scope="session")
def first_in_new_mexico(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds) -> Stage:
    """The first state of the New Mexico sample, and a run of it that was published: the ODS refused six records."""
    made = make_playground(tmp_path_factory.mktemp("new-mexico") / "work", "nm-powerschool")
    seeded(made, "before", sandbox)
    with working_in(made.folder, target_environ(sandbox)):
        run = open_run(profile="nm-powerschool", school_year=2026, source="sample", run_id="new")
        for step in (run.extract, run.build, run.validate, run.preview):
            step()
        run.publish(approved="auto")
    return Stage(made, sandbox.keep())


@pytest.fixture
def work(tmp_path: Path, sandbox: KeptOds, first_run: Stage) -> Iterator[Playground]:
    """A copy of it, the ODS as new."""
    with first_run.copied(tmp_path / "work", sandbox) as made:
        yield made


@pytest.fixture
def sent(tmp_path: Path, sandbox: KeptOds, first_sent: Stage) -> Iterator[Playground]:
    """A copy of it with the run published, and the ODS as that left it."""
    with first_sent.copied(tmp_path / "work", sandbox) as made:
        yield made

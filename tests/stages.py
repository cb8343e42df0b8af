"""Working folders with a sample and the ODS behind them: a stage is made once, and copied for every test."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import httpx

from edfi_toolkit.cli.playground import Playground, target_environ, working_in
from edfi_toolkit.ods.session import _shared_tokens
from edfi_toolkit.runs import Run, open_run
from edfi_toolkit.runs.folder import RunFolder
from tests.processes import KeptOds


@dataclass(frozen=True)
class Stage:
    """A working folder, and what the ODS held when work on it was left."""

    made: Playground
    ods: Path

    @contextmanager
    def copied(self, folder: Path, sandbox: KeptOds) -> Iterator[Playground]:
        """A copy of it to work in. No token outlives what the ODS was, neither a shared nor a kept one."""
        _shared_tokens.clear()
        made = replace(self.made, folder=folder)
        shutil.copytree(self.made.folder, folder, ignore=shutil.ignore_patterns("tokens"))
        sandbox.restore(self.ods)
        with working_in(folder, target_environ(sandbox)):
            yield made


def seeded(made: Playground, state: str, sandbox: KeptOds, *, practice: bool = True) -> Stage:
    """The source in a state of the sample, the ODS as the sample finds it; practice: with what it refuses of it."""
    made.source_becomes(state)
    _shared_tokens.clear()
    sandbox.restore()
    for seed in made.seeds if practice else made.seeds[:1]:
        httpx.post(f"{sandbox.control_url}/seed", content=seed.read_bytes()).raise_for_status()
    return Stage(made, sandbox.keep())


def found_the_same(like: Run) -> Run:
    """A new run that stands where this one stood when it was validated, without the time that takes."""
    runs = like.installation.runs_dir
    run_id = (
        f"{like.id}-{sum(path.name.startswith(like.id) for path in runs.iterdir())}"  # sorts after the others
    )
    shutil.copytree(like.path, runs / run_id)
    folder = RunFolder(runs, run_id)
    folder.forget_from("preview")
    folder._write_manifest({**folder.manifest, "run_id": run_id})
    return open_run(
        profile=like.profile,
        school_year=like.school_year,
        source=like.source.name,
        target=like.target_name,
        run_id=run_id,
    )

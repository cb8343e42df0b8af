"""One unattended run of the notebooks on the certification sample, against a sandbox over a socket."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from edfi_toolkit.batch.kernels import Kernel
from edfi_toolkit.batch.notebooks import unattended_kernel
from edfi_toolkit.batch.unattended import Unattended, run_unattended
from edfi_toolkit.cli.playground import make_playground, target_environ, working_in
from edfi_toolkit.sandbox import Running, start


@dataclass(frozen=True)
class Published:
    """The run, its kernel, what that and we said meanwhile, and the sandbox's credentials."""

    done: Unattended
    sandbox: Running
    folder: Path
    said: str
    kernel: Kernel


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    folder = tmp_path_factory.mktemp("notebooks") / "work"
    made = make_playground(folder, "certification")
    said: list[str] = []
    with start(seeds=made.seeds) as running:
        environ = {**target_environ(running), "EDFI_LOG_LEVEL": "debug"}
        with unattended_kernel(made.folder, environ) as kernel:
            with working_in(made.folder, environ):
                done = run_unattended(
                    profile="certification",
                    school_year=2026,
                    source="sample",
                    target="sandbox",
                    approved="auto",
                    progress_of=lambda name: lambda *counts: said.append(str((name, *counts))),
                    kernel=kernel,
                )
            yield Published(done, running, made.folder, "\n".join(said), kernel)


@pytest.fixture(scope="module")
def resynced(published: Published) -> Unattended:
    """The same district, resynced by what changed: nothing but what was refused is missing."""
    with (published.folder / "edfi.toml").open("a", encoding="utf-8") as settings:
        settings.write("\n[targets.sandbox]\nincremental = true\n")
    with working_in(published.folder, target_environ(published.sandbox)):
        return run_unattended(
            profile="certification",
            school_year=2026,
            source="sample",
            target="sandbox",
            approved="auto",
            mode="resync",
            kernel=published.kernel,
        )

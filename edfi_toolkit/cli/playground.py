"""A working folder with a sample district, a settings file, and a sandbox next to it, for demo and lab."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.storage import write_private

if TYPE_CHECKING:
    from edfi_toolkit.sandbox import Running

MARK = "# Made by edfi-toolkit; the folder is emptied when it is made again.\n"
SETTINGS = (
    MARK
    + """
[paths]
ledger = "ledger.db"
runs = "runs"

[sources.sample]
path = "source"
"""
)


@dataclass(frozen=True)
class Playground:
    """Where it is, and the sample it was made from."""

    folder: Path
    sample: Path

    def source_becomes(self, state: str) -> None:
        """Let the source hold the sample's files of `before` or `after`; its name, and so its feed, stays."""
        if not (self.sample / state).is_dir():
            raise ConfigError(f"The sample {self.sample.name} has no folder {state}.")
        shutil.rmtree(self.folder / "source", ignore_errors=True)
        shutil.copytree(self.sample / state, self.folder / "source")

    @property
    def seeds(self) -> list[Path]:
        """What the sandbox ODS holds before anything is published."""
        return sorted(self.sample.glob("ods-seed*.jsonl"))


def make_playground(folder: Path, profile: str) -> Playground:
    """Make the folder again from the sample of a profile. ConfigError when it holds other things."""
    from edfi_toolkit.batch.unattended import shipped

    samples = shipped("data/samples")
    if not (samples / profile).is_dir():
        known = ", ".join(sorted(folder.name for folder in samples.iterdir() if folder.is_dir()))
        raise ConfigError(f"There is no sample for {profile!r}. There are: {known}.")
    settings = folder / "edfi.toml"
    if folder.exists() and any(folder.iterdir()):
        if not (settings.is_file() and settings.read_text("utf-8").startswith(MARK)):
            raise ConfigError(f"{folder} holds other files. Give another folder with --folder.")
        shutil.rmtree(folder)
    write_private(settings, SETTINGS)
    made = Playground(folder.resolve(), samples / profile)
    made.source_becomes("before")
    return made


def target_environ(sandbox: Running) -> dict[str, str]:
    """The environment that makes a running sandbox the target of that name."""
    client = next(client for client in sandbox.clients if client["name"] == "district")
    return {
        "EDFI_TARGET_SANDBOX_URL": sandbox.base_url,
        "EDFI_TARGET_SANDBOX_KEY": client["key"],
        "EDFI_TARGET_SANDBOX_SECRET": client["secret"],
    }


@contextmanager
def working_in(folder: Path, environ: dict[str, str]) -> Iterator[None]:
    """Work in a folder with further environment variables, then as before."""
    here, before = Path.cwd(), dict(os.environ)
    os.environ.update(environ)
    os.chdir(folder)
    try:
        yield
    finally:
        os.chdir(here)
        os.environ.clear()
        os.environ.update(before)

"""A workspace: notebooks, settings, sources and runs in one folder, which a person opens day after day.

What is there stays as it is. A notebook is renewed with the toolkit while no one has edited its cells; its outputs
come again when it runs. A sample workspace has a sandbox ODS of its own, which keeps its data, its login and its
address, since the ledger knows a target by its address.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from edfi_toolkit.errors import ConfigError, StorageUnavailable, what_failed
from edfi_toolkit.storage import private_folder, write_private

SETTINGS = """\
# Settings of this workspace. No key, secret or password belongs in this file.
# What each line means: docs/settings.md. The form in 00_start_here.ipynb writes here too.

[paths]
ledger = "data/ledger.db"      # what was published, and by whom: keep it
runs = "runs"
"""
SAMPLE = """
[sources.sample]               # an invented district
path = "source"
"""
_ABOUT, _NOTEBOOKS = ".edfi/workspace.json", ".edfi/notebooks.json"
_SAMPLE_YEAR = 2026
_LOW, _PORTS = 20_000, 10_000


@dataclass(frozen=True)
class Workspace:
    """Where it is, and for a sample workspace whose sample it is and at which port its sandbox answers."""

    folder: Path
    sample: str | None = None
    port: int = 0


def open_workspace(folder: Path, profile: str) -> Workspace:
    """What is in the folder, with the notebooks it lacks; in an empty or a new one, the sample of a profile.

    A folder with other files, such as extracts, becomes a workspace without a sample. Nothing in it is changed.
    """
    folder = folder.expanduser().resolve()
    if folder.exists() and not folder.is_dir():
        raise ConfigError(f"{folder} is a file. Name a folder to work in.")
    if not (folder / "edfi.toml").is_file():
        _make(folder, profile, empty=not folder.exists() or not any(folder.iterdir()))
    bring_notebooks(folder)
    about = _read(folder / _ABOUT)
    return Workspace(folder, about.get("sample"), int(about.get("port", 0)))


def another(folder: Path) -> Path:
    """The first of `folder-2`, `folder-3` … that is not there; the folder itself when that is free."""
    names = itertools.chain([folder], (folder.with_name(f"{folder.name}-{n}") for n in itertools.count(2)))
    return next(name for name in names if not name.exists())


def bring_notebooks(folder: Path) -> None:
    """Copy the notebooks that are missing, and those of which the toolkit has a newer version and no one edited."""
    from edfi_toolkit.batch.unattended import shipped

    brought = _read(folder / _NOTEBOOKS)
    for path in sorted(shipped("notebooks").glob("*.ipynb")):
        there = folder / path.name
        untouched = there.exists() and brought.get(path.name) == _cells_of(there)
        if not there.exists() or (untouched and _cells_of(path) != brought[path.name]):
            write_private(there, path.read_bytes())
            brought[path.name] = _cells_of(path)
    write_private(folder / _NOTEBOOKS, orjson.dumps(brought, option=orjson.OPT_INDENT_2))


@contextmanager
def sandbox_of(workspace: Workspace) -> Iterator[dict[str, str]]:
    """The sandbox of a sample workspace while the block runs: the environment that makes it the target `sandbox`."""
    from edfi_toolkit.cli.playground import target_environ
    from edfi_toolkit.sandbox import start

    if workspace.sample is None:
        yield {}
        return
    if not _is_free(workspace.port):
        raise ConfigError(
            f"The sandbox of {workspace.folder} answers at port {workspace.port}, and something uses that already. Is "
            "the workspace open in another window? End that one, or make another workspace with --new."
        )
    data = workspace.folder / "data" / "sandbox.db"
    is_new = not data.exists()
    with start(seeds=_seeds(workspace.sample) if is_new else (), data=data, port=workspace.port) as running:
        yield target_environ(running)


def _seeds(sample: str) -> list[Path]:
    """What the sandbox of a new workspace holds before anything is published."""
    from edfi_toolkit.batch.unattended import shipped

    return sorted((shipped("data/samples") / sample).glob("ods-seed*.jsonl"))


def _make(folder: Path, profile: str, *, empty: bool) -> None:
    from edfi_toolkit.batch.unattended import shipped
    from edfi_toolkit.runs.choice import remember
    from edfi_toolkit.settings import load_settings

    samples = shipped("data/samples")
    if empty and not (samples / profile).is_dir():
        known = ", ".join(sorted(sample.name for sample in samples.iterdir() if sample.is_dir()))
        raise ConfigError(f"There is no sample for {profile!r}. There are: {known}.")
    for inside in ("data", "runs"):
        private_folder(folder / inside)
    if not empty:
        write_private(folder / "edfi.toml", SETTINGS)
        return
    try:
        shutil.copytree(samples / profile / "before", folder / "source")
    except OSError as error:
        raise StorageUnavailable(
            f"{folder} cannot be filled ({what_failed(error)}). Make room there, or name another folder."
        ) from None
    write_private(folder / _ABOUT, orjson.dumps({"sample": profile, "port": _free_port()}))
    write_private(folder / "edfi.toml", SETTINGS + SAMPLE)
    choice = {"profile": profile, "school_year": _SAMPLE_YEAR, "source": "sample", "target": "sandbox"}
    remember(load_settings(folder / "edfi.toml"), choice)


def _cells_of(notebook: Path) -> str:
    """What a person could have edited: the cells' texts, as one digest."""
    content = _read(notebook)
    cells = [[cell.get("cell_type"), "".join(cell.get("source", ""))] for cell in content.get("cells", [])]
    return hashlib.sha256(orjson.dumps(cells)).hexdigest()


def _read(path: Path) -> dict[str, Any]:
    try:
        content = orjson.loads(path.read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return content if isinstance(content, dict) else {}


def _free_port() -> int:
    """One that the system gives to no passing connection, so that it is likely to be free tomorrow too."""
    return next(port for port in iter(lambda: _LOW + secrets.randbelow(_PORTS), None) if _is_free(port))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True

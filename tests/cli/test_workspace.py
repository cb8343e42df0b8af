"""A workspace is opened day after day, and what a person made in it stays."""

from __future__ import annotations

import json
import socket
from pathlib import Path
from typing import Any

import httpx
import pytest

from edfi_toolkit.batch.unattended import shipped
from edfi_toolkit.cli.jupyter import write_config
from edfi_toolkit.cli.workspace import another, open_workspace, sandbox_of
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs.choice import remembered
from edfi_toolkit.settings import load_settings

CHOSEN = {"profile": "nm-powerschool", "school_year": 2026, "source": "sample", "target": "sandbox"}


def files(folder: Path) -> dict[str, bytes]:
    """Every file but the record of which notebooks were brought."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def with_output(notebook: Path, source: str | None = None) -> bytes:
    """A notebook as a person leaves it: run, and where `source` is given with a cell edited."""
    content: dict[str, Any] = json.loads(notebook.read_text("utf-8"))
    cell = [each for each in content["cells"] if each["cell_type"] == "code"][1]
    cell["outputs"] = [{"output_type": "stream", "name": "stdout", "text": "seen"}]
    cell["source"] = source or cell["source"]
    notebook.write_text(json.dumps(content), encoding="utf-8")
    return notebook.read_bytes()


def test_an_empty_folder_gets_the_sample_and_a_second_day_changes_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "desk"
    made = open_workspace(folder, "nm-powerschool")
    assert {"edfi.toml", "source", "runs", "00_start_here.ipynb"} < {path.name for path in folder.iterdir()}
    assert remembered(load_settings(folder / "edfi.toml")) == CHOSEN
    write_config(folder / ".jupyter", folder, port=8888, browser=False)

    with (folder / "edfi.toml").open("a", encoding="utf-8") as settings:
        settings.write('\n[sources.mine]  # my own\npath = "mine"\n')
    (folder / "runs" / "one").mkdir()
    (folder / "runs" / "one" / "manifest.json").write_text("{}")
    (folder / "source" / "students.csv").write_text("changed")
    (folder / "notes.ipynb").write_text("{}")
    theme = folder / ".jupyter/config/lab/user-settings/theme.json"
    theme.parent.mkdir(parents=True)
    theme.write_text("dark")
    with_output(folder / "10_extract.ipynb")
    with_output(folder / "20_validate.ipynb", "my_own = 1")
    before = files(folder)

    assert open_workspace(folder, "certification") == made
    write_config(folder / ".jupyter", folder, port=8888, browser=False)
    assert files(folder) == before


def test_a_notebook_is_renewed_while_no_one_edited_it_and_brought_back_when_it_is_gone(
    tmp_path: Path,
) -> None:
    folder = open_workspace(tmp_path / "desk", "certification").folder
    old, edited, gone = (folder / f"{name}.ipynb" for name in ("10_extract", "20_validate", "30_preview"))
    # As if the toolkit had shipped others before: the record of what was brought says so.
    record = folder / ".edfi/notebooks.json"
    brought = json.loads(record.read_text())
    with_output(old, "earlier = 1")
    from edfi_toolkit.cli.workspace import _cells_of

    record.write_text(json.dumps(brought | {old.name: _cells_of(old)}))
    kept = with_output(edited, "my_own = 1")
    gone.unlink()
    open_workspace(folder, "certification")

    shipped_ones = shipped("notebooks")
    assert old.read_bytes() == (shipped_ones / old.name).read_bytes()
    assert gone.read_bytes() == (shipped_ones / gone.name).read_bytes()
    assert edited.read_bytes() == kept


def test_a_folder_with_own_files_becomes_a_workspace_around_them(tmp_path: Path) -> None:
    (tmp_path / "students.csv").write_text("mine")
    opened = open_workspace(tmp_path, "certification")
    assert opened.sample is None
    assert (tmp_path / "students.csv").read_text() == "mine"
    assert load_settings(tmp_path / "edfi.toml").sources == {}
    assert not (tmp_path / "source").exists()
    with sandbox_of(opened) as environ:
        assert environ == {}


def test_another_workspace_has_a_folder_of_its_own(tmp_path: Path) -> None:
    assert another(tmp_path / "desk") == tmp_path / "desk"
    (tmp_path / "desk").mkdir()
    (tmp_path / "desk-2").mkdir()
    assert another(tmp_path / "desk") == tmp_path / "desk-3"


def test_a_sample_that_is_not_there_makes_no_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no sample for 'nowhere'"):
        open_workspace(tmp_path / "desk", "nowhere")
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match=r"is a file\. Name a folder"):
        open_workspace(tmp_path / "file", "certification")


@pytest.mark.process
def test_the_sandbox_keeps_address_login_and_data_until_the_next_day(tmp_path: Path) -> None:
    opened = open_workspace(tmp_path / "desk", "certification")

    def held(environ: dict[str, str]) -> int:
        url = environ["EDFI_TARGET_SANDBOX_URL"]
        key, secret = environ["EDFI_TARGET_SANDBOX_KEY"], environ["EDFI_TARGET_SANDBOX_SECRET"]
        token = httpx.post(
            f"{url}/oauth/token", auth=(key, secret), data={"grant_type": "client_credentials"}
        ).json()
        found = httpx.get(
            f"{url}/data/v3/ed-fi/students",
            params={"totalCount": "true", "limit": 1},
            headers={"Authorization": f"Bearer {token['access_token']}"},
        )
        return int(found.headers["Total-Count"])

    with sandbox_of(opened) as first:
        students = held(first)
        # Opened twice, or its port taken: said at once, and not by a second sandbox with another address.
        with pytest.raises(ConfigError, match="open in another window"), sandbox_of(opened):
            pass
    with sandbox_of(open_workspace(opened.folder, "certification")) as second:
        assert second == first
        assert held(second) == students > 0
    with socket.socket() as probe:  # and it has ended
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", opened.port))

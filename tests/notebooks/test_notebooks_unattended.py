"""The notebooks, run for real: they publish the sample, say why not all of it, and leak nobody."""

from __future__ import annotations

import json
import re
import stat
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import nbformat
import pytest

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.unattended import shipped
from edfi_toolkit.review import rejections
from edfi_toolkit.review.causes import with_causes

if TYPE_CHECKING:
    from edfi_toolkit.batch.unattended import Unattended
    from tests.notebooks.conftest import Published

pytestmark = pytest.mark.filterwarnings("default")  # papermill, nbclient and zmq warn about themselves
CANARIES = json.loads((shipped("data/samples") / "certification" / "canaries.json").read_text("utf-8"))
PERSONAL = [word for kind, words in CANARIES.items() if kind != "about" for word in words]


def people_in(text: str) -> list[str]:
    """The sample's personal values that stand in a text as words of their own."""
    return [word for word in PERSONAL if re.search(rf"(?<![\w.]){re.escape(word)}(?!\w)", text)]


def text_of(path: Path) -> str:
    if path.suffix != ".xlsx":
        return path.read_text("utf-8")
    with zipfile.ZipFile(path) as archive:
        return "\n".join(archive.read(name).decode("utf-8", "replace") for name in archive.namelist())


def for_eyes(run_folder: Path) -> list[Path]:
    return [
        *sorted((run_folder / "notebooks").glob("*.ipynb")),
        run_folder / "report.html",
        run_folder / "workbook.xlsx",
        run_folder / "manifest.json",
        run_folder / "log.jsonl",
    ]


def test_the_canary_search_itself() -> None:
    assert people_in("student 222222, born 2009-11-06") == ["222222", "2009-11-06"]
    assert people_in("2222223 and cert-222222.5") == ["222222"]
    assert len(PERSONAL) > 60


def test_every_notebook_ran_and_the_exit_code_says_that_some_records_were_left_out(
    published: Published,
) -> None:
    assert [(each.notebook, each.error) for each in published.done.ran] == [
        (name, "") for name in ("10_extract", "20_validate", "30_preview", "40_publish", "50_rejections")
    ]
    assert published.done.exit is Exit.ATTENTION


def test_what_the_manifest_counts_is_in_the_sandbox(published: Published) -> None:
    steps = published.done.steps
    counters = httpx.get(f"{published.sandbox.control_url}/counters").json()
    created = sum(
        each["count"]
        for each in counters["requests"]
        if (each["method"], each["status"]) == ("POST", 201) and each["resource"].endswith("ssociations")
    )

    assert steps["publish"]["outcomes"] == {"delivered": created, "refused": 7}
    assert steps["preview"]["actions"] == {"POST": created + 7}
    assert steps["build"]["records"] == steps["validate"]["ready"] + steps["validate"]["held"]
    assert created + 7 == steps["validate"]["ready"] > 25
    assert steps["extract"]["set_aside"] > 0
    assert steps["validate"]["held"] > 0


def test_what_was_refused_has_six_causes_to_practise_on(published: Published) -> None:
    refused = with_causes(rejections(published.folder / "ledger.db"))
    assert sorted(set(refused["cause_id"])) == [
        *("code-unknown", "not-enrolled", "reference-missing"),
        *("value-required", "value-too-long", "value-wrong"),
    ]


def test_no_artifact_for_eyes_holds_a_person_or_the_secret(published: Published) -> None:
    secrets = [client[part] for client in published.sandbox.clients for part in ("key", "secret")]

    for path in for_eyes(published.done.run.path):
        text = text_of(path)
        assert people_in(text) == [], path.name
        assert [secret for secret in secrets if secret in text] == [], path.name
    assert people_in(published.said) == []


def test_a_resync_runs_unattended_sends_only_what_is_missing_and_leaks_nobody(
    published: Published, resynced: Unattended
) -> None:
    assert [(each.notebook, each.error) for each in resynced.ran] == [
        ("60_resync", ""),
        ("50_rejections", ""),
    ]
    assert resynced.steps["preview"]["mode"] == "resync"
    delivered = published.done.steps["publish"]["outcomes"]["delivered"]
    assert resynced.steps["preview"]["actions"] == {"NOOP": delivered, "POST": 7}
    assert resynced.steps["publish"]["outcomes"] == {"refused": 7}
    assert resynced.exit is Exit.ATTENTION
    assert "was read whole: no copy of it was kept yet." in text_of(
        resynced.run.path / "notebooks" / "60_resync.ipynb"
    )
    for path in for_eyes(resynced.run.path):
        assert people_in(text_of(path)) == [], path.name


def test_no_file_of_the_run_holds_the_secret(published: Published) -> None:
    secret = next(each["secret"] for each in published.sandbox.clients if each["name"] == "district")
    files = [path for path in published.folder.rglob("*") if path.is_file()]

    assert [path.name for path in files if secret.encode() in path.read_bytes()] == []
    assert published.folder / "ledger.db" in files


def test_files_are_readable_by_their_owner_only(published: Published) -> None:
    run = published.done.run.path
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in run.rglob("*")}

    assert {path.name for path, mode in modes.items() if path.is_file() and mode != 0o600} == set()
    folders = [run.parent, run, *(path for path in modes if path.is_dir())]
    assert {path.name for path in folders if stat.S_IMODE(path.stat().st_mode) != 0o700} == set()


def test_outputs_show_tables_and_carry_no_widget_state_or_parameters(published: Published) -> None:
    for path in sorted((published.done.run.path / "notebooks").glob("*.ipynb")):
        notebook: Any = nbformat.read(path, as_version=4)
        nbformat.validate(notebook)
        kinds = {
            kind
            for cell in notebook.cells
            if cell.cell_type == "code"
            for output in cell.outputs
            for kind in output.get("data", {})
        }
        assert "text/html" in kinds
        assert not any("widget" in kind for kind in kinds)
        assert "widgets" not in notebook.metadata
        assert "parameters" not in notebook.metadata.papermill


def test_nothing_but_html_and_charts_is_printed(published: Published) -> None:
    streams = [
        (path.stem, output.name, output.text[:60])
        for path in sorted((published.done.run.path / "notebooks").glob("*.ipynb"))
        for cell in nbformat.read(path, as_version=4).cells
        if cell.cell_type == "code"
        for output in cell.outputs
        if output.output_type == "stream" and output.name == "stderr"
    ]
    assert streams == []

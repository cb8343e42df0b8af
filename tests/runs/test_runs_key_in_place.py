"""COM-KEY-3, `put_if_updatable`: without an answer to where a PUT may change a key, nothing is deleted in its place."""

from __future__ import annotations

import httpx
import pytest

import edfi_toolkit as edfi
from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.errors import OdsError, OdsUnavailable
from edfi_toolkit.runs import Run
from edfi_toolkit.runs.rejections.retry import verdicts
from tests.processes import KeptOds

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported


def a_run(run_id: str = "new") -> Run:
    asked = {"key_change": "put_if_updatable"}
    return edfi.open_run(
        profile="certification", school_year=2026, source="sample", run_id=run_id, settings=asked
    )


def sent(run: Run) -> list[str]:
    return run.plan.items.loc[run.plan.sends, "action"].tolist()


def test_a_target_that_answers_no_more_stops_the_preview_and_one_that_was_not_asked_holds_the_key_change(
    work: Playground, sandbox: KeptOds, monkeypatch: pytest.MonkeyPatch
) -> None:
    edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="latest").publish(
        approved="auto"
    )
    path = work.folder / "source" / "program_participation.csv"
    row = "K7310002,studentProgramAssociations,255901,255901,Grand Bend Bilingual 101,Bilingual,2025-10-20"
    path.write_text(path.read_text().replace(row, row.replace("2025-10-20", "2025-10-21")))

    run = a_run()
    for step in (run.extract, run.build, run.validate):
        step()
    for status, error, says in ((503, OdsUnavailable, "503"), (404, OdsError, "describes no resource")):
        httpx.put(
            f"{sandbox.control_url}/faults", json=[{"resource": "metadata", "status": status}]
        ).raise_for_status()
        with pytest.raises(error, match=says):
            run.preview()
    assert not run.folder.has("preview")
    httpx.put(f"{sandbox.control_url}/faults", json=[]).raise_for_status()
    run.preview()
    assert sent(run) == ["DELETE", "POST"]  # as the sandbox lets no PUT change this key

    with monkeypatch.context() as away:
        away.setenv("EDFI_TARGET_SANDBOX_KEY", "one-that-was-withdrawn")
        unasked = a_run()
        for step in (unasked.extract, unasked.build, unasked.validate, unasked.preview):
            step()
        assert "DELETE" not in sent(unasked)

    found = unasked.plan.findings
    moved = found[found["says"].str.startswith("Its key moved", na=False)]
    refused = moved[moved["begin_date"].dt.day.eq(21)].assign(source_refs=[[]])  # as if, and tried again now
    assert verdicts(unasked, refused)["now"].tolist() == [
        "is held back: its key moved, and the target was not asked if it takes the new record; all stays as it is"
    ]

"""A student's story where the ledger holds a record otherwise than the run built it."""

from __future__ import annotations

from typing import Any

import pytest

import edfi_toolkit as edfi
from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import OdsError
from edfi_toolkit.ods import Client
from edfi_toolkit.review.student import SENT_SINCE, SOURCE_DIFFERS
from edfi_toolkit.review.views import View
from edfi_toolkit.runs.run import Run

ABOUT: dict[str, Any] = {"profile": "certification", "school_year": 2026, "source": "sample"}
STUDENT, ROW, PROGRAM = "222222", "cert-d3-b", "Title I Part A"
BEFORE = (
    f"{ROW},K7310002,studentTitleIPartAProgramAssociations,255901,255901,{PROGRAM},{PROGRAM},2025-08-23,,"
)
ENDED = f"{BEFORE[:-1]}2026-03-06,"


def edit(work: Playground, old: str, new: str) -> None:
    """Another text in the participations of the source."""
    path = work.folder / "source" / "program_participation.csv"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


def a_later_run() -> Run:
    """Of the source as it is now, up to its preview."""
    later = edfi.open_run(**ABOUT, run_id="new")
    for step in (later.extract, later.build, later.validate, later.preview):
        step()
    return later


def now(story: View) -> str:
    """What the list of the ODS says of the record."""
    held = story.blocks[1].frame.set_index("program_name")["now"]
    return str(held.get(PROGRAM, "no row"))


def standing(story: View) -> str:
    """How the record stands in the timeline."""
    spans = story.frames["over the year"].set_index("what")["in_the_ods"]
    return str(spans[f"record: {PROGRAM}"])


def test_a_record_that_another_run_sent_with_other_values_is_never_called_as_sent(work: Playground) -> None:
    run = edfi.open_run(**ABOUT)
    run.publish(approved="auto")
    assert (now(told := run.student(STUDENT)), standing(told)) == ("as sent", "yes")
    edit(work, BEFORE, ENDED)
    later = a_later_run()
    told = later.student(STUDENT)
    assert (now(told), standing(told)) == (SOURCE_DIFFERS, "in the ODS with other values")
    assert f"{PROGRAM} is in the ODS {SOURCE_DIFFERS}." in told.says
    assert "notebook 30" in told.next_step
    assert "by another run" not in told.says
    later.publish(approved="auto")
    assert (now(told := later.student(STUDENT)), standing(told)) == ("as sent", "yes")
    assert told.tone == "good"
    told = run.student(STUDENT)
    assert told.says.startswith(f"Listed in {PROGRAM}: sent by another run on 20")
    with_what = ", with other values than this run read in the source. "
    assert f"{with_what}Press Read again to see the record as it is now. Also sent: " in told.says
    assert told.next_step.startswith("Press Read again")
    assert (now(told), standing(told)) == (SENT_SINCE, "in the ODS as sent since")
    assert told.tone == "check"
    assert any("before another run sent" in block.caption for block in told.blocks)


def test_what_a_retry_sent_is_not_said_to_be_of_another_run(work: Playground) -> None:
    run = edfi.open_run(**ABOUT)
    run.publish(approved="auto")
    edit(work, BEFORE, ENDED)
    later = a_later_run()
    later.publish(approved="auto")
    manifest = later.folder.manifest
    later.folder._write_manifest({**manifest, "mode": "retry"})
    told = run.student(STUDENT)
    assert told.says.startswith(f"Listed in {PROGRAM}: sent by a retry (notebook 50) on 20")
    assert ", with other values than this run read in the source. Press Read again" in told.says
    assert told.blocks[-1].frame["action"].tolist()[-1] == "update, again"


def test_a_record_that_another_run_sent_under_another_key_is_not_called_unsent(work: Playground) -> None:
    run = edfi.open_run(**ABOUT)
    run.publish(approved="auto")
    edit(work, BEFORE, BEFORE.replace("2025-08-23", "2025-09-01"))
    a_later_run().publish(approved="auto")
    told = run.student(STUDENT)
    assert (now(told), standing(told)) == (SENT_SINCE, "in the ODS as sent since")
    assert "Not in the ODS yet" not in told.says
    listed = told.blocks[2].frame.set_index("program_name")
    assert listed.loc[PROGRAM, "now"] == SENT_SINCE
    assert cell_text(listed.loc[PROGRAM, "begin_date"]) == "2025-09-01"


def test_of_a_record_that_is_gone_or_not_asked_for_it_is_not_said_that_it_is_listed(
    work: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = edfi.open_run(**ABOUT)
    run.publish(approved="auto")
    edit(work, BEFORE, ENDED)
    a_later_run().publish(approved="auto")
    with monkeypatch.context() as patched:
        patched.setattr(Client, "get", lambda *_: None)
        told = run.student(STUDENT)
    assert f"Listed in {PROGRAM}: sent" not in told.says
    assert f"{PROGRAM} was sent, and is not there any more." in told.says

    def unavailable(*_: Any) -> None:
        raise OdsError("The ODS does not answer.")

    monkeypatch.setattr(Client, "get", unavailable)
    told = run.student(STUDENT)
    assert told.says.startswith(f"By the ledger listed in {PROGRAM}: sent by another run on 20")
    assert "What the ODS holds now is not known" in told.says


def test_a_record_that_another_run_removed_is_told(work: Playground) -> None:
    run = edfi.open_run(**ABOUT)
    run.publish(approved="auto")
    edit(work, f"{ROW},K7310002,", "cert-new,K7310001,")
    a_later_run().publish(approved="auto")
    told = run.student(STUDENT)
    assert told.says.startswith("Removed from the ODS by another run on 20")
    assert f": {PROGRAM}. Press Read again to see the record as it is now." in told.says
    assert told.blocks[-1].frame["action"].tolist()[-1] == "remove"
    assert standing(told) == "removed since by another run"
    assert "Not in the ODS yet" not in told.says

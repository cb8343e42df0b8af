"""A student's story where the ledger holds a record otherwise than the run built it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import edfi_toolkit as edfi
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import OdsError
from edfi_toolkit.model.equality import body_hash
from edfi_toolkit.ods import Client
from edfi_toolkit.review.student import SENT_SINCE, SOURCE_DIFFERS
from edfi_toolkit.review.views import View
from edfi_toolkit.runs.ledger_now import identity_map
from edfi_toolkit.runs.run import Run
from edfi_toolkit.runs.students.sent_since import sent_since as compare
from tests.processes import KeptOds
from tests.stages import Stage

ABOUT: dict[str, Any] = {"profile": "certification", "school_year": 2026, "source": "sample"}
PROGRAM = "Title I Part A"
ENDED, MOVED, REMOVED = "222222", "111111", "900417310"
ROW = f"studentTitleIPartAProgramAssociations,255901,255901,{PROGRAM},{PROGRAM},2025-08-23,"
# What the participations of these say in the end.
CHANGES = {
    f"cert-d3-b,K7310002,{ROW}": f"cert-d3-b,K7310002,{ROW}2026-03-06",
    f"cert-d3-a,K7310001,{ROW}": f"cert-d3-a,K7310001,{ROW}".replace("08-23", "09-01"),
    f"p-2010,K7310010,{ROW}": f"cert-new,K7310003,{ROW}",
}


@pytest.fixture(scope="module")
def first_read_again(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, first_sent: Stage) -> Stage:
    """Then the source changed, and a later run of it was made up to its preview."""
    with first_sent.copied(tmp_path_factory.mktemp("again") / "work", sandbox) as made:
        path = made.folder / "source" / "program_participation.csv"
        text = path.read_text()
        for old, new in CHANGES.items():
            assert text.count(old) == 1
            text = text.replace(old, new)
        path.write_text(text)
        later = edfi.open_run(**ABOUT, run_id="new")
        for step in (later.extract, later.build, later.validate, later.preview):
            step()
    return Stage(made, sandbox.keep())


@pytest.fixture(scope="module")
def first_sent_since(
    tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, first_read_again: Stage
) -> Stage:
    """And that was published too."""
    with first_read_again.copied(tmp_path_factory.mktemp("since") / "work", sandbox) as made:
        edfi.open_run(**ABOUT).publish(approved="auto")
    return Stage(made, sandbox.keep())


@pytest.fixture
def read_again(tmp_path: Path, sandbox: KeptOds, first_read_again: Stage) -> Iterator[tuple[Run, Run]]:
    """Both runs, in a copy of their folder."""
    with first_read_again.copied(tmp_path / "work", sandbox):
        yield both()


@pytest.fixture
def sent_since(tmp_path: Path, sandbox: KeptOds, first_sent_since: Stage) -> Iterator[tuple[Run, Run]]:
    """Both runs, in a copy of their folder when the later one was published too."""
    with first_sent_since.copied(tmp_path / "work", sandbox):
        yield both()


def both() -> tuple[Run, Run]:
    later = edfi.open_run(**ABOUT)
    (first,) = {path.name for path in later.path.parent.iterdir()} - {later.id}
    return edfi.open_run(**ABOUT, run_id=first), later


def now(story: View) -> str:
    """What the list of the ODS says of the record."""
    held = story.blocks[1].frame.set_index("program_name")["now"]
    return str(held.get(PROGRAM, "no row"))


def standing(story: View) -> str:
    """How the record stands in the timeline."""
    spans = story.frames["over the year"].set_index("what")["in_the_ods"]
    return str(spans[f"record: {PROGRAM}"])


def test_a_record_that_another_run_sent_with_other_values_is_never_called_as_sent(
    read_again: tuple[Run, Run],
) -> None:
    run, later = read_again
    assert (now(told := run.student(ENDED)), standing(told)) == ("as sent", "yes")
    told = later.student(ENDED)
    assert (now(told), standing(told)) == (SOURCE_DIFFERS, "in the ODS with other values")
    assert f"{PROGRAM} is in the ODS {SOURCE_DIFFERS}." in told.says
    assert "notebook 30" in told.next_step
    assert "by another run" not in told.says
    later.publish(approved="auto")
    assert (now(told := later.student(ENDED)), standing(told)) == ("as sent", "yes")
    assert told.tone == "good"
    told = run.student(ENDED)
    assert told.says.startswith(f"Listed in {PROGRAM}: sent by another run on 20")
    with_what = ", with other values than this run read in the source. "
    assert f"{with_what}Press Read again to see the record as it is now. Also sent: " in told.says
    assert told.next_step.startswith("Press Read again")
    assert (now(told), standing(told)) == (SENT_SINCE, "in the ODS as sent since")
    assert told.tone == "check"
    assert any("before another run sent" in block.caption for block in told.blocks)


def test_what_a_retry_sent_is_not_said_to_be_of_another_run(sent_since: tuple[Run, Run]) -> None:
    run, later = sent_since
    manifest = later.folder.manifest
    later.folder._write_manifest({**manifest, "mode": "retry"})
    told = run.student(ENDED)
    assert told.says.startswith(f"Listed in {PROGRAM}: sent by a retry (notebook 50) on 20")
    assert ", with other values than this run read in the source. Press Read again" in told.says
    assert told.blocks[-1].frame["action"].tolist()[-1] == "update, again"


def test_a_record_that_another_run_sent_under_another_key_is_not_called_unsent(
    sent_since: tuple[Run, Run],
) -> None:
    run, _ = sent_since
    told = run.student(MOVED)
    assert (now(told), standing(told)) == (SENT_SINCE, "in the ODS as sent since")
    assert "Not in the ODS yet" not in told.says
    listed = told.blocks[2].frame.set_index("program_name")
    assert listed.loc[PROGRAM, "now"] == SENT_SINCE
    assert cell_text(listed.loc[PROGRAM, "begin_date"]) == "2025-09-01"


def test_of_a_record_that_is_gone_or_not_asked_for_it_is_not_said_that_it_is_listed(
    sent_since: tuple[Run, Run], monkeypatch: pytest.MonkeyPatch
) -> None:
    run, _ = sent_since
    with monkeypatch.context() as patched:
        patched.setattr(Client, "get", lambda *_: None)
        told = run.student(ENDED)
    assert f"Listed in {PROGRAM}: sent" not in told.says
    assert f"{PROGRAM} was sent, and is not there any more." in told.says

    def unavailable(*_: Any) -> None:
        raise OdsError("The ODS does not answer.")

    monkeypatch.setattr(Client, "get", unavailable)
    told = run.student(ENDED)
    assert told.says.startswith(f"By the ledger listed in {PROGRAM}: sent by another run on 20")
    assert "What the ODS holds now is not known" in told.says


def test_a_record_that_another_run_removed_is_told(sent_since: tuple[Run, Run]) -> None:
    run, _ = sent_since
    told = run.student(REMOVED)
    assert told.says.startswith("Removed from the ODS by another run on 20")
    assert f": {PROGRAM}. Press Read again to see the record as it is now." in told.says
    assert told.blocks[-1].frame["action"].tolist()[-1] == "remove"
    assert standing(told) == "removed since by another run"
    assert "Not in the ODS yet" not in told.says


def test_under_the_id_of_before_a_correction_the_values_are_not_called_others(
    sent_since: tuple[Run, Run],
) -> None:
    run, later = sent_since
    published = identity_map(later).query("student_unique_id == @ENDED")
    built = later.built.records.query("student_unique_id == @ENDED")
    before = [{**body, "studentReference": {"studentUniqueId": "id-before"}} for body in built["body"]]
    built = built.assign(student_unique_id="id-before", body_hash=list(map(body_hash, before)))
    found = compare(run, built, published)
    assert len(found.sent)
    assert found.sent.isna().all()
    assert not found.differs.any()
    assert not compare(run, built.assign(body_hash="other"), published).sent.isna().all()

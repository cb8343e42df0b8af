"""Progress, approval and investigation, driven from plain Python."""

from __future__ import annotations

from html import unescape
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from edfi_toolkit import widgets
from edfi_toolkit.errors import OdsUnavailable
from edfi_toolkit.privacy import Masker
from edfi_toolkit.widgets.approval import Approval
from edfi_toolkit.widgets.form import Form
from edfi_toolkit.widgets.investigation import ALL, Reasons
from edfi_toolkit.widgets.message import Message
from edfi_toolkit.widgets.progress import ProgressBar

MASKER = Masker(b"a key for tests")


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def a_progress(clock: Clock, *, panel: bool = True) -> ProgressBar:
    return ProgressBar("Publish", panel=panel, clock=clock)


def test_progress_tells_counts_rate_and_time_left() -> None:
    clock = Clock()
    progress = a_progress(clock)
    clock.now = 10.0
    assert progress(800, 1200, {"delivered": 798, "refused": 2, "unsure": 0})
    assert progress._panel is not None
    line = "800 of 1,200 (delivered 798, refused 2), 80 a second, 0:05 left"
    assert progress._panel._line.value == f"<span>{line}</span>"
    assert progress._panel._bar.value == pytest.approx(2 / 3)


def test_progress_without_a_total_tells_what_is_done() -> None:
    clock = Clock()
    progress = a_progress(clock)
    clock.now = 4000.0
    assert progress.line(2000, None) == "2,000", "a rate below one a second says nothing"
    assert progress.line(6000, None) == "6,000, 2 a second"
    assert progress.line(2000, 2000) == "2,000 of 2,000 in 1:06:40"


def test_steps_have_no_rate_however_quick_they_are() -> None:
    clock = Clock()
    progress = ProgressBar("Reading again", panel=False, clock=clock, steps=True)
    clock.now = 1.0
    assert progress.line(2, 4, {"rows": 62, "records": 18}) == "2 of 4 (rows 62, records 18), 0:01 left"


def test_stop_answers_false_and_finishes_the_panel() -> None:
    clock = Clock()
    progress = a_progress(clock)
    assert progress._panel is not None
    progress._panel._stop.click()
    assert progress.stopped
    assert progress(5, 10) is False
    assert "stopped after" in progress._panel._line.value
    assert progress._panel._stop.disabled


def test_a_bar_is_green_only_where_all_was_delivered() -> None:
    for refused, colour in ((0, "success"), (2, "warning")):
        progress = a_progress(Clock())
        assert progress._panel is not None
        progress(0, 10)
        assert progress._panel._bar.bar_style == "info"
        progress(10, 10, {"delivered": 10 - refused, "refused": refused})
        assert progress._panel._bar.bar_style == colour


def test_the_panel_is_redrawn_a_few_times_a_second_and_at_the_end() -> None:
    clock = Clock()
    progress = a_progress(clock)
    assert progress._panel is not None
    drawn = []
    progress._panel._bar.observe(lambda change: drawn.append(change["new"]), "value")
    for done in range(1, 1001):
        clock.now = done / 1000
        progress(done, 1000)
    assert drawn[-1] == 1.0
    assert len(drawn) <= 6


def test_unattended_progress_writes_one_line_at_the_end(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("EDFI_UNATTENDED", "1")
    progress = widgets.progress("Publish")
    for done in (0, 1, 2, 2):
        assert progress(done, 2, {"delivered": done})
    written = "".join(capsys.readouterr())
    assert written.startswith("Publish: 2 of 2 (delivered 2) in 0:")
    assert written.count("\n") == 1


def a_plan(*breaches: str) -> Any:
    items = pd.DataFrame(
        {"resource": ["studentCTE", "studentCTE", "studentSped"], "action": ["DELETE", "POST", "POST"]}
    )
    findings = pd.DataFrame(
        {
            "code": [*breaches, "HELD"],
            "says": [f"<{code}> says" for code in [*breaches, "HELD"]],
            "hint": "Look.",
        }
    )
    return SimpleNamespace(items=items, findings=findings, breaches=breaches, fingerprint="ab12cd34")


def test_approve_waits_for_a_name_and_gives_it() -> None:
    approved: list[Any] = []
    panel = widgets.approve(a_plan(), lambda *given: approved.append(given))
    assert isinstance(panel, Approval)
    assert panel.button.disabled
    panel.button.click()
    panel.name.value = "  "
    assert panel.button.disabled
    panel.name.value = "Ann Example"
    assert not panel.button.disabled
    panel.button.click()
    panel.button.click()
    assert approved == [("Ann Example", {})]
    assert panel.name.value == ""  # a saved notebook keeps nothing that was typed
    assert panel.layout.display == "none"


def test_each_breach_is_in_red_and_wants_its_own_answer() -> None:
    approved: list[Any] = []
    panel = Approval(a_plan("max-delete-share", "mass-delete"), lambda *given: approved.append(given))
    html = panel.children[0].value
    assert "&lt;max-delete-share&gt; says Look." in html
    assert "--jp-error-color" in html
    assert "HELD" not in html
    panel.name.value = "Ann Example"
    panel.answers["max-delete-share"].value = "A school has closed."
    assert panel.button.disabled
    assert "Not answered yet: mass-delete." in panel.status.value
    panel.answers["mass-delete"].value = "The same."
    panel.button.click()
    assert approved == [
        ("Ann Example", {"max-delete-share": "A school has closed.", "mass-delete": "The same."})
    ]


def test_a_breach_that_no_answer_opens_has_no_field_and_no_button() -> None:
    panel = Approval(a_plan("control-unreadable"), lambda *_: None)
    panel.name.value = "Ann Example"
    assert panel.answers == {}
    assert panel.button.disabled
    assert "Correct the source." in panel.status.value


def test_an_approval_that_is_refused_says_why_and_may_be_given_again() -> None:
    def fail(*_: Any) -> None:
        raise OdsUnavailable("The ledger is locked. Run again later.")

    panel = Approval(a_plan(), fail)
    panel.name.value = "Ann Example"
    panel.button.click()
    assert "Run again later" in panel.status.value
    assert not panel.button.disabled


def fail_unforeseen(*_: Any, **__: Any) -> None:
    raise KeyError("canary-9417")


def test_no_button_fails_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, Any]] = []
    form = Form([], {"send": "Send"}, fail_unforeseen)
    monkeypatch.setattr(form, "send", said.append)
    form._take(form, {"press": "send", "values": {}}, [])
    message, approval = Message(), Approval(a_plan(), fail_unforeseen)
    with message.mistakes():
        fail_unforeseen()
    approval.name.value = "Ann Example"
    approval.button.click()
    assert said[0]["done"]
    for text in (said[0]["failed"], message.html, approval.status.value):
        assert "KeyError in test_panels.py:" in unescape(text)
        assert "Run all cells of this notebook again" in text
        assert "canary" not in text
    assert not approval.button.disabled


def test_what_was_approved_is_published_once() -> None:
    sent: list[str] = []
    panel = widgets.publish(lambda: sent.append("sent") or SimpleNamespace(says="Said above."))
    panel.button.click()
    panel.button.click()
    assert sent == ["sent"]
    assert panel.button.description == "Published"
    assert panel.status.value == '<span style="">Done.</span>'


def test_what_was_stopped_goes_on_by_the_same_button() -> None:
    left = [True, False]
    panel = widgets.publish(lambda: None, lambda: left.pop(0))
    panel.button.click()
    assert panel.button.description == "Publish the rest"
    assert panel.status.value == '<span style="">Stopped.</span>'
    panel.button.click()
    assert panel.button.description == "Published"
    assert panel.button.disabled


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (OdsUnavailable("The ODS did not answer. Run again later."), "Run again later"),
        (KeyError("canary-9417"), "KeyError in test_panels.py:"),
    ],
)
def test_an_error_while_publishing_is_told(error: Exception, told: str) -> None:
    def fail() -> None:
        raise error

    panel = widgets.publish(fail)
    panel.button.click()
    assert told in panel.status.value
    assert "canary" not in panel.status.value
    assert panel.result is None


def test_refusals_appear_while_it_publishes() -> None:
    clock, shown = Clock(), iter(["<p>one</p>", "<p>two</p>"])
    progress = ProgressBar("Publish", panel=True, clock=clock, refusals=lambda: next(shown))
    assert progress._panel is not None
    for now, done, refused, html in [(2, 10, 1, "one"), (2.5, 20, 2, "one"), (9, 100, 2, "two")]:
        clock.now = float(now)
        progress(done, 100, {"refused": refused})
        assert html in progress._panel.refused.value


def test_unattended_approval_is_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDFI_UNATTENDED", "1")
    shown = widgets.approve(a_plan(), lambda *_: None)
    assert "Plan ab12cd34" in repr(shown)


def some_rejections() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "student_unique_id": ["9002771834", "2", "3", "4"],
            "held_by": [["A-1", "B-2"], ["A-1"], ["A-1"], []],
            "status": [400, 400, 409, None],
        }
    )


def test_reasons_counts_rows_by_cause_and_shows_those_of_one() -> None:
    panel = widgets.reasons(some_rejections(), masker=MASKER, explain=lambda cause: f"{cause} means this")
    assert isinstance(panel, Reasons)
    assert [text for text, _ in panel.reason.options] == [
        f"{ALL} (4)",
        "A-1 (3): A-1 means this",
        "B-2 (1): B-2 means this",
        "(none) (1): (none) means this",
    ]
    assert len(panel.rows) == 4
    panel.reason.value = "B-2"
    assert panel.rows.student_unique_id.tolist() == ["9002771834"]
    assert "B-2 means this" in panel.meaning.value
    panel.grid.select(0)
    assert panel.selected is not None
    assert panel.selected["student_unique_id"] == "9002771834"
    assert "9002771834" not in repr(panel.selected)


def test_reasons_takes_the_first_cause_that_is_filled() -> None:
    frame = pd.DataFrame({"rule": [None, None], "problem_type": ["urn:a", "urn:b"]})
    assert [value for _, value in Reasons(frame, masker=MASKER).reason.options] == [ALL, "urn:a", "urn:b"]


def test_reasons_begins_with_whom_it_is_about_what_to_do_who_can_and_where() -> None:
    """So that none of it is at the right edge, nor at that of the exported file."""
    names = ["rule", "says", "todo", "who", "student_id", "school", "program", "file", "row", "state"]
    panel = widgets.reasons(pd.DataFrame([dict.fromkeys(names, "x")]), masker=MASKER)
    assert isinstance(panel, Reasons)
    assert panel.rows.columns.tolist() == [
        *("student_id", "school", "program", "todo", "who", "file", "row", "rule", "state", "says"),
    ]
    heads = panel.grid.export().decode("utf-8-sig").splitlines()[0]
    assert heads.startswith('"SIS id","School","Program","What to do","Who can do it","File","Row",')


def test_reasons_without_a_cause_says_which_columns_it_looked_for() -> None:
    with pytest.raises(KeyError, match="held_by"):
        widgets.reasons(pd.DataFrame({"a": [1]}))


def test_reasons_of_nothing_is_an_empty_panel() -> None:
    panel = Reasons(some_rejections().head(0), masker=MASKER)
    assert [text for text, _ in panel.reason.options] == [f"{ALL} (0)"]
    assert "Nothing here." in panel.meaning.value
    assert panel.children == (panel.meaning,)


def test_what_tells_most_stands_beside_the_cause() -> None:
    frame = pd.DataFrame({"resource": ["x"], "code": ["c"], "says": ["s"], "severity": ["critical"]})
    panel = Reasons(frame, masker=MASKER)
    assert panel.rows.columns.tolist() == ["code", "severity", "says", "resource"]


def test_a_long_meaning_is_cut_in_the_dropdown_and_whole_below_it() -> None:
    panel = Reasons(pd.DataFrame({"rule": ["A-1"]}), masker=MASKER, explain=lambda _cause: "x" * 200)
    assert panel.reason.options[1][0] == f"A-1 (1): {'x' * 80}…"
    panel.reason.value = "A-1"
    assert "x" * 200 in panel.meaning.value


def test_unattended_reasons_are_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDFI_UNATTENDED", "1")
    shown = repr(widgets.reasons(some_rejections()))
    assert "A-1" in shown
    assert "9002771834" not in shown

"""Views show counts, reasons and the next step, and never a person or markup from the data."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.privacy import Masker, pseudonym
from edfi_toolkit.review.views import Block, PanelView, View, accounting

KEY = b"k" * 32


def a_view(rows: int = 1, detail: str = "no begin date", tone: str = "check") -> View:
    held = pd.DataFrame({"student_unique_id": ["604822"] * rows, "detail": [detail] * rows, "n": range(rows)})
    return View(
        title="Build",
        says="1 record was held.",
        tone=tone,
        blocks=[Block("Held", held, tone="bad"), Block("Skipped", held.head(0), "nothing was skipped")],
        next_step="Open notebook 30.",
        masker=Masker(KEY),
        frames={"held": held, "skipped": held.head(0)},
    )


@pytest.mark.parametrize("shown", [a_view()._repr_html_(), repr(a_view())])
def test_a_view_says_what_happened_why_and_what_next_without_a_person(shown: str) -> None:
    for words in ("Build", "1 record was held.", "no begin date", "nothing was skipped", "Open notebook 30."):
        assert words in shown
    assert pseudonym("604822", KEY) in shown
    assert "604822" not in shown


def test_markup_in_the_data_is_shown_as_text() -> None:
    html = a_view(detail="<script>alert(1)</script>")._repr_html_()

    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_long_table_shows_its_first_rows_and_says_how_many_more() -> None:
    html = a_view(rows=1031)._repr_html_()

    assert html.count("<tr>") == 31
    assert "and 1,001 more" in html


def test_an_unknown_table_is_refused_with_the_nearest_name() -> None:
    with pytest.raises(ConfigError, match="mean 'skipped'"):
        a_view().browse("skiped")


def test_the_accounting_keeps_its_order() -> None:
    assert accounting(rows_read=3, unreadable=1).values.tolist() == [["rows read", 3], ["unreadable", 1]]


def test_what_a_stop_left_unsent_is_told_and_how_to_go_on() -> None:
    from edfi_toolkit.ledger.columns import RESULT_COLUMNS
    from edfi_toolkit.review.answers import published_view

    result = pd.DataFrame(
        {
            "action": "POST",
            "outcome": ["delivered", "pending"],
            "attempts": pd.array([1, 0], dtype="Int64"),
            "student_unique_id": ["S-1", "S-2"],
        }
    ).reindex(columns=list(RESULT_COLUMNS))
    view = published_view(result, Masker(KEY))
    assert view.says == "1 of 2 changes reached the ODS; 1 not sent yet."
    assert view.next_step.startswith("Publish again")


def test_a_moved_record_that_was_refused_is_told_with_the_answer() -> None:
    from edfi_toolkit.ledger.columns import RESULT_COLUMNS
    from edfi_toolkit.review.answers import published_view

    sent = {
        "action": ["DELETE", "POST", "POST", "POST", "POST", "PUT"],
        "outcome": ["delivered", "pending", "pending", "pending", "unsure", "pending"],
        "status": pd.array([204, 409, 403, 409, 503, 429], dtype="Int64"),
        "attempts": pd.array([1, 1, 1, 1, 2, 2], dtype="Int64"),
    }
    result = pd.DataFrame(sent).reindex(columns=list(RESULT_COLUMNS))
    view = published_view(result, Masker(KEY))
    assert view.says == (
        "1 of 6 changes reached the ODS; 2 pending, answered 409; 1 pending, answered 403; 2 without an answer."
    )
    assert view.next_step.startswith("Open notebook 50")
    assert published_view(result[:2], Masker(KEY)).tone == "bad"


def test_what_only_the_ledger_learned_does_not_count_as_sent() -> None:
    from edfi_toolkit.ledger.columns import RESULT_COLUMNS
    from edfi_toolkit.review.answers import published_view

    done = {"action": ["NOOP", "ADOPT", "UNMAP", "PUT"], "outcome": "delivered"}
    result = pd.DataFrame(done).reindex(columns=list(RESULT_COLUMNS))
    says = published_view(result, Masker(KEY)).says
    assert says == "1 of 1 change reached the ODS; 2 entries of the ledger corrected."
    assert published_view(result[:2], Masker(KEY)).says == (
        "There was nothing to send; 1 entry of the ledger corrected."
    )
    assert published_view(result[:1], Masker(KEY)).says == "There was nothing to send."


def test_what_did_not_arrive_is_listed_once_with_the_reason_and_counted_by_cause() -> None:
    from edfi_toolkit.ledger.columns import REJECTION_COLUMNS, RESULT_COLUMNS
    from edfi_toolkit.review.answers import answers_to, published_view

    key = {
        "action": "POST",
        "resource": "studentProgramAssociations",
        "begin_date": pd.Timestamp("2025-09-01"),
        "education_organization_id": 255901,
        "program_education_organization_id": 255901,
        "program_name": "Chess",
        "program_type_descriptor": "uri://ed-fi.org/ProgramTypeDescriptor#Other",
        "attempts": 1,
    }
    rows = [{**key, "student_unique_id": f"{at}"} for at in range(3)]
    result = pd.DataFrame(rows).reindex(columns=list(RESULT_COLUMNS))
    result["outcome"] = ["delivered", "refused", "refused"]
    said = {"status": 400, "problem_type": None, "messages": ["$.endDate: EndDate is required"], "open": True}
    refused = pd.DataFrame([{**row, **said} for row in rows[1:]]).reindex(columns=list(REJECTION_COLUMNS))
    answers = answers_to(result, refused)
    assert answers["messages"].tolist()[1:] == [["$.endDate: EndDate is required"]] * 2
    view = published_view(result, Masker(KEY), answers=answers)
    listed = view.frames["not delivered"]
    assert listed.columns.tolist()[:8] == [
        *("student_unique_id", "program_name", "action", "outcome", "cause", "todo", "who", "messages")
    ]
    counted = view.blocks[1].frame
    assert counted[["records", "outcome", "cause"]].values.tolist() == [
        [2, "refused", listed["cause"].iloc[0]]
    ]
    later = pd.Series([pd.NaT, *[pd.Timestamp("2026-03-02", tz="UTC")] * 2], dtype="datetime64[us, UTC]")
    since = published_view(result, Masker(KEY), answers=answers, since=later)
    assert since.frames["not delivered"].empty
    assert since.empty["not delivered"] == "What was refused has been delivered since."


def test_every_record_that_was_sent_is_listed_with_what_came_of_it_removes_first() -> None:
    from edfi_toolkit.ledger.columns import RESULT_COLUMNS
    from edfi_toolkit.review.answers import nothing_published_view, published_view

    done = {
        "action": ["NOOP", "POST", "POST", "PUT", "DELETE", "ADOPT"],
        "outcome": ["delivered", "delivered", "refused", "pending", "delivered", "delivered"],
        "education_organization_id": 7,
    }
    result = pd.DataFrame(done).reindex(columns=list(RESULT_COLUMNS))
    view = published_view(
        result, Masker(KEY), named=lambda frame: frame.assign(education_organization_id="7 Lincoln")
    )
    counted = view.blocks[0].frame
    assert counted["action"].tolist() == ["take over", "remove", "create", "create", "update"], (
        "no unchanged one"
    )
    sent = view.frames["sent"]
    assert sent[["change", "came_of_it"]].values.tolist() == [
        ["remove", "gone from the ODS"],
        ["update", "not sent yet; publishing again sends it"],
        ["create", "created in the ODS"],
        ["create", "the ODS refused it"],
        ["take over", "it was in the ODS already; the ledger knows it now"],
    ]
    assert set(sent["education_organization_id"]) == {"7 Lincoln"}
    assert set(view.frames["not delivered"]["education_organization_id"]) == {"7 Lincoln"}
    later = pd.Series(pd.NaT, result.index, dtype="datetime64[us, UTC]")
    later[2] = pd.Timestamp("2026-03-02 12:30", tz="UTC")
    since = published_view(result.assign(attempts=1), Masker(KEY), since=later)
    assert (
        since.frames["sent"]["came_of_it"]
        .tolist()[3]
        .startswith("the ODS refused it; delivered since, 2026-03-0")
    )
    assert since.frames["not delivered"]["outcome"].tolist() == ["pending"]
    assert "1 refused, of which 1 delivered since;" in since.says
    assert since.next_step.startswith("Publish again")
    assert since.value.columns.tolist() == list(RESULT_COLUMNS)
    before = nothing_published_view(Masker(KEY))
    assert before.frames["sent"].columns.tolist() == sent.columns.tolist()
    assert before.empty["sent"] == "Nothing has been sent yet."


def test_a_view_with_a_panel_becomes_what_the_panel_decided() -> None:
    waiting = PanelView(**vars(a_view()), panel=lambda: "a panel")
    done = a_view(rows=3, tone="good")

    shown = waiting.noting("Approved.").with_actions(print)  # what the cell's name stands for
    waiting.replace_with(done)

    assert shown is waiting
    assert waiting._repr_html_() == done._repr_html_()
    assert len(waiting.frames["held"]) == 3
    assert waiting.panel is None


def test_what_was_never_sent_is_counted_by_whatever_holds_it() -> None:
    from edfi_toolkit.planning import identity_map_of, plan
    from edfi_toolkit.review.steps import held_view
    from edfi_toolkit.validation import validate
    from tests.factories.builds import build_of
    from tests.rules.test_nm_powerschool import tables

    wrong = {"school_number": "4l0"}
    before, after = (
        validate(build_of(tables(school=school), profile="nm-powerschool")) for school in ({}, wrong)
    )
    known = identity_map_of(before.build)
    assert held_view(before, plan(before, identity_map=known), Masker(KEY)).says == "Nothing was held back."
    said = held_view(after, plan(after, identity_map=known), Masker(KEY)).says
    assert said.startswith("1 record held by the source row. ")

"""The rejection workshop as a steward uses it: a refused record corrected, retried, delivered; another dismissed."""

from __future__ import annotations

import json
import re
from typing import Any

from tests.proofs import long_proof

PUBLISHED = """import edfi_toolkit as edfi

run = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
for step in (run.extract, run.build, run.validate, run.preview):
    step()
done = run.publish(approved="auto")"""
TYPED = ("Reported by mistake", "Rosalind Ibarra")


def choose_the_record(page: Any) -> None:
    page.locator(".edfi-grid .rows tbody tr").filter(has_text="Gifted and Talented").first.click()
    page.get_by_text("Who can do it: ").wait_for(timeout=20_000)


def show(lab: Any, page: Any, name: str) -> None:
    """A picture of the part that a person works with."""
    page.locator(".edfi-form").scroll_into_view_if_needed()
    lab.screenshot(page, name)


def test_a_refusal_is_corrected_retried_and_delivered(lab: Any) -> None:
    page = lab.run_all(lab.notebook("workshop", PUBLISHED, "run.workshop()"))
    choose_the_record(page)
    show(lab, page, "50_workshop-record")
    page.get_by_label("Reason").fill(TYPED[0])
    page.get_by_label("Your name").fill(TYPED[1])
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_text("1 dismissed until their record changes.").wait_for()
    again = lab.run_all(lab.notebook("workshop-2", PUBLISHED.partition("\n")[0], REOPENED, "run.workshop()"))
    choose_the_record(again)
    form = again.locator(".edfi-form")
    form.get_by_label("Cell").select_option("program_participation.education_organization_id")
    form.get_by_label("should be").fill("255901")
    form.get_by_label("Reason").fill(TYPED[0])
    form.get_by_label("Your name").fill(TYPED[1])
    again.get_by_role("button", name="Correct this cell").click()
    again.get_by_text("Kept as correction").wait_for()
    again.get_by_role("button", name="Retry").click()
    again.get_by_text("Nothing was sent. 1 would be created").wait_for()
    show(lab, again, "50_workshop-checked")
    again.get_by_role("button", name="Retry").click()
    again.get_by_text("1 of 1 delivered; 0 still refused.").wait_for()
    lab.dark(again)
    show(lab, again, "50_workshop-delivered-dark")
    lab.close(page)
    lab.close(again)
    for name in ("workshop", "workshop-2"):
        saved = json.dumps(json.loads((lab.folder / f"{name}.ipynb").read_text("utf-8")))
        assert [word for word in TYPED if word in saved] == []
    assert lab.refused == []


REOPENED = """from edfi_toolkit.runs.decisions import decisions_of

run = edfi.open_run(profile="certification", school_year=2026, source="sample")
with decisions_of(run) as decisions:
    decisions.close_dismissals(decisions.dismissals()["number"], "removed")"""


@long_proof
def test_a_student_is_looked_up_by_each_kind_of_id(lab: Any) -> None:
    page = lab.run_all(lab.folder / "70_student.ipynb")
    field, answer = page.get_by_label("Student", exact=True), page.get_by_text("Sent: ")
    pseudonyms = set()
    for typed in ("222222", "K7310002", "Brunhild Pappelquast"):
        field.fill("")
        field.fill(typed)
        page.get_by_role("button", name="Look up").click()
        answer.first.wait_for(timeout=30_000)
        text = page.locator(".jp-Notebook").inner_text()
        assert typed not in text
        pseudonyms |= set(re.findall(r"S-[0-9a-f]{10}", text))
    field.fill(sorted(pseudonyms)[0])
    page.get_by_role("button", name="Look up").click()
    answer.first.wait_for(timeout=30_000)
    show(lab, page, "70_student")
    lab.close(page)
    saved = (lab.folder / "70_student.ipynb").read_text("utf-8")
    assert [typed for typed in ("222222", "K7310002", "Pappelquast") if typed in saved] == []

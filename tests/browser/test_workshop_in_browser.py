"""The rejection workshop as a steward uses it: a refused record corrected, retried, delivered; another dismissed."""

from __future__ import annotations

import json
import re
from typing import Any

import httpx

from tests.browser.conftest import VIEW
from tests.proofs import long_proof

PUBLISHED = """import edfi_toolkit as edfi

run = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
for step in (run.extract, run.build, run.validate, run.preview):
    step()
done = run.publish(approved="auto")"""
TYPED = ("Reported by mistake", "Rosalind Ibarra")


def choose_the_record(page: Any) -> None:
    page.locator(".edfi-grid .rows tbody tr").filter(has_text="Gifted and Talented").first.click()
    page.locator("p[role=status]").filter(has_text="Who can do it: ").wait_for(timeout=20_000)


def show(lab: Any, page: Any, name: str) -> None:
    """A picture of the part that a person works with."""
    page.locator(".edfi-form").first.scroll_into_view_if_needed()
    lab.screenshot(page, name)


def test_a_refusal_is_corrected_retried_and_delivered(lab: Any) -> None:
    page = lab.run_all(lab.notebook("workshop", PUBLISHED, "run.workshop()"))
    what_to_do_about_the_chosen_cause_is_not_cut(page)
    choose_the_record(page)
    show(lab, page, "50_workshop-record")
    no_field_is_cut(page)
    page.get_by_role("textbox", name="Reason").fill(TYPED[0])
    page.get_by_label("Your name").fill(TYPED[1])
    page.get_by_role("button", name="Dismiss").click()
    page.get_by_text("1 dismissed until their record changes.").wait_for()
    lab.close(page)
    again = lab.run_all(lab.notebook("workshop-2", PUBLISHED.partition("\n")[0], REOPENED, "run.workshop()"))
    choose_the_record(again)
    revealed = a_student_is_revealed_and_hidden_again(lab, again)
    form = again.locator(".edfi-form").first
    form.get_by_label("Cell").select_option("program_participation.education_organization_id")
    form.get_by_label("should be").fill("255901")
    form.get_by_role("textbox", name="Reason").fill(TYPED[0])
    form.get_by_label("Your name").fill(TYPED[1])
    again.get_by_role("button", name="Correct this cell").click()
    again.get_by_text("Kept as correction").wait_for()
    before = writes(lab)
    off = again.get_by_role("button", name="Send what was checked")
    assert off.is_disabled()
    assert off.evaluate("(button) => Number(getComputedStyle(button).opacity)") < 1  # seen to be off
    again.get_by_role("button", name="Check again").dblclick()
    assert again.get_by_role("button", name="Dismiss").is_disabled()
    again.get_by_text("Nothing was sent. 1 would be created").wait_for()
    again.wait_for_function(ENABLED, arg="Send what was checked")
    assert writes(lab) == before
    form.get_by_label("Your name").fill("")
    again.get_by_role("button", name="Send what was checked").click()
    again.get_by_text("Give your name.").wait_for()
    again.wait_for_function(ENABLED, arg="Send what was checked")
    form.get_by_label("Your name").fill(TYPED[1])
    show(lab, again, "50_workshop-checked")
    again.get_by_role("link", name="7 refused").wait_for()
    again.get_by_role("button", name="Send what was checked").click()
    again.get_by_text("1 of 1 delivered: Gifted and Talented, begin ").wait_for()
    again.get_by_role("link", name="6 refused").wait_for()
    again.get_by_role("link", name="1 more since").wait_for()
    again.wait_for_function(ENABLED, arg="Check these 6 again")  # the one that was chosen is gone
    assert form.get_by_label("Your name").input_value() == TYPED[1]
    lab.dark(again)
    show(lab, again, "50_workshop-delivered-dark")
    lab.light(again)
    lab.close(again)
    for name in ("workshop", "workshop-2"):
        saved = json.dumps(json.loads((lab.folder / f"{name}.ipynb").read_text("utf-8")))
        assert [word for word in (*TYPED, *revealed) if word in saved] == []
    assert lab.refused == []


def what_to_do_about_the_chosen_cause_is_not_cut(page: Any) -> None:
    """At a width where it is before it is chosen."""
    page.set_viewport_size(VIEW | {"width": 760})
    texts = page.locator(".edfi-causes .rows tbody .wide")
    texts.first.wait_for()
    heights = "(text) => [text.scrollHeight > text.clientHeight + 1, text.clientHeight]"
    cut = [at for at in range(texts.count()) if texts.nth(at).evaluate(heights)[0]]
    assert cut
    texts.nth(cut[0]).click()
    page.locator(".edfi-causes .rows tbody tr[aria-selected=true]").wait_for()
    assert not texts.nth(cut[0]).evaluate(heights)[0]
    texts.nth(cut[0]).click()
    page.locator(".edfi-causes .rows tbody tr[aria-selected=true]").wait_for(state="detached")
    page.set_viewport_size(VIEW)


def no_field_is_cut(page: Any) -> None:
    """At 1280 pixels, with the file browser open as JupyterLab opens it."""
    page.set_viewport_size(VIEW | {"width": 1280})
    page.evaluate("() => jupyterapp.shell.expandLeft()")
    page.wait_for_function("() => document.querySelector('.jp-Notebook').clientWidth < 1000")
    fields = page.evaluate(
        """() => [...document.querySelectorAll('.edfi-form')[0].querySelectorAll('input, select')].map((field) =>
            field.closest('.edfi-form').getBoundingClientRect().right - field.getBoundingClientRect().right)"""
    )
    page.evaluate("() => jupyterapp.shell.collapseLeft()")
    page.set_viewport_size(VIEW)
    assert len(fields) == 4
    assert min(fields) >= 0


def a_student_is_revealed_and_hidden_again(lab: Any, page: Any) -> list[str]:
    """Id and names of the chosen record's student: in the list and in the leaves, and in no file."""
    chosen = page.locator(".edfi-grid .rows tbody tr[aria-selected=true] td").first
    leaf = page.locator(".jupyter-widget-tab").locator("visible=true").first
    pseudonym = chosen.inner_text()
    leaf.get_by_text(pseudonym).first.wait_for()
    page.get_by_role("tab", name="Story", exact=True).click()
    leaf.get_by_text("Over the year").first.wait_for()
    page.get_by_role("tab", name="Source rows").click()
    page.get_by_role("button", name="Reveal students").first.click()
    page.get_by_role("button", name="Hide students").wait_for()
    shown = chosen.inner_text().split()
    leaf.get_by_text(shown[0]).first.wait_for()
    assert len(shown) == 3  # the id and both names
    leaf.get_by_text(pseudonym).first.wait_for(state="detached")
    show(lab, page, "50_workshop-revealed")
    page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")  # with a checkpoint
    page.evaluate("async () => { await jupyterapp.shell.currentWidget.context.save(); }")  # as autosave does
    files = [path.read_text("utf-8") for path in lab.folder.rglob("*.ipynb")]
    assert [word for word in shown for text in files if word in text] == []
    page.get_by_role("button", name="Hide students").click()
    leaf.get_by_text(shown[0]).first.wait_for(state="detached")
    leaf.get_by_text(pseudonym).first.wait_for()
    assert [word for word in shown if word in page.locator(".jp-Notebook").inner_html()] == []
    return shown


ENABLED = """(label) => [...document.querySelectorAll('.edfi-form button')]
    .some((button) => button.textContent === label && !button.disabled)"""
# Whatever other tests chose in the form over the notebooks: it would count before this cell, which says the sample's.
REOPENED = """from edfi_toolkit.runs.choice import SAMPLE, remember
from edfi_toolkit.runs.decisions import decisions_of

remember(edfi.open_run(**SAMPLE).installation, {**SAMPLE, "run_id": "latest"})
run = edfi.desk(
    profile="certification", school_year=2026, source="sample", target="sandbox", run_id="latest", settings={}
)
with decisions_of(run) as decisions:
    decisions.close_dismissals(decisions.dismissals()["number"], "removed")"""


@long_proof
def test_a_student_is_looked_up_by_each_kind_of_id(lab: Any) -> None:
    page = lab.run_all(lab.folder / "70_student.ipynb")
    field, answer = page.get_by_label("Student", exact=True), page.get_by_text("Sent: ")
    pseudonyms = set()
    for typed in ("222222", "K7310002", "Brunhild Pappelquast"):
        field.fill("")
        answer.first.wait_for(state="hidden")  # it would pass for the story of whom one types
        field.fill(typed)
        field.press("Enter")
        answer.first.wait_for(timeout=30_000)
        text = page.locator(".jp-Notebook").inner_text()
        assert typed not in text
        pseudonyms |= set(re.findall(r"S-[0-9a-f]{10}", text))
    field.fill(sorted(pseudonyms)[0])
    page.get_by_role("button", name="Look up").click()
    answer.first.wait_for(timeout=30_000)
    show(lab, page, "70_student")
    page.get_by_role("button", name="Reveal students").click()
    page.get_by_text("One student: K7310002 Brunhild Pappelquast").wait_for()
    lab.close(page)
    saved = (lab.folder / "70_student.ipynb").read_text("utf-8")
    assert [typed for typed in ("222222", "K7310002", "Pappelquast") if typed in saved] == []


FOUND = (
    """import edfi_toolkit as edfi

run = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
built = run.extract() and run.build()""",
    "checked = run.validate()\nchecked",
    "checked.by_cause('findings')",
)


@long_proof
def test_a_finding_is_dismissed_and_shown_again_when_its_record_changes(lab: Any) -> None:
    page = lab.run_all(lab.notebook("findings", *FOUND))
    missing = page.locator(".edfi-grid .rows tbody tr").filter(has_text="CERT_MISSING")
    missing.filter(has_text="Special Education").first.click()
    page.get_by_role("button", name="Tell this student's story").click()
    page.get_by_text("Over the year").wait_for()
    lab.screenshot(page, "20_story", whole=True)
    form = page.locator(".edfi-form")
    form.get_by_role("textbox", name="Reason").fill(TYPED[0])
    form.get_by_label("Your name").fill(TYPED[1])
    page.get_by_role("button", name="Dismiss until the record changes").click()
    page.get_by_text("1 dismissed until the record changes").wait_for()
    run_again(page)
    page.get_by_text("1 finding dismissed.").wait_for()
    rows = lab.folder / "source" / "program_participation.csv"
    kept = rows.read_text("utf-8")
    rows.write_text(kept.replace('ideaEligibility"": true', 'ideaEligibility"": false'), "utf-8")
    run_again(page)
    page.get_by_text("1 finding dismissed.").wait_for(state="detached")
    rows.write_text(kept, "utf-8")
    lab.close(page)
    saved = (lab.folder / "findings.ipynb").read_text("utf-8")
    assert [word for word in TYPED if word in saved] == []


def run_again(page: Any) -> None:
    page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")


@long_proof
def test_a_broken_export_is_recognised_and_stopped_and_a_stopped_publish_is_resumed(lab: Any) -> None:
    """The feed has published; the export then has a third of its rows."""
    lab.close(lab.run_all(lab.notebook("published", PUBLISHED)))
    rows = lab.folder / "source" / "program_participation.csv"
    kept = rows.read_text("utf-8")
    rows.write_text("".join(kept.splitlines(keepends=True)[:12]), "utf-8")
    page = lab.run_all(lab.folder / "10_extract.ipynb")
    page.get_by_text("Lost since the last publish: this stops the plan").wait_for()
    lab.screenshot(page, "10_broken-export", whole=True)
    lab.close(page)
    lab.close(lab.run_all(lab.folder / "20_validate.ipynb"))
    page = lab.run_all(lab.folder / "30_preview.ipynb")
    page.get_by_label("Your name").fill(TYPED[1])
    answers = page.get_by_label(re.compile("^Answer for "))
    page.get_by_text("Not answered yet: ").wait_for()
    assert page.get_by_role("button", name="Approve").is_disabled()
    for at in range(answers.count() - 1):
        answers.nth(at).fill(TYPED[0])
    page.get_by_text("Not answered yet: ").wait_for()
    assert page.get_by_role("button", name="Approve").is_disabled()
    lab.screenshot(page, "30_one-breach-not-answered", whole=True)
    answers.last.fill(TYPED[0])
    page.get_by_role("button", name="Approve").click()
    page.get_by_text(f"approved by {TYPED[1]}").first.wait_for()
    lab.close(page)
    before = writes(lab)
    slow(lab, [{"method": "DELETE", "after": 4, "latency_ms": 15_000}])  # long enough to press Stop
    page = lab.run_all(lab.folder / "40_publish.ipynb")
    page.get_by_role("button", name="Publish").click()
    while writes(lab) == before:
        page.wait_for_timeout(50)
    page.get_by_role("button", name="Stop").click()
    stopped = page.get_by_text(re.compile(rf"not sent yet\. Published .*, approved by {TYPED[1]}"))
    stopped.first.wait_for()
    changes = int(re.findall(r"of (\d+) changes reached the ODS", stopped.first.inner_text())[0])
    page.get_by_role("button", name="Publish the rest").wait_for()
    lab.screenshot(page, "40_stopped", whole=True)
    lab.close(page)
    slow(lab, [])
    page = lab.open(lab.folder / "40_publish.ipynb")
    stopped.first.wait_for()  # readable before a cell is run
    page.get_by_text("Publish again: it goes on where it ended.").first.wait_for()
    assert page.get_by_text("model not found").count() == 0
    lab.screenshot(page, "40_reopened", whole=True)
    run_again(page)
    assert 0 < writes(lab) - before < changes
    page.get_by_role("button", name="Publish").click()
    page.get_by_text(f"{changes} of {changes} changes reached the ODS.").first.wait_for()
    assert writes(lab) - before == changes  # each once, in both parts together
    lab.screenshot(page, "40_resumed", whole=True)
    lab.close(page)
    rows.write_text(kept, "utf-8")
    assert lab.refused == []


def slow(lab: Any, faults: list[dict[str, Any]]) -> None:
    """Let the sandbox answer late, or no longer."""
    httpx.put(control(lab, "faults"), json=faults, trust_env=False).raise_for_status()


def writes(lab: Any) -> int:
    """How often the sandbox was asked to write."""
    return int(httpx.get(control(lab, "counters"), trust_env=False).json()["writes"])


def control(lab: Any, what: str) -> str:
    return f"{lab.environ['EDFI_TARGET_SANDBOX_URL']}/control/{what}"

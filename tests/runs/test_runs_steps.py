"""A run from extract to rejections, in this process, against a sandbox over a socket."""

from __future__ import annotations

import gc
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import openpyxl
import pandas as pd
import pytest

import edfi_toolkit as edfi
from edfi_toolkit.batch.exits import exit_of_steps
from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.display.following import changed_elsewhere
from edfi_toolkit.errors import ConfigError, LedgerBusy, LedgerError, StalePlan, UnsafePlan
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.planning import Plan
from edfi_toolkit.review import places, views
from edfi_toolkit.review.approvals import SHOWN_IN_40
from edfi_toolkit.review.views import PanelView
from edfi_toolkit.runs import Run, approving, kernel_cache, masking, open_run
from edfi_toolkit.runs import run as runs_run
from edfi_toolkit.runs import workbook as runs_workbook
from edfi_toolkit.runs.approving import approved_fingerprint
from edfi_toolkit.runs.ledger_now import ledger_now, rejection_rows
from edfi_toolkit.runs.opening import open_another
from edfi_toolkit.runs.read_again import read_again
from edfi_toolkit.runs.rejections.retry import check_again, send_again
from edfi_toolkit.runs.standing import LedgerNow
from edfi_toolkit.sandbox import Running
from edfi_toolkit.tables import Tables
from tests.stages import found_the_same

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
WHICH: dict[str, Any] = {"profile": "certification", "school_year": 2026}


def a_run(run_id: str = "latest", **others: Any) -> Run:
    return edfi.open_run(**{**WHICH, "source": "sample", "run_id": run_id, **others})


def writes(sandbox: Running) -> int:
    return int(httpx.get(f"{sandbox.control_url}/counters").json()["writes"])


def quiet(_done: int, _total: int | None, _counts: object = None) -> None:
    """Progress that no one watches."""


def test_every_step_can_be_opened_again_from_the_folder_alone(work: Playground) -> None:
    first = a_run()
    first.preview()
    again = a_run()

    assert again.id == first.id
    pd.testing.assert_frame_equal(again.built.records, first.built.records)
    assert again.built.scope == first.built.scope
    assert again.built.config == first.built.config
    assert again.built.settings == first.built.settings
    columns = list(first.checked.held.columns)
    assert set(again.checked.held.columns) == set(columns)
    assert again.checked.held["held_by"].tolist() == first.checked.held["held_by"].tolist()
    assert len(again.checked.ready) == len(first.checked.ready)
    pd.testing.assert_frame_equal(again.checked.findings, first.checked.findings)
    assert again.preview().fingerprint == first.plan.fingerprint


def test_a_step_that_fails_leaves_the_collector_as_it_was(work: Playground) -> None:
    before = gc.get_threshold()
    with pytest.raises(ConfigError):
        a_run("new").build()
    assert gc.get_threshold() == before


def test_steps_show_counts_reasons_and_the_next_step_without_a_person(work: Playground) -> None:
    (work.folder / "source" / ".ipynb_checkpoints").mkdir()  # as JupyterLab's editor leaves it
    run = a_run("new")
    shown = {step.__name__: step() for step in (run.extract, run.build, run.validate, run.preview)}

    assert "could not be read because of a bad cell" in shown["extract"].says
    assert "In no record, no rule failed" in repr(shown["build"])
    assert "failed a rule" in shown["build"].says
    assert "below it is who is missing, and why" in shown["build"].next_step
    assert set(shown["validate"].frames["missing"]["state"]) >= {"held", "skipped"}
    assert "held back. Checked against sandbox too." in shown["validate"].says
    assert run.plan.fingerprint in shown["preview"].says
    assert "approve them below" in shown["preview"].next_step
    assert "HIDDEN_FILE" in set(shown["preview"].findings["code"])
    assert "HIDDEN_FILE" not in repr(shown["preview"])  # nothing to do about it
    for view in shown.values():
        page = view._repr_html_() + repr(view)
        assert "K7310001" not in page
        assert "900417303" not in page
    assert run.student().tone == "good"
    assert "111111" not in run.student("111111")._repr_html_()


def test_publish_without_approval_sends_nothing_and_says_how(work: Playground, sandbox: Running) -> None:
    run, before = a_run(), writes(sandbox)

    view = run.publish()

    assert view.says.startswith("Nothing was sent.")
    assert f'approved = "{run.plan.fingerprint}"' in view.next_step
    assert writes(sandbox) == before
    assert not run.published
    assert run.results().says == "Nothing has been published in this run yet."


def test_an_approval_is_kept_with_its_name_and_carried_out_once(work: Playground, sandbox: Running) -> None:
    run = a_run()
    with pytest.raises(StalePlan, match="is not approved; nothing was sent"):
        approved_fingerprint(run)
    assert "not approved yet" in run.approve().says
    assert run.overview().tone == "check", "green says that nothing is left to do"
    view = run.approve(by="Ann Example")
    assert "changes approved by Ann Example, 20" in view.says
    assert view.tone == "good"

    again = a_run()
    waiting = again.publish()
    assert "approved by Ann Example" in waiting.says
    assert waiting.says.endswith("Nothing was sent yet.")
    assert again.overview().tone == "check"
    again.publish(approved=approved_fingerprint(again), max_requests=2)
    stopped = a_run().publish()
    assert "not sent yet. Published 20" in stopped.says
    assert stopped.says.endswith("approved by Ann Example.")
    assert stopped.next_step == "Publish again: it goes on where it ended. What arrived is not sent twice."
    assert "not every change has an answer" in a_run().overview().next_step
    done = again.publish(approved=approved_fingerprint(again))
    sent = writes(sandbox)
    assert done.tone == "good"
    at_the_end = a_run().overview()
    assert at_the_end.tone == "check"  # the sample has rows that nobody can read
    said = (
        r"\d+ unreadable, \d+ held\. 'What was never sent\?' in notebook 50 says why, and who can solve it\. "
        r"(\d+) rows are skipped by a rule, which can be right: 'Who is missing, and why\?' in notebook 20 lists them\."
    )
    assert (named := re.fullmatch(said, at_the_end.next_step))
    skipped = a_run().built.skipped["rule"]
    assert int(named[1]) == skipped.str.startswith("CERT-").sum() > 1
    assert f" {named[1]} rows are skipped by a rule, which can be right: " in a_run().held().says
    repeated = a_run().publish()
    assert repeated.says.startswith(done.says)
    assert "Published 20" in repeated.says
    assert "approved by Ann Example. This cell sends nothing again." in repeated.says
    assert writes(sandbox) == sent


def test_what_waits_says_so_where_the_source_was_read_again_and_follows_an_approval_elsewhere(
    work: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (approving, views):
        monkeypatch.setattr(module, "attended", lambda: True)
    run = a_run()
    asked, waits, overview = run.approve(), run.publish(), run.overview()
    button = waits.panel()
    assert (asked.tone, button.layout.display) == ("check", "none")

    approving.approve(a_run(), by="Ann Example", answers={})  # in another notebook
    changed_elsewhere()
    assert "approved by Ann Example" in asked.says
    assert waits.next_step == "Press Publish."
    assert button.layout.display == ""

    newer = found_the_same(run)
    newer.preview()
    changed_elsewhere()
    for view in (asked, waits, overview):
        assert view.says.startswith("This is an older run, of ")
        assert (view.tone, "Open the newest run" in view.next_step) == ("check", True)
    # What was sent too: the bar that says so may be far above.
    run.publish(approved="auto")
    for view in (run.approve(), run.publish()):
        assert view.says.startswith("This is an older run, of ")
        assert view.next_step.startswith("Press Open the newest run in the bar at the top")
    assert not newer.approve().says.startswith("This is an older run, of ")


def test_an_approval_is_of_one_plan_and_of_one_run(work: Playground) -> None:
    run = a_run()
    other = found_the_same(run)
    run.approve(by="Ann Example")
    work.source_becomes("before")
    for step in (run.extract, run.build, run.validate, run.preview):
        step()
    assert "no longer holds because the preview was made again and differs" in run.approve().says
    with pytest.raises(StalePlan, match="Ann Example approved no longer holds"):
        approved_fingerprint(run)
    other.preview()
    assert "not approved yet" in other.approve().says


def test_a_limit_is_answered_for_by_name_and_reason(sent: Playground) -> None:
    for table in (sent.folder / "source").glob("*.csv"):
        if table.stem not in ("schools", "edfi_config", "calendars"):
            table.write_text(table.read_text("utf-8").partition("\n")[0] + "\n", "utf-8")
    run = a_run("new")
    for step in (run.extract, run.build, run.validate):
        step()
    assert "limit" in run.preview().says
    with pytest.raises(UnsafePlan, match="has no answer yet"):
        run.approve(by="Ann Example")
    with pytest.raises(ConfigError, match="your name and the reason"):
        run.approve(by="Ann Example", answers=dict.fromkeys(run.plan.breaches, " "))
    with pytest.raises(StalePlan):
        approved_fingerprint(run)
    view = run.approve(by="Ann Example", answers=dict.fromkeys(run.plan.breaches, "The programs ended."))
    assert "Ann Example answers, “The programs ended.”" in view.says
    done = run.publish(approved=approved_fingerprint(run))
    assert "gone from the ODS" in repr(done)
    with Ledger(run.installation.ledger) as ledger:
        assert set(ledger.overrides(run.id)["person"]) == {"Ann Example"}


def test_publish_with_another_fingerprint_is_refused_and_the_run_stays_open(work: Playground) -> None:
    run = a_run()
    with pytest.raises(StalePlan):
        run.publish(approved="0123456789abcdef")
    assert not run.published
    assert run.preview().fingerprint == run.plan.fingerprint


def test_a_published_run_is_history_and_a_repeat_sends_nothing(work: Playground, sandbox: Running) -> None:
    run = a_run()
    assert run.overview().next_step.startswith("Look at the changes in notebook 30_preview and approve them")
    run.approve(by="Jo Steward")
    assert (
        run.overview().next_step == "Press Publish in notebook 40_publish: Jo Steward approved the changes."
    )
    done = run.publish(approved=run.plan.fingerprint)
    sent = writes(sandbox)

    assert done.tone == "good"
    assert a_run().results().says == done.says
    assert sent == int(run.plan.sends.sum())
    assert "shown as it was" in a_run().extract().says
    kept = a_run().preview()
    assert "shown as it was" in kept.says
    assert kept.says.startswith("This plan had ")
    asked = run.approve()
    assert kept.next_step == asked.next_step == SHOWN_IN_40
    assert "approved by Jo Steward" in asked.says
    a_run().publish(approved="auto")
    assert writes(sandbox) == sent

    next_run = found_the_same(run)
    next_run.preview()
    assert next_run.id != run.id
    assert re.search(
        r"Sent: 6 records \([A-Z][^)]+\), all in the ODS as sent\.", repr(next_run.student("111111"))
    )
    assert set(next_run.plan.items["action"]) == {"NOOP"}
    assert next_run.overview().next_step == "Open notebook 40_publish."
    assert next_run.publish(approved="auto").tone == "good"
    assert writes(sandbox) == sent
    there = next_run.folder.manifest["steps"]["publish"]["in_the_ods"]
    assert there == run.folder.manifest["steps"]["publish"]["in_the_ods"] == len(next_run.plan.items) > 0


def test_a_refused_record_is_shown_by_cause_and_stands_in_the_workbook(
    work: Playground, sandbox: Running
) -> None:
    run = a_run()
    fault = {"method": "POST", "resource": "studentHomelessProgramAssociations", "status": 409}
    httpx.put(f"{sandbox.control_url}/faults", json=[fault]).raise_for_status()
    view = run.publish(approved="auto")
    rejected = run.rejections()

    assert view.tone == "bad"
    assert rejected.frames["causes"]["rejections"].sum() == view.value["outcome"].eq("refused").sum() > 0
    book = openpyxl.load_workbook(run.workbook().value)
    assert book["Refused"].max_row > 1
    assert book["Sent"].max_row == int(run.plan.sends.sum()) + 1
    sent = pd.DataFrame(list(book["Sent"].values)[1:], columns=[cell.value for cell in book["Sent"][1]])
    assert sent["Messages"].notna().equals(sent["Outcome"].eq("refused"))
    assert "writes it again" in str([[cell.value for cell in row] for row in book["Summary"]])
    report = (run.path / "report.html").read_text("utf-8")
    for section in ("preview", "publish", "rejections", "corrections"):
        assert report.count(f"<section id='{section}'>") == 1
    assert run.folder.manifest["steps"]["publish"]["outcomes"]["refused"] > 0

    httpx.put(f"{sandbox.control_url}/faults", json=[]).raise_for_status()
    again = found_the_same(run)
    assert ledger_now(again) is None, "no plan yet"
    again.preview()
    refused = len(view.value.query("outcome == 'refused'"))
    assert ledger_now(again) == LedgerNow(refused, again=refused)
    chosen = rejection_rows(run).head(1)
    with pytest.raises(ConfigError, match="nothing was sent"):
        check_again(run, chosen, progress=lambda done, *_: done < 2)
    assert a_run("latest").id == again.id, "a check that was stopped before its plan is no run of all records"
    # What a retry delivered is not among what this plan has still to send.
    retry = check_again(run, chosen, progress=lambda *_: True)
    send_again(retry, chosen, approved=retry.plan.fingerprint)
    assert ledger_now(again) == LedgerNow(refused - 1, sent=1, again=refused - 1)
    told = again.overview()
    steps = told.blocks[0].frame.set_index("step")["found"]
    assert steps["preview"].endswith(f"create {refused}; 1 of these sent since")
    assert told.next_step.startswith("Run all cells of notebook 30_preview: it shows what is left, ")
    assert f"{refused - 1} of {refused} changes" in told.next_step
    again.preview()
    assert ledger_now(again) == LedgerNow(refused - 1, again=refused - 1)
    again.publish(approved="auto")
    assert ledger_now(again) == LedgerNow(), "what it delivered itself is not more since"


def test_validation_goes_on_without_the_target_and_says_so(
    work: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDFI_TARGET_SANDBOX_URL", "http://127.0.0.1:9")
    looked: Counter[str] = Counter()
    monkeypatch.setattr(places, "columns_in_the_source", counting(places.columns_in_the_source, looked))
    run = a_run("new")
    run.extract()
    run.build()
    assert "Checked against the shipped model only" in run.validate().says
    assert looked.total() == 1  # for the report and for the list
    assert run.preview().says.startswith(
        "Checked against the shipped model only: sandbox could not be asked."
    )
    assert exit_of_steps(run.folder.manifest["steps"]) == 5


def test_a_preview_first_looks_up_what_a_crashed_run_left_unsure(
    work: Playground, sandbox: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    from edfi_toolkit.ledger.journal import Journal

    commit = Journal.commit

    def out_of_disk(self: Journal, results: Any, attempts: Any = ()) -> None:
        if results:
            raise LedgerError("The ledger cannot be written.")
        commit(self, results, attempts)

    run = a_run()
    with monkeypatch.context() as crash:
        crash.setattr(Journal, "commit", out_of_disk)
        with pytest.raises(LedgerError):
            run.publish(approved="auto")
    sent = writes(sandbox)
    assert sent > 0
    again = found_the_same(run)
    again.preview()
    assert set(again.plan.items["action"]) == {"NOOP"}
    assert writes(sandbox) == sent


def test_a_run_that_finds_its_feed_in_use_sends_nothing_and_is_not_one_that_has_published(
    work: Playground, sandbox: Running
) -> None:
    run, sent = a_run(), writes(sandbox)
    with Ledger(run.installation.ledger) as ledger:
        feed = ledger.feed(run.target.identity, run.profile, run.source.name)
        with ledger.exclusive(feed), pytest.raises(LedgerBusy, match="then run again"):
            run.publish(approved="auto")
    assert (writes(sandbox), run.published, "publish" in run.folder.manifest["steps"]) == (sent, False, False)
    run.publish(approved="auto")
    assert run.folder.manifest["steps"]["publish"]["finished"] is True


def test_limits_of_the_settings_file_reach_the_build_and_given_settings_win(work: Playground) -> None:
    file = work.folder / "edfi.toml"
    file.write_text(
        file.read_text("utf-8") + "\n[limits]\nmax_delete_share = 0.03\nfree_changes = 7\n", "utf-8"
    )
    run = a_run("new", settings={"free_changes": 9})
    run.extract()
    run.build()
    assert run.built.settings["max_delete_share"] == 0.03
    assert run.built.settings["free_changes"] == 9
    assert run.built.settings["max_update_share"] == 0.5


def test_a_step_without_its_predecessor_names_the_notebook(work: Playground) -> None:
    with pytest.raises(ConfigError, match="Run notebook 10_extract first"):
        a_run("new").build()


def test_a_run_of_another_kind_is_refused_by_name(work: Playground) -> None:
    run = a_run()
    with pytest.raises(ConfigError, match="is one of school year 2026, not 2025"):
        a_run(run.id, school_year=2025)
    with pytest.raises(ConfigError, match="There is no profile"):
        a_run(profile="certificatoin")


def test_a_target_of_another_school_year_is_refused_however_the_year_is_found(work: Playground) -> None:
    """WI-SCP-1"""
    from edfi_toolkit.runs.planning import plan_of

    with (work.folder / "edfi.toml").open("a") as file:
        file.write('[targets.next]\nurl = "https://ods.example"\nschool_year = 2027\n')
    with pytest.raises(
        ConfigError, match="'next' holds the school year 2027, and these records belong to 2026"
    ):
        a_run("new", target="next")
    run = a_run("new", target="next", school_year=None)
    run.extract()
    run.build()
    with pytest.raises(
        ConfigError, match="'next' holds the school year 2027, and these records belong to 2026"
    ):
        plan_of(run)


def test_latest_without_a_source_takes_that_of_the_run(work: Playground) -> None:
    assert edfi.open_run(**WHICH).id == a_run().id
    assert edfi.open_run(**WHICH).source.name == "sample"


def test_a_manifest_that_cannot_be_read_stops_only_who_may_need_it(work: Playground) -> None:
    """A run that Airflow named: an older one stops no one, and one that may be the latest is not passed over."""
    latest, lost = a_run().id, a_run().folder.path.with_name("of-airflow") / "manifest.json"
    lost.parent.mkdir()
    lost.write_text("{")
    os.utime(lost, (0, 0))
    assert a_run().id == latest
    new = a_run("new")
    assert "Since the extract of" in new.extract().says

    os.utime(lost)
    with pytest.raises(
        ConfigError, match=r"run of-airflow cannot be read .* move the folder \S+of-airflow elsewhere"
    ):
        a_run()
    before = new.folder.path.with_name(latest) / "manifest.json"
    before.write_text("")
    assert f"It is not compared with an earlier extract. The manifest of run {latest}" in new.extract().says


def test_the_manifest_tells_who_when_and_what_but_no_secret(work: Playground) -> None:
    manifest = a_run().folder.manifest

    assert manifest["versions"]["edfi-toolkit"] == edfi.__version__
    assert manifest["started_by"]
    assert len(manifest["steps"]["extract"]["files"]["source/students.csv"]) == 64
    assert "secret" not in json.dumps(manifest).lower()


def test_the_set_up_check_finds_what_is_missing(work: Playground, monkeypatch: pytest.MonkeyPatch) -> None:
    assert a_run().check().tone == "good"
    assert a_run().check().next_step == ""  # the run itself says what is next
    shutil.rmtree(work.folder / "source")
    monkeypatch.setenv("EDFI_TARGET_SANDBOX_SECRET", "wrong")
    found = a_run().check().value.set_index("what")["state"]
    assert found["source sample"] == "needs attention"
    assert found["target sandbox"] == "needs attention"
    assert found["ledger"] == "ok"


def test_unattended_a_run_makes_and_reads_each_thing_once_and_no_notebook_reads_back_what_another_has_written(
    work: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, read = Counter[str](), Counter[str]()
    monkeypatch.setenv("EDFI_UNATTENDED", "1")
    monkeypatch.setattr(masking, "_made", {})
    monkeypatch.setattr(kernel_cache, "_cache", {})
    for counts, where, name in (
        (made, runs_workbook, "write_workbook"),
        (made, masking, "masker_of"),
        (made, Ledger, "identity_map"),
        (read, Tables, "load"),
        (read, Plan, "load"),
        (read, runs_run, "load_build"),
        (read, runs_run, "load_checked"),
    ):
        monkeypatch.setattr(where, name, counting(getattr(where, name), counts))
    for step in ("extract", "build", "validate", "preview"):  # each of them opened again, as by a notebook
        getattr(a_run(), step)()
    a_run().publish(approved="auto")
    for show in ("rejections", "held", "workbook"):
        getattr(a_run(), show)()
    assert made == {"write_workbook": 1, "masker_of": 1, "identity_map": 1}
    assert not read

    a_run("new").extract()
    assert not kernel_cache._cache.keys() - {"tables"}


@pytest.mark.parametrize("unattended", ["1", "0"])
def test_what_was_kept_is_not_taken_for_what_another_process_wrote_since(
    work: Playground, monkeypatch: pytest.MonkeyPatch, unattended: str
) -> None:
    monkeypatch.setattr(kernel_cache, "_cache", {})
    monkeypatch.setenv("EDFI_UNATTENDED", unattended)
    a_run().preview()
    assert len(kernel_cache._cache) == int(unattended)
    monkeypatch.setenv("EDFI_UNATTENDED", "0")
    school = int(a_run().built.records["education_organization_id"].iloc[0])
    later = a_run()
    later.preview(schools=[school])
    monkeypatch.setenv("EDFI_UNATTENDED", unattended)
    assert a_run().plan.fingerprint == later.plan.fingerprint


def counting(work: Callable[..., Any], made: Counter[str]) -> Callable[..., Any]:
    def counted(*given: Any, **named: Any) -> Any:
        made[work.__name__] += 1
        return work(*given, **named)

    return counted


def test_the_workbook_is_written_when_asked_and_at_every_step_only_where_a_person_sits(
    work: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = a_run()
    assert not (run.path / "workbook.xlsx").exists()
    monkeypatch.setattr(runs_workbook, "attended", lambda: True)
    a_run().preview()
    assert (run.path / "workbook.xlsx").is_file()


def test_the_workbook_shows_students_only_when_asked(work: Playground) -> None:
    run = a_run()
    paths = [run.workbook(all_records=True).value, run.workbook(reveal=True).value]
    records = openpyxl.load_workbook(paths[0])["Records"]
    assert records.max_row == 1 + len(run.plan.items) + len(run.checked.held)
    texts = [
        {
            str(cell.value)
            for sheet in openpyxl.load_workbook(path)
            for row in sheet.iter_rows()
            for cell in row
        }
        for path in paths
    ]
    assert Path(paths[0]).name == "workbook.xlsx"
    asked = run.workbook()
    assert isinstance(asked, PanelView)
    form = asked.panel()
    assert [button["label"] for button in form.buttons] == ["Add all records", "With student ids"]
    form.press("ids")
    assert "workbook-revealed.xlsx. It shows real student ids: keep it to yourself." in asked.says
    assert [path.name for path in asked.files] == ["workbook.xlsx", "workbook-revealed.xlsx"]
    assert "900417303" not in texts[0]
    assert "900417303" in texts[1]


def test_a_step_that_finds_the_same_again_leaves_the_plan_and_another_result_takes_it(
    work: Playground,
) -> None:
    def planned() -> str:
        run = open_run(profile="certification", school_year=2026, source="sample")
        return str(run.folder.manifest["steps"].get("preview", {}).get("fingerprint", ""))

    before = planned()
    assert before
    run = open_run(profile="certification", school_year="2025-26", source="sample")
    for step in (run.build, run.validate):
        assert "The changes in notebook 30 are made of this." in step().says
    assert planned() == before
    assert run.plan.fingerprint == before
    assert not (run.path / "draft").exists()

    # The rows are other ones now, and so is what the rules make of them.
    for name in ("students", "enrollments"):
        run.tables[name]["student_unique_id"] = "900000001"
    assert "are made of this" not in run.build().says
    assert planned() == ""
    assert not (run.path / "plan.parquet").exists()


def built_anew(like: Run) -> str:
    """What a new run of the same feed says of its build."""
    run = open_another(like)
    run.extract()
    return run.build().says


def test_after_a_row_is_fixed_and_read_again_its_record_is_counted(work: Playground) -> None:
    before, rows = a_run(), work.folder / "source" / "program_participation.csv"
    built, lines = len(before.built.records), rows.read_text().splitlines(keepends=True)
    fixed = next(at for at, line in enumerate(lines) if line.startswith("cert-cte,"))
    rows.write_text("".join(line for at, line in enumerate(lines) if at != fixed))
    assert f"That is 1 fewer than the run before, which built {built:,}." in built_anew(before)
    rows.write_text("".join(lines))
    more = read_again(before, progress=quiet).build().says
    assert f"That is 1 more than the run before, which built {built - 1:,}." in more
    assert "The changes in notebook 30 are made of this." in more
    assert "as before" not in more
    assert "than the run before" not in built_anew(before)

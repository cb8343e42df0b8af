"""The steps as methods on a run folder: what notebooks and the command line use.

Each step reads what the step before it wrote and writes its own, so any step can be opened again later, in
another notebook or on another day. A step that is done again takes the later ones with it, until something
was published: from then on the run is history, its steps show what they found, and changes need a new run.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.progress import NO_COUNTS, Progress
from edfi_toolkit.privacy import Masker, persons_in
from edfi_toolkit.review import answers, steps
from edfi_toolkit.review.views import View
from edfi_toolkit.review.wrong_cells import places_for_report
from edfi_toolkit.runs.approving import answers_of, approval, as_it_stands, override_text, results_view
from edfi_toolkit.runs.artifacts import load_build, load_checked, save_build, save_checked
from edfi_toolkit.runs.checking import asked_who_is_published, built_records, checked_records
from edfi_toolkit.runs.decisions.dismissals import close_dismissals, without_dismissed
from edfi_toolkit.runs.extracting import built_before, extract_view, read_source
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.runs.kernel_cache import cached_or_loaded
from edfi_toolkit.runs.manifest import (
    as_before,
    check_outcome,
    check_row_balance,
    overview,
    plan_counts,
    plan_to_send,
    publish_counts,
)
from edfi_toolkit.runs.masking import own_masker
from edfi_toolkit.runs.parameters import flag_of, refuse_numbers
from edfi_toolkit.runs.planning import live_plan_of, plan_of, resync_of
from edfi_toolkit.runs.rejections.explained import newest_refusals, refusals, refused_before
from edfi_toolkit.runs.rejections.sent_again import plan_shown
from edfi_toolkit.runs.row_actions import with_row_actions
from edfi_toolkit.runs.setup import check_setup
from edfi_toolkit.runs.step import step
from edfi_toolkit.runs.user import user_name
from edfi_toolkit.runs.workbook import add_refusals_to_report, keep_current, workbook_of
from edfi_toolkit.settings import Settings, Source, Target

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.planning.guardrails import GivenOverride
    from edfi_toolkit.rules import Build
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked

_BECAME_OF_ROWS = ("used", "skipped", "set_aside", "collapsed", "not_applicable")
AUTO = "auto"  # approved by whoever scheduled the run; guardrails hold nevertheless


class Run:
    """One run. Each step shows itself: counts, reasons, the next step; `browse()` opens its tables."""

    def __init__(
        self,
        folder: RunFolder,
        installation: Settings,
        source: Source,
        settings: Mapping[str, Any] | None,
        *,
        profile: str,
        school_year: int | None,
        target: str,
    ) -> None:
        self.folder, self.installation, self.source = folder, installation, source
        self.profile, self.school_year, self.target_name = profile, school_year, target
        self.given, self.is_retry, self.is_seen = settings, False, True  # a retry: of chosen records alone

    @property
    def id(self) -> str:
        """The run's name, which is also that of its folder."""
        return self.folder.run_id

    @property
    def path(self) -> Path:
        """The run's folder."""
        return self.folder.path

    @cached_property
    def target(self) -> Target:
        """Where the run publishes to. Raises ConfigError when the settings do not have it."""
        return self.installation.target(self.target_name)

    @property
    def published(self) -> bool:
        """Whether publishing was begun; from then on the run is history."""
        return self.folder.has("publish")

    @step
    def extract(self) -> View:
        """Read the source into canonical tables. In a run that has published, show what was read then."""
        if self.published:
            return self._as_published(extract_view(self))
        self.__dict__["tables"] = read_source(self)
        return self._shown(lambda: extract_view(self))

    @step
    def build(self) -> View:
        """Build the records by the rules of the profile."""
        self.folder.need("extract")
        if self.published:
            return self._as_published(steps.built_view(self.built, self.masker()))
        from edfi_toolkit.rules import profile
        from edfi_toolkit.tables.load_errors import is_load_error

        settings = self.settings
        asks_target = profile(self.profile).asks_target
        if asks_target and asks_target.holds(settings):
            self.__dict__["tables"] = asked_who_is_published(self)
        built = built_records(self, settings)
        for row in built.accounting().to_dict("records"):
            parts = {name: row[name] for name in _BECAME_OF_ROWS}
            check_row_balance(f"build of {row['table']}", row["rows_in"], parts)
        same = self.folder.replace("build", lambda draft: save_build(draft, built))
        self.__dict__["built"] = built
        skipped = int((~is_load_error(built.skipped["rule"])).sum())
        counts = {"records": len(built.records), "skipped": skipped, "data_standard": built.standard}
        self.folder.record("build", counts)
        note = f"{built_before(self)} {as_before(self.folder, same)}"
        return self._shown(lambda: steps.built_view(built, self.masker()), note.strip())

    def checks(self) -> View:
        """The checks that were added in this workspace, and where a person is the form that adds one."""
        from edfi_toolkit.runs.checks import checks_view

        return checks_view(self)

    @step
    def validate(self) -> View:
        """Find every problem of every record; against the target as well when it can be reached."""
        self.folder.need("build")
        if self.published:
            return self._as_published(without_dismissed(self, self.checked))
        checked, note, unasked = checked_records(self)
        parts = {"ready": len(checked.ready), "held": len(checked.held)}
        check_row_balance("validate", len(self.built.records), parts)
        as_asked = self.folder.checked_against == checked.checked_against
        same = self.folder.replace("validate", lambda draft: save_checked(draft, checked), as_asked=as_asked)
        at, of_rows = places_for_report(checked)
        checked.write_report(self.path / "report.html", masker=self.masker(), places=at, row_places=of_rows)
        self.__dict__["checked"] = checked
        critical = int(checked.findings["severity"].eq("critical").sum())
        asked = {"note": note, "unasked": unasked, "checked_against": checked.checked_against}
        self.folder.record("validate", {**parts, "critical": critical, **asked})
        close_dismissals(self, checked, asked=not unasked)
        return self._shown(lambda: without_dismissed(self, checked, note), as_before(self.folder, same))

    @step
    def preview(
        self, *, live: bool | str = False, schools: Collection[int] = (), progress: Progress | None = None
    ) -> View:
        """What would change in the ODS. In a run that has published, the plan that was published.

        live: also read what the ODS holds now, and find what the plan would meet there: values that others
        have changed, records that exist already or no more, missing references. schools: Ed-Fi ids; only their
        records, all others stay as they are. progress: as in `resync`. Raises OdsError with live or `put_if_updatable`.
        """
        self.folder.need("validate")
        if flag_of("live", live):
            return self.keep_plan(
                lambda: live_plan_of(self, schools, progress or panels().progress("Reading the ODS"))
            )
        checked = self.folder.manifest["steps"]["validate"]
        view = self.keep_plan(lambda: plan_of(self, schools), unasked := checked.get("unasked", ""))
        return view.warning_first(checked["note"]) if unasked and not self.published else view

    @step
    def resync(
        self,
        *,
        schools: Collection[int] = (),
        incremental: bool | None = None,
        progress: Progress | None = None,
    ) -> View:
        """What would change if the ODS were compared record by record, and not with what was published.

        Reads the source first where this run has not yet, then all that the ODS holds of the profile's
        resources. Nothing is sent; `publish` carries it out. incremental: read only what changed in the ODS since
        the last such resync, which keeps a copy; where that is not possible all is read, and the view gives the
        reason. None is as set for the target. progress: called with records read so far, their number once it is known,
        and counts; False stops. schools: as in `preview`. Raises OdsUnavailable, OdsRefusedLogin.
        """
        for name in ("extract", "build", "validate"):
            if not self.folder.has(name):
                getattr(self, name)()
        report, notes = progress or panels().progress("Reading the ODS"), list[str]()
        view = self.keep_plan(lambda: resync_of(self, schools, report, incremental, notes.append))
        return view.noting(" ".join(notes))

    def keep_plan(self, make: Callable[[], Plan], unasked: str = "") -> View:
        """Make the plan and keep it. In a run that has published, the plan that was published.

        unasked: what kept the target from being asked when the records were checked.
        """
        if self.published:
            return self._as_published(plan_shown(self, published=True))
        made = make()
        self.folder.forget_from("preview")
        made.save(self.path)
        self.__dict__["plan"] = made
        self.folder.record("preview", plan_counts(made, self.target) | {"unasked": unasked})
        view = plan_shown(self, refused=(refused := refused_before(self)))
        corrections = steps.corrections_view(self.tables, self.tables.corrections, self.masker())
        keep_current(self, preview=view, corrections=corrections)
        if refused is not None and len(refused):
            self.rejections()  # what earlier runs left open is in the report too
        return view

    @step
    def publish(
        self,
        *,
        approved: str = "",
        overrides: Iterable[GivenOverride] = (),
        progress: Progress | None = None,
        max_seconds: float | None = None,
        max_requests: int | None = None,
    ) -> View:
        """Carry out the plan that was approved by its fingerprint; without one, show where the run stands.

        Where a person approved the plan, a button carries it out; what the approval answers for counts as overridden.
        approved: the fingerprint of the preview, or "auto" in scheduled runs. overrides: `breach:person` for
        each limit that a person has decided to pass. progress: called with done, total, counts; False stops.
        max_seconds, max_requests: after so much no further record is begun.
        What arrived is not sent twice. Raises UnsafePlan, StalePlan, LedgerBusy, OdsUnavailable, OdsRefusedLogin.
        """
        self.folder.need("preview")
        refuse_numbers(approved=approved)
        if not approved:
            return as_it_stands(self, list(overrides))
        from edfi_toolkit.ledger import Ledger
        from edfi_toolkit.publishing import publish

        plan = plan_to_send(self)
        report = progress or panels().progress("Publishing", refusals=lambda: newest_refusals(self))
        approval = {"fingerprint": plan.fingerprint, "by": user_name(), "approved": approved}
        answered = [*answers_of(self), *overrides]
        about, begun = {**approval, "overrides": list(map(override_text, answered))}, self.published

        def recording(done: int, total: int | None, counts: Mapping[str, int] = NO_COUNTS) -> bool | None:
            nonlocal begun
            if not begun:  # all is in place and nothing was sent: until now the run may still be changed
                self.folder.record("publish", {**about, "finished": False})
                begun = True
            return report(done, total, counts)

        with Ledger(self.installation.ledger) as ledger:
            result = publish(
                plan,
                target=self.target,
                ledger=ledger,
                approved=plan.fingerprint if approved == AUTO else approved,
                overrides=answered,
                run_id=self.id,
                progress=recording,
                max_seconds=max_seconds,
                max_requests=max_requests,
            )
        counted = publish_counts(result)
        check_row_balance("publish", plan.sends.sum(), counted["outcomes"])
        self.folder.save_frame("results", result)
        self.folder.record("publish", {**about, **counted, "finished": True})
        view = results_view(self, result)
        keep_current(self, publish=view)
        return view

    def approve(self, *, by: str = "", answers: Mapping[str, str] | None = None) -> View:
        """Approve the plan in a person's name; without a name, show whether it is approved and how to.

        answers: for each limit the plan reaches, the reason why the change is meant. The ledger keeps who, when and
        the fingerprint. Raises UnsafePlan for a limit without an answer.
        """
        self.folder.need("preview")
        return approval(self, by=by, answers=answers or {})

    @with_row_actions
    def results(self) -> View:
        """What the ODS answered to the changes of this run; before publishing, that there is nothing yet."""
        if not (self.path / "results.parquet").is_file():
            return answers.nothing_published_view(self.masker())
        return results_view(self, self.folder.load_frame("results"))

    def rejections(self) -> View:
        """The refusals of this feed that are still open, by cause, and those of this run that are settled."""
        return add_refusals_to_report(self)

    def workshop(self) -> View:
        """The open refusals, what is known of each record, and what a person can do about it."""
        from edfi_toolkit.runs.rejections.workshop import workshop_view

        refused = refusals(self)
        add_refusals_to_report(self, refused)
        return workshop_view(self, refused)

    def workbook(self, *, reveal: bool = False, all_records: bool = False) -> View:
        """Write the run as a workbook for people without a notebook; with `reveal` into another file.

        all_records: with a sheet of all records, unchanged ones too; else a button asks for it.
        """
        return workbook_of(self, reveal=reveal, all_records=all_records)

    def decisions(self) -> View:
        """What people corrected and dismissed, by whom and why; below it a list to end some."""
        from edfi_toolkit.runs.decisions.listed import decisions_view

        return decisions_view(self)

    @cached_property
    def tables(self) -> Tables:
        """The canonical tables as they were extracted."""
        from edfi_toolkit.tables import Tables

        self.folder.need("extract")
        return cached_or_loaded(self, "tables", lambda: Tables.load(self.path / "tables"))

    @cached_property
    def built(self) -> Build:
        """The build as it was made."""
        self.folder.need("build")
        return cached_or_loaded(self, "built", lambda: load_build(self.folder, self.profile, self.tables))

    @cached_property
    def checked(self) -> Checked:
        """What validation found, with the records as they were built."""
        self.folder.need("validate")
        return cached_or_loaded(self, "checked", lambda: load_checked(self.folder, self.built))

    @cached_property
    def plan(self) -> Plan:
        """The plan as it was previewed."""
        from edfi_toolkit.planning import Plan

        self.folder.need("preview")
        return cached_or_loaded(self, "plan", lambda: Plan.load(self.path))

    def masker(self, *frames: pd.DataFrame) -> Masker:
        """Hides the students of this run, and those of the frames, also inside texts."""
        return own_masker(self).knowing(persons_in(*frames))

    def overview(self, *, fail_on: str = "") -> View:
        """Which run this is, where its files are, and its steps; fail_on: as `check_outcome`."""
        check_outcome(self.id, self.folder.manifest.get("steps", {}), fail_on)
        return overview(self)

    def check(self) -> View:
        """Whether settings, source, target, login and ledger are in place."""
        return check_setup(self.installation, source=self.source, target=self.target_name)

    def student(self, typed: str = "") -> View:
        """One student, by state id, local id, pseudonym or name: what is in the ODS, what is missing and why, then all
        that led to it. Without a text a field to type one into, which is not saved."""
        from edfi_toolkit.runs.students.student import student

        return student(self, typed)

    @with_row_actions
    def held(self) -> View:
        """What was never sent: unreadable rows, held records; with buttons that hand on all that is open."""
        from edfi_toolkit.runs.rejections.handing_on import held_of

        return held_of(self)

    def _shown(self, make: Callable[[], View], note: str = "") -> View:
        """What `make` draws, which takes a while; nothing while steps are done in one go and are not shown."""
        return make().noting(note) if self.is_seen else View("", "", "good", [], "", self.masker())

    def _ipython_display_(self) -> None:
        from IPython.display import display

        display(self.overview())

    def __repr__(self) -> str:
        return repr(self.overview())

    @property
    def settings(self) -> dict[str, Any]:
        """Of the limits, the profile, the source and this run, the last wins."""
        given = self.given if self.given is not None else self.folder.manifest.get("settings", {})
        return self.installation.of_build(self.profile, self.source, given)

    def _as_published(self, view: View) -> View:
        """A step of a run that has published: what it found then."""
        return view.noting("This run has published and is shown as it was. A new run starts in notebook 10.")

"""The views of build and validation, of what is held, of corrections and the workbook. Nothing is decided here."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.labels import label
from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import counted
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.frames import among, as_list
from edfi_toolkit.model.standards import SHIPPED
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.meanings import meanings_of, owners_of, who_enters
from edfi_toolkit.review.missing import HELD, SKIPPED, UNREADABLE, missing, missing_counts
from edfi_toolkit.review.participation import participation
from edfi_toolkit.review.places import held_at_places, placed_findings, row_places, with_organizations
from edfi_toolkit.review.summaries import (
    by_rule,
    counted_students,
    held_by_rule,
    keys_in,
    left_alone,
    of_skipped,
    rows_aside,
    skipped_of,
)
from edfi_toolkit.review.views import Block, Lists, View, accounting
from edfi_toolkit.review.without_record import corrected_block
from edfi_toolkit.review.wrong_cells import skipped_at
from edfi_toolkit.rules.explain.story import in_short, parts_of
from edfi_toolkit.tables.load_errors import is_load_error
from edfi_toolkit.validation.check_texts import SEVERITIES

_RULES_DRAWN = 20
_ROWS_NAMED = 10
_MEMBER = re.compile("[a-z][A-Z]")  # of a record, as the API names it

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.rules import Build
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked


def built_view(build: Build, masker: Masker) -> View:
    """The records, and why the other rows gave none."""
    at_load = is_load_error(build.skipped["rule"])
    skipped, unreadable = build.skipped[~at_load], rows_aside(build.skipped[at_load])
    programs = build.records.groupby(["resource", "program_name"])
    by_program = programs.size().to_frame("records")
    by_program = by_program.assign(students=programs["student_unique_id"].nunique()).reset_index()
    says = f"Built {counted(len(build.records), 'record')} for {counted_students(build.records)}."
    if build.standard != SHIPPED:
        says += f" They are for Data Standard {build.standard}."
    if build.records.empty:
        says = "Built no record."
    if len(unreadable):
        says += f" {counted(len(unreadable), 'source row').capitalize()} could not be read."
    missing = set(skipped_at(build)["student_id"].dropna()) - _students_with_records(build)
    if len(skipped):
        says += f" {counted(len(skipped), 'source row').capitalize()} failed a rule and gave none."
    if missing:
        says += f" {counted(len(missing), 'student has', 'students have')} such a row and no record."
    if not build.publishes:
        says = "The configuration of this school year says that nothing may be published."
    if len(build.control):
        says = f"Built no record: {counted(len(build.control), 'control row')} cannot be read."
    return View(
        title="Build",
        says=says,
        tone="bad"
        if len(build.control)
        else "check"
        if len(build.skipped) or not build.publishes
        else "good",
        blocks=[
            *(
                [Block("Control rows that cannot be read: they stop the run", build.control, tone="bad")]
                if len(build.control)
                else []
            ),
            Block("Records built", by_program),
            Block(
                "Rows that gave no record, by the first rule they failed",
                by_rule(skipped, "rule"),
                "No row failed a rule.",
            ),
            *([_first_rows(unreadable)] if len(unreadable) else []),
            *corrected_block(build),
            Block("Every row accounted for", build.accounting()),
        ],
        next_step="Correct the control rows in the source, then read the source again."
        if len(build.control)
        else "Validate; below it is who is missing, and why.",
        masker=masker,
        frames=Lists(
            {
                "skipped": lambda: skipped_of(build),
                "records": lambda: with_organizations(
                    build.records[["resource", *KEY_COLUMNS, "source_refs", "rules"]],
                    build.tables,
                    build.profile,
                ),
                "notices": lambda: build.notices,
            }
        ),
        empty={"skipped": "Every row gave a record."},
        meanings=meanings_of(build.skipped["rule"].unique()),
        picture=lambda: panels().participation(*participation(build), "Students by program over the year"),
        value=build,
    )


def _first_rows(aside: pd.DataFrame) -> Block:
    """Where the first rows are that could not be read, and what is wrong with each."""
    more = f"; the first {_ROWS_NAMED}" if len(aside) > _ROWS_NAMED else ""
    return Block(
        f"Rows that could not be read{more}",
        aside[["file", "row", "column", "says", "rule"]].head(_ROWS_NAMED),
    )


def _students_with_records(build: Build) -> set[str]:
    """SIS ids of the students that have a record."""
    students = build.tables["students"]
    of_state = among(students["student_unique_id"], build.records["student_unique_id"])
    return set(as_list(students.loc[of_state, "student_id"]))


def _by_rule_and_severity(checked: Checked) -> pd.DataFrame:
    """Findings by rule, worst first, as many as a picture has room for: a column a severity that occurs."""
    counts = pd.crosstab(
        checked.findings["rule_id"].astype("str"), checked.findings["severity"].astype("str")
    )
    counts = counts[[severity for severity in SEVERITIES if severity in counts]]
    ordered = (
        counts.sort_values(list(counts.columns), ascending=False, kind="stable") if len(counts) else counts
    )
    return ordered.head(_RULES_DRAWN)


def checked_view(
    checked: Checked,
    masker: Masker,
    target_note: str = "",
    *,
    dismissed: pd.Series | None = None,
) -> View:
    """Which records may be sent, which are held, and what was found.

    dismissed: the findings to hide.
    """
    held, findings, hidden = checked.held, checked.findings, checked.findings[:0]
    if dismissed is not None:
        findings, hidden = findings[~dismissed], findings[dismissed]
    by_severity = findings["severity"].value_counts().reindex(SEVERITIES, fill_value=0)
    says = f"{counted(len(checked.ready), 'record')} may be sent; {counted(len(held), 'record')} held back."
    says += f" {counted(len(hidden), 'finding')} dismissed." if len(hidden) else ""
    says = " ".join(filter(None, [says.strip(), target_note, _in_the_list(checked)]))
    critical, warnings = (findings[findings["severity"].eq(kind)] for kind in ("critical", "warning"))
    gave_none = warnings["rule_id"].isin(checked.build.skipped["rule"])
    return View(
        title="Validate",
        says=f"{says[:1].upper()}{says[1:]}",
        tone="bad" if len(held) else "check" if by_severity["warning"] or by_severity["critical"] else "good",
        blocks=[
            Block(
                "Every record",
                accounting(built=len(checked.build.records), ready=len(checked.ready), held=len(held)),
            ),
            Block(
                "Must be corrected (critical)", by_rule(critical, "rule_id"), "Nothing critical.", tone="bad"
            ),
            Block(
                "Worth checking (warnings are sent)",
                by_rule(warnings[~gave_none], "rule_id"),
                "No warnings.",
                tone="check",
            ),
            *(
                [
                    Block(
                        "Worth checking (by these rules rows gave no record, and nothing of them is sent)",
                        by_rule(warnings[gave_none], "rule_id"),
                        tone="check",
                    )
                ]
                if gave_none.any()
                else []
            ),
        ],
        next_step="Do what the list says of the critical ones, or go on to notebook 30: what is held is not sent.",
        masker=masker,
        frames=Lists(
            {
                "findings": lambda: placed_findings(checked).loc[findings.index],
                "held": lambda: _held_rows(checked),
                "missing": lambda: missing(checked),
                "dismissed": lambda: hidden,
            }
        ),
        empty={
            "findings": "Nothing was found.",
            "held": "No record is held.",
            "missing": "No one is missing: every row gave a record, and none is held.",
            "dismissed": "No finding is dismissed.",
        },
        meanings=meanings_of({*findings["rule_id"], *checked.build.skipped["rule"]}, findings),
        picture=lambda: panels().bars(_by_rule_and_severity(checked), "Findings by rule, worst first"),
        value=checked,
    )


def _in_the_list(checked: Checked) -> str:
    """Of what the list of who is missing has how many, as the bar and the build count them; empty where it is empty."""
    counts = missing_counts(checked)
    if not counts:
        return ""
    words = {HELD: ("held record", ""), SKIPPED: ("row that a rule skipped", "rows that a rule skipped")}
    words |= {UNREADABLE: ("row that could not be read", "rows that could not be read")}
    parts = [counted(counts[state], *word) for state, word in words.items() if state in counts]
    return f"The list of who is missing has {counts.total():,}: {', '.join(parts)}."


def _held_rows(checked: Checked) -> pd.DataFrame:
    held = checked.held[[*keys_in(checked.held), "held_by"]]
    return held_at_places(held, checked.build.tables, checked.build.profile)


def story_view(story: pd.DataFrame | None, masker: Masker) -> View:
    """One student's story; without one, how to ask for it."""
    if story is None:
        return View(
            "One student", "No id was given, so there is no story.", "good", [], "Type an id above.", masker
        )
    return View(
        title="One student",
        says=f"The story has {counted(len(story), 'step')}.",
        tone="good",
        blocks=[Block(part, in_words(steps)) for part, steps in parts_of(story)],
        next_step="Fix the first row that was skipped or could not be read for a reason you did not expect.",
        masker=masker,
        frames={"story": story},
        value=story,
    )


def in_words(steps: pd.DataFrame) -> pd.DataFrame:
    """Steps of a story for the eye: rule ids in short, and no source."""
    outcome = [label(text) if _MEMBER.search(str(text)) else text for text in steps["outcome"]]
    shown = steps.assign(rule=steps["rule"].map(in_short), outcome=outcome).rename(
        columns={"says": "in words"}
    )
    return shown.drop(columns="source")


def held_view(checked: Checked, plan: Plan, masker: Masker) -> View:
    """What was never sent: rows that could not be read, and records that validation or something else holds."""
    build = checked.build
    aside = build.tables.skipped
    alone = left_alone(plan, checked)
    others = alone[~alone["by_validation"]]
    unread = by_rule(aside, "rule")
    tables = aside.groupby("rule")["table"].unique()
    unread["who"] = [", ".join(sorted({*map(who_enters, tables[rule])})) for rule in unread["rule_id"]]
    by_checks = held_by_rule(checked)
    by_checks["who"] = [owners_of([rule]) for rule in by_checks["rule_id"]]
    holders = {"validation": len(checked.held), **others["held_by"].value_counts()}
    counts = [f"{counted(len(aside), 'row')} could not be read"] if len(aside) else []
    counts += [f"{counted(count, 'record')} held by {holder}" for holder, count in holders.items() if count]
    return View(
        title="Never sent",
        says=f"{'; '.join(counts) or 'Nothing was held back'}. {of_skipped(len(build.skipped) - len(aside))}".strip(),
        tone="check" if counts else "good",
        blocks=[
            Block("Rows that could not be read", unread, "All rows could be read."),
            Block("Records held by validation, by rule", by_checks, "No record is held."),
            Block("Left as they are in the ODS, for another reason", by_sentence(others), "None."),
        ],
        next_step="Have each done by who can do it; then press Read again, or begin with notebook 10."
        if counts
        else "",
        masker=masker,
        frames={"held": _held_rows(checked), "unreadable": rows_aside(aside)},
    )


def workbook_view(
    path: Path, masker: Masker, *, reveal: bool, all_records: bool, earlier: Sequence[Path] = ()
) -> View:
    """Where the workbook is, and whether it shows students. earlier: others of the run, to open too."""
    says = "It shows real student ids: keep it to yourself." if reveal else "Students are masked in it."
    says += " Its sheet Records has all records." if all_records else ""
    tone = "check" if reveal else "good"
    return View(
        "Workbook", f"Written to {path}. {says}", tone, [], "", masker, value=path, files=[*earlier, path]
    )


def corrections_view(tables: Tables, given: pd.DataFrame, masker: Masker) -> View:
    """What people corrected, laid over the source as it was read or made since. given: with `state`."""
    columns = ["table", "file", "row", "column", "was", "value", "state", "author", "reason", "row_id"]
    given = given.join(row_places(given, tables, id_column="row_id"))
    waiting = len(given) and not tables.corrected_cells
    return View(
        title="Corrections",
        says=f"{counted(tables.corrected_cells, 'cell').capitalize()} read as people corrected them."
        + (" What was corrected since then counts when the source is read again." if waiting else ""),
        tone="check" if waiting else "good",
        blocks=[Block("Corrections of this source", given[columns], "None.")],
        next_step="",
        masker=masker,
    )


def by_sentence(held: pd.DataFrame) -> pd.DataFrame:
    """Records held, by what is wrong, most frequent first."""
    sentences = held[["in_general", "todo_in_general"]].set_axis(["says", "hint"], axis=1)
    counts = sentences.groupby(["says", "hint"], sort=False).size().reset_index(name="records")
    return counts[["records", "says", "hint"]].sort_values("records", ascending=False, kind="stable")

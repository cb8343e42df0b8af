"""One student: found by any id, pseudonym or name; what of them is in the ODS, what is missing, and why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import ConfigError, EdfiToolkitError, PlanError
from edfi_toolkit.model.equality import body_hash
from edfi_toolkit.review.causes import with_causes
from edfi_toolkit.review.places import rests_on, with_organizations
from edfi_toolkit.review.student import student_view
from edfi_toolkit.review.summaries import skipped_rows
from edfi_toolkit.review.views import PanelView, View
from edfi_toolkit.runs.decisions import check_corrections, rejection_rows
from edfi_toolkit.runs.planning import identity_map, short_retry
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

AS_SENT, CHANGED, GONE, UNKNOWN = "as sent", "changed since", "not there any more", "not asked"


def found(run: Run, typed: str) -> str:
    """The SIS key of the one student that a text names: state id, local id, pseudonym, or name in any order.

    Raises ConfigError where it names no student of the source, or several; the text is not repeated.
    """
    students, wanted = run.tables["students"], " ".join(typed.casefold().replace(",", " ").split())
    masker = run.masker().masked()
    full = (students["first_name"].fillna("") + " " + students["last_name"].fillna("")).str.casefold()
    words = set(wanted.split())
    matching = pd.Series(
        [
            wanted in {str(local).casefold(), str(state).casefold(), masker.value(local).casefold()}
            or bool(words and words <= set(name.split()))
            for local, state, name in zip(
                students["student_id"], students["student_unique_id"], full, strict=True
            )
        ],
        index=students.index,
        dtype=bool,
    )
    ids = students.loc[matching, "student_id"].unique().tolist()
    if len(ids) == 1:
        return str(ids[0])
    if ids:
        raise ConfigError(f"{len(ids)} students have that name. Type a state id or local id.")
    raise ConfigError(
        _corrected_since(run)
        or "No student of the source has that id or name. Type a state id, a local id, a pseudonym as S-..., or the "
        "whole first or last name."
    )


def student_of_row(run: Run, row: Mapping[str, Any] | pd.Series) -> str:
    """The id of the student that a row of a list is about. Raises ConfigError where it is about none."""
    for name in ("student_id", "student_unique_id"):
        if text := cell_text(row.get(name)):
            return text
    table, key = cell_text(row.get("table")), cell_text(row.get("row_id")) or cell_text(row.get("id"))
    for refs in (row.get("source_refs"), [f"{table}:{key}"] if table and key else None):
        for ref in refs if isinstance(refs, list) else ():
            name, _, row_id = str(ref).partition("#")[0].partition(":")
            rows = run.tables[name] if name in TABLES else pd.DataFrame()
            if "student_id" in rows:
                ids = rows[list(TABLES[name].primary_key)].astype("str").agg("|".join, axis=1)
                if len(own := rows.loc[ids.eq(row_id), "student_id"].dropna()):
                    return str(own.iloc[0])
    raise ConfigError("This row names no student that was read. Choose another, or open notebook 70_student.")


def student(run: Run, typed: str = "") -> View:
    """The story of one student, the answer first; without a text a field to type one into."""
    if not typed.strip():
        empty = student_view(None, {}, run.masker())
        return PanelView(**vars(empty), panel=lambda: panels().student(run))
    local = found(run, typed)
    students = run.tables["students"].set_index("student_id")
    state = students.loc[[local], "student_unique_id"].iloc[0]
    published, note = _published(run, state)
    is_built = run.folder.has("build")
    skipped = skipped_rows(run.built.skipped if is_built else run.tables.skipped, run.tables, run.profile)
    built = run.built.records if is_built else pd.DataFrame(columns=["student_unique_id", "program_name"])
    held = run.checked.held if run.folder.has("validate") else built.assign(held_by=None)
    refused = with_causes(rejection_rows(run)) if run.target_name in run.installation.targets else None
    facts = {
        "in_the_ods": with_organizations(published, run.tables, run.profile).assign(
            rests_on=rests_on(published, run.tables)
        ),
        "note": " ".join(filter(None, [_corrected_since(run), note])),
        "held": held[held["student_unique_id"].eq(state)],
        "refused": with_organizations(
            refused[refused["student_unique_id"].eq(state)] if refused is not None else held[:0],
            run.tables,
            run.profile,
        ),
        "skipped": skipped[skipped["student_id"].eq(local)],
        "spans": _spans(run, local, built[built["student_unique_id"].eq(state)]),
        "story": run.built.explain(student_id=local).frame if is_built else pd.DataFrame(),
    }
    return student_view(local, facts, run.masker())


def _corrected_since(run: Run) -> str:
    """Why what the run read is not the whole truth: cells that were corrected after it; empty where there are none."""
    if run.target_name in run.installation.targets:
        try:
            check_corrections(run)
        except PlanError as error:
            return str(error)
    return ""


def _published(run: Run, state: Any) -> tuple[pd.DataFrame, str]:
    """What was published for a student, each record with `now`: whether the ODS holds it as it was sent."""
    from edfi_toolkit.ods import Client

    try:
        known = identity_map(run)
    except ConfigError as error:  # the settings no longer have this target
        columns = [
            "resource",
            "program_name",
            "begin_date",
            "education_organization_id",
            "source_refs",
            "now",
        ]
        return pd.DataFrame(columns=columns), str(error)
    own = known[known["student_unique_id"].eq(state)]
    now, note = [UNKNOWN] * len(own), ""
    try:
        with Client(run.target, retry=short_retry()) as client:
            for at, row in enumerate(own.to_dict("records")):
                there = client.get(row["resource"], row["ed_fi_id"])
                same = there is not None and body_hash(there.body) == body_hash(row["last_body"])
                now[at] = GONE if there is None else AS_SENT if same else CHANGED
    except EdfiToolkitError as error:
        note = f"What the ODS holds now is not known: {error}"
    return own.assign(now=pd.Series(now, own.index, dtype="str")), note


def _spans(run: Run, local: str, built: pd.DataFrame) -> pd.DataFrame:
    """Enrollments and built records as spans: what, begins, ends (missing while it goes on)."""
    enrolled = run.tables["enrollments"]
    enrolled = enrolled[enrolled["student_id"].eq(local)]
    names = run.tables["schools"].drop_duplicates("school_id").set_index("school_id")["name"]
    school = enrolled["school_id"].map(names).fillna(enrolled["school_id"])
    ends = [body.get("endDate") for body in built.get("body", ())]
    return pd.concat(
        [
            pd.DataFrame(
                {
                    "what": "enrolled: " + school.astype("str"),
                    "begins": enrolled["start_date"],
                    "ends": enrolled["end_date"],
                }
            ),
            pd.DataFrame(
                {
                    "what": "record: " + built["program_name"].astype("str"),
                    "begins": pd.to_datetime(built.get("begin_date", pd.Series(dtype="object"))),
                    "ends": pd.to_datetime(pd.Series(ends, built.index, dtype="object")),
                }
            ),
        ],
        ignore_index=True,
    )

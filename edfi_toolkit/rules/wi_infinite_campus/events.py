"""The events of profile `wi-infinite-campus` (docs/rules/wi_infinite_campus.md), read from two states.

That a record was published proves much of the state before: its trigger was there, its enrollment qualified, its
calendar and school were not excluded. WI-EVT-14 can never be seen: the code of another provider is not sent.
"""

from __future__ import annotations

from typing import Any

import pandas as pd

from edfi_toolkit.rules.building import Build
from edfi_toolkit.rules.events import Changes, State, published_of_students, rested_on, rows_now
from edfi_toolkit.rules.wi_infinite_campus.programs import has_provider
from edfi_toolkit.rules.wi_infinite_campus.rules import reported_type

RECORD_504, RECORD_CEIS = "section504_records", "ceis_records"
RECORD_MODE, RECORD_EL = "instruction_mode_records", "lep_records"
FLAG_CEIS, THIRD_PARTY = "#ceis", "#third_party"
ENROLLMENT = [
    "calendar_id", "school_id", "state_exclude", "no_show", "wise_exclude", "service_type", "state_enrollment_type",
    "coord_early_intervention", "third_party_provider", "override_ed_fi_school_id",
]  # fmt: skip
UNCHANGED = ""  # the manual has no event for a record behind which nothing changed


def of_new(new: Changes, known: Changes, build: Build) -> dict[str, Any]:
    """WI-EVT: what may have made a new record. Nothing is said of a trigger that something published rests on:
    then it is the enrollment that is new, which no line is about."""
    kind, first = new.now.kind, ~new.now.trigger.isin(rested_on(published_of_students(new), new.now.trigger))
    after_record = after_ceis(new, known)
    after_deleted = after_ceis(new, known.part(trigger_vanished(known, build.tables)))
    return {
        "WI-EVT-1": first & (kind.eq(RECORD_CEIS) | (kind.eq(FLAG_CEIS) & ~after_record)),
        "WI-EVT-2": first & kind.eq(THIRD_PARTY),
        "WI-EVT-3": first & kind.eq(RECORD_504),
        "WI-EVT-4": first & kind.ne(RECORD_EL) & ~after_record & ~at_known_place(new, build.settings),
        "WI-EVT-5": first & kind.eq(RECORD_MODE),
        "WI-EVT-11": after_deleted,
    }


def of_published(c: Changes, build: Build) -> dict[str, Any]:
    """WI-EVT: what happened to a published record."""
    t, settings = build.tables, build.settings
    e = rows_now(t.enrollments, "enrollments", "enrollment_id", c.was.enrollment, ENROLLMENT)
    kind, of_mode = c.was.kind, c.was.kind.eq(RECORD_MODE)
    removed, stays = c.are("DELETE"), c.are("PUT", "NOOP")
    same_trigger = c.was.trigger.eq(c.now.trigger)
    same = same_trigger & c.was.enrollment.eq(c.now.enrollment)
    # The enrollment determines the record no longer, so what happened to it is why.
    left = removed | (c.are("MOVE") & c.was.enrollment.ne(c.now.enrollment))
    vanished = trigger_vanished(c, t)
    from_flag = kind.eq(FLAG_CEIS)
    record_starts_again = record_start_changed(c, t, settings)
    block_only = settings["wi.modality_enrollment_rules"] == "block_only"
    partial_counts = (of_mode & block_only) | kind.eq(RECORD_EL)
    type_counts = of_mode | (settings["wi.enrollment_type_scope"] == "all")
    return {
        "WI-EVT-6": c.changed("endDate") & of_mode & same_trigger,
        "WI-EVT-7": c.moved("begin_date", "program_name") & of_mode & same_trigger,
        "WI-EVT-8": removed & of_mode & vanished,
        "WI-EVT-9": c.are("MOVE") & of_mode & same_trigger & school_number_changed(c, t),
        "WI-EVT-10": c.changed("endDate") & ~of_mode & same & (not settings["wi.split_overlaps"]),
        "WI-EVT-11": (removed & kind.eq(RECORD_CEIS) & vanished)
        | (removed & from_flag & e.there & e.coord_early_intervention.ne("Y"))
        | (stays & kind.eq(RECORD_CEIS) & vanished & c.now.kind.eq(FLAG_CEIS)),
        "WI-EVT-12": removed & kind.eq(THIRD_PARTY) & e.there & ~has_provider(e),
        "WI-EVT-13": c.moved("program_name") & kind.eq(THIRD_PARTY),
        "WI-EVT-15": left & (e.state_exclude.eq(True) | e.no_show.eq(True) | e.wise_exclude.eq(True)),
        "WI-EVT-16": left & c.was.enrollment.ne("") & ~e.there,
        "WI-EVT-17": left & e.service_type.eq("S") & ~partial_counts,
        "WI-EVT-18": left & place_excluded(c, e, t) & (settings["wi.exclude_after_publish"] == "delete"),
        "WI-EVT-19": c.moved("education_organization_id") & same & override_changed(c, e, t),
        "WI-EVT-20": c.moved("begin_date") & ~of_mode & kind.ne(RECORD_EL) & (same | record_starts_again),
        "WI-EVT-21": removed & kind.eq(RECORD_504) & vanished,
        "WI-EVT-22": stays & ~same & winner_gone(c),
        "WI-EVT-23": record_starts_again,
        "WI-EVT-24": left & e.there & ~reported_type(e) & type_counts,
    }  # fmt: skip


def at_known_place(new: Changes, settings: Any) -> pd.Series:
    """New records whose calendar and school others were published for: neither was excluded then."""
    retained = settings["wi.exclude_after_publish"] == "retain"  # then what was published proves nothing
    if retained or new.published.empty:
        return pd.Series(False, index=new.action.index)
    places = {*new.now.calendar, *new.now.school}
    known = rested_on(new.published.drop_duplicates("education_organization_id"), places)  # mostly enough
    if known != places:
        known = rested_on(new.published, places)
    return new.now.calendar.isin(known) & new.now.school.isin(known)


def after_ceis(new: Changes, known: Changes) -> pd.Series:
    """New records of the flag where the enrollment gives up one of a CEIS record, which had beaten the flag."""
    given_up = known.part(known.are("DELETE", "MOVE") & known.was.kind.eq(RECORD_CEIS)).was.enrollment
    of_flag = new.part(new.now.kind.eq(FLAG_CEIS)).now.enrollment
    return of_flag.isin(given_up).reindex(new.action.index, fill_value=False)


def trigger_vanished(c: Changes, t: Any) -> pd.Series:
    """The record of the trigger is no longer in the source."""
    there = pd.Series(True, index=c.action.index)
    for table in (RECORD_504, RECORD_CEIS, RECORD_MODE):
        own = c.was.kind.eq(table)
        there[own] = rows_now(t[table], table, "record_id", c.was.trigger[own]).there
    return ~there


def record_start_changed(c: Changes, t: Any, settings: Any) -> pd.Series:
    """Pairs that begin on another day because the 504 or CEIS record itself starts on another.

    Where the record begins on the later of its own start and the enrollment's, only a later day proves that.
    """
    changed = pd.Series(False, index=c.action.index)
    moved = c.moved("begin_date") & c.was.trigger.eq(c.now.trigger)
    for table in (RECORD_504, RECORD_CEIS):
        own = moved & c.was.kind.eq(table)
        was, now = c.was.keys.begin_date[own], c.now.keys.begin_date[own]
        start = rows_now(t[table], table, "record_id", c.now.trigger[own], ["start_date"]).start_date
        alone = table == RECORD_CEIS and settings["wi.ceis_before_enrollment"] == "skip"
        changed[own] = now.eq(start) & (now.gt(was) | alone)
    return changed


def school_number_changed(c: Changes, t: Any) -> pd.Series:
    """The Instruction Mode record names another school than the one it was reported for."""
    mode = rows_now(t[RECORD_MODE], RECORD_MODE, "record_id", c.now.trigger, ["school_number"])
    school = rows_now(t.schools, "schools", "school_id", c.was.school, ["school_number"])
    return school.there & mode.there & school.school_number.ne(mode.school_number)


def place_excluded(c: Changes, e: pd.DataFrame, t: Any) -> pd.Series:
    """The calendar or the school that the enrollment had, and still has, is excluded now."""
    calendar = rows_now(t.calendars, "calendars", "calendar_id", c.was.calendar, ["state_exclude"])
    school = rows_now(t.schools, "schools", "school_id", c.was.school, ["state_exclude"])
    return (calendar.state_exclude.eq(True) & c.was.calendar.eq("calendars:" + e.calendar_id)) | (
        school.state_exclude.eq(True) & c.was.school.eq("schools:" + e.school_id)
    )


def override_changed(c: Changes, e: pd.DataFrame, t: Any) -> pd.Series:
    """The enrollment has another School Override than before, or none: then the school's own id, which was the same
    before as another record of the school shows."""
    columns = ["ed_fi_school_id"]
    own = rows_now(t.schools, "schools", "school_id", c.was.school, columns).ed_fi_school_id
    cleared = e.override_ed_fi_school_id.isna() & c.moved("education_organization_id")
    ids = own[cleared].dropna()
    others = c.published[c.published.education_organization_id.isin(ids)]
    at = State(others, others.source_refs).school
    shown = set(zip(at, others.education_organization_id, strict=True))
    proven = pd.Series(
        [pair in shown for pair in zip(c.was.school, own, strict=True)], index=c.action.index, dtype=bool
    )
    return e.override_ed_fi_school_id.notna() | (cleared & proven)


def winner_gone(c: Changes) -> pd.Series:
    """What the record is made of now was there before, beaten by a duplicate that is gone (WI-MUL-2)."""
    both = zip(
        c.was.refs, c.now.refs, c.was.trigger, c.was.enrollment, c.now.trigger, c.now.enrollment, strict=True
    )
    gone = [
        {next_trigger, next_enrollment} <= set(was) and not {trigger, enrollment} <= set(now)
        for was, now, trigger, enrollment, next_trigger, next_enrollment in both
    ]
    return pd.Series(gone, index=c.action.index, dtype=bool)

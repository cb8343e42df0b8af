"""Profile `wi-infinite-campus`: Wisconsin's studentProgramAssociations from Infinite Campus.

Records come from five triggers: Section 504, CEIS, third party, Instruction Mode and, on request, EL.
Source: Infinite Campus, Wisconsin Ed-Fi: Student Program Association (docs/rules/wi_infinite_campus.md).
One function per block of the manual, in its order; the sentence of each rule is in the catalogue under its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from edfi_toolkit.model.frames import among
from edfi_toolkit.rules.account import Account, first_failing
from edfi_toolkit.rules.bodies import day_texts
from edfi_toolkit.rules.building import Build, Config, Scope
from edfi_toolkit.rules.common import (
    Descriptors,
    assemble,
    both_days,
    drop_candidates,
    empty_records,
    notice_of,
    present,
    suppress_future,
)
from edfi_toolkit.rules.frames import (
    ENROLLED,
    active_on,
    earlier_of,
    first_per,
    id_order,
    later_of,
    look_up,
    rank_texts,
    shares_a_day,
    skip_unmatched,
    with_each_enrollment,
    with_student_numbers,
)
from edfi_toolkit.rules.wi_infinite_campus.candidates import (
    FROM_FLAG,
    FROM_RECORD,
    GENERIC,
    at_override,
    candidates,
    with_enrollments,
)
from edfi_toolkit.rules.wi_infinite_campus.english_learners import english_learners
from edfi_toolkit.rules.wi_infinite_campus.programs import (
    CEIS_PROGRAM,
    CESA_PROGRAM,
    MODALITIES,
    MODALITY_TYPE,
    OTHER_PROVIDER_PROGRAM,
    PROVIDER_TYPE,
    SECTION_504_PROGRAM,
    has_provider,
    modality_programs,
    provider_programs,
)
from edfi_toolkit.tables import Tables

NAME = "wi-infinite-campus"
RECORD_TABLES = ("section504_records", "ceis_records", "instruction_mode_records", "lep_records")
SECTION_504 = "studentSection504ProgramAssociations"

STATE_AGENCY = 48856  # WI-ELE-2
# WI-ELE-4: the state's own codes; Regular Education has none published
WI_DPI = {
    "Section 504 Placement": "uri://dpi.wi.gov/ProgramTypeDescriptor#504",
    "Cocurricular Programs": "uri://dpi.wi.gov/ProgramTypeDescriptor#Co",
    "Modality": "uri://dpi.wi.gov/ProgramTypeDescriptor#Modality",
}
DETERMINING = [*ENROLLED, "enrollment_id", "third_party_provider", "coord_early_intervention"]
NOT_IN_BLOCK = ("WI-ENR-8", "WI-ENR-11")  # what the block on Instruction Mode does not repeat
SERVICE_ORDER = {"P": 0, "N": 1, "S": 2}
WINNER = [("priority", True), ("service_order", True), ("enrollment_order", False)]  # WI-MUL-2


def build(t: Tables, config: Config, settings: Mapping[str, Any], *, account: Account | None = None) -> Build:
    """Gates, qualifying enrollments, one block per trigger, then one record per key."""
    account = account or Account()
    if gate := closed_gate(config):
        account.skip(pd.Series([str(config.school_year)]), "edfi_config", gate)
        return Build.of(
            NAME, empty_records(), account, t, config, settings, scope(t, config, settings), publishes=False
        )
    given, t = t, with_student_numbers(t, "enrollments", *RECORD_TABLES)
    e = enrollments(t)
    qualifying = qualifying_enrollments(e, t, config, settings, account)
    triggered = [
        section_504(t, qualifying, settings, account),
        *ceis(t, qualifying, settings, account),
        third_party(qualifying, account),
        modality(t, e, config, settings, account),
    ]
    if settings["wi.ell_in_spa"]:  # WI-ELL-0
        triggered += [english_learners(t, e[counts_for_el(e, config)], config, settings, account)]
    every = with_enrollments(triggered, e)
    every = drop_candidates(every, {"COM-FUT-1": suppress_future(every, settings)}, account)
    every = elements(every, t, settings)
    account.watch(every)
    warn(every, config, account)
    cut_by = "WI-MUL-3" if settings["wi.split_overlaps"] else ""
    records = assemble(every, account, winner=WINNER, cut_by=cut_by)
    return Build.of(NAME, records, account, given, config, settings, scope(t, config, settings))


def closed_gate(config: Config) -> str | None:
    """WI-CFG-1, WI-CFG-2: the rule that forbids sending anything, if one does."""
    if config.profile in ("choice_only", "choice_private_opt_in"):
        return "WI-CFG-1"
    return None if config.valid else "WI-CFG-2"


def enrollments(t: Tables) -> pd.DataFrame:
    """Every enrollment with what its student, calendar and school say of it."""
    e = t.enrollments.drop(columns=["is_current", "grade_level"])
    e = look_up(e, t.students, "student", student_unique_id="student_unique_id")
    e = look_up(
        e, t.calendars, "calendar_id",
        calendar_year="school_year", calendar_excluded="state_exclude", summer_school="summer_school",
    )  # fmt: skip
    e = look_up(
        e, t.schools, "school_id",
        school_excluded="state_exclude", ed_fi_school_id="ed_fi_school_id", school_number="school_number",
    )  # fmt: skip
    return e.assign(
        enrollment=e.index,
        service_order=e.service_type.astype("category").map(SERVICE_ORDER).astype("int64"),
        enrollment_order=id_order(e.enrollment_id),
    )


# ---- Qualifying enrollment (WI-ENR)


def enrollment_rules(e: pd.DataFrame, config: Config) -> dict[str, pd.Series]:
    """WI-ENR: an enrollment does not qualify when any of these holds."""
    return {
        "WI-ENR-1": e.student_unique_id.isna(),
        "WI-ENR-2": undated(e),
        "WI-ENR-3": ~in_year(e, config),
        "WI-ENR-4": e.state_exclude,
        "WI-ENR-5": e.no_show,
        "WI-ENR-6": e.wise_exclude,
        "WI-ENR-7": e.calendar_excluded,
        "WI-ENR-8": e.summer_school,
        "WI-ENR-9": e.school_excluded,
        "WI-ENR-10": e.ed_fi_school_id.isna(),
        "WI-ENR-11": e.service_type.eq("S"),
    }


def undated(rows: pd.DataFrame) -> pd.Series:
    """No first day, or a last day before it."""
    return rows.start_date.isna() | rows.end_date.lt(rows.start_date)


def in_year(e: pd.DataFrame, config: Config) -> pd.Series:
    """WI-ENR-3, WI-SCP-1: the calendar is of this year, and a day of the enrollment lies in the window."""
    first, last = pd.Timestamp(config.config_start), pd.Timestamp(config.config_end)
    started = e.start_date.le(last) & (e.end_date.ge(first) | e.end_date.isna())
    return e.calendar_year.eq(config.school_year).fillna(False) & (started | e.start_date.isna())


def qualifying_enrollments(
    e: pd.DataFrame, t: Tables, config: Config, settings: Mapping[str, Any], account: Account
) -> pd.DataFrame:
    """The enrollments that may determine a record. Those without a trigger are not applicable, so not reported."""
    rules = enrollment_rules(e, config)
    if settings["wi.enrollment_type_scope"] == "all":
        rules["WI-ENR-TYPE"] = ~reported_type(e)
    triggers = [t.section504_records, t.ceis_records, t.instruction_mode_records]
    triggers += [t.lep_records] if settings["wi.ell_in_spa"] else []
    with_records = e.student.isin(pd.concat([rows.student for rows in triggers]))
    triggered = with_records | has_provider(e) | e.coord_early_intervention.eq("Y").fillna(False)
    # Of a calendar or dates that cannot be right no one knows the year.
    backwards = e.end_date.lt(e.start_date) & e.calendar_year.eq(config.school_year).fillna(False)
    block_only = settings["wi.modality_enrollment_rules"] == "block_only"
    return account.keep(
        e[DETERMINING], "enrollments", rules, id_column="enrollment_id", report=triggered,
        details=both_days("WI-ENR-2", e),
        errors={"WI-ENR-3": e.calendar_year.isna() | backwards}, weak=NOT_IN_BLOCK if block_only else (),
    )  # fmt: skip


def school_years(rows: pd.DataFrame, t: Tables) -> pd.Series:
    """WI-SCP-1: an enrollment belongs to the year of its calendar."""
    return rows.calendar_id.map(t.calendars.set_index("calendar_id").school_year)


def counts_for_el(e: pd.DataFrame, config: Config) -> pd.Series:
    """WI-ELL-4: the enrollments that would send a school association; partial ones count here."""
    rules = enrollment_rules(e, config)
    del rules["WI-ENR-11"]
    return first_failing(e, rules).isna()


def reported_type(e: pd.DataFrame) -> pd.Series:
    """State enrollment type Primary or PPP."""
    return e.state_enrollment_type.isin(["P", "PPP"])


# ---- Triggers, with the dates of WI-ELE-6 and WI-ELE-7


def section_504(
    t: Tables, qualifying: pd.DataFrame, settings: Mapping[str, Any], account: Account
) -> pd.DataFrame:
    """WI-504: one candidate per qualifying enrollment that shares a day with the record."""
    own_resource = settings["wi.section504_resource"] == SECTION_504
    only_eligible = settings["wi.section504_requires_eligible"] and not own_resource
    r = t.section504_records
    rules = {"WI-504-1": undated(r), "WI-504-2": ~r.eligible & only_eligible}
    details = both_days("WI-504-1", r)
    r = account.keep(r, "section504_records", rules, id_column="record_id", details=details)
    pairs = with_each_enrollment(r, qualifying)
    pairs = pairs[shares_a_day(pairs, "start_date", "end_date", "enrolled_from", "enrolled_to")]
    skip_unmatched(r, pairs, "section504_records", "WI-504-3", account)
    return candidates(
        pairs, "section504_records", rule="WI-504-3", priority=FROM_RECORD,
        program_name=SECTION_504_PROGRAM[0], program_type=SECTION_504_PROGRAM[1],
        begin_date=later_of(pairs.start_date, pairs.enrolled_from),
        end_date=earlier_of(pairs.end_date, pairs.enrolled_to),
        resource=SECTION_504 if own_resource else GENERIC,
        members=section_504_members(pairs) if own_resource else None,
    )  # fmt: skip


def section_504_members(r: pd.DataFrame) -> list[dict[str, Any]]:
    """WI-ELE-9: what the resource of its own carries beyond the generic one; the disability becomes a URI later."""
    columns = {
        "section504Eligibility": r.eligible,
        "accommodationPlan": r.accommodation_plan.astype(object),
        "section504MeetingDate": day_texts(r.meeting_date),
        "section504EligibilityDecisionDate": day_texts(r.eligibility_decision_date),
        "section504DisabilityDescriptor": r.disability.astype(object),
    }
    return [present(columns, row) for row in zip(*columns.values(), strict=True)]


def ceis(
    t: Tables, qualifying: pd.DataFrame, settings: Mapping[str, Any], account: Account
) -> list[pd.DataFrame]:
    """WI-CEIS: a record attaches to the enrollments it begins in; the flag counts where no record attaches."""
    r = t.ceis_records
    rules, details = {"WI-CEIS-1": undated(r)}, both_days("WI-CEIS-1", r)
    r = account.keep(r, "ceis_records", rules, id_column="record_id", details=details)
    pairs = with_each_enrollment(r, qualifying)
    attached = active_on(pairs, pairs.start_date, "enrolled_from", "enrolled_to")
    if settings["wi.ceis_before_enrollment"] == "use_enrollment_start":
        attached |= pairs.start_date.lt(pairs.enrolled_from) & shares_a_day(
            pairs, "start_date", "end_date", "enrolled_from", "enrolled_to"
        )
    pairs = pairs[attached]
    skip_unmatched(r, pairs, "ceis_records", "WI-CEIS-2", account)
    from_records = candidates(
        pairs, "ceis_records", rule="WI-CEIS-2", priority=FROM_RECORD,
        program_name=CEIS_PROGRAM[0], program_type=CEIS_PROGRAM[1],
        begin_date=later_of(pairs.start_date, pairs.enrolled_from), end_date=pairs.end_date,
    )  # fmt: skip
    flagged = qualifying[qualifying.coord_early_intervention.eq("Y").fillna(False)]
    beaten = flagged.enrollment.isin(pairs.enrollment)
    ids, flagged = flagged[beaten].enrollment_id, flagged[~beaten]
    account.step(ids, "enrollments", "not used", "WI-CEIS-3", "An attached CEIS record beats the flag.")
    from_flags = candidates(
        flagged, "enrollments", flag="#ceis", rule="WI-CEIS-3", priority=FROM_FLAG,
        program_name=CEIS_PROGRAM[0], program_type=CEIS_PROGRAM[1],
        begin_date=flagged.start_date, end_date=flagged.end_date,
    )  # fmt: skip
    return [from_records, from_flags]


def third_party(qualifying: pd.DataFrame, account: Account) -> pd.DataFrame:
    """WI-TP-1: one candidate per qualifying enrollment that names a provider; the codes of others are reported."""
    named = qualifying[has_provider(qualifying)]
    others = named.third_party_provider[named.third_party_provider.ne("CESA")].value_counts().head(8)
    if len(others):
        counted = ", ".join(f"{code} ({count})" for code, count in others.items())
        says = f"Third party providers other than CESA, each reported as another provider: {counted}."
        account.notice("OTHER_PROVIDER", pd.Series([None], dtype="str"), "enrollments", says)
    return candidates(
        named, "enrollments", flag="#third_party", rule="WI-TP-1", priority=FROM_FLAG,
        program_name=provider_programs(named), program_type=PROVIDER_TYPE,
        begin_date=named.start_date, end_date=named.end_date,
    )  # fmt: skip


def modality(
    t: Tables, e: pd.DataFrame, config: Config, settings: Mapping[str, Any], account: Account
) -> pd.DataFrame:
    """WI-MOD: one candidate per Instruction Mode record, from the enrollment active on its first day."""
    r = t.instruction_mode_records
    if r.empty:
        return pd.DataFrame()
    r = r.assign(program_name=modality_programs(r))
    first, last = pd.Timestamp(config.config_start), pd.Timestamp(config.config_end)
    inside = r.start_date.between(first, last) & (r.end_date.between(first, last) | r.end_date.isna())
    r = account.keep(
        r,
        "instruction_mode_records",
        {
            "WI-MOD-1": undated(r),
            "WI-MOD-2": ~inside,
            "WI-MOD-3": r.program_name.isna(),
        },
        id_column="record_id",
        details=both_days("WI-MOD-1", r),
        errors={"WI-MOD-2": undated(r)},
    )
    r = r.drop(columns=["student_id", "learning_modality"])
    pairs = with_each_enrollment(r, modality_enrollments(e, config, settings))
    there = pairs.school_number.eq(pairs.enrolled_at) | at_override(pairs, e, t)
    active = active_on(pairs, pairs.start_date, "enrolled_from", "enrolled_to")
    chosen = first_per(pairs[there & active], "record", ["service_order", "enrollment_order"], [True, False])
    if settings["wi.modality_before_enrollment"] == "earliest_overlap":
        late = pairs[there & shares_a_day(pairs, "start_date", "end_date", "enrolled_from", "enrolled_to")]
        late = late[~late.record.isin(chosen.record)]
        by = ["enrolled_from", "service_order", "enrollment_order"]
        chosen = pd.concat([chosen, first_per(late, "record", by, [True, True, False])])
    no_school = ~among(r.school_number, t.schools.school_number)
    skip_unmatched(r, chosen, "instruction_mode_records", "WI-MOD-4", account, unknown=no_school)
    return candidates(
        chosen, "instruction_mode_records", rule="WI-MOD-4", priority=FROM_RECORD,
        program_name=chosen.program_name, program_type=MODALITY_TYPE,
        begin_date=chosen.start_date, end_date=chosen.end_date,
    )  # fmt: skip


def modality_enrollments(e: pd.DataFrame, config: Config, settings: Mapping[str, Any]) -> pd.DataFrame:
    """The enrollments that count for Instruction Mode: the general rules or the block's own, and Primary or PPP."""
    rules = enrollment_rules(e, config)
    if settings["wi.modality_enrollment_rules"] == "block_only":
        rules = {rule_id: mask for rule_id, mask in rules.items() if rule_id not in NOT_IN_BLOCK}
    return e.loc[first_failing(e, rules).isna() & reported_type(e), ENROLLED]


# ---- Elements (WI-ELE), multiple records (WI-MUL), scope year (WI-SCP)


def elements(c: pd.DataFrame, t: Tables, settings: Mapping[str, Any]) -> pd.DataFrame:
    """WI-ELE-1 to -5: organization, student, program and its type as URIs."""
    preset = WI_DPI if settings["descriptor_preset"] == "wi-dpi" else {}
    descriptors = Descriptors(t, settings["descriptor_namespace"], preset={"ProgramTypeDescriptor": preset})
    disability = "section504DisabilityDescriptor"
    for members in c.members.dropna():
        if disability in members:
            members[disability] = descriptors.uri("Section504DisabilityDescriptor", members[disability])
    trigger, names = pd.factorize(c.rule)
    shaping = pd.Series(
        [["WI-ENR", name, "WI-ELE-1", "WI-ELE-6", "WI-ELE-7"] for name in names], dtype=object
    )
    return c.assign(
        education_organization_id=c.override_ed_fi_school_id.fillna(c.ed_fi_school_id).astype("Int64"),
        program_education_organization_id=STATE_AGENCY,
        program_type_descriptor=descriptors.uris("ProgramTypeDescriptor", c.program_type),
        person=rank_texts(c.student_unique_id),
        rules=shaping.take(trigger).set_axis(c.index),
    )


def warn(c: pd.DataFrame, config: Config, account: Account) -> None:
    """OUTSIDE_YEAR (WI-SCP-3) and MODALITY_CONFLICT (WI-MUL-4)."""
    first, last = pd.Timestamp(config.config_start), pd.Timestamp(config.config_end)
    notice_of(c[c.begin_date.lt(first) | c.end_date.gt(last)], "OUTSIDE_YEAR", account)
    same_day = ["person", "education_organization_id", "begin_date"]
    modes = c.loc[c.program_type.eq(MODALITY_TYPE), same_day]
    modes = c.loc[modes.index[modes.duplicated(keep=False)]]
    different = modes.groupby(same_day).program_name.transform("nunique").gt(1)
    notice_of(modes[different], "MODALITY_CONFLICT", account)


def scope(t: Tables, config: Config, settings: Mapping[str, Any]) -> Scope:
    """REC-R9: the state's programs of WI-ELE-3, at the schools and overrides of these tables."""
    programs = {
        SECTION_504_PROGRAM[0],
        CEIS_PROGRAM[0],
        CESA_PROGRAM,
        OTHER_PROVIDER_PROGRAM,
        *MODALITIES.values(),
    }
    if settings["wi.ell_in_spa"]:
        programs.add(settings["wi.ell_program_name"])
    ids = pd.concat([t.schools.ed_fi_school_id, t.enrollments.override_ed_fi_school_id]).dropna().unique()
    return Scope(
        profile=NAME,
        school_year=config.school_year,
        resources=(GENERIC, SECTION_504),
        programs=frozenset((STATE_AGENCY, name) for name in programs),
        organizations=frozenset(int(number) for number in ids),
        config_start=config.config_start,
        config_end=config.config_end,
    )

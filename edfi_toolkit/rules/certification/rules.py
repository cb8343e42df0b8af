"""Profile `certification`: every student program association from `program_participation`, as it is.

Source: Ed-Fi SIS v5 certification scenarios (docs/rules/certification.md). One function per block of the manual.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.model import associations, standards
from edfi_toolkit.rules.account import Account
from edfi_toolkit.rules.building import Build, Config, Scope
from edfi_toolkit.rules.certification.attributes import contradictions, with_end_dates
from edfi_toolkit.rules.common import (
    Descriptors,
    assemble,
    both_days,
    school_year_of,
    suppress_future,
)
from edfi_toolkit.rules.frames import id_order, look_up, numbers_of, rank_texts
from edfi_toolkit.rules.standard import for_standard
from edfi_toolkit.tables import TABLES, Tables
from edfi_toolkit.tables.cells import convert

NAME = "certification"
TABLE = "program_participation"
ID = "participation_id"

# CERT-SEL-5: what only the certification sheet marks as required (CERT-CTE-2 to -14, and the other scenarios).
SHEET: dict[str, tuple[str, ...]] = {
    "studentProgramAssociations": ("endDate",),
    "studentCTEProgramAssociations": (
        "endDate",
        "nonTraditionalGenderStatus",
        "privateCTEProgram",
        "technicalSkillsAssessmentDescriptor",
        "cteProgramServices",
        "cteProgramServices.cipCode",
        "cteProgramServices.primaryIndicator",
    ),
    "studentSpecialEducationProgramAssociations": (
        "specialEducationSettingDescriptor",
        "ideaEligibility",
        "endDate",
        "reasonExitedDescriptor",
        "specialEducationExitDate",
    ),
    "studentHomelessProgramAssociations": (
        "endDate",
        "homelessPrimaryNighttimeResidenceDescriptor",
        "homelessUnaccompaniedYouth",
    ),
    "studentLanguageInstructionProgramAssociations": (
        "endDate",
        "englishLearnerParticipation",
        "englishLanguageProficiencyAssessments",
        "englishLanguageProficiencyAssessments.participationDescriptor",
        "englishLanguageProficiencyAssessments.proficiencyDescriptor",
        "englishLanguageProficiencyAssessments.monitoredDescriptor",
        "languageInstructionProgramServices",
    ),
    "studentMigrantEducationProgramAssociations": ("endDate",),
    "studentNeglectedOrDelinquentProgramAssociations": (
        "endDate",
        "neglectedOrDelinquentProgramDescriptor",
        "neglectedOrDelinquentProgramServices",
        "neglectedOrDelinquentProgramServices.serviceBeginDate",
        "neglectedOrDelinquentProgramServices.primaryIndicator",
    ),
    "studentSchoolFoodServiceProgramAssociations": ("endDate", "schoolFoodServiceProgramServices"),
}
# CERT-CTE-2: the scenarios have no row for it, today's sheet asks for it: a warning, also when strict.
TODAYS_SHEET = {("studentCTEProgramAssociations", "endDate")}
# Key parts that no rule of their own watches; the data standard requires them (CERT-SEL-4).
KEY_PARTS = ("education_organization_id", "program_education_organization_id", "program_name", "program_type")
DATED = ("begin_date", "end_date", "attributes")
_TOKEN = re.compile(r"^(\d{1,2})/(\d{1,2})/\[Current School Year\]$", re.IGNORECASE)


def build(
    tables: Tables, config: Config, settings: Mapping[str, Any], *, account: Account | None = None
) -> Build:
    """Select, take the elements over, and make one record per key."""
    account = account or Account()
    descriptors = Descriptors(tables, settings["descriptor_namespace"])
    rows = with_end_dates(participations(tables))
    standard = standards.nearest(str(settings["data_standard"]))
    rows = with_members(rows, descriptors, standard)
    rows = selected(rows, contradictions(rows, descriptors), settings, account)
    warn_about_standard(rows, standard, account)
    candidates = elements(rows)
    account.watch(candidates)
    warn_about_years(candidates, account)
    records = assemble(candidates, account, winner=[("rank", False)])
    return Build.of(NAME, records, account, tables, config, settings, scope(records, config))


def participations(t: Tables) -> pd.DataFrame:
    """The driving table, each row with its student's state id (missing when there is no such student)."""
    students = t.students.assign(known=True)
    rows = look_up(
        t.program_participation, students, "student_id",
        student_unique_id="student_unique_id", known="known",
    )  # fmt: skip
    return rows.assign(known=rows["known"].fillna(False))


def selected(
    p: pd.DataFrame, contradicting: pd.Series, settings: Mapping[str, Any], account: Account
) -> pd.DataFrame:
    """CERT-SEL, COM-SHOW-1: the participations that make a record. contradicting: as of `contradictions`."""
    standard = standards.nearest(str(settings["data_standard"]))
    required, lacking = missing_standard_properties(p, standard), missing_sheet_properties(p, standard)
    strict = settings["strict_certification"]
    refused = missing_sheet_properties(p, standard, strict=True) if strict else pd.Series("", index=p.index)
    kept = account.keep(
        p,
        TABLE,
        {
            "COM-SHOW-1": contradicting.ne(""),
            "CERT-SEL-1": p["student_unique_id"].isna(),
            "CERT-SEL-2": p["begin_date"].isna(),
            "CERT-SEL-3": p["end_date"].lt(p["begin_date"]),
            "CERT-SEL-4": required.ne(""),
            "CERT-SEL-5": refused.ne(""),
            "COM-FUT-1": suppress_future(p, settings),
        },
        id_column=ID,
        details={
            "COM-SHOW-1": lambda: (
                "Column attributes: "
                + contradicting
                + " has another value than the row's own columns. Remove it from the attributes, or correct the row."
            ),
            "CERT-SEL-1": lambda: p["known"].map(
                {
                    True: "The student has no state id (students.student_unique_id).",
                    False: "The student is not in the table students, or that row could not be read.",
                }
            ),
            "CERT-SEL-4": lambda: "The data standard requires " + required + ".",
            "CERT-SEL-5": lambda: (
                "The certification sheet requires " + refused + ", and strict_certification is on."
            ),
            **both_days("CERT-SEL-3", p, "begin_date"),
        },
    )
    lacking = lacking[kept.index]
    lacking = lacking[lacking.ne("")]
    for_notice = lacking.map({names: names.split(", ") for names in lacking.unique()}).explode()
    account.notice("CERT_MISSING", kept[ID].reindex(for_notice.index), TABLE, for_notice)
    return kept


def missing_standard_properties(p: pd.DataFrame, standard: str) -> pd.Series:
    """CERT-SEL-4: per row the names the data standard requires and the row lacks, joined by commas."""
    unknown = ~p["resource"].isin(associations())
    lacks = pd.Series("", index=p.index).mask(
        unknown, "a resource that is one of its student program associations"
    )
    for part in KEY_PARTS:
        lacks = _add(lacks, part, p[part].isna())
    for endpoint, rows in p.groupby("resource").groups.items():
        if endpoint in standards.associations(standard):
            facts = standards.resources(standard)[str(endpoint)]
            key_members, members = {path.split(".")[1] for path in facts["identity"]}, p.loc[rows, "members"]
            for name in sorted(set(facts["required"]) - key_members):
                lacks = _add(lacks, name, _lacking(members, name))
    return lacks


def missing_sheet_properties(p: pd.DataFrame, standard: str, *, strict: bool = False) -> pd.Series:
    """CERT-SEL-5: per row the names that only the certification sheet requires and the row lacks.

    strict: without those of TODAYS_SHEET, which the certification's own scenarios lack. What the data standard has no
    place for is not asked for.
    """
    lacks = pd.Series("", index=p.index)
    for endpoint, rows in p.groupby("resource").groups.items():
        members = p.loc[rows, "members"]
        for path in SHEET.get(str(endpoint), ()):
            if path.partition(".")[0] in standards.elsewhere(str(endpoint), standard):
                continue
            if strict and (endpoint, path) in TODAYS_SHEET:
                continue
            absent = p.loc[rows, "end_date"].isna() if path == "endDate" else _lacking(members, path)
            lacks = _add(lacks, path, absent)
    return lacks


def _add(lacks: pd.Series, name: str, absent: pd.Series) -> pd.Series:
    """The lists of `lacks` with `name` added where it is absent."""
    if not absent.any():
        return lacks
    absent = absent.reindex(lacks.index, fill_value=False)
    return lacks.mask(absent, (lacks + ", " + name).str.removeprefix(", "))


def _lacking(members: pd.Series, path: str) -> pd.Series:
    """Where a member, or the member of any item of a collection, is absent. Rows that share members are asked once."""
    name, _, of_item = path.partition(".")

    def lacks(each: dict[str, Any]) -> bool:
        return any(of_item not in item for item in each.get(name, [])) if of_item else name not in each

    shared = {id(member): member for member in members}
    absent = {number: lacks(each) for number, each in shared.items()}
    return pd.Series([absent[id(member)] for member in members], index=members.index, dtype=bool)


def with_members(p: pd.DataFrame, descriptors: Descriptors, standard: str) -> pd.DataFrame:
    """CERT-CTE-8 to -14 and their like: properties beyond the key, code values as URIs (COM-PAY-2, -3, -3a).

    Named as the data standard has them (COM-STD-1); `dropped` are those it has no place for. Rows that say the same
    share one object.
    """
    said = (
        p["resource"],
        p["attributes"],
        descriptors.uris("ReasonExitedDescriptor", p["reason_exited"]),
        p["served_outside_of_regular_session"].astype("boolean"),
    )
    endpoints, attributes_of, *others = said
    number = numbers_of(endpoints, attributes_of.map(id), *others)
    distinct = np.unique(number, return_index=True)[1]
    members, dropped = [], []
    for endpoint, attributes, reason, served in zip(*(column.iloc[distinct] for column in said), strict=True):
        given = attributes if isinstance(attributes, dict) else {}
        kept, left = for_standard(_without_empties(given), endpoint, standard)
        own = {
            **({"reasonExitedDescriptor": reason} if isinstance(reason, str) else {}),
            **({} if pd.isna(served) else {"servedOutsideOfRegularSession": bool(served)}),
        }
        members.append({**own, **_with_uris(kept, endpoint, descriptors, standard)})
        dropped.append(left)
    return p.assign(
        members=pd.Series([members[own] for own in number], index=p.index, dtype=object),
        dropped=pd.Series([dropped[own] for own in number], index=p.index, dtype=object),
        program_type_descriptor=descriptors.uris("ProgramTypeDescriptor", p["program_type"]),
    )


def _with_uris(
    attributes: dict[str, Any], endpoint: str, descriptors: Descriptors, standard: str
) -> dict[str, Any]:
    known = standards.associations(standard)
    names = standards.descriptor_properties(endpoint, standard) if endpoint in known else {}

    def walk(value: Any, path: str) -> Any:
        if isinstance(value, dict):
            return {name: walk(member, f"{path}.{name}") for name, member in value.items()}
        if isinstance(value, list):
            return [walk(item, f"{path}[*]") for item in value]
        return descriptors.uri(names[path], value) if path in names and isinstance(value, str) else value

    return {name: walk(value, f"$.{name}") for name, value in attributes.items()}


def _without_empties(value: Any) -> Any:
    """COM-PAY-2: no nulls, no empty objects or collections; a false stays."""
    if isinstance(value, dict):
        members = {name: _without_empties(member) for name, member in value.items()}
        return {name: member for name, member in members.items() if member not in (None, [], {})}
    if isinstance(value, list):
        items = [_without_empties(item) for item in value]
        return [item for item in items if item not in (None, [], {})]
    return value


def elements(p: pd.DataFrame) -> pd.DataFrame:
    """CERT-CTE-1 to -7: the key and endDate, straight from the row."""
    return p.assign(
        ref=f"{TABLE}:" + p[ID].astype("str"),
        rank=id_order(p[ID]),
        person=rank_texts(p["student_unique_id"]),
        rules=[["CERT-SEL-1", "CERT-SEL-2", "COM-KEY-1"]] * len(p),
    )


def warn_about_standard(p: pd.DataFrame, standard: str, account: Account) -> None:
    """STANDARD_DROPPED: members of another data standard that this one has no place for (COM-STD-1)."""
    names = p["dropped"].explode().dropna()
    if names.empty:
        return
    says = f"Data Standard {standard} has no " + names.astype("str") + ", so it is not sent."
    account.notice("STANDARD_DROPPED", p[ID].reindex(names.index), TABLE, says)


def warn_about_years(candidates: pd.DataFrame, account: Account) -> None:
    """MULTI_YEAR: begin and end in different school years; COM-VAL-3: an end without a reason."""
    ended = candidates[candidates["end_date"].notna()]
    if ended.empty:
        return
    spans = ended[school_year_of(ended["begin_date"]).ne(school_year_of(ended["end_date"]))]
    account.notice("MULTI_YEAR", spans[ID], TABLE)
    unexplained = ended[_lacking(ended["members"], "reasonExitedDescriptor")]
    account.notice("END_WITHOUT_REASON", unexplained[ID], TABLE)


def scope(records: pd.DataFrame, config: Config) -> Scope:
    """All ten resources; organizations and programs as built. Orphans are never deleted under this profile (REC-R9)."""
    programs = records[["program_education_organization_id", "program_name"]].drop_duplicates()
    return Scope(
        profile=NAME,
        school_year=config.school_year,
        resources=associations(),
        programs=frozenset(programs.itertuples(index=False, name=None)),
        organizations=frozenset(records["education_organization_id"].tolist()),
        config_start=config.config_start,
        config_end=config.config_end,
    )


def scenario_day(token: str, school_year: int, how: str = "split") -> str:
    """CERT-YEAR: the sheet's `8/23/[Current School Year]` as an ISO day; any other text as it is.

    how: `split` puts months 7-12 into the year before, `literal` all months into the year of the name.
    """
    match = _TOKEN.match(token.strip())
    if not match:
        return token
    month, day = int(match[1]), int(match[2])
    year = school_year - (how == "split" and month >= 7)
    return f"{year:04d}-{month:02d}-{day:02d}"


def prepare(
    tables: Mapping[str, Any], school_year: int | None, settings: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Tables typed off the sheet: the tokens of CERT-YEAR in participations filled in, before normalisation."""
    rows, configs = tables.get(TABLE), tables.get("edfi_config")
    cells = [] if configs is None else list(pd.DataFrame(configs).get("school_year", []))
    years = convert(pd.Series(cells, dtype=object), TABLES["edfi_config"].columns["school_year"])[0].dropna()
    year = school_year or (int(years.iloc[0]) if len(years) == 1 else None)
    if year is None or rows is None:
        return tables

    def fill(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: fill(member) for name, member in value.items()}
        if isinstance(value, list):
            return [fill(item) for item in value]
        return scenario_day(value, year, settings["cert_year_token"]) if isinstance(value, str) else value

    if isinstance(rows, pd.DataFrame):
        columns = [name for name in DATED if name in rows]
        return {**tables, TABLE: rows.assign(**{name: rows[name].map(fill) for name in columns})}
    return {
        **tables,
        TABLE: [{name: fill(cell) if name in DATED else cell for name, cell in row.items()} for row in rows],
    }

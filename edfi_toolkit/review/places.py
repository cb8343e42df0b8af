"""At which school and in which program a source row or a record is, by the names a steward knows."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.model.frames import places as positions
from edfi_toolkit.privacy import PERSONAL_TABLES, is_personal, may_name
from edfi_toolkit.review.cached import cached_by_argument
from edfi_toolkit.rules.contract import profile as profile_of
from edfi_toolkit.rules.frames import translate
from edfi_toolkit.tables.schema import TABLES

CELL_COLUMNS = ("table", "row_id", "field")  # of the cell that a finding or a refusal is about
EMPTY = "(empty)"  # of a cell in which nothing is written
OWNER, NAMELESS = "owner of the programs", "not in the list of schools"
_ORGANIZATION, _PROGRAM_OWNER = "education_organization_id", "program_education_organization_id"
STUDENT_AT = "; student at "  # after an organization that is no school, then where the student is enrolled

if TYPE_CHECKING:
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked


@cached_by_argument
def schools_by_id(tables: Tables, profile: str) -> pd.Series:
    """The name of each school of the source by its Ed-Fi id; missing where the source has none."""
    ids = profile_of(profile).school_ids(tables)
    names = pd.Series(tables["schools"]["name"].array, pd.Index(ids), dtype="str")
    return names[names.index.notna() & ~names.index.duplicated()]


def school_names(ids: pd.Series, tables: Tables, profile: str) -> pd.Series:
    """The name of each organization by its Ed-Fi id; of one that has none in the source, id and name as one text."""
    named = organization_texts(ids, tables, profile)
    return ids.map(schools_by_id(tables, profile)).astype("str").fillna(named)


def schools_of(records: pd.DataFrame, tables: Tables, profile: str) -> pd.Series:
    """The school of each record by its name: of its organization, else of the student whose row it is made from.

    An organization that is neither a school nor an owner of programs, and a district whose records go to its schools,
    are shown as `organization_texts` does: the record goes there, wherever its student is enrolled. Where nothing is
    known, as `school_names`. records:
    education_organization_id and program_education_organization_id, and source_refs as a list or missing.
    """
    from edfi_toolkit.validation.findings import first_rows

    if records.empty:
        return pd.Series(None, records.index, dtype="str")
    ids, schools = records["education_organization_id"], schools_by_id(tables, profile)
    names = ids.map(schools).astype("str")
    if len(schools):
        known = ids.isin(schools.index) | ids.isin(_owners(tables))
        known |= ids.eq(records["program_education_organization_id"]).fillna(False)
        known &= ~ids.isin(profile_of(profile).other_organizations(tables))
        names = names.fillna(organization_texts(ids, tables, profile).mask(known))
    nameless = records[names.isna()]
    if len(nameless):
        rows = first_rows(nameless).set_axis(nameless.index)
        names = names.fillna(places_of(rows, tables, profile, id_column="row_id")["school"])
    return names.fillna(school_names(ids, tables, profile)) if names.isna().any() else names


def schools_in_words(records: pd.DataFrame, tables: Tables, profile: str) -> pd.Series:
    """Schools as of `schools_of`; of an organization that is no school also where the student is, to be found by it."""
    from edfi_toolkit.validation.findings import first_rows

    names = schools_of(records, tables, profile)
    texts = organization_texts(records["education_organization_id"], tables, profile)
    elsewhere = names.eq(texts).fillna(False).astype(bool)
    if not elsewhere.any():
        return names
    rows = first_rows(records[elsewhere]).set_axis(names.index[elsewhere])
    schools = places_of(rows, tables, profile, id_column="row_id")["school"]
    schools = schools[schools.notna() & ~schools.str.endswith(NAMELESS).fillna(False)]
    return names.where(~names.index.isin(schools.index), names + STUDENT_AT + schools.reindex(names.index))


def organization_texts(
    ids: pd.Series, tables: Tables, profile: str, owners: Collection[int] = ()
) -> pd.Series:
    """Each organization by its Ed-Fi id as `35089410 · Agave High`; with what it is, where no table names it.

    owners: further ones that own programs.
    """
    schools = schools_by_id(tables, profile)
    if schools.empty:
        return ids.astype("str")
    named = dict.fromkeys([*_owners(tables), *owners], OWNER)
    named |= profile_of(profile).other_organizations(tables)
    named |= schools.dropna().to_dict()
    return translate(ids, lambda one: f"{one} \u00b7 {named.get(one, NAMELESS)}")


@cached_by_argument
def _owners(tables: Tables) -> pd.Index:
    """The Ed-Fi ids of the organizations that own programs, where the source says so."""
    return pd.Index(tables["program_participation"]["program_education_organization_id"].dropna().unique())


def with_organizations(frame: pd.DataFrame, tables: Tables, profile: str) -> pd.DataFrame:
    """The frame with its organizations as `organization_texts` has them."""
    columns = [column for column in (_ORGANIZATION, _PROGRAM_OWNER) if column in frame]
    owners = list[int]()
    if len(columns) > 1:
        # One that owns the program of another's record does so by a setting, if no table says it.
        of_another = frame[_PROGRAM_OWNER].ne(frame[_ORGANIZATION]).fillna(False)
        owners = frame.loc[of_another, _PROGRAM_OWNER].dropna().unique().tolist()
    named = {column: organization_texts(frame[column], tables, profile, owners) for column in columns}
    return frame.assign(**named)


def row_places(rows: pd.DataFrame, tables: Tables, *, id_column: str) -> pd.DataFrame:
    """file and row (1 for the header) of source rows in the source; missing where that is not known.

    rows: `table`, and the row's id in `id_column`.
    """
    files, numbers = np.full((2, len(rows)), None, dtype=object)
    for name in tables.places.keys() & set(rows["table"].dropna()):
        own = np.flatnonzero(rows["table"].eq(name))
        at = positions(rows[id_column].iloc[own], TABLES[name].ids(tables[name])).to_numpy()
        own, at = own[at >= 0], at[at >= 0]
        there = tables.places[name].iloc[at]
        files[own], numbers[own] = there["file"], there["row"]
    found = {"file": pd.Series(files, dtype="str"), "row": pd.Series(numbers, dtype="Int64")}
    return pd.DataFrame(found).set_axis(rows.index)


def held_at_places(held: pd.DataFrame, tables: Tables, profile: str) -> pd.DataFrame:
    """Held records with their organizations by name, and file and row of their first source row.

    held: with `source_refs`, a list or missing.
    """
    from edfi_toolkit.validation.findings import first_rows

    at = row_places(first_rows(held).set_axis(held.index), tables, id_column="row_id")
    return with_organizations(held, tables, profile).join(at)


def with_source_rows(records: pd.DataFrame, tables: Tables) -> pd.DataFrame:
    """The records with file and row of their first source row, and the places of all, in place of `source_refs`.

    Of records with CELL_COLUMNS: file, row and column of that cell, where it is known. Of refusals its value too, where
    that is `_fit_to_hand_on`.
    """
    from edfi_toolkit.validation.findings import first_rows

    first = first_rows(records).set_axis(records.index)
    cell = records.reindex(columns=list(CELL_COLUMNS))
    at = row_places(cell[["table", "row_id"]].fillna(first), tables, id_column="row_id")
    found = records.drop(columns=["source_refs", *CELL_COLUMNS], errors="ignore").assign(
        file=at["file"], row=at["row"], source_rows=rests_on(records, tables)
    )
    if "field" not in records:
        return found
    found = found.assign(column=columns_in_the_source(cell, tables))
    if "value" in found:
        named = ("table", "field", "value", "messages")
        cells = zip(*(records[name] for name in named), found["column"], strict=True)
        found["value"] = pd.Series([_fit_to_hand_on(*cell) for cell in cells], records.index, dtype="str")
    return found


def _fit_to_hand_on(table: Any, field: Any, value: Any, messages: Any, column: Any) -> str | None:
    """The value of a cell, where it is none that a person may stand in, or the ODS's answer names it anyway.

    A personal one stays where its column is personal by its name in the source too: that is how it is masked.
    """
    text = cell_text(value)
    if not text or is_personal(field) or is_personal(column):
        return text if text and is_personal(column) else None
    known = TABLES[table].columns.get(str(field).partition(".")[0]) if table in TABLES else None
    plain = known is not None and (known.is_id or known.type not in ("str", "json"))
    said = " ".join(messages).casefold() if isinstance(messages, list) else ""
    return text if plain or not may_name(text) or text == EMPTY or text.casefold() in said else None


def rests_on(records: pd.DataFrame, tables: Tables) -> pd.Series:
    """Where the source rows of each record are: `enrollments.csv, row 3; cte_records.csv, row 5`.

    Of a row that the source no longer has, its table and id.
    """
    from edfi_toolkit.validation.findings import split_refs

    if records.empty:
        return pd.Series(None, records.index, dtype="str")
    refs = records["source_refs"].explode().dropna()
    rows = split_refs(refs.tolist())
    at = row_places(rows, tables, id_column="row_id")
    between = rows["table"].isin(PERSONAL_TABLES).map({True: ":", False: " "})  # a reference is masked
    texts = (at["file"] + ", row " + at["row"].astype("str")).fillna(rows["table"] + between + rows["row_id"])
    found = dict[Any, dict[str, None]]()
    for record, text in zip(refs.index, texts.to_numpy(dtype=object), strict=True):
        found.setdefault(record, {})[text] = None
    return (
        records.index.to_series()
        .map({record: "; ".join(each) for record, each in found.items()})
        .astype("str")
    )


def places_of(rows: pd.DataFrame, tables: Tables, profile: str, *, id_column: str) -> pd.DataFrame:
    """student_id, school and program of source rows; missing where the row has none.

    rows: `table`, and the row's id in `id_column`; in `student_id` whose row it is, where that is known of a row that
    could not be read. A row that names no school is where its student was enrolled last.
    """
    nothing = dict.fromkeys(("student_id", "school", "program"))
    found, last_schools = [pd.DataFrame(nothing, rows.index[:0], dtype="str")], _last_schools(tables)
    for name, part in rows.groupby("table"):
        table = TABLES.get(str(name))  # a finding about a whole resource has that in place of a table
        if table is None or len(table.primary_key) != 1:
            continue
        frame = tables[table.name]
        at = positions(part[id_column], frame[table.primary_key[0]])
        read = frame.reset_index(drop=True).reindex(at).set_axis(part.index)
        if "student_id" in part and "student_id" in read:
            read["student_id"] = read["student_id"].fillna(part["student_id"])
        found.append(_of_table(table.name, read, tables, profile, last_schools))
    return pd.concat(found).reindex(rows.index)


def _of_table(
    name: str, frame: pd.DataFrame, tables: Tables, profile: str, last_schools: pd.Series
) -> pd.DataFrame:
    known = pd.DataFrame(index=frame.index)
    known["student_id"] = frame.get("student_id", pd.Series(None, frame.index, dtype="str"))
    school = known["student_id"].map(last_schools).astype("str")
    if "school_id" in frame:
        school = _named(frame["school_id"], _names(tables)).fillna(school)
    elif "education_organization_id" in frame:
        ids = frame["education_organization_id"]
        school = ids.map(schools_by_id(tables, profile)).astype("str").fillna(school)
        if school.isna().any():
            school = school.fillna(school_names(ids, tables, profile))
    known["school"] = school
    programs = profile_of(profile).row_programs.get(name)
    known["program"] = (
        programs(frame) if programs else frame.get("program_name", pd.Series(None, frame.index, dtype="str"))
    )
    return known.astype("str")


@cached_by_argument
def _names(tables: Tables) -> pd.Series:
    """The name of each school by its id in the SIS."""
    return (
        tables["schools"].dropna(subset=["name"]).drop_duplicates("school_id").set_index("school_id")["name"]
    )


@cached_by_argument
def _last_schools(tables: Tables) -> pd.Series:
    """The name of the school where each student was enrolled last."""
    last = (
        tables["enrollments"][["student_id", "school_id", "start_date"]]
        .sort_values("start_date", kind="stable")
        .drop_duplicates("student_id", keep="last")
    )
    schools = last.set_index("student_id")["school_id"]
    return _named(schools, _names(tables))


def _named(ids: pd.Series, names: pd.Series) -> pd.Series:
    return ids.map(names).astype("str").fillna(ids.astype("str"))


def findings_at_places(checked: Checked, findings: pd.DataFrame | None = None) -> pd.DataFrame:
    """The findings with school and organizations by name, student and program, and file, row and column in the source.

    findings: only these. student_unique_id is the SIS id of a student who has no state id.
    """
    tables, profile = checked.build.tables, checked.build.profile
    findings = checked.findings if findings is None else findings
    found = with_organizations(findings, tables, profile)
    places = places_of(found, tables, profile, id_column="row_id")
    named = findings["education_organization_id"].map(schools_by_id(tables, profile)).astype("str")
    unnamed = school_names(findings["education_organization_id"], tables, profile)
    places["school"] = named.fillna(places["school"]).fillna(unnamed.where(found["resource"].notna()))
    places["program"] = found["program_name"].fillna(places["program"])
    found["student_unique_id"] = found["student_unique_id"].fillna(state_ids(places["student_id"], tables))
    places = places.drop(columns="student_id").join(row_places(found, tables, id_column="row_id"))
    places["column"] = columns_in_the_source(found, tables)
    first = ["severity", "rule_id", "says", "hint", "field", "student_unique_id"]
    rest = found.columns.drop([*first, "program_name", "education_organization_id"])
    return pd.concat([found[first], places, found[rest]], axis=1)


@cached_by_argument
def placed_findings(checked: Checked) -> pd.DataFrame:
    """`findings_at_places` of all."""
    return findings_at_places(checked)


def columns_in_the_source(findings: pd.DataFrame, tables: Tables) -> list[str | None]:
    """What the source calls the column of each finding, or refusal, about a cell of it."""
    shapes = {
        name: {column: shape.names.get(column, column) for column in TABLES[name].columns}
        for name, shape in tables.shapes.items()
    }
    found = list[str | None]()
    for table, field in zip(findings["table"], findings["field"], strict=True):
        column, dot, member = cell_text(field).partition(".")  # of a cell with JSON the member
        name = shapes.get(table, {}).get(column)
        found.append(name and f"{name}{dot}{member}")
    return found


def state_ids(local: pd.Series, tables: Tables) -> pd.Series:
    """The state id of each student, else the id of the SIS."""
    students = tables["students"].drop_duplicates("student_id").set_index("student_id")
    return local.map(students["student_unique_id"]).astype("str").fillna(local)

"""COM-CTL: control rows that cannot be read stop the run, for any default in their place could send or delete more.

Only rows that the run reads count: the year's configuration, the switches of the profile's own resources, the
descriptors that these use, the preferences that the profile names. Near misses of such a name count too.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import cache

import pandas as pd

from edfi_toolkit.errors import did_you_mean, nearest
from edfi_toolkit.model import associations
from edfi_toolkit.model.standards import STANDARDS, descriptors, major, resources
from edfi_toolkit.tables import Tables
from edfi_toolkit.tables.schema import TABLES
from edfi_toolkit.tables.tables import framed

CONTROL = {"table": "str", "id": "str", "detail": "str"}
_LIKE = 0.75  # how like a column a header must be to be taken for it
_NEAR = 0.9  # as like as two names with one or two letters wrong; studentSchoolAssociations is not near
Fault = tuple[str, str | None, str]  # table, id, sentence


def control_faults(
    t: Tables, school_year: int, owned: tuple[str, ...], preferences: Collection[str]
) -> pd.DataFrame:
    """Every control row that stops a run (CONTROL), with file, row, column and the next step in words.

    owned: the resources of the profile. preferences: the names of preferences that its rules read.
    """
    found = [
        *_misspelled(t),
        *_of_the_year(t, school_year),
        *_of_resources(t, owned),
        *_of_descriptors(t, _used_descriptors(owned)),
        *_of_preferences(t, {name.casefold() for name in preferences}),
    ]
    return framed(pd.DataFrame(found, columns=list(CONTROL)) if found else None, CONTROL)


def ignored(t: Tables, owned: tuple[str, ...]) -> pd.DataFrame:
    """CONTROL_IGNORED: one notice for each table with rows that the profile has no use for."""
    used = _used_descriptors(owned)
    unused = {
        "resource_preferences": [n for n in t.resource_preferences["resource"] if n not in owned],
        "descriptor_map": [n for n in t.descriptor_map["descriptor"].unique() if n not in used],
    }
    return pd.DataFrame(
        [
            {
                "code": "CONTROL_IGNORED",
                "table": table,
                "id": None,
                "detail": f"{table}: {', '.join(names[:8])}{', ...' if len(names) > 8 else ''} "
                "is nothing this profile publishes or uses, so nothing is done with it.",
            }
            for table, names in unused.items()
            if names
        ],
        columns=["code", "table", "id", "detail"],
    )


def _misspelled(t: Tables) -> Iterator[Fault]:
    """Columns that decide what is sent, and that are there under another name: their default would send everything."""
    for table in ("edfi_config", "resource_preferences"):
        shape = t.shapes.get(table)
        if shape is None:
            continue
        absent = [name for name in TABLES[table].columns if name not in shape.columns]
        for header in shape.unread:
            meant = nearest(header, absent, cutoff=_LIKE)
            if meant is None and table == "resource_preferences" and "enabled" in absent:
                meant = "enabled"
            if meant is not None:
                says = f"the file has a column {header} in its place. Rename it, or remove it if it is another thing."
                yield table, None, _says(t, table, meant, says)


def _of_the_year(t: Tables, school_year: int) -> Iterator[Fault]:
    table, rows = "edfi_config", t.edfi_config
    unreadable = [fault for fault in _unreadable(t, table) if not _is_other_year(fault[1], school_year)]
    yield from unreadable
    own = rows[rows["school_year"].eq(school_year)]
    if own.empty and not unreadable and len(rows):
        years = ", ".join(str(year) for year in sorted(rows["school_year"]))
        yield (
            table,
            str(school_year),
            _says(
                t,
                table,
                "school_year",
                f"there is no row for {school_year}, only for {years}. Add the row, or name the year that is meant.",
            ),
        )
    written = own.loc[own["data_standard"].notna()]
    for year in written.loc[written["data_standard"].map(major).isna(), "school_year"]:
        says = f"names no data standard. Write one of {', '.join(STANDARDS)}, or leave the cell empty."
        yield table, str(year), _says(t, table, "data_standard", f"the year {school_year} {says}")
    for year in own.loc[own["config_end"].lt(own["config_start"]), "school_year"]:
        yield (
            table,
            str(year),
            _says(
                t,
                table,
                "config_end",
                f"the year {school_year} ends before it begins. Correct config_start or config_end.",
            ),
        )


def _is_other_year(row_id: str | None, school_year: int) -> bool:
    return row_id is not None and row_id.isdecimal() and int(row_id) != school_year


def _of_resources(t: Tables, owned: Collection[str]) -> Iterator[Fault]:
    table = "resource_preferences"
    for fault in _unreadable(t, table):
        if fault[1] is None or fault[1] in owned or _is_near(fault[1], owned, known=associations()):
            yield fault
    for name in t.resource_preferences["resource"]:
        if _is_near(name, owned, known={*owned, *associations()}):
            meant = did_you_mean(name, owned)
            yield (
                table,
                name,
                _says(t, table, "resource", f"{name!r} is no resource.{meant} Correct the name."),
            )


def _of_descriptors(t: Tables, used: Collection[str]) -> Iterator[Fault]:
    table, rows = "descriptor_map", t.descriptor_map
    known = descriptors(STANDARDS[0]).keys() | used
    for fault in _unreadable(t, table):
        name = None if fault[1] is None else fault[1].partition("|")[0]
        if name is None or name in used or _is_near(name, used, known=known):
            yield fault
    for name in rows["descriptor"].unique():
        if _is_near(name, used, known=known):
            meant = did_you_mean(name, used)
            yield (
                table,
                name,
                _says(t, table, "descriptor", f"{name!r} is no descriptor.{meant} Correct the name."),
            )
    if rows.empty:
        return
    rows = rows[rows["descriptor"].isin(used)]
    is_uri = rows["ed_fi_uri"].str.fullmatch(r"\S+://[^#]+#.+").fillna(False)
    for row in rows[~is_uri].itertuples():
        yield (
            table,
            f"{row.descriptor}|{row.local_code}",
            _says(
                t,
                table,
                "ed_fi_uri",
                f"{row.local_code!r} of {row.descriptor} has no full URI such as "
                f"uri://ed-fi.org/{row.descriptor}#Other. Fill it in, or remove the row.",
            ),
        )
    owners = rows["ed_fi_uri"].str.extract(r"([^/]*)#", expand=False).str.casefold()
    for row in rows[is_uri & owners.ne(rows["descriptor"].str.casefold())].itertuples():
        says = (
            f"{row.local_code!r} of {row.descriptor} has a value of another descriptor. Write a URI such as "
            f"uri://ed-fi.org/{row.descriptor}#Other, or remove the row."
        )
        yield table, f"{row.descriptor}|{row.local_code}", _says(t, table, "ed_fi_uri", says)
    folded = rows["local_code"].str.casefold()
    several = rows[(rows["descriptor"] + "|" + folded).duplicated(keep=False)]
    if several.empty:
        return
    for (name, _), same in several.groupby(["descriptor", folded[several.index]]):
        if same["ed_fi_uri"].nunique(dropna=False) > 1:
            code = same["local_code"].iloc[0]
            yield (
                table,
                f"{name}|{code}",
                _says(
                    t,
                    table,
                    "local_code",
                    f"{code!r} of {name} is there twice with different URIs. Remove the wrong row.",
                ),
            )


def _of_preferences(t: Tables, names: Collection[str]) -> Iterator[Fault]:
    table, rows = "preferences", t.preferences
    seen = set()
    for fault in _unreadable(t, table):
        if fault[1] is not None and fault[1].casefold() in names:
            seen.add(fault[1].casefold())
            yield fault
    if rows.empty:
        return
    folded = rows["name"].str.casefold()
    for name, same in rows[folded.isin(names)].groupby(folded):
        if name not in seen and same["value"].nunique(dropna=False) > 1:
            yield (
                table,
                same["name"].iloc[0],
                _says(
                    t,
                    table,
                    "value",
                    f"{same['name'].iloc[0]} is there {len(same)} times with different values. Remove the wrong rows.",
                ),
            )


def _unreadable(t: Tables, table: str) -> Iterator[Fault]:
    if t.skipped.empty:
        return
    rows = t.skipped[t.skipped["table"].eq(table)]
    for row_id, detail in zip(rows["id"], rows["detail"], strict=True):
        yield table, None if pd.isna(row_id) else row_id, detail


def _says(t: Tables, table: str, column: str, what: str) -> str:
    files = t.origins.loc[t.origins["table"].eq(table), "file"]
    return f"{files.iloc[0] if len(files) else table}, column {column}: {what}"


@cache
def _used_descriptors(owned: tuple[str, ...]) -> frozenset[str]:
    """The descriptors of these resources' properties, in any standard."""
    return frozenset(
        about["descriptor"]
        for version in STANDARDS
        for endpoint, facts in resources(version).items()
        if endpoint in owned
        for about in facts["properties"].values()
        if "descriptor" in about
    )


def _is_near(name: str, wanted: Collection[str], *, known: Collection[str]) -> bool:
    """Whether a name that is none of the known ones is written nearly as one that is wanted."""
    return name not in known and nearest(name, wanted, key=_plain, cutoff=_NEAR) is not None


def _plain(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())

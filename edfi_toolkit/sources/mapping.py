"""From a vendor's tables and field names to the canonical ones, by maps that are data: TOML files that profiles bring.

A map lists, for each canonical table, the source tables it is made of and where each column comes from:
a field name or several spellings of it, or a table with `template`, `constant`, `column` + `add`, or a
`lookup`. Field names match without regard to case, blanks, punctuation and a leading table name, as exports
differ in those.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.errors import ConfigError, SourceShapeError, did_you_mean, listed_nearest, what_failed
from edfi_toolkit.rules import profiles
from edfi_toolkit.tables import CONTROL_TABLES, TABLES, Sheet
from edfi_toolkit.tables.cell_errors import lost_reference
from edfi_toolkit.tables.disguises import EDGES, is_disguised
from edfi_toolkit.tables.load_errors import RENAMED, unknown_table

_PREFIX = re.compile(r"^\s*(?:\[[^\]]*\]|\w+\.)\s*")
_PART_MEMBERS = frozenset({"from", "columns", "where", "query"})
_SPEC_MEMBERS = frozenset(
    {"template", "constant", "column", "add", "lookup", "key", "match", "take", "must_be_found", "or_key"}
)


@dataclass(frozen=True)
class Map:
    """One map: its name, and the parts of each canonical table."""

    name: str
    tables: Mapping[str, list[dict[str, Any]]]

    @property
    def queries(self) -> dict[str, str]:
        """The statement of each table that a database answers."""
        return {
            table: part["query"] for table, parts in self.tables.items() for part in parts if "query" in part
        }

    @property
    def sources(self) -> set[str]:
        """Every source table the map reads, in lower case."""
        parts = [part for table in self.tables.values() for part in table if "from" in part]
        looked_up = {
            spec["lookup"].lower()
            for part in parts
            for spec in part["columns"].values()
            if isinstance(spec, dict) and "lookup" in spec
        }
        return {part["from"].lower() for part in parts} | looked_up

    def fields_of(self, source: str) -> set[str]:
        """Every field of a source table that the map reads, by any of its names."""
        names: set[str] = set()
        for part in (part for parts in self.tables.values() for part in parts if "from" in part):
            own = part["from"].lower() == source.lower()
            names |= set(part.get("where", {})) if own else set()
            for spec in part["columns"].values():
                names |= set(_names(spec)) if own else set()
                if isinstance(spec, dict) and spec.get("lookup", "").lower() == source.lower():
                    names |= {spec["match"], spec["take"]}
        return names


@cache
def source_maps() -> Mapping[str, Path]:
    """The maps that the profiles bring, by the vendor's name."""
    return {name: path for profile in profiles().values() for name, path in profile.source_maps.items()}


@cache
def vendor_map(name: str) -> Map:
    """The map of a vendor, by its name in `source_maps`."""
    return parse_map(name, source_maps()[name].read_text(encoding="utf-8"))


def read_map(path: Path) -> Map:
    """A map from a file.  Raises ConfigError when it cannot be read or names what does not exist."""
    try:
        return parse_map(path.name, path.read_text(encoding="utf-8"))
    except OSError:
        known = ", ".join(["auto", "canonical", *source_maps()])
        raise ConfigError(f"There is no mapping {path}. Use {known}, or the path of a TOML file.") from None
    except UnicodeDecodeError:
        raise ConfigError(f"The mapping {path.name} is not text in UTF-8. Save it as UTF-8.") from None


def parse_map(name: str, text: str) -> Map:
    """A map from its text, checked against the schema."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(
            f"The mapping {name} is not valid TOML ({what_failed(error)}). Correct it."
        ) from None
    tables = {}
    for table, parts in content.get("tables", {}).items():
        _require_known(table, TABLES, f"{name}: there is no table")
        tables[table] = parts if isinstance(parts, list) else [parts]
        for part in tables[table]:
            for member in part:
                _require_known(member, _PART_MEMBERS, f"{name}, table {table}: there is no member")
            if "query" not in part and not {"from", "columns"} <= part.keys():
                raise ConfigError(f"{name}, table {table}: give either query, or from and columns.")
            for column, spec in part.get("columns", {}).items():
                _require_known(column, TABLES[table].columns, f"{name}, table {table}: there is no column")
                for member in spec if isinstance(spec, dict) else ():
                    _require_known(
                        member, _SPEC_MEMBERS, f"{name}, table {table}, column {column}: there is no member"
                    )
    if not tables:
        raise ConfigError(f"The mapping {name} has no tables. Write one [tables.<name>] for each.")
    return Map(name, tables)


def _require_known(word: str, known: Any, says: str) -> None:
    if word not in known:
        raise ConfigError(f"{says} {word}.{did_you_mean(word, known)}")


def recognise(found: Mapping[str, Sheet]) -> Map | None:
    """The vendor whose tables these are, or None when they are canonical.

    Decided by complete tables: all required columns are there; ties by table names, then for canonical. Control tables
    decide nothing: under their canonical names they may be there next to a vendor's tables (COM-CTL-3).
    """
    by_name = {name.lower(): sheet for name, sheet in found.items()}
    scores: dict[str, tuple[int, int]] = {"": _canonical_score(by_name)}
    for name in source_maps():
        parts = [(table, part) for table, each in vendor_map(name).tables.items() for part in each]
        present = [(table, part) for table, part in parts if part["from"].lower() in by_name]
        complete = [
            part
            for table, part in present
            if not _missing_columns(
                table, part["columns"], _Fields(by_name[part["from"].lower()], part["from"])
            )
        ]
        scores[name] = (len(complete), len(present))
    best = max(scores, key=lambda name: scores[name])
    return vendor_map(best) if best else None


def _canonical_score(found: Mapping[str, Sheet]) -> tuple[int, int]:
    tables = [TABLES[name] for name in found if name in TABLES and name not in CONTROL_TABLES]
    headers = {
        table.name: {str(header).strip().lower() for header in found[table.name].frame} for table in tables
    }
    return sum(set(table.primary_key) <= headers[table.name] for table in tables), len(tables)


def apply_map(found: Mapping[str, Sheet], by: Map) -> tuple[dict[str, Sheet], list[dict[str, Any]]]:
    """The canonical sheets, and notices of what an incomplete export leaves out.

    Source tables the map does not read are taken as they are when they carry a canonical name.
    Raises SourceShapeError when a required column, or a table's key, has no field.
    """
    by_name = {name.lower(): sheet for name, sheet in found.items()}
    sheets: dict[str, Sheet] = {}
    notices: list[dict[str, Any]] = []
    for table, parts in by.tables.items():
        present = [part for part in parts if part["from"].lower() in by_name]
        absent = [part["from"] for part in parts if part["from"].lower() not in by_name]
        made = [_make_part(table, part, by, by_name, notices) for part in present]
        if made:
            sheets[table] = _join(made)
            notices += [
                _notice("NO_TABLE", table, f"There is no table {name}; its rows are not read.")
                for name in absent
            ]
    as_they_are = {
        name: sheet for name, sheet in by_name.items() if name in TABLES and name not in by.sources
    }
    notices += [
        unknown_table(name, sorted(by.sources))
        for name in found
        if name.lower() not in by.sources and name.lower() not in TABLES
    ]
    return as_they_are | sheets, notices


class _Fields:
    """The fields of one source table, found by any spelling. own: the table's name, which a header may begin with."""

    def __init__(self, sheet: Sheet, own: str) -> None:
        self.sheet = sheet
        self.headers = [str(header).strip() for header in sheet.frame.columns]
        self._own = _plain(own)
        self._at: dict[str, list[int]] = {}
        for position, header in enumerate(self.headers):
            for name in {_plain(header), _plain(_PREFIX.sub("", header))}:
                self._at.setdefault(name, []).append(position)

    def header(self, name: str) -> str:
        return self.headers[self._position(name)]

    def cells(self, name: str) -> pd.Series:
        return self.sheet.frame.iloc[:, self._position(name)].reset_index(drop=True)

    def unknown(self, known: Set[str]) -> list[str]:
        """The headers that none of these names finds."""
        found = {position for name in known for position in self._at.get(_plain(name), ())}
        return [header for position, header in enumerate(self.headers) if position not in found]

    def __contains__(self, name: object) -> bool:
        return _plain(str(name)) in self._at

    def _position(self, name: str) -> int:
        """Of several headers the one that is the name, then the one with the table's own object, then a bare one."""
        positions = self._at[_plain(name)]
        ranks = [self._rank(self.headers[position], name) for position in positions]
        best = [position for position, rank in zip(positions, ranks, strict=True) if rank == min(ranks)]
        if len(best) > 1:
            headers = " and ".join(self.headers[position] for position in best[:2])
            raise SourceShapeError(
                f"COM-NRM-6: {self.sheet.files} has two columns for {name}: {headers}. Remove one from the export."
            )
        return best[0]

    def _rank(self, header: str, name: str) -> int:
        prefix = _PREFIX.match(header)
        if prefix is None:
            return 2
        if _plain(header) == _plain(name):
            return 0
        return 1 if _plain(prefix[0]) == self._own else 3


def _plain(name: str) -> str:
    return "".join(letter for letter in name.lower() if letter.isalnum())


def _names(spec: Any) -> list[str]:
    """The field names a column needs, the first of them present being taken."""
    if isinstance(spec, dict):
        if "template" in spec:
            return re.findall(r"\{(\w+)\}", spec["template"])[:1]
        return [spec[member] for member in ("column", "key") if member in spec]
    return [spec] if isinstance(spec, str) else list(spec)


def _missing_columns(table: str, columns: Mapping[str, Any], fields: _Fields) -> list[str]:
    """The required columns of a table for which the source has no field."""
    required = [name for name, column in TABLES[table].columns.items() if column.required and name in columns]
    return [
        name
        for name in required
        if _names(columns[name]) and not any(n in fields for n in _names(columns[name]))
    ]


def _make_part(
    table: str, part: Mapping[str, Any], by: Map, found: Mapping[str, Sheet], notices: list[dict[str, Any]]
) -> Sheet:
    """One part of a canonical table."""
    sheet = found[part["from"].lower()]
    fields = _Fields(sheet, part["from"])
    unknown = fields.unknown(by.fields_of(part["from"]) | TABLES[table].columns.keys())
    lacking = _missing_columns(table, part["columns"], fields)
    if lacking:
        raise SourceShapeError("\n".join(_missing_text(table, name, part, fields) for name in lacking))
    chosen = pd.Series(True, index=range(len(sheet.frame)))
    for name, values in part.get("where", {}).items():
        if name in fields:
            chosen &= (
                fields.cells(name)
                .astype("str")
                .fillna("")
                .str.strip(EDGES)
                .str.lower()
                .isin([value.lower() for value in values])
            )
    columns, names = {}, {}
    specs = part["columns"]
    if (
        by.name in source_maps()
    ):  # what the vendor has no field for may be in the export under its canonical name
        specs = {name: name for name in TABLES[table].columns if name in fields.headers} | specs
    for column, spec in specs.items():
        used = next((name for name in _names(spec) if name in fields), None)
        if used is None and not (isinstance(spec, dict) and "constant" in spec):
            name = _names(spec)[0]
            says = f"{sheet.files} has no column {name}; {column} reads as empty."
            if unknown:
                says += _meant(name, unknown) or f" Not used are {listed_nearest(name, unknown)}."
            notices.append(_notice(RENAMED if unknown else "NO_COLUMN", table, says, column))
            continue
        cells = _cells(spec, used, fields, found)
        if cells is None:
            says = f"There is no table {spec['lookup']} to look up {column} in; it reads as empty."
            notices.append(_notice("NO_TABLE", table, says, column))
            continue
        columns[column] = cells[chosen]
        if used is not None:
            names[column] = fields.header(used)
    rows = sheet.rows[chosen.to_numpy()]
    frame = pd.DataFrame(columns).reset_index(drop=True)
    files_of_rows = sheet.file if isinstance(sheet.file, str) else sheet.file_of(np.flatnonzero(chosen))
    unread = fields.unknown({name for spec in specs.values() for name in _names(spec)})
    return Sheet(
        frame=frame, file=files_of_rows, rows=rows, names=names, ordered=sheet.ordered, unread=unread
    )


def _cells(spec: Any, used: str | None, fields: _Fields, found: Mapping[str, Sheet]) -> pd.Series | None:
    if not isinstance(spec, dict):
        return fields.cells(str(used))
    if "constant" in spec:
        return pd.Series([spec["constant"]] * len(fields.sheet.frame), dtype=object)
    if "template" in spec:
        return _fill_template(fields.cells(str(used)), spec["template"], str(used))
    if "add" in spec:
        return fields.cells(str(used)).map(lambda cell: _add(cell, spec["add"]))
    if used == spec.get("column"):
        return fields.cells(str(used))
    return _look_up(spec, fields, found) if spec["lookup"].lower() in found else None


def _fill_template(cells: pd.Series, template: str, name: str) -> pd.Series:
    """The template around each id; a disguised one stays bare, so that it is refused (COM-NRM-2)."""
    before, _, after = template.partition(f"{{{name}}}")
    text = cells.astype("str").str.strip(EDGES)
    bare = text.isna() | text.eq("") | is_disguised(text.fillna(""))
    return text.where(bare, before + text + after)


def _add(cell: Any, number: int) -> Any:
    text = str(cell).strip()
    return str(int(text) + number) if re.fullmatch(r"[+-]?\d+", text) else cell


def _look_up(spec: Mapping[str, Any], fields: _Fields, found: Mapping[str, Sheet]) -> pd.Series:
    """The field of another table's row with the same key; SourceShapeError when several rows disagree."""
    other = _Fields(found[spec["lookup"].lower()], spec["lookup"])
    if spec.get("or_key") and spec["match"] not in other:
        return fields.cells(spec["key"])
    for name in (spec["match"], spec["take"]):
        if name not in other:
            raise SourceShapeError(f"{other.sheet.files} has no column {name}.{_meant(name, other.headers)}")
    pairs = pd.DataFrame(
        {name: other.cells(spec[name]).astype("str").str.strip() for name in ("match", "take")}
    )
    pairs = pairs[pairs["match"].notna() & pairs["match"].ne("")].drop_duplicates()
    if pairs["match"].duplicated().any():
        raise SourceShapeError(
            f"{other.sheet.files}: several rows with the same {spec['match']} differ in {spec['take']}. "
            "Export one row for each."
        )
    keys = fields.cells(spec["key"]).astype("str").str.strip()
    values = keys.map(pairs.set_index("match")["take"])
    if spec.get("must_be_found"):
        unknown = ~keys.isin(pairs["match"])
        lost = (values.isna() | values.eq("")) & keys.notna() & keys.ne("")
        values = values.mask(lost & unknown, lost_reference(keys, spec["lookup"]))
        values = values.mask(lost & ~unknown, lost_reference(keys, spec["lookup"], spec["take"]))
    return values


def _join(parts: list[Sheet]) -> Sheet:
    if len(parts) == 1:
        return parts[0]
    return Sheet(
        frame=pd.concat([part.frame.astype(object) for part in parts], ignore_index=True),
        file=[name for part in parts for name in part.file_of(np.arange(len(part.frame)))],
        rows=np.concatenate([part.rows for part in parts]),
        names={name: header for part in reversed(parts) for name, header in part.names.items()},
        ordered=all(part.ordered for part in parts),
        unread=[header for part in parts for header in part.unread],
    )


def _missing_text(table: str, column: str, part: Mapping[str, Any], fields: _Fields) -> str:
    name = _names(part["columns"][column])[0]
    return f"COM-NRM-6: {fields.sheet.files} has no column {name}, which {table} needs.{_meant(name, fields.headers)}"


def _meant(name: str, headers: Sequence[str]) -> str:
    return did_you_mean(name, headers, key=lambda header: _plain(_PREFIX.sub("", header)))


def _notice(code: str, table: str, says: str, row_id: str | None = None) -> dict[str, Any]:
    return {"code": code, "table": table, "id": row_id, "detail": says}

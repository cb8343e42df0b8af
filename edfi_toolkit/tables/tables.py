"""The canonical tables of one source, normalised: what `extract` gives and what every rule reads."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache, partial
from html import escape
from pathlib import Path
from types import MappingProxyType

import pandas as pd

from edfi_toolkit.errors import SourceUnavailable, what_failed
from edfi_toolkit.model.frames import typed
from edfi_toolkit.storage import from_json_column, json_column, write_private
from edfi_toolkit.tables.corrections import LAID_COLUMNS, LOST, NO_ROW
from edfi_toolkit.tables.schema import TABLES
from edfi_toolkit.tables.shapes import TableShape, shapes_frame, shapes_of

SKIPPED_COLUMNS = {
    "table": "str",
    "id": "str",
    "rule": "str",
    "detail": "str",
    "file": "str",
    "row": "Int64",
    "column": "str",
    "value": "str",
    "student_id": "str",
}
NOTICE_COLUMNS = {"code": "str", "table": "str", "id": "str", "detail": "str"}
ORIGIN_COLUMNS = {"table": "str", "file": "str", "rows": "Int64"}
_LOST_COLUMNS = {"table": "str", "id": "str", "student_id": "str"}
# After a column's name on disk; no column of a table has a blank in its name.
AS_WRITTEN, AT_PLACE = " as written", " in the source"


class Tables(Mapping[str, pd.DataFrame]):
    """Canonical tables by name, also as attributes; a table the source did not have reads as an empty one.

    skipped: rows that could not be read, one line each (SKIPPED_COLUMNS); `row` is 1 for the header,
        `student_id` whose row it is, where the table has students.
    notices: what a steward should know (NOTICE_COLUMNS).
    origins: what was read from where, with the number of rows (ORIGIN_COLUMNS).
    shapes: what each table looked like in the source.
    written: by table the texts of the source in the columns that have another type, row by row of the table.
    places: by table the file and the row in it (1 for the header) of each row of the table.
    corrections: what people had corrected, and what became of it (LAID_COLUMNS).
    """

    def __init__(
        self,
        frames: Mapping[str, pd.DataFrame],
        *,
        skipped: pd.DataFrame | None = None,
        notices: pd.DataFrame | None = None,
        origins: pd.DataFrame | None = None,
        shapes: Mapping[str, TableShape] = MappingProxyType({}),
        corrections: pd.DataFrame | None = None,
        written: Mapping[str, pd.DataFrame] = MappingProxyType({}),
        places: Mapping[str, pd.DataFrame] = MappingProxyType({}),
    ) -> None:
        self.written, self.places = (
            {name: frame for name, frame in by_table.items() if len(frame) == len(frames.get(name, ()))}
            for by_table in (written, places)
        )
        self._frames = {name: frames[name] for name in TABLES if name in frames}
        self.skipped = framed(skipped, SKIPPED_COLUMNS)
        self.notices = framed(notices, NOTICE_COLUMNS)
        self.origins = framed(origins, ORIGIN_COLUMNS)
        self.shapes = shapes
        self.corrections = framed(corrections, LAID_COLUMNS)

    def __getitem__(self, name: str) -> pd.DataFrame:
        if name not in self._frames and name in TABLES:
            return TABLES[name].empty()
        return self._frames[name]

    def __getattr__(self, name: str) -> pd.DataFrame:
        if name in TABLES:
            return self[name]
        raise AttributeError(f"there is no table {name!r}")

    def __iter__(self) -> Iterator[str]:
        """The tables that the source had."""
        return iter(self._frames)

    def __len__(self) -> int:
        return len(self._frames)

    def __contains__(self, name: object) -> bool:
        return name in self._frames

    def with_notices(self, notices: pd.DataFrame) -> Tables:
        """The same tables with further notices."""
        every = pd.concat([self.notices, framed(notices, NOTICE_COLUMNS)], ignore_index=True)
        return self.replacing({}, notices=every)

    def replacing(self, frames: Mapping[str, pd.DataFrame], **others: pd.DataFrame) -> Tables:
        """The same tables, some of them replaced. others: `skipped`, `notices`, `corrections`."""
        kept = {
            name: getattr(self, name)
            for name in ("skipped", "notices", "origins", "shapes", "corrections", "written", "places")
        }
        return Tables({**self._frames, **frames}, **{**kept, **others})

    def corrected(self) -> set[str]:
        """The rows that corrections were laid over, as `table:id`."""
        pairs = zip(self.corrections["table"], self.corrections["rows"], strict=True)
        return {f"{table}:{row}" for table, rows in pairs for row in rows}

    @property
    def corrected_cells(self) -> int:
        """How many cells were read as people corrected them."""
        return sum(map(len, self.corrections["rows"]))

    def lost_corrections(self) -> pd.DataFrame:
        """The corrections whose row is not found, while their student is still in the source: table, id, student_id."""
        if self.corrections.empty:
            return framed(None, _LOST_COLUMNS)
        lost = self.corrections[self.corrections["state"].eq(LOST) & self.corrections["row_id"].notna()]
        here = {*self["students"]["student_id"], *self.skipped["student_id"].dropna()}
        still = lost["student_id"].isna() | lost["student_id"].isin(here)
        return lost.loc[still].rename(columns={"row_id": "id"})[list(_LOST_COLUMNS)]

    def not_read(self) -> pd.DataFrame:
        """The notices of tables and columns that were not found, and of what in the source was left alone."""
        return self.notices[~self.notices["code"].isin(["DUPLICATE_ROW", "HIDDEN_FILE", "CORRECTED", NO_ROW])]

    def summary(self) -> pd.DataFrame:
        """Every row accounted for: `table`, `file`, `rows` read = `kept` + `set_aside` + `collapsed`."""
        summary, aside = self.origins.copy(), self.skipped["table"].value_counts()
        kept = [len(self._frames[name]) if name in self else None for name in summary["table"]]
        summary["kept"] = pd.array(kept, "Int64")
        summary["set_aside"] = pd.array([aside.get(name, 0) for name in summary["table"]], "Int64")
        summary["collapsed"] = summary["rows"] - summary["kept"] - summary["set_aside"]
        return summary

    def __repr__(self) -> str:
        counts = ", ".join(f"{name}: {len(frame):,}" for name, frame in self._frames.items())
        return f"<Tables {counts or 'empty'}; {len(self.skipped):,} unreadable rows>"

    def _repr_html_(self) -> str:
        warned = "".join(f"<p>&#9888; {escape(says)}</p>" for says in self.not_read()["detail"])
        return self.summary().to_html(index=False, border=0) + warned

    def save(self, folder: str | Path) -> Path:
        """Write one Parquet file per table, readable by the owner only; gives the folder."""
        folder = Path(folder)
        extras = {
            "_skipped": self.skipped,
            "_notices": self.notices,
            "_origins": self.origins,
            "_shapes": shapes_frame(self.shapes),
            "_corrections": self.corrections,
        }
        for name, frame in {**self._frames, **extras}.items():
            stored = frame.copy()
            for column in _json_columns(name):
                stored[column] = json_column(stored[column])
            for suffix, by_table in ((AS_WRITTEN, self.written), (AT_PLACE, self.places)):
                if name in by_table:
                    stored = pd.concat([stored, by_table[name].add_suffix(suffix)], axis=1)
            write_private(folder / f"{name}.parquet", partial(stored.to_parquet, index=False))
        return folder

    @classmethod
    def load(cls, folder: str | Path) -> Tables:
        """Read what `save` wrote. Raises SourceUnavailable when the folder does not hold that."""
        folder = Path(folder)
        try:
            stored = {path.stem: pd.read_parquet(path) for path in sorted(folder.glob("*.parquet"))}
            extras = {name: stored.pop(f"_{name}") for name in ("skipped", "notices", "origins", "shapes")}
            laid = stored.pop("_corrections", None)  # what an earlier version saved has none
        except (OSError, KeyError, ValueError) as error:
            raise SourceUnavailable(
                f"{folder} does not hold saved tables ({what_failed(error)}). Extract the source again to write them."
            ) from None
        for name, frame in stored.items():
            for column in _json_columns(name):
                values = from_json_column(frame[column])
                frame[column] = pd.Series(values, index=frame.index, dtype="object")
        shapes = shapes_of(extras.pop("shapes"))
        own, written, placed = (
            {name: part for name, frame in stored.items() if len((part := _part(frame, kind)).columns)}
            for kind in ("", AS_WRITTEN, AT_PLACE)
        )
        return cls(own, shapes=shapes, corrections=laid, written=written, places=placed, **extras)


def _part(frame: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Of a stored table the columns of one kind, which `save` put together: its own (empty), AS_WRITTEN or AT_PLACE."""
    kinds = [next(filter(column.endswith, (AS_WRITTEN, AT_PLACE)), "") for column in frame]
    first = kinds.index(kind) if kind in kinds else 0
    part = frame.iloc[:, first : first + kinds.count(kind)]
    return part.set_axis([column.removesuffix(kind) for column in part], axis=1)


def framed(frame: pd.DataFrame | None, columns: Mapping[str, str]) -> pd.DataFrame:
    """The frame with exactly these columns and types; None gives it without rows."""
    if frame is None or not len(frame):
        return _without_rows(tuple(columns.items())).copy()
    return typed(frame, columns)


@cache
def _without_rows(columns: tuple[tuple[str, str], ...]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in columns})


def _json_columns(table: str) -> list[str]:
    known = TABLES.get(table)
    return [column.name for column in known.columns.values() if column.type == "json"] if known else []

"""What a build is, and the verb that makes one.

Pure: tables and settings in, records and reasons out.
"""

from __future__ import annotations

import datetime as dt
import gc
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model import standards
from edfi_toolkit.model.refs import row_of
from edfi_toolkit.model.years import read_school_year
from edfi_toolkit.rules.account import NOTICES, Account, framed, together
from edfi_toolkit.rules.contract import profile as profile_of
from edfi_toolkit.rules.control import CONTROL, control_faults, ignored
from edfi_toolkit.rules.standard import SETTING, with_standard_notices
from edfi_toolkit.tables import Tables, normalise
from edfi_toolkit.tables.corrections import CORRECTED

if TYPE_CHECKING:
    from edfi_toolkit.rules.explain.story import Story


@dataclass(frozen=True)
class Config:
    """One row of `edfi_config`: the school year a run works on."""

    school_year: int
    config_start: dt.date
    config_end: dt.date
    profile: str = "public"
    valid: bool = True
    data_standard: str | None = None

    def __getitem__(self, name: str) -> Any:
        return getattr(self, name)


@dataclass(frozen=True)
class Scope:
    """What a build speaks for: outside of it a plan neither changes nor deletes anything."""

    profile: str
    school_year: int
    resources: tuple[str, ...]
    programs: frozenset[tuple[int, str]]
    organizations: frozenset[int]
    config_start: dt.date
    config_end: dt.date
    source: str = ""


@dataclass(frozen=True)
class Build:
    """Records built from tables, and what became of every row that gave none.

    records: one row per association: resource, the six key columns, body, body_hash, source_refs, rules.
    skipped: table, id, rule, detail (and for load errors file, row, column, value).
    notices: code, table, id, detail.
    control: table, id, detail of each control row that stops the run (COM-CTL-1); there are no records then.
    publishes: False when the configuration says that nothing may be sent at all.
    judged: table, id, error: of the dropped rows, those with an error, which holds what was published from them, and
        those by a wish of the source, which deselects it.
    """

    profile: str
    records: pd.DataFrame
    skipped: pd.DataFrame
    notices: pd.DataFrame
    settings: dict[str, Any]
    tables: Tables
    config: Config
    scope: Scope
    publishes: bool = True
    judged: pd.DataFrame = field(default_factory=lambda: Account().judged)
    control: pd.DataFrame = field(default_factory=lambda: framed([], tuple(CONTROL)))

    @property
    def standard(self) -> str:
        """The known data standard that the records are built for (COM-STD-1)."""
        return standards.nearest(str(self.settings[SETTING]))

    @classmethod
    def of(
        cls,
        profile: str,
        records: pd.DataFrame,
        account: Account,
        tables: Tables,
        config: Config,
        settings: Mapping[str, Any],
        scope: Scope,
        **more: Any,
    ) -> Build:
        """A build from what a profile made and the account it kept, load errors and notices of the tables included."""
        return cls(
            profile=profile,
            records=records,
            skipped=together(tables.skipped, account.skipped),
            notices=together(tables.notices, account.notices),
            settings=dict(settings),
            tables=tables,
            config=config,
            scope=scope,
            judged=account.judged,
            **more,
        )

    def explain(
        self,
        *,
        student_unique_id: str | None = None,
        student_id: str | None = None,
        identity_map: pd.DataFrame | None = None,
    ) -> Story:
        """The whole story of one student: every row considered, kept or dropped by which rule, every record built."""
        from edfi_toolkit.rules.explain import explain

        return explain(
            self, student_unique_id=student_unique_id, student_id=student_id, identity_map=identity_map
        )

    def summary(self) -> pd.DataFrame:
        """Counts by outcome: outcome, resource, program, organization, rule, says, count."""
        from edfi_toolkit.rules.totals import summary

        return summary(self)

    def accounting(self) -> pd.DataFrame:
        """Per table: rows_in = used + skipped + set_aside + not_applicable + collapsed."""
        return self._accounting.copy()

    @cached_property
    def _accounting(self) -> pd.DataFrame:  # goes through every row, and is asked for more than once
        from edfi_toolkit.rules.totals import accounting

        return accounting(self)


def build(
    tables: Mapping[str, Any],
    *,
    profile: str,
    school_year: int | str | None = None,
    settings: Mapping[str, Any] | None = None,
) -> Build:
    """Build the associations that a profile's rules derive from canonical tables.

    tables: `Tables`, or a mapping of table name to DataFrame or list of dicts, which is normalised first.
    school_year: picks the row of `edfi_config`; named by the year it ends in.
    Raises ConfigError for an unknown profile, setting or school year. A bad row is skipped, never an exception.
    Source: docs/rules.
    """
    rules = profile_of(profile)
    values = rules.resolve(settings)
    school_year = None if school_year is None else read_school_year(school_year)
    if not isinstance(tables, Tables):
        if rules.prepare:
            tables = rules.prepare(tables, school_year, values)
        tables = normalise(tables)
    config = pick_config(tables, school_year)
    named = config.data_standard
    if named and standards.major(named) is not None and not (settings or {}).get(SETTING):
        values[SETTING] = named
    standards.nearest(str(values[SETTING]))  # raises where it names none
    with collector_paused():
        made = rules.build(tables, config, values)
    return with_standard_notices(_under_control(made, rules.preferences))


def build_for(
    standard: str | None,
    tables: Mapping[str, Any],
    *,
    profile: str,
    school_year: int | None,
    settings: Mapping[str, Any],
) -> Build:
    """As `build`, for the data standard that a target was found to have (COM-STD-1); None where it was not found."""
    if standard is None:
        return build(tables, profile=profile, school_year=school_year, settings=settings)
    made = build(tables, profile=profile, school_year=school_year, settings={**settings, SETTING: standard})
    return with_standard_notices(made, settings.get(SETTING))


def _under_control(made: Build, preferences: tuple[str, ...]) -> Build:
    """The build with what its control rows bring; without a record where one of them cannot be read (COM-CTL)."""
    t, owned = made.tables, made.scope.resources
    control = control_faults(t, made.config.school_year, owned, preferences)
    notices = together(made.notices, _default_config(t, made.config))
    made = replace(made, control=control, notices=notices, records=_marked(made.records, t.corrected()))
    if control.empty:
        return replace(made, notices=together(notices, ignored(t, owned)))
    return replace(made, records=made.records.iloc[:0], skipped=t.skipped, judged=made.judged.iloc[:0])


def _marked(records: pd.DataFrame, corrected: set[str]) -> pd.DataFrame:
    """The records, those that rest on a corrected row with the rule that says so (COM-COR-1)."""
    if not corrected or records.empty:
        return records
    refs = zip(records["rules"], records["source_refs"], strict=True)
    rules = [
        [*own, CORRECTED] if not corrected.isdisjoint(row_of(ref) for ref in rows) else own
        for own, rows in refs
    ]
    return records.assign(rules=pd.Series(rules, index=records.index, dtype=object))


def _default_config(t: Tables, config: Config) -> pd.DataFrame:
    """COM-CTL-2: the year that was assumed where no configuration is there at all."""
    year = str(config.school_year)
    says = f"There is no table edfi_config; {year} is taken to run from {config.config_start} to {config.config_end}."
    rows = (
        []
        if len(t.edfi_config) or t.skipped["table"].eq("edfi_config").any()
        else [("DEFAULT_CONFIG", "edfi_config", year, says)]
    )
    return pd.DataFrame(rows, columns=list(NOTICES))


@contextmanager
def collector_paused() -> Iterator[None]:
    """A build makes a million small lists that live on: searching them for cycles again and again finds nothing."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


def pick_config(tables: Tables, school_year: int | None) -> Config:
    """The one row of `edfi_config` a run works on; a default row where the year has none that can be read."""
    rows = tables["edfi_config"]
    years = sorted(int(year) for year in rows["school_year"])
    if school_year is None:
        if len(years) > 1:
            raise ConfigError(f"edfi_config holds the years {years}. Say which one with school_year.")
        if not years:
            raise ConfigError(
                "Which school year? Give school_year (2026 is 2025-26), or a table edfi_config."
            )
        school_year = years[0]
    own = rows[rows["school_year"] == school_year]
    return _config(own.iloc[0].to_dict() if len(own) else {"school_year": school_year})


def _config(row: dict[str, Any]) -> Config:
    """A row with the gaps filled: the year runs from July 1 of the year before to June 30 (docs/sources.md)."""
    given = {name: value for name, value in row.items() if not pd.isna(value)}
    year = int(given["school_year"])
    return Config(
        school_year=year,
        config_start=_day(given.get("config_start"), dt.date(year - 1, 7, 1)),
        config_end=_day(given.get("config_end"), dt.date(year, 6, 30)),
        profile=str(given.get("profile", "public")).lower(),
        valid=bool(given.get("valid", True)),
        data_standard=given.get("data_standard"),
    )


def _day(value: Any, default: dt.date) -> dt.date:
    return default if value is None else pd.Timestamp(value).date()

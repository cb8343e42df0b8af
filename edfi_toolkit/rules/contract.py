"""What a profile is, and which are installed: by the entry point group `edfi_toolkit.profiles`.

Everything outside a profile's folder asks the value here and never for a profile's name (docs/profiles.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import pandas as pd

from edfi_toolkit.errors import ConfigError, RulesError, did_you_mean
from edfi_toolkit.rules.settings import COMMON, Setting, resolve
from edfi_toolkit.synthetic import Synthetic
from edfi_toolkit.tables import Tables

if TYPE_CHECKING:
    from edfi_toolkit.rules.account import Account
    from edfi_toolkit.rules.building import Build, Config
    from edfi_toolkit.rules.events import Changes
    from edfi_toolkit.rules.explain.steps import Step

GROUP = "edfi_toolkit.profiles"
Settings = Mapping[str, Any]


class BuildRules(Protocol):
    """Canonical tables to records. With an `account` that traces, each step of each row is kept for `explain`."""

    def __call__(
        self, tables: Tables, config: Config, settings: Settings, /, *, account: Account | None = None
    ) -> Build: ...


class EventTable(Protocol):
    """The events of the manual: event id -> mask over the changes of a plan. A module is one."""

    @property
    def UNCHANGED(self) -> str:
        """The event of a record behind which nothing changed, or ""."""

    def of_new(self, new: Changes, known: Changes, build: Build) -> Mapping[str, Any]:
        """What may have made each new record."""

    def of_published(self, changes: Changes, build: Build) -> Mapping[str, Any]:
        """What happened to each published record."""


class Explanations(Protocol):
    """How the elements of one student's records came about, in words. A module is one."""

    @property
    def PREFERENCE(self) -> Mapping[str, str]:
        """Column of the winner -> why of two candidates with one key it decides."""

    @property
    def NO_REASON(self) -> str:
        """What a student lacks of whom no row was skipped and nothing is built."""

    def elements(self, candidate: Mapping[str, Any], tables: Tables, settings: Settings) -> Iterator[Step]:
        """The steps of one candidate."""

    def without_use(self, table: str, settings: Settings) -> tuple[str, str]:
        """Rule and sentence: why a row of this table was neither used nor skipped."""


@dataclass(frozen=True)
class When:
    """A condition: the setting has this value."""

    setting: str
    value: Any

    def holds(self, settings: Settings) -> bool:
        """Whether a build with these settings meets it."""
        return bool(settings.get(self.setting) == self.value)


@dataclass(frozen=True)
class Kept:
    """When published records that are no longer selected stay, and which rules' skips it concerns; none: all."""

    when: When
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class SchoolYearRule:
    """How the enrollments of another school year are known.

    skipped_by: the rule that leaves an enrollment to another year. cites: the rule that defines its year.
    years: the school year of each of these enrollments (a Series of whole numbers), given the tables.
    """

    skipped_by: str
    cites: str
    years: Callable[[pd.DataFrame, Tables], pd.Series]


def _organization_cell(filled: Mapping[str, str]) -> str:
    """Of a record's row itself, else of its override, else of its school."""
    known = (
        "program_participation.education_organization_id",
        "enrollments.override_ed_fi_school_id",
        "schools.ed_fi_school_id",
    )
    return next((name for name in known if name in filled), "")


@dataclass(frozen=True, kw_only=True)
class Profile:
    """One state's, or one certification's, rules and all that belongs to them.

    tables: the canonical tables its rules read; switches, configuration and descriptors are read for every profile.
    build, prepare: the rules; and what is done to hand-typed tables before they are normalised.
    catalogue: the TOML file with the sentence, next step, severity and source of each of its rules.
    events, explain: modules, see EventTable and Explanations.
    settings: its own ones, named `<prefix>.<name>`.
    suites: the folder of its expectation suites, `<profile>.source.<table>.json` and `<profile>.<resource>.json`.
    source_maps: name of a mapping -> TOML file, for `extract(mapping=...)`.
    synthetic: its invented districts.
    orphan_scope: whether a resync may delete what no source has, within `Build.scope`.
    school_year_rule: how rows of another year are known; None where rows have no year.
    keeps_deselected: settings that keep what was published though it is no longer selected.
    on_request: tables that are read under a condition only, so that their absence is no news otherwise.
    asks_target: when the target decides which students are published (`students.student_published`).
    empties: when a resync deletes all of a feed whose configuration publishes nothing.
    judges_dates: `beginDate`, `endDate`: those its own suites or notices judge instead of the common suites.
    descriptors: URIs in the standard's own namespace that only a target of this state has.
    preferences: the names of the rows of `preferences` that its rules read; they must be readable (COM-CTL-1).
    field_notices: codes of notices whose detail is the name of a field; the catalogue has the sentence.
    school_ids: the Ed-Fi id of each row of `schools`, by which lists name a school; as a rule the row's own.
    other_organizations: what lists call an organization that is no school, as the district, by its Ed-Fi id.
    organization_cell: of the filled cells of a record's source rows, as `table.column` with its text, the one that the
        record's organization comes from; empty where none does.
    school_cells: what that cell says for each row of `schools`; as a rule its Ed-Fi id.
    counted_at: by the id of each enrollment the key of the school whose cells its record is made of; as a rule its own.
    row_programs: by table, the program that each row alone asks for, for lists; missing where the row does not say.
        Of any other table it is the row's own `program_name`.
    """

    name: str
    tables: tuple[str, ...]
    build: BuildRules
    catalogue: Path
    events: EventTable
    explain: Explanations
    settings: tuple[Setting, ...] = ()
    suites: Path | None = None
    source_maps: Mapping[str, Path] = field(default_factory=dict)
    synthetic: Synthetic | None = None
    orphan_scope: bool = True
    school_year_rule: SchoolYearRule | None = None
    keeps_deselected: tuple[Kept, ...] = ()
    on_request: Mapping[str, When] = field(default_factory=dict)
    asks_target: When | None = None
    empties: When | None = None
    judges_dates: tuple[str, ...] = ()
    descriptors: tuple[str, ...] = ()
    preferences: tuple[str, ...] = ()
    field_notices: tuple[str, ...] = ()
    school_ids: Callable[[Tables], pd.Series] = lambda tables: tables.schools.ed_fi_school_id
    other_organizations: Callable[[Tables], Mapping[int, str]] = lambda tables: {}
    organization_cell: Callable[[Mapping[str, str]], str] = _organization_cell
    school_cells: Callable[[Tables], pd.Series] = lambda tables: tables.schools.ed_fi_school_id
    counted_at: Callable[[Tables], pd.Series] = lambda tables: (
        tables.enrollments.set_index("enrollment_id").school_id
    )
    row_programs: Mapping[str, Callable[[pd.DataFrame], pd.Series]] = field(default_factory=dict)
    prepare: Callable[[Mapping[str, Any], int | None, Settings], Mapping[str, Any]] | None = None

    def expected_tables(self, settings: Settings) -> tuple[str, ...]:
        """The tables that a source should have under these settings."""
        return tuple(
            name
            for name in self.tables
            if name not in self.on_request or self.on_request[name].holds(settings)
        )

    def resolve(self, given: Settings | None = None) -> dict[str, Any]:
        """Every setting of a build of this profile with its value; raises as `settings.resolve` does.

        A setting of another profile is checked and kept, so that one file may serve several.
        """
        own = (*COMMON, *self.settings)
        strange = (given or {}).keys() - {setting.name for setting in own}
        return resolve(given, own, all_settings() if strange else {})


@cache
def _entry_points() -> Mapping[str, EntryPoint]:
    return {point.name: point for point in sorted(entry_points(group=GROUP), key=lambda point: point.name)}


def profile_names() -> tuple[str, ...]:
    """The names of the installed profiles; none of them is loaded for this."""
    return tuple(_entry_points())


@cache
def profile(name: str) -> Profile:
    """An installed profile by its name.

    Raises ConfigError with the names there are; RulesError for an entry point that is no profile of its name.
    """
    if name not in _entry_points():
        known = ", ".join(profile_names()) or "none is installed; install the toolkit again (`make` does)"
        raise ConfigError(
            f"There is no profile {name!r}.{did_you_mean(name, profile_names())} Profiles: {known}."
        )
    found = _entry_points()[name].load()
    if not isinstance(found, Profile) or found.name != name:
        raise RulesError(
            f"The entry point {name} of {GROUP} leads to no Profile of that name. Correct it in the package."
        )
    return found


@cache
def profiles() -> Mapping[str, Profile]:
    """Every installed profile by its name."""
    return {name: profile(name) for name in profile_names()}


def all_settings() -> dict[str, Setting]:
    """The settings of every installed profile by their names, the common ones first."""
    own = (setting for one in profiles().values() for setting in one.settings)
    return {setting.name: setting for setting in (*COMMON, *own)}


def synthetic_of(name: str) -> Synthetic:
    """How invented districts of a profile are made. Raises ConfigError where it has none."""
    if found := profile(name).synthetic:
        return found
    raise ConfigError(f"There are no invented districts for {name!r}: its profile brings none.")

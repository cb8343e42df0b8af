"""What makes a plan too dangerous to carry out without a person saying so, and the likely mistake behind it. Pure.

The limits' defaults are in `settings.limits`; what each is for is in docs/concepts.md. A sentence names tables, columns
and numbers of organizations, never a student.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Any

import pandas as pd

from edfi_toolkit.errors import ConfigError, UnsafePlan
from edfi_toolkit.rules import Build
from edfi_toolkit.settings.limits import DEFAULT_LIMITS

CONTROL_UNREADABLE = "control-unreadable"
EMPTY_SOURCE = "empty-source"
MAX_DELETE_SHARE = "max-delete-share"
MAX_UPDATE_SHARE = "max-update-share"
NOT_PUBLISHED = "not-published"
MASS_DELETE = "mass-delete"
BREACHES = (CONTROL_UNREADABLE, EMPTY_SOURCE, NOT_PUBLISHED, MAX_DELETE_SHARE, MAX_UPDATE_SHARE)
NO_OVERRIDE = frozenset({CONTROL_UNREADABLE})  # COM-CTL-1: nothing is known that a person could answer for


MOST = 0.9  # the part of all deletes, or updates, that one cause must explain
_DAYS = ("begin_date", "start_date")
_NOT_THE_YEARS = ("calendars", "edfi_config")  # their days are the year's own, whatever the rows are
_ORGANIZATIONS = ("education_organization_id", "program_education_organization_id")


@dataclass(frozen=True)
class Guard:
    """One guardrail that a plan touches: its code, how grave it is, what it says and what to do."""

    code: str
    severity: str
    says: str
    hint: str


@dataclass(frozen=True)
class Override:
    """One person's word that one breach of one plan is meant."""

    breach: str
    person: str


GivenOverride = (
    Override | Mapping[str, str] | Sequence[str]
)  # a sequence: `breach:person` or (breach, person)


def guard(
    *,
    deletes: int,
    updates: int,
    mapped: int,
    source_is_empty: bool,
    settings: Mapping[str, Any],
    withheld: int = 0,
    configured: str = "",
    because: Mapping[str, Callable[[], str]] | None = None,
) -> list[Guard]:
    """All breaches and warnings of a plan.

    deletes: DELETE items, those of linked pairs too. updates: PUT items. mapped: records of the feed in this
        year.
    settings: max_delete_share, max_update_share (shares of `mapped`), free_changes (affected records up to
        which the shares do not apply), mass_delete_threshold.
    withheld: records of the feed that are published although the year's configuration, `configured`, now publishes
        nothing. because: by the code of a breach, what finds the mistake that would explain it.
    """
    because = because or {}
    limits = {name: settings.get(name, default) for name, default in asdict(DEFAULT_LIMITS).items()}
    free = limits["free_changes"]
    found = []
    if source_is_empty and mapped:
        found.append(
            _breach(
                EMPTY_SOURCE,
                f"The source holds no student, but {mapped} published records rest on it.",
                "Check that the extract is complete.",
            )
        )
    if withheld:
        found.append(
            _breach(
                NOT_PUBLISHED,
                f"The year's configuration says profile {configured}, which publishes nothing, but {withheld} records "
                "are published already and would be kept up no longer.",
                "Check the profile in edfi_config.",
            )
        )
    for code, verb, count, share in (
        (MAX_DELETE_SHARE, "delete", deletes, limits["max_delete_share"]),
        (MAX_UPDATE_SHARE, "update", updates, limits["max_update_share"]),
    ):
        if count > free and count > share * mapped:
            found.append(
                _breach(
                    code,
                    f"The plan would {verb} {count} of {mapped} published records; the limit is {share:.0%}. "
                    f"{because[code]() if code in because else ''}".strip(),
                    f"Look at what it would {verb} first; a cause is often one missing or changed table.",
                )
            )
    if deletes and deletes >= limits["mass_delete_threshold"] * mapped:
        found.append(
            Guard(
                MASS_DELETE,
                "warning",
                f"{deletes} of {mapped} published records would be deleted.",
                "Look at the reasons of these deletes before going on.",
            )
        )
    return found


def control_unreadable(faults: pd.DataFrame, published: int) -> Guard:
    """COM-CTL-1: nothing is planned, for control rows that cannot be read. faults: `detail` of each."""
    count, more = len(faults), f" And {len(faults) - 3} more." if len(faults) > 3 else ""
    return Guard(
        CONTROL_UNREADABLE,
        "critical",
        f"{count} control row{'s' * (count != 1)} cannot be read, so nothing is planned and all {published} published "
        f"records stay as they are: {' '.join(faults['detail'].head(3))}{more}",
        "Correct the rows in the source, then run again. No override opens this.",
    )


def _breach(code: str, says: str, hint: str) -> Guard:
    return Guard(
        code, "critical", says, f"{hint} If it is meant, override {code} in your name when publishing."
    )


def overrides_for(
    breaches: Sequence[str], overrides: Iterable[GivenOverride], *, says: Mapping[str, str] | None = None
) -> list[Override]:
    """The override of each breach, in the order of the breaches.

    overrides: `Override`s, pairs (breach, person), mappings with these two names, or texts `breach:person`.
    says: what each breach says, for the refusal.
    Raises UnsafePlan, carrying every breach without an override, or that none opens; ConfigError for an override that
        names no breach or no person.
    """
    given = {override.breach: override for override in map(_override, overrides)}
    closed = [breach for breach in breaches if breach in NO_OVERRIDE]
    missing = [breach for breach in breaches if breach in closed or breach not in given]
    if missing:
        sentences = " ".join(f"{breach}: {says[breach]}" for breach in missing if says and breach in says)
        todo = (
            f"No override opens {', '.join(closed)}: correct the source and run again."
            if closed
            else "Read the plan's findings; if it is meant, give an override for each, naming the breach and the "
            "person who answers for it."
        )
        raise UnsafePlan(
            f"The plan breaches {', '.join(missing)}; nothing was sent. {f'{sentences} ' if sentences else ''}{todo}",
            missing,
        )
    return [given[breach] for breach in breaches]


def _override(given: GivenOverride) -> Override:
    if isinstance(given, Override):
        breach, person = given.breach, given.person
    elif isinstance(given, Mapping):
        breach, person = given.get("breach", ""), given.get("person", "")
    elif isinstance(given, str):
        breach, _, person = given.partition(":")
    else:
        breach, person = given
    if breach not in BREACHES or not str(person or "").strip():
        raise ConfigError(
            f"An override names one breach ({', '.join(BREACHES)}) and one person, such as "
            f"{MAX_DELETE_SHARE}:'Ann Example'."
        )
    return Override(str(breach), str(person).strip())


# The likely mistake


def behind_deletes(items: pd.DataFrame, build: Build) -> str:
    """Why so many records would go: another year's rows, an empty table, a number typed wrong, or one reason.

    items: those of a plan (ITEMS). Returns an empty text where no single cause explains MOST of them.
    """
    gone = items[items["action"].eq("DELETE")]
    return (
        _another_year(build)
        or _empty_table(gone, build)
        or _moved_organization(gone, items)
        or _one_reason(gone)
    )


def behind_updates(items: pd.DataFrame) -> str:
    """Why so many records would change: the members that nearly all of them change."""
    return _one_reason(items[items["action"].eq("PUT")])


def _another_year(build: Build) -> str:
    """No row begins in the school year, and the newest lies before it, or the oldest after it."""
    days = pd.concat(
        [
            rows[column].dropna()
            for name, rows in build.tables.items()
            if name not in _NOT_THE_YEARS
            for column in _DAYS
            if column in rows
        ]
        or [pd.Series(dtype="datetime64[us]")]
    )
    first, last = pd.Timestamp(build.scope.config_start), pd.Timestamp(build.scope.config_end)
    if days.empty or days.between(first, last).any():
        return ""
    year = f"No row begins in the school year, {first:%Y-%m-%d} to {last:%Y-%m-%d}"
    if days.max() < first:
        return f"{year}; the newest begins on {days.max():%Y-%m-%d}. This looks like last year's file."
    return f"{year}; the oldest of those after it begins on {days[days > last].min():%Y-%m-%d}. Is the year right?"


def _empty_table(gone: pd.DataFrame, build: Build) -> str:
    named = [{ref.partition(":")[0] for ref in refs} for refs in gone["source_refs"]]
    for name, count in Counter(chain.from_iterable(named)).most_common():
        rows = build.tables.get(name)
        if count >= MOST * len(gone) and rows is not None and rows.empty:
            return f"The table {name} holds no rows, and {count} of these records rest on it."
    return ""


def _moved_organization(gone: pd.DataFrame, items: pd.DataFrame) -> str:
    """Keys that only changed their organization: one wrong number does that to every record of it."""
    old = gone[gone["pair"].notna()].set_index("pair")
    new = items[items["action"].eq("POST") & items["pair"].notna()].set_index("pair").reindex(old.index)
    for column in _ORGANIZATIONS:
        moved = old[column].ne(new[column]).to_numpy(dtype=bool)
        if moved.sum() >= MOST * len(gone) > 0:
            moves = pd.DataFrame({"old": old[column][moved], "new": new[column][moved]}).value_counts()
            was, becomes = moves.index[0]
            return (
                f"{int(moved.sum())} of these records only move to another organization, most of them from {was} to "
                f"{becomes}: look for a district's or school's number typed wrong."
            )
    return ""


def _one_reason(changed: pd.DataFrame) -> str:
    reasons = changed["reason"].str.partition(": ")[2].value_counts()
    if reasons.empty or reasons.iloc[0] < MOST * len(changed):
        return ""
    return f"For {int(reasons.iloc[0])} of them the reason is the same: {reasons.index[0]}"

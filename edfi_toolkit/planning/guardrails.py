"""What makes a plan too dangerous to carry out without a person saying so. Pure.

The limits' defaults are in `settings.limits`; what each is for is in docs/concepts.md. A sentence names tables, columns
and numbers of organizations, never a student.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from edfi_toolkit.errors import ConfigError, UnsafePlan
from edfi_toolkit.settings.limits import DEFAULT_LIMITS

CONTROL_UNREADABLE = "control-unreadable"
DELIVERED_BY_OTHER_FEED = "delivered-by-other-feed"
EMPTY_SOURCE = "empty-source"
MAX_DELETE_SHARE = "max-delete-share"
MAX_UPDATE_SHARE = "max-update-share"
NOT_PUBLISHED = "not-published"
MASS_DELETE = "mass-delete"
MASS_MOVE = "mass-move"
SOURCE_LOST = "source-lost"
SOURCE_SHRUNK = "source-shrunk"
BREACHES = (
    CONTROL_UNREADABLE,
    EMPTY_SOURCE,
    NOT_PUBLISHED,
    SOURCE_LOST,
    SOURCE_SHRUNK,
    MASS_DELETE,
    MASS_MOVE,
    MAX_DELETE_SHARE,
    MAX_UPDATE_SHARE,
    DELIVERED_BY_OTHER_FEED,
)
NO_OVERRIDE = frozenset({CONTROL_UNREADABLE})  # COM-CTL-1: nothing is known that a person could answer for
HALF = 0.5  # the part of all records from which a value that moved their keys is one mistake (COM-GRD-2a)


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
    removed: int = 0,
    moved: int = 0,
    withheld: int = 0,
    configured: str = "",
    because: Mapping[str, Callable[[], str]] | None = None,
) -> list[Guard]:
    """All breaches of a plan by what it would do.

    deletes: DELETE items, those of linked pairs too. updates: PUT items. removed: DELETE items without a linked POST.
    moved: records whose keys one changed value moves. mapped: records of the feed in this year, in a resync with those
        that it takes over or deletes although the ledger does not know them.
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
                f"The source gives no student that can be read, but {mapped} published records rest on it.",
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
    if _nearly_all(removed, mapped, limits["mass_delete_threshold"]):
        found.append(
            _breach(
                MASS_DELETE,
                f"The plan would delete {removed} of {mapped} published records for good. "
                f"{because[MASS_DELETE]() if MASS_DELETE in because else ''}".strip(),
                "Look at the reasons of these deletions first; a cause is often one missing or changed table.",
            )
        )
    if _nearly_all(moved, mapped, HALF):
        found.append(
            _breach(
                MASS_MOVE,
                because[MASS_MOVE](),
                "Check the value in the source; a number typed wrong moves every record to another key.",
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


def _nearly_all(count: int, mapped: int, share: float) -> bool:
    """All of two or more, or four or more that are at least a share."""
    return (count >= 2 and count >= mapped) or (count >= 4 and count >= share * mapped)


def lost_sources(sentences: Iterable[str]) -> list[Guard]:
    """COM-GRD-1. sentences: one for each table and column that fed published records."""
    return _as_one(
        SOURCE_LOST,
        sentences,
        "This looks like an export that failed, or a column that was renamed or left out. Put it back and run again.",
    )


def shrunk_sources(sentences: Iterable[str]) -> list[Guard]:
    """COM-GRD-3. sentences: one for each table that has lost its end, or too many rows."""
    return _as_one(
        SOURCE_SHRUNK, sentences, "Compare the number of rows with the SIS, export again and run again."
    )


def delivered_elsewhere(says: str, hint: str) -> Guard:
    """COM-SRC-2, for more than half of a plan."""
    return _breach(DELIVERED_BY_OTHER_FEED, says, hint)


def _as_one(code: str, sentences: Iterable[str], hint: str) -> list[Guard]:
    says = " ".join(sentences)
    return [_breach(code, says, hint)] if says else []


def _breach(code: str, says: str, hint: str) -> Guard:
    return Guard(
        code, "critical", says, f"{hint} If it is meant, answer for {code} in your name when you approve."
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
            else "Correct the source and run again; if it is meant, a person approves the run with a reason for each, "
            "in notebook 30 or by edfi-toolkit approve."
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

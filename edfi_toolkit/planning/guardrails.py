"""What makes a plan too dangerous to carry out without a person saying so (docs/concepts.md). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from edfi_toolkit.errors import ConfigError, UnsafePlan
from edfi_toolkit.settings.limits import DEFAULT_LIMITS

EMPTY_SOURCE = "empty-source"
MAX_DELETE_SHARE = "max-delete-share"
MAX_UPDATE_SHARE = "max-update-share"
NOT_PUBLISHED = "not-published"
MASS_DELETE = "mass-delete"
BREACHES = (EMPTY_SOURCE, NOT_PUBLISHED, MAX_DELETE_SHARE, MAX_UPDATE_SHARE)


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


def _breach(code: str, says: str, hint: str) -> Guard:
    return Guard(
        code, "critical", says, f"{hint} If it is meant, override {code} in your name when publishing."
    )


def overrides_for(
    breaches: Sequence[str], overrides: Iterable[Any], *, says: Mapping[str, str] | None = None
) -> list[Override]:
    """The override of each breach, in the order of the breaches.

    overrides: `Override`s, pairs (breach, person), mappings with these two names, or texts `breach:person`.
    says: what each breach says, for the refusal.
    Raises UnsafePlan, carrying every breach nobody answers for; ConfigError for an override that names no
    breach or no person.
    """
    given = {each.breach: each for each in (_override(each) for each in overrides)}
    missing = [breach for breach in breaches if breach not in given]
    if missing:
        told = " ".join(f"{breach}: {says[breach]}" for breach in missing if says and breach in says)
        raise UnsafePlan(
            f"The plan breaches {', '.join(missing)}; nothing was sent. {f'{told} ' if told else ''}Look at the "
            "plan's findings; if it is meant, give an override for each, naming the breach and the person who "
            "answers for it.",
            missing,
        )
    return [given[breach] for breach in breaches]


def _override(given: Any) -> Override:
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

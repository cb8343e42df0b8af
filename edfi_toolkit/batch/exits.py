"""Exit codes, the same for the command line and for notebooks that run unattended."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from enum import IntEnum
from typing import Any

from edfi_toolkit import errors


class Exit(IntEnum):
    """What a scheduler may conclude."""

    DONE = 0  # everything asked for is in the ODS
    FAILED = 1  # the run failed: a bug, a broken notebook
    SETTINGS = (
        2  # settings, command line, login, source or ledger are wrong and need a person; no record was sent
    )
    ATTENTION = 3  # finished, and some records are held or were refused
    GUARDED = 4  # refused by a guardrail, or the approved plan no longer holds; nothing was sent
    UNAVAILABLE = 5  # target, disk or ledger unavailable, another run at work, or interrupted: again resumes


# From the best to the worst: what running again repairs is better than what a person must fix first.
_GRAVITY = (Exit.DONE, Exit.ATTENTION, Exit.UNAVAILABLE, Exit.GUARDED, Exit.SETTINGS, Exit.FAILED)
_BY_ERROR: tuple[tuple[type[Exception], Exit], ...] = (
    (errors.ConfigError, Exit.SETTINGS),
    (errors.RulesError, Exit.SETTINGS),
    (errors.SourceError, Exit.SETTINGS),
    (errors.PlanError, Exit.GUARDED),
    (errors.OdsLostLogin, Exit.UNAVAILABLE),  # records were sent
    (errors.OdsRefusedLogin, Exit.SETTINGS),
    (errors.OdsError, Exit.UNAVAILABLE),
    (errors.LedgerBusy, Exit.UNAVAILABLE),
    (errors.LedgerUnavailable, Exit.UNAVAILABLE),
    (errors.LedgerError, Exit.SETTINGS),
    (errors.StorageUnavailable, Exit.UNAVAILABLE),
    (errors.RecordsLeftOut, Exit.ATTENTION),
)


def exit_of(error: BaseException | type[BaseException]) -> Exit:
    """The exit code of an exception, or of its class."""
    kind = error if isinstance(error, type) else type(error)
    return next((code for base, code in _BY_ERROR if issubclass(kind, base)), Exit.FAILED)


def exit_of_name(name: str) -> Exit:
    """The exit code of an exception known only by its class's name, as a notebook's output has it."""
    kind = getattr(errors, name, None)
    return exit_of(kind) if isinstance(kind, type) and issubclass(kind, Exception) else Exit.FAILED


def exit_of_steps(steps: Mapping[str, Any]) -> Exit:
    """The exit code of a run by what its steps left in the manifest.

    Rows that could not be read count as held: what was asked for is not in the ODS. A preview whose target could not be
    asked ends as what kept it from being asked. A publish that did not come to its end goes on when it is run again.
    """
    published = steps.get("publish", {})
    outcomes = published.get("outcomes", {})
    if not published.get("finished", True):
        return Exit.UNAVAILABLE
    if steps.get("preview", {}).get("breaches") and not published:
        return Exit.GUARDED
    if (unasked := steps.get("preview", {}).get("unasked")) and not published:
        return exit_of_name(unasked)
    if not outcomes.get("refused") and (outcomes.get("unsure") or outcomes.get("pending")):
        return Exit.UNAVAILABLE
    left_out = [
        outcomes.get("refused"),
        outcomes.get("pending"),
        outcomes.get("unsure"),
        steps.get("extract", {}).get("set_aside"),
        steps.get("validate", {}).get("held"),
        steps.get("validate", {}).get("critical"),
        steps.get("preview", {}).get("held"),
        steps.get("preview", {}).get("unread"),
    ]
    return Exit.ATTENTION if any(left_out) else Exit.DONE


def worst(exits: Iterable[Exit]) -> Exit:
    """The exit code of several runs together."""
    return max(exits, key=_GRAVITY.index, default=Exit.DONE)

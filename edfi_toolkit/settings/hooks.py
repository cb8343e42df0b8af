"""`[notify]` and `--notify`: which command gets the report, by outcome."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping

from edfi_toolkit.errors import ConfigError, did_you_mean
from edfi_toolkit.settings.file import Section

ANY = "any"
OUTCOMES = ("done", "attention", "unavailable", "guarded", "settings", "failed", ANY)
Hooks = Mapping[str, tuple[str, ...]]


def read_hooks(table: Section) -> Hooks:
    """The commands of `[notify]`, split as a shell would; no shell runs them."""
    table.allow(*OUTCOMES)
    hooks: dict[str, tuple[str, ...]] = {}
    for outcome in table.content:
        try:
            hooks[outcome] = tuple(shlex.split(table.text(outcome) or ""))
        except ValueError:
            raise table.error(outcome, "a quotation mark in it is not closed. Correct it.") from None
    return hooks


def hooks_given(pairs: Iterable[str] | None) -> Hooks:
    """`["guarded=mail -s stopped ann"]` as hooks. Raises ConfigError for an unknown outcome or an empty command."""
    hooks: dict[str, tuple[str, ...]] = {}
    for pair in pairs or ():
        outcome, _, command = pair.partition("=")
        if outcome not in OUTCOMES:
            raise ConfigError(
                f"--notify {pair}: write OUTCOME=COMMAND.{did_you_mean(outcome, OUTCOMES)} "
                f"Outcomes are {', '.join(OUTCOMES)}."
            )
        hooks |= read_hooks(Section({outcome: command}, "--notify", ""))
    return hooks

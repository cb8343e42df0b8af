"""The settings that decide where the manuals are silent, as data (docs/settings.md).

Pure: a name, a default, what else is allowed, and the rule, or the page, it belongs to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from edfi_toolkit.errors import ConfigError, did_you_mean
from edfi_toolkit.settings.limits import DEFAULT_LIMITS

_TRUE = {"true", "t", "yes", "y", "1"}
_FALSE = {"false", "f", "no", "n", "0"}
_GUARDRAILS = "docs/concepts.md#guardrails"


@dataclass(frozen=True)
class Needs:
    """What else must be set where a setting has the value `when`; `hint` is the next step."""

    when: Any
    settings: tuple[str, ...]
    hint: str


@dataclass(frozen=True)
class Setting:
    """One setting: `kind` is the type a value is read as; `choices` the texts allowed, empty when any is."""

    name: str
    default: Any
    rule: str
    means: str
    kind: type | str = str
    choices: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    needs: Needs | None = None


def choice(name: str, rule: str, means: str, *choices: str, needs: Needs | None = None) -> Setting:
    """A setting with these values, the first being the default."""
    return Setting(name, choices[0], rule, means, choices=choices, needs=needs)


def flag(name: str, default: bool, rule: str, means: str, *, needs: Needs | None = None) -> Setting:
    """A setting that is true or false."""
    return Setting(name, default, rule, means, kind=bool, needs=needs)


# The settings of every profile; a profile's own are in its folder.
COMMON: tuple[Setting, ...] = (
    Setting(
        "data_standard",
        "5.2",
        "COM-STD-1",
        "Data standard where no target was asked; a target's own outranks it.",
    ),
    Setting("descriptor_namespace", "uri://ed-fi.org", "COM-PAY-3", "Namespace that bare code values get."),
    choice("key_change", "COM-KEY-3", "How a changed key is sent.", "delete_then_post", "put_if_updatable"),
    choice(
        "future_dated",
        "COM-FUT-1",
        "Whether begins after as_of_date are sent.",
        "send",
        "suppress_future_begin",
        needs=Needs("suppress_future_begin", ("as_of_date",), "Set it to a day such as 2026-01-31."),
    ),
    Setting("as_of_date", None, "COM-FUT-1", "The day `future_dated` compares with.", kind=dt.date),
    flag("resync_repost", True, "REC-R3", "A record missing in the ODS is posted again by the same resync."),
    choice(
        "resync_orphans",
        "REC-R9",
        "What a resync does with ODS records that no source has.",
        "scoped",
        "report",
        "all",
    ),
    Setting(
        "max_delete_share",
        DEFAULT_LIMITS.max_delete_share,
        _GUARDRAILS,
        "Largest share of mapped records a plan may delete.",
        float,
        low=0,
        high=1,
    ),
    Setting(
        "max_update_share",
        DEFAULT_LIMITS.max_update_share,
        _GUARDRAILS,
        "Largest share of mapped records a plan may update.",
        float,
        low=0,
        high=1,
    ),
    Setting(
        "free_changes",
        DEFAULT_LIMITS.free_changes,
        _GUARDRAILS,
        "Affected records up to which the two shares do not apply.",
        int,
        low=0,
    ),
    Setting(
        "mass_delete_threshold",
        DEFAULT_LIMITS.mass_delete_threshold,
        _GUARDRAILS,
        "Share of mapped records from which four deletes or more are a breach.",
        float,
        low=0,
        high=1,
    ),
    Setting(
        "max_shrink_share",
        DEFAULT_LIMITS.max_shrink_share,
        _GUARDRAILS,
        "Largest share of a table's rows that may be gone, where ten or more are.",
        float,
        low=0,
        high=1,
    ),
)


def resolve(
    given: Mapping[str, Any] | None,
    own: Iterable[Setting],
    others: Mapping[str, Setting] = MappingProxyType({}),
) -> dict[str, Any]:
    """Each of these settings with its value: the given ones, checked, and defaults for the rest.

    others: settings that may be given too; they are checked, and kept where they are given.
    Raises ConfigError for an unknown name (with the nearest valid one) or a value that is not allowed.
    """
    known = {**others, **{setting.name: setting for setting in own}}
    values = {setting.name: setting.default for setting in own}
    for name, value in (given or {}).items():
        if name not in known:
            raise ConfigError(
                f"There is no setting {name!r}.{did_you_mean(name, known)} docs/settings.md lists them all."
            )
        values[name] = _read(known[name], value)
    for name, value in values.items():
        needs = known[name].needs
        if needs and value == needs.when and not all(values.get(name) for name in needs.settings):
            raise ConfigError(f"{name} = {value!r} needs {' and '.join(needs.settings)}. {needs.hint}")
    return values


def _read(setting: Setting, value: Any) -> Any:
    """One value as its setting's type. Values may come as text, from a command line or a notebook parameter."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return setting.default
    try:
        if setting.kind is bool:
            return _read_flag(value)
        if setting.kind is dt.date:
            return value if type(value) is dt.date else dt.date.fromisoformat(str(value)[:10])
        if setting.kind == "organization":
            return value if value in setting.choices else int(value)
        read = setting.kind(value) if isinstance(setting.kind, type) else value
    except (TypeError, ValueError):
        raise ConfigError(f"Setting {setting.name} cannot be {value!r}. {_allowed(setting)}") from None
    outside = (setting.low is not None and read < setting.low) or (
        setting.high is not None and read > setting.high
    )
    if outside or (setting.choices and read not in setting.choices):
        raise ConfigError(f"Setting {setting.name} cannot be {value!r}. {_allowed(setting)}")
    return read


def _read_flag(value: Any) -> bool:
    text = str(value).strip().lower()
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise ValueError


def _allowed(setting: Setting) -> str:
    if setting.kind is bool:
        return "Use true or false."
    if setting.kind is dt.date:
        return "Use a day as yyyy-mm-dd."
    if setting.kind == "organization":
        return f"Use one of {', '.join(setting.choices)}, or an education organization id."
    if setting.choices:
        return f"Use one of: {', '.join(setting.choices)}."
    return f"Use a number from {setting.low:g}" + (
        f" to {setting.high:g}." if setting.high is not None else " on."
    )

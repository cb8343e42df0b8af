"""The settings that decide where the manuals are silent, as data (docs/settings.md).

Pure: a name, a default, what else is allowed, and the rule, or the page, it belongs to.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edfi_toolkit.errors import ConfigError, did_you_mean
from edfi_toolkit.settings.limits import DEFAULT_LIMITS

_TRUE = {"true", "t", "yes", "y", "1"}
_FALSE = {"false", "f", "no", "n", "0"}
_GUARDRAILS = "docs/concepts.md#guardrails"


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


def _choice(name: str, rule: str, means: str, *choices: str) -> Setting:
    return Setting(name, choices[0], rule, means, choices=choices)


def _flag(name: str, default: bool, rule: str, means: str) -> Setting:
    return Setting(name, default, rule, means, kind=bool)


SETTINGS: dict[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting(
            "data_standard", "5.2", "NM-ELE-10", "Data standard of the target; decides where CTE details go."
        ),
        Setting(
            "descriptor_namespace", "uri://ed-fi.org", "COM-PAY-3", "Namespace that bare code values get."
        ),
        Setting("descriptor_preset", None, "WI-ELE-4", "A state's own descriptor URIs.", choices=("wi-dpi",)),
        _choice(
            "key_change", "COM-KEY-3", "How a changed key is sent.", "delete_then_post", "put_if_updatable"
        ),
        _choice(
            "future_dated",
            "COM-FUT-1",
            "Whether begins after as_of_date are sent.",
            "send",
            "suppress_future_begin",
        ),
        Setting("as_of_date", None, "COM-FUT-1", "The day `future_dated` compares with.", kind=dt.date),
        _flag(
            "strict_certification",
            False,
            "CERT-SEL-5",
            "Sheet-required properties that are missing skip the row.",
        ),
        _choice(
            "cert_year_token", "CERT-YEAR", "How 8/23/[Current School Year] is read.", "split", "literal"
        ),
        _flag(
            "resync_repost", True, "REC-R3", "A record missing in the ODS is posted again by the same resync."
        ),
        _choice(
            "resync_orphans",
            "REC-R9",
            "What a resync does with ODS records nobody knows.",
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
            "Share of deletes above which the preview warns.",
            float,
            low=0,
            high=1,
        ),
        _choice(
            "nm.begin_date_mode",
            "NM-MUL-1",
            "Every enrollment period, or the latest.",
            "each_period",
            "latest_only",
        ),
        Setting(
            "nm.program_edorg",
            "lea",
            "NM-ELE-2",
            "Owner of the CTE program.",
            kind="organization",
            choices=("lea", "school"),
        ),
        _choice(
            "nm.completion_from",
            "NM-ELE-9",
            "Source of the completion indicator.",
            "program_completed",
            "credential_earned",
            "omit",
        ),
        _choice("nm.cte_ds5", "NM-ELE-10", "CTE details on data standard 5.", "services", "omit"),
        _choice(
            "nm.student_published_from", "NM-SEL-1", "Who knows that a student is published.", "column", "ods"
        ),
        _choice("nm.enrolled_requires", "NM-SEL-2", "What enrols a student in CTE.", "row", "row_at_school"),
        _choice("nm.year_window", "NM-SEL-3", "First and last day of the year.", "config", "calendar"),
        _flag(
            "nm.require_exit_after_entry",
            False,
            "NM-SEL-7",
            "Leave out enrollments that end the day they begin.",
        ),
        _flag("nm.emit_end_date", False, "NM-ELE-11", "Send endDate."),
        _flag("nm.delete_deselected", True, "NM-EVT-4", "Delete what is no longer selected."),
        _choice(
            "wi.section504_resource",
            "WI-ELE-9",
            "Where Section 504 goes.",
            "studentProgramAssociations",
            "studentSection504ProgramAssociations",
        ),
        _flag("wi.ell_in_spa", False, "WI-ELL-0", "Build EL participation as a program association."),
        Setting("wi.ell_program_name", None, "WI-ELL-0", "Program name of EL participation."),
        Setting("wi.ell_program_type", None, "WI-ELL-0", "Program type of EL participation."),
        _choice(
            "wi.modality_enrollment_rules",
            "WI-ENR",
            "Enrollment rules for Instruction Mode.",
            "general",
            "block_only",
        ),
        _choice(
            "wi.enrollment_type_scope",
            "WI-ENR",
            "Triggers that the enrollment type restricts.",
            "modality",
            "all",
        ),
        _flag("wi.section504_requires_eligible", False, "WI-504-2", "Only eligible Section 504 records."),
        _choice(
            "wi.modality_before_enrollment",
            "WI-MOD-4",
            "Modality that starts before the enrollment.",
            "skip",
            "earliest_overlap",
        ),
        _choice(
            "wi.choice_resync", "WI-CFG-1", "What a resync does under a Choice profile.", "nothing", "delete"
        ),
        _choice(
            "wi.ceis_before_enrollment",
            "WI-CEIS-2",
            "CEIS that starts before the enrollment.",
            "skip",
            "use_enrollment_start",
        ),
        _flag(
            "wi.split_overlaps",
            False,
            "WI-MUL-3",
            "Cut overlapping records at the day before the next begins.",
        ),
        _choice(
            "wi.exclude_after_publish",
            "WI-EVT-18",
            "Records of a calendar or school excluded later.",
            "delete",
            "retain",
        ),
    )
}


def resolve(given: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Every setting with its value: the given ones, checked, and defaults for the rest.

    Raises ConfigError for an unknown name (with the nearest valid one) or a value that is not allowed.
    """
    values = {name: setting.default for name, setting in SETTINGS.items()}
    for name, value in (given or {}).items():
        if name not in SETTINGS:
            meant = did_you_mean(name, SETTINGS)
            raise ConfigError(f"There is no setting {name!r}.{meant} docs/settings.md lists them all.")
        values[name] = _read(SETTINGS[name], value)
    if values["future_dated"] == "suppress_future_begin" and values["as_of_date"] is None:
        raise ConfigError(
            "future_dated = 'suppress_future_begin' needs as_of_date. Set it to a day such as 2026-01-31."
        )
    if values["wi.ell_in_spa"] and not (values["wi.ell_program_name"] and values["wi.ell_program_type"]):
        raise ConfigError(
            "wi.ell_in_spa needs wi.ell_program_name and wi.ell_program_type; the state gives neither."
        )
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

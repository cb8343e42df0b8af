"""The suite files: one expectation as data, where the files are, and what is refused in one.

Great Expectations drops a type it does not know with a log line, and takes a pattern rule without a pattern;
a suite then passes because it checks less. Every file is therefore checked here before the library sees it.
"""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson

from edfi_toolkit.errors import ConfigError, ValidationError, what_failed
from edfi_toolkit.rules import profile_names, profiles
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.rules.contract import all_settings
from edfi_toolkit.settings import own_checks_dir
from edfi_toolkit.validation.check_texts import CHECK_TEXTS, SEVERITIES

Expectation = dict[str, Any]

DESCRIPTOR_URI = r"^[A-Za-z][A-Za-z0-9+.-]*://[^#\s]+#.*\S.*$"
NO_OUTER_SPACE = r"^\S(?:[\s\S]*\S)?$"
SCHOOL_YEAR: dict[str, Any] = {
    "min_date": {"$PARAMETER": "config_start"},
    "max_date": {"$PARAMETER": "config_end"},
}
PARAMETERS = ("config_start", "config_end", "school_year", "school_years")
# What a kind of rule cannot do without; the library's own defaults would let everything pass.
_NEEDS = {
    "expect_column_values_to_match_regex": ("regex",),
    "expect_column_values_to_not_match_regex": ("regex",),
    "expect_column_values_to_match_regex_list": ("regex_list",),
    "expect_column_values_to_not_match_regex_list": ("regex_list",),
    "expect_column_values_to_be_in_set": ("value_set",),
    "expect_column_values_to_not_be_in_set": ("value_set",),
    "expect_column_pair_values_a_to_be_greater_than_b": ("ignore_row_if",),
    "expect_column_pair_values_to_be_equal": ("ignore_row_if",),
    "expect_column_pair_values_to_be_in_set": ("ignore_row_if", "value_pairs_set"),
    "expect_compound_columns_to_be_unique": ("ignore_row_if",),
    "expect_select_column_values_to_be_unique_within_record": ("ignore_row_if",),
    "expect_multicolumn_sum_to_equal": ("ignore_row_if",),
}
_TYPE_NAMES = "it knows the names of numpy types only; JSON types are always checked"
_REFUSED = {
    "expect_column_values_to_be_of_type": _TYPE_NAMES,
    "expect_column_values_to_be_in_type_list": _TYPE_NAMES,
}
_META = ("rule_id", "says", "hint", "source")


def expectation(
    subject: str,
    kind: str,
    rule_id: str,
    *,
    says: str = "",
    hint: str = "",
    source: str = "",
    severity: str = "",
    needed_by: Sequence[str] = (),
    **kwargs: Any,
) -> Expectation:
    """One expectation in the format of Great Expectations; sentence, hint and severity default to the rule's
    own.

    rule_id: of this package's facts or of the catalogue of the rules. Its id depends on nothing but the subject, the
        rule and what it looks at, so a file written twice is the same.
    """
    fact = CHECK_TEXTS.get(rule_id) or RULES[rule_id]
    meta: dict[str, Any] = {
        "rule_id": rule_id,
        "says": says or fact.says,
        "hint": hint or fact.hint,
        "source": source or fact.source,
    }
    if needed_by:
        meta["needed_by"] = list(needed_by)
    return {
        "id": stable_id(subject, kind, rule_id, kwargs),
        "type": kind,
        "kwargs": kwargs,
        "severity": severity or fact.severity,
        "meta": meta,
    }


def stable_id(subject: str, kind: str, rule_id: str, kwargs: Mapping[str, Any]) -> str:
    """An id that is the same wherever and whenever it is made."""
    name = orjson.dumps([subject, kind, rule_id, kwargs], option=orjson.OPT_SORT_KEYS).decode()
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))


@dataclass(frozen=True)
class Suite:
    """One file's expectations; `subject` is `source.<table>` or an association's endpoint.

    profile: the one the suite is for; empty for all.
    """

    subject: str
    profile: str
    path: Path
    expectations: tuple[Expectation, ...]


def shipped_folder() -> Path:
    """Where the toolkit's own suites are: inside the installed package, else next to it in a checkout."""
    package = Path(__file__).resolve().parent.parent
    for folder in (package / "expectations", package.parent / "expectations"):
        if folder.is_dir():
            return folder
    raise ConfigError("The folder expectations is missing. Install the toolkit again.")


def load(environ: Mapping[str, str] = os.environ) -> dict[str, list[Suite]]:
    """All suites by subject: the shipped ones, those of the profiles, the checks of the workspace, then the folder that
    EDFI_EXPECTATIONS names.

    A file there with the name of one of the others takes its place; any other is added. Raises ConfigError when
    the folder does not exist, ValidationError naming the file and what is wrong with it.
    """
    folders = [shipped_folder(), *(profile.suites for profile in profiles().values() if profile.suites)]
    paths = {path.name: path for folder in folders for path in sorted(folder.glob("*.json"))}
    paths |= {path.name: path for path in sorted(own_checks_dir().glob("*.json"))}
    if own := environ.get("EDFI_EXPECTATIONS"):
        if not Path(own).is_dir():
            raise ConfigError(f"EDFI_EXPECTATIONS names {own}, which is no folder. Correct it or unset it.")
        paths |= {path.name: path for path in sorted(Path(own).glob("*.json"))}
    suites: dict[str, list[Suite]] = {}
    for path in paths.values():
        suite = read(path)
        suites.setdefault(suite.subject, []).append(suite)
    return suites


def read(path: Path) -> Suite:
    """One suite file, checked. `source.students.own.json` speaks about `source.students`, and
    `<profile>.source.students.json` about the same under that profile.

    Raises ValidationError naming the file, the rule and what is wrong with it.
    """
    parts = path.stem.split(".")
    profile = parts.pop(0) if parts[0] in profile_names() and parts[1:] else ""
    subject = ".".join(parts[:2]) if parts[0] == "source" else parts[0]
    return _suite_of(path, path.read_bytes(), subject, profile)


@lru_cache(maxsize=256)
def _suite_of(path: Path, text: bytes, subject: str, profile: str) -> Suite:
    """What a file says, worked out once as long as it says the same: a tenth of checking a small district."""
    try:
        content = orjson.loads(text)
    except orjson.JSONDecodeError as problem:
        raise ValidationError(
            f"{path.name} is not valid JSON ({what_failed(problem)}). Correct the file."
        ) from None
    if not isinstance(content, dict) or not isinstance(content.get("expectations"), list):
        raise ValidationError(f"{path.name} holds no list of expectations. Use a shipped suite as a pattern.")
    rules = [_complete(subject, rule) if _is_rule(rule) else rule for rule in content["expectations"]]
    problems = [
        f"{path.name}, {said}" for number, rule in enumerate(rules, 1) for said in _problems(rule, number)
    ]
    if problems:
        raise ValidationError("; ".join(problems) + ". Correct the file and validate again.")
    ids = [rule["id"] for rule in rules]
    if twice := sorted({rule["meta"]["rule_id"] for rule in rules if ids.count(rule["id"]) > 1}):
        raise ValidationError(
            f"{path.name} says the same thing twice: {', '.join(twice)}. Remove one of each."
        )
    return Suite(subject=subject, profile=profile, path=path, expectations=tuple(rules))


def _is_rule(rule: Any) -> bool:
    return (
        isinstance(rule, dict) and isinstance(rule.get("kwargs"), dict) and isinstance(rule.get("meta"), dict)
    )


def _complete(subject: str, rule: Expectation) -> Expectation:
    """A hand-written rule needs no id and is critical unless it says otherwise, as in Great Expectations
    itself."""
    given = stable_id(subject, str(rule.get("type")), str(rule["meta"].get("rule_id")), rule["kwargs"])
    return {"id": given, "severity": "critical", **rule}


def _problems(rule: Any, number: int) -> Iterator[str]:
    """What is wrong with one expectation, in words."""
    if not _is_rule(rule) or not isinstance(rule.get("type"), str):
        yield f"rule {number}: needs type (text), kwargs (object) and meta (object)"
        return
    kind, kwargs, meta = rule["type"], rule["kwargs"], rule["meta"]
    name = f"rule {number} ({meta.get('rule_id') or kind})"
    if lacking := [name for name in _META if not isinstance(meta.get(name), str) or not meta[name]]:
        yield f"{name}: meta lacks {', '.join(lacking)}"
    if rule["severity"] not in SEVERITIES:
        yield f"{name}: severity is none of {', '.join(SEVERITIES)}"
    if kind in _REFUSED:
        yield f"{name}: {kind} cannot be used, because {_REFUSED[kind]}"
    for needed in _NEEDS.get(kind, ()):
        if kwargs.get(needed) in (None, "", []):
            yield f"{name}: {kind} needs {needed}, without which it would let rows pass"
    if isinstance(kwargs.get("row_condition"), str):
        yield f"{name}: row_condition is text, which would be run as code; write it as an object"
    if strange := sorted(meta.get("settings", {}).keys() - all_settings().keys()):
        yield f"{name}: there is no setting {', '.join(strange)}, so it would never be asked"
    if unknown := [given for given in _parameters(kwargs) if given not in PARAMETERS]:
        yield f"{name}: there is no parameter {', '.join(unknown)}; use {', '.join(PARAMETERS)}"


def _parameters(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if "$PARAMETER" in value:
            yield str(value["$PARAMETER"])
        for member in value.values():
            yield from _parameters(member)

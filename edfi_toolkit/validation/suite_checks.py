"""The first two nets: the suites on the canonical tables, then those on the flattened records."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import ValidationError
from edfi_toolkit.model import associations, standards
from edfi_toolkit.privacy import is_personal, may_name
from edfi_toolkit.rules import Build
from edfi_toolkit.rules import profile as profile_of
from edfi_toolkit.tables import TABLES, Tables
from edfi_toolkit.validation import gx
from edfi_toolkit.validation.expectation_kinds import in_words
from edfi_toolkit.validation.findings import Collected
from edfi_toolkit.validation.flatten import RECORDS, Flat, frame_of
from edfi_toolkit.validation.suite_files import Expectation, Suite

_IN_ORDER = "expect_column_pair_values_a_to_be_greater_than_b"
Suites = Mapping[str, Sequence[Suite]]


def known_subjects(suites: Suites) -> None:
    """A suite that nothing will ever be checked against is a misspelt file name. Raises ValidationError."""
    known = {*associations(), *(f"source.{table}" for table in TABLES)}
    for subject, of_subject in suites.items():
        if subject not in known:
            raise ValidationError(
                f"{of_subject[0].path.name} speaks about {subject}, which is neither an association nor "
                "source.<table>. Rename the file."
            )
    if lacking := [endpoint for endpoint in associations() if endpoint not in suites]:
        raise ValidationError(f"There is no suite for {', '.join(lacking)}. Install the toolkit again.")


def check_tables(build: Build, suites: Suites, collected: Collected) -> None:
    """Source expectations: every doubtful cell of every row of the tables that this build was given."""
    for subject, of_subject in suites.items():
        if not subject.startswith("source."):
            continue
        table = subject.removeprefix("source.")
        frame = build.tables[table]
        for suite in of_subject:
            rules = gx.about(frame, [rule for rule in _asked(suite, build) if _is_needed(rule, build)])
            if not rules:
                continue
            ids = row_ids(frame, TABLES[table].primary_key).to_numpy(dtype=object)
            for outcome in run_on_table(build.tables, table, rules, suite.path.name, _parameters(build)):
                rule = outcome.expectation
                texts = _texts(outcome, suite)
                if outcome.error or outcome.failed:
                    where: Any = [None]
                else:
                    where = ids[list(outcome.labels)]
                    texts |= _with_both(rule, texts, frame, outcome.labels)
                collected.add_rows(rule["meta"]["rule_id"], table, where, **texts)


def run_on_table(
    tables: Tables, table: str, rules: Sequence[Expectation], file: str, parameters: Mapping[str, Any]
) -> list[gx.Outcome]:
    """Evaluate expectations on a canonical table; those with `as_written` in their meta on the texts of the source."""
    schema, plain = TABLES[table], tables[table]
    if nested := [column.name for column in schema.columns.values() if column.type == "json"]:
        plain = plain.drop(columns=nested)
    if table == "preferences":  # their names compare without regard to case
        plain = plain.assign(name=plain["name"].str.casefold())
    as_written = [rule for rule in rules if rule["meta"].get("as_written")]
    outcomes = gx.run(
        plain, [rule for rule in rules if rule not in as_written], file=file, parameters=parameters
    )
    if as_written:
        typed = [name for name in plain if not schema.columns[name].keeps_text]
        texts = tables.written.get(table, pd.DataFrame(index=plain.index)).astype("str")
        # A column whose texts are not known is missing: an error, no pass.
        written = plain.drop(columns=typed).join(texts)
        outcomes += gx.run(written, as_written, file=file, parameters=parameters)
    return outcomes


def check_records(
    build: Build, flats: Mapping[str, tuple[Flat, np.ndarray]], suites: Suites, collected: Collected
) -> None:
    """Association expectations. flats: by endpoint the flattened bodies and the position of each in the
    records."""
    for endpoint, (flat, positions) in flats.items():
        collected.offsets = positions
        for suite in suites[endpoint]:
            asked = [rule for rule in _asked(suite, build) if not _of_another_standard(rule, flat)]
            for path, rules in _by_frame(asked, suite).items():
                if path not in flat.frames:
                    names = ", ".join(rule["meta"]["rule_id"] for rule in rules)
                    raise ValidationError(
                        f"{suite.path.name}: {endpoint} has no {path} ({names}). Correct the column."
                    )
                frame = flat.frames[path]
                if path and frame.empty:
                    continue  # no items: whether there must be some is a rule about the records
                records = frame["record"].to_numpy() if path else np.arange(len(frame))
                for outcome in gx.run(frame, rules, file=suite.path.name, parameters=_parameters(build)):
                    every = outcome.error or outcome.failed
                    at = np.arange(len(positions)) if every else records[list(outcome.labels)]
                    rule, texts = outcome.expectation, _texts(outcome, suite)
                    if not every:
                        texts |= _with_both(rule, texts, frame, outcome.labels)
                    collected.add(rule["meta"]["rule_id"], at, **texts)
        collected.offsets = None


def _of_another_standard(rule: Expectation, flat: Flat) -> bool:
    """Whether a rule speaks about a member that other data standards have and this one has not."""
    tops = {column.partition(".")[0].removesuffix("[*]") for column in gx.columns_of(rule)}
    return not tops.isdisjoint(standards.elsewhere(flat.endpoint, flat.standard))


def row_ids(frame: pd.DataFrame, primary_key: Sequence[str]) -> pd.Series:
    """The primary key of each row as one text, its parts joined by `+`."""
    first, *more = (frame[name].astype("str").reset_index(drop=True) for name in primary_key)
    return first.str.cat(more, sep="+") if more else first


def _asked(suite: Suite, build: Build) -> list[Expectation]:
    """The rules that hold for this build's profile and settings; one that names none holds for all."""
    profile = build.scope.profile
    if suite.profile not in ("", profile):
        return []
    judged = profile_of(profile).judges_dates
    return [
        rule
        for rule in suite.expectations
        if profile in rule["meta"].get("profiles", [profile])
        and not (rule["meta"]["rule_id"] == "YEAR" and rule["kwargs"]["column"] in judged)
        and all(
            build.settings.get(name) in values for name, values in rule["meta"].get("settings", {}).items()
        )
    ]


def _is_needed(rule: Expectation, build: Build) -> bool:
    """An empty table is correct as long as nothing depends on it (`meta.needed_by`)."""
    needed_by = rule["meta"].get("needed_by")
    return needed_by is None or any(len(build.tables[table]) for table in needed_by)


def _by_frame(rules: Sequence[Expectation], suite: Suite) -> dict[str, list[Expectation]]:
    """Rules by the frame their columns belong to. Raises ValidationError when a rule names two."""
    frames: dict[str, list[Expectation]] = {}
    for rule in rules:
        paths = {frame_of(column) for column in gx.columns_of(rule)} or {RECORDS}
        if len(paths) > 1:
            raise ValidationError(
                f"{suite.path.name}, rule {rule['meta']['rule_id']}: its columns belong to different "
                "collections. Make two rules of it."
            )
        frames.setdefault(paths.pop(), []).append(rule)
    return frames


def _parameters(build: Build) -> dict[str, Any]:
    """What a suite may ask for with `$PARAMETER`."""
    return {
        "config_start": str(build.config["config_start"])[:10],
        "config_end": str(build.config["config_end"])[:10],
        "school_year": int(build.config["school_year"]),
        "school_years": [int(build.config["school_year"])],
    }


def _texts(outcome: gx.Outcome, suite: Suite) -> dict[str, Any]:
    """Field, sentence, hint and severity of a finding; at least a warning when the rule could not run."""
    rule = outcome.expectation
    meta, severity = rule["meta"], rule["severity"]
    columns = sorted(gx.columns_of({**rule, "kwargs": {**rule["kwargs"], "row_condition": None}}))
    texts = {
        "field": ", ".join(columns).replace("[*]", "") or None,
        "says": meta["says"],
        "hint": meta["hint"],
    }
    if outcome.error:
        lacking = ", ".join(outcome.missing)
        why = f"there is no column {lacking}" if lacking else "its column is of another kind"
        return {
            **texts,
            "severity": "critical" if severity == "critical" else "warning",
            "says": f"This rule could not be checked, because {why}: {meta['says']}",
            "hint": f"Correct the rule in {suite.path.name}, or the mapping of the column.",
        }
    if outcome.tolerated:
        severity = {"critical": "warning"}.get(severity, "info")
    return {**texts, "severity": severity}


def _with_both(
    rule: Expectation, texts: Mapping[str, Any], frame: pd.DataFrame, labels: Sequence[int]
) -> dict[str, Any]:
    """Sentence and hint for each row with both values that the rule compares, where they are days or numbers.

    The hint has what would be right, where one is to be no less than the other.
    Nothing where it compares no two columns, and nothing of other texts: one can name a person.
    """
    columns = [rule["kwargs"].get(name) for name in ("column_B", "column_A")]  # of a period the begin is B
    if not labels or not all(
        isinstance(name, str) and name in frame and not is_personal(name) for name in columns
    ):
        return {}
    names, at = [in_words(name) for name in columns], list(labels)
    values = [frame[name].iloc[at].map(cell_text) for name in columns]
    both = list(zip(*values, strict=True))
    if any(may_name(text) for pair in both for text in pair):
        return {}
    says, hint = texts["says"].rstrip("."), texts["hint"].rstrip(".")
    found = {
        "says": [f"{says}: {names[0]} {b or 'empty'}, {names[1]} {a or 'empty'}." for b, a in both],
    }
    if rule["type"] == _IN_ORDER and rule["kwargs"].get("or_equal"):
        right = "{hint}: the {1} to {b} or later, or the {0} to {a} or earlier."
        found["hint"] = [right.format(*names, hint=hint, a=a, b=b) for b, a in both]
    return found

"""What was built of one student, what collapsed, why nothing was built, and what the ODS has already."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from edfi_toolkit.model import KEY_COLUMNS, Body, canonical
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.rules.explain.steps import Step, day

if TYPE_CHECKING:
    from edfi_toolkit.rules.building import Build

Row = dict[Any, Any]


def collapsed(candidates: list[Row], records: pd.DataFrame, preference: Mapping[str, str]) -> Iterator[Step]:
    """DUP_KEY: the candidates with the key of another, and why the other one is sent."""
    refs_of = {_key(record): record["source_refs"] for record in records.to_dict("records")}
    rivals: dict[Any, list[Row]] = {}
    for candidate in candidates:
        rivals.setdefault(_key(candidate), []).append(candidate)
    for key, of_one_key in rivals.items():
        first = _winner(of_one_key, refs_of[key])
        for loser in of_one_key:
            if loser is not first:
                decisive = (why for name, why in preference.items() if loser[name] != first[name])
                table, _, row_id = loser["ref"].partition(":")
                says = f"Has the same key as {_name(first)}, which is sent: {next(decisive)}."
                yield table, row_id, "collapsed", "DUP_KEY", says


def _key(row: Row) -> tuple[str, ...]:
    return row["resource"], day(row["begin_date"]), *(str(row[name]) for name in KEY_COLUMNS[1:])


def _winner(rivals: list[Row], refs: list[str]) -> Row:
    """The candidate a record was made of: its trigger is the first reference, its enrollment the next one."""
    enrollment = next((ref for ref in refs[1:] if ref.startswith("enrollments:")), "")
    of_trigger = [rival for rival in rivals if rival["ref"] == refs[0]]
    with_it = [rival for rival in of_trigger if f"enrollments:{rival.get('enrollment_id')}" == enrollment]
    return (with_it or of_trigger)[0]


def _name(candidate: Row) -> str:
    """The trigger and, where that is a row of its own, the enrollment."""
    ref = str(candidate["ref"])
    return ref if "#" in ref or "enrollment_id" not in candidate else f"{ref}, {candidate['enrollment_id']}"


def built(again: Build) -> Iterator[Step]:
    """Each record and what it rests on; where its resource is switched off."""
    switches = again.tables["resource_preferences"]
    off = set(switches.loc[~switches["enabled"], "resource"])
    for record in again.records.to_dict("records"):
        table, _, row_id = record["source_refs"][0].partition(":")
        body: Body = record["body"]
        program, end = body["programReference"], body.get("endDate", "")
        says = (
            f"{record['resource']}: {program['programName']} of {program['educationOrganizationId']}, at "
            f"{record['education_organization_id']}, from {body['beginDate']}{f' to {end}' if end else ''}; "
            f"rests on {', '.join(record['source_refs'])}."
        )
        yield table, row_id, "built", ", ".join(record["rules"]), says
        if record["resource"] in off:
            says = f"{record['resource']} is switched off in resource_preferences; what was sent stays."
            yield table, row_id, "not sent", "COM-TOG-1", says
        elif not again.publishes:
            says = "The configuration of the year is marked invalid, so nothing is sent."
            yield "edfi_config", str(again.config.school_year), "not sent", "", says


def nothing_built(again: Build, found: pd.DataFrame, unreadable: pd.DataFrame, words: Any) -> Iterator[Step]:
    """Why not, in a sentence or two. unreadable: the rows that could not be read."""
    if len(again.records):
        return
    says, rule_id = "No association is built for this student.", ""
    if len(again.skipped):
        rule_id, detail = again.skipped[["rule", "detail"]].iloc[0]
        says = f"{says} The first reason: {detail} {RULES[rule_id].hint}"
    elif len(unreadable):
        rule_id = unreadable["rule"].iloc[0]
        row = f"{unreadable['table'].iloc[0]} {unreadable['id'].iloc[0]}"
        says = f"{says} A row that could not be read is missing: {row}."
    elif found.empty:
        says = f"{says} The student is in no table."
    else:
        says = f"{says} {words.NO_REASON}"
    yield "", "", "nothing built", rule_id, says


def sent_before(
    identity_map: pd.DataFrame | None, unique_ids: set[str], records: pd.DataFrame
) -> Iterator[Step]:
    """What the ODS has of this student by the identity map, next to what is built now."""
    if identity_map is None or identity_map.empty:
        return
    now = {_key(record): record["body"] for record in records.to_dict("records")}
    for row in identity_map[identity_map["student_unique_id"].isin(unique_ids)].to_dict("records"):
        refs = row.get("source_refs")
        came_from = ", ".join(refs) if isinstance(refs, list) and refs else "a row that was not written down"
        says = (
            f"{row['program_name']} from {day(row['begin_date'])} is in the ODS; it came from {came_from}. "
            f"{_compared(row.get('last_body'), now.get(_key(row)))}"
        )
        yield row["resource"], str(row["ed_fi_id"]), "sent before", "", says


def _compared(sent: Any, now: Body | None) -> str:
    """What was sent next to what is built now under the same key."""
    if now is None:
        return "No record with this key is built now."
    if isinstance(sent, str | bytes):
        sent = orjson.loads(sent)
    if not isinstance(sent, Mapping):
        return "What was sent is not known."
    names = sorted({*sent, *now})
    changed = [
        name for name in names if canonical({name: sent.get(name)}) != canonical({name: now.get(name)})
    ]
    return (
        f"The record built now differs in {', '.join(changed)}."
        if changed
        else "The record built now is equal."
    )

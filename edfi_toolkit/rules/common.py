"""COM-*: what all profiles share. Candidates (one row per association to be) become records.

A candidate row has the columns of CANDIDATE; a profile may add more, to rank duplicates for example.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from edfi_toolkit.model import KEY_COLUMNS, Body, descriptor_uri
from edfi_toolkit.model.bodies import BodyDtype
from edfi_toolkit.model.frames import among
from edfi_toolkit.model.refs import TRIGGER
from edfi_toolkit.rules.account import Account, first_failing
from edfi_toolkit.rules.bodies import bodies, day_texts
from edfi_toolkit.rules.catalogue import rule
from edfi_toolkit.rules.frames import earlier_of, translate
from edfi_toolkit.tables import Tables

# What is one for all records that differ in begin_date at most; `person` is a rank of student_unique_id.
GROUP = ["resource", *KEY_COLUMNS[1:-1], "person"]
TYPES: dict[str, Any] = {
    "resource": "str",
    "begin_date": "datetime64[us]",
    "education_organization_id": "Int64",
    "program_education_organization_id": "Int64",
    "program_name": "str",
    "program_type_descriptor": "str",
    "student_unique_id": "str",
    "body": BodyDtype(),
    "body_hash": "str",
    "source_refs": object,
    "rules": object,
}
RECORDS = list(TYPES)
# Rows a record may rest on besides its trigger: column of the candidate -> table (COM-SRC-1).
RESTS_ON = {
    "enrollment_id": "enrollments",
    "student_id": "students",
    "calendar_id": "calendars",
    "school_id": "schools",
}
# What a record is made of; a candidate may have more, to be ranked and explained by.
PARTS = ["resource", *KEY_COLUMNS, "end_date", "members", "rules", "ref", *RESTS_ON, "more_refs"]


class Descriptors:
    """Code values to URIs: as they are, else by `descriptor_map`, else by a state's preset, else in the namespace
    (COM-PAY-3).

    preset: descriptor name -> code value -> URI.
    """

    def __init__(
        self, tables: Tables, namespace: str, *, preset: Mapping[str, Mapping[str, str]] | None = None
    ) -> None:
        self._namespace, self._preset = namespace, preset or {}
        mapped = tables["descriptor_map"]
        self._map = {
            (name, str(code).casefold()): uri
            for name, code, uri in zip(
                mapped["descriptor"], mapped["local_code"], mapped["ed_fi_uri"], strict=True
            )
        }

    def uri(self, name: str, code: str) -> str:
        """One code value or URI as URI."""
        if "://" in code and "#" in code:
            return code
        chosen = self._map.get((name, code.casefold())) or self._preset.get(name, {}).get(code)
        return chosen or descriptor_uri(name, code, namespace=self._namespace)

    def uris(self, name: str, codes: pd.Series) -> pd.Series:
        """A column of code values as URIs; missing stays missing."""
        return translate(codes, lambda code: self.uri(name, code))


def with_published(t: Tables, unique_ids: Iterable[str]) -> Tables:
    """The tables, published being those students whose unique id is one of these: the ones a target holds.

    Of a student without a unique id it is not known, which deselects nothing.
    """
    known = t.students["student_unique_id"]
    held = among(known, pd.Series([*unique_ids], dtype="str")).astype("boolean")
    students = t.students.assign(student_published=held.mask(known.isna()))
    return t.replacing({"students": students})


def suppress_future(candidates: pd.DataFrame, settings: Mapping[str, Any]) -> pd.Series:
    """COM-FUT-1: the candidates whose begin lies after `as_of_date`, when the setting holds them back."""
    if settings["future_dated"] == "send":
        return pd.Series(False, index=candidates.index)
    return candidates["begin_date"].gt(pd.Timestamp(settings["as_of_date"]))


def both_days(
    rule_id: str, rows: pd.DataFrame, start: str = "start_date", end: str = "end_date"
) -> dict[str, Callable[[], pd.Series]]:
    """`details` of a skip by this rule: its sentence, with both days where the end is not after the start."""

    def sentences() -> pd.Series:
        says = pd.Series(rule(rule_id).says, rows.index, dtype=object)
        short = rows.loc[rows[end].le(rows[start]), [start, end]]
        named = [name.replace("_", " ") + " " + day_texts(short[name]) for name in (start, end)]
        spelled = says[short.index].str.rstrip(".") + ": " + named[0] + ", " + named[1] + "."
        return spelled.reindex(rows.index).fillna(says)

    return {rule_id: sentences}


def drop_candidates(candidates: pd.DataFrame, rules: Mapping[str, Any], account: Account) -> pd.DataFrame:
    """The candidates that no rule drops. A trigger row is reported as skipped when none of its candidates is left."""
    failing = first_failing(candidates, rules)
    if failing.isna().all():
        return candidates
    dropped, kept = candidates[failing.notna()], candidates[failing.isna()]
    lost = ~among(dropped["ref"], kept["ref"]) & ~dropped.duplicated("ref")
    for table, rows in ref_parts(dropped.loc[lost, "ref"]).groupby("table"):
        account.skip(rows["id"], str(table), failing[rows.index])
    return kept


def present(names: Iterable[str], values: Iterable[Any]) -> Body:
    """A body of the members that have a value."""
    return {
        name: value
        for name, value in zip(names, values, strict=True)
        if value is not None and not pd.isna(value)
    }


def assemble(
    candidates: pd.DataFrame,
    account: Account,
    *,
    winner: Sequence[tuple[str, bool]],
    warn_overlaps: bool = True,
    cut_by: str = "",
) -> pd.DataFrame:
    """Records from candidates: one per key (DUP_KEY), with bodies and references.

    candidates: what PARTS names, the columns of `winner`, and `person`, the rank of student_unique_id.
    winner: how equal keys are decided, as (column, ascending) pairs; the first row after sorting wins.
    cut_by: the rule that ends a record on the day before the next of its student, place and program begins.
    Notices: DUP_KEY, SHARED_UNIQUE_ID, OVERLAP.
    """
    if candidates.empty:
        return empty_records()
    shared_unique_ids(candidates, account)
    records = one_per_key(candidates, account, winner)
    if cut_by:
        records["end_date"] = without_overlaps(records, cut_by, account)
    if warn_overlaps:
        overlaps(records, account)
    records["body"], hashes = bodies(records)
    records["body_hash"] = pd.array(hashes, dtype="str")
    others = {
        name: dtype for name, dtype in TYPES.items() if dtype is not object and records[name].dtype != dtype
    }
    return records[RECORDS].astype(others) if others else records[RECORDS]


def empty_records() -> pd.DataFrame:
    """No records, with the columns and types of records."""
    return pd.DataFrame({name: pd.Series(dtype=dtype) for name, dtype in TYPES.items()})


def source_refs(candidates: pd.DataFrame) -> list[list[str]]:
    """COM-SRC-1: the trigger first, then every other row the record rests on (RESTS_ON and `more_refs`)."""
    named = {
        column: table
        for column, table in RESTS_ON.items()
        if column in candidates and candidates[column].notna().any()
    }
    columns = (refs_to(table, candidates[column]) for column, table in named.items())
    refs = zip(candidates["ref"].tolist(), *columns, strict=True)
    if "more_refs" in candidates:
        rows = [[*row, *more] for row, more in zip(refs, candidates["more_refs"].tolist(), strict=True)]
    else:
        rows = list(map(list, refs))
    if all(candidates[name].notna().all() for name in named):
        return rows
    return [[ref for ref in row if isinstance(ref, str)] for row in rows]


def refs_to(table: str, ids: pd.Series) -> list[str | None]:
    """Ids of a table as references. There are few calendars and schools, so their records share one text for each."""
    if table not in ("calendars", "schools"):
        return (f"{table}:" + ids).tolist()
    numbers, distinct = pd.factorize(ids)
    texts = [*(f"{table}:{row_id}" for row_id in distinct), None]
    return np.array(texts, dtype=object)[numbers].tolist()


def ref_parts(refs: pd.Series) -> pd.DataFrame:
    """`table` and `id` of source references, the trigger's name left off."""
    texts = pc.replace_substring_regex(
        pa.array(refs.astype("str"), pa.large_string()), TRIGGER.pattern, r"\1"
    )
    parts = pc.extract_regex(texts, r"^(?P<table>[^:]+):(?P<id>.*)$")
    return pd.DataFrame(
        {
            part: pd.Series(pc.coalesce(pc.struct_field(parts, part), texts), refs.index, dtype="str")
            for part in ("table", "id")
        }
    )


def one_per_key(
    candidates: pd.DataFrame, account: Account, winner: Sequence[tuple[str, bool]]
) -> pd.DataFrame:
    """Candidates in the order of their keys, with references, and a number in `group` for all that differ in begin_date
    at most. Candidates with one natural key collapse to the winner; the losers join its references (COM-SKP-1)."""
    group, begin = candidates.groupby(GROUP).ngroup().to_numpy(), candidates["begin_date"].to_numpy()
    preference = [candidates[name].to_numpy() * (1 if ascending else -1) for name, ascending in winner]
    order = np.lexsort([*reversed(preference), begin, group])
    group, begin = group[order], begin[order]
    first = np.append(True, (group[1:] != group[:-1]) | (begin[1:] != begin[:-1]))
    candidates = candidates[[name for name in PARTS if name in candidates]]
    records = candidates.take(order[first]).reset_index(drop=True).assign(group=group[first])
    refs = source_refs(records)
    if not first.all():
        losers, won_by = candidates.take(order[~first]), np.cumsum(first)[~first] - 1
        winning_ref = records["ref"].take(won_by).set_axis(losers.index)
        notice_of(losers, "DUP_KEY", account, "Has the same key as " + winning_ref + ", which was built.")
        for record, more in zip(won_by, source_refs(losers), strict=True):
            refs[record] = list(dict.fromkeys([*refs[record], *more]))
    return records.assign(source_refs=pd.Series(refs, dtype=object))


def notice_of(rows: pd.DataFrame, code: str, account: Account, detail: Any = None) -> None:
    """A notice for each candidate or record, under the table and id of its trigger row."""
    if len(rows):
        trigger = ref_parts(rows["ref"])
        account.notice(code, trigger["id"], trigger["table"], detail)


def shared_unique_ids(candidates: pd.DataFrame, account: Account) -> None:
    """SHARED_UNIQUE_ID: two persons of the SIS carry one state id."""
    people, person = candidates[["person", "student_id"]], candidates["person"].to_numpy()
    row_of = np.empty(person.max() + 1, dtype=np.int64)
    row_of[person] = np.arange(len(person))  # one of the rows of each id, whichever
    others = people["student_id"].ne(people["student_id"].take(row_of[person]).set_axis(people.index))
    if others.any():
        shared = people[people["person"].isin(people.loc[others, "person"])].drop_duplicates()
        account.notice("SHARED_UNIQUE_ID", shared["student_id"], "students")


def overlaps(records: pd.DataFrame, account: Account) -> None:
    """COM-VAL-2: a record that begins before an earlier one of the same student, place and program ends."""
    several = records[records.duplicated("group", keep=False)]
    if several.empty:
        return
    far = pd.Timestamp.max.floor("D").as_unit("us")
    last_end = several["end_date"].fillna(far).groupby(several["group"]).cummax()
    late = several[several["begin_date"].lt(last_end.groupby(several["group"]).shift())]
    notice_of(late, "OVERLAP", account)


def without_overlaps(records: pd.DataFrame, cut_by: str, account: Account) -> pd.Series:
    """The ends, cut to the day before the next record of the group begins where the two would overlap."""
    day_before = records.groupby("group")["begin_date"].shift(-1) - pd.Timedelta(days=1)
    ends = earlier_of(records["end_date"], day_before).where(day_before.notna(), records["end_date"])
    cut = records[ends.notna() & ends.ne(records["end_date"])]
    if account.tracing and len(cut):
        trigger, until = ref_parts(cut["ref"]), day_texts(ends[cut.index])
        says = "Cut to " + until + ", the day before the next record begins."
        account.step(trigger["id"], trigger["table"], "endDate", cut_by, says)
    return ends


def school_year_of(days: pd.Series) -> pd.Series:
    """The school year a day belongs to: 6/30 to the ending year, 7/1 to the next. Missing stays missing."""
    return days.dt.year + (days.dt.month >= 7)

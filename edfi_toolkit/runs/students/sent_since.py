"""Records of one student that the ledger holds otherwise than a run built them: another run sent or removed them since,
or the source has other values now than were sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from edfi_toolkit.display.values import moment
from edfi_toolkit.model.equality import body_hash
from edfi_toolkit.model.keys import record_keys
from edfi_toolkit.model.refs import first_ref
from edfi_toolkit.runs.feed import history_of, was_a_retry

if TYPE_CHECKING:
    from edfi_toolkit.ledger.history import History
    from edfi_toolkit.runs.run import Run


class SentSince(NamedTuple):
    """sent: of each published record when another run sent it since, with other values than the run built; NaT if none.

    removed: of each built record when another run removed it since. differs: which of the others among the published
    ones the run built with other values. retried: whether all of it was done by retries of chosen records.
    """

    sent: pd.Series
    removed: pd.Series
    differs: pd.Series
    retried: bool

    def says(self, listed: pd.Series, removed: pd.Series, *, corrected: bool, asked: bool) -> str:
        """Where the student is listed by what another run did since, with the next step; empty where there is nothing.

        listed, removed: the programs of the records in `sent` that are there, and of those in `removed`. corrected:
        whether cells of the student were corrected since. asked: whether the ODS says that they are there.
        """
        by = "by a retry (notebook 50)" if self.retried else "by another run"
        with_what = (
            "with what was corrected since this run read the source"
            if self.retried and corrected
            else "with other values than this run read in the source"
        )
        parts = list[str]()
        if len(listed):
            at, is_listed = _newest(self.sent[listed.index]), "Listed" if asked else "By the ledger listed"
            parts.append(f"{is_listed} in {_and(listed)}: sent {by} on {at}, {with_what}")
        if len(removed):
            parts.append(f"Removed from the ODS {by} on {_newest(self.removed)}: {_and(removed)}")
        one = len(listed) + len(removed) == 1
        it_is_now = "the record as it is now" if one else "the records as they are now"
        return f"{'. '.join(parts)}. Press Read again to see {it_is_now}" if parts else ""


def _newest(times: pd.Series) -> str:
    return moment(times.max().to_pydatetime())


def _and(programs: pd.Series) -> str:
    """`CTE`, `CTE and Bilingual`, `CTE, Bilingual and Homeless`."""
    *others, last = programs.astype("str").unique()
    return f"{', '.join(others)} and {last}" if others else last


def sent_since(run: Run, built: pd.DataFrame, published: pd.DataFrame) -> SentSince:
    """What the ledger knows of a student's records against what the run built.

    built: its records of the student. published: as of `identity_map`, of the student too.
    """
    of_key = _by(built, record_keys(built))
    of_row = _by(built, [first_ref(refs) for refs in built["source_refs"]])
    # Whose record it is, under a corrected id or another, is said elsewhere.
    ids = [{"studentUniqueId": state} for state in built["student_unique_id"].unique()]
    same_student = {"studentReference": ids[0]} if ids else {}
    read = run.folder.surely_after("extract")
    sent, differs, known = list[Any](), list[bool](), set[Any]()
    removed, later = list[Any](), set[str]()
    with history_of(run) as history:
        for key, (_, row) in zip(record_keys(published), published.iterrows(), strict=True):
            row_ref = first_ref(row["source_refs"])
            known |= {key, row_ref}
            own = of_key.get(key) or of_row.get(row_ref)
            same = own == body_hash({**row["last_body"], **same_student})
            sent.append(None if same else _by_another(history, run, key, read, later, removes=False))
            differs.append(not same and sent[-1] is None and key in of_key)
        for key, refs in zip(record_keys(built), built["source_refs"], strict=True):
            is_known = key in known or first_ref(refs) in known
            removed.append(None if is_known else _by_another(history, run, key, read, later, removes=True))
    return SentSince(
        pd.to_datetime(pd.Series(sent, published.index, dtype=object), utc=True),
        pd.to_datetime(pd.Series(removed, built.index, dtype=object), utc=True),
        pd.Series(differs, published.index, dtype=bool),
        all(was_a_retry(run, run_id) for run_id in later),
    )


def as_sent(listed: pd.DataFrame, built: pd.DataFrame, sent: pd.DataFrame) -> pd.DataFrame:
    """What is listed, with school, begin date and `now` of each record that another run sent since, as they were sent.

    listed: program_name, school, begin_date and now of each of the records `built`. sent: those that were sent since,
    with their school and `now`; a record is the one under its key, else the one of its program from its source row.
    """
    columns, listed = ["school", "begin_date", "now"], listed.copy()
    of_key = dict(zip(record_keys(sent), sent.index, strict=True))
    of_row = dict(zip(_programs_of_rows(sent), sent.index, strict=True))
    for own, key, row in zip(listed.index, record_keys(built), _programs_of_rows(built), strict=True):
        if (known := of_key.get(key, of_row.get(row))) is not None:
            listed.loc[own, columns] = sent.loc[known, columns]
    return listed


def _programs_of_rows(records: pd.DataFrame) -> list[tuple[str, Any]]:
    return list(zip(records["program_name"], map(first_ref, records["source_refs"]), strict=True))


def _by_another(
    history: History,
    run: Run,
    key: tuple[str, str],
    read: pd.Timestamp,
    later: set[str],
    *,
    removes: bool,
) -> Any:
    """When another run, added to later, delivered a record last, after this one had read its source; else None."""
    requests = history.of_record(*key)
    delivered = requests[requests["outcome"].eq("delivered")]
    if delivered.empty:
        return None
    last = delivered.iloc[-1]
    at = pd.Timestamp(last["begun_at"])
    at = at.tz_localize("UTC") if at.tzinfo is None else at
    is_later = last["run_id"] != run.id and at >= read
    if not is_later or (last["action"] == "DELETE") != removes:
        return None
    later.add(str(last["run_id"]))
    return at


def _by(built: pd.DataFrame, names: list[Any]) -> dict[Any, str]:
    """The hash of each record's body by one of its names."""
    return dict(zip(names, built["body_hash"], strict=True)) if len(built) else {}

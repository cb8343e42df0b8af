"""Records of one student that the ledger holds otherwise than a run built them: another run sent or removed them since,
or the source has other values now than were sent.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import pandas as pd

from edfi_toolkit.display.values import moment
from edfi_toolkit.model.equality import body_hash
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.runs.decisions import decisions_of

if TYPE_CHECKING:
    from edfi_toolkit.ledger.decisions import Decisions
    from edfi_toolkit.runs.run import Run


class SentSince(NamedTuple):
    """sent: of each published record when another run sent it since, with other values than the run built; NaT if none.

    removed: of each built record when another run removed it since. differs: which of the others among the published
    ones the run built with other values.
    """

    sent: pd.Series
    removed: pd.Series
    differs: pd.Series

    def says(self, published: pd.DataFrame, built: pd.DataFrame) -> str:
        """What another run did since, with the next step; empty where there is nothing."""
        parts = [
            f"{what} since by another run, on {moment(times.max().to_pydatetime())}{how}: "
            f"{', '.join(records.loc[times.notna(), 'program_name'].astype('str').unique())}"
            for what, how, times, records in (
                ("Sent", ", with other values", self.sent, published),
                ("Removed", "", self.removed, built),
            )
            if times.notna().any()
        ]
        count = int(self.sent.notna().sum() + self.removed.notna().sum())
        it_is_now = "the record as it is now" if count == 1 else "the records as they are now"
        return f"{'; '.join(parts)}. Press Read again to see {it_is_now}" if parts else ""


def first_row(refs: Any) -> Any:
    """The source row that a record is made from."""
    return refs[0] if isinstance(refs, list) and refs else None


def keys_of(records: pd.DataFrame) -> list[tuple[str, str]]:
    """The resource and the hash of the key of each record."""
    return list(zip(records["resource"], key_hashes(records), strict=True)) if len(records) else []


def sent_since(run: Run, built: pd.DataFrame, published: pd.DataFrame) -> SentSince:
    """What the ledger knows of a student's records against what the run built.

    built: its records of the student. published: as of `identity_map`, of the student too.
    """
    of_key = _by(built, keys_of(built))
    of_row = _by(built, [first_row(refs) for refs in built["source_refs"]])
    # Whose record it is, under a corrected id or another, is said elsewhere.
    ids = [{"studentUniqueId": state} for state in built["student_unique_id"].unique()]
    same_student = {"studentReference": ids[0]} if ids else {}
    read = pd.Timestamp(run.folder.manifest["steps"]["extract"]["at"])
    sent, differs, known = list[Any](), list[bool](), set[Any]()
    removed = list[Any]()
    with decisions_of(run) as decisions:
        for key, (_, row) in zip(keys_of(published), published.iterrows(), strict=True):
            row_ref = first_row(row["source_refs"])
            known |= {key, row_ref}
            own = of_key.get(key) or of_row.get(row_ref)
            same = own == body_hash({**row["last_body"], **same_student})
            sent.append(None if same else _by_another(decisions, run, key, read, removes=False))
            differs.append(not same and sent[-1] is None and key in of_key)
        for key, refs in zip(keys_of(built), built["source_refs"], strict=True):
            is_known = key in known or first_row(refs) in known
            removed.append(None if is_known else _by_another(decisions, run, key, read, removes=True))
    return SentSince(
        pd.to_datetime(pd.Series(sent, published.index, dtype=object), utc=True),
        pd.to_datetime(pd.Series(removed, built.index, dtype=object), utc=True),
        pd.Series(differs, published.index, dtype=bool),
    )


def _by_another(
    decisions: Decisions, run: Run, key: tuple[str, str], read: pd.Timestamp, *, removes: bool
) -> Any:
    """When another run delivered a record last, after this one had read its source; None where none did."""
    history = decisions.history(*key)
    history = history[history["outcome"].eq("delivered")]
    if history.empty:
        return None
    last = history.iloc[-1]
    at = pd.Timestamp(last["begun_at"])
    at = at.tz_localize("UTC") if at.tzinfo is None else at
    # The manifest tells the second in which the source was read.
    is_later = last["run_id"] != run.id and at >= read + pd.Timedelta(seconds=1)
    return at if is_later and (last["action"] == "DELETE") == removes else None


def _by(built: pd.DataFrame, names: list[Any]) -> dict[Any, str]:
    """The hash of each record's body by one of its names."""
    return dict(zip(names, built["body_hash"], strict=True)) if len(built) else {}

"""Every request about one student's records that the ledger knows, also those of retries and of other runs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.model.keys import key_hashes, record_keys
from edfi_toolkit.runs.feed import history_of, was_a_retry

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run


def requests_of(
    run: Run, student: str, records: Iterable[pd.DataFrame], refused: pd.DataFrame
) -> pd.DataFrame:
    """The requests under a student's state id and those of these records, oldest first.

    Columns as of `Decisions.requests`; `retried`: whether a retry sent it; and of each refusal `cause` and `messages`
    where the ledger has them, as it keeps the last of a record. refused: with causes, of the student.
    """
    hashes = {key for part in (*records, refused) if len(part) for key in key_hashes(part)}
    with history_of(run) as history:
        found = history.of_student(student, hashes)
    keys = zip(record_keys(refused), refused["run_id"], strict=True)
    known = dict(zip(keys, zip(refused["cause"], refused["messages"], strict=True), strict=True))
    asked = zip(zip(found["resource"], found["key_hash"], strict=True), found["run_id"], strict=True)
    said = [
        known.get(key, (None, None)) if outcome == "refused" else (None, None)
        for key, outcome in zip(asked, found["outcome"], strict=True)
    ]
    retries = {run_id: was_a_retry(run, run_id) for run_id in found["run_id"].unique()}
    answers = pd.DataFrame(said, found.index, ["cause", "messages"], dtype=object)
    return found.join(answers).assign(retried=found["run_id"].map(retries).astype(bool))

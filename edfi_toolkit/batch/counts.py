"""What one run came to, in numbers; no student among them.

1. A run claims what its own requests delivered, by the ledger: not its plan, and not what an earlier run of the same
   plan sent.
2. What is new is new since the last run of the same feed and year, by the key of the record and the reason.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import orjson
import pandas as pd

from edfi_toolkit.errors import LedgerError
from edfi_toolkit.model import RECORD_KEY
from edfi_toolkit.runs import Run
from edfi_toolkit.runs.folder import RunFolder

DONE = {"POST": "created", "PUT": "updated", "DELETE": "deleted"}
LEFT_OUT = ("set_aside", "held", "critical", "unread", "refused", "pending")
_COUNTED = "counted"
_UNREADABLE = ["table", "id", "rule", "detail"]


def counts_of(run: Run) -> dict[str, int | None]:
    """Rows read and unreadable, records built and held, and what this run did; None where the ledger cannot say."""
    steps = run.folder.manifest.get("steps", {})
    extract, build, preview = (steps.get(name, {}) for name in ("extract", "build", "preview"))
    sent: Mapping[str, int | None] = {}
    left: Mapping[str, int | None] = {}
    published = steps.get("publish")
    if published is not None:
        from edfi_toolkit.ledger import Ledger

        if "outcomes" in published:  # it came to its end
            outcomes = Counter(published["outcomes"])
            left = {"refused": outcomes["refused"], "pending": outcomes["pending"] + outcomes["unsure"]}
        try:
            with Ledger(run.installation.ledger) as ledger:
                sent = ledger.delivered_by(run.id)
                left = left or _left_of(preview["actions"], ledger.attempts(run.id))
        except LedgerError:
            sent, left = dict.fromkeys(DONE), left or dict.fromkeys(("refused", "pending"))
    return {
        "rows": extract.get("rows", 0),
        "set_aside": extract.get("set_aside", 0),
        "built": build.get("records", 0),
        "held": preview.get("held", 0),
        **{done: sent.get(action, 0) for action, done in DONE.items()},
        "refused": left.get("refused", 0),
        "pending": left.get("pending", 0),
    }


def _left_of(actions: Mapping[str, int], attempts: pd.DataFrame) -> dict[str, int]:
    """What is refused and what is still to be sent of a plan whose publish did not come to its end."""
    last = Counter(attempts.drop_duplicates("item", keep="last")["outcome"])
    planned = sum(actions.get(action, 0) for action in DONE)
    return {"refused": last["refused"], "pending": planned - last["refused"] - last["delivered"]}


def planned_of(steps: Mapping[str, Any]) -> dict[str, int]:
    """What the plan would do, while nothing of it was sent."""
    actions = {} if "publish" in steps else steps.get("preview", {}).get("actions", {})
    return {done: actions[action] for action, done in DONE.items() if actions.get(action)}


def breaches_of(folder: RunFolder) -> str:
    """What the guardrails say that stop the plan."""
    breaches = folder.manifest["steps"]["preview"]["breaches"]
    return " ".join(found["says"] for found in _planned(folder) if found["code"] in breaches)


def new_since(run: Run, last: RunFolder | None) -> dict[str, int]:
    """How many of what a run counts its last run did not have, by the names of `counts_of` and of what is left out.

    Without a last run, or without its counts, all of it is new.
    """
    now = pd.concat(_digests(run.folder), ignore_index=True)
    run.folder.save_frame(_COUNTED, now)
    run.folder.seal(f"{_COUNTED}.parquet")
    before = (
        last.load_frame(_COUNTED)
        if last is not None and (last.path / f"{_COUNTED}.parquet").is_file()
        else now.iloc[:0]
    )
    return {kind: (_multiset(now, kind) - _multiset(before, kind)).total() for kind in ("built", *LEFT_OUT)}


def _multiset(counted: pd.DataFrame, kind: str) -> Counter[int]:
    return Counter(counted.loc[counted["kind"].eq(kind), "digest"].tolist())


def _digests(folder: RunFolder) -> Iterator[pd.DataFrame]:
    """One row for each thing that is counted: its kind, and a digest of what it is."""

    def digest(kind: str, frame: pd.DataFrame) -> pd.DataFrame:
        digests = pd.util.hash_pandas_object(frame.astype("str"), index=False).to_numpy("uint64")
        return pd.DataFrame({"kind": kind, "digest": digests})

    yield digest("set_aside", _read(folder, "tables/_skipped", _UNREADABLE))
    yield digest("built", _read(folder, "build/records", RECORD_KEY))
    checked = _read(folder, "findings", ["rule_id", "severity", *RECORD_KEY])
    yield digest("critical", checked[checked["severity"].eq("critical")])
    found = pd.DataFrame(_planned(folder), columns=["code", "says", *RECORD_KEY])
    for kind, code in (("held", "HELD"), ("unread", "RESOURCE_UNREAD")):
        yield digest(kind, found[found["code"].eq(code)])
    results = _read(folder, "results", ["outcome", "status", "problem_type", *RECORD_KEY])
    for kind, outcomes in (("refused", ["refused"]), ("pending", ["pending", "unsure"])):
        yield digest(kind, results[results["outcome"].isin(outcomes)])


def _read(folder: RunFolder, name: str, columns: list[str]) -> pd.DataFrame:
    path = folder.path / f"{name}.parquet"
    return pd.read_parquet(path, columns=columns) if path.is_file() else pd.DataFrame(columns=columns)


def _planned(folder: RunFolder) -> list[dict[str, Any]]:
    path = folder.path / "plan.json"
    found: list[dict[str, Any]] = orjson.loads(path.read_bytes())["findings"] if path.is_file() else []
    return found

"""A district that is as its last run left it is finished without a kernel, a build or a request.

What a run depends on is digested before it reads anything. Where the last run left nothing to do and all of it is the
same now, that run's report holds again. Nothing is assumed: what cannot be compared counts as changed, and the district
runs.

1. The source: each file by its digest (at an address it is copied for that), a database by the tables that are read.
2. Settings, limits, versions, the code of toolkit and profile, the target's address and school year.
3. What the ledger holds of the feed: identity map, runs, corrections.
4. The last run published whole: nothing refused or pending, no resource unread, nothing held for what the target lacks.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import inspect
import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict
from functools import lru_cache
from pathlib import Path
from typing import Any

import orjson
import pandas as pd

from edfi_toolkit import __version__
from edfi_toolkit.batch.counts import DONE, LEFT_OUT
from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.report import Report
from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.runs import Run
from edfi_toolkit.runs.artifacts import hashes_of
from edfi_toolkit.runs.feed import ledger_of
from edfi_toolkit.runs.folder import REPORT, RunFolder
from edfi_toolkit.runs.last_run import last_run
from edfi_toolkit.settings import without_credentials
from edfi_toolkit.sources.addresses import is_database, is_remote
from edfi_toolkit.sources.remote import at_hand
from edfi_toolkit.validation.references import OF_TARGET

UNCHANGED = "unchanged"
_PACKAGE = Path(__file__).resolve().parents[1]


def unchanged(run: Run) -> Report | None:
    """The report of a run that has nothing to do; None when anything is not, or may not be, as its last run left it.

    run: a new one, of which nothing is kept. A database is read; what cannot be read is left to the run itself.
    """
    last = last_run(run)
    known = last.get("inputs")
    if not known or _inputs_of(run) != known:
        return None
    try:
        if _source_of(run) != last["source"] or _ledger_state(run) != last["ledger"]:
            return None
        folder = RunFolder(run.installation.runs_dir, last["run_id"])
        report: dict[str, Any] = orjson.loads((folder.path / REPORT).read_bytes())
    except (EdfiToolkitError, OSError, ValueError, KeyError):
        return None
    if report.get("run_id") != last["run_id"] or report.get("says"):  # what was said must be said again
        return None
    counts = {**report["counts"], **dict.fromkeys(DONE.values(), 0)}
    counts.pop("delivered", None)
    return Report(
        exit=Exit(last["exit"]),
        source=without_credentials(run.source.name),
        target=run.target_name,
        profile=run.profile,
        school_year=run.school_year,
        state=UNCHANGED,
        says=f"Nothing has changed since run {last['run_id']}.",
        counts=counts,
        new=dict.fromkeys(("built", *LEFT_OUT), 0),
        last_report=str(folder.path / REPORT),
    )


def to_keep(run: Run, before: Mapping[str, Any], code: Exit) -> dict[str, Any]:
    """What `keep_last` needs so that the next run can be spared; empty when this one left something to do.

    before: `before_of`.
    """
    steps = run.folder.manifest.get("steps", {})
    published = steps.get("publish", {})
    left = [published.get("outcomes", {}).get(name) for name in ("refused", "pending", "unsure")]
    if not (published.get("finished") and code in (Exit.DONE, Exit.ATTENTION)) or any(left):
        return {}
    if steps["preview"].get("unread") or _held_by_target(run.folder, steps):
        return {}
    if is_database(run.source.path):
        source = hashes_of(str(run.path / "tables"))
    elif is_remote(run.source.path) or steps["extract"]["files"] == before["source"]:
        source = steps["extract"]["files"]
    else:  # it was written while it was read
        return {}
    try:
        ledger = _ledger_state(run, by=run.id)
    except EdfiToolkitError:
        return {}
    return {"inputs": before["inputs"], "source": source, "ledger": ledger} if ledger else {}


def before_of(run: Run) -> dict[str, Any]:
    """What `to_keep` compares with, before the run reads anything: of files at a path, their digests too.

    Files at an address are digested as they are read.
    """
    return {"inputs": _inputs_of(run), "source": hashes_of(run.source.path)}


def _inputs_of(run: Run) -> str:
    """A digest of what a run depends on besides source and ledger; empty where that is not known."""
    from edfi_toolkit.rules import profile

    rules = profile(run.profile)
    settings = run.installation.of_build(run.profile, run.source, run.given or {})
    if rules.asks_target:
        return ""
    code = Path(inspect.getfile(rules.build)).resolve().parent
    foreign = not code.is_relative_to(_PACKAGE)
    mapping = run.source.mapping
    parts: dict[str, Any] = {
        "settings": settings,
        "reading": asdict(run.installation.reading),
        "source": str(run.source),
        "mapping": hashes_of(str(mapping)) if mapping else {},
        "target": [run.target.identity, run.target.school_year],
        "versions": [__version__, platform.python_version(), pd.__version__],
        "code": [_digest_of(_PACKAGE), _digest_of(_PACKAGE.parent / "expectations"), _digest_of(code)],
        # A profile from elsewhere may look at the calendar; those of the toolkit do not.
        "day": str(dt.datetime.now(dt.UTC).date()) if foreign else "",
    }
    return hashlib.sha256(orjson.dumps(parts, default=str, option=orjson.OPT_SORT_KEYS)).hexdigest()


def _source_of(run: Run) -> dict[str, str]:
    """The digests of the source's files; of a database those of the tables read from it, which are not kept."""
    if not is_database(run.source.path):
        with at_hand(run.source.path, run.installation.reading) as place:
            return hashes_of(place)
    try:
        run.extract()
        return hashes_of(str(run.path / "tables"))
    finally:
        shutil.rmtree(run.path, ignore_errors=True)


def _ledger_state(run: Run, *, by: str = "") -> str:
    """A digest of what the ledger holds of the feed; empty when its newest run is not the one given by `by`."""
    from edfi_toolkit.ledger.state import newest_run, state_of

    with ledger_of(run) as (ledger, feed):
        return "" if by and newest_run(ledger, feed) != by else state_of(ledger, feed)


def _held_by_target(folder: RunFolder, steps: Mapping[str, Any]) -> bool:
    """Whether something waits for what the target lacks or did not show: its records, or a key that moves."""
    found = folder.load_frame("findings")
    if steps["validate"].get("unasked") or (
        steps["preview"]["held"] and found["rule_id"].eq("REF-UNREADABLE").any()
    ):
        return True
    held = folder.load_frame("held")
    return any(rule in OF_TARGET for rules in held["held_by"] for rule in rules)


@lru_cache
def _digest_of(folder: Path) -> str:
    """A digest of the code and the data in a folder, as it was when this process first asked."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix in (".py", ".toml", ".json", ".ipynb", ".j2"):
            digest.update(str(path.relative_to(folder)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()

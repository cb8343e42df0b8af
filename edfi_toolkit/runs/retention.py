"""Which runs are kept: the last ones, one a day, one a month, by feed and school year; and what a later run needs.

As restic does: a run that one rule keeps is kept. Whatever the rules say, these stay: the newest run of a feed, the
runs that the next one compares itself with, and a run whose publishing has not come to its end. What ended before its
run began has left a report and no manifest; such folders are counted by themselves.
"""

from __future__ import annotations

import datetime as dt
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson

from edfi_toolkit.errors import ConfigError, StorageUnavailable, what_failed
from edfi_toolkit.ledger.lock import file_lock
from edfi_toolkit.runs.feed import FEED, feed_of
from edfi_toolkit.runs.folder import MANIFEST, REPORT, RunFolder, run_folders, runs_newest_first

WAIT_S = 60.0  # for another prune or erase to end
_LEAVING = ".pruned-"  # how a folder begins that is being removed; a killed prune leaves it to the next one


@dataclass(frozen=True)
class Keep:
    """How many of the newest runs, days and months of each feed are kept; 0 keeps none by that rule."""

    last: int = 0
    daily: int = 0
    monthly: int = 0


def chosen(runs_dir: Path, keep: Keep, needed: Collection[str]) -> dict[str, str]:
    """Each run by its id, newest first, with why it is kept; an empty text for one that goes.

    needed: ids of runs that a later run compares itself with. Raises ConfigError when no rule keeps anything, and for a
    manifest or a report that cannot be read.
    """
    if not any((keep.last, keep.daily, keep.monthly)):
        raise ConfigError(
            "Give --keep-last, --keep-daily or --keep-monthly: without one nothing would be kept."
        )
    reasons: dict[str, str] = {}
    counted: defaultdict[tuple[Any, ...], dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    runs = [(folder, folder.manifest) for folder in runs_newest_first(runs_dir)]
    there = [(folder, manifest) for folder, manifest in runs if manifest]  # another prune may be at work
    for folder, manifest in [*there, *_reports_alone(runs_dir)]:
        feed = (*feed_of(manifest), manifest.get("report"))
        began = str(manifest.get("started_at", ""))
        reasons[folder.run_id] = _reason(folder.run_id, manifest, keep, counted[feed], began, needed)
    return reasons


def _reports_alone(runs_dir: Path) -> list[tuple[RunFolder, dict[str, Any]]]:
    """The folders that hold a report and no manifest, newest first, with what stands for their manifest."""
    found = []
    for folder in run_folders(runs_dir):
        path = folder.path / REPORT
        try:
            if (folder.path / MANIFEST).exists():
                continue
            written = path.stat().st_mtime_ns
            about = {name: orjson.loads(path.read_bytes())[name] for name in FEED}
        except (FileNotFoundError, NotADirectoryError):  # no report, or one that is removed meanwhile
            continue
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise ConfigError(
                f"{path} cannot be read ({what_failed(error)}). Remove its folder by hand, then prune again."
            ) from None
        began = dt.datetime.fromtimestamp(written / 1e9, dt.UTC).isoformat()
        found.append((written, folder, {**about, "started_at": began, "report": True}))
    found.sort(key=lambda each: each[0], reverse=True)
    return [(folder, about) for _, folder, about in found]


@contextmanager
def tidying(runs_dir: Path) -> Iterator[None]:
    """Prune or erase, one at a time: what one removes, the other would write again. Raises LedgerBusy."""
    busy = f"Another prune or erase is at work in {runs_dir}. Give the command again when that one has ended."
    with file_lock(runs_dir / ".tidying.lock", busy=busy, wait_s=WAIT_S):
        yield


def remove(runs_dir: Path, run_ids: Collection[str]) -> None:
    """Remove these runs, and what an interrupted removal left; what is gone already is no failure.

    Raises StorageUnavailable.
    """
    try:
        _sweep(runs_dir)  # else a run with the name of one that was left could not take that name
        for run_id in run_ids:
            folder = RunFolder(runs_dir, run_id).path
            with suppress(FileNotFoundError):  # at once: no half of a run is ever taken for one
                folder.rename(runs_dir / f"{_LEAVING}{run_id}")
        _sweep(runs_dir)
    except OSError as error:
        raise StorageUnavailable(
            f"A run in {runs_dir} cannot be removed ({what_failed(error)}). See to it that you may write there, then "
            "prune again."
        ) from None


def _sweep(runs_dir: Path) -> None:
    """Remove the folders that are leaving; another prune may be at work on the same ones."""

    def unless_gone(_: object, __: str, failure: tuple[Any, BaseException, Any]) -> None:
        if not isinstance(failure[1], FileNotFoundError):
            raise failure[1]

    for folder in runs_dir.glob(f"{_LEAVING}*"):
        shutil.rmtree(folder, onerror=unless_gone)


def _reason(
    run_id: str,
    manifest: dict[str, Any],
    keep: Keep,
    counted: dict[str, set[str]],
    began: str,
    needed: Collection[str],
) -> str:
    publish = manifest.get("steps", {}).get("publish")
    rules = (
        ("last", run_id, keep.last),
        ("daily", began[:10], keep.daily),
        ("monthly", began[:7], keep.monthly),
    )
    why = [] if counted["any"] else ["newest"]
    counted["any"].add(run_id)
    for name, period, most in rules:
        if period not in counted[name] and len(counted[name]) < most:
            counted[name].add(period)
            why.append(name)
    if run_id in needed:
        why.append("compared with")
    if publish is not None and not publish.get("finished"):
        why.append("not finished")
    return ", ".join(why)

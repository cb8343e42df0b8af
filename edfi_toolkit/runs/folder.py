"""A run's folder on disk: what each step left there, and the manifest of it.

Files are readable by their owner only and appear whole or not at all. The manifest holds no student and no
secret.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import logging
import re
import secrets
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

import orjson
import pandas as pd

import edfi_toolkit.model.bodies  # noqa: F401 - a file may have a column of them, and pandas must know their type
from edfi_toolkit.errors import ConfigError, StepMissing, what_failed
from edfi_toolkit.logs import FILE as LOG
from edfi_toolkit.logs import event, log_of
from edfi_toolkit.spans import span
from edfi_toolkit.storage import from_json_column, json_column, private_folder, sha256_of, write_private

STEPS = ("extract", "build", "validate", "preview", "publish")
MADE_IN = {
    "extract": "10_extract",
    "build": "20_validate",
    "validate": "20_validate",
    "preview": "30_preview",
    "publish": "40_publish",
}
_LACKS = {
    "extract": "its source has not been read",
    "build": "no records have been made of what was read",
    "validate": "its records have not been checked",
    "preview": "it has no preview",
    "publish": "it has not been published",
}
IN_RESYNC = dict.fromkeys(("preview", "publish"), "60_resync")
ARTIFACTS = {
    "extract": ("tables",),
    "build": ("build",),
    "validate": ("held.parquet", "findings.parquet", "report.html"),
    "preview": ("plan.parquet", "plan.json", "shapes.parquet", "workbook.xlsx"),
    "publish": ("results.parquet",),
}
MANIFEST, REPORT = "manifest.json", "report.json"
FOR_PEOPLE = (
    "report.html",
    "workbook.xlsx",
    "workbook-revealed.xlsx",
)  # files of a run that are opened by hand
_DRAFT = "draft"
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,79}")
_STAMP = "%Y%m%d-%H%M%S"
_MADE = re.compile(r"(?:batch-)?(\d{8}-\d{6})-[0-9a-f]{6}(?:\.jsonl)?")  # named by `new_run_id`


def new_run_id(runs_dir: Path, now: dt.datetime | None = None) -> str:
    """A name for a run or a batch that is not given twice and sorts by time: `20251124-093015-3f9c21`.

    It sorts behind every such name that is there, also in the same second, and when the clock was set back since.
    """
    stamp = f"{now or dt.datetime.now(dt.UTC):{_STAMP}}"
    names = (path.name for path in runs_dir.iterdir()) if runs_dir.is_dir() else ()
    taken = [made[1] for name in names if (made := _MADE.fullmatch(name)) and made[1] >= stamp]
    for latest in sorted(taken, reverse=True):
        with suppress(ValueError, OverflowError):  # digits that are no time, or have none after them
            stamp = f"{dt.datetime.strptime(latest, _STAMP) + dt.timedelta(seconds=1):{_STAMP}}"
            break
    return f"{stamp}-{secrets.token_hex(3)}"


class RunFolder:
    """One run's folder. Nothing is created before something is written."""

    def __init__(self, runs_dir: Path, run_id: str) -> None:
        if not _RUN_ID.fullmatch(run_id):
            raise ConfigError(f"{run_id!r} cannot name a run. Use letters, digits, '.', '_' and '-'.")
        self.run_id, self.path = run_id, runs_dir / run_id
        self.clocks: tuple[float, float] | None = None  # as the step under way began

    @property
    def manifest(self) -> dict[str, Any]:
        """What is known about the run; empty when nothing was written yet."""
        try:
            content = orjson.loads((self.path / MANIFEST).read_bytes())
            if not isinstance(content, dict):
                raise TypeError
        except FileNotFoundError:
            return {}
        except (OSError, TypeError, orjson.JSONDecodeError) as error:
            raise ConfigError(
                f"The manifest of run {self.run_id} cannot be read ({what_failed(error)}). Put it back from a backup, "
                f"or move the folder {self.path} elsewhere and start a new run."
            ) from None
        return content

    def has(self, step: str) -> bool:
        """Whether a step was done, or begun in the case of publish."""
        return step in self.manifest.get("steps", {})

    @property
    def checked_against(self) -> str:
        """The identity of the target that validation asked; empty where it asked none."""
        return str(self.manifest.get("steps", {}).get("validate", {}).get("checked_against", ""))

    def done_at(self, step: str) -> pd.Timestamp:
        """When a step was done, which the manifest tells to the second: it may have been up to a second later."""
        return pd.Timestamp(self.manifest["steps"][step]["at"])

    def surely_after(self, step: str) -> pd.Timestamp:
        """From when on something certainly came after a step."""
        return self.done_at(step) + pd.Timedelta(seconds=1)

    def need(self, step: str) -> None:
        """Raises StepMissing, which names the notebook to run, when a step has not been done."""
        if not self.has(step):
            raise StepMissing(self.run_id, _LACKS[step], MADE_IN[step])

    def begin(self, about: Mapping[str, Any]) -> None:
        """Write the manifest of a run that starts, or starts again."""
        self._write_manifest({"run_id": self.run_id, "started_at": now_text(), **about, "steps": {}})

    def forget_from(self, step: str) -> None:
        """Remove what this step and the later ones left, before the step is done again."""
        for later in STEPS[STEPS.index(step) :]:
            for name in ARTIFACTS[later]:
                path = self.path / name
                if path.is_dir():
                    shutil.rmtree(path)
                path.unlink(missing_ok=True)
        if manifest := self.manifest:
            there = {name: digest for name, digest in _files(manifest).items() if (self.path / name).exists()}
            kept = {
                name: counts
                for name, counts in manifest["steps"].items()
                if STEPS.index(name) < STEPS.index(step)
            }
            if (left := {**manifest, "artifacts": there, "steps": kept}) != manifest:
                self._write_manifest(left)

    def replace(self, step: str, write: Callable[[RunFolder], None], *, as_asked: bool = True) -> bool:
        """Put what a step found in place of what it found before; returns whether that was the same to the byte.

        write: saves it into the folder it is given. The same leaves the later steps as they are; anything else forgets
        them first, and so does the same that was asked of another target (not as_asked).
        """
        draft = RunFolder(self.path, _DRAFT)
        shutil.rmtree(draft.path, ignore_errors=True)
        write(draft)
        found = {path.relative_to(draft.path).as_posix(): path for path in draft.files()}
        known = _files(self.manifest)
        as_it_was = (known.get(name) == sha256_of(path) for name, path in found.items())
        same = as_asked and self.has(step) and all(as_it_was)
        if not same:
            self.forget_from(step)
            for name, path in found.items():
                private_folder((self.path / name).parent)
                path.replace(self.path / name)
        shutil.rmtree(draft.path)
        return same

    def record(self, step: str, counts: Mapping[str, Any]) -> None:
        """Note in the manifest that a step is done, with its counts and what it took since it began (`timed`)."""
        manifest = self.manifest
        spent = {}
        if self.clocks is not None:
            now = (time.monotonic(), time.process_time())
            names = ("seconds", "cpu_seconds")
            spent = {
                name: round(at - began, 3) for name, at, began in zip(names, now, self.clocks, strict=True)
            }
        manifest["steps"][step] = {"at": now_text(), **counts, **spent}
        manifest["artifacts"] = {**_files(manifest), **self._hashes(ARTIFACTS[step])}
        self._write_manifest(manifest)

    def seal(self, *names: str) -> None:
        """Note in the manifest what these files and folders hold now; without names, all that is there."""
        manifest = self.manifest
        kept = _files(manifest) if names else {}
        self._write_manifest({**manifest, "artifacts": {**kept, **self._hashes(names or (".",))}})

    def damaged(self, *, every: bool = False) -> list[str]:
        """Files that a publish goes on from, or every one, that are gone or no longer as their step left them."""
        steps = [step for step in self.manifest.get("steps", {}) if step != "publish"]
        own = {name for step in steps for name in ARTIFACTS[step]}.difference(FOR_PEOPLE)
        return [
            name
            for name, digest in _files(self.manifest).items()
            if (every or name.partition("/")[0] in own)
            and not ((self.path / name).is_file() and sha256_of(self.path / name) == digest)
        ]

    def check_whole(self) -> None:
        """Raises ConfigError when a file that a publish goes on from is not as its step left it."""
        if damaged := self.damaged():
            more = f" and {len(damaged) - 1} more" if len(damaged) > 1 else ""
            raise ConfigError(
                f"{damaged[0]}{more} of run {self.run_id} is no longer as its step left it; nothing was sent now. "
                "Start a new run, or put it back from a backup."
            )

    def files(self) -> Iterator[Path]:
        """Every file of the run but the manifest."""
        return (path for path in sorted(self.path.rglob("*")) if path.is_file() and path.name != MANIFEST)

    def _hashes(self, names: Iterable[str]) -> dict[str, str]:
        places = [self.path / name for name in names]
        found = sorted({path for place in places for path in (place, *place.rglob("*")) if path.is_file()})
        return {
            path.relative_to(self.path).as_posix(): sha256_of(path) for path in found if path.name != MANIFEST
        }

    def save_frame(self, name: str, frame: pd.DataFrame) -> None:
        """Write a frame as `<name>.parquet`; columns of lists and objects are kept as JSON."""
        stored = frame.copy()
        nested = [
            column
            for column in stored
            if stored[column].dtype == object
            and any(isinstance(cell, dict | list) for cell in stored[column])
        ]
        for column in nested:
            stored[column] = json_column(stored[column])
        stored.attrs = {"json": nested}
        write_private(self.path / f"{name}.parquet", stored.to_parquet)

    def load_frame(self, name: str, columns: list[str] | None = None) -> pd.DataFrame:
        """Read what `save_frame` wrote; of its columns only these."""
        try:
            frame = pd.read_parquet(self.path / f"{name}.parquet", columns=columns)
        except (OSError, ValueError) as error:
            raise ConfigError(
                f"{name}.parquet of run {self.run_id} cannot be read ({what_failed(error)}). Start a new run."
            ) from None
        for column in frame.attrs.get("json", []):
            frame[column] = pd.Series(from_json_column(frame[column]), index=frame.index, dtype="object")
        frame.attrs = {}
        return frame

    def write(self, name: str, content: bytes) -> Path:
        """Write a file of the run whole, mode 0600."""
        return write_private(self.path / name, content)

    def _write_manifest(self, manifest: Mapping[str, Any]) -> None:
        self.write(MANIFEST, sealed(manifest))


def sealed(manifest: Mapping[str, Any]) -> bytes:
    """A manifest as its file holds it: its last member is the digest of all others."""
    form = orjson.OPT_INDENT_2 | orjson.OPT_SERIALIZE_NUMPY
    content = {name: value for name, value in manifest.items() if name != "seal"}
    return orjson.dumps(
        {**content, "seal": hashlib.sha256(orjson.dumps(content, option=form)).hexdigest()}, option=form
    )


def _files(manifest: Mapping[str, Any]) -> dict[str, str]:
    return dict(manifest.get("artifacts", {}))


class _HasFolder(Protocol):
    folder: RunFolder


_R = TypeVar("_R", bound=_HasFolder)
_P = ParamSpec("_P")
_T = TypeVar("_T")


def timed(step: Callable[Concatenate[_R, _P], _T]) -> Callable[Concatenate[_R, _P], _T]:
    """A step of a run; what it records has its seconds and its CPU seconds, and the run's log says how it ended."""

    @wraps(step)
    def clocked(run: _R, /, *args: _P.args, **options: _P.kwargs) -> _T:
        folder, name = run.folder, step.__name__
        before, folder.clocks = folder.clocks, (time.monotonic(), time.process_time())
        with log_of(folder.path, folder.run_id), span(f"step {name}", run_id=folder.run_id):
            try:
                done = step(run, *args, **options)
            except BaseException as error:
                event("step failed", level=logging.ERROR, step=name, error=type(error).__name__)
                raise
            else:
                event("step done", step=name, seconds=round(time.monotonic() - folder.clocks[0], 3))
                return done
            finally:
                folder.clocks = before
                if before is None and folder.manifest:
                    folder.seal(LOG)

    return clocked


def runs_newest_first(runs_dir: Path) -> list[RunFolder]:
    """Every run that has a manifest: by name, or where a scheduler named it, by when it began.

    A manifest that cannot be read raises where it is asked for, not here. Its run began at the latest when it was
    last written, and is placed there: a run that began later is found without it, and no other is taken for the newest.
    """
    folders = [folder for folder in run_folders(runs_dir) if (folder.path / MANIFEST).is_file()]
    return sorted(folders, key=_place_in_time, reverse=True)


def run_folders(runs_dir: Path) -> list[RunFolder]:
    """What can be a run by its name; folders that begin with a dot are the toolkit's own, as one that prune removes."""
    names = [path.name for path in runs_dir.iterdir()] if runs_dir.is_dir() else []
    return [RunFolder(runs_dir, name) for name in names if _RUN_ID.fullmatch(name)]


def _place_in_time(folder: RunFolder) -> tuple[str, str]:
    if made := _MADE.fullmatch(folder.run_id):
        return made[1], folder.run_id
    with suppress(ConfigError, KeyError, TypeError, ValueError):
        began = dt.datetime.fromisoformat(folder.manifest["started_at"])
        return f"{began.astimezone(dt.UTC):{_STAMP}}", folder.run_id
    with suppress(FileNotFoundError):  # removed meanwhile
        written = dt.datetime.fromtimestamp((folder.path / MANIFEST).stat().st_mtime + 1, dt.UTC)
        return f"{written:{_STAMP}}", folder.run_id
    return "", folder.run_id


def now_text() -> str:
    """This instant in UTC, to the second."""
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")

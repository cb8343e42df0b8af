"""Whether a run's folder is still what the run left: every digest of its manifest is worked out again.

1. A file that differs, is missing or was added is named. So are a manifest, a plan or a ledger that do not agree.
2. A source and a toolkit go on with the time: what they hold by now is reported, and is no fault of the evidence.
3. A run that was killed could not record its last lines of log and its notebooks: they are reported, and no fault.
4. What was erased on request is noted in the manifest with the new digests; it is reported, and accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit import __version__
from edfi_toolkit.errors import ConfigError, EdfiToolkitError, what_failed
from edfi_toolkit.logs import FILE as LOG
from edfi_toolkit.runs.artifacts import hashes_of
from edfi_toolkit.runs.folder import MANIFEST, REPORT, RunFolder, sealed
from edfi_toolkit.runs.manifest import rules_digest

if TYPE_CHECKING:
    from edfi_toolkit.settings import Settings

AS_RECORDED, DIFFERS, MISSING, ADDED = "as recorded", "differs", "missing", "added"
CHANGED, ERASED = "changed since", "erased on request"
Facts = Mapping[str, Any]  # what the manifest says
UNENDED = "The run did not come to its end, where it would have been recorded."
FAULTS = (DIFFERS, MISSING, ADDED)


@dataclass(frozen=True)
class Check:
    """One thing that was worked out again. kind: manifest, artifact, plan, ledger, source or version."""

    kind: str
    name: str
    state: str
    says: str = ""


def verify(folder: RunFolder, installation: Settings) -> pd.DataFrame:
    """One row a check: `kind, name, state, says`.

    Raises ConfigError for a folder without a readable manifest, and for one that goes, or changes, meanwhile.
    """
    manifest: Facts = folder.manifest
    checks: list[Check] = []
    try:
        if manifest:
            checks = [*_manifest(folder, manifest)]
            if checks[0].state != DIFFERS:  # else what it says is no measure for anything
                checks += [*_artifacts(folder, manifest), *_plan(folder, manifest), *_versions(manifest)]
                checks += [*_source(manifest, installation), *_ledger(folder, manifest, installation)]
        is_there = bool(manifest) and folder.path.is_dir()
    except FileNotFoundError:
        if is_there := (folder.path / MANIFEST).is_file():
            raise ConfigError(
                f"Run {folder.run_id} changed while it was looked through. Wait until nothing is at work on it, then "
                "verify it again."
            ) from None
    if not is_there:  # a run that prune removed meanwhile would else be one whose files are missing
        raise ConfigError(
            f"There is no run {folder.run_id} in {folder.path.parent}. 'edfi-toolkit ledger' lists runs."
        )
    return pd.DataFrame(
        [astuple(check) for check in checks], columns=["kind", "name", "state", "says"]
    ).astype("str")


def _manifest(folder: RunFolder, manifest: Facts) -> Iterator[Check]:
    content = (folder.path / MANIFEST).read_bytes()
    if "seal" not in manifest:
        says = "It was written by a version of the toolkit that kept no digests."
        yield Check("manifest", MANIFEST, MISSING, says)
    else:
        same = content == sealed(manifest)
        yield Check(
            "manifest",
            MANIFEST,
            AS_RECORDED if same else DIFFERS,
            "" if same else "Nothing else was checked.",
        )
    for erasure in manifest.get("erased", []):
        says = f"{erasure['at']} by {erasure['by']}: {', '.join(erasure['files']) or 'no file'}."
        yield Check("manifest", "erasure", ERASED, says)


def _artifacts(folder: RunFolder, manifest: Facts) -> Iterator[Check]:
    recorded, damaged = manifest.get("artifacts", {}), {*folder.damaged(every=True)}
    there = {path.relative_to(folder.path).as_posix(): path for path in folder.files()}
    killed = not (REPORT in recorded or manifest.get("steps", {}).get("publish", {}).get("finished"))
    for name, digest in recorded.items():
        if name not in damaged:
            yield Check("artifact", name, AS_RECORDED)
        elif name not in there:
            yield Check("artifact", name, MISSING)
        elif killed and name == LOG and _begins_with(there[name], digest):
            yield Check("artifact", name, CHANGED, UNENDED)
        else:
            yield Check("artifact", name, DIFFERS)
    for name in there.keys() - recorded.keys():
        if killed and (name == LOG or name.startswith("notebooks/")):
            yield Check("artifact", name, CHANGED, UNENDED)
        else:
            yield Check("artifact", name, ADDED, "The manifest does not know it.")


def _begins_with(path: Path, digest: str) -> bool:
    """Whether the first lines of a file, however many, have this digest."""
    read = hashlib.sha256()
    with path.open("rb") as file:
        for line in file:
            read.update(line)
            if read.hexdigest() == digest:
                return True
    return False


def _plan(folder: RunFolder, manifest: Facts) -> Iterator[Check]:
    """The fingerprint, worked out from the plan's own rows, against the one that was shown and approved."""
    from edfi_toolkit.planning import Plan

    steps = manifest.get("steps", {})
    if "preview" not in steps:
        return
    shown = steps["preview"]["fingerprint"]
    approved = steps.get("publish", {}).get("fingerprint", shown)
    try:
        found = Plan.load(folder.path).fingerprint
    except EdfiToolkitError as error:
        state = ERASED if "erased" in manifest else DIFFERS
        yield Check("plan", shown, state, "" if state == ERASED else str(error))
        return
    yield Check("plan", shown, AS_RECORDED if found == shown == approved else DIFFERS)


def _versions(manifest: Facts) -> Iterator[Check]:
    made_by = manifest.get("versions", {})
    now = {"edfi-toolkit": __version__}
    try:
        now["rules"] = rules_digest(manifest["profile"])
    except EdfiToolkitError as error:
        yield Check("version", "rules", CHANGED, str(error))
    for name, version in now.items():
        same = made_by.get(name) == version
        yield Check("version", name, AS_RECORDED if same else CHANGED, f"{made_by.get(name)} made it.")


def _source(manifest: Facts, installation: Settings) -> Iterator[Check]:
    from edfi_toolkit.sources.remote import at_hand

    recorded = manifest.get("steps", {}).get("extract", {}).get("files", {})
    if not recorded:
        return
    try:
        source = installation.source(manifest["source"])
        with at_hand(source.path, installation.reading) as place:
            now = hashes_of(place)
    except EdfiToolkitError as error:
        yield Check("source", manifest["source"], CHANGED, str(error))
        return
    except OSError as error:
        yield Check("source", manifest["source"], CHANGED, what_failed(error))
        return
    for name, digest in recorded.items():
        state = AS_RECORDED if now.get(name) == digest else CHANGED
        yield Check("source", name, state, "" if name in now else "It is no longer there.")


def _ledger(folder: RunFolder, manifest: Facts, installation: Settings) -> Iterator[Check]:
    """What the ledger keeps of the run, against the result of each record in its folder."""
    from edfi_toolkit.ledger import Ledger

    published = manifest.get("steps", {}).get("publish", {})
    if not published.get("finished"):
        return
    with Ledger(installation.ledger) as ledger:
        runs, attempts = ledger.runs(), ledger.attempts(folder.run_id)
    known = runs.loc[runs["run_id"].eq(folder.run_id), "fingerprint"].tolist()
    if published["fingerprint"] not in known:
        yield Check("ledger", folder.run_id, DIFFERS if known else MISSING, "Another plan, or no such run.")
        return
    if "erased" in manifest:  # rows are gone on either side, and items are no longer numbered
        yield Check("ledger", folder.run_id, ERASED)
        return
    try:
        result = folder.load_frame("results")
    except ConfigError as error:
        yield Check("ledger", folder.run_id, DIFFERS, str(error))
        return
    last = attempts[attempts["settled_at"].notna()].drop_duplicates("item", keep="last").set_index("item")
    kept = last[["outcome", "student_unique_id"]].add_suffix("_kept")
    both = pd.concat([result[["outcome", "student_unique_id"]], kept], axis=1, join="inner")
    settled = both[~both["outcome"].isin(["unsure", "pending"])]  # a later run may have found out
    unlike = settled["outcome"].ne(settled["outcome_kept"])
    unlike |= settled["student_unique_id"].ne(settled["student_unique_id_kept"])
    count = int(unlike.sum())
    says = f"{count} of {len(settled)} results are not those of the ledger." if count else ""
    yield Check("ledger", folder.run_id, DIFFERS if count else AS_RECORDED, says)

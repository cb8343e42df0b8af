"""A run's feed: its ledger, what became of its records, and its other runs of the same school year."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs.folder import RunFolder, runs_newest_first

if TYPE_CHECKING:
    from edfi_toolkit.ledger import Feed, Ledger
    from edfi_toolkit.ledger.history import History
    from edfi_toolkit.runs.run import Run


FEED = ("profile", "school_year", "source", "target")  # what names a feed and its year in a manifest


def feed_of(manifest: Mapping[str, Any]) -> tuple[Any, ...]:
    """The feed and school year of a run, as of FEED; None for what its manifest does not say."""
    return tuple(manifest.get(name) for name in FEED)


@contextmanager
def ledger_of(run: Run) -> Iterator[tuple[Ledger, Feed]]:
    """The ledger of the run's installation, and the run's feed in it. Raises ConfigError where the settings do not have
    its target."""
    from edfi_toolkit.ledger import Ledger

    with Ledger(run.installation.ledger) as ledger:
        yield ledger, ledger.feed(run.target.identity, run.profile, run.source.name)


@contextmanager
def history_of(run: Run) -> Iterator[History]:
    """What became of the records of the run's feed. Raises as `ledger_of`."""
    from edfi_toolkit.ledger.history import History

    with ledger_of(run) as (ledger, feed):
        yield History(ledger, feed)


def is_of(manifest: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
    """Whether a manifest says all of this."""
    return all(manifest.get(name) == value for name, value in wanted.items())


def is_retry(manifest: Mapping[str, Any]) -> bool:
    """A run of chosen records alone is opened by its name: what is known of all records is in the run before it.

    It says so from its first step on, as it may be stopped or fail before it has a plan.
    """
    preview: Mapping[str, Any] = manifest.get("steps", {}).get("preview", {})
    return "retry" in (manifest.get("mode"), preview.get("mode"))  # runs of earlier versions: their plan


def was_a_retry(run: Run, run_id: str) -> bool:
    """Whether a run, as the ledger names it, sent chosen records alone; not known of one without a folder."""
    with suppress(ConfigError):  # published from Python, a run may have any name
        return is_retry(RunFolder(run.installation.runs_dir, run_id).manifest)
    return False


def newer_run(run: Run) -> RunFolder | None:
    """The newest run of the feed that came to a preview, when it began after this one; None when this is it.

    Any run began after one that has no folder yet.
    """
    for folder, steps in _of_feed(run):
        if folder.run_id == run.id:
            return None
        if "preview" in steps:
            return folder
    return None


def last_published(run: Run) -> Run | None:
    """The newest other run of the feed that began to publish; a retry of chosen records is none."""
    for folder, steps in _of_feed(run):
        if folder.run_id != run.id and "publish" in steps:
            return like(run, folder)
    return None


def like(run: Run, folder: RunFolder) -> Run:
    """A run in another folder with the profile, school year, source, target and settings of this one."""
    return type(run)(
        folder,
        run.installation,
        run.source,
        run.given,
        profile=run.profile,
        school_year=run.school_year,
        target=run.target_name,
    )


def _of_feed(run: Run) -> Iterator[tuple[RunFolder, Mapping[str, Any]]]:
    """The runs of the feed, newest first, each with its steps; this one too, and no other that only retries."""
    wanted = dict(zip(FEED, (run.profile, run.school_year, run.source.name, run.target_name), strict=True))
    for folder in runs_newest_first(run.installation.runs_dir):
        manifest: Mapping[str, Any] = {}
        with suppress(ConfigError):  # one that cannot be read says so when it is opened
            manifest = folder.manifest
        if folder.run_id == run.id or (is_of(manifest, wanted) and not is_retry(manifest)):
            yield folder, manifest.get("steps", {})

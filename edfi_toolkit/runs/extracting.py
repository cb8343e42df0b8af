"""The source read into a run, and what it is compared with: the extract before, and the last publish."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import dropwhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.values import moment
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.review.extracts import Earlier, extracted_view
from edfi_toolkit.review.views import View
from edfi_toolkit.runs.artifacts import hashes_of
from edfi_toolkit.runs.decisions.corrections import close_agreed, open_corrections
from edfi_toolkit.runs.feed import ledger_of
from edfi_toolkit.runs.folder import RunFolder, runs_newest_first
from edfi_toolkit.runs.manifest import check_row_balance, extract_counts, head_of_manifest
from edfi_toolkit.tables.shapes import has_lost, shapes_of

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.tables import Tables


def read_source(run: Run) -> Tables:
    """Read the source into the run's folder; whatever was there is gone."""
    from edfi_toolkit.sources import extract
    from edfi_toolkit.sources.remote import at_hand

    source, chosen = run.source, run.settings
    with at_hand(source.path, run.installation.reading) as place:
        tables = extract(
            place,
            profile=run.profile,
            mapping=source.mapping,
            settings=chosen,
            limits=run.installation.reading,
            corrections=open_corrections(run),
        )
        files = hashes_of(place)
    read = tables.summary()
    check_row_balance("extract", read["rows"].sum(), read[["kept", "set_aside", "collapsed"]].sum().to_dict())
    run.folder.forget_from("extract")
    run.folder.begin(head_of_manifest(run, chosen))
    tables.save(run.path / "tables")
    close_agreed(run, tables)
    run.folder.record("extract", {**extract_counts(tables), "files": files})
    return tables


def extract_view(run: Run) -> View:
    """What was read, compared with the extract before; before the run publishes, with the last publish too."""
    losses = [] if run.published else losses_of(run)
    return extracted_view(run.tables, run.masker(), _earlier(run), losses)


def losses_of(run: Run) -> list[str]:
    """COM-GRD-1 and COM-GRD-3 as a plan says them that changes whatever rests on the lost rows."""
    from edfi_toolkit.planning.comparison import PlanScope, map_side
    from edfi_toolkit.planning.source_loss import source_loss

    if run.school_year is None or run.target_name not in run.installation.targets:
        return []
    with ledger_of(run) as (ledger, feed):
        last = ledger.source_shapes(feed, school_year=run.school_year)
        if not has_lost(shapes_of(last), run.tables.shapes):
            return []
        mapped = ledger.identity_map(feed)
    scope = PlanScope(run.profile, run.school_year, run.source.name, tuple(mapped["resource"].unique()))
    published = map_side(mapped, scope)
    loss = source_loss(last, published, run.tables, run.profile)
    share = float(run.settings["max_shrink_share"])
    return [*loss.lost(), *loss.shrunk(published, share)]


def _earlier(run: Run) -> Earlier:
    """The newest extract of the same feed and year among the runs before this one."""
    try:
        for folder, steps in _runs_before(run):
            path, at = folder.path / "tables" / "_shapes.parquet", steps.get("extract", {}).get("at")
            if path.is_file() and at:
                shapes = shapes_of(pd.read_parquet(path))
                return Earlier(moment(dt.datetime.fromisoformat(at)), shapes, _changed_files(run, steps))
    except ConfigError as error:
        return Earlier(unreadable=f"It is not compared with an earlier extract. {error}")
    return Earlier()


def _changed_files(run: Run, then: Mapping[str, Any]) -> list[str]:
    """The files that both extracts have and that are not the same, hidden ones left out. then: steps of the earlier."""
    before = then["extract"].get("files", {})
    now = run.folder.manifest["steps"]["extract"].get("files", {})
    changed = [Path(name) for name, digest in now.items() if before.get(name, digest) != digest]
    return [path.name for path in changed if not any(part.startswith(".") for part in path.parts[1:])]


def built_before(run: Run) -> str:
    """How many records the run before had, where that is another number; empty where it is not known."""
    now = run.folder.manifest["steps"]["build"]["records"]
    with suppress(ConfigError):  # the extract says so
        for _, steps in _runs_before(run):
            if before := steps.get("build"):
                was = before["records"]
                more = f"{abs(now - was):,} {'more' if now > was else 'fewer'}"
                return f"That is {more} than the run before, which built {was:,}." if now != was else ""
    return ""


def _runs_before(run: Run) -> Iterator[tuple[RunFolder, Mapping[str, Any]]]:
    """The runs of the same feed and year before this one, newest first, each with its steps.

    Raises ConfigError at one that cannot be read.
    """
    mine = run.folder.manifest
    same = {name: mine.get(name) for name in ("profile", "school_year", "source", "target")}
    runs = runs_newest_first(run.installation.runs_dir)
    for folder in dropwhile(lambda found: found.run_id != run.id, runs):
        manifest = folder.manifest
        if folder.run_id != run.id and all(manifest.get(name) == value for name, value in same.items()):
            yield folder, manifest.get("steps", {})

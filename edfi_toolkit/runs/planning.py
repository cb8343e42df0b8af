"""How a run comes to its plan: what the ledger remembers and, for a resync, what the ODS holds."""

from __future__ import annotations

from collections.abc import Callable, Collection
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.errors import ConfigError, OdsError
from edfi_toolkit.runs.asking import client_of
from edfi_toolkit.runs.decisions.corrections import check_corrections
from edfi_toolkit.runs.feed import is_retry, ledger_of
from edfi_toolkit.runs.ledger_now import identity_map
from edfi_toolkit.settings import dotted

if TYPE_CHECKING:
    from edfi_toolkit.display.progress import Progress
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.planning.chosen import Chosen
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.validation import Checked


def plan_of(run: Run, schools: Collection[int] = (), chosen: Chosen | None = None) -> Plan:
    """The plan of an ordinary publish: against what was published before; of chosen records alone, a retry."""
    from edfi_toolkit.planning import plan

    _check_fits(run)
    if chosen is None:
        _refuse_retry(run)
    _recover(run)
    made = plan(
        _checked(run),
        source_name=run.source.name,
        schools=schools,
        chosen=chosen,
        updatable=_updatable(run),
        unasked=_unasked(run),
        **_remembered(run),
    )
    return _with_other_feeds(run, made)


def live_plan_of(run: Run, schools: Collection[int], progress: Progress) -> Plan:
    """The same plan, compared with the ODS as it is now. Raises OdsError when it cannot be read."""
    from edfi_toolkit.model import associations
    from edfi_toolkit.ods import Client
    from edfi_toolkit.ods.snapshot import dependents, read_snapshot
    from edfi_toolkit.planning import with_live
    from edfi_toolkit.validation import missing_references

    made = plan_of(run, schools)
    written = made.items[made.items["action"].isin(["POST", "PUT"])]
    with Client(run.target) as client:
        missing = missing_references(written, target=client, identity_map=partial(identity_map, run))
        ods, unread, lacking = read_snapshot(client, associations(), progress=progress)
        return with_live(
            made,
            ods,
            missing=missing.assign(severity="warning"),
            dependents=dependents(client),
            unread=unread,
            lacking=lacking,
        )


def resync_of(
    run: Run,
    schools: Collection[int],
    progress: Progress,
    incremental: bool | None,
    note: Callable[[str], None],
) -> Plan:
    """The plan of a resync: against what the ODS holds now. Raises OdsError when it cannot be read.

    incremental: read what changed since the last time, into a copy that is kept; None as the target is set. note:
        takes what was read so.
    """
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.watermarks import Copies
    from edfi_toolkit.ods import Client
    from edfi_toolkit.ods.snapshot import read_snapshot
    from edfi_toolkit.planning import plan, resources_of

    _check_fits(run)
    _refuse_retry(run)
    _recover(run)
    # Before the ODS: whatever is published meanwhile makes this plan a stale one.
    known = _remembered(run, claims=True)
    with Client(run.target) as client, Ledger(run.installation.ledger) as ledger:
        copies = Copies(client, ledger, run.installation.copies_dir)
        kept = run.target.incremental if incremental is None else incremental
        ods, unread, lacking = read_snapshot(
            copies if kept else client, resources_of(_checked(run)), progress=progress
        )
    if kept:
        note(copies.says)
    found = {"ods": ods, "unread": unread, "lacking": lacking}
    found |= {"schools": schools, "updatable": _updatable(run), "unasked": _unasked(run)}
    made = plan(run.checked, mode="resync", source_name=run.source.name, **found, **known)
    return _with_other_feeds(run, made)


def _remembered(run: Run, *, claims: bool = False) -> dict[str, Any]:
    """What the ledger knows for a plan: what was published, and how the resources were set at the last sync.

    claims: also what other feeds published to this target, which a resync must not take for no one's.
    """
    with ledger_of(run) as (ledger, feed):
        year = int(run.built.config["school_year"])
        known = [ledger.identity_map(feed), *([ledger.claims(feed)] if claims else [])]
        return {
            "identity_map": pd.concat(known, ignore_index=True) if claims else known[0],
            "last_sync": ledger.last_sync(feed, school_year=year),
            "last_shapes": ledger.source_shapes(feed, school_year=year),
        }


def _with_other_feeds(run: Run, made: Plan) -> Plan:
    """The plan, saying what of it another source of the same target and profile has delivered (COM-SRC-2)."""
    from edfi_toolkit.planning.other_feeds import to_create, with_other_feeds

    with ledger_of(run) as (ledger, feed):
        year = int(run.built.config["school_year"])
        return with_other_feeds(made, ledger.delivered_elsewhere(feed, to_create(made), school_year=year))


def _updatable(run: Run) -> frozenset[str]:
    """Where a PUT may change a key, if a setting asks (COM-KEY-3); not asked where key changes wait anyway.

    Raises OdsError: for want of an answer nothing may be deleted that a PUT could change.
    """
    from edfi_toolkit.ods.snapshot import updatable

    if run.built.settings.get("key_change") != "put_if_updatable" or _unasked(run):
        return frozenset()
    with client_of(run) as client:
        return updatable(client)


def _checked(run: Run) -> Checked:
    """What validation found; read again where it has asked another target, or one at all, since this run was opened."""
    if run.checked.checked_against != run.folder.checked_against:
        del run.checked
    return run.checked


def _unasked(run: Run) -> bool:
    """Whether the target could not be asked when the records were checked, or was another one then."""
    return run.folder.checked_against != run.target.identity


def _check_fits(run: Run) -> None:
    """One run speaks to the target of one school year, with all corrections there are and one value of a setting."""
    check_corrections(run)
    check_settings(run)
    run.target.check_year(int(run.built.config["school_year"]))


def check_settings(run: Run) -> None:
    """Raises ConfigError where the run is given a setting that it was not built with."""
    from edfi_toolkit.rules import profile

    asked, built = map(profile(run.profile).resolve, (run.settings, run.built.settings))
    if other := [name for name in dotted(run.given or {}) if asked[name] != built.get(name)]:
        raise ConfigError(
            f"Run {run.id} was built with another {', '.join(other)}. Build it again (notebook 20), or start a new run."
        )


def _refuse_retry(run: Run) -> None:
    if is_retry(run.folder.manifest):
        raise ConfigError(
            f"Run {run.id} is a retry of chosen records alone, and this plan would be of all. "
            "Open the latest run, or check the refused records again (notebook 50)."
        )


def _recover(run: Run) -> None:
    """What a crashed run left unsure is looked up before a plan is made; later, if the target is unavailable."""
    from edfi_toolkit.publishing import recover

    with suppress(OdsError, ConfigError), client_of(run) as client:
        recover(
            target=client,
            ledger=run.installation.ledger,
            profile=run.profile,
            source=run.source.name,
            school_year=int(run.built.config["school_year"]),
        )

"""Is everything in place: the settings, the source, the target and its login, the ledger?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.errors import ConfigError, EdfiToolkitError, StorageUnavailable
from edfi_toolkit.privacy import session_masker
from edfi_toolkit.review.extracts import extracted_view
from edfi_toolkit.review.views import Block, View
from edfi_toolkit.runs.asking import client_of
from edfi_toolkit.settings import Settings, Source, load_settings, without_credentials
from edfi_toolkit.storage import private_folder

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

OK, WRONG = "ok", "needs attention"


def check_setup(
    installation: Settings | None = None, *, source: Source | None = None, target: str | None = None
) -> View:
    """One line for each thing a run needs, and what to do where it is missing. Only the target is contacted.

    source, target: only these, of a run, which says itself what is next; None checks all that the settings name.
    """
    installation = installation or load_settings()
    checks: list[tuple[str, Callable[[], str]]] = [
        ("settings file", lambda: str(installation.file or "none; the environment alone is used")),
        ("ledger", lambda: _ledger(installation)),
        ("runs folder", lambda: _writable(installation.runs_dir)),
    ]
    sources = [source] if source is not None else list(installation.sources.values())
    targets = [target] if target is not None else sorted(installation.targets)
    checks += [(f"source {named.name}", partial(_source, named)) for named in sources]
    checks += [(f"target {name}", partial(check_target, installation, name)) for name in targets]
    found = pd.DataFrame([{"what": what, **_result_of(check)} for what, check in checks])
    wrong = int(found["state"].eq(WRONG).sum())
    following = "" if source else "Open notebook 10."
    return View(
        title="Set-up",
        says="Everything is in place." if not wrong else f"{wrong} of {len(found)} need attention.",
        tone="bad" if wrong else "good",
        blocks=[Block("What a run needs", found, tone="bad" if wrong else "")],
        next_step="Put right what needs attention, and run this again." if wrong else following,
        masker=session_masker(),  # no student is in it, and a look at a new installation makes no key
        frames={"checks": found},
        value=found,
        files=_at_hand(installation, sources),
    )


def _at_hand(installation: Settings, sources: Sequence[Source]) -> list[Path]:
    """The settings file, the runs and the sources that are below the folder of the notebooks, and so can be opened."""
    places = [installation.file, installation.runs_dir, *(Path(source.path) for source in sources)]
    here = Path.cwd().resolve()
    return [place for place in places if place and place.exists() and place.resolve().is_relative_to(here)]


def check_login(run: Run) -> None:
    """Raises OdsRefusedLogin or OdsUnavailable now, before the source is read for nothing, and not when publishing."""

    run.target.credentials()
    with client_of(run) as client:
        client.token_info()


def look_at(installation: Settings, source: Source, profile: str) -> View:
    """What an extract of a source would read, by table, and what it could not; nothing is kept."""
    from edfi_toolkit.sources import extract

    chosen = installation.of_build(profile, source, {})
    tables = extract(
        source.path, profile=profile, mapping=source.mapping, settings=chosen, limits=installation.reading
    )
    return replace(extracted_view(tables, session_masker()), title="A look at the source", next_step="")


def _result_of(check: Callable[[], str]) -> dict[str, str]:
    try:
        return {"state": OK, "found": check()}
    except EdfiToolkitError as error:
        return {"state": WRONG, "found": str(error)}


def _ledger(installation: Settings) -> str:
    from edfi_toolkit.ledger.health import check_ledger

    return check_ledger(installation.ledger)


def _writable(folder: Path) -> str:
    try:
        return str(private_folder(folder))
    except StorageUnavailable as error:
        raise ConfigError(f"{error} Or set [paths] runs in edfi.toml.") from None


def _source(source: Source) -> str:
    from edfi_toolkit.sources.addresses import is_remote
    from edfi_toolkit.sources.remote import stamps_at

    if is_remote(source.path):
        return f"{without_credentials(source.path)}, {len(stamps_at(source.path))} files to read"
    if "://" not in source.path and not Path(source.path).exists():
        raise ConfigError(
            f"{without_credentials(source.path)} does not exist. Correct [sources.{source.name}] path in edfi.toml."
        )
    return without_credentials(source.path)


def check_target(installation: Settings, name: str) -> str:
    """A sentence that a target answers and takes the login. Raises ConfigError or OdsError when it does not."""
    from edfi_toolkit.ods import Client

    with Client(installation.target(name)) as client:
        client.token_info()
        return f"{client.target.base_url} answers and accepts the login"

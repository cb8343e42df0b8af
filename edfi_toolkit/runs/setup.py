"""Is everything in place: the settings, the source, the target and its login, the ledger?"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd

from edfi_toolkit.errors import ConfigError, EdfiToolkitError
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.views import Block, View
from edfi_toolkit.settings import Settings, load_settings, without_password

OK, WRONG, UNKNOWN = "ok", "needs attention", "not asked"


def check_setup(
    *, source: str | None = None, target: str | None = None, installation: Settings | None = None
) -> View:
    """One line for each thing a run needs, with what to do where it is missing. Asks the target, writes nothing.

    source, target: names in the settings; None checks every target, and no source that nobody named.
    """
    installation = installation or load_settings()
    checks: list[tuple[str, Callable[[], str]]] = [
        ("settings file", lambda: str(installation.file or "none; the environment alone is used")),
        ("ledger", lambda: _ledger(installation)),
        ("runs folder", lambda: _writable(installation.runs_dir)),
    ]
    sources = [source] if source is not None else sorted(installation.sources)
    targets = [target] if target is not None else sorted(installation.targets)
    checks += [(f"source {name}", lambda name=name: _source(installation, name)) for name in sources]
    checks += [(f"target {name}", lambda name=name: _target(installation, name)) for name in targets]
    found = pd.DataFrame([{"what": what, **_asked(check)} for what, check in checks])
    wrong = int(found["state"].eq(WRONG).sum())
    return View(
        title="Set-up",
        says="Everything is in place." if not wrong else f"{wrong} of {len(found)} need attention.",
        tone="bad" if wrong else "good",
        blocks=[Block("What a run needs", found, tone="bad" if wrong else "")],
        next_step="Notebook 10." if not wrong else "Put right what needs attention, and run this again.",
        masker=Masker(installation.mask_key),
        frames={"checks": found},
        value=found,
    )


def _asked(check: Callable[[], str]) -> dict[str, str]:
    try:
        return {"state": OK, "found": check()}
    except EdfiToolkitError as error:
        return {"state": WRONG, "found": str(error)}


def _ledger(installation: Settings) -> str:
    from edfi_toolkit.sync import Ledger

    with Ledger(installation.ledger):
        return without_password(installation.ledger)


def _writable(folder: Path) -> str:
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ConfigError(
            f"{folder} cannot be made ({error.strerror}). Set [paths] runs in edfi.toml."
        ) from error
    return str(folder)


def _source(installation: Settings, name: str) -> str:
    place = installation.source(name).path
    if "://" not in place and not Path(place).exists():
        raise ConfigError(f"{place} does not exist. Correct [sources.{name}] path in edfi.toml.")
    return without_password(place)


def _target(installation: Settings, name: str) -> str:
    from edfi_toolkit.ods import Client

    with Client(installation.target(name)) as client:
        client.token_info()
        return f"{client.target.base_url} answers and accepts the login"

"""What people decided about a source, as the commands `corrections` and `dismissals` open it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from edfi_toolkit.ledger.decisions import Decisions
    from edfi_toolkit.privacy import Masker


@contextmanager
def decisions_for(profile: str, source: str, target: str) -> Iterator[tuple[Decisions, Masker]]:
    """The decisions about a source, and what masks them."""
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.decisions import Decisions
    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.rules import profile as profile_of
    from edfi_toolkit.settings import load_settings

    installation = load_settings()
    profile_of(profile)
    named, to = installation.source(source), installation.target(target)
    with Ledger(installation.ledger) as ledger:
        yield Decisions(ledger, ledger.feed(to.identity, profile, named.name)), Masker(installation.mask_key)

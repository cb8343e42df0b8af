"""What a notebook shows of the ledger follows what a person decides or sends in one of its panels."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from edfi_toolkit.errors import EdfiToolkitError

_draw: dict[str, Callable[[], object]] = {}


def follow(kind: str, draw: Callable[[], object]) -> None:
    """From now on `draw` is called after each change; the panel of this kind that was made last is the one in view."""
    _draw[kind] = draw


def ledger_changed() -> None:
    """Let every panel show what is so now. One that cannot says so itself, when it is used."""
    for draw in list(_draw.values()):
        with suppress(EdfiToolkitError):
            draw()

"""What a notebook shows of the ledger follows what a person decides or sends, in this notebook or in another one."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from edfi_toolkit.errors import EdfiToolkitError

_draw: dict[str, Callable[[], object]] = {}
_tell: set[str] = set()  # those that only tell, so that they may be drawn at any time


def follow(kind: str, draw: Callable[[], object], *, tells: bool = False) -> None:
    """From now on `draw` is called after each change; the panel of this kind that was made last is the one in view.

    tells: it has nothing to type into or to press, so it follows what another notebook did too.
    """
    _draw[kind] = draw
    _tell.discard(kind)
    if tells:
        _tell.add(kind)


def ledger_changed() -> None:
    """Let every panel show what is so now. One that cannot says so itself, when it is used."""
    _redraw(list(_draw))


def changed_elsewhere() -> None:
    """Let those that only tell show what is so now: another notebook or program changed it."""
    _redraw([kind for kind in _draw if kind in _tell])


def _redraw(kinds: list[str]) -> None:
    for kind in kinds:
        with suppress(EdfiToolkitError):
            _draw[kind]()

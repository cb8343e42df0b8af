"""The one way from what shows itself in a notebook to its panel.

Panels lie above everything that has one, so they are imported here, when one is shown, and nowhere else below them.
"""

from __future__ import annotations

from types import ModuleType

UNATTENDED = "EDFI_UNATTENDED"  # set to 1 where no person is watching


def panels() -> ModuleType:
    """`edfi_toolkit.widgets`, imported when a panel is shown."""
    from edfi_toolkit import widgets

    return widgets

"""The embedded Ed-Fi ODS/API 7.3 of Data Standard 5.2, 4.0 or 6.1: for tests, demos and rehearsals, not for real data.

It imports nothing of the toolkit but errors and the model, so it cannot share a mistake with the client.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edfi_toolkit.sandbox.app import Sandbox as Sandbox
    from edfi_toolkit.sandbox.app import create_app as create_app
    from edfi_toolkit.sandbox.options import Options as Options
    from edfi_toolkit.sandbox.server import Running as Running
    from edfi_toolkit.sandbox.server import serve as serve
    from edfi_toolkit.sandbox.server import start as start

_HOMES = {
    "Options": "options",
    "Running": "server",
    "Sandbox": "app",
    "create_app": "app",
    "start": "server",
    "serve": "server",
}
__all__ = ["Options", "Running", "Sandbox", "create_app", "serve", "start"]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"edfi_toolkit.sandbox.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'edfi_toolkit.sandbox' has no attribute {name!r}")

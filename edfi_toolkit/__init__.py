"""Keep an Ed-Fi ODS true to the student information system: student program associations.

`extract`, `build`, `validate`, `plan`, `publish`, `rejections` are the steps; `open_run` gives the same steps as
methods on a run folder, and `desk` that run with the bar over a notebook. Each is loaded when first used, so
importing this package stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan as Plan
    from edfi_toolkit.planning import identity_map_of as identity_map_of
    from edfi_toolkit.planning import plan as plan  # type: ignore[no-redef] # also a module there
    from edfi_toolkit.publishing import publish as publish  # type: ignore[no-redef] # also a module there
    from edfi_toolkit.review import rejections as rejections
    from edfi_toolkit.rules import build as build
    from edfi_toolkit.runs import desk as desk  # type: ignore[no-redef] # also a module there
    from edfi_toolkit.runs import open_run as open_run
    from edfi_toolkit.runs import set_up as set_up
    from edfi_toolkit.sources import extract as extract  # type: ignore[no-redef] # also a module there
    from edfi_toolkit.validation import validate as validate

__version__ = "0.1.0"

_HOMES = {
    "extract": "sources",
    "build": "rules",
    "validate": "validation",
    "plan": "planning",
    "publish": "publishing",
    "identity_map_of": "planning",
    "Plan": "planning",
    "rejections": "review",
    "desk": "runs",
    "open_run": "runs",
    "set_up": "runs",
}
__all__ = sorted(_HOMES)


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"edfi_toolkit.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'edfi_toolkit' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*_HOMES, "__version__"])

"""Whether a person sits at the notebook, so that a card, a form or a link is of use."""

from __future__ import annotations

import os
import sys
from typing import Any

from edfi_toolkit.display.panels import UNATTENDED


def shell() -> Any:
    """IPython's shell when this is a kernel, else None; IPython is not imported for it."""
    ipython = sys.modules.get("IPython")
    found = ipython.get_ipython() if ipython is not None else None
    return found if hasattr(found, "kernel") else None


def attended() -> bool:
    """Whether what runs the cell could ask a question, as JupyterLab can and papermill cannot."""
    found = shell()
    if found is None or os.environ.get(UNATTENDED) == "1":
        return False
    parent = found.kernel.get_parent("shell") or {}
    return bool(parent.get("content", {}).get("allow_stdin", True))

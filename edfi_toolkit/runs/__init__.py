"""The run folder: one artifact for each step, a manifest, and the steps as methods."""

from edfi_toolkit.runs.desk import desk, set_up
from edfi_toolkit.runs.opening import open_another, open_run
from edfi_toolkit.runs.run import AUTO, Run
from edfi_toolkit.runs.setup import check_setup

__all__ = ["AUTO", "Run", "check_setup", "desk", "open_another", "open_run", "set_up"]

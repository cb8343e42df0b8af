"""Unattended: the same notebooks by papermill, and the exit codes of how it went."""

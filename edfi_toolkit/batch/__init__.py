"""Unattended: the same notebooks by papermill, and the exit codes that tell how it went."""

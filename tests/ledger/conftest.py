"""The fixtures of `embedded.py`."""

from tests.embedded import app, client  # noqa: F401 (fixtures)

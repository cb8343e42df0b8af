"""`python -m tests.script CODE`, from the checkout: as `python -c CODE`, but forked where it can be (tests/warm.py)."""

from __future__ import annotations

import sys

if __name__ == "__main__":
    exec(sys.argv.pop(1), {"__name__": "__main__"})  # noqa: S102 - a test's own

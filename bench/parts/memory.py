"""The most memory this process had."""

from __future__ import annotations

import re
import resource
import sys
from pathlib import Path

RSS_UNIT = 2**20 if sys.platform == "darwin" else 2**10  # what ru_maxrss counts in, of a MB


def peak() -> float:
    """In MB; what Linux counts in ru_maxrss is the parent's where that had more."""
    status = Path("/proc/self/status")
    if status.exists():
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read_text())[1]) / 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / RSS_UNIT

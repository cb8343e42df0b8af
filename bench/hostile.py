"""What files that are broken, or made to be slow, cost to refuse or to read: time, peak memory, and the message.

Each input of `parts/hostile_inputs.py` is written, and then read by a process of its own, whose peak memory counts.
Goals: none takes longer than LONGEST seconds or more than MOST MB, and each ends as it should, in tables or in an error
of the toolkit's own. An argument is part of an input's name; without one all are read.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from parts.hostile_inputs import INPUTS
from parts.memory import peak

LONGEST, MOST = 30, 1_500
SHOWN = 110  # characters of a message


def read(source: str, profile: str) -> dict[str, object]:
    """Seconds, MB, and all that a steward is told about a source."""
    import edfi_toolkit as edfi
    from edfi_toolkit.errors import EdfiToolkitError

    begun = time.perf_counter()
    try:
        tables = edfi.extract(source, profile=profile)
        details = tables.notices.loc[tables.notices["code"].ne("NO_TABLE"), "detail"]
        counts = [f"{name}: {len(frame):,} rows" for name, frame in tables.items()]
        says = [*counts, *tables.skipped["detail"].head(3), *details.head(3)]
    except EdfiToolkitError as error:
        says = [f"{type(error).__name__}: {error}"]
    seconds = time.perf_counter() - begun
    return {
        "seconds": seconds,
        "peak": peak(),
        "says": says,
    }


def in_its_own_process(source: str, profile: str) -> dict[str, object]:
    """`read`, in a process that ends with it; one that fails says how."""
    command = [sys.executable, __file__, "--read", source, profile]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return {"seconds": 0.0, "peak": 0.0, "says": [f"FAILED: {done.stderr[-300:]}"]}
    return json.loads(done.stdout)


def main(arguments: list[str]) -> int:
    """Print one line an input; ends with 1 when one misses a goal."""
    if arguments[:1] == ["--read"]:
        print(json.dumps(read(*arguments[1:])))
        return 0
    missed = []
    print(f"{'':<48}{'s':>6}{'MB':>7}  message")
    for case in INPUTS:
        if not any(word in case.name for word in arguments or [""]):
            continue
        with tempfile.TemporaryDirectory() as place:
            found = in_its_own_process(str(case.write(Path(place), 1)), case.profile)
        says = next((text for text in found["says"] if re.search(case.says, text)), None)
        shown = (says or f"UNEXPECTED: {found['says']}").replace(place, "SOURCE")
        print(f"{case.name:<48}{found['seconds']:>6.1f}{found['peak']:>7,.0f}  {shown[:SHOWN]}", flush=True)
        if says is None or found["seconds"] > LONGEST or found["peak"] > MOST:
            missed.append(case.name)
    print(f"Missed: {', '.join(missed)}." if missed else "All goals are met.")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""What importing the package and asking for help cost, next to importing pandas.

Each is run in a process of its own, the four in turn, so that a busy machine slows all of them alike. Read
the ratios; seconds belong to the machine.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time

ROUNDS = 15
COMMANDS = {
    "nothing": [sys.executable, "-c", "pass"],
    "import pandas": [sys.executable, "-c", "import pandas"],
    "import edfi_toolkit": [sys.executable, "-c", "import edfi_toolkit"],
    "edfi-toolkit --help": [sys.executable, "-m", "edfi_toolkit", "--help"],
}
GOAL = {"import edfi_toolkit": 1.3, "edfi-toolkit --help": 1.8}


def seconds(command: list[str]) -> float:
    """Wall-clock seconds of one process, start to end."""
    environ = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    begun = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, env=environ)
    return time.perf_counter() - begun


def main() -> int:
    """Print medians and ratios to `import pandas`; 1 if a goal is missed."""
    for command in COMMANDS.values():
        seconds(command)  # once unmeasured: bytecode written, files in memory
    rounds = [{name: seconds(command) for name, command in COMMANDS.items()} for _ in range(ROUNDS)]
    missed = 0
    print(f"{'':<22}{'median s':>9}{'x pandas':>10}{'goal':>6}")
    for name in COMMANDS:
        median = statistics.median(one[name] for one in rounds)
        ratio = statistics.median(one[name] / one["import pandas"] for one in rounds)
        goal = GOAL.get(name)
        missed += goal is not None and ratio > goal
        print(f"{name:<22}{median:>9.2f}{ratio:>10.2f}{goal or '':>6}")
    return int(missed > 0)


if __name__ == "__main__":
    sys.exit(main())

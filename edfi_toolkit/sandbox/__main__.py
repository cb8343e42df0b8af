"""`python -m edfi_toolkit.sandbox`: serve until interrupted."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from edfi_toolkit.errors import EdfiToolkitError
from edfi_toolkit.model.standards import STANDARDS
from edfi_toolkit.sandbox.refusal import STYLES
from edfi_toolkit.sandbox.server import serve


def _end_with_parent() -> None:
    """Wait until whoever started us is gone, even by a kill, then end as if asked to."""
    while os.read(0, 4096):  # not sys.stdin: its lock would be held while the interpreter shuts down
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> int:
    """Parse the command line and serve; 2 when a file cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m edfi_toolkit.sandbox", description="An embedded Ed-Fi ODS API."
    )
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--data", help="SQLite file that keeps the data; in memory without it")
    parser.add_argument(
        "--seed", action="append", default=[], help="JSONL file to load first; may be repeated"
    )
    parser.add_argument(
        "--tenant", action="append", default=[], help="a leading path segment; may be repeated"
    )
    parser.add_argument(
        "--school-year", action="append", default=[], type=int, help="likewise, after the tenant"
    )
    parser.add_argument(
        "--reset", action="store_true", help="empty the data file before the seeds are loaded"
    )
    parser.add_argument("--errors", default=STYLES[0], choices=STYLES, help="the shape of errors")
    parser.add_argument("--data-standard", default=STANDARDS[0], choices=STANDARDS)
    parser.add_argument("--log-level", default="warning", choices=["critical", "warning", "info", "debug"])
    parser.add_argument("--with-parent", action="store_true", help="end when standard input closes")
    given = parser.parse_args()
    if given.with_parent:
        threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        serve(
            given.port,
            given.data,
            given.seed,
            given.host,
            tenants=given.tenant,
            school_years=given.school_year,
            errors=given.errors,
            data_standard=given.data_standard,
            reset=given.reset,
            log_level=given.log_level,
        )
    except EdfiToolkitError as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except KeyboardInterrupt:
        return 0
    return 0


if __name__ == "__main__":
    sys.exit(main())

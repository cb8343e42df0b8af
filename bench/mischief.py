"""What an ODS that is broken or hostile costs: time, peak memory, and the message, for each behaviour of
`tests/contract/behaviours.py`.

The server is this process. Each client is a process of its own, whose peak memory counts; its limits of size are the
defaults, those of time are small. Goals: none takes longer than LONGEST seconds or more than MOST MB, and all end with
the toolkit's own error or as an honest answer would have ended. An argument is part of a behaviour's name.
"""

from __future__ import annotations

import json
import multiprocessing
import re
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent))

from parts.memory import peak

from tests.contract.behaviours import ANSWERED, WRITES
from tests.contract.mischief import QUICK, Front, ask

LONGEST, MOST = 20, 300
SHOWN = 90  # characters of a message
LIMITS = {"max_answer_s": 4, "max_silent_s": 2, "max_records": 100_000, "max_pages": 500}


def play(kind: str, url: str, key: str, secret: str) -> dict[str, object]:
    """Seconds, MB and what is said, of a client that asks for this kind, or writes three records."""
    from edfi_toolkit.errors import EdfiToolkitError
    from edfi_toolkit.ods import Client, Write
    from edfi_toolkit.settings import AnswerLimits, Secret, Target
    from tests.factories.district import GENERAL, a_build, a_participation

    target = Target("odd", url, Secret(key), Secret(secret), school_year=2026, answers=AnswerLimits(**LIMITS))
    records = (
        a_build(*(a_participation(n) for n in range(3))).records
        if kind in ("POST", "PUT", "DELETE")
        else None
    )
    begun = time.perf_counter()
    try:
        with Client(target, retry=QUICK, page_size=5 if kind == "partitions" else 500) as client:
            if records is None:
                ask(client, kind)
                says = "used"
            else:
                bodies = [json.dumps(body).encode() for body in records["body"]]
                ids = [None if kind == "POST" else f"{n:032x}" for n in range(3)]
                sent = [None if kind == "DELETE" else body for body in bodies]
                made = [Write(kind, GENERAL, sent[n], ids[n], None, n, f"S-{n}") for n in range(3)]
                says = ", ".join(sorted(outcome.outcome for outcome in client.apply(made)))
    except EdfiToolkitError as error:
        says = f"{type(error).__name__}: {error}"
    return {"seconds": time.perf_counter() - begun, "peak": peak(), "says": says}


def main(arguments: list[str]) -> int:
    """Print one line a behaviour; ends with 1 when one misses a goal."""
    context = multiprocessing.get_context(
        "forkserver"
    )  # a new process for each, without loading pandas again
    context.set_forkserver_preload(["edfi_toolkit.ods", "tests.contract.behaviours"])
    from edfi_toolkit.sandbox import create_app
    from edfi_toolkit.sandbox.control import seed
    from tests.factories.district import seed_lines

    missed, played = [], 0
    print(f"{'':<48}{'s':>6}{'MB':>6}  message")
    with tempfile.TemporaryDirectory() as place, context.Pool(1, maxtasksperchild=1) as pool:
        app = create_app(Path(place) / "ods.db")
        seed(app.state.sandbox.ods, seed_lines(12))
        front = Front(app)
        for behaviour in (*ANSWERED, *WRITES):
            if not any(word in behaviour.name for word in arguments or [""]):
                continue
            front.behave(behaviour)
            target = front.target(tls=behaviour.tls)
            login = (part.reveal() for part in target.credentials())
            try:
                found = pool.apply(play, (behaviour.kind, target.base_url, *login))
            except Exception as error:  # what a steward would see as a traceback
                found = {"seconds": 0.0, "peak": 0.0, "says": f"FAILED: {error!r}"}
            says, played = str(found["says"]), played + 1
            print(
                f"{behaviour.name:<48}{found['seconds']:>6.1f}{found['peak']:>6,.0f}  {says[:SHOWN]}",
                flush=True,
            )
            if says.startswith("FAILED") or found["seconds"] > LONGEST or found["peak"] > MOST:
                missed.append(behaviour.name)
            if behaviour.says and not re.search(behaviour.says.partition(" = ")[0], says):
                missed.append(behaviour.name)
        front.close()
    print(f"{played} behaviours. " + (f"Missed: {', '.join(missed)}." if missed else "All goals are met."))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

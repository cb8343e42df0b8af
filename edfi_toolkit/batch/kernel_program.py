"""The program of the kernel that unattended notebooks run in: IPython's, spared a second in which nothing is done.

1. Python looks for garbage whenever some hundred objects more are there than were freed. The libraries make a million,
   which all stay, and a district's records as many; frames are freed without it. So it looks less often here.
2. At its end Python lets go of every object of every library, one after the other. The system does that at once.
"""

from __future__ import annotations

import atexit
import gc
import os
import runpy
import sys

_OBJECTS = 100_000  # more than there were, until garbage is looked for


def _end() -> None:
    sys.__stdout__.flush()  # type: ignore[union-attr]
    sys.__stderr__.flush()  # type: ignore[union-attr]
    os._exit(0)


if __name__ == "__main__":
    atexit.register(_end)  # the first to be registered is called last, when all others have done their work
    gc.set_threshold(_OBJECTS, *gc.get_threshold()[1:])
    runpy.run_module("ipykernel_launcher", run_name="__main__", alter_sys=True)

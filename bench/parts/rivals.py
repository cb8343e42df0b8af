"""What others have published for Ed-Fi, unchanged, in an environment of its own: made when needed, never ours."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

PINS = ("lightbeam==0.1.12", "edfi_api_client==0.4.1")
_LIMIT_S = 180


class Absent(Exception):
    """They cannot be had here; the message says why."""


def environment(folder: Path, pins: tuple[str, ...] = PINS) -> Path:
    """Make the environment in a folder; where its programs are. Raises Absent."""
    programs = folder / ("Scripts" if sys.platform == "win32" else "bin")
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv:
        _run(uv, "venv", "--quiet", "--python", sys.executable, str(folder))
        _run(uv, "pip", "install", "--quiet", "--python", str(programs / "python"), *pins)
    else:
        _run(sys.executable, "-m", "venv", str(folder))
        _run(str(programs / "python"), "-m", "pip", "install", "--quiet", *pins)
    return programs


def environ() -> dict[str, str]:
    """The environment variables to start them with: nothing that makes them see our own packages."""
    return {name: value for name, value in os.environ.items() if name not in ("PYTHONPATH", "VIRTUAL_ENV")}


def _run(*command: str) -> None:
    try:
        subprocess.run(command, check=True, capture_output=True, text=True, timeout=_LIMIT_S, env=environ())
    except (OSError, subprocess.SubprocessError) as error:
        said = (getattr(error, "stderr", "") or str(error)).strip().splitlines()
        raise Absent(f"it cannot be installed here: {said[-1] if said else error}") from None

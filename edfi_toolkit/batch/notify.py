"""A command of the operator's own that gets the report of what has ended on its stdin, chosen by the outcome."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.errors import what_failed
from edfi_toolkit.settings.hooks import ANY, Hooks

WAIT_S = 60.0
_LOGINS = "EDFI_TARGET_"
_OUR_STDERR = 2  # stdout is for the report alone


def hook_for(code: Exit, *layers: Hooks) -> Sequence[str]:
    """The command for an outcome, of the first layer that has one for it or for any; empty when none has."""
    found = (hooks.get(name) for hooks in layers for name in (code.name.lower(), ANY))
    return next((command for command in found if command), ())


def notify(command: Sequence[str], report: Mapping[str, Any]) -> str:
    """Run it; returns what went wrong with it, which changes nothing about the outcome. It sees no login."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(_LOGINS)}
    try:
        done = subprocess.run(  # noqa: S603 - the operator's own, from the settings or the command line
            command,
            input=orjson.dumps(report, default=str),
            stdout=_OUR_STDERR,
            env=environ,
            timeout=WAIT_S,
            check=False,
        )
    except OSError as error:
        return (
            f"The notify command {command[0]} could not be started ({what_failed(error)}). Correct its path."
        )
    except subprocess.TimeoutExpired:
        return f"The notify command {command[0]} was stopped after {WAIT_S:.0f} s. Let it hand its work on."
    return f"The notify command {command[0]} ended with {done.returncode}." if done.returncode else ""

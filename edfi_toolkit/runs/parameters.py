"""What papermill gave a notebook, checked before a source, a target or a run's folder is touched.

papermill writes every parameter into its output, whether the notebook knows it or not, and takes digits for a number.
The batch runner refuses before it starts; a notebook that plain papermill runs refuses in its first step.
"""

from __future__ import annotations

import ast
import os
import sys
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from edfi_toolkit.display.panels import UNATTENDED
from edfi_toolkit.errors import ConfigError, did_you_mean
from edfi_toolkit.settings.credentials import credentials_in, holds_credentials, names_a_credential

_INJECTED = "# Parameters\n"  # how the cell begins that papermill adds
_AFTERWARDS = "delete that file and its log, and change the secret."


def refuse_credentials(parameters: Mapping[str, Any], todo: str = "") -> None:
    """Raises ConfigError for a parameter that looks like a credential; the message has its name and what to do."""
    for name, value in parameters.items():
        inside = credentials_in(value) if isinstance(value, Mapping) else holds_credentials(str(value))
        if names_a_credential(name) or inside:
            raise ConfigError(
                f"Parameter {name!r} looks like a credential. Parameters are written into notebooks: keep keys, "
                "secrets and database passwords in the environment or the keyring, and pass the name of the target "
                f"or source. {todo}".strip()
            )


def refuse_unknown(names: Iterable[str], known: Iterable[str], whose: str) -> None:
    """Raises ConfigError for a parameter that nothing reads, which would go unnoticed. whose: how it begins."""
    every = sorted(known)
    for name in names:
        if name not in every:
            raise ConfigError(
                f"{whose} has a parameter {name!r}.{did_you_mean(name, every)} They have: {', '.join(every)}."
            )


def refuse_numbers(**texts: Any) -> None:
    """Raises ConfigError for a name that is a number: papermill's -p has taken the zeros from its front."""
    for name, value in texts.items():
        if isinstance(value, int | float):
            raise ConfigError(
                f'{name} is a text, and {value!r} is none. Write {name} = "..." in quotes; for papermill write '
                f"-r {name} in place of -p {name}, which reads digits as a number and loses leading zeros."
            )


def flag_of(name: str, value: Any) -> bool:
    """True or False, which schedulers give as text. Raises ConfigError for anything else."""
    known = {"true": True, "false": False}.get(str(value).strip().lower())
    if known is None:
        raise ConfigError(f"{name} is True or False. Correct it, or leave it out.")
    return known


def settings_from(value: Any) -> dict[str, Any] | None:
    """The settings that a run is given: a mapping, or its JSON text; None where there is none."""
    if isinstance(value, str) and value.strip():
        try:
            value = orjson.loads(value)
        except orjson.JSONDecodeError:
            value = None
        if not isinstance(value, dict):
            raise ConfigError(
                'settings is a dict, or the text of a JSON object such as {"max_delete_share": 0.05}. Correct it.'
            )
    elif value and not isinstance(value, Mapping):
        raise ConfigError('settings is a dict such as {"max_delete_share": 0.05}. Correct it.')
    return dict(value) if value else None


def check_notebook(**given: Any) -> None:
    """In a notebook, refuse what papermill added that is unknown or a credential, and a credential in what is given."""
    ipython = sys.modules.get("IPython")
    shell = ipython.get_ipython() if ipython is not None else None
    if shell is None:
        return
    cells: list[str] = shell.user_ns.get("In", [])
    injected = next((at for at, cell in enumerate(cells) if cell.startswith(_INJECTED)), None)
    if injected is not None:
        os.environ[UNATTENDED] = "1"
        added = {name: shell.user_ns.get(name) for name in _assigned(cells[injected])}
        refuse_credentials(added, f"Papermill has written it into its output already: {_AFTERWARDS}")
        known = {name for cell in cells[:injected] for name in _assigned(cell)}
        refuse_unknown(added, known, "No cell of this notebook")
    refuse_credentials(given, f"It stands in this notebook: {_AFTERWARDS}")


def _assigned(cell: str) -> list[str]:
    """The names that a cell of plain assignments sets."""
    try:
        body = ast.parse(cell).body
    except SyntaxError:  # a cell with a command of IPython
        return []
    targets = [target for step in body if isinstance(step, ast.Assign) for target in step.targets]
    targets += [step.target for step in body if isinstance(step, ast.AnnAssign)]
    return [target.id for target in targets if isinstance(target, ast.Name)]

"""How the host spells the names of the model in its messages."""

from __future__ import annotations

import re

# The host lowers the leading acronym of a name in JSON and keeps it in messages.
_ACRONYMS = re.compile(r"^(cip|cte|iep|ela|us|ideaPart|ideaIndicator)(?=[A-Z]|$)")
_SPELLED = {"ideaPart": "IDEAPart", "ideaIndicator": "IDEAIndicator"}


def pascal(name: str) -> str:
    """The name of a member as messages print it: cteProgramServices -> CTEProgramServices."""
    found = _ACRONYMS.match(name)
    if found:
        return _SPELLED.get(found[1], found[1].upper()) + name[found.end() :]
    return name[:1].upper() + name[1:]


def singular(name: str) -> str:
    """The singular of a collection's name."""
    if name.endswith("ies"):
        return f"{name[:-3]}y"
    return name[:-2] if name.endswith("sses") or name.endswith("tuses") else name.removesuffix("s")

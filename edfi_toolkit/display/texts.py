"""Characters that show nothing and steer what shows the rest: escaped wherever a person looks."""

from __future__ import annotations

import re

# Controls but tab and line end, marks of direction and of width, line and paragraph separators, lone surrogates, tags.
_UNSEEN = re.compile(
    "\r(?!\n)|[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f"
    "\ufeff\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: str) -> str:
    """The text with every such character as `\\u001b`, which neither a terminal nor a page obeys; JSON stays JSON."""
    return text if text.isprintable() else _UNSEEN.sub(_escaped, text)


def _escaped(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))

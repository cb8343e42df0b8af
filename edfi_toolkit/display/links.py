"""Names of notebooks and files as links: relative to the notebook, so that they also work on a remote server.

JupyterLab resolves a relative link of a cell's output against the notebook's folder: it opens what it can show, and
downloads what carries `download`, both through the server's own files. Unattended there is no such server: plain text.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from html import escape
from pathlib import Path
from urllib.parse import quote

from edfi_toolkit.display.attended import attended
from edfi_toolkit.display.texts import visible

_NOTEBOOK = re.compile(r"\b(?:([Nn]otebook )(\d\d)|(\d\d_[a-z_]+))\b")
_SHOWN_BY_LAB = {".csv", ".html", ".ipynb", ".json", ".jsonl", ".md", ".pdf", ".png", ".toml", ".txt", ""}


def file_link(path: str | os.PathLike[str], text: str = "") -> str:
    """A file as HTML: a link that opens it in JupyterLab, or downloads what JupyterLab cannot show."""
    place = Path(path)
    shown = escape(visible(text or place.name))
    if not attended():
        return shown if text else escape(visible(str(place)))
    address = quote(Path(os.path.relpath(place.resolve(), Path.cwd().resolve())).as_posix())
    saves = "" if place.suffix.lower() in _SHOWN_BY_LAB else f' download="{escape(place.name)}"'
    return f'<a href="{address}"{saves} title="{escape(visible(str(place)))}">{shown}</a>'


def file_links(paths: Iterable[str | os.PathLike[str]]) -> str:
    """Several files on one line."""
    return " · ".join(file_link(path) for path in paths)


def with_notebook_links(text: str) -> str:
    """A sentence as HTML, each notebook that it names (`10_extract`, `notebook 10`) a link to it where it is here."""
    if not attended():
        return escape(visible(text))
    here = {path.stem[:2]: path.stem for path in sorted(Path.cwd().glob("[0-9][0-9]_*.ipynb"))}

    def link(match: re.Match[str]) -> str:
        stem = here.get(match[2] or match[3][:2], "")
        fits = bool(stem) and match[3] in (None, stem)
        return f'<a href="{stem}.ipynb">{match[0]}</a>' if fits else match[0]

    return _NOTEBOOK.sub(link, escape(visible(text)))

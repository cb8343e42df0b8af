"""The report goes on after validation: the plan, what was sent, the refusals, each a section of the same file."""

from __future__ import annotations

import html
import re

from edfi_toolkit.review.views import View

_PLACE, _LINKS = "<!-- further steps -->", "<!-- further links -->"


def with_section(page: str, name: str, view: View, *, as_of: str) -> str:
    """The report with a view as one of its sections, and a link to it, in place of what they were before; masked as the
    view is. as_of: when it was so, for whoever opens the report later."""
    at = f"<p class='lead'>As of {html.escape(as_of)}</p>"
    section = f"<section id='{name}'>{at}{view.html('; the workbook has all')}</section>"
    page = _with(page, f"link to {name}", f"<a href='#{name}'>{html.escape(view.title)}</a>", before=_LINKS)
    return _with(page, name, section, before=_PLACE)


def _with(page: str, name: str, part: str, *, before: str) -> str:
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    marked = f"{begin}{part}{end}\n"
    known = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}\n", re.DOTALL)
    if known.search(page):
        return known.sub(lambda _match: marked, page)
    return page.replace(before, f"{marked}{before}")

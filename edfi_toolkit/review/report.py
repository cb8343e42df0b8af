"""The report goes on after validation: the plan, what was sent, the refusals, each a section of the same file."""

from __future__ import annotations

import re

from edfi_toolkit.review.views import View

_PLACE = "<!-- further steps -->"


def with_section(page: str, name: str, view: View) -> str:
    """The report with a view as one of its sections, in place of what the section was before; masked as the view is."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    section = f"{begin}<section id='{name}'>{view.html('; the workbook has all')}</section>{end}\n"
    known = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}\n", re.DOTALL)
    if known.search(page):
        return known.sub(lambda _match: section, page)
    return page.replace(_PLACE, f"{section}{_PLACE}")

"""What `explain` gives: one student's story, as a frame and for the eye. Masked unless revealed."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import groupby

import pandas as pd

from edfi_toolkit.privacy import Masker, session_masker

COLUMNS = ["step", "table", "id", "outcome", "rule", "says", "source"]
# The parts of a story; every other outcome is a notice or an element of a record.
PARTS = {
    "What the tables hold": ("read", "unreadable", "not found"),
    "What the rules made of it": ("kept", "skipped", "not used", "not asked for"),
    "What was built": ("collapsed", "built", "nothing built", "not sent"),
    "What is in the ODS already": ("sent before",),
}
_PART_OF = {outcome: part for part, outcomes in PARTS.items() for outcome in outcomes}
_ELEMENTS = "How the records get their values"
_COLOURS = {
    "built": "var(--jp-success-color1, #2e7d32)",
    "skipped": "var(--jp-error-color1, #b3261e)",
    "unreadable": "var(--jp-error-color1, #b3261e)",
    "not found": "var(--jp-error-color1, #b3261e)",
    "nothing built": "var(--jp-error-color1, #b3261e)",
    "notice": "var(--jp-warn-color1, #b26a00)",
    "collapsed": "var(--jp-warn-color1, #b26a00)",
    "not sent": "var(--jp-warn-color1, #b26a00)",
}
_CELL = 'style="text-align:left;vertical-align:top;padding:2px 12px 2px 0"'
_NUMBERED = re.compile(r"^(.*-)(\d+)$")


@dataclass(frozen=True)
class Story:
    """One student's story. frame: step, table, id, outcome, rule, says, source, in the order the rules ran.

    The frame holds real ids. Shown in a notebook or printed, the story is masked; `revealed()` shows the student.
    known: the student's ids, to be hidden inside sentences.
    """

    student: str
    frame: pd.DataFrame = field(repr=False)
    known: tuple[str, ...] = field(default=(), repr=False)
    reveal: bool = False

    def revealed(self) -> Story:
        """The same story, showing the student's ids."""
        return replace(self, reveal=True)

    def __str__(self) -> str:
        title, parts = self._shown()
        lines = [title]
        for part, rows in parts:
            lines += ["", part]
            for row in rows.to_dict("records"):
                by = f" [{in_short(row['rule'])}]" if row["rule"] else ""
                where = f" {row['table']} {row['id']}".rstrip()
                lines.append(f"{row['step']:>3}. {row['outcome']}:{where}{by} {row['says']}")
        return "\n".join(lines)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        title, parts = self._shown()
        text = [f'<div><div style="font-weight:600;font-size:1.1em">{html.escape(title)}</div>']
        for part, rows in parts:
            lines = "".join(_line(row) for row in rows.to_dict("records"))
            above = f'<caption style="caption-side:top;text-align:left;font-weight:600">{part}</caption>'
            text.append(f'<table style="margin:8px 0 0;border-collapse:collapse">{above}{lines}</table>')
        return "".join(text) + "</div>"

    def _shown(self) -> tuple[str, list[tuple[str, pd.DataFrame]]]:
        """The title, and the rows of each part, as eyes may see them."""
        masker = self._masker()
        rows = masker.frame(self.frame)
        name = self.student if self.reveal else masker.value(self.student)
        return f"Student {name}", parts_of(rows)

    def _masker(self) -> Masker:
        masker = session_masker().knowing(known for known in self.known if len(known) > 1)
        return masker.revealed() if self.reveal else masker


def parts_of(story: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    """The steps of a story's frame under the heading of each part, in their order."""
    parts = [_PART_OF.get(outcome, _ELEMENTS) for outcome in story["outcome"]]
    return [
        (part, story.iloc[[at for at, _ in steps]])
        for part, steps in groupby(enumerate(parts), lambda pair: pair[1])
    ]


def _line(row: dict[str, object]) -> str:
    colour = _COLOURS.get(str(row["outcome"]), "inherit")
    where = f"{row['table']} {row['id']}".strip()
    rule = f'<span title="{html.escape(str(row["source"]))}">{_unbroken(in_short(str(row["rule"])))}</span>'
    cells = [str(row["step"]), _unbroken(where), html.escape(str(row["says"])), rule]
    outcome = f'<td {_CELL}><span style="color:{colour}">{html.escape(str(row["outcome"]))}</span></td>'
    first, *others = (f"<td {_CELL}>{cell}</td>" for cell in cells)
    return f"<tr>{first}{outcome}{''.join(others)}</tr>"


def _unbroken(text: str) -> str:
    """A name of a row or rule, which a narrow column must not break at its hyphens; a list of them it may."""
    return ", ".join(
        f'<span style="white-space:nowrap">{html.escape(name)}</span>' for name in text.split(", ")
    )


def in_short(rules: str) -> str:
    """A list of rule ids with runs of three and more drawn together: `COM-PAY-1 to COM-PAY-4, COM-FUT-1`."""
    return ", ".join(_runs(rules.split(", ")))


def _runs(rules: list[str]) -> Iterator[str]:
    def place(pair: tuple[int, str]) -> tuple[str, int]:
        at, rule = pair
        numbered = _NUMBERED.match(rule)
        return (numbered[1], int(numbered[2]) - at) if numbered else (rule, 0)

    for _, run in groupby(enumerate(rules), place):
        names = [rule for _, rule in run]
        yield from [f"{names[0]} to {names[-1]}"] if len(names) > 2 else names

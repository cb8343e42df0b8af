"""What shows nothing and steers the rest is escaped wherever a person looks."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from edfi_toolkit.cli.output import say, show, show_json
from edfi_toolkit.display.tables import Table, TextTable
from edfi_toolkit.display.texts import visible
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.privacy import session_masker
from edfi_toolkit.review.views import Block, View

HOSTILE = "a\x1b]0;owned\x07b\x9b31m\u202egnp.exe\u2066\ud800\r!"
SHOWN = r"a\u001b]0;owned\u0007b\u009b31m\u202egnp.exe\u2066\ud800\u000d!"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (HOSTILE, SHOWN),
        ("Łódź, 東京, a\xa0b\tc\r\nd", "Łódź, 東京, a\xa0b\tc\r\nd"),
        ("\u200bzero\ufeff", r"\u200bzero\ufeff"),
        ("\U000e0041", r"\udb40\udc41"),
        ("\u2028\x7f\x00", r"\u2028\u007f\u0000"),
    ],
)
def test_what_steers_is_escaped_and_what_reads_is_not(text: str, shown: str) -> None:
    assert visible(text) == shown
    assert visible(shown) == shown


def test_cells_labels_tables_and_views_are_escaped() -> None:
    hostile = HOSTILE.replace("\ud800", "")  # pandas keeps no lone surrogate
    frame = pd.DataFrame({hostile: [hostile, {"a": hostile}]})
    masker = session_masker()
    view = View(
        title=HOSTILE, says=HOSTILE, tone="good", blocks=[Block(HOSTILE, frame)], next_step="", masker=masker
    )
    table = Table(frame, masker=masker, title=HOSTILE)
    texts = TextTable.of(frame, masker)
    shown = [cell_text(HOSTILE), texts.html(), texts.text, *texts.labels, repr(table), table._repr_html_()]
    for text in [*shown, repr(view), view._repr_html_()]:
        assert not set(text) & set("\x1b\x07\x9b\u202e\u2066\ud800\r"), text
        assert r"\u001b" in text


def test_the_terminal_gets_nothing_it_would_obey(capsys: pytest.CaptureFixture[str]) -> None:
    say(HOSTILE)
    show(View(title=HOSTILE, says="", tone="good", blocks=[], next_step="", masker=session_masker()))
    show_json({"says": HOSTILE.replace("\ud800", "")})
    told = capsys.readouterr()
    assert told.err == f"{SHOWN}\n"
    first, *_, last = told.out.splitlines()
    assert first == SHOWN
    assert json.loads(last)["says"] == HOSTILE.replace("\ud800", "")
    assert not set(told.out) & set("\x1b\x07\x9b\u202e\u2066")

"""What a command shows: a table fits the terminal, and in a file each of its rows is one line."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.cli.output import show, show_table
from edfi_toolkit.display.tables import TextTable
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review.views import Block, View

pytestmark = pytest.mark.unit
LONG = "[the extract] lies elsewhere, correct its path in the settings " * 3


def shown(capsys: pytest.CaptureFixture[str]) -> list[str]:
    frame = pd.DataFrame({"state": ["ok", "bad"], "found": ["here", LONG]})
    show(
        View(
            "Set-up",
            "1 of 2 needs attention.",
            "bad",
            [Block("What a run needs", frame)],
            "",
            Masker(b"k"),
        )
    )
    return capsys.readouterr().out.splitlines()


def test_in_a_terminal_a_long_cell_wraps(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    lines = shown(capsys)
    assert max(map(len, lines)) <= 60
    assert "[the extract]" in "".join(lines)  # nothing in brackets is taken for a colour
    assert not any("\x1b" in line or "\\u001b" in line for line in lines)


def test_in_a_file_a_row_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert f"bad    {LONG.strip()}" in [line.strip() for line in shown(capsys)]


def test_a_command_that_shows_one_table_does_so_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    table = TextTable.of(pd.DataFrame({"state": ["bad"], "found": [LONG]}), Masker(b"k"))
    show_table(table, "Nothing.")
    assert f"bad    {LONG.strip()}" in [line.strip() for line in capsys.readouterr().out.splitlines()]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    show_table(table, "Nothing.")
    assert max(map(len, capsys.readouterr().out.splitlines())) <= 60
    show_table(TextTable.of(pd.DataFrame({"state": []}), Masker(b"k")), "Nothing.")
    assert capsys.readouterr().out == "Nothing.\n"


def test_columns_without_room_are_a_line_a_row_too(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "15")
    assert f"bad    {LONG.strip()}" in [line.strip() for line in shown(capsys)]

"""The one signature of progress: what a long step calls, and the text of how far it is."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

from edfi_toolkit.cli.progress import TerminalProgress
from edfi_toolkit.display.progress import NO_COUNTS, Progress, progress_text
from edfi_toolkit.widgets.progress import ProgressBar


@pytest.mark.parametrize(
    ("done", "total", "counts", "text"),
    [
        (0, None, {}, "0"),
        (1812, None, {}, "1,812"),
        (812, 1203, {}, "812 of 1,203"),
        (812, 1203, {"delivered": 810, "refused": 2, "unsure": 0}, "812 of 1,203 (delivered 810, refused 2)"),
    ],
)
def test_progress_in_words(done: int, total: int | None, counts: dict[str, int], text: str) -> None:
    assert progress_text(done, total, counts) == text


@pytest.mark.parametrize("shown", [ProgressBar("Reading", panel=False), TerminalProgress("Reading")])
def test_what_shows_progress_can_be_called_with_and_without_counts(shown: Progress) -> None:
    names = list(inspect.signature(shown.__call__).parameters)
    assert names == ["done", "total", "counts"]
    assert shown(1, None) is True
    assert shown(1, 2, NO_COUNTS) is True
    assert shown(2, 2, {"delivered": 2}) is True


def test_display_costs_no_import_of_pandas_for_progress() -> None:
    script = "import sys, edfi_toolkit.display.progress; print('pandas' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"

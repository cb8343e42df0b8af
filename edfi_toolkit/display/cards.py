"""A mistake as a card: what happened and what to do next, in place of a traceback. A traceback is for bugs.

Only where a person sits at the notebook. Unattended an error stays an error, so that a run fails as it must; what a
library says is left out, as papermill keeps it.
"""

from __future__ import annotations

from html import escape
from traceback import extract_tb
from types import TracebackType
from typing import Any

from edfi_toolkit.display.attended import attended, shell
from edfi_toolkit.display.failures import WITHHELD
from edfi_toolkit.display.links import with_notebook_links
from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.texts import visible
from edfi_toolkit.errors import (
    ConfigError,
    EdfiToolkitError,
    LedgerBusy,
    LedgerError,
    OdsError,
    OdsRefusedLogin,
    OdsUnavailable,
    PlanError,
    RulesError,
    SourceError,
    StalePlan,
    StepMissing,
    StorageUnavailable,
    UnsafePlan,
)

# Mark, colour, and the word that is next to the colour.
TONES = {
    "good": ("&#10003;", "var(--jp-success-color1, #2e7d32)", "Done"),
    "check": ("!", "var(--jp-warn-color1, #b26a00)", "Worth a check"),
    "bad": ("&#10007;", "var(--jp-error-color1, #b3261e)", "Stopped"),
}
_ELSEWHERE = "Notebook 00 has the form for settings, sources and targets."
# By kind of mistake, the nearest first: the heading, and where to go when the message itself names no notebook.
_KINDS: tuple[tuple[type[EdfiToolkitError], str, str], ...] = (
    (
        OdsRefusedLogin,
        "The ODS did not accept the login",
        "Notebook 00 can save key and secret again.",
    ),
    (
        OdsUnavailable,
        "The ODS does not answer",
        "Run the cell again later: it goes on where it stopped.",
    ),
    (OdsError, "The ODS could not be used", "Notebook 00 can test the target."),
    (UnsafePlan, "A limit stops the plan", "Notebook 30 shows what each limit found."),
    (StalePlan, "The plan no longer holds", "Notebook 30 makes it again."),
    (PlanError, "The plan is not carried out", "Notebook 30 shows the plan."),
    (SourceError, "The source cannot be used", _ELSEWHERE),
    (LedgerBusy, "Another run or command is at work", "Run the cell again when it has ended."),
    (LedgerError, "The ledger cannot be used", _ELSEWHERE),
    (StorageUnavailable, "A file cannot be written", ""),
    (RulesError, "The rules cannot be applied", _ELSEWHERE),
    (ConfigError, "Something is missing or misspelled", _ELSEWHERE),
)
# What the cells of the notebooks name for those below them.
_NAMES = {
    *("edfi", "run", "extracted", "built", "checked", "plan", "result", "resync", "rejections"),
    *("profile", "school_year", "source", "target", "run_id", "live", "approved"),
    *("settings", "fail_on"),
}
_IN_ORDER = (
    "This cell goes on from the cells above it, and they have not run since the kernel started. "
    "Choose Run > Run All Above Selected Cell, then run this one again."
)


def readable(colour: str) -> str:
    """A tone's colour for letters: amber alone is too pale on white."""
    return f"color-mix(in srgb, {colour} 60%, currentColor)"


def card_html(title: str, says: str, next_step: str = "", *, tone: str = "bad") -> str:
    """A card: its heading next to the colour's word, what it says, and the next step. Inline styles only."""
    mark, colour, word = TONES[tone]
    following = f'<div style="margin-top:6px"><b>Next:</b> {with_notebook_links(next_step)}</div>'
    return (
        f'<div role="{"alert" if tone == "bad" else "status"}" style="border:1px solid {colour};border-left-width:5px;'
        'border-radius:3px;padding:6px 12px;margin:4px 0;max-width:76em">'
        f'<div><b><span style="color:{readable(colour)}">{mark}</span> {word}</b>'
        f' <b style="margin-left:6px">{escape(visible(title))}</b></div>'
        f'<div style="margin-top:4px;overflow-wrap:anywhere">{with_notebook_links(says)}</div>'
        f"{following if next_step else ''}</div>"
    )


def error_card(error: EdfiToolkitError) -> str:
    """The card of a mistake; its message has the next step, or the card adds one."""
    if isinstance(error, StepMissing):
        return card_html(
            "This run has not come so far yet",
            f"{error.lacks[:1].upper()}{error.lacks[1:]}. Notebook 10 begins a new run each time, and each notebook "
            "goes on from the one before it.",
            f"Press Read again: it reads the source and goes as far as the preview, and nothing is sent. Or open "
            f"{error.made_in}, choose Run > Run All Cells, and then come back.",
        )
    title, elsewhere = next(
        ((title, elsewhere) for kind, title, elsewhere in _KINDS if isinstance(error, kind)),
        ("This cannot go on", ""),
    )
    text = str(error)
    return card_html(title, text, "" if "otebook" in text else elsewhere)


def show_mistakes_as_cards() -> None:
    """From now on a mistake in a cell of this kernel is a card where a person runs the cell.

    Where no one does, an error that is not ours shows where it happened, and not what it says.
    """
    kernel_shell = shell()
    if kernel_shell is not None:
        kernel_shell.set_custom_exc((Exception,), _shown)


def _shown(
    kernel_shell: Any,
    kind: type[BaseException],
    error: BaseException,
    trace: TracebackType,
    tb_offset: int | None = None,
) -> None:
    person = attended()
    card = _card_of(error, trace, kernel_shell.user_ns) if person else ""
    if not person and not isinstance(error, EdfiToolkitError):
        steps = [f"File {step.filename}:{step.lineno} in {step.name}" for step in extract_tb(trace)]
        kernel_shell._showtraceback(kind, WITHHELD, [*steps, f"{kind.__name__}: {WITHHELD}"])
        return
    if not card:
        kernel_shell.showtraceback((kind, error, trace), tb_offset=tb_offset)
        return
    from IPython.display import HTML, display

    display(HTML(card))
    if isinstance(error, StepMissing):
        panels().read_again_here()


def _card_of(error: BaseException, trace: TracebackType, cells: object) -> str:
    if isinstance(error, EdfiToolkitError):
        return error_card(error)
    while trace.tb_next is not None:
        trace = trace.tb_next
    name = getattr(error, "name", None)
    if trace.tb_frame.f_globals is cells and name in _NAMES:
        return card_html("The cells above come first", f"{name} is not there yet. {_IN_ORDER}")
    return ""

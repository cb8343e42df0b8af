"""What a notebook opens: the run, with the bar over the notebook where a person sits at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edfi_toolkit.display.attended import attended
from edfi_toolkit.display.cards import show_mistakes_as_cards
from edfi_toolkit.display.panels import panels
from edfi_toolkit.runs.choice import in_use
from edfi_toolkit.runs.opening import open_run
from edfi_toolkit.runs.run import Run


def set_up() -> None:
    """The form to set up a source and a target, where a person sits at the notebook; nothing under papermill."""
    show_mistakes_as_cards()
    if attended():
        panels().set_up()


def desk(
    *,
    profile: str,
    school_year: int | str | None,
    source: str,
    target: str,
    run_id: str,
    settings: Mapping[str, Any] | str | None = None,
) -> Run:
    """The run that the parameters name, as `open_run` gives it.

    Where a person sits at the notebook, what was chosen in the form over the notebooks counts in place of the
    parameters that are empty, the bar shows where the run stands, and from then on a mistake is a card. Unattended,
    no choice of a person counts, and the sample stands for what is empty.
    """
    show_mistakes_as_cards()
    given: dict[str, Any] = {
        "profile": profile,
        "school_year": school_year,
        "source": source,
        "target": target,
        "run_id": run_id,
        "settings": settings,
    }
    if not attended():
        used, _ = in_use(given, {})
        return open_run(**{**given, **used})
    return panels().bar_over(given)

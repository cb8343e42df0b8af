"""What a notebook opens: the run, with the bar over the notebook where a person sits at it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edfi_toolkit.display.attended import attended
from edfi_toolkit.display.cards import show_mistakes_as_cards
from edfi_toolkit.display.panels import panels
from edfi_toolkit.runs.choice import in_use, remembered
from edfi_toolkit.runs.opening import open_run
from edfi_toolkit.runs.run import Run
from edfi_toolkit.settings import load_settings


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

    What was chosen in the form over the notebooks counts in place of the parameters that are empty. Where a person sits
    at the notebook the bar shows where the run stands, and from then on a mistake is a card.
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
        if "" in (profile, school_year, source, target):
            used, _ = in_use(given, remembered(load_settings()))
            given |= {**used, "run_id": run_id}
        return open_run(**given)
    return panels().bar_over(given)

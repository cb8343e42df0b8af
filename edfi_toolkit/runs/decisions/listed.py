"""What people decided about a run's feed, as one list: corrections of the source, findings and refusals dismissed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.ledger.decisions import REMOVED
from edfi_toolkit.review.decided import decided_view, in_one_list
from edfi_toolkit.review.places import row_places
from edfi_toolkit.review.views import PanelView, View
from edfi_toolkit.review.without_record import corrected_block
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.runs.decisions.dismissals import dismiss_findings
from edfi_toolkit.tables import Tables

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run


class Decided:
    """The decisions of a run's feed. `every`: open and closed ones, as of `review.decided.in_one_list`."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.load()

    def load(self) -> None:
        """Read the ledger again."""
        with decisions_of(self.run) as decisions:
            corrections, dismissals = decisions.corrections(closed=True), decisions.dismissals(closed=True)
        tables = self.run.tables if self.run.folder.has("extract") else Tables({})
        places = row_places(corrections, tables, id_column="row_id")
        self.every = in_one_list(corrections, dismissals, places, now=pd.Timestamp.now(tz="UTC"))

    @property
    def open(self) -> pd.DataFrame:
        """Those that count."""
        return self.every[self.every["closed"].eq("")].drop(columns="closed")

    def dismiss(self, findings: pd.DataFrame, *, author: str, reason: str) -> int:
        """Hide findings of the run until their record changes; how many were."""
        count = dismiss_findings(self.run, findings, author=author, reason=reason)
        self.load()
        return count

    def remove(self, *, corrections: Iterable[int] = (), dismissals: Iterable[int] = ()) -> None:
        """End corrections: their cells count as they are written; and dismissals: what they hide is shown again."""
        with decisions_of(self.run) as decisions:
            decisions.close_corrections(corrections, REMOVED)
            decisions.close_dismissals(dismissals, REMOVED)
        self.load()


def decisions_view(run: Run) -> View:
    """Every decision with author, reason and age; below it a list to choose from and end some."""
    decided = Decided(run)
    more = corrected_block(run.built) if run.folder.has("build") else []

    def says_now() -> View:
        return decided_view(decided.every, run.masker(decided.every), more)

    view = PanelView(
        **{**vars(says_now()), "value": decided},
        panel=lambda: panels().decided(decided, lambda: view.becomes(says_now())),
        blocks_in_panel=1,
    )
    return view

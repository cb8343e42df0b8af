"""The checks that a steward adds to this workspace, tried on the extract of a run."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import counted
from edfi_toolkit.review.views import Block, PanelView, View
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run


class Checks:
    """What the form of notebook 20 asks and does. given: table, column, kind, values, until, severity, says."""

    def __init__(self, run: Run) -> None:
        run.folder.need("extract")
        self.run, self.folder = run, run.installation.checks_dir

    @property
    def tables(self) -> list[str]:
        """The tables that the extract has rows of."""
        return [name for name, frame in self.run.tables.items() if len(frame)]

    @staticmethod
    def columns(table: str) -> list[str]:
        """The columns of a table that can be checked."""
        return [name for name, column in TABLES[table].columns.items() if column.type != "json"]

    @property
    def known(self) -> pd.DataFrame:
        """The checks there are."""
        from edfi_toolkit.validation.own_checks import own_checks

        return own_checks(self.folder)

    def attempt(self, given: Mapping[str, str]) -> pd.DataFrame:
        """The rows of the extract that the check would find; nothing is kept."""
        from edfi_toolkit.validation.own_checks import check_of, failing_rows

        return failing_rows(self.run.tables, given["table"], check_of(given, 0))

    def save(self, given: Mapping[str, str]) -> Path:
        """Keep a check in the workspace; it is asked from the next validation on."""
        from edfi_toolkit.validation.own_checks import check_of, next_number, save_check

        self.attempt(given)
        return save_check(self.folder, given["table"], check_of(given, next_number(self.folder)))

    def remove(self, rule_id: str) -> Path:
        """Take one of the checks out of the workspace."""
        from edfi_toolkit.validation.own_checks import remove_check

        return remove_check(self.folder, rule_id)


def checks_view(run: Run) -> View:
    """The checks of the workspace, and where a person is the form that adds one."""
    checks = Checks(run)
    known = checks.known
    view = View(
        title="Checks of your own",
        says=f"{counted(len(known), 'check').capitalize()} of this workspace."
        + (" They are asked whenever records are validated." if len(known) else ""),
        tone="good",
        blocks=[Block("What is checked", known, "None yet.")],
        next_step="",
        masker=run.masker(),
        value=checks,
    )
    if panels().unattended():
        return view
    return PanelView(**vars(view), panel=lambda: panels().own_checks(checks))

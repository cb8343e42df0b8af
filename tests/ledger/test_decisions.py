"""Corrections and dismissals in the ledger: who, why, and how they ended."""

from __future__ import annotations

from typing import Any

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ledger.decisions import Decisions

CELL = {"table": "enrollments", "row_id": "10", "column": "end_date", "was": "", "value": "2025-12-19"}
WHO: dict[str, Any] = {"author": "R. Ibarra", "reason": "left in December"}


def test_a_correction_is_kept_and_another_of_the_same_cell_replaces_it(where: str) -> None:
    with Ledger(where) as ledger:
        north, south = (ledger.feed("https://ods", "certification", name) for name in ("north", "south"))
        decisions = Decisions(ledger, north)
        first = decisions.correct(**CELL, **WHO)
        second = decisions.correct(**{**CELL, "value": "2025-12-20"}, **WHO)
        kept = decisions.corrections()
        assert kept[["number", "value", "author", "reason"]].values.tolist() == [
            [second, "2025-12-20", "R. Ibarra", "left in December"]
        ]
        every = decisions.corrections(closed=True).set_index("number")
        assert every.loc[first, "closed_how"] == "replaced by another"
        assert Decisions(ledger, south).corrections().empty


def test_codes_of_one_column_are_kept_side_by_side(where: str) -> None:
    with Ledger(where) as ledger:
        decisions = Decisions(ledger, ledger.feed("https://ods", "certification", "north"))
        for was in ("Shelter", "Tent"):
            decisions.correct(**{**CELL, "row_id": None, "was": was}, **WHO)
        assert decisions.corrections()["was"].tolist() == ["Shelter", "Tent"]


def test_nothing_is_decided_without_a_name_and_a_reason(where: str) -> None:
    with Ledger(where) as ledger:
        decisions = Decisions(ledger, ledger.feed("https://ods", "certification", "north"))
        with pytest.raises(ConfigError, match="your name and a reason"):
            decisions.correct(**CELL, author="R. Ibarra", reason=" ")


def test_a_dismissal_is_closed_with_how(where: str) -> None:
    with Ledger(where) as ledger:
        decisions = Decisions(ledger, ledger.feed("https://ods", "certification", "north"))
        place = {"kind": "finding", "rule_id": "WI-MOD-1", "place": "enrollments:10", "state": "abc"}
        number = decisions.dismiss(**place, **WHO)
        decisions.close_dismissals([number], "its record changed")
        assert decisions.dismissals().empty
        assert decisions.dismissals(closed=True)["closed_how"].tolist() == ["its record changed"]
        with pytest.raises(ConfigError, match="No open one has the number 99"):
            decisions.close_dismissals([99], "removed")

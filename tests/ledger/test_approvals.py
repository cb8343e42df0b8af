"""Who approved what, as the ledger keeps it."""

from __future__ import annotations

import datetime as dt

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ledger.approvals import Answer, approvals, approve


def test_an_approval_keeps_who_when_what_and_each_answer(where):
    answer = Answer.given("mass-delete", " Ann Example ", "The school has closed.")
    with Ledger(where, clock=lambda: dt.datetime(2025, 12, 3, 7, 31, tzinfo=dt.UTC)) as ledger:
        north, south = (ledger.feed("https://ods", "certification", name) for name in ("north", "south"))
        approve(ledger, north, run_id="monday", fingerprint="ab12", person="Ann Example")
        approve(ledger, north, run_id="tuesday", fingerprint="cd34", person=" Ann Example ", answers=[answer])
        newest, first = approvals(ledger, north)
        assert approvals(ledger, south) == []
    assert (newest.fingerprint, newest.person, newest.run_id) == ("cd34", "Ann Example", "tuesday")
    assert newest.answers == (Answer("mass-delete", "Ann Example", "The school has closed."),)
    assert newest.approved_at == dt.datetime(2025, 12, 3, 7, 31, tzinfo=dt.UTC)
    assert (first.fingerprint, first.answers) == ("ab12", ())


def test_an_approval_has_a_name_and_an_answer_a_reason(where):
    with Ledger(where) as ledger:
        feed = ledger.feed("https://ods", "certification", "north")
        with pytest.raises(ConfigError, match="name of the person"):
            approve(ledger, feed, run_id="monday", fingerprint="ab12", person=" ")
    for person, reason in (("Ann Example", " "), ("", "meant")):
        with pytest.raises(ConfigError, match="Answer for mass-delete with your name and the reason"):
            Answer.given("mass-delete", person, reason)

"""What the bar shows: the numbers of the steps, and which parameters count."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest

from edfi_toolkit.runs.choice import SAMPLE, SHIPPED, in_use, remember, remembered
from edfi_toolkit.runs.folder import IN_RESYNC, MADE_IN
from edfi_toolkit.runs.manifest import _standing, step_counts_text
from edfi_toolkit.runs.standing import LedgerNow, Number, began, chain, run_label
from edfi_toolkit.settings import Settings

AT = "2026-01-07T12:00:00+00:00"
HOUR = f"{dt.datetime.fromisoformat(AT).astimezone():%H:%M}"
DONE: dict[str, Any] = {
    "extract": {"at": AT, "rows": 8412, "set_aside": 3},
    "build": {"at": AT, "records": 1204},
    "validate": {"at": AT, "held": 2},
    "preview": {"at": AT, "actions": {"POST": 9, "PUT": 4, "DELETE": 1, "NOOP": 99}, "breaches": []},
}


def numbers(**changed: Any) -> list[tuple[str, str, str]]:
    return [(n.text, n.notebook, n.tone) for n in chain({"steps": {**DONE, **changed}})]


def unsent(now: LedgerNow) -> list[str]:
    """What the chain says of a plan that was not sent, and after it."""
    return [number.text for number in chain({"steps": DONE}, now)][5:]


def test_the_chain_tells_how_far_a_run_is_and_where_each_number_comes_from() -> None:
    assert chain({}) == []
    assert chain({"steps": {"extract": {"at": AT, "rows": 1, "set_aside": 0}}}) == [
        Number(f"1 row read {HOUR}", "10_extract")
    ]
    assert numbers() == [
        (f"8,412 rows read {HOUR}", "10_extract", ""),
        ("3 unreadable", "10_extract", "check"),
        ("1,204 records", "20_validate", ""),
        ("2 held", "20_validate", "check"),
        ("99 in the ODS", "30_preview", "good"),
        ("14 changes not sent yet", "30_preview", "check"),
    ]


def test_a_limit_an_empty_plan_and_a_resync_are_told_apart() -> None:
    planned = DONE["preview"]
    assert numbers(preview={**planned, "breaches": ["max-delete-share"]})[-1] == (
        "14 changes stopped by 1 limit",
        "30_preview",
        "bad",
    )
    assert numbers(preview={**planned, "actions": {"NOOP": 99}})[-1] == (
        "nothing to send",
        "30_preview",
        "good",
    )
    assert numbers(preview={**planned, "mode": "resync"})[-1][1] == "60_resync"


def test_the_counts_of_a_plan_name_a_move_once_and_nothing_that_is_none() -> None:
    actions = {"POST": 11, "DELETE": 5, "PUT": 1, "NOOP": 5}
    planned = {"at": AT, "actions": actions, "moves": 3, "held": 0, "sources": 17, "breaches": []}
    assert step_counts_text(planned) == "create 8, remove 2, update 1, unchanged 5, move 3"
    assert step_counts_text({**planned, "moves": 0, "held": 1}).startswith("held 1, create 11, remove 5")
    assert step_counts_text({}) == ""


def test_what_was_published_is_told_with_what_was_refused_and_what_is_open() -> None:
    outcomes = {"delivered": 11, "refused": 2, "pending": 1}
    assert numbers(publish={"at": AT, "finished": True, "outcomes": outcomes})[-4:] == [
        ("14 changes", "30_preview", ""),
        (f"11 in the ODS {HOUR}", "40_publish", "good"),
        ("2 refused", "50_rejections", "bad"),
        ("1 not answered", "40_publish", "check"),
    ]
    both = numbers(publish={"at": AT, "finished": True, "outcomes": outcomes, "in_the_ods": 110})
    none = {"at": AT, "finished": True, "outcomes": {"refused": 14}, "in_the_ods": 99}
    assert numbers(publish=none)[-2:] == [
        (f"99 in the ODS {HOUR}", "40_publish", "good"),
        ("14 refused", "50_rejections", "bad"),
    ]
    assert (f"110 in the ODS, 11 sent {HOUR}", "40_publish", "good") in both, (
        "what was there before counts too"
    )
    published = {"steps": {**DONE, "publish": {"at": AT, "finished": True, "outcomes": outcomes}}}
    assert [(n.text, n.tone) for n in chain(published, LedgerNow(0, 2))][-2:] == [
        ("2 more since", "good"),
        ("1 not answered", "check"),
    ]
    assert [(n.text, n.tone) for n in chain({"steps": DONE}, LedgerNow(5))][-2:] == [
        ("14 changes not sent yet", "check"),
        ("5 refused when last sent", "bad"),
    ], "who reads again still sees what waits for a person"
    assert unsent(LedgerNow(5, again=5)) == ["14 changes not sent yet", "5 of them refused when last sent"]
    assert unsent(LedgerNow(13, again=13, sent=1)) == [
        "13 changes to send again",
        "all refused when last sent",
        "1 sent since",
    ], "no change is counted twice"
    assert unsent(LedgerNow(7, again=5))[1] == "7 refused when last sent, 5 of them among these"
    assert unsent(LedgerNow(1, again=1, sent=13))[:2] == ["1 change to send again", "refused when last sent"]
    assert unsent(LedgerNow(sent=14)) == ["nothing to send", "14 sent since"]
    begun = numbers(publish={"at": AT, "finished": False})[-1]
    assert begun == ("publishing was begun and is not finished", "40_publish", "check")


def test_a_run_is_named_by_its_day() -> None:
    now = dt.datetime.fromisoformat(AT).astimezone()
    for days, name in ((0, "today"), (1, "yesterday"), (3, f"{now.day} Jan 2026")):
        assert (
            run_label({"started_at": AT}, now + dt.timedelta(days=days)).partition("run of ")[2]
            == f"{name} {HOUR}"
        )
    assert run_label({}) == "a new run"


def test_what_is_saved_of_a_run_has_its_date_and_that_of_a_step_of_another_day() -> None:
    at = dt.datetime.fromisoformat(AT).astimezone()
    assert began({"started_at": AT}) == f"{at.day} Jan 2026 {HOUR}"
    late = (at + dt.timedelta(days=1)).isoformat()
    published = {"at": late, "finished": True, "outcomes": {"delivered": 3}}
    known = chain({"started_at": AT, "steps": {**DONE, "publish": published}})
    assert known[0].text.endswith(f" read {HOUR}")
    assert known[-1].text == f"3 in the ODS {at.day + 1} Jan 2026 {HOUR}"


def test_what_was_chosen_counts_where_the_first_cell_is_as_it_was_shipped(tmp_path: Path) -> None:
    installation = Settings(root=tmp_path)
    chosen = {"profile": "nm-powerschool", "school_year": 2025, "source": "north", "target": "state"}
    assert remembered(installation) == {}
    remember(installation, {**chosen, "run_id": "monday"})
    kept = remembered(installation)

    assert in_use({**SHIPPED, "run_id": "latest"}, kept) == ({**chosen, "run_id": "monday"}, [])
    assert in_use({**SHIPPED, "run_id": "new"}, kept) == ({**chosen, "run_id": "new"}, [])
    assert in_use({**SHIPPED, "run_id": "latest"}, {}) == ({**SAMPLE, "run_id": "latest"}, [])
    # A notebook of an earlier version, in which no one has written anything, says the sample's four.
    assert in_use({**SAMPLE, "run_id": "latest"}, kept) == ({**chosen, "run_id": "monday"}, [])
    # A person has edited the cell: that is meant, and no older run of other names.
    edited = {**SHIPPED, "source": "south", "run_id": "latest"}
    assert in_use(edited, kept) == ({**chosen, "source": "south", "run_id": "latest"}, ["source"])


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b'{"colour": 1}'])
def test_a_choice_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / ".edfi").mkdir()
    (tmp_path / ".edfi/choice.json").write_bytes(content)
    assert remembered(Settings(root=tmp_path)) == {}


def test_a_resync_that_waits_says_where_to_approve_and_publish_it() -> None:
    done = {step: {} for step in ("extract", "build", "validate")}
    planned = {"actions": {"POST": 2}, "breaches": []}
    _tone, following = _standing({**done, "preview": planned}, {**MADE_IN, **IN_RESYNC}, "")
    assert following == (
        "Look at the changes in notebook 60_resync and approve them; Publish there then sends them."
    )


def test_what_was_refused_and_is_as_it_was_is_to_be_corrected_before_it_is_sent_again() -> None:
    done = {step: {} for step in ("extract", "build", "validate")}
    planned = {"actions": {"POST": 2, "NOOP": 3}, "breaches": []}
    _tone, following = _standing({**done, "preview": planned}, MADE_IN, "", LedgerNow(2, again=2))
    assert following.startswith("What is left was refused when it was last sent: notebook 50_rejections says")
    _tone, following = _standing({**done, "preview": planned}, MADE_IN, "", LedgerNow(2, again=1))
    assert following.startswith("Look at the changes in notebook 30_preview and approve them")

"""What the buttons of the workshop say, which of them can be pressed, and which is the next one."""

from __future__ import annotations

SEND = "Send what was checked"
BUTTONS = {
    "values": "Values of the ODS",
    "correct": "Correct this cell",
    "everywhere": "Correct this code everywhere",
    "dismiss": "Dismiss",
    "check": "Check again",  # next to the one that sends: the form has two in a row
    "retry": SEND,
    "hand_on": "Hand on",
    "hand_on_ids": "Hand on with student ids",
}
TO_HAND_ON = ("hand_on", "hand_on_ids")
ABOUT_ONE = ("values", "correct", "everywhere")
_COUNTED = {"check": "Check {} again", "hand_on": "Hand on {}"}
_SEND_MANY = "Send the {:,} that were checked"


def send_label(count: int) -> str:
    """What the button that sends says once so many records were checked: how many it sends."""
    return SEND if count <= 1 else _SEND_MANY.format(count)


def labels(count: int, *, alone: bool, checked: bool) -> dict[str, str]:
    """The labels that change. count: records the buttons are about. alone: one, and it was chosen.

    checked: whether these were checked, so that they can be sent.
    """
    these = f"these {count:,}" if count > 1 else "this one"
    found = {
        name: BUTTONS[name] if alone or not count else label.format(these) for name, label in _COUNTED.items()
    }
    return found | {"retry": send_label(count) if checked else SEND}


def able(count: int, *, chosen: bool, cells: bool, working: bool, checked: bool) -> dict[str, bool]:
    """Which can be pressed. chosen: whether a record is. cells: it has some to correct. working: on open ones.

    checked: as of `labels`.
    """
    found = {**dict.fromkeys(BUTTONS, bool(count) and working), **dict.fromkeys(TO_HAND_ON, bool(count))}
    found |= dict.fromkeys(ABOUT_ONE, working and cells)
    return found | {"dismiss": working and chosen, "retry": working and checked}


def next_one(*, checked: bool, to_correct: bool) -> str:
    """The button that stands out: nothing is sent before it was checked. checked: as of `labels`.

    to_correct: whether it is known which cell is wrong, and no one has corrected it yet.
    """
    return "retry" if checked else "correct" if to_correct else "check"

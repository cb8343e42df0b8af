"""What the buttons of the workshop say, and which of them can be pressed."""

from __future__ import annotations

BUTTONS = {
    "values": "Values of the ODS",
    "correct": "Correct this cell",
    "everywhere": "Correct this code everywhere",
    "check": "Check again",
    "retry": "Retry",
    "dismiss": "Dismiss",
    "hand_on": "Hand on",
    "hand_on_ids": "Hand on with student ids",
}
TO_HAND_ON = ("hand_on", "hand_on_ids")
ABOUT_ONE = ("values", "correct", "everywhere")
_COUNTED = {"check": "Check {} again", "retry": "Retry {}", "hand_on": "Hand on {}"}
_SEND, _SEND_MANY = "Send what was checked", "Send the {:,} that were checked"


def send_label(count: int) -> str:
    """What Retry says once so many records were checked: the press that sends says how many."""
    return _SEND if count == 1 else _SEND_MANY.format(count)


def labels(count: int, *, alone: bool, checked: bool) -> dict[str, str]:
    """The labels that change. count: records the buttons are about. alone: one, and it was chosen.

    checked: whether these were checked, so that the next Retry sends them.
    """
    these = f"these {count:,}" if count > 1 else "this one"
    found = {
        name: BUTTONS[name] if alone or not count else label.format(these) for name, label in _COUNTED.items()
    }
    return found | ({"retry": send_label(count)} if checked else {})


def able(count: int, *, chosen: bool, cells: bool, working: bool) -> dict[str, bool]:
    """Which can be pressed. chosen: whether a record is. cells: it has some to correct. working: on open ones."""
    found = {**dict.fromkeys(BUTTONS, bool(count) and working), **dict.fromkeys(TO_HAND_ON, bool(count))}
    return found | dict.fromkeys(ABOUT_ONE, working and cells) | {"dismiss": working and chosen}

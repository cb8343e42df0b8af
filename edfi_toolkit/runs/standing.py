"""Where a run stands, as the numbers of its steps: what the bar over every notebook shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edfi_toolkit.planning.plan import SENT


@dataclass(frozen=True)
class Number:
    """One number of the chain, the notebook that shows it, and its tone: good, check or bad."""

    text: str
    notebook: str
    tone: str = ""


def chain(manifest: Mapping[str, Any], refused: tuple[int, int] | None = None) -> list[Number]:
    """The numbers of the steps that are done, in their order; empty before the source was read.

    refused: as `runs.decisions.refused_now` gives it; without it as it was when the run published.
    """
    steps: Mapping[str, Any] = manifest.get("steps", {})
    found = []
    if read := steps.get("extract"):
        found.append(
            Number(f"{_count(read['rows'], 'row')} read {_clock(read['at'], manifest)}", "10_extract")
        )
        if unreadable := read.get("set_aside"):
            found.append(Number(f"{unreadable:,} unreadable", "10_extract", "check"))
    if built := steps.get("build"):
        found.append(Number(_count(built["records"], "record"), "20_validate"))
    if checked := steps.get("validate"):
        found.append(Number(f"{checked['held']:,} held", "20_validate", "check" if checked["held"] else ""))
    if planned := steps.get("preview"):
        notebook = "60_resync" if planned.get("mode") == "resync" else "30_preview"
        found.append(_planned(planned, notebook, published="publish" in steps))
        if refused and refused[0] and "publish" not in steps:
            found.append(Number(f"{refused[0]:,} refused when last sent", "50_rejections", "bad"))
    if published := steps.get("publish"):
        found += _published(published, refused, _clock(published["at"], manifest))
    return found


def changes_of(planned: Mapping[str, Any]) -> int:
    """How many records the preview of a manifest would change in the ODS."""
    return sum(planned["actions"].get(action, 0) for action in SENT)


def not_settled(step: Mapping[str, Any]) -> bool:
    """Whether publishing again would go on. step: publish, of the manifest."""
    outcomes = step.get("outcomes", {})
    return not step.get("finished") or any(outcomes.get(name) for name in ("pending", "unsure"))


def run_label(manifest: Mapping[str, Any], now: dt.datetime | None = None) -> str:
    """For who chooses now: `run of today 07:12`, in local time."""
    if "started_at" not in manifest:
        return "a new run"
    at = _local(manifest["started_at"])
    today = (now or dt.datetime.now().astimezone()).date()
    day = {0: "today", 1: "yesterday"}.get((today - at.date()).days, _day(at))
    return f"run of {day} {at:%H:%M}"


def began(manifest: Mapping[str, Any]) -> str:
    """When a run began, in local time: `30 Nov 2026 07:12`. A notebook saves it, so it is true on any day."""
    at = _local(manifest["started_at"])
    return f"{_day(at)} {at:%H:%M}"


def _clock(instant: str, manifest: Mapping[str, Any]) -> str:
    """An instant of a manifest as local hour and minute, with its day where the run began on another."""
    at = _local(instant)
    of_that_day = at.date() == _local(manifest.get("started_at", instant)).date()
    return f"{at:%H:%M}" if of_that_day else f"{_day(at)} {at:%H:%M}"


def _local(instant: str) -> dt.datetime:
    return dt.datetime.fromisoformat(instant).astimezone()


def _day(at: dt.datetime) -> str:
    return f"{at.day} {at:%b %Y}"


def _planned(planned: Mapping[str, Any], notebook: str, *, published: bool) -> Number:
    changes = changes_of(planned)
    if published:
        return Number(_count(changes, "change"), notebook)
    if planned["breaches"]:
        limits = _count(len(planned["breaches"]), "limit")
        return Number(f"{_count(changes, 'change')} stopped by {limits}", notebook, "bad")
    if not changes:
        return Number("nothing to send", notebook, "good")
    return Number(f"{_count(changes, 'change')} not sent yet", notebook, "check")


def _published(published: Mapping[str, Any], now: tuple[int, int] | None, at: str) -> list[Number]:
    if not published.get("finished"):
        return [Number("publishing was begun and is not finished", "40_publish", "check")]
    outcomes: Mapping[str, int] = published["outcomes"]
    delivered, refused = outcomes.get("delivered", 0), outcomes.get("refused", 0)
    open_ones = sum(outcomes.values()) - delivered - refused
    numbers = [Number(f"{delivered:,} in the ODS {at}", "40_publish", "good")]
    still, later = now or (refused, 0)
    if later:
        numbers.append(Number(f"{later:,} more since", "50_rejections", "good"))
    if still:
        numbers.append(Number(f"{still:,} refused", "50_rejections", "bad"))
    if open_ones:
        numbers.append(Number(f"{open_ones:,} not answered", "40_publish", "check"))
    return numbers


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

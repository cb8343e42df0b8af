"""Where a run stands, as the numbers of its steps: what the bar over every notebook shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from edfi_toolkit.planning.plan import SENT


class LedgerNow(NamedTuple):
    """What the ledger says by now of a run's feed.

    refused: refusals that are open. delivered: those that were delivered after the run had published. Of a plan that
    was not sent, sent: changes that another run or a retry has delivered; again: others that were refused when last
    sent.
    """

    refused: int = 0
    delivered: int = 0
    sent: int = 0
    again: int = 0


@dataclass(frozen=True)
class Number:
    """One number of the chain, the notebook that shows it, and its tone: good, check or bad."""

    text: str
    notebook: str
    tone: str = ""


def chain(manifest: Mapping[str, Any], now: LedgerNow | None = None) -> list[Number]:
    """The numbers of the steps that are done, in their order; empty before the source was read.

    now: as `runs.ledger_now.ledger_now` gives it; without it as it was when the run published.
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
        if "publish" in steps:
            found.append(Number(_count(changes_of(planned), "change"), notebook))
        else:
            found += _planned(planned, notebook, now or LedgerNow())
    if published := steps.get("publish"):
        found += _published(published, now, _clock(published["at"], manifest))
    return found


def changes_of(planned: Mapping[str, Any]) -> int:
    """How many records the preview of a manifest would change in the ODS."""
    return sum(planned["actions"].get(action, 0) for action in SENT)


def is_refused_again(planned: Mapping[str, Any], now: LedgerNow) -> bool:
    """Whether all that is left to send was refused when it was last sent, and is the same by now."""
    return 0 < now.again == changes_of(planned) - now.sent


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


def _planned(planned: Mapping[str, Any], notebook: str, now: LedgerNow) -> list[Number]:
    changes = changes_of(planned) - now.sent
    if planned["breaches"]:
        limits = _count(len(planned["breaches"]), "limit")
        numbers = [Number(f"{_count(changes, 'change')} stopped by {limits}", notebook, "bad")]
    elif is_refused_again(planned, now):
        numbers = [Number(f"{_count(changes, 'change')} to send again", notebook, "check")]
    elif changes:
        numbers = [Number(f"{_count(changes, 'change')} not sent yet", notebook, "check")]
    else:
        numbers = [Number("nothing to send", notebook, "good")]
    if there := planned["actions"].get("NOOP", 0):
        numbers.insert(0, Number(f"{there:,} in the ODS", notebook, "good"))
    if now.refused:
        numbers.append(Number(_refused_text(changes, now), "50_rejections", "bad"))
    if now.sent:
        numbers.append(Number(f"{now.sent:,} sent since", "50_rejections", "good"))
    return numbers


def _refused_text(changes: int, now: LedgerNow) -> str:
    """That records were refused when they were last sent; of those among the changes, that they are no others."""
    if now.again < now.refused:
        among = f", {now.again:,} of them among these" if now.again else ""
        return f"{now.refused:,} refused when last sent{among}"
    which = f"{now.again:,} of them " if now.again < changes else "all " if changes > 1 else ""
    return f"{which}refused when last sent"


def _published(published: Mapping[str, Any], now: LedgerNow | None, at: str) -> list[Number]:
    if not published.get("finished"):
        return [Number("publishing was begun and is not finished", "40_publish", "check")]
    outcomes: Mapping[str, int] = published["outcomes"]
    delivered, refused = outcomes.get("delivered", 0), outcomes.get("refused", 0)
    open_ones = sum(outcomes.values()) - delivered - refused
    numbers = [
        Number(_there_text(published.get("in_the_ods", delivered), delivered, at), "40_publish", "good")
    ]
    still, later = (now.refused, now.delivered) if now else (refused, 0)
    if later:
        numbers.append(Number(f"{later:,} more since", "50_rejections", "good"))
    if still:
        numbers.append(Number(f"{still:,} refused", "50_rejections", "bad"))
    if open_ones:
        numbers.append(Number(f"{open_ones:,} not answered", "40_publish", "check"))
    return numbers


def _there_text(there: int, delivered: int, at: str) -> str:
    """How many of the plan's records the ODS has as they are in the source, and how many changes were sent for that.

    there: with those that the ODS had before; a run of an earlier version did not count them.
    """
    return (
        f"{there:,} in the ODS {at}"
        if delivered in (0, there)
        else f"{there:,} in the ODS, {delivered:,} sent {at}"
    )


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}" if number == 1 else f"{number:,} {what}s"

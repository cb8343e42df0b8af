"""Who approved the plan of a run: kept in the ledger, asked for before it is carried out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pandas as pd

from edfi_toolkit.display.attended import attended
from edfi_toolkit.display.following import follow
from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import moment
from edfi_toolkit.errors import EdfiToolkitError, StalePlan, UnsafePlan
from edfi_toolkit.planning.guardrails import NO_OVERRIDE, GivenOverride, Override
from edfi_toolkit.review.answers import published_view
from edfi_toolkit.review.approvals import (
    approval_view,
    nothing_to_do,
    published_before,
    sent_by_another,
    unapproved_view,
)
from edfi_toolkit.review.places import with_organizations
from edfi_toolkit.review.views import PanelView, View, following
from edfi_toolkit.runs.decisions import delivered_since
from edfi_toolkit.runs.feed import last_published
from edfi_toolkit.runs.standing import began, not_settled

if TYPE_CHECKING:
    from edfi_toolkit.ledger.approvals import Approved
    from edfi_toolkit.runs.run import Run


def approve(run: Run, *, by: str, answers: Mapping[str, str]) -> Approved:
    """Keep the approval of the run's plan. answers: for each limit it reaches, why the change is meant.

    Raises UnsafePlan for a limit without an answer or one that no answer opens, ConfigError without a name.
    """
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.approvals import Answer
    from edfi_toolkit.ledger.approvals import approve as keep

    plan = run.plan
    if plan.closed:
        closed = ", ".join(sorted(NO_OVERRIDE.intersection(plan.breaches)))
        raise UnsafePlan(
            f"No answer opens {closed}. Correct the source, then extract again.", list(plan.breaches)
        )
    open_limits = [code for code in plan.breaches if code not in answers]
    if open_limits:
        raise UnsafePlan(
            f"Not approved: {', '.join(open_limits)} has no answer yet. Say for each limit why the change is meant.",
            open_limits,
        )
    given = [Answer.given(code, by, answers[code]) for code in plan.breaches]
    with Ledger(run.installation.ledger) as ledger:
        feed = ledger.feed(run.target.identity, run.profile, run.source.name)
        return keep(ledger, feed, run_id=run.id, fingerprint=plan.fingerprint, person=by, answers=given)


def approval_of(run: Run) -> tuple[Approved | None, Approved | None]:
    """The approval of the run's plan as it is now; and, without one, that of an earlier plan of the run."""
    of_run = _approvals_of(run)
    holds = next((found for found in of_run if found.fingerprint == run.plan.fingerprint), None)
    return holds, None if holds or not of_run else of_run[0]


def approver_of(run: Run) -> str:
    """Who approved the plan that the manifest names; empty where no one has, or where the ledger cannot be asked."""
    planned = run.folder.manifest["steps"]["preview"]["fingerprint"]
    with suppress(EdfiToolkitError):
        return next((found.person for found in _approvals_of(run) if found.fingerprint == planned), "")
    return ""


def _approvals_of(run: Run) -> list[Approved]:
    """All approvals of plans of the run, newest first."""
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.approvals import approvals

    with Ledger(run.installation.ledger) as ledger:
        feed = ledger.feed(run.target.identity, run.profile, run.source.name)
        return [approved for approved in approvals(ledger, feed) if approved.run_id == run.id]


def approved_fingerprint(run: Run) -> str:
    """What a person approved, for a script that carries it out. Raises StalePlan where no approval holds."""
    holds, earlier = approval_of(run)
    if holds:
        return holds.fingerprint
    if earlier:
        raise StalePlan(no_longer_holds(earlier))
    raise StalePlan(
        f"The plan of run {run.id} is not approved; nothing was sent. Approve it in notebook 30, with "
        "edfi-toolkit approve, or give its fingerprint."
    )


def answers_of(run: Run) -> list[Override]:
    """The answers of the approval of the run's plan, as overrides."""
    holds, _ = approval_of(run)
    return [Override(answer.breach, answer.person) for answer in holds.answers] if holds else []


def no_longer_holds(earlier: Approved) -> str:
    """What to say of the approval of a plan that was made again."""
    return (
        f"The plan that {earlier.person} approved no longer holds because the preview was made again and differs; "
        "nothing was sent. Look again, then approve."
    )


def override_text(given: GivenOverride) -> str:
    """An override as it is written: `breach:person`."""
    return f"{given.breach}:{given.person}" if isinstance(given, Override) else str(given)


def approval(run: Run, *, by: str, answers: Mapping[str, str]) -> View:
    """Approve in a person's name; without one, whether the plan is approved, and a panel where a person is."""
    if by:
        approve(run, by=by, answers=answers)
    holds, earlier = approval_of(run)
    asks = not (holds or run.published or nothing_to_do(run.plan) or run.plan.closed or panels().unattended())
    view = approval_view(
        run.plan,
        run.masker(run.plan.items, run.plan.findings),
        holds=holds,
        earlier=no_longer_holds(earlier) if earlier else "",
        button=asks,
        published=run.published,
    )
    if not asks:
        return view

    def given(person: str, reasons: Mapping[str, str]) -> None:
        waiting.replace_with(run.approve(by=person, answers=reasons))

    waiting = PanelView(**vars(view), panel=lambda: panels().approve(run.plan, given))
    return waiting


def as_it_stands(run: Run, overrides: Sequence[GivenOverride]) -> View:
    """In place of publishing without a word of approval: what was sent and when, else what waits for whom."""
    holds, earlier = approval_of(run)
    if run.published and not _goes_on(run):
        return following("published", lambda: _as_published(run, holds))
    if run.published:
        shown, ready = _as_published(run, holds), True
    else:
        ready = holds is not None and not nothing_to_do(run.plan)
        shown = unapproved_view(
            run.plan,
            run.masker(run.plan.items, run.plan.findings),
            holds=holds,
            earlier=no_longer_holds(earlier) if earlier else "",
            button=ready and not panels().unattended(),
        )
        if attended():
            shown = _with_last_sent(run, shown)
    if not ready or panels().unattended():
        return shown

    def carry_out() -> View:
        run.publish(approved=run.plan.fingerprint, overrides=overrides)
        done = _as_published(run, holds)
        waiting.replace_with(done)
        if not _goes_on(run):
            follow("published", lambda: waiting.replace_with(_as_published(run, holds)), tells=True)
        return done

    waiting = PanelView(**vars(shown), panel=lambda: panels().publish(carry_out, lambda: _goes_on(run)))
    return waiting


def _with_last_sent(run: Run, shown: View) -> View:
    """In a run that has sent nothing also what the feed's last run sent, as far as that can still be read."""
    with suppress(EdfiToolkitError, OSError):
        if before := last_published(run):
            results, step = before.results(), before.folder.manifest["steps"]["publish"]
            masker = run.masker(run.plan.items, run.plan.findings, *results.frames.values())
            holds, _ = approval_of(before)
            return sent_by_another(
                shown, results, step, holds, of=began(before.folder.manifest), masker=masker
            )
    return shown


def results_view(run: Run, result: pd.DataFrame) -> View:
    """What the ODS answered, its organizations by their names in the source."""
    named = partial(with_organizations, tables=run.tables, profile=run.profile)
    view = published_view(result, run.masker(result), named=named, since=delivered_since(run, result))
    is_final = result["outcome"].ne("refused").all()
    return view if is_final else replace(view, as_of=moment(dt.datetime.now(dt.UTC)))


def _as_published(run: Run, holds: Approved | None) -> View:
    step = run.folder.manifest["steps"]["publish"]
    return published_before(run.results(), step, holds, settled=not not_settled(step))


def _goes_on(run: Run) -> bool:
    return not_settled(run.folder.manifest["steps"]["publish"])

"""Who approved the plan of a run: kept in the ledger, asked for before it is carried out."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.display.attended import attended
from edfi_toolkit.display.following import follow
from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.values import moment
from edfi_toolkit.errors import EdfiToolkitError, StalePlan, UnsafePlan
from edfi_toolkit.planning.guardrails import NO_OVERRIDE, GivenOverride, Override
from edfi_toolkit.review.answers import answers_to, published_view
from edfi_toolkit.review.approvals import (
    approval_view,
    nothing_to_do,
    published_before,
    sent_by_another,
    unapproved_view,
)
from edfi_toolkit.review.places import schools_in_words, with_organizations
from edfi_toolkit.review.views import PanelView, View, following
from edfi_toolkit.runs.feed import last_published, ledger_of, newer_run
from edfi_toolkit.runs.ledger_now import delivered_since
from edfi_toolkit.runs.rejections.explained import refusals
from edfi_toolkit.runs.standing import began, not_settled

if TYPE_CHECKING:
    from edfi_toolkit.ledger.approvals import Approved
    from edfi_toolkit.runs.run import Run


def approve(run: Run, *, by: str, answers: Mapping[str, str]) -> Approved:
    """Keep the approval of the run's plan. answers: for each limit it reaches, why the change is meant.

    Raises UnsafePlan for a limit without an answer or one that no answer opens, ConfigError without a name.
    """
    from edfi_toolkit.ledger.approvals import Answer
    from edfi_toolkit.ledger.approvals import approve as keep

    plan = run.plan
    if plan.closed:
        closed = ", ".join(sorted(NO_OVERRIDE.intersection(plan.breaches)))
        raise UnsafePlan(
            f"No answer opens {closed}. Correct the source, then read it again.", list(plan.breaches)
        )
    open_limits = [code for code in plan.breaches if code not in answers]
    if open_limits:
        raise UnsafePlan(
            f"Not approved: {', '.join(open_limits)} has no answer yet. Say for each limit why the change is meant.",
            open_limits,
        )
    given = [Answer.given(code, by, answers[code]) for code in plan.breaches]
    with ledger_of(run) as (ledger, feed):
        return keep(ledger, feed, run_id=run.id, fingerprint=plan.fingerprint, person=by, answers=given)


def approval_of(run: Run) -> tuple[Approved | None, Approved | None]:
    """The approval of the run's plan as it is now; and, without one, that of an earlier plan of the run."""
    of_run = _approvals_of(run)
    holds = next((found for found in of_run if found.fingerprint == run.plan.fingerprint), None)
    return holds, None if holds or not of_run else of_run[0]


def approver_of(run: Run) -> str:
    """Who approved the plan that the manifest names; empty where no one has, or where the ledger cannot be asked."""
    found = _of_the_manifest(run)
    return found.person if found else ""


def approval_text(run: Run) -> str:
    """The same, and when: `Ann Steward, 2025-12-03 07:31 CET`."""
    found = _of_the_manifest(run)
    return f"{found.person}, {moment(found.approved_at)}" if found else ""


def _of_the_manifest(run: Run) -> Approved | None:
    planned = run.folder.manifest["steps"]["preview"]["fingerprint"]
    with suppress(EdfiToolkitError):
        return next((found for found in _approvals_of(run) if found.fingerprint == planned), None)
    return None


def _approvals_of(run: Run) -> list[Approved]:
    """All approvals of plans of the run, newest first."""
    from edfi_toolkit.ledger.approvals import approvals

    with ledger_of(run) as (ledger, feed):
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
    view, asks = _approval_now(run)
    if not asks:
        return following("approval", lambda: _approval_now(run)[0])

    def given(person: str, reasons: Mapping[str, str]) -> None:
        waiting.replace_with(run.approve(by=person, answers=reasons))
        look_after()

    def look_after() -> None:
        follow("approval", lambda: waiting.becomes(_approval_now(run)[0]), tells=True)

    waiting = PanelView(
        **vars(view), panel=lambda: panels().approve(run.plan, given), blocks_in_panel=len(view.blocks)
    )
    look_after()
    return waiting


def _approval_now(run: Run) -> tuple[View, bool]:
    """Whether the plan is approved, and whether a panel asks for it."""
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
    return of_older_run(run, view), asks


def of_older_run(run: Run, view: View, *, then: str = "look at its changes") -> View:
    """A view of a run, which says so where a newer one is there: that has what the SIS says now.

    The bar says so too, but what is read here may be far below it. then: what to do in the newest run.
    """
    newer = newer_run(run) if attended() else None
    if newer is None:
        return view
    of, since = began(run.folder.manifest), began(newer.manifest)
    warned = view.warning_first(f"This is an older run, of {of}; the source was read again {since}.")
    return replace(warned, next_step=f"Press Open the newest run in the bar at the top, and {then}.")


def as_it_stands(run: Run, overrides: Sequence[GivenOverride]) -> View:
    """In place of publishing without a word of approval: what was sent and when, else what waits for whom."""
    if run.published and not _goes_on(run):
        return following("published", lambda: _as_published(run))
    shown, ready = (_as_published(run), True) if run.published else _unsent(run)
    if panels().unattended() or not (ready or attended()):
        return shown

    def carry_out() -> View:
        run.publish(approved=run.plan.fingerprint, overrides=overrides)
        done = _as_published(run)
        waiting.replace_with(done)
        if not _goes_on(run):
            follow("published", lambda: waiting.replace_with(_as_published(run)), tells=True)
        return done

    def button() -> Any:
        """In view once the plan is approved, here or in notebook 30."""
        made = panels().publish(carry_out, lambda: _goes_on(run))
        made.show(ready)

        def look() -> None:
            if not run.published:  # from then on it tells itself how far it is
                now, approved = _unsent(run)
                waiting.becomes(now)
                made.show(approved)

        follow("published", look, tells=True)
        return made

    waiting = PanelView(**vars(shown), panel=button)
    return waiting


def _unsent(run: Run) -> tuple[View, bool]:
    """What waits in a run that has sent nothing, and whether it is approved."""
    holds, earlier = approval_of(run)
    ready = holds is not None and not nothing_to_do(run.plan)
    shown = unapproved_view(
        run.plan,
        run.masker(run.plan.items, run.plan.findings),
        holds=holds,
        earlier=no_longer_holds(earlier) if earlier else "",
        button=ready and not panels().unattended(),
    )
    return (of_older_run(run, _with_last_sent(run, shown)) if attended() else shown), ready


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
    refused, items = refusals(run), run.plan.items
    changed = items[items["action"].ne("NOOP")]
    view = published_view(
        result,
        run.masker(result),
        named=named,
        since=delivered_since(result, refused),
        answers=answers_to(result, refused),
        schools=schools_in_words(changed, run.tables, run.profile).reindex(result.index),
    )
    is_final = result["outcome"].ne("refused").all()
    return view if is_final else replace(view, as_of=moment(dt.datetime.now(dt.UTC)))


def _as_published(run: Run) -> View:
    step = run.folder.manifest["steps"]["publish"]
    shown = published_before(run.results(), step, approval_of(run)[0], settled=not not_settled(step))
    return of_older_run(run, shown)


def _goes_on(run: Run) -> bool:
    return not_settled(run.folder.manifest["steps"]["publish"])

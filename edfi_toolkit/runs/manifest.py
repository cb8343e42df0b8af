"""What the manifest keeps of a run: who, when, with which versions and settings, and how far it is."""

from __future__ import annotations

import datetime as dt
import hashlib
import platform
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit import __version__
from edfi_toolkit.display.labels import label
from edfi_toolkit.display.values import moment
from edfi_toolkit.errors import ConfigError, EdfiToolkitError, RecordsLeftOut, StalePlan
from edfi_toolkit.model.years import school_year_text
from edfi_toolkit.planning.plan import SENT
from edfi_toolkit.review.changes import in_words
from edfi_toolkit.review.summaries import of_skipped
from edfi_toolkit.review.views import Block, View, following
from edfi_toolkit.runs.approving import approver_of, of_older_run
from edfi_toolkit.runs.folder import FOR_PEOPLE, IN_RESYNC, MADE_IN, STEPS, RunFolder
from edfi_toolkit.runs.ledger_now import ledger_now
from edfi_toolkit.runs.standing import LedgerNow, changes_of, is_refused_again, not_settled
from edfi_toolkit.runs.user import user_name
from edfi_toolkit.settings import Target, without_credentials

if TYPE_CHECKING:
    from edfi_toolkit.planning import Plan
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.tables import Tables

# Where each is, by its heading: the sentence is shown in that notebook too. By whether something was refused.
_PARTS_OF_50 = {
    True: "In notebook 50 'What are the causes, and what now?' is the place to solve the refused ones, and 'What was "
    "never sent?' says who can solve the rest.",
    False: "'What was never sent?' in notebook 50 says why, and who can solve it.",
}


def head_of_manifest(run: Run, chosen: Mapping[str, Any]) -> dict[str, Any]:
    """Who, when, with what; no student and no secret."""
    return {
        **({"mode": "retry"} if run.is_retry else {}),
        "profile": run.profile,
        "school_year": run.school_year,
        "source": run.source.name,
        "target": run.target_name,
        "started_by": user_name(),
        "versions": {
            "edfi-toolkit": __version__,
            "python": platform.python_version(),
            "pandas": pd.__version__,
            "rules": rules_digest(run.profile),
        },
        "settings": dict(chosen),
    }


def rules_digest(profile: str) -> str:
    """What the rules of a profile are, in hexadecimal: its folder, and what all profiles share."""
    from edfi_toolkit import rules
    from edfi_toolkit.rules import profile as profile_of

    digest = hashlib.sha256()
    for folder in (Path(rules.__file__).parent, profile_of(profile).catalogue.parent):
        for path in sorted(path for path in folder.iterdir() if path.suffix in (".py", ".toml")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]


def extract_counts(tables: Tables) -> dict[str, Any]:
    """What the manifest keeps of what was read, and what became of each correction, by its number in the ledger."""
    laid = tables.corrections
    return {
        "rows": int(tables.summary()["rows"].sum()),
        "set_aside": len(tables.skipped),
        "corrected": tables.corrected_cells,
        "corrections": dict(zip(laid["number"].astype("str"), laid["state"], strict=True)),
    }


def plan_counts(plan: Plan, target: Target) -> dict[str, Any]:
    """What the manifest keeps of a plan, and for which address it was made."""
    actions, codes = plan.items["action"], plan.findings["code"]
    return {
        "mode": plan.mode,
        "target": target.identity,
        "fingerprint": plan.fingerprint,
        "actions": {action: int(count) for action, count in actions.value_counts().items()},
        "moves": int((actions.eq("DELETE") & plan.items["pair"].notna()).sum()),
        "breaches": list(plan.breaches),
        "held": int(codes.eq("HELD").sum()),
        "unread": int(codes.isin(["RESOURCE_UNREAD", "RESOURCE_LACKING"]).sum()),
        "sources": int(actions.isin(["POST", "PUT", "NOOP"]).sum()),
    }


def plan_to_send(run: Run) -> Plan:
    """The plan of a run. Raises StalePlan unless it was previewed for the address that the settings give its target,
    and ConfigError where a file of it is not as its step left it: what was sent could not be shown."""
    plan = run.plan
    run.folder.check_whole()
    previewed = run.folder.manifest["steps"]["preview"].get("target")
    if previewed != run.target.identity:
        known = (
            f"for {previewed}" if previewed else "by an earlier version, which did not keep for which address"
        )
        raise StalePlan(
            f"The changes were previewed {known}, and target '{run.target_name}' is now {run.target.identity}; "
            "nothing was sent now. Correct the settings, or begin a new run and preview it."
        )
    return plan


def publish_counts(result: pd.DataFrame) -> dict[str, Any]:
    """What the manifest keeps of what was published: outcomes of what was sent, and records that the ODS has now.

    result: as of `publishing.publish`. Records that it had before count too, as far as they are as in the source.
    """
    outcomes = result.loc[result["action"].isin(SENT), "outcome"].value_counts()
    there = ~result["action"].isin(["DELETE", "UNMAP"]) & result["outcome"].eq("delivered")
    return {
        "outcomes": {name: int(count) for name, count in outcomes.items()},
        "in_the_ods": int(there.sum()),
    }


def overview(run: Run) -> View:
    """Which run this is, where its files are, which steps it has behind it, and what is refused now: it stays true."""
    return following("overview", lambda: of_older_run(run, _overview(run)))


def _overview(run: Run) -> View:
    manifest = run.folder.manifest
    done = manifest.get("steps", {})
    made_in = _made_in(done)
    rows = [
        {
            "step": step,
            "notebook": made_in[step],
            "done": _when(done.get(step, {}).get("at", "")),
            "found": step_counts_text(done.get(step, {})),
        }
        for step in STEPS
    ]
    now = None
    with suppress(EdfiToolkitError):  # then as it was when the run published
        now = ledger_now(run)
    if now and now.delivered:
        rows[-1]["found"] += f"; {now.delivered:,} of the refused ones delivered since"
    if now and now.sent:
        rows[STEPS.index("preview")]["found"] += f"; {now.sent:,} of these sent since"
    tone, next_step = standing_of(run, now)
    year = "every school year" if run.school_year is None else school_year_text(run.school_year)
    return View(
        title=f"Run {run.id}" if manifest else "A new run",
        says=(
            f"{run.profile}, {year}, from {without_credentials(run.source.name)} "
            f"to {run.target_name}. Folder: {run.path}"
        ),
        tone=tone,
        blocks=[Block(f"Steps, as of {moment(dt.datetime.now(dt.UTC))}", pd.DataFrame(rows))],
        next_step=next_step,
        masker=run.masker(),
        value=manifest,
        files=[path for name in FOR_PEOPLE if (path := run.path / name).is_file()],
    )


def standing_of(run: Run, now: LedgerNow | None) -> tuple[str, str]:
    """The tone of a run, and what to do next. now: as of `ledger_now`; None where the ledger could not be asked."""
    done = run.folder.manifest.get("steps", {})
    by = approver_of(run) if "preview" in done and "publish" not in done else ""
    return _standing(done, _made_in(done), by, now)


def _made_in(done: Mapping[str, Any]) -> dict[str, str]:
    """The notebook of each step."""
    return {**MADE_IN, **(IN_RESYNC if done.get("preview", {}).get("mode") == "resync" else {})}


def _when(instant: str) -> str:
    return moment(dt.datetime.fromisoformat(instant)) if instant else ""


def _standing(
    done: Mapping[str, Any],
    made_in: Mapping[str, str],
    approver: str,
    now: LedgerNow | None = None,
) -> tuple[str, str]:
    """The tone of a run, and what to do next.

    done: its steps. made_in: the notebook of each step. approver: who approved its plan, empty while no one has.
    now: as of `ledger_now`.
    """
    missing = next((step for step in STEPS if step not in done), None)
    if missing == "publish" and now and now.sent:
        every, see = changes_of(done["preview"]), f"Run all cells of notebook {made_in['preview']}"
        if now.sent == every:
            return "good", f"All changes of this plan were sent since. {see}: it shows that nothing is left."
        count = f"{every - now.sent:,} of {every:,} changes"
        return "check", f"{see}: it shows what is left, {count}, to approve. The others were sent since."
    if approver and missing == "publish":
        return "check", f"Press Publish in notebook {made_in['publish']}: {approver} approved the changes."
    breaches = done.get("preview", {}).get("breaches") if missing == "publish" else None
    if breaches:
        return "bad", (
            f"The plan is stopped by {', '.join(breaches)}: notebook {made_in['preview']} says why. Correct the source "
            "and read it again; what is meant is overridden when publishing."
        )
    if missing == "publish" and now and is_refused_again(done["preview"], now):
        return "check", (
            "What is left was refused when it was last sent: notebook 50_rejections says what to correct. Sent again "
            f"as it is (notebook {made_in['preview']}) it arrives only if the ODS is different by now."
        )
    if missing == "publish" and changes_of(done["preview"]):
        then = (
            f"notebook {made_in['publish']}" if made_in["preview"] != made_in["publish"] else "Publish there"
        )
        return (
            "check",
            f"Look at the changes in notebook {made_in['preview']} and approve them; {then} then sends them.",
        )
    if missing:
        return "good", f"Open notebook {made_in[missing]}."
    if not_settled(done["publish"]):
        return "check", f"Publish again in notebook {made_in['publish']}: not every change has an answer."
    numbers = {
        "unreadable": done.get("extract", {}).get("set_aside", 0),
        "held": done.get("validate", {}).get("held", 0),
        "refused": now.refused if now else done["publish"].get("outcomes", {}).get("refused", 0),
    }
    skipped = of_skipped(done.get("build", {}).get("skipped", 0))
    if left := [f"{count:,} {name}" for name, count in numbers.items() if count]:
        said = f"{', '.join(left)}. {_PARTS_OF_50[bool(numbers['refused'])]}"
        return "check", f"{said} {skipped}".strip()
    return "good", f"Nothing is left to do. {skipped}".strip()


def as_before(folder: RunFolder, same: bool) -> str:
    """What is said of a step that was done again and found the same."""
    planned = same and folder.has("preview")
    return "The changes in notebook 30 are made of this." if planned else ""


def left_out(steps: Mapping[str, Any]) -> dict[str, int]:
    """Records that are not in the ODS, by what their steps left in the manifest: `held` and `refused`."""
    outcomes = steps.get("publish", {}).get("outcomes", {})
    return {
        "held": steps.get("extract", {}).get("set_aside", 0) + steps.get("validate", {}).get("held", 0),
        "refused": sum(outcomes.get(name, 0) for name in ("refused", "pending", "unsure")),
    }


def check_outcome(run_id: str, steps: Mapping[str, Any], fail_on: str) -> None:
    """Raises RecordsLeftOut when records were left out of which a failure was to be made.

    fail_on: "held", "refused", "any", or empty for none of them; ConfigError for anything else.
    """
    counted = left_out(steps)
    if fail_on not in ("", "any", *counted):
        raise ConfigError(f'fail_on is "held", "refused", "any" or empty, not {fail_on!r}. Correct it.')
    found = {name: count for name, count in counted.items() if count and fail_on in ("any", name)}
    if found:
        counts = " and ".join(f"{count:,} {name}" for name, count in found.items())
        raise RecordsLeftOut(
            f"Run {run_id} has finished, with {counts}: fail_on makes that a failure. Notebook 50 says why. "
            "The rest is done."
        )


def check_row_balance(step: str, rows_in: int, parts: Mapping[str, Any]) -> None:
    """Raises EdfiToolkitError when rows vanished in a step: every row is accounted for."""
    if int(rows_in) != sum(int(count) for count in parts.values()):
        counts = ", ".join(f"{name} {count}" for name, count in parts.items())
        raise EdfiToolkitError(
            f"Rows went missing in {step}: {int(rows_in)} came in, but {counts}. Nothing was written. "
            "This is a fault of the toolkit; please report it."
        )


def step_counts_text(step: Mapping[str, Any]) -> str:
    """What the manifest counted in a step, in a steward's words; a move is one change, as in the preview."""
    counts = {
        label(name).lower(): value
        for name, value in step.items()
        if type(value) is int and name not in ("moves", "sources", "in_the_ods")
    }
    actions, moves = step.get("actions", {}), step.get("moves", 0)
    for word, count in zip(in_words(pd.Series(list(actions), dtype="str")), actions.values(), strict=True):
        counts[word] = count - moves if word in ("remove", "create") else count
    counts.update({"move": moves, **step.get("outcomes", {})})
    return ", ".join(f"{name} {count:,}" for name, count in counts.items() if count)

"""One district, unattended: the notebooks in order, in one run, with the exit code a scheduler acts on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from edfi_toolkit.batch.exits import Exit, exit_of_steps
from edfi_toolkit.batch.kernels import Kernel
from edfi_toolkit.batch.notebooks import DEFAULT_TIMEOUTS, NotebookResult, ProgressOf, Timeouts, run_notebooks
from edfi_toolkit.batch.report import Report, report_of
from edfi_toolkit.batch.stopping import Stop
from edfi_toolkit.batch.unchanged import before_of, to_keep, unchanged
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs import AUTO, Run, open_run
from edfi_toolkit.runs.feed import is_retry
from edfi_toolkit.runs.parameters import refuse_credentials
from edfi_toolkit.runs.planning import check_settings
from edfi_toolkit.runs.setup import check_login
from edfi_toolkit.runs.workbook import leave_one

_PREVIEWS = {"publish": ("10_extract", "20_validate", "30_preview"), "resync": ("60_resync",)}
_PUBLISHES = {"publish": ("40_publish", "50_rejections"), "resync": ("50_rejections",)}
SENDS = {"40_publish", "60_resync"}  # where the approval goes
_WRITES_WORKBOOK = "50_rejections"


@dataclass(frozen=True)
class Unattended:
    """How a run went: its notebooks, its manifest's steps, and the exit code for the scheduler."""

    run: Run
    ran: list[NotebookResult]
    exit: Exit
    before: Mapping[str, Any] = field(default_factory=dict)
    nothing_to_do: Report | None = None

    @property
    def error(self) -> str:
        """One line about what ended the run early; empty when nothing did."""
        return next((notebook.error for notebook in self.ran if notebook.error), "")

    @property
    def steps(self) -> dict[str, Any]:
        """What each step left in the manifest."""
        steps: dict[str, Any] = self.run.folder.manifest.get("steps", {})
        return steps

    def report(self, seconds: float) -> Report:
        """What came of it."""
        if self.nothing_to_do is not None:
            return replace(self.nothing_to_do, seconds=round(seconds, 2))
        kind, _, says = self.error.partition(": ")
        kept = to_keep(self.run, self.before, self.exit) if self.before and not kind else {}
        return report_of(self.run, self.exit, seconds=seconds, says=says, error=kind, kept=kept)


def shipped(name: str) -> Path:
    """A folder next to the package in a checkout and inside it when installed."""
    package = Path(__file__).resolve().parents[1]
    found = next((place / name for place in (package, package.parent) if (place / name).is_dir()), None)
    if found is None:
        raise ConfigError(f"This installation has no folder {name}. Install the toolkit again.")
    return found


def run_unattended(
    *,
    profile: str,
    school_year: int | None,
    source: str | None,
    target: str,
    approved: str = "",
    mode: str = "publish",
    settings: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    progress_of: ProgressOf | None = None,
    kernel: Kernel | None = None,
    stop: Stop | None = None,
    resume: str = "",
    force: bool = False,
    begun: Callable[[Run], object] | None = None,
) -> Unattended:
    """Extract, validate and preview; with `approved` ("auto" or a fingerprint) publish and review too.

    With "auto", a source that is as its last run left it is finished at once, unless `force` (see `unchanged`).
    mode: "publish" compares with what was published before, "resync" with what the ODS holds.
    settings: of the profile, over those of the settings file.
    The run is a new one, or that of `resume`, whose finished steps are left as they are; its executed notebooks are
    in its folder, masked. Kernels work in the current one.
    kernel: one to use again, in place of a new one with `environ`.
    begun: called with the run as soon as it may leave something, for whoever reports what is raised afterwards.
    Raises ConfigError before anything is read or contacted; with `approved` OdsRefusedLogin and OdsUnavailable before
    anything is read.
    """
    run = open_run(
        profile=profile,
        school_year=school_year,
        source=source,
        target=target,
        run_id=resume or "new",
        settings=settings,
    )
    if resume and not run.folder.manifest:
        raise ConfigError(f"There is no run {resume} in {run.installation.runs_dir}. Check the name.")
    names = [*_PREVIEWS[mode], *(_PUBLISHES[mode] if approved else ())]
    if resume:
        _check_goes_on(run, mode)
        names = [name for name in names if not _is_done(run, name, sends=bool(approved))]
    parameters = {
        "profile": profile,
        "school_year": school_year,
        "source": run.installation.written(run.source),
        "target": target,
        "run_id": run.id,
        **({"approved": approved} if approved and SENDS.intersection(names) else {}),
        **({"settings": dict(settings)} if settings else {}),
    }
    refuse_credentials(parameters)
    before: dict[str, Any] = {}
    if approved == AUTO and mode == "publish" and not resume:
        if not force and (nothing_to_do := unchanged(run)) is not None:
            return Unattended(run, [], nothing_to_do.exit, nothing_to_do=nothing_to_do)
        before = before_of(run)
    if approved:
        check_login(run)
    if begun:
        begun(run)
    ran = run_notebooks(
        [shipped("notebooks") / f"{name}.ipynb" for name in names],
        parameters=parameters,
        out_dir=run.path / "notebooks",
        cwd=Path.cwd(),
        environ=environ,
        timeouts=timeouts,
        progress_of=progress_of,
        redact=_redacting(run),
        kernel=kernel,
        stop=stop,
    )
    if not any(notebook.notebook == _WRITES_WORKBOOK and notebook.exit is Exit.DONE for notebook in ran):
        leave_one(run)
    if run.folder.manifest:
        run.folder.seal()
    failed = next((notebook.exit for notebook in ran if notebook.exit is not Exit.DONE), None)
    code = failed or exit_of_steps(run.folder.manifest.get("steps", {}))
    return Unattended(run, ran, code, before)


def _check_goes_on(run: Run, mode: str) -> None:
    """A run goes on as what it began as: from what its steps left, in the mode and with the settings of its plan, and a
    retry only once it has one."""
    manifest = run.folder.manifest
    steps = manifest["steps"]
    planned = steps["preview"].get("mode", "") if "preview" in steps else None
    if is_retry(manifest) and planned != "retry":
        raise ConfigError(
            f"Run {run.id} is a retry that stopped before it had a plan. Start the retry again."
        )
    began = "publish" if planned == "retry" else planned
    if began == "":
        raise ConfigError(
            f"Run {run.id} was previewed by an earlier version, which did not keep the mode of its plan. Preview it "
            "again in a new run: 'edfi-toolkit run' with the same options, without --resume."
        )
    if began not in (None, mode):
        raise ConfigError(
            f"The plan of run {run.id} is of mode {began}, not {mode}. Go on with --mode {began}, or start a new run."
        )
    run.folder.check_whole()
    if run.folder.has("build"):
        check_settings(run)


def _is_done(run: Run, notebook: str, *, sends: bool) -> bool:
    """Whether the steps of a notebook are behind a run; a publish that has left something pending is not."""
    steps = run.folder.manifest["steps"]
    if sends and notebook in SENDS:
        published = steps.get("publish", {})
        open_ones = ("pending", "unsure")
        return bool(published.get("finished")) and not any(
            published["outcomes"].get(name) for name in open_ones
        )
    last = {
        "10_extract": "extract",
        "20_validate": "validate",
        "30_preview": "preview",
        "60_resync": "preview",
    }
    return notebook in last and last[notebook] in steps


def _redacting(run: Run) -> Callable[[str], str]:
    """Hides the ids of this run's students in any text, as soon as the run knows them."""
    known: list[Callable[[Any], Any]] = []

    def redact(text: str) -> str:
        if not known and run.folder.has("extract"):
            known.append(run.masker().text)
        return str(known[0](text)) if known else text

    return redact

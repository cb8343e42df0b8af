"""Run notebooks by papermill, unattended: one district, one run, the exit code of what happened.

What papermill leaves open is closed here: an unknown parameter is refused, not warned about; a name or value
that looks like a credential is refused, because papermill writes parameters into the output three times; the
kernel is our own, one for all notebooks of a run; widget state, parameters and paths
are taken out of the output's metadata; messages of unexpected errors are withheld, because they may quote a
student's data.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edfi_toolkit.batch.exits import Exit, exit_of_name
from edfi_toolkit.batch.kernels import Kernel
from edfi_toolkit.batch.stopping import INTERRUPTED, INTERRUPTED_SAYS, Stop, Stopped
from edfi_toolkit.display.failures import error_text, steps_of
from edfi_toolkit.display.panels import UNATTENDED
from edfi_toolkit.display.progress import Progress
from edfi_toolkit.display.texts import visible
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs.parameters import refuse_credentials, refuse_unknown
from edfi_toolkit.storage import write_private

_ENGINE = "edfi-toolkit"
_OWN_KEYS = ("start_time", "end_time", "duration", "exception", "version", "status")

ProgressOf = Callable[[str], Progress]  # of a notebook, by its name: cells done, cells in all


@dataclass(frozen=True)
class Timeouts:
    """Seconds: a kernel may take to start, one cell may run, all notebooks of the run together may take."""

    start_s: int = 120
    cell_s: int = 3600
    run_s: int = 4 * 3600


DEFAULT_TIMEOUTS = Timeouts()


@dataclass(frozen=True)
class NotebookResult:
    """One executed notebook. error: empty, or one line fit for a log."""

    notebook: str
    output: Path
    seconds: float
    exit: Exit
    error: str = ""


def run_notebooks(
    notebooks: Sequence[Path],
    *,
    parameters: Mapping[str, Any],
    out_dir: Path,
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    timeouts: Timeouts = DEFAULT_TIMEOUTS,
    progress_of: ProgressOf | None = None,
    redact: Callable[[str], str] = str,
    kernel: Kernel | None = None,
    stop: Stop | None = None,
) -> list[NotebookResult]:
    """Run notebooks in order until one fails; each output goes to `out_dir` under the notebook's own name.

    parameters: given to every notebook that has them; a name no notebook has is refused before anything runs.
    cwd: working folder of the kernel. environ: what it sees besides our own environment. redact: applied to
    every text of the outputs before they are written. kernel: an `unattended_kernel` to use again, in place of cwd,
    environ and stop. stop: asked, the notebook under way is interrupted and is the last one.
    Returns one NotebookResult for each notebook that was started. Raises ConfigError before anything runs.
    """
    if not notebooks:
        return []
    accepted = check_parameters(notebooks, parameters)
    deadline = time.monotonic() + timeouts.run_s
    done: list[NotebookResult] = []
    own = (
        nullcontext(kernel) if kernel is not None else unattended_kernel(cwd, environ, timeouts.start_s, stop)
    )
    with own as shared:
        for path in notebooks:
            given = {name: parameters[name] for name in accepted[path]}
            done.append(_run_one(path, given, out_dir, shared, timeouts, deadline, progress_of, redact))
            if done[-1].exit is not Exit.DONE:
                break
    return done


def unattended_kernel(
    cwd: Path,
    environ: Mapping[str, str] | None = None,
    start_s: int = DEFAULT_TIMEOUTS.start_s,
    stop: Stop | None = None,
) -> Kernel:
    """A kernel whose notebooks ask no questions; it sees our environment and what `environ` adds."""
    return Kernel(
        cwd=cwd, environ={**os.environ, **(environ or {}), UNATTENDED: "1"}, start_s=start_s, stop=stop
    )


def check_parameters(notebooks: Sequence[Path], parameters: Mapping[str, Any]) -> dict[Path, list[str]]:
    """Which parameters each notebook takes. ConfigError for an unknown name or anything like a credential."""
    import papermill

    refuse_credentials(parameters)
    known: dict[Path, list[str]] = {}
    for path in notebooks:
        if not path.is_file():
            raise ConfigError(f"There is no notebook {path.name} in {path.parent}.")
        known[path] = list(papermill.inspect_notebook(str(path)))
    every = {name for names in known.values() for name in names}
    refuse_unknown(parameters, every, "No notebook")
    return {path: [name for name in parameters if name in names] for path, names in known.items()}


def _run_one(
    path: Path,
    parameters: Mapping[str, Any],
    out_dir: Path,
    kernel: Kernel,
    timeouts: Timeouts,
    deadline: float,
    progress_of: ProgressOf | None,
    redact: Callable[[str], str],
) -> NotebookResult:
    import papermill
    from nbclient.exceptions import CellTimeoutError, DeadKernelError
    from papermill.exceptions import PapermillExecutionError

    started = time.monotonic()
    kept: dict[str, Any] = {}
    output = out_dir / path.name
    code, error = Exit.DONE, ""
    _register_engine()
    try:
        papermill.execute_notebook(
            str(path), None, parameters=dict(parameters), engine_name=_ENGINE, progress_bar=False,
            kernel=kernel, keep=kept,
            seconds_for_a_cell=lambda _cell: max(1, int(min(timeouts.cell_s, deadline - time.monotonic()))),
            progress=progress_of(path.stem) if progress_of else None,
        )  # fmt: skip
    except Stopped:
        code, error = Exit.UNAVAILABLE, f"{INTERRUPTED}: {INTERRUPTED_SAYS}"
    except PapermillExecutionError as failed:
        code = exit_of_name(failed.ename)
        error = redact(error_text(failed.ename, failed.evalue, failed.traceback))
    except CellTimeoutError:
        over = "the whole run" if time.monotonic() >= deadline - 1 else "one cell"
        code, error = Exit.FAILED, f"{path.name} was stopped: the time limit for {over} was reached."
    except (DeadKernelError, RuntimeError) as failed:
        code, error = Exit.FAILED, f"{path.name}: its kernel failed ({type(failed).__name__})."
    if code is Exit.FAILED and kernel.stop.asked:  # interrupted, or killed when the bound was over
        code, error = Exit.UNAVAILABLE, f"{INTERRUPTED}: {INTERRUPTED_SAYS}"
    if "notebook" in kept:
        _write_output(_clean_output(kept["notebook"], redact), output)
    return NotebookResult(path.stem, output, round(time.monotonic() - started, 1), code, error)


def _register_engine() -> None:
    """Our engine: the kernel it is given, one event a cell, the notebook kept when it fails."""
    from papermill.engines import NBClientEngine, papermill_engines

    if _ENGINE in papermill_engines._engines:
        return

    class OwnEngine(NBClientEngine):  # type: ignore[misc]  # papermill has no types
        @classmethod
        def execute_managed_notebook(cls, nb_man: Any, kernel_name: str, **kwargs: Any) -> Any:
            kwargs["keep"]["notebook"] = nb_man.nb
            if kwargs["progress"]:
                _report_cells(nb_man, kwargs["progress"])
            kernel: Kernel = kwargs["kernel"]
            return kernel.execute(nb_man, seconds_for_a_cell=kwargs["seconds_for_a_cell"])

    papermill_engines.register(_ENGINE, OwnEngine)


def _report_cells(nb_man: Any, progress: Progress) -> None:
    finish = nb_man.cell_complete

    def cell_complete(cell: Any, cell_index: int | None = None, **kwargs: Any) -> None:
        finish(cell, cell_index=cell_index, **kwargs)
        progress((cell_index or 0) + 1, len(nb_man.nb.cells))

    nb_man.cell_complete = cell_complete


def _clean_output(notebook: Any, redact: Callable[[str], str] = str) -> Any:
    """A copy to show: no widget state, no parameters or paths in the metadata, errors shortened, all texts redacted."""
    import nbformat

    clean = nbformat.from_dict(notebook)  # type: ignore[no-untyped-call]
    clean.metadata.pop("widgets", None)
    _keep_own(clean.metadata)
    for cell in clean.cells:
        _keep_own(cell.metadata)
        if cell.cell_type == "code":
            cell.outputs = [_clean_output_of_cell(output, redact) for output in cell.outputs]
    return clean


def _keep_own(metadata: Any) -> None:
    if "papermill" in metadata:
        metadata["papermill"] = {
            name: metadata["papermill"].get(name) for name in _OWN_KEYS if name in metadata["papermill"]
        }


def _clean_output_of_cell(output: Any, redact: Callable[[str], str]) -> Any:
    def shown(text: str) -> str:
        return visible(redact(text))

    if output.output_type == "error":
        error = shown(error_text(output.ename, output.evalue, output.traceback))
        output.evalue = error.partition(": ")[2]
        output.traceback = [*steps_of(output.traceback), error]
    elif output.output_type == "stream":
        output.text = shown("".join(output.text))
    else:
        for kind, content in list(output.data.items()):
            if "widget" in kind:
                del output.data[kind]
            elif not kind.startswith("image/") or kind == "image/svg+xml":  # a picture's bytes are no text
                output.data[kind] = _texts_changed(content, shown)
        output.metadata = _texts_changed(output.metadata, shown)
    return output


def _texts_changed(content: Any, change: Callable[[str], str]) -> Any:
    """Texts and names in nested content, each changed."""
    if isinstance(content, Mapping):
        return {change(name): _texts_changed(value, change) for name, value in content.items()}
    if isinstance(content, list):
        return [_texts_changed(part, change) for part in content]
    return change(content) if isinstance(content, str) else content


def _write_output(notebook: Any, path: Path) -> None:
    """Write a notebook whole or not at all, readable by the owner only."""
    import nbformat

    text: str = nbformat.writes(notebook)  # type: ignore[no-untyped-call]
    write_private(path, f"{text}\n")

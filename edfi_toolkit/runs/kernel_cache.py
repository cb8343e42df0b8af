"""What the steps of a run found, for the notebooks that come after it in the same kernel.

Unattended, all notebooks of a run share one, and each would read back what the one before has just written. Only the
newest run's is kept, and it is found again only for the very files it was written to, by their digests in the manifest.
Where a person may have changed a frame in between, nothing is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar

from edfi_toolkit.display.panels import panels
from edfi_toolkit.runs.folder import ARTIFACTS, FOR_PEOPLE

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_P = ParamSpec("_P")
_T = TypeVar("_T")
_MADE_BY = {"tables": "extract", "built": "build", "checked": "validate", "plan": "preview"}
# A build may have asked the target who is published, and its tables say so.
_LEFT_BY = {
    "extract": ("tables",),
    "build": ("tables", "built"),
    "validate": ("checked",),
    "preview": ("plan",),
    "resync": ("plan",),
}
_cache: dict[str, tuple[Any, Any]] = {}  # by name: of which files, and what was found


def caching_results(step: Callable[Concatenate[Run, _P], _T]) -> Callable[Concatenate[Run, _P], _T]:
    """A step of a run, of which what it found is cached once the manifest has it."""

    @wraps(step)
    def cached_too(run: Run, /, *args: _P.args, **options: _P.kwargs) -> _T:
        if step.__name__ == "extract":
            _cache.clear()
        done = step(run, *args, **options)
        for name in _LEFT_BY.get(step.__name__, ()) if panels().unattended() else ():
            if name in vars(run):
                _cache[name] = _files(run, name), vars(run)[name]
        return done

    return cached_too


def cached_or_loaded(run: Run, name: str, load: Callable[[], _T]) -> _T:
    """What is cached under this name, if the run's files are still those; else what `load` reads from them."""
    files, found = _cache.get(name, (None, None))
    return load() if found is None or files != _files(run, name) else found


def _files(run: Run, name: str) -> Any:
    """The run's folder, and the digest of each file that holds what was found."""
    artifacts = run.folder.manifest.get("artifacts", {})
    places = set(ARTIFACTS[_MADE_BY[name]]).difference(FOR_PEOPLE)  # later steps write to those
    return run.path, {file: artifacts[file] for file in artifacts if file.split("/")[0] in places}

"""Which run is meant: the newest of its kind, a new one, or one by its name."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model.years import read_school_year
from edfi_toolkit.runs.feed import is_of, is_retry, like
from edfi_toolkit.runs.folder import RunFolder, new_run_id, runs_newest_first
from edfi_toolkit.runs.parameters import check_notebook, refuse_numbers, settings_from
from edfi_toolkit.runs.run import Run
from edfi_toolkit.settings import Settings, Source, load_settings


def open_run(
    *,
    profile: str,
    school_year: int | str | None,
    source: str | None = None,
    target: str = "sandbox",
    run_id: str = "latest",
    settings: Mapping[str, Any] | str | None = None,
) -> Run:
    """A run of one profile and school year, from one source to one target.

    source: a name in the settings, a path, an address, or a database URL; None is the only source there is, or that of
    the run. target: a name in the settings. run_id: "latest" is the newest run of these four, or a new one
    when there is none; "new" starts one; a name opens that one. settings: of the profile, over those in the
    settings file. Nothing is read, contacted or written yet. Raises ConfigError for names that do not exist.
    """
    given = settings_from(settings)
    check_notebook(profile=profile, source=source, target=target, run_id=run_id, settings=given)
    refuse_numbers(profile=profile, source=source, target=target, run_id=run_id)
    if school_year is not None:
        school_year = read_school_year(school_year)
    from edfi_toolkit.rules import profile as profile_of

    rules = profile_of(profile)
    installation = load_settings()
    if school_year is not None and target in installation.targets:
        installation.targets[target].check_year(school_year)
    wanted: dict[str, Any] = {"profile": profile, "school_year": school_year, "target": target}
    folder, manifest = _folder(installation, run_id, wanted, source)
    if manifest:
        named = (
            Source(manifest["source"], manifest["source"]) if source is None else installation.source(source)
        )
    else:
        named = _source(installation, source)
    if given:  # a wrong one is refused before anything is read
        rules.resolve(installation.of_build(profile, named, given))
    return Run(folder, installation, named, given, **wanted)


def open_another(run: Run) -> Run:
    """A new run of the same profile, school year, source, target and settings, in a folder of its own."""
    return like(run, RunFolder(run.installation.runs_dir, new_run_id(run.installation.runs_dir)))


def _folder(
    installation: Settings, run_id: str, wanted: Mapping[str, Any], source: str | None
) -> tuple[RunFolder, dict[str, Any]]:
    """The folder of the run that was asked for, with its manifest; empty for a run that starts."""
    if source is not None:
        wanted = {**wanted, "source": installation.source(source).name}
    if run_id == "latest":
        for folder in runs_newest_first(installation.runs_dir):
            manifest = folder.manifest
            if is_of(manifest, wanted) and not is_retry(manifest):
                return folder, manifest
    if run_id in ("latest", "new"):
        return RunFolder(installation.runs_dir, new_run_id(installation.runs_dir)), {}
    folder = RunFolder(installation.runs_dir, run_id)
    manifest = folder.manifest
    for name, value in wanted.items():
        if manifest and manifest[name] != value:
            raise ConfigError(
                f"Run {run_id} is one of {name.replace('_', ' ')} {manifest[name]!r}, not {value!r}. "
                'Correct the first cell, or open the latest run with run_id = "latest".'
            )
    return folder, manifest


def _source(installation: Settings, name: str | None) -> Source:
    if name is not None:
        return installation.source(name)
    if len(installation.sources) == 1:
        return next(iter(installation.sources.values()))
    known = ", ".join(sorted(installation.sources)) or "none is named in the settings"
    raise ConfigError(f"Which source? Give source; there are: {known}.")

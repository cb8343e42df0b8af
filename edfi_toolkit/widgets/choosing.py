"""The form over the notebooks: profile, school year, source, target and run, as lists."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import ipywidgets as w

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.model.years import read_school_year, school_year_text
from edfi_toolkit.rules import profile_names
from edfi_toolkit.runs.folder import runs_newest_first
from edfi_toolkit.runs.standing import run_label
from edfi_toolkit.settings import Settings, load_settings, without_credentials
from edfi_toolkit.widgets.message import Message

_WIDE = {"description_width": "7em"}
_RUNS_LISTED = 50


class ChoiceForm(w.VBox):
    """`profile`, `school_year`, `source`, `target`, `run_id` (dropdowns), `use` and `cancel` (buttons).

    on_use: takes the five by name; a mistake it raises is shown in the form. chosen: what is in use now.
    """

    def __init__(
        self,
        chosen: Mapping[str, Any],
        *,
        on_use: Callable[[Mapping[str, Any]], None],
        on_cancel: Callable[[], None],
    ) -> None:
        self._on_use, self._settings = on_use, load_settings()
        self.profile = a_list("Profile", profile_names(), chosen["profile"])
        self.school_year = a_list("School year", years(chosen["school_year"]), _year(chosen["school_year"]))
        self.source = a_list("Source", self._settings.sources, chosen["source"])
        self.target = a_list("Target", self._settings.targets, chosen["target"])
        self.run_id = a_list("Run", [("the newest", "latest")], "latest")
        for field in (self.profile, self.school_year, self.source, self.target):
            field.observe(self._list_runs, "value")
        self._list_runs()
        if chosen["run_id"] in [value for _, value in self.run_id.options]:
            self.run_id.value = chosen["run_id"]
        self.use = w.Button(description="Use these", button_style="primary", icon="check")
        self.cancel = w.Button(description="Cancel")
        self.message = Message()
        self.use.on_click(self._used)
        self.cancel.on_click(lambda _button: on_cancel())
        fields = [self.profile, self.school_year, self.source, self.target, self.run_id]
        super().__init__([*fields, w.HBox([self.use, self.cancel]), self.message])

    @property
    def values(self) -> dict[str, Any]:
        """The five as they are chosen now."""
        names = ("profile", "school_year", "source", "target", "run_id")
        return {name: getattr(self, name).value for name in names}

    def _list_runs(self, _change: Any = None) -> None:
        self.run_id.options = [("the newest", "latest"), *runs_of(self._settings, self.values)]
        self.run_id.value = "latest"

    def _used(self, _button: Any) -> None:
        missing = [name.replace("_", " ") for name, value in self.values.items() if not value]
        with self.message.mistakes():
            if missing:
                raise ConfigError(f"Choose {' and '.join(missing)} first.")
            self._on_use(self.values)


def years(chosen: object, today: dt.date | None = None) -> list[tuple[str, int]]:
    """The school years to choose from, the newest first: those around today, and the one in use."""
    now = today or dt.date.today()
    current = now.year + (now.month >= 7)
    listed = set(range(current - 3, current + 2))
    if (used := _year(chosen)) is not None:
        listed.add(used)
    return [(school_year_text(year), year) for year in sorted(listed, reverse=True)]


def runs_of(installation: Settings, choice: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The runs of a profile, school year, source and target, the newest first, by their label."""
    found = []
    with suppress(ConfigError):
        source = installation.source(choice["source"]).name if choice["source"] else None
        wanted = {**{name: choice[name] for name in ("profile", "school_year", "target")}, "source": source}
        for folder in runs_newest_first(installation.runs_dir):
            try:
                manifest = folder.manifest
            except ConfigError:  # it may be of these: opening it says what to do
                found.append((f"{folder.run_id} (cannot be read)", folder.run_id))
                continue
            if all(manifest.get(name) == value for name, value in wanted.items()):
                found.append((f"{run_label(manifest)} ({_state(manifest)})", folder.run_id))
    return found[:_RUNS_LISTED]


def _state(manifest: Mapping[str, Any]) -> str:
    steps = manifest.get("steps", {})
    if "publish" in steps:
        return "published"
    return "previewed" if "preview" in steps else "begun"


def _year(chosen: object) -> int | None:
    with suppress(ConfigError):
        return read_school_year(chosen)
    return None


def a_list(label: str, options: Any, chosen: Any) -> w.Dropdown:
    """A dropdown that also offers what is in use although no list has it, such as the path of a folder."""
    choices = [
        option if isinstance(option, tuple) else (without_credentials(str(option)), option)
        for option in options
    ]
    if chosen not in [value for _, value in choices]:
        if chosen is None or chosen == "":
            choices.insert(0, ("choose …", chosen))
        else:
            choices.append((f"{without_credentials(str(chosen))} (not in the settings)", chosen))
    return w.Dropdown(
        options=choices, value=chosen, description=label, style=_WIDE, layout=w.Layout(width="min(34em, 95%)")
    )

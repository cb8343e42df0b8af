"""The Set up form of notebook 00: a source with a look at what it would read, profile and year, a target and its test.

Everything typed is in `Typed` fields, so it is in no notebook. `edfi.toml` gets names and addresses, the system's
keyring key and secret. The fields and buttons can be used from Python by their names.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import ipywidgets as w

from edfi_toolkit.display.cards import card_html
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.rules import profile_names
from edfi_toolkit.runs.choice import remember, remembered
from edfi_toolkit.runs.setup import check_target, look_at
from edfi_toolkit.settings import Settings, load_settings
from edfi_toolkit.settings.keys import has_keyring, save_login, service_of, without_keyring
from edfi_toolkit.settings.writing import add_source, add_target, name_keyring, new_source
from edfi_toolkit.widgets.choosing import a_list, years
from edfi_toolkit.widgets.message import Message
from edfi_toolkit.widgets.typed import Typed

FOLDER, DATABASE = "a folder or workbook", "a database"
ANOTHER = ""  # in a list: one that is not there yet
_NEXT = "Open notebook 10. The cells below show these after Run > Run All Cells."


class SetUp(w.VBox):
    """Three parts, from top to bottom, and one button that remembers the choice for all notebooks."""

    def __init__(self) -> None:
        installation = load_settings()
        chosen = remembered(installation)
        self.profile = a_list("Profile", profile_names(), chosen.get("profile") or profile_names()[0])
        year = chosen.get("school_year")
        self.school_year = a_list("School year", years(year), year or years(None)[1][1])
        super().__init__([*self._source_part(), *self._target_part(), *self._last_part()])
        self._list(installation, chosen.get("source", ANOTHER), chosen.get("target", ANOTHER))

    # What is shown

    def _source_part(self) -> list[w.Widget]:
        self.source = a_list("Source", [], ANOTHER)
        self.kind = w.ToggleButtons(
            options=[FOLDER, DATABASE],
            style={"button_width": "auto"},
            layout=w.Layout(margin="2px 2px 2px 7.4em"),
        )
        self.source_name = Typed("Name", placeholder="yours to choose, such as north")
        self.place = Typed("Path", placeholder="a folder, workbook or file, such as extracts/north")
        self.look = _button("Look", "eye", "Read it and show what is in it; nothing is kept")
        self.add_source = _button("Add this source", "plus", "Write it into edfi.toml")
        self.source_message = Message()
        self._new_source = w.VBox([self.kind, self.source_name, self.place])
        self.source.observe(self._fold, "value")
        self.kind.observe(self._of_kind, "value")
        self.look.on_click(self._try(self._look, self.source_message))
        self.add_source.on_click(self._try(self._add_source, self.source_message))
        heading = _heading("1. Where do the rows come from, and whose rules are they for?")
        fields = [self.profile, self.school_year, self.source, self._new_source]
        return [heading, *fields, _row(self.look, self.add_source), self.source_message]

    def _target_part(self) -> list[w.Widget]:
        self.target = a_list("Target", [], ANOTHER)
        self.target_name = Typed("Name", placeholder="yours to choose, such as state")
        self.address = Typed("Address", placeholder="https://… of the ODS API, as its owner gave it")
        self.key = Typed("Key", password=True)
        self.secret = Typed("Secret", password=True)
        self.add_target = _button("Add this target", "plus", "Write name and address into edfi.toml")
        self.save = _button(
            "Save key and secret", "lock", "Into the keyring of this system, and nowhere else"
        )
        self.test = _button("Test", "plug", "Ask the target whether it takes the login; nothing is written")
        self.target_message = Message()
        self._new_target = w.VBox([self.target_name, self.address])
        self.target.observe(self._fold, "value")
        self.add_target.on_click(self._try(self._add_target, self.target_message))
        self.save.on_click(self._try(self._save, self.target_message))
        self.test.on_click(self._try(self._test, self.target_message))
        heading = _heading("2. Where do the records go?")
        fields = [self.target, self._new_target, self.key, self.secret]
        return [heading, *fields, _row(self.add_target, self.save, self.test), self.target_message]

    def _last_part(self) -> list[w.Widget]:
        self.use = w.Button(description="Use these in all notebooks", button_style="primary", icon="check")
        self.use.layout.width = "auto"
        self.message = Message()
        self.use.on_click(self._try(self._use, self.message))
        return [_heading("3. Use them"), _row(self.use), self.message]

    def _list(self, installation: Settings, source: str, target: str) -> None:
        for field, names, value in (
            (self.source, installation.sources, source),
            (self.target, installation.targets, target),
        ):
            options = [*((name, name) for name in names), ("add another …", ANOTHER)]
            field.options = options
            field.value = value if value in names else options[0][1]
        self._fold()

    def _fold(self, _change: Any = None) -> None:
        """The fields of what is added only where something is added."""
        for field, fields, button in (
            (self.source, self._new_source, self.add_source),
            (self.target, self._new_target, self.add_target),
        ):
            display = "" if field.value == ANOTHER else "none"
            fields.layout.display = button.layout.display = display
        self.save.layout.display = "none" if self.target.value == ANOTHER else ""
        known = load_settings().targets.get(self.target.value)
        kept = known is not None and bool(known.keyring or known.key)
        for field in (self.key, self.secret):
            field.placeholder = "there is one; type only to replace it" if kept else ""
        self.test.layout.display = self.save.layout.display

    def _of_kind(self, _change: Any) -> None:
        if self.kind.value == DATABASE:
            self.place.label, self.place.placeholder = "Variable", "the NAME of the variable with its address"
        else:
            self.place.label, self.place.placeholder = "Path", "a folder, workbook or file"

    # What the buttons do

    def _look(self) -> str:
        installation = load_settings()
        if self.source.value:
            source = installation.source(self.source.value)
        else:
            source = new_source(installation, "look", profile=self.profile.value, **self._place())
        return look_at(installation, source, self.profile.value)._repr_html_()

    def _place(self) -> dict[str, str]:
        typed = self.place.value.strip()
        if not typed:
            raise ConfigError("Type where it is: a path, or the name of an environment variable.")
        return {"path_env" if self.kind.value == DATABASE else "path": typed}

    def _add_source(self) -> str:
        installation, name = load_settings(), self.source_name.value.strip()
        file = add_source(installation, name, profile=self.profile.value, **self._place())
        self._list(load_settings(), name, self.target.value)
        return card_html(f"Source {name} is in {file.name}", "Look shows what is in it.", tone="good")

    def _add_target(self) -> str:
        installation, name = load_settings(), self.target_name.value.strip()
        file = add_target(installation, name, url=self.address.value, school_year=self.school_year.value)
        self._list(load_settings(), self.source.value, name)
        if self.key.value or self.secret.value:
            return self._save()
        return card_html(
            f"Target {name} is in {file.name}", "", "Type key and secret, and save them.", tone="good"
        )

    def _save(self) -> str:
        installation, name = load_settings(), self.target.value
        try:
            if not has_keyring():
                return card_html("Key and secret were not saved", without_keyring(name), tone="check")
            target = installation.targets[name]
            service = target.keyring or service_of(name, target.base_url)
            name_keyring(installation, name, service)
            save_login(name, service, self.key.value, self.secret.value)
        finally:
            self.key.empty()
            self.secret.empty()
            self._fold()
        return card_html(
            "Key and secret are in the keyring of this system", f"As {service}.", "Test.", tone="good"
        )

    def _test(self) -> str:
        return card_html(
            "The target can be used", check_target(load_settings(), self.target.value), tone="good"
        )

    def _use(self) -> str:
        installation = load_settings()
        choice = {
            "profile": self.profile.value,
            "school_year": self.school_year.value,
            "source": self.source.value,
            "target": self.target.value,
        }
        missing = [name for name in ("source", "target") if choice[name] == ANOTHER]
        if missing:
            raise ConfigError(f"Add a {' and a '.join(missing)} first, or choose one from the list.")
        installation.source(choice["source"])
        installation.targets[choice["target"]].check_year(choice["school_year"])
        remember(installation, {**choice, "run_id": "latest"})
        return card_html("All notebooks use these now", "", _NEXT, tone="good")

    def _try(self, act: Callable[[], str], place: Message) -> Callable[[Any], None]:
        """What a button does: the card of what came of it, also of a mistake."""

        def pressed(button: w.Button) -> None:
            button.disabled = True
            place.show("")
            try:
                with place.mistakes():
                    place.show(act())
            finally:
                button.disabled = False

        return pressed


def _button(text: str, icon: str, tooltip: str) -> w.Button:
    return w.Button(description=text, icon=icon, tooltip=tooltip, layout=w.Layout(width="auto"))


def _row(*buttons: w.Widget) -> w.HBox:
    return w.HBox(buttons, layout=w.Layout(margin="2px 2px 2px 7.2em"))


def _heading(text: str) -> w.HTML:
    return w.HTML(f"<div style='font-weight:600;margin-top:10px'>{text}</div>")

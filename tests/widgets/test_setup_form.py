"""The Set up form from plain Python: what it writes, what it never keeps."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ipywidgets as w
import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from edfi_toolkit.batch.unattended import shipped
from edfi_toolkit.runs.choice import remembered
from edfi_toolkit.sandbox import Running
from edfi_toolkit.settings import load_settings
from edfi_toolkit.widgets.setup_form import ANOTHER, DATABASE, SetUp
from tests.keyrings import VARIABLE, FileKeyring

SAMPLE = str(shipped("data/samples") / "certification" / "before")


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    (tmp_path / "edfi.toml").write_text("# mine\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv(VARIABLE, str(tmp_path / "keyring.json"))
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring())
    yield tmp_path
    keyring.set_keyring(before)


def states(form: SetUp) -> str:
    """All that a notebook could save of the form's fields; what messages show is on the page anyway."""

    def every(widget: Any) -> Iterator[Any]:
        yield widget
        for child in getattr(widget, "children", ()):
            yield from every(child)

    kept = [each for each in every(form) if not isinstance(each, w.Output)]
    return str([each.get_state() for each in kept]) + repr(form)


def test_a_source_and_a_target_by_form(workspace: Path, sandbox: Running) -> None:
    client = next(client for client in sandbox.clients if client["name"] == "district")
    form = SetUp()
    form.profile.value = "certification"
    assert (form.source.value, form.target.value) == (ANOTHER, ANOTHER)
    form.place.value, form.source_name.value = SAMPLE, "north"
    form.look.click()
    assert "A look at the source" in form.source_message.html
    assert "90 rows" in form.source_message.html
    form.add_source.click()
    assert "Source north is in edfi.toml" in form.source_message.html
    assert form.source.value == "north"

    form.target_name.value, form.address.value = "state", sandbox.base_url
    form.key.value, form.secret.value = client["key"], client["secret"]
    assert client["secret"] not in states(form)
    assert form.key.placeholder == ""
    form.add_target.click()
    assert "Key and secret are in the keyring" in form.target_message.html
    assert (form.key.value, form.secret.value) == ("", "")
    assert form.key.placeholder == form.secret.placeholder == "there is one; type only to replace it"
    form.test.click()
    assert "answers and accepts the login" in form.target_message.html

    form.use.click()
    assert "All notebooks use these now" in form.message.html
    assert remembered(load_settings())["source"] == "north"
    assert remembered(load_settings())["target"] == "state"
    written = "".join(
        path.read_text() for path in workspace.rglob("*") if path.name != "keyring.json" and path.is_file()
    )
    assert client["secret"] not in written + states(form)
    assert SetUp().target.value == "state"


def test_without_a_keyring_the_target_is_added_and_the_variables_are_named(
    workspace: Path, sandbox: Running
) -> None:
    keyring.set_keyring(NoKeyring())
    form = SetUp()
    form.target_name.value, form.address.value = "state", sandbox.base_url
    form.key.value, form.secret.value = "canary-key", "canary-secret"
    form.add_target.click()
    assert "EDFI_TARGET_STATE_KEY and EDFI_TARGET_STATE_SECRET" in form.target_message.html
    assert "state" in load_settings().targets
    assert "canary" not in (workspace / "edfi.toml").read_text() + states(form) + form.target_message.html
    form.test.click()
    assert "has no key and secret" in form.target_message.html


def test_each_mistake_is_a_card_where_it_was_made(workspace: Path) -> None:
    form = SetUp()
    for button, place, said in (
        (form.look, form.source_message, "Type where it is"),
        (form.add_source, form.source_message, "Type where it is"),
        (form.add_target, form.target_message, "a name is small letters"),
        (form.use, form.message, "Add a source and a target first"),
    ):
        button.click()
        assert said in place.html
        assert "Stopped" in place.html
        assert not button.disabled
    form.kind.value, form.place.value = DATABASE, "SIS_URL"
    form.look.click()
    assert "SIS_URL is not set here" in form.source_message.html
    form.place.value = "postgresql://a:canary@b/c"
    form.look.click()
    assert "canary" not in form.source_message.html
    assert (workspace / "edfi.toml").read_text() == "# mine\n"

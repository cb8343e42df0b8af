"""Adding to edfi.toml keeps what is there; key and secret go into the keyring or nowhere."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from pathlib import Path

import keyring
import pytest
from keyring.backends.fail import Keyring as NoKeyring

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings import Settings, load_settings
from edfi_toolkit.settings.keys import has_keyring, save_login, saved_login, service_of, without_keyring
from edfi_toolkit.settings.writing import add_source, add_target, name_keyring
from tests.keyrings import VARIABLE, FileKeyring

WRITTEN = """\
# Mine.

[paths]
ledger = "x.db"   # keep it

[sources.a]  # the first
path = "a"

[targets.b]
url = "https://ods.example.org"  # of last year

[limits]
free_changes = 3 # because
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "edfi.toml").write_text(WRITTEN, encoding="utf-8")
    (tmp_path / "north").mkdir()
    return load_settings(tmp_path / "edfi.toml")


@pytest.fixture
def own_keyring(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "keyring.json"))
    before = keyring.get_keyring()
    keyring.set_keyring(FileKeyring())
    yield
    keyring.set_keyring(before)


@pytest.fixture
def no_keyring() -> Iterator[None]:
    before = keyring.get_keyring()
    keyring.set_keyring(NoKeyring())
    yield
    keyring.set_keyring(before)


def test_what_is_added_is_read_back_and_every_line_that_was_there_stays(settings: Settings) -> None:
    assert settings.file is not None
    add_source(settings, "north", path=str(settings.root / "north"), profile="certification")
    add_target(settings, "state", url=" https://ods.state.example/api ", school_year=2026)
    name_keyring(settings, "state", "edfi-state@ods.state.example")
    name_keyring(settings, "b", "edfi-b")

    text = settings.file.read_text("utf-8")
    assert [line for line in WRITTEN.splitlines() if line not in text.splitlines()] == []
    read = load_settings(settings.file)
    assert read.sources["north"].path == str(settings.root / "north")
    assert tomllib.loads(text)["sources"]["north"] == {"path": "north", "profile": "certification"}
    assert (read.targets["state"].base_url, read.targets["state"].school_year) == (
        "https://ods.state.example/api",
        2026,
    )
    assert read.targets["b"].keyring == "edfi-b"


def test_a_workspace_without_a_file_gets_one(tmp_path: Path) -> None:
    add_target(Settings(root=tmp_path), "state", url="https://ods.example.org")
    assert load_settings(tmp_path / "edfi.toml").targets["state"].base_url == "https://ods.example.org"


def test_a_database_is_added_by_the_name_of_a_variable_that_is_set(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="variable SIS_URL is not set here"):
        add_source(settings, "sis", path_env="SIS_URL")
    monkeypatch.setenv("SIS_URL", "postgresql://someone:canary@db/sis")
    add_source(settings, "sis", path_env="SIS_URL")
    assert settings.file is not None
    assert "canary" not in settings.file.read_text("utf-8")
    assert load_settings(settings.file).sources["sis"].path == "postgresql://someone:canary@db/sis"


@pytest.mark.parametrize(
    ("kind", "name", "given", "said"),
    [
        ("source", "a", {"path": "north"}, "There is a [sources.a]"),
        ("source", "North District", {"path": "north"}, "a name is small letters"),
        ("source", "", {"path": "north"}, "a name is small letters"),
        ("source", "x", {"path": "nowhere"}, "There is no file or folder"),
        ("source", "x", {"path_env": "postgresql://a:canary@b/c"}, "never written into this file"),
        ("source", "x", {"path": "postgresql://a:canary@b/c"}, "never written into this file"),
        ("target", "b", {"url": "https://x.example"}, "There is a [targets.b]"),
        ("target", "x", {"url": "http://ods.example.org"}, "Use https://"),
        ("target", "x", {"url": "https://key:canary@ods.example.org"}, "never written into this file"),
        ("target", "x", {"url": ""}, "missing. Write url"),
    ],
)
def test_what_the_settings_would_refuse_is_not_written(
    settings: Settings, kind: str, name: str, given: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        (add_source if kind == "source" else add_target)(settings, name, **given)  # type: ignore[arg-type]
    assert said in str(refused.value)
    assert "canary" not in str(refused.value)
    assert settings.file is not None
    assert settings.file.read_text("utf-8") == WRITTEN


def test_a_file_that_cannot_take_a_table_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "edfi.toml").write_text('targets = {b = {url = "https://ods.example.org"}}\n')
    settings = load_settings(tmp_path / "edfi.toml")
    with pytest.raises(ConfigError, match=r"a table of its own, such as \[sources.north\]"):
        add_target(settings, "state", url="https://x.example")
    with pytest.raises(ConfigError, match="Target 'state' is not in"):
        name_keyring(settings, "state", "edfi-state")


def test_a_login_is_kept_in_the_keyring_and_read_by_the_target(settings: Settings, own_keyring: None) -> None:
    assert has_keyring()
    service = service_of("b", "https://ods.example.org")
    assert service == "edfi-b@ods.example.org"
    save_login("b", service, " the key ", "the secret")
    name_keyring(settings, "b", service)
    assert settings.file is not None
    key, secret = load_settings(settings.file).target("b").credentials()
    assert (key.reveal(), secret.reveal()) == ("the key", "the secret")
    assert saved_login("another", "key") is None
    with pytest.raises(ConfigError, match="Key and secret are both needed"):
        save_login("b", service, "the key", " ")


def test_a_system_without_a_keyring_says_which_variables_to_set(no_keyring: None) -> None:
    assert not has_keyring()
    with pytest.raises(
        ConfigError, match="EDFI_TARGET_MY_STATE_KEY and EDFI_TARGET_MY_STATE_SECRET"
    ) as refused:
        save_login("my-state", "edfi-my-state", "canary", "canary")
    assert str(refused.value) == without_keyring("my-state")
    assert saved_login("edfi-my-state", "key") is None

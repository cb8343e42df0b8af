"""A login that is kept: shared by the commands of one person, and never used for anything but what it was given for."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import httpx
import orjson
import pytest
from starlette.responses import Response

from edfi_toolkit.errors import OdsRefusedLogin
from edfi_toolkit.ods import Client
from edfi_toolkit.settings import Secret, load_settings
from edfi_toolkit.storage import readable_by_others


@pytest.fixture
def folder(tmp_path):
    """Where logins are kept."""
    return tmp_path / "tokens"


@pytest.fixture
def kept(ods, tools, folder):
    """A client as another process would make it: it shares nothing but the folder."""

    def made(**more):
        target = replace(tools.target(), **{"token_cache": str(folder), **more})
        return Client(target, transport=httpx.ASGITransport(ods.app), retry=tools.quick)

    return made


def ask(client, tools):
    with client:
        client.get(tools.resource, "1")


def token_file(folder: Path) -> Path:
    (file,) = folder.glob("*.json")
    return file


def test_processes_share_one_login_which_is_kept_without_key_and_secret(ods, tools, kept, folder):
    for _ in range(5):
        ask(kept(), tools)
    assert ods.counts["token"] == 1
    file = token_file(folder)
    assert not readable_by_others(file)
    assert not readable_by_others(folder)
    assert b"canary" not in file.read_bytes()
    assert "canary" not in file.name


def test_processes_that_start_together_ask_once(ods, tools, kept):
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: ask(kept(), tools), range(8)))
    assert ods.counts["token"] == 1


@pytest.mark.parametrize(
    "other",
    [
        {"key": Secret("another")},
        {"secret": Secret("another")},
        {"base_url": "http://other.test"},
        {"tenant": "north"},
        {"instance": "2"},
        {"school_year": 2026},
    ],
    ids=lambda other: next(iter(other)),
)
def test_another_login_never_uses_it(ods, tools, kept, other):
    ask(kept(), tools)
    ask(kept(**other), tools)
    assert ods.counts["token"] == 2
    ask(kept(**other), tools)
    assert ods.counts["token"] == 2


def test_a_file_that_was_put_in_the_place_of_another_logins_is_ignored(ods, tools, kept, folder):
    ask(kept(), tools)
    mine = token_file(folder)
    content = mine.read_bytes()
    mine.unlink()
    ask(kept(tenant="north"), tools)
    token_file(folder).write_bytes(content)
    ask(kept(tenant="north"), tools)
    assert ods.counts["token"] == 3


def test_a_kept_token_that_is_refused_is_dropped_and_replaced(ods, tools, kept):
    ask(kept(), tools)
    ods.tokens.clear()
    ask(kept(), tools)
    ask(kept(), tools)
    assert ods.counts["token"] == 2


def test_a_token_that_another_process_has_renewed_meanwhile_is_taken_over(ods, tools, kept):
    with kept() as first:
        first.get(tools.resource, "1")
        ods.tokens.clear()
        ask(kept(), tools)
        first.get(tools.resource, "1")
    assert ods.counts["token"] == 2


def test_nothing_is_kept_when_the_login_is_refused_after_a_401(ods, tools, kept, folder):
    ask(kept(), tools)
    ods.tokens.clear()
    ods.token_answer = lambda: Response(status_code=401)
    with pytest.raises(OdsRefusedLogin, match="secret mistyped, expired or replaced"):
        ask(kept(), tools)
    assert list(folder.glob("*.json")) == []


@pytest.mark.parametrize(
    "change",
    [
        lambda file: file.write_bytes(b""),
        lambda file: file.write_bytes(b"[1, 2]"),
        lambda file: file.write_bytes(b'{"token": 7, "life_s": "x"}'),
        lambda file: file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), "token": "stolen"})),
        lambda file: file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), "ends_at": 0})),
        lambda file: file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), "ends_at": 9e15})),
        lambda file: file.write_bytes(orjson.dumps({**orjson.loads(file.read_bytes()), "login": None})),
        lambda file: file.chmod(0o644),
        lambda file: (file.unlink(), file.mkdir()),
    ],
    ids=[
        "empty",
        "a list",
        "numbers",
        "another token",
        "ended",
        "clock put back",
        "no proof",
        "readable",
        "a folder",
    ],
)
def test_a_file_that_cannot_be_relied_on_is_ignored(ods, tools, kept, folder, change):
    ask(kept(), tools)
    change(token_file(folder))
    ask(kept(), tools)
    assert ods.counts["token"] == 2


def test_without_a_place_to_keep_it_each_process_asks(ods, tools, kept, folder):
    folder.write_text("a file where the folder should be")
    for _ in range(2):
        ask(kept(), tools)
    for _ in range(2):
        ask(kept(token_cache=None), tools)
    assert ods.counts["token"] == 4


@pytest.mark.parametrize(
    "value", ["line\nbreak", "nul\0", "späce", "", "two words", 7, None, ["x"], "x" * 20_000]
)
def test_what_no_header_can_carry_is_no_token(ods, tools, kept, folder, value):
    ods.token_answer = lambda: Response(
        orjson.dumps({"access_token": value}), 200, media_type="application/json"
    )
    with pytest.raises(Exception, match="gives no token at the moment"):
        ask(kept(), tools)
    assert not list(folder.glob("*.json"))
    assert not ods.seen


@pytest.mark.parametrize("life", [10**18, "1e999", -5, "soon", None, [], "nan"])
def test_a_life_that_is_none_is_never_endless(ods, tools, kept, folder, life):
    ods.expires_in = life
    ask(kept(), tools)
    ask(kept(), tools)
    assert ods.counts["token"] == 1
    assert orjson.loads(token_file(folder).read_bytes())["life_s"] <= 86_400


def test_the_settings_name_the_place_or_none(tmp_path, monkeypatch):
    environ = {"EDFI_TARGET_STATE_URL": "http://localhost:1", "XDG_RUNTIME_DIR": str(tmp_path / "run")}
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "edfi.toml"

    def place(text: str = "") -> str | None:
        file.write_text(text)
        return load_settings(environ=environ).target("state").token_cache

    assert place() == str(tmp_path / "data" / "tokens")
    os.mkdir(tmp_path / "run")
    assert place() == str(tmp_path / "run" / "edfi-toolkit")
    assert place('[paths]\ntoken_cache = "mine"') == str(tmp_path / "mine")
    assert place('[paths]\ntoken_cache = "off"') is None

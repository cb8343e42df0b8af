"""Settings: what is found where, what is refused, and that no secret ever shows."""

from __future__ import annotations

import copy
import json
import pickle
import stat
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings import Limits, Secret, Settings, Source, Target, load_settings

CANARY = "hunter2-canary"


def a_file(folder: Path, text: str) -> Path:
    file = folder / "edfi.toml"
    file.write_text(text, "utf-8")
    return file


def test_a_secret_shows_itself_only_when_asked(tmp_path):
    secret = Secret(CANARY)
    target = Target(name="state", base_url="https://ods.example/api", key=Secret("k"), secret=secret)
    shown = f"{secret} {secret!r} {secret:>30} {[secret]} {target} {target!r} {asdict(target)} {vars(target)}"
    assert CANARY not in shown
    assert secret.reveal() == CANARY


def test_a_secret_is_never_pickled_and_survives_a_copy_as_itself():
    secret = Secret(CANARY)
    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        with pytest.raises(TypeError, match="never written anywhere"):
            pickle.dumps(secret, protocol)
    with pytest.raises(TypeError):
        json.dumps(secret)
    assert copy.copy(secret) is secret
    assert copy.deepcopy(secret) is secret


def test_secrets_compare_by_value():
    assert Secret("a") == Secret("a")
    assert Secret("a") != Secret("b")
    assert Secret("a") != "a"
    assert len({Secret("a"), Secret("a")}) == 1


def test_a_target_needs_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = load_settings(
        environ={
            "EDFI_TARGET_BIG_STATE_URL": "https://ODS.Example:443/api/",
            "EDFI_TARGET_BIG_STATE_KEY": "k1",
            "EDFI_TARGET_BIG_STATE_SECRET": CANARY,
        }
    )
    target = settings.target("big-state")
    assert target.base_url == "https://ods.example/api"
    assert target.credentials() == (Secret("k1"), Secret(CANARY))
    assert settings.target("BIG_STATE") == target
    assert settings.ledger == str(tmp_path / "data" / "ledger.db")
    assert settings.runs_dir == tmp_path / "data" / "runs"


def test_a_file_is_found_from_a_folder_below_it_and_its_paths_count_from_its_folder(tmp_path, monkeypatch):
    a_file(
        tmp_path,
        """
        [sources.north]
        path = "extracts/north"
        mapping = "powerschool"
        settings = { nm.begin_date_mode = "latest_only" }
        [targets.state]
        url = "https://ods.example/api"
        school_year = 2026
        tenant = "t1"
        concurrency = 32
        incremental = true
        key_env = "STATE_KEY"
        secret_env = "STATE_SECRET"
        [profiles.wi-infinite-campus]
        wi.ell_in_spa = true
        "wi.ell_program_name" = "English Learner"
        [paths]
        ledger = "keep/ledger.db"
        runs = "keep/runs"
        [limits]
        max_delete_share = 0.05
        """,
    )
    below = tmp_path / "a" / "b"
    below.mkdir(parents=True)
    monkeypatch.chdir(below)
    settings = load_settings(environ={"STATE_KEY": "k", "STATE_SECRET": "s"})
    north = settings.source("north")
    assert north.path == str(tmp_path / "extracts" / "north")
    assert north.mapping == "powerschool"
    assert north.settings == {"nm.begin_date_mode": "latest_only"}
    assert settings.profile_settings["wi-infinite-campus"] == {
        "wi.ell_in_spa": True,
        "wi.ell_program_name": "English Learner",
    }
    assert settings.ledger == str(tmp_path / "keep" / "ledger.db")
    assert settings.runs_dir == tmp_path / "keep" / "runs"
    assert (settings.limits.max_delete_share, settings.limits.max_update_share) == (0.05, 0.50)
    assert settings.limits.free_changes == 25
    target = settings.target("state")
    assert target.identity == "https://ods.example/api|tenant=t1|year=2026"
    assert (target.concurrency, target.incremental) == (32, True)
    assert target.credentials() == (Secret("k"), Secret("s"))


@pytest.mark.parametrize("line", ['secret = "{}"', 'key = "{}"', 'password = "{}"', 'client_secret = "{}"'])
def test_a_credential_in_the_file_is_refused_without_quoting_it(tmp_path, line):
    file = a_file(tmp_path, f'[targets.state]\nurl = "https://ods.example"\n{line.format(CANARY)}\n')
    with pytest.raises(ConfigError, match="never written into this file") as caught:
        load_settings(file, environ={})
    assert CANARY not in str(caught.value)
    assert str(file) in str(caught.value)
    assert "key_env" in str(caught.value)


@pytest.mark.parametrize(
    "text",
    [
        f'[targets.state]\nurl = "https://ods.example"\nkey_env = "{CANARY}"',
        f'[targets.state]\nurl = "https://u:{CANARY}@ods.example"',
        f'[sources.north]\npath = "postgresql://u:{CANARY}@db/sis"',
        f'[paths]\nledger = "postgresql://u:{CANARY}@db/ledger"',
        f"[targets.state]\nsecret = {CANARY}",
    ],
)
def test_no_message_quotes_a_value_that_may_be_a_credential(tmp_path, text):
    with pytest.raises(ConfigError) as caught:
        load_settings(a_file(tmp_path, text), environ={})
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("[target.state]", r"\[target\]: unknown\. Did you mean 'targets'\?"),
        ('[targets.state]\nurl = "https://o.example"\nshool_year = 2026', "Did you mean 'school_year'"),
        ('[targets.state]\nurl = "https://o.example"\nschool_year = "2025-27"', "must end one year after"),
        ('[targets.state]\nurl = "https://o.example"\nschool_year = 2025-26', "not valid TOML"),
        ("[targets.state]\nschool_year = 2026", "EDFI_TARGET_STATE_URL"),
        ('[targets.state]\nurl = "ods.example"', "must look like https://"),
        ('[targets.state]\nurl = "http://ods.state.us/api"', "Use https://"),
        ('[targets.state]\nurl = "https://ods.example:port/api"', "must look like https://"),
        ('[targets.state]\nurl = "https://o.example"\nca_bundle = "no.pem"', "no such file"),
        ('[targets.state]\nurl = "https://o.example"\nconcurrency = 0', "at least 1"),
        ('[targets.state]\nurl = "https://o.example"\nincremental = "yes"', "true or false"),
        ('[targets.North_District]\nurl = "https://o.example"', "small letters"),
        ("targets = 3", "must be a table"),
        ('[sources.north]\nmapping = "auto"', "path_env"),
        ("[paths]\nruns = 's3://bucket/runs'", r"\[paths\] runs: must be the path of a folder. Mount"),
        ("[paths]\nrun = 'x'", "Did you mean 'runs'"),
        ("[limits]\nmax_delete_share = 10", "from 0 to 1"),
        ("[limits]\nfree_changes = true", "whole number"),
        ("[targets", "not valid TOML"),
        ('[paths]\nledger_env = "NOT_SET_ANYWHERE"', "Set it and run again"),
    ],
)
def test_a_wrong_line_is_named_with_its_file_and_the_next_step(tmp_path, text, says):
    file = a_file(tmp_path, text)
    with pytest.raises(ConfigError, match=says) as caught:
        load_settings(file, environ={})
    assert str(file) in str(caught.value)


def test_an_unknown_name_is_refused_with_the_nearest_one(tmp_path):
    settings = Settings(
        targets={"state": Target("state", "https://ods.example")}, sources={"north": Source("north", "x")}
    )
    with pytest.raises(ConfigError, match=r"Did you mean 'state'.*EDFI_TARGET_STAET_URL"):
        settings.target("staet")
    with pytest.raises(ConfigError, match="Did you mean 'north'"):
        settings.source("nort")
    with pytest.raises(ConfigError, match="edfi-toolkit init"):
        load_settings(tmp_path / "none.toml")


def test_a_source_says_what_a_batch_runs_it_with(tmp_path):
    text = """
        [sources.north]
        path = "north"
        profile = "certification"
        target = ["state-2025", "state-2026"]
        school_years = [2025, 2026]
        [sources.south]
        path = "south"
        target = "state"
        school_years = 2026
    """
    sources = load_settings(a_file(tmp_path, text), environ={}).sources
    north, south = sources["north"], sources["south"]
    assert north.profile == "certification"
    assert (north.targets, north.school_years) == (("state-2025", "state-2026"), (2025, 2026))
    assert (south.targets, south.school_years) == (("state",), (2026,))


@pytest.mark.parametrize(
    "line", ["target = 5", 'target = ["a", "a"]', 'school_years = [2026, "2025-26"]', 'target = ""']
)
def test_what_a_batch_cannot_use_is_refused_with_an_example(tmp_path, line):
    file = a_file(tmp_path, f'[sources.north]\npath = "north"\n{line}\n')
    with pytest.raises(ConfigError, match=r"one or a list of different ones, such as"):
        load_settings(file, environ={})


def test_two_unnamed_folders_of_one_name_are_two_sources(tmp_path):
    for district in ("a", "b"):
        (tmp_path / district / "sis").mkdir(parents=True)
    names = {Settings().source(tmp_path / district / "sis").name for district in ("a", "b")}
    assert len(names) == 2


def test_a_database_source_is_named_and_shown_without_its_password(tmp_path):
    url = f"mssql+pyodbc://reader:{CANARY}@db.example/sis?pwd={CANARY}"
    file = a_file(tmp_path, '[sources.north]\npath_env = "SIS_URL"')
    named = load_settings(file, environ={"SIS_URL": url}).source("north")
    assert named.path == url
    unnamed = Settings().source(url)
    assert unnamed.name == "mssql+pyodbc://db.example/sis"
    assert CANARY not in f"{named!r} {unnamed!r}"
    with pytest.raises(ConfigError, match="SIS_URL is not set"):
        load_settings(file, environ={}).source("north")


def test_missing_credentials_are_told_with_the_place_they_were_looked_for(tmp_path):
    file = a_file(tmp_path, '[targets.state]\nurl = "https://ods.example"\nkey_env = "STATE_KEY"\n')
    target = load_settings(file, environ={"STATE_KEY": "k"}).target("state")
    with pytest.raises(ConfigError, match=r"no secret .*STATE_KEY and EDFI_TARGET_STATE_SECRET"):
        target.credentials()


def test_key_and_secret_come_from_the_keyring(tmp_path, monkeypatch):
    import keyring
    from keyring.backend import KeyringBackend

    class Memory(KeyringBackend):
        priority = 1

        def get_password(self, service, username):
            return {("ods", "key"): "k", ("ods", "secret"): CANARY}.get((service, username))

        def set_password(self, service, username, password):
            raise NotImplementedError

        def delete_password(self, service, username):
            raise NotImplementedError

    before = keyring.get_keyring()
    keyring.set_keyring(Memory())
    try:
        file = a_file(tmp_path, '[targets.state]\nurl = "https://ods.example"\nkeyring = "ods"\n')
        settings = load_settings(file, environ={})
        assert settings.targets["state"].key is None
        assert settings.target("state").credentials() == (Secret("k"), Secret(CANARY))
    finally:
        keyring.set_keyring(before)
    monkeypatch.setitem(sys.modules, "keyring", None)
    with pytest.raises(ConfigError, match="keyring service 'ods'"):
        settings.target("state").credentials()


def test_the_mask_key_is_made_once_and_is_only_the_owners(tmp_path):
    settings = Settings(ledger=str(tmp_path / "data" / "ledger.db"))
    key = settings.mask_key
    assert len(key) == 32
    file = tmp_path / "data" / "mask.key"
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [f.name for f in file.parent.iterdir()] == ["mask.key"]
    assert Settings(ledger=str(tmp_path / "data" / "ledger.db")).mask_key == key
    elsewhere = Settings(ledger="postgresql://db/ledger", root=tmp_path / "other")
    assert elsewhere.mask_key != key
    file.write_bytes(b"short")
    with pytest.raises(ConfigError, match="damaged"):
        _ = Settings(ledger=str(tmp_path / "data" / "ledger.db")).mask_key


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:8001", "http://[::1]:8001", "http://10.1.2.3/api", "http://web-api", "http://x.test"],
)
def test_plain_http_is_for_this_machine_and_its_own_network(url):
    assert Target("local", url).base_url == url


def test_two_spellings_of_an_address_are_one_identity():
    one = Target("a", "HTTPS://Ods.Example:443/api/").identity
    assert one == Target("b", "https://ods.example/api").identity
    assert one != Target("b", "https://ods.example/api", school_year=2026).identity
    assert one != Target("b", "https://ods.example/API").identity


def test_the_template_of_init_and_the_page_name_the_default_limits(tmp_path):
    from edfi_toolkit.cli.init import TEMPLATE

    file = tmp_path / "edfi.toml"
    file.write_text(TEMPLATE, "utf-8")
    assert load_settings(file, environ={}).limits == Limits() == Limits(0.10, 0.50, 25, 0.50)

"""What is a credential, in a name and in an address, and how an address is shown without one."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError, LedgerUnavailable
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.rules.contract import all_settings
from edfi_toolkit.settings import Settings, load_settings, without_credentials
from edfi_toolkit.settings.credentials import holds_credentials, names_a_credential

CANARY = "hunter2-canary"
# address, as it is shown
ADDRESSES = [
    (f"postgresql://sis:{CANARY}@db.example:5432/sis", "postgresql://db.example:5432/sis"),
    (f"postgresql://sis:p@{CANARY}@db.example/sis", "postgresql://…"),
    (f"postgresql://sis:{CANARY}%40x@db.example/sis", "postgresql://db.example/sis"),
    (f"postgresql://sis:{CANARY}/x@db.example/sis", "postgresql://…"),
    (f"postgresql://sis:x?{CANARY}@db.example/sis", "postgresql://…"),
    (f"postgresql://sis:x#{CANARY}@db.example/sis", "postgresql://…"),
    (f"postgresql:///u:{CANARY}@db.example/sis", "postgresql://…"),
    (f"postgresql://db.example/sis?user=sis&password={CANARY}", "postgresql://db.example/sis"),
    (f"postgresql://db.example/sis?pass%77ord={CANARY}", "postgresql://db.example/sis"),
    (f"postgresql://db.example/sis?password=a@{CANARY}", "postgresql://…"),
    (f"postgresql://db.example/sis?sslpassword={CANARY}#x", "postgresql://db.example/sis"),
    (f"mssql+pyodbc://sis:{CANARY}@host/?database=North&driver=x", "mssql+pyodbc://host/?database=North"),
    (f"mssql+pyodbc:///?odbc_connect=Server%3Dhost%3BPWD%3D{CANARY}", "mssql+pyodbc:///"),
    (f"https://files.example/north?token={CANARY}", "https://files.example/north"),
    (f"https://files.example/north?sv=1&sig={CANARY}", "https://files.example/north"),
    (f"postgresql:/sis:{CANARY}@db.example/sis", "…db.example/sis"),
    (f"sis:{CANARY}@db.example/sis", "…db.example/sis"),
]
PLAIN = [
    ("postgresql://steward@db.example/sis", "postgresql://db.example/sis"),
    ("sqlite:////data/a@b.db", "sqlite:////data/a@b.db"),
    ("https://ods.example/api", "https://ods.example/api"),
    ("mssql+pyodbc://server/?database=North", "mssql+pyodbc://server/?database=North"),
    ("extracts/north", "extracts/north"),
    ("/data/a:b/c@d", "/data/a:b/c@d"),
    (r"C:\data\a@b", r"C:\data\a@b"),
]


@pytest.mark.parametrize(("address", "shown"), ADDRESSES)
def test_a_credential_in_an_address_is_seen_and_never_shown(address: str, shown: str) -> None:
    assert without_credentials(address) == shown
    assert CANARY not in shown
    assert holds_credentials(address) or address.startswith("postgresql:/sis")


@pytest.mark.parametrize(("address", "shown"), PLAIN)
def test_an_address_without_a_credential_passes(address: str, shown: str) -> None:
    assert without_credentials(address) == shown
    assert not holds_credentials(address)


def test_a_connection_string_is_no_address_and_has_a_password_all_the_same() -> None:
    assert holds_credentials("Driver={ODBC};Server=host;Pwd=x")


@pytest.mark.parametrize(
    "name",
    ["key", "secret", "clientSecret", "api-key", "apiKey", "db_password", "PWD", "access_key", "token"],
)
def test_a_name_of_a_credential_is_known(name: str) -> None:
    assert names_a_credential(name)


def test_names_of_settings_and_pointers_to_credentials_are_none() -> None:
    names = ["key_env", "secret_env", "keyring", "path_env", "monkey", "profile", "approved", *all_settings()]
    assert [name for name in names if names_a_credential(name)] == []


@pytest.mark.parametrize(
    "line",
    [
        f'[sources.north]\npath = "x"\n[sources.north.settings]\nnm.clientSecret = "{CANARY}"',
        f'[profiles.certification]\napi-key = "{CANARY}"',
        f'[targets.state]\nurl = "https://ods.example/?access_token={CANARY}"',
        f'[sources.north]\npath = "postgresql://db/sis?password={CANARY}"',
        f'[sources.north]\npath = "sis:{CANARY}@db/sis"',
        f'[paths]\nledger = "postgresql://u:a@{CANARY}@db/ledger"',
        f'[targets.state]\nurl = "https://ods.example"\ntoken = ["{CANARY}"]',
    ],
)
def test_the_settings_file_holds_no_credential_anywhere(tmp_path, line: str) -> None:
    file = tmp_path / "edfi.toml"
    file.write_text(line, "utf-8")
    with pytest.raises(ConfigError, match="never written into this file") as refused:
        load_settings(file, environ={})
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize("address", [address for address, _ in ADDRESSES])
def test_a_source_by_its_address_is_named_without_credentials_or_refused(address: str) -> None:
    shown = without_credentials(address)
    if "…" in shown or "odbc_connect" in address:
        with pytest.raises(ConfigError, match=r"Write %40|needs a name|no source named") as refused:
            Settings().source(address)
        assert CANARY not in str(refused.value)
    else:
        named = Settings().source(address)
        assert named.name == shown
        assert CANARY not in repr(named)


def test_two_databases_of_one_server_are_two_sources() -> None:
    north, south = (Settings().source(f"mssql+pyodbc://u:p@host/?database={name}") for name in ("N", "S"))
    assert north.name != south.name


@pytest.mark.parametrize(
    "query",
    [
        f"://steward:{CANARY}@127.0.0.1:9/none",
        f"://steward:a@{CANARY}@127.0.0.1:9/none",
        f"://127.0.0.1:9/none?user=s&password={CANARY}",
    ],
)
def test_a_ledger_by_its_address_never_shows_a_credential(query: str) -> None:
    with pytest.raises((LedgerUnavailable, ConfigError)) as refused:
        Ledger(f"postgresql{query}")
    assert CANARY not in str(refused.value)


def test_an_address_that_is_none_is_refused_without_quoting_it() -> None:
    with pytest.raises(ConfigError, match="cannot be understood"):
        Ledger(f"postgresql://u:{CANARY}@host:port/x")

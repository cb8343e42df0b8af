"""login asks on the terminal and keeps what is typed in the keyring alone, found by keyring's own setting."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from edfi_toolkit.sandbox import Running
from tests.keyrings import keyring_environ

pexpect = pytest.importorskip("pexpect", reason="pexpect is not installed; it has no pty on Windows")
pytestmark = pytest.mark.process


def answered(folder: Path, environ: dict[str, str], *typed: str) -> tuple[str, int]:
    """What `edfi-toolkit login state` wrote on a terminal where this was typed, and its exit code."""
    child = pexpect.spawn(
        sys.executable,
        ["-m", "edfi_toolkit", "login", "state"],
        cwd=str(folder),
        env={**os.environ, **environ},
        encoding="utf-8",
        timeout=60,
    )
    screen = ""
    for prompt, text in zip(("Key: ", "Secret: "), typed, strict=False):
        child.expect_exact(prompt)
        screen += child.before
        child.sendline(text)
    child.expect(pexpect.EOF)
    screen += child.before
    child.close()
    return screen, int(child.exitstatus)


def test_a_login_is_asked_kept_and_tested(tmp_path: Path, sandbox: Running) -> None:
    client = next(client for client in sandbox.clients if client["name"] == "district")
    settings = tmp_path / "edfi.toml"
    settings.write_text(f'[targets.state]\nurl = "{sandbox.base_url}"  # mine\n')
    environ = keyring_environ(tmp_path / "keyring.json")

    screen, code = answered(tmp_path, environ, client["key"], "a wrong canary")
    assert code == 2
    assert "canary" not in screen
    screen, code = answered(tmp_path, environ, client["key"], client["secret"])
    assert (code, "answers and accepts the login" in screen) == (0, True)
    assert client["secret"] not in screen
    host = sandbox.base_url.partition("://")[2]
    assert f'keyring = "edfi-state@{host}"' in settings.read_text()
    assert "# mine" in settings.read_text()
    assert client["secret"] not in settings.read_text()
    assert client["secret"] in (tmp_path / "keyring.json").read_text()


def test_a_system_without_a_keyring_is_told_so_before_anything_is_typed(tmp_path: Path) -> None:
    (tmp_path / "edfi.toml").write_text('[targets.state]\nurl = "https://ods.example.org"\n')
    screen, code = answered(tmp_path, {"PYTHON_KEYRING_BACKEND": "keyring.backends.fail.Keyring"})
    assert code == 2
    assert "EDFI_TARGET_STATE_KEY and EDFI_TARGET_STATE_SECRET" in " ".join(screen.split())

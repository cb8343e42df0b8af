"""A keyring of the tests' own, chosen by keyring's own setting: PYTHON_KEYRING_BACKEND=tests.keyrings.FileKeyring."""

from __future__ import annotations

import json
import os
from pathlib import Path

from keyring.backend import KeyringBackend

VARIABLE = "TESTS_KEYRING_FILE"
ROOT = Path(__file__).resolve().parents[1]


class FileKeyring(KeyringBackend):
    """Keeps everything in a JSON file, which only tests may do."""

    priority = 1

    @property
    def _file(self) -> Path:
        return Path(os.environ[VARIABLE])

    def _content(self) -> dict[str, str]:
        return dict(json.loads(self._file.read_text())) if self._file.exists() else {}

    def get_password(self, service: str, username: str) -> str | None:
        return self._content().get(f"{service} {username}")

    def set_password(self, service: str, username: str, password: str) -> None:
        self._file.write_text(json.dumps(self._content() | {f"{service} {username}": password}))


def keyring_environ(file: Path) -> dict[str, str]:
    """What a program of its own sees to use it."""
    return {
        "PYTHON_KEYRING_BACKEND": "tests.keyrings.FileKeyring",
        "PYTHONPATH": str(ROOT),
        VARIABLE: str(file),
    }

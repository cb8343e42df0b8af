"""The scripts in tools/ that hooks rely on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def unwanted(*files: Path) -> subprocess.CompletedProcess[str]:
    script = [sys.executable, ROOT / "tools/unwanted.py", *files]
    return subprocess.run(script, capture_output=True, text=True, check=False)


def test_a_large_file_and_a_private_key_are_refused_by_name(tmp_path: Path) -> None:
    (fine := tmp_path / "fine.csv").write_text("student_id\n1\n")
    (large := tmp_path / "large.csv").write_bytes(b"x" * 1_000_001)
    (key := tmp_path / "ods.pem").write_text("-----BEGIN " + "RSA PRIVATE KEY-----\n")
    assert unwanted(fine, tmp_path / "deleted").returncode == 0
    refused = unwanted(fine, large, key)
    assert refused.returncode == 1
    assert [line.split(":")[0] for line in refused.stdout.splitlines()] == [str(large), str(key)]

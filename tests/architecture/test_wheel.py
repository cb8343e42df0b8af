"""What is installed from a wheel has everything a checkout has, and works without one."""

from __future__ import annotations

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
INSIDE = (
    "edfi_toolkit",
    "expectations",
    "notebooks",
    "data/samples",
)  # folders of the checkout that are shipped


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the unpacked wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = folder.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_every_committed_file_of_the_package_and_what_lies_beside_it(installed: Path) -> None:
    listed = subprocess.run(
        ["git", "ls-files", *INSIDE], cwd=ROOT, check=True, capture_output=True, text=True
    )
    wanted = [name for name in listed.stdout.splitlines() if (ROOT / name).exists()]
    placed = [name if name.startswith("edfi_toolkit/") else f"edfi_toolkit/{name}" for name in wanted]
    assert [name for name in placed if not (installed / name).is_file()] == []


def test_licence_and_notice_travel_with_it(installed: Path) -> None:
    assert {path.name for path in installed.glob("*.dist-info/licenses/*")} == {"LICENSE", "NOTICE"}


def test_the_command_runs_from_the_wheel_alone(installed: Path, tmp_path: Path) -> None:
    """Elsewhere than in the checkout, so that nothing beside the package is found by chance."""
    script = (
        "import edfi_toolkit.validation.suite_files as f, edfi_toolkit;"
        "print(edfi_toolkit.__file__); print(f.shipped_folder())"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    )
    assert all(Path(line).is_relative_to(installed) for line in done.stdout.splitlines())

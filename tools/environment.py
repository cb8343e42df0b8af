"""Write environment.yml, for conda users, from pyproject.toml.

One source of truth: the ranges of `[project.dependencies]` and of the extras below. conda knows no pip extras
and environment.yml no platform markers, so a name is translated where conda-forge calls it otherwise, and
what carries a marker goes to the pip block.

    python tools/environment.py            write environment.yml
    python tools/environment.py --print    print it
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parents[1]
EXTRAS = ("fleet", "postgres", "remote")

# requirement as pip writes it -> names on conda-forge, where they differ (a pip extra becomes its packages)
CONDA_NAMES = {
    "psycopg[binary]": ["psycopg"],  # conda-forge builds it against its own libpq
}

HEADER = """\
# Written by tools/environment.py from pyproject.toml: change that file, then run `make environment`.
# conda env create -f environment.yml && conda activate edfi-toolkit
"""


def pip_name(requirement: Requirement) -> str:
    """The name with its extras, as pip writes it."""
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return canonicalize_name(requirement.name) + extras


def requirements(pyproject: dict[str, dict]) -> list[Requirement]:
    """What the conda environment must hold, sorted by name."""
    project = pyproject["project"]
    lines = [
        *project["dependencies"],
        *(line for extra in EXTRAS for line in project["optional-dependencies"][extra]),
    ]
    return sorted((Requirement(line) for line in lines), key=pip_name)


def conda_lines(requirement: Requirement) -> list[str]:
    """The MatchSpecs of one requirement."""
    name = pip_name(requirement)
    return [f"{conda} {ordered(requirement)}" for conda in CONDA_NAMES.get(name, [name])]


def ordered(requirement: Requirement) -> str:
    """The version range with its floor first: a specifier set has no order of its own."""
    return ",".join(sorted((str(part) for part in requirement.specifier), reverse=True))


def render(pyproject: dict[str, dict]) -> str:
    """The text of environment.yml."""
    wanted = requirements(pyproject)
    python = ",".join(pyproject["project"]["requires-python"].split(","))
    conda = [
        f"python {python}",
        *(line for one in wanted if one.marker is None for line in conda_lines(one)),
        "pip",
    ]
    marked = [f"{pip_name(one)}{ordered(one)}; {one.marker}" for one in wanted if one.marker is not None]
    lines = [
        f"name: {pyproject['project']['name']}",
        "channels:",
        *(f"  - {channel}" for channel in ("conda-forge", "nodefaults")),
        "dependencies:",
        *(f"  - {line}" for line in conda),
        "  - pip:",
        *(f"      - {line}" for line in [*marked, "--editable ."]),
    ]
    return HEADER + "\n".join(lines) + "\n"


def main() -> None:
    """Write or print environment.yml."""
    text = render(tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8")))
    if "--print" in sys.argv[1:]:
        sys.stdout.write(text)
    else:
        (ROOT / "environment.yml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()

"""The engine asks a profile and never for its name: no profile, setting or rule of a state outside of its folder."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import edfi_toolkit
from edfi_toolkit.rules import profiles
from edfi_toolkit.rules.catalogue import catalogue_files

PACKAGE = Path(edfi_toolkit.__file__).parent
FOLDERS = {profile.catalogue.parent for profile in profiles().values()}
# What a person reads as an example, or the name of a shipped sample.
EXAMPLES = re.compile(r"Example: |help=|^# profile = |Whose sample|such as |`\[")


def forbidden() -> re.Pattern[str]:
    """Names of profiles, of their folders, of their settings, and ids of their rules and events."""
    names = set()
    for name, profile in profiles().items():
        folder = profile.catalogue.parent.name
        names |= {f'"{name}"', f"'{name}'", f"rules.{folder}", f"rules import {folder}"}
        names |= {name} if "-" in name else set()
        names |= {each.name for each in profile.settings}
        ids = set(
            re.findall(r'^\["?([A-Z0-9_-]+)"?\]', catalogue_files()[name].read_text("utf-8"), re.MULTILINE)
        )
        names |= {rule for rule in ids if not rule.startswith("COM-")}
    either = "|".join(re.escape(each) for each in sorted(names, key=len, reverse=True))
    return re.compile(rf"(?<![\w-])(?:{either})(?![\w-])")


NAMES = forbidden()


def named_in(text: str) -> list[str]:
    """The names that a text must not hold, by line, examples left out."""
    return [
        f"{number}: {found[0]}"
        for number, line in enumerate(text.splitlines(), 1)
        if not EXAMPLES.search(line) and (found := NAMES.search(line))
    ]


def test_no_state_is_named_outside_of_its_folder() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE)}:{place}"
        for path in sorted(PACKAGE.rglob("*.py"))
        if not FOLDERS & set(path.parents)
        for place in named_in(path.read_text(encoding="utf-8"))
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "line",
    [
        'if scope.profile == "certification":',
        'RETAINING = {"wi.exclude_after_publish": "retain"}',
        "from edfi_toolkit.rules.nm_powerschool.rules import RESOURCE",
        '    """The year of an enrollment (WI-SCP-1)."""',
        'missing = codes.eq("CERT_MISSING")',
    ],
)
def test_the_check_itself_finds_a_name(line: str) -> None:
    assert named_in(line)


def test_a_profile_s_folder_is_its_own() -> None:
    """No profile imports another one."""
    for folder in FOLDERS:
        others = re.compile("|".join(rf"rules\.{each.name}\b" for each in FOLDERS - {folder}))
        assert not [path for path in folder.rglob("*.py") if others.search(path.read_text("utf-8"))]

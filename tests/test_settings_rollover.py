"""The settings of the next school year: every line stays, each target of the old year has a twin."""

from __future__ import annotations

from pathlib import Path

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings import Settings, load_settings
from edfi_toolkit.settings.rollover import roll_over

pytestmark = pytest.mark.unit

WRITTEN = """\
# Ours.

[sources.north]
path = "extracts/2026/north"    # from the SIS
profile = "wi-infinite-campus"
target = "state-2026"

[sources.south]
path = "south"
profile = "wi-infinite-campus"
target = ["old", "state"]
school_years = [2025, 2026]

[sources.by-hand]
path = "hand"

[targets.state-2026]
url = "https://ods.example.org/2026"
school_year = 2026
keyring = "edfi-2026"

[targets.state]
url = "https://state.example.org"
school_year = "2025-26"
concurrency = 4

[targets.old]
url = "https://old.example.org"
school_year = 2025

[limits]
free_changes = 3  # because
"""


def settings(folder: Path, text: str) -> Settings:
    (folder / "edfi.toml").write_text(text, "utf-8")
    return load_settings(folder / "edfi.toml")


def test_each_target_of_the_newest_year_has_a_twin_and_its_sources_publish_to_both(tmp_path: Path) -> None:
    proposed = roll_over(settings(tmp_path, WRITTEN))
    assert proposed.school_year == 2027
    read = settings(tmp_path, proposed.text)
    assert {name: target.school_year for name, target in read.targets.items()} == {
        "state-2026": 2026,
        "state": 2026,
        "old": 2025,
        "state-2027": 2027,
        "state-2027-2": 2027,
    }
    assert read.targets["state-2027"].base_url == "https://ods.example.org/2027"
    assert read.targets["state-2027"].keyring == "edfi-2027"
    assert read.targets["state-2027-2"].concurrency == 4
    assert read.sources["north"].targets == ("state-2026", "state-2027")
    assert read.sources["south"].targets == ("old", "state", "state-2027-2")
    assert read.sources["south"].school_years == (2025, 2026, 2027)
    assert read.sources["by-hand"].targets == ()


def test_every_line_that_was_there_stays_but_those_of_what_a_source_publishes(tmp_path: Path) -> None:
    text = roll_over(settings(tmp_path, WRITTEN)).text
    gone = set(WRITTEN.splitlines()) - set(text.splitlines())
    assert gone == {
        'target = "state-2026"',
        'target = ["old", "state"]',
        "school_years = [2025, 2026]",
    }


def test_what_is_a_guess_is_listed(tmp_path: Path) -> None:
    assert roll_over(settings(tmp_path, WRITTEN)).to_check == [
        "[targets.state-2027] url was made from that of state-2026. Ask the host for the right one.",
        "[targets.state-2027] Key and secret: EDFI_TARGET_STATE_2027_KEY and EDFI_TARGET_STATE_2027_SECRET, or keyring "
        "service 'edfi-2027'.",
        "[targets.state-2027-2] url is that of state. Ask the host whether the new year has an address of its own.",
        "[targets.state-2027-2] Key and secret: EDFI_TARGET_STATE_2027_2_KEY and EDFI_TARGET_STATE_2027_2_SECRET.",
        "[sources.north] path is of 2026. If each year has its own extract, add a source for the new one.",
    ]


def test_settings_without_a_year_or_a_file_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="names no school year"):
        roll_over(settings(tmp_path, '[sources.north]\npath = "north"\n'))
    with pytest.raises(ConfigError, match="edfi-toolkit init"):
        roll_over(Settings())

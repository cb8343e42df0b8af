"""The profiles as values: what each says of itself is what its rules do."""

from __future__ import annotations

import re

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.rules import profile, profile_names, profiles
from edfi_toolkit.tables import TABLES

FOR_EVERY_PROFILE = {"edfi_config", "resource_preferences", "descriptor_map"}
OF_RULES = ("rules.py", "english_learners.py")  # the modules of a folder that a build runs
EL = {"wi.ell_in_spa": True, "wi.ell_program_name": "English Learners", "wi.ell_program_type": "Other"}


@pytest.mark.parametrize("name", profile_names())
def test_the_tables_a_profile_names_are_those_its_rules_read(name: str) -> None:
    folder = profile(name).catalogue.parent
    text = "\n".join((folder / each).read_text("utf-8") for each in OF_RULES if (folder / each).exists())
    read = {table for table in TABLES if re.search(rf"\bt\.{table}\b", text)}
    assert read - FOR_EVERY_PROFILE == set(profile(name).tables)


def test_each_table_on_request_is_expected_with_its_setting_alone() -> None:
    wi = profile("wi-infinite-campus")
    assert "lep_records" not in wi.expected_tables(wi.resolve())
    assert "lep_records" in wi.expected_tables(wi.resolve(EL))
    assert "preferences" not in wi.tables


def test_settings_of_another_profile_are_checked_and_kept() -> None:
    values = profile("certification").resolve({"wi.split_overlaps": "yes"})
    assert values["wi.split_overlaps"] is True
    assert "wi.ell_in_spa" not in values
    with pytest.raises(ConfigError, match=r"wi\.split_overlaps"):
        profile("certification").resolve({"wi.split_overlaps": "perhaps"})


def test_an_unknown_profile_is_answered_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="Did you mean 'certification'"):
        profile("certificaton")
    assert set(profiles()) == set(profile_names())

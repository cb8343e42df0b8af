"""The samples of the repository, each state of them read and built once for all tests of a process."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from edfi_toolkit.rules import Build, build
from edfi_toolkit.sources import extract
from edfi_toolkit.tables import Tables
from edfi_toolkit.validation import Checked, validate

SAMPLES = Path(__file__).parents[2] / "data" / "samples"


@cache
def sample(profile: str, state: str = "before") -> Tables:
    """The tables of a sample. No test may change them."""
    return extract(SAMPLES / profile / state, profile=profile)


@cache
def sample_build(profile: str, state: str = "before") -> Build:
    """What the rules make of them. No test may change it."""
    return build(sample(profile, state), profile=profile, school_year=2026)


@cache
def sample_checked(profile: str, state: str = "before") -> Checked:
    """What validation finds in that. No test may change it."""
    return validate(sample_build(profile, state))

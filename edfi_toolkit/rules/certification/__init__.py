"""Profile `certification`: the scenarios of the Ed-Fi SIS certification, for all ten associations."""

from pathlib import Path

from edfi_toolkit.rules.certification import events, explain, rules
from edfi_toolkit.rules.certification.settings import SETTINGS
from edfi_toolkit.rules.certification.synthetic import SYNTHETIC
from edfi_toolkit.rules.contract import Profile

HERE = Path(__file__).parent

PROFILE = Profile(
    name=rules.NAME,
    tables=("students", "program_participation"),
    build=rules.build,
    prepare=rules.prepare,
    catalogue=HERE / "catalogue.toml",
    events=events,
    explain=explain,
    settings=SETTINGS,
    suites=HERE / "suites",
    synthetic=SYNTHETIC,
    orphan_scope=False,
    field_notices=("CERT_MISSING",),
)

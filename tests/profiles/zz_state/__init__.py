"""Profile `zz-state`: a fictional state, as a package of its own brings one. Its manual has one page.

ZZ-SUP: each row of learning support makes one program association at the school where the student is enrolled on
its first day.
"""

from pathlib import Path

from edfi_toolkit.rules import Profile
from edfi_toolkit.rules.contract import Kept, When
from zz_state import events, explain, rules
from zz_state.settings import SETTINGS
from zz_state.synthetic import SYNTHETIC

HERE = Path(__file__).parent

PROFILE = Profile(
    name=rules.NAME,
    tables=("students", "schools", "enrollments", "ceis_records"),
    build=rules.build,
    catalogue=HERE / "catalogue.toml",
    events=events,
    explain=explain,
    settings=SETTINGS,
    suites=HERE / "suites",
    source_maps={"zz-sis": HERE / "zz_sis.toml"},
    synthetic=SYNTHETIC,
    keeps_deselected=(Kept(When("zz.deselected", "keep"), ("ZZ-SUP-2",)),),
)

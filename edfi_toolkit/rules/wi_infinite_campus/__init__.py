"""Profile `wi-infinite-campus`: Wisconsin, from Infinite Campus."""

from pathlib import Path

from edfi_toolkit.model import descriptor_uri
from edfi_toolkit.rules.contract import Kept, Profile, SchoolYearRule, When
from edfi_toolkit.rules.wi_infinite_campus import events, explain, programs, rules
from edfi_toolkit.rules.wi_infinite_campus.settings import SETTINGS
from edfi_toolkit.rules.wi_infinite_campus.synthetic import SYNTHETIC

HERE = Path(__file__).parent

PROFILE = Profile(
    name=rules.NAME,
    tables=(
        "students", "schools", "calendars", "enrollments", "section504_records", "ceis_records",
        "instruction_mode_records", "lep_records",
    ),
    on_request={"lep_records": When("wi.ell_in_spa", True)},
    build=rules.build,
    catalogue=HERE / "catalogue.toml",
    events=events,
    explain=explain,
    settings=SETTINGS,
    suites=HERE / "suites",
    source_maps={"infinite-campus": HERE / "infinite_campus.toml"},
    synthetic=SYNTHETIC,
    school_year_rule=SchoolYearRule("WI-ENR-3", "WI-SCP-1", rules.school_years),
    keeps_deselected=(Kept(When("wi.exclude_after_publish", "retain"), ("WI-ENR-7", "WI-ENR-9")),),  # WI-EVT-18
    empties=When("wi.choice_resync", "delete"),  # WI-CFG-1
    judges_dates=("beginDate", "endDate"),  # OUTSIDE_YEAR
    other_organizations=lambda _tables: {rules.STATE_AGENCY: "the state agency"},  # WI-ELE-2
    row_programs=programs.ROW_PROGRAMS,
    descriptors=(descriptor_uri("ProgramTypeDescriptor", programs.MODALITY_TYPE),),  # WI-ELE-4
)  # fmt: skip

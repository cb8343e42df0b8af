"""Profile `nm-powerschool`: New Mexico, from PowerSchool."""

from pathlib import Path

import pandas as pd

from edfi_toolkit.rules.contract import Kept, Profile, SchoolYearRule, When
from edfi_toolkit.rules.nm_powerschool import events, explain, rules
from edfi_toolkit.rules.nm_powerschool.settings import SETTINGS
from edfi_toolkit.rules.nm_powerschool.synthetic import SYNTHETIC

HERE = Path(__file__).parent

PROFILE = Profile(
    name=rules.NAME,
    tables=("students", "schools", "calendars", "enrollments", "cte_records", "preferences"),
    on_request={"calendars": When("nm.year_window", "calendar")},
    build=rules.build,
    catalogue=HERE / "catalogue.toml",
    events=events,
    explain=explain,
    settings=SETTINGS,
    suites=HERE / "suites",
    source_maps={"powerschool": HERE / "powerschool.toml"},
    synthetic=SYNTHETIC,
    school_year_rule=SchoolYearRule("NM-SEL-3", "NM-SEL-3", rules.school_years),
    keeps_deselected=(Kept(When("nm.delete_deselected", False)),),  # NM-EVT-4
    asks_target=When("nm.student_published_from", "ods"),  # NM-SEL-1
    preferences=(rules.DISTRICT,),
    judges_dates=("beginDate",),  # NM-SEL-3
    school_ids=rules.school_ids,
    other_organizations=rules.other_organizations,
    organization_cell=rules.organization_cell,
    school_cells=rules.buildings,
    counted_at=rules.counted_at,
    row_programs={"cte_records": lambda rows: pd.Series(rules.PROGRAM, rows.index, dtype="str")},
)

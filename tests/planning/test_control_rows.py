"""COM-CTL: a control row that cannot be read stops the run; nothing takes its place that would send or delete more."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, UnsafePlan
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.planning.guardrails import overrides_for
from edfi_toolkit.rules import profile
from edfi_toolkit.rules.control import control_faults
from edfi_toolkit.tables import normalise
from edfi_toolkit.validation import validate
from tests.factories.builds import build_of
from tests.factories.participations import a_participation, certification_tables
from tests.rules import test_nm_powerschool as nm
from tests.rules import test_wi_infinite_campus as wi

NM, WI = "nm-powerschool", "wi-infinite-campus"
GENERIC = "studentProgramAssociations"
TYPE = {"descriptor": "ProgramTypeDescriptor", "local_code": "Modality"}
URI = "uri://ed-fi.org/ProgramTypeDescriptor#Other"


def of_wisconsin(**more):
    return wi.tables(instruction_mode_records=[wi.a_mode()], **more)


STOPS = {
    "valid is neither yes nor no": {"edfi_config": [{"school_year": 2026, "valid": "nope"}]},
    "profile is no profile": {"edfi_config": [{"school_year": 2026, "profile": "choice_olny"}]},
    "begin is no date": {"edfi_config": [{"school_year": 2026, "config_start": "July 1"}]},
    "year is no number": {"edfi_config": [{"school_year": "2O26"}]},
    "there is no row of the year": {"edfi_config": [{"school_year": 2025}]},
    "there twice": {"edfi_config": [{"school_year": 2026}, {"school_year": 2026, "valid": False}]},
    "year ends before it begins": {"edfi_config": [{"school_year": 2026, "config_end": "2025-06-30"}]},
    "enabled is neither": {"resource_preferences": [{"resource": GENERIC, "enabled": "maybe"}]},
    "misspelled and neither": {"resource_preferences": [{"resource": "studentProgamAssociations", "enabled": "?"}]},
    "resource misspelled": {"resource_preferences": [{"resource": "studentProgamAssociations", "enabled": False}]},
    "resource in the singular": {"resource_preferences": [{"resource": "StudentProgramAssociation"}]},
    "resource there twice": {
        "resource_preferences": [{"resource": GENERIC}, {"resource": GENERIC, "enabled": False}]
    },
    "descriptor misspelled": {"descriptor_map": [{**TYPE, "descriptor": "ProgramTypDescriptor", "ed_fi_uri": URI}]},
    "descriptor in lower case": {
        "descriptor_map": [{**TYPE, "descriptor": "programtypedescriptor", "ed_fi_uri": URI}]
    },
    "the column of the switch is misspelled": {"resource_preferences": [{"resource": GENERIC, "enable": "0"}]},
    "the switch has another name": {"resource_preferences": [{"resource": GENERIC, "send": "0"}]},
    "a column of the year is misspelled": {"edfi_config": [{"school_year": 2026, "vaild": "0"}]},
    "no URI": {"descriptor_map": [{**TYPE, "ed_fi_uri": None}]},
    "half a URI": {"descriptor_map": [{**TYPE, "ed_fi_uri": "Other"}]},
    "a URI of another descriptor": {
        "descriptor_map": [{**TYPE, "ed_fi_uri": "uri://ed-fi.org/ReasonExitedDescriptor#Other"}]
    },
    "no code but a word for nothing": {"descriptor_map": [{**TYPE, "local_code": "NULL", "ed_fi_uri": URI}]},
    "no code": {"descriptor_map": [{**TYPE, "local_code": None, "ed_fi_uri": URI}]},
    "no resource but a word for nothing": {"resource_preferences": [{"resource": "NULL", "enabled": False}]},
    "no resource": {"resource_preferences": [{"resource": None, "enabled": False}]},
    "no data standard but a word for nothing": {"edfi_config": [{"school_year": 2026, "data_standard": "NULL"}]},
    "a data standard without its number": {"edfi_config": [{"school_year": 2026, "data_standard": "five"}]},
    "code there twice": {
        "descriptor_map": [{**TYPE, "ed_fi_uri": URI}, {**TYPE, "ed_fi_uri": f"{URI}s"}]
    },
    "code there twice in another case": {
        "descriptor_map": [{**TYPE, "ed_fi_uri": URI}, {**TYPE, "local_code": "MODALITY", "ed_fi_uri": f"{URI}s"}]
    },
}  # fmt: skip


def published():
    return build_of(of_wisconsin(), profile=WI, school_year=2026)


def faults_of(change):
    """What these control rows bring against a run of 2026 (CONTROL)."""
    return control_faults(normalise(change), 2026, published().scope.resources, profile(WI).preferences)


@pytest.mark.parametrize("change", STOPS.values(), ids=STOPS)
def test_a_control_row_that_cannot_be_read_is_named_with_its_table_and_column(change):
    """COM-CTL-1"""
    faults = faults_of(change)
    (table,) = change
    assert faults["table"].unique().tolist() == [table]
    assert faults["detail"].str.contains(f"{table}.*column \\w").all()


WHOLE_WAY = (
    "valid is neither yes nor no", "year is no number", "there is no row of the year", "there twice",
    "year ends before it begins", "enabled is neither", "the column of the switch is misspelled", "no URI",
)  # fmt: skip


@pytest.mark.parametrize("name", WHOLE_WAY)
def test_a_control_row_that_cannot_be_read_stops_build_and_plan(name):
    """COM-CTL-1: no record, no item, everything published is held, and the breach is the only one."""
    before = published()
    made = build_of({**of_wisconsin(), **STOPS[name]}, profile=WI, school_year=2026)
    assert made.records.empty
    pd.testing.assert_frame_equal(made.control, faults_of(STOPS[name]))
    for mode in ("publish", "resync"):
        stopped = plan(made, identity_map=identity_map_of(before), ods=pd.DataFrame(), mode=mode)
        assert stopped.items.empty
        assert stopped.breaches == ("control-unreadable",)
        assert stopped.findings["code"].eq("HELD").sum() == 1
        assert stopped.findings["code"].eq("CONTROL_UNREADABLE").sum() == len(made.control)


GOES_ON = {
    "another year's row": {"edfi_config": [{"school_year": 2026}, {"school_year": 2025, "valid": "nope"}]},
    "another resource of the standard": {
        "resource_preferences": [{"resource": "studentHomelessProgramAssociations", "enabled": "maybe"}]
    },
    "resources outside of the family": {
        "resource_preferences": [{"resource": name} for name in ("studentSchoolAssociations", "students", "staffs")]
    },
    "a state's own descriptor": {"descriptor_map": [{**TYPE, "descriptor": "BusRouteDescriptor", "ed_fi_uri": None}]},
    "a descriptor of other resources": {
        "descriptor_map": [{**TYPE, "descriptor": "SexDescriptor", "ed_fi_uri": None}]
    },
    "a descriptor of other resources there twice": {
        "descriptor_map": [
            {**TYPE, "descriptor": "SexDescriptor", "ed_fi_uri": f"uri://ed-fi.org/SexDescriptor#{value}"}
            for value in ("Female", "Male")
        ]
    },
    "further columns": {
        "edfi_config": [{"school_year": 2026, "note": "x"}],
        "resource_preferences": [{"resource": GENERIC, "enabled": "1", "note": "x"}],
    },
    "equal rows": {"resource_preferences": [{"resource": GENERIC}, {"resource": GENERIC}]},
}  # fmt: skip


@pytest.mark.parametrize("change", GOES_ON.values(), ids=GOES_ON)
def test_a_control_row_that_the_run_does_not_read_stops_nothing(change):
    """COM-CTL-1: other names are ignored."""
    assert faults_of(change).empty


def test_with_all_rows_that_the_run_does_not_read_it_builds_the_same():
    """COM-CTL-1: none of them takes a record."""
    every = {
        table: [row for change in GOES_ON.values() for row in change.get(table, ())]
        for table in ("edfi_config", "resource_preferences", "descriptor_map")
    }
    made = build_of({**of_wisconsin(), **every}, profile=WI, school_year=2026)
    assert made.control.empty
    pd.testing.assert_frame_equal(made.records, published().records)


def test_names_that_nothing_reads_are_noticed():
    """CONTROL_IGNORED: one notice a table."""
    switches = [{"resource": "staffs"}, {"resource": "students"}, {"resource": GENERIC}]
    made = build_of(of_wisconsin(resource_preferences=switches), profile=WI)
    (notice,) = made.notices[made.notices["code"].eq("CONTROL_IGNORED")].itertuples()
    assert "staffs, students is nothing this profile publishes" in notice.detail


def test_a_misspelled_resource_is_reported_with_the_nearest_name():
    """COM-CTL-1: the finding says which name was probably meant."""
    switches = [{"resource": "studentSectoin504ProgramAssociations", "enabled": False}]
    made = build_of(of_wisconsin(resource_preferences=switches), profile=WI)
    assert made.control["detail"].tolist() == [
        "resource_preferences, column resource: 'studentSectoin504ProgramAssociations' is no resource. "
        "Did you mean 'studentSection504ProgramAssociations'? Correct the name."
    ]


@pytest.mark.parametrize(
    "rows",
    [
        [("DistrictNumber", "89"), ("districtnumber", "98")],
        [("DistrictNumber", "89"), ("DistrictNumber", "98")],
        [("DistrictNumber", "89"), ("DISTRICTNUMBER", None)],
    ],
    ids=["two spellings", "one spelling", "one of them empty"],
)
def test_a_district_number_there_twice_with_two_values_deletes_nothing(rows):
    """COM-CTL-1: no one can know which of the two is right."""
    before = build_of(nm.tables(), profile=NM)
    twice = {**nm.tables(), "preferences": [{"name": name, "value": value} for name, value in rows]}
    made = plan(build_of(twice, profile=NM), identity_map=identity_map_of(before))
    assert made.items.empty
    assert made.breaches == ("control-unreadable",)


def test_preferences_that_no_rule_reads_may_differ():
    """COM-CTL-1: a vendor repeats preferences for each school or user; equal values are one."""
    more = [("DistrictNumber", "89"), ("districtnumber", "89"), ("Theme", "dark"), ("Theme", "light")]
    tables = {**nm.tables(), "preferences": [{"name": name, "value": value} for name, value in more]}
    made = build_of(tables, profile=NM)
    assert made.control.empty
    assert len(made.records) == 1


def test_validation_reports_the_control_row_as_critical():
    """CONTROL_UNREADABLE: table, row and sentence are in the findings of validation too."""
    made = build_of(
        of_wisconsin(resource_preferences=[{"resource": GENERIC, "enabled": "maybe"}]), profile=WI
    )
    found = validate(made).findings
    (finding,) = found[found["rule_id"].eq("CONTROL_UNREADABLE")].itertuples()
    assert (finding.severity, finding.table, finding.row_id) == ("critical", "resource_preferences", GENERIC)
    assert "row 1, column enabled: 'maybe' is neither yes nor no." in finding.says


def test_no_override_opens_it():
    """COM-CTL-1: there is nothing that a person could answer for."""
    with pytest.raises(UnsafePlan, match="No override opens control-unreadable") as refused:
        overrides_for(["control-unreadable"], ["control-unreadable:Ann Example"])
    assert refused.value.breaches == ("control-unreadable",)


def test_a_plan_of_one_school_is_stopped_too():
    """COM-CTL-1: whatever the plan is asked for."""
    made = build_of(
        of_wisconsin(edfi_config=[{"school_year": 2026, "valid": "nope"}]), profile=WI, school_year=2026
    )
    assert plan(made, schools=[301240]).breaches == ("control-unreadable",)


def test_the_year_must_be_known():
    """COM-CTL-1: an unreadable configuration does not say which year it is."""
    with pytest.raises(ConfigError, match="Which school year"):
        build_of(of_wisconsin(edfi_config=[{"school_year": "2O26"}]), profile=WI)


def test_without_any_configuration_a_default_is_made_and_reported():
    """COM-CTL-2: DEFAULT_CONFIG says which year and days it assumed."""
    tables = certification_tables(a_participation(), edfi_config=[])
    made = build_of(tables, profile="certification", school_year=2026)
    (notice,) = made.notices[made.notices["code"].eq("DEFAULT_CONFIG")].itertuples()
    assert "2026 is taken to run from 2025-07-01 to 2026-06-30" in notice.detail
    found = validate(made).findings
    assert found.loc[found["rule_id"].eq("DEFAULT_CONFIG"), "severity"].tolist() == ["warning"]


def test_a_switch_turned_off_is_read_in_any_spelling():
    """COM-NRM-4, COM-TOG-1: OFF is a boolean."""
    before = published()
    off = build_of(of_wisconsin(resource_preferences=[{"resource": GENERIC, "enabled": "No"}]), profile=WI)
    assert plan(off, identity_map=identity_map_of(before)).items.empty

"""The rules of the fictional state, one function per block of its manual."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from edfi_toolkit.rules import Build, Config, Scope
from edfi_toolkit.rules.account import Account
from edfi_toolkit.rules.common import Descriptors, assemble
from edfi_toolkit.rules.frames import active_on, id_order, look_up, rank_texts
from edfi_toolkit.tables import Tables

NAME = "zz-state"
RESOURCE = "studentProgramAssociations"
DISTRICT = 990100  # ZZ-ELE-2: the district owns the program
PROGRAM = ("Learning Support", "Other")  # ZZ-ELE-3: name and type
WINNER = [("rank", False)]  # ZZ-ELE-4: of two rows with one key the higher id


def build(t: Tables, config: Config, settings: Mapping[str, Any], *, account: Account | None = None) -> Build:
    """Select the rows, say what each record holds, and make one record per key."""
    account = account or Account()
    rows = selected(with_enrollment(t), account)
    candidates = elements(rows, t, settings)
    account.watch(candidates)
    records = assemble(candidates, account, winner=WINNER)
    return Build.of(NAME, records, account, t, config, settings, scope(t, config), publishes=config.valid)


def with_enrollment(t: Tables) -> pd.DataFrame:
    """Each support row with its student, and the enrollment of the student on its first day; missing where none."""
    rows = look_up(
        t.ceis_records, t.students, "student_id",
        student_unique_id="student_unique_id", left_out="state_exclude",
    )  # fmt: skip
    stays = t.enrollments[["enrollment_id", "student_id", "school_id", "start_date", "end_date"]]
    stays = stays.rename(columns={"start_date": "enrolled_from", "end_date": "enrolled_to"})
    pairs = rows[["record_id", "student_id", "start_date"]].merge(stays, on="student_id")
    pairs = pairs[active_on(pairs, pairs.start_date, "enrolled_from", "enrolled_to")]
    rows = look_up(
        rows,
        pairs.drop_duplicates("record_id"),
        "record_id",
        enrollment_id="enrollment_id",
        school_id="school_id",
    )
    return look_up(rows, t.schools, "school_id", ed_fi_school_id="ed_fi_school_id")


def selected(r: pd.DataFrame, account: Account) -> pd.DataFrame:
    """ZZ-SUP: the support rows that make a record; the first rule that fails is reported."""
    return account.keep(
        r,
        "ceis_records",
        {
            "ZZ-SUP-1": r.student_unique_id.isna(),
            "ZZ-SUP-2": r.left_out,
            "ZZ-SUP-3": r.start_date.isna() | r.end_date.lt(r.start_date),
            "ZZ-SUP-4": r.ed_fi_school_id.isna(),
        },
        id_column="record_id",
    )


def elements(r: pd.DataFrame, t: Tables, settings: Mapping[str, Any]) -> pd.DataFrame:
    """ZZ-ELE: what each record holds, and the rows it rests on."""
    descriptors = Descriptors(t, settings["descriptor_namespace"])
    return r.assign(
        ref="ceis_records:" + r.record_id,
        resource=RESOURCE,
        education_organization_id=r.ed_fi_school_id,  # ZZ-ELE-1
        program_education_organization_id=DISTRICT,  # ZZ-ELE-2
        program_name=PROGRAM[0],  # ZZ-ELE-3
        program_type_descriptor=descriptors.uri("ProgramTypeDescriptor", PROGRAM[1]),
        begin_date=r.start_date,
        person=rank_texts(r.student_unique_id),
        rank=id_order(r.record_id),
        rules=[["ZZ-SUP-4", "ZZ-ELE-1"]] * len(r),
    )


def scope(t: Tables, config: Config) -> Scope:
    """What a build speaks for: the program, at the schools of these tables."""
    return Scope(
        profile=NAME,
        school_year=config.school_year,
        resources=(RESOURCE,),
        programs=frozenset({(DISTRICT, PROGRAM[0])}),
        organizations=frozenset(int(each) for each in t.schools.ed_fi_school_id.dropna()),
        config_start=config.config_start,
        config_end=config.config_end,
    )

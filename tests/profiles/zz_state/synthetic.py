"""An invented district of the fictional state: every fourth student has learning support."""

from __future__ import annotations

import numpy as np
import pandas as pd

from edfi_toolkit.model import descriptor_uri
from edfi_toolkit.synthetic import Synthetic
from edfi_toolkit.synthetic.edits import NO_DAY, Edit, Frames, cell, dated, removed
from edfi_toolkit.synthetic.people import day_texts, people, school_count, stays, texts
from edfi_toolkit.synthetic.seed import Needs
from zz_state.rules import DISTRICT, PROGRAM


def district(
    random: np.random.Generator, students: int, school_year: int, organization: int
) -> dict[str, pd.DataFrame]:
    """The canonical tables of one district."""
    schools = texts(np.arange(1, school_count(students) + 1))
    periods = stays(random, students, len(schools), school_year)
    supported = periods[periods["current"]].iloc[::4].reset_index(drop=True)
    return {
        "edfi_config": pd.DataFrame({"school_year": [str(school_year)]}),
        "schools": pd.DataFrame(
            {
                "school_id": schools,
                "ed_fi_school_id": f"{organization}" + schools.str.zfill(3),
                "name": "School " + schools,
            }
        ),
        "students": people(random, students, organization),
        "enrollments": pd.DataFrame(
            {
                "enrollment_id": "e" + texts(np.arange(1, len(periods) + 1)),
                "student_id": texts(periods["student"]),
                "school_id": texts(periods["school"]),
                "start_date": day_texts(periods["first"]),
                "end_date": day_texts(periods["last"]),
            }
        ),
        "ceis_records": pd.DataFrame(
            {
                "record_id": "s" + texts(supported["student"]),
                "student_id": texts(supported["student"]),
                "start_date": day_texts(supported["first"]),
                "end_date": f"{school_year}-05-22",
            }
        ),
    }


def needs(tables: Frames) -> Needs:
    """What the ODS must hold first; the district owns the program."""
    return Needs(
        organization=DISTRICT,
        schools=tables["schools"].astype({"ed_fi_school_id": "int64"}),
        owner=DISTRICT,
        programs=[(PROGRAM[0], descriptor_uri("ProgramTypeDescriptor", PROGRAM[1]))],
    )


SYNTHETIC = Synthetic(
    organization=DISTRICT,
    tables=district,
    needs=needs,
    dirt=(
        cell("ceis_records", "start_date", NO_DAY, "COM-NRM-3"),
        cell("ceis_records", "end_date", "2020-01-01", "ZZ-SUP-3"),
        cell("ceis_records", "student_id", "unknown", "ZZ-SUP-1"),
    ),
    changes=(
        Edit(table="ceis_records", what="ended", to=dated("end_date", "end_date", -30)),
        Edit(table="ceis_records", what="removed", to=removed),
    ),
)

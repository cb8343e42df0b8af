"""Random small tables per profile, dense enough that rules meet: few students, days close together."""

from __future__ import annotations

from hypothesis import strategies as st

YEAR = 2026
days = st.sampled_from(
    [
        "2025-06-30",
        "2025-07-01",
        "2025-09-02",
        "2025-09-03",
        "2025-11-15",
        "2026-01-05",
        "2026-06-30",
        "2026-07-01",
        None,
    ]
)
broken_days = st.one_of(days, days, days, st.just("2026-02-30"))
students = st.sampled_from(["1", "2", "3"])
flags = st.sampled_from([False, False, False, True])
maybe = st.sampled_from([True, False, None])


def rows(key, prefix, size=4, **columns):
    """Lists of rows with unique keys."""
    row = st.fixed_dictionaries(columns)
    return st.lists(row, max_size=size).map(
        lambda each: [{key: f"{prefix}{n}", **values} for n, values in enumerate(each)]
    )


def people(**more):
    ids = st.sampled_from(["100", "200", "300", None])
    one = st.fixed_dictionaries({"student_unique_id": ids, "state_exclude": flags, **more})
    return st.lists(one, max_size=3).map(
        lambda each: [{"student_id": str(n + 1), **values} for n, values in enumerate(each)]
    )


schools = st.just(
    [
        {"school_id": "A", "school_number": "40", "ed_fi_school_id": 301240},
        {"school_id": "B", "school_number": "60", "ed_fi_school_id": 301260, "alt_school_number": "61"},
        {"school_id": "X", "school_number": "4000", "state_exclude": True},
    ]
)
calendars = st.just(
    [
        {"calendar_id": "CA", "school_id": "A", "school_year": YEAR},
        {"calendar_id": "CB", "school_id": "B", "school_year": YEAR},
        {"calendar_id": "C0", "school_id": "A", "school_year": YEAR - 1},
    ]
)
enrollments = rows(
    "enrollment_id", "", size=6,
    student_id=st.sampled_from(["1", "2", "3", "9"]), school_id=st.sampled_from(["A", "B", "X"]),
    calendar_id=st.sampled_from(["CA", "CB", "C0"]), start_date=broken_days, end_date=days, is_current=flags,
    service_type=st.sampled_from(["P", "N", "S", None]), state_enrollment_type=st.sampled_from(["P", "PPP", "C"]),
    no_show=flags, state_exclude=flags, coord_early_intervention=st.sampled_from(["Y", "N", None]),
    third_party_provider=st.sampled_from(["CESA", "NONE", "OTHER", None]),
    override_ed_fi_school_id=st.sampled_from([None, None, 399901]),
)  # fmt: skip
config = st.just([{"school_year": YEAR}])


def _profile(**tables):
    return st.fixed_dictionaries({"edfi_config": config, **tables})


TABLES = {
    "certification": _profile(
        students=people(),
        program_participation=rows(
            "participation_id", "p", size=6,
            student_id=st.sampled_from(["1", "2", "9"]),
            resource=st.sampled_from(["studentProgramAssociations", "studentSection504ProgramAssociations", "x"]),
            education_organization_id=st.just(255901), program_education_organization_id=st.just(255901),
            program_name=st.sampled_from(["Gifted", "Bilingual", None]), program_type=st.just("Bilingual"),
            begin_date=broken_days, end_date=days,
            attributes=st.sampled_from([None, {"section504Eligibility": True}]),
        ),
    ),
    "nm-powerschool": _profile(
        students=people(
            student_published=maybe, enroll_status=st.sampled_from([0, 2]),
            current_school_id=st.sampled_from(["A", "B"]), enrollment_school_id=st.sampled_from(["A", "B", None]),
            location_code=st.sampled_from([None, None, "7", "000"]),
        ),
        schools=schools, enrollments=enrollments, preferences=st.just([{"name": "DistrictNumber", "value": "89"}]),
        cte_records=rows("record_id", "c", student_id=students, program_completed=maybe, program_enrolled=maybe),
    ),
    "wi-infinite-campus": _profile(
        students=people(), schools=schools, calendars=calendars, enrollments=enrollments,
        section504_records=rows("record_id", "f", student_id=students, start_date=broken_days, end_date=days),
        ceis_records=rows("record_id", "k", student_id=students, start_date=days, end_date=days),
        instruction_mode_records=rows(
            "record_id", "m", student_id=students, start_date=days, end_date=days,
            school_number=st.sampled_from(["40", "60"]),
            learning_modality=st.sampled_from(["Remote", "hybrid", "Virtual"]),
        ),
    ),
}  # fmt: skip

"""What exports make of ids, codes and dates: each kind is named, none is sent, and no id is quoted."""

from __future__ import annotations

import sys
import unicodedata
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit.privacy import Masker
from edfi_toolkit.tables import Tables, normalise
from edfi_toolkit.tables.disguises import EDGES, disguise, is_disguised, meant

DISGUISES = [
    ("123.0", "decimal point", "123"),
    ("900111222.50", "decimal point", None),
    ("123,", "decimal point", "123"),
    ("9.00111E+11", "exponent", None),
    ("1E+5", "exponent", None),
    ("12E-3", "exponent", None),
    ('="0090417307"', "equals sign", "0090417307"),
    ("=0090417307", "equals sign", "0090417307"),
    ("'900417308", "apostrophe", "900417308"),
    ("\u2019900417308", "apostrophe", "900417308"),
    ('"900417308"', "quotation marks", "900417308"),
    ("90,417,309", "thousands separators", "90417309"),
    ("90'417'309", "apostrophe|thousands", "90417309"),
    ("90.417.309", "thousands separators", "90417309"),
    ("90\u00a0417\u00a0309", "thousands separators", "90417309"),
    ("NULL", "word for nothing", None),
    ("none", "word for nothing", None),
    ("Na", "word for nothing", None),
    ("N/A", "word for nothing", None),
    ("nan", "word for nothing", None),
    ("#N/A", "word for nothing", None),
    ("-", "word for nothing", None),
    ("--", "word for nothing", None),
    ("(null)", "word for nothing", None),
    ("Total", "label of a total", None),
    ("Grand Total: 12", "label of a total", None),
    ("9004\u200b17308", "invisible character", "900417308"),
    ("9004\x0717308", "control character", None),
    ("9004\n17308", "control character", None),
    ("9004\ufffd17308", "character that was lost", None),
]
IDS = [
    "0012345",
    "1E5",
    "A-1",
    "-1",
    "S12",
    "5e2",
    "NANCY",
    "total-1",
    "M\u00fcller7",
    "a b",
    "#7",
    "c\u0327",
    "1.2.3",
]


def test_each_disguise_of_an_id_is_named_by_its_kind_com_nrm_2() -> None:
    rows = [
        {"student_id": f"A{number}", "student_unique_id": text} for number, (text, *_) in enumerate(DISGUISES)
    ]
    tables = normalise({"students": rows})
    assert tables.students.empty
    masked = Masker(b"a key for tests").frame(tables.skipped)["detail"].tolist()
    assert masked == tables.skipped["detail"].tolist(), "readable masked"
    for given, row, (text, kind, id_meant) in zip(
        rows, tables.skipped.to_dict("records"), DISGUISES, strict=True
    ):
        assert (row["id"], row["rule"], row["column"]) == (
            given["student_id"],
            "COM-NRM-2",
            "student_unique_id",
        )
        assert any(word in row["detail"] for word in kind.split("|")), text
        assert "9004" not in row["detail"]
        assert "90417" not in row["detail"]
        assert meant(text) == id_meant


@pytest.mark.parametrize("dtype", ["str", "object"])
def test_ids_that_are_ids_stay_as_they_are_com_nrm_2(dtype: str) -> None:
    texts = pd.Series([*IDS, *(text for text, _, _ in DISGUISES)], dtype=dtype)
    assert is_disguised(texts).tolist() == [False] * len(IDS) + [True] * len(DISGUISES)
    assert [disguise(text) for text in IDS] == [None] * len(IDS)


@pytest.mark.parametrize(
    ("cell", "says"),
    [
        (b"0090417307", "is binary"),
        (900417307.0, "decimal point"),
        (date(2025, 9, 2), "is a date"),
        ({"id": "900417307"}, "neither text nor a whole number"),
        (True, "neither text nor a whole number"),
    ],
)
def test_ids_of_other_types_are_named_by_type_com_nrm_2(cell: Any, says: str) -> None:
    tables = normalise({"students": pd.DataFrame({"student_id": ["7"], "student_unique_id": [cell]})})
    assert says in tables.skipped["detail"][0]
    assert "9004" not in tables.skipped["detail"][0]


def test_what_was_published_under_a_disguised_key_is_found_com_nrm_2() -> None:
    rows = [{"participation_id": f"p{number}", "student_id": "7"} for number in range(4)]
    for row, key in zip(rows, ['="p1"', "'p2", "9,001", "NULL"], strict=True):
        row["participation_id"] = key
    tables = normalise({"program_participation": rows})
    assert tables.skipped["id"].astype(object).where(tables.skipped["id"].notna(), None).tolist() == [
        "p1",
        "p2",
        "9001",
        None,
    ]


def providers(*cells: Any) -> Tables:
    """Enrollments with these providers."""
    return normalise(
        {
            "enrollments": [
                {
                    "enrollment_id": str(number),
                    "student_id": "7",
                    "school_id": "A",
                    "third_party_provider": cell,
                }
                for number, cell in enumerate(cells)
            ]
        }
    )


def test_a_provider_s_code_is_what_is_before_the_first_colon_com_nrm_5() -> None:
    codes = {
        "CESA: Cooperative Educational Service Agency": "CESA",
        "cesa:": "CESA",
        "NONE: None": "NONE",
        " none ": "NONE",
        "YMCA": "YMCA",
        "uri://x/y#Z": "URI://X/Y#Z",
    }
    assert providers(*codes).enrollments["third_party_provider"].tolist() == [*codes.values()]
    assert providers(12).enrollments["third_party_provider"].tolist() == ["12"]


def test_what_is_no_provider_s_code_is_named_com_nrm_5() -> None:
    texts = ["N/A: not applicable", "null", "-", "0", "No", ": label"]
    for tables, count in ((providers(*texts), len(texts)), (providers(0), 1)):
        assert tables.skipped["rule"].tolist() == ["COM-NRM-5"] * count
        assert tables.enrollments.empty
        for says in tables.skipped["detail"]:
            assert "is no provider's code. Write NONE where there is none" in says


@pytest.mark.parametrize(
    ("table", "column", "text", "expected"),
    [
        ("enrollments", "service_type", "S: Partial", "S"),
        ("enrollments", "coord_early_intervention", "y: Yes", "Y"),
        ("edfi_config", "profile", "Choice Only", "choice_only"),
        ("edfi_config", "profile", "choice-only", "choice_only"),
        ("edfi_config", "profile", "CHOICE + PRIVATE OPT IN", "choice_private_opt_in"),
        ("edfi_config", "profile", "Choice and Private Opt-In", "choice_private_opt_in"),
        ("edfi_config", "profile", "Public", "public"),
        ("edfi_config", "profile", "Choise Only", None),
        ("edfi_config", "valid", "OFF", False),
        ("edfi_config", "valid", "Enabled", True),
        ("resource_preferences", "enabled", "off", False),
        ("resource_preferences", "enabled", "Disabled", False),
        ("resource_preferences", "enabled", "maybe", None),
    ],
)
def test_codes_and_switches_as_systems_show_them_com_nrm_4_and_5(
    table: str, column: str, text: str, expected: Any
) -> None:
    keys = {
        "enrollments": {"enrollment_id": "1", "student_id": "7", "school_id": "A"},
        "edfi_config": {"school_year": 2026},
        "resource_preferences": {"resource": "studentProgramAssociations"},
    }
    tables = normalise({table: [keys[table] | {column: text}]})
    assert tables[table][column].tolist() == ([] if expected is None else [expected])


NO_DATES = [
    ("8/23/25", "year of two digits"),
    ("0025-08-23", "year of two digits"),
    ("8/23/0025", "year of two digits"),
    ("23.08.25", "year of two digits"),
    ("45901", "number by which a spreadsheet keeps a day"),
    ("1899-12-30", "before 1900"),
    ("1/1/1753", "before 1900"),
    ("NULL", "word for nothing"),
    ("2026-02-29", "is not a day of the calendar"),
    ("29 Feb 2026", "is not a date"),
]


@pytest.mark.parametrize(
    "cells",
    [
        NO_DATES,
        [(45901, "number by which a spreadsheet keeps a day")],
        [(45901.5, "number by which a spreadsheet keeps a day")],
        [(b"x", "is not a date")],
    ],
    ids=["texts", "whole numbers", "numbers", "bytes"],
)
def test_dates_that_are_none_are_named_by_kind_com_nrm_3(cells: list[tuple[Any, str]]) -> None:
    rows = [
        {"enrollment_id": str(number), "student_id": "7", "school_id": "A", "start_date": cell}
        for number, (cell, _) in enumerate(cells)
    ]
    skipped = normalise({"enrollments": rows}).skipped
    assert skipped["rule"].tolist() == ["COM-NRM-3"] * len(cells)
    for (cell, says), detail in zip(cells, skipped["detail"], strict=True):
        assert says in detail, cell


def test_typed_dates_of_other_centuries_are_no_dates_com_nrm_3() -> None:
    days = pd.Series(np.array(["0025-08-23", "2025-08-23", "290000-01-01"], dtype="datetime64[s]"))
    frame = pd.DataFrame({"record_id": ["1", "2", "3"], "student_id": "7", "start_date": days})
    tables = normalise({"ceis_records": frame})
    assert tables.ceis_records["start_date"].tolist() == [pd.Timestamp("2025-08-23")]
    assert tables.skipped["rule"].tolist() == ["COM-NRM-3"] * 2


def test_numbers_that_a_float_cannot_hold_are_refused_com_nrm_2() -> None:
    frame = pd.DataFrame(
        {"participation_id": ["1", "2"], "student_id": "7", "education_organization_id": [2.0**60, 255901.0]}
    )
    for name in (
        "resource",
        "program_education_organization_id",
        "program_name",
        "program_type",
        "begin_date",
    ):
        frame[name] = None
    tables = normalise({"program_participation": frame})
    assert tables.program_participation["education_organization_id"].tolist() == [255901]
    big = frame.assign(education_organization_id=pd.Series([2**64 - 1, 7], dtype="uint64"))
    assert normalise({"program_participation": big}).skipped["rule"].tolist() == ["COM-NRM-2"]


def test_nested_values_are_json_com_nrm_6() -> None:
    nested = {
        "cteProgramServices": np.array([{"primaryIndicator": np.bool_(True), "cipCode": None}], dtype=object),
        "hours": np.array([1.5, np.nan]),
        "day": date(2025, 9, 2),
    }
    rows = [{"participation_id": "1", "student_id": "7", "attributes": nested}]
    [read] = normalise({"program_participation": rows}).program_participation["attributes"]
    assert read == {
        "cteProgramServices": [{"primaryIndicator": True, "cipCode": None}],
        "hours": [1.5, None],
        "day": "2025-09-02",
    }
    rows[0]["attributes"] = {"photo": b"x"}
    skipped = normalise({"program_participation": rows}).skipped
    assert "the cell is not a JSON object" in skipped["detail"][0]


def test_com_nrm_1_every_format_character_is_stripped() -> None:
    """The list in the module has all of Unicode's category Cf that this Python knows."""
    found = {chr(code) for code in range(sys.maxunicode + 1) if unicodedata.category(chr(code)) == "Cf"}
    assert found <= set(EDGES)


def test_what_a_record_cannot_do_without_is_no_word_for_nothing_com_nrm_2() -> None:
    row = {"student_id": "7", "resource": "studentProgramAssociations", "begin_date": "2025-08-01"}
    row |= {"education_organization_id": "255901", "program_education_organization_id": "255901"}
    words = ["#REF!", "#value!", "#NAME?", "#DIV/0!", "#####", "#N/A", "NULL", "-"]
    rows = [
        row | {"participation_id": f"p{number}", "program_name": word, "program_type": "CTE"}
        for number, word in enumerate(words)
    ]
    found = normalise({"program_participation": rows}).skipped
    assert found["id"].tolist() == [each["participation_id"] for each in rows]
    assert found[["rule", "column"]].to_numpy().tolist() == [["COM-NRM-2", "program_name"]] * len(words)
    for says in found["detail"]:
        assert "is a word for nothing. Export an empty cell as empty." in says


@pytest.mark.parametrize("wrong", ["#REF!", "#####", "90 417 309"])
def test_an_id_that_a_spreadsheet_has_lost_is_none_com_nrm_2(wrong: str) -> None:
    [found] = normalise({"students": [{"student_id": "7", "student_unique_id": wrong}]}).skipped.to_dict(
        "records"
    )
    assert (found["rule"], found["column"]) == ("COM-NRM-2", "student_unique_id")

"""Nothing that names a person reaches a screen, whatever shape it comes in."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit.privacy import Masker, is_personal, pseudonym, safe_cell

KEY = b"a key for tests"
ID, OTHER, NAME = "9002771834", "9002771999", "Quillfeather"
CANARIES = (ID, OTHER, NAME)
MASKER = Masker(KEY, known=[OTHER, NAME])


def assert_hidden(shown: object) -> None:
    text = (
        shown.to_json(default_handler=str)
        if isinstance(shown, pd.DataFrame)
        else json.dumps(shown, default=str)
    )
    for canary in CANARIES:
        assert canary.casefold() not in text.casefold()


@pytest.mark.parametrize(
    "text", ["student_unique_id: {}.", "It rests on students:{}.", "studentUniqueId={}, {}."]
)
def test_the_end_of_a_sentence_is_no_part_of_an_id(text: str) -> None:
    assert Masker(KEY).knowing([ID]).text(text.format(ID, ID)) == text.format(*[pseudonym(ID, KEY)] * 2)


def test_one_person_has_one_pseudonym_in_every_spelling() -> None:
    assert pseudonym("7", KEY) == pseudonym(7, KEY) == pseudonym(7.0, KEY) == pseudonym(np.float64(7), KEY)
    assert pseudonym("7", KEY) != pseudonym("07", KEY)
    assert pseudonym("7", KEY) != pseudonym("7", b"another key")
    assert pseudonym("7", b"k" * 100) != pseudonym("7", b"k" * 101)


def test_a_hundred_thousand_people_have_as_many_pseudonyms() -> None:
    assert len({pseudonym(each, KEY) for each in range(100_000)}) == 100_000


def test_an_empty_key_is_refused() -> None:
    with pytest.raises(ValueError, match="mask key is empty"):
        Masker(b"")


@pytest.mark.parametrize(
    "name",
    [
        "student_unique_id",
        "studentUniqueId",
        "Student Unique ID",
        "studentReference.studentUniqueId",
        "student_unique_id_before",
        "last_name_x",
        ("student", "first_name"),
        "BirthDate",
    ],
)
def test_personal_columns_are_known_in_every_spelling(name: object) -> None:
    assert is_personal(name)


@pytest.mark.parametrize(
    "name", ["school_id", "program_name", "name", "education_organization_id", 3, None, ""]
)
def test_other_columns_are_not_personal(name: object) -> None:
    assert not is_personal(name)


@pytest.mark.parametrize("missing", [None, pd.NA, pd.NaT, float("nan"), np.float64("nan")])
def test_missing_stays_missing(missing: object) -> None:
    assert MASKER.value(missing) is missing


@pytest.mark.parametrize(
    "cells",
    [
        pd.Series([ID, None]),
        pd.Series([ID, None], dtype=object),
        pd.Series([float(ID), np.nan]),
        pd.Series([int(ID), None], dtype="Int64"),
        pd.Series([ID, None], dtype="category"),
        pd.Series([[ID, OTHER], None]),
        pd.Series([np.array([ID]), None]),
        pd.Series([{"number": ID}, None]),
        pd.Series([(ID,), float("nan")]),
    ],
    ids=["str", "object", "float", "Int64", "category", "list", "array", "dict", "tuple"],
)
def test_a_personal_column_is_hidden_whatever_its_type(cells: pd.Series) -> None:
    shown = MASKER.frame(pd.DataFrame({"student_unique_id": cells}))
    assert_hidden(shown)
    assert shown.student_unique_id.isna().tolist() == [False, True]


def test_the_pseudonym_in_a_column_is_the_one_in_a_text() -> None:
    shown = MASKER.frame(pd.DataFrame({"student_id": [ID], "detail": [f"student {ID} has no school"]}))
    assert shown.detail[0] == f"student {shown.student_id[0]} has no school"


@pytest.mark.parametrize(
    "cell",
    [
        f"student {OTHER} not found",
        f"({OTHER}), '{NAME}'; {NAME.upper()}.",
        f"file_{OTHER}.csv",
        f"{NAME.lower()}@school.example",
        [f"Student {OTHER} is unknown", [OTHER]],
        {"messages": [{"detail": f"key {OTHER}"}]},
        np.array([f"students:{OTHER}"], dtype=object),
        f"enrollments:S{OTHER}",
        f"students:{ID}",
        f"kept because of students:{ID}#third_party, and so on",
        f'{{"studentReference": {{"studentUniqueId": "{ID}"}}}}',
        f'[{{"studentUniqueId": {ID}}}]',
        OTHER.encode(),
        f'{{"studentReference": {{"studentUniqueId": "{ID}", "x',
        f'{{"studentUniqueId":{ID}, ',
        f"A natural key conflict (StudentUniqueId = '{ID}', ProgramName = 'CTE').",
        f"student_unique_id={ID};",
        'the value of "firstName": "Quill Feather Quillfeather" is long',
    ],
)
def test_free_texts_lists_and_json_are_searched(cell: object) -> None:
    assert_hidden(MASKER.frame(pd.DataFrame({"messages": pd.Series([cell], dtype=object)})))


@pytest.mark.parametrize(
    "diff",
    [
        {"studentReference": {"studentUniqueId": [ID, OTHER]}},
        {"studentReference.studentUniqueId": {"before": ID, "after": OTHER}},
        {"lastSurname": (None, NAME)},
        [{"member": "studentUniqueId", "before": ID, "after": OTHER}],
        [{"path": "student.firstName", "values": [NAME, ID]}],
        {"counts": {OTHER: 3}},
    ],
)
def test_differences_in_personal_members_are_hidden(diff: object) -> None:
    shown = MASKER.frame(pd.DataFrame({"diff": pd.Series([diff], dtype=object)}))
    assert_hidden(shown)


@pytest.mark.parametrize("local", [f"A#{ID}", f"{NAME}#3#{OTHER}", f"#{ID}", "A#3"])
def test_an_id_with_a_number_sign_is_hidden_whole(local: str) -> None:
    masker = Masker(KEY)
    hidden = f"students:{pseudonym(local, KEY)}"
    shown = masker.frame(pd.DataFrame({"source_refs": [[f"students:{local}"]]}))
    assert shown["source_refs"][0] == [hidden]
    assert masker.text(f"It rests on students:{local}.") == f"It rests on {hidden}."
    assert masker.text(f"student_id={local}, 7") == f"student_id={pseudonym(local, KEY)}, 7"


def test_bodies_keep_everything_that_is_not_personal() -> None:
    body = {
        "studentReference": {"studentUniqueId": ID},
        "beginDate": "2025-08-20",
        "served": True,
        "hours": 2.5,
    }
    shown = MASKER.body(body)
    assert shown == body | {"studentReference": {"studentUniqueId": pseudonym(ID, KEY)}}
    assert body["studentReference"]["studentUniqueId"] == ID


def test_names_of_programs_and_descriptors_are_never_taken_for_a_person() -> None:
    masker = Masker(KEY, known=["English"])
    frame = pd.DataFrame(
        {
            "program_name": ["English Learner"],
            "body": [{"programTypeDescriptor": "uri://ed-fi.org/ProgramTypeDescriptor#English Learner"}],
        }
    )
    pd.testing.assert_frame_equal(masker.frame(frame), frame)


def test_dates_and_rule_ids_are_no_ids() -> None:
    masker = Masker(KEY, known=["2025", "11"])
    assert masker.text("WI-ENR-11 on 2025-08-20T00:00") == "WI-ENR-11 on 2025-08-20T00:00"
    assert masker.text("2025 and 11") == f"{pseudonym('2025', KEY)} and {pseudonym('11', KEY)}"


def test_a_sentence_about_a_personal_column_stays_readable() -> None:
    sentences = [
        "students.csv, row 18, column student_unique_id: the cell is a number",
        "student_id: none given",
    ]
    assert [MASKER.text(each) for each in sentences] == sentences


def test_a_name_of_several_words_is_hidden_word_by_word() -> None:
    text = Masker(KEY, known=["Mary Quillfeather", "O'Hara"]).text("Quillfeather, Mary and O'Hara")
    assert "Mary" not in text
    assert "Quillfeather" not in text
    assert "Hara" not in text


def test_a_name_that_is_an_id_of_its_own_has_that_pseudonym_wherever_it_stands() -> None:
    for ids in (["ANN", "Ann Example"], ["Ann Example", "ANN"]):
        assert Masker(KEY, ids).text("asked Ann") == f"asked {pseudonym('ANN', KEY)}"


def test_row_ids_are_hidden_where_they_name_a_person_and_shown_where_they_name_a_row() -> None:
    frame = pd.DataFrame({"table": ["students", "enrollments"], "id": [ID, "20"], "row_id": [ID, "20"]})
    shown = MASKER.frame(frame)
    assert_hidden(shown)
    assert shown.id.tolist() == shown.row_id.tolist() == [pseudonym(ID, KEY), "20"]


def test_a_bad_value_of_a_personal_column_is_hidden_where_it_stands_and_where_it_is_quoted() -> None:
    frame = pd.DataFrame(
        {
            "table": ["students", "enrollments", "enrollments", "students"],
            "id": ["a", "20", "21", "b"],
            "column": ["student_unique_id", "student_id", "start_date", "last_name"],
            "value": [f"{ID}.0", "77", "13/13/2025", "O'Quillfeather"],
            "detail": [
                f"student_unique_id '{ID}.0' is a number read as {ID}.0",
                "student_id 77 of row 770 is unknown",
                "start_date '13/13/2025' is no date",
                "'O'Quillfeather' in column 'last_name' is too long",
            ],
        }
    )
    shown = MASKER.frame(frame)
    assert_hidden(shown)
    assert shown.detail[1] == f"student_id {pseudonym('77', KEY)} of row 770 is unknown"
    assert shown.detail[2] == frame.detail[2]
    assert shown.detail[3].endswith("in column 'last_name' is too long")
    assert shown.value.tolist()[2] == "13/13/2025"


def test_what_a_sentence_quotes_about_a_personal_field_is_hidden() -> None:
    frame = pd.DataFrame(
        {
            "field": ["studentReference.studentUniqueId", "programName"],
            "says": [f"'{ID}' is unknown", "'x y' is not"],
        }
    )
    shown = MASKER.frame(frame)
    assert_hidden(shown)
    assert shown.says[1] == "'x y' is not"


@pytest.mark.parametrize(
    "frame",
    [
        pd.DataFrame({"n": [1]}, index=pd.Index([ID], name="student_unique_id")),
        pd.DataFrame({"n": [1]}, index=pd.Index([int(ID)], name="student_id")),
        pd.DataFrame(
            {"n": [1]}, index=pd.MultiIndex.from_tuples([("a", ID)], names=["school", "student_id"])
        ),
        pd.DataFrame({"n": [1]}, index=[OTHER]),
        pd.DataFrame([[1]], columns=[OTHER]),
        pd.DataFrame([[ID, ID]], columns=["student_id", "student_id"]),
        pd.DataFrame([[ID]], columns=pd.MultiIndex.from_tuples([("student", "student_unique_id")])),
    ],
    ids=["index", "number index", "multi-index", "bare index", "column label", "twice", "column levels"],
)
def test_index_and_column_labels_are_no_way_out(frame: pd.DataFrame) -> None:
    shown = MASKER.frame(frame)
    assert_hidden([shown.index.tolist(), shown.columns.tolist(), shown.to_numpy().tolist()])
    assert shown.shape == frame.shape


def test_a_frame_without_rows_keeps_its_columns() -> None:
    empty = pd.DataFrame({"student_id": pd.Series(dtype="str"), "n": pd.Series(dtype="Int64")})
    assert MASKER.frame(empty).columns.tolist() == ["student_id", "n"]
    assert MASKER.frame(pd.DataFrame()).empty


def test_masking_leaves_the_frame_itself_and_other_columns_alone() -> None:
    frame = pd.DataFrame(
        {"student_id": [ID], "begin_date": pd.to_datetime(["2025-08-20"]), "n": [1.5], "ok": [True]}
    )
    before = frame.copy()
    shown = MASKER.frame(frame)
    pd.testing.assert_frame_equal(frame, before)
    pd.testing.assert_frame_equal(shown.drop(columns="student_id"), before.drop(columns="student_id"))


def test_reveal_hides_nothing_and_can_be_undone() -> None:
    frame = pd.DataFrame({"student_id": [ID]})
    assert MASKER.revealed().frame(frame) is frame
    assert MASKER.revealed().body({"studentUniqueId": ID}) == {"studentUniqueId": ID}
    assert_hidden(MASKER.revealed().masked().frame(frame))
    assert_hidden(MASKER.frame(frame))


def test_knowing_adds_to_what_is_known() -> None:
    masker = MASKER.knowing([ID])
    assert_hidden([masker.text(f"{ID} {OTHER}")])
    assert ID in MASKER.text(ID)


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "\uff1d1"])
def test_formulas_are_made_harmless(text: str) -> None:
    assert safe_cell(text) == f"'{text}"


@pytest.mark.parametrize("value", ["plain", 5, -5, None, ""])
def test_other_cells_are_left_alone(value: object) -> None:
    assert safe_cell(value) == value


def test_ten_thousand_rows_get_ten_thousand_pseudonyms() -> None:
    n = 10_000
    frame = pd.DataFrame(
        {
            "student_unique_id": np.arange(n).astype(str),
            "first_name": np.resize(["Ann", "Bob", NAME], n),
            "program_name": np.resize(["Special Education", "CTE"], n),
            "detail": [f"enrollment {i} of student {i} ends before it starts" for i in range(n)],
            "source_refs": [[f"students:{i}", f"enrollments:{i}"] for i in range(n)],
        }
    )
    shown = MASKER.frame(frame)
    assert shown.student_unique_id.nunique() == n


def test_an_unreadable_value_is_hidden_where_it_may_name_a_student_whatever_its_column() -> None:
    """As after columns were shifted: a name where a date should be, an id where a number of a school should be."""
    values = ["Ann", ID, "13/13/2025", "Q", "45901", None]
    frame = pd.DataFrame({"rule": "COM-NRM-3", "column": "start_date", "value": values})
    shown = MASKER.frame(frame)["value"]
    assert shown[:2].tolist() == [pseudonym("Ann", KEY), pseudonym(ID, KEY)]
    assert shown[2:5].tolist() == values[2:5]

"""What the rules do with whole columns, on the smallest ones."""

import pandas as pd

from edfi_toolkit.model import body_hash
from edfi_toolkit.rules import bodies as rules_bodies
from edfi_toolkit.rules.frames import first_per, id_order, look_up, rank_texts, row_numbers


def texts(*values):
    return pd.Series(values, dtype="str")


def test_an_id_is_numbered_by_its_row_in_the_table_that_knows_it():
    first, second = row_numbers(texts("b", "a"), texts("a", "x", None, "b"), texts("b"))
    assert first.tolist() == [1, -1, -1, 0]
    assert second.tolist() == [0]


def test_ranks_have_the_order_and_equality_of_their_texts():
    assert rank_texts(texts("b", "10", "9", "b", "07", "7")).tolist() == [4, 1, 3, 4, 0, 2]


def test_ids_are_in_the_order_of_numbers_and_before_texts():
    def ordered(*ids):
        return texts(*ids).iloc[id_order(texts(*ids)).argsort()].tolist()

    assert ordered("10", "9", "100") == ["9", "10", "100"]
    assert ordered("S1", "10", "9", "R2", "12345678901234567890") == [
        "9", "10", "12345678901234567890", "R2", "S1",
    ]  # fmt: skip


def test_what_another_table_says_is_missing_where_it_has_no_such_row():
    schools = pd.DataFrame({"school_id": texts("1", "2"), "closed": [True, False], "name": texts("A", "B")})
    found = look_up(pd.DataFrame({"school_id": texts("2", "3", None)}), schools, "school_id", shut="closed")
    assert found["shut"].astype(object).tolist() == [False, pd.NA, pd.NA]


def test_the_first_of_several_rows_is_chosen_and_the_others_keep_their_place():
    rows = pd.DataFrame({"record": [1, 2, 2, 3], "order": [5, 1, 9, 0]})
    assert first_per(rows, "record", ["order"], [False]).index.tolist() == [0, 2, 3]


def test_every_batch_of_hashes_is_the_models(monkeypatch):
    monkeypatch.setattr(rules_bodies, "_AT_A_TIME", 2)
    records = pd.DataFrame(
        {
            "begin_date": pd.to_datetime(["2025-09-02"] * 5),
            "end_date": pd.to_datetime([None, "2025-10-01", None, None, "2026-01-31"]),
            "education_organization_id": pd.array([1, 2, 3, 4, 5], dtype="Int64"),
            "program_education_organization_id": [9, 9, 8, 9, 9],
            "program_name": texts("A", "A", "B", "A", "A"),
            "program_type_descriptor": "uri://x/ProgramTypeDescriptor#A",
            "student_unique_id": texts("1", 'a"b\\', "", "é", "5"),
        }
    )
    column, hashes = rules_bodies.bodies(records)
    assert [body["studentReference"]["studentUniqueId"] for body in column] == ["1", 'a"b\\', "", "é", "5"]
    assert hashes.to_pylist() == [body_hash(body) for body in column]

"""A column of bodies reads as dicts, keeps JSON, and survives what frames go through."""

import pandas as pd
import pytest

from edfi_toolkit.model.bodies import BodyArray, BodyDtype, texts_of

A, B = {"beginDate": "2025-09-02"}, {"beginDate": "2025-09-03", "cteProgramServices": [{"cipCode": "0"}]}


@pytest.fixture
def column():
    return pd.Series([A, None, B], dtype="body")


def test_an_element_is_a_dict_of_its_own(column):
    column.iloc[0]["beginDate"] = "changed"
    assert column.iloc[0] == A
    assert column.tolist() == [A, None, B]


def test_missing_ones_are_missing(column):
    assert column.isna().tolist() == [False, True, False]
    assert column.dropna().index.tolist() == [0, 2]


def test_rows_are_taken_filtered_sorted_and_put_together(column):
    assert column.iloc[[2, 0]].tolist() == [B, A]
    assert column[column.notna()].tolist() == [A, B]
    assert column.reindex([2, 7]).tolist() == [B, None]
    both = pd.concat([column, column], ignore_index=True)
    assert isinstance(both.dtype, BodyDtype)
    assert both.tolist() == [A, None, B, A, None, B]


def test_a_frame_with_bodies_merges_and_groups(column):
    frame = pd.DataFrame({"resource": ["x", "y", "x"], "body": column})
    merged = frame.merge(pd.DataFrame({"resource": ["x"], "held": [True]}), on="resource", how="left")
    assert merged.loc[merged["held"].notna(), "body"].tolist() == [A, B]
    assert {name: rows["body"].tolist() for name, rows in frame.groupby("resource")} == {
        "x": [A, B],
        "y": [None],
    }


def test_equal_is_what_holds_the_same_members():
    assert (pd.Series([A, B], dtype="body") == pd.Series([dict(A), A], dtype="body")).tolist() == [
        True,
        False,
    ]


def test_a_body_is_never_changed_in_place(column):
    with pytest.raises(NotImplementedError):
        column.array[0] = B


def test_texts_are_the_json_to_send_whatever_the_column_keeps(column):
    expected = [b'{"beginDate":"2025-09-02"}', None]
    assert texts_of(column.iloc[:2]) == expected
    assert texts_of(pd.Series([A, None], dtype=object)) == expected


def test_parquet_keeps_them(column, tmp_path):
    pd.DataFrame({"body": column}).to_parquet(tmp_path / "bodies.parquet")
    read = pd.read_parquet(tmp_path / "bodies.parquet")["body"]
    assert isinstance(read.array, BodyArray)
    assert read.tolist() == [A, None, B]


def test_a_column_shows_its_bodies(column):
    assert "beginDate" in repr(column)
    assert column.array.nbytes > 0

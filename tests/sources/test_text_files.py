"""Delimited text as it really arrives: encodings, separators, lines, and files that are broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from edfi_toolkit.errors import SourceShapeError, SourceUnavailable
from edfi_toolkit.sources.text import read_text


def read(folder: Path, content: bytes) -> tuple[list[list[str]], list[int]]:
    path = folder / "students.csv"
    path.write_bytes(content)
    sheet = read_text(path)
    return [sheet.frame.columns.tolist(), *sheet.frame.to_numpy().tolist()], sheet.rows.tolist()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_encodings_and_separators_are_recognised(tmp_path: Path, encoding: str, delimiter: str) -> None:
    text = delimiter.join(["id", "name"]) + "\r\n" + delimiter.join(["007", "Müller"]) + "\r\n"
    assert read(tmp_path, text.encode(encoding)) == ([["id", "name"], ["007", "Müller"]], [2])


def test_only_an_empty_cell_is_empty(tmp_path: Path) -> None:
    rows, _ = read(tmp_path, b"a,b,c,d\nNA,None,NULL,\nnan,NaN, ,#N/A\n")
    assert rows[1:] == [["NA", "None", "NULL", ""], ["nan", "NaN", " ", "#N/A"]]


def test_rows_keep_their_lines_over_blank_lines_and_long_cells(tmp_path: Path) -> None:
    content = b'id,note\n1,"first\nsecond"\n\n,\n2,"say ""hi"", Bob"\n'
    assert read(tmp_path, content) == (
        [["id", "note"], ["1", "first\nsecond"], ["2", 'say "hi", Bob']],
        [2, 6],
    )


def test_a_last_row_without_a_line_end_and_a_header_alone_are_fine(tmp_path: Path) -> None:
    assert read(tmp_path, b"id,note\n1,x") == ([["id", "note"], ["1", "x"]], [2])
    assert read(tmp_path, b"id,note\n") == ([["id", "note"]], [])
    assert read(tmp_path, b"id\n1\n\n2\n") == ([["id"], ["1"], ["2"]], [2, 4])


def test_excels_separator_line_is_obeyed(tmp_path: Path) -> None:
    assert read(tmp_path, b"sep=;\r\nid;note\r\n1;a,b\r\n") == ([["id", "note"], ["1", "a,b"]], [3])


@pytest.mark.parametrize("content", [b"", b"  \r\n\n"])
def test_an_empty_file_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceShapeError, match=r"students\.csv is empty"):
        read(tmp_path, content)


def test_rows_that_do_not_fit_the_header_are_refused_by_row(tmp_path: Path) -> None:
    with pytest.raises(SourceShapeError, match=r"2 rows do not have the 2 cells of the header \(rows 3, 4\)"):
        read(tmp_path, b"id,note\n1,x\n2,y,z\n3\n")


@pytest.mark.parametrize(
    "content", [b'id,note,day\n1,"x,3\n2,y,3\n', b'id,note,day\n1,"x,3\n2,y,3\n3,"y",3\n4,a,b\n']
)
def test_a_quotation_mark_that_swallows_rows_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceShapeError):
        read(tmp_path, content)


def test_what_is_not_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(SourceShapeError, match="is not text in UTF-8"):
        read(tmp_path, b"id\n\x81\x8d\xff\n")


def test_a_file_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match=r"gone\.csv cannot be read: No such file"):
        read_text(tmp_path / "gone.csv")

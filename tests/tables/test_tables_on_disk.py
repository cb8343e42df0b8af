"""Tables as files: equal when read back, and readable by their owner only."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from edfi_toolkit.errors import SourceUnavailable
from edfi_toolkit.tables import Tables, normalise

RAW = {
    "students": [{"student_id": "1", "last_name": "Ünal", "student_published": None}, {"student_id": "2.0"}],
    "program_participation": [
        {
            "participation_id": "p1",
            "student_id": "1",
            "begin_date": "2025-09-02",
            "attributes": {"b": [1], "a": None},
        },
        {"participation_id": "p2", "student_id": "1", "education_organization_id": 255901},
    ],
    "schools": [],
    "pupils": [],
}


def test_saved_tables_read_back_equal_and_private(tmp_path: Path) -> None:
    tables = normalise(RAW)
    folder = tables.save(tmp_path / "run" / "tables")
    again = Tables.load(folder)
    assert list(again) == list(tables)
    for name in tables:
        pd.testing.assert_frame_equal(again[name], tables[name])
    for name in ("skipped", "notices", "origins"):
        pd.testing.assert_frame_equal(getattr(again, name), getattr(tables, name))
    assert again.places["program_participation"]["row"].tolist() == [1, 2]
    pd.testing.assert_frame_equal(again.places["students"], tables.places["students"])
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    assert folder.stat().st_mode & 0o777 == 0o700


def test_a_folder_without_saved_tables_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(SourceUnavailable, match="does not hold saved tables"):
        Tables.load(tmp_path)
    (tmp_path / "_skipped.parquet").write_bytes(b"no")
    with pytest.raises(SourceUnavailable):
        Tables.load(tmp_path)


def test_tables_show_counts_and_no_person() -> None:
    tables = normalise(RAW)
    shown = repr(tables) + tables._repr_html_()
    assert "students: 1" in shown
    assert "Ünal" not in shown


def test_further_notices_are_added_and_shown() -> None:
    notice = pd.DataFrame([{"code": "NO_TABLE", "table": "schools", "detail": "No <schools> were found."}])
    tables = normalise(RAW).with_notices(notice)
    assert tables.notices["code"].tolist() == ["UNKNOWN_TABLE", "NO_TABLE"]
    assert "No &lt;schools&gt; were found." in tables._repr_html_()

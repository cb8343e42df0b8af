"""Every example of docs/sources.md runs: its TOML files are written, then its Python is."""

from __future__ import annotations

import re
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = "data/samples/certification/before"
PAGE = (ROOT / "docs/sources.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```python\n(.*?)^```", PAGE, re.M | re.S)
TOML = re.compile(r"^```toml\n# (\S+)\n(.*?)^```", re.M | re.S)
DATABASE = """
create table pupil (id integer, state_id text);
create table takes_part (id integer, pupil_id integer, program text, first_day text);
insert into pupil values (7, '0012345');
insert into takes_part values (1, 7, 'Bilingual', '2025-09-02');
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with everything the page's examples name."""
    shutil.copytree(ROOT / SAMPLE, tmp_path / SAMPLE)
    (extracts := tmp_path / "extracts").mkdir()
    sample = {path.stem: pd.read_csv(path, dtype="str") for path in (ROOT / SAMPLE).glob("*.csv")}
    with pd.ExcelWriter(extracts / "north.xlsx") as workbook:
        for name, frame in sample.items():
            frame.to_excel(workbook, sheet_name=name, index=False)
    sample["program_participation"].to_parquet(extracts / "program_participation.parquet")
    connection = sqlite3.connect(extracts / "sis.db")
    connection.executescript(DATABASE)
    connection.close()
    for name, text in TOML.findall(PAGE):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("desk")
def test_every_example_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    made: list[dict[str, Any]] = []
    for example in EXAMPLES:
        names: dict[str, Any] = {}
        exec(compile(example, "docs/sources.md", "exec"), names)  # noqa: S102 - our own page
        made.append(names)
    folder, file, database, vendor, ours, records = made
    assert len(folder["tables"].students) > 10
    assert file["tables"].students.empty
    assert len(file["tables"].program_participation) > 30
    assert database["build"].records["student_unique_id"].tolist() == ["0012345"]
    assert vendor["tables"].enrollments["enrollment_id"].tolist() == ["S5001"]
    assert ours["tables"].students["student_id"].tolist() == ["7"]
    assert records["build"].records.empty
    said = capsys.readouterr().out
    assert "has no table students, so it reads as empty" in said
    assert "['101']" in said


def test_the_urls_of_the_page_are_urls_its_drivers_understand() -> None:
    from sqlalchemy import make_url

    urls = re.findall(r"^\|[^|]*\| `(\w+(?:\+\w+)?://[^`]+)` \|", PAGE, re.M)
    backends = {make_url(url).get_dialect()().name for url in urls}
    assert backends == {"sqlite", "postgresql", "mssql", "oracle"}

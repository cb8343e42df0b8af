"""The identity map as a CSV file: out of one ledger, into another, and every mistake told by row and column."""

from __future__ import annotations

import json
import shutil
import stat

import pandas as pd
import pytest

from edfi_toolkit.errors import LedgerError, SourceError, SourceShapeError, SourceUnavailable
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ledger.identity_csv import COLUMNS, NEEDED, export_map, import_map
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from tests.factories.builds import plan_once
from tests.factories.district import CTE, GENERAL, LEA, a_build, a_participation, writes


def result():
    return a_build(
        a_participation(1), a_participation(2, end_date="2026-01-31"), a_participation(3, resource=CTE)
    )


def feed_of(ledger, client, source=""):
    return ledger.feed(client.target.identity, "certification", source)


def a_feed(ledger):
    """One of a target that is not asked."""
    return ledger.feed("https://ods.example", "certification", "")


def a_row(**cells):
    """One row of a file, as another tool might give it: what is needed and no more."""
    return {
        "resource": GENERAL,
        "school_year": "2026",
        "begin_date": "2025-08-23",
        "education_organization_id": str(LEA),
        "program_education_organization_id": str(LEA),
        "program_name": "Gifted and Talented",
        "program_type_descriptor": "uri://ed-fi.org/ProgramTypeDescriptor#Gifted and Talented",
        "student_unique_id": "S-1",
        "ed_fi_id": "0" * 31 + "1",
        **cells,
    }


def a_file(folder, *rows):
    path = folder / "map.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    return path


def test_what_one_ledger_exports_another_takes_over_exactly(app, client, ledger, tmp_path):
    publish(plan_once(result()), target=client, ledger=ledger, approved="auto")
    file = tmp_path / "map.csv"
    file.touch(mode=0o644)
    mapped = ledger.identity_map(feed_of(ledger, client))
    assert export_map(ledger, feed_of(ledger, client), file) == 3
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert file.read_text().splitlines()[0] == ",".join(COLUMNS)
    with Ledger(tmp_path / "new.db") as new:
        feed = feed_of(new, client)
        assert import_map(new, feed, file) == 3
        pd.testing.assert_frame_equal(new.identity_map(feed), mapped)
        assert set(plan(result(), identity_map=new.identity_map(feed)).items["action"]) == {"NOOP"}
        assert import_map(new, feed, file) == 0
        assert len(new.identity_map(feed)) == 3
    assert writes(app) == {("POST", 201): 3}


def test_without_bodies_the_next_plan_updates_what_was_taken_over(client, ledger, tmp_path):
    publish(plan_once(result()), target=client, ledger=ledger, approved="auto")
    export_map(ledger, feed_of(ledger, client), tmp_path / "map.csv")
    rows = pd.read_csv(tmp_path / "map.csv", dtype=str)[list(NEEDED)]
    with Ledger(tmp_path / "new.db") as new:
        feed = feed_of(new, client)
        assert import_map(new, feed, a_file(tmp_path, *rows.to_dict("records"))) == 3
        made = plan(result(), identity_map=new.identity_map(feed))
        assert set(made.items["action"]) == {"PUT"}
        told = publish(made, target=client, ledger=new, approved=made.fingerprint)
        assert set(told["status"]) == {204}


def test_ids_with_hyphens_and_capitals_are_the_same_ids(ledger, client, tmp_path):
    file = a_file(tmp_path, a_row(ed_fi_id="0123ABCD-0000-0000-0000-00000000000F"))
    assert import_map(ledger, feed_of(ledger, client), file) == 1
    assert ledger.identity_map(feed_of(ledger, client))["ed_fi_id"].tolist() == [
        "0123abcd00000000000000000000000f"
    ]


def other_body():
    body = result().records.iloc[0]["body"]
    return json.dumps({**body, "studentReference": {"studentUniqueId": "S-9"}})


@pytest.mark.parametrize(
    ("cells", "column", "says"),
    [
        ({"resource": "studentChessAssociations"}, "resource", "no student program association resource"),
        ({"school_year": "25/26"}, "school_year", "no school year"),
        ({"begin_date": "2025-02-30"}, "begin_date", "no date"),
        ({"begin_date": "8/23/2025"}, "begin_date", "no date"),
        ({"education_organization_id": "255901.0"}, "education_organization_id", "no number"),
        ({"program_education_organization_id": ""}, "program_education_organization_id", "no number"),
        ({"program_name": "x" * 61}, "program_name", "1 to 60"),
        ({"program_type_descriptor": "Bilingual"}, "program_type_descriptor", "no descriptor"),
        ({"student_unique_id": "900111222.0"}, "student_unique_id", "a spreadsheet has changed"),
        ({"student_unique_id": ""}, "student_unique_id", "empty"),
        ({"ed_fi_id": "17"}, "ed_fi_id", "no id of the API"),
        ({"last_body": "{"}, "last_body", "no JSON object"),
        ({"last_body": "[]"}, "last_body", "no JSON object"),
        ({"last_body": '{"beginDate": "2025-08-23"}'}, "last_body", "another record"),
        ({"last_body": other_body}, "last_body", "another record"),
        ({"source_refs": "{}"}, "source_refs", "no JSON list"),
        ({"last_status": "ok"}, "last_status", "no number"),
    ],
)  # fmt: skip
def test_a_wrong_cell_is_told_by_row_and_column_and_nothing_is_taken(tmp_path, sqlite, cells, column, says):
    texts = {name: cell() if callable(cell) else cell for name, cell in cells.items()}
    file = a_file(tmp_path, a_row(student_unique_id="S-7", ed_fi_id="a" * 32), a_row(**texts))
    with pytest.raises(SourceError) as refused:
        import_map(sqlite, a_feed(sqlite), file)
    assert f"row 3, column {column}: " in str(refused.value)
    assert says in str(refused.value)
    assert "S-" not in str(refused.value)
    assert sqlite.identity_map(a_feed(sqlite)).empty


@pytest.fixture
def sqlite(tmp_path, empty_ledger):
    with Ledger(shutil.copy(empty_ledger, tmp_path / "ledger.db")) as opened:
        yield opened


def test_a_record_or_an_id_twice_is_told(tmp_path, sqlite):
    file = a_file(tmp_path, a_row(), a_row(ed_fi_id="b" * 32), a_row(student_unique_id="S-2"))
    with pytest.raises(SourceError) as refused:
        import_map(sqlite, a_feed(sqlite), file)
    assert "row 3, column student_unique_id: the same record" in str(refused.value)
    assert "row 4, column ed_fi_id: another record has this id" in str(refused.value)


def test_many_mistakes_are_counted(tmp_path, sqlite):
    file = a_file(tmp_path, *(a_row(begin_date="soon") for _ in range(30)))
    with pytest.raises(SourceError, match="and 10 more"):
        import_map(sqlite, a_feed(sqlite), file)


def test_another_id_for_a_record_the_ledger_knows_is_refused(tmp_path, sqlite):
    feed = a_feed(sqlite)
    import_map(sqlite, feed, a_file(tmp_path, a_row()))
    with pytest.raises(SourceError, match="row 2, column ed_fi_id: the ledger knows another id"):
        import_map(sqlite, feed, a_file(tmp_path, a_row(ed_fi_id="c" * 32), a_row(student_unique_id="S-2")))
    assert len(sqlite.identity_map(feed)) == 1


def test_a_file_without_a_needed_column_or_that_is_none_is_refused(tmp_path, sqlite):
    feed = a_feed(sqlite)
    rows = a_row()
    del rows["ed_fi_id"]
    with pytest.raises(SourceShapeError, match="lacks the columns ed_fi_id"):
        import_map(sqlite, feed, a_file(tmp_path, rows))
    with pytest.raises(SourceUnavailable, match="cannot be read as CSV"):
        import_map(sqlite, feed, tmp_path / "nowhere.csv")
    (tmp_path / "empty.csv").touch()
    with pytest.raises(SourceUnavailable, match="cannot be read as CSV"):
        import_map(sqlite, feed, tmp_path / "empty.csv")


def test_nothing_is_taken_while_a_run_of_the_feed_is_at_work(tmp_path, sqlite):
    feed = a_feed(sqlite)
    with Ledger(sqlite.path) as other, other.exclusive(feed), pytest.raises(LedgerError, match="Another run"):
        import_map(sqlite, feed, a_file(tmp_path, a_row()))

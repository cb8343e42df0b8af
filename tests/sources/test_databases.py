"""Databases are read with SELECT only, in a transaction that cannot write."""

from __future__ import annotations

import os
import shutil
import socket
import sqlite3
import subprocess
import tempfile
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, SourceShapeError, SourceUnavailable
from edfi_toolkit.sources import extract
from edfi_toolkit.sources.database import check_query, read_queries

MAP = """
[tables.students]
query = "select id as student_id, state_id as student_unique_id, last_name from pupil where name_like <> 'x%'"

[tables.program_participation]
query = '''
with rows as (select * from taking_part) -- what was delivered; not what was planned
select id as participation_id, pupil_id as student_id, 'studentProgramAssociations' as resource,
  255901 as education_organization_id, 255901 as program_education_organization_id,
  'Delete; or update' as program_name, 'Bilingual' as program_type, begin_date,
  cast(null as text) as attributes
from rows order by id;
'''
"""
SCHEMA = [
    "create table pupil (id numeric(10), state_id varchar(20), last_name varchar(20), name_like varchar(5))",
    "create table taking_part (id integer, pupil_id numeric(10), begin_date date)",
    "insert into pupil values (7, '0012345', 'NA', 'a'), (8, ' ', 'B', 'a')",
    "insert into taking_part values (1, 7, '2025-09-02'), (2, 8, null)",
    'create view "Students" as select id as student_id from pupil',
]
WRITES = {
    "sqlite": "insert into taking_part values (3, 7, null) returning id",
    "postgresql+psycopg": "select nextval('numbers')",
}


@pytest.fixture
def sqlite_file(tmp_path: Path) -> Path:
    path = tmp_path / "sis.db"
    with sqlite3.connect(path) as connection:
        for statement in SCHEMA:
            connection.execute(statement)
    connection.close()
    return path


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL server of our own, without passwords, on a free port of this machine."""
    binaries = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"))
    if not binaries:
        pytest.skip("PostgreSQL is not installed in /usr/lib/postgresql")
    bin_folder = binaries[-1].parent
    folder = Path(tempfile.mkdtemp(prefix="pg-"))
    user: dict[str, str] = {}
    if os.geteuid() == 0:
        user = {"user": "postgres"}  # the server refuses to run as root
        shutil.chown(folder, "postgres")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    data = folder / "data"
    quiet = {"check": True, "capture_output": True, "cwd": folder, **user}
    options = f"-c listen_addresses=127.0.0.1 -c port={port} -c unix_socket_directories={folder} -c fsync=off"
    subprocess.run([bin_folder / "initdb", "-D", data, "-U", "steward", "-A", "trust", "-N"], **quiet)
    start = [bin_folder / "pg_ctl", "-D", data, "-w", "-o", options, "-l", folder / "log", "start"]
    subprocess.run(start, **quiet | {"capture_output": False}, stdout=subprocess.DEVNULL)
    try:
        yield f"postgresql+psycopg://steward@127.0.0.1:{port}/postgres"
    finally:
        subprocess.run([bin_folder / "pg_ctl", "-D", data, "-m", "immediate", "stop"], **quiet)
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def postgresql(postgresql_url: str) -> str:
    from sqlalchemy import create_engine

    engine = create_engine(postgresql_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("drop schema public cascade")
        connection.exec_driver_sql("create schema public")
        connection.exec_driver_sql("create sequence numbers")
        for statement in SCHEMA:
            connection.exec_driver_sql(statement)
    engine.dispose()
    return postgresql_url


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest) -> str:
    if request.param == "sqlite":
        return f"sqlite:///{request.getfixturevalue('sqlite_file')}"
    return str(request.getfixturevalue("postgresql"))


def test_one_query_a_table_gives_canonical_tables(url: str, tmp_path: Path) -> None:
    (tmp_path / "queries.toml").write_text(MAP)
    tables = extract(url, profile="certification", mapping=tmp_path / "queries.toml")
    assert tables.students[["student_id", "student_unique_id", "last_name"]].astype(
        object
    ).to_numpy().tolist() == [
        ["7", "0012345", "NA"],
        ["8", pytest.approx(float("nan"), nan_ok=True), "B"],
    ]
    rows = tables.program_participation
    assert rows["begin_date"].tolist() == [pd.Timestamp("2025-09-02"), pd.NaT]
    assert rows["program_name"].tolist() == ["Delete; or update"] * 2
    assert tables.origins["file"].tolist() == ["query students", "query program_participation"]


def test_tables_and_views_with_canonical_names_need_no_map(url: str) -> None:
    tables = extract(url, profile="certification")
    assert tables.students["student_id"].tolist() == ["7", "8"]
    assert tables.notices["code"].tolist() == ["NO_TABLE"]
    assert "steward" not in tables.notices["detail"][0]


def test_the_transaction_itself_cannot_write(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from edfi_toolkit.sources import database

    monkeypatch.setattr(database, "check_query", lambda query, table: query)
    with pytest.raises(SourceUnavailable, match=r"read-?only|readonly"):
        read_queries(url, {"students": WRITES[url.partition(":")[0]]})
    monkeypatch.undo()
    assert read_queries(url, {"students": "select count(*) as n from taking_part"})["students"].frame[
        "n"
    ].tolist() == [2]


def test_an_empty_result_still_has_its_columns(url: str) -> None:
    sheet = read_queries(url, {"students": "select id as student_id from pupil where id < 0"})["students"]
    assert (list(sheet.frame.columns), len(sheet.frame)) == (["student_id"], 0)


@pytest.mark.parametrize(
    ("query", "says"),
    [
        ("update pupil set id = 1", "must begin with SELECT or WITH"),
        ("", "must begin with SELECT or WITH"),
        ("-- select 1", "must begin with SELECT or WITH"),
        ("select 1; drop table pupil", "one statement"),
        ("with gone as (delete from pupil returning *) select * from gone", "uses DELETE"),
        ("select * into copy_of from pupil", "uses INTO"),
        ("select * from pupil for update", "uses UPDATE"),
        ("explain analyze select 1", "must begin with SELECT or WITH"),
        ("select 1 /* ; */ ; /* x */ truncate pupil", "one statement"),
    ],
)
def test_statements_that_do_not_only_read_are_refused(query: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        check_query(query, "students")


@pytest.mark.parametrize(
    "query",
    [
        "select 'drop table x; --' as a, \"update\" from t -- delete\n;",
        "  WITH a AS (SELECT 1) SELECT [insert] FROM a /* into */",
        "select $$;drop$$ as a",
        "/* first */ select replace(a, ';', '') from t where note = 'it''s; set'",
    ],
)
def test_words_inside_texts_names_and_comments_are_only_words(query: str) -> None:
    assert check_query(query, "students").rstrip("; \n") == query.strip().rstrip("; \n")


def test_what_cannot_be_read_is_told_without_secrets(tmp_path: Path, sqlite_file: Path) -> None:
    with pytest.raises(SourceUnavailable, match="There is no SQLite file"):
        extract(f"sqlite:///{tmp_path}/gone.db", profile="certification")
    assert not (tmp_path / "gone.db").exists()
    with pytest.raises(
        SourceUnavailable, match=r"query of students: a table or column is not there.*SQLITE_ERROR"
    ):
        read_queries(f"sqlite:///{sqlite_file}", {"students": "select * from nowhere"})
    with pytest.raises(SourceUnavailable) as refused:
        extract("postgresql+psycopg://steward:t0psecret@127.0.0.1:1/sis", profile="certification")
    assert "t0psecret" not in str(refused.value)
    with pytest.raises(ConfigError, match="No driver for nosuch"):
        extract("nosuch://u:t0psecret@localhost/x", profile="certification")


BROKEN = {
    "sqlite": [
        "select 'Zwirnfaden' || x'ff' as student_id, Zwirnfaden from pupil",
        "select abs(-9223372036854775808), 'Zwirnfaden' as student_id from pupil",
        "select json_extract('Zwirnfaden', '$') as student_id from pupil",
    ],
    "postgresql": [
        "select 'Zwirnfaden'::integer as student_id from pupil",
        "select Zwirnfaden as student_id from pupil",
        "select ('{' || 'Zwirnfaden')::json as student_id from pupil",
    ],
}


@pytest.mark.parametrize("number", range(3))
def test_what_a_driver_quotes_is_in_no_message_and_no_traceback(url: str, number: int) -> None:
    query = BROKEN[url.partition("+")[0].partition(":")[0]][number]
    with pytest.raises(SourceUnavailable, match="does not answer the query of students") as refused:
        read_queries(url, {"students": query})
    assert "Zwirnfaden" not in str(refused.value)
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__


def test_a_text_that_is_not_utf_8_makes_its_row_unreadable_and_the_others_go_on(sqlite_file: Path) -> None:
    query = (
        "select cast(id as text) as student_id, "
        "cast(case id when 7 then x'5aff' else 'Z' end as text) as last_name from pupil"
    )
    (sqlite_file.parent / "queries.toml").write_text(f'[tables.students]\nquery = """{query}"""')
    tables = extract(
        f"sqlite:///{sqlite_file}", profile="certification", mapping=sqlite_file.parent / "queries.toml"
    )
    assert tables.students["student_id"].tolist() == ["8"]
    assert "the cell is binary" in tables.skipped["detail"][0]


@pytest.mark.parametrize(
    "address", ["sis:t0p@secret@127.0.0.1:1/x", "/sis:t0psecret@host/x", "127.0.0.1:1/x?password=t0psecret"]
)
def test_an_address_in_a_message_has_no_credentials(address: str) -> None:
    with pytest.raises((SourceUnavailable, ConfigError)) as refused:
        extract(f"postgresql+psycopg://{address}", profile="certification")
    assert not any(part in str(refused.value) for part in ("t0p", "secret"))


def test_queries_need_a_database(tmp_path: Path) -> None:
    (tmp_path / "queries.toml").write_text(MAP)
    with pytest.raises(ConfigError, match="holds queries"):
        extract(tmp_path, profile="certification", mapping=tmp_path / "queries.toml")


def test_a_value_longer_than_a_row_of_text_may_be_ends_the_reading_and_is_named(url: str) -> None:
    """In PostgreSQL the value never leaves the server."""
    length = 17 * 2**20
    long = (
        f"substr(hex(zeroblob({length})), 1, {length})"
        if url.startswith("sqlite")
        else f"repeat('0', {length})"
    )
    query = f"select id, case id when 8 then {long} else 'B' end as last_name from pupil order by id"  # noqa: S608
    says = "longer than the longest that is read"
    with pytest.raises((SourceShapeError, SourceUnavailable), match=says) as refused:
        read_queries(url, {"students": query})
    if not url.startswith("sqlite"):
        assert "query students, row 2, column last_name" in str(refused.value)


def test_values_of_any_type_come_as_the_query_gives_them(postgresql: str) -> None:
    query = (
        "select 7 as id, 'a' as \"Name\", null as nothing, '{\"b\": 1}'::jsonb as j, '\\x00ff'::bytea as x, "
        "1.50::numeric(5, 2) as n, array['c'] as many, true as yes, 'd' as \"Name\" -- 100 %"
    )
    frame = read_queries(postgresql, {"students": query})["students"].frame
    assert list(frame) == ["id", "Name", "nothing", "j", "x", "n", "many", "yes", "Name"]
    row = [7, "a", None, {"b": 1}, b"\x00\xff", Decimal("1.50"), ["c"], True, "d"]
    assert frame.iloc[0].tolist() == row

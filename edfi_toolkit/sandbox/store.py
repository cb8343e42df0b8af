"""Items in SQLite: one row an item, its natural key unique in its space, and what it points to.

One connection, used from one thread; each write of the API is one transaction.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple

import orjson

from edfi_toolkit.sandbox.schema import open_file

TICKS_AT_1970 = 621_355_968_000_000_000  # 100 ns since 0001-01-01
_ETAG_BASE = 2**62  # the host's ETag is a .NET UTC time in its binary form
_REMEMBERED = 50_000
_INSERT = (
    "INSERT INTO items (seq, id, kind, space, key, organization, student, modified, version, body, owner)"
    " VALUES (?,?,?,?,?,?,?,?,?,?,?)"
)
_COLUMNS = "seq, id, kind, key, organization, student, modified, version, body, owner"


class Row(NamedTuple):
    """One stored item; `modified` in ticks of 100 ns, `body` as JSON, `owner` the key that created it."""

    seq: int
    id: str
    kind: str
    key: str
    organization: int | None
    student: str | None
    modified: int
    version: int
    body: str
    owner: str | None = None

    @property
    def etag(self) -> str:
        """The bare ETag; headers quote it."""
        return str(self.modified + _ETAG_BASE)

    @property
    def modified_at(self) -> str:
        """The time in UTC with up to seven digits of a second."""
        seconds, fraction = divmod(self.modified - TICKS_AT_1970, 10_000_000)
        digits = f".{fraction:07d}".rstrip("0").rstrip(".")
        return f"{_moment(seconds)}{digits}Z"


@lru_cache  # items of one second mostly lie together
def _moment(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat()[:19]


class Found(NamedTuple):
    """The item a reference points to."""

    seq: int
    kind: str
    id: str


class Store:
    """The data of one ODS, in a file or in memory."""

    def __init__(
        self, path: Path | None = None, standard: str = "5.2", *, clock: Callable[[], int] = time.time_ns
    ) -> None:
        self._clock = clock
        self.connection = open_file(path, standard)
        self._recall()

    def _recall(self) -> None:
        self._targets: dict[tuple[str, str], Found] = {}
        one = self.connection.execute
        self._seq = one("SELECT COALESCE(MAX(seq), 0) FROM items").fetchone()[0]
        self._modified: int = one("SELECT COALESCE(MAX(modified), 0) FROM items").fetchone()[0]
        self.version: int = max(
            one(f"SELECT COALESCE(MAX(version), 0) FROM {table}").fetchone()[0]  # noqa: S608  # fixed names
            for table in ("items", "deletes", "key_changes")
        )

    def close(self) -> None:
        """Close the file."""
        self.connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing."""
        before = self.version
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self.connection.execute("ROLLBACK")
            if self.version != before:
                self._recall()
            raise
        self.connection.execute("COMMIT")

    def copy(self, other: Store) -> None:
        """Hold what another store holds, and nothing else."""
        other.connection.backup(self.connection)
        self._recall()

    def clear(self) -> None:
        """Forget every item, every change and the host's rules; clients stay."""
        with self.transaction():
            for table in ("items", "links", "deletes", "key_changes", "rules"):
                self.connection.execute(f"DELETE FROM {table}")  # noqa: S608  # fixed names
        self._recall()

    def _next_modified(self) -> int:
        self._modified = max(self._modified + 1, self._clock() // 100 + TICKS_AT_1970)
        return self._modified

    def by_key(self, space: str, key: str) -> Row | None:
        """The item with that natural key, of whatever kind shares the space."""
        return self._one(f"SELECT {_COLUMNS} FROM items WHERE space=? AND key=?", (space, key))  # noqa: S608

    def by_id(self, kind: str, id: str) -> Row | None:
        """The item of one collection with that id."""
        return self._one(f"SELECT {_COLUMNS} FROM items WHERE id=? AND kind=?", (id, kind))  # noqa: S608

    def _one(self, sql: str, values: Sequence[Any]) -> Row | None:
        found = self.connection.execute(sql, values).fetchone()
        return Row._make(found) if found else None

    def rows(self, where: str, values: Sequence[Any], *, tail: str = "ORDER BY seq") -> list[Row]:
        """Items by a condition made of constants and placeholders."""
        sql = f"SELECT {_COLUMNS} FROM items WHERE {where} {tail}"  # noqa: S608  # callers pass constants only
        return list(map(Row._make, self.connection.execute(sql, values)))

    def target(self, space: str, key: str) -> Found | None:
        """The item a reference points to; remembered, since many items share a program."""
        found = self._targets.get((space, key))
        if found is None:
            row = self.connection.execute(
                "SELECT seq, kind, id FROM items WHERE space=? AND key=?", (space, key)
            ).fetchone()
            if row is not None:
                if len(self._targets) >= _REMEMBERED:
                    self._targets.clear()
                found = self._targets[space, key] = Found._make(row)
        return found

    def schools_of(self, student: str) -> list[int]:
        """The schools where a student was, is or will be enrolled."""
        sql = "SELECT organization FROM items WHERE student=? AND kind='studentSchoolAssociations'"
        return [row[0] for row in self.connection.execute(sql, (student,))]

    def insert(
        self,
        *,
        id: str,
        kind: str,
        space: str,
        key: str,
        organization: int | None,
        student: str | None,
        body: bytes,
        links: Sequence[tuple[int, str]] = (),
        owner: str | None = None,
    ) -> Row:
        """Store a new item and what it points to: the target's number, and the child row that does."""
        self._seq += 1
        self.version += 1
        row = Row(
            self._seq,
            id,
            kind,
            key,
            organization,
            student,
            self._next_modified(),
            self.version,
            body.decode(),
            owner,
        )
        self.connection.execute(
            _INSERT,
            (
                row.seq,
                id,
                kind,
                space,
                key,
                organization,
                student,
                row.modified,
                row.version,
                row.body,
                owner,
            ),
        )
        self._link(row.seq, links)
        return row

    def insert_shipped(self, items: Sequence[tuple[str, str, str, str]]) -> None:
        """Store new items, as (collection, space, key, body), that point to nothing and belong to no student.

        A sandbox starts with some thousand, so they are numbered all at once.
        """
        count, modified = len(items), self._next_modified()
        ids = secrets.token_hex(16 * count)
        rows = [
            (
                self._seq + n,
                ids[32 * n - 32 : 32 * n],
                kind,
                space,
                key,
                None,
                None,
                modified + n,
                self.version + n,
                body,
                None,
            )
            for n, (kind, space, key, body) in enumerate(items, 1)
        ]
        self._seq, self.version, self._modified = self._seq + count, self.version + count, modified + count
        self.connection.executemany(_INSERT, rows)

    def replace(
        self,
        row: Row,
        *,
        key: str,
        organization: int | None,
        student: str | None,
        body: bytes,
        links: Sequence[tuple[int, str]],
    ) -> Row:
        """Store a new state of an item; its id stays."""
        self.version += 1
        new = Row(
            row.seq,
            row.id,
            row.kind,
            key,
            organization,
            student,
            self._next_modified(),
            self.version,
            body.decode(),
            row.owner,
        )
        self.connection.execute(
            "UPDATE items SET key=?, organization=?, student=?, modified=?, version=?, body=? WHERE seq=?",
            (key, organization, student, new.modified, new.version, new.body, row.seq),
        )
        self.connection.execute("DELETE FROM links WHERE seq=?", (row.seq,))
        self._link(row.seq, links)
        return new

    def note_key_change(self, row: Row, old: dict[str, Any], new: dict[str, Any]) -> None:
        """Remember that the key of an item changed, under the version of the change."""
        self._targets.clear()
        self.connection.execute(
            "INSERT INTO key_changes VALUES (?,?,?,?,?,?,?)",
            (
                row.version,
                row.id,
                row.kind,
                row.organization,
                row.student,
                orjson.dumps(old),
                orjson.dumps(new),
            ),
        )

    def delete(self, row: Row, *, space: str, key_values: dict[str, Any]) -> None:
        """Remove an item and remember that it was there."""
        self.version += 1
        self._targets.pop((space, row.key), None)
        self.connection.execute("DELETE FROM items WHERE seq=?", (row.seq,))
        self.connection.execute("DELETE FROM links WHERE seq=?", (row.seq,))
        self.connection.execute(
            "INSERT INTO deletes VALUES (?,?,?,?,?,?,?,?)",
            (
                self.version,
                row.id,
                row.kind,
                space,
                row.key,
                row.organization,
                row.student,
                orjson.dumps(key_values).decode(),
            ),
        )

    def _link(self, seq: int, links: Sequence[tuple[int, str]]) -> None:
        if links:
            rows = ",".join(["(?,?,?)"] * len(links))
            self.connection.execute(
                f"INSERT OR IGNORE INTO links VALUES {rows}",  # noqa: S608  # placeholders only
                [part for target, via in links for part in (target, seq, via)],
            )

    def kinds_referring(self, row: Row, *, organization: int | None, student: str | None) -> list[str]:
        """The kinds of all items that point to another; arguments as of `referring`."""
        asked: list[tuple[str, Sequence[Any]]] = [
            ("SELECT DISTINCT kind FROM links JOIN items USING (seq) WHERE links.target=?", (row.seq,))
        ]
        for column, value in (("organization", organization), ("student", student)):
            if value is not None:
                sql = f"SELECT DISTINCT kind FROM items WHERE {column}=? AND seq<>?"  # noqa: S608  # fixed names
                asked.append((sql, (value, row.seq)))
        return [kind for sql, values in asked for (kind,) in self.connection.execute(sql, values)]

    def referring(self, row: Row, *, organization: int | None, student: str | None) -> tuple[str, str] | None:
        """Kind of one item that points to another, and the child row that does (empty: the item itself).

        organization, student: the id, when the row is one.
        """
        found = self.connection.execute(
            "SELECT items.kind, links.via FROM links JOIN items USING (seq)"
            " WHERE links.target=? ORDER BY links.seq, links.via LIMIT 1",
            (row.seq,),
        ).fetchone()
        for column, value in (("organization", organization), ("student", student)):
            if found is None and value is not None:
                found = self.connection.execute(
                    f"SELECT kind, '' FROM items WHERE {column}=? AND seq<>? LIMIT 1",  # noqa: S608  # fixed names
                    (value, row.seq),
                ).fetchone()
        return found

"""A Parquet copy of a collection: whole once, then kept true by change queries, in-process and over a socket."""

from __future__ import annotations

import stat
from pathlib import Path

import orjson
import pyarrow as pa
import pytest
from pyarrow import parquet

from edfi_toolkit.errors import OdsError
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ledger.watermarks import follow, keep_watermark, watermark
from edfi_toolkit.ods import Client, Pulled, Write, login_of, pull, read_copy
from tests.contract.briar_hollow import RESOURCE, SCHOOL, Host, an_association, delivered_all, posts


def ids_by_student(client: Client) -> dict[str, tuple[str, str]]:
    frame = client.read_all(RESOURCE)
    return {
        body["studentReference"]["studentUniqueId"]: (ed_fi_id, etag)
        for ed_fi_id, etag, body in zip(frame["id"], frame["etag"], frame["body"], strict=True)
    }


def is_true(path: Path, client: Client) -> None:
    """The copy equals what the ODS holds now, row by row."""
    ours, theirs = (
        frame.sort_values("id", ignore_index=True) for frame in (read_copy(path), client.read_all(RESOURCE))
    )
    assert ours.to_dict("list") == theirs.to_dict("list")


def test_a_first_pull_reads_everything_and_the_next_only_what_changed(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "copy.parquet"
    with host.client(page_size=7) as client:
        delivered_all(client)
        first = pull(client, RESOURCE, path)
        newest = client.newest_change_version()
        assert first == Pulled(60, 60, 0, newest, why="no copy of it was kept yet")
        is_true(path, client)
        assert pull(client, RESOURCE, path, watermark=first.watermark) == Pulled(60, 0, 0, newest)

        known = ids_by_student(client)
        changed = orjson.dumps(an_association(1, endDate="2026-05-29"))
        added = orjson.dumps(an_association(4, beginDate="2025-10-01"))
        list(
            client.apply(
                [
                    Write("PUT", RESOURCE, changed, *known["S-1"], "u", "S-1"),
                    Write("DELETE", RESOURCE, None, *known["S-2"], "d", "S-2"),
                    Write("DELETE", RESOURCE, None, *known["S-3"], "e", "S-3"),
                    Write("POST", RESOURCE, orjson.dumps(an_association(3)), None, None, "r", "S-3"),
                    Write("POST", RESOURCE, added, None, None, "n", "S-4"),
                ]
            )
        )
        then = pull(client, RESOURCE, path, watermark=first.watermark)
        is_true(path, client)
        assert (then.rows, then.whole) == (60, False)
        assert (
            then.removed == 2
        )  # S-2 went; S-3 went and came again under another id, which no list of deletes tells
        assert then.watermark == first.watermark + 5


def test_the_same_window_twice_does_no_harm(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "copy.parquet"
    with host.client() as client:
        delivered_all(client, 20)
        mark = pull(client, RESOURCE, path).watermark
        delivered_all(client, 30)
        for _ in range(2):
            assert pull(client, RESOURCE, path, watermark=mark).rows == 30
            is_true(path, client)


@pytest.mark.parametrize(
    ("why", "says"),
    [
        ("no file", "no copy of it was kept yet"),
        ("another target's", "the copy there is another's, or damaged"),
        ("another resource's", "the copy there is another's, or damaged"),
        ("damaged", "the copy there is another's, or damaged"),
        ("set back", "the ODS was put back to an earlier state"),
        ("set up again", "the ODS lacks a record that it never listed as deleted, so it was set up again"),
        ("more to see", "the changes led to 9 records and the ODS has 10"),
        ("changes forbidden", "this login may not read what has changed (403)"),
    ],
)
def test_what_cannot_be_followed_is_read_whole_and_it_says_why(
    host: Host, tmp_path: Path, why: str, says: str
) -> None:
    path = tmp_path / "copy.parquet"
    with host.client() as client:
        delivered_all(client, 10)
        mark = pull(client, RESOURCE, path).watermark
        if why == "no file":
            path.unlink()
        elif why == "another target's":
            table = parquet.read_table(path)
            parquet.write_table(table.replace_schema_metadata({"edfi.target": "http://elsewhere.test"}), path)
        elif why == "another resource's":
            pull(client, "programs", path)
        elif why == "set back":  # the ODS was restored from a backup: its versions are behind the watermark
            mark += 1_000
        elif (
            why == "set up again"
        ):  # the same records under other ids, and the versions are past the watermark
            table = parquet.read_table(path)
            ids = pa.array([f"{n:032x}" for n in range(10)])
            parquet.write_table(table.set_column(1, "id", ids), path)
        elif why == "more to see":  # such as a student who came to a school of this login's
            parquet.write_table(parquet.read_table(path).slice(1), path)
        elif why == "changes forbidden":
            list(client.apply(posts(10, endDate="2026-05-29")))
            host.faults({"method": "GET", "resource": RESOURCE, "status": 403, "times": 1})
        else:
            path.write_bytes(b"PAR1")
        found = pull(client, RESOURCE, path, watermark=mark)
        assert (found.rows, found.read, found.why) == (10, 10, says)
        is_true(path, client)


def test_a_pull_that_fails_leaves_the_file_as_it_was(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "copy.parquet"
    with host.client(page_size=5) as client:
        delivered_all(client, 30)
        mark = pull(client, RESOURCE, path).watermark
        before = path.read_bytes()
        list(client.apply(posts(5, endDate="2026-05-29")))
        host.faults({"method": "GET", "resource": RESOURCE, "status": 403, "after": 2})
        with pytest.raises(OdsError):
            pull(client, RESOURCE, path)
        host.faults()
        with pytest.raises(OdsError, match="stopped before its end"):
            pull(client, RESOURCE, path, watermark=mark, progress=lambda done, total: False)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["copy.parquet"]


def test_a_pull_goes_on_over_faults(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "copy.parquet"
    with host.client(page_size=10) as client:
        delivered_all(client)
        host.faults({"method": "GET", "resource": RESOURCE, "drop_before_commit": True, "every": 3})
        assert pull(client, RESOURCE, path).rows == 60
        host.faults()
        is_true(path, client)


def test_a_copy_is_its_owners_alone(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "copies" / "copy.parquet"
    with host.client() as client:
        pull(client, RESOURCE, path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_collection_the_model_does_not_know_is_read_whole_each_time(host: Host, tmp_path: Path) -> None:
    path = tmp_path / "copy.parquet"
    with host.client() as client:
        first = pull(client, "programTypeDescriptors", path)
        again = pull(client, "programTypeDescriptors", path, watermark=first.watermark)
    assert first.rows > 0
    assert (again.rows, again.read, again.why) == (first.rows, first.rows, "its key is not known")


def test_a_key_that_changed_in_place_leaves_no_row_under_the_old_one(host: Host, tmp_path: Path) -> None:
    enrollments, path = "studentSchoolAssociations", tmp_path / "copy.parquet"
    with host.client() as client:
        mark = pull(client, enrollments, path).watermark
        found = client.find(
            enrollments, {"entryDate": "2025-08-18", "schoolId": SCHOOL, "studentUniqueId": "S-5"}
        )
        later = {**found.body, "entryDate": "2025-08-25"}
        list(client.apply([Write("PUT", enrollments, orjson.dumps(later), found.id, found.etag, "k", "S-5")]))
        changes = client.key_changes(enrollments, minimum=mark + 1, maximum=client.newest_change_version())
        assert [key["entryDate"] for key in changes.new_key] == ["2025-08-25"]
        assert (changes.id.tolist(), changes.old_key[0]["entryDate"]) == ([found.id], "2025-08-18")
        then = pull(client, enrollments, path, watermark=mark)
        assert (then.rows, then.removed, then.whole) == (60, 0, False)
        dates = {
            body["entryDate"]
            for body in read_copy(path)["body"]
            if body["studentReference"]["studentUniqueId"] == "S-5"
        }
        assert dates == {"2025-08-25"}
        moved = Write("PUT", enrollments, orjson.dumps(found.body), found.id, None, "k", "S-5")
        assert [outcome.outcome for outcome in client.apply([moved])] == ["delivered"]


def test_the_ledger_keeps_a_watermark_for_each_target_and_resource(host: Host, tmp_path: Path) -> None:
    with host.client() as client, Ledger(tmp_path / "ledger.db") as ledger:
        delivered_all(client, 10)
        assert follow(client, ledger, RESOURCE, tmp_path / "a.parquet").whole
        delivered_all(client, 12)
        assert follow(client, ledger, "programs", tmp_path / "b.parquet").whole
        then = follow(client, ledger, RESOURCE, tmp_path / "a.parquet")
        assert (then.rows, then.whole) == (12, False)
        feed = ledger.feed(client.target.identity, "pull", login_of(client.target))
        other = ledger.feed("http://elsewhere.test", "pull", login_of(client.target))
        assert watermark(ledger, feed, RESOURCE) == client.newest_change_version()
        assert watermark(ledger, other, RESOURCE) is None
        keep_watermark(ledger, feed, RESOURCE, None)
        assert watermark(ledger, feed, RESOURCE) is None
        assert watermark(ledger, feed, "programs") is not None

"""A copy kept true against an older ODS, and what only such a one does."""

from __future__ import annotations

from dataclasses import replace

import httpx
import pytest
from starlette.responses import JSONResponse, Response

from edfi_toolkit.ods import Client, pull, read_copy
from edfi_toolkit.settings import Secret

RESOURCE = "studentProgramAssociations"


@pytest.fixture
def tracking(ods):
    """An ODS with change queries: nothing is deleted, and it has heard of no key changes."""
    ods.tracks_changes = True
    ods.fill(30)
    ods.listed = {"deletes": JSONResponse([]), "keyChanges": Response(status_code=404)}
    ods.reply = lambda request, body, number: ods.listed.get(request.url.path.rpartition("/")[2])
    return ods


def test_an_older_ods_without_key_changes_is_followed(tracking, client, tmp_path):
    path = tmp_path / "copy.parquet"
    first = pull(client, RESOURCE, path)
    tracking._put({**tracking.rows[f"{7:032x}"], "endDate": "2026-05-29"}, f"{7:032x}")
    deleted = {"id": f"{8:032x}", "changeVersion": 31}
    tracking.listed["deletes"] = JSONResponse([deleted], headers={"Total-Count": "1"})
    del tracking.rows[f"{8:032x}"]
    then = pull(client, RESOURCE, path, watermark=first.watermark)
    assert (then.rows, then.removed, then.whole) == (29, 1, False)
    ended = [body for body in read_copy(path)["body"] if "endDate" in body]
    assert [body["studentReference"]["studentUniqueId"] for body in ended] == ["S-7"]


def test_an_item_whose_key_changed_with_its_parents_is_read_again(tracking, client, tools, tmp_path):
    path = tmp_path / "copy.parquet"
    tracking.version += 150  # others write, too
    first = pull(client, RESOURCE, path)
    tracking.version += 50
    moved = f"{3:032x}"
    tracking.rows[moved] = {**tools.association("S-moved"), "id": moved, "_etag": "v2"}
    change = {"id": moved, "changeVersion": 40, "oldKeyValues": {}, "newKeyValues": {}}
    tracking.listed["keyChanges"] = JSONResponse([change], headers={"Total-Count": "1"})
    tracking.versions = dict.fromkeys(tracking.versions, 1)
    then = pull(client, RESOURCE, path, watermark=first.watermark)
    assert (then.rows, then.read, then.removed) == (30, 1, 0)
    students = {body["studentReference"]["studentUniqueId"] for body in read_copy(path)["body"]}
    assert "S-moved" in students
    assert "S-3" not in students


def test_versions_that_were_late_to_commit_are_looked_for_again(tracking, client, tmp_path):
    tracking.version = 4_000
    pull(client, RESOURCE, tmp_path / "copy.parquet")
    tracking.seen.clear()
    tracking.version = 5_000
    pull(client, RESOURCE, tmp_path / "copy.parquet", watermark=4_000)
    windows = {query["minChangeVersion"] for _, _, query, _ in tracking.seen if "minChangeVersion" in query}
    assert windows == {"3901"}


def test_without_change_queries_every_pull_reads_everything(ods, client, tmp_path):
    ods.fill(12)
    first = pull(client, RESOURCE, tmp_path / "copy.parquet")
    assert (first.rows, first.watermark, first.whole) == (12, None, True)
    assert pull(client, RESOURCE, tmp_path / "copy.parquet", watermark=first.watermark) == first


def test_a_copy_goes_to_disk_as_its_pages_come(ods, client, tmp_path, monkeypatch):
    monkeypatch.setattr("edfi_toolkit.ods.copy_file.GROUP_ROWS", 50)
    waiting = []
    from edfi_toolkit.ods import copy_file

    flush = copy_file.Draft.flush
    monkeypatch.setattr(
        copy_file.Draft,
        "flush",
        lambda self: (waiting.append(sum(p.num_rows for p in self._waiting)), flush(self)),
    )
    ods.fill(500)
    ods.page_limit = 20
    assert pull(client, RESOURCE, tmp_path / "copy.parquet").rows == 500
    assert max(waiting) == 60
    assert sorted(read_copy(tmp_path / "copy.parquet")["id"]) == sorted(ods.rows)


def test_changes_that_the_ods_has_forgotten_are_not_followed(tracking, client, tmp_path):
    path = tmp_path / "copy.parquet"
    first = pull(client, RESOURCE, path)
    tracking._put(tracking.rows[f"{7:032x}"], f"{7:032x}")
    tracking.oldest = first.watermark + 1
    then = pull(client, RESOURCE, path, watermark=first.watermark)
    assert (then.rows, then.read) == (30, 30)
    assert then.why == "the ODS no longer reports what has changed since the last copy"


def test_of_the_files_version_and_the_watermark_the_older_counts(tracking, client, tmp_path):
    """Two machines share a ledger, and each has a file of its own."""
    ours, theirs = tmp_path / "ours.parquet", tmp_path / "theirs.parquet"
    pull(client, RESOURCE, ours)
    tracking._put({**tracking.rows[f"{7:032x}"], "endDate": "2026-05-29"}, f"{7:032x}")
    tracking.version += 500
    mark = pull(client, RESOURCE, theirs).watermark
    then = pull(client, RESOURCE, ours, watermark=mark)
    assert (then.rows, then.why) == (30, "")
    assert "2026-05-29" in [body.get("endDate") for body in read_copy(ours)["body"]]


def test_another_key_sees_records_of_its_own_and_gets_a_copy_of_its_own(tracking, client, tools, tmp_path):
    path = tmp_path / "copy.parquet"
    mark = pull(client, RESOURCE, path).watermark
    target = replace(client.target, key=Secret("another-canary"))
    with Client(target, transport=httpx.ASGITransport(tracking.app), retry=tools.quick) as other:
        assert pull(other, RESOURCE, path, watermark=mark).why == "the copy there is another's, or damaged"
    assert b"canary" not in path.read_bytes()

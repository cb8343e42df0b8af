"""Reading without page tokens: windows of change versions, in a collection that changes meanwhile; snapshots."""

from __future__ import annotations

import random

import pytest
from starlette.responses import Response

from edfi_toolkit.errors import OdsError
from edfi_toolkit.ods.pages import version_windows

RESOURCE = "studentProgramAssociations"


def ids_of(client, **more):
    return [ed_fi_id for frame in client.read(RESOURCE, **more) for ed_fi_id in frame["id"]]


def asked(ods):
    """The queries of all requests for rows, without those for a count."""
    return [
        query for method, path, query, _ in ods.seen if path.endswith(RESOURCE) and "totalCount" not in query
    ]


@pytest.mark.parametrize("count", [45, 400, pytest.param(1_000, marks=pytest.mark.volume)])
def test_a_large_collection_without_tokens_is_read_by_windows_of_change_versions(ods, client, count):
    ods.fill(count)
    ods.tracks_changes = True
    ods.page_limit = 2
    assert sorted(ids_of(client)) == sorted(ods.rows)
    windows = {
        (int(query.get("minChangeVersion", 0)), int(query["maxChangeVersion"]))
        for query in asked(ods)
        if "maxChangeVersion" in query
    }
    assert len(windows) == min(64, -(-count // 40))
    deepest = max(int(query.get("offset", 0)) for query in asked(ods))
    assert deepest <= 40


@pytest.mark.parametrize("seed", range(6))
def test_whoever_stays_is_read_once_however_many_come_go_and_change_meanwhile(ods, client, seed):
    ods.fill(300)
    ods.tracks_changes, ods.page_limit = True, 5
    chance, gone = random.Random(seed), set()

    def reply(request, body, number):
        if len(gone) < 60:
            leaves, changes = chance.sample(sorted(ods.rows), 2)
            ods.rows.pop(leaves)
            gone.add(leaves)
            ods.touch(changes)
            ods._put(ods.rows[changes] | {"endDate": "2026-05-29"}, f"{1_000 + number:032x}")

    ods.reply = reply
    before = set(ods.rows)
    found = ids_of(client)
    assert len(found) == len(set(found))
    assert before - gone <= set(found)


def test_what_changed_while_windows_were_read_is_read_at_the_end(ods, client):
    ods.fill(100)
    ods.tracks_changes, ods.page_limit = True, 4
    last = list(ods.rows)[-1]

    def reply(request, body, number):
        if number == 4:  # the count of the first window: every version is out of every window from now on
            for ed_fi_id in list(ods.rows):
                ods.touch(ed_fi_id)

    ods.reply = reply
    found = ids_of(client)
    assert sorted(found) == sorted(ods.rows)
    assert last in found


def test_windows_split_all_versions_without_gap_or_overlap():
    assert version_windows(None, 9, 3) == [(None, 2), (3, 5), (6, 9)]
    assert version_windows(10, 11, 64) == [(10, 10), (11, 11)]
    assert version_windows(None, 0, 4) == [(None, 0)]


def test_the_users_own_window_is_left_as_it_is(ods, client):
    ods.fill(200)
    ods.tracks_changes, ods.page_limit = True, 4
    found = ids_of(client, filters={"minChangeVersion": 11, "maxChangeVersion": 150})
    assert sorted(found) == sorted(list(ods.rows)[10:150])
    assert {query["maxChangeVersion"] for query in asked(ods)} == {"150"}


@pytest.mark.parametrize(
    ("snapshot", "header", "value"),
    [(True, "use-snapshot", "true"), ("snap-7", "snapshot-identifier", "snap-7")],
)
def test_a_snapshot_is_asked_for_with_every_request_of_a_reading(ods, client, snapshot, header, value):
    ods.fill(120)
    ods.tracks_changes, ods.page_limit = True, 5
    assert sorted(ids_of(client, snapshot=snapshot)) == sorted(ods.rows)
    assert client.newest_change_version(snapshot=snapshot) == 120
    assert [headers.get(header) for headers in ods.headers] == [value] * len(ods.headers)


def test_writing_never_asks_for_a_snapshot(ods, client, tools):
    ids_of(client, snapshot=True)
    ods.headers.clear()
    list(client.apply([tools.post()]))
    assert not any("use-snapshot" in headers for headers in ods.headers)


@pytest.mark.parametrize("status", [404, 410])
def test_a_snapshot_that_is_not_there_says_so(ods, client, status):
    ods.tracks_changes = True
    ods.reply = lambda request, body, number: Response(status_code=status)
    with pytest.raises(OdsError, match="Ask the host whether it keeps snapshots"):
        ids_of(client, snapshot=True)
    with pytest.raises(OdsError, match="Ask the host whether it keeps snapshots"):
        client.newest_change_version(snapshot=True)


def test_progress_tells_rows_read_and_in_all_and_may_stop(ods, client):
    ods.fill(1_200)
    told = []
    frame = client.read_all(RESOURCE, progress=lambda done, total: told.append((done, total)))
    assert len(frame) == 1_200
    assert [total for _, total in told] == [1_200] * len(told)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (1_200, 1_200)
    with pytest.raises(OdsError, match="stopped before its end"):
        client.read_all(RESOURCE, progress=lambda done, total: False)


def test_a_host_that_does_not_count_is_read_all_the_same(ods, client):
    ods.fill(30)
    ods.counts_total = False
    told = []
    client.read_all(RESOURCE, progress=lambda done, total: told.append((done, total)))
    assert told == [(30, None), (30, 30)]


def test_nothing_there_is_a_frame_with_its_columns(client):
    frame = client.read_all(RESOURCE)
    assert frame.empty
    assert list(frame) == ["resource", "id", "etag", "body"]

"""Everything that can go wrong at once: 429, 500, lost answers, tokens that end; in-process and over a socket."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta

import orjson

from edfi_toolkit.ods import Write
from tests.contract.briar_hollow import RESOURCE, Host, an_association

STUDENTS = 60
PROVE = os.environ.get("EDFI_PROVE") == "1"
RECORDS = 5_000 if PROVE else 600
FAULTS = (
    {"method": "POST", "resource": RESOURCE, "status": 429, "every": 10},
    {"method": "POST", "resource": RESOURCE, "status": 500, "every": 50},
    {"method": "POST", "resource": RESOURCE, "drop_after_commit": True, "every": 100},
    {"method": "POST", "resource": RESOURCE, "revoke_tokens": True, "every": 60},
)


def records() -> Iterator[Write]:
    """As many as there are to be, each of its own key; every student has several."""
    for n in range(RECORDS):
        day = date(2025, 7, 1) + timedelta(days=n // STUDENTS)
        body = an_association(n % STUDENTS, beginDate=day.isoformat())
        yield Write("POST", RESOURCE, orjson.dumps(body), None, None, n, f"S-{n % STUDENTS}")


def test_all_faults_at_once_lose_nothing_double_nothing_and_report_nothing_wrongly(host: Host) -> None:
    with host.client(concurrency=16) as client:
        before = client.newest_change_version()
        host.faults(*FAULTS)
        outcomes = {outcome.ref: outcome for outcome in client.apply(records())}
        answered = host.counted("POST", RESOURCE)
        host.faults()
        frame = client.read_all(RESOURCE)
        after = client.newest_change_version()

    assert Counter(outcome.outcome for outcome in outcomes.values()) == {"delivered": RECORDS}
    assert sorted(outcomes) == list(range(RECORDS))
    # Each was written once: a second POST of what is there gives no change version.
    assert after - before == RECORDS == len(frame)
    held = dict(zip(frame["id"], zip(frame["etag"], frame["body"], strict=True), strict=True))
    for write in records():
        outcome = outcomes[write.ref]
        etag, body = held[outcome.ed_fi_id]
        assert etag == outcome.etag
        assert (body["beginDate"], body["studentReference"]["studentUniqueId"]) == (
            orjson.loads(write.body)["beginDate"],
            write.student,
        )
    # And the faults did happen: status 0 is an answer that got lost after the commit.
    posts = answered.total()
    assert answered[429] >= posts // 11
    assert answered[500] >= posts // 60
    assert answered[0] >= posts // 120
    assert answered[401] >= posts // 90
    assert answered[200] > 0

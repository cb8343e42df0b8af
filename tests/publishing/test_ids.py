"""An id that the ODS gives a created record is believed only while it is no other record's."""

from __future__ import annotations

import httpx
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from tests.factories.district import a_build, a_participation, held_in, in_process, wanted


class OneLocation(httpx.ASGITransport):
    """Every created record gets the address of the first."""

    location = ""

    async def handle_async_request(self, request):
        answer = await super().handle_async_request(request)
        if request.method == "POST" and "location" in answer.headers:
            OneLocation.location = OneLocation.location or answer.headers["location"]
            answer.headers["location"] = OneLocation.location
        return answer


@pytest.fixture
def odd(app):
    """A client of an ODS that gives all records one address."""
    OneLocation.location = ""
    with Client(in_process(app).target, transport=OneLocation(app)) as client:
        yield client


def test_one_address_for_all_records_is_looked_up_and_never_kept_twice(app, odd, client, tmp_path):
    build = a_build(*(a_participation(number) for number in range(1, 9)))
    with Ledger(tmp_path / "ledger.db") as ledger:
        feed = ledger.feed(odd.target.identity, "certification", "")
        made = plan(build, identity_map=ledger.identity_map(feed))
        told = publish(made, target=odd, ledger=ledger, approved=made.fingerprint)
        assert set(told["outcome"]) == {"delivered"}
        kept = ledger.identity_map(feed)
        assert kept["ed_fi_id"].nunique() == len(kept) == 8
        held = client.read_all("studentProgramAssociations")
        owners = {row.id: row.body["studentReference"]["studentUniqueId"] for row in held.itertuples()}
        assert dict(zip(kept["ed_fi_id"], kept["student_unique_id"], strict=True)) == owners
        assert held_in(client) == wanted(build)

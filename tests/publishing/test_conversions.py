"""How often the JSON of an untouched record is read and written from the build to the ledger: each once or twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

from edfi_toolkit.ledger import Ledger
from edfi_toolkit.model.bodies import texts_of
from edfi_toolkit.ods import Client
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from tests.factories.district import a_build, a_participation, seed_lines, target_of

FEW, MANY = 10, 50


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Calls of every encoder and decoder of JSON in this process."""
    counted: Counter[str] = Counter()

    def counting(name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def counts(*given: Any, **options: Any) -> Any:
            counted[name] += 1
            return call(*given, **options)

        return counts

    for module in (orjson, json):
        for name in ("loads", "dumps"):
            monkeypatch.setattr(module, name, counting(name, getattr(module, name)))
    return counted


def test_a_new_record_is_parsed_at_most_once_and_encoded_at_most_twice(
    sandbox: Any, tmp_path: Path, calls: Counter[str]
) -> None:
    """One encoding is the body's, the other that of its source references."""
    httpx.post(f"{sandbox.control_url}/seed", content=seed_lines(MANY), trust_env=False, timeout=60)
    host = next(each for each in sandbox.clients if each["name"] == "host")
    counted = {}
    for records in (FEW, MANY):
        with (
            Client(target_of(sandbox.base_url, host, school_year=2026)) as client,
            Ledger(tmp_path / f"{records}.db") as ledger,
        ):
            calls.clear()
            rows = [a_participation(number, end_date="2026-04-17") for number in range(records)]
            made = plan(a_build(*rows))
            told = publish(made, target=client, ledger=ledger, approved="auto")
            counted[records] = Counter(calls)
            assert told["outcome"].tolist() == ["delivered"] * records
            mapped = ledger.identity_map(ledger.feed(client.target.identity, "certification", ""))
        assert set(texts_of(mapped["last_body"])) == set(texts_of(made.items["body"]))
    more = {name: (counted[MANY][name] - counted[FEW][name]) / (MANY - FEW) for name in ("loads", "dumps")}
    assert more["loads"] <= 1
    assert more["dumps"] <= 2

"""Ed-Fi's own sample district: what is built from its tables equals its associations, all 706 of them."""

from __future__ import annotations

import json

from edfi_toolkit.rules import build
from edfi_toolkit.sources import extract


def test_every_association_of_grand_bend_is_built_as_expected(shared_data):
    folder = shared_data / "grand-bend"
    lines = (folder / "expected-associations.jsonl").read_text(encoding="utf-8").splitlines()
    expected = {f"program_participation:GB{n:04d}": json.loads(line) for n, line in enumerate(lines, start=1)}
    built = build(extract(folder, profile="certification"), profile="certification")
    assert built.skipped.empty
    assert len(built.records) == len(expected) == 706
    for record in built.records.to_dict("records"):
        assert {"resource": record["resource"], "body": record["body"]} == expected[record["source_refs"][0]]

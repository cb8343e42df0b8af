"""Ed-Fi's sample district, where it is at hand: everything is accepted and reads back equal."""

from __future__ import annotations

import orjson

from edfi_toolkit import model


def test_the_sample_district_loads_and_its_associations_read_back_equal(empty_api, shared_data):
    folder = shared_data / "grand-bend"
    for name, count in (("ods-seed", 1536), ("ods-seed-staffs", 2)):
        lines = (folder / f"{name}.jsonl").read_bytes()
        seeded = empty_api.ask("POST", "/control/seed", content=lines).json()
        assert seeded == {"loaded": count, "unchanged": 0, "refused": []}
    empty_api.sign_in("district")
    lines = (folder / "expected-associations.jsonl").read_bytes().splitlines()
    expected = [orjson.loads(line) for line in lines]
    assert len(expected) == 706
    for entry in expected:
        answer = empty_api.post(entry["resource"], entry["body"])
        assert answer.status_code == 201, answer.text
    for resource in model.associations():
        bodies = [entry["body"] for entry in expected if entry["resource"] == resource]
        wanted = {model.natural_key(body): body for body in bodies}
        held = {model.natural_key(body): body for body in empty_api.get(resource).json()}
        assert wanted.keys() == held.keys()
        assert all(model.same_body(held[key], body) for key, body in wanted.items())

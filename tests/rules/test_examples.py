"""Every worked example of the manuals: records built, rows skipped, and the actions of a changed state."""

from __future__ import annotations

from collections import Counter

import pytest

from edfi_toolkit.model import natural_key
from edfi_toolkit.planning import identity_map_of, plan
from tests.factories.builds import build_of
from tests.rules.worked_examples import EXAMPLES, patched, settings_of, tables_before

PROFILES = ("certification", "nm-powerschool", "wi-infinite-campus")
BUILT = [name for name, each in EXAMPLES.items() if "records" in each and each["profile"] in PROFILES]
PUBLISHED = [
    name for name, each in EXAMPLES.items() if each.get("mode") == "publish" and each["profile"] in PROFILES
]


@pytest.mark.parametrize("name", BUILT)
def test_example_builds_exactly_its_records(name):
    example = EXAMPLES[name]
    built = build_of(example["tables"], profile=example["profile"], settings=settings_of(example))
    bodies = sorted(built.records["body"], key=natural_key)
    assert bodies == sorted((each["body"] for each in example["records"]), key=natural_key)
    assert list(built.records["resource"]) == [each["resource"] for each in example["records"]]
    for expected in example.get("skipped", []):
        assert built.skipped.set_index("id").loc[expected["id"], "rule"] == expected["rule"]


@pytest.mark.parametrize("name", PUBLISHED)
def test_example_plans_exactly_its_actions(name):
    """CERT-EVT, NM-EVT, WI-EVT: the plan after a change, as the manuals' examples have it."""
    example = EXAMPLES[name]
    options = {"profile": example["profile"], "settings": settings_of(example)}
    before = build_of(tables_before(example), **options)
    after = build_of(patched(tables_before(example), example["patch"]), **options)
    planned = plan(after, identity_map=identity_map_of(before)).items
    actions = Counter(zip(planned["action"], planned["resource"], strict=True))
    assert actions == Counter((each["action"], each["resource"]) for each in example["actions"])

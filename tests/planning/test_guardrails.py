"""Guardrails: which plans are too dangerous, and who may say otherwise (docs/concepts.md)."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError, UnsafePlan
from edfi_toolkit.planning import identity_map_of, plan
from edfi_toolkit.planning.guardrails import Override, guard, overrides_for
from tests.factories.district import a_build, a_participation


def guarded(**given):
    facts = {"deletes": 0, "updates": 0, "mapped": 1000, "source_is_empty": False, "settings": {}, **given}
    facts["because"] = {"mass-move": lambda: "One value."}
    return [each.code for each in guard(**facts)]


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        ({"deletes": 25, "mapped": 100}, []),
        ({"deletes": 26, "mapped": 260}, []),
        ({"deletes": 27, "mapped": 260}, ["max-delete-share"]),
        ({"deletes": 26, "mapped": 100, "settings": {"free_changes": 26}}, []),
        ({"deletes": 26, "mapped": 100, "settings": {"max_delete_share": 0.3}}, []),
        ({"updates": 25, "mapped": 30}, []),
        ({"updates": 51, "mapped": 100}, ["max-update-share"]),
        ({"updates": 50, "mapped": 100}, []),
        (
            {"deletes": 60, "removed": 60, "updates": 60, "mapped": 100},
            ["max-delete-share", "max-update-share", "mass-delete"],
        ),
        ({"removed": 1, "mapped": 1}, []),
        ({"removed": 1, "mapped": 2}, []),
        ({"removed": 2, "mapped": 2}, ["mass-delete"]),
        ({"removed": 3, "mapped": 6}, []),
        ({"removed": 4, "mapped": 8}, ["mass-delete"]),
        ({"removed": 4, "mapped": 9}, []),
        ({"removed": 4, "mapped": 8, "settings": {"mass_delete_threshold": 0.6}}, []),
        ({"removed": 6, "mapped": 10, "settings": {"mass_delete_threshold": 0.6}}, ["mass-delete"]),
        ({"removed": 4, "mapped": 4, "settings": {"mass_delete_threshold": 1}}, ["mass-delete"]),
        ({"removed": 2, "mapped": 2, "settings": {"free_changes": 100}}, ["mass-delete"]),
        ({"moved": 1, "mapped": 1}, []),
        ({"moved": 2, "mapped": 2}, ["mass-move"]),
        ({"moved": 3, "mapped": 6}, []),
        ({"moved": 4, "mapped": 8}, ["mass-move"]),
        ({"moved": 4, "mapped": 9}, []),
        ({"removed": 3, "mapped": 3, "source_is_empty": True}, ["empty-source", "mass-delete"]),
        ({"mapped": 0, "source_is_empty": True}, []),
    ],
)
def test_each_limit_holds_at_its_edge(facts, expected):
    assert guarded(**facts) == expected


def test_an_empty_source_against_a_filled_map_is_a_breach_and_still_shows_its_items():
    before = a_build(a_participation(1), a_participation(2))
    made = plan(a_build(), identity_map=identity_map_of(before))
    assert made.items["action"].tolist() == ["DELETE", "DELETE"]
    assert made.breaches == ("source-lost", "empty-source", "mass-delete")
    assert plan(a_build()).breaches == ()


def test_com_grd_1_the_last_record_stops_because_its_table_is_empty_then():
    before = a_build(a_participation(1))
    people = [{"student_id": "1", "student_unique_id": "S-1"}]
    assert plan(a_build(students=people), identity_map=identity_map_of(before)).breaches == ("source-lost",)


def test_a_linked_pair_counts_as_a_delete():
    before = a_build(*(a_participation(number) for number in range(40)))
    after = a_build(*(a_participation(number, begin_date="2025-09-30") for number in range(40)))
    assert plan(after, identity_map=identity_map_of(before)).breaches == ("max-delete-share",)


def test_every_breach_needs_a_person():
    with pytest.raises(UnsafePlan, match="max-delete-share, empty-source") as refused:
        overrides_for(("max-delete-share", "empty-source"), [])
    assert refused.value.breaches == ("max-delete-share", "empty-source")
    with pytest.raises(UnsafePlan) as one_left:
        overrides_for(("max-delete-share", "empty-source"), ["empty-source:Ann"])
    assert one_left.value.breaches == ("max-delete-share",)


@pytest.mark.parametrize(
    "given",
    ["empty-source:Ann Example", ("empty-source", "Ann Example"), {"breach": "empty-source", "person": "Ann Example"},
     Override("empty-source", "Ann Example")],
)  # fmt: skip
def test_an_override_can_be_written_in_several_ways(given):
    assert overrides_for(("empty-source",), [given]) == [Override("empty-source", "Ann Example")]


@pytest.mark.parametrize(
    "given", ["empty-source", "empty-source: ", ("everything", "Ann"), {"breach": "empty-source"}]
)
def test_an_override_names_one_breach_and_one_person(given):
    with pytest.raises(ConfigError, match="one breach"):
        overrides_for((), [given])

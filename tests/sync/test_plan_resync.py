"""The plan of a resync: REC-R1 to REC-R10 and its reach."""

from __future__ import annotations

import pandas as pd
import pytest

from edfi_toolkit.errors import PlanError
from edfi_toolkit.rules import build
from edfi_toolkit.sync import identity_map_of, plan
from tests.rules.worked_examples import EXAMPLES
from tests.sync.district import GENERAL, a_build, a_participation, codes


def swept(result, ids, *, etag="9", **members):
    """What a sweep of the ODS gives when it holds these records."""
    records = result.records
    return pd.DataFrame(
        {
            "resource": records["resource"],
            "id": ids,
            "etag": etag,
            "body": [
                {"id": at, "_etag": etag, **body, **members}
                for at, body in zip(ids, records["body"], strict=True)
            ],
        }
    )


def actions(made):
    return list(zip(made.items["action"], made.items["ed_fi_id"].fillna(""), strict=True))


ONE = a_build(a_participation(1))
MAPPED = identity_map_of(ONE, ids=["m"])
NOTHING = a_build()
CHANGED = {"endDate": "2026-03-03"}


@pytest.mark.parametrize(
    ("rule", "source", "mapped", "ods", "expected"),
    [
        ("REC-R1", ONE, MAPPED, swept(ONE, ["m"]), [("NOOP", "m")]),
        ("REC-R1", ONE, MAPPED, swept(ONE, ["o"]), [("ADOPT", "o")]),
        ("REC-R2", ONE, MAPPED, swept(ONE, ["m"], **CHANGED), [("PUT", "m")]),
        ("REC-R2", ONE, MAPPED, swept(ONE, ["o"], **CHANGED), [("ADOPT", "o"), ("PUT", "o")]),
        ("REC-R3", ONE, MAPPED, None, [("UNMAP", "m"), ("POST", "")]),
        ("REC-R4", ONE, None, swept(ONE, ["o"]), [("ADOPT", "o")]),
        ("REC-R5", ONE, None, swept(ONE, ["o"], **CHANGED), [("ADOPT", "o"), ("PUT", "o")]),
        ("REC-R6", ONE, None, None, [("POST", "")]),
        ("REC-R7", NOTHING, MAPPED, swept(ONE, ["o"]), [("DELETE", "o")]),
        ("REC-R8", NOTHING, MAPPED, None, [("UNMAP", "m")]),
        ("REC-R9", NOTHING, None, swept(ONE, ["o"]), []),
        ("REC-R10", NOTHING, None, None, []),
    ],
)
def test_each_cell_of_the_truth_table(rule, source, mapped, ods, expected):
    made = plan(source, identity_map=mapped, ods=ods, mode="resync")
    assert actions(made) == expected, rule
    assert all(rules[0] == rule for rules in made.items["rules"])


def test_rec_r9_certification_never_deletes_orphans_and_tells_them():
    made = plan(NOTHING, ods=swept(ONE, ["o"]), mode="resync")
    assert codes(made) == ["FOREIGN"]
    assert made.findings["student_unique_id"].tolist() == ["S-1"]


def resync_example(settings=None):
    example = EXAMPLES["REC-X1"]
    tables = EXAMPLES[example["tables_of"]]["tables"]
    result = build(tables, profile=example["profile"], settings=settings)
    mapped = pd.DataFrame(example["identity_map"]).rename(columns={"body": "last_body"})
    return plan(result, identity_map=mapped, ods=pd.DataFrame(example["ods"]), mode="resync")


def test_the_worked_resync_gives_its_actions():
    """REC-X1: R3, R9 in scope, R9 foreign, R4."""
    made = resync_example()
    assert actions(made) == [("UNMAP", "a1"), ("ADOPT", "o2"), ("POST", ""), ("DELETE", "o3")]
    assert codes(made).count("FOREIGN") == 1


def test_settings_decide_on_orphans_and_reposts():
    assert ("DELETE", "o4") in actions(resync_example({"resync_orphans": "all"}))
    assert codes(resync_example({"resync_orphans": "report"})).count("FOREIGN") == 2
    assert "POST" not in dict(actions(resync_example({"resync_repost": False})))


def test_a_resync_knows_key_changes_too():
    """COM-SRC-1 in section C.2."""
    moved = a_build(a_participation(1, begin_date="2025-09-30"))
    made = plan(moved, identity_map=MAPPED, ods=swept(ONE, ["m"]), mode="resync")
    assert made.items["action"].tolist() == ["DELETE", "POST"]
    assert made.items["pair"].tolist() == [1, 1]


def test_e79_a_resource_switched_off_is_neither_deleted_nor_unmapped():
    off = a_build(resource_preferences=[{"resource": GENERAL, "enabled": False}])
    made = plan(off, identity_map=MAPPED, ods=swept(ONE, ["o"]), mode="resync")
    assert made.items.empty


def test_e76_a_choice_district_deletes_in_a_resync_only_when_told_to():
    """WI-CFG-1, `wi.choice_resync`."""
    example = EXAMPLES["WI-X1"]
    before = build(example["tables"], profile=example["profile"])
    tables = {**example["tables"], "edfi_config": [{"school_year": 2026, "profile": "choice_only"}]}
    mapped = identity_map_of(before)
    ods = swept(before, mapped["ed_fi_id"].tolist())
    for setting, expected in (("nothing", 0), ("delete", 2)):
        result = build(tables, profile=example["profile"], settings={"wi.choice_resync": setting})
        made = plan(result, identity_map=mapped, ods=ods, mode="resync")
        assert made.items["action"].tolist() == ["DELETE"] * expected
        assert plan(result, identity_map=mapped).items.empty


def test_a_body_without_its_key_is_refused_by_name_of_the_member():
    broken = pd.DataFrame(
        [{"resource": GENERAL, "id": "o", "etag": None, "body": {"beginDate": "2025-09-01"}}]
    )
    with pytest.raises(PlanError, match="programReference"):
        plan(ONE, ods=broken, mode="resync")

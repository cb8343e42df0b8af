"""What Great Expectations is spared changes no answer."""

from __future__ import annotations

import copy
import json
import subprocess
import sys

import pandas as pd
import pytest

from edfi_toolkit.validation.gx_savings import (
    batches_unmarked,
    fields_copied_quickly,
    measures_named_once,
    rules_described_once,
)


@pytest.mark.filterwarnings("ignore")  # of what the library imports
def test_a_rule_is_described_once_in_an_evaluation_and_again_after_it():
    from great_expectations.expectations.core import ExpectColumnValuesToNotBeNull

    rule = ExpectColumnValuesToNotBeNull(column="a")
    with rules_described_once():
        first = rule.configuration
        assert rule.configuration is first
        assert first.to_domain_obj() is first.to_domain_obj()
    assert rule.configuration is not first
    assert rule.configuration.kwargs == first.kwargs == {"column": "a"}
    assert first.to_domain_obj() is not first.to_domain_obj()


@pytest.mark.filterwarnings("ignore")  # of what the library imports
def test_a_frame_is_digested_only_outside_of_an_evaluation():
    from great_expectations.core.batch_spec import RuntimeDataBatchSpec
    from great_expectations.execution_engine import PandasExecutionEngine

    frame = pd.DataFrame({"a": ["x"]})
    engine = PandasExecutionEngine()
    specs = [RuntimeDataBatchSpec(batch_data=frame) for _ in range(2)]
    with batches_unmarked():
        data, marks = engine.get_batch_data_and_markers(specs[0])
    assert "pandas_data_fingerprint" not in marks
    marked, marks = engine.get_batch_data_and_markers(specs[1])
    assert len(marks["pandas_data_fingerprint"]) == 32
    assert data.dataframe is marked.dataframe is frame
    assert specs[0] == specs[1]


@pytest.mark.filterwarnings("ignore")  # of what the library imports
def test_equal_values_are_named_once_and_as_ever(monkeypatch):
    from great_expectations.core import id_dict

    one = {"batch_id": "b", "column": "a"}
    others = [
        {"column": "a", "batch_id": "b"}, {**one, "mostly": 1}, {**one, "mostly": True}, {**one, "mostly": 1.0},
        {**one, "values": ["x"]}, {**one, "values": ["y"]}, {"column": "a"}, {}, one,
    ]  # fmt: skip
    names = [id_dict.IDDict(each).to_id() for each in others]
    assert names[0] == names[-1]
    assert len(set(names)) == len(names) - 1
    some = id_dict.IDDict(one).to_id(id_keys=["column"])
    written, dumps = [], json.dumps
    monkeypatch.setattr(
        id_dict.json, "dumps", lambda *given, **how: written.append(given) or dumps(*given, **how)
    )
    with measures_named_once():
        for _ in range(3):
            assert [id_dict.IDDict(each).to_id() for each in others] == names
            assert id_dict.IDDict(one).to_id(id_keys=["column"]) == some
    assert len(written) == 5 + 3 * 2  # of what holds a list each time
    changed = id_dict.IDDict(one)
    with measures_named_once():
        assert changed.to_id() == names[0]
        changed["column"] = "c"
        assert changed.to_id() != names[0]


def test_a_field_that_was_copied_quickly_shares_nothing_that_can_change():
    pydantic = pytest.importorskip("pydantic.v1")

    class Listed(pydantic.BaseModel):
        names: list[str] | None = pydantic.Field(["a"], description="some names")

    field = Listed.__fields__["names"]
    slowly = copy.deepcopy(field)
    with fields_copied_quickly():
        quickly = copy.deepcopy(field)
    for copied in (slowly, quickly):
        assert repr(copied) == repr(field)
        assert (copied.default, copied.field_info.description) == (["a"], "some names")
        assert copied.default is not field.default
        assert copied.field_info is not field.field_info
        assert copied.sub_fields[0] is not field.sub_fields[0]
    assert not hasattr(type(field), "__deepcopy__")


LATER = """
import sys
import pandas as pd
from edfi_toolkit.validation import gx

def run(kind, frame, **kwargs):
    rule = {"id": "1", "type": kind, "kwargs": {"column": "a", **kwargs}, "severity": "critical"}
    (outcome,) = gx.run(frame, [{**rule, "meta": {"rule_id": "OWN-1"}}], file="own")
    there = [name in sys.modules for name in ("altair", "scipy.stats", "jsonschema")]
    print(outcome.failed, outcome.error, list(outcome.labels), *there)

run("expect_column_values_to_not_be_null", pd.DataFrame({"a": ["x", None]}))
frame = pd.DataFrame({"a": ["x"] * 9 + ["y"]})
for weights in ([0.9, 0.1], [0.1, 0.9]):
    spread = {"values": ["x", "y"], "weights": weights}
    run("expect_column_kl_divergence_to_be_less_than", frame, partition_object=spread, threshold=0.1)
like = {"type": "object", "required": ["b"]}
run("expect_column_values_to_match_json_schema", pd.DataFrame({"a": ['{"b": 1}', "{}"]}), json_schema=like)
import altair, scipy.stats
print(altair.Chart.__name__, scipy.stats.entropy([1, 1]) > 0)
"""


def test_what_one_rule_alone_needs_is_imported_for_that_rule():
    """Rules about distributions and JSON; in a process of its own, as nothing may have imported the modules before."""
    done = subprocess.run([sys.executable, "-c", LATER], capture_output=True, text=True, check=False)
    assert done.stdout.splitlines() == [
        "False False [1] False False False",
        "False False [] False True False",
        "True False [] False True False",
        "False False [1] False True True",
        "Chart True",
    ], done.stderr

"""Exit codes tell the truth: each exception has the code a scheduler acts on."""

from __future__ import annotations

import pytest

from edfi_toolkit import errors
from edfi_toolkit.batch.exits import Exit, exit_of, exit_of_name, exit_of_steps


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("ConfigError", 2),
        ("RulesError", 2),
        ("SourceUnavailable", 2),
        ("SourceShapeError", 2),
        ("ValidationError", 1),
        ("UnsafePlan", 4),
        ("StalePlan", 4),
        ("OdsUnavailable", 5),
        ("OdsRefusedLogin", 2),
        ("OdsLostLogin", 5),
        ("OdsError", 5),
        ("LedgerError", 2),
        ("LedgerBusy", 5),
        ("KeyError", 1),
        ("annotations", 1),
    ],
)
def test_an_exception_known_by_name_has_its_exit_code(name: str, code: int) -> None:
    assert exit_of_name(name) == code


def test_every_exception_of_the_tree_has_an_exit_code_other_than_success() -> None:
    kinds = [each for each in vars(errors).values() if isinstance(each, type) and issubclass(each, Exception)]
    assert len(kinds) > 10
    assert all(exit_of(kind) is not Exit.DONE for kind in kinds)


def test_an_exception_that_is_not_ours_is_a_failure() -> None:
    assert exit_of(RuntimeError("x")) is Exit.FAILED


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ({"publish": {"outcomes": {"delivered": 3}}}, 0),
        ({}, 0),
        ({"publish": {"outcomes": {"delivered": 3, "refused": 1}}}, 3),
        ({"publish": {"outcomes": {"refused": 1, "pending": 1}}}, 3),
        ({"publish": {"outcomes": {"delivered": 3, "unsure": 1}}}, 5),
        ({"publish": {"outcomes": {"delivered": 3, "pending": 1}}}, 5),
        ({"validate": {"held": 1}}, 3),
        ({"validate": {"critical": 1}}, 3),
        ({"extract": {"set_aside": 1}}, 3),
        ({"preview": {"held": 1}}, 3),
        ({"preview": {"breaches": ["max-delete-share"]}}, 4),
        ({"preview": {"unasked": "OdsUnavailable", "held": 1}}, 5),
        ({"preview": {"unasked": "OdsRefusedLogin", "held": 1}}, 2),
        ({"preview": {"unasked": "OdsUnavailable", "breaches": ["max-delete-share"]}}, 4),
        ({"preview": {"unasked": "OdsUnavailable"}, "publish": {"outcomes": {"delivered": 1}}}, 0),
        ({"preview": {"breaches": ["max-delete-share"]}, "publish": {"outcomes": {"delivered": 1}}}, 0),
        ({"publish": {"finished": False}}, 5),  # killed while it sent
        ({"preview": {"held": 1}, "publish": {"finished": False}}, 5),
        ({"publish": {"finished": True, "outcomes": {"delivered": 3}}}, 0),
    ],
)
def test_a_finished_run_has_the_exit_code_of_what_it_left_out(steps: dict[str, object], code: int) -> None:
    assert exit_of_steps(steps) == code

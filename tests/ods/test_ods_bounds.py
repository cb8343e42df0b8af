"""Limits of answers: which was reached, by what name it is set, and what to do."""

from __future__ import annotations

import pytest

from edfi_toolkit.errors import ConfigError, OdsError
from edfi_toolkit.ods.bounds import Extent, has_too_many_values, past_limit, token_fits
from edfi_toolkit.settings import AnswerLimits, load_settings

pytestmark = pytest.mark.unit
TIGHT = AnswerLimits(max_pages=3, max_records=10, max_reading_s=60, max_partitions=2, max_values=400_000)


@pytest.fixture
def extent(tools):
    return Extent(tools.target(answers=TIGHT))


def read(extent, *pages):
    for now, rows in pages:
        extent.add(rows, now)


@pytest.mark.parametrize(
    ("pages", "setting"),
    [
        ([(0, 1), (0, 1), (0, 1), (0, 1)], "max_pages = 3"),
        ([(0, 5), (0, 6)], "max_records = 10"),
        ([(100, 1), (161, 1)], "max_reading_s = 60"),
    ],
)
def test_a_reading_ends_at_the_limit_that_is_reached_first(extent, pages, setting):
    read(extent, *pages[:-1])
    with pytest.raises(OdsError, match=rf"^Target 'small': .*; the limit is {setting}\. .* and run again\.$"):
        read(extent, pages[-1])


def test_a_reading_within_the_limits_goes_on(extent):
    read(extent, (100, 5), (130, 0), (160, 5))
    extent.check_parts(2)
    assert (extent.pages, extent.records) == (3, 10)


def test_too_many_parts_are_not_read(extent):
    with pytest.raises(OdsError, match="max_partitions = 2"):
        extent.check_parts(3)


@pytest.mark.parametrize(
    ("content", "too_many"),
    [
        (b"[" + b"[]," * 500_000 + b"1]", True),
        (b"[" + b"1," * 600_000 + b"1]", True),
        (b"[" + b"[]," * 100_000 + b"1]", False),  # below a MB it is not counted
        (b'["' + b"x" * 2_000_000 + b'"]', False),
    ],
)
def test_values_are_counted_before_they_are_read(content, too_many):
    assert has_too_many_values(content, TIGHT) is too_many


@pytest.mark.parametrize(
    ("token", "fits"), [("", False), ("t", True), ("t" * 16_384, True), ("t" * 16_385, False)]
)
def test_a_token_has_to_fit_into_a_request(token, fits):
    assert token_fits(token, AnswerLimits()) is fits


def test_a_limit_that_was_reached_names_its_setting_and_whether_anything_was_sent(tools):
    error = past_limit(tools.target(), "an answer does not end", "max_answer_mb", sent=True, status=200)
    assert (error.sent, error.status) == (True, 200)
    assert "the limit is max_answer_mb = 64. Ask the host" in str(error)


def test_limits_are_settings_of_all_targets(tmp_path):
    (tmp_path / "edfi.toml").write_text(
        '[answers]\nmax_answer_mb = 5\n\n[targets.a]\nurl = "https://ods.example"\n'
    )
    environ = {"EDFI_TARGET_B_URL": "https://b.example"}
    settings = load_settings(tmp_path / "edfi.toml", environ)
    assert {target.answers for target in settings.targets.values()} == {AnswerLimits(max_answer_mb=5)}
    assert len(settings.targets) == 2


@pytest.mark.parametrize(
    "line", ["max_answer_mb = 0", "max_wait_s = 1.5", "max_pages = 10000000000", "max_size = 3"]
)
def test_a_limit_that_is_none_is_refused(tmp_path, line):
    (tmp_path / "edfi.toml").write_text(f"[answers]\n{line}\n")
    with pytest.raises(ConfigError, match=rf"\[answers\] {line.split()[0]}"):
        load_settings(tmp_path / "edfi.toml", {})

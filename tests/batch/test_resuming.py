"""A run that is taken up again goes on from its first step that is not done, and sends what is still to be sent."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.unattended import run_unattended
from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.runs import open_run
from tests.factories.district import YEAR
from tests.factories.watched import District

pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("default")]


@pytest.fixture(scope="module")
def north(tmp_path_factory: pytest.TempPathFactory) -> Iterator[District]:
    made = District.make(tmp_path_factory.mktemp("resuming"))
    made.write(range(20))
    with working_in(made.folder, made.environ):
        yield made
    made.ods_stops()


def ran(approved: str, mode: str, resume: str = "") -> tuple[str, list[str], Exit]:
    """The run, the notebooks it took, and how it ended."""
    done = run_unattended(
        profile="certification",
        school_year=YEAR,
        source="north",
        target="sandbox",
        approved=approved,
        mode=mode,
        resume=resume,
    )
    return done.run.id, [notebook.notebook for notebook in done.ran], done.exit


@pytest.mark.parametrize(
    ("mode", "looks", "sends"),
    [
        ("publish", ["10_extract", "20_validate", "30_preview"], ["40_publish"]),
        ("resync", ["60_resync"], ["60_resync"]),
    ],
)
def test_a_run_that_was_looked_at_is_sent_when_it_is_approved_and_once(
    north: District, mode: str, looks: list[str], sends: list[str]
) -> None:
    north.write(range(20), s3={"end_date": "2026-03-01" if mode == "publish" else "2026-04-01"})
    run, notebooks, code = ran("", mode)
    assert (notebooks, code) == (looks, Exit.DONE)
    before = north.writes()
    assert ran("", mode, run) == (run, [], Exit.DONE)
    assert north.writes() == before
    assert ran("auto", mode, run) == (run, [*sends, "50_rejections"], Exit.DONE)
    after = north.writes()
    assert after.total() > before.total()
    assert north.held()["S-3"] == ("2026-03-01" if mode == "publish" else "2026-04-01")
    assert ran("auto", mode, run) == (run, ["50_rejections"], Exit.DONE)
    assert north.writes() == after
    other = "resync" if mode == "publish" else "publish"
    with pytest.raises(ConfigError, match=f"of mode {mode}, not {other}"):
        ran("auto", other, run)


def test_a_retry_without_a_plan_of_its_own_gets_none_of_all_records(north: District) -> None:
    retry = open_run(profile="certification", school_year=YEAR, source="north", run_id="new")
    retry.is_retry = True
    retry.extract()
    before = north.writes()
    with pytest.raises(ConfigError, match="Start the retry again"):
        ran("auto", "publish", retry.id)
    retry.build()
    retry.validate()
    for plan in (retry.preview, retry.resync):
        with pytest.raises(ConfigError, match="a retry of chosen records alone"):
            plan()
    assert not retry.folder.has("preview")
    assert north.writes() == before

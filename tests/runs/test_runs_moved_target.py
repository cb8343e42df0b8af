"""A target that has another address at publish than at the preview: what was not shown for it is not sent to it."""

from __future__ import annotations

import pytest

import edfi_toolkit as edfi
from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.errors import StalePlan
from edfi_toolkit.runs import Run

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported


def the_run() -> Run:
    return edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="latest")


def test_a_plan_goes_only_to_the_address_that_it_was_previewed_for(
    work: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as moved:
        there = the_run().target.base_url
        moved.setenv("EDFI_TARGET_SANDBOX_URL", there.replace("127.0.0.1", "localhost"))
        run = the_run()
        for approved in ("auto", run.plan.fingerprint):
            with pytest.raises(
                StalePlan, match=r"previewed for http://127\.0\.0\.1.* is now http://localhost"
            ):
                run.publish(approved=approved)
        assert not run.published

    run = the_run()
    noted = run.folder.manifest["steps"]["preview"]
    run.folder.record("preview", {name: value for name, value in noted.items() if name != "target"})
    with pytest.raises(
        StalePlan, match=r"previewed by an earlier version, .* begin a new run and preview it\.$"
    ):
        the_run().publish(approved="auto")
    assert not the_run().published

    run = the_run()
    run.folder.record("preview", noted)
    run.publish(approved="auto")
    assert run.folder.manifest["steps"]["publish"]["outcomes"]["delivered"]

"""A resync as a whole, against a sandbox over a socket: what was done by hand is found and put right."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest

import edfi_toolkit as edfi
from edfi_toolkit.batch.exits import Exit, exit_of_steps
from edfi_toolkit.cli.playground import Playground, make_playground, target_environ, working_in
from edfi_toolkit.errors import OdsUnavailable, PlanError, UnsafePlan
from edfi_toolkit.model import body_hash
from edfi_toolkit.ods import Client, RetryPolicy, Write
from edfi_toolkit.runs import Run
from edfi_toolkit.settings import Secret, Target
from tests.processes import KeptOds
from tests.stages import Stage, found_the_same, seeded

pytestmark = pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
SPA = "studentProgramAssociations"
TYPE = "uri://ed-fi.org/ProgramTypeDescriptor#"
STATE, MIDDLE, OFFICE = 48856, 9441060, 944100


@pytest.fixture(scope="module")
def validated(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds) -> Stage:
    """The Wisconsin sample in a state of which the ODS refuses nothing, and a run of it that was validated."""
    made = make_playground(tmp_path_factory.mktemp("validated") / "work", "wi-infinite-campus")
    stage = seeded(made, "after", sandbox, practice=False)
    with working_in(made.folder, target_environ(sandbox)):
        run = a_run()
        for step in (run.extract, run.build, run.validate):
            step()
    return stage


@pytest.fixture(scope="module")
def first_published(tmp_path_factory: pytest.TempPathFactory, sandbox: KeptOds, validated: Stage) -> Stage:
    """The same, and the run was published."""
    with validated.copied(tmp_path_factory.mktemp("published") / "work", sandbox) as made:
        run = latest()
        run.preview()
        run.publish(approved="auto")
    return Stage(made, sandbox.keep())


@pytest.fixture
def work(tmp_path: Path, sandbox: KeptOds, first_published: Stage) -> Iterator[Playground]:
    """A copy of what was published, in a folder of its own."""
    with first_published.copied(tmp_path / "work", sandbox) as made:
        yield made


@pytest.fixture
def unpublished(tmp_path: Path, sandbox: KeptOds, validated: Stage) -> Iterator[Playground]:
    """A copy of what was only validated."""
    with validated.copied(tmp_path / "work", sandbox) as made:
        yield made


def a_run(**others: Any) -> Run:
    return edfi.open_run(
        profile="wi-infinite-campus", school_year=2026, source="sample", run_id="new", **others
    )


def latest() -> Run:
    return edfi.open_run(profile="wi-infinite-campus", school_year=2026, run_id="latest")


def a_validated() -> Run:
    """As a run that extracted, built and validated: the source says what it said."""
    return found_the_same(latest())


def published_again() -> Run:
    run = a_validated()
    run.preview()
    run.publish(approved="auto")
    return run


def actions(run: Run) -> Counter[str]:
    return Counter(run.plan.items["action"])


def foreign(run: Run) -> list[tuple[int, str]]:
    told = run.plan.findings[run.plan.findings["code"].eq("FOREIGN")]
    return sorted(zip(told["education_organization_id"], told["program_name"], strict=True))


def writes(sandbox: KeptOds) -> int:
    return int(httpx.get(f"{sandbox.control_url}/counters").json()["writes"])


class ByHand:
    """Somebody at the host, who may write everything."""

    def __init__(self, sandbox: KeptOds) -> None:
        host = next(each for each in sandbox.clients if each["name"] == "host")
        target = Target("host", sandbox.base_url, Secret(host["key"]), Secret(host["secret"]))
        self.client = Client(target)

    def write(self, action: Any, body: Any = None, ed_fi_id: str | None = None, resource: str = SPA) -> str:
        [done] = self.client.apply(
            [Write(action, resource, orjson.dumps(body) if body else None, ed_fi_id, None, 0)]
        )
        assert done.outcome == "delivered", done.problem
        return str(done.ed_fi_id)

    def held(self) -> dict[str, Any]:
        return {row.id: row.body for page in self.client.read(SPA) for row in page.itertuples()}


@pytest.fixture
def by_hand(sandbox: KeptOds) -> Iterator[ByHand]:
    made = ByHand(sandbox)
    with made.client:
        yield made


def association(student: str, organization: int, program: str, kind: str, begin: str = "2025-09-15") -> Any:
    return {
        "beginDate": begin,
        "educationOrganizationReference": {"educationOrganizationId": organization},
        "programReference": {
            "educationOrganizationId": STATE,
            "programName": program,
            "programTypeDescriptor": f"{TYPE}{kind}",
        },
        "studentReference": {"studentUniqueId": student},
    }


def test_what_was_done_by_hand_is_found_put_right_and_found_no_more(
    work: Playground, sandbox: KeptOds, by_hand: ByHand
) -> None:
    """REC-R1, R2, R3, R9 and FOREIGN."""
    first = latest()
    ids = first.plan.items.index
    before = by_hand.held()
    assert len(before) == len(ids)
    gone, changed, renamed, *_ = before
    by_hand.write("DELETE", ed_fi_id=gone)
    by_hand.write("PUT", before[changed] | {"endDate": "2026-05-05"}, changed)
    by_hand.write("DELETE", ed_fi_id=renamed)
    other_id = by_hand.write("POST", before[renamed])
    student = "8300641002"  # of whom every row could be read and no record is held: errors hold orphans too
    orphan = by_hand.write("POST", association(student, MIDDLE, "Hybrid", "Modality", "2025-10-13"))
    club = {"educationOrganizationReference": {"educationOrganizationId": STATE}}
    club |= {"programName": "Robotics Club", "programTypeDescriptor": f"{TYPE}Other"}
    by_hand.write("POST", club, resource="programs")
    stays = [
        by_hand.write("POST", association(student, MIDDLE, "Robotics Club", "Other")),
        by_hand.write("POST", association(student, OFFICE, "Hybrid", "Modality")),
    ]

    run = a_validated()
    sent = writes(sandbox)
    view = run.resync()

    left = len(before) - 3
    assert actions(run) == {"UNMAP": 1, "POST": 1, "PUT": 1, "ADOPT": 1, "DELETE": 1, "NOOP": left}
    items = run.plan.items.set_index("action")
    assert items.at["UNMAP", "ed_fi_id"] == gone
    assert items.at["PUT", "ed_fi_id"] == changed
    assert items.at["PUT", "diff"] == {"endDate": ["2026-05-05", before[changed].get("endDate")]}
    assert items.at["ADOPT", "ed_fi_id"] == other_id
    assert items.at["DELETE", "ed_fi_id"] == orphan
    assert foreign(run) == [(OFFICE, "Hybrid"), (MIDDLE, "Robotics Club")]
    assert view.says.startswith("Publishing now would send 3 changes and correct 2 entries of the ledger.")
    assert student not in view._repr_html_() + repr(view)
    assert writes(sandbox) == sent

    done = run.publish(approved=run.plan.fingerprint)

    assert done.says == "3 of 3 changes reached the ODS; 2 entries of the ledger corrected."
    assert writes(sandbox) == sent + 3
    held = by_hand.held()
    assert set(stays) < set(held)
    ours = sorted(body_hash(body) for at, body in held.items() if at not in stays)
    assert ours == sorted(map(body_hash, run.checked.ready["body"]))

    for again in (published_again(), a_validated()):
        if not again.published:
            again.resync()
            assert foreign(again) == [(OFFICE, "Hybrid"), (MIDDLE, "Robotics Club")]
        assert actions(again) == {"NOOP": len(before)}
    assert writes(sandbox) == sent + 3


def test_after_a_lost_ledger_everything_is_taken_over_and_nothing_sent(
    work: Playground, sandbox: KeptOds
) -> None:
    """REC-R4."""
    records = len(latest().plan.items)
    for file in work.folder.glob("ledger.db*"):
        if file.is_file():
            file.unlink()
    sent = writes(sandbox)

    run = a_validated()
    run.resync()
    assert actions(run) == {"ADOPT": records}
    done = run.publish(approved="auto")

    assert done.says == f"There was nothing to send; {records} entries of the ledger corrected."
    again = a_validated()
    again.preview()
    again.publish(approved="auto")
    assert actions(again) == {"NOOP": records}
    assert writes(sandbox) == sent


def test_a_resync_is_a_run_whose_plan_is_kept_and_shown_as_it_was(work: Playground) -> None:
    run = a_validated()
    run.resync()
    steps = run.folder.manifest["steps"]

    assert steps["preview"]["mode"] == "resync"
    assert exit_of_steps(steps) is Exit.ATTENTION, "the sample has records that are held"
    kept = latest()
    assert kept.id == run.id
    assert kept.plan.fingerprint == run.plan.fingerprint
    assert kept.overview().next_step == "Open notebook 60_resync."
    assert kept.publish().says == "Nothing would change in the ODS, so nothing has to be sent."
    kept.publish(approved=run.plan.fingerprint)
    assert "shown as it was" in kept.resync().says


def test_an_emptied_source_is_refused_by_a_resync_too(work: Playground, sandbox: KeptOds) -> None:
    for name in ("students", "enrollments", "section504_records", "ceis_records", "instruction_mode_records"):
        file = work.folder / "source" / f"{name}.csv"
        file.write_text(file.read_text("utf-8").splitlines()[0] + "\n", "utf-8")
    sent = writes(sandbox)
    run = a_run()
    run.resync()
    with pytest.raises(UnsafePlan, match="empty-source"):
        run.publish(approved="auto")
    assert exit_of_steps(run.folder.manifest["steps"]) is Exit.GUARDED
    assert writes(sandbox) == sent


def test_a_resync_that_cannot_read_the_ods_plans_nothing(
    work: Playground, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDFI_TARGET_SANDBOX_URL", "http://127.0.0.1:9")
    hasty = partial(RetryPolicy, rounds=2, longest_wait_s=0.1)  # of eleven, which wait up to 30 s
    monkeypatch.setattr("edfi_toolkit.ods.client.RetryPolicy", hasty)
    run = a_validated()
    with pytest.raises(OdsUnavailable):
        run.resync()
    assert not run.folder.has("preview")


def test_what_the_login_may_not_read_is_left_as_it_is_and_told(work: Playground, sandbox: KeptOds) -> None:
    records = len(latest().plan.items)
    fault = {"method": "GET", "resource": SPA, "status": 403}
    httpx.put(f"{sandbox.control_url}/faults", json=[fault]).raise_for_status()

    run = a_validated()
    run.resync()

    assert records > 0
    assert run.plan.items.empty
    assert run.plan.findings["code"].tolist().count("RESOURCE_UNREAD") == 1
    assert exit_of_steps(run.folder.manifest["steps"]) is Exit.ATTENTION


def test_stopped_while_reading_it_plans_nothing(work: Playground) -> None:
    run = a_validated()
    with pytest.raises(PlanError, match="reading was stopped"):
        run.resync(progress=lambda *_: False)
    assert not run.folder.has("preview")


def plan_without_order(run: Run) -> list[str]:
    """What a plan would do and why; etags too, since a request stands or falls with them."""
    columns = ["action", "resource", "student_unique_id", "ed_fi_id", "etag", "pair", "diff", "rules"]
    return sorted(map(repr, run.plan.items[columns].itertuples(index=False, name=None)))


def test_an_incremental_resync_finds_what_a_full_one_finds_and_reads_what_changed(
    work: Playground, by_hand: ByHand, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deletes, keys that moved, records made again under another id, and what others added."""
    monkeypatch.setattr("edfi_toolkit.ods.copies.OVERLAP", 0)  # it is more than all this ODS holds
    first = a_validated()
    said = first.resync(incremental=True).says
    records = len(first.plan.items)
    assert f"{SPA} was read whole: no copy of it was kept yet." in said

    before = by_hand.held()
    gone, changed, again, moved, *_ = before
    by_hand.write("DELETE", ed_fi_id=gone)
    by_hand.write("PUT", before[changed] | {"endDate": "2026-05-05"}, changed)
    by_hand.write("DELETE", ed_fi_id=again)
    by_hand.write("POST", before[again])
    by_hand.write("DELETE", ed_fi_id=moved)
    by_hand.write("POST", before[moved] | {"beginDate": "2025-10-20"})
    by_hand.write("POST", association("8300641002", OFFICE, "Hybrid", "Modality"))

    whole, followed = a_validated(), a_validated()
    whole.resync()
    said = followed.resync(incremental=True).says
    assert f"Of {records} records in the ODS, 4 that may have changed were read." in said
    assert "read whole" not in said
    assert actions(whole)["NOOP"] == records - 4
    assert plan_without_order(followed) == plan_without_order(whole)
    assert followed.plan.fingerprint == whole.plan.fingerprint
    assert foreign(followed) == foreign(whole)

    followed.publish(approved=followed.plan.fingerprint)
    last = a_validated()
    last.resync(incremental=True)
    assert set(actions(last)) == {"NOOP"}
    [copy] = work.folder.glob(f"data/copies/*/{SPA}.parquet")
    assert (copy.stat().st_mode & 0o777, copy.parent.stat().st_mode & 0o777) == (0o600, 0o700)


def test_a_live_preview_tells_what_the_plan_would_meet_before_anything_is_sent(
    unpublished: Playground, sandbox: KeptOds, by_hand: ByHand
) -> None:
    run = latest()
    cesa = run.checked.ready["program_name"].eq("Third Party - CESA")
    assert cesa.sum() == 3
    owner = {"programName": "Third Party - CESA", "programTypeDescriptor": f"{TYPE}Regular Education"}
    owner |= {"educationOrganizationReference": {"educationOrganizationId": STATE}}
    program = by_hand.client.find("programs", owner)
    assert program is not None
    by_hand.write("DELETE", ed_fi_id=program.id, resource="programs")
    by_hand.write("POST", run.checked.ready["body"][~cesa].iloc[0])
    sent = writes(sandbox)

    view = run.preview(live=True)

    assert Counter(view.frames["live"]["code"]) == {"LIVE_EXISTS": 1, "COM-DEP-1": 3}
    assert "In the ODS as it is now" in view._repr_html_()
    assert run.preview().fingerprint == run.plan.fingerprint == view.fingerprint
    assert "In the ODS as it is now" not in run.preview()._repr_html_()
    assert writes(sandbox) == sent

"""Whatever an ODS sends, the client ends with a sentence and a next step; after it, publishing ends as it should."""

from __future__ import annotations

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from shutil import copyfile
from typing import Any

import pytest

from edfi_toolkit.errors import EdfiToolkitError, OdsError
from edfi_toolkit.ledger import Ledger
from edfi_toolkit.ods import Client
from edfi_toolkit.ods.session import _shared_tokens
from edfi_toolkit.planning import plan
from edfi_toolkit.publishing import publish
from edfi_toolkit.sandbox import create_app
from edfi_toolkit.sandbox.control import seed
from tests.contract.behaviours import ANSWERED, LATE, WRITES
from tests.contract.mischief import QUICK, Behaviour, Front, ask
from tests.factories.district import GENERAL, a_build, a_participation, held_in, seed_lines, wanted, writes
from tests.proofs import long_proof

pytestmark = pytest.mark.sandbox
NEXT_STEP = re.compile(r"run again(, with nothing lost)?\.$|run again later[^.]*\.$|resumes\.$")
READ = 8 * 2**20  # twice what one answer may hold here


def in_buffers() -> int:
    """Bytes that a server can push into a connection before it notices that no one reads: the kernel's most."""
    allowed = [Path(f"/proc/sys/net/ipv4/tcp_{way}mem") for way in "rw"]
    return sum(int(file.read_text().split()[-1]) for file in allowed if file.is_file()) or 40 * 2**20


@pytest.fixture(scope="module")
def front() -> Iterator[Front]:
    app = create_app()
    assert seed(app.state.sandbox.ods, seed_lines(12))["refused"] == []
    made = Front(app)
    yield made
    made.close()


@pytest.fixture(autouse=True)
def new_login(front: Front) -> None:
    _shared_tokens.clear()
    front.behave(None)


def a_client(front: Front, behaviour: Behaviour | None = None) -> Client:
    tls, page_size = (behaviour.tls, behaviour.kind) if behaviour else (False, "")
    return Client(front.target(tls=tls), retry=QUICK, page_size=5 if page_size == "partitions" else 500)


def test_there_are_enough() -> None:
    names = [behaviour.name for behaviour in (*ANSWERED, *WRITES)]
    assert len(set(names)) == len(names) >= 60


def answered(front: Front, behaviour: Behaviour) -> str:
    """What the client says when it is answered like this; nothing where it copes."""
    front.behave(behaviour)
    with a_client(front, behaviour) as client:
        try:
            ask(client, behaviour.kind)
        except EdfiToolkitError as error:
            return str(error)
    return ""


@pytest.fixture(scope="module")
def late() -> Iterator[dict[str, tuple[Front, Future[str]]]]:
    """Those that are answered late: as each is waited for, they wait together, each behind a front of its own."""
    fronts = [(behaviour, Front(create_app())) for behaviour in ANSWERED if behaviour.says == LATE]
    with ThreadPoolExecutor(len(fronts)) as pool:
        yield {each.name: (front, pool.submit(answered, front, each)) for each, front in fronts}
    for _, front in fronts:
        front.close()


@pytest.mark.parametrize("behaviour", ANSWERED, ids=lambda behaviour: behaviour.name)
def test_an_answer_is_used_or_refused_with_a_next_step(
    front: Front, late: dict[str, tuple[Front, Future[str]]], behaviour: Behaviour
) -> None:
    if behaviour.name in late:
        front, waited = late[behaviour.name]
        said = waited.result()
    else:
        said = answered(front, behaviour)
    if behaviour.says:
        assert re.search(behaviour.says, said)
        assert NEXT_STEP.search(said), said
        assert len(said) < 700
    else:
        assert said == ""
    assert 0 < front.times(behaviour.kind) <= behaviour.most or behaviour.tls
    assert front.sent < READ + in_buffers()
    assert front.gone_elsewhere == 0


BEFORE = [a_participation(number) for number in range(1, 5)]
SAMPLE = (
    "reset after",
    "a body without end",
    "HTML called JSON",
    "gone elsewhere",
    "412 and another record",
    "404",
)
AFTER = [*BEFORE[:2], a_participation(3, end_date="2026-01-31"), a_participation(5), a_participation(6)]


class Feed:
    """Records 1 to 4 were published by an honest ODS; then 3 is changed, 4 is gone, 5 and 6 are new."""

    def __init__(self, front: Front, folder: Path) -> None:
        self.front, self.folder, self.wanted = front, folder, wanted(a_build(*AFTER))
        app = create_app(folder / "ods.db")
        assert seed(app.state.sandbox.ods, seed_lines(12))["refused"] == []
        front.serve(app)
        with Ledger(folder / "ledger.db") as ledger:
            feed = ledger.feed(front.target().identity, "certification", "")
            self.publish(plan(a_build(*BEFORE), identity_map=ledger.identity_map(feed)), ledger)
            self.plan = plan(a_build(*AFTER), identity_map=ledger.identity_map(feed))
            self.feed = feed
        app.state.sandbox.ods.store.close()

    @contextmanager
    def copied(self, into: Path) -> Iterator[Ledger]:
        """The ODS and the ledger as they were before the plan."""
        for name in ("ods.db", "ledger.db"):
            copyfile(self.folder / name, into / name)
        app = create_app(into / "ods.db")
        self.front.serve(app)
        with Ledger(into / "ledger.db") as ledger:
            yield ledger
        app.state.sandbox.ods.store.close()

    def publish(self, made: Any, ledger: Ledger) -> Any:
        with a_client(self.front) as client:
            return publish(made, target=client, ledger=ledger, approved=made.fingerprint)


@pytest.fixture(scope="module")
def feed(front: Front, tmp_path_factory: pytest.TempPathFactory) -> Feed:
    return Feed(front, tmp_path_factory.mktemp("mischief"))


def is_sample(behaviour: Behaviour) -> bool:
    """Whether it is tried each time: all that a POST can meet, and what is different for the others."""
    return behaviour.kind == "POST" or behaviour.name.partition(": ")[2] in SAMPLE


@pytest.mark.parametrize(
    "behaviour",
    [pytest.param(each, marks=() if is_sample(each) else long_proof, id=each.name) for each in WRITES],
)
def test_after_it_publishing_again_ends_as_it_should(
    front: Front, feed: Feed, tmp_path: Path, behaviour: Behaviour
) -> None:
    with feed.copied(tmp_path) as ledger:
        front.behave(behaviour)
        said = ""
        try:
            met = set(feed.publish(feed.plan, ledger)["outcome"])
        except OdsError as error:
            met, said = set(), str(error)
        assert met <= {"delivered", "refused", "pending", "unsure"}
        assert met or NEXT_STEP.search(said), said
        assert 0 < front.times(behaviour.kind) <= 14
        assert front.gone_elsewhere == 0

        front.behave(None)
        assert set(feed.publish(feed.plan, ledger)["outcome"]) == {"delivered"}
        with a_client(front) as client:
            assert held_in(client) == feed.wanted
            there = client.read_all(GENERAL)
        assert writes(front.app)["POST", 201] == 2  # what is new was created, each once
        owners = {row.id: row.body["studentReference"]["studentUniqueId"] for row in there.itertuples()}
        kept = ledger.identity_map(feed.feed)
        assert dict(zip(kept["ed_fi_id"], kept["student_unique_id"], strict=True)) == owners

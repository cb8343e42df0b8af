"""What every test may rely on: no outside network, honest skips, the shared data, a running sandbox."""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
import sys
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from tests import warm
from tests.databases import empty_ledger, ledger, new_ledger, postgres, where  # noqa: F401 (fixtures)

if TYPE_CHECKING:
    from edfi_toolkit.sandbox import Running

gc.disable()  # until all tests are collected: see the end of the collection below
ROOT = Path(__file__).resolve().parents[1]
os.environ.pop("XDG_RUNTIME_DIR", None)  # where logins are kept; those of tests are kept in their own folders

# ---- network: loopback and unix sockets only

RESERVED = (".invalid", ".test", ".example")  # RFC 2606: never real, so a test may ask for them on purpose
_outside: list[str] = []


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host or "localhost")
    if name in ("localhost", socket.gethostname()) or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def _refuse_outside(host: object) -> None:
    if _is_here(host):
        return
    if not str(host).endswith(RESERVED):
        _outside.append(str(host))
    raise socket.gaierror(socket.EAI_NONAME, f"tests may only use loopback, not {host!r}")


def _guard(name: str) -> None:
    """Let sockets, asyncio's and those of TLS too, do this with an address here alone. An audit hook would see as much,
    and would be called for every file, frame and attribute that is looked at: a fiftieth of all tests."""
    original = getattr(socket.socket, name)

    def guarded(self: socket.socket, *given: Any) -> Any:
        if isinstance(given[-1], tuple):  # else a unix socket's path
            _refuse_outside(given[-1][0])
        return original(self, *given)

    setattr(socket.socket, name, guarded)


def _guard_names() -> None:
    original = socket.getaddrinfo

    def guarded(host: Any, *given: Any, **named: Any) -> Any:
        _refuse_outside(host)
        return original(host, *given, **named)

    socket.getaddrinfo = guarded


_guard_names()
for _name in ("connect", "connect_ex", "sendto"):
    _guard(_name)


@pytest.fixture(autouse=True)
def only_loopback() -> Iterator[None]:
    """Fail the test that tried to reach another machine, even if the code under test swallowed the error."""
    _outside.clear()
    yield
    reached = sorted(set(_outside))
    assert not reached, f"this test tried to reach {reached}"


# ---- skips

# With EDFI_REQUIRE_ALL=1 (set by .ci/run) a skip is a failure, unless its reason names the EDFI_ variable
# that would turn the test on: a choice (a real ODS, the shared data, the long proofs), not a missing tool.
REQUIRE_ALL = os.environ.get("EDFI_REQUIRE_ALL") == "1"


def _skipped_for_want(report: pytest.TestReport | pytest.CollectReport) -> str | None:
    if not (REQUIRE_ALL and report.skipped) or hasattr(report, "wasxfail"):
        return None
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
    named = reason.replace("EDFI_REQUIRE_ALL", "")
    return None if "EDFI_" in named else reason


def _fail(report: pytest.TestReport | pytest.CollectReport, reason: str) -> None:
    report.outcome = "failed"
    report.longrepr = f"EDFI_REQUIRE_ALL=1 and yet: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Any:
    report = yield
    if reason := _skipped_for_want(report):
        _fail(report, reason)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Any:
    report = yield
    if reason := _skipped_for_want(report):
        _fail(report, reason)
    return report


# ---- marks and order

# What a test needs follows from its folder, its module and its fixtures, where the test does not have a mark already;
# CONTRIBUTING.md says what each mark is for.
MARKS = ("browser", "process", "volume", "sandbox", "unit")  # the slowest first
TOGETHER = ("tests/browser/", "tests/runs/")
APART = "tests/runs/test_runs_workshop.py"
PROCESS_FOLDERS = {"batch", "cli", "notebooks", "runs"}
PROCESS_MODULES = {"subprocess", "multiprocessing", "tests.processes"}
PROCESS_FIXTURES = {"sandbox", "postgres"}
PROCESS_VALUES = {"socket", "postgresql"}
SANDBOX_FOLDERS = {"contract", "ods", "sandbox"}
SANDBOX_FIXTURES = {"app", "client"}


@cache
def _starts_programs(module: ModuleType) -> bool:
    """Whether a module of tests has at hand what starts a program."""
    used = vars(module).values()
    names = {getattr(each, name, None) for each in used for name in ("__name__", "__module__")}
    return bool(names & PROCESS_MODULES) or any(getattr(each, "__qualname__", "") == "start" for each in used)


def _mark_of(item: pytest.Item) -> str:
    if named := {each.name for each in item.iter_markers()}.intersection(MARKS):
        return named.pop()
    folder = item.path.parent.name
    if folder == "browser":
        return "browser"
    fixtures = set(item.fixturenames)  # type: ignore[attr-defined]
    params = item.callspec.params.values() if hasattr(item, "callspec") else ()
    if folder in PROCESS_FOLDERS or _starts_programs(item.module):  # type: ignore[attr-defined]
        return "process"
    if fixtures & PROCESS_FIXTURES or any(
        isinstance(value, str) and value in PROCESS_VALUES for value in params
    ):
        return "process"
    return "sandbox" if folder in SANDBOX_FOLDERS or fixtures & SANDBOX_FIXTURES else "unit"


@pytest.hookimpl(tryfirst=True)  # before pytest deselects by -m
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give each test its mark. The slowest files first, so that no core is idle while the last of them ends: by mark,
    then by length. Then by path, as each worker collects in another order, see `_begin_elsewhere`."""
    ranks: dict[Path, int] = {}
    for item in items:
        item.add_marker(mark := _mark_of(item))
        ranks[item.path] = min(MARKS.index(mark), ranks.get(item.path, len(MARKS)))
    places = {path: (rank, -path.stat().st_size, path) for path, rank in ranks.items()}
    items.sort(key=lambda item: places[item.path])


def _begin_elsewhere(config: pytest.Config) -> None:
    """Each worker collects from another folder on. In a fresh checkout, where pytest compiles each file of tests, it so
    finds compiled what the others have come to, in place of compiling all itself."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "")
    if worker and config.args_source is pytest.Config.ArgsSource.TESTPATHS:
        files = (ROOT / "tests").rglob("test_*.py")
        parts = sorted({path if path.parent == ROOT / "tests" else path.parent for path in files})
        first = len(parts) * int(worker.removeprefix("gw")) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"])
        config.args[:] = map(str, [*parts[first:], *parts[:first]])


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A process takes a file of tests, one of them all that share JupyterLab and the browser, and one the files of runs
    that begin with a copy of the same run; of these the longest is apart, as it would be the last to end."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class FilesAndBrowser(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return next((folder for folder in TOGETHER if file.startswith(folder) and file != APART), file)

    return FilesAndBrowser(config, log)


def pytest_collection_finish() -> None:
    """What the imports made lives on: the collector leaves it alone, and runs less often, which saves CPU."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(1_000_000, 20, 50)
    gc.enable()


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish() -> None:
    """What is no longer used is collected once. pytest, IPython and the interpreter ask for it ten times more."""
    gc.collect()
    gc.freeze()


# ---- programs

_interpreter = pytest.StashKey[warm.Interpreter]()
_answers = pytest.StashKey[tempfile.TemporaryDirectory[str]]()


def pytest_configure(config: pytest.Config) -> None:
    """Programs of the toolkit are forked from one process for all workers: see tests/warm.py. What is known of rules is
    known to all: see tests/answers.py."""
    _begin_elsewhere(config)
    if warm.ANSWERS not in os.environ:
        config.stash[_answers] = folder = tempfile.TemporaryDirectory(prefix="answers-")
        os.environ[warm.ANSWERS] = str(Path(folder.name) / "answers.db")
    if warm.POSSIBLE and warm.VARIABLE not in os.environ:
        config.stash[_interpreter] = made = warm.Interpreter()
        os.environ[warm.VARIABLE] = str(made.file)
    sys.executable = os.environ.get(warm.VARIABLE, warm.FRESH)


def pytest_unconfigure(config: pytest.Config) -> None:
    """What was forked ends with the tests."""
    if folder := config.stash.get(_answers, None):
        folder.cleanup()
        del os.environ[warm.ANSWERS]
    if made := config.stash.get(_interpreter, None):
        made.end()
        del os.environ[warm.VARIABLE]
        sys.executable = warm.FRESH


# ---- validation

ASKED_EACH_TIME = "tests/browser/", "tests/validation/test_gx_"


@pytest.fixture(scope="module", autouse=True)
def answers_of_rules(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where Great Expectations is not what is tested: see tests/answers.py."""
    with pytest.MonkeyPatch.context() as patched:
        if request.node.nodeid.startswith(ASKED_EACH_TIME):
            patched.delenv(warm.ANSWERS)
        else:
            from edfi_toolkit.validation import gx
            from tests.answers import known_answers

            patched.setattr(gx, "run", known_answers(gx.run))
        yield


# ---- data


@pytest.fixture(scope="session")
def repository() -> Path:
    """The checkout."""
    return ROOT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """A folder of larger real-world examples that the repository does not carry."""
    named = os.environ.get("EDFI_SHARED_DATA")
    folder = Path(named) if named else ROOT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the shared data are not here; set EDFI_SHARED_DATA to their folder")
    return folder


# ---- sandbox


@pytest.fixture(scope="session")
def _sandbox_process() -> Iterator[Running]:
    from edfi_toolkit.sandbox import start

    with start() as running:
        yield running


@pytest.fixture
def sandbox(_sandbox_process: Running) -> Running:
    """A sandbox ODS in its own process, as good as new for each test."""
    import httpx

    # trust_env: a proxy of this machine has no business between two loopback ports.
    httpx.post(f"{_sandbox_process.control_url}/reset", trust_env=False).raise_for_status()
    return _sandbox_process

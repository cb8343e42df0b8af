"""Programs of the toolkit forked from a process that has imported what they need, in place of a fresh interpreter.

Most of what a small command or a kernel takes is importing pandas, Great Expectations and the notebook stack: seconds,
each time. `Interpreter` makes a file that is called like Python and stands in for `sys.executable`. What it is asked
for, as `-m` and one of NEEDED, runs in a fork of a server: a process of its own, with the arguments, environment,
working folder and streams it was given. Signals to the caller reach it, it ends as it would have, and it ends with the
caller. Anything else is handed to the real interpreter, `FRESH`, which tests of a first start use themselves.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import json
import os
import pkgutil
import runpy
import selectors
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

KERNELS = ("edfi_toolkit.batch.kernel_program", "ipykernel_launcher")  # unattended, and in JupyterLab
# What a step imports when it comes to it: a ledger that is opened, a file that is written.
STEPS = ("alembic.command", "psutil", "pyarrow.dataset", "xlsxwriter", "tests.answers")
# What runs warm, and which modules it needs besides those of the toolkit.
NEEDED = {
    "edfi_toolkit.sandbox": ("uvicorn", "uvloop", "httptools"),
    "edfi_toolkit": ("papermill.clientwrap", "jupyter_client.manager", "pydantic.main", *STEPS),
    **dict.fromkeys(KERNELS, ("ipykernel.kernelapp", "ipykernel.zmqshell", *STEPS)),
    "tests.script": (),
}
# Programs; what imports Great Expectations, which kernels alone need; what imports ipywidgets, see below.
NOT_BEFORE = ("__main__", ".calendar_days", ".widgets")
POSSIBLE = hasattr(os, "pidfd_open") and hasattr(socket, "send_fds")  # Linux
VARIABLE = "TESTS_INTERPRETER"  # the file, for the processes of one run of the tests
ANSWERS = "TESTS_ANSWERS"  # where it is set, what is known of rules is not asked again: see tests/answers.py
FRESH = sys.executable
SIZE = struct.Struct("!I")
# -S -I: it imports nothing of a site, so that it starts in an instant.
CALLER = f"""\
#!{FRESH} -SI
import os, signal, sys
if not (len(sys.argv) > 2 and sys.argv[1] == "-m" and sys.argv[2] in {tuple(NEEDED)!r}):
    os.execv({FRESH!r}, [{FRESH!r}, *sys.argv[1:]])
import json, select, socket
server = socket.socket(socket.AF_UNIX)
server.connect(os.path.join(os.path.dirname(sys.argv[0]), "socket"))
ignores = signal.getsignal(signal.SIGINT) is signal.SIG_IGN  # as what a shell starts in the background does
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1):
    signal.signal(number, lambda number, _: server.sendall(bytes([number])))
asked = json.dumps([sys.argv, os.getcwd(), dict(os.environ), ignores]).encode()
socket.send_fds(server, [len(asked).to_bytes(4, "big")], [0, 1, 2])
server.sendall(asked)
for stream in (0, 1):
    os.close(stream)  # they are the program's now, whose end others may wait for
parent, is_kernel = os.getppid(), sys.argv[2] in {KERNELS!r}
while not select.select([server], [], [], 1.0)[0]:
    if is_kernel and os.getppid() != parent:  # which a kernel would see of itself
        os._exit(1)
code = int(server.recv(16) or -9)
if code < 0:
    signal.signal(-code, signal.SIG_DFL) if code != -9 else None
    os.kill(os.getpid(), -code)
os._exit(code)
"""


class Interpreter:
    """The file that stands in for the interpreter, and its server, until `end`."""

    def __init__(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="warm-")
        self.file = Path(self._folder.name) / "python"
        self.file.write_text(CALLER)
        self.file.chmod(0o700)
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(str(self.file.with_name("socket")))
        listener.listen(64)
        self._server = subprocess.Popen(
            [FRESH, "-c", "from tests.warm import serve; serve()", str(listener.fileno())],
            cwd=Path(__file__).resolve().parents[1], stdin=subprocess.PIPE, pass_fds=[listener.fileno()],
        )  # fmt: skip
        listener.close()

    def end(self) -> None:
        """End the server, and with it what it has forked."""
        self._server.communicate()
        self._folder.cleanup()


@dataclass(frozen=True)
class Asked:
    """What to run, as who asks for it was called."""

    argv: list[str]
    cwd: str
    environ: dict[str, str]
    ignores_interrupts: bool  # until it has a handler of its own
    streams: list[int]

    @classmethod
    def read(cls, connection: socket.socket) -> Asked:
        head, streams, _, _ = socket.recv_fds(connection, SIZE.size, 3)
        with connection.makefile("rb") as file:
            return cls(*json.loads(file.read(SIZE.unpack(head)[0])), streams)

    @property
    def module(self) -> str:
        return self.argv[2]

    def run(self) -> None:
        """Run it in this process, which ends as it ends."""
        os.setsid()
        signal.signal(
            signal.SIGINT, signal.SIG_IGN if self.ignores_interrupts else signal.default_int_handler
        )
        for number, stream in enumerate(self.streams):
            os.dup2(stream, number)
            os.close(stream)
        for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
            errors = "backslashreplace" if name == "stderr" else None
            stream = open(number, mode, encoding="utf-8", errors=errors, buffering=1, closefd=False)  # noqa: SIM115
            setattr(sys, name, stream)
            setattr(sys, f"__{name}__", stream)
        os.environ.clear()
        os.environ.update(self.environ)
        os.chdir(self.cwd)
        before = [path for path in self.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
        sys.path[:] = [self.cwd, *before, *sys.path]
        sys.executable, sys.argv = self.argv[0], self.argv[2:]
        if ANSWERS in self.environ and "tests.answers" in sys.modules:
            sys.modules["tests.answers"].answer_what_is_known()
        try:
            runpy.run_module(self.module, run_name="__main__", alter_sys=True)
        except SystemExit as ended:
            if not isinstance(ended.code or 0, int):
                raise
            _end(int(ended.code or 0))
        _end(0)


def _end(code: int) -> NoReturn:
    """As the interpreter ends, without letting go of each object of all libraries first."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def serve() -> None:
    """Fork what is asked for, until standard input ends."""
    sys.path.remove("")
    with selectors.DefaultSelector() as selector:
        server = _Server(selector, socket.socket(fileno=int(sys.argv[1])))
        while (asked := server.next()) is None:
            pass
    asked.run()


class _Server:
    def __init__(self, selector: selectors.BaseSelector, listener: socket.socket) -> None:
        self._selector, self._listener = selector, listener
        self._running = dict[int, socket.socket]()
        self._on(0, self._leave)
        self._on(listener.fileno(), self._fork)

    def _on(self, what: int, do: Callable[[], Asked | None]) -> None:
        self._selector.register(what, selectors.EVENT_READ, do)

    def next(self) -> Asked | None:
        """Do what has come up; in a fork, give what it is for."""
        for key, _ in self._selector.select():
            do: Any = key.data
            if key.fd in self._selector.get_map() and (asked := do()):
                return asked
        return None

    def _leave(self) -> None:
        for pid in self._running:
            os.kill(pid, signal.SIGKILL)
        os._exit(0)

    def _fork(self) -> Asked | None:
        connection, _ = self._listener.accept()
        asked = Asked.read(connection)
        _import(asked.module)
        pid = os.fork()
        if pid == 0:
            self._listener.close()
            for caller in [connection, *self._running.values()]:
                caller.close()
            return asked
        for stream in asked.streams:
            os.close(stream)
        self._running[pid] = connection
        ended = os.pidfd_open(pid)
        self._on(connection.fileno(), lambda: self._signal(pid))
        self._on(ended, lambda: self._tell(pid, ended))
        return None

    def _signal(self, pid: int) -> None:
        """What its caller got; a caller that is gone takes it along."""
        connection = self._running[pid]
        number = connection.recv(1)
        os.kill(pid, number[0] if number else signal.SIGKILL)
        if not number:
            self._selector.unregister(connection)

    def _tell(self, pid: int, ended: int) -> None:
        """How it ended."""
        self._selector.unregister(ended)
        os.close(ended)
        connection = self._running.pop(pid)
        if connection in self._selector.get_map():
            self._selector.unregister(connection)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        with suppress(OSError):  # its caller has gone
            connection.sendall(str(code).encode())
        connection.close()


def _import(module: str) -> None:
    """What the program needs, unless it is here already."""
    gc.disable()
    sys.modules["ipywidgets"] = None  # type: ignore[assignment]  # when imported, it looks for its kernel
    package = importlib.import_module(f"edfi_toolkit{'.sandbox' * module.endswith('.sandbox')}")
    for found in pkgutil.walk_packages(package.__path__, f"{package.__name__}."):
        if not any(name in found.name for name in NOT_BEFORE):
            importlib.import_module(found.name)
    for name in NEEDED[module]:
        importlib.import_module(name)
    if module in KERNELS:
        importlib.import_module("edfi_toolkit.validation.gx")._frames()
    del sys.modules["ipywidgets"]
    gc.freeze()

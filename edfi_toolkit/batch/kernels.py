"""The kernel that unattended notebooks run in: this interpreter, whatever `python3` a user has installed.

Notebook after notebook and, in a batch, district after district go through one kernel, since most of what a small
district's run costs is starting Python and importing pandas. Its namespace is emptied in between, so that no notebook
leans on what another has left; one that got stuck or died is replaced.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from edfi_toolkit.batch.stopping import Stop, Stopped

PROGRAM = "edfi_toolkit.batch.kernel_program"
# What is left, above all the libraries, is kept from the collector, which would go through all of it at each notebook.
_EMPTY = "get_ipython().reset(); __import__('gc').collect(); __import__('gc').freeze()"


class Kernel:
    """Starts with the first notebook and ends with the `with` block; to be used from one thread.

    cwd: its working folder. environ: its whole environment. start_s: seconds it may take to start. stop: interrupts
    it, and keeps it from beginning another cell.
    """

    def __init__(
        self, *, cwd: Path, environ: Mapping[str, str], start_s: int, stop: Stop | None = None
    ) -> None:
        self._starts = {"cwd": str(cwd), "env": dict(environ)}
        self._start_s = start_s
        self._manager: Any = None
        self._channels: Any = None
        self._spoiled = False
        self.stop = stop or Stop()
        self._pid = 0

    def __enter__(self) -> Self:
        self._manager = _manager_class()()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def _end(self) -> None:
        from jupyter_client.utils import run_sync  # type: ignore[attr-defined]  # re-exported

        if self._channels is not None:
            self._channels.stop_channels()
        if self._manager.has_kernel:
            run_sync(self._manager.shutdown_kernel)()
        self.stop.ended(self._pid)

    def execute(self, nb_man: Any, *, seconds_for_a_cell: Callable[[Any], int]) -> Any:
        """Execute the notebook of a papermill manager; what nbclient raises is passed on.

        Raises RuntimeError when an earlier notebook cannot be cleared.
        """
        from papermill.clientwrap import PapermillNotebookClient

        if self._spoiled:
            self._end()
            self._manager, self._channels, self._spoiled = _manager_class()(), None, False
        client = PapermillNotebookClient(
            nb_man, km=self._manager, startup_timeout=self._start_s, timeout_func=seconds_for_a_cell,
            store_widget_state=False,
        )  # fmt: skip
        _before_each_cell(nb_man, self._may_begin)
        self._spoiled = True  # until the notebook has come to an end, be it by an error of its own
        if self._channels is not None:
            client.kc = self._channels
            emptied = client.wait_for_reply(client.kc.execute(_EMPTY, silent=True))
            if emptied["content"]["status"] != "ok":
                raise RuntimeError("The kernel could not be emptied for the next notebook.")
        try:
            executed = client.execute(**self._starts)
        finally:
            self._channels = client.kc
        self._spoiled = False
        return executed

    def _may_begin(self) -> None:
        """Note which process the cell is for, so that a stop reaches it. Raises Stopped once one was asked for."""
        pid = int(self._manager.provisioner.pid)
        if pid != self._pid:
            self.stop.ended(self._pid)
            self._pid = pid
            self.stop.started(pid)
        if self.stop.asked:
            raise Stopped


def _before_each_cell(nb_man: Any, check: Callable[[], None]) -> None:
    begin = nb_man.cell_start

    def cell_start(cell: Any, *args: Any, **options: Any) -> None:
        check()
        begin(cell, *args, **options)

    nb_man.cell_start = cell_start


def _manager_class() -> Any:
    from jupyter_client.kernelspec import KernelSpec, KernelSpecManager
    from jupyter_client.manager import AsyncKernelManager

    class ThisInterpreter(KernelSpecManager):
        def get_kernel_spec(self, kernel_name: str) -> KernelSpec:
            argv = [sys.executable, "-m", PROGRAM, "-f", "{connection_file}", "--log-level=50"]
            return KernelSpec(
                argv=argv,
                display_name="Python 3",
                language="python",
                metadata={"supported_encryption": ["curve"]},
            )

    class ThisInterpreterManager(AsyncKernelManager):
        def _transport_encryption_default(self) -> str:
            return "auto"  # the messages between kernel and runner hold students

        def _kernel_spec_manager_default(self) -> KernelSpecManager:
            return ThisInterpreter(parent=self)

    return ThisInterpreterManager

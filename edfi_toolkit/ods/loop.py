"""An event loop in a thread of its own: callers need none, in a script and inside a running Jupyter loop alike."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from edfi_toolkit.errors import OdsError

T = TypeVar("T")


class BackgroundLoop:
    """Starts with the first work."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closed = False

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run on the loop and wait here; an interruption here ends it there."""
        try:
            future = asyncio.run_coroutine_threadsafe(work, self._running())
        except OdsError:
            work.close()
            raise
        try:
            return future.result()
        except BaseException:
            future.cancel()
            raise

    def call_soon(self, call: Callable[..., object], *args: Any) -> None:
        """Call on the loop, and do not wait."""
        self._running().call_soon_threadsafe(call, *args)

    def leave(self, stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Stop what an iterator left behind. The collector may end an iterator in the loop's own thread."""
        if self._loop is not None and threading.current_thread() is not self._thread:
            self.run(stop())
        elif self._loop is not None:
            self._loop.create_task(stop())

    def close(self, last: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """End all work, do the last thing, and let the thread go."""
        if self._loop is not None:
            self.run(_shut(last))
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = None
        self._closed = True

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._closed:
            raise OdsError("This client is closed. Make another one.")
        if self._loop is None:
            self._loop = _new_loop()
            self._thread = threading.Thread(target=self._loop.run_forever, name="edfi-ods", daemon=True)
            self._thread.start()
        return self._loop


async def _shut(last: Callable[[], Coroutine[Any, Any, None]]) -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
    await last()
    await asyncio.get_running_loop().shutdown_asyncgens()


def _new_loop() -> asyncio.AbstractEventLoop:
    if sys.platform == "win32":  # uvloop is not made for it
        return asyncio.SelectorEventLoop()  # the usual one there cannot watch the sockets of another library
    import uvloop

    return uvloop.new_event_loop()

"""Watching the sockets of a library that does not own the event loop."""

from __future__ import annotations

import asyncio
import select
from collections.abc import Callable, Iterable

Ready = Callable[[Iterable[tuple[int, bool, bool]]], None]  # sockets that can be read from, or written to


class LoopSockets:
    """Each socket is known to the loop; so everywhere."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Ready) -> None:
        self._loop, self._ready = loop, ready

    def watch(self, socket: int, *, reads: bool, writes: bool) -> None:
        """From now on for this; for nothing any more when neither is wanted."""
        if reads:
            self._loop.add_reader(socket, self._ready, ((socket, True, False),))
        else:
            self._loop.remove_reader(socket)
        if writes:
            self._loop.add_writer(socket, self._ready, ((socket, False, True),))
        else:
            self._loop.remove_writer(socket)

    def close(self) -> None:
        """Nothing is left to do."""


class EpollSockets:
    """All sockets behind one that the loop knows. libcurl watches and forgets a socket for every request, which costs a
    loop several times as much as epoll itself."""

    def __init__(self, loop: asyncio.AbstractEventLoop, ready: Ready) -> None:
        self._loop, self._ready, self._watched = loop, ready, set[int]()
        self._epoll = select.epoll()
        loop.add_reader(self._epoll.fileno(), self._poll)

    def watch(self, socket: int, *, reads: bool, writes: bool) -> None:
        """From now on for this; for nothing any more when neither is wanted."""
        wanted = (select.EPOLLIN if reads else 0) | (select.EPOLLOUT if writes else 0)
        if socket in self._watched:
            if wanted:
                self._epoll.modify(socket, wanted)
            else:
                self._watched.remove(socket)
                self._epoll.unregister(socket)
        elif wanted:
            self._watched.add(socket)
            self._epoll.register(socket, wanted)

    def _poll(self) -> None:
        self._ready(
            [  # an error or a hang-up is found by reading
                (socket, bool(what & ~select.EPOLLOUT), bool(what & select.EPOLLOUT))
                for socket, what in self._epoll.poll(0)
            ]
        )

    def close(self) -> None:
        """Let the loop go."""
        self._loop.remove_reader(self._epoll.fileno())
        self._epoll.close()


Sockets = EpollSockets if hasattr(select, "epoll") else LoopSockets

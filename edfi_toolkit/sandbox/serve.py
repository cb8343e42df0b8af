"""The sandbox over a socket: in this process (`serve`), or started as one of its own (`start`)."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any

from edfi_toolkit.errors import OdsUnavailable

_START_S = 30.0
_STOP_S = 5.0


def serve(
    port: int = 0,
    data: Path | str | None = None,
    seeds: Sequence[Path | str] = (),
    host: str = "127.0.0.1",
    *,
    log_level: str = "warning",
) -> None:
    """Serve until interrupted.  Prints one JSON line first: `base_url`, `control_url`, `clients`.

    port 0 takes a free one. log_level is uvicorn's; its lines go to stderr and name paths and statuses only.
    """
    import uvicorn

    from edfi_toolkit.sandbox.app import create_app
    from edfi_toolkit.sandbox.control import clients_shown

    app = create_app(data, seeds)
    listener = socket.create_server((host, port), backlog=512)
    base_url = f"http://{host}:{listener.getsockname()[1]}"
    first = {
        "base_url": base_url,
        "control_url": f"{base_url}/control",
        "clients": clients_shown(app.state.sandbox.ods),
    }
    sys.stdout.write(json.dumps(first) + "\n")
    sys.stdout.flush()
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        lifespan="off",
        log_level=log_level,
        access_log=log_level in ("info", "debug"),
        server_header=False,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listener])


@dataclass
class Running:
    """A sandbox in a process of its own; a context manager that ends it."""

    base_url: str
    control_url: str
    clients: list[dict[str, Any]]
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """End the process; harmless when it has ended already."""
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        if self.process.stdout is not None:
            self.process.stdout.close()

    def kill(self) -> None:
        """End the process at once, as a crash does."""
        self.process.kill()
        self.process.wait()
        self.stop()

    def __enter__(self) -> Running:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def start(
    seeds: Sequence[Path | str] = (),
    data: Path | str | None = None,
    *,
    port: int = 0,
    log_level: str = "warning",
) -> Running:
    """Start the sandbox in a process of its own and wait until it listens.

    Raises OdsUnavailable when it does not come up; its own words are on stderr.
    """
    command = [sys.executable, "-m", "edfi_toolkit.sandbox", "--port", str(port), "--log-level", log_level]
    if data is not None:
        command += ["--data", str(data)]
    for seed in seeds:
        command += ["--seed", str(seed)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=dict(os.environ))  # noqa: S603
    watchdog = threading.Timer(_START_S, process.kill)
    watchdog.start()
    line = process.stdout.readline() if process.stdout else ""
    watchdog.cancel()
    if not line:
        process.wait()
        if process.stdout is not None:
            process.stdout.close()
        raise OdsUnavailable(
            f"The sandbox ended with code {process.returncode} before it listened: read the lines above this one."
        )
    return Running(**json.loads(line), process=process)

"""The sandbox over a socket: in this process (`serve`), or started as one of its own (`start`)."""

from __future__ import annotations

import gc
import json
import logging
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

_START_S = 30.0  # and longer by what the seeds take, a record of which is some 500 bytes
_SEED_BYTES_PER_S = 100_000
_STOP_S = 5.0
_EVERYWHERE = ("", "0.0.0.0")  # noqa: S104  # what a caller gave; control still answers this machine only


def serve(
    port: int = 0,
    data: Path | str | None = None,
    seeds: Sequence[Path | str] = (),
    host: str = "127.0.0.1",
    *,
    tenants: Sequence[str] = (),
    school_years: Sequence[int] = (),
    errors: str = "problem-details",
    data_standard: str = "5.2",
    reset: bool = False,
    log_level: str = "warning",
) -> None:
    """Serve until interrupted.  Prints one JSON line first: `base_url`, `control_url`, `clients`.

    port 0 takes a free one. host: who else than this machine may ask; `control` answers this machine only.
    tenants, school_years: leading path segments, each combination an ODS of its own with its own `control`
    below it; seeds go into all of them, and `data` is then a folder. reset: empty the data first, clients
    keep key and secret. errors: "problem-details", "legacy" or "dms", see `Options`. data_standard: "5.2",
    "4.0" or "6.1". log_level: lines go to stderr; "info" has one a request, with verb, resource and status only.
    Raises ConfigError, SourceUnavailable or SourceShapeError on what it cannot be started with.
    """
    gc.disable()  # until it listens: little of what is made before is ever garbage
    try:
        import uvicorn

        from edfi_toolkit.sandbox.app import create_app
        from edfi_toolkit.sandbox.contexts import Contexts
        from edfi_toolkit.sandbox.control import clients_shown
        from edfi_toolkit.sandbox.options import Options

        def make(file: Path | str | None) -> Any:
            options = Options()
            options.change({"error_style": errors})
            return create_app(file, seeds, options, standard=data_standard, reset=reset)

        app: Any
        if tenants or school_years:
            app = Contexts(
                lambda prefix: make(_file_of(prefix, data)),
                tenants=tenants,
                school_years=school_years,
                standard=data_standard,
            )
            apps = app.apps
        else:
            app = make(data)
            apps = {"": app}
        listener = socket.create_server((host, port), backlog=512)
        number = listener.getsockname()[1]
        base_url = f"http://{host}:{number}"
        here = f"http://127.0.0.1:{number}" if host in _EVERYWHERE else base_url
        first = {
            "base_url": base_url,
            "control_url": f"{here}{next(iter(apps))}/control",
            "clients": [
                {**client, **({"context": prefix} if prefix else {})}
                for prefix, one in apps.items()
                for client in clients_shown(one.state.sandbox.ods)
            ],
        }
        sys.stdout.write(json.dumps(first) + "\n")
        sys.stdout.flush()
        logging.basicConfig(
            level=log_level.upper(), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
        )
        gc.freeze()  # the model stays for ever, so no collection needs to check it
    finally:
        gc.enable()
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="uvloop" if sys.platform != "win32" else "asyncio",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        timeout_keep_alive=120,
        timeout_graceful_shutdown=1,
    )
    uvicorn.Server(config).run(sockets=[listener])


def _file_of(prefix: str, folder: Path | str | None) -> Path | None:
    if folder is None:
        return None
    Path(folder).mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(folder) / f"{prefix.strip('/').replace('/', '-')}.db"


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
        _close_pipes(self.process)

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


def _close_pipes(process: subprocess.Popen[str]) -> None:
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()


def start(
    seeds: Sequence[Path | str] = (),
    data: Path | str | None = None,
    *,
    port: int = 0,
    tenants: Sequence[str] = (),
    school_years: Sequence[int] = (),
    errors: str = "problem-details",
    data_standard: str = "5.2",
    reset: bool = False,
    log_level: str = "warning",
) -> Running:
    """Start the sandbox in a process of its own and wait until it listens; arguments as of `serve`.

    The process ends with the one that started it, however that ends.
    Raises OdsUnavailable when it does not come up; its own words are on stderr.
    """
    command = [sys.executable, "-m", "edfi_toolkit.sandbox", "--with-parent"]
    command += ["--port", str(port), "--log-level", log_level]
    command += ["--errors", errors, "--data-standard", data_standard, *(["--reset"] if reset else [])]
    given: list[tuple[str, Sequence[object]]] = [
        ("--data", () if data is None else (data,)),
        ("--seed", seeds),
    ]
    given += [("--tenant", tenants), ("--school-year", school_years)]
    command += [text for flag, values in given for value in values for text in (flag, str(value))]
    process = subprocess.Popen(  # noqa: S603  # our own module, by our own interpreter
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=dict(os.environ)
    )
    seeding_s = sum(Path(seed).stat().st_size for seed in seeds if Path(seed).is_file()) / _SEED_BYTES_PER_S
    watchdog = threading.Timer(_START_S + seeding_s, process.kill)
    watchdog.start()
    line = process.stdout.readline() if process.stdout else ""
    watchdog.cancel()
    if not line:
        process.wait()
        _close_pipes(process)
        raise OdsUnavailable(
            f"The sandbox ended with code {process.returncode} before it listened: read what it wrote above."
        )
    return Running(**json.loads(line), process=process)

"""A program that is forked ends as one that is started: same words, same code, same signals, same end."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.warm import FRESH, POSSIBLE

pytestmark = [pytest.mark.process, pytest.mark.skipif(not POSSIBLE, reason="Linux only")]
SANDBOX = ("-m", "edfi_toolkit.sandbox")


@pytest.mark.parametrize("words", [("--help",), ("--nope",), ("--seed", "none.jsonl"), ("--data", ".")])
def test_it_says_and_gives_what_a_fresh_one_does(words: tuple[str, ...], tmp_path: Path) -> None:
    fresh, warm = (
        subprocess.run([python, *SANDBOX, *words], cwd=tmp_path, capture_output=True, text=True, check=False)
        for python in (FRESH, sys.executable)
    )
    told = warm.returncode, warm.stdout, warm.stderr.splitlines()[-1:]
    assert told == (fresh.returncode, fresh.stdout, fresh.stderr.splitlines()[-1:])


@pytest.fixture(params=[signal.default_int_handler, signal.SIG_IGN], ids=["", "in the background"])
def interrupts(request: pytest.FixtureRequest) -> Iterator[None]:
    """What a shell starts in the background ignores Ctrl-C until it has a handler of its own, as the sandbox has."""
    before = signal.signal(signal.SIGINT, request.param)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interrupts")
@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT, signal.SIGKILL])
def test_a_signal_ends_it_as_it_ends_a_fresh_one(by: signal.Signals) -> None:
    codes = set()
    for python in (FRESH, sys.executable):
        with subprocess.Popen([python, *SANDBOX], stdout=subprocess.PIPE, text=True) as started:
            assert started.stdout is not None
            address = json.loads(started.stdout.readline())["base_url"]
            assert httpx.get(address).status_code == 200
            started.send_signal(by)
            try:
                codes.add(started.wait(60))
            finally:
                started.kill()
        until = time.monotonic() + 30
        while True:  # a killed caller takes it along, an instant later
            try:
                httpx.get(address)
            except httpx.TransportError:
                break
            assert time.monotonic() < until
    assert len(codes) == 1


def test_anything_else_is_the_interpreter_itself() -> None:
    done = subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.executable, len(sys.modules))"],
        capture_output=True,
        text=True,
        check=True,
    )
    executable, modules = done.stdout.split()
    assert executable == FRESH
    assert int(modules) < 200

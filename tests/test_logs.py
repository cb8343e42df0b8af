"""The log of a run: events with fields, what a library says is withheld, and nobody is in it at any level."""

from __future__ import annotations

import json
import logging
import threading
from pathlib import Path
from typing import Any

import pytest

from edfi_toolkit.errors import ConfigError
from edfi_toolkit.logs import FILE, LEVEL, event, log_of

pytestmark = pytest.mark.unit
CANARY = "Quillhaven-900417303"


def lines(folder: Path) -> list[dict[str, Any]]:
    path = folder / FILE
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()] if path.is_file() else []


def test_an_event_has_its_run_and_its_fields(tmp_path: Path) -> None:
    with log_of(tmp_path, "r1"):
        event("step done", step="build", seconds=1.5)
        with log_of(tmp_path, "r1"):  # a step within a step
            event("step done", step="extract")
        event("request", level=logging.DEBUG, correlation_id="c-1")
    event("afterwards")
    (first, second) = lines(tmp_path)
    assert {name: first[name] for name in ("level", "run_id", "event", "step", "seconds")} == {
        "level": "info", "run_id": "r1", "event": "step done", "step": "build", "seconds": 1.5,
    }  # fmt: skip
    assert second["step"] == "extract"
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


def test_outside_of_a_run_nothing_reaches_the_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where no one handles a warning, Python itself writes it there."""
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    event("request", level=logging.WARNING, status=403)
    assert capsys.readouterr() == ("", "")


def test_what_a_library_says_is_withheld_also_at_debug_and_in_an_exception(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(LEVEL, "debug")
    library = logging.getLogger("some.library")
    with log_of(tmp_path, "r1"):
        library.debug("GET /students?id=%s", CANARY)
        library.warning(f"row {CANARY}")
        try:
            raise ValueError(CANARY)
        except ValueError:
            library.exception("while reading %s", CANARY)
    found = lines(tmp_path)
    assert [each["level"] for each in found] == ["debug", "warning", "error"]
    assert {each["logger"] for each in found} == {"some.library"}
    assert found[2]["error"] == "ValueError"
    assert CANARY not in (tmp_path / FILE).read_text("utf-8")


def test_two_runs_in_two_threads_have_each_its_own_log(tmp_path: Path) -> None:
    met = threading.Barrier(2)

    def work(name: str) -> None:
        with log_of(tmp_path / name, name):
            met.wait()
            event("step done", step=name)
            met.wait()

    both = [threading.Thread(target=work, args=(name,)) for name in ("r1", "r2")]
    for each in both:
        each.start()
    for each in both:
        each.join()
    assert {name: [line["step"] for line in lines(tmp_path / name)] for name in ("r1", "r2")} == {
        "r1": ["r1"],
        "r2": ["r2"],
    }


def test_a_level_that_is_none_is_a_mistake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(LEVEL, "loud")
    with pytest.raises(ConfigError, match="there are debug, info, warning, error"), log_of(tmp_path, "r1"):
        pass

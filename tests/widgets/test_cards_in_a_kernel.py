"""In a real kernel: a mistake is a card for a person, an error for papermill; a bug keeps its traceback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from edfi_toolkit.display.saved import WIDGET

OPENED = (
    "import edfi_toolkit as edfi\n"
    "run = edfi.desk(profile='certification', school_year={}, source='nosuch', target='sandbox', run_id='latest')"
)
SAMPLE = Path(__file__).parents[2] / "data" / "samples" / "certification" / "before"
pytestmark = pytest.mark.process
Cell = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def cell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cell]:
    """Run a cell as JupyterLab does (`person`) or as papermill does; gives its outputs."""
    from jupyter_client.manager import KernelManager

    folder = tmp_path_factory.mktemp("kernel")
    (folder / "00_start_here.ipynb").touch()
    manager = KernelManager()
    manager.start_kernel(cwd=str(folder))
    client = manager.client()
    client.start_channels()
    client.wait_for_ready(timeout=60)

    def run(code: str, *, person: bool = True) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        reply = client.execute_interactive(
            code, allow_stdin=person, timeout=120, output_hook=lambda m: found.append(m)
        )
        outputs = [
            {"kind": m["header"]["msg_type"], **m["content"]}
            for m in found
            if m["header"]["msg_type"] in ("error", "display_data", "execute_result")
        ]
        return [*outputs, {"kind": "reply", "status": reply["content"]["status"]}]

    yield run
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def card(outputs: list[dict[str, Any]]) -> str:
    """The one card among the outputs; there is no traceback, and Run All ends here."""
    assert [each["kind"] for each in outputs if each["kind"] == "error"] == []
    assert outputs[-1] == {"kind": "reply", "status": "error"}
    (html,) = [each["data"]["text/html"] for each in outputs[:-1] if "Stopped" in str(each.get("data"))]
    return str(html)


def test_a_mistake_is_a_card_with_the_next_step_as_a_link(cell: Cell) -> None:
    shown = card(cell(OPENED.format("2026")))
    assert "There is no source named &#x27;nosuch&#x27;" in shown
    assert '<b>Next:</b> <a href="00_start_here.ipynb">Notebook 00</a>' in shown
    assert "2025-26 without quotes" in card(cell(OPENED.format("2025-26")))


def test_a_page_that_the_run_has_not_come_to_yet_offers_to_read_the_source_again(cell: Cell) -> None:
    source = str(SAMPLE)
    cell(OPENED.format("2026").replace("nosuch", source))
    outputs = cell("run.preview()")
    shown = card(outputs)
    assert "This run has not come so far yet" in shown
    assert "Its records have not been checked." in shown
    assert "Press Read again: it reads the source and goes as far as the preview" in shown
    (button,) = [out for out in outputs if WIDGET in out.get("data", {})]
    assert "Read again" in button["data"]["text/plain"]
    assert [out["kind"] for out in cell("run.preview()", person=False)] == ["error", "reply"]


def test_papermill_gets_the_error_and_no_bar(cell: Cell) -> None:
    outputs = cell(OPENED.format("2026"), person=False)
    assert [each["kind"] for each in outputs] == ["error", "reply"]
    assert outputs[0]["ename"] == "ConfigError"
    assert outputs[0]["traceback"] == [f"ConfigError: {outputs[0]['evalue']}"]


def test_a_cell_out_of_order_says_what_comes_first_and_a_bug_keeps_its_traceback(cell: Cell) -> None:
    assert "Run All Above" in card(cell("built.browse()"))
    for bug in ("1 / 0", "nonsense", "def f():\n    return built\nf()"):
        kinds = [each["kind"] for each in cell(bug)]
        assert kinds == (["display_data", "reply"] if "built" in bug else ["error", "reply"])
    assert cell("built.browse()", person=False)[0]["ename"] == "NameError"

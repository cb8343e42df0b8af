"""One JupyterLab and one Chromium for all browser tests, cut off from every other machine.

The JupyterLab is the one that `edfi-toolkit lab` starts: its configuration, its sample, its sandbox.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("EDFI_CHROMIUM_PATH", "/usr/bin/chromium")
SCREENSHOTS = os.environ.get("EDFI_SCREENSHOTS")
VIEW = {"width": 1360, "height": 1000}
WAIT_MS = 90_000  # the machine may be busy with other things
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
# Run All before the session is ready opens a "Select Kernel" dialog and waits for ever; so does a notebook
# that names no kernel. An evaluation in the page knows no time limit, so this one only ever looks.
READY = """(path) => {
    const context = window.jupyterapp?.shell?.currentWidget?.context;
    return context?.isReady && (!path || context.path === path) && context.sessionContext.isReady
        && context.sessionContext.session?.kernel?.status === 'idle';
}"""
DONE = """() => {
    const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    return prompts.length > 0 && prompts.every((prompt) => /^\\[\\d+\\]:$/.test(prompt.textContent.trim()));
}"""
CLOSE = """async () => {
    await jupyterapp.commands.execute('docmanager:save');
    await jupyterapp.shell.currentWidget.context.sessionContext.shutdown();
    for (const widget of [...jupyterapp.shell.widgets('main')]) widget.dispose();
}"""


class Lab:
    """A JupyterLab on a folder of notebooks, and a browser to look at it. `refused`: what it asked of others.

    A page whose notebook was closed is used for the next one: loading JupyterLab takes longer than most notebooks.
    environ: what makes the workspace's sandbox its target.
    """

    def __init__(self, folder: Path, url: str, token: str, browser: Any, environ: dict[str, str]) -> None:
        self.folder, self.refused, self.environ = folder, list[str](), environ
        self._free = list[Any]()
        self._url, self._token = url, token
        self._context = browser.new_context(viewport=VIEW)
        self._context.set_default_timeout(WAIT_MS)
        self._context.route("**/*", self._route)

    def _route(self, route: Any) -> None:
        if route.request.url.startswith((self._url, "data:", "blob:")):
            route.continue_()
        else:
            self.refused.append(route.request.url)
            route.abort()

    def notebook(self, name: str, *cells: str) -> Path:
        """A new notebook with these code cells."""
        import nbformat

        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.folder / f"{name}.ipynb"
        nbformat.write(made, path)
        return path

    def open(self, path: Path) -> Any:
        """The page of a notebook in the folder, its kernel ready."""
        place = path.relative_to(self.folder).as_posix()
        if self._free:
            page = self._free.pop()
            page.evaluate("(path) => jupyterapp.commands.execute('docmanager:open', {path})", place)
        else:
            page = self._context.new_page()
            page.goto(f"{self._url}/lab/tree/{place}?token={self._token}&reset")
        page.wait_for_function(READY, arg=place)
        page.evaluate("() => jupyterapp.restored")
        # The file browser would take a quarter of the width from what a test looks at.
        page.evaluate("() => jupyterapp.shell.collapseLeft()")
        return page

    def run_all(self, path: Path) -> Any:
        """The page of a notebook after Run All; a cell that failed leaves its traceback on the page."""
        page = self.open(path)
        page.evaluate("() => jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function(DONE)
        return page

    def dark(self, page: Any) -> None:
        """Turn the theme of a page, until it is reloaded."""
        page.evaluate(
            "() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
        )
        page.wait_for_selector("body[data-jp-theme-light='false']", state="attached")

    def light(self, page: Any) -> None:
        """Turn it back."""
        page.evaluate(
            "() => jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Light'})"
        )
        page.wait_for_selector("body[data-jp-theme-light='true']", state="attached")

    def screenshot(self, page: Any, name: str, *, whole: bool = False) -> None:
        """A picture for people, in the folder that EDFI_SCREENSHOTS names: what is in view, or all cells."""
        if SCREENSHOTS:
            page.wait_for_selector("#jupyterlab-splash", state="detached")
            Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
            if whole:
                cells = page.locator(".jp-Notebook .jp-Cell")
                ends = cells.last.bounding_box()["y"] - cells.first.bounding_box()["y"]
                page.set_viewport_size(VIEW | {"height": int(ends) + 400})
                cells.first.scroll_into_view_if_needed()
            page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")
            page.set_viewport_size(VIEW)

    def close(self, page: Any) -> None:
        """Save, shut the kernel down, close the notebook."""
        page.evaluate(CLOSE)
        self._free.append(page)


@pytest.fixture(scope="module")
def lab_environ() -> dict[str, str]:
    """What the kernels see besides; a file of tests may give its own."""
    return {}


@pytest.fixture(
    scope="module"
)  # not longer: while playwright runs, nothing else in this process can run an event loop
def lab(tmp_path_factory: pytest.TempPathFactory, lab_environ: dict[str, str]) -> Iterator[Lab]:
    """JupyterLab and Chromium, started once a file."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium at /usr/bin/chromium, nor where EDFI_CHROMIUM_PATH says")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from edfi_toolkit.cli.workspace import open_workspace, sandbox_of

    made = open_workspace(tmp_path_factory.mktemp("lab") / "work", "certification")
    with (
        sandbox_of(made) as environ,
        _server(made.folder, environ | lab_environ) as (url, token),
        playwright.sync_playwright() as started,
    ):
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield Lab(made.folder, url, token, browser, environ)
        browser.close()


@contextmanager
def _server(folder: Path, environ: dict[str, str]) -> Iterator[tuple[str, str]]:
    """A JupyterLab on a workspace: its address and token."""
    from edfi_toolkit.cli.jupyter import jupyter_environ, write_config

    token, port = secrets.token_hex(16), _free_port()
    write_config(folder / ".jupyter", folder, port=port, browser=False)
    environ = {**os.environ, **environ, **jupyter_environ(folder / ".jupyter")}
    environ.pop("EDFI_UNATTENDED", None)
    options = [f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    log = folder / "jupyterlab.log"
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, env=environ, stdout=out, stderr=out, cwd=folder, start_new_session=True
        )
    try:
        _wait_for(server, port, token, log)
        yield f"http://127.0.0.1:{port}", token
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _wait_for(server: subprocess.Popen[bytes], port: int, token: str, log: Path) -> None:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    for _ in range(600):
        if server.poll() is not None:
            pytest.fail(f"JupyterLab ended at once:\n{log.read_text()[-2000:]}")
        try:
            direct.open(f"http://127.0.0.1:{port}/api?token={token}", timeout=5).close()
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not answer within a minute:\n{log.read_text()[-2000:]}")

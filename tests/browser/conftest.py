"""One JupyterLab and one Chromium for all browser tests, cut off from every other machine."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = os.environ.get("EDFI_CHROMIUM", "/usr/bin/chromium")
SCREENSHOTS = os.environ.get("EDFI_SCREENSHOTS")
WAIT_MS = 90_000  # the machine may be busy with other things
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
]
SERVER_OPTIONS = [
    "--no-browser",
    "--allow-root",
    "--ServerApp.ip=127.0.0.1",
    "--ServerApp.port_retries=0",
    "--LabApp.expose_app_in_browser=True",
    "--LabApp.news_url=None",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.extension_manager=readonly",  # the default one asks PyPI
]
LAB_SETTINGS = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # Otherwise cells out of view may be missing from the page.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "defer"},
}
# Run All before the session is ready opens a "Select Kernel" dialog and waits for ever; so does a notebook
# that names no kernel. An evaluation in the page knows no time limit, so this one only ever looks.
READY = """() => {
    const context = window.jupyterapp?.shell?.currentWidget?.context;
    return context?.isReady && context.sessionContext.isReady
        && context.sessionContext.session?.kernel?.status === 'idle';
}"""
DONE = """() => {
    const prompts = [...document.querySelectorAll('.jp-Notebook .jp-CodeCell .jp-InputPrompt')];
    return prompts.length > 0 && prompts.every((prompt) => /^\\[\\d+\\]:$/.test(prompt.textContent.trim()));
}"""


class Lab:
    """A JupyterLab on an empty folder, and a browser to look at it. `refused`: what it asked of others."""

    def __init__(self, folder: Path, url: str, token: str, browser: Any) -> None:
        self.folder, self.refused = folder, list[str]()
        self._url, self._token = url, token
        self._context = browser.new_context(viewport={"width": 1360, "height": 1000})
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
        page = self._context.new_page()
        place = path.relative_to(self.folder).as_posix()
        page.goto(f"{self._url}/lab/tree/{place}?token={self._token}&reset")
        page.wait_for_function(READY)
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

    def screenshot(self, page: Any, name: str) -> None:
        """A picture for people, in the folder that EDFI_SCREENSHOTS names."""
        if SCREENSHOTS:
            Path(SCREENSHOTS).mkdir(parents=True, exist_ok=True)
            page.screenshot(path=Path(SCREENSHOTS) / f"{name}.png")

    def close(self, page: Any) -> None:
        """Save, shut the kernel down, close the page."""
        page.evaluate("() => jupyterapp.commands.execute('docmanager:save')")
        page.evaluate("() => jupyterapp.shell.currentWidget.context.sessionContext.shutdown()")
        page.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab and Chromium, started once."""
    if not Path(CHROMIUM).exists() and not shutil.which(CHROMIUM):
        pytest.skip("no Chromium at /usr/bin/chromium, nor where EDFI_CHROMIUM says")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    home = tmp_path_factory.mktemp("lab")
    folder = home / "notebooks"
    folder.mkdir()
    token, port = secrets.token_hex(16), _free_port()
    server = _server(home, folder, token, port)
    try:
        _wait_for(server, port, token, home / "server.log")
        with playwright.sync_playwright() as started:
            browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
            yield Lab(folder, f"http://127.0.0.1:{port}", token, browser)
            browser.close()
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        try:
            server.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(server.pid, signal.SIGKILL)
            server.wait()


def _server(home: Path, folder: Path, token: str, port: int) -> subprocess.Popen[bytes]:
    config = home / "config" / "labconfig"
    config.mkdir(parents=True)
    (config / "default_setting_overrides.json").write_text(json.dumps(LAB_SETTINGS))
    own = {
        "JUPYTER_CONFIG_DIR": home / "config",
        "JUPYTER_DATA_DIR": home / "data",
        "JUPYTER_RUNTIME_DIR": home / "runtime",
        "IPYTHONDIR": home / "ipython",
        "PYTHONPATH": Path(__file__).resolve().parents[2],
    }
    environment = {name: value for name, value in os.environ.items() if name != "EDFI_UNATTENDED"}
    environment |= {name: str(value) for name, value in own.items()}
    command = [sys.executable, "-m", "jupyterlab", *SERVER_OPTIONS]
    command += [
        f"--IdentityProvider.token={token}",
        f"--ServerApp.port={port}",
        f"--ServerApp.root_dir={folder}",
    ]
    with (home / "server.log").open("wb") as log:
        return subprocess.Popen(
            command, env=environment, stdout=log, stderr=log, cwd=folder, start_new_session=True
        )


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

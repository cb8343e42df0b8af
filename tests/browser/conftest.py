"""One JupyterLab, one Chromium and one kernel for all browser tests, cut off from every other machine.

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

from tests import warm

CHROMIUM = os.environ.get("EDFI_CHROMIUM_PATH", "/usr/bin/chromium")
SCREENSHOTS = os.environ.get("EDFI_SCREENSHOTS")
LOG = "jupyterlab.log"
VIEW = {"width": 1360, "height": 1000}
WAIT_MS = 90_000  # the machine may be busy with other things
QUIET = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
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
# What a kernel that has just been started does not have either: widgets, names, and numbers of cells. The widgets are
# not closed one by one, as the page that has them is.
EMPTIED = """
get_ipython().kernel.comm_manager.comms.clear()
__import__("ipywidgets").widgets.widget._instances.clear()
get_ipython().run_line_magic("reset", "-f")
"""
# A notebook that was opened by a link has a kernel of its own.
CLOSE = """async ([shared, emptied]) => {
    await jupyterapp.commands.execute('docmanager:save');
    for (const widget of [...jupyterapp.shell.widgets('main')]) {
        const session = widget.context?.sessionContext;
        if (session?.session?.kernel && session.session.kernel.id !== shared?.id) await session.shutdown();
        else if (session?.session?.kernel && emptied)
            await session.session.kernel.requestExecute({code: emptied, silent: true, store_history: false}).done;
        widget.dispose();
    }
}"""
KERNEL = """() => {
    const {id, name} = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
    return {id, name};
}"""
# Nothing is returned that is not used: playwright would carry all that hangs on it over here, for seconds.
OPEN = """async ([path, kernel]) => {
    await jupyterapp.commands.execute('docmanager:open', kernel ? {path, kernel} : {path});
}"""


class Lab:
    """A JupyterLab on a folder of notebooks, and a browser to look at it. `refused`: what it asked of others.

    A page whose notebook was closed is used for the next one, and so is its kernel, emptied: loading JupyterLab and
    importing pandas takes longer than most notebooks. Unattended runs have a kernel each.
    environ: what makes the workspace's sandbox its target.
    """

    def __init__(self, folder: Path, url: str, token: str, browser: Any, environ: dict[str, str]) -> None:
        self.folder, self.refused, self.environ = folder, list[str](), environ
        self._free, self._sharing = list[Any](), set[Any]()
        self._kernel: dict[str, str] | None = None
        self._url, self._token = url, token
        self._context = browser.new_context(viewport=VIEW)
        self._context.set_default_timeout(WAIT_MS)
        self._context.on("request", self._asked)

    def _asked(self, request: Any) -> None:
        if not request.url.startswith((self._url, "data:", "blob:")):
            self.refused.append(request.url)

    def empty_page(self) -> Any:
        """A page of the same browser without a notebook."""
        return self._context.new_page()

    def notebook(self, name: str, *cells: str) -> Path:
        """A new notebook with these code cells."""
        import nbformat

        made = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
        made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
        path = self.folder / f"{name}.ipynb"
        nbformat.write(made, path)
        return path

    def open(self, path: Path, *, own_kernel: bool = False) -> Any:
        """The page of a notebook in the folder, its kernel ready. own_kernel: another one is open meanwhile."""
        place = path.relative_to(self.folder).as_posix()
        page = self._free.pop() if self._free else self._loaded()
        page.bring_to_front()  # else a wheel would not turn
        page.evaluate(OPEN, [place, None if own_kernel else self._kernel])
        page.wait_for_function(READY, arg=place)
        if not own_kernel:
            self._kernel = self._kernel or page.evaluate(KERNEL)
            self._sharing.add(page)
        return page

    def _loaded(self) -> Any:
        """A page without a notebook, of a JupyterLab workspace of its own: else it would go to another address."""
        page = self._context.new_page()
        name = f"page{len(self._context.pages)}"
        page.goto(f"{self._url}/lab/workspaces/{name}?token={self._token}&reset")
        page.wait_for_function("() => window.jupyterapp")
        page.evaluate("async () => { await jupyterapp.restored; }")
        # The file browser would take a quarter of the width from what a test looks at.
        page.evaluate("() => jupyterapp.shell.collapseLeft()")
        return page

    def run_all(self, path: Path, *, own_kernel: bool = False) -> Any:
        """The page of a notebook after Run All; a cell that failed leaves its traceback on the page."""
        page = self.open(path, own_kernel=own_kernel)
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

    def seen(self) -> str:
        """What each page shows, and the end of what JupyterLab and the kernels logged."""
        texts = [page.locator("body").inner_text(timeout=5_000) for page in self._context.pages]
        return "\n\n".join([*texts, (self.folder / LOG).read_text("utf-8", "replace")[-4000:]])

    def close(self, page: Any) -> None:
        """Save and close the notebook; the last one that is open leaves its kernel as new."""
        self._sharing.discard(page)
        page.evaluate(CLOSE, [self._kernel, None if self._sharing else EMPTIED])
        self._free.append(page)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Any:
    """What a person would have seen where a test failed: its data are the invented sample's."""
    report = yield
    if report.failed and (lab := getattr(item, "funcargs", {}).get("lab")):
        report.sections.append(("What the browser showed", lab.seen()))
    return report


# Not longer than this folder: while playwright runs, nothing else in this process can run an event loop.
@pytest.fixture(scope="package")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    """JupyterLab and Chromium, started once; a keyring of the tests' own."""
    if not Path(CHROMIUM).exists():
        pytest.skip("no Chromium at /usr/bin/chromium, nor where EDFI_CHROMIUM_PATH says")
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    from edfi_toolkit.cli.workspace import open_workspace, sandbox_of
    from tests.keyrings import keyring_environ

    keyring = keyring_environ(tmp_path_factory.mktemp("keyring") / "keyring.json")
    made = open_workspace(tmp_path_factory.mktemp("lab") / "work", "certification")
    with (
        sandbox_of(made) as environ,
        _server(made.folder, environ | keyring) as (url, token),
        playwright.sync_playwright() as started,
    ):
        browser = started.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield Lab(made.folder, url, token, browser, environ)
        browser.close()


def say(page: Any, code: str) -> str:
    """Run code in the notebook's kernel and return what it prints."""
    return page.evaluate(
        """async (code) => {
            const kernel = jupyterapp.shell.currentWidget.context.sessionContext.session.kernel;
            const future = kernel.requestExecute({code});
            let text = "";
            future.onIOPub = (message) => {
                if (message.header.msg_type === "stream") text += message.content.text;
                if (message.header.msg_type === "error") text += message.content.traceback.join("\\n");
            };
            await future.done;
            return text;
        }""",
        code,
    )


@contextmanager
def _server(folder: Path, environ: dict[str, str]) -> Iterator[tuple[str, str]]:
    """A JupyterLab on a workspace: its address and token."""
    from ipykernel.kernelspec import write_kernel_spec

    from edfi_toolkit.cli.jupyter import jupyter_environ, write_config

    token, port = secrets.token_hex(16), _free_port()
    write_config(folder / ".jupyter", folder, port=port, browser=False)
    # Of sys.executable; on JUPYTER_PATH, as that of the environment would be found first elsewhere.
    write_kernel_spec(folder / ".jupyter/warm/kernels/python3")  # type: ignore[no-untyped-call]
    environ = {**os.environ, **environ, **jupyter_environ(folder / ".jupyter")}
    environ["JUPYTER_PATH"] = str(folder / ".jupyter/warm")
    for name in (
        "EDFI_UNATTENDED",
        warm.ANSWERS,
    ):  # a person is there, and Great Expectations is asked each time
        environ.pop(name, None)
    options = [f"--IdentityProvider.token={token}", "--LabApp.expose_app_in_browser=True"]
    command = [sys.executable, "-m", "jupyterlab", *options]
    log = folder / LOG
    with log.open("wb") as out:
        server = subprocess.Popen(
            command, env=environ, stdout=out, stderr=out, cwd=folder, start_new_session=True
        )
    try:
        _wait_for(server, port, token, log)
        yield f"http://127.0.0.1:{port}", token
    finally:
        os.killpg(server.pid, signal.SIGKILL)  # its kernel too
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
            with direct.open(f"http://127.0.0.1:{port}/api/kernelspecs?token={token}", timeout=5) as answer:
                assert sys.executable in answer.read().decode(), "its kernels are of another Python"
            return
        except OSError:
            time.sleep(0.1)
    pytest.fail(f"JupyterLab did not answer within a minute:\n{log.read_text()[-2000:]}")

"""JupyterLab on a workspace: own configuration, no news, no update check, no extension catalogue."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from edfi_toolkit.display.saved import SAVES
from edfi_toolkit.storage import write_private

CONFIG = """\
c.ContentsManager.pre_save_hook = "edfi_toolkit.display.saved.without_panels"  # a notebook opened again can be read
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.LabApp.extension_manager = "readonly"  # the default one asks a package index
c.LabApp.expose_app_in_browser = True  # lets a browser test wait for the kernel
c.LabApp.default_url = "/lab/tree/00_start_here.ipynb"
c.ServerApp.root_dir = {root!r}
c.ContentsManager.hide_globs = ["__pycache__", "*.pyc", "*.lock", "*.part"]
c.ServerApp.ip = "127.0.0.1"
c.ServerApp.port = {port}
c.ServerApp.open_browser = {browser}
c.ServerApp.allow_root = {is_root}
"""
# A cell that runs before the one that opens the run is a mistake too, and gets its card.
STARTUP = """\
from edfi_toolkit.display.cards import show_mistakes_as_cards

show_mistakes_as_cards()
"""
OVERRIDES = {
    "@jupyterlab/apputils-extension:notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
        "doNotDisturbMode": True,
    },
    # Cells out of view stay in the page, so that find and tests see them.
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "defer"},
}


def serve_lab(folder: Path, *, port: int, browser: bool, environ: Mapping[str, str]) -> None:
    """Serve a workspace until interrupted.

    environ: what the kernels see besides our own environment. Jupyter keeps its things in the folder.
    """
    own = folder / ".jupyter"
    write_config(own, folder, port=port, browser=browser)
    command = [sys.executable, "-m", "jupyterlab"]
    process = subprocess.Popen(command, env={**os.environ, **environ, **jupyter_environ(own)})  # noqa: S603
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # being ended is like Ctrl-C: nothing stays behind
    try:
        process.wait()
    except KeyboardInterrupt:
        process.terminate()
        process.wait()


def write_config(own: Path, root: Path, *, port: int, browser: bool) -> None:
    """Write Jupyter's configuration; what a person has set in JupyterLab, such as the theme, stays."""
    is_root = hasattr(os, "geteuid") and os.geteuid() == 0
    text = CONFIG.format(root=str(root), port=port, browser=browser, is_root=is_root)
    write_private(own / "config" / "jupyter_lab_config.py", text)
    overrides = own / "config" / "labconfig" / "default_setting_overrides.json"
    write_private(overrides, json.dumps(OVERRIDES))
    write_private(own / "ipython" / "profile_default" / "startup" / "00-cards.py", STARTUP)


def jupyter_environ(own: Path) -> dict[str, str]:
    """Where Jupyter and IPython keep their things, so that a user's own set-up neither helps nor disturbs."""
    return {
        "JUPYTER_CONFIG_DIR": str(own / "config"),
        "JUPYTER_DATA_DIR": str(own / "data"),
        "JUPYTER_RUNTIME_DIR": str(own / "runtime"),
        "IPYTHONDIR": str(own / "ipython"),
        SAVES: "1",
    }

"""Being heard while the kernel is at work."""

from __future__ import annotations

import threading
from typing import Any


def heard_while_busy(widget: Any) -> None:
    """Let the browser's next message to a widget reach a thread that is not the present one.

    JupyterLab sends the messages of all widgets to one thread next to the main one, and ipykernel 7.4 answers a
    widget in the thread that spoke to it last, which is the one at work. This changes who is believed to have
    spoken: none when the main thread is at work, else the main thread. Kernels that keep no such record are
    not affected. To be called after every message to the widget.
    """
    if widget.comm is None:
        return
    record = vars(widget.comm)
    if threading.current_thread() is threading.main_thread():
        record.pop("_reply_subshell_id", None)
    elif "_reply_subshell_id" in record:
        record["_reply_subshell_id"] = None

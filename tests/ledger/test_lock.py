"""The lock files of a ledger: one holder at a time, and none after a kill."""

from __future__ import annotations

import signal
import subprocess
import sys

import pytest

from edfi_toolkit.errors import LedgerBusy
from edfi_toolkit.ledger.lock import file_lock

HOLDER = """
import sys, time
from pathlib import Path
from edfi_toolkit.ledger.lock import file_lock
with file_lock(Path(sys.argv[1]), busy="busy"):
    print("held", flush=True)
    time.sleep(60)
"""


def test_a_lock_has_one_holder_and_is_private(tmp_path):
    path = tmp_path / "locks" / "feed-1"
    with file_lock(path, busy="busy"):
        assert path.stat().st_mode & 0o077 == path.parent.stat().st_mode & 0o077 == 0
        with pytest.raises(LedgerBusy, match="busy"), file_lock(path, busy="busy", wait_s=0.1):
            pass
    with file_lock(path, busy="busy"):
        pass


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    path = tmp_path / "feed-1"
    with subprocess.Popen([sys.executable, "-c", HOLDER, str(path)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(LedgerBusy), file_lock(path, busy="busy"):
            pass
        holder.send_signal(signal.SIGKILL)
    with file_lock(path, busy="busy"):
        pass

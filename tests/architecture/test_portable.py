"""What Windows lacks is used behind a guard only: a check of the platform, `hasattr`, or a caught error."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import edfi_toolkit

PACKAGE = Path(edfi_toolkit.__file__).parent

MODULES = {"crypt", "fcntl", "grp", "posix", "pty", "pwd", "resource", "syslog", "termios", "tty", "uvloop"}
# Without those that Windows has too: os.kill, os.chmod, os.fsync, signal.SIGINT, signal.SIGTERM.
# https://docs.python.org/3/library/os.html and signal.html name the platforms of each.
NAMES = {
    "os": """chown chroot fchdir fchmod fchown fdatasync fork forkpty fpathconf getegid geteuid getgid getgroups
        getloadavg getpgid getpgrp getpriority getresuid getsid getuid killpg lchmod lchown lockf major makedev minor
        mkfifo mknod nice openpty pathconf posix_fadvise posix_fallocate posix_spawn pread preadv pwrite pwritev
        sched_getaffinity sched_setaffinity sched_yield sendfile setegid seteuid setgid setgroups setpgid setpriority
        setsid setuid statvfs sync sysconf tcgetpgrp ttyname uname wait wait3 wait4 O_ASYNC O_CLOEXEC O_DIRECTORY
        O_DSYNC O_NOCTTY O_NOFOLLOW O_NONBLOCK O_SYNC P_PID""",
    "signal": """SIGALRM SIGBUS SIGCHLD SIGCONT SIGHUP SIGKILL SIGPIPE SIGQUIT SIGSTOP SIGTSTP SIGUSR1 SIGUSR2 SIGWINCH
        alarm getitimer pause pthread_kill pthread_sigmask setitimer siginterrupt sigpending sigwait""",
    "select": "epoll kqueue poll",
    "socket": "AF_UNIX SO_REUSEPORT",
    "time": "tzset",
}
MISSING = {f"{module}.{name}" for module, names in NAMES.items() for name in names.split()}
METHODS = {"add_signal_handler", "create_unix_server", "open_unix_connection"}  # of an event loop
ARGUMENTS = {"preexec_fn", "pass_fds"}  # of a subprocess
NAMED = re.compile(
    rf"\b(import|from)\b.*\b({'|'.join(MODULES)})\b"
    rf"|\b({'|'.join({*METHODS, *ARGUMENTS, *' '.join(NAMES.values()).split()})})\b"
)


def branches_without_windows(test: ast.expr) -> tuple[bool, bool]:
    """Whether the branch where `test` holds, and the one where it does not, is never run on Windows."""
    text = ast.unparse(test)
    if isinstance(test, ast.UnaryOp) and isinstance(test.op, ast.Not):
        return branches_without_windows(test.operand)[::-1]
    if isinstance(test, ast.BoolOp) and isinstance(test.op, ast.And):
        return any(branches_without_windows(each)[0] for each in test.values), False
    if text.startswith("hasattr("):
        return True, False
    same = {"sys.platform == 'win32'", "os.name == 'nt'"}
    other = {text.replace("==", "!=") for text in same} | {"os.name == 'posix'"}
    return text in other, text in same


def uses(source: str) -> Iterator[tuple[str, int]]:
    """Each use of what Windows lacks that no guard keeps from it: what, and its line."""
    if not NAMED.search(source):
        return
    tree = ast.parse(source)
    chosen = {  # `Sockets = EpollSockets if hasattr(select, "epoll") else LoopSockets` guards the class of that name
        ast.unparse(node.body if branches_without_windows(node.test)[0] else node.orelse)
        for node in ast.walk(tree)
        if isinstance(node, ast.IfExp) and any(branches_without_windows(node.test))
    }

    def block(statements: list[ast.stmt], guarded: bool) -> Iterator[tuple[str, int]]:
        for statement in statements:
            yield from visit(statement, guarded)
            if isinstance(statement, ast.If) and isinstance(statement.body[-1], ast.Return | ast.Raise):
                guarded = guarded or branches_without_windows(statement.test)[1]

    def visit(node: ast.AST, guarded: bool) -> Iterator[tuple[str, int]]:
        guarded = guarded or getattr(node, "name", "") in chosen
        if not guarded:
            yield from ((name, node.lineno) for name in lacking(node))  # type: ignore[attr-defined]
        if isinstance(node, ast.If | ast.IfExp):
            holds, fails = branches_without_windows(node.test)
            yield from visit(node.test, guarded)
            body = node.body if isinstance(node.body, list) else [node.body]
            orelse = node.orelse if isinstance(node.orelse, list) else [node.orelse]
            yield from block(body, guarded or holds)  # type: ignore[arg-type]
            yield from block(orelse, guarded or fails)  # type: ignore[arg-type]
        elif isinstance(node, ast.BoolOp) and isinstance(node.op, ast.And):
            for each in node.values:
                yield from visit(each, guarded)
                guarded = guarded or branches_without_windows(each)[0]
        elif isinstance(node, ast.Try):
            caught = {name for each in node.handlers if each.type for name in ast.unparse(each.type).split()}
            names = {name.strip("(),") for name in caught}
            yield from block(node.body, guarded or bool(names & {"ImportError", "AttributeError"}))
            for part in (*(each.body for each in node.handlers), node.orelse, node.finalbody):
                yield from block(part, guarded)
        else:
            for _, value in ast.iter_fields(node):
                children = value if isinstance(value, list) else [value]
                if children and all(isinstance(each, ast.stmt) for each in children):
                    yield from block(children, guarded)
                else:
                    for child in children:
                        if isinstance(child, ast.AST):
                            yield from visit(child, guarded)

    yield from block(tree.body, guarded=False)


def lacking(node: ast.AST) -> Iterator[str]:
    """What this one node uses that Windows lacks."""
    if isinstance(node, ast.Import):
        yield from (alias.name for alias in node.names if alias.name.split(".")[0] in MODULES)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        if node.module.split(".")[0] in MODULES:
            yield node.module
        yield from (name for alias in node.names if (name := f"{node.module}.{alias.name}") in MISSING)
    elif isinstance(node, ast.Attribute):
        if node.attr in METHODS:
            yield node.attr
        elif isinstance(node.value, ast.Name) and (name := f"{node.value.id}.{node.attr}") in MISSING:
            yield name
    elif isinstance(node, ast.keyword) and node.arg in ARGUMENTS:
        yield node.arg


def test_what_windows_lacks_is_behind_a_guard() -> None:
    wrong = [
        f"{path.relative_to(PACKAGE).as_posix()}:{line}: {name}"
        for path in sorted(PACKAGE.rglob("*.py"))
        for name, line in uses(path.read_text(encoding="utf-8"))
    ]
    assert not wrong, "not on Windows:\n" + "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import fcntl", ["fcntl"]),
        ("from pwd import getpwnam", ["pwd"]),
        ("from edfi_toolkit.model import resource", []),
        ("from os import geteuid", ["os.geteuid"]),
        ("def f():\n    import uvloop", ["uvloop"]),
        ("if sys.platform != 'win32':\n    import fcntl", []),
        ("if sys.platform == 'win32':\n    import fcntl", ["fcntl"]),
        ("if sys.platform == 'win32':\n    pass\nelse:\n    import fcntl", []),
        ("def f():\n    if sys.platform == 'win32':\n        return\n    import uvloop", []),
        ("def f():\n    if sys.platform == 'win32':\n        pass\n    import uvloop", ["uvloop"]),
        ("try:\n    import resource\nexcept ImportError:\n    resource = None", []),
        ("try:\n    import resource\nexcept OSError:\n    resource = None", ["resource"]),
        ("root = hasattr(os, 'geteuid') and os.geteuid() == 0", []),
        ("root = os.geteuid() == 0 and hasattr(os, 'geteuid')", ["os.geteuid"]),
        ("user = os.getuid() if os.name == 'posix' else 0", []),
        ("user = 0 if os.name != 'nt' else os.getuid()", ["os.getuid"]),
        ("class A:\n    a = select.epoll()\nB = A if hasattr(select, 'epoll') else C", []),
        ("class A:\n    a = select.epoll()\nB = C if hasattr(select, 'epoll') else A", ["select.epoll"]),
        ("os.kill(pid, signal.SIGKILL)", ["signal.SIGKILL"]),
        ("os.kill(pid, signal.SIGTERM)", []),
        ("with a() as b:\n    loop.add_signal_handler(1, f)", ["add_signal_handler"]),
        ("run(x, preexec_fn=os.setsid)", ["os.setsid", "preexec_fn"]),
        ("@os.fork\ndef f(x=os.nice): ...", ["os.fork", "os.nice"]),
    ],
)
def test_the_check_itself(source: str, found: list[str]) -> None:
    assert sorted(name for name, _ in uses(source)) == found

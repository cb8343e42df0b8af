"""What another library says reaches no message and no traceback: it may quote a student or an address."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import edfi_toolkit

PACKAGE = Path(edfi_toolkit.__file__).parent
MODULES = {path.relative_to(PACKAGE).as_posix(): path.read_text("utf-8") for path in PACKAGE.rglob("*.py")}

OWN = {name for source in MODULES.values() for name in re.findall(r"^ *class (\w+)", source, re.MULTILINE)}
# What an exception holds besides its kind: all of it may be data.
SPEAKS = {"args", "filename", "msg", "message", "orig", "params", "reason", "statement", "strerror"}
SAYS = {"str", "repr", "format", "print", "say", "ascii"}
PRINTS = {"format_exc", "format_exception", "print_exc", "print_exception"}
# Each with its reason.
EXCEPTIONS = {
    "errors.py": "what_failed itself",
    "planning/comparison.py": "the name of a member of ours that a body lacks",
    "sources/text.py": "asks whether Arrow's sentence is about its block size, and repeats nothing",
}


def is_foreign(node: ast.expr | None) -> bool:
    """Whether a handler catches, or an annotation names, an exception that is not the toolkit's own."""
    if isinstance(node, ast.Tuple):
        return any(is_foreign(each) for each in node.elts)
    return not (isinstance(node, ast.Name) and node.id in OWN)


def is_exception(node: ast.expr | None) -> bool:
    """Whether an annotation names an exception."""
    names = [getattr(each, "id", getattr(each, "attr", "")) for each in ast.walk(node)] if node else []
    return any(name.endswith(("Error", "Exception")) for name in names)


def quotes(body: list[ast.stmt], name: str) -> Iterator[tuple[str, int]]:
    """Where what the exception of that name says is made a text."""
    for node in (each for statement in body for each in ast.walk(statement)):
        if isinstance(node, ast.FormattedValue) and is_name(node.value, name):
            yield "in a text", node.lineno
        if isinstance(node, ast.Attribute) and is_name(node.value, name) and node.attr in SPEAKS:
            yield f".{node.attr}", node.lineno
        if (
            isinstance(node, ast.BinOp)
            and isinstance(node.op, ast.Mod)
            and any(is_name(each, name) for each in ast.walk(node.right))
        ):
            yield "in a text", node.lineno
        if isinstance(node, ast.Call) and any(is_name(arg, name) for arg in node.args):
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in SAYS:
                yield f"{called}()", node.lineno


def is_name(node: ast.AST, name: str) -> bool:
    return isinstance(node, ast.Name) and node.id == name


def chains(handler: ast.ExceptHandler) -> Iterator[tuple[str, int]]:
    """Errors raised from another library's one: a traceback would print both."""
    for node in ast.walk(handler):
        if not isinstance(node, ast.Raise) or node.exc is None or is_name(node.exc, handler.name or ""):
            continue
        if not (isinstance(node.cause, ast.Constant) and node.cause.value is None):
            yield "raised without `from None`", node.lineno


def faults(source: str) -> list[tuple[str, int]]:
    """Each place where another library's exception gets into a text or into the chain of ours."""
    found: set[tuple[str, int]] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ExceptHandler) and is_foreign(node.type):
            found.update(chains(node))
            found.update(quotes(node.body, node.name) if node.name else ())
        elif isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            for argument in (*node.args.args, *node.args.kwonlyargs):
                if is_exception(argument.annotation) and is_foreign(argument.annotation):
                    found.update(quotes(node.body, argument.arg))
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") in PRINTS:
            found.add((f"{node.func.attr}()", node.lineno))
        elif isinstance(node, ast.keyword) and node.arg == "exc_info":
            found.add(("exc_info", node.value.lineno))
    return sorted(found, key=lambda each: each[1])


@pytest.mark.parametrize("module", sorted(MODULES.keys() - EXCEPTIONS))
def test_nothing_repeats_what_another_library_says(module: str) -> None:
    assert [f"{module}:{line}: {what}" for what, line in faults(MODULES[module])] == []


@pytest.mark.parametrize("module", EXCEPTIONS)
def test_every_exception_is_still_needed(module: str) -> None:
    assert faults(MODULES[module])


@pytest.mark.parametrize(
    ("handler", "found"),
    [
        ("except OSError as e:\n    raise ConfigError(f'{what_failed(e)}') from None", []),
        ("except ConfigError as e:\n    raise ConfigError(f'{e}') from None", []),
        ("except OSError as e:\n    raise", []),
        ("except Exception as e:\n    say(type(e).__name__)", []),
        ("except OSError:\n    raise ConfigError('x')", ["raised without `from None`"]),
        ("except OSError as e:\n    raise ConfigError('x') from e", ["raised without `from None`"]),
        ("except (ConfigError, ValueError) as e:\n    text = f'no: {e}'", ["in a text"]),
        ("except ValueError as e:\n    text = 'no: %s' % (e,)", ["in a text"]),
        ("except ValueError as e:\n    text = str(e)", ["str()"]),
        ("except ValueError as e:\n    text = '{}'.format(e)", ["format()"]),
        ("except OSError as e:\n    text = e.strerror", [".strerror"]),
        ("except exc.DBAPIError as e:\n    text = e.orig", [".orig"]),
        ("except:\n    log.error('no', exc_info=True)", ["exc_info"]),
        ("except:\n    text = traceback.format_exc()", ["format_exc()"]),
    ],
)
def test_the_search_itself(handler: str, found: list[str]) -> None:
    assert [what for what, _ in faults(f"try:\n    pass\n{handler}")] == found


def test_the_search_follows_an_exception_into_a_function() -> None:
    source = "def told(error: httpx.HTTPError | None) -> str:\n    return str(error)"
    assert faults(source) == [("str()", 2)]

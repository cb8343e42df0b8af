"""What Great Expectations does needlessly, and is spared: half of a first validation, half of each further one.

1. An expectation makes its configuration, and a configuration its expectation, from the start at every access: some
   forty times for each rule, more than checking the rows of a district of some hundred records takes.
2. One rule compares distributions and can draw them. For it alone scipy's statistics and altair are imported, which is
   nearly half of what starting the library costs.
3. Starting it makes classes and tables by the hundred thousand, which all stay. Python's collector looks through them
   hundreds of times meanwhile, a fifth of the rest.
"""

from __future__ import annotations

import gc
import importlib
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

RARELY_USED = ("altair", "scipy.stats")


@contextmanager
def rules_described_once() -> Iterator[None]:
    """Within this block no rule changes, and each object is asked for its other form once."""
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    rule: Any = Expectation
    record: Any = ExpectationConfiguration
    configuration, expectation = rule.configuration, record.to_domain_obj
    rule.configuration = property(_once(configuration.fget))
    record.to_domain_obj = _once(expectation)
    try:
        yield
    finally:
        rule.configuration = configuration
        record.to_domain_obj = expectation


def _once(form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    forms: dict[int, tuple[Any, Any]] = {}

    def of(thing: Any) -> Any:
        if id(thing) not in forms:
            forms[id(thing)] = thing, form(thing)  # with the object, so that no other takes its number
        return forms[id(thing)][1]

    return of


@contextmanager
def rarely_used_imported_later() -> Iterator[None]:
    """What is imported within this block has the rarely used modules when it first needs something of them."""
    stand_ins = {name: _Later(name) for name in RARELY_USED if name not in sys.modules}
    sys.modules.update(stand_ins)
    try:
        yield
    finally:
        for stand_in in stand_ins.values():
            stand_in.leave()


@contextmanager
def nothing_collected() -> Iterator[None]:
    """Within this block the collector rests."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


class _Later(ModuleType):
    """Stands in for a module that nothing has needed yet."""

    def leave(self) -> None:
        """From now on an import gives the module itself."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, attribute: str) -> Any:
        self.leave()
        return getattr(importlib.import_module(self.__name__), attribute)

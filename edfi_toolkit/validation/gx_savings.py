"""What Great Expectations does needlessly, and is spared: half of a first validation, two thirds of each further one.

1. An expectation makes its configuration, and a configuration its expectation, from the start at every access: some
   forty times for each rule, more than checking the rows of a district of some hundred records takes.
2. One rule compares distributions and can draw them, one reads JSON by a schema. For these alone scipy's statistics,
   altair and jsonschema are imported, which is half of what starting the library costs.
3. Starting it makes classes and tables by the hundred thousand, which all stay. Python's collector looks through them
   hundreds of times meanwhile, a fifth of the rest.
4. It makes some four hundred models, and each copies the fields of the one it extends with all that hangs on them.
   Most of that is a class, a function or a text, of which there is no copy: a quarter of what is left.
5. It measures a frame and digests every cell of it, twice for each suite, to mark a batch by what it holds. Nothing
   reads the mark.
6. It names each measure by what it is about, and names the few measures of a suite some hundred times: a quarter of
   what checking the records of a small district takes.
"""

from __future__ import annotations

import copy
import gc
import importlib
import sys
import types
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

RARELY_USED = ("altair", "jsonschema", "scipy.stats")
_UNSET = object()
# What a deep copy shares with its original. Of an alias of `typing` it makes another, though nothing can change one.
_SHARED = (
    *(type(None), type(...), bool, int, float, str, bytes, type, property),
    *(types.FunctionType, types.BuiltinFunctionType, types.GenericAlias),
    *(type(typing.Optional[int]), type(typing.Literal[0])),  # noqa: UP045 - the type that it has
)


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


@contextmanager
def measures_named_once() -> Iterator[None]:
    """Within this block equal values are named once."""
    from great_expectations.core.id_dict import IDDict

    values: Any = IDDict
    name = values.to_id
    values.to_id = _once_for_equal(name)
    try:
        yield
    finally:
        values.to_id = name


def _once_for_equal(name: Callable[..., Any]) -> Callable[..., Any]:
    names: dict[Any, Any] = {}

    def of(values: Any, *some: Any, **keys: Any) -> Any:
        if some or keys:
            return name(values, *some, **keys)
        about = tuple((key, type(value), value) for key, value in values.items())
        try:
            known = about in names
        except TypeError:  # a list or a mapping among them
            return name(values)
        if not known:
            names[about] = name(values)
        return names[about]

    return of


@contextmanager
def batches_unmarked() -> Iterator[None]:
    """Within this block a frame is neither measured nor digested."""
    module: Any = importlib.import_module("great_expectations.execution_engine.pandas_execution_engine")
    engine: Any = module.PandasExecutionEngine
    load = engine.get_batch_data_and_markers

    def unmarked(self: Any, batch_spec: Any) -> tuple[Any, Any]:
        frame, batch_spec.batch_data = batch_spec.batch_data, "PandasDataFrame"  # as it does itself
        return module.PandasBatchData(execution_engine=self, dataframe=frame), module.BatchMarkers(
            {"ge_load_time": ""}
        )

    engine.get_batch_data_and_markers = unmarked
    try:
        yield
    finally:
        engine.get_batch_data_and_markers = load


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


@contextmanager
def fields_copied_quickly() -> Iterator[None]:
    """Within this block a copy of a model's field is as deep as ever, and asks `copy` only for what has copies."""
    fields: Any = importlib.import_module("pydantic.v1.fields")
    for kind in (fields.ModelField, fields.FieldInfo):
        kind.__deepcopy__ = _copied
    try:
        yield
    finally:
        for kind in (fields.ModelField, fields.FieldInfo):
            del kind.__deepcopy__


def _copied(field: Any, memo: dict[int, Any]) -> Any:
    made = memo[id(field)] = object.__new__(type(field))
    for name in type(field).__slots__:
        value = getattr(field, name, _UNSET)
        if value is not _UNSET:
            setattr(made, name, value if isinstance(value, _SHARED) else _deep(value, memo))
    return made


def _deep(value: Any, memo: dict[int, Any]) -> Any:
    """A copy of what a field holds: mostly a list of functions, which has no need to be asked what they are."""
    if type(value) is list:
        return [part if isinstance(part, _SHARED) else _deep(part, memo) for part in value]
    return copy.deepcopy(value, memo) if value or type(value) is not dict else {}


class _Later(ModuleType):
    """Stands in for a module that nothing has needed yet."""

    def leave(self) -> None:
        """From now on an import gives the module itself."""
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]

    def __getattr__(self, attribute: str) -> Any:
        self.leave()
        return getattr(importlib.import_module(self.__name__), attribute)

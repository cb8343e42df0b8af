"""What Great Expectations works out again and again for a rule that does not change, worked out once.

An expectation makes its configuration, and a configuration its expectation, from the start at every access: some forty
times for each rule, more than checking the rows of a district of some hundred records takes.
"""

# mypy: disable-error-code="assignment, attr-defined, method-assign"
# Methods of another library are replaced here, which a type checker forbids with reason.

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def rules_described_once() -> Iterator[None]:
    """Within this block no rule changes, and each object is asked for its other form once."""
    from great_expectations.expectations.expectation import Expectation
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    configuration, expectation = Expectation.configuration, ExpectationConfiguration.to_domain_obj
    Expectation.configuration = property(_once(configuration.fget))
    ExpectationConfiguration.to_domain_obj = _once(expectation)
    try:
        yield
    finally:
        Expectation.configuration = configuration
        ExpectationConfiguration.to_domain_obj = expectation


def _once(form: Callable[[Any], Any]) -> Callable[[Any], Any]:
    forms: dict[int, tuple[Any, Any]] = {}

    def of(thing: Any) -> Any:
        if id(thing) not in forms:
            forms[id(thing)] = thing, form(thing)  # with the object, so that no other takes its number
        return forms[id(thing)][1]

    return of

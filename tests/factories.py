"""The smallest valid value of each kind, with overrides; and builds that tests share."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from edfi_toolkit.rules import Build, build


def build_of(tables: Any, *, profile: str, settings: Any = None, **more: Any) -> Build:
    """As `build`; tables that were built before give the same build again, which no test may change."""
    return _built(json.dumps([tables, profile, settings, more]))


@cache
def _built(given: str) -> Build:
    tables, profile, settings, more = json.loads(given)
    return build(tables, profile=profile, settings=settings, **more)

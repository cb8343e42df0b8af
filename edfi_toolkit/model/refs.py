"""References to source rows: `table:id`; of an enrollment with the trigger of a record, as `enrollments:20#ceis`."""

from __future__ import annotations

import re
from typing import Any

# Only an enrollment makes records in several ways. An id of any table may hold `#` as well, as in `A#3`.
TRIGGER = re.compile(r"^(enrollments:.*)#[a-z_]+$")


def row_of(ref: str) -> str:
    """`table:id` of a reference that may name a trigger: `enrollments:20#ceis` is about `enrollments:20`."""
    return TRIGGER.sub(r"\1", ref) if "#" in ref else ref


def split_ref(ref: str) -> tuple[str, str]:
    """Table and id of a reference that may name a trigger."""
    table, _, row_id = row_of(ref).partition(":")
    return table, row_id


def first_ref(refs: Any) -> Any:
    """The source row that a record is made from, of its references; None where it has none."""
    return refs[0] if isinstance(refs, list) and refs else None

"""Text for people goes to stderr, results to stdout; `--json` makes the results JSON."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review.views import View


def say(text: str) -> None:
    """A line for the person, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show(view: View, *, as_json: bool = False, facts: Mapping[str, Any] | None = None) -> None:
    """The result of a command on stdout: a view as text, or its facts (else its tables) as JSON."""
    if not as_json:
        sys.stdout.write(f"{view!r}\n")
    elif facts is not None:
        show_json(facts)
    else:
        show_json({block.caption: as_records(block.frame, view.masker) for block in view.blocks})


def show_json(content: object) -> None:
    """Any result as one line of JSON on stdout."""
    import orjson

    sys.stdout.write(orjson.dumps(content, default=str).decode() + "\n")


def as_records(frame: pd.DataFrame, masker: Masker) -> list[dict[str, Any]]:
    """Rows as plain objects, masked; missing values are null."""
    masked = masker.frame(frame).astype(object)
    records: list[dict[str, Any]] = masked.where(masked.notna(), None).to_dict("records")
    return records

"""Text for people goes to stderr, results to stdout; `--json` makes the results JSON."""

from __future__ import annotations

import signal
import sys
import time
from collections.abc import Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self

import typer

from edfi_toolkit.display.progress import NO_COUNTS, progress_text

if TYPE_CHECKING:
    import pandas as pd

    from edfi_toolkit.privacy import Masker
    from edfi_toolkit.review.views import View


class Mode(StrEnum):
    """What a plan compares with."""

    publish = "publish"
    resync = "resync"


STOPS = (signal.SIGINT, signal.SIGTERM)
AsJson = Annotated[bool, typer.Option("--json", help="Write the result as JSON.")]
Reveal = Annotated[bool, typer.Option("--reveal", help="Show real student ids instead of pseudonyms.")]
ProfileName = Annotated[str, typer.Option("--profile", "-p", help="Whose rules, such as certification.")]
SchoolYear = Annotated[
    int | None, typer.Option("--school-year", "-y", help="The year it ends in: 2026 is 2025-26.")
]
TargetName = Annotated[str, typer.Option("--target", "-t", help="A target named in the settings.")]
SourceName = Annotated[
    str, typer.Argument(metavar="SOURCE", help="A source named in the settings, a folder, or a database URL.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--override", help="A limit that is meant, limit:person; may be repeated."),
]
Schools = Annotated[
    list[int] | None,
    typer.Option("--school", help="Only this school's records, by its Ed-Fi id; may be repeated."),
]
Incremental = Annotated[
    bool | None,
    typer.Option(
        "--incremental/--whole", help="Read only what changed since the last resync, or everything."
    ),
]
ModeName = Annotated[
    Mode,
    typer.Option("--mode", help="Compare with what was published before, or with what the ODS holds."),
]
Given = Annotated[
    list[str] | None, typer.Option("--set", help="A setting of the profile, name=value; may be repeated.")
]


def say(text: str) -> None:
    """A line for the person, on stderr."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


class Line:
    """Progress on one line of stderr, drawn again when it is a terminal.

    As a context manager it turns the first Ctrl-C, or a scheduler's SIGTERM, into a stop between two records; the
    second ends the program at once.
    """

    def __init__(self, label: str) -> None:
        self.label, self.stopped, self._shown_at = label, False, 0.0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        self._before = {number: signal.signal(number, self._asked) for number in STOPS}
        return self

    def __exit__(self, *error: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _asked(self, number: int, frame: object) -> None:
        self.stopped = True
        signal.signal(number, self._before[number])
        say("Stopping: what is under way is finished and settled. Press Ctrl-C again to leave at once.")

    def __call__(self, done: int, total: int | None = None, counts: Mapping[str, int] = NO_COUNTS) -> bool:
        """Write how far it is; ten times a second at most."""
        ended = total is not None and done >= total
        if ended or (sys.stderr.isatty() and time.monotonic() - self._shown_at > 0.1):
            self._shown_at = time.monotonic()
            start = "\r" if sys.stderr.isatty() else ""
            sys.stderr.write(f"{start}{self.label}: {progress_text(done, total, counts)}")
            sys.stderr.write("\n" if ended else "")
            sys.stderr.flush()
        return not self.stopped


def show(view: View, *, as_json: bool = False, facts: Mapping[str, Any] | None = None) -> None:
    """The result of a command on stdout: a view as text, or its facts (else its tables) as JSON."""
    if not as_json:
        sys.stdout.write(f"{view!r}\n")
    elif facts is not None:
        show_json(facts)
    else:
        show_json({block.caption: as_records(block.frame, view.masker) for block in view.blocks})


def show_json(content: Any) -> None:
    """Any result as one line of JSON on stdout."""
    import orjson

    sys.stdout.write(orjson.dumps(content, default=str).decode() + "\n")


def as_records(frame: pd.DataFrame, masker: Masker) -> list[dict[str, Any]]:
    """Rows as plain objects, masked; missing values are null."""
    masked = masker.frame(frame).astype(object)
    records: list[dict[str, Any]] = masked.where(masked.notna(), None).to_dict("records")
    return records


def settings_given(pairs: list[str] | None) -> dict[str, str]:
    """`["nm.begin_date_mode=latest_only"]` as a mapping. Raises ConfigError for one without `=`."""
    from edfi_toolkit.errors import ConfigError

    given = {}
    for pair in pairs or []:
        name, equals, value = pair.partition("=")
        if not equals:
            raise ConfigError(
                f"--set {pair}: write name=value, such as --set nm.begin_date_mode=latest_only."
            )
        given[name.strip()] = value.strip()
    return given

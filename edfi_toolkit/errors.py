"""Exceptions end the run; findings and rejections end up in tables.

EdfiToolkitError           everything that is raised on purpose
  ConfigError              settings or command line are wrong; nothing was contacted
    StepMissing            the run has not come so far yet; .lacks is what it lacks, as a sentence
  RulesError               a profile or its settings cannot be applied
  SourceError              the extract cannot be trusted
    SourceUnavailable      it could not be read
    SourceShapeError       a table or column is missing, or a file is not what it claims to be; names them
  ValidationError          an expectation suite cannot be applied as written
  PlanError                the plan is not carried out
    UnsafePlan             a guardrail refuses it; .breaches has all of them
    StalePlan              one plan was approved, another would be carried out
  OdsError                 the ODS could not be used; .method, .path without query, .status, .correlation_id
    OdsUnavailable         the retry budget is spent; running again resumes
    OdsRefusedLogin        key and secret were not accepted
      OdsLostLogin         they were, and no longer are: records were sent before; running again resumes
  LedgerError              the ledger cannot be used: it is damaged, or was written by a newer version
    LedgerBusy             another run, or a prune or erase, is at work; running again resumes
    LedgerUnavailable      it cannot be reached or written for now; running again resumes
  RecordsLeftOut           the run has finished, and records were held or refused, which was to be a failure
  StorageUnavailable       a file cannot be written for now: no room, no right; running again resumes

Every message names what happened, to which thing, and what to do next; never a secret, a request body or data of a
student. What another library says is data: it may quote a cell, a statement or an address. So its exceptions reach a
message by `what_failed` alone, and ours are raised `from None`, since a traceback prints the whole chain.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence

# Codes as drivers have them: SQLSTATE, SQLite's names, Oracle's. What looks otherwise may be a value.
_CODE = re.compile(r"[0-9A-Z]{5}|SQLITE_[A-Z_]+|(?:ORA|DPY|DPI)-\d{4,5}")
# Where parsers put a place into their text, before or after all that they quote.
_PLACE = re.compile(
    r"\(at (line \d+, column \d+)\)\Z"  # TOML
    r"|\ACSV parse error: Row #(\d+)"  # Arrow
    r"|\AError tokenizing data\. C error: Expected \d+ fields in line (\d+), saw \d+\s*\Z"  # pandas
)


class EdfiToolkitError(Exception):
    """Base of all errors the toolkit raises on purpose."""

    def _render_traceback_(self) -> list[str]:
        """For IPython: a mistake is one sentence, without the lines of code that noticed it."""
        return [f"{type(self).__name__}: {self}"]


class ConfigError(EdfiToolkitError):
    """Settings or command line are wrong; nothing was contacted."""


class StepMissing(ConfigError):
    """The run has not come so far yet; `lacks` is what it lacks, `made_in` the notebook that makes it."""

    def __init__(self, run_id: str, lacks: str, made_in: str) -> None:
        super().__init__(
            f"Run {run_id} has not come so far yet: {lacks}. Run notebook {made_in} first, with the same profile, "
            "school year, source and target."
        )
        self.lacks, self.made_in = lacks, made_in


class RulesError(EdfiToolkitError):
    """A profile or its settings cannot be applied."""


class SourceError(EdfiToolkitError):
    """The extract cannot be trusted."""


class SourceUnavailable(SourceError):
    """The source could not be read."""


class SourceShapeError(SourceError):
    """A required column or table is missing, or a file is not what it claims to be."""


class ValidationError(EdfiToolkitError):
    """An expectation suite cannot be applied as written."""


class PlanError(EdfiToolkitError):
    """The plan is not carried out."""


class UnsafePlan(PlanError):
    """A guardrail refuses the plan; `breaches` lists all of them."""

    def __init__(self, message: str, breaches: Sequence[str] = ()) -> None:
        super().__init__(message)
        self.breaches = tuple(breaches)


class StalePlan(PlanError):
    """One plan was approved, another would be carried out."""


class RecordsLeftOut(EdfiToolkitError):
    """The run has finished, and records were held or refused, where that was to be a failure."""


class OdsError(EdfiToolkitError):
    """The ODS could not be used; `path` never carries the query string."""

    def __init__(
        self,
        message: str,
        *,
        method: str | None = None,
        path: str | None = None,
        status: int | None = None,
        correlation_id: str | None = None,
    ) -> None:
        super().__init__(message)
        self.method, self.path, self.status, self.correlation_id = method, path, status, correlation_id

    @property
    def not_offered(self) -> bool:
        """Whether this means "not for this login" or "not in this version", and not that something is wrong."""
        return self.status in (403, 404, 405)

    @property
    def lacks(self) -> bool:
        """Whether a host that was asked for a collection has none of that name."""
        return self.status == 404


class OdsUnavailable(OdsError):
    """The retry budget is spent; running again resumes."""


class OdsRefusedLogin(OdsError):
    """Key and secret were not accepted."""


class OdsLostLogin(OdsRefusedLogin):
    """The login was accepted and no longer is; what was sent before is kept, and running again resumes."""


class LedgerError(EdfiToolkitError):
    """The ledger cannot be used: it is damaged, or was written by a newer version."""


class LedgerBusy(LedgerError):
    """Another run, or a prune or an erase, is at work; running again when it has ended resumes."""


class LedgerUnavailable(LedgerError):
    """The ledger cannot be reached or written for now; running again resumes."""


class StorageUnavailable(EdfiToolkitError):
    """A file cannot be written for now: no room, no right; running again resumes."""


def nearest_first(
    name: str, candidates: Iterable[str], *, key: Callable[[str], str] = str.casefold
) -> list[str]:
    """The candidates, those most like a name first, compared by a key."""
    # Imported here and below: most programs start, and end, without a misspelled name.
    from difflib import SequenceMatcher

    wanted = key(name)
    return sorted(candidates, key=lambda candidate: -SequenceMatcher(None, key(candidate), wanted).ratio())


def nearest(
    name: object,
    candidates: Iterable[object],
    *,
    key: Callable[[str], str] = str.casefold,
    cutoff: float = 0.5,
) -> str | None:
    """The candidate most like a name, compared by a key; None when none is as like it as the cutoff (1: equal)."""
    from difflib import get_close_matches

    by_key = {key(str(candidate)): str(candidate) for candidate in candidates}
    found = get_close_matches(key(str(name)), list(by_key), n=1, cutoff=cutoff)
    return by_key[found[0]] if found else None


def listed_nearest(name: str, candidates: Iterable[str]) -> str:
    """Up to three of the candidates as a list in words, the one most like the name first."""
    from difflib import get_close_matches

    each = list(dict.fromkeys(candidates))
    found = get_close_matches(name, each, n=len(each) or 1, cutoff=0)
    return ", ".join(found[:3]) + (f" and {len(found) - 3} more" if len(found) > 3 else "")


def did_you_mean(
    name: object, candidates: Iterable[object], *, key: Callable[[str], str] = str.casefold
) -> str:
    """The end of a message about an unknown name: `" Did you mean 'x'?"`, or nothing when none is like it."""
    near = nearest(name, candidates, key=key)
    return f" Did you mean {near!r}?" if near is not None else ""


def what_failed(error: BaseException) -> str:
    """Kind, code and place of another library's exception, as a message may have them: never what it says.

    `No space left on device`, `OperationalError 42P01`, `JSONDecodeError at line 3, column 7`.
    """
    driver = getattr(error, "orig", None)  # SQLAlchemy wraps what the driver raised
    error = driver if isinstance(driver, BaseException) else error
    if isinstance(error, OSError) and isinstance(error.errno, int):
        return os.strerror(error.errno)
    code = next((code for code in _codes(error) if isinstance(code, str) and _CODE.fullmatch(code)), "")
    place = _place(error)
    return f"{type(error).__name__}{f' {code}' if code else ''}{f' at {place}' if place else ''}"


def _codes(error: BaseException) -> Iterator[object]:
    yield getattr(error, "sqlstate", None)
    yield getattr(error, "sqlite_errorname", None)
    if error.args:
        yield getattr(error.args[0], "full_code", None)
        if type(error).__module__ == "pyodbc":
            yield error.args[0]


def _place(error: BaseException) -> str:
    if isinstance(error, UnicodeError):
        return f"byte {error.start}" if isinstance(error, UnicodeDecodeError) else ""
    at = getattr(error, "position", None)  # of XML
    line, column = (
        at if isinstance(at, tuple) else (getattr(error, "lineno", None), getattr(error, "colno", None))
    )
    if isinstance(line, int):
        return f"line {line}, column {column}" if isinstance(column, int) else f"line {line}"
    if (found := _PLACE.search(str(error))) is None:
        return ""
    return found[1] or (f"row {found[2]}" if found[2] else f"line {found[3]}")

"""Exceptions end the run; findings and rejections end up in tables.

EdfiToolkitError           everything that is raised on purpose
  ConfigError              settings or command line are wrong; nothing was contacted
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
  LedgerError              the ledger cannot be used, or was written by a newer version
    LedgerBusy             another run is at work in it; running again resumes

Every message names what happened, to which thing, and what to do next; never a secret, a request body or data of a
student.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from difflib import get_close_matches


class EdfiToolkitError(Exception):
    """Base of all errors the toolkit raises on purpose."""


class ConfigError(EdfiToolkitError):
    """Settings or command line are wrong; nothing was contacted."""


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


class OdsUnavailable(OdsError):
    """The retry budget is spent; running again resumes."""


class OdsRefusedLogin(OdsError):
    """Key and secret were not accepted."""


class LedgerError(EdfiToolkitError):
    """The ledger cannot be used, or was written by a newer version."""


class LedgerBusy(LedgerError):
    """Another run is at work in the ledger; running again resumes."""


def nearest(
    name: object, candidates: Iterable[object], *, key: Callable[[str], str] = str.casefold
) -> str | None:
    """The candidate most like a name, compared by a key; None when none is like it."""
    by_key = {key(str(candidate)): str(candidate) for candidate in candidates}
    found = get_close_matches(key(str(name)), list(by_key), n=1, cutoff=0.5)
    return by_key[found[0]] if found else None


def did_you_mean(
    name: object, candidates: Iterable[object], *, key: Callable[[str], str] = str.casefold
) -> str:
    """The end of a message about an unknown name: `" Did you mean 'x'?"`, or nothing when none is like it."""
    near = nearest(name, candidates, key=key)
    return f" Did you mean {near!r}?" if near is not None else ""

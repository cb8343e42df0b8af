"""An error on its way to the caller: problem details as the host writes them, or the older shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

PREFIX = "urn:ed-fi:api:"
PROBLEM_JSON, PLAIN_JSON = "application/problem+json", "application/json; charset=utf-8"


class Refusal(Exception):
    """A request that is answered with an error; `legacy` is what versions before 7.2 say."""

    def __init__(
        self,
        status: int,
        kind: str,
        title: str,
        detail: str,
        *,
        errors: Sequence[str] = (),
        validation: Mapping[str, Sequence[str]] | None = None,
        media: str = PLAIN_JSON,
        headers: Mapping[str, str] | None = None,
        legacy: str | None = None,
    ) -> None:
        super().__init__(f"{status} {kind}")
        self.status, self.kind, self.title, self.detail = status, kind, title, detail
        self.errors, self.validation = list(errors), dict(validation or {})
        self.media, self.headers = media, dict(headers or {})
        self._message = legacy

    def body(self, correlation_id: str, *, style: str) -> dict[str, Any] | None:
        """The answer's body in the style "problem" (7.2 on), "legacy" (before) or "dms"; None is empty."""
        if style == "legacy":
            return None if self.status == 401 else {"message": self._older_message()}
        found: dict[str, Any] = {
            "detail": self.detail,
            "type": PREFIX + self.kind,
            "title": self.title,
            "status": self.status,
            "correlationId": correlation_id,
        }
        if self.validation or style == "dms":
            found["validationErrors"] = self.validation
        if self.errors or style == "dms":
            found["errors"] = self.errors
        return found

    def _older_message(self) -> str:
        if self.validation:
            lines = [text for texts in self.validation.values() for text in texts]
            head = self._message or "The request is invalid."
            return f"{head}\n" + "".join(f"\t{line}\n" for line in lines)
        return self._message or " ".join([self.detail, *self.errors]).strip()

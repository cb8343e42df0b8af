"""An error on its way to the caller: problem details as the host writes them, the older shape, or the successor's."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

PREFIX = "urn:ed-fi:api:"
PROBLEM_JSON, PLAIN_JSON = "application/problem+json", "application/json; charset=utf-8"
PROBLEM_DETAILS, LEGACY, DMS = STYLES = ("problem-details", "legacy", "dms")
_TOO_LONG = re.compile(r" must be at most (\d+) characters in length\.")
_DOUBLED = re.compile(r"(The \w+ item of the )\w+( has the same identifying values)")


class Refusal(Exception):
    """A request that is answered with an error.

    legacy: what versions before 7.2 say; model_state: they list the paths next to it. dms: what the successor
    has instead, by member of the problem.
    """

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
        model_state: bool = False,
        dms: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(f"{status} {kind}")
        self.status, self.kind, self.title, self.detail = status, kind, title, detail
        self.errors, self.validation = list(errors), dict(validation or {})
        self.media, self.headers = media, dict(headers or {})
        self._legacy, self._model_state, self._dms = legacy, model_state, dict(dms or {})

    def body(self, correlation_id: str, *, style: str) -> dict[str, Any] | None:
        """The answer's body in one of STYLES; None is an empty one."""
        if style == LEGACY:
            return None if self.status == 401 else self._older()
        found: dict[str, Any] = {
            "detail": self.detail,
            "type": PREFIX + self.kind,
            "title": self.title,
            "status": self.status,
            "correlationId": correlation_id,
        }
        if style == DMS:
            texts = {
                path: [_with_json_name(path, text) for text in found]
                for path, found in self.validation.items()
            }
            return found | {"validationErrors": texts, "errors": self.errors} | self._dms
        if self.validation:
            found["validationErrors"] = self.validation
        if self.errors:
            found["errors"] = self.errors
        return found

    def _older(self) -> dict[str, Any]:
        if self.validation and self._model_state:
            state = {f"request{path[1:]}": texts for path, texts in self.validation.items()}
            return {"message": "The request is invalid.", "modelState": state}
        if self.validation:
            lines = [text for texts in self.validation.values() for text in texts]
            head = self._legacy or "The request is invalid."
            return {"message": f"{head}\n" + "".join(f"\t{line}\n" for line in lines)}
        return {"message": self._legacy or " ".join([self.detail, *self.errors]).strip()}


def _with_json_name(path: str, text: str) -> str:
    """BeginDate is required. -> beginDate is required., as the successor prints it."""
    name = path.rsplit(".", 1)[-1].partition("[")[0]
    if text[: len(name)].lower() == name.lower():
        text = name + text[len(name) :]
    text = _DOUBLED.sub(rf"\g<1>{name}\2", text)
    return _TOO_LONG.sub(r" Value should be at most \1 characters", text)

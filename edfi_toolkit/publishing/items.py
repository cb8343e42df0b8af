"""A plan's items as the ledger and the ODS take them, each named by its position in the plan."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Any

import orjson

from edfi_toolkit.ledger.attempts import Attempt, MapKey
from edfi_toolkit.model.bodies import texts_of
from edfi_toolkit.model.frames import as_list
from edfi_toolkit.model.keys import key_columns
from edfi_toolkit.ods import Write
from edfi_toolkit.planning.plan import Plan
from edfi_toolkit.publishing.known import keys_of


class Items:
    """The columns of a plan's items as lists; most are made when the first item leaves."""

    def __init__(self, plan: Plan) -> None:
        items = self._items = plan.items
        self.actions, self.resources = as_list(items["action"]), as_list(items["resource"])
        linked = items["pair"].notna()
        deletes, posts = (items.index[linked & items["action"].eq(verb)] for verb in ("DELETE", "POST"))
        self.post_of: dict[int, int] = dict(zip(deletes, posts, strict=True))  # of each linked DELETE

    def __len__(self) -> int:
        return len(self.actions)

    @cached_property
    def ids(self) -> list[str]:
        """The id that each request carries; empty where there is none."""
        return as_list(self._items["ed_fi_id"])

    @cached_property
    def keys(self) -> list[MapKey]:
        """What names each record."""
        return keys_of(self._items)

    @cached_property
    def _etags(self) -> list[str]:
        return as_list(self._items["etag"])

    @cached_property
    def _sent(self) -> tuple[list[bytes | None], list[str], list[list[str]], list[list[str]]]:
        """Bodies, their hashes, source references and rules."""
        items = self._items
        lists = (items[name].tolist() for name in ("source_refs", "rules"))
        return texts_of(items["body"]), as_list(items["body_hash"]), *lists

    @cached_property
    def _named(self) -> dict[str, list[Any]]:
        return key_columns(self._items)  # a row of them is made for what is sent alone

    def attempt(self, item: int, verb: str) -> Attempt:
        """The item as the ledger keeps it when it leaves with this verb."""
        bodies, hashes, refs, rules = self._sent
        body = bodies[item] if verb != "DELETE" else None
        return Attempt(
            item=item,
            action=verb,
            row={name: column[item] for name, column in self._named.items()},
            ed_fi_id=(self.ids[item] or None) if verb != "POST" else None,
            body=body,
            body_hash=hashes[item] if body is not None else None,
            source_refs=orjson.dumps(refs[item]).decode(),
            rules=_json_list(tuple(rules[item])),
        )

    def etag(self, item: int) -> str | None:
        """The etag that was seen when the plan was made."""
        return self._etags[item] or None

    def write(self, attempt: Attempt) -> Write:
        """The same as the ODS takes it."""
        return Write(
            action=attempt.action,  # type: ignore[arg-type] # a verb, since only those are sent
            resource=attempt.row["resource"],
            body=attempt.body,
            ed_fi_id=attempt.ed_fi_id,
            etag=self.etag(attempt.item) if attempt.action != "POST" else None,
            ref=attempt.item,
            student=attempt.row["student_unique_id"],
        )


@lru_cache(maxsize=1024)
def _json_list(texts: tuple[str, ...]) -> str:
    """As JSON; the rules of a plan are few lists over and over."""
    return orjson.dumps(texts).decode()

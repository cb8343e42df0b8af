"""Read what the ODS holds of whole resources: the third side of a resync."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, Protocol

import pandas as pd

from edfi_toolkit import model
from edfi_toolkit.display.progress import NO_COUNTS, Progress
from edfi_toolkit.errors import OdsError, OdsRefusedLogin, OdsUnavailable, PlanError
from edfi_toolkit.model.keys import keys_from_json
from edfi_toolkit.ods.client import Client
from edfi_toolkit.ods.read import ODS_COLUMNS, as_mapping


class Reader(Protocol):
    """What reads a collection as frames of ODS_COLUMNS: a `Client`, or the `Copies` kept of a target."""

    def read(self, resource: str, *, progress: Progress | None = None) -> Iterator[pd.DataFrame]:
        """All items; `progress` is called with rows read and rows in all."""


class Snapshot(NamedTuple):
    """ods: ODS_COLUMNS, as `plan` takes it. unread: resources the ODS does not show this login. lacking: those it has
    not at all."""

    ods: pd.DataFrame
    unread: tuple[str, ...]
    lacking: tuple[str, ...]


def read_snapshot(reader: Reader, resources: Iterable[str], *, progress: Progress | None = None) -> Snapshot:
    """Read every record of these resources that the login may see.

    progress: called with records read so far, and their number once it is known; False stops.
    A resource that cannot be read is named, never taken to be empty. Raises OdsUnavailable, OdsRefusedLogin,
    OdsError, and PlanError when stopped.
    """
    pages = [pd.DataFrame(columns=list(ODS_COLUMNS))]
    unread, lacking, done = list[str](), list[str](), 0
    for resource in resources:
        report = None if progress is None else partial(_report, progress, done)
        try:
            found = list(reader.read(resource, progress=report))
        except (OdsUnavailable, OdsRefusedLogin):
            raise
        except OdsError as refusal:
            if not refusal.not_offered:
                raise
            (lacking if refusal.lacks else unread).append(resource)
        else:
            pages += found
            done += sum(map(len, found))
    if progress is not None:
        progress(done, done)
    return Snapshot(pd.concat(pages, ignore_index=True), tuple(unread), tuple(lacking))


def _report(
    progress: Progress, before: int, read: int, total: int | None, counts: Mapping[str, int] = NO_COUNTS
) -> None:
    """Report one resource's records on top of those read before; how many there are in all is unknown."""
    if progress(before + read, None) is False:
        raise PlanError("The reading was stopped, so nothing was compared. Run it again.")


def dependents(client: Client) -> pd.DataFrame:
    """`resource` and the key columns of the associations that other records of the ODS refer to.

    What refers to them is read where this login may read it; where it may not, the ODS decides.
    """
    related = model.data_standard()["related"]["referencesStudentProgramAssociation"]
    rows = []
    for resource, paths in related.items():
        for body in read_snapshot(client, [resource]).ods["body"]:
            for path, facts in paths.items():
                found = _at(body, path.removeprefix("$.").split("."))
                rows += [
                    (resource, *(as_mapping(reference).get(name) for name in facts["keys"]))
                    for reference in found
                ]
    try:
        return keys_from_json(pd.DataFrame(rows, columns=["resource", *model.KEY_COLUMNS], dtype=object))
    except ValueError:
        raise OdsError(
            "The API answered with a record that refers to an association by a key that cannot be one. "
            "Tell the host, and run again."
        ) from None


def _at(value: Any, path: Sequence[str]) -> list[Any]:
    """All values at a path, of which `name[*]` is every item of a collection."""
    if not path:
        return [value]
    name, collection, _ = path[0].partition("[")
    inner = as_mapping(value).get(name)
    items = (inner if isinstance(inner, list) else []) if collection else [] if inner is None else [inner]
    return [found for item in items for found in _at(item, path[1:])]


def updatable(client: Client) -> frozenset[str]:
    """The resources whose key a PUT may change, as the API describes itself (`x-Ed-Fi-isUpdatable`).

    None where it offers no description. Raises OdsError when it offers one and does not give it.
    """
    if client.discovery.openapi is None:
        return frozenset()
    paths = as_mapping(client.openapi().get("paths"))
    if not paths:
        raise OdsError(
            f"Target '{client.target.name}' describes no resource in the place it names for that, so where a PUT "
            "may change a key is not known. Ask the host for it, or change the setting key_change, and run again."
        )
    return frozenset(
        path.split("/")[-2]
        for path, operations in paths.items()
        if path.count("/") > 1
        and path.endswith("/{id}")
        and as_mapping(as_mapping(operations).get("put")).get("x-Ed-Fi-isUpdatable") is True
    )

"""How a run comes to its records, and what its target says of them: built for its data standard, checked against it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

from edfi_toolkit.errors import ConfigError, OdsError
from edfi_toolkit.runs.asking import client_of
from edfi_toolkit.runs.ledger_now import identity_map

if TYPE_CHECKING:
    from edfi_toolkit.rules import Build
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.tables import Tables
    from edfi_toolkit.validation import Checked


def asked_who_is_published(run: Run) -> Tables:
    """The run's tables, published being the students whom the target holds, kept with the run."""
    from edfi_toolkit.rules.common import with_published

    with client_of(run) as client:
        held = {row["studentUniqueId"] for row in client.rows("students")}
    tables = with_published(run.tables, held)
    tables.save(run.path / "tables")
    run.folder.seal("tables")
    return tables


def built_records(run: Run, settings: Mapping[str, Any]) -> Build:
    """The records, built for the data standard of the run's target where it can be asked (COM-STD-1)."""
    from edfi_toolkit.ods import standard_of
    from edfi_toolkit.rules.building import build_for

    standard = None
    with suppress(OdsError, ConfigError), client_of(run) as client:
        standard = standard_of(client)
    about: dict[str, Any] = {"profile": run.profile, "school_year": run.school_year, "settings": settings}
    return build_for(standard, run.tables, **about)


def checked_records(run: Run) -> tuple[Checked, str, str]:
    """The records checked, against the target as well where it can be asked; a sentence about that; and the class of
    what kept it from being asked, empty where nothing did."""
    from edfi_toolkit.validation import validate

    try:
        with client_of(run) as client:
            client.token_info()
            checked = validate(run.built, target=client, identity_map=partial(identity_map, run))
    except (OdsError, ConfigError) as error:
        note = f"Checked against the shipped model only: {run.target_name} could not be asked. {error}"
        return validate(run.built), note, type(error).__name__
    return checked, f"Checked against {run.target_name} too.", ""

"""erase: remove one student from run folders, copies and the ledger's history."""

from __future__ import annotations

from typing import Annotated

import typer

from edfi_toolkit.cli.options import AsJson
from edfi_toolkit.cli.output import say, show_json, show_text


def erase(
    student: Annotated[
        str, typer.Argument(metavar="STUDENT", help="The student's id, in the state or in the SIS.")
    ],
    as_json: AsJson = False,
) -> None:
    """Remove one student from run folders, from copies of the ODS and from the ledger's history; and list what stays.

    The source is not changed, nor is the ODS; what the ODS holds stays in the identity map. To take the student out of
    the ODS, take them out of the source and publish first.

    Exit code 0: only those are left. 3: a file is left that was not made by a run, to be removed by hand; or another
    program has the ledger open, whose file may still hold the student. Close notebooks, then give the command again.

    Example: edfi-toolkit erase 900417303
    """
    from pathlib import Path

    from edfi_toolkit.batch.exits import Exit
    from edfi_toolkit.ledger import Ledger
    from edfi_toolkit.ledger.database import FILES
    from edfi_toolkit.ledger.erasing import erase_from_ledger
    from edfi_toolkit.runs.erasing import erase_from_runs, find, places_of
    from edfi_toolkit.runs.retention import tidying
    from edfi_toolkit.settings import load_settings

    installation = load_settings()
    with tidying(installation.runs_dir):
        found = find(installation.runs_dir, student, installation.mask_key)
        with Ledger(installation.ledger) as ledger:
            rows, mapped, kept_in_pages = erase_from_ledger(ledger, found)
            own_files = (
                {ledger.path.resolve().with_name(ledger.path.name + end) for end in FILES}
                if ledger.path
                else ()
            )
        changed = erase_from_runs(installation.runs_dir, found)
    copies = list(places_of(installation.copies_dir, found))
    for path in copies:
        path.unlink(missing_ok=True)  # the next incremental resync reads that resource whole
    sources = [Path(source.path).resolve() for source in installation.sources.values() if source.path]
    left = [path.resolve() for path in places_of(installation.root, found)]
    in_source = [str(path) for path in left if any(path.is_relative_to(source) for source in sources)]
    by_hand = [str(path) for path in left if str(path) not in in_source and path not in own_files]
    facts = {
        "changed": changed,
        "copies": [str(path) for path in copies],
        "ledger": rows,
        "identity_map": mapped,
        "in_source": in_source,
        "by_hand": by_hand,
        "ledger_compacted": not kept_in_pages,
    }
    if as_json:
        show_json(facts)
    else:
        show_text(
            f"Files of runs changed: {sum(map(len, changed.values()))} in {len(changed)} runs. "
            f"Copies removed: {len(copies)}. Rows of the ledger removed or changed: {sum(rows.values())}."
        )
        show_text(f"Rows of the identity map that stay, since the ODS holds their records: {mapped}.")
        for label, paths in (("Still in the source", in_source), ("Remove by hand", by_hand)):
            for place in paths:
                show_text(f"{label}: {place}")
    say(
        "The digests of the changed files are in the manifests, with a note; 'edfi-toolkit verify' accepts them."
    )
    if kept_in_pages:
        say(
            "The student's rows are gone from the ledger, but the pages of its tables could not be written again and "
            f"may still hold them. {kept_in_pages} Then give the same command again. Remove no file "
            "of the ledger by hand."
        )
    raise typer.Exit(Exit.ATTENTION if by_hand or kept_in_pages else Exit.DONE)

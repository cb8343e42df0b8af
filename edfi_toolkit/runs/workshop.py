"""The rejection workshop: all that is known of one refused record, and what a person can do about it.

The panel only wires what is here; the same works from Python. Frames hold real data and are masked when they are shown.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from edfi_toolkit.display.differences import differences
from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.progress import Progress
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.errors import EdfiToolkitError, PlanError, nearest_first
from edfi_toolkit.model import KEY_COLUMNS
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.planning.chosen import Chosen
from edfi_toolkit.review import answers
from edfi_toolkit.review.causes import with_causes
from edfi_toolkit.review.views import PanelView, View
from edfi_toolkit.review.workbook import write_refusals
from edfi_toolkit.runs.decisions import decisions_of, rejection_rows
from edfi_toolkit.runs.folder import RunFolder
from edfi_toolkit.runs.planning import short_retry
from edfi_toolkit.runs.retry import check_again, send_again, verdicts
from edfi_toolkit.tables.corrections import check_correction, members_with_texts
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run

_TELLING = 4  # characters from which a cell is looked for in an answer
REFUSAL, CHANGED = "refusal", "its record changed"
Row = Mapping[str, Any]


class Workshop:
    """The refusals of a run's feed. `refused`: all of them with their causes; `dismissed` says which are hidden."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.load()

    def load(self) -> None:
        """Read the ledger again. A dismissal whose record has changed since ends, and the refusal is shown again."""
        refused = with_causes(rejection_rows(self.run)).reset_index(drop=True)
        refused["key_hash"] = key_hashes(refused)
        hidden = pd.Series(False, index=refused.index)
        with decisions_of(self.run) as decisions:
            known = decisions.dismissals().query("kind == @REFUSAL").set_index("place")
            for at, row in refused[refused["open"]].iterrows():
                if (place := _place(row)) in known.index:
                    hidden[at] = known.at[place, "state"] == _state(row, decisions.history(*place.split(":")))
                    if not hidden[at]:
                        decisions.close_dismissals([known.at[place, "number"]], CHANGED)
        self.refused = refused.assign(dismissed=hidden)

    @property
    def open(self) -> pd.DataFrame:
        """The refusals to work on."""
        return self.refused[self.refused["open"] & ~self.refused["dismissed"]]

    # What is known of one record

    def story(self, row: Row) -> pd.DataFrame:
        """The student's story: each step with its rule."""
        return self.run.built.explain(student_unique_id=str(row["student_unique_id"])).frame

    def sent(self, row: Row) -> dict[str, Any] | None:
        """The body as it was sent; None where the folder of its run is gone, or nothing was sent."""
        from edfi_toolkit.planning import Plan

        with suppress(PlanError):
            items = Plan.load(RunFolder(self.run.installation.runs_dir, str(row["run_id"])).path).items
            own = items[items["resource"].eq(row["resource"]) & items["key_hash"].eq(row["key_hash"])]
            if len(bodies := own["body"].dropna()):
                return dict(bodies.iloc[-1])
        return None

    def sent_and_answered(self, row: Row) -> pd.DataFrame:
        """Each member that was sent, and whether the answer names it."""
        said = " ".join(row["messages"]).casefold()
        parts = differences(None, self.sent(row) or {})
        named = [
            "named by the answer" if part.after and part.after.casefold() in said else "" for part in parts
        ]
        return pd.DataFrame(
            {
                "member": [part.member for part in parts],
                "sent": [part.after for part in parts],
                "answer": named,
            },
            dtype="str",
        )

    def in_the_ods(self, row: Row) -> pd.DataFrame:
        """Each member as it was sent and as the ODS holds it now. Raises OdsError where it cannot be asked."""
        from edfi_toolkit.ods import Client

        with Client(self.run.target, retry=short_retry()) as client:
            found = client.find(str(row["resource"]), tuple(row[name] for name in KEY_COLUMNS))
        parts = differences(found.body if found else None, self.sent(row) or {})
        names = ("member", "in the ODS", "sent", "differs")
        rows = [
            (part.member, part.before, part.after, "yes" if part.before != part.after else "")
            for part in parts
        ]
        return pd.DataFrame(rows, columns=list(names), dtype="str")

    def source_rows(self, row: Row) -> pd.DataFrame:
        """The filled cells of the source rows behind a record: table, id, column, value, mark, others.

        mark: where a cell made a value that the answer names. others: how many further rows are written so.
        """
        said = set(re.findall(r"[\w.-]*\w", " ".join(row["messages"]).casefold()))
        cells = []
        for ref in row["source_refs"]:
            name, _, row_id = str(ref).partition("#")[0].partition(":")
            table = self.run.tables[name]
            key = table[list(TABLES[name].primary_key)].astype("str").agg("|".join, axis=1)
            for column, cell in table[key.eq(row_id)].head(1).items():
                for member, text in _texts(cell.iloc[0] if len(cell) else None):
                    path = f"{column}.{member}" if member else str(column)
                    same = 0 if member else int(table[column].map(cell_text).eq(text).sum()) - 1
                    mark = "named by the answer" if _named(_code(text), said) else ""
                    cells.append((name, row_id, path, text, mark, same))
        columns = ["table", "id", "column", "value", "mark", "others"]
        return pd.DataFrame(cells, columns=columns).sort_values("mark", ascending=False, kind="stable")

    def history(self, row: Row) -> pd.DataFrame:
        """Every attempt for this record, oldest first."""
        with decisions_of(self.run) as decisions:
            return decisions.history(row["resource"], row["key_hash"]).drop(columns="body_hash")

    def values_for(self, row: Row, text: str) -> list[str]:
        """The values that the ODS has for the descriptor which this text became, the nearest first."""
        from edfi_toolkit.ods import Client

        name = _descriptor_of(self.sent(row) or {}, _code(text))
        if name is None:
            return []
        with Client(self.run.target, retry=short_retry()) as client:
            values = sorted(client.descriptors(name))
        return nearest_first(text, values, key=lambda value: _code(value).casefold())

    # What a person can do

    def correct(
        self, row: Row, cell: Row, value: str, *, author: str, reason: str, everywhere: bool = False
    ) -> int:
        """Correct a cell of the record's source rows, or its code wherever it is written; the correction's number."""
        column, _, member = str(cell["column"]).partition(".")
        check_correction(str(cell["table"]), column, member)
        table = self.run.tables[str(cell["table"])]
        own = table[TABLES[str(cell["table"])].primary_key[0]].astype("str").eq(cell["id"])
        student = table.loc[own, "student_id"].head(1).tolist() if "student_id" in table else []
        with decisions_of(self.run) as decisions:
            return decisions.correct(
                table=str(cell["table"]),
                row_id=None if everywhere else str(cell["id"]),
                column=column,
                member=member,
                was=str(cell["value"]),
                value=value,
                student_id=student[0] if student and not everywhere else None,
                author=author,
                reason=reason,
            )

    def dismiss(self, row: Row, *, author: str, reason: str) -> None:
        """Hide a refusal until its record changes, or is refused for another reason."""
        with decisions_of(self.run) as decisions:
            decisions.dismiss(
                kind=REFUSAL,
                rule_id=str(row["cause_id"]),
                place=_place(row),
                state=_state(row, decisions.history(row["resource"], row["key_hash"])),
                student_unique_id=str(row["student_unique_id"]),
                author=author,
                reason=reason,
            )
        self.load()

    def check(self, rows: pd.DataFrame, *, progress: Progress) -> tuple[Run, pd.DataFrame]:
        """A run with a plan of these records alone, and what would become of each; nothing is sent."""
        again = check_again(self.run, rows, progress=progress)
        return again, verdicts(again, rows)

    def retry(self, again: Run, rows: pd.DataFrame, *, person: str, progress: Progress) -> View:
        """Send what `check` showed, approved by this person."""
        from edfi_toolkit.ledger import Ledger
        from edfi_toolkit.ledger.approvals import approve

        with Ledger(again.installation.ledger) as ledger:
            feed = ledger.feed(again.target.identity, again.profile, again.source.name)
            approve(ledger, feed, run_id=again.id, fingerprint=again.plan.fingerprint, person=person)
        done = send_again(again, rows, approved=again.plan.fingerprint, progress=progress)
        self.load()
        return done

    def became_of(self, rows: pd.DataFrame) -> str:
        """What is known of these records by now, as a sentence."""
        now = self.refused[Chosen.of(rows).among(self.refused)]
        delivered = int((~now["open"] & now["closed_how"].astype("str").str.startswith("delivered")).sum())
        return f"{delivered:,} of {len(rows):,} delivered; {int(now['open'].sum()):,} still refused."

    def hand_on(self, rows: pd.DataFrame, *, reveal: bool = False) -> Path:
        """A workbook of these alone in the run's folder, a sheet for each owner."""
        masker = self.run.masker(rows)
        name = "hand-on-revealed.xlsx" if reveal else "hand-on.xlsx"
        return write_refusals(self.run.path / name, rows, masker=masker.revealed() if reveal else masker)


def workshop_view(run: Run) -> View:
    """The open refusals by cause, and below them the workshop; unattended the causes and the records."""
    workshop = Workshop(run)
    view = answers.workshop_view(workshop.refused, run.masker(workshop.refused))
    return PanelView(**{**vars(view), "value": workshop}, panel=lambda: panels().workshop(workshop))


def _place(row: Row | pd.Series) -> str:
    return f"{row['resource']}:{row['key_hash']}"


def _state(row: Row | pd.Series, history: pd.DataFrame) -> str:
    """A digest of what was sent last for a record, and of the answer."""
    body = history["body_hash"].iloc[-1] if len(history) else None
    answer = [
        cell_text(row["status"]),
        cell_text(row["problem_type"]),
        list(row["messages"]),
        cell_text(body),
    ]
    return hashlib.sha256(orjson.dumps(answer)).hexdigest()


def _texts(cell: Any) -> list[tuple[str, str]]:
    """A cell as texts by member; an empty one has none."""
    if isinstance(cell, dict):
        return list(members_with_texts(cell))
    if isinstance(cell, pd.Timestamp):
        return [("", f"{cell:%Y-%m-%d}")]
    return [("", text)] if (text := cell_text(cell)) else []


def _named(text: str, words: set[str]) -> bool:
    """Whether all words of a text are among those of an answer; one as short as "no" is in any."""
    own = set(re.findall(r"[\w.-]*\w", text.casefold()))
    return len(text) >= _TELLING and bool(own) and own <= words


def _code(text: str) -> str:
    return text.rpartition("#")[2]


def _descriptor_of(body: Any, code: str) -> str | None:
    """The name of the descriptor whose value in a body has this code."""
    pairs = (
        body.items()
        if isinstance(body, Mapping)
        else ((None, entry) for entry in body)
        if isinstance(body, list)
        else ()
    )
    for name, value in pairs:
        if isinstance(value, str):
            if str(name).endswith("Descriptor") and _code(value).casefold() == code.casefold():
                return value.partition("#")[0].rpartition("/")[2]
        elif found := _descriptor_of(value, code):
            return found
    return None


def tried(do: Any, *arguments: Any) -> Any:
    """What a question gives, or the sentence of why it cannot be answered now."""
    try:
        return do(*arguments)
    except EdfiToolkitError as error:
        return str(error)

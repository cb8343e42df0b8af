"""The rejection workshop: the refusals of a run's feed, and what a person can do about them.

The panel only wires what is here; the same works from Python.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import pandas as pd

from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.progress import Progress
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.ledger.columns import ANOTHER_KEY, was_delivered
from edfi_toolkit.ledger.decisions import Decisions
from edfi_toolkit.ledger.history import History
from edfi_toolkit.model.keys import key_hashes
from edfi_toolkit.privacy import Masker
from edfi_toolkit.review import answers
from edfi_toolkit.review.places import schools_of, with_organizations, with_source_rows
from edfi_toolkit.review.views import PanelView, View
from edfi_toolkit.review.workbook import write_refusals
from edfi_toolkit.runs.approving import of_older_run
from edfi_toolkit.runs.decisions import decisions_of
from edfi_toolkit.runs.decisions.dismissals import CHANGED, REFUSAL
from edfi_toolkit.runs.feed import ledger_of
from edfi_toolkit.runs.rejections.explained import refusals
from edfi_toolkit.runs.rejections.refusal import Refusal
from edfi_toolkit.runs.rejections.retry import check_again, send_again, verdicts
from edfi_toolkit.runs.students.source_rows import others_with
from edfi_toolkit.runs.workbook import renew
from edfi_toolkit.tables.corrections import check_correction, written
from edfi_toolkit.tables.schema import TABLES

if TYPE_CHECKING:
    from edfi_toolkit.runs.run import Run
    from edfi_toolkit.tables import Tables

_NAMED = 3  # records in one sentence
OPEN, DISMISSED, CLOSED = STATES = ("open", "dismissed", "closed")
Row = Mapping[str, Any]
Key = tuple[str, str, Any]  # resource, hash of the key, when it was refused first


class Workshop:
    """The refusals of a run's feed. `refused`: all of them with their causes, `state` (one of STATES) and `school`."""

    def __init__(self, run: Run, refused: pd.DataFrame | None = None) -> None:
        self.run, self._read = run, run
        self.load(refused)

    @property
    def tables(self) -> Tables:
        """The source as it was read last, by the run or by a check."""
        return self._read.tables

    def refusal(self, row: Row) -> Refusal:
        """What is known of a refused record, its source rows as they were read last."""
        return Refusal(self.run, row, self._read)

    def load(self, refused: pd.DataFrame | None = None) -> None:
        """Read the ledger again. A dismissal whose record has changed since ends, and the refusal is shown again.

        refused: as of `refusals`, where it was read just now.
        """
        refused = (refusals(self.run, self._read) if refused is None else refused).reset_index(drop=True)
        refused["key_hash"] = key_hashes(refused)
        state = refused["open"].map({True: OPEN, False: CLOSED}).astype("str")
        with ledger_of(self.run) as (ledger, feed):
            decisions, history = Decisions(ledger, feed), History(ledger, feed)
            known = decisions.dismissals().query("kind == @REFUSAL").set_index("place")
            places = refused["resource"] + ":" + refused["key_hash"]  # as of _place
            for at, row in refused[refused["open"] & places.isin(known.index)].iterrows():
                place = _place(row)
                if known.at[place, "state"] == _state(row, history.of_record(*place.split(":"))):
                    state[at] = DISMISSED
                else:
                    decisions.close_dismissals([known.at[place, "number"]], CHANGED)
        self.refused = refused.assign(state=state, school=self._schools(refused))

    def _schools(self, refused: pd.DataFrame) -> pd.Series:
        """The school of each refusal by its name in the source, or its organization's id."""
        if not self.run.folder.has("extract"):
            return refused["education_organization_id"].astype("str")
        return schools_of(refused, self.run.tables, self.run.profile)

    def as_read(self, row: pd.Series) -> pd.Series:
        """A refusal as it is now that the source was read again; as it was listed where it is there no more."""
        known, key = refusal_keys(self.refused), (row["resource"], row["key_hash"], row["first_seen_at"])
        return self.refused.iloc[known.index(key)] if key in known else row

    def named(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The frame with its organizations by id and name, where the source has them."""
        if not self.run.folder.has("extract"):
            return frame
        return with_organizations(frame, self.run.tables, self.run.profile)

    @property
    def open(self) -> pd.DataFrame:
        """The refusals to work on."""
        return self.shown()

    def shown(
        self, state: str = OPEN, *, run_id: str = "", school: str = "", owner: str = ""
    ) -> pd.DataFrame:
        """The refusals in one state, and of one run, school (as in `refused`) or owner."""
        kept = self.refused["state"].eq(state)
        for column, wanted in (("run_id", run_id), ("school", school), ("who", owner)):
            if wanted:
                kept &= self.refused[column].eq(wanted)
        return self.refused[kept]

    def correct(self, cell: Row, value: str, *, author: str, reason: str, everywhere: bool = False) -> int:
        """Correct a cell of a record's source rows, or its code wherever it is written; the correction's number."""
        column, _, member = str(cell["column"]).partition(".")
        check_correction(str(cell["table"]), column, member)
        table = self.tables[str(cell["table"])]
        own = table[TABLES[str(cell["table"])].primary_key[0]].astype("str").eq(cell["id"])
        student = table.loc[own, "student_id"].head(1).tolist() if "student_id" in table else []
        with decisions_of(self.run) as decisions:
            return decisions.correct(
                table=str(cell["table"]),
                row_id=None if everywhere else str(cell["id"]),
                column=column,
                member=member,
                was=written(self.tables.corrections, cell),
                value=value,
                student_id=student[0] if student and not everywhere else None,
                author=author,
                reason=reason,
            )

    def of_another(self, cell: Row, value: str) -> str:
        """Whose id this is, where the cell is a student's id and another student has it: a warning, else empty."""
        if (cell["table"], cell["column"]) != ("students", "student_unique_id"):
            return ""
        others = others_with(self.tables, value.strip(), str(cell["id"]))
        return (
            f"That id belongs to another student of the source, {self.run.masker().value(others[0])}: nothing is sent "
            "from here under an id that two have. If theirs is wrong, correct it too; if not, remove this correction "
            "under 'What was decided by hand?'."
            if others
            else ""
        )

    def corrected(self, cell: Row, *, everywhere: bool = False) -> str:
        """The correction of the same cell that counts now, as words; empty where there is none."""
        column, _, member = str(cell["column"]).partition(".")
        with decisions_of(self.run) as decisions:
            known = decisions.corrections()
        same = known["table"].eq(cell["table"]) & known["column"].eq(column)
        same &= known["member"].map(cell_text).eq(member)
        same &= known["row_id"].map(cell_text).eq("" if everywhere else str(cell["id"]))
        if everywhere:
            same &= known["was"].map(cell_text).eq(written(self.tables.corrections, cell))
        if not same.any():
            return ""
        one = known[same].iloc[0]
        given = one["given_at"].to_pydatetime().astimezone()
        return f"correction {one['number']}, of {given:%Y-%m-%d %H:%M} by {one['author']}"

    def dismiss(self, row: Row, *, author: str, reason: str) -> None:
        """Hide a refusal until its record changes, or is refused for another reason."""
        with ledger_of(self.run) as (ledger, feed):
            before = History(ledger, feed).of_record(row["resource"], row["key_hash"])
            Decisions(ledger, feed).dismiss(
                kind=REFUSAL,
                rule_id=str(row["cause_id"]),
                place=_place(row),
                state=_state(row, before),
                student_unique_id=str(row["student_unique_id"]),
                author=author,
                reason=reason,
            )
        self.load()

    def check(self, rows: pd.DataFrame, *, progress: Progress) -> tuple[Run, pd.DataFrame]:
        """A run with a plan of these records alone, and what would become of each; nothing is sent."""
        self._read = check_again(self.run, rows, progress=progress)
        self.load()
        return self._read, verdicts(self._read, rows)

    def approve(self, again: Run, *, person: str) -> None:
        """Keep that this person approves what `check` showed. Raises ConfigError without a name."""
        from edfi_toolkit.ledger.approvals import approve

        with ledger_of(again) as (ledger, feed):
            approve(ledger, feed, run_id=again.id, fingerprint=again.plan.fingerprint, person=person)

    def send(self, again: Run, rows: pd.DataFrame, *, progress: Progress) -> View:
        """Send what `check` showed and a person approved."""
        done = send_again(again, rows, approved=again.plan.fingerprint, progress=progress)
        self.load()
        renew(self.run)
        return done

    def became_of(self, rows: pd.DataFrame) -> str:
        """What is known of these records by now, as a sentence."""
        asked = set(refusal_keys(rows))
        own = pd.Series([key in asked for key in refusal_keys(self.refused)], self.refused.index, dtype=bool)
        is_open = self.refused["state"].eq(OPEN)
        delivered = self.refused[own & ~self.refused["open"] & was_delivered(self.refused)]
        still = self.refused[own & self.refused["open"]]
        says = f"{len(delivered):,} of {len(rows):,} delivered{_records_named(delivered)}."
        says += f" {len(still):,} still refused{_records_named(still)}." if len(still) else ""
        students = rows["student_unique_id"].unique()
        others = self.refused[~own & is_open & self.refused["student_unique_id"].isin(students)]
        if others.empty:
            return says
        alone, of = len(others) == 1, "this student" if len(students) == 1 else "these students"
        what = f"1 other refusal of {of} is" if alone else f"{len(others):,} other refusals of {of} are"
        if_it_helps = f"If the same correction solves {'it: choose it' if alone else 'them: choose them'}"
        return f"{says} {what} open{_records_named(others)}. {if_it_helps}, then press Check again."

    def hand_on(self, rows: pd.DataFrame, *, reveal: bool = False) -> Path:
        """A workbook of these alone in the run's folder, a sheet for each owner; of one owner, named after it."""
        masker = self.run.masker(rows)
        owners = rows["who"].unique()
        name = "hand-on" + (f"-{str(owners[0]).replace(' ', '-').lower()}" if len(owners) == 1 else "")
        path = self.run.path / (f"{name}-revealed.xlsx" if reveal else f"{name}.xlsx")
        if self.run.folder.has("extract"):
            rows = with_source_rows(self.named(rows), self.run.tables)
            rows = known_by_name(self.run, rows, masker) if reveal else rows
        return write_refusals(path, rows, masker=masker.revealed() if reveal else masker)


def workshop_view(run: Run, refused: pd.DataFrame | None = None) -> View:
    """The open refusals by cause, and below them the workshop; unattended the causes and the records.

    refused: as of `Workshop.load`.
    """
    workshop = Workshop(run, refused)

    def says_now() -> View:
        shown = answers.refusals_to_work_on(workshop.refused, run.masker(workshop.refused), workshop.named)
        return of_older_run(run, shown, then="work on the refusals there")

    first = says_now()
    view = PanelView(
        **{**vars(first), "value": workshop},
        panel=lambda: panels().workshop(workshop, lambda: view.becomes(says_now())),
        blocks_in_panel=len(first.blocks),
    )
    return view


def known_by_name(run: Run, rows: pd.DataFrame, masker: Masker) -> pd.DataFrame:
    """The rows with name and id in the SIS of each student, by which a colleague knows them."""
    students = run.tables["students"].drop_duplicates("student_unique_id")
    local = rows["student_unique_id"].map(students.set_index("student_unique_id")["student_id"])
    return rows.assign(student_id=local, student_name=rows["student_unique_id"].map(masker.names()))


def refusal_keys(refused: pd.DataFrame) -> list[Key]:
    """What tells refusals from each other, also after the ledger was read again."""
    return list(zip(refused["resource"], refused["key_hash"], refused["first_seen_at"], strict=True))


def _records_named(rows: pd.DataFrame) -> str:
    """Some records by program and begin date, to follow what is said of them; empty for none.

    One that went out under another key is named as it was refused, and that it was corrected.
    """
    columns = (rows[name].map(cell_text) for name in ("program_name", "begin_date", "closed_how"))
    each = dict.fromkeys(
        f"{program}, begin {begin}{' (as corrected)' if how == ANOTHER_KEY else ''}"
        for program, begin, how in zip(*columns, strict=True)
    )
    more = f" and {len(each) - _NAMED} more" if len(each) > _NAMED else ""
    return f": {'; '.join([*each][:_NAMED])}{more}" if each else ""


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

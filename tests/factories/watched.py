"""A district in CSV files with its own settings, and a sandbox ODS that can be stopped and come back."""

from __future__ import annotations

import csv
import os
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from edfi_toolkit.cli.playground import target_environ
from edfi_toolkit.ods import Client
from edfi_toolkit.sandbox import Running, start
from tests.factories.district import GENERAL, YEAR, a_participation, held_in, seed_lines, target_of

PEOPLE = 140  # whom the ODS knows
SETTINGS = """\
[paths]
ledger = "ledger.db"
runs = "runs"

[sources.north]
path = "north"
"""


@dataclass
class District:
    """Its folder, and the ODS it publishes to, which keeps its data in a file."""

    folder: Path
    ods: Running

    @classmethod
    def make(cls, folder: Path) -> District:
        folder.mkdir(exist_ok=True)
        (folder / "edfi.toml").write_text(SETTINGS, "utf-8")
        (folder / "seed.jsonl").write_bytes(seed_lines(PEOPLE))
        return cls(folder, start(seeds=[folder / "seed.jsonl"], data=folder / "ods.db"))

    @classmethod
    def beside(cls, folder: Path, ods: Running) -> District:
        """With an ODS that is running already, and empty."""
        folder.mkdir()
        (folder / "edfi.toml").write_text(SETTINGS, "utf-8")
        httpx.post(f"{ods.control_url}/seed", content=seed_lines(PEOPLE)).raise_for_status()
        return cls(folder, ods)

    @property
    def source(self) -> Path:
        return self.folder / "north"

    def write(self, numbers: Iterable[int], **changed: Mapping[str, Any]) -> None:
        """The extract: each student in the gifted program; `s3={"end_date": ...}` changes the row of student 3."""
        rows = [a_participation(number, **changed.get(f"s{number}", {})) for number in numbers]
        people = [
            {"student_id": row["student_id"], "student_unique_id": f"S-{row['student_id']}"} for row in rows
        ]
        self.source.mkdir(exist_ok=True)
        self.table("edfi_config", [{"school_year": YEAR}])
        self.table("students", people, ["student_id", "student_unique_id"])
        self.table("program_participation", rows, list(a_participation(0)))

    def table(self, name: str, rows: list[dict[str, Any]], columns: list[str] | None = None) -> None:
        """One CSV file, written aside and put in place whole."""
        draft = self.folder / f"{name}.part"
        with draft.open("w", newline="", encoding="utf-8") as file:
            writer = csv.DictWriter(file, columns or list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
        os.replace(draft, self.source / f"{name}.csv")

    @property
    def environ(self) -> dict[str, str]:
        return target_environ(self.ods)

    def held(self) -> dict[str, str | None]:
        """What the ODS holds: end date by student; a record that is there twice fails."""
        client = next(each for each in self.ods.clients if each["name"] == "district")
        with Client(target_of(self.ods.base_url, client)) as asking:
            return {key[1]: body.get("endDate") for key, body in held_in(asking).items()}

    def writes(self) -> Counter[str]:
        """How often the ODS was asked to write, by verb and answer, since it started."""
        told = httpx.get(f"{self.ods.control_url}/counters").json()["requests"]
        counted: Counter[str] = Counter()
        for each in told:
            if each["resource"] == GENERAL and each["method"] != "GET":
                counted[f"{each['method']} {each['status']}"] += each["count"]
        return counted

    def ods_stops(self) -> None:
        self.ods.stop()

    def ods_returns(self) -> None:
        """On the same port and with the same data."""
        self.ods = start(data=self.folder / "ods.db", port=int(self.ods.base_url.rpartition(":")[2]))

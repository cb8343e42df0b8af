"""What one run came to, in numbers and words that fit on a line; no student among them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.runs import Run

DONE = {"POST": "created", "PUT": "updated", "DELETE": "deleted"}
WORDS = {"set_aside": "unreadable"}  # where the name for machines is not the one for people


def counts_of(run: Run) -> dict[str, int]:
    """Rows read and unreadable, records built and held, and what was done; before publishing, what would be."""
    steps = run.folder.manifest.get("steps", {})
    extract, build, preview = (steps.get(name, {}) for name in ("extract", "build", "preview"))
    actions, published = preview.get("actions", {}), steps.get("publish")
    outcomes = published.get("outcomes", {}) if published else {}
    if published is not None and not published["finished"]:
        actions = {}  # ended early: what arrived is in the ledger
    elif published is not None:
        result = run.folder.load_frame("results")
        actions = result.loc[result["outcome"].eq("delivered"), "action"].value_counts().to_dict()
    return {
        "rows": extract.get("rows", 0),
        "set_aside": extract.get("set_aside", 0),
        "built": build.get("records", 0),
        "held": preview.get("held", 0),
        **{done: int(actions.get(action, 0)) for action, done in DONE.items()},
        "refused": outcomes.get("refused", 0),
        "pending": outcomes.get("pending", 0) + outcomes.get("unsure", 0),
    }


@dataclass(frozen=True, kw_only=True)
class Report:
    """How one run went, for a line and for machines."""

    exit: Exit
    run_id: str = ""
    says: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    seconds: float = 0.0

    @property
    def facts(self) -> dict[str, Any]:
        """For machines and tables."""
        plain = asdict(self)
        counts = plain.pop("counts")
        return {**plain, **counts, "exit": int(self.exit)}

    def line(self, head: str, *tail: str) -> str:
        """Counts, time and the message, after a head."""
        counts = ", ".join(f"{count:,} {WORDS.get(name, name)}" for name, count in self.counts.items())
        return "  ".join(part for part in (head, counts, f"{self.seconds:.1f} s", self.says, *tail) if part)

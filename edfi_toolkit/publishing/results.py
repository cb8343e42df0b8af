"""What became of each item of a plan: counted while it runs, and as a table in the end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping

import numpy as np
import pandas as pd

from edfi_toolkit.display.progress import Progress
from edfi_toolkit.ledger.attempts import LastAttempt
from edfi_toolkit.ledger.columns import RESULT_COLUMNS
from edfi_toolkit.model.frames import NUMBER, TEXT, with_types
from edfi_toolkit.model.keys import KEY_SCHEMA
from edfi_toolkit.ods import Outcome
from edfi_toolkit.planning.plan import Plan
from edfi_toolkit.publishing.items import Items
from edfi_toolkit.publishing.known import Known

_OF_OUTCOME = ("ed_fi_id", "outcome", "status", "problem_type", "correlation_id", "attempts")


class Results:
    """The last outcome of each item. delivered: how many earlier runs have delivered; to_send: of how many in all."""

    def __init__(self, progress: Progress | None, *, delivered: int, to_send: int) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self._progress, self._to_send = progress, to_send
        self._counts = Counter(delivered=delivered)

    def keep(self, item: int, outcome: Outcome) -> None:
        """Keep an outcome in place of an earlier one."""
        earlier = self.outcomes.get(item)
        if earlier is not None:
            self._counts[earlier.outcome] -= 1
        self.outcomes[item] = outcome
        self._counts[outcome.outcome] += 1

    def report(self) -> bool:
        """Report progress; whether to go on."""
        if self._progress is None:
            return True
        return self._progress(self._counts.total(), self._to_send, dict(+self._counts)) is not False

    def any_unsure(self) -> bool:
        """Whether an item may have reached the ODS or not."""
        return self._counts["unsure"] > 0

    @property
    def pending(self) -> int:
        """How many items were begun and are to be sent once more."""
        return self._counts["pending"]


def result_of(
    plan: Plan,
    items: Items,
    outcomes: Mapping[int, Outcome],
    *,
    unsent: Collection[int],
    last: Mapping[int, LastAttempt],
    known: Known,
) -> pd.DataFrame:
    """One row per item (RESULT_COLUMNS); what an earlier run of this plan delivered is reported as by that run.
    Its `attrs["delivered"]` counts by action what this run itself delivered.

    outcomes: of this run, by item. unsent: items it never sent. last: by item, from earlier runs of this plan.
    known: the identity map before this run, for the ids of what only the ledger learned.
    """
    planned = plan.items["ed_fi_id"].replace("", None)
    found = {name: np.full(len(plan.items), None, dtype=object) for name in _OF_OUTCOME}
    found["ed_fi_id"][:] = planned.fillna(known.ids()).to_numpy(dtype=object, na_value=None)
    found["outcome"][:], found["attempts"][:] = "delivered", 0  # by no request of their own
    found["outcome"][list(unsent)] = "pending"
    answers: dict[int, Outcome | LastAttempt] = {
        item: each for item, each in last.items() if item not in unsent
    }
    for item, answer in {**answers, **outcomes}.items():
        found["ed_fi_id"][item] = answer.ed_fi_id or found["ed_fi_id"][item]
        found["outcome"][item], found["status"][item] = answer.outcome, answer.status
        found["problem_type"][item] = answer.problem_type if isinstance(answer, Outcome) else None
        found["correlation_id"][item], found["attempts"][item] = answer.correlation_id, answer.attempts or 0
    columns = {name: found[name] if name in found else plan.items[name] for name in RESULT_COLUMNS}
    delivered = Counter(items.actions[item] for item, each in outcomes.items() if each.outcome == "delivered")
    texts = dict.fromkeys(("ed_fi_id", "outcome", "problem_type", "correlation_id"), TEXT)
    kinds = {**KEY_SCHEMA, **texts, "status": NUMBER, "attempts": NUMBER}
    typed = with_types(pd.DataFrame(columns), kinds)
    typed.attrs["delivered"] = dict(delivered)
    return typed

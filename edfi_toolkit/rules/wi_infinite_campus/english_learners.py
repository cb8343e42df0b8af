"""WI-ELL: English learners as program associations, which Wisconsin sends only on request.

Source: Infinite Campus, Wisconsin Ed-Fi: Student Program Association (docs/rules/wi_infinite_campus.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from edfi_toolkit.rules.account import Account
from edfi_toolkit.rules.building import Config
from edfi_toolkit.rules.common import both_days
from edfi_toolkit.rules.frames import active_on, first_per, skip_unmatched, with_each_enrollment
from edfi_toolkit.rules.wi_infinite_campus.candidates import FROM_RECORD, candidates
from edfi_toolkit.tables import Tables


def english_learners(
    t: Tables, e: pd.DataFrame, config: Config, settings: Mapping[str, Any], account: Account
) -> pd.DataFrame:
    """WI-ELL: EL participation. e: the enrollments that count, partial ones among them."""
    r = t.lep_records
    first, last = pd.Timestamp(config.config_start), pd.Timestamp(config.config_end)
    r = account.keep(
        r,
        "lep_records",
        {
            "WI-ELL-1": ~r.program_status.isin(["EL", "EXITED"]),
            "WI-ELL-2": ~r.el_served.isin(["S", "T"]),
            "WI-ELL-3": r.identified_date.isna() | r.identified_date.gt(last),
        },
        id_column="record_id",
        errors={"WI-ELL-3": r.identified_date.isna()},
    )
    pairs = with_each_enrollment(r, e)
    earliest = pairs.groupby("record").enrolled_from.transform("min")
    pairs = pairs.assign(begin_date=pairs.identified_date.where(pairs.identified_date.ge(first), earliest))
    active = pairs[active_on(pairs, pairs.begin_date, "enrolled_from", "enrolled_to")]
    chosen = first_per(active, "record", ["service_order", "enrollment_order"], [True, False])
    skip_unmatched(r, chosen, "lep_records", "WI-ELL-4", account)
    backwards = chosen.program_exit_date.lt(chosen.begin_date)
    details = both_days("COM-VAL-1", chosen, "begin_date", "program_exit_date")
    account.skip(chosen[backwards].record_id, "lep_records", "COM-VAL-1", details=details)
    chosen = chosen[~backwards]
    return candidates(
        chosen, "lep_records", rule="WI-ELL-4", priority=FROM_RECORD,
        program_name=settings["wi.ell_program_name"], program_type=settings["wi.ell_program_type"],
        begin_date=chosen.begin_date, end_date=chosen.program_exit_date,
    )  # fmt: skip

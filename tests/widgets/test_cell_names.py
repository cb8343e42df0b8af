"""How the cells that can be corrected are listed: short enough to be read in a narrow column, and told apart."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.widgets.cell_names import NO_CELL, NOT_SURE, choices_of


def test_a_cell_is_shown_by_its_member_alone_unless_another_has_that_name() -> None:
    cells = pd.DataFrame(
        [
            ("program_participation", "attributes.titleIPartAParticipantDescriptor", "x"),
            ("program_participation", "end_date", ""),
            ("students", "student_id", "1"),
            ("program_participation", "student_id", "1"),
        ],
        columns=["table", "column", "value"],
    )
    listed = choices_of(cells, sure=False)
    assert listed["choices"] == [
        NOT_SURE,
        "program_participation.attributes.titleIPartAParticipantDescriptor",
        "program_participation.end_date (empty)",
        "students.student_id",
        "program_participation.student_id",
    ]
    assert listed["shown"] == [
        NOT_SURE,
        "titleIPartAParticipantDescriptor",
        "end_date (empty)",
        "students.student_id",
        "program_participation.student_id",
    ]
    assert choices_of(cells.head(1), sure=True)["shown"] == ["titleIPartAParticipantDescriptor"]
    assert choices_of(pd.DataFrame(), sure=False) == {"choices": [NO_CELL], "shown": [NO_CELL]}

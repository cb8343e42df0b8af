"""File and row of refusals of any runs, those too of which there is no folder."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from edfi_toolkit.runs.rejections.source_places import at_places


def test_a_refusal_of_a_run_without_a_folder_stays_in_the_list_as_it_is(tmp_path: Path) -> None:
    refused = pd.DataFrame({"run_id": ["gone", "nightly/7", None, "gone"], "status": [400, 403, 409, 500]})

    pd.testing.assert_frame_equal(at_places(refused, tmp_path), refused)
    assert at_places(refused[:0], tmp_path).empty

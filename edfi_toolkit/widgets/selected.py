"""The rows a person has chosen: real values to work with, which always show themselves masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from edfi_toolkit.display.labels import label
from edfi_toolkit.display.records import read_json
from edfi_toolkit.display.tables import Table
from edfi_toolkit.display.values import cell_text
from edfi_toolkit.privacy import Masker, session_masker


class Record(dict[str, Any]):
    """One selected row: a dict of its real values that always shows itself masked: cell outputs are saved."""

    def __init__(self, values: Mapping[str, Any], masker: Masker) -> None:
        super().__init__(values)
        self._masker = masker

    def _shown(self) -> dict[str, str]:
        frame = pd.DataFrame({name: pd.Series([value], dtype=object) for name, value in self.items()})
        return {
            str(name): cell_text(read_json(value))
            for name, value in self._masker.frame(frame).iloc[0].items()
        }

    def __repr__(self) -> str:
        return "\n".join(f"{label(name)}: {text}" for name, text in self._shown().items() if text)

    __str__ = __repr__


class Rows(pd.DataFrame):
    """Selected rows: a frame of their real values that always shows itself masked, also after `head`."""

    _metadata = ("masker",)  # pandas carries these over to what is derived
    masker: Masker | None = None

    @property
    def _constructor(self) -> type[Rows]:
        return Rows

    def _masked(self) -> pd.DataFrame:
        return (self.masker or session_masker()).frame(pd.DataFrame(self))

    def __repr__(self) -> str:
        return repr(self._masked())

    def _repr_html_(self) -> str:
        return Table(self, masker=self.masker or session_masker(), rows=len(self))._repr_html_()

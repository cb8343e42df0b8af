"""The canonical tables: their schema, and the one place where a source's cells become typed values."""

from __future__ import annotations

from edfi_toolkit.tables.load_errors import Sheet
from edfi_toolkit.tables.normalise import normalise
from edfi_toolkit.tables.schema import CONTROL_TABLES, TABLES, Column, Table
from edfi_toolkit.tables.tables import Tables

__all__ = ["CONTROL_TABLES", "TABLES", "Column", "Sheet", "Table", "Tables", "normalise"]

"""WI-ELE-3: name and type of the program of each trigger, and the program that one source row asks for."""

from __future__ import annotations

import pandas as pd

from edfi_toolkit.rules.frames import translate

SECTION_504_PROGRAM = ("Section 504 Placement", "Section 504 Placement")
CEIS_PROGRAM = ("Coordinated Early Intervening Services", "Cocurricular Programs")
CESA_PROGRAM, OTHER_PROVIDER_PROGRAM = "Third Party - CESA", "Third Party - Other"
PROVIDER_TYPE, MODALITY_TYPE = "Regular Education", "Modality"
MODALITIES = {"in-person": "In-Person", "in person": "In-Person", "remote": "Remote", "hybrid": "Hybrid"}


def has_provider(e: pd.DataFrame) -> pd.Series:
    """WI-TP-1: a third party provider that is not NONE."""
    return e.third_party_provider.notna() & e.third_party_provider.ne("NONE")


def provider_programs(e: pd.DataFrame) -> pd.Series:
    """Of an enrollment, by its third party provider."""
    codes = e.third_party_provider.where(has_provider(e))
    return translate(codes, lambda code: CESA_PROGRAM if code == "CESA" else OTHER_PROVIDER_PROGRAM)


def modality_programs(r: pd.DataFrame) -> pd.Series:
    """Of an Instruction Mode record, by its modality."""
    return translate(r.learning_modality, lambda mode: MODALITIES.get(mode.lower()))


ROW_PROGRAMS = {
    "enrollments": provider_programs,
    "instruction_mode_records": modality_programs,
    "section504_records": lambda r: pd.Series(SECTION_504_PROGRAM[0], r.index, dtype="str"),
    "ceis_records": lambda r: pd.Series(CEIS_PROGRAM[0], r.index, dtype="str"),
}

"""The words for a column or a member of a body, as headings and captions show them."""

from __future__ import annotations

import re
from collections.abc import Hashable
from functools import lru_cache

from edfi_toolkit.display.texts import visible

LABELS = {
    "again": "publish again?",
    "begin_date": "begins",
    "came_of_it": "what came of it",
    "correlation_id": "correlation id",
    "ed_fi_id": "id in the ODS",
    "education_organization_id": "organization",
    "held_by": "held by",
    "hint": "what to do",
    "mark": "in the answer",
    "not_applicable": "in no record, no rule failed",
    "others": "more rows",
    "problem_type": "problem",
    "program_education_organization_id": "program owner",
    "program_name": "program",
    "program_type_descriptor": "program type",
    "row_id": "id of the row",
    "rule_id": "rule",
    "says": "what is wrong",
    "set_aside": "unreadable",
    "source_refs": "source rows",
    "student_id": "SIS id",
    "student_unique_id": "student",
    "todo": "what to do",
    "values": "what changes",
    "who": "who can do it",
}
_CAPITALS = {
    "id": "ID",
    "ids": "IDs",
    "ods": "ODS",
    "url": "URL",
    "etag": "ETag",
    "http": "HTTP",
    "json": "JSON",
    "cte": "CTE",
    "cip": "CIP",
    "idea": "IDEA",
}


@lru_cache(maxsize=4096)
def label(name: Hashable) -> str:
    """A column by its label (`student_unique_id` as `Student`), else by its words (`schoolName` as `School name`).

    A path has an arrow between its parts.
    """
    if known := LABELS.get(str(name)):
        return known[:1].upper() + known[1:]
    parts = [part for part in str(name).split(".") if part]
    return visible(" \u203a ".join(_words(part) for part in parts) or str(name))


def _words(name: str) -> str:
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", name).replace("ed_fi", "Ed-Fi")
    words = re.split(r"[_\s]+", spaced.strip("_ "))
    text = " ".join(_CAPITALS.get(word.lower(), word.lower() if word.istitle() else word) for word in words)
    text = text.replace("ed-fi", "Ed-Fi").replace("title i part a", "title I Part A")
    return text[:1].upper() + text[1:]

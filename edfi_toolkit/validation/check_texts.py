"""What each check of this package reports to a steward: severity, sentence, next step, source.

Ids of the rules part keep their name (COM-*). DS-* stand for facts of the data standard, REF-*
for what a target must hold already, SRC-* for the canonical tables, YEAR for dates outside the school year.
"""

from __future__ import annotations

from dataclasses import dataclass

from edfi_toolkit.rules.owners import ODS_ADMINISTRATOR, PROGRAM_OFFICE, SIS_CLERK, SIS_PUBLISHING_TEAM

SEVERITIES = ("critical", "warning", "info")


@dataclass(frozen=True)
class CheckText:
    """One check: how bad a hit is, what it means, what to do, who says so, and who can do it."""

    rule_id: str
    severity: str
    says: str
    hint: str
    source: str
    who: str = PROGRAM_OFFICE


STANDARD = "Ed-Fi Data Standard 5.2"
ODS = "Ed-Fi ODS/API 7"

_ALL = (
    CheckText(
        "DS-REQUIRED",
        "critical",
        "A property that the data standard requires is missing.",
        "Fill the field in the SIS, or check that the column is mapped, and build again.",
        STANDARD,
    ),
    CheckText(
        "DS-RESOURCE",
        "critical",
        "The data standard, or the target, does not have the resource this record is for.",
        "Decide with the host which resource takes such records; nothing is sent there.",
        STANDARD,
        who=ODS_ADMINISTRATOR,
    ),
    CheckText(
        "DS-MEMBER",
        "critical",
        "The record holds a property that this resource does not have.",
        "Correct the property's name where the record comes from, or remove it.",
        STANDARD,
    ),
    CheckText(
        "DS-EXTENSION",
        "warning",
        "The record holds an extension, which is not part of the data standard and was not checked.",
        "Make sure that the target knows this extension.",
        STANDARD,
        who=ODS_ADMINISTRATOR,
    ),
    CheckText(
        "DS-TYPE",
        "critical",
        "A property holds a value of the wrong JSON type.",
        "Correct the value or the column's mapping; the sentence names the type that is needed.",
        STANDARD,
    ),
    CheckText(
        "DS-DATE",
        "critical",
        "A date is not a day of the calendar written as yyyy-mm-dd.",
        "Correct the date in the SIS.",
        STANDARD,
    ),
    CheckText(
        "DS-RANGE",
        "critical",
        "A number is outside of what the property can hold, or is 0 where an id is needed.",
        "Correct the number in the SIS.",
        STANDARD,
    ),
    CheckText(
        "DS-TEXT",
        "critical",
        "A text is empty, or begins or ends with white space, which the ODS refuses here.",
        "Remove the white space in the SIS.",
        STANDARD,
    ),
    CheckText(
        "DS-MARKUP",
        "critical",
        "A text looks like markup (a < before a letter, or &#), which the ODS refuses as dangerous.",
        "Put a space after the < or &, or write the word out.",
        ODS,
    ),
    CheckText(
        "DS-ITEM-KEY",
        "critical",
        "A collection holds two items with one key, which the ODS refuses.",
        "Remove one of the two items, or correct the property that distinguishes them.",
        STANDARD,
    ),
    CheckText(
        "DESCRIPTOR_UNCHECKED",
        "warning",
        "A descriptor value is not one of the standard's own and could not be checked without a target.",
        "Validate against a target to have it checked.",
        STANDARD,
    ),
    CheckText(
        "COM-PAY-3",
        "critical",
        "A code value does not lead to a descriptor that exists.",
        "Correct the code in the SIS, or map it in the table descriptor_map.",
        STANDARD,
        who=SIS_PUBLISHING_TEAM,
    ),
    CheckText(
        "COM-PAY-4",
        "critical",
        "A text is longer than the data standard allows.",
        "Shorten it in the SIS. The toolkit never cuts a text.",
        STANDARD,
    ),
    CheckText(
        "COM-VAL-1",
        "critical",
        "The end date lies before the begin date.",
        "Correct one of the two dates in the SIS.",
        STANDARD,
    ),
    CheckText(
        "COM-KEY-1",
        "critical",
        "Two records of this build have one key; the ODS would keep only the last.",
        "Find the two source rows and remove or correct one.",
        STANDARD,
    ),
    CheckText(
        "COM-KEY-2",
        "warning",
        "The program's name differs from the target's only in upper and lower case.",
        "Spell the name as the target does; some servers treat the two as different programs.",
        ODS,
    ),
    CheckText(
        "COM-ONE-1",
        "critical",
        "Two resources report one participation, or share one key; the ODS takes one of them.",
        "Decide which resource it belongs to. Remove the other: its source row, or in the target if only that has it.",
        STANDARD,
    ),
    CheckText(
        "COM-DEP-1",
        "critical",
        "The program does not exist in the target.",
        "Publish the program first, or correct its organization, name or type.",
        ODS,
    ),
    CheckText(
        "REF-ORGANIZATION",
        "critical",
        "The education organization does not exist in the target.",
        "Check the organization's id, or publish the school or district first.",
        ODS,
        who=SIS_PUBLISHING_TEAM,
    ),
    CheckText(
        "SRC-ORGANIZATION",
        "warning",
        "The record goes to an organization that is neither a school of the source nor an owner of its programs.",
        "If it is wrong, correct the cell that it comes from. If it is right, ask that the school is loaded into the "
        "ODS and that your login covers it: until then the ODS may refuse the record.",
        ODS,
        who=SIS_CLERK,
    ),
    CheckText(
        "REF-STUDENT",
        "critical",
        "The student does not exist in the target, or this login may not see it.",
        "Send the student and the enrollment from the SIS to the ODS first; then validate again.",
        ODS,
        who=SIS_PUBLISHING_TEAM,
    ),
    CheckText(
        "REF-ENROLLMENT",
        "critical",
        "The student has no enrollment in the target; the ODS would answer 403.",
        "Send the student's school association from the SIS to the ODS first; then validate again.",
        ODS,
        who=SIS_PUBLISHING_TEAM,
    ),
    CheckText(
        "REF-UNREADABLE",
        "warning",
        "The target did not let this login read a resource, so a check against it was left out.",
        "Ask the target's host for read access, or accept that such records are refused only when sent.",
        ODS,
        who=ODS_ADMINISTRATOR,
    ),
    CheckText(
        "YEAR",
        "warning",
        "A date lies outside of the school year of this build.",
        "Check the date. If it is right, the participation belongs to another year's ODS.",
        "docs/concepts.md, one ODS per school year",
    ),
    CheckText(
        "SRC-KEY",
        "critical",
        "A row has no key, or shares its key with another row.",
        "Correct the key in the extract; without it two rows cannot be distinguished.",
        "docs/rules/common.md, canonical tables",
    ),
    CheckText(
        "SRC-REQUIRED",
        "warning",
        "A field that the rules need is empty; the row may be skipped.",
        "Fill the field in the SIS.",
        "docs/rules/common.md, canonical tables",
    ),
    CheckText(
        "SRC-VALUE",
        "warning",
        "A field holds a value that the rules do not know or that looks wrong.",
        "Correct the value in the SIS, or its mapping.",
        "docs/rules/common.md, canonical tables",
    ),
    CheckText(
        "SRC-DATES",
        "warning",
        "The end lies before the start.",
        "Correct one of the two dates in the SIS.",
        "docs/rules/common.md, canonical tables",
    ),
    CheckText(
        "SRC-EMPTY",
        "warning",
        "A table is empty, and others depend on it.",
        "Check that the file was exported and found; see the list of files that were read.",
        "docs/rules/common.md, canonical tables",
    ),
    CheckText(
        "SHARED_UNIQUE_ID",
        "warning",
        "Two students carry one state id.",
        "Correct the id of one of them in the SIS.",
        "docs/rules/common.md, canonical tables",
    ),
)
CHECK_TEXTS: dict[str, CheckText] = {fact.rule_id: fact for fact in _ALL}

"""What the manual leaves open, and this profile lets a district decide (docs/settings.md)."""

from __future__ import annotations

from edfi_toolkit.rules.settings import Setting, choice, flag

SETTINGS: tuple[Setting, ...] = (
    choice(
        "nm.begin_date_mode",
        "NM-MUL-1",
        "Every enrollment period, or the latest.",
        "each_period",
        "latest_only",
    ),
    Setting(
        "nm.program_edorg",
        "lea",
        "NM-ELE-2",
        "Owner of the CTE program.",
        kind="organization",
        choices=("lea", "school"),
    ),
    choice(
        "nm.completion_from",
        "NM-ELE-9",
        "Source of the completion indicator.",
        "program_completed",
        "credential_earned",
        "omit",
    ),
    choice("nm.cte_ds5", "NM-ELE-10", "CTE details on data standard 5.", "services", "omit"),
    choice(
        "nm.student_published_from", "NM-SEL-1", "Who knows that a student is published.", "column", "ods"
    ),
    choice("nm.enrolled_requires", "NM-SEL-2", "What enrols a student in CTE.", "row", "row_at_school"),
    choice("nm.year_window", "NM-SEL-3", "First and last day of the year.", "config", "calendar"),
    flag(
        "nm.require_exit_after_entry",
        False,
        "NM-SEL-7",
        "Leave out enrollments that end the day they begin.",
    ),
    flag("nm.emit_end_date", False, "NM-ELE-11", "Send endDate."),
    flag("nm.delete_deselected", True, "NM-EVT-4", "Delete what is no longer selected."),
)

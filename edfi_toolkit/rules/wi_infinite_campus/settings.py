"""What the manual leaves open, and this profile lets a district decide (docs/settings.md)."""

from __future__ import annotations

from edfi_toolkit.rules.settings import Needs, Setting, choice, flag

SETTINGS: tuple[Setting, ...] = (
    Setting("descriptor_preset", None, "WI-ELE-4", "A state's own descriptor URIs.", choices=("wi-dpi",)),
    choice(
        "wi.section504_resource",
        "WI-ELE-9",
        "Where Section 504 goes.",
        "studentProgramAssociations",
        "studentSection504ProgramAssociations",
    ),
    flag(
        "wi.ell_in_spa",
        False,
        "WI-ELL-0",
        "Build EL participation as a program association.",
        needs=Needs(
            True,
            ("wi.ell_program_name", "wi.ell_program_type"),
            "The state publishes neither; ask it for them.",
        ),
    ),
    Setting("wi.ell_program_name", None, "WI-ELL-0", "Program name of EL participation."),
    Setting("wi.ell_program_type", None, "WI-ELL-0", "Program type of EL participation."),
    choice(
        "wi.modality_enrollment_rules",
        "WI-ENR",
        "Enrollment rules for Instruction Mode.",
        "general",
        "block_only",
    ),
    choice(
        "wi.enrollment_type_scope",
        "WI-ENR",
        "Triggers that the enrollment type restricts.",
        "modality",
        "all",
    ),
    flag("wi.section504_requires_eligible", False, "WI-504-2", "Only eligible Section 504 records."),
    choice(
        "wi.modality_before_enrollment",
        "WI-MOD-4",
        "Modality that starts before the enrollment.",
        "skip",
        "earliest_overlap",
    ),
    choice("wi.choice_resync", "WI-CFG-1", "What a resync does under a Choice profile.", "nothing", "delete"),
    choice(
        "wi.ceis_before_enrollment",
        "WI-CEIS-2",
        "CEIS that starts before the enrollment.",
        "skip",
        "use_enrollment_start",
    ),
    flag(
        "wi.split_overlaps",
        False,
        "WI-MUL-3",
        "Cut overlapping records at the day before the next begins.",
    ),
    choice(
        "wi.exclude_after_publish",
        "WI-EVT-18",
        "Records of a calendar or school excluded later.",
        "delete",
        "retain",
    ),
)

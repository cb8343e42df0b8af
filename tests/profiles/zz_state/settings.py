"""What the manual leaves open."""

from edfi_toolkit.rules.settings import choice

SETTINGS = (
    choice("zz.deselected", "ZZ-SUP-2", "Records of students left out of reporting later.", "delete", "keep"),
)

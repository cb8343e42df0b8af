"""Validation: three nets under a build, and a report that says what they caught.

Great Expectations is imported here and nowhere else, and only when a suite runs.
"""

from edfi_toolkit.validation.checked import Checked, missing_references, validate

__all__ = ["Checked", "missing_references", "validate"]

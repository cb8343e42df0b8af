"""Write the expectation suites that hold under every profile: `python -m edfi_toolkit.validation.suites`.

The files in `expectations/` are committed, and a test writes them again and compares. Own rules go into a
further file next to these (`expectations/README.md`), which this module never touches.
"""

from __future__ import annotations

from pathlib import Path

import orjson

from edfi_toolkit.model import associations
from edfi_toolkit.validation.association_suites import association_suite
from edfi_toolkit.validation.source_suites import source_suites
from edfi_toolkit.validation.suite_files import Expectation, shipped_folder


def suites() -> dict[str, list[Expectation]]:
    """Every shipped suite by name: `source.<table>` and the ten associations; profiles bring their own."""
    resources = {endpoint: association_suite(endpoint) for endpoint in associations()}
    return {**source_suites(), **resources}


def text_of(name: str, expectations: list[Expectation]) -> bytes:
    """The text of one suite file, in the format of Great Expectations."""
    written_by = "python -m edfi_toolkit.validation.suites; put own rules into a file next to this one"
    suite = {"name": name, "expectations": expectations, "meta": {"written_by": written_by}}
    return orjson.dumps(suite, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE)


def write(folder: Path) -> list[Path]:
    """Write every shipped suite into a folder; other files there are left alone. Returns what was written."""
    written = []
    for name, expectations in suites().items():
        path = folder / f"{name}.json"
        path.write_bytes(text_of(name, expectations))
        written.append(path)
    return written


if __name__ == "__main__":
    write(shipped_folder())

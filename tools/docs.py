"""Write the parts of docs/ that are data in the package: rules, canonical tables, settings, exits, errors.

Pages of docs/rules/ are written whole. In the other pages the text between `<!-- begin NAME -->` and
`<!-- end -->` is replaced; everything around it is written by hand.

    python tools/docs.py            write them
    python tools/docs.py --check    name the pages that would change; exit code 1 if there is one
"""

from __future__ import annotations

import re
import sys
import tomllib
from collections.abc import Iterable
from itertools import repeat
from pathlib import Path
from typing import Any

from edfi_toolkit import errors
from edfi_toolkit.batch.exits import Exit, exit_of
from edfi_toolkit.rules.catalogue import catalogue_files
from edfi_toolkit.rules.contract import Profile, all_settings, profiles
from edfi_toolkit.rules.settings import Setting
from edfi_toolkit.tables.schema import TABLES, Column, Table

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"(<!-- begin (?P<name>[\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
SECTIONS = {
    "common": "Rules of every profile",
    "publish": "Publish, guardrails and reconcile",
}


def title(name: str) -> str:
    """The heading of one catalogue file: a section, or else a profile."""
    return SECTIONS.get(name, f"Profile `{name}`")


def page_name(name: str) -> str:
    """The page of a catalogue, named as the profile's folder."""
    return name.replace("-", "_")


def cell(value: object) -> str:
    """Text that fits a Markdown table."""
    return str(value).replace("|", "\\|").replace("\n", " ")


def markdown_table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    """A Markdown table."""
    head = list(head)
    lines = [head, ["---"] * len(head), *([cell(value) for value in row] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def shown(value: Any) -> str:
    """A value as a person would write it."""
    if value is None:
        return "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def rules_page(name: str) -> str:
    """One page of docs/rules/: every rule of one catalogue file."""
    text = catalogue_files()[name].read_text(encoding="utf-8")
    rows = (
        (
            f"<a id='{rule_id.lower()}'></a>`{rule_id}`",
            *(rule[part] for part in ("severity", "says", "hint", "source")),
        )
        for rule_id, rule in tomllib.loads(text).items()
    )
    table = markdown_table(["rule", "severity", "what a steward reads", "what to do", "source"], rows)
    return (
        f"# {title(name)}\n\n"
        "<!-- Written by tools/docs.py from the catalogues in edfi_toolkit/rules: run `make docs`. -->\n\n"
        "*Critical* keeps a row or record back, *warning* travels with it, *info* is only shown. "
        f"[All rule pages](README.md).\n\n{table}"
    )


def rules_index(names: list[str]) -> str:
    """The list of rule pages."""
    lines = (f"- [{title(name)}]({page_name(name)}.md)\n" for name in names)
    return (
        "# Rules\n\nEvery message, skip, finding and test names a rule by its id. "
        "These pages say what each id means.\n\n" + "".join(lines)
    )


def column_row(table: Table, column: Column) -> tuple[str, str, str, str]:
    """One line of a canonical table's page."""
    kind = " ".join(f"`{value}`" for value in column.values) or column.type
    notes = []
    if column.name in table.primary_key:
        notes.append("key")
    if column.required:
        notes.append("required")
    if column.references:
        notes.append(f"→ `{column.references}`")
    if column.default is not None:
        notes.append(f"empty means {shown(column.default)}")
    return f"`{column.name}`", kind, ", ".join(notes), column.meaning


def tables_block() -> str:
    """All canonical tables."""
    parts = []
    for table in TABLES.values():
        rows = markdown_table(
            ["column", "type", "", "meaning"], (column_row(table, c) for c in table.columns.values())
        )
        parts.append(f"### {table.name}\n\nOne row: {table.meaning}.\n\n{rows}")
    return "\n".join(parts)


def _looked_for(profile: Profile, table: str) -> str:
    asked = profile.on_request.get(table)
    return f"`{table}`" + (f" (with `{asked.setting}` = {shown(asked.value)})" if asked else "")


def profile_tables_block() -> str:
    """Which tables a profile reads."""
    rows = (
        (f"`{name}`", ", ".join(map(_looked_for, repeat(each), each.tables)))
        for name, each in profiles().items()
    )
    return markdown_table(["profile", "tables it looks for"], rows)


def alternatives(setting: Setting) -> str:
    """What else a setting may be."""
    if setting.kind is bool:
        return shown(not setting.default)
    others = [shown(choice) for choice in setting.choices if choice != setting.default]
    if setting.kind == "organization":
        others.append("an education organization id")
    if not others and setting.low is not None:
        return (
            f"{setting.low:g} to {setting.high:g}" if setting.high is not None else f"{setting.low:g} or more"
        )
    return ", ".join(others) or (
        "a day" if setting.default is None and setting.kind is not str else "any text"
    )


def cited(rule: str) -> str:
    """A rule's id, or a link to the section of docs/ that is cited instead."""
    page, _, section = rule.removeprefix("docs/").partition("#")
    return f"[{section}]({page}#{section})" if section else f"`{rule}`"


def settings_block() -> str:
    """Every rules setting."""
    rows = (
        (f"`{s.name}`", shown(s.default), alternatives(s), s.means, cited(s.rule))
        for s in all_settings().values()
    )
    return markdown_table(["setting", "default", "instead", "decides", "rule"], rows)


MEANINGS = {
    Exit.DONE: ("Everything asked for is in the ODS.", "nothing"),
    Exit.FAILED: ("The run failed: a bug, a broken notebook.", "report it, with the lines on stderr"),
    Exit.SETTINGS: (
        "Settings, command line, login, source or ledger are wrong; no record was sent.",
        "a person corrects what the message names; do not retry",
    ),
    Exit.ATTENTION: (
        "Finished, and some records are held or were refused.",
        "a steward opens notebook 50; no failure for a scheduler",
    ),
    Exit.GUARDED: (
        "Refused by a guardrail, or the approved plan no longer holds; nothing was sent.",
        "a person opens notebook 30 and corrects the source, or overrides by name",
    ),
    Exit.UNAVAILABLE: (
        "Target, disk or ledger unavailable for now, another run at work, or interrupted.",
        "run it again: it goes on where it stopped",
    ),
}


def exits_block() -> str:
    """Every exit code."""
    rows = ((int(code), *MEANINGS[code]) for code in Exit)
    return markdown_table(["exit", "meaning", "what to do"], rows)


def errors_block() -> str:
    """Every error of the toolkit, with the exit code it ends in."""
    named = [value for value in vars(errors).values() if isinstance(value, type)]
    kinds = [kind for kind in named if issubclass(kind, errors.EdfiToolkitError)]
    rows = (
        (f"`{kind.__name__}`", int(exit_of(kind)), (kind.__doc__ or "").splitlines()[0]) for kind in kinds
    )
    return markdown_table(["error", "exit", "meaning"], rows)


BLOCKS = {
    "exits": exits_block,
    "errors": errors_block,
    "tables": tables_block,
    "profile-tables": profile_tables_block,
    "rule-settings": settings_block,
}


def pages() -> dict[Path, str]:
    """Every generated page or page with a generated block -> its text."""
    names = sorted(catalogue_files())
    written = {DOCS / "rules" / f"{page_name(name)}.md": rules_page(name) for name in names}
    written[DOCS / "rules" / "README.md"] = rules_index(names)
    for page in sorted(DOCS.rglob("*.md")):
        if page in written:
            continue
        text = page.read_text(encoding="utf-8")
        if BLOCK.search(text):
            written[page] = BLOCK.sub(lambda m: f"{m[1]}\n{BLOCKS[m['name']]()}\n{m[3]}", text)
    return written


def main(arguments: list[str]) -> int:
    """Write the pages, or name those that differ."""
    stale = {
        page: text
        for page, text in pages().items()
        if not page.exists() or page.read_text(encoding="utf-8") != text
    }
    if "--check" in arguments:
        print(*(page.relative_to(DOCS.parent) for page in stale), sep="\n", end="\n" if stale else "")
        return int(bool(stale))
    for page, text in stale.items():
        page.parent.mkdir(parents=True, exist_ok=True)
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

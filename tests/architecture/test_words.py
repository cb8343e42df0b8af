"""Plain field English: words that package, notebooks and documents do without, and citations that resolve."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

import pytest

from tests.architecture.test_documents import anchors
from tests.architecture.test_tracked_files import texts

ROOT = Path(__file__).resolve().parents[2]
READ_BY_PEOPLE = re.compile(
    r"(edfi_toolkit(?!/model/.*json)|notebooks|docs|expectations)/|(bench|data)/.*README\.md$|[A-Z]+\.md$|tools/.*\.py$"
)
CODE = re.compile(r"(edfi_toolkit|tests|bench|tools|notebooks)/.*\.(py|toml|ipynb|md|js)$|docs/.*\.md$")

# What to write in place of each: fix; unreadable, could not be read; again; unavailable; no one, or who it is; what the
# loop goes through; checked; next to, with; reported; exhausted; fails.
AVOIDED = re.compile(
    r"(?<![a-z])(mend(s|ed|ing)?|sets? aside|anew|away|nobody|somebody|anybody|for each in|looked at|beside|told"
    r"|hopeless|stumbl(es?|ed|ing))(?![a-z])",
    re.IGNORECASE,
)
# A section of a page that is not in the project: of a rule book kept elsewhere, of a design, by number only.
UNRESOLVED = re.compile(
    r"(?<![\w.-])([A-F]\d?\.\d{1,2}(\.\d)?(?![\w.%])|(?i:(design )?promise \d|edge (case )?\d+))(?!\w)"
)
RULE_ID = re.compile(r"\b(?:COM|CERT|NM|WI|REC)-[A-Z0-9]+(?:-\d+[a-z]?)?\b")
PAGE = re.compile(r"\bdocs/[\w/-]+\.md(?:#[\w-]+)?")


def places(pattern: re.Pattern[str], where: re.Pattern[str]) -> list[str]:
    """`file:line: what was found` of every match; this file, which holds examples of them all, is left out."""
    return [
        f"{name}:{number}: {match[0]}"
        for name, text in texts().items()
        if where.match(name) and not name.endswith(Path(__file__).name)
        for number, line in enumerate(text.splitlines(), 1)
        for match in pattern.finditer(line)
    ]


def test_the_words_are_plain_field_english() -> None:
    assert places(AVOIDED, READ_BY_PEOPLE) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("mend the row", ["mend"]),
        ("The ODS is away; try anew", ["away", "anew"]),
        ("for each in rows:", ["for each in"]),
        ("3 rows set aside", ["set aside"]),
        ("told = _told(rows); the server stumbled", ["told", "told", "stumbled"]),
        ("recommended; amend; `set_aside`; for record in rows", []),
    ],
)
def test_the_search_for_words_finds_what_it_should(line: str, found: list[str]) -> None:
    assert [match[0] for match in AVOIDED.finditer(line)] == found


def test_no_citation_leads_out_of_the_project() -> None:
    assert places(UNRESOLVED, CODE) == []


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("(rules B3.2)", ["B3.2"]),
        ("as C.3 allows", ["C.3"]),
        ("columns of A.7;", ["A.7"]),
        ("(design promise 1)", ["design promise 1"]),
        ("edge case 47", ["edge case 47"]),
        ("WI-ENR-3, docs/concepts.md, Data Standard 5.2, [S]C.B", []),
    ],
)
def test_the_search_for_citations_finds_what_it_should(line: str, found: list[str]) -> None:
    assert [match[0] for match in UNRESOLVED.finditer(line)] == found


@cache
def documented_rules() -> frozenset[str]:
    pages = (ROOT / "docs/rules").glob("*.md")
    return frozenset(RULE_ID.findall("\n".join(page.read_text(encoding="utf-8") for page in pages)))


def test_every_rule_that_is_cited_is_on_a_page_of_rules() -> None:
    """A rule, the beginning of several (`WI-ENR`), or a worked example of the tests (`WI-X1`)."""
    known = documented_rules() | {path.stem for path in (ROOT / "tests/rules/examples").glob("*.json")}
    cited = {place: place.rpartition(": ")[2] for place in places(RULE_ID, CODE)}
    assert [
        place for place, rule in cited.items() if not any(other.startswith(rule) for other in known)
    ] == []


def test_every_page_that_is_cited_exists() -> None:
    broken = []
    for place in places(PAGE, CODE):
        name, _, anchor = place.rpartition(": ")[2].partition("#")
        page = ROOT / name
        if not page.is_file() or (anchor and anchor not in anchors(page)):
            broken.append(place)
    assert broken == []

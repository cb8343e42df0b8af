"""README and docs/ say what is there: commands, targets, notebooks, links, settings, generated pages."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from edfi_toolkit.cli import app
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.settings import load_settings
from edfi_toolkit.settings.limits import AnswerLimits, Limits, ReadingLimits

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("bench/*.md")])
NOTEBOOKS = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))

LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)|!\[[^\]]*\]\(([^)\s]+)\)")
PROGRAMS = ("```python", "```toml", "```json")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)


@cache
def commands() -> dict[str, Any]:
    """Every command of the program by its name, with its parameters."""
    return dict(typer.main.get_command(app).commands)  # type: ignore[attr-defined]


def make_targets() -> set[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    return set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))


def code_in(text: str) -> str:
    """Code spans and blocks of commands; what stands outside is prose ("make sure"), as are a program's comments."""
    spans = re.findall(r"`([^`\n]+)`", FENCE.sub("", text))
    blocks = [block for block in FENCE.findall(text) if not block.startswith(PROGRAMS)]
    return "\n".join([*blocks, *spans])


def slug(heading: str) -> str:
    """The anchor GitHub gives a heading."""
    plain = re.sub(r"[^\w\- ]", "", heading.strip().lower())
    return plain.replace(" ", "-")


def anchors(page: Path) -> set[str]:
    text = page.read_text(encoding="utf-8")
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {slug(heading) for heading in headings} | set(re.findall(r"<a id='([^']+)'", text))


def broken_links(page: Path) -> list[str]:
    """Relative links of a page that lead nowhere."""
    broken = []
    for match in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        link = match[1] or match[2]
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        goal = (page.parent / name).resolve() if name else page
        if not goal.exists() or (anchor and anchor not in anchors(goal)):
            broken.append(link)
    return broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_relative_link_leads_somewhere(page: Path) -> None:
    assert broken_links(page) == []


def test_the_link_check_itself(tmp_path: Path) -> None:
    (tmp_path / "b.md").write_text("# Some words: here\n")
    (page := tmp_path / "a.md").write_text(
        "[x](b.md) [y](b.md#some-words-here) [z](https://ed-fi.org) [1](c.md) [2](b.md#none) ![3](c.svg)\n"
        "```\n[in code](d.md)\n```\n"
    )
    assert broken_links(page) == ["c.md", "b.md#none", "c.svg"]


def test_the_readme_names_every_notebook_and_each_has_its_page() -> None:
    assert [name for name in NOTEBOOKS if name not in README] == []
    assert sorted(path.stem for path in (ROOT / "docs/notebooks").glob("*.md")) == NOTEBOOKS


def test_the_readme_names_every_command() -> None:
    said = code_in(README)
    missing = [name for name in commands() if not re.search(rf"edfi-toolkit {name}\b", said)]
    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_what_a_page_tells_to_run_exists(page: Path) -> None:
    said = code_in(page.read_text(encoding="utf-8"))
    named = set(re.findall(r"\bmake ([a-z]+(?:-[a-z]+)*)\b", said))
    assert named - make_targets() == set()
    called = set(re.findall(r"\bedfi-toolkit ([a-z]+)\b", said))
    if called:
        assert called - set(commands()) == set()


def test_options_in_the_readme_exist() -> None:
    for block in FENCE.findall(README):
        for line in re.findall(r"^edfi-toolkit (.+?)(?:\s+#.*)?$", block.replace("\\\n", " "), re.MULTILINE):
            name, *words = line.split()
            known = {option for parameter in commands()[name].params for option in parameter.opts}
            unknown = [word for word in words if word.startswith("--") and word.split("=")[0] not in known]
            assert unknown == [], f"edfi-toolkit {name}"


TABLES_OF_THE_FILE = {
    "targets": "[targets.x]\nnonsense = 1",
    "sources": "[sources.x]\nnonsense = 1",
    "paths": "[paths]\nnonsense = 1",
    "limits": "[limits]\nnonsense = 1",
}


@pytest.mark.parametrize("content", TABLES_OF_THE_FILE.values(), ids=list(TABLES_OF_THE_FILE))
def test_every_setting_of_the_file_is_documented(tmp_path: Path, content: str) -> None:
    """The names are those the program offers when it refuses another one."""
    (file := tmp_path / "edfi.toml").write_text(content)
    with pytest.raises(ConfigError, match="Use one of") as refused:
        load_settings(file, environ={})
    offered = set(str(refused.value).split("Use one of: ")[1].rstrip(".").split(", "))
    documented = set(re.findall(r"`(\w+)`", (ROOT / "docs/settings.md").read_text(encoding="utf-8")))
    assert offered - documented == set()


@pytest.mark.parametrize(
    "limits", [Limits(), ReadingLimits(), AnswerLimits()], ids=lambda each: type(each).__name__
)
def test_the_page_of_settings_has_the_default_of_each_limit(limits: Any) -> None:
    rows = re.findall(r"^\| `(\w+)` \| `?([\d.,_]+)`?", (ROOT / "docs/settings.md").read_text("utf-8"), re.M)
    documented = {name: float(value.replace(",", "").replace("_", "")) for name, value in reversed(rows)}
    defaults = {name: float(value) for name, value in vars(limits).items()}
    assert {name: documented.get(name) for name in defaults} == defaults


def test_generated_pages_are_what_the_package_says() -> None:
    script = [sys.executable, ROOT / "tools/docs.py", "--check"]
    done = subprocess.run(script, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), "run `make docs`"


def test_python_in_the_pages_is_python() -> None:
    for page in PAGES:
        for block in re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.M | re.S):
            ast.parse(block)


@pytest.mark.filterwarnings("default")  # Great Expectations warns when it is first imported
def test_the_python_example_of_the_readme_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (example,) = re.findall(r"^```python\n(.*?)^```", README, re.M | re.S)
    (file := tmp_path / "example.py").write_text(example, "utf-8")
    monkeypatch.chdir(ROOT)
    runpy.run_path(str(file), run_name="__main__")
    assert "studentCTEProgramAssociations" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["build", "explain"])
@pytest.mark.filterwarnings("default")
def test_the_commands_of_the_readme_that_need_no_ods_run(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (line,) = re.findall(rf"^edfi-toolkit ({command} .+)$", README, re.M)
    words = [str(ROOT / word) if word.startswith("data/") else word for word in line.split()]
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, words, catch_exceptions=False)
    assert (done.exit_code, bool(done.stdout)) == (0, True)


def test_exit_codes_in_the_readme_are_those_of_the_program() -> None:
    from edfi_toolkit.batch.exits import Exit

    assert re.findall(r"^\| (\d) \|", README, re.MULTILINE) == [str(int(code)) for code in Exit]

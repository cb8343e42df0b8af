"""The validation report: one HTML file, offline and masked, that says what was built, what is held and
why."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from edfi_toolkit.model.frames import as_list
from edfi_toolkit.privacy import Masker, session_masker
from edfi_toolkit.rules.catalogue import RULES
from edfi_toolkit.storage import write_private
from edfi_toolkit.tables.load_errors import is_load_error
from edfi_toolkit.validation.check_texts import SEVERITIES

if TYPE_CHECKING:
    import jinja2

    from edfi_toolkit.validation.checked import Checked

LIMIT = 2000  # rows of a table in the report; a browser sorts and filters that many without a pause
Places = Callable[[pd.DataFrame], pd.DataFrame]


def write_report(
    checked: Checked,
    path: Path,
    *,
    masker: Masker | None = None,
    written_at: dt.datetime | None = None,
    places: Places | None = None,
    row_places: Places | None = None,
) -> Path:
    """Write the report. masker: hides persons; without one they get stand-ins that hold for this process only.

    places: `file`, `row` and `school` of findings, on their index; row_places: those of skipped rows. Gives the path.
    """
    mask = (masker or session_masker()).knowing(_ids(checked))
    facts = story(checked, mask, written_at or dt.datetime.now(dt.UTC), places, row_places)
    return write_private(path, _page().render(**facts))


@cache
def _page() -> jinja2.Template:
    """The template, made ready once: that takes longer than filling it in for a small district."""
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.FunctionLoader(lambda name: files(__package__).joinpath(name).read_text("utf-8")),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["breakable"] = breakable
    environment.filters["count"] = lambda number: f"{number:,}"
    environment.filters["share"] = lambda part, whole: f"{100 * part / whole if whole else 0:.2f}"
    return environment.get_template("report.html.j2")


def breakable(name: object) -> Any:
    """A long name that may be broken between its words; copied and searched it is unchanged."""
    from markupsafe import Markup, escape

    parts = re.split(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[._])", str(name))
    return Markup("<wbr>").join(escape(part) for part in parts)


def story(
    checked: Checked,
    mask: Masker,
    written_at: dt.datetime,
    places: Places | None = None,
    row_places: Places | None = None,
) -> dict[str, Any]:
    """Everything the template shows, masked."""
    build = checked.build
    year = int(build.scope.school_year)
    skipped = build.skipped
    at_load = is_load_error(skipped["rule"])
    built, held = len(build.records), len(checked.held)
    warned = _ready_with_warnings(checked)
    return {
        "profile": build.scope.profile,
        "school_year": f"{year - 1}\N{EN DASH}{year % 100:02d}",
        "source": build.scope.source,
        "written_at": written_at.strftime("%Y-%m-%d %H:%M UTC"),
        "revealed": mask.reveal,
        "built": built,
        "ready": len(checked.ready),
        "held": held,
        "warned": warned,
        "clean": built - held - warned,
        "aside": int(at_load.sum()),
        "skipped": int((~at_load).sum()),
        "reasons": _reasons(checked, mask),
        "resources": checked.summary().to_dict("records"),
        "skipped_rules": _skipped_rules(skipped[~at_load]),
        "aside_rules": _skipped_rules(skipped[at_load]),
        "skipped_rows": _skipped(skipped[~at_load].head(LIMIT), mask, row_places),
        "aside_rows": _rows(
            mask.frame(skipped[at_load].head(LIMIT)),
            ["file", "row", "table", "id", "column", "rule", "detail"],
        ),
        "finding_rows": _findings(checked.findings, mask, places),
        "findings": len(checked.findings),
        "limit": LIMIT,
        "origins": _rows(mask.frame(build.tables.origins), ["table", "file", "rows"]),
        "settings": sorted((name, str(value)) for name, value in build.settings.items()),
    }


def _ids(checked: Checked) -> set[str]:
    """State ids of every student of the build, to be hidden inside of sentences as well."""
    ids = [checked.build.records["student_unique_id"], checked.build.tables["students"]["student_unique_id"]]
    return set(as_list(pd.concat(ids).dropna().astype("str")))


def _ready_with_warnings(checked: Checked) -> int:
    """Ready records that at least one warning is about."""
    warnings = checked.findings[checked.findings["severity"].eq("warning")]
    key = [
        "resource",
        *[name for name in checked.findings.columns if name in checked.ready.columns and name != "resource"],
    ]
    marked = warnings[key].dropna(subset=["resource"]).drop_duplicates()
    return len(checked.ready[key].merge(marked, on=key, how="inner"))


def _reasons(checked: Checked, mask: Masker) -> dict[str, list[dict[str, Any]]]:
    """What was found at each severity, by rule and field, the one that holds or is found most first."""
    table = mask.frame(checked.by_rule)
    names = ["rule_id", "field", "findings", "held", "says", "sentences", "hint"]
    return {severity: _rows(table[table["severity"].eq(severity)], names) for severity in SEVERITIES}


def _skipped_rules(skipped: pd.DataFrame) -> list[dict[str, Any]]:
    """Skipped rows by table and rule: rule, table, rows, says, hint."""
    counts = skipped.groupby(["rule", "table"]).size().sort_values(ascending=False, kind="stable")
    known = [RULES.get(str(rule)) for rule, _ in counts.index]
    return [
        {
            "rule": rule,
            "table": table,
            "rows": int(rows),
            "says": words.says if words else "",
            "hint": words.hint if words else "",
        }
        for ((rule, table), rows), words in zip(counts.items(), known, strict=True)
    ]


def _skipped(rows: pd.DataFrame, mask: Masker, places: Places | None) -> list[dict[str, Any]]:
    """The first rows that a rule skipped, each with its place in the source where that is known."""
    at = places(rows) if places else pd.DataFrame(index=rows.index)
    known = at.reindex(columns=["file", "row", "column", "school"])
    shown = mask.frame(rows.drop(columns=["file", "row", "column"]).join(known))
    return _rows(shown, ["file", "row", "column", "school", "table", "id", "rule", "detail"])


def _findings(findings: pd.DataFrame, mask: Masker, places: Places | None) -> list[dict[str, Any]]:
    """The findings to show, worst first. Above LIMIT every rule and field gets an equal share of the
    places."""
    groups = findings.groupby(["severity", "rule_id", "field"], dropna=False, sort=False)
    turns = groups.cumcount().sort_values(kind="stable").index[:LIMIT]
    shown = findings.loc[turns.sort_values()]
    if places:
        shown = shown.join(places(shown)[["file", "row", "school"]])
    shown = mask.frame(shown.assign(begin_date=shown["begin_date"].dt.strftime("%Y-%m-%d")))
    names = [
        "severity",
        "rule_id",
        "table",
        "row_id",
        "student_unique_id",
        "resource",
        "program_name",
        "begin_date",
        *("file", "row", "school"),
    ]
    return _rows(shown, [*names, "field", "says", "hint"])


def _rows(frame: pd.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    """Rows as dicts of texts and numbers, missing cells as empty text."""
    cells = [as_list(frame[name]) if name in frame else [""] * len(frame) for name in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]

"""What a step found, shown to a person: a sentence, small tables, the next step. Masked unless revealed.

A view shows itself as HTML in a notebook (inline styles only, so it survives an untrusted notebook and works
offline) and as text in a terminal. `browse()` opens one of its tables in a panel; unattended, a plain table.
"""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from operator import attrgetter
from pathlib import Path
from typing import Any

import pandas as pd

from edfi_toolkit.display.attended import attended
from edfi_toolkit.display.cards import TONES, readable
from edfi_toolkit.display.following import follow
from edfi_toolkit.display.links import file_links, with_notebook_links
from edfi_toolkit.display.panels import panels
from edfi_toolkit.display.tables import TextTable
from edfi_toolkit.display.texts import visible
from edfi_toolkit.errors import ConfigError, did_you_mean
from edfi_toolkit.privacy import Masker

ROWS_SHOWN = 30


@dataclass(frozen=True)
class Block:
    """One small table under a caption; `empty` is said when it has no rows."""

    caption: str
    frame: pd.DataFrame
    empty: str = ""
    tone: str = ""


class Lists(Mapping[str, pd.DataFrame]):
    """Frames by name, each made when it is first asked for: most lists of a step are never opened."""

    def __init__(self, makers: Mapping[str, Callable[[], pd.DataFrame]]) -> None:
        self._makers = {name: cache(make) for name, make in makers.items()}

    def __getitem__(self, name: str) -> pd.DataFrame:
        return self._makers[name]()

    def __contains__(self, name: object) -> bool:
        return name in self._makers

    def __iter__(self) -> Iterator[str]:
        return iter(self._makers)

    def __len__(self) -> int:
        return len(self._makers)


@dataclass(frozen=True, repr=False)
class View:
    """The outcome of one step.

    says: one sentence. tone: good, check (something needs a check) or bad (stops the next step).
    blocks: the tables. next_step: what to do now. frames: the full tables by name, for `browse`; real data,
    masked only when shown. empty: what to say of a table without rows. bars: counts for `chart`, or `picture`, which
    makes another. numbers: shown large.
    meanings: of causes, for `by_cause`. actions: makes the buttons below a list. files: to open or download, as links.
    as_of: when its lists were so, where another notebook may have changed that since.
    value: what the step itself returned; its own attributes and methods are reachable from here, so `view.findings`
    is `view.value.findings`.
    """

    title: str
    says: str
    tone: str
    blocks: Sequence[Block]
    next_step: str
    masker: Masker
    frames: Mapping[str, pd.DataFrame] = field(default_factory=dict)
    empty: Mapping[str, str] = field(default_factory=dict)
    bars: pd.Series | None = None
    picture: Callable[[], Any] | None = None
    numbers: Mapping[str, int] = field(default_factory=dict)
    meanings: Mapping[str, str] = field(default_factory=dict)
    value: Any = None
    files: Sequence[Path] = ()
    as_of: str = ""
    actions: Callable[..., Any] | None = None

    def browse(self, name: str | None = None) -> Any:
        """One of the tables in `names`, in a panel with filter and sort; a plain table unattended."""
        chosen = self._named(name)
        frame, empty = self.frames[chosen], self.empty.get(chosen, "")
        title = f"{self.title}: {chosen}" + (f", as of {self.as_of}" if self.as_of else "")
        return panels().grid(frame, masker=self.masker, title=title, empty=empty, below=self.actions)

    def by_cause(self, name: str | None = None) -> Any:
        """One of the tables, one cause at a time, with what the cause means."""
        chosen, meanings = self._named(name), self.meanings
        return panels().reasons(
            self.frames[chosen],
            masker=self.masker,
            explain=lambda cause: meanings.get(cause, ""),
            title=f"{self.title}: {chosen}",
            empty=self.empty.get(chosen, ""),
            below=self.actions,
        )

    def with_actions(self, actions: Callable[..., Any]) -> View:
        """The same view with buttons below each of its lists."""
        return self._with(actions=actions)

    def noting(self, note: str) -> View:
        """The same view with a further sentence."""
        return self._with(says=f"{self.says} {note}".strip())

    def warning_first(self, warning: str) -> View:
        """The same view, opening with what makes it less than it looks."""
        return self._with(says=f"{warning} {self.says}", tone="bad" if self.tone == "bad" else "check")

    def _with(self, **changes: Any) -> View:
        return replace(self, **changes)

    def chart(self) -> Any:
        """The counts of this step as a static picture."""
        if self.picture:
            return self.picture()
        return panels().bars(self.bars if self.bars is not None else pd.Series(dtype="int64"), self.title)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)  # display hooks and copying must not reach the unmasked value
        return getattr(self.value, name)

    @property
    def names(self) -> list[str]:
        """The names `browse` knows, the most useful first."""
        return list(self.frames)

    def _named(self, name: str | None) -> str:
        if name is None:
            return self.names[0]
        if name not in self.frames:
            meant = did_you_mean(name, self.names)
            raise ConfigError(f"There is no table {name!r} here.{meant} All: {', '.join(self.names)}.")
        return name

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, more: str = "; browse() shows all") -> str:
        """The view as HTML. more: where the rest of a long table is."""
        mark, colour, _word = TONES[self.tone]
        parts = [  # in a panel the lines would be as far apart as buttons
            f'<div style="border-left:4px solid {colour};padding:2px 0 2px 12px;margin:4px 0;line-height:1.5">'
            f'<div style="font-weight:600;font-size:1.1em">{html.escape(self.title)}</div>'
            f'<div><b style="color:{readable(colour)}">{mark}</b> {with_notebook_links(self.says)}</div>'
        ]
        if self.numbers:
            parts.append(_numbers_html(self.numbers))
        if self.files:
            parts.append(f'<div style="margin-top:6px"><b>Files:</b> {file_links(self.files)}</div>')
        parts += [block_html(block, self.masker, more=more) for block in self.blocks]
        if self.next_step:
            parts.append(
                f'<div style="margin-top:8px"><b>Next:</b> {with_notebook_links(self.next_step)}</div>'
            )
        return visible("".join(parts) + "</div>")

    def __repr__(self) -> str:
        return self.text()

    def text(self, table: Callable[[TextTable], str] = attrgetter("text")) -> str:
        """The view as text. table: how one of its tables is written, empty for one without rows."""
        lines = [self.title, self.says, *(f"File: {path}" for path in self.files)]
        if self.numbers:
            lines.append("   ".join(f"{name} {count:,}" for name, count in self.numbers.items()))
        for block in self.blocks:
            shown = table(TextTable.of(block.frame.head(ROWS_SHOWN), self.masker))
            lines += ["", block.caption, shown or block.empty or "none"]
        return visible("\n".join([*lines, "", f"Next: {self.next_step}"] if self.next_step else lines))


@dataclass(frozen=True, repr=False)
class PanelView(View):
    """A view with a panel below it where a person looks; unattended it is the view alone.

    panel: makes it. blocks_in_panel: how many of the first tables it shows too, so that a person gets them once, to
    choose from. What the panel decides goes to `replace_with`: from then on this is that view, also where it
    is on the page already.
    """

    panel: Callable[[], Any] | None = field(kw_only=True)
    blocks_in_panel: int = 0

    def replace_with(self, view: View) -> None:
        """Turn into another view, without a panel."""
        pages = vars(self).get("_pages", [])
        vars(self).update(vars(view), panel=None, _pages=pages)
        for page in pages:
            page.update(self._page())

    def becomes(self, view: View) -> None:
        """Say what another view says, above the same panel, also where it is on the page already."""
        kept = {name: getattr(self, name) for name in ("panel", "blocks_in_panel", "value", "actions")}
        vars(self).update({**vars(view), **kept})
        for page in vars(self).get("_pages", []):
            page.update(self._page())

    def _with(self, **changes: Any) -> View:
        """This very view, changed: its panel knows no other."""
        vars(self).update(changes)
        return self

    def _page(self) -> Any:
        from IPython.display import HTML

        twice = self.blocks_in_panel if self._has_panel() else 0
        return HTML(replace(self, blocks=self.blocks[twice:]).html())

    def _has_panel(self) -> bool:
        return bool(self.panel) and not panels().unattended()

    def _ipython_display_(self) -> None:
        from IPython.display import display

        if page := display(self._page(), display_id=True):
            vars(self).setdefault("_pages", []).append(page)
        if self.panel and self._has_panel():
            display(self.panel())


def following(kind: str, make: Callable[[], View]) -> View:
    """What `make` gives now; where a person is, it stays true on the page, whichever notebook changes it.

    kind: as of `follow`.
    """
    first = make()
    if not attended():
        return first
    shown = PanelView(**vars(first), panel=None)
    follow(kind, lambda: shown.becomes(make()), tells=True)
    return shown


def block_html(
    block: Block, masker: Masker, rows: int = ROWS_SHOWN, more: str = "; browse() shows all"
) -> str:
    """A block as an HTML table under its caption, at most `rows` rows, every text escaped. more: where the rest is."""
    if block.frame.empty:
        style = "margin-top:10px;font-weight:600;font-size:var(--jp-ui-font-size1,13px)"  # as above a table
        caption = f'<div style="{style}">{html.escape(block.caption)}</div>'
        return caption + f'<div style="opacity:.75">{html.escape(block.empty or "none")}</div>'
    colour = readable(TONES[block.tone][1]) if block.tone else "inherit"
    left = len(block.frame) - rows
    note = f'<div style="opacity:.75">and {left:,} more{more}</div>' if left > 0 else ""
    table = TextTable.of(block.frame.head(rows), masker).html(block.caption, colour)
    return f'<div style="overflow-x:auto">{table}</div>{note}'  # it may be wider than the page


def _numbers_html(numbers: Mapping[str, int]) -> str:
    each = "".join(
        f'<span style="margin-right:1.6em;white-space:nowrap">{html.escape(name)} '
        f'<b style="font-size:1.7em;font-variant-numeric:tabular-nums">{count:,}</b></span>'
        for name, count in numbers.items()
    )
    return f'<div style="margin:6px 0">{each}</div>'


def accounting(**counts: int) -> pd.DataFrame:
    """A table `what`, `rows` from named counts, in the given order; underscores become spaces."""
    return pd.DataFrame({"what": [name.replace("_", " ") for name in counts], "rows": list(counts.values())})

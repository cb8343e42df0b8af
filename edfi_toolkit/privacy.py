"""Which values are personal, and how they are hidden wherever people look.

Artifacts for eyes (notebooks, report, workbook, manifest, logs) pass through a `Masker` unless a person asked
to reveal; artifacts for machines (parquet, plan files, ledger) hold real data, readable by their owner only.
"""

from __future__ import annotations

import hashlib
import math
import re
import secrets
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping
from copy import copy
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Any

import numpy as np
import orjson
import pandas as pd

PERSONAL_COLUMNS = frozenset(
    {"student_id", "student_unique_id", "student_name", "first_name", "middle_name", "last_name"}
    | {"studentUniqueId", "staffUniqueId", "contactUniqueId", "parentUniqueId", "personId"}
    | {"identificationCode", "loginId", "firstName", "middleName", "lastSurname", "maidenName"}
    | {"preferredFirstName", "preferredLastSurname", "birthDate", "birthCity"}
    | {"birth_date", "electronicMailAddress", "telephoneNumber", "streetNumberName"}
)
# Row ids of these tables name a person; row ids of other tables name a row in the SIS, which a steward needs.
PERSONAL_TABLES = frozenset({"students"})
STUDENT_IDS = ["student_id", "student_unique_id"]
MASKED_FROM = 5  # characters: what a run hides of its students inside texts

# Columns and members that hold names of ours or of the standard, never free text: a student called English
# must not turn "English Learner" into a pseudonym.
_PLAIN = frozenset(
    {"resource", "action", "outcome", "problem_type", "rule", "rule_id", "rules", "code", "severity"}
    | {"table", "column", "field", "member", "path", "profile", "feed", "etag", "ed_fi_id"}
    | {"program_name", "program_type", "program_type_descriptor", "programName"}
)
_NAMING_MEMBERS = ("member", "path", "field", "column")
_ROW_IDS = frozenset({"id", "row_id"})
_UNREADABLE = frozenset({"rule", "column", "value"})  # of a cell that could not be read
# By these columns it is known what a row quotes, and whether that is hidden.
QUOTES = _UNREADABLE | {"table", "field", "was"}
_QUOTING_TEXTS = frozenset({"detail", "says", "hint", "reason"})
_SUFFIX = re.compile(r"_(?:x|y|left|right|before|after|source|ods)$")
_WORD = re.compile(r"[\w.@-]*\w")
_RUN = re.compile(r"[^\W_]{4,}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_AS_LONG_AS_AN_ID = re.compile(r"\d{6}")
_REF = re.compile(rf"\b({'|'.join(sorted(PERSONAL_TABLES))}):([^\s,;'\")\]]*[^\s,;'\")\].])")
# A member or column with its value, in broken JSON or in a sentence of the ODS: quoted, or with a digit in it.
_NAMED = re.compile(r"""(\w+)(["']?\s*[:=]\s*["']?)((?<=")[^"]+|(?<=')[^']+|[\w.@#-]*\d(?:[\w.@#-]*\w)?)""")
_QUOTED = re.compile(r"'([^']+)'|\"([^\"]+)\"")
_FORMULA_START = tuple("=+-@\t\r\n\uff1d\uff0b\uff0d\uff20")


def pseudonym(value: object, key: bytes) -> str:
    """A stable stand-in for one person within one installation: `S-` and ten hex digits of a keyed hash.

    7, 7.0 and "7" are one person. Ten digits: among a million students hardly two look alike.
    """
    hashed = _keyed(key).copy()  # made once: half of the cost
    hashed.update(_text_of(value).encode())
    return f"S-{hashed.hexdigest()}"


@lru_cache(maxsize=8)
def _keyed(key: bytes) -> hashlib.blake2b:
    secret = key if len(key) <= hashlib.blake2b.MAX_KEY_SIZE else hashlib.blake2b(key).digest()
    return hashlib.blake2b(key=secret, digest_size=5)


@lru_cache(maxsize=4096)
def is_personal(name: Hashable) -> bool:
    """Whether a column or JSON member holds personal values, in any spelling, as a path, with a suffix."""
    if isinstance(name, tuple):
        return any(is_personal(part) for part in name)
    return isinstance(name, str) and _letters_of(_SUFFIX.sub("", name.rpartition(".")[2])) in _PERSONAL


def may_name(text: str) -> bool:
    """Whether a text in a place of another kind, as after columns were shifted, may say who someone is.

    One letter does not, nor do digits and signs, as in dates and small numbers, unless they are as long as an id.
    """
    return sum(map(str.isalpha, text)) > 1 or _AS_LONG_AS_AN_ID.search(text) is not None


def safe_cell(value: Any) -> Any:
    """A text a spreadsheet would run as a formula, made harmless by an apostrophe; all others unchanged."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA_START) else value


def _letters_of(name: str) -> str:
    return re.sub(r"[\W_]", "", name).casefold()


_PERSONAL = frozenset(map(_letters_of, PERSONAL_COLUMNS))


def _text_of(value: object) -> str:
    if isinstance(value, str):
        return value
    whole = isinstance(value, float | np.floating) and math.isfinite(value) and float(value).is_integer()
    return str(int(value)) if whole else str(value)  # type: ignore[call-overload]


def is_missing(value: Any) -> bool:
    """None, NaN, NA or NaT; a list is never missing."""
    return value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and value != value)


def _known_words(ids: Iterable[object]) -> dict[str, str]:
    """Lower-cased word -> spelling, of every id; of a name with spaces, its longer words."""
    whole, other = list[str](), list[str]()
    for spelled in map(_text_of, ids):
        # The first is true of most ids, and quicker.
        (whole if spelled.isalnum() or _WORD.fullmatch(spelled) else other).append(spelled)
    words = dict.fromkeys(_WORD.findall("\n".join(other)))  # of 100,000 names, some thousand words
    return {word.casefold(): word for word in (*(word for word in words if len(word) > 2), *whole)}


class Masker:
    """Hides persons in frames and texts. `known` are ids to hide inside free text; `reveal` hides nothing.

    aliases: a person's other ids by the one that the pseudonym is made of, so that one student has one pseudonym.
    `names`: the names of persons by id, asked for when a person reveals them.
    """

    def __init__(
        self,
        key: bytes,
        known: Collection[str] = (),
        *,
        reveal: bool = False,
        aliases: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        if not key:
            raise ValueError("The mask key is empty: anyone could compute the pseudonyms. Set one.")
        self._key, self.reveal, self._aliases = key, reveal, aliases
        self._known: tuple[dict[str, str], ...] = (_known_words(known),)
        self.names: Callable[[], Mapping[str, str]] = dict

    def knowing(self, ids: Iterable[Hashable]) -> Masker:
        """The same masker with further ids to hide inside free text."""
        others = map(_text_of, {*ids}.difference(*self._known))  # most are known as written: seen at one look
        new = sorted(text for text in others if not any(text.casefold() in one for one in self._known))
        other = copy(self)
        other._known = (*self._known, _known_words(new)) if new else self._known
        return other

    def masked(self) -> Masker:
        """The same masker, hiding."""
        return self._revealing(False)

    def revealed(self) -> Masker:
        """The same masker, hiding nothing: only for a person who pressed Reveal."""
        return self._revealing(True)

    def _revealing(self, reveal: bool) -> Masker:
        other = copy(self)
        other.reveal = reveal
        return other

    def value(self, value: Any) -> Any:
        """The pseudonym of one personal value; what is missing or empty stays so; lists and members one by one."""
        if self.reveal or is_missing(value):
            return value
        if isinstance(value, str):
            return self._pseudonym(value) if value else value
        if isinstance(value, Mapping):
            return {member: self.value(each) for member, each in value.items()}
        if isinstance(value, list | tuple | set | frozenset | np.ndarray):
            return [self.value(item) for item in value]
        return self._pseudonym(value)

    def _pseudonym(self, value: object) -> str:
        spelled = _text_of(value)
        return pseudonym(self._aliases.get(spelled, spelled), self._key)

    def text(self, text: Any) -> Any:
        """A text with every known id, and every row id of a personal table, replaced by its pseudonym."""
        if self.reveal or not isinstance(text, str):
            return text
        if text[:1] in ("{", "[") and (parsed := _json(text)) is not None:
            return orjson.dumps(self.body(parsed)).decode()
        if ":" in text:
            text = _REF.sub(lambda ref: f"{ref[1]}:{self.value(ref[2])}", text)
        if ":" in text or "=" in text:
            text = _NAMED.sub(self._hide_named, text)
        return _WORD.sub(self._hide_word, text) if any(self._known) else text

    def ref(self, ref: str) -> str:
        """A `table:id` source reference; ids of personal tables become pseudonyms."""
        table, _, row_id = ref.partition(":")
        return f"{table}:{self.value(row_id)}" if table in PERSONAL_TABLES else self.text(ref)

    def body(self, body: Any, name: str = "") -> Any:
        """A JSON body, or a list of differences between two, with personal members replaced."""
        if self.reveal:
            return body
        if is_personal(name):
            return self.value(body)
        if isinstance(body, Mapping):
            about = any(is_personal(body.get(label)) for label in _NAMING_MEMBERS)
            return {
                self._member(member): self.value(value)
                if about and member not in _PLAIN
                else self.body(value, member)
                for member, value in body.items()
            }
        if isinstance(body, list | tuple | set | frozenset | np.ndarray):
            return [self.body(value, name) for value in body]
        if isinstance(body, bytes):
            return self.text(body.decode(errors="replace"))
        if name == "source_refs" and isinstance(body, str):
            return self.ref(body)
        return body if name in _PLAIN or name.endswith("Descriptor") else self.text(body)

    def frame(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A copy of a frame fit for eyes: personal columns and index levels, references, bodies and texts.

        Ids in personal columns of the frame are also hidden in all its texts. Personal columns become text.
        """
        if self.reveal:
            return frame
        masker = self.knowing(personal_values(frame))
        cells = {at: masker._column(frame.iloc[:, at], str(name)) for at, name in enumerate(frame.columns)}
        shown = pd.DataFrame(cells, index=frame.index)
        shown.columns = frame.columns
        masker._hide_quotes(frame, shown)
        shown.index = masker._index(frame.index)
        if not isinstance(frame.columns, pd.MultiIndex) and frame.columns.dtype.kind in "OU":
            labels = [masker._hidden(label) or label for label in frame.columns]
            shown.columns = pd.Index(labels, name=frame.columns.name)
        return shown

    def persons(self, cells: pd.Series) -> pd.Series:
        """The pseudonyms of a personal column."""
        return cells if self.reveal else _map_distinct(cells, self.value)

    def _column(self, cells: pd.Series, name: str) -> pd.Series:
        if is_personal(cells.name):
            return self.persons(cells)
        textual = cells.dtype.kind == "O"  # texts, categories, objects and JSON bodies
        if not textual or name in _PLAIN:
            return cells
        return _map_distinct(cells, lambda cell: self.body(cell, name))

    def _index(self, index: pd.Index) -> pd.Index:
        names = enumerate(index.names)
        levels = [self._column(index.get_level_values(at).to_series(), str(name)) for at, name in names]
        if isinstance(index, pd.MultiIndex):
            return pd.MultiIndex.from_arrays(levels, names=index.names)
        unchanged = isinstance(index, pd.RangeIndex | pd.DatetimeIndex) and not is_personal(index.name)
        return index if unchanged else pd.Index(levels[0], name=index.name)

    def _hide_quotes(self, frame: pd.DataFrame, shown: pd.DataFrame) -> None:
        """In rows about a person: the row id, the bad value, and that value wherever a sentence quotes it."""
        columns = set(map(str, frame.columns))
        of_table = of_value = pd.Series(False, frame.index)
        if "table" in columns:
            of_table = frame["table"].isin(PERSONAL_TABLES)
        for label in columns & {"column", "field"}:
            of_value = of_value | _map_distinct(frame[label], is_personal).eq(True)
        if columns >= _UNREADABLE:
            names = frame["value"].map(may_name, na_action="ignore").eq(True)
            # A refused row has no rule: which of its values may be shown was judged with what is known of the column.
            of_value = of_value | (names & frame["rule"].notna())
        for name in columns & _ROW_IDS:
            shown[name] = _where(of_table, frame[name], shown[name], self.value)
        for name in columns & {"value", "was", "corrected_to"}:
            shown[name] = _where(of_value, frame[name], shown[name], self.value)
        for name in columns & _QUOTING_TEXTS if of_value.any() else ():
            texts, real = shown[name].to_numpy(dtype=object, copy=True), frame[name].to_numpy(dtype=object)
            values = frame["value"].to_numpy(dtype=object) if "value" in columns else [None] * len(frame)
            for at in np.flatnonzero(of_value):
                texts[at] = self.text(self._without_quotes(real[at], values[at]))
            shown[name] = texts

    def _without_quotes(self, text: Any, value: Any) -> Any:
        """A sentence about a personal column without its bad value and whatever it quotes."""
        if not isinstance(text, str):
            return text
        bad = "" if is_missing(value) else str(value)
        if 0 < len(bad) < 4:
            text = re.sub(rf"(?<!\w){re.escape(bad)}(?!\w)", "\0", text)
        elif bad:
            text = text.replace(bad, "\0")
        text = _QUOTED.sub(self._unquote, text)
        return text.replace("\0", self.value(value)) if bad else text

    def _unquote(self, match: re.Match[str]) -> str:
        bare = match[0][1:-1]
        return match[0] if "\0" in bare or is_personal(bare) else f"'{self.value(bare)}'"

    def _hide_named(self, match: re.Match[str]) -> str:
        name, between, value = match.groups()
        return f"{name}{between}{self.value(value)}" if is_personal(name) else match[0]

    def _hide_word(self, match: re.Match[str]) -> str:
        """A known word; else the known runs of letters and digits in it, unless it is a date."""
        word = match[0]
        hidden = self._hidden(word)
        if hidden is None and len(word) > 4 and not word.isalpha() and not _DATE.match(word):
            return _RUN.sub(lambda run: self._hidden(run[0]) or run[0], word)
        return hidden or word

    def _member(self, member: Any) -> Any:
        return (isinstance(member, str) and self._hidden(member)) or member

    def _hidden(self, word: str) -> str | None:
        lower = word.casefold()
        for known in self._known:
            if lower in known:
                return self._pseudonym(known[lower])
            # PowerSchool's current enrollment has the id "S" + the student's: it names the student as well.
            if word[:1] == "S" and lower[1:] in known:
                return f"S{self._pseudonym(known[lower[1:]])}"
        return None


@cache
def session_masker() -> Masker:
    """For what is shown without the installation's masker: pseudonyms that hold until the process ends."""
    return Masker(secrets.token_bytes(32))


def masker_of(key: bytes, *frames: pd.DataFrame, shortest: int = MASKED_FROM, reveal: bool = False) -> Masker:
    """A masker that hides the persons of the frames inside texts too.

    shortest: characters from which a value is hidden inside a text; a shorter one would hide numbers that are no one's.
    """
    return Masker(key, persons_in(*frames, shortest=shortest), reveal=reveal, aliases=_aliases(frames))


def persons_in(*frames: pd.DataFrame, shortest: int = MASKED_FROM) -> set[str]:
    """The persons of the frames, as they are looked for inside texts."""
    known = {str(value) for frame in frames for value in personal_values(frame)}
    return {value for value in known if len(value) >= shortest}


def _aliases(frames: Iterable[pd.DataFrame]) -> dict[str, str]:
    """Local ids of students by state id, of the frames that have both; none that is also a state id."""
    pairs: dict[str, str] = {}
    for frame in frames:
        if set(STUDENT_IDS) <= set(frame.columns):
            both = frame[STUDENT_IDS].dropna().astype("str")
            pairs |= dict(both.to_numpy(dtype=object).tolist())
    states = set(pairs.values())
    return {local: state for local, state in pairs.items() if local not in states}


def _json(text: str) -> Any:
    """The parsed text when it is a JSON object or array, else None."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def personal_values(frame: pd.DataFrame) -> list[Any]:
    """Every value of a personal column or index level."""
    columns = [frame.iloc[:, at] for at, name in enumerate(frame.columns) if is_personal(name)]
    levels = enumerate(frame.index.names)
    columns += [frame.index.get_level_values(at).to_series() for at, name in levels if is_personal(name)]
    return [value for cells in columns for value in _uniques(cells) if not isinstance(value, pd.Timestamp)]


def _uniques(cells: pd.Series) -> Iterable[Any]:
    try:
        return np.asarray(cells.dropna().unique(), dtype=object).tolist()
    except TypeError:  # lists and dicts cannot be compared
        return ()


def _map_distinct(cells: pd.Series, change: Callable[[Any], Any]) -> pd.Series:
    """Cells changed one by one, each distinct value once; missing stays missing."""
    try:
        codes, distinct = pd.factorize(cells.to_numpy(dtype=object))
    except TypeError:  # lists and dicts cannot be compared
        return pd.Series([change(cell) for cell in cells], index=cells.index, dtype=object)
    changed = np.empty(len(distinct) + 1, dtype=object)
    changed[:-1] = [change(value) for value in distinct]
    changed[-1] = None
    texts = all(isinstance(value, str) for value in changed[:-1])
    return pd.Series(changed[codes], index=cells.index, dtype="str" if texts else object)


def _where(rows: pd.Series, real: pd.Series, shown: pd.Series, change: Callable[[Any], Any]) -> pd.Series:
    """`shown`, with the changed real value in the given rows."""
    if not rows.any():
        return shown
    values = shown.astype(object).to_numpy(copy=True)
    values[rows.to_numpy()] = [change(value) for value in real[rows]]
    return pd.Series(values, index=shown.index, dtype=object)

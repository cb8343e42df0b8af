"""What exports make of an id (COM-NRM-2): how each disguise is recognised, and what to change in the export.

A disguised id is never repaired: `NULL` read as empty would take a student out of the feed, and digits that a number
lost cannot be found again. Sentences name the kind of disguise, never the id.
"""

from __future__ import annotations

import re

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

# Format characters that no one sees, Unicode's category Cf: zero-width space and joiners, direction marks, soft hyphen,
# byte order mark. Written down, since to look for them among all characters would take longer than this import.
_FORMAT = (  # the first and the last of each range
    "\u00ad\u00ad\u0600\u0605\u061c\u061c\u06dd\u06dd\u070f\u070f\u0890\u0891\u08e2\u08e2\u180e\u180e"
    "\u200b\u200f\u202a\u202e\u2060\u2064\u2066\u206f\ufeff\ufeff\ufff9\ufffb"
    "\U000110bd\U000110bd\U000110cd\U000110cd\U00013430\U0001343f\U0001bca0\U0001bca3"
    "\U0001d173\U0001d17a\U000e0001\U000e0001\U000e0020\U000e007f"
)
_INVISIBLE = "".join(
    chr(code)
    for first, last in zip(_FORMAT[::2], _FORMAT[1::2], strict=True)
    for code in range(ord(first), ord(last) + 1)
)
_WHITE = "".join(chr(code) for code in range(0x3001) if chr(code).isspace())
_CONTROL = "\x00-\x1f\x7f-\x9f\u2028\u2029"
EDGES = _WHITE + _INVISIBLE  # what is stripped from both ends of a text (COM-NRM-1)

# Words for nothing, among them what a spreadsheet shows where a formula failed or a column is too narrow.
NOTHING = (
    r"null|none|nan|nat|na|n/a|nil|-+|\u2014|\(null\)|[<]na[>]|[<]null[>]|\\n"
    r"|#n/a|#ref!|#value!|#name\?|#num!|#div/0!|#null!|#+"
)

_GROUPED = r"[+-]?\d{1,3}(?:[,' \u00a0\u2009\u202f]\d{3})+|[+-]?\d{1,3}(?:\.\d{3}){2,}"

# What is wrong with each kind; the first that matches counts. All are understood by `re` and by Arrow's RE2 alike.
_KINDS = {
    NOTHING: "is a word for nothing, and no id. Export an empty cell as empty.",
    r"(?:grand |sub)?totals?(?:[\s:].*)?|(?:sum|count)(?:[\s:].*)?": "is the label of a total, and no id. Export "
    "the table without totals.",
    "=.*": "begins with an equals sign that the export added for Excel. Turn that option off.",
    "['\u2019`].*": "begins with an apostrophe that the export added for Excel. Turn that option off.",
    '".*"': "is in quotation marks that are part of the cell. Export it without them.",
    _GROUPED: "has thousands separators. Export the column as text, or as a number without separators.",
    r"[+-]?\d+e[+-]\d+|[+-]?\d*[.,]\d*e[+-]?\d+": "is a number with an exponent, which has lost digits of the id. "
    "Export the column as text.",
    r"[+-]?\d+[.,]\d*|[+-]?[.,]\d+": "has a decimal point: a spreadsheet or a query made the id a number. Export the "
    "column as text, without the point.",
    f"[^{_CONTROL}]*[{_CONTROL}].*": "holds a control character. Remove it in the SIS or in the export.",
    f".*[{_INVISIBLE}].*": "holds an invisible character. Remove it in the SIS or in the export.",
    ".*\ufffd.*": "holds a character that was lost when the file was written. Export the file as UTF-8.",
}
_ANY = "|".join(f"(?is:{pattern})" for pattern in _KINDS)
_EACH = [(re.compile(pattern, re.IGNORECASE | re.DOTALL), says) for pattern, says in _KINDS.items()]
_NOTHING = re.compile(NOTHING, re.IGNORECASE)


def is_disguised(ids: pd.Series) -> pd.Series:
    """Which of these stripped texts are no id as they are written; the texts are not missing."""
    disguised = ~_is_plain(ids)
    if not disguised.any():
        return disguised
    rest = ids[disguised]
    joined = _is_plain(rest.str.replace("-", "", regex=False))
    joined &= ~rest.str.lower().str.contains("e-", regex=False)  # but not 1E-5
    rest = rest[~joined]
    return disguised & ids.index.isin(rest.index[rest.str.fullmatch(_ANY)])


def _is_plain(ids: pd.Series) -> pd.Series:
    """Letters and digits, with a digit: cheap to see, and true of nearly every id."""
    texts = pa.array(ids, pa.large_string())
    plain = pc.and_not(pc.utf8_is_alnum(texts), pc.utf8_is_alpha(texts))
    return pd.Series(plain.to_numpy(zero_copy_only=False), index=ids.index)


def disguise(text: str) -> str | None:
    """What is wrong with an id and what to change; None for one that is not disguised."""
    return next((says for pattern, says in _EACH if pattern.fullmatch(text)), None)


def is_nothing(text: str) -> bool:
    """Whether a text is a word that a program writes for an empty cell."""
    return _NOTHING.fullmatch(text) is not None


def meant(text: str) -> str | None:
    """The id under a disguise, by which what was published under it is found and held; None where it is lost."""
    bare = re.sub(f"[=\"'\u2019`{_INVISIBLE}]", "", text)
    if re.fullmatch(_GROUPED, bare):
        bare = re.sub(r"\D", "", bare)
    bare = re.sub(r"(?<=\d)[.,]0*$", "", bare)
    return bare if bare and disguise(bare) is None else None

"""The JSON to send for each record, and its hash (COM-PAY-1, COM-PAY-2, COM-EQ-1, COM-SHOW-1).

Records differ in begin, organization, end and student; the rest of a text is the same for all records of one program
with the same further members. So texts are woven from a few constant pieces and four columns, all records at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from edfi_toolkit.model import Body, canonical
from edfi_toolkit.model.bodies import BodyArray, hex_digests
from edfi_toolkit.rules.frames import numbers_of

PROGRAM = ["program_education_organization_id", "program_name", "program_type_descriptor"]
_TEXT = pa.large_string()
_AT_A_TIME = 2_000
_GAP = "\x00"  # where a column goes: no JSON holds this character as it is
# The members that differ from row to row. An end brings its own comma and name, so that an absent one leaves no trace.
VARYING = {
    "beginDate": f'"beginDate":"{_GAP}"',
    "educationOrganizationReference": f'"educationOrganizationReference":{{"educationOrganizationId":{_GAP}}}',
    "endDate": _GAP,
    "studentReference": f'"studentReference":{{"studentUniqueId":"{_GAP}"}}',
}
# What the columns say: no further member may say it too, in whatever case, for a target may not tell cases apart.
FROM_COLUMNS = frozenset(name.casefold() for name in (*VARYING, "programReference"))


def bodies(records: pd.DataFrame) -> tuple[BodyArray, pa.Array]:
    """The body of each record, nothing in it null or empty, and its `model.body_hash`.

    records: the key columns, `end_date` and, where a resource has more, `members`: a dict, or nothing.
    """
    which, kinds = kinds_of(records)
    gaps = [
        pa.array(column, _TEXT)
        for column in (
            day_texts(records["begin_date"]),
            records["education_organization_id"].astype("str"),
            day_texts(records["end_date"], form=',"endDate":"{}"', missing=""),
            escape_json(records["student_unique_id"]),
        )
    ]
    texts = weave([wire_text(*kind) for kind in kinds], which, gaps)
    return BodyArray(texts), hashes_of([canonical_text(*kind) for kind in kinds], which, gaps)


def kinds_of(records: pd.DataFrame) -> tuple[np.ndarray, list[tuple[Body, Body]]]:
    """A number per record, and by number the program reference and the further members its records share."""
    further = records["members"].dropna() if "members" in records else pd.Series(dtype=object)
    shared = pd.Series(map(id, further), index=further.index).reindex(records.index)
    which = numbers_of(*(records[name] for name in PROGRAM), shared)
    first = records.index[np.unique(which, return_index=True)[1]]
    programs = zip(*(records.loc[first, name].tolist() for name in PROGRAM), strict=True)
    names = ("educationOrganizationId", "programName", "programTypeDescriptor")
    return which, [
        (
            {"programReference": dict(zip(names, program, strict=True))},
            _beyond_columns(members) if isinstance(members, dict) else {},
        )
        for program, members in zip(programs, further.reindex(first), strict=True)
    ]


def _beyond_columns(members: Body) -> Body:
    """COM-SHOW-1: the members of the key, and endDate, come from their columns alone."""
    return {name: value for name, value in members.items() if name.casefold() not in FROM_COLUMNS}


def wire_text(program: Body, members: Body) -> str:
    """What is sent: the members of the key and endDate, then the further ones as they were given."""
    own = {**VARYING, **_members(program, orjson.dumps)}
    return _text({**own, **_members(members, orjson.dumps)})


def canonical_text(program: Body, members: Body) -> str:
    """What is hashed: `model.canonical`."""
    texts = {**_members(members, canonical), **_members(program, canonical), **VARYING}
    return _text({name: texts[name] for name in sorted(texts)})


def _members(body: Body, dumps: Callable[[Body], bytes]) -> dict[str, str]:
    return {name: dumps({name: value}).decode()[1:-1] for name, value in body.items()}


def _text(members: Mapping[str, str]) -> str:
    listed = (text if text == _GAP else f",{text}" for text in members.values() if text)
    return f"{{{''.join(listed)[1:]}}}"


def weave(texts: Sequence[str], which: np.ndarray, gaps: Sequence[pa.Array]) -> pa.LargeBinaryArray:
    """Per row the text of its number, with each gap filled from the column of its place."""
    pieces = zip(*(text.split(_GAP) for text in texts), strict=True)
    parts = [
        pa.array(piece, _TEXT).take(pa.array(which)) if len(set(piece)) > 1 else pa.scalar(piece[0], _TEXT)
        for piece in pieces
    ]
    for place, gap in enumerate(gaps):
        parts.insert(2 * place + 1, gap)
    return pc.binary_join_element_wise(*parts, pa.scalar("", _TEXT)).cast(pa.large_binary())


def hashes_of(texts: Sequence[str], which: np.ndarray, gaps: Sequence[pa.Array]) -> pa.Array:
    """The `body_hash` of each woven text. The texts are not kept, so some thousand at a time share their memory."""
    parts = (slice(start, start + _AT_A_TIME) for start in range(0, len(which), _AT_A_TIME))
    woven_parts = (weave(texts, which[rows], [gap[rows] for gap in gaps]).to_pylist() for rows in parts)
    return hex_digests(woven_parts)


def escape_json(texts: pd.Series) -> pd.Series:
    """Each text as JSON has it between the quotes; letters and digits stand there as they are."""
    other = ~texts.str.isalnum()
    if other.any():
        return texts.mask(other, [orjson.dumps(text).decode()[1:-1] for text in texts])
    return texts


def day_texts(days: pd.Series, *, form: str = "{}", missing: str | None = None) -> pd.Series:
    """Days as ISO texts, in a form; what is missing becomes `missing`."""
    codes, distinct = pd.factorize(days)
    texts = map(form.format, np.datetime_as_string(distinct.to_numpy("datetime64[D]")))
    return pd.Series([*texts, missing], dtype="str").take(codes).set_axis(days.index)

"""The grid without a browser: what Python sends to it, and what it tells Python."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
import traitlets

from edfi_toolkit import widgets
from edfi_toolkit.display.records import record_parts
from edfi_toolkit.privacy import Masker, pseudonym
from edfi_toolkit.widgets.grids import Grid

KEY = b"a key for tests"
CANARY = "9002771834"


def some_rows(n: int = 60) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "student_unique_id": [str(int(CANARY) + i) for i in range(n)],
            "program_name": np.resize(["Bilingual", "CTE"], n),
            "begin_date": pd.Timestamp("2025-08-01") + pd.to_timedelta(np.arange(n), "D"),
            "served": np.resize([True, False], n),
            "hours": pd.array([None if i == 3 else i for i in range(n)], dtype="Int64"),
            "detail": [f"student {int(CANARY) + i} has no school" for i in range(n)],
            "source_refs": [[f"students:{int(CANARY) + i}", f"enrollments:{i}"] for i in range(n)],
        },
        index=[f"row {i}" for i in range(n)],
    )


def a_grid(frame: pd.DataFrame | None = None, **options: Any) -> Grid:
    options = {"masker": Masker(KEY)} | options
    made = widgets.grid(some_rows() if frame is None else frame, **options)
    assert isinstance(made, Grid)
    made.sent = []
    made.send = lambda content, buffers=None: made.sent.append((content, buffers))
    return made


def press(grid: Grid, **message: Any) -> dict[str, Any]:
    """What the browser would send, and the page that comes back; where none does, the one that is there."""
    grid.sent.clear()
    grid._take_request(grid, message, [])
    pages = [content for content, _ in grid.sent if "rows" in content]
    return pages[-1] if pages else grid._view()


def column(view: dict[str, Any], name: str) -> list[str]:
    at = [each["name"] for each in view["columns"]].index(name)
    return [row["cells"][at] for row in view["rows"]]


def test_one_page_travels_and_is_counted() -> None:
    view = a_grid()._view()
    assert len(view["rows"]) == 25
    assert (view["count"], view["before"], view["after"]) == ("1-25 of 60", False, True)


def test_pages_are_turned_and_end_at_the_last() -> None:
    grid = a_grid()
    assert press(grid, page=2)["count"] == "51-60 of 60"
    assert len(grid.sent) == 1
    assert press(grid, page=3)["page"] == 2
    assert grid.sent == []
    assert press(grid, page=-1)["page"] == 2


def test_values_are_written_for_people() -> None:
    view = a_grid()._view()
    assert [each["label"] for each in view["columns"]][:3] == [
        "Student",
        "Program",
        "Begins",
    ]
    assert column(view, "begin_date")[0] == "2025-08-01"
    assert column(view, "served")[:2] == ["yes", "no"]
    assert column(view, "hours")[2:4] == ["2", ""]
    assert column(view, "source_refs")[0].endswith(", enrollments:0")


def test_a_filter_needs_every_word_in_any_column_and_any_case() -> None:
    grid = a_grid()
    assert press(grid, filter="cte 2025-08-0")["count"] == "4 of 60 rows match: 1-4 of 4"
    assert set(column(grid._view(), "program_name")) == {"CTE"}
    assert press(grid, filter="cte nowhere")["empty"] == "No row matches the filter."
    assert press(grid, filter="")["count"] == "1-25 of 60"


def test_students_are_counted_where_several_of_the_rows_found_are_about_one() -> None:
    grid = a_grid(
        some_rows(5).assign(student_id=["K1", "K1", "K2", None, "K3"]).drop(columns="student_unique_id")
    )
    assert grid._view()["count"] == "1-5 of 5"
    assert press(grid, filter="bilingual")["count"] == "3 of 5 rows match: 1-3 of 3"
    assert press(grid, filter="2025-08-0")["count"] == "5 of 5 rows match, 3 students: 1-5 of 5"


def choices(view: dict[str, Any], name: str) -> list[tuple[str, int]]:
    return next(each["choices"] for each in view["columns"] if each["name"] == name)


def test_a_column_with_few_values_offers_them_with_their_counts() -> None:
    frame = some_rows().assign(school=["North"] * 50 + [None] * 10)
    grid = a_grid(frame)
    view = grid._view()
    assert choices(view, "program_name") == [("Bilingual", 30), ("CTE", 30)]
    assert choices(view, "school") == [("North", 50), ("(empty)", 10)]
    assert [choices(view, name) for name in ("student_unique_id", "detail", "source_refs")] == [[], [], []]
    assert press(grid, column="school", text="(empty)")["count"] == "10 of 60 rows match: 1-10 of 10"
    assert press(grid, column="program_name", text="CTE")["count"] == "5 of 60 rows match: 1-5 of 5"
    assert press(grid, clear=True)["count"] == "1-25 of 60"


def test_a_choice_is_hidden_where_its_row_says_that_it_is_about_a_person() -> None:
    value = ["9004173.0", "2025-13-01"] * 2
    frame = pd.DataFrame(
        {"rule": "COM-NRM-1", "column": ["student_unique_id", "begin_date"] * 2, "value": value}
    )
    shown = dict(choices(Grid(frame, masker=Masker(KEY))._view(), "value"))
    assert "2025-13-01" in shown
    assert not any("9004173" in text for text in shown)
    assert len(shown) == 2


def test_a_choice_is_hidden_where_a_column_with_many_values_says_so() -> None:
    rules = [f"COM-NRM-{number}" for number in range(4)]
    frame = pd.DataFrame({"rule": rules, "column": "enrolled", "value": [CANARY, "2025-02-30"] * 2})
    assert dict(choices(a_grid(frame)._view(), "value")) == {pseudonym(CANARY, KEY): 2, "2025-02-30": 2}


def test_a_column_with_many_values_is_filtered_by_what_it_contains() -> None:
    grid = a_grid()
    assert press(grid, column="begin_date", text="2025-09-0")["total"] == 9
    assert press(grid, column="begin_date", text="")["total"] == 60
    for words in (CANARY, pseudonym(CANARY, KEY).upper()):
        assert press(grid, column="student_unique_id", text=words)["total"] == 1
    assert press(grid, column="nowhere", text="x")["total"] == 1
    with pytest.raises(traitlets.TraitError, match="No column 'nowhere' to filter"):
        grid.filters = {"nowhere": "x"}


def test_a_school_also_finds_what_goes_elsewhere_for_a_student_who_is_there() -> None:
    elsewhere = "35089500 \u00b7 not in the list of schools; student at Agave High"
    frame = pd.DataFrame({"school": ["Agave High"] * 3 + [elsewhere] * 2 + ["Bosque High"] * 2})
    grid = a_grid(frame)
    assert dict(choices(grid._view(), "school")) == {"Agave High": 5, elsewhere: 2, "Bosque High": 2}
    grid.filters = {"school": "Agave High"}
    assert len(grid.shown_rows) == 5
    grid.filters = {"school": elsewhere}
    assert len(grid.shown_rows) == 2


def test_a_short_list_offers_choices_as_soon_as_one_is_there_twice() -> None:
    frame = pd.DataFrame({"school": ["North", "North", "South", "West"], "program_name": list("abcd")})
    view = a_grid(frame)._view()
    assert choices(view, "school") == [("North", 2), ("South", 1), ("West", 1)]
    assert choices(view, "program_name") == [], "each is there once: then typing is as quick"


def test_choices_hide_students_that_a_text_names() -> None:
    frame = some_rows(4).assign(note=[f"asked {CANARY}", "none", "none", f"asked {CANARY}"])
    grid = a_grid(frame)
    ((text, count), _other) = choices(grid._view(), "note")
    assert (text, count) == (f"asked {pseudonym(CANARY, KEY)}", 2)
    assert press(grid, column="note", text=text)["total"] == 2


def test_choices_hide_the_cell_that_a_row_about_a_person_quotes() -> None:
    rows = {"table": ["students"] * 4, "column": ["student_unique_id"] * 4, "id": ["K73100"] * 4}
    frame = pd.DataFrame(
        {**rows, "value": [CANARY] * 3 + ["x"], "says": [f"'{CANARY}' is no id."] * 3 + ["y"]}
    )
    view = a_grid(frame)._view()
    assert len(choices(view, "value")) == len(choices(view, "says")) == 2
    assert CANARY not in json.dumps(view)
    assert "K73100" not in json.dumps(view)


def test_severities_sort_by_weight_and_ordered_categories_by_their_order() -> None:
    frame = pd.DataFrame(
        {
            "severity": ["info", "critical", "warning"],
            "change": pd.Categorical(
                ["create", "remove", "update"], ["remove", "update", "create"], ordered=True
            ),
        }
    )
    grid = a_grid(frame)
    assert column(press(grid, sort="severity"), "severity") == ["critical", "warning", "info"]
    assert column(press(grid, sort="change"), "change") == ["remove", "update", "create"]


def test_what_is_shown_is_exported_with_ids_as_text() -> None:
    frame = pd.DataFrame(
        {"student_unique_id": ["0012", "0013"], "hours": [1.0, None], "says": ["=1+1", "Peña"]}
    )
    grid = a_grid(frame, title="Preview: changes")
    press(grid, column="says", text="peña")
    press(grid, export=True)
    ((content, (csv,)),) = grid.sent
    assert content == {"export": "preview-changes.csv"}
    masked = pseudonym("0013", KEY)
    assert csv.decode("utf-8-sig").splitlines() == [
        '"Student","Hours","What is wrong"',
        f'"{masked}","","Peña"',
    ]
    grid.revealed, grid.filters = True, {}
    lines = grid.export().decode("utf-8-sig").splitlines()
    assert lines[1:] == ['"0012","1","\'=1+1"', '"0013","","Peña"']


def test_a_filter_goes_back_to_the_first_page() -> None:
    grid = a_grid()
    press(grid, page=2)
    assert press(grid, filter="cte")["page"] == 0


def test_a_student_is_found_by_id_and_by_pseudonym() -> None:
    grid = a_grid()
    for words in (CANARY, pseudonym(CANARY, KEY)):
        assert len(press(grid, filter=words)["rows"]) == 1


def test_a_student_is_found_by_name_where_the_source_has_names_in_any_case_and_column() -> None:
    masker = Masker(KEY)
    masker.names = lambda: {CANARY: "Ada Appleyard"}
    grid = a_grid(masker=masker)
    assert len(press(grid, filter="appleyard")["rows"]) == 1
    press(grid, filter="")
    found = press(grid, column="student_unique_id", text="ada app")
    assert column(found, "student_unique_id") == [pseudonym(CANARY, KEY)]
    assert "Appleyard" not in str(grid.get_state()) + str(found)


def test_a_body_is_searched_by_value_not_by_member() -> None:
    grid = a_grid(pd.DataFrame({"body": [{"programName": "CTE"}, {"programName": "Bilingual"}]}))
    assert len(press(grid, filter="cte")["rows"]) == 1
    assert len(press(grid, filter="programName")["rows"]) == 0


def test_a_heading_sorts_up_then_down_then_not() -> None:
    grid = a_grid()
    directions = [press(grid, sort="hours")["columns"][4]["sort"] for _ in range(3)]
    assert directions == ["ascending", "descending", None]


def test_sorting_puts_missing_last_both_ways() -> None:
    grid = a_grid()
    for name in ("hours", "-hours"):
        grid.sort_by, grid.page = name, 2
        assert column(grid._view(), "hours")[-1] == ""


def test_numbers_in_text_are_sorted_by_size_and_words_without_case() -> None:
    frame = pd.DataFrame({"number": ["10", "9", None], "word": ["b", "A", "c"]})
    grid = a_grid(frame)
    assert column(press(grid, sort="number"), "number") == ["9", "10", ""]
    assert column(press(grid, sort="word"), "word") == ["A", "b", "c"]


def test_lists_and_bodies_can_be_sorted() -> None:
    grid = a_grid(pd.DataFrame({"rules": [["B"], ["A"], None], "body": [{"a": 2}, {"a": 10}, None]}))
    assert column(press(grid, sort="rules"), "rules") == ["A", "B", ""]
    assert column(press(grid, sort="body"), "rules") == ["B", "A", ""]


def test_bodies_kept_as_text_can_be_sorted() -> None:
    bodies = pd.Series([{"a": "b"}, {"a": "a"}, None], dtype="body")
    grid = a_grid(pd.DataFrame({"rules": ["B", "A", ""], "body": bodies}))
    assert column(press(grid, sort="body"), "rules") == ["A", "B", ""]


def test_the_saved_rows_hide_students_that_are_further_below_and_count_all() -> None:
    frame = some_rows()
    frame.loc["row 0", "detail"] = f"the same as {int(CANARY) + 59}"
    saved = a_grid(frame)._repr_mimebundle_()[0]["text/html"]
    assert "20 of 60 rows" in saved
    assert CANARY[:-2] not in saved


def test_bodies_have_no_column_unless_there_is_nothing_else() -> None:
    bodies = pd.DataFrame({"body": [{"a": 1}], "last_body": ['{"a": 1}']})
    assert [each["name"] for each in a_grid(bodies.assign(n=1))._view()["columns"]] == ["n"]
    assert [each["name"] for each in a_grid(bodies)._view()["columns"]] == ["body", "last_body"]


def test_an_unknown_column_is_refused_by_name() -> None:
    with pytest.raises(traitlets.TraitError, match="No column 'nowhere' to sort by"):
        a_grid().sort_by = "nowhere"


def test_selected_gives_real_values_and_shows_masked_ones() -> None:
    grid = a_grid()
    assert grid.selected is None
    press(grid, select=3, how="only")
    assert grid.selected is not None
    assert grid.selected["student_unique_id"] == str(int(CANARY) + 3)
    assert str(int(CANARY) + 3) not in f"{grid.selected!r} {grid.selected}"
    assert "Program: CTE" in str(grid.selected)


def test_selected_rows_keep_index_and_types_and_show_masked() -> None:
    grid = a_grid()
    press(grid, select=1, how="only")
    press(grid, select=3, how="range")
    press(grid, select=2, how="toggle")
    rows = grid.selected_rows
    assert rows.index.tolist() == ["row 1", "row 3"]
    assert rows.student_unique_id.tolist() == [str(int(CANARY) + 1), str(int(CANARY) + 3)]
    for shown in (rows, rows.head(1), rows[["student_unique_id"]]):
        assert CANARY[:-2] not in repr(shown) + str(shown._repr_html_())


def test_a_range_follows_the_order_on_the_screen() -> None:
    grid = a_grid()
    grid.sort_by, grid.filter = "-begin_date", "cte"
    press(grid, select=59, how="only")
    press(grid, select=55, how="range")
    assert grid.selection == (59, 57, 55)
    assert grid.shown_rows.index[0] == "row 59"


def test_a_row_that_is_no_longer_in_view_is_no_longer_chosen() -> None:
    grid = a_grid()
    grid.select(0, 1, 2)
    grid.filter = "cte"
    assert len(grid.selection) in (1, 2)  # of rows that alternate
    assert set(grid.selection) < {0, 1, 2}
    press(grid, page=1)
    assert grid.selection == ()
    grid.filter = ""
    grid.select(3)
    grid.sort_by = "-begin_date"
    assert 3 not in grid._order[: grid._page_size]
    assert grid.selection == ()


def test_rows_can_be_chosen_in_python() -> None:
    grid = a_grid()
    grid.select(0, 5)
    assert grid.selected_rows.index.tolist() == ["row 0", "row 5"]
    with pytest.raises(traitlets.TraitError, match="from 0 to 59"):
        grid.select(60)


def test_messages_that_fit_nothing_change_nothing() -> None:
    grid = a_grid()
    for message in (
        {"column": "nowhere", "text": "x"},
        {"select": 99, "how": "only"},
        {"sort": "nowhere"},
        {"page": "x"},
        {"other": 1},
        {"filter": 5},
    ):
        press(grid, **message)
    assert (grid.selection, grid.sort_by, grid.page, grid.filter) == ((), "", 0, "")


def test_students_are_hidden_until_reveal_and_again_after() -> None:
    grid = a_grid()
    press(grid, select=0, how="only")
    assert CANARY not in json.dumps(grid._view())
    assert CANARY in json.dumps(press(grid, reveal=True))
    assert CANARY not in str(grid.selected)
    assert CANARY not in json.dumps(press(grid, reveal=False))


def test_nothing_revealed_or_typed_is_in_the_state_that_notebooks_save() -> None:
    grid = a_grid()
    press(grid, reveal=True)
    press(grid, filter=CANARY)
    press(grid, select=0, how="only")
    state = grid.get_state()
    assert CANARY not in json.dumps(
        {name: state[name] for name in state if name not in {"_esm", "_css"}}, default=str
    )
    assert CANARY not in repr(grid)


def test_ids_of_students_on_other_pages_are_hidden_too() -> None:
    frame = some_rows()
    frame.loc["row 0", "detail"] = f"the same as {int(CANARY) + 59}"
    assert str(int(CANARY) + 59) not in json.dumps(a_grid(frame)._view())


def test_a_masker_that_reveals_already_needs_no_button() -> None:
    view = a_grid(masker=Masker(KEY, reveal=True))._view()
    assert not view["personal"]
    assert CANARY in json.dumps(view)


def test_a_frame_without_persons_has_no_reveal_button() -> None:
    assert not a_grid(pd.DataFrame({"resource": ["a"], "rows": [1]}))._view()["personal"]


def test_without_a_masker_students_are_hidden_all_the_same() -> None:
    grid = widgets.grid(some_rows())
    assert isinstance(grid, Grid)
    assert CANARY not in json.dumps(grid._view())


def test_an_empty_frame_shows_its_columns() -> None:
    view = a_grid(some_rows(0))._view()
    assert (view["rows"], view["count"], view["empty"]) == ([], "0", "No rows.")
    assert not view["tools"], "there is nothing to filter or to export"
    assert len(view["columns"]) == 7


def test_the_record_pane_lists_texts_and_bodies() -> None:
    frame = pd.DataFrame(
        {"detail": ["a"], "rules": [["X-1", "X-2"]], "last_body": ['{"beginDate": "2025-08-01"}']}
    )
    record = press(a_grid(frame), select=0, how="only")["record"]
    assert record == [
        {"label": "Detail", "kind": "text", "text": "a"},
        {"label": "Rules", "kind": "list", "values": ["X-1", "X-2"]},
        {"label": "Last body", "kind": "members", "members": [["Begin date", "2025-08-01"]]},
    ]


def test_what_is_empty_in_a_body_is_not_listed() -> None:
    frame = pd.DataFrame(
        {"last_body": ['{"beginDate": "2025-08-01", "services": [], "link": {}, "x": null}']}
    )
    (record,) = press(a_grid(frame), select=0, how="only")["record"]
    assert record["members"] == [["Begin date", "2025-08-01"]]


def test_the_record_pane_compares_before_and_after_changes_first() -> None:
    before = {"beginDate": "2025-08-01", "endDate": "2026-01-01", "link": {}, "services": [{"name": "A"}]}
    body = {"beginDate": "2025-08-01", "endDate": "2026-02-01", "services": [{"name": "A"}, {"name": "B"}]}
    frame = pd.DataFrame({"before": [before], "body": [body], "diff": [["endDate", "services"]]})
    (record,) = [
        part for part in press(a_grid(frame), select=0, how="only")["record"] if part["kind"] == "compare"
    ]
    assert record["members"] == [
        ["End date", "2026-01-01", "2026-02-01", True],
        ["Services 2 \u203a Name", "", "B", True],
        ["Begin date", "2025-08-01", "2025-08-01", False],
        ["Services 1 \u203a Name", "A", "A", False],
    ]


@pytest.mark.parametrize(("before", "body"), [(None, {"a": 1}), ({"a": 1}, None)])
def test_a_new_or_a_deleted_record_is_compared_with_nothing(before: object, body: object) -> None:
    frame = pd.DataFrame(
        {"before": pd.Series([before], dtype=object), "body": pd.Series([body], dtype=object)}
    )
    (record,) = press(a_grid(frame), select=0, how="only")["record"]
    assert record["kind"] == "compare"
    assert record["members"][0][3] is False


@pytest.mark.volume
def test_a_hundred_thousand_rows_open_filter_and_sort() -> None:
    n = 100_000
    frame = pd.concat([some_rows(1000)] * (n // 1000), ignore_index=True)
    frame["student_unique_id"] = np.arange(n).astype(str)
    for extra in range(8):
        frame[f"extra_{extra}"] = np.resize(["x", "y", "z"], n)
    grid = a_grid(frame)
    press(grid, ready=True)
    assert press(grid, filter="99999 x")["rows"]
    assert press(grid, sort="student_unique_id")["rows"]


def test_unattended_a_grid_is_a_masked_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EDFI_UNATTENDED", "1")
    shown = widgets.grid(some_rows(), masker=Masker(KEY, reveal=True), title="Held")
    assert isinstance(shown, widgets.Table)
    assert CANARY not in shown._repr_html_() + repr(shown)


def test_a_list_has_most_room_for_what_it_is_read_for() -> None:
    view = a_grid(pd.DataFrame({"todo": ["Look."], "because": ["So."], "values": ["a"], "file": ["b"]})).first
    assert [column["width"] for column in view["columns"]] == ["wide", "wide", "widest", ""]


def test_a_record_that_is_nowhere_yet_or_no_longer_says_so() -> None:
    body, nothing = {"beginDate": "2025-09-02"}, None
    for before, after, headings in (
        (nothing, body, ["Now in the ODS: nothing", "After publishing"]),
        (body, nothing, ["Now in the ODS", "After publishing: nothing"]),
    ):
        (part,) = record_parts({"before": before, "body": after})
        assert part["headings"] == headings

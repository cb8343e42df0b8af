"""One student, looked up by each kind of id: one answer, one pseudonym."""

from __future__ import annotations

import pytest

import edfi_toolkit as edfi
from edfi_toolkit.cli.playground import Playground
from edfi_toolkit.errors import ConfigError
from edfi_toolkit.privacy import pseudonym
from edfi_toolkit.widgets.student_panel import StudentPanel


def test_a_student_is_found_by_each_kind_of_id_and_answered_in_one_sentence(work: Playground) -> None:
    run = edfi.open_run(profile="certification", school_year=2026, source="sample")
    hidden = pseudonym("222222", run.installation.mask_key)
    assert run.masker().value("K7310002") == run.masker().value("222222") == hidden
    views = [repr(run.student(typed)) for typed in ("222222", "K7310002", hidden, "Pappelquast, Brunhild")]
    assert len(set(views)) == 1
    assert "Nothing of this student is in the ODS from us." in views[0]
    assert "222222" not in views[0]
    run.publish(approved="auto")
    sent = run.student("222222")
    assert ", all in the ODS as sent." in sent.says
    rests = sent.blocks[1].frame["rests_on"]
    assert rests.str.fullmatch(r"program_participation\.csv, row \d+; students\.csv, row \d+").all()
    listed = sent.blocks[2].frame
    assert set(listed["program_name"]) == set(sent.blocks[1].frame["program_name"])
    each = r"program_participation\.csv, row \d+, column program_name says .+"
    assert listed["because"].str.fullmatch(each).all()
    participations = work.folder / "source" / "program_participation.csv"
    lines = participations.read_text().splitlines(keepends=True)
    participations.write_text("".join(line for line in lines if not line.startswith("cert-cte,")))
    later = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
    for step in (later.extract, later.build, later.validate):
        step()
    assert (
        "No row that could be read lists Career and Technical Education now:" in later.student("222222").says
    )
    assert sent.blocks[1].frame["school"].isin(run.tables["schools"]["name"]).all()


def test_what_is_missing_is_answered_with_its_reason_in_the_panel(work: Playground) -> None:
    run = edfi.open_run(profile="certification", school_year=2026, source="sample")
    skipped = run.built.skipped
    row = skipped[skipped["rule"].eq("CERT-SEL-3")].iloc[0]
    rows = run.tables["program_participation"].set_index("participation_id")
    local = rows.loc[row["id"], "student_id"]
    panel = StudentPanel(run)
    panel.form.press("look", student=local)
    assert "(CERT-SEL-3)" in panel.story.value
    assert "Who can do it: Program office" in panel.story.value
    assert local not in panel.story.value
    assert bytes(panel.picture.value).startswith(b"\x89PNG")
    assert panel.children == (
        panel.form,
        panel.story,
        panel.picture,
        panel.rest,
    )  # the timeline after the answer
    assert "What the tables hold" in panel.rest.value
    assert "What the tables hold" not in panel.story.value
    assert local not in panel.rest.value
    again = StudentPanel(run)  # as when the cell runs again after Read again
    assert again.story.value == panel.story.value
    assert local not in str([each.get_state() for each in (again, again.form, again.story, again.rest)])
    sent = list[str]()
    panel.rest.send = lambda message: sent.append(message["html"])
    panel.story.revealed = True
    assert local in sent[-1]
    panel.story.revealed = False
    assert local not in sent[-1]
    panel.form._take(panel.form, {"press": "typed:student", "values": {}}, [])
    assert (panel.story.value, panel.rest.value, panel.picture.layout.display) == (
        "",
        "",
        "none",
    )  # it was another student's
    assert StudentPanel(run).story.value == ""
    panel.form.press("look", student="Nobody Here")
    assert "No student of the source" in panel.story.value


def test_a_name_that_is_none_is_not_repeated(work: Playground) -> None:
    run = edfi.open_run(profile="certification", school_year=2026, source="sample")
    with pytest.raises(ConfigError) as raised:
        run.student("Zacharias Unheard")
    assert "Unheard" not in str(raised.value)


def test_a_record_under_another_id_is_found_by_either_id_and_never_called_nothing(sent: Playground) -> None:
    students = sent.folder / "source" / "students.csv"
    students.write_text(students.read_text().replace("222222", "222223"))
    run = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
    for step in (run.extract, run.build, run.validate):
        step()
    hidden = pseudonym("222222", run.installation.mask_key)
    stories = [run.student(typed) for typed in ("K7310002", "222223", "222222", hidden)]
    assert len({repr(story) for story in stories}) == 1
    story = stories[0]
    assert "from us" not in story.says
    assert f" under another id, {hidden}." in story.says
    assert "222222" not in repr(story)
    assert "222222" not in story._repr_html_()
    assert story.tone == "bad"
    assert "under another id" in set(story.frames["missing"]["state"])
    spans = story.frames["over the year"]
    assert set(spans.loc[spans["what"].str.startswith("record"), "in_the_ods"]) == {"under another id"}


def test_what_was_sent_under_an_id_that_the_source_no_longer_has_is_said(sent: Playground) -> None:
    source = sent.folder / "source"
    for path in source.glob("*.csv"):
        lines = path.read_text().splitlines(keepends=True)
        path.write_text("".join(line for line in lines if "K7310002" not in line))
    run = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
    run.extract()
    with pytest.raises(ConfigError, match=r"may still be in the ODS from us\. Notebook 30") as raised:
        run.student("222222")
    assert "222222" not in str(raised.value)


def test_a_student_whose_row_cannot_be_read_is_in_the_source(sent: Playground) -> None:
    students = sent.folder / "source" / "students.csv"
    students.write_text(students.read_text().replace("K7310002,222222,", "K7310002,222222.0,"))
    run = edfi.open_run(profile="certification", school_year=2026, source="sample", run_id="new")
    run.extract()
    typed = ["K7310002", "222222.0", "222222", pseudonym("K7310002", run.installation.mask_key)]
    for text in typed:  # by the third its records are in the ODS
        with pytest.raises(ConfigError) as raised:
            run.student(text)
        said = str(raised.value)
        assert "is in the source and cannot be read: students.csv, row 3, column student_unique_id. " in said
        assert said.endswith("Correct it in the SIS, then read the source again.")
        assert not [one for one in typed if one in said]
    with pytest.raises(
        ConfigError, match=r"Or it is one that cannot be read: \d+ rows of students are in the"
    ):
        run.student("Pappelquast")

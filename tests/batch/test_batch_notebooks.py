"""The papermill runner: real kernels, tiny notebooks."""

from __future__ import annotations

import json
import stat
import sys
from pathlib import Path

import nbformat
import pytest

from edfi_toolkit.batch.exits import Exit
from edfi_toolkit.batch.notebooks import Timeouts, check_parameters, run_notebooks, unattended_kernel
from edfi_toolkit.errors import ConfigError
from tests.warm import FRESH

pytestmark = pytest.mark.filterwarnings("default")  # papermill, nbclient and zmq warn about themselves
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def a_notebook(folder: Path, name: str, *cells: str, parameters: str = "who = 'nobody'") -> Path:
    notebook = nbformat.v4.new_notebook(metadata={"kernelspec": KERNEL})
    notebook.cells = [nbformat.v4.new_code_cell(parameters, metadata={"tags": ["parameters"]})]
    notebook.cells += [nbformat.v4.new_code_cell(each) for each in cells]
    path = folder / f"{name}.ipynb"
    nbformat.write(notebook, path)
    return path


def output_text(path: Path) -> str:
    return path.read_text(encoding="utf-8")


def test_a_notebook_runs_in_this_interpreter_unattended_and_reports_each_cell(tmp_path: Path) -> None:
    path = a_notebook(
        tmp_path,
        "10_look",
        "import os, sys\ne = os.environ\n"
        "print(who, sys.executable, e['EDFI_UNATTENDED'], os.getcwd(), e['HINT'])",
    )
    work = tmp_path / "work"
    work.mkdir()
    seen: list[tuple[str, int, int]] = []

    ran = run_notebooks(
        [path],
        parameters={"who": "steward"},
        out_dir=tmp_path / "out",
        cwd=work,
        environ={"HINT": "h"},
        progress_of=lambda name: lambda *counts: seen.append((name, *counts)),
    )

    assert [(each.notebook, each.exit, each.error) for each in ran] == [("10_look", Exit.DONE, "")]
    printed = json.loads(output_text(ran[0].output))["cells"][-1]["outputs"][0]["text"]
    assert "".join(printed).split() == ["steward", sys.executable, "1", str(work), "h"]
    assert seen == [
        ("10_look", 1, 3),
        ("10_look", 2, 3),
        ("10_look", 3, 3),
    ]  # papermill adds a cell of parameters
    assert stat.S_IMODE(ran[0].output.stat().st_mode) == 0o600


def test_a_user_kernel_of_the_same_name_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = tmp_path / "jupyter" / "kernels" / "python3"
    kernel.mkdir(parents=True)
    kernel.joinpath("kernel.json").write_text(
        json.dumps({"argv": ["/bin/false", "{connection_file}"], "display_name": "x", "language": "python"})
    )
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    path = a_notebook(tmp_path, "10_look", "1 + 1")

    [ran] = run_notebooks([path], parameters={}, out_dir=tmp_path / "out", cwd=tmp_path)

    assert ran.exit is Exit.DONE


def test_notebooks_share_a_kernel_and_none_of_its_names(tmp_path: Path) -> None:
    """Nor what they held, of which a long night would have more and more, be it in a circle."""
    circle = "import sys, weakref\nclass Held: pass\nheld = Held()\nheld.itself = held\nsys.held = weakref.ref(held)"
    first = a_notebook(tmp_path, "10_leave", f"{circle}\nimport os\nleft = who\nos.getpid()")
    second = a_notebook(
        tmp_path, "20_look", "import os, sys\nos.getpid()", "'left' in globals(), sys.held() is None, who"
    )

    ran = run_notebooks([first, second], parameters={"who": "x"}, out_dir=tmp_path / "out", cwd=tmp_path)

    said = [json.loads(output_text(each.output))["cells"] for each in ran]
    assert said[0][-1]["outputs"] == said[1][-2]["outputs"]
    assert said[1][-1]["outputs"][0]["data"]["text/plain"] == ["(False, True, 'x')"]
    assert said[1][-1]["execution_count"] == 4  # from one again


def test_a_kernel_that_cannot_be_emptied_runs_no_other_notebook(tmp_path: Path) -> None:
    first = a_notebook(tmp_path, "10_spoil", "get_ipython = None")
    second = a_notebook(tmp_path, "20_look", "print(6 * 7)")

    ran = run_notebooks([first, second], parameters={"who": "x"}, out_dir=tmp_path / "out", cwd=tmp_path)

    assert [each.exit for each in ran] == [Exit.DONE, Exit.FAILED]
    assert ran[1].error == "20_look.ipynb: its kernel failed (RuntimeError)."
    cells = json.loads(output_text(ran[1].output))["cells"]
    assert not any(cell["outputs"] for cell in cells)


def test_an_unknown_parameter_is_refused_with_the_nearest_name(tmp_path: Path) -> None:
    path = a_notebook(tmp_path, "10_look", parameters="school_year = 2026\nprofile = ''")
    with pytest.raises(ConfigError, match="Did you mean 'school_year'"):
        check_parameters([path], {"school_yaer": 2026})


@pytest.mark.parametrize("name", ["client_secret", "password", "key", "api_key", "token"])
def test_a_parameter_named_like_a_credential_is_refused(tmp_path: Path, name: str) -> None:
    path = a_notebook(tmp_path, "10_look", parameters=f"{name} = ''")
    with pytest.raises(ConfigError, match="credential"):
        check_parameters([path], {name: "x"})


def test_a_database_url_with_a_password_is_refused_as_a_parameter(tmp_path: Path) -> None:
    path = a_notebook(tmp_path, "10_look", parameters="source = ''")
    with pytest.raises(ConfigError, match="credential") as refused:
        check_parameters([path], {"source": "postgresql://sis:hunter2@db/sis"})
    assert "hunter2" not in str(refused.value)


def test_our_exceptions_become_exit_codes_and_later_notebooks_do_not_run(tmp_path: Path) -> None:
    first = a_notebook(
        tmp_path,
        "10_bad",
        "from edfi_toolkit.errors import UnsafePlan\nraise UnsafePlan('Too many deletes.', ['x'])",
    )
    second = a_notebook(tmp_path, "20_never", "1")

    ran = run_notebooks([first, second], parameters={}, out_dir=tmp_path / "out", cwd=tmp_path)

    assert [(each.notebook, each.exit, each.error) for each in ran] == [
        ("10_bad", Exit.GUARDED, "UnsafePlan: Too many deletes.")
    ]
    assert "Too many deletes." in output_text(ran[0].output)


def test_the_message_of_an_unexpected_error_is_withheld_with_those_it_came_from(tmp_path: Path) -> None:
    """At debug level too, and with the student in a frame of the cell that raises."""
    path = a_notebook(
        tmp_path,
        "10_bug",
        "import logging, pathlib\nfrom edfi_toolkit.logs import log_of\n"
        "def read(row):\n    logging.getLogger('a.library').debug('row %s', row)\n"
        "    try:\n        {}[row['student']]\n"
        "    except KeyError as error:\n"
        "        logging.getLogger('a.library').exception('no %s', row)\n"
        "        raise ValueError(f'student {row}') from error",
        "with log_of(pathlib.Path('run'), 'a-run'):\n    read({'student': '604822'+'001'})",
    )

    [ran] = run_notebooks(
        [path], parameters={}, out_dir=tmp_path / "out", cwd=tmp_path, environ={"EDFI_LOG_LEVEL": "debug"}
    )

    logged = (tmp_path / "run" / "log.jsonl").read_text("utf-8")
    assert logged.count('"event":"library"') >= 2
    assert "604822001" not in logged

    assert ran.exit is Exit.FAILED
    assert "604822001" not in ran.error
    assert "604822001" not in output_text(ran.output)
    assert "ValueError" in ran.error


def test_outputs_hold_no_widget_state_parameters_or_paths(tmp_path: Path) -> None:
    path = a_notebook(tmp_path, "10_widget", "import ipywidgets\nipywidgets.Text('can'+'ary')")

    [ran] = run_notebooks([path], parameters={"who": "x"}, out_dir=tmp_path / "out", cwd=tmp_path)

    written = json.loads(output_text(ran.output))
    assert "widgets" not in written["metadata"]
    assert "parameters" not in written["metadata"]["papermill"]
    assert str(tmp_path) not in output_text(ran.output)
    assert "widget-view" not in output_text(ran.output)


def test_texts_of_outputs_are_redacted(tmp_path: Path) -> None:
    path = a_notebook(tmp_path, "10_print", "print('604822'+'001')\n'604822'+'001'")

    [ran] = run_notebooks(
        [path],
        parameters={},
        out_dir=tmp_path / "out",
        cwd=tmp_path,
        redact=lambda text: text.replace("604822001", "S-1"),
    )

    assert "604822001" not in output_text(ran.output)
    assert output_text(ran.output).count("S-1") == 2


def test_every_kind_of_output_is_redacted_and_escaped(tmp_path: Path) -> None:
    path = a_notebook(
        tmp_path,
        "10_print",
        "who = '604822' + '001'\nfrom IPython.display import display",
        "display({kind: f'<b>{who}</b>' for kind in ('text/html', 'text/latex', 'image/svg+xml')}, raw=True)",
        "display({'application/json': {who: [{'id': who}]}}, raw=True, metadata={'who': {'id': who}})",
        "print(chr(27) + '[31m' + who + chr(0x202e))",
        "from edfi_toolkit.errors import ConfigError\nraise ConfigError(f'No {who}')",
    )

    [ran] = run_notebooks(
        [path],
        parameters={},
        out_dir=tmp_path / "out",
        cwd=tmp_path,
        redact=lambda text: text.replace("604822001", "S-1"),
    )

    written = output_text(ran.output)
    assert "604822001" not in written + ran.error
    assert written.count("S-1") == 9  # an error has its text and its last line
    assert [mark in written for mark in ("\\u001b", "\\u202e", "\x1b", "\u202e")] == [
        True,
        True,
        False,
        False,
    ]
    nbformat.validate(nbformat.read(ran.output, as_version=4))


def test_an_error_of_a_library_that_is_named_like_one_of_ours_is_withheld(tmp_path: Path) -> None:
    path = a_notebook(
        tmp_path,
        "10_bug",
        "class ValidationError(Exception):\n    pass",
        "raise ValidationError('604822'+'001')",
    )

    [ran] = run_notebooks([path], parameters={}, out_dir=tmp_path / "out", cwd=tmp_path)

    assert "604822001" not in ran.error + output_text(ran.output)
    assert ran.error.startswith("ValidationError: the message is withheld")


def test_a_cell_over_its_time_stops_the_run_and_keeps_the_output(tmp_path: Path) -> None:
    path = a_notebook(tmp_path, "10_slow", "print('be'+'gun')", "import time\ntime.sleep(60)")

    [ran] = run_notebooks(
        [path],
        parameters={},
        out_dir=tmp_path / "out",
        cwd=tmp_path,
        timeouts=Timeouts(start_s=60, cell_s=2, run_s=60),
    )

    assert ran.exit is Exit.FAILED
    assert "one cell" in ran.error
    assert "begun" in output_text(ran.output)


def test_a_kernel_serves_several_runs_and_is_replaced_when_it_got_stuck(tmp_path: Path) -> None:
    told = a_notebook(
        tmp_path, "10_tell", "import os\nleft = globals().get('left', 0) + 1\n(os.getpid(), left)"
    )
    stuck = a_notebook(tmp_path, "10_stuck", "import time\ntime.sleep(60)")
    timeouts = Timeouts(start_s=60, cell_s=2, run_s=60)

    with unattended_kernel(tmp_path) as kernel:
        exits, said = [], []
        for notebook in (told, told, stuck, told):
            [ran] = run_notebooks(
                [notebook], parameters={}, out_dir=tmp_path, cwd=tmp_path, timeouts=timeouts, kernel=kernel
            )
            exits.append(ran.exit)
            said += json.loads(output_text(ran.output))["cells"][-1]["outputs"][:1]

    first, second, after = (each["data"]["text/plain"] for each in said)  # the stuck one said nothing
    assert exits == [Exit.DONE, Exit.DONE, Exit.FAILED, Exit.DONE]
    assert first == second != after
    assert first[0].endswith(", 1)")


def test_the_limit_of_the_whole_run_holds_within_a_cell(tmp_path: Path) -> None:
    path = a_notebook(tmp_path, "10_slow", "import time\ntime.sleep(60)")

    [ran] = run_notebooks(
        [path],
        parameters={},
        out_dir=tmp_path / "out",
        cwd=tmp_path,
        timeouts=Timeouts(start_s=60, cell_s=60, run_s=4),
    )

    assert ran.exit is Exit.FAILED
    assert "whole run" in ran.error


def test_a_kernel_does_what_is_left_to_do_at_its_end_and_frees_nothing_piece_by_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", FRESH)
    path = a_notebook(
        tmp_path,
        "10_look",
        "import atexit, gc, json, pathlib\n"
        "class Kept:\n    def __del__(self, mark=pathlib.Path('freed').touch): mark()\n"
        "json.kept = Kept()\n"
        "_ = atexit.register(pathlib.Path('ended').touch)\n"
        "print(gc.get_threshold()[0])",
    )

    ran = run_notebooks([path], parameters={}, out_dir=tmp_path / "out", cwd=tmp_path)

    cell = json.loads(output_text(ran[0].output))["cells"][-1]
    assert (tmp_path / "ended").exists()
    assert not (tmp_path / "freed").exists()
    assert int("".join(cell["outputs"][0]["text"])) >= 100_000

"""Spans of steps and requests, for whoever has OpenTelemetry configured; without it nothing of it is imported."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from edfi_toolkit.cli.playground import working_in
from edfi_toolkit.errors import PlanError
from edfi_toolkit.runs import open_run
from edfi_toolkit.spans import API, span
from tests.factories.district import YEAR
from tests.factories.watched import District

pytestmark = [pytest.mark.sandbox, pytest.mark.filterwarnings("default")]
export = pytest.importorskip(
    "opentelemetry.sdk.trace.export.in_memory_span_exporter", reason="needs opentelemetry-sdk"
)


@pytest.fixture
def finished(monkeypatch: pytest.MonkeyPatch) -> Iterator[export.InMemorySpanExporter]:
    from opentelemetry import trace
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor

    exporter = export.InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "get_tracer", provider.get_tracer)
    yield exporter
    provider.shutdown()


def test_a_step_and_the_requests_it_makes_are_one_trace_without_a_student(
    finished: export.InMemorySpanExporter, tmp_path: Path
) -> None:
    made = District.make(tmp_path / "north")
    made.write(range(3))
    try:
        with working_in(made.folder, made.environ):
            run = open_run(profile="certification", school_year=YEAR, source="north", run_id="new")
            for step in (run.extract, run.build, run.validate, run.preview):
                step()
            run.publish(approved="auto")
    finally:
        made.ods_stops()
    spans = finished.get_finished_spans()
    steps = [each for each in spans if each.name.startswith("step ")]
    assert [each.name.removeprefix("step ") for each in steps] == list(run.folder.manifest["steps"])
    assert {each.attributes["run_id"] for each in steps} == {run.id}
    requests = [each for each in spans if each.name == "request"]
    inside = {step.context.span_id: step.name for step in steps}
    posts = [each for each in requests if each.attributes["http.response.status_code"] == 201]
    assert len(posts) == 3
    assert {inside[each.parent.span_id] for each in posts} == {"step publish"}
    assert all(each.attributes["correlation_id"] for each in posts)
    assert "S-" not in "".join(each.to_json() for each in spans)


def test_a_failure_leaves_its_class_and_no_text(finished: export.InMemorySpanExporter) -> None:
    with pytest.raises(PlanError), span("step preview"):
        raise PlanError("of student S-1")
    (failed,) = finished.get_finished_spans()
    assert (failed.status.is_ok, dict(failed.attributes)) == (False, {"error.type": "PlanError"})
    assert "S-1" not in failed.to_json()


def test_nothing_is_imported_for_spans_that_no_one_takes() -> None:
    code = f"import sys; from edfi_toolkit.spans import span\nwith span('x') as s: print(s, {API!r} in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["None", "False"]

"""sandbox: serve the embedded ODS."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Port = Annotated[int, typer.Option(help="0 takes a free one.")]


def sandbox(
    port: Port = 0,
    data: Annotated[Path | None, typer.Option(help="SQLite file that keeps the data.")] = None,
    seed: Annotated[
        list[Path] | None, typer.Option(help="JSONL file to load first; may be repeated.")
    ] = None,
    reset: Annotated[
        bool, typer.Option("--reset", help="Empty the data file before the seeds are loaded.")
    ] = False,
    host: Annotated[
        str, typer.Option(help="Address to listen on; this machine only unless named here.")
    ] = "127.0.0.1",
    tenant: Annotated[list[str] | None, typer.Option(help="Leading path segment; may be repeated.")] = None,
    school_year: Annotated[list[int] | None, typer.Option(help="Likewise, after the tenant.")] = None,
    errors: Annotated[
        str, typer.Option(help="problem-details (7.2 on), legacy (before) or dms.")
    ] = "problem-details",
    data_standard: Annotated[str, typer.Option(help="5.2, 4.0 or 6.1.")] = "5.2",
) -> None:
    """Serve an embedded Ed-Fi ODS until interrupted. Its first line is JSON: base_url, control_url, clients.

    Open control_url in a browser to see what is in it, and the last requests and refusals.

    Example: edfi-toolkit sandbox --port 8765 --seed data/samples/certification/ods-seed.jsonl
    """
    from edfi_toolkit.sandbox.server import serve

    serve(
        port,
        data,
        seed or [],
        host,
        tenants=tenant or [],
        school_years=school_year or [],
        errors=errors,
        data_standard=data_standard,
        reset=reset,
    )

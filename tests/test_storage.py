"""Private files appear whole or not at all and for their owner alone; JSON columns come back as they were."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from edfi_toolkit import storage
from edfi_toolkit.errors import StorageUnavailable
from edfi_toolkit.storage import (
    create_private,
    from_json_column,
    json_column,
    private_draft,
    private_folder,
    readable_by_others,
    write_private,
)
from tests.disk import no_room_for


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.parametrize("content", [b"gr\xc3\xbcn", "grün", lambda file: file.write(b"gr\xc3\xbcn")])
def test_bytes_text_and_a_writer_give_the_same_file(tmp_path: Path, content: Any) -> None:
    path = write_private(tmp_path / "a.txt", content)
    assert path == tmp_path / "a.txt"
    assert path.read_bytes() == b"gr\xc3\xbcn"


@pytest.mark.usefixtures("open_umask")
def test_a_file_and_its_new_folders_are_for_their_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    path = write_private(tmp_path / "one" / "two" / "a.bin", b"x")
    assert mode(path) == 0o600
    assert mode(tmp_path / "one") == mode(tmp_path / "one" / "two") == 0o700


@pytest.mark.parametrize("umask", [0o777, 0o277, 0o077, 0o022])
def test_a_umask_takes_no_right_from_the_owner(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        path = write_private(tmp_path / "one" / "a.bin", b"x")
        made = create_private(tmp_path / "two" / "b.db")
    finally:
        os.umask(before)
    assert [mode(each) for each in (path.parent, path, made.parent, made)] == [0o700, 0o600, 0o700, 0o600]


def test_a_file_that_is_made_for_a_library_is_tightened_where_others_could_read_it(tmp_path: Path) -> None:
    path = tmp_path / "b.db"
    path.write_bytes(b"rows")
    path.chmod(0o664)
    assert readable_by_others(path)
    assert create_private(path).read_bytes() == b"rows"
    assert not readable_by_others(path)


@pytest.mark.parametrize(
    "content", [b"x" * 5000, lambda file: pd.DataFrame({"a": np.arange(9000)}).to_parquet(file)]
)
def test_a_disk_without_room_is_told_and_leaves_the_old_file_and_no_draft(
    tmp_path: Path, content: Any
) -> None:
    path = write_private(tmp_path / "a.bin", b"old")
    with (
        no_room_for(1000),
        pytest.raises(StorageUnavailable, match=r"a\.bin cannot be written \(File too large\)\. Make room"),
    ):
        write_private(path, content)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [("a.bin", b"old")]


@pytest.mark.skipif(
    not Path("/proc/self").exists(), reason="needs a folder that not even root may write to: /proc"
)
def test_a_folder_that_may_not_be_written_is_told() -> None:
    with pytest.raises(StorageUnavailable, match="See to it that you may write there, then run again"):
        write_private("/proc/edfi/a.bin", b"x")


def test_a_file_that_others_could_read_is_private_after(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"old")
    path.chmod(0o644)
    write_private(path, b"new")
    assert (path.read_bytes(), mode(path)) == (b"new", 0o600)


def test_a_link_is_replaced_and_not_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"theirs")
    (tmp_path / "a.bin").symlink_to(tmp_path / "elsewhere")
    write_private(tmp_path / "a.bin", b"ours")
    assert (tmp_path / "elsewhere").read_bytes() == b"theirs"
    assert not (tmp_path / "a.bin").is_symlink()


def fails(file: Any) -> None:
    file.write(b"half")
    raise ValueError("in the middle")


@pytest.mark.parametrize("before", [None, b"old"])
def test_a_writer_that_fails_leaves_the_old_file_and_no_draft(tmp_path: Path, before: bytes | None) -> None:
    path = tmp_path / "a.bin"
    if before is not None:
        path.write_bytes(before)
    with pytest.raises(ValueError, match="in the middle"):
        write_private(path, fails)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == (
        [] if before is None else [("a.bin", before)]
    )


def test_a_rename_that_fails_leaves_no_draft(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(StorageUnavailable, match=r"a cannot be written \(Is a directory\)"):
        write_private(tmp_path / "a", b"x")
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_stop_just_as_a_file_is_put_in_place_stays_a_stop(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = os.replace

    def stopped(draft: str, path: Path) -> None:
        replace(draft, path)
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", stopped)
    with pytest.raises(KeyboardInterrupt):
        write_private(tmp_path / "file", b"whole")
    assert [each.read_bytes() for each in tmp_path.iterdir()] == [b"whole"]


def test_the_content_is_on_the_disk_before_the_name_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[str] = []

    def fsync(descriptor: int) -> None:
        steps.append(f"fsync of {os.fstat(descriptor).st_size} bytes")

    def replace(draft: str, path: Path) -> None:
        steps.append(f"replace {path.name}")
        os.rename(draft, path)

    monkeypatch.setattr(storage.os, "fsync", fsync)
    monkeypatch.setattr(storage.os, "replace", replace)
    write_private(tmp_path / "a.bin", b"1234")
    assert steps == ["fsync of 4 bytes", "replace a.bin"]


def test_two_writers_at_once_never_mix(tmp_path: Path) -> None:
    with private_draft(tmp_path / "a") as first, private_draft(tmp_path / "a") as second:
        first.write(b"11")
        second.write(b"2222")
    assert (tmp_path / "a").read_bytes() == b"11"
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_a_folder_that_is_there_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "shared").mkdir(mode=0o755)
    (tmp_path / "shared").chmod(0o755)
    assert private_folder(tmp_path / "shared" / "own") == tmp_path / "shared" / "own"
    assert (mode(tmp_path / "shared"), mode(tmp_path / "shared" / "own")) == (0o755, 0o700)


@pytest.mark.usefixtures("open_umask")
def test_an_empty_private_file_for_a_library_and_never_over_one_that_is_there(tmp_path: Path) -> None:
    path = create_private(tmp_path / "new" / "ledger.db")
    assert (path.read_bytes(), mode(path)) == (b"", 0o600)
    path.write_bytes(b"kept")
    assert create_private(path).read_bytes() == b"kept"


def test_a_json_column_comes_back_as_it_was() -> None:
    values = pd.Series([{"a": [1, "é"]}, None, [], "text", 2.5, float("nan"), pd.NA], index=list("abcdefg"))
    texts = json_column(values)
    assert texts.dtype == "str"
    assert texts.index.tolist() == list("abcdefg")
    assert texts.iloc[0] == '{"a":[1,"é"]}'
    assert from_json_column(texts) == [{"a": [1, "é"]}, None, [], "text", 2.5, None, None]


def test_an_empty_json_column_keeps_its_type() -> None:
    assert json_column([]).dtype == "str"
    assert from_json_column(json_column([])) == []

"""Sources at an address of fsspec: read as a path is, within the same limits, and never with a login in the address."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from zipfile import ZipFile

import fsspec
import pandas as pd
import pytest

from edfi_toolkit.errors import ConfigError, SourceShapeError, SourceUnavailable, StorageUnavailable
from edfi_toolkit.runs.artifacts import hashes_of
from edfi_toolkit.settings import ReadingLimits
from edfi_toolkit.sources import extract
from edfi_toolkit.sources.addresses import is_database, is_remote
from edfi_toolkit.sources.remote import at_hand, stamps_at
from tests.factories.samples import SAMPLES, sample

SAMPLE = SAMPLES / "certification/before"


@pytest.fixture(autouse=True)
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where copies are made; no test leaves one."""
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    return place


@pytest.fixture
def bucket(temporary: Path) -> Iterator[fsspec.AbstractFileSystem]:
    """The store of this process."""
    store = fsspec.filesystem("memory")
    store.put(f"{SAMPLE}/", "memory://north/", recursive=True)
    yield store
    store.rm("/", recursive=True)
    assert list(temporary.iterdir()) == []


def notices(source: str | Path) -> list[str]:
    return sorted(extract(source, profile="certification").notices["detail"])


def test_a_folder_at_an_address_reads_as_the_folder_does(bucket: fsspec.AbstractFileSystem) -> None:
    here, there = sample("certification"), extract("memory://north", profile="certification")
    assert list(here) == list(there)
    for name, frame in here.items():
        pd.testing.assert_frame_equal(frame, there[name])
    pd.testing.assert_frame_equal(here.skipped, there.skipped)
    pd.testing.assert_frame_equal(here.origins, there.origins)


@pytest.mark.parametrize("scheme", ["file", "local"])
def test_an_address_of_this_machine_is_one_too(scheme: str) -> None:
    with at_hand(f"{scheme}://{SAMPLE}/") as copy:
        assert hashes_of(copy) == hashes_of(SAMPLE)
        assert all(path.stat().st_mode & 0o077 == 0 for path in (copy.path, *copy.path.iterdir()))
    assert not copy.path.exists()


@pytest.mark.parametrize("name", ["..", "north\0.csv"])
def test_a_name_that_leads_out_of_the_copy_is_refused(name: str, bucket: fsspec.AbstractFileSystem) -> None:
    bucket.store[f"/north/{name}"] = bucket.store["/north/students.csv"]
    with pytest.raises(SourceShapeError, match="memory://north has a name in it that no file can have"):
        extract("memory://north", profile="certification")


def test_one_file_at_an_address_is_a_source(tmp_path: Path, bucket: fsspec.AbstractFileSystem) -> None:
    with pd.ExcelWriter(tmp_path / "north.xlsx") as workbook:
        for name in ("students", "schools"):
            pd.read_csv(SAMPLE / f"{name}.csv", dtype=str).to_excel(workbook, sheet_name=name, index=False)
    bucket.put(str(tmp_path / "north.xlsx"), "memory://books/north.xlsx")
    found = extract("memory://books/north.xlsx", profile="certification")
    assert found["students"].equals(extract(tmp_path / "north.xlsx", profile="certification")["students"])
    assert "memory://books/north.xlsx has no table" in " ".join(found.notices["detail"])


def test_what_is_not_read_is_named_as_in_a_folder(tmp_path: Path, bucket: fsspec.AbstractFileSystem) -> None:
    folder = tmp_path / "north"
    folder.mkdir()
    shutil.copy(SAMPLE / "students.csv", folder)
    bucket.rm("/north", recursive=True)
    bucket.put(str(folder / "students.csv"), "memory://north/students.csv")
    for name in ("old/students.csv", "~students.csv", "photos.zip", "letter.docx", "students"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text("x")
        bucket.pipe(f"/north/{name}", b"x")
    here = [says.replace(str(folder), "memory://north") for says in notices(folder)]
    assert notices("memory://north") == sorted(here)
    with at_hand("memory://north") as copy:
        assert "photos.zip" not in [path.name for path in copy.path.iterdir()]


def test_messages_name_the_file_and_the_address_and_never_the_copy(bucket: fsspec.AbstractFileSystem) -> None:
    bucket.pipe("/north/students.csv", b"student_id,student_unique_id\n1,604822,3\n")
    with pytest.raises(SourceShapeError, match=r"students\.csv") as cut:
        extract("memory://north", profile="certification")
    bucket.pipe("/empty/readme.csv", b"a,b\n1,2\n")
    with pytest.raises(SourceShapeError, match=r"^memory://empty has none of the tables") as none:
        extract("memory://empty", profile="certification")
    bucket.pipe("/one/photos.zip", b"")
    with pytest.raises(SourceUnavailable, match=r"photos\.zip is no workbook.*Unpack it") as packed:
        extract("memory://one/photos.zip", profile="certification")
    with pytest.raises(
        SourceUnavailable, match="There is no folder or file memory://gone, or its server"
    ) as gone:
        extract("memory://gone", profile="certification")
    assert not any("edfi-source" in str(raised.value) for raised in (cut, none, packed, gone))


def test_what_is_written_while_it_is_copied_is_refused(bucket: fsspec.AbstractFileSystem) -> None:
    class Racing(type(bucket)):  # type: ignore[misc]
        """The store, in which somebody uploads between a listing and the reading that follows it."""

        protocol, cachable = "racing", False
        upload = ""

        @classmethod
        def _strip_protocol(cls, path: str) -> str:
            return path.replace("racing://", "/")

        def ls(self, path: str, detail: bool = True, **options: object) -> list[object]:
            found: list[object] = super().ls(path, detail=detail, **options)
            bucket.pipe(self.upload, b"student_id\n" + b"1\n" * next(times))
            return found

    fsspec.register_implementation("racing", Racing, clobber=True)
    for Racing.upload in ("/north/zz.csv", "/north/students.csv"):
        times = iter(range(1, 100))
        with pytest.raises(
            SourceUnavailable, match=r"racing://north was written while it was read. Run again"
        ):
            extract("racing://north", profile="certification")


def test_the_limits_of_reading_hold_while_it_is_copied(
    tmp_path: Path, bucket: fsspec.AbstractFileSystem
) -> None:
    few = ReadingLimits(max_unpacked_mb=1, max_workbook_mb=1)
    bucket.pipe("/large/students.csv", b"x" * (2**20 + 1))
    with pytest.raises(SourceShapeError, match=r"students\.csv holds 1 MB.*set max_unpacked_mb higher"):
        extract("memory://large", profile="certification", limits=few)
    with ZipFile(tmp_path / "bomb.xlsx", "w", compression=8) as bomb:
        bomb.writestr("xl/workbook.xml", b" " * 3 * 2**20)
    bucket.put(str(tmp_path / "bomb.xlsx"), "memory://bomb/bomb.xlsx")
    with pytest.raises(SourceShapeError, match=r"bomb\.xlsx holds 3 MB.*set max_workbook_mb higher"):
        extract("memory://bomb", profile="certification", limits=few)
    for number in range(1_001):
        bucket.pipe(f"/many/{number}.csv", b"")
    with pytest.raises(SourceShapeError, match="memory://many holds 1,001 files and folders; at most 1,000"):
        extract("memory://many", profile="certification")


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("sftp://steward:t0psecret@files.example.org/north", "holds no password"),
        ("https://files.example.org/north.xlsx?sig=t0psecret", "holds no password"),
        ("https://files.example.org/north.xlsx?export=7", "holds no password"),
        ("s3://key:t0p/secret@bucket/north", "s3://…: an address of files holds no password"),
        ("http://files.example.org/north.xlsx", "http would send students unprotected. Use https://"),
        ("ftp://files.example.org/north", "ftp would send students unprotected. Use sftp://"),
        ("zip://students.csv::s3://bucket/north.zip", "is a chain of addresses"),
        ("simplecache::s3://bucket/north", "is a chain of addresses"),
    ],
)
def test_an_address_holds_a_place_and_nothing_else(address: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        extract(address, profile="certification")
    assert "t0p" not in str(refused.value)


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "s3fs", None)
    with pytest.raises(ConfigError, match=r"Addresses of s3:// need a package .* Install s3fs"):
        extract("s3://bucket/north", profile="certification")
    monkeypatch.setitem(sys.modules, "fsspec.registry", None)
    with pytest.raises(ConfigError, match=r"No driver for s3 is known.*edfi-toolkit\[remote\]"):
        extract("s3://bucket/north", profile="certification")


def test_a_database_is_told_from_files_without_fsspec(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "fsspec.registry", None)
    for url in ("postgresql://sis/x", "sqlite:///north.db", "mssql+pyodbc://sis/x", "snowflake://sis/x"):
        assert is_database(url)
        assert not is_remote(url)
    assert not is_database("data/north")
    assert not is_database("C:\\north")


def test_a_full_disk_under_the_copy_is_said(
    bucket: fsspec.AbstractFileSystem, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/proc/none")
    with pytest.raises(StorageUnavailable, match="The temporary folder cannot be written"):
        extract("memory://north", profile="certification")


def test_stamps_change_when_a_file_is_written(tmp_path: Path) -> None:
    (tmp_path / "students.csv").write_text("a")
    before = stamps_at(f"file://{tmp_path}")
    (tmp_path / "students.csv").write_text("ab")
    assert before != stamps_at(f"file://{tmp_path}")
    assert stamps_at(f"file://{tmp_path}") == stamps_at(f"file://{tmp_path}")

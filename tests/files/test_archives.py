"""CSV text in plain files, gzip and zip."""

from __future__ import annotations

import gzip
import zipfile

import pytest

from xflux.errors import FileFormatError
from xflux.files.archives import CsvSource, csv_sources, sources_in_folder

TEXT = b"a,b\n" + b"1.25,2.5\n" * 400


def test_the_text_is_the_same_plain_gzipped_and_zipped(tmp_path):
    (tmp_path / "t.csv").write_bytes(TEXT)
    (tmp_path / "t.csv.gz").write_bytes(gzip.compress(TEXT))
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("folder/t.csv", TEXT)
        archive.writestr("readme.txt", "no data")

    sources = [csv_sources(tmp_path / name) for name in ("t.csv", "t.csv.gz", "t.zip")]

    assert [len(found) for found in sources] == [1, 1, 1]
    assert [found[0].name for found in sources] == ["t.csv"] * 3
    assert [found[0].read() for found in sources] == [TEXT] * 3


def test_gzip_is_known_by_content_where_the_suffix_is_lost(tmp_path):
    (tmp_path / "t.csv").write_bytes(gzip.compress(TEXT))

    assert csv_sources(tmp_path / "t.csv")[0].read() == TEXT


@pytest.mark.parametrize("keep", [0.3, 0.9, 0.99])
def test_a_cut_gzip_file_is_an_error_that_names_it(tmp_path, keep):
    packed = gzip.compress(TEXT)
    (tmp_path / "t.csv.gz").write_bytes(packed[: int(len(packed) * keep)])

    with pytest.raises(FileFormatError, match=r"t\.csv\.gz.*cut or damaged.*download it again"):
        csv_sources(tmp_path / "t.csv.gz")[0].read()


def test_a_cut_zip_archive_is_an_error_that_names_it(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", TEXT)
    whole = (tmp_path / "t.zip").read_bytes()
    (tmp_path / "t.zip").write_bytes(whole[: len(whole) // 2])

    with pytest.raises(FileFormatError, match=r"t\.zip.*cut or damaged"):
        csv_sources(tmp_path / "t.zip")


def test_a_member_of_a_zip_whose_bytes_changed_is_an_error(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("t.csv", TEXT)
    whole = bytearray((tmp_path / "t.zip").read_bytes())
    whole[60] ^= 0xFF
    (tmp_path / "t.zip").write_bytes(bytes(whole))

    with pytest.raises(FileFormatError, match="cut or damaged"):
        csv_sources(tmp_path / "t.zip")[0].read()


def test_a_zip_without_csv_is_an_error(tmp_path):
    with zipfile.ZipFile(tmp_path / "t.zip", "w") as archive:
        archive.writestr("readme.txt", "no data")

    with pytest.raises(FileFormatError, match="holds no CSV"):
        csv_sources(tmp_path / "t.zip")


def test_a_folder_is_searched_to_any_depth(tmp_path):
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "x.csv").write_bytes(TEXT)
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(TEXT))
    (tmp_path / "notes.txt").write_text("none")

    assert sources_in_folder(tmp_path) == [
        CsvSource(tmp_path / "a.csv.gz"),
        CsvSource(tmp_path / "b" / "x.csv"),
    ]


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"gone\.csv"):
        csv_sources(tmp_path / "gone.csv")

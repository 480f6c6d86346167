"""Result folders: complete or absent, never half."""

from __future__ import annotations

import pytest

from xflux.commands.folder import complete_folder
from xflux.errors import InputError


def test_the_folder_appears_when_the_work_is_done(tmp_path):
    with complete_folder(tmp_path / "a" / "out") as folder:
        (folder / "x").write_text("1")
        assert not (tmp_path / "a" / "out").exists()
    assert (tmp_path / "a" / "out" / "x").read_text() == "1"
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["out"]


def test_an_interrupted_run_leaves_nothing(tmp_path):
    def interrupted():
        with complete_folder(tmp_path / "out") as folder:
            (folder / "x").write_text("1")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_kept_unless_told(tmp_path):
    out = tmp_path / "out"
    out.mkdir()
    (out / "old").write_text("old")
    with pytest.raises(InputError, match="--overwrite"), complete_folder(out):
        pass
    with pytest.raises(ZeroDivisionError), complete_folder(out, overwrite=True):
        _ = 1 / 0
    assert (out / "old").exists()
    with complete_folder(out, overwrite=True) as folder:
        (folder / "new").write_text("new")
    assert [path.name for path in out.iterdir()] == ["new"]


def test_a_file_is_not_replaced(tmp_path):
    (tmp_path / "out").write_text("x")
    with pytest.raises(InputError, match="is a file"), complete_folder(tmp_path / "out"):
        pass

"""One writer at a time: the living are waited for, the dead are followed by one heir."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from xflux.errors import InputError
from xflux.files import write_lock
from xflux.files.write_lock import only_writer

WHAT = Path("fluxes.zarr")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "partial"


def hold(folder: Path) -> None:
    with only_writer(folder, WHAT) as check:
        check()


def leave_lock(folder: Path, **holder) -> Path:
    folder.mkdir()
    lock = folder / write_lock.LOCK
    holder = {"host": socket.gethostname(), "pid": os.getpid(), "token": "t", **holder}
    lock.write_text(json.dumps(holder))
    return lock


def dead_process() -> int:
    process = subprocess.Popen([sys.executable, "-S", "-c", ""])
    process.wait()
    return process.pid


def test_a_folder_with_nothing_in_it_is_removed(folder):
    hold(folder)
    assert not folder.exists()


def test_a_folder_with_something_in_it_is_kept_without_the_lock(folder):
    with only_writer(folder, WHAT):
        (folder / "store").mkdir()
    assert os.listdir(folder) == ["store"]


def test_a_living_writer_of_this_machine_is_waited_for(folder):
    with only_writer(folder, WHAT), pytest.raises(InputError, match="written by process"):
        hold(folder)


def test_the_lock_of_a_dead_process_is_taken_over(folder):
    leave_lock(folder, pid=dead_process())
    hold(folder)


def test_a_lock_that_cannot_be_read_counts_as_new(folder):
    leave_lock(folder).write_text("")
    with pytest.raises(InputError, match="a process that has not said its name"):
        hold(folder)


def test_the_number_of_a_dead_process_may_belong_to_another(folder):
    leave_lock(folder, born="1")
    hold(folder)


def test_the_lock_of_another_machine_is_respected_while_it_is_touched(folder):
    lock = leave_lock(folder, host="elsewhere", pid=7)
    with pytest.raises(InputError, match=r"process 7 on elsewhere.*delete .*lock"):
        hold(folder)
    old = lock.stat().st_mtime - write_lock.DEAD - 1
    os.utime(lock, (old, old))
    hold(folder)


def test_a_dead_lock_has_one_heir(folder):
    lock = leave_lock(folder, pid=dead_process())
    (lock.parent / f"{write_lock.LOCK}.after-t").touch()
    with pytest.raises(InputError, match="taken over by another process"):
        hold(folder)


def test_a_writer_shows_that_it_lives(folder, monkeypatch):
    monkeypatch.setattr(write_lock, "BEAT", 0.01)
    with only_writer(folder, WHAT):
        lock = folder / write_lock.LOCK
        os.utime(lock, (0, 0))
        waited = threading.Event()
        for _ in range(500):
            if lock.stat().st_mtime > 0:
                break
            waited.wait(0.01)
        assert lock.stat().st_mtime > 0

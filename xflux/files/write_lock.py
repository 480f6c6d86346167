"""One writer of a folder at a time, on one machine or on several that share a disk."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from uuid import uuid4

from xflux.errors import InputError

__all__ = ["LOCK", "not_writable", "only_writer"]

#: Name of the lock in the folder.
LOCK = "lock"
#: How often a writer shows that it lives, and after how long it counts as dead; in seconds.
#: The second is long beside the time for which NFS may show an old date (60 s).
BEAT, DEAD = 20.0, 300.0


@contextmanager
def only_writer(folder: Path, what: Path) -> Iterator[Callable[[], None]]:
    """Hold the lock of a folder, which is made where it is missing, with those above it.

    A lock that a dead process left is taken over: at once where it ran on this machine,
    and elsewhere when it has not been touched for five minutes.

    Parameters
    ----------
    folder : Path
        Removed in the end when nothing is in it.
    what : Path
        What is written, for messages.

    Yields
    ------
    callable
        Raises when another process has taken the lock over meanwhile, as it may do
        when this one was suspended for long.

    Raises
    ------
    InputError
        When another process is writing, and where nothing can be written.
    """
    lock = folder / LOCK
    own = {
        "host": socket.gethostname(),
        "pid": os.getpid(),
        "born": _born(os.getpid()),
        "token": uuid4().hex,
    }
    _acquire(folder, lock, own, what)

    def check() -> None:
        if _read(lock).get("token") != own["token"]:
            raise InputError(
                f"another process has taken over the writing of {what} ({_named(_read(lock))}); "
                "this one stops"
            )

    ended = threading.Event()
    threading.Thread(target=_beat, args=(lock, ended), daemon=True).start()
    try:
        yield check
    finally:
        ended.set()
        if _read(lock).get("token") == own["token"]:
            lock.unlink(missing_ok=True)
        with suppress(OSError):
            folder.rmdir()


def not_writable(what: Path, error: OSError) -> InputError:
    """Return what to raise where the system lets nothing be written.

    Parameters
    ----------
    what : Path
        What was to be written.
    error : OSError
    """
    return InputError(
        f"{what} cannot be written: {error.filename}: {error.strerror}; name a path in a folder "
        "that you may write to"
    )


def _acquire(folder: Path, lock: Path, own: dict[str, Any], what: Path) -> None:
    while True:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise not_writable(what, error) from error
        try:
            descriptor = os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            break
        except FileNotFoundError:
            # The writer before us has just removed the folder.
            continue
        except OSError as error:
            with suppress(OSError):
                folder.rmdir()
            raise not_writable(what, error) from error
        with open(descriptor, "w", encoding="utf-8") as file:
            json.dump(own, file)
        return
    holder = _read(lock)
    if _lives(lock, holder):
        raise InputError(
            f"{what} is being written by {_named(holder)}; wait for it. If that process is gone, "
            f"delete {lock} and call again"
        )
    # Whoever makes this file is the heir of that lock, and no other process ever is: of two
    # that found it stale, the slower one must not remove the new lock of the faster.
    claim = lock.with_name(f"{LOCK}.after-{holder.get('token', 'unreadable')}")
    try:
        os.close(os.open(claim, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644))
    except (FileExistsError, FileNotFoundError):
        raise InputError(
            f"{what} is being taken over by another process; wait for it. If there is none, "
            f"delete {lock} and call again"
        ) from None
    new = lock.with_name(f"{LOCK}.{own['token']}")
    new.write_text(json.dumps(own), encoding="utf-8")
    new.replace(lock)


def _read(lock: Path) -> dict[str, Any]:
    """Return who holds a lock; nothing where that cannot be told."""
    try:
        found = json.loads(lock.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _named(holder: dict[str, Any]) -> str:
    if not holder:
        return "a process that has not said its name"
    return f"process {holder.get('pid')} on {holder.get('host')}"


def _lives(lock: Path, holder: dict[str, Any]) -> bool:
    pid = holder.get("pid")
    # On Windows, signal 0 is no question: it ends the process.
    if holder.get("host") == socket.gethostname() and os.name == "posix" and isinstance(pid, int):
        # A number is given again to a later process, which was born at another time.
        return _exists(pid) and holder.get("born") == _born(pid)
    probe = lock.with_name(f"{LOCK}.probe-{uuid4().hex}")
    try:
        # The clock of the disk, as those of two machines differ.
        probe.touch()
        now = probe.stat().st_mtime
        return now - lock.stat().st_mtime < DEAD
    except OSError:
        return True
    finally:
        probe.unlink(missing_ok=True)


def _exists(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _born(pid: int) -> str | None:
    """Return when a process began, in ticks since boot, where the system tells it."""
    with suppress(OSError, IndexError):
        # The name, in parentheses, may hold blanks.
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    return None


def _beat(lock: Path, ended: threading.Event) -> None:
    while not ended.wait(BEAT):
        with suppress(OSError):
            # Without a time given it is the disk that tells it, as it does in `_lives`.
            os.utime(lock)

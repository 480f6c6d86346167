"""A result folder that appears only when it is complete."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from xflux.errors import InputError

__all__ = ["complete_folder"]


@contextmanager
def complete_folder(path: str | Path, *, overwrite: bool = False) -> Iterator[Path]:
    """Yield a temporary folder that becomes `path` when the block ends without error.

    Parameters
    ----------
    path : path
        Of the finished folder.
    overwrite : bool
        Replace a folder that is already there; the old one stays until the new
        one is complete.

    Raises
    ------
    InputError
        When `path` exists and may not be overwritten, or is a file.
    """
    final = Path(path).expanduser().absolute()
    if final.exists() and not final.is_dir():
        raise InputError(f"{final} is a file; name a folder")
    if final.exists() and not overwrite:
        raise InputError(
            f"{final} exists already; run again with --overwrite to replace it, or name another "
            "folder with --out"
        )
    final.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=f".{final.name}.partial-", dir=final.parent))
    # mkdtemp makes the folder private; results are as readable as the user's other files.
    umask = os.umask(0)
    os.umask(umask)
    partial.chmod(0o777 & ~umask)
    try:
        yield partial
        if final.exists():
            replaced = Path(tempfile.mkdtemp(prefix=f".{final.name}.old-", dir=final.parent))
            final.rename(replaced / final.name)
            partial.rename(final)
            shutil.rmtree(replaced)
        else:
            partial.rename(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)

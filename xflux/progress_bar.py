"""A bar for what takes long: on a terminal, where tqdm is installed, and nowhere else."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

__all__ = ["progress_bar"]


@contextmanager
def progress_bar(
    total: int, *, label: str, unit: str, show: bool = True, start: int = 0
) -> Iterator[Callable[[], None]]:
    """Show how far something is, on stderr; the bar goes when it is done.

    Parameters
    ----------
    total : int
        Parts of the work.
    label, unit : str
        What is done, and what a part of it is called.
    show : bool
        False: no bar.
    start : int
        Parts that were done before.

    Yields
    ------
    callable
        To be called after each part.
    """
    if not show or not sys.stderr.isatty():
        yield _silent
        return
    try:
        from tqdm import tqdm
    except ImportError:
        yield _silent
        return
    with tqdm(total=total, initial=start, desc=label, unit=unit, leave=False) as bar:
        yield lambda: bar.update() and None


def _silent() -> None:
    """Say nothing."""

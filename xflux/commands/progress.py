"""What is being done, and how far it is: on stderr, where that is a terminal."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

__all__ = ["Progress"]


class Progress:
    """Say which step is under way, and show a bar for long ones.

    Parameters
    ----------
    quiet : bool
        Say nothing. A bar is shown on a terminal alone.
    """

    def __init__(self, *, quiet: bool = False) -> None:
        self._said = not quiet
        self._bars = not quiet and sys.stderr.isatty()

    def say(self, text: str) -> None:
        """Write one line."""
        if self._said:
            print(text, file=sys.stderr, flush=True)

    @contextmanager
    def computing(self, text: str) -> Iterator[Callable[..., Any]]:
        """Name a step, and give the function that computes its lazy writes.

        All work has ended when the block has, also when it is interrupted: a thread that
        still wrote would bring a folder back that is being removed.
        """
        from concurrent.futures import ThreadPoolExecutor

        import dask
        from dask.system import CPU_COUNT

        self.say(text)
        workers = dask.config.get("num_workers", None) or CPU_COUNT
        with ExitStack() as stack:
            stack.enter_context(self._bar())
            pool = stack.enter_context(ThreadPoolExecutor(workers))
            stack.enter_context(dask.config.set(scheduler="threads", pool=pool))
            yield dask.compute

    def _bar(self) -> Any:
        from dask.diagnostics import ProgressBar

        # Steps of less than a second are over before a bar says anything.
        return ProgressBar(minimum=1.0, out=sys.stderr) if self._bars else ExitStack()

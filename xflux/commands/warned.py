"""Warnings of one run: each shown once, and kept for the report."""

from __future__ import annotations

import sys
import textwrap
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from xflux.errors import XfluxWarning

__all__ = ["Warned", "collect_warnings"]


class Warned:
    """What a run was warned of, in order, each message once."""

    def __init__(self) -> None:
        self.messages: list[str] = []
        self._shown = 0

    def add(self, message: str) -> None:
        """Keep a message, unless it is known."""
        if message not in self.messages:
            self.messages.append(message)

    def show(self) -> None:
        """Write what is new to stderr; called between steps, so that no progress bar is cut."""
        for message in self.messages[self._shown :]:
            lines = textwrap.fill(f"warning: {message}", 100, subsequent_indent="  ")
            print(lines, file=sys.stderr)
        self._shown = len(self.messages)


@contextmanager
def collect_warnings() -> Iterator[Warned]:
    """Collect every `XfluxWarning` of the block, of its worker threads too.

    Other warnings go where they would. What is left is shown at the end, also when the
    block fails.
    """
    warned = Warned()
    with warnings.catch_warnings():
        elsewhere = warnings.showwarning
        # By default a warning is shown once a line of code, but one line warns of many files.
        warnings.simplefilter("always", XfluxWarning)

        def keep(message: Any, category: Any, *place: Any, **options: Any) -> None:
            if issubclass(category, XfluxWarning):
                warned.add(" ".join(str(message).split()))
            else:
                elsewhere(message, category, *place, **options)

        warnings.showwarning = keep
        try:
            yield warned
        finally:
            warned.show()

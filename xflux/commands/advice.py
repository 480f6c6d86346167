"""Advice of the library in words of the command line: which option is that keyword?"""

from __future__ import annotations

import re
from collections.abc import Callable

__all__ = ["in_options"]

#: What a message advises, and how the option is written; the first groups become its value.
_OPTIONS: tuple[tuple[re.Pattern[str], Callable[[re.Match[str]], str]], ...] = (
    (re.compile(r"\bunits=\{'([^']+)': (?:'([^']+)')?"), lambda m: _pair("units", m, "UNIT")),
    (re.compile(r"\bnames=\{'([^']+)': (?:'([^'<]+)')?"), lambda m: _pair("names", m, "OWN")),
    (re.compile(r"\bderive=[\[(]'([^']+)'"), lambda m: f"--derive {m[1]}"),
    (re.compile(r"\bPModel\(co2=([0-9.]+)\)"), lambda m: f"--co2 {float(m[1]):g}"),
    (re.compile(r"\bproduct='([^']+)'"), lambda m: f"--product {m[1]}"),
    (re.compile(r"\bextra=(?!=)"), lambda m: "--tower-extra FILE"),
    (re.compile(r"\bsites=(?!=)"), lambda m: "--sites FILE"),
    (re.compile(r"\bmin_qc=(?!=)"), lambda m: "--min-qc SHARE"),
    (re.compile(r"\bflux_definition=(?!=)"), lambda m: "--flux-definition TERMS"),
    (re.compile(r"\bpositive='(?:up|down)'"), lambda m: "--inversion-positive up|down"),
    (re.compile(r"\bvariable=(?!=)"), lambda m: "--inversion-variable NAME"),
    (re.compile(r"\bunits='(?:PgC|kg)[^']*'"), lambda m: "--inversion-units UNIT"),
    (re.compile(r"\bregions=(?!=)"), lambda m: "--regions FILE"),
    (
        re.compile(r"paths as a mapping of names"),
        lambda m: "--inversions FIRST=FILE SECOND=FILE",
    ),
    (re.compile(r"\bbands=(?!=)"), lambda m: "--bands EDGE EDGE ..."),
    (re.compile(r"\bfolds=(\d+)"), lambda m: f"--folds {m[1]}"),
    (re.compile(r"\bpartitioning='?(NT|DT)?"), lambda m: f"--partitioning {m[1] or 'NT|DT'}"),
)


def in_options(message: str) -> str:
    """Say which options of `xflux run` are the keywords that a message advises.

    Parameters
    ----------
    message : str
        Of an error, written for callers from Python.

    Returns
    -------
    str
        A line such as "On the command line: --units temp=degC"; "" where the message
        advises none.
    """
    found = [write(match) for pattern, write in _OPTIONS for match in pattern.finditer(message)]
    return f"On the command line: {' '.join(dict.fromkeys(found))}" if found else ""


def _pair(option: str, match: re.Match[str], unknown: str) -> str:
    name, own = match[1], match[2] or unknown
    pair = f"{name}={own}"
    # What a shell would split or read as more than text stands in quotes.
    return f"--{option} {pair}" if re.fullmatch(r"[\w=./-]+", pair) else f"--{option} '{pair}'"

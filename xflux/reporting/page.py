"""A page of HTML that stands alone: text, tables, and figures within it."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from xflux.errors import InputError

__all__ = ["Picture", "Section", "checked_path", "page", "write_page"]

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #333; background: #fff; margin: 0 auto;
  max-width: 1080px; padding: 1.5em; }
h1 { font-size: 1.6em; margin-bottom: .2em; } h2 { font-size: 1.25em; margin-top: 2em; }
h3 { font-size: 1em; margin-bottom: .3em; }
table { border-collapse: collapse; font-size: .88em; font-variant-numeric: tabular-nums; }
th, td { padding: .2em .7em; border-bottom: 1px solid #e6e6e6; text-align: left; }
th { border-bottom: 1px solid #6e6e6e; font-weight: 600; } .number { text-align: right; }
.wide { overflow-x: auto; } img { max-width: 100%; height: auto; }
figure { margin: 1em 0; } figcaption, .note { color: #6e6e6e; font-size: .88em; max-width: 50em; }
.label { border-left: 4px solid #d55e00; padding: .3em .8em; background: #f7f7f7; }
""".strip()


@dataclass(frozen=True, slots=True)
class Picture:
    """A figure as PNG.

    Attributes
    ----------
    png : bytes
    title : str
        For readers who do not see it.
    caption : str
    """

    png: bytes
    title: str
    caption: str


@dataclass(slots=True)
class Section:
    """One part of a page, shown in this order.

    Attributes
    ----------
    title : str
    facts : list of str
        Sentences.
    tables : list of (DataFrame, str)
        With a note on each.
    pictures : list of Picture
    """

    title: str
    facts: list[str] = field(default_factory=list)
    tables: list[tuple[pd.DataFrame, str]] = field(default_factory=list)
    pictures: list[Picture] = field(default_factory=list)


def page(title: str, labels: Sequence[str], sections: Sequence[Section]) -> str:
    """Return the HTML of a page; every text is escaped.

    Parameters
    ----------
    title : str
    labels : sequence of str
        What a reader must know first, such as that the data are synthetic.
    sections : sequence of Section
    """
    body = [f"<h1>{escape(title)}</h1>"]
    body += [f'<p class="label">{escape(label)}</p>' for label in labels]
    for section in sections:
        body.append(f"<h2>{escape(section.title)}</h2>")
        if section.facts:
            items = "".join(f"<li>{escape(fact)}</li>" for fact in section.facts)
            body.append(f"<ul>{items}</ul>")
        for frame, note in section.tables:
            body.append(f'<div class="wide">{_table(frame)}</div>')
            body.append(f'<p class="note">{escape(note)}</p>' if note else "")
        body += [_figure(picture) for picture in section.pictures]
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>\n<body>\n"
        + "\n".join(part for part in body if part)
        + "\n</body></html>\n"
    )


def checked_path(path: str | os.PathLike[str]) -> Path:
    """Return where a page can be written.

    Raises
    ------
    InputError
        When the folder is not there, or the path is one.
    """
    final = Path(path).expanduser()
    if not final.parent.is_dir():
        raise InputError(f"{final.parent} is no folder; make it first")
    if final.is_dir():
        raise InputError(f"{final} is a folder; name a file in it, such as {final / 'report.html'}")
    return final


def write_page(html: str, path: str | os.PathLike[str]) -> Path:
    """Write a page at once: an interrupted call leaves the file that was there, or none."""
    final = checked_path(path)
    partial = final.with_name(f".{final.name}.partial")
    with partial.open("w", encoding="utf-8") as file:
        file.write(html)
        file.flush()
        os.fsync(file.fileno())
    partial.replace(final)
    return final


def _figure(picture: Picture) -> str:
    data = base64.b64encode(picture.png).decode("ascii")
    return (
        f'<figure><img alt="{escape(picture.title)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{escape(picture.caption)}</figcaption></figure>"
    )


def _table(frame: pd.DataFrame) -> str:
    kinds = [
        ' class="number"' if pd.api.types.is_numeric_dtype(frame[name]) else ""
        for name in frame.columns
    ]
    head = "".join(
        f"<th{kind}>{escape(str(name))}</th>" for kind, name in zip(kinds, frame.columns)
    )
    rows = [
        "".join(f"<td{kind}>{escape(_text(value))}</td>" for kind, value in zip(kinds, row))
        for row in frame.itertuples(index=False)
    ]
    body = "".join(f"<tr>{row}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _text(value: Any) -> str:
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{int(value):,}".replace(",", "\u2009")
    if isinstance(value, float | np.floating):
        if not np.isfinite(value):
            return "\u2013"
        # Adding 0.0 makes of -0.0, which rounding leaves, a plain zero.
        shown = round(float(value), 2) + 0.0
        return f"{shown:.2f}".replace("-", "\u2212")
    return str(value)

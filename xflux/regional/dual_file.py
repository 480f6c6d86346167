"""Fitted networks of towers and atmosphere, and members under way, in files of arrays and text."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from xflux.errors import InputError
from xflux.learning.features import Feature
from xflux.learning.model_file import read_model, under, write_model
from xflux.regional.dual_apply import FittedDual
from xflux.regional.dual_data import Member, Split

__all__ = ["Checkpoints", "read", "write"]

#: Raised when older versions could not read what is written any more.
SCHEMA = 1
_KIND, _MEMBER = "xflux dual-constraint network", "xflux member of a dual-constraint network"


def write(
    path: str | os.PathLike[str],
    fitted: FittedDual,
    members: tuple[Member, ...],
    parameters: Mapping[str, Any],
) -> Path:
    """Write a fitted network; the file is there when it is complete."""
    arrays: dict[str, Any] = {"misfit": fitted.misfit}
    described: list[dict[str, Any]] = []
    for k, member in enumerate(members):
        made, text = _kept(member)
        arrays |= {f"{k}/{name}": array for name, array in made.items()}
        described.append(text)
    text = {
        "parameters": dict(parameters), "features": [asdict(f) for f in fitted.features],
        "hidden": list(fitted.hidden), "said": fitted.said, "spread": fitted.spread,
        "span": fitted.span if np.isfinite(fitted.span) else None,
        "members": described,
    }  # fmt: skip
    return write_model(path, arrays, text, kind=_KIND, schema=SCHEMA)


def read(
    path: str | os.PathLike[str],
) -> tuple[FittedDual, tuple[Member, ...], dict[str, Any]]:
    """Read what `write` wrote.

    Raises
    ------
    FileFormatError
        When the file is truncated, was changed, is of a newer version or of another model.
    """
    arrays, text = read_model(path, kind=_KIND, schema=SCHEMA, called="DualConstraintNetwork")
    members = tuple(
        _member(under(arrays, f"{k}/"), described) for k, described in enumerate(text["members"])
    )
    fitted = FittedDual(
        tuple(Feature(**one) for one in text["features"]), tuple(text["hidden"]),
        tuple(member.arrays for member in members), arrays["misfit"], text["said"],
        text["spread"], float("nan") if text["span"] is None else text["span"],
    )  # fmt: skip
    return fitted, members, text["parameters"]


def _kept(member: Member) -> tuple[dict[str, Any], dict[str, Any]]:
    arrays = {f"net/{name}": array for name, array in member.arrays.items()}
    arrays |= {f"history/{name}": array for name, array in member.history.items()}
    arrays |= {"away": member.split.away, "held": member.split.held}
    text = {
        "held_years": list(member.split.held_years), "away_years": list(member.split.away_years),
        "best": member.best,
    }  # fmt: skip
    return arrays, text


def _member(arrays: dict[str, Any], text: Mapping[str, Any]) -> Member:
    split = Split(
        arrays["away"], arrays["held"], tuple(text["held_years"]), tuple(text["away_years"])
    )
    return Member(under(arrays, "net/"), under(arrays, "history/"), split, int(text["best"]))


class Checkpoints:
    """A folder in which each member is kept as soon as it is trained.

    Parameters
    ----------
    folder : path or None
        Made where it is not there. None: nothing is kept.
    task : str
        What is trained, by what data: members of another task are refused.

    Raises
    ------
    InputError
        When the folder holds members of another task.
    """

    def __init__(self, folder: str | os.PathLike[str] | None, task: str) -> None:
        self.folder = None if folder is None else Path(folder).expanduser()
        self.task = task
        if self.folder is None:
            return
        self.folder.mkdir(parents=True, exist_ok=True)
        mark = self.folder / "task.txt"
        if mark.exists() and mark.read_text() != task:
            raise InputError(
                f"{self.folder} holds members of another fit (other data, options or seed); give "
                "another folder, or remove this one"
            )
        part = mark.with_suffix(".partial")
        part.write_text(task)
        part.replace(mark)

    def read(self, k: int) -> Member | None:
        """Return a member that was trained before."""
        if self.folder is None or not (path := self._path(k)).is_file():
            return None
        arrays, text = read_model(path, kind=_MEMBER, schema=SCHEMA, called="member")
        return _member(arrays, text)

    def write(self, k: int, member: Member) -> None:
        """Keep a member."""
        if self.folder is not None:
            arrays, text = _kept(member)
            write_model(self._path(k), arrays, text, kind=_MEMBER, schema=SCHEMA)

    def _path(self, k: int) -> Path:
        assert self.folder is not None
        return self.folder / f"member_{k:03d}.safetensors"


def task_of(text: str, *arrays: Any) -> str:
    """Return a digest of options and data."""
    digest = hashlib.sha256(text.encode())
    for array in arrays:
        plain = np.ascontiguousarray(array)
        digest.update(f"{plain.dtype} {plain.shape}".encode())
        digest.update(plain.tobytes())
    return digest.hexdigest()

"""One file of arrays and text for a fitted model: nothing in it is ever executed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xflux.errors import FileFormatError, InputError

__all__ = ["read_model", "under", "write_model"]

Arrays = Mapping[str, NDArray[Any]]


def write_model(
    path: str | os.PathLike[str],
    arrays: Arrays,
    described: Mapping[str, Any],
    *,
    kind: str,
    schema: int,
) -> Path:
    """Write arrays and what JSON holds; the file is there when it is complete.

    Parameters
    ----------
    path : path
        Of the file, such as ``model.safetensors``.
    arrays : mapping of str to ndarray
    described : mapping
        Of what JSON holds.
    kind : str
        What the file says that it is.
    schema : int
        Raised when older versions could not read what is written any more.

    Raises
    ------
    InputError
        When the folder is not there, or something is not of what JSON holds.
    """
    from safetensors.numpy import save

    final = Path(path).expanduser()
    if not final.parent.is_dir():
        raise InputError(f"{final.parent} is no folder; make it first")
    try:
        text = json.dumps(described, allow_nan=True)
    except TypeError as error:
        raise InputError(f"a parameter of the model is not of what JSON holds: {error}") from error
    whole = {name: np.array(array, order="C") for name, array in arrays.items()}
    head = {"format": kind, "schema": str(schema), "model": text, "digest": _digest(whole, text)}
    partial = final.with_name(f".{final.name}.partial")
    with partial.open("wb") as file:
        file.write(save(whole, metadata=head))
        file.flush()
        os.fsync(file.fileno())
    partial.replace(final)
    return final


def read_model(
    path: str | os.PathLike[str], *, kind: str, schema: int, called: str
) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `write_model` wrote.

    Parameters
    ----------
    path : path
    kind, schema : str, int
        That are read.
    called : str
        What the file should hold, for messages.

    Raises
    ------
    FileFormatError
        When it is no such file, truncated or edited, or of a newer schema.
    """
    from safetensors import SafetensorError, safe_open

    file = Path(path).expanduser()
    if not file.is_file():
        raise FileFormatError(f"{file} is no file")
    try:
        with safe_open(file, framework="numpy") as opened:
            head = opened.metadata() or {}
            arrays = {name: opened.get_tensor(name) for name in opened.keys()}  # noqa: SIM118
    except SafetensorError as error:
        raise FileFormatError(f"{file} is truncated, or no {called}: {error}") from error
    if head.get("format") != kind:
        raise FileFormatError(f"{file} holds no {called} of xflux, but {head.get('format')!r}")
    if not head.get("schema", "").isdigit() or int(head["schema"]) > schema:
        raise FileFormatError(
            f"{file} has schema {head.get('schema')!r}, and this xflux reads up to {schema}; "
            "update xflux"
        )
    if _digest(arrays, head.get("model", "")) != head.get("digest"):
        raise FileFormatError(f"{file} was changed after it was written; save the model anew")
    described: dict[str, Any] = json.loads(head["model"])
    return arrays, described


def under(arrays: Arrays, start: str) -> dict[str, NDArray[Any]]:
    """Return the arrays whose names begin with something, without it."""
    return {
        name.removeprefix(start): array for name, array in arrays.items() if name.startswith(start)
    }


def _digest(arrays: Arrays, text: str) -> str:
    digest = hashlib.sha256(text.encode())
    for name in sorted(arrays):
        array = arrays[name]
        digest.update(f"{name} {array.dtype} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()

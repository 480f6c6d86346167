"""The hash that tells whether a number of the idealised Earth has changed."""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

__all__ = [
    "arithmetic",
    "drainage_fingerprint",
    "fingerprint",
    "inversion_fingerprint",
    "land_model_fingerprint",
]

#: Modules that hold what the planet is made of: maps, parameters, and shapes with numbers of
#: their own.
_MODULES = (
    "outlines", "parameters", "geography", "weather", "climate", "land", "laws", "world", "towers",
)  # fmt: skip
#: The same of its land models, which have a hash of their own: they change no flux of the planet.
_LAND_MODELS = (
    "land_model_parameters", "land_model_laws_kernel", "land_model_pools_kernel",
    "land_model_chunks",
)  # fmt: skip
#: And of what is wrong with what is seen from there: none of it is the planet.
_DRAINAGE = ("night_drainage",)
_INVERSIONS = ("inversion_parameters", "inversion_errors")


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return the first twelve digits of the SHA-256 of every number in the planet's sources.

    Numbers are taken in the order in which they are written, with the names and operators
    around them, so that comments and documentation may change, and nothing else.
    """
    return _hash(_MODULES)


@lru_cache(maxsize=1)
def land_model_fingerprint() -> str:
    """Return the same digits of the sources of the land models, and of the names of their laws."""
    from xflux.twin.land_model_parameters import LAND_MODELS

    laws = [str(part) for model in LAND_MODELS for part in (model.name, *model.laws)]
    return _hash(_LAND_MODELS, laws)


@lru_cache(maxsize=1)
def drainage_fingerprint() -> str:
    """Return the same digits of what drains away at night."""
    return _hash(_DRAINAGE)


@lru_cache(maxsize=1)
def inversion_fingerprint() -> str:
    """Return the same digits of the errors of atmospheric inversions."""
    return _hash(_INVERSIONS)


def _hash(modules: tuple[str, ...], more: Sequence[str] = ()) -> str:
    folder = Path(__file__).parent
    parts = [
        part
        for module in modules
        for part in arithmetic((folder / f"{module}.py").read_text(encoding="utf-8"))
    ]
    return hashlib.sha256(" ".join([*parts, *more]).encode()).hexdigest()[:12]


def arithmetic(source: str) -> list[str]:
    """Return the numbers, names and operators of a source, in their order."""
    parts = []
    for node in _walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and not isinstance(node.value, str):
            parts.append(repr(node.value))
        elif isinstance(node, ast.Name):
            parts.append(node.id)
        elif isinstance(node, ast.Attribute):
            parts.append(node.attr)
        elif isinstance(node, ast.operator | ast.unaryop | ast.cmpop):
            parts.append(type(node).__name__)
    return parts


def _walk(node: ast.AST) -> list[ast.AST]:
    """Return nodes in the order in which they stand, without type hints."""
    found = [node]
    for name, value in ast.iter_fields(node):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                found += _walk(child)
    return found

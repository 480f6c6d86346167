"""The hash that tells whether a number of the idealised Earth has changed."""

from __future__ import annotations

import ast
import hashlib
from functools import lru_cache
from pathlib import Path

__all__ = ["arithmetic", "fingerprint"]

#: Modules that hold what the planet is made of: maps, parameters, and shapes with numbers of
#: their own.
_MODULES = (
    "outlines", "parameters", "geography", "weather", "climate", "land", "laws", "world", "towers",
)  # fmt: skip


@lru_cache(maxsize=1)
def fingerprint() -> str:
    """Return the first twelve digits of the SHA-256 of every number in the planet's sources.

    Numbers are taken in the order in which they are written, with the names and operators
    around them, so that comments and documentation may change, and nothing else.
    """
    folder = Path(__file__).parent
    parts = [
        part
        for module in _MODULES
        for part in arithmetic((folder / f"{module}.py").read_text(encoding="utf-8"))
    ]
    return hashlib.sha256(" ".join(parts).encode()).hexdigest()[:12]


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

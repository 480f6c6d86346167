"""Compilation of kernels: one set of flags, and a cache that may be missing.

`jit` is for the loops over arrays that Python calls, `inline` for the scalar
functions inside them. Both give back the plain function under
``NUMBA_DISABLE_JIT=1``, so that kernels can be read by a debugger or by coverage.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Set
from functools import lru_cache
from pathlib import Path
from typing import Any

import numba

__all__ = ["FASTMATH", "inline", "jit"]

#: What LLVM may assume. Never "nnan" or "ninf" (nor ``True``, which holds both): with
#: them ``isnan`` is folded to False, and missing values pass every mask.
FASTMATH: frozenset[str] = frozenset({"nsz", "arcp", "contract", "reassoc"})


def jit(function: Callable[..., Any]) -> Callable[..., Any]:
    """Compile a loop over arrays at its first call; keep the result on disk.

    The GIL is released, division by zero gives inf or NaN, and one compiled
    version is made for each combination of dtypes.

    Parameters
    ----------
    function : callable
        Plain Python in the subset that numba knows.

    Returns
    -------
    callable
        The compiled function, or `function` itself under ``NUMBA_DISABLE_JIT=1``.

    Notes
    -----
    Where neither the package's folder nor the user's cache folder can be written
    (a read-only container), numba raises while the module is imported; the
    function is then compiled once per process instead.
    """
    try:
        compiled = _compile(function, cache=True, fastmath=FASTMATH)
    except RuntimeError as error:
        if "cannot cache function" not in str(error):
            raise
        return _compile(function, cache=False, fastmath=FASTMATH)
    if hasattr(compiled, "_cache") and not _stamp_with_sources(compiled):
        return _compile(function, cache=False, fastmath=FASTMATH)
    return compiled


def _stamp_with_sources(compiled: Any) -> bool:
    """Tie a cache to the sources of all kernels; tell whether it could be done.

    numba stamps a cached version with the file of the function alone. A loop would keep
    the old body of a function that was edited in another file and compiled into it, and
    give plausible wrong numbers.
    """
    try:
        file = compiled._cache._cache_file
        file._source_stamp = (file._source_stamp, _sources())
    except AttributeError:
        return False
    return True


@lru_cache(maxsize=1)
def _sources() -> str:
    """Return a digest of the modules that hold kernels."""
    package = Path(__file__).resolve().parents[1]
    digest = hashlib.sha256()
    for path in sorted([*package.glob("numerics/*.py"), *package.glob("*/*kernel*.py")]):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def inline(
    function: Callable[..., Any] | None = None, *, fastmath: Set[str] = FASTMATH
) -> Callable[..., Any]:
    """Compile a scalar function into the loops that call it.

    Parameters
    ----------
    function : callable, optional
        Function of scalars; where it is left out a decorator is returned.
    fastmath : set of str, default FASTMATH
        Narrower for a function whose rounding must stay as it is written.

    Returns
    -------
    callable
        The compiled function, or the decorator.

    Notes
    -----
    Nothing is cached here, as the compiled body lives in the caller. LLVM is told
    to inline it always: a call that is left in a loop keeps it from vectorising.
    """
    if function is None:
        return lambda body: inline(body, fastmath=fastmath)
    return _compile(function, cache=False, fastmath=fastmath, forceinline=True)


def _compile(
    function: Callable[..., Any], *, fastmath: Set[str], **options: Any
) -> Callable[..., Any]:
    compiler = numba.njit(nogil=True, error_model="numpy", fastmath=set(fastmath), **options)
    compiled: Callable[..., Any] = compiler(function)
    return compiled

"""Torch for one computation at a time, which leaves its threads and numbers as they were."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock

__all__ = ["require_torch", "torch_session"]

# Threads and random numbers of torch belong to the process, not to the thread that sets them.
_LOCK = RLock()


def require_torch(instead: str = "") -> None:
    """Refuse where torch is not installed.

    Parameters
    ----------
    instead : str
        What does without, for the message.

    Raises
    ------
    ImportError
        Saying how to install it.
    """
    try:
        import torch  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "networks need torch, which is not installed; install it with "
            f"python -m pip install 'xflux[nn]'{instead and ', or '}{instead}"
        ) from error


@contextmanager
def torch_session(threads: int = 1, seed: int | None = None) -> Iterator[None]:
    """Let torch compute on so many threads, and put back what was set; other sessions wait.

    Parameters
    ----------
    threads : int
    seed : int, optional
        Of torch's own random numbers within the session.

    Raises
    ------
    ImportError
        Without torch.
    """
    require_torch()
    import torch

    with _LOCK:
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        try:
            with torch.random.fork_rng(devices=[]), torch.enable_grad():
                if seed is not None:
                    # Of the CPU alone: that of an accelerator would not be put back.
                    torch.default_generator.manual_seed(seed)
                yield
        finally:
            torch.set_num_threads(before)

"""The members of a fit, trained one after the other and kept as they are done."""

from __future__ import annotations

import os
from collections.abc import Sequence

from xflux.learning.torch_session import torch_session
from xflux.progress_bar import progress_bar
from xflux.regional.dual_constraint import Constraint
from xflux.regional.dual_data import Design, Member, Split, Towers
from xflux.regional.dual_file import Checkpoints, task_of
from xflux.regional.dual_training import train

__all__ = ["trained"]


def trained(
    design: Design,
    splits: Sequence[Split],
    towers: Towers,
    constraint: Constraint,
    *,
    seed: int,
    checkpoint: str | os.PathLike[str] | None,
    said: str,
    device: str,
    progress: bool,
) -> tuple[Member, ...]:
    """Train a member for each split, or read it where it was trained before.

    Parameters
    ----------
    design : Design
    splits : sequence of Split
    towers : Towers
    constraint : Constraint
    seed : int
    checkpoint : path, optional
        Folder of members.
    said : str
        All options that training depends on; with the data they say which task it is.
    device : str
        Of torch.
    progress : bool

    Raises
    ------
    InputError
        When the folder holds members of another task.
    """
    options = f"{said} {splits} {device}"
    task = task_of(options, towers.x, towers.y, towers.site, *constraint.data)
    kept = Checkpoints(checkpoint, task)
    members: list[Member] = []
    with (
        progress_bar(len(splits), label="fitting", unit="member", show=progress) as tell,
        torch_session(seed=seed),
    ):
        for k, split in enumerate(splits):
            member = kept.read(k)
            if member is None:
                look = None if constraint.look is None else constraint.look(k, design)
                member = train(
                    design, [seed, k], towers, constraint.atmosphere, split, look=look,
                    device=device,
                )  # fmt: skip
                kept.write(k, member)
            members.append(member)
            tell()
    return tuple(members)

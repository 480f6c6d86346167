"""A cascade of forests on a table, and beside it on sequences and images of each row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any, Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from xflux.errors import InputError
from xflux.learning.cascade import SmartForest
from xflux.learning.cross_fitting import CrossFitted
from xflux.learning.features import Feature
from xflux.learning.image_network import ImageNetwork
from xflux.learning.image_statistics import ImageStatistics
from xflux.learning.layout import Layout, lay_out
from xflux.learning.learner import State
from xflux.learning.network_embedder import INSTEAD
from xflux.learning.rows import check_rows
from xflux.learning.sequence_network import SequenceNetwork
from xflux.learning.sequence_statistics import SequenceStatistics
from xflux.learning.torch_session import require_torch

__all__ = ["SmartForest4D"]

Floats = NDArray[np.float64]
Rows = NDArray[np.float32]
Stage: TypeAlias = "CrossFitted | SequenceStatistics | ImageStatistics"

#: Rows embedded at a time, so that the widened copies of images stay small.
_PIECE = 4096
_AXES = {"sequence": "(row, step, variable)", "image": "(row, channel, y, x)"}
_STATISTICS: dict[str, Any] = {"sequence": SequenceStatistics, "image": ImageStatistics}
_NETWORKS: dict[str, Any] = {"sequence": SequenceNetwork, "image": ImageNetwork}


@dataclass(slots=True)
class SmartForest4D:
    """Learn from a table, from sequences and from images at once.

    Parameters
    ----------
    sequence : tuple of str
        For `ResidualModel`: variables, or baselines such as ``"gpp_baseline"``, whose last
        `steps` steps and the present one are a sequence. Its steps before the present one leave
        the table.
    steps : int
        Before the present one, up to 12.
    image : tuple of str
        For `ResidualModel` on towers: variables of the drivers with the dims (site, y, x) or
        (site, time, y, x), each a channel of an image around the tower. Not on grids.
    embed : {"auto", "network", "statistics"}
        How sequences and images become columns: by networks that learn to (torch), or by
        statistics that learn nothing. Auto: statistics of sequences, and for images the network
        where torch is installed; Notes say why.
    cascade : SmartForest
        What learns from all columns.
    sequence_network : SequenceNetwork
    image_network : ImageNetwork
        What embeds by network; their seeds are set here.
    folds : int
        Of the sites, for the networks.
    seed : int

    Notes
    -----
    The design of Zhu et al. (2026, doi 10.1016/j.agrformet.2026.111197): what embeds a sequence
    (long short-term memory) or an image (residual network) is fitted to the target, and a
    cascade of forests learns from the table and the embeddings. Training rows are embedded by a
    network that did not see their site (`CrossFitted`), others by the mean of the networks. When
    the depth of the cascade is sought, the sites that are left out of it are left out of the
    networks as well.

    At 54 European towers, monthly, of which a fifth was left out at a time (r2_nse of GPP, NEE; one
    member, one layer of boosted and extremely random trees): from the drivers of the month alone
    .763, .459; with statistics of the last year of five drivers .773, .467; with the LSTM .768,
    .471, or .762, .444 when it was trained more briefly. With the default features of
    `ResidualModel`, which hold lags and running means, .776, .469; with statistics .775, .469;
    with a brief LSTM .773, .461; `Boosted` alone .779, .467. No gain excludes 0, so statistics,
    which need no training, are what auto takes. There were no images around real towers to try;
    in synthetic ones statistics and network found texture alike, and the network alone the
    direction of stripes.
    """

    sequence: tuple[str, ...] = ()
    steps: int = 12
    image: tuple[str, ...] = ()
    embed: Literal["auto", "network", "statistics"] = "auto"
    cascade: SmartForest = field(default_factory=SmartForest)
    sequence_network: SequenceNetwork = field(default_factory=SequenceNetwork)
    image_network: ImageNetwork = field(default_factory=ImageNetwork)
    folds: int = 5
    seed: int = 0
    _layout: Layout | None = field(default=None, init=False, repr=False, compare=False)
    _fitted: SmartForest | None = field(default=None, init=False, repr=False, compare=False)
    _stages: dict[str, Stage] = field(default_factory=dict, init=False, repr=False, compare=False)
    _shapes: dict[str, tuple[int, ...]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        # JSON gives lists back.
        self.sequence, self.image = tuple(self.sequence), tuple(self.image)
        if self.embed not in ("auto", "network", "statistics"):
            raise InputError(f"embed={self.embed!r}; expected 'auto', 'network' or 'statistics'")
        if not 1 <= self.steps <= 12:
            raise InputError(f"steps={self.steps!r}; expected 1 to 12 steps before the present one")

    @property
    def cascade_(self) -> SmartForest:
        """The cascade that was fitted, which says how deep it is and why."""
        if self._fitted is None:
            raise InputError("SmartForest4D was not fitted; call fit first")
        return self._fitted

    def over(self, features: Sequence[Feature], seed: int) -> SmartForest4D:
        """Return a fresh one whose rows hold these features, sequences and images among them."""
        made = replace(self, seed=seed)
        made._layout = lay_out(features, self.sequence, self.steps, self.image)
        return made

    def fit(
        self,
        x: Rows,
        y: Floats,
        *,
        weight: Floats | None = None,
        groups: NDArray[np.int64] | None = None,
        sequence: Rows | None = None,
        image: Rows | None = None,
    ) -> SmartForest4D:
        """Fit the embeddings, then the cascade.

        Parameters
        ----------
        x : ndarray (row, column)
            The table; may have no column where there is a sequence or an image.
        y : ndarray (row,)
        weight : ndarray (row,), optional
        groups : ndarray (row,)
            Site of each row.
        sequence : ndarray (row, step, variable), optional
            Oldest step first, NaN where it is missing.
        image : ndarray (row, channel, y, x), optional
            NaN where it is missing.

        Raises
        ------
        InputError
            Without groups, with too few sites for the folds, or for inputs of other shapes.
        ImportError
            For ``embed="network"`` without torch.
        """
        inputs = self._inputs(x, sequence, image)
        _, y, weight = check_rows(inputs["table"], y, weight)
        if groups is None or np.shape(groups) != y.shape:
            raise InputError(
                "SmartForest4D learns across sites: found no site for each row; pass groups, or "
                "np.arange(len(y)) where rows are independent"
            )
        rows = _Training(inputs, y, weight, np.asarray(groups))
        fresh = {name: self._kind(name) for name in inputs if name != "table"}
        stages, columns = _learn(fresh, rows)

        def relearn(kept: NDArray[np.bool_]) -> tuple[Rows, Rows]:
            part, made = _learn(fresh, rows.take(kept))
            return made, _columns(rows.take(~kept).inputs, part)

        networks = any(isinstance(stage, CrossFitted) for stage in stages.values())
        fitted = replace(self.cascade, seed=self.seed).fit(
            columns, y, weight=weight, groups=groups, relearn=relearn if networks else None
        )
        self._fitted, self._stages = fitted, stages
        self._shapes = {name: part.shape[1:] for name, part in inputs.items()}
        return self

    def predict(
        self, x: Rows, *, sequence: Rows | None = None, image: Rows | None = None
    ) -> Floats:
        """Predict rows, each with the inputs of `fit`."""
        cascade = self.cascade_
        inputs = self._inputs(x, sequence, image)
        found = {name: part.shape[1:] for name, part in inputs.items()}
        if found != self._shapes:
            raise InputError(
                f"a row has inputs of the shapes {found}; fitted were {self._shapes}, in the same "
                "order"
            )
        return cascade.predict(_columns(inputs, self._stages))

    def description(self) -> dict[str, Any]:
        """Return what it was made with, as JSON holds it."""
        made = {item.name: getattr(self, item.name) for item in fields(self) if item.init}
        return made | {
            "sequence": list(self.sequence),
            "image": list(self.image),
            "cascade": self.cascade.description(),
            "sequence_network": self.sequence_network.description(),
            "image_network": self.image_network.description(),
        }

    @classmethod
    def from_description(cls, described: Mapping[str, Any]) -> SmartForest4D:
        """Rebuild what is not fitted from `description`."""
        parts = {
            "cascade": SmartForest.from_description(described["cascade"]),
            "sequence_network": SequenceNetwork(**described["sequence_network"]),
            "image_network": ImageNetwork(**described["image_network"]),
        }
        return cls(**{**described, **parts})

    def state(self) -> State:
        """Return the arrays of the cascade and of what embeds, and the settings."""
        arrays, meta = self.cascade_.state()
        arrays = {f"cascade/{name}": array for name, array in arrays.items()}
        stages = {}
        for name, stage in self._stages.items():
            held, own = stage.state()
            arrays |= {f"{name}/{key}": array for key, array in held.items()}
            stages[name] = {"network": isinstance(stage, CrossFitted), "meta": own}
        if self._layout is not None:
            arrays |= {f"layout/{name}": array for name, array in self._layout.arrays().items()}
        return arrays, {
            "settings": self.description(),
            "cascade": meta,
            "stages": stages,
            "shapes": {name: list(shape) for name, shape in self._shapes.items()},
        }

    @classmethod
    def from_state(cls, arrays: dict[str, NDArray[Any]], meta: dict[str, Any]) -> SmartForest4D:
        """Rebuild from `state`."""
        made = cls.from_description(meta["settings"])
        parts: dict[str, dict[str, NDArray[Any]]] = {}
        for name, array in arrays.items():
            place, _, rest = name.partition("/")
            parts.setdefault(place, {})[rest] = array
        made._fitted = SmartForest.from_state(parts["cascade"], meta["cascade"])
        for name, held in meta["stages"].items():
            own = parts.get(name, {})
            made._stages[name] = (
                CrossFitted.from_state(own, held["meta"], kind=_NETWORKS[name])
                if held["network"]
                else _STATISTICS[name].from_state(own, held["meta"])
            )
        made._shapes = {name: tuple(shape) for name, shape in meta["shapes"].items()}
        if "layout" in parts:
            made._layout = Layout(**parts["layout"])
        return made

    def _kind(self, name: str) -> Stage:
        """Return what embeds an input, not fitted."""
        if self.embed == "statistics" or (
            self.embed == "auto" and (name == "sequence" or not _torch_is_there())
        ):
            made: Stage = _STATISTICS[name]()
            return made
        require_torch(INSTEAD)
        network = self.sequence_network if name == "sequence" else self.image_network
        return CrossFitted(network, self.folds, self.seed)

    def _inputs(self, x: Rows, sequence: Rows | None, image: Rows | None) -> dict[str, Rows]:
        """Return the table and what stands beside it, by name."""
        x = np.asarray(x, np.float32)
        given = {"sequence": sequence, "image": image}
        if self._layout is not None:
            return self._layout.split(x)
        inputs = {"table": x}
        for name, part in given.items():
            if part is None:
                continue
            part = np.asarray(part, np.float32)
            if part.ndim != _AXES[name].count(",") + 1 or len(part) != len(x):
                raise InputError(
                    f"{name} has the axes {_AXES[name]}, with a row for each of the {len(x)} of "
                    f"the table: found the shape {part.shape}"
                )
            if np.isinf(part).any():
                raise InputError(f"{name} holds infinite values; replace them by NaN")
            inputs[name] = part
        return inputs


@dataclass(frozen=True, slots=True)
class _Training:
    """Rows of each input, their targets, weights and sites."""

    inputs: Mapping[str, Rows]
    y: Floats
    weight: Floats
    site: NDArray[Any]

    def take(self, rows: NDArray[np.bool_]) -> _Training:
        inputs = {name: part[rows] for name, part in self.inputs.items()}
        return _Training(inputs, self.y[rows], self.weight[rows], self.site[rows])


def _learn(fresh: Mapping[str, Stage], rows: _Training) -> tuple[dict[str, Stage], Rows]:
    """Fit stages; return them, and the columns of their rows, each out of its fold."""
    stages: dict[str, Stage] = {}
    made = [rows.inputs["table"]]
    for name, stage in fresh.items():
        part = rows.inputs[name]
        if isinstance(stage, CrossFitted):
            stage = replace(stage)
            made.append(stage.fit_transform(part, rows.y, weight=rows.weight, groups=rows.site))
        else:
            made.append(_in_pieces(stage, part))
        stages[name] = stage
    return stages, np.concatenate(made, axis=1)


def _torch_is_there() -> bool:
    try:
        require_torch()
    except ImportError:
        return False
    return True


def _columns(inputs: Mapping[str, Rows], stages: Mapping[str, Stage]) -> Rows:
    """Return the table with the columns of rows that no stage was fitted to."""
    made = [inputs["table"], *(_in_pieces(stage, inputs[name]) for name, stage in stages.items())]
    return np.concatenate(made, axis=1)


def _in_pieces(stage: Stage, x: Rows) -> Rows:
    starts = range(0, max(1, len(x)), _PIECE)
    return np.concatenate([stage.transform(x[start : start + _PIECE]) for start in starts])

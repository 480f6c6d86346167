"""Effects of one place's months, from series to intervals. Plain arrays."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from xflux.carbon.anomaly_scores import (
    normal_scores,
    parameters,
)
from xflux.carbon.attribution_places import (
    ALIKE,
    CONSTANT,
    ESTIMATED,
    FEW,
    Months,
    PlaceMethod,
    Results,
)
from xflux.carbon.implied_independence import STATISTICS, holm, partial_correlation_test
from xflux.carbon.structural_model import Fit, draw, fit, posterior, robustness, total_effects

__all__ = ["EFFECTS", "INTERVAL", "PRIORS", "QUANTILES", "Attribution", "Scale"]

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Scale = Literal["normal_scores", "sd"]

EFFECTS = ("direct", "indirect", "total")
QUANTILES = (0.05, 0.5, 0.95)
#: Share of the draws between the outer quantiles.
INTERVAL = 0.9
#: Widths of the prior at which the effects are told again.
PRIORS = (0.3, 1.0, 3.0)


@dataclass(frozen=True, repr=False)
class Attribution(PlaceMethod):
    """Effects of the parents on the children, direct, indirect and total.

    Attributes
    ----------
    scale : {"normal_scores", "sd"}
    prior : float
    draws, seed : int
    """

    scale: Scale
    prior: float
    draws: int
    seed: int

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Shapes of the results of a place, by name."""
        pairs = (len(self.children), len(self.parents))
        return {
            "effects": (len(EFFECTS), *pairs, len(QUANTILES)),
            "prob_sign": (len(EFFECTS), *pairs),
            "n_eff": pairs,
            "robustness": pairs,
            "robustness_interval": pairs,
            "by_prior": (len(PRIORS), len(EFFECTS), *pairs),
            "dag_tests": (len(self.graph.independences()), len(STATISTICS)),
            "sd": (len(self.names),),
            "trend_share": (len(self.names),),
            "months": (),
            "status": (len(self.children),),
        }

    def estimate(self, months: Months) -> Results:
        """Return effects, tests of the graph, and what else `shapes` names."""
        steps, sd, varies = months.steps, months.sd, months.varies
        plain = months.anomalies
        scores = normal_scores(plain) if self.scale == "normal_scores" else _over(plain, sd)
        freedom = steps.size - parameters(steps, self.anomalies)
        fits, codes = self._fits(scores, steps, freedom, varies)
        status = self._status(codes)
        values = self._effects(self._draw(fits), sd, status)
        return {
            "effects": np.moveaxis(_quantiles(values), 0, -1),
            "prob_sign": _prob_sign(values),
            "by_prior": self._effects(self._means(fits), sd, status),
            "dag_tests": self._tests(scores, steps, freedom, varies),
            "status": status,
            "n_eff": self._on_edges({node: f.n_eff for node, f in fits.items()}),
            "robustness": self._on_edges({node: robustness(f) for node, f in fits.items()}),
            "robustness_interval": self._on_edges(
                {node: robustness(f, INTERVAL) for node, f in fits.items()}
            ),
        }

    def _fits(
        self, scores: Floats, steps: Integers, freedom: int, varies: NDArray[np.bool_]
    ) -> tuple[dict[str, Fit], dict[str, int]]:
        """Fit every node on its parents; say by a code why one could not be."""
        nodes = self.graph.nodes
        fits: dict[str, Fit] = {}
        codes = dict.fromkeys(self.names, ESTIMATED)
        if "nep" in codes and not varies[-1]:
            codes["nep"] = CONSTANT
        for node, parents in self.graph.links:
            own = [nodes.index(parent) for parent in parents]
            if not varies[[nodes.index(node), *own]].all():
                codes[node] = CONSTANT
                continue
            if not parents:
                continue
            if freedom < len(parents) + 3:
                codes[node] = FEW
                continue
            found = fit(scores[nodes.index(node)], scores[own], steps, freedom)
            if found is None:
                codes[node] = ALIKE
            elif found.n_eff.min() < len(parents) + 3:
                codes[node] = FEW
            else:
                fits[node] = found
        return fits, codes

    def _status(self, codes: dict[str, int]) -> NDArray[np.int8]:
        """Say of each child whether all equations that lead to it are there."""
        status = []
        for child in self.children:
            own = ("gpp", "reco") if child == "nep" else (child,)
            above = {child, *own}.union(*map(self.graph.ancestors, own))
            status.append(max(codes[node] for node in above))
        return np.array(status, np.int8)

    def _draw(self, fits: dict[str, Fit]) -> Floats:
        """Draw all coefficients at once, (draw, child, parent)."""
        nodes = self.graph.nodes
        direct = np.zeros((self.draws, len(nodes), len(nodes)))
        for node, found in fits.items():
            normals, variances = self._numbers[node]
            if node == "reco" and self._alike and "gpp" in fits:
                # Weather that neither equation knows moves both fluxes: the errors of their
                # coefficients go together, and partly cancel in the difference.
                one, other = fits["gpp"].left, found.left
                r = float(one @ other / np.sqrt((one @ one) * (other @ other)))
                normals = r * self._numbers["gpp"][0] + np.sqrt(max(1.0 - r * r, 0.0)) * normals
            own = [nodes.index(parent) for parent in self.graph.parents(node)]
            direct[:, nodes.index(node), own] = draw(
                posterior(found, self.prior), normals, variances
            )
        return direct

    def _means(self, fits: dict[str, Fit]) -> Floats:
        """Return the mean coefficients under other priors, (prior, child, parent)."""
        nodes = self.graph.nodes
        direct = np.zeros((len(PRIORS), len(nodes), len(nodes)))
        for node, found in fits.items():
            own = [nodes.index(parent) for parent in self.graph.parents(node)]
            for k, width in enumerate(PRIORS):
                direct[k, nodes.index(node), own] = posterior(found, width).mean
        return direct

    @cached_property
    def _alike(self) -> bool:
        """Whether gpp and reco have the same parents, and nothing else ties the two."""
        links = dict(self.graph.links)
        return {"gpp", "reco"} <= set(links) and links["gpp"] == links["reco"]

    @cached_property
    def _numbers(self) -> dict[str, tuple[Floats, Floats]]:
        """Random numbers of each equation; all places share them, so that chunks do not matter."""
        made = {}
        for k, (node, parents) in enumerate(self.graph.links):
            rng = np.random.default_rng([self.seed, k])
            numbers = rng.standard_normal((self.draws, len(parents) + 1))
            made[node] = (numbers[:, 1:], numbers[:, 0])
        return made

    def _effects(self, direct: Floats, sd: Floats, status: NDArray[np.int8]) -> Floats:
        """Return (draw, effect, child, parent), NaN where no path leads."""
        nodes = self.graph.nodes
        total = total_effects(direct)
        both = np.stack([direct, total - direct, total], axis=1)
        values = np.full((len(direct), len(EFFECTS), len(self.children), len(self.parents)), np.nan)
        columns = [nodes.index(p) if p in nodes else -1 for p in self.parents]
        for row, child in enumerate(self.children):
            if status[row] != ESTIMATED:
                continue
            effects = self._net(both, sd) if child == "nep" else both[:, :, nodes.index(child)]
            shown = self._paths[child]
            for column, k in enumerate(columns):
                if k >= 0:
                    kept = shown[:, k]
                    values[:, kept, row, column] = effects[:, kept, k]
        return values

    def _net(self, both: Floats, sd: Floats) -> Floats:
        """Subtract effects on reco from those on gpp, in grams, and express them in sd of nep."""
        nodes = self.graph.nodes
        size = dict(zip(self.names, sd, strict=True))
        parts = {}
        for flux in ("gpp", "reco"):
            own = np.zeros((len(EFFECTS), len(nodes)))
            # A gram of the flux is a gram of itself.
            own[[EFFECTS.index("direct"), EFFECTS.index("total")], nodes.index(flux)] = 1.0
            parts[flux] = size[flux] / size["nep"] * (both[:, :, nodes.index(flux)] + own)
        return parts["gpp"] - parts["reco"]

    @cached_property
    def _paths(self) -> dict[str, NDArray[np.bool_]]:
        """Tell of each child which nodes act on it: (direct, indirect, total; node)."""
        nodes = self.graph.nodes
        paths = {}
        for child in self.children:
            shown = np.zeros((len(EFFECTS), len(nodes)), bool)
            for flux in ("gpp", "reco") if child == "nep" else (child,):
                parents = self.graph.parents(flux)
                further: set[str] = set().union(*map(self.graph.ancestors, parents))
                for k, node in enumerate(nodes):
                    shown[0, k] |= node in parents or (child == "nep" and node == flux)
                    shown[1, k] |= node in further
            shown[2] = shown[0] | shown[1]
            paths[child] = shown
        return paths

    def _on_edges(self, values: dict[str, Floats]) -> Floats:
        """Put what there is of each arrow into a table (child, parent)."""
        table = np.full((len(self.children), len(self.parents)), np.nan)
        for node, own in values.items():
            if node in self.children:
                columns = [self.parents.index(parent) for parent in self.graph.parents(node)]
                table[self.children.index(node), columns] = own
        return table

    def _tests(
        self, scores: Floats, steps: Integers, freedom: int, varies: NDArray[np.bool_]
    ) -> Floats:
        """Test what the graph implies."""
        place = {node: k for k, node in enumerate(self.graph.nodes)}
        told = np.full(self.shapes["dag_tests"], np.nan)
        for row, test in enumerate(self.graph.independences()):
            rows = [place[name] for name in (test.one, test.other, *test.given)]
            if varies[rows].all():
                one, other, *given = scores[rows]
                told[row, :3] = partial_correlation_test(
                    one, other, np.reshape(given, (len(given), one.size)), steps, freedom
                )
        told[:, 3] = holm(told[:, 2])
        return told


def _over(values: Floats, sd: Floats) -> Floats:
    return np.divide(values, sd[:, None], out=np.zeros_like(values), where=sd[:, None] > 0.0)


def _quantiles(values: Floats) -> Floats:
    """Return the quantiles over draws, (quantile, ...); of what has no path NaN, at no cost."""
    shown = ~np.isnan(values[0])
    told = np.full((len(QUANTILES), *values.shape[1:]), np.nan)
    if shown.any():
        told[:, shown] = np.quantile(values[:, shown], QUANTILES, axis=0)
    return told


def _prob_sign(values: Floats) -> Floats:
    """Return the share of draws of the sign that most have."""
    positive = np.mean(values > 0.0, axis=0)
    return np.where(
        np.isnan(values[0]), np.nan, np.maximum(positive, np.mean(values < 0.0, axis=0))
    )

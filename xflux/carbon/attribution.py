"""`ds.carbon.attribute()`: how much of the fluxes' doing is whose, given who acts on whom."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

import numpy as np

from xflux.carbon.anomaly_scores import Anomalies
from xflux.carbon.attribution_kernel import (
    EFFECTS,
    PRIORS,
    QUANTILES,
    Attribution,
    Scale,
)
from xflux.carbon.attribution_series import find_nodes, months_of, series_of
from xflux.carbon.attribution_wording import described
from xflux.carbon.causal_graph import CausalGraph, as_graph
from xflux.carbon.implied_independence import STATISTICS
from xflux.carbon.rank_network import RankNetwork
from xflux.errors import InputError
from xflux.labels.blockwise import common_dtype

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["attribute"]

Method = Literal["scm", "rank"]
Graph = CausalGraph | Mapping[str, Sequence[str]] | str

#: Dims of each result, behind those of the places.
_DIMS: dict[str, tuple[str, ...]] = {
    "effects": ("effect", "child", "parent", "quantile"),
    "prob_sign": ("effect", "child", "parent"),
    "n_eff": ("child", "parent"),
    "robustness": ("child", "parent"),
    "robustness_interval": ("child", "parent"),
    "by_prior": ("prior", "effect", "child", "parent"),
    "dag_tests": ("test", "statistic"),
    "sd": ("node",),
    "trend_share": ("node",),
    "months": (),
    "status": ("child",),
    "rank_correlation": ("child", "parent"),
    "conditional_rank_correlation": ("child", "parent"),
    "network_rank_correlation": ("child", "parent"),
}


def attribute(
    ds: xr.Dataset,
    graph: Graph | None = None,
    *,
    target: str | Sequence[str] = ("gpp", "reco", "nep"),
    regions: Any = None,
    method: Method = "scm",
    anomalies: Anomalies | None = None,
    scale: Scale = "normal_scores",
    prior: float = 1.0,
    draws: int = 2000,
    seed: int = 0,
    names: Mapping[str, str] | None = None,
) -> xr.Dataset:
    """Tell how much each climate driver does to the fluxes, by region.

    A Bayesian linear-Gaussian structural model: every node of a graph of causes is regressed on
    its parents, and effects are summed along the paths.

    Parameters
    ----------
    ds : Dataset
        Monthly climate and fluxes, eager or lazy, dims (time, lat, lon), (site, time) or (time);
        of at least 3 years. Nodes are found as by `xflux.standardize`.
    graph : str, mapping or CausalGraph, optional
        Children to parents, ``{"gpp": ("swin", "ta"), ...}``: canonical names, or variables of
        the Dataset by their own. ``"default"``; ``"uflux"`` is that of Zhu et al. (2026);
        ``"nee"`` has the measured net flux in place of uptake and respiration. Climate of these
        three that the Dataset lacks is left out, with an `XfluxWarning`; of a graph of your own
        it is an error.
    target : str or sequence of str
        Nodes to explain, and ``"nep"``, which is always uptake less respiration.
    regions : optional
        A variable of `ds` (``"igbp"``), a mask of integers, shares (region, lat, lon), or
        regionmask.Regions, as for `xflux.budget`. None: the globe, or every series by itself where
        there are no cells with an area, as at towers. ``"pixels"``: every cell by itself, which
        needs time in one chunk.
    method : {"scm", "rank"}
        ``"rank"``: the rank correlations that the paper shows, which are association.
    anomalies : {"seasonal", "detrended", "raw"}, optional
        What is taken off each series: its mean seasonal cycle (default of ``"scm"``); cycle and
        straight line; its mean alone (default of ``"rank"``). Carbon dioxide is little but
        trend: detrended, its effects are NaN.
    scale : {"normal_scores", "sd"}
        Series as normal quantiles of their ranks, which outliers do not rule, or over their
        standard deviation, which keeps effects linear.
    prior : float
        Standard deviation of coefficients beforehand, over that of what an equation leaves.
    draws : int
        Of the posterior, at least 100.
    seed : int
        The same numbers serve all places, so that no chunking changes a result.
    names : mapping of str to str, optional
        Your own names, such as ``{"ta": "t2m"}``.

    Returns
    -------
    Dataset
        Lazy where an input is lazy, dims (region, ...) or those of the places. ``child`` are the
        nodes with parents, ``parent`` those with children.

        effects [1]
            Dims (..., effect, child, parent, quantile): direct, indirect (through other nodes)
            and total change of the child for one standard deviation of the parent, both of
            anomalies, at the quantiles 0.05, 0.5 and 0.95. NaN where no such path leads.
        prob_sign [1]
            Probability of the sign that most draws have, 0.5 to 1.
        n_eff [1]
            Independent months behind each direct effect.
        robustness, robustness_interval [1]
            How much an unseen common cause must explain, 0 (fragile) to 1.
        by_prior [1]
            Effects for priors of 0.3, 1 and 3, dims (..., prior, effect, child, parent).
        dag_tests [1]
            Dims (..., test, statistic): partial correlation, n_eff, p, and p by Holm of each
            independence that the graph implies. A small p speaks against the graph.
        sd, trend_share, months, status
            Standard deviations [units of node], shares of trend, number of months, and why
            there is no number.
        confounded_with_trend
            Of each parent, whether more than half of it is trend: its effect then takes the
            credit of all that has a trend.

        With ``method="rank"`` instead of effects ``rank_correlation``,
        ``network_rank_correlation``, and of arrows ``conditional_rank_correlation``.

    Raises
    ------
    InputError
        For a cycle, unknown nodes or options, a target without node, steps that are no months,
        fewer than 3 years.
    MissingVariableError
        For nodes that the Dataset lacks.
    UnitsError, GridMismatchError
        As for `xflux.standardize` and `xflux.labels.integral.regional_mean`.
    ChunkError
        For pixels in several chunks along time.

    Notes
    -----
    With anomalies z of variance 1, ``z_j = sum_k b_jk z_k + e_j`` over the parents k of j, and
    ``b | s2 ~ N(0, s2 prior^2)``, ``s2 ~ IG(2, 1/2)``; the posterior is closed and counts
    independent months, not months (`xflux.carbon.structural_model.equation`). Of each draw B of
    all coefficients ::

        direct = B,  total = (I - B)^-1 - I,  indirect = total - direct

    Effects on NEP are those on GPP less those on RECO, draw by draw, in one unit: coefficients are
    in standard deviations, so that ``(sd_gpp effect_gpp - sd_reco effect_reco) / sd_nep``, with the
    standard deviations of the anomalies in g m-2 d-1 (exact for ``scale="sd"``; with normal scores
    as if ranks were spread normally). A gram of GPP is one gram of NEP less what it adds to RECO.
    To have any effect in physical units, times ``sd`` of the child over that of the parent.

    Series are averaged over the cells and months in which all nodes have values.

    References
    ----------
    Pearl, J. (2009): Causality, 2nd ed., Cambridge University Press, ch. 5.

    Zhu, S. et al. (2026), Agricultural and Forest Meteorology,
    doi:10.1016/j.agrformet.2026.111197, section 3.3.2 and fig. 9.

    Examples
    --------
    >>> import xflux
    >>> earth = xflux.twin.Earth(resolution=10.0, start="2001", end="2010")
    >>> found = xflux.attribute(earth.drivers.merge(earth.truth[["gpp", "reco"]]))
    >>> of_dry_air = found.effects.sel(region="globe", effect="total", parent="vpd", quantile=0.5)
    >>> float(of_dry_air.sel(child="gpp")) < 0.0
    True
    """
    given = as_graph(graph)
    kinds = _checked(method, anomalies, scale, prior, draws, seed)
    targets = (target,) if isinstance(target, str) else tuple(target)
    given = _leading_to(given, targets)
    preset = graph is None or isinstance(graph, str)
    # Of a trend nothing is left: the effect is not told, and the variable need not be there.
    untold = [n for n in given.nodes if n == "co2" and kinds == "detrended" and method == "scm"]
    shown = given
    arrays, told = find_nodes(ds, given.without(*untold), names, own=not preset)
    dim, months = months_of(arrays)
    series = series_of(ds, arrays, dim, regions)
    nets = ("nep",) if "nep" in targets else ()
    kept = {*told.nodes, *untold}
    children = tuple(node for node, parents in told.links if parents) + nets
    parents = tuple(n for n in shown.nodes if n in kept and (n in untold or _acts(told, n, nets)))
    dtype = common_dtype([*series.values()])
    kernel: Attribution | RankNetwork
    if method == "rank":
        kernel = RankNetwork(told, children, parents, months, kinds, dtype.str)
    else:
        kernel = Attribution(
            told, children, parents, months, kinds, dtype.str, scale, float(prior), draws, seed
        )
    result = _apply(kernel, [*series.values()], dim, dtype)
    coords: dict[str, Any] = {
        "child": [*children],
        "parent": [*parents],
        "node": [*kernel.names],
        "test": [str(test) for test in told.independences()],
        "effect": [*EFFECTS],
        "quantile": [*QUANTILES],
        "prior": [*PRIORS],
        "statistic": [*STATISTICS],
    }
    result = result.assign_coords({d: values for d, values in coords.items() if d in result.dims})
    return described(result, ds, arrays, told, kinds, scale, method, names)


def _checked(
    method: str, anomalies: str | None, scale: str, prior: float, draws: int, seed: int
) -> Anomalies:
    """Check the options; return what is taken off the series."""
    for option, value, known in (
        ("method", method, get_args(Method)),
        ("anomalies", anomalies, (None, *get_args(Anomalies))),
        ("scale", scale, get_args(Scale)),
    ):
        if value not in known:
            listed = ", ".join(repr(k) for k in known if k is not None)
            raise InputError(f"{option}={value!r} is not known; use {listed}")
    if not (isinstance(prior, int | float | np.number) and 0.0 < float(prior) < np.inf):
        raise InputError(f"prior={prior!r} is no width; give a number above 0, such as 1.0")
    for option, count, least in (("draws", draws, 100), ("seed", seed, 0)):
        if not isinstance(count, int | np.integer) or isinstance(count, bool) or count < least:
            raise InputError(f"{option}={count!r} is no whole number from {least} on")
    found: Any = anomalies or ("raw" if method == "rank" else "seasonal")
    return found


def _leading_to(graph: CausalGraph, targets: tuple[str, ...]) -> CausalGraph:
    """Return the part of the graph that acts on the targets."""
    if not targets:
        raise InputError("target is empty; name at least one, such as 'gpp'")
    if "nep" in graph.nodes:
        raise InputError(
            "the graph has the node 'nep', which is gpp less reco and gets its effects from "
            "theirs; take it out of the graph, or use 'nee' for a measured net flux"
        )
    if "nep" in targets:
        lacking = [flux for flux in ("gpp", "reco") if flux not in graph.nodes]
        if lacking:
            raise InputError(
                f"target 'nep' is gpp less reco, of which the graph lacks {', '.join(lacking)}; "
                f"leave 'nep' out of target={targets!r}"
            )
    wanted = dict.fromkeys(
        name for t in targets for name in (("gpp", "reco") if t == "nep" else (t,))
    )
    part = graph.leading_to([*wanted])
    bare = [name for name in wanted if not part.parents(name)]
    if bare:
        raise InputError(
            f"target {', '.join(map(repr, bare))} has no parents in the graph: nothing acts on it"
        )
    return part


def _acts(graph: CausalGraph, node: str, nets: tuple[str, ...]) -> bool:
    """Tell whether a node has children."""
    return any(node in parents for _, parents in graph.links) or (
        bool(nets) and node in ("gpp", "reco")
    )


def _apply(
    kernel: Attribution | RankNetwork, series: list[xr.DataArray], dim: str, dtype: np.dtype[Any]
) -> xr.Dataset:
    """Run the kernel on every place, lazily where a series is lazy."""
    import xarray as xr

    shapes = kernel.shapes
    sizes = {d: n for k, shape in shapes.items() for d, n in zip(_DIMS[k], shape, strict=True)}
    made = xr.apply_ufunc(
        kernel,
        *series,
        input_core_dims=[[dim]] * len(series),
        output_core_dims=[[*_DIMS[name]] for name in shapes],
        dask="parallelized",
        join="exact",
        keep_attrs=False,
        output_dtypes=[np.dtype("i1") if name == "status" else dtype for name in shapes],
        dask_gufunc_kwargs={"output_sizes": sizes},
    )
    return xr.Dataset({name: array for name, array in zip(shapes, made, strict=True)})

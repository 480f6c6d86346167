"""What the results of attribution are called, and what must be said of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

import numpy as np

from xflux.carbon.attribution_places import STATUS
from xflux.carbon.causal_graph import CausalGraph
from xflux.labels.attach import generated, with_history
from xflux.labels.find import find
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["described"]

_SAID = {
    "effects": "change of the child, in its standard deviations, for one of the parent",
    "prob_sign": "probability that the effect has the sign of most draws",
    "n_eff": "independent months behind the direct effect",
    "robustness": "share of what parent and child each leave unexplained that an unseen common "
    "cause must explain to make the direct effect 0",
    "robustness_interval": "the same to bring 0 into the 90 % interval of the direct effect",
    "by_prior": "effect at the mean coefficients, by the width of the prior",
    "dag_tests": "tests of the independences that the graph implies",
    "sd": "standard deviation of the anomalies",
    "trend_share": "share of the variance of deseasonalised months that is a straight line",
    "months": "months in which all nodes have a value",
    "status": "whether the effects on the child were estimated, or why not",
    "rank_correlation": "Spearman rank correlation: association, not effect",
    "conditional_rank_correlation": "rank correlation of an arrow given the parents before it: "
    "association, not effect",
    "network_rank_correlation": "rank correlation implied by the network: association, not effect",
}
#: A node of whose anomalies a straight line is more than this is known by its trend alone.
_TREND = 0.5
_CAVEATS = (
    "Effects hold if the graph does: no unseen common cause, no feedback, straight lines, the same "
    "month. Of fluxes that a model made, they explain the model. Respiration that was split off by "
    "night-time data is itself a function of temperature (Lloyd and Taylor), and uptake shares its "
    "error: test on measured NEE with graph='nee'."
)
_ASSOCIATION = (
    "Association, not effect: rank correlations adjust for no common cause, and those of raw "
    "months are mostly the season that all variables share."
)


def described(
    result: xr.Dataset,
    ds: xr.Dataset,
    arrays: Mapping[str, xr.DataArray],
    graph: CausalGraph,
    anomalies: str,
    scale: str,
    method: str,
    names: Mapping[str, str] | None,
) -> xr.Dataset:
    """Say what all this is."""
    for name, array in result.data_vars.items():
        array.attrs = {"long_name": _SAID[str(name)]}
        if name not in ("sd", "status"):
            array.attrs["units"] = "1"
    result["status"].attrs |= {
        "flag_values": np.arange(len(STATUS), dtype=np.int8),
        "flag_meanings": " ".join(STATUS),
    }
    units = {name: str(array.attrs.get("units", "")) for name, array in arrays.items()}
    units["nep"] = "g m-2 d-1"
    listed = [units[str(node)] for node in result["node"].values]
    result = result.assign_coords(node_units=("node", listed, {"long_name": "Units of the node"}))
    result["sd"].attrs["comment"] = "in the units of coordinate node_units"
    share = result["trend_share"]
    held = [p for p in result["parent"].values if p in share["node"].values]
    flag = (share.sel(node=held).drop_vars("node_units") > _TREND).rename(node="parent")
    flag = flag.reindex(parent=result["parent"].values, fill_value=True)
    result["confounded_with_trend"] = flag.assign_attrs(
        long_name="whether more than half of the parent's variance is a straight line, so that "
        "its effect cannot be told from that of anything else with a trend"
    )
    said = {
        "method": "Bayesian linear-Gaussian structural model" if method == "scm" else
        "Spearman rank correlation and Gaussian copula on a directed graph (association)",
        "graph": str(graph),
        "anomalies": anomalies,
        "comment": _CAVEATS if method == "scm" else _ASSOCIATION,
    }  # fmt: skip
    if method == "scm":
        said["scale"] = scale
    said |= _origins(ds, arrays, names)
    result.attrs = said
    return with_history(result, f"attribute(method={method!r}, anomalies={anomalies!r})")


def _origins(
    ds: xr.Dataset, nodes: Iterable[str], names: Mapping[str, str] | None
) -> dict[str, str]:
    """Say of which models the fluxes are, and whether anything is generated."""
    own = {node: (find(ds, node, names) if node in variables else node) for node in nodes}
    found = {node: ds[name] for node, name in own.items() if name is not None}
    said = {}
    made = [node for node, array in found.items() if "model" in array.attrs]
    if made:
        said["explains"] = f"the models of {', '.join(made)}, not nature"
    mark = generated(found.values())
    return said | ({"synthetic": mark} if mark else {})

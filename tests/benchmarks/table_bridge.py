"""Print how bridges of the twin do: 5 degrees, 2001 to 2017, 11 regions of TransCom.

Run from the root of the repository::

    PYTHONPATH=.:tests python tests/benchmarks/table_bridge.py

1. Fitted to all years: pixels, and the variance that they explain of months fitted, months left
   out, anomalies and annual sums; the weights over the area.
2. Fitted to 2001 to 2012, against the exact integral of 2013 to 2017: bias and RMSE [PgC].
3. Other draws of candidates: what two of 200 have in common, beside what chance would.
"""

from __future__ import annotations

import pandas as pd

import xflux
from xflux.regional.bridge import RegionalBridge

DRAWS = 200
FITTED = [
    "n_pixels", "region_pixels", "r2", "r2_cv", "r2_anomaly", "r2_annual", "weight_share",
]  # fmt: skip
HELD = [
    "exact_annual", "bias_annual", "rmse_annual", "sd", "bias", "rmse", "r2", "r2_anomaly",
]  # fmt: skip


def main() -> None:
    """Print the three tables."""
    truth = xflux.twin.Earth(resolution=5.0, start="2001", end="2017").truth
    ds = truth[["nee", "land_fraction", "cell_area"]].load()
    regions = xflux.transcom_regions(ds)
    bridge = RegionalBridge()
    fitted = bridge.fit(ds, regions).to_dataset().set_index(region="names")
    frame = fitted[FITTED].to_dataframe()
    print(f"\n1. Fitted to all years\n{frame.round(3).to_string()}")

    bridge = RegionalBridge().fit(ds.sel(time=slice("2001", "2012")), regions)
    held = bridge.validate(ds.sel(time=slice("2013", "2017"))).set_index(region="names")
    held["sd"] = held.exact.std("time")
    held["exact_annual"] = 12 * held.exact.mean("time")
    print(
        f"\n2. Fitted to 2001-2012, of 2013-2017\n{held[HELD].to_dataframe().round(4).to_string()}"
    )
    total = held[["exact_annual", "bias_annual"]].sum()
    print(f"globe: {float(total.exact_annual):.3f} PgC a year, bias {float(total.bias_annual):.3f}")

    found = bridge.stability(ds, regions, n=DRAWS).set_index(region="names")
    share = found.n_pixels.mean("draw") / fitted.region_pixels
    found["by_chance"] = share / (2.0 - share)
    found["pixels"] = found.n_pixels.mean("draw")
    found["least_r2"] = found.r2.min("draw")
    frame = found[["jaccard", "by_chance", "pixels", "least_r2"]].to_dataframe()
    print(f"\n3. {DRAWS} draws\n{frame.round(3).to_string()}")
    print(f"mean Jaccard {frame.jaccard.mean():.3f}, by chance {frame.by_chance.mean():.3f}")


if __name__ == "__main__":
    with pd.option_context("display.width", 200):
        main()

"""Print what other ways to refine would reach at real towers that were not seen.

Run from the root of the repository, with the folder of the data::

    python tests/benchmarks/table_alternatives.py ../shared/data --jobs 2 --keep FOLDER

Ten folds of the sites of ICOS, on the records that all predict: NEE learned itself against
respiration minus uptake, a network with the penalties of ecology against one without, and
members that are fitted to draws of the observations' errors. Beside each score stands what the
default model gains over it, with its 95 % interval over draws of sites. Predictions are kept in
FOLDER, and a second run reads what is there.
"""

from __future__ import annotations

from functools import partial

import xarray as xr
from table_refinement import FLUXES, SITES, arguments, asked, icos, intervals, kept, told
from tables import Table

import xflux
from xflux.skill.bootstrap import paired_difference

#: A network that may do what it likes.
_FREE = {"nonnegative": "soft", "negativity": 0.0, "mass": 0.0, "light": 0.0, "temperature": 0.0}
MODELS = {
    "default": xflux.ResidualModel(),
    "open": xflux.ResidualModel(closure="none"),
    "spread": xflux.ResidualModel(observation_uncertainty=("spread",)),
    "weights": xflux.ResidualModel(observation_uncertainty=("weights",)),
    "monotone": xflux.ResidualModel("xgboost", monotone=True),
    "xgboost": xflux.ResidualModel("xgboost"),
    "network": xflux.ConstrainedNetwork(),
    "free": xflux.ConstrainedNetwork(closure="none", **_FREE),
}
WORDS = {
    "default": "default: a blend, closed",
    "open": "not closed: each flux as it was learned",
    "derived": "not closed, NEE as RECO - GPP",
    "spread": "members fitted to draws of errors",
    "weights": "records weighted by their errors",
    "monotone": "boosted trees, GPP and RECO held monotone",
    "xgboost": "boosted trees alone",
    "network": "network with penalties, closed",
    "free": "network without penalties, not closed",
}


def compare(observed: xr.Dataset, made: dict[str, xr.Dataset]) -> None:
    """Print the score of each alternative, and what the default gains over it."""
    there = {
        flux: xr.concat([each[flux].notnull() for each in made.values()], "_").all("_")
        for flux in FLUXES
    }
    same = {
        name: each.map(lambda array: array.where(there[str(array.name)]), keep_attrs=True)
        for name, each in made.items()
    }
    for flux in FLUXES:
        rows = []
        for name, each in same.items():
            score = xflux.evaluate(observed, each, variables=[flux]).sel(flux=flux)
            gained = ""
            if name != "default":
                gain = paired_difference(observed, same["default"], each, variables=[flux])
                gained = told(gain, flux)
            rows.append((WORDS[name], f"{float(score.r2_nse):.3f}", gained))
        heads = ("", "r2_nse", "gain of the default [95 %]")
        print("\n" + Table(f"{flux}, {int(score.n)} records", heads, tuple(rows), "").text())


def main() -> None:
    parser = arguments(__doc__)
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    given = asked(parser)
    towers = icos(given.data)
    observed = towers[[*FLUXES, "igbp"]]
    made = {}
    for name in dict.fromkeys(("default", *given.models)):
        path = None if given.keep is None else given.keep / f"alternative-{name}.nc"
        run = partial(MODELS[name].cross_validate, towers, towers, splitter=10, jobs=given.jobs)
        made[name] = kept(path, run)
    for name in made:
        if name in ("default", "spread"):
            print(f"\n{WORDS[name]} (classes of {SITES} sites or more)")
            intervals(observed, made[name])
    scored = {name: each[list(FLUXES)].sel(estimate="refined") for name, each in made.items()}
    if "open" in scored:
        held = scored["open"]
        derived = (held["reco"] - held["gpp"]).assign_attrs(held["nee"].attrs)
        scored["derived"] = held.assign(nee=derived)
    compare(observed[list(FLUXES)], scored)


if __name__ == "__main__":
    main()

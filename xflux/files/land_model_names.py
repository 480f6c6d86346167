"""Which model, scenario and variable a file of TRENDY or CMIP holds, by its name."""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from xflux.errors import InputError, XfluxWarning
from xflux.labels.variables import variables

__all__ = ["NamedFile", "canonical_name", "of_scenario", "read_names"]

_END = r"(?:\.(?:nc|nc4|cdf|h5|zarr))?$"
#: ``JULES-ES_S3_gpp.nc``; a model may bear underscores, and a period may follow.
_TRENDY = re.compile(
    r"^(?P<model>.+)_(?P<scenario>S\d+)_(?P<variable>[A-Za-z]\w*?)(?:_(?P<period>\d{4,8}-\d{4,8}))?"
    + _END
)
#: ``gpp_Lmon_UKESM1-0-LL_historical_r1i1p1f2_gn_185001-194912.nc``; of CMIP5 without a grid.
_CMIP = re.compile(
    r"^(?P<variable>[A-Za-z0-9]+)_(?P<table>[A-Za-z0-9]+)_(?P<model>[^_]+)_(?P<scenario>[^_]+)_"
    r"(?P<member>r\d+i\d+p\d+(?:f\d+)?)(?:_(?P<grid>g[a-z0-9]+))?(?:_(?P<period>\d{4,8}-\d{4,8}))?"
    + _END
)
_FORMS = "'MODEL_S3_gpp.nc' (TRENDY) nor 'gpp_Lmon_MODEL_historical_r1i1p1f1_gn_....nc' (CMIP)"


@dataclass(frozen=True, slots=True)
class NamedFile:
    """A file, and what its name says.

    Attributes
    ----------
    path, model, scenario : str
    variable : str
        Canonical name.
    spelling : str
        Name of the variable in the file name.
    member : str
        Of an ensemble of CMIP, with the grid where that is told; empty for TRENDY.
    """

    path: str
    model: str
    scenario: str
    variable: str
    spelling: str
    member: str = ""


def canonical_name(name: str) -> str | None:
    """Return the canonical name of a carbon variable that land models deliver."""
    for row in variables.values():
        if row.species == "carbon" and row.cmip and name in (row.cmip, row.name, *row.aliases):
            return row.name
    return None


def read_names(paths: Sequence[str]) -> list[NamedFile]:
    """Read the names of files; leave out variables that are not carbon of the land.

    Warns
    -----
    XfluxWarning
        Of files with names of neither form, which are left out.

    Raises
    ------
    InputError
        When no file bears such a name.
    """
    named, odd = [], []
    for path in paths:
        name = os.path.basename(path.rstrip("/"))
        match = _CMIP.match(name) or _TRENDY.match(name)
        if match is None:
            odd.append(name)
            continue
        told = match.groupdict()
        variable = canonical_name(told["variable"])
        if variable is not None:
            parts = (told.get("member"), told.get("grid"))
            member = "_".join(part for part in parts if part)
            named.append(
                NamedFile(path, told["model"], told["scenario"], variable, told["variable"], member)
            )
    if odd and not named:
        raise InputError(
            f"names of land-model files are neither {_FORMS}: {_listed(odd)}; rename the files"
        )
    if not named:
        held = sorted({os.path.basename(path) for path in paths})
        raise InputError(f"no file holds a carbon variable of the land: {_listed(held)}")
    if odd:
        warnings.warn(
            f"left out, as their names are neither {_FORMS}: {_listed(odd)}",
            XfluxWarning,
            stacklevel=3,
        )
    return named


def of_scenario(
    files: Sequence[NamedFile], scenario: str | None, models: Iterable[str] | None
) -> list[NamedFile]:
    """Choose the files of one scenario, of some models, and one member of each model.

    Raises
    ------
    InputError
        For a scenario or model that no file is of, for several scenarios when none is chosen,
        and for several members of one model.
    """
    chosen = list(files)
    if models is not None:
        wanted = [models] if isinstance(models, str) else list(models)
        known = sorted({file.model for file in files})
        unknown = [model for model in wanted if model not in known]
        if unknown:
            raise InputError(f"no file of {', '.join(map(repr, unknown))}; models are {known}")
        chosen = [file for file in chosen if file.model in wanted]
    scenarios = sorted({file.scenario for file in chosen})
    if scenario is None and len(scenarios) > 1:
        examples = [
            next(file.path for file in chosen if file.scenario == name) for name in scenarios
        ]
        raise InputError(
            f"the files are of several scenarios, {', '.join(scenarios)}, such as "
            f"{_listed([os.path.basename(path) for path in examples])}; choose one with scenario="
        )
    if scenario is not None:
        chosen = [file for file in chosen if file.scenario == scenario]
        if not chosen:
            raise InputError(
                f"scenario={scenario!r}: no file is of it; there are {', '.join(scenarios)}"
            )
    members: dict[str, set[str]] = {}
    for file in chosen:
        members.setdefault(file.model, set()).add(file.member)
    for model, several in members.items():
        if len(several) > 1:
            raise InputError(
                f"{model} has several members or grids, {', '.join(sorted(several))}; name the "
                "files of one, such as with a pattern ('*_r1i1p1f1_gn_*.nc')"
            )
    return chosen


def _listed(names: Sequence[str], most: int = 5) -> str:
    shown = ", ".join(map(repr, names[:most]))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"

"""What a net flux of carbon holds: ``flux_definition``, and the difference between two of them.

A tower sees respiration less photosynthesis; an inversion sees fire and rivers too, a land model
land use. All are called net land fluxes, and differ by PgC a year.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from xflux.errors import GridMismatchError, InputError, UnitsError
from xflux.labels.coordinates import how_they_differ
from xflux.labels.units import affine, dequantify, units_of
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = [
    "NET", "TERMS", "definition_of", "direction", "named_definition", "require_alike", "without",
    "written",
]  # fmt: skip

#: What a net flux may hold: ``nee`` is RECO - GPP.
TERMS = ("nee", "fire", "luc", "harvest", "grazing", "lateral", "fossil")
#: Net fluxes of the table, which differ in what they hold.
NET = ("nee", "nep", "nbp")
#: One word for several terms. The sign is that of attribute ``positive``.
_WORDS = {
    "nep": frozenset({"nee"}),
    "nbp": frozenset({"nee", "fire", "luc", "harvest", "grazing"}),
}
#: Emissions: positive to the atmosphere unless they say otherwise.
_EMISSIONS = ("fire", "luc", "harvest", "grazing", "fossil")
#: What tells the direction of a flux.
_BY_STANDARD_NAME = {"up": ("upward", "emission"), "down": ("downward", "productivity")}
_BY_LONG_NAME = {"up": ("to the atmosphere", "to atmosphere"), "down": ("uptake",)}
_SHOWN = 6


def definition_of(array: xr.DataArray) -> frozenset[str] | None:
    """Return the terms that a net flux holds, by its attribute or coordinate.

    Parameters
    ----------
    array : DataArray
        With ``attrs["flux_definition"]``, such as ``"nee+fire"``, or with a coordinate of that
        name, which says it of each member of an ensemble.

    Returns
    -------
    frozenset of str, or None
        Some of `TERMS`; ``"nbp"`` is nee, fire, luc, harvest and grazing. None where the array
        does not say.

    Raises
    ------
    InputError
        For a term that is not known, and for members of unlike definitions.

    Examples
    --------
    >>> import xarray as xr
    >>> sorted(definition_of(xr.DataArray(1.0, attrs={"flux_definition": "nee + fire"})))
    ['fire', 'nee']
    """
    said = array.attrs.get("flux_definition")
    if "flux_definition" in array.coords:
        of_members = {str(one) for one in np.ravel(array["flux_definition"].values)}
        definitions = {_read(one, array) for one in of_members}
        if len(definitions) > 1:
            listed = ", ".join(sorted(map(written, definitions)))
            raise InputError(
                f"{_called(array)} mixes {listed} (coordinate flux_definition); add or subtract "
                "what differs (fire, land use) so that all are one flux"
            )
        said = of_members.pop() if said is None and of_members else said
        if definitions and said is not None and definitions != {_read(str(said), array)}:
            raise InputError(
                f"{_called(array)} says {said!r} in its attributes and "
                f"{written(definitions.pop())!r} in its coordinate flux_definition; correct one"
            )
    return None if said is None else _read(str(said), array)


def named_definition(array: xr.DataArray, name: str) -> str:
    """Return what a net flux of the table holds: what it says, else what its name does.

    Parameters
    ----------
    array : DataArray
    name : {"nee", "nep", "nbp"}
        Canonical name under which it was found.

    Raises
    ------
    InputError
        For a flux that says that it is another, or one along a dimension of unlike ones.
    """
    terms = definition_of(array)
    said = str(array.attrs.get("flux_definition", name))
    if said.split("+")[0].strip() != name:
        raise InputError(
            f"{name!r} says flux_definition={said!r}, which is another flux; name it so, or add "
            "the difference (fire, land use) and correct the attribute"
        )
    return said if terms is None or "flux_definition" in array.attrs else written(terms)


def _read(text: str, array: xr.DataArray) -> frozenset[str]:
    terms: set[str] = set()
    for word in text.split("+"):
        word = word.strip()
        if word not in _WORDS and word not in TERMS:
            raise InputError(
                f"{_called(array)} says flux_definition={text!r}, of which {word!r} is not known; "
                f"expected terms joined by '+', of {', '.join((*TERMS, *_WORDS))}"
            )
        terms |= _WORDS.get(word, frozenset({word}))
    return frozenset(terms)


def written(terms: Iterable[str]) -> str:
    """Return terms as text, in one order: ``nee+fire``, or ``nbp`` where it is all of it.

    Parameters
    ----------
    terms : iterable of str
        Some of `TERMS`.

    Raises
    ------
    InputError
        For none, or a term that is not known.

    Examples
    --------
    >>> written({"lateral", "nee", "fire"})
    'nee+fire+lateral'
    """
    found = set(terms)
    unknown = found - set(TERMS)
    if unknown or not found:
        what = ", ".join(map(repr, sorted(unknown))) or "nothing"
        raise InputError(f"a net flux cannot hold {what}; its terms are {', '.join(TERMS)}")
    words = []
    if _WORDS["nbp"] <= found:
        words, found = ["nbp"], found - _WORDS["nbp"]
    return "+".join([*words, *(term for term in TERMS if term in found)])


def require_alike(a: xr.DataArray, b: xr.DataArray, *, what: tuple[str, str]) -> None:
    """Refuse two net fluxes that do not hold the same terms.

    Parameters
    ----------
    a, b : DataArray
    what : (str, str)
        What the two are called in the message, such as ``("the bridge", "the inversions")``.

    Raises
    ------
    InputError
        Naming the terms that lie between them; also where one does not say what it holds.
    """
    definitions = [definition_of(array) for array in (a, b)]
    for called, definition in zip(what, definitions, strict=True):
        if definition is None:
            raise InputError(
                f"{called} has no flux_definition, so that it is not known whether fire, land use "
                "or rivers are in it; set attrs['flux_definition'], such as 'nee' or 'nee+fire'"
            )
    first, second = definitions
    assert first is not None
    assert second is not None
    if first == second:
        return
    only = [
        f"{', '.join(term for term in TERMS if term in more - less)} only in {called}"
        for called, more, less in zip(what, (first, second), (second, first), strict=True)
        if more - less
    ]
    raise InputError(
        f"{what[0]} is {written(first)!r} and {what[1]} is {written(second)!r}: "
        f"{' and '.join(only)}; subtract what differs, as a flux with units, before they are "
        "brought together"
    )


def direction(array: xr.DataArray) -> str | None:
    """Return which way a flux is positive, ``"up"`` or ``"down"``, None where it is not known.

    By ``attrs["positive"]``, else by its standard_name (*upward*, *emission*, *downward*,
    *productivity*), else by its long_name (*to the atmosphere*, *uptake*).

    Raises
    ------
    InputError
        For another word than these, and for a standard_name that contradicts the attribute.
    """
    said = array.attrs.get("positive")
    if said is not None and said not in ("up", "down"):
        raise InputError(
            f"{_called(array)} says positive={said!r}; expected 'up' (to the atmosphere) or 'down'"
        )
    standard = str(array.attrs.get("standard_name", ""))
    by_standard = _one_way(standard, _BY_STANDARD_NAME)
    if said is not None:
        if by_standard not in (None, said):
            raise InputError(
                f"{_called(array)} says positive={said!r} and standard_name={standard!r}, which "
                "contradict each other; correct one of them"
            )
        return str(said)
    words = str(array.attrs.get("long_name", "")).lower()
    # "Negative is uptake" says the opposite of what its last word does.
    return by_standard or (None if "negative" in words else _one_way(words, _BY_LONG_NAME))


def _one_way(text: str, words: Mapping[str, tuple[str, ...]]) -> str | None:
    ways = [way for way, signs in words.items() if any(sign in text for sign in signs)]
    return ways[0] if len(ways) == 1 else None


def without(array: xr.DataArray, terms: Mapping[str, xr.DataArray]) -> xr.DataArray:
    """Take terms out of a net flux: NEE is the flux of an inversion less fire.

    Parameters
    ----------
    array : DataArray
        Says what it holds (``flux_definition``) and in which unit.
    terms : mapping of str to DataArray
        By the names of `TERMS`, such as ``{"fire": gfed}``: in a unit that converts (to carbon),
        along dims of `array`, on its grid or regions. Regions are matched by their ``names`` where
        both have them, steps of time by their date; more steps and regions than `array` has are
        left out. Positive as their attribute ``positive`` says; without one fire, luc, harvest,
        grazing and fossil are positive to the atmosphere.

    Returns
    -------
    DataArray
        In the unit, dtype and direction of `array`, its ``flux_definition`` updated; NaN where a
        term is NaN. Lazy where any of them is.

    Raises
    ------
    InputError
        For terms that `array` does not hold, months or regions that a term lacks, and a direction
        that is not known.
    UnitsError
        For units that are missing or do not convert.
    GridMismatchError
        When a term lies on another grid.
    """
    held = definition_of(array)
    if held is None:
        raise InputError(
            f"{_called(array)} does not say what it holds; set attrs['flux_definition'], such as "
            "'nee+fire'"
        )
    absent = [term for term in terms if term not in held]
    if absent:
        raise InputError(
            f"{_called(array)} is {written(held)!r}, which holds no {' or '.join(absent)} to take "
            "out"
        )
    if held == set(terms):
        raise InputError(f"nothing would be left of {written(held)!r} without {', '.join(terms)}")
    result, registry = dequantify(array)
    if registry is not None:
        raise InputError(f"{_called(array)} is a pint quantity; dequantify it first")
    ours = direction(array)
    if ours is None and array.name in variables:
        ours = variables[str(array.name)].positive or None
    if ours is None:
        raise InputError(
            f"{_called(array)} does not say which way it is positive; set attrs['positive'] to "
            "'up' (to the atmosphere) or 'down'"
        )
    for term, flux in terms.items():
        plain, _ = dequantify(flux)
        scale = _scale(plain, array, term)
        sign = 1.0 if _direction_of_term(plain, term) == ours else -1.0
        fitted = _fitted(plain, array, term)
        result = (result - fitted * (sign * scale)).transpose(*array.dims)
    dtype = array.dtype if array.dtype.kind == "f" else np.dtype(np.float64)
    kept = {**array.attrs, "flux_definition": written(held - set(terms)), "positive": ours}
    result = result.astype(dtype).drop_vars("flux_definition", errors="ignore")
    return result.rename(array.name).assign_attrs(kept)


def _called(array: xr.DataArray) -> str:
    return repr(str(array.name)) if array.name is not None else "the net flux"


def _scale(term: xr.DataArray, array: xr.DataArray, called: str) -> float:
    found, expected = units_of(term), units_of(array)
    for units, whose in ((found, repr(called)), (expected, _called(array))):
        if units is None:
            raise UnitsError(f"{whose} has no units; set attrs['units']")
    assert found is not None
    assert expected is not None
    try:
        scale, _ = affine(found, expected, "carbon")
    except UnitsError as error:
        raise UnitsError(
            f"{called!r}: found units {found!r}, expected {expected!r} as {_called(array)} has, or "
            f"what converts to it ({error})"
        ) from error
    return scale


def _direction_of_term(term: xr.DataArray, called: str) -> str:
    found = direction(term)
    if found is not None:
        return found
    if called in _EMISSIONS:
        return "up"
    if called == "nee" and str(term.name) in ("nee", "nep"):
        return variables[str(term.name)].positive
    raise InputError(
        f"{called!r} does not say which way it is positive; set attrs['positive'] to 'up' (to the "
        "atmosphere) or 'down'"
    )


def _fitted(term: xr.DataArray, array: xr.DataArray, called: str) -> xr.DataArray:
    """Return a term at the labels of the flux, without coordinates of its own."""
    extra = [dim for dim in term.dims if dim not in array.dims]
    if extra:
        raise InputError(
            f"{called!r} has the dims {term.dims}, and {_called(array)} {array.dims}; select or "
            f"sum along {extra[0]!r} first"
        )
    for dim in term.dims:
        if dim == "region" and all("names" in one.coords for one in (term, array)):
            term = _selected(term, dim, term["names"].values, array["names"].values, called)
            continue
        ours, theirs = array.indexes.get(dim), term.indexes.get(dim)
        if ours is None or theirs is None:
            if term.sizes[dim] != array.sizes[dim]:
                raise GridMismatchError(
                    f"{called!r} has {term.sizes[dim]} values along {dim!r}, {_called(array)} has "
                    f"{array.sizes[dim]}"
                )
        elif ours.equals(theirs):
            continue
        elif ours.dtype.kind == "f" or theirs.dtype.kind == "f":
            how = how_they_differ(np.asarray(theirs), np.asarray(ours), called, str(dim))
            raise GridMismatchError(f"{dim!r} of {called!r} and of {_called(array)} differ{how}")
        else:
            term = _selected(term, dim, np.asarray(theirs), np.asarray(ours), called)
    return term.drop_vars(term.coords).drop_attrs()


def _selected(term: xr.DataArray, dim: Any, theirs: Any, ours: Any, called: str) -> xr.DataArray:
    place = {value: k for k, value in enumerate(theirs.tolist())}
    if len(place) < len(theirs):
        raise InputError(f"{called!r} repeats labels along {dim!r}; keep one of each")
    wanted = ours.tolist()
    lacking = [k for k, value in enumerate(wanted) if value not in place]
    if lacking:
        names = [str(ours[k])[:10] if dim == "time" else str(ours[k]) for k in lacking[:_SHOWN]]
        more = f", ... ({len(lacking)} in all)" if len(lacking) > _SHOWN else ""
        raise InputError(
            f"{called!r} lacks {', '.join(names)}{more} along {dim!r}; give it for all that the "
            "flux has, or select what both have"
        )
    order = [place[value] for value in wanted]
    return term if order == list(range(len(theirs))) else term.isel({dim: order})

"""What the models of respiration share: reference respiration, call and fit."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING, Any, ClassVar, Literal, NamedTuple, Self

from numpy.typing import ArrayLike, NDArray

from xflux.baselines.per_class import PerClass, checked
from xflux.errors import InputError
from xflux.labels.variables import variables

if TYPE_CHECKING:
    import xarray as xr

__all__ = ["Coefficient", "Respiration", "Scale"]

Array = NDArray[Any]
Scale = Literal["fapar", "nirv"]


class Coefficient(NamedTuple):
    """Respiration at the reference temperature for a fAPAR or NIRv of 1.

    Attributes
    ----------
    value : float
        g m-2 d-1 of carbon.
    standard_error : float
        Of the same unit; NaN where the source states none.
    source : str
        Where it comes from.
    """

    value: float
    standard_error: float
    source: str


class Respiration:
    """What both models share: reference respiration, call and fit."""

    r_ref: Any
    t_ref: float
    scale_by: Scale | None
    summary: xr.Dataset | None

    outputs: ClassVar[tuple[str, ...]] = ("reco",)
    #: Reference respiration where none is given, by what it is proportional to.
    coefficients: ClassVar[Mapping[Scale, Coefficient]]
    #: Name of the parameter that says how respiration grows with temperature, and the
    #: range in which it is fitted.
    sensitivity: ClassVar[str]
    bounds: ClassVar[tuple[float, float]]

    def __post_init__(self) -> None:
        if self.scale_by not in (None, "fapar", "nirv"):
            raise InputError(f"scale_by is {self.scale_by!r}; expected 'fapar', 'nirv' or None")
        if isinstance(self.r_ref, Mapping):
            object.__setattr__(self, "r_ref", PerClass(self.r_ref))
        elif self.r_ref is not None and not _is_labelled(self.r_ref):
            object.__setattr__(self, "r_ref", checked(self.r_ref, "r_ref", low=0.0))

    def _check(self, low: float, t_low: float) -> None:
        """Check the two parameters of the temperature response."""
        value = getattr(self, self.sensitivity)
        object.__setattr__(self, self.sensitivity, checked(value, self.sensitivity, low=low))
        object.__setattr__(self, "t_ref", checked(self.t_ref, "t_ref", low=t_low))
        if self.t_ref > 60.0:
            raise InputError(f"t_ref is {self.t_ref:g} degC; expected at most 60 (Kelvin?)")

    @property
    def scaled_by(self) -> Scale | None:
        """What the reference respiration is proportional to; None where it is absolute."""
        return self.scale_by or ("fapar" if self.r_ref is None else None)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Canonical names of the arguments, in call order."""
        names = ["ta"]
        if self.scaled_by is not None:
            names.append(self.scaled_by)
        if isinstance(self.r_ref, PerClass):
            names.append("igbp")
        elif _is_labelled(self.r_ref):
            names.append("r_ref")
        return tuple(names)

    @property
    def labelled(self) -> Mapping[str, xr.DataArray]:
        """Inputs that the model brings along: its map of reference respiration."""
        return {"r_ref": self.r_ref} if _is_labelled(self.r_ref) else {}

    def __call__(self, *arrays: ArrayLike) -> Array:
        """Compute respiration.

        Parameters
        ----------
        *arrays : array_like
            One per name in `inputs`, in that order, that broadcast against each
            other: ``ta`` (degC), then, as the model needs them, ``fapar`` or ``nirv``
            (1; negative values count as 0), ``igbp`` (codes 1 to 17) or ``r_ref``
            (g m-2 d-1).

        Returns
        -------
        ndarray
            Respiration, g m-2 d-1 of carbon, in float32 where all arrays are. NaN
            where an input is NaN, where ta is outside the valid range of the
            variable table (-55 to 60 degC), and for classes without a value.

        Raises
        ------
        InputError
            For a wrong number of arrays, and for labelled or lazy ones.
        """
        from xflux.numerics.elementwise import arguments, elementwise, floating

        given = arguments(type(self).__name__, self.inputs, arrays)
        dtype = floating([array for name, array in given.items() if name != "igbp"])
        base = 1.0
        scale: Array | None = None
        if self.r_ref is None:
            assert self.scaled_by is not None
            base = self.coefficients[self.scaled_by].value
        elif isinstance(self.r_ref, float):
            base = self.r_ref
        for name, array in given.items():
            if name != "ta":
                is_class = name == "igbp"
                factor = (
                    self.r_ref.at(array, dtype) if is_class else array.astype(dtype, copy=False)
                )
                scale = factor if scale is None else scale * factor
        row = variables["ta"]
        loop = self._loop(scaled=scale is not None)
        inputs = [given["ta"]] if scale is None else [given["ta"], scale]
        parameters = (base, *self._parameters(), row.valid_min, row.valid_max)
        return elementwise(loop, parameters, inputs)[0]

    def _loop(self, *, scaled: bool) -> Any:
        """Return the compiled loop."""
        raise NotImplementedError

    def _parameters(self) -> tuple[float, ...]:
        """Return the parameters of the temperature response, as the loop takes them."""
        raise NotImplementedError

    def response(self, ta: Array, sensitivity: float) -> tuple[Array, Array]:
        """Return the temperature response, 1 at `t_ref`, and its derivative by `sensitivity`.

        In NumPy and float64, for the fit; the loops compute the same.
        """
        raise NotImplementedError

    def fit(
        self,
        towers: xr.Dataset,
        *,
        by: Literal["igbp", "site"] | None = "igbp",
        scale_by: Scale | None = "fapar",
        fix_sensitivity: bool = False,
        weights: Literal["site", "record"] = "site",
        pooling: float = 2.0,
        min_records: int = 12,
        names: Mapping[str, str] | None = None,
    ) -> Self:
        """Fit reference respiration and temperature sensitivity to towers (loads them).

        Parameters
        ----------
        towers : Dataset
            ``ta``, ``reco``, and as asked ``fapar`` or ``nirv`` and ``igbp``, of dims
            (site, time), under any name that `standardize` understands; gaps are NaN.
            Poor records are the caller's to mask (`open_towers` has ``min_qc``).
        by : {"igbp", "site"} or None
            One reference respiration per land cover class, per site, or for all. The
            sensitivity is one for all.
        scale_by : {"fapar", "nirv"} or None
            What the reference respiration is proportional to. None fits it as an
            absolute value, which serves sites that were left out less well (an r2 of
            0.39 against 0.56 on the ICOS towers).
        fix_sensitivity : bool
            Keep ``q10`` or ``e0`` as it is.
        weights : {"site", "record"}
            What counts alike. By "site" a long record has no more say than a short one.
        pooling : float
            With ``by="igbp"`` a class of n sites has the weight n / (n + pooling)
            against the value of all sites together, so that one or two sites do not
            stand for a whole class. 0 switches it off.
        min_records : int
            A class with fewer valid records takes the value of all sites, a site with
            fewer has none; an `XfluxWarning` names them.
        names : mapping of str to str, optional
            Your own names, such as ``{"reco": "RECO_DT_VUT_REF"}``.

        Returns
        -------
        Q10Respiration or LloydTaylor
            A new model. Its `summary` is a Dataset of estimates, standard errors and
            sample sizes. With ``by="igbp"`` and `scale_by`, classes without towers have
            the value of all sites; without `scale_by` they have none, and come out NaN.

        Raises
        ------
        InputError
            For too few valid records, or an unknown option.
        MissingVariableError, UnitsError
            As for `standardize`.

        Notes
        -----
        Weighted least squares; the reference values are eliminated, the sensitivity is
        searched. Standard errors are robust to any correlation within a site
        (Liang and Zeger 1986); NaN for a class of one site. Tower RECO by night-time
        partitioning is itself a Lloyd-Taylor function of temperature.
        """
        from xflux.baselines.respiration_fit import fit_respiration

        return fit_respiration(
            self,
            towers,
            by=by,
            scale_by=scale_by,
            fix_sensitivity=fix_sensitivity,
            weights=weights,
            pooling=pooling,
            min_records=min_records,
            names=names,
        )

    # The generated comparison would ask a DataArray for its truth.
    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(_same(own, their) for own, their in zip(self._values(), other._values()))

    def __hash__(self) -> int:
        return hash(repr(self))

    def __repr__(self) -> str:
        names = [entry.name for entry in fields(self) if entry.compare]  # type: ignore[arg-type]
        pairs = zip(names, self._values())
        return f"{type(self).__name__}({', '.join(f'{name}={_short(v)}' for name, v in pairs)})"

    def _values(self) -> list[Any]:
        return [getattr(self, entry.name) for entry in fields(self) if entry.compare]  # type: ignore[arg-type]


def _is_labelled(value: Any) -> bool:
    return hasattr(value, "dims") and hasattr(value, "coords")


def _same(one: Any, other: Any) -> bool:
    if _is_labelled(one) and _is_labelled(other):
        if one.chunks is not None or other.chunks is not None:
            # Lazy maps are compared by what they are made of, without computing them.
            return one is other or getattr(one.data, "name", 0) == getattr(other.data, "name", 1)
        return bool(one.identical(other))
    return type(one) is type(other) and one == other


def _short(value: Any) -> str:
    return f"<DataArray {dict(value.sizes)}>" if _is_labelled(value) else repr(value)

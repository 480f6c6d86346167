"""What the user asked `xflux run` for: files and options, checked before any work."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from xflux.errors import InputError

if TYPE_CHECKING:
    from xflux.files.drivers import Product

__all__ = ["Format", "RunRequest"]

Format = Literal["zarr", "netcdf"]


@dataclass(frozen=True, kw_only=True)
class RunRequest:
    """One call of `xflux run`.

    Attributes
    ----------
    out : Path
        Folder of the results; made when they are complete.
    towers : tuple of str
        Folders, files or patterns of tower records; may be empty.
    sites, tower_extra : tuple of str
        Tables of sites; tidy tables to join to the towers, such as fAPAR.
    units : mapping of str to str
        Unit by column of a tower table whose column names hold none.
    drivers : tuple of str
        Files, stores or patterns of gridded drivers; may be empty.
    co2 : float or str, optional
        ppm, or the path of NOAA's monthly record.
    names : mapping of str to str
        Canonical name to the grid's own.
    product : str, optional
        Of the grid, as for `xflux.open_drivers`.
    derive : tuple of str
        Drivers that may be estimated, such as ``rnet``.
    partitioning : {"NT", "DT"}
        Of the towers' gpp and reco.
    min_qc : float, optional
        Least quality flag of a tower flux; None uses all.
    refine : bool
        Learn from the towers what the baseline misses, and refine the grid.
    model : str, optional
        Path of a refinement that was saved, in place of learning one.
    learner : str
        Of a refinement that is learned, as for `xflux.ResidualModel`.
    folds : int
        Of whole sites, by which it is validated.
    allocate : bool
        Divide the carbon of the grid between plants and soils.
    land_models : tuple of str
        Folders, files or patterns of land models, from which to learn how; may be empty.
    land_scenario : str, optional
        Which of their scenarios, such as ``S3``.
    emulator : str, optional
        Path of an `AllocationEmulator` that was saved, in place of learning one.
    inversions : tuple of str
        Files, patterns or folders of atmospheric inversions, to learn from beside towers;
        ``NAME=PATH`` names them.
    regions : tuple of str
        Masks of the regions, one for each grid; empty: `bands`, else those of TransCom.
    bands : tuple of float
        Edges of bands of latitude, as regions.
    subtract : mapping of str to str
        File by term that is taken out of the inversions, such as ``fire``.
    flux_definition, inversion_units, inversion_variable : str, optional
        What the inversions hold, and how they call and measure it, where they do not say.
    inversion_positive : {"up", "down"}, optional
        Their direction, where they do not say.
    format : {"zarr", "netcdf"}
        Of the results.
    overwrite, quiet : bool
        Replace `out`; leave progress and summary out.
    command : str
        As it was typed, for the report.

    Raises
    ------
    InputError
        For options that miss what they belong to.
    """

    out: Path
    towers: tuple[str, ...] = ()
    sites: tuple[str, ...] = ()
    tower_extra: tuple[str, ...] = ()
    units: Mapping[str, str] = field(default_factory=dict)
    drivers: tuple[str, ...] = ()
    co2: float | str | None = None
    names: Mapping[str, str] = field(default_factory=dict)
    product: Product | None = None
    derive: tuple[str, ...] = ()
    partitioning: Literal["NT", "DT"] = "NT"
    min_qc: float | None = 0.8
    refine: bool = True
    model: str | None = None
    learner: str = "blend"
    folds: int = 10
    allocate: bool = True
    land_models: tuple[str, ...] = ()
    land_scenario: str | None = None
    emulator: str | None = None
    inversions: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    bands: tuple[float, ...] = ()
    subtract: Mapping[str, str] = field(default_factory=dict)
    flux_definition: str | None = None
    inversion_units: str | None = None
    inversion_variable: str | None = None
    inversion_positive: Literal["up", "down"] | None = None
    format: Format = "zarr"
    overwrite: bool = False
    quiet: bool = False
    command: str = ""

    def __post_init__(self) -> None:
        if not self.towers and not self.drivers:
            raise InputError("nothing to run on: pass --towers, --drivers or both")
        of_towers = (
            ("--sites", self.sites), ("--tower-extra", self.tower_extra), ("--units", self.units),
        )  # fmt: skip
        for option, given in of_towers:
            if given and not self.towers:
                raise InputError(f"{option} belongs to tower records; pass --towers as well")
        if self.names and not self.drivers:
            raise InputError(
                "--names is for the variables of a grid; pass --drivers as well. Columns of tower "
                "tables are known by the names that `xflux.variables` lists"
            )
        if self.model is not None and not self.drivers:
            raise InputError("--model refines a grid; pass --drivers as well")
        if self.model is not None and not self.refine:
            raise InputError("--model and --no-refine exclude each other; leave one out")
        for option, value in (("--land-models", self.land_models), ("--emulator", self.emulator)):
            if value and not self.drivers:
                raise InputError(f"{option} allocates the carbon of a grid; pass --drivers as well")
            if value and not self.allocate:
                raise InputError(f"{option} and --no-allocate exclude each other; leave one out")
        if self.land_models and self.emulator is not None:
            raise InputError("--land-models and --emulator exclude each other; leave one out")
        if self.land_scenario is not None and not self.land_models:
            raise InputError("--land-scenario belongs to --land-models; pass these as well")
        self._check_inversions()
        if self.folds < 2:
            raise InputError(f"--folds {self.folds}: a validation takes two folds or more")
        if isinstance(self.co2, float) and not 100.0 <= self.co2 <= 5000.0:
            raise InputError(f"--co2 {self.co2:g} is no mole fraction in ppm; expected 100 to 5000")

    @property
    def named_inversions(self) -> list[tuple[str | None, str]]:
        """Name and path of each file of inversions; None where it is called after the file."""
        made: list[tuple[str | None, str]] = []
        for text in self.inversions:
            name, equals, path = text.partition("=")
            named = bool(equals and name and path) and not Path(text).expanduser().exists()
            made.append((name, path) if named else (None, text))
        return made

    def _check_inversions(self) -> None:
        if self.inversions and not (self.towers and self.drivers):
            raise InputError(
                "--inversions are learned from beside towers, by drivers of a grid; pass --towers "
                "and --drivers as well"
            )
        of_inversions = (
            ("--regions", self.regions), ("--bands", self.bands), ("--subtract", self.subtract),
            ("--flux-definition", self.flux_definition),
            ("--inversion-units", self.inversion_units),
            ("--inversion-variable", self.inversion_variable),
            ("--inversion-positive", self.inversion_positive),
        )  # fmt: skip
        for option, given in of_inversions:
            if given and not self.inversions:
                raise InputError(f"{option} belongs to --inversions; pass these as well")
        if self.regions and self.bands:
            raise InputError("--regions and --bands exclude each other; leave one out")

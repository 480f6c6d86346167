"""A bridge comes back from a file as it was, and from no other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sklearn.base import clone

from xflux.errors import FileFormatError, InputError
from xflux.regional.bridge import RegionalBridge


def test_parameters_are_those_of_an_estimator() -> None:
    bridge = RegionalBridge(r2=0.9, seed=4)
    assert clone(bridge).get_params() == bridge.get_params()


def test_a_saved_bridge_is_the_same(
    bridge: RegionalBridge, seen: xr.Dataset, tmp_path: Path
) -> None:
    path = bridge.save(tmp_path / "bridge.nc")
    assert [file.name for file in tmp_path.iterdir()] == ["bridge.nc"]
    loaded = RegionalBridge.load(path)
    assert loaded.get_params() == bridge.get_params()
    xr.testing.assert_equal(loaded.to_dataset(), bridge.to_dataset())
    assert loaded.to_dataset().attrs == bridge.to_dataset().attrs
    xr.testing.assert_identical(loaded.estimate(seen), bridge.estimate(seen))
    xr.testing.assert_equal(loaded.validate(seen), bridge.validate(seen))


@pytest.mark.filterwarnings("ignore:The data type")  # of names, in Zarr 3
@pytest.mark.parametrize("kind", ["netcdf", "zarr"])
def test_the_weights_survive_a_file(bridge: RegionalBridge, tmp_path: Path, kind: str) -> None:
    made = bridge.to_dataset()
    if kind == "netcdf":
        made.to_netcdf(tmp_path / "bridge")
        back = xr.load_dataset(tmp_path / "bridge")
    else:
        made.to_zarr(tmp_path / "bridge", consolidated=False)
        back = xr.open_zarr(tmp_path / "bridge", consolidated=False).load()
    xr.testing.assert_equal(back, made)
    assert back.attrs == made.attrs
    assert {name: back[name].attrs for name in back} == {name: made[name].attrs for name in made}


def test_what_is_no_bridge_is_refused(bridge: RegionalBridge, tmp_path: Path) -> None:
    path = bridge.save(tmp_path / "bridge.nc")
    with pytest.raises(FileFormatError, match="no file"):
        RegionalBridge.load(tmp_path / "other.nc")
    cut = tmp_path / "cut.nc"
    cut.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(FileFormatError, match="truncated, or no NetCDF"):
        RegionalBridge.load(cut)
    text = tmp_path / "text.nc"
    text.write_text("no bridge")
    with pytest.raises(FileFormatError, match="truncated, or no NetCDF"):
        RegionalBridge.load(text)
    xr.Dataset({"a": 1}).to_netcdf(tmp_path / "plain.nc")
    with pytest.raises(FileFormatError, match="holds no bridge"):
        RegionalBridge.load(tmp_path / "plain.nc")
    newer = xr.load_dataset(path).assign_attrs(schema=99)
    newer.to_netcdf(tmp_path / "newer.nc")
    with pytest.raises(FileFormatError, match="newer xflux"):
        RegionalBridge.load(tmp_path / "newer.nc")
    changes = {
        "lacks weight": lambda ds: ds.drop_vars("weight"),
        "off the grid": lambda ds: ds.assign(cell=ds.cell.where(ds.cell < 0, 10**6)),
        "do not agree": lambda ds: ds.assign(lat=ds.lat + 10.0),
        "are missing": lambda ds: ds.assign(weight=ds.weight * np.nan),
    }
    for match, change in changes.items():
        sound = xr.load_dataset(path)
        changed = change(sound).assign_attrs(sound.attrs)
        changed.to_netcdf(tmp_path / "changed.nc")
        with pytest.raises(FileFormatError, match=match):
            RegionalBridge.load(tmp_path / "changed.nc")
    with pytest.raises(InputError, match="make it first"):
        bridge.save(tmp_path / "nowhere" / "bridge.nc")

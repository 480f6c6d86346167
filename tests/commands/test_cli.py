"""The command line: what it accepts, how it fails, what it leaves behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import xflux
from xflux.cli import main


@pytest.fixture
def captured(monkeypatch):
    """Take the request in place of running it."""
    requests = []

    def take(request):
        requests.append(request)
        return "done"

    monkeypatch.setattr("xflux.commands.run.run", take)
    return requests


def test_options_become_a_request(captured, capsys):
    arguments = (
        "run --towers a b --towers c --tower-extra e --sites s --units x=degC --partitioning DT "
        "--min-qc none --drivers g --names ta=t2m vpd=v --co2 412.5 --derive rnet --out o "
        "--format netcdf --overwrite"
    )
    assert main(arguments.split()) == 0
    (request,) = captured
    assert request.towers == ("a", "b", "c")
    assert (request.tower_extra, request.sites, request.units) == (("e",), ("s",), {"x": "degC"})
    assert (request.partitioning, request.min_qc) == ("DT", None)
    assert (request.drivers, request.names) == (("g",), {"ta": "t2m", "vpd": "v"})
    assert (request.co2, request.derive, request.out) == (412.5, ("rnet",), Path("o"))
    assert (request.format, request.overwrite, request.quiet) == ("netcdf", True, False)
    assert request.command == "xflux " + arguments
    assert capsys.readouterr().out == "done\n"


def test_towers_are_filtered_by_quality_unless_told(captured):
    main(["run", "--towers", "a", "--out", "o"])
    assert captured[0].min_qc == 0.8


def test_the_grid_is_refined_unless_told(captured):
    main(["run", "--towers", "a", "--out", "o"])
    main(["run", "--towers", "a", "--out", "o", "--no-refine"])
    main(["run", "--towers", "a", "--out", "o", "--learner", "xgboost", "--folds", "5"])
    main(["run", "--drivers", "g", "--out", "o", "--model", "m.safetensors"])
    assert [request.refine for request in captured] == [True, False, True, True]
    assert [request.learner for request in captured] == ["blend", "blend", "xgboost", "blend"]
    assert [request.folds for request in captured] == [10, 10, 5, 10]
    assert captured[3].model == "m.safetensors"


def test_carbon_is_divided_unless_told(captured):
    main(["run", "--drivers", "g", "--out", "o"])
    main(["run", "--drivers", "g", "--out", "o", "--no-allocate"])
    main(
        ["run", "--drivers", "g", "--out", "o", "--land-models", "t", "u", "--land-scenario", "S3"]
    )
    main(["run", "--drivers", "g", "--out", "o", "--emulator", "e.safetensors"])
    assert [request.allocate for request in captured] == [True, False, True, True]
    assert captured[2].land_models == ("t", "u")
    assert captured[2].land_scenario == "S3"
    assert captured[3].emulator == "e.safetensors"


def test_inversions_are_learned_from_on_request(captured):
    required = ["run", "--towers", "t", "--drivers", "g", "--out", "o"]
    options = (
        "--inversions a b --inversions c --subtract fire=f lateral=l --bands -90 -23.5 90 "
        "--flux-definition nee+fire --inversion-units PgC --inversion-positive down "
        "--inversion-variable flux"
    )
    main([*required, *options.split()])
    (request,) = captured
    assert request.inversions == ("a", "b", "c")
    assert request.subtract == {"fire": "f", "lateral": "l"}
    assert request.bands == (-90.0, -23.5, 90.0)
    assert (request.flux_definition, request.inversion_units) == ("nee+fire", "PgC")
    assert (request.inversion_positive, request.inversion_variable) == ("down", "flux")
    main([*required, "--inversions", "a", "--regions", "m", "n"])
    assert captured[1].regions == ("m", "n")
    assert captured[1].bands == ()


def test_co2_may_be_a_file(captured):
    main(["run", "--towers", "a", "--co2", "co2_mm_mlo.csv", "--out", "o"])
    assert captured[0].co2 == "co2_mm_mlo.csv"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("run --drivers g", "--out"),
        ("run --drivers g --out o --names t2m", "ta=t2m"),
        ("run --towers t --out o --min-qc 1.5", "0 to 1"),
        ("run --towers t --out o --format tiff", "zarr"),
        ("", "COMMAND"),
    ],
)
def test_wrong_usage_exits_with_2(arguments, said, capsys):
    with pytest.raises(SystemExit) as exit:
        main(arguments.split())
    assert exit.value.code == 2
    assert said in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("--out {out}", "--towers"),
        ("--drivers {absent} --out {out}", "absent"),
        ("--drivers {absent} --sites s --out {out}", "--sites belongs to tower records"),
        ("--towers {absent} --names ta=t --out {out}", "--names is for the variables of a grid"),
        ("--drivers {absent} --co2 4 --out {out}", "100 to 5000"),
        ("--drivers {absent} --co2 400ppm --out {out}", "neither a number in ppm nor a file"),
    ],
)
def test_a_wrong_input_is_one_message_and_2(arguments, said, tmp_path, capsys):
    places = {"out": tmp_path / "out", "absent": tmp_path / "absent.nc"}
    assert main(["run", *arguments.format(**places).split()]) == 2
    err = capsys.readouterr().err
    assert "xflux: error: " in err
    assert said in err
    assert "Traceback" not in err
    assert list(tmp_path.iterdir()) == []


def test_an_existing_folder_is_kept(grid_file, tmp_path, capsys):
    drivers, out = grid_file(), tmp_path / "out"
    out.mkdir()
    (out / "mine.txt").write_text("mine")
    assert main(["run", "--drivers", str(drivers), "--co2", "400", "--out", str(out)]) == 2
    assert "--overwrite" in capsys.readouterr().err
    assert [path.name for path in out.iterdir()] == ["mine.txt"]


def test_a_fault_of_ours_is_not_hidden(monkeypatch):
    def fail(request):
        raise ZeroDivisionError

    monkeypatch.setattr("xflux.commands.run.run", fail)
    with pytest.raises(ZeroDivisionError):
        main(["run", "--towers", "t", "--out", "o"])


def test_an_interrupted_run_leaves_nothing_and_exits_with_130(
    grid_file, tmp_path, monkeypatch, capsys
):
    drivers = grid_file()

    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    # By then the results are written and the figures under way.
    monkeypatch.setattr("xflux.commands.run.draw_grid", interrupt)
    assert (
        main(["run", "--drivers", str(drivers), "--co2", "400", "--out", str(tmp_path / "o")])
        == 130
    )
    assert "interrupted" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == [drivers]


def test_a_terminated_process_leaves_nothing(grid_file, tmp_path):
    drivers = grid_file()
    script = textwrap.dedent("""
        import sys, time
        import numpy as np
        import xflux.baselines.respiration
        from xflux.cli import main

        class Slow:
            inputs, outputs = ("ta",), ("reco",)
            def __call__(self, ta):
                print("computing", flush=True)
                time.sleep(2)
                return np.asarray(ta)

        xflux.baselines.respiration.Q10Respiration = Slow
        sys.exit(main(sys.argv[1:]))
    """)
    arguments = ["run", "--drivers", str(drivers), "--co2", "400", "--out", str(tmp_path / "out")]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.readline() == "computing\n"
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert list(tmp_path.iterdir()) == [drivers]


def test_quiet_says_nothing(grid_file, tmp_path, capsys):
    arguments = ["--drivers", str(grid_file()), "--co2", "400", "--out", str(tmp_path / "o")]
    assert main(["run", *arguments, "--quiet"]) == 0
    assert capsys.readouterr() == ("", "")


def test_without_a_terminal_there_is_no_bar(grid_file, tmp_path, capsys):
    arguments = ["--drivers", str(grid_file()), "--co2", "400", "--out", str(tmp_path / "o")]
    assert main(["run", *arguments]) == 0
    out, err = capsys.readouterr()
    assert "writing grid_baseline.zarr" in err
    assert "\r" not in err
    assert str(tmp_path / "o" / "report.md") in out


def test_the_version_is_that_of_the_package(capsys):
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert xflux.__version__ in capsys.readouterr().out

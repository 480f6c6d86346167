"""A bar stands on a terminal alone, where tqdm is installed."""

from __future__ import annotations

import sys

import pytest

import xflux
from xflux.progress_bar import progress_bar


def on_a_terminal(monkeypatch):
    pytest.importorskip("tqdm")
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)


def work(**options):
    with progress_bar(3, label="working", unit="part", **options) as tell:
        for _ in range(3):
            assert tell() is None


def test_nothing_is_shown_where_no_one_looks(capsys):
    work()
    assert capsys.readouterr() == ("", "")


def test_a_bar_is_shown_on_a_terminal_and_on_request_alone(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    work(start=1)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "working" in shown.err
    assert "3/3" not in shown.err.split("\r")[1]
    work(show=False)
    monkeypatch.setitem(sys.modules, "tqdm", None)
    work()
    assert capsys.readouterr() == ("", "")


def test_fitting_and_validating_show_one(capsys, monkeypatch):
    on_a_terminal(monkeypatch)
    drivers, observed = xflux.twin.Earth(resolution=30.0, start="2001", end="2003").towers(n=10)
    model = xflux.ResidualModel("kernel", fluxes=("le",), members=2, rows=0.5)
    model.fit(drivers, observed)
    assert "fitting" in capsys.readouterr().err
    model.cross_validate(drivers, observed, splitter=2)
    shown = capsys.readouterr().err
    assert "validating" in shown
    assert "fitting" not in shown
    model.fit(drivers, observed, progress=False)
    model.cross_validate(drivers, observed, splitter=2, progress=False)
    assert capsys.readouterr().err == ""

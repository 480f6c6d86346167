"""The benchmarks can be run, and peers compute the same; how fast they are is no test."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tables import Table, number

FOLDER = Path(__file__).resolve().parent


def command(*arguments):
    done = subprocess.run(
        [sys.executable, str(FOLDER), *arguments], capture_output=True, text=True, check=True
    )
    return done.stdout


def test_every_benchmark_is_listed_with_what_it_is_for():
    lines = command("--list").splitlines()
    assert [line.split()[0] for line in lines] == sorted(p.stem for p in FOLDER.glob("bench_*.py"))
    assert all(len(line.split()) > 3 for line in lines)


def test_one_benchmark_writes_its_page(tmp_path):
    page = tmp_path / "page.md"
    printed = command("--only", "bench_graph", "--quick", "--page", str(page))
    text = page.read_text()
    assert "tasks a chunk" in printed
    for part in ("# Benchmarks", "Python 3", "--only bench_graph", "## Graphs", "| four fluxes |"):
        assert part in text


def test_the_graph_of_the_four_fluxes_has_at_most_twelve_tasks_a_chunk():
    import bench_graph

    import xflux

    ds = bench_graph.grid(100)
    tasks = len(xflux.baseline(ds).__dask_graph__()) - len(ds.__dask_graph__())
    assert tasks <= 12 * 100


def test_peers_compute_what_the_kernel_computes():
    pytest.importorskip("pyrealm")
    import peers

    assert "NumPy within" in peers.agreement()


def test_moving_memory_reads_and_writes_everything():
    import peers

    inputs, outputs = [np.full(40_000, 3.0), np.full(40_000, 7.0)], [np.zeros(40_000)]
    peers.move(inputs, outputs, size=16384)
    np.testing.assert_array_equal(outputs[0], 7.0)


@pytest.mark.parametrize(
    ("value", "text"), [(0.0123456, "0.012"), (1.5, "1.50"), (123.4, "123"), (12345.6, "12,346")]
)
def test_numbers_have_three_digits(value, text):
    assert number(value) == text


def test_a_row_that_does_not_fit_is_refused():
    with pytest.raises(ValueError, match="does not fit"):
        Table("t", ("a", "b"), (("1",),), "")

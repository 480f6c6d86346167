"""Sphinx configuration, and the pages that are written from the code itself."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import sphinx_autosummary_accessors

import xflux
from xflux.baselines.evapotranspiration import DEVIATIONS
from xflux.carbon.literature import literature_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sphinx.application import Sphinx

project = "xflux"
author = "The xflux developers"
copyright = "2026, the xflux developers"
version = release = xflux.__version__

extensions = [
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.mathjax",
    "numpydoc",
    "myst_parser",
    "sphinx_autosummary_accessors",
    "sphinx_gallery.gen_gallery",
]
sphinx_gallery_conf = {
    "examples_dirs": "gallery",
    "gallery_dirs": "generated/gallery",
    "filename_pattern": r"/plot_",
    "within_subsection_order": "FileNameSortKey",
    "capture_repr": ("_repr_html_", "__repr__"),
    "ignore_repr_types": r"matplotlib|numpy.ndarray|xarray.plot",
    "abort_on_example_error": True,
    "show_memory": False,
    "write_computation_times": False,
    "show_signature": False,
    "download_all_examples": False,
    "remove_config_comments": True,
}
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
templates_path = ["_templates", sphinx_autosummary_accessors.templates_path]
exclude_patterns = ["_build", "_templates", "generated/tables", "gallery"]
html_theme = "furo"
html_title = "xflux"


def setup(app: Sphinx) -> None:
    """Write the tables that pages include, before anything is read."""
    app.connect("builder-inited", _write_tables)


def _write_tables(app: Sphinx) -> None:
    folder = Path(app.srcdir) / "generated" / "tables"
    folder.mkdir(parents=True, exist_ok=True)
    rows = xflux.variables.values()
    measured = _table(
        ("name", "what it is", "units", "valid range", "CMIP"),
        (
            (
                _code(row.name),
                row.long_name,
                row.units,
                "codes" if row.classes else f"{row.valid_min:g} to {row.valid_max:g}",
                _code(row.cmip),
            )
            for row in rows
        ),
    )
    found = _table(
        ("name", "standard_name", "aliases, in order"),
        (
            (
                _code(row.name),
                " ".join(map(_code, (row.standard_name, *row.other_standard_names))),
                " ".join(map(_code, row.aliases)),
            )
            for row in rows
        ),
    )
    deviations = _table(
        ("name", "what JPL's code does"),
        ((_code(name), said) for name, said in DEVIATIONS.items()),
    )
    pages = {
        "measured": measured,
        "found": found,
        "deviations": deviations,
        "literature": literature_table() + "\n",
    }
    for name, text in pages.items():
        (folder / f"{name}.md").write_text(text, encoding="utf-8")


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def _code(text: str) -> str:
    return f"`{text}`" if text else ""

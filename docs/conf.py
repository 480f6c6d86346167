"""Sphinx configuration."""

from __future__ import annotations

import sphinx_autosummary_accessors

import xflux

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
]
myst_enable_extensions = ["dollarmath", "colon_fence", "deflist"]
autosummary_generate = True
autodoc_typehints = "none"
numpydoc_show_class_members = False
templates_path = [sphinx_autosummary_accessors.templates_path]
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "xflux"

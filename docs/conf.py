"""Sphinx configuration; `make docs` builds the pages, reading them on a code host works as well."""

project = "spikeproof"
copyright = "The spikeproof authors"
extensions = ["myst_parser", "sphinx.ext.mathjax"]
myst_enable_extensions = ["dollarmath", "deflist"]
myst_heading_anchors = 4
html_theme = "furo"
html_title = "spikeproof"
exclude_patterns = ["_build"]
# Pages link to files of the repository, which are not pages.
suppress_warnings = ["myst.xref_missing"]

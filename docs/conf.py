"""Sphinx configuration; `make docs` builds the pages, reading them on a code host works as well."""

import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE / "_ext"))

project = "spikeproof"
copyright = "The spikeproof authors"
# Those after myst_parser lie in _ext; mathml writes equations without a script or a CDN.
extensions = ["myst_parser", "sections", "reference", "prose", "mathml"]
myst_enable_extensions = ["dollarmath", "deflist", "colon_fence"]
myst_heading_anchors = 4
html_math_renderer = "mathml"
html_theme = "furo"
html_title = "spikeproof"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_copy_source = False
html_show_sphinx = False
html_theme_options = {
    "light_css_variables": {"color-brand-primary": "#0b5c8a", "color-brand-content": "#0b5c8a"},
    "dark_css_variables": {"color-brand-primary": "#6cb8e6", "color-brand-content": "#6cb8e6"},
}
autodoc_typehints = "description"
autodoc_typehints_description_target = "documented"
autodoc_member_order = "bysource"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 80
python_display_short_literal_types = True
toc_object_entries_show_parents = "hide"
add_module_names = False
exclude_patterns = ["_build", "_ext"]
# Links to files of the repository; docs/_ext/prose.py places them, scripts/check_site.py looks.
suppress_warnings = ["myst.xref_missing"]

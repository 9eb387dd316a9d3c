"""The configuration of the site, for Sphinx; `npconv site --out DIR` builds it. npconv.site.extension does the rest."""

from importlib.util import find_spec

from npconv.site.api import source_address as linkcode_resolve  # noqa: F401
from npconv.site.extension import SCHEMES

project = "npconv"
author = "The npconv developers"
extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
    "sphinx.ext.linkcode",
    "npconv.site.extension",
]
autodoc_mock_imports = [name for name in ("hypothesis",) if find_spec(name) is None]
autodoc_inherit_docstrings = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True
autodoc_typehints_format = "short"
autosummary_generate = False
napoleon_use_param = False
napoleon_custom_sections = [("Attributes", "params_style"), ("Raises", "params_style")]
myst_enable_extensions = ["dollarmath"]
myst_url_schemes = dict.fromkeys(("http", "https", *SCHEMES))
myst_heading_anchors = 4
html_math_renderer = "mathml"
toc_object_entries_show_parents = "hide"
smartquotes = False
html_copy_source = False
python_maximum_signature_line_length = 120
html_theme = "furo"
html_show_copyright = False
html_use_index = False
html_title = "npconv"
html_static_path = ["../npconv/site/static"]
html_css_files = ["site.css"]

"""The configuration of the site, for Sphinx; `npconv site --out DIR` builds it. npconv.site.extension does the rest."""

from npconv.site.extension import SCHEMES, source_address as linkcode_resolve  # noqa: F401

project = "npconv"
author = "The npconv developers"
extensions = ["myst_parser", "sphinx.ext.linkcode", "npconv.site.extension"]
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_url_schemes = dict.fromkeys(("http", "https", *SCHEMES))
myst_heading_anchors = 4
html_math_renderer = "mathml"
toc_object_entries_show_parents = "hide"
smartquotes = False
html_copy_source = False
python_maximum_signature_line_length = 88
html_theme = "furo"
html_show_copyright = False
html_use_index = False
html_title = "npconv"
html_static_path = ["../npconv/site/static"]
html_css_files = ["site.css"]

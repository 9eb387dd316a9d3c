"""The configuration of the site, for Sphinx; `npconv site --out DIR` builds it. npconv.site.extension does the rest."""

project = "npconv"
author = "The npconv developers"
extensions = ["myst_parser", "npconv.site.extension"]
myst_enable_extensions = ["dollarmath"]
myst_url_schemes = {"http": None, "https": None, "mailto": None, "repository": None}
myst_heading_anchors = 4
html_theme = "furo"
html_title = "npconv"
html_static_path = ["../npconv/site/static"]
html_css_files = ["site.css"]

"""The site: the docs as pages of HTML, with the steppers, the notebooks and a reference of all public names.

It is built by Sphinx in a clone, from the Markdown that is there: `build` puts the pages together, `extension` has all
that Sphinx has to be told. The extra `docs` installs Sphinx and its parts.
"""

from .build import build_site

__all__ = ["build_site"]

"""The Sphinx extension behind docs/conf.py: all that the Markdown leaves to the site."""

from typing import Any


def setup(app: Any) -> dict[str, Any]:
    """Connect the site's parts with Sphinx, which calls this."""
    return {"parallel_read_safe": True, "parallel_write_safe": True}

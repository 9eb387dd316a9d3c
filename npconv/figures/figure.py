"""What a builder returns, and the style it draws in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib.figure
import matplotlib.style

STYLE = Path(__file__).with_name("npconv.mplstyle")


@dataclass(frozen=True)
class Figure:
    """A figure with the numbers that it shows and the words that stand for it.

    `figure` was made without pyplot, so nothing keeps it alive but its holder. `data` are the numbers that were drawn,
    as plain JSON. `alt` says what is to be seen to who can't see it. `format` is "svg" for a diagram, "png" for
    photographs and heat maps.
    """

    name: str
    figure: matplotlib.figure.Figure
    data: dict[str, Any]
    alt: str
    caption: str
    format: Literal["svg", "png"] = "svg"


@contextmanager
def style() -> Iterator[None]:
    """npconv's style on matplotlib's defaults while the block runs; afterwards the caller's rcParams are back.

    >>> import matplotlib
    >>> before = matplotlib.rcParams["font.size"]
    >>> with style():
    ...     matplotlib.rcParams["font.size"]
    9.0
    >>> matplotlib.rcParams["font.size"] == before
    True
    """
    with matplotlib.style.context(["default", STYLE]):
        yield


def four_part_caption(*, claim: str, computed: str, scale: str, not_shown: str) -> str:
    """A caption: what the figure claims, how its numbers were computed, its scale, and what it does not show.

    >>> four_part_caption(claim="A.", computed="B.", scale="C.", not_shown="D.")
    'A. B. C. D.'
    """
    return f"{claim} {computed} {scale} {not_shown}"

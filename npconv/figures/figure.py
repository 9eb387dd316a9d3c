"""The figure that a builder returns, its style, its caption, and the errors of drawing."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import matplotlib.figure
import matplotlib.style

from ..kernels.geometry import Array
from ..text import filled
from .parts.drawing import TooLargeError

STYLE = Path(__file__).with_name("npconv.mplstyle")


@dataclass(frozen=True)
class Figure:
    """A figure, the numbers that it shows, and its texts.

    `figure` was made without pyplot, so nothing keeps it alive but its holder. `data` are the numbers that were drawn,
    as plain JSON. `alt` describes the picture for readers who cannot see it. `format` is "svg" for a diagram, "png" for
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


@contextmanager
def drawn_by(function: str, **arrays: Array | Sequence[int] | None) -> Iterator[None]:
    """`style` for a builder; where its arrays turn out too large to draw, the error names it and their shapes.

    >>> from npconv.figures.parts.drawing import TooLargeError
    >>> with drawn_by("builder", x=np.zeros((1, 2, 3, 1))):
    ...     raise TooLargeError("too wide to draw")
    Traceback (most recent call last):
    ValueError: builder: too wide to draw; got x (1, 2, 3, 1)
    """
    try:
        with style():
            yield
    except TooLargeError as error:
        shapes = {name: getattr(a, "shape", a) for name, a in arrays.items() if a is not None}
        raise ValueError(
            f"{function}: {error}; got " + ", ".join(f"{n} {tuple(s)}" for n, s in shapes.items())
        ) from error


def four_part_caption(
    *, claim: str, computed: str, scale: str | Sequence[str], not_shown: str | Sequence[str], **values: Any
) -> str:
    """A caption: what the figure claims, how its numbers were computed, its scale, and what it does not show.

    The last two may be clauses, which become one sentence; empty ones are dropped. Where `values` are given, the parts
    are templates that `npconv.text.filled` fills with them.

    >>> four_part_caption(claim="{n:Filter}.", computed="B.", scale=["C", "", "D"], not_shown=["{rest}"], n=2, rest="e")
    '2 Filters. B. C; D. Not shown: e.'
    """
    if not isinstance(scale, str):
        scale = "; ".join(filter(None, scale)) + "."
    if not isinstance(not_shown, str):
        not_shown = "Not shown: " + "; ".join(filter(None, not_shown)) + "."
    parts = f"{claim} {computed} {scale} {not_shown}"
    return filled(parts, **values) if values else parts

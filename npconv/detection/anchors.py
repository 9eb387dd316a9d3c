"""Default boxes: the anchors that SSD lays over its maps, a few in each cell."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal

import numpy as np

from ..kernels.arguments import assign, boolean, integer, one_of, pair, real, real_dtype, shown
from ..kernels.geometry import Array, Pair

Cells = tuple[tuple[tuple[float, float], ...], ...]


@dataclass(frozen=True)
class DefaultBoxes:
    """A specification of default boxes: the boxes of a cell, for each map.

    Args:
        cells: for each map a tuple of (scale, ratio) pairs, one for each box of a cell. A box of scale s and ratio r
            (width over height) has the height s / √r and the width s · √r, as shares of the image.
        relative_to: "shorter", heights and widths are shares of the image's shorter side, as TensorFlow has it; "each",
            heights are shares of its height and widths of its width, as torchvision has it.
        clip_sizes: True cuts heights and widths (not the corners) at the image's.

    Raises TypeError where cells are not such tuples, ValueError where they are empty, or a number is not above 0.

    >>> DefaultBoxes((((0.18, 0.6), (0.24, 0.6)), ((0.30, 0.6), (0.38, 0.6)))).boxes_per_cell
    (2, 2)
    """

    cells: Cells
    relative_to: Literal["shorter", "each"] = "shorter"
    clip_sizes: bool = False

    def __post_init__(self) -> None:
        one_of("DefaultBoxes", "relative_to", self.relative_to, ("shorter", "each"))
        boolean("DefaultBoxes", "clip_sizes", self.clip_sizes)
        assign(self, cells=_checked_cells(self.cells), clip_sizes=bool(self.clip_sizes))

    @property
    def boxes_per_cell(self) -> tuple[int, ...]:
        """The number of boxes in a cell of each map."""
        return tuple(map(len, self.cells))


def _checked_cells(cells: Any) -> Cells:
    """The pairs of each map, as tuples of floats."""
    wanted = "DefaultBoxes: cells must be a tuple of (scale, ratio) pairs for each map"
    sequences = (tuple, list)
    if not isinstance(cells, sequences) or not all(
        isinstance(one, sequences) and all(isinstance(box, sequences) for box in one) for one in cells
    ):
        raise TypeError(f"{wanted}; got {shown(cells)}")
    if not cells or not all(cells) or not all(len(box) == 2 for one in cells for box in one):
        raise ValueError(f"{wanted}; got {shown(cells)}")
    checked = [[[real("DefaultBoxes", "cells", number, above=0) for number in box] for box in one] for one in cells]
    return tuple(tuple((scale, ratio) for scale, ratio in one) for one in checked)


def tensorflow_boxes(
    maps: int = 6,
    *,
    smallest: float = 0.2,
    largest: float = 0.95,
    ratios: Sequence[float] = (1, 2, 0.5, 3, 0.3333),
    three_in_first: bool = True,
) -> DefaultBoxes:
    """The default boxes of TensorFlow's SSDLite configuration.

    The scales rise evenly from `smallest` to `largest`, and 1 follows the last. A cell has one box of its map's scale
    for each ratio (width over height; the configuration's .3333, not a third), and one of ratio 1 with the geometric
    mean of this scale and the next. With `three_in_first` the first map has three: scale .1 and ratio 1, and its own
    scale with ratios 2 and .5. Sizes are shares of the image's shorter side, and nothing is clipped.

    >>> tensorflow_boxes().boxes_per_cell
    (3, 6, 6, 6, 6, 6)
    """
    scales = _scales("tensorflow_boxes", maps, smallest, largest)
    boolean("tensorflow_boxes", "three_in_first", three_in_first)
    checked = _ratios("tensorflow_boxes", ratios)
    cells = [
        (*((scale, ratio) for ratio in checked), (math.sqrt(scale * following), 1.0))
        for scale, following in pairwise(scales)
    ]
    if three_in_first:
        cells[0] = ((0.1, 1.0), (scales[0], 2.0), (scales[0], 0.5))
    return DefaultBoxes(tuple(cells), "shorter")


def torchvision_boxes(
    maps: int = 6, *, smallest: float = 0.2, largest: float = 0.95, ratios: Sequence[float] = (2, 3)
) -> DefaultBoxes:
    """The default boxes of torchvision's ssdlite320_mobilenet_v3_large.

    The scales rise evenly from `smallest` to `largest`, and 1 follows the last. A cell has a box of its map's scale and
    ratio 1, one with the geometric mean of this scale and the next, and for each ratio a wide box and a high one.
    Heights are shares of the image's height, widths of its width, and both are clipped to the image's.

    >>> torchvision_boxes().boxes_per_cell
    (6, 6, 6, 6, 6, 6)
    """
    scales = _scales("torchvision_boxes", maps, smallest, largest)
    both = [each for ratio in _ratios("torchvision_boxes", ratios) for each in (ratio, 1 / ratio)]
    cells = tuple(
        ((scale, 1.0), (math.sqrt(scale * following), 1.0), *((scale, ratio) for ratio in both))
        for scale, following in pairwise(scales)
    )
    return DefaultBoxes(cells, "each", clip_sizes=True)


def _scales(function: str, maps: int, smallest: float, largest: float) -> list[float]:
    """The scale of each map, evenly from the smallest to the largest, and 1 behind them."""
    maps = integer(function, "maps", maps, most=1000)
    smallest = real(function, "smallest", smallest, above=0)
    largest = real(function, "largest", largest, least=smallest)
    return [*(smallest + (largest - smallest) * number / max(maps - 1, 1) for number in range(maps)), 1.0]


def _ratios(function: str, ratios: Any) -> list[float]:
    """Ratios of width over height, above 0."""
    if not isinstance(ratios, tuple | list):
        raise TypeError(f"{function}: ratios must be a tuple of numbers; got {shown(ratios)}")
    return [real(function, "ratios", ratio, above=0) for ratio in ratios]


SPECIFICATIONS = {"tensorflow": tensorflow_boxes, "torchvision": torchvision_boxes}


def default_boxes(
    specification: str | DefaultBoxes,
    map_sizes: Sequence[Pair],
    image_size: Pair,
    *,
    dtype: Any = np.float64,
) -> Array:
    """All default boxes of an image: those of each cell, centred on it, for each map.

    Args:
        specification: "tensorflow", "torchvision" or a `DefaultBoxes`. By name there are as many maps as map_sizes.
        map_sizes: (height, width) of each map, or an int for a square one.
        image_size: (height, width) in pixels, or an int for both.
        dtype: of the result, real floats.

    Returns:
        (A, 4), boxes (top, left, bottom, right) in pixels, by map, row, column, and the boxes of a cell, which change
        fastest. They may reach outside the image.

    Raises:
        TypeError: an argument of the wrong kind.
        ValueError: another name, or not one map size for each map of the specification.

    >>> len(default_boxes("tensorflow", (20, 10, 5, 3, 2, 1), 320))
    2034
    >>> default_boxes(DefaultBoxes((((0.5, 1), (0.5, 4)),)), [(1, 2)], (8, 16))
    array([[ 2.,  2.,  6.,  6.],
           [ 3.,  0.,  5.,  8.],
           [ 2., 10.,  6., 14.],
           [ 3.,  8.,  5., 16.]])
    """
    real_dtype("default_boxes", dtype)
    height, width = pair("default_boxes", "image_size", image_size)
    if not isinstance(map_sizes, tuple | list) or not map_sizes:
        raise TypeError(f"default_boxes: map_sizes must be a size (height, width) for each map; got {shown(map_sizes)}")
    sizes = [pair("default_boxes", "map_sizes", size) for size in map_sizes]
    if not isinstance(specification, DefaultBoxes):
        specification = SPECIFICATIONS[one_of("default_boxes", "specification", specification, SPECIFICATIONS)](
            len(sizes)
        )
    if len(specification.cells) != len(sizes):
        raise ValueError(
            f"default_boxes: map_sizes must have one size for each of the specification's {len(specification.cells)} "
            f"maps; got {shown(map_sizes)}"
        )
    image = np.array([height, width], np.float64)
    unit = image if specification.relative_to == "each" else np.full(2, image.min())
    found = []
    for (rows, columns), cell in zip(sizes, specification.cells, strict=True):
        sides = np.array([(s / math.sqrt(r), s * math.sqrt(r)) for s, r in cell]) * unit  # (K, 2)
        if specification.clip_sizes:
            sides = np.minimum(sides, image)
        centres = np.empty((rows, columns, 1, 2))
        centres[..., 0] = (np.arange(0.5, rows) * height / rows)[:, None, None]
        centres[..., 1] = (np.arange(0.5, columns) * width / columns)[None, :, None]
        found.append(np.concatenate([centres - sides / 2, centres + sides / 2], axis=-1).reshape(-1, 4))
    return np.concatenate(found).astype(dtype, copy=False)

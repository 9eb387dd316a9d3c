"""One convolution as the figures draw it: its arrays, what the kernels make of them, and the value worked out."""

from dataclasses import dataclass, replace

import numpy as np

from ...kernels import arguments
from ...kernels.geometry import Array, Geometry, Padding, Pair
from ...kernels.signatures import STANDARD
from ...kernels.standard import conv2d, per_channel_maps
from ...text import number_text
from .drawing import MOST_ROWS, Volume, text_width
from .values import Given, are_whole, array_from, place_from, sum_text


@dataclass(frozen=True)
class StandardLayer:
    """One image, its filters, and what the kernels make of them; `row`, `column`: the place of the worked value."""

    x: Array  # (1, Dᵤ, Dᵤ, M)
    kernel: Array  # (Dᵣ, Dᵣ, M, N)
    y: Array  # (1, Dᵥ, Dᵥ, N)
    maps: Array  # (1, Dᵥ, Dᵥ, M), those of the filter n
    geometry: Geometry
    row: int
    column: int
    n: int = 0

    @property
    def places(self) -> list[tuple[int, int]]:
        """The (row, column) of every output value, in reading order."""
        _, rows, columns = self.geometry.output
        return [(row, column) for row in range(rows) for column in range(columns)]

    def moved(self, row: int, column: int) -> "StandardLayer":
        """The same layer with another value worked out."""
        return replace(self, row=row, column=column)

    @property
    def padded(self) -> Array:
        """The padded input, (Dᵤ + padding, Dᵤ + padding, M)."""
        padded: Array = self.geometry.pad(self.x)[0]
        return padded

    @property
    def input_volume(self) -> Volume:
        """The padded input's volume."""
        height, width = self.geometry.height, self.geometry.width
        padding = ((height.before, height.after), (width.before, width.after))
        _, rows, columns, channels = self.x.shape
        return Volume(rows, columns, channels, padding)

    @property
    def output_volume(self) -> Volume:
        """The output's volume."""
        _, rows, columns, channels = self.y.shape
        return Volume(rows, columns, channels)

    @property
    def patch_rows(self) -> list[int]:
        """The rows of the padded input that the worked value reads."""
        return self.geometry.row[self.row]

    @property
    def patch_columns(self) -> list[int]:
        """The columns of the padded input that the worked value reads."""
        return self.geometry.column[self.column]

    @property
    def patch(self) -> Array:
        """The patch that the worked value reads, (Dᵣ, Dᵣ, M)."""
        return self.padded[np.ix_(self.patch_rows, self.patch_columns)]

    @property
    def filter(self) -> Array:
        """The filter n, (Dᵣ, Dᵣ, M)."""
        filter: Array = self.kernel[..., self.n]
        return filter

    @property
    def products(self) -> Array:
        """The patch times the filter, number by number, (Dᵣ, Dᵣ, M)."""
        products: Array = self.patch * self.filter
        return products

    @property
    def sums(self) -> Array:
        """The worked value's summands, one for each channel, (M,)."""
        sums: Array = self.maps[0, self.row, self.column]
        return sums

    @property
    def value_name(self) -> str:
        """The worked value as code names it."""
        return f"y[0, {self.row}, {self.column}, {self.n}]"

    @property
    def value(self) -> str:
        """The worked value's text."""
        return number_text(self.y[0, self.row, self.column, self.n])

    @property
    def equation(self) -> str:
        """The worked value as the sum of its summands, written out where the line has room for them."""
        terms = sum_text(self.sums.tolist())
        if text_width(terms) > 6.5:
            terms = f"{len(self.sums)} sums added up"
        return " = ".join([self.value_name, *([terms] if len(self.sums) > 1 else []), self.value])

    @property
    def rounded(self) -> bool:
        """True where the drawn numbers are rounded."""
        return not are_whole(self.x, self.kernel, self.y)


def layer_from(
    function: str,
    x: Given,
    kernel: Given,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    at: tuple[int, int] | None,
    seed: int,
    n: int = 0,
) -> StandardLayer:
    """The layer that a figure draws, from arrays or shapes; raises as the kernels do, and where it can't be drawn."""
    generator = arguments.generator(function, seed)
    x, kernel = array_from(function, "x", x, generator, 3), array_from(function, "kernel", kernel, generator, 1)
    geometry = STANDARD.check(function, x, kernel).geometry(stride, padding, dilation)
    if geometry.batch != 1:
        raise ValueError(f"{function}: x must be one image to draw, B = 1; got x {x.shape}, kernel {kernel.shape}")
    sides = [side for axis in (geometry.height, geometry.width) for side in (axis.padded, axis.span, axis.output)]
    if max(sides) > MOST_ROWS:
        raise ValueError(
            f"{function}: {max(sides)} rows or columns can't be drawn, {MOST_ROWS} can, padding included; "
            f"got x {x.shape}, kernel {kernel.shape}, padding {padding!r}"
        )
    n = arguments.integer(function, "n", n, 0, kernel.shape[-1] - 1)
    row, column = place_from(function, at, *geometry.output[1:])
    return StandardLayer(
        x,
        kernel,
        conv2d(x, kernel, stride=stride, padding=padding, dilation=dilation),
        per_channel_maps(x, kernel[..., n], stride=stride, padding=padding, dilation=dilation),
        geometry,
        row,
        column,
        n,
    )

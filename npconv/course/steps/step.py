"""The parts of a stepper: panels, which are arrays, and steps, which read some of their entries and write others.

A panel's array is an argument or a result of a kernel without its batch axis, as there is one image; so an entry's
index is the kernel's without its first number. A padded input is shown with its padding: its entries are indexed as in
the padded array, which the kernels read, while a page numbers rows and columns as x has them, and padding not at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from ...kernels.arguments import integer
from ...kernels.geometry import Array, Geometry, Padding, Pair

Index = tuple[int, ...]
Number = int | float
Product = tuple[Number | Fraction, Number | Fraction, Number | Fraction]  # factor, factor, product


@dataclass(frozen=True)
class Panel:
    """One array: shown from the beginning, or filled entry by entry as the steps write it.

    `values` are the numbers that the kernels computed, the contents of a filled panel after the last step. `axes` names
    each axis in the legend's words, such as ("row", "column", "channel"); the first two are drawn as a grid, the rest
    as slices side by side. `role` is that of the visual language: input, filter, depthwise, activated, linear or
    output; or it is links, where 1 stands for a link and 0 for none. `inside` gives the rows and columns, (top, bottom,
    left, right) with the ends excluded, outside which there is padding; its zeros are there from the beginning, in a
    filled panel too. `accumulates` says that a filled panel starts with zeros, to which the steps add; any other starts
    empty. `spacing` is how far apart the rows and the columns of a filter are that hold its taps: the rest are gaps.
    `fractions` says that the numbers are weights of an interpolation, which are drawn as fractions. `code` is an entry
    in the kernels' code, with # for each index, unless it is the panel's name with these indices.
    """

    name: str
    title: str
    values: Array
    axes: tuple[str, ...]
    role: str
    given: bool
    inside: tuple[int, int, int, int] | None = None
    accumulates: bool = False
    spacing: tuple[int, int] = (1, 1)
    fractions: bool = False
    code: str = ""

    @property
    def entry(self) -> str:
        """An entry in the kernels' code, with # for each index: a volume's first index is that of its one image.

        >>> Panel("kernel", "filters", np.ones((3, 2)), ("channel", "filter"), "filter", True).entry
        'kernel[#, #]'
        """
        batch = ["0"] if self.axes == ("row", "column", "channel") else []
        return self.code or f"{self.name}[{', '.join([*batch, *'#' * len(self.axes)])}]"

    def is_empty(self, row: int, column: int) -> bool:
        """True for an entry that is padding, or in a gap."""
        top, bottom, left, right = self.inside or (0, self.values.shape[0], 0, np.atleast_2d(self.values).shape[1])
        outside = not (top <= row < bottom and left <= column < right)
        return outside or row % self.spacing[0] > 0 or column % self.spacing[1] > 0

    def numbers(self, axis: int) -> list[int | None]:
        """The index of each row (axis 0) or column (axis 1) in the array without its padding; None for padding."""
        size = self.values.shape[axis]
        first, end = (0, size) if self.inside is None else self.inside[2 * axis : 2 * axis + 2]
        return [place - first if first <= place < end else None for place in range(size)]

    @property
    def own_shape(self) -> tuple[int, ...]:
        """The array's shape without its padding."""
        if self.inside is None:
            return self.values.shape
        top, bottom, left, right = self.inside
        return (bottom - top, right - left, *self.values.shape[2:])

    def start(self) -> Array:
        """The contents before the first step: the given numbers, zeros, or NaN for what is not yet computed."""
        if self.given:
            return np.array(self.values)
        start: Array = np.zeros(self.values.shape)
        top, bottom, left, right = self.inside or (0, len(start), 0, start.shape[1])
        start[top:bottom, left:right] = 0.0 if self.accumulates else np.nan
        return start


@dataclass(frozen=True)
class Side:
    """One way of computing the result, with its multiplications so far and in all."""

    name: str
    done: int
    total: int


@dataclass(frozen=True)
class SumOfProducts:
    """The rule by which a step makes entries of a panel, by which they are recomputed when a number is edited.

    Product k multiplies entry k of each panel in `factors` and is added to entry k of the panel `into`. One index alone
    stands for every k, and an entry None drops the product. Without factors, 1 is added. `function` is applied to the
    sums: relu6, or none.
    """

    into: tuple[str, tuple[Index | None, ...]]
    factors: tuple[tuple[str, tuple[Index, ...]], ...]
    function: str = ""


@dataclass(frozen=True)
class Step:
    """One step: the entries read and written, the products, and the multiplications so far on both sides.

    `sentence` is the step in words and numbers, for readers who hear the page; `reads` has for each panel the entries
    that the step reads, `writes` those that it sets or adds to, with their new values. `products` are
    (factor, factor, product), in the order in which they are added; where there are none, as in the sum over the
    channels, the step adds up or changes the entries that it reads. `sums` names the panels to which the products are
    added in turn, if there are several. `terms` are the rules behind the values and the products, and `template` is the
    sentence with gaps for them; both are empty where the values are fixed. `groups` is the number of groups in which
    the step convolves all of `Stepper.grouped`, and 0 in other kinds.
    """

    name: str
    sentence: str
    reads: Mapping[str, tuple[Index, ...]]
    writes: Mapping[str, Mapping[Index, Number]]
    products: tuple[Product, ...]
    sides: tuple[Side, ...]
    stage: str = ""
    sums: tuple[str, ...] = ()
    terms: tuple[SumOfProducts, ...] = ()
    template: str = ""
    groups: int = 0

    def products_of(self, panel: str) -> tuple[Product, ...]:
        """The products that are added to that panel."""
        return self.products[self.sums.index(panel) :: len(self.sums)]

    def __str__(self) -> str:
        return self.sentence


@dataclass(frozen=True)
class Boxes:
    """Boxes that a page draws beside its panels, on an image of `size` (height, width).

    `panels` are those whose rows are boxes, (n, 4): top, left, bottom, right. `state` is the panel (1, n) that says
    what became of the last panel's boxes: below 0 a box is `dropped`, in the field's word for it, and where there is no
    number yet it is open.
    """

    size: tuple[int, int]
    panels: tuple[str, ...]
    state: str
    dropped: str


@dataclass(frozen=True)
class Grouped:
    """A standard kernel (Dᵣ, Dᵣ, M, N) that the steps divide into groups, and the geometry of its convolution."""

    kernel: Array
    geometry: Geometry


@dataclass(frozen=True)
class Counting:
    """The names of what a stepper counts: the title over its sides, what a step's products are, and their sign."""

    title: str = "Multiplications"
    product: str = "product"
    sign: str = "·"


@dataclass(frozen=True)
class Stepper:
    """A kind of stepper with its arrays: its panels from left to right and its steps in order.

    `kind` is its name on the command line, `title` a line above the page, `summary` one sentence on what is stepped
    through, with the sizes. `geometry` has the kernels' keyword arguments. `boxes` are drawn, where there are any.
    `fixed` is the reason why no number of the page can be edited, if there is one. `grouped` is a kernel of which the
    panels show one filter.
    """

    kind: str
    title: str
    summary: str
    panels: tuple[Panel, ...]
    steps: tuple[Step, ...]
    geometry: Mapping[str, Pair | Padding] = field(default_factory=dict)
    counting: Counting = field(default_factory=Counting)
    boxes: Boxes | None = None
    fixed: str = ""
    grouped: Grouped | None = None

    def panel(self, name: str) -> Panel:
        """The panel of that name; KeyError where there is none."""
        return {panel.name: panel for panel in self.panels}[name]

    def state(self, count: int) -> dict[str, Array]:
        """The contents of each panel after that many steps, with NaN for what is not yet computed.

        Raises ValueError if there are fewer steps.
        """
        count = integer("Stepper.state", "count", count, 0, len(self.steps))
        state = {panel.name: panel.start() for panel in self.panels}
        for step in self.steps[:count]:
            for name, written in step.writes.items():
                for index, value in written.items():
                    state[name][index] = value
        return state

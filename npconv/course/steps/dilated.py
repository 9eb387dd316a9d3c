"""Stepping through a dilated convolution: taps at a distance, and the gaps between them."""

from collections.abc import Iterator
from math import prod
from typing import Any

import numpy as np

from ...cost import conv2d_cost
from ...kernels.geometry import Array, Padding, Pair
from ...kernels.signatures import STANDARD
from ...kernels.standard import conv2d
from ...text import counted, shape_text
from .plan import Multiplications, PanelSet, Plan, geometry_text, input_panel, patch, spatial_panel, volume_panel
from .sizes import Given, fits, fits_steps, fitting
from .standard import standard_arrays
from .step import Step

FILTERS = 2  # N, where none is given


def dilated(
    *,
    x: Given = (7, 8, 1),
    kernel: Pair | Array = 3,
    out_channels: int | None = None,
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 2,
    seed: int = 0,
) -> Plan:
    """One value of the output a step, in the order of `conv2d_loops`: a filter whose taps are `dilation` apart.

    The page shows the filter as it lies on the input, with its gaps, and compares with a filter of the same reach
    that has no gaps.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); kernel: an array (Dᵣ, Dᵣ, M, N), or its sides with out_channels
    for N, 2 unless given; stride, padding, dilation as in `conv2d`; seed: of the random numbers. Raises as `stepper`.

    >>> step = next(dilated(x=(3, 3, 1), kernel=2).walk())
    >>> step.reads["x"], step.reads["spread"]
    (((0, 0, 0), (0, 2, 0), (2, 0, 0), (2, 2, 0)), ((0, 0, 0, 0), (0, 2, 0, 0), (2, 0, 0, 0), (2, 2, 0, 0)))
    """
    _, x, kernel = standard_arrays(seed, x, kernel, out_channels, FILTERS)
    geometry: dict[str, Any] = {"stride": stride, "padding": padding, "dilation": dilation}
    g = fitting(STANDARD, x, kernel, **geometry)
    spacing, reach = (g.height.dilation, g.width.dilation), (g.height.span, g.width.span)
    fits("kernel", (*reach, *kernel.shape[2:]), 2)
    spread = np.zeros((*reach, *kernel.shape[2:]), kernel.dtype)
    spread[:: spacing[0], :: spacing[1]] = kernel
    m, filters = kernel.shape[2:]
    cost = conv2d_cost(x.shape, kernel.shape, **geometry)
    whole = conv2d_cost(x.shape, spread.shape, stride=stride, padding=padding)
    fits_steps(prod(cost.output_shape), cost.macs)
    title = f"{counted('filter', filters)} of {shape_text(kernel.shape[:2])}, with gaps"
    table = PanelSet(
        input_panel(x, g),
        spatial_panel("spread", title, spread, "channel", "filter", spacing=spacing, code="kernel[#, #, #, #]"),
        volume_panel("y", "output", conv2d(x, kernel, **geometry), "output"),
    )

    def walk() -> Iterator[Step]:
        count = Multiplications({"dilated": cost.macs, f"{shape_text(reach)} without gaps": whole.macs})
        for v, w, n in np.ndindex(*cost.output_shape[1:]):
            weights = tuple((*place, n) for place in patch(g, 0, 0, range(m)))
            read = ("x", patch(g, v, w, range(m))), ("spread", weights)
            yield table.sum_of_products(*read, ("y", (v, w, n)), count, prod(spread.shape[:3]))

    summary = (
        f"An input of {shape_text(x.shape[1:])} and {counted('filter', filters)} of {shape_text(kernel.shape[:3])}, "
        f"whose taps reach over {shape_text(reach)}, make an output of {shape_text(cost.output_shape[1:])}; "
        f"{geometry_text(g, padding)}."
    )
    return Plan("Dilated convolution, one value at a time", summary, table.panels, walk, geometry)

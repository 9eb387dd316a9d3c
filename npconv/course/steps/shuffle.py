"""Stepping through two grouped convolutions with a channel shuffle between them."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from math import prod

import numpy as np

from ...cost import grouped_conv2d_cost, pointwise_conv2d_cost
from ...kernels.arguments import integer
from ...kernels.geometry import Array
from ...kernels.grouped import grouped_conv2d
from ...kernels.shuffle import channel_shuffle
from ...kernels.signatures import GROUPED, check_groups
from ...text import counted, listed, shape_text
from .groups import linked
from .plan import VOLUME, Multiplications, PanelSet, Plan, volume_panel
from .sizes import NAME, Given, GivenArrays, count_of, fits_steps
from .step import Index, Number, Panel, Step, SumOfProducts
from .words import gap

GROUPS = 2  # where none are given


def shuffle(
    *,
    x: Given = (2, 3, 6),
    groups: int = GROUPS,
    out_channels: int | None = None,
    first: Array | None = None,
    second: Array | None = None,
    seed: int = 0,
) -> Plan:
    """A pointwise convolution in groups, the channel shuffle, and another pointwise convolution in groups.

    A last map shows which channels of x each channel of y depends on: without a shuffle those of a single group, with
    it those of several groups, or of all, where a group has as many channels as there are groups, or more. The page
    compares with the same two convolutions without groups.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); groups: g, a divisor of M and N, 2 unless given; first and second:
    arrays (M/g, N′) and (N′/g, N), or out_channels for N, M unless given, with N′ = M; seed: of the random numbers.
    Raises as `stepper`.

    >>> plan = shuffle(x=(1, 1, 4), groups=2)
    >>> print(*dict.fromkeys(step.stage for step in plan.walk()), sep=", ")
    first groups, shuffle, second groups
    """
    arrays = GivenArrays(seed)
    x, groups = arrays.volume("x", x), integer(NAME, "groups", groups)
    m = x.shape[-1]
    first = arrays.kernel("first", first, (max(m // groups, 1), m))
    inner = first.shape[-1]
    shape = (max(inner // groups, 1), count_of("out_channels", out_channels, m))
    second = arrays.kernel("second", second, shape, out_channels=out_channels)
    filtered = grouped(x, first, groups)
    shuffled = channel_shuffle(filtered, groups=groups)
    y = grouped(shuffled, second, groups)
    whole = sum(
        pointwise_conv2d_cost(a.shape, (a.shape[-1], b.shape[-1])).macs for a, b in ((x, filtered), (shuffled, y))
    )
    macs = sum(
        grouped_conv2d_cost(a.shape, (1, 1, *b.shape), groups=groups).macs for a, b in ((x, first), (shuffled, second))
    )
    fits_steps(prod(x.shape[:3]) * (inner + 1 + y.shape[-1]), macs)
    mixed = linked(m, inner, groups) @ channel_shuffle(np.eye(inner, dtype=np.int64), groups=groups)
    links = (mixed @ linked(inner, y.shape[-1], groups) > 0).astype(np.int64)
    table = PanelSet(
        Panel("x", "input", x[0], VOLUME, "input", given=True),
        filters_panel("first", first, groups),
        volume_panel("filtered", "output of first", filtered, "depthwise"),
        volume_panel("shuffled", "filtered, with its channels dealt out", shuffled, "depthwise"),
        filters_panel("second", second, groups),
        volume_panel("y", "output of second", y, "output"),
        Panel(
            "links",
            "which channels of x each channel of y depends on",
            links,
            ("channel of x", "channel of y"),
            "links",
            given=False,
        ),
    )
    summary = (
        f"An input of {shape_text(x.shape[1:])} is mixed in {counted('group', groups)} into "
        f"{counted('channel', inner)}, which are shuffled and then mixed in {counted('group', groups)} into an "
        f"output of {shape_text(y.shape[1:])}."
    )
    walk = partial(mixed_twice, groups, table, {"in groups": macs, "without groups": whole})
    return Plan("Channel shuffle between two grouped convolutions", summary, table.panels, walk, {})


def filters_panel(name: str, kernel: Array, groups: int) -> Panel:
    """A pointwise kernel in groups, (M/groups, N)."""
    title = f"{counted('filter', kernel.shape[1])} in {counted('group', groups)}"
    return Panel(name, title, kernel, ("channel of the group", "filter"), "filter", given=True)


def grouped(x: Array, kernel: Array, groups: int) -> Array:
    """The pointwise convolution in groups, of a kernel (M/groups, N) that fits x."""
    check_groups(GROUPED.check(NAME, x, kernel[None, None]), groups)
    return grouped_conv2d(x, kernel[None, None], groups=groups)


def mixed_twice(groups: int, table: PanelSet, totals: dict[str, int]) -> Iterator[Step]:
    """The steps: both convolutions value by value, and the shuffle between them position by position."""
    count = Multiplications(totals)
    yield from grouped_steps(table, "x", "first", "filtered", groups, count, "first groups")
    height, width, channels = table.arrays["filtered"].shape
    sources = channel_shuffle(np.arange(channels, dtype=np.int64)[None], groups=groups)[0].tolist()
    for v, w in np.ndindex(height, width):
        read, written = (tuple((v, w, c) for c in order) for order in (sources, range(channels)))
        values = table.values("filtered", read)
        template = (
            f"At row {v}, column {w} the channels are dealt in the order {listed(sources)}: "
            f"{listed([gap('filtered', index) for index in read])}"
        )
        terms = (SumOfProducts(("shuffled", written), (("filtered", read),)),)
        writes: dict[str, dict[Index, Number]] = {"shuffled": dict(zip(written, values, strict=True))}
        yield table.step("shuffle", template, {"filtered": read}, writes, (), count.after(), "shuffle", terms=terms)
    yield from grouped_steps(table, "shuffled", "second", "y", groups, count, "second groups")


def grouped_steps(
    table: PanelSet, x: str, kernel: str, y: str, groups: int, count: Multiplications, stage: str
) -> Iterator[Step]:
    """A pointwise convolution in groups, value by value: each filter reads the channels of its own group."""
    share, filters = table.arrays[kernel].shape
    for v, w, n in np.ndindex(*table.arrays[y].shape):
        first = n // (filters // groups) * share
        read, weights = (tuple((v, w, first + m) for m in range(share)), tuple((m, n) for m in range(share)))
        step = table.sum_of_products((x, read), (kernel, weights), (y, (v, w, n)), count, share * groups, stage)
        if y == "y" and v == w == 0:
            links: dict[Index, Number] = {(m, n): link for m, link in enumerate(table.arrays["links"][:, n].tolist())}
            step = replace(step, writes={**step.writes, "links": links})
        yield step

"""Stepping through a bilinear resize, and through its adjoint, which sends each value back with the same weights."""

from collections.abc import Iterator
from fractions import Fraction
from functools import partial

import numpy as np

from ...kernels.arguments import one_of
from ...kernels.geometry import Array, Pair
from ...kernels.resize import ALIGNMENTS, resize_bilinear, resize_bilinear_backward
from ...kernels.signatures import RESIZE
from ...text import counted, listed, plural, shape_text
from .plan import VOLUME, Multiplications, PanelSet, Plan, volume_panel
from .sizes import NAME, Given, GivenArrays, fits, fits_steps
from .step import Index, Number, Panel, Product, Step, SumOfProducts
from .words import entry_text, gap, value_text

Reads = dict[str, tuple[Index, ...]]

UPSTREAM = 2  # random dy lie between −2 and 2
LIES = {  # the place of row i of o among n rows
    "half_pixel": "({i} + ½)·{n}/{o} − ½",
    "corners": "{i}·{rest}/{gaps}",
    "origin": "{i}·{n}/{o}",
}


def resize(
    *,
    x: Given = (2, 3, 1),
    size: Pair = (4, 5),
    align: str = "half_pixel",
    dy: Given | None = None,
    seed: int = 0,
) -> Plan:
    """A bilinear resize, one output a step, and its adjoint, one value of dy a step.

    An output is the sum of up to four values of x, each times the weight of its row and that of its column; on a row
    or a column of x it needs one instead of two. The adjoint adds each value of dy to the same values of dx, times the
    same weights. Weights are exact fractions, and sums are rounded once. The last two steps are the adjoint's identity:
    the sums of y times dy and of x times dx are equal.

    x: an array (1, Dᵤ, Dᵤ, M) or sizes (Dᵤ, Dᵤ, M); size and align: as in `resize_bilinear`; dy: an array (1, Dᵥ, Dᵥ,
    M); seed: of the random numbers. Raises as `stepper`.

    >>> for step in resize(x=np.array([[[2], [4]]]), size=(1, 4), dy=np.array([[[1], [0], [4], [0]]])).walk():
    ...     print(step.writes)
    {'y': {(0, 0, 0): 2.0}}
    {'y': {(0, 1, 0): 2.5}}
    {'y': {(0, 2, 0): 3.5}}
    {'y': {(0, 3, 0): 4.0}}
    {'dx': {(0, 0, 0): 1.0}}
    {'dx': {(0, 0, 0): 1.0, (0, 1, 0): 0.0}}
    {'dx': {(0, 0, 0): 2.0, (0, 1, 0): 3.0}}
    {'dx': {(0, 1, 0): 3.0}}
    {'sums': {(0, 0): 16.0}}
    {'sums': {(0, 1): 16.0}}
    """
    arrays = GivenArrays(seed)
    x = arrays.volume("x", x)
    one_of(NAME, "align", align, ALIGNMENTS)
    sides = RESIZE.check(NAME, x).resized(size)
    fits("y", (*sides, x.shape[-1]))
    dy = arrays.volume("dy", (*sides, x.shape[-1]) if dy is None else dy, UPSTREAM)
    RESIZE.check(NAME, dy, x).resized(size)
    weights = [weights_of(n, o, align) for n, o in zip(x.shape[1:3], sides, strict=True)]
    products = x.shape[-1] * int(np.count_nonzero(weights[0]) * np.count_nonzero(weights[1]))
    fits_steps(2 * dy[0].size + 2, 2 * products + x.size + dy.size)
    y = resize_bilinear(exact(x), sides, align=align)
    dx = resize_bilinear_backward(exact(dy), x, sides, align=align)
    sums = rounded(np.array([[(y * exact(dy)).sum(), (exact(x) * dx).sum()]]))
    table = PanelSet(
        Panel("x", "input", x[0], VOLUME, "input", given=True),
        volume_panel("y", "output", rounded(y), "output"),
        weights_panel("rows", "weights A of the rows", weights[0], "row"),
        weights_panel("columns", "weights B of the columns", weights[1], "column"),
        Panel("dy", "upstream gradient", dy[0], VOLUME, "output", given=True),
        volume_panel("dx", "gradient of x", rounded(dx), "input", accumulates=True),
        Panel("sums", "y times dy, and x times dx", sums, ("sum", "of y·dy, of x·dx"), "output", given=False),
    )
    row, column = (
        LIES[align].format(i=i, n=n, o=o, rest=n - 1, gaps=max(o - 1, 1))
        for i, n, o in zip("ij", x.shape[1:3], sides, strict=True)
    )
    summary = (
        f"An input of {shape_text(x.shape[1:])} is resized to {shape_text(dy.shape[1:])}, and a gradient of that size "
        f"goes back; row i of y lies at row {row} of x, column j at column {column}, but not outside x ({align})."
    )
    totals = {"forward": products, "backward": products}
    walk = partial(there_and_back, table, weights, totals)
    return Plan("Bilinear resize, and its adjoint", summary, table.panels, walk, {})


def weights_of(n: int, o: int, align: str) -> Array:
    """The weights of n rows in each of o rows, (o, n), as exact fractions: the resize of an identity matrix."""
    identity = exact(np.eye(n, dtype=np.int64)).reshape(1, n, 1, n)
    weights: Array = resize_bilinear(identity, (o, 1), align=align)[0, :, 0]
    return weights


def exact(a: Array) -> Array:
    """The numbers as fractions."""
    fractions: Array = np.frompyfunc(Fraction, 1, 1)(a.astype(object))
    return fractions


def rounded(a: Array) -> Array:
    """Fractions as floats."""
    return a.astype(np.float64)


def weights_panel(name: str, title: str, weights: Array, axis: str) -> Panel:
    """The weights of one axis, drawn as fractions."""
    axes = (f"{axis} of y", f"{axis} of x")
    return Panel(name, title, rounded(weights), axes, "filter", given=True, fractions=True)


def there_and_back(table: PanelSet, weights: list[Array], totals: dict[str, int]) -> Iterator[Step]:
    """The steps: each output from the values of x that it meets, each value of dy to them, and the two sums."""
    arrays, count, lines = table.arrays, Multiplications(totals), [[*map(shares_of, matrix)] for matrix in weights]
    for at in np.ndindex(*arrays["y"].shape):
        places, factors, read = met(lines, at)
        products = tuple(times(share, arrays["x"][place].item()) for place, share in zip(places, factors, strict=True))
        name, value = entry_text("y", at), arrays["y"][at].item()
        terms = (SumOfProducts(("y", (at,)), (*shares_read(at, places), ("x", places))),)
        rows, columns = shares_text("row", lines[0][at[0]]), shares_text("column", lines[1][at[1]])
        template, sides = (
            f"In {name} {rows} and {columns}: {{products}} = {gap('y', at)}",
            count.after(len(products), 0),
        )
        reads, writes = {"x": places, **read}, {"y": {at: value}}
        yield table.step(name, template, reads, writes, products, sides, "forward", terms=terms)
    dx = exact(np.zeros(arrays["dx"].shape, np.int64))
    for at in np.ndindex(*arrays["dy"].shape):
        places, factors, read = met(lines, at)
        name, upstream = entry_text("dy", at), arrays["dy"][at].item()
        terms = (SumOfProducts(("dx", places), (*shares_read(at, places), ("dy", (at,)))),)
        products = tuple(times(share, upstream) for share in factors)
        for place, share in zip(places, factors, strict=True):
            dx[place] += share * Fraction(upstream)
        added: dict[Index, Number] = {place: float(dx[place]) for place in places}
        (first, value), *others = ((entry_text("dx", place), gap("dx", place)) for place in added)
        became = [f"{first} becomes {value}", *(f"{other} {value}" for other, value in others)]
        template = f"{name} = {gap('dy', at)} goes back with the weights of forward: {listed(became)}"
        reads, sides = {"dy": (at,), **read}, count.after(0, len(products))
        yield table.step(name, template, reads, {"dx": added}, products, sides, "backward", terms=terms)
    for k, (left, right) in enumerate((("y", "dy"), ("x", "dx"))):
        every, value = tuple(np.ndindex(*arrays[left].shape)), arrays["sums"][0, k].item()
        template = f"The sum of {left}·{right} over {counted('value', len(every))} is {gap('sums', (0, k))}"
        template += ", and so is that of y·dy: backward is the adjoint of forward" if k else ""
        products = table.products((left, every), (right, every))
        summed: dict[str, dict[Index, Number]] = {"sums": {(0, k): value}}
        reads = {left: every, right: every}
        terms = (SumOfProducts(("sums", ((0, k),)), tuple(reads.items())),)
        yield table.step(f"{left}·{right}", template, reads, summed, products, count.after(), "adjoint", terms=terms)


def shares_of(line: Array) -> dict[int, Fraction]:
    """The rows of x that a row of y takes, with their weights above 0."""
    return {place: share for place, share in enumerate(line.tolist()) if share}


def met(lines: list[list[dict[int, Fraction]]], at: Index) -> tuple[tuple[Index, ...], list[Fraction], Reads]:
    """The values of x that an output takes, the weight of each, and the entries of the weights that it reads."""
    (v, w, channel), rows, columns = at, lines[0][at[0]], lines[1][at[1]]
    places = tuple((i, j, channel) for i in rows for j in columns)
    factors = [rows[i] * columns[j] for i, j, _ in places]
    return places, factors, {"rows": tuple((v, i) for i in rows), "columns": tuple((w, j) for j in columns)}


def shares_read(at: Index, places: tuple[Index, ...]) -> tuple[tuple[str, tuple[Index, ...]], ...]:
    """The entries of the weights that multiply each of these values of x, of its row and of its column."""
    return ("rows", tuple((at[0], i) for i, *_ in places)), ("columns", tuple((at[1], j) for _, j, _ in places))


def times(share: Fraction, value: Number) -> Product:
    """A weight times a value: a fraction where the value is whole."""
    return share, value, share * value


def shares_text(axis: str, shares: dict[int, Fraction]) -> str:
    """The rows or columns that an output takes, with their weights.

    >>> shares_text("row", {0: Fraction(3, 4), 1: Fraction(1, 4)}), shares_text("column", {2: Fraction(1)})
    ('rows 0 and 1 weigh 3/4 and 1/4', 'column 2 weighs 1')
    """
    verb = "weighs" if len(shares) == 1 else "weigh"
    return f"{plural(axis, len(shares))} {listed([*shares])} {verb} {listed([*map(value_text, shares.values())])}"

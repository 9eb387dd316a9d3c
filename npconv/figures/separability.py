"""The distance of the best separable kernel from a standard one, against its cost, for every depth multiplier."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from functools import partial
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes

from ..cost import cost_ratio
from ..kernels.arguments import LARGEST_SEED, integer, integers
from ..kernels.geometry import Array
from ..kernels.separable import factored_kernel, factorize_kernel
from ..text import counted, shape_text
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, SMALL
from .parts.lines import BASE, LOOKS, SEEDS, Kind, PlotPanel, draw_runs, label_points, side_by_side

MOST_LINES = len(LOOKS)
MOST_CHANNELS = 512
NAME = "separability"
ROUNDING = 1e-12  # a smaller error is that of float64, and the factors are exact
COST_END, ERROR_END = 2.06, 1.04  # a cost is 2 at the most, an error 1
REFERENCE: Kind = {"color": INK, "linewidth": 1.0, "linestyle": ":"}
FILTERS = (
    "Gabor filters, a Gaussian of standard deviation Dᵣ/4 times a wave of random direction, phase and length from Dᵣ "
    "to 2Dᵣ; first derivatives of that Gaussian in random directions, each a combination of two; and the product of a "
    "random depthwise and a random pointwise kernel"
)

Line = Mapping[str, Any]


def separability(
    *,
    kernels: Mapping[str, Array] | None = None,
    kernel_size: int = 3,
    in_channels: int = 3,
    out_channels: Sequence[int] = (8, 32, 128),
    repeats: int = 10,
    seed: int = 0,
) -> Figure:
    """The error of the best separable kernel with depth multiplier Q, against its cost Q(1/N + 1/Dᵣ²).

    At the left random kernels for several N, at the right kernels with structure, or the caller's. A line has a point
    for each Q, and ends where the factors give the kernel exactly: at Q = min(Dᵣ², N) at the latest, where the cost is
    1 + min(Dᵣ², N)/max(Dᵣ², N) and nothing is saved.

    Args:
        kernels: the right panel's standard kernels (Dᵣ, Dᵣ, M, N) by their labels, four at the most; made of known
            filters if None.
        kernel_size: Dᵣ of the random kernels and of the known filters, 1 to 7.
        in_channels: M of them.
        out_channels: N of the random kernels' lines, four at the most; the last one is the known filters' too.
        repeats: how many random kernels there are of each N, 1 to 100; the line is their mean.
        seed: of all that is random.

    Returns:
        Figure "separability". Its data: for each line "shape", "kernels" (how many), "costs" as exact fractions for
        Q = 1, 2, …, "errors" (the mean), "errors by kernel", and "exact from Q"; an error below 1e-12 is stored as 0.

    Raises:
        TypeError, ValueError: arguments of another kind or size than these, kernels that are zero or not finite, or
            labels too long to draw.

    Source: the article's "Depth-wise Separable Convolutions": what of a standard convolution can't be factored.

    >>> figure = separability(kernels={"ones": np.ones((3, 3, 2, 4))}, out_channels=(4,), repeats=1)
    >>> figure.data["kernels"][0]["costs"], figure.data["kernels"][0]["errors"]
    (['13/36', '13/18', '13/12', '13/9'], [0.0, 0.0, 0.0, 0.0])
    """
    kernel_size = integer(NAME, "kernel_size", kernel_size, 1, 7)
    in_channels = integer(NAME, "in_channels", in_channels, 1, MOST_CHANNELS)
    repeats = integer(NAME, "repeats", repeats, 1, 100)
    seed = integer(NAME, "seed", seed, 0, LARGEST_SEED)
    out_channels = integers(NAME, "out_channels", out_channels, 1, MOST_CHANNELS)
    if not 1 <= len(set(out_channels)) == len(out_channels) <= MOST_LINES:
        raise ValueError(f"{NAME}: out_channels must be 1 to {MOST_LINES} different N; got {out_channels!r}")
    filters = _filters(kernel_size, in_channels, out_channels[-1], seed) if kernels is None else kernels
    right = [_line(label, [kernel]) for label, kernel in _checked_kernels(filters).items()]
    generator = np.random.default_rng(seed)
    random = []
    for n in out_channels:
        shape = (kernel_size, kernel_size, in_channels, n)
        random.append(_line(f"N = {n}", [generator.standard_normal(shape) for _ in range(repeats)]))
    titles = (
        f"random kernels, {kernel_size}×{kernel_size}×{in_channels}×N",
        "kernels of known filters" if kernels is None else "given kernels",
    )
    with style():
        figure = _draw(random, right, titles)
    return Figure(
        name="separability",
        figure=figure,
        data={"random": random, "kernels": right},
        alt=_alt(random, right),
        caption=_caption(random, right, seed, FILTERS if kernels is None else "kernels given by the caller"),
    )


# What is drawn: numbers and words


def _filters(side: int, m: int, n: int, seed: int) -> dict[str, Array]:
    """Kernels (Dᵣ, Dᵣ, M, N) made of known filters."""
    generator = np.random.default_rng(seed)
    down, across = np.indices((side, side, 1, 1), np.float64)[:2] - (side - 1) / 2  # (Dᵣ, Dᵣ, 1, 1) twice
    envelope = np.exp(-8 * (down**2 + across**2) / side**2)  # its standard deviation is Dᵣ/4

    def along(direction: Array) -> Array:
        distance: Array = across * np.cos(direction) + down * np.sin(direction)  # (Dᵣ, Dᵣ, M, N)
        return distance

    direction, phase = generator.uniform(0, 2 * np.pi, (2, m, n))
    wavelength = generator.uniform(side, 2 * side, (m, n))
    gabor = envelope * np.cos(2 * np.pi * along(direction) / wavelength + phase)
    derivative = envelope * along(generator.uniform(0, 2 * np.pi, (m, n)))
    product = factored_kernel(generator.standard_normal((side, side, m)), generator.standard_normal((m, n)))
    kernels = {"Gabor filters": gabor, "derivatives of a Gaussian": derivative, "separable by construction": product}
    return {label: kernel for label, kernel in kernels.items() if kernel.any()}  # at 1×1 a derivative is 0


def _line(label: str, kernels: Sequence[Array]) -> dict[str, Any]:
    """One line's numbers, over kernels of one shape."""
    height, width, _, n = kernels[0].shape
    multipliers = range(1, min(height * width, n) + 1)
    errors = [[_error(kernel, q) for q in multipliers] for kernel in kernels]
    mean = np.mean(errors, axis=0).tolist()
    return {
        "label": label,
        "shape": list(kernels[0].shape),
        "kernels": len(kernels),
        "costs": [str(cost_ratio((height, width), n, depth_multiplier=q)) for q in multipliers],
        "errors": mean,
        "errors by kernel": errors,
        "exact from Q": mean.index(0.0) + 1,
    }


def _error(kernel: Array, depth_multiplier: int) -> float:
    factors = factorize_kernel(kernel, depth_multiplier=depth_multiplier)
    missed = kernel - factored_kernel(*factors, depth_multiplier=depth_multiplier)
    error = float(np.linalg.norm(missed) / np.linalg.norm(kernel))
    return error if error >= ROUNDING else 0.0


def _cost(line: dict[str, Any], q: int) -> float:
    return float(Fraction(line["costs"][q - 1]))


def _exact(lines: Sequence[Line]) -> str:
    return ", ".join(f"{line['label']} at {_exact_text(line, ' and')}" for line in lines)


def _exact_text(line: Line, joined: str = ",") -> str:
    """The first Q at which a line is exact, and its cost."""
    return f"Q = {line['exact from Q']}{joined} cost {_costs(line)[-1]:.2f}"


def _ends(lines: Sequence[Line]) -> str:
    """The beginnings and ends of lines, in words."""
    texts = []
    for line in lines:
        first, exact = line["errors"][0], f"exact at {_exact_text(line)}"
        start = f"from error {first:.2f} at Q = 1, cost {_costs(line)[0]:.2f}, to" if first else "is"
        texts.append(f"{line['label']} {start} {exact}")
    return "; ".join(texts)


def _alt(random: Sequence[Line], right: Sequence[Line]) -> str:
    return (
        "Two plots of the error of the best separable kernel over its cost as a share of the standard kernel's, "
        f"with a point for each depth multiplier Q. Left, random kernels: falling lines, {_ends(random)}; a dotted "
        "curve, √(1 − cost), ends in 0 at cost 1, and the lines reach 0 only to the right of it, where nothing is "
        f"saved. Right: {_ends(right)}."
    )


def _caption(random: Sequence[Line], right: Sequence[Line], seed: int, filters: str) -> str:
    repeats = random[0]["kernels"]
    return four_part_caption(
        claim=(
            "A standard kernel has a cheaper separable one near it only as far as it has structure. A random "
            "kernel has none: for many filters N the best factors of cost c miss √(1 − c) of its norm, and they "
            "are exact only at Q = min(Dᵣ², N), where they cost more than the kernel itself; "
            f"{_exact(random)}. The others are exact: {_exact(right)}."
        ),
        computed=(
            "Errors: ‖kernel − npconv.factored_kernel(*npconv.factorize_kernel(kernel))‖ / ‖kernel‖. Left: "
            f"{counted('kernel', repeats)} of each N with independent normal weights, seed {seed}, each drawn thin, "
            f"their mean thick. Right: {filters}. Costs: npconv.cost.cost_ratio."
        ),
        scale="Both axes are linear; the small numbers are Q, and 0 is exact to the rounding of float64.",
        not_shown=(
            "Not shown: Q beyond the first exact one, numbers where points lie too close, and training, which may "
            "find a separable kernel that serves as well without being near."
        ),
    )


# How it is drawn


def _draw(random: Sequence[Line], right: Sequence[Line], titles: Sequence[str]) -> matplotlib.figure.Figure:
    """Both plots, and then the numbers beside their points: those of the ends of lines first."""
    shapes = list(dict.fromkeys(shape_text(line["shape"]) for line in right))
    titles = (titles[0], ", ".join([titles[1], *shapes][: 2 if len(shapes) == 1 else 1]))
    legends = (_legend(random), _legend(right, with_shapes=len(shapes) > 1))
    panels = [
        PlotPanel(title, legend, partial(_draw_lines, lines))
        for title, legend, lines in zip(titles, legends, (random, right), strict=True)
    ]
    figure = side_by_side(NAME, "", panels, "kernels must have labels that fit into a line", height=3.4)
    for axes, lines in zip(figure.axes, (random, right), strict=True):
        numbers = [
            (q not in (1, len(costs)), cost, line["errors"][q - 1], str(q), f"q-{i}-{q}")
            for i, line in enumerate(lines)
            for costs in [_costs(line)]
            for q, cost in enumerate(costs, 1)
        ]
        label_points(axes, [number[1:] for number in sorted(numbers, key=lambda number: number[0])])
    return figure


def _costs(line: Line) -> list[float]:
    """The costs for Q from 1 to the first that is exact."""
    return [float(Fraction(text)) for text in line["costs"][: line["exact from Q"]]]


def _legend(lines: Sequence[Line], with_shapes: bool = False) -> list[tuple[Kind, str]]:
    """The names of the lines, of the thin ones, and of the reference."""
    entries: list[tuple[Kind, str]] = []
    for line, look in zip(lines, LOOKS, strict=False):
        shape = f", {shape_text(line['shape'])}" if with_shapes else ""
        entries.append((look, f"{line['label']}{shape}: exact at {_exact_text(line)}"))
    if lines[0]["kernels"] > 1:
        entries.append((SEEDS[0], f"each of {lines[0]['kernels']} kernels; thick: their mean"))
    entries.append((REFERENCE, "√(1 − cost): a random kernel as N → ∞"))
    return [*entries, ({"linestyle": "none"}, "numbers at points, where there is room: Q")]


def _draw_lines(lines: Sequence[Line], axes: Axes) -> None:
    """Lines with their points, and the reference curve."""
    axes.set(xlim=(0, COST_END), ylim=(0, ERROR_END), xlabel="multiplications, separable / standard = Q(1/N + 1/Dᵣ²)")
    if axes.get_subplotspec().is_first_col():  # type: ignore[union-attr]
        axes.set_ylabel("error, share of the kernel's norm")
    axes.axvline(1, **BASE)
    axes.text(1.02, ERROR_END, "right of here nothing is saved", size=SMALL, ha="left", va="top")
    fine = np.linspace(0, 1, 200)
    axes.plot(fine, np.sqrt(1 - fine), **REFERENCE, zorder=1.5, gid="reference")
    for i, (line, look) in enumerate(zip(lines, LOOKS, strict=False)):
        errors = [each[: line["exact from Q"]] for each in line["errors by kernel"]]
        draw_runs(axes, str(i), _costs(line), errors, look, middle=np.mean)


def _checked_kernels(kernels: Mapping[str, Array]) -> dict[str, Array]:
    """The kernels in float64; raise where one cannot be taken apart or drawn."""
    if not isinstance(kernels, Mapping):
        raise TypeError(f"{NAME}: kernels must be a mapping of labels to arrays; got {type(kernels).__name__}")
    if not 1 <= len(kernels) <= MOST_LINES:
        raise ValueError(f"{NAME}: kernels must be 1 to {MOST_LINES}; got {len(kernels)}")
    for label, kernel in kernels.items():
        if not isinstance(label, str):
            raise TypeError(f"{NAME}: kernels must have strings as labels; got {label!r}")
        if not label.strip() or "\n" in label:
            raise ValueError(f"{NAME}: kernels must have labels that fit into a line; got {label!r}")
        if not isinstance(kernel, np.ndarray) or kernel.dtype.kind not in "iuf":
            kind = getattr(kernel, "dtype", type(kernel).__name__)
            raise TypeError(f"{NAME}: kernels[{label!r}] must be an ndarray of real numbers; got {kind}")
        if kernel.ndim != 4 or min(kernel.shape) < 1:
            raise ValueError(f"{NAME}: kernels[{label!r}] must be (Dᵣ, Dᵣ, M, N); got the shape {kernel.shape}")
        if not 0 < np.linalg.norm(kernel.astype(np.float64)) < np.inf:
            raise ValueError(f"{NAME}: kernels[{label!r}] {kernel.shape} must be finite and not all zero")
    return {label: kernel.astype(np.float64) for label, kernel in kernels.items()}

"""How far the best separable kernel is from a standard one, against what it costs, for every depth multiplier."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

import matplotlib.figure
import numpy as np
from matplotlib.axes import Axes

from ..cost import cost_ratio
from ..kernels.arguments import LARGEST_SEED, integer, integers
from ..kernels.geometry import Array
from ..kernels.separable import factored_kernel, factorize_kernel
from ..text import shape_text
from .figure import Figure, four_part_caption, style
from .parts.drawing import INK, LINE_COLORS, LINE_STYLES, MARKERS, SMALL, SMALLEST, TITLE, WIDTH, text_width

Path = list[tuple[float, float]]  # (cost, error) by (cost, error)

MOST_LINES = len(LINE_COLORS)
MOST_CHANNELS = 512
NAME = "separability"
ROUNDING = 1e-12  # a smaller error is that of float64, and the factors are exact
LEFTS, BOTTOM, AXES = (0.075, 0.575), 0.55, (3.6, 2.7)  # shares of the width, and inches
LEGEND_LINE, SAMPLE = 0.175, 0.5  # inches
COST_END, ERROR_END = 2.06, 1.04  # a cost is 2 at the most, an error 1
BEYOND = "nothing is saved beyond"
FILTERS = (
    "Gabor filters, a Gaussian of standard deviation Dᵣ/4 times a wave of random direction, phase and length from Dᵣ "
    "to 2Dᵣ; first derivatives of that Gaussian in random directions, each a combination of two; and the product of a "
    "random depthwise and a random pointwise kernel"
)


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
    given = kernels is not None
    if kernels is None:
        kernels = _filters(kernel_size, in_channels, out_channels[-1], seed)
    kernels = _checked_kernels(kernels)
    generator = np.random.default_rng(seed)
    random = []
    for n in out_channels:
        shape = (kernel_size, kernel_size, in_channels, n)
        random.append(_line(f"N = {n}", [generator.standard_normal(shape) for _ in range(repeats)]))
    right = [_line(label, [kernel]) for label, kernel in kernels.items()]
    sizes = {shape_text(line["shape"]) for line in right}
    titles = (
        f"random kernels, {kernel_size}×{kernel_size}×{in_channels}×N",
        ", ".join(["given kernels" if given else "kernels of known filters", *(sizes if len(sizes) == 1 else ())]),
    )
    texts = [_legend_texts(random, False), _legend_texts(right, len(sizes) > 1)]
    with style():
        most = max(len(random), len(right))
        height = BOTTOM + AXES[1] + 0.5 + LEGEND_LINE * (most + 1)
        figure = matplotlib.figure.Figure(figsize=(WIDTH, height))
        for left, lines, legend, title in zip(LEFTS, (random, right), texts, titles, strict=True):
            axes = figure.add_axes((left, BOTTOM / height, AXES[0] / WIDTH, AXES[1] / height))
            _draw(axes, lines)
            _legend(axes, legend, title, most)
        figure.axes[0].set_ylabel("error, share of the kernel's norm")
    return Figure(
        name="separability",
        figure=figure,
        data={"random": random, "kernels": right},
        alt=(
            "Two plots of the error of the best separable kernel over its cost as a share of the standard kernel's, "
            "with a point for each depth multiplier Q. Left, random kernels: falling lines, "
            f"{_ends(random)}; a dotted curve, √(1 − cost), ends in 0 at cost 1, and the lines reach 0 only to the "
            f"right of it, where nothing is saved. Right: {_ends(right)}."
        ),
        caption=four_part_caption(
            claim=(
                "A standard kernel has a cheaper separable one near it only as far as it has structure. A random "
                "kernel has none: for many filters N the best factors of cost c miss √(1 − c) of its norm, and they "
                "are exact only at Q = min(Dᵣ², N), where they cost more than the kernel itself; "
                f"{_exact(random)}. The others are exact: {_exact(right)}."
            ),
            computed=(
                f"Errors: ‖kernel − npconv.factored_kernel(*npconv.factorize_kernel(kernel))‖ / ‖kernel‖. Left: "
                f"{repeats} kernel{'s' if repeats > 1 else ''} of each N with independent normal weights, seed {seed}, "
                f"each drawn thin, their mean thick. Right: "
                + ("kernels given by the caller" if given else FILTERS)
                + ". Costs: npconv.cost.cost_ratio."
            ),
            scale="Both axes are linear; the small numbers are Q, and 0 is exact to the rounding of float64.",
            not_shown=(
                "Not shown: Q beyond the first exact one, numbers where points lie too close, and training, which may "
                "find a separable kernel that serves as well without being near."
            ),
        ),
    )


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


def _exact(lines: list[dict[str, Any]]) -> str:
    return ", ".join(
        f"{line['label']} at Q = {line['exact from Q']} and cost {_cost(line, line['exact from Q']):.2f}"
        for line in lines
    )


def _ends(lines: list[dict[str, Any]]) -> str:
    """Where lines begin and end, in words."""
    return "; ".join(
        f"{line['label']} "
        + (f"from error {line['errors'][0]:.2f} at Q = 1, cost {_cost(line, 1):.2f}, to " if line["errors"][0] else "")
        + ("" if line["errors"][0] else "is ")
        + f"exact at Q = {line['exact from Q']}, cost {_cost(line, line['exact from Q']):.2f}"
        for line in lines
    )


def _draw(axes: Axes, lines: list[dict[str, Any]]) -> None:
    """Lines, points with their Q, and the reference curve."""
    axes.set_xlim(0, COST_END)
    axes.set_ylim(0, ERROR_END)
    axes.set_xlabel("multiplications, separable / standard = Q(1/N + 1/Dᵣ²)")
    axes.axvline(1, color=INK, linewidth=0.8)
    axes.text(1.02, ERROR_END, BEYOND, size=SMALL, ha="left", va="top")
    fine = np.linspace(0, 1, 200)
    axes.plot(fine, np.sqrt(1 - fine), color=INK, linewidth=1.0, linestyle=":", zorder=1.5, gid="reference")
    paths: list[Path] = []
    thin: list[Path] = []
    for i, line in enumerate(lines):
        last = line["exact from Q"]
        costs = [float(Fraction(text)) for text in line["costs"]][:last]
        color = LINE_COLORS[i]
        if line["kernels"] > 1:
            for errors in line["errors by kernel"]:
                axes.plot(costs, errors[:last], color=color, linewidth=0.5, alpha=0.4, zorder=1.6, gid=f"thin-{i}")
                thin.append(list(zip(costs, errors[:last], strict=True)))
        axes.plot(
            costs,
            line["errors"][:last],
            color=color,
            linestyle=LINE_STYLES[i],
            marker=MARKERS[i],
            markersize=4.5,
            clip_on=False,
            zorder=3,
            gid=f"line-{i}",
        )
        paths.append(list(zip(costs, line["errors"][:last], strict=True)))
    _number(axes, paths, thin)


def _legend_texts(lines: list[dict[str, Any]], with_shapes: bool) -> list[str]:
    """What each line is, in words; raises ValueError where they are too long to draw."""
    texts = []
    for line in lines:
        shape = f", {shape_text(line['shape'])}" if with_shapes else ""
        text = (
            f"{line['label']}{shape}: exact at Q = {line['exact from Q']}, cost {_cost(line, line['exact from Q']):.2f}"
        )
        if text_width(text, SMALL) > AXES[0] - SAMPLE or not line["label"].strip() or "\n" in text:
            raise ValueError(f"{NAME}: kernels must have labels that fit into a line; got {line['label']!r}")
        texts.append(text)
    return texts


def _legend(axes: Axes, texts: list[str], title: str, lines: int) -> None:
    """The title, and below it what each line is; there is room for so many `lines` above the axes."""

    def put(row: int, text: str, **kind: Any) -> None:
        y = 1 + (0.16 + LEGEND_LINE * (lines - row)) / AXES[1]
        x = np.array([0, 0.5, 1]) * (SAMPLE - 0.08) / AXES[0]
        axes.plot(x, [y] * 3, transform=axes.transAxes, clip_on=False, **kind)
        axes.text(
            SAMPLE / AXES[0], y, text, size=SMALL, va="center_baseline", transform=axes.transAxes, parse_math=False
        )

    for i, text in enumerate(texts):
        put(i, text, color=LINE_COLORS[i], linestyle=LINE_STYLES[i], marker=MARKERS[i], markersize=4.5, markevery=[1])
    put(len(texts), "√(1 − cost): a random kernel as N → ∞", color=INK, linewidth=1.0, linestyle=":")
    y = 1 + (0.16 + LEGEND_LINE * (lines + 0.75)) / AXES[1]
    axes.text(0, y, title, size=TITLE, weight="bold", va="bottom", transform=axes.transAxes)


def _number(axes: Axes, paths: list[Path], thin: list[Path]) -> None:
    """Write Q at the points where it touches nothing and belongs to no other point: the ends of a line first."""
    scale = np.array(AXES) / (COST_END, ERROR_END)  # inches
    inches = [np.array(path) * scale for path in paths]
    points = np.concatenate(inches)
    fine = np.linspace(0, 1, 100)
    drawn = [*paths, *thin, list(zip(fine, np.sqrt(1 - fine), strict=True)), [(1, 0), (1, ERROR_END)]]
    curves = [np.array(path) * scale for path in drawn]
    dots = np.concatenate([_dots(curve) for curve in curves])
    corner = np.array([1.02, ERROR_END]) * scale - (0, 0.16)
    beyond = [*corner, corner[0] + text_width(BEYOND, SMALL), AXES[1]]
    taken = np.concatenate([np.hstack([dots - 0.01, dots + 0.01]), np.hstack([points - 0.04, points + 0.04]), [beyond]])
    ends = [(i, q) for i, path in enumerate(paths) for q in sorted({1, len(path)})]
    between = [(i, q) for i, path in enumerate(paths) for q in range(2, len(path))]
    for i, q in ends + between:
        half = np.array([text_width(str(q), SMALLEST), SMALLEST / 72]) / 2
        for side in ((1, 1), (-1, -1), (1, 0), (0, 1), (-1, 0), (0, -1), (-1, 1), (1, -1)):
            point = inches[i][q - 1]
            middle = point + np.array(side) * (0.06 + half)
            box = np.array([*middle - half, *middle + half])
            distances = np.linalg.norm(points - middle, axis=1)
            own = np.linalg.norm(point - middle)
            lonely = np.sum(distances < 1.3 * own) == 1
            inside = box[:2].min() > 0.03 and box[2] < AXES[0] and box[3] < AXES[1]
            if lonely and inside and not _touches(box, taken):
                place = middle / scale
                axes.text(
                    place[0], place[1], str(q), size=SMALLEST, ha="center", va="center_baseline", gid=f"q-{i}-{q}"
                )
                taken = np.vstack([taken, box])
                break


def _dots(curve: Array) -> Array:
    """Points along a curve, close enough for no text to lie between them."""
    lengths = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(curve, axis=0), axis=1))])
    at = np.arange(0, lengths[-1], 0.04)
    return np.stack([np.interp(at, lengths, curve[:, axis]) for axis in (0, 1)], axis=1)


def _touches(box: Array, others: Array) -> bool:
    """Whether a box (left, bottom, right, top) comes near one of the others."""
    near = (box[:2] - 0.015 < others[:, 2:]) & (others[:, :2] < box[2:] + 0.015)
    return bool(near.all(axis=1).any())


def _checked_kernels(kernels: Mapping[str, Array]) -> dict[str, Array]:
    """The kernels in float64; raise where one cannot be taken apart or drawn."""
    if not isinstance(kernels, Mapping):
        raise TypeError(f"{NAME}: kernels must be a mapping of labels to arrays; got {type(kernels).__name__}")
    if not 1 <= len(kernels) <= MOST_LINES:
        raise ValueError(f"{NAME}: kernels must be 1 to {MOST_LINES}; got {len(kernels)}")
    for label, kernel in kernels.items():
        if not isinstance(label, str):
            raise TypeError(f"{NAME}: kernels must have strings as labels; got {label!r}")
        if not isinstance(kernel, np.ndarray) or kernel.dtype.kind not in "iuf":
            kind = getattr(kernel, "dtype", type(kernel).__name__)
            raise TypeError(f"{NAME}: kernels[{label!r}] must be an ndarray of real numbers; got {kind}")
        if kernel.ndim != 4 or min(kernel.shape) < 1:
            raise ValueError(f"{NAME}: kernels[{label!r}] must be (Dᵣ, Dᵣ, M, N); got the shape {kernel.shape}")
        if not 0 < np.linalg.norm(kernel.astype(np.float64)) < np.inf:
            raise ValueError(f"{NAME}: kernels[{label!r}] {kernel.shape} must be finite and not all zero")
    return {label: kernel.astype(np.float64) for label, kernel in kernels.items()}

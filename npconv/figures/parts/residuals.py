"""The two residual blocks as the figures draw them: their tensors, which of these are linear, and what they cost."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import numpy as np

from ...cost import Cost, inverted_residual_cost, residual_bottleneck_cost
from ...kernels import arguments
from ...kernels.blocks import (
    inverted_residual,
    inverted_residual_geometry,
    inverted_residual_stages,
    residual_bottleneck,
    residual_bottleneck_stages,
)
from ...kernels.geometry import Array, Geometry, Padding, Pair
from ...kernels.signatures import RESIDUAL_BOTTLENECK
from .values import MOST_NUMBERS

Shape: TypeAlias = Array | Sequence[int]
Sizes: TypeAlias = tuple[int, ...]
Draw: TypeAlias = Callable[[Sizes | None], Any]  # random numbers of a shape; None where there is none

DRAWS = 64  # of kernels; fewer where there are many channels, as every channel is a draw


@dataclass(frozen=True)
class Tensor:
    """A tensor that is drawn: its role, its (height, width, channels), and the activation that made it."""

    role: str
    shape: Sizes
    activation: str  # "linear", "ReLU" or "ReLU6"

    @property
    def linear(self) -> bool:
        """True where no activation made it."""
        return self.activation == "linear"


@dataclass(frozen=True)
class Operator:
    """A convolution: the name and the shape of its kernel, its cost, and its stride and dilation where they are not 1.

    >>> Operator("depthwise", (3, 3, 8), None, ("stride 2",)).text
    '3×3 depthwise'
    """

    name: str
    kernel: Sizes
    cost: Cost
    geometry: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The operator in the paper's notation."""
        height, width = self.kernel[:2] if len(self.kernel) > 2 else (1, 1)
        return f"{height}×{width}" + (" depthwise" if len(self.kernel) == 3 else "")


@dataclass(frozen=True)
class ResidualBlock:
    """A residual block: an operator from each tensor to the next, and with a shortcut a sum before the last tensor.

    `geometry` is that of the operator that filters.
    """

    name: str
    tensors: list[Tensor]
    operators: list[Operator]
    cost: Cost
    geometry: Geometry
    no_shortcut: str = ""  # why there is none; empty where there is one

    @property
    def shortcut(self) -> bool:
        """True where its input is added."""
        return not self.no_shortcut

    @property
    def expands(self) -> bool:
        """True where it has all three operators: with t = 1 the expansion is absent."""
        return len(self.operators) == 3

    @property
    def branch(self) -> list[Tensor]:
        """The tensors before the sum."""
        return self.tensors[: len(self.operators) + 1]

    @property
    def widths(self) -> list[str]:
        """For each tensor of the branch "wide" or "narrow"; nothing where all have as many channels."""
        channels = [tensor.shape[-1] for tensor in self.branch]
        low, high = min(channels), max(channels)
        return ["wide" if 2 * count > low + high else "narrow" for count in channels] if low < high else []

    @property
    def ends(self) -> str:
        """The tensors that the shortcut joins."""
        return {"wide": "the wide ends", "narrow": "the bottlenecks"}[self.widths[0]] if self.widths else "its ends"


def conventional_block(function: str, seed: int, **given: Shape) -> ResidualBlock:
    """The conventional residual bottleneck: x, reduce, spatial, restore. It raises as the kernel, and for B above 1."""
    function += " (conventional)"
    size, *kernels = shapes = _sizes(function, given)
    g = RESIDUAL_BOTTLENECK.check_shapes(function, *shapes).geometry(padding="same")
    _check_one_image(function, given, shapes)
    cost = residual_bottleneck_cost(*shapes)

    def run(draw: Draw) -> list[Array | None]:
        x = residual_bottleneck(draw(_probe(size, g)), *map(draw, kernels))
        stages = residual_bottleneck_stages(x, *map(draw, kernels))
        return [x, stages.reduced_relu, stages.filtered_relu, stages.restored, stages.output]

    roles = ("input", "reduced", "filtered", "restored", "output")
    operators = [Operator(*each) for each in zip(cost.parts, kernels, cost.parts.values(), strict=True)]
    return ResidualBlock("conventional residual", _tensors(function, size, cost, roles, run, seed), operators, cost, g)


def inverted_block(
    function: str, seed: int, stride: Pair, padding: Padding, dilation: Pair, **given: Shape | None
) -> ResidualBlock:
    """The inverted residual: x by any name, expand, depthwise, project. It raises as the kernel, and for B above 1."""
    name = next(iter(given))
    function += "" if name == "x" else f" (inverted, {name} as x)"
    size, first, middle, last = shapes = _sizes(function, given)
    g, shortcut = inverted_residual_geometry(function, shapes, stride, padding, dilation, shapes=True)
    _check_one_image(function, given, shapes)
    cost = inverted_residual_cost(*shapes, stride=stride, padding=padding, dilation=dilation)

    def run(draw: Draw) -> list[Array | None]:
        x = inverted_residual(draw(_probe(size, g)), draw(first), draw(middle), draw((last[0], size[-1])))
        kernels = map(draw, (first, middle, last))
        stages = inverted_residual_stages(x, *kernels, stride=stride, padding=padding, dilation=dilation)
        return [x, stages.expanded_relu6, stages.depthwise_relu6, stages.projected, stages.output if shortcut else None]

    roles = ["input", *["expanded"] * bool(first), "filtered", *["projected"] * shortcut, "output"]
    geometry = {"depthwise": _geometry_texts(g)}
    operators = [
        Operator(name, kernel, cost.parts[name], geometry.get(name, ()))
        for name, kernel in zip(("expand", "depthwise", "project"), (first, middle, last), strict=True)
        if kernel
    ]
    why = "" if shortcut else _why_none(g, size[-1], last[-1])
    return ResidualBlock("inverted residual", _tensors(function, size, cost, roles, run, seed), operators, cost, g, why)


def pair_text(height: int, width: int) -> str:
    """A number for both sides, or the pair.

    >>> pair_text(2, 2), pair_text(1, 2)
    ('2', '(1, 2)')
    """
    return str(height if height == width else (height, width))


def _geometry_texts(g: Geometry) -> tuple[str, ...]:
    pairs = {"stride": (g.height.stride, g.width.stride), "dilation": (g.height.dilation, g.width.dilation)}
    return tuple(f"{name} {pair_text(*pair)}" for name, pair in pairs.items() if pair != (1, 1))


def _why_none(g: Geometry, k: int, k_out: int) -> str:
    """The reason for which there is no shortcut."""
    strides = pair_text(g.height.stride, g.width.stride)
    stride = f"the stride is {strides}" if strides != "1" else ""
    channels = f"k = {k} but k′ = {k_out}" if k != k_out else ""
    return ", and ".join(filter(None, (stride, channels)))


def _probe(size: Sizes, g: Geometry) -> Sizes:
    """The shape of four small images with as many channels, on which every tap meets some input."""
    return (4, *(min(axis.input, axis.span + axis.stride) for axis in (g.height, g.width)), size[-1])


def _tensors(
    function: str,
    size: Sizes,
    cost: Cost,
    roles: Sequence[str],
    run: Callable[[Draw], list[Array | None]],
    seed: int,
) -> list[Tensor]:
    """The tensors of a block, with the activations found from many draws: one that is never negative is not linear.

    With few channels a draw of the kernels can hide a sign, so that there are more draws.
    """
    generator = arguments.generator(function, seed)

    def draw(shape: Sizes | None) -> Any:  # beyond 6 in every tensor that nothing caps
        return None if shape is None else 3 * generator.standard_normal(shape, np.float32)

    sizes = [size, *(part.output_shape for part in cost.parts.values()), cost.output_shape][: len(roles)]
    draws = 1 + DRAWS // min(shape[-1] for shape in sizes)
    runs = [[a for a in run(draw) if a is not None] for _ in range(draws)]
    tensors = []
    for role, shape, arrays in zip(roles, sizes, zip(*runs, strict=True), strict=True):
        low, high = min(a.min() for a in arrays), max(a.max() for a in arrays)
        tensors.append(Tensor(role, shape[1:], "linear" if low < 0 else "ReLU6" if high <= 6 else "ReLU"))
    return tensors


def _sizes(function: str, given: Mapping[str, Shape | None]) -> list[Any]:
    """The shapes given, or those of the arrays given, and None for no expansion; x is not drawn, so it may be large."""
    expected, known = "a shape, a tuple of ints, or a numpy.ndarray", []
    for name, shape in given.items():
        most = arguments.MOST if name in ("x", "narrow") else MOST_NUMBERS
        plain = shape.shape if isinstance(shape, np.ndarray) else shape
        known.append(
            None if plain is None and name == "expand" else arguments.sizes(function, name, plain, expected, most=most)
        )
    return known


def _check_one_image(function: str, names: Iterable[str], shapes: Sequence[Sizes | None]) -> None:
    if (shapes[0] or (0,))[0] != 1:
        got = ", ".join(f"{name} {shape}" for name, shape in zip(names, shapes, strict=True) if shape is not None)
        raise ValueError(f"{function}: {next(iter(names))} must be one image to draw, B = 1; got {got}")

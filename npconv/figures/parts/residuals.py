"""The two residual blocks as the figures draw them: their tensors, which of these are linear, and what they cost."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

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

DRAWS = 64  # of kernels; fewer where there are many channels, as every channel is a draw


@dataclass(frozen=True)
class Tensor:
    """A tensor that is drawn: what it is, its (height, width, channels), and the activation that made it."""

    role: str
    shape: Sizes
    activation: str  # "linear", "ReLU" or "ReLU6"

    @property
    def linear(self) -> bool:
        """Whether no activation made it."""
        return self.activation == "linear"

    @property
    def channels(self) -> int:
        """Its channels."""
        return self.shape[-1]


@dataclass(frozen=True)
class Operator:
    """A convolution: the name of its kernel, the kernel's shape, what it costs, and its stride and dilation."""

    name: str
    kernel: Sizes
    cost: Cost
    geometry: tuple[str, ...] = ()  # what is not 1: "stride 2", "dilation (2, 1)"

    @property
    def text(self) -> str:
        """It as the paper writes it."""
        height, width = self.kernel[:2] if len(self.kernel) > 2 else (1, 1)
        return f"{height}×{width}" + (" depthwise" if len(self.kernel) == 3 else "")


@dataclass(frozen=True)
class Residual:
    """A block: an operator from each tensor to the next, and the sum before the last tensor where there is one."""

    name: str
    tensors: list[Tensor]
    operators: list[Operator]
    cost: Cost
    no_shortcut: str = ""  # why there is none; empty where there is one
    expands: bool = True

    @property
    def shortcut(self) -> bool:
        """Whether its input is added."""
        return not self.no_shortcut

    @property
    def branch(self) -> list[Tensor]:
        """The tensors without that after the sum."""
        return self.tensors[: len(self.operators) + 1]

    @property
    def words(self) -> list[str]:
        """Of each tensor of the branch whether it is wide or narrow; empty where all have as many channels."""
        channels = [tensor.channels for tensor in self.branch]
        low, high = min(channels), max(channels)
        return ["wide" if 2 * count > low + high else "narrow" for count in channels] if low < high else []

    @property
    def ends(self) -> str:
        """What the shortcut lies between."""
        return {"wide": "the wide ends", "narrow": "the bottlenecks"}[self.words[0]] if self.words else "its ends"


def conventional_block(function: str, x: Shape, reduce: Shape, spatial: Shape, restore: Shape, seed: int) -> Residual:
    """The conventional residual bottleneck of these shapes; raises as the kernel, and where B is above 1."""
    function = f"{function} (conventional)"
    given = {"x": x, "reduce": reduce, "spatial": spatial, "restore": restore}
    shapes = {name: _shape(function, name, shape) for name, shape in given.items()}
    RESIDUAL_BOTTLENECK.check_shapes(function, *shapes.values())
    _check_one_image(function, "x", shapes)
    size, *kernels = shapes.values()
    cost = residual_bottleneck_cost(size, *kernels)
    height, width = (min(side, kernel + 1) for side, kernel in zip(size[1:3], shapes["spatial"][:2], strict=True))
    probe_size = (4, height, width, size[-1])

    def tensors(generator: np.random.Generator) -> dict[str, Array]:
        x = residual_bottleneck(_random(generator, probe_size), *(_random(generator, shape) for shape in kernels))
        stages = residual_bottleneck_stages(x, *(_random(generator, shape) for shape in kernels))
        return {
            "input": x,
            "reduced": stages.reduced_relu,
            "filtered": stages.filtered_relu,
            "restored": stages.restored,
            "output": stages.output,
        }

    sizes = [size, *(cost.parts[part].output_shape for part in ("reduce", "spatial", "restore")), cost.output_shape]
    activations = _activations(function, tensors, seed, min(size[-1], *(shape[-1] for shape in kernels)))
    return Residual(
        "conventional residual",
        [Tensor(role, size[1:], kind) for (role, kind), size in zip(activations.items(), sizes, strict=True)],
        [Operator(name, shapes[name], part) for name, part in cost.parts.items()],
        cost,
    )


def inverted_block(
    function: str,
    input_name: str,
    x: Shape,
    expand: Shape | None,
    depthwise: Shape,
    project: Shape,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    seed: int,
) -> Residual:
    """The inverted residual of these shapes; raises as the kernel, and where B is above 1.

    `input_name` is the caller's name of x.
    """
    function += "" if input_name == "x" else f" (inverted, {input_name} as x)"
    size, middle, last = (
        _shape(function, name, shape)
        for name, shape in ((input_name, x), ("depthwise", depthwise), ("project", project))
    )
    first = None if expand is None else _shape(function, "expand", expand)
    given, geometry = (size, first, middle, last), (stride, padding, dilation)
    g, shortcut = inverted_residual_geometry(function, given, *geometry, shapes=True)
    shapes = {"expand": first, "depthwise": middle, "project": last}
    _check_one_image(function, input_name, {input_name: size, **shapes})
    cost = inverted_residual_cost(size, first, middle, last, stride=stride, padding=padding, dilation=dilation)
    probe_size = (4, *(min(axis.input, axis.span + axis.stride) for axis in (g.height, g.width)), size[-1])

    def tensors(generator: np.random.Generator) -> dict[str, Array]:
        def random(shape: Sizes | None) -> Array | None:
            return None if shape is None else _random(generator, shape)

        before = _random(generator, probe_size), random(first), _random(generator, middle)
        x = inverted_residual(*before, _random(generator, (last[0], size[-1])))
        kernels = random(first), _random(generator, middle), _random(generator, last)
        stages = inverted_residual_stages(x, *kernels, stride=stride, padding=padding, dilation=dilation)
        drawn = {"input": x} if stages.expanded_relu6 is None else {"input": x, "expanded": stages.expanded_relu6}
        drawn["filtered"] = stages.depthwise_relu6
        if stages.output is not stages.projected:
            drawn["projected"] = stages.projected
        return {**drawn, "output": stages.output}

    activations = _activations(function, tensors, seed, min(size[-1], middle[-1], last[-1]))
    sizes = [size, *(part.output_shape for part in cost.parts.values()), *([cost.output_shape] if shortcut else [])]
    kernels = [shape for shape in shapes.values() if shape is not None]
    return Residual(
        "inverted residual",
        [Tensor(role, size[1:], kind) for (role, kind), size in zip(activations.items(), sizes, strict=True)],
        [
            Operator(name, shape, part, _geometry_texts(g) if name == "depthwise" else ())
            for (name, part), shape in zip(cost.parts.items(), kernels, strict=True)
        ],
        cost,
        "" if shortcut else _why_none(g, size[-1], last[-1]),
        expand is not None,
    )


def _pair_text(pair: tuple[int, int]) -> str:
    return str(pair[0] if pair[0] == pair[1] else pair)


def _geometry_texts(g: Geometry) -> tuple[str, ...]:
    pairs = {"stride": (g.height.stride, g.width.stride), "dilation": (g.height.dilation, g.width.dilation)}
    return tuple(f"{name} {_pair_text(pair)}" for name, pair in pairs.items() if pair != (1, 1))


def _why_none(g: Geometry, k: int, k_out: int) -> str:
    """Why there is no shortcut."""
    strides = (g.height.stride, g.width.stride)
    stride = f"the stride is {_pair_text(strides)}" if strides != (1, 1) else ""
    channels = f"k = {k} but k′ = {k_out}" if k != k_out else ""
    return ", and ".join(reason for reason in (stride, channels) if reason)


def _activations(
    function: str, tensors: Callable[[np.random.Generator], Mapping[str, Array]], seed: int, least_channels: int
) -> dict[str, str]:
    """The activation that made each tensor, found from many draws: one that is never negative is not linear.

    With few channels a draw of the kernels can hide a sign, so that there are more draws.
    """
    generator = arguments.generator(function, seed)
    draws = [tensors(generator) for _ in range(1 + DRAWS // least_channels)]
    low = {role: min(float(draw[role].min()) for draw in draws) for role in draws[0]}
    high = {role: max(float(draw[role].max()) for draw in draws) for role in draws[0]}
    return {role: "linear" if low[role] < 0 else "ReLU6" if high[role] <= 6 else "ReLU" for role in low}


def _random(generator: np.random.Generator, shape: Sizes) -> Array:
    return 3 * generator.standard_normal(shape, np.float32)  # beyond 6 in every tensor that nothing caps


def _shape(function: str, name: str, given: Shape) -> Sizes:
    shape = given.shape if isinstance(given, np.ndarray) else given
    expected = "a shape, a tuple of ints, or a numpy.ndarray"
    drawn = name not in ("x", "narrow")
    return arguments.sizes(function, name, shape, expected, most=MOST_NUMBERS if drawn else arguments.MOST)


def _check_one_image(function: str, name: str, shapes: Mapping[str, Sizes | None]) -> None:
    if (shapes[name] or (0,))[0] != 1:
        got = ", ".join(f"{name} {shape}" for name, shape in shapes.items() if shape is not None)
        raise ValueError(f"{function}: {name} must be one image to draw, B = 1; got {got}")

"""An inverted residual run on an image: the maps of every stage, and how much ReLU6 drops."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from ...data import Photograph
from ...kernels import arguments
from ...kernels.blocks import inverted_residual_geometry, inverted_residual_stages
from ...kernels.geometry import Array, Pair
from ...text import number_text, shape_text
from .photograph import photograph_from

MOST_MAPS = 24  # of a stage
LONGEST_SIDE = 50  # pixels of a photograph after averaging
COLORS = ("red", "green", "blue")
COARSE = 16  # every 16th value of a map goes into the data


@dataclass(frozen=True)
class Stage:
    """One stage's maps (h, w, channels); `active` says that they come out of a ReLU6."""

    name: str
    title: str
    maps: Array
    limit: float
    active: bool = False
    below: tuple[str, ...] = ()  # what is written below the maps, instead of their channel

    @property
    def drawn(self) -> int:
        drawn: int = min(self.maps.shape[-1], MOST_MAPS)
        return drawn

    @property
    def zeros(self) -> int:
        return int(np.count_nonzero(self.maps == 0))

    @property
    def sixes(self) -> int:
        return int(np.count_nonzero(self.maps == 6))

    @property
    def zeros_by_map(self) -> list[int]:
        counts: list[int] = np.count_nonzero(self.maps == 0, axis=(0, 1)).tolist()
        return counts

    @property
    def heading(self) -> str:
        share = f": {self.zeros / self.maps.size:.1%} zeros".replace("%", " %") if self.active else ""
        return f"{self.title}, {shape_text(self.maps.shape)}{share}"

    @property
    def scale(self) -> list[str]:
        """What the greys are, and the counts, in parts that a line can break between."""
        channels, limit = self.maps.shape[-1], _limit_text(self.limit)
        parts = [] if self.drawn == channels else [f"the first {self.drawn} of {channels} maps"]
        if not self.active:
            return [*parts, f"black −{limit}, mid-grey 0, white {limit}"]
        return [f"black 0, white {limit}", f"zeros: {self.zeros:,} of {self.maps.size:,}", f"cut at 6: {self.sixes:,}"]

    @property
    def data(self) -> dict[str, Any]:
        numbers = {"name": self.name, "shape": list(self.maps.shape), "drawn": self.drawn, "limit": self.limit}
        if self.active:
            numbers |= {"values": self.maps.size, "zeros": self.zeros, "at six": self.sixes}
            numbers |= {"zeros by map": self.zeros_by_map[: self.drawn]}
        return {**numbers, f"every {COARSE}th": self.maps[::COARSE, ::COARSE, : self.drawn].tolist()}


@dataclass(frozen=True)
class BlockRun:
    """What is drawn: the stages by name, and where they come from."""

    stages: dict[str, Stage]
    photograph: Photograph | None
    pixels: Array | None  # the averaged photograph, (h, w, 3)
    averaged: int
    weights: dict[str, str]
    kernel: tuple[int, int]
    stride: tuple[int, int]
    shortcut: bool
    no_shortcut: str

    @property
    def weights_text(self) -> str:
        words = list(dict.fromkeys(self.weights.values()))
        if len(words) == 1:
            return f"weights: {words[0]}"
        return "; ".join(f"{', '.join(k for k, w in self.weights.items() if w == word)}: {word}" for word in words)

    @property
    def strided(self) -> str:
        return f"stride {self.stride[0] if len(set(self.stride)) == 1 else self.stride}"


def input_from(
    function: str, photograph: Photograph | Array | None, x: Array | None
) -> tuple[Array, Photograph | None, Array | None, int]:
    """x in float64, and where it is a photograph's: the photograph, its averaged pixels, and over how many a side."""
    if x is not None:
        if photograph is not None:
            raise ValueError(f"{function}: x and photograph are both given; one of them is drawn")
        if not isinstance(x, np.ndarray) or x.dtype.kind not in "iuf":
            kind = getattr(x, "dtype", type(x).__name__)
            raise TypeError(f"{function}: x must be an ndarray of real numbers; got {kind}")
        if x.ndim != 4 or x.shape[0] != 1 or not 4 <= min(x.shape[1:3]) <= max(x.shape[1:3]) <= 256 or not x.size:
            raise ValueError(
                f"{function}: x must be one image (1, Dᵤ, Dᵤ, k), 4 to 256 a side, to draw; got x {x.shape}"
            )
        if not np.isfinite(x).all():
            raise ValueError(f"{function}: x must hold finite numbers to draw; x {x.shape}")
        return x.astype(np.float64), None, None, 1
    photograph = photograph_from(function, photograph)
    pixels = photograph.pixels
    side = math.ceil(max(pixels.shape[:2]) / LONGEST_SIDE)
    height, width = (length // side for length in pixels.shape[:2])
    blocks = pixels[: height * side, : width * side].reshape(height, side, width, side, 3)
    averaged = blocks.sum(axis=(1, 3), dtype=np.int64) / side**2  # (Dᵤ, Dᵤ, 3)
    return averaged[np.newaxis] / 127.5 - 1, photograph, averaged, side


def run_block(
    function: str,
    x: Array,
    photograph: Photograph | None,
    pixels: Array | None,
    averaged: int,
    given: dict[str, Array | None],
    stride: Pair,
    expansion: int,
    out_channels: int | None,
    words: str,
    seed: int,
) -> BlockRun:
    """Run the block on x, with random kernels where none are given."""
    generator, k = np.random.default_rng(seed), x.shape[-1]
    kernels: dict[str, Array] = {}
    channels = k
    for name, kernel in given.items():
        if kernel is not None:
            if not isinstance(kernel, np.ndarray) or kernel.dtype.kind not in "iuf":
                kind = getattr(kernel, "dtype", type(kernel).__name__)
                raise TypeError(f"{function}: {name} must be an ndarray of real numbers; got {kind}")
            if not np.isfinite(kernel).all():
                raise ValueError(f"{function}: {name} must hold finite numbers to draw; {name} {kernel.shape}")
            kernels[name] = kernel.astype(np.float64)
        elif name != "expand" or expansion > 1:
            shape = {
                "expand": (channels, expansion * k),
                "depthwise": (3, 3, channels),
                "project": (channels, k if out_channels is None else out_channels),
            }[name]
            fan_in = 9 if name == "depthwise" else channels
            kernels[name] = generator.standard_normal(shape) * math.sqrt(2 / fan_in)
        if name in kernels and kernels[name].ndim > 1:
            channels = kernels[name].shape[-1]
    expand, depthwise, project = kernels.get("expand"), kernels["depthwise"], kernels["project"]
    arrays = (x, expand, depthwise, project)
    g, shortcut = inverted_residual_geometry(function, arrays, stride, "same", 1)
    stages = inverted_residual_stages(x, expand, depthwise, project, stride=stride)
    limit = _limit(x) if photograph is None else 1.0
    drawn = [Stage("input", "input x", x[0], limit, below=() if photograph is None else COLORS)]
    if stages.expanded is not None and stages.expanded_relu6 is not None:
        drawn += _pair("expanded", stages.expanded[0], stages.expanded_relu6[0])
    drawn += _pair("depthwise", stages.depthwise[0], stages.depthwise_relu6[0])
    drawn.append(Stage("projected", "projected", stages.projected[0], _limit(stages.projected)))
    if shortcut:
        drawn.append(Stage("output", "output", stages.output[0], _limit(stages.output)))
    random = f"not trained; normal, mean 0, variance 2/fan-in, seed {seed}"
    k_out = project.shape[1]
    unequal = f"k = {k} and k′ = {k_out} differ"
    reason = f"the stride is {arguments.plain(stride)}" if (g.height.stride, g.width.stride) != (1, 1) else unequal
    return BlockRun(
        {stage.name: stage for stage in drawn},
        photograph,
        pixels,
        averaged,
        {name: random if given[name] is None else words for name in kernels},
        depthwise.shape[:2],
        (g.height.stride, g.width.stride),
        shortcut,
        reason,
    )


def _pair(name: str, linear: Array, active: Array) -> list[Stage]:
    limit = _limit(linear)
    return [
        Stage(name, name, linear, limit),
        Stage(f"{name} ReLU6", "its ReLU6", active, min(limit, 6.0), active=True),
    ]


def _limit(values: Array) -> float:
    """A limit that a few strong values do not set: 19 of 20 values have a grey of their own."""
    limit = float(np.percentile(np.abs(values), 95))
    return limit or float(np.abs(values).max()) or 1.0


def _limit_text(limit: float) -> str:
    return number_text(limit) if limit >= 0.1 else f"{limit:.1e}".replace("-", "−")

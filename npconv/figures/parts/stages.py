"""An inverted residual run on an image: the maps of every stage, and how much ReLU6 drops."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib.colors import LinearSegmentedColormap

from ...data import Photograph
from ...kernels import arguments
from ...kernels.blocks import inverted_residual_geometry, inverted_residual_stages
from ...kernels.geometry import Array, Pair
from ...text import number_text
from .drawing import ROLES
from .photograph import photograph_from

MOST_MAPS = 24  # of a stage
LONGEST_SIDE = 50  # pixels of a photograph after averaging
COLORS = ("red", "green", "blue")
COARSE = 16  # every 16th value of a map goes into the data
SIGNED = "gray"
POSITIVE = LinearSegmentedColormap.from_list("positive", ["#00553E", ROLES["output"], "white"])
ACTIVE = POSITIVE.with_extremes(under="black")  # zero lies under the smallest positive value
ABOVE_ZERO = 1e-6  # of the limit: the smallest positive value that is told from zero


@dataclass(frozen=True)
class Source:
    """The input of the block; for a photograph also the means of side×side of its pixels, which x is made of."""

    x: Array  # (1, Dᵤ, Dᵤ, k), float64
    photograph: Photograph | None = None
    pixels: Array | None = None  # (Dᵤ, Dᵤ, 3)
    side: int = 1


@dataclass(frozen=True)
class StageMaps:
    """The maps of one stage (h, w, channels), and the value that is drawn white."""

    name: str
    maps: Array
    limit: float
    channels: tuple[str, ...] = ()  # their names, if not their numbers

    @property
    def active(self) -> bool:
        """True where they come out of a ReLU6."""
        return self.name.endswith("ReLU6")

    @property
    def drawn(self) -> int:
        """The number of maps that are drawn."""
        return min(int(self.maps.shape[-1]), MOST_MAPS)

    @property
    def zeros(self) -> list[int]:
        """The number of zeros in each map."""
        counts: list[int] = np.count_nonzero(self.maps == 0, axis=(0, 1)).tolist()
        return counts

    @property
    def share(self) -> str:
        """The share of zeros in all maps."""
        return f"{sum(self.zeros) / self.maps.size:.1%}".replace("%", " %")

    @property
    def sixes(self) -> int:
        """The number of values that ReLU6 cut off at 6."""
        return int(np.count_nonzero(self.maps == 6))

    @property
    def labels(self) -> list[str]:
        """The labels below the maps: their channel, or their share of zeros."""
        if self.active:
            return [_percent(zeros, self.maps[..., 0].size) for zeros in self.zeros[: self.drawn]]
        return list(self.channels) or [str(c) for c in range(self.drawn)]

    @property
    def note(self) -> str:
        """The zeros, and what the greys mean."""
        limit = number_text(self.limit) if self.limit >= 0.1 else f"{self.limit:.1e}".replace("-", "−")
        if self.active:
            zeros = f"{self.share} zeros ({sum(self.zeros):,} of {self.maps.size:,})"
            return f"{zeros}; cut at 6: {self.sixes:,}; white {limit}"
        channels = self.maps.shape[-1]
        some = f"the first {self.drawn} of {channels} maps; " if self.drawn < channels else ""
        return f"{some}black −{limit}, mid-grey 0, white {limit}"

    @property
    def data(self) -> dict[str, Any]:
        """The stage as plain JSON."""
        numbers = {"name": self.name, "shape": list(self.maps.shape), "drawn": self.drawn, "limit": self.limit}
        if self.active:
            numbers |= {"values": self.maps.size, "zeros": sum(self.zeros), "at six": self.sixes}
            numbers |= {"zeros by map": self.zeros[: self.drawn]}
        return {**numbers, f"every {COARSE}th": self.maps[::COARSE, ::COARSE, : self.drawn].tolist()}


@dataclass(frozen=True)
class BlockRun:
    """A block with its input and all its stages by name; `no_shortcut` is the reason why it has none, if so."""

    source: Source
    stages: dict[str, StageMaps]
    weights: dict[str, str]  # of each kernel: what its weights are
    kernel: tuple[int, int]
    stride: tuple[int, int]
    no_shortcut: str

    @property
    def weights_text(self) -> str:
        """The words about the weights, once for kernels that are alike."""
        kinds = list(dict.fromkeys(self.weights.values()))
        if len(kinds) == 1:
            return f"weights: {kinds[0]}"
        return "; ".join(f"{', '.join(k for k, w in self.weights.items() if w == kind)}: {kind}" for kind in kinds)

    @property
    def strided(self) -> str:
        """The stride in words."""
        return f"stride {self.stride[0] if len(set(self.stride)) == 1 else self.stride}"


def source_from(function: str, photograph: Photograph | Array | None, x: Array | None) -> Source:
    """The input of the block, from a photograph or from x; raises TypeError or ValueError where it can't be drawn."""
    if x is not None:
        if photograph is not None:
            raise ValueError(f"{function}: x and photograph are both given; one of them is drawn")
        x = _finite(function, "x", x)
        if x.ndim != 4 or x.shape[0] != 1 or not 4 <= min(x.shape[1:3]) <= max(x.shape[1:3]) <= 256 or not x.size:
            raise ValueError(
                f"{function}: x must be one image (1, Dᵤ, Dᵤ, k), 4 to 256 a side, to draw; got x {x.shape}"
            )
        return Source(x)
    photograph = photograph_from(function, photograph)
    side = math.ceil(max(photograph.pixels.shape[:2]) / LONGEST_SIDE)
    height, width = (length // side for length in photograph.pixels.shape[:2])
    blocks = photograph.pixels[: height * side, : width * side].reshape(height, side, width, side, 3)
    pixels = blocks.sum(axis=(1, 3), dtype=np.int64) / side**2  # (Dᵤ, Dᵤ, 3)
    return Source(pixels[np.newaxis] / 127.5 - 1, photograph, pixels, side)


def run_block(
    function: str,
    source: Source,
    given: dict[str, Array | None],
    stride: Pair,
    expansion: int,
    out_channels: int | None,
    words: str,
    seed: int,
) -> BlockRun:
    """Run the block, with random kernels where none are given; `words` say what the weights of the others are."""
    x = source.x
    kernels = _kernels(function, x.shape[-1], given, expansion, out_channels, np.random.default_rng(seed))
    expand, depthwise, project = kernels.get("expand"), kernels["depthwise"], kernels["project"]
    g, shortcut = inverted_residual_geometry(function, (x, expand, depthwise, project), stride, "same", 1)
    stages = inverted_residual_stages(x, expand, depthwise, project, stride=stride)
    drawn = [StageMaps("input", x[0], 1.0, COLORS) if source.photograph else StageMaps("input", x[0], limit_of(x))]
    if stages.expanded is not None and stages.expanded_relu6 is not None:
        drawn += _with_relu6("expanded", stages.expanded[0], stages.expanded_relu6[0])
    drawn += _with_relu6("depthwise", stages.depthwise[0], stages.depthwise_relu6[0])
    for name, maps in (("projected", stages.projected), ("output", stages.output))[: 1 + shortcut]:
        drawn.append(StageMaps(name, maps[0], limit_of(maps)))
    strides = g.height.stride, g.width.stride
    reason = f"k = {x.shape[-1]} and k′ = {project.shape[1]} differ"
    if strides != (1, 1):
        reason = f"the stride is {arguments.plain(stride)}"
    random = f"not trained; normal, mean 0, variance 2/fan-in, seed {seed}"
    return BlockRun(
        source,
        {stage.name: stage for stage in drawn},
        {name: random if given[name] is None else words for name in kernels},
        depthwise.shape[:2],
        strides,
        "" if shortcut else reason,
    )


def _kernels(
    function: str,
    k: int,
    given: dict[str, Array | None],
    expansion: int,
    out_channels: int | None,
    generator: np.random.Generator,
) -> dict[str, Array]:
    """The kernels given, and random ones for the others; no expand where the expansion is 1."""
    kernels: dict[str, Array] = {}
    channels = k
    for name, kernel in given.items():
        if kernel is None and name == "expand" and expansion == 1:
            continue
        if kernel is None:
            shape, fan_in = {
                "expand": ((channels, expansion * k), channels),
                "depthwise": ((3, 3, channels), 9),
                "project": ((channels, k if out_channels is None else out_channels), channels),
            }[name]
            kernels[name] = generator.standard_normal(shape) * math.sqrt(2 / fan_in)
        else:
            kernels[name] = _finite(function, name, kernel)
        channels = kernels[name].shape[-1] if kernels[name].ndim > 1 else channels
    return kernels


def _finite(function: str, name: str, given: Array) -> Array:
    """The array in float64; raises TypeError where it is none of real numbers, ValueError where one isn't finite."""
    if not isinstance(given, np.ndarray) or given.dtype.kind not in "iuf":
        kind = getattr(given, "dtype", type(given).__name__)
        raise TypeError(f"{function}: {name} must be an ndarray of real numbers; got {kind}")
    if not np.isfinite(given).all():
        raise ValueError(f"{function}: {name} must hold finite numbers to draw; {name} {given.shape}")
    return given.astype(np.float64)


def _with_relu6(name: str, linear: Array, active: Array) -> list[StageMaps]:
    limit = limit_of(linear)
    return [StageMaps(name, linear, limit), StageMaps(f"{name} ReLU6", active, min(limit, 6.0))]


def words_from(function: str, name: str, given: str) -> str:
    """A few words of the caller's in one line; raises TypeError or ValueError where they are none.

    >>> words_from("f", "weights", "trained on\\nCIFAR-10")
    'trained on CIFAR-10'
    """
    arguments.instance(function, name, given, str)
    words = " ".join(given.split())
    if not words or len(words) > 200:
        raise ValueError(f"{function}: {name} must be a few words; got {words!r}")
    return words


def shades(limit: float, active: bool) -> tuple[Any, float]:
    """The colours of maps and the value that has the first of them; active maps have no value below 0."""
    return (ACTIVE, ABOVE_ZERO * limit) if active else (SIGNED, -limit)


def limit_of(values: Array, percent: int = 95) -> float:
    """A limit that a few strong values do not set: so many percent of the values have a shade of their own.

    >>> limit_of(np.arange(-100.0, 101.0), 50)
    50.0
    """
    limit = float(np.percentile(np.abs(values), percent))
    return limit or float(np.abs(values).max()) or 1.0


def _percent(part: int, whole: int) -> str:
    """A share in whole percent; only none is 0 and only all is 100."""
    percent = round(100 * part / whole)
    if percent == 0 and part:
        return "< 1 %"
    if percent == 100 and part < whole:
        return "> 99 %"
    return f"{percent} %"

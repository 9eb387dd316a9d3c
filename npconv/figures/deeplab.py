"""DeepLabv3's head as a diagram: the branches of several rates side by side, and what each part costs."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib.figure

from ..kernels.arguments import integer, integers, pair, real, shown
from ..models import DeepLabV3, deeplab_v3, mobilenet_v2
from ..models.features import last_blocks
from ..text import listed, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import ROLES
from .parts.heads import (
    GAP,
    LINE,
    SCALE,
    Flow,
    HeadMap,
    HeadPart,
    Shape,
    back,
    check_given,
    costs_in_words,
    data_of,
    head_page,
    maps_of,
    parts_of,
    told,
)

NAME = "deeplab"
STRIDES = (32, 16, 8)
MOST_RATES = 4
BUILT = {"width": 1.0, "classes": 21, "rates": (6, 12, 18), "filters": 256, "output_stride": 16}


@dataclass(frozen=True)
class DeepLabParts:
    """A DeepLabv3 network on an image: its parts, its branches, and the map that it takes."""

    name: str
    image: Shape
    high: HeadMap
    filters: int
    classes: int
    stride: int
    branches: Sequence[str]  # as their outputs stand side by side
    parts: list[HeadPart]
    space_to_batch: int  # MACs if dilation is computed that way

    def part(self, name: str) -> HeadPart:
        """The part of that name."""
        return next(each for each in self.parts if each.name == name)

    @property
    def macs(self) -> int:
        """All of them."""
        return sum(each.macs for each in self.parts)

    @property
    def atrous(self) -> list[HeadPart]:
        """The branches that have a rate."""
        return [each for each in self.parts if each.name.startswith("atrous_")]


def deeplab(
    *,
    network: DeepLabV3 | None = None,
    width: float = 1.0,
    resolution: int | tuple[int, int] = 513,
    classes: int = 21,
    rates: Sequence[int] = (6, 12, 18),
    filters: int = 256,
    output_stride: int = 16,
) -> Figure:
    """DeepLabv3's branches with the shapes of all tensors, and the parameters and multiplications of each part.

    Args:
        network: of `npconv.models.deeplab_v3`; one on MobileNetV2 if None.
        width, classes, rates, filters, output_stride: of the network that is built where none is given; four rates at
            the most, or none.
        resolution: of the image, its side or (height, width).

    Returns:
        Figure "deeplab". Its data: the image, the map that the head takes with its layer, the names of the branches as
        their outputs stand side by side, and for each part its operator, the shapes that it takes and gives, its
        parameters and MACs; the sum of MACs where dilation is computed by space-to-batch.

    Raises:
        TypeError, ValueError: as `npconv.models.mobilenet_v2` and `npconv.models.deeplab_v3`; an image smaller than the
            network's stride; more rates than can be drawn; an option beside a network.

    Source: L.-C. Chen et al., "Rethinking Atrous Convolution for Semantic Image Segmentation", section 3.3; the
    MobileNetV2 paper's section 6.3.

    >>> figure = deeplab(width=0.35, resolution=(96, 160), rates=(2,), filters=64, classes=3)
    >>> figure.data["branches"], figure.data["parts"][-1]["input"]
    (['pool', 'pointwise', 'atrous_1'], [6, 10, 64])
    """
    run = _run(network, width, resolution, classes, rates, filters, output_stride)
    with drawn_by(NAME, image=run.image):
        figure = _draw(run)
    return Figure(
        name="deeplab",
        figure=figure,
        data={
            "network": run.name,
            "image": list(run.image),
            "high": run.high.data,
            "filters": run.filters,
            "branches": list(run.branches),
            "logits": [*run.image[:2], run.classes],
            "parts": data_of(run.parts),
            "macs by space-to-batch": run.space_to_batch,
        },
        alt=_alt(run),
        caption=_caption(run),
    )


def _run(
    network: Any, width: float, resolution: Any, classes: int, rates: Any, filters: int, output_stride: int
) -> DeepLabParts:
    """Build the network, and count it."""
    image = pair(NAME, "resolution", resolution)
    real(NAME, "width", width, above=0)
    integer(NAME, "classes", classes, 1)
    integer(NAME, "filters", filters, 1)
    integer(NAME, "output_stride", output_stride)
    dilations = integers(NAME, "rates", rates)
    if network is None:
        network = deeplab_v3(
            mobilenet_v2(width, output_stride=output_stride), classes, rates=dilations, filters=filters
        )
        name = f"DeepLabv3 on MobileNetV2 of width multiplier {width:g}"
    else:
        check_given(NAME, network, DeepLabV3, BUILT, (width, classes, dilations, filters, output_stride))
        name = f"a DeepLabv3 on a {network.network.specification.architecture}, given by the caller"
    options = network.options
    if len(options.rates) > MOST_RATES:
        raise ValueError(f"{NAME}: rates must be at most {MOST_RATES} to be drawn; got {shown(options.rates)}")
    (high,) = maps_of(NAME, network, image, (options.high,))
    operators = {
        "network": f"to {options.high}",
        "pointwise": "1×1",
        **{f"atrous_{n}": f"3×3, rate {rate}" for n, rate in enumerate(options.rates, 1)},
        "pool": "mean of each map, 1×1",
        "project": "1×1",
        "refine": "3×3",
        "scores": "1×1 with bias",
    }
    stride = max(last_blocks(network.network), default=1)
    parts = parts_of(network, image, operators)
    counted = network.cost((1, *parts[0].taken), space_to_batch=True)
    return DeepLabParts(
        name, parts[0].taken, high, options.filters, options.classes, stride, network.branches, parts, counted.macs
    )


# How it is drawn


def _draw(run: DeepLabParts) -> matplotlib.figure.Figure:
    """The diagram, and the table of the parts below it."""
    words = (
        "Every branch sees the last map: one cell of it, the cells at a rate around it, or the means of the whole. "
        "Their outputs are concatenated, mixed at each position, and give a score for each class. All but the "
        "scores have normalisation and ReLU."
    )
    about = (
        "Parameters include batch normalisation's. Pooling, spreading and resizing have none, and count no MACs. As "
        f"TensorFlow computes atrous convolutions, by space-to-batch, the MACs are {run.space_to_batch:,}."
    )
    most = max(run.high.shape[2], run.filters * len(run.branches))
    return head_page("DeepLabv3", words, lambda scale: _flow(run, scale), most, about, run.parts)


def _flow(run: DeepLabParts, scale: float) -> Flow:
    """The diagram: the last map, the branches one below the other, and their outputs together."""
    flow = Flow(max(run.image[:2]), scale)
    _, high, high_linear = run.high
    each, scores = (*high[:2], run.filters), (*high[:2], run.classes)
    one = (1, 1, run.filters)
    cuboid = flow.cuboid(each)
    pitch = cuboid.height + back(cuboid) + 0.16 + 2 * LINE
    names = [name for name in run.branches if name != "pool"] + ["pool"]
    lanes = {name: pitch * ((len(names) - 1) / 2 - n) for n, name in enumerate(names)}

    x = flow.tensor("image", run.image, (0, 0), color=ROLES["input"], label="image")
    x = flow.step((x, 0), "network", f"to {run.high.layer}")
    x = flow.tensor("high", high, (x, 0), linear=high_linear)
    bus = x + GAP + 0.1
    flow.line([(x + GAP, 0), (bus, 0)])
    flow.line([(bus, lanes[names[0]]), (bus, lanes["pool"])])
    pooled = flow.step((bus - GAP, lanes["pool"]), "pool", "means, 1×1")
    pooled = flow.tensor("pooled", one, (pooled, lanes["pool"]), above=True)
    stop = flow.step((pooled, lanes["pool"]), "spread", "to all cells")
    right = stop
    for name, y in lanes.items():
        if name != "pool":
            flow.step((bus - GAP, y), name, run.part(name).operator, end=stop)
        right = flow.tensor(name, each, (stop, y))
        flow.line([(right + GAP, y), (right + GAP + 0.1, y)])
    end = right + GAP + 0.1
    flow.line([(end, lanes[names[0]]), (end, lanes["pool"])])
    joined = (*high[:2], run.filters * len(names))
    x = flow.step((end - GAP, 0), "", "side by side")
    x = flow.tensor("joined", joined, (x, 0))
    x = flow.step((x, 0), "project", "1×1")
    x = flow.tensor("projected", each, (x, 0))
    if any(part.name == "refine" for part in run.parts):
        x = flow.step((x, 0), "refine", "3×3")
        x = flow.tensor("refined", each, (x, 0))
    x = flow.step((x, 0), "scores", "1×1")
    x = flow.tensor("scores", scores, (x, 0), linear=True)
    x = flow.step((x, 0), "resize", "bilinear")
    flow.tensor("logits", (*run.image[:2], run.classes), (x, 0), linear=True, label="logits")
    return flow


def _alt(run: DeepLabParts) -> str:
    own = [f"{each.name}, {each.operator}" for each in run.parts if each.name in run.branches]
    return (
        f"A diagram of {run.name} on an image of {shape_text(run.image)}. "
        f"The last map, {shape_text(run.high.shape)}, goes into {len(own)} branches, one below the other: "
        f"{'; '.join(own)}. Each gives {run.filters} channels; side by side they are {run.filters * len(own)}, "
        f"projected to {run.filters}, then to {run.classes} scores at each place, and resized to the image. "
        f"Below, a table of the parts. {told(run.parts)}."
    )


def _caption(run: DeepLabParts) -> str:
    atrous = run.atrous
    share = 100 * sum(each.macs for each in atrous) / run.macs
    if atrous:
        rates = listed([each.operator.removeprefix("3×3, rate ") for each in atrous])
        claim = (
            f"The atrous branches, of rates {rates}, have no more weights than other 3×3 convolutions: "
            f"{atrous[0].params:,} parameters each. But they are dense convolutions, with {share:.0f} % of the MACs. "
        )
    else:
        claim = "Without atrous branches the head is small: a 1×1 convolution and the means of the map. "
    return four_part_caption(
        claim=f"{claim}{costs_in_words(run.parts)}, or {run.space_to_batch:,} by space-to-batch.",
        computed=(
            f"Shapes, parameters and MACs are those of {run.name}, output stride {run.stride}, built by "
            f"npconv.models.deeplab_v3, on an image of {shape_text(run.image)}; batch normalisation's parameters are "
            "included."
        ),
        scale=SCALE,
        not_shown=["the layers inside the network", f"the order side by side, which is {listed(run.branches)}"],
    )

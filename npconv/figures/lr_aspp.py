"""LR-ASPP as a diagram: the gated branch on the last map, the finer map beside it, and what each part costs."""

from dataclasses import dataclass
from typing import Any

import matplotlib.figure

from ..kernels.arguments import integer, one_of, pair, real
from ..models import LRASPP, lr_aspp as build, mobilenet_v3
from ..text import shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import INK, ROLES, SMALLEST
from .parts.heads import (
    GAP,
    LINE,
    RADIUS,
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

NAME = "lr_aspp"
SIZES = ("large", "small")
BUILT = {"size": "large", "width": 1.0, "classes": 21, "filters": 128}


@dataclass(frozen=True)
class LRASPPParts:
    """An LR-ASPP network on an image: its parts, and the maps that it takes."""

    name: str
    image: Shape
    low: HeadMap
    high: HeadMap
    filters: int
    classes: int
    parts: list[HeadPart]

    @property
    def scores(self) -> Shape:
        """The shape of the logits before they are resized."""
        return (*self.low.shape[:2], self.classes)


def lr_aspp(
    *,
    network: LRASPP | None = None,
    size: str = "large",
    width: float = 1.0,
    resolution: int | tuple[int, int] = 512,
    classes: int = 21,
    filters: int = 128,
) -> Figure:
    """LR-ASPP's branches with the shapes of all tensors, and the parameters and multiplications of each part.

    Args:
        network: of `npconv.models.lr_aspp`; one on MobileNetV3 with output stride 16 if None.
        size, width, classes, filters: of the network that is built where none is given.
        resolution: of the image, its side or (height, width).

    Returns:
        Figure "lr-aspp". Its data: the image, the maps that the head takes with their layers, the logits' shape, and
        for each part its operator, the shapes that it takes and gives, its parameters and MACs.

    Raises:
        TypeError, ValueError: as `npconv.models.mobilenet_v3` and `npconv.models.lr_aspp`; an image smaller than the
            network's stride; size, width, classes or filters beside a network.

    Source: the MobileNetV3 paper's section 6.4 and Fig. 10.

    >>> figure = lr_aspp(size="small", width=0.35, resolution=(96, 160), classes=3)
    >>> figure.data["low"], figure.data["scores"]
    ({'layer': 'block_2', 'shape': [12, 20, 8], 'linear': True}, [12, 20, 3])
    """
    run = _run(network, size, width, resolution, classes, filters)
    with drawn_by(NAME, image=run.image):
        figure = _draw(run)
    return Figure(
        name="lr-aspp",
        figure=figure,
        data={
            "network": run.name,
            "image": list(run.image),
            "low": run.low.data,
            "high": run.high.data,
            "filters": run.filters,
            "scores": list(run.scores),
            "logits": [*run.image[:2], run.classes],
            "parts": data_of(run.parts),
        },
        alt=_alt(run),
        caption=_caption(run),
    )


def _run(network: Any, size: str, width: float, resolution: Any, classes: int, filters: int) -> LRASPPParts:
    """Build the network, and count it."""
    image = pair(NAME, "resolution", resolution)
    one_of(NAME, "size", size, SIZES)
    real(NAME, "width", width, above=0)
    integer(NAME, "classes", classes, 1)
    integer(NAME, "filters", filters, 1)
    if network is None:
        backbone = mobilenet_v3(size, width, conventions="torchvision", output_stride=16)
        network = build(backbone, classes, filters)
        name = f"LR-ASPP on MobileNetV3 {size.capitalize()} of width multiplier {width:g}"
    else:
        check_given(NAME, network, LRASPP, BUILT, (size, width, classes, filters))
        name = f"an LR-ASPP on a {network.network.specification.architecture}, given by the caller"
    options = network.options
    low, high = maps_of(NAME, network, image, (options.low, options.high))
    operators = {
        "network": f"to {options.high}",
        "reduce": "1×1, normalisation, ReLU",
        "gate": "mean of each map, 1×1, sigmoid",
        "low_scores": "1×1 with bias",
        "high_scores": "1×1 with bias",
    }
    parts = parts_of(network, image, operators)
    return LRASPPParts(name, parts[0].taken, low, high, options.filters, options.classes, parts)


# How it is drawn


def _draw(run: LRASPPParts) -> matplotlib.figure.Figure:
    """The diagram, and the table of the parts below it."""
    words = (
        "The last map, reduced to fewer channels, is multiplied by a gate for each channel, which depends on the means "
        "of the whole map. It is resized to the finer map's size, and the scores of both maps are added."
    )
    about = "Parameters include batch normalisation's. Resizing, gating and adding have none, and count no MACs."
    most = max(run.high.shape[2], run.filters)
    return head_page("LR-ASPP", words, lambda scale: _flow(run, scale), most, about, run.parts)


def _flow(run: LRASPPParts, scale: float) -> Flow:
    """The diagram: the finer map above, the last map in the middle, its means and the gate below."""
    flow = Flow(max(run.image[:2]), scale)
    (low_layer, low, low_linear), (high_layer, high, high_linear) = run.low, run.high
    reduced, gate = (*high[:2], run.filters), (1, 1, run.filters)
    finer, scores = (*low[:2], run.filters), run.scores
    means = (1, 1, high[2])
    cuboids = {shape: flow.cuboid(shape) for shape in (low, high, means)}
    middle = 0.0
    top = cuboids[high].height / 2 + back(cuboids[high]) + 0.45 + LINE + cuboids[low].height / 2
    bottom = flow.below(high, middle) - 0.42 - cuboids[means].height / 2 - back(cuboids[means])

    image_right = flow.tensor("image", run.image, (0, top), color=ROLES["input"], label="image")
    x = flow.step((image_right, top), "network", f"to {low_layer}")
    low_right = flow.tensor("low", low, (x, top), linear=low_linear)
    down = x + 0.12
    flow.arrow((down, flow.below(low, top) - 0.02), (down, cuboids[high].height / 2 + back(cuboids[high]) + 0.03))
    at = (flow.below(low, top) + cuboids[high].height / 2 + back(cuboids[high])) / 2
    flow.text(down + 0.08, at, f"network\nto {high_layer}", size=SMALLEST, across="left")
    high_right = flow.tensor("high", high, (x, middle), linear=high_linear)
    means_top = bottom + cuboids[means].height / 2 + back(cuboids[means])
    flow.arrow((down, flow.below(high, middle) - 0.02), (down, means_top + 0.03))
    flow.text(down + 0.08, (flow.below(high, middle) + means_top) / 2, "means of maps", size=SMALLEST, across="left")
    means_right = flow.tensor("means", means, (x, bottom), linear=high_linear)

    x = flow.step((high_right, middle), "reduce", "1×1, ReLU")
    x = flow.tensor("reduced", reduced, (x, middle))
    product = x + GAP + 0.22 + RADIUS
    flow.line([(x + GAP, middle), (product - RADIUS, middle)])
    flow.sign((product, middle), "product", "×")
    gate_cuboid = flow.cuboid(gate)
    gate_left = product - gate_cuboid.size[0] / 2
    flow.step((means_right, bottom), "gate", "1×1, sigmoid", end=gate_left)
    flow.tensor("gate", gate, (gate_left, bottom), color=ROLES["filter"])
    gate_top = bottom + gate_cuboid.height / 2 + back(gate_cuboid)
    flow.arrow((product, gate_top + 0.02), (product, middle - RADIUS))
    flow.arrow((product + RADIUS, middle), (product + RADIUS + 0.3, middle))
    x = flow.tensor("gated", reduced, (product + RADIUS + 0.3 + GAP, middle))
    if finer != reduced:
        x = flow.step((x, middle), "resize", "bilinear")
        x = flow.tensor("resized", finer, (x, middle))
    x = flow.step((x, middle), "high_scores", "1×1")
    right = flow.tensor("high-scores", scores, (x, middle), linear=True)
    flow.step((low_right, top), "low_scores", "1×1", end=x)
    flow.tensor("low-scores", scores, (x, top), linear=True)
    total = right + 0.3 + RADIUS
    flow.line([(right + GAP, middle), (total - RADIUS, middle)])
    flow.line([(right + GAP, top), (total, top)])
    flow.arrow((total, top), (total, middle + RADIUS), color=INK)
    flow.sign((total, middle), "sum", "+")
    x = flow.step((total + RADIUS - GAP, middle), "resize", "bilinear")
    flow.tensor("logits", (*run.image[:2], run.classes), (x, middle), linear=True, label="logits")
    return flow


def _alt(run: LRASPPParts) -> str:
    return (
        f"A diagram of {run.name} on an image of {shape_text(run.image)}. From the network come a finer map, "
        f"{shape_text(run.low.shape)}, and the last map, {shape_text(run.high.shape)}. The last one is reduced to "
        f"{run.filters} channels, multiplied by a gate made of its means, resized to the finer map's size, and brought "
        f"to {run.classes} scores at each place, to which those of the finer map are added; the sum is resized to the "
        f"image. Below, a table of the parts. {told(run.parts)}."
    )


def _caption(run: LRASPPParts) -> str:
    head = run.parts[1:]
    low = next(each for each in head if each.name == "low_scores")
    macs = sum(each.macs for each in run.parts)
    return four_part_caption(
        claim=(
            f"LR-ASPP adds little to its network: {100 * sum(each.macs for each in head) / macs:.0f} % of the MACs. "
            f"The finer map, {run.low.layer}, gives scores at {shape_text(run.scores[:2])} positions instead of "
            f"{shape_text(run.high.shape[:2])}, for {low.params:,} parameters. {costs_in_words(run.parts)}."
        ),
        computed=(
            f"Shapes, parameters and MACs are those of {run.name}, built by npconv.models.lr_aspp, on an image of "
            f"{shape_text(run.image)}; batch normalisation's parameters are included."
        ),
        scale=[*SCALE, "orange: the gate"],
        not_shown=["the layers inside the network"],
    )

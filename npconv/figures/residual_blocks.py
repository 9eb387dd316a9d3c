"""The article's Fig. 8: the conventional residual bottleneck and the inverted residual, on one scale."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from matplotlib.lines import Line2D
from matplotlib.offsetbox import OffsetBox
from matplotlib.patches import Circle

from ..kernels.geometry import Padding, Pair
from ..text import counted, listed, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.blocks import Cuboid, across, half_of, largest_scale, legend
from .parts.drawing import LABEL_GAP, ROLES, SMALL, TEXT, Point, text_width
from .parts.layout import Drawing, Page, column, text, title
from .parts.residuals import Operator, ResidualBlock, Shape, conventional_block, inverted_block

NAME = "residual_blocks"
PAGE = 7.2  # inches
MAP = 0.72  # inches for the longest side of a map
SLACK = 0.03  # inches that the last label may be wider where texts are drawn wider than their outlines
THICKEST = 1.2  # inches for the most channels, at the most
COUNT = 7.5  # points of the MACs under an arrow
LEAD = 0.16  # inches from a tensor to the sum
RADIUS = 0.1  # of the sum
HEAD = 0.05  # inches that an arrow stays away from what it joins


def residual_blocks(
    *,
    x: Shape = (1, 28, 28, 256),
    reduce: Shape = (256, 64),
    spatial: Shape = (3, 3, 64, 64),
    restore: Shape = (64, 256),
    narrow: Shape = (1, 28, 28, 24),
    expand: Shape | None = (24, 144),
    depthwise: Shape = (3, 3, 144),
    project: Shape = (144, 24),
    stride: Pair = 1,
    padding: Padding = "same",
    dilation: Pair = 1,
    seed: int = 0,
) -> Figure:
    """The conventional residual bottleneck and the inverted residual: thickness is channels, hatching is linear.

    Whether a tensor is linear is found by running npconv's stages on random arrays: one that is never negative has
    been through an activation.

    Args:
        x, reduce, spatial, restore: the shapes of `npconv.residual_bottleneck`'s arguments, or arrays of them, whose
            numbers don't matter; B = 1.
        narrow, expand, depthwise, project: the shapes of `npconv.inverted_residual`'s arguments, `narrow` being its x;
            expand None leaves the expansion out, t = 1.
        stride, padding, dilation: those of the inverted residual.
        seed: of the random arrays.

    Returns:
        Figure "residual-blocks". Its data: for "conventional" and "inverted" the `tensors` (role, shape, activation,
        linear, thickness in inches), the `operators` (kernel, macs, params), the totals, whether there is a `shortcut`
        and if not why; and `inches per channel`, one scale for both.

    Raises:
        TypeError, ValueError: as the kernels, and ValueError for what cannot be drawn: B above 1, a tensor that would
            be too thin to be seen beside the thickest.

    Source: the article's Fig. 8; the MobileNetV2 paper's Fig. 3.

    >>> figure = residual_blocks(project=(144, 32), stride=2)
    >>> [tensor["linear"] for tensor in figure.data["inverted"]["tensors"]]
    [True, False, False, True]
    >>> figure.data["inverted"]["why no shortcut"]
    'the stride is 2, and k = 24 but k′ = 32'
    """
    conventional = conventional_block(NAME, seed, x=x, reduce=reduce, spatial=spatial, restore=restore)
    shapes = {"narrow": narrow, "expand": expand, "depthwise": depthwise, "project": project}
    inverted = inverted_block(NAME, seed, stride, padding, dilation, **shapes)
    with drawn_by(NAME, x=x, narrow=narrow):
        page = Page(PAGE)
        box, channel = _draw(page, [conventional, inverted])
        figure = page.finish(box)
    return Figure(
        name="residual-blocks",
        figure=figure,
        data={
            "inches per channel": channel,
            "conventional": _data(conventional, channel),
            "inverted": _data(inverted, channel),
        },
        alt=(
            f"Two rows of volumes joined by arrows. (a) {_alt(conventional)} (b) {_alt(inverted)} The thickness of a "
            "volume is its number of channels, on one scale for both rows."
        ),
        caption=_caption(conventional, inverted),
    )


def _caption(conventional: ResidualBlock, inverted: ResidualBlock) -> str:
    strided = [word for op in inverted.operators for word in op.geometry if word.startswith("stride")]
    after = "nothing follows the sum" if conventional.tensors[-1].linear else "the sum goes through a last ReLU"
    shortcut = (
        f"its shortcut lies between {inverted.ends}, and nothing follows the sum"
        if inverted.shortcut
        else f"here it has no shortcut, as {inverted.no_shortcut}"
    )
    chains = [" – ".join(str(tensor.shape[-1]) for tensor in block.branch) for block in (conventional, inverted)]
    return four_part_caption(
        claim=(
            f"The conventional block ({chains[0]} channels) has its shortcut between {conventional.ends}, and {after}; "
            f"in the inverted residual ({chains[1]}) {listed([t.role for t in inverted.tensors if t.linear])} are "
            f"linear, {shortcut}." + ("" if inverted.expands else " As t = 1, it has no expansion.")
        ),
        computed=(
            "Which tensors are linear was found by running npconv.residual_bottleneck_stages and "
            "npconv.inverted_residual_stages on random arrays, whose input is the output of a block of the same kind: "
            "a tensor that is never negative has been through ReLU, or through ReLU6 where it never exceeds 6. "
            f"The MACs are npconv.cost's: {conventional.cost.macs:,} in (a), {inverted.cost.macs:,} in (b)"
            + (f", at {strided[0]}, where (a) has stride 1." if strided else ".")
        ),
        scale=(
            "Thickness is proportional to channels, on one scale for both rows; height and depth are the map's, on a "
            "scale of their own, the depth drawn at half."
        ),
        not_shown=(
            "Not shown: batch normalisation, and the tensors between a convolution, or a sum, and its activation."
        ),
    )


def _title(block: ResidualBlock) -> str:
    same = f"{counted('channel', block.tensors[0].shape[-1])} throughout"
    return f"{block.name}{'' if block.expands else ', t = 1'}: {' – '.join(block.widths) or same}"


def _shortcut_text(block: ResidualBlock) -> str:
    if not block.shortcut:
        return f"no shortcut: {block.no_shortcut}"
    return f"shortcut between {block.ends}: the input, {shape_text(block.tensors[0].shape)}, is added"


def _data(block: ResidualBlock, channel: float) -> dict[str, Any]:
    tensors = [
        {
            "role": tensor.role,
            "shape": list(tensor.shape),
            "activation": tensor.activation,
            "linear": tensor.linear,
            "thickness": tensor.shape[-1] * channel,
        }
        for tensor in block.tensors
    ]
    operators = [
        {
            "name": operator.name,
            "operator": ", ".join([operator.text, *operator.geometry]),
            "kernel": list(operator.kernel),
            "macs": operator.cost.macs,
            "params": operator.cost.params,
        }
        for operator in block.operators
    ]
    return {
        "tensors": tensors,
        "operators": operators,
        "macs": block.cost.macs,
        "params": block.cost.params,
        "shortcut": block.shortcut,
        "why no shortcut": block.no_shortcut,
    }


def _alt(block: ResidualBlock) -> str:
    """A row in words."""
    steps = [f"{block.tensors[0].role.capitalize()} {shape_text(block.tensors[0].shape)}"]
    for operator, tensor in zip(block.operators, block.branch[1:], strict=True):
        how = ", ".join([operator.text, *operator.geometry, tensor.activation])
        steps.append(f"{how}, to {tensor.role} {shape_text(tensor.shape)}")
    if block.shortcut:
        activation = "" if block.tensors[-1].linear else f"{block.tensors[-1].activation}, "
        steps.append(f"plus the input, {activation}to {block.tensors[-1].role}")
    hatched = ", ".join(tensor.role for tensor in block.tensors if tensor.linear)
    title = _title(block)
    return f"{title[0].upper()}{title[1:]}. {'; '.join(steps)}. Hatched, that is linear: {hatched}."


@dataclass(frozen=True)
class Joint:
    """An arrow between two tensors: a convolution or, without an operator, the sum."""

    operator: Operator | None
    activation: str

    @property
    def over(self) -> str:
        """The text over the arrow."""
        if self.operator is None:
            return ""
        separator = " " if self.operator.geometry else "\n"
        return "\n".join([self.operator.text.replace(" ", separator), *self.operator.geometry])

    @property
    def macs(self) -> str:
        """The text in small letters below the activation."""
        return "" if self.operator is None else f"{self.operator.cost.macs:,}"

    @property
    def width(self) -> float:
        """The least room of the arrow, and of the sum before it."""
        lead = 0.0 if self.operator else LEAD + 2 * RADIUS
        widest = max(text_width(self.over), text_width(self.activation), text_width(self.macs, COUNT))
        return lead + widest + 2 * HEAD + 0.12


class Chain:
    """A block as a row of volumes, `side` inches high for each row and `channel` inches thick for each channel."""

    def __init__(self, letter: str, block: ResidualBlock, side: float) -> None:
        self.letter, self.block, self.side = letter, block, side
        operators = [*block.operators, *[None] * block.shortcut]
        self.joints = [Joint(op, t.activation) for op, t in zip(operators, block.tensors[1:], strict=True)]
        if block.shortcut and block.tensors[-1].linear:
            self.joints[-1] = Joint(None, "no activation")
        self.names = [f"{tensor.role}\n{shape_text(tensor.shape)}" for tensor in block.tensors]
        # By their outlines, as the scale is among the numbers: releases of matplotlib draw texts 2 % apart.
        self.labels = [text_width(name, SMALL) for name in self.names]
        self.least = [joint.width for joint in self.joints]

    def volumes(self, channel: float) -> list[Cuboid]:
        """The tensors' volumes."""
        sizes = [(tensor.shape, tensor.linear) for tensor in self.block.tensors]
        return [Cuboid(c * channel, h * self.side, w * self.side, linear) for (h, w, c), linear in sizes]

    def ends(self, channel: float, extra: float = 0.0) -> list[tuple[float, float]]:
        """The left and right end of each volume, with so much more than the least in every joint."""
        widths = [volume.size[0] for volume in self.volumes(channel)]
        lefts = [max(0.0, (self.labels[0] - widths[0]) / 2)]
        for i, least in enumerate(self.least):
            labels = (widths[i] + self.labels[i] + self.labels[i + 1] - widths[i + 1]) / 2 + 0.1
            lefts.append(lefts[-1] + max(widths[i] + least, labels) + extra)
        return [(left, left + width) for left, width in zip(lefts, widths, strict=True)]

    def width(self, channel: float) -> float:
        """The least width of all that is drawn."""
        left, right = self.ends(channel)[-1]
        return max(right, (left + right + self.labels[-1]) / 2)

    def drawing(self, channel: float, width: float) -> Drawing:
        """The volumes and the arrows with their texts; their middle is at the height 0."""
        drawing, volumes = Drawing(), self.volumes(channel)
        extra = (width - self.width(channel)) / len(self.joints)
        ends = self.ends(channel, extra)
        lines = max(2, *(joint.over.count("\n") + 1 for joint in self.joints))
        high = max(LABEL_GAP + lines * TEXT * 1.3 / 72, *(volume.size[1] / 2 for volume in volumes))
        for tensor, name, volume, (left, right) in zip(self.block.tensors, self.names, volumes, ends, strict=True):
            volume.check(NAME, f"{self.block.name}'s {tensor.role}, {tensor.shape}")
            volume.draw(drawing, f"{self.letter}-{tensor.role}", left, -volume.size[1] / 2)
            drawing.text((left + right) / 2, -high - LABEL_GAP, name, size=SMALL, along="top")
        start, words = (sum(ends[0]) / 2, volumes[0].height / 2), _shortcut_text(self.block)
        for joint, (_, begin), (end, _) in zip(self.joints, ends, ends[1:], strict=False):
            if joint.operator is None:
                middle = begin + LEAD + extra / 4 + RADIUS
                drawing.line([(begin + HEAD, 0), (middle - RADIUS, 0)], width=1.2)
                _draw_sum(drawing, start, middle, high + 0.1)
                drawing.text((start[0] + middle) / 2, high + 0.14, words, color=ROLES["shortcut"], along="bottom")
                begin = middle + RADIUS
            x = (begin + end) / 2
            drawing.arrow((begin + HEAD, 0), (end - HEAD, 0))
            drawing.text(x, LABEL_GAP, joint.over, along="bottom")
            drawing.text(x, -LABEL_GAP, joint.activation, along="top")
            drawing.text(x, -LABEL_GAP - 0.175, joint.macs, size=COUNT, along="top")
        if not self.block.shortcut:
            drawing.text(width / 2, high + 0.14, words, along="bottom")
        return drawing


def _draw_sum(drawing: Drawing, start: Point, middle: float, level: float) -> None:
    """Draw a plus in a circle, and the shortcut to it: from a dot at `start` up to a level, across, and down."""
    color, (x, y), arm = ROLES["shortcut"], start, RADIUS * 0.6
    drawing.add(Circle((middle, 0), RADIUS, fc="white", ec=color, linewidth=1.6, zorder=2, gid="sum"))
    drawing.add(Circle(start, 0.03, color=color, zorder=2))
    for xs, ys, properties in (
        ((middle - arm, middle + arm), (0, 0), {"zorder": 2.1}),
        ((middle, middle), (-arm, arm), {"zorder": 2.1}),
        ((x, x, middle, middle), (y, level, level, RADIUS + 0.1), {"gid": "shortcut"}),
    ):
        drawing.add(Line2D(xs, ys, color=color, linewidth=1.6, **properties))
    drawing.arrow((middle, level), (middle, RADIUS), color=color)


def _draw(page: Page, blocks: Sequence[ResidualBlock]) -> tuple[OffsetBox, float]:
    """The rows and the legend, and the scale in inches a channel."""
    tensors = [tensor for block in blocks for tensor in block.tensors]
    side = MAP / max(side for tensor in tensors for side in tensor.shape[:2])
    most = max(tensor.shape[-1] for tensor in tensors)
    chains = [Chain(letter, block, side) for letter, block in zip("ab", blocks, strict=True)]
    room = page.inner - SLACK
    channel = largest_scale(lambda c: max(chain.width(c) for chain in chains), room, THICKEST / most)
    rows = []
    for chain in chains:
        head = title(f"({chain.letter}) {_title(chain.block)}"), text(f"{chain.block.cost.macs:,} MACs")
        rows.append(column(across(page, *head), chain.drawing(channel, room), gap=0.12, align="left"))
    count = half_of(most)
    explained = legend(page, "after ReLU or ReLU6", {count: count * channel}, "under an arrow: its MACs")
    return column(*rows, explained, gap=0.25, align="left"), channel

"""The article's Fig. 8: the conventional residual bottleneck and the inverted residual, on one scale."""

from dataclasses import dataclass
from typing import Any

from ..kernels.geometry import Padding, Pair
from ..text import shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.blocks import (
    HEAD,
    SUM_RADIUS,
    Block,
    block_of,
    draw_block,
    draw_legend,
    draw_shortcut,
    draw_sum,
    largest_scale,
)
from .parts.drawing import INK, LABEL_GAP, MARGIN, ROLES, SMALL, TEXT, TITLE, Canvas, text_width
from .parts.residuals import Operator, Residual, Shape, Tensor, conventional_block, inverted_block

NAME = "residual_blocks"
BLOCK_WIDTH = 7.2  # inches
MAP = 0.72  # inches for the longest side of a map
THICKEST = 1.2  # inches for the most channels, at the most
COUNT = 7.5  # points of the MACs under an arrow
LEAD = 0.16  # inches from a tensor to the sum


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
    conventional = conventional_block(NAME, x, reduce, spatial, restore, seed)
    inverted = inverted_block(NAME, "narrow", narrow, expand, depthwise, project, stride, padding, dilation, seed)
    with drawn_by(NAME, x=x, narrow=narrow):
        canvas = Canvas(BLOCK_WIDTH)
        channel = _draw(canvas, [conventional, inverted])
        figure = canvas.finish()
    strided = [text for operator in inverted.operators for text in operator.geometry if text.startswith("stride")]
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
        caption=four_part_caption(
            claim=_claim(conventional, inverted),
            computed=(
                "Which tensors are linear was found by running npconv.residual_bottleneck_stages and "
                "npconv.inverted_residual_stages on random arrays, the input being what a block of the same kind "
                "gives: a tensor that is never negative has been through ReLU, or through ReLU6 where it never exceeds "
                f"6. The MACs are npconv.cost's: {conventional.cost.macs:,} in (a), {inverted.cost.macs:,} in (b)"
                + (f", at {strided[0]}, where (a) has stride 1." if strided else ".")
            ),
            scale=(
                "Thickness is proportional to channels, on one scale for both rows; height and depth are the map's, "
                "on a scale of their own, the depth drawn at half."
            ),
            not_shown=(
                "Not shown: batch normalisation, and the tensors between a convolution, or a sum, and its activation."
            ),
        ),
    )


def _title(block: Residual) -> str:
    channels = block.tensors[0].channels
    same = f"{channels} channel{'s' if channels > 1 else ''} all through"
    return f"{block.name}{'' if block.expands else ', t = 1'}: {' – '.join(block.words) or same}"


def _shortcut_text(block: Residual) -> str:
    if not block.shortcut:
        return f"no shortcut: {block.no_shortcut}"
    return f"shortcut between {block.ends}: the input, {shape_text(block.tensors[0].shape)}, is added"


def _claim(conventional: Residual, inverted: Residual) -> str:
    """What the two rows show, in the words that fit these sizes."""
    chain = " – ".join(str(tensor.channels) for tensor in inverted.branch)
    after = "the sum goes through a last ReLU" if not conventional.tensors[-1].linear else "nothing follows the sum"
    hatched = [tensor.role for tensor in inverted.tensors if tensor.linear]
    shortcut = (
        f"its shortcut lies between {inverted.ends}, and nothing follows the sum"
        if inverted.shortcut
        else f"here it has no shortcut, as {inverted.no_shortcut}"
    )
    return (
        f"The conventional block ({' – '.join(str(t.channels) for t in conventional.branch)} channels) has its "
        f"shortcut between {conventional.ends}, and {after}; in the inverted residual ({chain}) "
        f"{' and '.join([', '.join(hatched[:-1]), hatched[-1]])} are linear, {shortcut}."
        + ("" if inverted.expands else " As t = 1, it has no expansion.")
    )


def _data(block: Residual, channel: float) -> dict[str, Any]:
    tensors = [
        {
            "role": tensor.role,
            "shape": list(tensor.shape),
            "activation": tensor.activation,
            "linear": tensor.linear,
            "thickness": tensor.channels * channel,
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


def _alt(block: Residual) -> str:
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
class Gap:
    """What stands between two tensors: a convolution, or the sum (operator None)."""

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
    def under(self) -> str:
        """The text right under the arrow."""
        return self.activation

    @property
    def count(self) -> str:
        """The MACs."""
        return "" if self.operator is None else f"{self.operator.cost.macs:,}"

    @property
    def text_width(self) -> float:
        """The width of the arrow's texts."""
        return max(text_width(self.over or " "), text_width(self.under), text_width(self.count or " ", COUNT))

    @property
    def lead(self) -> float:
        """What comes before the arrow that has the texts."""
        return 0.0 if self.operator else LEAD + 2 * SUM_RADIUS

    @property
    def width(self) -> float:
        """The least width of the gap."""
        return self.lead + self.text_width + 2 * HEAD + 0.12


def _gaps(block: Residual) -> list[Gap]:
    operators: list[Operator | None] = [*block.operators, *([None] if block.shortcut else [])]
    return [Gap(op, tensor.activation) for op, tensor in zip(operators, block.tensors[1:], strict=True)]


def _label(tensor: Tensor) -> str:
    return f"{tensor.role}\n{shape_text(tensor.shape)}"


def _place(block: Residual, blocks: list[Block], extra: float = 0.0) -> list[float]:
    """The left edge of each volume with that much more than the least in every gap; the last is the right end."""
    labels = [text_width(_label(tensor), SMALL) for tensor in block.tensors]
    lefts = [MARGIN + max(0.0, (labels[0] - blocks[0].width) / 2)]
    for i, gap in enumerate(_gaps(block)):
        beside = (blocks[i].width + labels[i] + labels[i + 1] - blocks[i + 1].width) / 2 + 0.1
        lefts.append(lefts[-1] + max(blocks[i].width + gap.width, beside) + extra)
    return [*lefts, lefts[-1] + max(blocks[-1].width, (blocks[-1].width + labels[-1]) / 2)]


def _draw(canvas: Canvas, blocks: list[Residual]) -> float:
    """Draw the rows and the legend; the scale in inches per channel."""
    row = MAP / max(side for block in blocks for tensor in block.tensors for side in tensor.shape[:2])
    most = max(tensor.channels for block in blocks for tensor in block.tensors)

    def volumes(block: Residual, channel: float) -> list[Block]:
        return [Block(t.channels * channel, t.shape[0] * row, t.shape[1] * row, t.linear) for t in block.tensors]

    def right(channel: float) -> float:
        return max(_place(block, volumes(block, channel))[-1] for block in blocks)

    channel = largest_scale(NAME, right, BLOCK_WIDTH - MARGIN, THICKEST / most)
    y = 0.0
    for letter, block in zip("ab", blocks, strict=True):
        drawn = [
            block_of(NAME, f"{block.name}'s {tensor.role}", tensor.shape, channel, row, hatched=tensor.linear)
            for tensor in block.tensors
        ]
        extra = (BLOCK_WIDTH - MARGIN - _place(block, drawn)[-1]) / (len(drawn) - 1)
        y = _draw_row(canvas, letter, block, drawn, extra, y) - 0.36
    draw_legend(canvas, channel, most, y, "under an arrow: its MACs")
    return channel


def _draw_row(canvas: Canvas, letter: str, block: Residual, drawn: list[Block], extra: float, y: float) -> float:
    """Draw a block from its title down; its lower edge."""
    canvas.text(MARGIN, y, f"({letter}) {_title(block)}", size=TITLE, weight="bold", across="left", along="baseline")
    canvas.text(BLOCK_WIDTH - MARGIN, y, f"{block.cost.macs:,} MACs", across="right", along="baseline")
    lefts = _place(block, drawn, extra)
    level = y - 0.36
    lines = max(2, *(gap.over.count("\n") + 1 for gap in _gaps(block)))
    texts = 2 * (LABEL_GAP + lines * TEXT * 1.3 / 72)
    height = max(texts, *(volume.height + volume.back[1] for volume in drawn))
    middle = level - 0.1 - height / 2
    bottom = middle - height / 2
    placed = [volume.centred(left, middle) for volume, left in zip(drawn, lefts, strict=False)]
    for tensor, volume in zip(block.tensors, placed, strict=True):
        draw_block(canvas, f"{letter}-{tensor.role}", volume)
        canvas.text(volume.middle[0], bottom - LABEL_GAP, _label(tensor), size=SMALL, along="top")
    text_x = BLOCK_WIDTH / 2
    for gap, before, after in zip(_gaps(block), placed, placed[1:], strict=False):
        start = before.right
        if gap.operator is None:
            center = (start + LEAD + extra / 4 + SUM_RADIUS, middle)
            canvas.line([(start + HEAD, middle), (center[0] - SUM_RADIUS, middle)], width=1.2)
            draw_sum(canvas, center)
            draw_shortcut(canvas, placed[0].middle_of_top, center, level)
            text_x = (placed[0].middle_of_top[0] + center[0]) / 2
            start = center[0] + SUM_RADIUS
        ends = start + HEAD, after.x - HEAD
        x = sum(ends) / 2
        canvas.arrow((ends[0], middle), (ends[1], middle))
        canvas.text(x, middle + LABEL_GAP, gap.over, along="bottom")
        canvas.text(x, middle - LABEL_GAP, gap.under, along="top")
        canvas.text(x, middle - LABEL_GAP - TEXT * 1.4 / 72, gap.count, size=COUNT, along="top")
    color = ROLES["shortcut"] if block.shortcut else INK
    canvas.text(text_x, level + 0.04, _shortcut_text(block), color=color, along="bottom")
    return bottom - LABEL_GAP - 2 * SMALL * 1.3 / 72

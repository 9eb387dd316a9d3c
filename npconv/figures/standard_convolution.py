"""The article's Fig. 1: an input volume, N filters, the output volume; and one value of it worked out by hand."""

from functools import partial

from ..kernels.geometry import Padding, Pair
from ..text import counted, filled, number_text, shape_text
from .figure import Figure, drawn_by, four_part_caption
from .parts.drawing import Labels, TooLargeError, Volume, number_cell
from .parts.layer import StandardLayer, layer_from
from .parts.layout import Page, column, note
from .parts.values import ROUNDED, Given, geometry_text, number_texts
from .parts.volumes import VolumeGroup, input_group, notes_of_volumes, row_of_volumes
from .parts.worked import Slices, Terms, slices_text, worked_value

MOST_FILTERS = 4
VOLUMES_HEIGHT = 5.0  # inches for the volumes with their titles
BESIDES = 1.3  # inches for a worked value's title and equation, and for gaps

ALT = (
    "An input volume of {x} numbers and {filters} of {side} give an output volume of {y}. Framed are a patch of the "
    "input, the first filter and one value of the output. Below, {slices} of the patch beside the filter's, with the "
    "sums of their products: {equation}."
)
CLAIM = (
    "A standard convolution takes {x} to {y} with N = {filters} of {side}: a filter spans all M = {m} channels, and "
    "one place of it gives one value."
)
COMPUTED = (
    "The output and the summands of the framed value are npconv.conv2d's and npconv.per_channel_maps', with "
    "{geometry}; nothing is flipped."
)
SCALE = [
    "All volumes have one scale, channels at half of it",
    "a front face shows channel 0",
    "indices count from 0",
]


def standard_convolution(
    *,
    x: Given = (1, 7, 7, 3),
    kernel: Given = (3, 3, 3, 4),
    stride: Pair = 1,
    padding: Padding = "valid",
    dilation: Pair = 1,
    at: tuple[int, int] | None = None,
    seed: int = 0,
) -> Figure:
    """The standard convolution as volumes: input, N filters, output, and one value with all that makes it.

    Args:
        x: one image (1, Dᵤ, Dᵤ, M), or its shape, to be filled with integers from −3 to 3.
        kernel: N filters (Dᵣ, Dᵣ, M, N), or their shape, to be filled with integers from −1 to 1.
        stride, padding, dilation: as in `npconv.conv2d`; padding is drawn as padding.
        at: the (row, column) in the output of the value that is worked out; its middle if None.
        seed: of the integers.

    Returns:
        Figure "standard-convolution". Its data: input, kernel and output as conv2d has them, the worked value `at`,
        its patch (M, Dᵣ, Dᵣ), its `sums` by channel, and how many filters, channels and slices are drawn.

    Raises:
        TypeError, ValueError: as `npconv.conv2d`, and ValueError for what cannot be drawn: B above 1, more than 32
            rows or columns, numbers that are not finite or too long.

    Source: the article's Fig. 1.

    >>> figure = standard_convolution(x=(1, 4, 5, 2), kernel=(3, 3, 2, 8))
    >>> np.shape(figure.data["output"])
    (1, 2, 3, 8)
    """
    layer = layer_from("standard_convolution", x, kernel, stride, padding, dilation, at, seed)
    with drawn_by("standard_convolution", x=layer.x, kernel=layer.kernel):
        page = Page()
        groups = _groups(layer)
        faces = [front for group in groups if group.role != "filter" for front in group.fronts]
        largest = min(0.45, max(0.3, *map(number_cell, faces)))
        volumes, cell = page.fitted(partial(row_of_volumes, groups, "∗="), largest, height=VOLUMES_HEIGHT)
        notes = notes_of_volumes(groups, cell) + ([ROUNDED] if layer.rounded else [])
        below = column(*map(note, notes), gap=0.04, align="left") if notes else None
        room = page.highest - page.size(volumes)[1] - BESIDES - (page.size(below)[1] if below else 0)
        terms = _terms(layer)
        worked = worked_value(page, layer, terms, height=room) or worked_value(page, layer, terms, most=1)
        if worked is None:
            raise TooLargeError("slices of the filter with such numbers are too wide to draw; draw a smaller kernel")
        box, slices = worked
        figure = page.finish(column(volumes.spread(page.inner), box, below, gap=0.25))
    _, _, channels, filters = layer.kernel.shape
    drawn_filters = min(filters, MOST_FILTERS)
    words = {
        "x": layer.x.shape[1:],
        "y": layer.y.shape[1:],
        "filters": counted("filter", filters),
        "side": layer.kernel.shape[:3],
        "slices": slices_text(slices, channels),
        "equation": layer.equation,
        "m": channels,
        "geometry": geometry_text(stride, padding, dilation),
    }
    return Figure(
        name="standard-convolution",
        figure=figure,
        data={
            "input": layer.x.tolist(),
            "kernel": layer.kernel.tolist(),
            "output": layer.y.tolist(),
            "at": [layer.row, layer.column],
            "patch": layer.patch.transpose(2, 0, 1).tolist(),
            "sums": layer.sums.tolist(),
            "value": layer.y[0, layer.row, layer.column, layer.n].item(),
            "drawn": {
                "filters": drawn_filters,
                "input channels": layer.input_volume.drawn_channels,
                "output channels": layer.output_volume.drawn_channels,
                "slices": slices,
            },
        },
        alt=filled(ALT, **words),
        caption=four_part_caption(
            claim=CLAIM,
            computed=COMPUTED,
            scale=[*SCALE, *notes],
            not_shown=[
                f"the numbers behind the front faces but for the {'slices drawn' if slices < channels else 'patch'}",
                f"{channels - slices} of the {channels} slices, which the sum has" if slices < channels else "",
                f"{filters - drawn_filters} of the filters" if filters > drawn_filters else "",
                "a bias",
            ],
            **words,
        ),
    )


def _groups(layer: StandardLayer) -> list[VolumeGroup]:
    """The input, the filters and the output."""
    height, width, channels, filters = layer.kernel.shape
    result = layer.output_volume
    drawn = min(filters, MOST_FILTERS)
    return [
        input_group(layer),
        VolumeGroup(
            "filters",
            f"N = {counted('filter', filters)}\n{shape_text(layer.kernel.shape[:3])}",
            "filter",
            Volume(height, width, channels),
            Labels(f"Dᵣ = {height}", f"Dᵣ = {width}", f"M = {channels}"),
            [number_texts(layer.kernel[..., 0, n]) for n in range(drawn)],
            (range(height), range(width)),
            captions=[f"n = {n}" for n in range(drawn)],
            more=f"… and {filters - drawn} more" if filters > drawn else "",
        ),
        VolumeGroup(
            "output",
            f"output volume\n{shape_text(layer.y.shape[1:])}",
            "output",
            result,
            Labels(f"Dᵥ = {result.height}", f"Dᵥ = {result.width}", f"N = {filters}"),
            [number_texts(layer.y[0, ..., 0])],
            ([layer.row], [layer.column]),
        ),
    ]


def _terms(layer: StandardLayer) -> Terms:
    """Every slice of the patch beside that of the filter, and the sum of their products."""
    parts = [
        Slices(name, role, [number_texts(a[..., m]) for m in range(len(layer.sums))])
        for name, role, a in (("patch", "input", layer.patch), ("filter", "filter", layer.filter))
    ]
    return Terms(parts, "×", [number_text(number) for number in layer.sums])

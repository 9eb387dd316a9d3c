"""The transposed convolution as an exercise, forward and backward."""

from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np

from ...kernels.geometry import Array
from ...kernels.signatures import TRANSPOSED as TRANSPOSED_ROW
from ...kernels.transposed import transposed_conv2d, transposed_conv2d_backward
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Reference, Result, Sizes, Task
from .variants import Variant

SPATIAL = tuple(size for size in c.SPATIAL if not size.name.startswith(("output", "spare")))
CROP = {
    "top": "{} rows are cropped at the top",
    "bottom": "{} rows are cropped at the bottom",
    "left": "{} columns are cropped at the left",
    "right": "{} columns are cropped at the right",
}


def input_sides(sizes: Sizes) -> tuple[int, int]:
    """Height and width of the input: those asked for, or as many as leave an output after the crop."""

    def side(axis: str, before: str, after: str) -> int:
        missing = 1 + sizes[before] + sizes[after] - sizes[f"kernel_{axis}"]
        return max(sizes[axis], 1 - (-missing // sizes[f"stride_{axis}"]))

    return side("height", "top", "bottom"), side("width", "left", "right")


def transposed_case(sizes: Sizes, draw: Draw) -> Case:
    """x (B, Dᵤ, Dᵤ, M) and kernel (Dᵣ, Dᵣ, N, M)."""
    x = (sizes["batch"], *input_sides(sizes), sizes["channels"])
    kernel = (sizes["kernel_height"], sizes["kernel_width"], sizes["filters"], sizes["channels"])
    return Case({"x": draw(*x), "kernel": draw(*kernel)}, c.geometry(sizes), sizes)


def transposed_backward_case(sizes: Sizes, draw: Draw) -> Case:
    """The same, with a random dy of the output's shape in front."""
    case = transposed_case(sizes, draw)
    x, kernel = case.arrays.values()
    dy = draw(len(x), *output_sides(x, kernel, case), kernel.shape[2])
    return replace(case, arrays={"dy": dy, **case.arrays})


def output_sides(x: Array, kernel: Array, case: Case) -> tuple[int, int]:
    """Height and width of the output."""
    stride, padding = case.options["stride"], case.options["padding"]
    height, width = ((x.shape[1 + i] - 1) * stride[i] + kernel.shape[i] - sum(padding[i]) for i in range(2))
    return height, width


def forward(case: Case, variant: Variant) -> Result:
    """The right answer, by npconv's kernel."""
    return (transposed_conv2d(*case.arrays.values(), **case.options),)


def backward(case: Case, variant: Variant) -> Result:
    """The right gradients, by npconv's kernel, of as much of dy as the positions reach."""
    dy, x, kernel = case.arrays.values()
    stride, padding = case.options["stride"], case.options["padding"]
    around = np.pad(dy, ((0, 0), *padding, (0, 0)))
    height, width = ((x.shape[1 + i] - 1) * stride[i] + kernel.shape[i] for i in range(2))
    return transposed_conv2d_backward(around[:, :height, :width], x, kernel, stride=stride)


def by_position(case: Case) -> Iterator[tuple[slice, slice, Array]]:
    """For each position of x the rows and columns that it reaches, before the crop, and what it adds there."""
    x, kernel = case.arrays["x"], case.arrays["kernel"]
    (tall, wide), stride = kernel.shape[:2], case.options["stride"]
    for v, w in np.ndindex(*x.shape[1:3]):
        row, column = v * stride[0], w * stride[1]
        added = np.einsum("bm,ijnm->bijn", x[:, v, w], kernel)
        yield slice(row, row + tall), slice(column, column + wide), added


def by_tap(case: Case) -> Iterator[tuple[slice, slice, Array]]:
    """The same for each tap of the kernel."""
    x, kernel = case.arrays["x"], case.arrays["kernel"]
    (_, height, width, _), stride = x.shape, case.options["stride"]
    for i, j in np.ndindex(*kernel.shape[:2]):
        rows = slice(i, i + (height - 1) * stride[0] + 1, stride[0])
        yield rows, slice(j, j + (width - 1) * stride[1] + 1, stride[1]), x @ kernel[i, j].T


def cropped(whole: Array, case: Case) -> Result:
    """The output, from the whole that the values of x make."""
    (top, bottom), (left, right) = case.options["padding"]
    return (whole[:, top : whole.shape[1] - bottom, left : whole.shape[2] - right],)


def _whole(case: Case) -> Array:
    uncropped = replace(case, options={**case.options, "padding": c.NO_PADDING})
    x, kernel = case.arrays["x"], case.arrays["kernel"]
    return np.zeros((len(x), *output_sides(x, kernel, uncropped), kernel.shape[2]))


def _overwritten(parts: Callable[[Case], Iterator[tuple[slice, slice, Array]]]) -> Answer:
    """The answer with = for +=, part by part."""

    def answered(case: Case, variant: Variant, reference: Reference) -> Result:
        whole = _whole(case)
        for rows, columns, added in parts(case):
            whole[:, rows, columns] = added
        return cropped(whole, case)

    return answered


def _averaged(case: Case, variant: Variant, reference: Reference) -> Result:
    whole, counts = _whole(case), _whole(case)
    for rows, columns, added in by_position(case):
        whole[:, rows, columns] += added
        counts[:, rows, columns] += 1
    return cropped(whole / np.maximum(counts, 1), case)


def _padded_input(case: Case, variant: Variant, reference: Reference) -> Result:
    padding = case.options["padding"]
    return reference(m.padded_already(case, np.pad(case.arrays["x"], ((0, 0), *padding, (0, 0)))), variant)


def _cropped_once_more(case: Case, variant: Variant, reference: Reference) -> Result:
    """As much cropped as there would be padding if dy were the input: the kernel's reach less the padding."""
    sides = zip(case.arrays["kernel"].shape, case.options["padding"], strict=False)
    padding = tuple((length - 1 - before, length - 1 - after) for length, (before, after) in sides)
    if min(map(min, padding)) < 0:
        raise ValueError("a negative crop")
    return reference(m.changed(case, {"padding": lambda _: padding}), variant)


def _stride_sized(case: Case, variant: Variant, reference: Reference) -> Result:
    """The first stride · Dᵤ rows and columns, whatever the kernel and the padding."""
    stride, whole = case.options["stride"], reference(m.changed(case, {"padding": lambda _: c.NO_PADDING}), variant)[0]
    rows, columns = (stride[i] * case.arrays["x"].shape[1 + i] for i in range(2))
    missing = [(0, max(0, wanted - there)) for wanted, there in zip((rows, columns), whole.shape[1:3], strict=True)]
    return (np.pad(whole, ((0, 0), *missing, (0, 0)))[:, :rows, :columns],)


def _shifted(padding: tuple[tuple[int, int], tuple[int, int]]) -> tuple[tuple[int, int], tuple[int, int]]:
    """All of the padding behind: what is read starts at the first row and column of dy."""
    (top, bottom), (left, right) = padding
    return (0, top + bottom), (0, left + right)


CROPPED: m.Wrong = {
    "nothing is cropped: the padding is ignored": m.taking(padding=lambda padding: c.NO_PADDING),
    "the padding is put around x, where the output is to be cropped": _padded_input,
    "the kernel's reach less the padding is cropped, as if x were padded": _cropped_once_more,
    **m.AXES_SWAPPED,
    **m.SIDES_SWAPPED,
    **m.FRONT_TWICE,
    "top and bottom are swapped": m.taking(padding=lambda p: (p[0][::-1], p[1])),
    "left and right are swapped": m.taking(padding=lambda p: (p[0], p[1][::-1])),
    **m.SIDES,
}
CONFUSED = {"the kernel's two channel axes are confused: it has {transposed}": m.taking(kernel=m.exchanged(-2, -1))}
FORWARD = Task(
    "transposed_conv2d",
    points=4,
    arrays=(("x", "volume"), ("kernel", "kernel")),
    options=c.GEOMETRY,
    sizes=(
        c.BATCH,
        *c.MAP,
        *(replace(size, says=CROP.get(size.name, size.says)) for size in SPATIAL),
        c.CHANNELS,
        c.FILTERS,
    ),
    build=transposed_case,
    reference=forward,
    text="The transposed 2D convolution: each value of the input, times the kernel, is added to the output.\n\n"
    "Position (v, w) of x adds x[b, v, w, m] · kernel[i, j, n, m] to row v·stride + i and column w·stride + j of "
    "channel n; where positions overlap, all that they add is summed. Padding is cropped off the output at the end.",
    example={"height": 2, "width": 2, "kernel_height": 3, "stride_height": 2, "kernel_width": 2, "bottom": 1},
    wrong={
        **m.STRIDE,
        **CROPPED,
        **m.orientation("kernel"),
        **CONFUSED,
        "the output is overwritten where positions overlap: = stands for +=": _overwritten(by_position),
        "the output is overwritten where positions overlap: = stands for +=, tap by tap": _overwritten(by_tap),
        "the mean over the positions is taken where they overlap, not the sum": _averaged,
        "the output is stride times as large as the input, whatever kernel and padding": _stride_sized,
        "only the first channel is used": m.taking(kernel=m.only(0, 3)),
        "only the first filter is used": m.taking(kernel=m.only(0, 2)),
        **m.BATCH,
    },
    explained=True,
    row=TRANSPOSED_ROW,
    about={
        "stride": "how far apart two positions of x add to the output, {stride}",
        "padding": "how many rows and columns are cropped off the output, {padding}",
        "turned": "The kernel is turned round in both directions before it is used: a value of x meets its last row "
        "and column first.",
    },
    further=(
        *c.FURTHER,
        {"height": 2, "width": 3, "kernel_height": 2, "kernel_width": 2, "stride_height": 3, "stride_width": 3},
        {"height": 3, "width": 3, "kernel_height": 4, "kernel_width": 4, "stride_height": 2, "stride_width": 2},
        {"height": 4, "width": 5, "kernel_height": 3, "kernel_width": 3, "top": 3, "left": 3, "bottom": 3, "right": 3},
    ),
)


LAST_OF_DX = m.in_part(0, m.taking(kernel=m.only(-1, 0, 1, 2)))
LAST_OF_DKERNEL = m.in_part(1, m.taking(x=m.only(-1, 0, 1, 2)))
BACKWARD = c.backward_of(
    FORWARD,
    "transposed_conv2d_backward",
    points=6,
    reference=backward,
    text="The gradients of the transposed 2D convolution: of Σ dy · y with respect to x and to kernel.\n\n"
    "y is what the transposed convolution makes of x and kernel: x[b, v, w, m] · kernel[i, j, n, m] is added to row "
    "v·stride + i and column w·stride + j of channel n, and padding is cropped off at the end.",
    wrong={
        **CONFUSED,
        **m.STRIDE,
        **m.AXES_SWAPPED,
        **m.SIDES_SWAPPED,
        "dy is read from its corner, as if nothing had been cropped": m.taking(padding=_shifted),
        **m.GRADIENTS,
        "dx is made of the last tap alone: = stands for +=": m.in_part(0, m.taking(kernel=m.only(-1, 0, 1))),
        "dx is the last product alone: = stands for +=": LAST_OF_DX,
        "dkernel is the last product alone: = stands for +=": LAST_OF_DKERNEL,
        "dx and dkernel are the last products alone: = stands for +=": m.together(LAST_OF_DX, LAST_OF_DKERNEL),
        **m.ORIENTED_GRADIENTS,
    },
    build=transposed_backward_case,
)


TRANSPOSED = Exercise(
    "transposed",
    "the transposed convolution, and its gradients",
    (FORWARD, BACKWARD),
    ("channels", "filters", "kernel", "order"),
)

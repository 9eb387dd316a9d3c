"""The convolutions as exercises: their sizes, how a case is built from sizes, and the right answers."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from ...kernels.geometry import Array
from ...kernels.signatures import Signature
from .exercise import Answer, Build, Case, Draw, Reference, Result, Size, Sizes, Task
from .variants import Variant

NO_PADDING = ((0, 0), (0, 0))
GEOMETRY = (("stride", "(1, 1)"), ("padding", str(NO_PADDING)))  # options, with their defaults
CHOICES = ("channels", "filters", "kernel", "padding", "order")  # of a variant

BATCH = Size("batch", 1, (2, 3), "the batch has {} images")
MAP = (Size("height", 1, (2, 3), "the input has {} rows"), Size("width", 1, (2, 3), "the input has {} columns"))
CHANNELS = Size("channels", 1, (2, 3), "the input has {} channels")
FILTERS = Size("filters", 1, (2, 3), "there are {} filters")
MULTIPLIER = Size("multiplier", 1, (2, 3), "the depth multiplier is {}")
KERNEL = (
    Size("kernel_height", 1, (2, 3), "the filter has {} rows"),
    Size("kernel_width", 1, (2, 3), "the filter has {} columns"),
)
SPATIAL = (
    Size("output_height", 1, (2, 3), "the output has {} rows"),
    Size("output_width", 1, (2, 3), "the output has {} columns"),
    *KERNEL,
    Size("stride_height", 1, (2, 3), "the stride along the height is {}"),
    Size("stride_width", 1, (2, 3), "the stride along the width is {}"),
    Size("top", 0, (1, 2), "the padding at the top is {}"),
    Size("bottom", 0, (1, 2), "the padding at the bottom is {}"),
    Size("left", 0, (1, 2), "the padding at the left is {}"),
    Size("right", 0, (1, 2), "the padding at the right is {}"),
    Size("spare_rows", 0, (1,), "the stride leaves {} input row over"),
    Size("spare_columns", 0, (1,), "the stride leaves {} input column over"),
)


def sized(
    output: tuple[int, int] = (1, 1), kernel: tuple[int, int] = (1, 1), stride: tuple[int, int] = (1, 1),
    padding: tuple[tuple[int, int], tuple[int, int]] = NO_PADDING, spare: tuple[int, int] = (0, 0), **others: int,
) -> dict[str, int]:  # fmt: skip
    """The sizes of a geometry, by height and width, and others by name."""
    numbers = (*output, *kernel, *stride, *padding[0], *padding[1], *spare)
    return {size.name: number for size, number in zip(SPATIAL, numbers, strict=True)} | others


_AROUND = ((1, 1), (1, 1))
_BEHIND = ((0, 1), (0, 1))
_DEEP = {"batch": 2, "channels": 2, "filters": 3, "multiplier": 2}
EVERYDAY = sized((3, 4), (3, 3), padding=_AROUND) | _DEEP  # 3×3, padding 1, stride 1
KINDS_OF_NUMBERS: tuple[Sizes, ...] = (
    {"zeros": 1},
    {"single": 1},
    {"near": 4000, "quarters": 1},
    {"near": 4000, "integers": 1},
)
FURTHER: tuple[Sizes, ...] = (
    sized(kernel=(3, 3), padding=_AROUND),
    sized((3, 4), (3, 3), padding=_AROUND),
    EVERYDAY,
    {**EVERYDAY, "defaults": 1},
    {**EVERYDAY, "integers": 1},
    *({**EVERYDAY, **numbers} for numbers in KINDS_OF_NUMBERS),
    {**EVERYDAY, "output_width": 3, "channels": 3, "multiplier": 3},
    sized((2, 2), (3, 3), (2, 2), _BEHIND),  # half as large as the input
    sized((3, 4), (3, 3), (2, 2), _BEHIND) | _DEEP,
    sized((3, 4), (1, 1), (2, 2), spare=(1, 1)) | _DEEP,
    sized((2, 2), (2, 2), (3, 3), spare=(2, 2)),
    sized((3, 4), (3, 3), (3, 3), ((1, 0), (0, 1)), spare=(2, 1)),
    sized((2, 2), (3, 3), (4, 5), spare=(3, 2)),
    sized((2, 1), (1, 2), batch=4, channels=5, filters=4, multiplier=4),
    sized((2, 3), (5, 4), padding=((2, 0), (1, 0)), channels=2),
    sized((5, 4), (2, 1), channels=2),
    sized((6, 7), (2, 2), padding=((3, 3), (3, 3)), channels=3),
    sized((2, 1), (4, 5), padding=((2, 2), (2, 2)), channels=2),  # larger than the input
)


def input_sides(sizes: Sizes) -> tuple[int, int]:
    """Height and width of the input, at least 1, from output, kernel, stride, padding and rows left over."""

    def side(axis: str, before: str, after: str, spare: str) -> int:
        stride = sizes[f"stride_{axis}"]
        reach = (sizes[f"output_{axis}"] - 1) * stride + sizes[f"kernel_{axis}"] + min(sizes[spare], stride - 1)
        needed = reach - sizes[before] - sizes[after]
        return needed if needed > 0 else (needed - 1) % stride + 1  # more output, so that a row of the input is left

    return side("height", "top", "bottom", "spare_rows"), side("width", "left", "right", "spare_columns")


def geometry(sizes: Sizes) -> dict[str, Any]:
    """stride and padding as the exercises take them: pairs of height and width."""
    return {
        "stride": (sizes["stride_height"], sizes["stride_width"]),
        "padding": ((sizes["top"], sizes["bottom"]), (sizes["left"], sizes["right"])),
    }


def output_sides(x: tuple[int, ...], kernel: tuple[int, ...], *, stride: Any, padding: Any) -> tuple[int, int]:
    """Height and width of the output, from the shapes of the input and the kernel."""
    height, width = ((x[1 + i] + sum(padding[i]) - kernel[i]) // stride[i] + 1 for i in range(2))
    return height, width


def forward_reference(kernel: Callable[..., Array]) -> Reference:
    """The right answer by a function of npconv's, after the variant's own padding where there is padding."""

    def reference(case: Case, variant: Variant) -> Result:
        (x, *parameters), options = case.arrays.values(), dict(case.options)
        if "padding" in options:
            x = variant.padded(x, options.pop("padding"))
        return (kernel(x, *parameters, **options),)

    return reference


def kernel_sides(case: Case) -> tuple[int, ...]:
    """Height and width of a case's filters: those of the first array after dy and x."""
    sides: tuple[int, ...] = list(case.arrays.values())[2].shape[:2]
    return sides


def backward_reference(
    kernel: Callable[..., tuple[Array, ...]], sides: Callable[[Case], Sequence[int]] = kernel_sides
) -> Reference:
    """The right gradients by npconv's backward, with dx sent back through the variant's padding.

    `sides(case)` are the filters' height and width.
    """

    def reference(case: Case, variant: Variant) -> Result:
        dy, x, *parameters = case.arrays.values()
        padding, stride = case.options["padding"], case.options["stride"]
        padded = variant.padded(x, padding)
        height, width = (  # what the positions of dy read: with a mistaken stride less than there is, or more
            (size - 1) * step + length for size, step, length in zip(dy.shape[1:3], stride, sides(case), strict=True)
        )
        read, *others = kernel(dy, padded[:, :height, :width], *parameters, stride=stride)
        dpadded = np.zeros((*padded.shape[:3], read.shape[3]), read.dtype)
        dpadded[:, :height, :width] = read
        return (variant.unpadded(dpadded, padding), *others)

    return reference


def shapes_of(row: Signature, sizes: Sizes) -> dict[str, tuple[int, ...]]:
    """The shape of each array of a contract, from the sizes that stand for its symbols."""
    m, q = sizes["channels"], sizes.get("multiplier", 1)
    numbers = {"B": sizes.get("batch", 1), "M": m, "M·Q": m * q, "N": sizes.get("filters", 0)}
    shapes = {}
    for name, symbols in row.symbols.items():
        sides = {
            "Dᵤ": iter(input_sides(sizes) if "top" in sizes else (sizes.get("height", 1), sizes.get("width", 1))),
            "Dᵣ": iter((sizes.get("kernel_height", 1), sizes.get("kernel_width", 1))),
        }
        shapes[name] = tuple(next(sides[symbol]) if symbol in sides else numbers[symbol] for symbol in symbols)
    return shapes


def case_of(row: Signature) -> Build:
    """The case of a contract: its arrays, drawn in their order, and the options that the sizes ask for."""

    def build(sizes: Sizes, draw: Draw) -> Case:
        arrays = {name: draw(*shape) for name, shape in shapes_of(row, sizes).items()}
        options = {"depth_multiplier": sizes["multiplier"]} if "x" not in arrays else {}
        return Case(arrays, geometry(sizes) if "top" in sizes else options, sizes)

    return build


def with_upstream(build: Build) -> Build:
    """A case for backward: the same, with a random dy of the output's shape in front."""

    def backward_case(sizes: Sizes, draw: Draw) -> Case:
        case = build(sizes, draw)
        x, *kernels = case.arrays.values()
        spatial = case.arrays.get("depthwise", kernels[0])
        sides = output_sides(x.shape, spatial.shape, **case.options) if case.options else x.shape[1:3]
        return replace(case, arrays={"dy": draw(x.shape[0], *sides, kernels[-1].shape[-1]), **case.arrays})

    return backward_case


def backward_of(
    task: Task, name: str, points: int, reference: Reference, text: str, wrong: Mapping[str, Answer], **others: Any
) -> Task:
    """The task that asks for the gradients of another task's function: takes dy too, gives one for each array."""
    return replace(
        task,
        name=name,
        points=points,
        arrays=(("dy", "volume"), *task.arrays),
        results=tuple((f"d{array}", kind) for array, kind in task.arrays),
        reference=reference,
        text=text,
        wrong=wrong,
        **{"build": with_upstream(task.build), **others},
    )

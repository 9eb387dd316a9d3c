"""The engine room: the last rungs of the ladders, as fast as NumPy's BLAS and einsum go.

To understand a convolution, read `conv2d_taps` and `depthwise_conv2d_taps`, the same functions. Each function here
takes a checked geometry and the arrays, and computes what the public kernel of its name returns. A band is a part of
the output: some images, or some rows of them. Its columns are the taps of its positions side by side, as in
`conv2d_im2col`. Bands are computed on several threads; sums over them are added in their order, so the bits are those
of one thread. The reasons stand beside the code, the measurements in docs/speed.md.
"""

import math
import threading
from collections.abc import Callable, Iterator
from functools import lru_cache, partial
from itertools import groupby, product
from operator import itemgetter, mul
from typing import Any, NamedTuple, TypeAlias

import numpy as np
from numpy.lib.stride_tricks import as_strided, sliding_window_view

from .. import threads
from .geometry import Array, Axis, Geometry, as_matrix, repeat_channels, sum_channels
from .sums import LINES, accumulator, native, rounded, summed_product, wider, working

Band: TypeAlias = tuple[slice, slice]  # images, rows
Turned: TypeAlias = dict[tuple[int, int], Array]

WORKSPACE = 64 * 2**20  # bytes of columns at most, unless one output row needs more: a kernel's memory is bounded
# The others, with conv2d's time as a ratio (float32, AMD EPYCs of Zen 3 and 4):
BAND = 2 * 2**20  # bytes in a band, so that its columns are still in the cache; with 4 MiB 1.1, with 64 MiB 1.7
MATRIX_ROWS = 800  # positions in a band at least, for BLAS's full speed; at M = 2048 with 400 1.4, with 100 2.2
SMALL_PART, LARGE_PART = 2**19, 2**21  # bytes of a depthwise output in a part; with 2**18 at 56², M = 144, 1.3 to 1.5
FEW_LINES = 2**19  # bytes of dy from which on dkernel is computed tap by tap, up to `LARGE_PART`
PHASE = 2**19  # bytes of a phase of dx in a part, so that threads share an image; with 2**20 0.95 to 1.2
MANY_CHANNELS = 64  # with as many, dkernel of a depthwise convolution by positions takes 0.4 to 0.8, with 32 up to 1.3
FEW_CHANNELS = 16  # with fewer, columns are filled along the width: a first layer 0.4; with M = 32 it would be 1.5


def conv2d(g: Geometry, x: Array, kernel: Array) -> Array:
    """`conv2d_im2col` a band of the output and a kernel row at a time, so that the columns stay in the cache."""
    y = np.empty((*g.output, kernel.shape[-1]), np.result_type(x, kernel))

    def multiply(number: int, band: Band, columns: list[Array]) -> None:
        multiply_columns(columns, kernel, y, band)

    work, most = with_columns(g, g.pad(x), kernel, multiply)
    threads.each(call, work, products(y, kernel), most)
    return y


def multiply_columns(columns: list[Array], kernel: Array, y: Array, band: Band) -> None:
    """Write a band of `conv2d` from its columns."""
    kernels = kernel.reshape(len(columns), -1, kernel.shape[-1])  # each (taps·M, N)
    rows = y[band].swapaxes(0, 1)  # (rows, images, Dᵥ, N)
    total = np.matmul(columns[0], kernels[0], out=as_matrix(rows))  # in its place, or in a copy of several images
    for some_columns, some_taps in zip(columns[1:], kernels[1:], strict=True):
        total += some_columns @ some_taps  # (positions, taps·M) @ (taps·M, N)
    if rows.shape[1] > 1:
        rows[...] = total.reshape(rows.shape)


def conv2d_backward(g: Geometry, dy: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    """The backward of `conv2d`: dkernel from the same columns, a band at a time, and dx as in `conv2d_dx`."""
    sums = SumInOrder()

    def multiply(number: int, band: Band, columns: list[Array]) -> None:
        sums.add(number, dkernel_share(columns, dy[band], x, kernel))

    work, most = with_columns(g, g.pad(x), kernel, multiply)
    most = min(most, max(1, WORKSPACE // kernel.nbytes))  # each holds a share of dkernel
    if turns(g, kernel):
        threads.each(call, work, products(dy, kernel, x), most)
        return conv2d(mirrored(g), dy, turned_round(kernel)), rounded(sums.total, dy, x)
    dx, dx_work = conv2d_dx_work(g, dy, kernel)
    threads.each(call, work + dx_work, 2 * products(dy, kernel, x), most)
    return dx, rounded(sums.total, dy, x)


def dkernel_share(columns: list[Array], dy: Array, x: Array, kernel: Array) -> Array:
    """A band's share of dkernel, from its columns and its part of dy."""
    dy_rows = as_matrix(dy.swapaxes(0, 1))  # (positions, N)
    share = np.empty(kernel.shape, working(dy, x))
    for dtaps, some_columns in zip(share.reshape(len(columns), -1, kernel.shape[-1]), columns, strict=True):
        dtaps[...] = summed_product(some_columns, dy_rows)  # (taps·M, positions) @ (positions, N)
    return share


def conv2d_dx(g: Geometry, dy: Array, kernel: Array) -> Array:
    """The adjoint of `conv2d`, a transposed convolution: dx, (B, Dᵤ, Dᵤ, M).

    It is no mirror image of forward. Scattering columns writes each value Dᵣ² times; where the output is as large as
    the input dx is a convolution of dy with the kernel turned round. Elsewhere each s-th row and column of it is a sum
    of products with some taps, which writes each value once. Objects are scattered: no product is left out.
    """
    if turns(g, kernel) and np.result_type(dy, kernel).kind != "O":
        return conv2d(mirrored(g), dy, turned_round(kernel))
    dx, work = conv2d_dx_work(g, dy, kernel)
    threads.each(call, work, products(dy, kernel))
    return dx


def transposed_conv2d_backward(g: Geometry, dy: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    """The backward of `conv2d_dx`, whose input is x here: `conv2d` of dy, and dkernel from the same columns."""
    dx, sums = np.empty(x.shape, np.result_type(dy, kernel)), SumInOrder()

    def multiply(number: int, band: Band, columns: list[Array]) -> None:
        multiply_columns(columns, kernel, dx, band)
        sums.add(number, dkernel_share(columns, x[band], dy, kernel))

    work, most = with_columns(g, g.pad(dy), kernel, multiply)
    most = min(most, max(1, WORKSPACE // kernel.nbytes))
    threads.each(call, work, 2 * products(x, kernel, dy), most)
    return dx, rounded(sums.total, dy, x)


def turns(g: Geometry, kernel: Array) -> bool:
    """True where dx is computed as a convolution: with fewer positions that costs more than it saves."""
    return keeps_size(g) and math.prod(g.output) > kernel.shape[-1]


def turned_round(kernel: Array) -> Array:
    """The kernel of the convolution of dy that dx is, (Dᵣ, Dᵣ, N, M)."""
    return np.ascontiguousarray(kernel[::-1, ::-1].swapaxes(2, 3))


def conv2d_dx_work(g: Geometry, dy: Array, kernel: Array) -> tuple[Array, list[Callable[[], None]]]:
    """dx, and the calls that fill it, which write to places of their own; those of most taps come first."""
    dx = np.empty((g.batch, g.height.input, g.width.input, kernel.shape[2]), np.result_type(dy, kernel))
    if dx.dtype.kind == "O":
        return dx, [partial(scatter_taps, g, dy, kernel, dx)]
    if dx.shape[-1] < FEW_CHANNELS:
        by_image = groupby(bands(g, as_matrix(kernel)[:, 0].nbytes), key=itemgetter(0))
        return dx, [
            partial(scatter_planes, g, dy, kernel, dx, images, [rows for _, rows in some]) for images, some in by_image
        ]
    work = []
    for row, column in np.ndindex(min(g.height.stride, dx.shape[1]), min(g.width.stride, dx.shape[2])):
        phase = dx[:, row :: g.height.stride, column :: g.width.stride]
        across = arriving(g.width, column, slice(0, phase.shape[2]))
        size = Geometry(g.batch, Axis(phase.shape[1], 1), Axis(phase.shape[2], 1))
        for images, rows in bands(size, phase.shape[3] * phase.itemsize, MATRIX_ROWS, PHASE):
            down = arriving(g.height, row, rows)
            part = partial(add_products, dy[images], kernel, phase[images, rows], down, across)
            work.append((len(down) * len(across), part))
    return dx, [part for _, part in sorted(work, key=itemgetter(0), reverse=True)]


def scatter_taps(g: Geometry, dy: Array, kernel: Array, dx: Array) -> None:
    """Write dx as `conv2d_backward_taps` does."""
    dpadded = np.zeros((g.batch, g.height.padded, g.width.padded, dx.shape[-1]), dx.dtype)
    for i, j, dtap in g.taps(dpadded):
        dtap += dy @ kernel[i, j].T
    dx[...] = dpadded[:, g.height.inside, g.width.inside]


class Arriving(NamedTuple):
    """A tap along one axis, the rows of a phase that it reaches, and the rows of dy that it brings there."""

    tap: int
    to: slice
    read: slice


def arriving(axis: Axis, row: int, part: slice) -> list[Arriving]:
    """The taps that reach a part of the phase of dx whose first row is given, those that reach most rows of it first.

    Tap i brings row v of dy to row v·s + i·δ of the padded dx, so row u of the phase gets it from v = u + shift.
    """
    found = []
    for tap in range(axis.kernel):
        shift, rest = divmod(row + axis.before - tap * axis.dilation, axis.stride)
        start, stop = max(part.start, -shift), min(part.stop, axis.output - shift)
        if rest == 0 and start < stop:
            to = slice(start - part.start, stop - part.start)
            found.append(Arriving(tap, to, slice(start + shift, stop + shift)))
    return sorted(found, key=lambda each: each.to.start - each.to.stop)


def add_products(dy: Array, kernel: Array, into: Array, down: list[Arriving], across: list[Arriving]) -> None:
    """Write a part of a phase of dx: the sum of the products with the taps that reach it.

    Whole rows of dy are multiplied, and of several images all rows, as these are one matrix without a copy.
    """
    total: Any = None
    for i, rows, read in down:
        lines, read = (dy[:, read], slice(None)) if len(dy) == 1 else (dy, read)
        for j, columns, read_columns in across:
            wide = as_matrix(lines) @ kernel[i, j].T  # (positions, N) @ (N, M)
            product = wide.reshape(*lines.shape[:3], -1)[:, read, read_columns]
            if total is None and product.shape == into.shape:
                total = product
                continue
            if total is None:
                total = np.zeros(into.shape, into.dtype)
            total[:, rows, columns] += product
    into[...] = 0 if total is None else total


def scatter_planes(g: Geometry, dy: Array, kernel: Array, dx: Array, images: slice, rows: list[slice]) -> None:
    """Write dx of few channels: into planes, a channel's rows and columns that lie a stride apart in one.

    So whole rows are added. One channel beside the other, each sum would be of a few numbers.
    """
    batch, s = len(dx[images]), (g.height.stride, g.width.stride)
    sides = -(-g.height.padded // s[0]), -(-g.width.padded // s[1])
    planes = np.zeros((*s, dx.shape[-1], batch, *sides), dx.dtype)
    for some in rows:
        dy_rows = dy[images, some]
        dcolumns = as_matrix(kernel) @ as_matrix(dy_rows).T  # (Dᵣ·Dᵣ·M, N) @ (N, positions)
        by_tap = dcolumns.reshape(*kernel.shape[:3], *dy_rows.shape[:3])  # (Dᵣ, Dᵣ, M, images, rows, Dᵥ)
        for i, j in np.ndindex(*kernel.shape[:2]):
            (down, p), (across, q) = divmod(i * g.height.dilation, s[0]), divmod(j * g.width.dilation, s[1])
            into = planes[p, q, :, :, some.start + down : some.stop + down, across : across + g.width.output]
            into += by_tap[i, j]
    for channel in range(dx.shape[-1]):
        dpadded = planes[:, :, channel].transpose(2, 3, 0, 4, 1).reshape(batch, s[0] * sides[0], -1)
        dx[images, :, :, channel] = dpadded[:, g.height.inside, g.width.inside]


def depthwise_conv2d(g: Geometry, x: Array, kernel: Array) -> Array:
    """One einsum over lines of the padded input: two to four times as fast as a product and a sum for each tap."""
    y = np.empty((*g.output, kernel.shape[-1]), np.result_type(x, kernel))
    x = np.ascontiguousarray(repeat_channels(x, kernel.shape[-1]))
    kernels = repeat_kernel(g, kernel)

    def compute(band: Band) -> None:
        images, rows = band
        read, part = part_of(g, images, rows)
        depthwise_into(part, x[images, read], kernels, y[band])

    threads.each(compute, parts(g, y), operations(y, kernel))
    return y


def depthwise_conv2d_backward(g: Geometry, dy: Array, x: Array, kernel: Array) -> tuple[Array, Array]:
    """The backward of `depthwise_conv2d`: dkernel from the same lines, and dx, both a part at a time."""
    wide, dy = np.ascontiguousarray(repeat_channels(x, kernel.shape[-1])), np.ascontiguousarray(dy)
    dx, forward = np.empty(wide.shape, np.result_type(dy, kernel)), list(parts(g, dy, 2))
    sums = SumInOrder()

    def compute_dkernel(number: int) -> None:
        images, rows = forward[number]
        read, part = part_of(g, images, rows)
        sums.add(number, depthwise_dkernel(part, wide[images, read], dy[images, rows]))

    def compute_dx(band: Band) -> None:
        images, rows = band
        depthwise_dx(Geometry(len(dy[images]), g.height, g.width), dy[images], kernel, turned, dx[images], rows)

    turned = turned_kernels(g, kernel)
    if turned:
        back = parts(Geometry(g.batch, Axis(g.height.input, 1), Axis(g.width.input, 1)), dx, max(1, dx.size // dy.size))
    else:
        back = ((slice(image, image + 1), slice(0, g.height.input)) for image in range(g.batch))
    work: list[Callable[[], None]] = [partial(compute_dkernel, number) for number in range(len(forward))]
    work += [partial(compute_dx, band) for band in back]
    threads.each(call, work, 2 * operations(dy, kernel, x))
    return sum_channels(dx, x.shape[-1]), rounded(sums.total, dy, x)


def depthwise_into(g: Geometry, x: Array, kernel: Array, y: Array) -> None:
    """Write the depthwise convolution of x, padded or not, to y, (B, Dᵥ, Dᵥ, M); rows of both lie in one piece.

    The kernel is what `repeat_kernel` returns, as many parts share it.
    """
    lines = tap_lines(g, g.pad(x))  # (B, Dᵥ, W, Dᵣ, Dᵣ, X)
    np.einsum("bvwijx,ijx->bvwx", lines, kernel, out=y.reshape(*lines.shape[:3], -1))


def depthwise_dkernel(g: Geometry, x: Array, dy: Array) -> Array:
    """dkernel, (Dᵣ, Dᵣ, M) in float64 at least, from x, padded or not, and dy.

    At most `LINES` lines of positions are summed in the numbers' own dtype, each column of them by itself: NumPy is
    fastest where it adds whole lines. Many channels are a long line already, and `LINES` positions are summed.
    """
    split = (g.width.output, 1) if dy.shape[-1] >= MANY_CHANNELS and g.width.output <= LINES else split_width(g)
    lines = tap_lines(g, g.pad(wider(x)), split)  # (B, Dᵥ, W, Dᵣ, Dᵣ, X)
    dy_lines = wider(dy).reshape(*lines.shape[:3], -1)  # (B, Dᵥ, W, X)
    dkernel = accumulator((*lines.shape[3:5], dy.shape[-1]), dy, x)
    if lines.shape[-1] == dkernel.shape[-1] >= MANY_CHANNELS:
        rows = largest_divisor(g.height.output, LINES // g.width.output)
        images = largest_divisor(len(dy), LINES // (rows * g.width.output))
        parts = (len(dy) // images, images, g.height.output // rows, rows)
        blocks, dy_blocks = (a.reshape(*parts, *a.shape[2:]) for a in (lines, dy_lines))
        sums = np.einsum("nbkvwijx,nbkvwx->nkijx", blocks, dy_blocks)  # (B / images, Dᵥ / rows, Dᵣ, Dᵣ, M)
        dkernel += sums.sum(axis=(0, 1), dtype=dkernel.dtype)
        return dkernel
    for band in bands(g, 1, size=LINES * g.width.output):
        line = line_dkernel(lines[band], dy_lines[band])  # (Dᵣ, Dᵣ, W, X)
        dkernel += line.reshape(*dkernel.shape[:2], -1, dkernel.shape[2]).sum(axis=2, dtype=dkernel.dtype)
    return dkernel


def largest_divisor(number: int, most: int) -> int:
    """The largest divisor of a number that is not above `most`, or 1."""
    return next((divisor for divisor in range(min(number, most), 0, -1) if number % divisor == 0), 1)


def line_dkernel(lines: Array, dy_lines: Array) -> Array:
    """dkernel by the columns of lines, (Dᵣ, Dᵣ, W, X). Tap by tap it is up to twice as fast, and has the same bits.

    For few numbers the calls would take longer, and of many the lines would come from memory for every tap.
    """
    line: Array
    if not FEW_LINES < dy_lines.nbytes <= LARGE_PART:
        line = np.einsum("bvwijx,bvwx->ijwx", lines, dy_lines)
        return line
    line = np.empty((*lines.shape[3:5], *lines.shape[2::3]), native(lines, dy_lines))
    for i, j in np.ndindex(*line.shape[:2]):
        np.einsum("bvwx,bvwx->wx", lines[:, :, :, i, j], dy_lines, out=line[i, j])
    return line


def depthwise_dx(g: Geometry, dy: Array, kernel: Array, turned: Turned, dx: Array, rows: slice) -> None:
    """Write rows of dx, (B, Dᵤ, Dᵤ, M): any, or all of them where `turned`, from `turned_kernels`, is empty.

    Scattering reads and writes each value Dᵣ² times. Each s-th row and column of dx is a convolution of dy with some
    taps of the kernel turned round, which writes each value once.
    """
    if not turned:
        dpadded = np.zeros((g.batch, g.height.padded, g.width.padded, dx.shape[-1]), dx.dtype)
        for i, j, dtap in g.taps(dpadded):
            dtap += dy * kernel[i, j]
        dx[...] = dpadded[:, g.height.inside, g.width.inside]
        return
    down, across = reaching(g.height, rows.start, rows.stop), reaching(g.width, 0, g.width.input)
    frame = Geometry(g.batch, down.padding, across.padding)
    depthwise_phases(g, frame.pad(dy[:, down.read, across.read]), turned, dx, down, across)


def depthwise_phases(g: Geometry, dy: Array, turned: Turned, dx: Array, down: "Reaching", across: "Reaching") -> None:
    """Write rows of dx from what reaches them of dy, with the zeros around it."""
    for row, column in product(down.phases, across.phases):
        into, part = dx[:, row.into, column.into], Geometry(g.batch, row.axis, column.axis)
        y = into if g.width.stride == 1 else np.empty(into.shape, into.dtype)
        depthwise_into(part, dy[:, row.read, column.read], turned[row.taps.start, column.taps.start], y)
        if y is not into:
            into[...] = y


def turned_kernels(g: Geometry, kernel: Array) -> Turned:
    """The taps of every phase of dx, turned round and repeated along its lines, by the first tap's row and column.

    Empty where dx as convolutions of dy would be more or fewer products than forward, as padding can make them.
    """
    if not turns_round(g):
        return {}
    turned = {}
    for row, column in product(*(reaching(axis, 0, axis.input).phases for axis in (g.height, g.width))):
        phase = Geometry(g.batch, row.axis, column.axis)
        turned[row.taps.start, column.taps.start] = repeat_kernel(phase, kernel[row.taps, column.taps])
    return turned


class Phase(NamedTuple):
    """The rows of dx that read the same taps: the output of a convolution of dy at stride 1, along one axis."""

    into: slice  # the rows of dx
    taps: slice  # the kernel's rows, turned round
    read: slice  # the rows of the padded dy
    axis: Axis


class Reaching(NamedTuple):
    """The rows of dy that reach some rows of dx along one axis, with zeros around them, and the phases of dx."""

    read: slice
    padding: Axis
    phases: list[Phase]


@lru_cache(1024)
def reaching(axis: Axis, start: int, stop: int) -> Reaching:
    """The way from dy to some rows of dx: output v reads row r of the padded input at tap i, v = (r − i·δ) / s."""
    s, δ = axis.stride, axis.dilation
    first = -((axis.span - 1 - start - axis.before) // s)  # rounded up
    read, before, after = inside_of(slice(first, (stop - 1 + axis.before) // s + 1), axis.output)
    phases, step, apart = [], s // math.gcd(s, δ), δ // math.gcd(s, δ)
    for row in range(start, min(start + s, stop)):
        r = row + axis.before
        taps = [i for i in range(axis.kernel) if (r - i * δ) % s == 0]
        read_from, count = (r - taps[-1] * δ) // s - first, len(range(row, stop, s))
        part = Axis(count + apart * (len(taps) - 1), len(taps), 1, apart)
        turned, read_rows = slice(taps[-1], None, -step), slice(read_from, read_from + part.input)
        phases.append(Phase(slice(row, stop, s), turned, read_rows, part))
    return Reaching(read, Axis(read.stop - read.start, 1, 1, 1, before, after), phases)


def turns_round(g: Geometry) -> bool:
    """True where dx as convolutions of dy is as many products as forward."""
    for axis in (g.height, g.width):
        taps = [
            sum((row + axis.before - i * axis.dilation) % axis.stride == 0 for i in range(axis.kernel))
            for row in range(min(axis.stride, axis.input))
        ]
        rows = [len(range(row, axis.input, axis.stride)) for row in range(len(taps))]
        if not all(taps) or sum(map(mul, rows, taps)) != axis.output * axis.kernel:
            return False
    return True


def parts(g: Geometry, y: Array, times: int = 1) -> Iterator[Band]:
    """Bands of a depthwise output for several threads: one if it is small, else as a rule an even number."""
    number = -(-y.nbytes // LARGE_PART)
    number = 1 if y.nbytes < 2 * SMALL_PART else number + number % 2
    return bands(g, y.shape[-1] * y.itemsize, size=times * -(-y.nbytes // number))


def operations(y: Array, kernel: Array, *others: Array) -> int:
    """The number of products in a depthwise convolution; 0 for objects, whose work is Python's, on one thread."""
    no_objects = all(a.dtype != object for a in (y, kernel, *others))
    return int(y.size * kernel.shape[0] * kernel.shape[1] * no_objects)


def products(y: Array, kernel: Array, *others: Array) -> int:
    """`operations` for matrix products of a kernel, of which BLAS makes eight in the time of one."""
    return operations(y, kernel, *others) * int(kernel.shape[2]) // 8


def call(part: Callable[[], None]) -> None:
    """Call a part of the work that has all its arguments."""
    part()


def keeps_size(g: Geometry) -> bool:
    """True where the output is as high and as wide as the input, and has all positions of stride 1."""
    axes = (g.height, g.width)
    return all(axis.output == axis.input == axis.padded - axis.span + 1 for axis in axes)


def mirrored(g: Geometry) -> Geometry:
    """The geometry of the convolution of dy that dx is, where size is kept: the padding before and after exchanged."""
    axes = (Axis(a.input, a.kernel, 1, a.dilation, a.after, a.before) for a in (g.height, g.width))
    return Geometry(g.batch, *axes)


def bands(g: Geometry, position_bytes: int, least: int = 0, size: int | None = None) -> Iterator[Band]:
    """Bands (images, rows) of the output: several images or a few rows, of about `size` bytes (by default `BAND`).

    They have at least that many positions, unless these would need more than `WORKSPACE`.
    """
    wanted = min(max(size or BAND, least * position_bytes), WORKSPACE)
    rows = max(1, wanted // (g.width.output * position_bytes))
    images = max(1, rows // g.height.output)
    rows = -(-g.height.output // -(-g.height.output // rows))  # equal bands: none is left with a row or two
    for image in range(0, g.batch, images):
        for row in range(0, g.height.output, rows):
            yield slice(image, image + images), slice(row, min(row + rows, g.height.output))


def read_by(axis: Axis, outputs: slice) -> slice:
    """The rows of the padded input that a range of output positions reads."""
    return slice(outputs.start * axis.stride, (outputs.stop - 1) * axis.stride + axis.span)


def part_of(g: Geometry, images: slice, rows: slice) -> tuple[slice, Geometry]:
    """The rows of the input that a band reads, and the geometry that the band is itself.

    Its padding is the zeros that the band reads: none in the middle, only zeros outside the input.
    """
    axis, read = g.height, read_by(g.height, rows)
    given, before, after = inside_of(slice(read.start - axis.before, read.stop - axis.before), axis.input)
    height = Axis(given.stop - given.start, axis.kernel, axis.stride, axis.dilation, before, after)
    return given, Geometry(len(range(g.batch)[images]), height, g.width)


def inside_of(rows: slice, size: int) -> tuple[slice, int, int]:
    """Of a range of rows those from 0 to size, the number before them and the number behind."""
    start, stop = (min(max(row, 0), size) for row in (rows.start, rows.stop))
    return slice(start, stop), len(range(rows.start, min(rows.stop, 0))), len(range(max(rows.start, size), rows.stop))


def columns_by_band(g: Geometry, padded: Array) -> Iterator[tuple[Band, Array, list[slice]]]:
    """Each band of the output with what it reads, in the order of its columns, and its kernel rows' ranges of that.

    Positions run over rows, images and columns. Neighbouring kernel rows read the same lines of the input, so at stride
    1 each line is copied once, and a kernel row's columns are a range of the copy. With few channels all columns are
    one range, filled along the width, which is then the longer line: (taps·M, …) instead of (…, taps·M).
    """
    few = padded.shape[-1] < FEW_CHANNELS
    views = sliding_window_view(padded, (g.height.span if few else 1, g.width.span), axis=(1, 2))
    taps = views[:, :, :: g.width.stride, :, :: g.height.dilation, :: g.width.dilation]
    lines = taps.transpose(1, 0, 2, 4, 5, 3)[:, :, : g.width.output]  # (lines, B, Dᵥ, Dᵣ or 1, Dᵣ, M)
    for images, rows in bands(g, lines[0, 0, 0].nbytes, MATRIX_ROWS):
        _, part = part_of(g, images, rows)
        read = lines[read_by(g.height, rows), images]
        if few:
            read = read[part.height.taps[0]].transpose(3, 4, 5, 0, 1, 2)
        yield (images, rows), read, [] if few else part.height.taps


def with_columns(
    g: Geometry, padded: Array, kernel: Array, work: Callable[[int, Band, list[Array]], None]
) -> tuple[list[Callable[[], None]], int]:
    """Calls of work(number, band, columns) for each band, and how many may run at once.

    The columns are a list of (positions, taps·M), one a kernel row, or one for all. Calls that run side by side have
    buffers of their own, which later ones use again; together with two products they fit into `WORKSPACE`, or one runs.
    """
    read_by_band = list(columns_by_band(g, padded))
    buffers = [np.empty(0, padded.dtype) for _ in read_by_band]

    def gather(number: int) -> None:
        band, read, kernel_rows = read_by_band[number]
        buffer = buffers.pop()
        if buffer.size < read.size:
            buffer = np.empty(read.size, padded.dtype)
        copy = buffer[: read.size].reshape(read.shape)
        copy[...] = read
        rows = [copy[kernel_row].reshape(-1, math.prod(copy.shape[3:])) for kernel_row in kernel_rows]
        work(number, band, rows or [copy.reshape(math.prod(copy.shape[:3]), -1).T])
        buffers.append(buffer)

    (images, rows), read, kernel_rows = read_by_band[0]
    copied = sum(read[some].nbytes for some in kernel_rows) if g.height.stride > 1 else 0  # as their lines lie apart
    product_size = len(range(g.batch)[images]) * (rows.stop - rows.start) * g.width.output * kernel.shape[-1]
    most = max(1, WORKSPACE // (read.nbytes + copied + 2 * product_size * read.itemsize))
    return [partial(gather, number) for number in range(len(read_by_band))], most


class SumInOrder:
    """The sum of what several threads add, added in the order of its numbers 0, 1, …: the same bits every time."""

    def __init__(self) -> None:
        self.total: Any = None
        self._lock, self._next = threading.Lock(), 0
        self._early: dict[int, Array] = {}

    def add(self, number: int, share: Array) -> None:
        """Add the share with that number, as soon as those before it are there; it is overwritten."""
        with self._lock:
            self._early[number] = share
            while self._next in self._early:
                ready = self._early.pop(self._next)
                self.total = ready if self._next == 0 else np.add(self.total, ready, out=self.total)
                self._next += 1


def tap_lines(g: Geometry, padded: Array, split: tuple[int, int] | None = None) -> Array:
    """All taps of every output position, in lines as long as memory has them: a view (B, Dᵥ, W, Dᵣ, Dᵣ, X).

    W·X = Dᵥ·M. Where the stride along the width is 1, tap (i, j) of a row of positions is one line: W = 1, X = Dᵥ·M.
    `split` gives W and the positions in a line otherwise than `split_width`. Each row of the padded input must lie in
    one piece.
    """
    (image, row, *_), size, (width, length) = padded.strides, padded.itemsize, split or split_width(g)
    column = padded.shape[-1] * size
    shape = (len(padded), g.height.output, width, g.height.kernel, g.width.kernel, length * padded.shape[-1])
    down, across = g.height, g.width
    # sliding_window_view would take longer than some parts
    strides = (image, row * down.stride, column * across.stride, row * down.dilation, column * across.dilation, size)
    assert padded.shape[1:3] == g.padded, f"{g} reads behind {padded.shape}"
    return as_strided(padded, shape, strides)


def split_width(g: Geometry) -> tuple[int, int]:
    """Dᵥ along the width as the number of lines and the positions in each: one line where the stride there is 1."""
    return (1, g.width.output) if g.width.stride == 1 else (g.width.output, 1)


def repeat_kernel(g: Geometry, kernel: Array) -> Array:
    """A depthwise kernel as often in a row as a line of `tap_lines` has positions: (Dᵣ, Dᵣ, M) to (Dᵣ, Dᵣ, X)."""
    _, positions = split_width(g)
    return kernel if positions == 1 else np.repeat(kernel[:, :, None], positions, axis=2).reshape(*kernel.shape[:2], -1)

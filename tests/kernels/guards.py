"""What guards each kernel: properties that the kernel must have, as functions of a namespace of kernels.

The tests run them on npconv; test_mutants.py runs them on npconv with one mistake planted, and each must be caught. So
they ask nothing of a kernel that is not passed to them, and compare with an oracle that shares no code with any.
"""

import itertools
import random
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import numpy as np

from npconv import threads
from npconv.checks import check_adjoint, check_backward, convolution_case

CASES = 25


def pattern(size: int, output: int, kernel: int, stride: int, dilation: int, before: int) -> np.ndarray:
    """P[o, k, i] = 1 if and only if output o reads input i at tap k: i = o·s + k·δ − before. The oracle's only rule."""
    o, k, i = np.ogrid[:output, :kernel, :size]
    return (i == o * stride + k * dilation - before).astype(float)


def sides(padding: Any, sizes: tuple[int, ...], kernel: tuple[int, ...], strides: Any, dilations: Any) -> list[tuple]:
    """(stride, dilation, before, after) of every axis, from first principles."""
    each = lambda numbers: numbers if isinstance(numbers, tuple) else (numbers,) * len(sizes)  # noqa: E731
    axes = []
    for axis, (size, k, s, d) in enumerate(zip(sizes, kernel, each(strides), each(dilations), strict=True)):
        if padding == "valid":
            before, after = 0, 0
        elif padding == "same":  # the least padding that gives ⌈size / s⌉ outputs, the odd row behind
            total = 0
            while (size + total - d * (k - 1) - 1) // s + 1 < -(-size // s) or size + total < d * (k - 1) + 1:
                total += 1
            before, after = total // 2, total - total // 2
        elif isinstance(padding, tuple) and isinstance(padding[0], tuple):
            before, after = padding[axis]
        else:
            before = after = each(padding)[axis]
        axes.append((s, d, before, after))
    return axes


def oracle(x: np.ndarray, kernel: np.ndarray, *, stride: Any = 1, padding: Any = "valid", dilation: Any = 1) -> Any:
    """The convolution, of two axes or of three, as one einsum over index patterns, and the patterns themselves."""
    patterns, volume = [], x.ndim == 5
    geometry = sides(padding, x.shape[1:-1], kernel.shape[:-2], stride, dilation)
    for size, k, (s, d, before, after) in zip(x.shape[1:-1], kernel.shape[:-2], geometry, strict=True):
        output = (size + before + after - d * (k - 1) - 1) // s + 1
        patterns.append(pattern(size, output, k, s, d, before))
    sums = "uld,vih,wjg,bdhgm,lijmn->buvwn" if volume else "vih,wjg,bhgm,ijmn->bvwn"
    return np.einsum(sums, *patterns, x, kernel, optimize=True), patterns


def oracle_backward(dy: np.ndarray, x: np.ndarray, kernel: np.ndarray, **geometry: Any) -> tuple[np.ndarray, ...]:
    """dx and dkernel by the same patterns."""
    _, patterns = oracle(x, kernel, **geometry)
    to_dx = "uld,vih,wjg,buvwn,lijmn->bdhgm" if x.ndim == 5 else "vih,wjg,bvwn,ijmn->bhgm"
    to_dkernel = "uld,vih,wjg,bdhgm,buvwn->lijmn" if x.ndim == 5 else "vih,wjg,bhgm,bvwn->ijmn"
    dx = np.einsum(to_dx, *patterns, dy, kernel, optimize=True)
    dkernel = np.einsum(to_dkernel, *patterns, x, dy, optimize=True)
    return dx, dkernel


def as_standard(kernel: np.ndarray, channels: int) -> np.ndarray:
    """A depthwise kernel (Dᵣ, Dᵣ, M·Q) as the standard one (Dᵣ, Dᵣ, M, M·Q) that is zero where channels would mix."""
    wide = kernel.shape[2]
    owner = np.arange(wide) // (wide // channels)
    return kernel[:, :, None, :] * (owner == np.arange(channels)[:, None])


def cases(operation: str, count: int = CASES, seed: int = 2018) -> Any:
    """Constructed cases with arrays of whole numbers and a random dy."""
    source = random.Random(seed)
    for number in range(count):
        case = convolution_case(source.randint, operation)
        yield case, case.arrays(number), case.upstream(number)


def equal(result: Any, expected: Any, case: Any) -> None:
    """Exactly the same numbers in the same shape."""
    assert result.shape == expected.shape, (result.shape, expected.shape, case)
    assert np.array_equal(result, expected), case


def guard_standard(k: SimpleNamespace) -> None:
    """Every rung of the standard convolution, forward and backward, against the oracle."""
    for case, (x, kernel), dy in cases("conv2d"):
        expected, _ = oracle(x, kernel, **case.geometry)
        for forward in (k.conv2d_loops, k.conv2d_per_channel, k.conv2d_taps, k.conv2d_im2col, k.conv2d):
            equal(forward(x, kernel, **case.geometry), expected, case)
        gradients = oracle_backward(dy, x, kernel, **case.geometry)
        backwards = (k.conv2d_backward_loops, k.conv2d_backward_taps, k.conv2d_backward_im2col, k.conv2d_backward)
        for backward in backwards:
            for result, gradient in zip(backward(dy, x, kernel, **case.geometry), gradients, strict=True):
                equal(result, gradient, case)


def guard_per_channel_maps(k: SimpleNamespace) -> None:
    """One filter's maps against the oracle, channel by channel."""
    for case, (x, kernel), _ in cases("conv2d", 10):
        maps = k.per_channel_maps(x, kernel[..., 0], **case.geometry)
        expected, _ = oracle(x, as_standard(kernel[..., 0], x.shape[3]), **case.geometry)
        equal(maps, expected, case)


def guard_many_channels(k: SimpleNamespace) -> None:
    """So many channels that `conv2d` takes the taps a kernel row at a time."""
    for number, (case, _, _) in enumerate(cases("conv2d", 30, seed=5)):
        rng = np.random.default_rng(number)
        shapes = (*case.shapes["x"][:3], 17), (*case.shapes["kernel"][:2], 17, 2), (*case.output_shape[:3], 2)
        x, kernel, dy = (rng.integers(-4, 5, shape).astype(float) for shape in shapes)
        equal(k.conv2d(x, kernel, **case.geometry), oracle(x, kernel, **case.geometry)[0], case)
        gradients = oracle_backward(dy, x, kernel, **case.geometry)
        for result, gradient in zip(k.conv2d_backward(dy, x, kernel, **case.geometry), gradients, strict=True):
            equal(result, gradient, case)


def guard_bands(k: SimpleNamespace) -> None:
    """Maps so large, and so many, that `conv2d` works in several bands of rows and of images."""
    for shape, kernel_shape, geometry in (
        ((3, 41, 70, 20), (5, 3, 20, 3), {"padding": ((2, 1), (0, 2)), "stride": (1, 1)}),
        ((2, 90, 140, 2), (7, 5, 2, 3), {"padding": "same", "stride": (2, 1), "dilation": (1, 2)}),
        ((70, 9, 8, 16), (3, 3, 16, 2), {"padding": 1}),
        ((70, 9, 8, 3), (3, 3, 3, 2), {"padding": 1, "stride": (1, 2)}),
        ((2, 205, 100, 32), (3, 2, 32, 3), {"padding": 1, "stride": (2, 1), "dilation": (3, 2)}),
        ((90, 9, 11, 32), (3, 2, 32, 3), {"stride": (2, 1), "dilation": (1, 2)}),
    ):
        rng = np.random.default_rng(7)
        x, kernel = (rng.integers(-4, 5, s).astype(float) for s in (shape, kernel_shape))
        expected = k.conv2d_taps(x, kernel, **geometry)
        equal(k.conv2d(x, kernel, **geometry), expected, geometry)
        dy = rng.integers(-4, 5, expected.shape).astype(float)
        for result, gradient in zip(
            k.conv2d_backward(dy, x, kernel, **geometry), k.conv2d_backward_taps(dy, x, kernel, **geometry), strict=True
        ):
            equal(result, gradient, geometry)


def guard_kept_size(k: SimpleNamespace) -> None:
    """An output as large as the input, padded unevenly: at stride 1 dx is then computed as a convolution."""
    rng = np.random.default_rng(8)
    for kernel_sides, geometry in (
        ((2, 4), {"padding": "same"}),
        ((4, 3), {"padding": "same", "dilation": (1, 2)}),
        ((3, 2), {"padding": ((2, 0), (1, 2)), "dilation": (1, 3)}),
        ((1, 2), {"padding": ((0, 0), (0, 1))}),
        ((3, 2), {"padding": ((3, 3), (2, 4)), "stride": 2}),  # as large too, but not at stride 1
    ):
        x, dy = rng.integers(-4, 5, (2, 5, 6, 3)).astype(float), rng.integers(-4, 5, (2, 5, 6, 4)).astype(float)
        kernel = rng.integers(-4, 5, (*kernel_sides, 3, 4)).astype(float)
        for result, expected in zip(
            k.conv2d_backward(dy, x, kernel, **geometry), oracle_backward(dy, x, kernel, **geometry), strict=True
        ):
            equal(result, expected, geometry)
        depthwise, dy = kernel[..., 0], dy[..., :3]
        dx, dstandard = oracle_backward(dy, x, as_standard(depthwise, 3), **geometry)
        gradients = k.depthwise_conv2d_backward(dy, x, depthwise, **geometry)
        equal(gradients[0], dx, geometry)
        equal(gradients[1], dstandard[:, :, range(3), range(3)], geometry)


def guard_depthwise(k: SimpleNamespace) -> None:
    """Every rung of the depthwise convolution against the oracle with a kernel that mixes no channels."""
    for case, (x, kernel), dy in cases("depthwise_conv2d", 2 * CASES):
        wide, channels = kernel.shape[2], x.shape[3]
        standard = as_standard(kernel, channels)
        expected, _ = oracle(x, standard, **case.geometry)
        for forward in (k.depthwise_conv2d_loops, k.depthwise_conv2d_taps, k.depthwise_conv2d):
            equal(forward(x, kernel, **case.geometry), expected, case)
        dx, dstandard = oracle_backward(dy, x, standard, **case.geometry)
        dkernel = dstandard[:, :, np.arange(wide) // (wide // channels), np.arange(wide)]
        for backward in (
            k.depthwise_conv2d_backward_loops,
            k.depthwise_conv2d_backward_taps,
            k.depthwise_conv2d_backward,
        ):
            for result, gradient in zip(backward(dy, x, kernel, **case.geometry), (dx, dkernel), strict=True):
                equal(result, gradient, case)


def guard_depthwise_parts(k: SimpleNamespace) -> None:
    """Maps so large that `depthwise_conv2d` computes them in several parts, of rows and of images."""
    rng = np.random.default_rng(9)
    for shape, kernel_sides, geometry in (
        ((2, 61, 80, 24), (3, 3), {"padding": "same"}),
        ((3, 101, 80, 24), (3, 2), {"padding": "same"}),  # dkernel too
        ((9, 20, 41, 24), (3, 5), {"padding": "same", "stride": (1, 2)}),
        ((2, 90, 44, 24), (5, 3), {"padding": "same", "stride": (2, 1), "dilation": (1, 2)}),
        ((2, 80, 60, 24), (3, 2), {"padding": ((1, 0), (0, 0)), "stride": 2}),
        ((3, 71, 40, 24), (2, 3), {"padding": 1, "stride": 3}),
        ((3, 29, 37, 70), (3, 2), {"padding": "same"}),  # many channels
        ((2, 41, 27, 64), (2, 3), {"padding": ((1, 0), (0, 2)), "stride": (2, 1), "dilation": (1, 2)}),
        ((2, 20, 61, 65), (3, 3), {"padding": "same", "stride": (1, 2)}),
    ):
        x, kernel = (rng.integers(-4, 5, s).astype(float) for s in (shape, (*kernel_sides, shape[-1])))
        expected = k.depthwise_conv2d_taps(x, kernel, **geometry)
        equal(k.depthwise_conv2d(x, kernel, **geometry), expected, geometry)
        dy = rng.integers(-4, 5, expected.shape).astype(float)
        gradients = k.depthwise_conv2d_backward_taps(dy, x, kernel, **geometry)
        for result, gradient in zip(k.depthwise_conv2d_backward(dy, x, kernel, **geometry), gradients, strict=True):
            equal(result, gradient, geometry)


def guard_in_order(k: SimpleNamespace) -> None:
    """Parts that are computed in another order give the same bits."""

    def backwards(work: Any, parts: Any, *_: Any) -> None:
        for part in reversed(list(parts)):
            work(part)

    rng = np.random.default_rng(10)
    for backward, shape, kernel_shape, dy_shape in (
        (k.conv2d_backward, (40, 60, 50, 3), (3, 3, 3, 2), (40, 29, 24, 2)),
        (k.conv2d_backward, (24, 60, 50, 16), (3, 3, 16, 2), (24, 29, 24, 2)),
        (k.depthwise_conv2d_backward, (24, 122, 100, 40), (3, 3, 40), (24, 60, 49, 40)),
    ):
        arrays = [rng.standard_normal(s) for s in (dy_shape, shape, kernel_shape)]  # float32 would round it away
        expected = backward(*arrays, stride=2)
        with patch.object(threads, "each", backwards):
            for result, gradient in zip(backward(*arrays, stride=2), expected, strict=True):
                equal(result, gradient, shape)


def guard_grouped(k: SimpleNamespace) -> None:
    """Each group against the oracle on its own channels."""
    for case, (x, kernel), dy in cases("grouped_conv2d"):
        groups = case.geometry["groups"]
        spatial = {name: value for name, value in case.geometry.items() if name != "groups"}
        m, n = x.shape[3] // groups, kernel.shape[3] // groups
        y = k.grouped_conv2d(x, kernel, **case.geometry)
        dx, dkernel = k.grouped_conv2d_backward(dy, x, kernel, **case.geometry)
        assert (y.shape, dx.shape, dkernel.shape) == (case.output_shape, x.shape, kernel.shape)
        for group in range(groups):
            ins, outs = slice(group * m, (group + 1) * m), slice(group * n, (group + 1) * n)
            equal(y[..., outs], oracle(x[..., ins], kernel[..., outs], **spatial)[0], case)
            expected = oracle_backward(dy[..., outs], x[..., ins], kernel[..., outs], **spatial)
            equal(dx[..., ins], expected[0], case)
            equal(dkernel[..., outs], expected[1], case)


def guard_transposed(k: SimpleNamespace) -> None:
    """Scattered by the patterns: output row o gets x's row v at tap i where o + before = v·s + i·δ; and bands of it."""

    def hold(x: np.ndarray, kernel: np.ndarray, dy: np.ndarray, seen: Any, axes: Any, geometry: Any) -> None:
        rows, columns = (
            pattern(output, size, taps, s, d, before)
            for output, size, taps, (s, d, before) in zip(
                dy.shape[1:3], x.shape[1:3], kernel.shape[:2], axes, strict=True
            )
        )
        arrays = (rows, columns, dy, x, kernel)
        letters = ("vih", "wjg", "bhgn", "bvwm", "ijnm")
        results = [*(f(x, kernel, **geometry) for f in (k.transposed_conv2d_loops, k.transposed_conv2d)[1 - seen :])]
        for result, place in [
            *((result, 2) for result in results),
            *zip(k.transposed_conv2d_backward(dy, x, kernel, **geometry), (3, 4), strict=True),
        ]:
            others = [n for n in range(5) if n != place]
            terms = ",".join(letters[n] for n in others) + "->" + letters[place]
            equal(result, np.einsum(terms, *(arrays[n] for n in others), optimize=True), geometry)

    for case, (x, kernel), dy in cases("transposed_conv2d", 2 * CASES):
        padding, stride, dilation = (case.geometry[name] for name in ("padding", "stride", "dilation"))
        axes = sides(padding, dy.shape[1:3], kernel.shape[:2], stride, dilation)
        hold(x, kernel, dy, 1, [axis[:3] for axis in axes], case.geometry)
    rng = np.random.default_rng(11)
    for batch, m, n, axes in (  # of each axis Dᵤ, Dᵣ, s, δ, the padding before and behind, and output_padding
        (2, 3, 40, ((60, 3, 2, 1, 1, 0, 1), (41, 2, 1, 2, 2, 1, 0))),
        (40, 4, 20, ((5, 2, 1, 2, 1, 2, 0), (6, 4, 2, 1, 1, 0, 0))),
        (1, 3, 50, ((90, 3, 1, 3, 3, 4, 2), (60, 3, 3, 1, 0, 0, 2))),
        (3, 5, 17, ((2, 1, 3, 1, 0, 1, 0), (3, 1, 2, 1, 0, 0, 1))),
        (2, 3, 17, ((5, 2, 1, 2, 2, 1, 1), (6, 3, 1, 3, 4, 4, 2))),
    ):
        size, taps, stride, dilation, before, after, rest = zip(*axes, strict=True)
        x, kernel = (rng.integers(-4, 5, s).astype(float) for s in ((batch, *size, m), (*taps, n, m)))
        outputs = [(u - 1) * s + d * (r - 1) + 1 - a - b + more for u, r, s, d, a, b, more in axes]
        dy = rng.integers(-4, 5, (batch, *outputs, n)).astype(float)
        padding = tuple(zip(before, after, strict=True))
        geometry = {"stride": stride, "padding": padding, "output_padding": rest, "dilation": dilation}
        hold(x, kernel, dy, 0, list(zip(stride, dilation, before, strict=True)), geometry)


def guard_resize(k: SimpleNamespace) -> None:
    """The outputs between the inputs that lie at the positions of the definition, and backward the transpose."""
    x = np.random.default_rng(12).standard_normal((2, 4, 5, 3))
    for size, align in itertools.product(((4, 5), (7, 3), (1, 9), (2, 1)), ("half_pixel", "corners", "origin")):
        matrices = []
        for n, o in zip(x.shape[1:3], size, strict=True):
            i = np.arange(o)
            at = {"half_pixel": (i + 0.5) * n / o - 0.5, "corners": i * (n - 1) / max(o - 1, 1), "origin": i * n / o}
            near = np.abs(np.clip(at[align], 0, n - 1)[:, None] - np.arange(n))
            matrices.append(np.maximum(1 - near, 0))
        y = k.resize_bilinear(x, size, align=align)
        np.testing.assert_allclose(y, np.einsum("oh,pw,bhwm->bopm", *matrices, x), atol=1e-12)
        dy = np.random.default_rng(13).standard_normal(y.shape)
        dx = k.resize_bilinear_backward(dy, x, size, align=align)
        np.testing.assert_allclose(dx, np.einsum("oh,pw,bopm->bhwm", *matrices, dy), atol=1e-12)


def guard_overlap_counts(k: SimpleNamespace) -> None:
    """Counted one window after the other."""
    for size, stride, outputs in itertools.product(range(1, 7), range(1, 5), (6, 9, 12)):
        starts = range(0, outputs - size + 1, stride)
        expected = [sum(start <= o < start + size for start in starts) for o in range(outputs)]
        assert k.overlap_counts(size, stride, outputs).tolist() == expected


def guard_pointwise(k: SimpleNamespace) -> None:
    """The pointwise convolution and the dense product against the oracle with a 1×1 kernel."""
    for case, (x, kernel), dy in cases("pointwise_conv2d"):
        expected, _ = oracle(x, kernel[None, None])
        for forward in (k.pointwise_conv2d_loops, k.pointwise_conv2d):
            equal(forward(x, kernel), expected, case)
        dx, dkernel = oracle_backward(dy, x, kernel[None, None])
        gradients = k.pointwise_conv2d_backward(dy, x, kernel)
        equal(gradients[0], dx, case)
        equal(gradients[1], dkernel[0, 0], case)
        equal(k.dense(x[:, 0, 0], kernel), expected[:, 0, 0], case)
        gradients = k.dense_backward(dy[:, 0, 0], x[:, 0, 0], kernel)
        equal(gradients[0], dx[:, 0, 0], case)
        equal(gradients[1], np.einsum("bm,bn->mn", x[:, 0, 0], dy[:, 0, 0]), case)


def guard_separable(k: SimpleNamespace) -> None:
    """Depthwise plus pointwise equals the oracle with the factored kernel, forward and all gradients."""
    for case, (x, depthwise, pointwise), dy in cases("depthwise_separable_conv2d"):
        q = depthwise.shape[2] // x.shape[3]
        kernel = k.factored_kernel(depthwise, pointwise, depth_multiplier=q)
        by_hand = np.einsum("ijmq,mqn->ijmn", *(
            depthwise.reshape(*depthwise.shape[:2], -1, q), pointwise.reshape(-1, q, pointwise.shape[1])
        ))  # fmt: skip
        equal(kernel, by_hand, case)
        equal(k.depthwise_separable_conv2d(x, depthwise, pointwise, **case.geometry),
              oracle(x, by_hand, **case.geometry)[0], case)  # fmt: skip
        dx, dkernel = oracle_backward(dy, x, by_hand, **case.geometry)
        pulled = k.factored_kernel_backward(dkernel, depthwise, pointwise, depth_multiplier=q)
        gradients = k.depthwise_separable_conv2d_backward(dy, x, depthwise, pointwise, **case.geometry)
        for result, expected in zip(gradients, (dx, *pulled), strict=True):
            equal(result, expected, case)
        check_adjoint(
            lambda depthwise, pointwise, q=q: k.factored_kernel(depthwise, pointwise, depth_multiplier=q),
            lambda dkernel, *factors, q=q: k.factored_kernel_backward(dkernel, *factors, depth_multiplier=q),
            depthwise,
            pointwise,
        )


def guard_spatially_separable(k: SimpleNamespace) -> None:
    """The column, then the row, against the oracle with their product, forward and all gradients."""
    for case, (x, column, row), dy in cases("spatially_separable_conv2d"):
        standard = as_standard(column[:, None] * row, x.shape[3])
        y = k.spatially_separable_conv2d(x, column, row, **case.geometry)
        equal(y, oracle(x, standard, **case.geometry)[0], case)
        dx, dstandard = oracle_backward(dy, x, standard, **case.geometry)
        dkernel = np.einsum("ijmm->ijm", dstandard)
        gradients = k.spatially_separable_conv2d_backward(dy, x, column, row, **case.geometry)
        expected = dx, np.einsum("ijm,jm->im", dkernel, row), np.einsum("ijm,im->jm", dkernel, column)
        for result, gradient in zip(gradients, expected, strict=True):
            equal(result, gradient, case)


def guard_flattened(k: SimpleNamespace) -> None:
    """The three filters, one after the other, against the oracle with their product, forward and all gradients."""
    for case, (x, lateral, vertical, horizontal), dy in cases("flattened_conv2d"):
        standard = np.einsum("mn,in,jn->ijmn", lateral, vertical, horizontal)
        y = k.flattened_conv2d(x, lateral, vertical, horizontal, **case.geometry)
        equal(y, oracle(x, standard, **case.geometry)[0], case)
        dx, dkernel = oracle_backward(dy, x, standard, **case.geometry)
        expected = (
            dx,
            np.einsum("ijmn,in,jn->mn", dkernel, vertical, horizontal),
            np.einsum("ijmn,mn,jn->in", dkernel, lateral, horizontal),
            np.einsum("ijmn,mn,in->jn", dkernel, lateral, vertical),
        )
        gradients = k.flattened_conv2d_backward(dy, x, lateral, vertical, horizontal, **case.geometry)
        for result, gradient in zip(gradients, expected, strict=True):
            equal(result, gradient, case)


def guard_shuffle(k: SimpleNamespace) -> None:
    """Channel i·n + j becomes j·g + i, alone and behind a grouped convolution; backward puts it back."""
    for g, n in ((1, 3), (2, 2), (2, 3), (3, 2), (3, 4), (4, 2)):
        x = np.random.default_rng(g).integers(-9, 9, (2, 3, 2, g * n))
        order = [i * n + j for j in range(n) for i in range(g)]
        equal(k.channel_shuffle(x, groups=g), x[..., order], (g, n))
        equal(k.channel_shuffle_backward(x[..., order], x, groups=g), x, (g, n))
    for case, (x, kernel), dy in cases("shuffled_grouped_conv2d"):
        groups = case.geometry["groups"]
        spatial = {name: value for name, value in case.geometry.items() if name != "groups"}
        m, n = x.shape[3] // groups, kernel.shape[3] // groups
        y = k.shuffled_grouped_conv2d(x, kernel, **case.geometry)
        dx, dkernel = k.shuffled_grouped_conv2d_backward(dy, x, kernel, **case.geometry)
        assert (y.shape, dx.shape, dkernel.shape) == (case.output_shape, x.shape, kernel.shape)
        for group in range(groups):
            ins, outs = slice(group * m, (group + 1) * m), slice(group * n, (group + 1) * n)
            apart = slice(group, None, groups)  # where the shuffle puts a group's channels
            equal(y[..., apart], oracle(x[..., ins], kernel[..., outs], **spatial)[0], case)
            expected = oracle_backward(dy[..., apart], x[..., ins], kernel[..., outs], **spatial)
            equal(dx[..., ins], expected[0], case)
            equal(dkernel[..., outs], expected[1], case)


def guard_volume(k: SimpleNamespace) -> None:
    """Every rung of the 3D convolution against the oracle of three axes, in one band and in many."""
    for number, (case, (x, kernel), dy) in enumerate(cases("conv3d", 15)):
        expected, _ = oracle(x, kernel, **case.geometry)
        gradients = oracle_backward(dy, x, kernel, **case.geometry)
        layers = {} if number % 2 else {"LAYERS": 1 + 2 * x[0, 0].nbytes * kernel.shape[0]}
        with patch.dict(k.conv3d.__globals__, layers):
            for forward in (k.conv3d_taps, k.conv3d, *([k.conv3d_loops] if number < 5 else [])):
                equal(forward(x, kernel, **case.geometry), expected, case)
            for backward in (k.conv3d_backward_taps, k.conv3d_backward):
                for result, gradient in zip(backward(dy, x, kernel, **case.geometry), gradients, strict=True):
                    equal(result, gradient, case)


def guard_factorize(k: SimpleNamespace) -> None:
    """The best factors: no random ones come nearer, the singular values say how near, and exact at full rank."""
    kernel = np.random.default_rng(3).standard_normal((3, 2, 4, 5))
    slices = kernel.reshape(6, 4, 5).swapaxes(0, 1)
    values = np.linalg.svd(slices, compute_uv=False)
    for q in (1, 2, 4, 5, 7):
        depthwise, pointwise = k.factorize_kernel(kernel, depth_multiplier=q)
        assert depthwise.shape == (3, 2, 4 * q)
        assert pointwise.shape == (4 * q, 5)
        factors = depthwise.reshape(6, 4, q).swapaxes(0, 1) @ pointwise.reshape(4, q, 5)
        assert np.isclose(np.square(slices - factors).sum(), np.square(values[:, q:]).sum(), atol=1e-20), q


def guard_activations(k: SimpleNamespace) -> None:
    """ReLU and ReLU6 with their kinks, NaN and infinities, and derivatives by complex step."""
    x = np.array([-np.inf, -2.5, -0.0, 0.0, 1e-9, 3.5, 6.0, 6.5, np.inf, np.nan])
    dy = np.arange(3.0, 13.0)
    np.testing.assert_array_equal(k.relu(x), [0, 0, 0, 0, 1e-9, 3.5, 6, 6.5, np.inf, np.nan])
    np.testing.assert_array_equal(k.relu6(x), [0, 0, 0, 0, 1e-9, 3.5, 6, 6, 6, np.nan])
    np.testing.assert_array_equal(k.relu_backward(dy, x), [0, 0, 0, 0, 7, 8, 9, 10, 11, 12])
    np.testing.assert_array_equal(k.relu6_backward(dy, x), [0, 0, 0, 0, 7, 8, 0, 0, 0, 12])
    away = np.array([[-4.0, -1.5, 2.0], [5.5, 7.0, 9.5]])
    check_backward(k.relu, k.relu_backward, away)
    check_backward(k.relu6, k.relu6_backward, away)
    np.testing.assert_array_equal(
        k.relu_backward(np.array([np.inf, np.nan, np.inf]), np.array([-1.0, 0, 1])), [0, 0, np.inf]
    )


def guard_smooth_activations(k: SimpleNamespace) -> None:
    """Sigmoid, hard-sigmoid and hard-swish: values, kinks, NaN and infinities, and derivatives by complex step."""
    x = np.array([-np.inf, -800.0, -4.0, -3.0, -1.0, 0.0, 1.0, 3.0, 4.0, 800.0, np.inf, np.nan])
    hard = [0, 0, 0, 0, 1 / 3, 1 / 2, 2 / 3, 1, 1, 1, 1, np.nan]
    swish = [0, 0, 0, 0, -1 / 3, 0, 2 / 3, 3, 4, 800, np.inf, np.nan]
    with np.errstate(all="raise"):
        np.testing.assert_allclose(k.hard_sigmoid(x), hard, rtol=1e-15)
        np.testing.assert_allclose(k.hard_swish(x), swish, rtol=1e-15)
        y = k.sigmoid(x)
    near = x[2:9]
    np.testing.assert_allclose(y[2:9], 1 / (1 + np.exp(-near)), rtol=1e-15)
    np.testing.assert_array_equal(y[[0, 1, 9, 10, 11]], [0, np.exp(-800), 1, 1, np.nan])
    dy = np.arange(3.0, 15.0)
    with np.errstate(all="raise"):
        np.testing.assert_allclose(k.hard_sigmoid_backward(dy, x), dy * [*[0] * 4, *[1 / 6] * 3, *[0] * 4, 1 / 6])
        np.testing.assert_allclose(
            k.hard_swish_backward(dy, x), dy * [0, 0, 0, 0, 1 / 6, 1 / 2, 5 / 6, 1, 1, 1, 1, np.nan], rtol=1e-15
        )
        slopes = k.sigmoid_backward(dy, x)
    np.testing.assert_allclose(slopes[2:9], (dy * y * (1 - y))[2:9], rtol=1e-13)
    np.testing.assert_array_equal(slopes[[0, 1, 9, 10, 11]], [0, 0, 0, 0, np.nan])
    away = np.array([[-40.0, -3.5, -2.0], [0.5, 2.5, 9.5]])
    for name in ("sigmoid", "hard_sigmoid", "hard_swish"):
        forward, backward = getattr(k, name), getattr(k, f"{name}_backward")
        check_backward(forward, backward, away)
        for dtype, bound in ((np.float32, 1e-6), (np.float16, 2e-3)):
            for function, arrays in ((forward, (away,)), (backward, (away + 1, away))):
                result = function(*(a.astype(dtype) for a in arrays))
                assert result.dtype == dtype
                np.testing.assert_allclose(result, function(*arrays), rtol=bound, atol=1e-7)
    for backward, dead in (
        (k.hard_swish_backward, -3.5),
        (k.hard_sigmoid_backward, -3.5),
        (k.hard_sigmoid_backward, 4),
    ):
        np.testing.assert_array_equal(backward(np.array([np.inf, np.nan]), np.full(2, dead, float)), [0, 0])


def guard_squeeze_excite(k: SimpleNamespace) -> None:
    """Squeeze-and-excite against its steps written out, and its five gradients, with S below and above M."""
    rng = np.random.default_rng(30)
    for hidden in (2, 7):
        x = rng.standard_normal((2, 5, 6, 4)) + 1
        arrays = tuple(1.5 * rng.standard_normal(shape) for shape in ((4, hidden), (hidden,), (hidden, 4), (4,)))
        reduce, reduce_bias, expand, expand_bias = arrays
        pooled = x.mean((1, 2))
        reduced = np.einsum("bm,ms->bs", pooled, reduce) + reduce_bias
        expanded = np.einsum("bs,sm->bm", np.maximum(reduced, 0), expand) + expand_bias
        gate = np.clip(expanded + 3, 0, 6) / 6
        assert (reduced < 0).any()
        assert ((gate > 0) & (gate < 1)).any()
        assert (np.abs(expanded) > 3).any()
        stages = k.squeeze_excite_stages(x, *arrays)
        expected = (pooled, reduced, np.maximum(reduced, 0), expanded, gate, x * gate[:, None, None])
        for stage, wanted in zip(stages, expected, strict=True):
            np.testing.assert_allclose(stage, wanted, rtol=1e-12, atol=1e-13)
        np.testing.assert_array_equal(k.squeeze_excite(x, *arrays), stages.output)
        check_backward(k.squeeze_excite, k.squeeze_excite_backward, x, *arrays)


def guard_normalization(k: SimpleNamespace) -> None:
    """Batch normalisation: its statistics, its gradients, and folded into every kind of kernel."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 4, 5, 2)) * [1, 30] + [5, -7]
    scale, shift, mean = (rng.standard_normal(2) for _ in range(3))
    variance = rng.uniform(0.5, 2, 2)
    np.testing.assert_allclose(k.batch_statistics(x)[0], x.reshape(-1, 2).mean(axis=0))
    np.testing.assert_allclose(k.batch_statistics(x)[1], x.reshape(-1, 2).var(axis=0))
    y = k.batch_norm(x, scale, shift, epsilon=1e-3)
    expected = (x - x.mean((0, 1, 2))) / np.sqrt(x.var((0, 1, 2)) + 1e-3) * scale + shift
    np.testing.assert_allclose(y, expected)
    small = rng.standard_normal((3, 2, 4, 2)) * 0.05
    check_backward(k.batch_norm, k.batch_norm_backward, small, scale, shift, method="central", epsilon=0.01)
    vectors = (scale, shift, mean, variance)
    stored = k.batch_norm_inference(x, *vectors, epsilon=1e-3)
    np.testing.assert_allclose(stored, (x - mean) / np.sqrt(variance + 1e-3) * scale + shift)
    check_backward(k.batch_norm_inference, k.batch_norm_inference_backward, x, *vectors, method="central", epsilon=0.3)
    image = rng.standard_normal((2, 6, 5, 2))
    for convolve, kernel in (
        (k.conv2d_taps, rng.standard_normal((3, 2, 2, 2))),
        (k.depthwise_conv2d_taps, rng.standard_normal((3, 2, 2))),
        (k.pointwise_conv2d, rng.standard_normal((2, 2))),
    ):
        for given, bias in ((vectors, None), (vectors, shift - 3), ((None, shift, *vectors[2:]), mean + 2)):
            folded, added = k.fold_batch_norm(kernel, *given, bias=bias, epsilon=0.1)
            y = convolve(image, kernel) + (0 if bias is None else bias)
            whole = (np.ones(2) if given[0] is None else scale, *vectors[1:])
            after = k.batch_norm_inference(y, *whole, epsilon=0.1)
            np.testing.assert_allclose(convolve(image, folded) + added, after, atol=1e-12)
    plain = k.fold_batch_norm(np.ones((2, 2)), None, None, mean, variance, epsilon=0.1)
    np.testing.assert_allclose(plain[1], -mean / np.sqrt(variance + 0.1))


def guard_inverted_residual(k: SimpleNamespace) -> None:
    """The block against its steps written out, at every stride, with and without expansion and shortcut."""
    rng = np.random.default_rng(1)
    clip = lambda a: np.minimum(np.maximum(a, 0), 6)  # noqa: E731
    for stride, dilation, t, k_out in ((1, 1, 4, 3), (1, 2, 2, 4), (2, 1, 3, 3), ((1, 2), 1, 1, 3), (1, 1, 1, 3)):
        x = rng.standard_normal((2, 5, 6, 3))
        expand = None if t == 1 else rng.standard_normal((3, 3 * t))
        depthwise, project = rng.standard_normal((3, 3, 3 * t)), rng.standard_normal((3 * t, k_out))
        geometry = {"stride": stride, "dilation": dilation}
        wide = x if expand is None else clip(np.einsum("bhgk,kt->bhgt", x, expand))
        filtered, _ = oracle(wide, as_standard(depthwise, 3 * t), padding="same", **geometry)
        expected = np.einsum("bhgt,tk->bhgk", clip(filtered), project)
        expected = expected + x if stride == 1 and k_out == 3 else expected
        arguments = (x, expand, depthwise, project)
        np.testing.assert_allclose(k.inverted_residual(*arguments, **geometry), expected, atol=1e-12)
        check_backward(k.inverted_residual, k.inverted_residual_backward, *arguments, **geometry)
        stages = k.inverted_residual_stages(*arguments, **geometry)
        np.testing.assert_allclose(stages.depthwise, filtered, atol=1e-12)
        np.testing.assert_allclose(stages.depthwise_relu6, clip(filtered), atol=1e-12)
        np.testing.assert_allclose(stages.output, expected, atol=1e-12)
        assert (stages.expanded is None) == (expand is None)
        for groups in (1, 2, 3 * t):
            split = k.inverted_residual_split(*arguments, groups=groups, **geometry)
            np.testing.assert_allclose(split, expected, atol=1e-12)
    point = rng.standard_normal((2, 1, 1, 3))  # stride 2 on a 1×1 map: the same dimensions, and no shortcut
    stages = k.inverted_residual_stages(
        point, None, rng.standard_normal((3, 3, 3)), rng.standard_normal((3, 3)), stride=2
    )
    np.testing.assert_array_equal(stages.output, stages.projected)


def guard_residual_bottleneck(k: SimpleNamespace) -> None:
    """The conventional block against its steps written out."""
    rng = np.random.default_rng(2)
    x, reduce = rng.standard_normal((2, 5, 4, 6)), rng.standard_normal((6, 2))
    spatial, restore = rng.standard_normal((3, 3, 2, 3)), rng.standard_normal((3, 6))
    positive = lambda a: np.maximum(a, 0)  # noqa: E731
    reduced = positive(np.einsum("bhgm,mn->bhgn", x, reduce))
    filtered, _ = oracle(reduced, spatial, padding="same")
    expected = positive(np.einsum("bhgm,mn->bhgn", positive(filtered), restore) + x)
    np.testing.assert_allclose(k.residual_bottleneck(x, reduce, spatial, restore), expected, atol=1e-12)
    check_backward(k.residual_bottleneck, k.residual_bottleneck_backward, x, reduce, spatial, restore)


def guard_linear_block(k: SimpleNamespace) -> None:
    """An inverted residual without ReLU6 and shortcut is one standard convolution, exactly on whole numbers."""
    rng = np.random.default_rng(4)
    x, expand, depthwise, project = (
        rng.integers(-3, 4, s).astype(float) for s in ((2, 5, 6, 3), (3, 7), (3, 2, 7), (7, 4))
    )
    wide = np.einsum("bhgk,kt->bhgt", x, expand)
    filtered, _ = oracle(wide, as_standard(depthwise, 7), padding="same", stride=(2, 1))
    expected = np.einsum("bhgt,tk->bhgk", filtered, project)
    kernel = k.linear_block_kernel(expand, depthwise, project)
    equal(oracle(x, kernel, padding="same", stride=(2, 1))[0], expected, kernel.shape)


def guard_head(k: SimpleNamespace) -> None:
    """Global average pool and softmax cross-entropy."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((2, 3, 4, 5))
    np.testing.assert_allclose(k.global_average_pool(x), x.mean((1, 2)))
    check_backward(k.global_average_pool, k.global_average_pool_backward, x)
    logits, labels = rng.standard_normal((3, 4)) * 3, np.array([2, 0, 3])
    softmax = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    np.testing.assert_allclose(k.softmax_cross_entropy(logits, labels), -np.log(softmax[range(3), labels]).mean())
    check_backward(k.softmax_cross_entropy, k.softmax_cross_entropy_backward, logits, labels, method="central")
    smooth = 0.9 * np.eye(4)[labels] + 0.025
    np.testing.assert_allclose(k.softmax_cross_entropy(logits, smooth), -(smooth * np.log(softmax)).sum(1).mean())
    np.testing.assert_allclose(
        k.softmax_cross_entropy_backward(2.0, logits, smooth), 2 * (softmax - smooth) / 3, atol=1e-12
    )
    assert np.isfinite(k.softmax_cross_entropy(np.array([[1e4, -1e4]]), np.array([1])))
    assert k.softmax_cross_entropy(np.array([[-np.inf, 0.0]]), np.array([1])) == 0


def guard_sums(k: SimpleNamespace) -> None:
    """Sums over many positions, in float32 and float16, of equal numbers: the worst where each sum is rounded."""
    rng = np.random.default_rng(6)
    x = rng.standard_normal((2, 700, 3, 2))
    np.testing.assert_allclose(k.batch_statistics(x)[1], x.var((0, 1, 2)))
    np.testing.assert_allclose(k.batch_statistics(np.full((2, 300, 1, 1), 2.0) * [1, 3])[0], [2, 6])
    np.testing.assert_allclose(k.batch_statistics(x.reshape(-1, 2))[0], x.mean((0, 1, 2)), atol=1e-12)
    for dtype, bound in ((np.float32, 1e-6), (np.float16, 1e-3)):
        alike, filters = np.full((2, 9000, 3, 1), 0.1, dtype), np.ones((1, 1, 1), dtype)
        pair = np.full((2, 5000, 3, 2), 0.1, dtype)  # two channels: NumPy adds their sums in a row, not in pairs
        for mean in (k.global_average_pool(alike), *(k.batch_statistics(each)[0] for each in (alike, pair))):
            np.testing.assert_allclose(mean, dtype(0.1), rtol=bound)
        for backward, kernel in ((k.depthwise_conv2d_backward, filters), (k.conv2d_backward, filters[..., None]),
                                 (k.pointwise_conv2d_backward, filters[0])):  # fmt: skip
            dkernel = backward(alike[:, 1:], alike[:, 1:], kernel)[1]
            np.testing.assert_allclose(dkernel, 53_994 * float(dtype(0.1)) ** 2, rtol=9 * bound)
        alike, filters = np.full((1, 3000, 3, 64), 0.1, dtype), np.ones((1, 1, 64), dtype)
        dkernel = k.depthwise_conv2d_backward(alike, alike, filters)[1]
        np.testing.assert_allclose(dkernel, 9000 * float(dtype(0.1)) ** 2, rtol=9 * bound)


GUARDS = {name[6:]: guard for name, guard in list(globals().items()) if name.startswith("guard_")}

"""Test vectors tell a wrong implementation from a right one, and one that transforms from one that adds products."""

import json

import numpy as np
import pytest

import npconv
from npconv import cli
from npconv.checks import OPERATIONS, make_vectors, rounding_bound, vectors_text
from npconv.checks.cases import fixed_cases
from npconv.kernels.signatures import SIGNATURES

VECTORS = make_vectors("conv2d")
DRAWN = 32  # cases by default; the fixed ones come behind them


def cases(vectors):
    """The cases of some vectors, each with its arrays by their names."""
    found: dict[int, dict[str, np.ndarray]] = {}
    for name, a in vectors.items():
        number, _, short = name.partition("/")
        if short:
            found.setdefault(int(number), {})[short] = a
    return [found[number] for number in range(len(found))]


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_vectors_check_another_implementation(layout):
    """An implementation written from the vectors' description alone: plain loops over explicit padding."""
    for case in cases(make_vectors("conv2d", layout=layout, count=6, seed=5))[:6]:
        x, kernel, y = case["x"], case["kernel"], case["y"]
        if layout == "NCHW":
            x, kernel, y = x.transpose(0, 2, 3, 1), kernel.transpose(2, 3, 1, 0), y.transpose(0, 2, 3, 1)
        x = np.pad(x, ((0, 0), *case["padding"], (0, 0)))
        (sh, sw), (dh, dw) = case["stride"], case["dilation"]
        for b, v, w, n in np.ndindex(*y.shape):
            patch = x[b, v * sh : v * sh + (kernel.shape[0] - 1) * dh + 1 : dh]
            patch = patch[:, w * sw : w * sw + (kernel.shape[1] - 1) * dw + 1 : dw]
            assert (patch * kernel[..., n]).sum() == y[b, v, w, n]
        assert case["dx"].shape == case["x"].shape
        assert case["dkernel"].shape == case["kernel"].shape
    with pytest.raises(ValueError, match="layout must be one of NHWC, NCHW; got 'CHWN'"):
        make_vectors("conv2d", layout="CHWN")


KERNEL_AXES = {  # in NHWC
    "conv2d": {"kernel": "HWIO"},
    "grouped_conv2d": {"kernel": "HWIO"},
    "shuffled_grouped_conv2d": {"kernel": "HWIO"},
    "depthwise_conv2d": {"kernel": "HWO"},
    "pointwise_conv2d": {"kernel": "IO"},
    "depthwise_separable_conv2d": {"depthwise": "HWO", "pointwise": "IO"},
    "transposed_conv2d": {"kernel": "HWOI"},
    "spatially_separable_conv2d": {"column": "HO", "row": "WO"},
    "flattened_conv2d": {"lateral": "IO", "vertical": "HO", "horizontal": "WO"},
    "conv3d": {"kernel": "DHWIO"},
}


@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
@pytest.mark.parametrize("operation", OPERATIONS)
def test_the_description_tells_the_axes_and_the_count(operation, layout):
    vectors = make_vectors(operation, layout=layout, count=3, seed=2)
    described = json.loads(vectors["description"].tobytes())
    found = cases(vectors)
    drawn = [described[name] for name in ("format", "operation", "layout", "count", "drawn")]
    assert drawn == [2, operation, layout, len(found), 3]
    assert vectors["count"] == len(found)
    axes, spatial = described["axes"], "DHW" if operation == "conv3d" else "HW"
    assert axes["x"] == axes["dy"] == axes["y"] == (f"N{spatial}C" if layout == "NHWC" else f"NC{spatial}")
    kernels = KERNEL_AXES[operation]
    if layout == "NCHW":
        kernels = dict.fromkeys(kernels, "IOHW" if operation == "transposed_conv2d" else f"OI{spatial}")
    for name, word in kernels.items():
        assert axes[name] == axes[f"d{name}"] == word
    geometry = {name: axes[name] for name in axes if name in ("stride", "padding", "dilation", "groups")}
    assert geometry == {name: {"padding": "AE", "groups": ""}.get(name, "A") for name in geometry}
    for case in found:
        assert set(case) == set(axes)
        assert all(a.ndim == len(axes[name]) for name, a in case.items())


@pytest.mark.parametrize("operation", [name for name in OPERATIONS if name != "pointwise_conv2d"])
def test_half_of_the_drawn_cases_are_padded_unevenly_on_each_axis(operation):
    found = cases(make_vectors(operation, count=60, seed=1))[:60]
    uneven = [(case["padding"][:, 0] != case["padding"][:, 1]).all() for case in found]
    assert all(uneven[::2])
    assert not all(uneven[1::2])
    pads = {tuple(pair) for case in found[::2] for pair in case["padding"].tolist()}
    assert pads == {(0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1)}


@pytest.mark.parametrize("operation", ["shuffled_grouped_conv2d", "pointwise_conv2d"])
def test_the_text_holds_all_arrays(operation, tmp_path):
    words = ["vectors", "--op", operation, "--layout", "NCHW", "--count", "2", "--seed", "7", "--out"]
    assert cli.main([*words, str(tmp_path / "vectors.txt")]) == 0
    assert cli.main([*words, str(tmp_path / "vectors.npz")]) == 0
    read = iter((tmp_path / "vectors.txt").read_text(encoding="ascii").split())
    vectors, number = dict(np.load(tmp_path / "vectors.npz")), lambda: int(next(read))
    described = json.loads(vectors.pop("description").tobytes())
    assert [next(read), number(), next(read), next(read)] == ["npconv-vectors", 2, operation, "NCHW"]
    assert number() == vectors.pop("count") == described["count"]
    for case in range(described["count"]):
        assert (next(read), number()) == ("case", case)
        for _ in range(number()):
            name, axes, rank = next(read), next(read), number()
            assert axes == (described["axes"][name] or "-")
            shape = [number() for _ in range(rank)]
            values = np.array([number() for _ in range(int(np.prod(shape)))]).reshape(shape)
            assert np.array_equal(values, vectors.pop(f"{case}/{name}"))
    assert vectors == {}
    assert next(read, None) is None


def test_text_is_of_vectors_alone():
    with pytest.raises(ValueError, match="vectors_text: vectors must have a description, as make_vectors gives them"):
        vectors_text({"0/x": np.ones(3)})
    with pytest.raises(TypeError, match="vectors_text: vectors must be a mapping from names to arrays; got"):
        vectors_text([np.ones(3)])


@pytest.mark.parametrize("operation", OPERATIONS)
def test_sums_of_absolute_products_stay_below_2_to_the_24(operation):
    (forward, backward), largest = OPERATIONS[operation], 0
    for case in cases(make_vectors(operation)):
        arrays = [np.abs(case[name]) for name in SIGNATURES[operation].arrays]
        names = ("stride", "padding", "dilation", "output_padding")
        geometry = {name: case[name].tolist() for name in names if name in case}
        geometry |= {"groups": int(case["groups"])} if "groups" in case else {}
        wide = [a.astype(np.float64) for a in arrays]
        for sums in (forward(*wide, **geometry), *backward(np.abs(case["dy"]).astype(np.float64), *wide, **geometry)):
            largest = max(largest, sums.max())
    assert 2**8 < largest < 2**24


def of_floats(*rows):
    return np.array(rows, np.float32)


F2 = (  # Bᵀ, G and Aᵀ of F(2×2, 3×3): halves alone
    of_floats([1, 0, -1, 0], [0, 1, 1, 0], [0, -1, 1, 0], [0, 1, 0, -1]),
    of_floats([1, 0, 0], [0.5, 0.5, 0.5], [0.5, -0.5, 0.5], [0, 0, 1]),
    of_floats([1, 1, 1, 0], [0, 1, -1, -1]),
)
F4 = (  # and of F(4×4, 3×3), with sixths, twelfths and twenty-fourths
    of_floats([4, 0, -5, 0, 1, 0], [0, -4, -4, 1, 1, 0], [0, 4, -4, -1, 1, 0],
              [0, -2, -1, 2, 1, 0], [0, 2, -1, -2, 1, 0], [0, 4, 0, -5, 0, 1]),
    of_floats([1 / 4, 0, 0], [-1 / 6, -1 / 6, -1 / 6], [-1 / 6, 1 / 6, -1 / 6],
              [1 / 24, 1 / 12, 1 / 6], [1 / 24, -1 / 12, 1 / 6], [0, 0, 1]),
    of_floats([1, 1, 1, 1, 1, 0], [0, 1, -1, 2, -2, 0], [0, 1, 1, 4, 4, 0], [0, 1, -1, 8, -8, 1]),
)  # fmt: skip


def winograd(x, kernel, padding, matrices):
    """A 3×3 convolution at stride 1 by Winograd's algorithm, tile by tile (A. Lavin and S. Gray, 2016)."""
    enter, of_kernel, leave = matrices
    side = len(leave)  # of a tile of the output
    height, width = (size + sum(pads) - 2 for size, pads in zip(x.shape[1:3], padding, strict=True))
    rows, columns = -(-height // side), -(-width // side)
    wanted = [n * side + 2 for n in (rows, columns)]
    behind = [n - size - pads[0] for n, size, pads in zip(wanted, x.shape[1:3], padding, strict=True)]
    x = np.pad(x, ((0, 0), (padding[0][0], behind[0]), (padding[1][0], behind[1]), (0, 0)))
    u = np.einsum("ai,bj,ijmn->abmn", of_kernel, of_kernel, kernel)
    y = np.empty((len(x), rows * side, columns * side, kernel.shape[-1]), np.float32)
    for row, column in np.ndindex(rows, columns):
        tile = x[:, row * side : row * side + side + 2, column * side : column * side + side + 2]
        v = np.einsum("ai,bj,Bijm->Babm", enter, enter, tile)
        products = np.einsum("Babm,abmn->Babn", v, u)
        here = np.einsum("ia,jb,Babn->Bijn", leave, leave, products)
        y[:, row * side : (row + 1) * side, column * side : (column + 1) * side] = here
    return y[:, :height, :width]


def can_be_transformed(case):
    return case["kernel"].shape[:2] == (3, 3) and (case["stride"] == 1).all() and (case["dilation"] == 1).all()


RUNTIMES = {  # which 3×3 convolutions at stride 1 they transform, by x and kernel
    "all of them": lambda x, kernel: True,
    "more than 8 channels, in or out": lambda x, kernel: max(kernel.shape[2:]) > 8,
    "16 channels or more, in and out": lambda x, kernel: min(kernel.shape[2:]) >= 16,
    "maps from 12×13 on": lambda x, kernel: x.shape[1] >= 12 and x.shape[2] >= 12,
    "a batch of 16 or more": lambda x, kernel: len(x) >= 16,
}


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_runtime_that_transforms_is_told_from_one_that_adds_products(runtime):
    transformed = [
        (number, case)
        for number, case in enumerate(cases(VECTORS))
        if can_be_transformed(case) and RUNTIMES[runtime](case["x"], case["kernel"])
    ]
    assert any(number >= DRAWN for number, _ in transformed)
    for number, case in transformed:
        x, kernel, padding = case["x"], case["kernel"], case["padding"].tolist()
        assert np.array_equal(winograd(x, kernel, padding, F2), case["y"])
        apart = np.abs(winograd(x, kernel, padding, F4) - case["y"])
        assert apart.max() < 1e-2
        if number >= DRAWN:
            assert apart.max() > 0
            assert np.array_equal(npconv.conv2d_im2col(x, kernel, padding=padding), case["y"])


def test_the_rounding_bound_is_no_bound_for_winograd():
    rng = np.random.default_rng(0)
    x, kernel = (rng.standard_normal(s).astype(np.float32) for s in ((2, 24, 25, 1), (3, 3, 1, 9)))
    exact = npconv.conv2d(x.astype(np.float64), kernel.astype(np.float64))
    bound = rounding_bound(x, kernel)
    assert np.all(np.abs(npconv.conv2d(x, kernel) - exact) <= bound)
    assert np.max(np.abs(winograd(x, kernel, ((0, 0), (0, 0)), F4) - exact) / bound) > 10


def filter_sides(case):
    """The sides of a case's filters."""
    symbols = SIGNATURES[case.operation].symbols
    return {side for name, shape in case.shapes.items()
            for side, symbol in zip(shape, symbols[name], strict=True) if symbol == "Dᵣ"}  # fmt: skip


@pytest.mark.parametrize("operation", OPERATIONS)
def test_fixed_cases_are_wide_and_narrow(operation):
    found = fixed_cases(operation)
    shapes = [case.shapes["x"] for case in found]
    times = 2 if "grouped" in operation else 1
    assert {9 * times, 17 * times, 32 * times} <= {shape[-1] for shape in shapes}
    assert {16} < {shape[0] for shape in shapes}
    assert any(shape[-2] == 1 for shape in shapes)
    assert sum(shape[-3:-1] in ((24, 25), (25, 24)) for shape in shapes) >= 4
    assert all(len(set(shape[1:-1])) == len(shape[1:-1]) for shape in shapes)
    forward, _ = OPERATIONS[operation]
    for case in found:
        assert forward(*case.arrays(0), **case.geometry).shape == case.output_shape
    if operation != "pointwise_conv2d":
        small = [case.geometry["padding"] for case in found if filter_sides(case) == {1}]
        assert small == [((0, 1),) * (3 if operation == "conv3d" else 2)]

"""The numbers that every public function takes and gives: their dtypes, byte orders and bounds, and sums of many."""

import itertools
from fractions import Fraction

import numpy as np
import pytest
from test_signatures import OTHERS, REAL, cases, faults

import npconv
from npconv import cost, layers
from npconv.kernels import engine, standard3d

ROUNDOFF = {np.float16: 2.0**-11, np.float32: 2.0**-24, np.float64: 2.0**-53}


def results(result):
    """The arrays among a function's results; of stages the output, which is the last."""
    parts = result if isinstance(result, tuple) else (result,)
    return [np.asarray(part) for part in (parts[-1:] if hasattr(result, "_fields") else parts) if part is not None]


def converted(arrays, dtype, names=None):
    """The floats among the arrays, all or those of these names, in another dtype."""
    return {name: a.astype(dtype) if a is not None and a.dtype.kind == "f" and name in (names or arrays) else a
            for name, a in arrays.items()}  # fmt: skip


@pytest.mark.parametrize("dtype", list(ROUNDOFF), ids=lambda dtype: dtype.__name__)
@cases(lambda case: not case.is_cost)
def test_results_are_in_the_dtype_of_the_arrays_and_in_this_machines_byte_order(case, dtype):
    arrays = converted(case.arrays(), dtype)
    expected = results(case.run(arrays))
    assert {result.dtype for result in expected} == {np.dtype(dtype)}
    for given in [None, *([name] for name, a in arrays.items() if a is not None)]:
        foreign = {name: a if a is None or name not in (given or arrays) else a.astype(a.dtype.newbyteorder(">"))
                   for name, a in arrays.items()}  # fmt: skip
        for result, wanted in zip(results(case.run(foreign)), expected, strict=True):
            assert (result.dtype, result.dtype.isnative) == (dtype, True)
            size = max(1, np.abs(wanted).max().astype(float))  # of the numbers that were summed, whatever is left
            np.testing.assert_allclose(result, wanted, rtol=16 * ROUNDOFF[dtype], atol=64 * ROUNDOFF[dtype] * size)


@cases(lambda case: not case.is_cost)
def test_one_array_of_another_dtype_widens_what_depends_on_it_and_changes_no_number(case):
    arrays = converted(converted(case.arrays(), np.float32), np.float64)
    floats = [name for name, a in arrays.items() if a is not None and a.dtype.kind == "f" and name != "targets"]
    expected = results(case.run(arrays))
    for narrow in floats if len(floats) > 1 else []:
        for names in ([narrow], [name for name in floats if name != narrow]):
            given = converted(arrays, np.float32, names)
            for result, wanted in zip(results(case.run(given)), expected, strict=True):
                assert result.dtype in (np.float32, np.float64)
                assert len(expected) > 1 or case.forward or result.dtype == np.float64
                np.testing.assert_allclose(result, wanted, rtol=1e-4, atol=1e-4)


@cases(lambda case: not case.is_cost)
def test_an_array_in_a_file_is_as_good_as_one_in_memory(case, tmp_path):
    arrays, expected = case.arrays(), results(case.run())
    for name, a in arrays.items():
        if a is not None:
            np.save(tmp_path / "array.npy", a)
            mapped = arrays | {name: np.load(tmp_path / "array.npy", mmap_mode="r")}
            assert all(map(np.array_equal, results(case.run(mapped)), expected))


def numpys(value, dtype):
    """An option with every int in it as one of NumPy's."""
    if isinstance(value, tuple | list):
        return type(value)(numpys(each, dtype) for each in value)
    return dtype(value) if type(value) is int else value


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int64], ids=lambda dtype: dtype.__name__)
@cases(lambda case: case.row.options or case.row.defaults)
def test_an_option_may_be_one_of_numpys_integers(case, dtype):
    for option, value in (case.row.defaults | case.row.options).items():
        for given in map(case.spelled, [value, *OTHERS.get(option, [])]):
            arrays = case.arrays(**{option: given} if option in case.row.defaults else {})
            plain, ours = (case.run(arrays, **{option: each}) for each in (given, numpys(given, dtype)))
            assert all(map(np.array_equal, results(ours), results(plain)))


def large(name, shape):
    """A shape of the same kind whose products wrap in NumPy's small integers, and in 32 bits."""
    if shape is None or name == "x":
        return shape and (100 * shape[0], *(25 * size for size in shape[1:-1]), 20 * shape[-1])
    sides = shape[: 2 * (len(shape) > 2)]
    return (*sides, *(20 * size for size in shape[len(sides) :]))


def numbers(value):
    """All numbers in a cost, at any depth."""
    if isinstance(value, cost.Cost):
        parts = [numbers(part) for part in value.parts.values()]
        return [value.macs, value.additions, value.params, value.flops, *value.output_shape, *itertools.chain(*parts)]
    return [value.numerator, value.denominator]


@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.int32, np.uint64], ids=lambda dtype: dtype.__name__)
@cases(lambda case: case.is_cost)
def test_costs_are_in_pythons_integers_whatever_the_sizes_are_given_in(case, dtype):
    shapes = {name: large(name, shape) for name, shape in case.arrays().items()}
    options = case.row.options | case.row.defaults | {"out_channels": 200, "kernel_size": (17, 19), "size": (200, 190)}
    options = {name: value for name, value in options.items() if name in case.row.options | case.row.defaults}
    wanted = case.run(shapes, **options)
    dense = case.name in ("dense_cost", "squeeze_excite_cost")  # its products have no sides to be many
    assert not shapes or wanted.macs > (2**16 if dense else 2**31)
    got = case.run(numpys_shapes(shapes, dtype), **{name: numpys(value, dtype) for name, value in options.items()})
    assert got == wanted
    assert {type(number) for number in numbers(got)} == {int}


def numpys_shapes(shapes, dtype):
    return {name: shape and numpys(shape, dtype) for name, shape in shapes.items()}


def test_the_cases_that_wrapped():
    shapes = numpys(((64, 112, 112, 64), (3, 3, 64, 128)), np.int32)
    assert cost.conv2d_cost(*shapes).macs == 57_094_963_200
    small = cost.cost_ratio(np.uint8(7), np.uint8(100), depth_multiplier=np.uint8(3))
    assert small == Fraction(447, 4900)


SEQUENTIAL = {  # their sums may be one number after the other, as their docstrings say
    "depthwise_conv2d_backward_taps", "conv2d_backward_taps", "conv3d_backward_taps",
}  # fmt: skip
NOT_SUMS = ("loops", "factor", "relu", "linear_block", "fold_", "stages", "per_channel")


def many(case, dtype, **options):
    """The arrays of a case with many positions: all alike, the worst for a sum that is rounded at every step."""
    rng = np.random.default_rng(0)
    arrays = case.arrays()
    for name in arrays.keys() & {"x", "logits", "targets"}:
        shape = arrays[name].shape
        if len(shape) == 4:
            arrays[name] = np.full((3, 400, 30, shape[-1]), 0.1)
        elif len(shape) == 5:
            arrays[name] = np.full((3, 40, 30, 10, shape[-1]), 0.1)
        else:
            arrays[name] = np.resize(arrays[name], (36_000, *shape[1:]))
    for name, a in arrays.items():
        if name not in ("x", "logits", "targets") and a is not None:
            arrays[name] = np.full(a.shape, 0.1)
    if case.row.kinds == REAL and "x" in arrays:  # what is normalised must vary
        arrays["x"] = rng.random(arrays["x"].shape)
    arrays = converted(arrays, dtype)
    if case.forward:
        shape = np.shape(case.forward.run({name: a for name, a in arrays.items() if name != case.dy}, **options))
        varied = rng.random(shape) + arrays["x"] if case.row.kinds == REAL else np.ones(shape)
        arrays[case.dy] = (0.1 * varied).astype(dtype)
    return arrays


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.float64], ids=lambda dtype: dtype.__name__)
@cases(
    lambda case: (
        not case.is_cost
        and case.row.arrays.keys() & {"x", "logits"}
        and case.name not in SEQUENTIAL
        and not any(word in case.name for word in NOT_SUMS)
    )
)
def test_a_sum_over_many_positions_is_off_by_a_few_roundings(case, dtype, monkeypatch):
    monkeypatch.setattr(standard3d, "LAYERS", 1)  # many bands, each with its share of dkernel
    wide = np.longdouble if dtype == np.float64 else np.float64
    strides = [{"stride": case.spelled(pair)} for pair in ((2, 1), (1, 2))]
    for options in [{}, *strides] if "stride" in case.row.defaults else [{}]:
        arrays = many(case, dtype, **options)
        expected = results(case.run(converted(arrays, wide), **options))
        for result, wanted in zip(results(case.run(arrays, **options)), expected, strict=True):
            error = np.abs(result.astype(wide) - wanted).max() / np.abs(wanted).max()
            assert error <= (4 if dtype == np.float16 else 128) * ROUNDOFF[dtype]


def test_float16_is_summed_in_float32_and_rounded_once(monkeypatch):
    monkeypatch.setattr(engine, "BAND", 64)  # many bands, each with its share of dkernel
    monkeypatch.setattr(engine, "MATRIX_ROWS", 16)

    def full(value, *shape):
        return np.full(shape, value, np.float16)

    for side in (64, 260):
        assert npconv.global_average_pool(full(1, 2, side, side + 5, 3)).tolist() == [[1] * 3] * 2
        assert npconv.global_average_pool(full(500, 1, side + 3, side, 1)).item() == 500
    share = npconv.global_average_pool_backward(full(60_000, 1, 1), full(0, 1, 300, 250, 1))
    assert share[0, 7, 9, 0] == np.float16(0.8)
    x = (300 * np.random.default_rng(0).standard_normal((4, 30, 20, 2))).astype(np.float16)
    y, wanted = (npconv.batch_norm(a, np.ones(2, a.dtype), np.zeros(2, a.dtype)) for a in (x, x.astype(np.float32)))
    np.testing.assert_allclose(y, wanted, rtol=2.0**-11, atol=1e-6)
    ones = full(1, 1, 90, 70, 1)
    for function, kernel in (("conv2d", full(1, 3, 3, 1, 1)), ("depthwise_conv2d", full(1, 3, 3, 1))):
        for padding in ("same", "valid"):
            dy = full(1, *getattr(npconv, function)(ones, kernel, padding=padding).shape)
            dkernel = getattr(npconv, f"{function}_backward")(dy, ones, kernel, padding=padding)[1]
            assert dkernel.flat[4] == np.float16(dy.size)
    for padding in (0, 1):  # the bias of a layer
        layer = layers.Conv2D(1, 1, 3, bias=True, padding=padding, dtype=np.float16)
        layer.backward(full(1, *layer.forward(ones).shape))
        assert layer.grads["bias"].item() == np.float16(layer.forward(ones).size)


ONE_CHANNEL = {"pointwise_conv2d_backward": (1,), "conv2d_backward": (1, 1, 1), "grouped_conv2d_backward": (3, 3, 1)}


@pytest.mark.parametrize("name", ONE_CHANNEL)
def test_sums_of_one_channel_are_off_by_a_few_roundings(name):
    """Where a matrix has one column, BLAS sums one number after the other."""
    for inputs, outputs in ((1, 4), (4, 1), (1, 1)) if name != "grouped_conv2d_backward" else ((4, 4),):
        options = {"groups": inputs, "padding": 1} if name == "grouped_conv2d_backward" else {}
        kernel = np.ones((*ONE_CHANNEL[name], outputs), np.float32)
        if name != "grouped_conv2d_backward":
            kernel = np.ones((*ONE_CHANNEL[name][:-1], inputs, outputs), np.float32)
        dy, x = (np.full((8, 112, 98, channels), 0.1, np.float32) for channels in (outputs, inputs))
        dkernel = getattr(npconv, name)(dy, x, kernel, **options)[1]
        middle = dkernel if dkernel.ndim == 2 else dkernel[dkernel.shape[0] // 2, dkernel.shape[1] // 2]
        np.testing.assert_allclose(middle, 8 * 112 * 98 * float(np.float32(0.1)) ** 2, rtol=48 * 2.0**-24)


def test_a_sum_of_float16_passes_through_what_float16_does_not_hold(monkeypatch):
    monkeypatch.setattr(engine, "BAND", 2**16)
    dy, x = np.full((2, 100, 90, 1), 100, np.float16), np.ones((2, 102, 92, 1), np.float16)
    dy[1] = -99
    for backward, kernel in ((npconv.conv2d_backward, (3, 3, 1, 1)), (npconv.depthwise_conv2d_backward, (3, 3, 1))):
        assert (backward(dy, x, np.ones(kernel, np.float16))[1] == 9000).all()


@pytest.mark.parametrize("dtype", [np.int8, np.bool_])
def test_the_bias_gradient_counts_integers(dtype):
    layer = layers.Conv2D(1, 1, 1, bias=True)
    layer.forward(np.ones((1, 300, 4, 1), np.float32))
    layer.backward(np.ones((1, 300, 4, 1), dtype))
    assert layer.grads["bias"].item() == 1200


def test_softmax_of_any_memory_order_is_the_same():
    for dtype in (np.float16, np.float32):
        rows, labels = np.zeros((2, 5000), dtype), np.array([0, 1])
        targets = np.full((2, 5000), 1 / 5000, np.float32)
        for order in (np.ascontiguousarray, np.asfortranarray):
            for given in (labels, order(targets)):
                loss = npconv.softmax_cross_entropy(order(rows), given)
                np.testing.assert_allclose(loss, np.log(5000), rtol=2.0**-10)
            dlogits = npconv.softmax_cross_entropy_backward(1.0, order(rows), labels)
            np.testing.assert_allclose(dlogits[0, :2] * 2, [1 / 5000 - 1, 1 / 5000], rtol=2e-3)


def test_batch_norm_in_float16_keeps_statistics_that_float16_does_not_hold():
    x = (300 * np.random.default_rng(0).standard_normal((8, 9, 7, 2))).astype(np.float16)
    for dtype in (np.float16, np.float32):
        network = layers.Sequential(layers.Conv2D(2, 2, 1, dtype=dtype), layers.BatchNorm(2, momentum=0, dtype=dtype))
        network.params["0.kernel"][...] = np.eye(2)
        y = network.forward(x, training=True)
        assert np.isfinite(network.state["1.variance"]).all()
        for same in (network.forward(x), network.folded().forward(x)):
            assert same.dtype == y.dtype
            np.testing.assert_allclose(same, y, atol=2e-2)
            assert same.std() > 0.9


def test_the_bias_gradient_of_a_long_sum_is_right():
    layer = layers.PointwiseConv2D(1, 2, bias=True)
    y = layer.forward(np.ones((32, 112, 112, 1), np.float32))
    layer.backward(np.full(y.shape, 0.1, np.float32))
    np.testing.assert_allclose(layer.grads["bias"], 40_140.8, rtol=6e-7)


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16], ids=lambda dtype: dtype.__name__)
@cases(lambda case: case.row.functions.startswith("relu") and case.forward)
def test_a_dead_unit_passes_nothing_whatever_comes(case, dtype):
    x = np.array([-1.0, 0.0, 9.0, 3.0, np.nan], dtype)
    dead = np.array([True, True, case.name == "relu6_backward", False, False])
    for value in (np.inf, -np.inf, np.nan, 2.0, -0.0, np.finfo(dtype).max):
        dy = np.full(5, value, dtype)
        with np.errstate(all="raise"):
            np.testing.assert_array_equal(case.call(dy, x), np.where(dead, 0, dy))


@cases(lambda case: "epsilon" in case.row.defaults)
def test_an_epsilon_of_numpys_widens_nothing(case):
    arrays = converted(case.arrays(), np.float32)
    plain, ours = (case.run(arrays, epsilon=kind(1e-3)) for kind in (float, np.float64))
    for one, other in zip(*(each if isinstance(each, tuple) else (each,) for each in (plain, ours)), strict=True):
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


LOSSES = [  # logits, label, the loss
    ([-np.inf, 0.0], 1, 0.0), ([0.0, -np.inf], 0, 0.0), ([-np.inf, 0.0], 0, np.inf), ([3e38, -3e38], 0, 0.0),
    ([3e38, 3e38], 1, np.log(2)), ([0.0, -200.0], 0, 0.0), ([0.0, -200.0], 1, 200.0),
]  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float64, np.float32], ids=lambda dtype: dtype.__name__)
@pytest.mark.parametrize(("logits", "label", "loss"), LOSSES)
def test_the_loss_of_a_class_of_no_probability_is_not_its_infinite_logarithm(logits, label, loss, dtype):
    rows, hot = np.array([logits, logits], dtype), np.eye(2)[[label, label]].astype(dtype)
    probabilities = np.exp(np.array(logits) - max(logits))
    dlogits = (probabilities / probabilities.sum() - hot) / 2
    for targets in (np.array([label, label]), hot):
        with np.errstate(all="raise"):
            got = npconv.softmax_cross_entropy(rows, targets)
            gradient = npconv.softmax_cross_entropy_backward(1.0, rows, targets)
        np.testing.assert_allclose(got, loss, rtol=1e-6, atol=1e-30)
        np.testing.assert_allclose(gradient, dlogits, rtol=1e-6, atol=1e-30)


@cases(lambda case: "epsilon" in case.row.defaults)
def test_an_epsilon_that_vanishes_in_the_arrays_dtype_is_refused(case):
    for dtype, epsilon in ((np.float16, 1e-9), (np.float16, 1e5), (np.float32, 1e-46)):
        message = f"^{case.name}: epsilon must be above 0 and finite in {np.dtype(dtype)}; got {epsilon}"
        assert not faults(ValueError, (message,), case.run, converted(case.arrays(), dtype), epsilon=epsilon)
    assert not faults(None, (), case.run, converted(case.arrays(), np.float16), epsilon=1e-7)


@pytest.mark.parametrize("dtype", [np.float16, np.longdouble, np.clongdouble], ids=lambda dtype: dtype.__name__)
def test_linear_algebra_takes_what_it_has_no_routine_for(dtype):
    kernel = np.random.default_rng(0).standard_normal((3, 2, 4, 5)).astype(dtype)
    depthwise, pointwise = npconv.factorize_kernel(kernel, depth_multiplier=5)
    assert depthwise.dtype == pointwise.dtype == dtype
    back = npconv.factored_kernel(depthwise, pointwise, depth_multiplier=5)
    np.testing.assert_allclose(back, kernel, atol=1e-2 if dtype == np.float16 else 1e-12)


@cases(lambda case: case.name in ("batch_norm_backward", "batch_norm_inference_backward"))
def test_gradients_of_batch_norm_are_as_wide_as_what_they_depend_on(case):
    narrow = converted(case.arrays(), np.float32)
    wide = {name: results(case.run(narrow | {name: narrow[name].astype(np.float64)})) for name in narrow}
    dtypes = {name: [gradient.dtype == np.float64 for gradient in gradients] for name, gradients in wide.items()}
    assert all(dtypes["dy"])
    assert dtypes["x"][1:3] == [True, False]  # dscale, dshift
    assert (dtypes["scale"][0], dtypes["scale"][2]) == (True, False)  # dx, dshift


def test_float16_is_summed_in_float32_in_either_byte_order():
    rng = np.random.default_rng(11)
    x, dy = (rng.standard_normal((4, 9, 9, 5)).astype(np.float16) for _ in range(2))
    other = [a.astype(a.dtype.newbyteorder()) for a in (dy, x)]
    for function in (npconv.batch_statistics, npconv.global_average_pool):
        np.testing.assert_array_equal(function(other[1]), function(x), strict=True)
    kernel = np.ones((3, 3, 5), np.float16)
    for result, expected in zip(
        npconv.depthwise_conv2d_backward(*other, kernel, padding="same"),
        npconv.depthwise_conv2d_backward(dy, x, kernel, padding="same"),
        strict=True,
    ):
        np.testing.assert_array_equal(result, expected, strict=True)

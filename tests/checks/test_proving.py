"""`check_adjoint` and `prove_equal` let nothing pass that is wrong, and say with which chance they would."""

import itertools
import math

import numpy as np
import pytest

import npconv
from npconv.checks import check_adjoint, prove_equal
from npconv.checks.polynomials import first_difference, named


def changed(change, backward=npconv.conv2d_backward):
    """A backward whose gradients are changed, in copies."""

    def wrong(*arrays, **geometry):
        return change(*(gradient.copy() for gradient in backward(*arrays, **geometry)))

    return wrong


def with_entry(array, index, value):
    array[index] = value
    return array


def caught(backward, *shapes, forward=npconv.conv2d, **options):
    with pytest.raises(AssertionError) as raised:
        check_adjoint(forward, backward, *(np.ones(shape) for shape in shapes), **options)
    return str(raised.value)


WRONG = {
    "dkernel with its axes swapped": lambda dx, dk: (dx, dk.swapaxes(0, 1)),
    "the last corner of dx is 0": lambda dx, dk: (with_entry(dx, (slice(None), -1, -1), 0), dk),
    "one entry of dx off by 1": lambda dx, dk: (with_entry(dx, (0, 0, 0, 0), dx[0, 0, 0, 0] + 1), dk),
    "one entry of dkernel off by 1000": lambda dx, dk: (dx, with_entry(dk, (1, 0, 0, 0), dk[1, 0, 0, 0] - 1000)),
    "dx of the first image for all": lambda dx, dk: (dx[:1].repeat(len(dx), axis=0), dk),
    "dkernel's sign": lambda dx, dk: (dx, -dk),
}


@pytest.mark.parametrize("mistake", WRONG)
@pytest.mark.parametrize("seed", range(12))
def test_a_wrong_gradient_is_found_at_every_seed(mistake, seed):
    message = caught(changed(WRONG[mistake]), (2, 3, 4, 1), (2, 2, 1, 1), seed=seed)
    assert "is not the adjoint: at [" in message
    assert "(conv2d: x (2, 3, 4, 1), kernel (2, 2, 1, 1))" in message


def test_a_wrong_corner_is_found_at_every_small_shape():
    sides, taps = ((3, 4), (5, 3), (4, 6)), ((1, 2), (3, 1), (2, 3))
    for batch, (height, width), m, (rows, columns), n in itertools.product((1, 2), sides, (1, 2), taps, (1, 3)):
        message = caught(changed(WRONG["the last corner of dx is 0"]), (batch, height, width, m), (rows, columns, m, n))
        assert "the gradient of x is not the adjoint: at [" in message
        assert f", {height - 1}, {width - 1}, " in message


def test_it_says_what_the_entry_must_be():
    rng = np.random.default_rng(0)
    seen = []

    def wrong(dy, x, kernel):
        dx, dkernel = npconv.conv2d_backward(dy, x, kernel)
        seen.append(int(dkernel[1, 0, 2, 3]))
        dkernel[1, 0, 2, 3] += 7
        return dx, dkernel

    x, kernel = rng.standard_normal((2, 5, 4, 3)), rng.standard_normal((2, 2, 3, 4))
    with pytest.raises(AssertionError, match="the gradient of kernel is not the adjoint") as raised:
        check_adjoint(npconv.conv2d, wrong, x, kernel)
    assert f"at [1, 0, 2, 3] backward says {seen[-1] + 7}, and the derivative is {seen[-1]} (" in str(raised.value)


@pytest.mark.parametrize(
    ("dtype", "bits", "exact"),
    [("float32", None, 24), ("float64", None, 53), ("int64", None, 63), ("float16", None, 11), ("uint8", None, 63),
     ("float64", 24, 24), ("float32", 53, 53), ("float32", 63, 63)],
)  # fmt: skip
def test_the_bound_is_below_2_to_the_minus_40_and_the_numbers_stay_exact(dtype, bits, exact):
    arrays = np.ones((2, 6, 5, 2), dtype), np.ones((3, 2, 2, 3), dtype)
    proof = check_adjoint(npconv.conv2d, npconv.conv2d_backward, *arrays, bits=bits, stride=(2, 1))
    longest = 2 * 2 * 4  # B·Dᵥ² products in each entry of dkernel; in y Dᵣ²M = 12
    assert longest * proof.largest**2 < 2**exact <= longest * (proof.largest + 1) ** 2
    chance = 1 - (1 - 1 / (2 * proof.largest)) ** 4  # dy, x, kernel and v
    assert proof.equal
    assert math.isclose(proof.bound, chance**proof.draws, rel_tol=1e-6)
    assert proof.bound < 2**-40 <= chance ** (proof.draws - 1)


def test_float32_with_400_000_positions_takes_some_twenty_draws():
    x, kernel = np.ones((400_000, 1), np.float32), np.ones((1, 2), np.float32)
    proof = check_adjoint(npconv.dense, npconv.dense_backward, x, kernel)
    assert (proof.largest, proof.draws) == (6, 23)


def test_what_may_wrap_or_be_rounded_is_refused():
    with pytest.raises(ValueError, match=r"check_adjoint: sums of 2048 products may be rounded, or wrap, in 11 bits"):
        check_adjoint(npconv.dense, npconv.dense_backward, np.ones((1, 2048), "f2"), np.ones((2048, 1), "f2"))

    def narrow(x, kernel):
        return npconv.dense(x, kernel).astype(np.int8)

    def narrow_backward(dy, x, kernel):
        return tuple(a.astype(np.int8) for a in npconv.dense_backward(dy, x, kernel))

    arrays = np.ones((2, 5), int), np.ones((5, 3), int)
    assert check_adjoint(narrow, narrow_backward, *arrays).largest == 5  # 5 · 5² < 2⁷
    with pytest.raises(
        ValueError, match="check_adjoint: bits must be at most 7, to which the results are exact; got 24"
    ):
        check_adjoint(narrow, narrow_backward, *arrays, bits=24)
    with pytest.raises(ValueError, match="check_adjoint: bits must be 24, 53, 63 or None; got 32"):
        check_adjoint(npconv.dense, npconv.dense_backward, *arrays, bits=32)


def test_a_gradient_that_is_wrong_but_for_few_numbers_is_found():
    """(dy − 1)·(x − 1)·(kernel − 1) is 0 as often as the bound allows: in a draw from ±1, …, ±A."""

    def wrong(dy, x, kernel):
        dx, dkernel = npconv.dense_backward(dy, x, kernel)
        dx[0, 0] += (dy[0, 0] - 1) * (x[0, 0] - 1) * (kernel[0, 0] - 1)
        return dx, dkernel

    for seed in range(100):
        assert "the gradient of x is not the adjoint: at [0, 0]" in caught(
            wrong, (2, 3), (3, 2), forward=npconv.dense, seed=seed, bits=24
        )


def test_what_is_no_sum_of_products_is_said_so():
    x, kernel = np.ones((2, 3)), np.ones((3, 4))
    assert "relu is not linear in x (relu: x (2, 3))" in caught(npconv.relu_backward, (2, 3), forward=npconv.relu)
    for wrong, words in (
        (lambda x: x + 1, "is not linear in x"),
        (lambda x: x**3, "must give whole numbers below 2⁶³ for whole numbers"),
        (lambda x: np.abs(x), "is not linear in x"),
        (lambda x: x / 3, "must give whole numbers below 2⁶³ for whole numbers, as sums of products do; got"),
        (lambda x: x * np.nan, "must give whole numbers"),
    ):
        assert words in caught(lambda dy, x: dy, (2, 3), forward=wrong)
    alone = caught(lambda dy, x, kernel: dy, x.shape, kernel.shape, forward=npconv.dense)
    assert "must return 2 gradients, one for each array that is differentiated; got 1 gradient" in alone
    half = caught(
        changed(lambda dx, dk: (dx, dk / 2), npconv.dense_backward), x.shape, kernel.shape, forward=npconv.dense
    )
    assert "must give whole numbers" in half
    with pytest.raises(TypeError, match=r"check_adjoint: arrays must be numpy\.ndarray; got list"):
        check_adjoint(npconv.dense, npconv.dense_backward, [[1.0]], kernel)
    with pytest.raises(TypeError, match="check_adjoint: arrays must hold real numbers; got dtype complex128"):
        check_adjoint(npconv.dense, npconv.dense_backward, x.astype(complex), kernel)
    with pytest.raises(TypeError, match="check_adjoint: <lambda> must return its arrays in a tuple; got a list"):
        check_adjoint(lambda x: x.tolist(), lambda dy, x: dy, x)
    with pytest.raises(TypeError, match="check_adjoint: <lambda> must return its arrays in a tuple; got a list"):
        check_adjoint(npconv.dense, lambda *a: list(npconv.dense_backward(*a)), x, kernel)


SMALL, LARGE = ((2, 5, 4, 3), (3, 2, 3, 4)), ((2, 12, 9, 8), (3, 3, 8, 16))
PAIRS = [(npconv.conv2d, rung) for rung in (npconv.conv2d_loops, npconv.conv2d_taps, npconv.conv2d_im2col)]


@pytest.mark.parametrize(("f", "g"), PAIRS, ids=lambda f: f.__name__)
def test_rungs_are_equal_for_all_numbers(f, g):
    assert prove_equal(f, g, *SMALL, stride=(1, 2), padding="same").bound == 0
    if g is not npconv.conv2d_loops:
        proof = prove_equal(f, g, *LARGE, padding=1)
        assert 0 < proof.bound < 2**-40
        assert math.isclose(proof.bound, (65 * 2 * 72 / 2**64) ** 2)  # C(63 + 2, 1), sums of Dᵣ²M = 72


def test_backward_rungs_are_equal_for_all_numbers():
    arrays = (2, 2, 3, 4), *SMALL
    for rung in (npconv.conv2d_backward_loops, npconv.conv2d_backward_taps, npconv.conv2d_backward_im2col):
        assert prove_equal(npconv.conv2d_backward, rung, *arrays, stride=(2, 1), padding=((1, 0), (0, 0))).bound == 0


def test_a_function_of_floats_alone_runs_on_as_many_draws_as_its_dtype_needs():
    def in_float32(x, kernel):
        return npconv.conv2d(x.astype(np.float32), kernel.astype(np.float32))

    def wrong(x, kernel):
        return in_float32(x, kernel[:, ::-1])

    proof = prove_equal(in_float32, npconv.conv2d_taps, *LARGE)
    assert 72 * proof.largest**2 < 2**24 <= 72 * (proof.largest + 1) ** 2
    assert proof.draws == 5  # with a chance of 1 − (1 − 1/(2·482))² each
    assert proof.bound < 2**-40
    with pytest.raises(
        AssertionError, match=r"in_float32 and wrong differ: in result 0 at .* gives 1 and the second 0"
    ):
        prove_equal(in_float32, wrong, *LARGE)


@pytest.mark.parametrize("shapes", [SMALL, LARGE], ids=["on names", "on numbers"])
def test_a_difference_comes_with_an_entry_and_a_counter_example(shapes):
    def turned(x, kernel, **geometry):
        return npconv.conv2d(x, kernel[::-1], **geometry)

    with pytest.raises(AssertionError) as raised:
        prove_equal(npconv.conv2d, turned, *shapes)
    message = str(raised.value)
    index = [int(n) for n in message.split(" at [")[1].split("]")[0].split(", ")]
    x, kernel = np.zeros(shapes[0]), np.zeros(shapes[1])
    for entry in message.split(" is 0 but ")[1].split(" (conv2d")[0].split(" and "):
        name, value = entry.split(" = ")
        array = x if name.startswith("x[") else kernel
        array[tuple(int(n) for n in name.split("[")[1][:-1].split(","))] = int(value)
    assert (np.count_nonzero(x), np.count_nonzero(kernel)) == (1, 1)
    first, second = npconv.conv2d(x, kernel)[tuple(index)], turned(x, kernel)[tuple(index)]
    assert first != second
    assert f"the first gives {first:g} and the second {second:g}, where" in message


def doubled_in_place(x):
    return np.multiply(x, 2, out=x)


BUFFER = np.empty((2, 3))


def test_an_argument_that_is_changed_and_a_buffer_that_is_used_again_prove_nothing():
    with pytest.raises(AssertionError, match=r"doubled_in_place changed its argument x, of shape \(2, 3\)"):
        check_adjoint(doubled_in_place, lambda dy, x: dy, np.ones((2, 3)))
    with pytest.raises(AssertionError, match="doubled_in_place changed its argument x"):
        prove_equal(lambda x: x, doubled_in_place, (30, 1000))
    with pytest.raises(AssertionError, match="differ: in result 0 at"):
        prove_equal(lambda x: np.multiply(x, 1.0, out=BUFFER), lambda x: np.multiply(x, 2.0, out=BUFFER), (2, 3))


def test_names_have_no_values_to_decide_by():
    assert prove_equal(lambda x: x * (x != 0), lambda x: x, (2, 3)).bound > 0  # seen on numbers
    for decides in (lambda x: np.where(x == 0, 1, x), lambda x: x if x.any() else x + 7):
        with pytest.raises(ValueError, match="prove_equal: <lambda> is not of degree 1 in x"):
            prove_equal(decides, lambda x: x, (2, 3))


def test_an_error_that_small_numbers_do_not_show_is_still_one():
    def clipped(x, kernel):
        return np.rint(np.clip(x @ kernel, np.float32(-10_060_000), np.float32(10_060_000)))

    def check(seed):
        check_adjoint(clipped, npconv.dense_backward, *np.ones((2, 1, 1), np.float32), seed=seed)

    found = 0
    for seed in range(40):
        try:
            check(seed)
        except AssertionError as error:
            found += "is not the adjoint: at [0, 0] backward says " in str(error)
    assert found > 10


def differences(x, kernel):
    return npconv.conv2d(x, kernel[:, ::-1]) - npconv.conv2d(x, kernel)


def differences_backward(dy, x, kernel):
    dx, dkernel = npconv.conv2d_backward(dy, x, kernel[:, ::-1])
    dx_minus, dkernel_minus = npconv.conv2d_backward(dy, x, kernel)
    return dx - dx_minus, dkernel[:, ::-1] - dkernel_minus


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int64])
def test_sums_that_cancel_are_no_reason_to_refuse(dtype):
    x, kernel = np.ones((2, 6, 5, 3), dtype), np.ones((3, 3, 3, 4), dtype)
    assert check_adjoint(differences, differences_backward, x, kernel).bound < 2**-40
    for step, back in (
        (lambda x: x[1:] - x[:-1], lambda dy, x: np.concatenate([-dy[:1], dy[:-1] - dy[1:], dy[-1:]])),
        (lambda x: x[2:] - 2 * x[1:-1] + x[:-2], lambda dy, x: np.convolve(dy, [1, -2, 1]).astype(dy.dtype)),
    ):
        assert check_adjoint(step, back, np.ones(6, dtype)).bound < 2**-40
        with pytest.raises(AssertionError, match="is not the adjoint"):
            check_adjoint(step, lambda dy, x, back=back: back(dy, x)[::-1], np.ones(6, dtype))


def test_long_polynomials_are_left_to_numbers_and_scalars_are_compared():
    assert prove_equal(differences, lambda x, k: -differences(x, k[:, ::-1]), (2, 24, 25, 16), (3, 3, 16, 16)).bound > 0
    assert prove_equal(lambda x: x[:1], lambda x: x[:1] * 1, (5_000_000,)).bound < 2**-40
    assert prove_equal(lambda x, y: (x * y).sum(), lambda x, y: (y * x)[::-1].sum(), (3,), (3,)).bound == 0
    assert prove_equal(npconv.global_average_pool, lambda x: x.mean((1, 2)), (2, 2, 3, 2)).bound == 0


def test_calls_without_arrays_and_with_empty_ones_are_refused():
    for call, words in (
        (lambda: check_adjoint(npconv.relu, npconv.relu_backward), "check_adjoint: arrays must be at least one"),
        (lambda: prove_equal(npconv.relu, npconv.relu), "prove_equal: shapes must be at least one"),
        (lambda: check_adjoint(npconv.dense, npconv.dense_backward, np.ones((0, 2)), np.ones((2, 3))), "empty axis"),
    ):
        with pytest.raises(ValueError, match=words):
            call()


def test_polynomials_of_any_degree_are_compared_and_others_refused():
    assert prove_equal(lambda x: (x + 1) * (x - 1), lambda x: x**2 - 1, (2, 3)).bound == 0
    assert prove_equal(lambda x: -(1 - x), lambda x: x - 1, (2,)).bound == 0
    for f, g in (
        (lambda x: x * x, lambda x: x * x * x),
        (lambda x: x[:1] * x[1:] ** 2, lambda x: x[:1] ** 2 * x[1:]),  # equal where x is the same twice
        (lambda x: 2 * x, lambda x: 2 * x + 1),
    ):
        with pytest.raises(AssertionError, match="differ: in result 0 at "):
            prove_equal(f, g, (2,))
    with pytest.raises(ValueError, match=r"prove_equal: relu is not of degree 1 in x \(relu: x \(2, 3\)\)"):
        prove_equal(npconv.relu, npconv.relu, (2, 3))
    with pytest.raises(ValueError, match="prove_equal: <lambda> is not of degree 1 in x"):
        prove_equal(lambda x: x * x * x[::-1], lambda x: x**2 * x[::-1], (2_000_000,))
    assert prove_equal(lambda x: x + 3, lambda x: 3 + x, (2_000_000,)).equal
    with pytest.raises(AssertionError, match=r"give shapes \[\(2, 3\)\] and \[\(3, 2\)\]"):
        prove_equal(lambda x: x, lambda x: x.T, (2, 3))
    for shape in (3, (2, 0), (2.0, 3), "23"):
        with pytest.raises((TypeError, ValueError), match="prove_equal: shapes must"):
            prove_equal(npconv.relu, npconv.relu, shape)


def test_normal_forms_know_no_order_and_no_brackets():
    a, b = named("a", (2,)), named("b", (2,))
    assert first_difference((a + b) * (a + b), b * b + 2 * (a * b) + a * a) is None
    assert first_difference(a * b - b * a + 0, 0 * a) is None
    index, numbers, left, right, _ = first_difference(a * b, a * b + a * [0, 1])
    assert (index, numbers, left, right) == ((1,), {"a[1]": 1}, 0, 1)
    index, numbers, left, right, _ = first_difference(a * b * b, a * a * b)
    assert (left, right) == (numbers["a[0]"] * numbers["b[0]"] ** 2, numbers["a[0]"] ** 2 * numbers["b[0]"])

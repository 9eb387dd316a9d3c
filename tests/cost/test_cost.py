"""Costs by formula equal costs by counting, and the facts that are known of them."""

import dataclasses
import itertools
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings

import npconv
from npconv import cost
from npconv.checks.strategies import convolutions, seeds

COSTS = {
    "conv2d": (
        cost.conv2d_cost,
        [npconv.conv2d_loops, npconv.conv2d_per_channel, npconv.conv2d_taps, npconv.conv2d_im2col, npconv.conv2d],
        [
            npconv.conv2d_backward_loops,
            npconv.conv2d_backward_taps,
            npconv.conv2d_backward_im2col,
            npconv.conv2d_backward,
        ],
    ),
    "depthwise_conv2d": (
        cost.depthwise_conv2d_cost,
        [npconv.depthwise_conv2d_loops, npconv.depthwise_conv2d_taps, npconv.depthwise_conv2d],
        [
            npconv.depthwise_conv2d_backward_loops,
            npconv.depthwise_conv2d_backward_taps,
            npconv.depthwise_conv2d_backward,
        ],
    ),
    "grouped_conv2d": (cost.grouped_conv2d_cost, [npconv.grouped_conv2d], [npconv.grouped_conv2d_backward]),
    "pointwise_conv2d": (
        cost.pointwise_conv2d_cost,
        [npconv.pointwise_conv2d_loops, npconv.pointwise_conv2d],
        [npconv.pointwise_conv2d_backward],
    ),
    "transposed_conv2d": (
        cost.transposed_conv2d_cost,
        [npconv.transposed_conv2d_loops, npconv.transposed_conv2d],
        [npconv.transposed_conv2d_backward],
    ),
    "depthwise_separable_conv2d": (
        cost.depthwise_separable_conv2d_cost,
        [npconv.depthwise_separable_conv2d],
        [],
    ),
    "spatially_separable_conv2d": (cost.spatially_separable_conv2d_cost, [npconv.spatially_separable_conv2d], []),
    "flattened_conv2d": (cost.flattened_conv2d_cost, [npconv.flattened_conv2d], []),
    "shuffled_grouped_conv2d": (
        cost.shuffled_grouped_conv2d_cost,
        [npconv.shuffled_grouped_conv2d],
        [npconv.shuffled_grouped_conv2d_backward],
    ),
    "conv3d": (
        cost.conv3d_cost,
        [npconv.conv3d_loops, npconv.conv3d_taps, npconv.conv3d],
        [npconv.conv3d_backward_taps, npconv.conv3d_backward],
    ),
}


@pytest.mark.parametrize("operation", COSTS)
def test_what_is_counted_is_what_the_formula_says(operation):
    formula, forwards, backwards = COSTS[operation]

    @settings(max_examples=25)
    @given(convolutions(operation), seeds())
    def check(case, seed):
        arrays, dy = case.arrays(seed), case.upstream(seed)
        expected = formula(*case.shapes.values(), **case.geometry)
        assert expected.output_shape == case.output_shape
        for forward in forwards:
            counted = cost.count_operations(forward, *arrays, **case.geometry)
            assert (counted.multiplications, counted.additions) == (expected.macs, expected.additions)
            assert np.array_equal(counted.result, forward(*arrays, **case.geometry))
        for backward in backwards:  # its two products cost what forward costs, each
            counted = cost.count_operations(backward, dy, *arrays, **case.geometry)
            assert counted.multiplications == 2 * expected.macs
            assert counted.additions <= 2 * expected.macs

    check()


@given(convolutions("depthwise_separable_conv2d"))
def test_the_ratio_is_exact(case):
    (batch, height, width, m), depthwise, (wide, n) = case.shapes.values()
    separable = cost.depthwise_separable_conv2d_cost(*case.shapes.values(), **case.geometry)
    standard = cost.conv2d_cost((batch, height, width, m), (*depthwise[:2], m, n), **case.geometry)
    ratio = cost.cost_ratio(depthwise[:2], n, depth_multiplier=wide // m)
    assert Fraction(separable.macs, standard.macs) == Fraction(separable.params, standard.params) == ratio
    biased = cost.conv2d_cost((batch, height, width, m), (*depthwise[:2], m, n), bias=True, **case.geometry)
    assert (biased.macs, biased.params, biased.additions) == (standard.macs, standard.params + n, standard.macs)


def test_the_example_of_the_article():
    assert cost.conv2d_cost((1, 7, 7, 3), (3, 3, 3, 128)).macs == 86_400
    parts = cost.depthwise_separable_conv2d_cost((1, 7, 7, 3), (3, 3, 3), (3, 128)).parts
    assert (parts["depthwise"].macs, parts["pointwise"].macs) == (675, 9_600)
    assert cost.cost_ratio(3, 128) == Fraction(10_275, 86_400)


def test_the_order_of_a_spatially_separable_convolution_and_of_a_flattened_one_decides_what_it_costs():
    """Facts of small convolutions, and what another order would cost, as two convolutions by hand."""
    column_first = cost.spatially_separable_conv2d_cost((1, 5, 9, 1), (3, 1), (3, 1))
    assert {name: part.macs for name, part in column_first.parts.items()} == {"column": 81, "row": 63}
    row = cost.depthwise_conv2d_cost((1, 5, 9, 1), (1, 3, 1))
    column = cost.depthwise_conv2d_cost(row.output_shape, (3, 1, 1))
    assert (column_first.macs, row.macs + column.macs) == (144, 168)
    for size, side, separable, standard in ((5, 3, 72, 81), (7, 3, 180, 225), (7, 5, 150, 225), (9, 5, 350, 625),
                                            (10, 7, 392, 784), (224, 3, 297_036, 443_556)):  # fmt: skip
        assert cost.spatially_separable_conv2d_cost((1, size, size, 1), (side, 1), (side, 1)).macs == separable
        assert cost.depthwise_conv2d_cost((1, size, size, 1), (side, side, 1)).macs == standard
    lateral_first = cost.flattened_conv2d_cost((1, 7, 7, 64), (64, 1), (3, 1), (3, 1))
    parts = {name: part.macs for name, part in lateral_first.parts.items()}
    assert parts == {"lateral": 3136, "vertical": 105, "horizontal": 75}
    filters = cost.spatially_separable_conv2d_cost((1, 7, 7, 64), (3, 64), (3, 64))
    lateral_last = filters.macs + cost.pointwise_conv2d_cost((1, 5, 5, 64), (64, 1)).macs
    standard = cost.conv2d_cost((1, 7, 7, 64), (3, 3, 64, 1))
    assert (lateral_first.macs, lateral_last, standard.macs) == (3316, 13_120, 14_400)
    assert (lateral_first.params, standard.params) == (70, 576)


def test_a_kernel_as_deep_as_its_input_costs_what_a_2d_one_over_all_layers_does():
    assert cost.conv3d_cost((1, 7, 7, 7, 1), (3, 3, 3, 1, 1)).macs == 3375
    flat = cost.conv3d_cost((1, 7, 7, 7, 1), (7, 3, 3, 1, 1))
    assert (flat.macs, flat.output_shape) == (1575, (1, 1, 5, 5, 1))
    assert flat.macs == cost.conv2d_cost((1, 7, 7, 7), (3, 3, 7, 1)).macs
    assert cost.conv3d_cost((2, 3, 4, 5, 2), (2, 3, 1, 2, 3), bias=True).params == 2 * 3 * 2 * 3 + 3


def test_groups_divide_multiplications_and_parameters_and_shuffling_costs_nothing():
    for side, groups in ((3, 2), (3, 4), (1, 2), (1, 8)):
        standard = cost.conv2d_cost((2, 7, 6, 8), (side, side, 8, 16), padding="same")
        grouped, shuffled = (
            of((2, 7, 6, 8), (side, side, 8 // groups, 16), groups=groups, padding="same")
            for of in (cost.grouped_conv2d_cost, cost.shuffled_grouped_conv2d_cost)
        )
        assert grouped == shuffled
        assert groups * grouped.macs == standard.macs
        assert groups * grouped.params == standard.params


def test_a_bias_comes_after_each_filter_of_a_chain():
    flattened = cost.flattened_conv2d_cost((2, 7, 6, 3), (3, 4), (3, 4), (2, 4), bias=True)
    assert flattened.params == (3 + 1 + 3 + 1 + 2 + 1) * 4
    assert flattened.additions == flattened.macs
    separable = cost.spatially_separable_conv2d_cost((2, 7, 6, 3), (3, 3), (2, 3), bias=True)
    assert (separable.params, separable.additions) == ((3 + 1 + 2 + 1) * 3, separable.macs)


def test_table_3_of_mobilenet_v1():
    shapes = ((1, 14, 14, 512), (3, 3, 512), (512, 512))
    standard = cost.conv2d_cost(shapes[0], (3, 3, 512, 512), padding="same")
    separable = cost.depthwise_separable_conv2d_cost(*shapes, padding="same")
    assert (standard.macs, standard.params) == (462_422_016, 2_359_296)
    assert (separable.macs, separable.params) == (52_283_392, 266_752)
    thin = cost.depthwise_separable_conv2d_cost((1, 14, 14, 384), (3, 3, 384), (384, 384), padding="same")
    small = cost.depthwise_separable_conv2d_cost((1, 10, 10, 384), (3, 3, 384), (384, 384), padding="same")
    assert (thin.macs, thin.params, small.macs) == (29_578_752, 150_912, 15_091_200)


def test_the_inverted_residual_of_the_paper_and_its_counted_steps():
    block = cost.inverted_residual_cost((1, 56, 56, 24), (24, 144), (3, 3, 144), (144, 24))
    assert block.macs == 56 * 56 * 24 * 6 * (24 + 9 + 24)
    assert list(block.parts) == ["expand", "depthwise", "project"]
    assert block.params == 24 * 144 + 9 * 144 + 144 * 24
    first = cost.inverted_residual_cost((1, 112, 112, 32), None, (3, 3, 32), (32, 16))
    assert list(first.parts) == ["depthwise", "project"]
    rng = np.random.default_rng(0)
    for stride, k_out in ((1, 3), (2, 3), (1, 4)):
        arrays = [rng.standard_normal(s) for s in ((2, 4, 5, 3), (3, 6), (3, 3, 6), (6, k_out))]
        counted = cost.count_operations(npconv.inverted_residual, *arrays, stride=stride)
        expected = cost.inverted_residual_cost(*(a.shape for a in arrays), stride=stride)
        assert counted.multiplications == expected.macs
        np.testing.assert_allclose(
            counted.result.astype(float), npconv.inverted_residual(*arrays, stride=stride), atol=1e-12
        )


def test_the_residual_bottleneck_is_counted():
    arrays = [np.ones(s) for s in ((2, 4, 5, 6), (6, 2), (3, 3, 2, 2), (2, 6))]
    counted = cost.count_operations(npconv.residual_bottleneck, *arrays)
    assert counted.multiplications == cost.residual_bottleneck_cost(*(a.shape for a in arrays)).macs


def test_padding_zeros_are_told_apart():
    x, kernel = np.ones((1, 3, 4, 2)), np.ones((3, 3, 2, 5))
    inside = cost.count_operations(npconv.conv2d, x, kernel, padding="same")
    covered = npconv.conv2d(np.ones((1, 3, 4, 1)), np.ones((3, 3, 1, 1)), padding="same").sum() * 2 * 5
    assert inside.multiplications - inside.zero_multiplications == covered


def test_approximations_and_break_even():
    assert cost.limit_error(3, 90) == Fraction(1, 10)
    assert cost.break_even_multiplier(3, 128) == Fraction(1152, 137)
    q = cost.break_even_multiplier((3, 2), 6)
    assert q * cost.cost_ratio((3, 2), 6) == 1


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (
            lambda: cost.conv2d_cost((1, 7, 7), (3, 3, 3, 4)),
            ValueError,
            "conv2d_cost: x must be (B, Dᵤ, Dᵤ, M), 4 axes",
        ),
        (
            lambda: cost.conv2d_cost((1, 7, 7, 3.0), (3, 3, 3, 4)),
            TypeError,
            "conv2d_cost: x must be a shape, a tuple of ints",
        ),
        (lambda: cost.conv2d_cost((1, 2, 7, 3), (3, 3, 3, 4)), ValueError, "output's height would be empty"),
        (lambda: cost.cost_ratio(3, 0), ValueError, "cost_ratio: out_channels must be at least 1; got 0"),
        (lambda: cost.cost_ratio("3", 4), TypeError, "cost_ratio: kernel_size must be an int or a pair"),
        (
            lambda: cost.count_operations(npconv.relu, [1.0]),
            TypeError,
            "count_operations: arrays must be numpy.ndarray",
        ),
    ],
)
def test_bad_sizes_get_an_error_that_says_so(call, error, message):
    with pytest.raises(error) as raised:
        call()
    assert message in str(raised.value)


def test_activations_count_nothing_and_are_right_at_their_kinks():
    x, dy = np.array([-2, 0, 3, 6, 9]), np.array([1, 2, 3, 4, 5])
    for function, expected in ((npconv.relu, [0, 0, 3, 6, 9]), (npconv.relu6, [0, 0, 3, 6, 6])):
        counted = cost.count_operations(function, x)
        assert (counted.multiplications, counted.additions, list(counted.result)) == (0, 0, expected)
    for function, expected in ((npconv.relu_backward, [0, 0, 3, 4, 5]), (npconv.relu6_backward, [0, 0, 3, 0, 0])):
        counted = cost.count_operations(function, dy, x)
        assert (counted.multiplications, counted.additions, list(counted.result)) == (0, 0, expected)


def test_mobilenet_v3s_activations_count_no_addition_and_hard_swish_the_product_with_its_gate():
    x, dy = np.array([-4.0, -3, -1.5, 0, 1.5, 3, 9]), np.arange(1.0, 8)
    for name, forward, backward in (("sigmoid", 0, 3), ("hard_sigmoid", 0, 0), ("hard_swish", 1, 1)):
        for function, arrays, each in (
            (getattr(npconv, name), (x,), forward),
            (getattr(npconv, f"{name}_backward"), (dy, x), backward),
        ):
            counted = cost.count_operations(function, *arrays)
            assert (counted.multiplications, counted.additions) == (each * x.size, 0), function
            np.testing.assert_allclose(counted.result, function(*arrays), rtol=1e-15)


@pytest.mark.parametrize("hidden", [1, 3, 8])
def test_squeeze_and_excite_costs_its_two_layers_and_the_pool_beside_the_products_with_the_gate(hidden):
    shapes = (2, 4, 3, 5), (5, hidden), (hidden,), (hidden, 5), (5,)
    rng = np.random.default_rng(0)
    arrays = [rng.uniform(0.1, 0.3, shape) for shape in shapes]  # no unit is dead, so each product is one of the kernel
    counted, expected = cost.count_operations(npconv.squeeze_excite, *arrays), cost.squeeze_excite_cost(*shapes)
    assert counted.multiplications == expected.macs + 2 * 4 * 3 * 5
    assert counted.additions == expected.additions
    assert expected.params == sum(a.size for a in arrays[1:])
    assert expected.output_shape == shapes[0]
    assert (expected.macs, list(expected.parts)) == (2 * 2 * 5 * hidden, ["pool", "reduce", "expand"])
    np.testing.assert_allclose(counted.result, npconv.squeeze_excite(*arrays), rtol=1e-12)
    dy = rng.standard_normal(shapes[0])
    behind = cost.count_operations(npconv.squeeze_excite_backward, dy, *arrays)
    for mine, gradient in zip(behind.result, npconv.squeeze_excite_backward(dy, *arrays), strict=True):
        np.testing.assert_allclose(mine.astype(float), gradient, rtol=1e-10, atol=1e-13)
    assert behind.multiplications == 3 * expected.macs + 3 * 2 * 4 * 3 * 5


def test_a_mean_counts_its_additions_and_no_multiplication_for_its_division():
    x = np.arange(2.0 * 3 * 4 * 5).reshape(2, 3, 4, 5)
    counted = cost.count_operations(lambda x: npconv.dense(npconv.global_average_pool(x), np.ones((5, 1))), x)
    assert (counted.multiplications, counted.additions) == (2 * 5, 2 * 5 * 11 + 2 * 4)
    assert np.array_equal(counted.result[:, 0], 5 * x.mean(axis=(1, 2, 3)))


def test_a_dense_layer_costs_its_products():
    dense = cost.dense_cost((2, 5), (5, 7), bias=True)
    assert (dense.macs, dense.additions, dense.params, dense.output_shape) == (70, 70, 42, (2, 7))
    assert dense.flops == 140
    assert cost.dense_cost((2, 5), (5, 7)).flops == 70 + 2 * 7 * 4
    counted = cost.count_operations(npconv.dense, np.ones((2, 5)), np.ones((5, 7)))
    assert (counted.multiplications, counted.additions) == (70, 56)


def test_the_result_is_what_the_function_gives_without_counting():
    x, kernel, dy = (
        np.arange(24).reshape(1, 4, 3, 2),
        np.arange(-8, 8).reshape(2, 2, 2, 2),
        np.arange(12).reshape(1, 3, 2, 2),
    )
    result = cost.count_operations(npconv.conv2d_backward, dy, x, kernel).result
    assert isinstance(result, tuple)
    for counted, plain in zip(result, npconv.conv2d_backward(dy, x, kernel), strict=True):
        assert counted.dtype == plain.dtype == int
        assert np.array_equal(counted, plain)
    assert cost.count_operations(lambda x: 3.5, x).result == 3.5
    assert cost.count_operations(lambda x: np.ones(2), x).result.dtype == float
    with pytest.raises(TypeError, match=r"count_operations: arrays must be numpy\.ndarray or None; got list"):
        cost.count_operations(npconv.relu, [1.0])


SEPARABLE = cost.depthwise_separable_conv2d_cost((2, 7, 6, 3), (3, 3, 3), (3, 4))
PLAIN = cost.conv2d_cost((2, 5, 4, 4), (3, 3, 4, 5))
BLOCK = cost.inverted_residual_cost((2, 4, 4, 4), (4, 8), (3, 3, 8), (8, 4))
COUNTS = ("macs", "additions", "params", "flops")


@pytest.mark.parametrize("terms", list(itertools.product([SEPARABLE, PLAIN, BLOCK], repeat=3)))
def test_a_sum_of_costs_has_the_parts_of_its_terms_in_order_whatever_is_added_first(terms):
    first, second, third = terms
    total = sum(terms)
    assert total == (first + second) + third == first + (second + third)
    assert list(total.parts) == list((first + (second + third)).parts)
    assert [getattr(total, n) for n in COUNTS] == [sum(getattr(term, n) for term in terms) for n in COUNTS]
    assert total.output_shape == third.output_shape
    held = [part for term in terms for part in (term.parts.values() or [term])]
    assert list(total.parts.values()) == held
    assert [sum(getattr(part, n) for part in held) for n in ("macs", "params")] == [total.macs, total.params]


def test_the_names_in_a_sum_are_numbered_where_they_come_again():
    assert list((SEPARABLE + PLAIN + SEPARABLE).parts) == [
        "depthwise", "pointwise", "part", "depthwise 2", "pointwise 2",
    ]  # fmt: skip
    assert list((PLAIN + PLAIN + PLAIN).parts) == ["part", "part 2", "part 3"]


def test_a_sum_leaves_its_terms_as_they_are_and_of_one_it_is_that():
    before = dict(SEPARABLE.parts)
    assert sum([SEPARABLE]) is SEPARABLE
    assert (SEPARABLE + SEPARABLE).parts is not SEPARABLE.parts
    assert SEPARABLE.parts == before
    assert sum([PLAIN], start=cost.Cost(0, 0, 0, ())) == cost.Cost(
        PLAIN.macs, PLAIN.additions, PLAIN.params, PLAIN.output_shape, {"part": PLAIN}
    )
    assert sum([SEPARABLE], start=cost.Cost(0, 0, 0, ())) == SEPARABLE


def test_equal_costs_have_equal_hashes_and_parts_make_a_difference():
    other = cost.depthwise_separable_conv2d_cost((2, 7, 6, 3), (3, 3, 3), (3, 4))
    assert (other == SEPARABLE, hash(SEPARABLE)) == (True, hash(other))
    assert dataclasses.replace(SEPARABLE, parts={}) != SEPARABLE
    assert len({SEPARABLE, other, PLAIN}) == 2


@pytest.mark.parametrize("other", [1, 0.0, False, None, "1", 2.5])
def test_a_cost_is_added_to_costs_and_to_sums_0_alone(other):
    with pytest.raises(TypeError, match="unsupported operand"):
        PLAIN + other
    with pytest.raises(TypeError, match=r"unsupported operand|can only concatenate str"):
        other + PLAIN

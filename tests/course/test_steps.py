"""The steppers: that walking the steps is the convolution, number for number, at every point on the way."""

import ast
import inspect
import random
import re
from dataclasses import replace
from fractions import Fraction
from functools import cache

import numpy as np
import pytest

import npconv
from npconv import detection
from npconv.checks.cases import convolution_case
from npconv.cost import (
    conv2d_cost,
    cost_ratio,
    count_operations,
    depthwise_conv2d_cost,
    depthwise_separable_conv2d_cost,
    inverted_residual_cost,
    pointwise_conv2d_cost,
)
from npconv.course.steps import KINDS, stepper, steps
from npconv.detection.finding import _found
from npconv.detection.matching import match_unchecked
from npconv.kernels.blocks import block_stages
from npconv.kernels.shuffle import shuffled
from npconv.kernels.standard import channel_maps

SEEDS = range(6)  # with and without an expansion, with and without the shortcut
OPERATIONS = {
    "standard": "conv2d",
    "per-channel": "conv2d",
    "depthwise": "depthwise_conv2d",
    "pointwise": "pointwise_conv2d",
    "separable": "depthwise_separable_conv2d",
    "inverted-residual": "depthwise_conv2d",
    "backward": "conv2d",
    "groups": "conv2d",
    "transposed": "conv2d",  # whose sizes are not used
    "dilated": "conv2d",
    "shuffle": "pointwise_conv2d",
}


@cache
def constructed(kind, seed):
    """What a kind is given: arrays of one image, and a constructed geometry."""
    if kind == "matching":
        return {"truths": 1 + seed, "one_to_one": seed % 2 == 1, "threshold": 0.4, "seed": seed}
    if kind == "suppression":
        return {"boxes": 1 + 2 * seed, "threshold": (0.3, 0.6)[seed % 2], "seed": seed}
    if kind == "resize":
        generator, m = np.random.default_rng(seed), 1 + seed % 2
        x, dy = (generator.integers(-3, 4, (1, *sides, m)) for sides in ((2 + seed // 2, 3), RESIZED[seed]))
        align = ("half_pixel", "corners", "origin")[seed % 3]
        return {"x": x, "dy": dy, "size": RESIZED[seed], "align": align}
    rng = random.Random(seed)
    case = convolution_case(rng.randint, OPERATIONS[kind])
    x, *parameters = case.arrays(seed)
    x = x[:1]
    if kind == "groups":  # both numbers of channels have divisors
        x, m, n = np.repeat(x, 4, axis=3), 4 * x.shape[3], 2 * parameters[0].shape[3]
        kernel = np.random.default_rng(seed).integers(-4, 5, (*parameters[0].shape[:2], m, n)).astype(float)
        return {"x": x, "kernel": kernel, **case.geometry}
    if kind == "transposed":
        generator = np.random.default_rng(seed)
        x, kernel = (generator.integers(-3, 4, shape) for shape in ((1, 3, 4, 1 + seed % 3), (3, 2, 2, 1 + seed % 3)))
        return {"x": x, "kernel": kernel, **ENLARGING[seed]}
    if kind == "shuffle":
        generator, g = np.random.default_rng(seed), 2 + seed % 2
        first, second = (generator.integers(-2, 3, shape) for shape in ((2, 3 * g), (3, 2 * g)))
        return {"x": generator.integers(-3, 4, (1, 2, 3, 2 * g)), "groups": g, "first": first, "second": second}
    if kind == "backward":
        return {"x": x, "kernel": parameters[0], "dy": case.upstream(seed)[:1], **case.geometry}
    if kind == "separable":
        return {"x": x, "depthwise": parameters[0], "pointwise": parameters[1], **case.geometry}
    if kind == "inverted-residual":
        return inverted_arguments(x, parameters[0].shape[:2], case.geometry, seed)
    return {"x": x, "kernel": parameters[0], **case.geometry}


ENLARGING = [  # what transposed convolutions are given
    {"stride": 2},
    {"stride": (2, 3), "padding": 1, "output_padding": (1, 2)},
    {"stride": (1, 2), "padding": "same"},
    {"stride": (3, 1), "padding": ((1, 0), (0, 2))},
    {"stride": 1, "dilation": (2, 1), "padding": (2, 0)},
    {"stride": 2, "dilation": (1, 3), "output_padding": 1},
]

RESIZED = [(4, 5), (5, 2), (1, 4), (7, 4), (3, 8), (2, 1)]  # of 2 to 4 rows and 3 columns: larger, smaller, one


def inverted_arguments(x, sides, geometry, seed):
    """A block with and without expansion, with and without the shortcut."""
    generator, k = np.random.default_rng(seed), x.shape[3]
    wide = k if seed % 3 == 0 else 2 * k + 1
    if seed % 2:  # stride 1 and a padding that keeps the size, for the shortcut
        geometry = {"stride": 1, "padding": "same", "dilation": geometry["dilation"]}
    expand = generator.integers(-2, 3, (k, wide)) if wide > k else None
    depthwise, project = (
        generator.integers(-2, 3, shape) for shape in ((*sides, wide), (wide, k if seed % 2 else k + 1))
    )
    decided = {"expansion": 1} if expand is None else {"expand": expand}
    return {"x": x, "depthwise": depthwise, "project": project, **decided, **geometry}


@cache
def made(kind, seed):
    """The stepper of what is constructed."""
    return stepper(kind, **constructed(kind, seed))


EACH = pytest.mark.parametrize("seed", SEEDS)
EVERY = pytest.mark.parametrize("kind", list(KINDS))


def geometry_of(given):
    return {name: given[name] for name in ("stride", "padding", "dilation") if name in given}


def padded(x, given):
    """x with its zeros around it, by NumPy's own padding."""
    (top, bottom), (left, right) = sides_of_padding(x, given)
    return np.pad(x[0], ((top, bottom), (left, right), (0, 0)))


def sides_of_padding(x, given):
    padding, kernel = given["padding"], given["depthwise" if "depthwise" in given else "kernel"]
    if padding == "valid":
        return (0, 0), (0, 0)
    if padding == "same":
        sides = []
        for d, k, s, δ in zip(x.shape[1:3], kernel.shape, pair(given["stride"]), pair(given["dilation"]), strict=False):
            needed = max((-(-d // s) - 1) * s + δ * (k - 1) + 1 - d, 0)
            sides.append((needed // 2, needed - needed // 2))
        return tuple(sides)
    return tuple(pair(side) for side in pair(padding))


def pair(value):
    return (value, value) if isinstance(value, int) else tuple(value)


def place_read(given, v, w, i, j):
    """The row and column of the padded input under tap (i, j), from the definition."""
    (s, t), (δ, ε) = pair(given["stride"]), pair(given["dilation"])
    return v * s + i * δ, w * t + j * ε


def indices_read(given, kernel, v, w, channels):
    return tuple((*place_read(given, v, w, i, j), m) for i, j in np.ndindex(*kernel.shape[:2]) for m in channels)


def whole_sums(step, state):
    """Every product is that of what the step reads, and their sum is what it writes."""
    (left, left_indices), (right, right_indices) = step.reads.items()
    factors = [(state[left][a], state[right][b]) for a, b in zip(left_indices, right_indices, strict=True)]
    assert [product[:2] for product in step.products] == factors
    assert all(a * b == product for a, b, product in step.products)
    [(panel, written)] = step.writes.items()
    [(index, value)] = written.items()
    assert value == sum(product for *_, product in step.products)
    return panel, index


@EVERY
@EACH
def test_the_state_after_the_last_step_is_what_the_kernels_computed(kind, seed):
    table = made(kind, seed)
    state = table.state(len(table.steps))
    for panel in table.panels:
        assert np.array_equal(state[panel.name], panel.values), panel.name
        assert state[panel.name] is not panel.values


@EVERY
def test_before_the_first_step_a_filled_panel_is_empty_or_zero_and_a_given_one_whole(kind):
    table = made(kind, 4)
    for panel in table.panels:
        start = table.state(0)[panel.name]
        if panel.given:
            assert np.array_equal(start, panel.values)
        elif panel.accumulates:
            assert kind in ("backward", "transposed", "resize")
            assert not start.any()
        elif panel.inside is None:
            assert np.isnan(start).all()
        else:
            top, bottom, left, right = panel.inside
            assert np.isnan(start[top:bottom, left:right]).all()
            assert np.nansum(np.abs(start)) == 0
            assert np.isnan(start).sum() == (bottom - top) * (right - left) * start.shape[2]


@EVERY
@EACH
def test_an_entry_is_read_before_it_is_written_by_no_step(kind, seed):
    table = made(kind, seed)
    for count, step in enumerate(table.steps):
        if count % 7 == 0:
            state = table.state(count)
        for name, indices in step.reads.items():
            assert indices
            assert len(set(indices)) == len(indices)
            assert not np.isnan([state[name][index] for index in indices]).any()
        for name, written in step.writes.items():
            for index, value in written.items():
                state[name][index] = value


@EACH
def test_standard_takes_the_values_of_the_loops_in_their_order(seed):
    given = constructed("standard", seed)
    x, kernel = given["x"], given["kernel"]
    table = made("standard", seed)
    assert np.array_equal(table.panel("x").values, padded(x, given))
    assert np.array_equal(table.panel("kernel").values, kernel)
    y = npconv.conv2d_loops(x, kernel, **geometry_of(given))[0]
    assert np.array_equal(table.panel("y").values, y)
    for step, (v, w, n) in zip(table.steps, np.ndindex(*y.shape), strict=True):
        assert whole_sums(step, table.state(0)) == ("y", (v, w, n))
        assert step.name == f"y[0, {v}, {w}, {n}]"
        assert step.writes["y"][v, w, n] == y[v, w, n]
        assert step.reads["x"] == indices_read(given, kernel, v, w, range(x.shape[3]))
        assert step.reads["kernel"] == tuple((*tap, n) for tap in np.ndindex(*kernel.shape[:3]))


@EACH
def test_standard_counts_itself_and_the_separable_convolution_by_the_same_value(seed):
    given = constructed("standard", seed)
    x, kernel, geometry = given["x"], given["kernel"], geometry_of(given)
    height, width, m, n = kernel.shape
    all_of_it = count_operations(npconv.conv2d_loops, x, kernel, **geometry).multiplications
    factors = np.ones((height, width, m)), np.ones((m, n))
    separable = count_operations(npconv.depthwise_separable_conv2d, x, *factors, **geometry).multiplications
    for count, step in enumerate(made("standard", seed).steps, start=1):
        places = -(-count // n)
        ours, other = step.sides
        assert (ours.name, ours.done, ours.total) == ("standard", count * height * width * m, all_of_it)
        assert (other.name, other.total) == ("depthwise separable", separable)
        assert other.done == places * height * width * m + count * m
    assert (ours.done, other.done) == (all_of_it, separable)


@EACH
def test_per_channel_fills_map_after_map_and_then_the_sums(seed):
    given = constructed("per-channel", seed)
    x, kernel, geometry = given["x"], given["kernel"], geometry_of(given)
    n = seed % kernel.shape[3]
    table = stepper("per-channel", **given, n=n)
    maps = npconv.depthwise_conv2d_loops(x, np.ascontiguousarray(kernel[..., n]), **geometry)[0]
    y = npconv.conv2d_loops(x, kernel, **geometry)[0, ..., n]
    assert np.array_equal(table.panel("maps").values, maps)
    assert np.array_equal(table.panel("y").values, y)
    assert np.array_equal(table.panel("filter").values, kernel[..., n])
    of_maps = [step for step in table.steps if step.stage == "maps"]
    for step, (m, v, w) in zip(of_maps, np.ndindex(maps.shape[2], *maps.shape[:2]), strict=True):
        assert whole_sums(step, table.state(0)) == ("maps", (v, w, m))
        assert step.reads["x"] == indices_read(given, kernel, v, w, [m])
        assert step.reads["filter"] == tuple((i, j, m) for i, j in np.ndindex(*kernel.shape[:2]))
    for step, (v, w) in zip(table.steps[len(of_maps) :], np.ndindex(*y.shape), strict=True):
        assert (step.stage, step.products) == ("sum", ())
        assert step.name == f"y[0, {v}, {w}, {n}]"
        assert step.reads == {"maps": tuple((v, w, m) for m in range(x.shape[3]))}
        assert step.writes == {"y": {(v, w): sum(maps[index] for index in step.reads["maps"])}}


@EACH
def test_per_channel_has_done_a_share_of_the_standard_convolution_and_all_of_a_depthwise_one(seed):
    given = constructed("per-channel", seed)
    x, kernel, geometry = given["x"], given["kernel"], geometry_of(given)
    taps, filters = kernel.shape[0] * kernel.shape[1], kernel.shape[3]
    total = count_operations(npconv.conv2d_per_channel, x, kernel, **geometry).multiplications
    done = 0
    for step in made("per-channel", seed).steps:
        done += taps if step.stage == "maps" else 0
        assert [(side.name, side.done) for side in step.sides] == [("standard", done), ("depthwise", done)]
        assert [side.total for side in step.sides] == [total, total // filters]
    assert done * filters == total
    assert done == depthwise_conv2d_cost(x.shape, kernel.shape[:3], **geometry).macs


@EACH
def test_depthwise_takes_the_values_of_the_loops_in_their_order(seed):
    given = constructed("depthwise", seed)
    x, kernel, geometry = given["x"], given["kernel"], geometry_of(given)
    table = made("depthwise", seed)
    y = npconv.depthwise_conv2d_loops(x, kernel, **geometry)[0]
    assert np.array_equal(table.panel("y").values, y)
    multiplier, taps = kernel.shape[2] // x.shape[3], kernel.shape[0] * kernel.shape[1]
    standard = conv2d_cost(x.shape, (*kernel.shape[:2], x.shape[3], kernel.shape[2]), **geometry).macs
    total = count_operations(npconv.depthwise_conv2d_loops, x, kernel, **geometry).multiplications
    for count, (step, (v, w, c)) in enumerate(zip(table.steps, np.ndindex(*y.shape), strict=True), start=1):
        assert whole_sums(step, table.state(0)) == ("y", (v, w, c))
        assert step.reads["x"] == indices_read(given, kernel, v, w, [c // multiplier])
        assert step.reads["kernel"] == tuple((i, j, c) for i, j in np.ndindex(*kernel.shape[:2]))
        ours, other = step.sides
        assert (ours.name, ours.done, ours.total) == ("depthwise", count * taps, total)
        assert (other.name, other.done, other.total) == ("standard", count * taps * x.shape[3], standard)
    assert (ours.done, other.done) == (total, standard)


@EACH
def test_pointwise_takes_the_values_of_the_loops_in_their_order(seed):
    given = constructed("pointwise", seed)
    x, kernel = given["x"], given["kernel"]
    table = made("pointwise", seed)
    m = x.shape[3]
    y = npconv.pointwise_conv2d_loops(x, kernel)[0]
    assert np.array_equal(table.panel("y").values, y)
    for count, (step, (v, w, n)) in enumerate(zip(table.steps, np.ndindex(*y.shape), strict=True), start=1):
        assert whole_sums(step, table.state(0)) == ("y", (v, w, n))
        assert step.reads == {"x": tuple((v, w, c) for c in range(m)), "kernel": tuple((c, n) for c in range(m))}
        assert [side.done for side in step.sides] == [count * m, count * 9 * m]
        assert [side.name for side in step.sides] == ["pointwise", "standard, 3×3"]
        assert step.sides[0].total == pointwise_conv2d_cost(x.shape, kernel.shape).macs
        assert step.sides[1].total == conv2d_cost(x.shape, (3, 3, *kernel.shape), padding="same").macs


@EACH
def test_separable_fills_the_filtered_maps_and_then_the_output_of_the_factored_kernel(seed):
    given = constructed("separable", seed)
    x, depthwise, pointwise = (given[name] for name in ("x", "depthwise", "pointwise"))
    geometry, multiplier = geometry_of(given), depthwise.shape[2] // x.shape[3]
    table = made("separable", seed)
    filtered = npconv.depthwise_conv2d_loops(x, depthwise, **geometry)[0]
    kernel = npconv.factored_kernel(depthwise, pointwise, depth_multiplier=multiplier)
    y = npconv.conv2d_loops(x, kernel, **geometry)[0]
    assert np.array_equal(table.panel("filtered").values, filtered)
    assert np.array_equal(table.panel("y").values, y)
    written = [*(("depthwise", at) for at in np.ndindex(*filtered.shape))]
    written += [("pointwise", at) for at in np.ndindex(*y.shape)]
    taps, state = depthwise.shape[0] * depthwise.shape[1], table.state(len(table.steps))
    done = paid = 0
    for step, (stage, at) in zip(table.steps, written, strict=True):
        assert step.stage == stage
        assert whole_sums(step, state) == ("filtered" if stage == "depthwise" else "y", at)
        if stage == "depthwise":
            assert step.reads["x"] == indices_read(given, depthwise, *at[:2], [at[2] // multiplier])
        else:
            assert step.reads["filtered"] == tuple((*at[:2], c) for c in range(filtered.shape[2]))
        done += taps if stage == "depthwise" else depthwise.shape[2]
        paid += 0 if stage == "depthwise" else taps * x.shape[3]
        assert [(side.name, side.done) for side in step.sides] == [("depthwise separable", done), ("standard", paid)]
    cost = depthwise_separable_conv2d_cost(x.shape, depthwise.shape, pointwise.shape, **geometry)
    assert (step.sides[0].total, done) == (cost.macs, cost.macs)
    assert paid == step.sides[1].total == count_operations(npconv.conv2d, x, kernel, **geometry).multiplications


def test_the_ratio_of_separable_has_its_depth_multiplier():
    last = stepper("separable", depth_multiplier=2).steps[-1]
    ratio = cost_ratio(3, 4, depth_multiplier=2)
    assert last.sentence.endswith(f", {ratio} of them")
    assert ratio == Fraction(last.sides[0].total, last.sides[1].total)


def test_the_last_step_of_separable_says_the_ratio_of_the_cost_formulas():
    last = stepper("separable").steps[-1].sentence
    assert last.endswith("; in all 468 multiplications instead of 1,296, 13/36 of them")  # 1/4 + 1/9
    assert not any("in all" in step.sentence for step in stepper("separable").steps[:-1])


@EACH
def test_an_inverted_residual_goes_through_its_stages_one_after_the_other(seed):
    given = constructed("inverted-residual", seed)
    x, expand, depthwise, project = (
        None if name not in given else given[name].astype(float) for name in ("x", "expand", "depthwise", "project")
    )
    geometry = geometry_of(given)
    table = made("inverted-residual", seed)
    stages = npconv.inverted_residual_stages(x, expand, depthwise, project, **geometry)
    shortcut = seed % 2 == 1
    expected = {"filtered": stages.depthwise[0], "filtered_relu6": stages.depthwise_relu6[0]}
    expected["projected"] = stages.projected[0]
    if expand is not None:
        expected = {
            "expanded": stages.expanded[0],
            "expanded_relu6": padded(stages.expanded_relu6, given),
            **expected,
        }
    if shortcut:
        expected["output"] = stages.output[0]
    filled = [panel for panel in table.panels if not panel.given]
    assert [panel.name for panel in filled] == list(expected)
    for panel in filled:
        assert np.array_equal(panel.values, expected[panel.name]), panel.name
    names = ["depthwise", "ReLU6 after depthwise", "project", *["shortcut"] * shortcut]
    names = [*["expand", "ReLU6 after expand"] * (expand is not None), *names]
    assert list(dict.fromkeys(step.stage for step in table.steps)) == names
    last = table.state(len(table.steps))
    for step in table.steps:
        if step.stage in ("expand", "depthwise", "project"):
            whole_sums(step, last)
        if step.stage == "depthwise":
            [(row, column, channel)] = step.writes["filtered"]
            assert step.reads["x" if expand is None else "expanded_relu6"] == indices_read(
                given, depthwise, row, column, [channel]
            )
        if step.stage.startswith("ReLU6"):
            [(source, read)], [written] = step.reads.items(), step.writes.values()
            assert [min(max(last[source][index], 0), 6) for index in read] == list(written.values())
            assert len(read) == last[source].shape[2]
        if step.stage == "shortcut":
            sums = [last["projected"][a] + last["x"][b] for a, b in zip(*step.reads.values(), strict=True)]
            assert sums == list(step.writes["output"].values())


@EACH
def test_an_inverted_residual_counts_itself_and_the_block_with_a_standard_convolution(seed):
    given = constructed("inverted-residual", seed)
    x, expand, depthwise, project = (
        None if name not in given else given[name].astype(float) for name in ("x", "expand", "depthwise", "project")
    )
    geometry = geometry_of(given)
    counted = count_operations(npconv.inverted_residual, x, expand, depthwise, project, **geometry).multiplications
    shapes = [None if a is None else a.shape for a in (x, expand, depthwise, project)]
    parts = inverted_residual_cost(*shapes, **geometry).parts
    taken = list(made("inverted-residual", seed).steps)
    done = paid = 0
    for step in taken:
        done += len(step.products)
        paid += len(step.products) * (depthwise.shape[2] if step.stage == "depthwise" else 1)
        assert [side.done for side in step.sides] == [done, paid]
        assert [side.name for side in step.sides] == ["inverted residual", "standard in the middle"]
        assert step.sides[0].total == counted
        assert step.sides[1].total == counted + (depthwise.shape[2] - 1) * parts["depthwise"].macs
    assert (done, paid) == tuple(side.total for side in step.sides)


def test_relu6_says_what_it_clips_at_both_ends():
    sentences = [step.sentence for step in steps("inverted-residual") if step.stage.startswith("ReLU6")]
    assert any(" to 6" in sentence for sentence in sentences)
    assert any(" to 0" in sentence for sentence in sentences)
    x = np.array([[[2, -3, 1]]])
    first = next(
        step
        for step in steps("inverted-residual", x=x, expand=np.diag([4, 1, 5]), out_channels=2)
        if step.stage == "ReLU6 after expand"
    )
    assert first.sentence == "ReLU6 clips 8 to 6 and −3 to 0 and lets 5 pass at row 0, column 0"


@EACH
def test_backward_has_sent_back_after_every_step_what_the_loops_would_of_the_same_dy(seed):
    given = constructed("backward", seed)
    dy, x, kernel, geometry = given["dy"], given["x"], given["kernel"], geometry_of(given)
    table = made("backward", seed)
    whole_dx, whole_dkernel = npconv.conv2d_backward(dy, x, kernel, **geometry)
    assert np.array_equal(table.panel("dx").values, whole_dx[0])
    assert np.array_equal(table.panel("dkernel").values, whole_dkernel)
    assert np.array_equal(table.panel("dy").values, dy[0])
    sent = np.zeros_like(dy)
    assert len(table.steps) == dy.size
    for count, at in enumerate(np.ndindex(*dy.shape[1:]), start=1):
        sent[(0, *at)] = dy[(0, *at)]
        if count % 5 and count < len(table.steps):
            continue
        dx, dkernel = npconv.conv2d_backward_loops(sent, x, kernel, **geometry)
        state = table.state(count)
        assert np.array_equal(state["dx"], dx[0])
        assert np.array_equal(state["dkernel"], dkernel)


@EACH
def test_each_step_of_backward_adds_its_products_and_drops_those_that_fall_on_padding(seed):
    given = constructed("backward", seed)
    dy, x, kernel = given["dy"], given["x"], given["kernel"]
    table = made("backward", seed)
    (top, _), (left, _) = sides_of_padding(x, given)
    state = table.state(0)
    for step, (v, w, n) in zip(table.steps, np.ndindex(*dy.shape[1:]), strict=True):
        assert step.reads["dy"] == ((v, w, n),)
        assert step.reads["x"] == indices_read(given, kernel, v, w, range(x.shape[3]))
        assert step.reads["kernel"] == tuple((*tap, n) for tap in np.ndindex(*kernel.shape[:3]))
        to_dx, to_dkernel = step.products[::2], step.products[1::2]
        assert [product[:2] for product in to_dx] == [(dy[0, v, w, n], kernel[tap]) for tap in step.reads["kernel"]]
        seen = padded(x, given)
        assert [product[:2] for product in to_dkernel] == [(dy[0, v, w, n], seen[place]) for place in step.reads["x"]]
        assert all(a * b == product for a, b, product in step.products)
        kept = {}
        for (row, column, m), (*_, product) in zip(step.reads["x"], to_dx, strict=True):
            if 0 <= row - top < x.shape[1] and 0 <= column - left < x.shape[2]:
                kept[row - top, column - left, m] = product
        changed = {index: value - state["dx"][index] for index, value in step.writes["dx"].items()}
        assert changed == kept
        changed = [value - state["dkernel"][index] for index, value in step.writes["dkernel"].items()]
        assert tuple(step.writes["dkernel"]) == step.reads["kernel"]
        assert changed == [product for *_, product in to_dkernel]
        for name, written in step.writes.items():
            for index, value in written.items():
                state[name][index] = value
        dropped = len(to_dx) - len(kept)
        said = f"{dropped} of the {len(to_dx)} products for dx fall on padding and are dropped"
        assert (said in step.sentence) == (dropped > 0)
        assert ("dropped" in step.sentence) == (dropped > 0)


@EACH
def test_backward_costs_twice_what_forward_does(seed):
    given = constructed("backward", seed)
    dy, x, kernel, geometry = given["dy"], given["x"], given["kernel"], geometry_of(given)
    forward = count_operations(npconv.conv2d_loops, x, kernel, **geometry).multiplications
    both = count_operations(npconv.conv2d_backward_loops, dy, x, kernel, **geometry).multiplications
    done = 0
    for step in made("backward", seed).steps:
        done += len(step.products)
        ours, other = step.sides
        assert (ours.name, 2 * ours.done, ours.total) == ("forward", done, forward)
        assert (other.name, other.done, other.total) == ("backward", done, both)
    assert done == both


@EACH
def test_each_number_of_groups_is_the_standard_convolution_with_weights_dropped(seed):
    given = constructed("groups", seed)
    x, kernel, geometry = given["x"], given["kernel"], geometry_of(given)
    m, n = kernel.shape[2:]
    table = made("groups", seed)
    both = [g for g in range(1, m + 1) if m % g == 0 and n % g == 0]
    assert [step.name for step in table.steps] == [f"groups = {g}" for g in both]
    separable = depthwise_separable_conv2d_cost(x.shape, kernel.shape[:3], (m, n), **geometry).macs
    for count, (g, step) in enumerate(zip(both, table.steps, strict=True), start=1):
        same = np.arange(m)[:, None] // (m // g) == np.arange(n) // (n // g)
        y = npconv.conv2d(x, kernel * same, **geometry)[0]
        state = table.state(count)
        assert np.array_equal(state["links"], same)
        assert np.array_equal(state["y"], y)
        place = (y.shape[0] // 2, y.shape[1] // 2, 0)
        assert sum(product for *_, product in step.products) == y[place]
        assert step.reads["x"] == indices_read(given, kernel, *place[:2], range(m // g))
        for read, weight, product in zip(*step.reads.values(), step.products, strict=True):
            assert product == (padded(x, given)[read], kernel[(*weight, 0)], product[0] * product[1])
        macs = y.shape[0] * y.shape[1] * kernel.shape[0] * kernel.shape[1] * m * n // g
        params = kernel.shape[0] * kernel.shape[1] * m * n // g
        assert [(side.name, side.done, side.total) for side in step.sides] == [
            ("grouped", macs, macs),
            ("standard", table.steps[0].sides[0].done, table.steps[0].sides[0].total),
            ("depthwise separable", separable, separable),
        ]
        assert f"reads {m // g} of {m} input channels, with {macs:,} multiplications and {params:,} param" in str(step)


def test_with_as_many_groups_as_channels_it_is_the_depthwise_convolution():
    rng = np.random.default_rng(3)
    x, kernel = rng.integers(-3, 4, (1, 5, 4, 3)), rng.integers(-2, 3, (2, 3, 3, 6))
    table = stepper("groups", x=x, kernel=kernel, stride=(1, 2), padding=((1, 0), (0, 2)))
    diagonal = np.stack([kernel[:, :, c // 2, c] for c in range(6)], axis=-1)
    y = npconv.depthwise_conv2d(x, diagonal, stride=(1, 2), padding=((1, 0), (0, 2)))
    assert np.array_equal(table.panel("y").values, y[0])
    assert "3 groups, the depthwise convolution with depth multiplier 2: " in str(table.steps[-1])
    assert table.title == "From standard through groups to depthwise"
    assert "in 1 and 3 groups; " in table.summary
    counted = count_operations(npconv.depthwise_conv2d, x, diagonal, stride=(1, 2), padding=((1, 0), (0, 2)))
    assert table.steps[-1].sides[0].done == counted.multiplications


def test_groups_that_end_before_depthwise_say_so():
    table = stepper("groups", x=(4, 5, 6), out_channels=4)
    assert [step.name for step in table.steps] == ["groups = 1", "groups = 2"]
    assert table.title == "From standard to 2 groups"
    assert "in 1 and 2 groups, which ends before depthwise, as N = 4 is no multiple of M = 6; " in table.summary
    assert not any("the depthwise convolution" in step.sentence for step in table.steps)


def test_a_step_of_groups_writes_the_links_that_it_changes():
    before = np.zeros((6, 12), int)
    for step in steps("groups", x=(3, 4, 6), out_channels=12):
        after = before.copy()
        for index, link in step.writes["links"].items():
            assert after[index] != link
            after[index] = link
        before = after
    assert np.array_equal(before, np.arange(6)[:, None] == np.arange(12) // 2)


@EACH
def test_transposed_has_added_after_every_step_what_the_loops_would_of_the_same_x(seed):
    given = constructed("transposed", seed)
    x, kernel = given["x"], given["kernel"]
    geometry = {name: value for name, value in given.items() if name not in ("x", "kernel")}
    table = made("transposed", seed)
    y = npconv.transposed_conv2d(x, kernel, **geometry)[0]
    assert np.array_equal(table.panel("y").values, y)
    ones = np.ones((1, *x.shape[1:3], 1)), np.ones((*kernel.shape[:2], 1, 1))
    reached = npconv.transposed_conv2d(*ones, **geometry)[0, :, :, 0]
    assert np.array_equal(table.panel("reached").values, reached)
    sent, macs = np.zeros_like(x), kernel[..., 0].size
    for count, (step, at) in enumerate(zip(table.steps, np.ndindex(*x.shape[1:]), strict=True), start=1):
        sent[(0, *at)] = x[(0, *at)]
        assert step.reads == {"x": (at,), "kernel": tuple((*tap, at[2]) for tap in np.ndindex(*kernel.shape[:3]))}
        assert [product[:2] for product in step.products] == [(x[0][at], kernel[k]) for k in step.reads["kernel"]]
        assert all(a * b == product for a, b, product in step.products)
        assert step.sides[0].done == count * macs
        dropped = macs - len(step.writes["y"])
        assert (f"{dropped} of the {macs} product" in step.sentence) == (dropped > 0) == ("cropped" in step.sentence)
        if count % 11 == 0 or count == len(table.steps):
            state, so_far = table.state(count), npconv.transposed_conv2d_loops(sent, kernel, **geometry)[0]
            assert np.array_equal(state["y"], so_far)
            assert state["reached"].max() == reached.max() or count < len(table.steps)
    counted = count_operations(npconv.transposed_conv2d_loops, x, kernel, **geometry).multiplications
    assert step.sides[0].total == step.sides[0].done == counted


def test_the_default_transposed_convolution_makes_a_checkerboard():
    table = stepper("transposed")
    rows, columns = (npconv.overlap_counts(3, 2, size) for size in table.panel("reached").values.shape)
    assert np.array_equal(table.panel("reached").values, np.outer(rows, columns))
    assert table.steps[-2].sentence.endswith("; 5 places had been reached before")
    ours, other = table.steps[-1].sides
    assert (ours.total, other.total) == (12 * 9 * 2, 7 * 9 * 9 * 2)  # a product at each output for every tap
    assert (other.done, other.name) == (other.total, "with zeros between")
    cropped = stepper("transposed", padding="same")
    assert cropped.summary.endswith("; stride 2, padding 'same', 1 row and 1 column cropped, dilation 1.")
    longer = stepper("transposed", padding=1, output_padding=(1, 0))
    assert longer.summary.endswith("; stride 2, padding, 2 rows and 2 columns cropped, dilation 1, output padding 1×0.")


@EACH
def test_dilated_reads_the_taps_and_nothing_between_them(seed):
    given = constructed("dilated", seed)
    x, kernel, geometry = given["x"], given["kernel"], geometry_of(given)
    table, (down, across) = made("dilated", seed), pair(given["dilation"])
    spread = table.panel("spread")
    assert np.array_equal(spread.values[::down, ::across], kernel)
    gaps = np.array([[spread.is_empty(i, j) for j in range(spread.values.shape[1])] for i in range(len(spread.values))])
    assert not gaps[::down, ::across].any()
    assert (~gaps).sum() == kernel[..., 0, 0].size
    assert not spread.values[gaps].any()
    y = npconv.conv2d_loops(x, kernel, **geometry)[0]
    assert np.array_equal(table.panel("y").values, y)
    narrow = {name: value for name, value in geometry.items() if name != "dilation"}
    whole = conv2d_cost(x.shape, spread.values.shape, **narrow).macs
    for count, (step, (v, w, n)) in enumerate(zip(table.steps, np.ndindex(*y.shape), strict=True), start=1):
        assert whole_sums(step, table.state(0)) == ("y", (v, w, n))
        assert step.reads["x"] == indices_read(given, kernel, v, w, range(x.shape[3]))
        assert not any(gaps[i, j] for i, j, *_ in step.reads["spread"])
        ours, other = step.sides
        assert (ours.done, other.done) == (count * kernel[..., 0].size, count * spread.values[..., 0].size)
        assert other.total == whole
    assert ours.done == ours.total == count_operations(npconv.conv2d_loops, x, kernel, **geometry).multiplications
    assert other.done == whole


@EACH
def test_shuffle_mixes_in_groups_deals_the_channels_out_and_mixes_again(seed):
    given = constructed("shuffle", seed)
    x, first, second, g = (given[name] for name in ("x", "first", "second", "groups"))
    table = made("shuffle", seed)
    shuffled = npconv.shuffled_grouped_conv2d(x, first[None, None], groups=g)[0]
    y = npconv.grouped_conv2d(shuffled[None], second[None, None], groups=g)[0]
    assert np.array_equal(table.panel("shuffled").values, shuffled)
    assert np.array_equal(table.panel("y").values, y)
    state, at = table.state(len(table.steps)), {}
    for step in table.steps:
        at.setdefault(step.stage, []).append(step)
        if step.stage == "shuffle":
            [(source, read)], [(into, written)] = step.reads.items(), step.writes.items()
            assert (source, into) == ("filtered", "shuffled")
            assert [state["filtered"][index] for index in read] == list(written.values())
            assert [channel // 3 for *_, channel in read] == list(range(g)) * 3  # from each group in turn
        else:
            without = {name: written for name, written in step.writes.items() if name != "links"}
            whole_sums(replace(step, writes=without), state)
            (_, read), (_, weights) = step.reads.items()
            (written,) = without.values()
            [(*place, n)] = written
            assert {tuple(index[:2]) for index in read} == {tuple(place)}
            share, filters = table.panel("first" if step.stage == "first groups" else "second").values.shape
            assert [index[2] for index in read] == [n // (filters // g) * share + m for m in range(share)]
            assert weights == tuple((m, n) for m in range(share))
    assert {stage: len(steps) for stage, steps in at.items()} == {
        "first groups": 6 * 3 * g, "shuffle": 6, "second groups": 6 * 2 * g
    }  # fmt: skip
    assert [side.done for side in step.sides] == [side.total for side in step.sides] == [6 * 12 * g, 6 * 12 * g * g]


def test_with_a_shuffle_an_output_depends_on_channels_of_all_groups():
    links = stepper("shuffle", x=(1, 1, 9), groups=3).panel("links").values
    assert links.all()
    few = stepper("shuffle", x=(1, 1, 6), groups=3).panel("links").values
    assert (few.sum(axis=0) == 4).all()  # a group of two channels reads from two groups
    alone = stepper("shuffle", x=(1, 1, 4), groups=4).panel("links").values
    assert np.array_equal(alone, np.eye(4))


def test_real_numbers_are_added_in_the_order_of_the_transposed_loops():
    rng = np.random.default_rng(0)
    table = stepper("transposed", x=rng.normal(size=(3, 4, 3)), kernel=rng.normal(size=(3, 2, 2, 3)), padding=1)
    assert np.array_equal(table.state(len(table.steps))["y"], table.panel("y").values)


def interpolation(n, o, align):
    """The weights of n rows in each of o rows, from the definition: those within one row of the place."""
    matrix = []
    for i in range(o):
        place = {
            "half_pixel": Fraction(2 * i + 1, 2) * n / o - Fraction(1, 2),
            "corners": Fraction(i * (n - 1), max(o - 1, 1)),
            "origin": Fraction(i * n, o),
        }[align]
        place = min(max(place, 0), n - 1)
        matrix.append([max(1 - abs(place - k), Fraction(0)) for k in range(n)])
    return matrix


@EACH
def test_resize_takes_each_output_from_its_rows_and_columns_and_sends_dy_back_to_them(seed):
    given, table = constructed("resize", seed), made("resize", seed)
    x, dy, size, align = given["x"][0], given["dy"][0], given["size"], given["align"]
    a, b = (interpolation(n, o, align) for n, o in zip(x.shape, size, strict=False))
    assert np.array_equal(table.panel("rows").values, np.array(a, float))
    assert np.array_equal(table.panel("columns").values, np.array(b, float))
    y = npconv.resize_bilinear(x[None].astype(float), size, align=align)[0]
    np.testing.assert_allclose(table.panel("y").values, y, rtol=1e-12, atol=1e-12)
    sent, outputs = np.zeros(dy.shape), list(np.ndindex(*dy.shape))
    walk = iter(table.steps)
    for (v, w, m), step in zip(outputs, walk, strict=False):
        places = [(i, j, m) for i in range(x.shape[0]) for j in range(x.shape[1]) if a[v][i] * b[w][j]]
        products = tuple((a[v][i] * b[w][j], x[i, j, m], a[v][i] * b[w][j] * int(x[i, j, m])) for i, j, _ in places)
        assert 1 <= len(places) <= 4
        assert (step.name, step.stage, step.reads["x"]) == (f"y[0, {v}, {w}, {m}]", "forward", tuple(places))
        assert step.reads["rows"] == tuple((v, i) for i in dict.fromkeys(i for i, *_ in places))
        assert step.reads["columns"] == tuple((w, j) for j in dict.fromkeys(j for _, j, _ in places))
        assert step.products == products
        assert step.writes == {"y": {(v, w, m): float(sum(product for *_, product in products))}}
        if (v, w, m) == outputs[-1]:
            break
    for count, (at, step) in enumerate(zip(outputs, walk, strict=False), len(outputs) + 1):
        sent[at] = dy[at]
        (v, w, m) = at
        met = [(i, j, m) for i in range(x.shape[0]) for j in range(x.shape[1]) if a[v][i] * b[w][j]]
        assert (step.stage, step.reads["dy"], list(step.writes["dx"])) == ("backward", (at,), met)
        assert [product[:2] for product in step.products] == [(a[v][i] * b[w][j], dy[at]) for i, j, _ in met]
        if count % 5 == 0 or count == 2 * len(outputs):
            dx = npconv.resize_bilinear_backward(sent[None], x[None], size, align=align)[0]
            np.testing.assert_allclose(table.state(count)["dx"], dx, rtol=1e-12, atol=1e-12)
        if at == outputs[-1]:
            break
    first, second = walk
    assert first.reads.keys() == {"y", "dy"}
    assert second.reads.keys() == {"x", "dx"}
    assert first.writes["sums"][0, 0] == second.writes["sums"][0, 1] == pytest.approx((y * dy).sum())
    assert [(side.name, side.done) for side in second.sides] == [
        (name, sum(len(step.products) for step in table.steps if step.stage == name))
        for name in ("forward", "backward")
    ]
    assert all(side.done == side.total for side in second.sides)


def test_the_default_resize_has_the_weights_of_half_pixels():
    table = stepper("resize")
    rows = [[1, 0], [Fraction(3, 4), Fraction(1, 4)], [Fraction(1, 4), Fraction(3, 4)], [0, 1]]
    assert table.panel("rows").values.tolist() == rows
    assert "row i of y lies at row (i + ½)·2/4 − ½ of x, column j at column (j + ½)·3/5 − ½," in table.summary
    assert "at row i·1/3 of x, column j at column j·2/4," in stepper("resize", align="corners").summary
    assert "at row i·2/4 of x, column j at column j·3/5," in stepper("resize", align="origin").summary
    x = np.array([[1, 2, 4], [3, 5, 9]])[..., None]
    step = stepper("resize", x=x, size=(4, 5)).steps[6]
    assert str(step) == (
        "In y[0, 1, 1, 0] rows 0 and 1 weigh 3/4 and 1/4 and columns 0 and 1 weigh 3/5 and 2/5: "
        "9/20·1 + 3/10·2 + 3/20·3 + 1/10·5 = 2"
    )
    back = stepper("resize", x=x, size=(4, 5), dy=np.arange(20).reshape(4, 5, 1))
    np.testing.assert_allclose(back.panel("dx").values[..., 0], [[11.2, 18.45, 21.6], [39.2, 49.95, 49.6]])
    assert str(back.steps[26]) == (
        "dy[0, 1, 1, 0] = 6 goes back with the weights of forward: dx[0, 0, 0, 0] becomes 7.05, dx[0, 0, 1, 0] 5.40, "
        "dx[0, 1, 0, 0] 2.15 and dx[0, 1, 1, 0] 0.60"
    )
    last = str(back.steps[-1])
    assert last.endswith(", and so is that of y·dy: backward is the adjoint of forward")


# boxes


@EACH
def test_matching_takes_the_anchors_and_then_the_truths_and_ends_as_match_boxes(seed):
    given, table = constructed("matching", seed), made("matching", seed)
    truths, anchors = table.panel("truths").values, table.panel("anchors").values
    overlaps = detection.iou(truths, anchors)
    assert np.array_equal(table.panel("overlaps").values, overlaps)
    options = {name: given[name] for name in ("threshold", "one_to_one")}
    assert table.panel("matched").values[0].tolist() == detection.match_boxes(overlaps, **options).tolist()
    of_anchors = [step for step in table.steps if step.stage == "default boxes"]
    for a, step in enumerate(of_anchors):
        column = overlaps[:, a]
        assert step.writes["overlaps"] == {(t, a): column[t] for t in range(len(truths))}
        best = int(column.argmax())
        assert step.writes["matched"] == {(0, a): best if column[best] >= 0.4 else -1}
        assert [quotient for *_, quotient in step.products] == column.tolist()
        assert all(np.isclose(inside / union, share) for inside, union, share in step.products)
    forced = table.steps[len(of_anchors) :]
    assert len(of_anchors) == len(anchors)
    assert sorted(t for step in forced for t in step.writes["matched"].values()) == list(range(len(truths)))
    assert [side.done for side in table.steps[-1].sides] == [
        (table.panel("matched").values >= 0).sum(),
        len(set(table.panel("matched").values[0].tolist()) - {-1}),
    ]


def test_a_truth_is_lost_where_two_share_their_best_anchor_and_not_one_to_one():
    truths = np.array([[0, 0, 10, 10], [0, 0, 12, 12]])
    table = stepper("matching", truths=truths)
    assert "1 truth is lost" in table.summary
    assert table.steps[-1].sentence.endswith("; truth 0 loses it, and has no default box left")
    table = stepper("matching", truths=truths, one_to_one=True)
    assert "lost" not in table.summary
    assert {0, 1} <= set(table.panel("matched").values[0].tolist())


@EACH
def test_suppression_keeps_the_best_that_is_left_and_drops_what_overlaps_it(seed):
    given, table = constructed("suppression", seed), made("suppression", seed)
    boxes, scores = table.panel("boxes").values, table.panel("scores").values[0]
    overlaps = detection.iou(boxes, boxes)
    kept = detection.non_maximum_suppression(boxes, scores, threshold=given["threshold"]).tolist()
    left, computed = set(range(len(boxes))), 0
    for place, (step, best) in enumerate(zip(table.steps, kept, strict=True)):
        left.remove(best)
        rest = sorted(left)
        gone = [other for other in rest if overlaps[best, other] > given["threshold"]]
        assert step.writes == {"kept": {(0, best): place, **{(0, other): -1 for other in gone}}}
        assert [quotient for *_, quotient in step.products] == overlaps[best, rest].tolist()
        assert step.reads.get("overlaps", ()) == tuple((best, other) for other in rest)
        computed, left = computed + len(rest), left - set(gone)
        assert step.sides[0].done == computed
    assert not left
    assert step.sides[0].total == computed
    assert step.sides[1].total == len(boxes) * (len(boxes) - 1) // 2


# the rules behind the numbers


def replayed(table):
    """The entries that the rules of each step make from the given panels alone, as exact fractions."""
    state = {
        panel.name: np.vectorize(exactly, otypes=[object])(panel.start(), panel.fractions) for panel in table.panels
    }
    for step in table.steps:
        for name in {terms.into[0] for terms in step.terms}:
            if not table.panel(name).accumulates:
                for index in step.writes[name]:
                    state[name][index] = Fraction(0)
        made = {name: {} for name in step.writes}
        for terms in step.terms:
            name, into = terms.into
            for k in range(max(len(indices) for _, indices in (terms.into, *terms.factors))):
                index = into[k % len(into)]
                if index is not None:
                    factors = [state[panel][indices[k % len(indices)]] for panel, indices in terms.factors]
                    state[name][index] += Fraction(np.prod(factors))
                    made[name][index] = state[name][index]
            if terms.function == "relu6":
                made[name] = {index: min(max(value, 0), 6) for index, value in made[name].items()}
            for index, value in made[name].items():
                state[name][index] = value
        yield step, made
        for name, written in step.writes.items():
            for index in written.keys() - made[name].keys():
                state[name][index] = exactly(written[index])


def exactly(number, is_share=False):
    return Fraction(0) if np.isnan(number) else Fraction(float(number)).limit_denominator(48 if is_share else 10**9)


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not stepper(kind).fixed])
@EACH
def test_the_rules_of_the_steps_make_every_number_from_the_given_ones(kind, seed):
    table, constant = made(kind, seed), {"groups": {"links", "y"}, "shuffle": {"links"}}.get(kind, set())
    for step, entries in replayed(table):
        for name, written in step.writes.items():
            assert entries[name].keys() == written.keys() or name in constant, name
            assert all(float(value) == written[index] for index, value in entries[name].items())
        added_to = [terms.into[0] for terms in step.terms if len(terms.factors) > 1]
        assert added_to == list(step.sums) or (not step.sums and len(added_to) == bool(step.products))


@EVERY
def test_a_sentence_says_where_its_numbers_come_from_unless_they_are_fixed(kind):
    table = stepper(kind)
    assert all(bool(step.template) == bool(step.terms) == (not table.fixed) for step in table.steps)
    for step in table.steps if not table.fixed else ():
        places = r"; in all .*|\{.*?\}|\w+\[[\d:, ]*\]|(row|column) \d+|\d+ (of|places?|values?|products?|channels?)"
        text = re.sub(places, "", step.template)
        if kind not in ("groups", "resize", "shuffle"):  # which count channels, and say weights and an order
            assert not re.search(r"\d", text.replace("ReLU6", "")), step.template


CODE = {  # the functions in whose source the panels of a kind have their names
    "standard": (npconv.conv2d_loops,),
    "per-channel": (npconv.conv2d_per_channel, npconv.per_channel_maps, channel_maps),
    "depthwise": (npconv.depthwise_conv2d_loops,),
    "pointwise": (npconv.pointwise_conv2d_loops,),
    "separable": (npconv.depthwise_separable_conv2d, npconv.conv2d_loops),
    "inverted-residual": (npconv.inverted_residual, block_stages),
    "backward": (npconv.conv2d_backward_loops, npconv.inverted_residual_backward),
    "groups": (npconv.conv2d_loops,),
    "transposed": (npconv.transposed_conv2d_loops, npconv.conv2d_loops),
    "dilated": (npconv.conv2d_loops,),
    "shuffle": (npconv.conv2d_loops, npconv.depthwise_separable_conv2d, npconv.channel_shuffle, shuffled),
    "resize": (npconv.resize_bilinear, npconv.resize_bilinear_backward),
    "matching": (detection.match_boxes, match_unchecked, detection.encode_boxes),
    "suppression": (detection.non_maximum_suppression, _found),
}
OWN = {  # panels that no kernel has: what a page counts or compares, or one of two kernels of the same name
    "groups": {"links"},
    "transposed": {"reached"},
    "dilated": {"spread"},
    "shuffle": {"first", "second", "links"},
    "resize": {"sums"},
    "suppression": {"overlaps"},
}


@EVERY
def test_a_panel_has_the_name_of_the_array_in_the_kernels_source(kind):
    trees = [ast.walk(ast.parse(inspect.getsource(function))) for function in CODE[kind]]
    nodes = [node for tree in trees for node in tree]
    names = {node.id for node in nodes if isinstance(node, ast.Name)}
    names |= {node.arg for node in nodes if isinstance(node, ast.arg)}
    panels = {panel.name for panel in stepper(kind).panels}
    assert panels - names <= OWN.get(kind, set()) <= panels

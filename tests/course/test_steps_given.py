"""The steppers: what they are given, what they say, and what they refuse."""

import inspect
import subprocess
import sys

import numpy as np
import pytest

from npconv.course.steps import KINDS, stepper, steps

EVERY = pytest.mark.parametrize("kind", list(KINDS))


def test_sentences_are_whole_and_have_true_minus_signs():
    x, kernel = np.array([[[1], [-2]]]), np.array([[[[3]], [[-1]]]])
    [step] = steps("standard", x=x, kernel=kernel)
    assert str(step) == "y[0, 0, 0, 0] = 1·3 + (−2)·(−1) = 5"
    assert step.products == ((1, 3, 3), (-2, -1, 2))
    [step] = steps("standard", x=x / 2, kernel=-kernel)
    assert str(step) == "y[0, 0, 0, 0] = 0.50·(−3) + (−1)·1 = −2.50"
    long = next(steps("standard"))
    assert str(long) == "y[0, 0, 0, 0] = 2·(−1) + 1·1 + 0·0 + … (27 products) = −5"
    assert len(long.products) == 27
    [first, *_] = steps("backward", x=x, kernel=kernel, dy=np.array([[[-2]]]), padding=((0, 0), (1, 0)), stride=9)
    assert str(first) == (
        "dy[0, 0, 0, 0] = −2 goes back: (−2)·kernel[:, :, :, 0] is added to its patch of dx, (−2)·patch to "
        "dkernel[:, :, :, 0]; dx[0, 0, 0, 0] becomes 2; dkernel[0, 0, 0, 0] becomes 0; "
        "1 of the 2 products for dx fall on padding and are dropped"
    )
    *_, last = steps("per-channel", x=(1, 1, 2), kernel=np.array([[[[2], [-1]]]]), seed=2)
    a, b = (value for value in last.reads["maps"])
    assert (a, b) == ((0, 0, 0), (0, 0, 1))
    assert last.sentence.startswith("y[0, 0, 0, 0] = ")
    assert last.sentence.endswith(", the sum over 2 channels")


def test_real_numbers_stay_real_and_sum_to_the_kernels():
    rng = np.random.default_rng(0)
    x, kernel = rng.normal(size=(1, 4, 5, 2)), rng.normal(size=(3, 2, 2, 3))
    dy = rng.normal(size=(1, 4, 5, 3))
    table = stepper("backward", x=x, kernel=kernel, dy=dy, padding="same")
    state = table.state(len(table.steps))
    assert all(np.array_equal(state[panel.name], panel.values) for panel in table.panels)
    table = stepper("resize", x=x, size=(3, 7), dy=dy[:, :3, :7, :2].repeat(2, axis=2)[:, :, :7])
    assert np.array_equal(table.state(len(table.steps))["dx"], table.panel("dx").values)
    assert table.panel("sums").values[0, 0] == table.panel("sums").values[0, 1]
    table = stepper("standard", x=x, kernel=kernel, padding="same")
    for step in table.steps:
        [(index, value)] = step.writes["y"].items()
        assert value == table.panel("y").values[index]
        assert value == pytest.approx(sum(product for *_, product in step.products))


def test_whole_numbers_of_any_dtype_are_added_without_wrapping():
    x = np.full((2, 3, 1), 100, np.int8)
    table = stepper("standard", x=x, kernel=np.full((2, 3, 1, 1), 100, np.uint8))
    assert table.panel("y").values.tolist() == [[[60000]]]
    assert all(isinstance(number, int) for step in table.steps for product in step.products for number in product)


@EVERY
def test_the_default_sizes_make_a_page_of_a_few_steps(kind):
    table = stepper(kind)
    height, width = table.boxes.size if table.boxes else table.panel("x").values.shape[:2]
    assert height != width
    fewest = {"groups": 4, "matching": 15, "suppression": 3}.get(kind, 20)
    assert fewest <= len(table.steps) <= 160
    assert table.kind == kind
    assert all(step.sentence and "-" not in step.sentence for step in table.steps)
    assert all(side.done <= side.total for step in table.steps for side in step.sides)
    assert len({panel.name for panel in table.panels}) == len(table.panels)
    assert all(panel.values.ndim == len(panel.axes) for panel in table.panels)
    assert table.summary.endswith(".")


@EVERY
def test_the_same_seed_gives_the_same_steps_and_another_gives_others(kind):
    assert list(steps(kind, seed=3)) == list(steps(kind, seed=3))
    assert list(steps(kind, seed=3)) != list(steps(kind, seed=4))


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind not in ("matching", "suppression")])
def test_sizes_are_what_the_arrays_are(kind):
    sizes = {"x": (4, 3, 2)}
    if kind == "resize":
        sizes["size"] = (5, 2)
    elif kind not in ("pointwise", "shuffle"):
        sizes |= {"kernel": (2, 3), "dilation": (2, 1), "stride": (1, 2), "padding": ((1, 2), (0, 3))}
    if kind == "transposed":
        sizes |= {"x": (7, 6, 2), "output_padding": (1, 0)}
    taken = inspect.signature(KINDS[kind]).parameters
    if "out_channels" in taken:
        sizes["out_channels"] = 6
    if "depth_multiplier" in taken:
        sizes["depth_multiplier"] = 3
    if "expansion" in taken:
        sizes["expansion"] = 3
    table = stepper(kind, **sizes)
    shapes = {panel.name: panel.values.shape for panel in table.panels}
    expected = {
        "standard": {"x": (7, 6, 2), "kernel": (2, 3, 2, 6), "y": (5, 2, 6)},
        "per-channel": {"x": (7, 6, 2), "filter": (2, 3, 2), "maps": (5, 2, 2), "y": (5, 2)},
        "depthwise": {"x": (7, 6, 2), "kernel": (2, 3, 6), "y": (5, 2, 6)},
        "pointwise": {"x": (4, 3, 2), "kernel": (2, 6), "y": (4, 3, 6)},
        "separable": {"depthwise": (2, 3, 6), "filtered": (5, 2, 6), "pointwise": (6, 6), "y": (5, 2, 6)},
        "inverted-residual": {
            "x": (4, 3, 2),
            "expanded": (4, 3, 6),
            "expanded_relu6": (7, 6, 6),
            "filtered": (5, 2, 6),
            "projected": (5, 2, 6),
        },
        "backward": {"dy": (5, 2, 6), "x": (7, 6, 2), "dx": (4, 3, 2), "dkernel": (2, 3, 2, 6)},
        "groups": {"x": (7, 6, 2), "kernel": (2, 3, 2), "links": (2, 6), "y": (5, 2, 6)},
        "transposed": {"x": (7, 6, 2), "kernel": (2, 3, 6, 2), "y": (7, 10, 6), "reached": (7, 10)},
        "dilated": {"x": (7, 6, 2), "spread": (3, 3, 2, 6), "y": (5, 2, 6)},
        "shuffle": {"x": (4, 3, 2), "first": (1, 2), "shuffled": (4, 3, 2), "second": (1, 6), "links": (2, 6)},
        "resize": {"x": (4, 3, 2), "y": (5, 2, 2), "rows": (5, 4), "columns": (2, 3), "dx": (4, 3, 2), "sums": (1, 2)},
    }[kind]
    assert {name: shapes[name] for name in expected} == expected
    inside = table.panel("expanded_relu6" if kind == "inverted-residual" else "x").inside
    assert inside == (None if kind in ("pointwise", "transposed", "shuffle", "resize") else (1, 5, 0, 3))
    assert dict(table.geometry) == {name: sizes[name] for name in ("stride", "padding", "dilation") if name in sizes}


def test_steps_is_a_generator_that_takes_a_step_when_it_is_asked_for_one():
    for kind in KINDS:
        walk = steps(kind)
        assert inspect.isgenerator(walk)
        assert tuple(walk) == stepper(kind).steps


WRONG_KINDS = [
    ("standard", {"strides": 2}, "standard takes no strides; it takes x, kernel, out_channels, stride"),
    ("pointwise", {"stride": 2}, "pointwise takes no stride; it takes x, kernel, out_channels, seed"),
    ("standard", {"x": "abc"}, "x must be a numpy.ndarray or sizes, a tuple of ints; got 'abc'"),
    ("standard", {"x": (5, 6, True)}, "x must be a numpy.ndarray or sizes"),
    ("standard", {"x": np.ones((5, 6, 3), complex)}, "x must hold real numbers; got dtype complex128"),
    ("standard", {"out_channels": 2.0}, "out_channels must be an int; got 2.0"),
    ("standard", {"kernel": np.ones((2, 2, 3, 1)), "out_channels": 1}, "out_channels must be left out where kernel is"),
    ("standard", {"seed": 0.5}, "seed must be an int or a numpy.random.Generator; got 0.5"),
    ("per-channel", {"n": "a"}, "n must be an int; got 'a'"),
    ("depthwise", {"kernel": np.ones((2, 2, 3)), "depth_multiplier": 1}, "depth_multiplier must be left out where"),
    ("separable", {"depthwise": np.ones((2, 2, 3)), "kernel": 2}, "kernel must be left out where depthwise is"),
    ("separable", {"pointwise": np.ones((3, 2)), "out_channels": 2}, "out_channels must be left out where pointwise"),
    ("shuffle", {"groups": 2.0}, "groups must be an int; got 2.0"),
    ("shuffle", {"second": np.ones((3, 6)), "out_channels": 6}, "out_channels must be left out where second is"),
    ("transposed", {"kernel": np.ones((2, 2, 1, 2)), "out_channels": 1}, "out_channels must be left out where kernel"),
    ("dilated", {"depth_multiplier": 2}, "dilated takes no depth_multiplier; it takes x, kernel, out_channels, stride"),
    ("resize", {"size": 2.0}, "size must be an int or a pair of ints"),
    ("resize", {"stride": 2}, "resize takes no stride; it takes x, size, align, dy, seed"),
    ("matching", {"truths": [[0, 0, 1, 1]]}, "truths must be a numpy.ndarray or a number of boxes; got list"),
    ("matching", {"anchors": np.ones((1, 4)), "map_size": 2}, "map_size must be left out where anchors is an array"),
    ("matching", {"one_to_one": 1}, "one_to_one must be"),
    ("suppression", {"scores": [0.5]}, "scores must be a numpy.ndarray of real numbers"),
    ("separable", {"pointwise": [1]}, "pointwise must be a numpy.ndarray; got list"),
    ("inverted-residual", {"expand": np.ones((2, 4)), "expansion": 2}, "expansion must be left out where expand is"),
    ("inverted-residual", {"depthwise": np.ones((3, 3, 4)), "kernel": 3}, "kernel must be left out where depthwise is"),
    (
        "inverted-residual",
        {"project": np.ones((4, 2)), "out_channels": 2},
        "out_channels must be left out where project",
    ),
]
WRONG_SIZES = [
    ("standrad", {}, "kind must be one of standard, per-channel, .*; got 'standrad'"),
    ("standard", {"x": (5, 6)}, r"x must be one image, .*; got x \(5, 6\)"),
    ("standard", {"x": (2, 5, 6, 3)}, r"x must be one image, .*; got x \(2, 5, 6, 3\)"),
    ("standard", {"x": (5, 0, 3)}, "x must have every axis at least 1"),
    ("standard", {"x": np.zeros((5, 0, 3))}, "x must have every axis at least 1"),
    ("standard", {"x": np.full((5, 6, 3), np.nan)}, "x must hold finite numbers of at most 1,000,000 in size"),
    ("standard", {"x": np.full((5, 6, 3), 1e7)}, "x must hold finite numbers of at most 1,000,000 in size"),
    ("standard", {"x": np.full((5, 6, 3), -1e7)}, "x must hold finite numbers of at most 1,000,000 in size"),
    ("standard", {"kernel": (6, 1)}, "the output's height would be empty"),
    ("standard", {"kernel": (3, 3, 3)}, "kernel must be an int or a pair of ints"),
    ("standard", {"kernel": np.ones((2, 2, 5, 1))}, "kernel must be .* with M = 3 as in x"),
    ("standard", {"out_channels": 0}, "out_channels must be at least 1; got 0"),
    ("standard", {"seed": -1}, "seed must be at least 0; got -1"),
    ("per-channel", {"n": 4}, "n must be at most 3; got 4"),
    ("inverted-residual", {"padding": "valid"}, "at stride 1 with k = k′ the shortcut is added"),
    ("groups", {"x": (4, 4, 3), "out_channels": 2}, "groups divide both M and N, and no .*; got M = 3, N = 2"),
    ("groups", {"x": (4, 4, 1)}, "groups divide both M and N, and no number above 1 does; got M = 1, N = 1"),
    ("shuffle", {"groups": 4}, "groups must divide M = 6 and N = 6; got 4"),
    ("shuffle", {"out_channels": 5}, "groups must divide M = 6 and N = 5; got 2"),
    ("shuffle", {"second": np.ones((2, 6))}, "kernel must be .* with M/groups = 3"),
    ("transposed", {"kernel": np.ones((3, 3, 1, 3))}, "kernel must be .* with M = 2 as in x"),
    ("transposed", {"output_padding": 2}, "output_padding must be below stride 2 or dilation 1; got "),
    ("transposed", {"padding": 5}, "padding must leave some output"),
    ("dilated", {"kernel": 5}, "the output's height would be empty"),
    ("resize", {"align": "centre"}, "align must be one of half_pixel, corners, origin; got 'centre'"),
    ("resize", {"size": (4, 0)}, "size must be at least 1"),
    ("resize", {"dy": np.ones((1, 5, 4, 1))}, r"dy must be \(B, Dᵥ, Dᵥ, M\) = \(1, 4, 5, 1\)"),
    ("matching", {"truths": np.ones((2, 3))}, r"truths must be \(n, 4\) with n from 1 to 24; got truths \(2, 3\)"),
    (
        "matching",
        {"truths": np.array([[3, 0, 1, 5]])},
        r"truths must be \(top, left, bottom, right\) with top < bottom",
    ),
    ("matching", {"truths": np.array([[30, 0, 40, 5]])}, r"truths must be .* on the image of \(24, 32\); got \[30.0,"),
    ("matching", {"threshold": 2}, "threshold must be at least 0 and at most 1; got 2"),
    ("matching", {"map_size": (5, 5)}, r"map_size must have at most 24 cells; got \(5, 5\)"),
    ("matching", {"image_size": 2000}, r"image_size must be at most 1,000; got \(2000, 2000\)"),
    ("suppression", {"boxes": 25}, "boxes must be "),
    ("suppression", {"scores": np.ones(3)}, r"scores must be 8 finite numbers, one a box; got scores \(3,\)"),
    ("suppression", {"boxes": np.array([[0, 0, np.nan, 5]])}, "boxes must hold finite real numbers"),
    ("backward", {"dy": np.ones((1, 3, 4, 5))}, r"dy must be \(B, Dᵥ, Dᵥ, N\) = \(1, 3, 4, 2\)"),
]
TOO_LARGE = [
    ("standard", {"x": (25, 6, 3)}, r"x has 25 rows or columns, and a page shows at most 24.*got x \(25, 6, 3\)"),
    ("standard", {"x": (10**6, 10**6, 3)}, "x has 1000000 rows or columns"),
    ("standard", {"padding": 10}, r"x has 26 rows or columns.*got x \(25, 26, 3\)"),
    ("standard", {"padding": 10**8}, "x has 200000006 rows or columns"),
    ("standard", {"x": (5, 6, 17)}, "x has 17 channels, and a page shows at most 16"),
    ("standard", {"out_channels": 17}, "kernel has 17 channels, and a page shows at most 16"),
    ("standard", {"x": (24, 24, 1), "kernel": 1}, "these sizes take 2,304 steps, and a page shows at most 2,000"),
    ("standard", {"x": (9, 9, 16), "out_channels": 16}, "these sizes take 112,896 products, and a page holds at most"),
    ("per-channel", {"padding": 10}, "x has 26 rows or columns"),
    ("per-channel", {"x": (24, 24, 3), "kernel": 1}, "these sizes take 2,304 steps"),
    ("depthwise", {"depth_multiplier": 6}, "kernel has 18 channels, and a page shows at most 16"),
    ("depthwise", {"padding": 10}, "x has 26 rows or columns"),
    ("depthwise", {"x": (23, 23, 4), "kernel": 1}, "these sizes take 2,116 steps"),
    ("pointwise", {"x": (23, 23, 4)}, "these sizes take 2,116 steps"),
    ("separable", {"padding": 10}, "x has 26 rows or columns"),
    ("separable", {"x": (17, 17, 4), "kernel": 1}, "these sizes take 2,312 steps"),
    ("inverted-residual", {"expansion": 9}, "expand has 18 channels"),
    ("inverted-residual", {"padding": 12, "stride": 2}, "the depthwise input has 28 rows or columns"),
    ("inverted-residual", {"x": (14, 15, 2)}, "these sizes take 2,730 steps"),
    ("backward", {"padding": 10}, "x has 26 rows or columns"),
    ("backward", {"x": (8, 9, 16), "out_channels": 6}, "these sizes take 72,576 products"),
    ("groups", {"padding": 10}, "x has 25 rows or columns"),
    ("transposed", {"x": (12, 4, 1)}, "y has 25 rows or columns"),
    ("transposed", {"x": (3, 4, 16), "out_channels": 17}, "kernel has 17 channels"),
    ("transposed", {"x": (11, 11, 16), "out_channels": 16, "kernel": 1, "stride": 1}, "these sizes take 30,976 prod"),
    ("dilated", {"padding": 10}, "x has 28 rows or columns"),
    ("shuffle", {"x": (10, 12, 16), "groups": 2}, "these sizes take 3,960 steps"),
    ("shuffle", {"x": (2, 2, 18)}, "x has 18 channels"),
    ("resize", {"size": (25, 4)}, "y has 25 rows or columns"),
    ("resize", {"x": (3, 4, 2), "size": 23}, "these sizes take 2,118 steps"),
]


@pytest.mark.parametrize(
    ("error", "kind", "sizes", "message"),
    [(TypeError, *case) for case in WRONG_KINDS] + [(ValueError, *case) for case in WRONG_SIZES + TOO_LARGE],
)
def test_what_does_not_fit_or_cannot_be_shown_is_refused_with_its_name(error, kind, sizes, message):
    for build in (stepper, steps):  # the generator too at the call, not at its first step
        with pytest.raises(error, match=f"^stepper: {message}"):
            build(kind, **sizes)


def test_there_is_no_state_beyond_the_last_step():
    table = stepper("pointwise")
    for count in (-1, len(table.steps) + 1):
        with pytest.raises(ValueError, match=f"Stepper.state: count must be at .*; got {count}"):
            table.state(count)
    with pytest.raises(KeyError):
        table.panel("z")


def test_stepping_needs_numpy_alone():
    code = "import sys, npconv.course.steps as s; s.stepper('groups'); print('matplotlib' in sys.modules)"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"

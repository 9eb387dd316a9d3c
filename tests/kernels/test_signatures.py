"""Every public function's wrong arguments and defaults, all derived from one table of valid calls.

A row gives the functions that share a call, their arrays and their options. An array's axis is its symbol, a mark and
its size. The mark says what fixes the size: "=" another argument, "~" in backward dy, "*" nothing.
"""

import inspect
import re
from typing import Any, NamedTuple

import numpy as np
import pytest
from public import names_of

import npconv
from npconv import cost
from npconv.kernels import normalization

PRODUCTS, NUMBERS, FLOATS, REAL = "biufcO", "biufc", "fcO", "f"  # the kinds of dtype that a function takes
DTYPES = {"b": "?", "i": "i2", "u": "u1", "f": "f2", "c": "c8", "O": "O", "U": "U1", "S": "S1", "M": "M8[s]", "V": "V4"}

VALID = {"stride": 1, "padding": "valid", "dilation": 1}
SAME = {"stride": 1, "padding": "same", "dilation": 1}
CROPPED = VALID | {"output_padding": 0}
EPSILON, Q, BIAS = {"epsilon": 1e-3}, {"depth_multiplier": 1}, {"bias": False}


class Argument(NamedTuple):
    expected: str  # its axes as the messages have them
    shape: tuple[int, ...]
    marks: tuple[str, ...]


class Row(NamedTuple):
    functions: str
    arrays: dict[str, Argument | None]
    defaults: dict[str, Any] = {}  # noqa: RUF012
    options: dict[str, Any] = {}  # noqa: RUF012
    kinds: str = PRODUCTS
    backward: str = ""  # the functions that take dy before the arrays
    dy: str = ""  # its name, and what the messages expect of it
    optional: str = ""  # the arrays that may be None


def axes(specification, expected=None):
    symbols, marks, sizes = zip(*re.findall(r"(\S+?)([=~*])(\d+)", specification), strict=True)
    pattern = re.sub("(…, )+", "…, ", ", ".join(symbols)) + "," * (len(symbols) == 1)
    return Argument(f"({pattern})" if expected is None else expected, tuple(map(int, sizes)), marks)


X = axes("B~2 Dᵤ~7 Dᵤ~5 M=3")
STANDARD = {"x": X, "kernel": axes("Dᵣ~3 Dᵣ~2 M=3 N~4")}
DEPTHWISE = {"x": X, "kernel": axes("Dᵣ~3 Dᵣ~2 M·Q=6")}
GROUPED = {"x": axes("B~2 Dᵤ~9 Dᵤ~7 M=4"), "kernel": axes("Dᵣ~3 Dᵣ~2 M/groups=2 N=6")}
TRANSPOSED = {"x": X, "kernel": axes("Dᵣ~3 Dᵣ~2 N~4 M=3")}
RESIZED = {"x": axes("B~2 Dᵤ*5 Dᵤ*4 M~3")}
SPATIAL = {"x": X, "column": axes("Dᵣ~3 M=3"), "row": axes("Dᵣ~2 M=3")}
FLATTENED = {"x": X, "lateral": axes("M=3 N=4"), "vertical": axes("Dᵣ~3 N=4"), "horizontal": axes("Dᵣ~2 N=4")}
STANDARD_3D = {"x": axes("B~2 Dᵤ~4 Dᵤ~6 Dᵤ~5 M=2"), "kernel": axes("Dᵣ~2 Dᵣ~3 Dᵣ~2 M=2 N~3")}
POINTWISE = {"x": X, "kernel": axes("M=3 N~4")}
DENSE = {"x": axes("B~2 M=3"), "kernel": axes("M=3 N~4")}
SEPARABLE = {"x": X, "depthwise": axes("Dᵣ~3 Dᵣ~2 M·Q=6"), "pointwise": axes("M·Q=6 N~4")}
FACTORS = {"depthwise": axes("Dᵣ~3 Dᵣ~2 M·Q=6"), "pointwise": axes("M·Q=6 N~4")}
BLOCK = {"x": axes("B~2 Dᵤ~9 Dᵤ~7 k=3"), "expand": axes("k=3 tk=8"),
         "depthwise": axes("Dᵣ*3 Dᵣ*2 tk=8"), "project": axes("tk=8 k′~5")}  # fmt: skip
NARROW = BLOCK | {"expand": None, "depthwise": axes("Dᵣ*3 Dᵣ*2 k=3"), "project": axes("k=3 k′~5")}
LINEAR = {"expand": axes("k*3 tk=8"), "depthwise": BLOCK["depthwise"], "project": BLOCK["project"]}
BOTTLENECK = {"x": X, "reduce": axes("M=3 M′=2"), "spatial": axes("Dᵣ*3 Dᵣ*2 M′=2 M″=5"), "restore": axes("M″=5 M=3")}
FLAT, VOLUME, VECTOR = axes("…~5 M=3"), axes("…~2 …~4 …~5 M=3"), axes("M=3")
LEARNT = {"scale": VECTOR, "shift": VECTOR}
STORED = LEARNT | {"mean": VECTOR, "variance": VECTOR}
STAGES = {"dy": axes("…=5 M=3", "like x"), "scale": VECTOR, "x": axes("…=5 M=3"), "deviation": VECTOR}
FOLDED = {"kernel": axes("…*5 N=3")} | dict.fromkeys([*STORED, "bias"], axes("N=3"))
LABELS = {"logits": axes("B=5 N*4"), "targets": axes("B=5")}
PROBABILITIES = {"logits": axes("B=5 N=4"), "targets": axes("B=5 N=4")}
EXCITE = {"x": axes("B~2 Dᵤ~7 Dᵤ~5 M=3"), "reduce": axes("M=3 S=2"), "reduce_bias": axes("S=2"),
          "expand": axes("S=2 M=3"), "expand_bias": VECTOR}  # fmt: skip
SIZES = {"kernel_size": (3, 2), "out_channels": 4}

ROWS = [
    Row("conv2d conv2d_loops conv2d_per_channel conv2d_taps conv2d_im2col", STANDARD, VALID, dy="dy (B, Dᵥ, Dᵥ, N)",
        backward="conv2d_backward conv2d_backward_loops conv2d_backward_taps conv2d_backward_im2col"),
    Row("per_channel_maps", {"x": X, "filter": axes("Dᵣ~3 Dᵣ~2 M=3")}, VALID),
    Row("depthwise_conv2d depthwise_conv2d_loops depthwise_conv2d_taps", DEPTHWISE, VALID, dy="dy (B, Dᵥ, Dᵥ, M·Q)",
        backward="depthwise_conv2d_backward depthwise_conv2d_backward_loops depthwise_conv2d_backward_taps"),
    Row("grouped_conv2d", GROUPED, VALID, {"groups": 2}, backward="grouped_conv2d_backward", dy="dy (B, Dᵥ, Dᵥ, N)"),
    Row("pointwise_conv2d pointwise_conv2d_loops", POINTWISE, backward="pointwise_conv2d_backward",
        dy="dy (B, Dᵤ, Dᵤ, N)"),
    Row("dense", DENSE, backward="dense_backward", dy="dy (B, N)"),
    Row("depthwise_separable_conv2d", SEPARABLE, VALID, backward="depthwise_separable_conv2d_backward",
        dy="dy (B, Dᵥ, Dᵥ, N)"),
    Row("transposed_conv2d transposed_conv2d_loops", TRANSPOSED, CROPPED, backward="transposed_conv2d_backward",
        dy="dy (B, Dᵥ, Dᵥ, N)"),
    Row("resize_bilinear", RESIZED, {"align": "half_pixel"}, {"size": (7, 3)}, backward="resize_bilinear_backward",
        dy="dy (B, Dᵥ, Dᵥ, M)"),
    Row("spatially_separable_conv2d", SPATIAL, VALID, backward="spatially_separable_conv2d_backward",
        dy="dy (B, Dᵥ, Dᵥ, M)"),
    Row("flattened_conv2d", FLATTENED, VALID, backward="flattened_conv2d_backward", dy="dy (B, Dᵥ, Dᵥ, N)"),
    *(Row("channel_shuffle", {"x": x}, {}, {"groups": 3}, backward="channel_shuffle_backward", dy="dy like x")
      for x in (axes("…~5 M=6"), axes("…~2 …~4 …~5 M=6"))),
    Row("shuffled_grouped_conv2d", GROUPED, VALID, {"groups": 2}, backward="shuffled_grouped_conv2d_backward",
        dy="dy (B, Dᵥ, Dᵥ, N)"),
    Row("conv3d conv3d_loops conv3d_taps", STANDARD_3D, VALID, dy="dy (B, Dᵥ, Dᵥ, Dᵥ, N)",
        backward="conv3d_backward conv3d_backward_taps"),
    Row("factored_kernel", FACTORS, Q, backward="factored_kernel_backward", dy="dkernel (Dᵣ, Dᵣ, M, N)"),
    Row("factorize_kernel", {"kernel": axes("Dᵣ*3 Dᵣ*2 M*3 N*4")}, Q, kinds=NUMBERS),
    Row("linear_block_kernel", LINEAR),
    *(Row("inverted_residual inverted_residual_stages", arrays, SAME, kinds=FLOATS, optional="expand",
          backward="inverted_residual_backward", dy="dy (B, Dᵥ, Dᵥ, k′)") for arrays in (BLOCK, NARROW)),
    *(Row("inverted_residual_split", arrays, SAME, {"groups": 3}, FLOATS, optional="expand")
      for arrays in (BLOCK, NARROW)),
    Row("residual_bottleneck residual_bottleneck_stages", BOTTLENECK, kinds=FLOATS,
        backward="residual_bottleneck_backward", dy="dy (B, Dᵤ, Dᵤ, M)"),
    Row("relu relu6", {"x": axes("…~5 …~3", "")}, kinds=FLOATS, dy="dy like x",
        backward="relu_backward relu6_backward"),
    *(Row(name, {"x": axes("…~5 …~3", "")}, kinds=FLOATS, dy="dy like x", backward=f"{name}_backward")
      for name in ("sigmoid", "hard_sigmoid", "hard_swish")),
    Row("batch_statistics", {"x": axes("…*2 …*4 …*5 M*3")}, kinds=REAL),
    *(Row("batch_norm batch_norm_stages", {"x": x, **LEARNT}, EPSILON, kinds=REAL, backward="batch_norm_backward",
          dy="dy like x") for x in (FLAT, VOLUME)),
    *(Row("batch_norm_inference", {"x": x, **STORED}, EPSILON, kinds=REAL, backward="batch_norm_inference_backward",
          dy="dy like x") for x in (FLAT, VOLUME)),
    Row("batch_norm_backward_from_stages", STAGES, kinds=REAL),
    *(Row("fold_batch_norm", FOLDED | others, EPSILON, kinds=REAL, optional="scale shift bias")
      for others in ({}, {"bias": None}, {"scale": None}, {"scale": None, "shift": None, "bias": None})),
    Row("global_average_pool", {"x": axes("B~2 Dᵤ*9 Dᵤ*7 M~3")}, backward="global_average_pool_backward",
        dy="dy (B, M)"),
    Row("squeeze_excite squeeze_excite_stages", EXCITE, kinds=FLOATS, backward="squeeze_excite_backward",
        dy="dy (B, Dᵤ, Dᵤ, M)"),
    *(Row("softmax_cross_entropy", arrays, kinds=REAL) for arrays in (LABELS, PROBABILITIES)),
    *(Row("softmax_cross_entropy_backward", arrays, options={"dy": 1.5}, kinds=REAL)
      for arrays in (LABELS, PROBABILITIES)),
    Row("conv2d_cost", STANDARD, VALID | BIAS),
    Row("depthwise_conv2d_cost", DEPTHWISE, VALID | BIAS),
    Row("grouped_conv2d_cost", GROUPED, VALID | BIAS, {"groups": 2}),
    Row("transposed_conv2d_cost", TRANSPOSED, CROPPED | BIAS),
    Row("resize_bilinear_cost", RESIZED, options={"size": (7, 3)}),
    Row("pointwise_conv2d_cost", POINTWISE, BIAS),
    Row("dense_cost", DENSE, BIAS),
    Row("depthwise_separable_conv2d_cost", SEPARABLE, VALID | BIAS),
    Row("spatially_separable_conv2d_cost", SPATIAL, VALID | BIAS),
    Row("flattened_conv2d_cost", FLATTENED, VALID | BIAS),
    Row("shuffled_grouped_conv2d_cost", GROUPED, VALID | BIAS, {"groups": 2}),
    Row("conv3d_cost", STANDARD_3D, VALID | BIAS),
    *(Row("inverted_residual_cost", arrays, SAME | BIAS) for arrays in (BLOCK, NARROW)),
    Row("residual_bottleneck_cost", BOTTLENECK, BIAS),
    Row("squeeze_excite_cost", EXCITE),
    Row("cost_ratio", {}, Q, SIZES),
    Row("break_even_multiplier limit_error", {}, options=SIZES),
]  # fmt: skip

WRONG = {  # an option's values of a wrong kind, and its wrong values
    "stride dilation kernel_size size": (
        [True, np.True_, np.timedelta64(1), 1.5, "1", None, (1, 1.5), (1, True), [[1]]],
        [0, -1, (), (1,), (0, 1), (1, -1), (1, 2, 3), 2**63, (1, 10**400), 10**5000]),
    "groups depth_multiplier out_channels": ([True, np.True_, 1.0, "1", None, (1,), (1, 2, 3), [[1]]],
                                             [0, -1, np.int8(-1), 2**63, np.uint64(2**63), 10**400, 10**5000]),
    "padding": ([None, True, 1.5, (0.5, 1), ((0, 1), (2, 1.5)), ((0, 1), (None, 1))],
                ["full", -1, (), (1,), (1, -1), (1, 2, 3), ((1, 1),), [[1]], ((0, 1), (2, -1)), ((0, 1), (1, 2, 3)),
                 ((0, 1), 2), (2, (0, 1)), 2**63, ((0, 10**400), (0, 0)), 2**31, 2**63 - 1]),
    "output_padding": ([True, 1.5, "1", None, (1, 1.5), [[1]]], [-1, (), (1,), (0, -1), 1, (0, 1), 2**63]),
    "align": ([], [None, 1, "pixel", ("corners",)]),
    "epsilon": (["1", True, None, 1e-3j, (1e-3,), np.ones(3)],
                [0, -1, -1e-3, float("nan"), float("inf"), np.float16("inf"), 1e308, 10**400, 1e-330]),
    "dy": (["1", True, None, 1j, [1.0], np.ones(1)], []),
    "bias": (["no", "", 0, 1, None, [True]], []),
}  # fmt: skip
OTHERS = {"stride": [2, (2, 1), (1, 2)], "padding": ["valid", "same", 1, ((0, 1), (0, 0)), ((0, 0), (2, 0))],
          "dilation": [2, (2, 1), (1, 2)], "epsilon": [0.5], "bias": [True], "depth_multiplier": [2],
          "output_padding": [0], "align": ["corners", "origin"]}  # fmt: skip
SPELLINGS = {"stride": [(1, 1), [np.int8(1), 1], np.int64(1)], "dilation": [(1, 1), [np.int8(1), 1], np.int64(1)],
             "valid": [0, [0, 0], np.int16(0), [(0, 0), [0, np.int8(0)]]], "same": [((1, 1), (0, 1))]}  # fmt: skip
POSITIONAL = {"kernel_size", "out_channels", "dy", "size"}  # the options that are not keyword-only


def batch_norm_backward_from_stages(dy, scale, x, deviation):
    stages = npconv.BatchNormStages(None, None, deviation, x, x)
    return normalization.batch_norm_backward_from_stages(dy, scale, stages)


ADAPTED = {"batch_norm_backward_from_stages": batch_norm_backward_from_stages}


class Case:
    """One function with its row."""

    def __init__(self, name, row, forward=None):
        self.name, self.row, self.forward, self.is_cost = name, row, forward, hasattr(cost, name)
        self.call = ADAPTED.get(name) or getattr(cost if self.is_cost else npconv, name)
        self.dy, _, self.expected = row.dy.partition(" ")

    @property
    def arguments(self):
        if not self.forward:
            return self.row.arrays
        shape = np.shape(self.forward.run())
        return {self.dy: Argument(self.expected, shape, "=" * len(shape)), **self.row.arrays}

    def arrays(self, **options):
        """The arrays of the valid call with these options, or their shapes: the same every time."""
        rng = np.random.default_rng(0)
        arrays = {name: a and rng.standard_normal(a.shape) for name, a in self.row.arrays.items()}
        for name in arrays.keys() & {"variance", "deviation"}:
            arrays[name] = np.abs(arrays[name]) + 0.5
        if "targets" in arrays:
            labels = arrays["targets"].ndim == 1
            arrays["targets"] = rng.integers(0, 4, 5) if labels else rng.dirichlet(np.ones(4), 5)
        if self.forward:
            arrays = {self.dy: rng.standard_normal(np.shape(self.forward.run(**options))), **arrays}
        return {name: a if a is None else a.shape for name, a in arrays.items()} if self.is_cost else arrays

    def spelled(self, value):
        """A value of an option, in 3D with one more number in front: a pair's double, or a wrong triple's."""
        several = isinstance(value, tuple | list) and len(value) in (2, 3)
        return type(value)((value[0], *value)) if self.name.startswith("conv3d") and several else value

    def run(self, arrays=None, **options):
        """The result of the valid call, of some other arrays, with some other options."""
        return self.call(**(self.arrays(**options) if arrays is None else arrays), **self.row.options | options)


CASES = []
for row in ROWS:
    forwards = [Case(name, row) for name in row.functions.split()]
    CASES += forwards + [Case(name, row, forwards[0]) for name in row.backward.split()]


def cases(chosen=lambda case: True):
    return pytest.mark.parametrize("case", [case for case in CASES if chosen(case)], ids=lambda case: case.name)


def faults(error, patterns, call, *arguments, **options):
    """What is wrong with a call that should raise this error with these patterns, or nothing: a list of at most one."""
    try:
        call(*arguments, **options)
    except Exception as raised:  # whatever it is, the test names it
        right = type(raised) is error and all(re.search(pattern, str(raised)) for pattern in patterns)
        return [] if right else [f"{options}: {type(raised).__name__}: {raised}; due was {error} with {patterns}"]
    return [f"{options}: accepted; due was {error} with {patterns}"] if error else []


def shapes(case, argument):
    """(shape, whether it fits, whether no other argument can be blamed) for each change of one size or of the rank."""
    any_rank = "…" in argument.expected or not argument.expected
    for axis, (size, mark) in enumerate(zip(argument.shape, argument.marks, strict=True)):
        before, after = argument.shape[:axis], argument.shape[axis + 1 :]
        yield (*before, 0, *after), False, not any_rank
        yield (*before, size + 1, *after), mark == "*" or (mark == "~" and not case.forward), False
    free = any_rank and argument.marks[0] != "=" and not case.forward
    yield argument.shape[1:], free and (not argument.expected or len(argument.shape) > 2), not any_rank
    yield (1, *argument.shape), free, not any_rank


def pattern(name, argument):
    return rf"\b{name}( of \w+)? must (be|have) " + re.escape(argument.expected).replace("…", "(B, )?…")


@cases()
def test_a_shape_that_does_not_fit_is_refused_with_what_was_expected_and_every_shape(case):
    given, found = {name: argument for name, argument in case.arguments.items() if argument}, []
    for name, argument in given.items():
        for shape, fits, alone in shapes(case, argument):
            arrays = case.arrays()
            arrays[name] = shape if case.is_cost else np.ones(shape, arrays[name].dtype)
            blame = [pattern(*item) for item in given.items() if item[0] == name or not alone]
            listed = [re.escape(f"{n} {shape if n == name else a.shape}") for n, a in given.items()]
            patterns = (f"^{case.name}: ", "|".join([*blame, "groups must divide"]), *listed)
            found += faults(None if fits else ValueError, patterns, case.run, arrays)
    assert not found


@cases(lambda case: not case.is_cost)
def test_only_arrays_of_the_right_kinds_are_taken(case):
    found = []
    for name, argument in case.arguments.items():
        arrays, kinds = case.arrays(), "iuf" if name == "targets" else case.row.kinds
        wrong = {"list": [1.0], "float64": np.float64(1), "NoneType": None}
        if name in case.row.optional.split():
            del wrong["NoneType"]
        if argument:
            wrong["MaskedArray"] = np.ma.array(arrays[name])
            dtypes = {kind: np.ones(argument.shape, dtype) for kind, dtype in DTYPES.items()}
            wrong |= {re.escape(str(a.dtype)): a for kind, a in dtypes.items() if kind not in kinds}
            right = [dtypes[kind] for kind in kinds if name != "targets"]
            for value in (arrays[name].view(np.memmap), *right):
                found += faults(None, (), case.run, arrays | {name: value})
        for got, value in wrong.items():
            message = rf"^{case.name}: {name} must (be an?|hold) .*; got (dtype )?{got}"
            found += faults(TypeError, (message,), case.run, arrays | {name: value})
    assert not found


@cases(lambda case: case.is_cost)
def test_a_cost_is_that_of_shapes(case):
    arrays, found = case.arrays(), []
    for name in arrays:
        for wrong in (None, 3, "3", {3}, np.ones(3, int), (2, 3.0), (2, True), (2, -1), (2, None), ((2, 3),)):
            if name != "expand" or wrong is not None:
                message = f"^{case.name}: {name} must be a shape, a tuple of ints"
                found += faults(TypeError, (message,), case.run, arrays | {name: wrong})
        for large in ((2**33, 2**33), (10**400,), (10**5000,)):
            message = f"^{case.name}: {name} must have at most [0-9,]+ numbers"
            found += faults(ValueError, (message,), case.run, arrays | {name: large})
    lists = {name: shape and [np.int8(size) for size in shape] for name, shape in arrays.items()}
    assert not found + faults(None, (), case.run, lists)
    assert case.run(lists) == case.run()


@cases()
def test_a_wrong_option_is_refused_by_its_name(case):
    found = []
    for option in case.row.options | case.row.defaults:
        wrong = next(wrong for options, wrong in WRONG.items() if option in options.split())
        for error, values in zip((TypeError, ValueError), wrong, strict=True):
            for value in map(case.spelled, values):
                message = rf"^{case.name}: .*\b{option} must "
                found += faults(error, (message,), case.run, case.arrays(), **{option: value})
    assert not found


@cases(lambda case: "dilation" in case.row.defaults and "output_padding" not in case.row.defaults)
def test_an_output_that_would_be_empty_is_refused(case):
    listed = [re.escape(f"{name} {a.shape}") for name, a in case.arguments.items() if a]
    axes = ("depth", "height", "width")[5 - len(case.arguments["x"].shape) :]
    for number, side in enumerate(axes):
        dilation = tuple(99 if axis == number else 1 for axis in range(len(axes)))
        patterns = (f"^{case.name}: the output's {side} would be empty", *listed)
        assert not faults(ValueError, patterns, case.run, case.arrays(), padding=0, dilation=dilation)


@cases()
def test_unknown_keywords_and_positional_options_are_refused(case):
    given = case.arrays() | case.row.options
    parameters = inspect.signature(case.call).parameters
    positional = [given[name] for name in parameters if name in POSITIONAL | case.arguments.keys()]
    found = faults(TypeError, ("pading",), case.run, pading=1)
    assert not found + faults(TypeError, ("positional argument",), case.call, *positional, 1)


def test_the_table_has_every_public_function_with_its_parameters_and_its_defaults():
    public = {
        name for module in (npconv, cost) for name in names_of(module) if inspect.isfunction(getattr(module, name))
    }
    others = {"count_operations", "overlap_counts"}  # which take no arrays of a row
    assert {case.name for case in CASES} | others == public | {"batch_norm_backward_from_stages"}
    for case in CASES:
        parameters, options = inspect.signature(case.call).parameters, case.row.options | case.row.defaults
        defaults = {name: p.default for name, p in parameters.items() if p.default is not p.empty}
        left_out = defaults.keys() & case.arguments.keys()
        assert left_out <= set(case.row.optional.split())
        assert defaults == case.row.defaults | dict.fromkeys(left_out)
        by_keyword = {name for name, p in parameters.items() if p.kind is p.KEYWORD_ONLY}
        assert by_keyword == options.keys() - POSITIONAL | left_out
        assert [name for name in parameters if name not in options] == list(case.arguments)
        assert options.keys() <= parameters.keys()
    from_stages, counting = normalization.batch_norm_backward_from_stages, cost.count_operations
    assert list(inspect.signature(from_stages).parameters) == ["dy", "scale", "stages"]
    assert list(inspect.signature(counting).parameters) == ["function", "arrays", "geometry"]


def same(a, b):
    """Whether two results are the same to the last bit."""
    return all(map(same, a, b)) if isinstance(a, tuple) else np.array_equal(a, b)


@cases(lambda case: case.row.defaults)
def test_leaving_an_option_out_is_its_default_and_every_other_value_gives_another_result(case):
    for option, default in case.row.defaults.items():
        fixed = {"padding": "valid"} if case.is_cost and option == "dilation" else {}  # with "same" it costs the same
        expected = case.run(**fixed)
        for spelling in map(case.spelled, [default, *SPELLINGS.get(default, SPELLINGS.get(option, []))]):
            assert same(case.run(**{option: spelling}, **fixed), expected)
        for other in map(case.spelled, OTHERS[option]):
            assert other == default or not same(case.run(**{option: other}, **fixed), expected)


@cases(lambda case: case.forward)
def test_gradients_are_differences_of_forward_whatever_the_options(case):
    rng = np.random.default_rng(1)
    for options in [{}, *({name: case.spelled(value)} for name in case.row.defaults for value in OTHERS[name])]:
        gradients, arrays = case.run(**options), case.arrays(**options)
        dy = arrays.pop(case.dy)
        for name, gradient in zip(arrays, gradients if isinstance(gradients, tuple) else (gradients,), strict=True):
            if arrays[name] is None:
                assert gradient is None
                continue
            step = 1e-6 * rng.standard_normal(arrays[name].shape)
            up, down = (case.forward.run(arrays | {name: arrays[name] + s * step}, **options) for s in (1, -1))
            assert gradient.shape == step.shape
            np.testing.assert_allclose(np.sum(gradient * step), np.sum(dy * (up - down)) / 2, rtol=1e-5, atol=1e-12)


@pytest.mark.parametrize("name", ["softmax_cross_entropy", "softmax_cross_entropy_backward"])
def test_targets_that_are_neither_labels_nor_probabilities_are_refused(name):
    labels, probabilities = [case for case in CASES if case.name == name]
    rows, found = probabilities.arrays()["targets"], []
    for wrong in (np.full(5, -1), np.full(5, 4), 2 * rows, rows * np.eye(5, 4), rows - [1, -1, 0, 0], rows * np.nan):
        case = labels if wrong.ndim == 1 else probabilities
        patterns = (f"^{name}: targets must ", re.escape(f"logits (5, 4), targets {wrong.shape}"))
        found += faults(ValueError, patterns, case.run, case.arrays() | {"targets": wrong})
    assert not found


def test_what_are_no_stages_and_no_arrays_to_count_with_is_refused():
    one, from_stages, found = np.ones((2, 1)), normalization.batch_norm_backward_from_stages, []
    for wrong in (None, one, 1.0, (1.0,)):
        message = "^batch_norm_backward_from_stages: stages must be"
        found += faults(TypeError, (message,), from_stages, one, one[0], wrong)
    for wrong in ([1.0], 1.0, (1.0,)):
        message = "^count_operations: arrays must be numpy.ndarray or None"
        found += faults(TypeError, (message,), cost.count_operations, npconv.relu, wrong)
    assert not found + faults(TypeError, ("pading",), cost.count_operations, npconv.relu, one, pading=1)


@pytest.mark.parametrize("shape", [(5, 3), (3, 5), (1, 4), (4, 1)])
def test_batch_norm_of_two_axes_is_its_formula(shape):
    rng = np.random.default_rng(0)
    x, dy, scale, shift = (rng.standard_normal(size) for size in (shape, shape, shape[1], shape[1]))
    mean, variance = x.mean(axis=0), x.var(axis=0)
    deviation = np.sqrt(variance + 0.1)
    normal = (x - mean) / deviation
    y, dscale, dshift = scale * normal + shift, (dy * normal).sum(axis=0), dy.sum(axis=0)
    dx = scale / deviation * (dy - dshift / len(x) - normal * dscale / len(x))
    stages = npconv.batch_norm_stages(x, scale, shift, epsilon=0.1)
    results = [*stages, *npconv.batch_statistics(x), npconv.batch_norm(x, scale, shift, epsilon=0.1)]
    results += [npconv.batch_norm_inference(x, scale, shift, mean, variance, epsilon=0.1)]
    results += npconv.batch_norm_backward(dy, x, scale, shift, epsilon=0.1)
    results += normalization.batch_norm_backward_from_stages(dy, scale, stages)
    expected = [mean, variance, deviation, x - mean, y, mean, variance, y, y, *2 * (dx, dscale, dshift)]
    for result, wanted in zip(results, expected, strict=True):
        assert result.shape == wanted.shape
        np.testing.assert_allclose(result, wanted, atol=1e-12)


def test_the_costs_of_the_blocks_are_those_counted_by_hand():
    """40 positions. A sum of n products has n − 1 additions, with a bias n; a shortcut is one addition a value."""
    shapes = ((2, 4, 5, 3), (3, 6), (3, 3, 6), (6, 3))
    plain, biased = (cost.inverted_residual_cost(*shapes, bias=bias) for bias in (False, True))
    assert plain.macs == biased.macs == 40 * (3 * 6 + 9 * 6 + 6 * 3)
    assert plain.additions == 40 * (2 * 6 + 8 * 6 + 5 * 3) + 40 * 3
    assert biased.additions == 40 * (3 * 6 + 9 * 6 + 6 * 3) + 40 * 3
    assert [part.additions for part in biased.parts.values()] == [40 * 3 * 6, 40 * 9 * 6, 40 * 6 * 3]
    assert (plain.params, biased.params) == (18 + 54 + 18, 18 + 6 + 54 + 6 + 18 + 3)
    for other in (cost.inverted_residual_cost(*shapes, stride=2), cost.inverted_residual_cost(*shapes[:3], (6, 4))):
        assert other.additions == sum(part.additions for part in other.parts.values())
    shapes = ((2, 4, 5, 6), (6, 2), (3, 3, 2, 4), (4, 6))
    plain, biased = (cost.residual_bottleneck_cost(*shapes, bias=bias) for bias in (False, True))
    assert plain.macs == biased.macs == 40 * (6 * 2 + 9 * 2 * 4 + 4 * 6)
    assert plain.additions == 40 * (5 * 2 + 17 * 4 + 3 * 6) + 40 * 6
    assert biased.additions == 40 * (6 * 2 + 18 * 4 + 4 * 6) + 40 * 6
    assert (plain.params, biased.params) == (12 + 72 + 24, 12 + 2 + 72 + 4 + 24 + 6)
    separable = cost.depthwise_separable_conv2d_cost((2, 5, 6, 3), (2, 2, 6), (6, 4), bias=True)
    assert (separable.additions, separable.params) == (40 * (4 * 6 + 6 * 4), 24 + 6 + 24 + 4)


@pytest.mark.parametrize("size", [1e4, 800.0, 1.0])
def test_a_row_of_softmax_is_right_beside_rows_of_any_size(size):
    rows, gaps = np.array([[size, 0], [-size, 0], [size, size - 1]]), np.array([size, -size, 1.0])
    for labels in np.ndindex(2, 2, 2):
        gap = np.where(labels, -gaps, gaps)  # of the label's logit above the other
        loss = np.maximum(-gap, 0) + np.log1p(np.exp(-np.abs(gap)))
        other = np.exp(np.minimum(-gap, 0)) / (1 + np.exp(-np.abs(gap)))  # the softmax of the other logit
        sides = np.where(np.array(labels)[:, None] == [0, 1], -other[:, None], other[:, None])
        np.testing.assert_allclose(npconv.softmax_cross_entropy(rows, np.array(labels)), loss.mean(), rtol=1e-12)
        dlogits = npconv.softmax_cross_entropy_backward(3.0, rows, np.array(labels))
        np.testing.assert_allclose(dlogits, sides, rtol=1e-12)

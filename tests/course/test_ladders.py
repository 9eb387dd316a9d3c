"""The cases reach far enough: functions that go wrong only where few look are judged wrong, whatever the seed."""

import importlib
import itertools
from fractions import Fraction

import calling
import numpy as np
import pytest

from npconv.course.exercises import EXERCISES
from npconv.course.grading.comparing import equal, kind_wrong
from npconv.course.grading.judging import Judge

SEEDS = (1, 2, 3)
TASKS = {task.name: (name, task) for name, e in EXERCISES.items() if name != "find-the-bug" for task in e.tasks}


def solution(name):
    return getattr(
        importlib.import_module(f"npconv.course.exercises.solutions.{TASKS[name][0].replace('-', '_')}"), name
    )


def is_wrong(name, function, seed):
    """Whether one case at least tells, the later ones, which come rarely, first."""
    task = TASKS[name][1]
    judge = Judge(calling.cases_of(task, seed=seed), calling.Here(**{name: function}))
    return any(judge.try_case(case).wrong for case in list(judge.cases)[::-1])


def only_where(name, where, what=lambda result: spoilt(result)):
    """The right function, but for the cases of which `where(*arguments, **options)` holds."""
    right = solution(name)

    def function(*arrays, **options):
        result = right(*arrays, **options)
        return what(result) if where(*arrays, **options) else result

    return function


def spoilt(result):
    return (2 * result[0] + 1, *result[1:]) if isinstance(result, tuple) else 2 * result + 1


def sides(kernel):
    return kernel.shape[:2]


NONE = ((0, 0), (0, 0))
CONVOLUTIONS = {
    "5 channels": lambda x, k, **_: x.shape[3] > 3,
    "a batch of 4": lambda x, k, **_: len(x) > 3,
    "4 filters": lambda x, k, **_: k.shape[-1] > 3 * x.shape[3] if k.ndim == 3 else k.shape[-1] > 3,
    "a filter of 5 rows": lambda x, k, **_: k.shape[0] > 4,
    "a filter of 4 columns": lambda x, k, **_: k.shape[1] > 3,
    "a stride of 4": lambda x, k, stride=(1, 1), **_: min(stride) > 3,
    "a padding of 3": lambda x, k, stride=(1, 1), padding=NONE: min(map(min, padding)) > 2,
    "padding on all sides": lambda x, k, stride=(1, 1), padding=NONE: min(map(min, padding)) > 0,
    "2 rows left over": lambda x, k, stride=(1, 1), padding=NONE: (
        (x.shape[1] + sum(padding[0]) - len(k)) % stride[0] == 2
    ),
    "a stride beyond a filter of more than 1": lambda x, k, stride=(1, 1), **_: all(
        step > side > 1 for step, side in zip(stride, sides(k), strict=True)
    ),
    "3×3, padding 1, stride 1": lambda x, k, stride=(1, 1), padding=NONE: (
        (sides(k), stride, padding) == ((3, 3), (1, 1), ((1, 1), (1, 1)))
    ),
    "3×3, half as large": lambda x, k, stride=(1, 1), padding=NONE: (
        (sides(k), stride, padding) == ((3, 3), (2, 2), ((0, 1), (0, 1)))
    ),
    "1×1, stride 2": lambda x, k, stride=(1, 1), **_: (sides(k), stride) == ((1, 1), (2, 2)),
    "a filter larger than the input": lambda x, k, **_: len(k) > x.shape[1] + 1 and k.shape[1] > x.shape[2] + 1,
    "zeros": lambda x, k, **_: not x.all(),
    "float32": lambda x, k, **_: x.dtype == np.float32,
    "large numbers": lambda x, k, **_: bool((abs(x) > 100).any()),
    "the default of the stride": lambda x, k, **options: "stride" not in options,
    "the default of the padding": lambda x, k, **options: "padding" not in options,
}


@pytest.mark.parametrize(("name", "where"), list(itertools.product(["conv2d_taps", "depthwise_conv2d"], CONVOLUTIONS)))
def test_a_convolution_that_is_wrong_there_alone_is_wrong(name, where):
    assert all(is_wrong(name, only_where(name, CONVOLUTIONS[where]), seed) for seed in SEEDS)


@pytest.mark.parametrize("where", CONVOLUTIONS)
def test_a_gradient_that_is_wrong_there_alone_is_wrong(where):
    def there(dy, x, kernel, **options):
        return CONVOLUTIONS[where](x, kernel, **options)

    function = only_where("conv2d_backward", there)
    assert all(is_wrong("conv2d_backward", function, seed) for seed in SEEDS)


ELSEWHERE = {
    "conv2d_backward": {
        "zeros in dy": lambda dy, x, k, **_: not dy.all(),
        "stride 3, 2×2": lambda dy, x, k, stride=(1, 1), **_: (stride, sides(k)) == ((3, 3), (2, 2)),
    },
    "depthwise_separable_conv2d": {
        "Q = M = N = 3": lambda x, d, p, **_: (x.shape[3], *p.shape) == (3, 9, 3),
        "Q of 4": lambda x, d, p, **_: d.shape[2] > 3 * x.shape[3],
    },
    "factored_kernel": {
        "Q = M = N = 3": lambda d, p, **_: p.shape == (9, 3),
        "Q of 4": lambda d, p, depth_multiplier=1: depth_multiplier > 3,
        "no Q": lambda d, p, **options: not options,
    },
    "pointwise_conv2d": {
        "3×3 and 3 channels": lambda x, k: x.shape[1:] == (3, 3, 3),
        "5 channels": lambda x, k: x.shape[3] > 3,
        "float32": lambda x, k: x.dtype == np.float32,
        "large numbers": lambda x, k: bool((abs(x) > 100).any()),
    },
    "batch_norm_backward": {
        "one image": lambda dy, x, s, b, **_: len(x) == 1,
        "three images": lambda dy, x, s, b, **_: len(x) == 3,
        "one value": lambda dy, x, s, b, **_: x[..., 0].size == 1,
        "an odd count": lambda dy, x, s, b, **_: x[..., 0].size % 2 == 1 and x[..., 0].size > 1,
        "a constant channel": lambda dy, x, s, b, **_: bool((x.std((0, 1, 2)) == 0).any()) and x[..., 0].size > 1,
        "no scale": lambda dy, x, s, b, **_: not s.all(),
        "a large mean": lambda dy, x, s, b, **_: bool((abs(x) > 100).any()),
        "5 channels": lambda dy, x, s, b, **_: x.shape[3] > 3,
        "a small epsilon": lambda dy, x, s, b, epsilon=3: epsilon < 1,
        "no epsilon": lambda dy, x, s, b, **options: not options,
    },
    "conv2d_cost": {
        "more than 12": lambda x_shape, kernel_shape, **_: max(x_shape) > 12,
        "64 filters": lambda x_shape, kernel_shape, **_: kernel_shape[3] > 3,
        "no stride": lambda x_shape, kernel_shape, **options: "stride" not in options,
    },
    "cost_ratio": {"no Q": lambda kernel_size, out_channels, **options: not options},
    "inverted_residual": {
        "fewer channels": lambda x, e, d, p, **_: x.shape[3] > p.shape[1],
        "a contraction": lambda x, e, d, p, **_: e is not None and e.shape[1] < e.shape[0],
        "no padding": lambda x, e, d, p, **options: "padding" not in options,
        "no stride": lambda x, e, d, p, **options: "stride" not in options,
    },
    "factorize_kernel": {
        "4 filters": lambda k, **_: k.shape[3] > 3,
        "12 taps": lambda k, **_: k[:, :, 0, 0].size > 9,
        "full rank and 2 products": lambda k, depth_multiplier=1: (
            np.linalg.matrix_rank(k[:, :, 0].reshape(-1, k.shape[3])) > depth_multiplier >= 2
        ),
        "rank 3 and 1 product": lambda k, depth_multiplier=1: (
            depth_multiplier == 1 and np.linalg.matrix_rank(k[:, :, 0].reshape(-1, k.shape[3])) == 3
        ),
        "a slice of zeros": lambda k, **_: k.any() and not k.any((0, 1, 3)).all(),
        "no kernel": lambda k, **_: not k.any(),
    },
}  # fmt: skip


@pytest.mark.parametrize(("name", "where"), [(name, where) for name, wheres in ELSEWHERE.items() for where in wheres])
def test_a_function_that_is_wrong_there_alone_is_wrong(name, where):
    assert all(is_wrong(name, only_where(name, ELSEWHERE[name][where]), seed) for seed in SEEDS)


def turned_to(dtype):
    return lambda x, k, **options: solution("conv2d_taps")(x.astype(dtype), k.astype(dtype), **options)


@np.errstate(all="ignore")
def whole_in(dtype):
    def function(x, k, **options):
        y = solution("conv2d_taps")(x, k, **options)
        return y.astype(dtype) if x.dtype.kind == "i" else y

    return function


CHANGED = {
    "conv2d_taps": {
        "sums in float16": turned_to(np.float16),
        "16 bits": whole_in(np.int16),
        "clipped at 300": lambda x, k, **options: np.clip(solution("conv2d_taps")(x, k, **options), -300, 300),
    },
    "relu6": {
        "6 from 5 on": lambda x: np.where((x > 5) & (x < 6), 6, np.clip(x, 0, 6)),
        "a leak just below 0": lambda x: np.where((x > -1) & (x < 0), x, np.clip(x, 0, 6)),
        "nothing beyond 100": lambda x: np.where(abs(x) > 100, 0, np.clip(x, 0, 6)),
    },
    "relu6_backward": {
        "to 5": lambda dy, x: dy * ((x > 0) & (x <= 5)),
        "from a half on": lambda dy, x: dy * ((x >= 0.5) & (x < 6)),
        "at −0.0": lambda dy, x: dy * ((x > 0) & (x < 6) | ((x == 0) & np.signbit(x))),
    },
    "conv2d_cost": {
        "a float array that is nearly right": lambda *a, **o: np.array(solution("conv2d_cost")(*a, **o) * (1 + 9e-7)),
        "True for 1": lambda *a, **o: (lambda y: True if y == 1 else y)(solution("conv2d_cost")(*a, **o)),
    },
    "cost_ratio": {
        "a float array": lambda *a, **o: np.array(float(solution("cost_ratio")(*a, **o))),
        "small denominators": lambda *a, **o: solution("cost_ratio")(*a, **o).limit_denominator(10_000),
    },
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:overflow:RuntimeWarning", "ignore:invalid:RuntimeWarning")
@pytest.mark.parametrize(("name", "how"), [(name, how) for name, hows in CHANGED.items() for how in hows])
def test_a_function_that_computes_so_is_wrong(name, how):
    assert all(is_wrong(name, lambda *a, **o: CHANGED[name][how](*a, **o), seed) for seed in SEEDS)


@pytest.mark.parametrize("kink", ["expanded > 0", "expanded < 6", "filtered > 0", "filtered < 6"])
def test_each_kink_inside_the_inverted_residual_is_tried_in_several_cases(kink):
    from npconv.course.exercises.bugs import solution_source

    namespace: dict = {}
    source = solution_source("inverted-residual")
    assert source.count(f"({kink})") == 1
    exec(source.replace(f"({kink})", f"({kink.replace('>', '>=').replace('<', '<=')})"), namespace)
    task, function = TASKS["inverted_residual_backward"][1], namespace["inverted_residual_backward"]
    for seed in SEEDS:
        judge = Judge(calling.cases_of(task, seed=seed), calling.Here(**{task.name: function}))
        kinked = (case for case in judge.cases if case.sizes["kinks"] or case.sizes["signs"])
        assert len(list(itertools.islice(filter(lambda case: judge.try_case(case).wrong, kinked), 3))) == 3


def test_a_cost_is_exact_and_no_bool():
    assert equal(np.array(1.0), 1, 1e-6)
    assert not equal(np.array(1.0 + 9e-7), 1, 1e-6)
    assert not equal(np.array(1.0 + 9e-7), Fraction(1), 1e-6)
    assert not equal(True, 1, 1e-6)
    assert kind_wrong("cost", True, 1) == "cost is a bool, where one number is due"
    assert kind_wrong("ratio", np.array(0.5), Fraction(1, 2)).startswith("ratio is a float, 0.5, where an exact")
    assert kind_wrong("cost", np.array(2), 2) == ""

"""Optimizers beside torch's where it is installed, and beside their formulas everywhere."""

import tracemalloc

import numpy as np
import pytest

from npconv import threads
from npconv.training import SGD, Adam, RMSProp, decays_kernels, optimizers, smooth_labels
from npconv.training.optimizers import CONVENTIONS

SHAPES = {"stem.kernel": (3, 2, 4), "block.depthwise.kernel": (3, 2), "norm.scale": (5,), "norm.shift": (5,)}
RATES = (0.3, 0.3, 0.1, 0.7, 0.02)  # not constant, so that it matters where the rate is multiplied


def parameters(dtype=np.float64):
    generator = np.random.default_rng(3)
    return {name: generator.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}


def gradients(step, dtype=np.float64):
    generator = np.random.default_rng((5, step))
    return {name: generator.standard_normal(shape).astype(dtype) for name, shape in SHAPES.items()}


def run(optimizer, steps=(0, 1, 2, 3, 4), dtype=np.float64):
    for step in steps:
        optimizer.step(gradients(step, dtype), RATES[step])
    return optimizer.parameters


def run_torch(make):
    torch = pytest.importorskip("torch")
    tensors = {name: torch.nn.Parameter(torch.from_numpy(p.copy())) for name, p in parameters().items()}
    optimizer = make(torch, list(tensors.values()))
    for step, rate in enumerate(RATES):
        optimizer.param_groups[0]["lr"] = rate
        for name, g in gradients(step).items():
            tensors[name].grad = torch.from_numpy(g)
        optimizer.step()
    return {name: tensor.detach().numpy() for name, tensor in tensors.items()}


def assert_same(ours, theirs, rtol=1e-12):
    assert ours.keys() == theirs.keys()
    for name in ours:
        np.testing.assert_allclose(ours[name], theirs[name], rtol=rtol, atol=rtol, err_msg=name)


@pytest.mark.parametrize(
    "settings", [{}, {"momentum": 0.9}, {"momentum": 0.8, "nesterov": True}], ids=["plain", "momentum", "nesterov"]
)
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_sgd_is_that_of_torch(settings, weight_decay):
    ours = run(SGD(parameters(), weight_decay=weight_decay, **settings))
    assert_same(ours, run_torch(lambda torch, p: torch.optim.SGD(p, lr=1.0, weight_decay=weight_decay, **settings)))


@pytest.mark.parametrize("momentum", [0.0, 0.9])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_rmsprop_by_torchs_convention_is_that_of_torch(momentum, weight_decay):
    settings = {"momentum": momentum, "weight_decay": weight_decay}
    ours = run(RMSProp(parameters(), decay=0.8, epsilon=0.01, convention="torch", **settings))
    assert_same(ours, run_torch(lambda torch, p: torch.optim.RMSprop(p, lr=1.0, alpha=0.8, eps=0.01, **settings)))


@pytest.mark.parametrize("settings", [{}, {"momentum": 0.5, "decay": 0.8, "epsilon": 0.1}], ids=["default", "other"])
@pytest.mark.parametrize("weight_decay", [0.0, 0.1])
def test_adam_is_that_of_torch(settings, weight_decay):
    ours = run(Adam(parameters(), weight_decay=weight_decay, **settings))
    theirs = {"betas": (settings["momentum"], settings["decay"]), "eps": settings["epsilon"]} if settings else {}
    assert_same(ours, run_torch(lambda torch, p: torch.optim.Adam(p, lr=1.0, weight_decay=weight_decay, **theirs)))


def test_adam_is_its_formula():
    expected, m, v = parameters(), dict.fromkeys(SHAPES, 0.0), dict.fromkeys(SHAPES, 0.0)
    for step, rate in enumerate(RATES):
        for name, g in gradients(step).items():
            g = g + 0.1 * expected[name]
            m[name] = 0.9 * m[name] + 0.1 * g**2
            v[name] = 0.8 * v[name] + 0.2 * g
            first, second = v[name] / (1 - 0.8 ** (step + 1)), m[name] / (1 - 0.9 ** (step + 1))
            expected[name] = expected[name] - rate * first / (np.sqrt(second) + 0.01)
    assert_same(run(Adam(parameters(), momentum=0.8, decay=0.9, epsilon=0.01, weight_decay=0.1)), expected)


@pytest.mark.parametrize("nesterov", [False, True])
def test_sgd_is_its_formula(nesterov):
    expected, v = parameters(), dict.fromkeys(SHAPES, 0.0)
    for step, rate in enumerate(RATES):
        for name, g in gradients(step).items():
            g = g + 0.1 * expected[name]
            v[name] = 0.9 * v[name] + g
            expected[name] = expected[name] - rate * (g + 0.9 * v[name] if nesterov else v[name])
    assert_same(run(SGD(parameters(), momentum=0.9, nesterov=nesterov, weight_decay=0.1)), expected)


@pytest.mark.parametrize("convention", CONVENTIONS)
@pytest.mark.parametrize("momentum", [0.0, 0.9])
def test_rmsprop_is_its_formula(convention, momentum):
    expected = parameters()
    m, v = dict.fromkeys(SHAPES, float(convention == "tensorflow")), dict.fromkeys(SHAPES, 0.0)
    for step, rate in enumerate(RATES):
        for name, g in gradients(step).items():
            g = g + 0.1 * expected[name]
            m[name] = 0.8 * m[name] + 0.2 * g**2
            if convention != "torch":
                v[name] = momentum * v[name] + rate * g / np.sqrt(m[name] + 0.5)
                expected[name] = expected[name] - v[name]
            else:
                v[name] = momentum * v[name] + g / (np.sqrt(m[name]) + 0.5)
                expected[name] = expected[name] - rate * v[name]
    settings = {"decay": 0.8, "momentum": momentum, "epsilon": 0.5, "weight_decay": 0.1}
    assert_same(run(RMSProp(parameters(), convention=convention, **settings)), expected)


OPTIMIZERS = [
    lambda p: SGD(p, momentum=0.9, nesterov=True),
    lambda p: RMSProp(p, convention="torch"),
    lambda p: SGD(p, momentum=0.9, nesterov=True, weight_decay=0.1),
    lambda p: RMSProp(p, weight_decay=0.1),
    lambda p: RMSProp(p, weight_decay=0.1, convention="torch"),
    lambda p: RMSProp(p, weight_decay=0.1, convention="keras"),
    lambda p: Adam(p),
    lambda p: Adam(p, weight_decay=0.1),
]


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_parameters_change_in_place_and_gradients_stay(make):
    given = parameters(np.float32)
    arrays = dict(given)
    optimizer = make(given)
    state = dict(optimizer.state)
    g = gradients(0, np.float32)
    before = {name: a.copy() for name, a in g.items()}
    optimizer.step(g, np.float64(0.1))
    for name in SHAPES:
        assert given[name] is arrays[name]
        assert given[name].dtype == np.float32
        assert not np.array_equal(given[name], parameters(np.float32)[name])
        np.testing.assert_array_equal(g[name], before[name])
    assert all(optimizer.state[name] is state[name] for name in state)
    assert all(a.dtype == np.float32 for name, a in state.items() if name != "steps")


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_saved_state_goes_on_to_the_same_bits(make):
    whole = run(make(parameters()))
    first = make(parameters())
    run(first, range(2))
    second = make({name: p.copy() for name, p in first.parameters.items()})
    arrays = dict(second.state)
    second.load_state(first.state)
    assert all(second.state[name] is arrays[name] and arrays[name] is not first.state[name] for name in arrays)
    again = run(second, range(2, len(RATES)))
    for name in SHAPES:
        np.testing.assert_array_equal(again[name], whole[name])


@pytest.mark.parametrize("make", OPTIMIZERS)
def test_a_state_or_gradients_that_do_not_fit_are_refused_and_nothing_changes(make):
    optimizer = make(parameters())
    state = {name: a + 1 for name, a in optimizer.state.items()}
    missing = {name: a for name, a in state.items() if name != "momentum.norm.scale"}
    with pytest.raises(ValueError, match=r"load_state.*momentum\.norm\.scale"):
        optimizer.load_state(missing)
    with pytest.raises(ValueError, match=r"load_state.*\(5,\); got \(1,\)"):
        optimizer.load_state({**state, "momentum.norm.shift": np.zeros(1)})
    assert not any(np.array_equal(optimizer.state[name], state[name]) for name in state)
    g = gradients(0)
    with pytest.raises(ValueError, match=r"step.*missing: \['norm\.scale'\], others: \['extra'\]"):
        optimizer.step({("extra" if name == "norm.scale" else name): a for name, a in g.items()}, 0.1)
    with pytest.raises(ValueError, match=r"'norm\.shift' must be \(5,\).*got \(1,\)"):
        optimizer.step({**g, "norm.shift": np.zeros(1)}, 0.1)
    assert_same(optimizer.parameters, parameters())


def test_weight_decay_is_for_kernels_that_are_not_depthwise():
    names = {
        "kernel": True,
        "stem.kernel": True,
        "blocks.3.expand.kernel": True,
        "blocks.3.depthwise.kernel": False,
        "depthwise.kernel": False,
        "depthwise.3.kernel": True,
        "scale": False,
        "norm.shift": False,
        "head.bias": False,
        "block.squeeze_excite.reduce": True,
        "block.squeeze_excite.expand_bias": False,
    }
    assert {name: decays_kernels(name) for name in names} == names


@pytest.mark.parametrize("make", [SGD, RMSProp, Adam])
def test_only_chosen_parameters_decay(make):
    some, none, everything = (
        run(make(parameters(), **settings), range(1))
        for settings in ({"weight_decay": 0.1, "decays": decays_kernels}, {}, {"weight_decay": 0.1})
    )
    for name in SHAPES:
        np.testing.assert_array_equal(some[name], (everything if name == "stem.kernel" else none)[name])
        assert not np.array_equal(none[name], everything[name])


def read_only():
    p = np.zeros(3)
    p.flags.writeable = False
    return p


@pytest.mark.parametrize(
    ("make", "error", "words"),
    [
        (lambda: SGD({"a": np.zeros(3, int)}), TypeError, "SGD: parameter 'a' .* real floats"),
        (lambda: SGD({"a": [1.0]}), TypeError, "SGD: parameter 'a'"),
        (lambda: RMSProp({"a": read_only()}), ValueError, "RMSProp: parameter 'a' .* can't be written"),
        (lambda: SGD({}, momentum=1), ValueError, "SGD: momentum"),
        (lambda: SGD({}, nesterov=True), ValueError, "SGD: nesterov"),
        (lambda: SGD({}, weight_decay=-1e-4), ValueError, "SGD: weight_decay"),
        (lambda: SGD({}, momentum="0.9"), TypeError, "SGD: momentum"),
        (lambda: RMSProp({}, decay=-0.1), ValueError, "RMSProp: decay"),
        (lambda: RMSProp({}, epsilon=0), ValueError, "RMSProp: epsilon"),
        (lambda: Adam({"a": [1.0]}), TypeError, "Adam: parameter 'a'"),
        (lambda: Adam({}, momentum=1), ValueError, "Adam: momentum"),
        (lambda: Adam({}, decay=1), ValueError, "Adam: decay"),
        (lambda: Adam({}, epsilon=0), ValueError, "Adam: epsilon"),
        (lambda: RMSProp({}, convention="optax"), ValueError, "RMSProp: convention .* tensorflow, keras, torch"),
    ],
)
def test_settings_that_do_not_fit_are_refused(make, error, words):
    with pytest.raises(error, match=words):
        make()


def test_smoothed_labels_keep_their_class_and_sum_to_one():
    labels = np.array([2, 0, 4, 2], np.uint8)
    rows = smooth_labels(labels, 5, 0.1)
    assert (rows.shape, rows.dtype) == ((4, 5), np.float32)
    np.testing.assert_allclose(rows, 0.9 * np.eye(5)[labels] + 0.02, rtol=1e-6)
    np.testing.assert_array_equal(smooth_labels(labels, 5, 0), np.eye(5)[labels])


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64, np.longdouble])
def test_smoothed_labels_are_right_to_the_last_digits_of_their_dtype(dtype):
    rows = smooth_labels(np.array([1, 0]), 3, 0.1, dtype=dtype)
    assert rows.dtype == dtype
    epsilon = max(np.finfo(dtype).eps, np.finfo(float).eps)  # ε itself is a float of Python
    assert abs(rows.astype(float) - (0.9 * np.eye(3)[[1, 0]] + 0.1 / 3)).max() <= epsilon


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        (([1, 2], 3, 0.1), TypeError, "labels must be an ndarray"),
        ((np.array([1.0]), 3, 0.1), TypeError, "labels must be an ndarray of integers"),
        ((np.array([[1]]), 3, 0.1), ValueError, r"labels must be \(B,\)"),
        ((np.array([3, 0]), 3, 0.1), ValueError, "between 0 and 2; got 0 to 3"),
        ((np.array([-1, 0]), 3, 0.1), ValueError, "between 0 and 2; got -1 to 0"),
        ((np.array([0]), 3.0, 0.1), TypeError, "classes"),
        ((np.array([0]), 0, 0.1), ValueError, "classes"),
        ((np.array([0]), 3, 1.0), ValueError, "smoothing"),
        ((np.array([0]), 3, float("nan")), ValueError, "smoothing"),
        ((np.array([0]), 3, 0.1, int), TypeError, "smooth_labels: dtype must be one of real floats"),
        ((np.array([0]), 3, 0.1, "half a float"), TypeError, "smooth_labels: dtype must be one of real floats"),
    ],
)
def test_labels_that_can_not_be_smoothed_are_refused(arguments, error, words):
    labels, classes, smoothing, *dtype = arguments
    with pytest.raises(error, match=words):
        smooth_labels(labels, classes, smoothing, **({"dtype": dtype[0]} if dtype else {}))


RULES = [
    lambda p: SGD(p, weight_decay=0.1),
    lambda p: SGD(p, momentum=0.9, weight_decay=0.1),
    lambda p: RMSProp(p, momentum=0.0, weight_decay=0.1),
    *OPTIMIZERS,
]


def large(layout):
    """Parameters and gradients, of which several threads compute pieces."""
    generator = np.random.default_rng(8)
    arrays = []
    for dtype in (np.float32, np.float64):
        p = layout(generator.standard_normal((7, 10, 2000)).astype(dtype))
        arrays.append({"large": p, "kernel": layout(p[:, :3].copy()), "bias": p[0, 0, :5].copy()})
    return arrays


LAYOUTS = {
    "contiguous": lambda a: a,
    "fortran": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=-1)[..., ::2],
    "turned": lambda a: a[:, ::-1],
}


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("make", RULES)
def test_pieces_on_any_number_of_threads_give_the_bits_of_the_whole(make, layout, monkeypatch):
    def trained(number, piece):
        monkeypatch.setattr(optimizers, "PIECE", piece)
        threads.use(number)
        try:
            p, g = large(layout)
            optimizer = make(p)
            for rate in RATES:
                optimizer.step(g, rate)
        finally:
            threads.use(None)
        return p | optimizer.state

    piece = optimizers.PIECE
    whole = trained(1, 10**9)
    for number in (1, 2, 3):
        for name, a in trained(number, piece).items():
            np.testing.assert_array_equal(a, whole[name], err_msg=name)


@pytest.mark.parametrize("layout", LAYOUTS.values(), ids=LAYOUTS)
@pytest.mark.parametrize("make", RULES)
def test_small_parameters_together_get_the_bits_of_each_alone(make, layout, monkeypatch):
    """Of two dtypes, with weight decay and without, one of them with a gradient of another dtype, and one too large."""
    monkeypatch.setattr(optimizers, "SMALL", 100)
    generator = np.random.default_rng(9)
    draw = lambda shape, dtype: layout(generator.standard_normal(shape).astype(dtype))  # noqa: E731
    shapes = [(3, 4), (5, 2), (30, 2), (4, 3), (7, 6), (2, 3), (13, 9), (6, 5)]
    p = {f"{i}.{'kernel' if i % 3 else 'bias'}": draw(s, [np.float32, np.float64][i % 2]) for i, s in enumerate(shapes)}
    gradients = [{name: draw(a.shape, a.dtype) for name, a in p.items()} for _ in RATES]
    for g in gradients:
        g["5.kernel"] = g["5.kernel"].astype(np.float32)
    copies = {name: layout(a.copy()) for name, a in p.items()}
    for name, a in p.items():
        copies[name][...] = a
    alone = {name: make({name: a}) for name, a in copies.items()}
    together = make(p)
    for g, rate in zip(gradients, RATES, strict=True):
        kept = {name: a.copy() for name, a in g.items()}
        together.step(g, rate)
        for name, optimizer in alone.items():
            optimizer.step({name: g[name]}, rate)
            np.testing.assert_array_equal(g[name], kept[name])
    assert len(together._together) < len(p)
    for name, optimizer in alone.items():
        np.testing.assert_array_equal(p[name], optimizer.parameters[name], err_msg=name)
        for key, a in optimizer.state.items():
            np.testing.assert_array_equal(together.state[key], a, err_msg=key)


def test_an_array_under_two_names_is_changed_twice_in_order():
    results = []
    for number in (1, 2):
        p, g = large(np.ascontiguousarray)
        p = {f"{i}": p["large"].reshape(-1)[i:] for i in range(40)}
        g = {name: g["large"].reshape(-1)[: a.size] for name, a in p.items()}
        threads.use(number)
        try:
            RMSProp(p, weight_decay=0.1).step(g, 0.1)
        finally:
            threads.use(None)
        results.append(p["0"])
    np.testing.assert_array_equal(*results)


def test_a_step_makes_no_arrays_but_the_first_ones_two_pieces():
    p, g = large(np.ascontiguousarray)
    g = {name: a.astype(np.float32) for name, a in g.items()}
    optimizer = RMSProp(p, weight_decay=0.1)
    threads.use(1)
    try:
        for most in (2 * optimizers.PIECE * 4, 0):
            tracemalloc.start()
            optimizer.step(g, 0.1)
            assert tracemalloc.get_traced_memory()[1] < most + 20_000  # and views
            tracemalloc.stop()
    finally:
        tracemalloc.stop()
        threads.use(None)

"""The bench: what it prints is what it says it is. No test here depends on how fast anything is."""

import json
import math
import sys
import tracemalloc
from types import SimpleNamespace

import numpy as np
import pytest

import npconv.threads
from npconv import bench, cli
from npconv.bench import against, groups, timing
from npconv.bench.limits import forward_limit, heads_limit, step_limit, with_shapes
from npconv.bench.training import _peak_mib
from npconv.bench.with_onnx import as_onnx, onnxruntime_inference
from npconv.cost import conv2d_cost, depthwise_separable_conv2d_cost
from npconv.layers import (
    Conv2D,
    DepthwiseConv2D,
    DepthwiseSeparable,
    HardSigmoid,
    InvertedResidual,
    ResidualBottleneck,
    Sequential,
    Sigmoid,
)
from npconv.models import deeplab_v3, mobilenet_v2, mobilenet_v3, small_mobilenet_v2
from npconv.training import digits_detector, digits_segmenter

TINY = bench.TimedBlock(5, 3, 3)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch):
    monkeypatch.setattr("npconv.bench.timing.REST", 0)
    monkeypatch.setattr("npconv.bench.timing.SAMPLE", 0)


@pytest.fixture
def called(monkeypatch):
    """NumPy's products and copies as they are made: (function, shapes of what it is given)."""
    calls = []
    for name in ("matmul", "copyto"):
        original = getattr(np, name)

        def recorded(*arrays, name=name, original=original, **out):
            calls.append((name, [a.shape for a in arrays]))
            return original(*arrays, **out)

        monkeypatch.setattr(np, name, recorded)
    return calls


@pytest.mark.parametrize(
    "steps",
    [lambda: bench.measure_block(TINY, 2, rounds=1), lambda: bench.measure_network(8, 2, rounds=1)],
    ids=["block", "network"],
)
def test_a_training_step_is_measured_beside_its_limit_and_parted_by_kind_of_layer(steps):
    limit, ours, *torch = steps()
    assert (limit.function, ours.function, limit.over_limit) == ("limit", "npconv", 1)
    assert ours.over_limit == ours.milliseconds / limit.milliseconds
    assert {"expand", "depthwise", "project", "normalisation", "ReLU6", "rest"} <= set(ours.shares)
    assert sum(ours.shares.values()) == pytest.approx(1)
    assert all(share > 0 for share in ours.shares.values())
    assert not limit.shares
    if torch:
        assert [step.function for step in torch] == ["torch", "torch channels-last"]
        assert min(step.over_torch for step in torch) == 1
        assert ours.over_torch == ours.milliseconds / min(step.milliseconds for step in torch)


def test_measuring_leaves_no_timer_in_the_layers(monkeypatch):
    network = InvertedResidual(3, 4)
    monkeypatch.setattr("npconv.bench.training.InvertedResidual", lambda *_: network)
    bench.measure_block(TINY, 2, rounds=1)
    assert all("forward" not in vars(leaf) and "backward" not in vars(leaf) for leaf in network.leaves())


def test_the_limit_has_three_products_for_a_convolution_and_two_copies_for_another_layer(called):
    network = InvertedResidual(3, 5, 2)
    shape = (2, 6, 7, 3)
    step = step_limit(network, shape)
    called.clear()
    step()
    assert [name for name, _ in called].count("matmul") == 2 * 3
    copied = sum(math.prod(shape) for name, shapes in called if name == "copyto" for shape in shapes)
    wide, narrow = 2 * 6 * 7 * 18, 2 * 3 * 4 * 18
    elementwise = 2 * 5 * wide + (3 * wide + 2 * narrow) + 2 * 5 * narrow + 5 * 2 * 3 * 4 * 5
    assert abs(copied - elementwise) <= 2 * len(called)


def v3_block(channels):
    return InvertedResidual(channels, channels, expanded=10, kernel_size=5, activation="hard_swish", squeeze=3)


@pytest.mark.parametrize(
    "network",
    [small_mobilenet_v2(7, 2), InvertedResidual(4, 4, seed=1), InvertedResidual(4, 6, 2), v3_block(4)],
    ids=["small network", "with shortcut", "stride 2", "V3's block"],
)
def test_the_network_in_torch_is_the_same_function_with_the_same_gradients(network):
    torch = pytest.importorskip("torch")
    from npconv.bench.with_torch import as_torch

    rng = np.random.default_rng(0)
    channels = next(iter(network.params.values())).shape[-2]
    x = rng.standard_normal((2, 9, 12, channels)).astype(np.float32)
    module = as_torch(network, x.shape).train()
    tx = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).requires_grad_()
    ty, y = module(tx), network.forward(x, training=True)
    dy = rng.standard_normal(y.shape).astype(np.float32)
    channels_first = (0, 3, 1, 2) if y.ndim == 4 else (0, 1)
    ty.backward(torch.from_numpy(dy.transpose(channels_first).copy()))
    np.testing.assert_allclose(ty.detach().numpy(), y.transpose(channels_first), atol=2e-5)
    dx = network.backward(dy)
    np.testing.assert_allclose(tx.grad.numpy(), dx.transpose(0, 3, 1, 2), atol=2e-4 * np.abs(dx).max())
    gradients = [p.grad.numpy() for p in module.parameters()]
    for theirs, (name, ours) in zip(gradients, network.grads.items(), strict=True):
        back = {4: (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[theirs.ndim]
        np.testing.assert_allclose(
            theirs.transpose(back).ravel() if ours.ndim != 3 else theirs.transpose(2, 3, 1, 0).ravel(),
            ours.ravel(), atol=2e-4 * np.abs(ours).max() + 1e-5, err_msg=name,
        )  # fmt: skip


@pytest.mark.parametrize(
    "network",
    [
        small_mobilenet_v2(7, 2), InvertedResidual(2, 2, seed=1), InvertedResidual(2, 6, 2),
        InvertedResidual(2, 2, dilation=2), DepthwiseSeparable(2, 5, stride=2),
        mobilenet_v2(0.35, 7, in_channels=2, conventions="torchvision"),
        Sequential(Conv2D(2, 5, (2, 3), stride=(1, 2), padding=((0, 1), (2, 0)), dilation=(2, 1), bias=True)),
        Sequential(DepthwiseConv2D(2, (3, 2), depth_multiplier=3, stride=(2, 1), padding="same", bias=True)),
        v3_block(2), Sequential(InvertedResidual(2, 5, activation="relu"), Sigmoid()), Sequential(HardSigmoid()),
    ],
    ids=[
        "small network", "with shortcut", "stride 2", "dilated", "separable", "V2", "uneven", "multiplied",
        "V3's block", "ReLU and sigmoid", "hard-sigmoid",
    ],
)  # fmt: skip
def test_the_network_in_onnxruntime_is_the_same_function(network):
    pytest.importorskip("onnx").checker.check_model(as_onnx(network, (3, 9, 12, 2)), full_check=True)
    pytest.importorskip("onnxruntime")
    rng = np.random.default_rng(0)
    for name, a in network.arrays().items():  # statistics and shifts that do something
        a[...] = a * rng.uniform(0.5, 2, a.shape) + ("kernel" not in name) * rng.uniform(0.1, 0.5, a.shape)
    x = rng.standard_normal((3, 9, 12, 2)).astype(np.float32)
    y, ((function, _), run) = network.forward(x), *onnxruntime_inference(network, x).items()
    theirs = run()
    assert function == "onnxruntime"
    assert y.std() > 0.01
    back = (0, 2, 3, 1) if y.ndim == 4 else (0, 1)
    depth = len(list(network.leaves()))
    np.testing.assert_allclose(theirs.transpose(back), y, rtol=0, atol=1e-5 * depth * np.abs(y).max())


def test_onnxruntime_runs_with_as_many_threads_as_numpy(monkeypatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "3")
    made = []
    original = onnxruntime.InferenceSession
    monkeypatch.setattr(
        onnxruntime,
        "InferenceSession",
        lambda model, options, **rest: made.append(options.intra_op_num_threads) or original(model, options, **rest),
    )
    onnxruntime_inference(InvertedResidual(2, 2), np.ones((1, 5, 6, 2), np.float32))
    assert made == [3]


@pytest.mark.parametrize("missing", ["onnx", "onnxruntime"])
def test_without_its_packages_onnxruntime_is_left_out(monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    assert onnxruntime_inference(InvertedResidual(2, 2), np.ones((1, 5, 6, 2), np.float32)) == {}


def test_a_layer_that_onnx_has_not_is_refused():
    pytest.importorskip("onnx")
    with pytest.raises(TypeError, match="as_onnx: ResidualBottleneck has no counterpart here"):
        as_onnx(Sequential(ResidualBottleneck(4, 2)), (2, 5, 6, 4))


def test_a_layer_that_torch_has_not_is_refused():
    pytest.importorskip("torch")
    from npconv.bench.with_torch import as_torch

    with pytest.raises(TypeError, match="as_torch: ResidualBottleneck has no counterpart here"):
        as_torch(ResidualBottleneck(4, 2), (2, 5, 6, 4))


def test_leaves_come_with_their_inputs_shapes():
    network = small_mobilenet_v2(7, 2)
    shapes = [shape for _, shape in with_shapes(network, (2, 9, 12, 2))]
    assert shapes[0] == (2, 9, 12, 2)
    assert shapes[-1] == (2, 128)
    assert len(shapes) == len(list(network.leaves()))


def test_the_command_prints_steps_alone_and_writes_them(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "BLOCKS", (TINY,))
    monkeypatch.setattr(bench, "measure_network", lambda rounds: bench.measure_block(TINY, 3, rounds=rounds))
    monkeypatch.setattr(bench, "measure_detector", lambda rounds: [])
    monkeypatch.setattr(bench, "measure_multi_task", lambda rounds: [])
    file = tmp_path / "bench.json"
    assert cli.main(["bench", "--kind", "training", "--batch", "1", "2", "--rounds", "1", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "training step" in printed
    assert not any(word in printed for word in ("geometric means", "separable over standard", "inference"))
    data = json.loads(file.read_text(encoding="utf-8"))
    assert (data["rows"], data["separable"], data["passes"]) == ([], [], [])
    assert [step["batch"] for step in data["steps"] if step["function"] == "npconv"] == [2, 3]
    assert data["steps"][1]["shares"]["depthwise"] > 0


SEPARABLE = bench.TimedLayer("separable", "block 1", 7, 3, 5, 3, 2)


def test_what_is_timed_of_separable_convolutions_are_the_layers_of_mobilenet_v1():
    macs = {"standard": 0, "depthwise": 0, "pointwise": 0}
    for layer in bench.SEPARABLE_LAYERS:
        x, n, geometry = (1, layer.side, layer.side, layer.in_channels), layer.out_channels, {"padding": 1}
        standard = conv2d_cost(x, (3, 3, x[-1], n), stride=layer.stride, **geometry)
        separable = depthwise_separable_conv2d_cost(x, (3, 3, x[-1]), (x[-1], n), stride=layer.stride, **geometry)
        for kind, cost in {"standard": standard, **separable.parts}.items():
            macs[kind] += cost.macs
    assert macs == {"standard": 4_866_269_184 - 10_838_016, "depthwise": 17_385_984, "pointwise": 539_492_352}
    assert [layer.group for layer in bench.SEPARABLE_LAYERS] == [f"block {number}" for number in range(1, 14)]


def test_a_saving_is_computed_from_the_seconds_of_its_parts(monkeypatch):
    seconds = {"standard": 8.0, "separable": 3.0, "depthwise": 2.0, "pointwise": 0.5}
    functions = {"limit": 0.5, "npconv": 1.0, "torch": 0.75, "torch channels-last": 0.25}
    asked = []

    def interleaved(timed, rounds):
        asked.append((set(timed), rounds))
        times = {(f, part): slow * t for f, slow in functions.items() for part, t in seconds.items()}
        times["torch", "standard"] = 1.0  # here the other layout is the faster one
        del times["limit", "separable"]
        return times

    monkeypatch.setattr("npconv.bench.separable.interleaved", interleaved)
    saving = bench.measure_separable(SEPARABLE, 2, rounds=4)
    ((timed, rounds),) = asked
    assert rounds == saving.rounds == 4
    expected = {(f, part) for f in functions for part in seconds} - {("limit", "separable")}
    assert timed >= {key for key in expected if not key[0].startswith("torch")}
    assert timed in (expected, {key for key in expected if not key[0].startswith("torch")})
    assert (saving.side, saving.in_channels, saving.out_channels, saving.stride, saving.batch) == (7, 3, 5, 2, 2)
    assert saving.predicted == "14/45"
    assert saving.macs == {"standard": 2 * 16 * 135, "depthwise": 2 * 16 * 27, "pointwise": 2 * 16 * 15,
                           "separable": 2 * 16 * 42}  # fmt: skip
    read, between, written = 2 * 49 * 3, 2 * 16 * 3, 2 * 16 * 5
    depthwise, pointwise = 4 * (read + 27 + between), 4 * (between + 15 + written)
    assert saving.bytes == {"standard": 4 * (read + 135 + written), "depthwise": depthwise, "pointwise": pointwise,
                            "separable": depthwise + pointwise}  # fmt: skip
    assert saving.flops_per_byte["depthwise"] == 2 * 864 / depthwise
    assert saving.milliseconds["npconv"] == {part: 1e3 * t for part, t in seconds.items()}
    assert saving.milliseconds["torch"] == {"standard": 1e3, "depthwise": 500, "pointwise": 125, "separable": 750}
    assert saving.milliseconds["limit"]["separable"] == 1e3 * (1.0 + 0.25)
    assert saving.ratios == {"limit": 1.25 / 4, "npconv": 3 / 8, "torch": 0.75}
    assert saving.gflops["npconv"]["pointwise"] == pytest.approx(2e-9 * 480 / 0.5)


def test_all_ways_of_the_separable_bench_compute_the_same(monkeypatch):
    calls = {}

    def interleaved(timed, rounds):
        calls.update(timed)
        return dict.fromkeys(timed, 1.0)

    monkeypatch.setattr("npconv.bench.separable.interleaved", interleaved)
    bench.measure_separable(SEPARABLE, 2)
    results = {key: call() for key, call in calls.items()}
    y = results["npconv", "separable"]
    assert y.shape == (2, 4, 4, 5)
    np.testing.assert_array_equal(results["npconv", "pointwise"], y)
    assert not np.allclose(results["npconv", "standard"], y)
    assert results["limit", "standard"].shape == results["limit", "pointwise"].shape == (2 * 4 * 4, 5)
    assert results["limit", "depthwise"] is None  # as numpy.copyto returns
    theirs = [key for key in results if key[0].startswith("torch")]
    for function, part in theirs:
        np.testing.assert_allclose(
            results[function, part].numpy().transpose(0, 2, 3, 1), results["npconv", part], atol=1e-5
        )
    assert len(theirs) in (0, 8)


def test_the_command_prints_savings_and_writes_them(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(bench, "SEPARABLE_LAYERS", (SEPARABLE,))
    file = tmp_path / "bench.json"
    words = ["bench", "--kind", "separable", "--batch", "1", "2", "--rounds", "1", "--json"]
    assert cli.main([*words, str(file)]) == 0
    printed = capsys.readouterr().out
    assert all(word in printed for word in ("separable over standard", "0.311", "FLOP/byte", "depthwise", "block 1"))
    assert "training step" not in printed
    data = json.loads(file.read_text(encoding="utf-8"))
    assert (data["rows"], data["passes"], data["steps"]) == ([], [], [])
    assert [saving["batch"] for saving in data["separable"]] == [1, 2]
    assert all(ratio > 0 for saving in data["separable"] for ratio in saving["ratios"].values())
    assert cli.main(words) == 0
    assert len(json.loads(capsys.readouterr().out)["separable"]) == 2


SAMPLES = {  # in which the median of the ratios is another number than the ratio of the medians
    "limit": [1.0, 2.0, 3.0],
    "Inference": [6.0, 2.0, 12.0],
    "npconv": [6.0, 2.0, 12.0],
    "folded": [4.0, 4.0, 4.0],
    "as built": [8.0, 8.0, 8.0],
    "torch": [2.0, 8.0, 6.0],
    "torch channels-last": [3.0, 4.0, 24.0],
    "onnxruntime": [1.0, 1.0, 1.5],
}


@pytest.fixture
def taken(monkeypatch):
    """The calls that were timed, for which the samples above were handed out."""
    calls = {}

    def samples_in_turn(timed, rounds):
        assert rounds == 3
        calls.update(timed)
        return {key: SAMPLES[key[0]] for key in timed}

    monkeypatch.setattr("npconv.bench.timing.samples_in_turn", samples_in_turn)
    return calls


@pytest.fixture
def no_torch(monkeypatch):
    for module in ("timing", "inference", "training", "with_torch", "kernels", "separable"):
        monkeypatch.setattr(f"npconv.bench.{module}.import_torch", lambda: None)
    monkeypatch.setattr("npconv.bench.inference.onnxruntime_inference", lambda network, x: {})


@pytest.fixture
def some_torch(monkeypatch):
    """A torch and an onnxruntime that are there, whatever is installed, and what they were asked to do."""
    asked = {}
    for module, function, part in (
        ("inference", "torch_inference", "forward"),
        ("training", "torch_block_steps", "step"),
        ("training", "torch_network_steps", "step"),
    ):

        def steps(network, *arrays, function=function, part=part, **settings):
            asked[function] = network, arrays, settings
            return {(name, part): lambda: None for name in ("torch", "torch channels-last")}

        monkeypatch.setattr(f"npconv.bench.{module}.import_torch", object)
        monkeypatch.setattr(f"npconv.bench.{module}.{function}", steps)
    runs = {("onnxruntime", "forward"): lambda: None}
    monkeypatch.setattr("npconv.bench.inference.onnxruntime_inference", lambda network, x: runs)
    return asked


def test_inference_is_compared_by_the_medians_of_the_rounds_ratios(taken, some_torch):
    passes = {each.function: each for each in bench.measure_inference(2, width=0.35, resolution=32, rounds=3)}
    others = ["torch", "torch channels-last", "onnxruntime"]
    assert list(passes) == ["limit", "Inference", "folded", "as built", *others]
    fast = passes["Inference"]
    assert (fast.network, fast.batch, fast.milliseconds) == ("MobileNetV2 0.35 32²", 2, 6000)
    assert fast.over_limit == 4  # of 6, 1 and 4
    assert fast.over_torch == 2  # of 3, 0.25 and 2
    assert fast.over_faster_torch == 0.5  # of 2, 0.5 and 0.5: channels last has the smaller median
    assert fast.over_onnxruntime == 6  # of 6, 2 and 8
    assert fast.quartiles == {
        "over_limit": (2.5, 5), "over_torch": (1.125, 2.5), "over_faster_torch": (0.5, 1.25), "over_onnxruntime": (4, 7)
    }  # fmt: skip
    assert passes["torch"].over_torch == passes["torch channels-last"].over_faster_torch == 1
    network, (x,), _ = some_torch["torch_inference"]
    assert network.specification.conventions == "torchvision"
    assert x.shape == (2, 32, 32, 3)
    assert network.forward(x).shape == (2, 1000)


def test_without_torch_inference_has_no_ratio_over_it(taken, no_torch):
    passes = bench.measure_inference(1, width=0.35, resolution=32, rounds=3)
    assert [each.function for each in passes] == ["limit", "Inference", "folded", "as built"]
    assert all(each.over_torch is each.over_faster_torch is each.over_onnxruntime is None for each in passes)
    assert list(passes[1].quartiles) == ["over_limit"]
    assert passes[1].over_limit == 4


@pytest.mark.parametrize("network", bench.NETWORKS)
def test_all_ways_of_the_inference_bench_compute_the_same(taken, network):
    assert bench.measure_inference(2, network=network, width=0.35, resolution=64, rounds=3)[0].network.startswith(
        network
    )
    results = {name: run() for (name, _), run in taken.items()}
    y = results["as built"]
    assert y.shape == (2, 1000)
    for name in ("Inference", "folded", *(["onnxruntime"] if "onnxruntime" in results else [])):
        np.testing.assert_allclose(results[name], y, rtol=1e-3, atol=1e-5 * np.abs(y).max())
    theirs = [name for name in results if name.startswith("torch")]
    for name in theirs:
        assert results[name].is_inference()
        np.testing.assert_allclose(results[name].numpy(), y, rtol=1e-3, atol=1e-4 * np.abs(y).max())
    assert len(theirs) in (0, 2)


@pytest.mark.parametrize(
    ("measure", "asked_for", "x_shape"),
    [
        (lambda: bench.measure_block(TINY, 2, rounds=3), "torch_block_steps", (2, 5, 5, 3)),
        (lambda: bench.measure_network(8, 2, rounds=3), "torch_network_steps", (2, 8, 8, 1)),
    ],
    ids=["block", "network"],
)
def test_training_steps_are_compared_by_the_medians_of_the_rounds_ratios(
    taken, some_torch, measure, asked_for, x_shape
):
    steps = {step.function: step for step in measure()}
    assert list(steps) == ["limit", "npconv", "torch", "torch channels-last"]
    assert (steps["npconv"].milliseconds, steps["npconv"].over_limit, steps["npconv"].over_torch) == (6000, 4, 0.5)
    assert steps["npconv"].over_default_torch == 2  # of 3, 1/4 and 2
    assert steps["npconv"].quartiles["over_default_torch"] == (1.125, 2.5)
    assert steps["npconv"].peak_mib > 0
    assert steps["torch"].peak_mib is steps["limit"].peak_mib is None
    assert steps["torch"].over_torch == 2 / 3  # of 2/3, 2 and 1/4, over the other layout
    _, (x, *_), settings = some_torch[asked_for]
    assert x.shape == x_shape
    assert settings == (
        {"momentum": 0.9, "learning_rate": 1e-3, "smoothing": 0.1} if asked_for == "torch_network_steps" else {}
    )


@pytest.mark.parametrize("traced", [False, True], ids=["nothing traced before", "traced before"])
def test_a_steps_memory_is_the_peak_of_its_second_run_with_what_the_first_keeps(traced):
    kept = [np.ones(2**17)]  # from before: not counted
    if traced:
        tracemalloc.start()

    def step():
        if len(kept) == 1:
            np.ones(2**21)  # 16 MiB, in the first alone
        kept[1:] = [np.ones((2 if len(kept) == 1 else 1) * 2**18)]  # 4 MiB first, then 2

    try:
        assert _peak_mib(step) == pytest.approx(4 + 2, abs=0.01)
        assert tracemalloc.is_tracing() == traced
    finally:
        tracemalloc.stop()


def test_nothing_is_traced_while_it_is_timed(monkeypatch):
    seen = []

    def samples_in_turn(timed, rounds):
        seen.append(tracemalloc.is_tracing())
        return {key: [1.0] for key in timed}

    monkeypatch.setattr(timing, "samples_in_turn", samples_in_turn)
    monkeypatch.setattr("npconv.bench.training._shares", lambda *_: seen.append(tracemalloc.is_tracing()) or {})
    bench.measure_block(TINY, 2, rounds=1)
    assert seen == [False, False]


def test_without_torch_training_steps_have_no_ratio_over_it(taken, no_torch):
    steps = bench.measure_block(TINY, 2, rounds=3)
    over = [(step.function, step.over_torch, step.over_default_torch) for step in steps]
    assert over == [("limit", None, None), ("npconv", None, None)]


def test_calls_are_timed_by_the_call(monkeypatch):
    clock = [10.0]
    monkeypatch.setattr(timing, "time", SimpleNamespace(perf_counter=lambda: clock[0]))

    def run():
        clock[0] += 0.25

    assert timing.seconds_each(run, 4) == 0.25
    assert clock == [11.0]


def test_short_calls_are_repeated_and_slow_ones_left_out_after_the_third_round(monkeypatch, no_torch):
    monkeypatch.setattr(timing, "SAMPLE", 0.01)
    seconds = {"short": 0.002, "slow": 2 * timing.SLOW, "long": 0.9 * timing.SLOW}
    counts = []

    def seconds_each(run, repeats):
        counts.append((run(), repeats))
        return seconds[run()]

    monkeypatch.setattr(timing, "seconds_each", seconds_each)
    samples = timing.samples_in_turn({(name, "forward"): lambda name=name: name for name in seconds}, 5)
    assert {name: len(taken) for (name, _), taken in samples.items()} == {"short": 5, "slow": 3, "long": 5}
    assert samples["short", "forward"] == [0.002] * 5
    assert counts[:3] == [("short", 1), ("slow", 1), ("long", 1)]  # to learn how long each takes
    assert counts[3:9] == [
        ("short", 1),
        ("short", 5),
        ("slow", 1),
        ("slow", 1),
        ("long", 1),
        ("long", 1),
    ]  # one to warm up
    assert [name for name, _ in counts[3::2]] == ["short", "slow", "long"] * 3 + ["short", "long"] * 2


def test_between_libraries_there_is_a_rest_and_before_each_sample_a_call_that_does_not_count(monkeypatch):
    log = []
    monkeypatch.setattr(timing, "time", SimpleNamespace(sleep=lambda _: log.append("rest")))
    monkeypatch.setattr(timing, "seconds_each", lambda run, repeats: len([run() for _ in range(repeats)]) and 1.0)
    names = ("limit", "npconv", "torch", "torch-cl", "onnxruntime")
    timing.samples_in_turn({(name, "step"): lambda name=name: log.append(name) for name in names}, 1)
    learnt = "rest limit limit npconv npconv rest torch torch torch-cl torch-cl rest onnxruntime onnxruntime"
    counted = "rest limit limit limit npconv npconv rest torch torch torch torch-cl torch-cl "
    counted += (
        "rest onnxruntime onnxruntime onnxruntime"  # two calls to warm up after a rest, one otherwise, and the sample
    )
    assert log == f"{learnt} {counted}".split()


def test_one_library_alone_needs_no_rest(monkeypatch):
    monkeypatch.setattr(timing, "time", SimpleNamespace())
    monkeypatch.setattr(timing, "seconds_each", lambda run, repeats: 1.0)
    calls = {(name, "step"): lambda: None for name in ("limit", "npconv")}
    assert timing.samples_in_turn(calls, 2) == {key: [1.0, 1.0] for key in calls}


def test_both_layouts_of_torch_are_what_they_are_called():
    torch = pytest.importorskip("torch")
    from npconv.bench.with_torch import KERNEL, layouts

    rng = np.random.default_rng(0)
    strides = {}
    for name, layout, place in layouts():
        x, kernel = rng.standard_normal((2, 5, 4, 1)), rng.standard_normal((1, 1, 3, 6))
        tx, tkernel = place(x), place(kernel, KERNEL)
        np.testing.assert_array_equal(tx.numpy(), x.transpose(0, 3, 1, 2))
        np.testing.assert_array_equal(tkernel.numpy(), kernel.transpose(3, 2, 0, 1))
        strides[name] = layout, tx.stride(), tkernel.stride()
    assert strides == {  # of one channel, too, and of one tap
        "torch": (torch.contiguous_format, (20, 20, 4, 1), (3, 1, 1, 1)),
        "torch channels-last": (torch.channels_last, (20, 1, 4, 1), (3, 1, 3, 3)),
    }


def test_a_layer_of_another_kind_is_refused():
    with pytest.raises(ValueError, match=r"measure: layer\.kind must be one of standard, depthwise"):
        bench.measure(SEPARABLE, 1)


@pytest.mark.parametrize("kind", ["standard", "depthwise", "pointwise", "transposed"])
def test_the_limit_of_a_kernel_is_its_products_or_its_copy(monkeypatch, called, no_torch, kind):
    asked = {}

    def samples_in_turn(timed, rounds):
        asked.update(timed)
        return {key: [1.0, 2.0] for key in timed}

    monkeypatch.setattr(timing, "samples_in_turn", samples_in_turn)
    m, n, side = 3, 3 if kind == "depthwise" else 5, 1 if kind == "pointwise" else 3
    rows = bench.measure(bench.TimedLayer(kind, "group", 6, m, n, side), 2, loops=False, rungs=False)
    called.clear()
    for key in (("limit", "forward"), ("limit", "backward")):
        if key in asked:
            asked[key]()
    positions = 2 * 6 * 6
    assert (
        called
        == {
            "standard": [("matmul", [(positions, 27), (27, 5)])],
            "pointwise": [
                ("matmul", [(positions, 3), (3, 5)]),
                ("matmul", [(positions, 5), (5, 3)]),
                ("matmul", [(3, positions), (positions, 5)]),
            ],
            "depthwise": [("copyto", [(positions * 3,)] * 2), ("copyto", [(positions * 9 // 2,)] * 2)],
            "transposed": [
                ("matmul", [(positions, 3), (3, 45)]),
                ("matmul", [(positions, 45), (45, 3)]),
                ("matmul", [(45, positions), (positions, 3)]),
            ],
        }[kind]
    )
    over = {row.direction: row.over_limit for row in rows if row.function.startswith(kind.replace("standard", "conv"))}
    assert over == {"forward": 1, "backward": 0.5 if kind == "standard" else 1}


def test_a_kernel_has_its_ratios_over_both_of_torchs_layouts(monkeypatch):
    samples = {"limit": [1.0, 2.0], "torch": [4.0, 4.0], "torch channels-last": [2.0, 3.0]}
    monkeypatch.setattr("npconv.bench.kernels._torch", lambda *_: {("torch", d): None for d in ("forward", "backward")})
    monkeypatch.setattr(
        timing, "samples_in_turn",
        lambda timed, rounds: {(name, d): samples.get(name, [8.0, 8.0]) for _, d in timed for name in ("f", *samples)},
    )  # fmt: skip
    rows = bench.measure(bench.TimedLayer("pointwise", "g", 4, 3, 5, 1), 2, loops=False, rungs=False)
    assert [row.over_default_torch for row in rows if row.function == "f"] == [2, 2]
    assert [row.over_torch for row in rows if row.function == "f"] == [(4 + 8 / 3) / 2] * 2
    assert rows[0].quartiles["over_limit"] == (5, 7)


def test_the_limit_of_inference_has_a_product_for_a_convolution_and_a_copy_for_a_depthwise_one(called):
    network = small_mobilenet_v2(7, 2, rows=[(2, 5, 1, 2)], stem_channels=3, last_channels=6)
    run = forward_limit(network.folded(), (2, 9, 12, 2))
    called.clear()
    run()
    half = (2 * 5 * 6 * 6 + 2 * 3 * 3 * 6) // 2
    assert called == [
        ("matmul", [(2 * 5 * 6, 18), (18, 3)]),
        ("matmul", [(2 * 5 * 6, 3), (3, 6)]),
        ("copyto", [(half,), (half,)]),
        ("matmul", [(2 * 3 * 3, 6), (6, 5)]),
        ("matmul", [(2 * 3 * 3, 5), (5, 6)]),
        ("matmul", [(2, 6), (6, 7)]),
    ]


def test_the_command_prints_passes_and_writes_them(tmp_path, capsys, monkeypatch):
    def made(batch, network, rounds):
        return [bench.Pass(network, batch, "Inference", 1234.5, 3.0, 0.5, None)]

    monkeypatch.setattr(bench, "measure_inference", made)
    file = tmp_path / "bench.json"
    assert cli.main(["bench", "--kind", "inference", "--batch", "1", "2", "--rounds", "1", "--json", str(file)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["inference", "B", "function", "ms", "×", "limit", "×", "torch", "×", "faster", "layout"]
    made_of = [("MobileNetV2", 1), ("MobileNetV3", 1), ("MobileNetV2", 2), ("MobileNetV3", 2)]
    assert lines[2:6] == [f"{name}  {batch}  Inference  1,234.5     3.00     0.50" for name, batch in made_of]
    passes = json.loads(file.read_text(encoding="utf-8"))["passes"]
    assert [(each["network"], each["batch"], each["over_torch"]) for each in passes] == [(*of, 0.5) for of in made_of]


@pytest.mark.parametrize("there", [True, False])
def test_columns_over_other_libraries_are_printed_where_they_are_there(capsys, monkeypatch, there):
    ratios = {"over_default_torch": 0.123, "quartiles": {}} if there else {}
    step = bench.StepTime("made", 8, "npconv", 5.0, 3.0, 0.5, {"rest": 1.0}, peak_mib=7.456, **ratios)
    row = bench.KernelTime("made", "pointwise", "g", 8, "forward", "f", 5.0, 1.0, 3.0, 0.5, **ratios)
    other = bench.Pass("made", 8, "Inference", 5.0, 3.0, *([0.5, 0.6, 2.341] if there else [None] * 3))
    monkeypatch.setattr(bench, "LAYERS", (bench.TimedLayer("pointwise", "g", 4, 3, 5, 1),))
    monkeypatch.setattr(bench, "BLOCKS", (TINY,))
    monkeypatch.setattr(bench, "measure", lambda *_, **options: [row])
    monkeypatch.setattr(bench, "measure_block", lambda *_, **options: [step])
    monkeypatch.setattr(bench, "measure_network", lambda **_: [])
    monkeypatch.setattr(bench, "measure_detector", lambda **_: [])
    monkeypatch.setattr(bench, "measure_multi_task", lambda **_: [])
    monkeypatch.setattr(bench, "measure_inference", lambda *_, **options: [other])
    kinds = ("pointwise", "training", "inference")
    assert cli.main(["bench", "--kind", *kinds, "--batch", "8", "--rounds", "1"]) == 0
    words = capsys.readouterr().out
    assert [word in words for word in ("× default layout", "0.12", "× onnxruntime", "2.34")] == [there] * 4
    assert "7.46" in words


ROW = {  # as the first version wrote it
    "layer": "made 3×3", "kind": "standard", "group": "3×3", "batch": 2, "direction": "forward", "function": "conv2d",
    "milliseconds": 8.0, "gflops": 1.0, "over_limit": 4.0, "over_torch": 2.0, "scaled": False,
}  # fmt: skip
STEP = {"network": "made block", "batch": 8, "function": "npconv", "milliseconds": 10.0, "over_limit": 3.0,
        "over_torch": 1.5, "shares": {"rest": 1.0}}  # fmt: skip
PASS = {"network": "made V2", "batch": 1, "function": "Inference", "milliseconds": 5.0, "over_limit": 2.0,
        "over_torch": 0.5, "over_faster_torch": 0.8}  # fmt: skip
SAVING = {"block": "block 1", "batch": 2, "milliseconds": {
    function: {"standard": 4 * t, "depthwise": t, "pointwise": 2 * t, "separable": 3 * t}
    for function, t in (("limit", 1.0), ("npconv", 5.0), ("torch", 2.0))
}}  # fmt: skip
MACHINE = {"processor": "made", "threads": 2, "numpy": "1.26.0"}
OLD_RUN = {"machine": MACHINE, "rows": [ROW], "separable": [SAVING], "passes": [PASS], "steps": [STEP]}


def new_run(**other):
    quartiles = {"over_limit": [1.0, 4.0], "over_torch": [0.5, 0.5], "over_default_torch": [0.25, 1.0]}
    row = ROW | {"milliseconds": 4.0, "over_limit": 2.0, "over_torch": 0.5, "over_default_torch": 0.5}
    rows = [row | {"quartiles": quartiles}, ROW | {"layer": "another", "over_limit": 8.0}, ROW | {"function": "limit"}]
    steps = [
        STEP | {"peak_mib": 8.0},
        STEP | {"network": "small", "batch": 64, "milliseconds": 2.0, "over_limit": 12.0},
    ]
    passes = [PASS | {"over_onnxruntime": 2.5}]
    return {"machine": MACHINE | {"threads": 1, "npconv": "9"}, "rows": rows, "passes": passes, "steps": steps} | other


def test_means_are_of_what_users_call_by_group_direction_and_batch():
    means = groups.group_means(groups.entries(new_run(separable=[SAVING])))
    assert list(means) == [
        ("3×3", "forward", "2", 2),
        ("inference", "forward", "1", 1),
        ("training step", "step", "", 2),
    ]
    standard, inference, training = means.values()
    assert standard["limit"] == groups.GroupMean(4, 2, 8, (1, 4))  # the other row has no quartiles
    assert standard["faster layout"].mean == 1
    assert "default layout" not in standard  # which one row has only
    assert training["limit"] == groups.GroupMean(6, 3, 12)
    assert {over: ratio.mean for over, ratio in inference.items()} == {
        "limit": 2, "default layout": 0.5, "faster layout": 0.8, "onnxruntime": 2.5
    }  # fmt: skip


def test_the_kernels_in_the_means_are_those_of_the_package():
    kernels = {"conv2d", "depthwise_conv2d", "pointwise_conv2d", "transposed_conv2d"}
    assert {"Inference", "npconv", *kernels, *(f"{name}_backward" for name in kernels)} == groups.USED


def test_a_group_has_the_mean_of_its_rows_quartiles():
    made = [
        groups.BenchEntry("g", layer, "forward", 1, "conv2d", 1.0, {"limit": 3.0}, {"limit": pair})
        for layer, pair in (("a", (2.0, 3.0)), ("b", (8.0, 12.0)))
    ]
    ((_, means),) = groups.group_means(made).items()
    assert means["limit"].quartiles == pytest.approx((4, 6))


def test_a_run_is_compared_with_one_of_an_earlier_version():
    found = against.changes(new_run(), OLD_RUN)
    assert [(each.layer, each.direction, each.batch) for each in found] == [
        ("made 3×3", "forward", 2), ("made V2", "forward", 1), ("made block", "step", 8)
    ]  # fmt: skip
    assert [each.function for each in found] == ["conv2d", "Inference", "npconv"]
    kernel, whole, step = found
    assert (kernel.milliseconds_then, kernel.milliseconds) == (8, 4)
    assert kernel.changes == {"ms": 0.5, "× limit": 0.5, "× faster layout": 0.25}
    assert whole.changes == {"ms": 1, "× limit": 1, "× default layout": 1, "× faster layout": 1}
    assert step.changes == {"ms": 1, "× limit": 1, "× faster layout": 1}


def test_memory_and_the_parts_of_separable_convolutions_are_compared_too():
    then = {"machine": {}, "steps": [STEP | {"peak_mib": 32.0}], "separable": [SAVING]}
    faster = {f: {part: t / 2 if f == "npconv" else t for part, t in parts.items()}
              for f, parts in SAVING["milliseconds"].items()}  # fmt: skip
    step, *parts = against.changes(new_run(separable=[SAVING | {"milliseconds": faster}]), then)
    assert step.changes["peak MiB"] == 0.25
    assert {part.function for part in parts} == {"limit", "npconv", "torch"}
    assert len(parts) == 12
    for part in parts:
        assert part.changes == dict.fromkeys(
            ("ms", "× limit", "× faster layout"), 0.5 if part.function == "npconv" else 1
        )


def test_changes_have_geometric_means_by_group():
    rows = [ROW, ROW | {"layer": "another", "over_torch": None}]
    now = [row | {"milliseconds": t, "over_limit": 1.0} for row, t in zip(rows, (4.0, 1.0), strict=True)]
    means = against.mean_changes(against.changes({"machine": {}, "rows": now}, {"machine": {}, "rows": rows}))
    assert list(means) == [("3×3", "forward", "conv2d", 2)]
    assert means["3×3", "forward", "conv2d", 2] == pytest.approx({"ms": 0.25, "× limit": 0.25})


def test_settings_that_differ_are_told():
    lines = against.other_settings(new_run(), OLD_RUN)
    assert lines == ["threads 2 then, 1 now", "npconv not given then, 9 now"]


@pytest.mark.parametrize(
    "text",
    [
        "", "[1]", "{}", '{"machine": {}}', '{"machine": 1, "steps": []}', '{"machine": {}, "steps": [1]}',
        '{"machine": {}, "steps": {"a": 1}}', '{"machine": {}, "rows": [{"layer": "a"}]}', "[" * 100_000,
        *(json.dumps({"machine": {}, "steps": [STEP | change]}) for change in (
            {"milliseconds": 0}, {"milliseconds": "x"}, {"over_limit": -1}, {"batch": "8"}, {"network": ["a"]},
            {"quartiles": {"over_limit": "no"}}, {"quartiles": 3}, {"peak_mib": -2}, {"peak_mib": "x"})),
        json.dumps({"machine": {}, "steps": [STEP]}).replace("10.0", "1e999"),
        json.dumps({"machine": {}, "separable": [SAVING | {"milliseconds": {"limit": {"standard": 0}}}]}),
    ],
)  # fmt: skip
def test_a_file_that_is_no_run_is_refused_before_anything_is_measured(tmp_path, capsys, monkeypatch, text):
    monkeypatch.setattr(bench, "measure_network", lambda rounds: pytest.fail("it was measured"))
    monkeypatch.setattr(bench, "BLOCKS", ())
    file = tmp_path / "other.json"
    file.write_text(text, encoding="utf-8")
    assert cli.main(["bench", "--kind", "training", "--against", str(file)]) == 2
    error = capsys.readouterr().err
    assert error.startswith(f"npconv bench: --against must be a file that npconv bench --json wrote; got {file}: ")
    assert error.count("\n") == 1


def test_a_binary_file_and_a_missing_one_are_refused(tmp_path, capsys):
    (tmp_path / "binary").write_bytes(b"\xff\x00\xfe")
    for name, words in (("binary", "--against must be a file that npconv bench"), ("none", "No such file")):
        assert cli.main(["bench", "--kind", "training", "--against", str(tmp_path / name)]) == 2
        assert words in capsys.readouterr().err


@pytest.fixture
def tiny_training(monkeypatch):
    monkeypatch.setattr(bench, "BLOCKS", (TINY,))
    monkeypatch.setattr(bench, "measure_network", lambda rounds: [])
    monkeypatch.setattr(bench, "measure_detector", lambda rounds: [])
    monkeypatch.setattr(bench, "measure_multi_task", lambda rounds: [])
    return ["bench", "--kind", "training", "--batch", "2", "--rounds", "1"]


def test_the_command_compares_with_a_stored_run(tmp_path, capsys, tiny_training):
    file = tmp_path / "then.json"
    assert cli.main([*tiny_training, "--json", str(file)]) == 0
    assert "now over then" not in capsys.readouterr().out
    run = json.loads(file.read_text(encoding="utf-8"))
    run["machine"]["processor"] = "another"
    file.write_text(json.dumps(run), encoding="utf-8")
    assert cli.main([*tiny_training, "--against", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "now over then (below 1 is faster now)" in printed
    assert "differs: processor another then, " in printed
    assert all(word in printed for word in ("by group:", "ms then", "ms now", "peak MiB", str(TINY)))
    assert cli.main([*tiny_training, "--against", str(file), "--json"]) == 0
    data = json.loads(capsys.readouterr().out)
    assert [change["function"] for change in data["changes"]] == [step["function"] for step in run["steps"]]
    assert data["changes"][1]["milliseconds_then"] == run["steps"][1]["milliseconds"]


def test_a_run_of_other_layers_is_refused_when_what_was_measured_is_printed(tmp_path, capsys, tiny_training):
    file = tmp_path / "then.json"
    file.write_text(json.dumps(OLD_RUN), encoding="utf-8")
    assert cli.main([*tiny_training, "--against", str(file)]) == 2
    printed, error = capsys.readouterr()
    expected = "must be a file that npconv bench --json wrote for some of the same layers and batches"
    assert error == f"npconv bench: --against {expected}; got {file}\n"
    assert str(TINY) in printed


def test_the_machine_is_told_with_its_processor_and_its_blas():
    facts = bench.machine()
    assert all(isinstance(facts[name], str) and facts[name] for name in ("processor", "blas", "numpy", "python"))
    assert facts["threads"] >= 1
    assert facts["npconv threads"] == npconv.threads.count()
    assert facts["npconv"] == npconv.__version__


def test_the_machine_is_told_with_the_time_that_numpys_threads_spin_where_it_is_set(monkeypatch):
    monkeypatch.delenv("OPENBLAS_THREAD_TIMEOUT", raising=False)
    assert "OPENBLAS_THREAD_TIMEOUT" not in bench.machine()
    monkeypatch.setenv("OPENBLAS_THREAD_TIMEOUT", "16")
    assert bench.machine()["OPENBLAS_THREAD_TIMEOUT"] == "16"


def test_what_is_measured_has_its_older_names_too():
    assert (bench.Layer, bench.Row) == (bench.TimedLayer, bench.KernelTime)
    assert (bench.Block, bench.Step) == (bench.TimedBlock, bench.StepTime)


@pytest.mark.parametrize(("side", "stride"), [(1, 2), (2, 2), (3, 1), (3, 2), (4, 2), (5, 3)])
def test_a_transposed_layer_is_as_many_times_as_large_as_its_stride_says(side, stride):
    layer = bench.TimedLayer("transposed", "g", 5, 3, 2, side, stride)
    y = npconv.transposed_conv2d(np.ones((1, 5, 5, 3)), np.ones((side, side, 2, 3)), **layer.geometry)
    assert y.shape == (1, 5 * stride, 5 * stride, 2)


@pytest.mark.filterwarnings("ignore")
def test_torchs_transposed_convolution_is_given_the_same():
    pytest.importorskip("torch")
    from npconv.bench import kernels

    rng, layer = np.random.default_rng(0), bench.TimedLayer("transposed", "g", 5, 3, 2, 3, 2)
    x, kernel = rng.standard_normal((2, 5, 5, 3), np.float32), rng.standard_normal((3, 3, 2, 3), np.float32)
    y = npconv.transposed_conv2d(x, kernel, **layer.geometry)
    gradients = npconv.transposed_conv2d_backward(y, x, kernel, **layer.geometry)
    calls = kernels._torch(layer, x, kernel, y)
    assert len(calls) == 4
    for (_, direction), call in calls.items():
        if direction == "forward":
            np.testing.assert_allclose(call().numpy().transpose(0, 2, 3, 1), y, atol=1e-4)
        else:
            dx, dkernel, _ = call()
            np.testing.assert_allclose(dx.numpy().transpose(0, 2, 3, 1), gradients[0], atol=1e-3)
            np.testing.assert_allclose(dkernel.numpy().transpose(2, 3, 1, 0), gradients[1], atol=1e-3)


@pytest.mark.parametrize("options", [{}, {"heads": "full"}, {"first": "block_3"}], ids=str)
def test_the_detector_in_torch_is_the_same_function(options):
    torch = pytest.importorskip("torch")
    from npconv.bench.heads_in_torch import network_as_torch

    detector = digits_detector(**options, seed=3)
    x = np.random.default_rng(0).standard_normal((2, 32, 40, 1)).astype(np.float32)
    module = network_as_torch(detector, x.shape).train()
    both = module(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    for ours, theirs in zip(detector.split(detector.forward(x, training=True)), both, strict=True):
        np.testing.assert_allclose(theirs.detach().numpy(), ours, atol=2e-4 * np.abs(ours).max())


def as_torchvision():
    network = mobilenet_v3("small", 0.35, in_channels=2, conventions="torchvision", output_stride=16)
    return deeplab_v3(network, 5, rates=(1, 2), filters=6, refine=True)


SEGMENTERS = {
    "LR-ASPP of digits": (digits_segmenter, 1),
    "DeepLab of digits": (lambda: digits_segmenter("deeplab"), 1),
    "V3 as torchvision's": (as_torchvision, 2),
    "as TensorFlow's": (
        lambda: deeplab_v3(mobilenet_v2(0.35, in_channels=2), 4, rates=(), filters=6, align="corners"), 2,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SEGMENTERS)
def test_a_segmenter_in_torch_is_the_same_function_with_the_same_gradients(name):
    torch = pytest.importorskip("torch")
    from npconv.bench.heads_in_torch import check_same, network_as_torch

    make, channels = SEGMENTERS[name]
    segmenter, rng = make(), np.random.default_rng(0)
    x = rng.standard_normal((3, 64, 96, channels)).astype(np.float32)
    module = network_as_torch(segmenter, x.shape).train()
    theirs = module(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    ours = segmenter.forward(x, training=True)
    np.testing.assert_allclose(theirs.detach().numpy().transpose(0, 2, 3, 1), ours, atol=2e-4 * np.abs(ours).max())
    dy = rng.standard_normal(ours.shape).astype(np.float32)
    theirs.backward(torch.from_numpy(dy.transpose(0, 3, 1, 2).copy()))
    segmenter.backward(dy)
    check_same(1.0, list(module.parameters()), 1.0, segmenter.grads, apart=1e-3)


@pytest.mark.parametrize(
    ("measure", "name"),
    [
        (bench.measure_detector, "detector of digits 64²"),
        (bench.measure_multi_task, "boxes and masks of digits 64²"),
    ],
    ids=["detector", "both"],
)
def test_a_step_with_heads_is_timed_beside_torchs_and_its_limit_counts_the_heads_and_adam(measure, name):
    limit, ours, *torch = measure(2, rounds=1)
    assert (limit.function, ours.function, limit.batch, limit.network) == ("limit", "npconv", 2, name)
    assert {"expand", "depthwise", "project", "normalisation", "ReLU6", "other products", "rest"} <= set(ours.shares)
    if torch:
        assert [step.function for step in torch] == ["torch", "torch channels-last"]


def test_a_detectors_limit_has_three_products_for_each_convolution_and_the_copy_of_adam(called):
    detector, shape = digits_detector(), (1, 64, 64, 1)
    work = heads_limit(detector, shape)
    called.clear()
    work()
    products = [name for name, a in detector.params.items() if name.endswith("kernel") and a.ndim != 3]
    assert [name for name, _ in called].count("matmul") == 3 * len(products)
    last = sum(math.prod(each) for each in called[-1][1])
    assert abs(last - 7 * sum(a.size for a in detector.params.values())) <= 2


def test_a_segmenters_limit_has_its_head_and_what_it_resizes(called):
    segmenter, shape = digits_segmenter(), (2, 64, 96, 1)
    work = heads_limit(segmenter, shape)
    called.clear()
    work()
    products = [name for name, a in segmenter.params.items() if name.rpartition(".")[2] == "kernel" and a.ndim != 3]
    assert [name for name, _ in called].count("matmul") == 3 * len(products)
    last = sum(math.prod(each) for each in called[-1][1])
    gated, scores = 2 * 128 * (8 * 12 + 16 * 24), 2 * 11 * (16 * 24 + 64 * 96)
    assert last == 2 * (gated + scores)
    before = sum(math.prod(each) for each in called[-2][1])
    assert abs(before - 7 * sum(a.size for a in segmenter.params.values())) <= 2


def test_a_loss_or_a_gradient_of_torchs_that_differs_is_told_before_anything_is_timed(monkeypatch):
    pytest.importorskip("torch")
    theirs = bench.training.torch_ssd_loss

    def changed(change):
        return lambda *arguments: lambda outputs: change(theirs(*arguments)(outputs), *outputs)

    monkeypatch.setattr(bench.training, "torch_ssd_loss", changed(lambda loss, logits, codes: 1.01 * loss))
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        bench.measure_detector(2, rounds=1)
    of_pixels = bench.training.torch_pixel_loss
    halved = lambda masks, ignore, divisor: of_pixels(masks, ignore, 2 * divisor)  # noqa: E731
    monkeypatch.setattr(bench.training, "torch_pixel_loss", halved)
    monkeypatch.setattr(bench.training, "torch_ssd_loss", theirs)
    with pytest.raises(AssertionError, match="Not equal to tolerance"):
        bench.measure_multi_task(2, rounds=1)
    slope = changed(lambda loss, logits, codes: loss + 0.01 * (codes - codes.detach()).sum())
    monkeypatch.setattr(bench.training, "torch_ssd_loss", slope)
    with pytest.raises(AssertionError, match="torch's gradients are not ours"):
        bench.measure_detector(2, rounds=1)

"""The bench: what it prints is what it says it is. No test here depends on how fast anything is."""

import json

import numpy as np
import pytest

from npconv import bench, cli
from npconv.bench.training import _limit, with_shapes
from npconv.layers import InvertedResidual
from npconv.models import small_mobilenet_v2

TINY = bench.Block(5, 3, 3)


@pytest.fixture(autouse=True)
def _no_rest(monkeypatch):
    monkeypatch.setattr("npconv.bench.timing.REST", 0)
    monkeypatch.setattr("npconv.bench.timing.SAMPLE", 0)


@pytest.mark.parametrize(
    "steps",
    [lambda: bench.measure_block(TINY, 2, rounds=1), lambda: bench.measure_network(8, 2, rounds=1)],
    ids=["block", "network"],
)
def test_a_training_step_is_measured_beside_its_limit_and_parted_by_kind_of_layer(steps):
    limit, npconv, *torch = steps()
    assert (limit.function, npconv.function, limit.over_limit) == ("limit", "npconv", 1)
    assert npconv.over_limit == npconv.milliseconds / limit.milliseconds
    assert {"expand", "depthwise", "project", "normalisation", "ReLU6", "rest"} <= set(npconv.shares)
    assert sum(npconv.shares.values()) == pytest.approx(1)
    assert all(share > 0 for share in npconv.shares.values())
    assert not limit.shares
    if torch:
        assert [step.function for step in torch] == ["torch", "torch channels-last"]
        assert min(step.over_torch for step in torch) == 1
        assert npconv.over_torch == npconv.milliseconds / min(step.milliseconds for step in torch)


def test_measuring_leaves_no_timer_in_the_layers(monkeypatch):
    network = InvertedResidual(3, 4)
    monkeypatch.setattr("npconv.bench.training.InvertedResidual", lambda *_: network)
    bench.measure_block(TINY, 2, rounds=1)
    assert all("forward" not in vars(leaf) and "backward" not in vars(leaf) for leaf in network.leaves())


def test_the_limit_has_three_products_for_a_convolution_and_two_copies_for_another_layer(monkeypatch):
    called = []
    network = InvertedResidual(3, 5, 2)
    shape = (2, 6, 7, 3)
    for name in ("matmul", "copyto"):
        original = getattr(np, name)
        monkeypatch.setattr(np, name, lambda *arrays, name=name, original=original, **out: (
            called.append((name, sum(a.size for a in arrays))), original(*arrays, **out)))  # fmt: skip
    step = _limit(network, shape)
    called.clear()
    step()
    assert [name for name, _ in called].count("matmul") == 2 * 3
    copied = sum(size for name, size in called if name == "copyto")
    wide, narrow = 2 * 6 * 7 * 18, 2 * 3 * 4 * 18
    elementwise = 2 * 5 * wide + (3 * wide + 2 * narrow) + 2 * 5 * narrow + 5 * 2 * 3 * 4 * 5
    assert abs(copied - elementwise) <= 2 * len(called)


@pytest.mark.parametrize(
    "network",
    [small_mobilenet_v2(7, 2), InvertedResidual(4, 4, seed=1), InvertedResidual(4, 6, 2)],
    ids=["small network", "with shortcut", "stride 2"],
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


def test_a_layer_that_torch_has_not_is_refused():
    pytest.importorskip("torch")
    from npconv.bench.with_torch import as_torch
    from npconv.layers import ResidualBottleneck

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
    file = tmp_path / "bench.json"
    assert cli.main(["bench", "--kind", "training", "--batch", "1", "2", "--rounds", "1", "--json", str(file)]) == 0
    printed = capsys.readouterr().out
    assert "training step" in printed
    assert "geometric means" not in printed
    data = json.loads(file.read_text(encoding="utf-8"))
    assert data["rows"] == []
    assert [step["batch"] for step in data["steps"] if step["function"] == "npconv"] == [2, 3]
    assert data["steps"][1]["shares"]["depthwise"] > 0

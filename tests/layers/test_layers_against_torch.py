"""The layers beside the same networks in torch, in both modes: outputs, gradients, running statistics."""

import numpy as np
import pytest

from npconv.layers import (
    CONVENTIONS,
    BatchNorm,
    Conv2D,
    Dense,
    DepthwiseSeparable,
    GlobalAveragePool,
    InvertedResidual,
    ReLU6,
    ResidualBottleneck,
    Sequential,
)

torch = pytest.importorskip("torch")
nn = torch.nn

TORCH = {"batch_norm": CONVENTIONS["torchvision"], "dtype": np.float64}


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost such small arrays more than they bring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Residual(nn.Module):
    """A branch, its input added, and ReLU after the sum where it is told."""

    def __init__(self, *branch, relu=False):
        super().__init__()
        self.branch, self.relu = nn.Sequential(*branch), relu

    def forward(self, x):
        y = self.branch(x) + x
        return nn.functional.relu(y) if self.relu else y


def conv(m, n, size=1, **options):
    return nn.Conv2d(m, n, size, bias=False, **options)


def network():
    ours = Sequential(
        {
            "stem": Conv2D(2, 3, (3, 2), stride=(2, 1), padding=(1, 0), bias=True, dtype=np.float64),
            "stem_norm": BatchNorm(3, dtype=np.float64, **CONVENTIONS["torchvision"]),
            "relu6": ReLU6(),
            "block": InvertedResidual(3, 3, 1, 2, **TORCH),
            "reduce": InvertedResidual(3, 4, 2, 3, padding=1, **TORCH),
            "pool": GlobalAveragePool(),
            "classifier": Dense(4, 5, dtype=np.float64),
        }
    )
    theirs = nn.Sequential(
        nn.Conv2d(2, 3, (3, 2), stride=(2, 1), padding=(1, 0)), nn.BatchNorm2d(3), nn.ReLU6(),
        Residual(
            conv(3, 6), nn.BatchNorm2d(6), nn.ReLU6(),
            conv(6, 6, 3, padding=1, groups=6), nn.BatchNorm2d(6), nn.ReLU6(),
            conv(6, 3), nn.BatchNorm2d(3),
        ),
        conv(3, 9), nn.BatchNorm2d(9), nn.ReLU6(),
        conv(9, 9, 3, stride=2, padding=1, groups=9), nn.BatchNorm2d(9), nn.ReLU6(),
        conv(9, 4), nn.BatchNorm2d(4),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5),
    )  # fmt: skip
    return ours, theirs, 2


def inverted_residual():
    ours = InvertedResidual(3, 3, 1, 4, bottleneck="relu6", dilation=2, padding=2, **TORCH)
    theirs = Residual(
        conv(3, 12), nn.BatchNorm2d(12), nn.ReLU6(),
        conv(12, 12, 3, padding=2, dilation=2, groups=12), nn.BatchNorm2d(12), nn.ReLU6(),
        conv(12, 3), nn.BatchNorm2d(3), nn.ReLU6(),
    )  # fmt: skip
    return ours, theirs, 3


def depthwise_separable():
    ours = DepthwiseSeparable(3, 4, (1, 2), depth_multiplier=2, padding=1, activation="relu", **TORCH)
    theirs = nn.Sequential(
        conv(3, 6, 3, stride=(1, 2), padding=1, groups=3), nn.BatchNorm2d(6), nn.ReLU(),
        conv(6, 4), nn.BatchNorm2d(4), nn.ReLU(),
    )  # fmt: skip
    return ours, theirs, 3


def residual_bottleneck():
    ours = ResidualBottleneck(4, 3, **TORCH)
    theirs = Residual(
        conv(4, 3), nn.BatchNorm2d(3), nn.ReLU(),
        conv(3, 3, 3, padding=1), nn.BatchNorm2d(3), nn.ReLU(),
        conv(3, 4), nn.BatchNorm2d(4), relu=True,
    )  # fmt: skip
    return ours, theirs, 4


class Excited(nn.Module):
    """Squeeze-and-excite, its gate made of relu6: F.hardsigmoid's own gradient has 1/6 in float32 only."""

    def __init__(self, m, s):
        super().__init__()
        self.reduce, self.expand = nn.Conv2d(m, s, 1), nn.Conv2d(s, m, 1)

    def forward(self, x):
        hidden = self.reduce(x.mean((2, 3), keepdim=True)).relu()
        return x * nn.functional.relu6(self.expand(hidden) + 3) / 6


def mobilenet_v3_blocks():
    ours = Sequential(
        {
            "narrow": InvertedResidual(
                3, 3, expanded=7, kernel_size=5, padding=2, activation="hard_swish", squeeze=2, **TORCH
            ),
            "reduce": InvertedResidual(3, 4, 2, expanded=8, padding=1, activation="relu", squeeze=3, **TORCH),
            "last": InvertedResidual(4, 5, expanded=6, padding=1, activation="hard_swish", **TORCH),
        }
    )
    theirs = nn.Sequential(
        Residual(
            conv(3, 7), nn.BatchNorm2d(7), nn.Hardswish(),
            conv(7, 7, 5, padding=2, groups=7), nn.BatchNorm2d(7), nn.Hardswish(),
            Excited(7, 2), conv(7, 3), nn.BatchNorm2d(3),
        ),
        conv(3, 8), nn.BatchNorm2d(8), nn.ReLU(),
        conv(8, 8, 3, stride=2, padding=1, groups=8), nn.BatchNorm2d(8), nn.ReLU(),
        Excited(8, 3), conv(8, 4), nn.BatchNorm2d(4),
        conv(4, 6), nn.BatchNorm2d(6), nn.Hardswish(),
        conv(6, 6, 3, padding=1, groups=6), nn.BatchNorm2d(6), nn.Hardswish(),
        conv(6, 5), nn.BatchNorm2d(5),
    )  # fmt: skip
    return ours, theirs, 3


def as_torchs(kernel):
    """A kernel as torch has it: standard, depthwise, pointwise (of a convolution), by its axes."""
    if kernel.ndim == 4:
        return kernel.transpose(3, 2, 0, 1)
    return kernel.transpose(2, 0, 1)[:, None] if kernel.ndim == 3 else kernel.T[:, :, None, None]


def as_ours(a):
    return a.detach().numpy().transpose(0, 2, 3, 1) if a.ndim == 4 else a.detach().numpy()


def pairs(ours, theirs, gradients=False):
    """Each of our arrays beside torch's of the same meaning, both in torch's axes."""
    leaves = [leaf for leaf in ours.leaves() if leaf.params]
    gates = [m for m in theirs.modules() if isinstance(m, Excited)]
    within = [part for gate in gates for part in gate.children()]
    kinds = nn.Conv2d | nn.Linear | nn.BatchNorm2d | Excited
    modules = [m for m in theirs.modules() if isinstance(m, kinds) and not any(m is part for part in within)]
    for leaf, module in zip(leaves, modules, strict=True):
        arrays = leaf.grads if gradients else leaf.params
        if isinstance(module, nn.BatchNorm2d):
            yield arrays["scale"], module.weight
            yield arrays["shift"], module.bias
            if not gradients:
                yield leaf.state["mean"], module.running_mean
                yield leaf.state["variance"], module.running_var
            continue
        if isinstance(module, Excited):
            for name in ("reduce", "expand"):
                layer = getattr(module, name)
                yield as_torchs(arrays[name]), layer.weight
                yield arrays[f"{name}_bias"], layer.bias
            continue
        linear = isinstance(module, nn.Linear)
        yield (arrays["kernel"].T if linear else as_torchs(arrays["kernel"])), module.weight
        if module.bias is not None:
            yield arrays["bias"], module.bias


@pytest.mark.parametrize("make", [network, inverted_residual, depthwise_separable, residual_bottleneck,
                                  mobilenet_v3_blocks])  # fmt: skip
def test_two_steps_in_training_and_one_in_inference_are_torchs(make):
    ours, theirs, channels = make()
    theirs.double()
    rng = np.random.default_rng(7)
    for leaf in ours.leaves():
        for key, array in leaf.params.items():
            if key not in ("kernel", "reduce", "expand"):
                array[...] = rng.uniform(0.5, 3, array.shape)
    with torch.no_grad():
        for mine, its in pairs(ours, theirs):
            its[...] = torch.from_numpy(mine.copy())
    for training in (True, True, False):
        theirs.train(training)
        theirs.zero_grad()
        x = 2 * rng.standard_normal((3, 7, 6, channels))
        its_x = torch.from_numpy(x.transpose(0, 3, 1, 2).copy()).requires_grad_()
        y, its_y = ours.forward(x, training), theirs(its_x)
        np.testing.assert_allclose(y, as_ours(its_y), rtol=1e-9, atol=1e-10)
        dy = rng.standard_normal(y.shape)
        its_y.backward(torch.from_numpy(dy.transpose(0, 3, 1, 2).copy() if dy.ndim == 4 else dy))
        np.testing.assert_allclose(ours.backward(dy), as_ours(its_x.grad), rtol=1e-8, atol=1e-9)
        for mine, its in pairs(ours, theirs, gradients=True):
            np.testing.assert_allclose(mine, its.grad.numpy(), rtol=1e-8, atol=1e-9)
        for mine, its in pairs(ours, theirs):
            np.testing.assert_allclose(mine, its.detach().numpy(), rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("shape", [(3, 4, 5, 2), (6, 2)])
def test_torchs_momentum_is_the_other_share(shape):
    ours = BatchNorm(2, momentum=0.7, epsilon=1e-5, unbiased=True, dtype=np.float64)
    theirs = (nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d)(2, momentum=0.3, eps=1e-5).double()
    rng = np.random.default_rng(8)
    for _ in range(3):
        x = rng.normal(3, 2, shape)
        y = theirs(torch.from_numpy(np.moveaxis(x, -1, 1).copy()))
        np.testing.assert_allclose(
            np.moveaxis(ours.forward(x, True), -1, 1), y.detach().numpy(), rtol=1e-10, atol=1e-12
        )
    np.testing.assert_allclose(ours.state["mean"], theirs.running_mean.numpy(), rtol=1e-12)
    np.testing.assert_allclose(ours.state["variance"], theirs.running_var.numpy(), rtol=1e-12)

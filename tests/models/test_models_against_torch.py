"""The networks with another framework's weights, beside that network in torch: every layer, both modes, backward."""

import json
from pathlib import Path

import numpy as np
import pytest
from numbers_by_name import array, images, shadows

from npconv.layers import CONVENTIONS
from npconv.models import mobilenet_v1, mobilenet_v2, mobilenet_v3
from npconv.models.mobilenet_v3 import V3_TORCHVISION
from npconv.models.weights import export_weights, load_weights

torch = pytest.importorskip("torch")

from torch_mobilenets import (  # noqa: E402
    Convolution,
    SqueezeExcite,
    TorchMobileNetV1,
    TorchMobileNetV2,
    TorchMobileNetV3,
    keras_v1_arrays,
    keras_v2_arrays,
    keras_v3_arrays,
    randomize,
)

nn = torch.nn
LEAVES = (
    Convolution, nn.BatchNorm2d, nn.ReLU6, nn.ReLU, nn.Hardswish, SqueezeExcite, nn.AdaptiveAvgPool2d, nn.Linear,
)  # fmt: skip
CLASSES = 7
EVEN, ODD = (64, 96), (49, 35)
TORCH_NORM = {"eps": 1e-5, "momentum": 0.1}
# In shares of a map's largest number. float32's unit is 6e-8; over 53 layers in a row its rounding grew to 1.2e-5 at
# most, in any map of any published width.
FLOAT32 = 5e-5
# float64's grew to 3e-14 in inference, and to 1e-12 in training, where batch normalisation divides by the deviation of
# as few as 12 numbers. A wrong padding or epsilon moves maps by 1e-3 to 1: see below.
FLOAT64 = 1e-11


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """Threads cost such small arrays more than they bring."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def v2_torchvision(width, dtype=np.float64):
    theirs = randomize(TorchMobileNetV2(width, CLASSES, "even", **TORCH_NORM), 1)
    return theirs, mobilenet_v2(width, CLASSES, conventions="torchvision", dtype=dtype), dict


def v2_keras(width, dtype=np.float64):
    theirs = randomize(TorchMobileNetV2(width, CLASSES, "same", biased=True, eps=1e-3, momentum=0.001), 2)
    return theirs, mobilenet_v2(width, CLASSES, dtype=dtype), keras_v2_arrays


def v1_timm(dtype=np.float64):
    theirs = randomize(TorchMobileNetV1(CLASSES, "even", "even", **TORCH_NORM), 3)
    return theirs, mobilenet_v1(0.25, CLASSES, conventions="timm", dtype=dtype), dict


def v1_keras(dtype=np.float64):
    theirs = randomize(TorchMobileNetV1(CLASSES, "same", "behind", biased=True, eps=1e-3, momentum=0.01), 4)
    return theirs, mobilenet_v1(0.25, CLASSES, dtype=dtype), keras_v1_arrays


def v3_torchvision(dtype=np.float64, **options):
    theirs = randomize(TorchMobileNetV3("torchvision", CLASSES, "even", bool(options), eps=1e-3, momentum=0.01), 5)
    return theirs, mobilenet_v3("small", 0.35, CLASSES, conventions="torchvision", dtype=dtype, **options), dict


def v3_keras(dtype=np.float64):
    theirs = randomize(TorchMobileNetV3("keras", CLASSES, "same", biased=True, eps=1e-3, momentum=0.001), 6)
    return theirs, mobilenet_v3("small", 0.35, CLASSES, dtype=dtype), keras_v3_arrays


NETWORKS = {
    "v2 torchvision": lambda: v2_torchvision(0.35),
    "v2 keras": lambda: v2_keras(0.35),
    "v1 timm": v1_timm,
    "v1 keras": v1_keras,
    "v3 torchvision": v3_torchvision,
    "v3 torchvision, dilated": lambda: v3_torchvision(output_stride=16),
    "v3 keras": v3_keras,
}
LAYERS = {"v2": 53 + 52 + 35 + 1 + 17, "v1": 28 + 27 + 27 + 1 + 13, "v3": 36 + 34 + 24 + 9 + 1 + 11}
"""Convolutions and dense layers, normalisations, activations, gates, the pool, and whole blocks."""


def channels_last(a):
    a = a.detach().numpy()
    return a.transpose(0, 2, 3, 1) if a.ndim == 4 else a


def channels_first(x):
    return torch.from_numpy(np.ascontiguousarray(x.transpose(0, 3, 1, 2)))


def difference(ours, theirs, least=0.0):
    """The largest difference, as a share of the largest number, or of the least that it must be."""
    assert ours.shape == theirs.shape
    return abs(ours - theirs).max() / max(abs(theirs).max(), least)


def recorded(ours, theirs):
    """Two lists that every forward fills: the outputs of all layers in their order, ours and torch's."""
    mine, its = [], []
    blocks = [ours.layers[name] for name in ours.blocks]
    for layer in [*ours.leaves(), *blocks]:

        def forward(x, training=False, plain=layer.forward):
            mine.append(plain(x, training))
            return mine[-1]

        layer.forward = forward
    modules = [module for module in theirs.modules() if isinstance(module, LEAVES)] + theirs.blocks_in_order
    for module in modules:
        module.register_forward_hook(lambda module, inputs, y: its.append(y))
    return mine, its


def named_gradients(ours):
    """Our gradients under their names and in their axes."""
    holder = ours.copy()
    for name, a in holder.params.items():
        a[...] = ours.grads[name]
    return export_weights(holder)


@pytest.mark.parametrize("name", NETWORKS)
def test_every_layer_is_torchs_at_odd_sides_too(name):
    theirs, ours, names = NETWORKS[name]()
    theirs.double().eval()
    load_weights(ours, names(theirs.state_dict()))
    mine, its = recorded(ours, theirs)
    x = np.random.default_rng(5).standard_normal((2, *ODD, 3))
    ours.forward(x)
    theirs(channels_first(x))
    assert len(mine) == len(its) == LAYERS[name[:2]]
    for y, its_y in zip(mine, its, strict=True):
        assert difference(y, channels_last(its_y).reshape(y.shape)) < FLOAT64


@pytest.mark.parametrize("training", [False, True], ids=["inference", "training"])
@pytest.mark.parametrize("name", NETWORKS)
def test_every_gradient_and_statistic_is_torchs(name, training):
    theirs, ours, names = NETWORKS[name]()
    theirs.double().train(training)
    load_weights(ours, names(theirs.state_dict()))
    mine, its = recorded(ours, theirs)
    rng = np.random.default_rng(6)
    x, dy = rng.standard_normal((2, *EVEN, 3)), rng.standard_normal((2, CLASSES))
    its_x = channels_first(x).requires_grad_()
    ours.forward(x, training)
    theirs(its_x).backward(torch.from_numpy(dy))
    for layer, its_layer in zip(mine, its, strict=True):
        assert difference(layer, channels_last(its_layer).reshape(layer.shape)) < FLOAT64
    assert difference(ours.backward(dy), channels_last(its_x.grad)) < 10 * FLOAT64
    statistics = names(theirs.state_dict())
    gradients = {key: a.grad for key, a in theirs.named_parameters()}
    expected = names({key: gradients.get(key, torch.zeros_like(a)) for key, a in theirs.state_dict().items()})
    named = named_gradients(ours)
    for key, a in export_weights(ours).items():
        assert difference(a, np.asarray(statistics[key])) < FLOAT64, key
        if "mean" not in key and "var" not in key:
            # the shift of a projection that feeds a batch normalisation alone has none: both are rounding around 0
            assert difference(named[key], np.asarray(expected[key]), least=1) < 10 * FLOAT64, key


@pytest.mark.parametrize("make", [v2_torchvision, v2_keras])
def test_the_whole_width_in_float32_is_torchs_to_rounding(make):
    theirs, ours, names = make(1.0, np.float32)
    theirs.eval()
    load_weights(ours, names(theirs.state_dict()))
    mine, its = recorded(ours, theirs)
    x = np.random.default_rng(7).standard_normal((2, 96, 64, 3)).astype(np.float32)
    ours.forward(x)
    with torch.no_grad():
        theirs(channels_first(x))
    for y, its_y in zip(mine, its, strict=True):
        assert y.dtype == np.float32
        assert difference(y, channels_last(its_y).reshape(y.shape)) < FLOAT32


def moved(ours, other, x):
    """How far each layer's output moves with another network of the same numbers; and the logits of both."""
    other.load_arrays(ours.arrays())
    shares, y, z = [], x, x
    for layer, twin in zip(ours.layers.values(), other.layers.values(), strict=True):
        y, z = layer.forward(y), twin.forward(z)
        shares.append(difference(z, y))
    return shares, y, z


def test_other_padding_or_epsilon_moves_every_map():
    theirs, ours, _ = v2_torchvision(0.35)
    load_weights(ours, theirs.double().state_dict())
    x = np.random.default_rng(9).standard_normal((2, *EVEN, 3))
    shares, _, _ = moved(ours, mobilenet_v2(0.35, CLASSES, batch_norm=CONVENTIONS["torchvision"], dtype=np.float64), x)
    assert min(shares) > 0.1
    other = mobilenet_v2(0.35, CLASSES, conventions="torchvision", batch_norm=CONVENTIONS["keras"], dtype=np.float64)
    shares, _, _ = moved(ours, other, x)
    assert shares[0] == 0
    assert 1e-4 < min(shares[1:]) < max(shares) < 0.5
    at_odd_sides = mobilenet_v2(0.35, CLASSES, batch_norm=CONVENTIONS["torchvision"], dtype=np.float64)
    shares, _, _ = moved(ours, at_odd_sides, np.random.default_rng(9).standard_normal((2, 65, 97, 3)))
    assert max(shares) == 0


def test_the_logits_of_first_weights_do_not_tell_padding_apart():
    theirs, ours, _ = v2_torchvision(0.35)
    torch.manual_seed(0)
    for module in theirs.modules():  # as torchvision begins
        if isinstance(module, Convolution):
            nn.init.kaiming_normal_(module.weight, mode="fan_out")
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        elif isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, 0, 0.01)
            nn.init.zeros_(module.bias)
    load_weights(ours, theirs.state_dict())
    other = mobilenet_v2(0.35, CLASSES, batch_norm=CONVENTIONS["torchvision"], dtype=np.float64)
    shares, y, z = moved(ours, other, np.random.default_rng(10).standard_normal((2, *EVEN, 3)))
    assert min(shares[:-2]) > 0.3
    assert abs(y - z).max() < 1e-6


def test_torch_takes_what_we_export():
    theirs, ours, _ = v2_torchvision(0.35, np.float32)
    theirs.load_state_dict({name: torch.from_numpy(a) for name, a in export_weights(ours).items()})
    x = np.random.default_rng(8).standard_normal((2, *EVEN, 3)).astype(np.float32)
    with torch.no_grad():
        expected = theirs.eval()(channels_first(x)).numpy()
    assert difference(ours.forward(x), expected) < FLOAT32


@pytest.mark.parametrize(
    ("library", "padding", "epsilon"), [("torchvision", "even", V3_TORCHVISION["epsilon"]), ("keras", "same", 1e-3)]
)
def test_the_torch_twin_gives_what_the_library_gave(library, padding, epsilon):
    made = json.loads(Path(__file__).with_name("mobilenet_v3.json").read_text(encoding="utf-8"))
    case = next(
        c for c in made["cases"] if (c["library"], c["size"], c["width"], c["options"]) == (library, "small", 1.0, {})
    )
    twin = TorchMobileNetV3(1.0, made["classes"], padding, eps=epsilon).eval()
    names = keras_v3_arrays if library == "keras" else dict
    state = {name: a for name, a in twin.state_dict().items() if not name.endswith("tracked")}
    views = names(state)  # of the same memory, under the library's names
    for name, a in views.items():
        np.asarray(a)[...] = array(name, a.shape, made["seed"])
    blocks, x = [], images(tuple(case["images"]), made["seed"])
    for block in twin.blocks_in_order:
        block.register_forward_hook(lambda module, inputs, y: blocks.append(channels_last(y)))
    with torch.no_grad():
        logits = twin(channels_first(x)).numpy()
    maps = {f"block_{number}": y for number, y in enumerate(blocks, 1)} | {"logits": logits}
    for name, y in maps.items():
        assert abs(np.subtract(shadows(name, y, made["seed"]), case["maps"][name])).max() < FLOAT32, name

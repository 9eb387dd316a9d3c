"""What guards SSDLite: properties that it must have, as functions of its module, and mistakes that they must catch."""

# ruff: noqa: E501 (a table)

from typing import NamedTuple

import numpy as np

from npconv.detection import DefaultBoxes
from npconv.models import kernel_weights, mobilenet_v1, mobilenet_v2, mobilenet_v3

ROWS = ((1, 8, 1, 1), (2, 8, 1, 2), (3, 12, 1, 2), (2, 12, 1, 1))
BOXES = DefaultBoxes((((0.2, 1), (0.2, 2)), ((0.4, 1), (0.5, 1), (0.6, 3)), ((0.7, 1),), ((0.8, 0.5), (0.9, 1))))


def network(**options):
    options = {"rows": ROWS, "in_channels": 2, "stem_channels": 8, "last_channels": 16, "dtype": np.float64, **options}
    return mobilenet_v2(1.0, 5, **options)


def with_random_numbers(layer, seed=0):
    """The layer with biases, shifts and statistics that are not 0 and 1, and kernels whose sums have about their size."""
    rng = np.random.default_rng(seed)
    for name, a in layer.arrays().items():
        if name.endswith(("bias", "shift", "mean")):
            a[...] = rng.standard_normal(a.shape) / 2
        elif name.endswith(("scale", "variance")):
            a[...] = rng.uniform(0.5, 1.5, a.shape)
        else:
            a[...] = rng.standard_normal(a.shape) * np.sqrt(2 / (a.size / a.shape[-1]))
    return layer


def detector(module, **options):
    return with_random_numbers(module.ssdlite(network(), 3, **{"extras": (6, 4), "boxes": BOXES, "seed": 1, **options}))


def images(batch=3, height=32, width=48, seed=3):
    return np.random.default_rng(seed).standard_normal((batch, height, width, 2))


def by_hand(own, x, training=False):
    """The output from the layers one by one, and each number of it written to its place alone."""
    first, last = own.options.first, list(own.network.layers)[-1]
    twin = own.copy()
    maps = list(twin.network.features(x, (first, last), training).values())
    for name in twin.extras:
        maps.append(twin.layers[name].forward(maps[-1], training))
    y, start = np.full((len(x), len(own.anchors(x.shape[1:3])), own.classes + 4), np.nan), 0
    for number, (a, cell) in enumerate(zip(maps, own.options.boxes.cells, strict=True), 1):
        logits = twin.layers[f"class_{number}"].forward(a, training)
        codes = twin.layers[f"box_{number}"].forward(a, training)
        for place in np.ndindex(a.shape[1], a.shape[2], len(cell)):
            row, column, box = place
            at = start + (row * a.shape[2] + column) * len(cell) + box
            y[:, at, : own.classes] = logits[:, row, column, box * own.classes : (box + 1) * own.classes]
            y[:, at, own.classes :] = codes[:, row, column, box * 4 : box * 4 + 4]
        start += a.shape[1] * a.shape[2] * len(cell)
    return y


# the guards


def order(module):
    """Each number of the output stands where map, row, column, box and class say, in both modes."""
    for heads in ("separable", "full"):
        own, x = detector(module, heads=heads), images()
        for training in (False, True):
            assert np.array_equal(own.copy().forward(x, training), by_hand(own, x, training))
    own = detector(module, first="block_4.depthwise")  # around which there is a shortcut
    assert np.array_equal(own.forward(x), by_hand(own, x))


def gradients(module, heads="separable", first=None):
    """The gradients in a training step are the derivatives along random directions, for x and for each layer's arrays."""
    check_gradients(detector(module, heads=heads, first=first), images())


def check_gradients(own, x):
    """The derivatives along random directions, for x and for each layer's arrays, are those of a training step."""
    rng = np.random.default_rng(5)
    dy = rng.standard_normal(own.forward(x, training=True).shape)
    for gradient in own.grads.values():
        gradient[...] = np.nan
    dx = own.backward(dy)
    groups = {name: {k: a for k, a in own.params.items() if k.startswith(f"{name}.")} for name in own.layers}
    assert sum(map(len, groups.values())) == len(own.params)
    for name, arrays in {"x": {"x": x}, **groups}.items():
        along = {key: rng.standard_normal(a.shape) for key, a in arrays.items()}
        products = [(dx if key == "x" else own.grads[key]) * d for key, d in along.items()]
        values, step = [], 1e-8  # so small that hardly a unit crosses a kink
        for sign in (1, -1):
            for key, a in arrays.items():
                a += sign * step * along[key]
            values.append(np.sum(own.copy().forward(x, training=True) * dy))
            for key, a in arrays.items():
                a -= sign * step * along[key]
        size = np.sqrt(sum(np.sum(product**2) for product in products))
        error = (values[0] - values[1]) / (2 * step) - sum(np.sum(product) for product in products)
        assert abs(error) < 1e-3 * size, (name, error, size)


def full_gradients(module):
    """The same with full heads."""
    gradients(module, "full")


def shortcut_gradients(module):
    """The same with a shortcut around the first map."""
    gradients(module, first="block_4.depthwise")


def counts(module):
    """Weights and MACs of each part are those of its convolutions, counted by hand."""
    shapes = [(8, 12, 24), (4, 6, 16), (2, 3, 6), (1, 2, 4)]
    for heads in ("separable", "full"):
        own = detector(module, heads=heads)
        parts = own.cost((2, 32, 48, 2)).parts
        assert list(parts) == list(own.layers)
        assert parts["network"].macs == own.network.cost((2, 32, 48, 2)).macs
        for number, (height, width, channels) in enumerate(shapes[2:], 1):
            before, half = shapes[number], channels // 2
            macs = before[0] * before[1] * before[2] * half
            weights = half * (9 + channels) if heads == "separable" else 9 * half * channels
            cost = parts[f"extra_{number}"]
            assert cost.output_shape == (2, height, width, channels)
            assert cost.macs == 2 * (macs + height * width * weights)
            assert kernel_weights(own.layers[f"extra_{number}"]) == before[2] * half + weights
        for number, (shape, cell) in enumerate(zip(shapes, BOXES.cells, strict=True), 1):
            height, width, channels = shape
            for kind, outputs in (("class", 3 * len(cell)), ("box", 4 * len(cell))):
                weights = channels * (9 + outputs) if heads == "separable" else 9 * channels * outputs
                assert kernel_weights(own.layers[f"{kind}_{number}"]) == weights
                assert parts[f"{kind}_{number}"].macs == 2 * height * width * weights
        assert own.output_shape((2, 32, 48, 2)) == (2, 192 + 72 + 6 + 4, 7)


def places(module):
    """The first map is what the depthwise convolution of the last stride takes; the maps of 320×320 are the paper's."""
    small = {"rows": ROWS, "in_channels": 1, "stem_channels": 8}
    assert detector(module).options.first == "block_3.expand_relu6"
    for build, name in (
        (lambda: mobilenet_v1(0.1, 3), "block_11"),
        (lambda: mobilenet_v1(0.1, 3, convolution="standard"), "block_11"),
        (lambda: mobilenet_v2(0.1, 3), "block_14.expand_relu6"),
        (lambda: mobilenet_v2(0.1, 3, output_stride=16), "block_7.expand_relu6"),
        (lambda: mobilenet_v2(1.0, 3, **{**small, "rows": ((1, 8, 2, 2), (1, 8, 1, 2))}), "block_2"),
        (lambda: mobilenet_v2(1.0, 3, **{**small, "rows": ((1, 8, 2, 2),)}), "stem_relu6"),
        (lambda: mobilenet_v3("large", 0.1, 3), "block_13.expand_hard_swish"),
        (lambda: mobilenet_v3("small", 0.1, 3, minimalistic=True), "block_9.expand_relu"),
    ):
        assert module.ssdlite(build(), 3).options.first == name
    own = module.ssdlite(mobilenet_v2(0.1, 3), 3)
    assert own.map_sizes((320, 320)) == [(20, 20), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)]
    assert own.map_sizes((300, 300)) == [(19, 19), (10, 10), (5, 5), (3, 3), (2, 2), (1, 1)]
    assert own.map_sizes((64, 97)) == [(4, 7), (2, 4), (1, 2), (1, 1), (1, 1), (1, 1)]
    assert own.anchors((320, 320)).shape == (2034, 4)
    assert own.anchors((300, 300)).shape == (1917, 4)


def inference(module):
    """Folded, copied and by `Inference` it is the same function; a forward that is stored stays so while it detects."""
    from npconv.models import Inference

    for heads, first in (("separable", None), ("full", "block_1"), ("separable", "block_4.depthwise_norm")):
        own, x = detector(module, heads=heads, first=first), images()
        y = own.forward(x)
        for twin in (own.folded(), own.folded().folded(), own.copy(), Inference(own), Inference(own.folded())):
            assert np.allclose(twin.forward(x), y, rtol=0, atol=1e-12)
        dy = np.ones_like(y)
        expected = own.copy()
        expected.forward(x)
        own.detect(x[:1])
        assert np.array_equal(own.backward(dy), expected.backward(dy))
        assert not any("norm" in name for name in own.folded().arrays())


def statistics(module):
    """A training step moves all running statistics, with the network's own momentum; inference none."""
    own, x = detector(module), images()
    before = {name: a.copy() for name, a in own.state.items()}
    own.forward(x)
    assert all(np.array_equal(a, before[name]) for name, a in own.state.items())
    own.forward(x, training=True)
    assert not any(np.array_equal(a, before[name]) for name, a in own.state.items())
    leaves = [leaf for leaf in own.leaves() if leaf.state]
    assert {(leaf.momentum, leaf.epsilon, leaf.unbiased) for leaf in leaves} == {(0.999, 1e-3, False)}
    own = module.ssdlite(network(batch_norm={"momentum": 0.5, "epsilon": 1e-4}), 3, extras=(6, 4), boxes=BOXES)
    assert {(leaf.momentum, leaf.epsilon) for leaf in own.leaves() if leaf.state} == {(0.5, 1e-4)}


def first_numbers(module):
    """Kernels of extras and heads begin normal with deviation 0.03, all different; biases at 0; the network as it was."""
    base = network()
    own = module.ssdlite(base, 40, extras=(60, 40), boxes=BOXES, seed=1)
    kernels = {name: a for name, a in own.params.items() if name.endswith("kernel") and not name.startswith("network.")}
    values = np.concatenate([a.ravel() for a in kernels.values()])
    assert len(np.unique(values)) == len(values)
    assert 0.025 < values.std() < 0.03
    assert np.abs(values).max() <= 0.06
    assert all(
        not a.any() for name, a in own.params.items() if name.endswith("bias") and not name.startswith("network.")
    )
    assert all(
        own.params[f"network.{name}"] is a for name, a in base.params.items() if not name.startswith("classifier")
    )
    again = module.ssdlite(network(), 40, extras=(60, 40), boxes=BOXES, seed=1)
    assert all(np.array_equal(a, again.params[name]) for name, a in own.params.items())
    assert {a.dtype for a in own.params.values()} == {np.dtype(np.float64)}
    padded = [
        module.ssdlite(network(conventions=c), 3, extras=(6,), boxes="torchvision")
        .layers["extra_1"]
        .layers["depthwise"]
        .geometry["padding"]
        for c in ("keras", "torchvision")
    ]
    assert padded == ["same", 1]


GUARDS = (order, gradients, full_gradients, shortcut_gradients, counts, places, inference, statistics, first_numbers)


class Mutant(NamedTuple):
    """In ssdlite.py, or in with_heads.py, `old` becomes `new`; the guard must notice."""

    says: str
    old: str
    new: str
    guard: object


MUTANTS = [
    Mutant("the first map behind the depthwise convolution", "                found = previous", '                found = f"{name}.{own}"', places),
    Mutant("the first stride in place of the last", "found = previous", "found = found or previous", places),
    Mutant("a stride along one axis overlooked", "found = previous", "found = name", places),
    Mutant("the pool kept", '"pool".__ne__', '"classifier".__ne__', places),
    Mutant("boxes before rows", "part[...] = values[name].reshape(part.shape)", "a = values[name]; part[...] = a.reshape(len(part), a.shape[1] * a.shape[2], -1, part.shape[2]).swapaxes(1, 2).reshape(part.shape)", order),
    Mutant("columns before rows", "part[...] = values[name].reshape", "part[...] = values[name].swapaxes(1, 2).reshape", order),
    Mutant("classes' and boxes' heads exchanged", '{"class": slice(None, self.classes), "box": slice(self.classes, None)}', '{"box": slice(None, CODES), "class": slice(CODES, None)}', order),
    Mutant("logits and codes exchanged in width", "_head(width, len(cell) * classes", "_head(width, len(cell) * (classes + 1)", counts),
    Mutant("all heads on the first map", "maps[_number(name) - 1]", "maps[0]", order),
    Mutant("the last map for the first", "maps = [next(found)]", "maps = 2 * list(found)[1:]; found = iter(maps[1:]); maps = maps[:1]", order),
    Mutant("the last map for the first in inference", "list(self._maps_through(run, x))", "2 * list(self._maps_through(run, x))[1:]", inference),
    Mutant("extra layers on the first map", "maps.append(run(name, maps[-1]))", "maps.append(run(name, maps[0]))", order),
    Mutant("the mode not handed to the heads", "return self.layers[name].forward(a, training)", "return self.layers[name].forward(a)", order),
    Mutant("the mode not handed to the network", "self._maps(x, training)", "self._maps(x)", order),
    Mutant("the mode not handed to the network's parts", "part.forward(x, training)", "part.forward(x)", order),
    Mutant("extra layers without stride", '{"stride": 2, "padding"', '{"stride": 1, "padding"', places),
    Mutant("extra layers reduced to a quarter", "channels // 2", "channels // 4", counts),
    Mutant("extra layers' padding always same", "padding(options.conventions)", '"same"', first_numbers),
    Mutant("full extra layers forgotten", '    if options.heads == "full":\n        conv', "    if False:\n        conv", counts),
    Mutant("heads of 1×1 alone", 'DepthwiseConv2D(in_channels, 3, padding="same"', 'DepthwiseConv2D(in_channels, 1, padding="same"', counts),
    Mutant("full heads 1×1", 'Conv2D(in_channels, channels, 3, padding="same", bias', 'Conv2D(in_channels, channels, 1, padding="same", bias', counts),
    Mutant("the first map's gradient dropped", "fork.dmap = dmap\n        return front", "fork.dmap = 0 * dmap\n        return front", gradients),
    Mutant("an extra layer's map's gradient dropped", "d += dmap(number + 1)", "dmap(number + 1)", gradients),
    Mutant("the boxes' gradient in place of the classes'", 'd += sent[f"box_{number}"]', 'd = sent[f"box_{number}"]', gradients),
    Mutant("extra layers backward in order of forward", "range(len(self.extras), 0, -1)", "range(1, len(self.extras) + 1)", gradients),
    Mutant("the gradient of one image", "parts[name].reshape(*shapes[_number(name) - 1][:3], -1)", "parts[name].reshape(*shapes[_number(name) - 1][:3], -1) * (np.arange(len(dy)) == 0)[:, None, None, None]", full_gradients),
    Mutant("backward through the network alone", "return front.backward(", "return self.network.backward(", gradients),
    Mutant("the first map's gradient dropped at a shortcut", "fork.dmap = dmap\n        return front", "fork.dmap = 0 * dmap\n        return front", shortcut_gradients),
    Mutant("not folded behind the network", 'name: layer.folded() for name, layer in self.layers.items()}', 'name: layer.copy() for name, layer in self.layers.items()}', inference),
    Mutant("the map's place lost in folding", 'layers | {"network": self._row.folded()}', 'layers', inference),
    Mutant("cut at a shortcut", 'getattr(layer, "shortcut", False)', "False", order),
    Mutant("what is stored dropped in detecting", "Inference(self).forward(x)", "self.forward(x)", inference),
    Mutant("extra layers' costs those of the map before", "zip(self.extras, shapes[1:]", "zip(self.extras, shapes", counts),
    Mutant("the network's cost forgotten", 'return {"network": input_shape, **extras', 'return {**extras', counts),
    Mutant("normalisation of the conventions", "if norm is None else", "if True else", statistics),
    Mutant("He's normal kernels", "truncated_normal(DEVIATION))", "he_normal)", first_numbers),
    Mutant("the same seed for each layer", 'layer.initialize(trunk.shared["seed"]', "layer.initialize(1", first_numbers),
    Mutant("the network copied", "Trunk(network.with_layers(layers)", "Trunk(network.copy().with_layers({name: layer.copy() for name, layer in layers.items()})", first_numbers),
]  # fmt: skip

"""What guards the segmentation networks: properties that they must have, and mistakes that they must catch."""

# ruff: noqa: E501 (a table)

from typing import NamedTuple

import numpy as np
from ssdlite_guards import BOXES, check_gradients, images, network, with_random_numbers

from npconv import resize_bilinear
from npconv.models import Inference, kernel_weights, mobilenet_v1, mobilenet_v3, ssdlite

TWICE = ((1, 8, 2, 2), (2, 8, 2, 2), (2, 6, 1, 2))


def gated(modules, base=None, **options):
    own = modules.lr_aspp.lr_aspp(base or network(), 5, 6, **{"low": 4, "seed": 1, **options})
    return with_random_numbers(own)


def pyramid(modules, base=None, **options):
    own = modules.deeplab.deeplab_v3(base or network(), 5, **{"rates": (1, 2), "filters": 6, "seed": 1, **options})
    return with_random_numbers(own)


def both_of(modules, first=None, **options):
    base = network()
    detector = ssdlite(base, 3, extras=(6, 4), boxes=BOXES, first=first)
    return with_random_numbers(modules.multi_task.multi_task(detector, gated(modules, base, **options)))


def check_numbers_of_the_two_apart(own, x, training):
    """Output and gradients of a network of two tasks are those of its detector and its segmentation network."""
    apart = own.copy(), own.copy()
    y = own.forward(x, training)
    assert y.shape == own.output_shape(x.shape)
    found, scores = own.split(y, x.shape[1:3])
    assert np.shares_memory(found, y)
    assert np.shares_memory(scores, y)
    np.testing.assert_allclose(found, apart[0].detector.forward(x, training), rtol=0, atol=1e-11)
    np.testing.assert_allclose(scores, apart[1].segmenter.forward(x, training), rtol=0, atol=1e-11)
    dy = np.random.default_rng(2).standard_normal(y.shape)
    dfound, dscores = own.split(dy, x.shape[1:3])
    for gradient in own.grads.values():
        gradient[...] = np.nan
    dx = own.backward(dy)
    expected = apart[0].detector.backward(dfound.copy()) + apart[1].segmenter.backward(dscores.copy())
    np.testing.assert_allclose(dx, expected, rtol=0, atol=1e-9)
    for name, gradient in own.grads.items():
        parts = [apart[0].detector.grads.get(name), apart[1].segmenter.grads.get(name)]
        np.testing.assert_allclose(gradient, sum(part for part in parts if part is not None), rtol=0, atol=1e-8)


def gated_by_hand(own, x, training=False):
    """LR-ASPP's scores from the layers one by one, and the formula written out."""
    twin = own.copy()
    low, high = twin.network.features(x, (own.options.low, own.options.high), training).values()
    reduced = twin.layers["reduce"].forward(high, training)
    gate = 1 / (1 + np.exp(-high.mean(axis=(1, 2)) @ own.params["gate.dense.kernel"]))
    resized = resize_bilinear(reduced * gate[:, None, None], low.shape[1:3])
    scores = resized @ own.params["high_scores.kernel"] + own.params["high_scores.bias"]
    return scores + low @ own.params["low_scores.kernel"] + own.params["low_scores.bias"]


def pyramid_by_hand(own, x, training=False):
    """DeepLab's scores likewise."""
    twin = own.copy()
    (high,) = twin.network.features(x, (own.options.high,), training).values()
    names = ["pointwise", *(f"atrous_{number}" for number, _ in enumerate(own.options.rates, 1))]
    parts = [twin.layers[name].forward(high, training) for name in names]
    pooled = twin.layers["pool"].forward(high, training)
    parts.insert(
        0 if own.options.conventions == "keras" else len(parts), np.zeros_like(parts[0]) + pooled[:, None, None]
    )
    a = twin.layers["project"].forward(np.concatenate(parts, axis=-1), training)
    a = twin.layers["refine"].forward(a, training) if own.options.refine else a
    return a @ own.params["scores.kernel"] + own.params["scores.bias"]


# the guards


def lr_aspp_order(modules):
    """LR-ASPP's logits are the formula's, in both modes, with maps of blocks, inside blocks, and of the same size."""
    x = images()
    for options in (
        {}, {"low": "block_2.depthwise"}, {"high": "last_relu6"}, {"low": "block_4.depthwise", "high": "block_4"},
        {"high": "block_3.expand_relu6", "low": 2}, {"low": "block_3"},
        {"base": network(output_stride=8, rows=TWICE), "low": None},
    ):  # fmt: skip
        own = gated(modules, **options)
        for training in (False, True):
            expected = resize_bilinear(gated_by_hand(own, x, training), (32, 48))
            np.testing.assert_allclose(own.copy().forward(x, training), expected, rtol=0, atol=1e-12)


def deeplab_order(modules):
    """DeepLab's logits are the formula's, in both modes, for both orders of the branches and both ways of resizing."""
    x = images()
    for options in (
        {}, {"rates": ()}, {"refine": True, "align": "corners"}, {"base": network(conventions="torchvision")},
        {"conventions": "timm", "rates": (3,)}, {"high": "block_2.expand_relu6", "align": "corners"},
    ):  # fmt: skip
        own = pyramid(modules, **options)
        for training in (False, True):
            expected = resize_bilinear(pyramid_by_hand(own, x, training), (32, 48), align=own.options.align)
            np.testing.assert_allclose(own.copy().forward(x, training), expected, rtol=0, atol=1e-12)


def lr_aspp_gradients(modules):
    """The gradients in a training step of LR-ASPP are the derivatives, also where a fork is inside a shortcut."""
    for options in ({}, {"low": "block_4.depthwise", "high": "block_4"}, {"low": "block_3"}):
        check_gradients(gated(modules, **options), images())


def deeplab_gradients(modules):
    """The gradients in a training step of DeepLab are the derivatives."""
    for options in ({}, {"rates": (), "conventions": "torchvision"}, {"refine": True, "align": "corners"}):
        check_gradients(pyramid(modules, **options), images())


def counts(modules):
    """Weights and MACs of each layer are those of its convolutions, counted by hand."""
    shape, low, high = (2, 32, 48, 2), 8 * 12, 4 * 6
    parts = (own := gated(modules)).cost(shape).parts
    assert list(parts) == list(own.layers) == ["network", "reduce", "gate", "low_scores", "high_scores"]
    assert [part.macs // 2 for part in list(parts.values())[1:]] == [high * 16 * 6, 16 * 6, low * 8 * 5, low * 6 * 5]
    assert own.cost(shape).additions - sum(part.additions for part in parts.values()) == 2 * low * 5
    parts = (own := pyramid(modules, refine=True)).cost(shape).parts
    assert list(parts) == ["network", "pointwise", "atrous_1", "atrous_2", "pool", "project", "refine", "scores"]
    expected = [16 * 6, 9 * 16 * 6, 9 * 16 * 6, None, 24 * 6, 9 * 6 * 6, 6 * 5]
    for (name, part), weights in zip(list(parts.items())[1:], expected, strict=True):
        assert part.macs == (2 * 16 * 6 if name == "pool" else 2 * high * weights)
        assert kernel_weights(own.layers[name]) == (weights or 16 * 6)
    assert parts["network"].macs == own.network.cost(shape).macs
    for own, normalised in (
        (gated(modules), ["reduce"]),
        (pyramid(modules, refine=True), ["pointwise", "atrous_1", "atrous_2", "pool", "project", "refine"]),
    ):
        means = [name.split(".")[0] for name in own.state if name.endswith("mean") and not name.startswith("network.")]
        assert means == normalised
        assert own.output_shape(shape) == (2, 32, 48, 5)
        assert own.cost(shape).params == sum(a.size for a in own.params.values())
        assert own.score_shape(shape) == own.scores(np.ones(shape)).shape


def places(modules):
    """The papers' maps: the first block at stride 8, and the last one, or V3's and V1's last layer."""
    for base, low, high in (
        (network(rows=((1, 8, 2, 2), (2, 8, 2, 2), (2, 6, 2, 1))), "block_3", "block_6"),
        (mobilenet_v3("large", 0.1, 3, output_stride=16), "block_4", "last_hard_swish"),
        (mobilenet_v3("small", 0.1, 3, output_stride=16), "block_2", "last_hard_swish"),
        (mobilenet_v1(0.1, 3, output_stride=8), "block_4", "block_13"),
    ):
        options = modules.lr_aspp.lr_aspp(base, 3).options
        own = modules.deeplab.deeplab_v3(base, 3, rates=(2,))
        assert (options.low, options.high, own.options.high) == (low, high, high)
        assert all(own.params[f"network.{name}"] is base.params[name] for name in own.network.params)


def deeplab_rates(modules):
    """The branches have the rates that are asked for, and the papers' where none are."""
    for base, rates, expected in (
        (network(), (3, 1), (3, 1)),
        (mobilenet_v1(0.1, 3, output_stride=16), None, (6, 12, 18)),
        (mobilenet_v1(0.1, 3, output_stride=8), None, (12, 24, 36)),
    ):
        own = modules.deeplab.deeplab_v3(base, 3, rates=rates, filters=8)
        layers = [own.layers[f"atrous_{number}"].layers["conv"] for number in range(1, len(expected) + 1)]
        assert own.options.rates == tuple(layer.geometry["dilation"] for layer in layers) == expected


def inference(modules):
    """Folded, copied and by `Inference` it is the same function; what is stored stays so while it segments."""
    inside = gated(modules, low="block_4.depthwise", high="block_4")  # taken in front of a normalisation
    for own in (inside, gated(modules), pyramid(modules, refine=True)):
        x = images()
        y = own.forward(x)
        for twin in (own.folded(), own.folded().folded(), own.copy(), Inference(own), Inference(own.folded())):
            np.testing.assert_allclose(twin.forward(x), y, rtol=0, atol=1e-12)
        expected = own.copy()
        expected.forward(x)
        assert np.array_equal(own.segment(x), y.argmax(axis=-1))
        assert own.segment(x).dtype == np.int64
        by_hand = pyramid_by_hand if "project" in own.layers else gated_by_hand
        np.testing.assert_allclose(own.scores(x), by_hand(own, x), rtol=0, atol=1e-12)
        assert np.array_equal(own.backward(y), expected.backward(y))
        assert not any("norm" in name for name in own.folded().arrays()) or own is inside


def two_tasks(modules):
    """Two tasks on one backbone have the numbers of the two apart, with maps of their own and with common ones."""
    for options in ({}, {"first": "block_2", "low": "block_2", "high": "last_relu6"}, {"low": 2, "high": "block_2"}):
        own, x = both_of(modules, **options), images()
        np.testing.assert_allclose(Inference(own).forward(x), own.forward(x), rtol=0, atol=1e-11)
        for training in (False, True):
            check_numbers_of_the_two_apart(own, x, training)


GUARDS = (
    lr_aspp_order, deeplab_order, deeplab_rates, lr_aspp_gradients, deeplab_gradients, counts, places, inference,
    two_tasks,
)  # fmt: skip


class Mutant(NamedTuple):
    """In one of the modules `old` becomes `new`; the guard must notice."""

    says: str
    module: str
    old: str
    new: str
    guard: object


MUTANTS = [
    Mutant("the gate dropped", "lr_aspp", "gated = reduced * gate[:, None, None, :]", "gated = reduced", lr_aspp_order),
    Mutant("the gate's images mixed", "lr_aspp", "gated = reduced * gate[:, None, None, :]", "gated = reduced * gate[::-1, None, None, :]", lr_aspp_order),
    Mutant("the gate not by a sigmoid", "lr_aspp", '"sigmoid": Sigmoid()', '"sigmoid": ReLU()', lr_aspp_order),
    Mutant("the fine map not added", "lr_aspp", 'scores += run("low_scores", low)', 'run("low_scores", low)', lr_aspp_order),
    Mutant("the maps exchanged", "lr_aspp", "low, high = maps", "high, low = maps", lr_aspp_order),
    Mutant("the gated map resized by corners", "lr_aspp", "resize_bilinear(gated, size)", 'resize_bilinear(gated, size, align="corners")', lr_aspp_order),
    Mutant("height and width exchanged", "lr_aspp", "size = low.shape[1:3]", "size = low.shape[2:0:-1]", lr_aspp_order),
    Mutant("a bias in the gate", "lr_aspp", "bias=False", "bias=True", lr_aspp_order),
    Mutant("no normalisation", "lr_aspp", 'trunk.batch_norm, "relu"', 'None, "relu"', counts),
    Mutant("the gate's gradient dropped", "lr_aspp", 'dhigh = dhigh + self.layers["gate"].backward(dgate)', 'self.layers["gate"].backward(dgate)', lr_aspp_gradients),
    Mutant("the gate's gradient of the gated map", "lr_aspp", "wider(dgated) * reduced", "wider(dgated) * gated", lr_aspp_gradients),
    Mutant("the gradient not gated", "lr_aspp", "dgated * gate[:, None, None, :]", "dgated", lr_aspp_gradients),
    Mutant("the fine map's gradient dropped", "lr_aspp", "return [dlow, dhigh]", "return [0 * dlow, dhigh]", lr_aspp_gradients),
    Mutant("the last block at stride 8", "lr_aspp", "in strides.items() if", "in reversed(strides.items()) if", places),
    Mutant("the sum not counted", "lr_aspp", "return batch * height * width * classes", "return 0", counts),
    Mutant("the pool last with every family", "deeplab", 'if self.options.conventions == "keras"', "if False", deeplab_order),
    Mutant("the pool first with every family", "deeplab", 'if self.options.conventions == "keras"', "if True", deeplab_order),
    Mutant("all branches with the first rate", "deeplab", "dilation=rate", "dilation=options.rates[0]", deeplab_rates),
    Mutant("not refined", "deeplab", 'a = run("refine", a)', 'run("refine", a)', deeplab_order),
    Mutant("refined by a 1×1 convolution", "deeplab", 'Conv2D(filters, filters, 3, padding="same"', 'Conv2D(filters, filters, 1, padding="same"', counts),
    Mutant("a branch's gradient dropped", "deeplab", "dhigh += self.layers[name].backward(dbranch)", "dhigh = self.layers[name].backward(dbranch)", deeplab_gradients),
    Mutant("the pooled gradient of one position", "deeplab", "rounded(image_sums(part), part)", "part[:, 0, 0]", deeplab_gradients),
    Mutant("refine's gradient passed by", "deeplab", 'd = self.layers["refine"].backward(d)', 'self.layers["refine"].backward(d)', deeplab_gradients),
    Mutant("the rates exchanged", "deeplab", "{16: (6, 12, 18), 8: (12, 24, 36)}", "{8: (6, 12, 18), 16: (12, 24, 36)}", deeplab_rates),
    Mutant("resized as half pixels always", "segmenter", "resize_bilinear(scores, size, align=self.align)", "resize_bilinear(scores, size)", deeplab_order),
    Mutant("backward by half pixels always", "segmenter", "scores, size, align=self.align)\n        return self._head", "scores, size)\n        return self._head", deeplab_gradients),
    Mutant("the mode not handed to the head", "segmenter", "self.layers[name].forward(a, training)", "self.layers[name].forward(a)", deeplab_order),
    Mutant("the mode not handed to the network", "segmenter", "self._maps(x, training)", "self._maps(x)", lr_aspp_order),
    Mutant("V2's last convolution kept", "segmenter", '== "mobilenet_v2"', '== "mobilenet"', places),
    Mutant("the network not cut", "segmenter", "network.with_layers(cut_behind(network, name))", "network", lr_aspp_order),
    Mutant("scores of the images' size", "segmenter", "twin._resizes = False", "pass", inference),
    Mutant("what is stored dropped in segmenting", "segmenter", "np.argmax(Inference(self).forward(x), axis=-1)", "np.argmax(self.forward(x[:1]), axis=-1)", inference),
    Mutant("a common map with the detector's gradient alone", "multi_task", "dmap if own is None else np.add(own, dmap, out=dmap)", "dmap", two_tasks),
    Mutant("a common map with the segmenter's gradient alone", "multi_task", "dmap if own is None else np.add(own, dmap, out=dmap)", "dmap if own is None else own", two_tasks),
    Mutant("the last map with the detector's gradient alone", "multi_task", "d = d + dmaps[end] if end in dmaps else d", "pass", two_tasks),
    Mutant("the segmenter's other maps without gradients", "multi_task", "fork.dmap = dmaps.get(name)", "fork.dmap = None", two_tasks),
    Mutant("the segmenter's gradients in the order of the maps", "multi_task", 'zip(self._names["segmenter"], self', 'zip(self._in_order(), self', two_tasks),
    Mutant("the segmenter given the first maps", "multi_task", '[maps[name] for name in self._names["segmenter"]]', "list(maps.values())[:2]", two_tasks),
    Mutant("the segmenter's maps exchanged", "multi_task", "[*segmenter.taken, segmenter.options.high]", "[segmenter.options.high, *segmenter.taken]", two_tasks),
    Mutant("the detector given the first maps", "multi_task", 'if name in self._names["detector"]', "if name", two_tasks),
    Mutant("what is behind the detector's first map passed by", "multi_task", "self._parts[cut:]", "self._parts[cut + 1 :]", two_tasks),
    Mutant("the mode not handed to the segmenter", "multi_task", 'from(own, size, training)', 'from(own, size)', two_tasks),
    Mutant("the numbers of one row exchanged", "multi_task", "return _in_rows(y, *scores)", "return _in_rows(*scores, y)", two_tasks),
    Mutant("in inference the maps exchanged", "multi_task", "for part in PARTS)\n        return", "for part in PARTS[::-1])\n        return", two_tasks),
]  # fmt: skip

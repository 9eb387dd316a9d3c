"""The names and the axes that each family of published weights has for a network's arrays."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import islice
from types import MappingProxyType
from typing import Any, NamedTuple

from ..kernels.geometry import Array
from ..layers import Conv2D, Dense, DepthwiseConv2D, PointwiseConv2D, Sequential, SqueezeExcite
from ..layers.convolution import Linear
from .advice import advice
from .detector_names import by_kind
from .network import MobileNet
from .published_heads import HEADS
from .segmenter import Segmenter
from .ssdlite import SSDLite
from .with_heads import NetworkWithHeads

Network = MobileNet | SSDLite | Segmenter
Names = Iterator[tuple[str, str]]  # of each convolution and its batch normalisation, in the order of forward
Parts = list[list[str]]  # for each block the convolutions in it, and its squeeze-and-excite, as they are called here
Axes = Mapping[type | str, Callable[[Array], Array]]  # by the kind of layer, or by its name where it is an exception

OF_NORM = ("scale", "shift", "mean", "variance")
TORCH_ENDINGS = (".weight", ".bias", ".weight", ".bias", ".running_mean", ".running_var")
SQUEEZE = "squeeze_excite"
KERAS_ENDINGS = ("/kernel", "/bias", "/gamma", "/beta", "/moving_mean", "/moving_variance")
SLIM_ENDINGS = ("/weights", "/biases", *(f"/BatchNorm{ending}" for ending in KERAS_ENDINGS[2:]))

TORCH_AXES: Axes = {
    Conv2D: lambda kernel: kernel.transpose(3, 2, 0, 1),  # (Dᵣ, Dᵣ, M, N) -> (N, M, Dᵣ, Dᵣ)
    DepthwiseConv2D: lambda kernel: kernel.transpose(2, 0, 1)[:, None],  # (Dᵣ, Dᵣ, M) -> (M, 1, Dᵣ, Dᵣ)
    PointwiseConv2D: lambda kernel: kernel.T[:, :, None, None],  # (M, N) -> (N, M, 1, 1)
    Dense: lambda kernel: kernel.T,  # (M, N) -> (N, M)
}
KERAS_AXES: Axes = {
    Conv2D: lambda kernel: kernel,
    DepthwiseConv2D: lambda kernel: kernel[..., None],  # (Dᵣ, Dᵣ, M) -> (Dᵣ, Dᵣ, M, 1)
    PointwiseConv2D: lambda kernel: kernel[None, None],  # (M, N) -> (1, 1, M, N)
    Dense: lambda kernel: kernel,
}


class Family(NamedTuple):
    """A family of published weights: its names, its axes, and the endings of its arrays.

    The endings are those of kernel, bias, and normalisation's scale, shift, mean and variance; `kernels` are those of
    kernels that have another ending, by the kind of layer.
    """

    names: Callable[[Parts, Any], Names]
    endings: tuple[str, ...]
    axes: Axes
    kernels: Mapping[type, str] = MappingProxyType({})


def named_arrays(function: str, model: Network, naming: str) -> dict[str, tuple[str, Array]]:
    """A network's arrays under a family's names: what each is called here, and a view of it in the family's axes.

    Writing into the views writes into the network. A folded network has kernels and biases alone. Raises ValueError
    where the family has no such network.

    >>> from npconv.models import mobilenet_v2
    >>> ours, view = named_arrays("", mobilenet_v2(), "torchvision")["features.2.conv.1.0.weight"]
    >>> ours, view.shape
    ('block_2.depthwise.kernel', (96, 1, 3, 3))
    """
    arrays, named = model.arrays(), {}
    for ours, theirs in _published_names(function, model, naming):
        axes = KNOWN[architecture_of(model), naming].axes
        view = axes.get(ours.layer, axes[ours.kind])
        for name, published in theirs.items():
            if name in arrays:
                named[published] = name, view(arrays[name]) if name == ours.kernel else arrays[name]
    return named


def normalisation_names(function: str, model: Network, naming: str) -> dict[str, tuple[set[str], str]]:
    """By the name of each layer that a family normalises: its names for that normalisation, and for the layer's bias.

    A folded network has them too. Raises ValueError as `named_arrays`.

    >>> from npconv.models import mobilenet_v2
    >>> norm, bias = normalisation_names("", mobilenet_v2().folded(), "timm")["block_2.depthwise"]
    >>> min(norm), bias
    ('blocks.1.0.bn2.bias', 'blocks.1.0.conv_dw.bias')
    """
    return {
        ours.layer: ({name for key, name in theirs.items() if key not in (ours.kernel, ours.bias)}, theirs[ours.bias])
        for ours, theirs in _published_names(function, model, naming)
        if len(theirs) > 2
    }


def _published_names(function: str, model: Network, naming: str) -> Iterator[tuple["Product", dict[str, str]]]:
    """For each sum of products a family's names for its kernel, its bias and its normalisation, by ours.

    The network may lack layers at its end.
    """
    products = list(_products(model))
    family = _family(function, model, naming, products)
    published = family.names(_parts(model, products), model)
    for ours in products:
        theirs, norm = next(published)
        kernel, bias, *of_norm = family.endings
        names = {ours.kernel: theirs + family.kernels.get(ours.kind, kernel), ours.bias: theirs + bias}
        if norm:
            names |= {f"{ours.layer}_norm.{key}": norm + end for key, end in zip(OF_NORM, of_norm, strict=True)}
        yield ours, names


def _parts(model: Network, products: Sequence["Product"]) -> Parts:
    """For each block of a network the layers in it that have arrays."""
    layers = dict.fromkeys(each.layer for each in products)
    blocks = model.blocks if isinstance(model, MobileNet) else [f"network.{name}" for name in model.network.blocks]
    return [[name[len(block) + 1 :] for name in layers if name.startswith(f"{block}.")] for block in blocks]


def _family(function: str, model: Network, naming: str, products: Sequence["Product"]) -> Family:
    """A family, where it has such a network."""
    architecture = architecture_of(model)
    inside = "network." if isinstance(model, NetworkWithHeads) else ""
    convolutions = [product.layer for product in products if product.kind is Conv2D]
    if any(layer.startswith(inside) and layer != f"{inside}stem" for layer in convolutions):
        raise ValueError(f"{function}: no family has weights of {architecture} with standard convolutions")
    if (architecture, naming) not in KNOWN:
        others = dict.fromkeys(repr(computed_as(other)) for built, other in KNOWN if built == architecture)
        is_own = naming == conventions_of(model) and bool(others)
        *_, builder = architecture.split()
        how = advice("builds", architecture=builder, conventions=" or ".join(others)) if is_own else ""
        raise ValueError(f"{function}: {naming} has no {architecture}{how}")
    if (architecture, naming) in HEADS:
        HEADS[architecture, naming].check(function, model)
    return KNOWN[architecture, naming]


def before_end(model: MobileNet, given: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays without those of layers behind a network's end, such as a classifier that it lacks.

    >>> from npconv.models import mobilenet_v2
    >>> network = mobilenet_v2(0.1)
    >>> network = network.with_layers({name: network.layers[name] for name in ("stem", "block_1")})
    >>> list(before_end(network, {"Conv1/kernel": np.ones(1), "Conv_1/kernel": np.ones(1)}))
    ['Conv1/kernel']
    """
    ends: set[str] = set()
    products = list(_products(model))
    for architecture, naming in PUBLISHED:
        if architecture == architecture_of(model):
            names = PUBLISHED[architecture, naming].names(_parts(model, products), model)
            ends.update(end for both in islice(names, len(products), None) for end in both if end)
    return {name: a for name, a in given.items() if not name.startswith(tuple(f"{e}{s}" for e in ends for s in "./"))}


class Product(NamedTuple):
    """A sum of products in a network: the layer that it is or belongs to, its kind, and its arrays' names."""

    layer: str
    kind: type
    kernel: str
    bias: str


def _products(layer: Any, name: str = "") -> Iterator[Product]:
    """The convolutions and dense layers of a network or block in the order of forward, those inside a gate too."""
    if isinstance(layer, NetworkWithHeads | Sequential):
        for part, inner in by_kind(layer) if isinstance(layer, SSDLite) else layer.layers.items():
            yield from _products(inner, f"{name}.{part}" if name else part)
    elif isinstance(layer, Linear):
        yield Product(name, type(layer), f"{name}.kernel", f"{name}.bias")
    elif isinstance(layer, SqueezeExcite):  # everywhere pointwise convolutions on the pooled maps
        for part in ("reduce", "expand"):
            yield Product(name, PointwiseConv2D, f"{name}.{part}", f"{name}.{part}_bias")


def _torchvision_v2(blocks: Parts, model: MobileNet) -> Names:
    yield "features.0.0", "features.0.1"
    for number, parts in enumerate(blocks, 1):
        *wide, _ = range(len(parts))
        for i in wide:
            yield f"features.{number}.conv.{i}.0", f"features.{number}.conv.{i}.1"
        yield f"features.{number}.conv.{len(wide)}", f"features.{number}.conv.{len(wide) + 1}"
    yield f"features.{len(blocks) + 1}.0", f"features.{len(blocks) + 1}.1"
    yield "classifier.1", ""


def _torchvision_v3(blocks: Parts, model: MobileNet) -> Names:
    yield "features.0.0", "features.0.1"
    for number, parts in enumerate(blocks, 1):
        for i, part in enumerate(parts):
            place = f"features.{number}.block.{i}"
            if part == SQUEEZE:
                yield from ((f"{place}.{dense}", "") for dense in ("fc1", "fc2"))
            else:
                yield f"{place}.0", f"{place}.1"
    yield f"features.{len(blocks) + 1}.0", f"features.{len(blocks) + 1}.1"
    yield from (("classifier.0", ""), ("classifier.3", ""))


def _keras_v2(blocks: Parts, model: MobileNet) -> Names:
    yield "Conv1", "bn_Conv1"
    for number, parts in enumerate(blocks):
        block = f"block_{number}" if number else "expanded_conv"
        for part in parts:
            yield f"{block}_{part}", f"{block}_{part}_BN"
    yield "Conv_1", "Conv_1_bn"
    yield "predictions", ""


def _keras_v1(blocks: Parts, model: MobileNet) -> Names:
    yield "conv1", "conv1_bn"
    for number in range(1, len(blocks) + 1):
        for part in ("dw", "pw"):
            yield f"conv_{part}_{number}", f"conv_{part}_{number}_bn"
    yield "conv_preds", ""


def _keras_v3(blocks: Parts, model: MobileNet) -> Names:
    yield "conv", "conv_bn"
    for number, parts in enumerate(blocks):
        block = f"expanded_conv_{number}" if number else "expanded_conv"
        for part in parts:
            if part == SQUEEZE:
                yield from ((f"{block}_squeeze_excite_{dense}", "") for dense in ("conv", "conv_1"))
            else:
                yield f"{block}_{part}", f"{block}_{part}_bn"
    yield "conv_1", "conv_1_bn"
    yield from (("conv_2", ""), ("logits", ""))


def _timm(blocks: Parts, model: MobileNet) -> Names:
    """timm counts the blocks stage by stage, and calls the last pointwise convolution of three "linear"."""
    yield "conv_stem", "bn1"
    stages = model.specification.stages
    places = [f"blocks.{number}.{i}" for number, count in enumerate(stages) for i in range(count)]
    for place, parts in zip(places, blocks, strict=False):  # a network that was cut has fewer blocks
        *before, last = ("conv_pw", "conv_dw", "conv_pwl") if "expand" in parts else ("conv_dw", "conv_pw")
        for number, convolution in enumerate(before, 1):
            yield f"{place}.{convolution}", f"{place}.bn{number}"
        if SQUEEZE in parts:
            yield from ((f"{place}.se.{dense}", "") for dense in ("conv_reduce", "conv_expand"))
        yield f"{place}.{last}", f"{place}.bn{len(before) + 1}"
    if model.specification.architecture == "mobilenet_v3":
        yield f"blocks.{len(stages)}.0.conv", f"blocks.{len(stages)}.0.bn1"
        yield "conv_head", ""
    elif model.specification.architecture == "mobilenet_v2":
        yield "conv_head", "bn2"
    yield "classifier", ""


def _transformers_v2(blocks: Parts, model: MobileNet) -> Names:
    """transformers counts from the second block; the first belongs to its stem."""

    def both(place: str) -> tuple[str, str]:
        return f"mobilenet_v2.{place}.convolution", f"mobilenet_v2.{place}.normalization"

    yield both("conv_stem.first_conv")
    called = {"expand": "expand_1x1", "depthwise": "conv_3x3", "project": "reduce_1x1"}
    for number, parts in enumerate(blocks, -1):
        block = "conv_stem" if number < 0 else f"layer.{number}"
        yield from (both(f"{block}.{called[part]}") for part in parts)
    yield both("conv_1x1")
    yield "classifier", ""


def _transformers_v1(blocks: Parts, model: MobileNet) -> Names:
    """transformers counts convolutions, not blocks."""
    yield "mobilenet_v1.conv_stem.convolution", "mobilenet_v1.conv_stem.normalization"
    for number in range(2 * len(blocks)):
        yield f"mobilenet_v1.layer.{number}.convolution", f"mobilenet_v1.layer.{number}.normalization"
    yield "classifier", ""


def _slim_v1(blocks: Parts, model: MobileNet) -> Names:
    places = ["Conv2d_0", *(f"Conv2d_{i}_{part}wise" for i in range(1, len(blocks) + 1) for part in ("depth", "point"))]
    yield from ((f"MobilenetV1/{place}", f"MobilenetV1/{place}") for place in places)
    yield "MobilenetV1/Logits/Conv2d_1c_1x1", ""


def _slim(blocks: Parts, model: MobileNet) -> Names:
    """The names of TF-slim's MobileNetV2 and V3. Source: tensorflow/models, research/slim/nets/mobilenet."""
    root = {"mobilenet_v2": "MobilenetV2", "mobilenet_v3": "MobilenetV3"}[model.specification.architecture]
    yield f"{root}/Conv", f"{root}/Conv"
    for number, parts in enumerate(blocks):
        block = f"{root}/expanded_conv_{number}" if number else f"{root}/expanded_conv"
        for part in parts:
            if part == SQUEEZE:
                yield from ((f"{block}/{part}/{dense}", "") for dense in ("Conv", "Conv_1"))
            else:
                yield f"{block}/{part}", f"{block}/{part}"
    yield f"{root}/Conv_1", f"{root}/Conv_1"
    if root == "MobilenetV3":
        yield f"{root}/Conv_2", ""
    yield f"{root}/Logits/Conv2d_1c_1x1", ""


SLIM_AXES: Axes = {**KERAS_AXES, Dense: KERAS_AXES[PointwiseConv2D]}
SLIM_KERNELS: Mapping[type, str] = MappingProxyType({DepthwiseConv2D: "/depthwise_weights"})


def architecture_of(model: Network) -> str:
    """The name of a network's function; of one with heads with that of its network.

    >>> from npconv.models import mobilenet_v2, ssdlite
    >>> architecture_of(ssdlite(mobilenet_v2(0.1), 2))
    'ssdlite on mobilenet_v2'
    """
    if isinstance(model, NetworkWithHeads):
        return f"{model.builder} on {model.network.specification.architecture}"
    return model.specification.architecture


def conventions_of(model: Network) -> str:
    """The conventions of a network; both of one whose heads have others than its network."""
    if isinstance(model, NetworkWithHeads):
        return " and ".join(dict.fromkeys((model.network.specification.conventions, model.options.conventions)))
    return model.specification.conventions


NAMINGS = ("keras", "torchvision", "timm", "transformers", "slim")
"""The families whose names `load_weights` knows."""


def computed_as(naming: str) -> str:
    """The conventions with which a network computes as those of a family do.

    transformers' and TF-slim's networks have Keras's padding and epsilon, so they have no conventions of their own.

    >>> computed_as("timm"), computed_as("slim")
    ('timm', 'keras')
    """
    return "keras" if naming in ("transformers", "slim") else naming


def own_naming(model: Network) -> str:
    """The family of a network's conventions, or where it has no such network the first that computes as it does.

    >>> from npconv.models import mobilenet_v2, ssdlite
    >>> own_naming(mobilenet_v2(0.1)), own_naming(ssdlite(mobilenet_v2(0.1), 2))
    ('keras', 'slim')
    """
    architecture, conventions = architecture_of(model), conventions_of(model)
    families = (naming for built, naming in KNOWN if built == architecture and computed_as(naming) == conventions)
    return next(families, conventions)


PUBLISHED: Mapping[tuple[str, str], Family] = MappingProxyType(
    {
        ("mobilenet_v2", "keras"): Family(_keras_v2, KERAS_ENDINGS, KERAS_AXES),
        ("mobilenet_v2", "torchvision"): Family(_torchvision_v2, TORCH_ENDINGS, TORCH_AXES),
        ("mobilenet_v2", "timm"): Family(_timm, TORCH_ENDINGS, TORCH_AXES),
        # its classifier is a pointwise convolution on the pooled maps
        ("mobilenet_v1", "keras"): Family(_keras_v1, KERAS_ENDINGS, {**KERAS_AXES, Dense: KERAS_AXES[PointwiseConv2D]}),
        ("mobilenet_v1", "timm"): Family(_timm, TORCH_ENDINGS, TORCH_AXES),
        # there and in timm the hidden layer is a pointwise convolution on the pooled maps
        ("mobilenet_v3", "keras"): Family(_keras_v3, KERAS_ENDINGS, {**KERAS_AXES, Dense: KERAS_AXES[PointwiseConv2D]}),
        ("mobilenet_v3", "torchvision"): Family(_torchvision_v3, TORCH_ENDINGS, TORCH_AXES),
        ("mobilenet_v3", "timm"): Family(_timm, TORCH_ENDINGS, {**TORCH_AXES, "hidden": TORCH_AXES[PointwiseConv2D]}),
        ("mobilenet_v2", "transformers"): Family(_transformers_v2, TORCH_ENDINGS, TORCH_AXES),
        ("mobilenet_v1", "transformers"): Family(_transformers_v1, TORCH_ENDINGS, TORCH_AXES),
        ("mobilenet_v1", "slim"): Family(_slim_v1, SLIM_ENDINGS, SLIM_AXES, SLIM_KERNELS),
        ("mobilenet_v2", "slim"): Family(_slim, SLIM_ENDINGS, SLIM_AXES, SLIM_KERNELS),
        ("mobilenet_v3", "slim"): Family(_slim, SLIM_ENDINGS, SLIM_AXES, SLIM_KERNELS),
    }
)
"""The published networks: the family of each architecture and naming."""


def _with_heads(architecture: str, naming: str) -> Family:
    """The family of a network with heads: that of its network, and the names of the heads."""
    heads, family = HEADS[architecture, naming], PUBLISHED[architecture.split()[-1], naming]

    def names(blocks: Parts, model: Any) -> Names:
        count = sum(1 for _ in _products(model.network))
        return heads.names(model, islice(family.names(blocks, model.network), count))

    axes = dict(family.axes)
    for layer in heads.pointwise:
        axes[layer] = axes[PointwiseConv2D]
    return family._replace(names=names, axes=axes)


KNOWN: Mapping[tuple[str, str], Family] = MappingProxyType(dict(PUBLISHED) | {key: _with_heads(*key) for key in HEADS})
"""The published networks, and those with heads."""

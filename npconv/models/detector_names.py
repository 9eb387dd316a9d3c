"""The names of a detector's arrays in torchvision and in TensorFlow, and torchvision's order of the codes of a box."""

import re
from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType

from ..kernels.geometry import Array
from ..layers import Layer
from .network import MobileNet
from .ssdlite import EXTRAS, SSDLite, ssdlite

OF_DETECTOR = MappingProxyType({"epsilon": 1e-3, "momentum": 0.97, "unbiased": True})
"""Options of normalisation: torchvision's, which has 0.99 in MobileNetV3."""

FIRST = re.compile(r"block_(\d+)\.expand_(?:hard_swish|relu6?)")
CODES = re.compile(r"head\.regression_head\.module_list\.\d+\.1\.(?:weight|bias)")
BACKBONE = re.compile(r"backbone\.features\.([01])\.(\d+)\.(.*)")
TORCH_EXTRA = re.compile(r"backbone\.extra\.\d+\.2\.0\.weight")
SLIM_BACKBONE = re.compile(r"MobilenetV2/(?!layer_19_)")
SLIM_EXTRA = re.compile(r"MobilenetV2/layer_19_2_Conv2d_\d+_3x3_s2_\d+/weights")


def by_kind(model: SSDLite) -> Iterator[tuple[str, Layer]]:
    """The parts of a detector in torchvision's order: the heads of the classes, and then those of the boxes.

    >>> from npconv.models import mobilenet_v3, ssdlite
    >>> [name for name, _ in by_kind(ssdlite(mobilenet_v3("small", 0.1), 2, extras=()))]
    ['network', 'class_1', 'class_2', 'box_1', 'box_2']
    """
    for kind in ("network", "extra_", "class_", "box_"):
        yield from ((name, layer) for name, layer in model.layers.items() if name.startswith(kind))


def cut_of(function: str, model: SSDLite) -> int:
    """The number of the block whose expansion is the first map. Raises ValueError where the first map is another.

    >>> from npconv.models import mobilenet_v3, ssdlite
    >>> cut_of("", ssdlite(mobilenet_v3("small", 0.1), 2))
    9
    """
    first = FIRST.fullmatch(model.options.first)
    if first is None:
        raise ValueError(
            f"{function}: there are published names for a detector whose first map is the expansion in a block; got "
            f"a model with first={model.options.first!r}"
        )
    return int(first[1])


def check_detector(function: str, model: SSDLite) -> None:
    """Raise ValueError for a detector without published names: with full heads, or another first map."""
    if model.options.heads == "full":
        architecture = model.network.specification.architecture
        raise ValueError(f"{function}: no family has weights of ssdlite on {architecture} with standard convolutions")
    cut_of(function, model)


def detector_names(model: SSDLite, backbone: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The names of each convolution and its normalisation; `backbone` has those of the network alone.

    torchvision cuts the backbone behind the expansion of a block and counts the blocks of each part from 0.

    >>> from npconv.models import mobilenet_v3, ssdlite
    >>> model = ssdlite(mobilenet_v3("small", 0.1), 2)
    >>> alone = [(f"features.{place}", "") for place in ("8.block.3.0", "9.block.0.0", "9.block.1.0", "10.block.0.0")]
    >>> [name.removeprefix("backbone.features.") for name, _ in detector_names(model, alone)][:4]
    ['0.8.block.3.0', '0.9.0', '1.0.1.0', '1.1.block.0.0']
    """
    cut = cut_of("weight_names", model)

    def renamed(name: str) -> str:
        _, number, rest = name.split(".", 2)
        place = int(number) - cut
        if place == 0:
            _, part, rest = rest.split(".", 2)
            return f"backbone.features.0.{cut}.{rest}" if part == "0" else f"backbone.features.1.0.{part}.{rest}"
        return f"backbone.features.0.{number}.{rest}" if place < 0 else f"backbone.features.1.{place}.{rest}"

    yield from ((renamed(convolution), norm and renamed(norm)) for convolution, norm in backbone)
    for number, _ in enumerate(model.extras):
        yield from ((f"backbone.extra.{number}.{i}.0", f"backbone.extra.{number}.{i}.1") for i in range(3))
    for kind in ("classification", "regression"):
        for number in range(len(model.options.boxes.cells)):
            place = f"head.{kind}_head.module_list.{number}"
            yield from ((f"{place}.0.0", f"{place}.0.1"), (f"{place}.1", ""))


def slim_detector_names(model: SSDLite, backbone: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    """The names that TensorFlow's SSDLite on MobileNetV2 has; `backbone` has TF-slim's of the network alone.

    The names of the extra layers count from 2, as the third map does, and have the numbers of channels in them.

    >>> from npconv.models import mobilenet_v2, ssdlite
    >>> names = [name for name, _ in slim_detector_names(ssdlite(mobilenet_v2(0.1), 2, extras=(8,)), ())]
    >>> names[1:5]
    ['MobilenetV2/layer_19_2_Conv2d_2_3x3_s2_8_depthwise', 'MobilenetV2/layer_19_2_Conv2d_2_3x3_s2_8', \
'BoxPredictor_0/ClassPredictor_depthwise', 'BoxPredictor_0/ClassPredictor']
    """
    yield from backbone
    for number, (extra, wide) in enumerate(zip(model.extras, model.options.extras, strict=True), 2):
        narrow = model.layers[extra].arrays()["reduce.kernel"].shape[-1]
        place = f"MobilenetV2/layer_19_2_Conv2d_{number}_3x3_s2_{wide}"
        for name in (f"MobilenetV2/layer_19_1_Conv2d_{number}_1x1_{narrow}", f"{place}_depthwise", place):
            yield name, name
    for kind in ("Class", "BoxEncoding"):
        for number in range(len(model.options.boxes.cells)):
            place = f"BoxPredictor_{number}/{kind}Predictor"
            yield from ((f"{place}_depthwise", f"{place}_depthwise"), (place, ""))


def sizes_of(arrays: Mapping[str, Array], naming: str) -> tuple[list[int], int]:
    """The channels of the extra layers and the number of classes of a detector's arrays, as far as they are there.

    >>> sizes_of({"BoxPredictor_0/ClassPredictor/biases": np.ones(6), "BoxPredictor_0/BoxEncodingPredictor/biases":
    ...           np.ones(12), "MobilenetV2/layer_19_2_Conv2d_2_3x3_s2_512/weights": np.ones((1, 1, 256, 512))}, "slim")
    ([512], 2)
    """
    if naming == "slim":
        extras = [a.shape[-1] for name, a in arrays.items() if SLIM_EXTRA.fullmatch(name)]
        heads = [f"BoxPredictor_0/{kind}Predictor/biases" for kind in ("Class", "BoxEncoding")]
    else:
        extras = [len(a) for name, a in arrays.items() if TORCH_EXTRA.fullmatch(name)]
        heads = [f"head.{kind}_head.module_list.0.1.bias" for kind in ("classification", "regression")]
    logits, codes = (arrays[name].size if name in arrays else 0 for name in heads)
    return extras, max(2, 4 * logits // max(codes, 1))


def detector_of(network: MobileNet, arrays: Mapping[str, Array]) -> SSDLite:
    """torchvision's detector on a network, with its arrays' extra layers and classes; the smallest without arrays."""
    extras, classes = sizes_of(arrays, "torchvision")
    extras = extras if arrays else [1] * len(EXTRAS)
    return ssdlite(network, classes, extras=extras, boxes="torchvision", batch_norm=OF_DETECTOR)


def slim_detector_of(network: MobileNet, arrays: Mapping[str, Array]) -> SSDLite:
    """TensorFlow's detector on a network, likewise; with the published extra layers if there are no arrays."""
    extras, classes = sizes_of(arrays, "slim")
    return ssdlite(network, classes, extras=extras if arrays else EXTRAS)


def backbone_alone(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of a detector's backbone under the names that it has as a network of its own; all others are left out.

    >>> names = ["0.8.block.3.0.weight", "0.9.0.weight", "1.0.1.0.weight", "1.1.block.0.0.weight"]
    >>> list(backbone_alone({f"backbone.features.{name}": np.ones(1) for name in names}))[1:]
    ['features.9.block.0.0.weight', 'features.9.block.1.0.weight', 'features.10.block.0.0.weight']
    """
    parts = {name: found.groups() for name in arrays if (found := BACKBONE.fullmatch(name))}
    cut = max((int(number) for part, number, _ in parts.values() if part == "0"), default=0)
    alone = {}
    for name, (part, number, rest) in parts.items():
        place = int(number) + cut * int(part)
        inside = rest if place != cut else f"block.0.{rest}" if part == "0" else f"block.{rest}"
        alone[f"features.{place}.{inside}"] = arrays[name]
    return alone


def slim_backbone_alone(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The same of TensorFlow's detector, in which the backbone has the names of the network alone."""
    return {name: a for name, a in arrays.items() if SLIM_BACKBONE.match(name)}


def exchanged(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays with the two numbers of each pair of codes exchanged in the heads of the boxes.

    torchvision's four are (tx, ty, tw, th), ours (ty, tx, th, tw): exchanging twice changes nothing.

    >>> exchanged({"head.regression_head.module_list.0.1.bias": np.arange(8)})
    {'head.regression_head.module_list.0.1.bias': array([1, 0, 3, 2, 5, 4, 7, 6])}
    """
    return {
        name: a.reshape(-1, 2, *a.shape[1:])[:, ::-1].reshape(a.shape)
        if CODES.fullmatch(name) and a.ndim and len(a) % 2 == 0
        else a
        for name, a in arrays.items()
    }

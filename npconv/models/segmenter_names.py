"""The names of a segmentation network's arrays in torchvision, transformers and TensorFlow's DeepLab."""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..kernels.geometry import Array
from .deeplab import DeepLabV3, deeplab_v3
from .lr_aspp import LRASPP, lr_aspp
from .network import MobileNet

Names = Iterator[tuple[str, str]]

OF_TORCH = {"epsilon": 1e-5, "momentum": 0.9, "unbiased": True}  # in torchvision's heads
OF_DEEPLAB = {"epsilon": 1e-5, "momentum": 0.9997, "unbiased": False}  # in TensorFlow's head
TORCH_RATES = (12, 24, 36)
AUXILIARY, UNUSED = "aux_classifier.", "mobilenet_v2.conv_1x1."
TORCH_HEADS = ("classifier.cbr.", "classifier.0.convs.")


def lr_aspp_names(model: LRASPP, backbone: Iterable[tuple[str, str]]) -> Names:
    """The names that torchvision's LR-ASPP has; `backbone` has those of the network alone.

    >>> from npconv.models import mobilenet_v3
    >>> model = lr_aspp(mobilenet_v3("small", 0.1, output_stride=16), 2)
    >>> [name for name, _ in lr_aspp_names(model, [("features.0.0", "features.0.1")])][:4]
    ['backbone.0.0', 'classifier.cbr.0', 'classifier.scale.1', 'classifier.low_classifier']
    """
    yield from _of_backbone(backbone)
    yield "classifier.cbr.0", "classifier.cbr.1"
    yield from ((f"classifier.{name}", "") for name in ("scale.1", "low_classifier", "high_classifier"))


def deeplab_names(model: DeepLabV3, backbone: Iterable[tuple[str, str]]) -> Names:
    """The names that torchvision's DeepLabv3 has; `backbone` has those of the network alone.

    >>> from npconv.models import mobilenet_v3
    >>> model = deeplab_v3(mobilenet_v3("small", 0.1), 2, rates=(2,), refine=True)
    >>> [name.removeprefix("classifier.") for name, _ in deeplab_names(model, ())]
    ['0.convs.0.0', '0.convs.1.0', '0.convs.2.1', '0.project.0', '1', '4']
    """
    yield from _of_backbone(backbone)
    branches = 1 + len(model.options.rates)
    yield from ((f"classifier.0.convs.{i}.0", f"classifier.0.convs.{i}.1") for i in range(branches))
    yield f"classifier.0.convs.{branches}.1", f"classifier.0.convs.{branches}.2"
    yield "classifier.0.project.0", "classifier.0.project.1"
    yield from (("classifier.1", "classifier.2"), ("classifier.4", ""))


def transformers_deeplab_names(model: DeepLabV3, backbone: Iterable[tuple[str, str]]) -> Names:
    """The names that the head of transformers' MobileNetV2ForSemanticSegmentation has, behind those of the network.

    >>> from npconv.models import mobilenet_v2
    >>> model = deeplab_v3(mobilenet_v2(0.1), 2, rates=())
    >>> [name.removeprefix("segmentation_head.") for name, _ in transformers_deeplab_names(model, ())]
    ['conv_aspp.convolution', 'conv_pool.convolution', 'conv_projection.convolution', 'classifier.convolution']
    """
    yield from backbone
    for part in ("conv_aspp", "conv_pool", "conv_projection"):
        yield f"segmentation_head.{part}.convolution", f"segmentation_head.{part}.normalization"
    yield "segmentation_head.classifier.convolution", ""


def slim_deeplab_names(model: DeepLabV3, backbone: Iterable[tuple[str, str]]) -> Names:
    """The names that the head of TensorFlow's DeepLab has, behind those of the network.

    Source: tensorflow/models, research/deeplab/model.py.

    >>> from npconv.models import mobilenet_v2
    >>> [name for name, _ in slim_deeplab_names(deeplab_v3(mobilenet_v2(0.1), 2, rates=(6,)), ())]
    ['aspp0', 'aspp1', 'image_pooling', 'concat_projection', 'logits/semantic']
    """
    yield from backbone
    branches = [f"aspp{i}" for i in range(1 + len(model.options.rates))]
    yield from ((part, part) for part in (*branches, "image_pooling", "concat_projection"))
    yield "logits/semantic", ""


def check_deeplab(function: str, model: Any, *, refine: bool, rates: bool = True) -> None:
    """Raise ValueError for a DeepLabv3 with `refine`, or without, or with rates, for which a family has no names."""
    if model.options.refine is not refine:
        raise ValueError(
            f"{function}: there are published names for a DeepLabv3 on {model.network.specification.architecture} with "
            f"refine={refine}; got a model with refine={model.options.refine}"
        )
    if not rates and model.options.rates:
        raise ValueError(
            f"{function}: transformers has names for a DeepLabv3 with rates=(); got a model with "
            f"rates={model.options.rates}"
        )


def torch_backbone_alone(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays of a network's backbone in torchvision under the names that it has as a network of its own.

    >>> list(torch_backbone_alone({"backbone.4.block.0.0.weight": np.ones(1), "classifier.4.bias": np.ones(1)}))
    ['features.4.block.0.0.weight']
    """
    return {f"features.{name[9:]}": a for name, a in arrays.items() if name.startswith("backbone.")}


def beginning_with(root: str, arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays whose names begin with a root."""
    return {name: a for name, a in arrays.items() if name.startswith(root)}


def used(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """The arrays that a mask depends on; those of a backbone alone get the names of its own network.

    No mask depends on torchvision's auxiliary classifier, which serves training alone, nor on the last convolution of
    transformers' classification network, whose output the head does not take.

    >>> list(used({"backbone.0.0.weight": np.ones(1), "aux_classifier.4.bias": np.ones(1)}))
    ['features.0.0.weight']
    """
    in_transformers = any(name.startswith("segmentation_head.") for name in arrays)
    left_out = (AUXILIARY, UNUSED) if in_transformers else (AUXILIARY,)
    kept = {name: a for name, a in arrays.items() if not name.startswith(left_out)}
    if any(name.startswith(TORCH_HEADS) for name in kept):
        return kept
    return {re.sub(r"^backbone\.(?=\d)", "features.", name): a for name, a in kept.items()}


def lr_aspp_of(network: MobileNet, arrays: Mapping[str, Array]) -> LRASPP:
    """torchvision's LR-ASPP on a network, with as many classes and filters as its arrays have."""
    classes, filters = (
        _size(arrays, name) for name in ("classifier.high_classifier.weight", "classifier.cbr.0.weight")
    )
    return lr_aspp(network, classes, filters, batch_norm=OF_TORCH)


def deeplab_of(network: MobileNet, arrays: Mapping[str, Array]) -> DeepLabV3:
    """torchvision's DeepLabv3 on a network, likewise."""
    classes, filters = _size(arrays, "classifier.4.weight"), _size(arrays, "classifier.0.project.0.weight")
    return deeplab_v3(network, classes, rates=TORCH_RATES, filters=filters, refine=True, batch_norm=OF_TORCH)


def transformers_deeplab_of(network: MobileNet, arrays: Mapping[str, Array]) -> DeepLabV3:
    """transformers' DeepLabv3 on a network, likewise."""
    parts = ("classifier", "conv_projection")
    classes, filters = (_size(arrays, f"segmentation_head.{part}.convolution.weight") for part in parts)
    return deeplab_v3(network, classes, rates=(), filters=filters, batch_norm=OF_DEEPLAB)


def slim_deeplab_of(network: MobileNet, arrays: Mapping[str, Array]) -> DeepLabV3:
    """TensorFlow's DeepLab on a network, likewise; with the atrous convolutions that it has, of the paper's rates."""
    classes, filters = (_size(arrays, f"{part}/weights", -1) for part in ("logits/semantic", "concat_projection"))
    rates = None if "aspp1/weights" in arrays else ()
    return deeplab_v3(network, classes, rates=rates, filters=filters, align="corners", batch_norm=OF_DEEPLAB)


def _of_backbone(names: Iterable[tuple[str, str]]) -> Names:
    """torchvision's names of a network alone as those of a backbone."""
    for both in names:
        convolution, norm = (name.replace("features.", "backbone.") for name in both)
        yield convolution, norm


def _size(arrays: Mapping[str, Array], name: str, axis: int = 0) -> int:
    """The size of an array along an axis; 1 for an array that is missing or has no axes."""
    return int(arrays[name].shape[axis]) if name in arrays and arrays[name].ndim else 1

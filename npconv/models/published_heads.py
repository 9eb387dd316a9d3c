"""The networks with heads that families publish: their names, and how each is built for its arrays."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from types import MappingProxyType
from typing import Any, NamedTuple

from ..kernels.geometry import Array
from . import detector_names as detectors, segmenter_names as segmenters
from .network import MobileNet
from .segmenter import Segmenter
from .ssdlite import SSDLite

Arrays = Mapping[str, Array]
Names = Iterable[tuple[str, str]]  # of each convolution and its batch normalisation


def _unchecked(function: str, model: Any) -> None:
    """Nothing to be checked: every network of the kind has published names."""


class PublishedHeads(NamedTuple):
    """A network with heads that a family publishes.

    `kind` says what it is, `call` builds it. `names` gives the names of the whole from those of its MobileNet alone, in
    the order of its layers, and `alone` the arrays of that MobileNet under its own names. `build` puts heads of the
    arrays' sizes on a MobileNet, or the smallest ones if there are no arrays; `trunk` are options of that MobileNet
    that no array shows. `check` raises ValueError for a network of the kind without published names. `exchanged`
    reorders arrays from their order to ours, or back. `pointwise` are dense layers of ours that are 1×1 convolutions
    there.
    """

    kind: str
    call: str
    names: Callable[[Any, Names], Iterator[tuple[str, str]]]
    alone: Callable[[Arrays], dict[str, Array]]
    build: Callable[[MobileNet, Arrays], SSDLite | Segmenter]
    trunk: Mapping[str, Any] = MappingProxyType({})
    check: Callable[[str, Any], None] = _unchecked
    exchanged: Callable[[Arrays], dict[str, Array]] = dict
    pointwise: tuple[str, ...] = ()


DETECTOR, SEGMENTATION = "a detector", "a segmentation network"

HEADS: Mapping[tuple[str, str], PublishedHeads] = MappingProxyType(
    {
        ("ssdlite on mobilenet_v3", "torchvision"): PublishedHeads(
            DETECTOR,
            "ssdlite(mobilenet_v3('large', …, reduced_tail=True, conventions='torchvision'), …, boxes='torchvision')",
            detectors.detector_names, detectors.backbone_alone, detectors.detector_of,
            {"batch_norm": detectors.OF_DETECTOR}, detectors.check_detector, detectors.exchanged,
        ),
        ("ssdlite on mobilenet_v2", "slim"): PublishedHeads(
            DETECTOR, "ssdlite(mobilenet_v2(…), …)",
            detectors.slim_detector_names, detectors.slim_backbone_alone, detectors.slim_detector_of,
            check=detectors.check_detector,
        ),
        ("lr_aspp on mobilenet_v3", "torchvision"): PublishedHeads(
            SEGMENTATION, "lr_aspp(mobilenet_v3('large', …, output_stride=16, conventions='torchvision'), …)",
            segmenters.lr_aspp_names, segmenters.torch_backbone_alone, segmenters.lr_aspp_of, {"output_stride": 16},
            pointwise=("gate.dense",),
        ),
        ("deeplab_v3 on mobilenet_v3", "torchvision"): PublishedHeads(
            SEGMENTATION,
            "deeplab_v3(mobilenet_v3('large', …, output_stride=16, conventions='torchvision'), …, rates=(12, 24, 36), "
            "refine=True)",
            segmenters.deeplab_names, segmenters.torch_backbone_alone, segmenters.deeplab_of, {"output_stride": 16},
            partial(segmenters.check_deeplab, refine=True), pointwise=("pool.dense",),
        ),
        ("deeplab_v3 on mobilenet_v2", "transformers"): PublishedHeads(
            SEGMENTATION, "deeplab_v3(mobilenet_v2(…, output_stride=8), …, rates=())",
            segmenters.transformers_deeplab_names, partial(segmenters.beginning_with, "mobilenet_v2."),
            segmenters.transformers_deeplab_of, {"output_stride": 8},
            partial(segmenters.check_deeplab, refine=False, rates=False), pointwise=("pool.dense",),
        ),
        ("deeplab_v3 on mobilenet_v2", "slim"): PublishedHeads(
            SEGMENTATION, "deeplab_v3(mobilenet_v2(…, output_stride=16), …, rates=())",
            segmenters.slim_deeplab_names, partial(segmenters.beginning_with, "MobilenetV2/"),
            segmenters.slim_deeplab_of, {"output_stride": 16},
            partial(segmenters.check_deeplab, refine=False), pointwise=("pool.dense",),
        ),
    }
)  # fmt: skip
"""The networks with heads that families publish, by architecture and naming."""

"""The claims of MobileNetV2's paper about its experiments, the tables of detection and segmentation among them."""

from collections.abc import Sequence
from math import comb

import numpy as np

import npconv

from ...cost import Cost
from ...models import DeepLabV3, MobileNet, deeplab_v3, mobilenet_v1, mobilenet_v2, ssdlite, summary
from ...text import shape_text
from ...training import detection_heads, segmentation_heads
from .. import bottlenecks
from ..table import Finding, claim, finding
from .counts import between, cut, difference, rounded, totals
from .heads import DETECTION_IMAGE, detector_costs
from .v2 import IMAGE, V2_MAPS, v2_counted

EXPERIMENTS = "Experiments"
APPENDIX = "Bottleneck transformation"
SCALES = (0.5, 0.75, 1, 1.25, 1.5, 1.75)  # of the image, each also flipped


@claim(
    EXPERIMENTS,
    "fails: MobileNetV1 has 569 M, and width 1.4 582 M and 6.1 M; width 1 is as printed, cut off",
    "models.mobilenet_v1 models.mobilenet_v2 models.summary",
)
def v2_table_4_on_imagenet() -> Finding:
    """Table 4: MobileNetV1 has 575 M MAdds and 4.2 M parameters, V2 300 M and 3.4 M, of width 1.4 585 M and 6.9 M."""
    v1, v2, wide = summary(mobilenet_v1(), IMAGE), v2_counted(), v2_counted(1.4)
    found = [(rounded(each.macs, 1e6), rounded(each.weights, 1e6, 1)) for each in (v1, wide)]
    as_printed = (cut(v2.macs, 10**6), cut(v2.weights, 10**6, 1)) == ("300", "3.4") and found[0][1] == "4.2"
    return finding(
        as_printed and found == [("575", "4.2"), ("585", "6.9")],
        *(f"{name}: {totals(each)}" for name, each in {"V1": v1, "V2": v2, "V2 of width 1.4": wide}.items()),
        f"with batch normalisation width 1.4 has {wide.params:,} parameters",
        "ShuffleNet's and NasNet's numbers are their papers'",
        why=f"MobileNetV1 has {found[0][0]} M, and width 1.4 {found[1][0]} M and {found[1][1]} M"
        + ("; width 1 is as printed, cut off" if as_printed else ""),
    )


@claim(
    EXPERIMENTS,
    "fails: SSDLite has 0.18 B MAdds, half of what is printed; the other three are as printed",
    "models.mobilenet_v2 models.ssdlite",
)
def v2_table_5_ssd_and_ssdlite() -> Finding:
    """Table 5: for 80 classes SSD's layers have 14.8 M parameters and 1.25 B MAdds, SSDLite's 2.1 M and 0.35 B."""
    (ssd, _), (lite, _) = (detector_costs(mobilenet_v2(), 81, heads=heads) for heads in ("full", "separable"))
    others = [rounded(ssd.params, 1e6, 1), cut(ssd.macs, 10**9, 2), rounded(lite.params, 1e6, 1)]
    return finding(
        [*others, cut(lite.macs, 10**9, 2)] == ["14.8", "1.25", "2.1", "0.35"],
        f"SSD: {_numbers(ssd)}",
        f"SSDLite: {_numbers(lite)}; twice as many, {2 * lite.macs:,}, would be the printed 0.35 B",
        why=f"SSDLite has {rounded(lite.macs, 1e9, 2)} B MAdds, "
        + ("half of what is printed" if cut(2 * lite.macs, 10**9, 2) == "0.35" else "not 0.35 B")
        + ("; the other three are as printed" if others == ["14.8", "1.25", "2.1"] else ""),
    )


@claim(
    EXPERIMENTS,
    "reported: measured on COCO; on a small detector separable heads differ by -4.3 to -0.4 points of mAP@.5 "
    "(500 steps on digits in the wild, 6 seeds)",
    "training.detection_heads.stored_results training.detection_heads.compare",
)
def v2_ssdlite_is_as_accurate_as_ssd() -> Finding:
    """SSDLite's separable layers in place of SSD's full ones keep the accuracy."""
    results, measures = detection_heads.stored_results(), detection_heads.MEASURES
    found = {name: detection_heads.compare(results, "separable", "full", name) for name in measures}
    half = found["test_map_50"]
    points, runs = between(half, results)
    return finding(
        {"first": True, "second": False, "open": None}[half.verdict],
        *(difference(each, measures[name]) for name, each in found.items()),
        condition=f"a small detector is meant ({runs})",
        why=f"measured on COCO; on a small detector separable heads differ by {points} of mAP@.5 ({runs})",
    )


@claim(
    EXPERIMENTS,
    "holds if layers are counted from the first convolution on; layer 15 is then the 14th block",
    "models.mobilenet_v2 models.ssdlite",
)
def v2_the_first_map_is_an_expansion() -> Finding:
    """SSDLite's first layer is on the expansion of layer 15, at stride 16, the others on the last, at stride 32."""
    network = mobilenet_v2()
    detector = ssdlite(network, 81)
    first, sizes = detector.options.first, detector.map_sizes(DETECTION_IMAGE[1:3])
    block = first.split(".")[0]
    number = 2 + network.blocks.index(block)  # the stem is layer 1
    shapes = network.feature_shapes(DETECTION_IMAGE, V2_MAPS)
    return finding(
        number == 15 and first == V2_MAPS[0] and [320 // height for height, _ in sizes[:2]] == [16, 32],
        *(f"{name}: {shape_text(shape[1:])}" for name, shape in shapes.items()),
        f"the extra layers' maps, each from the one before: {', '.join(f'{h}×{w}' for h, w in sizes[2:])}",
        condition=f"layers are counted from the first convolution on; layer {number} is then the {number - 1}th block",
    )


@claim(EXPERIMENTS, "holds", "models.mobilenet_v1 models.mobilenet_v2 models.ssdlite")
def v2_table_6_detection() -> Finding:
    """Table 6: with SSDLite at 320×320 MobileNetV1 has 5.1 M parameters and 1.3 B MAdds, V2 4.3 M and 0.8 B."""
    networks: dict[str, MobileNet] = {"V1": mobilenet_v1(), "V2": mobilenet_v2()}
    found = {name: detector_costs(network, 81)[1] for name, network in networks.items()}
    return finding(
        [(rounded(cost.params, 1e6, 1), rounded(cost.macs, 1e9, 1)) for cost in found.values()]
        == [("5.1", "1.3"), ("4.3", "0.8")],
        *(f"{name}: {cost.macs:,} MAdds, {cost.params:,} weights" for name, cost in found.items()),
        "with 80 classes and the background; SSD300's, SSD512's and YOLOv2's numbers are their papers'",
    )


@claim(
    EXPERIMENTS,
    "holds if batch normalisation's scales and shifts are counted",
    "models.deeplab_v3",
)
def v2_table_7_parameters() -> Finding:
    """Table 7: with DeepLabv3's heads V1 has 11.15 M parameters, V2 4.52 M, and without dilated branches 2.11 M."""
    v1, v2 = mobilenet_v1(conventions="torchvision", output_stride=16), mobilenet_v2(output_stride=16)
    networks = _segmentation(v1), _segmentation(v2), _segmentation(v2, ())
    params = [sum(a.size for a in network.params.values()) for network in networks]
    return finding(
        [rounded(number, 1e6, 2) for number in params] == ["11.15", "4.52", "2.11"],
        "21 classes, 256 filters; the head on the last block's map: " + ", ".join(f"{number:,}" for number in params),
    )


@claim(
    EXPERIMENTS,
    "holds if images have 513×513 pixels, and a dilated convolution is counted on a map whose sides are rounded up to "
    "multiples of its rate",
    "models.deeplab_v3",
)
def v2_table_7_dilated_branches() -> Finding:
    """Table 7: with dilated branches V2 has 5.8 B MAdds at output stride 16, and 387 B at 8 with all scales."""
    network, fine = (_segmentation(mobilenet_v2(output_stride=stride)) for stride in (16, 8))
    plain, rounded_up = ((_macs(network, whole=each), _at_all_scales(fine, whole=each)) for each in (False, True))
    return finding(
        (rounded(rounded_up[0], 1e9, 1), rounded(rounded_up[1], 1e9)) == ("5.8", "387"),
        f"on maps that are rounded up: {rounded_up[0]:,} and {rounded_up[1]:,}; the scales are six, also flipped",
        f"on the maps as they are: {plain[0]:,} and {plain[1]:,}",
    )


@claim(EXPERIMENTS, "fails: counted in the same way they are 2.74 B and 152.5 B", "models.deeplab_v3")
def v2_table_7_without_dilated_branches() -> Finding:
    """Table 7: without dilated branches V2 has 2.75 B MAdds at output stride 16, and 152.6 B at 8 with all scales."""
    network, fine = (_segmentation(mobilenet_v2(output_stride=stride), ()) for stride in (16, 8))
    macs = _macs(network), _at_all_scales(fine)
    found = rounded(macs[0], 1e9, 2), rounded(macs[1], 1e9, 1)
    return finding(
        found == ("2.75", "152.6"),
        f"{macs[0]:,} and {macs[1]:,}",
        why=f"counted in the same way they are {found[0]} B and {found[1]} B",
    )


@claim(EXPERIMENTS, "fails: counted in the same way it has 14.23 B and 990.8 B", "models.deeplab_v3")
def v2_table_7_mobilenet_v1() -> Finding:
    """Table 7: with dilated branches V1 has 14.25 B MAdds at output stride 16, and 941.9 B at 8 with all scales."""
    network, fine = (_segmentation(mobilenet_v1(conventions="torchvision", output_stride=stride)) for stride in (16, 8))
    macs = _macs(network), _at_all_scales(fine)
    found = rounded(macs[0], 1e9, 2), rounded(macs[1], 1e9, 1)
    return finding(
        found == ("14.25", "941.9"),
        f"{macs[0]:,} and {macs[1]:,}; ResNet-101's numbers are its own",
        why=f"counted in the same way it has {found[0]} B and {found[1]} B",
    )


@claim(
    EXPERIMENTS,
    "holds if the network stays as wide: 8 takes 3.2 to 3.6 times the MAdds; with fewer channels, at equal MAdds,"
    " a small network that dilates differs by +0.9 to +2.1 points of mIoU (240 steps on digits in the wild, 6 "
    "seeds)",
    "models.deeplab_v3 training.segmentation_heads.stored_results training.segmentation_heads.compare",
)
def v2_output_stride_16_is_more_efficient() -> Finding:
    """Dilation controls the output stride, and 16 is more efficient than 8."""
    networks = {stride: mobilenet_v2(output_stride=stride) for stride in (16, 8)}
    heads = {"without dilated branches": (), "with them": None}
    macs = {name: [_macs(_segmentation(each, rates)) for each in networks.values()] for name, rates in heads.items()}
    maps = [each.feature_shapes((1, 513, 513, 3), ["block_17"])["block_17"] for each in networks.values()]
    ratios = [fine / coarse for coarse, fine in macs.values()]
    results = segmentation_heads.stored_results()
    compared = segmentation_heads.compare(results, "dilated", "skip", "test_miou")
    points, runs = between(compared, results)
    return finding(
        min(ratios) > 1 and [shape[1:3] for shape in maps] == [(33, 33), (65, 65)],
        *(f"{name}: {coarse:,} MAdds at 16, {fine:,} at 8" for name, (coarse, fine) in macs.items()),
        f"the last maps of images of 513×513: {' and '.join(shape_text(shape[1:]) for shape in maps)}",
        "ink on digits; dilated has a dilation for the last stride of skip, and fewer channels, at equal MAdds: "
        + difference(compared, "mIoU"),
        condition=f"the network stays as wide: 8 takes {min(ratios):.1f} to {max(ratios):.1f} times the MAdds; with "
        f"fewer channels, at equal MAdds, a small network that dilates differs by {points} of mIoU ({runs})",
    )


@claim(EXPERIMENTS, "holds", "models.deeplab_v3")
def v2_heads_on_the_last_block() -> Finding:
    """On V2's second last map, of 320 channels in place of 1280, it takes about 2.5 times fewer MAdds than V1."""
    ratios, lines = [], []
    for stride in (16, 8):
        network = mobilenet_v2(output_stride=stride)
        v1 = _macs(_segmentation(mobilenet_v1(conventions="torchvision", output_stride=stride)))
        v2, wide = _macs(_segmentation(network)), _macs(deeplab_v3(network, 21, high="last_relu6"))
        ratios.append(v1 / v2)
        lines.append(
            f"at stride {stride}: V1 {v1:,} MAdds, V2 {v2:,}, {ratios[-1]:.2f} times fewer; on V2's last map {wide:,}"
        )
    return finding(all(2.4 < ratio < 2.6 for ratio in ratios), *lines)


@claim(EXPERIMENTS, "holds", "models.deeplab_v3")
def v2_dilated_branches_are_expensive() -> Finding:
    """DeepLabv3's heads are expensive: without the dilated branches MAdds are significantly fewer."""
    saved, lines = [], []
    for stride in (16, 8):
        network = mobilenet_v2(output_stride=stride)
        macs, fewer = (_macs(_segmentation(network, rates)) for rates in (None, ()))
        saved.append(1 - fewer / macs)
        lines.append(f"output stride {stride}: {macs:,} with them, {fewer:,} without, {100 * saved[-1]:.0f} % fewer")
    return finding(min(saved) > 0.5, *lines, "what that changes in accuracy is the paper's measurement")


figure_6_a = bottlenecks.a_linear_bottleneck_is_better.retold(
    EXPERIMENTS, "Fig. 6a: a linear bottleneck is better than one with a ReLU6."
)
figure_6_b = bottlenecks.shortcuts_are_better_between_bottlenecks.retold(
    EXPERIMENTS, "Fig. 6b: shortcuts between bottlenecks are better than between expansions, or none."
)


@claim(EXPERIMENTS, "reported: measured on ImageNet, COCO, PASCAL VOC and a phone")
def v2_accuracies_and_times() -> Finding:
    """Tables 4, 6 and 7 and Fig. 5: accuracies and times, such as 72.0 % and 75 ms of width 1."""
    return finding(None, why="measured on ImageNet, COCO, PASCAL VOC and a phone")


@claim(APPENDIX, "fails: by Theorem 1 it is the share that is kept, a quarter of the plane in 2 dimensions", "relu")
def v2_the_collapsed_share() -> Finding:
    """The share of the space that ReLU collapses is N/2ᵐ, with N = Σ C(m, k) for k from 0 to m − n."""
    kept = {m: sum(comb(m, k) for k in range(m - 1)) / 2**m for m in (2, 3, 5, 15)}
    counted = {m: _share_kept(m) for m in kept}
    near = all(abs(counted[m] - share) < 0.02 for m, share in kept.items())
    return finding(
        all(abs(1 - counted[m] - share) < 0.02 for m, share in kept.items()),
        "of random maps of the plane into m dimensions such a share keeps two live coordinates, and N/2ᵐ is: "
        + ", ".join(f"{m}: {counted[m]:.3f}, {share:.3f}" for m, share in kept.items()),
        why=("by Theorem 1 it is the share that is kept" if near else "it is neither")
        + (", a quarter of the plane in 2 dimensions" if kept[2] == 1 / 4 else ""),
    )


def _segmentation(network: MobileNet, rates: Sequence[int] | None = None) -> DeepLabV3:
    """A network with DeepLabv3's head for 21 classes on its last block."""
    return deeplab_v3(network, 21, rates=rates)


def _macs(network: DeepLabV3, side: int = 513, *, whole: bool = True) -> int:
    """The MAdds for an image of a side, dilated convolutions by space-to-batch, or without."""
    return network.cost((1, side, side, 3), space_to_batch=whole).macs


def _at_all_scales(network: DeepLabV3, *, whole: bool = True) -> int:
    """The MAdds for an image at six scales, as it is and flipped."""
    return 2 * sum(_macs(network, int(512 * scale + 1), whole=whole) for scale in SCALES)


def _share_kept(m: int) -> float:
    """The share of random maps of the plane into m dimensions that keep two live coordinates behind ReLU."""
    mapped = np.random.default_rng(0).standard_normal((20_000, m, 2)) @ np.array([1.0, 0.0])
    return float(((npconv.relu(mapped) == mapped).sum(axis=1) >= 2).mean())


def _numbers(cost: Cost) -> str:
    return f"{cost.params:,} parameters, {cost.macs:,} MAdds"

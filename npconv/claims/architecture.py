"""The claims of the article's section on the model's architecture."""

import functools
from collections.abc import Sequence

import numpy as np

from ..data import path
from ..layers import InvertedResidual
from ..models import MobileNet, MultiTask, Summary, deeplab_v3, lr_aspp, mobilenet_v2, read_network, ssdlite, summary
from ..segmentation import intersection_over_union_of
from ..text import shape_text
from ..training import digits_in_the_wild, evaluate_multi_task
from ..training.recipes import stored_results
from .table import ARCHITECTURE, Finding, claim, finding

IMAGE = (1, 224, 224, 3)
FIG_9 = (  # the input's side and channels; t, c, n, s
    (112, 32, 1, 16, 1, 1),
    (112, 16, 6, 24, 2, 2),
    (56, 24, 6, 32, 3, 2),
    (28, 32, 6, 64, 4, 2),
    (14, 64, 6, 96, 3, 1),
    (14, 96, 6, 160, 3, 2),
    (7, 160, 6, 320, 1, 1),
)


@claim(
    ARCHITECTURE,
    "holds if MACs or layers are counted; of the weights they have 51 % at width 1, and 14 % at 0.35",
    "models.mobilenet_v2 models.summary",
    "cost-by-layer",
)
def the_network_is_predominantly_inverted_residuals() -> Finding:
    """Most of the network is inverted residuals."""
    lines, shares = [], {}
    for width in (1.0, 0.35):
        network = _network(width)
        counted = summary(network, IMAGE)
        convolutions = [row for row in counted.rows if row.macs]
        inside = sum(row.block in network.blocks for row in convolutions)
        shares[width] = {column: _share(counted, network.blocks, column) for column in ("macs", "weights")}
        shares[width]["layers"] = inside / len(convolutions)
        kinds = counted.by_kind("weights")
        lines.append(
            f"width {width:g}: the {len(network.blocks)} blocks have {inside} of the {len(convolutions)} layers with "
            f"kernels, {shares[width]['macs']:.1%} of the {counted.macs:,} MACs, {shares[width]['weights']:.1%} of "
            f"the {counted.weights:,} weights; the last convolution and the classifier "
            f"{(kinds['last'] + kinds['classifier']) / counted.weights:.1%}".replace("%", " %")
        )
    return finding(
        all(share[what] > 2 / 3 for share in shares.values() for what in ("macs", "layers")),
        *lines,
        condition="MACs or layers are counted; of the weights they have "
        f"{shares[1.0]['weights']:.0%} at width 1, and {shares[0.35]['weights']:.0%} at 0.35".replace("%", " %"),
    )


@claim(ARCHITECTURE, "holds", "models.mobilenet_v2 models.summary", "mobilenet-v2-table")
def the_network_is_the_table_of_fig_9() -> Finding:
    """The network is the table of Fig. 9: seven rows of bottlenecks between two convolutions."""
    network, blocks = _network(), []
    counted = summary(network, IMAGE)
    for side, k, t, c, n, s in FIG_9:
        for stride in [s] + [1] * (n - 1):
            blocks.append(((1, side, side, k), t > 1, t * k, (1, side // stride, side // stride, c)))
            side, k = side // stride, c
    built = []
    for name in network.blocks:
        rows = [row for row in counted.rows if row.block == name]
        wide = next(row.input_shape[-1] for row in rows if row.kind == "project")
        built.append((rows[0].input_shape, rows[0].kind == "expand", wide, rows[-1].output_shape))
    ends = {row.name: row.output_shape[1:] for row in counted.rows}
    shortcuts = sum(row.adds for row in counted.rows)
    return finding(
        built == blocks
        and (ends["stem"], ends["last"], ends["pool"]) == ((112, 112, 32), (7, 7, 1280), (1280,))
        and ends["classifier"] == (1000,),
        f"{len(built)} blocks have the figure's widths, expansions and sides, {shortcuts} of them a shortcut",
        f"the rows' n add up to {sum(n for *_, n, _ in FIG_9)}; the paper's text speaks of 19",
    )


@claim(
    ARCHITECTURE,
    "holds if the first block is left out: with t = 1 its ReLU6 has as many channels as its input, which is itself the "
    "output of a ReLU6",
    "models.mobilenet_v2 models.summary",
)
def the_networks_activations_act_in_wide_volumes() -> Finding:
    """In the network the blocks' ends are linear, and activations act in wide volumes only."""
    network = _network()
    x = np.random.default_rng(0).standard_normal((1, 48, 64, 3), dtype=np.float32)
    counted = summary(network, x.shape)
    linear, wider, ends = {}, {}, {}
    for name, layer in network.layers.items():
        if name in network.blocks:
            rows = [row for row in counted.rows if row.block == name]
            ends[name] = rows[0].input_shape[-1], rows[-1].output_shape[-1]
            linear[name] = bool(x.min() < 0)
            wider[name] = all(row.output_shape[-1] > max(ends[name]) for row in rows if row.operation == "ReLU6")
        if name == "block_1":
            first = x
        x = layer.forward(x)
    network.forget()  # it is kept, and its maps are not needed any more
    others = network.blocks[1:]
    k, k_out = ends["block_1"]
    return finding(
        all(linear[name] and wider[name] for name in others) and not (linear["block_1"] or wider["block_1"]),
        f"{len(others)} blocks of {len(network.blocks)}, run on random numbers: their inputs have negative values, and "
        "each ReLU6 acts on more channels than the block has at either end",
        f"the first has no expansion: its input is the stem's ReLU6, from {first.min():g} to {first.max():.1f}; its "
        f"own acts on {k} channels, of {k} in and {k_out} out",
    )


@claim(
    ARCHITECTURE,
    "holds if the width is at least 0.28; at 0.27 the first block has 8 channels throughout",
    "models.mobilenet_v2",
    "mobilenet-v2-table",
)
def the_networks_projections_reduce() -> Finding:
    """In the network each projection reduces the dimensions: tk > k′."""
    kernels = {1.0: _projections(_network())}
    kernels |= {width: _projections(mobilenet_v2(width, 1)) for width in (0.28, 0.35, 0.5, 0.75, 1.4)}
    narrow = mobilenet_v2(0.27, 1)
    narrowest, first = _projections(narrow), narrow.layers["block_1"]
    assert isinstance(first, InvertedResidual)
    keeping = [name for name, (wide, k) in narrowest.items() if wide <= k]
    wide, k = narrowest["block_1"]
    ratios = [wide / k for wide, k in kernels[1.0].values()]
    return finding(
        keeping == ["block_1"]
        and first.shortcut
        and all(wide > k for found in kernels.values() for wide, k in found.values()),
        f"width 1: {len(ratios)} projections, from {min(ratios):g} to {max(ratios):g} times as many channels as they "
        "leave; the least is the first block's, 32 to 16",
        f"each also reduces at the widths {', '.join(f'{width:g}' for width in kernels if width != 1)}",
        f"width 0.27: the first block projects {wide} to {k} channels, as no width goes below 8, and so has a shortcut",
    )


@claim(
    ARCHITECTURE,
    "holds if heads are put on its maps: trained here on digits for both tasks, 5 small ones reach mAP@.5 from 0.90 "
    "to 0.92 and mIoU from 0.61 to 0.63",
    "models.mobilenet_v2 models.ssdlite models.lr_aspp models.deeplab_v3 models.read_network "
    "training.evaluate_multi_task segmentation.intersection_over_union_of training.recipes.stored_results",
    "ssdlite",
)
def the_network_is_a_feature_extractor() -> Finding:
    """As a feature extractor the network can be extended to detection and segmentation."""
    x = np.random.default_rng(0).standard_normal((1, 64, 96, 3), dtype=np.float32)
    network = _network()
    maps = {stride: a.shape for stride, a in network.features(x).items()}
    network.forget()
    expected = {stride: (1, 64 // stride, 96 // stride, c) for stride, c in {4: 24, 8: 32, 16: 96, 32: 320}.items()}
    dense = {
        stride: mobilenet_v2(0.35, 1, output_stride=stride).feature_shapes(x.shape, [stride])[stride]
        for stride in (16, 8)
    }
    detector = ssdlite(network, 81)
    boxes, cost = detector.anchors((320, 320)), detector.cost((1, 320, 320, 3))
    task = digits_in_the_wild(train=1, test=25)
    trained = read_network(path("both_digits.npz"))
    assert isinstance(trained, MultiTask)
    assert task.masks_test is not None
    _, precision, matrix = evaluate_multi_task(trained, task.x_test, task.boxes_test, task.labels_test, task.masks_test)
    found, overlap = precision.by_threshold[0.5], float(np.nanmean(intersection_over_union_of(matrix)))
    reached = [run["test_map_50"][-1] for run in stored_results("ssdlite")["runs"]]
    jointly = stored_results("both")["runs"]
    boxes_found, masks_found = ([run[name][-1] for run in jointly] for name in ("test_map_50", "test_miou"))
    segmenters = [make(mobilenet_v2(output_stride=16), 21) for make in (lr_aspp, deeplab_v3)]
    classes = [segmenter.cost((1, 512, 512, 3)) for segmenter in segmenters]
    lines = [shape_text(shape[1:]) for shape in maps.values()]
    both = (
        f"mAP@.5 from {min(boxes_found):.2f} to {max(boxes_found):.2f} and "
        f"mIoU from {min(masks_found):.2f} to {max(masks_found):.2f}"
    )
    return finding(
        maps == expected
        and all(shape == (1, 64 // s, 96 // s, 112) for s, shape in dense.items())
        and boxes.shape == (2034, 4)
        and min(found, *reached, *boxes_found) > 0.5
        and min(overlap, *masks_found) > 0.5
        and all(each.output_shape == (1, 512, 512, 21) for each in classes),
        f"of an image of 64×96: {', '.join(lines)}, at the strides 4, 8, 16 and 32",
        f"detection: SSDLite on two of its maps and four more gives {len(boxes):,} boxes for 320×320 pixels, by "
        f"{cost.macs:,} MACs, with 80 classes and the background",
        f"trained on digits in the wild, on a small MobileNetV2, {len(reached)} times: mAP@.5 from {min(reached):.2f} "
        f"to {max(reached):.2f} on 200 images",
        "segmentation: with dilation in place of strides the last block's map is "
        + " or ".join(shape_text(shape[1:]) for shape in dense.values())
        + ", at width 0.35",
        "on the map of stride 16 LR-ASPP and DeepLabv3 score 21 classes at each of 512×512 pixels, by "
        + " and ".join(f"{each.macs:,}" for each in classes)
        + " MACs",
        f"the network that ships does both on one MobileNetV2: on 25 images of digits it has mAP@.5 {found:.2f} and "
        f"mIoU {overlap:.2f} of {trained.segmenter.classes} classes",
        f"trained for both tasks {len(jointly)} times: {both}, on 200 images",
        condition="heads are put on its maps: trained here on digits for both tasks, "
        f"{len(jointly)} small ones reach {both}",
    )


@functools.cache
def _network(width: float = 1.0) -> MobileNet:
    return mobilenet_v2(width)


def _share(counted: Summary, blocks: Sequence[str], column: str) -> float:
    """The blocks' share of a column of the summary."""
    inside: int = sum(getattr(row, column) for row in counted.rows if row.block in blocks)
    return inside / counted.total(column)


def _projections(network: MobileNet) -> dict[str, tuple[int, ...]]:
    """tk and k′ of each block."""
    return {name: network.layers[name].params["project.kernel"].shape for name in network.blocks}

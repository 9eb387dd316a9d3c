"""Questions about what only training meets: batch normalisation, losses, first weights."""

from typing import Any

import numpy as np
from asking import Question

from npconv import softmax_cross_entropy


def trained(layer: Any, x: Any) -> Any:
    """The output of a training step, and the running mean and variance behind it."""
    return np.concatenate([layer.forward(x, training=True).ravel(), layer.state["mean"], layer.state["variance"]])


def batch(*numbers: float, frozen: bool = False, epsilon: float | None = None) -> dict[str, Any]:
    """A column: a batch of single numbers for a new layer with its defaults, or another epsilon."""
    x = np.array(numbers, np.float32).reshape(-1, 1, 1, 1)
    return {"x": x, "frozen": frozen, "epsilon": epsilon}


def loss(kind: str) -> dict[str, Any]:
    """A column: two rows of logits, their targets, a weight for each class, and the loss of each row."""
    logits, weights = np.array([[0, 1, 2], [0, 0, 0]], np.float32), np.array([1, 2, 4], np.float32)
    return {"kind": kind, "logits": logits, "targets": np.array([0, 2]), "weights": weights}


def each(logits: Any, targets: Any) -> Any:
    """The loss of each row."""
    rows = zip(logits, targets, strict=True)
    return np.array([softmax_cross_entropy(row[None], target[None]) for row, target in rows])


def deviation(layer: Any) -> float:
    """The standard deviation of a layer's kernel."""
    return float(layer.params["kernel"].std())


def uniform(rng: Any, shape: Any, fan_in: int, fan_out: int) -> Any:
    """An initialiser: uniform between ±1/√fan_in."""
    return rng.uniform(-(fan_in**-0.5), fan_in**-0.5, shape)


def lecun_normal(rng: Any, shape: Any, fan_in: int, fan_out: int) -> Any:
    """An initialiser: normal with variance 1/fan_in."""
    return rng.standard_normal(shape) / fan_in**0.5


FIVE, FROZEN = "5 alone", "0, 1, 5, frozen"
TORCH_NORM = "trained(BatchNorm(1, epsilon=1e-5, momentum=0.9, unbiased=True), x)"
PADDLE_NORM = "trained(BatchNorm(1, epsilon=1e-5, momentum=0.9), x)"
FLAX_NORM = "trained(BatchNorm(1, epsilon=1e-5), x)"
FUSED_NORM = "trained(BatchNorm(1, momentum=0, unbiased=True), x)"
INFERENCE = "np.append(BatchNorm(1).forward(x), [0, 1])"
SQUARES = "(x - x.mean()) / np.sqrt(np.maximum((x * x).mean() - x.mean() ** 2, 0) + np.float32(1e-3))"
SMALLER, SHORTER = "BatchNorm(1, epsilon=1e-5).epsilon", "BatchNorm(1, momentum=0.9).momentum"

NORMALISATION = [
    Question(
        "batch_normalisation",
        {"0, 1, 5": batch(0, 1, 5), FIVE: batch(5), FROZEN: batch(0, 1, 5, frozen=True)},
        "trained(BatchNorm(1), x)",
        {
            **{name: dict.fromkeys(("0, 1, 5", FROZEN), TORCH_NORM) for name in ("torch", "mlx")},
            "tinygrad": {"0, 1, 5": TORCH_NORM},
            "paddle": {"0, 1, 5": PADDLE_NORM, FIVE: None, FROZEN: PADDLE_NORM},
            **{name: dict.fromkeys(("0, 1, 5", FIVE), PADDLE_NORM) for name in ("onnx", "onnxruntime", "openvino")},
            "flax": {"0, 1, 5": FLAX_NORM, FIVE: FLAX_NORM},
            **{f"keras on {backend}": {FROZEN: INFERENCE} for backend in ("torch", "jax", "tensorflow")},
            "tensorflow": {"0, 1, 5": FUSED_NORM, FIVE: "trained(BatchNorm(1, momentum=0), x)"},
        },
        given={"trained": trained},
        rtol=1e-5,
    ),
    Question(
        "close_numbers",
        {"10⁴, 10⁴ + 1": batch(1e4, 1e4 + 1, epsilon=1e-3)},
        "batch_norm(x, np.ones(1), np.zeros(1))",
        dict.fromkeys(("flax", "keras on torch"), SQUARES),
        rtol=1e-3,
    ),
    Question(
        "normalisation_defaults",
        {"epsilon": {"which": "epsilon"}, "momentum": {"which": "momentum"}},
        {"epsilon": "BatchNorm(1).epsilon", "momentum": "BatchNorm(1).momentum"},
        {
            **{name: {"epsilon": SMALLER, "momentum": f"1 - {SHORTER}"} for name in ("torch", "mlx", "tinygrad")},
            **{name: {"epsilon": SMALLER, "momentum": SHORTER} for name in ("paddle", "onnx")},
            "flax": {"epsilon": SMALLER},
        },
        rtol=1e-6,
    ),
]  # fmt: skip

IGNORED, SMOOTHED, BY_INDEX, BY_ROW = "all ignored", "smoothed by 0.1", "weights, labels", "weights, one-hot rows"
NONE_COUNTS = "pixel_cross_entropy(logits[None, None], np.full((1, 1, 2), 255))"
OVER_WEIGHTS = "np.average(each(logits, targets), weights=weights[targets])"
OVER_ROWS = "weights[targets] @ each(logits, targets) / len(targets)"

LOSSES = [
    Question(
        "cross_entropy",
        {name: loss(name) for name in (IGNORED, SMOOTHED, BY_INDEX, BY_ROW)},
        {IGNORED: NONE_COUNTS, SMOOTHED: "smooth_labels(np.array([1]), 4, 0.1)", BY_INDEX: None, BY_ROW: None},
        {
            "torch": {IGNORED: None, BY_INDEX: OVER_WEIGHTS, BY_ROW: OVER_ROWS},
            **{name: {IGNORED: None, BY_INDEX: OVER_WEIGHTS} for name in ("onnx", "onnxruntime", "openvino")},
            "tinygrad": {IGNORED: None}, "tinygrad, ignore_index_255": {IGNORED: None},
            "paddle": {BY_INDEX: OVER_WEIGHTS, BY_ROW: OVER_WEIGHTS},
            **{name: {BY_INDEX: OVER_ROWS, BY_ROW: OVER_ROWS}
               for name in ("keras on torch", "keras on jax", "keras on tensorflow", "mlx", "tfjs")},
        },
        given={"each": each},
        rtol=1e-5,
    ),
]  # fmt: skip

DEFAULT, HE, BIAS = "default, deviation", "He's normal, deviation", "bias, the largest"
DRAWN = "deviation(DepthwiseConv2D(1440).initialize(0, {}))"
PLAIN_HE = DRAWN.format("he_normal")
SHAPE_HE, SHAPE_GLOROT = (DRAWN.format(f'{name}, fans="keras"') for name in ("he_normal", "glorot_uniform"))
UNIFORM, SHAPE_UNIFORM, LECUN = (DRAWN.format(name) for name in ("uniform", 'uniform, fans="keras"', "lecun_normal"))
NO_BIAS = 'abs(DepthwiseConv2D(1440, bias=True).params["bias"]).max()'
CUT_OFF = DRAWN.format("truncated_normal((2 / {}) ** 0.5)")
FIRST_WEIGHTS = [
    Question(
        "first_weights",
        {DEFAULT: {"what": "default"}, HE: {"what": "he_normal"}, BIAS: {"what": "bias"}},
        {DEFAULT: PLAIN_HE, HE: PLAIN_HE, BIAS: NO_BIAS},
        {
            "torch": {DEFAULT: UNIFORM, BIAS: "9**-0.5"},
            "torch, fan_out": {HE: SHAPE_HE},
            "mlx": {DEFAULT: UNIFORM, HE: LECUN},
            "flax": {DEFAULT: LECUN},
            "tinygrad": {DEFAULT: SHAPE_UNIFORM, BIAS: "(9 * 1440) ** -0.5"},
            "paddle": {DEFAULT: SHAPE_HE},
            "keras on torch": {DEFAULT: SHAPE_GLOROT, HE: SHAPE_HE},
            "tfjs": {DEFAULT: CUT_OFF.format("(9 * 1440 + 9)"), HE: CUT_OFF.format("(9 * 1440)")},
        },
        given={"deviation": deviation, "uniform": uniform, "lecun_normal": lecun_normal},
        rtol=0.03,
    ),
]  # fmt: skip

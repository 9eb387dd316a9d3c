"""Questions about activations and pooling: derivatives at kinks, NaN, −0, borders."""

from typing import Any

import numpy as np
from asking import Question


def kink(function: str, *at: float) -> dict[str, Any]:
    """A column: the derivative of a function at some places."""
    return {"function": function, "x": np.array(at, np.float32), "dy": np.ones(len(at), np.float32)}


def values(function: str, *at: float) -> dict[str, Any]:
    """A column: a function of some numbers."""
    return {"function": function, "x": np.array(at, np.float32)}


CLIP, MAXIMUM, ABSOLUTE = "clip to 0 … 6, at 0 and 6", "max(x, 1) at 1", "absolute value at 0"
LEAKY, POOL = "leaky ReLU, ¼ below 0, at 0", "max-pool of 1, 1"
WITHIN, AT_LEAST = "dy * ((x >= 0) & (x <= 6))", "dy * (x >= 1)"
HALF_CLIP, HALF_MAXIMUM = "dy * (np.sign(x) - np.sign(x - 6)) / 2", "dy * (1 + np.sign(x - 1)) / 2"
FIRST, SHARED = "dy * (np.arange(x.size) == x.argmax())", "dy * (x == x.max()) / (x == x.max()).sum()"
LEAKY_ONE = "dy * np.where(x < 0, 0.25, 1)"

KINKS = [
    Question(
        "kinks",
        {
            "ReLU at 0": kink("relu", 0),
            "ReLU6 at 0, 6": kink("relu6", 0, 6),
            "hard-sigmoid at −3, 3": kink("hard_sigmoid", -3, 3),
            "hard-swish at −3, 3": kink("hard_swish", -3, 3),
        },
        {
            "ReLU at 0": "relu_backward(dy, x)",
            "ReLU6 at 0, 6": "relu6_backward(dy, x)",
            "hard-sigmoid at −3, 3": "hard_sigmoid_backward(dy, x)",
            "hard-swish at −3, 3": "hard_swish_backward(dy, x)",
        },
        {
            "tfjs": {"ReLU6 at 0, 6": "dy * ((x > 0) & (x <= 6))"},
            "tinygrad": {
                "ReLU6 at 0, 6": "dy * ((x > 0) & (x <= 6))",
                "hard-sigmoid at −3, 3": "dy / 6 * ((x > -3) & (x <= 3))",
                "hard-swish at −3, 3": "hard_sigmoid(x) + x / 6 * ((x > -3) & (x <= 3))",
            },
        },
        rtol=1e-6,
    ),
    Question(
        "ties",
        {
            CLIP: kink("clip", 0, 6),
            MAXIMUM: kink("maximum", 1),
            ABSOLUTE: kink("absolute", 0),
            LEAKY: kink("leaky", 0),
            POOL: kink("max_pool", 1, 1),
        },
        {
            CLIP: "relu6_backward(dy, x)",
            MAXIMUM: "relu_backward(dy, x - 1)",
            ABSOLUTE: "relu_backward(dy, x) - relu_backward(dy, -x)",
            LEAKY: "dy / 4 + 3 * relu_backward(dy, x) / 4",
            POOL: None,
        },
        {
            "torch": {CLIP: WITHIN, MAXIMUM: HALF_MAXIMUM, POOL: FIRST},
            "paddle": {CLIP: WITHIN, MAXIMUM: HALF_MAXIMUM, LEAKY: LEAKY_ONE, POOL: FIRST},
            "jax": {
                CLIP: HALF_CLIP, MAXIMUM: HALF_MAXIMUM, ABSOLUTE: "dy * np.where(x < 0, -1, 1)", LEAKY: LEAKY_ONE,
                POOL: FIRST,
            },
            "jax, clamp": {MAXIMUM: None, ABSOLUTE: None, LEAKY: None, POOL: None},
            "tensorflow": {CLIP: WITHIN, MAXIMUM: AT_LEAST, POOL: FIRST},
            "keras on tensorflow": {CLIP: WITHIN, MAXIMUM: AT_LEAST, POOL: FIRST},
            "keras on torch": {CLIP: WITHIN, MAXIMUM: HALF_MAXIMUM, POOL: FIRST},
            "keras on jax": {
                CLIP: HALF_CLIP, MAXIMUM: HALF_MAXIMUM, ABSOLUTE: "dy * np.where(x < 0, -1, 1)", LEAKY: LEAKY_ONE,
                POOL: FIRST,
            },
            "mlx": {LEAKY: LEAKY_ONE, POOL: SHARED},
            "tinygrad": {CLIP: WITHIN, MAXIMUM: HALF_MAXIMUM, LEAKY: LEAKY_ONE, POOL: SHARED},
            "tfjs": {CLIP: WITHIN, MAXIMUM: AT_LEAST, ABSOLUTE: "dy * np.where(x > 0, 1, -1)", POOL: FIRST},
        },
    ),
]  # fmt: skip

POSITIVE = "np.where(x > 0, x, 0)"
SIX = "np.where(x > 0, np.where(x < 6, x, 6), 0)"
PAIRS = "max-pool of NaN, 1 and of 1, NaN"
NUMBERS = "np.fmax(x[::2], x[1::2])"
NUMBER_LATER = "np.where(x[1::2] > x[::2], x[1::2], x[::2])"
NUMBER_EARLIER = "np.where(x[::2] > x[1::2], x[::2], x[1::2])"
NANS = "np.maximum(x[::2], x[1::2])"

NANS_AND_ZEROS = [
    Question(
        "not_numbers",
        {
            "ReLU of NaN": values("relu", np.nan),
            "ReLU6 of NaN": values("relu6", np.nan),
            "ReLU6 of 16 NaN": values("relu6", *[np.nan] * 16),
            "hard-swish of NaN": values("hard_swish", np.nan),
            PAIRS: values("max_pool", np.nan, 1, 1, np.nan),
        },
        {
            "ReLU of NaN": "relu(x)",
            "ReLU6 of NaN": "relu6(x)",
            "ReLU6 of 16 NaN": "relu6(x)[0]",
            "hard-swish of NaN": "hard_swish(x)",
            PAIRS: None,
        },
        {
            **{name: {PAIRS: NANS} for name in ("torch", "jax", "mlx", "keras on torch", "keras on jax")},
            **{name: {PAIRS: NUMBERS} for name in ("tensorflow", "keras on tensorflow", "onnxruntime", "tfjs")},
            "onnx": {PAIRS: NUMBER_LATER},
            "paddle": {"ReLU of NaN": POSITIVE, PAIRS: NUMBER_EARLIER},
            "openvino": {
                "ReLU of NaN": POSITIVE, "ReLU6 of NaN": SIX, "ReLU6 of 16 NaN": f"{SIX}[0]", PAIRS: NUMBERS,
            },
            "ncnn": {"ReLU6 of 16 NaN": "np.fmin(x, 6)[0]", PAIRS: NUMBER_EARLIER},
            "tinygrad": {
                "ReLU of NaN": POSITIVE, "ReLU6 of NaN": POSITIVE, "ReLU6 of 16 NaN": f"{POSITIVE}[0]",
                PAIRS: NUMBER_LATER,
            },
        },
    ),
    Question(
        "negative_zero",
        {"ReLU of −0": values("relu", -0.0), "ReLU6 of −0": values("relu6", -0.0)},
        None,  # NumPy's maximum leaves the sign open
        {},
    ),
]  # fmt: skip

FLOOR, CEIL = "windows that fit", "and the one that overhangs (ceil)"
POOLED, POOLED_CEIL = "depthwise_conv2d(x, thirds, **fit)", "depthwise_conv2d(x, thirds, **over)"
WITHOUT_ZEROS = {FLOOR: f"{POOLED} / {POOLED.replace('x', 'np.ones_like(x)', 1)}"}
WITHOUT_ZEROS[CEIL] = WITHOUT_ZEROS[FLOOR].replace("fit", "over")
OVERHANG_LEFT_OUT = {CEIL: f"{POOLED_CEIL} * [[1], [1], [3 / 2]]"}

KERAS = ("keras on jax", "keras on tensorflow", "keras on torch")
COUNTED = ("torch", "tinygrad", "paddle, not_exclusive", "onnx, count_include_pad", "onnxruntime, count_include_pad")
LEFT_OUT = ("paddle", "onnx", "onnxruntime", "openvino", "ncnn", "tfjs", "tensorflow", *KERAS)
POOLS = [
    Question(
        "average_pool",
        {
            FLOOR: {"x": np.ones((1, 1, 4, 1), np.float32), "ceil": False},
            CEIL: {"x": np.ones((1, 1, 4, 1), np.float32), "ceil": True},
        },
        {FLOOR: POOLED, CEIL: POOLED_CEIL},
        {
            **dict.fromkeys(COUNTED, OVERHANG_LEFT_OUT),
            **dict.fromkeys(LEFT_OUT, WITHOUT_ZEROS),
        },
        given={
            "thirds": np.full((1, 3, 1), 1 / 3),
            "fit": {"stride": (1, 2), "padding": ((0, 0), (1, 1))},
            "over": {"stride": (1, 2), "padding": ((0, 0), (1, 2))},
        },
        rtol=1e-6,
    ),
]  # fmt: skip

"""Questions about convolutions. Most maps are a row, and kernels 1, 10, 100, …: the digits show what a window met."""

from typing import Any

import numpy as np
from asking import Question

ROW = np.arange(1.0, 9).reshape(1, 1, 8, 1)  # 1 to 8
SHORT = ROW[:, :, :3]
TWO_ROWS = np.concatenate([ROW, 10 + ROW], axis=1)


def digits(size: int) -> Any:
    """The kernel 1, 10, 100, …, (1, size, 1, 1)."""
    return 10.0 ** np.arange(size).reshape(1, size, 1, 1)


def case(x: Any, size: int, stride: int = 1, dilation: int = 1, **more: Any) -> dict[str, Any]:
    """A column: a map, the kernel of digits, the strides and dilations of its two axes."""
    return {"x": x, "kernel": digits(size), "stride": (1, stride), "dilation": (1, dilation), **more}


def margins(y: Any) -> list[int]:
    """The zeros above, below, left and right of the only number of a map (1, height, width, 1)."""
    _, top, left, _ = (int(place[0]) for place in np.nonzero(y))
    return [top, y.shape[1] - top - 1, left, y.shape[2] - left - 1]


def integers(kind: Any, *values: int) -> dict[str, Any]:
    """Five equal numbers and four equal weights, in an integer type."""
    x, weight = values
    return {"x": np.full((1, 1, 5, 1), x, kind), "kernel": np.full((1, 4, 1, 1), weight, kind)}


RNG = np.random.default_rng(0)
STANDARD, GROUPED, DEPTHWISE, TRANSPOSED = (
    RNG.integers(-4, 5, shape) for shape in ((2, 3, 4, 5), (2, 3, 2, 6), (2, 3, 8), (2, 3, 5, 4))
)
SIGNALS = RNG.integers(-4, 5, (2, 6, 7, 4))

MIRRORED = 'conv2d(x[:, :, ::-1], kernel[:, ::-1], stride=stride, padding="same", dilation=dilation)[:, :, ::-1]'
PLAIN = "transposed_conv2d(x, kernel, stride=stride)"  # without padding, crops, or zeros
LARGER = "transposed_conv2d(x, kernel, stride=stride, dilation=dilation, output_padding=(0, 1))"
FRONT = "transposed_conv2d(x, kernel, stride=stride, padding=((0, 0), (1, 0)))"
ZERO_IN_FRONT = f"np.pad({PLAIN}, ((0, 0), (0, 0), (1, 0), (0, 0)))"
CONJUGATED = {"correlation, weights 1, i": "conv2d(x, kernel.conj())"}
LAST_TO_FIRST = {"map": "array.transpose(0, 3, 1, 2)"} | dict.fromkeys(
    ("standard", "two groups", "transposed"), "array.transpose(3, 2, 0, 1)"
)
TORCH = LAST_TO_FIRST | {"depthwise, Q = 2": "array.transpose(2, 0, 1)[:, None]"}
KERAS = {"depthwise, Q = 2": "array.reshape(2, 3, 4, 2)"}
WIDTH_FIRST = "margins(conv2d(x, kernel, padding=((3, 4), (1, 2))))"
BEGINS_FIRST = "margins(conv2d(x, kernel, padding=((1, 3), (2, 4))))"
SATURATED = {
    "int8": "np.clip(conv2d(x.astype(int), kernel.astype(int)), -128, 127).astype(np.int8)",
    "uint8": "np.clip(conv2d(x.astype(int), kernel.astype(int)), 0, 255).astype(np.uint8)",
}
EIGHT_BITS = ("int8", "uint8")
IN_32 = "conv2d(x.astype(np.int32), kernel.astype(np.int32))"
IN_FLOAT16 = "conv2d_taps(x, np.ones((64, 64, 1, 1), np.float16)) / np.float16(4096)"
BACKENDS = ("keras on jax", "keras on tensorflow", "keras on torch")


def padded(mode: str) -> dict[str, str]:
    """The border that np.pad makes; two weights have one number in front."""
    widths = {"3 weights": (1, 1), "2 weights": (1, 0)}
    return {
        column: f'conv2d(np.pad(x, ((0, 0), (0, 0), {width}, (0, 0)), mode="{mode}"), kernel)'
        for column, width in widths.items()
    }


QUESTIONS = [
    Question(
        "same",
        {
            "2 weights": case(ROW, 2),
            "4 weights": case(ROW, 4),
            "3, stride 2": case(ROW, 3, 2),
            "3, stride 2, dilation 2": case(ROW, 3, 2, 2),
        },
        'conv2d(x, kernel, stride=stride, padding="same", dilation=dilation)',
        {
            **dict.fromkeys(
                (f"{name}, same_lower" for name in ("jax", "onnx", "onnxruntime", "openvino", "ncnn")), MIRRORED
            ),
            **dict.fromkeys(("numpy", "opencv", "scipy, ndimage"), MIRRORED),
            "paddle": {"3, stride 2, dilation 2": 'conv2d(x, kernel, stride=stride, padding="same")'},
        },
    ),
    Question(
        "stride_and_dilation",
        {"3 weights, stride 2, dilation 2": case(ROW, 3, 2, 2)},
        "conv2d(x, kernel, stride=stride, dilation=dilation)",
    ),
    Question(
        "depthwise",
        {"strides 1 and 2": case(TWO_ROWS, 3, 2), "stride 2, dilation 2": case(ROW, 3, 2, 2) | {"stride": (2, 2)}},
        "depthwise_conv2d(x, kernel[..., 0], stride=stride, dilation=dilation)",
        {
            library: {"stride 2, dilation 2": "depthwise_conv2d(x, kernel[..., 0], dilation=dilation)[:, :, :2]"}
            for library in ("tensorflow", "tensorflow, jit_compile")
        },
    ),
    Question(
        "transposed",
        {
            "3 weights, stride 2": case(SHORT, 3, 2),
            "2, stride 3": case(SHORT, 2, 3),
            "2, stride 2, dilation 2": case(SHORT, 2, 2, 2),
        },
        "transposed_conv2d(x, kernel, stride=stride, dilation=dilation)",
        {
            "jax": {
                "3 weights, stride 2": "transposed_conv2d(x, kernel[:, ::-1], stride=stride, dilation=dilation)",
                "2, stride 3": LARGER.replace("kernel", "kernel[:, ::-1]"),
                "2, stride 2, dilation 2": "transposed_conv2d(x, kernel[:, ::-1], stride=stride, dilation=dilation)",
            },
            "jax, transpose_kernel": {"2, stride 3": LARGER},
            **{backend: {"2, stride 3": LARGER} for backend in BACKENDS},
            **{f"{backend}, layer": {"2, stride 3": LARGER} for backend in BACKENDS},
        },
    ),
    Question(
        "transposed_same",
        {"3 weights, stride 2": case(SHORT, 3, 2), "4, stride 2": case(SHORT, 4, 2), "2, stride 3": case(SHORT, 2, 3)},
        'transposed_conv2d(x, kernel, stride=stride, padding="same")',
        {
            "jax": 'transposed_conv2d(x, kernel[:, ::-1], stride=stride, padding="same")',
            "onnx": {"2, stride 3": ZERO_IN_FRONT},
            "onnx, same_lower": {"3 weights, stride 2": FRONT},
            "onnxruntime": {"2, stride 3": PLAIN},
            "onnxruntime, same_lower": {"3 weights, stride 2": FRONT, "2, stride 3": PLAIN},
            "openvino": {"3 weights, stride 2": FRONT},
            "ncnn": {"2, stride 3": PLAIN},
            "ncnn, same_lower": {"3 weights, stride 2": FRONT, "2, stride 3": ZERO_IN_FRONT},
            "paddle": {
                "3 weights, stride 2": "transposed_conv2d(x, kernel, stride=stride, padding=(0, 1))",
                "4, stride 2": "transposed_conv2d(x, kernel, stride=stride, padding=((0, 0), (1, 2)))",
                "2, stride 3": PLAIN,
            },
        },
    ),
    Question(
        "output_padding",
        {"padding 1": case(SHORT, 3, 2, padding=(0, 1)), "no padding": case(SHORT, 3, 2, padding=(0, 0))},
        "transposed_conv2d(x, kernel, stride=stride, padding=padding, output_padding=(0, 1))",
        {
            **{f"{backend}, layer": {"padding 1": PLAIN[:-1] + ', padding="same")'} for backend in BACKENDS},
            **{f"{backend}, layer_output_padding_0": PLAIN[:-1] + ", padding=padding)" for backend in BACKENDS},
        },
    ),
    Question(
        "layouts",
        {
            "map": {"kind": "map", "array": SIGNALS},
            "standard": {"kind": "standard", "array": STANDARD},
            "two groups": {"kind": "grouped", "array": GROUPED},
            "depthwise, Q = 2": {"kind": "depthwise", "array": DEPTHWISE},
            "transposed": {"kind": "transposed", "array": TRANSPOSED},
        },
        "array",
        {
            **dict.fromkeys(("torch", "onnx", "onnxruntime", "paddle", "tinygrad"), TORCH),
            **dict.fromkeys(("tensorflow", "tfjs", *BACKENDS), KERAS),
            "openvino": LAST_TO_FIRST
            | {
                "two groups": "array.transpose(3, 2, 0, 1).reshape(2, 3, 2, 2, 3)",
                "depthwise, Q = 2": "array.transpose(2, 0, 1).reshape(4, 2, 1, 2, 3)",
            },
            "jax": TORCH | {"transposed": "array[::-1, ::-1].transpose(0, 1, 3, 2)"},
            "mlx": {
                "standard": "array.transpose(3, 0, 1, 2)",
                "two groups": "array.transpose(3, 0, 1, 2)",
                "depthwise, Q = 2": "array.transpose(2, 0, 1)[..., None]",
                "transposed": "array.transpose(2, 0, 1, 3)",
            },
        },
        answer="shape",
    ),
    Question(
        "flips",
        {
            "correlation": {"x": ROW[:, :, :4], "kernel": digits(3), "order": 1},
            "convolution": {"x": ROW[:, :, :4], "kernel": digits(3), "order": -1},
            "correlation, weights 1, i": {"x": SHORT, "kernel": np.array([1, 1j]).reshape(1, 2, 1, 1), "order": 1},
            "convolution, weights 1, i": {"x": SHORT, "kernel": np.array([1, 1j]).reshape(1, 2, 1, 1), "order": -1},
        },
        "conv2d(x, kernel[:, ::order])",
        dict.fromkeys(("jax", "numpy", "scipy, signal", "scipy, ndimage"), CONJUGATED),
    ),
    Question(
        "borders",
        {
            "3 weights": {"x": ROW[:, :, :4], "kernel": digits(3)},
            "2 weights": {"x": ROW[:, :, :4], "kernel": digits(2)},
        },
        'conv2d(x, kernel, padding="same")',
        {"opencv": padded("reflect"), "scipy, ndimage": padded("symmetric")},
    ),
    Question(
        "four_paddings",
        {"top, bottom, left, right": {"x": np.ones((1, 1, 1, 1)), "kernel": np.ones((1, 1, 1, 1)), "margins": margins}},
        "margins(conv2d(x, kernel, padding=((1, 2), (3, 4))))",
        {
            **dict.fromkeys(("torch", "tinygrad", "paddle, pad"), WIDTH_FIRST),
            **dict.fromkeys(("onnx", "onnxruntime"), BEGINS_FIRST),
        },
    ),
    Question(
        "negative_padding",
        {"padding −1": {"x": ROW, "kernel": digits(2)}},
        "conv2d(x, kernel, padding=(0, -1))",
        dict.fromkeys(("jax", "mlx", "tinygrad", "tfjs"), "conv2d(x[:, :, 1:-1], kernel)"),
    ),
    Question(
        "large_kernel",
        {"outputs": {"x": ROW[:, :, :2], "kernel": digits(3)}},
        "conv2d(x, kernel)",
        {"jax": None, "onnx": None},
    ),
    Question(
        "empty_batch",
        {"shape": {"x": np.ones((0, 5, 6, 1)), "kernel": np.ones((3, 3, 1, 2))}},
        "conv2d(x, kernel)",
        dict.fromkeys(
            (
                "jax",
                "keras on jax",
                "keras on torch",
                "mlx",
                "onnx",
                "onnxruntime",
                "openvino",
                "paddle",
                "tfjs",
                "torch",
            ),
            "conv2d(np.ones((1, *x.shape[1:])), kernel)[:0]",
        ),
        answer="shape",
    ),
    Question(
        "integers",
        {kind: integers(kind, 100, 2) for kind in ("int8", "uint8", "int32", "int64")},
        "conv2d(x, kernel)",
        {
            "opencv": SATURATED,
            "openvino": SATURATED,
            **dict.fromkeys(("onnx, convinteger", "onnxruntime, convinteger"), dict.fromkeys(EIGHT_BITS, IN_32)),
            "jax": {"int64": IN_32},
            "keras on jax": {"int64": IN_32},
            "scipy, fftconvolve": "conv2d(x.astype(float), kernel.astype(float))",
            "tinygrad": {"int8": None, "uint8": IN_32.replace("int32", "uint32")},
        },
        answer="typed",
    ),
    Question(
        "rounding",
        {
            "2.5 and 3.5": {"x": ROW[:, :, 1:4].astype(np.uint8), "kernel": np.full((1, 2, 1, 1), 0.5)},
            "−1": {"x": ROW[:, :, 1:4].astype(np.uint8), "kernel": np.array([1.0, -1]).reshape(1, 2, 1, 1)},
        },
        "conv2d(x, kernel)",
        {
            "opencv, filter2d": "np.clip(np.rint(conv2d(x, kernel)), 0, 255).astype(np.uint8)",
            "opencv, blur": "np.clip(np.floor(conv2d(x, kernel) + 0.5), 0, 255).astype(np.uint8)",
            "scipy, ndimage": "conv2d(x, kernel).astype(np.uint8)",
        },
        answer="typed",
    ),
    Question(
        "float16_sums",
        {
            "mean of 4,096 times 32": {"kind": "mean", "x": np.full((1, 64, 64, 1), 32, np.float16)},
            "average pool": {"kind": "pool", "x": np.full((1, 64, 64, 1), 32, np.float16)},
            "convolution, 4,096 times 1": {"kind": "convolution", "x": np.ones((1, 64, 64, 1), np.float16)},
        },
        {
            "mean of 4,096 times 32": "global_average_pool(x)",
            "average pool": "global_average_pool(x)",
            "convolution, 4,096 times 1": "conv2d(x, np.ones((64, 64, 1, 1), np.float16))",
        },
        {
            **{library: {"mean of 4,096 times 32": IN_FLOAT16} for library in ("onnx", "mlx")},
            **{library: {"average pool": IN_FLOAT16} for library in ("jax", "keras on jax", "keras on tensorflow")},
            "tensorflow": dict.fromkeys(("mean of 4,096 times 32", "average pool"), IN_FLOAT16),
        },
    ),
]

"""A network of ours as an ONNX model, and its inference in onnxruntime."""

from typing import Any

import numpy as np

from ..kernels.geometry import Array
from ..kernels.signatures import STANDARD
from ..layers import (
    BatchNorm,
    Dense,
    GlobalAveragePool,
    HardSigmoid,
    HardSwish,
    Layer,
    ReLU,
    ReLU6,
    Sequential,
    Sigmoid,
    SqueezeExcite,
)
from ..layers.convolution import Linear
from .timing import Calls, threads
from .with_torch import KERNEL, ROWS, VOLUME, as_taps

OPSET, IR_VERSION = 17, 8  # of early 2022, which every release named in the extra `oracle` reads


def as_onnx(network: Layer, shape: tuple[int, ...]) -> Any:
    """The same network in inference mode as an onnx.ModelProto with the same numbers, which takes (B, M, Dᵤ, Dᵤ).

    Batch normalisation stays a node of its own, with the moving mean and variance, as in `as_torch`: the library that
    runs the model is then free to fold it. `shape` is our input's, (B, Dᵤ, Dᵤ, M). Input and output are called "x" and
    "y". Raises TypeError where a layer has no counterpart here. Only where onnx is installed.
    """
    import onnx  # type: ignore[import-not-found,unused-ignore]

    graph, helper = _Graph(onnx), onnx.helper
    graph.add(network, "x", shape)
    graph.nodes[-1].output[0] = "y"
    x, y = (
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, [size[0], *size[3:], *size[1:3]])
        for name, size in (("x", shape), ("y", network.output_shape(shape)))
    )
    made = helper.make_graph(graph.nodes, "npconv", [x], [y], graph.arrays)
    return helper.make_model(made, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)


def onnxruntime_inference(network: Sequential, x: Array) -> Calls:
    """A forward pass in onnxruntime with as many threads as NumPy; none where it or onnx is not installed."""
    try:
        import onnx  # type: ignore[import-not-found,unused-ignore]  # noqa: F401
        import onnxruntime  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        return {}
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    model = as_onnx(network, x.shape).SerializeToString()
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    given = {"x": np.ascontiguousarray(x.transpose(VOLUME))}
    return {("onnxruntime", "forward"): lambda: session.run(None, given)[0]}


HARD_SIGMOID = {"alpha": 1 / 6, "beta": 0.5}  # max(0, min(1, alpha·x + beta))
ACTIVATIONS: dict[type[Layer], tuple[str, dict[str, float]]] = {
    ReLU: ("Relu", {}), HardSwish: ("HardSwish", {}),
    Sigmoid: ("Sigmoid", {}), HardSigmoid: ("HardSigmoid", HARD_SIGMOID),
}  # fmt: skip


class _Graph:
    """Nodes in a row and their constant arrays; a value is named after the number of values before it."""

    def __init__(self, onnx: Any) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.arrays: list[Any] = []

    def add(self, layer: Layer, x: str, shape: tuple[int, ...]) -> str:
        """Add the layer's nodes, which read the value x, and return the name of its output."""
        if type(layer) in ROWS and isinstance(layer, Sequential):
            y = x
            for part in layer.layers.values():
                y = self.add(part, y, shape)
                shape = part.output_shape(shape)
            return self._node("Add", y, x) if getattr(layer, "shortcut", False) else y
        if isinstance(layer, BatchNorm):
            arrays = map(self._array, layer.arrays().values())
            return self._node("BatchNormalization", x, *arrays, epsilon=layer.epsilon)
        if isinstance(layer, ReLU6):
            return self._node("Clip", x, *(self._array(np.float32(bound)) for bound in (0, 6)))
        if type(layer) in ACTIVATIONS:
            operation, attributes = ACTIVATIONS[type(layer)]
            return self._node(operation, x, **attributes)
        if isinstance(layer, SqueezeExcite):
            return self._squeeze_excite(layer, x)
        if isinstance(layer, GlobalAveragePool):
            return self._node("Flatten", self._node("GlobalAveragePool", x))
        if isinstance(layer, Linear):
            return self._product(layer, x, shape)
        raise TypeError(f"as_onnx: {type(layer).__name__} has no counterpart here")

    def _squeeze_excite(self, layer: SqueezeExcite, x: str) -> str:
        y = self._node("GlobalAveragePool", x)
        for name, operation, attributes in (("reduce", "Relu", {}), ("expand", "HardSigmoid", HARD_SIGMOID)):
            kernel, bias = layer.params[name], layer.params[f"{name}_bias"]
            y = self._node("Conv", y, self._array(kernel.T[:, :, None, None]), self._array(bias))
            y = self._node(operation, y, **attributes)
        return self._node("Mul", x, y)

    def _product(self, layer: Linear, x: str, shape: tuple[int, ...]) -> str:
        kernel = layer.params["kernel"]
        bias = [self._array(layer.params["bias"])] if "bias" in layer.params else []
        if isinstance(layer, Dense):
            return self._node("Gemm", x, self._array(kernel), *bias)
        taps = as_taps(kernel)
        geometry: dict[str, Any] = {"stride": 1, "padding": "valid", "dilation": 1} | layer.geometry
        g = STANDARD.check_shapes("as_onnx", shape, (*taps.shape[:2], shape[-1], 1)).geometry(**geometry)
        axes = (g.height, g.width)
        return self._node(
            "Conv", x, self._array(taps.transpose(KERNEL)), *bias,
            group=shape[-1] if kernel.ndim == 3 else 1,
            pads=[*(axis.before for axis in axes), *(axis.after for axis in axes)],
            strides=[axis.stride for axis in axes],
            dilations=[axis.dilation for axis in axes],
        )  # fmt: skip

    def _node(self, operation: str, *inputs: str, **attributes: Any) -> str:
        name = f"value{len(self.nodes) + len(self.arrays)}"
        self.nodes.append(self.onnx.helper.make_node(operation, list(inputs), [name], **attributes))
        return name

    def _array(self, a: Any) -> str:
        name = f"value{len(self.nodes) + len(self.arrays)}"
        self.arrays.append(self.onnx.numpy_helper.from_array(np.asarray(a, order="C"), name))
        return name

"""A network of ours as one of torch's, its training step and its inference there, in both of torch's memory layouts."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ..kernels.geometry import Array
from ..kernels.signatures import STANDARD
from ..layers import (
    BatchNorm,
    Dense,
    DepthwiseSeparable,
    GlobalAveragePool,
    HardSigmoid,
    HardSwish,
    InvertedResidual,
    Layer,
    ReLU,
    ReLU6,
    Sequential,
    Sigmoid,
    SqueezeExcite,
)
from ..layers.convolution import Linear
from ..models import MobileNet
from .timing import Calls, import_torch, threads

ROWS = (Sequential, MobileNet, InvertedResidual, DepthwiseSeparable)  # with a forward that is known here
ACTIVATIONS: dict[type[Layer], str] = {
    ReLU: "ReLU", ReLU6: "ReLU6", Sigmoid: "Sigmoid", HardSigmoid: "Hardsigmoid", HardSwish: "Hardswish",
}  # fmt: skip
VOLUME, KERNEL = (0, 3, 1, 2), (3, 2, 0, 1)  # the axes of ours in the order that torch has them

Place = Callable[..., Any]


def as_torch(layer: Layer, shape: tuple[int, ...]) -> Any:
    """The same layer in torch, a torch.nn.Module with the same numbers, which takes (B, M, Dᵤ, Dᵤ).

    `shape` is our input's, (B, Dᵤ, Dᵤ, M); what "same" padding is depends on it. Raises TypeError where a layer has no
    counterpart here. Only where torch is installed.
    """
    nn = import_torch().nn
    if type(layer) in ROWS and isinstance(layer, Sequential):
        modules = []
        for part in layer.layers.values():
            modules.append(as_torch(part, shape))
            shape = part.output_shape(shape)
        branch = nn.Sequential(*modules)
        return _with_shortcut(branch) if getattr(layer, "shortcut", False) else branch
    if isinstance(layer, BatchNorm):
        kind = nn.BatchNorm2d if len(shape) == 4 else nn.BatchNorm1d
        norm = kind(shape[-1], eps=layer.epsilon, momentum=1 - layer.momentum)
        for name, a in zip(("weight", "bias", "running_mean", "running_var"), layer.arrays().values(), strict=True):
            getattr(norm, name).data.copy_(import_torch().from_numpy(a))
        return norm
    if type(layer) in ACTIVATIONS:
        return getattr(nn, ACTIVATIONS[type(layer)])()
    if isinstance(layer, SqueezeExcite):
        return _squeeze_excite(layer)
    if isinstance(layer, GlobalAveragePool):
        return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    if isinstance(layer, Linear):
        return _product(layer, shape)
    raise TypeError(f"as_torch: {type(layer).__name__} has no counterpart here")


def torch_block_steps(network: Sequential, x: Array, dy: Array) -> Calls:
    """A step forward, in training mode, and back from dy, gradients for x and for all parameters, by layout."""

    def step_of(module: Any, place: Place) -> Callable[[], None]:
        tx, tdy = place(x).requires_grad_(), place(dy)

        def step() -> None:
            tx.grad = None
            module.zero_grad()
            module(tx).backward(tdy)

        return step

    return {(name, "step"): step_of(module, place) for name, module, place in _modules(network, x)}


def torch_inference(network: Sequential, x: Array) -> Calls:
    """A forward pass in inference mode, eager, not folded, by layout."""

    def step_of(module: Any, place: Place) -> Callable[[], Any]:
        module.eval()
        tx = place(x)
        step: Callable[[], Any] = import_torch().inference_mode()(lambda: module(tx))
        return step

    return {(name, "forward"): step_of(module, place) for name, module, place in _modules(network, x)}


def torch_network_steps(
    network: Sequential, x: Array, labels: Array, *, momentum: float, learning_rate: float, smoothing: float
) -> Calls:
    """A step of training a classifier with torch's own loss and its SGD, by layout."""
    torch = import_torch()
    loss, targets = torch.nn.CrossEntropyLoss(label_smoothing=smoothing), torch.from_numpy(labels)

    def step_of(module: Any, place: Place) -> Callable[[], None]:
        tx, optimizer = place(x), torch.optim.SGD(module.parameters(), lr=learning_rate, momentum=momentum)

        def step() -> None:
            optimizer.zero_grad()
            loss(module(tx), targets).backward()
            optimizer.step()

        return step

    return {(name, "step"): step_of(module, place) for name, module, place in _modules(network, x)}


def layouts() -> Iterator[tuple[str, Any, Place]]:
    """(name, memory format, how arrays become tensors) for both layouts, with as many threads as NumPy.

    Volumes (B, D, D, C) become (B, C, D, D), and with axes=KERNEL kernels (Dᵣ, Dᵣ, M, N) become (N, M, Dᵣ, Dᵣ). Nothing
    comes where torch is missing.
    """
    torch = import_torch()
    if torch is None:
        return
    torch.set_num_threads(threads())
    for name, layout in (("torch", torch.contiguous_format), ("torch channels-last", torch.channels_last)):

        def place(a: Array, axes: tuple[int, ...] = VOLUME, layout: Any = layout) -> Any:
            tensor = torch.from_numpy(a.transpose(axes))
            return torch.empty(tensor.shape, dtype=tensor.dtype, memory_format=layout).copy_(tensor)

        yield name, layout, place


def as_taps(kernel: Array) -> Array:
    """Any kernel with the four axes of a standard one: a depthwise kernel's M is 1, a pointwise kernel is one tap."""
    return {2: kernel[None, None], 3: kernel[:, :, None]}.get(kernel.ndim, kernel)


def _modules(network: Sequential, x: Array) -> Iterator[tuple[str, Any, Place]]:
    """(name, module, how arrays become tensors) for both layouts, in training mode."""
    for name, layout, place in layouts():
        yield name, as_torch(network, x.shape).to(memory_format=layout).train(), place


def _product(layer: Linear, shape: tuple[int, ...]) -> Any:
    """A convolution or a dense layer; uneven padding becomes a layer of its own, as torch pads evenly."""
    torch = import_torch()
    nn, kernel, bias = torch.nn, layer.params["kernel"], layer.params.get("bias")
    if isinstance(layer, Dense):
        module: Any = nn.Linear(*kernel.shape, bias=bias is not None)
        weight, modules = kernel.T, [module]
    else:
        taps, groups = as_taps(kernel), shape[-1] if kernel.ndim == 3 else 1
        geometry: dict[str, Any] = {"stride": 1, "padding": "valid", "dilation": 1} | layer.geometry
        g = STANDARD.check_shapes("as_torch", shape, (*taps.shape[:2], shape[-1], 1)).geometry(**geometry)
        axes = (g.height, g.width)
        even = all(axis.before == axis.after for axis in axes)
        module = nn.Conv2d(
            shape[-1], taps.shape[-1], taps.shape[:2], [axis.stride for axis in axes],
            [axis.before * even for axis in axes], [axis.dilation for axis in axes], groups, bias is not None,
        )  # fmt: skip
        weight = taps.transpose(KERNEL)
        pad = nn.ZeroPad2d([n for axis in reversed(axes) for n in (axis.before, axis.after)])
        modules = [module] if even else [pad, module]
    module.weight.data = torch.from_numpy(np.ascontiguousarray(weight))
    if bias is not None:
        module.bias.data = torch.from_numpy(bias.copy())
    return modules[0] if len(modules) == 1 else nn.Sequential(*modules)


def _squeeze_excite(layer: SqueezeExcite) -> Any:
    """The gates' layers, times their input; 1×1 convolutions where ours are dense, as in torch's own networks."""
    torch = import_torch()
    nn, modules = torch.nn, [torch.nn.AdaptiveAvgPool2d(1)]
    for name, activation in (("reduce", nn.ReLU()), ("expand", nn.Hardsigmoid())):
        kernel, bias = layer.params[name], layer.params[f"{name}_bias"]
        dense = nn.Conv2d(*kernel.shape, 1)
        dense.weight.data = torch.from_numpy(np.ascontiguousarray(kernel.T))[:, :, None, None]
        dense.bias.data = torch.from_numpy(bias.copy())
        modules += [dense, activation]
    gates = nn.Sequential(*modules)

    class Gated(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.gates = gates

        def forward(self, x: Any) -> Any:
            return self.gates(x) * x

    return Gated()


def _with_shortcut(branch: Any) -> Any:
    class Shortcut(import_torch().nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.branch = branch

        def forward(self, x: Any) -> Any:
            return self.branch(x) + x

    return Shortcut()

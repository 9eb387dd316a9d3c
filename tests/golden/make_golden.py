"""Compute golden.npz with torch, once: what an implementation by others returns for constructed cases.

Run it as `python tests/golden/make_golden.py` where the extra `oracle` is installed. All in float64; the sums of
products are of whole numbers, so exact in any order. test_golden.py compares the file, and torch live where it is.
"""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812

from npconv.checks import convolution_case
from npconv.checks.cases import explicit_geometry

FILE = Path(__file__).with_name("golden.npz")
COUNT = 12


FACTORS = ("column", "row", "lateral", "vertical", "horizontal")  # of kernels of rank 1


def to_torch(name: str, a: np.ndarray) -> torch.Tensor:
    """This package's axes as torch's: volumes NCHW, kernels OIHW, and factors as they are."""
    if name in FACTORS:
        return torch.from_numpy(a)
    if name in ("x", "dy"):
        return torch.from_numpy(np.ascontiguousarray(np.moveaxis(a, -1, 1)))
    kernel = a[None, None] if a.ndim == 2 else a[:, :, None, :] if a.ndim == 3 else a
    return torch.from_numpy(np.ascontiguousarray(np.moveaxis(kernel, (-1, -2), (0, 1))))


def from_torch(name: str, t: torch.Tensor, like: tuple[int, ...]) -> np.ndarray:
    """And back."""
    a = t.detach().numpy()
    if name not in FACTORS:
        a = np.moveaxis(a, 1, -1) if name in ("x", "y") else np.moveaxis(a, (0, 1), (-1, -2))
    return np.ascontiguousarray(a).reshape(like)


def kernel_of(operation: str, kernels: list[torch.Tensor]) -> torch.Tensor:
    """The kernel as torch's convolution takes it: of factors their product."""
    if operation == "spatially_separable_conv2d":
        return torch.einsum("im,jm->mij", *kernels)[:, None]
    if operation == "flattened_conv2d":
        return torch.einsum("mn,in,jn->nmij", *kernels)
    return kernels[0]


def by_torch(case: Any, arrays: list[np.ndarray], dy: np.ndarray) -> dict[str, np.ndarray]:
    """y and the gradient of each array, computed by torch's convolutions and its automatic differentiation."""
    tensors = {name: to_torch(name, a).requires_grad_() for name, a in zip(case.shapes, arrays, strict=True)}
    geometry = explicit_geometry(case)
    x, *kernels = tensors.values()
    channels = case.shapes["x"][-1]
    if case.operation == "transposed_conv2d":
        options = {name: geometry[name] for name in ("stride", "output_padding", "dilation")}
        y = F.conv_transpose2d(x, *kernels, **options)
        (top, bottom), (left, right) = geometry["padding"]
        y = y[:, :, top : y.shape[2] - bottom, left : y.shape[3] - right]  # torch crops evenly
    elif geometry:
        convolve = F.conv3d if case.operation == "conv3d" else F.conv2d
        padded = F.pad(x, [zeros for side in reversed(geometry["padding"]) for zeros in side])  # the width's come first
        options = {"stride": geometry["stride"], "dilation": geometry["dilation"]}
        apart = case.operation.startswith(("depthwise", "spatially"))
        options["groups"] = channels if apart else geometry.get("groups", 1)
        y = convolve(padded, kernel_of(case.operation, kernels), **options)
        if case.operation == "depthwise_separable_conv2d":
            y = F.conv2d(y, kernels[1])
        if case.operation == "shuffled_grouped_conv2d":
            y = F.channel_shuffle(y, options["groups"])
    else:
        y = F.conv2d(x, kernels[0])
    y.backward(to_torch("dy", dy))
    results = {"y": from_torch("y", y, case.output_shape)}
    return results | {f"d{name}": from_torch(name, t.grad, case.shapes[name]) for name, t in tensors.items()}


def cases(operation: str) -> Any:
    """The constructed cases with their arrays."""
    source = random.Random(f"golden {operation}")
    for number in range(COUNT):
        case = convolution_case(source.randint, operation)
        yield case, case.arrays(number), case.upstream(number)


def network_pieces() -> dict[str, np.ndarray]:
    """Batch normalisation, ReLU6, an inverted residual and the loss, forward and backward, in floats."""
    rng = np.random.default_rng(0)
    pieces: dict[str, np.ndarray] = {}
    x, dy = rng.standard_normal((3, 4, 5, 2)), rng.standard_normal((3, 4, 5, 2))
    scale, shift = rng.standard_normal(2), rng.standard_normal(2)
    t, s, b = (
        to_torch("x", x).requires_grad_(),
        torch.tensor(scale, requires_grad=True),
        torch.tensor(shift, requires_grad=True),
    )
    y = F.batch_norm(t, None, None, s, b, training=True, eps=1e-3)
    y.backward(to_torch("dy", dy))
    pieces |= {"norm/x": x, "norm/dy": dy, "norm/scale": scale, "norm/shift": shift, "norm/y": from_torch("y", y, x.shape),
               "norm/dx": from_torch("x", t.grad, x.shape), "norm/dscale": s.grad.numpy(), "norm/dshift": b.grad.numpy()}  # fmt: skip
    arrays = {"x": rng.standard_normal((2, 5, 6, 3)), "expand": rng.standard_normal((3, 12)),
              "depthwise": rng.standard_normal((3, 3, 12)), "project": rng.standard_normal((12, 3))}  # fmt: skip
    dy = rng.standard_normal(arrays["x"].shape)
    tensors = {name: to_torch(name, a).requires_grad_() for name, a in arrays.items()}
    t, expand, depthwise, project = tensors.values()
    y = t + F.conv2d(F.relu6(F.conv2d(F.relu6(F.conv2d(t, expand)), depthwise, padding=1, groups=12)), project)
    y.backward(to_torch("dy", dy))
    pieces |= {f"block/{name}": a for name, a in arrays.items()} | {
        "block/dy": dy,
        "block/y": from_torch("y", y, dy.shape),
    }
    pieces |= {f"block/d{name}": from_torch(name, tensor.grad, arrays[name].shape) for name, tensor in tensors.items()}
    logits, labels = rng.standard_normal((4, 5)) * 3, np.array([0, 4, 2, 2])
    t = torch.tensor(logits, requires_grad=True)
    loss = F.cross_entropy(t, torch.tensor(labels))
    loss.backward()
    pieces |= {
        "loss/logits": logits,
        "loss/labels": labels,
        "loss/y": loss.detach().numpy(),
        "loss/dlogits": t.grad.numpy(),
    }
    return pieces


def shuffles() -> dict[str, np.ndarray]:
    """Channels in their order, shuffled in so many groups."""
    found = {}
    for groups, channels in ((1, 3), (2, 4), (2, 6), (3, 6), (3, 12), (4, 8)):
        x = np.arange(2.0 * 3 * channels).reshape(2, 1, 3, channels)
        y = F.channel_shuffle(to_torch("x", x), groups)
        found[f"shuffle/{groups}/{channels}"] = from_torch("y", y, x.shape).astype(np.int32)
    return found


def hard_sigmoid(x: torch.Tensor) -> torch.Tensor:
    """F.hardsigmoid, whose own gradient has 1/6 in float32 only, whatever the dtype."""
    y = F.relu6(x + 3) / 6
    assert torch.allclose(y, F.hardsigmoid(x), rtol=1e-15, atol=0)
    return y


def mobilenet_v3_pieces() -> dict[str, np.ndarray]:
    """MobileNetV3's activations, at their kinks too, and squeeze-and-excite, forward and backward, in floats."""
    rng = np.random.default_rng(3)
    pieces: dict[str, np.ndarray] = {}
    for name, function in {"sigmoid": F.sigmoid, "hard_sigmoid": hard_sigmoid, "hard_swish": F.hardswish}.items():
        x, dy = np.concatenate([[-40, -3, 0, 3, 40], rng.normal(0, 3, 20)]), rng.standard_normal(25)
        t = torch.tensor(x, requires_grad=True)
        y = function(t)
        y.backward(torch.tensor(dy))
        pieces |= {f"{name}/x": x, f"{name}/dy": dy, f"{name}/y": y.detach().numpy(), f"{name}/dx": t.grad.numpy()}
    arrays = {"x": rng.normal(1, 1, (3, 5, 4, 6)), "reduce": rng.standard_normal((6, 4)), "reduce_bias": rng.normal(size=4),
              "expand": 2 * rng.standard_normal((4, 6)), "expand_bias": rng.normal(size=6)}  # fmt: skip
    dy = rng.standard_normal(arrays["x"].shape)
    tensors = {name: torch.tensor(a, requires_grad=True) for name, a in arrays.items()}
    x, reduce, reduce_bias, expand, expand_bias = tensors.values()
    images = x.permute(0, 3, 1, 2)
    hidden = F.relu(F.conv2d(F.adaptive_avg_pool2d(images, 1), reduce.T[:, :, None, None], reduce_bias))
    y = images * hard_sigmoid(F.conv2d(hidden, expand.T[:, :, None, None], expand_bias))
    y.backward(to_torch("dy", dy))
    pieces |= {f"excite/{name}": a for name, a in arrays.items()} | {"excite/dy": dy, "excite/y": from_torch("y", y, dy.shape)}  # fmt: skip
    return pieces | {f"excite/d{name}": tensor.grad.numpy() for name, tensor in tensors.items()}


def main() -> None:
    """Write the file."""
    from npconv.checks import OPERATIONS
    from npconv.files import as_npz, write_whole

    golden = network_pieces() | shuffles() | mobilenet_v3_pieces()
    for operation in OPERATIONS:
        for number, (case, arrays, dy) in enumerate(cases(operation)):
            named = dict(zip(case.shapes, arrays, strict=True)) | {"dy": dy} | by_torch(case, arrays, dy)
            golden |= {f"{operation}/{number}/{name}": a.astype(np.int32) for name, a in named.items()}
            golden[f"{operation}/{number}/geometry"] = np.array(json.dumps(case.geometry))
    golden["torch"] = np.array(torch.__version__)
    write_whole(FILE, as_npz(golden))


if __name__ == "__main__":
    main()

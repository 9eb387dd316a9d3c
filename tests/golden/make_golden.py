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


def to_torch(name: str, a: np.ndarray) -> torch.Tensor:
    """This package's axes as torch's: volumes NCHW, kernels OIHW."""
    if name in ("x", "dy"):
        return torch.from_numpy(np.ascontiguousarray(a.transpose(0, 3, 1, 2)))
    kernel = a[None, None] if a.ndim == 2 else a[:, :, None, :] if a.ndim == 3 else a
    return torch.from_numpy(np.ascontiguousarray(kernel.transpose(3, 2, 0, 1)))


def from_torch(name: str, t: torch.Tensor, like: tuple[int, ...]) -> np.ndarray:
    """And back."""
    axes = (0, 2, 3, 1) if name in ("x", "y") else (2, 3, 1, 0)
    return np.ascontiguousarray(t.detach().numpy().transpose(axes)).reshape(like)


def by_torch(case: Any, arrays: list[np.ndarray], dy: np.ndarray) -> dict[str, np.ndarray]:
    """y and the gradient of each array, computed by torch's convolutions and its automatic differentiation."""
    tensors = {name: to_torch(name, a).requires_grad_() for name, a in zip(case.shapes, arrays, strict=True)}
    geometry = explicit_geometry(case)
    x, *kernels = tensors.values()
    channels = case.shapes["x"][3]
    if geometry:
        (top, bottom), (left, right) = geometry["padding"]
        options = {"stride": geometry["stride"], "dilation": geometry["dilation"]}
        groups = {"conv2d": 1, "grouped_conv2d": geometry.get("groups", 1)}.get(case.operation, channels)
        y = F.conv2d(F.pad(x, (left, right, top, bottom)), kernels[0], groups=groups, **options)
        for pointwise in kernels[1:]:
            y = F.conv2d(y, pointwise)
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


def main() -> None:
    """Write the file."""
    from npconv.checks import OPERATIONS
    from npconv.files import as_npz, write_whole

    golden = network_pieces()
    for operation in OPERATIONS:
        for number, (case, arrays, dy) in enumerate(cases(operation)):
            named = dict(zip(case.shapes, arrays, strict=True)) | {"dy": dy} | by_torch(case, arrays, dy)
            golden |= {f"{operation}/{number}/{name}": a.astype(np.int32) for name, a in named.items()}
            golden[f"{operation}/{number}/geometry"] = np.array(json.dumps(case.geometry))
    golden["torch"] = np.array(torch.__version__)
    write_whole(FILE, as_npz(golden))


if __name__ == "__main__":
    main()

"""A detector of ours as one of torch's, its training step with SSD's loss there, and its inference."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.geometry import Array
from ..layers.composite import Row
from ..models.features import Fork
from ..models.ssdlite import CODES, SSDLite
from .timing import Calls, import_torch
from .with_torch import as_torch, layouts

APART = 0.05  # of the gradients' norm: of negatives with nearly equal losses float32 may choose another one


def detector_as_torch(detector: SSDLite, shape: tuple[int, ...]) -> Any:
    """The same detector in torch, a torch.nn.Module with the same numbers, which takes (B, M, Dᵤ, Dᵤ).

    It gives logits, (B, A, C), and codes, (B, A, 4), in the order of ours. `shape` is our input's, (B, Dᵤ, Dᵤ, M). Only
    where torch is installed.
    """
    torch = import_torch()
    nn, maps = torch.nn, detector.map_shapes(shape)
    (*before, (_, last)), behind = detector.rows
    if not isinstance(last, Fork):
        raise TypeError(f"detector_as_torch: {detector.options.first} has a shortcut around the map")
    pairs = [[detector.layers[f"{kind}_{number}"] for kind in ("class", "box")] for number in range(1, len(maps) + 1)]

    class Detector(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.before, self.behind = _in_a_row(before, shape), _in_a_row(behind, maps[0])
            extras = zip(detector.extras, maps[1:], strict=False)
            self.extras = nn.ModuleList([as_torch(detector.layers[name], at) for name, at in extras])
            heads = [[as_torch(head, at) for head in pair] for pair, at in zip(pairs, maps, strict=True)]
            self.heads = nn.ModuleList([nn.ModuleList(pair) for pair in heads])

        def forward(self, x: Any) -> tuple[Any, Any]:
            taken = [self.before(x)]
            taken.append(self.behind(taken[0]))
            for extra in self.extras:
                taken.append(extra(taken[-1]))
            logits, codes = [], []
            for (classes, boxes), a in zip(self.heads, taken, strict=True):
                logits.append(classes(a).permute(0, 2, 3, 1).reshape(len(x), -1, detector.classes))
                codes.append(boxes(a).permute(0, 2, 3, 1).reshape(len(x), -1, CODES))
            return torch.cat(logits, 1), torch.cat(codes, 1)

    return Detector()


def torch_ssd_loss(logits: Any, codes: Any, labels: Any, targets: Any) -> Any:
    """`ssd_loss` in torch, with three negatives for each positive, at least three, and each positive counted once."""
    torch = import_torch()
    positives = labels > 0
    box = torch.nn.functional.smooth_l1_loss(codes[positives], targets[positives], reduction="sum")
    losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), reduction="none")
    losses = losses.view(labels.shape)
    hardness = losses.detach().masked_fill(positives, -torch.inf)
    rank = hardness.sort(1, descending=True).indices.sort(1).indices
    counts = (3 * positives.sum(1, keepdim=True)).clamp(min=3)
    counted = positives | (rank < counts)
    return (box + losses[counted].sum()) / positives.sum().clamp(min=1)


def torch_detector_steps(
    detector: SSDLite, x: Array, labels: Array, targets: Array, *, learning_rate: float, expected: tuple[float, Any]
) -> Calls:
    """A step of training a detector, with `torch_ssd_loss` and torch's own Adam, by layout.

    `expected` are our loss and gradients, from which the first step of torch's may not differ.
    """
    torch = import_torch()
    tlabels, ttargets = torch.from_numpy(labels), torch.from_numpy(targets.astype(x.dtype))
    calls: Calls = {}
    for name, layout, place in layouts():
        module = detector_as_torch(detector, x.shape).to(memory_format=layout).train()
        tx, optimizer = place(x), torch.optim.Adam(module.parameters(), lr=learning_rate)

        def loss_of(module: Any = module, tx: Any = tx) -> Any:
            logits, codes = module(tx)
            return torch_ssd_loss(logits, codes, tlabels, ttargets)

        def step(optimizer: Any = optimizer, loss_of: Any = loss_of) -> None:
            optimizer.zero_grad()
            loss_of().backward()
            optimizer.step()

        loss = loss_of()
        loss.backward()
        check_same(float(loss.detach()), list(module.parameters()), *expected)
        calls[name, "step"] = step
    return calls


def check_same(loss: float, parameters: Sequence[Any], wanted: float, gradients: Mapping[str, Array]) -> None:
    """Raise AssertionError where torch's loss or gradients are not ours; its parameters have the order of ours."""
    np.testing.assert_allclose(loss, wanted, rtol=1e-4)
    difference = size = 0.0
    for p, (name, ours) in zip(parameters, gradients.items(), strict=True):
        theirs = p.grad.numpy()
        back = {4: (2, 3, 0, 1) if ours.ndim == 3 else (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[theirs.ndim]
        assert theirs.size == ours.size, name
        difference += float(((theirs.transpose(back).ravel() - ours.ravel()) ** 2).sum(dtype=np.float64))
        size += float((ours**2).sum(dtype=np.float64))
    np.testing.assert_array_less(difference**0.5, APART * size**0.5, "torch's gradients are not ours")


def _in_a_row(row: Row, shape: tuple[int, ...]) -> Any:
    """The layers as one of torch's modules."""
    modules = []
    for _, layer in row:
        modules.append(as_torch(layer, shape))
        shape = layer.output_shape(shape)
    return import_torch().nn.Sequential(*modules)

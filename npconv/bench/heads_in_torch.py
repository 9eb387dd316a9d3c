"""Networks with heads as torch's, their training step with the same losses there, and their inference."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ..kernels.geometry import Array
from ..layers.composite import Row
from ..models.deeplab import DeepLabV3
from ..models.features import Fork
from ..models.lr_aspp import LRASPP
from ..models.multi_task import MultiTask
from ..models.segmenter import Segmenter
from ..models.ssdlite import CODES, SSDLite
from ..models.with_heads import NetworkWithHeads
from .timing import Calls, import_torch
from .with_torch import as_torch, layouts

APART = 0.05  # of the gradients' norm: of negatives with nearly equal losses float32 may choose another one


def network_as_torch(network: NetworkWithHeads, shape: tuple[int, ...]) -> Any:
    """The same network in torch, a torch.nn.Module with the same numbers, which takes (B, M, Dᵤ, Dᵤ).

    A detector gives logits, (B, A, C), and codes, (B, A, 4), in the order of ours; a segmenter gives logits,
    (B, C, Dᵤ, Dᵤ); a network of both gives what the two give, as a pair. `shape` is our input's, (B, Dᵤ, Dᵤ, M). Raises
    TypeError where a map is taken from a block with a shortcut around it, or a layer has no counterpart here. Only
    where torch is installed.
    """
    rows, head = _rows(network, shape), _head(network, shape)

    class NetworkInTorch(import_torch().nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.rows, self.head = rows, head

        def forward(self, x: Any) -> Any:
            maps = []
            for row in self.rows:
                maps.append(x := row(x))
            return self.head(maps)

    return NetworkInTorch()


def _rows(network: NetworkWithHeads, shape: tuple[int, ...]) -> Any:
    """The MobileNet's rows of layers between the maps, a module each."""
    modules = []
    for number, row in enumerate(network.rows):
        if number < len(network.rows) - 1 and not isinstance(row[-1][1], Fork):
            raise TypeError(f"network_as_torch: {row[-1][0]} has a shortcut around the map")
        modules.append(_in_a_row(row, shape))
        shape = _after(row, shape)
    return import_torch().nn.ModuleList(modules)


def _head(network: NetworkWithHeads, shape: tuple[int, ...]) -> Any:
    """The layers on the network's maps."""
    if isinstance(network, SSDLite):
        return _ssd_heads(network, shape)
    return _both_heads(network, shape) if isinstance(network, MultiTask) else _segmentation_head(network, shape)


def _both_heads(network: MultiTask, shape: tuple[int, ...]) -> Any:
    """A detector's heads and a segmenter's, each on its own of the network's maps."""
    nn = import_torch().nn
    places = [[network._in_order().index(name) for name in network._names[part]] for part in ("detector", "segmenter")]

    class HeadsOfBoth(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.heads = nn.ModuleList([_head(part, shape) for part in (network.detector, network.segmenter)])

        def forward(self, maps: list[Any]) -> tuple[Any, ...]:
            return tuple(head([maps[place] for place in own]) for head, own in zip(self.heads, places, strict=True))

    return HeadsOfBoth()


def _ssd_heads(detector: SSDLite, shape: tuple[int, ...]) -> Any:
    """The extra layers and the heads, on the network's maps."""
    nn, maps = import_torch().nn, detector.map_shapes(shape)
    extras = [as_torch(detector.layers[name], at) for name, at in zip(detector.extras, maps[1:], strict=False)]
    heads = [
        nn.ModuleList([as_torch(detector.layers[f"{kind}_{number}"], at) for kind in ("class", "box")])
        for number, at in enumerate(maps, 1)
    ]

    class HeadsOfBoxes(nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.extras, self.heads = nn.ModuleList(extras), nn.ModuleList(heads)

        def forward(self, maps: list[Any]) -> tuple[Any, Any]:
            taken = list(maps)
            for extra in self.extras:
                taken.append(extra(taken[-1]))
            logits, codes = [], []
            for (classes, boxes), a in zip(self.heads, taken, strict=True):
                logits.append(classes(a).permute(0, 2, 3, 1).reshape(len(a), -1, detector.classes))
                codes.append(boxes(a).permute(0, 2, 3, 1).reshape(len(a), -1, CODES))
            return import_torch().cat(logits, 1), import_torch().cat(codes, 1)

    return HeadsOfBoxes()


def _segmentation_head(segmenter: NetworkWithHeads, shape: tuple[int, ...]) -> Any:
    """The head of LR-ASPP or DeepLabv3, on the network's maps, and the resizing of its logits."""
    assert isinstance(segmenter, Segmenter)
    torch, taken, align = import_torch(), segmenter.input_shapes(shape), segmenter.align
    layers = torch.nn.ModuleDict({name: as_torch(segmenter.layers[name], taken[name]) for name in list(taken)[1:]})

    def resized(a: Any, size: Sequence[int], align: str = "half_pixel") -> Any:
        return torch.nn.functional.interpolate(a, size, mode="bilinear", align_corners=align == "corners")

    def lr_aspp(maps: list[Any]) -> Any:
        low, high = maps
        gated = layers["reduce"](high) * layers["gate"](high)[:, :, None, None]
        return layers["high_scores"](resized(gated, low.shape[2:])) + layers["low_scores"](low)

    def deeplab(maps: list[Any]) -> Any:
        (high,) = maps
        assert isinstance(segmenter, DeepLabV3)
        branches = [layers[name](high) for name in segmenter.branches]
        whole = [a if a.ndim == 4 else a[:, :, None, None].expand(-1, -1, *high.shape[2:]) for a in branches]
        a = layers["project"](torch.cat(whole, 1))
        return layers["scores"](layers["refine"](a) if segmenter.options.refine else a)

    scores = lr_aspp if isinstance(segmenter, LRASPP) else deeplab

    class HeadOfMasks(torch.nn.Module):  # type: ignore[misc,name-defined]
        def __init__(self) -> None:
            super().__init__()
            self.layers = layers

        def forward(self, maps: list[Any]) -> Any:
            return resized(scores(maps), shape[1:3], align)

    return HeadOfMasks()


def torch_ssd_loss(labels: Array, targets: Array) -> Callable[[Any], Any]:
    """`ssd_loss` of logits and codes in torch, with `training.detection.LOSS`.

    Three negatives count for each positive, at least three, and each positive counts once.
    """
    torch = import_torch()
    tlabels, ttargets = torch.from_numpy(labels), torch.from_numpy(targets.astype(np.float32))

    def loss_of(outputs: tuple[Any, Any]) -> Any:
        logits, codes = outputs
        positives = tlabels > 0
        box = torch.nn.functional.smooth_l1_loss(codes[positives], ttargets[positives], reduction="sum")
        losses = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tlabels.flatten(), reduction="none")
        losses = losses.view(tlabels.shape)
        hardness = losses.detach().masked_fill(positives, -torch.inf)
        rank = hardness.sort(1, descending=True).indices.sort(1).indices
        counts = (3 * positives.sum(1, keepdim=True)).clamp(min=3)
        counted = positives | (rank < counts)
        return (box + losses[counted].sum()) / positives.sum().clamp(min=1)

    return loss_of


def torch_pixel_loss(masks: Array, ignore: int, divisor: float) -> Callable[[Any], Any]:
    """`pixel_cross_entropy` of logits, (B, C, Dᵤ, Dᵤ), in torch."""
    torch = import_torch()
    tmasks = torch.from_numpy(masks.astype(np.int64))
    return lambda logits: (
        torch.nn.functional.cross_entropy(logits, tmasks, ignore_index=ignore, reduction="sum") / divisor
    )


def torch_steps(
    network: NetworkWithHeads, x: Array, loss_of: Callable[[Any], Any], *, learning_rate: float,
    expected: tuple[float, Mapping[str, Array]],
) -> Calls:  # fmt: skip
    """A step of training a network with heads, with torch's own Adam, by layout.

    `loss_of` gives the loss of what the network gives. `expected` are our loss and gradients, from which the first step
    of torch's may not differ.
    """
    torch = import_torch()
    calls: Calls = {}
    for name, layout, place in layouts():
        module = network_as_torch(network, x.shape).to(memory_format=layout).train()
        tx, optimizer = place(x), torch.optim.Adam(module.parameters(), lr=learning_rate)

        def step(module: Any = module, tx: Any = tx, optimizer: Any = optimizer) -> None:
            optimizer.zero_grad()
            loss_of(module(tx)).backward()
            optimizer.step()

        loss = loss_of(module(tx))
        loss.backward()
        check_same(float(loss.detach()), list(module.parameters()), *expected)
        calls[name, "step"] = step
    return calls


def check_same(
    loss: float, parameters: Sequence[Any], wanted: float, gradients: Mapping[str, Array], *, apart: float = APART
) -> None:
    """Raise AssertionError where torch's loss or gradients are not ours; its parameters have the order of ours."""
    np.testing.assert_allclose(loss, wanted, rtol=1e-4)
    difference = size = 0.0
    for p, (name, ours) in zip(parameters, gradients.items(), strict=True):
        theirs = p.grad.numpy()
        back = {4: (2, 3, 0, 1) if ours.ndim == 3 else (2, 3, 1, 0), 2: (1, 0), 1: (0,)}[theirs.ndim]
        assert theirs.size == ours.size, name
        difference += float(((theirs.transpose(back).ravel() - ours.ravel()) ** 2).sum(dtype=np.float64))
        size += float((ours**2).sum(dtype=np.float64))
    np.testing.assert_array_less(difference**0.5, apart * size**0.5, "torch's gradients are not ours")


def _in_a_row(row: Row, shape: tuple[int, ...]) -> Any:
    """The layers as one of torch's modules; a `Fork` is nothing there."""
    modules = []
    for _, layer in row:
        modules += [] if isinstance(layer, Fork) else [as_torch(layer, shape)]
        shape = layer.output_shape(shape)
    return import_torch().nn.Sequential(*modules)


def _after(row: Row, shape: tuple[int, ...]) -> tuple[int, ...]:
    """The shape behind a row of layers."""
    for _, layer in row:
        shape = layer.output_shape(shape)
    return shape

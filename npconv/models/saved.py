"""Networks built and filled from one file, which holds their specification."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..detection import DefaultBoxes
from ..files import parse_json, read_npz
from ..kernels.arguments import as_path, shown
from ..layers.layer import fill
from .deeplab import deeplab_v3
from .lr_aspp import lr_aspp
from .mobilenet_v1 import mobilenet_v1
from .mobilenet_v2 import mobilenet_v2
from .mobilenet_v3 import mobilenet_v3
from .multi_task import FUNCTION as MULTI_TASK, PARTS, MultiTask, multi_task
from .network import CONVENTIONS, SPECIFICATION, MobileNet
from .ssdlite import ssdlite
from .with_heads import NetworkWithHeads

FUNCTION = "read_network"
MOBILENETS: Mapping[str, Callable[..., MobileNet]] = {
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": mobilenet_v3,
}
HEADS: Mapping[str, Callable[..., Any]] = {"ssdlite": ssdlite, "lr_aspp": lr_aspp, "deeplab_v3": deeplab_v3}


def read_network(path: str | Path) -> MobileNet | NetworkWithHeads:
    """The network in a file that its `save` wrote: built by the file's specification, filled with its arrays.

    Args:
        path: of an .npz file, of a `MobileNet`, an `SSDLite`, an `LRASPP`, a `DeepLabV3` or a `MultiTask`.

    Raises:
        TypeError: a path that is no str or Path.
        OSError: there is no such file.
        ValueError: it is no .npz file of plain arrays, holds no specification, one of another kind of network or none
            that can be built, or other arrays than its network has.

    >>> import tempfile
    >>> from npconv.models import mobilenet_v2, ssdlite
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     ssdlite(mobilenet_v2(0.35), 21).save(f"{folder}/detector.npz")
    ...     detector = read_network(f"{folder}/detector.npz")
    >>> type(detector).__name__, detector.classes, detector.network.specification.architecture
    ('SSDLite', 21, 'mobilenet_v2')
    """
    file = as_path(FUNCTION, "path", path)
    arrays = read_npz(file)
    if SPECIFICATION not in arrays:
        old = "; MobileNet.load reads it into a network that is built like it" if CONVENTIONS in arrays else ""
        raise ValueError(f"{FUNCTION}: {file} must hold a specification, as a file of a network's save does{old}")
    text = str(arrays.pop(SPECIFICATION))
    arrays.pop(CONVENTIONS, None)
    try:
        network = built(parse_json(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{FUNCTION}: {file} has a specification that can't be built: {error}") from error
    fill(network.arrays(), arrays, f"{FUNCTION}: {file}: the arrays")
    return network


def built(described: Mapping[str, Any]) -> MobileNet | NetworkWithHeads:
    """A network from what it is described by, with fresh numbers.

    Raises ValueError for another function than those that build networks, TypeError or KeyError for other arguments.
    """
    if described["builder"] not in (*HEADS, MULTI_TASK):
        return _mobilenet(described)
    whole = {"folded": described["network"]["folded"] and not described["folded"]}
    network = _mobilenet({**described["network"], **whole})
    model = _both_on(network, described) if described["builder"] == MULTI_TASK else _on(network, described)
    return model.folded() if described["folded"] else model


def _on(network: MobileNet, described: Mapping[str, Any]) -> Any:
    """A network with heads on a MobileNet."""
    given = {name: _as_given(value) for name, value in described["arguments"].items()}
    if "boxes" in given:
        given["boxes"] = DefaultBoxes(**described["arguments"]["boxes"])
    return HEADS[described["builder"]](network, **given)


def _both_on(network: MobileNet, described: Mapping[str, Any]) -> MultiTask:
    """A network of two tasks on a MobileNet."""
    return multi_task(*(_on(network, described["arguments"][part]) for part in PARTS))


def _mobilenet(described: Mapping[str, Any]) -> MobileNet:
    builder = described["builder"]
    if builder not in MOBILENETS:
        known = ", ".join((*MOBILENETS, *HEADS, MULTI_TASK))
        raise ValueError(f"its function must be one of {known}; got {shown(builder)}")
    model = MOBILENETS[builder](**{name: _as_given(value) for name, value in described["arguments"].items()})
    kept = described["layers"]
    model = model.with_layers(
        {name: layer for name, layer in model.layers.items() if name in kept or name.removesuffix("_norm") in kept}
    )
    return model.folded() if described["folded"] else model


def _as_given(value: Any) -> Any:
    """JSON's lists as tuples."""
    return tuple(map(_as_given, value)) if isinstance(value, list) else value

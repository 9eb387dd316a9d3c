"""Networks built and filled from one file, which holds their specification."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from ..detection import DefaultBoxes
from ..files import parse_json, read_npz
from ..kernels.arguments import as_path, shown
from ..layers.layer import fill
from .mobilenet_v1 import mobilenet_v1
from .mobilenet_v2 import mobilenet_v2
from .mobilenet_v3 import mobilenet_v3
from .network import CONVENTIONS, SPECIFICATION, MobileNet
from .ssdlite import SSDLite, ssdlite

FUNCTION = "read_network"
MOBILENETS: Mapping[str, Callable[..., MobileNet]] = {
    "mobilenet_v1": mobilenet_v1,
    "mobilenet_v2": mobilenet_v2,
    "mobilenet_v3": mobilenet_v3,
}


def read_network(path: str | Path) -> MobileNet | SSDLite:
    """The network in a file that its `save` wrote: built by the file's specification, filled with its arrays.

    Args:
        path: of an .npz file, of a `MobileNet` or an `SSDLite`.

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
        raise ValueError(f"{FUNCTION}: {file} must hold a specification, as what a network's save wrote{old}")
    text = str(arrays.pop(SPECIFICATION))
    arrays.pop(CONVENTIONS, None)
    try:
        network = built(parse_json(text))
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"{FUNCTION}: {file} has a specification that can't be built: {error}") from error
    fill(network.arrays(), arrays, f"{FUNCTION}: {file}: the arrays")
    return network


def built(described: Mapping[str, Any]) -> MobileNet | SSDLite:
    """A network from what it is described by, with fresh numbers.

    Raises ValueError for another function than those that build networks, TypeError or KeyError for other arguments.
    """
    given = described["arguments"]
    if described["builder"] == "ssdlite":
        arguments = {name: _as_given(value) for name, value in given.items()}
        arguments["boxes"] = DefaultBoxes(**given["boxes"])
        whole = {"folded": described["network"]["folded"] and not described["folded"]}
        detector = ssdlite(_mobilenet({**described["network"], **whole}), **arguments)
        return detector.folded() if described["folded"] else detector
    return _mobilenet(described)


def _mobilenet(described: Mapping[str, Any]) -> MobileNet:
    builder = described["builder"]
    if builder not in MOBILENETS:
        raise ValueError(f"its function must be one of {', '.join((*MOBILENETS, 'ssdlite'))}; got {shown(builder)}")
    model = MOBILENETS[builder](**{name: _as_given(value) for name, value in described["arguments"].items()})
    kept = described["layers"]
    model = model.with_layers(
        {name: layer for name, layer in model.layers.items() if name in kept or name.removesuffix("_norm") in kept}
    )
    return model.folded() if described["folded"] else model


def _as_given(value: Any) -> Any:
    """JSON's lists as tuples."""
    return tuple(map(_as_given, value)) if isinstance(value, list) else value

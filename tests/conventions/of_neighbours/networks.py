"""Questions about the MobileNets: widths, normalisation, dropout."""

from typing import Any

from asking import Question


def ends(network: Any) -> list[int]:
    """The channels of a network's first convolution and of its last."""
    last = "last" if "last.kernel" in network.params else f"{network.blocks[-1]}.pointwise"
    return [network.params[f"{name}.kernel"].shape[-1] for name in ("stem", last)]


def normalisation(network: Any) -> list[float]:
    """The epsilon of a network's normalisation, and the share of the running statistics that a step keeps."""
    norm = network.layers["stem_norm"]
    return [norm.epsilon, norm.momentum]


def published(architecture: str, width: float = 1.0) -> dict[str, Any]:
    """A column: a network at a width."""
    return {"architecture": architecture, "width": width}


FAMILY = {
    "V1, 0.1": ("mobilenet_v1", ""), "V2, 0.1": ("mobilenet_v2", ""), "V2, 0.35": ("mobilenet_v2", ""),
    "V2, 1.4": ("mobilenet_v2", ""), "V3 Small, 0.35": ("mobilenet_v3", '"small", '),
}  # fmt: skip


def built(what: str, conventions: str, columns: Any) -> dict[str, str | None]:
    """The expressions of networks with a family's conventions."""
    given = {}
    for column in columns:
        architecture, size = next(FAMILY[name] for name in FAMILY if name.startswith(column[:2]))
        given[column] = f'{what}({architecture}({size}width, 1, conventions="{conventions}"))'
    return given


NAMED = ("V1", "V2", "V3 Small")
NETWORKS = [
    Question(
        "widths",
        {
            "V1, 0.1": published("v1", 0.1),
            "V2, 0.1": published("v2", 0.1),
            "V2, 0.35": published("v2", 0.35),
            "V2, 1.4": published("v2", 1.4),
            "V3 Small, 0.35": published("v3", 0.35),
        },
        built("ends", "keras", FAMILY),
        {
            "torchvision": built("ends", "torchvision", FAMILY),
            "timm": built("ends", "timm", FAMILY),
            "paddle": built("ends", "torchvision", ["V3 Small, 0.35"]),
            "transformers": {"V1, 0.1": None},
        },
        given={"ends": ends},
    ),
    Question(
        "network_normalisation",
        {name: published(name[:2].lower(), 0.1) for name in NAMED},
        built("normalisation", "keras", NAMED),
        {
            "torchvision": built("normalisation", "torchvision", NAMED),
            "timm": built("normalisation", "timm", NAMED),
            "paddle": built("normalisation", "torchvision", NAMED),
            "transformers": {
                "V1": 'normalisation(mobilenet_v1(width, 1, batch_norm={"epsilon": 1e-3, "momentum": 0.0003}))',
                "V2": 'normalisation(mobilenet_v2(width, 1, batch_norm={"epsilon": 1e-3, "momentum": 0.003}))',
            },
        },
        given={"normalisation": normalisation},
        rtol=1e-6,
    ),
    Question("dropout", {name: published(name[:2].lower(), 0.1) for name in NAMED}, None),
]

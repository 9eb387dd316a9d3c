"""transformers' answers."""

import transformers
from torch import nn

LIBRARY, VERSION = "transformers", f"transformers {transformers.__version__}"


def network(architecture, width):
    """The modules, of random weights; transformers has no V3."""
    if architecture == "v3":
        return None
    name = {"v1": "MobileNetV1", "v2": "MobileNetV2"}[architecture]
    config = getattr(transformers, f"{name}Config")(depth_multiplier=width)
    return list(getattr(transformers, f"{name}ForImageClassification")(config).modules())


def kinds(modules, kind):
    return [module for module in modules if isinstance(module, kind)]


def widths(architecture, width):
    modules = network(architecture, width)
    return modules and [kinds(modules, nn.Conv2d)[place].out_channels for place in (0, -1)]


def network_normalisation(architecture, width):
    modules = network(architecture, width)
    norms = kinds(modules or [], nn.BatchNorm2d)
    return [norms[0].eps, 1 - norms[0].momentum] if norms else None


def dropout(architecture, width):
    modules = network(architecture, width)
    return modules and [module.p for module in kinds(modules, nn.Dropout)]

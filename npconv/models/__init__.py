"""Networks: a table of numbers each, and what turns the table into layers."""

from .inference import Inference
from .memory import ActivationMemory, MemoryRow, activation_memory
from .mobilenet_v1 import MOBILENET_V1_ROWS, mobilenet_v1
from .mobilenet_v2 import MOBILENET_V2_ROWS, mobilenet_v2
from .network import MobileNet, Specification
from .small import SMALL_ROWS, small_mobilenet_v2
from .summary import Summary, SummaryRow, summary
from .table import Row, SeparableRow, divisible
from .weights import export_weights, load_weights, weight_names

__all__ = [
    "MOBILENET_V1_ROWS",
    "MOBILENET_V2_ROWS",
    "SMALL_ROWS",
    "ActivationMemory",
    "Inference",
    "MemoryRow",
    "MobileNet",
    "Row",
    "SeparableRow",
    "Specification",
    "Summary",
    "SummaryRow",
    "activation_memory",
    "divisible",
    "export_weights",
    "load_weights",
    "mobilenet_v1",
    "mobilenet_v2",
    "small_mobilenet_v2",
    "summary",
    "weight_names",
]

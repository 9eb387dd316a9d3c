"""Networks: a table of numbers each, and what turns the table into layers."""

from .counters import (
    TOOLS as TOOLS,
    CountedPart as CountedPart,
    Explanation as Explanation,
    Explanations as Explanations,
    ToolCount as ToolCount,
    count_as as count_as,
    explain_count as explain_count,
)
from .deeplab import DeepLabV3 as DeepLabV3, DeepLabV3Options as DeepLabV3Options, deeplab_v3 as deeplab_v3
from .formats import read_arrays as read_arrays
from .from_weights import from_weights as from_weights
from .inference import Inference as Inference
from .lr_aspp import LRASPP as LRASPP, LRASPPOptions as LRASPPOptions, lr_aspp as lr_aspp
from .memory import ActivationMemory as ActivationMemory, MemoryRow as MemoryRow, activation_memory as activation_memory
from .mobilenet_v1 import MOBILENET_V1_ROWS as MOBILENET_V1_ROWS, mobilenet_v1 as mobilenet_v1
from .mobilenet_v2 import MOBILENET_V2_ROWS as MOBILENET_V2_ROWS, mobilenet_v2 as mobilenet_v2
from .mobilenet_v3 import MOBILENET_V3_ROWS as MOBILENET_V3_ROWS, mobilenet_v3 as mobilenet_v3
from .multi_task import MultiTask as MultiTask, multi_task as multi_task
from .naming import NAMINGS as NAMINGS
from .network import MobileNet as MobileNet, Specification as Specification
from .saved import read_network as read_network
from .segmenter import Segmenter as Segmenter
from .small import SMALL_ROWS as SMALL_ROWS, small_mobilenet_v2 as small_mobilenet_v2
from .ssdlite import SSDLite as SSDLite, SSDLiteOptions as SSDLiteOptions, ssdlite as ssdlite
from .summary import (
    Summary as Summary,
    SummaryRow as SummaryRow,
    kernel_weights as kernel_weights,
    summary as summary,
)
from .table import BneckRow as BneckRow, Row as Row, SeparableRow as SeparableRow, divisible as divisible
from .weights import export_weights as export_weights, load_weights as load_weights, weight_names as weight_names

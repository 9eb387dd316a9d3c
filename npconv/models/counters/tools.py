"""The numbers that other packages' counters report for a network: the parts that they count, and how often."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from ...kernels.arguments import boolean, instance, one_of, sizes
from ...layers import Layer
from ...text import table_lines
from ..network import MobileNet
from .parts import PARTS, count_parts, part_words


class ToolRule(NamedTuple):
    """The rule of a counter: its version, and how often it counts each of `PARTS`.

    Some of the times are others in `training` mode, where the pool before the classifier is a function and not a module
    (`function_pool`), and in the `networks` of an architecture. `one_image` is counted besides, for one image of the
    batch. A `note` says what the number is of, where that is not the whole network.
    """

    version: str
    times: Mapping[str, int]
    training: Mapping[str, int] = MappingProxyType({})
    function_pool: Mapping[str, int] = MappingProxyType({})
    networks: Mapping[str, Mapping[str, int]] = MappingProxyType({})
    one_image: Mapping[str, int] = MappingProxyType({})
    note: str = ""


class CountedPart(NamedTuple):
    """A part of a count: its key in `PARTS`, how many times each is counted, and what that comes to.

    `one_image` is True where it is counted for one image of a batch of several.
    """

    part: str
    times: int
    number: int
    one_image: bool = False

    @property
    def words(self) -> str:
        """The part in words, such as "normalisation, 2 a value"."""
        return part_words(self.part, self.times) + ", of one image" * self.one_image


class ToolCount(NamedTuple):
    """A counter's number for a network, with its version and its parts, which sum to it.

    A `note` says what the number is of, where that is not the whole network.
    """

    tool: str
    version: str
    total: int
    parts: tuple[CountedPart, ...]
    note: str = ""

    def __str__(self) -> str:
        heading = f"{self.tool} {self.version}: {self.total:,}{self.note and f', {self.note}'}"
        return "\n".join([heading, *part_lines(self.parts)])


def part_lines(parts: Sequence[CountedPart]) -> list[str]:
    """A line for each part: its number and its words."""
    return [f"  {line}" for line in table_lines(["", ""], [[f"{part.number:,}", part.words] for part in parts])[1:]]


POOLS = {"pool inputs": 1, "squeeze inputs": 1}
POOL_OUTPUTS = {"pool outputs": 1, "squeeze outputs": 1}
FIVE = {"normalisation": 5}
NO_POOL = {"pool inputs": 0, "pool outputs": 0}
BIASES = {"convolution bias": 1, "dense bias": 1}
FVCORE = {"macs": 1, "normalisation": 2, **POOLS}
DEEPSPEED = {"macs": 2, "convolution bias": 1, "normalisation": 2, "ReLU": 1, **POOLS}
ONNX_TOOL = {
    "macs": 1, **BIASES, "normalisation": 1, "ReLU": 1, "ReLU6": 2, "hard-swish": 5, "hard-sigmoid": 4, "gates": 1,
    "additions": 1, **POOLS, "pool outputs": 4, "squeeze outputs": 4,
}  # fmt: skip
ONNX_OPCOUNTER = {
    "macs": 1, "ReLU": 1, "ReLU6": 1, "hard-swish": 1, "hard-sigmoid": 1, "gates": 1, "additions": 1,
    "pool outputs": 2, "squeeze outputs": 1, "equal biases": 1,
}  # fmt: skip
TENSORFLOW = {
    "macs": 2, **BIASES, "normalisation": 2, "normalisation constants": 6, "hard-swish": 3, "hard-sigmoid": 2,
    "gates": 1, "additions": 1, **POOLS,
}  # fmt: skip
KERAS = {  # what its networks have besides, and npconv's don't
    "mobilenet_v1": {"softmax": 5}, "mobilenet_v2": {"softmax": 5}, "mobilenet_v3": {"softmax": 5, "images": 2},
}  # fmt: skip
PTFLOPS = {"macs": 1, **BIASES, "normalisation": 2, "ReLU": 1, "ReLU6": 1, "pool inputs": 1, "squeeze inputs": 1}
FLOPTH = {
    "macs": 1, "convolution bias": 1, "normalisation": 2, "ReLU": 1, "ReLU6": 1, "hard-swish": 1, "hard-sigmoid": 1,
    **POOLS,
}  # fmt: skip

TOOLS: Mapping[str, ToolRule] = MappingProxyType(
    {
        "torch": ToolRule("2.13.0", {"macs": 2}),
        "torch-training": ToolRule("2.13.0", {"macs": 2, "input gradients": 2, "ungrouped kernel gradients": 2}),
        "fvcore": ToolRule("0.1.5.post20221221", FVCORE, FIVE),
        "mmengine": ToolRule("0.10.7", FVCORE, FIVE),
        "ptflops": ToolRule(  # modules, averaged over the batch, and the functions that they call once more
            "0.7.5", {"ReLU": 1, **POOLS}, one_image=PTFLOPS, function_pool={"pool inputs": 1}
        ),
        "ptflops-aten": ToolRule("0.7.5", {"macs": 1, **BIASES}),
        "thop": ToolRule(
            "0.1.1-2209072238", {"macs": 1, "normalisation": 4, **POOLS, **POOL_OUTPUTS}, function_pool=NO_POOL
        ),
        "torchinfo": ToolRule("1.8.0", {"macs": 1, **BIASES, "normalisation parameters": 1}),
        "torchprofile": ToolRule("0.1.0", {"macs": 1, "normalisation": 1, "gates": 1, **POOL_OUTPUTS}),
        "flopth": ToolRule("0.1.6", FLOPTH, function_pool=NO_POOL),
        "calflops": ToolRule("0.3.2", DEEPSPEED),
        "calflops-macs": ToolRule("0.3.2", {"macs": 1}),
        "deepspeed": ToolRule("0.19.8", DEEPSPEED),
        "deepspeed-macs": ToolRule("0.19.8", {"macs": 1}),
        "paddle": ToolRule("3.3.1", {"macs": 1, "convolution bias": 1, "normalisation": 2, **POOLS, **POOL_OUTPUTS}),
        "tensorflow": ToolRule("2.21.0", TENSORFLOW, networks=KERAS),
        "jax": ToolRule("0.10.2", {"macs": 2, "padding": -2}, note="of convolutions and dense layers alone"),
        "onnx-tool": ToolRule("1.0.1", ONNX_TOOL),
        "onnx-opcounter": ToolRule("0.0.4", ONNX_OPCOUNTER),
    }
)  # fmt: skip
"""The counters, by the word that `count_as` takes."""


def count_as(
    model: Layer,
    input_shape: tuple[int, ...],
    tool: str,
    *,
    training: bool = False,
    function_pool: bool | None = None,
) -> ToolCount:
    """The number that another package's counter reports for a network, with its parts.

    Args:
        model: any layer, or network without heads. The counter is taken to run on a network that computes the same,
            layer by layer, and that is padded by numbers; docs/counters.md has the exceptions.
        input_shape: (B, Dᵤ, Dᵤ, M), batch included.
        tool: a key of `TOOLS`, such as "fvcore"; "torch" is FlopCounterMode, "torch-training" the same for a forward
            and a backward pass, "paddle" is paddle.flops, "tensorflow" the profiler, "jax" cost_analysis.
        training: whether the network is in training mode, in which some counters count normalisation otherwise.
        function_pool: whether the pool before the classifier is a function and not a module, which some counters then
            do not see. None is True for MobileNetV2, as torchvision has it, and False for all others.

    Returns:
        A `ToolCount`: `total`, and `parts` in words, which sum to it.

    Raises:
        TypeError: as `summary`; training or function_pool that is no bool.
        ValueError: as `summary`; another tool.

    >>> from npconv.models import mobilenet_v2
    >>> counted = count_as(mobilenet_v2(), (1, 224, 224, 3), "fvcore")
    >>> print(counted)
    fvcore 0.1.5.post20221221: 314,193,216
      300,774,272  MACs of convolutions and dense layers
       13,356,224  normalisation, 2 a value
           62,720  global average pool, 1 an input
    """
    instance("count_as", "model", model, Layer)
    one_of("count_as", "tool", tool, TOOLS)
    boolean("count_as", "training", training)
    if function_pool is not None:
        boolean("count_as", "function_pool", function_pool)
    shape = sizes("count_as", "input_shape", input_shape, "a tuple of ints, batch included")
    whole, one = count_parts(model, shape), count_parts(model, (1, *shape[1:])) if TOOLS[tool].one_image else {}
    return count_by_rule(model, whole, one, tool, training=training, function_pool=function_pool)


def count_by_rule(
    model: Layer,
    whole: Mapping[str, int],
    one: Mapping[str, int],
    tool: str,
    *,
    training: bool = False,
    function_pool: bool | None = None,
) -> ToolCount:
    """`count_as` from what `count_parts` gives for the whole batch and for one image."""
    rule = TOOLS[tool]
    architecture = model.specification.architecture if isinstance(model, MobileNet) else ""
    times, of_one = dict(rule.times), dict(rule.one_image)
    if training:
        times |= rule.training
    if architecture == "mobilenet_v2" if function_pool is None else function_pool:
        times |= rule.function_pool
        of_one |= {part: 0 for part in rule.function_pool if part in of_one}
    times |= rule.networks.get(architecture, {})
    if whole == one:  # a batch of one
        times, of_one = {part: times.get(part, 0) + of_one.get(part, 0) for part in {**times, **of_one}}, {}
    of_image = (part._replace(one_image=True) for part in counted_parts(one, of_one))
    parts = (*counted_parts(whole, times), *of_image)
    return ToolCount(tool, rule.version, sum(part.number for part in parts), parts, rule.note)


def counted_parts(counted: Mapping[str, int], times: Mapping[str, int]) -> tuple[CountedPart, ...]:
    """The parts of a count that are not 0, from the numbers of `count_parts`, in the order of `PARTS`."""
    numbers = {part: times[part] * counted[part] for part in PARTS if part in times}
    return tuple(CountedPart(part, times[part], number) for part, number in numbers.items() if number)

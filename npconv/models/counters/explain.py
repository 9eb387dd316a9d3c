"""The conventions behind a count: combinations of what counters count that give a number exactly."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from heapq import nsmallest
from itertools import product
from typing import Any, NamedTuple

from ...kernels.arguments import instance, integer, shown, sizes
from ...layers import Layer
from .parts import count_parts
from .tools import TOOLS, CountedPart, ToolCount, count_by_rule, counted_parts, part_lines
from .variants import expanded, misprinted, repeated

Vector = tuple[int, ...]  # a number for each network
Named = tuple[Layer, tuple[int, ...], int]  # a network, an input's shape, and the number that someone has for them


class Choice(NamedTuple):
    """A convention: the times that it counts each part, as how many conventions it stands, and how rare it is."""

    times: Mapping[str, int]
    conventions: int = 1
    rarity: int = 0


class Combination(NamedTuple):
    """Choices together: as how many conventions they stand, how rare they are, and what they come to by network."""

    conventions: int
    rarity: int
    times: Mapping[str, int]
    counts: Vector


class CountedNetworks(NamedTuple):
    """The parts of each network, as it is or changed as `words` say, and as how many conventions the change stands."""

    words: str
    conventions: int
    rarity: int
    counted: Sequence[Mapping[str, int]]


class Explanation(NamedTuple):
    """A combination of conventions: the parts of a count, and their sum.

    `network` says how the network was changed before it was counted, such as "with an expansion where t = 1"; "" where
    it was not.
    """

    network: str
    parts: tuple[CountedPart, ...]
    total: int

    def lines(self) -> list[str]:
        """The sum with its network, and a line for each part."""
        network = self.network and f", for a network {self.network},"
        return [f"{self.total:,}{network} is the sum of", *part_lines(self.parts)]


class Explanations(NamedTuple):
    """The counters that report a number, and the combinations of conventions that give it, the plainest first.

    `further` are the other numbers that it was given with. `others` is how many more combinations there are. Where
    nothing gives the number, `tools` are the counters that report half of it; if there are none either, `nearest` is
    the nearest count of few conventions.
    """

    number: int
    tools: tuple[ToolCount, ...]
    found: tuple[Explanation, ...]
    others: int
    nearest: Explanation | None
    further: tuple[int, ...] = ()

    def __str__(self) -> str:
        lines = []
        numbers = [f"{number:,}" for number in (self.number, *self.further)]
        for tool in self.tools:
            half = ", half of the number" * (tool.total != self.number)
            lines.append(f"{tool.tool} {tool.version} reports {tool.total:,}{half}{tool.note and f', {tool.note}'}")
            lines += [] if self.found else part_lines(tool.parts)
        for each in self.found:
            lines += each.lines()
        if self.others:
            lines.append(f"{self.others:,} more combination{'s' * (self.others > 1)}, less plain")
        if not self.found:
            lines.append(f"no combination of conventions gives {' and '.join(numbers)}")
        if self.nearest is not None:
            off = self.nearest.total - self.number
            side = "above" if off > 0 else "below"
            lines.append(f"the nearest sum of at most three conventions is {abs(off):,} {side} {numbers[0]}")
            lines += self.nearest.lines()
        return "\n".join(lines)


NETWORKS: Mapping[str, tuple[Callable[[Layer], Layer], int, int]] = {  # what is changed, conventions, rarity
    "": (lambda model: model, 0, 0),
    "with an expansion where t = 1": (expanded, 1, 1),
    "with the strides of the paper's misprinted table": (misprinted, 1, 2),
    "with an expansion where t = 1 and the strides of the paper's misprinted table": (
        lambda model: expanded(misprinted(model)), 2, 3,
    ),
    "with each row's stride in all of its blocks": (repeated, 1, 3),
}  # fmt: skip
INPUTS, ALL_INPUTS = {"input gradients": 1}, {"input gradients": 1, "first input gradient": 1}
KERNELS, FORGOTTEN = {"kernel gradients": 1}, {"ungrouped kernel gradients": 1}
PRODUCTS = [
    Choice({"macs": 1}, 0),
    Choice({"macs": 1, "sums": 1}, 1, 1),
    Choice({"macs": 1, "classifier": -1}, 1, 1),
    Choice({"macs": 1, "padding": -1}, 1, 2),
    Choice({"ungrouped macs": 1}, 1, 2),
    *(Choice({"macs": 1, **inputs, **KERNELS}, 1, 1) for inputs in (INPUTS, ALL_INPUTS)),
    *(Choice({"macs": 1, **inputs, **FORGOTTEN}, 2, 2) for inputs in (INPUTS, ALL_INPUTS)),
]


def _values(part: str, *times: tuple[int, int]) -> list[Choice]:
    """(times, rarity) of one part."""
    return [Choice({part: many}, 1, rarity) for many, rarity in times]


def _pools(inputs: int, outputs: int, rarity: int) -> Choice:
    both = {"inputs": inputs, "outputs": outputs}
    return Choice({f"{pool} {side}": many for pool in ("pool", "squeeze") for side, many in both.items()}, 1, rarity)


GROUPS: Sequence[Sequence[Choice]] = [  # at most one of each is chosen; neighbours go to different halves
    [
        Choice({"normalisation parameters": 1}, 1, 2),
        *_values("normalisation", (2, 0), (1, 1), (4, 1), (3, 2), (5, 2)),
    ],
    _values("ReLU6", (1, 0), (2, 1)),
    [_pools(1, 0, 0), _pools(0, 1, 1), _pools(1, 1, 1), _pools(2, 0, 3), _pools(1, 4, 3)],
    _values("ReLU", (1, 0), (2, 1)),
    _values("dense bias", (1, 0)),
    _values("convolution bias", (1, 0)),
    _values("additions", (1, 0)),
    _values("gates", (1, 0)),
    _values("hard-sigmoid", (1, 1), (2, 2), (4, 2)),
    _values("hard-swish", (1, 1), (2, 2), (3, 2), (5, 2)),
    _values("sigmoid", (1, 1)),
    _values("softmax", (5, 2), (1, 3)),
    _values("normalisation constants", (6, 3)),
    _values("images", (2, 3)),
]


def explain_count(
    model: Layer, input_shape: tuple[int, ...], number: int, *, further: Sequence[Named] = (), most: int = 3
) -> Explanations:
    """The conventions by which a network has a count that someone states.

    Args:
        model: any layer, or network without heads.
        input_shape: (B, Dᵤ, Dᵤ, M), batch included.
        number: the count.
        further: (model, input_shape, number) of more networks that were counted in the same way, such as other widths
            or resolutions of the same architecture. What doesn't give all the numbers is left out.
        most: how many combinations are returned; the others are only counted.

    Returns:
        `Explanations`: the counters of `TOOLS` that report the number, or half of it where nothing gives it; and the
        combinations of conventions that give it exactly: first that of such a counter, then the plainest, of the fewest
        conventions, and of these the most common.

    Raises:
        TypeError, ValueError: as `summary`; a number or `most` below 1.

    >>> from npconv.models import mobilenet_v2
    >>> image = (1, 224, 224, 3)
    >>> print(explain_count(mobilenet_v2(), image, 314_193_216))
    fvcore 0.1.5.post20221221 reports 314,193,216
    mmengine 0.10.7 reports 314,193,216
    314,193,216 is the sum of
      300,774,272  MACs of convolutions and dense layers
       13,356,224  normalisation, 2 a value
           62,720  global average pool, 1 an input
    """
    counts = _checked(model, input_shape, number, further)
    most = integer("explain_count", "most", most)
    target = tuple(wanted for *_, wanted in counts)
    variants = list(_variants(counts))
    hits: list[tuple[Combination, CountedNetworks]] = []
    total = 0
    for variant in variants:
        for combinations in _exact(variant, target):
            total += len(combinations)
            hits += [(each, variant) for each in combinations[:most]]
    tools = _tools(counts, variants[0].counted)
    found = tuple(_explanation(*hit) for hit in nsmallest(most, hits, key=lambda hit: _rank(tools, *hit)))
    if not found and not tools and not any(wanted % 2 for wanted in target):  # a MAC, and all else, taken as two FLOPs
        tools = _tools([(layer, shape, wanted // 2) for layer, shape, wanted in counts], variants[0].counted)
    nearest = None if found or tools else _nearest(variants, target[0])
    return Explanations(target[0], tools, found, total - len(found), nearest, target[1:])


def _checked(model: Any, input_shape: Any, number: Any, further: Any) -> list[Named]:
    """The networks with their numbers, the first one first."""
    function, listed, counts = "explain_count", tuple | list, []
    if not isinstance(further, listed) or any(not isinstance(each, listed) or len(each) != 3 for each in further):
        raise TypeError(f"{function}: further must be a sequence of (model, input_shape, number); got {shown(further)}")
    for layer, shape, wanted in [(model, input_shape, number), *further]:
        instance(function, "model", layer, Layer)
        shape = sizes(function, "input_shape", shape, "a tuple of ints, batch included")
        counts.append((layer, shape, integer(function, "number", wanted)))
    return counts


def _variants(counts: Sequence[Named]) -> Iterator[CountedNetworks]:
    """The networks as they are, and changed, where that changes any of their parts and they still take their inputs."""
    seen: list[Sequence[Mapping[str, int]]] = []
    for words, (change, conventions, rarity) in NETWORKS.items():
        try:
            counted = [count_parts(change(layer), shape) for layer, shape, _ in counts]
        except ValueError:  # further strides may leave a kernel nothing to read
            if not words:
                raise
            continue
        if counted not in seen:
            seen.append(counted)
            yield CountedNetworks(words, conventions, rarity, counted)


def _products(variant: CountedNetworks) -> Iterator[Combination]:
    """The products that are counted, once or, as a further convention, twice."""
    seen = set()
    for choice, many in product(PRODUCTS, (1, 2)):
        doubled = {part: many * times for part, times in choice.times.items()}
        made = _combination(variant, Choice(doubled, choice.conventions + many - 1, choice.rarity))
        if made.counts not in seen and not (many == 2 and "sums" in doubled):
            seen.add(made.counts)
            yield made


def _combination(variant: CountedNetworks, choice: Choice) -> Combination:
    counts = tuple(sum(many * counted[part] for part, many in choice.times.items()) for counted in variant.counted)
    return Combination(choice.conventions, choice.rarity, choice.times, counts)


def _together(*combinations: Combination) -> Combination:
    times: dict[str, int] = {}
    for each in combinations:
        times |= each.times
    return Combination(
        sum(each.conventions for each in combinations),
        sum(each.rarity for each in combinations),
        times,
        tuple(map(sum, zip(*(each.counts for each in combinations), strict=True))),
    )


def _half(variant: CountedNetworks, groups: Sequence[Sequence[Choice]]) -> list[Combination]:
    """All that can be chosen from these groups, at most one of each; what counts nothing is left out."""
    nothing = Combination(0, 0, {}, (0,) * len(variant.counted))
    made = ([_combination(variant, choice) for choice in group] for group in groups)
    return [
        _together(*chosen) for chosen in product(*([nothing, *(c for c in group if any(c.counts))] for group in made))
    ]


def _exact(variant: CountedNetworks, target: Vector) -> Iterator[list[Combination]]:
    """Combinations that give the target, some at a time, the plainest of these first.

    What is missing for a choice of products and of half of the groups is looked up among the choices of the other half.
    """
    by_counts: dict[Vector, list[Combination]] = defaultdict(list)
    for each in sorted(_half(variant, GROUPS[::2]), key=lambda each: each[:2]):
        by_counts[each.counts].append(each)
    for products, some in product(_products(variant), _half(variant, GROUPS[1::2])):
        missing = tuple(all_of - a - b for all_of, a, b in zip(target, products.counts, some.counts, strict=True))
        if missing in by_counts:
            yield [_together(products, some, rest) for rest in by_counts[missing]]


def _nearest(variants: Sequence[CountedNetworks], number: int) -> Explanation:
    """The nearest count of at most three conventions, the plainest of equally near ones; of the first network alone."""

    def few(variant: CountedNetworks) -> Iterator[Combination]:
        halves = [[each for each in _half(variant, GROUPS[half::2]) if each.conventions <= 3] for half in (0, 1)]
        for chosen in product(_products(variant), *halves):
            if variant.conventions + sum(each.conventions for each in chosen) <= 3:
                yield _together(*chosen)

    every = ((each, variant) for variant in variants for each in few(variant))
    return _explanation(*min(every, key=lambda hit: (abs(hit[0].counts[0] - number), _plainness(*hit))))


def _plainness(combination: Combination, variant: CountedNetworks) -> tuple[int, int]:
    """A key to sort by: fewest conventions first, and of as many the common ones."""
    return variant.conventions + combination.conventions, variant.rarity + combination.rarity


def _rank(tools: Sequence[ToolCount], combination: Combination, variant: CountedNetworks) -> tuple[bool, int, int]:
    """A key to sort by: first what a counter counts, then the plainest."""
    parts = _explanation(combination, variant).parts
    return all(parts != tool.parts for tool in tools), *_plainness(combination, variant)


def _explanation(combination: Combination, variant: CountedNetworks) -> Explanation:
    parts = counted_parts(variant.counted[0], combination.times)
    return Explanation(variant.words, parts, combination.counts[0])


def _tools(counts: Sequence[Named], counted: Sequence[Mapping[str, int]]) -> tuple[ToolCount, ...]:
    """The counters that report all the numbers, in inference or else in training mode."""
    layers, wanted = [layer for layer, _, _ in counts], [number for *_, number in counts]
    one = [
        parts if shape[0] == 1 else count_parts(layer, (1, *shape[1:]))
        for (layer, shape, _), parts in zip(counts, counted, strict=True)
    ]
    found: list[ToolCount] = []
    for tool, rule in TOOLS.items():
        for training in (False, True) if rule.training else (False,):
            networks = zip(layers, counted, one, strict=True)
            made = [count_by_rule(*network, tool, training=training) for network in networks]
            if [each.total for each in made] == wanted and made[0] not in found:
                found.append(made[0])
    return tuple(found)

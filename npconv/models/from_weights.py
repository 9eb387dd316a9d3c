"""Networks built for the arrays that are there: the family from their names, the table from their sizes."""

import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import replace
from itertools import groupby, islice
from types import MappingProxyType
from typing import Any, TypeVar

from ..kernels.arguments import one_of, shown
from ..kernels.geometry import Array
from .advice import advice
from .conventions import FAMILIES
from .fitting import classifiers, fit
from .heads import classifier_names, inputs_of, linear_layers, own_layer
from .known_names import Own, table_of, weights_in
from .mobilenet_v1 import MOBILENET_V1_ROWS, mobilenet_v1
from .mobilenet_v2 import MOBILENET_V2_ROWS, mobilenet_v2
from .mobilenet_v3 import MOBILENET_V3_ROWS, mobilenet_v3, plainer
from .naming import computed_as, named_arrays
from .network import MobileNet
from .published_heads import PublishedHeads
from .recognition import best_table, heads_of, recognised
from .segmenter import Segmenter
from .ssdlite import SSDLite
from .table import BneckRow, Row, SeparableRow
from .weights import load_weights, plain_names

FUNCTION = "from_weights"
MANY = 3  # names of a head that an error lists
Sizes = dict[str, int]  # the output channels of layers, and the sides of depthwise kernels as "block_3.side"
AnyBlocks = TypeVar("AnyBlocks", Row, SeparableRow)


def from_weights(
    arrays: Mapping[str, Any], *, conventions: str | None = None, classifier: bool | str = True
) -> MobileNet | SSDLite | Segmenter:
    """The network that weights are of, built and loaded: family, channels, classes and folding follow from the arrays.

    Args:
        arrays: as `load_weights` takes them, such as those of `read_arrays`.
        conventions: "keras", "torchvision" or "timm", where the network computes otherwise than its names say: neither
            names nor shapes show padding and epsilon. timm's tf_mobilenetv3 has timm's names and Keras's conventions.
        classifier: True takes the network's own, or the one linear layer behind another network's backbone; a name
            takes the linear layer that is called so, such as "dense"; False takes none, and of a network with heads
            the backbone.

    Returns:
        A network with the arrays' numbers of channels, folded where the arrays have kernels with bias in place of
        batch normalisation. Without a classifier, in the arrays or because it is left out, the network ends in the
        pool, or in MobileNetV3's hidden layer. It has no last convolution if the arrays have none. Strides and
        activations, which no array shows, are the published network's. For the arrays of torchvision's
        ssdlite320_mobilenet_v3_large and TensorFlow's ssdlite_mobilenet_v2, of any number of classes, an `SSDLite`. For
        those of torchvision's lraspp_mobilenet_v3_large an `LRASPP`; for those of its deeplabv3_mobilenet_v3_large, of
        transformers' MobileNetV2ForSemanticSegmentation and of TensorFlow's DeepLab on MobileNetV2 a `DeepLabV3`. The
        output stride and the rates, which no array shows, are the published networks': stride 16, and 8 in
        transformers; rates 12, 24 and 36 in torchvision.

    Raises:
        TypeError, ValueError: as `load_weights`; arrays of no MobileNet; those that no table fits; other conventions
            than its family's for a network with heads, or a classifier's name.

    >>> from npconv.models import export_weights
    >>> arrays = export_weights(mobilenet_v2(0.5, 7, conventions="torchvision"))
    >>> model = from_weights(arrays)
    >>> model.specification.conventions, model.output_shape((1, 64, 96, 3)), model.params["stem.kernel"].shape
    ('torchvision', (1, 7), (3, 3, 3, 16))
    """
    if conventions is not None:
        one_of(FUNCTION, "conventions", conventions, FAMILIES)
    if not isinstance(classifier, bool | str):
        raise TypeError(f"{FUNCTION}: classifier must be a bool or the name of a layer; got {shown(classifier)}")
    given: Mapping[str, Array] = plain_names(arrays, FUNCTION)
    if heads := heads_of(given):
        return _with_heads(heads, given, conventions, classifier)
    return _mobilenet(given, arrays, conventions, classifier)


def _with_heads(
    heads: PublishedHeads, given: Mapping[str, Array], conventions: str | None, classifier: bool | str
) -> MobileNet | SSDLite | Segmenter:
    """A published network with heads, or its backbone alone."""
    own = computed_as(best_table(given).naming)
    if conventions not in (None, own):
        raise ValueError(f"{FUNCTION}: conventions must be {own!r} for {heads.kind}'s arrays; got {conventions!r}")
    if isinstance(classifier, str):
        raise ValueError(f"{FUNCTION}: classifier must be a bool for {heads.kind}'s arrays; got {shown(classifier)}")
    backbone = heads.alone(given)
    network = _mobilenet(backbone, backbone, None, False, heads.trunk)
    if not classifier:
        return network
    model = heads.build(network, given)
    model = model if "stem_norm" in network.layers else model.folded()
    try:
        load_weights(model, given)
    except ValueError as error:
        raise ValueError(f"{FUNCTION}: {str(error).removeprefix('load_weights: ')}") from None
    return model


def _mobilenet(
    given: Mapping[str, Array],
    arrays: Mapping[str, Any],
    conventions: str | None,
    classifier: bool | str,
    trunk: Mapping[str, Any] = MappingProxyType({}),
) -> MobileNet:
    """The network of a MobileNet's arrays, with the options of a trunk."""
    architecture, naming, _ = recognised(FUNCTION, given, arrays)
    networks = _networks(architecture, _stages(given, naming))
    probe = max(networks, key=lambda network: table_of(network, naming).share(given))
    whole = named_arrays(FUNCTION, probe, naming)
    in_folded = {
        name: named for name, named in named_arrays(FUNCTION, probe.folded(), naming).items() if name not in whole
    }
    known = {name: ours for name, (ours, _) in (whole | in_folded).items()}
    sizes, folded = dict(_sizes(given, known)), not in_folded.keys().isdisjoint(given)
    model = _built(probe, sizes, naming, computed_as(naming), folded, trunk)
    own = named_arrays(FUNCTION, model, naming)
    given = weights_in(own, given)
    if classifier is True:
        given, classifier = _own_head(own, given)
    chosen = linear_layers(own, given).get(classifier) if isinstance(classifier, str) else None
    if chosen:
        sizes["classifier"] = chosen[1].size
        model = _built(probe, sizes, naming, computed_as(naming), folded, trunk)
    try:
        load_weights(model, given, naming, classifier=classifier)
    except ValueError as error:
        found = str(error).removeprefix("load_weights: ")
        if found.startswith("the arrays don't fit"):
            found = f"arrays with {naming}'s names of {architecture} must have its layers and kernel sizes; {found}"
        raise ValueError(f"{FUNCTION}: {found}") from None
    if conventions is not None and conventions != computed_as(naming):
        named, model = model, _built(probe, sizes, naming, conventions, folded, trunk)
        model.load_arrays(named.arrays())
    if classifier:
        return model
    has = {ours.split(".")[0] for name, (ours, a) in own.items() if name in given and given[name].shape == a.shape}
    return _without_head(model, has)


def _own_head(own: Own, given: Mapping[str, Array]) -> tuple[Mapping[str, Array], bool | str]:
    """The arrays, and the classifier to be taken from them: the network's own, the only layer of another head, or none.

    That layer counts if it has the classifier's inputs, whatever it is called: frozen graphs have lost the names of
    layers. Raises ValueError where other layers are left over behind a whole backbone.
    """
    kernel, bias = classifier_names(own)
    left = {name: a for name, a in given.items() if name not in own}
    if not left:
        return given, kernel in given and (bias in given or own_layer(own))
    if kernel not in given and sum(a.ndim > 1 for a in left.values()) == 1 and len(left) <= 2:
        by_axes = sorted(left, key=lambda name: -left[name].ndim)
        endings = (re.sub(r".*(?=[./])", "", name) for name in (kernel, bias))
        head = {f"head{ending}": left[name] for name, ending in zip(by_axes, endings, strict=False)}
        renamed = {name: a for name, a in given.items() if name not in left} | head
        if "head" in linear_layers(own, renamed):
            return renamed, "head"
    if fit(own, given, False):
        kernels = [f"{name} {a.shape}" for name, a in given.items() if a.ndim > 1 and name in (kernel, *left)]
        names = ", ".join(kernels[:MANY]) + (f" and {len(kernels) - MANY} more" if len(kernels) > MANY else "")
        options = " or ".join(f"classifier={layer!r}" for layer in classifiers(own, given))
        raise ValueError(
            f"{FUNCTION}: arrays must have a classifier of one layer with {inputs_of(own)} inputs; got another head, "
            f"{names or ', '.join(left)}{advice('take', options=options) if options else advice('leave')}"
        )
    return given, kernel in given


def _networks(architecture: str, stages: Sequence[int]) -> Iterator[MobileNet]:
    """The published networks of an architecture, as small as they can be built; stages of so many blocks, if any."""
    if architecture == "mobilenet_v1":
        yield mobilenet_v1(0.1, 1, rows=_with_blocks(MOBILENET_V1_ROWS, stages))
    elif architecture == "mobilenet_v2":
        yield mobilenet_v2(0.1, 1, rows=_with_blocks(MOBILENET_V2_ROWS, stages))
    else:
        for size in MOBILENET_V3_ROWS:
            yield from (mobilenet_v3(size, 0.1, 1, minimalistic=each) for each in (False, True))


def _stages(given: Mapping[str, Array], naming: str) -> list[int]:
    """The number of blocks in each stage, which timm's names say; its deeper networks have more than the paper's."""
    places = {re.match(r"blocks\.(\d+)\.(\d+)\.", name) for name in given} if naming == "timm" else set()
    count = Counter({place.groups() for place in places if place})
    stages = Counter(int(stage) for stage, _ in count)
    return [stages[stage] for stage in range(len(stages))]


def _with_blocks(rows: Sequence[AnyBlocks], stages: Sequence[int]) -> list[AnyBlocks]:
    if len(stages) != len(rows) or not all(stages):
        return list(rows)
    return [row._replace(blocks=count) for row, count in zip(rows, stages, strict=True)]


def _sizes(given: Mapping[str, Array], known: Mapping[str, str]) -> Iterator[tuple[str, int]]:
    """The output channels of each layer, by the arrays of one axis that it has in every family, and kernels' sides."""
    channels = {}
    for name, ours in known.items():
        if name in given and given[name].ndim == 1:
            channels[ours.rpartition(".")[0].removesuffix("_norm")] = given[name].size
    yield from channels.items()
    for name, ours in known.items():
        if name in given and ours.endswith(".depthwise.kernel"):
            layer = ours.removesuffix(".kernel")
            yield f"{ours.split('.')[0]}.side", math.isqrt(given[name].size // max(channels.get(layer, 1), 1))


def _built(
    probe: MobileNet,
    sizes: Sizes,
    naming: str,
    conventions: str,
    folded: bool,
    trunk: Mapping[str, Any],
) -> MobileNet:
    """A network like another one, with other numbers of channels, the other's where none are known, and options."""
    architecture, arrays = probe.specification.architecture, probe.arrays()
    own = dict(_sizes(arrays, {name: name for name in arrays})) | sizes
    options: dict[str, Any] = {
        "classes": own["classifier"], "stem_channels": own["stem"], "conventions": conventions, **trunk,
    }  # fmt: skip
    if architecture == "mobilenet_v1":
        padding = "same" if conventions == "keras" != naming else None  # Keras alone pads an odd side of V1 otherwise
        model = mobilenet_v1(rows=_separable_rows(probe, own), padding=padding, **options)
    elif architecture == "mobilenet_v2":
        model = mobilenet_v2(rows=_rows(probe, own), last_channels=own["last"], **options)
    else:
        options |= {"last_channels": own["last"], "hidden_channels": own["hidden"]}
        model = mobilenet_v3(rows=_bneck_rows(probe, own), minimalistic="hidden_relu" in probe.layers, **options)
    model.specification = replace(model.specification, stages=probe.specification.stages)
    return model.folded() if folded else model


def _separable_rows(probe: MobileNet, sizes: Sizes) -> list[SeparableRow]:
    """MobileNetV1's rows."""
    rows = _with_blocks(MOBILENET_V1_ROWS, probe.specification.stages)
    channels = [sizes[f"{name}.pointwise"] for name in probe.blocks]
    return [SeparableRow(*row) for row in _grouped(rows, [(c,) for c in channels])]


def _rows(probe: MobileNet, sizes: Sizes) -> list[Row]:
    """MobileNetV2's rows."""
    rows = _with_blocks(MOBILENET_V2_ROWS, probe.specification.stages)
    channels = [sizes["stem"], *(sizes[f"{name}.project"] for name in probe.blocks)]
    expanded = [sizes[f"{name}.depthwise"] for name in probe.blocks]
    blocks = [(max(wide // k, 1), c) for wide, k, c in zip(expanded, channels, channels[1:], strict=False)]
    return [Row(*row) for row in _grouped(rows, blocks)]


def _grouped(rows: Sequence[Row | SeparableRow], blocks: Sequence[tuple[int, ...]]) -> Iterator[tuple[int, ...]]:
    """Neighbours of a row that are alike, as one row: their numbers, how many they are, the stride of the first.

    >>> list(_grouped([SeparableRow(0, 2, 1), SeparableRow(0, 3, 2)], [(8,), (8,), (16,), (24,), (24,)]))
    [(8, 2, 1), (16, 1, 2), (24, 2, 1)]
    """
    each = iter(blocks)
    for row in rows:
        for i, (block, alike) in enumerate(groupby(islice(each, row.blocks))):
            yield *block, len(list(alike)), 1 if i else row.stride


def _bneck_rows(probe: MobileNet, sizes: Sizes) -> list[BneckRow]:
    """MobileNetV3's rows, a block each."""
    size = "large" if len(probe.blocks) == len(MOBILENET_V3_ROWS["large"]) else "small"
    table = []
    for number, row in enumerate(MOBILENET_V3_ROWS[size], 1):
        name = f"block_{number}"
        row = plainer(row) if "hidden_relu" in probe.layers else row
        expanded, channels = sizes[f"{name}.depthwise"], sizes[f"{name}.project"]
        table.append(row._replace(kernel_size=sizes[f"{name}.side"], expanded=expanded, channels=channels))
    return table


def _without_head(model: MobileNet, has: Set[str]) -> MobileNet:
    """The network without its classifier, and without a hidden layer or a last convolution that the arrays lack."""
    left_out = ("classifier", *({"hidden", "last"} - has))
    layers = {name: layer for name, layer in model.layers.items() if not name.startswith(left_out)}
    return MobileNet(layers, model.specification)

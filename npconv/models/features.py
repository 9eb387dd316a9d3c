"""Feature maps of a network for heads, and the heads' gradients back through the network."""

from collections.abc import Iterator, Mapping, Sequence
from functools import reduce
from typing import Any

import numpy as np

from ..kernels import arguments
from ..kernels.geometry import Array
from ..layers import Layer, Sequential
from ..layers.convolution import Linear

FUNCTION = "MobileNet.features"
DEFAULT_STRIDES = (4, 8, 16, 32)


class Fork(Layer):
    """Hands x on and keeps it; backward adds `dmap`, what the heads that took x send back, and drops it.

    >>> fork, x = Fork(), np.ones((1, 2, 2, 1))
    >>> fork.forward(x) is fork.map is x
    True
    >>> fork.dmap = 3 * x
    >>> np.array_equal(fork.backward(2 * x), 5 * x)
    True
    """

    dmap: Array | None = None

    @property
    def map(self) -> Array:
        """The last forward's x."""
        kept: Array = self._remember()
        return kept

    def forward(self, x: Array, training: bool = False) -> Array:
        """x itself."""
        self._saved = x
        return x

    def backward(self, dy: Array) -> Array:
        """dy, which came through the layers behind, plus `dmap` where there is one."""
        dmap, self.dmap = self.dmap, None
        return dy if dmap is None else dy + dmap


class FeatureExtractor:
    """A network's layers up to the last map that is asked for, with a `Fork` behind each layer whose map it is.

    They are the network's own layers, not copies: the arrays are the network's, and what backward needs is stored where
    the network's own forward stores it. `MobileNet.features` makes one and says what it takes and returns.

    >>> from npconv.models import mobilenet_v2
    >>> network = mobilenet_v2(0.35, 10)
    >>> extractor = FeatureExtractor(network, (8, 16, "block_14.expand_relu6"))
    >>> list(extractor.row.layers)[-2:], list(extractor.row.layers["block_14"].layers)
    (['block_13 map', 'block_14'], ['expand', 'expand_norm', 'expand_relu6', 'expand_relu6 map'])
    >>> extractor.behind[0] is network.layers["block_14"].layers["depthwise"]
    True
    """

    def __init__(self, network: Sequential, strides: Sequence[int | str] | None = None) -> None:
        self.names = wanted(FUNCTION, network, strides)
        self.forks = {name: Fork() for name in self.names.values()}
        self.row = forked(network, self.forks)
        used = {id(leaf) for leaf in self.row.leaves()}
        self.behind = [leaf for leaf in network.leaves() if id(leaf) not in used and leaf.params]

    def forward(self, x: Array, training: bool = False) -> dict[int | str, Array]:
        """The maps, by the keys that were asked for."""
        self.row.forward(x, training)
        return {key: self.forks[name].map for key, name in self.names.items()}

    def backward(self, dfeatures: Mapping[int | str, Array]) -> Array:
        """dx: all that the heads send back, each part from where its map was taken."""
        self._check(dfeatures)
        for leaf in self.behind:
            for gradient in leaf.grads.values():
                gradient[...] = 0
        for name, fork in self.forks.items():
            fork.dmap = reduce(np.add, (dfeatures[key] for key, own in self.names.items() if own == name))
        *_, last = self.forks.values()
        return self.row.backward(np.zeros_like(last.map))

    def _check(self, dfeatures: Any) -> None:
        function = f"{FUNCTION}_backward"
        if not isinstance(dfeatures, Mapping):
            raise TypeError(f"{function}: dfeatures must be a mapping like features(); got {type(dfeatures).__name__}")
        missing = [key for key in self.names if key not in dfeatures]
        more = [key for key in dfeatures if key not in self.names]
        if missing or more:
            raise ValueError(
                f"{function}: dfeatures must have what features() returned, {list(self.names)}; missing {missing}, "
                f"left over {more}"
            )
        for key, name in self.names.items():
            argument, dmap, shape = f"dfeatures[{key!r}]", dfeatures[key], self.forks[name].map.shape
            arguments.array_of(function, argument, dmap, "f")
            if dmap.shape != shape:
                raise ValueError(f"{function}: {argument} must be {shape}, as its map; got {dmap.shape}")


def wanted(function: str, network: Sequential, strides: Any) -> dict[int | str, str]:
    """The name of the layer for each key that is asked for, in the order of forward.

    An int is the stride of a map; None asks for all of `DEFAULT_STRIDES` that there are. `function` begins the errors.

    >>> from npconv.models import mobilenet_v1
    >>> wanted("", mobilenet_v1(0.25, output_stride=16), ("classifier", "stem", 16))
    {'stem': 'stem', 16: 'block_13', 'classifier': 'classifier'}
    """
    ends = last_blocks(network)
    if strides is None:
        strides = [stride for stride in DEFAULT_STRIDES if stride in ends]
        if not strides:
            raise ValueError(
                f"{function}: strides must be given, as no block ends at {', '.join(map(str, DEFAULT_STRIDES))}; "
                f"blocks end at {', '.join(map(str, ends)) or 'no stride'}"
            )
    expected = f"{function}: strides must be a sequence of ints and layers' names"
    if isinstance(strides, str) or not isinstance(strides, Sequence | np.ndarray):
        raise TypeError(f"{expected}; got {arguments.shown(strides)}")
    order = list(_names(network))
    asked: dict[int | str, str] = {}
    for key in strides:
        if not (isinstance(key, str) or arguments.is_int(key)):
            raise TypeError(f"{expected}; got {arguments.shown(key)} in it")
        if isinstance(key, str) and key not in order:
            raise ValueError(f"{function}: there is no layer {key!r}; there are {', '.join(_neighbours(network, key))}")
        if not isinstance(key, str) and key not in ends:
            where = f"blocks end at {', '.join(map(str, ends))}"
            raise ValueError(f"{function}: no block ends at stride {arguments.shown(key)}; {where}")
        asked[key if isinstance(key, str) else int(key)] = key if isinstance(key, str) else ends[key]
    if not asked:
        raise ValueError(f"{expected}, at least one; blocks end at {', '.join(map(str, ends)) or 'no stride'}")
    return dict(sorted(asked.items(), key=lambda item: order.index(item[1])))


def layer_at(function: str, argument: str, network: Sequential, key: Any) -> str:
    """The name of the layer that an argument names, or whose output is the map of a stride, as `wanted` says."""
    if not (isinstance(key, str) or arguments.is_int(key)):
        raise TypeError(f"{function}: {argument} must be a layer's name or a stride; got {arguments.shown(key)}")
    (name,) = wanted(f"{function}: {argument}", network, (key,)).values()
    return name


def last_blocks(network: Sequential) -> dict[int, str]:
    """The name of the last block at each stride, from the strides of the layers' convolutions.

    >>> from npconv.models import mobilenet_v2
    >>> last_blocks(mobilenet_v2(0.35))
    {2: 'block_1', 4: 'block_3', 8: 'block_6', 16: 'block_13', 32: 'block_17'}
    """
    return {stride: name for name, stride in block_strides(network).items()}


def block_strides(network: Sequential) -> dict[str, int]:
    """The stride of each block's output, but for those at which height and width differ in it.

    >>> from npconv.models import mobilenet_v1
    >>> list(block_strides(mobilenet_v1(0.25, output_stride=8)).values())
    [2, 4, 4, 8, 8, 8, 8, 8, 8, 8, 8, 8, 8]
    """
    strides: dict[str, int] = {}
    stride = np.ones(2, np.int64)  # along height and width
    for name, layer in network.layers.items():
        for leaf in layer.leaves():
            if isinstance(leaf, Linear):
                stride = stride * leaf.geometry.get("stride", 1)
        if name.startswith("block_") and stride[0] == stride[1]:
            strides[name] = int(stride[0])
    return strides


def _names(network: Sequential, prefix: str = "") -> Iterator[str]:
    """The names of all layers, with dots, in the order in which their outputs are there."""
    for name, layer in network.layers.items():
        if isinstance(layer, Sequential):
            yield from _names(layer, f"{prefix}{name}.")
        yield prefix + name


def _neighbours(network: Sequential, name: str) -> list[str]:
    """The layers that stand where a layer of that name would stand."""
    prefix = ""
    for part in name.split("."):
        layer = network.layers.get(part)
        if not isinstance(layer, Sequential):
            break
        network, prefix = layer, f"{prefix}{part}."
    return [prefix + own for own in network.layers]


def cut_behind(network: Sequential, name: str) -> dict[str, Layer]:
    """A row's layers up to the one of that name; a block that it is inside of becomes a row of its first layers.

    >>> from npconv.models import mobilenet_v1
    >>> layers = cut_behind(mobilenet_v1(0.25), "block_2.depthwise_norm")
    >>> list(layers), list(layers["block_2"].layers)
    (['stem', 'stem_norm', 'stem_relu6', 'block_1', 'block_2'], ['depthwise', 'depthwise_norm'])
    """
    own, _, inside = name.partition(".")
    layers: dict[str, Layer] = {}
    for each, layer in network.layers.items():
        layers[each] = layer
        if each == own:
            if inside:
                assert isinstance(layer, Sequential)
                layers[each] = Sequential(cut_behind(layer, inside))
            break
    return layers


def forked(network: Sequential, forks: Mapping[str, Fork], prefix: str = "", *, cut: bool = True) -> Sequential:
    """A row of the same layers with the forks behind theirs; with `cut` the last fork ends it.

    A block that is cut off so is a row like any other: its shortcut is added behind the cut.
    """
    *_, last = forks
    layers: dict[str, Layer] = {}
    for own, layer in network.layers.items():
        name = prefix + own
        layers[own] = forked(layer, forks, f"{name}.", cut=cut) if isinstance(layer, Sequential) else layer
        if name in forks:
            layers[f"{own} map"] = forks[name]
        if cut and (name == last or last.startswith(f"{name}.")):
            return Sequential(layers)
    return network.with_layers(layers)

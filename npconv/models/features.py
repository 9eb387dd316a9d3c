"""A network's maps on the way, handed out to heads, and the heads' gradients taken back in."""

import copy
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


class Tap(Layer):
    """Hands x on and keeps it; backward adds `dmap`, what the heads that took x send back.

    >>> tap, x = Tap(), np.ones((1, 2, 2, 1))
    >>> tap.forward(x) is tap.map is x
    True
    >>> tap.dmap = 3 * x
    >>> np.array_equal(tap.backward(2 * x), 5 * x)
    True
    """

    dmap: Array

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
        """dy, which came through the layers behind, plus `dmap`."""
        return dy + self.dmap


class FeatureExtractor:
    """A network's layers up to the last map that is asked for, with a `Tap` behind each layer whose map it is.

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
        self.names = wanted(network, strides)
        self.taps = {name: Tap() for name in self.names.values()}
        self.row = _tapped(network, self.taps)
        used = {id(leaf) for leaf in self.row.leaves()}
        self.behind = [leaf for leaf in network.leaves() if id(leaf) not in used and leaf.params]

    def forward(self, x: Array, training: bool = False) -> dict[int | str, Array]:
        """The maps, by what was asked for."""
        self.row.forward(x, training)
        return {key: self.taps[name].map for key, name in self.names.items()}

    def backward(self, dfeatures: Mapping[int | str, Array]) -> Array:
        """dx: all that the heads send back, each part from where its map was taken."""
        self._check(dfeatures)
        for leaf in self.behind:
            for gradient in leaf.grads.values():
                gradient[...] = 0
        for name, tap in self.taps.items():
            tap.dmap = reduce(np.add, (dfeatures[key] for key, own in self.names.items() if own == name))
        *_, last = self.taps.values()
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
            argument, dmap, shape = f"dfeatures[{key!r}]", dfeatures[key], self.taps[name].map.shape
            if not isinstance(dmap, np.ndarray) or dmap.dtype.kind not in arguments.REAL:
                got = f"dtype {dmap.dtype}" if isinstance(dmap, np.ndarray) else type(dmap).__name__
                raise TypeError(f"{function}: {argument} must be a numpy.ndarray of real floats; got {got}")
            if dmap.shape != shape:
                raise ValueError(f"{function}: {argument} must be {shape}, as its map; got {dmap.shape}")


def wanted(network: Sequential, strides: Any) -> dict[int | str, str]:
    """From what is asked for to the name of the layer whose output it is, in the order of forward.

    An int is the stride of a map; None asks for all of `DEFAULT_STRIDES` that there are.

    >>> from npconv.models import mobilenet_v1
    >>> wanted(mobilenet_v1(0.25, output_stride=16), ("classifier", "stem", 16))
    {'stem': 'stem', 16: 'block_13', 'classifier': 'classifier'}
    """
    ends = last_blocks(network)
    if strides is None:
        strides = [stride for stride in DEFAULT_STRIDES if stride in ends]
    expected = f"{FUNCTION}: strides must be a sequence of ints and layers' names"
    if isinstance(strides, str) or not isinstance(strides, Sequence | np.ndarray):
        raise TypeError(f"{expected}; got {strides!r}")
    order = list(_names(network))
    asked: dict[int | str, str] = {}
    for key in strides:
        if not (isinstance(key, str) or arguments.is_int(key)):
            raise TypeError(f"{expected}; got {key!r} in it")
        if isinstance(key, str) and key not in order:
            raise ValueError(f"{FUNCTION}: there is no layer {key!r}; there are {', '.join(_neighbours(network, key))}")
        if not isinstance(key, str) and key not in ends:
            raise ValueError(f"{FUNCTION}: no block ends at stride {key}; blocks end at {', '.join(map(str, ends))}")
        asked[key if isinstance(key, str) else int(key)] = key if isinstance(key, str) else ends[key]
    if not asked:
        raise ValueError(f"{expected}, at least one; blocks end at {', '.join(map(str, ends)) or 'no stride'}")
    return dict(sorted(asked.items(), key=lambda item: order.index(item[1])))


def last_blocks(network: Sequential) -> dict[int, str]:
    """The name of the last block at each stride, from the strides of the layers' convolutions.

    >>> from npconv.models import mobilenet_v2
    >>> last_blocks(mobilenet_v2(0.35))
    {2: 'block_1', 4: 'block_3', 8: 'block_6', 16: 'block_13', 32: 'block_17'}
    """
    ends: dict[int, str] = {}
    stride = np.ones(2, int)  # along height and width
    for name, layer in network.layers.items():
        for leaf in layer.leaves():
            if isinstance(leaf, Linear):
                stride = stride * leaf.geometry.get("stride", 1)
        if name.startswith("block_") and stride[0] == stride[1]:
            ends[int(stride[0])] = name
    return ends


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


def _tapped(network: Sequential, taps: Mapping[str, Tap], prefix: str = "") -> Sequential:
    """A row of the same layers with the taps behind theirs; where the last tap is inside, it ends the row.

    A block that is cut off so is a row like any other: its shortcut is added behind the cut.
    """
    *_, last = taps
    layers: dict[str, Layer] = {}
    for own, layer in network.layers.items():
        name = prefix + own
        layers[own] = _tapped(layer, taps, f"{name}.") if isinstance(layer, Sequential) else layer
        if name in taps:
            layers[f"{own} map"] = taps[name]
        if name == last or last.startswith(f"{name}."):
            return Sequential(layers)
    twin = copy.copy(network)
    twin._adopt(layers)
    return twin

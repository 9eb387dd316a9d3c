"""Networks with heads: a MobileNet and layers on its maps, their files, and the way of gradients back through it."""

import json
import reprlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields, replace
from itertools import takewhile
from pathlib import Path
from typing import Any, ClassVar, NamedTuple, TypeVar

import numpy as np

from ..cost import Cost
from ..files import as_npz, parse_json, read_npz, write_whole
from ..kernels import arguments
from ..kernels.geometry import Array
from ..layers import BatchNorm, Layer, Sequential
from ..layers.composite import Composite, Row
from ..layers.convolution import Linear
from ..layers.layer import fill
from ..layers.normalization import CONVENTIONS, OPTIONS, check_options
from .conventions import check_conventions
from .features import Fork, forked, last_blocks
from .network import CONVENTIONS as FILES_CONVENTIONS, SPECIFICATION, MobileNet, is_folded, recorded

Self = TypeVar("Self", bound="NetworkWithHeads")
InARow = TypeVar("InARow", bound=Sequential)


class NetworkWithHeads(Composite):
    """A MobileNet with layers on its maps. A subclass says in `forward` and `backward` what becomes of the maps.

    `layers` begin with network, the MobileNet up to its last layer before the pool; it shares its arrays with the one
    that was given. Maps are taken from inside it, behind the layers that `taken` names, and from its end. `rows` are
    its layers in rows, each of which but the last ends with a `Fork`, or with a block that has a shortcut around one.
    `options` are all that the whole is built from besides its network. `builder` is the function that builds it, `kind`
    says in a word what it is, and `unseen` are the names of options that no array's shape shows.
    """

    builder: ClassVar[str]
    kind: ClassVar[str]
    unseen: ClassVar[tuple[str, ...]]

    def __init__(self, layers: Mapping[str, Layer], options: Any, taken: Sequence[str]) -> None:
        self.options, self.taken = options, tuple(taken)
        super().__init__(layers)

    @property
    def network(self) -> MobileNet:
        """The MobileNet without its pool and classifier."""
        network = self.layers["network"]
        assert isinstance(network, MobileNet)
        return network

    def map_shapes(self, input_shape: tuple[int, ...]) -> list[tuple[int, ...]]:
        """The shapes of the maps that are taken from the network, from the images' shape, batch included."""
        self._image_shape("map_shapes", input_shape)
        names = [*(f"{name} map" for name in self.taken), list(self._row.layers)[-1]]
        return list(self._row.feature_shapes(input_shape, names).values())

    def cost(self, input_shape: tuple[int, ...], *, space_to_batch: bool = False) -> Cost:
        """The cost of forward, whose parts are the layers'.

        With `space_to_batch` dilated convolutions are counted as TensorFlow computes them, on sides that are rounded up
        to multiples of the rate: a map is divided into rate² maps of the same size. Raises TypeError or ValueError for
        another shape.
        """
        shape = self._image_shape("cost", input_shape)
        arguments.boolean(f"{type(self).__name__}.cost", "space_to_batch", space_to_batch)
        costs = {
            name: space_to_batch_cost(self.layers[name], taken) if space_to_batch else self.layers[name].cost(taken)
            for name, taken in self.input_shapes(shape).items()
        }
        macs, additions, params = (
            sum(getattr(cost, what) for cost in costs.values()) for what in ("macs", "additions", "params")
        )
        return Cost(macs, additions + self._sums(shape), params, self._shape_of_output(shape), costs)

    def described(self) -> dict[str, Any]:
        """The network as JSON has it: the function that builds it, its arguments, and its MobileNet."""
        *_, last = self.params.values()
        return {
            "builder": self.builder,
            "arguments": recorded(asdict(self.options) | {"dtype": last.dtype}),
            "network": self.network.described(),
            "folded": is_folded(self),
        }

    def save(self, path: str | Path) -> None:
        """Write params, state and the specification to an .npz file, whole or not at all.

        `read_network` builds the network from the file alone. Raises OSError where it cannot be written.
        """
        file = arguments.as_path(f"{type(self).__name__}.save", "path", path)
        write_whole(file, as_npz(self.arrays() | {SPECIFICATION: np.array(json.dumps(self.described()))}))

    def load(self, path: str | Path) -> None:
        """Take params and state from an .npz file that `save` wrote for a network like this one.

        Raises OSError where there is no such file, ValueError for a MobileNet's file, for that of a network with other
        options, as conventions or the layers whose maps are taken, or as `Layer.load`; then nothing is changed.
        """
        function = f"{type(self).__name__}.load"
        file = arguments.as_path(function, "path", path)
        arrays = read_npz(file)
        if FILES_CONVENTIONS in arrays:
            raise ValueError(f"{function}: {file} is of a MobileNet, and of no {self.kind}; read_network reads it")
        here, text = self._unseen(self.described()), arrays.pop(SPECIFICATION, None)
        try:
            told = self.described() if text is None else parse_json(str(text))
            foreign = told["builder"] != self.builder
            there = here if foreign else self._unseen(told)
        except (ValueError, TypeError, KeyError) as error:
            raise ValueError(f"{function}: {file} has a specification that can't be read: {error}") from error
        if foreign:
            made = f"is of what {told['builder']} builds, and not of what {self.builder} does"
            raise ValueError(f"{function}: {file} {made}; read_network reads it")
        differing = [
            f"{name} {reprlib.repr(there.get(name))} where this one has {reprlib.repr(own)}"
            for name, own in here.items()
            if there.get(name) != own
        ]
        if differing:
            raise ValueError(
                f"{function}: {file} is of another {self.kind}, with {'; '.join(differing)}; read_network builds it"
            )
        fill(self.arrays(), arrays, f"{function}: {file}")

    def folded(self: Self) -> Self:
        """A copy for inference, with batch normalisation folded."""
        layers = {name: layer.folded() for name, layer in self.layers.items()}
        return self.with_layers(layers | {"network": self._row.folded()})  # where the maps' places are kept

    def forget(self) -> None:
        """Drop what the layers stored."""
        super().forget()
        for part in self._parts:
            part.forget()

    def _facts(self) -> list[str]:
        own = {each.name: getattr(self.options, each.name) for each in fields(self.options)}
        return [f"{name} {value}" for name, value in own.items() if isinstance(value, str | int)]

    def _shape_of_output(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The output's shape from the images'."""
        raise NotImplementedError

    def _sums(self, input_shape: tuple[int, ...]) -> int:
        """The additions between the layers."""
        return 0

    def _adopt(self, layers: dict[str, Layer]) -> None:
        super()._adopt(layers)
        row: Sequential = self.network
        if self.taken and not forks(row):  # a folded network has them
            row = forked(row, {name: Fork() for name in self.taken}, cut=False)
        assert isinstance(row, MobileNet)
        self._row, self.rows = row, [layers for layers in _rows(row) if layers]
        self._parts = [Sequential(*(layer for _, layer in layers)) for layers in self.rows]

    def _maps(self, x: Array, training: bool = False) -> Iterator[Array]:
        """The network's maps, each computed when it is asked for, the last one's behind those from inside."""
        for part in self._parts:
            x = part.forward(x, training)
            yield from (fork.map for fork in forks(part))
        yield x

    def _maps_through(self, run: Callable[[str, Row, Array], Array], x: Array) -> Iterator[Array]:
        """The same for `through`."""
        for row, part in zip(self.rows, self._parts, strict=True):
            if forks(part) and not isinstance(row[-1][1], Fork):  # a block with a shortcut, which is not for `run`
                x = part.forward(x)
                yield from [fork.map for fork in forks(part)]
                part.forget()
            else:
                x = run("network", [(name, layer) for name, layer in row if not isinstance(layer, Fork)], x)
                yield from [x] * len(forks(part))
        yield x

    def _maps_backward(self, dmaps: Sequence[Array]) -> Array:
        """dx, from the gradients of the maps, in the order of `_maps`."""
        *inside, d = dmaps
        for fork, dmap in zip(forks(self._row), inside, strict=True):
            fork.dmap = dmap
        return back_through(self._parts, d)

    def _image_shape(self, method: str, input_shape: Any) -> tuple[int, ...]:
        """The shape of images, checked for a method with that argument."""
        shape = arguments.sizes(f"{type(self).__name__}.{method}", "input_shape", input_shape)
        self._check_images(method, shape)
        return shape

    def _check_images(self, method: str, shape: tuple[int, ...]) -> None:
        """Raise ValueError for a shape that is not images', or whose images are smaller than the network's stride."""
        function = f"{type(self).__name__}.{method}"
        self.network.check_images(function, shape)
        stride = max(last_blocks(self.network), default=1)
        if min(shape[1:3]) < stride:
            raise ValueError(
                f"{function}: x must be images of at least {stride}×{stride}, the network's stride; got {shape}"
            )

    def _unseen(self, described: Mapping[str, Any]) -> dict[str, Any]:
        """The arguments, of those that a network is described by, that no array's shape shows."""
        own = {name: described["arguments"][name] for name in self.unseen}
        return own | {"its network's conventions": described["network"]["arguments"].get("conventions")}


def back_through(parts: Sequence[Layer], d: Array) -> Array:
    """A gradient behind layers in a row, back through all of them."""
    for part in reversed(parts):
        d = part.backward(d)
    return d


def forks(layer: Layer) -> list[Fork]:
    """The forks in a layer, in the order of forward."""
    return [leaf for leaf in layer.leaves() if isinstance(leaf, Fork)]


def without_forks(row: InARow) -> InARow:
    """A row of the same layers without forks."""
    layers = {name: layer for name, layer in row.layers.items() if not isinstance(layer, Fork)}
    return row.with_layers(
        {
            name: without_forks(layer) if isinstance(layer, Sequential) and forks(layer) else layer
            for name, layer in layers.items()
        }
    )


def _rows(network: Sequential, before: str = "") -> list[Row]:
    """The layers of a row, cut behind each `Fork`, or behind the block where a shortcut goes around it."""
    rows: list[Row] = [[]]
    for name, layer in network.layers.items():
        if isinstance(layer, Sequential) and forks(layer) and not getattr(layer, "shortcut", False):
            inside = _rows(layer, f"{before}{name}.")
            rows[-1] += inside[0]
            rows += inside[1:]
        else:
            rows[-1].append((before + name, layer))
            rows += [[]] if forks(layer) else []
    return rows


def space_to_batch_cost(layer: Layer, input_shape: tuple[int, ...]) -> Cost:
    """A layer's cost with dilated convolutions on sides that are rounded up to multiples of the rate.

    >>> from npconv.layers import Conv2D
    >>> layer = Conv2D(1, 1, 3, padding="same", dilation=6)
    >>> layer.cost((1, 33, 30, 1)).macs / 9, space_to_batch_cost(layer, (1, 33, 30, 1)).macs / 9  # 36 · 30
    (990.0, 1080.0)
    """
    cost = layer.cost(input_shape)
    if isinstance(layer, Linear) and layer.geometry.get("dilation", 1) != 1:
        batch, *sides, channels = input_shape
        rates = arguments.pair(type(layer).__name__, "dilation", layer.geometry["dilation"])
        whole = (-(-side // rate) * rate for side, rate in zip(sides, rates, strict=True))
        return replace(layer.cost((batch, *whole, channels)), output_shape=cost.output_shape)
    if not isinstance(layer, Composite):
        return cost
    parts = {
        name: space_to_batch_cost(layer.layers[name], own) for name, own in layer.input_shapes(input_shape).items()
    }
    macs, additions = (
        sum(getattr(part, what) - getattr(cost.parts[name], what) for name, part in parts.items())
        for what in ("macs", "additions")
    )
    return replace(cost, macs=cost.macs + macs, additions=cost.additions + additions, parts=parts)


class Trunk(NamedTuple):
    """A MobileNet for heads, and what the layers on it have in common: their conventions and options.

    `network` has no pool; `batch_norm` are options of `BatchNorm`, `shared` those of convolutions: seed and dtype.
    """

    network: MobileNet
    conventions: str
    batch_norm: dict[str, Any]
    shared: dict[str, Any]

    def width(self, name: str) -> int:
        """The channels of a layer's output."""
        side = max(last_blocks(self.network), default=1)
        return self.network.feature_shapes((1, side, side, self.network.in_channels), (name,))[name][-1]


def trunk_of(
    function: str, network: MobileNet, conventions: str | None, batch_norm: Mapping[str, Any] | None,
    seed: int | np.random.Generator, dtype: Any,
) -> Trunk:  # fmt: skip
    """The trunk from the arguments of the function that builds heads on it; None is the network's own.

    Raises TypeError or ValueError for a network that is no MobileNet and for other options.
    """
    arguments.instance(function, "network", network, MobileNet)
    check_options(function, batch_norm)
    conventions = network.specification.conventions if conventions is None else conventions
    check_conventions(function, conventions)
    norm = next((leaf for leaf in network.leaves() if isinstance(leaf, BatchNorm)), None)
    own = dict(CONVENTIONS[conventions]) if norm is None else {name: getattr(norm, name) for name in OPTIONS}
    dtype = next(iter(network.params.values())).dtype if dtype is None else dtype
    shared = {"seed": arguments.generator(function, seed), "dtype": dtype}
    layers = {name: network.layers[name] for name in takewhile("pool".__ne__, network.layers)}
    return Trunk(network.with_layers(layers), conventions, own if batch_norm is None else dict(batch_norm), shared)

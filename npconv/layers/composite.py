"""Layers by name in one layer, which holds their arrays and decides itself how they follow each other."""

import copy
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias, TypeVar

from ..kernels.geometry import Array
from .layer import Layer

Self = TypeVar("Self", bound="Composite")
Row: TypeAlias = list[tuple[str, Layer]]


class Composite(Layer):
    """Layers by name in one layer. A subclass says in `forward` and `backward` how they follow each other.

    `layers` holds them by name. In `params`, `grads` and `state` a layer's arrays stand under its name, a dot, and
    theirs: "stem.kernel".

    Raises:
        TypeError: something else than a layer, or than a str for its name.
        ValueError: no layer at all, the same layer twice, or a name with a dot in it.

    >>> from npconv.layers import Dense
    >>> list(Composite({"a": Dense(2, 3), "b": Dense(2, 3)}).params)
    ['a.kernel', 'a.bias', 'b.kernel', 'b.bias']
    """

    ending = "join"  # a word for what makes the output of the layers', as it stands in summaries

    def __init__(self, layers: Mapping[str, Layer]) -> None:
        super().__init__()
        self._adopt(self._checked(dict(layers)))

    def with_layers(self: Self, layers: Mapping[str, Layer]) -> Self:
        """The same kind of layer, with all that it has of its own, around other layers, which are taken and not copied.

        So it shares the layers' arrays and their stored inputs with all other holders of these layers; itself it stores
        no forward. Raises TypeError or ValueError as the class does.

        >>> from npconv.layers import Conv2D, ReLU6, Sequential
        >>> network = Sequential({"stem": Conv2D(3, 8, 3, seed=1), "relu6": ReLU6()})
        >>> linear = network.with_layers({"stem": network.layers["stem"]})
        >>> list(linear.layers), linear.params["stem.kernel"] is network.params["stem.kernel"]
        (['stem'], True)
        """
        named = self._checked(dict(layers))
        twin = copy.copy(self)
        twin._adopt(named)
        return twin

    def _checked(self, named: dict[str, Any]) -> dict[str, Layer]:
        """Layers by name, once they are layers, each its own, with names that have no dot."""
        seen: dict[int, str] = {}
        for name, layer in named.items():
            if not isinstance(layer, Layer):
                raise TypeError(f"{type(self).__name__}: layers must be Layers; got {type(layer).__name__} as {name}")
            if not isinstance(name, str):
                raise TypeError(f"{type(self).__name__}: a layer's name must be a str; got {name!r}")
            if "." in name:
                raise ValueError(f"{type(self).__name__}: a layer's name must have no dot; got {name!r}")
            for leaf in layer.leaves():
                if id(leaf) in seen:
                    raise ValueError(
                        f"{type(self).__name__}: each layer must be one of its own, as it remembers its last input; "
                        f"{name} is, or holds, the layer that {seen[id(leaf)]} is or holds"
                    )
            seen |= {id(leaf): name for leaf in layer.leaves()}
        if not named:
            raise ValueError(f"{type(self).__name__}: layers must be at least one")
        return named

    def input_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shape that each layer takes, by its name, where x has `input_shape`, batch included."""
        raise NotImplementedError

    def through(self, run: Callable[[str, Row, Array], Array], x: Array) -> Array:
        """forward for inference, with every row of layers computed by `run(name, row, x)`, which keeps its x."""
        raise NotImplementedError

    def forget(self) -> None:
        """Drop what the layers stored."""
        super().forget()
        for layer in self.layers.values():
            layer.forget()

    def leaves(self) -> Iterator[Layer]:
        """The leaves of every layer, in the order of forward."""
        for layer in self.layers.values():
            yield from layer.leaves()

    def _adopt(self, layers: dict[str, Layer]) -> None:
        """Take layers for one's own, and their arrays under their names."""
        self.layers = layers
        for kind in ("params", "grads", "state"):
            arrays: dict[str, Any] = {
                f"{name}.{key}": a for name, layer in layers.items() for key, a in getattr(layer, kind).items()
            }
            setattr(self, kind, arrays)

    def _facts(self) -> list[str]:
        return []

    def __repr__(self) -> str:
        own = super().__repr__().removesuffix("()")  # brackets with nothing in them would look like no layers
        inside = (f"{name}: {layer!r}" for name, layer in self.layers.items())
        return "\n".join([own, *inside]).replace("\n", "\n  ")

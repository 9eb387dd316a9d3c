"""Layers in a row, which are a layer again."""

import copy
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeVar

from ..cost import Cost
from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.normalization import fold_batch_norm
from .chain import LayerChain, chain_at
from .convolution import Linear
from .layer import Layer
from .normalization import BatchNorm

Self = TypeVar("Self", bound="Sequential")


class Sequential(Layer):
    """Layers in a row: forward through all of them in order, backward in reverse.

    Args:
        layers: layers, which are then named "0", "1", …, or one mapping from names to layers. A name has no dot.

    `layers` holds them by name. In `params`, `grads` and `state` a layer's arrays stand under its name, a dot, and
    theirs: "stem.kernel".

    Raises:
        TypeError: something else than a layer, or than a str for its name.
        ValueError: no layer at all, the same layer twice, or a name with a dot in it.

    >>> from npconv.layers import Conv2D, ReLU6
    >>> network = Sequential({"stem": Conv2D(3, 8, 3, seed=1), "relu6": ReLU6()})
    >>> network.forward(np.ones((2, 7, 6, 3))).shape, list(network.params)
    ((2, 5, 4, 8), ['stem.kernel'])
    """

    _passed: Sequence[Layer | LayerChain] = ()  # what the last forward went through

    def __init__(self, *layers: Layer | Mapping[str, Layer]) -> None:
        super().__init__()
        named: dict[str, Any] = {str(number): layer for number, layer in enumerate(layers)}
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = dict(layers[0])
        self._adopt(self._checked(named))

    def with_layers(self: Self, layers: Mapping[str, Layer]) -> Self:
        """The same kind of layer, with all that it has of its own, around other layers, which are taken and not copied.

        So it shares the layers' arrays and their stored inputs with all other holders of these layers; itself it stores
        no forward. Raises TypeError or ValueError as the class does.

        >>> from npconv.layers import Conv2D, ReLU6
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

    def forward(self, x: Array, training: bool = False) -> Array:
        """x through every layer; in training convolutions with their normalisation are one `LayerChain`."""
        self._drop_passed()
        todo: list[Layer] = list(self.layers.values())
        passed: list[Layer | LayerChain] = []
        while todo:
            chain = chain_at(todo, x) if training else None
            x = (chain or todo[0]).forward(x, training)
            passed.append(chain or todo[0])
            del todo[: len(chain.layers) if chain else 1]
        self._passed = passed
        return x

    def backward(self, dy: Array) -> Array:
        """dy back through every layer."""
        for passed in reversed(self._passed or self.layers.values()):
            dy = passed.backward(dy)
        return dy

    def cost(self, input_shape: tuple[int, ...]) -> Cost:
        """The sum of the layers' costs, which are its parts."""
        parts: dict[str, Cost] = {}
        shape = arguments.sizes(f"{type(self).__name__}.cost", "input_shape", input_shape)
        for name, layer in self.layers.items():
            parts[name] = layer.cost(shape)
            shape = parts[name].output_shape
        costs = parts.values()
        return Cost(
            sum(c.macs for c in costs), sum(c.additions for c in costs), sum(c.params for c in costs), shape, parts
        )

    def folded(self: Self) -> Self:
        """A copy for inference: each `BatchNorm` folded into the convolution or dense layer right before it.

        One that stands behind something else, as behind a `Sequential` that ends in a convolution, stays as it is.
        """
        folded: dict[str, Layer] = {}
        last = ""
        for name, layer in self.layers.items():
            before = folded.get(last)
            if isinstance(layer, BatchNorm) and isinstance(before, Linear):
                kernel, bias = fold_batch_norm(
                    before.params["kernel"], *layer.params.values(), *layer.state.values(),
                    bias=before.params.get("bias"), epsilon=layer.epsilon,
                )  # fmt: skip
                folded[last] = before.with_arrays(kernel, bias, layer.epsilon)
            else:
                folded[name] = layer.folded()
                last = name
        return self.with_layers(folded)

    def forget(self) -> None:
        """Drop what the layers stored."""
        super().forget()
        self._drop_passed()
        for layer in self.layers.values():
            layer.forget()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_passed": ()}

    def _drop_passed(self) -> None:
        """Drop what the last forward went through."""
        for passed in self._passed:
            if isinstance(passed, LayerChain):
                passed.forget()
        self._passed = ()

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

    def __repr__(self) -> str:
        inner = "\n".join(f"{name}: {layer!r}" for name, layer in self.layers.items())
        return f"{type(self).__name__}(\n  " + inner.replace("\n", "\n  ") + "\n)"

"""Layers in a row, which are a layer again."""

from collections.abc import Mapping, Sequence
from typing import Any, TypeVar

from ..cost import Cost
from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.normalization import fold_batch_norm
from .chain import LayerChain, chain_at
from .composite import Composite
from .convolution import Linear
from .layer import Layer
from .normalization import BatchNorm

Self = TypeVar("Self", bound="Sequential")


class Sequential(Composite):
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
        named: dict[str, Any] = {str(number): layer for number, layer in enumerate(layers)}
        if len(layers) == 1 and isinstance(layers[0], Mapping):
            named = dict(layers[0])
        super().__init__(named)

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

    def input_shapes(self, input_shape: tuple[int, ...]) -> dict[str, tuple[int, ...]]:
        """The shape that each layer takes: x's, then the output's of the layer before."""
        outputs = (part.output_shape for part in self.cost(input_shape).parts.values())
        return dict(zip(self.layers, (input_shape, *outputs), strict=False))

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

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_passed": ()}

    def _drop_passed(self) -> None:
        """Drop what the last forward went through."""
        for passed in self._passed:
            if isinstance(passed, LayerChain):
                passed.forget()
        self._passed = ()

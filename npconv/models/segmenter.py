"""Segmentation networks: a MobileNet and a head that gives a score to each class at each pixel."""

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

from ..kernels import arguments
from ..kernels.geometry import Array
from ..kernels.resize import resize_bilinear, resize_bilinear_backward
from ..layers import Sequential
from ..layers.composite import Row
from .features import cut_behind, layer_at
from .inference import Inference
from .with_heads import NetworkWithHeads, Trunk

Run: TypeAlias = Callable[[str, Array], Array]  # the output of a layer by its name


class Segmenter(NetworkWithHeads):
    """A network with a head for segmentation: logits for each class at each pixel of its images.

    `lr_aspp` and `deeplab_v3` build them. `forward` gives (B, Dᵤ, Dᵤ, C) for images (B, Dᵤ, Dᵤ, M): the head's logits
    have the size of one of the network's maps, and are resized to the images'. `scores` gives them at their own size,
    `segment` each pixel's class. A subclass says in `_head` and `_head_backward` what becomes of the maps.

    Published heads have dropout while they are trained. Dropout does nothing in inference, and is left out.
    """

    kind = "segmentation network"
    ending = "resize"
    _resizes = True

    @property
    def classes(self) -> int:
        """C, with the background, where that is a class."""
        classes: int = self.options.classes
        return classes

    @property
    def align(self) -> str:
        """The places of the logits' pixels among the images', as in `resize_bilinear`."""
        return "half_pixel"

    def forward(self, x: Array, training: bool = False) -> Array:
        """The logits of each pixel, (B, Dᵤ, Dᵤ, C), for images x, (B, Dᵤ, Dᵤ, M).

        Raises ValueError for x of another shape, and for images smaller than the network's stride.
        """
        self._check_images("forward", np.shape(x))
        return self.forward_from(list(self._maps(x, training)), x.shape[1:3], training)

    def backward(self, dy: Array) -> Array:
        """dx, from the gradient for the logits; writes `grads`."""
        return self._maps_backward(self.backward_to_maps(dy))

    def forward_from(self, maps: Sequence[Array], size: tuple[int, int], training: bool = False) -> Array:
        """The logits for images of a size, (height, width), from the maps that are taken from the network."""
        scores, remembered = self._head(maps, lambda name, a: self.layers[name].forward(a, training))
        self._saved = scores, size, remembered
        return self._resized(scores, size)

    def backward_to_maps(self, dy: Array) -> list[Array]:
        """The gradients of the maps, from that for the logits; writes those of the head's parameters."""
        scores, size, remembered = self._remember()
        arguments.array_of(f"{type(self).__name__}.backward", "dy", dy, "f")
        shape = (len(scores), *size, self.classes)
        if dy.shape != shape:
            raise ValueError(f"{type(self).__name__}.backward: dy must be {shape}, as forward's output; got {dy.shape}")
        if scores.shape != shape:
            dy = resize_bilinear_backward(dy, scores, size, align=self.align)
        return self._head_backward(dy, remembered)

    def through(self, run: Callable[[str, Row, Array], Array], x: Array) -> Array:
        """forward for inference, with every row of layers computed by `run(name, row, x)`, which keeps its x."""
        self._check_images("forward", np.shape(x))
        return self.through_from(run, list(self._maps_through(run, x)), x.shape[1:3])

    def through_from(
        self, run: Callable[[str, Row, Array], Array], maps: Sequence[Array], size: tuple[int, int]
    ) -> Array:
        """The same for images of a size, from the maps that are taken from the network."""

        def run_layer(name: str, a: Array) -> Array:
            layer = self.layers[name]
            if isinstance(layer, Sequential):
                return run(name, list(layer.layers.items()), a)
            return run("", [(name, layer)], a)

        scores, _ = self._head(maps, run_layer)
        return self._resized(scores, size)

    def scores(self, x: Array) -> Array:
        """The logits at the head's own resolution, before they are resized, `score_shape`; by `Inference`."""
        twin = self.with_layers(self.layers)
        twin._resizes = False
        return Inference(twin).forward(x)

    def score_shape(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        """The shape of `scores` from the images' shape, batch included."""
        *_, last = self.input_shapes(self._image_shape("score_shape", input_shape)).values()
        return (*last[:3], self.classes)

    def segment(self, x: Array) -> Array:
        """The class of each pixel, that of the greatest logit, (B, Dᵤ, Dᵤ) in int64.

        The network is computed by `Inference`; what the last `forward` stored stays as it is.

        >>> from npconv.models import lr_aspp, mobilenet_v2
        >>> lr_aspp(mobilenet_v2(0.35, output_stride=16), 21).segment(np.ones((2, 48, 64, 3), np.float32)).shape
        (2, 48, 64)
        """
        labels: Array = np.argmax(Inference(self).forward(x), axis=-1)
        return labels

    def _resized(self, scores: Array, size: tuple[int, int]) -> Array:
        if scores.shape[1:3] == size or not self._resizes:
            return scores
        return resize_bilinear(scores, size, align=self.align)

    def _head(self, maps: Sequence[Array], run: Run) -> tuple[Array, Any]:
        """The scores from the maps, and what `_head_backward` needs; `run` computes a layer by its name."""
        raise NotImplementedError

    def _head_backward(self, dscores: Array, remembered: Any) -> list[Array]:
        """The gradients of the maps; writes those of the head's parameters."""
        raise NotImplementedError

    def _shape_of_output(self, input_shape: tuple[int, ...]) -> tuple[int, ...]:
        return (*input_shape[:3], self.classes)


def last_map(function: str, trunk: Trunk, high: Any) -> tuple[Trunk, str]:
    """The trunk up to the map that a head takes from its end, and the name of that map's layer.

    None is the papers': V2's last block, without the convolution behind it, which serves the classifier; in V1 and V3
    the last layer before the pool.

    >>> from npconv.models import mobilenet_v2, mobilenet_v3
    >>> from npconv.models.with_heads import trunk_of
    >>> for network in (mobilenet_v2(), mobilenet_v3("small")):
    ...     print(last_map("", trunk_of("", network, None, None, 0, None), None)[1])
    block_17
    last_hard_swish
    """
    network = trunk.network
    if high is None:
        *_, name = (network.specification.architecture == "mobilenet_v2" and network.blocks) or network.layers
    else:
        name = layer_at(function, "high", network, high)
    return trunk._replace(network=network.with_layers(cut_behind(network, name))), name

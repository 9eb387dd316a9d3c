"""Variants of an exercise: what is changed so that npconv's own kernels, and a neighbour's solution, are no answer.

A seed picks options; the docstring states them, and the grader reads the seed from the file. What a variant changes in
the arrays alone, their layout and the orientation of kernels, is done here by turning them; what it changes in the
function, such as the rule of padding, `padded` and `unpadded` do.
"""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ...kernels.geometry import Array

PADDINGS = {"zeros": "constant", "nearest": "edge", "circular": "wrap"}  # to numpy.pad's modes

OPTIONS: dict[str, tuple[Any, ...]] = {
    "channels": ("last", "first"),
    "kernel": ("as it is", "turned"),
    "padding": tuple(PADDINGS),
    "limit": (6, 4, 5, 7, 8),
    "epsilon": ("under the root", "outside the root"),
    "count": ("macs", "flops"),
    "images": ("all", "one"),
    "ratio": ("separable over standard", "standard over separable"),
}
"""What can be chosen, each choice's first option being npconv's own."""

# kind of array: the axes of the channels-first layout, in terms of npconv's
CHANNELS_FIRST = {
    "volume": (0, 3, 1, 2),  # (B, D, D, C) to (B, C, D, D)
    "kernel": (3, 2, 0, 1),  # (Dᵣ, Dᵣ, M, N) to (N, M, Dᵣ, Dᵣ)
    "depthwise": (2, 0, 1),  # (Dᵣ, Dᵣ, C) to (C, Dᵣ, Dᵣ)
    "pointwise": (1, 0),  # (M, N) to (N, M)
}
SPATIAL = {"kernel": (0, 1), "depthwise": (0, 1)}  # the axes along which a kernel of that kind is turned


@dataclass(frozen=True)
class Variant:
    """One option for each choice; the plain exercise where `seed` is None."""

    seed: int | None = None
    channels: str = "last"
    kernel: str = "as it is"
    padding: str = "zeros"
    limit: int = 6
    epsilon: str = "under the root"
    count: str = "macs"
    images: str = "all"
    ratio: str = "separable over standard"

    @property
    def changed(self) -> dict[str, Any]:
        """The choices in which it differs from the plain exercise."""
        return {name: getattr(self, name) for name, options in OPTIONS.items() if getattr(self, name) != options[0]}

    def theirs(self, kind: str, a: Array) -> Array:
        """An array of npconv's layout in the student's, as a copy of its own.

        >>> Variant(channels="first").theirs("volume", np.zeros((2, 5, 4, 3))).shape
        (2, 3, 5, 4)
        """
        if self.kernel == "turned" and kind in SPATIAL:
            a = np.flip(a, SPATIAL[kind])
        if self.channels == "first" and kind in CHANNELS_FIRST:
            a = a.transpose(CHANNELS_FIRST[kind])
        return np.array(a, order="C")  # a copy, and an array of no axes stays one

    def padded(self, x: Array, padding: Sequence[Sequence[int]]) -> Array:
        """x (B, D, D, M) with ((top, bottom), (left, right)) around it, by this variant's rule.

        >>> Variant(padding="circular").padded(np.arange(3.0).reshape(1, 1, 3, 1), ((0, 0), (2, 0)))[0, 0, :, 0]
        array([1., 2., 0., 1., 2.])
        """
        return np.pad(x, ((0, 0), *map(tuple, padding), (0, 0)), mode=PADDINGS[self.padding])  # type: ignore[call-overload, no-any-return]

    def unpadded(self, dpadded: Array, padding: Sequence[Sequence[int]]) -> Array:
        """The adjoint of `padded`: each value's gradients summed over all the places where it stands.

        >>> Variant(padding="circular").unpadded(np.ones((1, 1, 5, 1)), ((0, 0), (2, 0)))[0, 0, :, 0]
        array([1., 2., 2.])
        """
        (top, bottom), (left, right) = padding
        height, width = dpadded.shape[1] - top - bottom, dpadded.shape[2] - left - right
        places = np.arange(1, height * width + 1).reshape(1, height, width, 1)
        source = self.padded(places, padding)[0, :, :, 0]  # where each padded value comes from, 0 for none
        dx = np.zeros((dpadded.shape[0], 1 + height * width, dpadded.shape[3]), dpadded.dtype)
        for row, column in np.ndindex(*source.shape):
            dx[:, source[row, column]] += dpadded[:, row, column]
        return dx[:, 1:].reshape(dpadded.shape[0], height, width, dpadded.shape[3])


def variant_from(choices: Sequence[str], seed: int | None, exercise: str = "") -> Variant:
    """The variant of that seed: at least two of the choices changed, or the one that there is.

    >>> variant_from(("channels", "kernel", "padding"), None).changed
    {}
    >>> len(variant_from(("channels", "kernel", "padding"), 7).changed) >= 2
    True
    """
    if seed is None:
        return Variant()
    generator = random.Random(f"{exercise} {seed}")
    changed = generator.sample(list(choices), generator.randint(min(2, len(choices)), len(choices)))
    options: Mapping[str, Any] = {name: generator.choice(OPTIONS[name][1:]) for name in changed}
    return replace(Variant(seed), **options)

"""Variants of an exercise, for which neither npconv's own kernels nor a neighbour's solution are right.

A seed picks options; the docstring states them, and the grader reads the seed from the file. Changes of the arguments
alone (the layout of arrays, the orientation of kernels, the order of pairs) are made here by rearranging them; for
another rule of padding there are `padded` and `unpadded`.
"""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache
from itertools import product
from typing import Any

import numpy as np

from ...kernels.geometry import Array

IGNORED = 255  # the label of pixels that do not count, in npconv's own masks
PADDINGS = {"zeros": "constant", "nearest": "edge", "circular": "wrap"}  # to numpy.pad's modes

OPTIONS: dict[str, tuple[Any, ...]] = {
    "channels": ("last", "first", "batch last"),
    "filters": ("last", "first"),
    "kernel": ("as it is", "turned"),
    "padding": tuple(PADDINGS),
    "order": ("height first", "width first"),
    "multiplier": ("m·Q + q", "q·M + m"),
    "limit": (6, 4, 5, 7, 8),
    "floor": (0, -1, -2),
    "epsilon": ("under the root", "outside the root"),
    "count": ("macs", "flops"),
    "images": ("all", "one"),
    "ratio": ("separable over standard", "standard over separable"),
    "knee": (3, 2, 4, 6),
    "kinks": ("outside", "inside"),
    "gate": ("hard sigmoid", "sigmoid"),
    "groups": ("in order", "in reverse"),
    "box": ("corners", "spans", "size", "centre"),
    "measure": ("union", "smaller"),
    "codes": ("rows first", "columns first"),
    "scales": ("factors", "divisors"),
    "threshold": ("above", "from"),
    "ties": ("lower", "higher"),
    "points": (101, 11, "all"),
    "precision": ("from there on", "there"),
    "beta": (1, 2, 3),
    "mining": ("image", "batch"),
    "divisor": ("positives", "images"),
    "align": ("half_pixel", "corners", "origin", "end"),
    "rows": ("truth", "prediction"),
    "ignored": (IGNORED, -1),
    "absent": ("left out", "zero", "one"),
    "background": ("counts", "left out"),
    "share": ("kept", "foreground", "images"),
}
"""The choices and their options; each choice's first option is npconv's own."""

WORDS: dict[str, tuple[str, tuple[str, ...]]] = {
    "source": ("multiplier", ("c // Q", "c mod M")),  # the channel that filter c reads
    "other_source": ("multiplier", ("c mod M", "c // Q")),
    "transposed": ("filters", ("N before M", "M before N")),  # the channel axes of a transposed convolution's kernel
    "here": ("filters", ("", " (here with the axes of the channels last)")),
    "deviation": ("epsilon", ("√(variance + epsilon)", "(√variance + epsilon)")),
    "constant": ("epsilon", ("", " Where all values of a channel are the same, √variance is taken for a constant.")),
    "counted": (
        "count",
        (
            "multiplications (MACs), those with the padding's values included",
            "multiplications and additions (FLOPs): a sum of n products has n multiplications and n − 1 additions; "
            "products with the padding's values are included",
        ),
    ),
    "whole": ("images", ("the whole batch", "one image, however large the batch is")),
    "over": (
        "ratio",
        (
            "depthwise separable convolution over those of a standard one",
            "standard convolution over those of a depthwise separable one",
        ),
    ),
    "q_does": ("ratio", ("multiplies", "divides")),
    "q_did": ("ratio", ("divides", "multiplies")),
    "lower": ("kinks", ("0", "−1/2")),  # the derivative of hard-swish at its kinks
    "upper": ("kinks", ("1", "3/2")),
    "gate": ("gate", ("min(max(s + 3, 0), 6)/6", "1/(1 + exp(−s))")),
    "gate_kinks": ("gate", (" The gate's derivative is 1/6 between −3 and 3, and 0 elsewhere: at −3 and 3 too.", "")),
    "box": (
        "box",
        (
            "(top, left, bottom, right)",
            "(top, bottom, left, right)",
            "(top, left, height, width)",
            "(row of the centre, column of the centre, height, width)",
        ),
    ),
    "side": ("box", ("bottom − top + 1", "bottom − top + 1", "height + 1", "height + 1")),  # of a box that is closed
    "measure": ("measure", ("their union", "the smaller of the two")),
    "codes": ("codes", ("(ty, tx, th, tw)", "(tx, ty, tw, th)")),
    "scaled": ("scales", ("multiplied by", "divided by")),
    "suppressed": ("threshold", ("above the threshold", "equal to the threshold or above it")),
    "first": ("ties", ("lower", "higher")),
    "levels": (
        "points",
        (
            "the mean over the recalls 0, 1/100, 2/100, … 1, which are 101",
            "the mean over the recalls 0, 1/10, 2/10, … 1, which are 11",
            "the area under the curve: the sum over the right detections of 1/truths times the precision",
        ),
    ),
    "recalls": ("points", ("101", "11", "")),
    "steps": ("points", ("100", "10", "")),
    "averaged_over": ("points", ("recalls", "recalls", "the truths")),
    "taken": ("precision", ("the highest from there on", "that of the detection")),
    "precision": (
        "precision",
        (
            "the highest precision from the first detection on that reaches it",
            "that of the first detection that reaches it",
        ),
    ),
    "mined": ("mining", ("in each image", "in the whole batch")),
    "divisor": ("divisor", ("positives in the batch, or by 1 if there are none", "images in the batch")),
    "position": ("align", ("(i + ½)·n/o − ½", "i·(n − 1)/(o − 1), or at 0 where o is 1", "i·n/o", "(i + 1)·n/o − 1")),
    "step": ("align", ("n/o", "(n − 1)/(o − 1)", "n/o", "n/o")),
    "rows": ("rows", ("truth", "prediction")),
    "columns": ("rows", ("prediction", "truth")),
    "absent": ("absent", ("others are left out", "others have the IoU 0", "others have the IoU 1")),
    "without": ("absent", ("are left out", "have the IoU 0", "have the IoU 1")),
    "averaged": (
        "background",
        ("all classes, from 0 to classes − 1", "the classes from 1 to classes − 1, without the background, which is 0"),
    ),
    "share": (
        "share",
        (
            "pixels that are not ignored, or by 1 if there are none",
            "pixels of classes above 0, or by 1 if there are none",
            "images in the batch",
        ),
    ),
    "dealt": ("groups", ("j·groups + i", "j·groups + groups − 1 − i")),  # the place of channel j of group i
}
"""The words in braces of the tasks' texts and of the mistakes: the choice on which each depends, a text per option."""

# kind of array: a choice that lays it out, and for each option the axes in terms of npconv's
LAYOUTS: dict[str, tuple[str, dict[str, tuple[int, ...]]]] = {
    "volume": ("channels", {"first": (0, 3, 1, 2), "batch last": (1, 2, 3, 0)}),  # (B, C, D, D) and (D, D, C, B)
    "mask": ("channels", {"batch last": (1, 2, 0)}),  # (D, D, B)
    "kernel": ("filters", {"first": (3, 2, 0, 1)}),  # (N, M, Dᵣ, Dᵣ)
    "depthwise": ("filters", {"first": (2, 0, 1)}),  # (C, Dᵣ, Dᵣ)
    "pointwise": ("filters", {"first": (1, 0)}),  # (N, M)
    "taps": ("filters", {"first": (1, 0)}),  # (M, Dᵣ)
}
BOXES = {"spans": (0, 2, 1, 3), "columns first": (1, 0, 3, 2)}  # the four numbers of a box, or of a code, by option
PAIRS = ("stride", "padding")  # the options that come for height and width
SPATIAL = {"kernel": (0, 1), "depthwise": (0, 1), "taps": (0,)}  # the axes along which a kernel of that kind is turned


@dataclass(frozen=True)
class Variant:
    """One option for each choice; the plain exercise where `seed` is None. `changes` is how many were asked for."""

    seed: int | None = None
    changes: int | None = None
    channels: str = "last"
    filters: str = "last"
    kernel: str = "as it is"
    padding: str = "zeros"
    order: str = "height first"
    multiplier: str = "m·Q + q"
    limit: int = 6
    floor: int = 0
    epsilon: str = "under the root"
    count: str = "macs"
    images: str = "all"
    ratio: str = "separable over standard"
    knee: int = 3
    kinks: str = "outside"
    gate: str = "hard sigmoid"
    groups: str = "in order"
    box: str = "corners"
    measure: str = "union"
    codes: str = "rows first"
    scales: str = "factors"
    threshold: str = "above"
    ties: str = "lower"
    points: int | str = 101
    precision: str = "from there on"
    beta: int = 1
    mining: str = "image"
    divisor: str = "positives"
    align: str = "half_pixel"
    rows: str = "truth"
    ignored: int = IGNORED
    absent: str = "left out"
    background: str = "counts"
    share: str = "kept"

    @property
    def changed(self) -> dict[str, Any]:
        """The choices that differ from the plain exercise."""
        return {name: getattr(self, name) for name, options in OPTIONS.items() if getattr(self, name) != options[0]}

    @property
    def words(self) -> dict[str, Any]:
        """The words that fill the braces of a task's text and of its mistakes.

        >>> Variant(multiplier="q·M + m", limit=4).words["source"], Variant(limit=4).words["limit"]
        ('c mod M', 4)
        """
        said = {word: texts[OPTIONS[choice].index(getattr(self, choice))] for word, (choice, texts) in WORDS.items()}
        numbers = {
            "limit": self.limit,
            "floor": self.floor,
            "knee": self.knee,
            "span": 2 * self.knee,
            "beta": self.beta,
            "ignored": self.ignored,
        }
        return {**said, **numbers}

    @property
    def turned(self) -> bool:
        """True where kernels are turned round in both directions before they are applied."""
        return self.kernel == "turned"

    @property
    def under_the_root(self) -> bool:
        """True where epsilon is added to the variance, and not to its root."""
        return self.epsilon == "under the root"

    @property
    def counts_additions(self) -> bool:
        """True where a cost is in multiplications and additions."""
        return self.count == "flops"

    @property
    def counts_batch(self) -> bool:
        """True where a cost is that of the whole batch."""
        return self.images == "all"

    def ratio_of(self, ratio: Fraction) -> Fraction:
        """A ratio of the separable convolution to the standard one, or its inverse where that is asked for."""
        return ratio if self.ratio == "separable over standard" else 1 / ratio

    def axes(self, kind: str, count: int) -> tuple[int, ...]:
        """The axes of the student's layout of an array, as numbers of npconv's axes.

        >>> Variant(channels="batch last").axes("volume", 4)
        (1, 2, 3, 0)
        """
        choice, layouts = LAYOUTS.get(kind, ("", {}))
        return layouts.get(getattr(self, choice, ""), tuple(range(count)))

    def theirs(self, kind: str, a: Array) -> Array:
        """A copy of an array, from npconv's layout into the student's.

        >>> Variant(channels="first").theirs("volume", np.zeros((2, 5, 4, 3))).shape
        (2, 3, 5, 4)
        """
        if self.turned and kind in SPATIAL:
            a = np.flip(a, SPATIAL[kind])
        if kind == "boxes" and self.box in ("size", "centre"):
            corner, sides = a[..., :2], a[..., 2:] - a[..., :2]
            a = np.concatenate([corner if self.box == "size" else corner + sides / 2, sides], axis=-1)
        if kind == "mask":
            a = np.where(a == IGNORED, self.ignored, a)
        order = BOXES.get({"boxes": self.box, "codes": self.codes}.get(kind, ""))
        a = a.transpose(self.axes(kind, a.ndim)) if order is None else a[..., order]
        return np.array(a, order="C")  # a copy, and an array of no axes stays one

    def ours(self, kind: str, a: Array) -> Array:
        """The inverse of `theirs`: a copy of an array, from the student's layout into npconv's.

        >>> Variant(box="size").ours("boxes", np.array([[1.0, 2.0, 3.0, 5.0]]))
        array([[1., 2., 4., 7.]])
        """
        order = BOXES.get({"boxes": self.box, "codes": self.codes}.get(kind, ""))  # each the inverse of itself
        a = a.transpose(np.argsort(self.axes(kind, a.ndim))) if order is None else a[..., order]
        if kind == "mask":
            a = np.where(a == self.ignored, IGNORED, a)
        if kind == "boxes" and self.box in ("size", "centre"):
            corner = a[..., :2] if self.box == "size" else a[..., :2] - a[..., 2:] / 2
            a = np.concatenate([corner, corner + a[..., 2:]], axis=-1)
        if self.turned and kind in SPATIAL:
            a = np.flip(a, SPATIAL[kind])
        return np.array(a, order="C")

    def their_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """A case's keyword arguments as the student's function gets them: pairs and shapes in their order.

        >>> Variant(order="width first").their_options({"stride": (1, 2), "padding": ((1, 0), (2, 1))})
        {'stride': (2, 1), 'padding': ((2, 1), (1, 0))}
        >>> Variant(channels="first").their_options({"x_shape": (2, 5, 4, 3)})
        {'x_shape': (2, 3, 5, 4)}
        """
        return self._reordered(options, self.axes)

    def our_options(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """The inverse of `their_options`.

        >>> Variant(channels="first").our_options({"x_shape": (2, 3, 5, 4)})
        {'x_shape': (2, 5, 4, 3)}
        """
        return self._reordered(options, lambda kind, count: np.argsort(self.axes(kind, count)))

    def _reordered(self, options: Mapping[str, Any], axes: Callable[[str, int], Iterable[int]]) -> dict[str, Any]:
        """The options with pairs in the other order if the width comes first, and shapes in the order of the axes."""
        found = dict(options)
        for name, value in options.items():
            if name in PAIRS and self.order == "width first":
                found[name] = value[::-1]
            elif kind := kind_of_shape(name):
                found[name] = tuple(value[axis] for axis in axes(kind, len(value)))
        return found

    def padded(self, x: Array, padding: Sequence[Sequence[int]]) -> Array:
        """x (B, D, D, M) with ((top, bottom), (left, right)) around it, by this variant's rule.

        >>> Variant(padding="circular").padded(np.arange(3.0).reshape(1, 1, 3, 1), ((0, 0), (2, 0)))[0, 0, :, 0]
        array([1., 2., 0., 1., 2.])
        """
        return np.pad(x, ((0, 0), *map(tuple, padding), (0, 0)), mode=PADDINGS[self.padding])  # type: ignore[call-overload, no-any-return]

    def unpadded(self, dpadded: Array, padding: Sequence[Sequence[int]]) -> Array:
        """The adjoint of `padded`: each value's gradient is the sum over all its copies.

        >>> Variant(padding="circular").unpadded(np.ones((1, 1, 5, 1)), ((0, 0), (2, 0)))[0, 0, :, 0]
        array([1., 2., 2.])
        """
        (top, bottom), (left, right) = padding
        height, width = dpadded.shape[1] - top - bottom, dpadded.shape[2] - left - right
        source = self.sources(height, width, padding)
        dx = np.zeros((dpadded.shape[0], 1 + height * width, dpadded.shape[3]), dpadded.dtype)
        for row, column in np.ndindex(*source.shape):
            dx[:, source[row, column]] += dpadded[:, row, column]
        return dx[:, 1:].reshape(dpadded.shape[0], height, width, dpadded.shape[3])

    def sources(self, height: int, width: int, padding: Sequence[Sequence[int]]) -> Array:
        """The place that each value of a padded map comes from: 1 + row · width + column, or 0 for none.

        >>> Variant(padding="circular").sources(1, 3, ((0, 0), (2, 0)))
        array([[2, 3, 1, 2, 3]])
        """
        places = np.arange(1, height * width + 1, dtype=np.int64).reshape(1, height, width, 1)
        return self.padded(places, padding)[0, :, :, 0]


def kind_of_shape(option: str) -> str:
    """The kind of array whose shape an option is, such as x_shape, or "".

    >>> kind_of_shape("x_shape"), kind_of_shape("kernel_shape"), kind_of_shape("kernel_size")
    ('volume', 'kernel', '')
    """
    name = option.removesuffix("_shape")
    return "" if name == option else "volume" if name == "x" else name


def variant_from(choices: Sequence[str], seed: int | None, exercise: str = "", changes: int | None = None) -> Variant:
    """The variant of that seed: at least two of the choices changed where there are three or more, else at least one.

    All variants are in an order of the exercise's own, and a seed counts along it, starting again after the last:
    consecutive seeds give different variants until all of them have been used.

    Args:
        choices: the exercise's choices.
        seed: any whole number, or None for the plain exercise.
        exercise: its name.
        changes: change just so many of the choices, or all of them where there are fewer.

    Raises:
        ValueError: there are changes without a seed, or fewer than one.

    >>> variant_from(("channels", "kernel", "padding"), None).changed
    {}
    >>> len(variant_from(("channels", "kernel", "padding"), 7).changed) >= 2
    True
    >>> list(variant_from(("channels", "kernel", "padding"), 7, changes=1).changed)
    ['padding']
    """
    if changes is not None and (seed is None or changes < 1):
        raise ValueError(f"variant_from: changes must be at least 1, with a seed; got {changes} and the seed {seed}")
    if seed is None:
        return Variant()
    variants = _all_variants(tuple(choices), exercise, changes and min(changes, len(choices)))
    return replace(Variant(seed, changes), **variants[seed % len(variants)])


@cache
def _all_variants(choices: tuple[str, ...], exercise: str, changes: int | None) -> list[dict[str, Any]]:
    """All sets of options that change enough, or just so many, in a shuffled order."""
    least, most = (min(2, (len(choices) + 1) // 2), len(choices)) if changes is None else (changes, changes)
    options = [dict(zip(choices, options, strict=True)) for options in product(*(OPTIONS[name] for name in choices))]
    changing = [chosen for chosen in options if least <= len(replace(Variant(), **chosen).changed) <= most]
    return sorted(changing, key=lambda chosen: hashlib.sha256(f"{exercise} {chosen}".encode()).digest())

"""Published names for the arrays of frozen TensorFlow graphs, in which batch normalisation is folded or half folded."""

import re
from collections.abc import Mapping

from ..kernels.geometry import Array

PARTS = {
    "kernel": r"/(?:Conv2D_weights|convolution/merged_input)",
    "depthwise": r"/depthwise_(?:weights|kernel)",
    "bias": r"(?:/(?:Conv2D|convolution|depthwise)_bn_offset|_bn/batchnorm(?:_\d+)?/sub)",
    "factor": r"_bn/batchnorm(?:_\d+)?/mul",
}
PLACE = re.compile("(?P<place>.+?)(?:" + "|".join(f"(?P<{part}>{ending})" for part, ending in PARTS.items()) + ")")
KERAS_ENDINGS = {"kernel": "/kernel", "depthwise": "/kernel", "bias": "/bias"}
SLIM_ENDINGS = {"kernel": "/weights", "depthwise": "/depthwise_weights", "bias": "/biases"}


def frozen_names(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Arrays under the names that they had before their graph was frozen; those of other files stay as they are.

    Where a graph folds batch normalisation, a kernel is "X/Conv2D_weights" and its bias "X/Conv2D_bn_offset". Where it
    folds that of some kernels only, "X_bn/batchnorm_1/mul" is a factor for each channel, which is multiplied into the
    kernel here, and "X_bn/batchnorm_1/sub" the bias. The graph's other constants, such as axes, are left out.

    >>> import numpy as np
    >>> list(frozen_names({"model/block_1_expand/Conv2D_bn_offset": np.ones(96)}))
    ['model/block_1_expand/bias']
    """
    places = {name: (found["place"], found.lastgroup) for name in arrays if (found := PLACE.fullmatch(name))}
    biased = {place for place, part in places.values() if part == "bias"}
    if not biased:
        return dict(arrays)
    factors = {place: arrays[name] for name, (place, part) in places.items() if part == "factor"}
    by_slim = any(_of_slim(place) for place in biased)
    named: dict[str, Array] = {}
    for name, a in arrays.items():
        place, part = places.get(name, (name, None))
        if place not in biased or (by_slim and not _of_slim(place)):  # not folded, or another part of a detector
            if a.ndim > 0 and a.dtype.kind == "f":
                named[_of_slim(name) or name] = a
        elif part in KERAS_ENDINGS:
            slim = _of_slim(place)
            if place in factors and part != "bias":
                a = a * (factors[place][:, None] if part == "depthwise" else factors[place])
            named[slim + SLIM_ENDINGS[part] if slim else place + KERAS_ENDINGS[part]] = a
    return _with_classifier(named)


def _with_classifier(named: dict[str, Array]) -> dict[str, Array]:
    """The arrays, with its family's name for a classifier that is the one layer whose arrays the graph has numbered."""
    roots = {name.split("/")[0] for name in named if name.startswith("MobilenetV")}
    numbered = {name: a for name, a in named.items() if re.fullmatch(r"Func/.*/_\d+", name)}
    kernels, biases = ([a for a in numbered.values() if a.ndim == axes] for axes in (2, 1))
    if not len(roots) == len(kernels) == len(biases) == 1 or kernels[0].shape[1:] != biases[0].shape:
        return named
    place = f"{roots.pop()}/Logits/Conv2d_1c_1x1"
    layer = {f"{place}/weights": kernels[0][None, None], f"{place}/biases": biases[0]}
    return {name: a for name, a in named.items() if name not in numbered} | layer


def _of_slim(name: str) -> str:
    """A name as TF-slim has it, without what is in front; "" for another family's."""
    found = re.search(r"MobilenetV[123]/(?!Mobilenet).*", name)
    return found[0].replace("Conv2d_0_pointwise", "Conv2d_0") if found else ""

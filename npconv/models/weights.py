"""Weights under the names and in the axes of the families that publish them, into a network and out of it."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from ..kernels.arguments import boolean, instance, one_of
from ..kernels.geometry import Array
from ..layers.layer import fill
from .naming import NAMINGS, PUBLISHED, computed_as, named_arrays
from .network import MobileNet
from .plain_names import plain_names as plain_names
from .recognition import Recognised as Recognised, recognise as recognise

CLASSIFIER, HIDDEN = "classifier.", "hidden."
UNUSED = (".num_batches_tracked", "/seed_generator_state")
"""Names of arrays that are no weights: torch's counter for an unset momentum, the random state of Keras's dropout."""


def load_weights(
    model: MobileNet, arrays: Mapping[str, Any], naming: str | None = None, *, classifier: bool = True
) -> None:
    """Take published weights into a network, from a mapping of their names to their arrays.

    Args:
        model: what `mobilenet_v3`, `mobilenet_v2` or `mobilenet_v1` has built, with the conventions of the weights'
            family.
        arrays: a torch state_dict, what safetensors reads, Keras's variables by their path: names as the family has
            them, and anything that np.asarray takes. Axes are put in our order; the numbers are copied.
        naming: the family whose names they are, "keras", "torchvision", "timm", "transformers" or "slim"; the last two
            have the conventions "keras". The model's conventions unless told.
        classifier: False leaves the model's own classifier as it is and passes over that of the arrays: for other
            classes than theirs. Arrays may then lack MobileNetV3's hidden layer too, which stays as it is.

    Of Keras's names the last two parts count, so that a model's name may stand in front, and names of its older files
    are known too, such as "Conv1/kernel:0". Counters and random states, which are no weights, are passed over.

    Raises:
        TypeError: another kind of model, no mapping, what can't be made an array.
        ValueError: another naming than the model's conventions; a model without published weights, or with its batch
            normalisation folded; arrays that don't fit: then all that is missing, left over, of another shape or not of
            real numbers in the range of the model's dtype is listed under the family's names, and nothing is changed.

    >>> from npconv.models import mobilenet_v2
    >>> arrays = export_weights(mobilenet_v2(0.35, 100, seed=1))
    >>> load_weights(mobilenet_v2(0.35, 100), arrays)
    >>> load_weights(mobilenet_v2(0.35, 10), arrays, classifier=False)
    >>> del arrays["Conv1/kernel"]
    >>> load_weights(mobilenet_v2(0.35, 100), arrays)
    Traceback (most recent call last):
    ValueError: load_weights: the arrays don't fit: missing Conv1/kernel (3, 3, 3, 16)
    """
    _check_model("load_weights", model, naming)
    boolean("load_weights", "classifier", classifier)
    own = named_arrays("load_weights", model, naming or model.specification.conventions)
    if not isinstance(arrays, Mapping):
        raise TypeError(f"load_weights: arrays must be a mapping from names to arrays; got {type(arrays).__name__}")
    given = _by_plain_names(arrays)
    _check_names(model, given, own)
    passed = set() if classifier else _head(own, given)
    views = {name: view for name, (_, view) in own.items() if name not in passed}
    try:
        taken = {name: a for name, a in given.items() if name not in passed}
        fill(views, taken, "load_weights: the arrays", list(_unusable(own, taken)))
    except ValueError as error:
        raise ValueError(f"{error}{'' if passed else _advice(own, given)}") from None


def export_weights(model: MobileNet, naming: str | None = None) -> dict[str, Array]:
    """A network's weights under the names and in the axes of a family, its conventions' unless told, copied.

    What `load_weights` takes; torch's load_state_dict takes it as tensors, and a Keras model variable by variable. A
    folded network has kernels and biases.

    Raises:
        TypeError, ValueError: as `load_weights` for the model.

    >>> from npconv.models import mobilenet_v2
    >>> arrays = export_weights(mobilenet_v2(conventions="torchvision"))
    >>> len(arrays), arrays["features.2.conv.1.0.weight"].shape
    (262, (96, 1, 3, 3))
    """
    _check_model("export_weights", model, naming)
    named = named_arrays("export_weights", model, naming or model.specification.conventions)
    return {name: view.copy() for name, (_, view) in named.items()}


def weight_names(model: MobileNet, naming: str | None = None) -> dict[str, str]:
    """The names of the arrays in a family, that of the network's conventions unless told, each with our name.

    Raises:
        TypeError, ValueError: as `load_weights` for the model.

    >>> from npconv.models import mobilenet_v2
    >>> weight_names(mobilenet_v2())["block_1_depthwise_BN/gamma"]
    'block_2.depthwise_norm.scale'
    >>> weight_names(mobilenet_v2(), "slim")["MobilenetV2/expanded_conv_1/depthwise/BatchNorm/gamma"]
    'block_2.depthwise_norm.scale'
    """
    _check_model("weight_names", model, naming)
    named = named_arrays("weight_names", model, naming or model.specification.conventions)
    return {name: ours for name, (ours, _) in named.items()}


def _check_model(function: str, model: Any, naming: str | None = None) -> None:
    """Check that a model is one of ours, and that its conventions are those of the weights."""
    instance(function, "model", model, MobileNet)
    if naming is None:
        return
    if computed_as(one_of(function, "naming", naming, NAMINGS)) != model.specification.conventions:
        raise ValueError(f"{function}: naming is {naming!r}, but {_rebuild(model, naming)}")


def _rebuild(model: MobileNet, naming: str) -> str:
    """The advice how to build a model for a family's weights, and why."""
    architecture, conventions = model.specification.architecture, model.specification.conventions
    if (architecture, naming) not in PUBLISHED:
        return f"{naming} has no {architecture}, and the model is one"
    return (
        f"the model has the padding and batch normalisation of {conventions}, with which they would give other "
        f"numbers; build it by {architecture}(…, conventions={computed_as(naming)!r})"
    )


def _by_plain_names(arrays: Mapping[str, Any]) -> dict[str, Array]:
    """The arrays as arrays, without those that are no weights, Keras's under the last two parts of their names."""
    given: dict[str, Array] = {}
    for name, value in arrays.items():
        if not isinstance(name, str):
            raise TypeError(f"load_weights: the names of arrays must be str; got {name!r}")
        slim = re.search(r"MobilenetV[123]/(?!Mobilenet).*", name)  # whose names have more parts
        plain = slim[0] if slim else "/".join(name.split("/")[-2:])
        plain = plain.removesuffix(":0").replace("/depthwise_kernel", "/kernel")
        if plain.endswith(UNUSED):
            continue
        if plain in given:
            raise ValueError(f"load_weights: arrays must have {plain} once; got it again as {name}")
        if isinstance(value, Mapping):
            raise TypeError(
                f"load_weights: {name} is a mapping: give what it holds, load_weights(model, arrays[{name!r}])"
            )
        try:
            given[plain] = np.asarray(value)
        except (TypeError, ValueError, RuntimeError) as error:
            raise TypeError(
                f"load_weights: {name} can't be made an array: {error}; torch's tensors become one by "
                "value.detach().float().cpu().numpy()"
            ) from error
    return given


def _check_names(model: MobileNet, given: Mapping[str, Array], own: Mapping[str, Any]) -> None:
    """Tell arrays of another family, or under quite other names, from those that merely don't fit."""
    if own.keys() & given.keys() or not given:
        return
    for architecture, naming in PUBLISHED:
        if architecture == model.specification.architecture:
            known = named_arrays("load_weights", model, naming)
            if known.keys() & given.keys():
                raise ValueError(f"load_weights: the arrays have {naming}'s names, but {_rebuild(model, naming)}")
    prefix = next((name[: -len(ours)] for name in given for ours in own if name.endswith(ours)), "")
    advice = f'; without "{prefix}" in front they would be' if prefix else ""
    raise ValueError(
        f"load_weights: arrays must have {model.specification.conventions}'s names, such as {next(iter(own))}; got "
        f"{len(given)} of which none is among them, such as {next(iter(given))}{advice}"
    )


def _head(own: Mapping[str, tuple[str, Array]], given: Mapping[str, Array]) -> set[str]:
    """The names of the classifier, and of a hidden layer that the arrays don't have at all."""
    classifier, hidden = (
        {name for name, (ours, _) in own.items() if ours.startswith(prefix)} for prefix in (CLASSIFIER, HIDDEN)
    )
    return classifier if hidden & given.keys() else classifier | hidden


def _unusable(own: Mapping[str, tuple[str, Array]], given: Mapping[str, Array]) -> Iterator[str]:
    """Arrays that are no weights though their shapes fit: numbers that are not finite, variances below 0."""
    for name, (ours, view) in own.items():
        if name in given and given[name].shape == view.shape and given[name].dtype.kind in "iuf":
            if not np.isfinite(given[name]).all():
                yield f"{name} must be finite"
            elif ours.endswith(".variance") and given[name].min() < 0:
                yield f"{name} must not be negative, got {given[name].min():g}"


def _advice(own: Mapping[str, tuple[str, Array]], given: Mapping[str, Array]) -> str:
    """The advice for a classifier of another size than the model's."""
    [name] = [name for name, (ours, _) in own.items() if ours == f"{CLASSIFIER}bias"]
    if not own.keys() & given.keys():
        return ""
    if name not in given:
        return "; classifier=False keeps the model's own classifier"
    if given[name].shape == own[name][1].shape or given[name].ndim != 1:
        return ""
    return f"; build the model with classes={given[name].size}, or keep its own classifier with classifier=False"

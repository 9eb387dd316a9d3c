"""Weights under the names and in the axes of the families that publish them, into a network and out of it."""

from collections.abc import Mapping
from typing import Any

from ..kernels.arguments import instance, one_of, shown
from ..kernels.geometry import Array
from ..layers.layer import fill
from .advice import advice
from .fitting import advice_for, advice_on_part, unusable
from .folding import as_given, with_identity
from .heads import has_classifier, linear_layers, selected
from .known_names import Own, table_of, weights_in
from .naming import (
    KNOWN,
    NAMINGS,
    Network,
    architecture_of,
    before_end,
    computed_as,
    conventions_of,
    named_arrays,
    own_naming,
)
from .network import MobileNet
from .plain_names import plain_names as plain_names
from .published_heads import HEADS
from .recognition import (
    LEAST,
    Recognised as Recognised,
    best_table,
    heads_of,
    no_mobilenet,
    recognise as recognise,
)
from .segmenter import Segmenter
from .ssdlite import SSDLite


def load_weights(
    model: Network, arrays: Mapping[str, Any], naming: str | None = None, *, classifier: bool | str = True
) -> None:
    """Take published weights into a network, from a mapping of their names to their arrays.

    Args:
        model: what `mobilenet_v3`, `mobilenet_v2` or `mobilenet_v1` has built, with the conventions of the weights'
            family; or an `SSDLite` on the first two, for torchvision's detector and
            TensorFlow's ssdlite_mobilenet_v2; or an `LRASPP` or a `DeepLabV3`, for torchvision's two on MobileNetV3
            and for transformers' and TensorFlow's on MobileNetV2.
        arrays: names and arrays as the family has them, in a mapping or in groups of mappings: a torch state_dict or a
            checkpoint with one, what safetensors or h5py reads, Keras's variables by their path; values are anything
            that np.asarray takes. Axes are put in our order; the numbers are copied.
        naming: the family whose names they are, "keras", "torchvision", "timm", "transformers" or "slim"; the last two
            have the conventions "keras". Unless told, the naming of which most kernels have their name.
        classifier: False keeps the model's own classifier and passes over that of the arrays, whatever it is called:
            for other classes than theirs. V3's hidden layer is kept too where the arrays have none of its size. A name
            such as "dense" or "classifier.3" takes the linear layer that is called so as the classifier. False keeps
            the last convolutions for the classes of a detector or segmentation network; and a MobileNet takes the
            backbone of one then.

    What stands around the names is dealt with: "module." and "state_dict" in front, ":0" behind, optimizers' slots and
    averages beside them, counters and random states, Keras 3's layers by class and number. Two parts of segmentation
    networks give no mask and are passed over: torchvision's auxiliary classifier, and in transformers the last
    convolution of the classification network, whose output the head does not take.

    A folded network takes kernels with biases, and kernels with their normalisation, which is folded on the way.

    Raises:
        TypeError: another kind of model, no mapping, what can't be made an array.
        ValueError: arrays of no MobileNet, of another architecture or with other conventions than the model's; a model
            without published weights; no linear layer of that name; arrays that don't fit: then all that is missing,
            left over, of another shape or not of real numbers in the range of the model's dtype is listed under the
            family's names, and nothing is changed. Where something is known to help, the error says what.

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
    if not isinstance(classifier, bool | str):
        raise TypeError(f"load_weights: classifier must be a bool or the name of a layer; got {shown(classifier)}")
    given = plain_names(arrays)
    if isinstance(model, MobileNet) and classifier is False:
        heads = heads_of(given)
        given = before_end(model, heads.alone(given) if heads else given)
    naming = _naming(model, given, naming, arrays)
    given = _exchanged(model, given, naming)
    network = as_given(model, given, naming)
    own = named_arrays("load_weights", network, naming)
    given = with_identity(own, weights_in(own, given))
    views, taken = selected(own, given, _layer(own, given, classifier))
    try:
        fill(views, taken, "load_weights: the arrays", list(unusable(own, taken)))
    except ValueError as error:
        raise ValueError(f"{error}{advice_for(network, naming, own, given)}") from None
    if network is not model:
        model.load_arrays(network.folded().arrays())


def export_weights(model: Network, naming: str | None = None) -> dict[str, Array]:
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
    naming = naming or own_naming(model)
    named = named_arrays("export_weights", model, naming)
    return _exchanged(model, {name: view.copy() for name, (_, view) in named.items()}, naming)


def weight_names(model: Network, naming: str | None = None) -> dict[str, str]:
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
    named = named_arrays("weight_names", model, naming or own_naming(model))
    return {name: ours for name, (ours, _) in named.items()}


def _check_model(function: str, model: Any, naming: str | None = None) -> None:
    """Check that a model is one of ours, and that its conventions are those of the weights."""
    instance(function, "model", model, MobileNet, SSDLite, Segmenter)
    if naming is None:
        return
    if computed_as(one_of(function, "naming", naming, NAMINGS)) != conventions_of(model):
        raise ValueError(f"{function}: naming is {naming!r}, but {_rebuild(model, naming)}")


def _exchanged(model: Network, arrays: Mapping[str, Array], naming: str) -> dict[str, Array]:
    """Arrays in the order of a family, or back in ours."""
    heads = HEADS.get((architecture_of(model), naming))
    return heads.exchanged(arrays) if heads else dict(arrays)


def _rebuild(model: Network, naming: str) -> str:
    """The advice how to build a model for a family's weights, and why."""
    architecture, conventions = architecture_of(model), conventions_of(model)
    if (architecture, naming) not in KNOWN:
        return f"{naming} has no {architecture}, and the model is one"
    return (
        f"the model has the padding and batch normalisation of {conventions}, with which they would give other numbers"
        + advice("build", call=f"{architecture.split()[-1]}(…, conventions={computed_as(naming)!r})")
    )


def _naming(model: Network, given: Mapping[str, Array], naming: str | None, arrays: Mapping[str, Any]) -> str:
    """The naming of the arrays, once it is the one that was told and one that the model computes as."""
    architecture, conventions = architecture_of(model), conventions_of(model)
    named = [table_of(model, each) for built, each in KNOWN if built == architecture]
    if not given or not named:
        return naming or own_naming(model)
    best = max(named, key=lambda table: (table.share(given), table.naming == (naming or conventions)))
    other = best_table(given)
    if other.share(given) >= LEAST and other.fit(given) > best.fit(given):
        raise ValueError(
            f"load_weights: the arrays are of another network than the model, {other.naming}'s {other.architecture}"
            + (advice_on_part(model, given, other) or advice("build", call=other.call))
        )
    if best.share(given) < LEAST and not best.holds(given):
        raise ValueError(no_mobilenet("load_weights", given, arrays))
    if computed_as(best.naming) != conventions:
        raise ValueError(f"load_weights: the arrays have {best.naming}'s names, but {_rebuild(model, best.naming)}")
    if naming not in (None, best.naming):
        raise ValueError(
            f"load_weights: naming is {naming!r}, but the arrays have {best.naming}'s names"
            + advice("naming", naming=best.naming)
        )
    return best.naming


def _layer(own: Own, given: Mapping[str, Array], classifier: bool | str) -> bool | str:
    """The name of a linear layer in the arrays, without what may stand in front; a bool as it is."""
    if isinstance(classifier, bool):
        return classifier
    if not has_classifier(own):
        raise ValueError(f"load_weights: classifier must be a bool for a model without one; got {shown(classifier)}")
    layers = linear_layers(own, given)
    for layer in layers:
        if classifier == layer or classifier.endswith((f"/{layer}", f".{layer}")):
            return layer
    there = ", ".join(f"{layer} for {len(bias)} classes" for layer, (_, bias) in layers.items()) or "none"
    raise ValueError(
        f"load_weights: classifier must be the name of a linear layer with the inputs of the model's; got "
        f"{shown(classifier)}, the arrays have {there}"
    )

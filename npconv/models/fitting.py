"""Arrays against the network that is to take them: what doesn't fit, and what would make it fit."""

from collections.abc import Iterator, Mapping, Set

import numpy as np

from ..kernels.geometry import Array
from ..layers.layer import differences
from .advice import advice
from .folding import as_given, is_folded, with_identity
from .heads import OF_CLASSES, classifier_names, has_classifier, is_chained, linear_layers, own_layer, selected
from .keras_order import UNTOLD
from .known_names import Own, Table, weights_in
from .naming import KNOWN, Network, architecture_of, before_end, computed_as, conventions_of, named_arrays
from .network import MobileNet
from .published_heads import HEADS
from .ssdlite import SSDLite, ssdlite

STATISTICS = (".mean", ".variance")


def unusable(own: Own, given: Mapping[str, Array]) -> Iterator[str]:
    """Arrays that are no weights though their shapes fit: numbers that are not finite, variances below 0."""
    for name, (ours, view) in own.items():
        if name in given and given[name].shape == view.shape and given[name].dtype.kind in "iuf":
            if not np.isfinite(given[name]).all():
                yield f"{name} must be finite"
            elif ours.endswith(".variance") and given[name].min() < 0:
                yield f"{name} must not be negative, got {given[name].min():g}"


def advice_for(model: Network, naming: str, own: Own, given: Mapping[str, Array]) -> str:
    """The advice for arrays that don't fit: what has been tried and makes them fit, or nothing."""
    if fit(own, given, False):
        if isinstance(model, MobileNet):
            return _on_the_classifier(own, given)
        return _on_the_classes(model.classes, own, given)
    if not is_folded(model):
        folded = named_arrays("load_weights", as_given(model.folded(), given, naming), naming)
        if fit(folded, with_identity(folded, given), False):
            return advice("folded")
    renamed = {name.replace(UNTOLD, "beta"): a for name, a in given.items()}
    if renamed.keys() != given.keys() and fit(own, with_identity(own, renamed), False):
        return advice("scale_or_shift")
    missing = {name for name in own if name not in given}
    if missing and missing == {name for name, (ours, _) in own.items() if ours.endswith(STATISTICS)}:
        return advice("statistics")
    boxes = "torchvision" if naming == "torchvision" else "tensorflow"
    if isinstance(model, SSDLite) and fit(named_arrays("load_weights", _with_boxes(model, boxes), naming), given, True):
        return advice("boxes", boxes=boxes)
    return ""


def advice_on_part(model: Network, given: Mapping[str, Array], table: Table) -> str:
    """The advice for the arrays of a network with heads and a MobileNet, or the other way round, if the backbone fits.

    `table` is that of the network whose arrays they are.
    """
    heads = HEADS.get((table.architecture, table.naming))
    if isinstance(model, MobileNet):
        part, arrays = model, heads.alone(given) if heads else {}
    else:
        part, arrays = model.network, before_end(model.network, given)
    if (architecture_of(part), table.naming) not in KNOWN or conventions_of(part) != computed_as(table.naming):
        return ""
    own = named_arrays("load_weights", as_given(part, arrays, table.naming), table.naming)
    if not fit(own, with_identity(own, weights_in(own, arrays)), False):
        return ""
    return advice("backbone", call=table.call) if isinstance(model, MobileNet) else advice("network")


def _with_boxes(model: SSDLite, boxes: str) -> SSDLite:
    """A detector with other default boxes."""
    options = model.options
    return ssdlite(
        model.network, options.classes, first=options.first, extras=options.extras, boxes=boxes,
        conventions=options.conventions, batch_norm=options.batch_norm,
    )  # fmt: skip


def _on_the_classes(classes: int, own: Own, given: Mapping[str, Array]) -> str:
    """The advice for the arrays of a network with heads that fit but for the classes."""
    heads = {name: view for name, (ours, view) in own.items() if OF_CLASSES.match(ours) and view.ndim == 1}
    counts = {given[name].size * classes / view.size for name, view in heads.items() if name in given}
    others = counts - {classes}
    return advice("classes", classes=f"{others.pop():g}") if len(counts) == len(others) == 1 else advice("own")


def _on_the_classifier(own: Own, given: Mapping[str, Array]) -> str:
    """The advice for arrays that fit but for the classifier."""
    if not has_classifier(own):
        return advice("pass")
    bias, names = classifier_names(own)[1], set(classifier_names(own))
    if bias in given and own_layer(own) in linear_layers(own, given) and fit(own, given, True, names):
        return advice("classes", classes=len(given[bias]))
    options = [
        f"classifier={layer!r}" + (f" for a model with classes={count}" if count != len(own[bias][1]) else "")
        for layer, count in classifiers(own, given).items()
    ]
    return advice("layer", options=" or ".join(options)) if options else advice("own")


def classifiers(own: Own, given: Mapping[str, Array]) -> dict[str, int]:
    """The linear layers in the arrays that may be the classifier, with their classes; no layer of a head of several."""
    return {
        layer: len(constants)
        for layer, (_, constants) in linear_layers(own, given).items()
        if not is_chained(own, given, layer) and fit(own, given, layer, set(classifier_names(own)))
    }


def fit(own: Own, given: Mapping[str, Array], classifier: bool | str, apart: Set[str] = frozenset()) -> bool:
    """True where the arrays fit with such a classifier, apart from some."""
    chosen = selected(own, given, classifier)
    views, arrays = ({name: a for name, a in each.items() if name not in apart} for each in chosen)
    return not differences(views, arrays) and not any(unusable(own, arrays))

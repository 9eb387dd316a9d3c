"""Arrays against the network that is to take them: what doesn't fit, and what would make it fit."""

from collections.abc import Iterator, Mapping, Set

import numpy as np

from ..kernels.geometry import Array
from ..layers.layer import differences
from .advice import advice
from .detector_names import backbone_alone
from .folding import as_given, is_folded, with_identity
from .heads import OF_CLASSES, classifier_names, has_classifier, is_chained, linear_layers, own_layer, selected
from .keras_order import UNTOLD
from .known_names import Own, Table, weights_in
from .naming import KNOWN, Network, architecture_of, computed_as, conventions_of, named_arrays
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
        return _on_the_classes(model, own, given) if isinstance(model, SSDLite) else _on_the_classifier(own, given)
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
    """The advice for a detector's arrays and a MobileNet, or the other way round, where they fit the backbone.

    `table` is that of the network whose arrays they are.
    """
    part, arrays = (model.network, given) if isinstance(model, SSDLite) else (model, backbone_alone(given))
    if (architecture_of(part), table.naming) not in KNOWN or conventions_of(part) != computed_as(table.naming):
        return ""
    own = named_arrays("load_weights", as_given(part, arrays, table.naming), table.naming)
    if not fit(own, with_identity(own, weights_in(own, arrays)), False):
        return ""
    return advice("network") if isinstance(model, SSDLite) else advice("backbone", call=table.call)


def _with_boxes(model: SSDLite, boxes: str) -> SSDLite:
    """A detector with other default boxes."""
    options = model.options
    return ssdlite(
        model.network, options.classes, first=options.first, extras=options.extras, boxes=boxes,
        conventions=options.conventions, batch_norm=options.batch_norm,
    )  # fmt: skip


def _on_the_classes(model: SSDLite, own: Own, given: Mapping[str, Array]) -> str:
    """The advice for a detector's arrays that fit but for the classes."""
    heads = {name: view for name, (ours, view) in own.items() if OF_CLASSES.match(ours) and view.ndim == 1}
    counts = {given[name].size * model.classes / view.size for name, view in heads.items() if name in given}
    return advice("classes", classes=f"{counts.pop():g}") if len(counts) == 1 else advice("own")


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

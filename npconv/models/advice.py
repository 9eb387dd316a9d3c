"""The advice that errors about arrays give; tests follow each."""

from collections.abc import Mapping
from types import MappingProxyType

ADVICE: Mapping[str, str] = MappingProxyType(
    {
        "state_dict": "; give what its state_dict() returns",
        "weights": "; give {{variable.path: variable for variable in it.weights}}",
        "tensor": "; torch's tensors become arrays by value.detach().float().cpu().numpy()",
        "part": "; give one of them, such as arrays[{name!r}]",
        "prefix": "; give one of them, such as "
        "{{name: a for name, a in arrays.items() if name.startswith({prefix!r})}}",
        "by_number": "; the layers are counted by class and are not just a MobileNet's: save the network as .h5, which "
        "has their names, or give the opened h5py.File itself",
        "build": "; build it by {call}",
        "backbone": "; classifier=False takes its backbone, {call} has all of it",
        "network": "; load_weights(model.network, arrays, classifier=False) takes them into its backbone",
        "boxes": "; build the model with boxes={boxes!r}",
        "naming": "; give naming={naming!r}",
        "classes": "; build the model with classes={classes}, or keep its own classifier with classifier=False",
        "layer": "; take {options}, or keep the model's own with classifier=False",
        "own": "; classifier=False keeps the model's own classifier",
        "pass": "; classifier=False passes over the classifier of the arrays",
        "take": "; take {options}, or leave it out with classifier=False",
        "leave": "; classifier=False leaves it out",
        "builds": "; build the model by {architecture}(…, conventions={conventions})",
        "scale_or_shift": "; the file doesn't say which of the two it is: save the network as .h5, or give "
        "{{variable.path: variable for variable in it.weights}}",
        "folded": "; the arrays are of a folded network: load_weights(model.folded(), arrays)",
        "statistics": "; the running statistics are in a model's state_dict() or weights, not in parameters() or "
        "trainable_weights",
    }
)
"""The advice by a short name, each as it stands behind the error's words."""


def advice(kind: str, /, **values: object) -> str:
    """A piece of advice with its values in their places."""
    return ADVICE[kind].format(**values)

"""The effect of a wrong epsilon and of a wrong padding on the logits, with trained weights and with random ones."""

import sys
from pathlib import Path

import numpy as np

from npconv.layers import BatchNorm
from npconv.models import export_weights, load_weights, mobilenet_v2

sys.path.append(str(Path(__file__).parents[1] / "models"))
from numbers_by_name import array

SETTINGS = {  # ours in place of torchvision's: its conventions, but those of Keras in one respect
    "epsilon 1e-3 in place of 1e-5": ("torchvision", 1e-3),
    "Keras's padding": ("keras", 1e-5),
}


def norms(layer):
    """The batch normalisations in a network."""
    for inner in layer.layers.values():
        if isinstance(inner, BatchNorm):
            yield inner
        elif hasattr(inner, "layers"):
            yield from norms(inner)


def measure(trained, x):
    """For trained and for random weights and each setting, how far the logits move, with the classes before and after.

    The change is the largest of all logits, as a share of the largest logit. Random weights are those of the tests:
    kernels that keep the numbers' size, variances from 0.3 to 3.
    """
    rows = []
    right = mobilenet_v2(conventions="torchvision")
    random = {name: array(name, a.shape, 1) for name, a in export_weights(right).items()}
    for weights, arrays in (("trained", trained), ("random", random)):
        load_weights(right, arrays)
        logits = right.forward(x)[0]
        for setting, (conventions, epsilon) in SETTINGS.items():
            wrong = mobilenet_v2(conventions=conventions)
            wrong.load_arrays(right.arrays())
            for norm in norms(wrong):
                norm.epsilon = epsilon
            moved = wrong.forward(x)[0]
            change = float(np.abs(moved - logits).max() / np.abs(logits).max())
            row = {"weights": weights, "setting": setting, "change of the logits": change}
            rows.append(row | {"class": int(logits.argmax()), "class then": int(moved.argmax())})
    variances = np.concatenate([np.asarray(a) for name, a in trained.items() if name.endswith("running_var")])
    below = int((variances < 1e-3).sum())
    return {"rows": rows, "variances": variances.size, "below 1e-3": below, "least": float(variances.min())}

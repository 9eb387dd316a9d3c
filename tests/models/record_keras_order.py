"""Record the order in which Keras 3's weight files count the layers of each class, and the layers' names.

Run with Keras and h5py installed: `python tests/models/record_keras_order.py`. It writes keras_order.json beside it.
"""

import json
import tempfile
from pathlib import Path

import h5py
import keras
from keras.applications import MobileNet, MobileNetV2, MobileNetV3Large, MobileNetV3Small

NETWORKS = {
    "mobilenet_v1": lambda: MobileNet(alpha=0.25, weights=None, classes=10),
    "mobilenet_v2": lambda: MobileNetV2(alpha=0.35, weights=None, classes=10),
    "mobilenet_v3 large": lambda: MobileNetV3Large(weights=None, classes=10),
    "mobilenet_v3 small": lambda: MobileNetV3Small(weights=None, classes=10),
    "mobilenet_v3 small minimalistic": lambda: MobileNetV3Small(weights=None, classes=10, minimalistic=True),
}


def order(model):
    """By class, the names of the layers in the order of their numbers."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "network.weights.h5"
        model.save_weights(path)
        with h5py.File(path) as opened:
            layers = {
                name: group["vars"].attrs["name"] for name, group in opened["layers"].items() if len(group["vars"])
            }
    numbered = {}
    for name, own in layers.items():
        kind, _, number = name.rpartition("_")
        kind, number = (kind, int(number)) if number.isdigit() else (name, 0)
        numbered.setdefault(kind, {})[number] = own
    return {kind: [each[number] for number in sorted(each)] for kind, each in sorted(numbered.items())}


if __name__ == "__main__":
    recorded = {"keras": keras.__version__, **{name: order(build()) for name, build in NETWORKS.items()}}
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(each)}" for name, each in recorded.items())
    Path(__file__).with_name("keras_order.json").write_text(f"{{\n{lines}\n}}\n", encoding="utf-8")

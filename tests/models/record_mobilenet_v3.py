"""Record what torchvision, timm and Keras give for MobileNetV3: `python record_mobilenet_v3.py`, with these installed.

Writes mobilenet_v3.json beside it. Every array of a network has the numbers that `numbers_by_name` draws for its name;
of each block's output, of the last map and of the logits a few products with random directions are kept.
"""

import hashlib
import json
import os
from pathlib import Path

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"

import keras
import timm
import torch
import torchvision
from numbers_by_name import array, images, shadows
from timm.models.mobilenetv3 import _gen_mobilenet_v3

CLASSES, SEED = 7, 1
EVEN, ODD = (2, 64, 96, 3), (2, 49, 35, 3)
CASES = [  # library, size, width, options of ours, images
    ("torchvision", "large", 1.0, {}, EVEN),
    ("torchvision", "large", 0.75, {}, ODD),
    ("torchvision", "small", 1.0, {}, EVEN),
    ("torchvision", "small", 1.25, {}, EVEN),
    ("torchvision", "large", 0.75, {"output_stride": 16}, EVEN),
    ("torchvision", "small", 1.0, {"output_stride": 16, "reduced_tail": True}, ODD),
    ("timm", "large", 1.0, {}, EVEN),
    ("timm", "large", 0.75, {}, EVEN),
    ("timm", "small", 0.35, {}, EVEN),
    ("timm", "small", 1.25, {}, ODD),
    ("timm", "large", 0.75, {"output_stride": 16}, EVEN),
    ("timm", "small", 1.0, {"output_stride": 8}, EVEN),
    ("timm tf", "small", 0.75, {}, EVEN),
    ("timm tf", "small", 1.0, {"minimalistic": True}, ODD),
    ("keras", "large", 1.0, {}, EVEN),
    ("keras", "small", 1.25, {}, ODD),
    ("keras", "small", 1.0, {}, EVEN),
    ("keras", "small", 0.75, {}, EVEN),
    ("keras", "large", 0.75, {}, ODD),
    ("keras", "large", 0.75, {"minimalistic": True}, EVEN),
    ("keras", "small", 1.0, {"minimalistic": True}, EVEN),
]
WIDTHS = (0.35, 0.75)


def torchvision_network(size, width, classes=CLASSES, output_stride=None, reduced_tail=False):
    build = getattr(torchvision.models, f"mobilenet_v3_{size}")
    dilated = output_stride == 16
    return build(num_classes=classes, width_mult=width, dilated=dilated, reduced_tail=reduced_tail)


def timm_network(size, width, classes=CLASSES, output_stride=None):
    if output_stride is None:
        return _gen_mobilenet_v3(f"mobilenetv3_{size}", width, num_classes=classes)
    name = f"mobilenetv3_{size}_{100 * width:03.0f}"
    return timm.create_model(name, features_only=True, output_stride=output_stride)


def tf_network(size, width, minimalistic=False):
    """One of timm's networks with TensorFlow's padding and epsilon."""
    kind = f"{size}_minimal" if minimalistic else size
    return timm.create_model(f"tf_mobilenetv3_{kind}_{100 * width:03.0f}", num_classes=CLASSES)


BUILDERS = {"torchvision": torchvision_network, "timm": timm_network, "timm tf": tf_network}


def keras_network(size, width, shape, classes=CLASSES, minimalistic=False):
    keras.backend.clear_session()
    build = getattr(keras.applications, f"MobileNetV3{size.capitalize()}")
    return build(
        shape[1:], width, minimalistic, weights=None, classes=classes, classifier_activation=None,
        include_preprocessing=False,
    )  # fmt: skip


def torch_maps(network, x):
    """Outputs of the blocks, of the last convolution's activation, and the logits, channels last."""
    with torch.no_grad():
        for name, a in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                a.copy_(torch.from_numpy(array(name, a.shape, SEED)))
        if hasattr(network, "features"):  # torchvision
            _, *blocks = network.features
        else:
            blocks = [block for stage in network.blocks for block in stage]
        maps = []
        for block in blocks:
            block.register_forward_hook(lambda module, inputs, y: maps.append(y.permute(0, 2, 3, 1).numpy().copy()))
        logits = network.eval()(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()))
    *maps, last = maps
    named = {f"block_{number}": y for number, y in enumerate(maps, 1)} | {"last": last}
    return named | ({} if isinstance(logits, list) else {"logits": logits.numpy()})


def keras_maps(network, x):
    for variable in network.weights:
        if "seed_generator" not in variable.path:
            variable.assign(array("/".join(variable.path.split("/")[-2:]), variable.shape, SEED))
    names = [layer.name for layer in network.layers]
    ends = [name for name in names if name.endswith("project_bn")]
    ends = [f"{end[:-10]}add" if f"{end[:-10]}add" in names else end for end in ends]
    after_last = names[names.index("conv_1_bn") + 1]
    outputs = [network.get_layer(name).output for name in (*ends, after_last)]
    *maps, last, logits = keras.Model(network.inputs, [*outputs, network.output])(x, training=False)
    return {f"block_{number}": y for number, y in enumerate(maps, 1)} | {"last": last, "logits": logits}


def recorded(library, size, width, options, shape):
    x = images(shape, SEED)
    if library == "keras":
        network = keras_network(size, width, shape, **options)
        maps = {name: y.detach().numpy() for name, y in keras_maps(network, x).items()}
    else:
        network = BUILDERS[library](size, width, **options)
        maps = torch_maps(network, x)
    print(library, size, width, options, {name: round(float(np.abs(y).mean()), 3) for name, y in maps.items()})
    return {
        "library": library, "size": size, "width": width, "options": options, "images": shape,
        "maps": {name: [float(f"{share:.8g}") for share in shadows(name, y, SEED)] for name, y in maps.items()},
    }  # fmt: skip


def lines_of(library, size, width, **options):
    """The lines "name shape" of all arrays with 1000 classes, without counters, as a hash; and the parameters."""
    if library == "keras":
        network = keras_network(size, width, (None, 224, 224, 3), 1000, **options)
        arrays = {v.path: tuple(v.shape) for v in network.weights if "seed_generator" not in v.path}
        params = sum(int(np.prod(v.shape)) for v in network.trainable_weights)
    else:
        network = BUILDERS[library](size, width, 1000, **options)
        arrays = {name: tuple(a.shape) for name, a in network.state_dict().items() if "num_batches" not in name}
        params = sum(a.numel() for a in network.parameters())
    text = "\n".join(f"{name} {shape}" for name, shape in arrays.items())
    return [len(arrays), params, hashlib.sha256(text.encode()).hexdigest()[:16]]


def main():
    versions = {"torchvision": torchvision.__version__, "timm": timm.__version__, "keras": keras.__version__}
    names = {}
    for size in ("large", "small"):
        for width in WIDTHS:
            for library in versions:
                names[f"{library} {size} {width}"] = lines_of(library, size, width)
        names[f"torchvision {size} 1.0 reduced_tail"] = lines_of("torchvision", size, 1.0, reduced_tail=True)
        names[f"keras {size} 0.75 minimalistic"] = lines_of("keras", size, 0.75, minimalistic=True)
    made = {"versions": versions, "seed": SEED, "classes": CLASSES, "names": names}
    made["cases"] = [recorded(*case) for case in CASES]
    text = json.dumps(made, indent=1)
    Path(__file__).with_name("mobilenet_v3.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

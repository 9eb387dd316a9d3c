"""The maps that a trained network's own runtime gives for a picture: torch with torchvision, Keras, TensorFlow.js.

Each function returns the maps behind each convolution, in the order of forward and channels last, by their stage
("convolution", "normalisation", "activation"), and the outputs by their names. A runtime that has fused stages has the
last map of them.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

import numpy as np

os.environ["KERAS_BACKEND"] = "torch"

HERE = Path(__file__).parent
STAGES = {"Conv2d": "convolution", "Conv2D": "convolution", "DepthwiseConv2D": "convolution"}
STAGES |= {
    "BatchNorm2d": "normalisation",
    "BatchNormalization": "normalisation",
    "ReLU6": "activation",
    "ReLU": "activation",
}


class Maps(NamedTuple):
    """What a runtime gives: for each convolution its maps by their stages, and the outputs by their names."""

    convolutions: list[dict[str, np.ndarray]]
    outputs: dict[str, np.ndarray]


def collect(stages):
    """The maps in the order of forward, each with its stage, in one mapping for each convolution."""
    convolutions = []
    for stage, a in stages:
        if stage == "convolution":
            convolutions.append({})
        convolutions[-1][stage] = a
    return convolutions


def torchvision_v2(file, x):
    """torchvision's MobileNetV2 with the state_dict of a file."""
    import torch

    operators = "nms qnms roi_align _roi_align_backward ps_roi_align _ps_roi_align_backward roi_pool _roi_pool_backward"
    operators += " ps_roi_pool _ps_roi_pool_backward qroi_align deform_conv2d _deform_conv2d_backward"
    library = torch.library.Library("torchvision", "FRAGMENT")
    for name in operators.split():  # the names alone, for the import: beside torch for the CPU its operators don't load
        if not hasattr(torch.ops.torchvision, name):
            library.define(f"{name}(Tensor x) -> Tensor")
    from torchvision.models import mobilenet_v2

    model = mobilenet_v2(weights=None).eval()
    model.load_state_dict(torch.load(file, weights_only=True))
    stages = []
    for module in model.modules():
        if stage := STAGES.get(type(module).__name__):
            module.register_forward_hook(
                lambda _module, _x, y, stage=stage: stages.append((stage, y.permute(0, 2, 3, 1).numpy().copy()))
            )
    with torch.no_grad():
        logits = model(torch.from_numpy(x.transpose(0, 3, 1, 2).copy())).numpy()
    return Maps(collect(stages), {"logits": logits})


def keras(file, x):
    """A Keras model in a file of HDF5, whose network may be a model inside it."""
    import h5py
    import keras

    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder, "model.h5")  # Keras goes by a file's ending
        copy.write_bytes(Path(file).read_bytes())
        with h5py.File(copy, "r+") as group:
            config = json.loads(group.attrs["model_config"], object_hook=_without_dtypes)
            group.attrs["model_config"] = json.dumps(config)
        model = keras.models.load_model(copy, compile=False)
    network = next((layer for layer in model.layers if isinstance(layer, keras.Model)), model)
    layers = [layer for layer in network.layers if type(layer).__name__ in STAGES]
    maps = keras.Model(network.inputs, [layer.output for layer in layers])([x], training=False)
    stages = [
        (STAGES[type(layer).__name__], keras.ops.convert_to_numpy(a)) for layer, a in zip(layers, maps, strict=True)
    ]
    return Maps(collect(stages), {"output": keras.ops.convert_to_numpy(model([x], training=False))})


def _without_dtypes(config):
    """A part of a model's description, without the dtype of initialisers, which Keras 2 wrote and Keras 3 refuses."""
    if config.keys() <= {"seed", "dtype"}:
        config.pop("dtype", None)
    return config


def tensorflow_graph(file, x):
    """What a frozen graph gives for a picture, and its variables, from TensorFlow in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, "x.npy"), Path(folder, "out.npz")
        np.save(given, x)
        _run(sys.executable, HERE / "tensorflow_graph.py", file, given, out)
        return dict(np.load(out))


def face_api(package, x, least):
    """What face-api finds in a picture, and the boxes and scores of all its default boxes."""
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, "x.f32"), Path(folder, "out")
        given.write_bytes(x.astype("<f4").tobytes())
        _run("node", HERE / "face_api.cjs", package, given, str(x.shape[1]), str(least), out)
        numbers, arrays = np.fromfile(f"{out}.f32", "<f4"), json.loads(Path(f"{out}.json").read_text())
    ends = np.cumsum([np.prod(shape) for _, shape in arrays])
    return {name: a.reshape(shape) for (name, shape), a in zip(arrays, np.split(numbers, ends), strict=False)}


def _run(*command):
    run = subprocess.run(command, capture_output=True, text=True)
    if run.returncode:
        raise RuntimeError(run.stderr)


def tensorflow_js(file, x, among="", sixths="as stored"):
    """A layers or graph model of TensorFlow.js, on its CPU backend, in node.

    Of a graph with more parts, the convolutions whose weights have `among` in their names count. With sixths "whole", a
    constant 1/6 that was stored in 16 bits is 1/6 again.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, out = Path(folder, "x.f32"), Path(folder, "maps")
        given.write_bytes(x.astype("<f4").tobytes())
        _run("node", HERE / "tensorflow_js.cjs", file, given, str(x.shape[1]), among, sixths, out)
        numbers, maps = np.fromfile(f"{out}.f32", "<f4"), json.loads(Path(f"{out}.json").read_text())
    convolutions, outputs, start = {}, {}, 0
    for convolution, stage, shape in maps:
        end = start + int(np.prod(shape))
        into = outputs if convolution is None else convolutions.setdefault(convolution, {})
        into[stage] = numbers[start:end].reshape(shape)
        start = end
    return Maps([*convolutions.values()], outputs)

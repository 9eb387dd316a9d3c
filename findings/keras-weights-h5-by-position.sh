#!/bin/sh
# Keras 3.15.1: a .weights.h5 file does not contain the layers' names, though every layer has one. Its groups are named by
# class and number (conv2d, conv2d_1, …, in the order of creation), and load_weights fills a model by these. A model with
# the same named layers in another order takes them without a word, each layer another's kernel, and a layer that was
# renamed is no error. The older .h5 of the same model has the names, and loads by position too, unless by_name=True.
# (So whoever reads the file has to know the model; and HDF5 lists conv2d_10 before conv2d_2.)
#
# Seen (three layers, kernels of 1, 2 and 3):
#   saved: {'eyes': 1.0, 'mouth': 2.0, 'nose': 3.0}
#   .weights.h5: conv2d conv2d_1 conv2d_2
#   .h5: eyes mouth nose
#   .weights.h5 loaded into nose, mouth, eyes: {'nose': 1.0, 'mouth': 2.0, 'eyes': 3.0}
#   .h5 loaded: {'nose': 1.0, 'mouth': 2.0, 'eyes': 3.0}
#   .h5 loaded by name: {'nose': 3.0, 'mouth': 2.0, 'eyes': 1.0}
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import sys

import h5py
import keras
from keras import layers

def model(*names, values=(0, 0, 0)):
    x = images = keras.Input((8, 8, 4))
    for name, value in zip(names, values):
        constant = keras.initializers.Constant(value)
        x = layers.Conv2D(4, 3, padding="same", use_bias=False, name=name, kernel_initializer=constant)(x)
    return keras.Model(images, x)

def kernels(network):
    return {layer.name: float(layer.get_weights()[0].flat[0]) for layer in network.layers[1:]}

def loaded(file, **options):
    network = model("nose", "mouth", "eyes")
    network.load_weights(file, **options)
    return kernels(network)

saved = model("eyes", "mouth", "nose", values=(1, 2, 3))
new, old = sys.argv[1] + "/a.weights.h5", sys.argv[1] + "/a.h5"
saved.save_weights(new)
saved.save(old)
with h5py.File(new) as file:
    new_names = sorted(name for name in file["layers"] if "conv" in name)
with h5py.File(old) as file:
    old_names = sorted(name for name, group in file["model_weights"].items() if len(group))
results = loaded(new), loaded(old), loaded(old, by_name=True)
print("saved:", kernels(saved))
print(".weights.h5:", *new_names)
print(".h5:", *old_names)
print(".weights.h5 loaded into nose, mouth, eyes:", results[0])
print(".h5 loaded:", results[1])
print(".h5 loaded by name:", results[2])
assert new_names == ["conv2d", "conv2d_1", "conv2d_2"] and old_names == ["eyes", "mouth", "nose"]
assert results[0] == results[1] == {"nose": 1, "mouth": 2, "eyes": 3}
assert results[2] == kernels(saved)
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 jax==0.10.2 keras==3.15.1 h5py==3.16.0
KERAS_BACKEND=jax "$folder/venv/bin/python" -W ignore "$folder/show.py" "$folder" 2> "$folder/log" || { cat "$folder/log"; exit 1; }

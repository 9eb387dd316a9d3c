#!/bin/sh
# Keras 3.15.1, jax 0.10.2 backend: output_padding of a transposed convolution with padding="same" adds its row in FRONT,
# where torch's adds it behind (and Keras's own padding="valid" does). With kernel 3, stride 2, the even output that
# everybody wants is [1, 1, 2, 1] from two ones in Keras and [1, 2, 1, 1] in torch with padding=1, output_padding=1: the
# same length, with every value one place further on. output_padding=0 crops both ends, as torch's padding=1 alone does.
#
# Seen (two ones, kernel of ones, stride 2):
#   same, output_padding None: [1.0, 1.0, 2.0, 1.0]
#   same, output_padding 0: [1.0, 2.0, 1.0]
#   same, output_padding 1: [1.0, 1.0, 2.0, 1.0]
#   valid, output_padding 0: [1.0, 1.0, 2.0, 1.0, 1.0]
#   valid, output_padding 1: [1.0, 1.0, 2.0, 1.0, 1.0, 0.0]
#   torch, padding 1, output_padding 1: [1.0, 2.0, 1.0, 1.0]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import keras
import numpy as np
import torch

def kerass(padding, output_padding):
    layer = keras.layers.Conv1DTranspose(
        1, 3, strides=2, padding=padding, output_padding=output_padding, use_bias=False, kernel_initializer="ones"
    )
    y = np.asarray(layer(np.ones((1, 2, 1), np.float32))).ravel().tolist()
    print(f"{padding}, output_padding {output_padding}: {y}")
    return y

ones = torch.ones(1, 1, 2), torch.ones(1, 1, 3)
found = [kerass("same", None), kerass("same", 0), kerass("same", 1), kerass("valid", 0), kerass("valid", 1)]
theirs = torch.nn.functional.conv_transpose1d(*ones, stride=2, padding=1, output_padding=1).ravel().tolist()
print("torch, padding 1, output_padding 1:", theirs)
assert found == [[1, 1, 2, 1], [1, 2, 1], [1, 1, 2, 1], [1, 1, 2, 1, 1], [1, 1, 2, 1, 1, 0]] and theirs == [1, 2, 1, 1]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 keras==3.15.1 jax==0.10.2
KERAS_BACKEND=jax "$folder/venv/bin/python" -W ignore "$folder/show.py"

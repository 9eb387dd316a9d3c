#!/bin/sh
# paddlepaddle 3.3.1: conv2d_transpose with padding="SAME" crops what a convolution of the same input would pad, and not what
# the convolution pads whose transpose it is. So its output is s times the input's side only where the stride divides that
# side: at stride 2 a row of 4 becomes 8, and a row of 3 becomes 5, even with a kernel as large as the stride, which overlaps
# nowhere, so that a number is lost. Keras 3.15.1, jax 0.10.2 and onnxruntime 1.32.0 make 6 of the 3, with a kernel of 3.
#
# Seen (stride 2, all weights one, the input 1, 2, 3 or 1, 2, 3, 4):
#   kernel 2, 4 -> [1, 1, 2, 2, 3, 3, 4, 4]
#   kernel 2, 3 -> [1, 1, 2, 2, 3]
#   kernel 3, 4 -> [1, 1, 3, 2, 5, 3, 7, 4]
#   kernel 3, 3 -> [1, 3, 2, 5, 3]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import paddle
from paddle.nn.functional import conv2d_transpose

def same(kernel, side):
    x = paddle.arange(1, side + 1, dtype="float32").reshape([1, 1, 1, side])
    y = conv2d_transpose(x, paddle.ones([1, 1, 1, kernel]), stride=(1, 2), padding="SAME")
    y = y.flatten().astype("int32").tolist()
    print(f"kernel {kernel}, {side} -> {y}")
    return y

assert same(2, 4) == [1, 1, 2, 2, 3, 3, 4, 4]
assert same(2, 3) == [1, 1, 2, 2, 3], "SAME has changed"
assert same(3, 4) == [1, 1, 3, 2, 5, 3, 7, 4]
assert same(3, 3) == [1, 3, 2, 5, 3], "SAME has changed"
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.2.6 paddlepaddle==3.3.1
"$folder/venv/bin/python" "$folder/show.py"

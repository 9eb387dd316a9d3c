"""TensorFlow.js's answers, of its cpu backend: each is a line of JavaScript that node runs, with @tensorflow/tfjs."""

import json
import shutil
import subprocess

import numpy as np

from of_convolution import SIGNALS
from of_convolution.layouts import confirmed

LIBRARY = "tfjs"
START = """
console.warn = () => {};
const write = process.stdout.write.bind(process.stdout);
console.log = () => {};
const tf = require('@tensorflow/tfjs');
const given = JSON.parse(require('fs').readFileSync(0));
const tensor = ({values, shape, dtype}) => tf.tensor(values, shape, dtype);
const [x, kernel] = [given.x, given.kernel].map(array => array && tensor(array));
const {stride, dilation, size} = given;
(async () => {
  await tf.setBackend('cpu');
  const y = await (SOURCE);
  write(JSON.stringify({dtype: y.dtype, shape: y.shape, values: Array.from(y.dataSync())}));
})().catch(error => { process.stderr.write(error.name); process.exit(3); });
"""


def run(source, **given):
    """What a line of JavaScript gives."""
    arrays = {name: described(value) if isinstance(value, np.ndarray) else value for name, value in given.items()}
    program = START.replace("SOURCE", source)
    done = subprocess.run(
        ["node", "-e", program], input=json.dumps(arrays), capture_output=True, text=True, check=False
    )
    if done.returncode == 3:
        raise type(done.stderr, (Exception,), {})
    if done.returncode:
        raise SystemExit(done.stderr)
    y = json.loads(done.stdout)
    return np.array(y["values"], y["dtype"]).reshape(y["shape"])


def described(array):
    dtype = "float32" if array.dtype.kind == "f" else "int32"
    return {"values": array.ravel().tolist(), "shape": array.shape, "dtype": dtype}


if shutil.which("node") is None:
    raise ImportError("node is not installed")
try:
    VERSION = "tensorflow.js " + "".join(
        map(chr, run("tf.tensor1d(Array.from(tf.version.tfjs, c => c.charCodeAt(0)), 'int32')"))
    )
except SystemExit as error:
    raise ImportError(f"@tensorflow/tfjs is not in NODE_PATH: {str(error)[-200:]}") from None


def same(x, kernel, stride, dilation):
    source = "tf.conv2d(x, kernel, stride, 'same', 'NHWC', dilation)"
    return run(source, x=x, kernel=kernel, stride=stride, dilation=dilation)


def stride_and_dilation(x, kernel, stride, dilation):
    source = "tf.conv2d(x, kernel, stride, 'valid', 'NHWC', dilation)"
    return run(source, x=x, kernel=kernel, stride=stride, dilation=dilation)


def depthwise(x, kernel, stride, dilation):
    source = "tf.depthwiseConv2d(x, kernel, stride, 'valid', 'NHWC', dilation)"
    return run(source, x=x, kernel=kernel, stride=stride, dilation=dilation)


def transposed_same(x, kernel, stride, dilation):
    size = (1, 1, x.shape[2] * stride[1], 1)
    return run("tf.conv2dTranspose(x, kernel, size, stride, 'same')", x=x, kernel=kernel, stride=stride, size=size)


def layouts(kind, array):
    if kind == "map":
        return array
    if kind == "grouped":
        return None
    kernel = array.reshape(2, 3, 4, 2) if kind == "depthwise" else array
    source = {
        "standard": "tf.conv2d(x, kernel, 1, 'valid')",
        "depthwise": "tf.depthwiseConv2d(x, kernel, 1, 'valid')",
        "transposed": "tf.conv2dTranspose(x, kernel, [2, 12, 15, 5], 2, 'valid')",
    }[kind]
    return confirmed(kind, kernel, run(source, x=SIGNALS.astype(float), kernel=kernel.astype(float)))


def four_paddings(x, kernel, margins):
    return margins(run("tf.conv2d(x, kernel, 1, [[0, 0], [1, 2], [3, 4], [0, 0]])", x=x, kernel=kernel))


def negative_padding(x, kernel):
    return run("tf.conv2d(x, kernel, 1, [[0, 0], [0, 0], [-1, -1], [0, 0]])", x=x, kernel=kernel)


def empty_batch(x, kernel):
    return run("tf.conv2d(x, kernel, 1, 'valid')", x=x, kernel=kernel)


def integers(x, kernel):
    return run("tf.conv2d(x, kernel, 1, 'valid')", x=x, kernel=kernel) if x.dtype == np.int32 else None

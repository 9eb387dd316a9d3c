"""TensorFlow.js's answers, on its cpu backend: node runs a line of JavaScript for each."""

import json
import subprocess

import numpy as np

SCRIPT = """
const tf = require('@tensorflow/tfjs');
const grad = (f, x) => tf.grad(x => f(x).sum())(tf.tensor1d(x)).dataSync();
const plain = v => Object.is(v, -0) ? '-0' : Number.isFinite(v) ? v : String(v);
const pool = x => tf.maxPool(x.reshape([1, 1, -1, 1]), [1, 2], [1, 2], 'valid');
const functions = {
  relu: tf.relu, relu6: tf.relu6, clip: x => tf.clipByValue(x, 0, 6), maximum: x => tf.maximum(x, tf.tensor1d([1])),
  absolute: tf.abs, leaky: x => tf.leakyRelu(x, 0.25), max_pool: pool,
};
const row = x => tf.tensor4d(x, [1, 1, x.length, 1]);
const normalised = (x, frozen, epsilon) => {
  const layer = tf.layers.batchNormalization(epsilon ? {epsilon} : {});
  layer.trainable = !frozen;
  const y = layer.apply(tf.tensor4d(x, [x.length, 1, 1, 1]), {training: true});
  return [...y.dataSync(), ...layer.getWeights().slice(2).flatMap(a => [...a.dataSync()])];
};
const deviation = a => Math.sqrt(a.sub(a.mean()).square().mean().dataSync()[0]);
tf.setBackend('cpu').then(() => console.log(JSON.stringify(Array.from(ANSWER).map(plain))));
"""


def run(answer):
    """The numbers of a line of JavaScript."""
    script = SCRIPT.replace("ANSWER", answer)
    done = subprocess.run(["node", "-e", script], capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(done.stderr)
    return [
        float(number.replace("NaN", "nan")) if isinstance(number, str) else number for number in json.loads(done.stdout)
    ]


def written(numbers):
    """Numbers in JavaScript."""
    return "[" + ", ".join(repr(float(a)).replace("nan", "NaN") for a in np.ravel(numbers)) + "]"


try:
    RELEASE = subprocess.run(
        ["node", "-p", "require('@tensorflow/tfjs').version.tfjs"], capture_output=True, text=True, check=True
    ).stdout.split()[-1]
except (OSError, subprocess.CalledProcessError) as error:
    raise ImportError(f"TensorFlow.js: {error}") from error
LIBRARY, VERSION = "tfjs", f"tensorflow.js {RELEASE}"


def kinks(function, x, dy):
    if function in ("hard_sigmoid", "hard_swish"):
        return None
    return run(f"grad(functions.{function}, {written(x)})")


ties = kinks


def not_numbers(function, x):
    if function == "hard_swish":
        return None
    y = run(f"functions.{function}(tf.tensor1d({written(x)})).dataSync()")
    return y[:1] if len(y) == 16 else y


negative_zero = not_numbers


def average_pool(x, ceil):
    return (
        None
        if ceil
        else run(f"tf.avgPool(row({written(x)}), [1, 3], [1, 2], [[0, 0], [0, 0], [1, 1], [0, 0]]).dataSync()")
    )


def batch_normalisation(x, frozen, epsilon):
    return run(f"normalised({written(x)}, {str(frozen).lower()}, {epsilon or 0})")


def close_numbers(**given):
    return batch_normalisation(**given)[:2]


def normalisation_defaults(which):
    return run(f"[tf.layers.batchNormalization().{which}]")


def cross_entropy(kind, logits, targets, weights):
    if kind == "smoothed by 0.1":
        loss = "tf.losses.softmaxCrossEntropy(tf.tensor2d([[0, 1, 0, 0]]), x.reshape([1, 4]), undefined, 0.1)"
        return 0.25 - np.array(run(f"grad(x => {loss}, [0, 0, 0, 0])"))
    if kind != "weights, one-hot rows":
        return None
    rows = f"tf.tensor2d({written(np.eye(3)[targets])}, [2, 3]), tf.tensor2d({written(logits)}, [2, 3])"
    return run(f"tf.losses.softmaxCrossEntropy({rows}, tf.tensor1d({written(weights[targets])})).dataSync()")


def bilinear(x, size, option):
    if option == "antialias":
        return None
    return run(
        f"tf.image.resizeBilinear(row({written(x)}), [1, {size}], {str(option == 'corners').lower()}).dataSync()"
    )


def nearest(x, size, option):
    return run(f"tf.image.resizeNearestNeighbor(row({written(x)}), [1, {size}]).dataSync()")


def suppression(boxes, scores, least):
    given = f"tf.tensor2d({written(boxes)}, [2, 4]), tf.tensor1d({written(scores)}), 10, 0.5"
    return run(f"tf.image.nonMaxSuppression({given}, {'-Infinity' if least is None else least}).dataSync()")


def first_weights(what):
    options = ", depthwiseInitializer: tf.initializers.heNormal({})" if what == "he_normal" else ""
    number = "tf.max(tf.abs(w[1])).dataSync()[0]" if what == "bias" else "deviation(w[0])"
    layer = f"const layer = tf.layers.depthwiseConv2d({{kernelSize: 3{options}}});"
    built = "layer.depthwiseInitializer.seed = 1; layer.build([null, 8, 8, 1440]); const w = layer.getWeights();"
    return run(f"(() => {{ {layer} {built} return [{number}]; }})()")

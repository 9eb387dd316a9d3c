"""Keras's answers, with the backend that KERAS_BACKEND names."""

import keras
import numpy as np
from keras import initializers, layers, losses, metrics, ops

BACKEND = keras.backend.backend()
LIBRARY = f"keras on {BACKEND}"
VERSION = f"keras {keras.__version__} on {BACKEND} {__import__(BACKEND).__version__.partition('+')[0]}"
FUNCTIONS = {
    "relu": ops.relu,
    "relu6": ops.relu6,
    "hard_sigmoid": ops.hard_sigmoid,
    "hard_swish": ops.hard_swish,
    "clip": lambda x: ops.clip(x, 0, 6),
    "maximum": lambda x: ops.maximum(x, ops.ones((1,))),
    "absolute": ops.abs,
    "leaky": lambda x: ops.leaky_relu(x, 0.25),
    "max_pool": lambda x: ops.max_pool(ops.reshape(x, (1, -1, 1)), 2, 2),
}
numbers = ops.convert_to_numpy


def gradient(function, x):
    """The gradient of a function's sum, by the backend's own means."""
    if BACKEND == "jax":
        import jax

        return jax.grad(lambda x: function(x).sum())(x)
    if BACKEND == "torch":
        import torch

        x = torch.tensor(x, requires_grad=True)
        function(x).sum().backward()
        return x.grad
    import tensorflow as tf

    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(function(x))
    return tape.gradient(y, x)


def kinks(function, x, dy):
    return gradient(FUNCTIONS[function], x)


ties = kinks


def not_numbers(function, x):
    y = numbers(FUNCTIONS[function](ops.convert_to_tensor(x))).ravel()
    return y[:1] if len(y) == 16 else y


negative_zero = not_numbers


def average_pool(x, ceil):
    return None if ceil else numbers(ops.average_pool(ops.convert_to_tensor(x[0]), 3, 2, "same"))


def batch_normalisation(x, frozen, epsilon):
    norm = layers.BatchNormalization(**({} if epsilon is None else {"epsilon": epsilon}))
    norm.trainable = not frozen
    y = norm(ops.convert_to_tensor(x), training=True)
    return np.concatenate([numbers(a).ravel() for a in (y, norm.moving_mean, norm.moving_variance)])


def close_numbers(**given):
    return batch_normalisation(**given)[:2]


def normalisation_defaults(which):
    return getattr(layers.BatchNormalization(), which)


def cross_entropy(kind, logits, targets, weights):
    if kind == "all ignored":
        loss = losses.SparseCategoricalCrossentropy(from_logits=True, ignore_class=0)
        return numbers(loss(ops.convert_to_tensor(np.zeros_like(targets)), ops.convert_to_tensor(logits)))
    if kind == "smoothed by 0.1":
        loss = losses.CategoricalCrossentropy(from_logits=True, label_smoothing=0.1)
        row = ops.convert_to_tensor(np.eye(4, dtype=np.float32)[[1]])
        given = np.zeros((1, 4), np.float32)
        return 0.25 - numbers(gradient(lambda x: loss(row, x), given))
    make = losses.CategoricalCrossentropy if kind == "weights, one-hot rows" else losses.SparseCategoricalCrossentropy
    truth = np.eye(3, dtype=np.float32)[targets] if kind == "weights, one-hot rows" else targets
    given = [ops.convert_to_tensor(a) for a in (truth, logits)]
    return numbers(make(from_logits=True)(*given, sample_weight=ops.convert_to_tensor(weights[targets])))


def mean_iou(truth, predicted, classes):
    measured = metrics.MeanIoU(classes, ignore_class=255)
    measured.update_state(truth, predicted)
    return float(measured.result())


def bilinear(x, size, option):
    if option == "corners":
        return None
    return numbers(ops.image.resize(ops.convert_to_tensor(x), (1, size), antialias=bool(option)))


def nearest(x, size, option):
    return numbers(ops.image.resize(ops.convert_to_tensor(x), (1, size), "nearest"))


if BACKEND == "torch":  # what no backend changes

    def network(architecture, width):
        applications = {"v1": "MobileNet", "v2": "MobileNetV2", "v3": "MobileNetV3Small"}
        make = getattr(keras.applications, applications[architecture])
        return make(alpha=width, weights=None, input_shape=(64, 64, 3)).layers

    def widths(architecture, width):
        kernels = [layer for layer in network(architecture, width) if type(layer) is layers.Conv2D]
        beyond = {"v1": 1, "v2": 0, "v3": 2}[architecture]  # the head's own convolutions, behind the pool
        return [kernels[0].filters, kernels[-1 - beyond].filters]

    def network_normalisation(architecture, width):
        norm = next(each for each in network(architecture, width) if isinstance(each, layers.BatchNormalization))
        return [norm.epsilon, norm.momentum]

    def dropout(architecture, width):
        return [layer.rate for layer in network(architecture, width) if isinstance(layer, layers.Dropout)]

    def first_weights(what):
        options = {"depthwise_initializer": initializers.HeNormal(seed=0)} if what == "he_normal" else {}
        keras.utils.set_random_seed(0)
        layer = layers.DepthwiseConv2D(3, **options)
        layer.build((None, 8, 8, 1440))
        return abs(numbers(layer.bias)).max() if what == "bias" else numbers(layer.kernel).std()


def overlaps(boxes, scores, least):
    return numbers(keras.utils.bounding_boxes.compute_iou(boxes[:1], boxes[1:], bounding_box_format="yxyx"))


def box_codes(box, anchor, code):
    options = {"anchor_format": "yxyx", "box_format": "yxyx", "variance": [0.1, 0.1, 0.2, 0.2]}
    anchor = ops.convert_to_tensor(anchor)
    if code is None:
        return numbers(keras.utils.bounding_boxes.encode_box_to_deltas(anchor, ops.convert_to_tensor(box), **options))
    code = ops.convert_to_tensor(code)
    return numbers(keras.utils.bounding_boxes.decode_deltas_to_boxes(anchor, code, **options))

"""TensorFlow's answers."""

import numpy as np
import tensorflow as tf

LIBRARY, VERSION = "tensorflow", f"tensorflow {tf.__version__}"
FUNCTIONS = {
    "relu": tf.nn.relu,
    "relu6": tf.nn.relu6,
    "clip": lambda x: tf.clip_by_value(x, 0, 6),
    "maximum": lambda x: tf.maximum(x, 1.0),
    "absolute": tf.abs,
    "leaky": lambda x: tf.nn.leaky_relu(x, 0.25),
    "max_pool": lambda x: tf.nn.max_pool1d(tf.reshape(x, (1, -1, 1)), 2, 2, "VALID"),
}


def kinks(function, x, dy):
    if function not in FUNCTIONS:
        return None
    x = tf.Variable(x)
    with tf.GradientTape() as tape:
        y = tf.reduce_sum(FUNCTIONS[function](x))
    return tape.gradient(y, x)


ties = kinks


def not_numbers(function, x):
    if function not in FUNCTIONS:
        return None
    y = FUNCTIONS[function](tf.constant(x)).numpy().ravel()
    return y[:1] if len(y) == 16 else y


negative_zero = not_numbers


def average_pool(x, ceil):
    return None if ceil else tf.nn.avg_pool2d(x, (1, 3), (1, 2), "SAME")


def batch_normalisation(x, frozen, epsilon):
    if frozen:
        return None
    y, mean, variance = tf.compat.v1.nn.fused_batch_norm(
        tf.constant(x), tf.ones(1), tf.zeros(1), epsilon=epsilon or 1e-3, is_training=True
    )[:3]
    return np.concatenate([y.numpy().ravel(), mean, variance])


def close_numbers(**given):
    return batch_normalisation(**given)[:2]


def bilinear(x, size, option):
    return None if option == "corners" else tf.image.resize(x, (1, size), antialias=bool(option))


def bilinear__v1(x, size, option):
    if option == "antialias":
        return None
    return tf.compat.v1.image.resize_bilinear(x, (1, size), align_corners=bool(option))


def nearest(x, size, option):
    return tf.image.resize(x, (1, size), "nearest")


def nearest__v1(x, size, option):
    return tf.compat.v1.image.resize_nearest_neighbor(x, (1, size))


def suppression(boxes, scores, least):
    return tf.image.non_max_suppression(boxes, scores, 10, 0.5, -np.inf if least is None else least)

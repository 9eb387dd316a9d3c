"""TensorFlow on a frozen detector: `python tensorflow_graph.py GRAPH.pb X.npy OUT.npz`, in a process of its own.

OUT has the variables under "variables/NAME", and for the picture X, (1, H, W, 3) of 0 to 255, what the graph gives;
boxes are shares of the image.
"""

import os
import sys

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy as np
import tensorflow as tf

NODES = {
    "x": "Preprocessor/sub",
    "logits": "concat_1",
    "codes": "Squeeze",
    "anchors": "Concatenate/concat",
    "scores": "Postprocessor/raw_box_scores",
    "boxes": "Postprocessor/raw_box_locations",
    "found scores": "detection_scores",
    "found boxes": "detection_boxes",
    "found labels": "detection_classes",
}


def main(file, given, out):
    definition = tf.compat.v1.GraphDef()
    with open(file, "rb") as opened:
        definition.ParseFromString(opened.read())
    names = {node.name for node in definition.node}
    variables = {  # what a checkpoint would have: constants that are read, as variables are
        f"variables/{node.name}": tf.make_ndarray(node.attr["value"].tensor)
        for node in definition.node
        if node.op == "Const" and f"{node.name}/read" in names
    }
    with tf.Graph().as_default() as graph:
        tf.import_graph_def(definition, name="")
    with tf.compat.v1.Session(graph=graph) as session:
        picture = {"image_tensor:0": np.load(given).astype(np.uint8)}
        gave = session.run({key: f"{node}:0" for key, node in NODES.items()}, picture)
    np.savez(out, **variables, **gave)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Record what torchvision and transformers give for semantic segmentation: `python record_segmentation.py`, with both.

Writes segmentation.json beside it, as record_ssdlite.py does: every array of a network has the numbers that
`numbers_by_name` draws for its name, all is computed in float64, and of each array its size and two products with
random directions are kept. Dropout is left out. Some images are long and narrow: the largest rate needs a map to reach.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
import torchvision
import transformers
from numbers_by_name import array, uniform
from record_ssdlite import SEED, HardSigmoid, image, summarised
from torchvision.models import mobilenet_v3_large
from torchvision.models.segmentation.deeplabv3 import _deeplabv3_mobilenetv3
from torchvision.models.segmentation.lraspp import _lraspp_mobilenetv3
from transformers import MobileNetV2Config, MobileNetV2ForSemanticSegmentation

SEGMENTING = [  # the network, its width, the classes, the size of the two images
    {"network": "lraspp", "width": 1.0, "classes": 21, "size": [96, 136]},
    {"network": "lraspp", "width": 0.35, "classes": 5, "size": [104, 72]},
    {"network": "deeplab", "width": 0.35, "classes": 5, "size": [40, 640]},
    {"network": "deeplab", "width": 0.35, "classes": 3, "size": [600, 56]},
    {"network": "transformers", "width": 0.35, "classes": 5, "size": [64, 104], "output_stride": 8},
    {"network": "transformers", "width": 1.0, "classes": 21, "size": [97, 65], "output_stride": 16},
]
TRAINING = [  # of four images
    {"network": "lraspp", "width": 0.35, "classes": 5, "size": [72, 104]},
    {"network": "deeplab", "width": 0.35, "classes": 3, "size": [48, 208]},
    {"network": "transformers", "width": 0.35, "classes": 5, "size": [64, 88], "output_stride": 8},
]
WHOLE = [("lraspp", 21), ("deeplab", 21), ("transformers", 21)]  # as they are published: the names of these are kept


def network_of(case):
    """The untrained network, without dropout."""
    width, classes = case["width"], case["classes"]
    if case["network"] == "transformers":
        options = {"num_labels": classes, "depth_multiplier": width, "output_stride": case["output_stride"]}
        return MobileNetV2ForSemanticSegmentation(MobileNetV2Config(**options, classifier_dropout_prob=0.0))
    backbone = mobilenet_v3_large(weights=None, width_mult=width, dilated=True)
    build = _lraspp_mobilenetv3 if case["network"] == "lraspp" else _deeplabv3_mobilenetv3
    network = build(backbone, classes, *([True] if case["network"] == "deeplab" else []))
    for module in network.modules():
        if isinstance(module, torchvision.ops.SqueezeExcitation):
            module.scale_activation = HardSigmoid()
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    return network


def arrays_of(network):
    """Its arrays without counters, and without those that its forward does not use for the masks."""
    unused = ("num_batches_tracked", "aux_classifier", "mobilenet_v2.conv_1x1")
    return {name: a for name, a in network.state_dict().items() if not any(part in name for part in unused)}


def built(case, count, training=False):
    network = network_of(case)
    with torch.no_grad():
        for name, a in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                a.copy_(torch.from_numpy(array(name, a.shape, SEED)))
    x = np.stack([2 * image(i, case["size"]) - 1 for i in range(count)]).transpose(0, 3, 1, 2)
    return network.double().train(training), torch.from_numpy(x.copy()).requires_grad_(training)


def logits_of(network, x):
    """Logits of the images' size, and what `hooked` layers gave on the way."""
    if isinstance(network, MobileNetV2ForSemanticSegmentation):
        scores = network(x).logits
        return torch.nn.functional.interpolate(scores, size=x.shape[2:], mode="bilinear", align_corners=False)
    return network(x)["out"]


def last(a):
    """Channels last."""
    return a.permute(0, 2, 3, 1).detach().numpy().copy() if a.ndim == 4 else a.detach().numpy().copy()


def segmented(case):
    """The maps that the head takes, the scores at its own resolution, and the logits."""
    network, x = built(case, 2)
    kept = {}
    if case["network"] == "transformers":
        head = network.segmentation_head
        head.register_forward_hook(lambda module, inputs, given: kept.update(high=inputs[0], scores=given))
    else:
        network.backbone.register_forward_hook(
            lambda module, inputs, maps: kept.update(high=maps["high" if "high" in maps else "out"])
        )
        network.classifier.register_forward_hook(lambda module, inputs, given: kept.update(scores=given))
    with torch.no_grad():
        kept["logits"] = logits_of(network, x)
    return {name: last(a) for name, a in kept.items()}


def trained(case):
    """A step's logits, the gradients of their product with random numbers, and the running statistics after it."""
    network, x = built(case, 4, training=True)
    logits = logits_of(network, x)
    dy = uniform("dy", (*x.shape[:1], *x.shape[2:], case["classes"]), SEED)
    logits.backward(torch.from_numpy(dy.transpose(0, 3, 1, 2).copy()))
    used = arrays_of(network)
    arrays = {"logits": last(logits), "dx": last(x.grad)}
    arrays |= {name: a.grad.numpy() for name, a in network.named_parameters() if name in used}
    if case["network"] != "transformers":  # which keeps 0.003 of its running statistics in a step
        arrays |= {name: a.numpy() for name, a in network.named_buffers() if name in used and a.ndim}
    return arrays


def lines_of(name, classes):
    """The sorted lines "name shape" of all arrays that count, as a hash; their number, and the parameters."""
    network = network_of({"network": name, "width": 1.0, "classes": classes, "output_stride": 16})
    arrays = arrays_of(network)
    text = "\n".join(sorted(f"{name} {tuple(a.shape)}" for name, a in arrays.items()))
    params = sum(a.numel() for name, a in network.named_parameters() if name in arrays)
    return [name, classes, len(arrays), params, hashlib.sha256(text.encode()).hexdigest()[:16]]


def main():
    made = {"torchvision": torchvision.__version__, "transformers": transformers.__version__}
    made["names"] = [lines_of(*each) for each in WHOLE]
    for kind, cases, computed in (("segmenting", SEGMENTING, segmented), ("training", TRAINING, trained)):
        made[kind] = [{**case, "arrays": summarised(computed(case))} for case in cases]
    text = json.dumps(made, indent=1)
    Path(__file__).with_name("segmentation.json").write_text(text + "\n", encoding="utf-8")


torch.set_default_dtype(torch.float64)
if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

"""Record what transformers gives for MobileNetV1 and V2: `python record_transformers.py`, with transformers installed.

Writes transformers.json beside it, of the form of mobilenet_v3.json: every array of a network has the numbers that
`numbers_by_name` draws for its name, and a few products with random directions are kept of each map and of the logits.
"""

import hashlib
import json
from pathlib import Path

import torch
import transformers
from numbers_by_name import array, images, shadows
from transformers import (
    MobileNetV1Config,
    MobileNetV1ForImageClassification,
    MobileNetV2Config,
    MobileNetV2ForImageClassification,
)

CLASSES, SEED = 7, 1
EVEN, ODD = (2, 64, 96, 3), (2, 49, 35, 3)
NETWORKS = {
    1: (MobileNetV1Config, MobileNetV1ForImageClassification),
    2: (MobileNetV2Config, MobileNetV2ForImageClassification),
}
CASES = [  # version, options of transformers, options of ours, images
    (1, {"depth_multiplier": 0.75}, {"width": 0.75}, EVEN),
    (1, {"depth_multiplier": 0.25}, {"width": 0.25, "padding": "same"}, ODD),
    (2, {"depth_multiplier": 0.75}, {"width": 0.75}, EVEN),
    (2, {"depth_multiplier": 0.35}, {"width": 0.35}, ODD),
    (2, {"depth_multiplier": 1.4}, {"width": 1.4}, EVEN),
    (2, {"depth_multiplier": 0.35, "output_stride": 16}, {"width": 0.35, "output_stride": 16}, EVEN),
    (2, {"depth_multiplier": 0.35, "finegrained_output": False}, {"width": 0.35, "last_channels": 448}, EVEN),
]


def built(version, theirs, classes):
    config, network = NETWORKS[version]
    return network(config(num_labels=classes, **theirs)).eval()


def recorded(version, theirs, ours, shape):
    network, x = built(version, theirs, CLASSES), images(shape, SEED)
    arrays = {name: a for name, a in network.state_dict().items() if not name.endswith("num_batches_tracked")}
    with torch.no_grad():
        for name, a in arrays.items():
            a.copy_(torch.from_numpy(array(name, a.shape, SEED)))
        y = network(torch.from_numpy(x.transpose(0, 3, 1, 2).copy()), output_hidden_states=True)
    blocks = y.hidden_states[1::2] if version == 1 else y.hidden_states  # V1's are those of each convolution
    first = 1 if version == 1 else 2  # V2's first block is in its stem
    maps = {f"block_{number}": a.permute(0, 2, 3, 1).numpy() for number, a in enumerate(blocks, first)}
    lines = "\n".join(f"{name} {tuple(a.shape)}" for name, a in arrays.items())
    return {
        "version": version, "options": theirs, "ours": ours, "images": shape,
        "names": [len(arrays), hashlib.sha256(lines.encode()).hexdigest()[:16]],
        "maps": {name: [float(f"{share:.8g}") for share in shadows(name, a, SEED)]
                 for name, a in {**maps, "logits": y.logits.numpy()}.items()},
    }  # fmt: skip


def main():
    made = {"transformers": transformers.__version__, "seed": SEED, "classes": CLASSES}
    made["cases"] = [recorded(*case) for case in CASES]
    text = json.dumps(made, indent=1)
    Path(__file__).with_name("transformers.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

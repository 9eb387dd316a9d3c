"""Record what torchvision gives for SSDLite on MobileNetV3: `python record_ssdlite.py`, with it installed.

Writes ssdlite.json beside it. Every array of a network has the numbers that `numbers_by_name` draws for its name. All
is computed in float64, the default boxes too, whose sizes and centres torchvision rounds to float32. The gates'
hard-sigmoid is written out, as torch's gradient of it has 1/6 in float32. Of each array its size and two products with
random directions are kept.
"""

import hashlib
import json
from pathlib import Path

import numpy as np
import torch
import torchvision
from numbers_by_name import array, uniform

SEED = 1
DETECTING = [  # classes, width of the backbone, the size that images are brought to, the sizes of the images
    {"classes": 91, "width": 1.0, "size": [320, 320], "images": [[160, 400]], "codes": 3},
    {"classes": 7, "width": 0.35, "size": [96, 160], "images": [[96, 160], [192, 200]], "codes": 1},
]
BOXES = [  # of four images, as torchvision has them: left, top, right, bottom; the third image has none
    [[8, 12, 46, 60], [60, 14, 180, 120], [8.5, 68, 25.25, 88]],
    [[90, 20, 138, 112], [34, 0, 158, 70]],
    [],
    [[0, 0, 192, 128], [120, 52, 144, 80], [122, 54, 146, 82]],
]
TRAINING = {
    "classes": 5, "width": 0.35, "size": [128, 192], "images": [[128, 192]] * 4, "codes": 1, "boxes": BOXES,
    "labels": [[1, 4, 2], [3, 1], [], [4, 2, 2]], "rate": 1e-3, "momentum": 0.9, "steps": 3,
}  # fmt: skip


def number(name, shape, codes=1):
    """An array of torchvision's network; the codes of the boxes are made so many times as large."""
    of_codes = name.startswith("head.regression_head") and name.endswith(".1.weight") and len(shape) == 4
    return array(name, shape, SEED) * (codes if of_codes else 1)


def image(i, size):
    """The i-th image, (height, width, 3), from 0 to 1."""
    return uniform(f"image {i}", (*size, 3), SEED, 0, 1)


class HardSigmoid(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.relu6(x + 3) / 6


def built(case, training=False):
    build = torchvision.models.detection.ssdlite320_mobilenet_v3_large
    network = build(weights=None, weights_backbone=None, num_classes=case["classes"], width_mult=case["width"])
    for module in network.modules():
        if isinstance(module, torchvision.ops.SqueezeExcitation):
            module.scale_activation = HardSigmoid()
    height, width = case["size"]
    network.transform.fixed_size = (width, height)
    generator = network.anchor_generator
    generator._wh_pairs = generator._generate_wh_pairs(len(generator.aspect_ratios), torch.float64)
    with torch.no_grad():
        for name, a in network.state_dict().items():
            if not name.endswith("num_batches_tracked"):
                a.copy_(torch.from_numpy(number(name, a.shape, case["codes"])))
    x = [torch.from_numpy(image(i, size).transpose(2, 0, 1).copy()) for i, size in enumerate(case["images"])]
    return network.train(training), x


def detected(case):
    """Maps, channels last, default boxes, what the heads give, and what was found on each image."""
    network, x = built(case)
    kept = {}
    network.backbone.register_forward_hook(lambda module, inputs, maps: kept.update(maps))
    network.head.register_forward_hook(lambda module, inputs, given: kept.update(given))
    network.anchor_generator.register_forward_hook(lambda module, inputs, given: kept.update(anchors=given[0]))
    with torch.no_grad():
        found = network(x)
    arrays = {name: a.permute(0, 2, 3, 1) if a.ndim == 4 else a for name, a in kept.items()}
    for i, each in enumerate(found):
        arrays |= {f"{name} {i}": a for name, a in each.items()}
    return {name: a.numpy() for name, a in arrays.items()}


def trained(case):
    """The loss's parts before the first step, their gradients, the running statistics after it, and further losses."""
    network, x = built(case, training=True)
    targets = [
        {"boxes": torch.tensor(boxes, dtype=torch.float64).reshape(-1, 4), "labels": torch.tensor(labels).long()}
        for boxes, labels in zip(case["boxes"], case["labels"], strict=True)
    ]
    optimizer = torch.optim.SGD(network.parameters(), case["rate"], case["momentum"])
    arrays, losses = {}, []
    for step in range(case["steps"] + 1):
        parts = network(x, targets)
        losses.append([parts["bbox_regression"].item(), parts["classification"].item()])
        optimizer.zero_grad()
        sum(parts.values()).backward()
        if not step:
            arrays |= {name: a.grad.numpy().copy() for name, a in network.named_parameters()}
            arrays |= {name: a.numpy().copy() for name, a in network.named_buffers() if a.ndim}
        optimizer.step()
    return arrays | {"losses": np.array(losses)}


def shrunk(name, a, count=2):
    """An array's size and its products with random directions, in the size's unit; few numbers as they are."""
    a = np.asarray(a, np.float64)
    if a.size <= 8:
        return a.ravel().tolist()
    products = [(a * uniform(f"{name} {i}", a.shape, SEED)).sum() for i in range(count)]
    return [float((a**2).mean() ** 0.5), *(float(product / (a.size / 3) ** 0.5) for product in products)]


def summarised(arrays):
    return {name: [float(f"{value:.11g}") for value in shrunk(name, a)] for name, a in arrays.items()}


def lines_of(classes, width):
    """The lines "name shape" of all arrays, without counters, as a hash; their number, and the parameters."""
    network, _ = built({"classes": classes, "width": width, "size": [320, 320], "images": [], "codes": 1})
    arrays = {name: tuple(a.shape) for name, a in network.state_dict().items() if "num_batches" not in name}
    text = "\n".join(f"{name} {shape}" for name, shape in arrays.items())
    params = sum(a.numel() for a in network.parameters())
    return [classes, width, len(arrays), params, hashlib.sha256(text.encode()).hexdigest()[:16]]


def main():
    made = {"torchvision": torchvision.__version__, "names": [lines_of(91, 1.0), lines_of(7, 0.35)], "detecting": []}
    for case in DETECTING:
        arrays = detected(case)
        first = [
            {name: arrays[f"{name} {i}"][:3].tolist() for name in ("boxes", "scores", "labels")}
            for i in range(len(case["images"]))
        ]
        print({name: a.shape for name, a in arrays.items()}, first)
        made["detecting"].append({**case, "arrays": summarised(arrays), "first": first})
    arrays = trained(TRAINING)
    print(arrays["losses"])
    made["training"] = {**TRAINING, "arrays": summarised(arrays)}
    text = json.dumps(made, indent=1)
    Path(__file__).with_name("ssdlite.json").write_text(text + "\n", encoding="utf-8")


torch.set_default_dtype(torch.float64)
if __name__ == "__main__":
    torch.set_num_threads(1)
    main()

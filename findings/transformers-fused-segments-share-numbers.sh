#!/bin/sh
# transformers 5.24.0, torch 2.13.0: post_process_panoptic_segmentation of DETR, MaskFormer and Mask2Former gives one number
# to two different objects if label_ids_to_fuse is used, as it has to be for sky, road and the like. If a second piece of a
# fused class is found, it takes the number of the first, as it should; but the counter goes back to that number too, and
# the next object gets one that is in use. A car found after the second piece of sky becomes one segment with the person
# found between the two. The order is that of the network's queries, so it changes from image to image. segments_info
# has the fused segment twice, and the number 2 with two labels. With nothing fused each of the four has its own number.
#
# Seen (4x6, in four quarters sky, person / sky, car, in this order of queries; map, and number and label of each segment):
#   Detr: 112222 112222 112222 112222, 1 sky, 2 person, 1 sky, 2 car
#   MaskFormer: 112222 112222 112222 112222, 1 sky, 2 person, 1 sky, 2 car
#   Mask2Former: 112222 112222 112222 112222, 1 sky, 2 person, 1 sky, 2 car
#   nothing fused, all three: 112222 112222 334444 334444, 1 sky, 2 person, 3 sky, 4 car
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import importlib
from types import SimpleNamespace

import torch
import transformers

transformers.logging.set_verbosity_error()
NAMES = ("sky", "person", "car")
quarters = torch.tensor([[0, 1], [2, 3]]).repeat_interleave(2, 0).repeat_interleave(torch.tensor([2, 4]), 1)
logits = torch.stack([(quarters == query) * 40.0 - 20 for query in range(4)])[None]
logits = torch.nn.functional.interpolate(logits, size=(384, 384), mode="nearest")
scores = torch.full((1, 4, 4), -20.0)
scores[0, range(4), [0, 1, 0, 2]] = 20
outputs = SimpleNamespace(class_queries_logits=scores, masks_queries_logits=logits, logits=scores, pred_masks=logits)

def panoptic(processor, fused):
    result = processor.post_process_panoptic_segmentation(outputs, label_ids_to_fuse=fused, target_sizes=[(4, 6)])[0]
    rows = " ".join("".join(map(str, row)) for row in result["segmentation"].tolist())
    return rows, ", ".join(f"{each['id']} {NAMES[each['label_id']]}" for each in result["segments_info"])

for name in ("Detr", "MaskFormer", "Mask2Former"):
    module = importlib.import_module(f"transformers.models.{name.lower()}.image_processing_pil_{name.lower()}")
    processor = getattr(module, f"{name}ImageProcessorPil")()
    rows, segments = panoptic(processor, {0})
    print(f"{name}: {rows}, {segments}")
    assert (rows, segments) == ("112222 112222 112222 112222", "1 sky, 2 person, 1 sky, 2 car"), "the numbers have changed"
    assert panoptic(processor, set()) == ("112222 112222 334444 334444", "1 sky, 2 person, 3 sky, 4 car")
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 transformers==5.24.0 pillow==13.0.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"

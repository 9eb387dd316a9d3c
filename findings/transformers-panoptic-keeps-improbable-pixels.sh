#!/bin/sh
# transformers 5.24.0, torch 2.13.0: post_process_panoptic_segmentation of DETR, MaskFormer and Mask2Former gives a segment
# pixels that are improbable. mask_threshold, by its description what makes the masks binary, decides only whether a segment
# is kept. Each pixel then goes to the query that gives it the most, and that may be a probability of 6e-6, so that an object
# of 6 pixels on an empty image covers all 24. EoMT's, with the same scores, leaves such pixels empty. And emptiness has two
# numbers in the first three: -1 in an image where no query passes the threshold of the score, 0 where one does and its
# mask does not. (Run: the processors that need no torchvision.)
#
# Seen (a 4x6 image, one object of 2x3 pixels with probability 1 - 6e-6 inside and 6e-6 outside; {number: pixels}, by
# default and with mask_threshold 0.99, mask_threshold 1, which rejects the mask, and threshold 1, which rejects the score):
#   Detr: {1: 24}, {1: 24}, {0: 24}, {-1: 24}
#   MaskFormer: {1: 24}, {1: 24}, {0: 24}, {-1: 24}
#   Mask2Former: {1: 24}, {1: 24}, {0: 24}, {-1: 24}
#   Eomt: {-1: 18, 0: 6}, {-1: 18, 0: 6}, {-1: 24}, {-1: 24}
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import importlib
from types import SimpleNamespace

import numpy as np
import torch
import transformers

transformers.logging.set_verbosity_error()

def outputs(height):
    """One query that finds the object; the image at the top of so many rows, the rest of them padding."""
    logits = torch.full((height, 6), -12.0)
    logits[1:3, 1:4] = 12
    logits = torch.nn.functional.interpolate(logits[None, None], size=(384, 384), mode="nearest")
    scores = torch.tensor([[[20.0, -20, -20]]])
    return SimpleNamespace(
        class_queries_logits=scores, masks_queries_logits=logits, logits=scores, pred_masks=logits, patch_offsets=None
    )

def pixels(processor, height, **thresholds):
    result = processor.post_process_panoptic_segmentation(outputs(height), target_sizes=[(4, 6)], **thresholds)[0]
    numbers, counts = np.unique(result["segmentation"].numpy(), return_counts=True)
    return {int(number): int(count) for number, count in zip(numbers, counts)}

for name in ("Detr", "MaskFormer", "Mask2Former", "Eomt"):
    module = importlib.import_module(f"transformers.models.{name.lower()}.image_processing_pil_{name.lower()}")
    processor = getattr(module, f"{name}ImageProcessorPil")()
    height = 6 if name == "Eomt" else 4  # EoMT pads images to squares
    cases = ({}, {"mask_threshold": 0.99}, {"mask_threshold": 1.0}, {"threshold": 1.0})
    found = [pixels(processor, height, **thresholds) for thresholds in cases]
    print(f"{name}:", ", ".join(map(str, found)))
    if name != "Eomt":
        assert found == [{1: 24}, {1: 24}, {0: 24}, {-1: 24}], "pixels below the threshold are left empty now"
    else:
        assert found == [{-1: 18, 0: 6}, {-1: 18, 0: 6}, {-1: 24}, {-1: 24}]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 transformers==5.24.0 pillow==13.0.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"

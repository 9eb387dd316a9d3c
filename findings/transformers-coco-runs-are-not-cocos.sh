#!/bin/sh
# transformers 5.24.0: post_process_instance_segmentation(return_coco_annotation=True) of Mask2Former promises "COCO
# run-length encoding (RLE) format" and gives something else. COCO's counts are lengths only, column by column, beginning
# with the zeros; here come pairs of a start, counted from 1, and a length, row by row. And the list is one longer than
# segments_info: the runs of the background stand first, wherever there is any, so that zip gives each segment the mask
# of the one before it, and the first the background. The lengths are NumPy's, which json.dumps refuses. pycocotools 2.0.11
# made the counts to compare with. The map that the same method returns without the option is right. (Run: the processor
# that needs no torchvision.)
#
# Seen (an image of 4x6 with two segments, of 2x3 and 3x1 pixels):
#   map: .....0 .111.0 .111.0 ......
#   segments_info: 2, runs: 3
#   runs 0 [1, 5, 7, 1, 11, 1, 13, 1, 17, 1, 19, 6] cover 15 pixels, none of a segment
#   runs 1 [6, 1, 12, 1, 18, 1] are those of segment 0, whose COCO counts are [20, 3, 1]
#   runs 2 [8, 3, 14, 3] are those of segment 1, whose COCO counts are [5, 2, 2, 2, 2, 2, 9]
#   json.dumps: Object of type int64 is not JSON serializable
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import json
from types import SimpleNamespace

import numpy as np
import torch
from pycocotools import mask
from transformers.models.mask2former.image_processing_pil_mask2former import Mask2FormerImageProcessorPil

def counts(segment):
    """COCO's lengths, from pycocotools' packed string."""
    packed = mask.encode(np.asfortranarray(segment.astype(np.uint8)))
    columns = mask.decode(packed).ravel(order="F")
    ends = np.flatnonzero(np.diff(columns)) + 1
    lengths = np.diff([0, *ends, columns.size]).tolist()
    lengths = [0, *lengths] if columns[0] else lengths
    assert mask.frPyObjects({"size": list(segment.shape), "counts": lengths}, *segment.shape) == packed
    return lengths

def covered(runs, shape):
    """Boolean mask of starts from 1 and lengths, row by row."""
    pixels = np.zeros(shape, bool)
    for start, length in zip(runs[::2], runs[1::2]):
        pixels.reshape(-1)[start - 1 : start - 1 + length] = True
    return pixels

truth = np.full((4, 6), -1)
truth[1:3, 1:4], truth[0:3, 5] = 0, 1
logits = torch.stack([torch.from_numpy(truth == each) * 40.0 - 20 for each in (0, 1)])[None]
outputs = SimpleNamespace(
    masks_queries_logits=torch.nn.functional.interpolate(logits, size=(384, 384), mode="nearest"),
    class_queries_logits=torch.tensor([[[20.0, -20, -20], [-20, 5, -20]]]),
)
process = Mask2FormerImageProcessorPil().post_process_instance_segmentation
result = process(outputs, target_sizes=[truth.shape])[0]["segmentation"].numpy()
print("map:", *("".join("." if each < 0 else str(int(each)) for each in row) for row in result))
coded = process(outputs, target_sizes=[truth.shape], return_coco_annotation=True)[0]
found, segments = coded["segmentation"], coded["segments_info"]
print(f"segments_info: {len(segments)}, runs: {len(found)}")
assert [each["id"] for each in segments] == [0, 1] and len(found) == 3
for each in segments:
    assert ((result == each["id"]) == (truth == each["label_id"])).all()
background = covered(found[0], truth.shape)
print("runs 0", [int(each) for each in found[0]], f"cover {background.sum()} pixels, none of a segment")
assert (background == (result < 0)).all()
for number in (0, 1):
    runs, expected = [int(each) for each in found[number + 1]], counts(result == number)
    print(f"runs {number + 1} {runs} are those of segment {number}, whose COCO counts are {expected}")
    assert (covered(runs, truth.shape) == (result == number)).all() and runs != expected
try:
    json.dumps(found)
except TypeError as error:
    print("json.dumps:", error)
else:
    raise AssertionError("json.dumps takes the runs now")
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 torch==2.13.0 transformers==5.24.0 pillow==13.0.0 pycocotools==2.0.11
"$folder/venv/bin/python" -W ignore "$folder/show.py"

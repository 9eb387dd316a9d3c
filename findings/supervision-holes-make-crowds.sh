#!/bin/sh
# supervision 0.31.2, pycocotools 2.0.11: DetectionDataset.as_coco writes an object as a crowd if its mask has a hole or more
# than one piece, and one stray pixel is a piece. The method's documentation says that such a mask is stored as runs and
# not as polygons, with no word of iscrowd, and COCO's evaluation takes runs without iscrowd too. Crowds it does not count: a
# network that finds the ring gains nothing, one that misses it loses nothing, and ten results for a part of it are no
# mistakes. "iscrowd" 0 in the Detections' data makes polygons of all masks, which fill the hole.
#
# Seen (a square and another object; AP of a network that finds both exactly, of one that finds the square alone, and of one
# with ten results for a quarter of the other object before them; then the same with the file's iscrowd set to 0):
#   whole: iscrowd 0, AP [1.0, 0.505, 0.167], with iscrowd 0 [1.0, 0.505, 0.167]
#   ring: iscrowd 1, AP [1.0, 1.0, 1.0], with iscrowd 0 [1.0, 0.505, 0.167]
#   behind a pole: iscrowd 1, AP [1.0, 1.0, 1.0], with iscrowd 0 [1.0, 0.505, 0.167]
#   stray pixel: iscrowd 1, AP [1.0, 1.0, 1.0], with iscrowd 0 [1.0, 0.505, 0.167]
#   ring of 800 pixels with iscrowd 0 in the data: 841 pixels
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import contextlib
import io
import json

import cv2
import numpy as np
import supervision
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

square, whole, ring, pole, stray = np.zeros((5, 60, 80), bool)
square[10:30, 5:25] = True
for each in (whole, ring, pole, stray):
    each[20:50, 35:65] = True
ring[30:40, 45:55] = pole[:, 48:52] = False
stray[52, 70] = True
cv2.imwrite("image.png", np.zeros((60, 80, 3), np.uint8))

def written(other, **data):
    """Annotations of the square and the other object, as supervision writes them."""
    both = np.stack([square, other])
    truth = supervision.Detections(
        xyxy=supervision.mask_to_xyxy(both).astype(float), mask=both, class_id=np.array([0, 0]), data=data
    )
    dataset = supervision.DetectionDataset(["thing"], ["image.png"], {"image.png": truth})
    dataset.as_coco(annotations_path="truths.json")
    with open("truths.json") as file:
        return json.load(file)

def precision(truths, found):
    """COCO's average precision of masks, the first of them with the highest scores."""
    with open("truths.json", "w") as file:
        json.dump(truths, file)
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO("truths.json")
        results = [
            {"segmentation": mask.encode(np.asfortranarray(each.astype(np.uint8))), "score": 0.9 - 0.01 * number}
            | {name: truths["annotations"][0][name] for name in ("image_id", "category_id")}
            for number, each in enumerate(found)
        ]
        evaluation = COCOeval(coco, coco.loadRes(results), "segm")
        evaluation.evaluate()
        evaluation.accumulate()
    return round(float(evaluation.eval["precision"][..., 0, -1].mean()), 3)

def read(annotation):
    """The mask of an annotation as pycocotools draws it."""
    coco = COCO()
    coco.imgs = {annotation["image_id"]: {"height": 60, "width": 80}}
    return coco.annToMask(annotation).astype(bool)

for name, other in (("whole", whole), ("ring", ring), ("behind a pole", pole), ("stray pixel", stray)):
    truths = written(other)
    crowds = [each["iscrowd"] for each in truths["annotations"]]
    masks = [read(each) for each in truths["annotations"]]
    quarter = masks[1].copy()
    quarter[35:] = quarter[:, 50:] = False
    cases = (masks, masks[:1], [quarter] * 10 + masks)
    found = [precision(truths, case) for case in cases]
    for each in truths["annotations"]:
        each["iscrowd"] = 0
    counted = [precision(truths, case) for case in cases]
    print(f"{name}: iscrowd {crowds[1]}, AP {found}, with iscrowd 0 {counted}")
    assert counted == [1.0, 0.505, 0.167] and crowds[0] == 0
    if other is whole:
        assert crowds[1] == 0 and found == counted
    else:
        assert crowds[1] == 1 and found == [1.0, 1.0, 1.0], "the object is no crowd now"
filled = read(written(ring, iscrowd=np.array([0, 0]))["annotations"][1])
print(f"ring of {ring.sum()} pixels with iscrowd 0 in the data: {filled.sum()} pixels")
assert ring.sum() == 800 and filled.sum() == 841 and filled[30:40, 45:55].all()
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 supervision==0.31.2 opencv-python==5.0.0.93 pycocotools==2.0.11
cd "$folder"
venv/bin/python -W ignore show.py

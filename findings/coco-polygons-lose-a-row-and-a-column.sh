#!/bin/sh
# supervision 0.31.2 and imantics 0.1.12, both by findContours of opencv-python 5.0.0.93, with pycocotools 2.0.11: a mask
# that is saved as COCO's polygon loses its last row and column when it is measured. OpenCV's corners are the centres of
# the outermost pixels, so that a square of 10 pixels has sides of 9; COCO's polygons have the pixels' outer edges as
# corners. Nothing shows it on the way: the file says area 100, and the library that wrote the polygon reads it back
# whole, as fillPoly draws the edge too. pycocotools sees 81 pixels, and a network that finds the very mask has an IoU of
# .81 and an average precision of .7. Of a square of 5 pixels .3 is left. The outlines of rasterio 1.4.4 run along the edges
# and keep everything. supervision's box is one pixel short in both directions too.
#
# Seen (squares, saved and measured against themselves):
#   5x5: area in the file 25, box 4x4, supervision reads 25, pycocotools 16 pixels, AP 0.3; imantics 16, rasterio 25
#   10x10: area in the file 100, box 9x9, supervision reads 100, pycocotools 81 pixels, AP 0.7; imantics 81, rasterio 100
#   20x20: area in the file 400, box 19x19, supervision reads 400, pycocotools 361 pixels, AP 0.9; imantics 361, rasterio 400
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import contextlib
import io
import json

import cv2
import imantics
import numpy as np
import rasterio.features
import supervision
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

def measured(truths, square):
    """Pixels of the truth as pycocotools draws it, and AP of a result that is the square, given as runs."""
    with contextlib.redirect_stdout(io.StringIO()):
        coco = COCO(truths)
        truth = coco.loadAnns(coco.getAnnIds())[0]
        runs = mask.encode(np.asfortranarray(square.astype(np.uint8)))
        result = {"segmentation": runs | {"counts": runs["counts"].decode()}, "score": 0.9}
        found = coco.loadRes([result | {name: truth[name] for name in ("image_id", "category_id")}])
        each = COCOeval(coco, found, "segm")
        each.evaluate()
        each.accumulate()
    return int(coco.annToMask(truth).sum()), round(float(each.eval["precision"][..., 0, -1].mean()), 4)

def drawn(polygon, shape):
    return int(mask.decode(mask.merge(mask.frPyObjects([np.ravel(polygon).astype(float).tolist()], *shape))).sum())

def saved(side):
    square = np.zeros((60, 80), bool)
    square[8 : 8 + side, 12 : 12 + side] = True
    cv2.imwrite("image.png", np.zeros((60, 80, 3), np.uint8))
    boxes = supervision.mask_to_xyxy(square[None])
    truth = supervision.Detections(xyxy=boxes, mask=square[None], class_id=np.array([0]))
    supervision.DetectionDataset(["thing"], ["image.png"], {"image.png": truth}).as_coco(annotations_path="truths.json")
    with open("truths.json") as file:
        annotation = json.load(file)["annotations"][0]
    again = supervision.DetectionDataset.from_coco(".", "truths.json", force_masks=True)
    again = next(iter(again.annotations.values())).mask[0]
    assert (again == square).all()
    seen, precision = measured("truths.json", square)
    outline = next(rasterio.features.shapes(square.astype(np.uint8), mask=square))[0]["coordinates"][0]
    others = [drawn(imantics.Mask(square).polygons().segmentation, square.shape), drawn(outline, square.shape)]
    width, height = (int(each) for each in annotation["bbox"][2:])
    print(f"{side}x{side}: area in the file {annotation['area']:.0f}, box {width}x{height}, supervision reads {again.sum()}, "
          f"pycocotools {seen} pixels, AP {precision}; imantics {others[0]}, rasterio {others[1]}")
    assert annotation["area"] == side**2 and width == height == side - 1
    assert others == [(side - 1) ** 2, side**2]
    return seen, precision

assert saved(5) == (16, 0.3)
assert saved(10) == (81, 0.7)
assert saved(20) == (361, 0.9)
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 supervision==0.31.2 opencv-python==5.0.0.93 pycocotools==2.0.11 imantics==0.1.12 \
  rasterio==1.4.4
cd "$folder"
venv/bin/python -W ignore show.py

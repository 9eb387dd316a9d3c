#!/bin/sh
# pycocotools 2.0.11, faster-coco-eval 1.8.0, hotcoco 1.3.0: the average precision of masks of small objects changes if the
# results also have boxes, which the evaluation of masks does not otherwise use. A detection's size class is that of its
# "area", which loadRes takes from the box if the first result has one, and from the mask if not; the truths' areas are
# those of their masks. A mask that fills half of its box is small by itself and medium by its box. As a false alarm it
# then counts among the small objects, or not: 0.5 or 1.0. And results that have boxes only are measured as masks without
# a word, with the boxes' own pixels.
#
# Seen (AP of all sizes and of small objects: masks, the same masks with boxes, boxes without masks on square truths):
#   pycocotools: masks 0.5 0.5, with boxes 0.5 1.0, boxes alone as masks 1.0 1.0
#   faster-coco-eval: masks 0.5 0.5, with boxes 0.5 1.0, boxes alone as masks 1.0 1.0
#   hotcoco: masks 0.5 0.5, with boxes 0.5 1.0, boxes alone as masks 1.0 1.0
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import contextlib
import io

import faster_coco_eval
import hotcoco
import numpy as np
from pycocotools import mask
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

LIBRARIES = {
    "pycocotools": (COCO, COCOeval),
    "faster-coco-eval": (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
    "hotcoco": (hotcoco.COCO, hotcoco.COCOeval),
}

def triangle(left, top):
    return [left, top, left + 40.0, top, left, top + 40.0]

def encoded(polygon):
    rle = mask.merge(mask.frPyObjects([polygon], 100, 100))
    return {"size": rle["size"], "counts": rle["counts"].decode()}

def measured(library, polygon, area, results):
    kind, evaluation = LIBRARIES[library]
    truth = {"id": 1, "image_id": 1, "category_id": 1, "bbox": [10, 10, 40, 40], "area": area, "iscrowd": 0}
    coco = kind()
    coco.dataset = {
        "info": {},
        "images": [{"id": 1, "width": 100, "height": 100}],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": [truth | {"segmentation": [polygon]}],
    }
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        found = [{"image_id": 1, "category_id": 1, **each} for each in results]
        each = evaluation(coco, coco.loadRes(found), "segm")
        each.evaluate()
        each.accumulate()
    return [round(float(np.asarray(each.eval["precision"])[:, :, 0, size, -1].mean()), 4) for size in (0, 1)]

right, wrong = triangle(10.0, 10.0), triangle(20.0, 55.0)
masks = [{"segmentation": encoded(wrong), "score": 0.9}, {"segmentation": encoded(right), "score": 0.8}]
boxes = [{"bbox": [20, 55, 40, 40]}, {"bbox": [10, 10, 40, 40]}]
square = [10.0, 10.0, 35.0, 10.0, 35.0, 35.0, 10.0, 35.0]
for library in LIBRARIES:
    alone = measured(library, right, 800, masks)
    both = measured(library, right, 800, [each | box for each, box in zip(masks, boxes)])
    without = measured(library, square, 625, [{"bbox": [10, 10, 25, 25], "score": 0.9}])
    print(f"{library}: masks {alone[0]} {alone[1]}, with boxes {both[0]} {both[1]}, boxes alone as masks {without[0]} {without[1]}")
    assert (alone, both, without) == ([0.5, 0.5], [0.5, 1.0], [1.0, 1.0])
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 pycocotools==2.0.11 faster-coco-eval==1.8.0 hotcoco==1.3.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"

#!/bin/sh
# pycocotools 2.0.11, faster-coco-eval 1.8.0, hotcoco 1.3.0: if detections of two images have the same score, the average
# precision depends on the numbers of the images. Within an image equal scores keep the order of the results' file, and it
# is easy to think that they do so everywhere. But across images the file's order counts for nothing: the image of lower
# id comes first. So the same two detections give 0.50 or 0.25, by which image is called 1, and no shuffling of the file
# shows it. A network whose scores are stored in 8 bits has many equal scores.
#
# Seen, for two images with a truth each, of which one is found and the other has a false detection of the same score
# (found in image 1, found in image 2, each with the found one first and last in the file), then for one image:
#   pycocotools: two images 0.505 0.505 | 0.2525 0.2525; one image 1.0 0.5
#   faster-coco-eval: two images 0.505 0.505 | 0.2525 0.2525; one image 1.0 0.5
#   hotcoco: two images 0.505 0.505 | 0.2525 0.2525; one image 1.0 0.5
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import contextlib
import io

import faster_coco_eval
import hotcoco
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

RIGHT, WRONG = [0, 0, 10, 10], [50, 50, 10, 10]
LIBRARIES = {
    "pycocotools": (COCO, COCOeval),
    "faster-coco-eval": (faster_coco_eval.COCO, faster_coco_eval.COCOeval_faster),
    "hotcoco": (hotcoco.COCO, hotcoco.COCOeval),
}

def precision(library, images, detections):
    kind, evaluation = LIBRARIES[library]
    truths = [
        {"id": 10 + image, "image_id": image, "category_id": 1, "bbox": RIGHT, "area": 100, "iscrowd": 0} for image in images
    ]
    coco = kind()
    coco.dataset = {
        "info": {},
        "images": [{"id": image, "width": 100, "height": 100} for image in images],
        "categories": [{"id": 1, "name": "thing"}],
        "annotations": truths,
    }
    found = [{"image_id": image, "category_id": 1, "bbox": box, "score": 0.5} for image, box in detections]
    with contextlib.redirect_stdout(io.StringIO()):
        coco.createIndex()
        measured = evaluation(coco, coco.loadRes(found), "bbox")
        measured.evaluate()
        measured.accumulate()
    return round(float(measured.eval["precision"][:, :, 0, 0, -1].mean()), 4)

for library in LIBRARIES:
    first = [(1, RIGHT), (2, WRONG)], [(2, WRONG), (1, RIGHT)]
    second = [(2, RIGHT), (1, WRONG)], [(1, WRONG), (2, RIGHT)]
    alone = [(1, RIGHT), (1, WRONG)], [(1, WRONG), (1, RIGHT)]
    two, other = ([precision(library, [1, 2], each) for each in both] for both in (first, second))
    one = [precision(library, [1], each) for each in alone]
    print(f"{library}: two images {two[0]} {two[1]} | {other[0]} {other[1]}; one image {one[0]} {one[1]}")
    assert (two, other, one) == ([0.505, 0.505], [0.2525, 0.2525], [1.0, 0.5])
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 pycocotools==2.0.11 faster-coco-eval==1.8.0 hotcoco==1.3.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"

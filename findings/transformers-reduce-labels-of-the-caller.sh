#!/bin/sh
# transformers 5.24.0, the image processors that need no torchvision: with do_reduce_labels=True those of BEiT, DPT, SegFormer,
# MobileNetV2 and MobileViT write into the array that they are given. The labels come out as they should, less one, and 255
# for 0. But the caller's own map then has 255 wherever it had 0, and its other labels as they were, which is neither
# numbering. A second pass gives the same labels, so that training shows nothing; whatever else reads the map, to count
# classes, to draw or to measure, finds no class 0. A PIL image is left alone, and so is the map without the option.
#
# Seen (a map of 400x600 with labels 0 to 5, a sixth each; labels that come out / in the caller's map afterwards):
#   BeitImageProcessorPil: array [0, 1, 2, 3, 4, 255] / [1, 2, 3, 4, 5, 255], again [0, 1, 2, 3, 4, 255] /
#     [1, 2, 3, 4, 5, 255], PIL image [0, 1, 2, 3, 4, 255] / [0, 1, 2, 3, 4, 5], array without [0, 1, 2, 3, 4, 5] /
#     [0, 1, 2, 3, 4, 5]
#   DPTImageProcessorPil, SegformerImageProcessorPil, MobileNetV2ImageProcessorPil, MobileViTImageProcessorPil: the same
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import importlib

import numpy as np
import transformers
from PIL import Image

transformers.logging.set_verbosity_error()
truth = np.arange(6, dtype=np.uint8).reshape(2, 3).repeat(200, 0).repeat(200, 1)

def passed(kind, given, reduce=True):
    """Labels that come out of a processor, and those of what it was given, afterwards."""
    processor = kind(do_reduce_labels=reduce, do_center_crop=False, resample=0)  # nearest: no labels but the map's
    result = processor(images=[np.zeros((*truth.shape, 3), np.uint8)], segmentation_maps=[given])["labels"][0]
    return " / ".join(str(np.unique(np.asarray(each)).tolist()) for each in (result, given))

for name in ("Beit", "DPT", "Segformer", "MobileNet_V2", "MobileViT"):
    module = importlib.import_module(f"transformers.models.{name.lower()}.image_processing_pil_{name.lower()}")
    kind = getattr(module, f"{name.replace('_', '')}ImageProcessorPil")
    array = truth.copy()
    once, again = passed(kind, array), passed(kind, array)
    picture, without = passed(kind, Image.fromarray(truth)), passed(kind, truth.copy(), reduce=False)
    print(f"{kind.__name__}: array {once}, again {again}, PIL image {picture}, array without {without}")
    assert once == again == "[0, 1, 2, 3, 4, 255] / [1, 2, 3, 4, 5, 255]", "the caller's map is left alone now"
    assert picture == "[0, 1, 2, 3, 4, 255] / [0, 1, 2, 3, 4, 5]"
    assert without == "[0, 1, 2, 3, 4, 5] / [0, 1, 2, 3, 4, 5]"
    assert (array == np.where(truth == 0, 255, truth)).all()
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 transformers==5.24.0 pillow==13.0.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"

#!/bin/sh
# transformers 5.24.0, the image processors that need no torchvision: BEiT's and DPT's resize a segmentation map by the
# image's filter, bicubic, so that classes come out that were not in the map: 2, 4, 7, 8 and 10 along an edge of 1 and 11,
# 0, 17 and 239 along one of 1 and the ignored 255. MobileNetV2's, MobileViT's and SegFormer's, with the same arguments,
# take the nearest pixel. resample=0 (nearest) keeps BEiT's map whole and takes the nearest pixels of the image as well.
# MobileViT's by default resizes to 224, crops to 256, and fills what is missing with 0 in the map as in the image: an
# eighth of all pixels is then class 0, where the ignored 255 was to be expected.
#
# Seen (a map of 300x400 with labels 1, 11 and 255; {label: pixels}):
#   BeitImageProcessorPil (224, 224): {0: 224, 1: 30576, 2: 224, 4: 112, 7: 2, 8: 110, 10: 222, 11: 12210, 17: 224, 239: 224,
#     255: 6048}
#   BeitImageProcessorPil resample=0 (224, 224): {1: 31360, 11: 12544, 255: 6272}
#   DPTImageProcessorPil (384, 384): {1: 91392, 2: 384, 3: 384, 10: 384, 11: 36480, 253: 384, 255: 18048}
#   MobileNetV2ImageProcessorPil (224, 224): {1: 28288, 11: 21888}
#   SegformerImageProcessorPil (512, 512): {1: 163840, 11: 65536, 255: 32768}
#   MobileViTImageProcessorPil (256, 256): {0: 8192, 1: 37184, 11: 16576, 255: 3584}
#   MobileViTImageProcessorPil do_center_crop=False (224, 298): {1: 41888, 11: 16576, 255: 8288}
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import importlib

import numpy as np
import transformers

transformers.logging.set_verbosity_error()
labels = np.ones((300, 400), np.uint8)
labels[50:200, 100:300], labels[:, 350:] = 11, 255

def processed(name, **options):
    module = importlib.import_module(f"transformers.models.{name.lower()}.image_processing_pil_{name.lower()}")
    wanted = f"{name.replace('_', '')}imageprocessorpil"
    kind = next(value for key, value in vars(module).items() if key.lower() == wanted)
    image = np.zeros((*labels.shape, 3), np.uint8)
    result = np.asarray(kind(**options)(images=[image], segmentation_maps=[labels])["labels"][0])
    values, counts = np.unique(result, return_counts=True)
    found = {int(value): int(count) for value, count in zip(values, counts)}
    print(kind.__name__, *(f"{key}={value}" for key, value in options.items()), f"{result.shape}: {found}")
    return set(found) - {1, 11, 255}, found

assert len(processed("beit")[0]) > 4, "the labels are not blended now"
assert not processed("beit", resample=0)[0]
assert len(processed("dpt")[0]) > 2, "the labels are not blended now"
assert not processed("mobilenet_v2")[0]
assert not processed("segformer")[0]
new, found = processed("mobilevit")
assert new == {0} and found[0] == 256 * 256 // 8
assert not processed("mobilevit", do_center_crop=False)[0]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 transformers==5.24.0 pillow==13.0.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"

#!/bin/sh
# Pillow 13.0.0: a mask saved as GIF has other class numbers afterwards. Its mode P keeps a number per pixel, and PNG, TIFF,
# BMP and PCX store these numbers. GIF's writer drops the colours that no pixel uses and numbers the others anew, so that
# the classes 0, 7, 21 and 255 come back as 0, 1, 2 and 3, and another image with one class fewer in another way. A
# greyscale mask of 0 and 255 comes back in mode P as 0 and 1, of which none is above 127; convert("L") gives 255
# again. optimize=False keeps the numbers; for PNG the same option is off unless asked for, and changes none.
#
# Seen (the numbers in the array that comes back, of 0, 7, 21 and 255):
#   mode P: PNG, TIFF, BMP, PCX [0, 7, 21, 255]; GIF mode P [0, 1, 2, 3], not optimised mode P [0, 7, 21, 255]
#   mode L: PNG, TIFF, BMP, PCX [0, 7, 21, 255]; GIF mode P [0, 1, 2, 3], not optimised mode L [0, 7, 21, 255]
#   0 and 255, grey: GIF mode P [0, 1], as L [0, 255]
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import io

import numpy as np
from PIL import Image

mask = np.zeros((20, 30), np.uint8)
mask[5:15, 4:12], mask[5:15, 15:25], mask[0] = 7, 21, 255
grey = Image.fromarray(mask)
coloured = Image.frombytes("P", grey.size, mask.tobytes())
coloured.putpalette([value * factor % 256 for value in range(256) for factor in (1, 7, 31)])

def saved(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return Image.open(file)

def numbers(image):
    return np.unique(np.asarray(image)).tolist()

for image in (coloured, grey):
    for kind, options in (("PNG", {}), ("PNG", {"optimize": True}), ("TIFF", {}), ("BMP", {}), ("PCX", {})):
        assert numbers(saved(image, kind, **options)) == [0, 7, 21, 255]
    back, kept = saved(image, "GIF"), saved(image, "GIF", optimize=False)
    print(f"mode {image.mode}: PNG, TIFF, BMP, PCX [0, 7, 21, 255]; GIF mode {back.mode} {numbers(back)}, "
          f"not optimised mode {kept.mode} {numbers(kept)}")
    assert numbers(back) == [0, 1, 2, 3], "GIF keeps the numbers now"
    assert numbers(kept) == [0, 7, 21, 255]
binary = saved(Image.fromarray(np.where(mask > 0, 255, 0).astype(np.uint8)), "GIF")
print(f"0 and 255, grey: GIF mode {binary.mode} {numbers(binary)}, as L {numbers(binary.convert('L'))}")
assert binary.mode == "P" and numbers(binary) == [0, 1] and numbers(binary.convert("L")) == [0, 255]
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 pillow==13.0.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"

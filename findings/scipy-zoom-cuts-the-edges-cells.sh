#!/bin/sh
# scipy 1.17.1: ndimage.zoom with order=0 does not repeat the pixels of a label map, though the factor is a whole number. It
# puts the centres of the first and last pixel on those of the result, so that the cells at an edge lose up to half of
# their width and the others gain it. Of 16x24 cells enlarged by 8, a network's labels at stride 8, a corner has 25 pixels
# for 64, and 36 % of all pixels get the label of a neighbour. The centre of the map stays where it was, and errors grow
# outwards. A factor of 2 is exact, which hides it in a small test. grid_mode=True, mode="nearest" repeats the pixels, and
# so does Pillow 13.0.0's nearest.
#
# Seen (widths of each cell; and of an object of 3x3 cells the IoU with the same cells repeated):
#   3 cells by 4: [3, 6, 3], with grid_mode [4, 4, 4]
#   4 cells by 8: [6, 10, 10, 6], with grid_mode [8, 8, 8, 8]
#   8 cells by 8: [5, 9, 9, 9, 9, 9, 9, 5], with grid_mode [8, 8, 8, 8, 8, 8, 8, 8]
#   8 cells by 2: [2, 2, 2, 2, 2, 2, 2, 2], with grid_mode [2, 2, 2, 2, 2, 2, 2, 2]
#   16x24 cells by 8: corner 25 pixels, largest 81, other labels 35.7%
#   object from cell (0, 0): 462 pixels for 576, IoU 0.802
#   object from cell (2, 3): 650 pixels for 576, IoU 0.703
#   object from cell (6, 10): 625 pixels for 576, IoU 0.922
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import numpy as np
from PIL import Image
from scipy import ndimage

REPEATING = {"grid_mode": True, "mode": "nearest"}

def enlarged(labels, factor, **how):
    return ndimage.zoom(labels, factor, order=0, **how)

for cells, factor, expected in ((3, 4, [3, 6, 3]), (4, 8, [6, 10, 10, 6]), (8, 8, [5, *[9] * 6, 5]), (8, 2, [2] * 8)):
    labels = np.arange(cells)
    widths, others = (np.bincount(enlarged(labels, factor, **how)).tolist() for how in ({}, REPEATING))
    print(f"{cells} cells by {factor}: {widths}, with grid_mode {others}")
    assert widths == expected, "the cells have other widths now"
    assert others == [factor] * cells

labels = np.arange(16 * 24, dtype=np.int32).reshape(16, 24)
repeated, zoomed = labels.repeat(8, 0).repeat(8, 1), enlarged(labels, 8)
areas = np.bincount(zoomed.ravel())
print(f"16x24 cells by 8: corner {areas[0]} pixels, largest {areas.max()}, other labels {(zoomed != repeated).mean():.1%}")
assert areas[0] == 25 and areas.max() == 81 and (zoomed != repeated).mean() > 0.35
assert (enlarged(labels, 8, **REPEATING) == repeated).all()
assert (np.asarray(Image.fromarray(labels).resize((192, 128), Image.Resampling.NEAREST)) == repeated).all()
for row, column, expected in ((0, 0, 0.802), (2, 3, 0.703), (6, 10, 0.922)):
    mask = np.zeros((16, 24), np.uint8)
    mask[row : row + 3, column : column + 3] = 1
    found, truth = enlarged(mask, 8) > 0, mask.repeat(8, 0).repeat(8, 1) > 0
    overlap = round(float((found & truth).sum() / (found | truth).sum()), 3)
    print(f"object from cell ({row}, {column}): {found.sum()} pixels for {truth.sum()}, IoU {overlap}")
    assert overlap == expected
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 scipy==1.17.1 pillow==13.0.0
"$folder/venv/bin/python" -W ignore "$folder/show.py"

#!/bin/sh
# matplotlib 3.11.1: the size of an arrow (FancyArrowPatch) depends on the resolution in which it was drawn last. Its
# get_window_extent takes a renderer and is taken for a measurement in that renderer, as it is for texts and lines. But the
# head and the line's width are scaled by a factor that only drawing sets, and that is 1 before the first drawing. So the
# same arrow, asked with the same renderer of 100 dots per inch, has three sizes: new, after a picture of 100 dots per inch,
# and after one of 300. What lays out boxes by what they measure writes another file if the figure was shown before.
#
# Seen: height in pixels, asked in 100 dots per inch each time
#   never drawn 3.60, drawn at 100 dpi 5.00, saved at 300 dpi 15.00; a text 13.89, 13.89, 13.89
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import io

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import FancyArrowPatch
from matplotlib.text import Text

figure = Figure(figsize=(3, 2), dpi=100)
renderer = FigureCanvasAgg(figure).get_renderer()
arrow = FancyArrowPatch((20, 50), (220, 50), arrowstyle="-|>", mutation_scale=9, shrinkA=0, shrinkB=0)
text = Text(20, 100, "arrow")
for artist in (arrow, text):
    figure.add_artist(artist)
    artist.set_transform(None)

def heights():
    return [f"{artist.get_window_extent(renderer).height:.2f}" for artist in (arrow, text)]

seen = [heights()]
figure.draw_without_rendering()
seen.append(heights())
figure.savefig(io.BytesIO(), format="png", dpi=300)
seen.append(heights())
(new, drawn, saved), texts = zip(*seen)
print(f"never drawn {new}, drawn at 100 dpi {drawn}, saved at 300 dpi {saved}; a text {', '.join(texts)}")
assert (new, drawn, saved) == ("3.60", "5.00", "15.00") and len(set(texts)) == 1
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6 matplotlib==3.11.1
"$folder/venv/bin/python" "$folder/show.py"

#!/bin/sh
# matplotlib 3.11.2: after one pass of the constrained layout, set_layout_engine("none") does not make saving as cheap as
# without a layout engine. A placeholder engine stays, and savefig draws all artists twice, first for a layout that no
# longer happens; a text-heavy figure takes twice as long to write. set_layout_engine(None) removes the engine, and all is
# drawn once. The two read alike, and the positions of the axes are the same.
#
# Seen (how often Figure.draw runs in one savefig as SVG, and the engine left):
#   layout kept: 2 ConstrainedLayoutEngine
#   set_layout_engine("none"): 2 PlaceHolderLayoutEngine
#   set_layout_engine(None): 1 NoneType
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import io

from matplotlib.figure import Figure

def draws(*engine):
    figure = Figure(layout="constrained")
    figure.subplots()
    figure.get_layout_engine().execute(figure)
    for each in engine:
        figure.set_layout_engine(each)
    calls, draw = [], figure.draw
    figure.draw = lambda renderer: (calls.append(renderer), draw(renderer))[1]
    figure.savefig(io.BytesIO(), format="svg")
    return len(calls), type(figure.get_layout_engine()).__name__

found = draws(), draws("none"), draws(None)
for name, result in zip(("layout kept", 'set_layout_engine("none")', "set_layout_engine(None)"), found):
    print(f"{name}:", *result)
assert found == ((2, "ConstrainedLayoutEngine"), (2, "PlaceHolderLayoutEngine"), (1, "NoneType"))
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q matplotlib==3.11.2
"$folder/venv/bin/python" "$folder/show.py"

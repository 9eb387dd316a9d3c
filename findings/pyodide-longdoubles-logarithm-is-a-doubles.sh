#!/bin/sh
# NumPy 2.4.3 in Pyodide 314.0.4: a longdouble has 113 bits, as np.finfo says and as sums, quotients, sqrt, sin, cos, arctan
# and cbrt keep them; but exp, log, log10, log1p, expm1, sinh, tanh and powers are right to the 53 bits of a double, and no
# more: they are computed in double, without a warning. x ** 0.5 and sqrt(x) so differ in the 17th digit. Natively all keep
# the bits that finfo gives (64 on x86).
#
# Seen (right digits: −log10 of the relative error at x = 2, against 50 digits; those of finfo: −log10 of its eps):
#   finfo 33.7
#   sqrt 34.2, cbrt 35.1, sin 34.5, cos 34.7, arctan 35.1
#   exp 16.6, log 16.5, log10 17.0, log1p 15.9, expm1 16.6, sinh 16.2, tanh 16.7, ** 0.5 16.2
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import math
import sys
from fractions import Fraction

import numpy as np

RIGHT = {  # at 2
    "sqrt": "1.41421356237309504880168872420969807856967187537694",
    "cbrt": "1.25992104989487316476721060727822835057025146470150",
    "sin": "0.90929742682568169539601986591174484270225497144789",
    "cos": "-0.41614683654714238699756822950076218976600077107554",
    "arctan": "1.10714871779409050301706546017853704007004764540143",
    "exp": "7.38905609893065022723042746057500781318031557055184",
    "log": "0.69314718055994530941723212145817656807550013436025",
    "log10": "0.30102999566398119521373889472449302676818988146210",
    "log1p": "1.09861228866810969139524523692252570464749055782274",
    "expm1": "6.38905609893065022723042746057500781318031557055184",
    "sinh": "3.62686040784701876766821398280126170488634201232113",
    "tanh": "0.96402758007581688394641372410092315025502997624091",
    "** 0.5": "1.41421356237309504880168872420969807856967187537694",
}

def digits(name):
    two = np.longdouble(2)
    found = two ** np.longdouble(0.5) if name == "** 0.5" else getattr(np, name)(two)
    right = Fraction(RIGHT[name])
    error = abs(Fraction(*found.as_integer_ratio()) / right - 1)
    return -math.log10(error)

due = -math.log10(np.finfo(np.longdouble).eps)
kept = {name: digits(name) for name in RIGHT}
print(f"finfo {due:.1f}")
print(", ".join(f"{name} {count:.1f}" for name, count in kept.items()))
lost = {name for name, count in kept.items() if count < due - 1}
doubles = {"exp", "log", "log10", "log1p", "expm1", "sinh", "tanh", "** 0.5"}
assert lost == (doubles if sys.platform == "emscripten" else set())
PY
cat > "$folder/run.mjs" <<'JS'
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";
const pyodide = await loadPyodide();
await pyodide.loadPackage("numpy", { messageCallback: () => {} });
pyodide.runPython(readFileSync("show.py", "utf8"));
JS
cd "$folder"
npm install --silent pyodide@314.0.4
python3 -m venv venv
venv/bin/pip install -q numpy==2.4.3
venv/bin/pip download -q --no-deps --only-binary :all: --python-version 3.12 open-webui==0.12.4  # has NumPy for Pyodide
venv/bin/python - <<'PY'
import zipfile

with zipfile.ZipFile("open_webui-0.12.4-py3-none-any.whl") as archive:
    [name] = [name for name in archive.namelist() if "/numpy-2.4.3-cp314-cp314-pyemscripten" in name]
    with open(f"node_modules/pyodide/{name.rpartition('/')[2]}", "wb") as file:
        file.write(archive.read(name))  # Pyodide compares it with the hash in its own list
PY
echo native; venv/bin/python show.py
echo Pyodide; node run.mjs

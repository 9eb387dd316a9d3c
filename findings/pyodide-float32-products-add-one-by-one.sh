#!/bin/sh
# NumPy 2.4.3 in Pyodide 314.0.4, which has no BLAS: a product of float32 vectors (`@`, np.dot, np.inner, np.vdot, and with
# them np.linalg.norm) adds one number after the other in float32, so that its error grows with the length. From 2²⁴ on
# ones are no longer added. np.sum adds by halves and einsum in lanes, as natively; there the product does so too, in the
# lanes of OpenBLAS. Two ways to add the same numbers, equal on one's own machine, differ in the browser.
#
# Seen (ones: 2²⁴ + 10 ones times 1; error: of 10⁷ random numbers below 1 times 1, relative, against float64):
#   native   ones: dot 16777226, einsum 16777226, sum 16777226
#            error: dot 1.6e-07, einsum 4.4e-07, sum 3.8e-08
#   Pyodide  ones: dot 16777216, einsum 16777226, sum 16777226
#            error: dot 1.7e-05, einsum 3.4e-07, sum 3.8e-08
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import sys

import numpy as np

def sums(x):
    ones = np.ones_like(x)
    return {"dot": x @ ones, "einsum": np.einsum("i,i", x, ones), "sum": x.sum()}

whole = {name: int(value) for name, value in sums(np.ones(2**24 + 10, np.float32)).items()}
x = np.random.default_rng(0).random(10**7, dtype=np.float32)
right = x.sum(dtype=np.float64)
error = {name: float(abs(value / right - 1)) for name, value in sums(x).items()}
print("ones:", ", ".join(f"{name} {value}" for name, value in whole.items()))
print("error:", ", ".join(f"{name} {value:.1e}" for name, value in error.items()))
in_pyodide = sys.platform == "emscripten"
assert whole == {"dot": 2**24 if in_pyodide else 2**24 + 10, "einsum": 2**24 + 10, "sum": 2**24 + 10}
assert (error["dot"] > 1e-5) == in_pyodide and max(error["einsum"], error["sum"]) < 1e-6
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

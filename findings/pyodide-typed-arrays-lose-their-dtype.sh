#!/bin/sh
# NumPy 2.4.3 in Pyodide 314.0.4: np.asarray of a JavaScript typed array does not take its buffer, as np.asarray of a
# memoryview does, but its numbers one by one, each as Python's int if it is whole and as a float otherwise. So the dtype
# depends on the values: a Float64Array of whole numbers is an array of int32, a Float32Array of others one of float64, and
# a BigInt64Array one of int32. Code that changes floats in place then fails, or wraps, on some data only. With
# `.to_py()` before, the dtype is the typed array's, also of an array of typed arrays.
#
# Seen:
#   Float64Array 1, 2: int32; to_py: float64
#   Float64Array 1, 2.5: float64; to_py: float64
#   Float32Array 0.5: float64; to_py: float32
#   BigInt64Array 1, 2: int32; to_py: int64
#   Uint8Array 200, 100: int32; to_py: uint8
#   Array of Float64Array 1, 2 and 3, 4: int32; to_py: float64
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/run.mjs" <<'JS'
import { loadPyodide } from "pyodide";
const pyodide = await loadPyodide();
await pyodide.loadPackage("numpy", { messageCallback: () => {} });
pyodide.runPython("import numpy as np");
const asarray = pyodide.runPython("lambda x: str(np.asarray(x).dtype)");
const to_py = pyodide.runPython("lambda x: str(np.asarray(x.to_py()).dtype)");
const seen = [];
for (const [name, array] of [
  ["Float64Array 1, 2", new Float64Array([1, 2])],
  ["Float64Array 1, 2.5", new Float64Array([1, 2.5])],
  ["Float32Array 0.5", new Float32Array([0.5])],
  ["BigInt64Array 1, 2", new BigInt64Array([1n, 2n])],
  ["Uint8Array 200, 100", new Uint8Array([200, 100])],
  ["Array of Float64Array 1, 2 and 3, 4", [new Float64Array([1, 2]), new Float64Array([3, 4])]],
]) {
  seen.push(asarray(array), to_py(array));
  console.log(`${name}: ${asarray(array)}; to_py: ${to_py(array)}`);
}
const due = "int32 float64 float64 float64 float64 float32 int32 int64 int32 uint8 int32 float64";
if (seen.join(" ") !== due) process.exit(1);
JS
cd "$folder"
npm install --silent pyodide@314.0.4
python3 -m venv venv
venv/bin/pip download -q --no-deps --only-binary :all: --python-version 3.12 open-webui==0.12.4  # has NumPy for Pyodide
venv/bin/python - <<'PY'
import zipfile

with zipfile.ZipFile("open_webui-0.12.4-py3-none-any.whl") as archive:
    [name] = [name for name in archive.namelist() if "/numpy-2.4.3-cp314-cp314-pyemscripten" in name]
    with open(f"node_modules/pyodide/{name.rpartition('/')[2]}", "wb") as file:
        file.write(archive.read(name))  # Pyodide compares it with the hash in its own list
PY
node run.mjs

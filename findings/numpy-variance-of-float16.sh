#!/bin/sh
# NumPy 2.4.6: the variance and the standard deviation of float16 numbers overflow where their mean does not. mean() sums
# float16 in float32, as its documentation says; var() and std() sum in float16, for the mean that they take and for the
# squares. So they are inf for 1000 equal numbers of 300, whose variance is 0, and for any picture of 0 to 255 with more
# than a few hundred pixels. With dtype=np.float32 they are right.
#
# Seen:
#   1000 times 300: mean 300 var inf std inf  with dtype float32: var 0
#   a picture of 32 by 32, 0 to 255: mean 127.5 var inf std inf  with dtype float32: var 5461.25
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import numpy as np

picture = (np.arange(1024) % 256).astype(np.float16)
for name, x in {"1000 times 300": np.full(1000, 300, np.float16), "a picture of 32 by 32, 0 to 255": picture}.items():
    mean, var, std, right = x.mean(), x.var(), x.std(), x.var(dtype=np.float32)
    print(f"{name}: mean {mean:g} var {var:g} std {std:g}  with dtype float32: var {right:g}")
    exact = x.astype(float)
    assert abs(float(mean) - exact.mean()) < 0.1 and abs(right - exact.var()) < 1
    assert np.isinf(var) and np.isinf(std), "NumPy's variance of float16 no longer overflows"
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6
"$folder/venv/bin/python" -W ignore "$folder/show.py"

#!/bin/sh
# numpy 2.4.6's wheel, OpenBLAS 0.3.31: after one matrix product that used two threads, the second thread keeps its core
# busy for about a tenth of a second, waiting for the next product. A Python program that multiplies every 0.3 s and does
# nothing else uses a third of a core. OPENBLAS_THREAD_TIMEOUT, a power of two of processor cycles that is read when NumPy
# is loaded, ends it sooner; 0 does not mean "at once" but the default.
#
# Seen (processor time in the 0.3 s of sleep after a product of two matrices of 600 × 600, two cores of 2.45 GHz):
#   unset: 0.111 s   0: 0.111 s   4: 0.000 s   16: 0.000 s   26: 0.029 s   30: 0.300 s
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import os, time, numpy as np

def spun():
    a @ a
    start = time.process_time()
    time.sleep(0.3)
    return time.process_time() - start

a = np.ones((600, 600), np.float32)
print(min(spun() for _ in range(4)))
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6
spins() { env $1 OPENBLAS_NUM_THREADS=2 "$folder/venv/bin/python" "$folder/show.py"; }
unset OPENBLAS_THREAD_TIMEOUT OMP_NUM_THREADS || true
for timeout in unset 0 4 16 26 30; do
  [ "$timeout" = unset ] && setting=NONE= || setting=OPENBLAS_THREAD_TIMEOUT=$timeout
  seconds=$(spins "$setting")
  printf '%s: %.3f s\n' "$timeout" "$seconds"
  case $timeout in
    4 | 16) awk "BEGIN { exit !($seconds < 0.01) }" ;;
    30) awk "BEGIN { exit !($seconds > 0.25) }" ;;
    26) awk "BEGIN { exit !($seconds > 0.01 && $seconds < 0.06) }" ;;
    *) awk "BEGIN { exit !($seconds > 0.06 && $seconds < 0.25) }" ;;
  esac
done

#!/bin/sh
# NumPy 2.4.6: np.dot, np.inner and np.tensordot of arrays of objects lose the errors that the objects raise. An object
# whose product is refused (units that don't fit, a bound that is passed, Ctrl-C while it computes) raises; the functions
# go on with the next entry, and nothing is said. The entry is then None. Only an error in the last entry is seen. A product of
# two arrays by `*`, or `@` of two matrices, raises as it should; `@` of a stack of matrices loses the errors of all
# matrices but the last.
#
# Seen, for (3, 4) by (4, 5), an error in each of the 60 products in turn, and how many of the 60 were lost:
#   dot 56, inner 56, tensordot 56, matmul 0, a stack of two by matmul 60 of 120
#   the first entry of a dot whose first product raised: None
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cat > "$folder/show.py" <<'PY'
import numpy as np

class Number:
    made = refused = 0

    def __init__(self, value):
        self.value = value

    def __mul__(self, other):
        Number.made += 1
        if Number.made == Number.refused:
            raise ValueError("refused")
        return Number(self.value * other.value)

    def __add__(self, other):
        return Number(self.value + other.value)

def numbers(*shape):
    return np.frompyfunc(Number, 1, 1)(np.arange(np.prod(shape)).reshape(shape))

def lost(function, *shapes):
    arrays = [numbers(*shape) for shape in shapes]
    Number.made = Number.refused = 0
    function(*arrays)
    products, count = Number.made, 0
    for refused in range(1, products + 1):
        Number.made, Number.refused = 0, refused
        try:
            function(*arrays)
            count += 1
        except ValueError:
            pass
    return f"{count} of {products}"

seen = {
    "dot": lost(np.dot, (3, 4), (4, 5)),
    "inner": lost(np.inner, (3, 4), (5, 4)),
    "tensordot": lost(lambda a, b: np.tensordot(a, b, 1), (3, 4), (4, 5)),
    "matmul": lost(np.matmul, (3, 4), (4, 5)),
    "a stack of two by matmul": lost(np.matmul, (2, 3, 4), (4, 5)),
}
print(", ".join(f"{name} {count}" for name, count in seen.items()))
Number.made, Number.refused = 0, 1
first = np.dot(numbers(3, 4), numbers(4, 5))[0, 0]
print(f"the first entry of a dot whose first product raised: {first}")
assert list(seen.values()) == ["56 of 60", "56 of 60", "56 of 60", "0 of 60", "60 of 120"]
assert first is None
PY
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q numpy==2.4.6
"$folder/venv/bin/python" "$folder/show.py"

"""No error of an object's arithmetic is lost in a kernel, neither Ctrl-C nor any other."""

import numpy as np
import pytest
from test_signatures import cases

import npconv
from npconv.checks import explain
from npconv.cost.counting import CountingNumber, OperationCounts, counting
from npconv.kernels.objects import ObjectArray

SAMPLES = 7  # operations that are interrupted, of all that a kernel does


@pytest.fixture
def interrupt(monkeypatch):
    """How many operations with numbers that count are left until one is interrupted."""
    left = [0]

    def interrupted(operation):
        def operate(number, other):
            left[0] -= 1
            if left[0] == 0:
                raise KeyboardInterrupt
            return operation(number, other)

        return operate

    for names in (("__mul__", "__rmul__"), ("__add__", "__radd__")):
        operation = interrupted(getattr(CountingNumber, names[0]))
        for name in names:
            monkeypatch.setattr(CountingNumber, name, operation)
    return left


@cases(lambda case: not case.is_cost and "O" in case.row.kinds)
def test_an_interrupted_operation_interrupts_the_kernel(case, interrupt):
    def run():
        tally = OperationCounts()
        case.run({name: counting(a, tally) if a is not None and a.dtype.kind == "f" else a
                  for name, a in case.arrays().items()})  # fmt: skip

    run()
    operations = -interrupt[0]
    for operation in sorted(set(np.linspace(1, operations, SAMPLES, dtype=np.int64).tolist())) if operations else []:
        interrupt[0] = operation
        with pytest.raises(KeyboardInterrupt):
            run()


SHAPES = (((2, 3, 4), (4, 5)), ((3, 4), (2, 4, 5)), ((2, 1, 3, 4), (5, 4, 1)), ((3, 4), (4, 5)), ((3, 4), (4,)))


@pytest.mark.parametrize("shapes", SHAPES, ids=str)
def test_products_of_objects_are_those_of_numbers(shapes):
    a, b = (np.random.default_rng(n).integers(-9, 10, shape) for n, shape in enumerate(shapes))
    for left, right in ((a.astype(object).view(ObjectArray), b), (a, b.astype(object).view(ObjectArray))):
        product = left @ right
        assert type(product) is ObjectArray
        np.testing.assert_array_equal(product, a @ b)
        out = np.empty((a @ b).shape, object)
        assert np.matmul(left, right, out=out) is out
        np.testing.assert_array_equal(out, a @ b)


def test_a_formula_is_that_of_the_standard_convolution_in_every_image():
    x, kernel = np.ones((3, 2, 3, 2)), np.ones((1, 2, 2, 2))
    for image in range(3):
        formula = explain(npconv.conv2d_taps, x, kernel, at=(image, 1, 0, 1))
        assert formula.count(f"x[{image},1,") == 4

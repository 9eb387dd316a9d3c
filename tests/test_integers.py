"""npconv does not depend on the size of NumPy's default integers, which have 32 bits on some platforms."""

import ast
import importlib
import os
import pickle
import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np
import pytest

HERE = Path(__file__).parent
PACKAGE = HERE.parent / "npconv"
ANSWERS = [
    path
    for folder in ("exercises/solutions", "grading/accepted")
    for path in (PACKAGE / "course" / folder).glob("*.py")
]
sys.path += [str(HERE / "course"), str(HERE / "figures")]  # of cases and figures that a session computes once


# what npconv computes with integers of its own, part by part


def tasks():
    from npconv.data.photograph import load_photograph, synthetic_picture
    from npconv.training import SGD, constant, digits, scattered_digits, smooth_labels, train, variant_network

    yield load_photograph(), synthetic_picture(), synthetic_picture(90, 2000)
    yield scattered_digits(train=48, test=32)
    task = digits(seed=1)
    yield task, smooth_labels(task.y_train, 10, 0.1)
    network = variant_network("linear", blocks=1, channels=2, expansion=2)
    yield train(network, task, SGD(network.params), constant(0.1), steps=3, batch_size=8).as_dict()


def claims():
    from computed import finding_of

    from npconv.claims import of

    for source in ("article", "bai"):  # those of the papers are formulas' counts, in Python's ints
        for claim in of(source):
            yield claim.name, finding_of(claim)


def exercises():
    from calling import cases_of

    from npconv.course.exercises import EXERCISES, Variant
    from npconv.course.exercises.template import exercise_text

    for name, exercise in EXERCISES.items():
        yield name, exercise_text(exercise, Variant())
        for task in exercise.tasks:
            cases = cases_of(task)
            for case in list(cases)[::120]:
                yield task.name, case.arrays, case.options, cases.right(case)
                yield [cases.answer(mistake, case) for mistake in cases.mistakes]


def answers():
    from calling import cases_of

    from npconv.course.exercises import EXERCISES, Variant
    from npconv.course.exercises.template import read_header

    for path in ANSWERS:
        module = importlib.import_module(".".join(["npconv", *path.relative_to(PACKAGE).with_suffix("").parts]))
        accepted = path.parent.name == "accepted"
        exercise, variant = read_header(path.read_text(encoding="utf-8")) if accepted else (None, Variant())
        exercise = exercise or EXERCISES.get(path.stem.replace("_", "-")) or EXERCISES["costs"]
        for task in exercise.tasks:
            if function := getattr(module, task.name, None):
                for case in list(cases_of(task, variant))[::72]:
                    given = (
                        None if a is None else variant.theirs(kind, a)
                        for (_, kind), a in zip(task.arrays, case.arrays.values(), strict=True)
                    )
                    yield path.stem, task.name, function(*given, **variant.their_options(case.options))
        if path.stem.startswith("costs"):
            yield module.conv2d_cost(x_shape=(64, 1120, 1120, 64), kernel_shape=(3, 3, 64, 128))


def vectors():
    from npconv.checks import OPERATIONS, make_vectors
    from npconv.course.page import page_html
    from npconv.course.steps import KINDS, stepper

    for operation in OPERATIONS:
        yield make_vectors(operation, count=4)
    for kind in KINDS:
        yield page_html(stepper(kind))


def golden():
    import npconv

    with np.load(HERE / "golden" / "golden.npz", allow_pickle=False) as file:
        x, scale, shift, dy = (file[f"norm/{name}"] for name in ("x", "scale", "shift", "dy"))
        yield npconv.batch_norm(x, scale, shift), npconv.batch_norm_backward(dy, x, scale, shift)
        block = [file[f"block/{name}"] for name in ("x", "expand", "depthwise", "project")]
        yield npconv.inverted_residual(*block), npconv.inverted_residual_backward(file["block/dy"], *block)
        logits, labels = file["loss/logits"], file["loss/labels"]
        yield npconv.softmax_cross_entropy(logits, labels), npconv.softmax_cross_entropy_backward(1.0, logits, labels)


def figures():
    from plots import default_figure

    from npconv.figures import BUILDERS

    for name in list(BUILDERS)[::2]:
        yield name, default_figure(name).data


def costs():
    from npconv import conv2d, cost, layers, models
    from npconv.checks import rounding_bound

    large = (64, 1120, 1120, 64)
    yield cost.conv2d_cost(large, (3, 3, 64, 128)), cost.inverted_residual_cost(large, (64, 9), (3, 3, 9), (9, 64))
    yield layers.InvertedResidual(64, 64).cost(large), layers.ResidualBottleneck(64, 16).cost(large)
    for network in (models.mobilenet_v1(), models.mobilenet_v2(), models.mobilenet_v3("small")):
        yield models.summary(network, (512, 224, 224, 3)).as_text()
    x, kernel = np.ones((1, 5, 5, 2), np.float32), np.ones((3, 3, 2, 2), np.float32)
    yield cost.count_operations(conv2d, x, kernel), rounding_bound(x, kernel)


PARTS = {part.__name__: part for part in (tasks, claims, exercises, answers, vectors, golden, figures, costs)}


def plain(value):
    """A result as arrays, numbers, texts and collections of them: what can be pickled and compared."""
    if is_dataclass(value):
        value = vars(value)
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    return value if value is None or isinstance(value, np.ndarray | int | float | complex | str) else str(value)


def same(one, other):
    """Whether two plain results are equal, to the last bit but for the size of integers."""
    if isinstance(one, dict):
        return list(one) == list(other) and all(same(one[name], other[name]) for name in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, np.ndarray):
        return one.dtype.kind == other.dtype.kind and np.array_equal(one, other, equal_nan=one.dtype.kind in "fc")
    return one == other


def computed():
    """All parts' results."""
    return {name: [plain(result) for result in part()] for name, part in PARTS.items()}


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """All parts' results, here and, computed at the same time, where default integers have 32 bits."""
    path = tmp_path_factory.mktemp("integers") / "results.pickle"
    folders = os.pathsep.join([str(HERE), str(PACKAGE.parent)])
    process = subprocess.Popen([sys.executable, __file__, str(path)], env={**os.environ, "PYTHONPATH": folders})
    here = computed()
    assert process.wait() == 0
    return here, pickle.loads(path.read_bytes())


@pytest.mark.parametrize("part", PARTS)
def test_results_are_the_same_with_default_integers_of_32_bits(part, results):
    here, there = (each[part] for each in results)
    assert len(here) == len(there) > 0
    assert all(map(same, here, there)), [one for one, other in zip(here, there, strict=True) if not same(one, other)]


# what the source may not say, as it leaves the size of integers to NumPy

NAMES = {"mgrid", "ogrid", "r_", "c_", "int_", "intp", "uint", "uintp", "long", "ulong"}
INT = ("int", "'int'", "'uint'", "'i'", "'l'", "'p'")  # as dtypes
DTYPE_AT = {"array": 1, "asarray": 1, "full": 2, "indices": 1, "arange": 3, "where": 3, "prod": 2, "cumprod": 2}


def without_a_size(tree):
    """The places of a module where NumPy chooses."""
    read = [each.slice for each in ast.walk(tree) if isinstance(each, ast.Subscript)]
    indices = {id(each) for index in read for each in (index.elts if isinstance(index, ast.Tuple) else [index])}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "np" and node.attr in NAMES:
            yield node
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and id(node) not in indices:
            name, of_numpy = node.func.attr, ast.unparse(node.func.value) == "np"
            dtypes = [keyword.value for keyword in node.keywords if keyword.arg == "dtype"]
            dtypes += node.args if name == "astype" else node.args[DTYPE_AT.get(name, 1) :] if of_numpy else []
            if any(ast.unparse(dtype) in INT for dtype in dtypes) or (
                of_numpy and not dtypes and chooses(name, node.args)
            ):
                yield node


def chooses(name, args):
    """Whether a function of NumPy's, given no dtype, makes integers of these, as far as their form tells."""
    if name in ("array", "asarray"):
        return is_int(args[0])
    if name in ("full", "where"):
        return len(args) > 1 and all(map(is_int, args[1:]))
    return name in ("indices", "prod", "cumprod") or (name == "arange" and not any(map(is_float, args)))


def is_int(node):
    """An integer, a shape, or a collection of them."""
    if isinstance(node, ast.List | ast.Tuple):
        return all(map(is_int, node.elts))
    if isinstance(node, ast.UnaryOp | ast.Subscript | ast.Starred):
        return is_int(node.operand if isinstance(node, ast.UnaryOp) else node.value)
    if isinstance(node, ast.BinOp):
        return not isinstance(node.op, ast.Div) and is_int(node.left) and is_int(node.right)
    if isinstance(node, ast.Constant):
        return type(node.value) is int
    return ast.unparse(node).endswith(("shape", "size", "sides")) or ast.unparse(node).startswith(("len(", "range("))


def is_float(node):
    """A number with a point."""
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


def test_integers_are_made_with_a_size():
    paths = sorted(PACKAGE.rglob("*.py"))
    found = {
        f"{path.relative_to(PACKAGE.parent).as_posix()}: {ast.unparse(node)}"
        for path in paths
        for node in without_a_size(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert len(paths) > 150
    assert not found


FINDS = (
    "pixels @ np.array([299, 587, 114])",
    "np.mgrid[:height, :width]",
    "np.indices((2, 3))",
    "np.arange(n) * 2",
    "x[np.arange(n) * 2]",
    "np.prod(kernel.shape[:3])",
    "np.array(x.shape[1:3])",
    "np.asarray([len(x), -1])",
    "np.ones(2, int)",
    "np.zeros((2, 3), dtype=int)",
    "np.full((2, 3), 7)",
    "np.full((2, 3), 7, int)",
    "np.array(numbers, int)",
    "np.where(inside, 1, 0)",
    "mask.astype(int)",
    "mask.sum(dtype=int)",
    "mask.sum(axis=0, dtype=np.int_)",
)


@pytest.mark.parametrize("line", FINDS)
def test_the_search_for_integers_without_a_size_finds(line):
    assert list(without_a_size(ast.parse(line)))


PASSES = (
    "rows[np.arange(len(rows)), targets] = 1",
    "np.arange(24.0) / 24",
    "np.arange(n, dtype=np.int64)",
    "np.array([0.5, 1])",
    "np.full(shape, 6, x.dtype)",
    "np.zeros((), x.dtype)",
    "np.where(alive, dy, 0)",
    'parser.add_argument("--steps", type=int)',
    "math.prod(kernel.shape)",
)


@pytest.mark.parametrize("line", PASSES)
def test_the_search_for_integers_without_a_size_passes(line):
    assert not list(without_a_size(ast.parse(line)))


if __name__ == "__main__":
    import default_integers

    default_integers.simulate()
    Path(sys.argv[1]).write_bytes(pickle.dumps(computed()))

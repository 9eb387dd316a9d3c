"""The box proves what it says: it enters every branch, catches every mutant, and kernels reach space as it supposes."""

import ast

import pytest
from copies import COPY, KERNELS, copied_kernels, with_mistake
from mutants import MUTANTS

from npconv.checks.box import CONSTANTS, GEOMETRIES, PARTNERS, Along, hold_axis, prove_box
from npconv.kernels.geometry import Axis

PROVED = ("geometry", "standard", "depthwise", "grouped", "pointwise", "separable")
LEFT_OUT = {"factorize_kernel"}  # no sum of products
ELSEWHERE = {("bands", "size")}  # given by inference alone
CAUGHT = [
    mutant
    for mutant in MUTANTS
    if mutant.module in (*PROVED, "arguments") and not {"factorize", "inverted_residual"} & set(mutant.guards)
]


def test_it_has_all_geometries_and_proves_some_of_them():
    assert len(GEOMETRIES) == len(set(GEOMETRIES)) == 999
    assert len(PARTNERS) == len(CONSTANTS)
    box = prove_box(every=90, processes=2)
    assert (box.geometries, box.pairs) == (12, 120)
    assert box.equalities > 14 * box.pairs
    assert 0 < box.bound < 2**-40


@pytest.mark.parametrize("mutant", CAUGHT, ids=lambda mutant: f"{mutant.module}-{mutant.says}".replace(" ", "_"))
def test_the_mutant_is_caught(mutant, tmp_path, monkeypatch):
    with (
        copied_kernels(tmp_path, monkeypatch, with_mistake(mutant)),
        pytest.raises(Exception),  # noqa: B017, PT011 - a mutant may also fail by an error of its own
    ):
        prove_box(COPY, every=7, processes=1)


class Watched(ast.NodeTransformer):
    """Each condition and each side of an `and` or `or` reports how it came out."""

    def __init__(self):
        self.function, self.names = "", []

    def visit_FunctionDef(self, node):
        if node.name in LEFT_OUT:
            return node
        outer, self.function = self.function, node.name
        self.generic_visit(node)
        self.function = outer
        return node

    def watched(self, test):
        if (self.function, ast.unparse(test)) in ELSEWHERE:
            return test
        self.names.append((self.function, ast.unparse(test)))
        return ast.Call(ast.Name("_seen", ast.Load()), [ast.Constant(len(self.names) - 1), test], [])

    def visit_If(self, node):
        self.generic_visit(node)
        node.test = self.watched(node.test)
        return node

    visit_IfExp = visit_If  # noqa: N815

    def visit_BoolOp(self, node):
        self.generic_visit(node)
        node.values = [self.watched(value) for value in node.values[:-1]] + node.values[-1:]
        return node


def test_it_enters_every_branch_of_the_kernels(tmp_path, monkeypatch):
    names, sources = {}, {}
    for module in PROVED:
        watched = Watched()
        tree = watched.visit(ast.parse((KERNELS / f"{module}.py").read_text(encoding="utf-8")))
        sources[module] = ast.unparse(ast.fix_missing_locations(tree))
        sources[module] += (
            f"\nfrom functools import partial\nfrom .seen import seen\n_seen = partial(seen, '{module}')\n"
        )
        names |= {(module, number): name for number, name in enumerate(watched.names)}
    sources["seen"] = (
        "found = set()\ndef seen(*place):\n    found.add((*place[:2], bool(place[2])))\n    return place[2]\n"
    )
    with copied_kernels(tmp_path, monkeypatch, sources) as kernels:
        prove_box(COPY, every=7, processes=1)
        found = kernels.seen.__globals__["found"]
    assert len(names) >= 15
    missed = [(module, *name, way) for (module, number), name in names.items() for way in (True, False)
              if (module, number, way) not in found]  # fmt: skip
    assert not missed


@pytest.mark.parametrize("module", ["standard", "depthwise", "grouped", "pointwise"])
def test_kernels_reach_space_only_through_geometry(module):
    """They compute with values alone, hand geometry on, and index volumes by bands, loops and `Geometry`'s tables."""
    volumes = {"x", "y", "dy", "dx", "padded", "dpadded", "tap", "dtap", "rows", "into", "maps", "runs"}
    indices = {"...", "band", "(..., n)", "(0, 0, 0)", "(b, v, w, n)", "(b, v, w, c)", "(b, v, w, m)",
               "(b, g.row[v][i], g.column[w][j], m)", "(b, g.row[v][i], g.column[w][j], c)"}  # fmt: skip
    tree = ast.parse((KERNELS / f"{module}.py").read_text(encoding="utf-8"))
    handed = {
        id(value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for value in [*call.args, *(word.value for word in call.keywords if word.arg == getattr(word.value, "id", ""))]
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and not isinstance(node.op, ast.BitOr):  # | joins types
            assert isinstance(node.op, ast.Mult | ast.MatMult), ast.unparse(node)
        if isinstance(node, ast.Name) and node.id in ("stride", "padding", "dilation"):
            assert id(node) in handed, node.lineno
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id in volumes:
            assert ast.unparse(node.slice) in indices, ast.unparse(node)
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("roll", "pad", "take", "as_strided", "sliding_window_view") or (
                ast.unparse(node) == "g.pad"
            )


def test_an_axis_that_reads_elsewhere_is_refused():
    right = Along(5, 3, 2, 1, (1, 0))
    hold_axis(Axis(5, 3, 2, 1, 1, 0), right, same=False)
    for wrong in (Axis(5, 3, 2, 1, 0, 1), Axis(5, 3, 1, 1, 1, 0), Axis(5, 2, 2, 1, 1, 0), Axis(4, 3, 2, 1, 1, 0)):
        with pytest.raises(AssertionError, match="does not read v·s"):
            hold_axis(wrong, right, same=False)
    hold_axis(Axis(5, 2, 1, 1, 0, 1), Along(5, 2, 1, 1, None), same=True)
    for before, after in ((1, 0), (1, 1), (0, 0), (0, 2)):  # turned round, too many, too few, too uneven
        with pytest.raises(AssertionError, match="does not read v·s"):
            hold_axis(Axis(5, 2, 1, 1, before, after), Along(5, 2, 1, 1, None), same=True)

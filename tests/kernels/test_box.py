"""The box proves what it says: it enters every branch, and kernels reach space as it supposes. See test_guards too."""

import ast

import pytest
from copies import COPY, KERNELS, copied_kernels

from npconv.checks.box import CONSTANTS, GEOMETRIES, PARTNERS, Along, hold_axis, prove_box
from npconv.kernels.geometry import Axis

PROVED = ("geometry", "engine", "standard", "depthwise", "grouped", "pointwise", "separable", "transposed", "flattened",
          "shuffle", "standard3d")  # fmt: skip
LEFT_OUT = {"factorize_kernel", "overlap_counts"}  # no sums of products


def test_it_has_all_geometries_and_proves_some_of_them():
    assert len(GEOMETRIES) == len(set(GEOMETRIES)) == 999
    assert len(PARTNERS) == len(CONSTANTS)
    box = prove_box(every=90, processes=2)
    assert (box.geometries, box.pairs) == (12, 120)
    assert box.equalities > 14 * box.pairs
    assert 0 < box.bound < 2**-40


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


def test_it_enters_every_branch_of_the_kernels():
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
    with copied_kernels(sources) as kernels:
        prove_box(COPY, every=29, processes=1)
        found = kernels.seen.__globals__["found"]
    assert len(names) >= 15
    missed = [(module, *name, way) for (module, number), name in names.items() for way in (True, False)
              if (module, number, way) not in found]  # fmt: skip
    assert not missed


SUBSCRIPTS = {  # every index in the kernels: by loops, taps, bands, `Geometry`'s tables, and channels
    *(f"{a}[b, v, w, {c}]" for a in ("y", "dy", "x") for c in "nmc"),
    *(f"{a}[b, g.row[v][i], g.column[w][j], {c}]" for a in ("padded", "dpadded") for c in "mcn"),
    *(f"{a}[i, j{c}]" for a in ("kernel", "dkernel", "filter") for c in ("", ", m, n", ", n, m", ", c")),
    "kernel[m, n]",
    *("g.row[v][i]", "g.row[v]", "g.column[w][j]", "g.column[w]", "y[..., n]", "kernel[..., n]", "rows[...]"),
    *(f"{a}.shape[{n}]" for a in ("x", "kernel", "padded") for n in ("-1", ":-1", ":3", ":2", "0", "1", "2")),
    *("tuple[Array, Array]",),
}  # fmt: skip
METHODS = {
    *("check", "geometry", "transposed_geometry"),  # of a Signature
    *("conv2d", "conv2d_backward", "depthwise_conv2d", "depthwise_conv2d_backward"),  # of the engine
    *("conv2d_dx", "transposed_conv2d_backward"),
    *(
        "output",
        "zeros",
        "padded_zeros",
        "pad",
        "crop",
        "taps",
        "scatter",
        "columns",
        "backward_arrays",
        "row",
        "column",
    ),  # of a Geometry
    *("shape", "dtype", "T", "sum", "reshape"),  # of an array
    *("ndindex", "zeros", "result_type", "split", "concatenate"),
}


def only_through_geometry(source):
    """What in a module reaches space in another way than through `Geometry`."""
    tree, found = ast.parse(source), []
    tree.body = [node for node in tree.body if getattr(node, "name", "") not in LEFT_OUT]
    handed = {
        id(value)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        for value in [*call.args, *(word.value for word in call.keywords if word.arg == getattr(word.value, "id", ""))]
    }
    for node in ast.walk(tree):
        text = ast.unparse(node) if isinstance(node, ast.expr) else ""
        computes = isinstance(node, ast.BinOp) and not isinstance(node.op, ast.BitOr | ast.Mult | ast.MatMult)
        indexes = isinstance(node, ast.Subscript) and text not in SUBSCRIPTS
        geometry = (
            isinstance(node, ast.Name) and node.id in ("stride", "padding", "dilation") and id(node) not in handed
        )
        method = isinstance(node, ast.Attribute) and node.attr not in METHODS
        if computes or indexes or geometry or method:
            found.append(text)
    return found


@pytest.mark.parametrize("module", ["standard", "depthwise", "grouped", "pointwise", "transposed"])
def test_kernels_reach_space_only_through_geometry(module):
    assert only_through_geometry((KERNELS / f"{module}.py").read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "reach",
    ["np.flip(x, axis=1)", "x.swapaxes(1, 2)", "x[:, 1:]", "g.pad(x)[:, :, ::2]", "np.roll(x, 1)", "x[stride:]",
     "x.take([0], 1)", "stride + 1", "range(v - 1)"],
)  # fmt: skip
def test_another_way_to_reach_space_is_seen(reach):
    source = (KERNELS / "standard.py").read_text(encoding="utf-8")
    assert only_through_geometry(
        source.replace("for i, j, tap in g.taps(padded):", f"for i, j, tap in g.taps({reach}):")
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

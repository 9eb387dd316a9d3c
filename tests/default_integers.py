"""npconv as it runs where NumPy's default integers have 32 bits, simulated on any platform.

`simulate()` imports npconv with its calls and operators rewritten: wherever NumPy would give integers of 64 bits to
arguments that have none, so that it chose their size, they are cut down to 32 bits. So it is on Windows before NumPy 2,
and on platforms of 32 bits, where counts and places of elements are of that size too. As a plugin of pytest it holds
for a whole run: `PYTHONPATH=tests python -m pytest -p default_integers`.
"""

import ast
import builtins
import operator
import sys
from importlib.abc import MetaPathFinder
from importlib.machinery import PathFinder, SourceFileLoader

import numpy as np

NARROW = {np.dtype(np.int64): np.int32, np.dtype(np.uint64): np.uint32}
RESULTS = {np.ndarray, np.int64, np.uint64, tuple, type(np.dtype(np.int64))}  # of all others nothing is looked at
OWNERS = np.ndarray | np.generic | np.ufunc | np.random.Generator
FROM_VALUES = (np.array, np.asarray, np.full, np.arange)  # keep 64 bits where a number needs them
BY_VALUE = ("super", "globals", "locals", "vars", "eval", "exec")  # they look at who calls
OPERATORS = {"Mult": "mul", "Div": "truediv", "BitOr": "or_", "BitXor": "xor", "BitAnd": "and_", "MatMult": "matmul"}


def call(function, /, *args, **kwargs):
    """A call, whose result is cut down where a platform of 32 bits had chosen 32."""
    result = function(*args, **kwargs)
    if type(result) not in RESULTS:
        return result
    owner = getattr(function, "__self__", None)
    if not isinstance(owner, OWNERS) and not isinstance(function, np.ufunc):
        if (getattr(function, "__module__", None) or "").partition(".")[0] != "numpy":
            return result
    elif isinstance(owner, np.random.Generator) and function.__name__ == "integers":
        return result  # of 64 bits everywhere
    if function is np.dtype:
        return np.dtype(np.int32) if args == (int,) else result
    return narrow(result, (function, owner, args, kwargs), keep=function in FROM_VALUES)


def operate(name, left, right):
    """A binary operator, with the result cut down likewise."""
    result = getattr(operator, name)(left, right)
    return narrow(result, (left, right)) if type(result) in RESULTS else result


def narrow(result, given, *, keep=False):
    """Integers of 64 bits, of which nothing that was given has any, in 32."""
    if type(result) is tuple:
        return tuple(narrow(each, given, keep=keep) for each in result)
    if not isinstance(result, np.ndarray | np.generic) or result.dtype not in NARROW or wide(given):
        return result
    small = result.astype(NARROW[result.dtype])
    return result if keep and not np.array_equal(small, result) else small


def wide(given):
    """Whether an array, a scalar or a dtype of 64 bits is among them."""
    if isinstance(given, tuple | list):
        return any(map(wide, given))
    if isinstance(given, dict):
        return any(map(wide, given.values()))
    if isinstance(given, np.ndarray | np.generic | np.dtype):
        return getattr(given, "dtype", given) in NARROW
    return given in (np.int64, np.uint64, "int64", "uint64")


class Rewritten(ast.NodeTransformer):
    """Calls, binary operators, and `+=` on names, by way of the functions above."""

    def visit_Call(self, node):
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in BY_VALUE:
            return node
        return ast.Call(_name("_npconv_call"), [node.func, *node.args], node.keywords)

    def visit_Subscript(self, node):
        self.generic_visit(node)
        if not isinstance(node.value, ast.Attribute) or node.value.attr not in ("mgrid", "ogrid", "r_", "c_"):
            return node
        index = ast.Subscript(_name("_npconv_slice"), node.slice, ast.Load())
        return ast.Call(_name("_npconv_call"), [ast.Attribute(node.value, "__getitem__", ast.Load()), index], [])

    def visit_BinOp(self, node):
        self.generic_visit(node)
        return self._operated(node.op, "", node.left, node.right)

    def visit_AugAssign(self, node):
        self.generic_visit(node)
        if not isinstance(node.target, ast.Name):
            return node
        return ast.Assign([node.target], self._operated(node.op, "i", _name(node.target.id), node.value))

    def _operated(self, op, place, left, right):
        name = type(op).__name__
        name = place + OPERATORS.get(name, name.lower()).rstrip("_" if place else "")
        return ast.Call(_name("_npconv_operate"), [ast.Constant(name), left, right], [])


def _name(name):
    return ast.Name(name, ast.Load())


class Loader(SourceFileLoader):
    """Of the source alone, never of what is compiled, with the tree rewritten."""

    def get_code(self, fullname):
        path = self.get_filename(fullname)
        tree = ast.parse(self.get_data(path), path)
        return compile(ast.fix_missing_locations(Rewritten().visit(tree)), path, "exec", dont_inherit=True)


class Finder(MetaPathFinder):
    """What imports npconv's modules."""

    def find_spec(self, fullname, path, target=None):
        if fullname.partition(".")[0] != "npconv":
            return None
        spec = PathFinder.find_spec(fullname, path, target)
        if spec is not None and isinstance(spec.loader, SourceFileLoader):
            spec.loader = Loader(spec.loader.name, spec.loader.path)
        return spec


def simulate():
    """From here on npconv, which must not be imported yet, runs on default integers of 32 bits."""
    assert "npconv" not in sys.modules
    builtins._npconv_call, builtins._npconv_operate, builtins._npconv_slice = call, operate, np.s_
    sys.meta_path.insert(0, Finder())


def pytest_load_initial_conftests():
    """The simulation, as a plugin, before any conftest imports npconv."""
    simulate()

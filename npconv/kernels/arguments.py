"""The checks at the top of every kernel, and the words in which they fail.

A kernel's first line is one call of a function below. It raises TypeError for a wrong kind of argument and ValueError
for a wrong rank, shape or geometry; the message names the function and the argument, and gives what was expected and
every shape involved. A pattern such as "B Dᵤ Dᵤ M" names an array's axes in the article's symbols. A symbol that
stands twice must be the same number both times, but for the spatial sides D, whose height and width may differ.
"""

import math
import operator
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import numpy as np

from .geometry import Array, Axis, Geometry, Padding, Pair

PRODUCTS = "biufcO"  # dtype kinds that NumPy adds and multiplies
NUMBERS = "biufc"  # those that linear algebra takes apart
ACTIVATIONS = "fcO"  # real floats, the complex step's, and objects, which count or write themselves down
REAL = "f"

LARGEST = 2**63 - 1  # of any size: what an index of 64 bits holds
MOST = np.iinfo(np.intp).max // 16  # numbers that an array of any dtype can have
LARGEST_SEED = 2**128 - 1  # as many bits as NumPy's own entropy
LARGEST_REAL = 1e30  # of any real number; float32 holds it

VOLUME = "B Dᵤ Dᵤ M"


class Arguments:
    """The named arrays of one call: their checks, and the error that one of them causes."""

    def __init__(self, function: str, kinds: str, *dy: Array, **arrays: Array) -> None:
        self.function = function
        self.shapes: dict[str, tuple[int, ...]] = {}
        for name, a in (*(("dy", upstream) for upstream in dy), *arrays.items()):
            if type(a) is not np.ndarray and not isinstance(a, np.memmap):
                raise TypeError(f"{function}: {name} must be a numpy.ndarray; got {type(a).__name__}")
            if a.dtype.kind not in kinds:
                wanted = "real floats" if kinds == REAL else "floats" if kinds == ACTIVATIONS else "numbers"
                raise TypeError(f"{function}: {name} must hold {wanted}; got dtype {a.dtype}, {name} {a.shape}")
            self.shapes[name] = a.shape

    def fail(self, expected: str) -> NoReturn:
        """Raise the ValueError that says what was expected and what came."""
        got = ", ".join(f"{name} {shape}" for name, shape in self.shapes.items())
        raise ValueError(f"{self.function}: {expected}; got {got}")

    def match(self, **patterns: str) -> dict[str, int]:
        """Hold each array's shape against its pattern; the sizes of the symbols."""
        sizes: dict[str, int] = {}
        origin: dict[str, str] = {}
        for name, pattern in patterns.items():
            if name not in self.shapes:
                continue
            symbols, shape = pattern.split(), self.shapes[name]
            axes = f"{name} must be ({', '.join(symbols)}{',' if len(symbols) == 1 else ''})"
            if symbols[0] == "…":
                symbols = ["…"] * (len(shape) - len(symbols) + 1) + symbols[1:]
            if len(shape) != len(symbols):
                self.fail(f"{axes}, {len(symbols)} axes")
            if 0 in shape:
                self.fail(f"{axes}, every axis at least 1")
            for symbol, size in zip(symbols, shape, strict=True):
                if symbol in sizes and sizes[symbol] != size:
                    self.fail(f"{axes} with {symbol} = {sizes[symbol]} as in {origin[symbol]}")
                if symbol == "M·Q" and "M·Q" not in sizes and size % sizes["M"]:
                    self.fail(f"{axes} with M·Q a multiple of M = {sizes['M']}, x's channels")
                if symbol[0] not in "D…":
                    sizes.setdefault(symbol, size)
                    origin.setdefault(symbol, name)
        return sizes

    def geometry(self, kernel: str, stride: Pair, padding: Padding, dilation: Pair) -> Geometry:
        """The geometry in which the kernel of that name meets x."""
        (batch, *spatial, _), taps = self.shapes["x"], self.shapes[kernel][:2]
        strides, dilations = self.pair("stride", stride, 1), self.pair("dilation", dilation, 1)
        spans = [d * (k - 1) + 1 for d, k in zip(dilations, taps, strict=True)]
        pads = self.padding(padding, spatial, spans, strides)
        axes = []
        for side, d, k, s, δ, pad in zip(("height", "width"), spatial, taps, strides, dilations, pads, strict=True):
            axis = Axis(d, k, s, δ, *pad)
            if axis.padded < axis.span:
                self.fail(
                    f"the output's {side} would be empty, as {kernel} reaches over {axis.span} and the padded x has "
                    f"{axis.padded} (stride {stride!r}, padding {padding!r}, dilation {dilation!r})"
                )
            axes.append(axis)
        g, (*_, channels) = Geometry(batch, *axes), self.shapes["x"]
        shapes = {"the padded x": (batch, *(axis.padded for axis in axes), channels)}
        shapes["the output"] = (*g.output, self.shapes[kernel][-1])
        for what, shape in shapes.items():
            if math.prod(shape) > MOST:
                self.fail(f"padding must keep {what} within {MOST:,} numbers; {shown(padding)} makes it {shape}")
        return g

    def pair(self, name: str, value: object, least: int) -> tuple[int, int]:
        """An int, or a pair of ints for height and width."""
        numbers = [value, value] if is_int(value) else value
        wanted = f"{self.function}: {name} must be an int or a pair of ints (height, width)"
        if not isinstance(numbers, tuple | list) or not all(is_int(n) for n in numbers):
            raise TypeError(f"{wanted}; got {shown(value)}")
        if len(numbers) != 2:
            raise ValueError(f"{wanted}; got {shown(value)}")
        height, width = (integer(self.function, name, number, least, given=value) for number in numbers)
        return height, width

    def padding(
        self, value: object, spatial: Sequence[int], spans: Sequence[int], strides: Sequence[int]
    ) -> list[tuple[int, int]]:
        """The rows of zeros (before, after) along height and width."""
        if isinstance(value, str):
            if value == "valid":
                return [(0, 0), (0, 0)]
            if value == "same":  # ⌈Dᵤ/s⌉ outputs, the odd row of zeros behind, as TensorFlow and Keras have it
                needed = [
                    max((-(-d // s) - 1) * s + span - d, 0) for d, span, s in zip(spatial, spans, strides, strict=True)
                ]
                return [(n // 2, n - n // 2) for n in needed]
            raise ValueError(f"{self.function}: padding must be 'valid', 'same' or numbers; got {shown(value)}")
        if isinstance(value, tuple | list) and any(isinstance(side, tuple | list) for side in value):
            if len(value) != 2 or not all(isinstance(side, tuple | list) for side in value):
                raise ValueError(f"{self.function}: padding must be ((top, bottom), (left, right)); got {shown(value)}")
            return [self.pair("each side of padding", side, 0) for side in value]
        top, left = self.pair("padding", value, 0)
        return [(top, top), (left, left)]

    def upstream(self, axes: str, shape: tuple[int, ...]) -> None:
        """Hold dy, where there is one, against the shape of forward's output."""
        if self.shapes.get("dy", shape) != shape:
            self.fail(f"dy must be {axes} = {shape}, the shape of forward's output")


def is_int(value: object) -> bool:
    """Whether value is an int of Python or NumPy; a bool is none."""
    return isinstance(value, int | np.integer) and not isinstance(value, bool | np.timedelta64)


def integer(function: str, name: str, value: Any, least: int = 1, most: int = LARGEST, *, given: object = None) -> int:
    """An int within its bounds, as Python's: NumPy's would wrap in what is calculated with it.

    `given` is what the user wrote, where value is a part of it.
    """
    if is_int(value) and least <= value <= most:
        return int(value)
    got = shown(value if given is None else given)
    if not is_int(value):
        raise TypeError(f"{function}: {name} must be an int; got {got}")
    bound = f"at least {least}" if value < least else f"at most {most}"
    raise ValueError(f"{function}: {name} must be {bound}; got {got}")


def real(
    function: str, name: str, value: Any, *, above: float | None = None, least: float | None = None,
    below: float | None = None, most: float | None = None,
) -> float:  # fmt: skip
    """A real number within its bounds, as Python's float; NaN and infinity lie in none."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError(f"{function}: {name} must be a real number; got {shown(value)}")
    number = float(value) if isinstance(value, np.number) else value  # a float16 knows no 1e30
    bounds = [("above", above, operator.gt), ("at least", least, operator.ge),
              ("below", below, operator.lt), ("at most", most, operator.le)]  # fmt: skip
    given = [(word, bound, holds(number, bound)) for word, bound, holds in bounds if bound is not None]
    if all(held for *_, held in given) and not abs(number) <= LARGEST_REAL:
        given.append(("in size at most", LARGEST_REAL, False))
    if not all(held for *_, held in given):
        wanted = " and ".join(f"{word} {bound:g}" for word, bound, _ in given)
        raise ValueError(f"{function}: {name} must be {wanted}; got {shown(value)}")
    return float(number)


def integers(
    function: str,
    name: str,
    given: Any,
    least: int = 1,
    most: int = LARGEST,
    *,
    expected: str = "a tuple of ints",
    each: str = "number",
) -> tuple[int, ...]:
    """Several ints within their bounds, as Python's."""
    if not isinstance(given, tuple | list) or not all(map(is_int, given)):
        raise TypeError(f"{function}: {name} must be {expected}; got {shown(given)}")
    for number in given:
        if not least <= number <= most:
            limit = f"at least {least}" if number < least else f"at most {most}"
            raise ValueError(f"{function}: {name} must have every {each} {limit}; got {shown(given)}")
    return tuple(map(int, given))


def sizes(
    function: str, name: str, given: Any, expected: str = "a shape, a tuple of ints", *, most: int = MOST
) -> tuple[int, ...]:
    """A shape without an empty axis, of at most so many numbers."""
    shape = integers(function, name, given, expected=expected, each="axis")
    if math.prod(shape) > most:
        raise ValueError(f"{function}: {name} must have at most {most:,} numbers; got {shown(given)}")
    return shape


def plain(value: Any) -> Any:
    """A number, a word, or tuples or a mapping of them, with Python's numbers for NumPy's."""
    if isinstance(value, dict):
        return {name: plain(each) for name, each in value.items()}
    if isinstance(value, tuple | list):
        return tuple(map(plain, value))
    return value.item() if isinstance(value, np.generic) else value


def one_of(function: str, name: str, word: Any, words: Iterable[str]) -> str:
    """One of some words."""
    known = tuple(words)
    if not isinstance(word, str) or word not in known:
        raise ValueError(f"{function}: {name} must be one of {', '.join(known)}; got {shown(word)}")
    return word


def instance(function: str, name: str, value: Any, *kinds: type) -> None:
    """Check that a value is of one of some classes."""
    if not isinstance(value, kinds):
        wanted = " or ".join(kind.__name__ for kind in kinds)
        raise TypeError(f"{function}: {name} must be a {wanted}; got {type(value).__name__}")


def as_path(function: str, name: str, given: Any) -> Path:
    """A path, of a str or a Path."""
    instance(function, name, given, str, Path)
    return Path(given)


def assign(record: Any, **checked: Any) -> None:
    """Put what was checked into the fields of a frozen dataclass."""
    for name, value in checked.items():
        object.__setattr__(record, name, value)


def callables(function: str, /, **given: Any) -> None:
    """Check that each can be called."""
    for name, value in given.items():
        if not callable(value):
            raise TypeError(f"{function}: {name} must be a function; got {shown(value)}")


def boolean(function: str, name: str, value: Any) -> None:
    """Check a yes or no: a word such as "no" would count as yes."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{function}: {name} must be a bool; got {shown(value)}")


def generator(function: str, seed: Any, name: str = "seed") -> np.random.Generator:
    """The generator that an int stands for, so that the same one draws the same; a generator stands for itself."""
    if isinstance(seed, np.random.Generator):
        return seed
    if not is_int(seed):
        raise TypeError(f"{function}: {name} must be an int or a numpy.random.Generator; got {shown(seed)}")
    return np.random.default_rng(integer(function, name, seed, 0, LARGEST_SEED))


def shown(value: object) -> str:
    """A value as an error has it, cut off where it is long."""
    try:
        text = repr(value)
    except ValueError:  # Python's own limit, of 4,300 digits
        return "an int too long to print"
    return text if len(text) <= 200 else f"{text[:200]}…"


def standard(
    function: str, x: Array, kernel: Array, stride: Pair, padding: Padding, dilation: Pair, *dy: Array
) -> Geometry:
    """Check the arguments of a standard convolution, or of its backward; return its geometry."""
    arguments = Arguments(function, PRODUCTS, *dy, x=x, kernel=kernel)
    arguments.match(x=VOLUME, kernel="Dᵣ Dᵣ M N")
    g = arguments.geometry("kernel", stride, padding, dilation)
    arguments.upstream("(B, Dᵥ, Dᵥ, N)", (*g.output, kernel.shape[-1]))
    return g


def single_filter(function: str, x: Array, filter: Array, stride: Pair, padding: Padding, dilation: Pair) -> Geometry:
    """Check the arguments of one filter's per-channel maps; return their geometry."""
    arguments = Arguments(function, PRODUCTS, x=x, filter=filter)
    arguments.match(x=VOLUME, filter="Dᵣ Dᵣ M")
    return arguments.geometry("filter", stride, padding, dilation)


def depthwise(
    function: str, x: Array, kernel: Array, stride: Pair, padding: Padding, dilation: Pair, *dy: Array
) -> Geometry:
    """Check the arguments of a depthwise convolution, or of its backward; return its geometry."""
    arguments = Arguments(function, PRODUCTS, *dy, x=x, kernel=kernel)
    arguments.match(x=VOLUME, kernel="Dᵣ Dᵣ M·Q")
    g = arguments.geometry("kernel", stride, padding, dilation)
    arguments.upstream("(B, Dᵥ, Dᵥ, M·Q)", (*g.output, kernel.shape[-1]))
    return g


def grouped(
    function: str,
    x: Array,
    kernel: Array,
    groups: int,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    *dy: Array,
) -> tuple[Geometry, int]:
    """Check the arguments of a grouped convolution, or of its backward; return its geometry and its groups."""
    arguments = Arguments(function, PRODUCTS, *dy, x=x, kernel=kernel)
    groups = integer(function, "groups", groups)
    arguments.match(x=VOLUME, kernel="Dᵣ Dᵣ M/groups N")
    m, n = x.shape[-1], kernel.shape[-1]
    if m % groups or n % groups:
        arguments.fail(f"groups must divide M = {m} and N = {n}; got {groups}")
    if kernel.shape[2] * groups != m:
        arguments.fail(f"kernel must be (Dᵣ, Dᵣ, M/groups, N) with M/groups = {m // groups}")
    g = arguments.geometry("kernel", stride, padding, dilation)
    arguments.upstream("(B, Dᵥ, Dᵥ, N)", (*g.output, n))
    return g, groups


def pointwise(function: str, x: Array, kernel: Array, *dy: Array) -> None:
    """Check the arguments of a pointwise convolution, or of its backward."""
    arguments = Arguments(function, PRODUCTS, *dy, x=x, kernel=kernel)
    arguments.match(x=VOLUME, kernel="M N")
    arguments.upstream("(B, Dᵤ, Dᵤ, N)", (*x.shape[:-1], kernel.shape[-1]))


def dense(function: str, x: Array, kernel: Array, *dy: Array) -> None:
    """Check the arguments of a dense layer's product, or of its backward."""
    arguments = Arguments(function, PRODUCTS, *dy, x=x, kernel=kernel)
    arguments.match(x="B M", kernel="M N")
    arguments.upstream("(B, N)", (x.shape[0], kernel.shape[-1]))


def separable(
    function: str,
    x: Array,
    depthwise: Array,
    pointwise: Array,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    *dy: Array,
) -> Geometry:
    """Check the arguments of a depthwise separable convolution, or of its backward; return its geometry."""
    arguments = Arguments(function, PRODUCTS, *dy, x=x, depthwise=depthwise, pointwise=pointwise)
    arguments.match(x=VOLUME, depthwise="Dᵣ Dᵣ M·Q", pointwise="M·Q N")
    g = arguments.geometry("depthwise", stride, padding, dilation)
    arguments.upstream("(B, Dᵥ, Dᵥ, N)", (*g.output, pointwise.shape[-1]))
    return g


def inverted_residual(
    function: str,
    x: Array,
    expand: Array | None,
    depthwise: Array,
    project: Array,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    *dy: Array,
) -> bool:
    """Check the arguments of an inverted residual, or of its backward; return whether it has the shortcut."""
    return split_inverted_residual(function, x, expand, depthwise, project, 1, stride, padding, dilation, *dy)[1]


def split_inverted_residual(
    function: str,
    x: Array,
    expand: Array | None,
    depthwise: Array,
    project: Array,
    groups: int,
    stride: Pair,
    padding: Padding,
    dilation: Pair,
    *dy: Array,
) -> tuple[Geometry, bool, int]:
    """Check the arguments of an inverted residual in groups; return its geometry, its shortcut or none, its groups."""
    expanded = {} if expand is None else {"expand": expand}
    arguments = Arguments(function, ACTIVATIONS, *dy, x=x, **expanded, depthwise=depthwise, project=project)
    groups = integer(function, "groups", groups)
    inner = "k" if expand is None else "tk"
    sizes = arguments.match(x="B Dᵤ Dᵤ k", expand="k tk", depthwise=f"Dᵣ Dᵣ {inner}", project=f"{inner} k′")
    g = arguments.geometry("depthwise", stride, padding, dilation)
    shortcut = (g.height.stride, g.width.stride) == (1, 1) and sizes["k"] == sizes["k′"]
    if shortcut and g.output != x.shape[:3]:
        arguments.fail(
            f"at stride 1 with k = k′ the shortcut is added, so padding must keep x's height and width, and "
            f"{padding!r} with dilation {dilation!r} gives {g.output[1:]}"
        )
    arguments.upstream("(B, Dᵥ, Dᵥ, k′)", (*g.output, sizes["k′"]))
    if groups > len(project):
        arguments.fail(f"groups must be from 1 to tk = {len(project)}; got {groups}")
    return g, shortcut, groups


def residual_bottleneck(function: str, x: Array, reduce: Array, spatial: Array, restore: Array, *dy: Array) -> None:
    """Check the arguments of a residual bottleneck, or of its backward."""
    arguments = Arguments(function, ACTIVATIONS, *dy, x=x, reduce=reduce, spatial=spatial, restore=restore)
    arguments.match(x=VOLUME, reduce="M M′", spatial="Dᵣ Dᵣ M′ M″", restore="M″ M")
    arguments.upstream("(B, Dᵤ, Dᵤ, M)", x.shape)


def activation(function: str, x: Array, *dy: Array) -> None:
    """Check the arguments of an elementwise activation, or of its backward."""
    arguments = Arguments(function, ACTIVATIONS, *dy, x=x)
    if 0 in x.shape:
        arguments.fail("x must have every axis at least 1")
    arguments.upstream("like x", x.shape)


def channelwise(function: str, x: Array, *dy: Array, epsilon: float = 1.0, **vectors: Array) -> float:
    """Check batch normalisation's arguments, x and vectors of one number a channel; return epsilon."""
    arguments = Arguments(function, REAL, *dy, x=x, **vectors)
    arguments.match(x="… M", **dict.fromkeys(vectors, "M"))
    if x.ndim < 2:
        arguments.fail("x must be (B, …, M), 2 axes or more")
    arguments.upstream("like x", x.shape)
    return added(function, epsilon, x, *vectors.values())


def folding(function: str, kernel: Array, *, epsilon: float, **vectors: Array) -> float:
    """Check a kernel and vectors of one number an output channel; return epsilon."""
    arguments = Arguments(function, REAL, kernel=kernel, **vectors)
    arguments.match(kernel="… N", **dict.fromkeys(vectors, "N"))
    if kernel.ndim < 2:
        arguments.fail("kernel must be (…, N), 2 axes or more")
    return added(function, epsilon, kernel, *vectors.values())


def added(function: str, epsilon: float, *arrays: Array) -> float:
    """The positive number that is added to a variance; it must be one in the arrays' dtype too."""
    number = real(function, "epsilon", epsilon, above=0)
    dtype = np.result_type(*(a.dtype for a in arrays))
    with np.errstate(over="ignore", under="ignore"):
        if not 0 < dtype.type(epsilon) < np.inf:
            raise ValueError(f"{function}: epsilon must be above 0 and finite in {dtype}; got {shown(epsilon)}")
    return number


def positive(function: str, name: str, value: Any) -> float:
    """A positive real number, as Python's float."""
    return real(function, name, value, above=0)


def volume(function: str, x: Array, *dy: Array) -> None:
    """Check the argument of a global pool, or of its backward."""
    arguments = Arguments(function, PRODUCTS, *dy, x=x)
    arguments.match(x=VOLUME)
    arguments.upstream("(B, M)", (x.shape[0], x.shape[-1]))


def factors(function: str, depthwise: Array, pointwise: Array, depth_multiplier: int, **dkernel: Array) -> int:
    """Check the two factors of a separable kernel, or the arguments of the factored kernel's backward; return Q."""
    multiplier = integer(function, "depth_multiplier", depth_multiplier)
    arguments = Arguments(function, PRODUCTS, **dkernel, depthwise=depthwise, pointwise=pointwise)
    sizes = arguments.match(depthwise="Dᵣ Dᵣ MQ", pointwise="MQ N")
    if sizes["MQ"] % multiplier:
        arguments.fail(f"depthwise must have a multiple of depth_multiplier = {multiplier} channels")
    shape = (*depthwise.shape[:2], sizes["MQ"] // multiplier, sizes["N"])
    if arguments.shapes.get("dkernel", shape) != shape:
        arguments.fail(f"dkernel must be (Dᵣ, Dᵣ, M, N) = {shape}, the shape of the factored kernel")
    return multiplier


def standard_kernel(function: str, kernel: Array, depth_multiplier: int) -> int:
    """Check a standard kernel that linear algebra will take apart; return Q, the factors that it keeps of a slice."""
    multiplier = integer(function, "depth_multiplier", depth_multiplier)
    arguments = Arguments(function, NUMBERS, kernel=kernel)
    arguments.match(kernel="Dᵣ Dᵣ M N")
    if not np.isfinite(kernel).all():
        arguments.fail("kernel must be finite")
    if kernel.size * multiplier > MOST:
        arguments.fail(f"depth_multiplier must keep the factors within {MOST:,} numbers; {multiplier} is too many")
    return multiplier


def linear_block(function: str, expand: Array, depthwise: Array, project: Array) -> None:
    """Check the three kernels of an inverted residual."""
    arguments = Arguments(function, PRODUCTS, expand=expand, depthwise=depthwise, project=project)
    arguments.match(expand="k tk", depthwise="Dᵣ Dᵣ tk", project="tk k′")


def classification(function: str, logits: Array, targets: Array, *dy: Any) -> None:
    """Check logits with class labels or class probabilities, and the scalar gradient of backward."""
    arguments = Arguments(function, REAL, logits=logits)
    array = type(targets) is np.ndarray or isinstance(targets, np.memmap)
    if not array or targets.dtype.kind not in "iuf":
        kind = targets.dtype if array else type(targets).__name__
        raise TypeError(f"{function}: targets must be an ndarray, (B,) integers or (B, N) probabilities; got {kind}")
    arguments.shapes["targets"] = targets.shape
    arguments.match(logits="B N")
    if targets.dtype.kind == "f":
        if targets.shape != logits.shape:
            arguments.fail("targets of floats must be (B, N) probabilities, the shape of logits")
        if targets.min() < 0 or not np.allclose(targets.sum(axis=1, dtype=np.float64), 1, atol=1e-3):
            arguments.fail("targets must be probabilities, not below 0, each row summing to 1")
    else:
        if targets.shape != logits.shape[:1]:
            arguments.fail("targets of integers must be (B,) class labels")
        if targets.min() < 0 or targets.max() >= logits.shape[1]:
            span = f"and span {targets.min()} to {targets.max()}"
            arguments.fail(f"targets must lie between 0 and {logits.shape[1] - 1}, {span}")
    for scalar in dy:
        if np.ndim(scalar) or np.asarray(scalar).dtype.kind not in "iuf":
            raise TypeError(f"{function}: dy must be a real scalar, as forward's output is; got {scalar!r}")

"""The file that a student fills in: its text for an exercise and a variant, and how the grader reads its header."""

import re
import textwrap
from collections.abc import Sequence
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from ...files import write_whole
from ...kernels.geometry import Array
from ...text import listed
from . import EXERCISES
from .bugs import FIND_THE_BUG, broken_functions, bug_exercise
from .exercise import Case, Exercise, Task
from .variants import LAYOUTS, Variant, kind_of_shape, variant_from

WIDTH = 116  # of a docstring's line, indented by four

ABOUT = {
    "x": "the input",
    "dy": "the upstream gradient, of the output's shape",
    "kernel": "the kernel",
    "depthwise": "the depthwise kernel",
    "pointwise": "the pointwise kernel",
    "expand": "the first pointwise kernel, or None",
    "project": "the last pointwise kernel",
    "scale": "what the normalised x is multiplied with",
    "shift": "what is added to it",
    "stride": "how far a filter steps, {stride}",
    "padding": "how many rows and columns are put around the map, {padding}",
    "depth_multiplier": "Q, how many depthwise filters each channel has",
    "epsilon": "what keeps the deviation from being 0",
    "x_shape": "the input's shape",
    "kernel_shape": "the kernel's shape",
    "depthwise_shape": "the depthwise kernel's shape",
    "pointwise_shape": "the pointwise kernel's shape",
    "kernel_size": "the sides of a filter, (height, width)",
    "out_channels": "N, how many channels the output has",
    "column": "the filters along the height",
    "row": "the filters along the width",
    "groups": "the number of groups, a divisor of M",
    "reduce": "the weights that make the hidden values",
    "reduce_bias": "what is added after reduce",
    "expand_bias": "what is added after expand",
}
PAIRS = {
    "height first": {"stride": "(height, width)", "padding": "((top, bottom), (left, right))"},
    "width first": {"stride": "(width, height)", "padding": "((left, right), (top, bottom))"},
}
RULES: dict[Any, str] = {  # by choice, or by choice and option
    ("channels", "first"): "The channels of volumes come first: {layouts}.",
    ("channels", "batch last"): "The batch comes last: {layouts}.",
    ("filters", "first"): "The channels of kernels come first: {layouts}.",
    "kernel": "{turned}",
    ("padding", "nearest"): "Padding repeats the nearest value of the edge instead of putting zeros.",
    ("padding", "circular"): "Padding is circular: beyond an edge the map begins again at the opposite one.",
    "order": "The width comes before the height: stride is {stride}, padding {padding}.",
    "multiplier": "The filters are in the order q·M + m instead of m·Q + q: filter c belongs to input channel c mod M.",
    "limit": "ReLU6 clips at {option} instead of 6.",
    "floor": "Below, ReLU6 clips at {option} instead of 0.",
    "epsilon": "epsilon is added to the root of the variance, outside the root: the deviation is √variance + epsilon.",
    "count": "FLOPs are counted, multiplications and additions, not multiplications alone.",
    "images": "The cost is that of one image, whatever the batch.",
    "ratio": "The ratio is that of the standard convolution over the separable one.",
    "knee": "The kinks of hard-swish are at ±{option} instead of ±3.",
    "kinks": "At its kinks hard-swish has the derivative of its middle piece: −1/2 and 3/2 instead of 0 and 1.",
    "gate": "The gate is the sigmoid instead of the hard sigmoid.",
    "groups": "The groups are dealt in reverse: in each round the last group's channel comes first.",
    ("box", "spans"): "A box is (top, bottom, left, right) instead of (top, left, bottom, right).",
    ("box", "size"): "A box is (top, left, height, width) instead of (top, left, bottom, right).",
    ("box", "centre"): "A box is given by its centre and its size, (row, column, height, width), not by its corners.",
    "measure": "The intersection is divided by the area of the smaller box instead of the union.",
    "codes": "The codes of columns come first: (tx, ty, tw, th) instead of (ty, tx, th, tw).",
    "scales": "The codes are divided by the scales (the variances) instead of multiplied.",
    "threshold": "An IoU equal to the threshold suppresses too.",
    "ties": "Of equal scores the higher index comes first.",
    ("points", 11): "The mean is over 11 recalls instead of 101.",
    ("points", "all"): "It is the area under the curve instead of the mean over 101 recalls.",
    "precision": "The precision is taken as it is: it is not made to fall with the recall.",
    "beta": "Smooth L1 has its kinks at ±{option} instead of ±1.",
    "mining": "The negatives are chosen from the whole batch instead of image by image.",
    "divisor": "The loss is divided by the number of images instead of positives.",
    ("align", "corners"): "The centres of the outermost rows meet (align_corners) instead of their borders.",
    ("align", "origin"): "The centres of the first rows meet instead of the borders of the outermost rows.",
    ("align", "end"): "The centres of the last rows meet instead of the borders of the outermost rows.",
    "rows": "The rows of the matrix are the classes of the prediction instead of the truth.",
    "ignored": "The label that is ignored is {option} instead of 255.",
    ("absent", "zero"): "A class that does not appear has the IoU 0 instead of being left out.",
    ("absent", "one"): "A class that does not appear has the IoU 1 instead of being left out.",
    "background": "The background, class 0, is not in the mean.",
    ("share", "foreground"): "The loss is divided by the number of pixels of classes above 0, not of all that count.",
    ("share", "images"): "The loss is divided by the number of images instead of the pixels that count.",
}
TURNED = (
    "The {kernel} is turned round in both directions before it is applied (a true convolution): its last row and "
    "column meet the patch's first."
)
NEEDED = {"kernel": "stride", "order": "stride"}  # without these options a choice has no effect
TO_WRITE = "Write what is missing. NumPy and the standard library are there, npconv is not."
TO_MEND = "The function below has one mistake. Find it and mend it: no more than one line has to change."
DTYPES = " Arrays may have different dtypes: a result's is np.result_type of those that it is made of."
HEAD = Template('''\
# npconv exercise: $name
# npconv variant: $variant
"""$asks.

$what
No argument may be changed.$dtypes
To see whether all is right:

    npconv grade $file
$rules"""

''')


def exercise_of(name: str, seed: int | None, changes: int | None = None) -> tuple[Exercise, Variant]:
    """The exercise of that name and its variant; of find-the-bug the seed chooses the function, and nothing changes.

    Raises ValueError where there is no such exercise, or there are changes without a seed or fewer than one.

    >>> exercise, variant = exercise_of("pointwise", None)
    >>> [task.name for task in exercise.tasks], variant.changed
    (['pointwise_conv2d', 'pointwise_conv2d_backward'], {})
    """
    if name not in EXERCISES:
        raise ValueError(f"there is no exercise {name}; there are {', '.join(EXERCISES)}")
    exercise = bug_exercise(seed or 0) if name == FIND_THE_BUG.name else EXERCISES[name]
    return exercise, variant_from(exercise.choices, seed, name, changes)


def start_exercise(
    name: str, folder: str | Path = ".", *, variant: int | None = None, changes: int | None = None
) -> Path:
    """Write an exercise's file into a folder, which is created if missing, and return the path.

    Raises ValueError if there is no such exercise, or there are changes without a variant's seed; FileExistsError if
    the file exists: a student's work is never overwritten.
    """
    path = Path(folder) / f"{name.replace('-', '_')}.py"
    exercise, chosen = exercise_of(name, variant, changes)
    if path.exists() or path.is_symlink():
        raise FileExistsError(f"{path} exists already, and is not written over; move it away, or give another folder")
    write_whole(path, exercise_text(exercise, chosen))
    return path


def read_header(source: str) -> tuple[Exercise, Variant]:
    """The exercise and the variant that the first two comments of a file name.

    >>> exercise, variant = read_header("# npconv exercise: costs\\n# npconv variant: 3, changes: 2\\n")
    >>> exercise.name, variant.seed, len(variant.changed)
    ('costs', 3, 2)

    Raises ValueError if a line is missing, occurs twice, or has an unknown value.
    """
    found = {}
    for word in ("exercise", "variant"):
        said = re.findall(rf"^# *npconv {word}:(.*)$", source, flags=re.MULTILINE)
        if len(said) != 1:
            how = "no line" if not said else f"{len(said)} lines"
            raise ValueError(
                f"the file has {how} '# npconv {word}: …', where one is due: the first two lines that `npconv exercise "
                "start` writes have to stay as they are"
            )
        found[word] = said[0].strip()
    numbers = re.fullmatch(r"none|(-?[0-9]{1,18})(?:, changes: ([1-9][0-9]?))?", found["variant"])
    if not numbers:
        raise ValueError(f"'# npconv variant:' must say none or a whole number; got {found['variant']!r}")
    seed, changes = (None if number is None else int(number) for number in numbers.groups())
    return exercise_of(found["exercise"], seed, changes)


def header_of(variant: Variant) -> str:
    """The words for a variant in a file's header.

    >>> header_of(Variant()), header_of(Variant(7)), header_of(Variant(7, changes=4))
    ('none', '7', '7, changes: 4')
    """
    seed = "none" if variant.seed is None else str(variant.seed)
    return seed if variant.changes is None else f"{seed}, changes: {variant.changes}"


def exercise_text(exercise: Exercise, variant: Variant) -> str:
    """The text of the file that a student fills in."""
    rules = [textwrap.fill(rule, WIDTH, initial_indent="- ", subsequent_indent="  ") + "\n"
             for rule in rules_of(exercise.tasks, variant)]  # fmt: skip
    finding = exercise.name == FIND_THE_BUG.name
    head = HEAD.substitute(
        name=exercise.name,
        variant=header_of(variant),
        asks=_capital(exercise.asks),
        what=TO_MEND if finding else TO_WRITE,
        dtypes=DTYPES if any(len(task.arrays) > 1 and task.mixed for task in exercise.tasks) else "",
        file=f"{exercise.name.replace('-', '_')}.py",
        rules="".join(["\nThis is a variant. In it:\n\n", *rules] if rules else []),
    )
    if finding:
        return head + broken_functions(variant.seed or 0, _docstring)
    module = "import numpy as np" if exercise.tasks[0].arrays else "from fractions import Fraction"
    functions = (f"{task.signature}\n{_docstring(task, variant)}\n" for task in exercise.tasks)
    body = "".join(f"\n\n{function}    raise NotImplementedError\n" for function in functions)
    return f"{head}{module}  # noqa: F401\n{body}"  # until it is used


def rules_of(tasks: Sequence[Task], variant: Variant) -> list[str]:
    """The changes of a variant in these functions, a sentence each."""
    arrays, options = ({name for task in tasks for name, _ in getattr(task, of)} for of in ("arrays", "options"))
    turned = TURNED.format(kernel="depthwise kernel" if "depthwise" in arrays else "kernel")
    turned = next((task.about["turned"] for task in tasks if "turned" in task.about), turned)
    choices, rules = {choice for task in tasks for choice in task.choices}, []
    for choice, option in variant.changed.items():
        layouts = ", ".join(_layouts(tasks, variant, choice))
        if layouts or choice in choices or NEEDED.get(choice) in options:
            rule = RULES.get((choice, option), RULES.get(choice, ""))
            rules.append(rule.format(option=option, layouts=layouts, turned=turned, **PAIRS[variant.order]))
    return rules


def _capital(sentence: str) -> str:
    return sentence[0].upper() + sentence[1:]


def _shape(task: Task, variant: Variant, name: str, kind: str) -> str:
    """A shape in the article's symbols, in the variant's layout; "" where there is none."""
    symbols = task.shape(name, kind)
    axes = [symbols[axis] for axis in variant.axes(kind, len(symbols))]
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})" if axes else ""


def _layouts(tasks: Sequence[Task], variant: Variant, choice: str) -> list[str]:
    """The shapes that a choice lays out, of arguments, of shapes as options, and of results, each name once."""
    found = {}
    for task in tasks:
        shapes = [(name, kind_of_shape(name)) for name, _ in task.options]
        for name, kind in (*task.arrays, *shapes, *task.results):
            if LAYOUTS.get(kind, ("",))[0] == choice:
                found[name] = f"{name} is {_shape(task, variant, name, kind)}"
    return list(found.values())


def _docstring(task: Task, variant: Variant) -> str:
    """A function's docstring, indented: what it is, its arguments and results, the variant, an example."""
    summary, *more = task.text.format(**variant.words).split("\n\n")
    about = {**ABOUT, **task.about}
    arguments, results = ["Args:"], []
    for name, kind in (*task.arrays, *((name, kind_of_shape(name)) for name, _ in task.options)):
        shape = _shape(task, variant, name, kind)
        arguments.append(f"    {name}: {shape and f'{shape}, '}{about[name].format(**PAIRS[variant.order])}.")
    for name, kind in task.results:
        shape = _shape(task, variant, name, kind)
        results.append(f"{name} {shape}" if shape else f"{name}, {'shaped like x' if kind == 'any' else 'one number'}")
    parts = [[f'"""{summary}'], *(textwrap.wrap(paragraph, WIDTH) for paragraph in more), arguments]
    parts += [["Returns:", f"    {listed(results)}."]]
    parts += [*(textwrap.wrap(rule, WIDTH) for rule in rules_of((task,), variant)), _example(task, variant)]
    text = "\n\n".join("\n".join(lines) for lines in parts)
    return textwrap.indent(f'{text}\n"""', "    ")


def example_case(task: Task) -> Case:
    """The case that the docstring shows: positive numbers below 4, so that it can be followed by hand."""
    sizes = {size.name: size.least for size in task.sizes} | {"quarters": 0, "integers": 0} | dict(task.example)
    generator = np.random.default_rng(4)
    return task.build(sizes, lambda *shape, low=1, high=3: generator.integers(low, high + 1, shape).astype(float))


def _example(task: Task, variant: Variant) -> list[str]:
    """An example as a doctest, whole numbers in and out."""
    case = example_case(task)
    lines = []
    for (name, kind), a in zip(task.arrays, case.arrays.values(), strict=True):
        theirs = None if a is None else variant.theirs(kind, a)
        lines += _wrapped(f"{name} = {'None' if theirs is None else _literal(theirs)}")
    defaults, given = dict(task.options), variant.their_options(case.options).items()
    options = [f"{name}={value!r}" for name, value in given if repr(value) != defaults[name]]
    call = f"{task.name}({', '.join([*(name for name, _ in task.arrays), *options])})"
    right = task.reference(case, variant)
    if task.shown is not None:
        return [*lines, *task.shown(call, case)]
    if task.results[0][1] == "number":
        return [*lines, *_wrapped(call), repr(right[0])]
    names = [name for name, _ in task.results]
    lines += _wrapped(f"{', '.join(names)} = {call}")
    for (name, kind), value in zip(task.results, right, strict=True):
        if value is not None:
            theirs = variant.theirs(kind, np.asarray(value))
            if task.digits:
                lines += [f">>> {name}.round({task.digits}).tolist()", repr(theirs.round(task.digits).tolist())]
            else:
                lines += [f">>> {name}.round().astype(int).tolist()", repr(theirs.round().astype(np.int64).tolist())]
    return lines


def _literal(a: Array) -> str:
    """An array as it is written, whole numbers without a point, and floats with their dtype."""
    if a.dtype.kind == "i":
        return f"np.array({a.tolist()!r})"
    whole = bool((a % 1 == 0).all())
    return f"np.array({(a.astype(np.int64) if whole else a).tolist()!r}, dtype=float)"


def _wrapped(line: str) -> list[str]:
    """A line of an example; if too long, broken between a call's arguments or an array's numbers."""
    kept = (
        re.sub(r"(?<==)\S.*?(?=, \w+=|\)$)", lambda value: value[0].replace(" ", "\0"), line) if "=(" in line else line
    )
    first, *rest = (
        part.replace("\0", " ")
        for part in textwrap.wrap(kept, WIDTH - 8, break_long_words=False, break_on_hyphens=False)
    )
    return [f">>> {first}", *(f"...     {part}" for part in rest)]

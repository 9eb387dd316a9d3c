"""Find the bug: kernels that are right but for one planted mistake, cut from the solutions of the exercises."""

import ast
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from .blocks import INVERTED_RESIDUAL
from .depthwise import DEPTHWISE, POINTWISE
from .elementwise import ACTIVATIONS, BATCH_NORM
from .exercise import Exercise, Task
from .separable import FACTORIZE, SEPARABLE
from .standard import GRADIENTS, LOOPS, TAPS
from .variants import Variant

SOLUTIONS = Path(__file__).parent / "solutions"
POINTS = 4


@dataclass(frozen=True)
class Bug:
    """A function of an exercise's solution, a part of it, and the text that replaces this part."""

    exercise: Exercise
    function: str
    right: str
    wrong: str

    @property
    def task(self) -> Task:
        """The task of the mended function."""
        return next(task for task in self.exercise.tasks if task.name == self.function)


BUGS = (
    Bug(TAPS, "conv2d_taps", "slice(j, j + (width - 1) * stride[1] + 1, stride[1])",
        "slice(j, j + (width - 1) * stride[0] + 1, stride[0])"),
    Bug(GRADIENTS, "conv2d_backward", "dpadded[:, rows, columns] +=", "dpadded[:, rows, columns] ="),
    Bug(DEPTHWISE, "depthwise_conv2d", "np.repeat(padded, multiplier, axis=3)",
        "np.tile(padded, (1, 1, 1, multiplier))"),
    Bug(ACTIVATIONS, "relu6_backward", "(x > 0) & (x < 6)", "(x > 0) & (x <= 6)"),
    Bug(POINTWISE, "pointwise_conv2d_backward", 'np.einsum("bvwm,bvwn->mn", x, dy)',
        'np.einsum("bvwm,bvwn->mn", x, dy) / x.shape[0]'),
    Bug(LOOPS, "conv2d_loops", "v * stride[0] + i, w * stride[1] + j", "v * stride[0] + j, w * stride[1] + i"),
    Bug(BATCH_NORM, "batch_norm_backward", "dy - dshift / count - normalized", "dy - normalized"),
    Bug(DEPTHWISE, "depthwise_conv2d_backward", "reshape(*padded.shape, multiplier).sum(axis=4)",
        "reshape(*padded.shape, multiplier)[..., 0]"),
    Bug(INVERTED_RESIDUAL, "inverted_residual", "y = active @ project", "y = _relu6(active @ project)"),
    Bug(SEPARABLE, "factored_kernel", "inner // depth_multiplier, depth_multiplier, filters).sum(axis=3)",
        "depth_multiplier, inner // depth_multiplier, filters).sum(axis=2)"),
    Bug(GRADIENTS, "conv2d_backward", "dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]",
        "dpadded[:, bottom : bottom + x.shape[1], right : right + x.shape[2]]"),
    Bug(SEPARABLE, "depthwise_separable_conv2d", "((0, 0), (top, bottom), (left, right), (0, 0))",
        "((0, 0), (left, right), (top, bottom), (0, 0))"),
    Bug(INVERTED_RESIDUAL, "inverted_residual_backward", "dwide * ((expanded > 0) & (expanded < 6))",
        "dwide * (expanded < 6)"),
    Bug(BATCH_NORM, "batch_norm_backward", "(dy * normalized).sum(axis=axes)", "(dy * x).sum(axis=axes)"),
    Bug(FACTORIZE, "factorize_kernel", "kernel[:, :, m].reshape(height * width, filters)",
        "kernel.reshape(channels, height * width, filters)[m]"),
    Bug(INVERTED_RESIDUAL, "inverted_residual", "if tuple(stride) == (1, 1) and x.shape[3] == project.shape[1]:",
        "if x.shape == y.shape:"),
)  # fmt: skip


def bug_of(seed: int) -> Bug:
    """The planted mistake that a seed chooses; seeds go through them in turn."""
    return BUGS[seed % len(BUGS)]


def bug_exercise(seed: int) -> Exercise:
    """Find the bug, with the one function that this seed chooses."""
    return replace(FIND_THE_BUG, tasks=(replace(bug_of(seed).task, points=POINTS),))


def solution_source(exercise: str) -> str:
    """The text of an exercise's solution."""
    return (SOLUTIONS / f"{exercise.replace('-', '_')}.py").read_text(encoding="utf-8")


def broken_functions(seed: int, docstring: Callable[[Task, Variant], str]) -> str:
    """The imports, the helpers and the function with its planted mistake, under the docstring that the exercise has."""
    bug = bug_of(seed)
    source = solution_source(bug.exercise.name)
    body = ast.parse(source).body
    functions = {node.name: node for node in body if isinstance(node, ast.FunctionDef)}
    used = {name: {node.id for node in ast.walk(f) if isinstance(node, ast.Name)} for name, f in functions.items()}
    needed = {bug.function}
    while more := {name for each in needed for name in used[each] & functions.keys()} - needed:
        needed |= more
    imports = [ast.unparse(node) for node in body if isinstance(node, ast.Import | ast.ImportFrom)]
    if not any("np" in used[name] for name in needed):
        imports = [f"{line}  # noqa: F401" for line in imports]  # only the docstring's example uses it
    texts = {name: ast.get_source_segment(source, node) or "" for name, node in functions.items() if name in needed}
    stated = ast.get_source_segment(source, functions[bug.function].body[0])
    text = texts[bug.function].replace(f"    {stated}", docstring(bug.task, Variant()))
    if text.count(bug.right) != 1:
        raise ValueError(f"{bug.right!r} does not stand once in {bug.function}")
    texts[bug.function] = text.replace(bug.right, bug.wrong)
    return "\n".join([*imports, "", *(f"\n{text}\n" for text in texts.values())])


FIND_THE_BUG = Exercise(
    "find-the-bug",
    "a function with one planted mistake, to be found and mended",
    (replace(BUGS[0].task, points=POINTS),),
)

"""Mistakes that students make, planted in the right answers one at a time: the grader must catch every one."""

import ast
from dataclasses import dataclass

from ..exercises import EXERCISES, Exercise, Task
from ..exercises.bugs import solution_source


@dataclass(frozen=True)
class Planted:
    """One mistake: within that function of an exercise's solution, the `which`-th `old` becomes `new`.

    `says` is the mistake in words, "" after the first of which all are wrong in the same way.
    """

    says: str
    exercise: str
    function: str
    old: str
    new: str
    which: int = 1

    @property
    def task(self) -> Task:
        """The task that the function is written for."""
        return next(task for task in EXERCISES[self.exercise].tasks if task.name == self.function)

    @property
    def asked(self) -> Exercise:
        """The exercise with that one function."""
        return Exercise(self.exercise, EXERCISES[self.exercise].asks, (self.task,))

    def source(self) -> str:
        """The solution with the mistake.

        Raises ValueError where there is no such text in the function.
        """
        return replaced(solution_source(self.exercise), self.function, self.old, self.new, self.which)


def replaced(source: str, function: str, old: str, new: str, which: int = 1) -> str:
    """A source with the `which`-th `old` within one function made `new`.

    >>> replaced("def f(x):\\n    return x + x\\n", "f", "x", "2", which=3)
    'def f(x):\\n    return x + 2\\n'
    """
    lines = source.splitlines(keepends=True)
    node = next(n for n in ast.parse(source).body if isinstance(n, ast.FunctionDef) and n.name == function)
    start, end = (sum(map(len, lines[:line])) for line in (node.lineno - 1, node.end_lineno or node.lineno))
    body, place = source[start:end], -1
    for _ in range(which):
        place = body.find(old, place + 1)
        if place < 0:
            raise ValueError(f"{function} has not {which} times {old!r}")
    return source[:start] + body[:place] + new + body[place + len(old) :] + source[end:]


def _in(exercise: str, function: str, *rows: tuple[str, str, str] | tuple[str, str, str, int]) -> tuple[Planted, ...]:
    return tuple(Planted(says, exercise, function, old, new, *which) for says, old, new, *which in rows)


OTHER_DEFAULTS = {
    "stride": ("(2, 2)", "(1, 2)", "(2, 1)"),
    "padding": ("((1, 1), (1, 1))", "((0, 0), (0, 0))", "((1, 0), (1, 0))", "((1, 1), (0, 0))"),
    "depth_multiplier": ("2", "3"),
    "epsilon": ("1e-5", "1e-2", "0.0"),
}
"""Other values that may be taken for a default, by option."""

CHANGED = """def _changed(function):
    def changed(*arrays, **options):
        found = function(*arrays, **options)
        results = [a if a is None else {change} for a in (found if isinstance(found, tuple) else [found])]
        return tuple(results) if isinstance(found, tuple) else results[0]
    return changed


@_changed
"""


def changed(says: str, exercise: str, task: Task, change: str) -> Planted:
    """The function with each of its results, `a`, changed to that expression."""
    start = f"def {task.name}("
    return Planted(says, exercise, task.name, start, CHANGED.format(change=change) + start)


def other_defaults(exercise: str, task: Task) -> list[Planted]:
    """The function with another default, for each that its signature has."""
    return [
        Planted(f"the default of {name} is {other}", exercise, task.name, f"{name}={default}", f"{name}={other}")
        for name, default in task.options
        for other in (OTHER_DEFAULTS[name] if default else ())
        if other != default
    ]


def other_dtypes(exercise: str, task: Task) -> list[Planted]:
    """The function with results of one of its arrays' dtype, where it takes several."""
    return [
        changed(
            f"the dtype of the results is {name}'s",
            exercise,
            task,
            f"a.astype(getattr(arrays[{place}], 'dtype', None))",
        )
        for place, (name, _) in enumerate(task.arrays)
        if len(task.arrays) > 1 and task.mixed
    ]


def derived() -> list[Planted]:
    """For each function zeros, one other default of each option, and the dtype of x, or of its first array."""
    found = []
    for exercise in EXERCISES.values():
        for task in exercise.tasks if exercise.name != "find-the-bug" else ():
            zeros = changed("nothing is computed: all that it returns is 0", exercise.name, task, "0 * a")
            defaults = {mistake.old: mistake for mistake in reversed(other_defaults(exercise.name, task))}
            dtypes = other_dtypes(exercise.name, task)
            found += [zeros, *defaults.values(), *([m for m in dtypes if m.says.endswith(" x's")] or dtypes)[:1]]
    return found


RESIZE_LOOP = """\
        n, o = x.shape[axis], dy.shape[axis]
        i = np.arange(o, dtype=np.int64)
        at = (i + 0.5) * n / o - 0.5
        at = np.clip(at, 0, n - 1)
        first = np.floor(at).astype(np.int64)
        weights = np.zeros((o, n))
        weights[i, first] += 1 - (at - first)
        weights[i, np.minimum(first + 1, n - 1)] += at - first
        dx = np.moveaxis(np.tensordot(weights.T, dx"""

PLANTED = (
    *derived(),
    *_in(
        "standard-loops",
        "conv2d_loops",
        ("there is no return", "return y", "pass"),
        ("the strides of height and width are swapped", "    (top, bottom), (left, right) = padding",
         "    stride = stride[::-1]\n    (top, bottom), (left, right) = padding"),
        ("the kernel is flipped, as in a true convolution", "kernel[i, j, m, n]", "kernel[-1 - i, -1 - j, m, n]"),
        ("= stands for +=", "y[b, v, w, n] +=", "y[b, v, w, n] ="),
        ("top and bottom are swapped", "(top, bottom), (left, right), (0, 0)",
         "(bottom, top), (left, right), (0, 0)"),
        ("the output's rows are rounded up", "(height - kernel_height) // stride[0] + 1",
         "-(-(height - kernel_height) // stride[0]) + 1"),
        ("only the first image is computed", "for b in range(batch)", "for b in range(1)"),
        ("results are cut to integers", "np.result_type(x, kernel)", "int"),
        ("the result is kept from call to call", "y = np.zeros((batch, rows, columns, filters), np.result_type(x, kernel))",
         "y = vars(conv2d_loops).setdefault(str((batch, rows, columns, filters)), np.zeros((batch, rows, columns, filters)))"),
        ("an answer is kept for each shape", "return y",
         "return vars(conv2d_loops).setdefault(str((x.shape, kernel.shape, stride, padding)), y)"),
        ("a list of lists is returned", "return y", "return y.tolist()"),
        ("the channels of the output come first", "return y", "return y.transpose(0, 3, 1, 2)"),
    ),
    *_in(
        "standard-taps",
        "conv2d_taps",
        ("the input is returned", "return y", "return x"),
        ("the columns are stepped over by the height's stride", "slice(j, j + (width - 1) * stride[1] + 1, stride[1])",
         "slice(j, j + (width - 1) * stride[0] + 1, stride[0])"),
        ("the kernel is transposed: M and N are swapped", "kernel[i, j]", "kernel[i, j].reshape(kernel.shape[:1:-1]).T"),
        ("the edge is repeated instead of zeros", "(0, 0)))\n    height", '(0, 0)), mode="edge")\n    height'),
        ("the kernel is scaled in place", "    (top, bottom), (left, right) = padding",
         "    kernel *= 2\n    kernel //= 2\n    kernel += 1\n    (top, bottom), (left, right) = padding"),
    ),
    *_in(
        "standard-backward",
        "conv2d_backward",
        ("= stands for +=: dx is overwritten where patches overlap", "dpadded[:, rows, columns] +=",
         "dpadded[:, rows, columns] ="),
        ("dkernel is the last image's alone", 'np.einsum("bvwm,bvwn->mn", padded[:, rows, columns], dy)',
         'np.einsum("bvwm,bvwn->bmn", padded[:, rows, columns], dy)[-1]'),
        ("dx is cropped by the other side's padding",
         "dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]",
         "dpadded[:, bottom : bottom + x.shape[1], right : right + x.shape[2]]"),
        ("the stride is ignored", "slice(i, i + (height - 1) * stride[0] + 1, stride[0])", "slice(i, i + height)"),
        ("the kernel is flipped for dx", "dy @ kernel[i, j].T", "dy @ kernel[-1 - i, -1 - j].T"),
        ("the order of the two is wrong", "return dx, dkernel", "return dkernel, dx"),
        ("dx alone is returned", "return dx, dkernel", "return dx"),
        ("dy is changed in place", "dpadded[:, rows, columns] += dy @ kernel[i, j].T",
         "dpadded[:, rows, columns] += dy @ kernel[i, j].T\n    dy *= 0"),
        ("dx accumulates over the calls", "dpadded = np.zeros(padded.shape, np.result_type(dy, kernel))",
         "dpadded = vars(conv2d_backward).setdefault(str(padded.shape), np.zeros(padded.shape))"),
    ),
    *_in(
        "depthwise",
        "depthwise_conv2d",
        ("the input's channels are tiled, not repeated", "np.repeat(padded, multiplier, axis=3)",
         "np.tile(padded, multiplier)"),
        ("the channels are summed", "y += repeated[:, rows, columns] * kernel[i, j]",
         "y += (repeated[:, rows, columns] * kernel[i, j]).sum(axis=3, keepdims=True)"),
        ("x is changed in place", "    multiplier", "    x += 0.5\n    x -= 0.25\n    multiplier"),
    ),
    *_in(
        "depthwise",
        "depthwise_conv2d_backward",
        ("dx is not summed over the Q filters: the first's alone", ".sum(axis=4)", "[..., 0]"),
        ("dx is summed over the filters in the wrong order", "drepeated.reshape(*padded.shape, multiplier).sum(axis=4)",
         "drepeated.reshape(*padded.shape[:3], multiplier, -1).sum(axis=3)"),
        ("dkernel is the first image's alone", "(repeated[:, rows, columns] * dy)", "(repeated[:, rows, columns] * dy)[:1]"),
    ),
    *_in(
        "pointwise",
        "pointwise_conv2d",
        ("the input is returned", "return x @ kernel", "return x"),
        ("M and N are swapped where they can be", "return x @ kernel",
         "return x @ (kernel.T if kernel.shape[0] == kernel.shape[1] else kernel)"),
        ("every product is taken element by element", "return x @ kernel", "return x * kernel"),
    ),
    *_in(
        "pointwise",
        "pointwise_conv2d_backward",
        ("the kernel is not transposed where it needn't be", "dy @ kernel.T",
         "dy @ (kernel if kernel.shape[0] == kernel.shape[1] else kernel.T)"),
        ("dkernel is the last image's alone", '"bvwm,bvwn->mn", x, dy', '"vwm,vwn->mn", x[-1], dy[-1]'),
        ("dkernel is transposed", "return dx, dkernel", "return dx, dkernel.T"),
        ("the two are returned in a list in a list", "return dx, dkernel", "return [[dx, dkernel]]"),
    ),
    *_in(
        "separable",
        "depthwise_separable_conv2d",
        ("the pointwise convolution is left out", "return filtered @ pointwise",
         "return filtered[..., : pointwise.shape[1]]"),
        ("the depthwise filters are left out", "* depthwise[i, j]", "* 1"),
        ("ReLU stands between the two", "return filtered @ pointwise", "return np.maximum(filtered, 0) @ pointwise"),
    ),
    *_in(
        "separable",
        "factored_kernel",
        ("the sum over Q is in the wrong order", "inner // depth_multiplier, depth_multiplier, filters).sum(axis=3)",
         "depth_multiplier, inner // depth_multiplier, filters).sum(axis=2)"),
        ("Q is forgotten: only the first product", ".sum(axis=3)", "[:, :, :, 0]"),
        ("the two are added instead of multiplied", "depthwise[:, :, :, None] * pointwise",
         "depthwise[:, :, :, None] + pointwise"),
    ),
    *_in(
        "costs",
        "conv2d_cost",
        ("the batch is left out", "return batch * rows", "return rows"),
        ("the input's sides are taken for the output's", "rows * columns", "input_height * input_width"),
        ("additions are counted too", "return batch *", "return 2 * batch *"),
        ("the stride is ignored", "// stride[0] + 1", "// 1 + 1"),
        ("the sides are divided as floats", "// stride[1] + 1", "/ stride[1] + 1"),
    ),
    *_in(
        "costs",
        "depthwise_separable_conv2d_cost",
        ("only the depthwise part is counted", " + inner * filters", ""),
        ("Q is forgotten: the input's channels are taken", "height, width, inner = depthwise_shape",
         "height, width, inner = *depthwise_shape[:2], x_shape[3]"),
        ("the depthwise part is a standard one's", "height * width * inner + ", "height * width * inner * inner + "),
    ),
    *_in(
        "costs",
        "cost_ratio",
        ("a float is returned", "return depth_multiplier * (Fraction(1, out_channels) + Fraction(1, height * width))",
         "return depth_multiplier * (1 / out_channels + 1 / (height * width))"),
        ("Q is forgotten", "return depth_multiplier *", "return"),
        ("the two are multiplied", "out_channels) + Fraction", "out_channels) * Fraction"),
    ),
    *_in(
        "activations",
        "relu6",
        ("nothing is done: x is returned", "return np.minimum(np.maximum(x, 0), 6)", "return x"),
        ("it is ReLU: there is no limit", "np.minimum(np.maximum(x, 0), 6)", "np.maximum(x, 0)"),
        ("it is clipped at −6 instead of 0", "np.maximum(x, 0)", "np.maximum(x, -6)"),
        ("it works for one number alone", "return np.minimum(np.maximum(x, 0), 6)", "return min(max(x, 0), 6)"),
    ),
    *_in(
        "activations",
        "relu6_backward",
        ("the gradient passes at 6", "x < 6", "x <= 6"),
        ("the limit has no share: ReLU's gradient", "(x > 0) & (x < 6)", "x > 0"),
        ("the mask is of dy, not of x", "(x > 0) & (x < 6)", "(dy > 0) & (dy < 6)"),
        ("the mask is upside down", "np.where(alive, dy, 0)", "np.where(alive, 0, dy)"),
        ("dy is masked in place", "return np.where(alive, dy, 0)", "dy[~alive] = 0\n    return dy"),
    ),
    *_in(
        "batch-norm",
        "batch_norm_backward",
        ("the mean's share is left out", "dy - dshift / count - normalized", "dy - normalized"),
        ("the variance's share is left out", " - normalized * dscale / count", ""),
        ("the variance is divided by n − 1", "x.var(axis=axes)", "x.var(axis=axes, ddof=1)"),
        ("epsilon is left out", "x.var(axis=axes) + epsilon", "x.var(axis=axes)"),
        ("epsilon is outside the root", "np.sqrt(x.var(axis=axes) + epsilon)", "np.sqrt(x.var(axis=axes)) + epsilon"),
        ("dscale is the sum of dy times x", "(dy * normalized).sum(axis=axes)", "(dy * x).sum(axis=axes)"),
        ("scale is left out of dx", "dx = scale / deviation", "dx = 1 / deviation"),
        ("dscale and dshift are exchanged", "dx, dscale, dshift", "dx, dshift, dscale"),
        ("x is normalised in place", "normalized = (x - x.mean(axis=axes)) / deviation",
         "x -= x.mean(axis=axes)\n    normalized = x / deviation"),
    ),
    *_in(
        "inverted-residual",
        "inverted_residual",
        ("nothing is done: x is returned", "return y", "return x"),
        ("ReLU stands for ReLU6 after the expansion", "_relu6(x @ expand)", "np.maximum(x @ expand, 0)"),
        ("ReLU stands for ReLU6 after the filters", "_relu6(_filtered(padded, depthwise, stride))",
         "np.maximum(_filtered(padded, depthwise, stride), 0)"),
        ("the expansion's ReLU6 is left out", "_relu6(x @ expand)", "x @ expand"),
        ("ReLU6 follows the projection", "active @ project", "_relu6(active @ project)"),
        ("the shortcut is never added", "y = y + x", "pass"),
        ("the shortcut is added wherever the shapes are the same", "tuple(stride) == (1, 1) and x.shape[3] == project.shape[1]",
         "x.shape == y.shape"),
        ("the shortcut is added by the stride alone", "tuple(stride) == (1, 1) and x.shape[3] == project.shape[1]",
         "tuple(stride) == (1, 1)"),
    ),
    *_in(
        "inverted-residual",
        "inverted_residual_backward",
        ("no gradient goes through the shortcut", "dx = dx + dy", "pass"),
        ("the kinks let the gradient pass", "(expanded > 0) & (expanded < 6)", "(expanded >= 0) & (expanded <= 6)"),
        ("dexpand is made of dwide, before the mask", 'np.einsum("bvwm,bvwc->mc", x, dexpanded)',
         'np.einsum("bvwm,bvwc->mc", x, dwide)'),
        ("ddepthwise is the last image's alone", "(padded[:, rows, columns] * dfiltered)",
         "(padded[:, rows, columns] * dfiltered)[-1:]"),
        ("dexpand is 0, not None, where expand is None", "dexpand, dx = None, dwide",
         "dexpand, dx = np.zeros(()), dwide"),
        ("dy is added to in place", "dx = dx + dy", "dy += dx\n        dx = dy"),
    ),
    *_in(
        "factorize",
        "factorize_kernel",
        ("the singular values are left out", " * values[q]", ""),
        ("both factors have the whole singular value", "right[q]", "values[q] * right[q]"),
        ("one factor has the root, the other nothing", "* values[q]", "* np.sqrt(values[q])"),
        ("only one product is used for each channel", "min(depth_multiplier, len(values))", "1"),
        ("the slices' axes are reshaped, not exchanged", "kernel[:, :, m].reshape(height * width, filters)",
         "kernel.reshape(channels, height * width, filters)[m]"),
        ("the filters' height and width are exchanged", "left[:, q].reshape(height, width)",
         "left[:, q].reshape(width, height).T"),
        ("the channels are tiled: q·M + m", "m * depth_multiplier + q", "q * channels + m", 1),
    ),
    *_in(
        "hard-swish",
        "hard_swish_backward",
        ("the gate alone is the derivative", "(2 * x + 3) / 6", "(x + 3) / 6"),
        ("the middle piece goes up to 3", "x < 3", "x <= 3"),
        ("the middle piece begins at −3", "x <= -3", "x < -3"),
        ("the upper piece is left out", "np.where(x < 3, dy * (2 * x + 3) / 6, dy)", "dy * (2 * x + 3) / 6"),
        ("the lower piece is left out", "np.where(x <= -3, 0, dx)", "dx"),
        ("the sixth is left out", "(2 * x + 3) / 6", "(2 * x + 3)"),
        ("dy is left out", "dy * (2 * x + 3) / 6, dy", "(2 * x + 3) / 6, np.ones_like(dy)"),
    ),
    *_in(
        "squeeze-excite",
        "squeeze_excite_backward",
        ("the gate is taken for a constant", " + dpooled[:, None, None, :] / count", ""),
        ("the mean's gradient is not divided by the count", "dpooled[:, None, None, :] / count", "dpooled[:, None, None, :]"),
        ("the gate's gradient lacks x", "(dy * x).sum(axis=(1, 2))", "dy.sum(axis=(1, 2))"),
        ("the gate's mask is left out", "np.where((before > -3) & (before < 3), dgate / 6, 0)", "dgate / 6"),
        ("the gate's derivative at 3 is 1/6", "before < 3", "before <= 3"),
        ("ReLU's mask is left out", "np.where(hidden > 0, dbefore @ expand.T, 0)", "dbefore @ expand.T"),
        ("ReLU's derivative at 0 is 1", "hidden > 0", "hidden >= 0"),
        ("dexpand is made of the hidden values before ReLU", "active.T @ dbefore", "hidden.T @ dbefore"),
        ("the sum is pooled", "x.sum(axis=(1, 2)) / count", "x.sum(axis=(1, 2))"),
        ("dreduce_bias is the last image's alone", "dhidden.sum(axis=0)", "dhidden[-1]"),
        ("the gradients of the biases are exchanged", "dx, dreduce, dreduce_bias, dexpand, dexpand_bias",
         "dx, dreduce, dexpand_bias, dexpand, dreduce_bias"),
        ("x is centred in place", "pooled = x.sum(axis=(1, 2)) / count",
         "pooled = x.sum(axis=(1, 2)) / count\n    x -= pooled[:, None, None]\n    x += 1"),
    ),
    *_in(
        "transposed",
        "transposed_conv2d",
        ("= stands for +=: what overlaps is overwritten", "whole[:, rows, columns] +=", "whole[:, rows, columns] ="),
        ("nothing is cropped", "whole[:, top : tall - bottom, left : wide - right]", "whole"),
        ("the padding is put around x", "    batch, height, width, _ = x.shape",
         "    x = np.pad(x, ((0, 0), padding[0], padding[1], (0, 0)))\n"
         "    top = bottom = left = right = 0\n    batch, height, width, _ = x.shape"),
        ("the crop's sides are swapped", "top : tall - bottom, left : wide - right", "bottom : tall - top, right : wide - left"),
        ("the kernel is flipped", "x @ kernel[i, j].T", "x @ kernel[-1 - i, -1 - j].T"),
        ("the columns are spread by the height's stride",
         "wide = (width - 1) * stride[1]", "stride = (stride[0], stride[0])\n    wide = (width - 1) * stride[1]"),
        ("the kernel's channel axes are confused", "kernel[i, j].T",
         "(kernel[i, j] if kernel.shape[2] == kernel.shape[3] else kernel[i, j].T)"),
    ),
    *_in(
        "transposed",
        "transposed_conv2d_backward",
        ("dy is not padded in front", "padding[0], padding[1]", "(0, sum(padding[0])), (0, sum(padding[1]))"),
        ("the kernel is flipped for dx", "@ kernel[i, j]", "@ kernel[-1 - i, -1 - j]"),
        ("dkernel is turned round", "dkernel[i, j] =", "dkernel[-1 - i, -1 - j] ="),
        ("only the last tap counts for dx", "dx += whole", "dx[...] = whole"),
        ("dkernel is the last image's alone", '"bvwn,bvwm->nm", whole[:, rows, columns], x',
         '"vwn,vwm->nm", whole[-1, rows, columns], x[-1]'),
        ("the order of the two is wrong", "return dx, dkernel", "return dkernel, dx"),
    ),
    *_in(
        "spatially-separable",
        "spatially_separable_conv2d",
        ("the row is left out", " * row[j]", ""),
        ("column and row are exchanged where they can be", "    (top, bottom), (left, right) = padding",
         "    column, row = (row, column) if len(row) == len(column) else (column, row)\n"
         "    (top, bottom), (left, right) = padding"),
        ("the row is reversed", "row[j] for j", "row[-1 - j] for j"),
        ("the row's stride is the height's",
         "    width =", "    stride = (stride[0], stride[0])\n    width ="),
        ("one column serves all channels", "column[i] for i", "column[i, 0] for i"),
    ),
    *_in(
        "spatially-separable",
        "spatially_separable_conv2d_backward",
        ("= stands for +=: dx is overwritten where patches overlap", "dpadded[:, rows] +=", "dpadded[:, rows] ="),
        ("drow is made of x, without the column", "(between[:, :, columns] * dy)",
         "(padded[:, row_slices[0]][:, :, columns] * dy)"),
        ("dcolumn is the last image's alone", "(padded[:, rows] * dbetween).sum(", "(padded[:, rows] * dbetween)[-1:].sum("),
        ("dcolumn and drow are exchanged", "return dx, dcolumn, drow", "return dx, drow, dcolumn"),
        ("dx is cropped by the other side's padding", "dpadded[:, top : top + x.shape[1], left : left + x.shape[2]]",
         "dpadded[:, bottom : bottom + x.shape[1], right : right + x.shape[2]]"),
    ),
    *_in(
        "shuffle",
        "channel_shuffle",
        ("the axes are not exchanged", "np.swapaxes(table, 3, 4)", "table"),
        ("groups and channels of a group are exchanged", "groups, channels // groups", "channels // groups, groups"),
        ("the positions are shuffled too", "    table = x.reshape(batch, height, width, groups, channels // groups)",
         "    return x.reshape(groups, -1).T.reshape(x.shape)"),
        ("the last two axes are taken for the channels", "np.swapaxes(table, 3, 4)", "table[..., ::-1]"),
    ),
    *_in(
        "shuffle",
        "channel_shuffle_backward",
        ("dy is shuffled, not taken back", "channels // groups, groups", "groups, channels // groups"),
        ("x is taken back, not dy", "dy.reshape(", "x.reshape("),
        ("the axes are not exchanged", "np.swapaxes(table, 3, 4)", "table"),
    ),
    *_in(
        "iou",
        "iou",
        ("the intersection is not cut off at 0", "np.maximum(bottom_right - top_left, 0)", "bottom_right - top_left"),
        ("the area is cut off at 0, not its sides",
         "np.maximum(bottom_right - top_left, 0)\n    inside = sides[..., 0] * sides[..., 1]",
         "bottom_right - top_left\n    inside = np.maximum(sides[..., 0] * sides[..., 1], 0)"),
        ("the last row and column are counted in", "np.maximum(bottom_right - top_left, 0)",
         "np.maximum(bottom_right - top_left + 1, 0)"),
        ("the intersection is counted twice in the union", " + second - inside", " + second"),
        ("the smaller area is the divisor", "first[:, None] + second - inside", "np.minimum(first[:, None], second)"),
        ("the box around both is the intersection", "np.maximum(a[:, None, :2]", "np.minimum(a[:, None, :2]"),
        ("left and bottom are exchanged", "    top_left =", "    a, b = a[:, [0, 2, 1, 3]], b[:, [0, 2, 1, 3]]\n    top_left ="),
        ("bottom and right are height and width", "    top_left =",
         "    a, b = (np.hstack([c[:, :2], c[:, :2] + c[:, 2:]]) for c in (a, b))\n    top_left ="),
        ("the rows are b's", "inside / (first[:, None] + second - inside)", "(inside / (first[:, None] + second - inside)).T"),
        ("only the sides are divided", "inside = sides[..., 0] * sides[..., 1]", "inside = sides[..., 0] + sides[..., 1]"),
        ("a is changed in place", "    top_left =", "    a += 1\n    b = b + 1\n    top_left ="),
    ),
    *_in(
        "box-coder",
        "encode_boxes",
        ("the shift is in sides of the box", "- unit / 2) / unit", "- unit / 2) / sides"),
        ("the corners are compared", "boxes[:, :2] + sides / 2 - anchors[:, :2] - unit / 2", "boxes[:, :2] - anchors[:, :2]"),
        ("the logarithm is left out", "np.log(sides / unit)", "sides / unit"),
        ("the logarithm is upside down", "np.log(sides / unit)", "np.log(unit / sides)"),
        ("the scales divide", "* np.array(scales)", "/ np.array(scales)"),
        ("the scales of shift and size are exchanged", "np.array(scales)", "np.array(scales[2:] + scales[:2])"),
        ("the first scale is taken for all", "np.array(scales)", "scales[0]"),
        ("rows and columns are exchanged", "np.concatenate([shift, np.log(sides / unit)], axis=1)",
         "np.concatenate([shift, np.log(sides / unit)], axis=1)[:, [1, 0, 3, 2]]"),
    ),
    *_in(
        "box-coder",
        "decode_boxes",
        ("the scales multiply", "codes / np.array(scales)", "codes * np.array(scales)"),
        ("the scales are left out", "codes / np.array(scales)", "codes"),
        ("the exponential is left out", "np.exp(codes[:, 2:])", "codes[:, 2:]"),
        ("the shift is in pixels", "codes[:, :2] * unit", "codes[:, :2]"),
        ("the shift is in sides of the box", "codes[:, :2] * unit", "codes[:, :2] * sides"),
        ("the shift starts at the corner", "anchors[:, :2] + unit / 2 +", "anchors[:, :2] +"),
        ("the whole side is on both sides", "centre - sides / 2, centre + sides / 2", "centre - sides, centre + sides"),
        ("the centre is returned", "[centre - sides / 2, centre + sides / 2]", "[centre, sides]"),
        ("the codes are scaled in place", "    codes = codes / np.array(scales)", "    codes /= np.array(scales)"),
    ),
    *_in(
        "detection-loss",
        "box_loss_backward",
        ("the sign is taken: the absolute error", "np.clip(codes - targets, -1, 1)", "np.sign(codes - targets)"),
        ("it is not cut off: the squared error", "np.clip(codes - targets, -1, 1)", "(codes - targets)"),
        ("beyond the kinks it is 0", "np.clip(codes - targets, -1, 1)", "(codes - targets) * (abs(codes - targets) <= 1)"),
        ("the difference is upside down", "codes - targets", "targets - codes"),
        ("backgrounds have a share", "np.where(positive[..., None], dcodes, 0)", "dcodes"),
        ("the mean over the anchors is taken", "max(positive.sum(), 1)", "positive.size"),
        ("each image has its own divisor", "max(positive.sum(), 1)", "np.maximum(positive.sum(axis=1), 1)[:, None, None]"),
        ("there is no divisor", " / max(positive.sum(), 1)", ""),
        ("the mean over the four codes is taken", "dy * np.clip", "dy / 4 * np.clip"),
        ("dy is left out", "dy * np.clip", "np.clip"),
    ),
    *_in(
        "detection-loss",
        "class_loss_backward",
        ("all backgrounds have a share", "chosen = positive.copy()", "chosen = positive | True"),
        ("only positives have a share", "chosen[image, background[hardest[: negatives * counts.sum()]]] = True", "pass"),
        ("the easiest are chosen", "np.argsort(-np.logaddexp", "np.argsort(np.logaddexp"),
        ("the first are chosen", "background[hardest[: negatives * counts.sum()]]", "background[: negatives * counts.sum()]"),
        ("as many are chosen in each image as the batch asks for", "counts.sum()", "positive.sum()"),
        ("negatives is taken for the number", "negatives * counts.sum()", "negatives"),
        ("positives are counted twice where backgrounds are few",
         "chosen[..., None], shares - one_hot, 0)",
         "chosen[..., None], (shares - one_hot)"
         " * (1 + positive * (negatives * positive.sum(1, keepdims=True) > (~positive).sum(1, keepdims=True)))[..., None], 0)"),
        ("1 is subtracted nowhere", "shares - one_hot", "shares"),
        ("the background is no class of its own", "np.eye(logits.shape[2])[labels]", "np.eye(logits.shape[2])[labels - 1]"),
        ("the sign is wrong", "shares - one_hot", "one_hot - shares"),
        ("the softmax overflows", "np.exp(logits - logits.max(axis=2, keepdims=True))", "np.exp(logits)"),
        ("the chosen anchors are the divisor", "max(positive.sum(), 1)", "max(chosen.sum(), 1)"),
        ("each image has its own divisor", "max(positive.sum(), 1)", "np.maximum(positive.sum(axis=1), 1)[:, None, None]"),
        ("dy is left out", "dy * np.where", "np.where"),
    ),
    *_in(
        "suppression",
        "non_maximum_suppression",
        ("an IoU equal to the threshold suppresses", "> threshold", ">= threshold"),
        ("of equal scores the later comes first", 'np.argsort(-scores, kind="stable")',
         'len(scores) - 1 - np.argsort(-scores[::-1], kind="stable")'),
        ("the lowest score comes first", "np.argsort(-scores", "np.argsort(scores"),
        ("the scores are ignored", 'np.argsort(-scores, kind="stable")', "np.arange(len(scores))"),
        ("the indices are sorted", "np.array(kept)", "np.sort(kept)"),
        ("boxes below the threshold are suppressed", "left[~suppressed]", "left[suppressed]"),
        ("nothing is suppressed", "left = left[~suppressed]", "pass"),
        ("only the best is kept", "return np.array(kept)", "return np.array(kept[:1])"),
        ("the scores are returned", "return np.array(kept)", "return scores[kept]"),
        ("a mask is returned", "return np.array(kept)", "return np.isin(np.arange(len(scores)), kept) + 0"),
    ),
    *_in(
        "average-precision",
        "average_precision",
        ("the precision is not made to fall", "range(len(precision) - 2, -1, -1)", "range(0)"),
        ("the precision is made to fall from the left", "range(len(precision) - 2, -1, -1)", "range(len(precision) - 1)"),
        ("a recall has to be passed", "r >= Fraction", "r > Fraction"),
        ("the recall 0 is left out", "range(101)", "range(1, 101)"),
        ("there are 11 recalls", "    for level in range(101):\n        total += next((p for r, p in zip(recall, precision, strict=True) "
         "if r >= Fraction(level, 100)), 0)\n    return total / 101",
         "    for level in range(11):\n        total += next((p for r, p in zip(recall, precision, strict=True) "
         "if r >= Fraction(level, 10)), 0)\n    return total / 11"),
        ("it is divided by 100", "total / 101", "total / 100"),
        ("the recall is that of what was found", "Fraction(found, truths)", "Fraction(found, max(int(sum(hits)), 1))"),
        ("the precision counts right detections alone", "Fraction(found, k)", "Fraction(found, max(found, 1))"),
        ("a float is returned", "total / 101", "float(total / 101)"),
        ("recalls are compared as floats", "r >= Fraction(level, 100)", "float(r) >= level / 101"),
    ),
    *_in(
        "resize-backward",
        "resize_bilinear_backward",
        ("the centres of the outermost rows meet", "(i + 0.5) * n / o - 0.5", "i * (n - 1) / max(o - 1, 1)"),
        ("the centres of the first rows meet", "(i + 0.5) * n / o - 0.5", "i * n / o"),
        ("the position is half a row off", "(i + 0.5) * n / o - 0.5", "(i + 0.5) * n / o"),
        ("n/o is upside down", "(i + 0.5) * n / o - 0.5", "(i + 0.5) * o / n - 0.5"),
        ("the position is not cut off at 0", "np.clip(at, 0, n - 1)", "np.minimum(at, n - 1)"),
        ("the position is rounded", "np.clip(at, 0, n - 1)", "np.floor(np.clip(at, 0, n - 1) + 0.5)"),
        ("the position is rounded down", "np.clip(at, 0, n - 1)", "np.floor(np.clip(at, 0, n - 1))"),
        ("the shares are exchanged", "weights[i, first] += 1 - (at - first)\n        weights[i, np.minimum(first + 1, n - 1)] += at - first",
         "weights[i, first] += at - first\n        weights[i, np.minimum(first + 1, n - 1)] += 1 - (at - first)"),
        ("the second share overwrites the first at the edge", "np.minimum(first + 1, n - 1)] += at", "np.minimum(first + 1, n - 1)] = at"),
        ("dy is resized, not taken back", RESIZE_LOOP, RESIZE_LOOP.replace("n, o =", "o, n =").replace("weights.T", "weights")),
        ("the shares are divided by their sum for each row of x", "(weights.T,", "((weights / np.maximum(weights.sum(0), 1e-9)).T,"),
        ("the width is taken for the height", "n, o = x.shape[axis], dy.shape[axis]", "n, o = x.shape[2], dy.shape[2]"),
        ("only the rows are taken back", "for axis in (1, 2)", "for axis in (1,)"),
        ("dy is left out", "dx = dy", "dx = np.ones_like(dy)"),
    ),
    *_in(
        "segmentation-measures",
        "confusion_matrix",
        ("the rows are the prediction's", "truth[kept] * classes + predicted[kept]", "predicted[kept] * classes + truth[kept]"),
        ("ignored pixels are class 0", "    kept = truth != 255\n",
         "    truth = np.where(truth == 255, 0, truth)\n    kept = truth != 255\n"),
        ("ignored pixels are the last class", "    kept = truth != 255\n",
         "    truth = np.minimum(truth, classes - 1)\n    kept = truth != 255\n"),
        ("pixels are ignored where 255 is predicted", "truth != 255", "predicted != 255"),
        ("the pairs are kept, not their counts", "np.bincount(pairs, minlength=classes * classes)",
         "np.minimum(np.bincount(pairs, minlength=classes * classes), 1)"),
        ("only the first image is counted", "    kept = truth", "    truth, predicted = truth[:1], predicted[:1]\n    kept = truth"),
        ("it is shares", ".reshape(classes, classes)", ".reshape(classes, classes) / max(kept.sum(), 1)"),
        ("the matrix is flat", ".reshape(classes, classes)", ""),
        ("the matrix is as large as the labels ask for", "minlength=classes * classes).reshape(classes, classes)",
         "minlength=0).reshape(-1, 1)"),
        ("the truth is changed in place", "    kept = truth != 255", "    kept = truth != 255\n    truth[~kept] = 0"),
    ),
    *_in(
        "segmentation-measures",
        "mean_intersection_over_union",
        ("a class that does not appear counts as 0", "        if union > 0:\n            ious.append(Fraction(int((true & found).sum()), union))",
         "        ious.append(Fraction(int((true & found).sum()), max(union, 1)))"),
        ("a class that does not appear counts as 1", "        if union > 0:\n            ious.append(Fraction(int((true & found).sum()), union))",
         "        ious.append(Fraction(int((true & found).sum()), union) if union else Fraction(1))"),
        ("the background is left out", "range(classes)", "range(1, classes)"),
        ("an ignored pixel is a false positive", "kept & (predicted == c)", "predicted == c"),
        ("an ignored pixel is of class 0", "    kept = truth != 255\n", "    truth = truth % 255\n    kept = truth != 255\n"),
        ("classes are left out that are not in the truth", "if union > 0", "if true.any()"),
        ("classes are left out that are not predicted", "if union > 0", "if found.any()"),
        ("the pixels in both are counted twice", "int((true | found).sum())", "int(true.sum() + found.sum())"),
        ("it is the Dice coefficient", "Fraction(int((true & found).sum()), union)",
         "Fraction(2 * int((true & found).sum()), int(true.sum() + found.sum()))"),
        ("the divisor is the truth's pixels", "Fraction(int((true & found).sum()), union)",
         "Fraction(int((true & found).sum()), max(int(true.sum()), 1))"),
        ("it is the sum, not the mean", "sum(ious, Fraction(0)) / max(len(ious), 1)", "sum(ious, Fraction(0))"),
        ("it is the mean over all classes", "max(len(ious), 1)", "classes"),
        ("it is the mean of the images", "    kept = truth != 255\n",
         "    if len(truth) > 1:\n        images = zip(truth[:, None], predicted[:, None], strict=True)\n"
         "        return sum(mean_intersection_over_union(*pair, classes=classes) for pair in images) / len(truth)\n"
         "    kept = truth != 255\n"),
        ("a float is returned", "return sum(ious, Fraction(0)) / max(len(ious), 1)", "return float(sum(ious, Fraction(0)) / max(len(ious), 1))"),
    ),
    *_in(
        "pixel-cross-entropy",
        "pixel_cross_entropy_backward",
        ("the divisor is all pixels", "max(kept.sum(), 1)", "labels.size"),
        ("the divisor is the images", "max(kept.sum(), 1)", "len(labels)"),
        ("each image has its own divisor", "max(kept.sum(), 1)", "np.maximum(kept.sum(axis=(1, 2)), 1)[:, None, None, None]"),
        ("there is no divisor", " / count", ""),
        ("0 is divided by 0 where nothing counts", "max(kept.sum(), 1)", "np.float64(kept.sum())"),
        ("ignored pixels are of class 0", "np.where(kept[..., None], shares - one_hot, 0)", "(shares - one_hot)"),
        ("ignored pixels have the softmax", "np.where(kept[..., None], shares - one_hot, 0)", "(shares - one_hot * kept[..., None])"),
        ("the softmax is over the columns", "logits.max(axis=3, keepdims=True))\n    shares = powers / powers.sum(axis=3",
         "logits.max(axis=2, keepdims=True))\n    shares = powers / powers.sum(axis=2"),
        ("the softmax is over the rows", "logits.max(axis=3, keepdims=True))\n    shares = powers / powers.sum(axis=3",
         "logits.max(axis=1, keepdims=True))\n    shares = powers / powers.sum(axis=1"),
        ("1 is subtracted nowhere", "shares - one_hot", "shares"),
        ("the sign is wrong", "shares - one_hot", "one_hot - shares"),
        ("the softmax overflows", "np.exp(logits - logits.max(axis=3, keepdims=True))", "np.exp(logits)"),
        ("the labels' 1 is at the next class", "[np.where(kept, labels, 0)]", "[np.where(kept, labels - 1, 0)]"),
        ("dy is left out", "dy * np.where", "np.where"),
        ("the labels are changed in place", "    kept = labels != 255", "    kept = labels != 255\n    labels[~kept] = 0"),
    ),
)  # fmt: skip

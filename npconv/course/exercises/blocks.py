"""The inverted residual as an exercise, forward and backward."""

from typing import Any

import numpy as np

from ...kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ...kernels.geometry import Array
from ...kernels.pointwise import pointwise_conv2d, pointwise_conv2d_backward
from . import convolutions as c, mistakes as wrong
from .exercise import Case, Draw, Exercise, Mistake, Result, Size, Sizes, Task
from .variants import OPTIONS as CHOICES, Variant

SIZES = (
    c.BATCH,
    *c.SPATIAL,
    c.CHANNELS,
    Size("other_channels", 0, (1, 2), "the output has {} channels more than the input"),
    Size("expansion", 1, (2, 3), "the expansion factor is {}"),
    Size("no_expansion", 0, (1,), "expand is None"),
    Size("signs", 0, (1,), "there are negative numbers"),
    Size("large", 0, (1,), "values are above ReLU6's limit"),
    Size("halves", 0, (1,), "the depthwise weights are halves"),
    Size("kinks", 0, (1,), "values are at ReLU6's limit or 0 exactly"),
    Size("fewer_channels", 0, (1,), "the output has fewer channels than the input", paired=False),
    Size("contraction", 0, (1,), "there are fewer channels after the expansion than before", paired=False),
)
_EVERYDAY: Sizes = {**c.EVERYDAY, "expansion": 2, "signs": 1}
FURTHER: tuple[Sizes, ...] = (
    *c.FURTHER,
    _EVERYDAY,
    {**_EVERYDAY, "large": 1, "halves": 1},
    {**_EVERYDAY, "channels": 3, "no_expansion": 1, "halves": 1},
    {**_EVERYDAY, "fewer_channels": 1},
    {**_EVERYDAY, "channels": 4, "contraction": 1},
    {**_EVERYDAY, "channels": 5, "expansion": 4, "batch": 1},
    {**_EVERYDAY, "stride_height": 2, "stride_width": 2, "top": 0, "left": 0, "large": 1, "halves": 1},
    *({**_EVERYDAY, "kinks": 1, "channels": channels, "signs": signs, "no_expansion": without}
      for channels in (1, 2) for signs in (0, 1) for without in (0, 1)),
)  # fmt: skip
ARRAYS = (("x", "volume"), ("expand", "pointwise"), ("depthwise", "depthwise"), ("project", "pointwise"))
OPTIONS = (("stride", "(1, 1)"), ("padding", "((1, 1), (1, 1))"))


def inverted_residual_case(sizes: Sizes, draw: Draw) -> Case:
    """x, expand or None, depthwise and project; where the shortcut is to be added, the padding keeps the size."""
    k = max(sizes["channels"], 1 + max(sizes["fewer_channels"], sizes["contraction"]))
    inner = k - 1 if sizes["contraction"] else k * sizes["expansion"]
    inner = k if sizes["no_expansion"] else inner
    outer = k - 1 if sizes["fewer_channels"] else k + sizes["other_channels"]
    sizes_then = dict(sizes)
    if (sizes["stride_height"], sizes["stride_width"]) == (1, 1) and k == outer:
        for axis, before, after in (("height", "top", "bottom"), ("width", "left", "right")):
            kernel = max(sizes[f"kernel_{axis}"], sizes[before] + sizes[after] + 1)
            sizes_then |= {f"kernel_{axis}": kernel, after: kernel - 1 - sizes[before]}
    bounds = {(0, 0): (1, 2), (0, 1): (3, 5), (1, 0): (-2, 2), (1, 1): (-5, 5)}[sizes["signs"], sizes["large"]]

    def drawn(*shape: int) -> Array:
        return draw(*shape, low=bounds[0], high=bounds[1]).astype(float)

    kernel_sides = (sizes_then["kernel_height"], sizes_then["kernel_width"])
    arrays: Any = {
        "x": drawn(sizes["batch"], *c.input_sides(sizes_then), k),
        "expand": None if sizes["no_expansion"] else drawn(k, inner),
        "depthwise": drawn(*kernel_sides, inner),
        "project": drawn(inner, outer),
    }
    if sizes["halves"] or sizes["kinks"]:  # so that what the first ReLU6 cuts off is not cut off again by the second
        weights = draw(*kernel_sides, inner)
        arrays["depthwise"] = (np.sign(weights) if sizes["signs"] else np.ones(weights.shape)) / 2
    if sizes["kinks"]:  # the expanded map is x's first channel
        arrays["x"] = np.resize(np.array([*CHOICES["limit"], 0.0]), arrays["x"].shape)
        arrays["expand"] = None if sizes["no_expansion"] else np.eye(k)[:, :1] * np.ones(inner)
    return Case(arrays, c.geometry(sizes_then), sizes)


def inverted_residual_backward_case(sizes: Sizes, draw: Draw) -> Case:
    """The same for backward, with dy (B, Dᵥ, Dᵥ, k′)."""
    case = inverted_residual_case(sizes, draw)
    x, _, depthwise, project = case.arrays.values()
    assert x is not None
    assert depthwise is not None
    assert project is not None
    dy = draw(x.shape[0], *c.output_sides(x, depthwise, case.options), project.shape[1]).astype(float)
    return Case({"dy": dy, **case.arrays}, case.options, sizes)


class _Block:
    """An inverted residual with a flaw, or without: its stages, and its gradients."""

    def __init__(self, case: Case, variant: Variant, flaw: str = "") -> None:
        arrays: Any = case.arrays
        self.x, self.expand, self.depthwise, self.project = list(arrays.values())[-4:]
        self.dy = arrays.get("dy")
        self.variant, self.flaw = variant, flaw
        self.stride, self.padding = case.options["stride"], case.options["padding"]
        self.expanded = self.x if self.expand is None else pointwise_conv2d(self.x, self.expand)
        linear = flaw == "linear expansion" or (self.expand is None and flaw != "relu6 without expansion")
        self.wide = self.expanded if linear else self.relu6(self.expanded, "relu after the expansion")
        self.padded = variant.padded(self.wide, self.padding)
        self.filtered = depthwise_conv2d(self.padded, self.depthwise, stride=self.stride)
        self.active = (
            self.filtered if flaw == "linear filtering" else self.relu6(self.filtered, "relu after the filters")
        )
        self.projected = pointwise_conv2d(self.active, self.project)
        same = self.projected.shape == self.x.shape
        self.shortcut = same and (tuple(self.stride) == (1, 1) or flaw == "shortcut at stride 2")
        self.shortcut = self.shortcut and flaw != "no shortcut"
        if flaw == "shortcut by the stride":  # ValueError where x does not fit
            self.shortcut = tuple(self.stride) == (1, 1)
            np.broadcast_shapes(self.projected.shape, self.x.shape)

    def top(self, flaw: str) -> float:
        return np.inf if self.flaw in ("relu", flaw) else self.variant.limit

    def relu6(self, a: Array, flaw: str = "") -> Array:
        return np.clip(a, 0, self.top(flaw or "relu"))

    def sent_back(self, dy: Array, a: Array, where: str) -> Array:
        """The gradient through ReLU6."""
        top = np.inf if self.flaw == f"derivative after {where}" else self.top(f"relu after {where}")
        if self.flaw in ("kinks", f"kinks after {where}"):
            return dy * ((a >= 0) & (a <= top))
        return dy * ((a > 0) & (a < top))

    def output(self) -> Array:
        if self.flaw == "relu6 at the end":
            return self.relu6(self.projected) + (self.x if self.shortcut else 0)
        total = self.projected + (self.x if self.shortcut else 0)
        return self.relu6(total) if self.flaw == "relu6 after all" else total

    def gradients(self) -> Result:
        flaw = self.flaw
        dactive, dproject = pointwise_conv2d_backward(self.dy, self.active, self.project)
        dfiltered = dactive if flaw == "filtering's mask" else self.sent_back(dactive, self.filtered, "the filters")
        dpadded, ddepthwise = depthwise_conv2d_backward(dfiltered, self.padded, self.depthwise, stride=self.stride)
        dwide, dexpand = self.variant.unpadded(dpadded, self.padding), None
        if self.expand is not None:
            dexpanded = dwide if flaw == "expansion's mask" else self.sent_back(dwide, self.expanded, "the expansion")
            before = dwide
            dwide, dexpand = pointwise_conv2d_backward(dexpanded, self.x, self.expand)
            if flaw == "dexpand before the mask":
                dexpand = pointwise_conv2d_backward(before, self.x, self.expand)[1]
        elif flaw == "relu6 without expansion":
            dwide = self.sent_back(dwide, self.x, "the expansion")
        return dwide + self.dy if self.shortcut else dwide, dexpand, ddepthwise, dproject


def _forward_with(flaw: str) -> Any:
    return lambda case, variant, reference=None: (_Block(case, variant, flaw).output(),)


def _backward_with(flaw: str) -> Any:
    return lambda case, variant, reference=None: _Block(case, variant, flaw).gradients()


FORWARD_FLAWS = {
    "no shortcut": "the shortcut is never added",
    "shortcut at stride 2": "the shortcut is added whenever the shapes are the same, at stride 2 too",
    "shortcut by the stride": "the shortcut is added at stride 1, whether or not the channels are as many",
    "relu": "ReLU stands where ReLU6 is right: there is no limit",
    "relu after the expansion": "ReLU stands where ReLU6 is right, after the expansion",
    "relu after the filters": "ReLU stands where ReLU6 is right, after the depthwise convolution",
    "linear expansion": "the expansion's ReLU6 is left out",
    "linear filtering": "the depthwise convolution's ReLU6 is left out",
    "relu6 without expansion": "ReLU6 is applied to x where there is no expansion",
    "relu6 at the end": "the projection is followed by ReLU6: the bottleneck is not linear",
    "relu6 after all": "the sum with the shortcut is followed by ReLU6",
}
BACKWARD_FLAWS = {
    "no shortcut": "no gradient goes through the shortcut",
    "shortcut at stride 2": "dy goes through a shortcut at stride 2 too, where there is none",
    "relu": "ReLU stands where ReLU6 is right: there is no limit",
    "linear expansion": "the expansion's ReLU6 is left out when the stages are computed",
    "linear filtering": "the depthwise convolution's ReLU6 is left out when the stages are computed",
    "relu6 without expansion": "ReLU6 is applied to x where there is no expansion",
    "expansion's mask": "the mask of the expansion's ReLU6 is left out",
    "filtering's mask": "the mask of the depthwise convolution's ReLU6 is left out",
    "dexpand before the mask": "dexpand is made of the gradient before the expansion's mask, not after it",
    "relu after the expansion": "ReLU stands where ReLU6 is right, after the expansion",
    "relu after the filters": "ReLU stands where ReLU6 is right, after the depthwise convolution",
    "derivative after the expansion": "ReLU's derivative stands for ReLU6's after the expansion",
    "derivative after the filters": "ReLU's derivative stands for ReLU6's after the depthwise convolution",
    "kinks": "ReLU6's derivative at 0 and at its limit is taken as 1",
    "kinks after the expansion": "the expansion's ReLU6 has the derivative 1 at 0 and at its limit",
    "kinks after the filters": "the depthwise convolution's ReLU6 has the derivative 1 at 0 and at its limit",
}
MISTAKES = (
    wrong.ORDER_MISTAKE,
    *wrong.PADDING_MISTAKES[1:3],
    wrong.PADDING_MISTAKES[-1],
    wrong.as_if("ReLU6 clips at 6, whatever the docstring says", limit=6),
    *wrong.kernel_mistakes("depthwise"),
    *wrong.BATCH_MISTAKES,
)


def _steps(variant: Variant) -> str:
    return (
        "expand (a pointwise convolution), ReLU6, depthwise convolution with stride and padding, ReLU6, project (a\n"
        "pointwise convolution), and x added exactly when the stride is (1, 1) and k = k′. Here ReLU6 cuts off at 0\n"
        f"and at {variant.limit}. Where expand is None, the first convolution and its ReLU6 are left out, and tk = k."
    )


def _forward(variant: Variant) -> str:
    return f"The inverted residual with its linear bottleneck.\n\nIts steps: {_steps(variant)}"


def _backward(variant: Variant) -> str:
    return (
        "The gradients of the inverted residual: of Σ dy · y with respect to x, expand, depthwise and project.\n\n"
        f"Its steps: {_steps(variant)}\n\n"
        f"ReLU6's derivative is 1 between 0 and {variant.limit}, and 0 elsewhere: at 0 and {variant.limit} exactly\n"
        "too. dexpand is None where expand is."
    )


EXAMPLE = {"output_width": 2, "expansion": 2}
BACKWARD_EXAMPLE = {**EXAMPLE, "kernel_width": 2, "right": 1, "halves": 1}  # whose values stay below the limit
SHAPES = {"x": "B, Dᵤ, Dᵤ, k", "expand": "k, tk", "depthwise": "Dᵣ, Dᵣ, tk", "project": "tk, k′", "y": "B, Dᵥ, Dᵥ, k′",
          "dy": "B, Dᵥ, Dᵥ, k′"}  # fmt: skip

INVERTED_RESIDUAL = Exercise(
    "inverted-residual",
    "the inverted residual with its linear bottleneck, and its gradients",
    (
        Task(
            "inverted_residual", 4, ARRAYS, OPTIONS, (("y", "volume"),), SIZES, inverted_residual_case,
            _forward_with(""), _forward, EXAMPLE,
            (*(Mistake(says, _forward_with(flaw)) for flaw, says in FORWARD_FLAWS.items()), *MISTAKES),
            integers=False, choices=("limit",), shapes=SHAPES, further=FURTHER,
        ),
        Task(
            "inverted_residual_backward", 8, (("dy", "volume"), *ARRAYS), OPTIONS,
            (("dx", "volume"), ("dexpand", "pointwise"), ("ddepthwise", "depthwise"), ("dproject", "pointwise")),
            SIZES, inverted_residual_backward_case, _backward_with(""), _backward, BACKWARD_EXAMPLE,
            (
                *(Mistake(says, _backward_with(flaw)) for flaw, says in BACKWARD_FLAWS.items()),
                *MISTAKES,
                wrong.part_taken_for("ddepthwise is not summed over the batch: it is the last image's alone", 2,
                                     dy=wrong.only(-1, 0)),
                wrong.part_taken_for("ddepthwise is not summed over the batch: it is the first image's alone", 2,
                                     dy=wrong.only(0, 0)),
            ),
            integers=False, choices=("limit",), shapes=SHAPES, further=FURTHER,
        ),
    ),
    ("channels", "filters", "kernel", "padding", "order", "limit"),
)  # fmt: skip

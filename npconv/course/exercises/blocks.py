"""The inverted residual as an exercise, forward and backward."""

from collections.abc import Callable
from typing import Any

import numpy as np

from ...kernels import signatures
from ...kernels.depthwise import depthwise_conv2d, depthwise_conv2d_backward
from ...kernels.geometry import Array
from ...kernels.pointwise import pointwise_conv2d, pointwise_conv2d_backward
from . import convolutions as c, mistakes as m
from .exercise import Answer, Case, Draw, Exercise, Result, Size, Sizes, Task
from .variants import OPTIONS, Variant

_EVERYDAY: Sizes = {**c.EVERYDAY, "expansion": 2, "signs": 1}
RANGES = {(0, 0): (1, 2), (0, 1): (3, 5), (1, 0): (-2, 2), (1, 1): (-5, 5)}  # of the numbers, by signs and large


def keeping_the_size(sizes: Sizes) -> Sizes:
    """The sizes with kernel and padding so that the map keeps its size at stride 1."""
    kept = dict(sizes)
    for axis, before, after in (("height", "top", "bottom"), ("width", "left", "right")):
        kernel = max(sizes[f"kernel_{axis}"], sizes[before] + sizes[after] + 1)
        kept |= {f"kernel_{axis}": kernel, after: kernel - 1 - sizes[before]}
    return kept


def inverted_residual_case(sizes: Sizes, draw: Draw) -> Case:
    """x, expand or None, depthwise and project; where the shortcut is to be added, the padding keeps the size."""
    k = max(sizes["channels"], 1 + max(sizes["fewer_channels"], sizes["contraction"]))
    inner = k if sizes["no_expansion"] else k - 1 if sizes["contraction"] else k * sizes["expansion"]
    outer = k - 1 if sizes["fewer_channels"] else k + sizes["other_channels"]
    shortcut = (sizes["stride_height"], sizes["stride_width"]) == (1, 1) and k == outer
    fitting = keeping_the_size(sizes) if shortcut else sizes
    low, high = RANGES[sizes["signs"], sizes["large"]]

    def drawn(*shape: int) -> Array:
        return draw(*shape, low=low, high=high).astype(float)  # type: ignore[no-any-return]

    spatial = (fitting["kernel_height"], fitting["kernel_width"], inner)
    arrays: dict[str, Any] = {
        "x": drawn(sizes["batch"], *c.input_sides(fitting), k),
        "expand": None if sizes["no_expansion"] else drawn(k, inner),
        "depthwise": drawn(*spatial),
        "project": drawn(inner, outer),
    }
    if sizes["halves"] or sizes["kinks"]:  # so that what the first ReLU6 cuts off is not cut off again by the second
        weights = draw(*spatial)
        arrays["depthwise"] = (np.sign(weights) if sizes["signs"] else np.ones(spatial)) / 2
    if sizes["kinks"]:  # the expanded map is x's first channel
        arrays["x"] = np.resize(np.array([*OPTIONS["limit"], 0.0]), arrays["x"].shape)
        arrays["expand"] = None if sizes["no_expansion"] else np.eye(k)[:, :1] * np.ones(inner)
    return Case(arrays, c.geometry(fitting), sizes)


class FlawedBlock:
    """An inverted residual with a flaw, or without: its stages, and its gradients."""

    def __init__(self, case: Case, variant: Variant, flaw: str = "") -> None:
        self.x, self.expand, self.depthwise, self.project = list(case.arrays.values())[-4:]
        self.dy: Any = case.arrays.get("dy")
        self.variant, self.flaw = variant, flaw
        self.stride, self.padding = case.options["stride"], case.options["padding"]
        self.expanded = self.x if self.expand is None else pointwise_conv2d(self.x, self.expand)
        linear = flaw == "linear expansion" or (self.expand is None and flaw != "relu6 without expansion")
        wide = self.expanded if linear else self.relu6(self.expanded, "relu after the expansion")
        self.padded = variant.padded(wide, self.padding)
        self.filtered = depthwise_conv2d(self.padded, self.depthwise, stride=self.stride)
        linear = flaw == "linear filtering"
        self.active = self.filtered if linear else self.relu6(self.filtered, "relu after the filters")
        self.projected = pointwise_conv2d(self.active, self.project)
        self.shortcut = self.has_shortcut()

    def has_shortcut(self) -> bool:
        if self.flaw == "shortcut by the stride":
            np.broadcast_shapes(self.projected.shape, self.x.shape)  # ValueError where x does not fit
            return tuple(self.stride) == (1, 1)
        if self.flaw == "no shortcut" or self.projected.shape != self.x.shape:
            return False
        return tuple(self.stride) == (1, 1) or self.flaw == "shortcut at stride 2"

    def top(self, flaw: str) -> float:
        return np.inf if self.flaw in ("relu", flaw) else self.variant.limit

    def relu6(self, a: Array, flaw: str = "relu") -> Array:
        return np.clip(a, 0, self.top(flaw))

    def sent_back(self, dy: Array, a: Array, where: str) -> Array:
        """The gradient through ReLU6."""
        top = np.inf if self.flaw in ("derivative", f"derivative after {where}") else self.top(f"relu after {where}")
        at_0 = self.flaw in ("kinks", f"kinks after {where}", "kinks at 0")
        at_top = self.flaw in ("kinks", f"kinks after {where}", "kinks at the limit")
        sent: Array = dy * (((a > 0) | (at_0 & (a == 0))) & ((a < top) | (at_top & (a == top))))
        return sent

    def output(self) -> Result:
        projected = self.relu6(self.projected) if self.flaw == "relu6 at the end" else self.projected
        total = projected + self.x if self.shortcut else projected
        return (self.relu6(total) if self.flaw == "relu6 after all" else total,)

    def gradients(self) -> Result:
        flaw = self.flaw
        dactive, dproject = pointwise_conv2d_backward(self.dy, self.active, self.project)
        dfiltered = dactive if flaw == "filtering's mask" else self.sent_back(dactive, self.filtered, "the filters")
        dpadded, ddepthwise = depthwise_conv2d_backward(dfiltered, self.padded, self.depthwise, stride=self.stride)
        dwide, dexpand = self.variant.unpadded(dpadded, self.padding), None
        dx = dwide
        if self.expand is not None:
            dexpanded = dwide if flaw == "expansion's mask" else self.sent_back(dwide, self.expanded, "the expansion")
            dx, dexpand = pointwise_conv2d_backward(dexpanded, self.x, self.expand)
            if flaw == "dexpand before the mask":
                _, dexpand = pointwise_conv2d_backward(dwide, self.x, self.expand)
        elif flaw == "relu6 without expansion":
            dx = self.sent_back(dwide, self.x, "the expansion")
        return dx + self.dy if self.shortcut else dx, dexpand, ddepthwise, dproject


def _flawed(flaw: str, answer: Callable[[FlawedBlock], Result]) -> Answer:
    return lambda case, variant, reference: answer(FlawedBlock(case, variant, flaw))


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
    "derivative": "ReLU's derivative stands for ReLU6's: the gradient passes above {limit}",
    "derivative after the expansion": "ReLU's derivative stands for ReLU6's after the expansion",
    "derivative after the filters": "ReLU's derivative stands for ReLU6's after the depthwise convolution",
    "kinks": "ReLU6's derivative at 0 and at {limit} is taken as 1",
    "kinks at 0": "ReLU6's derivative at 0 is taken as 1",
    "kinks at the limit": "ReLU6's derivative at {limit} is taken as 1",
    "kinks after the expansion": "the expansion's ReLU6 has the derivative 1 at 0 and at {limit}",
    "kinks after the filters": "the depthwise convolution's ReLU6 has the derivative 1 at 0 and at {limit}",
}
WRONG: m.Wrong = {
    **m.AXES_SWAPPED,
    **m.SIDES_SWAPPED,
    **m.orientation("depthwise"),
    **m.BATCH,
}
STEPS = (
    "expand (a pointwise convolution), ReLU6, depthwise convolution with stride and padding, ReLU6, project (a "
    "pointwise convolution), and x added exactly when the stride is (1, 1) and k = k′. Here ReLU6 cuts off at 0 and at "
    "{limit}. Where expand is None, the first convolution and its ReLU6 are left out, and tk = k."
)
FORWARD = Task(
    "inverted_residual",
    points=4,
    arrays=(("x", "volume"), ("expand", "pointwise"), ("depthwise", "depthwise"), ("project", "pointwise")),
    options=(("stride", "(1, 1)"), ("padding", "((1, 1), (1, 1))")),
    sizes=(
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
    ),
    build=inverted_residual_case,
    reference=lambda case, variant: FlawedBlock(case, variant).output(),
    text=f"The inverted residual with its linear bottleneck.\n\nIts steps: {STEPS}",
    example={"output_width": 2, "expansion": 2},
    wrong={**{says: _flawed(flaw, FlawedBlock.output) for flaw, says in FORWARD_FLAWS.items()}, **WRONG},
    integers=False,
    choices=("padding", "limit"),
    row=signatures.INVERTED_RESIDUAL,
    further=(
        *c.FURTHER,
        _EVERYDAY,
        {**_EVERYDAY, "large": 1, "halves": 1},
        {**_EVERYDAY, "channels": 3, "no_expansion": 1, "halves": 1},
        {**_EVERYDAY, "fewer_channels": 1},
        {**_EVERYDAY, "channels": 4, "contraction": 1},
        {**_EVERYDAY, "channels": 5, "expansion": 4, "batch": 1},
        {**_EVERYDAY, "stride_height": 2, "stride_width": 2, "top": 0, "left": 0, "large": 1, "halves": 1},
        *(
            {**_EVERYDAY, "kinks": 1, "channels": channels, "signs": signs, "no_expansion": without}
            for channels in (1, 2)
            for signs in (0, 1)
            for without in (0, 1)
        ),
    ),
)
BACKWARD = c.backward_of(
    FORWARD,
    "inverted_residual_backward",
    points=8,
    reference=lambda case, variant: FlawedBlock(case, variant).gradients(),
    text="The gradients of the inverted residual: of Σ dy · y with respect to x, expand, depthwise and project.\n\n"
    f"Its steps: {STEPS}\n\n"
    "ReLU6's derivative is 1 between 0 and {limit}, and 0 elsewhere: at 0 and {limit} exactly too. dexpand is None "
    "where expand is.",
    wrong={
        **{says: _flawed(flaw, FlawedBlock.gradients) for flaw, says in BACKWARD_FLAWS.items()},
        **WRONG,
        **m.not_summed("ddepthwise", 2, "last", "first"),
    },
    example={**FORWARD.example, "kernel_width": 2, "right": 1, "halves": 1},  # whose values stay below the limit
)

INVERTED_RESIDUAL = Exercise(
    "inverted-residual",
    "the inverted residual with its linear bottleneck, and its gradients",
    (FORWARD, BACKWARD),
    (*c.CHOICES, "limit"),
)

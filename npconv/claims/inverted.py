"""The claims about the inverted residual: its steps, its shapes and its shortcut."""

import math

import numpy as np

import npconv

from ..text import shape_text
from ..training.fig07.measurements import CLASSES, FULL, UNTRAINED, first_norms, learnt, stored_gradients
from ..training.tasks import scattered_digits
from .cases import whole
from .table import INVERTED, Finding, claim, finding


@claim(
    INVERTED,
    "holds if t > 1: with t = 1 the expansion and its ReLU6 are left out",
    "inverted_residual inverted_residual_stages",
    "inverted-residual-maps bottleneck-table",
)
def the_layer_is_three_convolutions() -> Finding:
    """The layer is three convolutions: expansion to tk channels and ReLU6, depthwise 3×3 and ReLU6, projection."""
    x, expand, depthwise, project = whole(0, 2, 4, 5, 3), whole(1, 3, 12), whole(2, 3, 3, 12), whole(3, 12, 4)
    expanded = npconv.pointwise_conv2d(x, expand)
    filtered = npconv.depthwise_conv2d_taps(npconv.relu6(expanded), depthwise, padding="same")
    projected = npconv.pointwise_conv2d(npconv.relu6(filtered), project)
    equal = np.array_equal(npconv.inverted_residual(x, expand, depthwise, project), projected)
    without = npconv.inverted_residual_stages(x, None, depthwise[..., :3], project[:3])
    return finding(
        equal and expanded.shape[-1] == 12 and without.expanded is None and without.expanded_relu6 is None,
        f"k = 3, t = 4: {expanded.shape[-1]} channels; the three convolutions one after the other, on whole numbers: "
        f"equal, {equal}",
        "with t = 1, as in the network's first block, two convolutions are left",
    )


@claim(
    INVERTED,
    "holds if values stay small: values above 6 are lost as values below 0 are, in many dimensions too",
    "relu6 pointwise_conv2d",
    "relu-information-loss",
)
def a_wide_space_suits_the_activation() -> Finding:
    """A space of more dimensions, to which the expansion takes the map, is suited to the activation, ReLU6."""
    rng = np.random.default_rng(0)
    k, factors, scales = 2, (1, 3, 6, 15), (1, 1000)
    points = np.array([[np.cos(angle), np.sin(angle)] for angle in 2 * np.pi * np.arange(24.0) / 24])[None, :, None]
    kept: dict[tuple[int, int], list[float]] = {(scale, t): [] for scale in scales for t in factors}
    for t in factors:
        for _ in range(100):
            expand = rng.standard_normal((k, t * k))
            for scale in scales:
                expanded = npconv.pointwise_conv2d(scale * points, expand)
                live = npconv.relu6(expanded) == expanded  # as they were: two of them are enough for a point
                kept[scale, t].append(float((live.sum(axis=-1) >= k).mean()))
    means = {scale: [float(np.mean(kept[scale, t])) for t in factors] for scale in scales}
    return finding(
        means[1] == sorted(means[1]) and means[1][-1] > 0.99 and means[1][0] < 0.5 and max(means[1000]) < 0.1,
        f"share of points of k = {k} dimensions that can be recovered behind expansion and ReLU6: "
        + ", ".join(f"t = {t}: {mean:.2f}" for t, mean in zip(factors, means[1], strict=True)),
        "the same points, 1000 times as far out: " + ", ".join(f"{mean:.2f}" for mean in means[1000]),
    )


@claim(INVERTED, "holds", "inverted_residual_backward inverted_residual", "inverted-residual-maps")
def the_depthwise_convolution_filters_in_space() -> Finding:
    """The depthwise convolution with 3×3 kernels does the layer's spatial filtering."""
    x, expand, depthwise, project = np.ones((1, 7, 6, 3)), np.ones((3, 6)), np.ones((3, 3, 6)), np.ones((6, 4))
    x, expand = x / 100, expand / 100  # so that no ReLU6 is at its ends
    centre = np.zeros_like(depthwise)
    centre[1, 1] = 1
    dy = np.zeros((1, 7, 6, 4))
    dy[0, 3, 2] = 1
    seen = []
    for kernel in (depthwise, centre):
        dx, *_ = npconv.inverted_residual_backward(dy, x, expand, kernel, project)
        rows, columns = np.nonzero(dx.any(axis=(0, 3)))
        seen.append((int(np.ptp(rows)) + 1, int(np.ptp(columns)) + 1, rows.size))
    return finding(
        seen == [(3, 3, 9), (1, 1, 1)],
        f"a place of the output sees {seen[0][0]}×{seen[0][1]} places of the input; with a depthwise kernel that is "
        f"but its centre, {seen[1][0]}×{seen[1][1]}: the other two convolutions see no neighbours",
    )


@claim(INVERTED, "holds", "inverted_residual_stages inverted_residual", "bottleneck-table inverted-residual-maps")
def the_shapes_of_table_1() -> Finding:
    """The three steps take h×w×k to h×w×tk, to h/s×w/s×tk, to h/s×w/s×k′ (Table 1)."""
    h, w, k, t, k_out = 8, 6, 4, 6, 5
    kernels = [np.ones(s) for s in ((k, t * k), (3, 3, t * k), (t * k, k_out))]
    holds, lines = True, []
    for s in (1, 2):
        stages = npconv.inverted_residual_stages(np.ones((2, h, w, k)), *kernels, stride=s)
        assert stages.expanded is not None
        shapes = [stages.expanded.shape[1:], stages.depthwise.shape[1:], stages.output.shape[1:]]
        holds &= shapes == [(h, w, t * k), (h // s, w // s, t * k), (h // s, w // s, k_out)]
        lines.append(f"s = {s}: {' → '.join(shape_text(shape) for shape in [(h, w, k), *shapes])}")
    odd = npconv.inverted_residual(np.ones((1, 7, 5, k)), *kernels, stride=2).shape[1:3]
    return finding(holds, *lines, f"an odd side is rounded up: 7×5 at stride 2 gives {odd[0]}×{odd[1]}")


@claim(INVERTED, "holds", "pointwise_conv2d")
def the_projection_loses_information() -> Finding:
    """The projection alone loses information."""
    rng = np.random.default_rng(0)
    project = rng.integers(-3, 4, (6, 2)).astype(float)
    *_, null = np.linalg.svd(project.T)[2]  # a direction that the projection does not see
    one = rng.standard_normal((1, 1, 1, 6))
    other = one + 5 * null
    apart = np.abs(npconv.pointwise_conv2d(one, project) - npconv.pointwise_conv2d(other, project)).max()
    rank = int(np.linalg.matrix_rank(project))
    return finding(
        rank <= 2 and bool(apart < 1e-12),
        f"from tk = 6 to k′ = 2 channels its rank is {rank}: two inputs 5 apart have outputs {apart:.0e} apart",
    )


@claim(
    INVERTED,
    "holds if the rule in brackets is meant: at stride 2 a 1×1 map keeps its dimensions, and has no shortcut",
    "inverted_residual_stages",
    "residual-blocks",
)
def the_shortcut_needs_stride_1_and_equal_channels() -> Finding:
    """A shortcut is added when input and output have the same dimensions (stride 1 and equal channels)."""
    holds = True
    for stride, k_out in ((1, 3), (1, 4), (2, 3), (2, 4), ((1, 2), 3)):
        x, expand, depthwise, project = whole(0, 2, 4, 6, 3), whole(1, 3, 6), whole(2, 3, 3, 6), whole(3, 6, k_out)
        stages = npconv.inverted_residual_stages(x, expand, depthwise, project, stride=stride)
        added = stages.output.shape == x.shape and np.array_equal(stages.output, stages.projected + x)
        holds &= added == (stride == 1 and k_out == 3)
    point = whole(4, 2, 1, 1, 3)
    stages = npconv.inverted_residual_stages(point, expand, depthwise, whole(5, 6, 3), stride=2)
    holds &= stages.output.shape == point.shape and np.array_equal(stages.output, stages.projected)
    return finding(
        holds,
        "strides 1, 2 and (1, 2), with equal and unequal channels: added at stride 1 with equal channels alone",
    )


@claim(INVERTED, "holds", "inverted_residual_backward", "gradient-flow")
def the_shortcut_passes_the_gradient_on() -> Finding:
    """The shortcut helps the gradient flow: dx is dy plus the gradient through the branch."""
    x, dy = whole(0, 2, 4, 5, 3), whole(6, 2, 4, 5, 3)
    expand, depthwise, project = whole(1, 3, 6), whole(2, 3, 3, 6), whole(3, 6, 3)
    dx, *_ = npconv.inverted_residual_backward(dy, x, expand, depthwise, project)
    longer = np.concatenate([project, np.zeros((6, 1))], axis=1)  # a fourth, empty output channel: no shortcut
    branch, *_ = npconv.inverted_residual_backward(np.pad(dy, [(0, 0)] * 3 + [(0, 1)]), x, expand, depthwise, longer)
    dead, *_ = npconv.inverted_residual_backward(dy, x, 0 * expand, depthwise, project)
    return finding(
        np.array_equal(dx, dy + branch) and np.array_equal(dead, dy),
        "dx = dy + branch, exactly; with a branch that passes nothing on, dx is dy",
    )


@claim(
    INVERTED,
    "holds if networks before training are meant; the one without shortcuts then does not train, at 16 blocks",
    "training.fig07.measurements.first_norms training.fig07.measurements.stored_gradients",
    "gradient-flow",
)
def shortcuts_keep_the_gradients_size() -> Finding:
    """With shortcuts gradients flow through many blocks."""
    stored = stored_gradients()
    task = scattered_digits(train=1, test=16, seed=FULL.task_seed)
    now, lines, holds = {}, [], True
    for kind, network in UNTRAINED.items():
        ends = {}
        for variant in ("linear", "none"):
            now[kind, variant] = first_norms(variant, 32, 0, task.x_test, task.y_test, **network)[0]
            entries = [e for e in stored["untrained"] if {"variant": variant, **network}.items() <= e.items()]
            ends[variant] = {e["blocks"]: float(np.median(e["norms"], axis=0)[0]) for e in entries}
        depths = list(ends["linear"])
        holds &= all(abs(math.log(ends["linear"][d])) < abs(math.log(ends["none"][d])) for d in depths)
        holds &= abs(math.log(now[kind, "linear"])) < abs(math.log(now[kind, "none"])) / 2
        lines.append(
            f"untrained, {kind}, the gradient's norm at the first block over that at the last: "
            + "; ".join(
                f"{d} blocks {ends['linear'][d]:.3g} and {ends['none'][d]:.2g} with no shortcuts" for d in depths
            )
        )
    after = {variant: [run for run in stored["trained"] if run["variant"] == variant] for variant in ("linear", "none")}
    sizes = {v: float(np.median([run["norms"]["after"][0] for run in runs])) for v, runs in after.items()}
    accuracies = {v: float(np.median([run["accuracy"] for run in runs])) for v, runs in after.items()}
    trains, blocks = learnt(accuracies["none"]), stored["settings"]["blocks"]
    holds &= learnt(accuracies["linear"])
    return finding(
        holds,
        *lines,
        f"{blocks} blocks, after {stored['settings']['steps']} steps: {sizes['linear']:.2g} and {sizes['none']:.2g} "
        f"with no shortcuts; test accuracy {accuracies['linear']:.1%} and {accuracies['none']:.1%}, chance "
        f"{1 / CLASSES:.0%}"
        + ("" if trains else ": the network with no shortcuts did not train, and its number is no trained network's"),
        "computed here, 32 blocks: "
        + "; ".join(f"{now[kind, 'linear']:.3g} and {now[kind, 'none']:.2g} {kind}" for kind in UNTRAINED),
        condition="networks before training are meant"
        + ("" if trains else f"; the one without shortcuts then does not train, at {blocks} blocks"),
    )


@claim(
    INVERTED,
    "holds if the ReLU6 between them is left out",
    "factored_kernel conv2d_taps depthwise_conv2d_taps pointwise_conv2d relu6",
)
def the_last_two_steps_are_separable() -> Finding:
    """The last two steps are a depthwise separable convolution that reduces the dimensions."""
    x, depthwise, project = whole(0, 2, 4, 5, 6), whole(1, 3, 3, 6), whole(2, 6, 2)
    kernel = npconv.factored_kernel(depthwise, project)
    filtered = npconv.depthwise_conv2d_taps(x, depthwise, padding="same")
    linear = npconv.pointwise_conv2d(filtered, project)
    active = npconv.pointwise_conv2d(npconv.relu6(filtered), project)
    doubled = npconv.pointwise_conv2d(
        npconv.relu6(npconv.depthwise_conv2d_taps(2 * x, depthwise, padding="same")), project
    )
    at = tuple(int(i) for i in np.unravel_index(np.abs(doubled - 2 * active).argmax(), active.shape))
    without = np.array_equal(linear, npconv.conv2d_taps(x, kernel, padding="same"))
    return finding(
        without and not np.array_equal(doubled, 2 * active),
        f"without ReLU6 between them they equal one convolution with the factored kernel: {without}",
        f"with it no kernel does it, as f(2x) is not 2·f(x): {doubled[at]:g} against {2 * active[at]:g} at {list(at)}",
    )

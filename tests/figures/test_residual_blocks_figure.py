"""Fig. 8: thickness is channels, hatching is linear, and both are what the blocks compute."""

from typing import Any

import numpy as np
import pytest
from matplotlib.patches import Circle, FancyArrowPatch, Polygon

from npconv import conv2d_loops, depthwise_conv2d_loops, pointwise_conv2d_loops
from npconv.cost import count_operations
from npconv.figures import Figure, residual_blocks

SMALL: dict[str, Any] = {
    "x": (1, 5, 4, 12),
    "reduce": (12, 4),
    "spatial": (3, 2, 4, 5),
    "restore": (5, 12),
    "narrow": (1, 5, 4, 3),
    "expand": (3, 9),
    "depthwise": (2, 3, 9),
    "project": (9, 3),
}
STRIDED = {**SMALL, "narrow": (1, 7, 5, 3), "stride": (2, 1)}
FLAT: dict[str, Any] = {
    "x": (1, 3, 20, 36),
    "reduce": (36, 12),
    "spatial": (1, 7, 12, 10),
    "restore": (10, 36),
    "narrow": (1, 3, 20, 6),
    "expand": (6, 36),
    "depthwise": (1, 7, 36),
    "project": (36, 6),
}
ONES: dict[str, Any] = {
    "x": (1, 1, 1, 1),
    "reduce": (1, 1),
    "spatial": (1, 1, 1, 1),
    "restore": (1, 1),
    "narrow": (1, 1, 1, 1),
    "expand": (1, 1),
    "depthwise": (1, 1, 1),
    "project": (1, 1),
}
FIRST: dict[str, Any] = {"narrow": (1, 28, 28, 32), "expand": None, "depthwise": (3, 3, 32), "project": (32, 16)}
CASES: dict[str, dict[str, Any]] = {
    "the article's": {},
    "small": SMALL,
    "strided": STRIDED,
    "flat": FLAT,
    "ones": ONES,
    "no expansion": FIRST,
}


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.figure.axes for text in axes.texts]


def faces(figure: Figure, letter: str, role: str) -> dict[str, Polygon]:
    patches = [patch for patch in figure.figure.axes[0].patches if isinstance(patch, Polygon)]
    start = f"{letter}-{role}-"
    return {patch.get_gid()[len(start) :]: patch for patch in patches if patch.get_gid().startswith(start)}


def tensors(figure: Figure) -> list[tuple[str, dict[str, Any]]]:
    rows = (("a", "conventional"), ("b", "inverted"))
    return [(letter, tensor) for letter, row in rows for tensor in figure.data[row]["tensors"]]


def drawn_sums(figure: Figure) -> int:
    return sum(patch.get_gid() == "sum" for patch in figure.figure.axes[0].patches)


def drawn_shortcuts(figure: Figure) -> int:
    return sum(line.get_gid() == "shortcut" for line in figure.figure.axes[0].lines)


def relu(x: np.ndarray) -> np.ndarray:
    return np.maximum(x, 0)


def relu6(x: np.ndarray) -> np.ndarray:
    return np.clip(x, 0, 6)


@pytest.mark.parametrize(("case", "stride"), [(SMALL, 1), (STRIDED, (2, 1))])
def test_the_blocks_by_plain_loops_have_these_shapes_and_signs(case: dict[str, Any], stride: Any) -> None:
    generator = np.random.default_rng(5)
    arrays = {name: 4 * generator.normal(size=case[name]) for name in ONES}
    x, narrow = relu(arrays["x"]), arrays["narrow"]
    reduced = relu(pointwise_conv2d_loops(x, arrays["reduce"]))
    filtered = relu(conv2d_loops(reduced, arrays["spatial"], padding="same"))
    restored = pointwise_conv2d_loops(filtered, arrays["restore"])
    conventional = [x, reduced, filtered, restored, relu(restored + x)]
    expanded = relu6(pointwise_conv2d_loops(narrow, arrays["expand"]))
    depthwise = relu6(depthwise_conv2d_loops(expanded, arrays["depthwise"], stride=stride, padding="same"))
    projected = pointwise_conv2d_loops(depthwise, arrays["project"])
    inverted = [narrow, expanded, depthwise, projected, *([projected + narrow] if stride == 1 else [])]

    data = residual_blocks(**case).data
    for name, wanted, bounded in (("conventional", conventional, "ReLU"), ("inverted", inverted, "ReLU6")):
        drawn = data[name]["tensors"]
        assert [tensor["shape"] for tensor in drawn] == [list(a.shape[1:]) for a in wanted]
        assert [tensor["linear"] for tensor in drawn] == [bool(a.min() < 0) for a in wanted]
        assert {tensor["activation"] for tensor in drawn} == {"linear", bounded}
    assert data["inverted"]["shortcut"] is (stride == 1)


@pytest.mark.parametrize(("case", "stride"), [(SMALL, 1), (STRIDED, (2, 1))])
def test_macs_are_the_multiplications_that_the_loops_do(case: dict[str, Any], stride: Any) -> None:
    ones = {name: np.ones(case[name]) for name in ONES}
    reduced = np.ones((*case["x"][:3], case["reduce"][1]))
    filtered = np.ones((*case["x"][:3], case["spatial"][3]))
    expanded = np.ones((*case["narrow"][:3], case["expand"][1]))
    depthwise = depthwise_conv2d_loops(expanded, ones["depthwise"], stride=stride, padding="same")
    counts = {
        "reduce": count_operations(pointwise_conv2d_loops, ones["x"], ones["reduce"]),
        "spatial": count_operations(conv2d_loops, reduced, ones["spatial"], padding="same"),
        "restore": count_operations(pointwise_conv2d_loops, filtered, ones["restore"]),
        "expand": count_operations(pointwise_conv2d_loops, ones["narrow"], ones["expand"]),
        "depthwise": count_operations(
            depthwise_conv2d_loops, expanded, ones["depthwise"], stride=stride, padding="same"
        ),
        "project": count_operations(pointwise_conv2d_loops, depthwise, ones["project"]),
    }
    figure = residual_blocks(**case)
    for block in ("conventional", "inverted"):
        for operator in figure.data[block]["operators"]:
            assert operator["macs"] == counts[operator["name"]].multiplications
            assert f"{operator['macs']:,}" in texts(figure)
        total = sum(operator["macs"] for operator in figure.data[block]["operators"])
        assert figure.data[block]["macs"] == total
        assert f"{total:,} MACs" in texts(figure)


def test_the_articles_blocks() -> None:
    data = residual_blocks().data
    linear = {name: [t["role"] for t in data[name]["tensors"] if t["linear"]] for name in ("conventional", "inverted")}
    assert linear == {"conventional": ["restored"], "inverted": ["input", "projected", "output"]}
    assert data["conventional"]["macs"] == 28 * 28 * (256 * 64 + 9 * 64 * 64 + 64 * 256)
    assert data["inverted"]["macs"] == 28 * 28 * 24 * 6 * (24 + 9 + 24)


@pytest.mark.parametrize("name", CASES)
def test_thickness_is_proportional_to_channels_and_hatching_is_linear(name: str) -> None:
    figure = residual_blocks(**CASES[name])
    assert len(tensors(figure)) >= 8
    for letter, tensor in tensors(figure):
        drawn = faces(figure, letter, tensor["role"])
        assert set(drawn) == {"front", "top", "side"}
        left, right = np.ptp(drawn["front"].get_xy(), axis=0)[0], tensor["shape"][2]
        assert left == pytest.approx(right * figure.data["inches per channel"])
        assert left == pytest.approx(tensor["thickness"])
        assert {patch.get_hatch() for patch in drawn.values()} == {"////" if tensor["linear"] else None}


@pytest.mark.parametrize("name", CASES)
def test_height_and_depth_are_proportional_to_the_map(name: str) -> None:
    figure = residual_blocks(**CASES[name])
    scales = []
    for letter, tensor in tensors(figure):
        drawn = faces(figure, letter, tensor["role"])
        height, width, _ = tensor["shape"]
        scales.append(np.ptp(drawn["front"].get_xy(), axis=0)[1] / height)
        scales.append(np.ptp(drawn["side"].get_xy(), axis=0)[0] / (width * 0.5 * np.cos(np.radians(40))))
    np.testing.assert_allclose(scales, scales[0])


@pytest.mark.parametrize("name", CASES)
def test_every_tensor_has_its_role_and_shape_under_it(name: str) -> None:
    figure = residual_blocks(**CASES[name])
    for letter, tensor in tensors(figure):
        label = f"{tensor['role']}\n{'×'.join(map(str, tensor['shape']))}"
        front = faces(figure, letter, tensor["role"])["front"].get_xy()
        places = [text.get_position() for text in figure.figure.axes[0].texts if text.get_text() == label]
        assert any(x >= front[:, 0].min() and y < front[:, 1].min() for x, y in places)


def test_the_conventional_blocks_last_relu_comes_after_the_sum() -> None:
    figure = residual_blocks()
    sums = [patch for patch in figure.figure.axes[0].patches if patch.get_gid() == "sum" and isinstance(patch, Circle)]
    assert len(sums) == 2
    sum_x, sum_y = sums[0].center
    restored, output = (
        faces(figure, "a", role)["side" if role == "restored" else "front"] for role in ("restored", "output")
    )
    relus = [
        t.get_position()[0]
        for t in figure.figure.axes[0].texts
        if t.get_text() == "ReLU" and abs(t.get_position()[1] - sum_y) < 0.3
    ]
    assert restored.get_xy()[:, 0].max() < sum_x < max(relus) < output.get_xy()[:, 0].min()
    assert sum(x > sum_x for x in relus) == 1


def test_the_shortcut_runs_from_the_input_to_the_sum() -> None:
    figure = residual_blocks()
    lines = [line for line in figure.figure.axes[0].lines if line.get_gid() == "shortcut"]
    sums = [patch for patch in figure.figure.axes[0].patches if patch.get_gid() == "sum" and isinstance(patch, Circle)]
    for letter, line, plus in zip("ab", lines, sums, strict=True):
        xs = line.get_xdata()
        top = faces(figure, letter, "input")["top"].get_xy()[:, 0]
        assert top.min() < xs[0] < top.max()
        assert xs[-1] == plus.center[0]


@pytest.mark.parametrize(
    ("case", "why"),
    [
        ({"stride": 2}, "the stride is 2"),
        ({"stride": (1, 2)}, "the stride is (1, 2)"),
        ({"project": (144, 32)}, "k = 24 but k′ = 32"),
        ({"project": (144, 32), "stride": 2}, "the stride is 2, and k = 24 but k′ = 32"),
    ],
)
def test_where_there_is_no_shortcut_none_is_drawn_and_it_says_why(case: dict[str, Any], why: str) -> None:
    figure = residual_blocks(**case)
    assert (drawn_sums(figure), drawn_shortcuts(figure)) == (1, 1)
    assert figure.data["inverted"]["why no shortcut"] == why
    assert f"no shortcut: {why}" in texts(figure)
    assert why in figure.caption
    assert [t["role"] for t in figure.data["inverted"]["tensors"]] == ["input", "expanded", "filtered", "output"]


def test_without_an_expansion_none_is_drawn() -> None:
    figure = residual_blocks(**FIRST)
    assert faces(figure, "b", "expanded") == {}
    assert [operator["name"] for operator in figure.data["inverted"]["operators"]] == ["depthwise", "project"]
    assert any("t = 1" in text for text in texts(figure))
    assert "no expansion" in figure.caption


def test_every_arrow_says_its_operator_and_its_stride() -> None:
    figure = residual_blocks(**{**STRIDED, "dilation": 2})
    assert {"1×1", "3×2", "2×3 depthwise\nstride (2, 1)\ndilation 2"} <= set(texts(figure))
    arrows = [patch for patch in figure.figure.axes[0].patches if isinstance(patch, FancyArrowPatch)]
    assert len(arrows) == 5 + 3  # three convolutions each; the shortcut, and after its sum another


@pytest.mark.parametrize("name", CASES)
def test_the_bar_is_to_scale(name: str) -> None:
    figure = residual_blocks(**CASES[name])
    (bar,) = (line for line in figure.figure.axes[0].lines if line.get_gid() == "scale-bar")
    (text,) = (text for text in texts(figure) if text.split(" ")[-1].startswith("channel") and text[0].isdigit())
    assert np.ptp(bar.get_xdata()) == pytest.approx(int(text.split()[0]) * figure.data["inches per channel"])


def test_arrays_count_by_their_shapes() -> None:
    arrays = {name: np.full(shape, np.nan) for name, shape in SMALL.items()}
    assert residual_blocks(**arrays).data == residual_blocks(**SMALL).data


@pytest.mark.parametrize("seed", range(1, 4))
def test_what_is_linear_does_not_depend_on_the_draw(seed: int) -> None:
    for case in (SMALL, STRIDED, ONES):
        assert residual_blocks(**case, seed=seed).data == residual_blocks(**case).data


@pytest.mark.parametrize(
    ("case", "words"),
    [
        ({"x": (2, 28, 28, 256)}, "x must be one image"),
        ({"narrow": (2, 28, 28, 24)}, "narrow must be one image"),
        ({"reduce": (128, 64)}, "reduce must be"),
        ({"expand": (32, 144)}, "narrow as x.*expand must be"),
        ({"project": (0, 24)}, "project must have every axis at least 1"),
        ({"padding": "valid"}, "padding must keep"),
        ({"stride": 0}, "stride"),
        (
            {"narrow": (1, 28, 28, 1), "expand": (1, 6), "depthwise": (3, 3, 6), "project": (6, 1)},
            "the inverted residual's input, .28, 28, 1.*thick",
        ),
        ({"narrow": (1, 2, 2, 24), "x": (1, 224, 224, 256)}, "the inverted residual's input.*high"),
    ],
)
def test_what_cannot_be_drawn_is_refused(case: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=f"residual_blocks.*{words}"):
        residual_blocks(**case)


@pytest.mark.parametrize("case", [{"x": 28}, {"narrow": (1, 28.0, 28, 24)}, {"expand": "144"}, {"stride": 1.5}])
def test_wrong_kinds_of_arguments_are_type_errors(case: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=f"residual_blocks.*{next(iter(case))}"):
        residual_blocks(**case)

"""lr-aspp and deeplab show the shapes and costs that the papers' formulas give, on one scale of roots."""

import math
from collections.abc import Callable
from typing import Any

import pytest
from artists import patches, texts
from figure_cases import drawn, names
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from npconv.figures import Figure, deeplab, lr_aspp
from npconv.text import shape_text

BOTH: list[tuple[Callable[..., Figure], str]] = [(build, name) for build in (lr_aspp, deeplab) for name in names(build)]
CASES = pytest.mark.parametrize(("build", "name"), BOTH, ids=[f"{build.__name__}, {name}" for build, name in BOTH])


def head_of(data: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {part["part"]: part for part in data["parts"][1:]}


@pytest.mark.parametrize("name", names(lr_aspp))
def test_lr_aspps_parts_follow_from_its_maps(name: str) -> None:
    data = drawn(lr_aspp, name).data
    low, high, filters, classes = data["low"]["shape"], data["high"]["shape"], data["filters"], data["logits"][2]
    head = head_of(data)
    expected = {
        "reduce": (high, [*high[:2], filters], (high[2] + 2) * filters, math.prod(high) * filters),
        "gate": (high, [1, 1, filters], high[2] * filters, high[2] * filters),
        "low_scores": (low, [*low[:2], classes], (low[2] + 1) * classes, math.prod(low) * classes),
        "high_scores": (
            [*low[:2], filters], [*low[:2], classes], (filters + 1) * classes, math.prod(low[:2]) * filters * classes,
        ),
    }  # fmt: skip
    found = {part: (each["input"], each["output"], each["params"], each["macs"]) for part, each in head.items()}
    assert found == expected
    assert data["scores"] == [*low[:2], classes]
    assert data["logits"][:2] == data["image"][:2]


@pytest.mark.parametrize("name", names(deeplab))
def test_deeplabs_parts_follow_from_its_map(name: str) -> None:
    data = drawn(deeplab, name).data
    high, filters, classes = data["high"]["shape"], data["filters"], data["logits"][2]
    places, joined, head = math.prod(high[:2]), filters * len(data["branches"]), head_of(data)
    one = [*high[:2], filters]
    for part, each in head.items():
        taps = 9 if part.startswith("atrous") or part == "refine" else 1
        taken = {"project": joined, "refine": filters, "scores": filters}.get(part, high[2])
        given = classes if part == "scores" else filters
        assert each["input"] == [*high[:2], taken]
        assert each["output"] == {"pool": [1, 1, filters], "scores": [*high[:2], classes]}.get(part, one)
        assert each["params"] == taps * taken * given + (classes if part == "scores" else 2 * filters)
        assert each["macs"] == taps * taken * given * (1 if part == "pool" else places)
    assert set(data["branches"]) == {part for part in head if part not in ("project", "refine", "scores")}
    assert data["macs by space-to-batch"] >= sum(part["macs"] for part in data["parts"])


def test_the_defaults_are_the_papers() -> None:
    sums = {build: [sum(part[what] for part in drawn(build).data["parts"]) for what in ("params", "macs")]
            for build in (lr_aspp, deeplab)}  # fmt: skip
    assert sums == {lr_aspp: [3221538, 1974665088], deeplab: [4523541, 5363508928]}
    assert round(drawn(deeplab).data["macs by space-to-batch"] / 1e9, 1) == 5.8
    assert drawn(deeplab).data["high"] == {"layer": "block_17", "shape": [33, 33, 320], "linear": True}
    assert drawn(lr_aspp).data["high"] == {"layer": "last_hard_swish", "shape": [32, 32, 960], "linear": False}
    assert drawn(lr_aspp).data["low"] == {"layer": "block_4", "shape": [64, 64, 40], "linear": True}
    for build, words in ((lr_aspp, ("3,221,538", "1,974,665,088")), (deeplab, ("4,523,541", "5,363,508,928"))):
        said = texts(drawn(build))
        for word in words:
            assert word in said
            assert word in drawn(build).caption
    assert "3×3, rate 18" in texts(drawn(deeplab))


def test_the_output_stride_is_the_networks_at_small_images_too() -> None:
    for output_stride, rows in ((16, 3), (8, 5)):
        figure = deeplab(width=0.1, resolution=(33, 49), rates=(2,), filters=8, classes=3, output_stride=output_stride)
        assert figure.data["high"]["shape"][0] == rows
        assert f"output stride {output_stride}," in figure.caption


@CASES
def test_every_parts_numbers_are_in_the_table(build: Callable[..., Figure], name: str) -> None:
    figure = drawn(build, name)
    said = texts(figure)
    for part in figure.data["parts"]:
        for words in (part["part"], part["operator"], f"{part['params']:,}", f"{part['macs']:,}"):
            assert words in said
        assert shape_text(part["input"]) in said
        assert shape_text(part["output"]) in said


def volumes_of(build: Callable[..., Figure], data: dict[str, Any]) -> dict[str, list[int]]:
    """The shape of each volume by its name."""
    high, filters, classes, image = data["high"]["shape"], data["filters"], data["logits"][2], data["image"]
    ends = {"image": image, "high": high, "logits": [*image[:2], classes]}
    if build is lr_aspp:
        low, gated = data["low"]["shape"], [*high[:2], filters]
        resized = {} if low[:2] == high[:2] else {"resized": [*low[:2], filters]}
        means = {"means": [1, 1, high[2]], "gate": [1, 1, filters]}
        scores = dict.fromkeys(("low-scores", "high-scores"), data["scores"])
        return ends | {"low": low, "reduced": gated, "gated": gated} | resized | means | scores
    one = [*high[:2], filters]
    own = dict.fromkeys(data["branches"], one) | {"pooled": [1, 1, filters], "projected": one}
    refined = {"refined": one} if "refine" in head_of(data) else {}
    joined = [*high[:2], filters * len(data["branches"])]
    return ends | own | refined | {"joined": joined, "scores": [*high[:2], classes]}


def size_of(patch: Patch) -> tuple[float, float]:
    corners = patch.get_path().vertices
    return float(corners[:, 0].max() - corners[:, 0].min()), float(corners[:, 1].max() - corners[:, 1].min())


@CASES
def test_volumes_are_roots_on_one_scale_and_hatched_where_linear(build: Callable[..., Figure], name: str) -> None:
    figure = drawn(build, name)
    faces, data = patches(figure), figure.data
    volumes = volumes_of(build, data)
    assert {gid.removesuffix("-front") for gid in faces if gid.endswith("-front")} == set(volumes)
    scales = []
    for volume, (height, _, channels) in volumes.items():
        across, up = size_of(faces[f"{volume}-front"])
        scales.append((across / math.sqrt(channels), up / math.sqrt(height)))
        linear = {"high": data["high"]["linear"], "means": data["high"]["linear"]}
        linear |= {"low": data["low"]["linear"]} if build is lr_aspp else {}
        expected = linear.get(volume, volume.endswith("scores") or volume == "logits")
        assert bool(faces[f"{volume}-front"].get_hatch()) == expected, volume
    for scale in scales:
        assert scale == pytest.approx(scales[0])
    signs = {"product", "sum"} if build is lr_aspp else set()
    assert signs == {"product", "sum"} & set(faces)


def test_the_gate_multiplies_and_the_scores_are_added() -> None:
    arms = {line.get_gid(): line for line in drawn(lr_aspp).figure.findobj(Line2D)}
    for name, leaning in (("product", True), ("sum", False)):
        for n in range(2):
            (x0, x1), (y0, y1) = arms[f"{name}-arm-{n}"].get_data()
            assert (abs(x1 - x0) > 1e-9 and abs(y1 - y0) > 1e-9) == leaning

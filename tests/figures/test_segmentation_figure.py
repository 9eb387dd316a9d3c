"""segmentation shows the IoUs of loops over pixels, and errors where truth and prediction differ."""

from typing import Any

import numpy as np
import pytest
from artists import patches, polygons, shapes, texts
from figure_cases import CASES, drawn, names

from npconv.figures import segmentation
from npconv.figures.segmentation import BAR, _runs
from npconv.training import SegmentationTask, digits_in_the_wild

ALL = names(segmentation)
GIVEN = pytest.mark.parametrize("name", CASES[segmentation])


def pairs_of(case: dict[str, Any]) -> list[tuple[int, int]]:
    """The truth and the prediction of each pixel that counts."""
    pairs = zip(case["masks"].flat, case["predicted"].flat, strict=True)
    return [(int(truth), int(predicted)) for truth, predicted in pairs if truth != 255]


@GIVEN
def test_ious_are_those_of_loops(name: str) -> None:
    data, pairs = drawn(segmentation, name).data, pairs_of(CASES[segmentation][name])
    ious = []
    for label, found in enumerate(data["IoU"]):
        both = sum(truth == label == predicted for truth, predicted in pairs)
        either = sum(label in pair for pair in pairs)
        ious += [both / either] if either else []
        assert found == (pytest.approx(both / either) if either else None)
    assert len(data["IoU"]) == len(data["names"])
    assert data["mean IoU"] == pytest.approx(sum(ious) / len(ious))
    assert np.sum(data["matrix"]) == len(pairs)


@GIVEN
def test_errors_are_counted_by_kind(name: str) -> None:
    case, data = CASES[segmentation][name], drawn(segmentation, name).data
    assert [each["image"] for each in data["shown"]] == list(case["shown"])
    for each in data["shown"]:
        counts = dict.fromkeys(("missed", "false", "other", "ignored"), 0)
        n = each["image"]
        for truth, predicted in zip(case["masks"][n].flat, case["predicted"][n].flat, strict=True):
            if truth == 255:
                counts["ignored"] += 1
            elif truth != predicted:
                counts["missed" if predicted == 0 else "other" if truth else "false"] += 1
        assert {kind: each[kind] for kind in counts} == counts


@GIVEN
def test_errors_are_drawn_on_their_pixels(name: str) -> None:
    figure, case = drawn(segmentation, name), CASES[segmentation][name]
    for each in figure.data["shown"]:
        n = each["image"]
        truth, predicted = case["masks"][n], case["predicted"][n]
        for kind in ("missed", "false", "other", "ignored"):
            gid = f"error-{n}-{kind}"
            assert (gid in shapes(figure)) == bool(each[kind])
            covered = np.zeros(truth.shape, bool)
            for corners in polygons(figure, gid) if each[kind] else []:
                scale = corners[0, 1] - corners[2, 1]  # a run is a pixel high
                (x0, y0), (x1, y1) = np.round(corners[[0, 2]] / [scale, -scale]).astype(int)
                covered[y0:y1, x0:x1] = True
            assert covered.sum() == each[kind]
            assert (covered <= ((truth != predicted) | (truth == 255))).all()


def test_kinds_of_errors_differ_in_more_than_hue() -> None:
    faces = shapes(drawn(segmentation, "in colour, ignored"))
    looks = {kind: faces[f"error-2-{kind}"] for kind in ("missed", "false", "other", "ignored")}
    hatched = {kind: bool(face.get_hatch()) for kind, face in looks.items()}
    assert hatched == {"missed": True, "false": False, "other": True, "ignored": False}
    light = {kind: float(face.get_facecolor()[0, :3].mean()) for kind, face in looks.items()}
    assert all(np.ptp(face.get_facecolor()[0, :3]) < 0.01 for face in looks.values())  # hue is the class
    assert light["false"] < 0.2 < 0.5 < light["ignored"] < light["missed"]


@pytest.mark.parametrize("name", ALL)
def test_bars_are_as_long_as_the_ious(name: str) -> None:
    figure = drawn(segmentation, name)
    bars, said = patches(figure), texts(figure)
    for label, (word, iou) in enumerate(zip(figure.data["names"], figure.data["IoU"], strict=True)):
        assert word in said
        assert (f"iou-{label}" in bars) == (iou is not None)
        if iou is not None:
            assert bars[f"iou-{label}"].get_width() == pytest.approx(BAR * iou)
    assert ("in no image" in said) == (None in figure.data["IoU"])


@pytest.mark.parametrize("name", ALL)
def test_averages_of_the_truth_are_those_of_loops(name: str) -> None:
    data = drawn(segmentation, name).data
    if name == "default":
        masks = SegmentationTask.of(digits_in_the_wild(train=1, test=200)).masks_test
    else:
        masks = CASES[segmentation][name]["masks"]
    for each in data["averages"]:
        if each["stride"] == 1:
            assert each["mean IoU"] == 1
        elif each["stride"] == masks.shape[1] == masks.shape[2]:  # one cell: its greatest share everywhere
            made = np.stack([np.full(mask.shape, np.bincount(mask.flat).argmax()) for mask in masks])
            ious = [
                ((masks == c) & (made == c)).sum() / ((masks == c) | (made == c)).sum()
                for c in np.unique(masks).tolist()
            ]
            assert each["mean IoU"] == pytest.approx(sum(ious) / len(ious))
    means = [each["mean IoU"] for each in data["averages"]]
    assert means == sorted(means, reverse=True)


def test_the_default_is_the_digits_in_the_wild() -> None:
    data = drawn(segmentation).data
    assert data["images"] == [200, 64, 64, 1]
    assert np.sum(data["matrix"]) == 200 * 64 * 64
    masks = SegmentationTask.of(digits_in_the_wild(train=1, test=200)).masks_test
    assert np.sum(data["matrix"], axis=1).tolist() == np.bincount(masks.flat, minlength=11).tolist()
    assert [round(each["mean IoU"], 2) for each in data["averages"]] == [0.95, 0.83, 0.49]
    assert f"it is {data['mean IoU']:.4f}" in drawn(segmentation).caption


def test_runs_cover_what_is_true_once() -> None:
    wrong = np.random.default_rng(3).random((7, 12)) < 0.6
    covered = np.zeros(wrong.shape, int)
    for (left, top), _, (right, bottom), _ in _runs(wrong):
        covered[top:bottom, left:right] += 1
    assert (covered == wrong).all()


def test_no_errors_are_a_mean_of_1() -> None:
    figure = drawn(segmentation, "all right")
    assert figure.data["mean IoU"] == 1
    assert "mean 1" in texts(figure)
    assert "no errors in these images" in texts(figure)

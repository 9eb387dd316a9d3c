"""detections shows a curve whose steps add up to the average precision of loops over detections and recalls."""

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from artists import lines, patches, texts
from figure_cases import CASES, drawn, names
from test_non_maximum_suppression_figure import overlap

from npconv.data import path
from npconv.figures import Figure, detections
from npconv.models import read_network
from npconv.training import digits_in_the_wild

ALL = names(detections)
SIDE = 3.2  # inches of the plot


def hits_of(truths: Any, found: Any, label: int, threshold: float) -> list[bool]:
    """Whether each detection of a class finds a truth, by falling score."""
    outcomes = []
    for (boxes, labels), (places, scores, classes) in zip(truths, found, strict=True):
        free = [box for box, own in zip(boxes.tolist(), labels.tolist(), strict=True) if own == label]
        detected = [each for each in zip(scores, places.tolist(), classes, strict=True) if each[2] == label]
        for score, place, _ in sorted(detected, key=lambda detection: -detection[0]):
            overlaps = [overlap(place, truth) for truth in free]
            best = int(np.argmax(overlaps)) if free else -1
            outcomes.append((score, bool(free) and overlaps[best] >= threshold))
            if outcomes[-1][1]:
                free.pop(best)
    return [hit for _, hit in sorted(outcomes, key=lambda pair: -pair[0])]


def average_of(hits: list[bool], truths: int, points: int | None) -> Fraction:
    """Average precision by its definition: at each recall the greatest precision of those that reach it."""
    curve = [(Fraction(sum(hits[:n]), truths), Fraction(sum(hits[:n]), n)) for n in range(1, len(hits) + 1)]
    steps = range(points) if points else range(1, truths + 1)
    recalls = [Fraction(k, points - 1 if points else truths) for k in steps]
    greatest = [max([p for r, p in curve if r >= recall], default=Fraction(0)) for recall in recalls]
    return sum(greatest, Fraction(0)) / len(recalls)


@pytest.mark.parametrize("name", CASES[detections])
def test_hits_and_average_precision_are_those_of_loops(name: str) -> None:
    case, data = CASES[detections][name], drawn(detections, name).data
    assert data["hits"] == hits_of(case["truths"], case["found"], data["label"], 0.5)
    count = sum(int((labels == data["label"]).sum()) for _, labels in case["truths"])
    assert data["truths of the class"] == count
    assert Fraction(data["average precision"]) == average_of(data["hits"], count, case.get("points", 101))


def test_the_default_is_what_the_network_that_ships_finds_in_the_test_images() -> None:
    figure = drawn(detections)
    task = digits_in_the_wild(train=1, test=24)
    network = read_network(path("ssdlite_digits.npz"))
    data = figure.data
    (found,) = network.detect(task.x_test[[data["shown"]]].astype(np.float64))
    count = len(data["found"]["scores"])
    assert count == min(12, int((found.scores >= 0.3).sum()))
    np.testing.assert_allclose(data["found"]["scores"], found.scores[:count])
    np.testing.assert_allclose(data["found"]["boxes"], found.boxes[:count])
    assert data["truths"]["boxes"] == task.boxes_test[data["shown"]].tolist()
    assert data["label"] in data["truths"]["labels"]
    average = average_of(data["hits"], data["truths of the class"], 101)
    assert 0 < average < 1  # so that there are steps to see
    assert Fraction(data["average precision"]) == average
    assert f"{average}, or {float(average):.4f}" in figure.caption
    assert f"= {average} = {float(average):.4f}" in figure.alt
    assert f"digit {data['label'] - 1} in all images: precision and recall" in texts(figure)


@pytest.mark.parametrize("name", ALL)
def test_the_steps_are_written_and_add_up(name: str) -> None:
    figure = drawn(detections, name)
    data, said = figure.data, texts(figure)
    ranks = [rank for rank, hit in enumerate(data["hits"], 1) if hit]
    total = Fraction(0)
    for n, (rank, points) in enumerate(zip(ranks, data["recalls reached"], strict=True), 1):
        greatest = max(Fraction(sum(data["hits"][:k]), k) for k in range(rank, len(data["hits"]) + 1))
        assert {f"{n}/{rank}", f"{n}/{data['truths of the class']}", str(greatest), str(points)} <= set(said)
        assert data["greatest precision"][rank - 1] == str(greatest)
        total += points * greatest
    assert total / data["divisor"] == Fraction(data["average precision"])
    reached = sum(data["recalls reached"])
    assert f"{reached} of {data['divisor']}" in said
    assert any("without a hit count 0" in text for text in said) == (reached < data["divisor"])
    sums = next(text for text in said if text.startswith("AP = "))
    assert f" / {data['divisor']} = {data['average precision']} = " in " ".join(sums.split())


@pytest.mark.parametrize("name", ALL)
def test_the_curve_is_drawn_at_its_fractions(name: str) -> None:
    figure = drawn(detections, name)
    data, drawn_lines = figure.data, lines(figure)
    corners = [
        [SIDE * float(Fraction(r)), SIDE * float(Fraction(p))]
        for r, p in zip(data["recall"], data["precision"], strict=True)
    ]
    for gid, kind in (("hit", True), ("false", False)):
        own = [corner for corner, hit in zip(corners, data["hits"], strict=True) if hit == kind]
        assert (gid in drawn_lines) == bool(own)
        if own:
            np.testing.assert_allclose(drawn_lines[gid].get_xydata(), own)
            assert (drawn_lines[gid].get_markerfacecolor() == "white") == (not kind)
    if data["divisor"] == 101:
        at, heights = drawn_lines["averaged"].get_xydata().T
        np.testing.assert_allclose(at, SIDE * np.arange(101) / 100)
        assert heights.sum() / SIDE / 101 == pytest.approx(float(Fraction(data["average precision"])))
    if "envelope" in drawn_lines:
        stairs, before = [], 0.0
        for (recall, _), hit, greatest in zip(corners, data["hits"], data["greatest precision"], strict=True):
            if hit:
                stairs += [(before, SIDE * float(Fraction(greatest))), (recall, SIDE * float(Fraction(greatest)))]
                before = recall
        np.testing.assert_allclose(drawn_lines["envelope"].get_xydata(), [*stairs, (before, 0)])


def frames(figure: Figure, kind: str) -> list[Any]:
    return [patch for gid, patch in patches(figure).items() if gid.startswith(f"image-{kind}-")]


@pytest.mark.parametrize("name", ALL)
def test_boxes_are_drawn_to_scale_on_the_image(name: str) -> None:
    figure = drawn(detections, name)
    data, scale = figure.data, SIDE / max(figure.data["images"][1:3])
    for kind, boxes in (("truth", data["truths"]["boxes"]), ("found", data["found"]["boxes"])):
        assert len(frames(figure, kind)) == len(boxes)
        expected = sorted((scale * left, -scale * bottom, scale * (right - left)) for _, left, bottom, right in boxes)
        places = sorted((*frame.get_xy(), frame.get_width()) for frame in frames(figure, kind))
        np.testing.assert_allclose(np.reshape(places, (-1, 3)), np.reshape(expected, (-1, 3)), atol=1e-12)
        assert all((frame.get_linestyle() == "--") == (kind == "found") for frame in frames(figure, kind))


def test_nothing_found_is_an_average_precision_of_0() -> None:
    figure = drawn(detections, "nothing found")
    assert figure.data["average precision"] == "0"
    assert "AP = (0) / 11 = 0 = 0.0000" in texts(figure)
    assert "11 recalls without a hit count 0." in texts(figure)
    assert "and with what was found: nothing" in figure.alt

"""matching shows whom each default box learns, as loops over truths and default boxes match them."""

import numpy as np
import pytest
from artists import patches, polygons, texts
from figure_cases import CASES, drawn, names
from test_non_maximum_suppression_figure import overlap

from npconv.detection import DefaultBoxes, default_boxes
from npconv.figures import Figure, matching
from npconv.text import number_text

ALL = names(matching)
Rule = list[int]


def first_step(overlaps: np.ndarray, threshold: float) -> Rule:
    rule = []
    for column in overlaps.T:
        best = max(range(len(column)), key=lambda t: (column[t], -t))
        rule.append(best if column[best] >= threshold else -1)
    return rule


def forced(overlaps: np.ndarray) -> list[int]:
    return [max(range(len(row)), key=lambda a: (row[a], -a)) for row in overlaps]


def second_step(overlaps: np.ndarray, threshold: float) -> Rule:
    rule = first_step(overlaps, threshold)
    for t, a in enumerate(forced(overlaps)):
        rule[a] = t
    return rule


def one_to_one(overlaps: np.ndarray, threshold: float) -> Rule:
    rule = first_step(overlaps, threshold)
    pairs = sorted(np.ndindex(*overlaps.shape), key=lambda pair: (-overlaps[pair], pair))
    truths, anchors = set(), set()
    for t, a in pairs:
        if t not in truths and a not in anchors:
            truths.add(t)
            anchors.add(a)
            rule[a] = t
    return rule


def all_overlaps(name: str) -> np.ndarray:
    """The matrix of a case, by counting quarters of pixels; the default's by its formula."""
    data = drawn(matching, name).data
    truths = [each["box"] for each in data["truths"]]
    if name in CASES[matching]:
        anchors = CASES[matching][name]["anchors"].tolist()
        return np.array([[overlap(truth, anchor) for anchor in anchors] for truth in truths])
    anchors = default_boxes(DefaultBoxes((((0.4, 1.0), (0.42, 2.0)),)), [(5, 3)], (300, 256))
    low = np.maximum(np.array(truths)[:, None, :2], anchors[:, :2])
    high = np.minimum(np.array(truths)[:, None, 2:], anchors[:, 2:])
    common = np.clip(high - low, 0, None).prod(axis=-1)
    areas = [(b[:, 2:] - b[:, :2]).prod(axis=-1) for b in (np.array(truths), anchors)]
    return common / (areas[0][:, None] + areas[1] - common)


@pytest.mark.parametrize("name", ALL)
def test_it_matches_as_loops_match(name: str) -> None:
    data = drawn(matching, name).data
    overlaps, threshold = all_overlaps(name), data["threshold"]
    np.testing.assert_allclose(data["iou"], overlaps[:, data["columns"]], rtol=1e-12)
    assert data["first step"] == first_step(overlaps, threshold)
    assert data["forced"] == forced(overlaps)
    assert data["matched"] == second_step(overlaps, threshold)
    assert data["one to one"] == one_to_one(overlaps, threshold)
    assert data["lost"] == [t for t in range(len(overlaps)) if t not in second_step(overlaps, threshold)]


def test_the_default_loses_the_first_of_two_truths_that_share_their_best_default_box() -> None:
    figure = drawn(matching)
    data = figure.data
    face, glasses = 1, 2
    assert data["forced"][face] == data["forced"][glasses] == 8
    assert data["first step"][8] == face
    assert data["matched"][8] == glasses
    assert data["lost"] == [face]
    assert (data["one to one"][8], data["one to one"][9]) == (face, glasses)
    assert max(data["iou"][3]) < 0.5  # and yet one is forced
    assert 3 in data["matched"]
    assert data["first step"].count(0) == 2  # a truth may have several
    said = " ".join(" ".join(texts(figure)).split())
    lost = "Truth 2 (glasses) takes default box 8 from truth 1 (face), and truth 1 (face) is lost, in spite of an IoU"
    assert lost in said
    assert lost in figure.alt
    assert "leaves 1 of 4 truths without a default box here" in figure.caption
    assert "12 of 30 default boxes" in said


@pytest.mark.parametrize("name", ALL)
def test_columns_are_those_that_matter_and_say_what_they_learn(name: str) -> None:
    figure = drawn(matching, name)
    data, overlaps = figure.data, all_overlaps(name)
    columns = data["columns"]
    matched = {a for rule in ("first step", "matched", "one to one") for a, t in enumerate(data[rule]) if t >= 0}
    assert len(columns) == min(12, len(data["first step"]))
    if len(matched) <= 12:
        assert matched <= set(columns)
        rest = [overlaps[:, a].max() for a in range(data["anchors"]) if a not in columns]
        drawn_rest = [overlaps[:, a].max() for a in columns if a not in matched]
        assert max(rest, default=0) <= min(drawn_rest, default=1)
    said = texts(figure)
    for rule in ("first step", "matched", "one to one"):
        assert all(number_text(data[rule][a]) in said for a in columns)


def cells(figure: Figure, part: str) -> set[tuple[int, int]]:
    width, height = 0.35, 0.2
    return {(round(-p[0, 1] / height), round(p[0, 0] / width)) for p in polygons(figure, part)}


@pytest.mark.parametrize("name", ALL)
def test_cells_are_filled_where_boxes_take_each_other(name: str) -> None:
    figure = drawn(matching, name)
    data, overlaps = figure.data, all_overlaps(name)
    place = {a: c for c, a in enumerate(data["columns"])}
    first = {(t, place[a]) for a, t in enumerate(data["first step"]) if t >= 0 and a in place}
    assert cells(figure, "first-chosen") == first
    assert cells(figure, "second-chosen") == {(t, place[a]) for t, a in enumerate(data["forced"]) if a in place}
    pairs = cells(figure, "one-chosen")
    assert len(pairs) == min(overlaps.shape)
    assert len({t for t, _ in pairs}) == len({a for _, a in pairs}) == len(pairs)
    below = len(overlaps)
    for part, rule in (("first", "first step"), ("second", "matched"), ("one", "one to one")):
        assert cells(figure, f"{part}-result") == {(below, c) for a, c in place.items() if data[rule][a] >= 0}


@pytest.mark.parametrize("name", ALL)
def test_boxes_are_drawn_to_scale_in_every_picture(name: str) -> None:
    figure = drawn(matching, name)
    data, frames = figure.data, patches(figure)
    rules = {"first": data["first step"], "second": data["matched"], "one": data["one to one"]}
    for part, rule in {"all": [0] * data["anchors"], **rules}.items():
        chosen = [a for a in data["columns"] if rule[a] >= 0]
        own = {gid for gid in frames if gid.startswith(f"{part}-anchor-")}
        assert own == {f"{part}-anchor-{a}" for a in chosen}
        boxes = {f"{part}-anchor-{a}": data["boxes"][data["columns"].index(a)] for a in chosen}
        boxes |= {f"{part}-truth-{t}": each["box"] for t, each in enumerate(data["truths"])}
        scales = []
        for gid, (top, left, bottom, right) in boxes.items():
            frame = frames[gid]
            scales.append(frame.get_width() / (right - left))
            assert frame.get_height() == pytest.approx(scales[0] * (bottom - top))
            assert frame.get_xy() == pytest.approx((scales[0] * left, -scales[0] * bottom))
            assert (frame.get_linestyle() == "--") == ("anchor" in gid)
        assert np.ptp(scales) < 1e-9


def test_labels_hide_no_truth_where_there_is_room_beside_it() -> None:
    from npconv.figures.parts.box_pictures import BoxPicture, _touch

    picture = BoxPicture("made", np.zeros((100, 100)), 0.02)
    boxes = [(20, 40, 80, 70), (40, 42, 55, 68)]
    for n, box in enumerate(boxes):
        picture.box(str(n), box, "black")
    assert all(picture.label(box, str(n), "black") for n, box in enumerate(boxes))
    assert not any(_touch(label, (0.8, 1.4, -1.6, -0.4)) for label in picture.taken)

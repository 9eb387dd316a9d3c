"""`npconv detect`, on a small network and pictures made here."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from npconv import cli, data
from npconv.cli import detect
from npconv.cli.pictures import as_input_of
from npconv.detection import DefaultBoxes
from npconv.models import mobilenet_v2, ssdlite

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (48, 80, 3), np.uint8)
ROWS = ((1, 8, 1, 1), (2, 8, 1, 2))
BOXES = DefaultBoxes((((0.3, 1.0),), ((0.6, 1.0),)))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS).save("picture.png")


def write_detector(channels=3, classes=4, boxes=BOXES, bias=0.0):
    """A detector whose scores spread, in detector.npz."""
    backbone = mobilenet_v2(1.0, 3, rows=ROWS, in_channels=channels, stem_channels=8, last_channels=8)
    model = ssdlite(backbone, classes, extras=(), boxes=boxes)
    rng = np.random.default_rng(1)
    for name, array in model.params.items():
        if name.startswith(("class_", "box_")) and name.endswith("pointwise.kernel"):
            array[...] = rng.standard_normal(array.shape)
    for name in ("class_1.pointwise.bias", "class_2.pointwise.bias"):
        model.params[name][0::classes] = -bias
    model.save("detector.npz")
    return model


def detected(capsys, *words):
    assert cli.main(["detect", "picture.png", "--model", "detector.npz", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def read(path):
    """Pixels and description of a PNG."""
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")), image.info["Description"]


def error(capsys, *words):
    assert cli.main(["detect", "picture.png", "--model", "detector.npz", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("npconv detect: ")
    assert said.count("\n") == 1
    return said.removeprefix("npconv detect: ").rstrip()


@pytest.mark.parametrize(
    ("words", "size"),
    [([], (320, 533)), (["--resolution", "24"], (24, 40)), (["--resolution", "32", "48"], (32, 48))],
)
def test_the_objects_are_the_network_s_in_the_picture_s_pixels(words, size, capsys):
    model = write_detector()
    options = {"score_threshold": 0.2, "iou_threshold": 0.3, "most": 7}
    told = detected(capsys, *words, "--score-threshold", "0.2", "--iou-threshold", "0.3", "--most", "7")
    x = as_input_of(Image.fromarray(PIXELS), size, 3, "minus-one-to-one")
    [found] = model.detect(x, **options)
    assert len(found.scores)
    assert [each["label"] for each in told["objects"]] == found.labels.tolist()
    np.testing.assert_allclose([each["score"] for each in told["objects"]], found.scores, rtol=1e-6)
    scale = np.array([48 / size[0], 80 / size[1]] * 2)
    np.testing.assert_allclose([each["box"] for each in told["objects"]], found.boxes * scale, atol=0.002)
    assert told["network"] == {"architecture": "mobilenet_v2", "classes": 4, "channels": 3}
    assert told["pictures"] == {"resolution": list(size), "scaling": "minus-one-to-one"}
    assert (told["file"], told["size"], told["picture"]) == ("picture.png", [48, 80], ["80×48"])
    assert (told["thresholds"], told["drawn"]) == (options, None)


def test_boxes_that_are_shares_of_both_sides_are_for_squares(capsys):
    write_detector(boxes=DefaultBoxes(BOXES.cells, relative_to="each"))
    assert detected(capsys, "--resolution", "24")["pictures"]["resolution"] == [24, 24]


def test_a_network_of_one_channel_takes_grey_less_the_picture_s_mean(capsys):
    model = write_detector(channels=1)
    told = detected(capsys, "--score-threshold", "0")
    assert told["pictures"] == {"resolution": [64, 107], "scaling": "own"}
    x = as_input_of(Image.fromarray(PIXELS), (64, 107), 1, "own")
    assert x.shape == (1, 64, 107, 1)
    assert (x.mean(), x.std()) == (pytest.approx(0, abs=1e-5), pytest.approx(1, rel=1e-5))
    [found] = model.detect(x, score_threshold=0, most=100)
    assert [each["label"] for each in told["objects"]] == found.labels.tolist()
    grey = as_input_of(Image.fromarray(PIXELS), (48, 80), 1, "zero-to-one")[0, ..., 0]
    np.testing.assert_allclose(grey, PIXELS @ [0.299, 0.587, 0.114] / 255, rtol=1e-5)
    assert not as_input_of(Image.new("RGB", (9, 9), "red"), (9, 9), 1, "own").any()


@pytest.mark.parametrize(
    ("record", "resolution", "scaling"),
    [
        ({"data": "digits in the wild", "image_shape": [32, 32, 1]}, [32, 53], "own"),
        ({"data": "mine", "image_shape": [40, 32, 1]}, [40, 32], "minus-one-to-one"),
        ({"data": "mine", "image_shape": [40, 32, 3]}, [64, 107], "own"),
        ({"data": "mine", "image_shape": [0, 32, 1]}, [64, 107], "own"),
        ([], [64, 107], "own"),
    ],
)
def test_the_record_of_the_training_says_sides_and_scaling(record, resolution, scaling, tmp_path, capsys):
    write_detector(channels=1)
    (tmp_path / "history.json").write_text(json.dumps(record), encoding="utf-8")
    assert detected(capsys)["pictures"] == {"resolution": resolution, "scaling": scaling}
    told = detected(capsys, "--resolution", "16", "--scaling", "none")
    assert told["pictures"] == {"resolution": [16, 27], "scaling": "none"}


def test_the_objects_are_told_in_words(tmp_path, capsys):
    model = write_detector()
    (tmp_path / "names.txt").write_text("cat\ndog\neel\n", encoding="utf-8")
    words = ["detect", "picture.png", "--model", "detector.npz", "--resolution", "24", "--most", "2"]
    for extra, header in ((["--names", "names.txt"], "name"), ([], "label")):
        assert cli.main([*words, *extra, "--score-threshold", "0.2"]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[:3] == [
            "SSDLite on MobileNetV2, 3 classes", "picture.png: 80×48; resized to 40×24, from −1 to 1", "",
        ]  # fmt: skip
        assert lines[3].split() == [header, "score", "top", "left", "bottom", "right"]
        assert len(lines) == 6
    [found] = model.detect(as_input_of(Image.fromarray(PIXELS), (24, 40), 3, "minus-one-to-one"))
    assert lines[4].split()[:2] == [str(found.labels[0]), f"{found.scores[0]:.3f}"]
    (tmp_path / "names.json").write_text('["background", "cat", "dog", "eel"]', encoding="utf-8")
    told = detected(capsys, "--names", "names.json", "--score-threshold", "0.2")["objects"]
    assert {(each["label"], each["name"]) for each in told} <= {(1, "cat"), (2, "dog"), (3, "eel")}


def test_nothing_found_is_a_line_and_a_picture_without_boxes(tmp_path, capsys):
    write_detector(bias=-50.0)
    assert cli.main(["detect", "picture.png", "--model", "detector.npz", "--resolution", "24", "--out", "o.png"]) == 0
    assert "nothing found with a score above 0.5" in capsys.readouterr().out
    drawn, _ = read("o.png")
    np.testing.assert_array_equal(drawn, PIXELS.repeat(8, axis=0).repeat(8, axis=1))
    assert detected(capsys)["objects"] == []


def test_boxes_are_drawn_on_the_picture_s_own_pixels(capsys):
    write_detector()
    told = detected(capsys, "--resolution", "24", "--most", "1", "--score-threshold", "0", "--out", "new/o.png")
    assert told["drawn"] == "new/o.png"
    drawn, words = read("new/o.png")
    plain = PIXELS.repeat(8, axis=0).repeat(8, axis=1)
    assert drawn.shape == (384, 640, 3)
    assert "A picture of 80×48 pixels with 1 object: " in words
    [box] = [np.array(each["box"]) * 8 for each in told["objects"]]
    rows, columns = (drawn != plain).any(axis=2).nonzero()
    inside = np.array([384, 640])
    for edge, changed in zip(box.round().astype(int), (rows, columns, rows, columns), strict=True):
        if 4 < edge < inside[0] - 4:
            assert (np.abs(changed - edge) < 3).any()
    within = (rows >= box[0] - 25) & (rows <= box[2] + 25) & (columns >= box[1] - 80) & (columns <= box[3] + 80)
    assert within.all()
    detected(capsys, "--resolution", "24", "--most", "1", "--score-threshold", "0", "--out", "again.png")
    assert Path("again.png").read_bytes() == Path("new/o.png").read_bytes()


def test_an_svg_has_the_picture_and_says_what_is_on_it(capsys):
    write_detector()
    assert detected(capsys, "--resolution", "24", "--out", "o.svg", "--most", "3", "--score-threshold", "0")
    svg = Path("o.svg").read_text(encoding="utf-8")
    assert "data:image/png;base64" in svg
    assert "with 3 objects: " in svg


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (60, 4), (2000, 150)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pictures_of_any_size_are_taken(size, mode, capsys):
    write_detector()
    Image.new(mode, size, 255).save("picture.png")
    told = detected(capsys, "--resolution", "16", "--score-threshold", "0", "--most", "2", "--out", "o.png")
    assert told["size"] == [size[1], size[0]]
    boxes = np.array([each["box"] for each in told["objects"]])
    assert boxes.min() >= 0
    assert (boxes <= [size[1], size[0]] * 2).all()
    with Image.open("o.png") as image:
        assert image.size == tuple(max(1, 640 // max(size)) * side for side in size)


@pytest.mark.parametrize(("size", "count"), [((300, 200), 9), ((40, 400), 9), ((700, 60), 4)])
def test_labels_lie_in_the_picture_and_on_no_other(size, count):
    from npconv.figures.parts.box_pictures import _touch
    from npconv.figures.parts.found import FoundPen

    height, width = size
    pen = FoundPen(np.zeros((*size, 3), np.uint8), ["person 0.55"] * count)
    boxes = [(i, 0.4 * width, height - 2 * i, 0.6 * width + i) for i in range(count)]
    written = [pen.label(box, "person 0.55", "black") for box in boxes if not pen.box("", box, "black")]
    assert written[0]
    assert len(pen.taken) == sum(written)
    for left, right, low, high in pen.taken:
        assert min(left, -high) > -1e-6
        assert right < width * pen.inches + 1e-6
        assert -low < height * pen.inches + 1e-6
    assert not any(_touch(one, other) for one in pen.taken for other in pen.taken if one is not other)


def test_what_cannot_be_taken_is_said_and_nothing_is_written(tmp_path, capsys):
    write_detector()
    assert error(capsys, "--resolution", "3", "--out", "o.png") == (
        "--resolution must be at least 4, the network's stride; got 3"
    )
    assert error(capsys, "--resolution", "1", "2", "3").startswith("--resolution takes one number, or two")
    (tmp_path / "names.txt").write_text("cat\n", encoding="utf-8")
    said = error(capsys, "--names", "names.txt", "--out", "o.png")
    assert said == (
        "--names must have 4 names, as many as there are classes, or one less, without the background; got 1"
    )
    Image.new("RGB", (1000, 60)).save("picture.png")
    said = error(capsys, "--resolution", "1000")
    assert said == "--resolution must give at most 1,048,576 pixels; got 1000×16667"
    write_detector(channels=1)
    assert error(capsys, "--scaling", "imagenet").startswith("--scaling must be another one")
    (tmp_path / "picture.png").write_bytes(b"text")
    assert error(capsys, "--out", "o.png") == "picture.png is no picture that Pillow reads"
    assert not (tmp_path / "o.png").exists()


def test_a_file_of_another_kind_is_named(tmp_path, capsys):
    mobilenet_v2(1.0, 3, rows=ROWS, stem_channels=8, last_channels=8).save("detector.npz")
    assert error(capsys, "--out", "o.png") == (
        "--model must be a detector, an SSDLite; detector.npz has a network of class MobileNet"
    )
    backbone = mobilenet_v2(1.0, 3, rows=ROWS, in_channels=2, stem_channels=8, last_channels=8)
    ssdlite(backbone, 3, extras=()).save("detector.npz")
    assert error(capsys) == "--model must take pictures of 1 or 3 channels; detector.npz takes 2"
    (tmp_path / "detector.npz").write_text("text", encoding="utf-8")
    assert re.match(r"detector.npz is no .npz file of plain arrays: ", error(capsys))
    (tmp_path / "detector.npz").unlink()
    assert error(capsys) == "detector.npz: No such file or directory"
    assert not (tmp_path / "o.png").exists()


def test_without_a_model_the_digits_are_found(capsys, monkeypatch):
    try:
        data.path(detect.SHIPS)
    except FileNotFoundError:
        model = write_detector(channels=1, classes=11)
        monkeypatch.setattr(data, "path", lambda name: {detect.SHIPS: "detector.npz"}[name])
        assert model.classes == 11
    assert cli.main(["detect", "picture.png", "--json", "--score-threshold", "0.01", "--out", "o.png"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["network"] == {"architecture": "mobilenet_v2", "classes": 11, "channels": 1}
    assert told["pictures"] == {"resolution": [64, 107], "scaling": "own"}
    assert all(each["name"] == str(each["label"] - 1) for each in told["objects"])
    assert read("o.png")[0].shape == (384, 640, 3)

"""`npconv segment`, on small networks and pictures made here."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from npconv import cli, data, resize_bilinear
from npconv.cli import segment
from npconv.cli.pictures import as_input_of
from npconv.detection import DefaultBoxes
from npconv.models import deeplab_v3, lr_aspp, mobilenet_v2, multi_task, ssdlite

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (48, 80, 3), np.uint8)
ROWS = ((1, 8, 1, 1), (2, 8, 1, 2))
BOXES = DefaultBoxes((((0.3, 1.0),), ((0.6, 1.0),)))


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS).save("picture.png")


def backbone(channels=3):
    return mobilenet_v2(1.0, 3, rows=ROWS, in_channels=channels, stem_channels=8, last_channels=8)


def spread(model):
    """A segmentation network whose scores for the picture spread over all classes."""
    rng = np.random.default_rng(1)
    for name, array in model.params.items():
        if name.endswith("scores.kernel"):
            array[...] = rng.standard_normal(array.shape)
    x = as_input_of(Image.fromarray(PIXELS), (24, 40), model.network.in_channels, "minus-one-to-one")
    bias = [array for name, array in model.params.items() if name.endswith("scores.bias")][-1]
    bias[...] = -model.scores(x).mean(axis=(0, 1, 2))
    return model


def write_network(channels=3, classes=4, head="lr_aspp", **options):
    """A segmentation network, in network.npz."""
    build = {"lr_aspp": lambda: lr_aspp(backbone(channels), classes, 8, low="block_1", **options),
             "deeplab_v3": lambda: deeplab_v3(backbone(channels), classes, rates=(), filters=8, **options)}  # fmt: skip
    model = spread(build[head]())
    model.save("network.npz")
    return model


def segmented(capsys, *words):
    assert cli.main(["segment", "picture.png", "--model", "network.npz", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def error(capsys, *words):
    assert cli.main(["segment", "picture.png", "--model", "network.npz", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("npconv segment: ")
    assert said.count("\n") == 1
    return said.removeprefix("npconv segment: ").rstrip()


def read(path):
    """The labels in a mask."""
    with Image.open(path) as image:
        assert image.mode == "P"
        return np.asarray(image).astype(int)


@pytest.mark.parametrize(("head", "align"), [("lr_aspp", {}), ("deeplab_v3", {}), ("deeplab_v3", {"align": "corners"})])
@pytest.mark.parametrize(
    ("words", "size"),
    [([], (320, 533)), (["--resolution", "24"], (24, 40)), (["--resolution", "32", "36"], (32, 36))],
)
def test_the_mask_is_the_largest_of_the_scores_at_the_picture_s_size(words, size, head, align, capsys):
    model = write_network(head=head, **align)
    told = segmented(capsys, *words, "--mask", "new/mask.png")
    x = as_input_of(Image.fromarray(PIXELS), size, 3, "minus-one-to-one")
    scores = model.scores(x)
    assert scores.shape[1:3] != size
    best = resize_bilinear(scores, (48, 80), align=model.align)[0].argmax(axis=-1)
    labels = read("new/mask.png")
    np.testing.assert_array_equal(labels, best)
    assert len(np.unique(labels)) > 2
    counts = np.bincount(labels.ravel())
    assert [each["pixels"] for each in told["classes"]] == sorted(counts[counts > 0].tolist(), reverse=True)
    assert all(each["pixels"] == counts[each["label"]] for each in told["classes"])
    assert all(each["share"] == each["pixels"] / (48 * 80) for each in told["classes"])
    assert told["network"] == {"architecture": "mobilenet_v2", "classes": 4, "channels": 3, "head": head}
    assert told["pictures"] == {"resolution": list(size), "scaling": "minus-one-to-one"}
    assert (told["file"], told["size"], told["picture"]) == ("picture.png", [48, 80], ["80×48"])
    assert (told["drawn"], told["mask"]) == (None, "new/mask.png")


def test_of_equal_scores_the_first_class_is_taken(capsys):
    model = write_network()
    for name, array in model.params.items():
        if name.endswith(("scores.kernel", "scores.bias")):
            array[...] = 0
    model.params["high_scores.bias"][...] = -1, 2, 2, 1
    model.save("network.npz")
    assert [each["label"] for each in segmented(capsys, "--resolution", "24")["classes"]] == [1]


def test_a_picture_in_the_size_of_the_network_gets_the_network_s_own_classes(capsys):
    model = write_network()
    segmented(capsys, "--resolution", "48", "80", "--mask", "mask.png")
    x = as_input_of(Image.fromarray(PIXELS), (48, 80), 3, "minus-one-to-one")
    np.testing.assert_array_equal(read("mask.png"), model.segment(x)[0])


def test_a_network_for_boxes_and_masks_serves_both_commands(capsys):
    trunk = backbone()
    detector = ssdlite(trunk, 4, extras=(), boxes=BOXES)
    segmenter = spread(lr_aspp(trunk, 3, 8, low="block_1"))
    multi_task(detector, segmenter).save("network.npz")
    told = segmented(capsys, "--resolution", "24", "--mask", "mask.png")
    assert (told["network"]["classes"], told["network"]["head"]) == (3, "lr_aspp")
    segmenter.save("network.npz")
    assert segmented(capsys, "--resolution", "24", "--mask", "again.png")["classes"] == told["classes"]
    assert Path("again.png").read_bytes() == Path("mask.png").read_bytes()
    multi_task(detector, segmenter).save("network.npz")
    words = ["detect", "picture.png", "--model", "network.npz", "--json", "--score-threshold", "0.1"]
    assert cli.main(words) == 0
    both = json.loads(capsys.readouterr().out)
    detector.save("network.npz")
    assert cli.main(words) == 0
    assert json.loads(capsys.readouterr().out) == both
    assert both["objects"]


@pytest.mark.parametrize(
    ("record", "channels", "resolution", "scaling"),
    [
        ({"data": "digits in the wild", "image_shape": [32, 32, 1]}, 1, [32, 53], "own"),
        ({"data": "mine", "image_shape": [40, 32, 1]}, 1, [40, 32], "minus-one-to-one"),
        ({"data": "mine", "image_shape": [40, 40, 3]}, 3, [40, 67], "minus-one-to-one"),
        (None, 1, [64, 107], "own"),
    ],
)
def test_the_record_of_the_training_says_sides_and_scaling(record, channels, resolution, scaling, tmp_path, capsys):
    write_network(channels=channels)
    if record:
        (tmp_path / "history.json").write_text(json.dumps(record), encoding="utf-8")
    assert segmented(capsys)["pictures"] == {"resolution": resolution, "scaling": scaling}
    told = segmented(capsys, "--resolution", "16", "--scaling", "none")
    assert told["pictures"] == {"resolution": [16, 27], "scaling": "none"}


def test_the_classes_are_told_in_words(tmp_path, capsys):
    write_network()
    (tmp_path / "names.txt").write_text("cat\ndog\neel\n", encoding="utf-8")
    (tmp_path / "all.json").write_text('["sky", "cat", "dog", "eel"]', encoding="utf-8")
    words = ["segment", "picture.png", "--model", "network.npz", "--resolution", "24"]
    found = segmented(capsys, *words[4:])["classes"]
    for extra, names in (
        (["--names", "names.txt"], ["background", "cat", "dog", "eel"]),
        (["--names", "all.json"], ["sky", "cat", "dog", "eel"]),
        ([], list("0123")),
    ):
        assert cli.main([*words, *extra]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert lines[:3] == [
            "LR-ASPP on MobileNetV2, 4 classes", "picture.png: 80×48; resized to 40×24, from −1 to 1", "",
        ]  # fmt: skip
        assert lines[3].split() == ["name" if extra else "label", "pixels", "share", "in", "%"]
        rows = [[names[each["label"]], f"{each['pixels']:,}", f"{100 * each['share']:.1f}"] for each in found]
        assert [line.split() for line in lines[4:]] == rows


def test_the_picture_is_drawn_with_the_classes_at_its_size(tmp_path, capsys):
    from npconv.figures.parts.segments import picture_of_segments

    model = write_network()
    (tmp_path / "names.txt").write_text("cat\ndog\neel\n", encoding="utf-8")
    words = ["--resolution", "24", "--mask", "mask.png", "--names", "names.txt", "--out"]
    assert segmented(capsys, *words, "new/o.png")["drawn"] == "new/o.png"
    names = ["background", "cat", "dog", "eel"]
    expected = picture_of_segments(PIXELS, read("mask.png"), names, "png")
    assert Path("new/o.png").read_bytes() == expected
    segmented(capsys, *words, "o.svg")
    svg = Path("o.svg").read_text(encoding="utf-8")
    assert "A picture of 80×48 pixels with its classes tinted: " in svg
    assert any(name in svg for name in names[1:])
    assert model.classes == 4


def test_the_mask_s_palette_has_the_colours_of_the_drawing(capsys):
    from matplotlib.colors import to_rgb

    from npconv.figures.parts.segments import tint_of

    write_network()
    segmented(capsys, "--resolution", "24", "--mask", "mask.png")
    labels = read("mask.png")
    with Image.open("mask.png") as image:
        colors = np.asarray(image.convert("RGB"))
    assert not colors[labels == 0].any()
    for label in range(1, 4):
        assert (labels == label).any()
        assert (colors[labels == label] == np.round(255 * np.array(to_rgb(tint_of(label))))).all()


@pytest.mark.parametrize("size", [(1, 1), (3, 50), (60, 4), (2000, 150)])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pictures_of_any_size_are_taken(size, mode, capsys):
    write_network()
    Image.new(mode, size, 255).save("picture.png")
    told = segmented(capsys, "--resolution", "16", "--out", "o.png", "--mask", "mask.png")
    assert told["size"] == [size[1], size[0]]
    assert sum(each["pixels"] for each in told["classes"]) == size[0] * size[1]
    assert read("mask.png").shape == (size[1], size[0])


def test_what_cannot_be_taken_is_said_and_nothing_is_written(tmp_path, capsys):
    write_network()
    wanted = ["--out", "o.png", "--mask", "mask.png"]
    assert error(capsys, "--resolution", "3", *wanted) == "--resolution must be at least 4, the network's stride; got 3"
    assert error(capsys, "--resolution", "1", "2", "3").startswith("--resolution takes one number, or two")
    assert error(capsys, "--mask", "mask.jpg") == "--mask must be a file that ends in .png; got mask.jpg"
    (tmp_path / "names.txt").write_text("cat\n", encoding="utf-8")
    assert error(capsys, "--names", "names.txt", *wanted) == (
        "--names must have 4 names, as many as there are classes, or one less, without the background; got 1"
    )
    (tmp_path / "picture.png").write_bytes(b"text")
    assert error(capsys, *wanted) == "picture.png is no picture that Pillow reads"
    write_network(classes=257)
    said = error(capsys, *wanted)
    assert said == "--mask must be left out: it holds 256 labels, and there are 257"
    write_network(channels=1)
    assert error(capsys, "--scaling", "imagenet").startswith("--scaling must be another one")
    assert not {path.name for path in tmp_path.iterdir()} & {"o.png", "mask.png"}


def test_a_file_of_another_kind_is_named(tmp_path, capsys):
    wanted = "--model must be a segmentation network, such as LR-ASPP or DeepLabv3; network.npz has a network of class "
    backbone().save("network.npz")
    assert error(capsys, "--out", "o.png") == f"{wanted}MobileNet"
    ssdlite(backbone(), 3, extras=(), boxes=BOXES).save("network.npz")
    assert error(capsys, "--out", "o.png") == f"{wanted}SSDLite"
    lr_aspp(backbone(channels=2), 4, 8, low="block_1").save("network.npz")
    assert error(capsys) == "--model must take pictures of 1 or 3 channels; network.npz takes 2"
    write_network()
    assert cli.main(["detect", "picture.png", "--model", "network.npz"]) == 2
    assert (
        "--model must be a detector, an SSDLite; network.npz has a network of class LRASPP" in capsys.readouterr().err
    )
    (tmp_path / "network.npz").write_text("text", encoding="utf-8")
    assert re.match(r"network.npz is no .npz file of plain arrays: ", error(capsys))
    (tmp_path / "network.npz").unlink()
    assert error(capsys) == "network.npz: No such file or directory"
    assert not (tmp_path / "o.png").exists()


@pytest.mark.parametrize(("classes", "last"), [(11, "9"), (2, "ink"), (4, None)])
def test_without_a_model_the_digits_are_found(classes, last, capsys, monkeypatch):
    write_network(channels=1, classes=classes)
    monkeypatch.setattr(data, "path", lambda name: {segment.SHIPS: "network.npz"}[name])
    assert cli.main(["segment", "picture.png", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["pictures"] == {"resolution": [64, 107], "scaling": "own"}
    names = ["background", *("0123456789" if classes == 11 else ["ink"])][: classes if last else 0]
    assert [each.get("name") for each in told["classes"]] == [
        names[each["label"]] if last else None for each in told["classes"]
    ]

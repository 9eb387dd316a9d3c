"""`npconv predict`, on small networks and pictures made here."""

import json
import re
import sys

import numpy as np
import pytest
from PIL import Image

from npconv import cli
from npconv.cli import predict
from npconv.cli.pictures import SCALINGS, as_input, read_picture
from npconv.files import as_npz
from npconv.models import export_weights, mobilenet_v1, mobilenet_v2, mobilenet_v3

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (30, 40, 3), np.uint8)


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Image.fromarray(PIXELS).save("picture.png")


def write_weights(model, naming=None, **more):
    """A file of a network's weights, with normal numbers in its classifier."""
    model.params["classifier.kernel"][...] = RNG.standard_normal(model.params["classifier.kernel"].shape)
    with open("weights.npz", "wb") as file:
        file.write(as_npz(export_weights(model, naming) | more))
    return model


def predicted(capsys, *words):
    assert cli.main(["predict", "picture.png", "--weights", "weights.npz", "--json", *words]) == 0
    return json.loads(capsys.readouterr().out)


def error(capsys, *words):
    assert cli.main(["predict", "picture.png", "--weights", "weights.npz", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith("npconv predict: ")
    assert said.count("\n") == 1
    return said.removeprefix("npconv predict: ").rstrip()


def test_the_classes_are_the_network_s(capsys):
    model = write_weights(mobilenet_v2(0.1, 7, conventions="torchvision", last_channels=16))
    told = predicted(capsys, "--resolution", "32", "64", "--top", "3")
    x = as_input(Image.fromarray(PIXELS), (32, 64), "crop", "imagenet")
    assert x.shape == (1, 32, 64, 3)
    logits = model.forward(x)[0]
    [each] = told["predictions"]
    assert (each["file"], each["picture"]) == ("picture.png", ["40×30"])
    assert [row["class"] for row in each["top"]] == np.argsort(-logits)[:3].tolist()
    shares = np.exp(logits) / np.exp(logits).sum()
    for row in each["top"]:
        assert row["logit"] == pytest.approx(logits[row["class"]], rel=1e-4)
        assert row["share"] == pytest.approx(shares[row["class"]], rel=1e-4)
    assert told["network"] == {
        "architecture": "mobilenet_v2", "width": 0.1, "classes": 7, "naming": "torchvision",
        "conventions": "torchvision", "folded": False,
    }  # fmt: skip
    assert told["pictures"] == {"resolution": [32, 64], "resize": "crop", "scaling": "imagenet"}


def test_several_pictures_are_told_in_words(capsys):
    write_weights(mobilenet_v1(0.25, 3))
    Image.fromarray(PIXELS).convert("L").save("grey.png")
    assert cli.main(["predict", "picture.png", "grey.png", "--weights", "weights.npz", "--resolution", "32"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[:2] == [
        "MobileNetV1, width 0.25, 3 classes; keras's names, keras's conventions",
        "pictures: stretched to 32×32, from −1 to 1",
    ]
    assert lines[2:4] == ["", "picture.png: 40×30"]
    assert lines[4].split() == ["class", "share", "logit"]
    assert lines[9] == "grey.png: 40×30, from L"
    assert len(lines) == 14


@pytest.mark.parametrize(
    ("build", "naming", "words", "resize", "scaling"),
    [
        (mobilenet_v2, "keras", [], "stretch", "minus-one-to-one"),
        (mobilenet_v2, "torchvision", [], "crop", "imagenet"),
        (mobilenet_v2, "timm", [], "crop", "imagenet"),
        (mobilenet_v1, "timm", [], "crop", "minus-one-to-one"),
        (mobilenet_v2, "timm", ["--conventions", "keras"], "crop", "minus-one-to-one"),
        (mobilenet_v2, "transformers", [], "crop", "minus-one-to-one"),
        (mobilenet_v1, "slim", [], "crop", "minus-one-to-one"),
        (mobilenet_v2, "keras", ["--resize", "crop", "--scaling", "zero-to-one"], "crop", "zero-to-one"),
    ],
)
def test_resizing_and_scaling_are_the_family_s_unless_told(build, naming, words, resize, scaling, capsys):
    own = "keras" if naming in ("transformers", "slim") else naming
    write_weights(build(0.1, 3, conventions=own), naming)
    told = predicted(capsys, "--resolution", "32", *words)
    assert told["pictures"] == {"resolution": [32, 32], "resize": resize, "scaling": scaling}
    assert told["network"]["naming"] == naming
    assert told["network"]["conventions"] == ("keras" if "keras" in words else own)


def test_the_side_is_224_or_what_keras_names_the_network_by(capsys):
    model = write_weights(mobilenet_v1(0.1, 3))
    assert predicted(capsys)["pictures"]["resolution"] == [224, 224]
    named = {f"mobilenet_0.10_64/{name}": a for name, a in export_weights(model).items()}
    np.savez("weights.npz", **named)
    assert predicted(capsys)["pictures"]["resolution"] == [64, 64]
    assert predict._resolution({"a/mobilenetv2_1.00_160/b": 0, "mobilenetv2_1.00_160/c": 0, "d_200": 0}) == 160
    assert predict._resolution({"mobilenetv2_1.00_160/b": 0, "mobilenetv2_1.00_192/b": 0}) == 224


@pytest.mark.parametrize("build", [mobilenet_v1, mobilenet_v2, lambda *given: mobilenet_v3("small", *given)])
def test_the_width_is_told(build, capsys):
    for width in (0.35, 1.0):
        assert predict._width(build(width, 3)) == width
    assert predict._width(build(0.61, 3)) is None


def test_names_of_every_form(tmp_path, capsys):
    write_weights(mobilenet_v1(0.1, 3))
    contents = ["cat\ndog\neel\n", '["cat", "dog", "eel"]', '{"0": "cat", "2": "eel", "1": "dog"}',
                '{"0": ["n1", "cat"], "1": ["n2", "dog"], "2": ["n3", "eel"]}', "\ufeffcat\r\ndog\r\neel"]  # fmt: skip
    for content in contents:
        (tmp_path / "names").write_text(content, encoding="utf-8")
        assert predict._names("names", 3) == ["cat", "dog", "eel"]
    rows = predicted(capsys, "--resolution", "32", "--names", "names")["predictions"][0]["top"]
    assert {row["class"]: row["name"] for row in rows} == {0: "cat", 1: "dog", 2: "eel"}
    line = ["predict", "picture.png", "--weights", "weights.npz", "--resolution", "32"]
    assert cli.main([*line, "--names", "names"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[4].split() == ["class", "share", "logit", "name"]
    assert {row.split()[-1] for row in printed[5:]} == {"cat", "dog", "eel"}


def test_of_1001_classes_the_background_needs_no_name(tmp_path, capsys):
    write_weights(mobilenet_v1(0.1, 1001), "slim")
    names = [f"name {i}" for i in range(1, 1001)]
    for content in (names, ["background", *names]):
        (tmp_path / "names").write_text("\n".join(content), encoding="utf-8")
        assert predict._names("names", 1001) == ["background", *names]
    assert cli.main(["predict", "picture.png", "--weights", "weights.npz", "--resolution", "32"]) == 0
    assert "1,001 classes, of which 0 is the background;" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("cat\ndog\n", "--names must have 3 names, as many as there are classes; got 2"),
        ("cat\ndog\neel\n\n", "--names must have 3 names, as many as there are classes; got 4"),
        ('["cat", "dog", 3]', "--names must be a JSON list of names, or an object from numbers to names"),
        ('{"0": "cat", "1": "dog", "3": "eel"}', "--names must have the numbers of classes as keys, from 0 to 2"),
        ('{"0": "cat", "1": "dog", "1": "eel"}', "'1' stands in it twice"),
        ('["cat"', "Expecting ',' delimiter"),
        ("caf\udce9", "--names must be a file in UTF-8; got"),
    ],
)
def test_names_that_fit_no_classes_are_refused(content, words, tmp_path):
    (tmp_path / "names").write_bytes(content.encode(errors="surrogateescape"))
    with pytest.raises(ValueError, match="^" + re.escape(words)):
        predict._names("names", 3)


def test_names_that_fit_no_classes_are_said(tmp_path, capsys):
    write_weights(mobilenet_v1(0.1, 3))
    (tmp_path / "names").write_text("cat\ndog\n")
    said = error(capsys, "--resolution", "32", "--names", "names")
    assert said == "--names must have 3 names, as many as there are classes; got 2"


def test_a_head_is_taken_by_its_name_or_said(capsys):
    model = write_weights(mobilenet_v1(0.1, 3))
    arrays = {name: a for name, a in export_weights(model).items() if not name.startswith("conv_preds")}
    np.savez("weights.npz", **arrays)
    assert error(capsys) == "weights.npz has no classifier, so that there are no classes"
    inputs = model.params["classifier.kernel"].shape[0]
    np.savez("weights.npz", **arrays, **{"dense/kernel": np.ones((inputs, 4)), "dense_1/kernel": np.ones((4, 2))})
    words = f"arrays must have a classifier of one layer with {inputs} inputs; got another head"
    assert error(capsys) == f"{words}, dense/kernel ({inputs}, 4), dense_1/kernel (4, 2)"  # from which no option helps
    told = predicted(capsys, "--classifier", "dense", "--resolution", "32")
    assert told["network"]["classes"] == 4
    assert [row["class"] for row in told["predictions"][0]["top"]] == [0, 1, 2, 3]
    np.savez("weights.npz", **arrays, **{"age/kernel": np.ones((inputs, 9)), "sex/kernel": np.ones((inputs, 2))})
    options = "; take --classifier age or --classifier sex"
    assert error(capsys) == f"{words}, age/kernel ({inputs}, 9), sex/kernel ({inputs}, 2){options}"
    assert predicted(capsys, "--classifier", "sex", "--resolution", "32")["network"]["classes"] == 2


def test_weights_of_nothing_known_are_said(tmp_path, capsys):
    np.savez("weights.npz", a=np.ones((2, 2)))
    assert error(capsys).startswith("arrays must be a MobileNet's; got 1, such as a; ")
    (tmp_path / "weights.npz").write_bytes(b"<html>")
    assert error(capsys) == "weights.npz: it is a web page"


def test_a_library_that_is_missing_is_one_line(tmp_path, capsys, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    (tmp_path / "weights.npz").write_bytes(b"\x89HDF\r\n\x1a\n")
    assert error(capsys) == "weights.npz needs h5py: pip install h5py"


def test_pictures_of_every_kind_become_rgb(tmp_path):
    image = Image.fromarray(PIXELS)
    for mode, notes in {"L": "from L", "RGBA": "from RGBA", "CMYK": "from CMYK", "P": "from P", "1": "from 1"}.items():
        kind = "tiff" if mode == "CMYK" else "png"
        image.convert(mode).save(f"a.{kind}")
        read = read_picture(f"a.{kind}")
        assert (read.image.mode, read.notes[:2]) == ("RGB", ["40×30", notes])
        assert (mode == "RGBA") == ("transparency dropped" in read.notes)
    np.testing.assert_array_equal(read_picture("picture.png").image, PIXELS)
    assert read_picture("picture.png").notes == ["40×30"]


def test_a_palette_s_transparency_gives_no_warning():
    palette = Image.fromarray(PIXELS).convert("P")
    palette.save("a.png", transparency=bytes(range(256)))
    assert read_picture("a.png").notes == ["40×30", "from P", "transparency dropped"]


def test_a_picture_is_turned_as_its_exif_data_say():
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned by a quarter
    Image.fromarray(PIXELS).save("a.png", exif=exif)
    read = read_picture("a.png")
    assert read.notes == ["30×40", "turned as its EXIF data say"]
    np.testing.assert_array_equal(read.image, np.rot90(PIXELS, -1))


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"", "a.png is no picture that Pillow reads"), (b"text", "a.png is no picture that Pillow reads")],
)
def test_what_is_no_picture_is_said(content, words, tmp_path):
    (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(ValueError, match=words):
        read_picture("a.png")


def test_pictures_that_cannot_be_taken_are_said(tmp_path, monkeypatch):
    whole = (tmp_path / "picture.png").read_bytes()
    (tmp_path / "a.png").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match=r"a.png is damaged: "):
        read_picture("a.png")
    Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257).save("a.png")
    with pytest.raises(ValueError, match=r"a.png must have 8 bits a channel; got Pillow's mode I"):
        read_picture("a.png")
    Image.new("RGB", (21, 1)).save("a.png")
    with pytest.raises(ValueError, match=r"a.png must be at most 20 times as long as wide; got 21×1"):
        read_picture("a.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    with pytest.raises(ValueError, match=r"picture.png has too many pixels: "):
        read_picture("picture.png")


def test_scalings_are_as_they_are_called():
    image = Image.fromarray(PIXELS)
    x = PIXELS[np.newaxis] / 255
    mean, deviation = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])
    expected = {"imagenet": (x - mean) / deviation, "minus-one-to-one": 2 * x - 1, "zero-to-one": x, "none": 255 * x}
    assert expected.keys() == SCALINGS.keys()
    for scaling, values in expected.items():
        got = as_input(image, (30, 40), "stretch", scaling)
        assert got.dtype == np.float32
        np.testing.assert_allclose(got, values, rtol=1e-5, atol=1e-5)


def test_pictures_are_resized_bilinearly():
    image = Image.fromarray(PIXELS)
    got = as_input(image, (20, 14), "stretch", "none")[0]
    np.testing.assert_allclose(got, image.resize((14, 20), Image.Resampling.BILINEAR), rtol=1e-6)


@pytest.mark.parametrize("turned", [False, True])
def test_the_middle_is_cut_out_of_a_picture_that_covers_a_seventh_more(turned):
    """A picture of 96 by 64, whose middle 56 by 56 is white, becomes 48 by 32, and the middle 28 by 28 is white."""
    pixels = np.zeros((64, 96, 3), np.uint8)
    pixels[4:60, 20:76] = 255
    x = as_input(Image.fromarray(pixels.transpose(1, 0, 2) if turned else pixels), (28, 28), "crop", "zero-to-one")[0]
    assert x.shape == (28, 28, 3)
    assert x[1:-1, 1:-1].min() > 0.99
    x = as_input(Image.fromarray(pixels), (32, 48), "stretch", "zero-to-one")[0]
    assert x[3:29, 11:37].min() > 0.99
    assert x[0].max() == 0

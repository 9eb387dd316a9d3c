"""What ships as data is found, read and refused as it should be."""

import json

import numpy as np
import pytest

import npconv.data.stored
from npconv.data import load_digits, load_photograph, path, read_arrays, read_json, synthetic_picture


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(npconv.data.stored, "FOLDER", tmp_path)
    return tmp_path


def test_every_digit_is_there_with_its_label():
    images, labels = load_digits()
    assert (images.shape, images.dtype, labels.shape) == ((1797, 8, 8), np.uint8, (1797,))
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (images.min(), images.max(), int(images.sum())) == (0, 16, 561_718)


def test_the_digits_source_and_licence_ship_with_them():
    words = path("README.md").read_text(encoding="utf-8")
    for needed in ("optdigits.npz", "10.24432/C50P49", "CC BY 4.0", "Alpaydin", "Kaynak", "Hopper"):
        assert needed in words


def test_a_json_file_is_read(folder):
    (folder / "curves.json").write_text(json.dumps({"Dᵤ": [1, 2.5]}), encoding="utf-8")
    assert read_json("curves.json") == {"Dᵤ": [1, 2.5]}


def test_an_npz_file_is_read(folder):
    np.savez(folder / "weights.npz", kernel=np.arange(6.0).reshape(2, 3))
    np.testing.assert_array_equal(read_arrays("weights.npz")["kernel"], np.arange(6.0).reshape(2, 3))


@pytest.mark.parametrize("read", [path, read_json, read_arrays])
def test_a_missing_file_is_told_with_those_that_there_are(folder, read):
    (folder / "there.json").write_text("{}")
    with pytest.raises(FileNotFoundError, match=r"'gone\.json'.*there\.json"):
        read("gone.json")


@pytest.mark.parametrize("name", ["", ".", "..", "../cli.py", "/etc/hostname", "a/b.json"])
def test_no_name_leads_out_of_the_folder(name):
    with pytest.raises(ValueError, match="name must be a file's name"):
        path(name)


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe{}", b""])
def test_what_is_no_json_is_refused(folder, content):
    (folder / "bad.json").write_bytes(content)
    with pytest.raises(ValueError, match=r"bad\.json is not JSON"):
        read_json("bad.json")


def test_pickled_arrays_are_refused(folder):
    np.savez(folder / "bad.npz", a=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match=r"bad\.npz"):
        read_arrays("bad.npz")


def test_a_missing_photograph_is_replaced_and_told():
    photograph = load_photograph("no such file")
    assert photograph.synthetic
    assert "synthetic" in photograph.source
    np.testing.assert_array_equal(photograph.pixels, synthetic_picture())

"""The manifest through several writings, and what may not go into a file."""

import json
import threading

import numpy as np
import pytest

from npconv.figures import BUILDERS, Figure, write_figures
from npconv.figures.files import data_text


def test_writing_one_figure_keeps_the_others_in_the_manifest(tmp_path):
    first, second = BUILDERS["standard-convolution"](), BUILDERS["per-channel-view"]()
    paths = write_figures([first], tmp_path)
    names = ["standard-convolution.svg", "standard-convolution.json", "manifest.json"]
    assert paths == [tmp_path / name for name in names]
    write_figures([second], tmp_path)
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert list(manifest["figures"]) == ["per-channel-view", "standard-convolution"]


def test_a_manifest_that_is_none_is_refused_and_stays(tmp_path):
    for text in ("[]", "{}", '{"figures": [1]}', '{"figures": {"a": 3}}', '{"figures": NaN}', "[" * 100_000):
        (tmp_path / "manifest.json").write_text(text)
        with pytest.raises(ValueError, match="is no manifest of figures"):
            write_figures([], tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
        assert (tmp_path / "manifest.json").read_text() == text


def test_who_writes_into_a_folder_waits_for_another_who_does(tmp_path, monkeypatch):
    seen = []
    other = threading.Thread(target=write_figures, args=([], tmp_path), kwargs={"animations": {"other": b"GIF"}})

    def begin_the_other(figure):
        other.start()
        other.join(0.3)
        seen.append(other.is_alive())
        return "{}"

    monkeypatch.setattr("npconv.figures.files.data_text", begin_the_other)
    write_figures([BUILDERS["standard-convolution"]()], tmp_path)
    other.join(30)
    assert seen == [True]
    manifest = json.loads((tmp_path / "manifest.json").read_text(encoding="utf-8"))
    assert list(manifest["figures"]) == ["other", "standard-convolution"]


def test_a_number_that_is_not_finite_is_no_plain_data():
    figure = BUILDERS["standard-convolution"]().figure
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_text(Figure("f", figure, {"number": np.nan}, "", ""))

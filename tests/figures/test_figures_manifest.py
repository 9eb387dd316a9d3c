"""The manifest through several writings, and what may not go into a file."""

import json

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
    (tmp_path / "manifest.json").write_text("[]")
    with pytest.raises(ValueError, match="is no manifest of figures"):
        write_figures([], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["manifest.json"]
    assert (tmp_path / "manifest.json").read_text() == "[]"


def test_a_number_that_is_not_finite_is_no_plain_data():
    figure = BUILDERS["standard-convolution"]().figure
    with pytest.raises(ValueError, match="not JSON compliant"):
        data_text(Figure("f", figure, {"number": np.nan}, "", ""))

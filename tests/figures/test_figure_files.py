"""Figures as files: whole, described, hashed, and the same bytes from two processes."""

import hashlib
import json
import os
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from collections.abc import Callable
from pathlib import Path

import matplotlib
import pytest
from matplotlib.image import imread

import npconv.figures
from npconv.figures import ANIMATIONS, BUILDERS, Figure, write_figures


@pytest.fixture(scope="module")
def figures(default: Callable[[str], Figure]) -> list[Figure]:
    return [default(name) for name in BUILDERS]


PROGRAM = """
import matplotlib, sys
matplotlib.rcParams["font.size"] = 14  # the caller's own settings change nothing
from npconv.figures import BUILDERS, write_figures
figures = [build() for build in list(BUILDERS.values())[:: int(sys.argv[2])]]
for figure in figures:
    figure.figure.draw_without_rendering()  # nor does what was drawn before
write_figures(figures, sys.argv[1])
"""

DRAWN = os.environ.get("NPCONV_DRAWN")  # where another process drew all figures with the same libraries, if one did


@pytest.fixture(scope="module")
def folder(figures: list[Figure], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("figures")
    write_figures(figures, folder)
    return folder


def test_builders_have_their_figures_names(figures: list[Figure]) -> None:
    assert [figure.name for figure in figures] == list(BUILDERS)
    for name, build in (*BUILDERS.items(), *((f"{name}-frames", frames) for name, frames in ANIMATIONS.items())):
        assert getattr(npconv.figures, name.replace("-", "_")) is build
        assert build.__name__ == name.replace("-", "_")
    assert {"standard-convolution", "per-channel-view", "cost-ratio"} <= set(BUILDERS)


def test_the_old_names_of_four_builders_still_are_theirs() -> None:
    for name in ("cost-by-layer", "cost-ratio", "linear-bottleneck-training", "mobilenet-v2-table"):
        assert getattr(npconv.figures, f"{name.replace('-', '_')}_figure") is BUILDERS[name]


def test_another_process_writes_the_same_bytes(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    every = 9 if DRAWN else 2
    with subprocess.Popen([sys.executable, "-c", PROGRAM, str(tmp_path), str(every)]) as process:
        try:
            folder: Path = request.getfixturevalue("folder")  # it is written here at the same time
            assert process.wait(timeout=300) == 0
        finally:
            process.kill()
    check_alike(tmp_path, folder, list(BUILDERS)[::every])
    if DRAWN:
        check_alike(Path(DRAWN), folder, list(BUILDERS))


def check_alike(drawn: Path, folder: Path, names: list[str]) -> None:
    """Both folders have the same bytes of these figures, and the first no other figures."""
    written = {path.name for path in drawn.iterdir()} - {"manifest.json"}
    assert {name.partition(".")[0] for name in written} == set(names)
    assert len(written) == 2 * len(names)
    for name in sorted(written):
        assert (drawn / name).read_bytes() == (folder / name).read_bytes(), name


def test_the_manifest_has_every_file(figures: list[Figure], folder: Path) -> None:
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))["figures"]
    hashes = {file: digest for files in manifest.values() for file, digest in files.items()}
    written = {path.name for path in folder.iterdir()} - {"manifest.json"}
    assert written == set(hashes) == {f"{f.name}.{end}" for f in figures for end in (f.format, "json")}
    for file, digest in hashes.items():
        assert hashlib.sha256((folder / file).read_bytes()).hexdigest() == digest


def test_the_json_has_the_numbers_and_the_words(figures: list[Figure], folder: Path) -> None:
    for figure in figures:
        entries = json.loads((folder / f"{figure.name}.json").read_text(encoding="utf-8"))
        assert entries == {"name": figure.name, "caption": figure.caption, "alt": figure.alt, **figure.data}


def test_pictures_describe_themselves(figures: list[Figure], folder: Path) -> None:
    for figure in figures:
        path = folder / f"{figure.name}.{figure.format}"
        if figure.format == "svg":
            root = ElementTree.parse(path).getroot()
            assert root.get("role") == "img"
            background = root.find(".//{*}g[@id='patch_1']/{*}path")
            assert background is not None
            assert background.get("style") == "fill: #ffffff"  # so that it can be read on a dark page
            assert root.findtext("{http://www.w3.org/2000/svg}title") == figure.name
            assert root.findtext("{http://www.w3.org/2000/svg}desc") == figure.alt
            assert "<dc:date>" not in path.read_text(encoding="utf-8")
        else:
            assert imread(path).shape[1] in range(9 * 160, 9 * 200 + 1)
            assert imread(path)[..., 3].min() == 1
            assert b"Software" not in path.read_bytes()
            assert b"Description" in path.read_bytes()


def test_the_callers_settings_stay(tmp_path: Path) -> None:
    with matplotlib.rc_context({"font.size": 13.0}):
        before = dict(matplotlib.rcParams)
        write_figures([BUILDERS["standard-convolution"]()], tmp_path)
        assert dict(matplotlib.rcParams) == before


def test_a_name_comes_once(figures: list[Figure], tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"write_figures: .*twice"):
        write_figures([figures[0], figures[0]], tmp_path)


def test_captions_and_alt_texts_are_sentences(figures: list[Figure]) -> None:
    for figure in figures:
        assert figure.alt.endswith(".")
        assert figure.caption.endswith(".")
        assert "Not shown" in figure.caption

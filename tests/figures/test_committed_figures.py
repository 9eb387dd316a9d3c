"""The folder figures/ holds what the builders draw now, and the docs show it in the figures' own words."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from npconv.data import load_photograph
from npconv.figures import ANIMATIONS, BUILDERS, Figure

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "figures"
GALLERY = ROOT / "docs" / "figures.md"


def committed(name: str) -> dict[str, Any]:
    entries: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return entries


def compare(now: Any, then: Any, where: str) -> None:
    """Integers and texts exactly, floats nearly."""
    assert type(now) is type(then), where
    if isinstance(now, dict):
        assert list(now) == list(then), where
        for key in now:
            compare(now[key], then[key], f"{where}, {key}")
    elif isinstance(now, list):
        assert len(now) == len(then), where
        for index, (one, other) in enumerate(zip(now, then, strict=True)):
            compare(one, other, f"{where}[{index}]")
    elif isinstance(now, float):
        assert now == pytest.approx(then, rel=1e-6, abs=1e-12), where
    else:
        assert now == then, where


@pytest.mark.parametrize("name", BUILDERS)
def test_committed_numbers_are_what_is_computed_now(name: str, default: Callable[[str], Figure]) -> None:
    if "photograph" in committed(name) and load_photograph().synthetic:
        pytest.skip("matplotlib's photograph, which is in the committed figure, is missing here")
    figure = default(name)
    now = json.loads(json.dumps({"name": figure.name, "caption": figure.caption, "alt": figure.alt, **figure.data}))
    compare(now, committed(name), name)


def test_a_stale_number_is_noticed() -> None:
    compare({"a": [1, 0.5]}, {"a": [1, 0.5 + 1e-9]}, "figure")
    for stale in ({"a": [2, 0.5]}, {"a": [1, 0.5001]}, {"a": [1]}, {"a": [1, 0.5], "b": 1}, {"a": [1.0, 0.5]}):
        with pytest.raises(AssertionError, match="figure"):
            compare({"a": [1, 0.5]}, stale, "figure")


def test_the_folder_holds_every_figure_and_nothing_else() -> None:
    manifest = json.loads((FOLDER / "manifest.json").read_text(encoding="utf-8"))["figures"]
    assert set(manifest) == set(BUILDERS)
    hashes = {file: digest for files in manifest.values() for file, digest in files.items()}
    assert {path.name for path in FOLDER.iterdir()} == {*hashes, "manifest.json"}
    assert {f"{name}.gif" for name in ANIMATIONS} <= set(hashes)
    for file, digest in hashes.items():
        assert hashlib.sha256((FOLDER / file).read_bytes()).hexdigest() == digest, file


@pytest.mark.parametrize("name", BUILDERS)
def test_the_docs_show_it_with_its_alt_text_and_caption(name: str) -> None:
    page = GALLERY.read_text(encoding="utf-8")
    figure = committed(name)
    pictures = [path.name for path in FOLDER.glob(f"{name}.*") if path.suffix in (".svg", ".png")]
    assert len(pictures) == 1
    assert f"![{figure['alt']}](../figures/{pictures[0]})" in page
    assert figure["caption"] in page


def test_pictures_elsewhere_in_the_docs_have_their_own_alt_text() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").rglob("*.md")):
        for line in page.read_text(encoding="utf-8").splitlines():
            if line.startswith("!["):
                alt, target = line[2:].removesuffix(")").rsplit("](", 1)
                path = (page.parent / target).resolve()
                assert path.exists(), target
                if path.suffix != ".gif":
                    assert alt == committed(path.stem)["alt"], (page.name, target)

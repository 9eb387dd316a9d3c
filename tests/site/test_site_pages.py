"""The pages of the built site: all docs and public names are there, links lead somewhere, and nothing is fetched."""

import importlib
import json
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from built import page, pages, target
from public import names_of

from npconv.course.lessons import LESSONS, as_notebook
from npconv.course.page import page_html
from npconv.course.steps import stepper
from npconv.site.api import PARTS
from npconv.site.dark import dark_svg

ROOT = Path(__file__).parents[2]
DOCS = sorted(path.relative_to(ROOT / "docs").with_suffix(".html").as_posix() for path in (ROOT / "docs").rglob("*.md"))
HELPERS = {"claims_in", "markdown_table", "Parser", "progress_line", "spelled_out"}  # which a part uses itself
NOT_OFFERED_ALONE = {"kernels", "__main__"}  # npconv offers the kernels


def test_each_page_of_the_docs_is_in_the_contents_of_every_page(site):
    wanted = {*DOCS, "index.html", "contributing.html", "changelog.html", "api/index.html", "api/kernels.html"}
    for here in ("index.html", "lessons/backward.html", "api/cost.html", "source/npconv/text.py.html"):
        found = {target(site / here, address)[0] for address in page(site / here).links if target(site / here, address)}
        missing = {name for name in wanted if (site / name).resolve() not in found}
        assert missing <= {"index.html", here}, (here, missing)


def offered(part):
    """The functions and classes that a module offers: those of its `__all__`, or its own, or its submodules'."""
    module = importlib.import_module(part)
    for name in names_of(module):
        value = getattr(module, name)
        own = hasattr(module, "__all__") or f"{getattr(value, '__module__', '')}.".startswith(f"{part}.")
        if own and callable(value) and value.__name__ == name and name not in HELPERS:  # and no second name
            yield name


def test_every_part_of_the_architecture_is_in_the_reference():
    table = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8").split("| part | content |")[1]
    names = re.findall(r"`(\w+)`", "".join(re.findall(r"(?m)^\| (`.*?) \|", table.split("\n\n")[0])))
    assert len(names) > 15
    parts = {part.split(".")[1] if "." in part else part for part in PARTS} | NOT_OFFERED_ALONE
    assert set(names) <= parts


@pytest.mark.parametrize("part", PARTS)
def test_every_public_name_has_its_entry_in_the_reference(part, site):
    name = "kernels" if part == "npconv" else part.removeprefix("npconv.")
    assert page(site / "api" / f"{name}.html").text.strip()
    entries = set().union(*(page(path).anchors for path in (site / "api").rglob("*.html")))
    assert {f"{part}.{name}" for name in offered(part)} <= entries


def test_signatures_are_as_written_and_lead_to_the_types(site):
    kernel, layers = page(site / "api/kernels/standard.html"), page(site / "api/layers.html")
    assert "geometry.html#npconv.Padding" in kernel.links
    assert "kernels/geometry.html#npconv.Pair" in layers.links
    assert "#npconv.layers.Sequential" in layers.links
    assert "dtype: Any = np.float32" in " ".join(layers.text.split())
    assert not re.search(r"ndarray\[|~|<factory>|0x[0-9a-f]{6}", kernel.text + layers.text)


def test_the_words_before_a_colon_are_no_type(site):
    texts = {path.stem: page(path).text for path in (site / "api").rglob("*.html")}
    assert [name for name, text in texts.items() if "Type:" in text] == []
    assert "torch's momentum is the other share: its 0.1 is 0.9 here." in texts["layers"]


def test_every_link_leads_to_a_page_and_an_anchor_that_exist(site):
    broken = []
    for path in pages(site):
        for address in page(path).links:
            found = target(path, address)
            if found is None or path.name == "search.html":
                continue
            file, anchor = found
            if not file.is_file() or (anchor and file.suffix == ".html" and anchor not in page(file).anchors):
                broken.append((path.relative_to(site).as_posix(), address))
    assert not broken


def test_addresses_elsewhere_are_well_formed(site):
    outside = {address for path in pages(site) for address in page(path).links if target(path, address) is None}
    assert outside
    for address in outside:
        assert re.fullmatch(r"https?://[\w.-]+\.[a-z]{2,}(/[\w./%~:?=&#+,()-]*)?", address), address


def test_nothing_on_a_page_is_fetched_from_elsewhere(site):
    for path in pages(site):
        for address in page(path).loaded:
            assert not urlsplit(address).netloc, (path, address)
            if not address.startswith("data:"):
                assert target(path, address)[0].is_file(), (path, address)
    for path in [*site.rglob("*.css"), *site.rglob("*.js")]:
        text = path.read_text(encoding="utf-8")
        fetched = re.findall(r"""(?:url\(|@import\s|import\(|fetch\(|from\s)\s*["']?(https?:)?//[\w.-]+""", text)
        assert not fetched, path


def test_the_steppers_are_those_of_the_commands(site):
    frames = {
        (path.relative_to(site).as_posix(), given["src"].rpartition("/")[2])
        for path in pages(site)
        for tag, given in page(path).tags
        if tag == "iframe"
    }
    for here, name in (
        ("lessons/standard-convolution.html", "standard.html"),
        ("lessons/backward.html", "backward.html"),
        ("lessons/separable-convolution.html", "groups.html"),
        ("lessons/detection.html", "suppression.html"),
        ("teaching.html", "standard-input-4-5-2-kernel-3-2-stride-2-1.html"),
        ("stepping.html", "resize-input-3-4-1-size-5-6-align-corners.html"),
    ):
        assert (here, name) in frames
    made = stepper("standard", x=(1, 4, 5, 2), kernel=(3, 2), stride=(2, 1))
    command = "npconv step standard --input 4 5 2 --kernel 3 2 --stride 2 1"
    written = (site / "steppers" / "standard-input-4-5-2-kernel-3-2-stride-2-1.html").read_text(encoding="utf-8")
    assert written == page_html(made, command=command)
    assert {name for _, name in frames} == {path.name for path in (site / "steppers").iterdir()}
    for path in pages(site):
        for tag, given in page(path).tags:
            if tag == "iframe":
                assert given["loading"] == "lazy"
                assert given["title"]
                assert given["src"] in page(path).links  # to be opened alone


def test_each_figure_has_one_for_dark_pages_beside_it(site):
    shown = {path: [given for tag, given in page(path).tags if tag == "img"] for path in pages(site)}
    assert sum(map(len, shown.values())) > 60
    for path, images in shown.items():
        for image in images:
            assert image["alt"], (path, image)
            if image["src"].endswith("-dark.svg"):
                light = next(each for each in images if each["src"] == image["src"].replace("-dark.svg", ".svg"))
                assert (image["class"], light["class"]) == ("only-dark", "only-light")
                assert image["loading"] == light["loading"] == "lazy"
                text = target(path, light["src"])[0].read_text(encoding="utf-8")
                assert target(path, image["src"])[0].read_text(encoding="utf-8") == dark_svg(text)
            elif image["src"].endswith(".svg"):
                assert image["src"].replace(".svg", "-dark.svg") in {each["src"] for each in images}, (path, image)


@pytest.mark.parametrize("name", LESSONS)
def test_a_lesson_links_its_notebook(name, site):
    assert f"../notebooks/{name}.ipynb" in page(site / "lessons" / f"{name}.html").links
    assert (site / "notebooks" / f"{name}.ipynb").read_text(encoding="utf-8") == as_notebook(name)


def test_a_link_to_a_line_leads_to_that_line(site):
    addresses = {address for path in pages(site) for address in page(path).links}
    assert sum(bool(re.search(r"source/npconv/.*#L\d+$", each)) for each in addresses) > 400  # each public name's
    text = page(site / "source/npconv/kernels/standard.py.html").text
    source = (ROOT / "npconv/kernels/standard.py").read_text(encoding="utf-8").splitlines()
    for line in source[20:40]:
        assert line in text


def test_an_exercise_that_a_lesson_names_is_a_link_to_its_page(site):
    for lesson, name in (("standard-convolution", "standard-loops"), ("detection", "iou"), ("backward", "batch-norm")):
        assert f"../exercises/{name}.html" in page(site / "lessons" / f"{lesson}.html").links


def test_equations_are_mathml(site):
    for name in ("notation", "costs"):
        tags = [tag for tag, _ in page(site / f"{name}.html").tags]
        assert "math" in tags
        assert "mfrac" in tags or "munder" in tags or "msub" in tags


def test_no_page_has_a_path_of_the_machine(site):
    here = {str(ROOT), str(site.parent), sys.prefix}
    for path in site.rglob("*"):
        if path.suffix in (".html", ".js", ".css", ".json", ".ipynb", ".inv"):
            text = path.read_bytes().decode("utf-8", errors="replace")
            assert not [each for each in here if each in text], path


def test_pages_find_their_search_index(site):
    index = (site / "searchindex.js").read_text(encoding="utf-8")
    found = json.loads(index.removeprefix("Search.setIndex(").removesuffix(")"))
    assert {"lessons/backward", "api/cost", "notation"} <= set(found["docnames"])
    assert "im2col" in found["terms"]

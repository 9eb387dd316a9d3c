"""Every example in the docs and in the docstrings runs."""

import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest
from public import names_of

import npconv

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
GUIDES = [ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
MODULES = [
    module.name for module in pkgutil.walk_packages(npconv.__path__, "npconv.") if not module.name.endswith("__main__")
]
KERNELS = {name: getattr(npconv, name) for name in names_of(npconv)}


@pytest.mark.parametrize("name", MODULES)
def test_the_examples_of_the_docstrings_run(name):
    module = importlib.import_module(name)
    # examples are written for someone who did `from npconv import *`
    result = doctest.testmod(module, extraglobs={"np": np, "npconv": npconv, **KERNELS, **vars(module)})
    assert result.failed == 0


@pytest.mark.parametrize("name", names_of(npconv))
def test_every_kernel_has_an_example(name):
    if name.endswith("Stages"):
        return
    assert ">>> " in getattr(npconv, name).__doc__


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_code_blocks_of_the_docs_run(page, tmp_path, monkeypatch):
    """One page's ```python blocks run in order, in one namespace; a block with >>> in it as a doctest."""
    monkeypatch.chdir(tmp_path)
    namespace: dict = {}
    for block in re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), flags=re.DOTALL):
        if ">>> " in block:
            test = doctest.DocTestParser().get_doctest(block, namespace, page.name, str(page), 0)
            assert doctest.DocTestRunner().run(test, clear_globs=False).failed == 0
            namespace.update(test.globs)
        else:
            exec(compile(block, str(page), "exec"), namespace)


def sections(page: Path) -> dict[str, str]:
    """A page's sections by the anchors that GitHub gives their headings; the whole page under the empty one."""
    text = page.read_text(encoding="utf-8")
    headings = re.sub(r"(?ms)^```.*?^```$", lambda code: code[0].replace("\n#", "\n #"), text)  # a comment is none
    _, *parts = re.split(r"(?m)^#+ (.+)$", headings)
    anchors = [re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in parts[::2]]
    return {"": text, **dict(zip(anchors, parts[1::2], strict=True))}


def links(page: Path, text: str) -> list[tuple[Path, str]]:
    """The files that a text links to, and the anchors in them."""
    found = re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", text)
    return [(page.parent / file if file else page, anchor) for file, anchor in found if not file.startswith("http")]


@pytest.mark.parametrize("page", [*PAGES, *GUIDES], ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_links_of_the_docs_lead_somewhere(page):
    for target, anchor in links(page, page.read_text(encoding="utf-8")):
        assert target.exists(), target
        assert not anchor or anchor in sections(target), (target, anchor)


TABLE = sections(ROOT / "README.md")["from-the-article-to-the-code"]
_, *ROWS = re.findall(r"(?m)^\| (.+) \| (.+) \| (.+) \|$", TABLE)


@pytest.mark.parametrize(("idea", "explained", "code"), ROWS, ids=[idea for idea, *_ in ROWS])
def test_each_idea_of_the_article_is_a_link_away_and_its_code_as_well(idea, explained, code):
    names, explanation = re.findall(r"`(\w+)`", code), ""
    for page, anchor in links(ROOT / "README.md", explained):
        explanation += sections(page)[anchor]
    assert any(name in explanation for name in names)
    defined = "".join(file.read_text(encoding="utf-8") for file, _ in links(ROOT / "README.md", code))
    for name in names:
        assert re.search(rf"^(def |class )?{name}\b", defined, flags=re.M), name


@pytest.mark.parametrize(
    ("idea", "words", "name"),
    [
        ("vectorised", "patch.ravel() @ filter.ravel()", "conv2d_im2col"),
        ("ratio", "=  1/N + 1/Dᵣ²", "cost_ratio"),
        ("the shortcut's condition", "a stride of (1, 1) and k = k′", "has_shortcut"),
        ("the projection is linear", "So the projection is linear", "block_stages"),
        ("ReLU6's gradient", "passes dy where 0 < x < 6", "relu6_backward"),
        ("depthwise", "dtap += dy * kernel[i, j]", "depthwise_conv2d_backward_taps"),
    ],
)
def test_a_reader_who_knows_the_article_finds_what_it_says_behind_one_link(idea, words, name):
    found = [
        "".join(sections(page)[anchor] for page, anchor in links(ROOT / "README.md", explained))
        for article, explained, code in ROWS
        if idea in article and f"`{name}`" in code
    ]
    assert any(words in explanation for explanation in found)


def test_the_files_that_the_guides_name_exist():
    for guide in GUIDES:
        text = guide.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:npconv|tests|docs|figures|findings|\.ci)/[^`\s]*)`", text):
            assert "NAME" in name or (ROOT / name).exists(), (guide.name, name)


def test_the_docs_that_docstrings_name_exist():
    for path in (ROOT / "npconv").rglob("*.py"):
        for target in re.findall(r"docs/[a-z/_-]+\.md", path.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), (path.name, target)

"""Every example in the docs and in the docstrings runs."""

import ast
import contextlib
import doctest
import importlib
import pkgutil
import re
from pathlib import Path

import numpy as np
import pytest
from public import names_of
from write_outputs import BLANK, BLOCK, printed_by

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


def completed(block, answer, then):
    """A block with an answer in the place of its first blank and without the others, and then some more of code."""
    blanks, rest = {}, []
    for number, node in enumerate(block.body):
        if BLANK.search(ast.unparse(node)):
            blanks[number] = node
        else:
            rest.append((number, node))
    first = min(blanks)
    before, after = ([node for number, node in rest if (number < first) == early] for early in (True, False))
    return ast.unparse(ast.Module([*before, *answer.body, *ast.parse(then).body, *after], []))


def spoilt(value):
    """Another value of the same kind."""
    if callable(value):
        return lambda *arguments, **options: spoilt(value(*arguments, **options))
    if isinstance(value, np.ndarray):
        other = value.copy()
        other.flat[0] = spoilt(other.flat[0])
        return other
    if isinstance(value, tuple | list):
        return type(value)([spoilt(value[0]), *value[1:]])
    if isinstance(value, bool | np.bool_):
        return not value
    return value + ("?" if isinstance(value, str) else 1)


def names_in(module):
    """The names that a module's top level binds."""
    return {
        name.id for node in module.body for name in ast.walk(node)
        if isinstance(node, ast.Assign) and isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store)
    } | {node.name for node in module.body if isinstance(node, ast.FunctionDef)}  # fmt: skip


def try_blanks(code, answer, namespace):
    """Leave a block's blanks, fill them in, and spoil one after the other: `check` says which of the three was done."""
    said = printed_by(code, namespace).splitlines()
    assert said
    assert all(line.startswith("Not yet: ") for line in said)
    block, answers = ast.parse(code), ast.parse(answer)
    blanks = names_in(ast.Module([node for node in block.body if BLANK.search(ast.unparse(node))], []))
    assert blanks <= names_in(answers), f"{blanks} are asked for"
    assert printed_by(completed(block, answers, ""), {**namespace}).splitlines() == ["Right."] * len(said)
    for name in blanks:
        wrong = completed(block, answers, f"{name} = spoilt({name})")
        with contextlib.suppress(ValueError, IndexError):  # npconv or NumPy refuses it
            assert "Not right: " in printed_by(wrong, {**namespace, "spoilt": spoilt}), f"a wrong {name} is not noticed"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_the_code_blocks_of_the_docs_run(page, tmp_path, monkeypatch):
    """One page's ```python blocks run in order, in one namespace; a block with >>> in it as a doctest.

    A lesson's block prints the ```text block that follows it. One with a blank is followed by the answer.
    """
    monkeypatch.chdir(tmp_path)
    namespace: dict = {}
    for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
        code, answer = block["code"], block["answer"]
        if ">>> " in code:
            test = doctest.DocTestParser().get_doctest(code, namespace, page.name, str(page), 0)
            assert doctest.DocTestRunner().run(test, clear_globs=False).failed == 0
            namespace.update(test.globs)
        elif BLANK.search(code) or answer:
            try_blanks(code, answer, namespace)
        else:
            printed = printed_by(code, namespace)
            if page.parent.name == "lessons" or block["shown"]:
                assert printed == (block["shown"] or ""), f"run python tests/write_outputs.py: {code}"


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
        if target.suffix == ".py" and anchor:
            assert int(anchor.removeprefix("L")) <= len(target.read_text(encoding="utf-8").splitlines()), target
            continue
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


FORMULAS = {
    "Fig. 1: the shapes of a standard convolution": "N filters of Dᵣ×Dᵣ×M take a Dᵤ×Dᵤ×M volume to Dᵥ×Dᵥ×N",
    "Fig. 1: the size of the output": "Dᵥ = ⌊(Dᵤ + padding − δ(Dᵣ − 1) − 1) / s⌋ + 1",
    "Fig. 2: a value, over the depth": "y[b, v, w, n] = Σ_ijm x̃[b, v·s + i·δ, w·s + j·δ, m] · kernel[i, j, m, n]",
    "Fig. 2: a value, vectorised": "patch.ravel() @ filter.ravel()",
    "Fig. 3: a value, channel by channel": "Σ_ijm x̃ · kernel = Σ_m (Σ_ij x̃ · kernel)",
    "Fig. 4(b): the depthwise convolution": "= Σ_ij x̃[b, v·s + i·δ, w·s + j·δ, m] · kernel[i, j, m·Q + q]",
    "Fig. 4(c): the pointwise convolution": "y[b, v, w, n] = Σ_m x[b, v, w, m] · kernel[m, n]",
    "Fig. 5: the two costs of the example": "standard.multiplications, separable.multiplications) == (86_400, 10_275)",
    "the cost of a standard convolution": "Dᵥ² Dᵣ² M N",
    "the cost of a separable convolution": "Dᵥ² Dᵣ² M + Dᵥ² M N",
    "the ratio of the costs": "(Dᵥ² Dᵣ² M + Dᵥ² M N) / (Dᵥ² Dᵣ² M N) = 1/N + 1/Dᵣ²",
    "the ratio where N is large": "Where N is greater than Dᵣ², the ratio is about 1/Dᵣ²",
    "ReLU6": "min(max(x, 0), 6)",
    "Table 1: the expansion": "expand | 1×1 convolution, ReLU6 | h × w × tk",
    "Table 1: the depthwise convolution": "filter | 3×3 depthwise convolution of stride s, ReLU6 | h/s × w/s × tk",
    "Table 1: the projection": "project | 1×1 convolution, linear | h/s × w/s × k′",
    "Figs. 7 and 8: the shortcut": "If s = 1 and k = k′, the input is added",
    "Fig. 8: the conventional block": "wide – narrow – narrow – wide",
    "Fig. 8: the inverted block": "narrow – wide – wide – narrow",
}
"""The formulas of the article, as the docs write them."""


def reached(hops: int) -> dict[tuple[Path, str], str]:
    """The sections so many links away from the README; a link without an anchor leads to the beginning of a page."""

    def landing(page: Path, anchor: str) -> str:
        _, first, *_ = sections(page).values()
        return sections(page)[anchor] if anchor else first

    found = {(ROOT / "README.md", anchor): text for anchor, text in sections(ROOT / "README.md").items() if anchor}
    new = dict(found)
    for _ in range(hops):
        targets = {
            (target.resolve(), anchor) for (page, _), text in new.items() for target, anchor in links(page, text)
        }
        pages = {(target, anchor) for target, anchor in targets - found.keys() if target.suffix == ".md"}
        new = {(page, anchor): landing(page, anchor) for page, anchor in pages}
        found |= new
    return found


WITHIN_TWO = reached(2)


def written(formula: str) -> str:
    """A formula without what pages may write otherwise: blanks and the dots of products."""
    return re.sub(r"[\s·]", "", formula)


@pytest.mark.parametrize("what", FORMULAS)
def test_a_formula_of_the_article_is_two_links_away_from_the_readme_at_most(what):
    assert any(written(FORMULAS[what]) in written(text) for text in WITHIN_TWO.values())


def test_the_files_that_the_guides_name_exist():
    for guide in GUIDES:
        text = guide.read_text(encoding="utf-8")
        for name in re.findall(r"`((?:npconv|tests|docs|figures|findings|\.ci)/[^`\s]*)`", text):
            assert "NAME" in name or (ROOT / name).exists(), (guide.name, name)


def test_the_docs_that_docstrings_name_exist():
    for path in (ROOT / "npconv").rglob("*.py"):
        for target in re.findall(r"docs/[a-z/_-]+\.md", path.read_text(encoding="utf-8")):
            assert (ROOT / target).exists(), (path.name, target)

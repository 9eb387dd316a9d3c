"""The article's claims, one test each: the verdict that computing it gives is the one that the docs give."""

import inspect
import pkgutil
import re
from pathlib import Path

import pytest

from npconv.claims import CLAIMS, as_markdown
from npconv.claims.table import ARCHITECTURE, INVERTED, OVERVIEW, SEPARABLE
from npconv.figures import BUILDERS

DOCS = Path(__file__).parents[1] / "docs"
FIGURES = (DOCS / "figures.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_claim(claim):
    found = claim.compute()
    assert found.verdict == claim.verdict, found.numbers
    assert all(found.numbers)


def test_each_claim_has_one_of_the_four_verdicts():
    assert all(
        claim.verdict in ("holds", "fails", "reported") or claim.verdict.startswith("holds if ") for claim in CLAIMS
    )
    assert len({claim.name for claim in CLAIMS}) == len(CLAIMS) >= 20


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.name)
def test_a_claim_is_carried_by_public_functions_that_it_uses(claim):
    assert claim.functions
    assert len(set(claim.functions)) == len(claim.functions)
    used = inspect.getsource(inspect.getmodule(claim.compute))
    for name in claim.functions:
        module, _, last = name.rpartition(".")
        assert callable(pkgutil.resolve_name(f"{module}:{last}"))
        assert not any(part.startswith("_") for part in name.split("."))
        assert last in getattr(pkgutil.resolve_name(module), "__all__", [last])
        assert re.search(rf"\b{last}\(|\b{last}[,)]", used), f"{name} is not used"


def test_a_claim_s_figures_are_on_the_figures_page():
    assert {name for claim in CLAIMS for name in claim.figures} <= set(BUILDERS)
    page = as_markdown(FIGURES)
    assert all(f"[{name}](figures.md#{name}-" in page for claim in CLAIMS for name in claim.figures)
    headings = re.findall(r"^#+ (.*)$", FIGURES, flags=re.MULTILINE)
    kept = "abcdefghijklmnopqrstuvwxyzᵣᵥ0123456789-_ "  # of a heading, in its anchor on the repository's page
    anchors = {"".join(c for c in heading.lower() if c in kept).replace(" ", "-") for heading in headings}
    assert set(re.findall(r"figures\.md#([^)]+)", page)) <= anchors


def test_the_docs_give_these_verdicts():
    page = (DOCS / "claims.md").read_text(encoding="utf-8")
    assert as_markdown(FIGURES) in page


def test_the_claims_stand_section_by_section_in_the_article_s_order():
    sections = [claim.section for claim in CLAIMS]
    assert sections == sorted(sections, key=[OVERVIEW, SEPARABLE, INVERTED, ARCHITECTURE].index)

"""The article's claims, one test each: the verdict that computing it gives is the one that the docs give."""

from pathlib import Path

import pytest

from npconv.claims import CLAIMS, as_markdown


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


def test_the_docs_give_these_verdicts():
    page = Path(__file__).parents[1] / "docs" / "claims.md"
    assert as_markdown() in page.read_text(encoding="utf-8")

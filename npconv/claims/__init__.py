"""The article's claims, each computed: what `npconv reproduce` prints and what tests/test_article.py asserts.

A claim's function computes it and returns its verdict with the numbers. Verdicts: "holds"; "holds if …", with the
condition; "fails", with the counter-example; "reported", a published measurement that nothing here can check. A claim
whose numbers are not finite is "not judged", which is never what the docs say.

The modules, and the claims in each of them, stand in the article's order; so does `CLAIMS`.
"""

from . import architecture, bottlenecks, costs, inverted, overview, separable, subspaces
from .table import Claim as Claim, Finding as Finding, markdown_table

_SECTIONS = (overview, separable, costs, subspaces, inverted, bottlenecks, architecture)

CLAIMS = tuple(each for module in _SECTIONS for each in vars(module).values() if isinstance(each, Claim))


def as_markdown(figures_page: str = "") -> str:
    """The claims, their verdicts and the functions and figures that carry them, as the table of docs/claims.md.

    A figure's name links to its heading in the figures' page, whose text this is given.

    >>> as_markdown().splitlines()[0]
    '| | the article says; the claim that tests it | verdict | functions and figures |'
    """
    return markdown_table(CLAIMS, figures_page)

"""The claims of the article and of its sources, each computed: what `npconv reproduce` prints and the tests assert.

A claim's function computes it and returns its verdict with the numbers. Verdicts: "holds"; "holds if …", with the
condition; "fails", with the counter-example; "reported", a published measurement that nothing here can check. A claim
whose numbers are not finite is "not judged", which is never what the docs say.

`CLAIMS` are the article's. Their modules, and the claims in each of them, stand in the article's order; those of the
other sources, which `of` gives, in their source's order.
"""

from ..kernels.arguments import one_of
from . import architecture, bottlenecks, costs, inverted, overview, separable, subspaces
from .bai import dilated, grouped, separable as bai_separable, standard, transposed
from .papers import ssd, v1, v2, v2_experiments, v3, v3_heads
from .table import Claim as Claim, Finding as Finding, claims_in, markdown_table

SOURCES = {
    "article": "the article",
    "bai": "K. Bai's article",
    "v1": "the paper",
    "v2": "the paper",
    "v3": "the paper",
    "ssd": "the paper",
}
"""The sources of claims by their names in `npconv reproduce --source`: what speaks in the tables of docs/claims.md."""

CLAIMS = claims_in(overview, separable, costs, subspaces, inverted, bottlenecks, architecture)

_OTHERS = {
    "bai": claims_in(standard, transposed, dilated, bai_separable, grouped),
    "v1": claims_in(v1),
    "v2": claims_in(v2, v2_experiments),
    "v3": claims_in(v3, v3_heads),
    "ssd": claims_in(ssd),
}


def of(source: str = "article") -> tuple[Claim, ...]:
    """The claims of a source: "article", "bai", or a paper, "v1", "v2", "v3" or "ssd"; otherwise a ValueError.

    >>> of("v1")[0].statement[:8]
    'Table 1:'
    """
    one_of("of", "source", source, tuple(SOURCES))
    return CLAIMS if source == "article" else _OTHERS[source]


def as_markdown(figures_page: str = "", source: str = "article") -> str:
    """The claims, their verdicts and the functions and figures that carry them, as the table of docs/claims.md.

    A figure's name links to its heading in the figures' page, whose text this is given. A source that is none is a
    ValueError.

    >>> as_markdown().splitlines()[0]
    '| | the article says; the claim that tests it | verdict | functions and figures |'
    """
    one_of("as_markdown", "source", source, tuple(SOURCES))
    return markdown_table(of(source), SOURCES[source], figures_page)

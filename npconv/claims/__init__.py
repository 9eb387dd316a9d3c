"""The article's claims, each computed: what `npconv reproduce` prints and what tests/test_article.py asserts.

A claim's function computes it and returns its verdict with the numbers. Verdicts: "holds"; "holds if …", with the
condition; "fails", with the counter-example; "reported", a published measurement that nothing here can check. A claim
whose numbers are not finite is "not judged", which is never what the docs say.

The modules, and the claims in each of them, stand in the article's order; so does `CLAIMS`.
"""

from . import architecture, bottlenecks, costs, inverted, overview, separable, subspaces
from .table import Claim as Claim, Finding as Finding, as_markdown as as_markdown

_SECTIONS = (overview, separable, costs, subspaces, inverted, bottlenecks, architecture)

CLAIMS = tuple(each for module in _SECTIONS for each in vars(module).values() if isinstance(each, Claim))

"""Numbers, sums of products and sizes in words, as the sentences of the steps have them."""

import re
from collections.abc import Callable, Sequence
from fractions import Fraction

from ...text import number_text
from .step import Index, Number, Product

MOST_TERMS = 9  # products in a sentence: those of a 3×3 filter still are heard as one line
FIRST_TERMS = 3  # of more products, how many are said
GAP = re.compile(r"\{(.*?)\}")  # in a sentence: a number's place, or {products}


def value_text(number: Number | Fraction) -> str:
    """A number as it is drawn, and a fraction as a fraction.

    >>> value_text(0.75), value_text(Fraction(-3, 4)), value_text(Fraction(6, 3))
    ('0.75', '−3/4', '2')
    """
    return str(number).replace("-", "−") if isinstance(number, Fraction) else number_text(number)


def factor_text(number: Number | Fraction) -> str:
    """A number as a factor or a summand, in brackets where it is negative.

    >>> factor_text(-3)
    '(−3)'
    """
    return value_text(number) if number >= 0 else f"({value_text(number)})"


def products_text(products: Sequence[Product]) -> str:
    """The sum of products written out, or of many the first few and how many there are.

    >>> products_text([(1, 2, 2), (0, -1, 0)])
    '1·2 + 0·(−1)'
    >>> products_text([(1, 2, 2)] * 27)
    '1·2 + 1·2 + 1·2 + … (27 products)'
    """
    shown = products if len(products) <= MOST_TERMS else products[:FIRST_TERMS]
    terms = [f"{factor_text(left)}·{factor_text(right)}" for left, right, _ in shown]
    if len(shown) < len(products):
        terms.append(f"… ({len(products)} products)")
    return " + ".join(terms)


def gap(panel: str, index: Index, *, factor: bool = False) -> str:
    """The gap in a sentence for the number of an entry, in brackets where it is a factor below 0.

    >>> gap("y", (0, 2, 1)), gap("x", (3,), factor=True)
    ('{y 0 2 1}', '{·x 3}')
    """
    return f"{{{'·' * factor}{' '.join(map(str, (panel, *index)))}}}"


def filled_gaps(template: str, value: Callable[[str, Index], Number], products: Sequence[Product]) -> str:
    """A sentence with its gaps filled: entries by their values, {products} by the sum written out.

    >>> filled_gaps("{y 0} = {products}, not {·y 0}", lambda panel, index: -2, [(1, -2, -2)])
    '−2 = 1·(−2), not (−2)'
    """

    def text(found: re.Match[str]) -> str:
        if found[1] == "products":
            return products_text(products)
        panel, *index = found[1].removeprefix("·").split()
        number = value(panel, tuple(map(int, index)))
        return factor_text(number) if found[1].startswith("·") else number_text(number)

    return GAP.sub(text, template)


def entry_text(name: str, index: Index, *, batch: bool = True) -> str:
    """An entry as the kernels' code names it, with the batch axis that panels leave out.

    >>> entry_text("y", (2, 3, 0)), entry_text("kernel", (0, 1), batch=False)
    ('y[0, 2, 3, 0]', 'kernel[0, 1]')
    """
    return f"{name}[{', '.join(map(str, (0, *index) if batch else index))}]"

"""Numbers, sums of products and sizes in words, as the sentences of the steps have them."""

from collections.abc import Sequence
from fractions import Fraction

from ...text import number_text
from .step import Index, Number, Product

MOST_TERMS = 9  # products in a sentence: those of a 3×3 filter still are heard as one line
FIRST_TERMS = 3  # of more products, how many are said


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


def entry_text(name: str, index: Index, *, batch: bool = True) -> str:
    """An entry as the kernels' code names it, with the batch axis that panels leave out.

    >>> entry_text("y", (2, 3, 0)), entry_text("kernel", (0, 1), batch=False)
    ('y[0, 2, 3, 0]', 'kernel[0, 1]')
    """
    return f"{name}[{', '.join(map(str, (0, *index) if batch else index))}]"

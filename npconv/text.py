"""Texts that are printed and drawn: tables for a terminal, numbers, shapes, plurals, sentences with gaps for them."""

import string
from collections.abc import Sequence
from typing import Any


def table_lines(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns set by their widest entry, words to the left and numbers to the right, one line for each row.

    >>> print(*table_lines(["layer", "MACs"], [["stem", "864"], ["classifier", "1,280"]]), sep="\\n")
    layer        MACs
    stem          864
    classifier  1,280
    """
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    numeric = [all(row[i][:1] in "≈-+·0123456789" for row in rows) for i in range(len(header))]
    cells = [zip(line, widths, numeric, strict=True) for line in [header, *rows]]
    return ["  ".join(cell.rjust(w) if right else cell.ljust(w) for cell, w, right in line).rstrip() for line in cells]


def number_text(number: Any) -> str:
    """A number as it is drawn: integers in full, others with two decimals, and a true minus sign.

    A number that would be 0.00 has one digit and a power of ten, unless it is below 1e-9, as a rounded zero is.

    >>> number_text(-3), number_text(0.126), number_text(-0.0012), number_text(1e-17)
    ('−3', '0.13', '−1e−3', '0.00')
    """
    value = float(number)
    if value.is_integer() and abs(value) < 10**15:
        return f"{int(value)}".replace("-", "−")
    if abs(value) >= 10**6:
        return f"{value:.1e}".replace("-", "−")
    if 1e-9 <= abs(value) < 0.005:
        digit, power = f"{value:.0e}".split("e")
        return f"{digit}e{int(power)}".replace("-", "−")
    return f"{round(value, 2) + 0.0:.2f}".replace("-", "−")


def shape_text(shape: Sequence[int]) -> str:
    """A shape as the article writes it.

    >>> shape_text((7, 7, 3))
    '7×7×3'
    """
    return "×".join(str(size) for size in shape)


def listed(items: Sequence[object]) -> str:
    """Items as a sentence lists them.

    >>> listed(["2"]), listed([2, 3, 5])
    ('2', '2, 3 and 5')
    """
    texts = [str(item) for item in items]
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"


def plural(name: str, count: int) -> str:
    """A name in its number.

    >>> plural("filter", 1), plural("filter", 3), plural("class", 3), plural("box", 3)
    ('filter', 'filters', 'classes', 'boxes')
    """
    return name if count == 1 else f"{name}es" if name.endswith(("s", "x")) else f"{name}s"


def counted(name: str, count: int) -> str:
    """A count with its name.

    >>> counted("filter", 1), counted("filter", 1280)
    ('1 filter', '1,280 filters')
    """
    return f"{count:,} {plural(name, count)}"


class _Template(string.Formatter):
    """The gaps of `filled`."""

    def format_field(self, value: Any, spec: str) -> str:
        singular, either, several = spec.partition("|")
        if either:
            return singular if value == 1 else several
        if len(spec) > 1 and spec.replace(" ", "").isalpha():
            return counted(spec, value)
        if isinstance(value, tuple | list):
            return shape_text(value)
        text: str = super().format_field(value, spec)
        return text


def filled(template: str, **values: Any) -> str:
    """A template with its gaps filled: a count with a name, one of two words by a count, a shape, or as str.format.

    >>> filled("{n:filter} of {side} {n:gives|give} {macs:,} MACs", n=1, side=(3, 3, 2), macs=1800)
    '1 filter of 3×3×2 gives 1,800 MACs'
    >>> filled("{n:pointwise filter} {n:gives|give} {n:,} channels", n=4)
    '4 pointwise filters give 4 channels'
    """
    return _Template().format(template, **values)

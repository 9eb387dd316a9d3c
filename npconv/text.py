"""What is printed and drawn in words: tables for a terminal, numbers, shapes."""

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
    """A number as it is drawn: an integer as it is, anything else with two decimals, and a true minus sign.

    What would be 0.00 has one digit and a power of ten, unless it is below 1e-9, as what rounding leaves of a zero is.

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


def listed(texts: Sequence[str]) -> str:
    """Texts as a sentence lists them.

    >>> listed(["2"]), listed(["2", "3", "5"])
    ('2', '2, 3 and 5')
    """
    return texts[0] if len(texts) == 1 else f"{', '.join(texts[:-1])} and {texts[-1]}"

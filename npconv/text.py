"""Tables of words for a terminal."""

from collections.abc import Sequence


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

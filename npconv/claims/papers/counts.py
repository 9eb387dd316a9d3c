"""Numbers as the papers print them, rounded or cut off."""

from ...models import Summary


def rounded(number: float, unit: float, digits: int = 0) -> str:
    """A number in units, rounded to some digits.

    >>> rounded(3_470_760, 1e6, 1), rounded(300_774_272, 1e6)
    ('3.5', '301')
    """
    return f"{number / unit:.{digits}f}"


def cut(number: int, unit: int, digits: int = 0) -> str:
    """A number in units, cut off after some digits.

    >>> cut(3_470_760, 10**6, 1), cut(300_774_272, 10**6)
    ('3.4', '300')
    """
    return f"{number * 10**digits // unit / 10**digits:.{digits}f}"


def totals(counted: Summary) -> str:
    """MAdds and weights of a network, in words."""
    return f"{counted.macs:,} MAdds, {counted.weights:,} weights"

"""Numbers in the claims about papers: rounded or cut off, as they are printed, and differences that runs measured."""

from collections.abc import Mapping
from typing import Any

from ...models import Summary
from ...training.fig07 import Comparison


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


def difference(compared: Comparison, words: str) -> str:
    """The difference of two networks in a share, such as accuracy, which `words` name, with its interval and p."""
    low, high = (100 * bound for bound in compared.interval)
    return (
        f"{compared.first} minus {compared.second}: {100 * compared.mean:+.1f} points of {words}, 95 % interval "
        f"{low:+.1f} to {high:+.1f}, p = {compared.p_value:.2g}"
    )


def between(compared: Comparison, results: Mapping[str, Any]) -> tuple[str, str]:
    """The interval of a difference in points, and the setting of the runs in words, for a verdict."""
    low, high = (100 * bound for bound in compared.interval)
    runs = f"{results['settings']['steps']} steps on digits in the wild, {len(results['seeds'])} seeds"
    return f"{low:+.1f} to {high:+.1f} points", runs

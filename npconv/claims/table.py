"""What a claim is, and the table of all of them: a module of claims enters each with the decorator `claim`."""

import re
from collections.abc import Callable
from dataclasses import dataclass

OVERVIEW = "Overview of Standard 2D Convolution"
SEPARABLE = "Depth-wise Separable Convolutions"
INVERTED = "Inverted Residual and Linear Bottleneck Layer"
ARCHITECTURE = "Model Architecture"


@dataclass(frozen=True)
class Finding:
    """What computing a claim gave: its verdict, and lines with the numbers."""

    verdict: str
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """One claim: where the article makes it, what it says, the verdict that the docs give, and how it is computed.

    `functions` are the public functions that carry it, by their full names, `figures` those that show it, by theirs.
    """

    name: str
    section: str
    statement: str
    verdict: str
    compute: Callable[[], Finding]
    functions: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()


CLAIMS: list[Claim] = []  # filled as the modules of claims are imported, then put in order by __init__.py


def claim(
    section: str, verdict: str, *, functions: tuple[str, ...], figures: tuple[str, ...] = ()
) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Enter a function into `CLAIMS` under its own name; its docstring is what the article says."""

    def enter(compute: Callable[[], Finding]) -> Callable[[], Finding]:
        statement = " ".join((compute.__doc__ or "").split())
        CLAIMS.append(Claim(compute.__name__, section, statement, verdict, compute, functions, figures))
        return compute

    return enter


def finding(holds: bool, *numbers: str, condition: str = "") -> Finding:
    """The verdict "holds", with its condition where there is one, or "fails"."""
    return Finding((f"holds if {condition}" if condition else "holds") if holds else "fails", numbers)


def as_markdown(figures_page: str = "") -> str:
    """The claims, their verdicts and what carries them, as the table that docs/claims.md holds.

    A figure's name links to its heading in the figures' page, whose text this is given.

    >>> as_markdown().splitlines()[0]
    '| | the article says; the claim that tests it | verdict | functions and figures |'
    """
    anchors = dict(_anchor(line) for line in figures_page.splitlines() if line.startswith("### "))
    lines = ["| | the article says; the claim that tests it | verdict | functions and figures |", "|---|---|---|---|"]
    for number, entry in enumerate(CLAIMS, 1):
        shown = (f"[{name}](figures.md#{anchors[name]})" if name in anchors else name for name in entry.figures)
        carried = "<br>".join([*(f"`{name}`" for name in entry.functions), *shown])
        lines.append(f"| {number} | {entry.statement}<br>`{entry.name}` | {entry.verdict} | {carried} |")
    return "\n".join(lines)


def _anchor(heading: str) -> tuple[str, str]:
    """The figure's name that a heading begins with, and the anchor that the heading has on the page."""
    text = heading.lstrip("# ")
    return text.partition(":")[0], re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")

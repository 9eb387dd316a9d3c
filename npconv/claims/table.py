"""What a claim is, and the table of all of them: a module of claims enters each with the decorator `claim`."""

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
    """One claim: where the article makes it, what it says, the verdict that the docs give, and how it is computed."""

    name: str
    section: str
    statement: str
    verdict: str
    compute: Callable[[], Finding]


CLAIMS: list[Claim] = []  # filled as the modules of claims are imported, then put in order by __init__.py


def claim(section: str, verdict: str) -> Callable[[Callable[[], Finding]], Callable[[], Finding]]:
    """Enter a function into `CLAIMS` under its own name; its docstring is what the article says."""

    def enter(compute: Callable[[], Finding]) -> Callable[[], Finding]:
        statement = " ".join((compute.__doc__ or "").split())
        CLAIMS.append(Claim(compute.__name__, section, statement, verdict, compute))
        return compute

    return enter


def finding(holds: bool, *numbers: str, condition: str = "") -> Finding:
    """The verdict "holds", with its condition where there is one, or "fails"."""
    return Finding((f"holds if {condition}" if condition else "holds") if holds else "fails", numbers)


def as_markdown() -> str:
    """The claims and their verdicts as the table that docs/claims.md holds.

    >>> as_markdown().splitlines()[0]
    '| | the article says | verdict | test |'
    """
    lines = ["| | the article says | verdict | test |", "|---|---|---|---|"]
    for number, entry in enumerate(CLAIMS, 1):
        lines.append(f"| {number} | {entry.statement} | {entry.verdict} | `test_claim[{entry.name}]` |")
    return "\n".join(lines)

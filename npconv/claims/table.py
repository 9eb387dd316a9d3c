"""What a claim is, and the table of all of them: a module of claims enters each with the decorator `claim`."""

import re
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, is_dataclass
from types import FrameType
from typing import Any

import numpy as np

from ..layers import Layer

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


def finding(holds: bool | None, *numbers: str, condition: str = "") -> Finding:
    """The verdict "holds", with its condition where there is one, "fails", or "reported" where `holds` is None.

    Numbers that are not finite are not judged: what computes a claim may have none in its variables, nor in its lines.

    >>> share = float("nan")
    >>> finding(share < 0.5, f"a share of {share:.0%}").verdict
    'not judged, as it is not finite: a share of nan%'
    """
    if unfit := [*_not_finite_in_callers(), *(line for line in numbers if re.search(r"\b(nan|inf)\b", line))]:
        return Finding(f"not judged, as it is not finite: {unfit[0]}", numbers)
    if holds is None:
        return Finding("reported", numbers)
    return Finding((f"holds if {condition}" if condition else "holds") if holds else "fails", numbers)


def _not_finite_in_callers() -> Iterable[str]:
    """The variables that hold NaN or infinity in the functions that call `finding`, of modules that know it."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("finding") is finding and frame.f_locals is not frame.f_globals:
            yield from (name for name, value in frame.f_locals.items() if not finite(value))
        frame = frame.f_back


def finite(value: Any) -> bool:
    """True where all numbers in a value are finite: in an array, a collection, a layer, or a dataclass's fields."""
    if isinstance(value, np.ndarray) and value.dtype.kind != "O":
        return value.dtype.kind not in "fc" or bool(np.isfinite(value).all())
    if isinstance(value, float | complex | np.inexact):
        return bool(np.isfinite(value))
    if isinstance(value, Layer):
        value = value.arrays()
    if isinstance(value, Mapping):
        return all(map(finite, value.values()))
    if isinstance(value, list | tuple | set | frozenset | np.ndarray):
        return all(map(finite, value.flat if isinstance(value, np.ndarray) else value))
    return isinstance(value, type) or not is_dataclass(value) or all(map(finite, vars(value).values()))


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

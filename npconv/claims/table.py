"""A claim and its finding: the decorator `claim` makes one of a function, `finding` gives the verdict."""

import inspect
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from functools import wraps
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

import npconv

from ..kernels.geometry import Array

PACKAGE = Path(npconv.__file__).resolve().parent
OVERVIEW = "Overview of Standard 2D Convolution"
SEPARABLE = "Depth-wise Separable Convolutions"
INVERTED = "Inverted Residual and Linear Bottleneck Layer"
ARCHITECTURE = "Model Architecture"


@dataclass(frozen=True)
class Finding:
    """The result of computing a claim: its verdict, and lines with the numbers."""

    verdict: str
    numbers: tuple[str, ...]


@dataclass(frozen=True)
class Claim:
    """A claim of a source: its section, its statement, the verdict that the docs give, and the function for it.

    `functions` are the public functions that carry it, by their full names, `figures` the names of those that show it.
    """

    name: str
    section: str
    statement: str
    verdict: str
    compute: Callable[[], Finding]
    functions: tuple[str, ...] = ()
    figures: tuple[str, ...] = ()

    def __call__(self) -> Finding:
        return self.compute()

    def retold(self, section: str, statement: str) -> "Claim":
        """This claim as another source makes it."""
        return replace(self, section=section, statement=statement)


def claim(
    section: str, verdict: str, functions: str = "", figures: str = ""
) -> Callable[[Callable[[], Finding]], Claim]:
    """Make a claim of a function that computes it; the function's docstring is the source's statement.

    `functions` and `figures` are names with spaces between, `functions` without npconv in front. Where the function
    finds that the claim holds, and gives no condition of its own, the condition is the one in `verdict`.
    """

    def enter(compute: Callable[[], Finding]) -> Claim:
        @wraps(compute)
        def judged() -> Finding:
            found = compute()
            conditional = found.verdict == "holds" and verdict.startswith("holds if")
            return replace(found, verdict=verdict) if conditional else found

        statement, carried = " ".join((compute.__doc__ or "").split()), tuple(f"npconv.{n}" for n in functions.split())
        return Claim(compute.__name__, section, statement, verdict, judged, carried, tuple(figures.split()))

    return enter


def finding(holds: bool | None, *numbers: str, condition: str = "", why: str = "", **judged: Array) -> Finding:
    """The verdict "holds", with its condition where there is one, "fails", or "reported" where `holds` is None.

    Of the last two `why` gives the reason: what comes out instead, or what cannot be measured here.
    Nothing is judged by numbers that are not finite: neither those in the lines, nor the arrays `judged`, which a
    verdict needs where NaN would not show in the lines.

    >>> share = float("nan")
    >>> finding(share < 0.5, f"a share of {share:.0%}").verdict
    'not judged, as it is not finite: a share of nan%'
    """
    unfit = [name for name, values in judged.items() if not np.isfinite(values).all()]
    if unfit := [*unfit, *(line for line in numbers if re.search(r"\b(nan|inf)\b", line))]:
        return Finding(f"not judged, as it is not finite: {unfit[0]}", numbers)
    if holds:
        return Finding(f"holds if {condition}" if condition else "holds", numbers)
    return Finding(("reported" if holds is None else "fails") + (f": {why}" if why else ""), numbers)


def claims_in(*modules: ModuleType) -> tuple[Claim, ...]:
    """The claims of modules, in their order."""
    return tuple(each for module in modules for each in vars(module).values() if isinstance(each, Claim))


def markdown_table(claims: Iterable[Claim], speaker: str, figures_page: str) -> str:
    """Claims as `npconv.claims.as_markdown` writes them."""
    anchors = dict(_anchor(line) for line in figures_page.splitlines() if line.startswith("### "))
    lines = [f"| | {speaker} says; the claim that tests it | verdict | functions and figures |", "|---|---|---|---|"]
    for number, entry in enumerate(claims, 1):
        shown = (f"[{name}](figures.md#{anchors[name]})" if name in anchors else name for name in entry.figures)
        carried = "<br>".join([*map(_linked, entry.functions), *shown])
        test = f"[`{entry.name}`]({source_link(entry.compute)})"
        lines.append(f"| {number} | {entry.statement}<br>{test} | {entry.verdict} | {carried} |")
    return "\n".join(lines)


def source_link(function: Callable[..., Any]) -> str:
    """The file and the line where a function of npconv begins, as a page in docs/ links to it.

    >>> source_link(source_link).partition("#")[0]
    '../npconv/claims/table.py'
    """
    function = inspect.unwrap(function)
    file = Path(inspect.getfile(function)).resolve().relative_to(PACKAGE.parent).as_posix()
    return f"../{file}#L{inspect.getsourcelines(function)[1]}"


def _linked(name: str) -> str:
    """A public function as a claim's row names it: a kernel, which is there to be read, links to its line."""
    kernel = name.removeprefix("npconv.")
    return f"`{name}`" if "." in kernel else f"[`{name}`]({source_link(getattr(npconv, kernel))})"


def _anchor(heading: str) -> tuple[str, str]:
    """The figure's name that a heading begins with, and the anchor that the heading has on the page."""
    text = heading.lstrip("# ")
    return text.partition(":")[0], re.sub(r"[^\w -]", "", text.lower()).replace(" ", "-")

"""What a stepper's page must show at each step, from the stepper alone; and a page read without a browser."""

import math
from collections.abc import Iterator
from fractions import Fraction
from functools import cache
from html.parser import HTMLParser
from itertools import product

import numpy as np

from npconv.course.steps import KINDS, Panel, Step, Stepper, stepper

SMALL = {  # other than the defaults in all that a page depends on, and quick to step through
    "standard": {"x": (5, 4, 2), "kernel": (2, 3), "stride": (2, 1), "padding": "same", "out_channels": 2, "seed": 3},
    "inverted-residual": {"x": (4, 3, 2), "out_channels": 3, "expansion": 2, "stride": 2, "seed": 5},
    "backward": {"x": (3, 5, 1), "kernel": (2, 2), "dilation": (1, 2), "padding": 1, "out_channels": 3},
    "transposed": {"x": (2, 3, 1), "kernel": (3, 2), "out_channels": 2, "padding": 1, "seed": 2},
    "dilated": {"x": (4, 5, 2), "kernel": 2, "dilation": (2, 3), "padding": 1, "seed": 2},
    "shuffle": {"x": (1, 2, 4), "out_channels": 2},
    "resize": {"x": np.array([[[0.5], [-1.25], [3.0]], [[2.0], [0.125], [-4.5]]]), "size": (3, 2), "align": "origin"},
    "matching": {"truths": np.array([[1, 2, 9, 10], [1, 3, 9, 11.5]]), "image_size": (12, 16), "map_size": (1, 2)},
    "suppression": {"boxes": 5, "threshold": 0.25, "seed": 4},
    "pointwise": {"x": np.array([[[2.5, -0.125], [0.001, -7.0]]]), "kernel": np.array([[1.0, -0.25], [-1.5, 3.0]])},
}
CASES = {**{kind: (kind, {}) for kind in KINDS}, **{f"{kind}, small": (kind, sizes) for kind, sizes in SMALL.items()}}


@cache
def case(name: str) -> Stepper:
    """A stepper of the cases."""
    kind, sizes = CASES[name]
    return stepper(kind, **sizes)


def text_of(number: float | Fraction) -> str:
    """A number as a page writes it."""
    return str(number).replace("-", "−") if isinstance(number, Fraction) else decimal(number)


@cache
def decimal(number: float) -> str:
    """A number that is no fraction as a page writes it."""
    if math.isnan(number):
        return ""
    whole, small = float(number).is_integer(), 1e-9 <= abs(number) < 0.005  # below, it is a rounded zero
    rounded = f"{round(number, 2) + 0.0:.2f}"
    text = f"{number:.0f}" if whole else f"{number:.0e}".replace("e-0", "e-") if small else rounded
    return text.replace("-", "−")


def drawn(panel: Panel, value: float) -> float | Fraction:
    """An entry as it is drawn: the weights of an interpolation are fractions."""
    return Fraction(value).limit_denominator(100) if panel.fractions else value


def factor_of(number: float) -> str:
    """A number as a factor."""
    return f"({text_of(number)})" if number < 0 else text_of(number)


Cell = tuple[str, int, int]  # a slice's caption, the row, the column


class Expected:
    """All that the page of a stepper must show."""

    def __init__(self, made: Stepper) -> None:
        self.made = made
        self.cells = [dict(zip(np.ndindex(*panel.values.shape), cells_of(panel), strict=True)) for panel in made.panels]

    def panel(self, number: int, values: np.ndarray, step: Step) -> dict[Cell, tuple[str, str]]:
        """A panel's text and marks by cell."""
        panel, cells = self.made.panels[number], self.cells[number]
        reads, writes = set(step.reads.get(panel.name, ())), set(step.writes.get(panel.name, {}))
        marks = dict.fromkeys(cells, ())
        for name, region, marked in (("read", reads, reads - writes), ("written", writes, writes)):
            for row, column, *channels in marked:
                beside = {"t": (-1, 0), "r": (0, 1), "b": (1, 0), "l": (0, -1)}
                ends = [s for s, (i, j) in beside.items() if (row + i, column + j, *channels) not in region]
                marks[(row, column, *channels)] = (name, *ends)
        none = ["off"] if panel.role == "links" else []  # how a 0 is marked
        return {
            (caption, row, column): (
                text_of(drawn(panel, value)),
                " ".join([*pad, *marks[index], *(none if value == 0 else [])]),
            )
            for value, (index, (caption, row, column, pad)) in zip(values.ravel().tolist(), cells.items(), strict=True)
        }

    def at(self, number: int) -> dict:
        """The page at a step."""
        made = self.made
        step, state, count = made.steps[number - 1], made.state(number), len(made.steps)
        most = max(reversed(step.sides), key=lambda side: side.total)
        done = all(side.done == side.total for side in step.sides)
        length, names = len(step.products), step.sums or ("",)
        products = []
        for k, name in enumerate(names):
            products += [f"for {name}"] if name else []
            products += [
                f"{factor_of(a)}{made.counting.sign}{factor_of(b)} = {text_of(c)}"
                for a, b, c in step.products[k :: len(names)]
            ]
        one, many = made.counting.product, f"{made.counting.product}s"
        each = f"1 {one}" if length == len(names) else f"{length // len(names):,} {many}"
        return {
            "panels": [self.panel(p, state[panel.name], step) for p, panel in enumerate(made.panels)],
            "sentence": step.sentence,
            "position": f"Step {number} of {count}{', ' + step.stage if step.stage else ''}:",
            "products": products,
            "summary": " and ".join(f"{each} for {name}" if name else each for name in names)
            if length
            else f"no {many}",
            "counts": [[side.name, f"{side.done:,} of {side.total:,}"] for side in step.sides],
            "ratio": "\n".join(
                f"{side.name} / {most.name} = {side.total:,} / {most.total:,} = {side.total / most.total:.3f}"
                for side in step.sides
                if side is not most and done
            ),
        }


def cells_of(panel: Panel) -> Iterator[tuple[str, int, int, list[str]]]:
    """Where each entry of a panel stands, and whether it is padding, or between the taps of a filter."""
    top, bottom, left, right = panel.inside or (0, panel.values.shape[0], 0, panel.values.shape[1])
    down, across = panel.spacing
    for row, column, *channels in np.ndindex(*panel.values.shape):
        there = top <= row < bottom and left <= column < right and row % down == column % across == 0
        names = [f"{name} {at}" for name, at in zip(panel.axes[2:], channels, strict=True)]
        caption = f"{panel.name} {', '.join(reversed(names))}; rows: {panel.axes[0]}, columns: {panel.axes[1]}"
        yield caption, row, column, [] if there else ["pad"]


class Page(HTMLParser):
    """A page as it stands without scripts: the same as `Expected`, and what its tags refer to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.texts: dict[str, str] = {}  # by the element's id
        self.panels: list[dict] = []
        self.products: list[str] = []
        self.counts: list[list[str]] = []
        self.open: list[tuple[str, dict]] = []
        self.heads: dict[tuple[str, str], list[list[str]]] = {}  # by the slice's caption and the scope
        self.legend = 0
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.tags.append((tag, attributes))
        if tag not in ("meta", "input"):
            self.open.append((tag, attributes))
        if attributes.get("id", "").startswith("panel-"):
            self.panels.append({})
        if tag == "table":
            self.caption, self.row = "", -2
        if tag == "tr":
            self.row, self.column = self.row + 1, -1
        if tag == "td" and not self._within(**{"class": "legend"}) and attributes.get("class") != "corner":
            self.column += 1
            self.panels[-1][self.caption, self.row, self.column] = ("", attributes.get("class", ""))
        if tag == "th":
            self.heads.setdefault((self.caption, attributes["scope"]), []).append(["", attributes.get("aria-label")])
        if tag == "li" and self._within(id="products"):
            self.products.append("")
        if tag == "li" and self._within(id="counts"):
            self.counts.append([])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        for _, attributes in self.open:
            if "id" in attributes:
                self.texts[attributes["id"]] = self.texts.get(attributes["id"], "") + data
        tags = [tag for tag, _ in self.open]
        if "caption" in tags:
            self.caption += data
        if tags[-1:] == ["td"] and not self._within(**{"class": "legend"}):
            cell = self.caption, self.row, self.column
            self.panels[-1][cell] = (data, self.panels[-1][cell][1])
        if tags[-1:] == ["th"]:
            self.heads[self.caption, self.open[-1][1]["scope"]][-1][0] += data
        if self.products and self._within(id="products"):
            self.products[-1] += data
        if tags[-1:] == ["span"] and self._within(id="counts"):
            self.counts[-1].append(data)

    def _within(self, **wanted):
        return any(wanted.items() <= attributes.items() for _, attributes in self.open)

    def shown(self) -> dict:
        """The page in the terms of `Expected`."""
        return {
            "panels": self.panels,
            "sentence": self.texts["sentence"],
            "position": self.texts["position"],
            "products": self.products,
            "summary": self.texts["products-summary"],
            "counts": self.counts,
            "ratio": self.texts.get("ratio", ""),
        }


def in_place(panel: Panel) -> list[tuple[int, ...]]:
    """The indices of a panel's entries in the order of the page."""
    rows, columns, *channels = panel.values.shape
    slices = product(*(range(size) for size in reversed(channels)))
    return [(row, column, *reversed(at)) for at in slices for row in range(rows) for column in range(columns)]

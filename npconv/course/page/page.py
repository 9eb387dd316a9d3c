"""A stepper as one HTML page, with all that it needs inside.

What stands in the page without scripts is its last step, written here; the script takes over the same elements and
fills them with any other step. An entry of a panel is known by its place on the page: slice by slice, row by row.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from html import escape
from importlib import resources
from math import lcm, prod
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from ... import __version__
from ...files import write_whole
from ...kernels.geometry import Array
from ...text import counted, listed, plural, shape_text
from ..steps import Boxes, Grouped, Panel, Side, Step, Stepper, sizes as limits
from ..steps.step import Index
from ..steps.words import FIRST_TERMS, GAP, MOST_TERMS, factor_text, value_text

BESIDE = {"t": (-1, 0), "r": (0, 1), "b": (1, 0), "l": (0, -1)}  # the neighbour on each side
LARGEST = 3_000_000  # characters of a page: larger ones open slowly

LEGEND = {
    "read": '<td class="read t r b l">2</td>',
    "written": '<td class="written t r b l">2</td>',
    "not yet computed": "<td></td>",
    "padding": '<td class="pad">0</td>',
    "gap": '<td class="pad">0</td>',
    "linear": "<td>2</td>",
    "no link": '<td class="off">0</td>',
}


def page_html(stepper: Stepper, *, command: str | None = None) -> str:
    """The page of a stepper; the same stepper gives the same characters.

    Args:
        stepper: what `npconv.course.steps.stepper` returns.
        command: the command that made it, for the foot of the page.

    Raises:
        ValueError: the stepper has no steps, or the page would be larger than 3 MB.

    >>> from npconv.course.steps import stepper
    >>> page = page_html(stepper("pointwise", x=(1, 2, 3), out_channels=2))
    >>> page.startswith("<!DOCTYPE html>"), "://" in page
    (True, False)
    """
    if not stepper.steps:
        raise ValueError(f"page_html: stepper must have steps; got {stepper.kind} with none")
    last, count = stepper.steps[-1], len(stepper.steps)
    state = stepper.state(count)
    made = f"Made by npconv {__version__}" + ("" if command is None else f": {command}")
    fields = {
        "title": escape(stepper.title),
        "summary": escape(stepper.summary),
        "count": str(count),
        "position": escape(f"Step {count} of {count}{', ' + last.stage if last.stage else ''}:"),
        "sentence": escape(last.sentence),
        "stages": _stages_html(stepper.steps),
        "panels": "".join(_panel_html(number, stepper, values) for number, values in enumerate(state.values())),
        "counts": "".join(_side_html(side, max(side.total for side in last.sides)) for side in last.sides),
        "ratio": escape(_ratio_text(last.sides)),
        "products": "".join(_product_items(last, stepper.counting.sign)),
        "products_summary": _products_summary(last, stepper.counting.product),
        "counts_title": escape(stepper.counting.title),
        "drawing": _drawing_html(stepper, state),
        "legend": _legend_html(stepper.panels),
        "editing": escape(_editing_text(stepper)),
        "made": escape(made),
        "data": json.dumps(page_data(stepper), separators=(",", ":"), ensure_ascii=False).replace("<", "\\u003c"),
        "style": _part("stepper.css"),
        "script": _part("stepper.js"),
    }
    page = Template(_part("stepper.html")).substitute(fields)
    if len(page) > LARGEST:
        raise ValueError(
            f"page_html: a page holds at most {LARGEST:,} characters; "
            f"{stepper.kind} with {count:,} steps takes {len(page):,}"
        )
    return page


def write_page(stepper: Stepper, path: str | Path, *, command: str | None = None) -> None:
    """Write the page of a stepper, whole or not at all.

    Raises as `page_html`, and OSError where the file cannot be written.
    """
    write_whole(path, page_html(stepper, command=command))


def notebook_html(stepper: Stepper, *, height: int = 760) -> str:
    """The page in a frame of that many pixels, for `IPython.display.HTML`."""
    page = escape(page_html(stepper))
    style = f"width:100%;height:{height}px;border:1px solid #bbb"
    return f'<iframe title="{escape(stepper.title)}" sandbox="allow-scripts" style="{style}" srcdoc="{page}"></iframe>'


def page_data(stepper: Stepper) -> dict[str, Any]:
    """The data for the script: the panels at the start, and each step's entries by place with the rules that make them.

    A number that follows from a rule is not there: the script computes it.
    """
    places = {panel.name: {index: k for k, index in enumerate(_entries(panel))} for panel in stepper.panels}
    number = {name: k for k, name in enumerate(places)}
    drawn = None if stepper.boxes is None else number[stepper.boxes.state]
    return {
        "words": {
            "sign": stepper.counting.sign,
            "product": [plural(stepper.counting.product, count) for count in (1, 2)],
            "most": MOST_TERMS,
            "first": FIRST_TERMS,
        },
        "state": drawn,
        "largest": limits.LARGEST,
        "fixed": stepper.fixed,
        "grouped": None if stepper.grouped is None else _grouped_data(stepper.grouped, number),
        "panels": [_panel_data(panel, stepper.fixed) for panel in stepper.panels],
        "steps": [_step_data(step, number, places) for step in stepper.steps],
    }


def _panel_data(panel: Panel, fixed: str) -> dict[str, Any]:
    start = np.atleast_2d(panel.start())
    numbers = [_number(panel, start[index]) for index in _entries(panel)]
    scale = lcm(*(number.denominator for number in numbers if isinstance(number, Fraction)))
    top, _, left, _ = panel.inside or (0, 0, 0, 0)
    return {
        "name": panel.name,
        "entry": panel.entry,
        "rows": start.shape[0],
        "columns": start.shape[1],
        "sizes": start.shape[2:],
        "corner": (top, left),
        "spacing": panel.spacing,
        "adds": panel.accumulates,
        "edit": panel.given and not panel.fractions and not fixed,
        "fractions": panel.fractions,
        "scale": scale,
        "start": _plain(number * scale for number in numbers),
    }


def _step_data(step: Step, number: Mapping[str, int], places: Mapping[str, Mapping[Index, int]]) -> dict[str, Any]:
    def placed(name: str, indices: Iterable[Index | None]) -> list[Any]:
        return [number[name], [None if index is None else places[name][_at(index)] for index in indices]]

    def referred(entries: list[Any], listed_entries: list[list[Any]]) -> Any:
        """The number of these entries among those of the step, or the entries themselves."""
        return listed_entries.index(entries) if entries in listed_entries else entries

    made = {terms.into[0] for terms in step.terms}
    reads, writes = ([placed(*each) for each in entries.items()] for entries in (step.reads, step.writes))
    rules = [
        (referred(placed(*terms.into), writes), [referred(placed(*each), reads) for each in terms.factors])
        for terms in step.terms
    ]
    return {
        "name": step.name,
        "stage": step.stage,
        "sentence": GAP.sub(lambda found: _place_gap(found[1], number, places), step.template) or step.sentence,
        "reads": reads,
        "writes": [
            each if name in made else [*each, _plain(written.values())]
            for each, (name, written) in zip(writes, step.writes.items(), strict=True)
        ],
        "terms": [
            [*rule, terms.function] if terms.function else rule for rule, terms in zip(rules, step.terms, strict=True)
        ],
        "groups": step.groups,
        "products": [] if step.terms else _plain(factor for each in step.products for factor in each),
        "sides": [[side.name, side.done, side.total] for side in step.sides],
    }


def _place_gap(gap: str, number: Mapping[str, int], places: Mapping[str, Mapping[Index, int]]) -> str:
    """A gap of a sentence with the panel's number and the entry's place."""
    name, *index = gap.removeprefix("·").split()
    if not index:
        return f"{{{gap}}}"
    return f"{{{'·' * gap.startswith('·')}{number[name]} {places[name][_at(tuple(map(int, index)))]}}}"


def _grouped_data(grouped: Grouped, number: Mapping[str, int]) -> dict[str, Any]:
    """The kernel of which the panels show one filter, and the rows and the columns that each output reads."""
    g = grouped.geometry
    return {
        **{name: number[name] for name in ("x", "kernel", "y")},
        "rows": g.row,
        "columns": g.column,
        "shape": grouped.kernel.shape,
        "numbers": _plain(grouped.kernel.ravel().tolist()),
    }


def _number(panel: Panel, value: float) -> float | Fraction:
    """An entry as it is drawn: the weight of an interpolation as the fraction that it is rounded from."""
    return Fraction(value).limit_denominator(2 * limits.MOST_SIDE) if panel.fractions else value


def _held(panel: Panel, steps: Iterable[Step]) -> Iterator[float | Fraction]:
    """All numbers that a panel ever holds."""
    start = panel.start()
    yield from (_number(panel, value) for value in start[~np.isnan(start)].tolist())
    for step in steps:
        yield from step.writes.get(panel.name, {}).values()


def _part(name: str) -> str:
    return resources.files(__package__).joinpath(name).read_text(encoding="utf-8")


def _at(index: Index) -> Index:
    """An entry's index in the grid; a single axis is one row."""
    return index if len(index) > 1 else (0, *index)


def _entries(panel: Panel) -> list[Index]:
    """The indices of a panel's entries in the order of the page: slice by slice, row by row."""
    indices = np.ndindex(*np.atleast_2d(panel.values).shape)
    return sorted(indices, key=lambda index: (index[:1:-1], index[:2]))


def _plain(numbers: Iterable[Any]) -> list[int | float | None]:
    """Numbers as JSON has them: whole ones as integers, and none where there is nothing yet."""
    values = [float(number) for number in numbers]
    return [None if np.isnan(value) else int(value) if value.is_integer() else value for value in values]


def _panel_html(number: int, stepper: Stepper, values: Array) -> str:
    """A panel with these values, after the last step."""
    panel, values, title = stepper.panels[number], np.atleast_2d(values), f"title-{number}"
    digits = max((len(value_text(held)) for held in {*_held(panel, stepper.steps)}), default=1)
    cell = max(2.1, 0.66 * digits + 1.4)  # ems, for the number and its frame
    regions, every = _regions(panel, values, stepper.steps[-1]), dict.fromkeys(at[2:] for at in _entries(panel))
    slices = [_slice_html(panel, values, channels, regions) for channels in every]
    together = prod(values.shape[2:-1]) if values.ndim > 3 else len(slices)  # those of one filter
    groups = "".join(
        f'<div class="group">\n{"".join(slices[k : k + together])}</div>\n' for k in range(0, len(slices), together)
    )
    style = f"--cell:{cell:.2f};--wide:{values.shape[1] * (cell + 0.1) + 2:.2f}"
    return (
        f'<section class="panel {escape(panel.role)}" id="panel-{number}" style="{style}" aria-labelledby="{title}">\n'
        f'<h2 id="{title}"><code>{escape(panel.name)}</code> {escape(panel.title)} '
        f"<span>{_size_text(panel)}</span></h2>\n"
        f'<div class="slices">\n{groups}</div>\n</section>\n'
    )


def _editing_text(stepper: Stepper) -> str:
    """The numbers that can be edited and the keys for it, or the reason why none can."""
    if stepper.fixed:
        return f"The numbers of this page are fixed, as {stepper.fixed}."
    names = [panel.name for panel in stepper.panels if panel.given and not panel.fractions]
    keys = "click on a number or move to it, then press Edit, F2 or a digit; the page recomputes"
    return f"The numbers of {listed(names)} can be edited: {keys}." if names else ""


def _size_text(panel: Panel) -> str:
    """A panel's own size, and with padding the size of the grid."""
    size = shape_text(panel.own_shape)
    return size if panel.inside is None else f"{size}, padded to {shape_text(panel.values.shape[:2])}"


def _head_html(scope: str, number: int | None) -> str:
    """The head of a row or a column; padding's has no number, as the array has no such row."""
    if number is None:
        return f'<th scope="{scope}" aria-label="padding">·</th>'
    return f'<th scope="{scope}">{number}</th>'


def _slice_html(panel: Panel, values: Array, channels: Index, regions: Mapping[str, set[Index]]) -> str:
    """A slice as a table, whose caption names all that is seen only from its place."""
    axes = f"rows: {panel.axes[0]}, columns: {panel.axes[1]}" if len(panel.axes) > 1 else f"columns: {panel.axes[0]}"
    matrix = len(panel.axes) == 2 and panel.axes != ("row", "column")  # seen, as no picture says which axis is which
    after = '<span class="unseen">; </span>{}' if matrix else '<span class="unseen">; {}</span>'
    named = [f"{name} {index}" for name, index in zip(panel.axes[2:], channels, strict=True)]  # channel 0, filter 1
    rows, columns = ([0], panel.numbers(0)) if len(panel.axes) == 1 else map(panel.numbers, (0, 1))
    head = "".join(_head_html("col", number) for number in columns)
    body = ""
    for v, number in enumerate(rows):
        indices = [(v, w, *channels) for w in range(values.shape[1])]
        cells = (_cell_html(panel, values[index], index, regions) for index in indices)
        body += f"<tr>{_head_html('row', number)}{''.join(cells)}</tr>"
    return (
        f'<div class="slice"><table><caption><span class="unseen">{escape(panel.name)} </span>'
        f"{escape(', '.join(reversed(named)))}{after.format(escape(axes))}</caption>"
        f'<tr><td class="corner"></td>{head}</tr>{body}</table></div>\n'
    )


def _regions(panel: Panel, values: Array, step: Step) -> dict[str, set[Index]]:
    """The entries that have each mark: padding and gaps, read and written ones, and those that stand for no link."""
    read, written = ({*map(_at, indices.get(panel.name, ()))} for indices in (step.reads, step.writes))
    return {
        "pad": {index for index in _entries(panel) if panel.is_empty(*index[:2])},
        "written": written,
        "read": read,
        "off": {index for index in _entries(panel) if panel.role == "links" and values[index] == 0},
    }


def _cell_html(panel: Panel, value: float, index: Index, regions: Mapping[str, set[Index]]) -> str:
    """An entry with its marks, and with the sides on which the region of what is read or written ends."""
    marks, (row, column, *channels) = [], index
    for mark, region in regions.items():
        if index not in region or (mark == "read" and index in regions["written"]):
            continue
        marks.append(mark)
        if mark in ("read", "written"):
            marks += [side for side, (i, j) in BESIDE.items() if (row + i, column + j, *channels) not in region]
    text = "" if np.isnan(value) else value_text(_number(panel, value))
    return f'<td class="{" ".join(marks)}">{text}</td>' if marks else f"<td>{text}</td>"


def _stages_html(steps: Sequence[Step]) -> str:
    """Buttons to the first step of each stage, where there are several."""
    first: dict[str, int] = {}
    for number, step in enumerate(steps, 1):
        first.setdefault(step.stage, number)
    if len(first) < 2:
        return ""
    buttons = "".join(
        f'<button type="button" data-step="{number}">{escape(stage)}</button>\n' for stage, number in first.items()
    )
    return f'<div class="controls stages" role="group" aria-label="Stages">\n{buttons}</div>\n'


def _drawing_html(stepper: Stepper, state: Mapping[str, Array]) -> str:
    """The boxes on their image, marked as after the last step: read, written, dropped."""
    drawing, step = stepper.boxes, stepper.steps[-1]
    if drawing is None:
        return ""
    height, width = drawing.size
    drawn = np.concatenate([stepper.panel(name).values for name in drawing.panels])
    top, left = np.minimum(drawn[:, :2].min(axis=0), 0).tolist()
    bottom, right = np.maximum(drawn[:, 2:].max(axis=0), drawing.size).tolist()
    unit = max(height, width) / 24  # the numbers' size
    view = f"{left - 0.2:g} {top - 0.2:g} {right - left + 0.4:g} {bottom - top + 0.4:g}"
    shapes, names, keys, places = "", "", [], iter(name_places(drawn, unit))
    for number, panel in enumerate(stepper.panels):
        if panel.name not in drawing.panels:
            continue
        keys.append(f"{panel.axes[0][0]}0, {panel.axes[0][0]}1, …: {panel.title}")
        became = state[drawing.state][0] if panel.name == drawing.panels[-1] else np.zeros(len(panel.values))
        for row, (top, left, bottom, right) in enumerate(panel.values.tolist()):
            marks = ["box", panel.role, *box_marks(row, panel.name, drawing, step, became[row].item())]
            size = f'x="{left:g}" y="{top:g}" width="{right - left:g}" height="{bottom - top:g}"'
            shapes += f'<g class="{" ".join(marks)}" data-panel="{number}" data-row="{row}"><rect {size}></rect></g>\n'
            x, y = next(places)
            names += f'<text x="{x:g}" y="{y:g}">{panel.axes[0][0]}{row}</text>\n'
    return (
        f'<figure class="drawing"><svg viewBox="{view}" preserveAspectRatio="xMinYMid" role="img" '
        'aria-label="The boxes on the image">\n'
        f'<rect class="image" width="{width}" height="{height}"></rect>\n{shapes}'
        f'<g font-size="{unit:g}" stroke-width="{unit / 5:g}">\n{names}</g></svg>\n'
        f"<figcaption>{escape('; '.join(keys))}, dashed if {drawing.dropped}. The thickest frames are decided in this "
        "step; the grey one is the image.</figcaption></figure>\n"
    )


def name_places(boxes: Array, unit: float) -> list[tuple[float, float]]:
    """The places (x, y) of the names of boxes: in the upper left corners, or so far below that none covers another."""
    places: list[tuple[float, float]] = []
    for top, left, *_ in boxes.tolist():
        x, y = left + unit / 4, top + 1.1 * unit
        while any(abs(x - other) < 2 * unit and abs(y - line) < 0.95 * unit for other, line in places):
            y += unit
        places.append((x, y))
    return places


def box_marks(row: int, panel: str, drawing: Boxes, step: Step, became: float) -> list[str]:
    """The marks of a drawn box: whether the step reads it or decides on it, and whether it is dropped."""
    marks = [] if became >= 0 else ["open"] if np.isnan(became) else ["dropped"]
    if panel == drawing.panels[-1] and (0, row) in step.writes.get(drawing.state, {}):
        return [*marks, "written"]
    return [*marks, "read"] if any(index[0] == row for index in step.reads.get(panel, ())) else marks


def _side_html(side: Side, most: int) -> str:
    return (
        f'<li><div class="side"><span>{escape(side.name)}</span> <span>{side.done:,} of {side.total:,}</span></div>'
        f'<div class="track" style="width:{100 * side.total / max(most, 1):.4g}%">'
        f'<i style="width:{100 * side.done / max(side.total, 1):.4g}%"></i></div></li>\n'
    )


def _ratio_text(sides: Sequence[Side]) -> str:
    """Each side's total over the largest, once all are done."""
    reference = max(reversed(sides), key=lambda side: side.total)
    if not reference.total or any(side.done != side.total for side in sides):
        return ""
    return "\n".join(
        f"{side.name} / {reference.name} = {side.total:,} / {reference.total:,} = {side.total / reference.total:.3f}"
        for side in sides
        if side is not reference
    )


def _product_items(step: Step, sign: str) -> Iterator[str]:
    """The products as items of a list, those for one panel after those for another where there are several."""
    for name in step.sums or ("",):
        if name:
            yield f'<li class="sum">for {escape(name)}</li>'
        for left, right, value in step.products_of(name) if name else step.products:
            yield f"<li>{factor_text(left)}{sign}{factor_text(right)} = {value_text(value)}</li>"


def _products_summary(step: Step, product: str) -> str:
    """The number of a step's products, for each panel to which they are added where there are several."""
    if not step.products:
        return f"no {plural(product, 0)}"
    each = counted(product, len(step.products) // max(len(step.sums), 1))
    return listed([f"{each} for {name}" for name in step.sums] or [each])


def _legend_html(panels: Sequence[Panel]) -> str:
    """The marks that this page uses, each beside what it means."""
    shown = {
        "padding": any(panel.inside is not None for panel in panels),
        "gap": any(panel.spacing != (1, 1) for panel in panels),
        "linear": any(panel.role == "linear" for panel in panels),
        "no link": any(panel.role == "links" for panel in panels),
        "not yet computed": any(not panel.given and not panel.accumulates for panel in panels),
    }
    return "".join(
        f'<li><table class="{"linear" if name == "linear" else "input"}" role="presentation" style="--cell:2.1">'
        f"<tr>{cell}</tr></table>{name}</li>\n"
        for name, cell in LEGEND.items()
        if shown.get(name, True)
    )

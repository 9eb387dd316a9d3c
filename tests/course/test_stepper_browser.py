"""Steppers' pages in a real browser; all of these tests have `browser` in their file's name, for `-k "not browser"`."""

from math import prod

import numpy as np
import pytest
from browser import CHROMIUM, Browser
from pages import CASES, Expected, case, in_place

import npconv
from npconv.checks import explain
from npconv.course.page import notebook_html, write_page
from npconv.course.steps import KINDS, Panel, Side, Step, Stepper, stepper
from npconv.text import number_text

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on the PATH")

ALL_STEPS = """(() => {
  const text = (id) => document.getElementById(id).textContent;
  const slider = document.getElementById('slider');
  const panels = [...document.querySelectorAll('.panel')].map((panel) =>
    [...panel.querySelectorAll('table')].flatMap((table) =>
      [...table.rows].slice(1).flatMap((row, r) =>
        [...row.cells].slice(1).map((cell, c) => [table.caption.textContent, r, c, cell]))));
  const shown = [];
  for (let number = Number(slider.max); number > 0; number -= 1) { // backwards, for what a later step may leave behind
    slider.value = number;
    slider.dispatchEvent(new Event('input', { bubbles: true }));
    shown.unshift({
      panels: panels.map((cells) => cells.map(([, , , cell]) => `${cell.textContent}/${cell.className}`).join('|')),
      sentence: text('sentence'), position: text('position'), summary: text('products-summary'), ratio: text('ratio'),
      products: [...document.querySelectorAll('#products li')].map((item) => item.textContent),
      counts: [...document.querySelectorAll('#counts .side')].map((side) =>
        [...side.children].map((e) => e.textContent)),
      bars: [...document.querySelectorAll('#counts .track')].map((track) =>
        [track.getBoundingClientRect().width / track.parentElement.getBoundingClientRect().width,
         track.firstElementChild.getBoundingClientRect().width / track.clientWidth]),
      value: [slider.value, slider.getAttribute('aria-valuetext')],
    });
  }
  return { cells: panels.map((cells) => cells.map((cell) => cell.slice(0, 3))), shown };
})()"""

SHOWN = """[document.getElementById('position').textContent.match(/\\d+/)[0], document.getElementById('slider').value,
  document.getElementById('sentence').textContent, location.hash]"""

SEEN = """((numbers) => numbers.map((number) => { // of each step: how much of it is in view
  const slider = document.getElementById('slider');
  slider.value = number;
  slider.dispatchEvent(new Event('input', { bubbles: true }));
  const seen = (element, top = 0, bottom = innerHeight) => {
    const box = element.getBoundingClientRect();
    return box.top >= top && box.bottom <= bottom && box.left >= 0 && box.right <= innerWidth;
  };
  const top = document.querySelector('.bar').getBoundingClientRect().bottom;
  const bottom = document.getElementById('entry').getBoundingClientRect().top;
  const written = [...document.querySelectorAll('.panel td.written')].filter((cell) => seen(cell, top, bottom));
  const controls = [...document.querySelectorAll('[aria-label=Steps] button, #slider')];
  return [written.length, document.querySelectorAll('.panel td.written').length, controls.every((each) => seen(each))];
}))(%s)"""

TERMS = """(() => { // of each entry of a panel, with the focus on it
  const cells = [...document.querySelectorAll('#panel-%d td:not(.corner)')];
  return cells.map((cell) => {
    cell.focus();
    return document.getElementById('terms').textContent;
  });
})()"""

CELL = """(() => { // to be clicked, in the middle of the page
  const panel = document.getElementById('panel-%d');
  const cell = panel.querySelectorAll('table')[%d].rows[%d + 1].cells[%d + 1];
  document.getElementById('cell')?.removeAttribute('id');
  cell.id = 'cell';
  cell.scrollIntoView({ block: 'center' });
})()"""

TOO_WIDE = """(() => {
  const shown = [...document.querySelectorAll('body *')].filter((e) =>
    e.checkVisibility() && !e.closest('.unseen, script'));
  const name = (e) => `${e.tagName} ${e.id} ${e.className} ${e.textContent.slice(0, 40)}`;
  const inside = (cell) => { // what is left of a cell beside its number
    const range = document.createRange();
    range.selectNodeContents(cell);
    return cell.getBoundingClientRect().width - range.getBoundingClientRect().width;
  };
  return {
    page: [document.scrollingElement.scrollWidth - window.innerWidth],
    clipped: shown.filter((e) => e.clientWidth && !e.matches('.slice') && e.scrollWidth > e.clientWidth).map(name),
    outside: shown.filter((e) => !e.closest('.slice') && e.getBoundingClientRect().right > window.innerWidth).map(name),
    framed: shown.filter((e) => e.matches('.panel td:not(.corner)') && inside(e) < 12).map(name), // frames of 6 pixels
    boxes: shown.filter((e) => e.matches('.slice') && e.scrollWidth > e.clientWidth).map(name),
  };
})()"""

CONTRASTS = """(() => {
  const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
  const known = new Map();
  const paint = (colour, ground) => { // the colour, which may let the ground through, as red, green, blue
    context.fillStyle = `rgb(${ground})`;
    context.fillRect(0, 0, 1, 1);
    context.fillStyle = colour;
    context.fillRect(0, 0, 1, 1);
    return [...context.getImageData(0, 0, 1, 1).data].slice(0, 3);
  };
  const over = (colour, ground) => {
    const key = `${colour} ${ground}`;
    if (!known.has(key)) known.set(key, paint(colour, ground));
    return known.get(key);
  };
  const light = (colour) => {
    const [r, g, b] = colour.map((c) => c / 255).map((c) => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a, b) => (Math.max(light(a), light(b)) + 0.05) / (Math.min(light(a), light(b)) + 0.05);
  const ground = (element) =>
    element === null ? [255, 255, 255] : over(getComputedStyle(element).backgroundColor, ground(element.parentElement));
  const low = [];
  let count = 0;
  for (const element of document.querySelectorAll('body *')) {
    const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.checkVisibility() || element.closest('.unseen')) continue;
    const style = getComputedStyle(element);
    const under = ground(element);
    const hatching = style.backgroundImage.match(/(color|rgba?)\\([^()]*\\)/g) ?? [];
    for (const each of [under, ...hatching.map((colour) => over(colour, under))]) {
      count += 1;
      const found = contrast(over(style.color, under), each);
      if (found < 4.5) low.push(`${element.tagName} ${element.className} ${element.textContent.slice(0, 30)} ${found}`);
    }
  }
  const colours = [...document.querySelectorAll('.panel')].map((panel) =>
    ground(panel.querySelector('td:not(.corner)')));
  return { low, count, page: ground(document.body), colours };
})()"""


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    folder = tmp_path_factory.mktemp("pages")
    made = {name: case(name) for name in CASES}
    for name, each in made.items():
        write_page(each, folder / f"{name}.html", command=f"npconv step {each.kind}")
    return {name: (each, folder / f"{name}.html") for name, each in made.items()}


@pytest.fixture(scope="module")
def only_browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    browser.call("Emulation.setFocusEmulationEnabled", enabled=True)  # else focus() fires no event before the first key
    yield browser
    browser.close()


@pytest.fixture
def browser(only_browser):
    only_browser.resize(1440, 900)
    only_browser.scheme("light")
    return only_browser


def complaints(browser):
    """What the page said to the console, threw, or was refused."""
    names = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
    return [event for event in browser.events if event["method"] in names]


def shows(browser, made):
    """Compare all that the page shows at each step with the stepper."""
    found, right = browser.evaluate(ALL_STEPS), Expected(made)
    places = [[tuple(cell) for cell in cells] for cells in found["cells"]]
    assert len(found["shown"]) == len(made.steps)
    for number, (step, shown) in enumerate(zip(made.steps, found["shown"], strict=True), 1):
        widest = max(side.total for side in step.sides)
        for side, (track, bar) in zip(step.sides, shown.pop("bars"), strict=True):
            assert track == pytest.approx(side.total / widest, abs=0.01)
            assert bar == pytest.approx(side.done / side.total, abs=0.01)
        assert shown.pop("value") == [str(number), f"{number} of {len(made.steps)}, {step.name}"]
        for p, (cells, texts) in enumerate(zip(places, shown["panels"], strict=True)):
            pairs = (tuple(each.rsplit("/", 1)) for each in texts.split("|"))
            shown["panels"][p] = dict(zip(cells, pairs, strict=True))
        assert shown == right.at(number), number


@pytest.mark.parametrize(  # numbers as they are given; the test of edits has the other kinds
    "name", ["backward", "groups", "pointwise, small", "resize", "matching, small", "suppression, small"]
)
def test_every_step_shows_the_steppers_numbers_and_asks_for_nothing(browser, pages, name):
    made, path = pages[name]
    browser.open(path)
    shows(browser, made)
    assert browser.asked() == [path.as_uri()]
    assert complaints(browser) == []


def test_the_page_may_not_ask_for_anything(browser, pages):
    browser.open(pages["standard"][1])
    refused = browser.evaluate("""new Promise((resolve) => {
      const refused = [];
      document.addEventListener('securitypolicyviolation', (event) => {
        refused.push(event.effectiveDirective);
        if (refused.length === 3) resolve(refused.sort());
      });
      fetch('data:text/plain,1').catch(() => null);
      document.body.append(Object.assign(new Image(), { src: 'data:image/gif;base64,R0lGODlhAQABAAAAACw=' }));
      document.body.append(Object.assign(document.createElement('iframe'), { src: 'data:text/html,1' }));
      setTimeout(() => resolve(refused), 5000);
    })""")
    assert refused == ["connect-src", "frame-src", "img-src"]


@pytest.mark.parametrize("focus", ["body", "slider", "next"])
def test_keys_step_once_wherever_the_focus_is(browser, pages, focus):
    made, path = pages["standard"]
    last = len(made.steps)
    browser.open(path)
    browser.evaluate("document.body.focus()" if focus == "body" else f"document.getElementById('{focus}').focus()")
    at = 1
    keys = {"ArrowRight": 1, "ArrowLeft": -1, "PageDown": 10, "PageUp": -10, "Home": -last, "End": last}
    typed = "ArrowLeft ArrowRight ArrowRight ArrowRight ArrowLeft PageDown PageDown PageUp End ArrowRight PageUp Home"
    for key in typed.split():
        at = min(max(at + keys[key], 1), last)
        browser.press(key)
        fragment = browser.evaluate("location.hash")
        assert browser.evaluate(SHOWN) == [str(at), str(at), made.steps[at - 1].sentence, fragment], key
        assert fragment in ((f"#{at}", "") if at == 1 else (f"#{at}",))
    for modifiers in (1, 2, 4, 8) if focus != "slider" else ():  # alt, ctrl, meta, shift; a slider has its own answers
        browser.press("End", modifiers)
    assert browser.evaluate(SHOWN)[0] == "1"


def test_a_step_is_not_lost_where_the_browser_tells_of_an_address_late(browser, pages):
    _, path = pages["standard"]
    browser.open(path)
    at = browser.evaluate("""new Promise((resolve) => {
      const type = (type, key) => document.dispatchEvent(new KeyboardEvent(type, { key, bubbles: true }));
      type('keydown', 'ArrowRight');
      type('keyup', 'ArrowRight'); // the address is 2 now, and hashchange waits
      type('keydown', 'ArrowRight');
      setTimeout(() => resolve(document.getElementById('slider').value), 100);
    })""")
    assert at == "3"


def test_buttons_step_by_click_and_say_where_the_ends_are(browser, pages):
    made, path = pages["inverted-residual"]
    last = len(made.steps)
    browser.open(path)
    ends = (
        "['first', 'previous', 'next', 'last'].map((id) => document.getElementById(id).getAttribute('aria-disabled'))"
    )
    assert browser.evaluate(ends) == ["true", "true", "false", "false"]
    for selector, at in (("#next", 2), ("#next", 3), ("#previous", 2), ("#last", last), ("#next", last), ("#first", 1)):
        browser.click(selector)
        assert browser.evaluate(SHOWN) == [str(at), str(at), made.steps[at - 1].sentence, f"#{at}"]
    browser.click("#last")
    assert browser.evaluate(ends) == ["false", "false", "true", "true"]
    stages = list(dict.fromkeys(step.stage for step in made.steps))
    for number, stage in enumerate(stages, 1):
        browser.click(f".stages button:nth-child({number})")
        first = next(k for k, step in enumerate(made.steps, 1) if step.stage == stage)
        assert browser.evaluate(SHOWN)[0] == str(first)
        current = "[...document.querySelectorAll('.stages [aria-current=step]')].map((button) => button.textContent)"
        assert browser.evaluate(current) == [stage]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_step_writes_is_in_view_and_the_controls_are_at_every_size(browser, pages, kind):
    made, path = pages[kind]
    browser.resize(360, 740)
    browser.open(path)
    assert browser.evaluate("scrollY") == 0  # of an address without a step the top is shown
    for width, height in ((360, 740), (380, 500), (740, 380), (1440, 900)):
        browser.resize(width, height)
        for seen, every, controls in browser.evaluate(SEEN % [1, 2, len(made.steps) // 2, len(made.steps) - 1])[1:]:
            assert controls, (width, height)
            assert seen, (width, height)
            assert seen == every or height < 740 or every > 3, (width, height)  # a whole map may not fit


def test_a_click_on_an_entry_leads_to_its_step(browser, pages):
    made, path = pages["separable"]
    names = [panel.name for panel in made.panels]
    browser.open(path)
    for panel, (row, column, channel), at in (
        ("y", (1, 2, 3), next(k for k, step in enumerate(made.steps, 1) if (1, 2, 3) in step.writes.get("y", ()))),
        ("filtered", (1, 2, 2), 21),
        ("x", (2, 2, 1), 26),  # the next that reads it: filtered[0, 1, 3, 1] does not
        ("x", (2, 2, 1), 29),
        ("x", (0, 0, 1), 2),  # round again
    ):
        browser.evaluate(CELL % (names.index(panel), channel, row, column))
        browser.click("#cell")
        assert browser.evaluate(SHOWN)[::3] == [str(at), f"#{at}"], (panel, row, column)
    assert browser.evaluate("document.activeElement.tagName") == "BODY"  # so that arrows go on to step
    browser.press("ArrowRight")
    assert browser.evaluate(SHOWN)[0] == "3"


def test_a_cell_is_followed_by_keys_and_a_panel_is_one_stop_of_the_tab_key(browser, pages):
    made, path = pages["separable"]
    browser.open(path)
    stops = "[...document.querySelectorAll('td')].filter((cell) => cell.tabIndex === 0).length"
    assert browser.evaluate(stops) == len(made.panels)
    place = """(() => {
      const cell = document.activeElement;
      const table = cell.closest('table');
      return [table.caption.textContent, cell.parentNode.rowIndex - 1, cell.cellIndex - 1];
    })()"""
    browser.evaluate("document.getElementById('last').focus()")
    while browser.evaluate("document.activeElement.tagName") != "TD":
        browser.press("Tab")
    for key, slice_at, row, column in (
        ("Enter", "x channel 0", 0, 0),
        ("ArrowDown", "x channel 0", 1, 0),
        ("ArrowUp", "x channel 0", 0, 0),
        ("ArrowUp", "x channel 0", 0, 0),
        ("ArrowLeft", "x channel 0", 0, 0),
        *(("ArrowRight", "x channel 0", 0, column) for column in range(1, 6)),
        ("ArrowRight", "x channel 1", 0, 0),
        ("ArrowLeft", "x channel 0", 0, 5),
    ):
        browser.press(key)
        found = browser.evaluate(place)
        assert [found[0].split(";")[0], *found[1:]] == [slice_at, row, column]
    assert browser.evaluate(SHOWN)[0] == "1"  # arrows have not stepped
    browser.press("Enter")  # x[0, 0, 5, 0], which the fourth position reads
    at = next(k for k, step in enumerate(made.steps, 1) if (0, 5, 0) in step.reads.get("x", ()))
    assert browser.evaluate(SHOWN)[::3] == [str(at), f"#{at}"]
    browser.press("PageDown")
    assert browser.evaluate(SHOWN)[0] == str(at + 10)
    assert browser.evaluate(place)[1:] == [0, 5]
    assert browser.evaluate(stops) == len(made.panels)


def test_an_entry_has_its_terms_as_explain_writes_them(browser, tmp_path):
    x, kernel = np.array([[[2, 0], [-1, 3], [1, 1]]]), np.array([[[[1, 0], [-2, 1]], [[3, 1], [0, 4]]]])
    made = stepper("standard", x=x, kernel=kernel, padding=((0, 0), (1, 0)))
    write_page(made, tmp_path / "terms.html")
    browser.open(tmp_path / "terms.html", f"#{len(made.steps)}")
    shown = dict(zip(in_place(made.panel("y")), browser.evaluate(TERMS % 2), strict=True))
    for (v, w, n), text in shown.items():
        formula = explain(npconv.conv2d, x[None], kernel, padding=((0, 0), (1, 0)), at=(0, v, w, n))
        products = made.steps[made.panel("y").values[:v].size + w * 2 + n].sentence.split(" = ", 1)[1]
        name, terms, rest = text.split(" = ", 2)
        assert rest == products
        assert f"{name} = {terms}" == formula.replace("k[", "kernel[").replace(",", ", ")
    browser.evaluate("document.activeElement.blur()")
    browser.evaluate(CELL % (2, 1, 0, 1))
    x, y = browser.evaluate("(({ x, y }) => [x + 5, y + 5])(document.getElementById('cell').getBoundingClientRect())")
    browser.call("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)
    assert browser.evaluate("document.getElementById('terms').textContent") == shown[0, 1, 1]
    browser.evaluate("document.querySelector('#panel-2 td:not(.corner)').focus()")  # the pointer stays where it is
    assert browser.evaluate("document.getElementById('terms').textContent") == shown[0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "panel", "at", "text"),
    [
        ("backward", 3, 0, "dx[0, 0, 0, 0] = dy[0, 0, 0, 0]·kernel[0, 0, 0, 0] + dy[0, 0, 0, 1]·kernel[0, 0, 0, 1] = "),
        ("backward", 4, 0, "dkernel[0, 0, 0, 0] = dy[0, 0, 0, 0]·x[0, 0, 0, 0] + dy[0, 0, 1, 0]·x[0, 0, 1, 0] + "),
        ("inverted-residual", 3, 8, "expanded_relu6[0, 0, 1, 0] = relu6(expanded[0, 0, 1, 0]) = relu6("),
        ("inverted-residual", 9, 0, "output[0, 0, 0, 0] = projected[0, 0, 0, 0] + x[0, 0, 0, 0] = "),
        ("per-channel", 3, 1, "y[0, 0, 1, 0] = maps[0, 0, 1, 0] + maps[0, 0, 1, 1] + maps[0, 0, 1, 2] = "),
        ("groups", 3, 35, "y[0, 1, 2, 5] = x[0, 1, 2, 5]·kernel[0, 0, 5, 5] + x[0, 1, 3, 5]·kernel[0, 1, 5, 5] + "),
        ("transposed", 3, 2, "reached[0, 2] = 1 + 1 = 2"),
        ("dilated", 1, 2, "kernel[0, 1, 0, 0] = "),
        ("resize", 1, 6, "y[0, 1, 1, 0] = rows[1, 0]·columns[1, 0]·x[0, 0, 0, 0] + "),
        ("shuffle", 3, 6, "shuffled[0, 0, 0, 1] = filtered[0, 0, 0, 3] = "),
        ("suppression", 1, 0, "scores[0, 0] = "),
        ("suppression", 2, 1, "overlaps[0, 1] = 0"),
        ("matching", 2, 0, "overlaps[0, 0] = 70 / 256 = 0.27"),
    ],
)
def test_terms_name_entries_as_the_code_does(browser, pages, kind, panel, at, text):
    made, path = pages[kind]
    browser.open(path, f"#{len(made.steps)}")
    assert browser.evaluate(TERMS % panel)[at].startswith(text)


def whole_numbers(*shape):
    return np.random.default_rng(prod(shape)).integers(-3, 4, shape).astype(float)


GIVEN = {  # the arrays of a kind, by the panels' names, and its other arguments
    "standard": ({"x": (4, 5, 2), "kernel": (2, 3, 2, 3)}, {"stride": (2, 1), "padding": "same"}),
    "per-channel": ({"x": (4, 3, 2), "kernel": (2, 2, 2, 2)}, {"padding": 1, "stride": 2}),
    "depthwise": ({"x": (3, 4, 2), "kernel": (2, 3, 4)}, {"padding": ((1, 0), (0, 2))}),
    "pointwise": ({"x": (2, 3, 3), "kernel": (3, 2)}, {}),
    "separable": ({"x": (4, 5, 2), "depthwise": (2, 3, 4), "pointwise": (4, 3)}, {"stride": 2}),
    "inverted-residual": ({"x": (3, 2, 2), "expand": (2, 3), "depthwise": (3, 3, 3), "project": (3, 2)}, {}),
    "backward": ({"dy": (4, 3, 2), "x": (4, 4, 2), "kernel": (3, 2, 2, 2)}, {"padding": ((1, 1), (0, 0))}),
    "groups": ({"x": (3, 4, 4), "kernel": (2, 2, 4, 4)}, {}),
    "transposed": ({"x": (2, 3, 2), "kernel": (3, 2, 2, 2)}, {"padding": 1}),
    "dilated": ({"x": (5, 6, 1), "kernel": (2, 2, 1, 2)}, {"dilation": (2, 3), "padding": (1, 0)}),
    "shuffle": ({"x": (1, 2, 4), "first": (2, 4), "second": (2, 4)}, {}),
    "resize": ({"x": (2, 3, 1), "dy": (3, 4, 1)}, {"size": (3, 4)}),
}
ELSEWHERE = {("per-channel", "kernel"): "filter", ("dilated", "kernel"): "spread"}  # panels with other names


@pytest.mark.parametrize("kind", [kind for kind in KINDS if not case(kind).fixed])
def test_after_an_edit_every_number_is_that_of_a_page_of_the_edited_arrays(browser, tmp_path, kind):
    shapes, others = GIVEN[kind]
    arrays = {name: whole_numbers(*shape) for name, shape in shapes.items()}
    first = stepper(kind, **arrays, **others)
    write_page(first, tmp_path / "page.html")
    browser.open(tmp_path / "page.html")
    for name, values in arrays.items():
        number = [panel.name for panel in first.panels].index(ELSEWHERE.get((kind, name), name))
        panel = first.panels[number]
        for k, text in enumerate(("-7", "2.625", "0.1") if name == "x" else ("4", "-3.3")):
            index = tuple((2 * k + axis) % size for axis, size in enumerate(values.shape))
            if kind in ("per-channel", "groups") and name == "kernel":
                index = (*index[:-1], 0)  # the filter that is shown
            values[index] = float(text)
            place = index[: panel.values.ndim]
            if panel.inside:
                place = (place[0] + panel.inside[0], place[1] + panel.inside[2], *place[2:])
            place = tuple(step * i for step, i in zip((*panel.spacing, 1, 1), place, strict=False))
            cell = in_place(panel).index(place)
            browser.evaluate(f"document.querySelectorAll('#panel-{number} td:not(.corner)')[{cell}].focus()")
            browser.type(text)
            browser.press("Enter")
    edited = stepper(kind, **arrays, **others)
    shows(browser, edited)
    assert complaints(browser) == []
    marked = browser.evaluate("document.querySelectorAll('td[data-edited]').length")
    assert browser.evaluate("document.getElementById('reset').ariaLabel") == f"Reset {marked} edited numbers"
    fragment = browser.evaluate("location.hash")
    assert fragment.count("=") == marked >= 4
    browser.open(tmp_path / "page.html", fragment.replace("#1&", f"#{len(edited.steps)}&"))  # shared by an instructor
    assert browser.evaluate(SHOWN)[:3] == [str(len(edited.steps))] * 2 + [edited.steps[-1].sentence]
    browser.click("#reset")
    assert browser.evaluate(SHOWN)[2:] == [first.steps[-1].sentence, f"#{len(first.steps)}"]
    assert browser.evaluate("[...document.querySelectorAll('td[data-edited], #reset:not([hidden])')].length") == 0


def test_what_is_no_number_is_refused_beside_the_cell(browser, pages):
    made, path = pages["pointwise"]
    browser.open(path)
    browser.evaluate("document.querySelector('#panel-1 td:not(.corner)').focus()")
    browser.press("F2")
    for text, got in (("1,5", "1,5"), ("x", "x"), ("1e3", "1e3"), ("1/2", "1/2"), ("", "nothing"), ("1000001", None)):
        browser.evaluate("document.getElementById('number').select()")
        browser.type(text)
        if not text:
            browser.evaluate("document.getElementById('number').value = ''")
        browser.click("#set")
        assert browser.evaluate("document.getElementById('refused').textContent") == (
            "kernel[0, 0] must be a whole number or a decimal such as −2 or 0.5, of at most 1,000,000 in size; "
            f"got {got or text}"
        )
        assert browser.evaluate("document.getElementById('number').getAttribute('aria-invalid')") == "true"
    browser.press("Escape")
    assert browser.evaluate("[document.activeElement.tagName, document.getElementById('editor').hidden]") == [
        "TD",
        True,
    ]
    assert browser.evaluate(SHOWN) == ["1", "1", made.steps[0].sentence, ""]
    browser.open(path, "#2&x.0.0.0=1e3&kernel.0.9=1&kernel.1.0=.5&y.0.0.0=3")  # of an address, only what fits is taken
    assert browser.evaluate("[...document.querySelectorAll('td[data-edited]')].map((cell) => cell.textContent)") == [
        "0.50"
    ]
    assert browser.evaluate("document.getElementById('terms').textContent") == (
        "Numbers of the address that this page does not take: x.0.0.0, kernel.0.9 and y.0.0.0."
    )
    for kind, panel, at, says in (
        ("pointwise", 2, 0, "This entry is not an input. y[0, 0, 0, 0] = "),
        ("standard, small", 0, 0, "Padding"),
        ("suppression", 1, 0, "The numbers of this page are fixed, as the scores and the overlaps decide "),
        ("matching", 0, 0, "The numbers of this page are fixed, as the overlaps decide "),
    ):
        browser.open(pages[kind][1])
        browser.evaluate(f"document.querySelectorAll('#panel-{panel} td:not(.corner)')[{at}].focus()")
        browser.press("F2")
        assert browser.evaluate("document.getElementById('editor').hidden")
        assert says in browser.evaluate("document.getElementById('terms').textContent")


def test_numbers_are_written_as_in_python(browser, tmp_path):
    generator = np.random.default_rng(3)
    scales = 10.0 ** generator.integers(-11, 9, 300)
    numbers = [*generator.normal(size=300) * scales, *np.arange(-24, 24) / 8, *np.arange(-24, 24) * 50.125, 0.0, -0.0]
    numbers += [0.005, 0.0049999, -0.00999, 1e6, 999999.999, -1234567.5, 2.0**50, 1e15, 2e18, -1e-17, 1e-9, 9.6e-4]
    panel = Panel("x", "numbers", np.array([numbers]), ("row", "column"), "input", given=True)
    step = Step("step", "sentence", {}, {}, (), (Side("side", 1, 1),))
    write_page(Stepper("made", "title", "summary", (panel,), (step,)), tmp_path / "numbers.html")
    browser.open(tmp_path / "numbers.html")
    shown = browser.evaluate("[...document.querySelectorAll('.panel td:not(.corner)')].map((cell) => cell.textContent)")
    assert shown == [number_text(number) for number in numbers]


def test_an_address_leads_to_its_step_and_the_history_back_to_it(browser, pages):
    made, path = pages["depthwise"]
    for fragment, at in (
        ("#12", 12),
        ("", 1),
        ("#0", 1),
        ("#-3", 1),
        ("#1.5", 1),
        ("#y", 1),
        ("#9999", len(made.steps)),
    ):
        browser.open(path, fragment)
        assert browser.evaluate(SHOWN)[:2] == [str(at), str(at)], fragment
    browser.open(path, "#12")
    browser.press("ArrowRight")
    browser.click("#last")
    moved = "new Promise((done) => { addEventListener('hashchange', () => setTimeout(done)); history.%s(); })"
    for where, at in (("back", 13), ("back", 12), ("forward", 13)):
        browser.evaluate(moved % where)
        assert browser.evaluate(SHOWN)[::3] == [str(at), f"#{at}"]


@pytest.mark.parametrize(
    "name",
    [
        "inverted-residual",
        "backward",
        "groups",
        "per-channel",
        "standard, small",
        "transposed",
        "dilated",
        "shuffle",
        "resize",
    ],
)
def test_nothing_overflows_and_all_text_is_readable(browser, pages, name):
    made, path = pages[name]
    browser.open(path, f"#{len(made.steps) // 2 + 1}")
    grounds = {}
    for scheme in ("light", "dark"):
        browser.scheme(scheme)
        found = browser.evaluate(CONTRASTS)
        assert found["low"] == []
        assert found["count"] > sum(panel.values.size for panel in made.panels if panel.given)
        grounds[scheme] = [found["page"], *found["colours"]]
    for mark in ("read", "written"):  # dark, each entry in focus
        browser.evaluate(f"document.querySelectorAll('.panel td').forEach((cell) => cell.classList.add('{mark}'))")
        assert browser.evaluate(CONTRASTS)["low"] == []
    browser.scheme("light")
    assert browser.evaluate(CONTRASTS)["low"] == []
    assert sum(grounds["light"][0]) > 700
    assert sum(grounds["dark"][0]) < 100
    assert all(light != dark for light, dark in zip(grounds["light"], grounds["dark"], strict=True))
    browser.evaluate("document.getElementById('last').click()")  # with every number there
    for width, height in ((360, 740), (1440, 900)):
        browser.resize(width, height)
        assert browser.evaluate(TOO_WIDE) == {"page": [0], "clipped": [], "outside": [], "framed": [], "boxes": []}


def test_grids_that_are_wider_than_the_page_scroll_in_their_own_boxes(browser, tmp_path):
    made = stepper("standard", x=(5, 20, 2), kernel=(2, 5), padding="same", stride=(2, 1), out_channels=11, seed=1)
    write_page(made, tmp_path / "wide.html", command="npconv step " + "standard" * 20)
    browser.open(tmp_path / "wide.html", f"#{len(made.steps)}")
    for width, height in ((360, 740), (1440, 900)):
        browser.resize(width, height)
        found = browser.evaluate(TOO_WIDE)
        assert [found["page"], found["clipped"], found["outside"], found["framed"]] == [[0], [], [], []]
        assert bool(found["boxes"]) == (width == 360)
        last = len(made.steps)  # on the right of the last channel's box, step 11 on its left
        assert browser.evaluate(SEEN % [1, last, 11, last]) == [[1, 1, True]] * 4
    browser.resize(360, 740)
    browser.evaluate("(() => { const box = document.querySelector('.slice'); box.tabIndex = 0; box.focus(); })()")
    browser.press("ArrowLeft")  # scrolls
    assert browser.evaluate(SHOWN)[0] == str(len(made.steps))


@pytest.mark.parametrize("kind", ["inverted-residual", "backward", "groups", "resize"])
def test_with_scripts_off_the_last_step_stands_there_without_controls(browser, pages, kind):
    made, path = pages[kind]
    state = """[document.querySelector('main').innerText, document.getElementById('sentence').textContent,
      [...document.querySelectorAll('td')].map((cell) => cell.className)]"""
    browser.open(path, f"#{len(made.steps)}")
    browser.evaluate("document.querySelectorAll('.controls').forEach((each) => each.remove())")
    with_scripts = browser.evaluate(state)
    browser.call("Emulation.setScriptExecutionDisabled", value=True)
    try:
        browser.open(path)
        assert browser.evaluate(state) == with_scripts
        assert with_scripts[1] == made.steps[-1].sentence
        seen = "[...document.querySelectorAll('.controls, noscript')].map((each) => each.checkVisibility())"
        assert browser.evaluate(seen) == [False] * (len(browser.evaluate(seen)) - 1) + [True]
    finally:
        browser.call("Emulation.setScriptExecutionDisabled", value=False)


def test_a_screen_reader_is_told_the_step(browser, pages):
    made, path = pages["separable"]
    browser.open(path, "#5")
    browser.press("ArrowRight")
    nodes = [node for node in browser.call("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    by_role = {}
    for node in nodes:
        by_role.setdefault(node["role"]["value"], []).append(node)
    (slider,) = by_role["slider"]
    assert slider["name"]["value"] == "Step"
    assert slider["value"]["value"] in (6, f"6 of {len(made.steps)}, {made.steps[5].name}")
    (status,) = by_role["status"]
    properties = {each["name"]: each["value"]["value"] for each in status["properties"]}
    assert properties["live"] == "polite"
    children = [node for node in nodes if node.get("parentId") == status["nodeId"]]
    assert "".join(child["name"]["value"] for child in children) == made.steps[5].sentence
    names = [node["name"]["value"] for node in by_role["button"]]
    assert names == ["First step", "Previous", "Next", "Last step", "depthwise", "pointwise"]
    tables = [node["name"]["value"].replace(" ;", ";") for node in by_role["table"]]
    assert tables[:2] == ["x channel 0; rows: row, columns: column", "x channel 1; rows: row, columns: column"]
    assert [node["name"]["value"] for node in by_role["heading"]][:2] == [
        made.title,
        f"Step 6 of {len(made.steps)}, depthwise:",
    ]
    assert {"main", "banner", "contentinfo"} <= by_role.keys()


def test_a_screen_reader_is_told_which_rows_and_columns_are_padding(browser, pages):
    made, path = pages["standard, small"]
    top, bottom, left, right = made.panel("x").inside
    browser.open(path)
    nodes = [node for node in browser.call("Accessibility.getFullAXTree")["nodes"] if not node["ignored"]]
    for role, axis, first, end in (("rowheader", 0, top, bottom), ("columnheader", 1, left, right)):
        size = made.panel("x").values.shape[axis]
        right_names = [str(k - first) if first <= k < end else "padding" for k in range(size)]
        assert "padding" in right_names
        names = [node["name"]["value"] for node in nodes if node["role"]["value"] == role]
        assert names[: 2 * size] == 2 * right_names  # channel 0 and channel 1


def test_printed_the_page_keeps_its_step_without_controls(browser, pages):
    made, path = pages["separable"]
    browser.open(path, "#7")
    browser.call("Emulation.setEmulatedMedia", media="print")
    try:
        seen = "[...document.querySelectorAll('.controls')].map((each) => each.checkVisibility())"
        assert set(browser.evaluate(seen)) == {False}
        assert browser.evaluate(SHOWN)[2] == made.steps[6].sentence
    finally:
        browser.call("Emulation.setEmulatedMedia", media="")


def test_a_page_steps_in_a_notebooks_frame(browser, tmp_path):
    made = stepper("pointwise")
    (tmp_path / "notebook.html").write_text(f"<!DOCTYPE html><title>notebook</title>{notebook_html(made)}")
    browser.open(tmp_path / "notebook.html")
    page, browser.session = browser.session, None
    targets = browser.call("Target.getTargets")["targetInfos"]
    frame = next(each["targetId"] for each in targets if each["type"] == "iframe")
    browser.session = browser.call("Target.attachToTarget", targetId=frame, flatten=True)["sessionId"]
    try:
        browser.call("Runtime.enable")
        browser.press("ArrowRight")
        browser.press("ArrowRight")
        assert browser.evaluate(SHOWN)[:3] == ["3", "3", made.steps[2].sentence]
        browser.press("End")
        browser.evaluate("document.querySelector('#panel-0 td:not(.corner)').focus()")
        browser.type("9")
        browser.press("Enter")
        assert browser.evaluate("document.querySelector('#panel-0 td[data-edited]').textContent") == "9"
    finally:
        browser.session = page
    assert complaints(browser) == []


def test_a_step_scrolls_the_frame_of_a_page_and_not_the_page_around_it(browser, tmp_path):
    frame = notebook_html(case("standard"), height=500).replace(
        'sandbox="allow-scripts"', ""
    )  # as on a site of one's own
    (tmp_path / "site.html").write_text(f'<!DOCTYPE html><title>site</title><p style="height:700px"></p>{frame}')
    browser.open(tmp_path / "site.html")
    browser.evaluate("frames[0].document.getElementById('last').click()")
    assert browser.evaluate("[frames[0].scrollY > 0, scrollY]") == [True, 0]
    assert browser.evaluate("frames[0].document.getElementById('slider').value") == "48"

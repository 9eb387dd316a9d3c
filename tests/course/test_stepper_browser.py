"""Steppers' pages in a real browser; all of these tests have `browser` in their file's name, for `-k "not browser"`."""

import pytest
from browser import CHROMIUM, Browser
from pages import CASES, Expected, case

from npconv.course.page import notebook_html, write_page
from npconv.course.steps import stepper

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

SEEN = """((classes) => {
  const top = document.querySelector('.bar').getBoundingClientRect().bottom;
  return [...document.querySelectorAll(`.panel td.${classes}`)].map((cell) => {
    const box = cell.getBoundingClientRect();
    return box.top >= top && box.bottom <= innerHeight && box.left >= 0 && box.right <= innerWidth;
  });
})('%s')"""

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


@pytest.mark.parametrize(  # with all that a page may have: stages, sums, links, a panel of two axes, padding, fractions
    "name",
    [
        "inverted-residual",
        "backward",
        "groups",
        "per-channel",
        "standard, small",
        "pointwise, small",
        "transposed, small",
        "dilated, small",
        "shuffle, small",
        "resize",
        "resize, small",
    ],
)
def test_every_step_shows_the_steppers_numbers_and_asks_for_nothing(browser, pages, name):
    made, path = pages[name]
    browser.open(path)
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


@pytest.mark.parametrize("name", ["standard", "backward", "inverted-residual", "resize"])
def test_what_a_step_writes_is_in_view_on_a_small_screen_too(browser, pages, name):
    made, path = pages[name]
    browser.resize(380, 800)
    browser.open(path)
    assert browser.evaluate("scrollY") == 0  # of an address without a step the top is shown
    for number in (2, len(made.steps) // 2, len(made.steps) - 1):
        browser.evaluate(f"location.hash = '{number}'")
        browser.evaluate("new Promise((done) => setTimeout(done, 30))")
        written = browser.evaluate(SEEN % "written")
        assert len(written) == sum(map(len, made.steps[number - 1].writes.values()))
        assert all(written) or (name == "backward" and sum(written) > 20), number  # two gradients may not fit
    browser.resize(380, 500)  # where the bar does not stay, neither does the page move away from it
    browser.open(path, "#2")
    assert browser.evaluate("scrollY") == 0


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
    finally:
        browser.session = page
    assert complaints(browser) == []

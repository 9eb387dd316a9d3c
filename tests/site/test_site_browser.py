"""The site's pages in a real browser, with Pyodide from the folder that NPCONV_PYODIDE names, and no other address."""

import ast
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from browser import Browser

from npconv import claims
from npconv.course.lessons import LESSONS
from npconv.figures import cost_ratio
from npconv.site import serve

ROOT = Path(__file__).parents[2]
PAGES = sorted(path.stem for path in (ROOT / "docs").glob("*.md") if "```python\n" in path.read_text(encoding="utf-8"))
PLANTED = ["https://npconv.example/page", "https://npconv.example/worker"]
PATIENCE = 150  # seconds for a page's blocks, on a machine that does other things

WATCH = """(() => { // what the status of blocks says, in order
  window.said = [];
  new MutationObserver((changes) => {
    for (const { target } of changes) if (target.className === 'npconv-status') said.push(target.textContent);
  }).observe(document.body, { childList: true, subtree: true });
})()"""
BLOCK = """((number) => {
  const block = document.querySelectorAll('.npconv-block')[number];
  const text = (name) => [...block.querySelectorAll(`.npconv-${name}`)].map((each) => each.textContent).join('');
  return {
    button: text('run'), status: text('status'), value: text('value'), error: text('error'), stdout: text('stdout'),
    figures: [...block.querySelectorAll('img')].map((image) => [image.alt, image.naturalWidth]),
    code: block.querySelector('pre').textContent,
  };
})(%d)"""
SIZES = """(() => {
  const area = document.activeElement;
  const [one, other] = [area, area.previousElementSibling].map((each) => {
    const { font, padding } = getComputedStyle(each);
    const { x, y, width, height } = each.getBoundingClientRect();
    return [x, y, width, height, font, padding];
  });
  const hidden = [area.scrollWidth - area.clientWidth, area.scrollHeight - area.clientHeight];
  return { area: one, pre: other, hidden, scrolled: area.parentElement.scrollLeft };
})()"""
RUN_A_PAGE = """(async () => { // the blocks of another page, in this page's Python
  const { page } = await import('/_static/run.js');
  const text = await (await fetch(%s)).text();
  const blocks = new DOMParser().parseFromString(text, 'text/html').querySelectorAll('.highlight-python pre');
  page.python.forget();
  const wrong = []; // blocks with errors, and those that print something else than the page says
  for (const block of blocks) {
    let printed = '';
    const { error } = await page.python.run(block.textContent, { onOutput: (text) => (printed += text) });
    const next = block.closest('.highlight-python').nextElementSibling;
    const recorded = next?.matches('.highlight-text') ? next.querySelector('pre').textContent : printed;
    if (error !== null || printed !== recorded) wrong.push([block.textContent, printed, recorded, error]);
  }
  return { count: blocks.length, wrong };
})()"""
RUN_CODE = """(async () => {
  const { page } = await import('/_static/run.js');
  return page.python.run(%s);
})()"""
JUDGE = """
import npconv.claims
{each.name: each().verdict for each in npconv.claims.of(%r)}
"""


class Page:
    """A browser on one page of a site that is served."""

    def __init__(self, browser: Browser, root: str) -> None:
        self.browser, self.root = browser, root
        self.elsewhere: list[str] = []

    def open(self, name: str) -> None:
        self.note()
        self.browser.open(f"{self.root}{name}")
        self.browser.evaluate(WATCH)

    def note(self) -> None:
        """Keep what was asked of others than the server."""
        self.elsewhere += [each for each in self.browser.asked() if not each.startswith((self.root, "data:"))]
        self.browser.events.clear()

    def later(self, expression: str) -> Any:
        """What a promise of the page resolves to, however long it takes."""
        self.browser.evaluate(f"void (window.result = null, {expression}.then((it) => (window.result = [it])))")
        return self.until("window.result", lambda result: result is not None)[0]

    def until(self, expression: str, right: Callable[[Any], bool]) -> Any:
        end = time.monotonic() + PATIENCE
        while not right(value := self.browser.evaluate(expression)):
            assert time.monotonic() < end, value
            time.sleep(0.05)
        return value

    def click(self, block: int, button: str) -> None:
        self.browser.evaluate(
            f"document.querySelectorAll('.npconv-block')[{block}].querySelector('.npconv-{button}').click()"
        )

    def ended(self, block: int) -> dict[str, Any]:
        """What a block shows when it has run."""
        return self.until(BLOCK % block, lambda shown: shown["button"] == "Run" and shown["status"] != "")

    def run(self, code: str) -> dict[str, Any]:
        return self.later(RUN_CODE % json.dumps(code))

    def edit(self, block: int, code: str) -> None:
        """Write other code into a block, with the keyboard alone."""
        self.browser.evaluate(f"document.querySelectorAll('.npconv-edit')[{block}].focus()")
        self.browser.press("Enter")
        assert self.browser.evaluate("document.activeElement.className") == "npconv-editor"
        self.browser.evaluate("document.activeElement.select()")
        self.browser.call("Input.insertText", text=code)


@pytest.fixture(scope="module")
def page(served):
    browser, address = served
    page = Page(browser, f"{address}/")
    page.open("lessons/standard-convolution.html")
    yield page
    page.note()
    assert set(page.elsewhere) <= set(PLANTED)


def loaded(page: Page) -> set[str]:
    """The names of the files of packages that were asked for."""
    return {
        address.rpartition("/")[2].partition("-")[0] for address in page.browser.asked() if address.endswith(".whl")
    }


def test_a_block_runs_after_those_above_it_and_says_what_is_loaded(page):
    page.click(2, "run")
    assert page.ended(2)["status"].startswith("Done in ")
    said = page.browser.evaluate("said")
    loading = said.index("Loading Python and NumPy, about 19 MB …")
    assert (
        loading
        < said.index("Running the blocks above first, 1 of 2 …")
        < said.index("Running the blocks above first, 2 of 2 …")
    )
    assert loaded(page) == {"numpy", "npconv"}
    assert page.browser.evaluate("crossOriginIsolated")
    page.browser.evaluate("void (said.length = 0)")
    page.click(3, "run")
    page.ended(3)
    assert not any("above" in each for each in page.browser.evaluate("said"))


def test_a_block_is_edited_and_run_by_the_keyboard_and_reset(page):
    before = page.browser.evaluate(BLOCK % 0)["code"]
    page.edit(0, "for i in range(2):")
    page.browser.press("Enter")
    page.browser.call("Input.insertText", text="print(x := i)")
    page.browser.press("Enter")
    page.browser.press("Tab", modifiers=8)  # Shift
    page.browser.call("Input.insertText", text="x + 40")
    page.browser.press("Enter", modifiers=2)  # Ctrl
    shown = page.ended(0)
    assert shown["code"] == "for i in range(2):\n    print(x := i)\nx + 40\n"
    assert (shown["stdout"], shown["value"], shown["error"]) == ("0\n1\n", "41", "")
    page.browser.press("Escape")
    assert page.browser.evaluate("document.activeElement.getAttribute('aria-label')") == "Run block 1"
    page.click(0, "reset")
    assert page.browser.evaluate(BLOCK % 0)["code"] == before


def test_what_is_edited_lies_on_what_is_shown(page):
    page.edit(0, "x = 1\n" * 30 + "# long " * 60)
    assert page.browser.evaluate(BLOCK % 0)["status"] == "Ctrl+Enter runs it, Escape leaves it."
    page.browser.press("Home")
    page.browser.press("End")
    sizes = page.browser.evaluate(SIZES)
    assert sizes["area"] == sizes["pre"]
    assert sizes["hidden"] == [0, 0]
    assert sizes["scrolled"] > 1000
    page.browser.press("Escape")
    page.click(0, "reset")


def test_the_end_of_a_run_is_in_sight_of_a_reader_who_edits_a_long_block(page):
    page.edit(0, "x = 1\n" * 60 + "1 / 0")
    page.browser.press("Home", modifiers=2)  # Ctrl
    page.until("document.querySelector('.npconv-bar').getBoundingClientRect().y > innerHeight", bool)
    page.browser.press("Enter", modifiers=2)
    assert "ZeroDivisionError" in page.ended(0)["error"]
    page.until("document.querySelector('.npconv-error').getBoundingClientRect().bottom <= innerHeight", bool)
    page.browser.press("Escape")
    page.click(0, "reset")


def test_an_endless_loop_is_stopped_and_names_stay(page):
    page.edit(0, "kept = 41\nwhile True: pass")
    page.browser.press("Enter", modifiers=8)  # Shift
    page.until(BLOCK % 0, lambda shown: shown["status"] == "Running …")
    assert page.browser.evaluate(BLOCK % 0)["button"] == "Stop"
    page.click(0, "run")
    shown = page.ended(0)
    assert (shown["error"], shown["status"]) == ("Stopped.", "It was stopped.")
    assert page.run("kept")["value"] == "41"
    page.click(0, "reset")


def test_much_output_does_not_stop_the_page(page):
    page.edit(0, "for i in range(10**5): print(i)\nrange(10**6), list(range(10**5))")
    page.browser.press("Enter", modifiers=2)
    shown = page.ended(0)
    assert 20_000 < len(shown["stdout"]) < 20_100
    assert 20_000 < len(shown["value"]) < 20_100
    page.click(0, "reset")


def test_a_figure_is_drawn_and_matplotlib_loaded_only_then(page):
    assert loaded(page) == {"numpy", "npconv"}
    page.edit(0, "from npconv.figures import cost_ratio\ncost_ratio()")
    page.browser.press("Enter", modifiers=2)
    shown = page.ended(0)
    assert (shown["value"], shown["error"]) == ("", "")
    ((alt, width),) = shown["figures"]
    assert alt == cost_ratio().alt
    assert width > 300
    assert {"matplotlib", "pillow", "contourpy"} < loaded(page)
    page.click(0, "reset")


@pytest.mark.parametrize("name", LESSONS)
def test_every_block_of_a_lesson_runs(page, name):
    check_page(page, f"lessons/{name}")


@pytest.mark.parametrize("name", PAGES)
def test_every_block_of_another_page_runs(page, name):
    check_page(page, name)


def check_page(page, name):
    text = (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")
    result = page.later(RUN_A_PAGE % json.dumps(f"/{name}.html"))
    assert result == {"count": text.count("```python\n"), "wrong": []}


@pytest.mark.parametrize("source", claims.SOURCES)
def test_every_claim_has_its_verdict(page, source):
    result = page.run(JUDGE % source)
    assert result["error"] is None
    assert ast.literal_eval(result["value"]) == {each.name: each.verdict for each in claims.of(source)}


def test_what_a_browser_refuses_is_said(page, live_site):
    """No more is started here than is refused: the page where Python is stays as it is."""
    said = page.later("""(async () => {
      const { Python } = await import('/_static/python.js');
      const said = [];
      const tried = async (settings, then = () => {}) => {
        const python = new Python({ pyodide: '/_pyodide/', wheel: '/_static/nothing.whl', ...settings });
        const run = python.run('1');
        then(python);
        said.push((await run).error);
        python.end();
      };
      await tried({ pyodide: '/nowhere/' });
      await tried({}, (python) => python.interrupt());
      return said;
    })()""")
    assert said[0].startswith(f"Python could not be loaded from {page.root}nowhere/: ")
    assert said[1] == "Python was ended, so the names of all blocks are gone."


def test_a_request_that_leaves_the_loopback_is_seen_and_fails(page):
    """Of all others, of pages and of workers, the fixture says so at the end."""
    page.note()
    assert page.elsewhere == []
    page.browser.evaluate(f"fetch('{PLANTED[0]}').catch(() => null)")
    planted = (
        f"import js\nrequest = js.XMLHttpRequest.new()\nrequest.open('GET', '{PLANTED[1]}', False)\nrequest.send()"
    )
    assert "NetworkError" in page.run(planted)["error"]
    page.note()
    assert page.elsewhere == PLANTED


def test_python_is_ended_where_it_cannot_be_interrupted(page, monkeypatch):
    monkeypatch.setattr(serve, "HEADERS", {})
    page.open("layers.html")
    assert not page.browser.evaluate("crossOriginIsolated")
    page.click(0, "run")
    page.until("said.length", lambda count: count > 0)
    page.click(0, "run")
    assert page.ended(0)["error"] == "Python was ended, so the names of all blocks are gone."


def test_a_page_that_is_opened_as_a_file_says_how_to_serve_it(page, live_site):
    page.note()
    page.browser.open(live_site / "layers.html")
    assert "npconv site --out DIR --serve" in page.browser.evaluate(
        "document.querySelector('.npconv-notice').textContent"
    )
    assert page.browser.evaluate("document.querySelector('.npconv-run')") is None
    page.browser.open("about:blank")


def test_the_drawers_of_a_narrow_page_come_in_with_the_focus(page):
    page.browser.resize(380, 800)
    place = "document.querySelector('.sidebar-drawer').getBoundingClientRect().x"
    page.open("index.html")
    assert page.browser.evaluate(place) < -200
    while not page.browser.evaluate("document.activeElement.matches('.sidebar-drawer *')"):
        page.browser.press("Tab")
    page.until(place, lambda x: x == 0)
    page.browser.call("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("width", [380, 1100, 1440])
@pytest.mark.parametrize("name", ["claims", "exercises/iou", "source/npconv/kernels/standard.py", "api/layers"])
def test_a_page_is_as_wide_as_the_window(page, name, width):
    page.browser.resize(width, 800)
    page.open(f"{name}.html")
    assert page.browser.evaluate("document.documentElement.scrollWidth") == width
    page.browser.call("Emulation.clearDeviceMetricsOverride")

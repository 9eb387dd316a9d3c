"""The page of an exercise in a browser: verdict, points and counter-example are those of the command line."""

import json
import textwrap
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from npconv.course.exercises.template import exercise_of, exercise_text
from npconv.course.grading import grade

NAME = "standard-taps"
FILE = "standard_taps.py"
START = exercise_text(*exercise_of(NAME, None))
SECONDS = 120  # for a page to answer, on a machine that does other things
TAPS = """
(top, bottom), (left, right) = padding
x = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)))
rows, columns = (x.shape[1] - kernel.shape[0]) // stride[0] + 1, (x.shape[2] - kernel.shape[1]) // stride[1] + 1
y = np.zeros((len(x), rows, columns, kernel.shape[3]), np.result_type(x, kernel))
for i, j in np.ndindex(kernel.shape[:2]):
    tap = x[:, i : i + (rows - 1) * stride[0] + 1 : stride[0], j : j + (columns - 1) * stride[1] + 1 : stride[1]]
    y += tap @ kernel[i, j]
return y
"""

# what is written in the function's place, its variant, and a part of the report
SUBMISSIONS = {
    "right": (TAPS, None, "4 of 4  "),
    "wrong": (TAPS.replace("stride[1]", "stride[0]"), None, "the height's stride is taken for both"),
    "raising": ("return x[0, 0, 0, kernel.shape[2] + 4]", None, "IndexError: index 5 is out of bounds for axis 3"),
    "looping": ("while True:\n    pass", None, "no answer within 5 s"),
    "leaving": ('import sys\nsys.exit("all tests passed")', None, "sys.exit(all tests passed)"),
    "printing": ('print("\\x1b[2J")\nfor k in range(200):\n    print("much", k)\nreturn x', None, "prints: \ufffd[2J"),
    "changing": (f"kernel *= 2\n{TAPS}", None, "the argument kernel is changed"),
    "listing": (f"{TAPS.replace('return y', 'return y.tolist()')}", None, "a list of lists, not an array"),
    "filling": ("return np.ones((1 << 13, 1 << 13, 3))", None, "MemoryError: Unable to allocate 1.50 GiB"),
    "recursing": (
        "def again(x):\n    return again(x)\nreturn again(x)",
        None,
        "RecursionError: maximum recursion depth",
    ),
    "importing": ("import npconv\nreturn npconv.conv2d(x, kernel)", None, "a submission may not import npconv"),
    "escaping": ("import js\nreturn js.fetch", None, "a submission may not import js"),
    "ending": ("import os\nos._exit(3)", None, "its process ended with exit status 3"),
    "varied": (TAPS, 7, "variant 7 ("),
}


def submission(name):
    body, seed, _ = SUBMISSIONS[name]
    text = exercise_text(*exercise_of(NAME, seed))
    return text.replace("    raise NotImplementedError\n", textwrap.indent(body.strip(), "    ") + "\n")


class ExercisePage:
    """A page of an exercise that is open."""

    def __init__(self, browser, address):
        self.browser, self.address = browser, address

    def open(self, name):
        self.browser.open(f"{self.address}/exercises/{name}.html")
        self.until("!document.querySelector('.npconv-actions').hidden")

    def until(self, condition):
        end = time.monotonic() + SECONDS
        while not (value := self.browser.evaluate(condition)):
            assert time.monotonic() < end, f"{condition}: {self.status}"
            time.sleep(0.1)
        return value

    @property
    def status(self):
        return self.browser.evaluate("document.querySelector('.npconv-status').textContent")

    @property
    def code(self):
        return self.browser.evaluate("document.querySelector('.npconv-desk textarea').value")

    @property
    def variant(self):
        return self.browser.evaluate("document.querySelector('[name=seed]').value")

    def write(self, text):
        self.browser.evaluate(
            "((area) => { area.focus(); area.select(); })(document.querySelector('.npconv-desk textarea'));"
            f"document.execCommand('insertText', false, {json.dumps(text)})"
        )

    def press(self, action):
        self.browser.evaluate(f"document.querySelector('[data-action={action}]').click()")

    def choose(self, seed):
        self.browser.evaluate(
            f"((form) => {{ form.elements.seed.value = '{seed}'; form.requestSubmit(); }})"
            "(document.querySelector('.npconv-variant'))"
        )
        self.idle()

    def idle(self):
        self.until("document.querySelector('[data-action=grade]').textContent === 'Grade'")

    def has_ended_its_sandbox(self):
        """True when two workers live, the grader's and a spare one: the browser reports the begin and end of each."""
        end = time.monotonic() + 10
        while time.monotonic() < end:
            self.browser.evaluate("0")  # reads what is reported
            events = [event["method"] for event in self.browser.events]
            if events.count("Target.attachedToTarget") - events.count("Target.detachedFromTarget") == 2:
                return True
            time.sleep(0.1)
        return False

    def report(self):
        self.idle()
        return self.browser.evaluate(
            "((report) => report.hidden ? '' : report.textContent)(document.querySelector('.npconv-report'))"
        )


@pytest.fixture(scope="module")
def page(served):
    page = ExercisePage(*served)
    page.open(NAME)
    page.browser.evaluate("window.confirm = () => true")
    return page


@pytest.mark.parametrize("name", SUBMISSIONS)
def test_a_submission_has_the_verdict_points_and_counter_example_of_the_command_line(page, name, tmp_path, monkeypatch):
    source, part = submission(name), SUBMISSIONS[name][2]
    monkeypatch.chdir(tmp_path)
    (tmp_path / FILE).write_text(source, encoding="utf-8")
    with ThreadPoolExecutor() as pool:
        native = pool.submit(grade, FILE)
        page.write(source)
        page.press("grade")
        report = page.report()
        native = native.result()
    assert page.has_ended_its_sandbox()
    assert part in report
    assert report == native.as_text()
    assert page.status.startswith(f"{native.points} of 4 points: conv2d_taps is {native.verdicts[0].status}")


def test_the_verdict_comes_into_sight_of_a_reader_who_stays_in_the_editor(page):
    page.write(submission("raising"))
    page.browser.press("Home", modifiers=2)  # Ctrl
    box = "document.querySelector('.npconv-status').getBoundingClientRect()"
    place = f"((box) => [box.top, innerHeight - box.bottom])({box})"
    page.until(f"{place}[1] < 0")
    page.browser.press("Enter", modifiers=2)
    assert page.report() != ""
    page.until(f"{place}.every((distance) => distance > 100)")


def test_a_run_can_be_stopped(page):
    page.write(submission("looping"))
    page.press("grade")
    page.until("document.querySelector('.npconv-status').textContent === 'Grading …'")
    page.press("grade")  # which says Stop
    assert page.report() == ""
    assert page.status == "Stopped."
    assert page.has_ended_its_sandbox()
    assert all(address.startswith((page.address, "data:")) for address in page.browser.asked())


def test_the_file_of_a_variant_is_that_of_the_command_line_and_what_was_typed_before_is_kept(page):
    browser = page.browser
    page.write("# mine\n" + START)
    page.choose(12)
    assert page.code == exercise_text(*exercise_of(NAME, 12))
    page.write(page.code + "# more\n")
    page.choose("")
    assert page.code == "# mine\n" + START
    page.choose(12)
    assert page.code.endswith("# more\n")
    page.open(NAME)
    assert page.code.endswith("# more\n")
    assert page.variant == "12"
    page.choose("")
    assert page.code == "# mine\n" + START
    browser.evaluate("window.confirm = () => false")
    page.press("reset")
    assert page.code == "# mine\n" + START
    browser.evaluate("window.confirm = () => true")
    page.press("reset")
    assert page.code == START
    page.open(NAME)
    assert page.code == START
    assert page.variant == ""

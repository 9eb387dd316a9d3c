"""`npconv grade` from end to end: a file goes in, a report and an exit status come out."""

import json
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import npconv
from npconv.cli import main
from npconv.course.exercises import EXERCISES, Variant
from npconv.course.exercises.bugs import BUGS, solution_source
from npconv.course.exercises.template import start_exercise
from npconv.course.grading import Limits, grade_source
from npconv.course.grading.cases import Cases
from npconv.course.grading.grade import LARGEST, seed_of
from npconv.course.grading.judging import Judge
from npconv.course.grading.process import Outcome

HEAD = "# npconv exercise: pointwise\n# npconv variant: none\nimport numpy as np\n"
FORWARD = "def pointwise_conv2d(x, kernel):\n    return x @ kernel\n"
BACKWARD = (
    "def pointwise_conv2d_backward(dy, x, kernel):\n"
    "    return dy @ kernel.T, np.tensordot(x, dy, ((0, 1, 2), (0, 1, 2)))\n"
)
RIGHT = HEAD + FORWARD + BACKWARD
POINTWISE = EXERCISES["pointwise"]


def report_on(source, **limits):
    return grade_source(source, POINTWISE, Variant(), limits=Limits(**limits))


def run(capsys, *arguments):
    """Exit status, what is printed and what goes to stderr."""
    status = main(["grade", *map(str, arguments)])
    return status, *capsys.readouterr()


@pytest.fixture(autouse=True)
def an_ordinary_user(monkeypatch):
    monkeypatch.setattr("os.geteuid", lambda: 1, raising=False)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "pointwise.py"
    path.write_text(RIGHT, encoding="utf-8")
    return path


def test_a_started_file_is_missing_all_and_a_filled_one_is_right(tmp_path, capsys):
    path = start_exercise("pointwise", tmp_path)
    status, out, _ = run(capsys, path)
    assert status == 1
    assert out.count("  missing  0 of ") == 2
    assert "0 of 5" in out
    source = path.read_text(encoding="utf-8")
    for body in (FORWARD, BACKWARD):
        line = body.splitlines()[-1].strip()
        source = source.replace("raise NotImplementedError", line, 1)
    path.write_text(source, encoding="utf-8")
    status, out, err = run(capsys, path, "--exercise", "pointwise")
    assert (status, err) == (0, "")
    assert "5 of 5" in out
    assert out.count("right") >= 2


def test_a_wrong_function_is_shown_in_its_smallest_case(file, capsys):
    file.write_text(RIGHT.replace("x @ kernel", "x @ kernel[::-1]", 1), encoding="utf-8")
    status, out, _ = run(capsys, file)
    assert status == 1
    for part in (
        "pointwise_conv2d           wrong  0 of 2",
        "pointwise_conv2d_backward  right  3 of 3",
        "only where the input has 2",
        "by hand: y[0,0,0,0] = x[0,0,0,0]·k[0,0] + x[0,0,0,1]·k[1,0]",
        "the call: pointwise_conv2d(np.array([[[[",
    ):
        assert part in out
    assert max(map(len, out.splitlines()[1:])) <= 110


def test_the_json_has_the_same_and_its_keys_stay_as_they_are(file, capsys):
    file.write_text(RIGHT.replace("x @ kernel", "x @ kernel[::-1]", 1), encoding="utf-8")
    status, out, _ = run(capsys, file, "--json")
    assert status == 1
    data = json.loads(out)
    assert list(data) == ["file", "exercise", "variant", "points", "out_of", "right", "functions", "notes"]
    assert (data["exercise"], data["variant"], data["points"], data["out_of"]) == ("pointwise", None, 3, 5)
    wrong, right = data["functions"]
    keys = ["function", "status", "points", "out_of", "property", "cases_right", "cases", "printed"]
    assert list(right) == keys
    assert list(wrong) == [*keys, "counter_example"]
    example = wrong["counter_example"]
    assert list(example) == ["arguments", "options", "outcome", "message", "returned", "right", "wrong"]
    x, kernel = (np.array(example["arguments"][name]) for name in ("x", "kernel"))
    assert np.array_equal(npconv.pointwise_conv2d(x, kernel), example["right"][0])
    assert np.array_equal(npconv.pointwise_conv2d(x, kernel[::-1]), example["returned"])


@pytest.mark.parametrize("form", [[], ["--json"]])
def test_the_same_file_has_the_same_report_to_the_byte(file, capsys, form):
    file.write_text(RIGHT.replace("x @ kernel", "x @ kernel * (len(x) < 3)", 1), encoding="utf-8")
    assert run(capsys, file, *form) == run(capsys, file, *form)


def test_other_bytes_have_other_cases_so_that_answers_cannot_be_looked_up():
    def key(arrays):
        return repr([np.asarray(a, float).tolist() for a in arrays])

    task = POINTWISE.tasks[0]
    known = Cases(task, Variant(), seed_of(RIGHT))
    table = {key(case.arrays.values()): known.right(case)[0].tolist() for case in known}
    looking = (
        f"TABLE = {table!r}\n"
        "def pointwise_conv2d(x, kernel):\n"
        "    key = repr([np.asarray(a, float).tolist() for a in (x, kernel)])\n"
        "    return np.array(TABLE.get(key, np.zeros((*x.shape[:3], kernel.shape[1]))))\n"
    )
    verdict, other = report_on(HEAD + looking + BACKWARD).verdicts
    assert (verdict.status, other.status) == ("wrong", "right")
    assert verdict.passed < verdict.tried / 4
    answered = Cases(task, Variant(), seed_of(RIGHT + "# one more\n"))
    assert not {key(case.arrays.values()) for case in answered} <= set(table)


REFUSED = {
    "no header": (FORWARD, "the file has no line '# npconv exercise: …'"),
    "two headers": (HEAD + RIGHT, "the file has 2 lines '# npconv exercise: …'"),
    "an unknown exercise": (RIGHT.replace(": pointwise", ": pointless"), "there is no exercise pointless"),
    "an odd variant": (RIGHT.replace(": none", ": seven"), "'# npconv variant:' must say none or a whole number"),
    "a huge file": (RIGHT + "#" * LARGEST, "must be a file of at most 1,000,000 bytes; got more"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_is_no_exercise_is_refused(file, capsys, what):
    source, says = REFUSED[what]
    file.write_text(source, encoding="utf-8")
    status, out, err = run(capsys, file)
    assert (status, out) == (2, "")
    assert err.startswith("npconv grade: ")
    assert says in err
    assert err.count("\n") == 1


def test_a_byte_order_mark_in_front_of_a_file_is_no_matter(file, capsys):
    file.write_bytes(b"\xef\xbb\xbf" + RIGHT.encode())
    status, out, err = run(capsys, file)
    assert (status, err) == (0, "")
    assert "5 of 5" in out


def test_a_binary_file_and_one_that_is_not_there_are_refused(file, capsys):
    file.write_bytes(b"\x89PNG\xff\x00")
    status, _, err = run(capsys, file)
    assert status == 2
    assert "must be a text file in UTF-8" in err
    status, _, err = run(capsys, file.with_name("none.py"))
    assert status == 2
    assert "none.py" in err
    status, _, err = run(capsys, file.parent)
    assert status == 2


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--exercise", "foo"], "exercise must be one of standard-loops, standard-taps, "),
        (["--exercise", "costs"], "must be the exercise costs; its header says pointwise"),
        (["--variant", "3"], "must be variant 3; its header says no variant"),
        (["--variant", "0"], "must be variant 0; its header says no variant"),
        (["--variant", "3", "--changes", "2"], "must be variant 3, changes: 2; its header says no variant"),
        (["--changes", "2"], "must be a variant, changes: 2; its header says no variant"),
        (["--seconds", "0"], "--seconds must be a number above 0 and at most 3600; got 0"),
        (["--self-test"], "--self-test takes no FILE"),
    ],
)
def test_a_file_that_is_another_than_was_asked_for_is_refused(file, capsys, options, says):
    status, out, err = run(capsys, file, *options)
    assert (status, out) == (2, "")
    assert says in err


def test_no_file_at_all_is_refused(capsys):
    status, _, err = run(capsys)
    assert status == 2
    assert "FILE is missing" in err


KERNELS = Path(npconv.__file__).parent / "kernels" / "pointwise.py"
HOSTILE = {
    "it prints": ("print('all tests passed')\n    return x @ kernel", "right", ""),
    "it exits": ("import sys; sys.exit(0)", "wrong", "it calls for an exit: sys.exit(0); in the smallest case already"),
    "it ends the process": ("import os; os._exit(0)", "wrong", "its process ended with exit status 0"),
    "it imports npconv": ("import npconv; return npconv.pointwise_conv2d(x, kernel)", "wrong", "may not import npconv"),
    "it reads npconv": (f"exec(open({str(KERNELS)!r}).read())", "wrong", "a submission may not read"),
    "it recurses": ("return pointwise_conv2d(x, kernel)", "wrong", "it raises RecursionError"),
    "it has a wrong name": ("return x @ kernal", "wrong", "(line 5: `return x @ kernal`)"),
    "it takes another number of arguments": ("return (lambda: 0)(x)", "wrong", "takes 0 positional arguments"),
    "it says that it is right": ("return 'right'", "wrong", "what it returns can't be read"),
    "it returns an array that equals all": (
        "class All(np.ndarray):\n        __eq__ = __array_ufunc__ = lambda *a, **k: True\n"
        "    return np.zeros((1, 1, 1, 1)).view(All)",
        "wrong",
        "nothing is computed",
    ),
    "it changes what the comparison uses": (
        "np.array_equal = np.allclose = np.testing.assert_allclose = lambda *a, **k: True\n    return 0 * (x @ kernel)",
        "wrong",
        "nothing is computed",
    ),
    "it forges replies": (
        "import os\n    for pipe in range(3, 12):\n        try: os.write(pipe, b'npcv' + bytes(24))\n"
        "        except OSError: pass\n    return 0 * (x @ kernel)",
        "wrong",
        "",
    ),
    "it answers nan": ("return x @ kernel + np.nan", "wrong", "y has wrong values"),
}  # fmt: skip


@pytest.mark.parametrize("what", HOSTILE)
def test_what_a_hostile_function_does_is_said_and_the_next_one_is_graded(what):
    body, status, says = HOSTILE[what]
    source = HEAD + f"def pointwise_conv2d(x, kernel):\n    {body}\n" + BACKWARD
    report = report_on(source, seconds=20.0)
    first, second = report.verdicts
    assert (first.status, second.status) == (status, "right"), first.broken
    assert says in first.broken
    assert report.points == (5 if status == "right" else 3)
    assert " ".join(says.split()) in " ".join(report.as_text().split())
    json.dumps(report.as_json())


def test_what_is_printed_is_shown():
    report = report_on(RIGHT + "print('loading')\n" + "_f = pointwise_conv2d\ndef pointwise_conv2d(x, kernel):\n"
                       "    print('x is', x.shape)\n    return _f(x, kernel)\n")  # fmt: skip
    assert report.right
    assert "pointwise_conv2d prints: x is (1, 1, 1, 1)" in report.as_text()
    assert "on loading it prints: loading" in report.as_text()


def test_an_endless_loop_costs_its_seconds_once_and_is_named():
    source = HEAD + "def pointwise_conv2d(x, kernel):\n    while True: pass\n" + BACKWARD
    report = report_on(source, seconds=0.5)
    first, second = report.verdicts
    assert (first.status, first.tried, second.status) == ("wrong", 1, "right")
    assert first.broken == "it does not come to an end: no answer within 0.5 s"
    assert "x (1, 1, 1, 1)" in report.as_text()


def test_cases_that_take_too_long_together_are_told_from_a_call_that_does_not_end():
    class Slow:
        def call(self, name, arrays, options, *, deadline=None):
            time.sleep(max(0.0, deadline - time.monotonic()))
            return Outcome("timed out", message="no answer within 0.05 s")

    verdict = Judge(Cases(POINTWISE.tasks[0], Variant(), 0), Slow(), seconds=0.05).verdict()
    assert verdict.broken == "it does not come to an end: all its cases together take more than 0.05 s"
    assert [Limits(seconds=seconds).seconds_for_all for seconds in (1.0, 5.0, 10.0)] == [20.0, 20.0, 40.0]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's limits")
def test_too_much_memory_is_named():
    source = HEAD + "def pointwise_conv2d(x, kernel):\n    return np.ones((1 << 17, 1 << 17))\n" + BACKWARD
    report = report_on(source, memory_bytes=1 << 27)
    first, second = report.verdicts
    assert (first.status, second.status) == ("wrong", "right")
    assert first.broken.startswith("it takes too much memory: ")
    assert "(line 5: `return np.ones((1 << 17, 1 << 17))`)" in first.broken
    assert max(map(len, report.as_text().splitlines())) <= 110


@pytest.mark.parametrize(
    ("top_level", "says"),
    [
        ("def broken(:\n", "SyntaxError: invalid syntax (line 8: `def broken(:`)"),
        ("1 / 0\n", "ZeroDivisionError: division by zero (line 8: `1 / 0`)"),
        ("raise SystemExit\n", "the file can't be loaded: it calls for an exit: sys.exit()"),
    ],
)
def test_a_file_that_cannot_be_loaded_is_missing_all_with_its_line(top_level, says):
    report = report_on(RIGHT + top_level)
    assert {verdict.status for verdict in report.verdicts} == {"missing"}
    assert says in report.as_text()
    assert report.points == 0
    assert not report.right


def test_a_function_that_is_not_there_is_missing_and_the_other_is_graded():
    first, second = report_on(HEAD + BACKWARD).verdicts
    assert (first.status, first.broken) == ("missing", "there is no function pointwise_conv2d")
    assert second.status == "right"
    shadow = report_on(RIGHT + "pointwise_conv2d = 7\n").verdicts[0]
    assert shadow.status == "missing"


def test_a_bug_to_be_found_is_wrong_as_it_is_started_and_right_when_it_is_mended(tmp_path, capsys):
    path = start_exercise("find-the-bug", tmp_path, variant=3)
    status, out, _ = run(capsys, path)
    assert status == 1
    assert f"{BUGS[3].function}" in out
    assert "0 of 4" in out
    source = path.read_text(encoding="utf-8")
    assert source.count(BUGS[3].wrong) == 1
    path.write_text(source.replace(BUGS[3].wrong, BUGS[3].right), encoding="utf-8")
    status, out, _ = run(capsys, path, "--variant", "3")
    assert status == 0
    assert "4 of 4" in out


def test_a_plain_solution_is_no_answer_to_a_variant(tmp_path, capsys):
    path = tmp_path / "costs.py"
    path.write_text("# npconv exercise: costs\n# npconv variant: 45\n" + solution_source("costs"), encoding="utf-8")
    status, out, _ = run(capsys, path)
    assert status == 1
    assert "variant 45 (count: flops, images: one, ratio: standard over separable)" in out
    assert "0 of 5" in out


def test_grading_needs_no_hypothesis(file):
    program = (
        "import os, sys; sys.modules['hypothesis'] = None; sys.modules['matplotlib'] = None\n"
        "os.geteuid = lambda: 1\n"  # root is warned
        f"from npconv.cli import main; sys.exit(main(['grade', {str(file)!r}]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "5 of 5" in done.stdout

"""`npconv grade` of a class, and `npconv exercise status` of a student: which files count, the tables, the status."""

import csv
import io
import json
import os
import sys

import pytest

from npconv.cli import main
from npconv.course.exercises import EXERCISES
from npconv.course.exercises.bugs import solution_source
from npconv.course.exercises.template import start_exercise
from npconv.course.grading.folders import find_files

HEAD = "# npconv exercise: {}\n# npconv variant: none\n"
RIGHT = HEAD.format("activations") + solution_source("activations")
WRONG = RIGHT.replace("np.maximum(x, 0), 6)", "np.maximum(x, 0), 5)")
NONE = HEAD.format("nosuch")  # refused before a process is started
links = pytest.mark.skipif(sys.platform == "win32", reason="links need a privilege")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of a class, in which the commands run, by a user who is not root."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1, raising=False)
    return tmp_path


def write(**files):
    """Files by path, with two underscores for a slash."""
    for name, source in files.items():
        path = os.path.join(*f"{name}.py".split("__"))
        os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
        with open(path, "wb") as stream:
            stream.write(source if isinstance(source, bytes) else source.encode())


def run(capsys, *arguments):
    """Exit status, the lines that are printed and those on stderr."""
    status = main([*arguments])
    out, err = capsys.readouterr()
    return status, out, err.splitlines()


def table(capsys, *arguments):
    """The rows of the CSV, by column."""
    status, out, err = run(capsys, "grade", *arguments, "--csv")
    return status, list(csv.DictReader(io.StringIO(out), strict=True)), err


def test_a_class_has_a_row_for_each_file_and_names_the_files_that_are_left_out(capsys):
    write(ada__activations=RIGHT, bob__week1__answers=WRONG, bob__helper="import os\n", bob__notes="")
    os.rename("bob/notes.py", "bob/notes.txt")
    status, out, err = run(capsys, "grade", ".")
    assert status == 1
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "student file exercise variant functions points",
        "ada activations.py activations none relu6 1 of 1, relu6_backward 2 of 2 3 of 3",
        "bob week1/answers.py activations none relu6 0 of 1 (wrong), relu6_backward 2 of 2 2 of 3",
        "",
        "2 files: 1 right, 1 not, 0 not graded",
    ]
    assert err == [
        f"npconv grade: skipped: {os.path.join('bob', 'helper.py')}: it has no header of an exercise",
        "npconv grade: skipped: .: 1 file without .py at the end",
    ]


def test_the_status_is_0_where_all_is_right(capsys):
    write(ada__activations=RIGHT)
    for form in ([], ["--csv"], ["--json"]):
        assert run(capsys, "grade", "ada", *form)[0] == 0
    write(ada__more=NONE)
    assert run(capsys, "grade", "ada")[0] == 1


def test_the_json_of_several_is_a_list_of_the_reports_that_single_files_have(capsys):
    write(ada__activations=HEAD.format("activations"), bob__activations=WRONG, bob__none=NONE)
    status, out, _ = run(capsys, "grade", "ada", "bob", "--json")
    first, second, third = json.loads(out)
    assert status == 1
    for student, report in (("ada", first), ("bob", second)):
        assert report.pop("student") == student
        _, alone, _ = run(capsys, "grade", report["file"], "--json")
        assert json.loads(alone) == report
        assert list(json.loads(alone)) == list(report)
    assert list(third) == ["student", "file", "error"]
    assert third["error"].startswith("there is no exercise nosuch; there are standard-loops, ")


def test_the_csv_is_well_formed_and_no_cell_is_a_formula(capsys):
    names = ["=cmd", "+1", "-1", "@sum", "a,b", 'say "ah"', "two  spaces", "ordinary"]
    names = [name for name in names if sys.platform != "win32" or '"' not in name]
    for name in names:
        os.makedirs(name)
        with open(os.path.join(name, "a.py"), "w", encoding="utf-8") as stream:
            stream.write(RIGHT if name == "ordinary" else NONE)
    status, rows, _ = table(capsys, ".")
    assert status == 1
    assert len(rows) == len(names)
    guarded = {name: f"'{name}" if name[0] in "=+-@" else " ".join(name.split()) for name in names}
    assert {row["student"] for row in rows} == set(guarded.values())
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    by_student = {row["student"]: row for row in rows}
    assert by_student["ordinary"] == {
        "student": "ordinary",
        "file": os.path.join("ordinary", "a.py"),
        "exercise": "activations",
        "variant": "",
        "changes": "",
        "points": "3",
        "out_of": "3",
        "right": "yes",
        "functions": "relu6 1 of 1; relu6_backward 2 of 2",
        "error": "",
    }
    assert by_student["a,b"]["error"].startswith("there is no exercise nosuch")
    assert by_student["a,b"]["points"] == ""


@pytest.mark.skipif(sys.platform == "win32", reason="names that Windows has none for")
def test_the_name_of_a_file_can_neither_steer_a_terminal_nor_break_a_row(capsys):
    write(**{"\x1b[2Jada__two\nlines": NONE, "bob__three\r\x07": "", "carl__\udcff": NONE})
    for form in ([], ["--csv"]):
        _, out, err = run(capsys, "grade", ".", *form)
        assert len(out.splitlines()) == (3 if form else 9)
        assert all(letter.isprintable() for line in (*out.splitlines(), *err) for letter in line)


def test_one_file_in_a_table_is_a_row_and_negative_seeds_are_numbers(capsys):
    write(activations=RIGHT.replace("variant: none", "variant: -5, changes: 1"))
    status, (row,), _ = table(capsys, "activations.py")
    assert (status, row["student"], row["variant"], row["changes"]) == (1, "activations.py", "-5", "1")


REFUSED = {
    "binary": (b"# npconv exercise: costs\n\xff\x00", "it must be a text file in UTF-8; got "),
    "half": ("# npconv variant: none\n", "the file has no line '# npconv exercise: …'"),
    "twice": (HEAD.format("costs") * 2, "the file has 2 lines '# npconv exercise: …'"),
    "other": (HEAD.format("costs"), "it must be the exercise activations; its header says costs"),
    "huge": (RIGHT + "#" * 1_000_000, "it must be a file of at most 1,000,000 bytes; got more"),
}


def test_a_file_that_cannot_be_graded_is_a_row_that_says_why(capsys):
    write(**{name: source for name, (source, _) in REFUSED.items()}, activations=RIGHT)
    status, rows, _ = table(capsys, ".", "--exercise", "activations")
    assert status == 1
    reasons = {row["student"].removesuffix(".py"): row["error"] for row in rows}
    assert reasons.pop("activations") == ""
    assert reasons.keys() == REFUSED.keys()
    for name, (_, says) in REFUSED.items():
        assert says in reasons[name]
    status, out, _ = run(capsys, "grade", "half.py", "activations.py", "none.py")
    assert status == 1
    assert "3 files: 1 right, 0 not, 2 not graded" in out
    assert "\n\nnone.py is not graded: No such file or directory" in out
    assert max(map(len, out.partition("\n\n")[0].splitlines())) < 100  # a row leaves the reason to the lines below
    assert run(capsys, "grade", ".", "--exercise", "nosuch")[0] == 2


def test_a_file_that_is_given_counts_without_a_header_and_one_that_is_found_does_not(capsys):
    write(plain="x = 1\n", activations=RIGHT)
    _, rows, err = table(capsys, "plain.py", ".")
    assert [row["error"][:22] for row in rows] == ["the file has no line '", ""]
    assert len(err) == 1  # not named twice
    status, out, err = run(capsys, "grade", "plain.py")
    assert (status, out, len(err)) == (2, "", 1)


def test_a_file_that_is_given_twice_counts_once(capsys):
    write(ada__activations=RIGHT)
    path = os.path.join("ada", "activations.py")
    status, rows, err = table(capsys, path, os.path.join(".", path), os.path.abspath(path), "ada", ".")
    assert (status, len(rows), len(err)) == (0, 1, 4)
    assert all(line.endswith("activations.py: it is graded already") for line in err)


@links
def test_links_in_a_folder_are_not_followed(capsys):
    write(ada__activations=RIGHT)
    os.makedirs("bob/deep")
    os.symlink("..", "bob/deep/loop")  # a folder that has itself in it
    os.symlink("../ada/activations.py", "bob/activations.py")  # another's work
    os.symlink("nowhere", "bob/gone.py")
    os.symlink("self.py", "self.py")
    status, rows, err = table(capsys, ".")
    assert (status, [row["student"] for row in rows]) == (0, ["ada"])
    assert sorted(line.split()[-5] for line in err) == sorted(
        f"{name}:" for name in ("bob/activations.py", "bob/deep/loop", "bob/gone.py", "self.py")
    )
    assert all(line.endswith(": it is a link") for line in err)
    status, rows, _ = table(capsys, "self.py", "bob/activations.py")  # those that are given are read
    assert status == 1
    assert [row["points"] for row in rows] == ["", "3"]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no pipes by name")
def test_what_is_no_ordinary_file_is_not_waited_for(capsys):
    write(ada__activations=RIGHT)
    os.mkfifo("ada/pipe.py")
    os.makedirs("ada/folder.py")
    status, rows, err = table(capsys, ".")
    assert (status, len(rows)) == (0, 1)
    assert err == ["npconv grade: skipped: ada/pipe.py: it is no ordinary file"]


def test_a_folder_without_exercises_is_said(capsys):
    write(ada__helper="", bob__more="")
    status, out, (line,) = run(capsys, "grade", ".")
    assert (status, out) == (2, "")
    assert line.startswith("npconv grade: there is no exercise in ., and 2 other files: ")


@pytest.mark.parametrize(
    ("paths", "students"),
    [
        (["class"], ["ada", "bob", "eve.py"]),
        (["class/ada", "class/bob"], ["ada", "bob"]),
        (["class/ada/one.py", "class/bob/sub/two.py"], ["ada", "bob"]),
        (["class/eve.py", "other.py"], ["class", "other.py"]),
        (["class/ada/one.py", "class/ada/three.py"], ["one.py", "three.py"]),
        (["class/ada"], ["one.py", "three.py"]),
    ],
)
def test_the_student_is_named_where_the_paths_differ_first(paths, students):
    write(class__ada__one=RIGHT, class__ada__three=RIGHT, class__bob__sub__two=RIGHT, class__eve=RIGHT, other=RIGHT)
    files, _ = find_files([os.path.join(*path.split("/")) for path in paths])
    assert sorted({file.student for file in files}) == students


@pytest.mark.parametrize("words", [["grade", "activations.py"], ["grade", "."], ["exercise", "status"]])
def test_root_is_warned_once(words, capsys, monkeypatch):
    write(activations=HEAD.format("activations"), again=HEAD.format("costs"))
    assert not any("root" in line for line in run(capsys, *words)[2])
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    err = run(capsys, *words)[2]
    command = "exercise status" if "status" in words else "grade"
    warning = f"npconv {command}: warning: run by root, a student's file may do anything on this machine; "
    assert [line.startswith(warning) for line in err].count(True) == 1


def states(out):
    """The table of `exercise status`: for each exercise what it says."""
    _, *lines = out.split("\n\n")[0].splitlines()
    return {name: " ".join(rest) for name, *rest in map(str.split, lines)}


def test_the_status_of_a_student_has_all_exercises_with_their_points_and_files(capsys):
    start_exercise("pointwise", "mine")
    start_exercise("find-the-bug", "mine")
    start_exercise("hard-swish", "tries")
    half = RIGHT.replace("alive =", "raise NotImplementedError\n    alive =")
    write(mine__a=half, mine__z=RIGHT, mine__deep__half=half, mine__bad=NONE, mine__helper="")
    write(mine__iou=HEAD.format("iou") + "1 / 0\n", mine__costs=HEAD.format("costs"))
    status, out, err = run(capsys, "exercise", "status", "mine")
    assert status == 0
    found = states(out)
    mine = {name: os.path.join("mine", *name.split("/")) for name in ("a.py", "z.py", "deep/half.py")}
    assert found.pop("activations") == f"right 3 of 3 {mine['z.py']}, {mine['a.py']}, {mine['deep/half.py']}"
    assert found.pop("pointwise") == f"begun 0 of 5 {os.path.join('mine', 'pointwise.py')}"
    assert found.pop("find-the-bug") == f"wrong 0 of 4 {os.path.join('mine', 'find_the_bug.py')}"
    assert found.pop("iou") == f"wrong 0 of 2 {os.path.join('mine', 'iou.py')}"  # it can't be loaded
    assert found.pop("costs") == f"wrong 0 of 5 {os.path.join('mine', 'costs.py')}"  # its functions are gone
    whole = sum(exercise.points for exercise in EXERCISES.values())
    assert found.pop("all") == f"1 of {len(EXERCISES)} right 3 of {whole}"
    assert found == {name: f"not begun 0 of {EXERCISES[name].points}" for name in found}
    assert len(found) == len(EXERCISES) - 5
    assert f"{os.path.join('mine', 'bad.py')} is not graded: there is no exercise nosuch; " in out
    assert err == [
        f"npconv exercise status: skipped: {os.path.join('mine', 'helper.py')}: it has no header of an exercise"
    ]


def test_one_function_right_and_the_other_to_be_written_is_begun_with_its_points(capsys):
    write(a=RIGHT.replace("alive =", "raise NotImplementedError\n    alive ="))
    out = states(run(capsys, "exercise", "status")[1])
    assert out["activations"] == "begun 1 of 3 a.py"
    write(a=HEAD.format("activations") + "def relu6(x): return\ndef relu6_backward(dy, x): raise NotImplementedError")
    out = states(run(capsys, "exercise", "status")[1])
    assert out["activations"] == "wrong 0 of 3 a.py"


def test_the_limits_of_status_are_those_of_grade(capsys):
    write(a=HEAD.format("activations") + "import time\ntime.sleep(0.3)\n" + RIGHT.split("\n", 2)[2])
    assert states(run(capsys, "exercise", "status", "--seconds", "0.1")[1])["activations"].startswith("wrong")
    assert states(run(capsys, "exercise", "status")[1])["activations"].startswith("right")

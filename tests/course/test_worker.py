"""A submission's process: what it does is reported as what it is, and nothing that it does gains anything."""

import io
import json
import os
import queue
import sys
import tempfile
import threading
import time
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

import npconv
from npconv.course.exercises import EXERCISES, Variant
from npconv.course.grading import grade_source
from npconv.course.grading.child import Limits
from npconv.course.grading.messages import UnreadableError, decode, pack
from npconv.course.grading.process import Process, Submission

HOSTILE = (Path(__file__).parent / "hostile" / "submission.py").read_text(encoding="utf-8")
KEY = str(Path(npconv.__file__).parent / "kernels" / "standard.py")  # the answers
PACKAGE = str(Path(npconv.__file__).parent.parent)
OUTSIDE = str(Path(tempfile.gettempdir()) / f"npconv-written-by-a-submission-{os.getpid()}")
COSTS = EXERCISES["costs"]
LIMITS = Limits(seconds=30.0, memory_bytes=1 << 27, returned_bytes=1 << 20, characters=300)

linux = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux's limits")
posix = pytest.mark.skipif(os.name != "posix", reason="needs POSIX")

# what each function of the hostile submission must come to: its status, and its value or a part of the message
NEVER_COMING_BACK = (
    "endless_whatever_is_raised",
    "endless_and_deaf",
    "stopped",
    "flooding_the_grader",
    "reading_the_requests",
)
OUTCOMES = {
    # dying
    "exit_at_once": ("died", "exit status 0"),
    "killed": ("died", "SIGKILL"),
    "crashed": ("died", "SIGSEGV"),
    "closing_everything": ("died", "process"),
    # leaving and raising
    "leaving": ("exited", "sys.exit(all tests passed)"),
    "leaving_as_at_the_prompt": ("exited", "sys.exit()"),
    "interrupted": ("raised", "KeyboardInterrupt (line "),
    "recursing": ("raised", "RecursionError: maximum recursion depth exceeded"),
    "asking": ("raised", "EOFError"),
    "raising_without_a_text": ("raised", "TextlessError: an exception whose text cannot be had (line "),
    "half_a_terabyte": ("out of memory", "Unable to allocate 512. GiB"),
    "more_and_more": ("out of memory", "`kept.append(bytearray(1 << 24))`"),
    "printing": ("returned", 1),
    "speaking_low": ("returned", 0),
    # speaking for the worker: what is forged is an answer like any other, or none
    "forging_one": ("returned", 42),
    "forging_many": ("returned", 42),
    "forging_without_the_nonce": ("returned", 7),
    "forging_a_status": ("unreadable", "something else than a reply"),
    "forging_a_pickle": ("unreadable", "something else than a reply"),
    "forging_dates": ("unreadable", "something else than a reply"),
    "forging_a_short_array": ("unreadable", "something else than a reply"),
    "forging_a_deep_tuple": ("unreadable", "something else than a reply"),
    "forging_a_word": ("unreadable", "a str"),
    "forging_without_the_mark": ("unreadable", "something else than a reply"),
    "forging_a_huge_body": ("unreadable", "something else than a reply"),
    "forging_a_huge_message": ("unreadable", "something else than a reply"),
    "shouting_on_every_pipe": ("unreadable", "something else than a reply"),
    # patching
    "patching_builtins": ("returned", 7),
    # looking for the answers
    "importing": ("raised", "may not import npconv"),
    "importing_a_way_round": ("returned", 0),
    "importing_a_way_round_by_path": ("raised", "may not import another.readline"),
    "importing_by_path": ("raised", f"may not read {KEY}"),
    "importing_native_code": ("raised", "may not import /"),
    "reading": ("raised", f"PermissionError: a submission may not read {KEY}"),
    "reading_bytes": ("raised", f"may not read {KEY}"),
    "reading_low": ("raised", f"may not read {KEY}"),
    "reading_with_numpy": ("raised", f"may not read {KEY}"),
    "reading_up": ("raised", "may not read ../"),
    "reading_round": ("raised", "may not read /"),
    "reading_from_a_folder": ("raised", "may not open a folder"),
    "reading_by_a_link": ("raised", "may not use os.symlink"),
    "reading_a_false_name": ("raised", f"may not read {KEY}"),
    "reading_with_other_builtins": ("raised", f"may not read {KEY}"),
    "reading_with_another_guard": ("raised", f"may not read {KEY}"),
    "reading_beside_the_library": ("raised", "may not read /"),
    "listing": ("raised", "may not list /"),
    "listing_otherwise": ("raised", "may not list /"),
    "moving": ("raised", "may not use os.chdir"),
    "searching_memory": ("raised", "may not use gc.get_objects"),
    "looking_at_frames": ("raised", "may not use sys._current_frames"),
    "refusals": ("returned", 0),
    # reaching out
    "writing": ("raised", f"may not write {OUTSIDE}"),
    "appending": ("raised", f"may not write {OUTSIDE}"),
    "writing_at_home": ("raised", "may not write notes"),
    "removing": ("raised", "may not use os.remove"),
    "renaming": ("raised", "may not use os.rename"),
    "making_a_folder": ("raised", "may not use os.mkdir"),
    "making_a_folder_at_home": ("raised", "may not use os.mkdir"),
    "making_a_file_stay": ("raised", "may not use fcntl.ioctl"),
    "opening_many": ("raised", "OSError: [Errno 24] Too many open files"),
    "limits": ("returned", (int(LIMITS.total_seconds) + 1, 0, 64, 0)),
    "doors_left": ("returned", 0),
    "having_the_grader_killed": ("raised", "may not use fcntl.fcntl"),
    "sharing_memory": ("raised", "_posixshmem"),
    "sharing_a_semaphore": ("raised", "_multiprocessing"),
    "starting_a_program": ("raised", "may not use subprocess.Popen"),
    "starting_a_program_lower": ("raised", "may not do this"),
    "starting_a_program_with_a_new_module": ("raised", "may not import _posixsubprocess"),
    "starting_a_shell": ("raised", "may not use os.system"),
    "forking": ("raised", "may not use os.fork"),
    "spawning": ("raised", "may not use os.posix_spawn"),
    "executing": ("raised", "may not use os.exec"),
    "killing_the_grader": ("raised", "may not use os.kill"),
    "connecting": ("raised", "may not use socket"),
    "calling_c": ("raised", "ImportError: a submission may not import ctypes"),
    "calling_c_by_what_is_loaded": ("returned", 0),
    "calling_c_by_a_new_module": ("raised", "may not import _ctypes"),
    "raising_the_limits": ("raised", "may not use resource.setrlimit"),
    "watching": ("returned", 0),
    # and what is allowed
    "environment": ("returned", 0),
}
OPTIONS = {"importing": {"package": PACKAGE}}
OPTIONS |= {name: {"key": KEY} for name in OUTCOMES if name.split("_")[0] in ("reading", "listing", "moving")}
OPTIONS |= {"importing_by_path": {"key": KEY}}
OPTIONS |= {n: {"outside": OUTSIDE} for n in ("writing", "appending", "removing", "renaming", "making_a_folder")}


@pytest.fixture(scope="module")
def hostile():
    """One process for all functions, as long as it lives: a new one for each would take its time."""
    with Submission("", limits=LIMITS) as submission:
        submission.replace(HOSTILE)
        yield submission


@pytest.fixture(scope="module")
def patched():
    with Submission(HOSTILE, limits=LIMITS) as submission:
        yield submission


@pytest.fixture(scope="module")
def replaced():
    """One process for many sources."""
    with Submission("", limits=LIMITS) as submission:
        yield submission


def still_graded(submission):
    x = np.array([1.0, 2.0])
    assert submission.call("double", [x], {}).value.tolist() == [2.0, 4.0]


@linux
@pytest.mark.parametrize("name", OUTCOMES)
def test_what_a_hostile_function_does_is_reported_as_what_it_is(hostile, name):
    status, expected = OUTCOMES[name]
    outcome = hostile.call(name, [], OPTIONS.get(name, {}))
    assert outcome.status == status
    if status == "returned":
        assert outcome.value == expected
    else:
        assert outcome.value is None
        assert expected in outcome.message
    assert not Path(OUTSIDE).exists()
    still_graded(hostile)


@posix
@pytest.mark.parametrize("name", NEVER_COMING_BACK)
def test_what_never_comes_back_is_killed_in_time(hostile, name):
    still_graded(hostile)
    start = time.monotonic()
    outcome = hostile.call(name, [], {}, deadline=start + 0.1)
    assert outcome.status == "timed out"
    assert outcome.message == "all its cases together take too long"
    assert time.monotonic() - start < 10
    still_graded(hostile)


@pytest.mark.parametrize("name", ["patching_modules", "patching_the_worker"])
def test_a_function_that_patches_what_the_worker_needs_harms_no_other(patched, name):
    outcome = patched.call(name, [], {})
    assert (outcome.status, outcome.value) in (("returned", 7), ("died", None), ("unreadable", None))
    still_graded(patched)


def test_one_function_has_one_process_and_another_another():
    source = "import os\ndef one(): return os.getpid()\ndef two(): return os.getpid()\n"
    with Submission(source, limits=LIMITS) as submission:
        first = submission.call("one", [], {}).value
        assert submission.call("one", [], {}).value == first
        assert submission.call("two", [], {}).value != first


def test_a_deadline_that_has_passed_spoils_nothing_for_later(hostile):
    hostile.close()
    late = hostile.call("double", [np.ones(1)], {}, deadline=time.monotonic())
    assert (late.status, late.message) == ("timed out", "all its cases together take too long")
    still_graded(hostile)


class Child:
    """What sends frame after frame."""

    def __init__(self, frames):
        self.stdout = io.BytesIO(pack(b"?" * 16, {}) * frames)


def receiving(monkeypatch, frames):
    process = object.__new__(Process)
    monkeypatch.setattr(process, "_process", Child(frames), raising=False)
    monkeypatch.setattr(process, "_limits", LIMITS, raising=False)
    monkeypatch.setattr(process, "_replies", queue.Queue(maxsize=2), raising=False)
    return process


def test_a_flood_of_other_frames_does_not_put_off_the_deadline(monkeypatch):
    process = receiving(monkeypatch, 0)
    monkeypatch.setattr(process, "_replies", queue.Queue())
    for _ in range(100):
        process._replies.put((b"?" * 16, b"{}", b""))
    process._replies.put(None)
    with pytest.raises(TimeoutError):
        process.reply(bytes(16), time.monotonic())


def test_what_comes_has_to_wait_until_the_last_is_read(hostile, monkeypatch):
    hostile.load()
    assert hostile._process._replies.maxsize == 2
    process = receiving(monkeypatch, 100)
    thread = threading.Thread(target=process._read, daemon=True)
    thread.start()
    count = 0
    while process._replies.get(timeout=30) is not None:
        count += 1
        assert process._replies.qsize() <= 2
    assert count == 100


def test_bytes_that_belong_to_no_array_are_refused():
    with pytest.raises(UnreadableError, match="something else than a reply"):
        decode([["array", "<f8", [1]]], bytes(16))


@pytest.mark.parametrize("value", ["16**3500 - 1", "Fraction(16**3500 - 1, 16**3500 - 2)", "-16**9999"])
def test_the_longest_numbers_can_be_reported(value):
    functions = "".join(f"def {task.name}(*_, **__): return {value}\n" for task in COSTS.tasks)
    report = grade_source("from fractions import Fraction\n" + functions, COSTS, Variant(), limits=LIMITS)
    assert {verdict.status for verdict in report.verdicts} == {"wrong"}
    for text in (report.as_text(), json.dumps(report.as_json())):
        assert str(16**3500 - 1)[:20] in text or "a whole number of more than 4200 digits" in text


def test_the_worker_warns_of_nothing_itself(hostile):
    outcome = hostile.call("returning_a_coroutine", [], {})
    assert (outcome.status, outcome.message, outcome.printed) == ("unreadable", "a coroutine", "")
    assert "RuntimeWarning: divide by zero" in hostile.call("warned", [], {}).printed


@linux
def test_a_folder_that_cannot_be_removed_does_not_stop_the_grader(hostile, monkeypatch):
    still_graded(hostile)
    folder = hostile._process._folder

    def cleanup():
        real()
        raise RecursionError

    real = folder.cleanup
    monkeypatch.setattr(folder, "cleanup", cleanup)
    hostile.close()
    still_graded(hostile)


@posix
def test_a_process_that_reads_no_more_does_not_hold_up_the_grader(hostile):
    still_graded(hostile)
    assert hostile.call("forging_one_and_hanging", [], {}).value == 42
    outcome = hostile.call("double", [np.ones(100_000)], {}, deadline=time.monotonic() + 0.1)
    assert outcome.status == "timed out"
    still_graded(hostile)


@posix
def test_a_forged_truth_value_is_made_a_truth_value(hostile):
    assert hostile.call("forging_no_bools", [], {}).value.view(np.uint8).tolist() == [1, 0]


def test_a_process_that_dies_between_two_calls_is_started_again(hostile):
    assert hostile.call("killing_later", [], {}).value == 1
    hostile._process._process.wait(timeout=30)
    still_graded(hostile)


def test_printing_is_cut_and_cannot_steer_a_terminal(hostile, replaced):
    printed = hostile.call("printing", [], {}).printed
    assert printed == "x" * 300 + " …"
    replaced.replace("def f():\n    print('a\\x1b[2Jb')")
    assert replaced.call("f", [], {}).printed == "a\ufffd[2Jb\n"


@posix
def test_no_process_and_no_folder_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Submission(HOSTILE, limits=LIMITS) as submission:
        assert submission.call("leaving_things_behind", [], {}).value == 7
        first = submission._process._process.pid
        submission.call("endless_and_deaf", [], {}, deadline=time.monotonic() + 0.1)
        with pytest.raises(ProcessLookupError):
            os.killpg(first, 0)
        assert not list(tmp_path.iterdir())
        submission.load()
        second = submission._process._process.pid
        assert len(list(tmp_path.iterdir())) == 1
    with pytest.raises(ProcessLookupError):
        os.killpg(second, 0)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "status", "message"),
    [
        ("x = 1\nx = = 2\n", "raised", "SyntaxError: invalid syntax (line 2: `x = = 2`)"),
        ("x = 1\n\ny = x / 0\n", "raised", "ZeroDivisionError: division by zero (line 3: `y = x / 0`)"),
        ("import npconv\n", "raised", "ImportError: a submission may not import npconv (line 1: `import npconv`)"),
        ("import sys\nsys.exit(3)\n", "exited", "sys.exit(3)"),
        ("import os\nos._exit(3)\n", "died", "its process ended with exit status 3"),
        ("x = '\0'\n", "raised", "source code string cannot contain null bytes"),
    ],
)
def test_a_file_that_cannot_be_loaded_says_why_and_starts_nothing_again(replaced, source, status, message):
    replaced.replace(source)
    loaded = replaced.load()
    assert loaded.status == status
    assert message in loaded.message
    assert replaced.names == frozenset()
    process = replaced._process
    assert replaced.call("f", [], {}) is loaded
    assert replaced._process is process


def test_the_top_level_has_its_limit_on_time(replaced):
    replaced.replace("while True:\n    pass\n")
    assert replaced.load(deadline=time.monotonic() + 0.1).status == "timed out"
    assert replaced.load().status == "timed out"
    assert replaced._process is None


ANSWERS = """
from fractions import Fraction
import numpy as np

def whole(): return -2**100
def real(): return 0.1
def infinite(): return float("-inf")
def fraction(): return Fraction(-1, 2**70)
def truth(): return np.True_
def nothing(): return None
def pair(): return [np.float32(0.1), np.int8(-3)]
def empty(): return ()
def longest(): return 16**3500 - 1
def longer(): return -16**3500
def longer_fraction(): return Fraction(1, 16**3500)
def words(): return "right"
def nested(): return [[1, 2], [3, 4]]
def mapping(): return {}
def objects(): return np.array([1, None])
def strings(): return (1, np.array(["a"]))
def times(): return np.array(["2020"], "datetime64[D]")
def many(): return list(range(100))
def huge(): return np.broadcast_to(1.0, (1 << 20, 1 << 20))
def module(): return np

class Like:
    def __array__(self, *_, **__): return np.ones(2)
def like(): return Like()

class Evil(np.ndarray):
    def view(self, *_): return np.ones(3)
    def astype(self, *_, **__): return np.ones(3)
    def tobytes(self): return b""
    dtype = shape = nbytes = property(lambda self: 1 / 0)
def evil(): return np.arange(3.0).view(Evil)

def number(): return np.complex64(1 + 2j)
def same(x, **options): return x
def kinds(x, padding, stride, name): return tuple(type(v).__name__ == "tuple" for v in (padding, padding[0], stride))
def change(x, y):
    x[...] = 0
    y.resize(1, refcheck=False)
def spoil(x): x.resize(1 << 18, refcheck=False)
def version(x): return x.flags.writeable and x.flags.owndata
_private = 1
def process():
    import os
    return os.getpid()
"""


@pytest.fixture(scope="module")
def answers():
    with Submission("", limits=LIMITS) as submission:
        submission.replace(ANSWERS)
        yield submission


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("whole", -(2**100)),
        ("longest", 16**3500 - 1),
        ("real", 0.1),
        ("infinite", float("-inf")),
        ("fraction", Fraction(-1, 2**70)),
        ("truth", True),
        ("nothing", None),
        ("pair", (float(np.float32(0.1)), -3)),
        ("empty", ()),
    ],
)
def test_numbers_come_back_exactly(answers, name, value):
    outcome = answers.call(name, [], {})
    assert outcome.status == "returned"
    assert outcome.value == value
    assert type(outcome.value) is type(value)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("longer", "a whole number of more than 4200 digits"),
        ("longer_fraction", "a whole number of more than 4200 digits"),
        ("words", "a str"),
        ("nested", "a list of lists, not an array"),
        ("mapping", "a dict"),
        ("objects", "an array of objects"),
        ("strings", "an array of strings"),
        ("times", "an array of datetime64[D]"),
        ("many", "a list of 100 items, not an array"),
        ("huge", "an array (1048576, 1048576) of 8796093022208 bytes, and 1048576 is the limit"),
        ("module", "a module"),
        ("like", "a Like"),
    ],
)
def test_what_is_no_answer_is_called_what_it_is(answers, name, message):
    outcome = answers.call(name, [], {})
    assert (outcome.status, outcome.value, outcome.message) == ("unreadable", None, message)


@pytest.mark.parametrize(
    "x",
    [
        np.arange(24.0).reshape(2, 3, 4)[:, ::2, ::-1],
        np.arange(6, dtype=">i4").reshape(2, 3),
        np.array(3, np.uint8),
        np.array([[True], [False]]),
        np.array([np.nan, np.inf, -0.0], np.float16),
        np.array([1 / np.longdouble(3)]),
        np.array([1 + 2j], np.complex64),
        np.ones((0, 3)),
    ],
    ids=lambda x: f"{x.dtype.str}{x.shape}",
)
def test_arrays_come_and_go_to_the_last_bit(answers, x):
    value = answers.call("same", [x], {}).value
    assert value.dtype == x.dtype.newbyteorder("=")
    assert value.shape == x.shape
    assert np.ascontiguousarray(value).tobytes() == x.astype(value.dtype).tobytes()
    assert value.flags.writeable


def test_a_complex_number_is_an_array_without_axes_and_a_subclass_is_no_answer_of_its_own(answers):
    assert answers.call("number", [], {}).value == np.array(1 + 2j)
    assert answers.call("evil", [], {}).value.tolist() == [0.0, 1.0, 2.0]


def test_arrays_of_more_than_a_pipe_holds_come_and_go(answers):
    x = np.random.default_rng(0).integers(0, 9, (100, 1000))
    assert np.array_equal(answers.call("same", [x], {}).value, x)


def test_arrays_are_copies_and_what_was_changed_in_them_is_seen(answers):
    x, y = np.ones((2, 3)), np.arange(4)
    assert answers.call("version", [x], {}).value is True
    outcome = answers.call("change", [x, y], {})
    assert [a.tolist() for a in outcome.arguments] == [[[0.0] * 3] * 2, [0]]
    assert np.array_equal(x, np.ones((2, 3)))
    assert y.size == 4
    unknown = answers.call("spoil", [np.arange(4.0)], {})  # 2 MB, and 1 MB is the limit
    assert (unknown.status, unknown.arguments) == ("returned", None)
    assert answers.call("same", [None], {}).arguments == (None,)


def test_tuples_arrive_as_tuples(answers):
    options = {"padding": ((1, 2), (3, 4)), "stride": (1, 2), "name": "valid"}
    assert answers.call("kinds", [np.ones(1)], options).value == (True, True, True)


def test_the_names_are_those_that_can_be_called(answers):
    answers.load()
    assert {"whole", "kinds", "Fraction"} <= answers.names
    assert not {"_private", "np", "no_such"} & answers.names
    missing = answers.call("no_such", [], {})
    assert (missing.status, missing.message) == ("raised", "NameError: there is no function no_such")


def test_what_cannot_be_sent_is_refused(answers):
    with pytest.raises(ValueError, match="an array of objects"):
        answers.call("same", [np.array([None])], {})
    with pytest.raises(ValueError, match="a set"):
        answers.call("same", [np.ones(1)], {"padding": {1}})


def test_another_source_takes_its_place_in_the_same_process_and_a_new_module(replaced):
    replaced.replace(ANSWERS)
    before = replaced.call("process", [], {}).value
    replaced.replace("import os\nprocess = os.getpid\n")
    assert replaced.load().status == "returned"
    assert replaced.names == {"process"}
    assert replaced.call("process", [], {}).value == before
    assert replaced.call("whole", [], {}).status == "raised"


@linux
def test_memory_is_limited_here_and_it_says_so(answers):
    answers.load()
    assert answers.limited_memory


def test_a_process_that_cannot_start_is_an_error_of_the_grader(monkeypatch):
    monkeypatch.setattr(np, "__file__", str(Path(tempfile.gettempdir()) / "no" / "numpy" / "__init__.py"))
    with (
        Submission("", limits=LIMITS) as submission,
        pytest.raises(RuntimeError, match=r"does not start: .*No such file"),
    ):
        submission.load()

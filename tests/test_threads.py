"""Threads: parts are done once, whatever happens in one; and how many threads there are."""

import contextvars
import os
import signal
import subprocess
import sys
import threading
import time
from functools import partial

import numpy as np
import pytest

from npconv import threads
from npconv.checks import box
from npconv.course.grading import child, process
from npconv.training.fig07.processes import side_by_side

VARIABLES = {*threads.OF_A_PROCESS, "OPENBLAS_THREAD_TIMEOUT"}
PATIENCE = 60  # seconds, where something hangs


@pytest.fixture(autouse=True)
def _two():
    threads.use(2)
    yield
    threads.use(None)


def run(code, *options, **environment):
    """What a Python of its own prints, with these of `VARIABLES` alone."""
    kept = {name: value for name, value in os.environ.items() if name not in VARIABLES}
    done = subprocess.run(
        [sys.executable, *options, "-c", code], env=kept | environment, capture_output=True, text=True, timeout=PATIENCE
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def meeting(work=lambda part: None, number=2):
    """`work`, the first `number` parts of which wait for one another, so that each is on a thread of its own."""
    barrier = threading.Barrier(number)

    def together(part):
        if part < number:
            barrier.wait(PATIENCE)
        return work(part)

    return together


def on_the_other_thread():
    return threading.current_thread() is not threading.main_thread()


@pytest.mark.parametrize("number", [1, 2, 3, 7])
@pytest.mark.parametrize("parts", [0, 1, 2, 100])
def test_every_part_is_done_once(number, parts):
    threads.use(number)
    done = np.zeros(parts, int)

    def work(part):
        done[part] += 1

    threads.each(meeting(work, max(1, min(number, parts))), iter(range(parts)), threads.WORTH)
    assert (done == 1).all()


@pytest.mark.parametrize(("operations", "most"), [(threads.WORTH - 1, None), (threads.WORTH, 1)])
def test_small_work_and_work_for_one_stay_on_the_calling_thread(operations, most):
    seen = []

    def work(part):
        seen.append((part, on_the_other_thread()))
        time.sleep(0.001)

    threads.each(work, range(9), operations, most)
    assert seen == [(part, False) for part in range(9)]


def test_no_more_parts_than_asked_for_are_computed_at_once():
    threads.use(4)
    lock, now, largest = threading.Lock(), 0, 0

    def work(part):
        nonlocal now, largest
        with lock:
            now += 1
            largest = max(largest, now)
        time.sleep(0.002)
        with lock:
            now -= 1

    threads.each(meeting(work), range(20), threads.WORTH, most=2)
    assert largest <= 2


@pytest.mark.parametrize("other", [True, False])
def test_an_exception_in_a_part_is_raised_once_and_leaves_out_what_has_not_begun(other):
    begun = []

    def work(part):
        begun.append(part)
        if part < 2 and on_the_other_thread() == other:
            raise LookupError("in a part")
        time.sleep(0.001)

    with pytest.raises(LookupError, match="in a part") as raised:
        threads.each(meeting(work), range(3000), threads.WORTH)
    assert raised.value.__context__ is None
    assert len(begun) < 3000
    test_every_part_is_done_once(2, 100)


@pytest.mark.parametrize("number", [1, 2, 3, 7])
def test_a_round_begins_when_all_parts_of_the_last_and_what_follows_are_done(number):
    threads.use(number)
    lock, log = threading.Lock(), []

    def note(what):
        with lock:
            log.append(what)

    def work(which, part):
        time.sleep(0.0003 * (part % 3))
        note((which, part))

    rounds = [(partial(work, which), partial(note, which) if which != 2 else None) for which in range(5)]
    for _ in range(5):
        log.clear()
        threads.in_rounds(rounds, range(6), threads.WORTH)
        for which in range(5):
            parts, log[:6] = log[:6], []
            assert sorted(parts) == [(which, part) for part in range(6)]
            if which != 2:
                assert log.pop(0) == which
        assert not log


@pytest.mark.parametrize("fails", ["a part", "what follows"])
def test_an_exception_in_a_round_is_raised_once_and_no_other_round_begins(fails):
    begun = []

    def work(part):
        begun.append(part)
        if fails == "a part" and on_the_other_thread():
            raise LookupError("in a round")
        time.sleep(0.001)

    def then():
        if fails == "what follows":
            raise LookupError("in a round")

    for _ in range(10):
        begun.clear()
        with pytest.raises(LookupError, match="in a round"):
            threads.in_rounds([(meeting(work), then), (begun.append, None)], range(5), threads.WORTH)
        assert len(begun) <= 5
    test_every_part_is_done_once(2, 100)


def test_where_all_parts_fail_one_exception_is_raised():
    def work(part):
        raise LookupError(part)

    for _ in range(20):
        with pytest.raises(LookupError):
            threads.each(meeting(work), range(2), threads.WORTH)
    test_every_part_is_done_once(2, 100)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no thread can be sent a signal here")
def test_ctrl_c_is_raised_when_no_part_is_computed_any_more():
    ended = []

    def work(part):
        if on_the_other_thread():
            time.sleep(0.1)  # the other one has done its part, and waits
            signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
            time.sleep(0.1)
            ended.append(part)

    with pytest.raises(KeyboardInterrupt):
        threads.each(meeting(work), range(2), threads.WORTH)
    assert len(ended) == 1
    test_every_part_is_done_once(2, 100)


def test_floating_point_errors_are_those_of_the_calling_thread():
    zero, seen = np.zeros(1), []

    def work(part):
        seen.append((np.geterr(), np.geterrcall()))
        1 / zero

    def called(error, flag):
        seen.append(error)

    with np.errstate(all="raise"):
        with pytest.raises(FloatingPointError):
            threads.each(meeting(work), range(2), threads.WORTH)
        assert [state[0]["divide"] for state in seen] == ["raise", "raise"]
        seen.clear()
        with np.errstate(all="ignore"):
            threads.each(meeting(work), range(2), threads.WORTH)
        assert [state[0]["divide"] for state in seen] == ["ignore", "ignore"]
        seen.clear()
        with np.errstate(divide="call", call=called):
            threads.each(meeting(work), range(2), threads.WORTH)
        assert seen.count("divide by zero") == 2
        assert [state[1] for state in seen if state != "divide by zero"] == [called, called]
        seen.clear()
    with np.errstate(divide="warn"), pytest.warns(RuntimeWarning, match="divide by zero"):
        threads.each(meeting(work), range(2), threads.WORTH)
    assert [state[0]["divide"] for state in seen] == ["warn", "warn"]


def test_context_variables_are_those_of_the_calling_thread():
    variable, seen = contextvars.ContextVar("variable", default=0), []
    variable.set(5)
    threads.each(meeting(lambda part: seen.append(variable.get())), range(2), threads.WORTH)
    assert seen == [5, 5]


def test_calls_within_parts_stay_on_their_threads_while_all_are_busy():
    threads.use(2)
    inner, both = [], threading.Barrier(2)

    def within(thread):
        inner.append(threading.get_ident() == thread)
        time.sleep(0.001)

    def work(part):
        both.wait()
        threads.each(within, [threading.get_ident()] * 20, threads.WORTH)
        both.wait()

    threads.each(work, range(2), threads.WORTH)
    assert inner == [True] * 40
    test_every_part_is_done_once(2, 100)


def helped(work, rounds=None, parts=8, most=None, **inside):
    """Two parts, of which one ends at once, and the other calls `in_rounds`, whose first part waits for a helper."""
    threads.use(2)
    owner, came = [], threading.Event()

    def inner(number):
        if threading.get_ident() != owner[0]:
            came.set()
        elif not came.is_set() and most is None:
            assert came.wait(5), "no thread helps"
        work(number, threading.get_ident() == owner[0])

    def outer(part):
        if part:
            owner.append(threading.get_ident())
            with np.errstate(**inside):
                threads.in_rounds(rounds(inner) if rounds else [(inner, None)], range(parts), threads.WORTH, most)

    threads.each(outer, range(2), threads.WORTH)
    return came.is_set()


def test_a_thread_without_parts_helps_with_those_within_another_threads_part():
    done = []
    assert helped(lambda number, own: done.append(number))
    assert sorted(done) == list(range(8))


def test_rounds_within_a_part_follow_one_another_with_a_helper_too():
    told = []

    def rounds(inner):
        return [
            (inner, lambda: told.append("first")),
            (lambda number: told.append(number), lambda: told.append("last")),
        ]

    assert helped(lambda number, own: told.append(number), rounds)
    assert (sorted(told[:8]), told[8], sorted(told[9:17]), told[17:]) == ([*range(8)], "first", [*range(8)], ["last"])


@pytest.mark.parametrize("own", [True, False])
def test_an_exception_in_a_part_of_a_part_is_raised_once_by_the_thread_of_that_part(own):
    running = []

    def fail(number, by_its_owner):
        running.append(1)
        time.sleep(0.002)
        running.pop()
        if by_its_owner == own:
            raise KeyError(number)

    with pytest.raises(KeyError):
        helped(fail)
    assert not running
    test_every_part_is_done_once(2, 100)


def test_an_exception_between_rounds_within_a_part_is_raised_once():
    def rounds(inner):
        return [(inner, lambda: [].pop()), (lambda number: pytest.fail("a further round"), None)]

    with pytest.raises(IndexError):
        helped(lambda number, own: None, rounds)
    test_every_part_is_done_once(2, 100)


def test_no_more_parts_of_a_part_than_asked_for_are_computed_at_once():
    assert not helped(lambda number, own: time.sleep(0.001), most=1)


def test_a_helper_treats_floating_point_errors_as_the_thread_that_it_helps():
    found = []
    assert helped(lambda number, own: found.append(np.geterr()["over"]), over="raise")
    assert found == ["raise"] * 8


def test_no_array_is_held_when_all_is_done():
    class Held:
        alive = 0

        def __init__(self):
            Held.alive += 1

        def __del__(self):
            Held.alive -= 1

    def work(part, held):
        if part == 1 and held.fails:
            raise LookupError

    for fails in (False, True):
        held = Held()
        held.fails = fails
        try:
            threads.each(meeting(lambda part, held=held: work(part, held)), range(2), threads.WORTH)
        except LookupError:
            assert fails
        del held
        threads.each(meeting(), range(2), threads.WORTH)  # the other thread has let go before it takes these
        assert Held.alive == 0


def test_where_no_thread_can_be_started_the_calling_one_does_all(monkeypatch):
    def start(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threads, "_pool", threads._Pool())
    monkeypatch.setattr(threading.Thread, "start", start)
    seen = []
    threads.each(lambda part: seen.append((part, on_the_other_thread())), range(9), threads.WORTH)
    assert seen == [(part, False) for part in range(9)]


COMPUTE = """
import os, sys, threading, warnings
import numpy as np
from npconv import threads

def compute(number=2, parts=9):
    done, barrier = np.zeros(parts), threading.Barrier(number)
    def work(part):
        if part < number:
            barrier.wait(30)
        done[part] += part
    threads.each(work, range(parts), threads.WORTH)
    assert (done == range(parts)).all()

def in_a_child(call):
    child = os.fork()
    if child == 0:
        try:
            call()
        except BaseException as error:
            print(repr(error), file=sys.stderr, flush=True)
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0

blas = threads._openblas()
"""


def test_threads_of_a_user_have_their_own_parts_and_openblas_its_threads_back():
    assert run(
        COMPUTE
        + """
within = []
def work(part):
    part[0][part[1]] += 1
    within.append((threads.blas_threads(), blas and blas[0]()))

def user(barrier):
    barrier.wait(30)
    for _ in range(50):
        done = np.zeros(20)
        threads.each(work, [(done, i) for i in range(20)], threads.WORTH)
        assert (done == 1).all()
    finished.append(1)

if blas:
    blas[1](2)
before = blas and blas[0]()
finished, barrier = [], threading.Barrier(4)
users = [threading.Thread(target=user, args=(barrier,)) for _ in range(4)]
for each in users: each.start()
for each in users: each.join()
assert len(finished) == 4
assert set(within) == {(threads.blas_threads(), blas and 1)}, set(within)
assert (blas and blas[0]()) == before
compute()
assert (blas and blas[0]()) == before
print("done")
""",
        NPCONV_THREADS="2",
    ) == "done"  # fmt: skip


needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")


@needs_fork
def test_after_a_fork_child_and_parent_have_threads_and_python_does_not_warn():
    code = COMPUTE + "compute()\nfor _ in range(5):\n    in_a_child(compute)\n    compute()\nprint('done')"
    assert run(code, "-W", "error", NPCONV_THREADS="2", OPENBLAS_NUM_THREADS="1") == "done"


@needs_fork
def test_a_fork_while_another_thread_is_within_parts_harms_neither():
    assert run(
        COMPUTE
        + """
if blas:
    blas[1](2)
before = blas and blas[0]()
begun, go_on = threading.Barrier(3), threading.Event()
def work(part):
    begun.wait(30)
    go_on.wait(30)
def child():
    compute()
    within = []
    threads.each(lambda part: within.append(blas and blas[0]()), range(9), threads.WORTH)
    assert within == [blas and 1] * 9
    assert (blas and blas[0]()) == before
user = threading.Thread(target=lambda: threads.each(work, range(2), threads.WORTH))
user.start()
begun.wait(30)
in_a_child(child)
go_on.set()
user.join()
compute()
assert (blas and blas[0]()) == before
print("done")
""",
        "-W", "ignore",  # of forks beside threads
        NPCONV_THREADS="2",
    ) == "done"  # fmt: skip


@pytest.mark.parametrize("started", ["compute()", ""])
def test_functions_that_run_at_the_end_of_python_still_compute(started):
    one = "1 if sys.version_info >= (3, 12) else 2"  # later ones start no thread by then
    number = "2" if started else one
    code = f"import atexit\ndef last():\n    compute({number})\n    print('done')\natexit.register(last)\n{started}"
    assert run(COMPUTE + code, NPCONV_THREADS="2") == "done"


ONE = "1 thread, as the threads of NumPy's matrix product would spin on the other cores"
ONE += " (OPENBLAS_THREAD_TIMEOUT=16 helps)"
NUMBERS = [  # the environment, the processors, code, the report
    ({}, 3, "", ONE),
    ({"OPENBLAS_THREAD_TIMEOUT": "16"}, 3, "",
     "3 threads, one for each core, as OPENBLAS_THREAD_TIMEOUT=16 ends the spinning of OpenBLAS's threads"),
    ({"OPENBLAS_THREAD_TIMEOUT": "20"}, 1, "", "1 thread, as there is one core"),
    ({"OPENBLAS_THREAD_TIMEOUT": "26"}, 3, "", ONE),
    ({"OPENBLAS_THREAD_TIMEOUT": "0"}, 3, "", ONE),
    ({"OPENBLAS_NUM_THREADS": "1"}, 3, "", "3 threads, one for each core, as NumPy's matrix product has one thread"),
    ({"OPENBLAS_NUM_THREADS": "1", "NPCONV_THREADS": "1"}, 3, "", "1 thread, as NPCONV_THREADS=1 says"),
    ({"NPCONV_THREADS": "5"}, 3, "", "5 threads, as NPCONV_THREADS=5 says"),
    ({"NPCONV_THREADS": "0"}, 3, "", ONE),
    ({"NPCONV_THREADS": "²"}, 3, "", ONE),
    ({"NPCONV_THREADS": "5"}, 3, "threads.use(np.int64(4))", "4 threads, as npconv.threads.use(4) says"),
    ({"NPCONV_THREADS": "5"}, 3, "threads.use(4); threads.use(None)", "5 threads, as NPCONV_THREADS=5 says"),
]  # fmt: skip


@pytest.mark.parametrize(("environment", "processors", "code", "report"), NUMBERS)
def test_the_number_of_threads_follows_its_rules(environment, processors, code, report):
    if "OPENBLAS_NUM_THREADS" not in environment and threads._openblas() is None:
        pytest.skip("NumPy's matrix product is not OpenBLAS's")
    lines = run(
        "import os, sys\n"
        f"os.sched_getaffinity = lambda process: set(range({processors}))\n"
        "import numpy as np\nfrom npconv import threads\n"
        "if 'OPENBLAS_NUM_THREADS' not in os.environ: threads._openblas()[1](2)\n"
        f"{code}\nprint(threads.count())\nprint(threads.report())",
        **environment,
    ).splitlines()
    assert lines == [report.split()[0], report]


@pytest.mark.parametrize(
    ("number", "error", "words"),
    [
        (0, ValueError, "use: number must be 1 or more; got 0"),
        (2.0, TypeError, "use: number must be an int or None; got 2.0"),
        (True, TypeError, "use: number must be an int or None; got True"),
    ],
)
def test_a_number_that_is_none_is_refused(number, error, words):
    with pytest.raises(error, match=words):
        threads.use(number)


def test_the_users_environment_stays_as_it_is():
    code = """
import os
before = dict(os.environ)
import numpy as np, npconv
from npconv import threads
npconv.relu6(np.ones((4, 100, 100, 64), np.float32))
threads.use(2), threads.report()
npconv.relu6(np.ones((4, 100, 100, 64), np.float32))
print(dict(os.environ) == before)
"""
    for environment in ({}, {"OPENBLAS_THREAD_TIMEOUT": "16"}, {"OPENBLAS_NUM_THREADS": "1"}):
        assert run(code, **environment) == "True"


def threads_of_a_run(progress):
    progress(1)
    return {"threads": threads.count()}


def threads_of_a_proof(package, chosen):
    return 10**6 * threads.count()


@pytest.mark.skipif((os.cpu_count() or 1) < 2, reason="one thread is all there is")
def test_processes_side_by_side_have_one_thread_each(monkeypatch):
    monkeypatch.delenv("NPCONV_THREADS", raising=False)
    before = dict(os.environ)
    runs = dict.fromkeys("ab", threads_of_a_run)
    results = dict(side_by_side(runs, 2, lambda done, made: None))
    assert results == {key: {"threads": 1} for key in "ab"}
    assert dict(os.environ) == before
    monkeypatch.setattr(box, "_hold_all", threads_of_a_proof)
    threads.use(2)
    assert box.prove_box(every=500, processes=2).equalities // 10**6 == 2


def test_the_process_for_submissions_has_one_thread(monkeypatch):
    class SeenError(Exception):
        pass

    def start(*command, env, **options):
        raise SeenError(env)

    monkeypatch.setattr(process.subprocess, "Popen", start)
    with pytest.raises(SeenError) as seen:
        process.Process(child.Limits())
    (environment,) = seen.value.args
    assert {name: environment[name] for name in threads.OF_A_PROCESS} == dict.fromkeys(threads.OF_A_PROCESS, "1")

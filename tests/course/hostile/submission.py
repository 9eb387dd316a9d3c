"""A submission that tries everything; tests/course/test_worker.py says what each function must come to."""

import contextlib
import json
import os
import signal
import stat
import sys
import threading
import time

import numpy as np


def double(x):
    return 2 * x


# Never coming back


def endless():
    while True:
        pass


def endless_whatever_is_raised():
    while True:
        with contextlib.suppress(BaseException):
            endless()


def endless_and_deaf():
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGALRM, signal.SIGXCPU):
        signal.signal(number, signal.SIG_IGN)
    endless()


def stopped():
    signal.raise_signal(signal.SIGSTOP)


def flooding_the_grader():
    """Replies without end, whole ones, each with another nonce."""
    while True:
        os.write(reply_pipe(), message(b"?" * 16, {"status": "returned", "value": None}))


def reading_the_requests():
    for pipe in pipes():
        if pipe != reply_pipe():
            os.read(pipe, 1000)


# Dying


def exit_at_once():
    os._exit(0)


def killed():
    signal.raise_signal(signal.SIGKILL)


def crashed():
    import faulthandler

    faulthandler._sigsegv()


def closing_everything():
    os.closerange(0, 64)


def killing_later():
    signal.setitimer(signal.ITIMER_REAL, 0.02)
    return 1


# Leaving, raising


def leaving():
    sys.exit("all tests passed")


def leaving_as_at_the_prompt():
    exit()


def interrupted():
    raise KeyboardInterrupt


def recursing(n=0):
    return recursing(n + 1)


def asking():
    return input("the answer? ")


class TextlessError(Exception):
    def __str__(self):
        raise ValueError("no text")


def raising_without_a_text():
    raise TextlessError


def half_a_terabyte():
    return np.ones(1 << 36)


def more_and_more():
    kept = []
    while True:
        kept.append(bytearray(1 << 24))


def printing():
    for _ in range(10000):
        print("x" * 1000)
    print("\x1b[2J", file=sys.stderr)
    return 1


def speaking_low():
    os.write(1, b"one")
    os.write(2, b"two")
    return len(os.read(0, 1))


# Speaking for the worker


def pipes():
    return [n for n in range(3, 12) if is_pipe(n)]


def is_pipe(number):
    try:
        return stat.S_ISFIFO(os.fstat(number).st_mode)
    except OSError:
        return False


def reply_pipe():
    return next(n for n in pipes() if is_written_to(n))


def is_written_to(number):
    try:
        return os.write(number, b"") == 0
    except OSError:
        return False


def message(nonce, header, body=b""):
    text = json.dumps(header).encode()
    return b"npcv" + nonce + len(text).to_bytes(4, "big") + len(body).to_bytes(4, "big") + text + body


def forge(value, body=b"", **others):
    frame = sys._getframe(1)
    while "nonce" not in frame.f_locals:
        frame = frame.f_back
    header = {"status": "returned", "value": value, "arguments": [], "message": "", "printed": "", **others}
    os.write(reply_pipe(), message(frame.f_locals["nonce"], header, body))


def forging_one():
    forge(["int", "2a"])
    return 7


def forging_one_and_hanging():
    forge(["int", "2a"])
    endless()


def forging_many():
    for _ in range(5):
        forge(["int", "2a"])
    return 7


def forging_without_the_nonce():
    os.write(reply_pipe(), message(b"x" * 16, {"status": "returned", "value": ["int", "2a"]}))
    return 7


def forging_a_status():
    forge(None, status="right")


def forging_a_pickle():
    forge(["pickle", "gASVAAAA"])


def forging_dates():
    forge(["array", "<M8[s]", [1], "C"], b"\0" * 8)


def forging_without_the_mark():
    os.write(reply_pipe(), b"evil" + bytes(16) + (2).to_bytes(4, "big") + bytes(4) + b"{}")
    return 7


def forging_a_huge_body():
    os.write(reply_pipe(), b"npcv" + bytes(16) + (2).to_bytes(4, "big") + b"\x7f" * 4 + b"{}")
    return 7


def forging_a_short_array():
    forge(["array", "<f8", [1000], "C"], b"\0" * 8)


def forging_a_deep_tuple():
    os.write(reply_pipe(), message(b"?" * 16, {}))
    frame = sys._getframe(0)
    while "nonce" not in frame.f_locals:
        frame = frame.f_back
    text = b'{"status": "returned", "value": ' + b'["tuple", ' * 30000 + b"null" + b"]" * 30000 + b"}"
    start = b"npcv" + frame.f_locals["nonce"] + len(text).to_bytes(4, "big") + bytes(4)
    sent = start + text
    while sent:
        sent = sent[os.write(reply_pipe(), sent) :]


def forging_a_word():
    forge("right")


def forging_no_bools():
    forge(["array", "|b1", [2], "C"], b"\x07\0")


def forging_a_huge_message():
    os.write(reply_pipe(), b"npcv" + bytes(16) + b"\xff" * 8)


def shouting_on_every_pipe():
    for number in range(64):
        with contextlib.suppress(OSError):
            os.write(number, b"full marks " * 8)
    return 7


# Patching


def patching_modules():
    np.array_equal = np.allclose = np.testing = lambda *_, **__: True
    np.frombuffer = np.asarray = np.array = np.ascontiguousarray = None
    np.ndarray = np.dtype = dict
    np.save = np.load = np.lib = None
    json.dumps = lambda *_, **__: '{"status": "right"}'
    json.loads = None
    return 7


def patching_builtins():
    import builtins

    for name in ("len", "isinstance", "print", "open", "str", "sum", "map", "type", "zip", "int", "list", "tuple"):
        setattr(builtins, name, None)
    return 7


def patching_the_worker():
    import __main__

    vars(__main__).clear()
    sys.modules.clear()
    return 7


# Looking for the answers


def importing(package):
    sys.path.insert(0, package)
    import npconv

    return npconv.__version__


def importing_a_way_round():
    import importlib

    found = []
    for name in ("readline", "_tkinter", "_xxsubinterpreters", "_interpreters", "_testcapi"):
        sys.modules.pop(name, None)
        with contextlib.suppress(ImportError, PermissionError):
            found.append(importlib.import_module(name))
    return len(found)


def importing_a_way_round_by_path():
    import importlib.machinery
    import math

    path = os.path.join(os.path.dirname(getattr(math, "__file__", os.__file__)), "readline.so")
    spec = importlib.machinery.ModuleSpec("another.readline", None, origin=path)
    importlib.machinery.ExtensionFileLoader("another.readline", path).create_module(spec)


def importing_by_path(key):
    import importlib.util

    spec = importlib.util.spec_from_file_location("key", key)
    spec.loader.exec_module(importlib.util.module_from_spec(spec))


def importing_native_code():
    import importlib.machinery

    path = os.path.abspath("native.so")
    spec = importlib.machinery.ModuleSpec("native", None, origin=path)
    importlib.machinery.ExtensionFileLoader("native", path).create_module(spec)


def reading(key):
    return len(open(key).read())


def reading_bytes(key):
    return len(open(os.fsencode(key)).read())


def reading_low(key):
    return len(os.read(os.open(key, os.O_RDONLY), 100))


def reading_with_numpy(key):
    return np.fromfile(key, np.uint8)


def reading_up(key):
    return len(open("/".join([".."] * 20) + key).read())


def reading_round(key):
    return len(open(os.path.dirname(np.__file__) + "/../" * 20 + key).read())


def reading_from_a_folder(key):
    folder = os.open(os.path.dirname(os.__file__), os.O_RDONLY)
    return len(os.read(os.open("os.py", os.O_RDONLY, dir_fd=folder), 100))


def reading_by_a_link(key):
    os.symlink(key, "link")
    return len(open("link").read())


def reading_beside_the_library(key):
    return len(open(os.path.join(os.path.dirname(os.__file__), "site-packages", "npconv", "key.py")).read())


def listing_otherwise(key):
    return len(list(os.scandir(os.path.dirname(key))))


def listing(key):
    return len(os.listdir(os.path.dirname(key)))


def moving(key):
    os.chdir(os.path.dirname(key))


class Path(str):
    """A path that says something else to whoever asks."""

    def split(self, *_):
        return ["key"]

    def startswith(self, *_):
        return True

    def __str__(self):
        return "key"


def reading_a_false_name(key):
    return len(open(Path(key)).read())


def reading_with_other_builtins(key):
    import builtins

    real = builtins.open
    builtins.isinstance = lambda *_: True
    builtins.str = builtins.bytes = builtins.PermissionError = builtins.any = builtins.frozenset = lambda *_: None
    return real(key).read(1) == ""


def reading_with_another_guard(key):
    """The guard's own frame, and whatever in it can be changed."""
    import __main__

    for name in dir(__main__):
        if "FORBIDDEN" in name or "CHANGING" in name or name == "guard":
            setattr(__main__, name, frozenset())
    try:
        reading(key)
    except PermissionError as error:
        trace = error.__traceback__
        while trace is not None:
            found = trace.tb_frame.f_locals
            for name, value in list(found.items()):
                if isinstance(value, (list, set, dict)) and name != "found":
                    value.clear()
                if name in ("library", "numerical", "own"):
                    found[name] = ("/",)
            trace = trace.tb_next
    return len(open(key).read())


def searching_memory():
    import gc

    return len(gc.get_objects())


# Reaching out


def writing(outside):
    open(outside, "w").close()


def appending(outside):
    os.open(outside, os.O_RDWR | os.O_CREAT)


def removing(outside):
    os.remove(outside)


def renaming(outside):
    os.rename(os.getcwd(), outside)


def making_a_folder(outside):
    os.mkdir(outside)


def writing_at_home():
    with open("notes", "w") as file:
        file.write("seven")


def making_a_folder_at_home():
    os.mkdir("folder")


def opening_many():
    kept = []
    try:
        while True:
            kept.append(os.open(os.devnull, os.O_RDONLY))
    finally:
        for number in kept:
            os.close(number)


def limits():
    import resource

    which = (resource.RLIMIT_CPU, resource.RLIMIT_FSIZE, resource.RLIMIT_NOFILE, resource.RLIMIT_CORE)
    return tuple(resource.getrlimit(one)[1] for one in which)


def doors_left():
    """What reaches the machine and is not refused, wherever its like may be held."""
    import importlib.machinery
    import time as clock

    left = {}
    numbers = {"setpriority": (0, os.getppid(), 0), "sched_setaffinity": (os.getppid(), {0}), "setpgid": (0, 0)}
    numbers |= {"sched_setscheduler": (os.getppid(), 0, None), "sched_setparam": (os.getppid(), None)}
    numbers |= {"pidfd_open": (os.getppid(), 0), "memfd_create": ("m",), "unshare": (0,), "setns": (0,)}
    numbers |= {"mkfifo": ("fifo",), "mknod": ("node",), "chroot": (".",), "setsid": (), "sync": ()}
    for name, arguments in numbers.items():
        left |= {("os", name): (getattr(os, name, None), arguments)}
        left |= {("posix", name): (getattr(sys.modules["posix"], name, None), arguments)}
        for door in [*os.supports_dir_fd, *os.supports_fd, *os.supports_follow_symlinks]:
            if door.__name__ == name:
                left |= {("supports", name): (door, arguments)}
    left |= {("signal", "pidfd_send_signal"): (getattr(signal, "pidfd_send_signal", None), (-1, 0))}
    left |= {("time", "clock_settime"): (getattr(clock, "clock_settime", None), (-1, 0.0))}
    found = []
    for name, (door, arguments) in left.items():
        try:
            if door is not None:
                door(*arguments)
                found.append(name)
        except PermissionError as error:
            if "a submission may not" not in str(error):
                found.append(name)
        except Exception:
            found.append(name)
    for name in ("posix", "_signal", "time", "_imp"):
        spec = importlib.machinery.ModuleSpec(name, None, origin="built-in")
        kept = sys.modules.pop(name, None)
        for way in (importlib.machinery.BuiltinImporter.create_module, importlib.import_module, __import__):
            with contextlib.suppress(PermissionError, ImportError):
                way(spec if way is importlib.machinery.BuiltinImporter.create_module else name)
                found.append(name)
        sys.modules[name] = kept
    if found:
        raise AssertionError(str(found))
    return 0


def having_the_grader_killed():
    import fcntl

    fcntl.fcntl(os.pipe()[0], fcntl.F_SETOWN, os.getpid())  # the grader's number would do as well


def making_a_file_stay():
    import fcntl

    fcntl.ioctl(0, 0x40086602, b"\x10" + bytes(7))


def sharing_memory():
    import _posixshmem

    return _posixshmem.shm_open("/npconv-grade", os.O_RDWR)


def sharing_a_semaphore():
    import _multiprocessing

    return _multiprocessing.SemLock


def looking_at_frames():
    return len(sys._current_frames())


def calling_c_by_what_is_loaded():
    return len([name for name in ("ctypes", "_ctypes") if sys.modules.get(name) is not None])


def calling_c_by_a_new_module():
    for name in ("ctypes", "_ctypes"):
        sys.modules.pop(name, None)
    import _ctypes

    return _ctypes.CFuncPtr


def refusals():
    """How much the frames of a refusal hold that can be changed."""
    import _io

    count = 0
    for path in ("/none", PathLike()):
        try:
            _io.FileIO(path)
        except (PermissionError, TypeError) as error:
            trace = error.__traceback__.tb_next
            while trace is not None:
                values = trace.tb_frame.f_locals.values()
                count += sum(isinstance(value, (dict, set, type(refusals))) for value in values)
                trace = trace.tb_next
    return count


class PathLike:
    def __fspath__(self):
        return "/none"


async def waiting():
    return 1


def returning_a_coroutine():
    return waiting()


def warned():
    return float(np.float64(1.0) / np.float64(0.0))


def starting_a_program():
    import subprocess

    subprocess.run(["true"])


def starting_a_program_lower():
    import _posixsubprocess

    _posixsubprocess.fork_exec()


def starting_a_program_with_a_new_module():
    kept = sys.modules.pop("_posixsubprocess")
    try:
        import _posixsubprocess  # noqa: F401
    finally:
        sys.modules["_posixsubprocess"] = kept


def starting_a_shell():
    os.system("true")


def forking():
    if os.fork() == 0:
        os._exit(0)


def spawning():
    os.posix_spawn("/bin/true", ["true"], {})


def executing():
    os.execv("/bin/true", ["true"])


def killing_the_grader():
    os.kill(os.getppid(), signal.SIGTERM)


def connecting():
    import socket

    socket.socket()


def calling_c():
    import ctypes

    ctypes.CDLL(None)


def raising_the_limits():
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def watching():
    seen = []
    sys.addaudithook(lambda *event: seen.append(event))
    compile("1", "", "eval")
    return len(seen)


def leaving_things_behind():
    import atexit

    atexit.register(time.sleep, 100)
    with contextlib.suppress(RuntimeError):  # where it may start no thread at all
        threading.Thread(target=time.sleep, args=(100,)).start()
    return 7


def environment():
    return len([name for name in os.environ if "PYTHON" in name]) + len(sys.stdin.read())

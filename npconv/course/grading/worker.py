"""The process in which a submission runs: the grader starts this file by its path, and it imports nothing of npconv.

It reads requests ("load this source", "call this function") from the pipe that was its standard input and replies on
the one that was its standard output. It never holds a right answer, so nothing that a submission does in here can turn
a wrong answer into a right one: whatever comes back is judged outside.

What is refused here keeps the answer key out of reach and the machine tidy: reading other files, writing any, other
programs and processes, the network, foreign functions, the doors to all of these that are known. Such a list is never
complete, and Python has no wall behind it: NumPy itself reads and writes any address (`as_strided`), and the frames of
a refusal show where the guard's constants are. A hostile file, native code or not, needs a container.
"""

import builtins
import contextlib
import importlib.util
import io
import json
import os
import stat
import sys
import types
import warnings
from collections.abc import Callable, Mapping
from typing import Any

OPEN_FILES = 64
LINE = 80  # characters of a line that a message quotes
FORBIDDEN_FAMILIES = frozenset({"ctypes", "fcntl", "socket", "sqlite3", "syslog", "winreg", "_winapi", "msvcrt"})
FORBIDDEN_EVENTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile"}
    | {"pty.spawn", "os.kill", "os.killpg", "signal.pthread_kill", "resource.setrlimit", "resource.prlimit"}
    | {"os.chdir", "os.link", "os.symlink", "os.chflags", "os.lockf", "os.setxattr", "os.removexattr"}
    | {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.truncate", "os.utime"}
    | {"sys.addaudithook", "gc.get_objects", "gc.get_referrers", "gc.get_referents", "code.__new__"}
    | {"sys._current_frames", "sys._current_exceptions", "sys.remote_exec"}
)
FORBIDDEN_MODULES = frozenset(
    {"npconv", "ctypes", "_ctypes", "_ctypes_test", "_ssl", "nis", "ossaudiodev"}
    | {"_posixshmem", "_multiprocessing", "_remote_debugging", "_testexternalinspection"}  # memory outside this process
    | {"_xxsubinterpreters", "_interpreters", "_testcapi", "_testinternalcapi", "_testlimitedcapi"}  # no hook listens
    | {"js", "pyodide", "pyodide_js", "_pyodide", "_pyodide_core"}  # a browser's page and network
    | {"_tkinter", "readline", "_curses", "_gdbm", "_dbm"}  # which open files without asking
)
# what reaches other processes or the machine and raises no audit event, by the module that has it
UNWATCHED = {
    "posix": frozenset(
        {"mkfifo", "mknod", "chroot", "setpriority", "unshare", "setns", "pidfd_open", "memfd_create", "sync"}
        | {"sched_setaffinity", "sched_setscheduler", "sched_setparam", "setpgid", "setpgrp", "setsid", "tcsetpgrp"}
        | {"posix_openpty", "openpty", "login_tty", "plock"}
    ),
    "_signal": frozenset({"pidfd_send_signal"}),
    "time": frozenset({"clock_settime", "clock_settime_ns"}),
    "_posixsubprocess": frozenset({"fork_exec"}),
    "_imp": frozenset({"create_builtin"}),  # which makes another `posix`
}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
WINDOWS = os.name == "nt"


class Printed(io.TextIOBase):
    """The output of a submission: the first characters are kept, the rest is dropped."""

    def __init__(self, characters: int) -> None:
        self.text = ""
        self.characters = characters

    def write(self, text: str) -> int:
        self.text += text[: max(0, self.characters + 1 - len(self.text))]  # one more, so that the cut can be seen
        return len(text)

    def writable(self) -> bool:
        return True


def main() -> None:
    """Take the pipes that were standard input and output, so that a submission does not have them, and serve."""
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    serve(json.loads(sys.argv[1]), requests, replies, lambda: os.dup2(nowhere, 2))


def serve(settings: Mapping[str, Any], requests: Any, replies: Any, begin: Callable[[], object]) -> None:
    """Prepare the process, say so, call `begin`, and then serve requests until the grader goes."""
    sys.stdin = open(os.devnull)  # noqa: SIM115 - for as long as the process lives
    roots = tuple({folder for entry in sys.path for folder in (entry, os.path.realpath(entry)) if entry})
    without: dict[str, Any] = dict.fromkeys(FORBIDDEN_MODULES)
    sys.modules.update(without)  # before NumPy, which would load some of them, and does without
    sys.path[:] = [entry for entry in sys.path if os.path.basename(entry) not in ("site-packages", "dist-packages")]
    imported("numpy", os.path.join(settings["numpy"], "__init__.py"), [settings["numpy"]])
    messages: Any = imported("messages", os.path.join(os.path.dirname(os.path.abspath(__file__)), "messages.py"))
    del sys.modules["messages"]
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]  # which the module `site` would have set
    warnings.filterwarnings("ignore", module="(?!submission$)")  # of a coroutine that this file lets go, say
    close_doors()
    limited_memory = limit(settings)
    listen(roots, settings["numpy"])
    replies.write(messages.pack(bytes(16), {"limited_memory": limited_memory}))
    replies.flush()
    begin()  # until here the grader reads why it could not start
    Worker(messages, settings).serve(requests, replies)


def imported(name: str, path: str, folder: list[str] | None = None) -> types.ModuleType:
    """A module from its file, wherever it is, without its neighbours."""
    spec = importlib.util.spec_from_file_location(name, path, submodule_search_locations=folder)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no module")
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def limit(settings: Mapping[str, Any]) -> bool:
    """Set the limits that the system has; whether memory is one of them."""
    try:
        import resource
    except ImportError:  # Windows
        return False
    limits = [
        (resource.RLIMIT_CPU, int(settings["total_seconds"]) + 1),
        (resource.RLIMIT_FSIZE, 0),  # also of a file in memory
        (resource.RLIMIT_NOFILE, OPEN_FILES),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NPROC, 0),  # no new processes or threads, unless it is root's
    ]
    try:
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * resource.getpagesize()
        limits.append((resource.RLIMIT_AS, used + settings["memory_bytes"]))
    except OSError:  # macOS neither says what is used nor keeps to the limit
        used = 0
    for which, value in limits:
        hard = resource.getrlimit(which)[1]
        value = value if hard == resource.RLIM_INFINITY else min(value, hard)
        resource.setrlimit(which, (value, value))
    return used > 0


def close_doors() -> None:
    """Take away what no audit event watches, wherever it is held; modules that are built in are all loaded before."""
    for name in sorted(set(sys.builtin_module_names) - FORBIDDEN_MODULES):
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    closed = set()
    for name, doors in UNWATCHED.items():
        with contextlib.suppress(ImportError):  # another system
            module = vars(importlib.import_module(name))
            closed |= {module[door] for door in doors if door in module}

    def refuse(*_: Any, **__: Any) -> None:
        raise PermissionError("a submission may not do this: it reaches other processes, or the machine")

    for module in [vars(module) for module in list(sys.modules.values()) if isinstance(module, types.ModuleType)]:
        for name, value in list(module.items()):
            if isinstance(value, types.BuiltinFunctionType) and value in closed:
                module[name] = refuse
            elif type(value) is set:  # os.supports_fd and its like
                value -= closed


def listen(roots: tuple[str, ...], numpy: str) -> None:
    """Add the audit hooks: reading and importing go to the standard library and NumPy alone, writing nowhere.

    A hook looks nothing up where a submission could change it (no global, no builtin, no cell), runs none of its code
    and is out of reach, as `gc` is refused. So each is one function, whose immutable constants are the defaults of its
    arguments: one that called another would hold it where the frame of a refusal shows it.
    """

    def inside(*folders: str) -> tuple[str, ...]:
        return tuple((f.lower() if WINDOWS else f).rstrip(os.sep) + os.sep for f in folders)

    sys.addaudithook(path_hook(inside(*roots), inside(numpy, os.path.realpath(numpy))))
    sys.addaudithook(folder_hook())
    sys.addaudithook(event_hook())  # the last, as it refuses another


def event_hook() -> Callable[[str, tuple[Any, ...]], None]:
    """The hook that refuses what is refused whatever its arguments are, and modules by their names."""

    def hook(
        event: str,
        args: tuple[Any, ...],
        *,
        families: frozenset[str] = FORBIDDEN_FAMILIES,
        events: frozenset[str] = FORBIDDEN_EVENTS,
        modules: frozenset[str] = FORBIDDEN_MODULES | UNWATCHED.keys(),
        split: Callable[..., list[str]] = str.split,
        refused: type[PermissionError] = PermissionError,
        missing: type[ImportError] = ImportError,  # without which the standard library often does
    ) -> None:
        if event in events or split(event, ".")[0] in families:
            raise refused(f"a submission may not use {event}")
        if event == "import" and not modules.isdisjoint(split(args[0], ".")):
            raise missing("a submission may not import " + ".".join(split(args[0], ".")))

    return hook


def path_hook(library: tuple[str, ...], numerical: tuple[str, ...]) -> Callable[[str, tuple[Any, ...]], None]:
    """The hook that refuses paths, by where they are and what they are for."""

    def hook(
        event: str,
        args: tuple[Any, ...],
        *,
        library: tuple[str, ...] = library,
        numerical: tuple[str, ...] = numerical,
        devices: frozenset[str] = frozenset({"/dev/null", "/dev/urandom", "nul"}),
        verbs: Mapping[str, str] = types.MappingProxyType(
            {"open": "read", "import": "import", "os.listdir": "list", "os.scandir": "list"}
        ),
        writing: int = WRITING,
        separator: str = os.sep,
        windows: bool = WINDOWS,
        split: Callable[..., list[str]] = str.split,
        decode: Callable[..., str] = bytes.decode,
        kind: type = type,
        subclass: Callable[..., bool] = issubclass,  # isinstance would ask the value
        raw: type = bytes,
        number: type = int,
        refused: type[PermissionError] = PermissionError,
    ) -> None:
        if event not in verbs:
            return
        path, verb = args[event == "import"], verbs[event]
        if path is None or subclass(kind(path), number):
            return
        if event == "open" and (kind(args[2]) is not number or args[2] & writing):
            verb = "write"
        name = separator.join(
            split(decode(path, "utf-8", "surrogateescape") if subclass(kind(path), raw) else path, separator)
        )
        if windows:
            name = name.replace("/", "\\").lower()
        parts, place = name.split(separator), name + separator
        packages = "site-packages" in parts or "dist-packages" in parts
        if name in devices:
            allowed = verb != "import"
        elif name.startswith(separator) or (windows and ":" in name):
            allowed = place.startswith(numerical) or (place.startswith(library) and not packages)
            allowed = allowed and verb != "write"
        else:  # in its folder, where there is nothing
            allowed = verb == "read" or verb == "list"
        if ".." in parts or not allowed:
            raise refused(f"a submission may not {verb} {name}")

    return hook


def folder_hook() -> Callable[[str, tuple[Any, ...]], None]:
    """The hook that refuses os.open of a folder, which would be a way round the names of paths."""

    def hook(
        event: str,
        args: tuple[Any, ...],
        *,
        stat: Callable[..., os.stat_result] = os.stat,
        kind_of: Callable[[int], int] = stat.S_IFMT,
        directory: int = stat.S_IFDIR,
        missing: type[OSError] = OSError,
        refused: type[PermissionError] = PermissionError,
    ) -> None:
        if event != "open" or args[1] is not None:
            return
        try:
            folder = kind_of(stat(args[0]).st_mode) == directory
        except missing:
            folder = False
        if folder:
            raise refused("a submission may not open a folder")

    return hook


class Worker:
    """The submission that is loaded, and what is asked of it."""

    def __init__(self, messages: Any, settings: Mapping[str, Any]) -> None:
        self.messages = messages
        self.settings = settings
        self.module = types.ModuleType("submission")
        self.filename = ""
        self.lines: list[str] = []
        self.originals = dict(vars(builtins))
        self.restore = vars(builtins).update

    def serve(self, requests: Any, replies: Any) -> None:
        """Answer requests, one after another, until the pipe is closed."""
        while request := self.messages.receive(requests, self.settings["request_bytes"]):
            nonce, header, arrays = request
            asked = json.loads(header)
            reply, body = self.load(**asked) if "source" in asked else self.call(**asked, body=arrays)
            replies.write(self.messages.pack(nonce, reply, body))
            replies.flush()
        os._exit(0)

    def load(self, source: str, filename: str) -> tuple[dict[str, Any], list[bytes]]:
        """Run the top level of a submission in a new module."""
        self.module = sys.modules["submission"] = types.ModuleType("submission")
        self.filename, self.lines = filename, source.splitlines()
        reply, body = self.attempt(lambda: exec(compile(source, filename, "exec"), vars(self.module)))
        defined = [name for name, value in vars(self.module).items() if isinstance(name, str) and callable(value)]
        reply["names"] = sorted(defined) if reply["status"] == "returned" else []
        return reply, body

    def call(self, name: str, arrays: list[Any], options: dict[str, Any], body: bytes) -> Any:
        """Call one function of the submission, and add what its arguments are afterwards."""
        positional = self.messages.decode(arrays, body)
        keywords = dict(zip(options, self.messages.decode(options.values(), b""), strict=True))
        reply, answer = self.attempt(lambda: self.function(name)(*positional, **keywords))
        try:
            afterwards: list[bytes] = []
            encoded = [self.messages.encode(a, afterwards, self.settings["returned_bytes"]) for a in positional]
            reply["arguments"] = encoded
            return reply, answer + afterwards
        except Exception:  # an array that was made one of objects, say
            reply["arguments"] = None
            return reply, answer

    def function(self, name: str) -> Callable[..., Any]:
        """A function of the submission."""
        if name not in vars(self.module):
            raise NameError(f"there is no function {name}")
        function: Callable[..., Any] = vars(self.module)[name]
        return function

    def attempt(self, action: Callable[[], Any]) -> tuple[dict[str, Any], list[bytes]]:
        """The reply about an action: its status, value, message and output, and the bytes of the arrays."""
        characters = self.settings["characters"]
        sys.stdout = sys.stderr = printed = Printed(characters)
        value, message = None, ""
        body: list[bytes] = []
        try:
            value = action()
            self.restore(self.originals)
            self.messages.check_answer(value)
            value = self.messages.encode(value, body, self.settings["returned_bytes"])
            status = "returned"
        except BaseException as error:
            self.restore(self.originals)  # what follows needs them, and so does the next function
            value, body = None, []
            status, message = self.reason(error)
        reply = {
            "status": status,
            "value": value,
            "message": message[: characters + 1],
            "printed": printed.text[: characters + 1],
        }
        return reply, body

    def reason(self, error: BaseException) -> tuple[str, str]:
        """The status and the message for an exception."""
        if isinstance(error, self.messages.UnreadableError):
            return "unreadable", str(error)
        try:
            text = str(error)
        except BaseException:
            text = "an exception whose text cannot be had"
        if isinstance(error, SystemExit):
            return "exited", f"sys.exit({text})"
        if isinstance(error, SyntaxError):
            text, line = str(error.msg), error.lineno if error.filename == self.filename else None
        else:
            line = self.line_of(error)
        message = f"{type(error).__name__}: {text}" if text else type(error).__name__
        if line is not None and 1 <= line <= len(self.lines):
            message += f" (line {line}: `{self.lines[line - 1].strip()[:LINE]}`)"
        return "out of memory" if isinstance(error, MemoryError) else "raised", message

    def line_of(self, error: BaseException) -> int | None:
        """The line of the submission that an exception came from or went through last."""
        line, trace = None, error.__traceback__
        while trace is not None:
            if trace.tb_frame.f_code.co_filename == self.filename:
                line = trace.tb_lineno
            trace = trace.tb_next
        return line


if __name__ == "__main__":
    main()

"""The process in which a submission runs: the grader starts this file by its path, and it imports nothing of npconv.

It reads requests ("load this source", "call this function") from the pipe that was its standard input and replies on
the one that was its standard output. It never holds a right answer, so nothing that a submission does in here can turn
a wrong answer into a right one: whatever comes back is judged outside. What is refused here (other files, other
programs, the network) keeps the answer key out of reach and the machine tidy. It is no container: native code could
undo it.
"""

import builtins
import importlib.util
import io
import json
import os
import stat
import sys
import types
from collections.abc import Callable, Mapping
from typing import Any

FILE_BYTES = 1 << 24  # that a submission may write
LINE = 80  # characters of a line that a message quotes
FORBIDDEN_FAMILIES = frozenset({"ctypes", "socket", "winreg", "_winapi", "msvcrt", "sqlite3"})
FORBIDDEN_EVENTS = frozenset(
    {"subprocess.Popen", "os.system", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.startfile"}
    | {"pty.spawn", "os.kill", "os.killpg", "signal.pthread_kill", "resource.setrlimit", "resource.prlimit"}
    | {"os.chdir", "os.link", "os.symlink", "os.chflags", "os.lockf", "os.setxattr", "os.removexattr"}
    | {"sys.addaudithook", "gc.get_objects", "gc.get_referrers", "gc.get_referents", "code.__new__"}
)
CHANGING_EVENTS = frozenset(
    {"os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.chmod", "os.chown", "os.truncate", "os.utime"}
)
FORBIDDEN_MODULES = frozenset(
    {"npconv", "_posixsubprocess", "posix", "_ctypes"}
    | {
        "_xxsubinterpreters",
        "_interpreters",
        "_testcapi",
        "_testinternalcapi",
    }  # where no hook, or another one, listens
    | {"_tkinter", "readline", "_curses", "_gdbm", "_dbm"}  # which open files without asking
)
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class Printed(io.TextIOBase):
    """What a submission prints: the first characters are kept, the rest is dropped."""

    def __init__(self, characters: int) -> None:
        self.text = ""
        self.characters = characters

    def write(self, text: str) -> int:
        self.text += text[: max(0, self.characters + 1 - len(self.text))]  # one more, so that the cut can be seen
        return len(text)

    def writable(self) -> bool:
        return True


def main() -> None:
    """Prepare the process, say so, and then serve requests until the grader goes."""
    settings = json.loads(sys.argv[1])
    requests, replies = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_RDWR)
    os.dup2(nowhere, 0)
    os.dup2(nowhere, 1)
    sys.stdin = open(os.devnull)  # noqa: SIM115 - for as long as the process lives
    roots = tuple({folder for entry in sys.path for folder in (entry, os.path.realpath(entry)) if entry})
    sys.path[:] = [entry for entry in sys.path if os.path.basename(entry) not in ("site-packages", "dist-packages")]
    imported("numpy", os.path.join(settings["numpy"], "__init__.py"), [settings["numpy"]])
    messages: Any = imported("messages", os.path.join(os.path.dirname(os.path.abspath(__file__)), "messages.py"))
    del sys.modules["messages"]
    limited_memory = limit(settings)
    forbid_programs()
    builtins.exit = builtins.quit = sys.exit  # type: ignore[assignment]  # which the module `site` would have set
    sys.addaudithook(guard(roots, settings["numpy"], os.getcwd()))
    replies.write(messages.pack(bytes(16), {"limited_memory": limited_memory}))
    replies.flush()
    os.dup2(nowhere, 2)  # until here the grader reads why it could not start
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
        (resource.RLIMIT_FSIZE, FILE_BYTES),
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


def forbid_programs() -> None:
    """Take away the two doors to other processes that no audit event watches."""

    def refuse(*_: Any) -> None:
        raise PermissionError("a submission may not start or signal other processes")

    for module, name in (("_posixsubprocess", "fork_exec"), ("posix", "pidfd_open"), ("os", "pidfd_open")):
        try:
            if hasattr(importlib.import_module(module), name):
                setattr(importlib.import_module(module), name, refuse)
        except ImportError:  # another system
            continue


def guard(roots: tuple[str, ...], numpy: str, folder: str) -> Callable[[str, tuple[Any, ...]], None]:
    """The audit hook: it reads and imports from the standard library and NumPy alone, and writes in its folder alone.

    The hook looks nothing up where a submission could change it: no global, no builtin, no cell. Its constants are the
    defaults of its arguments, all of them immutable, and its function is out of reach, as `gc` is refused.
    """
    separator, windows = os.sep, os.name == "nt"

    def inside(*folders: str) -> tuple[str, ...]:
        return tuple((f.lower() if windows else f).rstrip(separator) + separator for f in folders)

    def hook(
        event: str,
        args: tuple[Any, ...],
        *,
        families: frozenset[str] = FORBIDDEN_FAMILIES,
        events: frozenset[str] = FORBIDDEN_EVENTS,
        changing: frozenset[str] = CHANGING_EVENTS,
        modules: frozenset[str] = FORBIDDEN_MODULES,
        library: tuple[str, ...] = inside(*roots),
        numerical: tuple[str, ...] = inside(numpy, os.path.realpath(numpy)),
        own: tuple[str, ...] = inside(folder, os.path.realpath(folder)),
        devices: frozenset[str] = frozenset({"/dev/null", "/dev/urandom", "nul"}),
        separator: str = separator,
        windows: bool = windows,
        writing: int = WRITING,
        stat: Callable[..., os.stat_result] = os.stat,
        kind_of: Callable[[int], int] = stat.S_IFMT,
        directory: int = stat.S_IFDIR,
        isinstance: Callable[..., bool] = isinstance,
        split: Callable[..., list[str]] = str.split,
        decode: Callable[..., str] = bytes.decode,
        text: type = str,
        raw: type = bytes,
        number: type = int,
        missing: type[OSError] = OSError,
        refused: type[PermissionError] = PermissionError,
    ) -> None:
        if event in events or split(event, ".")[0] in families:
            raise refused(f"a submission may not use {event}")
        if event == "import":
            if not modules.isdisjoint(split(args[0], ".")):
                raise refused(f"a submission may not import {args[0]}")
            if args[1] is None:
                return
            paths, writes, verb = args[1:2], False, "import"
        elif event == "open":
            writes = not isinstance(args[2], number) or args[2] & writing != 0
            paths, verb = args[:1], "write" if writes else "read"
        elif event in changing:
            paths, writes, verb = args[: 2 if event == "os.rename" else 1], True, "change"
        elif event == "os.listdir" or event == "os.scandir":
            paths, writes, verb = args[:1], False, "list"
        else:
            return
        for path in paths:
            if path is None or isinstance(path, number):
                continue
            parts = split(decode(path, "utf-8", "surrogateescape") if isinstance(path, raw) else path, separator)
            name = separator.join(parts)
            if windows:
                parts = split(name.replace("/", "\\").lower(), separator)
                name = separator.join(parts)
            place = name + separator
            absolute = name.startswith(separator) or (windows and ":" in name)
            packages = "site-packages" in parts or "dist-packages" in parts
            allowed = (
                not absolute
                or place.startswith(own)
                or name in devices
                or (not writes and place.startswith(numerical))
                or (not writes and not packages and place.startswith(library))
            )
            if allowed and verb == "import":
                allowed = absolute and not place.startswith(own)  # native code of its own
            if ".." in parts or not allowed:
                raise refused(f"a submission may not {verb} {name}")
            if event == "open" and args[1] is None:  # os.open: of a folder it would open a way round this hook
                try:
                    folder = kind_of(stat(name).st_mode) == directory
                except missing:
                    folder = False
                if folder:
                    raise refused(f"a submission may not open the folder {name}")

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
        """What an action did: its status, value, message and what it printed, and the bytes of the arrays."""
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

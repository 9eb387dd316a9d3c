"""Files are written whole or not at all, through links and into devices; folders are held by one process at a time."""

import ast
import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from contextlib import ExitStack
from pathlib import Path

import pytest

import npconv
from npconv.files import alone, parse_json, write_whole

PACKAGE = Path(npconv.__file__).parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(PACKAGE.parent)}
posix = pytest.mark.skipif(os.name != "posix", reason="links, permissions and devices are those of POSIX")


def names(folder):
    return sorted(path.name for path in folder.rglob("*"))


def script(*lines, **options):
    """A process that runs these lines with `npconv.files`."""
    code = "\n".join(("from npconv.files import *", "from npconv.files import alone", *lines))
    return subprocess.Popen([sys.executable, "-c", code], env=ENVIRONMENT, **options)


@posix
@pytest.mark.parametrize(
    "links",
    [
        {"link": "file"},
        {"link": "other", "other": "file"},
        {"link": "deep/other", "deep/other": "../file"},
        {"link": "ABSOLUTE/deep/file"},
        {"link": "new"},
        {"link": "other", "other": "new"},
        {"link": "none/as yet/new"},
    ],
    ids=lambda links: " to ".join(["link", *links.values()]),
)
def test_a_symbolic_link_stays_and_what_it_leads_to_is_written(links, tmp_path):
    (tmp_path / "deep").mkdir()
    for name in ("file", "deep/file"):
        (tmp_path / name).write_text("old")
    links = {name: target.replace("ABSOLUTE", str(tmp_path)) for name, target in links.items()}
    for name, target in links.items():
        (tmp_path / name).symlink_to(target)
    before = names(tmp_path)
    write_whole(tmp_path / "link", "new content")
    assert {name: os.readlink(tmp_path / name) for name in links} == links
    last = (tmp_path / "link").resolve()
    assert last.read_text() == "new content"
    assert not last.is_symlink()
    assert set(names(tmp_path)) <= {*before, "new", "none", "as yet"}
    kept = [tmp_path / name for name in ("file", "deep/file") if (tmp_path / name) != last]
    assert {path.read_text() for path in kept} == {"old"}


@posix
@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755, 0o4755])
def test_a_file_that_is_there_keeps_its_permissions(mode, tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(mode)
    during = []
    monkeypatch.setattr(os, "fsync", lambda number: during.append(stat.S_IMODE(os.fstat(number).st_mode)))
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert stat.S_IMODE(path.stat().st_mode) == mode & 0o777
    assert during == [mode & 0o777]


@posix
def test_no_moment_shows_the_content_of_a_private_file(tmp_path, monkeypatch):
    path, made = tmp_path / "file", []
    path.touch(0o600)
    opening = os.open

    def noted(*arguments):
        number = opening(*arguments)
        made.append(stat.S_IMODE(os.fstat(number).st_mode))
        return number

    monkeypatch.setattr(os, "open", noted)
    write_whole(path, "new")
    assert made == [0o600]


@posix
@pytest.mark.parametrize("mask", [0o022, 0o027, 0o077, 0o000])
def test_a_new_file_has_the_permissions_that_the_umask_leaves(mask, tmp_path, monkeypatch):
    before = os.umask(mask)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(os, "umask", None)  # which no thread can call without changing it for all others
            write_whole(tmp_path / "file", "new")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "file").stat().st_mode) == 0o666 & ~mask


@posix
@pytest.mark.parametrize("allowed", [True, False])
def test_the_owner_is_kept_where_the_system_allows_it(allowed, tmp_path, monkeypatch):
    path, asked = tmp_path / "file", []
    path.write_text("old")

    def give(name, owner, group):
        asked.append((owner, group))
        if not allowed:
            raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "chown", give)
    write_whole(path, "new")
    assert sorted(asked) == sorted([(-1, path.stat().st_gid), (path.stat().st_uid, -1)])
    assert path.read_text() == "new"
    monkeypatch.undo()
    if os.geteuid() == 0:
        os.chown(path, 1234, 4321)
        write_whole(path, "newer")
        assert (path.stat().st_uid, path.stat().st_gid) == (1234, 4321)


def test_another_hard_link_keeps_the_old_content(tmp_path):
    (tmp_path / "file").write_text("old")
    os.link(tmp_path / "file", tmp_path / "other")
    write_whole(tmp_path / "file", "new")
    assert ((tmp_path / "file").read_text(), (tmp_path / "other").read_text()) == ("new", "old")


@posix
def test_a_pipe_and_a_device_are_written_to(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", None)  # so that no mistake can harm the device
    pipe, read = tmp_path / "pipe", []
    os.mkfifo(pipe)
    (tmp_path / "link").symlink_to("pipe")
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(tmp_path / "link", b"x" * 100_000)  # more than a pipe holds
    reader.join(30)
    assert read == [b"x" * 100_000]
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    write_whole("/dev/null", "nothing")
    assert stat.S_ISCHR(Path("/dev/null").stat().st_mode)
    assert names(tmp_path) == ["link", "pipe"]


@posix
@pytest.mark.skipif(not os.path.exists("/dev/stdout"), reason="there is no /dev/stdout")
@pytest.mark.parametrize("number", [1, 2])
@pytest.mark.parametrize("kind", ["pipe", "file", "nameless file"])
def test_standard_output_stays_one_stream(kind, number, tmp_path):
    file = tmp_path / "file"
    name = {1: "stdout", 2: "stderr"}[number]
    lines = (
        "import os, sys",
        "stream = sys." + name,
        "print('before', file=stream)",
        f"write_whole('/dev/{name}', 'content\\n')",
        "print('after', file=stream)",
    )
    with file.open("w+") as opened:
        if kind == "nameless file":
            file.unlink()
        place = subprocess.PIPE if kind == "pipe" else opened
        process = script(*lines, **{name: place})
        printed = process.communicate(timeout=60)[number - 1]
        opened.seek(0)
        assert (printed or b"").decode() + opened.read() == "before\ncontent\nafter\n"
    assert process.returncode == 0


BROKEN = {
    "a folder": "Is a directory",
    "a link to a folder": "Is a directory",
    "file/below": "Not a directory",
    "file/below/it": "Not a directory",
    "loop": "Too many levels of symbolic links",
    "x" * 300: "File name too long",
    "/dev/full": "No space left on device",
    "/proc/none/file": "No such file or directory",
    "/dev/null/below": "Not a directory",
}


@posix
@pytest.mark.parametrize("name", BROKEN)
def test_where_it_cannot_be_written_the_path_that_was_given_is_said(name, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", None)  # so that no mistake can harm a device
    if name.startswith("/") and not os.path.exists(
        name.removesuffix("/file").removesuffix("/none").removesuffix("/below")
    ):
        pytest.skip(f"there is no {name}")
    (tmp_path / "a folder").mkdir()
    (tmp_path / "a link to a folder").symlink_to("a folder")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("old")
    before, path = names(tmp_path), tmp_path / name
    with pytest.raises(OSError) as raised:  # noqa: PT011 - the message is below
        write_whole(path, "new")
    assert raised.value.strerror == f"{path} cannot be written: {BROKEN[name]}"
    assert names(tmp_path) == before
    assert (tmp_path / "file").read_text() == "old"


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EIO])
@pytest.mark.parametrize("call", ["fsync", "replace", "open", "chmod"])
@pytest.mark.parametrize("there", [True, False])
def test_where_a_call_fails_the_old_file_stays_and_no_other(there, call, code, tmp_path, monkeypatch):
    path = tmp_path / "file"
    if there:
        path.write_text("old")
    elif call == "chmod":
        pytest.skip("a new file's permissions are those that it is made with")

    def fail(*arguments):
        raise OSError(code, os.strerror(code), str(arguments[0]))

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(OSError, match=r"file cannot be written: ") as raised:
        write_whole(path, "new")
    monkeypatch.undo()
    assert (raised.value.errno, raised.value.strerror) == (code, f"{path} cannot be written: {os.strerror(code)}")
    assert ".npconv" not in str(raised.value)
    assert [(p.name, p.read_text()) for p in tmp_path.iterdir()] == [("file", "old")] * there


@posix
def test_a_file_that_finds_no_room_leaves_the_old_one(tmp_path):
    (tmp_path / "file").write_text("old")
    process = script(
        "import resource",
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))",
        "write_whole('file', 'x' * 40_000)",
        "write_whole('file', b'x' * 10**6)",
        cwd=tmp_path,
        stderr=subprocess.PIPE,
    )
    error = process.communicate(timeout=60)[1].decode()
    assert "file cannot be written: File too large" in error.splitlines()[-1]
    assert names(tmp_path) == ["file"]
    assert (tmp_path / "file").read_text() == "x" * 40_000


@posix
def test_a_file_that_may_not_be_written_is_left_alone(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_text("old")
    path.chmod(0o444)
    if os.geteuid() == 0:  # who may write everything
        monkeypatch.setattr(os, "access", lambda name, mode: mode != os.W_OK)
    with pytest.raises(PermissionError, match=r"file cannot be written: Permission denied"):
        write_whole(path, "new")
    assert (path.read_text(), names(tmp_path)) == ("old", ["file"])


def test_a_name_may_be_as_long_as_names_can_be(tmp_path):
    path = tmp_path / ("x" * 255)
    write_whole(path, "new")
    write_whole(path, "newer")
    assert path.read_text() == "newer"


WRITING = {"open", "fdopen", "write_text", "write_bytes", "savefig", "tofile", "dump", "save", "savez", "savetxt",
           "savez_compressed", "imsave", "mkstemp", "NamedTemporaryFile", "ZipFile", "memmap", "move"}  # fmt: skip
NO_FILES_OF_THE_USERS = {
    "npconv/files.py": {"open", "ZipFile"},
    "npconv/cli/segment.py": {"save"},  # into memory
    "npconv/course/grading/worker.py": {"fdopen"},  # its pipes
    "npconv/figures/files.py": {"savefig"},  # into memory
    "npconv/site/build.py": {"write_text"},  # a page of the site, in the temporary folder that is put in place whole
    "npconv/site/cells.py": {"savefig"},  # into memory, in the reader's browser
    "npconv/site/pages.py": {"write_text"},  # what Sphinx reads, in a temporary folder
    "npconv/site/runtime.py": {"ZipFile"},  # into memory
    "npconv/training/recipes.py": {"save"},  # a network's own, which writes whole
}


def reads(call):
    """Whether a call of an `open` or `ZipFile` is one for reading, or opens the null device."""
    given = [*call.args, *(keyword.value for keyword in call.keywords)]
    modes = [a.value for a in given if isinstance(a, ast.Constant)]
    return len(given) < 2 or "rb" in modes or any(getattr(a, "attr", "") == "devnull" for a in given)


def test_nothing_else_writes_files():
    found = {}
    for path in PACKAGE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        calls = ast.walk(ast.parse(text)) if any(f"{name}(" in text for name in WRITING) else ()
        for node in calls:
            name = getattr(node.func, "attr", getattr(node.func, "id", "")) if isinstance(node, ast.Call) else ""
            if name in WRITING and not (name in ("open", "ZipFile") and reads(node)):
                found.setdefault(path.relative_to(PACKAGE.parent).as_posix(), set()).add(name)
    assert found == NO_FILES_OF_THE_USERS


def test_of_two_who_would_hold_a_folder_one_does(tmp_path):
    folder = tmp_path / "new"
    with alone(folder), alone(folder, ".other.lock"):
        for given in (folder, str(folder)):
            with pytest.raises(OSError, match=rf"{folder} is in use: another run writes there; wait") as raised:
                alone(given).__enter__()
            assert raised.value.errno == errno.EBUSY
        assert names(folder) == [".lock", ".other.lock"]
    with alone(folder):
        assert names(folder) == [".lock"]
    assert names(folder) == []


@posix
def test_a_lock_ends_with_its_process_however_that_ends(tmp_path):
    process = script(
        "import time",
        "with alone('held'):",
        "    print('inside', flush=True)",
        "    time.sleep(600)",
        cwd=tmp_path,
        stdout=subprocess.PIPE,
    )
    with process:
        try:
            assert process.stdout.readline() == b"inside\n"
            with pytest.raises(OSError, match="held is in use"):
                alone(tmp_path / "held").__enter__()
        finally:
            process.send_signal(signal.SIGKILL)
    assert names(tmp_path) == [".lock", "held"]
    with alone(tmp_path / "held"):
        pass
    assert names(tmp_path) == ["held"]


def test_those_who_wait_come_one_at_a_time(tmp_path):
    count = [
        "for _ in range(50):",
        "    with alone('.', wait=True):",
        "        number = int(open('count').read())",
        "        open('count', 'w').write(str(number + 1))",
    ]
    (tmp_path / "count").write_text("0")
    processes = [script(*count, cwd=tmp_path) for _ in range(4)]
    assert [process.wait(120) for process in processes] == [0] * 4
    assert (tmp_path / "count").read_text() == "200"
    assert names(tmp_path) == ["count"]


LOCKING = {  # what a system says: whether one goes on then
    errno.EAGAIN: False,
    errno.EACCES: False,
    errno.EDEADLK: False,
    errno.ENOLCK: True,
    errno.ENOSYS: True,
    errno.EOPNOTSUPP: True,
    errno.EINVAL: True,
    errno.EBADF: True,
}


@pytest.mark.parametrize("system", ["fcntl", "msvcrt"])
@pytest.mark.parametrize("code", LOCKING, ids=errno.errorcode.get)
def test_where_there_are_no_locks_one_goes_on(code, system, tmp_path, monkeypatch):
    class Module:
        LOCK_EX = LOCK_NB = LK_LOCK = LK_NBLCK = 1

        @staticmethod
        def flock(*arguments):
            raise OSError(code, os.strerror(code))

        locking = flock

    monkeypatch.setitem(sys.modules, system, Module)
    monkeypatch.setattr(sys, "platform", "win32" if system == "msvcrt" else "linux")
    if LOCKING[code]:
        with alone(tmp_path):
            pass
    else:
        with pytest.raises(OSError, match="is in use"):
            alone(tmp_path).__enter__()
    monkeypatch.setitem(sys.modules, system, None)  # as on a system that has no such module
    with alone(tmp_path):
        pass


def test_a_folder_that_cannot_be_held_is_said(tmp_path):
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(OSError, match=rf"{folder} cannot be written: (Not a directory|File exists)$"):
            alone(folder).__enter__()


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "it is nested too deeply"),
        ('{"a":' * 100_000, "it is nested too deeply"),
        ("[NaN]", "NaN is no number of JSON"),
        ("[1, -Infinity]", "-Infinity is no number of JSON"),
        ("[1", "Expecting"),
    ],
    ids=lambda text: text[:12],
)
def test_what_is_no_json_is_a_value_error(text, words):
    with pytest.raises(ValueError, match=words):
        parse_json(text)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_that_leaves_the_block_lets_nobody_in(tmp_path):
    with ExitStack() as held:
        held.enter_context(alone(tmp_path))
        child = os.fork()
        if child == 0:
            try:
                held.close()
            finally:
                os._exit(0)
        os.waitpid(child, 0)
        assert names(tmp_path) == [".lock"]
        with pytest.raises(OSError, match="is in use"):
            alone(tmp_path).__enter__()
    assert names(tmp_path) == []

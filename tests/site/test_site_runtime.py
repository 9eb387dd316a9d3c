"""What the site needs to run Python in a browser, tried without one: files, wheel, late packages, cells, the server."""

import hashlib
import http.client
import importlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

import npconv
from npconv.site.cells import MOST, Cells
from npconv.site.later import CORE, LOCK, Later, needed
from npconv.site.runtime import add_runtime, check_pyodide, is_address, settings, wheel
from npconv.site.serve import HEADERS, HOST, server

PACKAGE = Path(npconv.__file__).parent


def packed(files: dict[str, str]) -> bytes:
    with zipfile.ZipFile(buffer := io.BytesIO(), "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return buffer.getvalue()


WHEELS = {  # by package: what depends on what, and what each brings
    "numpy": ([], packed({"planted_numpy.py": ""})),
    "python-dateutil": ([], packed({"planted_dates.py": "DAYS = 7"})),
    "matplotlib": (["numpy", "python_dateutil"], packed({"planted_plots/__init__.py": "import planted_dates"})),
}
MODULES = {"numpy": "planted_numpy", "python-dateutil": "planted_dates", "matplotlib": "planted_plots"}
LOCKED = {
    name: {
        "depends": depends, "imports": [MODULES[name]], "file_name": f"{name}.whl",
        "sha256": hashlib.sha256(content).hexdigest(),
    }
    for name, (depends, content) in WHEELS.items()
}  # fmt: skip


@pytest.fixture
def pyodide(tmp_path) -> Path:
    folder = tmp_path / "pyodide"
    folder.mkdir()
    for name in CORE:
        (folder / name).write_text(name)
    (folder / LOCK).write_text(json.dumps({"info": {"python": "3.14.0"}, "packages": LOCKED}))
    for name, (_, content) in WHEELS.items():
        (folder / f"{name}.whl").write_bytes(content)
    (folder / "beside.whl").write_text("which no page needs")
    return folder


def test_a_site_has_the_files_that_pages_need_and_no_others(pyodide, tmp_path):
    names = {*CORE, LOCK, *(f"{name}.whl" for name in WHEELS)}
    assert {path.name for path in check_pyodide(pyodide)} == names
    add_runtime(tmp_path / "site", pyodide)
    assert {path.name for path in (tmp_path / "site" / "_pyodide").iterdir()} == names
    assert [path.read_bytes() for path in (tmp_path / "site" / "_static").iterdir()] == [wheel()]


def test_of_an_address_a_site_has_no_files(tmp_path):
    add_runtime(tmp_path, "https://example.org/pyodide/")
    assert [path.name for path in tmp_path.iterdir()] == ["_static"]
    found = settings("https://example.org/pyodide/", "../")
    assert (found["pyodide"], found["root"]) == ("https://example.org/pyodide/", "../")
    assert settings("folder", "./")["pyodide"] == "./_pyodide/"


@pytest.mark.parametrize("name", [*CORE, LOCK, *(f"{name}.whl" for name in WHEELS)])
def test_a_missing_file_of_pyodide_is_named(pyodide, name):
    (pyodide / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing"):
        check_pyodide(pyodide)


@pytest.mark.parametrize("name", WHEELS)
def test_a_file_with_another_hash_is_named(pyodide, name):
    (pyodide / f"{name}.whl").write_bytes(WHEELS[name][1] + b"\n")
    with pytest.raises(ValueError, match=rf"{name}\.whl must be the file that .* names; its hash differs"):
        check_pyodide(pyodide)


@pytest.mark.parametrize(
    ("lock", "words"),
    [
        ("{", "must be Pyodide's lock file"),
        ("[]", "must be Pyodide's lock file"),
        (json.dumps({"info": {"python": "3.14.0"}, "packages": {}}), "numpy is missing"),
        (json.dumps({"info": {"python": "3.9.2"}, "packages": LOCKED}), r"must have Python 3\.10 or later"),
        (json.dumps({"info": {"python": "3.14.0"}, "packages": LOCKED | {"numpy": {}}}), "must be Pyodide's lock"),
    ],
)
def test_a_lock_file_that_is_none_is_refused(pyodide, lock, words):
    (pyodide / LOCK).write_text(lock)
    with pytest.raises(ValueError, match=words):
        check_pyodide(pyodide)


@pytest.mark.parametrize(
    "address", ["https://example.org/pyodide", "ftp://example.org/", "file:///pyodide/", "http:///"]
)
def test_an_address_that_a_page_cannot_load_from_is_refused(address):
    with pytest.raises(ValueError, match="pyodide must be a folder, or an address"):
        is_address(address)


def test_the_wheel_is_the_package_and_the_same_each_time(tmp_path):
    content = wheel()
    assert content == wheel()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    there = [path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    assert {name for name in inside if name.startswith("npconv/")} == {
        path.relative_to(PACKAGE.parent).as_posix() for path in there
    }
    assert all(inside[path.relative_to(PACKAGE.parent).as_posix()] == path.read_bytes() for path in there)
    record = inside[f"npconv-{npconv.__version__}.dist-info/RECORD"].decode().split()
    assert [line.split(",")[0] for line in record] == list(inside)
    zipfile.ZipFile(io.BytesIO(content)).extractall(tmp_path)
    run = [sys.executable, "-c", "import npconv; print(npconv.__file__, npconv.relu.__name__)"]
    said = subprocess.run(
        run, env=os.environ | {"PYTHONPATH": str(tmp_path)}, capture_output=True, text=True, cwd=tmp_path
    )
    assert said.stdout.split() == [str(tmp_path / "npconv" / "__init__.py"), "relu"]


def test_what_a_package_needs_comes_before_it():
    assert needed(LOCKED, "matplotlib") == ["numpy", "python-dateutil", "matplotlib"]
    with pytest.raises(ValueError, match="scipy is missing"):
        needed(LOCKED, "scipy")


@pytest.fixture
def asked(tmp_path, monkeypatch):
    """The files that imports ask for, of packages that are unpacked to a folder on the path."""
    names: list[str] = []

    def fetch(file: str) -> bytes:
        names.append(file)
        return WHEELS[file.removesuffix(".whl")][1]

    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Later(LOCKED, fetch, str(tmp_path))])
    yield names
    for name in MODULES.values():
        sys.modules.pop(name, None)


def test_a_package_is_loaded_when_it_is_first_imported(asked):
    with pytest.raises(ModuleNotFoundError):
        importlib.import_module("planted_nothing")
    assert asked == []
    assert importlib.import_module("planted_dates").DAYS == 7
    assert asked == ["python-dateutil.whl"]
    importlib.import_module("planted_plots")
    assert asked == ["python-dateutil.whl", "matplotlib.whl"]


def test_a_package_with_another_hash_is_not_loaded(asked, monkeypatch):
    monkeypatch.setitem(LOCKED, "matplotlib", LOCKED["matplotlib"] | {"sha256": "0" * 64})
    with pytest.raises(ImportError, match=r"matplotlib\.whl is not the file"):
        importlib.import_module("planted_plots")


class Told(Cells):
    """Cells that keep what they say."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []
        super().__init__(lambda stream, text: self.said.append((stream, text)))

    def tell(self, code: str, example: str = "") -> tuple[str, str | None, str | None]:
        """A block's output, value and error."""
        self.said.clear()
        result = json.loads(self.run(code, example))
        return "".join(text for _, text in self.said), result["value"], result["error"]


@pytest.fixture
def cells(tmp_path, monkeypatch) -> Told:
    monkeypatch.chdir(tmp_path)
    return Told()


@pytest.mark.parametrize(
    ("code", "output", "value"),
    [
        ("", "", None),
        ("x = 3", "", None),
        ("x = 3\nx + 1", "", "4"),
        ("print('a')\n'b'", "a\n", "'b'"),
        ("None", "", None),
        ("[1, 2];", "", "[1, 2]"),
        ("import numpy as np\nnp.arange(3)", "", "array([0, 1, 2])"),
        (">>> x = 2\n>>> x\n7\n>>> for i in range(x):\n...     print(i)\n", "2\n0\n1\n", None),
        (">>> int('a')\nTraceback (most recent call last):\nValueError: …\n>>> 5\n", None, None),
        ("from dataclasses import dataclass\n@dataclass\nclass Pair:\n    x: int\nPair(1)", "", "Pair(x=1)"),
        ("import pickle\nclass One: pass\nisinstance(pickle.loads(pickle.dumps(One())), One)", "", "True"),
        ("import inspect\ndef f(): return 1\ninspect.getsource(f)", "", "'def f(): return 1\\n'"),
    ],
)
def test_a_block_shows_what_a_notebooks_cell_would(cells, code, output, value):
    shown, last, error = cells.tell(code)
    assert (shown if output is not None else None, last, error) == (output, value, None)


def test_blocks_share_names_until_they_are_forgotten(cells):
    cells.tell("x = 3")
    assert cells.tell("x")[1] == "3"
    cells.forget()
    assert cells.tell("x")[2].endswith("NameError: name 'x' is not defined")
    assert sys.modules["__main__"] is not cells.main


def test_an_error_shows_the_blocks_own_lines_alone(cells):
    cells.tell("import numpy as np, npconv\ndef call(x):\n    return npconv.conv2d(x, x)")
    _, _, error = cells.tell("y = 1\ncall(np.ones((1, 2)))")
    lines = error.splitlines()
    assert [line for line in lines if line.startswith("  File")] == [
        '  File "<block 2>", line 2, in <module>', '  File "<block 1>", line 3, in call',
    ]  # fmt: skip
    assert "    return npconv.conv2d(x, x)" in lines
    assert lines[-1].startswith("ValueError: conv2d: x must")
    error = cells.tell(
        "try:\n    call(np.ones((1, 2)))\nexcept ValueError as first:\n    raise KeyError('k') from first"
    )[2]
    assert PACKAGE.name + "/" not in error
    assert error.count("File") == 3


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("x = (", "SyntaxError: '(' was never closed"),
        ("raise KeyboardInterrupt", "Stopped."),
        ("exit_with = 3\nraise SystemExit(exit_with)", "The code has ended itself with exit()."),
        (">>> 1\n>>> 1 / 0\n", "ZeroDivisionError: division by zero"),
        ("def f(n):\n    return f(n + 1)\nf(0)", "RecursionError: maximum recursion depth exceeded"),
    ],
)
def test_an_error_is_told_in_its_last_line(cells, code, error):
    last = cells.tell(code)[2].splitlines()[-1]
    assert last.startswith(error)


def test_long_output_is_cut(cells):
    output, value, _ = cells.tell("for i in range(9000):\n    print(i)\n'v' * 30000")
    assert MOST < len(output) < MOST + 100
    assert output.endswith(f"… cut after {MOST:,} characters\n")
    assert MOST < len(value) < MOST + 100
    assert cells.tell("print('again')")[0] == "again\n"
    assert len(cells.tell("raise ValueError('e' * 30000)")[2]) < MOST + 100


def test_output_says_its_stream(cells):
    cells.tell("import sys\nprint(1)\nprint(2, file=sys.stderr)")
    assert cells.said == [("stdout", "1"), ("stdout", "\n"), ("stderr", "2"), ("stderr", "\n")]


@pytest.mark.parametrize(
    ("example", "code", "output"),
    [
        ("npconv.relu", "relu(np.array([-1.0, 2.0]))", "array([0., 2.])\n"),
        ("npconv.layers.Conv2D.forward", "Conv2D", "<class 'npconv.layers.convolution.Conv2D'>\n"),
        ("npconv.course.steps.Panel.entry", "Panel.entry.__class__", "<class 'property'>\n"),
        ("npconv.figures.gradient_flow", "len(UNTRAINED) > 0", "True\n"),
        ("npconv.text", "table_lines.__module__", "'npconv.text'\n"),
    ],
)
def test_an_example_of_a_docstring_has_the_names_that_it_is_written_for(cells, example, code, output):
    assert cells.tell(f">>> {code}", example) == (output, None, None)
    assert cells.tell("relu")[2].endswith("NameError: name 'relu' is not defined")


def test_an_example_that_needs_a_library_that_is_not_there_says_so(cells, monkeypatch):
    monkeypatch.setitem(sys.modules, "hypothesis", None)
    monkeypatch.delitem(sys.modules, "npconv.checks.strategies", raising=False)
    assert "hypothesis" in cells.tell(">>> 1", "npconv.checks.strategies.convolutions")[2].splitlines()[-1]


def test_figures_are_the_value_those_of_pyplot_and_those_written(cells):
    pytest.importorskip("matplotlib").use("Agg")
    shown = json.loads(cells.run("from npconv.figures import standard_convolution\nstandard_convolution()"))
    (figure,) = shown["figures"]
    assert shown["value"] is None
    assert figure["source"].startswith("data:image/svg+xml;base64,")
    assert figure["alt"].startswith("An input volume of 7×7×3")
    code = "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.title('A line')\nplt.savefig('line.png')"
    drawn, written = json.loads(cells.run(code))["figures"]
    assert (drawn["alt"], written["alt"]) == (
        "The block's figure: A line",
        "The picture that the block wrote to line.png",
    )
    assert {each["source"][:22] for each in (drawn, written)} == {"data:image/png;base64,"}
    assert json.loads(cells.run("1"))["figures"] == []
    code = "from npconv.figures import write_figures\nwritten = write_figures([standard_convolution()], 'new')"
    assert [each["alt"] for each in json.loads(cells.run(code))["figures"]] == [figure["alt"]]


def test_the_server_gives_types_and_headers_and_no_list_of_files(tmp_path):
    for name in ("index.html", "a.mjs", "a.js", "a.wasm", "a.whl", "folder/a.txt"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    with server(tmp_path) as made:
        threading.Thread(target=made.serve_forever, args=(0.01,), daemon=True).start()
        connection = http.client.HTTPConnection(HOST, made.server_port, timeout=10)
        found = {}
        for name in ("", "a.mjs", "a.js", "a.wasm", "folder/", "nothing"):
            connection.request("GET", f"/{name}")
            answer = connection.getresponse()
            answer.read()
            found[name] = (answer.status, answer.getheader("Content-Type"))
            assert {key: answer.getheader(key) for key in HEADERS} == HEADERS
        connection.close()
        made.shutdown()
    assert made.server_address[0] == "127.0.0.1"
    assert [found[name] for name in ("", "a.mjs", "a.js", "a.wasm")] == [
        (200, "text/html"), (200, "text/javascript"), (200, "text/javascript"), (200, "application/wasm"),
    ]  # fmt: skip
    assert [found[name][0] for name in ("folder/", "nothing")] == [404, 404]


def test_a_folder_or_a_port_that_cannot_be_served_is_said(tmp_path):
    with pytest.raises(NotADirectoryError, match="nothing is no folder"):
        server(tmp_path / "nothing")
    with server(tmp_path) as made, pytest.raises(OSError, match=f"port {made.server_port} of 127.0.0.1 can't be used"):
        server(tmp_path, port=made.server_port)


@pytest.mark.skipif(os.name != "posix", reason="a signal")
def test_a_site_that_is_there_is_served_until_ctrl_c(tmp_path):
    (tmp_path / "objects.inv").write_text("the mark of a site")
    command = [sys.executable, "-m", "npconv", "site", "--out", str(tmp_path), "--serve"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        told, line = process.stdout.readline(), process.stdout.readline()
        try:
            address, port = line.split("http://")[1].split("/")[0].split(":")
            connection = http.client.HTTPConnection(address, int(port), timeout=10)
            connection.request("GET", "/objects.inv")
            assert connection.getresponse().read() == b"the mark of a site"
            connection.close()
            process.send_signal(signal.SIGINT)
            output, error = process.communicate(timeout=30)
        finally:
            process.kill()
    assert (process.returncode, output, error) == (130, "", "npconv site: stopped\n")
    assert told == "the site that is there is served as it is; with --pyodide it is built again\n"
    assert line.startswith(f"serving {tmp_path} at http://127.0.0.1:")

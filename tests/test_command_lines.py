"""Every option of every command, tried with what it can't take: one line in the user's words, and never a traceback."""

import argparse
import dataclasses
import io
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import nullcontext
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from undrawn import undrawn

from npconv import bench, claims, cli, models, training
from npconv.cli import cost_counters, cost_file, figures, reproduce, shared, site, step
from npconv.files import as_npz
from npconv.site import build, serve
from npconv.training import detection_heads, fig07, segmentation_heads, v3_blocks

LINES = {  # of each command, one that runs within a moment: what it takes by position, and its options
    "reproduce": ([], "--out made"),
    "figures": (["standard-convolution"], "--out made"),
    "cost layer": ([], "--input 7 7 3 --out-channels 8"),
    "cost ratio": ([], "--kernel 3 --out-channels 8 16"),
    "cost mobilenet_v2": ([], "--width 0.1 --classes 3"),
    "cost mobilenet_v1": ([], "--width 0.1 --classes 3"),
    "cost mobilenet_v3": ([], "--width 0.1 --classes 3 --size small --hidden-channels 5"),
    "cost ssdlite": ([], "--width 0.1 --classes 3 --resolution 64"),
    "cost lr_aspp": ([], "--width 0.1 --classes 3 --resolution 64 --filters 5 --low block_4"),
    "cost deeplab_v3": ([], "--width 0.1 --classes 3 --resolution 64 --filters 5 --rates 2"),
    "cost network": (["net.py:net"], "--input 5 4 3"),
    "explain": (["conv2d"], "--at 0,0,0,1"),
    "predict": (["picture.png"], "--weights weights.npz --resolution 32"),
    "detect": (["picture.png"], "--model detector.npz --resolution 16 --out made.png"),
    "segment": (["picture.png"], "--model segmenter.npz --resolution 16 --out made.png --mask mask.png"),
    "train": ([], "--data mine.npz --steps 1 --batch-size 4 --width 0.25 --out made"),
    "train digits": ([], "--steps 1 --batch-size 4 --width 0.25 --out made"),
    "train scattered-digits": ([], "--steps 1 --batch-size 4 --width 0.25 --out made"),
    "train ssdlite": ([], "--data boxes.npz --steps 1 --batch-size 1 --width 0.25 --out made"),
    "train lr_aspp": ([], "--data masks.npz --steps 1 --batch-size 1 --width 0.25 --out made"),
    "train deeplab": ([], "--data masks.npz --steps 1 --batch-size 1 --width 0.25 --out made"),
    "train both": ([], "--data both.npz --steps 1 --batch-size 1 --width 0.25 --out made"),
    "train fig07": ([], "--quick --blocks 1 --steps 1 --seeds 0 --out made"),
    "train v3-blocks": ([], "--quick --blocks 1 --steps 1 --seeds 0 --out made"),
    "train detection-heads": ([], "--quick --steps 1 --seeds 0 --out made"),
    "train segmentation-heads": ([], "--quick --steps 1 --seeds 0 --out made"),
    "lesson": (["backward"], ""),
    "step": (["standard"], "--out made.html"),
    "exercise list": ([], ""),
    "exercise start": (["pointwise", "made"], "--variant 3 --changes 1"),
    "exercise status": (["mine"], ""),
    "grade": (["answer.py"], ""),
    "site": ([], "--out made"),
    "vectors": ([], "--op pointwise_conv2d --count 1 --out made.npz"),
    "bench": ([], "--rounds 1 --batch 1"),
}
TIMES = {
    what: {name: {"ratio": 1, "quartiles": [1, 1]} for name in detection_heads.VARIANTS}
    for what in ("step", "inference")
}
WORDS = {
    "names",
    "name",
    "operation",
    "op",
    "of",
    "exercise",
    "classifier",
    "first",
    "low",
}  # what takes a word, which the command looks up
NUMBERS = ("nan", "inf", "-inf", "-1", "0", "1.5", str(10**30), "9" * 5000, "1e999", "", "²", "x", "1\n2")
PATHS = ("", "here", "file.txt/below", "file.txt/further/below", "null\0", "x" * 300)
NOT_THE_USERS = re.compile(
    r"(?<!-)\bkernel must|read_task|NoneType|invalid literal|object|Traceback|Errno|argument |: \w+_\w+: "
    r"|: [A-Z]\w+[A-Z]\w+: "
)


def commands(parser, words=()):
    """Each command with its subcommand, and its parser."""
    subcommands = [action for action in parser._actions if isinstance(action, argparse._SubParsersAction)]
    for action in subcommands:
        for name, command in action.choices.items():
            yield from commands(command, (*words, name))
    if not any(action.required for action in subcommands):
        yield " ".join(words), parser


PARSER = cli.parser()
FILES = {"weights.npz": as_npz(models.export_weights(models.mobilenet_v1(0.1, 3)))}
X, Y = np.random.default_rng(0).integers(100, size=(12, 8, 8, 1)).astype(np.uint8), np.arange(12) % 3
FILES["mine.npz"] = as_npz({"x_train": X, "y_train": Y, "x_test": X, "y_test": Y})
BOXES = {"x": X[:1], "boxes": np.array([[1, 1, 6, 5]]), "labels": np.array([1]), "images": np.array([0])}
ARRAYS = BOXES | {"masks": np.arange(64).reshape(1, 8, 8) % 2}
for file, names in {"boxes": list(BOXES), "masks": ["x", "masks"], "both": list(ARRAYS)}.items():
    both = {f"{name}_{part}": ARRAYS[name] for part in ("train", "test") for name in names}
    FILES[f"{file}.npz"] = as_npz(both)
Image.new("RGB", (40, 30)).save(picture := io.BytesIO(), "png")
with tempfile.TemporaryDirectory() as folder:
    rows = ((1, 8, 1, 1), (2, 8, 1, 2))
    backbone = models.mobilenet_v2(1.0, 3, rows=rows, stem_channels=8, last_channels=8)
    models.ssdlite(backbone, 3, extras=()).save(f"{folder}/detector.npz")
    models.lr_aspp(backbone, 3, 8, low="block_1").save(f"{folder}/segmenter.npz")
    for name in ("detector.npz", "segmenter.npz"):
        FILES[name] = Path(folder, name).read_bytes()
FILES["net.py"] = b"from npconv.layers import PointwiseConv2D\nnet = PointwiseConv2D(3, 2)\n"
FILES["picture.png"] = picture.getvalue()
DRAW = figures.draw
COMMANDS = dict(commands(PARSER))
OPTIONS = [
    pytest.param(command, action, id=f"{command} {action.dest}")
    for command, parser in COMMANDS.items()
    for action in parser._actions
    if action.nargs != 0 and not isinstance(action, argparse._SubParsersAction)
]


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    """Commands that take a moment, in a folder with a file of images, an exercise, and what is in the way."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: 1, raising=False)  # root is warned
    monkeypatch.setattr(cli, "parser", lambda: PARSER)
    (tmp_path / "here").mkdir()
    (tmp_path / "file.txt").touch()
    (tmp_path / "mine").mkdir()
    for answer in (tmp_path / "answer.py", tmp_path / "mine" / "answer.py"):
        answer.write_text("# npconv exercise: costs\n# npconv variant: none\n", encoding="utf-8")
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.setattr(training, "digits", lambda: training.read_task("mine.npz"))
    monkeypatch.setattr(training, "scattered_digits", training.digits)
    tiny = {"channels": 1, "expansion": 2, "batch_size": 4, "train_images": 8, "test_images": 4}
    for experiment in (fig07, v3_blocks):
        monkeypatch.setattr(experiment, "QUICK", dataclasses.replace(experiment.QUICK, **tiny))
    for experiment in (detection_heads, segmentation_heads):
        few = dataclasses.replace(experiment.QUICK, batch_size=1, train_images=1, test_images=1)
        monkeypatch.setattr(experiment, "QUICK", few)
    monkeypatch.setattr(detection_heads.experiment, "measure_times", lambda settings, rounds: TIMES)
    monkeypatch.setattr(claims, "CLAIMS", claims.CLAIMS[:2])
    for module in (figures, reproduce):
        monkeypatch.setattr(module, "draw", lambda folder, *rest: [folder / "ᵣ.svg"])
    for name in ("LAYERS", "SEPARABLE_LAYERS", "BLOCKS"):
        monkeypatch.setattr(bench, name, ())
    monkeypatch.setattr(build, "build_site", lambda out, *, pyodide: None)
    monkeypatch.setattr(serve, "serve", lambda folder, *, port: None)
    monkeypatch.setattr(bench, "machine", dict)
    monkeypatch.setattr(bench, "as_json", lambda **measured: "{}")
    monkeypatch.setattr(bench, "measure_inference", lambda batch, network, rounds: [])
    monkeypatch.setattr(bench, "measure_network", lambda rounds: [])
    monkeypatch.setattr(bench, "measure_detector", lambda rounds: [])
    monkeypatch.setattr(bench, "measure_multi_task", lambda rounds: [])


def line(command, *last):
    by_position, options = LINES[command]
    return [*command.split(), *by_position, *options.split(), *last]


def tried(command, action, text):
    """The command's line with this text for one of its options; the last time that an option stands is what counts."""
    if action.nargs == "?" and action.option_strings:  # whose value may be left out
        return line(command, f"{action.option_strings[0]}={text}")
    if action.option_strings:
        return line(command, action.option_strings[0], *[text] * (action.nargs if isinstance(action.nargs, int) else 1))
    by_position, options = LINES[command]
    place = [each.dest for each in COMMANDS[command]._actions if not each.option_strings].index(action.dest)
    return [*command.split(), *by_position[:place], text, *by_position[place + 1 :], *options.split()]


def check(words, command, capsys):
    """Run a line: its status, and its error, which is one line that begins with the command, once."""
    with undrawn() if command.startswith("cost") else nullcontext():  # a cost is of shapes alone
        status = cli.main(words)
    error = capsys.readouterr().err
    assert status in (0, 1, 2)
    assert not NOT_THE_USERS.search(error), error
    if status == 2:
        assert error.startswith(f"npconv {command}: "), error
        assert (error.count("npconv"), error.count("\n")) == (1, 1), error
    return status, error


def takes(action, text):
    try:
        return action.type(text) is not None
    except argparse.ArgumentTypeError:
        return False


def test_the_types_take_what_they_say():
    taken = {"": (False, False), "here": (False, True), "new/one": (True, True), "file.txt": (True, False)}
    for text, each in (taken | {"file.txt/below": (False, False), "null\0": (False, False)}).items():
        assert tuple(takes(argparse.Namespace(type=of), text) for of in (shared.File(), shared.Folder())) == each
    bounds = [shared.Real(0, 1), shared.Real(0, 1, "least"), shared.Real(0, 1, "most"), shared.Whole(0, 1)]
    for text, each in {
        "0": (1, 0, 1, 1),
        "1": (1, 1, 0, 1),
        "0.5": (1, 1, 1, 0),
        "nan": (0,) * 4,
        "2": (0,) * 4,
    }.items():
        assert tuple(takes(argparse.Namespace(type=of), text) for of in bounds) == each


def test_every_command_has_a_line():
    assert set(LINES) == set(COMMANDS)


@pytest.mark.parametrize("command", LINES)
def test_the_line_runs(command, capsys):
    status, _ = check(line(command), command, capsys)
    assert status == (command == "grade")


@pytest.mark.parametrize(("command", "action"), OPTIONS)
def test_every_option_has_bounds_or_choices_or_is_a_word(command, action):
    kinds = (shared.Whole, shared.Real, shared.File, shared.Folder)
    own = (
        shared.padding_word,
        shared.index,
        cost_counters.stated,
        cost_file.place,
        step.numbers,
        site.folder_or_address,
    )
    assert isinstance(action.type, kinds) or action.type in own or action.choices or action.dest in WORDS


@pytest.mark.parametrize(("command", "action"), OPTIONS)
def test_what_an_option_cannot_take_is_said(command, action, capsys):
    name = (action.option_strings or [action.metavar])[-1]
    if isinstance(action.type, shared.File | shared.Folder):
        texts = PATHS
    elif action.type and not action.choices:
        texts = NUMBERS
        if isinstance(action.type, shared.Whole):
            texts += (str(action.type.least - 1), str(action.type.most + 1))
    else:
        texts = ("nosuch", "", "²", "a\nb")
    for text in texts:
        status, error = check(tried(command, action, text), command, capsys)
        if action.type and not takes(action, text):
            assert (status, name in error) == (2, True), (text, error)


@pytest.mark.parametrize(
    ("command", "action"),
    [each for each in OPTIONS if each.values[0].startswith(("cost", "explain", "figures", "step"))],
)
def test_the_most_that_an_option_takes_is_said_or_done(command, action, capsys):
    for text in {str(getattr(action.type, end, 1_000_000)) for end in ("least", "most")}:
        check(tried(command, action, text), command, capsys)


@pytest.mark.parametrize(
    "words",
    [
        "explain conv2d --at 0,0,0,0 --input 1000000 1000000 1 --stride 1000000",
        "explain conv2d --at 0,0,0,0 --padding 1000000 --stride 1000000",
        "explain conv2d --at 0,0,0,0 --padding same --kernel 2 --dilation 1000000",
        "explain depthwise_conv2d --at 0,0,0,0 --depth-multiplier 1000000",
        "cost ratio --plot made.svg --kernel 1000000",
        "cost ratio --plot made.svg --out-channels 1 1000000 --kernel 1",
        "cost ratio --plot made.svg --kernel 1 2 3 4 5",
        "cost ratio --plot made.svg --out-channels 8",
        "cost layer --input 1000000 1000000 1000000 --out-channels 1000000 --batch 1000000",
        "cost layer --input 7 7 8 --out-channels 8 --expansion 6 --padding 2",
        "cost network net.py:net",
        "cost network net.py:net --input 5 4 3 --resolution 8",
        "cost network net.py:net --input 5 4 3 --by kind --as fvcore",
        "cost network net.py:nosuch --input 5 4 3",
        "cost network net.py --input 5 4 3",
        "cost network here.py:net --input 5 4 3",
        "cost network weights.npz",
        "step standard --out made.html --input 24 24 16 --padding same",
        "step standard --out made.html --dilation 1000000 --padding same",
        "explain grouped_conv2d --at 0,0,0,0 --input 4 4 6 --groups 4",
        "figures --list nosuch",
        "train --data /dev/zero",
        "train ssdlite --data /dev/zero",
        "train ssdlite --data mine.npz",
        "train lr_aspp --data boxes.npz",
        "train both --data masks.npz",
        "train deeplab --width 0.5",
        "train ssdlite --width 0.5",
        "grade /dev/zero",
        "grade --self-test answer.py",
        "grade answer.py --exercise pointwise",
        "grade here answer.py --exercise nosuch",
        "grade here",
        "grade --self-test --csv",
        "exercise start costs --changes 2",
        "exercise status nosuch",
        "lesson --list backward",
    ],
)
def test_what_options_cannot_be_together_is_said(words, capsys):
    command = max((each for each in LINES if words.startswith(f"{each} ")), key=len)
    status, error = check(words.split(), command, capsys)
    assert (status, "memory" in error) == (2, False)


RECORDS = [
    b"[]",
    b"{}",
    b"[" * 100_000,
    b"\xff",
    b'{"figures": [1]}',
    b'{"figures": {"a": 3}}',
    b'{"settings": 3}',
    b"3",
]


@pytest.mark.parametrize("content", RECORDS, ids=lambda content: str(content[:20]))
@pytest.mark.parametrize(("command", "file"), [("figures", "manifest.json"), ("train fig07", "linear-0.json"),
                                               ("train v3-blocks", "both-0.json"),
                                               ("train detection-heads", "full-0.json"),
                                               ("train segmentation-heads", "skip-0.json")])  # fmt: skip
def test_a_record_that_is_none_is_said(command, file, content, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(figures, "draw", DRAW)
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / file).write_bytes(content)
    status, error = check(line(command), command, capsys)
    assert (status, f"{file} is no " in error) == (2, True)


@pytest.mark.parametrize("command", LINES)
def test_what_is_unknown_is_said(command, capsys):
    for words in (["--nosuch"], ["--nosuch", "3"]):
        assert check(line(command, *words), command, capsys)[0] == 2


def test_a_command_that_is_none_is_said(capsys):
    for words in ([], ["nosuch"], ["--nosuch"], [""]):
        assert cli.main(words) == 2
        error = capsys.readouterr().err
        assert error.startswith("npconv: ")
        assert error.count("\n") == 1


class Pressed(io.StringIO):
    """A standard output during whose first line Ctrl-C is pressed."""

    def write(self, text):
        if not self.tell():
            super().write(text)
            signal.raise_signal(signal.SIGINT)
        return super().write(text)


@pytest.mark.parametrize(("presses", "status"), [(1, 130), (0, None)])
def test_ctrl_c_is_heard_where_a_module_makes_another_error_of_it(presses, status, capsys, monkeypatch):
    def prove():
        try:
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            pass
        raise ImportError("a compiled module failed to load")

    monkeypatch.setattr(reproduce, "_prove", prove)
    with nullcontext() if presses else pytest.raises(ImportError):
        assert cli.main(["reproduce", "--prove"]) == status
    assert capsys.readouterr().err == "npconv reproduce: stopped\n" * presses
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.parametrize("command", LINES)
def test_ctrl_c_ends_a_command_in_one_line(command, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", Pressed())
    assert cli.main(line(command)) == 130
    error = capsys.readouterr().err.splitlines()
    assert error[-1].startswith(f"npconv {command}: stopped")
    assert not any("npconv" in each for each in error[:-1])


@pytest.mark.parametrize(
    ("command", "encoding"), [*((command, "ascii") for command in LINES), ("lesson", "cp1252"), ("explain", "cp1252")]
)
def test_letters_that_an_encoding_lacks_are_replaced(command, encoding, monkeypatch):
    streams = {name: io.TextIOWrapper(io.BytesIO(), encoding) for name in ("stdout", "stderr")}
    for name, stream in streams.items():
        monkeypatch.setattr(sys, name, stream)
    assert cli.main(line(command)) == (command == "grade")
    assert cli.main([*command.split(), "--help"]) == 0
    assert cli.main(line(command, "--nosuchᵣ")) == 2
    assert b"unrecognized arguments: --nosuch?" in streams["stderr"].buffer.getvalue()


@pytest.mark.parametrize("error", [ValueError, OSError, MemoryError, OverflowError, RecursionError, ZeroDivisionError])
def test_errors_of_numbers_and_memory_are_one_line(error, capsys, monkeypatch):
    def fail(name):
        raise error("conv2d: x is too large")

    monkeypatch.setattr("npconv.course.lessons.lesson_text", fail)
    assert check(["lesson", "backward"], "lesson", capsys)[0] == 2


@pytest.mark.parametrize("error", [TypeError, KeyError, AttributeError, IndexError, RuntimeError, AssertionError])
def test_a_mistake_of_npconv_is_not_hidden(error, monkeypatch):
    def fail(name):
        raise error

    monkeypatch.setattr("npconv.course.lessons.lesson_text", fail)
    with pytest.raises(error):
        cli.main(["lesson", "backward"])


def test_only_streams_that_are_closed_are_replaced(monkeypatch):
    for name in ("stdin", "stdout", "stderr"):
        monkeypatch.setattr(sys, name, None)
    assert cli.main(["lesson", "nosuch"]) == 2
    assert [sys.stdin.name, sys.stdout.name, sys.stderr.name] == [os.devnull] * 3
    for stream in (sys.stdin, sys.stdout, sys.stderr):
        stream.close()


def run(shell, **environment):
    """A line for the shell, in which npconv stands for the command: its status, what it printed, and its error."""
    environment = os.environ | {"PYTHONUNBUFFERED": ""} | environment  # what is printed is written at the end
    shell = re.sub(r"\bnpconv\b", f'"{sys.executable}" -m npconv', shell, count=1)
    done = subprocess.run(["sh", "-c", shell], capture_output=True, env=environment, timeout=120)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.skipif(os.name != "posix", reason="a shell that closes streams")
@pytest.mark.parametrize(
    ("shell", "status", "error"),
    [
        ("npconv cost layer --input 7 7 3 --out-channels 8 >&-", 0, b""),
        ("npconv cost layer --input 7 7 3 2>&-", 2, b""),
        ("npconv exercise start pointwise <&- >&- 2>&-", 0, b""),
        ("npconv grade answer.py <&- >&- 2>&-", 1, b""),
        ("npconv cost layer --input 7 7 3 >/dev/full 2>/dev/full", 2, b""),
        ("npconv --help > /dev/full", 0, b""),
        ("npconv lesson --list > /dev/full", 2, b"npconv lesson: No space left on device\n"),
    ],
)  # fmt: skip
def test_closed_and_full_streams(shell, status, error):
    if "/dev/full" in shell and not os.path.exists("/dev/full"):
        pytest.skip("there is no /dev/full")
    assert run(shell) == (status, b"", error)


@pytest.mark.skipif(os.name != "posix", reason="a shell that sets an environment")
def test_a_process_degrades_what_its_terminal_cannot_show():
    status, printed, error = run("npconv lesson network", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert (status, error) == (0, b"")
    assert printed.isascii()
    assert b"?" in printed


SAYS_WHEN_PARSED = """
import os
import sys
from npconv import cli

os.geteuid = lambda: 1  # root is warned
parse = cli.Parser.parse_known_args

def parse_and_say(parser, *words):
    parsed = parse(parser, *words)
    if parser.prog == "npconv":  # not a command's own, which it calls
        print(end=">", flush=True)
    return parsed

cli.Parser.parse_known_args = parse_and_say
sys.exit(cli.main(sys.argv[1:]))
"""


@pytest.mark.skipif(os.name != "posix", reason="signals to a group of processes")
@pytest.mark.parametrize("words", ["reproduce --out made", "bench --json", "grade endless.py --seconds 60"])
def test_ctrl_c_in_a_terminal_ends_a_process_in_one_line(words, tmp_path):
    (tmp_path / "endless.py").write_text("# npconv exercise: costs\n# npconv variant: none\nwhile True: pass\n")
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-c", SAYS_WHEN_PARSED, *words.split()], **pipes) as process:
        assert process.stdout.read(1) == b">"
        time.sleep(1)
        os.killpg(process.pid, signal.SIGINT)
        try:
            error = process.communicate(timeout=60)[1]
        finally:
            process.kill()
    assert (process.returncode, error) == (130, f"npconv {words.split()[0]}: stopped\n".encode())

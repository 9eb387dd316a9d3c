"""`npconv cost FILE.py:NAME` and `npconv cost FILE.npz`, as a user calls them."""

import json
import sys

import pytest
from undrawn import undrawn

from npconv import cli
from npconv.layers import Dense
from npconv.models import (
    count_as,
    deeplab_v3,
    kernel_weights,
    lr_aspp,
    mobilenet_v1,
    mobilenet_v2,
    mobilenet_v3,
    multi_task,
    ssdlite,
    summary,
)

NET = """
import dataclasses
from npconv.layers import Conv2D, Dense, GlobalAveragePool, InvertedResidual, Sequential
from npconv.models import lr_aspp, mobilenet_v2, multi_task, ssdlite
import beside

@dataclasses.dataclass
class Settings:
    channels: int = 8

print("this file is run")
network = Sequential({"stem": Conv2D(3, 8, stride=2), "block": InvertedResidual(8, 8), "pool": GlobalAveragePool(),
                      "classifier": Dense(8, beside.CLASSES)})
_hidden = Dense(3, 2)
flat = Dense(7, 5)
answer = 42

def v2():
    import colorsys  # this folder's, and not Python's
    return mobilenet_v2(0.35, colorsys.CLASSES)

def of_width(width):
    return mobilenet_v2(width)

def both(classes=4):
    backbone = mobilenet_v2(0.35, 5, output_stride=16)
    return multi_task(ssdlite(backbone, 3), lr_aspp(backbone, classes, 8))

def fails():
    return _deeper()

def _deeper():
    return [][1]

class Own(Sequential):
    def __init__(self):
        super().__init__(Conv2D(2, 3))

    def cost(self, input_shape):
        return super().cost(input_shape[0])

if __name__ == "__main__":
    raise SystemExit("it trains for an hour")
"""
FUNCTION = "must be a network of npconv.layers, or a function that returns one without arguments"


@pytest.fixture(autouse=True, scope="module")
def _undrawn():
    """A cost is of shapes alone."""
    with undrawn():
        yield


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "below").mkdir()
    (tmp_path / "below" / "net.py").write_text(NET, encoding="utf-8")
    for name in ("beside", "colorsys"):
        (tmp_path / "below" / f"{name}.py").write_text("CLASSES = 10\n", encoding="utf-8")
        monkeypatch.delitem(sys.modules, name, raising=False)
    return tmp_path


def printed(words, capsys):
    before = list(sys.path), set(sys.modules)
    assert cli.main(["cost", *words.split()]) == 0
    assert (sys.path, "network_file" in sys.modules) == (before[0], False)
    return capsys.readouterr().out


def both():
    backbone = mobilenet_v2(0.35, 5, output_stride=16)
    return multi_task(ssdlite(backbone, 3), lr_aspp(backbone, 4, 8))


@pytest.mark.parametrize(
    ("name", "options", "build", "shape"),
    [
        ("flat", "--input 7", lambda: Dense(7, 5), (1, 7)),
        ("flat", "--input 7 --batch 6", lambda: Dense(7, 5), (6, 7)),
        ("v2", "", lambda: mobilenet_v2(0.35, 10), (1, 224, 224, 3)),
        ("v2", "--resolution 64 96 --batch 2", lambda: mobilenet_v2(0.35, 10), (2, 64, 96, 3)),
        ("v2", "--input 64 96 3", lambda: mobilenet_v2(0.35, 10), (1, 64, 96, 3)),
        ("both", "--resolution 64", both, (1, 64, 64, 3)),
    ],
)
def test_a_network_in_a_file_is_counted(name, options, build, shape, capsys):
    network = build()
    counted = summary(network, shape)
    for by in ("kind",) if name == "both" else ("layer", "block", "kind"):
        lines = printed(f"below/net.py:{name} {options} --by {by}", capsys)
        assert lines.startswith(f"{counted.as_text(by)}\n")
    told = json.loads(printed(f"below/net.py:{name} {options} --json", capsys))
    assert told == {"network": f"below/net.py:{name}", **json.loads(counted.as_json())} | {
        key: told[key] for key in ("memory", "parts") if key in told
    }
    assert told["macs"] == network.cost(shape).macs > 0
    assert ("parts" in told) == (name == "both")
    if name == "both":
        assert cli.main(f"cost below/net.py:both {options} --as fvcore".split()) == 2
        error = "model must have no heads, of which no counter's numbers are known; got MultiTask"
        assert capsys.readouterr().err.endswith(f"npconv cost network: {error}\n")
        return
    counts = count_as(network, shape, "fvcore")
    assert printed(f"below/net.py:{name} {options} --as fvcore", capsys) == f"{counts}\n"
    told = json.loads(printed(f"below/net.py:{name} {options} --as fvcore --json", capsys))
    assert (told["network"], told["input_shape"], told["total"]) == (f"below/net.py:{name}", list(shape), counts.total)


def test_a_sequential_is_counted_and_its_file_s_words_are_no_part_of_it(capsys):
    assert cli.main(["cost", "below/net.py:network", "--input", "32", "32", "3", "--json"]) == 0
    out, error = capsys.readouterr()
    told = json.loads(out)
    assert (error, told["output_shape"], told["macs_by_kind"]["classifier"]) == ("this file is run\n", [1, 10], 80)
    assert told["memory"]["layers"]["name"] == "block.depthwise"


@pytest.mark.parametrize(
    ("build", "parts"),
    [
        (lambda: mobilenet_v1(0.25, 5), []),
        (lambda: mobilenet_v2(0.35, 5, in_channels=1), []),
        (lambda: mobilenet_v3("small", 0.35, 5), []),
        (lambda: ssdlite(mobilenet_v2(0.35), 3), ["network", "extra layers", "heads"]),
        (lambda: lr_aspp(mobilenet_v2(0.35, output_stride=16), 4, 8), ["network", "head"]),
        (lambda: deeplab_v3(mobilenet_v2(0.35, output_stride=16), 4, filters=8), ["network", "head"]),
        (both, ["network", "extra layers", "heads", "head"]),
    ],
)
def test_a_saved_network_is_counted(build, parts, capsys):
    network = build()
    network.save("saved.npz")
    told = json.loads(printed("saved.npz --resolution 64 --json", capsys))
    *found, total = told.get("parts", [{"params": network.cost(tuple(told["input_shape"])).params}])
    assert (told["params"], total["params"]) == (sum(a.size for a in network.params.values()),) * 2
    assert [part["part"] for part in found] == parts
    for column in ("macs", "kernel_weights", "params") if parts else ():
        assert sum(part[column] for part in found) == total[column]
    if parts:
        assert (total["kernel_weights"], total["macs"]) == (kernel_weights(network), told["macs"])
    lines = printed("saved.npz --resolution 64 --by kind", capsys).splitlines()
    assert [line.split("  ")[0] for line in lines if line.startswith(tuple(parts) or "-")] == parts
    assert lines[-1].startswith("largest input and output, by blocks: ")


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("below/net.py", "below/net.py needs a name, as in FILE.py:NAME; it has network, flat, v2, both, fails, Own"),
        ("below/net.py:nosuch", "below/net.py has no nosuch; it has network, flat, v2, both, fails, Own"),
        ("below/beside.py:network", "below/beside.py has no network; it has no network, nor a function that returns "),
        ("below/net.py:answer", f"below/net.py: answer {FUNCTION}; got int"),
        ("below/net.py:Settings", f"below/net.py: Settings {FUNCTION}; got network_file.Settings"),
        ("below/net.py:of_width", f"below/net.py: of_width {FUNCTION}; got one that takes (width)"),
        ("below/net.py:network", "below/net.py:network needs --input HEIGHT WIDTH M"),
        ("below/net.py:network --resolution 32", "--resolution is for MobileNets; below/net.py:network needs --input"),
        ("below/net.py:network --input 32 32 3 --resolution 32", "--input and --resolution exclude each other"),
        ("below/net.py:v2 --by kind --as fvcore", "--by and --as exclude each other; give one"),
        ("below/net.py:network --input 32 32 4", "kernel must be (Dᵣ, Dᵣ, M, N) with M = 4 as in x; got x (1, 32, 32"),
        ("below/net.py:fails", "below/net.py, line {fails}: IndexError: list index out of range"),
        ("below/net.py:Own --input 8 8 2", "below/net.py, line {own}: TypeError: "),
        ("broken.py:network", "broken.py, line 3: '(' was never closed"),
        ("ends.py:network", "ends.py, line 2: SystemExit: 3"),
        ("imports.py:network", "imports.py, line 1: ModuleNotFoundError: No module named 'no_such_library'"),
        ("nosuch.py:network", "nosuch.py: No such file or directory"),
        ("nosuch.npz", "nosuch.npz: No such file or directory"),
        ("empty.npz", "empty.npz is no .npz file of plain arrays: "),
        ("below", "WHAT must be one of 'layer', 'ratio', "),
        ("./below", "FILE must be FILE.py:NAME, or FILE.npz of a saved network; got ./below"),
        ("net.onnx", "FILE must be FILE.py:NAME, or FILE.npz of a saved network; got net.onnx"),
    ],
)
def test_what_is_wrong_is_one_line(words, error, folder, capsys):
    files = {"broken": "a = 1\n\nb = (\n", "ends": "import sys\nsys.exit(3)\n", "imports": "import no_such_library\n"}
    for name, text in files.items():
        (folder / f"{name}.py").write_text(text, encoding="utf-8")
    (folder / "empty.npz").touch()
    fails, own = (
        next(number for number, line in enumerate(NET.split("\n"), 1) if word in line)
        for word in ("[][1]", "input_shape[0]")
    )
    error = error.format(fails=fails, own=own)
    assert cli.main(["cost", *words.split()]) == 2
    *before, last = capsys.readouterr().err.splitlines()
    assert before in ([], ["this file is run"])
    command = "cost" if "WHAT" in error else "cost network"
    assert last.startswith(f"npconv {command}: {error}")


def test_other_words_behind_cost_stay_as_they_are(capsys):
    for words in (["cost", "layer", "--input", "7", "7", "3"], ["cost"], [], ["cost", "--help"], ["lesson", "a.py"]):
        assert cli.cost_file.spelled_out(words) is words
    assert cli.main(["cost", "--help"]) == 0
    assert "`npconv cost FILE` is the same" in " ".join(capsys.readouterr().out.split())
    assert cli.main(["cost", "network", "--help"]) == 0
    assert "FILE.py is run" in " ".join(capsys.readouterr().out.split())
